"""The way back through the diagram: from a visit to what led there.

In: a `Trace`, and a visit or a place in it. Out: keys, by which the other rooms tell what happened there.
"""

from __future__ import annotations

from ..events import AnswerConfirmed, CaseOpened, ReferralWithdrawn, TaskCompleted
from ..flow.net import HUMAN, Node, triggers
from ..flow.run.board import Effect
from ..flow.run.moves import is_trigger
from .links import Key
from .trace import Act, Trace, frame_of


def came(trace: Trace, id: str, before: int | None = None) -> list[Key]:
    """What led to a token's being at the visit, of the entries not after the place `before`."""
    places = [at for at in trace.entered.get(id, ()) if before is None or at <= before]
    parent = next((trace.parents[at] for at in places if at in trace.parents), None)
    if parent is not None:
        return left_by(trace, parent)
    node = trace.node_at(places[0]) if places else None
    if node is not None and node.kind == "handler":  # told by the start event whose firing began it
        return [("caught", next(start for start in trace.fired if frame_of(start) == id))]
    if node is not None and node.compensation:
        return undoing(trace, places[0])
    frame = frame_of(id)
    if frame and frame in trace.entered:
        return came(trace, frame, before)
    return [("opening",)]


def undoing(trace: Trace, place: int) -> list[Key]:
    """The event that had undone what was done, so that something began at the place."""
    for at in range(place - 1, -1, -1):
        glimpse = trace.glimpses[at]
        if not isinstance(glimpse, Effect) or glimpse.kind != "entered":
            continue
        kinds = {part.kind for part in triggers(trace.node_at(at))}
        if trace.node_at(at).kind in ("throw", "end") and kinds & {"compensate", "cancel"}:
            return [("reached", trace.visit_at(at))]
    return []


def came_to_step(trace: Trace, task: str) -> list[Key]:
    """What led to a step; nothing for one of a meeting or the like, which no token came to."""
    return came(trace, task) if task in trace.entered else []


def left_by(trace: Trace, taken: int) -> list[Key]:
    """What a token that went on at a place comes from."""
    id, node = trace.visit_at(taken), trace.node_at(taken)
    if trace.effect(taken).kind == "signalled":
        return came(trace, id, taken)
    return [("left", id)] if chooses(node) else done(trace, id, node, taken)


def arrived(trace: Trace, join: int) -> list[Key]:
    """What all tokens come from for which a join waited that went on at this place, the latest first."""
    return [key for arrival in reversed(trace.joined[join]) for key in left_by(trace, arrival)]


def chooses(node: Node) -> bool:
    """Whether it is for the node to say which way it goes on, or to open several."""
    return node.kind != "race" and len(node.outgoing) > 1


def done(trace: Trace, id: str, node: Node, before: int | None = None) -> list[Key]:
    """How the visit to the node was done."""
    if _is_whole(id, node):
        return [("instances", id)]
    if node.kind in HUMAN:
        return [("step", id)]
    waits = node.kind in ("catch", "receive", "boundary")
    begins = node.kind == "start" and (bool(frame_of(id)) or is_trigger(node))
    if (waits or begins) and id in trace.fired:
        return [("caught", id)]
    if node.kind in ("script", "service", "rule", "send"):
        return [("work", id)]
    if node.kind in ("subprocess", "call", "handler"):
        return [("finished", id)]
    if trace.last(trace.completed, id, before) in trace.joined:
        return [("joined", id)]
    return came(trace, id, before)


def of_visit(trace: Trace, id: str) -> Key:
    """The cause that tells most of a visit."""
    fired = trace.last(trace.fired, id)
    node = trace.node_at(trace.entered[id][-1] if fired is None else fired)
    if trace.incidents.get(id) and trace.last(trace.completed, id) is None:
        return ("incident", id)
    if node.kind in HUMAN and trace.is_step(id):
        return ("step", id)
    if node.kind == "end":
        return ("end", id)
    if _is_whole(id, node):
        return ("instances", id)
    if id in trace.taken and chooses(node):
        return ("left", id)
    keys = done(trace, id, node) if trace.completed.get(id) else []
    return keys[0] if keys and keys[0][1:] == (id,) else ("reached", id)


def of_element(trace: Trace, element: str) -> Key:
    """The cause that tells most of the latest visit to an element, or that no token came there."""
    visits = trace.visits(element)
    return of_visit(trace, visits[-1]) if visits else ("never", element)


def of_fact(trace: Trace, act: Act) -> list[Key]:
    """The fact of an act, as its step where it ended one."""
    match act.fact.event:
        case TaskCompleted() | AnswerConfirmed() | ReferralWithdrawn():
            task = trace.named(act.fact, "task")
            if trace.is_step(task):
                return [("step", task)]
        case CaseOpened():
            return [("opening",)]
    return [("event", act.fact.seq)]


def waited(trace: Trace, id: str, node: Node, place: int) -> list[Key]:
    """How it came that an event was waited for that fired at this place."""
    if id in trace.hosts:
        return came(trace, trace.hosts[id], place)
    parent = trace.parents.get(place)
    if parent is not None and trace.effect(parent).kind == "taken":  # by the race that it was one of
        return came(trace, trace.visit_at(parent), parent)
    if "compensate" in {part.kind for part in triggers(node)}:
        return undoing(trace, place)
    if node.kind == "start":
        around = frame_of(frame_of(id))
        return came(trace, around, place) if around in trace.entered else [("opening",)]
    return came(trace, id, place)


def _is_whole(id: str, node: Node) -> bool:
    """Whether the visit is to a repeated activity as a whole, not one of its instances."""
    return node.loop is not None and not id.rpartition(":")[2].isdigit()
