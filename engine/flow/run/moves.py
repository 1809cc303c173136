"""Tokens move: along sequence flows, through gateways and throwing events, until scopes are empty."""

from __future__ import annotations

from ...errors import Invalid, say
from ..marking import is_empty
from ..net import ACTIVITIES, Event, Flow, Node
from . import activities, events, faults, joins, loops, undo
from .board import Arrived, Board, Effect, Fault

MOST_MOVES = 20_000
"""Token moves in one step; more means that the diagram runs in a circle without ever waiting."""


def settle(board: Board) -> None:
    """Move until nothing moves: tokens first, then inclusive joins, then waiting mail. A condition that
    becomes true is seen before the next token moves."""
    while True:
        while True:
            if board.changed:
                events.watch(board)
            if not board.queue:
                break
            count_move(board)
            frame_id, what, key = board.next()
            match what:
                case "flow":
                    arrive(board, frame_id, key)
                case "node":
                    enter(board, frame_id, board.node(frame_id, key))
                case "instance":
                    loops.begin_instance(board, frame_id, key)
                case "undo":
                    undo.go_on(board, frame_id, key)
            finish_if_empty(board, frame_id)
        if board.marking["state"] != "running":
            return
        if not (joins.fire_inclusive(board) or events.deliver_mail(board)):
            return


def count_move(board: Board) -> None:
    board.moves += 1
    if board.moves <= MOST_MOVES:
        return
    element = board.queue[0][2] if board.queue else board.effects[-1].element
    if board.queue:
        flow = board.scope(board.queue[0][0]).flows.get(element)
        element = flow.target if flow else element
    raise Invalid(
        "process.endless",
        say("too much happens at once at {element}: perhaps a circle that never waits", element=element),
        found=say("{element}", element=element),
        expected=say("at most {most} moves before something waits", most=MOST_MOVES),
        remedy=say("put a task or an event into the loop, or correct the condition that leaves it"),
    )


def begin_scope(board: Board, frame_id: str) -> None:
    """Put a token at each start of the frame's scope (§10.5.2), and arm its event subprocesses. A process
    that waits for its start event is not running yet."""
    scope = board.scope(frame_id)
    if not any(is_trigger(scope.nodes[node_id]) for node_id in scope.starts):
        events.arm_handlers(board, frame_id)
    for node_id in scope.starts:
        board.put(frame_id, "node", node_id)


def is_trigger(node: Node) -> bool:
    """Whether a start event waits for something."""
    return node.kind == "start" and node.event is not None and node.event.kind != "none"


def arrive(board: Board, frame_id: str, flow_id: str) -> None:
    """A token comes out of a sequence flow (§13.2)."""
    scope = board.scope(frame_id)
    node = scope.nodes[scope.flows[flow_id].target]
    if board.witness is not None:  # every token comes by here
        board.witness(Arrived(frame_id, flow_id))
    if node.kind in ("and", "or") and len(node.incoming) > 1:
        joins.arrive(board, frame_id, node, flow_id)
    else:
        enter(board, frame_id, node)


def enter(board: Board, frame_id: str, node: Node) -> None:
    """A token is at `node`: do what the node does on arrival."""
    visit(board, frame_id, node, board.next_id(frame_id, node))


def visit(board: Board, frame_id: str, node: Node, visit_id: str) -> None:
    """Begin the visit `visit_id` to `node`; also used to try again what was an incident."""
    match node.kind:
        case _ if node.kind in ACTIVITIES:
            activities.enter(board, frame_id, node, visit_id)
        case "catch" if node.event is None or node.event.kind != "link":
            board.note("entered", frame_id, node, visit_id)
            events.wait_for(board, frame_id, node, visit_id, "event", [node])
        case "race":
            board.note("entered", frame_id, node, visit_id)
            scope = board.scope(frame_id)
            targets = [scope.nodes[scope.flows[flow].target] for flow in node.outgoing]
            events.wait_for(board, frame_id, node, visit_id, "race", targets)
        case "start" if is_trigger(node):
            events.wait_for(board, frame_id, node, visit_id, "event", [node])
        case _:
            board.note("entered", frame_id, node, visit_id)
            throw(board, frame_id, node, visit_id)


def throw(board: Board, frame_id: str, node: Node, visit_id: str) -> None:
    """Gateways, links and throwing events: send what there is to send, then leave or end (§10.5.3)."""
    event = node.event or Event()
    if node.kind not in ("end", "throw"):
        event = Event()
    parts = event.parts or (event,)
    if event.kind == "compensate":
        undo.throw(board, frame_id, node, visit_id)
        return
    if not all(faults.is_caught(board, frame_id, node, visit_id, p) for p in parts if p.kind == "error"):
        return
    pass_through(board, frame_id, node, visit_id, event)
    # After the own token has moved on: an interruption of the scope that throws takes it along. Of several
    # results (§10.5.3) an error, which always does, comes last.
    for part in sorted(parts, key=lambda part: part.kind == "error"):
        if part.kind == "signal":
            events.broadcast(board, part.name or "", {})
        elif part.kind == "escalation" and frame_id in board.frames:
            faults.throw_escalation(board, frame_id, part.name)
        elif part.kind == "error" and frame_id in board.frames:
            faults.throw_error(board, frame_id, part.name)


def pass_through(board: Board, frame_id: str, node: Node, visit_id: str, event: Event) -> None:
    """The token goes on at once, or is consumed by an end event."""
    board.note("completed", frame_id, node, visit_id)
    if node.kind == "end":
        board.frames[frame_id]["end"] = node.id
    for part in event.parts or (event,):
        if part.kind == "message":
            board.note("sent", frame_id, node, visit_id, name=part.name)
        elif part.kind == "signal":
            board.note("signalled", frame_id, node, visit_id, name=part.name)
    if event.kind == "terminate":
        empty_frame(board, frame_id)
    elif event.kind == "cancel":
        undo.cancel_transaction(board, frame_id, node)
    elif node.kind != "end":
        leave(board, frame_id, node, visit_id)


def leave(board: Board, frame_id: str, node: Node, visit_id: str) -> None:
    """Put tokens on the outgoing flows that the node's kind and the conditions choose.

    Exclusive: the first true one in document order (§13.4.2); inclusive gateways and activities:
    every true one, unconditional flows always (§13.2.1, §13.4.3); parallel: all. A default flow is
    taken when no condition is true.
    """
    scope = board.scope(frame_id)
    try:
        board.put_out(frame_id, node)
        chosen = choose(board, frame_id, node, [scope.flows[flow] for flow in node.outgoing])
    except Fault as fault:
        faults.park(board, frame_id, node, visit_id, fault, stuck=True)
        return
    for flow_id in chosen:
        board.note("taken", frame_id, node, visit_id, flow=flow_id)
        board.put(frame_id, "flow", flow_id)


def choose(board: Board, frame_id: str, node: Node, flows: list[Flow]) -> list[str]:
    if node.kind == "and" or (node.default is None and all(flow.condition is None for flow in flows)):
        return [flow.id for flow in flows]
    chosen = []
    decided = False
    for flow in flows:
        if flow.id == node.default:
            continue
        if flow.condition is None:
            chosen.append(flow.id)
        elif board.holds(frame_id, flow.condition, flow.id):
            chosen.append(flow.id)
            decided = True
        if chosen and node.kind == "xor":
            return chosen
    if node.default is not None and not decided:
        chosen.append(node.default)
    if not chosen:
        raise Fault(
            "flow.none",
            say("no condition on a flow that leaves {element} is true", element=node.id),
        )
    return chosen


# --- the ends of scopes


def finish_if_empty(board: Board, frame_id: str) -> None:
    """A scope with no token left is done, and so is what it belongs to (§13.3.4)."""
    frame = board.frames.get(frame_id)
    if frame is None or not is_empty(frame):
        return
    if board.moving.get(frame_id):
        return
    finish_frame(board, frame_id)


def finish_frame(board: Board, frame_id: str) -> None:
    frame = board.frames[frame_id]
    for armed in board.by_arrival(frame_id):
        board.remove_visit(frame_id, armed)
    if "up" not in frame:
        board.marking["state"] = "completed"
        board.marking["mail"] = []
        board.effects.append(Effect("ended", frame["scope"], frame.get("end", ""), ""))
        board.shown(board.effects[-1])
        return
    up, owner = frame["up"], frame["owner"]
    if board.visit(up, owner)["wait"] == "undo":
        return  # the frame in which a completed subprocess is compensated ends with the compensation
    if "index" in frame:
        loops.end_instance(board, frame_id, frame)
        return
    del board.frames[frame_id]
    host = board.node(up, board.visit(up, owner)["node"])
    if "data" in frame:
        gave = {name: value for name, value in frame["data"].items() if name not in host.own}
        board.write(up, gave, "passed", host.id, frame_id)
    if "end" in frame and host.kind == "handler" and board.net.start_of(host)[1].interrupting:
        board.frames[up]["end"] = frame["end"]  # it took the place of all else, so its end is the scope's
    activities.complete(board, up, owner, inside=frame)


def cancel_visit(board: Board, frame_id: str, visit_id: str, *, fired: str | None = None) -> None:
    """Interrupt the visit and everything inside it, innermost first."""
    cancel_inside(board, frame_id, visit_id)
    visit = board.remove_visit(frame_id, visit_id, fired=fired)
    if visit["wait"] in ("multi", "armed") or any(mark in visit for mark in ("inside", "loose", "cancels")):
        return  # nothing that was entered under this name is still under way
    board.note("cancelled", frame_id, board.node(frame_id, visit["node"]), visit_id)


def cancel_inside(board: Board, frame_id: str, visit_id: str) -> None:
    visit = board.visit(frame_id, visit_id)
    for index in list(visit["multi"]["waiting"]) if "multi" in visit else ():
        loops.unshelve(board, frame_id, visit_id, index)
    inside = [inner for inner, frame in board.frames.items() if frame.get("owner") == visit_id]
    for inner in sorted(inside, key=lambda f: board.frames[f].get("index", 0)):
        frame = board.frames[inner]
        empty_frame(board, inner)
        del board.frames[inner]
        if "index" in frame and "only" not in frame:
            host = board.node(frame_id, visit["node"])
            board.note("cancelled", frame_id, host, inner)


def empty_frame(board: Board, frame_id: str) -> None:
    """Remove every token of the frame: moving, waiting at joins, and waiting in visits."""
    frame = board.frames[frame_id]
    board.clear(frame_id)
    frame["joins"] = {}
    for visit_id in board.by_arrival(frame_id):
        cancel_visit(board, frame_id, visit_id)
