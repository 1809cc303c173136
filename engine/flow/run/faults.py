"""Errors and escalations (§10.5.1, §13.5.3), and incidents: what is done about faults of the diagram.

An error or escalation looks for who catches it from the inside out: the event subprocesses of the scope, the
edge of the activity that the scope belongs to, the event subprocesses around that, and so on, through
subprocesses, instances and called processes. Who names its code comes before who catches any.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from ...errors import say
from ..marking import Visit
from ..net import Event, Node, Scope, the
from . import activities, events, loops, moves
from .board import Board, Fault

UNCAUGHT = "error.uncaught"
"""The code of the incident of an error that nobody catches."""


class Catcher(NamedTuple):
    """The event that catches: `node` of `scope`, on visit `visit_id` of frame `frame_id`."""

    frame_id: str
    visit_id: str
    scope: Scope
    node: Node
    part: int | None
    event: Event


def is_caught(board: Board, frame_id: str, node: Node, visit_id: str, error: Event) -> bool:
    """Whether anybody catches the `error` that an end event is about to throw. One that nobody catches must
    not pass for a normal end: it is an incident."""
    if find_catcher(board, frame_id, None, "error", error.name) is not None:
        return True
    fault = Fault(UNCAUGHT, say("error {code} is caught nowhere", code=error.name or "—"))
    _add_incident(board, frame_id, node, visit_id, fault, None, stuck=False)
    return False


def throw_error(board: Board, frame_id: str, code: str | None) -> None:
    """An error that is caught, unless a signal thrown with it has just taken away who would have."""
    catcher = find_catcher(board, frame_id, None, "error", code)
    if catcher is not None:
        _catch(board, catcher, code or "", "")


def throw_escalation(board: Board, frame_id: str, code: str | None) -> None:
    """An escalation; one that nobody catches has no effect (§10.5.1)."""
    catcher = find_catcher(board, frame_id, None, "escalation", code)
    if catcher is not None:
        _catch(board, catcher, code or "", "")


def _catch(board: Board, catcher: Catcher, code: str, message: str) -> None:
    also: dict[str, Any] = {}
    if catcher.event.code_to is not None:
        also[catcher.event.code_to] = code
    if catcher.event.message_to is not None:
        also[catcher.event.message_to] = message
    frame_id, visit_id, scope, node, part, _ = catcher
    events.fire(board, frame_id, visit_id, scope, node, {}, part=part, also=also)


def find_catcher(
    board: Board, frame_id: str, visit_id: str | None, kind: Literal["error", "escalation"], code: str | None
) -> Catcher | None:
    """Who catches what is thrown in a frame, or by the activity whose visit is given."""
    if visit_id is not None and "only" not in board.frames[frame_id]:
        found = _on_edge(board, frame_id, visit_id, kind, code)
        if found is not None:
            return found
    while True:
        found = _in_handlers(board, frame_id, kind, code)
        frame = board.frames[frame_id]
        if found is not None or "up" not in frame:
            return found
        frame_id, owner = frame["up"], frame["owner"]
        found = _on_edge(board, frame_id, owner, kind, code)
        if found is not None:
            return found


def _in_handlers(board: Board, frame_id: str, kind: str, code: str | None) -> Catcher | None:
    scope, found = board.scope(frame_id), []
    for visit_id in board.by_arrival(frame_id):
        visit = board.visit(frame_id, visit_id)
        if visit["wait"] == "armed":
            inner, start = board.net.start_of(scope.nodes[visit["node"]])
            found += _matching(frame_id, visit_id, visit, inner, start, kind, code)
    return _best(found, code)


def _on_edge(board: Board, frame_id: str, visit_id: str, kind: str, code: str | None) -> Catcher | None:
    scope, visit = board.scope(frame_id), board.visit(frame_id, visit_id)
    if visit["wait"] == "undo":
        return None  # the activity is long over; its boundary events are not armed
    found = []
    for node in scope.boundaries.get(visit["node"], ()):
        found += _matching(frame_id, visit_id, visit, scope, node, kind, code)
    return _best(found, code)


def _matching(
    frame_id: str, visit_id: str, visit: Visit, scope: Scope, node: Node, kind: str, code: str | None
) -> list[Catcher]:
    event = the(node.event)
    came = visit.get("got", {}).get(node.id, ())
    parts = enumerate(event.parts) if event.parts else ((None, event),)
    return [
        Catcher(frame_id, visit_id, scope, node, number, part)
        for number, part in parts
        if part.kind == kind and part.name in (None, code) and number not in came
    ]


def _best(found: list[Catcher], code: str | None) -> Catcher | None:
    return min(found, key=lambda catcher: catcher.event.name != code, default=None)


# --- incidents


def park(
    board: Board, frame_id: str, node: Node, visit_id: str, fault: Fault, *, stuck: bool = False
) -> None:
    """The diagram's own expression failed at `node`: error events that catch any error, or one of the
    fault's code, get their chance; else this token stops and the rest of the case goes on. `stuck` says
    that it failed on the way out."""
    live = board.is_waiting(frame_id, visit_id)
    catcher = find_catcher(board, frame_id, visit_id if live else None, "error", fault.code)
    if catcher is not None:
        _catch(board, catcher, fault.code, str(fault.message))
        return
    serves = None
    if live:
        moves.cancel_inside(board, frame_id, visit_id)
        serves = board.remove_visit(frame_id, visit_id).get("serves")
    _add_incident(board, frame_id, node, visit_id, fault, serves, stuck=stuck)


def _add_incident(
    board: Board,
    frame_id: str,
    node: Node,
    visit_id: str,
    fault: Fault,
    serves: list[str] | None,
    *,
    stuck: bool,
) -> None:
    visit = board.add_visit(frame_id, node, visit_id, "incident")
    if serves is not None:
        visit["serves"] = serves
    if stuck:
        visit["stuck"] = True
    board.note("incident", frame_id, node, visit_id, code=fault.code, message=fault.message)


def retry(board: Board, visit_id: str, data: dict[str, Any]) -> bool:
    """Try again what was an incident, after the variables `data` were set where it stands. False if there is
    no such incident."""
    for frame_id, frame in board.frames.items():
        visit = frame["live"].get(visit_id)
        if visit is not None and visit["wait"] == "incident":
            board.write(frame_id, data, "retried", visit["node"])
            del frame["live"][visit_id]
            _again(board, frame_id, visit_id, visit)
            return True
    return False


def _again(board: Board, frame_id: str, visit_id: str, visit: Visit) -> None:
    node = board.node(frame_id, visit["node"])
    if visit.get("stuck"):
        moves.leave(board, frame_id, node, visit_id)
    elif "only" in board.frames[frame_id]:
        loops.perform_instance(board, node, visit_id)
    elif node.kind == "handler":
        events.arm_handler(board, frame_id, node)
    elif "serves" in visit:
        activities.enter(board, frame_id, node, visit_id, serves=visit["serves"])
    else:
        moves.visit(board, frame_id, node, visit_id)
    moves.finish_if_empty(board, frame_id)
