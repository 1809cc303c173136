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
from typing import Any, Literal

from msgspec import Struct, field

from ..errors import Invalid, say
from .marking import Frame, Marking, copy_data, copy_marking, open_tasks, receives
from .net import Net, the
from .run import activities, events, faults, loops, moves, timers
from .run.board import Almanac, Board, Effect, Witness, Wrote
from .run.moves import MOST_MOVES

__all__ = ["EXACT", "MOST_MOVES", "Almanac", "Effect", "Input", "step"]

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
    if marking is None and not isinstance(given, Start):
        raise ValueError("a process is first started")
    if marking is not None and marking["state"] != "running":
        raise Invalid(
            "process.ended",
            say("the process has ended; nothing more can happen in it"),
            remedy=say("look at its history"),
        )
    fresh = _new_marking(net, given) if isinstance(given, Start) else copy_marking(the(marking))
    board = Board(net, fresh, now, almanac, witness)
    try:
        if isinstance(given, Start):
            for name, value in given.data.items() if witness is not None else ():
                board.shown(Wrote("", name, value, "opening", "", ""))
            moves.begin_scope(board, "")
        else:
            _take(board, given)
        moves.settle(board)
    except RecursionError:
        # Scopes end and are cancelled from the inside out; calls inside subprocesses inside calls may nest
        # too deep for that.
        raise Invalid(
            "process.too_deep",
            say("the scopes of the process are nested too deep"),
            remedy=say("let subprocesses and called processes follow each other instead"),
        ) from None
    return board.marking, board.effects


def _new_marking(net: Net, start: Start) -> Marking:
    root: Frame = {
        "scope": net.process,
        "data": copy_data(start.data),
        "sealed": True,
        "live": {},
        "joins": {},
        "visits": {},
    }
    return {"state": "running", "zone": start.zone, "serial": 0, "frames": {"": root}, "mail": []}


def _take(board: Board, given: Complete | Message | Signal | Fire | Revise | Retry) -> None:
    match given:
        case Complete():
            _complete_task(board, given)
        case Message():
            _need_receiver(board, "message", given.name)
            board.marking["mail"].append({"name": given.name, "data": given.data})
        case Signal():
            _need_receiver(board, "signal", given.name)
            events.broadcast(board, given.name, given.data)
        case Fire():
            events.fire_timer(board, given.timer)
        case Revise():
            timers.revise(board)
        case Retry():
            _retry(board, given)


def _complete_task(board: Board, given: Complete) -> None:
    frame_id = _frame_of(board, given.task)
    if frame_id is not None:
        node = board.node(frame_id, board.visit(frame_id, given.task)["node"])
        board.write_answers(frame_id, node, given.data)
        # An instance keeps what is written in it to itself; what is said beside it is for all.
        alone = "only" in board.frames[frame_id]
        board.write(board.frames[frame_id]["up"] if alone else frame_id, given.also, "beside", node.id)
        activities.complete(board, frame_id, given.task)
        return
    open_now = ", ".join(waiting.id for waiting in open_tasks(board.marking))
    raise Invalid(
        "step.closed",
        say("step {step} is not open", step=given.task),
        expected=say("one of the open steps: {steps}", steps=open_now or "—"),
        found=say("{step}", step=given.task),
        remedy=say("look where the case stands and choose an open step"),
    )


def _frame_of(board: Board, task: str) -> str | None:
    """The frame in which the task is open; an instance that waits without one gets it back."""
    host, _, index = task.rpartition(":")
    for frame_id, frame in board.frames.items():
        visit = frame["live"].get(task)
        if visit is not None and visit["wait"] == "task":
            return frame_id
        visit = frame["live"].get(host)
        if visit is not None and "multi" in visit and index in visit["multi"]["waiting"]:
            return loops.unshelve(board, frame_id, host, index)
    return None


def _need_receiver(board: Board, kind: Literal["message", "signal"], name: str) -> None:
    if not receives(board.net, kind, name):
        raise Invalid(
            f"{kind}.unknown",
            say("nothing in this process ever waits for {kind} {name}", kind=kind, name=name),
            expected=say("a {kind} that the diagram catches", kind=kind),
            found=say("{name}", name=name),
            remedy=say("check the name against the diagram"),
        )


def _retry(board: Board, given: Retry) -> None:
    if not faults.retry(board, given.visit, given.data):
        raise Invalid(
            "incident.unknown",
            say("nothing has failed at {step}", step=given.visit),
            found=say("{step}", step=given.visit),
            remedy=say("look where the case stands and choose what has failed"),
        )
