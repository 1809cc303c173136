"""A place for everything that a file has given none.

Own code, since no library that is well kept knows swimlanes, things inside of things, and events on edges:
layers from left to right by the longest way to a step (with the flows that lead back taken out), rows within
each lane by what a step is connected with, then every flow at right angles through the gaps between.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from .model import ARTIFACTS, DATA, SCOPES, Figure, Line, Model
from .paint import LABEL, TAG
from .places import Box, Plane, Point, Shape, Way
from .routes import (
    CLEAR,
    EAST,
    NORTH,
    SOUTH,
    WEST,
    Found,
    Grid,
    Port,
    join,
    port_point,
    straight,
    straightened,
)
from .text import LINE, measure, wrap

MOST = 1_500
"""Steps that are laid out here at most; a file with more brings its picture along, or is refused."""
_PITCH = 12.0
_TRACKS, _MANY = 8, 150
"""Lines for ways between two columns or rows; half as many where there are many ways to find."""
_AIR = 16.0
_HEADER = 30.0
_PAD = 20.0
_SIZES = {"event": (36.0, 36.0), "gateway": (50.0, 50.0), "task": (100.0, 80.0)}
_PASSES = 6


def complete(model: Model, planes: Sequence[Plane]) -> tuple[list[Plane], bool]:
    """The planes with a place for every step and flow, and whether any had to be found here.

    Steps without a place in a drawing that has others mean that it is laid out anew as a whole: nobody can
    know where they would fit. What is only folded away (a collapsed subprocess) gets a plane of its own.
    Raises `TooMany`.
    """
    _unfold(model, planes)
    if sum(figure.is_node for figure in model.figures.values()) > MOST and not _whole(model, planes):
        raise TooMany
    if not _whole(model, planes):
        return [_everything(model)], True
    result, found = list(planes), False
    drawn = {id for plane in planes for id in plane.shapes}
    for process in model.processes:
        nodes = [figure for figure in model.within(process) if figure.is_node]
        if nodes and not drawn & {figure.id for figure in nodes}:
            result.append(_alone(model, process))
            found = True
    for figure in model.figures.values():
        inner = [inside for inside in model.within(figure.id) if inside.is_node]
        if figure.kind in SCOPES and inner and not {inside.id for inside in inner} & _placed(result):
            result.append(_alone(model, figure.id))
            found = True
    for plane in result:
        found |= _missing_ways(model, plane)
    return result, found


class TooMany(Exception):
    """There are more steps without a place than can be given one."""


def _placed(planes: Iterable[Plane]) -> set[str]:
    return {id for plane in planes for id in plane.shapes}


def _unfold(model: Model, planes: Iterable[Plane]) -> None:
    """Say of every subprocess whether it is expanded: where the file doesn't, if its steps lie in it."""
    for plane in planes:
        for id, shape in plane.shapes.items():
            figure = model.figures.get(id)
            if figure is None or figure.kind not in SCOPES or shape.expanded is not None:
                continue
            inner = [plane.shapes[inside.id] for inside in model.within(id) if inside.id in plane.shapes]
            shape.expanded = any(shape.box.holds(inside.box.centre) for inside in inner)
        for id, shape in list(plane.shapes.items()):
            if not shape.expanded and id in model.figures and model.figures[id].kind in SCOPES:
                hidden = {inside.id for inside in model.figures.values() if model.inside(inside, id)}
                for inside in hidden & plane.shapes.keys():
                    del plane.shapes[inside]
                for line in model.lines.values():
                    if line.source in hidden or line.target in hidden:
                        plane.ways.pop(line.id, None)


def _whole(model: Model, planes: Sequence[Plane]) -> bool:
    """Whether each scope that is drawn at all is drawn with all its steps."""
    drawn = _placed(planes)
    if not any(figure.is_node for figure in model.figures.values() if figure.id in drawn):
        return False
    for scope in [*model.processes, *(id for id, figure in model.figures.items() if figure.kind in SCOPES)]:
        nodes = {figure.id for figure in model.within(scope) if figure.is_node}
        if nodes & drawn and nodes - drawn:
            return False
        pool = next((pool for pool in model.pools() if pool.process == scope), None)
        if pool is not None and pool.id in drawn and nodes and not nodes & drawn:
            return False
        shapes = [plane.shapes[scope] for plane in planes if scope in plane.shapes]
        if nodes and not nodes & drawn and any(shape.expanded for shape in shapes):
            return False
    return True


def _missing_ways(model: Model, plane: Plane) -> bool:
    """Lead the lines that have no way between figures of this plane."""
    wanted = [
        line
        for line in model.lines.values()
        if line.id not in plane.ways and line.source in plane.shapes and line.target in plane.shapes
    ]
    for line in wanted:
        source, target = model.figures[line.source], model.figures[line.target]
        obstacles = [
            shape.box
            for id, shape in plane.shapes.items()
            if id not in (line.source, line.target)
            and not _passable(model, model.figures.get(id), source, target)
        ]
        boxes = plane.shapes[line.source].box, plane.shapes[line.target].box
        if len(plane.shapes) > MOST:  # to look for a way around all of them takes too long
            plane.ways[line.id] = Way(straight(*boxes))
            continue
        if source.kind == "participant":
            boxes = _slice(boxes[0], boxes[1]), boxes[1]
        elif target.kind == "participant":
            boxes = boxes[0], _slice(boxes[1], boxes[0])
        upright = line.kind == "messageFlow"
        way = Way(join(*boxes, obstacles, (line.source, line.target), upright))
        plane.ways[line.id] = way
        if line.name:
            way.label = _label_place(
                line.name, way.points, [shape.box for shape in plane.shapes.values()], []
            )
    return bool(wanted)


def _slice(pool: Box, towards: Box) -> Box:
    """The part of a pool that lies right above or below `towards`."""
    x = min(max(towards.centre.x, pool.x + 40), pool.right - 10)
    return pool._replace(x=x - 1, width=2.0)


def _passable(model: Model, figure: Figure | None, *ends: Figure) -> bool:
    """Whether a line between `ends` may run through `figure`: pools, lanes, groups, and what holds an end."""
    if figure is None or figure.kind in ("participant", "lane", "group"):
        return True
    around = any(model.inside(end, figure.id) for end in ends if end.scope)
    return around or any(end.host == figure.id or figure.host == end.id for end in ends)


# --- from scratch


@dataclass(slots=True)
class _Block:
    """A laid out part: its size, and a plane whose origin is its corner."""

    width: float
    height: float
    plane: Plane


def _alone(model: Model, scope: str) -> Plane:
    block = _Scope(model, scope).block()
    block.plane.element = scope
    return block.plane


def _everything(model: Model) -> Plane:
    """All pools below each other, and below them the processes that no pool holds."""
    whole = Plane("")
    held = {pool.process for pool in model.pools()}
    blocks: list[tuple[Figure | None, _Block]] = []
    for pool in model.pools():
        if pool.process in model.processes:
            blocks.append((pool, _Scope(model, pool.process, header=_HEADER).block()))
        else:
            blocks.append((pool, _Block(0, 60, Plane(""))))
    for process in model.processes:
        if process not in held and any(figure.is_node for figure in model.within(process)):
            blocks.append((None, _Scope(model, process).block()))
    width = max((block.width for _, block in blocks), default=0.0)
    width = max(width, 600.0) if any(pool for pool, _ in blocks) else width
    top = 0.0
    for around, block in blocks:
        block.plane.move(0, top)
        if around is not None:
            height = max(block.height, 60.0 if around.process not in model.processes else 120.0)
            whole.shapes[around.id] = Shape(Box(0, top, width, height))
            for id, shape in block.plane.shapes.items():
                if model.figures[id].kind == "lane" and model.figures[id].scope == around.process:
                    shape.box = shape.box._replace(width=width - shape.box.x)
            top += height - block.height
        whole.shapes |= block.plane.shapes
        whole.ways |= block.plane.ways
        top += block.height + 50
    _missing_ways(model, whole)
    return whole


@dataclass(slots=True)
class _Cell:
    """A figure on the grid of its scope: its size, and how far it reaches from its centre with its label and
    the events on its edge."""

    figure: Figure
    width: float
    height: float
    layer: int = 0
    row: int = 0
    up: float = 0.0
    down: float = 0.0
    half: float = 0.0
    events: list[Figure] = field(default_factory=list)
    inner: _Block | None = None


class _Scope:
    """One process or subprocess on its own grid."""

    def __init__(self, model: Model, scope: str, header: float = 0.0) -> None:
        self.model = model
        self.header = header
        figures = model.within(scope)
        self.lanes = [figure for figure in figures if figure.kind == "lane"]
        ids = {figure.id for figure in figures}
        self.hosts = {
            figure.id: figure.host
            for figure in figures
            if figure.kind == "boundaryEvent" and figure.host in ids
        }
        inside = [
            figure
            for figure in figures
            if figure.kind not in ("lane", "group") and figure.id not in self.hosts
        ]
        ends = {end for line in model.lines.values() for end in (line.source, line.target)}
        self.strip = [figure for figure in inside if figure.handler and figure.id not in ends]
        apart = {figure.id for figure in self.strip}
        self.cells = {figure.id: self._cell(figure) for figure in inside if figure.id not in apart}
        for event, host in self.hosts.items():
            if host in self.cells:
                self.cells[host].events.append(model.figures[event])
        self.edges = [
            line
            for line in model.lines.values()
            if self._seat(line.source) in self.cells and self._seat(line.target) in self.cells
        ]
        self.extra: dict[int, float] = {}

    def _seat(self, id: str) -> str:
        """The cell in which a figure lies: of an event on an edge, its host's."""
        return self.hosts.get(id, id)

    def _cell(self, figure: Figure) -> _Cell:
        inner = None
        if figure.is_event:
            width, height = _SIZES["event"]
        elif figure.is_gateway:
            width, height = _SIZES["gateway"]
        elif figure.kind in DATA:
            width, height = (50.0, 50.0) if figure.kind == "dataStoreReference" else (36.0, 50.0)
        elif figure.kind in ARTIFACTS:
            lines = wrap(figure.name, 110, 12)
            width, height = 120.0, max(30.0, len(lines) * 12 * LINE + 10)
        elif figure.kind in SCOPES and any(inside.is_node for inside in self.model.within(figure.id)):
            inner = _Scope(self.model, figure.id).block()
            width = max(inner.width + 2 * _PAD, 140.0, min(measure(figure.name, 12) + 30, 300.0))
            height = inner.height + 2 * _PAD + (20 if figure.name else 0) + (16 if figure.markers else 0)
        else:
            width, height = _SIZES["task"]
        return _Cell(figure, width, height, inner=inner)

    # --- layers and rows

    def block(self) -> _Block:
        """Lay the scope out."""
        self._layers()
        self._rows()
        self._measure()
        return self._place()

    def _layers(self) -> None:
        after: dict[str, list[str]] = defaultdict(list)
        floating = {id for id, cell in self.cells.items() if not cell.figure.is_node}
        for line in self.edges:
            source, target = self._seat(line.source), self._seat(line.target)
            handler = line.kind == "association" and line.source in self.hosts
            if (
                source != target
                and (line.kind == "sequenceFlow" or handler)
                and not {source, target} & floating
            ):
                after[source].append(target)
        into = {target for targets in after.values() for target in targets}
        solid = [id for id in self.cells if id not in floating]
        roots = [id for id in solid if id not in into]
        order, forward = _acyclic([*roots, *solid], after)
        for id in order:
            for target in forward[id]:
                self.cells[target].layer = max(self.cells[target].layer, self.cells[id].layer + 1)
        for id in reversed(order):  # what nothing leads to stands right before what it leads to
            if id not in into and forward[id]:
                self.cells[id].layer = min(self.cells[target].layer for target in forward[id]) - 1
        lowest = min((self.cells[id].layer for id in solid), default=0)
        for id in solid:
            self.cells[id].layer -= lowest
        for id in floating:
            near = [
                self.cells[self._seat(other)].layer
                for line in self.edges
                for one, other in ((line.source, line.target), (line.target, line.source))
                if one == id and self._seat(other) not in floating
            ]
            self.cells[id].layer = min(near, default=0)

    def _group_of(self, id: str) -> str:
        cell = self.cells[id]
        if cell.figure.is_node or not self.lanes:
            return cell.figure.lane
        for line in self.edges:
            for one, other in ((line.source, line.target), (line.target, line.source)):
                if one == id:
                    return self.cells[self._seat(other)].figure.lane
        return self.lanes[0].id

    def _groups(self) -> list[str]:
        """The lanes in which rows lie, from above; one with inner lanes only if steps lie in it itself."""
        used = {self._group_of(id) for id in self.cells}
        found = [""] if "" in used or not self.lanes else []

        def add(lane: Figure) -> None:
            inner = [one for one in self.lanes if one.lane == lane.id]
            if lane.id in used or not inner:
                found.append(lane.id)
            for one in inner:
                add(one)

        for lane in self.lanes:
            if lane.lane not in {one.id for one in self.lanes}:
                add(lane)
        return found

    def _rows(self) -> None:
        groups = self._groups()
        taken: dict[tuple[str, int], dict[int, str]] = defaultdict(dict)
        local: dict[str, int] = {}
        group = {id: self._group_of(id) for id in self.cells}
        near: dict[str, list[str]] = defaultdict(list)
        for line in self.edges:
            source, target = self._seat(line.source), self._seat(line.target)
            if source != target and all(self.cells[end].figure.is_node for end in (source, target)):
                near[source].append(target)
                near[target].append(source)
        nodes = sorted(
            (id for id, cell in self.cells.items() if cell.figure.is_node),
            key=lambda id: self.cells[id].layer,
        )
        for id in nodes:
            before = [local[other] for other in near[id] if other in local and group[other] == group[id]]
            column = taken[group[id], self.cells[id].layer]
            wish = before[0] if before else 0
            below = any(
                line.source in self.hosts
                and self._seat(line.target) == id
                and self._seat(line.source) in local
                for line in self.edges
            )
            row = next(n for n in _around(wish + (1 if below and before else 0)) if n not in column)
            column[row], local[id] = id, row
        self._improve(nodes, groups, group, local, taken, near)
        for id, cell in self.cells.items():
            if not cell.figure.is_node:
                column = taken[group[id], cell.layer]
                tops = [row for (lane, _), rows in taken.items() if lane == group[id] for row in rows]
                row = min(min(tops, default=0), 0)
                while row in column:
                    row -= 1
                column[row], local[id] = id, row
        base = 0
        self.borders: list[tuple[int, str]] = []
        for lane in groups:
            rows = sorted({local[id] for id in self.cells if group[id] == lane})
            number = {row: base + n for n, row in enumerate(rows)}
            self.borders.append((base, lane))
            for id in self.cells:
                if group[id] == lane:
                    self.cells[id].row = number[local[id]]
            base += max(len(rows), 1)
        self.count = base

    def _improve(
        self,
        nodes: Sequence[str],
        groups: Sequence[str],
        group: Mapping[str, str],
        local: dict[str, int],
        taken: dict[tuple[str, int], dict[int, str]],
        near: Mapping[str, Sequence[str]],
    ) -> None:
        """Move steps, also by changing places, to rows nearer to what they are connected with."""
        height = {lane: n * 1000 for n, lane in enumerate(groups)}

        def strain(id: str) -> float:
            here = height[group[id]] + local[id]
            total = 0.0
            for other in near[id]:
                there = height[group[other]] + local[other]
                if group[other] != group[id]:  # the nearer to the other lane the better
                    total += (local[id] if there < here else -local[id]) * 0.05
                elif there != here:
                    total += abs(there - here) + 0.7
                else:
                    low, high = sorted((self.cells[id].layer, self.cells[other].layer))
                    between = range(low + 1, high)
                    total += 1.5 * any(local[id] in taken.get((group[id], layer), {}) for layer in between)
            return total + abs(local[id]) * 0.12

        for _ in range(_PASSES):
            moved = False
            for id in nodes:
                column = taken[group[id], self.cells[id].layer]
                rows = [local[one] for one in nodes if group[one] == group[id]]
                own = local[id]
                for row in range(min(rows) - 1, max(rows) + 2):
                    if row == local[id]:
                        continue
                    own, other = local[id], column.get(row)
                    before = strain(id) + (strain(other) if other else 0)
                    local[id] = row
                    if other:
                        local[other] = own
                    if strain(id) + (strain(other) if other else 0) < before - 0.001:
                        del column[own]
                        column[row] = id
                        if other:
                            column[own] = other
                        moved = True
                    else:
                        local[id] = own
                        if other:
                            local[other] = row
            if not moved:
                return

    # --- sizes

    def _measure(self) -> None:
        for cell in self.cells.values():
            figure = cell.figure
            cell.up = cell.down = cell.half = 0.0
            cell.half, cell.up, cell.down = cell.width / 2, cell.height / 2, cell.height / 2
            if figure.name and (figure.is_event or figure.is_gateway or figure.kind in DATA):
                lines = wrap(figure.name, TAG, LABEL)
                room = len(lines) * LABEL * LINE + 6
                wide = max(measure(line, LABEL) for line in lines)
                cell.half = max(cell.half, wide + 8 if self._aside(figure) else wide / 2)
                if figure.is_gateway:
                    cell.up += room
                else:
                    cell.down += room
            if cell.events:
                width = 60.0 * len(cell.events)
                cell.width, cell.half = max(cell.width, width), max(cell.half, width / 2)
                cell.down += 18
                for n, event in enumerate(cell.events):
                    if event.name:
                        lines = wrap(event.name, TAG, LABEL)
                        cell.down = max(cell.down, cell.height / 2 + 22 + len(lines) * LABEL * LINE)
                        reach = self._offset(cell, n) + 8 + max(measure(line, LABEL) for line in lines)
                        cell.half = max(cell.half, reach)
        for line in self.edges:
            cell = self.cells[self._seat(line.source)]
            if line.name and line.source not in self.hosts:
                lines = wrap(line.name, TAG, LABEL)
                wide = max(measure(one, LABEL) for one in lines) + 14
                self.extra[cell.layer] = max(self.extra.get(cell.layer, 0.0), wide)

    def _offset(self, cell: _Cell, n: int) -> float:
        """How far right of the middle the `n`th event on the lower edge of an activity lies."""
        count = len(cell.events)
        if count == 1:
            return cell.width / 2 - 20
        return (n - (count - 1) / 2) * min(60.0, cell.width / count)

    # --- places

    def _place(self) -> _Block:
        layers = max((cell.layer for cell in self.cells.values()), default=0) + 1
        columns = [[cell for cell in self.cells.values() if cell.layer == n] for n in range(layers)]
        rows = [[cell for cell in self.cells.values() if cell.row == n] for n in range(self.count)]
        starts = {first for first, _ in self.borders[1:]}
        left = self._lane_room()
        tracks = _TRACKS if len(self.edges) < _MANY else _TRACKS // 2
        across = _Axis(left)
        for n, column in enumerate(columns):
            across.tracks(tracks)
            half = max((cell.half for cell in column), default=20.0)
            offsets = {self._offset(cell, k) for cell in column for k in range(len(cell.events))}
            across.centre(n, half, half + self.extra.get(n, 0.0), offsets)
        across.tracks(tracks)
        down = _Axis(0.0)
        for n, row in enumerate(rows):
            down.tracks(tracks // 2)
            if n in starts:
                down.border(n)
            down.tracks(tracks // 2)
            up = max((cell.up for cell in row), default=24.0)
            down.centre(n, up, max((cell.down for cell in row), default=24.0), set())
        down.tracks(tracks)
        across.settle()
        down.settle()
        self._set(across, down)
        grid = Grid(across.at, down.at, len(self.edges))
        grid.closed_rows = {grid.ys.index(down.at[line]) for line in down.borders.values()}
        boxes, labels = self._boxes()
        for box in [*boxes.values(), *labels.values()]:
            grid.block(box.grown(CLEAR - 1))
        found = self._route(grid, boxes)
        used_x = {i for way in found.values() for i in self._bends(way, 0)}
        used_y = {j for way in found.values() for j in self._bends(way, 1)}
        across.settle(used_x)
        down.settle(used_y)
        self._set(across, down)
        boxes, labels = self._boxes()
        plane = Plane("")
        ways = {id: self._way(way, self._line(id), boxes, across, down) for id, way in found.items()}
        width, height = across.end + _AIR, down.end + _AIR / 2
        height = self._strip(plane, left, height)
        width = max([width, *(shape.box.right + _PAD for shape in plane.shapes.values())])
        self._swimlanes(plane, down, width, height)
        for id, box in boxes.items():
            shape = Shape(box, labels.get(id), expanded=id in self.cells and self.cells[id].inner is not None)
            plane.shapes[id] = shape
            cell = self.cells.get(id)
            if cell is not None and cell.inner is not None:
                self._nest(plane, cell.inner, box, cell.figure)
        taken = [*boxes.values(), *labels.values()]
        for id, points in ways.items():
            way = Way(points)
            name = self._line(id).name
            if name:
                way.label = _label_place(
                    name, points, taken, [other for one, other in ways.items() if one != id]
                )
                taken.append(way.label)
            plane.ways[id] = way
        return _Block(width, height, plane)

    def _line(self, id: str) -> Line:
        return self.model.lines[id]

    def _lane_room(self) -> float:
        deepest, known = 0, {lane.id: lane for lane in self.lanes}
        for lane in self.lanes:
            deep, around = 1, known.get(lane.lane)
            while around is not None:
                deep, around = deep + 1, known.get(around.lane)
            deepest = max(deepest, deep)
        return self.header + deepest * _HEADER

    def _set(self, across: _Axis, down: _Axis) -> None:
        self.x = {n: across.at[line] for n, line in across.centres.items()}
        self.y = {n: down.at[line] for n, line in down.centres.items()}

    def _boxes(self) -> tuple[dict[str, Box], dict[str, Box]]:
        """The place of every figure, and of every label beside one."""
        boxes: dict[str, Box] = {}
        labels: dict[str, Box] = {}
        for id, cell in self.cells.items():
            x, y = self.x[cell.layer], self.y[cell.row]
            box = Box(x - cell.width / 2, y - cell.height / 2, cell.width, cell.height)
            boxes[id] = box
            figure = cell.figure
            if figure.name and (figure.is_event or figure.is_gateway or figure.kind in DATA):
                lines = wrap(figure.name, TAG, LABEL)
                wide, high = max(measure(line, LABEL) for line in lines), len(lines) * LABEL * LINE
                top = box.y - high - 3 if figure.is_gateway else box.bottom + 3
                left = x - wide - 8 if self._aside(figure) else x - wide / 2
                labels[id] = Box(left, top, wide, high)
            for n, event in enumerate(cell.events):
                middle = x + self._offset(cell, n)
                boxes[event.id] = Box(middle - 18, box.bottom - 18, 36, 36)
                if event.name:
                    lines = wrap(event.name, TAG, LABEL)
                    wide, high = max(measure(line, LABEL) for line in lines), len(lines) * LABEL * LINE
                    labels[event.id] = Box(middle + 7, box.bottom + 20, wide, high)
        return boxes, labels

    def _route(self, grid: Grid, boxes: Mapping[str, Box]) -> dict[str, Found]:
        def span(line: Line) -> tuple[bool, int, int]:
            source, target = self.cells[self._seat(line.source)], self.cells[self._seat(line.target)]
            return (
                target.layer <= source.layer,
                abs(target.layer - source.layer),
                abs(target.row - source.row),
            )

        found: dict[str, Found] = {}
        taken: dict[str, list[int]] = defaultdict(list)
        for line in sorted(self.edges, key=span):
            source, target = self.model.figures[line.source], self.model.figures[line.target]
            out = [Port(SOUTH)] if line.source in self.hosts else self._ports(source, EAST)
            if source.is_gateway:  # flows that leave by one corner can't be told apart
                out = [Port(side, cost + 90.0 * (side in taken[line.source])) for side, cost in out]
            into = [Port(SOUTH)] if line.target in self.hosts else self._ports(target, WEST)
            way = grid.route(boxes[line.source], boxes[line.target], out, into, (line.source, line.target))
            if way is not None:
                found[line.id] = way
                taken[line.source].append(way.leaves)
                taken[line.target].append(way.arrives)
        return found

    def _ports(self, figure: Figure, best: int) -> list[Port]:
        beside = 10.0 if figure.is_gateway else 60.0
        if not figure.is_node:
            return [Port(side) for side in (SOUTH, NORTH, EAST, WEST)]
        ports = [Port(best), Port(WEST if best == EAST else EAST, 250.0)]
        # Labels lie below events and above gateways, events on the lower edge of activities.
        crowded = bool(self.cells[figure.id].events)
        if not (figure.name and figure.is_event) and not crowded:
            ports.append(Port(SOUTH, beside))
        if not (figure.name and figure.is_gateway) or self._aside(figure):
            ports.append(Port(NORTH, beside))
        return ports

    def _aside(self, figure: Figure) -> bool:
        """Whether a gateway's label leaves its upper corner to a flow."""
        leaving = [line for line in self.edges if line.source == figure.id]
        return figure.is_gateway and len(leaving) > 2

    def _bends(self, way: Found, axis: int) -> set[int]:
        """The lines along which a way runs (of axis 0 the upright ones)."""
        cells = way.cells
        used = set()
        for here, there in pairwise(cells):
            if here[axis] == there[axis]:
                used.add(here[axis])
        return used

    def _way(
        self, way: Found, line: Line, boxes: Mapping[str, Box], across: _Axis, down: _Axis
    ) -> list[Point]:
        bends = [Point(across.at[i], down.at[j]) for i, j in way.cells]
        start, end = boxes[line.source], boxes[line.target]
        return straightened([port_point(start, way.leaves), *bends, port_point(end, way.arrives)])

    def _nest(self, plane: Plane, inner: _Block, box: Box, figure: Figure) -> None:
        named = 20 if figure.name else 0
        inner.plane.move(box.x + (box.width - inner.width) / 2, box.y + _PAD + named)
        plane.shapes |= inner.plane.shapes
        plane.ways |= inner.plane.ways

    def _strip(self, plane: Plane, left: float, top: float) -> float:
        """Event subprocesses stand side by side below everything else; the height with them."""
        x, bottom = left + _PAD, top
        for figure in self.strip:
            cell = self._cell(figure)
            box = Box(x, top + 4, cell.width, cell.height)
            plane.shapes[figure.id] = Shape(box, expanded=cell.inner is not None)
            if cell.inner is not None:
                self._nest(plane, cell.inner, box, figure)
            x, bottom = box.right + _PAD, max(bottom, box.bottom + _PAD)
        return bottom

    def _swimlanes(self, plane: Plane, down: _Axis, width: float, height: float) -> None:
        edges = [0.0, *(down.at[down.borders[first]] for first, _ in self.borders[1:]), height]
        spans: dict[str, tuple[float, float]] = {}
        for n, (_, group) in enumerate(self.borders):
            spans[group] = (edges[n], edges[n + 1])
        known = {lane.id: lane for lane in self.lanes}

        def span(lane: Figure) -> tuple[float, float]:
            parts = [spans[lane.id]] if lane.id in spans else []
            parts += [span(inner) for inner in self.lanes if inner.lane == lane.id]
            return min(part[0] for part in parts), max(part[1] for part in parts)

        for lane in self.lanes:
            x, around = self.header, known.get(lane.lane)
            while around is not None:
                x, around = x + _HEADER, known.get(around.lane)
            top, bottom = span(lane)
            plane.shapes[lane.id] = Shape(Box(x, top, width - x, bottom - top))


class _Axis:
    """The lines across one direction: tracks for ways, centres of columns or rows, borders of lanes."""

    def __init__(self, start: float) -> None:
        self.start = start
        self.parts: list[_Part] = []
        self.centres: dict[int, int] = {}
        self.borders: dict[int, int] = {}
        self.at: list[float] = []
        self.end = start

    def tracks(self, count: int) -> None:
        """Lines for ways, side by side."""
        self.parts += [_Part("track")] * count

    def border(self, n: int) -> None:
        """The edge of the lane that begins with row `n`."""
        self.borders[n] = len(self.parts)
        self.parts.append(_Part("border"))

    def centre(self, n: int, before: float, after: float, offsets: set[float]) -> None:
        """A column or row that reaches so far before and after its centre; further lines at `offsets`."""
        inner = sorted({0.0, *(round(offset, 2) for offset in offsets)})
        for offset in inner:
            if offset == 0.0:
                self.centres[n] = len(self.parts)
            first, last = offset == inner[0], offset == inner[-1]
            self.parts.append(
                _Part("centre", offset, before + _AIR if first else 0.0, after + _AIR if last else 0.0)
            )

    def settle(self, used: set[int] | None = None) -> None:
        """Give each line its place; tracks that nothing uses take no room (None: all are used)."""
        self.at = []
        cursor = centre = self.start
        for n, part in enumerate(self.parts):
            if part.kind == "centre":
                if part.before:
                    centre = float(round(cursor + part.before))
                self.at.append(centre + part.offset)
                if part.after:
                    cursor = centre + part.after
            elif part.kind == "border":
                self.at.append(cursor + 8.0)
                cursor += 16.0 - _PITCH
            else:
                if used is None or n in used:
                    cursor += _PITCH
                self.at.append(cursor)
        self.end = cursor


class _Part(NamedTuple):
    """A line of an axis; of a centre how far off it is, and the room before its first and after its last."""

    kind: str
    offset: float = 0.0
    before: float = 0.0
    after: float = 0.0


def _around(wish: int) -> Iterable[int]:
    """Rows from the wished one outwards, below before above."""
    yield wish
    for away in range(1, 10_000):
        yield wish + away
        yield wish - away


def _acyclic(
    roots: Iterable[str], after: Mapping[str, Sequence[str]]
) -> tuple[list[str], dict[str, list[str]]]:
    """The nodes in an order in which every flow leads forward, and the flows that do."""
    state: dict[str, int] = {}
    order: list[str] = []
    forward: dict[str, list[str]] = defaultdict(list)
    for root in roots:
        if root in state:
            continue
        stack = [(root, iter(after.get(root, ())))]
        state[root] = 1
        while stack:
            node, targets = stack[-1]
            for target in targets:
                if state.get(target) == 1:
                    continue  # it leads back
                forward[node].append(target)
                if target not in state:
                    state[target] = 1
                    stack.append((target, iter(after.get(target, ()))))
                    break
            else:
                state[node] = 2
                order.append(node)
                stack.pop()
    order.reverse()
    return order, forward


def _label_place(
    name: str, points: Sequence[Point], boxes: Sequence[Box], ways: Sequence[Sequence[Point]]
) -> Box:
    """Where a flow's label disturbs least: beside one of its segments, the first that has room."""
    lines = wrap(name, TAG, LABEL)
    wide, high = max((measure(line, LABEL) for line in lines), default=0.0), len(lines) * LABEL * LINE
    best: tuple[float, Box] = (math.inf, Box(points[0].x, points[0].y, wide, high))
    for n, (here, there) in enumerate(pairwise(points)):
        for share in (0.0, 0.5, 1.0):
            x, y = here.x + (there.x - here.x) * share, here.y + (there.y - here.y) * share
            if abs(here.y - there.y) < 0.01:
                shift = {0.0: 8.0, 0.5: -wide / 2, 1.0: -wide - 8.0}[share]
                shift = shift if there.x > here.x else -wide - shift
                places = [Box(x + shift, y - high - 3, wide, high), Box(x + shift, y + 3, wide, high)]
            else:
                shift = {0.0: 4.0, 0.5: -high / 2, 1.0: -high - 8.0}[share]
                shift = shift if there.y > here.y else -high - shift
                places = [Box(x + 5, y + shift, wide, high), Box(x - wide - 5, y + shift, wide, high)]
            for side, place in enumerate(places):
                cost = n * 2.0 + share + side * 0.5
                cost += 8.0 * any(_together(here, there, way) for way in ways)
                cost += 50.0 * sum(place.meets(box) for box in boxes)
                cost += 12.0 * sum(_touches(place, way) for way in [*ways, points])
                if cost < best[0]:
                    best = cost, place
    return best[1]


def _together(here: Point, there: Point, way: Sequence[Point]) -> bool:
    """Whether another way runs along this segment, so that a label there could be either's."""
    for one, other in pairwise(way):
        if here.y == there.y == one.y == other.y and _overlap(one.x, other.x, *sorted((here.x, there.x))):
            return True
        if here.x == there.x == one.x == other.x and _overlap(one.y, other.y, *sorted((here.y, there.y))):
            return True
    return False


def _touches(place: Box, way: Sequence[Point]) -> bool:
    """Whether a way at right angles runs through `place`."""
    for here, there in pairwise(way):
        across, down = sorted((here.x, there.x)), sorted((here.y, there.y))
        if place.x < across[1] and across[0] < place.right and place.y < down[1] and down[0] < place.bottom:
            return True
        upright = across[0] == across[1] and place.x < across[0] < place.right
        if upright and _overlap(down[0], down[1], place.y, place.bottom):
            return True
        level = down[0] == down[1] and place.y < down[0] < place.bottom
        if level and _overlap(across[0], across[1], place.x, place.right):
            return True
    return False


def _overlap(one: float, other: float, low: float, high: float) -> bool:
    return min(one, other) < high and low < max(one, other)
