"""Delivery (floor 6): a letter goes out as a file in a folder, or by e-mail.

A letter may have to be delivered again: whoever delivered it can die before that is on record. So a
letter has an identity, and repeating it adds nothing: a file of that name is there already, and an
e-mail has the same Message-ID, by which mail systems know it again.
"""

from __future__ import annotations

import os
import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from email.charset import BASE64, Charset
from email.header import Header
from email.message import Message
from email.policy import compat32
from email.utils import format_datetime
from hashlib import sha256
from pathlib import Path
from typing import Protocol
from unicodedata import category
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit
from uuid import uuid4

from .clock import read_instant
from .errors import NOTHING, Invalid, Refusal, Text, say

PATIENCE = 30
"""Seconds that a mail server may take for each of its answers."""

LONGEST_WAIT = timedelta(hours=6)
"""Between two tries of a letter."""

_NOBODY = "lianban@localhost"
"""Who writes the letters that become files; RFC 5322 wants an address."""

# What HTML calls a valid e-mail address: less than RFC 5321 allows, and all that is in use. No blank,
# bracket or line break gets through to the server.
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")

_UTF8 = Charset("utf-8")
_UTF8.header_encoding = _UTF8.body_encoding = BASE64


@dataclass(frozen=True, slots=True)
class Letter:
    """A message that is ready to go."""

    id: str
    """Unique and stable, e.g. `CASE.SEQ.UNIT`: the same letter always has the same."""
    to: tuple[str, ...]
    """E-mail addresses; may be empty."""
    to_names: tuple[str, ...]
    """The names of the addressees. If there are as many as addresses, they belong to each other."""
    subject: str
    body: str
    """Plain text."""
    at: str
    """The instant of the event it tells of."""


class Undeliverable(Refusal):
    """The letter did not go out. `permanent` if trying again will fail too until somebody changes
    something."""

    def __init__(
        self,
        code: str,
        message: Text,
        *,
        permanent: bool,
        expected: Text = NOTHING,
        found: Text = NOTHING,
        remedy: Text = NOTHING,
    ) -> None:
        super().__init__(code, message, expected=expected, found=found, remedy=remedy)
        self.permanent = permanent

    @property
    def reason(self) -> Text:
        """What happened, in one line with what was found."""
        return say("{message}: {found}", message=self.message, found=self.found)


class Delivery(Protocol):
    """A way for letters to go out."""

    def deliver(self, letter: Letter) -> str:
        """Let the letter go out, if it did not before; what proves it (a file's name, a message's id and
        the server's answer). Raises `Undeliverable`."""


def delivery_at(address: str) -> Delivery:
    """The delivery that a person means: `DIR` or `file:DIR` for a folder that exists,
    `smtp://[USER[:PASSWORD]@]HOST[:PORT]?from=ADDRESS[&starttls=1]`, or `smtps://…` for TLS from the start.
    What has a sign with a meaning of its own in USER or PASSWORD is percent-encoded.

    Nothing is contacted yet. Raises `Invalid` for anything else.
    """
    if "://" in address:
        with suppress(ValueError):  # a port that is no number, a bracket without its other one
            if (server := _server(urlsplit(address))) is not None:
                return server
    elif (path := address.removeprefix("file:")) and Path(path).is_dir():
        return _Folder(Path(path))
    raise Invalid(
        "delivery.address",
        say("messages cannot be delivered to this address"),
        expected=say("a folder that exists, or smtp://HOST?from=ADDRESS"),
        # What stands before an @ may hold a password.
        found=say("an address that begins with {scheme}", scheme=address.partition(":")[0] + ":")
        if "@" in address
        else say("{address}", address=address or "—"),
        remedy=say("make the folder first, or check the address of the mail server"),
    )


def retry_after(attempts: int, permanent: bool = False) -> timedelta:
    """How long to wait after the try number `attempts` (from 1) failed: a minute, then twice as long each
    time, at most `LONGEST_WAIT`; always that long where only a person can help (`permanent`)."""
    if permanent:
        return LONGEST_WAIT
    return min(timedelta(minutes=2 ** min(attempts - 1, 16)), LONGEST_WAIT)


@dataclass(frozen=True, slots=True)
class _Folder:
    """Each letter becomes a file of its own, `ID.eml`, which appears whole or not at all."""

    folder: Path

    def deliver(self, letter: Letter) -> str:
        name = f"{_name(letter.id)}.eml"
        with self._troubles():
            if not (self.folder / name).exists():
                self._write(name, _message(letter, _NOBODY))
            # Also if it was there: who wrote it may have died before this.
            folder = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        return name

    def _write(self, name: str, content: bytes) -> None:
        draft = self.folder / f".{uuid4().hex}.tmp"
        try:
            with draft.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):  # somebody else delivered it just now
                os.link(draft, self.folder / name)  # a rename would replace what is there
        finally:
            draft.unlink(missing_ok=True)

    @contextmanager
    def _troubles(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise Undeliverable(
                "delivery.folder",
                say("the letter cannot be written to {folder}", folder=str(self.folder)),
                permanent=False,
                expected=say("an existing folder with free space, and permission to write in it"),
                found=_words(error),
                remedy=say("check the folder; the letter is kept and tried again"),
            ) from error


@dataclass(frozen=True, slots=True)
class _Server:
    """Letters go by SMTP (RFC 5321), each on a connection of its own."""

    host: str
    port: int
    sender: str
    user: str | None
    password: str = field(repr=False)
    tls: str
    """`""`, `starttls`, or `smtps`."""

    def deliver(self, letter: Letter) -> str:
        """As `Delivery` says. One addressee who is refused for good does not keep the letter from the
        others, and the receipt names him; if one shall be tried later, nobody gets it yet, because a
        repetition would reach the others twice."""
        refused = {address: "—" for address in letter.to if not _ADDRESS.fullmatch(address)}
        addresses = [address for address in dict.fromkeys(letter.to) if address not in refused]
        if not addresses:
            raise _no_addressee(refused)
        with self._troubles():
            server = self._connect()
            try:
                server.ehlo_or_helo_if_needed()
                _expect(server.mail(self.sender))
                for address in addresses:
                    code, answer = server.rcpt(address)
                    if code not in (250, 251):
                        if code < 500:
                            raise smtplib.SMTPResponseException(code, answer)
                        refused[address] = f"{code} {_decoded(answer)}"
                if set(addresses) <= refused.keys():
                    raise _no_addressee(refused)
                code, answer = server.data(_message(letter, self.sender))
                _expect((code, answer))
            finally:
                _leave(server)
        parts = [f"<{_name(letter.id)}@lianban>", f"{code} {_decoded(answer)}"]
        parts += [f"! {address} {why}" for address, why in _shown(refused)]
        return "; ".join(parts)

    def _connect(self) -> smtplib.SMTP:
        server: smtplib.SMTP
        if self.tls == "smtps":
            context = ssl.create_default_context()
            server = smtplib.SMTP_SSL(self.host, self.port, timeout=PATIENCE, context=context)
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=PATIENCE)
        try:
            if self.tls == "starttls":
                server.starttls(context=ssl.create_default_context())
            if self.user is not None:
                server.login(self.user, self.password)
        except BaseException:
            _leave(server)
            raise
        return server

    @contextmanager
    def _troubles(self) -> Iterator[None]:
        try:
            yield
        except smtplib.SMTPResponseException as error:
            found = say("{code} {answer}", code=error.smtp_code, answer=_decoded(error.smtp_error))
            raise self._refusal(found, permanent=error.smtp_code >= 500) from error
        except (smtplib.SMTPNotSupportedError, UnicodeError) as error:
            # No STARTTLS or AUTH there; a host or a password that cannot be written in the protocol.
            raise self._refusal(_words(error), permanent=True) from error
        except OSError as error:  # SMTP's other errors included
            raise self._refusal(_words(error), permanent=False) from error

    def _refusal(self, found: Text, *, permanent: bool) -> Undeliverable:
        return Undeliverable(
            "delivery.server",
            say("the mail server {host} did not take the letter", host=self.host),
            permanent=permanent,
            found=found,
            remedy=say("check the mail server and its address; the letter is kept and tried again"),
        )


def _server(parts: SplitResult) -> _Server | None:
    options = dict(parse_qsl(parts.query.replace("+", "%2B"), keep_blank_values=True))
    starttls = options.pop("starttls", None)
    sender = options.pop("from", "")
    known = parts.scheme in (("smtp", "smtps") if starttls is None else ("smtp",)) and starttls in (None, "1")
    more = options or parts.path.strip("/") or parts.fragment
    if not known or more or not parts.hostname or parts.username == "" or not _ADDRESS.fullmatch(sender):
        return None
    return _Server(
        host=parts.hostname,
        port=parts.port or (465 if parts.scheme == "smtps" else 25),
        sender=sender,
        user=None if parts.username is None else unquote(parts.username),
        password=unquote(parts.password or ""),
        tls="smtps" if parts.scheme == "smtps" else "starttls" if starttls else "",
    )


def _expect(reply: tuple[int, bytes]) -> None:
    if reply[0] != 250:
        raise smtplib.SMTPResponseException(*reply)


def _leave(server: smtplib.SMTP) -> None:
    # The letter's fate is known already; how the farewell goes changes nothing.
    with suppress(OSError):
        server.quit()
    server.close()


def _no_addressee(refused: dict[str, str]) -> Undeliverable:
    return Undeliverable(
        "delivery.nobody",
        say("the letter has no addressee who can be reached"),
        permanent=True,
        expected=say("an e-mail address that the mail server takes"),
        found=say("{addresses}", addresses="; ".join(f"{a} {why}" for a, why in _shown(refused)) or "—"),
        remedy=say("correct the addresses in the organisation; the letter is kept and tried again"),
    )


def _shown(refused: dict[str, str]) -> list[tuple[str, str]]:
    return [(_line(address), why) for address, why in refused.items()]


def _words(error: Exception) -> Text:
    return say("{error}", error=_line(str(error)) or type(error).__name__)


def _decoded(answer: bytes | str) -> str:
    return _line(answer if isinstance(answer, str) else answer.decode("utf-8", "replace"))


def _line(text: str) -> str:
    """`text` on one line: what breaks lines or controls a terminal becomes a blank."""
    return " ".join("".join(" " if category(c) in ("Cc", "Cs", "Zl", "Zp") else c for c in text).split())


def _name(letter: str) -> str:
    """The letter's id in signs that any file system and any Message-ID (RFC 5322 §3.6.4) takes; no two ids
    give the same. Short enough for a Message-ID to stand on one line."""
    name = re.sub(r"^\.|\.(?=\.|$)", "%2E", quote(letter, safe=""))
    return name if len(name) <= 56 else f"{name[:35]}~{sha256(letter.encode()).hexdigest()[:20]}"


def _message(letter: Letter, sender: str) -> bytes:
    """The letter by RFC 5322, in ASCII. The same letter always gives the same bytes."""
    # The older interface of `email`: it writes each header as the text that it is given, where the newer one
    # first reads it, and understands codes in a clerk's or an applicant's words.
    message: Message[str | Header, str | Header] = Message(policy=compat32)
    message["From"] = sender
    if letter.to or letter.to_names:
        message["To"] = _addressees(letter)
    message["Subject"] = Header(_line(letter.subject), _UTF8, header_name="Subject")
    message["Date"] = format_datetime(read_instant(letter.at))
    message["Message-ID"] = f"<{_name(letter.id)}@lianban>"
    message["Auto-Submitted"] = "auto-generated"  # no absence notes in answer (RFC 3834)
    message["MIME-Version"] = "1.0"
    message.set_payload(re.sub(r"\r\n?|\n", "\r\n", letter.body), _UTF8)
    return message.as_bytes(policy=compat32.clone(linesep="\r\n"))


def _addressees(letter: Letter) -> Header:
    header = Header(header_name="To")
    names = letter.to_names if len(letter.to_names) == len(letter.to) else ("",) * len(letter.to)
    known = [(a, _line(n)) for a, n in zip(letter.to, names, strict=True) if _ADDRESS.fullmatch(a)]
    for place, (address, name) in enumerate(known, 1):
        if name:
            header.append(name, _UTF8)
        header.append(f"<{address}>" + ("," if place < len(known) else ""), "us-ascii")
    if not known:  # a group without members (RFC 5322 §3.4)
        header.append("、".join(filter(None, map(_line, letter.to_names))) or "—", _UTF8)
        header.append(":;", "us-ascii")
    return header
