"""A net to replay a log on: the item's own, but it asks nobody what no log tells.

A log says which activities were done, not what was answered. So each condition may come out either way, each
calculation is passed over, each multi-instance activity is done as often as fits, and time is up whenever
that fits: `soundness.model` makes the very same of a net. What the log does not name (`visible` lacks it)
happens by itself whenever that fits; an automatic task that the log does name waits for it like one for a
person.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from itertools import chain, combinations
from typing import Any, NamedTuple

from msgspec.structs import replace

from ..errors import Invalid
from ..flow.marking import Frame, Marking, Wait, open_tasks, timers, variables, waits
from ..flow.net import WORK, Net, Node, Scope, the
from ..flow.step import Complete, Fire, Input, Message, Signal, Start, step
from ..soundness.model import NOW, ZONE, make_model

MOST_BRANCHES = 10
"""Branches of an inclusive gateway of which every combination is tried; of more, each alone and all
together."""


_MOST_LOOKED = 100
"""Decisions that are gone through to say what could have come."""


class Move(NamedTuple):
    """Something that can happen: to `element`, if the log names it; "" if it happens by itself."""

    given: Input
    element: str


class Field:
    """The net as it is replayed on. `visible` are the elements that the log names."""

    def __init__(self, net: Net, visible: frozenset[str]) -> None:
        self.visible = visible
        self.model = make_model(_silenced(net, visible), {}, {})
        self.net = self.model.net
        self.names = {node.id: node.name for scope in net.scopes.values() for node in scope.nodes.values()}
        scope = self.net.scopes[self.net.process]
        self.starts = {name.lstrip("?") for name in scope.starts}
        self._flow_of = {
            (scope.id, the(flow.condition)): flow.id
            for scope in self.net.scopes.values()
            for flow in scope.flows.values()
            if flow.condition is not None
        }
        self._ahead = cache(self._find_ahead)

    @staticmethod
    def beginning() -> Start:
        return Start({}, ZONE)

    # --- what can happen

    def decisions(self, marking: Marking, rest: Mapping[str, int]) -> list[Input] | None:
        """The ways in which what has to be decided before anything else can come out, where the log still
        names the elements in `rest`, each so often; None where nothing has to be."""
        asked = next((w for w in waits(self.net, marking) if (w.event.name or "").startswith("?")), None)
        return None if asked is None else list(self._decided(asked, rest))

    def moves(self, marking: Marking) -> list[Move]:
        """What can happen where nothing has to be decided."""
        if marking["state"] != "running":
            return []
        return [*self._tasks(marking), *self._events(marking), *self._timers(marking)]

    def open(self, marking: Marking) -> tuple[str, ...]:
        """The elements that the log names and that could come next, however things are decided."""
        found: dict[str, None] = {}
        queue, looked = [marking], 0
        while queue and looked < _MOST_LOOKED:
            looked += 1
            current = queue.pop(0)
            decisions = self.decisions(current, dict.fromkeys(self.visible, 1))
            if decisions is None:
                found.update((move.element, None) for move in self.moves(current) if move.element)
                continue
            for given in decisions:
                with suppress(Invalid):
                    queue.append(step(self.net, current, given, NOW)[0])
        return tuple(found)

    def _seen(self, element: str) -> str:
        return element if element in self.visible else ""

    def _tasks(self, marking: Marking) -> Iterator[Move]:
        asked = set()
        for task in open_tasks(marking):
            host = task.id.rpartition(":")[0] or task.id  # instances are interchangeable
            if host not in asked:
                asked.add(host)
                yield Move(Complete(task.id, {}), self._seen(task.element))

    def _events(self, marking: Marking) -> Iterator[Move]:
        found = set()
        for wait in waits(self.net, marking):
            kind, name = wait.event.kind, wait.event.name or ""
            element = self._seen(wait.node.id)
            if kind not in ("message", "signal") or (kind, name) in found:
                continue
            if not element and _is_spent(wait):
                continue
            found.add((kind, name))
            yield Move(Message(name, {}) if kind == "message" else Signal(name, {}), element)

    def _timers(self, marking: Marking) -> Iterator[Move]:
        for timer in timers(self.net, marking):
            yield Move(Fire(timer.timer), self._seen(timer.element))

    # --- what is decided

    def _decided(self, wait: Wait, rest: Mapping[str, int]) -> Iterator[Input]:
        name = wait.event.name or ""
        most = max(rest.values(), default=0)
        told: set[str] = set()
        for data in self._options(wait, name, rest, most):
            key = repr(sorted(data.items()))
            if key not in told:
                told.add(key)
                yield Message(name, dict(data))

    def _options(
        self, wait: Wait, name: str, rest: Mapping[str, int], most: int
    ) -> Iterator[Mapping[str, Any]]:
        options = [option.data for option in self.model.choices[name]]
        node = wait.scope.nodes[wait.scope.flows[wait.node.outgoing[0]].target]
        variables_ = dict.fromkeys(key for data in options for key in data)
        flows = {key: self._flow_of.get((wait.scope.id, key)) for key in variables_}
        if node.kind == "or" and all(flows.values()):
            yield from self._branches(wait.scope, node, {k: str(f) for k, f in flows.items()}, rest)
            return
        yield from options
        for data in options:  # as often as the log may want it
            for key, value in data.items():
                if type(value) is int and node.loop is not None:
                    yield from ({**data, key: times} for times in range(most + 1))

    def _branches(
        self, scope: Scope, node: Node, flows: Mapping[str, str], rest: Mapping[str, int]
    ) -> Iterator[Mapping[str, Any]]:
        """The combinations of branches that can be of use: a branch to steps that the log does not name any
        more is none."""
        useful = []
        for key, flow in flows.items():
            ahead = self._ahead(scope.id, flow)
            if not ahead or any(rest.get(element) for element in ahead):
                useful.append(key)
        if len(useful) > MOST_BRANCHES:
            chosen: list[tuple[str, ...]] = [tuple(useful), *((key,) for key in useful)]
        else:
            chosen = list(
                chain.from_iterable(combinations(useful, size) for size in range(len(useful), 0, -1))
            )
        if node.default is not None or len(flows) < len(node.outgoing):
            chosen.append(())
        for held in chosen or [(key,) for key in flows]:
            yield {key: key in held for key in flows}

    def _find_ahead(self, scope_id: str, flow: str) -> frozenset[str]:
        """The named elements that a token on the flow can come to before it comes to another one."""
        scope = self.net.scopes[scope_id]
        seen: set[str] = set()
        found: set[str] = set()
        queue = [scope.flows[flow].target]
        while queue:
            node = scope.nodes[queue.pop()]
            if node.id in seen:
                continue
            seen.add(node.id)
            if node.id in self.visible:
                found.add(node.id)
            elif node.body is not None:
                found |= self._inside(node.body, frozenset())
            else:
                queue += [scope.flows[way].target for way in node.outgoing]
        return frozenset(found)

    def _inside(self, scope_id: str, above: frozenset[str]) -> frozenset[str]:
        if scope_id in above or scope_id not in self.net.scopes:
            return frozenset()
        nodes = self.net.scopes[scope_id].nodes.values()
        own = {node.id for node in nodes if node.id in self.visible}
        bodies = (self._inside(node.body, above | {scope_id}) for node in nodes if node.body is not None)
        return frozenset(own).union(*bodies)

    # --- when two markings are the same

    def key(self, marking: Marking) -> str:
        """What two markings have in common from which the same can follow."""
        frames = marking["frames"]
        inside: dict[str, list[str]] = {}
        for frame_id, frame in frames.items():
            if "owner" in frame:
                inside.setdefault(frame["owner"], []).append(frame_id)

        def of(frame_id: str) -> str:
            frame = frames[frame_id]
            visits = sorted(
                repr(
                    (
                        visit["node"],
                        visit["wait"],
                        sorted(visit.get("timers", {})),
                        visit.get("got"),
                        visit.get("held"),
                        [visit["multi"][k] for k in ("n", "started", "ended")] if "multi" in visit else 0,
                        len(visit["multi"]["waiting"]) if "multi" in visit else 0,
                        sorted(of(inner) for inner in inside.get(visit_id, ())),
                    )
                )
                for visit_id, visit in frame["live"].items()
            )
            joins = sorted((node, sorted(flows.items())) for node, flows in frame["joins"].items())
            kept = variables(marking, frame_id) if self._repeats(frame) else {}
            spent = sorted(n for n in frame["visits"] if self._is_limited(frame, n))
            return repr((frame["scope"], joins, visits, sorted(kept.items(), key=repr), spent))

        return repr((marking["state"], of(""), [mail["name"] for mail in marking["mail"]]))

    def _repeats(self, frame: Frame) -> bool:
        """Whether something in the frame goes on as often as was decided before."""
        nodes = self.net.scopes[frame["scope"]].nodes
        return any(nodes[visit["node"]].loop is not None for visit in frame["live"].values())

    def _is_limited(self, frame: Frame, name: str) -> bool:
        node = self.net.scopes[frame["scope"]].nodes.get(name)
        return node is not None and not node.interrupting and node.id not in self.visible


def _is_spent(wait: Wait) -> bool:
    """What does not interrupt happens by itself once at most: again and again would never end."""
    if wait.node.interrupting or not (wait.node.kind == "boundary" or wait.visit["wait"] == "armed"):
        return False
    return any(wait.frame["visits"].get(name, 0) > 0 for name in (wait.node.id, f"!{wait.visit['node']}"))


def _silenced(net: Net, visible: frozenset[str]) -> Net:
    """Nothing is calculated, no answer is kept; automatic tasks that the log names wait for it."""

    def plain(node: Node) -> Node:
        node = replace(node, properties={}, outputs=(), inputs=())
        if node.kind not in WORK - {"user", "manual", "receive"}:
            return node
        kind: Any = "manual" if node.id in visible else "task"
        return replace(node, kind=kind, script=None, expression=None, decision=None, result=None, event=None)

    scopes = {
        scope.id: replace(scope, nodes={id: plain(node) for id, node in scope.nodes.items()})
        for scope in net.scopes.values()
    }
    return replace(net, scopes=scopes)
