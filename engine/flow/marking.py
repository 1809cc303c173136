"""Where a running process stands: plain JSON data, stored whole with each act.

* `frames`: a tree of running scopes. The process itself is frame `""`; an embedded subprocess, a called
  process and each instance of a multi-instance activity have a frame of their own, named after the
  visit they belong to (`review`, `review#2`, `opinion:3`, `review/fire#2`).
* a frame's `live` holds the visits that wait (a task for a person, an event for its trigger, an activity
  for the frames inside it) with their armed timers; `joins` the tokens that wait at gateways;
  `visits` how often each node was entered, which makes identities unique; `data` its own variables;
  `done` what was completed in it and can be compensated.
* an event subprocess waits in `live` as `!handler`; that it waits keeps no scope open. What runs to
  compensate the inside of a completed subprocess is in a frame of its own, `box^`.
* `mail`: messages that arrived before anything waited for them.

Only `step` makes markings; everybody may ask the questions below.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple, NotRequired, TypedDict, cast

from .net import Event, Net, Node, Scope, the, triggers

Waits = Literal["task", "event", "race", "scope", "multi", "incident", "armed", "undo"]
"""What a visit waits for: a person, its trigger, the first of several, what runs inside, or repair; an
event subprocess for its trigger; a compensation (thrown, or of something inside) for its handlers."""


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
    done: NotRequired[list[Done]]


class Pending(TypedDict):
    """What a visit would say of the task: order of arrival, and whose it is."""

    since: int
    unit: NotRequired[str]


class Done(TypedDict):
    """A completed activity that can be compensated, once: by the handler on its edge, or, of a
    subprocess, by what was `done` inside, with the `data` that it had of its own (§13.5.5). Once it is
    being compensated: in `frame`, if that is around the one in which this was thrown."""

    node: str
    frame: NotRequired[str]
    done: NotRequired[list[Done]]
    data: NotRequired[dict[str, Any]]


class Visit(TypedDict):
    """A token that rests at `node`; `since` orders arrivals, `timers` are keyed by event node (and the
    number of the part, of a multiple event), `unit` is whose task it is when the diagram says so by an
    expression.

    `got` are the parts of a parallel multiple event that have come, `held` the non-interrupting events
    whose condition is true already. `stuck` says that an incident came up on the way out. Of a
    compensation, `undo` is what is still to be compensated, last first, `inside` the frame where, `loose`
    that nobody waits for it, `cancels` that a transaction is left then; `serves` is the frame and visit of
    the compensation that a handler is run for.
    """

    node: str
    since: int
    wait: Waits
    timers: NotRequired[dict[str, Timer]]
    multi: NotRequired[Multi]
    unit: NotRequired[str]
    got: NotRequired[dict[str, list[int]]]
    held: NotRequired[list[str]]
    stuck: NotRequired[bool]
    undo: NotRequired[list[Done]]
    inside: NotRequired[str]
    loose: NotRequired[bool]
    cancels: NotRequired[bool]
    serves: NotRequired[list[str]]


class Frame(TypedDict):
    """A running scope. `up` and `owner` name the frame and visit it runs inside, `index` its number among
    the instances of that visit, `only` the single task it stands for; `end` is the last end event reached.
    With `data` it has variables of its own, and if `sealed` all that is written inside stays there, else what
    it has and what is named in `own`; `key` is what the first message of a process's conversation has set its
    correlation key to."""

    scope: str
    up: NotRequired[str]
    owner: NotRequired[str]
    index: NotRequired[int]
    only: NotRequired[str]
    data: NotRequired[dict[str, Any]]
    sealed: NotRequired[bool]
    own: NotRequired[list[str]]
    end: NotRequired[str]
    key: NotRequired[list[Any]]
    done: NotRequired[list[Done]]
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
    return [Waiting(task, scope, node, unit=unit) for _, task, scope, node, unit in _open(marking)]


def names_of_open_tasks(marking: Marking) -> list[str]:
    """The `id` of each of the `open_tasks`."""
    return [task for _, task, *_ in _open(marking)]


def _open(marking: Marking) -> list[tuple[int, str, str, str, str]]:
    """Of each open task: since when, its id, scope, element and unit; in order of opening."""
    found = []
    for frame in marking["frames"].values():
        scope = frame["scope"]
        for visit_id, visit in frame["live"].items():
            node = visit["node"]
            if visit["wait"] == "task":
                found.append((visit["since"], visit_id, scope, node, visit.get("unit", "")))
            elif "multi" in visit:
                for index, pending in visit["multi"]["waiting"].items():
                    task = f"{visit_id}:{index}"
                    found.append((pending["since"], task, scope, node, pending.get("unit", "")))
    return sorted(found)


def open_task(marking: Marking, task: str) -> Waiting | None:
    """The task of this identity, if it waits for a person."""
    # Not by looking through all of them: an act asks for its own task several times.
    host, _, index = task.rpartition(":")
    for frame in marking["frames"].values():
        visit = frame["live"].get(task)
        if visit is not None and visit["wait"] == "task":
            return Waiting(task, frame["scope"], visit["node"], unit=visit.get("unit", ""))
        visit = frame["live"].get(host)
        if visit is not None and "multi" in visit and index in visit["multi"]["waiting"]:
            pending = visit["multi"]["waiting"][index]
            return Waiting(task, frame["scope"], visit["node"], unit=pending.get("unit", ""))
    return None


def incidents(marking: Marking) -> list[str]:
    """The visits that stopped because something in the diagram failed, in the order of failing."""
    found = [
        (visit["since"], visit_id)
        for frame in marking["frames"].values()
        for visit_id, visit in frame["live"].items()
        if visit["wait"] == "incident"
    ]
    return [visit_id for _, visit_id in sorted(found)]


def awaited(net: Net, marking: Marking, kind: Literal["message", "signal"]) -> list[Waiting]:
    """The events that wait for a message (or signal), in order of arming; boundary events included."""
    return [
        Waiting(wait.visit_id, wait.scope.id, wait.node.id, wait.event.name or "")
        for wait in waits(net, marking)
        if wait.event.kind == kind
    ]


def timers(net: Net, marking: Marking) -> list[Due]:
    """The armed timers that have a due instant, next first."""
    return [timer for timer in armed_timers(net, marking) if timer.due]


def bound_timers(net: Net, marking: Marking) -> list[Due]:
    """The armed timers that wait for a clock of the item to run out."""
    return [timer for timer in armed_timers(net, marking) if timer.clock]


def armed_timers(net: Net, marking: Marking) -> list[Due]:
    """All armed timers: those that have a due instant and those that wait for a clock of the item."""
    found = []
    for frame in marking["frames"].values():
        for visit_id, visit in frame["live"].items():
            for key, timer in visit["timers"].items() if "timers" in visit else ():
                scope, node = event_node(net, frame, visit, key)
                found.append(
                    Due(
                        timer.get("due", ""),
                        node.order,
                        visit["since"],
                        timer_id_of(visit_id, visit, key),
                        scope.id,
                        node.id,
                        timer.get("clock", ""),
                        timer.get("provisional", False),
                        timer.get("term", ""),
                        timer.get("since", ""),
                        "every" in timer,
                    )
                )
    return sorted(found)


def receives(net: Net, kind: Literal["message", "signal"], name: str) -> bool:
    """Whether any event of a run, waiting or not, is triggered by this message or signal."""
    return any(
        part.kind == kind and part.name == name
        for scope in net.scopes.values()
        for node in scope.nodes.values()
        if node.kind in ("catch", "boundary", "receive") or node.id in scope.starts
        for part in triggers(node)
    )


def begins(net: Net, kind: Literal["message", "signal"], name: str) -> bool:
    """Whether the process has a start event that is triggered by this message or signal."""
    nodes = net.scopes[net.process].nodes.values()
    starts = (part for node in nodes if node.kind == "start" for part in triggers(node))
    return any(part.kind == kind and part.name == name for part in starts)


def variables(marking: Marking, frame_id: str = "") -> dict[str, Any]:
    """The variables that are seen in a frame: its own over those of the frames around it."""
    frame = marking["frames"][frame_id]
    seen = variables(marking, frame["up"]) if "up" in frame else {}
    if "data" in frame:
        seen.update(frame["data"])
    return seen


def element_of(task: str) -> str:
    """The element that a task or timer is a visit of: `fire` for `review/fire#2`, `fire:3` and `!fire`."""
    return task.rpartition("/")[2].partition("#")[0].partition(":")[0].removeprefix("!")


def copy_data(value: Any) -> Any:
    """A deep copy of JSON data."""
    # marshal knows just such data, keeps order, and takes half the time of copying by hand.
    return marshal.loads(marshal.dumps(value))  # noqa: S302 - bytes of our own making


def copy_marking(marking: Marking) -> Marking:
    """The marking for a step to change. The two share the values of variables, answers and messages: no one
    changes those in place. A copy of all that departments have said would cost more than the step."""
    frames = {name: _copy_frame(frame) for name, frame in marking["frames"].items()}
    return {**marking, "frames": frames, "mail": list(marking["mail"])}


def _copy_frame(frame: Frame) -> Frame:
    copied: Frame = {
        **frame,
        "live": {name: _copy_visit(visit) for name, visit in frame["live"].items()},
        "joins": {name: dict(waiting) for name, waiting in frame["joins"].items()},
        "visits": dict(frame["visits"]),
    }
    if "data" in frame:
        copied["data"] = dict(frame["data"])
    if "done" in frame:
        copied["done"] = copy_data(frame["done"])
    return copied


def _copy_visit(visit: Visit) -> Visit:
    copied: Any = dict(visit)
    for key in _CHANGED & visit.keys():
        copied[key] = copy_data(copied[key])
    if "multi" in visit:
        multi: Any = dict(visit["multi"])
        multi |= {"out": dict(multi["out"]), "waiting": dict(multi["waiting"])}
        if "done" in multi:
            multi["done"] = copy_data(multi["done"])
        copied["multi"] = multi
    return cast(Visit, copied)


_CHANGED = {"timers", "got", "held", "undo"}
"""What a step changes inside of a visit, beside `multi`."""


def timer_id_of(visit_id: str, visit: Visit, key: str) -> str:
    """A catch event's timer is named like the visit; others also name the event they belong to."""
    return visit_id if visit["node"] == key else f"{visit_id}!{key}"


def visit_of_timer(timer: str) -> str:
    """The visit that a timer is on the edge of (of an event subprocess: that waits for it); "" if the timer
    is what the visit itself waits for."""
    return timer.rpartition("!")[0]


def part_key(node: Node, part: int | None) -> str:
    """The key of an event's timer on its visit: of a multiple event with the number of the part."""
    return node.id if part is None else f"{node.id}|{part}"


def event_node(net: Net, frame: Frame, visit: Visit, key: str) -> tuple[Scope, Node]:
    """The event that key `key` of `visit["timers"]` is about, with its scope."""
    scope = net.scopes[frame["scope"]]
    node = scope.nodes[visit["node"]]
    if visit["wait"] == "armed":
        return net.start_of(node)
    return scope, scope.nodes[key.partition("|")[0]]


class Wait(NamedTuple):
    """One trigger that could come now: `event`, which is that of `node`, or its part of that number;
    `node` is on (or reached from) the waiting visit, in `scope`."""

    since: int
    frame_id: str
    frame: Frame
    visit_id: str
    visit: Visit
    scope: Scope
    node: Node
    event: Event
    part: int | None = None


def waits(net: Net, marking: Marking) -> list[Wait]:
    """Every trigger that is waited for: by catch events and receive tasks, those behind an event-based
    gateway, start events, boundary events and event subprocesses; oldest first."""
    found: list[Wait] = []
    for frame_id, frame in marking["frames"].items():
        scope = net.scopes[frame["scope"]]
        for visit_id, visit in frame["live"].items():
            if visit["wait"] == "armed":
                inner, start = net.start_of(scope.nodes[visit["node"]])
                found += _parts(frame_id, frame, visit_id, visit, inner, start)
                continue
            for node in _triggers(scope, frame, visit):
                found += _parts(frame_id, frame, visit_id, visit, scope, node)
    return sorted(found, key=lambda wait: (wait.since, wait.node.order))


def _parts(
    frame_id: str, frame: Frame, visit_id: str, visit: Visit, scope: Scope, node: Node
) -> Iterable[Wait]:
    event = the(node.event)
    if not event.parts:
        return (Wait(visit["since"], frame_id, frame, visit_id, visit, scope, node, event),)
    came = visit.get("got", {}).get(node.id, ())
    return [
        Wait(visit["since"], frame_id, frame, visit_id, visit, scope, node, part, number)
        for number, part in enumerate(event.parts)
        if number not in came
    ]


def _triggers(scope: Scope, frame: Frame, visit: Visit) -> Iterable[Node]:
    """The event nodes that can fire on a visit: itself, those behind its gateway, those on its edge."""
    node = scope.nodes[visit["node"]]
    own = (node,) if visit["wait"] == "event" else ()
    if visit["wait"] == "race":
        return [scope.nodes[scope.flows[flow].target] for flow in node.outgoing]
    if "only" in frame or visit["wait"] in ("incident", "undo"):
        return own
    return (*own, *scope.boundaries.get(node.id, ()))


def is_empty(frame: Frame) -> bool:
    """Whether no token rests in the frame: event subprocesses that wait for their trigger keep none open."""
    return not frame["joins"] and all(visit["wait"] == "armed" for visit in frame["live"].values())
