"""Ways at right angles between boxes, around everything else.

A search over the crossings of given lines: short ways with few bends, which cross others seldom and run on
top of others only where these share their source or target.
"""

from __future__ import annotations

import heapq
import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from .places import Box, Point

_BEND, _CROSSING, _SHARED = 40.0, 30.0, 400.0
_LARGE = 10_000_000
"""Crossings times ways of a grid on which the best of all ways would take too long to find."""
CLEAR = 5.0
"""How near a way comes to what it passes."""
EAST, SOUTH, WEST, NORTH = range(4)
_STEP = ((1, 0), (0, 1), (-1, 0), (0, -1))
SIDES = (EAST, SOUTH, WEST, NORTH)

Cell = tuple[int, int]


class Port(NamedTuple):
    """A side of a box where a way may begin or end, and what that costs."""

    side: int
    cost: float = 0.0


class Found(NamedTuple):
    """A way: the side it leaves by, the crossings it bends at, the side it arrives at."""

    leaves: int
    cells: list[Cell]
    arrives: int


class Grid:
    """The lines that so many ways may run along, and what they have to go around."""

    def __init__(self, xs: Iterable[float], ys: Iterable[float], ways: int = 1) -> None:
        self.xs, self.ys = sorted(set(xs)), sorted(set(ys))
        self._haste = 1.0 if len(self.xs) * len(self.ys) * ways < _LARGE else 2.0
        self.blocked: set[Cell] = set()
        self.closed_rows: set[int] = set()
        self._used: dict[tuple[int, int, bool], set[tuple[str, str]]] = {}

    def block(self, box: Box) -> None:
        """No way enters `box`."""
        for i in range(bisect_left(self.xs, box.x), bisect_right(self.xs, box.right)):
            for j in range(bisect_left(self.ys, box.y), bisect_right(self.ys, box.bottom)):
                self.blocked.add((i, j))

    def outside(self, box: Box, side: int) -> Cell | None:
        """The first crossing that a way out of `box` comes to; None where there is none, or it is blocked."""
        x, y = box.centre
        i, j = bisect_left(self.xs, x - 0.01), bisect_left(self.ys, y - 0.01)
        match side:
            case 0:
                i = bisect_right(self.xs, box.right + CLEAR)
            case 1:
                j = bisect_right(self.ys, box.bottom + CLEAR)
            case 2:
                i = bisect_left(self.xs, box.x - CLEAR) - 1
            case _:
                j = bisect_left(self.ys, box.y - CLEAR) - 1
        good = 0 <= i < len(self.xs) and 0 <= j < len(self.ys) and (i, j) not in self.blocked
        return (i, j) if good else None

    def route(
        self,
        source: Box,
        target: Box,
        leaving: Sequence[Port],
        arriving: Sequence[Port],
        ends: tuple[str, str],
    ) -> Found | None:
        """The best way from `source` to `target`, which are called `ends`; None if there is none."""
        goals: dict[Cell, list[tuple[int, float]]] = {}
        for port in arriving:
            cell = self.outside(target, port.side)
            if cell is not None:
                goals.setdefault(cell, []).append((port.side, port.cost))
        haste = self._haste
        aims = [(self.xs[i], self.ys[j]) for i, j in goals]

        def left(i: int, j: int) -> float:
            """How far it is from here to a goal at least (on large grids a guess that saves time)."""
            x, y = self.xs[i], self.ys[j]
            shortest = math.inf
            for to_x, to_y in aims:
                distance = abs(to_x - x) + abs(to_y - y)
                if distance < shortest:
                    shortest = distance
            return shortest * haste

        if not goals:
            return None
        heap: list[tuple[float, float, int, int, int]] = []
        best: dict[tuple[int, int, int], float] = {}
        came: dict[tuple[int, int, int], tuple[int, int, int] | None] = {}
        for port in leaving:
            cell = self.outside(source, port.side)
            if cell is None:
                continue
            state = (*cell, port.side)
            if port.cost < best.get(state, float("inf")):
                best[state], came[state] = port.cost, None
                heapq.heappush(heap, (port.cost + left(*cell), port.cost, *state))
        ended: tuple[float, tuple[int, int, int], int] | None = None
        while heap:
            guess, cost, i, j, heading = heapq.heappop(heap)
            state = (i, j, heading)
            if ended is not None and guess >= ended[0]:
                break
            if cost > best[state]:
                continue
            for side, extra in goals.get((i, j), ()):
                turn = (heading - (side + 2)) % 4
                if turn == 2:
                    continue
                total = cost + extra + (_BEND if turn else 0)
                if ended is None or total < ended[0]:
                    ended = (total, state, side)
            for way in SIDES:
                if (way - heading) % 4 == 2:
                    continue
                ni, nj = i + _STEP[way][0], j + _STEP[way][1]
                if not (0 <= ni < len(self.xs) and 0 <= nj < len(self.ys)) or (ni, nj) in self.blocked:
                    continue
                if way in (EAST, WEST) and j in self.closed_rows:
                    continue
                price = cost + self._price((i, j), (ni, nj), way, ends) + (0 if way == heading else _BEND)
                following = (ni, nj, way)
                if price < best.get(following, float("inf")):
                    best[following], came[following] = price, state
                    heapq.heappush(heap, (price + left(ni, nj), price, *following))
        if ended is None:
            return None
        cells: list[Cell] = []
        step: tuple[int, int, int] | None = ended[1]
        first = ended[1]
        while step is not None:
            cells.append(step[:2])
            first, step = step, came[step]
        cells.reverse()
        self._take(cells, ends)
        return Found(first[2], cells, ended[2])

    def _price(self, here: Cell, there: Cell, way: int, ends: tuple[str, str]) -> float:
        flat = way in (EAST, WEST)
        low = min(here, there)
        i, j = there
        price = abs(self.xs[here[0]] - self.xs[i]) + abs(self.ys[here[1]] - self.ys[j])
        used = self._used
        for other in used.get((*low, flat), ()):
            if other[0] != ends[0] and other[1] != ends[1]:
                price += _SHARED
        for back in ((i, j, not flat), (i, j - 1, False) if flat else (i - 1, j, True)):
            for other in used.get(back, ()):
                if other[0] != ends[0] and other[1] != ends[1]:
                    price += _CROSSING / 2
        return price

    def _take(self, cells: Sequence[Cell], ends: tuple[str, str]) -> None:
        for here, there in pairwise(cells):
            self._used.setdefault((*min(here, there), here[1] == there[1]), set()).add(ends)


def port_point(box: Box, side: int) -> Point:
    """The middle of a side."""
    x, y = box.centre
    return (Point(box.right, y), Point(x, box.bottom), Point(box.x, y), Point(x, box.y))[side]


def straightened(points: Sequence[Point]) -> list[Point]:
    """The same way without points that it does not bend at."""
    kept: list[Point] = []
    for point in points:
        if kept and abs(kept[-1].x - point.x) < 0.01 and abs(kept[-1].y - point.y) < 0.01:
            continue
        while len(kept) > 1 and _in_line(kept[-2], kept[-1], point):
            kept.pop()
        kept.append(point)
    return kept


def _in_line(first: Point, second: Point, third: Point) -> bool:
    flat = abs(first.y - second.y) < 0.01 and abs(second.y - third.y) < 0.01
    return flat or (abs(first.x - second.x) < 0.01 and abs(second.x - third.x) < 0.01)


def join(
    source: Box, target: Box, obstacles: Sequence[Box], names: tuple[str, str], upright: bool
) -> list[Point]:
    """A way between two boxes that lie anywhere among `obstacles`; a straight line if there is no other.

    `upright` ways rather leave above or below, as messages between pools do.
    """
    boxes = [source, target, *obstacles]
    xs = [x for box in boxes for x in (box.x - 12, box.centre.x, box.right + 12)]
    ys = [y for box in boxes for y in (box.y - 12, box.centre.y, box.bottom + 12)]
    grid = Grid(xs, ys)
    for box in boxes:
        grid.block(box.grown(CLEAR))
    first, second = (60.0, 0.0) if upright else (0.0, 30.0)
    ports = [Port(EAST, first), Port(SOUTH, second), Port(WEST, first + 100), Port(NORTH, second)]
    into = [Port(WEST, first), Port(SOUTH, second), Port(NORTH, second), Port(EAST, first + 100)]
    found = grid.route(source, target, ports, into, names)
    if found is None:
        return straight(source, target)
    bends = [Point(grid.xs[i], grid.ys[j]) for i, j in found.cells]
    return straightened([port_point(source, found.leaves), *bends, port_point(target, found.arrives)])


def straight(source: Box, target: Box) -> list[Point]:
    """The line between the centres, outside of both boxes."""
    return [_edge(source, target.centre), _edge(target, source.centre)]


def _edge(box: Box, towards: Point) -> Point:
    x, y = box.centre
    across, down = towards.x - x, towards.y - y
    if not across and not down:
        return port_point(box, EAST)
    share = min(
        box.width / 2 / abs(across) if across else float("inf"),
        box.height / 2 / abs(down) if down else float("inf"),
        1.0,
    )
    return Point(x + across * share, y + down * share)
