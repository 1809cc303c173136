"""A few lines of text → a BPMN diagram that stock modelers open: elements in lanes, on a grid, laid out.

    lane counter 2 综合窗口
    start application counter 0 0 | 提出申请 | Application | form=application
    user intake counter 1 0 | 收件 | Receipt | form=intake result=intake
    boundary overdue intake | 期满 | Time over | timer=clock('completeness')
    application -> intake -> done
    done -> granted | 准予 | decision.decision == "grant"
    done -> refused | 不予 | default

A lane has an id, its height in rows, and the name that people read. An element has its kind, id, lane, column
and row; then its names in Chinese and English, and what else is said of it: the extension properties, and
`timer` (a duration), `message`. A boundary event lies on the lower edge of the element that it names, with
`above` on the upper one. Lines that begin with `#` say nothing.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from lxml import etree

from .route import Box, Point, route

BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
DI = "http://www.omg.org/spec/BPMN/20100524/DI"
DC = "http://www.omg.org/spec/DD/20100524/DC"
DD = "http://www.omg.org/spec/DD/20100524/DI"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
CAMUNDA = "http://camunda.org/schema/1.0/bpmn"
MODELER = "http://camunda.org/schema/modeler/1.0"

TAGS = {
    "start": "startEvent",
    "end": "endEvent",
    "catch": "intermediateCatchEvent",
    "throw": "intermediateThrowEvent",
    "boundary": "boundaryEvent",
    "user": "userTask",
    "xor": "exclusiveGateway",
    "and": "parallelGateway",
    "race": "eventBasedGateway",
}
_EVENTS = frozenset({"start", "end", "catch", "throw", "boundary"})
_GATEWAYS = frozenset({"xor", "and", "race"})
_SIZE = {"event": (36, 36), "gateway": (50, 50), "task": (100, 80)}

LEFT, TOP, HEADER = 160, 80, 30
COLUMN, ROW = 160, 120


@dataclass
class Element:
    """One element: where it lies, what it is called, what is said of it."""

    kind: str
    id: str
    lane: str
    column: float
    row: int
    zh: str
    en: str
    said: dict[str, str]
    host: str = ""
    above: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of its shape."""
        kind = "event" if self.kind in _EVENTS else "gateway" if self.kind in _GATEWAYS else "task"
        return _SIZE[kind]


@dataclass
class Flow:
    """A sequence flow; `condition` is empty without one, `default` of a gateway's way out that has none."""

    source: str
    target: str
    label: str = ""
    condition: str = ""
    default: bool = False

    @property
    def id(self) -> str:
        return f"{self.source}__{self.target}"


@dataclass
class Sketch:
    """What a sketch says: lanes (id → rows and name), elements and flows, in its order."""

    lanes: dict[str, tuple[int, str]] = field(default_factory=dict)
    elements: dict[str, Element] = field(default_factory=dict)
    flows: list[Flow] = field(default_factory=list)


def read_sketch(text: str) -> Sketch:
    """The sketch in `text`. Raises `ValueError` naming the line that can't be read."""
    sketch = Sketch()
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith("#"):
            continue
        try:
            _read_line(sketch, line)
        except (ValueError, KeyError, IndexError) as error:
            raise ValueError(f"not a line of a sketch: {line}") from error
    return sketch


def _read_line(sketch: Sketch, line: str) -> None:
    head, *rest = [part.strip() for part in line.split(" | ")]
    if " -> " in head:
        ids = head.split(" -> ")
        flows = [Flow(a, b) for a, b in itertools.pairwise(ids)]
        if rest:
            flows[-1].label = rest[0]
            flows[-1].default = rest[1:] == ["default"]
            flows[-1].condition = "" if flows[-1].default else " | ".join(rest[1:])
        sketch.flows += flows
        return
    kind, id, *place = head.split()
    if kind == "lane":
        sketch.lanes[id] = (int(place[0]), " ".join(place[1:]))
        return
    zh, en, said = (*rest, "")[:3]
    words = dict(word.partition("=")[::2] for word in said.split())
    if kind == "boundary":
        host = sketch.elements[place[0]]
        element = Element(kind, id, host.lane, host.column, host.row, zh, en, words, host.id)
        element.above = words.pop("above", None) is not None
    else:
        TAGS[kind]
        element = Element(kind, id, place[0], float(place[1]), int(place[2]), zh, en, words)
    sketch.elements[id] = element


# --- the diagram


def draw(sketch: Sketch, process: str, name: str) -> bytes:
    """The BPMN file of `sketch`: one pool called `name`, whose process has the id `process`."""
    spaces = {
        "bpmn": BPMN,
        "bpmndi": DI,
        "dc": DC,
        "di": DD,
        "xsi": XSI,
        "camunda": CAMUNDA,
        "modeler": MODELER,
    }
    root = etree.Element(f"{{{BPMN}}}definitions", nsmap=spaces)
    root.set("id", f"definitions_{process}")
    root.set("targetNamespace", "https://lianban.example/processes")
    root.set("exporter", "Camunda Modeler")
    root.set("exporterVersion", "5.30.0")
    root.set(f"{{{MODELER}}}executionPlatform", "Camunda Platform")
    root.set(f"{{{MODELER}}}executionPlatformVersion", "7.22.0")
    collaboration = _add(root, "collaboration", id="collaboration")
    _add(collaboration, "participant", id="pool", name=name, processRef=process)
    body = _add(root, "process", id=process, name=name, isExecutable="true")
    body.set(f"{{{CAMUNDA}}}historyTimeToLive", "P30Y")
    lanes = _add(body, "laneSet", id="lanes")
    for id, (_, title) in sketch.lanes.items():
        lane = _add(lanes, "lane", id=f"lane_{id}", name=title)
        for element in sketch.elements.values():
            if element.lane == id:
                _add(lane, "flowNodeRef").text = element.id
    for element in sketch.elements.values():
        _draw_element(body, sketch, element)
    for flow in sketch.flows:
        drawn = _add(body, "sequenceFlow", id=flow.id)
        if flow.label:
            drawn.set("name", flow.label)
        drawn.set("sourceRef", flow.source)
        drawn.set("targetRef", flow.target)
        if flow.condition:
            _expression(drawn, "conditionExpression", flow.condition)
    for message in dict.fromkeys(e.said["message"] for e in sketch.elements.values() if "message" in e.said):
        _add(root, "message", id=f"message_{message}", name=message)
    _lay_out(root, sketch)
    etree.indent(root)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8") + b"\n"


def _add(parent: etree._Element, tag: str, space: str = BPMN, **attributes: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{space}}}{tag}", attributes)


def _expression(parent: etree._Element, tag: str, text: str) -> None:
    expression = _add(parent, tag)
    expression.set(f"{{{XSI}}}type", "bpmn:tFormalExpression")
    expression.text = text


def template_of(element: Element) -> str:
    """The element template whose fields show what is said of the element."""
    if "officers" in element.said:
        return "inspection"
    if element.said.get("form") == "department-opinion":
        return "review"
    if "message" in element.said:
        return "message"
    return {"start": "start", "user": "step", "throw": "document", "end": "document"}.get(
        element.kind, "named"
    )


def _draw_element(body: etree._Element, sketch: Sketch, element: Element) -> None:
    drawn = _add(body, TAGS[element.kind], id=element.id, name=element.zh)
    drawn.set(f"{{{CAMUNDA}}}modelerTemplate", f"lianban.{template_of(element)}")
    drawn.set(f"{{{CAMUNDA}}}modelerTemplateVersion", "1")
    said = dict(element.said)
    if element.kind == "boundary":
        drawn.set("attachedToRef", element.host)
    events = {key: said.pop(key) for key in ("timer", "message") if key in said}
    out = [flow for flow in sketch.flows if flow.source == element.id]
    for flow in out:
        if flow.default:
            drawn.set("default", flow.id)
    holder = _add(_add(drawn, "extensionElements"), "properties", CAMUNDA)
    for name, value in (*said.items(), ("name:en", element.en)):
        _add(holder, "property", CAMUNDA, name=name, value=value)
    for flow in sketch.flows:
        if flow.target == element.id:
            _add(drawn, "incoming").text = flow.id
    for flow in out:
        _add(drawn, "outgoing").text = flow.id
    for key, text in events.items():
        if key == "message":
            _add(drawn, "messageEventDefinition", id=f"event_{element.id}", messageRef=f"message_{text}")
        else:
            timer = _add(drawn, "timerEventDefinition", id=f"timer_{element.id}")
            _expression(timer, "timeDuration", text)


# --- where everything lies


def _lay_out(root: etree._Element, sketch: Sketch) -> None:
    plane = _add(
        _add(root, "BPMNDiagram", DI, id="diagram"), "BPMNPlane", DI, id="plane", bpmnElement="collaboration"
    )
    tops: dict[str, int] = {}
    height = 0
    for id, (rows, _) in sketch.lanes.items():
        tops[id] = TOP + height
        height += rows * ROW
    columns = 1 + max(int(element.column + 0.999) for element in sketch.elements.values())
    width = 2 * HEADER + columns * COLUMN
    pool = _add(plane, "BPMNShape", DI, id="pool_di", bpmnElement="pool", isHorizontal="true")
    _bounds(pool, Box(LEFT, TOP, width, height))
    for id, (rows, _) in sketch.lanes.items():
        lane = _add(plane, "BPMNShape", DI, id=f"lane_{id}_di", bpmnElement=f"lane_{id}", isHorizontal="true")
        _bounds(lane, Box(LEFT + HEADER, tops[id], width - HEADER, rows * ROW))
    boxes = {element.id: _box(sketch, tops, element) for element in sketch.elements.values()}
    paths = route(boxes, [(flow.source, flow.target) for flow in sketch.flows], _ports(sketch), COLUMN, ROW)
    labels = _Labels(boxes, paths)
    for element in sketch.elements.values():
        shape = _add(plane, "BPMNShape", DI, id=f"{element.id}_di", bpmnElement=element.id)
        if element.kind == "xor":
            shape.set("isMarkerVisible", "true")
        _bounds(shape, boxes[element.id])
        if element.size != _SIZE["task"]:
            _bounds(_add(shape, "BPMNLabel", DI), labels.of_shape(boxes[element.id], element.zh))
    for flow, path in zip(sketch.flows, paths, strict=True):
        edge = _add(plane, "BPMNEdge", DI, id=f"{flow.id}_di", bpmnElement=flow.id)
        for x, y in path:
            _add(edge, "waypoint", DD, x=f"{x:g}", y=f"{y:g}")
        if flow.label:
            _bounds(_add(edge, "BPMNLabel", DI), labels.of_path(path, flow.label))


def _bounds(shape: etree._Element, box: Box) -> None:
    _add(
        shape, "Bounds", DC, x=f"{box.x:g}", y=f"{box.y:g}", width=f"{box.width:g}", height=f"{box.height:g}"
    )


def _box(sketch: Sketch, tops: dict[str, int], element: Element) -> Box:
    width, height = element.size
    x = LEFT + 2 * HEADER + (element.column + 0.5) * COLUMN
    y = tops[element.lane] + (element.row + 0.5) * ROW
    if element.host:
        beside = [other for other in sketch.elements.values() if other.host == element.host]
        x += 28 if beside[0] is element else -28
        y += sketch.elements[element.host].size[1] / 2 * (-1 if element.above else 1)
    return Box(x - width / 2, y - height / 2, width, height)


def _ports(sketch: Sketch) -> dict[str, str]:
    """The sides of an element that a flow may leave by: of an event on an edge the one that is free."""
    return {
        element.id: ("t" if element.above else "b") if element.host else "rbtl"
        for element in sketch.elements.values()
    }


class _Labels:
    """Finds room for the names that stand beside what they name."""

    def __init__(self, boxes: dict[str, Box], paths: Iterable[list[Point]]) -> None:
        self.taken = list(boxes.values())
        self.lines = [(a, b) for path in paths for a, b in itertools.pairwise(path)]

    def of_shape(self, box: Box, text: str) -> Box:
        """Below the shape, or above it, or to a side: the first place that is free."""
        width, height = _extent(text)
        middle, right = box.x + box.width / 2 - width / 2, box.x + box.width + 4
        left = box.x - width - 4
        return self.choose(
            [
                Box(middle, box.y + box.height + 5, width, height),
                Box(middle, box.y - height - 5, width, height),
                Box(right, box.y + box.height + 2, width, height),
                Box(right, box.y - height - 2, width, height),
                Box(left, box.y + box.height + 2, width, height),
                Box(left, box.y - height - 2, width, height),
            ]
        )

    def of_path(self, path: list[Point], text: str) -> Box:
        """Beside the beginning of a flow."""
        width, height = _extent(text)
        places = []
        for (x, y), (to_x, to_y) in itertools.pairwise(path):
            if y == to_y:
                at = x + 6 if to_x > x else x - 6 - width
                places += [Box(at, y - height - 3, width, height), Box(at, y + 3, width, height)]
            else:
                at = y + 4 if to_y > y else y - 4 - height
                places += [Box(x + 5, at, width, height), Box(x - 5 - width, at, width, height)]
        return self.choose(places)

    def choose(self, places: list[Box]) -> Box:
        def bad(place: Box) -> int:
            hits = sum(3 * place.touches(other) for other in self.taken)
            return hits + sum(place.crossed(a, b) for a, b in self.lines)

        best = min(places, key=bad)  # of equal ones the first
        self.taken.append(best)
        return best


def _extent(text: str) -> tuple[float, float]:
    """Width and height of a label, in lines of at most seven full-width characters."""
    size = 11.5 * len(re.sub(r"[ -~]", "", text)) + 6 * len(re.findall(r"[ -~]", text)) + 2
    lines = -(-int(size) // 84)
    return min(size, 84.0), 14.0 * lines
