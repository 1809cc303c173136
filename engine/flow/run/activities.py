"""Activities: tasks, subprocesses and calls (§10.3, §13.3)."""

from __future__ import annotations

from ...clock import read_term
from ...errors import say
from ..marking import Frame, Waits, copy_data
from ..net import HUMAN, Node, the
from . import faults, loops, moves, timers, undo
from .board import Board, Fault


def enter(board: Board, frame_id: str, node: Node, visit_id: str, *, serves: list[str] | None = None) -> None:
    """A token is at an activity, or the compensation that it `serves` runs it: its boundary events are
    armed, and it does what it is there for."""
    visit = board.add_visit(frame_id, node, visit_id, "multi" if node.loop else wait_of(node))
    if serves is not None:
        visit["serves"] = serves
    if node.loop is None:
        board.note("entered", frame_id, node, visit_id)
    try:
        timers.arm(board, frame_id, visit_id, board.scope(frame_id).boundaries.get(node.id, ()))
        if node.loop is not None:
            loops.begin(board, frame_id, node, visit_id)
        else:
            perform(board, frame_id, node, visit_id)
    except Fault as fault:
        faults.park(board, frame_id, node, visit_id, fault)


def wait_of(node: Node) -> Waits:
    """What a visit to the activity waits for."""
    return "task" if node.kind in HUMAN else "event" if node.kind == "receive" else "scope"


def perform(board: Board, frame_id: str, node: Node, visit_id: str) -> None:
    """What the activity itself does, boundary events already armed. Raises `Fault`."""
    match node.kind:
        case "user" | "manual":
            unit = node.properties.get("unit")
            if unit is not None:
                given = board.inputs(frame_id, node)
                board.visit(frame_id, visit_id)["unit"] = str(board.evaluate(frame_id, unit, node.id, given))
            board.note("opened", frame_id, node, visit_id, **_term(board, frame_id, node))
        case "receive":
            board.changed = True
        case "subprocess" | "call":
            is_call = node.kind == "call"
            own = copy_data(board.inputs(frame_id, node)) if is_call or node.inputs else None
            board.begin_frame(visit_id, node, up=frame_id, owner=visit_id, data=own, sealed=is_call)
            moves.begin_scope(board, visit_id)
        case _:
            _automatic(board, frame_id, node, visit_id)
            complete(board, frame_id, visit_id)


def _automatic(board: Board, frame_id: str, node: Node, visit_id: str) -> None:
    """The work of a task that nobody is waited for."""
    # Here as in `board`: most commands only look at a case and calculate nothing.
    given = board.inputs(frame_id, node)
    match node.kind:
        case "script" if node.script is not None:
            from ...expressions import compile_script

            script = the(node.script)
            values = board.guarded(
                lambda data: compile_script(script).run(data, *board.at), frame_id, script, node.id, given
            )
            board.write(frame_id, values, "made", node.id)
        case "script" | "service":
            value = board.evaluate(frame_id, the(node.expression), node.id, given)
            if node.result is not None:
                board.write(frame_id, {node.result: value}, "made", node.id)
        case "rule":
            from ...expressions import compile_table

            decision = the(node.decision)
            table = board.net.tables[decision]
            value = board.guarded(
                lambda data: compile_table(table).evaluate(data, *board.at),
                frame_id,
                decision,
                node.id,
                given,
            )
            if node.result is not None:
                board.write(frame_id, {node.result: value}, "made", node.id)
            elif isinstance(value, dict):
                board.write(frame_id, value, "made", node.id)
        case "send":
            board.note("sent", frame_id, node, visit_id, name=the(node.event).name)
        case _:
            pass  # a task without a type has nothing to do


def _term(board: Board, frame_id: str, node: Node) -> dict[str, str]:
    """The term of law that the diagram gives the task's clock by an expression, if it does."""
    source = node.properties.get("term")
    if source is None:
        return {}
    value = board.evaluate(frame_id, source, node.id, board.inputs(frame_id, node))
    if not isinstance(value, str) or read_term(value) is None:
        raise Fault(
            "task.term",
            say("{element}: {text} is not a term such as 5wd", element=node.id, text=repr(value)),
        )
    return {"term": value}


def complete(
    board: Board, frame_id: str, visit_id: str, *, noted: bool = False, inside: Frame | None = None
) -> None:
    """The activity is done, and with it the frame `inside` it: stop its timers and go on behind it."""
    visit = board.remove_visit(frame_id, visit_id)
    node = board.node(frame_id, visit["node"])
    if not noted:
        board.note("completed", frame_id, node, visit_id)
    if "serves" in visit:
        undo.served(board, visit)
    elif not noted:
        undo.remember(board, frame_id, node, inside)
    if "only" not in board.frames[frame_id]:
        moves.leave(board, frame_id, node, visit_id)
    moves.finish_if_empty(board, frame_id)
