"""Events that wait for a trigger (§10.5, §13.5): catch events, receive tasks, start and boundary events,
event-based gateways and event subprocesses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...errors import Invalid, say
from ..marking import Visit, Wait, Waits, event_node, part_key, timer_id_of, waits
from ..net import Node, Scope, the
from . import activities, correlation, faults, moves, timers, undo
from .board import Board, Delivered, Fault, OnEdge

UNKNOWN_NAME = "expression.unknown_name"


def wait_for(
    board: Board, frame_id: str, node: Node, visit_id: str, wait: Waits, events: Iterable[Node]
) -> None:
    """A token rests at `node` until one of `events` is triggered."""
    board.add_visit(frame_id, node, visit_id, wait)
    try:
        timers.arm(board, frame_id, visit_id, events)
    except Fault as fault:
        faults.park(board, frame_id, node, visit_id, fault)


def arm_handlers(board: Board, frame_id: str) -> None:
    """The event subprocesses of a scope wait for their triggers from its beginning to its end (§13.5.4)."""
    for handler in board.scope(frame_id).handlers:
        arm_handler(board, frame_id, handler)


def arm_handler(board: Board, frame_id: str, handler: Node) -> None:
    _, start = board.net.start_of(handler)
    if the(start.event).kind == "compensate":
        return  # it waits for the scope to be completed and then compensated
    visit_id = f"{frame_id}/!{handler.id}" if frame_id else f"!{handler.id}"
    wait_for(board, frame_id, handler, visit_id, "armed", [start])


# --- triggers


def fire_timer(board: Board, timer_id: str) -> None:
    """The armed timer is due."""
    for frame_id, frame in board.frames.items():
        for visit_id, visit in frame["live"].items():
            for key in visit.get("timers", {}):
                if timer_id_of(visit_id, visit, key) == timer_id:
                    scope, node = event_node(board.net, frame, visit, key)
                    _, _, part = key.partition("|")
                    fire(board, frame_id, visit_id, scope, node, {}, part=int(part) if part else None)
                    return
    raise Invalid("timer.unknown", say("timer {timer} is not armed", timer=timer_id))


def broadcast(board: Board, name: str, data: dict[str, Any]) -> None:
    """Fire every event that waits for the signal at this moment, in order of arming; those that
    interrupt last, so that all who wait are reached whatever the order of drawing."""
    waiting = [w for w in waits(board.net, board.marking) if (w.event.kind, w.event.name) == ("signal", name)]
    for wait in sorted(waiting, key=lambda w: _is_around(w) and w.node.interrupting):
        if _still_waits(board, wait):
            _fire_wait(board, wait, data)


def deliver_mail(board: Board) -> bool:
    """Hand the first message that somebody waits for to the one who has waited longest; boundary events
    and event subprocesses last, for one that does not interrupt would else take every message from those
    inside. A message with a key that does not fit waits like one that nobody waits for."""
    if not board.marking["mail"]:
        return False
    waiting = sorted(waits(board.net, board.marking), key=_is_around)
    for position, mail in enumerate(board.marking["mail"]):
        for wait in waiting:
            if wait.event.kind == "message" and wait.event.name == mail["name"]:
                if not correlation.takes(board, wait, mail):
                    continue
                del board.marking["mail"][position]
                board.shown(Delivered(position))
                _fire_wait(board, wait, mail["data"])
                return True
    return False


def _still_waits(board: Board, wait: Wait) -> bool:
    frame = board.frames.get(wait.frame_id)
    return frame is wait.frame and frame["live"].get(wait.visit_id) is wait.visit


def _is_around(wait: Wait) -> bool:
    """Whether the event is not in the flow but around what runs."""
    return wait.node.kind == "boundary" or wait.visit["wait"] == "armed"


def watch(board: Board) -> None:
    """Fire the events whose condition has become true, one by one (§10.5.5, conditional): those that
    interrupt or catch as soon as it is true, others each time that it turns from false to true."""
    board.changed = False
    if not board.net.watches:
        return
    while (wait := _come_true(board)) is not None:
        moves.count_move(board)
        _fire_wait(board, wait, {})
    board.changed = False


def _come_true(board: Board) -> Wait | None:
    for wait in waits(board.net, board.marking):
        if wait.event.kind != "conditional" or not _still_waits(board, wait):
            continue
        key = part_key(wait.node, wait.part)
        held = wait.visit.get("held", [])
        if not _is_true(board, wait):
            if key in held:
                held.remove(key)
        elif wait.node.interrupting:
            return wait
        elif key not in held:
            wait.visit["held"] = [*held, key]
            return wait
    return None


def _is_true(board: Board, wait: Wait) -> bool:
    """A condition about a variable that is not there yet is not true; one that fails otherwise is an
    incident of the token that waits for it."""
    try:
        return board.holds(wait.frame_id, the(wait.event.text), wait.node.id)
    except Fault as fault:
        if fault.code != UNKNOWN_NAME and not _is_around(wait):
            node = board.node(wait.frame_id, wait.visit["node"])
            faults.park(board, wait.frame_id, node, wait.visit_id, fault)
        return False


# --- what a trigger does


def _fire_wait(board: Board, wait: Wait, data: dict[str, Any]) -> None:
    fire(board, wait.frame_id, wait.visit_id, wait.scope, wait.node, data, part=wait.part)


def fire(
    board: Board,
    frame_id: str,
    visit_id: str,
    scope: Scope,
    node: Node,
    data: dict[str, Any],
    *,
    part: int | None = None,
    also: Mapping[str, Any] | None = None,
) -> None:
    """Event `node` of `scope` is triggered, on visit `visit_id`, with what the message or signal brought;
    `also` are variables set with it. Of a multiple event it is the trigger `part`."""
    visit = board.visit(frame_id, visit_id)
    if part is not None and not _complete_parts(visit, node, part):
        board.write_answers(frame_id, node, data)
        return
    key = part_key(node, part)
    if node.kind == "boundary":
        _fire_boundary(board, frame_id, visit_id, node, key, data, also or {})
    elif visit["wait"] == "armed":
        _fire_handler(board, frame_id, visit_id, key, data, also or {})
    elif node.kind == "receive" and visit["wait"] != "race":
        board.note("fired", frame_id, node, visit_id)
        board.write_answers(frame_id, node, data)
        activities.complete(board, frame_id, visit_id)
    else:
        _fire_waiting(board, frame_id, visit_id, node, key, data)


def _complete_parts(visit: Visit, node: Node, part: int) -> bool:
    """Whether a multiple event is triggered now: by any of its parts, if parallel by the last of them."""
    if not the(node.event).all:
        return True
    got = visit.setdefault("got", {}).setdefault(node.id, [])
    got.append(part)
    if len(got) < len(the(node.event).parts):
        visit.get("timers", {}).pop(part_key(node, part), None)
        return False
    del visit["got"][node.id]
    return True


def _fire_waiting(
    board: Board, frame_id: str, visit_id: str, node: Node, key: str, data: dict[str, Any]
) -> None:
    visit = board.remove_visit(frame_id, visit_id, fired=key)
    if visit["wait"] == "race":
        race = board.node(frame_id, visit["node"])
        board.note("completed", frame_id, race, visit_id)
        way = next(flow for flow in race.outgoing if flow in node.incoming)
        board.note("taken", frame_id, race, visit_id, flow=way)
        visit_id = board.next_id(frame_id, node)
    if node.kind == "start":
        # Each start event is an alternative way to begin (§10.5.2); the others are no longer waited for.
        for other in board.by_arrival(frame_id):
            board.remove_visit(frame_id, other)
    board.note("fired", frame_id, node, visit_id)
    board.write_answers(frame_id, node, data)
    board.note("completed", frame_id, node, visit_id)
    if node.kind == "start":
        arm_handlers(board, frame_id)
    moves.leave(board, frame_id, node, visit_id)
    moves.finish_if_empty(board, frame_id)


def _fire_boundary(
    board: Board,
    frame_id: str,
    visit_id: str,
    node: Node,
    key: str,
    data: dict[str, Any],
    also: Mapping[str, Any],
) -> None:
    """A boundary event (§10.5.4, §13.5.3) takes its activity away, or begins something beside it."""
    visit = board.visit(frame_id, visit_id)
    event_id = board.next_id(frame_id, node)
    board.shown(OnEdge(event_id, visit_id))
    board.note("fired", frame_id, node, event_id)
    board.write_answers(frame_id, node, data)
    board.write(frame_id, also, "caught", node.id)
    if node.interrupting:
        moves.cancel_visit(board, frame_id, visit_id, fired=key)
        if "serves" in visit:
            undo.served(board, visit)
    else:
        timers.rearm(board, frame_id, visit_id, key)
    board.note("completed", frame_id, node, event_id)
    moves.leave(board, frame_id, node, event_id)
    moves.finish_if_empty(board, frame_id)


def _fire_handler(
    board: Board, frame_id: str, visit_id: str, key: str, data: dict[str, Any], also: Mapping[str, Any]
) -> None:
    """An event subprocess begins (§13.5.4): in place of all else in its scope, or beside it."""
    handler = board.node(frame_id, board.visit(frame_id, visit_id)["node"])
    scope, start = board.net.start_of(handler)
    handler_id = board.next_id(frame_id, handler)
    board.tell("fired", scope, start, f"{handler_id}/{start.id}")
    if start.interrupting:
        board.remove_visit(frame_id, visit_id, fired=key)
        moves.empty_frame(board, frame_id)
    else:
        timers.rearm(board, frame_id, visit_id, key)
    begin_handler(board, frame_id, handler, handler_id, data, also)


def begin_handler(
    board: Board,
    frame_id: str,
    handler: Node,
    handler_id: str,
    data: dict[str, Any],
    also: Mapping[str, Any],
    *,
    serves: list[str] | None = None,
) -> None:
    """What runs in an event subprocess whose start event has fired."""
    _, start = board.net.start_of(handler)
    visit = board.add_visit(frame_id, handler, handler_id, "scope")
    if serves is not None:
        visit["serves"] = serves
    board.begin_frame(handler_id, handler, up=frame_id, owner=handler_id)
    board.note("entered", frame_id, handler, handler_id)
    board.write_answers(handler_id, start, data)
    board.write(handler_id, also, "caught", start.id)
    start_id = board.next_id(handler_id, start)
    board.note("completed", handler_id, start, start_id)
    arm_handlers(board, handler_id)
    moves.leave(board, handler_id, start, start_id)
    moves.finish_if_empty(board, handler_id)
