"""Time (floor 1): instants, durations, and the one place where the clock is read.

Instants travel as aware `datetime`s and are written as text in UTC with microseconds, so that their
order as text is their order in time. A naive datetime is a bug; what a person or a diagram writes
without an offset is read in the office's zone.
"""

from __future__ import annotations

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

__all__ = [
    "OFFICE_ZONE",
    "Cycle",
    "NotATime",
    "add_duration",
    "now",
    "parse_cycle",
    "parse_instant",
    "read_instant",
    "write_instant",
]
