"""What proves a history: replay, verification, and deriving everything else from it again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from functools import cache, partial
from typing import Any

from .. import audit
from ..case import CalendarOf, Case, Watch
from ..clock import read_instant
from ..definition import Definition
from ..errors import Diverged, Refusal, say
from ..events import OFFICE, Event, Record
from ..organisation import Organisation
from ..projections import derive
from ..store import Head, Reader, Transaction
from .draft import office_head, paper, state_of
from .library import (
    COUNTED,
    STANDING,
    Library,
    Standing,
    find_case,
    load_calendar,
    load_definition,
    recorded_organisations,
    standing,
    standing_of,
)
from .publishing import Abolition, abolitions


def history(reader: Reader, case: str) -> list[Record]:
    """As `Office.history`."""
    number = case if case == OFFICE else find_case(reader, case).case
    return audit.records(number, reader.records(number))


def replay(
    reader: Reader, library: Library, number: str, watch: Watch | None = None
) -> Iterator[tuple[Record, Case]]:
    """The history of the case, run again while `watch` looks on. Raises `Diverged` where it does not
    follow."""
    return audit.replay(
        number,
        audit.records(number, reader.records(number)),
        partial(library.definition, reader),
        partial(library.calendar, reader),
        watch,
    )


def accountability(reader: Reader, library: Library, case: str | None, now: datetime) -> dict[str, Any]:
    """As `Office.accountability`."""
    from .. import accountability

    numbers: Iterable[str] = (number for number in reader.streams() if number != OFFICE)
    if case is not None:
        numbers = [find_case(reader, case).case]
    replays = (replay(reader, library, number) for number in numbers)
    organisation = library.organisation(reader, standing(reader), now)
    return accountability.report(replays, partial(library.definition, reader), organisation, now)


def why(reader: Reader, library: Library, case: str, what: str | None, now: datetime) -> dict[str, Any]:
    """As `Office.why`."""
    from .. import causes

    number = find_case(reader, case).case
    trace = causes.Trace(
        number,
        audit.records(number, reader.records(number)),
        partial(library.definition, reader),
        partial(library.calendar, reader),
    )
    return causes.why(trace, library.organisation(reader, standing(reader), now), what)


def verify(
    reader: Reader,
    case: str | None,
    progress: Callable[[int], None],
    copy: bytes | None,
    key: str,
    checked: Counter[str],
) -> tuple[int, list[Diverged]]:
    """As `Office.verify`."""
    findings: list[Diverged] = []
    issued: list[str] = []
    named: set[str] = set()
    # All that is counted is told, even where there is none of it.
    checked.update(dict.fromkeys(CHECKED, 0))
    # Not those in memory: what is to be checked is what the database holds.
    definition_of = cache(partial(load_definition, reader))
    calendar_of = cache(partial(load_calendar, reader))
    # What is wrong with these, the office's own history tells.
    organisation_of, made, in_force, publications = None, None, None, None
    with suppress(Refusal, *audit.SENSELESS):
        in_force = standing_of(reader.meta(STANDING))
        library = Library()
        organisation_of = organisation_of_records(reader, library, in_force)
        made = _made(reader, library, in_force, calendar_of)
    with suppress(Refusal, *audit.SENSELESS):
        publications = audit.Publications(audit.records(OFFICE, reader.records(OFFICE)))
    in_time = in_force.calendars if in_force else ()
    ended: dict[str, Abolition] = {}
    with suppress(Refusal, *audit.SENSELESS):
        ended = abolitions(reader)
    archive = audit.Archive(
        definition_of,
        calendar_of,
        reader.content,
        organisation_of,
        made,
        in_time,
        publications,
        reader.records,
    )
    numbers = [find_case(reader, case).case] if case is not None else list(reader.streams())
    if case is None and OFFICE not in numbers:
        numbers.append(OFFICE)  # that it is gone is to be found
    findings += audit.unfit(reader.unfit(None if case is None else numbers[0]))

    def check_office() -> Iterator[Diverged]:
        rows = reader.records(OFFICE)
        named.update(audit.contents_named(rows))
        return audit.verify_office(
            rows,
            reader.head(OFFICE),
            reader.definitions(),
            in_force.organisations if in_force else (),
            in_force.earlier if in_force else 0,
            in_time,
            ended,
            definition_of,
            reader.content,
            checked,
        )

    def check_case(number: str) -> Iterator[Diverged]:
        head, documents = reader.head(number), reader.documents(number)
        issued.extend(row.number for row in documents)
        tasks, timers, messages = reader.tasks(number), reader.timers(number), reader.outbox(number)
        kept = audit.Kept(head, tasks, timers, documents, messages)
        rows = reader.records(number)
        named.update(audit.contents_named(rows))
        yield from audit.verify_case(number, rows, kept, archive, checked)
        yield from _behind(number, head, in_time, reader.meta(COUNTED))

    for number in numbers:
        check = check_office if number == OFFICE else partial(check_case, number)
        findings += audit.guarded(number, check)
        progress(1)
    if case is None:
        findings += audit.guarded(OFFICE, lambda: _numbers(reader, numbers, issued, checked))
        findings += audit.guarded(OFFICE, lambda: audit.verify_contents(reader.unnamed(named)))
        findings += audit.guarded(OFFICE, lambda: audit.verify_strays(reader.strays()))
    from . import sealing  # other proofs need none of it

    kept = sealing.read_copy(copy)
    seals = partial(sealing.verify, reader, numbers, case is None, kept, key, checked)
    findings += audit.guarded(OFFICE, seals)
    return len(numbers), findings


def _numbers(
    reader: Reader, cases: Sequence[str], documents: Sequence[str], checked: Counter[str]
) -> Iterator[Diverged]:
    """The numbers that were given, against those that there are; a row that says none is told elsewhere."""
    given = [row for row in reader.numbers() if (type(row[0]), type(row[1])) == (str, int)]
    checked["numbers"] += sum(last for _, last in given)
    return audit.verify_numbers(cases, documents, given)


CHECKED = (
    *("events", "acts", "documents", "numbers", "definitions", "organisations", "calendars", "seals"),
    "copied",
)
"""What is counted: records; acts of people, judged by the organisation of their time; documents, made again;
numbers of cases and documents; versions on the office's record; seals, and those of them in the copy."""


def organisation_of_records(reader: Reader, library: Library, in_force: Standing) -> audit.OrganisationOf:
    """The organisation that a record was judged by: the version that it names, if that was in force by
    then; of records from before versions were named, the one in force. Raises `Diverged` when none can be
    read."""
    library.latest(reader, in_force)

    recorded = recorded_organisations(reader)

    def organisation_of(record: Record) -> Organisation:
        at = read_instant(record.at)
        version = record.by.get("org", library.version_at(reader, in_force, at))
        known = isinstance(version, int) and 1 <= version <= len(recorded)
        if not known or (version > 1 and recorded[version - 1][0] > record.at):
            raise Diverged(
                "replay.organisation",
                say("judged by a version of the organisation that was not in force"),
                found=say("{version}", version=str(version)),
                remedy=audit.REMEDY,
            )
        return library.version(reader, in_force, version, at)

    return organisation_of


def _made(reader: Reader, library: Library, in_force: Standing, calendar_of: CalendarOf) -> audit.Made:
    """Makes documents again by the organisation that they were made by: the version that the record names, on
    the day on which it was entered. Where time or a signal issued it, the record names none: then it was one
    that was on record by then, most likely the latest."""
    recorded = recorded_organisations(reader)

    def made(case: Case, definition: Definition, fact: Event, record: Record) -> Iterator[bytes]:
        event: Any = record.event
        known = [n for n, (since, _) in enumerate(recorded, 1) if since <= record.entered] or [1]
        for version in [record.by["org"]] if "org" in record.by else reversed(known):
            organisation = library.version(reader, in_force, version, read_instant(record.entered))
            at = read_instant(record.at)
            yield paper(case, definition, fact, calendar_of, organisation, at, record.by, event)

    return made


def rebuild(tx: Transaction, library: Library) -> int:
    """As `Office.rebuild`."""
    tx.drop_projections()
    numbers = list(tx.streams())
    definition_of = partial(library.definition, tx)
    calendar_of = partial(library.calendar, tx)
    for number in numbers:
        history = audit.records(number, tx.records(number))
        if number == OFFICE:
            tx.rebuild(office_head(history[-1], history[0].at), (), ())
        else:
            replayed = audit.replay(number, history, definition_of, calendar_of)
            head, lists = derive(replayed, definition_of)
            tx.rebuild(head, lists.opened, lists.armed)
    return len(numbers) - 1


def _behind(
    number: str, head: Head | None, calendars: Sequence[tuple[str, str]], counted: str | None
) -> Iterator[Diverged]:
    """An open case that sweeps pass over, although it has not taken over the calendar in force."""
    since, in_force = calendars[-1] if calendars else ("", "")
    if head is None or head.status != "open" or not counted or counted < since:
        return
    with suppress(Diverged):  # an unreadable head has been found
        calendar = state_of(head).calendar
        if calendar and calendar != in_force:
            yield Diverged(
                "calendar.behind",
                say("case {case} is not counted by the calendar in force", case=number),
                expected=say("{calendar}", calendar=in_force[:12]),
                found=say("{calendar}", calendar=calendar[:12]),
                remedy=say(
                    "run `lianban sweep`, and `lianban verify` again; if it stays, somebody changed the "
                    "database"
                ),
            )
