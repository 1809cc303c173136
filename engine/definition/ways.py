"""Ways through a scope: which nodes a token can come to without something having been done, and the longest
way by the time limits of its steps. Pure; the checks of the law ask it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from graphlib import TopologicalSorter
from typing import Literal

from ..flow.net import Net, Node, Scope

Done = Callable[[Node], bool]
"""Whether what is looked for is done when the token leaves a node by its flows."""


def ways_around(
    net: Net,
    scope: Scope,
    sources: Iterable[str],
    done: Done,
    known: dict[str, bool] | None = None,
) -> dict[str, list[str]]:
    """The nodes of `scope` that a token from `sources` can come to with nothing on its way having been
    `done`, each with such a way (ids, the node included).

    A parallel join is come to when no branch has done it. An event on the edge of an activity leaves before
    the activity is done; one that does not interrupt begins a way of its own. A subprocess has done it when
    no way through it gets around; `known` says so of those that have been looked into.
    """
    known = {} if known is None else known
    found = {source: [source] for source in sources}
    queue = list(found)
    arrived: set[str] = set()

    def enter(target: str, way: list[str]) -> None:
        if target not in found:
            found[target] = [*way, target]
            queue.append(target)

    for at in queue:
        node = scope.nodes[at]
        for event in scope.boundaries.get(at, ()):
            enter(event.id, found[at])
        if done(node) or not _passable(net, node, done, known):
            continue
        for flow in node.outgoing:
            arrived.add(flow)
            target = scope.nodes[scope.flows[flow].target]
            if target.kind != "and" or all(incoming in arrived for incoming in target.incoming):
                enter(target.id, found[at])
    return found


def _passable(net: Net, node: Node, done: Done, known: dict[str, bool]) -> bool:
    """Whether a token can go through the inside of `node` around what is looked for."""
    body = net.scopes.get(node.body or "") if node.kind in ("subprocess", "call") else None
    if body is None:
        return True
    if body.id not in known:
        known[body.id] = True  # meanwhile: one that calls itself has been refused by flow.read
        inside = ways_around(net, body, body.starts, done, known)
        known[body.id] = any(not body.nodes[at].outgoing and not done(body.nodes[at]) for at in inside)
    return known[body.id]


def without(scope: Scope, sources: Iterable[str], removed: str) -> set[str]:
    """The nodes that can be come to from `sources` if there were no `removed`."""
    found = [source for source in sources if source != removed]
    for at in found:
        following = [scope.flows[flow].target for flow in scope.nodes[at].outgoing]
        following += [event.id for event in scope.boundaries.get(at, ())]
        found += [target for target in following if target != removed and target not in found]
    return set(found)


# --- the longest way


Moment = Literal["done", "opened"]
"""When a clock begins at an element: when it is done, or when a token has reached it."""


@dataclass(frozen=True, slots=True)
class Way:
    """How long it takes (in one unit), and the steps on it that have a time limit, in order."""

    length: Fraction
    steps: tuple[str, ...]

    def then(self, length: Fraction, steps: Sequence[str] = ()) -> Way:
        return Way(self.length + length, (*self.steps, *steps))


NOWHERE = Way(Fraction(0), ())


@dataclass(frozen=True, slots=True)
class Limits:
    """The time limits on a way, in one unit: `nodes` of the element itself (an event on the edge of an
    activity: when it fires), `spans` from one trigger to another, under the name of their clock. Elements
    that are `still` count nothing: the clock in question does not run meanwhile."""

    nodes: Mapping[str, Fraction]
    spans: Sequence[tuple[str, str, str, Fraction]]
    still: Collection[str]
    inside: dict[str, Way] = field(default_factory=dict)
    """The longest way through each subprocess and called process, once it has been looked for."""

    def of(self, node: Node) -> Fraction:
        return Fraction(0) if node.id in self.still else self.nodes.get(node.id, Fraction(0))


def longest_way(
    net: Net,
    scope: Scope,
    begins: Iterable[tuple[str, Moment]],
    limits: Limits,
    ends: Collection[str] = (),
) -> Way:
    """The longest way from any of `begins` to any of the triggers `ends`, or to where the scope ends.

    Branches beside each other count as the longest of them. A flow back is not followed: a loop counts once.
    """
    entered: dict[str, Way] = {}
    left: dict[str, Way] = {}
    edges = _forward(scope)
    begun = dict(begins)
    best = NOWHERE

    def longer(known: Mapping[str, Way], at: str, way: Way) -> Way:
        return max(known[at], way, key=lambda found: found.length) if at in known else way

    before: dict[str, set[str]] = {at: set() for at in scope.nodes}
    for at, targets in edges.items():
        for target in targets:
            before[target].add(at)
    for at in TopologicalSorter(before).static_order():
        node = scope.nodes[at]
        if begun.get(at) == "opened":
            entered[at] = longer(entered, at, NOWHERE)
        for name, start, stop, length in limits.spans:
            known = entered if start.endswith(":opened") else left
            origin = start.removesuffix(":opened")
            if stop == f"{at}:opened" and origin in known and at in entered:
                entered[at] = longer(entered, at, known[origin].then(length, [name]))
        if at in entered:
            if f"{at}:opened" in ends:
                best = max(best, entered[at], key=lambda way: way.length)
                continue
            left[at] = _through(net, node, entered[at], limits)
            for name, start, stop, length in limits.spans:
                known = entered if start.endswith(":opened") else left
                origin = start.removesuffix(":opened")
                if stop == at and origin in known and origin != at:
                    left[at] = longer(left, at, known[origin].then(length, [name]))
        if begun.get(at) == "done":
            left[at] = longer(left, at, NOWHERE)
        if at in entered:  # an event on the edge takes the place of the activity's own limit
            for event in scope.boundaries.get(at, ()):
                if event.interrupting and event.id in edges[at]:
                    way = entered[at] if limits.nodes.get(event.id) else left[at]
                    entered[event.id] = longer(entered, event.id, way)
        if at not in left:
            continue
        best = max(best, left[at], key=lambda way: way.length)
        if at in ends:
            continue
        for flow in node.outgoing:
            target = scope.flows[flow].target
            if target in edges[at]:
                entered[target] = longer(entered, target, left[at])
    return best


def _through(net: Net, node: Node, way: Way, limits: Limits) -> Way:
    """`way` and what `node` takes: its own limit, or the longest way inside of it."""
    own = limits.of(node)
    body = net.scopes.get(node.body or "") if node.kind in ("subprocess", "call") else None
    if body is not None and node.id not in limits.still:
        if body.id not in limits.inside:
            limits.inside[body.id] = NOWHERE
            begins: list[tuple[str, Moment]] = [(start, "opened") for start in body.starts]
            limits.inside[body.id] = longest_way(net, body, begins, limits)
        inside = limits.inside[body.id]
        if inside.length > own:
            return way.then(inside.length, inside.steps)
    return way.then(own, [node.id]) if own else way


def _forward(scope: Scope) -> dict[str, list[str]]:
    """What follows each node, flows back (to a node on the way there, in document order) left out."""
    edges: dict[str, list[str]] = {at: [] for at in scope.nodes}
    state: dict[str, str] = {}
    sources = [*scope.starts, *(n.id for n in sorted(scope.nodes.values(), key=lambda n: n.order))]
    for source in sources:
        if source in state:
            continue
        state[source] = "open"
        stack = [(source, iter(_targets(scope, source)))]
        while stack:
            at, following = stack[-1]
            target = next(following, None)
            if target is None:
                state[at] = "closed"
                stack.pop()
            elif state.get(target) != "open":
                edges[at].append(target)
                if target not in state:
                    state[target] = "open"
                    stack.append((target, iter(_targets(scope, target))))
    return edges


def _targets(scope: Scope, at: str) -> list[str]:
    following = [scope.flows[flow].target for flow in scope.nodes[at].outgoing]
    return following + [event.id for event in scope.boundaries.get(at, ())]
