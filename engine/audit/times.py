"""Whether a history keeps the order of time: nothing later than it was entered, and time first."""

from __future__ import annotations

from collections.abc import Callable

from ..case import Case
from ..clock import read_instant
from ..definition import Definition
from ..errors import Diverged, Text, say
from ..events import ClockStruck, Record, TimerFired
from ..steps import next_fact_of_time
from .chain import REMEDY

ENTERED = say("nothing goes on record before it takes effect")
TIME_FIRST = say("time first: every clock due by then acts at its own instant, before anybody does anything")


class Times:
    """A witness: nothing is entered before it takes effect, and no clock that was due was passed over."""

    def __init__(self, definition_of: Callable[[str], Definition]) -> None:
        self._definition_of = definition_of
        self._cause: Record | None = None

    def __call__(self, before: Case | None, record: Record, case: Case) -> None:
        """Raises `Diverged` for a record that is out of time."""
        cause = self._cause
        if not record.event.fact:
            return  # the replay has compared its instants with those of its fact
        self._cause = record
        if read_instant(record.at) > read_instant(record.entered):
            raise _untimely("replay.entered", record, say("an entry at or after {at}", at=record.at), ENTERED)
        if before is None:
            return
        at = read_instant(record.at)
        due = next_fact_of_time(before, self._definition_of(before.definition), at)
        if isinstance(record.event, TimerFired | ClockStruck):
            if due != (at, record.event):
                expected = say("{event}", event=due[1].type) if due else say("nothing that time does")
                raise _untimely("replay.time_first", record, expected, TIME_FIRST)
        elif due is not None and not _same_act(cause, record):
            expected = say("{event} first, due at {due}", event=due[1].type, due=due[0].isoformat())
            raise _untimely("replay.time_first", record, expected, TIME_FIRST)


def _same_act(cause: Record | None, record: Record) -> bool:
    """Whether one person entered both at once: an opinion signs for the referral that it answers."""
    told = (record.at, record.entered, record.by)
    return cause is not None and "person" in record.by and (cause.at, cause.entered, cause.by) == told


def _untimely(code: str, record: Record, expected: Text, rule: Text) -> Diverged:
    return Diverged(
        code,
        say("{type} is out of the order of time", type=record.event.type),
        expected=expected,
        found=say("{at}, entered {entered}", at=record.at, entered=record.entered),
        rule=rule,
        remedy=REMEDY,
    )
