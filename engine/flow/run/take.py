"""One step of a process, from what is given to where no token can move by itself any more."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from ...errors import Invalid, say
from ..marking import Frame, Marking, begins, copy_data, copy_marking, open_tasks, receives
from ..net import Net, the
from ..step import Complete, Fire, Input, Message, Retry, Revise, Signal, Start
from . import activities, events, faults, loops, moves, timers
from .board import Almanac, Board, Effect, Witness, Wrote


def take(
    net: Net,
    marking: Marking | None,
    given: Input,
    now: datetime,
    almanac: Almanac,
    witness: Witness | None,
) -> tuple[Marking, list[Effect]]:
    """What `step` says."""
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
            _apply(board, given)
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


def _apply(board: Board, given: Complete | Message | Signal | Fire | Revise | Retry) -> None:
    match given:
        case Complete():
            _complete_task(board, given)
        case Message():
            if _may_take(board, "message", given.name):
                board.marking["mail"].append({"name": given.name, "data": given.data})
        case Signal():
            if _may_take(board, "signal", given.name):
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


def _may_take(board: Board, kind: Literal["message", "signal"], name: str) -> bool:
    """Whether an event of this run may ever take it. What only begins the process in another way begins
    another run of it (§10.5.2) and is nothing to this one; a name the diagram does not have is refused."""
    if receives(board.net, kind, name):
        return True
    if begins(board.net, kind, name):
        return False
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
