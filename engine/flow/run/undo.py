"""Compensation (§10.7, §13.5.5) and transactions (§10.3.5, §13.5.6).

A scope remembers, in order, which activities were completed that something can be undone of. Compensation
takes these off the list, last first, and runs for each: the activity on its edge, or, of a subprocess, its
compensation event subprocess, or else the same for all that was completed inside.
"""

from __future__ import annotations

from ..marking import Done, Frame, Multi, Visit, copy_data
from ..net import Node, the
from . import activities, events, moves
from .board import Board

_MARK = "^"
"""Marks the frame in which the inside of a completed subprocess is compensated: `box^`."""


# --- what can be undone


def remember(board: Board, frame_id: str, node: Node, inside: Frame | None) -> None:
    """`node` is completed, with `inside` if it was a scope."""
    record = _record(board, board.scope(frame_id).undoes, node, inside)
    if record is not None:
        board.frames[frame_id].setdefault("done", []).append(record)


def remember_instance(board: Board, node: Node, instance: Frame, multi: Multi) -> None:
    """One instance of a looping activity is completed; it counts once all of the activity is."""
    if "only" in instance:
        found = instance.get("done", [])
    else:
        undoes = board.scope(instance["up"]).undoes
        record = _record(board, undoes, node, instance)
        found = [] if record is None else [record]
    if found:
        multi.setdefault("done", []).extend(found)


def remember_all(board: Board, frame_id: str, multi: Multi) -> None:
    """A looping activity is completed: its instances can be compensated."""
    if multi.get("done"):
        board.frames[frame_id].setdefault("done", []).extend(multi["done"])


def _record(board: Board, undoes: dict[str, str], node: Node, inside: Frame | None) -> Done | None:
    if node.id in undoes:
        return {"node": node.id}
    if inside is None or node.kind == "call":
        return None
    if not inside.get("done") and _handler(board, node) is None:
        return None
    record: Done = {"node": node.id, "done": inside.get("done", [])}
    if "data" in inside:
        record["data"] = inside["data"]
    return record


def _handler(board: Board, node: Node) -> Node | None:
    """The compensation event subprocess of a subprocess."""
    for handler in board.net.scopes[the(node.body)].handlers:
        _, start = board.net.start_of(handler)
        if the(start.event).kind == "compensate":
            return handler
    return None


# --- throwing


def throw(board: Board, frame_id: str, node: Node, visit_id: str) -> None:
    """A compensation throw or end event: of one activity, or of all that its scope has completed. From
    inside an event subprocess it also reaches what is around that (§10.5.5). It waits until all is undone."""
    event = the(node.event)
    records = _take(board, frame_id, event.name)
    if not event.wait:
        moves.pass_through(board, frame_id, node, visit_id, event)
    if not records:
        if event.wait:
            moves.pass_through(board, frame_id, node, visit_id, event)
        return
    visit = board.add_visit(frame_id, node, visit_id, "undo")
    visit["undo"] = records
    if not event.wait:
        visit["loose"] = True
    board.put(frame_id, "undo", visit_id)


def _take(board: Board, frame_id: str, activity: str | None) -> list[Done]:
    """Take off the lists what is to be compensated, in the order in which it was completed."""
    frame = board.frames[frame_id]
    around: list[Done] = []
    if "up" in frame and _host(board, frame).kind == "handler":
        around = _take_here(board, frame["up"], activity)
        for record in around:
            record["frame"] = frame["up"]
    return around + _take_here(board, frame_id, activity)


def _host(board: Board, frame: Frame) -> Node:
    """The activity that the frame is inside of."""
    return board.node(frame["up"], board.visit(frame["up"], frame["owner"])["node"])


def _take_here(board: Board, frame_id: str, activity: str | None) -> list[Done]:
    frame = board.frames[frame_id]
    done = frame.get("done", [])
    taken = [record for record in done if activity in (None, record["node"])]
    left = [record for record in done if activity not in (None, record["node"])]
    if left:
        frame["done"] = left
    else:
        frame.pop("done", None)
    return taken


# --- undoing


def go_on(board: Board, frame_id: str, visit_id: str) -> None:
    """Compensate what was completed last of what is left; if nothing is, the compensation is done."""
    if not board.is_waiting(frame_id, visit_id):
        return
    visit = board.visit(frame_id, visit_id)
    if not visit.get("undo"):
        _end(board, frame_id, visit_id)
        return
    record = visit["undo"].pop()
    where = record.get("frame", visit.get("inside", frame_id))
    node = board.node(where, record["node"])
    handler = board.scope(where).undoes.get(node.id)
    serves = [frame_id, visit_id]
    if handler is None:
        _undo_inside(board, where, node, record, serves)
        return
    activity = board.node(where, handler)
    activities.enter(board, where, activity, board.next_id(where, activity), serves=serves)


def _undo_inside(board: Board, frame_id: str, node: Node, record: Done, serves: list[str]) -> None:
    """A completed subprocess gets a frame again, with the data it had of its own, in which its handler
    runs, or else all that was completed inside is compensated."""
    inside_id = board.next_id(frame_id, node, mark=_MARK)
    visit = board.add_visit(frame_id, node, inside_id, "undo")
    visit["inside"] = inside_id
    visit["serves"] = serves
    data = record.get("data")
    # What the handler changes of that data is its own; all else it writes is for those around.
    inside = board.begin_frame(inside_id, node, up=frame_id, owner=inside_id, data=data, sealed=False)
    handler = _handler(board, node)
    done = record.get("done", [])
    if handler is None:
        visit["undo"] = done
        board.put(frame_id, "undo", inside_id)
        return
    if done:
        inside["done"] = done
    scope, start = board.net.start_of(handler)
    handler_id = board.next_id(inside_id, handler)
    board.tell("fired", scope, start, f"{handler_id}/{start.id}")
    events.begin_handler(board, inside_id, handler, handler_id, {}, {}, serves=[frame_id, inside_id])


def served(board: Board, visit: Visit) -> None:
    """A handler is done: the compensation that it was run for goes on."""
    frame_id, visit_id = visit["serves"]
    board.put(frame_id, "undo", visit_id)


def _end(board: Board, frame_id: str, visit_id: str) -> None:
    visit = board.remove_visit(frame_id, visit_id)
    node = board.node(frame_id, visit["node"])
    if "inside" in visit:
        del board.frames[visit["inside"]]
        served(board, visit)
    elif "cancels" in visit:
        _leave_transaction(board, frame_id)
    elif "loose" not in visit:
        moves.pass_through(board, frame_id, node, visit_id, the(node.event))


# --- transactions


def cancel_transaction(board: Board, frame_id: str, node: Node) -> None:
    """A cancel end event: all that runs in the transaction is taken away, all that was completed in it is
    compensated, and then it is left by its cancel boundary event (§13.5.6)."""
    place = node.id
    while not _is_transaction(board, frame_id):
        frame = board.frames[frame_id]
        frame_id, place = frame["up"], board.visit(frame["up"], frame["owner"])["node"]
    records = _all_done(board, frame_id)
    moves.empty_frame(board, frame_id)
    at = board.node(frame_id, place)
    visit_id = board.next_id(frame_id, at, mark=_MARK)
    visit = board.add_visit(frame_id, at, visit_id, "undo")
    visit["cancels"] = True
    visit["undo"] = records
    board.put(frame_id, "undo", visit_id)


def _is_transaction(board: Board, frame_id: str) -> bool:
    return _host(board, board.frames[frame_id]).transaction


def _all_done(board: Board, frame_id: str) -> list[Done]:
    """What was completed in the frame and in the subprocesses that still run in it."""
    found = board.frames[frame_id].pop("done", [])
    for visit_id in board.by_arrival(frame_id):
        visit = board.visit(frame_id, visit_id)
        node = board.node(frame_id, visit["node"])
        if node.kind not in ("subprocess", "handler") or visit["wait"] not in ("scope", "multi"):
            continue
        found += visit["multi"].get("done", []) if "multi" in visit else []
        inside = [inner for inner, frame in board.frames.items() if frame.get("owner") == visit_id]
        for inner in sorted(inside, key=lambda f: board.frames[f].get("index", 0)):
            frame, done = board.frames[inner], _all_done(board, inner)
            if done:
                record: Done = {"node": node.id, "done": done}
                if "data" in frame:
                    record["data"] = copy_data(frame["data"])
                found.append(record)
    return found


def _leave_transaction(board: Board, frame_id: str) -> None:
    frame = board.frames[frame_id]
    up, owner = frame["up"], frame["owner"]
    scope = board.scope(up)
    for event in scope.boundaries.get(board.visit(up, owner)["node"], ()):
        if the(event.event).kind == "cancel":
            events.fire(board, up, owner, scope, event, {})
            return
