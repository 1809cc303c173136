"""A diagram as a picture (floor 4): BPMN in, SVG out; pure.

Where the file has a picture part, everything is drawn where the modeler put it; where it has none, or one in
which steps are missing, it is laid out here. `draw` is the door.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lxml import etree

from ..errors import Invalid, Problem, Text, say
from ..flow.read.findings import Findings
from ..flow.read.source import parse, parse_diagram
from .layout import MOST, TooMany, complete
from .model import Model, read_model
from .paint import FONT, GROUND, INK, LABEL, SVG, Painter, flow_label, label_box
from .places import Box, Plane, Point, read_planes

__all__ = ["Box", "Drawing", "Point", "Undrawable", "draw"]

_MARGIN = 20.0
_CAPTION = 34.0


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture: its SVG text, its size, and where each element is in it (units of the `viewBox`): shapes as
    boxes, flows and associations as the points of their way; `kinds` has the tag of each in BPMN. `laid_out`
    tells whether any of it had no picture in the file."""

    svg: str
    width: float
    height: float
    boxes: Mapping[str, Box]
    ways: Mapping[str, tuple[Point, ...]]
    kinds: Mapping[str, str]
    laid_out: bool


class Undrawable(Invalid):
    """The file is no diagram; `problems` says why."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        first = problems[0]
        super().__init__(
            "drawing.unreadable",
            say("{file} can't be drawn: {reason}", file=file, reason=first.message),
            expected=first.expected or say("a BPMN 2.0 diagram"),
            found=first.found,
            remedy=first.remedy or say("save it again from the modeler"),
        )
        self.problems = problems


def draw(
    content: bytes,
    *,
    file: str = "diagram.bpmn",
    marks: Mapping[str, str] | None = None,
    style: str = "",
    prefix: str = "",
    title: str = "",
) -> Drawing:
    """The picture of a BPMN file: its pools and processes, and below them the inside of each collapsed
    subprocess. The same bytes for the same file.

    Every element is one `<g id data-element class>` whose classes are its tag in BPMN and what `marks` says
    of its id; within it `outline`, `line`, `icon` and `label` can be styled by `style`, CSS that goes into
    the picture as it is. `prefix` goes before every id (not before `data-element`), for pages with several
    pictures. `title` replaces the diagram's own name. Raises `Undrawable` for what is no diagram, is too big
    or has nothing to draw; `file` is what it is called then.
    """
    problems: list[Problem] = []
    findings = Findings(file, problems)
    root = parse_diagram(content, findings)
    whole = parse(content, Findings(file, []))
    if root is None or whole is None:
        raise Undrawable(file, [problem for problem in problems if problem.severity == "error"])
    model = read_model(root)
    try:
        planes, laid_out = complete(model, read_planes(whole))
    except TooMany:
        raise Undrawable(file, [_too_many(file)]) from None
    planes = [plane for plane in planes if plane.shapes]
    if not planes:
        raise Undrawable(file, [_nothing(file)])
    painter = Painter(model, prefix, marks or {})
    svg = painter.root
    svg.set("id", f"{prefix}:picture")  # no element's id has a colon
    svg.set("class", "lianban-diagram")
    svg.set("role", "img")
    svg.set("font-family", FONT)
    etree.SubElement(svg, f"{{{SVG}}}title").text = title or model.title or file
    etree.SubElement(svg, f"{{{SVG}}}desc").text = _described(model)
    if style:
        etree.SubElement(svg, f"{{{SVG}}}style").text = style
    ground = etree.SubElement(svg, f"{{{SVG}}}rect", {"class": "paper", "fill": GROUND})
    top, right = _MARGIN, 0.0
    boxes: dict[str, Box] = {}
    ways: dict[str, tuple[Point, ...]] = {}
    for n, plane in enumerate(planes):
        extent = _extent(model, plane)
        if n:
            _caption(svg, model, plane, _MARGIN, top + 18)
            top += _CAPTION
        plane.move(_MARGIN - extent.x, top - extent.y)
        painter.plane(plane)
        top += extent.height + _MARGIN
        right = max(right, extent.width + 2 * _MARGIN)
        boxes |= {id: shape.box for id, shape in plane.shapes.items() if id in model.figures}
        ways |= {id: tuple(way.points) for id, way in plane.ways.items() if id in model.lines}
    width, height = round(right, 2), round(top, 2)
    ground.set("width", f"{width:g}")
    ground.set("height", f"{height:g}")
    svg.set("viewBox", f"0 0 {width:g} {height:g}")
    svg.set("width", f"{width:g}")
    svg.set("height", f"{height:g}")
    text = etree.tostring(svg, encoding="unicode", pretty_print=False)
    kinds = {id: model.figures[id].kind for id in boxes} | {id: model.lines[id].kind for id in ways}
    return Drawing(text + "\n", width, height, boxes, ways, kinds, laid_out)


def _nothing(file: str) -> Problem:
    message: Text = say("there is no step in it")
    return Problem("drawing.empty", "error", file, None, message, remedy=say("draw a process in the modeler"))


def _too_many(file: str) -> Problem:
    return Problem(
        "drawing.too_many",
        "error",
        file,
        None,
        say("it has more than {most} steps and no picture of them", most=MOST),
        expected=say("the places that the modeler gives its elements"),
        remedy=say("open it in the modeler and save it there, or split the process into called processes"),
    )


def _described(model: Model) -> str:
    """What a reader who can't see the picture is told: the steps in the order of the file."""
    names = [figure.name for figure in model.figures.values() if figure.is_node and figure.name]
    return " → ".join(" ".join(name.split()) for name in names[:60])


def _extent(model: Model, plane: Plane) -> Box:
    """The rectangle that holds all of a plane, its labels included."""
    boxes: list[Box] = []
    for id, shape in plane.shapes.items():
        boxes.append(shape.box.grown(3))
        figure = model.figures.get(id)
        outside = (
            figure is not None
            and figure.name
            and (figure.is_event or figure.is_gateway or "data" in figure.kind)
        )
        if figure is not None and (outside or figure.kind == "group"):
            below = Box(shape.box.centre.x - 45, shape.box.bottom + 3, 90, 20)
            boxes.append(label_box(figure.name, shape.label or below))
    for id, way in plane.ways.items():
        xs, ys = [point.x for point in way.points], [point.y for point in way.points]
        boxes.append(Box(min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)).grown(5))
        if id in model.lines and model.lines[id].name:
            boxes.append(label_box(model.lines[id].name, way.label or flow_label(way.points)))
    x, y = min(box.x for box in boxes), min(box.y for box in boxes)
    return Box(x, y, max(box.right for box in boxes) - x, max(box.bottom for box in boxes) - y)


def _caption(svg: etree._Element, model: Model, plane: Plane, x: float, y: float) -> None:
    """The name of the subprocess whose inside follows."""
    figure = model.figures.get(plane.element)
    name = (figure.name if figure else "") or plane.element
    place = {"x": f"{x:g}", "y": f"{y:g}", "font-size": str(LABEL + 3), "fill": INK, "class": "caption"}
    etree.SubElement(svg, f"{{{SVG}}}text", place).text = name
