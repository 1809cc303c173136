"""Proofs over histories (floor 5): replay and verify, pure functions of what is on record.

Nothing here trusts a projection: a history is read from its own bytes, run again by the definition it
names, and compared; then the head and the other things that are kept for speed are compared with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from .case import Case, evolve
from .clock import read_instant
from .definition import Definition
from .errors import Diverged, Refusal, Text, say
from .events import (
    OFFICE,
    CaseOpened,
    DefinitionPublished,
    DocumentIssued,
    OrganisationRecorded,
    Record,
    broken_links,
    canonical,
    digest,
    parse,
)

Rows = Sequence[tuple[int, bytes, str]]
"""A stored history: `(seq, body, hash)` in order."""

REMEDY = say("compare the database with a backup or a sealed copy; somebody changed it")


def records(number: str, rows: Rows) -> list[Record]:
    """The history as records. Raises `Diverged` at the first row that is not one."""
    return [parse(number, seq, body) for seq, body, _ in rows]


def replay(
    number: str, history: Iterable[Record], definition_of: Callable[[str], Definition]
) -> Iterator[tuple[Record, Case]]:
    """Run the history again: each record with the case as it stood after it.

    Raises `Diverged` naming the event at which the record says something else than the replay.
    """
    case: Case | None = None
    definition: Definition | None = None
    for record in history:
        try:
            if definition is None:
                if not isinstance(record.event, CaseOpened):
                    raise Diverged(
                        "replay.start",
                        say("the history does not begin with the opening of a case"),
                        remedy=REMEDY,
                    )
                definition = definition_of(record.event.definition)
            case = evolve(case, definition, number, read_instant(record.at), record.event)
        except Diverged as found:
            raise _at(number, record.seq, found) from found
        yield record, case
    if case is not None and case.expected:
        raise Diverged(
            "replay.unfinished",
            say(
                "case {case}: the history ends in the middle of an act; {event} should follow",
                case=number,
                event=case.expected[0].type,
            ),
            remedy=REMEDY,
        )


def _at(number: str, seq: int, found: Diverged) -> Diverged:
    return Diverged(
        found.code,
        say("case {case} diverged at event {seq}: {what}", case=number, seq=seq, what=found.message),
        expected=found.expected,
        found=found.found,
        rule=found.rule,
        remedy=found.remedy,
    )


def verify_case(
    number: str,
    rows: Rows,
    head: tuple[int, str, bytes] | None,
    definition_of: Callable[[str], Definition],
    content: Callable[[str], bytes | None],
) -> Iterator[Diverged]:
    """Everything that is wrong with one case; nothing when it is as it was written.

    `head` is `(seq, hash, state)` as kept for speed; `content` gives stored bytes by digest.
    """
    broken = list(broken_links(number, rows))
    yield from broken
    if broken:
        return  # what follows from a broken history proves nothing
    if not rows:
        yield _finding(number, "history.missing", say("case {case} has no history", case=number))
        return
    history = records(number, rows)
    case: Case | None = None
    try:
        for _, after in replay(number, history, definition_of):
            case = after
    except Diverged as found:
        yield found
        return
    yield from _check_head(number, rows, head, case)
    yield from _check_documents(number, history, content)


def _check_head(
    number: str, rows: Rows, head: tuple[int, str, bytes] | None, case: Case | None
) -> Iterator[Diverged]:
    last, _, last_hash = rows[-1]
    if head is None:
        yield _finding(number, "head.missing", say("case {case} has a history but no head", case=number))
        return
    seq, head_hash, state = head
    if (seq, head_hash) != (last, last_hash):
        yield _finding(
            number,
            "head.elsewhere",
            say(
                "case {case}, event {seq}: the history ends here, but the head stands at event {head}",
                case=number,
                seq=last,
                head=seq,
            ),
        )
    elif case is not None and canonical(case.to_json()) != state:
        yield _finding(
            number,
            "head.differs",
            say(
                "case {case}: its stored state after event {seq} is not what its history gives",
                case=number,
                seq=seq,
            ),
        )


def _check_documents(
    number: str, history: Iterable[Record], content: Callable[[str], bytes | None]
) -> Iterator[Diverged]:
    for record in history:
        if not isinstance(record.event, DocumentIssued):
            continue
        stored = content(record.event.content)
        if stored is None or digest(stored) != record.event.content:
            yield _finding(
                number,
                "document.differs",
                say(
                    "case {case}, event {seq}: document {document} {number} is not the one that was issued",
                    case=number,
                    seq=record.seq,
                    document=record.event.document,
                    number=record.event.number,
                ),
            )


def verify_office(
    rows: Rows,
    definition_of: Callable[[str], Definition],
    content: Callable[[str], bytes | None],
) -> Iterator[Diverged]:
    """The office's own history: its chain, and every text and definition it names."""
    broken = list(broken_links(OFFICE, rows))
    yield from broken
    if broken:
        return
    for record in records(OFFICE, rows):
        match record.event:
            case OrganisationRecorded(content=named):
                stored = content(named)
                if stored is None or digest(stored) != named:
                    yield _changed(record)
            case DefinitionPublished(definition=named, net=net):
                try:
                    if digest(definition_of(named).net_bytes) != net:
                        yield _changed(record)
                except Refusal:
                    yield _changed(record)


def missing_numbers(cases: Iterable[str], given: Iterable[tuple[str, int]]) -> Iterator[Diverged]:
    """Cases that were numbered and are gone: numbers of a series have no gaps (`given` is the last one of
    each series)."""
    known = set(cases)
    for series, last in given:
        if "/" in series:
            continue  # a series of documents, which `document.issued` events account for
        for serial in range(1, last + 1):
            if f"{series}-{serial:05d}" not in known:
                yield _finding(
                    f"{series}-{serial:05d}",
                    "case.missing",
                    say("case {case} was opened but has no history", case=f"{series}-{serial:05d}"),
                )


def _changed(record: Record) -> Diverged:
    return _finding(
        OFFICE,
        "content.differs",
        say(
            "{case}, event {seq}: what {type} recorded is missing or changed",
            case=OFFICE,
            seq=record.seq,
            type=record.event.type,
        ),
    )


def _finding(number: str, code: str, message: Text) -> Diverged:
    return Diverged(
        code,
        message,
        expected=say("what the history of {case} says", case=number),
        rule=say("everything but the history is derived from it (design §1)"),
        remedy=REMEDY,
    )
