"""Terms (`20wd`, `30d`, `2h`) and the counting of them, day by day.

The Civil Code counts (arts. 200-204): the day on which a term starts is not counted; a term in days ends
at the office's closing time on its last day; if that day is not worked, it ends on the next that is.
Hours are plain hours. A pause is itself a term, counted by the same rule: the day it begins is not part
of it, the day it ends is. So the days from the day after `since` up to and including the day of `until`
are not counted, and days on which pauses overlap are left out once. No term ends while it is paused: a
moment that falls inside a pause is moved to the pause's end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

from ..errors import Invalid, Text, say
from .calendar import Calendar, Day
from .instants import OFFICE_ZONE, write_instant

Unit = Literal["wd", "d", "h"]

CLOSING = time(17, 30)
"""When an office closes that names no hour."""

_ONE_DAY = timedelta(days=1)
_ONE_HOUR = timedelta(hours=1)


class Term(Struct, frozen=True):
    """So many working days, calendar days or hours; `str` gives `20wd`."""

    n: int
    unit: Unit

    def __str__(self) -> str:
        return f"{self.n}{self.unit}"

    def text(self) -> Text:
        """The term in words."""
        return amount(self.n, self.unit)


def amount(n: int, unit: Unit) -> Text:
    """`n` units in words."""
    one = abs(n) == 1
    if unit == "wd":
        return say("{n} working day", n=n) if one else say("{n} working days", n=n)
    if unit == "d":
        return say("{n} calendar day", n=n) if one else say("{n} calendar days", n=n)
    return say("{n} hour", n=n) if one else say("{n} hours", n=n)


_TERM = re.compile(r"^\s*([0-9]{1,4})\s*(wd|d|h)\s*$")


def parse_term(text: str) -> Term:
    """A term as a person writes it: a number from 1 to 9999 and its unit. Raises `Invalid`."""
    found = _TERM.match(text)
    if not found or int(found[1]) == 0:
        raise Invalid(
            "clock.term",
            say("{found} is not a term.", found=text),
            expected=say("a number and its unit: 20wd (working days), 30d (calendar days) or 2h (hours)"),
            rule=say("A term has no default unit: laws count in working days and in calendar days."),
        )
    unit: Any = found[2]
    return Term(int(found[1]), unit)


def read_term(text: str) -> Term | None:
    """The term that `str` of one gave, or None for any other text."""
    found = _TERM.fullmatch(text)
    if not found or found[0] != f"{int(found[1])}{found[2]}" or found[1] == "0":
        return None
    unit: Any = found[2]
    return Term(int(found[1]), unit)


@dataclass(frozen=True, slots=True)
class Workdays:
    """A calendar as one unit lives it: `units` are the unit and those above it, nearest first."""

    calendar: Calendar
    units: tuple[str, ...] = ()
    zone: str = OFFICE_ZONE
    closing: time = CLOSING
    _seen: dict[date, Day] = field(default_factory=dict, repr=False, compare=False)

    def local(self, at: datetime) -> datetime:
        """The instant on the wall of the office."""
        return at.astimezone(ZoneInfo(self.zone))

    def date_of(self, at: datetime) -> date:
        """The day that the instant falls on in the office."""
        return self.local(at).date()

    def close(self, on: date) -> datetime:
        """When the office closes on that day (whether or not it works), in UTC."""
        return datetime.combine(on, self.closing, ZoneInfo(self.zone)).astimezone(UTC)

    def day(self, on: date) -> Day:
        """The day in this unit."""
        known = self._seen.get(on)
        if known is None:
            known = self._seen[on] = self.calendar.day(on, self.units)
        return known

    def settle(self, at: datetime) -> datetime:
        """The first closing time of a working day at or after `at`."""
        on = self.date_of(at)
        while not self.day(on).works or self.close(on) < at:
            on += _ONE_DAY
        return self.close(on)


class Standstill(Struct, frozen=True):
    """A stretch during which the clock does not run; `until` is None while it lasts."""

    since: datetime
    until: datetime | None


def standstills(pauses: Iterable[Standstill]) -> tuple[Standstill, ...]:
    """The pauses in order, those that overlap or touch made one."""
    merged: list[Standstill] = []
    for pause in sorted(pauses, key=lambda pause: pause.since):
        last = merged[-1] if merged else None
        if last is None or (last.until is not None and pause.since > last.until):
            merged.append(pause)
        elif last.until is not None:
            until = None if pause.until is None else max(last.until, pause.until)
            merged[-1] = Standstill(last.since, until)
    return tuple(merged)


Note = Literal["first", "counted", "skipped", "paused", "last"]


class Row(Struct, frozen=True):
    """One line of the derivation: a day and what it was for the term.

    `first`: the starting day; `counted`: the `n`th day; `skipped`: not worked; `paused`: the clock stood
    still; `last`: a day on which the term ends because its counted last day could not be its end.
    """

    day: Day
    note: Note
    n: int | None = None

    def as_json(self) -> dict[str, Any]:
        """The day's JSON with `note` and `n`."""
        return {**self.day.as_json(), "note": self.note, "n": self.n}

    def text(self) -> Text:
        """`2026-02-16 Mon  not counted: 春节: day off by the notice for 2026`."""
        shown = {"date": self.day.date.isoformat(), "weekday": _weekday(self.day.date)}
        reason = self.day.reason()
        if self.note == "first":
            return say("{date} {weekday}  the first day is not counted", **shown)
        if self.note == "counted":
            return say("{date} {weekday}  day {n} ({reason})", **shown, n=self.n, reason=reason)
        if self.note == "skipped":
            return say("{date} {weekday}  not counted: {reason}", **shown, reason=reason)
        if self.note == "paused":
            return say("{date} {weekday}  not counted: the clock is paused", **shown)
        return say("{date} {weekday}  the term ends on this day ({reason})", **shown, reason=reason)


class Due(Struct, frozen=True):
    """When a term ends: the instant, the day in the office's zone, and whether it is provisional
    because it rests on days of a year that is not announced."""

    at: datetime
    date: date
    provisional: bool


class Count(Struct, frozen=True):
    """A term counted: `used[k]` is when its `k`th unit is over (None: not while it stands still),
    `due` its end (None while it stands still), `rows` the derivation (empty for hours)."""

    start: datetime
    term: Term
    used: tuple[datetime | None, ...]
    due: Due | None
    rows: tuple[Row, ...]

    def as_json(self) -> dict[str, Any]:
        """`{start, term, due, due_at, provisional, days}`; `due` is a date, instants are in UTC."""
        return {
            "start": write_instant(self.start),
            "term": str(self.term),
            "due": self.due.date.isoformat() if self.due else None,
            "due_at": write_instant(self.due.at) if self.due else None,
            "provisional": bool(self.due and self.due.provisional),
            "days": [row.as_json() for row in self.rows],
        }


def due(start: datetime, term: Term, workdays: Workdays) -> Due:
    """The end of a term that nothing interrupts. Raises `Invalid` for a start out of all range."""
    end = count(start, term, workdays).due
    assert end  # noqa: S101 - only a standstill leaves a term without an end
    return end


def count(
    start: datetime,
    term: Term,
    workdays: Workdays,
    pauses: Sequence[Standstill] = (),
    total: int | None = None,
) -> Count:
    """Count `term` (or `total` units of it, extensions included) from `start`, leaving out the `pauses`
    (merged, by `standstills`). Raises `Invalid` for a start before 1900 or after 2200."""
    if not 1900 <= start.year <= 2200:
        raise Invalid(
            "clock.out_of_range",
            say("No term can be counted from {start}.", start=start.isoformat()),
            expected=say("a start between the years 1900 and 2200"),
        )
    total = term.n if total is None else total
    if term.unit == "h":
        used = tuple(_hours(start, total, pauses))
        end = used[total]
        due = Due(end, workdays.date_of(end), False) if end else None
        return Count(start, term, used, due, ())
    rows, used = _days(start, total, term.unit, workdays, pauses)
    at = _end(used[total], workdays, pauses)
    if at is None:
        return Count(start, term, used, None, tuple(rows))
    last = workdays.date_of(at)
    decisive = len(rows) - 1 if term.unit == "d" else 1
    rows += _after(rows[-1].day.date, last, workdays, pauses)
    provisional = any(row.day.status == "projected" and row.note != "paused" for row in rows[decisive:])
    return Count(start, term, used, Due(at, last, provisional), tuple(rows))


def _hours(start: datetime, total: int, pauses: Sequence[Standstill]) -> Iterator[datetime | None]:
    yield start
    at: datetime | None = start
    for _ in range(total):
        left = _ONE_HOUR
        for pause in pauses:
            if at is None or (pause.until is not None and pause.until <= at):
                continue
            running = max(pause.since - at, timedelta(0))
            if running >= left:
                break
            left -= running
            at = pause.until
        at = at + left if at else None
        yield at


def _days(
    start: datetime, total: int, unit: Unit, workdays: Workdays, pauses: Sequence[Standstill]
) -> tuple[list[Row], tuple[datetime | None, ...]]:
    """The rows up to the last counted day (or the day a pause without end began), and `used`."""
    on = workdays.date_of(start)
    rows = [Row(workdays.day(on), "first")]
    used: list[datetime | None] = [start]
    stop = next((workdays.date_of(pause.since) for pause in pauses if pause.until is None), None)
    while len(used) <= total:
        on += _ONE_DAY
        if stop is not None and on > stop:
            used += [None] * (total + 1 - len(used))
            break
        day = workdays.day(on)
        if _paused_on(on, workdays, pauses):
            rows.append(Row(day, "paused"))
        elif unit == "wd" and not day.works:
            rows.append(Row(day, "skipped"))
        else:
            rows.append(Row(day, "counted", len(used)))
            used.append(_outside(workdays.close(on), pauses))
    return rows, tuple(used)


def _paused_on(on: date, workdays: Workdays, pauses: Sequence[Standstill]) -> bool:
    """Whether the day belongs to a pause: after the day it began, up to the day it ended."""
    return any(
        workdays.date_of(pause.since) < on and (pause.until is None or on <= workdays.date_of(pause.until))
        for pause in pauses
    )


def _outside(at: datetime, pauses: Sequence[Standstill]) -> datetime | None:
    """`at`, or the end of the pause that it falls into."""
    for pause in pauses:
        if pause.since < at and (pause.until is None or at < pause.until):
            return pause.until
    return at


def _end(at: datetime | None, workdays: Workdays, pauses: Sequence[Standstill]) -> datetime | None:
    """The first closing time of a working day, at or after `at`, that no pause covers."""
    while at is not None:
        close = workdays.settle(at)
        at = _outside(close, pauses)
        if at == close:
            break
    return at


def _after(counted: date, last: date, workdays: Workdays, pauses: Sequence[Standstill]) -> Iterator[Row]:
    """The rows between the last counted day and the day on which the term ends, if they differ."""
    on = counted
    while on < last:
        on += _ONE_DAY
        paused = _paused_on(on, workdays, pauses)
        yield Row(workdays.day(on), "last" if on == last else "paused" if paused else "skipped")


def _weekday(on: date) -> Text:
    return (say("Mon"), say("Tue"), say("Wed"), say("Thu"), say("Fri"), say("Sat"), say("Sun"))[on.weekday()]
