"""Right-angled lines between boxes on a grid: short, with few bends, through nothing else."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

Point = tuple[float, float]
_Edge = tuple[int, int, int, int]

_STEPS = {"r": (1, 0), "l": (-1, 0), "b": (0, 1), "t": (0, -1)}
_BACK = {"r": "l", "l": "r", "t": "b", "b": "t"}
BEND, CROSS, ALONG, SHARED = 40.0, 30.0, 600.0, 8.0
_LEAVE = {"r": 0.0, "b": 6.0, "t": 7.0, "l": 90.0}
_ENTER = {"l": 0.0, "t": 8.0, "b": 8.0, "r": 90.0}


class Box(NamedTuple):
    """A rectangle: its upper left corner and its size."""

    x: float
    y: float
    width: float
    height: float

    def grown(self, by: float) -> Box:
        """The rectangle with a margin around it."""
        return Box(self.x - by, self.y - by, self.width + 2 * by, self.height + 2 * by)

    def touches(self, other: Box) -> bool:
        """Whether the two overlap."""
        return (
            self.x < other.x + other.width
            and other.x < self.x + self.width
            and self.y < other.y + other.height
            and other.y < self.y + self.height
        )

    def crossed(self, a: Point, b: Point) -> bool:
        """Whether the line from `a` to `b`, upright or level, goes through it."""
        low_x, high_x = sorted((a[0], b[0]))
        low_y, high_y = sorted((a[1], b[1]))
        return (
            low_x < self.x + self.width
            and self.x < high_x + 1
            and low_y < self.y + self.height
            and self.y < high_y + 1
            and not (high_x <= self.x or high_y <= self.y)
        )

    def port(self, side: str) -> Point:
        """The middle of a side: `r`, `l`, `t` or `b`."""
        step_x, step_y = _STEPS[side]
        return self.x + self.width * (1 + step_x) / 2, self.y + self.height * (1 + step_y) / 2


def route(
    boxes: Mapping[str, Box],
    flows: Sequence[tuple[str, str]],
    sides: Mapping[str, str],
    column: float,
    row: float,
) -> list[list[Point]]:
    """A path for each flow `(source, target)`, from the edge of one box to that of the other.

    `sides` are those by which a flow may leave a box, `column` and `row` the distances of the grid.
    """
    return _Router(boxes, sides, column, row).all(flows)


class _Router:
    def __init__(self, boxes: Mapping[str, Box], sides: Mapping[str, str], column: float, row: float) -> None:
        self.boxes, self.sides = boxes, sides
        middles_x = {box.x + box.width / 2 for box in boxes.values()}
        middles_y = {box.y + box.height / 2 for box in boxes.values()}
        gaps_x = {x + side * column / 2 for x in middles_x for side in (-1, 1)}
        gaps_y = {y + side * row / 2 for y in middles_y for side in (-1, 1)}
        self.xs = sorted(middles_x | {x + by for x in gaps_x for by in (-14.0, 0.0, 14.0)})
        self.ys = sorted(middles_y | {y + by for y in gaps_y for by in (-9.0, 9.0)})
        self.blocked = {name: self.inside(box.grown(5)) for name, box in boxes.items()}
        self.used: dict[_Edge, set[tuple[str, str]]] = {}
        self.through: dict[tuple[int, int], list[tuple[bool, tuple[str, str]]]] = {}
        self.ports: dict[tuple[str, str], list[tuple[str, str]]] = {}

    def inside(self, box: Box) -> set[tuple[int, int]]:
        """The points of the grid that lie in `box`."""
        columns = [i for i, x in enumerate(self.xs) if box.x < x < box.x + box.width]
        rows = [j for j, y in enumerate(self.ys) if box.y < y < box.y + box.height]
        return {(i, j) for i in columns for j in rows}

    def all(self, flows: Sequence[tuple[str, str]]) -> list[list[Point]]:
        """The paths, those of the shortest way first looked for."""
        order = sorted(range(len(flows)), key=lambda n: (self.distance(*flows[n]), n))
        found = {n: self.one(*flows[n]) for n in order}
        return [found[n] for n in range(len(flows))]

    def distance(self, source: str, target: str) -> float:
        a, b = self.boxes[source], self.boxes[target]
        level = abs(a.y + a.height / 2 - b.y - b.height / 2)
        upright = abs(a.x + a.width / 2 - b.x - b.width / 2)
        return level + upright + (100 if level and upright else 0)

    def outside(self, name: str, side: str) -> tuple[int, int]:
        """The first point of the grid straight out of a side of a box."""
        x, y = self.boxes[name].port(side)
        step_x, step_y = _STEPS[side]
        if step_x:
            beyond = [i for i, at in enumerate(self.xs) if (at - x) * step_x > 5]
            return (min(beyond) if step_x > 0 else max(beyond)), self.ys.index(y)
        beyond = [j for j, at in enumerate(self.ys) if (at - y) * step_y > 5]
        return self.xs.index(x), (min(beyond) if step_y > 0 else max(beyond))

    def one(self, source: str, target: str) -> list[Point]:
        """The cheapest path, by Dijkstra's way over points and directions."""
        flow = (source, target)
        walls: set[tuple[int, int]] = set().union(*self.blocked.values())
        ends: dict[tuple[int, int, str], tuple[float, str]] = {}
        for side, cost in _ENTER.items():
            i, j = self.outside(target, side)
            if (i, j) not in walls:
                ends[i, j, _BACK[side]] = (cost + self.busy(target, side, flow), side)
        queue: list[tuple[float, int, int, str]] = []
        costs: dict[tuple[int, int, str], float] = {}
        came: dict[tuple[int, int, str], tuple[int, int, str] | str] = {}
        for side in self.sides[source]:
            i, j = self.outside(source, side)
            if (i, j) not in walls:
                state = (i, j, side)
                costs[state] = _LEAVE[side] + self.busy(source, side, flow)
                came[state] = side
                heapq.heappush(queue, (costs[state], *state))
        best: tuple[float, tuple[int, int, str], str] | None = None
        while queue:
            cost, i, j, heading = heapq.heappop(queue)
            state = (i, j, heading)
            if cost > costs[state]:
                continue
            if best is not None and cost >= best[0]:
                break
            for way in _STEPS:  # in at the side that is met head-on, or round one corner
                if way != _BACK[heading] and (i, j, way) in ends:
                    entering, side = ends[i, j, way]
                    total = cost + entering + (BEND if way != heading else 0)
                    if best is None or total < best[0]:
                        best = (total, state, side)
            for way, (step_x, step_y) in _STEPS.items():
                to = (i + step_x, j + step_y)
                if way == _BACK[heading] or to in walls:
                    continue
                if not (0 <= to[0] < len(self.xs) and 0 <= to[1] < len(self.ys)):
                    continue
                spent = cost + self.step((i, j), to, way, heading, flow)
                after = (*to, way)
                if spent < costs.get(after, float("inf")):
                    costs[after] = spent
                    came[after] = state
                    heapq.heappush(queue, (spent, *after))
        if best is None:
            raise ValueError(f"no way from {source} to {target}")
        return self.laid(flow, best[1], best[2], came)

    def step(
        self, at: tuple[int, int], to: tuple[int, int], way: str, heading: str, flow: tuple[str, str]
    ) -> float:
        """What one step of the grid costs."""
        level = way in "rl"
        length = abs(self.xs[to[0]] - self.xs[at[0]]) + abs(self.ys[to[1]] - self.ys[at[1]])
        cost = length + (BEND if way != heading else 0)
        for other in self.used.get(_edge(at, to), ()):
            if other[1] == flow[1]:
                cost += 0
            else:
                cost += SHARED * length if other[0] == flow[0] else ALONG + length
        for crossing, other in self.through.get(to, ()):
            if crossing != level and other[1] != flow[1]:
                cost += CROSS
        return cost

    def busy(self, name: str, side: str, flow: tuple[str, str]) -> float:
        """What it costs that other flows use the same side."""
        return sum(
            5.0 if other[1] == flow[1] == name else 70.0 if other[0] == flow[0] == name else 110.0
            for other in self.ports.get((name, side), ())
        )

    def laid(
        self,
        flow: tuple[str, str],
        end: tuple[int, int, str],
        side: str,
        came: Mapping[tuple[int, int, str], tuple[int, int, str] | str],
    ) -> list[Point]:
        """The path that ends there, written down as taken."""
        states = [end]
        while not isinstance(before := came[states[-1]], str):
            states.append(before)
        states.reverse()
        points = [(i, j) for i, j, _ in states]
        for a, b in itertools.pairwise(points):
            self.used.setdefault(_edge(a, b), set()).add(flow)
            level = a[1] == b[1]
            for point in (a, b):
                self.through.setdefault(point, []).append((level, flow))
        self.ports.setdefault((flow[0], before), []).append(flow)
        self.ports.setdefault((flow[1], side), []).append(flow)
        path = [self.boxes[flow[0]].port(before)]
        path += [(self.xs[i], self.ys[j]) for i, j in points]
        path.append(self.boxes[flow[1]].port(side))
        return _straightened(path)


def _edge(a: tuple[int, int], b: tuple[int, int]) -> _Edge:
    return (*min(a, b), *max(a, b))


def _straightened(path: Sequence[Point]) -> list[Point]:
    """The path without the points at which it goes straight on."""
    kept = [path[0]]
    for before, at, after in zip(path, path[1:], path[2:], strict=False):
        if not (before[0] == at[0] == after[0] or before[1] == at[1] == after[1]):
            kept.append(at)
    return [*kept, path[-1]]
