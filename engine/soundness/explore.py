"""Every marking that a case can come to, found by `step` itself, breadth first: so each is reached by one of
its shortest ways.

What keeps it small: markings that differ only in names, instants and counters, or in variables that nothing
reads any more, are one; the instances of a multi-instance activity are interchangeable; and of steps that
have nothing to do with each other (`is_local`, `is_apart`) one order stands for all. What is certain is
explored before what is assumed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from ..errors import Invalid, Text, say
from ..flow.marking import (
    Frame,
    Marking,
    Wait,
    open_tasks,
    timers,
    variables,
    visit_of_timer,
    waits,
)
from ..flow.net import Net, Node, Scope, the, triggers
from ..flow.step import Complete, Effect, Fire, Input, Message, Signal, Start, step
from .model import DONE, NOW, ZONE, Key, Model

MOST_STATES = 20_000
"""Markings that are looked at; with more, the exploration is not exhaustive."""
MOST_WORK = 120_000
"""Steps that are tried, each weighed by the tokens that it finds: about two seconds' work."""
MOST_TOKENS = 3
"""Tokens at one place; a marking with so many is not explored further."""


@dataclass
class State:
    """A marking, how it was reached (`parent`, `said`), and what can follow. `assumed`: only by something
    assumed. `whole`: all that can follow has been looked at."""

    marking: Marking
    parent: int | None
    said: Text | None
    assumed: bool
    expanded: bool = False
    whole: bool = True
    next: list[int] = field(default_factory=list)
    stuck: bool = False


class Move(NamedTuple):
    """Something that can happen, to `visit` ("" if it concerns several)."""

    given: Input
    said: Text | None
    assumed: bool
    visit: str


class Passage(NamedTuple):
    """A step after `state` in which an end was reached or something failed, and what it came to."""

    state: int | None
    said: Text | None
    marking: Marking
    effects: Sequence[Effect]
    assumed: bool


class Failure(NamedTuple):
    """A step that could not be taken after `state`: tokens would move for ever at `element`."""

    state: int | None
    said: Text | None
    element: str
    assumed: bool


def explore(model: Model, outcomes: Collection[str]) -> Exploration:
    """All states of `model`, up to the bounds; `outcomes` are the ends that make a difference."""
    return _Explorer(model, outcomes).run()


@dataclass
class Exploration:
    """What was found. `complete`: there is nothing else. `alive` are the elements that a token came to."""

    states: list[State]
    passages: list[Passage]
    alive: set[Key]
    failures: list[Failure]
    complete: bool

    def trace(self, index: int | None, last: Text | None = None) -> tuple[Text, ...]:
        """How the state is reached, and the `last` step after it."""
        found: list[Text] = [] if last is None else [last]
        at = index
        while at is not None:
            state = self.states[at]
            if state.said is not None:
                found.append(state.said)
            at = state.parent
        return tuple(reversed(found))


class _Explorer:
    def __init__(self, model: Model, outcomes: Collection[str]) -> None:
        self.model, self.net, self.outcomes = model, model.net, outcomes
        self.paths = _Paths(model, outcomes)
        self.states: list[State] = []
        self.known: dict[Any, int] = {}
        self.passages: list[Passage] = []
        self.alive: set[Key] = set()
        self.failures: list[Failure] = []
        self.certain: deque[int] = deque()
        self.assumed: deque[int] = deque()
        self.work = 0
        self.complete = True
        self.reduces = not self.net.watches and not _compensates(self.net)

    def run(self) -> Exploration:
        for move in self.beginnings():
            self.take(None, move)
        while self.certain or self.assumed:
            if self.work > MOST_WORK or len(self.states) > MOST_STATES or len(self.failures) > 2:
                self.complete = False
                break
            index = self.certain.popleft() if self.certain else self.assumed.popleft()
            if not self.states[index].expanded:
                self.expand(index)
        for state in self.states:
            state.whole &= state.expanded
        return Exploration(self.states, self.passages, self.alive, self.failures, self.complete)

    def beginnings(self) -> Iterator[Move]:
        scope = self.net.scopes[self.net.process]
        start = scope.nodes[scope.starts[0]]
        waits_for = start.event is not None and start.event.kind != "none"
        options = (DONE,) if waits_for else self.model.options.get((scope.id, start.id), (DONE,))
        for option in options:
            result = start.properties.get("result")
            data = {result: option.data} if result else option.data
            said = say("{step}: {what}", step=start.id, what=_listed(option.said)) if option.said else None
            yield Move(Start(data, ZONE), said, option.assumed, "")

    # --- one state

    def expand(self, index: int) -> None:
        state = self.states[index]
        state.expanded = True
        marking = state.marking
        if marking["state"] != "running" or _has_failed(marking):
            return
        if _crowd(marking) >= MOST_TOKENS:
            state.whole = False
            return
        moves = self.possible(marking)
        state.stuck = not moves
        groups: dict[str, list[Move]] = {}
        for move in moves:
            groups.setdefault(move.visit, []).append(move)
        chosen = list(groups)
        if self.reduces and len(groups) > 1:
            places = {visit: _place(marking, visit) for visit in groups if visit}
            local = [visit for visit in places if self.is_local(marking, visit, places[visit])]
            if len(local) > 1:
                state.next = self.take_all(index, groups.pop(local[0]))
                chosen = [visit for visit in groups if visit not in local]
        for visit in chosen:
            state.next = sorted({*state.next, *self.take_all(index, groups[visit])})

    def is_local(self, marking: Marking, visit: str, place: tuple[str, str]) -> bool:
        """Whether the moves of a visit concern nothing but its token, which goes on to where it waits, and no
        variable that others care for."""
        frame_id, node = place
        frame = marking["frames"][frame_id]
        joins = self.paths.quiet(frame["scope"], node)
        return (
            joins is not None
            and not any(self.may_fire(frame, visit, join) for join in joins)
            and self.is_apart(marking, visit, place)
        )

    def may_fire(self, frame: Frame, visit: str, join: str) -> bool:
        """Whether one more token may make the gateway fire."""
        scope = self.net.scopes[frame["scope"]]
        if scope.nodes[join].kind == "and":
            return len(scope.nodes[join].incoming) - len(frame["joins"].get(join, ())) <= 1
        upstream = frozenset().union(*(nodes for nodes, _ in scope.upstream(join).values()))
        return not any(v["node"] in upstream for other, v in frame["live"].items() if other != visit)

    def is_apart(self, marking: Marking, visit: str, place: tuple[str, str]) -> bool:
        """Whether what can follow at `visit` has no variable in common with what can follow elsewhere."""
        frames = marking["frames"]
        own_frame, own = place
        for frame_id, frame in frames.items():
            for other, waiting in frame["live"].items():
                if (frame_id == own_frame and other == visit) or waiting["wait"] == "armed":
                    continue
                pair = _side_by_side(frames, (own_frame, own), (frame_id, waiting["node"]))
                if pair is not None and self.paths.conflict(*pair):
                    return False
        return True

    def take_all(self, index: int | None, moves: Iterable[Move]) -> list[int]:
        """The states that the moves lead to."""
        found = [self.take(index, move) for move in moves]
        return [following for following in found if following is not None]

    def take(self, index: int | None, move: Move) -> int | None:
        """The state that the move leads to; None if it can't be taken."""
        before = None if index is None else self.states[index]
        self.work += 4
        if before is not None:
            self.work += sum(len(frame["live"]) for frame in before.marking["frames"].values())
        assumed = move.assumed or (before is not None and before.assumed)
        try:
            marking, effects = step(self.net, before.marking if before else None, move.given, NOW)
        except Invalid as refusal:
            if before is not None:
                before.whole = False
            if refusal.code == "process.endless":
                self.failures.append(Failure(index, move.said, str(refusal.found), assumed))
            return None
        self.alive.update((e.scope, e.element) for e in effects if e.kind in _COMES_TO)
        if any(self.is_telling(effect) for effect in effects):
            self.passages.append(Passage(index, move.said, marking, effects, assumed))
        self.forget(marking, effects)
        return self.reach(index, move, marking)

    def is_telling(self, effect: Effect) -> bool:
        if effect.kind == "completed" and effect.scope == self.net.process:
            return effect.element in self.outcomes
        return effect.kind == "incident"

    def reach(self, index: int | None, move: Move, marking: Marking) -> int:
        """The state with this marking: it may be known already."""
        assumed = move.assumed or (index is not None and self.states[index].assumed)
        key = self.canonical(marking)
        found = self.known.get(key)
        if found is None:
            self.known[key] = found = len(self.states)
            self.states.append(State(marking, index, move.said, assumed))
            for frame in marking["frames"].values():
                self.alive.update((frame["scope"], visit["node"]) for visit in frame["live"].values())
            (self.assumed if assumed else self.certain).append(found)
            return found
        known = self.states[found]
        if known.assumed and not assumed and not known.expanded:
            known.assumed, known.parent, known.said = False, index, move.said
            known.marking = marking
            self.certain.append(found)
        return found

    # --- what can happen

    def possible(self, marking: Marking) -> list[Move]:
        waiting = waits(self.net, marking)
        urgent = next((w for w in waiting if (w.event.name or "").startswith("?")), None)
        if urgent is not None:
            return list(self.decisions(marking, urgent))
        return [*self.answers(marking), *self.triggers(marking, waiting), *self.due(marking)]

    def decisions(self, marking: Marking, wait: Wait) -> Iterator[Move]:
        """What is assumed, in agreement with what has been assumed before."""
        name = wait.event.name or ""
        seen = variables(marking, wait.frame_id)
        for option in self.model.choices[name]:
            if all(
                seen.get(key, value) == value
                for key, value in option.data.items()
                if key in self.model.shared
            ):
                element = name.rpartition("/")[2].rstrip("?")
                said = say("{step}: {what}", step=element, what=_listed(option.said))
                yield Move(Message(name, option.data), said, option.assumed, "")

    def answers(self, marking: Marking) -> Iterator[Move]:
        asked: set[str] = set()
        for task in open_tasks(marking):
            visit = task.id
            host, _, number = visit.rpartition(":")
            if number.isdigit() and any(
                host in f["live"] and "multi" in f["live"][host] for f in marking["frames"].values()
            ):
                if host in asked:
                    continue  # the instances are interchangeable
                asked.add(host)
                visit = host
            for option in self.model.options.get((task.scope, task.element), (DONE,)):
                what = _listed(option.said) if option.said else say("done")
                said = say("{step}: {what}", step=task.element, what=what)
                yield Move(Complete(task.id, option.data, option.also), said, option.assumed, visit)

    def triggers(self, marking: Marking, waiting: Sequence[Wait]) -> Iterator[Move]:
        found: dict[tuple[str, str], list[Wait]] = {}
        for wait in waiting:
            if wait.event.kind in ("message", "signal") and not self.is_spent(wait):
                found.setdefault((wait.event.kind, wait.event.name or ""), []).append(wait)
        for (kind, name), group in found.items():
            visit = group[0].visit_id if len(group) == 1 else ""
            taker = min(group, key=lambda w: w.node.kind == "boundary" or w.visit["wait"] == "armed")
            if kind == "signal":
                yield Move(
                    Signal(name, {}), say("{step}: the signal comes", step=taker.node.id), False, visit
                )
                continue
            if name.startswith("~"):
                said = say("{step}: taken that {condition} holds", step=taker.node.id, condition=name[1:])
                yield Move(Message(name, {}), said, True, visit)
                continue
            for option in self.model.options.get((taker.scope.id, taker.node.id), (DONE,)):
                what = _listed(option.said) if option.said else say("the message comes")
                said = say("{step}: {what}", step=taker.node.id, what=what)
                yield Move(Message(name, option.data), said, option.assumed, visit)

    def is_spent(self, wait: Wait) -> bool:
        """What does not interrupt is triggered once at a visit (in a scope), and not while what it began
        before is under way: again and again would never end."""
        if wait.node.interrupting or not (wait.node.kind == "boundary" or wait.visit["wait"] == "armed"):
            return False
        if wait.frame["visits"].get(_counted(wait), 0) > 0:
            return True
        return self.is_under_way([wait.frame], wait.scope, wait.node)

    def is_under_way(self, frames: Iterable[Frame], scope: Scope, node: Node) -> bool:
        """Whether what an event beside the flow began before is not done yet."""
        if node.kind != "boundary" or node.interrupting:
            return False
        side = self.paths.aside(scope, node.id)
        own = [frame for frame in frames if frame["scope"] == scope.id]
        return any(visit["node"] in side for frame in own for visit in frame["live"].values())

    def due(self, marking: Marking) -> Iterator[Move]:
        for timer in timers(self.net, marking):
            scope = self.net.scopes[timer.scope]
            if self.is_under_way(marking["frames"].values(), scope, scope.nodes[timer.element]):
                continue
            visit = visit_of_timer(timer.timer) or timer.timer.partition("|")[0]
            yield Move(Fire(timer.timer), say("{step}: time is up", step=timer.element), False, visit)

    # --- when two markings are the same

    def forget(self, marking: Marking, effects: Sequence[Effect]) -> None:
        """An activity that is done again has its events again; assumed conditions are open again when
        somebody has written what they read."""
        for effect in effects:
            edges = self.net.scopes[effect.scope].boundaries.get(effect.element, ())
            if effect.kind == "entered" and edges:
                for frame in marking["frames"].values():
                    if frame["scope"] == effect.scope:
                        for edge in edges:
                            frame["visits"].pop(edge.id, None)  # they name events that are over
        shared = self.model.shared
        if not shared:
            return
        written: set[str] = set()
        for effect in effects:
            if effect.kind in ("completed", "fired"):
                written |= self.model.writes.get((effect.scope, effect.element), frozenset())
                node = self.net.scopes[effect.scope].nodes.get(effect.element)
                if node is not None and _is_answered(node):
                    written |= self.model.anybody
        for name, read in shared.items():
            if read & written:
                for frame in marking["frames"].values():
                    frame.get("data", {}).pop(name, None)

    def is_spendable(self, frame: Frame, element: str) -> bool:
        """Whether it counts that the element was triggered."""
        if element not in self.paths.spendable:
            return False
        host = self.net.scopes[frame["scope"]].nodes[element].host
        return host is None or any(visit["node"] == host for visit in frame["live"].values())

    def canonical(self, marking: Marking) -> Any:
        frames = marking["frames"]
        inside: dict[str, list[str]] = {}
        for frame_id, frame in frames.items():
            if "owner" in frame:
                inside.setdefault(frame["owner"], []).append(frame_id)
        live: set[str] = set()
        for frame in frames.values():
            for visit in frame["live"].values():
                live |= self.paths.live(frame["scope"], visit["node"])
            for node in frame["joins"]:
                live |= self.paths.live(frame["scope"], node)

        def key(frame_id: str) -> str:
            frame = frames[frame_id]
            visits = []
            for visit_id, visit in frame["live"].items():
                rest = {k: v for k, v in visit.items() if k not in ("since", "timers", "multi", "serves")}
                multi = visit.get("multi")
                counts = [multi[k] for k in ("n", "started", "ended")] if multi else []
                visits.append(
                    repr(
                        (
                            sorted(rest.items()),
                            sorted(visit.get("timers", {})),
                            counts,
                            len(multi["waiting"]) if multi else 0,
                            sorted(key(inner) for inner in inside.get(visit_id, ())),
                        )
                    )
                )
            data = sorted((k, repr(v)) for k, v in frame.get("data", {}).items() if k in live)
            spent = sorted(k for k in frame["visits"] if self.is_spendable(frame, k))
            joins = sorted((node, sorted(flows.items())) for node, flows in frame["joins"].items())
            end = frame.get("end")
            end = end if end in self.outcomes else None
            return repr((frame["scope"], end, joins, sorted(visits), data, spent, frame.get("done")))

        return repr((marking["state"], key(""), [mail["name"] for mail in marking["mail"]]))


def _listed(said: Sequence[Text]) -> Text:
    """Several short texts in one."""
    if not said:
        return say("done")
    text = said[0]
    for more in said[1:]:
        text = say("{first}, {second}", first=text, second=more)
    return text


def _is_answered(node: Node) -> bool:
    """Whether somebody may bring data there."""
    return node.kind in ("user", "manual", "receive") or (
        node.event is not None and not node.id.startswith("?")
    )


def _counted(wait: Wait) -> str:
    return wait.visit["node"] if wait.visit["wait"] == "armed" else wait.node.id


def _compensates(net: Net) -> bool:
    return any(
        event.kind in ("compensate", "cancel")
        for scope in net.scopes.values()
        for node in scope.nodes.values()
        for event in triggers(node)
    )


def _has_failed(marking: Marking) -> bool:
    return any(v["wait"] == "incident" for f in marking["frames"].values() for v in f["live"].values())


def _crowd(marking: Marking) -> int:
    """The most tokens at one place."""
    most = 0
    for frame in marking["frames"].values():
        counts: dict[str, int] = {}
        for visit in frame["live"].values():
            if visit["wait"] == "armed":
                continue
            counts[visit["node"]] = counts.get(visit["node"], 0) + 1
        most = max(
            [most, *counts.values(), *(n for flows in frame["joins"].values() for n in flows.values())]
        )
    return most


def _place(marking: Marking, visit: str) -> tuple[str, str]:
    """Frame and element of a visit."""
    for frame_id, frame in marking["frames"].items():
        if visit in frame["live"]:
            return frame_id, frame["live"][visit]["node"]
    return "", ""


def _side_by_side(
    frames: Mapping[str, Frame], one: tuple[str, str], other: tuple[str, str]
) -> tuple[str, str, str] | None:
    """The scope around both and the elements of it that they are in; None if one is around the other, or they
    are instances of one activity (what these write stays inside)."""
    ways = []
    for frame_id, node in (one, other):
        way = [(frame_id, node)]
        while "up" in frames[frame_id]:
            frame = frames[frame_id]
            up = frame["up"]
            node = frames[up]["live"][frame["owner"]]["node"]
            frame_id = up
            way.append((frame_id, node))
        ways.append(way[::-1])
    for (frame_id, a), (same, b) in zip(*ways, strict=False):
        if frame_id != same:
            return None
        if a != b:
            return frames[frame_id]["scope"], a, b
    return None


class _Paths:
    """What the drawing says of which variables can still be read, and by whom they are written."""

    def __init__(self, model: Model, outcomes: Collection[str]) -> None:
        self.model, self.net, self.outcomes = model, model.net, outcomes
        self._returning: dict[str, frozenset[str]] = {}
        self._quiet: dict[Key, frozenset[str] | None] = {}
        self._regions: dict[tuple[str, str, frozenset[str]], frozenset[str]] = {}
        self._live: dict[Key, frozenset[str]] = {}
        self._conflicts: dict[tuple[str, str, str], bool] = {}
        self._inside: dict[str, tuple[frozenset[str], frozenset[str]]] = {}

    @cached_property
    def spendable(self) -> frozenset[str]:
        """The elements of which it counts that they were triggered."""
        found = set()
        for scope in self.net.scopes.values():
            for node in scope.nodes.values():
                if node.kind == "boundary" and not node.interrupting:
                    found.add(node.id)
                if node.kind == "handler" and not self.net.start_of(node)[1].interrupting:
                    found.add(node.id)
        return frozenset(found)

    def live(self, scope_id: str, node_id: str) -> frozenset[str]:
        """The variables that may be read from a token at the element on, before they are set anew."""
        key = (scope_id, node_id)
        if key not in self._live:
            self._solve(self.net.scopes[scope_id])
        return self._live[key]

    def _solve(self, scope: Scope) -> None:
        found: dict[str, set[str]] = {node: set() for node in scope.nodes}
        changed = True
        while changed:
            changed = False
            for node in reversed(scope.nodes.values()):
                key = (scope.id, node.id)
                reads = self.model.reads.get(key, frozenset())
                after = set(reads)
                for follower in _followers(scope, node):
                    after |= found[follower]
                if node.kind in ("user", "manual", "receive", "catch") and not scope.boundaries.get(node.id):
                    after -= self.model.kills.get(key, frozenset())
                if node.body is not None:
                    after |= self.inside(node.body)[0]
                if node.loop is not None:
                    after |= reads
                if after != found[node.id]:
                    found[node.id] = after
                    changed = True
        for node_id, names in found.items():
            self._live[(scope.id, node_id)] = frozenset(names)

    def inside(self, scope_id: str) -> tuple[frozenset[str], frozenset[str]]:
        """All that is read and written in a scope and those in it."""
        if scope_id in self._inside:
            return self._inside[scope_id]
        self._inside[scope_id] = frozenset(), frozenset()  # a process may call itself
        reads: set[str] = set()
        writes: set[str] = set()
        for node in self.net.scopes[scope_id].nodes.values():
            reads |= self.model.reads.get((scope_id, node.id), frozenset())
            writes |= self.model.writes.get((scope_id, node.id), frozenset())
            if node.body is not None:
                inner = self.inside(node.body)
                reads, writes = reads | inner[0], writes | inner[1]
        self._inside[scope_id] = frozenset(reads), frozenset(writes)
        return self._inside[scope_id]

    def conflict(self, scope_id: str, one: str, other: str) -> bool:
        """Whether, before both meet at a join, one may write what the other reads."""
        key = (scope_id, min(one, other), max(one, other))
        if key not in self._conflicts:
            scope = self.net.scopes[scope_id]
            common = self.region(scope, one) & self.region(scope, other)
            joins = frozenset(node for node in common if _joins(scope.nodes[node]))
            a, b = (self._touched(scope, self.region(scope, node, joins)) for node in (one, other))
            self._conflicts[key] = bool(a[0] & b[1] or a[1] & b[0])
        return self._conflicts[key]

    def region(self, scope: Scope, node_id: str, joins: frozenset[str] = frozenset()) -> frozenset[str]:
        """The elements of the scope that a token at `node_id` may come to without passing `joins`."""
        key = (scope.id, node_id, joins)
        if key not in self._regions:
            seen: set[str] = set()
            queue = [node_id]
            while queue:
                here = queue.pop()
                if here not in seen and here not in joins:
                    seen.add(here)
                    queue += _followers(scope, scope.nodes[here])
            self._regions[key] = frozenset(seen)
        return self._regions[key]

    def aside(self, scope: Scope, event: str) -> frozenset[str]:
        """The elements that only what begins at this event on an edge comes to."""
        host = the(scope.nodes[event].host)
        main = [self.region(scope, f) for f in _behind(scope, host)] + [frozenset({host})]
        edges = [e.id for e in scope.boundaries.get(host, ()) if e.interrupting]
        return self.region(scope, event).difference(*main, *(self.region(scope, edge) for edge in edges))

    def returning(self, scope: Scope) -> frozenset[str]:
        """The flows that close a circle of the drawing. A step along one is never local, so that in each
        circle of states there is one from where all that can happen is looked at."""
        if scope.id in self._returning:
            return self._returning[scope.id]
        found: set[str] = set()
        done: set[str] = set()
        for root in (*scope.starts, *scope.nodes):
            under_way: list[tuple[str, Iterator[tuple[str, str]]]] = []
            here: str | None = root if root not in done else None
            open_: set[str] = set()
            while here is not None or under_way:
                if here is not None:
                    done.add(here)
                    open_.add(here)
                    under_way.append((here, iter(_ways(scope, scope.nodes[here]))))
                    here = None
                node_id, ways = under_way[-1]
                for flow, target in ways:
                    if target in open_ and flow:
                        found.add(flow)
                    elif target not in done:
                        here = target
                        break
                if here is None:
                    open_.discard(node_id)
                    under_way.pop()
        self._returning[scope.id] = frozenset(found)
        return self._returning[scope.id]

    def quiet(self, scope_id: str, node_id: str) -> frozenset[str] | None:
        """None if a token that moves on from the element may do more at once than come to where it waits:
        throw something, end the case or interrupt others. Else the joins behind which it may."""
        key = (scope_id, node_id)
        if key not in self._quiet:
            self._quiet[key] = self._find_quiet(self.net.scopes[scope_id], node_id)
        return self._quiet[key]

    def _find_quiet(self, scope: Scope, node_id: str) -> frozenset[str] | None:
        node = scope.nodes[node_id]
        edges = scope.boundaries.get(node_id, ())
        if node.loop is not None and node.loop.kind == "standard":
            return None  # it may go round without any flow
        if node.kind == "handler" or node.body is not None:
            return None  # what goes on inside may take its events away
        joins: set[str] = set()
        if not self._is_calm(scope, [node_id, *(edge.id for edge in edges)], joins):
            return None
        return frozenset(join for join in joins if not self._is_calm(scope, [join]))

    def _is_calm(self, scope: Scope, begins: Sequence[str], joins: set[str] | None = None) -> bool:
        """Whether nothing but waiting comes behind these elements; with `joins`, before the joins of the same
        scope, which are added there."""
        queue = list(_out_of(scope, begins))
        seen: set[tuple[str, str]] = set()
        while queue:
            here, flow, node_id = queue.pop()
            if flow in self.returning(here):
                return False
            if (here.id, node_id) in seen:
                continue
            seen.add((here.id, node_id))
            if node_id == "":  # a token is gone: perhaps the last one
                around = [
                    (o, n.id) for o in self.net.scopes.values() for n in o.nodes.values() if n.body == here.id
                ]
                queue += [way for outer, host in around for way in _out_of(outer, [host])]
                continue
            node = here.nodes[node_id]
            if node_id.startswith("?") or not self._is_harmless(here, node):
                return False
            if joins is not None and here is scope and _joins(node):
                joins.add(node_id)
            elif node.kind not in _WAITING:
                queue += _out_of(here, [node_id])
                if node.body is not None:
                    inner = self.net.scopes[node.body]
                    queue += [(inner, "", start) for start in inner.starts]
        return True

    def _is_harmless(self, scope: Scope, node: Node) -> bool:
        if node.kind in ("end", "throw") and any(e.kind not in _HARMLESS for e in triggers(node)):
            return False
        if node.kind == "end" and scope.id == self.net.process and node.id in self.outcomes:
            return False
        conditions = [scope.flows[flow].condition for flow in node.outgoing]
        return node.kind not in ("xor", "or") or node.default is not None or None in conditions

    def _touched(self, scope: Scope, region: Collection[str]) -> tuple[set[str], set[str]]:
        reads: set[str] = set()
        writes: set[str] = set()
        for node_id in region:
            key = (scope.id, node_id)
            reads |= self.model.reads.get(key, frozenset())
            writes |= self.model.writes.get(key, frozenset())
            body = scope.nodes[node_id].body
            if body is not None:
                reads |= self.inside(body)[0]
                writes |= self.inside(body)[1]
        return reads, writes


_COMES_TO = frozenset({"entered", "completed", "fired"})
_WAITING = frozenset({"user", "manual", "receive", "catch", "race"})
_HARMLESS = frozenset({"none", "message", "link"})


def _joins(node: Node) -> bool:
    return node.kind in ("and", "or") and len(node.incoming) > 1


def _out_of(scope: Scope, nodes: Iterable[str]) -> Iterator[tuple[Scope, str, str]]:
    """The flows out of the elements, with where they lead; nowhere at an end."""
    for node_id in nodes:
        outgoing = scope.nodes[node_id].outgoing
        yield from ((scope, flow, scope.flows[flow].target) for flow in outgoing)
        if not outgoing:
            yield scope, "", ""


def _behind(scope: Scope, node_id: str) -> list[str]:
    return [scope.flows[flow].target for flow in scope.nodes[node_id].outgoing]


def _ways(scope: Scope, node: Node) -> list[tuple[str, str]]:
    """What leads on from an element: flows, and the events on its edge (without a flow)."""
    found = [(flow, scope.flows[flow].target) for flow in node.outgoing]
    return found + [("", edge.id) for edge in scope.boundaries.get(node.id, ())]


def _followers(scope: Scope, node: Node) -> list[str]:
    found = [scope.flows[flow].target for flow in node.outgoing]
    found += [edge.id for edge in scope.boundaries.get(node.id, ())]
    if node.id in scope.undoes:
        found.append(scope.undoes[node.id])
    return found
