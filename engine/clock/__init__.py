"""Time (floor 1): instants, durations, working-day calendars, deadlines, and the one place where the
clock is read.

Instants travel as aware `datetime`s and are written as text in UTC with microseconds, so that their
order as text is their order in time. A naive datetime is a bug; what a person or a diagram writes
without an offset is read in the office's zone.

- `instants`: instants, ISO 8601 durations and cycles;
- `calendar`: which days an office works, as data under a digest (`years/` holds what is shipped);
- `terms`: working days, calendar days and hours, counted day by day;
- `ledger`: a deadline with its pauses, extensions and restarts, and what follows from them. Its acts are
  verbs (`ledger.pause(...)`), so it is used by its own name: `from .clock import ledger`.
"""

from __future__ import annotations

from .calendar import (
    Calendar,
    Day,
    Overlay,
    Year,
    overlays_from_file,
    shipped,
    year_from_file,
    year_from_library,
)
from .instants import (
    OFFICE_ZONE,
    Cycle,
    NotATime,
    add_duration,
    now,
    parse_cycle,
    parse_instant,
    read_instant,
    write_instant,
)
from .terms import CLOSING, Count, Due, Term, Workdays, count, due, parse_term, read_term

__all__ = [
    "CLOSING",
    "OFFICE_ZONE",
    "Calendar",
    "Count",
    "Cycle",
    "Day",
    "Due",
    "NotATime",
    "Overlay",
    "Term",
    "Workdays",
    "Year",
    "add_duration",
    "count",
    "due",
    "now",
    "overlays_from_file",
    "parse_cycle",
    "parse_instant",
    "parse_term",
    "read_instant",
    "read_term",
    "shipped",
    "write_instant",
    "year_from_file",
    "year_from_library",
]
