"""Activities that are done more than once: multi-instance (§10.3.8, §13.3.7) and standard loops (§13.3.6).

An instance `review:2` is a frame inside the visit `review`.
"""

from __future__ import annotations

from typing import Any

from ...errors import say
from ..marking import Frame, Multi, Pending, Visit, copy_data
from ..net import HUMAN, Loop, Node, the
from . import activities, faults, moves, undo
from .board import Board, Fault

MOST_INSTANCES = 20_000


def begin(board: Board, frame_id: str, node: Node, visit_id: str) -> None:
    """Count the instances and begin those that come first. Raises `Fault`."""
    loop = the(node.loop)
    multi: Multi = {"n": 0, "started": 0, "ended": 0, "out": {}, "waiting": {}}
    if loop.kind == "standard":
        multi["n"] = 1 if not loop.before or _again(board, frame_id, node, multi) else 0
    else:
        _count(board, frame_id, node, multi)
    board.visit(frame_id, visit_id)["multi"] = multi
    if multi["n"] == 0:
        board.note("entered", frame_id, node, visit_id)
        board.note("completed", frame_id, node, visit_id)
        _end(board, frame_id, node, visit_id)
    for _ in range(multi["n"] if loop.kind == "parallel" else min(multi["n"], 1)):
        board.put(frame_id, "instance", visit_id)


def _count(board: Board, frame_id: str, node: Node, multi: Multi) -> None:
    loop, given = the(node.loop), board.inputs(frame_id, node)
    if loop.collection is not None:
        items = board.evaluate(frame_id, loop.collection, node.id, given)
        if not isinstance(items, list):
            raise Fault(
                "loop.collection", say("the collection {source} is not a list", source=loop.collection)
            )
        multi["n"] = len(items)
        multi["items"] = items
        return
    count = board.evaluate(frame_id, loop.cardinality or "", node.id, given)
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= MOST_INSTANCES:
        raise Fault(
            "loop.cardinality",
            say("the number of instances {source} is not a whole number from 0", source=loop.cardinality),
        )
    multi["n"] = count


def begin_instance(board: Board, frame_id: str, visit_id: str) -> None:
    """The next instance of the activity begins."""
    visit = board.frames[frame_id]["live"].get(visit_id)
    if visit is None or "multi" not in visit:
        return  # an instance before this one ended the whole activity
    node, multi = board.node(frame_id, visit["node"]), visit["multi"]
    multi["started"] += 1
    instance_id = _begin_frame(board, frame_id, visit_id, multi["started"])
    if node.body is not None:
        board.note("entered", frame_id, node, instance_id)
        moves.begin_scope(board, instance_id)
        return
    perform_instance(board, node, instance_id)


def perform_instance(board: Board, node: Node, instance_id: str) -> None:
    """The one visit of an instance that is a task begins (again)."""
    board.add_visit(instance_id, node, instance_id, activities.wait_of(node))
    board.note("entered", instance_id, node, instance_id)
    try:
        activities.perform(board, instance_id, node, instance_id)
    except Fault as fault:
        faults.park(board, instance_id, node, instance_id, fault)
        return
    if node.kind in HUMAN:
        _shelve(board, instance_id)


def _begin_frame(board: Board, frame_id: str, visit_id: str, index: int) -> str:
    visit = board.visit(frame_id, visit_id)
    node, multi = board.node(frame_id, visit["node"]), visit["multi"]
    loop = the(node.loop)
    data: dict[str, Any] = {**copy_data(board.inputs(frame_id, node)), "loopCounter": index}
    if "items" in multi and loop.item is not None:
        data[loop.item] = copy_data(multi["items"][index - 1])
    if loop.output_item is not None and loop.output_item.isidentifier():
        data.setdefault(loop.output_item, None)
    instance_id = f"{visit_id}:{index}"
    # Parallel instances keep what they write to themselves, so that none sees or overwrites another's;
    # sequential ones have nobody beside them and write through.
    sealed = loop.kind == "parallel" or node.kind == "call"
    frame = board.begin_frame(
        instance_id, node, up=frame_id, owner=visit_id, data=data, sealed=sealed, index=index
    )
    if node.body is None:
        frame["only"] = node.id
    return instance_id


def _shelve(board: Board, instance_id: str) -> None:
    """Put the frame of an instance that waits for a person away: nothing has been written in it."""
    instance = board.frames.pop(instance_id)
    visit = instance["live"][instance_id]
    pending: Pending = {"since": visit["since"]}
    if "unit" in visit:
        pending["unit"] = visit["unit"]
    host = board.visit(instance["up"], instance["owner"])
    host["multi"]["waiting"][str(instance["index"])] = pending


def unshelve(board: Board, frame_id: str, visit_id: str, index: str) -> str:
    """Make the frame of a waiting instance again, as it was; its name."""
    visit = board.visit(frame_id, visit_id)
    pending = visit["multi"]["waiting"].pop(index)
    instance_id = _begin_frame(board, frame_id, visit_id, int(index))
    task: Visit = {"node": visit["node"], "since": pending["since"], "wait": "task"}
    board.frames[instance_id]["live"][instance_id] = task
    return instance_id


def end_instance(board: Board, instance_id: str, instance: Frame) -> None:
    """The last token of an instance is gone: keep what it gave, and see whether another one follows."""
    frame_id, visit_id = instance["up"], instance["owner"]
    visit = board.visit(frame_id, visit_id)
    node = board.node(frame_id, visit["node"])
    loop, multi = the(node.loop), visit["multi"]
    index = str(instance["index"])
    if node.body is not None:
        board.note("completed", frame_id, node, instance_id)
    multi["ended"] += 1
    undo.remember_instance(board, node, instance, multi)
    try:
        if loop.output is not None:
            source = loop.output_item or loop.item
            multi["out"][index] = board.evaluate(instance_id, source, node.id) if source else None
        elif instance.get("sealed"):
            own = {"loopCounter", loop.item, *node.own}
            gave = {k: v for k, v in instance.get("data", {}).items() if k not in own}
            if loop.kind == "standard":
                # At once, for the loop's condition.
                board.write(frame_id, gave, "passed", node.id, instance_id)
            else:
                multi["out"][index] = gave
        enough = _is_enough(board, instance_id, node, multi)
    except Fault as fault:
        del board.frames[instance_id]
        faults.park(board, frame_id, node, visit_id, fault)
        return
    del board.frames[instance_id]
    if enough:
        _end(board, frame_id, node, visit_id)
    elif loop.kind != "parallel":
        board.put(frame_id, "instance", visit_id)


def _is_enough(board: Board, instance_id: str, node: Node, multi: Multi) -> bool:
    loop = the(node.loop)
    if loop.kind == "standard":
        again = _again(board, board.frames[instance_id]["up"], node, multi)
        multi["n"] += again
        return not again
    enough = loop.until is not None and board.holds(instance_id, loop.until, node.id, counters(loop, multi))
    return enough or multi["ended"] == multi["n"]


def _again(board: Board, frame_id: str, node: Node, multi: Multi) -> bool:
    """Whether a standard loop is done once more: `loopCounter` is how often it has been done (§13.3.6)."""
    loop = the(node.loop)
    if loop.most is not None and multi["ended"] >= loop.most:
        return False
    return loop.condition is None or board.holds(
        frame_id, loop.condition, node.id, {"loopCounter": multi["ended"]}
    )


def counters(loop: Loop, multi: Multi) -> dict[str, Any]:
    """The instance counters a completion condition may use (table 10.30), and their usual names."""
    active = (multi["n"] if loop.kind == "parallel" else multi["started"]) - multi["ended"]
    counts = {"Instances": multi["n"], "ActiveInstances": active, "CompletedInstances": multi["ended"]}
    counts["TerminatedInstances"] = 0
    return {prefix + name: value for prefix in ("nrOf", "numberOf") for name, value in counts.items()}


def _end(board: Board, frame_id: str, node: Node, visit_id: str) -> None:
    """All instances are done, or enough of them: collect in input order and go on."""
    loop = the(node.loop)
    moves.cancel_inside(board, frame_id, visit_id)
    multi = board.visit(frame_id, visit_id)["multi"]
    out = multi["out"]
    results = [out[key] for key in sorted(out, key=int)]
    if loop.output is not None:
        board.write(frame_id, {loop.output: results}, "gathered", node.id, visit_id)
    else:
        for result in results:
            board.write(frame_id, result, "gathered", node.id, visit_id)
    undo.remember_all(board, frame_id, multi)
    activities.complete(board, frame_id, visit_id, noted=True)
