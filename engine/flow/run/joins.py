"""Where tokens wait for each other: parallel (§13.4.1) and inclusive gateways (§13.4.3)."""

from __future__ import annotations

from ..marking import Frame
from ..net import Node, Scope
from . import moves
from .board import Board


def arrive(board: Board, frame_id: str, node: Node, flow_id: str) -> None:
    """A token comes to a join. A parallel gateway needs one on every incoming flow (§13.4.1), an inclusive
    one is judged when all other tokens have come to rest (§13.4.3)."""
    waiting = board.frames[frame_id]["joins"].setdefault(node.id, {})
    waiting[flow_id] = waiting.get(flow_id, 0) + 1
    board.note("entered", frame_id, node, board.next_id(frame_id, node, count=False))
    if node.kind == "and" and len(waiting) == len(node.incoming):
        fire(board, frame_id, node)


def fire(board: Board, frame_id: str, node: Node) -> None:
    """Take one token from each incoming flow that has one, and go on."""
    joins = board.frames[frame_id]["joins"]
    left = {flow: count - 1 for flow, count in joins[node.id].items() if count > 1}
    if left:
        joins[node.id] = left
    else:
        del joins[node.id]
    visit_id = board.next_id(frame_id, node)
    board.note("completed", frame_id, node, visit_id)
    moves.leave(board, frame_id, node, visit_id)
    moves.finish_if_empty(board, frame_id)


def fire_inclusive(board: Board) -> bool:
    """Fire the first inclusive join that no other token of its scope can still reach by a flow on
    which none waits yet (§13.4.3)."""
    for frame_id in sorted(board.frames):
        frame = board.frames[frame_id]
        scope = board.scope(frame_id)
        gateways = [scope.nodes[node_id] for node_id in frame["joins"]]
        for node in sorted(gateways, key=lambda n: n.order):
            if node.kind == "or" and _enabled(frame, scope, node):
                fire(board, frame_id, node)
                return True
    return False


def _enabled(frame: Frame, scope: Scope, node: Node) -> bool:
    arrived = frame["joins"][node.id]
    still_to_come: set[str] = set()
    already_there: set[str] = set()
    for flow, (sources, by_flow) in scope.upstream(node.id).items():
        if flow in arrived:
            already_there |= by_flow
        else:
            still_to_come |= sources
    # What compensates a completed subprocess is no token at the subprocess; a compensation that nobody waits
    # for has let its token go on.
    resting = {v["node"] for v in frame["live"].values() if "inside" not in v and "loose" not in v}
    places = resting | frame["joins"].keys() - {node.id}
    return not any(place in still_to_come and place not in already_there for place in places)
