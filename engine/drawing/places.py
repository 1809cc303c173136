"""Where things lie: the picture part of a file (BPMN DI), read as it is."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import NamedTuple

from lxml import etree

_DI = "{http://www.omg.org/spec/BPMN/20100524/DI}"
_DC = "{http://www.omg.org/spec/DD/20100524/DC}"
_WAY = "{http://www.omg.org/spec/DD/20100524/DI}waypoint"
_BIOC = "{http://bpmn.io/schema/bpmn/biocolor/1.0}"
_COLOUR = "{http://www.omg.org/spec/BPMN/non-normative/color/1.0}"
_COLOURS = re.compile(r"#[0-9a-fA-F]{3,8}|[a-zA-Z]{3,20}|rgb\([0-9 ,.%]{5,30}\)")
MOST = 1_000_000.0
"""Coordinates beyond this are no place in a picture."""


class Point(NamedTuple):
    """A place in the picture."""

    x: float
    y: float


class Box(NamedTuple):
    """A rectangle in the picture."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def centre(self) -> Point:
        return Point(self.x + self.width / 2, self.y + self.height / 2)

    def moved(self, x: float, y: float) -> Box:
        return self._replace(x=self.x + x, y=self.y + y)

    def grown(self, by: float) -> Box:
        return Box(self.x - by, self.y - by, self.width + 2 * by, self.height + 2 * by)

    def holds(self, point: Point) -> bool:
        return self.x <= point.x <= self.right and self.y <= point.y <= self.bottom

    def meets(self, other: Box) -> bool:
        """Whether the two share more than an edge."""
        return (
            self.x < other.right and other.x < self.right and self.y < other.bottom and other.y < self.bottom
        )


@dataclass(slots=True)
class Shape:
    """A figure's place: its box, where its label is, and how it is shown there."""

    box: Box
    label: Box | None = None
    expanded: bool | None = None
    horizontal: bool = True
    stroke: str | None = None
    fill: str | None = None


@dataclass(slots=True)
class Way:
    """A line's way, from its source to its target."""

    points: list[Point]
    label: Box | None = None
    stroke: str | None = None


@dataclass(slots=True)
class Plane:
    """One picture of a file: of a collaboration, a process, or the inside of a subprocess (`element`)."""

    element: str
    shapes: dict[str, Shape] = field(default_factory=dict)
    ways: dict[str, Way] = field(default_factory=dict)

    def move(self, x: float, y: float) -> None:
        """Shift all of it."""
        for shape in self.shapes.values():
            shape.box = shape.box.moved(x, y)
            shape.label = shape.label and shape.label.moved(x, y)
        for way in self.ways.values():
            way.points = [Point(point.x + x, point.y + y) for point in way.points]
            way.label = way.label and way.label.moved(x, y)


def read_planes(root: etree._Element) -> list[Plane]:
    """The pictures of a file in their order; what has no usable coordinates is left out of them."""
    planes = []
    for found in root.iter(_DI + "BPMNPlane"):
        plane = Plane(_reference(found))
        for part in found:
            element = _reference(part)
            if not element:
                continue
            if part.tag == _DI + "BPMNShape" and (box := _box(part)) is not None:
                plane.shapes.setdefault(
                    element,
                    Shape(
                        box,
                        _label(part),
                        {"true": True, "1": True, "false": False, "0": False}.get(part.get("isExpanded", "")),
                        part.get("isHorizontal") not in ("false", "0"),
                        _colour(part, "stroke", "border-color"),
                        _colour(part, "fill", "background-color"),
                    ),
                )
            elif part.tag == _DI + "BPMNEdge":
                points = [_point(way) for way in part.findall(_WAY)]
                good = [point for point in points if point is not None]
                if len(good) > 1:
                    way = Way(good, _label(part), _colour(part, "stroke", "border-color"))
                    plane.ways.setdefault(element, way)
        planes.append(plane)
    return planes


def _reference(element: etree._Element) -> str:
    value = (element.get("bpmnElement") or "").strip()
    prefix, colon, rest = value.partition(":")
    return rest if colon and prefix in element.nsmap else value


def _box(element: etree._Element) -> Box | None:
    bounds = element.find(_DC + "Bounds")
    if bounds is None:
        return None
    numbers = [_number(bounds.get(name)) for name in ("x", "y", "width", "height")]
    x, y, width, height = numbers
    if x is None or y is None or not width or not height or width < 0 or height < 0:
        return None
    return Box(x, y, width, height)


def _label(element: etree._Element) -> Box | None:
    label = element.find(_DI + "BPMNLabel")
    return None if label is None else _box(label)


def _point(element: etree._Element) -> Point | None:
    x, y = _number(element.get("x")), _number(element.get("y"))
    return None if x is None or y is None else Point(x, y)


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) and abs(number) <= MOST else None


def _colour(element: etree._Element, bioc: str, standard: str) -> str | None:
    """A colour of the modeler's, if it is nothing but a colour."""
    value = element.get(_COLOUR + standard) or element.get(_BIOC + bioc) or ""
    return value if _COLOURS.fullmatch(value) else None
