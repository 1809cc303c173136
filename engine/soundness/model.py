"""A net to explore: the item's own, with what nobody can know before there is a case made into choices.

The rewritten net runs in the very same `step`. What changes:

* A condition that only compares variables with each other and with constants stays as it is, and is evaluated
  by the real language, on values that stand for all that the forms allow (`readings`).
* What can't be known like that is *assumed*: a condition that calls functions, the result of a script, a
  service or a table. An event before the element (its id begins with `?`) brings the assumed values; it is
  taken before anything else happens, so the choice is part of the step that needs it.
* Multi-instance activities are done for one and for two (for none if the list may be empty). Timers have a
  due instant like any other, and fire whenever the exploration likes.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from ..errors import Text, say
from ..expressions import Failed, Malformed, compile_expression, compile_script
from ..flow.net import ACTIVITIES, HUMAN, Event, Flow, Loop, Net, Node, Scope, the, triggers
from ..forms.schema import Schema, field_at, shape
from .readings import MISSING, Path, Reading, assumed_values, form_values, get, put, read_condition

NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)
"""The instant of every step of the exploration; nothing that is evaluated asks for it."""
ZONE = "Asia/Shanghai"
MOST_ANSWERS = 3_000
"""Combinations of values of one form that are looked at; with more, its conditions are assumed."""
MOST_FREE = 5
"""Assumed conditions of one element that are combined freely; of more, each alone and all together."""

_TIME = re.compile(r"\b(today|now)\s*\(")
_HOUR = "PT1H"
_AUTOMATIC = frozenset({"script", "service", "rule", "send", "task"})

Key = tuple[str, str]
"""Scope and element."""


class Option(Struct, frozen=True):
    """One way to answer a step or to decide what is assumed: `data` as the input brings it, `also` what the
    engine sets beside it; `said` for the trace."""

    data: dict[str, Any] = field(default_factory=dict)
    also: dict[str, Any] = field(default_factory=dict)
    said: tuple[Text, ...] = ()
    assumed: bool = False


DONE = Option()


@dataclass(frozen=True)
class Engine:
    """What the engine sets beside the answers of an element: variable paths with their possible values."""

    values: Mapping[Path, Sequence[Any]]


@dataclass(frozen=True)
class Model:
    """What is explored. `options` are the ways to answer a step, by scope and element; `choices` those to
    decide what is assumed, by the name of the message of the `?` event. `reads` and `writes` are the names of
    variables at an element, `kills` those that it surely sets anew. `shared` are the assumed conditions that
    several elements ask, with the names that they read. `exact`: see `readings`."""

    net: Net
    options: Mapping[Key, Sequence[Option]]
    choices: Mapping[str, Sequence[Option]]
    reads: Mapping[Key, frozenset[str]]
    writes: Mapping[Key, frozenset[str]]
    kills: Mapping[Key, frozenset[str]]
    shared: Mapping[str, frozenset[str]]
    anybody: frozenset[str]
    exact: bool


def make_model(net: Net, forms: Mapping[str, Schema], engine: Mapping[str, Engine]) -> Model:
    """The model of `net`; `forms` by name, `engine` by element."""
    return _Maker(net, forms, engine).make()


class _Maker:
    def __init__(self, net: Net, forms: Mapping[str, Schema], engine: Mapping[str, Engine]) -> None:
        self.source, self.forms, self.engine = net, forms, engine
        self.nodes = {
            (scope.id, node.id): node for scope in net.scopes.values() for node in scope.nodes.values()
        }
        self.writers: dict[str, list[Key]] = {}
        for key, node in self.nodes.items():
            for name in _written(node, net, forms, engine):
                self.writers.setdefault(name, []).append(key)
        self.readings = {text: read_condition(text) for text in dict.fromkeys(self.conditions())}
        self.options: dict[Key, Sequence[Option]] = {}
        self.find_known()
        self.choices: dict[str, Sequence[Option]] = {}
        self.free: dict[str, str] = {}
        self.users: dict[str, int] = {}
        self.reads: dict[Key, set[str]] = {}
        self.writes: dict[Key, set[str]] = {}
        self.kills: dict[Key, set[str]] = {}
        self.serial = 0
        taken = {name for key in self.nodes for name in _written(self.nodes[key], net, forms, engine)}
        self.prefix = next(
            p for p in ("assumed", "assumed_", "assumed__") if not any(n.startswith(p) for n in taken)
        )

    def conditions(self) -> Iterator[str]:
        for scope in self.source.scopes.values():
            for flow in scope.flows.values():
                if flow.condition is not None:
                    yield flow.condition
            for node in scope.nodes.values():
                if node.loop is not None:
                    yield from (text for text in (node.loop.until, node.loop.condition) if text)
                yield from (the(e.text) for e in triggers(node) if e.kind == "conditional")

    # --- what is known

    def find_known(self) -> None:
        """Decide which conditions can be evaluated, and with which answers of the forms."""
        known = {text: reading for text, reading in self.readings.items() if reading is not None}
        while True:
            wanted = _constants(known.values())
            doubtful = {path for path in wanted if not self.has_values(path, wanted[path])}
            for key in self.nodes:
                options = self.answers(key, wanted, known)
                if options is None:
                    doubtful |= {path for path in wanted if key in self.writers.get(path[0], ())}
                else:
                    self.options[key] = options
            if not doubtful:
                break
            known = {t: r for t, r in known.items() if not doubtful.intersection(r.paths)}
        self.known = known

    def has_values(self, path: Path, constants: set[Any]) -> bool:
        """Whether all that write the variable say what it may be."""
        if any(
            _is_open(node, self.forms) and "result" not in node.properties for node in self.nodes.values()
        ):
            return False  # it may be written there
        writers = self.writers.get(path[0])
        found = [self.domain(key, path, constants) for key in writers or ()]
        constant = any(_constant_script(self.nodes[key]) is not None for key in writers or ())
        return None not in found and (constant or any(values for values, _ in filter(None, found)))

    def domain(self, key: Key, path: Path, constants: set[Any]) -> tuple[list[Any], bool] | None:
        """The values that `key` may give the variable (none if it has no such part), and whether these are
        assumed; None if there is no telling."""
        node = self.nodes[key]
        given = self.engine.get(node.id)
        if given is not None and any(own[0] == path[0] for own in given.values):
            return (list(given.values[path]), False) if path in given.values else None
        if path[0] in _associated(node):
            return None
        if _constant_script(node) is not None:
            return [], False
        if node.kind in ("script", "service", "rule"):
            listed = _listed(node, self.source, path)
            return (listed or assumed_values(constants)), True
        inner = self.inner(node, path)
        form = self.forms.get(node.properties.get("form", ""))
        if inner is None or form is None:
            return None
        at = field_at(form, inner)
        if not at:
            return None if _is_open(node, self.forms) else ([], False)
        values = form_values(form, at, constants)
        return None if values is None else (values, False)

    def inner(self, node: Node, path: Path) -> Path | None:
        """The field of the element's form that is `path`."""
        result = node.properties.get("result")
        if result is None:
            return path
        return path[1:] if path[0] == result and len(path) > 1 else None

    def answers(
        self, key: Key, wanted: Mapping[Path, set[Any]], known: Mapping[str, Reading]
    ) -> Sequence[Option] | None:
        """One option for each class of answers that conditions can tell apart; None for too many."""
        node = self.nodes[key]
        script = _constant_script(node) is not None
        paths = [path for path in wanted if key in self.writers.get(path[0], ()) and not script]
        domains = {path: self.domain(key, path, wanted[path]) for path in paths}
        form = self.forms.get(node.properties.get("form", ""))
        engine = self.engine.get(node.id, Engine({})).values
        axes: list[tuple[Path, list[Any]]] = []
        assumed = False
        count = 1
        for path, found in domains.items():
            if found is None or not found[0]:
                continue
            values, guessed = found
            assumed |= guessed
            if path not in engine and form is not None and self.may_lack(node, form, path):
                values = [*values, MISSING]
            axes.append((path, values))
            count *= len(values)
            if count > MOST_ANSWERS:
                return None
        own = [text for text, reading in known.items() if set(reading.paths) & {path for path, _ in axes}]
        alone = [text for text in own if {path for path, _ in axes}.issuperset(known[text].paths)]
        mixed = {path for text in own if text not in alone for path in known[text].paths}
        told_twice = bool(set(engine) & {path for path, _ in axes}) and len({path[0] for path, _ in axes}) > 1
        seen: dict[Any, Option] = {}
        for combination in product(*(values for _, values in axes)):
            option = self.option(
                node, form, [(p, v) for (p, _), v in zip(axes, combination, strict=True)], engine
            )
            if option is None:
                continue
            record = _as_written(node, option)
            marks = [_outcome(text, record) for text in alone]
            marks += [repr(get(record, path)) for path, _ in axes if path in mixed]
            option = replace(option, assumed=assumed or told_twice)
            seen.setdefault(tuple(marks), option)
        return list(seen.values()) or [DONE]

    def may_lack(self, node: Node, form: Schema, path: Path) -> bool:
        inner = self.inner(node, path)
        return inner is not None and not (len(inner) == 1 and inner[0] in form.get("required", ()))

    def option(
        self, node: Node, form: Schema | None, chosen: list[tuple[Path, Any]], engine: Mapping[Path, Any]
    ) -> Option | None:
        data: dict[str, Any] = {}
        also: dict[str, Any] = {}
        said = []
        for path, value in chosen:
            if value is MISSING:
                continue
            said.append(
                say("{name} = {value}", name=".".join(self.short(node, path, engine)), value=_show(value))
            )
            if path in engine:
                put(also, path, value)
            else:
                put(data, self.inner(node, path) or path, value)
        if form is not None:
            fields, required = shape(form, form, data)
            asked = {(self.inner(node, path) or ("",))[0] for path, _ in chosen if path not in engine}
            if any(name in asked and name not in data for name in required):
                return None
            if any(name not in fields for name in data):
                return None
        return Option(data, also, tuple(said))

    def short(self, node: Node, path: Path, engine: Mapping[Path, Any]) -> Path:
        return path if path in engine else self.inner(node, path) or path

    # --- the net

    def make(self) -> Model:
        for text in self.conditions():
            if text not in self.known:
                self.users[text] = self.users.get(text, 0) + 1
        scopes = {scope.id: _Rewriter(self, scope).scope() for scope in self.source.scopes.values()}
        net = Net(self.source.process, scopes, self.source.tables)
        for scope in scopes.values():
            for node in scope.nodes.values():
                self.account(scope, node)
        shared = {
            name: frozenset(compile_expression(text).names)
            for text, name in self.free.items()
            if text in self.users
        }
        open_forms = any(_is_open(node, self.forms) for node in self.nodes.values())
        names = {name for found in shared.values() for name in found}
        anybody = {name for name in names if open_forms or name not in self.writers}
        return Model(
            net,
            self.options,
            self.choices,
            {key: frozenset(found) for key, found in self.reads.items()},
            {key: frozenset(found) for key, found in self.writes.items()},
            {key: frozenset(found) for key, found in self.kills.items()},
            shared,
            frozenset(anybody),
            all(reading.exact for reading in self.known.values()),
        )

    def account(self, scope: Scope, node: Node) -> None:
        """What the rewritten element reads and writes."""
        key = (scope.id, node.id)
        texts = [scope.flows[flow].condition for flow in node.outgoing]
        if node.loop is not None:
            loop = node.loop
            texts += [loop.until, loop.condition, loop.collection, loop.cardinality]
        texts += [event.text for event in triggers(node) if event.kind == "conditional"]
        if node.kind == "service":
            texts.append(node.expression)
        found = self.reads.setdefault(key, set())
        for text in filter(None, texts):
            with contextlib.suppress(Malformed):
                found |= compile_expression(text).names
        self.writes[key] = set(_written(node, self.source, self.forms, self.engine))
        result = node.properties.get("result")
        self.kills[key] = {result} if result and node.loop is None else set()
        if node.id.startswith("?"):
            brought = {name for option in self.choices[the(node.event).name or ""] for name in option.data}
            shared = brought.intersection(self.free.values())
            self.reads[key] |= shared
            self.kills[key] = brought - shared
            self.writes[key] = brought - shared

    def fresh(self, text: str | None = None) -> str:
        """The variable of something assumed; the same for the same condition, as long as nobody has written
        what it reads."""
        if text is None or self.users.get(text, 0) < 2 or _TIME.search(text):
            self.serial += 1
            return f"{self.prefix}{self.serial}"
        if text not in self.free:
            self.serial += 1
            self.free[text] = f"{self.prefix}{self.serial}"
        return self.free[text]


class _Rewriter:
    """One scope, rewritten."""

    def __init__(self, maker: _Maker, scope: Scope) -> None:
        self.maker, self.old = maker, scope
        self.nodes: dict[str, Node] = dict(scope.nodes)
        self.flows: dict[str, Flow] = dict(scope.flows)
        self.starts = scope.starts

    def scope(self) -> Scope:
        for node in self.old.nodes.values():
            self.nodes[node.id] = self.plain(node)
            self.rewrite_loop(node)
            self.rewrite_work(node)
            self.rewrite_flows(node)
        return Scope(self.old.id, self.old.name, self.nodes, self.flows, self.starts)

    def plain(self, node: Node) -> Node:
        """Without what a case knows only: units, terms, data associations, instants."""
        kept = {name: value for name, value in node.properties.items() if name not in ("unit", "term")}
        event = None if node.event is None else self.event(node, node.event)
        return replace(node, properties=kept, event=event, inputs=(), outputs=())

    def event(self, node: Node, event: Event) -> Event:
        if event.kind == "timer":
            return replace(event, timer="duration", text=_HOUR)
        if event.kind == "conditional" and event.text not in self.maker.known:
            return replace(event, kind="message", name=f"~{event.text}", text=None)
        return replace(event, parts=tuple(self.event(node, part) for part in event.parts))

    def rewrite_loop(self, node: Node) -> None:
        loop, maker = node.loop, self.maker
        if loop is None:
            return
        choices: list[tuple[str, Sequence[tuple[Any, Text, bool]]]] = []
        changed: dict[str, Any] = {}
        if loop.kind == "standard":
            if loop.condition is not None and loop.condition not in maker.known:
                name = maker.fresh()
                changed["condition"] = f"{name} > loopCounter"
                choices.append((name, [(n, _times(n), True) for n in ((0, 1, 2) if loop.before else (1, 2))]))
        else:
            name = maker.fresh()
            # A review that asks nobody comes to nothing; that it asks somebody is for its own checks.
            asks = node.id in maker.engine
            counts = (0, 1, 2) if not asks and self.may_be_empty(loop) else (1, 2)
            changed |= {"cardinality": name, "collection": None, "item": None}
            choices.append((name, [(n, _times(n), False) for n in counts]))
        if loop.until is not None and loop.until not in maker.known:
            name = maker.fresh()
            changed["until"] = name
            choices.append((name, _either(loop.until)))
        if loop.output is not None:
            changed["output_item"] = "null"
        if not self.can_ask_before(node):
            self.nodes[node.id] = replace(self.nodes[node.id], loop=None)
            return
        self.nodes[node.id] = replace(self.nodes[node.id], loop=replace(loop, **changed))
        if choices:
            self.ask_before(node, _combined(choices))

    def may_be_empty(self, loop: Loop) -> bool:
        """Whether a form allows an empty list."""
        reading = read_condition(loop.collection or "")
        if reading is None or len(reading.paths) != 1:
            return False
        (path,) = reading.paths
        for key in self.maker.writers.get(path[0], ()):
            node = self.maker.nodes[key]
            form, inner = self.maker.forms.get(node.properties.get("form", "")), self.maker.inner(node, path)
            if form is not None and inner is not None:
                at = field_at(form, inner)
                if at.get("type") == "array" and not at.get("minItems"):
                    return True
        return False

    def rewrite_work(self, node: Node) -> None:
        """Scripts that set constants run; of what else is calculated the result is assumed."""
        if node.kind not in _AUTOMATIC:
            return
        choices: list[tuple[str, Sequence[tuple[Any, Text, bool]]]] = []
        given = self.maker.options.get((self.old.id, node.id), (DONE,))
        options = [Option(option.data, {}, option.said, True) for option in given if option.data]
        if _constant_script(node) is None and node.kind != "send":
            self.nodes[node.id] = replace(
                self.nodes[node.id], kind="task", script=None, expression=None, decision=None, result=None
            )
        catches = [
            edge
            for edge in self.old.boundaries.get(node.id, ())
            if any(e.kind == "error" and e.name is None for e in triggers(edge))
        ]
        if catches and node.kind in ("script", "service", "rule") and self.can_ask_before(node):
            name = self.maker.fresh()
            self.nodes[node.id] = replace(
                self.nodes[node.id], kind="service", expression=f"[0][{name}]", script=None, result=None
            )
            choices.append((name, [(0, say("goes well"), True), (1, say("fails"), True)]))
        if (options or choices) and self.can_ask_before(node):
            pairs = product(options or [DONE], _combined(choices) if choices else [DONE])
            self.ask_before(
                node, [Option({**a.data, **b.data}, {}, (*a.said, *b.said), True) for a, b in pairs]
            )

    def rewrite_flows(self, node: Node) -> None:
        free = [
            flow
            for flow in (self.flows[id] for id in node.outgoing)
            if flow.condition is not None
            and flow.condition not in self.maker.known
            and flow.id != node.default
        ]
        if not free:
            return
        names = {}
        for flow in free:
            names[flow.id] = self.maker.fresh(flow.condition)
            self.flows[flow.id] = replace(flow, condition=names[flow.id])
        certain = node.default is None and len(free) == len(node.outgoing)
        shared = any(name in self.maker.free.values() for name in names.values())
        options = _flow_options(node, free, names, certain=certain, shared=shared)
        if node.kind in ACTIVITIES:
            node = self.split_off(node)
        self.ask_before(node, options)

    def split_off(self, node: Node) -> Node:
        """Move the conditions on the way out of an activity to a gateway behind it, which does the same."""
        gate, flow = f"{node.id}?", f"{node.id}?flow"
        made = Node(
            gate,
            "or",
            node.order,
            incoming=(flow,),
            outgoing=node.outgoing,
            default=node.default,
            lane=node.lane,
        )
        for id in node.outgoing:
            self.flows[id] = replace(self.flows[id], source=gate)
        self.flows[flow] = Flow(flow, node.id, gate)
        self.nodes[node.id] = replace(self.nodes[node.id], outgoing=(flow,), default=None)
        self.nodes[gate] = made
        return made

    def can_ask_before(self, node: Node) -> bool:
        current = self.nodes[node.id]
        reached = current.incoming or node.id in self.starts
        return bool(reached) and not any(
            self.nodes[self.flows[flow].source].kind == "race" for flow in current.incoming
        )

    def ask_before(self, node: Node, options: Sequence[Option]) -> None:
        """An event before `node` that brings what is assumed."""
        current = self.nodes[node.id]
        name = f"?{self.old.id}/{node.id}"
        while name in self.maker.choices:
            name += "?"
        self.maker.choices[name] = options
        groups: list[tuple[str, ...]] = [current.incoming]
        if node.kind in ("or", "and") and len(current.incoming) > 1:
            groups = [(flow,) for flow in current.incoming]
        incoming: list[str] = []
        for number, flows in enumerate(groups):
            id = f"?{node.id}" + f"?{number}" * (len(groups) > 1)
            while id in self.nodes:
                id = "?" + id
            way = f"{id} flow"
            event = Event("message", name)
            made = Node(id, "catch", node.order, incoming=flows, outgoing=(way,), event=event, lane=node.lane)
            self.nodes[id] = made
            for flow in flows:
                self.flows[flow] = replace(self.flows[flow], target=id)
            self.flows[way] = Flow(way, id, node.id)
            incoming.append(way)
            if node.id in self.starts and not flows:
                self.starts = tuple(id if start == node.id else start for start in self.starts)
        self.nodes[node.id] = replace(current, incoming=tuple(incoming))


# --- options


def _times(n: int) -> Text:
    return say("done {n} times", n=n)


def _either(text: str) -> list[tuple[Any, Text, bool]]:
    return [(False, _fails(text), True), (True, _holds(text), True)]


def _holds(text: str) -> Text:
    return say("taken that {condition} holds", condition=_short(text))


def _fails(text: str) -> Text:
    return say("taken that {condition} does not hold", condition=_short(text))


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:59] + "…"


def _combined(choices: Sequence[tuple[str, Sequence[tuple[Any, Text, bool]]]]) -> list[Option]:
    found = []
    for combination in product(*(values for _, values in choices)):
        data = {name: value for (name, _), (value, _, _) in zip(choices, combination, strict=True)}
        said = tuple(text for _, text, _ in combination)
        found.append(Option(data, {}, said, any(assumed for _, _, assumed in combination)))
    return found


def _flow_options(
    node: Node, flows: Sequence[Flow], names: Mapping[str, str], *, certain: bool, shared: bool
) -> list[Option]:
    """Which of the assumed conditions hold; at least one if nothing else leads on (`certain`)."""
    ids = [flow.id for flow in flows]
    combinations: list[frozenset[str]]
    if len(ids) <= MOST_FREE and (node.kind != "xor" or shared):
        combinations = [
            frozenset(id for id, held in zip(ids, bits, strict=True) if held)
            for bits in product((True, False), repeat=len(ids))
        ]
    else:
        combinations = [*(frozenset({id}) for id in ids), frozenset()]
        if node.kind != "xor":
            combinations.append(frozenset(ids))
    found = []
    for held in combinations:
        if certain and not held:
            continue
        texts = [_holds(the(flow.condition)) for flow in flows if flow.id in held]
        said = texts or [_fails(the(flow.condition)) for flow in flows]
        found.append(Option({names[id]: id in held for id in ids}, {}, tuple(said), True))
    return found


def _outcome(text: str, record: Mapping[str, Any]) -> str:
    try:
        return repr(compile_expression(text).evaluate(record, NOW, ZONE))
    except (Failed, Malformed) as error:
        return error.code


def _as_written(node: Node, option: Option) -> dict[str, Any]:
    result = node.properties.get("result")
    return {**({result: option.data} if result else option.data), **option.also}


def _show(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    return str(value).lower() if isinstance(value, bool) else "null" if value is None else str(value)


# --- who writes what


def _constants(readings: Any) -> dict[Path, set[Any]]:
    found: dict[Path, set[Any]] = {}
    for reading in readings:
        for path, constants in reading.paths.items():
            found.setdefault(path, set()).update(constants)
    return found


def _written(
    node: Node, net: Net, forms: Mapping[str, Schema], engine: Mapping[str, Engine]
) -> Iterator[str]:
    """The variables that `node` sets, as far as anything says so."""
    yield from (path[0] for path in engine.get(node.id, Engine({})).values)
    result = node.result or node.properties.get("result")
    if result is not None:
        yield result
    else:
        form = forms.get(node.properties.get("form", ""))
        if form is not None:
            yield from shape(form, form, None)[0]
    if node.loop is not None:
        yield from (name for name in (node.loop.item, node.loop.output) if name)
    if node.script is not None:
        with contextlib.suppress(Malformed):
            yield from compile_script(node.script).assigns
    yield from _associated(node)
    if node.decision is not None and node.result is None:
        yield from (
            str(output.get("name")) for output in net.tables.get(node.decision, {}).get("outputs", ())
        )


def _associated(node: Node) -> set[str]:
    """Variables of which nothing is known: items of lists, data associations, codes of errors."""
    found = {name for name, _ in (*node.outputs, *node.inputs)}
    if node.loop is not None:
        found |= {name for name in (node.loop.item, node.loop.output) if name}
    for event in triggers(node):
        found |= {name for name in (event.code_to, event.message_to) if name}
    return found


def _constant_script(node: Node) -> str | None:
    """The script of a task that reads no variable and asks for no time."""
    if node.kind != "script" or node.script is None or _TIME.search(node.script):
        return None
    with contextlib.suppress(Malformed):
        return node.script if not compile_script(node.script).names else None
    return None


def _listed(node: Node, net: Net, path: Path) -> list[Any]:
    """The constants that a decision table gives for the variable, if it gives nothing else."""
    table = net.tables.get(node.decision or "", {})
    outputs = table.get("outputs", ())
    name = path[-1] if len(path) > 1 or node.result is None else None
    places = [i for i, output in enumerate(outputs) if name is None or output.get("name") == name]
    if len(places) != 1 or (name is None and len(outputs) != 1):
        return []
    found = []
    for rule in table.get("rules", ()):
        cells = rule.get("outputs", ())
        text = str(cells[places[0]]) if places[0] < len(cells) else ""
        if not re.fullmatch(r'\s*("[^"]*"|-?\d+(\.\d+)?|true|false)\s*', text):
            return []
        found.append(compile_expression(text).evaluate({}, NOW, ZONE))
    return list(dict.fromkeys(found))


def _is_open(node: Node, forms: Mapping[str, Schema]) -> bool:
    """Whether anything may be written by the answers."""
    if node.kind not in HUMAN and node.event is None:
        return False
    form = forms.get(node.properties.get("form", ""))
    return form is not None and form.get("additionalProperties", True) is not False
