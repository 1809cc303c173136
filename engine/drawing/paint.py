"""Planes → SVG. Every figure and line is one `<g>` that a page can find by `data-element` and style by class.

The picture needs nothing from outside: no fonts, no links, no references within (arrow heads are drawn, since
two pictures in one page would share their ids). Colours are attributes, which any style sheet overrides.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from lxml import etree

from . import icons
from .model import ARTIFACTS, DATA, SCOPES, Figure, Line, Model
from .places import Box, Plane, Point, Shape, Way
from .text import LINE, fit, measure, wrap

SVG = "http://www.w3.org/2000/svg"
INK, GROUND = "#22242a", "#ffffff"
FONT = (
    "'Noto Sans CJK SC','Noto Sans SC','Source Han Sans SC','Microsoft YaHei','微软雅黑',"
    "'PingFang SC',Arial,sans-serif"
)
LABEL = 11
"""Font size of what stands beside a shape; within one it is 12."""
TAG = 90
"""Width of a label that the modeler has given no place, as bpmn.io has it."""
_ROUND = 5
_HEAD = 9
_CORNER = 24.0
"""How far down the sign of a task reaches."""


class Painter:
    """Paints planes into one `<svg>`."""

    def __init__(self, model: Model, prefix: str, marks: Mapping[str, str]) -> None:
        self.model = model
        self.prefix = prefix
        self.marks = marks
        self.root = etree.fromstring(f'<svg xmlns="{SVG}"/>')

    def plane(self, plane: Plane) -> None:
        """Paint all of one plane: what lies below first."""
        known = [
            (self.model.figures[id], shape) for id, shape in plane.shapes.items() if id in self.model.figures
        ]
        floors: dict[int, list[tuple[Figure, Shape]]] = {}
        for figure, shape in known:
            floors.setdefault(self._floor(figure, shape), []).append((figure, shape))
        for floor in (0, 1, 2, 3):
            for figure, shape in sorted(floors.get(floor, []), key=lambda found: self._deep(found[0])):
                self.figure(figure, shape)
        for id, way in plane.ways.items():
            if id in self.model.lines:
                self.line(self.model.lines[id], way)
        for floor in (4, 5):
            for figure, shape in floors.get(floor, []):
                self.figure(figure, shape)

    def _floor(self, figure: Figure, shape: Shape) -> int:
        if figure.kind == "participant":
            return 0
        if figure.kind == "lane":
            return 1
        if figure.kind in SCOPES and shape.expanded:
            return 2
        if figure.kind in ARTIFACTS:
            return 3
        return 5 if figure.kind == "boundaryEvent" else 4

    def _deep(self, figure: Figure) -> int:
        if figure.kind != "lane":
            return self.model.depth(figure)
        deep = 100 * self.model.depth(figure)
        while (around := self.model.figures.get(figure.lane)) is not None:
            figure, deep = around, deep + 1
        return deep

    # --- figures

    def figure(self, figure: Figure, shape: Shape) -> None:
        """Paint one figure with its signs and its label."""
        group = self._group(figure.id, figure.kind, figure.name)
        pen = _Pen(group, shape.stroke or INK, shape.fill or GROUND)
        box = shape.box
        if figure.kind in ("participant", "lane"):
            self._swimlane(pen, figure, shape)
        elif figure.kind in ARTIFACTS:
            self._artifact(pen, figure, shape)
        elif figure.kind in DATA:
            self._data(pen, figure, shape)
        elif figure.is_event:
            _event(pen, figure, box)
            self._outside(pen, figure, shape)
        elif figure.is_gateway:
            x, y = box.centre
            corners = (
                f"M{_n(x)},{_n(box.y)}L{_n(box.right)},{_n(y)}L{_n(x)},{_n(box.bottom)}L{_n(box.x)},{_n(y)}Z"
            )
            pen.path(corners, "outline", width=2)
            pen.strokes(
                icons.gateway(figure.kind, figure.trigger), x, y, min(box.width, box.height) / 50, 1.5
            )
            self._outside(pen, figure, shape)
        else:
            self._activity(pen, figure, shape)

    def _group(self, id: str, kind: str, name: str) -> etree._Element:
        classes = ["element", kind, *self.marks.get(id, "").split()]
        group = etree.SubElement(self.root, f"{{{SVG}}}g")
        group.set("id", self.prefix + id)
        group.set("data-element", id)
        group.set("class", " ".join(classes))
        if name:
            etree.SubElement(group, f"{{{SVG}}}title").text = _clean(name)
        return group

    def _swimlane(self, pen: _Pen, figure: Figure, shape: Shape) -> None:
        box, black = shape.box, figure.kind == "participant" and not figure.process
        pen.rect(box, "outline", width=1.5, opacity=None if figure.kind == "participant" else 0.25)
        if black:
            if figure.name:
                pen.text(*_middle(figure.name, box.grown(-5), (12, 11, 10)), box.centre)
        elif shape.horizontal:
            if figure.kind == "participant":
                pen.path(f"M{_n(box.x + 30)},{_n(box.y)}V{_n(box.bottom)}", "line", width=1.5)
            lines, size = fit(figure.name, box.height - 8, 28, (12, 11, 10)) if figure.name else ([], 12)
            pen.text(lines, size, Point(box.x + 15, box.centre.y), upright=True)
        else:
            if figure.kind == "participant":
                pen.path(f"M{_n(box.x)},{_n(box.y + 30)}H{_n(box.right)}", "line", width=1.5)
            lines, size = fit(figure.name, box.width - 8, 28, (12, 11, 10)) if figure.name else ([], 12)
            pen.text(lines, size, Point(box.centre.x, box.y + 15))
        if "parallel" in figure.markers:
            pen.strokes(icons.marker("parallel"), box.centre.x, box.bottom - 12)

    def _artifact(self, pen: _Pen, figure: Figure, shape: Shape) -> None:
        box = shape.box
        if figure.kind == "group":
            pen.rect(box, "outline", radius=10, dash="10 6 0 6", fill="none", width=1.5)
            if figure.name:
                label = shape.label or Box(box.centre.x - TAG, box.y + 2, 2 * TAG, 18)
                lines = wrap(figure.name, max(label.width, TAG), LABEL)
                pen.text(lines, LABEL, Point(label.centre.x, label.y + len(lines) * LABEL * LINE / 2))
            return
        pen.rect(box, "ground", width=0, opacity=0)
        pen.path(
            f"M{_n(box.x + 10)},{_n(box.y)}H{_n(box.x)}V{_n(box.bottom)}H{_n(box.x + 10)}", "line", width=1.5
        )
        if figure.name:
            lines, size = fit(figure.name, box.width - 8, box.height - 4, (12, 11, 10))
            pen.text(lines, size, Point(box.x + 6, box.y + 4 + len(lines) * size * LINE / 2), anchor="start")

    def _data(self, pen: _Pen, figure: Figure, shape: Shape) -> None:
        box = shape.box
        x, y, r, b = _n(box.x), _n(box.y), _n(box.right), _n(box.bottom)
        if figure.kind == "dataStoreReference":
            bend = box.height * 0.14
            arc = f"A{_n(box.width / 2)},{_n(bend)} 0 0"
            top = _n(box.y + bend)
            pen.path(
                f"M{x},{top}{arc} 1 {r},{top}V{_n(box.bottom - bend)}{arc} 1 {x},{_n(box.bottom - bend)}Z",
                "outline",
                width=2,
            )
            rings = [box.y + bend, box.y + 1.8 * bend, box.y + 2.6 * bend]
            pen.path("".join(f"M{x},{_n(ring)}{arc} 0 {r},{_n(ring)}" for ring in rings), "line", width=1.5)
        else:
            fold = min(box.width, box.height) * 0.3
            pen.path(f"M{x},{y}H{_n(box.right - fold)}L{r},{_n(box.y + fold)}V{b}H{x}Z", "outline", width=2)
            pen.path(f"M{_n(box.right - fold)},{y}V{_n(box.y + fold)}H{r}", "line", width=1.5)
            if figure.kind in ("dataInput", "dataOutput"):
                arrow = [("full" if figure.kind == "dataOutput" else "open", "M-6,-2H1V-5.5L7,0L1,5.5V2H-6Z")]
                pen.strokes(arrow, box.x + 10, box.y + 10)
            if figure.markers:
                pen.strokes(icons.collection(), box.centre.x, box.bottom - 9)
        self._outside(pen, figure, shape)

    def _outside(self, pen: _Pen, figure: Figure, shape: Shape) -> None:
        """The label beside a shape: where the modeler has put it, else below."""
        if not figure.name:
            return
        label, box = shape.label, shape.box
        if label is None:
            label = Box(box.centre.x - TAG / 2, box.bottom + 3, TAG, 20)
        lines = wrap(figure.name, max(label.width, TAG), LABEL)
        if len(lines) > 8:
            lines, _ = fit(figure.name, max(label.width, TAG), 8.5 * LABEL * LINE, (LABEL,))
        pen.text(lines, LABEL, Point(label.centre.x, label.y + len(lines) * LABEL * LINE / 2), halo=True)

    def _activity(self, pen: _Pen, figure: Figure, shape: Shape) -> None:
        box = shape.box
        scope = figure.kind in SCOPES
        calls = figure.kind in ("callActivity", "callChoreography")
        dash = "1 5" if figure.handler else None
        width = 5 if calls else 2.5 if figure.handler else 2
        pen.rect(
            box,
            "outline",
            radius=10,
            dash=dash,
            width=width,
            opacity=0.6 if scope and shape.expanded else None,
        )
        if figure.kind == "transaction":
            pen.rect(box.grown(-3.5), "line", radius=8, width=1.5, fill="none")
        sign = icons.task(figure.kind)
        if figure.handler and not shape.expanded:
            starts = [inner for inner in self.model.within(figure.id) if inner.kind == "startEvent"]
            for start in starts[:1]:
                _event(pen, start, Box(box.x + 5, box.y + 4, 22, 22))
        pen.strokes(sign, box.x + 16, box.y + 15, 1.2, 1)
        markers = list(figure.markers)
        if calls or (scope and not shape.expanded):
            markers.append("subprocess")
        for n, name in enumerate(markers):
            x = box.centre.x + (n - (len(markers) - 1) / 2) * 18
            pen.strokes(icons.marker(name), x, box.bottom - 10 - (width - 2) / 2)
        if not figure.name:
            return
        if scope and shape.expanded:
            lines, size = fit(figure.name, box.width - 20, 30, (12, 11))
            pen.text(lines, size, Point(box.centre.x, box.y + 7 + len(lines) * size * LINE / 2))
            return
        lines, size, y = _inside(figure.name, box, bool(sign), 17 if markers else 4)
        pen.text(lines, size, Point(box.centre.x, y))

    # --- lines

    def line(self, line: Line, way: Way) -> None:
        """Paint a flow or an association with its ends and its label."""
        group = self._group(line.id, line.kind, line.name)
        pen = _Pen(group, way.stroke or INK, GROUND)
        points = _distinct(way.points)
        if len(points) < 2:
            return
        first, last = points[0], points[-1]
        dash = {"messageFlow": "10 6", "sequenceFlow": None}.get(line.kind, "1 4")
        directed = line.kind in ("sequenceFlow", "messageFlow")
        end = _short_of(points[-2], last, _HEAD - 2) if directed else last
        begin = _short_of(points[1], first, 7) if line.kind == "messageFlow" else first
        pen.path(_rounded([begin, *points[1:-1], end]), "line", width=2 if directed else 1.5, dash=dash)
        angle = math.atan2(last.y - points[-2].y, last.x - points[-2].x)
        away = math.atan2(points[1].y - first.y, points[1].x - first.x)
        match line.kind:
            case "sequenceFlow":
                pen.turned("M0,0L-9.5,4.5V-4.5Z", last, angle, "full")
                if line.mark == "default":
                    pen.turned("M7,-5.5L11,5.5", first, away, "line", 2)
                elif line.mark == "conditional" and not self._from_gateway(line):
                    pen.turned("M0,0L8,-5L16,0L8,5Z", first, away, "open", 1.5)
            case "messageFlow":
                pen.turned("M0,0L-9.5,4.5V-4.5Z", last, angle, "open", 1.5)
                pen.turned("M0,0A3.5,3.5 0 1 1 7,0A3.5,3.5 0 1 1 0,0Z", first, away, "open", 1.5)
            case "dataInputAssociation" | "dataOutputAssociation":
                pen.turned("M-9,-5L0,0L-9,5", last, angle, "line", 1.5)
            case _:
                if line.mark:
                    pen.turned("M-9,-5L0,0L-9,5", last, angle, "line", 1.5)
                if line.mark == "Both":
                    pen.turned("M9,-5L0,0L9,5", first, away, "line", 1.5)
        if line.name:
            label = way.label or flow_label(points)
            lines = wrap(line.name, max(label.width, TAG), LABEL)
            pen.text(lines, LABEL, Point(label.centre.x, label.y + len(lines) * LABEL * LINE / 2), halo=True)

    def _from_gateway(self, line: Line) -> bool:
        source = self.model.figures.get(line.source)
        return source is None or source.is_gateway


def flow_label(points: Sequence[Point]) -> Box:
    """Where bpmn.io puts a flow's label that has no place of its own: beside the middle of the way."""
    middle = len(points) / 2 - 1
    first, second = points[math.floor(middle)], points[math.ceil(middle + 0.01)]
    x, y = (first.x + second.x) / 2, (first.y + second.y) / 2
    if first.x != second.x:
        y -= 15
    else:
        x += 15
    return Box(x - TAG / 2, y - 10, TAG, 20)


def _inside(name: str, box: Box, sign: bool, low: float) -> tuple[list[str], float, float]:
    """The lines of an activity's name, their size and their middle: that of the box, unless they would run
    into the sign in its corner or the markers in its last `low` units."""
    width, bottom = max(box.width - 12, 12.0), box.bottom - low
    for size in (12.0, 11.0, 10.0):
        lines = wrap(name, width, size)
        height = len(lines) * size * LINE
        y = min(box.centre.y, bottom - height / 2)
        top = y - height / 2
        if top < box.y + 3:
            continue
        beside = [
            line
            for n, line in enumerate(lines)
            if top + n * size * LINE < box.y + _CORNER and measure(line, size) > box.width - 56
        ]
        if not sign or not beside:
            return lines, size, y
        if box.y + _CORNER + height <= bottom:
            return lines, size, box.y + _CORNER + height / 2
    above = _CORNER if sign else 4.0
    room = Box(box.x + 6, box.y + above, width, max(bottom - box.y - above, 12))
    lines, size = _middle(name, room, (10,))
    return lines, size, room.y + len(lines) * size * LINE / 2


def _middle(text: str, room: Box, sizes: tuple[float, ...]) -> tuple[list[str], float]:
    return fit(text, room.width, room.height, sizes)


def _event(pen: _Pen, figure: Figure, box: Box) -> None:
    x, y = box.centre
    radius = min(box.width, box.height) / 2
    dash = "5 4" if figure.dashed else None
    if figure.kind == "endEvent":
        pen.circle(x, y, radius, "outline", width=4)
    elif figure.kind == "startEvent":
        pen.circle(x, y, radius, "outline", width=2, dash=dash)
    else:
        pen.circle(x, y, radius, "outline", width=1.5, dash=dash)
        pen.circle(x, y, radius - 3, "line", width=1.5, dash=dash)
    pen.strokes(icons.event(figure.trigger, figure.throws), x, y, radius / 18)


class _Pen:
    """Draws into one group with the colours of its element."""

    def __init__(self, group: etree._Element, ink: str, ground: str) -> None:
        self.group = group
        self.ink = ink
        self.ground = ground

    def _add(self, tag: str, what: str, pen: float, dash: str | None, **attributes: str) -> etree._Element:
        element = etree.SubElement(self.group, f"{{{SVG}}}{tag}")
        element.set("class", what)
        for name, value in attributes.items():
            element.set(name.replace("_", "-"), value)
        if pen:
            element.set("stroke", self.ink)
            element.set("stroke-width", _n(pen))
        if dash:
            element.set("stroke-dasharray", dash)
            element.set("stroke-linecap", "round")
        return element

    def rect(
        self,
        box: Box,
        what: str,
        *,
        radius: float = 0,
        width: float = 2,
        dash: str | None = None,
        fill: str | None = None,
        opacity: float | None = None,
    ) -> None:
        more = {"rx": _n(radius)} if radius else {}
        if opacity is not None:
            more["fill_opacity"] = _n(opacity)
        place = {"x": box.x, "y": box.y, "width": max(box.width, 0), "height": max(box.height, 0)}
        sizes = {name: _n(value) for name, value in place.items()}
        self._add("rect", what, width, dash, **sizes, fill=fill or self.ground, **more)

    def circle(
        self, x: float, y: float, radius: float, what: str, *, width: float, dash: str | None = None
    ) -> None:
        fill = "none" if what == "line" else self.ground
        self._add("circle", what, width, dash, cx=_n(x), cy=_n(y), r=_n(max(radius, 1)), fill=fill)

    def path(self, path: str, what: str, *, width: float, dash: str | None = None) -> None:
        fill = self.ground if what == "outline" else "none"
        element = self._add("path", what, width, dash, d=path, fill=fill)
        element.set("stroke-linejoin", "round")

    def strokes(
        self, strokes: icons.Strokes, x: float, y: float, scale: float = 1, width: float = 1.2
    ) -> None:
        """A sign of `icons` around a point."""
        for how, path in strokes:
            self._sign(
                how,
                path,
                f"translate({_n(x)},{_n(y)})" + (f" scale({_n(scale)})" if scale != 1 else ""),
                width,
            )

    def turned(self, path: str, at: Point, angle: float, how: str, width: float = 1) -> None:
        """A path drawn from the origin to the right, moved to `at` and turned."""
        self._sign(how, path, f"translate({_n(at.x)},{_n(at.y)}) rotate({_n(math.degrees(angle))})", width)

    def _sign(self, how: str, path: str, transform: str, width: float) -> None:
        fill = {"full": self.ink, "open": self.ground}.get(how, "none")
        element = self._add("path", f"icon {how}", 2.5 if how == "thick" else width, None, d=path, fill=fill)
        element.set("transform", transform)
        element.set("stroke-linejoin", "round")

    def text(
        self,
        lines: Sequence[str],
        size: float,
        centre: Point,
        *,
        upright: bool = False,
        anchor: str = "middle",
        halo: bool = False,
    ) -> None:
        """Lines of text around `centre`; upright ones are read from below."""
        if not lines:
            return
        element = etree.SubElement(self.group, f"{{{SVG}}}text")
        element.set("class", "label")
        element.set("text-anchor", anchor)
        element.set("font-size", _n(size))
        element.set("fill", self.ink)
        if halo:
            element.set("stroke", GROUND)
            element.set("stroke-width", "3")
            element.set("stroke-opacity", "0.85")
            element.set("paint-order", "stroke")
            element.set("stroke-linejoin", "round")
        if upright:
            element.set("transform", f"rotate(-90 {_n(centre.x)},{_n(centre.y)})")
        top = centre.y - (len(lines) - 1) * size * LINE / 2 + size * 0.36
        for n, line in enumerate(lines):
            span = etree.SubElement(element, f"{{{SVG}}}tspan", x=_n(centre.x), y=_n(top + n * size * LINE))
            span.text = _clean(line)


def _distinct(points: Sequence[Point]) -> list[Point]:
    kept: list[Point] = []
    for point in points:
        if not kept or abs(point.x - kept[-1].x) + abs(point.y - kept[-1].y) > 0.01:
            kept.append(point)
    return kept


def _short_of(before: Point, last: Point, by: float) -> Point:
    length = math.hypot(last.x - before.x, last.y - before.y)
    if length <= by:
        return last
    share = (length - by) / length
    return Point(before.x + (last.x - before.x) * share, before.y + (last.y - before.y) * share)


def _rounded(points: Sequence[Point]) -> str:
    """The way with its corners rounded, as modelers draw it."""
    path = f"M{_n(points[0].x)},{_n(points[0].y)}"
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        first = math.hypot(corner.x - before.x, corner.y - before.y)
        second = math.hypot(after.x - corner.x, after.y - corner.y)
        cut = min(_ROUND, first / 2, second / 2)
        near, far = _short_of(before, corner, cut), _short_of(after, corner, cut)
        path += f"L{_n(near.x)},{_n(near.y)}Q{_n(corner.x)},{_n(corner.y)} {_n(far.x)},{_n(far.y)}"
    return path + f"L{_n(points[-1].x)},{_n(points[-1].y)}"


def label_box(text: str, label: Box) -> Box:
    """What a label that begins at `label` really covers."""
    lines = wrap(text, max(label.width, TAG), LABEL)
    width = max((measure(line, LABEL) for line in lines), default=0.0)
    return Box(label.centre.x - width / 2, label.y, width, len(lines) * LABEL * LINE)


def _clean(text: str) -> str:
    """`text` without the characters that XML can't hold."""
    return "".join(sign for sign in text if sign >= " " or sign in "\n\t")


def _n(number: float) -> str:
    """A number as short as it can be read, the same on every machine."""
    return f"{number:.2f}".rstrip("0").rstrip(".")
