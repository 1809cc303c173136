"""Proofs that leave the office: what each is made of, read in one view of the database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from .. import audit
from ..errors import Diverged, Invalid, Unknown, say
from ..events import OFFICE, CalendarRevised, CaseMigrated, CaseOpened, DocumentIssued, Record, digest
from ..extracts import Names, page, policy, read_wanted
from ..receipts import CHECKER, Contents, Sealed, consistent, extract, receipt, sealed_at, written
from ..sealed import leaf_of, seals_of, verify_seals
from ..seals import Leaf, Seal, Value, disclosure
from ..store import Reader
from ..views import by_version
from .library import Library, find_case, recorded_organisations, standing
from .sealing import secret_of


class Proof(NamedTuple):
    """A proof's `content`, its file; the `case` ("" for none); the seals `first` and `last` that it is under;
    how many `events` are in it and how many of the case are `unsealed`; how many values are `shown` and how
    many `hidden` (none but in an extract)."""

    content: bytes
    case: str
    first: Seal
    last: Seal
    events: int = 0
    unsealed: int = 0
    shown: int = 0
    hidden: int = 0


def checker() -> bytes:
    """The program that checks what is made here: one file, to be handed out with it."""
    return CHECKER.read_bytes()


class _Found(NamedTuple):
    """A case as it is sealed: its whole history, the values of what is sealed, and the definition it ran by
    last."""

    history: list[Record]
    sealed: Sealed
    values: list[Value]
    definition: str


def _log(reader: Reader) -> tuple[list[Seal], list[Leaf], bytes]:
    """All seals, their log, and the secret for salts. Raises `Diverged`."""
    seals = seals_of(audit.records(OFFICE, reader.records(OFFICE)))
    secret = secret_of(reader)
    return seals, [leaf_of(row, secret) for row in reader.leaves()], secret


def _seal(seals: Sequence[Seal], number: int | None) -> Seal:
    """The seal of this number (None: the newest). Raises `Unknown`."""
    if not seals:
        raise Unknown(
            "seal.none",
            say("nothing is sealed yet"),
            expected=say("at least one seal"),
            remedy=say("seal the office first: lianban seal make"),
        )
    wanted = len(seals) if number is None else number
    if not 1 <= wanted <= len(seals):
        raise Unknown(
            "seal.unknown",
            say("there is no seal {number}", number=wanted),
            expected=say("a number from 1 to {last}", last=len(seals)),
            found=say("{number}", number=wanted),
            remedy=say("look it up with `lianban seal list`"),
        )
    return seals[wanted - 1]


def _find(reader: Reader, case: str, number: int | None) -> _Found:
    """The case as seal `number` has it. Raises `Unknown`, `Invalid` where that has nothing of it, and
    `Diverged` where the case is not as it was sealed: a proof that proves nothing is not handed out."""
    head = find_case(reader, case)
    history = audit.records(head.case, reader.records(head.case))
    seals, log, secret = _log(reader)
    newest = _seal(seals, number)
    rows = reader.leaves()
    for broken in verify_seals(seals, rows, reader.records, secret, [head.case], whole=False):
        raise broken
    sealed = sealed_at(head.case, log, seals, newest)
    if sealed is None:
        raise Invalid(
            "receipt.unsealed",
            say(
                "case {case} is newer than seal {number} of {at}",
                case=head.case,
                number=newest.number,
                at=newest.at,
            ),
            expected=say("a case that is sealed: nothing else can be proven of it"),
            found=say("{count} events, none of them sealed", count=len(history)),
            rule=say("a receipt proves what a seal holds"),
            remedy=say("seal the office first: lianban seal make; or name a later seal with --to"),
        )
    values = disclosure((record.body for record in history[: sealed.leaf.seq]), secret)
    return _Found(history, sealed, values, head.definition)


def make_receipt(reader: Reader, library: Library, case: str, number: int | None) -> Proof:
    """As `Office.receipt`."""
    found = _find(reader, case, number)
    made = receipt(found.history, found.sealed, _contents(reader, library, found.history), found.values)
    sealed = found.sealed
    unsealed = len(found.history) - sealed.leaf.seq
    return Proof(written(made), sealed.leaf.case, sealed.seal, sealed.newest, len(found.history), unsealed)


def _contents(reader: Reader, library: Library, history: Sequence[Record]) -> Contents:
    definitions: dict[str, dict[str, bytes]] = {}
    calendars: dict[str, bytes] = {}
    documents: dict[str, bytes] = {}
    organisations: dict[str, str] = {}
    recorded = recorded_organisations(reader)
    for record in history:
        match record.event:
            case CaseOpened(definition=definition, calendar=calendar):
                definitions[definition] = library.definition(reader, definition).files
                if calendar:
                    calendars[calendar] = _content(reader, calendar)
            case CaseMigrated(definition=definition):
                definitions[definition] = library.definition(reader, definition).files
            case CalendarRevised(calendar=calendar):
                calendars[calendar] = _content(reader, calendar)
            case DocumentIssued(content=content):
                documents[content] = _content(reader, content)
        if "org" in record.by:
            organisations[str(record.by["org"])] = _version(record.by["org"], recorded)
    return Contents(definitions, calendars, documents, organisations)


def _version(version: Any, recorded: Sequence[tuple[str, str]]) -> str:
    """The digest of a version of the organisation."""
    if not isinstance(version, int) or not 1 <= version <= len(recorded):
        raise Diverged(
            "replay.organisation",
            say("judged by a version of the organisation that was not in force"),
            found=say("{version}", version=str(version)),
            remedy=audit.REMEDY,
        )
    return recorded[version - 1][1]


def _content(reader: Reader, named: str) -> bytes:
    content = reader.content(named)
    if content is None or digest(content) != named:
        raise Diverged(
            "content.differs",
            say("what the history names by the digest {digest} is missing or changed", digest=named[:12]),
            remedy=audit.REMEDY,
        )
    return content


def make_extract(
    reader: Reader,
    library: Library,
    case: str,
    number: int | None,
    show: Sequence[str],
    as_page: tuple[str, str, Callable[[str], str]] | None,
) -> Proof:
    """As `Office.extract`; `as_page` is zone, language and translation of a page, None for JSON."""
    wanted = [read_wanted(one) for one in show]
    found = _find(reader, case, number)
    sealed = found.sealed
    told = list(by_version(found.history, found.definition, partial(library.definition, reader)))
    story = told[: sealed.leaf.seq]
    shown = policy(story, found.values, wanted)
    made = extract(sealed, found.values, shown)
    content = written(made)
    if as_page is not None:
        units = library.latest(reader, standing(reader)).units
        named: dict[str, Any] = {code: dict(unit.get("name", {})) for code, unit in units.items()}
        content = page(made, sealed.newest, Names(story, named, *as_page))
    open_values = sum(not isinstance(value, str) for value in made["values"])
    return Proof(
        content,
        sealed.leaf.case,
        sealed.seal,
        sealed.newest,
        len(story),
        len(found.history) - len(story),
        open_values,
        len(found.values) - open_values,
    )


def prove_seals(reader: Reader, older: int, newer: int | None) -> Proof:
    """As `Office.prove_seals`."""
    seals, log, _ = _log(reader)
    first, last = _seal(seals, older), _seal(seals, newer)
    if last.number < first.number:
        raise Invalid(
            "seal.order",
            say("seal {newer} is older than seal {older}", newer=last.number, older=first.number),
            expected=say("--from the older, --to the newer"),
            found=say("--from {older} --to {newer}", older=first.number, newer=last.number),
            remedy=say("exchange the two numbers"),
        )
    for broken in verify_seals(seals, reader.leaves(), reader.records, secret_of(reader), [], whole=False):
        raise broken
    content = written(consistent(seals[first.number - 1 : last.number], log))
    return Proof(content, "", first, last)
