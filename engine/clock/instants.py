"""Instants, ISO 8601 durations and repeating intervals."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import isodate
from msgspec import Struct

OFFICE_ZONE = "Asia/Shanghai"
"""The zone of an office that names none (design §5)."""


class NotATime(ValueError):
    """The text is not the instant, duration or cycle it should be."""


def now() -> datetime:
    """The present instant. No other function in lianban reads the machine's clock."""
    return datetime.now(UTC)


def write_instant(moment: datetime) -> str:
    """`moment` as fixed-width UTC text, e.g. `2026-03-01T01:00:00.000000Z`. ValueError if naive."""
    if moment.tzinfo is None:
        raise ValueError(f"naive datetime: {moment!r}")
    return moment.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def read_instant(text: str) -> datetime:
    """The inverse of `write_instant`."""
    return datetime.fromisoformat(text)


def parse_instant(text: str, zone: str = OFFICE_ZONE) -> datetime:
    """An instant as a person writes it: ISO 8601 date or date-time, in `zone` if it has no offset.

    A bare date is its first moment. Raises `NotATime`.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=ZoneInfo(zone))
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise NotATime(text) from error


def add_duration(start: datetime, text: str, zone: str = OFFICE_ZONE) -> datetime:
    """`start` plus an ISO 8601 duration, on the calendar of `zone`.

    Months and years keep the day of the month, or take the month's last day (31 January + P1M is
    28 or 29 February), as XML Schema part 2, appendix E says. Raises `NotATime`, also for a negative
    duration: nothing is due before it begins.
    """
    try:
        local = start.astimezone(ZoneInfo(zone))
        span = isodate.parse_duration(text.strip())
        if isinstance(span, timedelta):
            end = start + span
        else:
            end = (span + local.replace(tzinfo=None)).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
        if end < start:
            raise ValueError("negative")
        return end
    except (isodate.ISO8601Error, ValueError, OverflowError, TypeError) as error:
        raise NotATime(text) from error


class Cycle(Struct, frozen=True):
    """A repeating interval: fires `times` times (None: without end), every `every`, which is an ISO 8601
    duration or a term (`5wd`)."""

    times: int | None
    start: datetime | None
    every: str


_CYCLE = re.compile(r"^R(\d*)/(?:([^/]+)/)?([^/]+)$")
_A_TERM = re.compile(r"[1-9][0-9]{0,3}(?:wd|d|h)")
"""A term as `str` of one writes it (`terms` builds on this module, so its reader can't be asked here)."""


def parse_cycle(text: str, zone: str = OFFICE_ZONE) -> Cycle:
    """`R3/PT1H`, `R/P1D`, `R3/2026-01-01T09:00:00Z/PT1H`, or with a term in place of the duration: `R3/5wd`.
    Raises `NotATime`."""
    found = _CYCLE.match(text.strip())
    if not found:
        raise NotATime(text)
    count, first, last = found.groups()
    times = int(count) if count else None
    if not _A_TERM.fullmatch(last):
        if not last.upper().startswith("P"):
            raise NotATime(text)
        add_duration(datetime(2000, 1, 1, tzinfo=UTC), last)
    return Cycle(times, parse_instant(first, zone) if first else None, last)
