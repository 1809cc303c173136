"""Everything that is wrong with one case."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from msgspec import Struct

from ..case import CalendarOf, Case
from ..definition import Definition
from ..errors import Diverged, Refusal, Text, say
from ..events import (
    OFFICE,
    CalendarRevised,
    CardRaised,
    CaseMigrated,
    CaseOpened,
    MigrationOrdered,
    Record,
    ReminderRaised,
    SignalReceived,
    SignalSent,
    broken_links,
    parse,
)
from ..projections import derive
from ..store import DocumentRow, Head, OutboxRow, TaskRow
from .answers import Answers
from .authority import Authority, OrganisationOf
from .chain import SENSELESS, Rows, finding, records
from .papers import Made, Papers, check_filed
from .publications import Publications
from .rerun import Witness, replay, witnessed
from .times import Times


class Kept(Struct, frozen=True):
    """What is kept beside the history of a case."""

    head: Head | None
    tasks: Sequence[TaskRow]
    timers: Sequence[tuple[str, str]]
    documents: Sequence[DocumentRow]
    messages: Sequence[OutboxRow]


class Archive(Struct, frozen=True):
    """What an office has on record for all its cases."""

    definition_of: Callable[[str], Definition]
    """Published definitions by digest."""
    calendar_of: CalendarOf
    """Calendars on record by digest."""
    content: Callable[[str], bytes | None]
    """Stored bytes by digest."""
    organisation_of: OrganisationOf | None
    """The organisation that a record was judged by; None when it can't be read itself."""
    made: Made | None
    """Makes documents again; None when the organisation can't be read."""
    calendars: Sequence[tuple[str, str]]
    """The calendars that came into force, with the instants."""
    publications: Publications | None
    """Which definition was in force when; None when the office's own history can't be read."""
    rows_of: Callable[[str], Rows]
    """The records of another case, whose signal may have reached this one, or of the office."""


def verify_case(
    number: str, rows: Rows, kept: Kept, archive: Archive, checked: Counter[str]
) -> Iterator[Diverged]:
    """Everything that is wrong with one case; nothing when it is as it was written. `checked` is told how
    much of what was looked at."""
    broken = list(broken_links(number, rows))
    yield from broken
    if broken:
        return  # what follows from a broken history proves nothing
    papers = Papers(archive.definition_of, archive.made)
    authority = Authority(archive.definition_of, archive.organisation_of) if archive.organisation_of else None
    witnesses: list[Witness] = [
        Times(archive.definition_of),
        *([authority] if authority else []),
        Answers(archive.definition_of),
        papers,
    ]
    try:
        history = records(number, rows)
        replayed = replay(number, history, archive.definition_of, archive.calendar_of)
        head, lists = derive(witnessed(number, replayed, witnesses), archive.definition_of)
    except Diverged as found:
        yield found
        return
    finally:
        checked["events"] += len(rows)
        checked["acts"] += authority.judged if authority else 0
        checked["documents"] += len(papers.names) if archive.made else 0
    yield from _check_calendars(number, history, archive.calendars)
    if archive.publications is not None:
        yield from archive.publications.check(number, history)
    yield from _check_head(number, kept.head, head)
    yield from _check_list(number, head.seq, say("open steps"), kept.tasks, lists.opened)
    yield from _check_list(number, head.seq, say("armed timers"), kept.timers, lists.armed)
    told = {
        (row.seq, row.unit, row.kind)
        for row in kept.messages
        if row.delivered_at is None or row.attempts > 0  # nothing is delivered without a try
    }
    due = {
        (r.seq, r.event.unit, r.event.type)
        for r in history
        if isinstance(r.event, ReminderRaised | CardRaised)
    }
    yield from _check_list(number, head.seq, say("reminders and cards to send"), told, due)
    yield from check_filed(number, history, kept.documents, archive.content, papers)
    yield from _check_signals(number, history, archive.rows_of)
    yield from _check_migrations(number, history, archive.rows_of)


def _check_signals(
    number: str, history: Iterable[Record], rows_of: Callable[[str], Rows]
) -> Iterator[Diverged]:
    """A signal that arrived was sent, by another case."""
    for record in history:
        match record.event:
            case SignalReceived(name=name, case=sender, seq=seq) if not _was_sent(name, sender, seq, rows_of):
                yield finding(
                    number,
                    "signal.not_sent",
                    say(
                        "case {case}, event {seq}: the signal {name} was not sent by {sender}, event {at}",
                        case=number,
                        seq=record.seq,
                        name=name,
                        sender=sender,
                        at=seq,
                    ),
                )


def _was_sent(name: str, sender: str, seq: int, rows_of: Callable[[str], Rows]) -> bool:
    for row in rows_of(sender):
        if row[0] == seq:
            try:
                event = parse(sender, seq, row[1]).event
            except (Refusal, *SENSELESS):
                return False  # the other case has findings of its own
            return isinstance(event, SignalSent) and event.name == name
    return False


def _check_migrations(
    number: str, history: Sequence[Record], rows_of: Callable[[str], Rows]
) -> Iterator[Diverged]:
    """A case went over to another version as that was ordered on the office's record; back to the one that it
    came from."""
    migrated = [(record, record.event) for record in history if isinstance(record.event, CaseMigrated)]
    if not migrated:
        return
    ordered = {}
    for seq, body, _ in rows_of(OFFICE):
        with suppress(Diverged):  # the office's record has findings of its own
            event = parse(OFFICE, seq, body).event
            if isinstance(event, MigrationOrdered):
                ordered[event.batch] = event
    came_from: dict[str, str] = {}
    for record, event in migrated:
        order = ordered.get(event.batch)
        right = order is not None and (order.names, order.undoes) == (event.names, event.undoes)
        if order is not None and right:
            target = came_from.get(order.undoes) if order.undoes else order.definition
            right = target == event.definition and set(event.accepted) <= set(order.accepted)
        if not right:
            yield finding(
                number,
                "migration.not_ordered",
                say(
                    "case {case}, event {seq}: it went over to another version otherwise than was ordered",
                    case=number,
                    seq=record.seq,
                ),
            )
        came_from[event.batch] = event.was


def _check_calendars(
    number: str, history: Sequence[Record], calendars: Sequence[tuple[str, str]]
) -> Iterator[Diverged]:
    """A case is counted by calendars that were in force in the office, by none before its time, and takes a
    change over at its instant, or right after what had happened by then."""
    place = -1
    for before, record in zip([None, *history], history, strict=False):
        match record.event:
            case CaseOpened(calendar=calendar):
                if b'"calendar":' not in record.body:
                    return  # opened before calendars were on record
                # In a rehearsal office a case may be opened before the office was.
                latest = max(record.at, calendars[0][0]) if calendars else ""
                place = _place(calendars, calendar, latest)
                right = place >= 0
            case CalendarRevised(calendar=calendar):
                since = calendars[place + 1][0] if 0 <= place < len(calendars) - 1 else ""
                taken = [n for n, (_, named) in enumerate(calendars) if n > place and named == calendar]
                right = bool(taken) and before is not None and record.at == max(since, before.at)
                place = taken[0] if taken else place
            case _:
                continue
        if not right:
            yield finding(
                number,
                "calendar.not_in_force",
                say(
                    "case {case}, event {seq}: its terms are counted by a calendar that was not in force",
                    case=number,
                    seq=record.seq,
                ),
            )
            return


def _place(calendars: Sequence[tuple[str, str]], calendar: str, until: str) -> int:
    """Which of the calendars in force it is: the last one up to the instant `until`; -1 for none."""
    places = [n for n, (since, named) in enumerate(calendars) if named == calendar and since <= until]
    return max(places, default=-1)


def _check_head(number: str, found: Head | None, derived: Head) -> Iterator[Diverged]:
    if found is None:
        yield finding(number, "head.missing", say("case {case} has a history but no head", case=number))
    elif (found.seq, found.hash) != (derived.seq, derived.hash):
        yield finding(
            number,
            "head.elsewhere",
            say(
                "case {case}, event {seq}: the history ends here, but the head stands at event {head}",
                case=number,
                seq=derived.seq,
                head=found.seq,
            ),
        )
    elif found != derived and _respelled(found) != derived:
        yield finding(
            number,
            "head.differs",
            say(
                "case {case}: its stored state after event {seq} is not what its history gives",
                case=number,
                seq=derived.seq,
            ),
        )


def _respelled(head: Head) -> Head:
    """The head with its state spelled as it would be now: earlier versions wrote 0.00001 as 1e-05."""
    with suppress(*SENSELESS):
        return head._replace(state=Case.unpack(head.state).pack())
    return head


def _check_list(
    number: str, seq: int, what: Text, found: Iterable[tuple[Any, ...]], derived: Iterable[tuple[Any, ...]]
) -> Iterator[Diverged]:
    if set(found) != set(derived):
        yield finding(
            number,
            "list.differs",
            say(
                "case {case}: the list of its {what} after event {seq} is not what its history gives",
                case=number,
                seq=seq,
                what=what,
            ),
        )
