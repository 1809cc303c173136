"""What lies behind and ahead of where a process stands, before and after it goes over to another net.

A state that can be rewritten may still be one that the new net would never have come to: a step that is new
may lie behind the tokens, so that nobody will do it, or a join may wait for a branch that never began. Here
that is found out from the diagram alone, without data: every condition may turn out either way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ..errors import Text, say
from .marking import Frame, Marking
from .migrate import Hindrance, Names, bodies, called, is_step, renamed
from .net import ACTIVITIES, Kind, Net, Node, Scope, the

MOST_STATES = 20_000
"""States that are looked through for a join that can't fire; a diagram that has more is taken on trust."""

Place = tuple[str, str]
"""Where a token is: `("node", id)`, or waiting at a join, having come by `("flow", id)`."""


class Prospect(NamedTuple):
    """What is in the way; the steps that come and would not have come, that come no longer, and that were
    done and come `again`: id, and what they are called."""

    hindrances: list[Hindrance]
    coming: list[tuple[str, Text]]
    gone: list[tuple[str, Text]]
    again: list[tuple[str, Text]]


def prospect(old: Net, new: Net, before: Marking, after: Marking, names: Names) -> Prospect:
    """Compare what lies behind and ahead of `before` in `old` and of its rewriting `after` in `new`."""
    found = Prospect([], [], [], [])
    looked: set[object] = set()
    for frame_id, frame in before["frames"].items():
        there = after["frames"][renamed(frame_id, names)]
        if "only" in frame:
            continue
        one = _Side(old, old.scopes[frame["scope"]], places(frame, old.scopes[frame["scope"]]))
        other = _Side(new, new.scopes[there["scope"]], places(there, new.scopes[there["scope"]]))
        visited = {names.get(node, node) for node in frame["visits"]}
        look = (one.scope.id, frozenset(one.places), frozenset(visited))
        if look not in looked:
            looked.add(look)
            _compare(one, other, visited, names, found)
    hindrances = {(one.code, one.element): one for one in found.hindrances}
    return Prospect(list(hindrances.values()), *(list(dict(part).items()) for part in found[1:]))


def places(frame: Frame, scope: Scope) -> list[Place]:
    """Where the tokens of a frame are. What waits beside the flow, or undoes what is over, is none."""
    found: list[Place] = []
    for visit in frame["live"].values():
        if visit["wait"] != "armed" and not any(mark in visit for mark in ("inside", "loose", "cancels")):
            found.append(("node", visit["node"]))
    for waiting in frame["joins"].values():
        for flow, count in waiting.items():
            found += [("flow", flow)] * count
    return sorted(found)


def elements_ahead(net: Net, marking: Marking) -> set[str]:
    """Every element, however deep, that the process is at or may still come to, or that waits beside."""
    found: set[str] = set()
    for frame in marking["frames"].values():
        scope = net.scopes[frame["scope"]]
        side = _Side(net, scope, places(frame, scope))
        here = {key for kind, key in side.places if kind == "node"} | side.ahead()
        here |= {node.id for node in scope.nodes.values() if node.kind == "handler" or node.compensation}
        found |= here
        for node_id in here:
            found |= {inner.id for _, inner in bodies(net, scope.nodes[node_id])}
    return found


class _Side:
    """One scope with its tokens."""

    def __init__(self, net: Net, scope: Scope, places: list[Place]) -> None:
        self.net = net
        self.scope = scope
        self.places = places

    def following(self, node_id: str) -> Iterator[tuple[str, str]]:
        """Where a token at the node may go: `(flow or "", node)`."""
        for flow in self.scope.nodes[node_id].outgoing:
            yield flow, self.scope.flows[flow].target
        for edge in self.scope.boundaries.get(node_id, ()):
            if the(edge.event).kind != "compensate":
                yield "", edge.id

    def reached(self, starts: Iterable[str], without: Place | None = None) -> set[str]:
        """Every node that can be reached from `starts`, they included, without passing a place."""
        seen: set[str] = set()
        queue = deque(starts)
        while queue:
            node_id = queue.popleft()
            if node_id in seen or ("node", node_id) == without:
                continue
            seen.add(node_id)
            queue.extend(
                target for flow, target in self.following(node_id) if ("flow", flow) != without or not flow
            )
        return seen

    def behind(self, place: Place) -> set[str]:
        """The nodes that lie on some way to the place, from the beginning of the scope."""
        kind, key = place
        end = key if kind == "node" else self.scope.flows[key].source
        known = self.reached(self.scope.starts, place)
        sources: dict[str, list[str]] = {}
        for node_id in self.scope.nodes:
            for _, target in self.following(node_id):
                sources.setdefault(target, []).append(node_id)
        leading: set[str] = set() if kind == "node" else {end}
        queue = deque(sources.get(end, []))
        while queue:
            node_id = queue.popleft()
            if node_id not in leading:
                leading.add(node_id)
                queue.extend(sources.get(node_id, []))
        return known & leading

    def ahead(self) -> set[str]:
        """The nodes that may still be come to."""
        starts: set[str] = set()
        for kind, key in self.places:
            if kind == "node":
                starts |= {target for _, target in self.following(key)}
            else:
                starts.add(self.scope.flows[key].target)
        return self.reached(starts)


def _compare(one: _Side, other: _Side, visited: set[str], names: Names, found: Prospect) -> None:
    twins = {names.get(node, node) for node in one.scope.nodes}
    behind_then = {names.get(node, node) for place in one.places for node in one.behind(place)}
    behind_now = {node for place in other.places for node in other.behind(place)}
    ahead_then = {names.get(node, node) for node in one.ahead()}
    ahead_now = other.ahead()
    here = {key for kind, key in other.places if kind == "node"}
    for node in _in_order(other.scope):
        if node.id in behind_now and node.id not in behind_then | visited:
            if is_step(node):
                found.hindrances.append(_skipped(node))
        elif node.id in (visited & twins) - ahead_now - here:
            found.hindrances.extend(map(_skipped, _new_inside(one, other, node, names)))
        if node.id in ahead_now and is_step(node):
            if node.id not in ahead_then:
                (found.again if node.id in visited else found.coming).append(_told(node))
            else:
                found.coming.extend(map(_told, _new_inside(one, other, node, names)))
    for node in _in_order(one.scope):
        twin = names.get(node.id, node.id)
        if is_step(node) and twin in ahead_then - ahead_now:
            found.gone.append(_told(node))
    if _ways(one.scope, names) != _ways(other.scope, {}):
        stuck = _stuck(other)
        if stuck is not None and _stuck(one) is None:
            found.hindrances.append(
                Hindrance(
                    "join.never",
                    stuck,
                    say(
                        "{gateway} would wait for a branch that does not run in this case",
                        gateway=called(other.scope.nodes[stuck]),
                    ),
                )
            )


def _told(node: Node) -> tuple[str, Text]:
    return node.id, called(node)


def _skipped(node: Node) -> Hindrance:
    return Hindrance(
        "step.behind",
        node.id,
        say(
            "{step}, new in this place, lies before where the case stands: it will not be done",
            step=called(node),
        ),
        acceptable=True,
    )


def _in_order(scope: Scope) -> list[Node]:
    return sorted(scope.nodes.values(), key=lambda node: node.order)


def _new_inside(one: _Side, other: _Side, node: Node, names: Names) -> list[Node]:
    """The steps inside an activity that it did not have."""
    back = {new: old for old, new in names.items()}
    host = one.scope.nodes.get(back.get(node.id, node.id))
    known = (
        {names.get(inner.id, inner.id) for _, inner in bodies(one.net, host)} if host is not None else set()
    )
    return [inner for _, inner in bodies(other.net, node) if is_step(inner) and inner.id not in known]


def _ways(scope: Scope, names: Names) -> tuple[set[tuple[str, Kind]], list[tuple[str, str]]]:
    """The kinds of all elements and the ways between them."""
    nodes = {(names.get(node.id, node.id), node.kind) for node in scope.nodes.values()}
    ways = [
        (names.get(flow.source, flow.source), names.get(flow.target, flow.target))
        for flow in scope.flows.values()
    ]
    return nodes, sorted(ways)


# --- joins that never fire


def _stuck(side: _Side) -> str | None:
    """A join at which tokens may wait for ever; None when there is none, or the diagram is too large to
    say.

    Tokens move one after the other, the first as far as it gets: they do not mind each other but at joins,
    so another order would come to the same ends.
    """
    first = tuple(side.places)
    seen = {first}
    todo = [first]
    while todo and len(seen) <= MOST_STATES:
        state = todo.pop()
        moving = next((place for place in state if place[0] == "node"), None)
        if moving is not None:
            nexts = list(_moved(side, state, moving))
        elif state:
            fired = _inclusive(side, state)
            if fired is None:
                return side.scope.flows[state[0][1]].target
            nexts = [fired]
        else:
            nexts = []
        for after in nexts:
            if after not in seen:
                seen.add(after)
                todo.append(after)
    return None


State = tuple[Place, ...]


def _moved(side: _Side, state: State, moving: Place) -> Iterator[State]:
    """What may become of the state when the token `moving` leaves its node."""
    rest = list(state)
    rest.remove(moving)
    node = side.scope.nodes[moving[1]]
    if node.kind == "end" and node.event is not None and node.event.kind in ("terminate", "error", "cancel"):
        yield ()
        return
    for flows in _choices(side.scope, node):
        yield _arrived(side.scope, rest, flows)
    for edge in side.scope.boundaries.get(node.id, ()):
        if the(edge.event).kind == "compensate":
            continue
        beside = [] if edge.interrupting else list(node.outgoing)
        yield _arrived(side.scope, rest, [*edge.outgoing, *beside])


def _choices(scope: Scope, node: Node) -> list[list[str]]:
    flows = list(node.outgoing)
    if node.kind in ("xor", "race"):
        return [[flow] for flow in flows]
    conditional = node.default is not None or any(scope.flows[flow].condition is not None for flow in flows)
    if node.kind == "or" or (node.kind in ACTIVITIES and conditional):
        return [flows, *([flow] for flow in flows)]
    return [flows]


def _arrived(scope: Scope, rest: list[Place], flows: Iterable[str]) -> State:
    found = list(rest)
    for flow in flows:
        target = scope.nodes[scope.flows[flow].target]
        if target.kind not in ("and", "or") or len(target.incoming) < 2:
            found.append(("node", target.id))
            continue
        found.append(("flow", flow))
        if target.kind == "and" and all(("flow", way) in found for way in target.incoming):
            for way in target.incoming:
                found.remove(("flow", way))
            found.append(("node", target.id))
    return tuple(sorted(found))


def _inclusive(side: _Side, state: State) -> State | None:
    """All tokens wait at joins: the state after the first inclusive one has fired; None if there is none that
    no other token can still come to."""
    waiting: dict[str, set[str]] = {}
    for _, flow in state:
        waiting.setdefault(side.scope.flows[flow].target, set()).add(flow)
    for gateway in sorted(waiting, key=lambda id: side.scope.nodes[id].order):
        if side.scope.nodes[gateway].kind != "or":
            continue
        to_come: set[str] = set()
        there: set[str] = set()
        for flow, (sources, by_flow) in side.scope.upstream(gateway).items():
            if flow in waiting[gateway]:
                there |= by_flow
            else:
                to_come |= sources
        if any(other in to_come and other not in there for other in waiting.keys() - {gateway}):
            continue
        rest = list(state)
        for flow in waiting[gateway]:
            rest.remove(("flow", flow))
        return tuple(sorted([*rest, ("node", gateway)]))
    return None
