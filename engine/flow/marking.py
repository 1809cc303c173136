"""Where a running process stands: plain JSON data, stored whole with each act.

* `frames`: a tree of running scopes. The process itself is frame `""`; an embedded subprocess, a called
  process and each instance of a multi-instance activity have a frame of their own, named after the
  visit they belong to (`review`, `review#2`, `opinion:3`, `review/fire#2`).
* a frame's `live` holds the visits that wait (a task for a person, an event for its trigger, an activity
  for the frames inside it) with their armed timers; `joins` the tokens that wait at gateways;
  `visits` how often each node was entered, which makes identities unique; `data` its own variables.
* `mail`: messages that arrived before anything waited for them.

Only `step` makes markings; everybody may ask the questions below.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple, NotRequired, TypedDict

from .net import Event, Net, Node, Scope, the

Waits = Literal["task", "event", "race", "scope", "multi", "incident"]
"""What a visit waits for: a person, its trigger, the first of several, what runs inside, or repair."""


class Timer(TypedDict):
    """When the timer fires: at `due`, or when the item's `clock` runs out. A `term` of law counted from
    `since` is counted again when the calendar changes; of a cycle also how it goes on."""

    due: NotRequired[str]
    clock: NotRequired[str]
    term: NotRequired[str]
    since: NotRequired[str]
    provisional: NotRequired[bool]
    every: NotRequired[str]
    left: NotRequired[int]


class Multi(TypedDict):
    """A running multi-instance activity: `n` instances in all, those finished and what they gave.

    An instance that is a task waiting for a person has no frame meanwhile: `waiting` says by its number
    what can't be derived. Twenty-six departments would else make a marking of many kilobytes.
    """

    n: int
    started: int
    ended: int
    out: dict[str, Any]
    waiting: dict[str, Pending]
    items: NotRequired[list[Any]]


class Pending(TypedDict):
    """What a visit would say of the task: order of arrival, and whose it is."""

    since: int
    unit: NotRequired[str]


class Visit(TypedDict):
    """A token that rests at `node`; `since` orders arrivals, `timers` are keyed by event node,
    `unit` is whose task it is when the diagram says so by an expression."""

    node: str
    since: int
    wait: Waits
    timers: NotRequired[dict[str, Timer]]
    multi: NotRequired[Multi]
    unit: NotRequired[str]


class Frame(TypedDict):
    """A running scope. `up` and `owner` name the frame and visit it runs inside, `index` its number among
    the instances of that visit, `only` the single task it stands for; `end` is the last end event reached.
    With `data` it has variables of its own, and if `sealed` all that is written inside stays there."""

    scope: str
    up: NotRequired[str]
    owner: NotRequired[str]
    index: NotRequired[int]
    only: NotRequired[str]
    data: NotRequired[dict[str, Any]]
    sealed: NotRequired[bool]
    end: NotRequired[str]
    live: dict[str, Visit]
    joins: dict[str, dict[str, int]]
    visits: dict[str, int]


class Marking(TypedDict):
    """The whole state of one run. `serial` counts arrivals; `zone` reads instants without offset."""

    state: Literal["running", "completed"]
    zone: str
    serial: int
    frames: dict[str, Frame]
    mail: list[dict[str, Any]]


# Named tuples below, because looking over a case with many branches makes many of them.


class Waiting(NamedTuple):
    """A visit that waits for the outside world: a task for a person, or an event for `name`."""

    id: str
    scope: str
    element: str
    name: str = ""
    unit: str = ""


class Due(NamedTuple):
    """An armed timer; sorts by instant, then document order, then order of arming. `due` is "" of one that
    waits for the item's `clock`; a `term` of law is counted from the instant `counted_from`."""

    due: str
    order: int
    since: int
    timer: str
    scope: str
    element: str
    clock: str = ""
    provisional: bool = False
    term: str = ""
    counted_from: str = ""
    cyclic: bool = False


def open_tasks(marking: Marking) -> list[Waiting]:
    """The tasks that wait for a person, in order of opening."""
    found = []
    for frame in marking["frames"].values():
        scope = frame["scope"]
        for visit_id, visit in frame["live"].items():
            node = visit["node"]
            if visit["wait"] == "task":
                found.append((visit["since"], Waiting(visit_id, scope, node, unit=visit.get("unit", ""))))
            elif "multi" in visit:
                for index, pending in visit["multi"]["waiting"].items():
                    waiting = Waiting(f"{visit_id}:{index}", scope, node, unit=pending.get("unit", ""))
                    found.append((pending["since"], waiting))
    return [waiting for _, waiting in sorted(found)]


def awaited(net: Net, marking: Marking, kind: Literal["message", "signal"]) -> list[Waiting]:
    """The events that wait for a message (or signal), in order of arming; boundary events included."""
    return [
        Waiting(wait.visit_id, wait.frame["scope"], wait.node.id, wait.event.name or "")
        for wait in waits(net, marking)
        if wait.event.kind == kind
    ]


def timers(net: Net, marking: Marking) -> list[Due]:
    """The armed timers that have a due instant, next first."""
    return [timer for timer in _armed(net, marking) if timer.due]


def bound_timers(net: Net, marking: Marking) -> list[Due]:
    """The armed timers that wait for a clock of the item to run out."""
    return [timer for timer in _armed(net, marking) if timer.clock]


def _armed(net: Net, marking: Marking) -> list[Due]:
    found = []
    for frame in marking["frames"].values():
        scope = net.scopes[frame["scope"]]
        for visit_id, visit in frame["live"].items():
            for element, timer in visit["timers"].items() if "timers" in visit else ():
                node = scope.nodes[element]
                found.append(
                    Due(
                        timer.get("due", ""),
                        node.order,
                        visit["since"],
                        timer_id_of(visit_id, visit, element),
                        scope.id,
                        element,
                        timer.get("clock", ""),
                        timer.get("provisional", False),
                        timer.get("term", ""),
                        timer.get("since", ""),
                        "every" in timer,
                    )
                )
    return sorted(found)


def receives(net: Net, kind: Literal["message", "signal"], name: str) -> bool:
    """Whether any event of the net, waiting or not, is triggered by this message or signal."""
    return any(
        node.event is not None
        and node.event.kind == kind
        and node.event.name == name
        and (node.kind in ("catch", "boundary") or node.id in scope.starts)
        for scope in net.scopes.values()
        for node in scope.nodes.values()
    )


def variables(marking: Marking, frame_id: str = "") -> dict[str, Any]:
    """The variables that are seen in a frame: its own over those of the frames around it."""
    frame = marking["frames"][frame_id]
    seen = variables(marking, frame["up"]) if "up" in frame else {}
    if "data" in frame:
        seen.update(frame["data"])
    return seen


def element_of(task: str) -> str:
    """The element that a task or timer is a visit of: `fire` for `review/fire#2` and for `fire:3`."""
    return task.rpartition("/")[2].partition("#")[0].partition(":")[0]


def copy_data(value: Any) -> Any:
    """A deep copy of JSON data."""
    # marshal knows just such data, keeps order, and takes half the time of copying by hand.
    return marshal.loads(marshal.dumps(value))  # noqa: S302 - bytes of our own making


def timer_id_of(visit_id: str, visit: Visit, element: str) -> str:
    """A catch event's timer is named like the visit; others also name the event they belong to."""
    return visit_id if visit["node"] == element else f"{visit_id}!{element}"


class Wait(NamedTuple):
    """One event that could fire now: `node` on (or reached from) the waiting visit."""

    since: int
    frame_id: str
    frame: Frame
    visit_id: str
    node: Node
    event: Event


def waits(net: Net, marking: Marking) -> list[Wait]:
    """Every waiting catch event, event behind an event-based gateway, start and boundary event."""
    found = []
    for frame_id, frame in marking["frames"].items():
        scope = net.scopes[frame["scope"]]
        for visit_id, visit in frame["live"].items():
            for node in _triggers(scope, frame, visit):
                found.append(Wait(visit["since"], frame_id, frame, visit_id, node, the(node.event)))
    return sorted(found, key=lambda wait: (wait.since, wait.node.order))


def _triggers(scope: Scope, frame: Frame, visit: Visit) -> Iterable[Node]:
    """The event nodes that can fire on a visit: itself, those behind its gateway, those on its edge."""
    node = scope.nodes[visit["node"]]
    if visit["wait"] == "event":
        return (node,)
    if visit["wait"] == "race":
        return [scope.nodes[scope.flows[flow].target] for flow in node.outgoing]
    if "only" in frame or visit["wait"] == "incident":
        return ()
    return scope.boundaries.get(node.id, ())
