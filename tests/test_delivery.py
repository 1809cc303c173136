"""Letters go out once, to those they are meant for, and none is lost; with real folders and mail servers."""

from __future__ import annotations

import email
import email.policy
import multiprocessing
import os
import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from email.header import decode_header, make_header
from email.message import EmailMessage
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from hypothesis import given
from hypothesis import strategies as st

from engine import delivery as delivery_module
from engine import events
from engine.clock import write_instant
from engine.delivery import Letter, Undeliverable, delivery_at, retry_after
from engine.errors import Invalid
from engine.events import TaskCompleted, chain
from engine.store import Changes, Head, OutboxRow, Store

CASE = "539901-SC-LB0001-2026-00042"
NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
LETTER = Letter(
    id=f"{CASE}.17.fire",
    to=("chen.jing@example.cn",),
    to_names=("陈静",),
    subject="办件 42 还有 2 个工作日到期",
    body="请尽快办理。\n第二行\n.\nFrom 消防大队\n",
    at="2026-03-02T04:00:00.000000Z",
)

# Of a server named localhost that exists in these tests only; good from 2000 to 2100.
KEY = """-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgVv6rr51ZbW3CbFSG
fA2hKFisGTVu1JDaWfyNT716NrmhRANCAARMW5wBM7mtYGg5Zt1OVCAeMLxxWLVN
in21/WU7cV+Y9qgMO5feYmyZEsjEgwDwloH5GmRpa7g6B2fL27Cwx6sD
-----END PRIVATE KEY-----
"""
CERTIFICATE = """-----BEGIN CERTIFICATE-----
MIIBYTCCAQegAwIBAgIBATAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAlsb2NhbGhv
c3QwIBcNMDAwMTAxMDAwMDAwWhgPMjEwMDAxMDEwMDAwMDBaMBQxEjAQBgNVBAMM
CWxvY2FsaG9zdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABExbnAEzua1gaDlm
3U5UIB4wvHFYtU2KfbX9ZTtxX5j2qAw7l95ibJkSyMSDAPCWgfkaZGlruDoHZ8vb
sLDHqwOjSDBGMBQGA1UdEQQNMAuCCWxvY2FsaG9zdDAPBgNVHRMBAf8EBTADAQH/
MB0GA1UdDgQWBBTwmkIL4TQm7x4JQ1xe4mEKFXvM7TAKBggqhkjOPQQDAgNIADBF
AiAihKLqMRJSJ8iVf0ir0FinlalorwDxshAXyXJ07J4t/gIhAPC2l5pzPECvEDAj
iN9YoBqIzARSUxixI0rlZ2vRGINl
-----END CERTIFICATE-----
"""


def changed(**what: Any) -> Letter:
    return Letter(**{name: getattr(LETTER, name) for name in Letter.__slots__} | what)


def read(content: bytes) -> EmailMessage:
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def words_of(content: bytes, header: str) -> str:
    """A header's text as a mail program shows it."""
    plain = email.message_from_bytes(content)
    return str(make_header(decode_header(plain[header])))


# --- files


def test_a_letter_becomes_a_file_that_a_mail_program_opens(tmp_path: Path) -> None:
    for address in (str(tmp_path), f"file:{tmp_path}"):
        assert delivery_at(address).deliver(LETTER) == f"{CASE}.17.fire.eml"
    [path] = tmp_path.iterdir()
    message = read(path.read_bytes())
    assert message["To"].addresses[0].addr_spec == "chen.jing@example.cn"
    assert message["To"].addresses[0].display_name == "陈静"
    assert message["Subject"] == "办件 42 还有 2 个工作日到期"
    assert message["Date"].datetime == NOON
    assert message["From"]
    assert message["Message-ID"] == f"<{CASE}.17.fire@lianban>"
    assert message.get_content().replace("\r\n", "\n") == LETTER.body
    assert b"\n" not in path.read_bytes().replace(b"\r\n", b"")
    assert path.read_bytes().isascii()


def test_delivered_again_a_letter_is_the_same_file_and_the_first_one_stays(tmp_path: Path) -> None:
    folder = delivery_at(str(tmp_path))
    receipt = folder.deliver(LETTER)
    path = tmp_path / receipt
    path.write_text("the first one")
    assert folder.deliver(LETTER) == receipt
    assert folder.deliver(changed(subject="another")) == receipt
    assert path.read_text() == "the first one"
    assert list(tmp_path.iterdir()) == [path]


def test_many_who_deliver_one_letter_at_once_make_one_whole_file(tmp_path: Path) -> None:
    gate = Barrier(8)

    def worker(number: int) -> list[bytes]:
        folder = delivery_at(str(tmp_path))
        seen = []
        for turn in range(20):
            gate.wait()
            receipt = folder.deliver(changed(id=f"C.{turn}.x", body=f"{number}" * 5000))
            seen.append((tmp_path / receipt).read_bytes())
        return seen

    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(worker, range(8)))
    files = [(tmp_path / f"C.{turn}.x.eml").read_bytes() for turn in range(20)]
    assert len(list(tmp_path.iterdir())) == 20
    assert all(own == files for own in seen)  # what was there when the first was done is there for good
    for content in files:
        body = read(content).get_content()
        assert (len(body), len(set(body))) == (5000, 1)


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=60), min_size=2, unique=True))
def test_no_two_ids_meet_in_a_file_and_none_leaves_the_folder(ids: list[str]) -> None:
    names = [delivery_module._name(one) for one in ids]
    assert len(set(names)) == len(names)
    for name in names:
        assert not set(name) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-~%")
        parts = name.split(".")  # RFC 5322 dot-atom
        assert all(parts)
        assert len(name) <= 56


def test_an_id_with_any_signs_names_one_file_in_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    for number, name in enumerate(("../x", "/etc/passwd", "..", "案件/1", "a\nb", "很" * 200)):
        receipt = delivery_at(str(folder)).deliver(changed(id=name))
        assert (folder / receipt).parent == folder
        assert len(list(folder.iterdir())) == number + 1
    assert list(tmp_path.iterdir()) == [folder]


def test_a_folder_that_is_gone_is_a_trouble_that_may_pass(tmp_path: Path) -> None:
    folder = tmp_path / "share"
    folder.mkdir()
    share = delivery_at(str(folder))
    folder.rmdir()
    with pytest.raises(Undeliverable) as refused:
        share.deliver(LETTER)
    assert not refused.value.permanent
    assert str(folder) in str(refused.value.reason)
    folder.mkdir()
    assert (folder / share.deliver(LETTER)).exists()


def test_a_file_names_the_addressees_who_have_no_address(tmp_path: Path) -> None:
    letter = changed(to=(), to_names=("陈静", "李\r\nBcc: x@example.cn\n明"))
    content = (tmp_path / delivery_at(str(tmp_path)).deliver(letter)).read_bytes()
    assert words_of(content, "To") == "陈静、李 Bcc: x@example.cn 明 :;"
    assert read(content)["To"].addresses == ()
    content = (
        tmp_path / delivery_at(str(tmp_path)).deliver(changed(id="n", to=(), to_names=()))
    ).read_bytes()
    assert read(content)["To"] is None


# --- nothing in a letter becomes a header

TRAPS = [
    *["\r\n", "\n", "\r", "\u2028", "\x85", "\0", " ", "<", ">", ",", ";", '"', "\\", "(", "@"],
    *["Bcc: x@example.cn", "=?utf-8?q?a=0ABcc:b?=", "受理", "a" * 90, "很" * 40],
]
WORDS = st.text(st.characters(codec="utf-8"), max_size=200) | st.lists(
    st.sampled_from(TRAPS), max_size=8
).map("".join)


@given(subject=WORDS, names=st.lists(WORDS, max_size=3), body=WORDS, odd=WORDS)
def test_no_text_in_a_letter_adds_a_header_or_an_addressee(
    subject: str, names: list[str], body: str, odd: str
) -> None:
    good = [f"p{number}@example.cn" for number in range(len(names))]
    letter = changed(subject=subject, to=(*good, f"{odd}\n@x"), to_names=(*names, odd), body=body)
    content = delivery_module._message(letter, "office@example.cn")
    assert content.isascii()
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert b"\r" not in content.replace(b"\r\n", b"")
    message = email.message_from_bytes(content)
    assert message.keys() == [
        *["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted"],
        *["MIME-Version", "Content-Type", "Content-Transfer-Encoding"],
    ]
    assert [a.addr_spec for a in read(content)["To"].addresses] == good
    assert words_of(content, "Subject") == delivery_module._line(subject)
    assert "\n" not in delivery_module._line(subject) and "\r" not in delivery_module._line(subject)
    assert message.get_payload(decode=True).decode() == "\r\n".join(
        body.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    )
    assert all(len(line) <= 998 for line in content.split(b"\r\n"))


# --- mail


class Mailbox:
    """What a mail server took in, and what it shall answer instead where a test says so."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.answers: dict[str, str] = {}
        self.users: list[str] = []

    @property
    def letters(self) -> set[str]:
        """As a mail system keeps them: those with the same Message-ID are the same."""
        return {read(envelope.original_content)["Message-ID"] for envelope in self.envelopes}

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        return self.answers.get("MAIL", "250 OK")

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.answers.get(address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        answer = self.answers.get("DATA", "250 OK queued as 4Fx")
        if answer.startswith("250"):
            self.envelopes.append(envelope)
        return answer

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        return self.answers.get("QUIT", "221 Bye")

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, how: str, data: Any) -> Any:
        self.users.append(f"{data.login.decode()}:{data.password.decode()}")
        return AuthResult(success=data.password == b"p@ss:w/rd", handled=False)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def mail_server(port: int | None = None, **options: Any) -> Iterator[tuple[Mailbox, int]]:
    """A mail server on this machine: what it takes in, and its port."""
    mailbox = Mailbox()
    options["authenticator"] = mailbox.authenticate
    controller = Controller(mailbox, "127.0.0.1", port or free_port(), **options)
    controller.start()
    try:
        yield mailbox, controller.port
    finally:
        controller.stop()


def by_mail(port: int, scheme: str = "smtp", user: str = "", more: str = "", host: str = "127.0.0.1") -> Any:
    return delivery_at(f"{scheme}://{user}{host}:{port}?from=office@example.cn{more}")


def test_a_letter_goes_to_its_addressees_as_it_was_written() -> None:
    with mail_server() as (mailbox, port):
        receipt = by_mail(port).deliver(changed(to=("a@example.cn", "b@example.cn"), to_names=("甲", "乙")))
    assert receipt == f"<{CASE}.17.fire@lianban>; 250 OK queued as 4Fx"
    [envelope] = mailbox.envelopes
    assert envelope.mail_from == "office@example.cn"
    assert envelope.rcpt_tos == ["a@example.cn", "b@example.cn"]
    message = read(envelope.original_content)
    assert message["From"] == "office@example.cn"
    assert message["Subject"] == LETTER.subject
    assert message["Date"].datetime == NOON
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content().replace("\r\n", "\n") == LETTER.body


def test_delivered_again_a_letter_is_the_same_message_for_every_mail_system() -> None:
    with mail_server() as (mailbox, port):
        receipts = {by_mail(port).deliver(LETTER) for _ in range(2)}
        by_mail(port).deliver(changed(id="C-2.1.消防"))
    assert len(receipts) == 1
    first, again, other = (envelope.original_content for envelope in mailbox.envelopes)
    assert first == again != other
    assert len(mailbox.letters) == 2


def test_a_bad_farewell_does_not_undo_a_delivery() -> None:
    with mail_server() as (mailbox, port):
        mailbox.answers["QUIT"] = "500 no"
        assert by_mail(port).deliver(LETTER)


@pytest.mark.parametrize(
    ("place", "answer", "permanent"),
    [
        ("MAIL", "451 later", False),
        ("MAIL", "550 who are you", True),
        ("chen.jing@example.cn", "450 greylisted", False),
        ("chen.jing@example.cn", "550 no such person", True),
        ("DATA", "452 full", False),
        ("DATA", "554 not here", True),
    ],
)
def test_what_a_server_refuses_for_now_or_for_good_is_told_apart(
    place: str, answer: str, permanent: bool
) -> None:
    with mail_server() as (mailbox, port):
        mailbox.answers[place] = answer
        with pytest.raises(Undeliverable) as refused:
            by_mail(port).deliver(LETTER)
        assert refused.value.permanent is permanent
        assert answer in str(refused.value.reason)
        mailbox.answers.clear()
        by_mail(port).deliver(LETTER)
    assert len(mailbox.envelopes) == 1


def test_an_addressee_who_does_not_exist_keeps_it_from_nobody_else_and_stands_in_the_receipt() -> None:
    with mail_server() as (mailbox, port):
        mailbox.answers["gone@example.cn"] = "550 no such person"
        to = ("gone@example.cn", "not an address", "here@example.cn")
        receipt = by_mail(port).deliver(changed(to=to))
    assert mailbox.envelopes[0].rcpt_tos == ["here@example.cn"]
    assert "! gone@example.cn 550 no such person" in receipt
    assert "! not an address" in receipt


def test_while_one_addressee_shall_wait_nobody_gets_it_and_then_all_get_it_once() -> None:
    with mail_server() as (mailbox, port):
        letter = changed(to=("here@example.cn", "busy@example.cn"))
        mailbox.answers["busy@example.cn"] = "450 later"
        with pytest.raises(Undeliverable):
            by_mail(port).deliver(letter)
        assert mailbox.envelopes == []
        mailbox.answers.clear()
        by_mail(port).deliver(letter)
    [envelope] = mailbox.envelopes
    assert envelope.rcpt_tos == ["here@example.cn", "busy@example.cn"]


@pytest.mark.parametrize(
    "to", [(), ("a@example.cn>\r\nRCPT TO:<evil@example.cn",), ("陈静@example.cn",), ("nobody",)]
)
def test_a_letter_to_no_address_that_can_be_used_is_kept_and_nobody_is_asked(to: tuple[str, ...]) -> None:
    with pytest.raises(Undeliverable) as refused:
        by_mail(free_port()).deliver(changed(to=to))
    assert refused.value.permanent
    assert refused.value.code == "delivery.nobody"
    assert "\n" not in str(refused.value.reason)


def test_a_server_that_is_down_or_silent_or_hangs_up_is_a_trouble_that_may_pass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivery_module, "PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent_port = silent.getsockname()[1]
        with mail_server() as (mailbox, port), ThreadPoolExecutor(1) as pool:
            mailbox.answers["DATA"] = "421 going down"
            down = free_port()
            for at in (down, silent_port, port):
                with pytest.raises(Undeliverable) as refused:
                    by_mail(at).deliver(LETTER)
                assert not refused.value.permanent
                assert str(refused.value.reason)

            def hang_up() -> None:
                for _ in range(2):  # the one above waits in the queue still
                    silent.accept()[0].close()

            hanging = pool.submit(hang_up)
            with pytest.raises(Undeliverable) as refused:
                by_mail(silent_port).deliver(LETTER)
            assert not refused.value.permanent
            hanging.result(timeout=60)


# --- passwords and TLS


@pytest.fixture
def tls(tmp_path: Path) -> ssl.SSLContext:
    """What a server named localhost shows; its clients do not know it yet."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    key.write_text(KEY)
    certificate.write_text(CERTIFICATE)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


@pytest.mark.filterwarnings("ignore:Requiring AUTH")  # on purpose: TLS is there before SMTP is
def test_mail_goes_by_tls_with_user_and_password(
    tls: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    user = "clerk:p%40ss%3Aw%2Frd@"
    for scheme, more, how in (
        ("smtp", "&starttls=1", {"tls_context": tls, "require_starttls": True}),
        ("smtps", "", {"ssl_context": tls, "auth_require_tls": False}),
    ):
        with mail_server(auth_required=True, **how) as (mailbox, port):
            by_mail(port, scheme, user, more, "localhost").deliver(LETTER)
            assert len(mailbox.envelopes) == 1
            assert set(mailbox.users) == {"clerk:p@ss:w/rd"}
            with pytest.raises(Undeliverable) as refused:
                by_mail(port, scheme, "clerk:wrong@", more, "localhost").deliver(LETTER)
            assert refused.value.permanent
            assert "wrong" not in str(refused.value.as_dict())


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
def test_nothing_is_told_to_a_server_that_cannot_show_who_it_is(
    tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with mail_server(tls_context=tls) as (mailbox, port), pytest.raises(Undeliverable):
        by_mail(port, user="clerk:secret@", more="&starttls=1", host="localhost").deliver(LETTER)
    assert (mailbox.users, mailbox.envelopes) == ([], [])
    with (
        mail_server(auth_require_tls=False) as (mailbox, port),  # has no TLS
        pytest.raises(Undeliverable) as refused,
    ):
        by_mail(port, user="clerk:secret@", more="&starttls=1").deliver(LETTER)
    assert refused.value.permanent
    assert (mailbox.users, mailbox.envelopes) == ([], [])


# --- addresses of deliveries


@pytest.mark.parametrize(
    "address",
    [
        *["", "file:", "no/such/folder", "file:no/such/folder", "http://example.cn", "ftp://clerk:secret@h/"],
        *["smtp://", "smtp://h", "smtp://h?from=", "smtp://h?from=a", "smtp://h:port?from=a@b"],
        *["smtp://h:99999?from=a@b", "smtp://:secret@h?from=a@b", "smtp://h/x?from=a@b"],
        *["smtp://h?from=a@b&starttls=0", "smtps://h?from=a@b&starttls=1", "smtp://h?from=a@b&form=c@d"],
        *[
            "smtp://clerk:secret@h",
            "smtp://[h?from=a@b",
            "smtp:h?from=a@b",
            "smtp:clerk:secret@h",
            "smtp://h?from=a@b%0D%0AX",
        ],
    ],
)
def test_an_address_that_means_nothing_is_refused_without_its_password(address: str) -> None:
    with pytest.raises(Invalid) as refused:
        delivery_at(address)
    assert refused.value.code == "delivery.address"
    assert "secret" not in str(refused.value.as_dict())


def test_the_password_does_not_show_in_a_delivery() -> None:
    assert "secret" not in repr(delivery_at("smtp://clerk:secret@h?from=a@b"))


def test_the_waits_between_tries_grow_to_six_hours_and_no_further() -> None:
    minutes = [retry_after(attempts) / timedelta(minutes=1) for attempts in range(1, 12)]
    assert minutes == [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360]
    assert retry_after(10**9) == retry_after(1, permanent=True) == timedelta(hours=6)


# --- from the outbox, by workers


def instant(minutes: int) -> str:
    return write_instant(NOON + timedelta(minutes=minutes))


def post(store: Store, count: int) -> None:
    """So many messages that wait to be delivered."""
    history = [(NOON, {"system": True}, TaskCompleted("t", "t", {}))] * count
    records = chain(CASE, 0, events.GENESIS, NOON, history)
    last = records[-1]
    head = Head(CASE, last.seq, last.hash, b"{}", "startup", "d" * 64, "open", instant(0))
    messages = [OutboxRow(CASE, r.seq, "fire", "reminder.raised", instant(0)) for r in records]
    with store.transaction() as tx:
        tx.append(head, records, Changes(messages=messages))


def deliver_all(database: str, address: str, minute: int, die_after: int = 10**9) -> list[int]:
    """A worker: everything that is due, each in its turn; which it took. It may die after a delivery,
    before that is on record."""
    taken = []
    out = delivery_at(address)
    with closing(Store.open(database)) as store:
        while True:
            with store.transaction() as tx:
                row = tx.next_message(instant(minute))
                if row is None:
                    return taken
                tx.lease(row, instant(minute + 10))
            taken.append(row.seq)
            letter = changed(id=f"{row.case}.{row.seq}.{row.unit}")
            try:
                receipt = out.deliver(letter)
            except Undeliverable as trouble:
                wait = retry_after(row.attempts + 1, trouble.permanent) // timedelta(minutes=1)
                with store.transaction() as tx:
                    tx.failed(row, str(trouble.reason), instant(minute + wait))
                continue
            if len(taken) == die_after:
                os._exit(9)
            with store.transaction() as tx:
                tx.delivered(row, instant(minute), receipt)


def test_workers_side_by_side_deliver_each_letter_once(store: Store, database: str, tmp_path: Path) -> None:
    post(store, 60)
    folder = tmp_path / "out"
    folder.mkdir()
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        shares = pool.starmap(deliver_all, [(database, str(folder), 0)] * 3, chunksize=1)
    assert sorted(number for share in shares for number in share) == list(range(1, 61))
    assert len(list(folder.iterdir())) == 60
    with store.reading() as reader:
        assert reader.outbox(pending=True) == []
        assert {(row.attempts, row.receipt) for row in reader.outbox()} == {
            (1, f"{CASE}.{number}.fire.eml") for number in range(1, 61)
        }


@pytest.mark.parametrize("way", ["folder", "mail"])
def test_a_worker_that_dies_after_a_delivery_loses_nothing_and_doubles_nothing(
    store: Store, database: str, tmp_path: Path, way: str
) -> None:
    post(store, 5)
    folder = tmp_path / "out"
    folder.mkdir()
    with mail_server() as (mailbox, port):
        address = str(folder) if way == "folder" else f"smtp://127.0.0.1:{port}?from=office@example.cn"
        dying = multiprocessing.get_context("spawn").Process(
            target=deliver_all, args=(database, address, 0, 2)
        )
        dying.start()
        dying.join(60)
        assert dying.exitcode == 9
        assert deliver_all(database, address, 5) == [3, 4, 5]  # for all they know, 2 is in good hands
        assert deliver_all(database, address, 10) == [2]
        assert deliver_all(database, address, 60) == []
        assert len(mailbox.envelopes) == (6 if way == "mail" else 0)
    delivered = mailbox.letters if way == "mail" else {path.name for path in folder.iterdir()}
    assert len(delivered) == 5
    with store.reading() as reader:
        assert [row.attempts for row in reader.outbox()] == [1] * 5
        assert reader.outbox(pending=True) == []


def test_while_the_mail_server_is_down_nothing_is_lost_and_the_reason_is_on_record(
    store: Store, database: str
) -> None:
    post(store, 3)
    port = free_port()
    address = f"smtp://127.0.0.1:{port}?from=office@example.cn"
    assert deliver_all(database, address, 0) == [1, 2, 3]
    assert deliver_all(database, address, 0) == []  # not yet again
    assert deliver_all(database, address, 1) == [1, 2, 3]
    with store.reading() as reader:
        for row in reader.outbox(pending=True):
            assert (row.attempts, row.due_at) == (2, instant(3))
            assert row.error and "127.0.0.1" in row.error
        assert len(reader.outbox(pending=True)) == 3
    with mail_server(port) as (mailbox, _):
        assert deliver_all(database, address, 3) == [1, 2, 3]
        assert deliver_all(database, address, 600) == []
    assert len(mailbox.envelopes) == len(mailbox.letters) == 3
    with store.reading() as reader:
        assert reader.outbox(pending=True) == []
