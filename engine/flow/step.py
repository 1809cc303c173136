"""The semantics of BPMN, as one pure function over a small marking.

`step(net, marking, input, now) → (marking, effects)` takes one thing that happens (the process starts,
a task is completed, a message, signal or timer arrives) and moves tokens until nothing more can move
by itself. Live cases, replay, rehearsal and exploration all run this code. It reads no clock, draws no
random number and depends on no order but document order and order of arrival, so equal inputs give
equal bytes everywhere.

Here is what goes in and what comes out; `run` has the rooms in which it happens. Section numbers are
those of BPMN 2.0.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct, field

from .marking import Marking
from .net import Net
from .run.board import Almanac, Effect, Glimpse, Witness, effects_of

__all__ = ["EXACT", "Almanac", "Effect", "Glimpse", "Input", "effects_of", "step"]

EXACT = Almanac()


# --- what goes in


class Start(Struct, frozen=True):
    """The process begins with these variables; `zone` is where instants without offset are read."""

    data: dict[str, Any]
    zone: str


class Complete(Struct, frozen=True):
    """The open task with identity `task` is done, with these answers; `also` are variables that are set
    beside them, where the activity stands."""

    task: str
    data: dict[str, Any]
    also: Mapping[str, Any] = field(default_factory=dict)


class Message(Struct, frozen=True):
    """A message arrives; one waiting event takes it, or it waits for one (§10.5.1)."""

    name: str
    data: dict[str, Any]


class Signal(Struct, frozen=True):
    """A signal is broadcast: every event that waits for it at this moment fires (§10.5.1)."""

    name: str
    data: dict[str, Any]


class Fire(Struct, frozen=True):
    """The armed timer `timer` is due."""

    timer: str


class Revise(Struct, frozen=True):
    """The calendar has changed (the almanac of this step is the new one): running terms are counted again."""


class Retry(Struct, frozen=True):
    """What stopped as an incident at `visit` is tried again, after the variables `data` were put right."""

    visit: str
    data: dict[str, Any] = field(default_factory=dict)


Input = Start | Complete | Message | Signal | Fire | Revise | Retry


def step(
    net: Net,
    marking: Marking | None,
    given: Input,
    now: datetime,
    almanac: Almanac = EXACT,
    witness: Witness | None = None,
) -> tuple[Marking, list[Effect]]:
    """Apply `given` at `now`; return the new marking and what happened, in order. `witness` is told more.

    `marking` is left as it was; it is None exactly when `given` is a `Start`. Raises `Invalid` when the
    input can't be taken (no such open task, nobody ever receives that message, the process has ended)
    or when tokens would move for ever.
    """
    from .run.take import take  # whoever only looks at a marking needs none of the semantics

    return take(net, marking, given, now, almanac, witness)
