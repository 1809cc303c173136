"""How a change of the calendar reaches open cases: put forward, planned, applied on record.

A calendar that is put forward counts nothing. Once applied, every open case takes it over at that instant:
at once when `apply` gets to it, or else before the next thing that happens to the case, with the same
result. Closed cases keep the calendar of their time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from functools import partial
from typing import Any, NamedTuple

from ..case import EVERYWHERE
from ..clock import Calendar, Overlay, Year, read_instant, write_instant
from ..commands import revision
from ..course import Course
from ..errors import Invalid, say
from ..events import (
    OFFICE,
    CalendarApplied,
    CalendarImported,
    ClockReprojected,
    TimerMoved,
    parse,
)
from ..organisation import Organisation
from ..store import Head, Reader, Transaction
from .draft import append_office, settle, state_of
from .library import STANDING, Library, Standing, head_of_case, put_calendar

BATCH = 200
"""Cases looked up at a time."""

FEWEST, MOST = 10, 60
"""Days off that a year's notice may list. The holidays regulation (全国年节及纪念日放假办法) has never had
fewer than ten statutory days since 1999; with the weekends moved, no notice has listed more than forty."""

SHORTEST = 8
"""Digits of a calendar's digest that name it."""


class Move(NamedTuple):
    """A due date of an open case that a calendar moves: of a `clock` or a `timer` with this `id`."""

    case: str
    kind: str
    id: str
    was: str | None
    due: str | None
    provisional: bool
    at_once: bool
    """The change would put the date into the past: it becomes the instant of applying."""


def differences(old: Calendar, new: Calendar) -> list[dict[str, Any]]:
    """What `new` says otherwise: years (`year`, `status`, `sources`, `taken_from`), and local days (`unit`,
    `date`, `works`, `reason`, `document`; the last three None where a day is taken back)."""
    found: list[dict[str, Any]] = []
    for year in sorted(new.years):
        if old.years.get(year) != new.years[year]:
            found.append({"year": year, **new.years[year].citation()})
    for unit in sorted(old.overlays.keys() | new.overlays.keys()):
        before, after = old.overlays.get(unit, {}), new.overlays.get(unit, {})
        for on in sorted(before.keys() | after.keys()):
            if before.get(on) != after.get(on):
                day = after.get(on)
                found.append(
                    {
                        "unit": unit,
                        "date": on.isoformat(),
                        "works": day.works if day else None,
                        "reason": day.reason if day else None,
                        "document": day.document if day else None,
                    }
                )
    return found


def proposal(reader: Reader) -> str | None:
    """The calendar that was put forward last, by digest; None when it is the one in force."""
    waiting = None
    for seq, body in reader.backwards(OFFICE):
        match parse(OFFICE, seq, body).event:
            case CalendarApplied(content=content):
                return waiting if waiting != content else None
            case CalendarImported(content=content) if waiting is None:
                waiting = content
    return waiting


def changed(
    calendar: Calendar, change: Year | Mapping[str, Mapping[date, Overlay | None]], organisation: Organisation
) -> Calendar:
    """`calendar` with the year or the local days of `change`. Raises `Invalid` for a unit that there is not,
    and for a projection of a year that is announced."""
    if isinstance(change, Year):
        known = calendar.years.get(change.year)
        if known is not None and known.status == "official" and change.status == "projected":
            raise Invalid(
                "calendar.announced",
                say("the year {year} is announced; a projection can't take its place", year=change.year),
                expected=say("a year with the notice that orders it"),
                found=say("{source}", source=change.taken_from),
            )
        if change.status == "official" and not FEWEST <= len(change.off) <= MOST:
            raise Invalid(
                "calendar.partial",
                say("{count} days off are not those of a whole year", count=len(change.off)),
                expected=say("the whole notice: from {fewest} to {most} days off", fewest=FEWEST, most=MOST),
                found=say("{source}", source=change.taken_from),
                rule=say("dates of a year without its notice are provisional; part of a notice is none"),
                remedy=say("import the whole year"),
            )
        return calendar.with_year(change)
    strange = sorted(change.keys() - {EVERYWHERE, *organisation.units})
    if strange:
        raise Invalid(
            "calendar.unit",
            say("local days of units that are not in the organisation"),
            expected=say("one of: {units}", units=", ".join([EVERYWHERE, *organisation.units])),
            found=say("{units}", units=", ".join(strange)),
            remedy=say("{everywhere} stands for the whole county", everywhere=EVERYWHERE),
        )
    return calendar.with_overlays(change)


def propose(
    tx: Transaction,
    head: Head | None,
    base: str,
    calendar: Calendar,
    note: str,
    now: datetime,
    by: dict[str, Any],
) -> str:
    """Put a calendar forward in the place of `base`; its digest. Nothing to do if it is the same. `head` is
    the office's, as it was read before anything else: `Conflict` when it has moved."""
    named = put_calendar(tx, calendar)
    if named != base:
        append_office(tx, now, [CalendarImported(named, note)], by, head)
    return named


def chosen(waiting: str | None, in_force: str, calendar: str | None) -> str:
    """The calendar that is to be applied: the one that waits, which must begin with `calendar` if given.
    Raises `Invalid`."""
    if calendar is not None and len(calendar) < SHORTEST:
        raise Invalid(
            "calendar.digest",
            say("name the calendar by at least {count} digits of its digest", count=SHORTEST),
            found=say("“{calendar}”", calendar=calendar),
            rule=say("what is applied is what was planned and reviewed"),
            remedy=say("look at `lianban clock plan`"),
        )
    if calendar and in_force.startswith(calendar):
        return in_force  # applied before: what an interruption left is finished
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
    """Each case that is open at `now` with the due dates that `calendar` would move, were it applied then.
    Nothing is written: what time still has to do in a case is thought through first."""
    calendar_of = partial(library.calendar, reader)
    for number in open_cases(reader):
        head = head_of_case(reader, number)
        state = state_of(head)
        definition = library.definition(reader, head.definition)
        at = max(now, read_instant(state.at))
        course = Course(number, state, definition, lambda course, at, by, event: event, calendar_of)
        settle(course, standing, at)
        if course.case.closed:
            continue
        moves: list[Move] = []
        if not state.calendar:  # from before calendars were on record
            yield number, moves
            continue
        for event in revision(course.case, definition, at, calendar, calendar_of):
            match event:
                case ClockReprojected(clock=id, was=was, due=due, provisional=provisional):
                    moves.append(Move(number, "clock", id, was, due, provisional, due == write_instant(at)))
                case TimerMoved(timer=id, was=was, due=due, provisional=provisional):
                    moves.append(Move(number, "timer", id, was, due, provisional, due == write_instant(at)))
        yield number, moves


def put_in_force(
    tx: Transaction, head: Head | None, standing: Standing, calendar: str, now: datetime, by: dict[str, Any]
) -> None:
    """Let terms be counted by `calendar` from `now` on; nothing to do if they are. `head` is the office's, as
    it was read before anything else: `Conflict` when it has moved. Raises `Invalid` when a later change is on
    record."""
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
    latest = parse(OFFICE, *next(tx.backwards(OFFICE))).at
    if write_instant(now) < latest:
        raise Invalid(
            "clock.backwards",
            say("the office's history has gone further than {now}", now=write_instant(now)),
            expected=say("an instant not before {at}, its latest event", at=latest),
            found=say("{now}", now=write_instant(now)),
            rule=say("a history is written in the order of time"),
            remedy=say("check --now, or the clock of this machine"),
        )
    append_office(tx, now, [CalendarApplied(calendar)], by, head)
    changed = standing._replace(calendars=(*standing.calendars, (write_instant(now), calendar)))
    tx.set_meta(STANDING, changed.text())
