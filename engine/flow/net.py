"""The net: a process as a small, immutable, serialisable program.

`read` compiles diagrams into a `Net` once, at publish; `step` runs it; live cases, replay and
rehearsal need nothing else. Expressions stay source text here and are compiled by
`engine.expressions` when first evaluated, so a net is plain data and its bytes are its meaning.
Terms and section numbers are those of BPMN 2.0.2 (ISO/IEC 19510).
"""

from __future__ import annotations

from collections import deque
from functools import cached_property
from typing import Any, Literal, TypeVar

from msgspec import Struct, field
from msgspec.structs import asdict, fields

NET_VERSION = 1

Kind = Literal[
    "start",  # start event (§10.5.2); `event` says what triggers it
    "end",  # end event (§10.5.3)
    "catch",  # intermediate catch event (§10.5.4)
    "throw",  # intermediate throw event
    "boundary",  # event on the edge of activity `host`
    "task",  # task without a type (§10.3.3): nothing to do
    "send",  # send task: sends its message at once
    "receive",  # receive task: waits for its message
    "service",  # service task: calculates `expression` at once
    "user",  # user task: waits for a person (§10.3.3)
    "manual",  # manual task: waits for a person's word that it is done
    "script",  # script task: runs `script`, or calculates `expression`, at once
    "rule",  # business-rule task: evaluates decision `decision` at once
    "subprocess",  # embedded subprocess (§10.3.5), runs scope `body`; a transaction too
    "handler",  # event subprocess (§10.3.5, §13.5.4): scope `body` runs when its start event fires
    "call",  # call activity (§10.3.6), runs process `body` in a scope of its own
    "xor",  # exclusive gateway (§10.6.2)
    "and",  # parallel gateway (§10.6.4)
    "or",  # inclusive gateway (§10.6.3)
    "race",  # event-based gateway (§10.6.6)
]

EventKind = Literal[
    "none",
    "message",
    "signal",
    "timer",
    "terminate",
    "error",
    "escalation",
    "conditional",
    "link",
    "compensate",
    "cancel",
    "multiple",
]

T = TypeVar("T")


def the(value: T | None) -> T:
    """`value`, which `read` has made sure is there for nodes of this kind."""
    if value is None:
        raise ValueError("a net that read did not make")
    return value


WORK = frozenset({"task", "send", "receive", "service", "user", "manual", "script", "rule"})
ACTIVITIES = WORK | {"subprocess", "call"}
HUMAN = frozenset({"user", "manual"})


class Event(Struct, frozen=True):
    """What triggers (or is thrown by) an event node (§10.5.5).

    `name` is the name of a message or signal, the code of an error or escalation (None catches any), or
    the activity whose compensation is thrown (None: all of the scope, and for as long as it takes unless
    `wait` is False). A timer's `text` is what the diagram says, an ISO 8601 literal or an expression;
    `timer` says which of the three it is; the `text` of a conditional event is its condition. A multiple
    event is triggered by any of its `parts`, or by `all` of them together. `code_to` and `message_to` name
    the variables that receive what an error or escalation says.
    """

    kind: EventKind = "none"
    name: str | None = None
    timer: Literal["date", "duration", "cycle"] | None = None
    text: str | None = None
    wait: bool = True
    parts: tuple[Event, ...] = ()
    all: bool = False
    code_to: str | None = None
    message_to: str | None = None


class Loop(Struct, frozen=True):
    """How often an activity is done (§10.3.8). Of a multi-instance activity exactly one of `cardinality`
    and `collection` is set.

    `collection` and `cardinality` are expressions; `item` names the variable of each instance's
    element; `output` names the collection that receives, in input order, each finished instance's
    `output_item` (an expression, usually a variable's name); `until` is the completion condition.

    A standard loop goes on as long as `condition` holds, at most `most` times; `before` says that it is
    also asked before the first time.
    """

    kind: Literal["parallel", "sequential", "standard"]
    cardinality: str | None = None
    collection: str | None = None
    item: str | None = None
    output: str | None = None
    output_item: str | None = None
    until: str | None = None
    condition: str | None = None
    before: bool = False
    most: int | None = None


class Flow(Struct, frozen=True):
    """A sequence flow, or the way from a link throw event to its catch event.

    A default flow's condition is dropped at read time, as §8.4.13 says.
    """

    id: str
    source: str
    target: str
    condition: str | None = None


class Node(Struct, frozen=True):
    """A flow node. `incoming` and `outgoing` are flow ids in document order.

    `order` is the node's place in the document, the tie-breaker everywhere. `host` is the activity a
    boundary event sits on. `properties` are the modeler's extension properties (processes/README.md).
    `interrupting` is also said of the start event of an event subprocess. `undo` is the activity that a
    compensation boundary event leads to, `compensation` marks such an activity. `outputs` are the
    assignments `(variable, expression)` made when the node is done (its data output associations), `inputs`
    what an activity sees besides, `(name, expression)`, mostly another name for a variable (its data inputs).
    `locals` are the variables that live and end with a subprocess (its data objects and properties, §10.4.1).
    """

    id: str
    kind: Kind
    order: int
    name: str = ""
    lane: str | None = None
    incoming: tuple[str, ...] = ()
    outgoing: tuple[str, ...] = ()
    default: str | None = None
    event: Event | None = None
    host: str | None = None
    interrupting: bool = True
    loop: Loop | None = None
    body: str | None = None
    script: str | None = None
    expression: str | None = None
    decision: str | None = None
    result: str | None = None
    properties: dict[str, str] = field(default_factory=dict)
    undo: str | None = None
    compensation: bool = False
    transaction: bool = False
    outputs: tuple[tuple[str, str], ...] = ()
    inputs: tuple[tuple[str, str], ...] = ()
    locals: tuple[str, ...] = ()

    @property
    def own(self) -> frozenset[str]:
        """The names that mean nothing outside of the activity."""
        given = {source for _, source in self.outputs}
        return frozenset(name for name, _ in self.inputs if name not in given).union(self.locals)


class Property(Struct, frozen=True):
    """One part of a correlation key: an expression on what a message brings, by the message's name, and of a
    subscription the expression on the process's variables that it must equal."""

    id: str
    paths: dict[str, str]
    data: str | None = None


class Key(Struct, frozen=True):
    """The correlation key of a process (§8.4.2). With a subscription each of its properties has `data`; else
    the first message of the conversation sets what later ones must carry."""

    id: str
    properties: tuple[Property, ...]

    def carried_by(self, message: str) -> bool:
        return all(message in part.paths for part in self.properties)


def triggers(node: Node) -> tuple[Event, ...]:
    """What an event is triggered by or throws: of a multiple event its parts; nothing for other nodes."""
    return () if node.event is None else node.event.parts or (node.event,)


class Scope(Struct, frozen=True, dict=True):
    """A process or an embedded subprocess: nodes and the flows between them.

    `id` of a process is its BPMN id; of an embedded subprocess, `<parent scope id>/<its id>`.
    `starts` are the nodes a new instance begins at: the none start event, or, where a scope has no start
    event at all, every node without incoming flow (§10.5.2); or, when a process only starts by
    message, signal or timer, those start events. `key` tells a process's messages from those for others.
    """

    id: str
    name: str
    nodes: dict[str, Node]
    flows: dict[str, Flow]
    starts: tuple[str, ...]
    key: Key | None = None

    @cached_property
    def boundaries(self) -> dict[str, tuple[Node, ...]]:
        """Boundary events by host activity, in document order."""
        found: dict[str, list[Node]] = {}
        for node in sorted(self.nodes.values(), key=lambda n: n.order):
            if node.host is not None:
                found.setdefault(node.host, []).append(node)
        return {host: tuple(nodes) for host, nodes in found.items()}

    @cached_property
    def handlers(self) -> tuple[Node, ...]:
        """The event subprocesses of this scope, in document order."""
        return tuple(sorted((n for n in self.nodes.values() if n.kind == "handler"), key=lambda n: n.order))

    @cached_property
    def undoes(self) -> dict[str, str]:
        """The compensation activity of each activity that has one on its edge."""
        found = (n for n in self.nodes.values() if n.kind == "boundary" and n.undo is not None)
        return {the(n.host): the(n.undo) for n in found}

    def upstream(self, gateway: str) -> dict[str, tuple[frozenset[str], frozenset[str]]]:
        """For each incoming flow of `gateway`: the nodes a token on which may still reach that flow
        without passing `gateway`, and those of them from where sequence flows alone lead there (the paths
        of the inclusive join, §13.4.3). An event on the edge of an activity is a way out of it too, but a
        token that took this way says nothing of the one that is still in the activity."""
        cached = self._upstream.get(gateway)
        if cached is None:
            cached = {
                flow: (self._reaching(flow, gateway, edges=True), self._reaching(flow, gateway, edges=False))
                for flow in self.nodes[gateway].incoming
            }
            self._upstream[gateway] = cached
        return cached

    @cached_property
    def _upstream(self) -> dict[str, dict[str, tuple[frozenset[str], frozenset[str]]]]:
        return {}

    def _reaching(self, flow: str, gateway: str, *, edges: bool) -> frozenset[str]:
        seen: set[str] = set()
        queue = deque([self.flows[flow].source])
        while queue:
            node_id = queue.popleft()
            if node_id == gateway or node_id in seen:
                continue
            seen.add(node_id)
            node = self.nodes[node_id]
            queue.extend(self.flows[incoming].source for incoming in node.incoming)
            if edges and node.host is not None:
                queue.append(node.host)
        return frozenset(seen)


class Net(Struct, frozen=True, dict=True):
    """All scopes that `process` reaches, and the decision tables they use (by decision id)."""

    process: str
    scopes: dict[str, Scope]
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)

    def start_of(self, handler: Node) -> tuple[Scope, Node]:
        """The one start event of an event subprocess, with the scope it is in."""
        scope = self.scopes[the(handler.body)]
        return scope, scope.nodes[scope.starts[0]]

    @cached_property
    def watches(self) -> bool:
        """Whether any event waits for a condition to become true."""
        return any(
            part.kind == "conditional"
            for scope in self.scopes.values()
            for node in scope.nodes.values()
            for part in triggers(node)
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data, the same for the same net."""
        return {
            "version": NET_VERSION,
            "process": self.process,
            "scopes": {
                s.id: {
                    "name": s.name,
                    "starts": list(s.starts),
                    "nodes": {n.id: _sparse(n) for n in s.nodes.values()},
                    "flows": {f.id: _sparse(f) for f in s.flows.values()},
                    **({"key": _key_data(s.key)} if s.key is not None else {}),
                }
                for s in self.scopes.values()
            },
            "tables": self.tables,
        }

    @staticmethod
    def from_json(data: dict[str, Any]) -> Net:
        """The inverse of `to_json`. ValueError for a version this code does not know."""
        if data.get("version") != NET_VERSION:
            raise ValueError(f"net version {data.get('version')!r}, expected {NET_VERSION}")
        return Net(
            process=data["process"],
            scopes={
                scope_id: Scope(
                    id=scope_id,
                    name=s["name"],
                    nodes={i: _node(n) for i, n in s["nodes"].items()},
                    flows={i: Flow(**f) for i, f in s["flows"].items()},
                    starts=tuple(s["starts"]),
                    key=_key(s["key"]) if "key" in s else None,
                )
                for scope_id, s in data["scopes"].items()
            },
            tables=data["tables"],
        )


def _key_data(key: Key) -> dict[str, Any]:
    return {"id": key.id, "properties": tuple(asdict(part) for part in key.properties)}


def _key(data: dict[str, Any]) -> Key:
    return Key(data["id"], tuple(Property(**part) for part in data["properties"]))


def _sparse(thing: Node | Flow | Event | Loop) -> dict[str, Any]:
    """The fields that differ from their defaults, and the kind."""
    out: dict[str, Any] = {}
    for spec in fields(thing):
        value = getattr(thing, spec.name)
        if spec.name != "kind" and (value == spec.default or (spec.name == "properties" and not value)):
            continue
        out[spec.name] = _plain(value)
    return out


def _plain(value: Any) -> Any:
    if isinstance(value, Event | Loop):
        return _sparse(value)
    return [_plain(part) for part in value] if isinstance(value, tuple) else value


def _node(data: dict[str, Any]) -> Node:
    given = dict(data)
    for name in ("incoming", "outgoing", "locals"):
        if name in given:
            given[name] = tuple(given[name])
    for name in ("outputs", "inputs"):
        if name in given:
            given[name] = tuple((variable, source) for variable, source in given[name])
    if "event" in given:
        given["event"] = _event(given["event"])
    if "loop" in given:
        given["loop"] = Loop(**given["loop"])
    return Node(**given)


def _event(data: dict[str, Any]) -> Event:
    return Event(**{**data, "parts": tuple(_event(part) for part in data.get("parts", ()))})
