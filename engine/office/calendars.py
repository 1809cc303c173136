"""How a change of the calendar reaches open cases: put forward, planned, applied on record.

A calendar that is put forward counts nothing. Once applied, every open case takes it over at that instant:
at once when `apply` gets to it, or else before the next thing that happens to the case, with the same
result. Closed cases keep the calendar of their time.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from ..case import revision
from ..clock import Calendar, read_instant, write_instant
from ..errors import Invalid, say
from ..events import (
    OFFICE,
    CalendarApplied,
    CalendarImported,
    ClockReprojected,
    TimerMoved,
    parse,
)
from ..store import Reader, Transaction
from .draft import append_office, state_of
from .library import STANDING, Library, Standing, head_of_case, put_calendar

BATCH = 200
"""Cases looked up at a time."""


class Move(NamedTuple):
    """A due date of an open case that a calendar moves: of a `clock` or a `timer` with this `id`."""

    case: str
    kind: str
    id: str
    was: str | None
    due: str | None
    provisional: bool


def proposal(reader: Reader) -> str | None:
    """The calendar that was put forward last and is not applied yet, by digest."""
    for seq, body in reader.backwards(OFFICE):
        match parse(OFFICE, seq, body).event:
            case CalendarApplied():
                return None
            case CalendarImported(content=content):
                return content
    return None


def propose(tx: Transaction, calendar: Calendar, note: str, now: datetime, by: dict[str, Any]) -> str:
    """Put a calendar forward; its digest."""
    named = put_calendar(tx, calendar)
    if proposal(tx) != named:
        append_office(tx, now, [CalendarImported(named, note)], by)
    return named


def chosen(reader: Reader, standing: Standing, calendar: str | None) -> str:
    """The calendar that is to be applied: the one put forward, which must begin with `calendar` if given.
    Raises `Invalid`."""
    waiting = proposal(reader)
    if waiting is None and calendar and standing.calendars[-1][1].startswith(calendar):
        return standing.calendars[-1][1]  # applied before: what an interruption left is finished
    if waiting is None or (calendar and not waiting.startswith(calendar)):
        raise Invalid(
            "calendar.not_proposed",
            say("no calendar has been put forward")
            if waiting is None
            else say("another calendar has been put forward since"),
            expected=say("{calendar}", calendar=calendar[:12] if calendar else "—"),
            found=say("{calendar}", calendar=waiting[:12] if waiting else "—"),
            rule=say("what is applied is what was planned and reviewed"),
            remedy=say("bring one in with `lianban clock import`, then look at `lianban clock plan`"),
        )
    return waiting


def open_cases(reader: Reader) -> Iterator[str]:
    """Every open case, in order of its number."""
    after = ""
    while found := reader.open_cases(after, BATCH):
        yield from found
        after = found[-1]


def plan(
    reader: Reader, library: Library, standing: Standing, calendar: str, now: datetime
) -> Iterator[tuple[str, list[Move]]]:
    """Each open case with the due dates that `calendar` would move, were it applied at `now`."""
    calendar_of = partial(library.calendar, reader)
    for number in open_cases(reader):
        head = head_of_case(reader, number)
        state = state_of(head)
        definition = library.definition(reader, head.definition)
        at = max(now, read_instant(state.at))
        if not state.calendar or state.calendar == calendar:
            yield number, []
            continue
        moves = []
        for event in revision(state, definition, at, calendar, calendar_of):
            match event:
                case ClockReprojected(clock=id, was=was, due=due, provisional=provisional):
                    moves.append(Move(number, "clock", id, was, due, provisional))
                case TimerMoved(timer=id, was=was, due=due, provisional=provisional):
                    moves.append(Move(number, "timer", id, was, due, provisional))
        yield number, moves


def put_in_force(
    tx: Transaction, standing: Standing, calendar: str, now: datetime, by: dict[str, Any]
) -> None:
    """Let terms be counted by `calendar` from `now` on; nothing to do if they are. Raises `Invalid` when a
    later change is on record."""
    since, last = standing.calendars[-1]
    if last == calendar:
        return
    if write_instant(now) <= since:
        raise Invalid(
            "clock.backwards",
            say("a calendar was applied at {since} already", since=since),
            expected=say("an instant after {since}", since=since),
            found=say("{now}", now=write_instant(now)),
            remedy=say("check --now, or the clock of this machine"),
        )
    append_office(tx, now, [CalendarApplied(calendar)], by)
    changed = standing._replace(calendars=(*standing.calendars, (write_instant(now), calendar)))
    tx.set_meta(STANDING, changed.text())
