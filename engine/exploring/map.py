"""How far it is: distances on the drawing, counted in acts of people and of time."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping

from ..coverage import Target
from ..definition import Definition
from ..flow.net import HUMAN, Net, Node, Scope

Spot = tuple[str, str]
"""An element: its scope and its id."""

FAR = 1_000_000
"""The distance of what can't be reached."""


class Map:
    """The ways of a net. What an activity contains, and what hangs on its edge, are ways on from it; whether
    a condition lets a token pass is not asked."""

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self.net = definition.net
        self._into: dict[Spot, list[tuple[Spot, int]]] = {}
        for start, end, cost in _ways(self.net):
            self._into.setdefault(end, []).append((start, cost))
        self._known: dict[Target, Mapping[Spot, int]] = {}

    def to(self, target: Target) -> Mapping[Spot, int]:
        """How many acts it takes at least from each element to where `target` is reached next."""
        if target not in self._known:
            self._known[target] = self._spread(self._goals(target))
        return self._known[target]

    def _goals(self, target: Target) -> list[Spot]:
        match target.kind:
            case "outcome":
                return [(self.net.process, target.id)]
            case "flow":
                return [(target.scope, self.net.scopes[target.scope].flows[target.id].source)]
            case "clock":
                clock = self.definition.clocks[target.id]
                ids = {trigger.partition(":")[0] for trigger in (*clock.starts, *clock.each)}
            case "silence":
                ids = set(self.definition.joints[target.id].activities)
            case _:
                return [(target.scope, target.id)]
        return [(scope.id, id) for scope in self.net.scopes.values() for id in scope.nodes if id in ids]

    def _spread(self, goals: Iterable[Spot]) -> Mapping[Spot, int]:
        found: dict[Spot, int] = {}
        queue = [(0, spot) for spot in goals]
        heapq.heapify(queue)
        while queue:
            far, spot = heapq.heappop(queue)
            if spot in found:
                continue
            found[spot] = far
            for start, cost in self._into.get(spot, ()):
                heapq.heappush(queue, (far + cost, start))
        return found


def _ways(net: Net) -> Iterator[tuple[Spot, Spot, int]]:
    hosts: dict[str, list[tuple[Scope, Node]]] = {}
    for scope in net.scopes.values():
        for node in scope.nodes.values():
            if node.body is not None:
                hosts.setdefault(node.body, []).append((scope, node))
    for scope in net.scopes.values():
        around = list(_around(scope, hosts, set()))
        handlers = [(outer, handler) for outer, _ in [(scope, None), *around] for handler in outer.handlers]
        for node in scope.nodes.values():
            here = (scope.id, node.id)
            for flow in node.outgoing:
                target = scope.nodes[scope.flows[flow].target]
                yield here, (scope.id, target.id), _cost(target)
            for edge in scope.boundaries.get(node.id, ()):
                yield here, (scope.id, edge.undo or edge.id), 1
            if node.body is not None:
                for start in net.scopes[node.body].starts:
                    yield here, (node.body, start), 0
            for outer, host in around:
                for edge in outer.boundaries.get(host.id, ()):
                    yield here, (outer.id, edge.id), 1
            for outer, handler in handlers:
                if handler.body != scope.id:
                    yield here, (outer.id, handler.id), 1
            if not node.outgoing:
                for outer, host in hosts.get(scope.id, ()):
                    for flow in host.outgoing:
                        target = outer.nodes[outer.flows[flow].target]
                        yield here, (outer.id, target.id), _cost(target)
                    if not host.outgoing:  # the end of the one is the end of the other
                        yield here, (outer.id, host.id), 0


def _around(
    scope: Scope, hosts: Mapping[str, list[tuple[Scope, Node]]], seen: set[str]
) -> Iterator[tuple[Scope, Node]]:
    """The activities that a scope runs inside, from the inside out."""
    if scope.id in seen:
        return
    seen.add(scope.id)
    for outer, host in hosts.get(scope.id, ()):
        yield outer, host
        yield from _around(outer, hosts, seen)


def _cost(node: Node) -> int:
    return 1 if node.kind in HUMAN or node.kind in ("catch", "receive", "race") else 0
