"""What is on the table during one step: the marking, what still moves, and the variables."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct, field

from ...clock import Workdays
from ...errors import Text, say
from ..marking import Frame, Marking, Visit, Waits, copy_data, event_node, timer_id_of, variables
from ..net import Net, Node, Scope


class Almanac(Struct, frozen=True):
    """What a run knows of time beside the instant: the working days of those who sit in a lane, and the
    clocks of the item, which `clock('…')` may name.

    Without `workdays` (histories from before calendars were on record) days and hours are exact and
    working days can't be counted.
    """

    workdays: Callable[[str | None], Workdays] | None = None
    clocks: Collection[str] = ()


EffectKind = Literal[
    "entered",
    "completed",
    "fired",
    "cancelled",
    "taken",
    "opened",
    "armed",
    "moved",
    "stopped",
    "sent",
    "signalled",
    "incident",
    "ended",
]


class Effect(Struct, frozen=True):
    """Something that happened to `element` of `scope`, whose identity in this run is `id`.

    `entered`, `completed`, `fired`, `cancelled` are the trace. `taken` says that a token has left `element`
    by the sequence flow `flow`. `opened` says that a task now waits for a
    person (with the `term` of its clock, if the diagram gives one); `armed` (with `due`, `clock`,
    `provisional`), `moved` (also `was`) and `stopped` concern the timer `id`; `sent` and `signalled` carry
    `name`; `incident` carries `code` and `message`; `ended` closes the process, at end event `element` (""
    when its last token simply ran out).
    """

    kind: EffectKind
    scope: str
    element: str
    id: str
    info: Mapping[str, Any] = field(default_factory=dict)


Origin = Literal[
    "opening",
    "answers",
    "beside",
    "caught",
    "made",
    "output",
    "given",
    "passed",
    "gathered",
    "retried",
]


class Arrived(Struct, frozen=True):
    """A token came out of `flow` in the frame."""

    frame: str
    flow: str


class OnEdge(Struct, frozen=True):
    """The boundary event `id` was triggered on the visit `host`."""

    id: str
    host: str


class Delivered(Struct, frozen=True):
    """The message at this position of the mail was taken; the next event that fires took it."""

    position: int


class Asked(Struct, frozen=True):
    """`of` (the flow of a condition, else the element) had `source` calculated: an expression, a script, or
    the id of a decision. `seen` are the variables, each with the frame that holds it in `homes` ("?" for what
    the activity alone sees); `value` is what that gave, `fault` what went wrong instead."""

    of: str
    frame: str
    source: str
    seen: Mapping[str, Any]
    homes: Mapping[str, str]
    value: Any
    fault: Text | None


class Wrote(Struct, frozen=True):
    """The variable `name` in the frame `home` became `value`, because of element `of`.

    `how`: data of the `opening`, `answers` (of a step, or what a message brought), what is said `beside`
    them, what was `caught` (an error), what was `made` by a script, expression or table, a data `output`,
    what a frame was `given` when it began, what was `passed` on out of the frame `inside`, what was
    `gathered` from the instances of the visit `inside`, or what was set right when it was `retried`.
    """

    home: str
    name: str
    value: Any
    how: Origin
    of: str
    inside: str


Glimpse = Effect | Arrived | OnEdge | Delivered | Asked | Wrote


def effects_of(glimpses: Iterable[Glimpse]) -> list[Effect]:
    """Of all that was told, what happened to elements."""
    return [glimpse for glimpse in glimpses if isinstance(glimpse, Effect)]


Witness = Callable[[Glimpse], None]
"""Is told, in order, all that a step does, for who wants to know why; nothing depends on it."""


class Fault(Exception):
    """An expression, script, table or timer of the diagram failed; its token stops (an incident)."""

    def __init__(self, code: str, message: Text) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


What = Literal["flow", "node", "instance", "undo"]


class Board:
    """The marking that changes, and all that the rooms share.

    `queue` holds what still moves, in order: `(frame, "flow" | "node", id)` is a token that leaves a flow
    or begins at a node, `(frame, "instance", visit)` the next instance of a looping activity,
    `(frame, "undo", visit)` the next handler of a compensation; `moving` counts them by frame, which is asked
    after each move. `changed` says that conditions may have become true since they were looked at.
    """

    def __init__(
        self, net: Net, marking: Marking, now: datetime, almanac: Almanac, witness: Witness | None = None
    ) -> None:
        self.witness = witness
        self.almanac = almanac
        self.net = net
        self.marking = marking
        self.frames = marking["frames"]
        self.now = now
        self.effects: list[Effect] = []
        self.queue: deque[tuple[str, What, str]] = deque()
        self.moving: dict[str, int] = {}
        self.moves = 0
        self.changed = True

    # --- what moves

    def put(self, frame_id: str, what: What, key: str) -> None:
        self.queue.append((frame_id, what, key))
        self.moving[frame_id] = self.moving.get(frame_id, 0) + 1

    def next(self) -> tuple[str, What, str]:
        """Take the first of what moves off the queue."""
        entry = self.queue.popleft()
        self.moving[entry[0]] -= 1
        return entry

    def clear(self, frame_id: str) -> None:
        """Nothing of the frame moves any more."""
        if self.moving.pop(frame_id, 0):
            self.queue = deque(entry for entry in self.queue if entry[0] != frame_id)

    # --- where things are

    def scope(self, frame_id: str) -> Scope:
        return self.net.scopes[self.frames[frame_id]["scope"]]

    def node(self, frame_id: str, node_id: str) -> Node:
        return self.scope(frame_id).nodes[node_id]

    def visit(self, frame_id: str, visit_id: str) -> Visit:
        return self.frames[frame_id]["live"][visit_id]

    def is_waiting(self, frame_id: str, visit_id: str) -> bool:
        frame = self.frames.get(frame_id)
        return frame is not None and visit_id in frame["live"]

    def by_arrival(self, frame_id: str) -> list[str]:
        live = self.frames[frame_id]["live"]
        return sorted(live, key=lambda visit_id: live[visit_id]["since"])

    def next_id(self, frame_id: str, node: Node, *, count: bool = True, mark: str = "") -> str:
        """The identity of the next visit to `node`: its id (and `mark`), and from the second visit on `#2`,
        `#3`…"""
        visits = self.frames[frame_id]["visits"]
        name = node.id + mark
        number = visits.get(name, 0) + 1
        if count:
            visits[name] = number
        path = f"{frame_id}/{name}" if frame_id else name
        return path if number == 1 else f"{path}#{number}"

    # --- what is told

    def note(self, kind: EffectKind, frame_id: str, node: Node, visit_id: str, **info: Any) -> None:
        self.tell(kind, self.scope(frame_id), node, visit_id, **info)

    def tell(self, kind: EffectKind, scope: Scope, node: Node, visit_id: str, **info: Any) -> None:
        self.effects.append(Effect(kind, scope.id, node.id, visit_id, info))
        if self.witness is not None:
            self.witness(self.effects[-1])

    def shown(self, glimpse: Glimpse) -> None:
        """Let who looks on see it."""
        if self.witness is not None:
            self.witness(glimpse)

    # --- visits and frames

    def add_visit(self, frame_id: str, node: Node, visit_id: str, wait: Waits) -> Visit:
        self.marking["serial"] += 1
        since = self.marking["serial"]
        visit: Visit = {"node": node.id, "since": since, "wait": wait}
        self.frames[frame_id]["live"][visit_id] = visit
        return visit

    def remove_visit(self, frame_id: str, visit_id: str, *, fired: str | None = None) -> Visit:
        """Take the visit off the frame; every timer on it but the one that `fired` is stopped."""
        frame = self.frames[frame_id]
        visit = frame["live"].pop(visit_id)
        armed = [(key, *event_node(self.net, frame, visit, key)) for key in visit.get("timers", {})]
        for key, scope, node in sorted(armed, key=lambda timer: (timer[2].order, timer[0])):
            if key != fired:
                self.tell("stopped", scope, node, timer_id_of(visit_id, visit, key))
        return visit

    def begin_frame(
        self,
        frame_id: str,
        node: Node,
        *,
        up: str,
        owner: str,
        data: dict[str, Any] | None = None,
        sealed: bool = True,
        index: int | None = None,
    ) -> Frame:
        """A frame inside visit `owner` of frame `up`, still empty. With `data` it has variables of its own;
        if also `sealed`, what is written inside stays inside."""
        frame: Frame = {
            "scope": node.body or self.frames[up]["scope"],
            "up": up,
            "owner": owner,
            "live": {},
            "joins": {},
            "visits": {},
        }
        if node.locals:
            frame["own"] = list(node.locals)
        if data is not None or node.locals:
            frame["data"] = data or {}
            frame["sealed"] = data is not None and sealed
        if index is not None:
            frame["index"] = index
        self.frames[frame_id] = frame
        for name, value in (data or {}).items() if self.witness is not None else ():
            self.shown(Wrote(frame_id, name, value, "given", node.id, up))
        return frame

    # --- data

    @property
    def at(self) -> tuple[datetime, str]:
        return self.now, self.marking["zone"]

    def evaluate(self, frame_id: str, source: str, of: str, more: Mapping[str, Any] | None = None) -> Any:
        """The value of an expression of `of`, as `guarded` has it."""
        # Here as elsewhere: most commands only look at a case and calculate nothing.
        from ...expressions import compile_expression

        return self.guarded(
            lambda data: compile_expression(source).evaluate(data, *self.at), frame_id, source, of, more
        )

    def holds(self, frame_id: str, source: str, of: str, more: Mapping[str, Any] | None = None) -> bool:
        """Whether a condition is true. It must be a boolean: the text "no" is not a yes (§8.4.13)."""
        value = self.evaluate(frame_id, source, of, more)
        if not isinstance(value, bool):
            raise Fault(
                "condition.kind",
                say("condition {source} gives {value}, not true or false", source=source, value=repr(value)),
            )
        return value

    def guarded(
        self,
        work: Callable[[dict[str, Any]], Any],
        frame_id: str,
        source: str,
        of: str,
        more: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run diagram code (`source`, of the flow or element `of`) on the variables that frame `frame_id`
        sees, and `more` over them; its failure becomes a `Fault`."""
        from ...expressions import Failed, Malformed

        data = {**variables(self.marking, frame_id), **(more or {})}
        value, fault = None, None
        try:
            value = work(data)
            return value
        except (Failed, Malformed) as error:
            fault = error.message
            raise Fault(error.code, error.message) from error
        finally:
            if self.witness is not None:
                homes = self._homes(frame_id) | dict.fromkeys(more or {}, "?")
                self.witness(Asked(of, frame_id, source, data, homes, value, fault))

    def _homes(self, frame_id: str) -> dict[str, str]:
        """The variables that are seen in a frame, each with the frame that holds it."""
        frame = self.frames[frame_id]
        found = self._homes(frame["up"]) if "up" in frame else {}
        return found | dict.fromkeys(frame.get("data", {}), frame_id)

    def write_answers(self, frame_id: str, node: Node, data: dict[str, Any]) -> None:
        """A step's answers: under its `result` variable, or one by one."""
        result = node.properties.get("result")
        self.write(frame_id, {result: data} if result else data, "answers", node.id)

    def write(self, frame_id: str, values: Mapping[str, Any], how: Origin, of: str, inside: str = "") -> None:
        """Set variables where they belong: in the nearest frame that has them, or whose own they are, or that
        is sealed. `how`, `of` and `inside` as in `Wrote`.

        Only the names given change, so branches that end later never undo what others wrote.
        """
        for name, value in values.items():
            home, frame = frame_id, self.frames[frame_id]
            while not ("data" in frame and (frame["sealed"] or name in frame["data"] or _owns(frame, name))):
                home = frame["up"]
                frame = self.frames[home]
            frame["data"][name] = copy_data(value)
            self.changed = True
            if self.witness is not None:
                self.witness(Wrote(home, name, value, how, of, inside))

    def inputs(self, frame_id: str, node: Node) -> dict[str, Any]:
        """What the activity is given by its data input associations (§10.4.2): of the variables that they
        name those that are there, and what they calculate. Raises `Fault`."""
        if not node.inputs:
            return {}
        seen = variables(self.marking, frame_id)
        return {
            name: seen[source] if source in seen else self.evaluate(frame_id, source, node.id)
            for name, source in node.inputs
            if source in seen or not source.isidentifier()
        }

    def put_out(self, frame_id: str, node: Node) -> None:
        """Make the assignments of the node's data output associations (§10.4.2). Raises `Fault`."""
        for name, source in node.outputs:
            self.write(frame_id, {name: self.evaluate(frame_id, source, node.id)}, "output", node.id)


def _owns(frame: Frame, name: str) -> bool:
    return "own" in frame and name in frame["own"]
