"""What there is to draw: the elements of a diagram that have a shape or a line, whatever its picture says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import etree

from ..flow.read.findings import BPMN, child, is_true, local, text_of
from ..flow.read.source import FLOW_NODES

SCOPES = frozenset({"subProcess", "transaction", "adHocSubProcess"})
EVENTS = frozenset(
    {"startEvent", "endEvent", "intermediateCatchEvent", "intermediateThrowEvent", "boundaryEvent"}
    | {"implicitThrowEvent", "event"}
)
GATEWAYS = frozenset(
    {"exclusiveGateway", "parallelGateway", "inclusiveGateway", "eventBasedGateway", "complexGateway"}
)
DATA = frozenset({"dataObjectReference", "dataStoreReference", "dataInput", "dataOutput"})
ARTIFACTS = frozenset({"textAnnotation", "group"})
_TRIGGERS = {
    f"{name}EventDefinition": name
    for name in (
        *("message", "timer", "error", "escalation", "signal", "conditional"),
        *("link", "compensate", "cancel", "terminate"),
    )
}


@dataclass(frozen=True, slots=True)
class Figure:
    """Something with a shape. `kind` is its tag in BPMN; `scope` the id of the process or subprocess in whose
    drawing it stands (empty for pools); `lane` the innermost lane of a flow node, and of a lane the one
    around it; `host` the activity on whose edge an event lies; `process` what a pool holds."""

    id: str
    kind: str
    name: str = ""
    scope: str = ""
    lane: str = ""
    trigger: str = ""
    dashed: bool = False
    host: str = ""
    markers: tuple[str, ...] = ()
    handler: bool = False
    process: str = ""

    @property
    def is_event(self) -> bool:
        return self.kind in EVENTS

    @property
    def is_gateway(self) -> bool:
        return self.kind in GATEWAYS

    @property
    def is_node(self) -> bool:
        """Whether tokens can be in it."""
        return self.kind in FLOW_NODES

    @property
    def throws(self) -> bool:
        return self.kind in ("endEvent", "intermediateThrowEvent", "implicitThrowEvent")


@dataclass(frozen=True, slots=True)
class Line:
    """Something that leads from a figure to another (of a flow, possibly to another line)."""

    id: str
    kind: str
    source: str
    target: str
    name: str = ""
    mark: str = ""
    """`default` or `conditional` of a flow; `One` or `Both` ends with an arrow of an association."""
    scope: str = ""


@dataclass(slots=True)
class Model:
    """All figures and lines by id, in the order of the file; the processes, and what the whole is called."""

    title: str = ""
    figures: dict[str, Figure] = field(default_factory=dict)
    lines: dict[str, Line] = field(default_factory=dict)
    processes: list[str] = field(default_factory=list)

    def within(self, scope: str) -> list[Figure]:
        """The figures directly in a process or subprocess, lanes included."""
        return [figure for figure in self.figures.values() if figure.scope == scope]

    def pools(self) -> list[Figure]:
        return [figure for figure in self.figures.values() if figure.kind == "participant"]

    def depth(self, figure: Figure) -> int:
        """How many figures hold this one."""
        deep = 0
        while (around := self.figures.get(figure.scope)) is not None:
            figure, deep = around, deep + 1
        return deep

    def inside(self, figure: Figure, scope: str) -> bool:
        """Whether `figure` lies in `scope`, however deep."""
        while figure.scope != scope:
            around = self.figures.get(figure.scope)
            if around is None:
                return False
            figure = around
        return True


def read_model(root: etree._Element) -> Model:
    """What is to be drawn of `definitions`, as `flow.read.source` has made it uniform."""
    model = Model()
    categories = {value.get("id", ""): value.get("value", "") for value in root.iter(BPMN + "categoryValue")}
    collections = {
        data.get("id", "") for data in root.iter(BPMN + "dataObject") if is_true(data.get("isCollection"))
    }
    reader = _Reader(model, categories, collections)
    for part in root:
        match local(part):
            case "collaboration":
                reader.collaboration(part)
            case "process":
                model.processes.append(part.get("id", ""))
                reader.scope(part, part.get("id", ""))
    names = [figure.name for figure in model.pools() if figure.process and figure.name]
    names += [process.get("name", "") for process in root.findall(BPMN + "process")]
    model.title = next(filter(None, names), "")
    return model


class _Reader:
    """Adds figures and lines to a model."""

    def __init__(self, model: Model, categories: dict[str, str], collections: set[str]) -> None:
        self.model = model
        self.categories = categories
        self.collections = collections
        self.count = 0

    def collaboration(self, element: etree._Element) -> None:
        for part in element:
            tag, id = local(part), part.get("id", "")
            if tag == "participant":
                markers = ("parallel",) if child(part, "participantMultiplicity") is not None else ()
                self.add(
                    Figure(
                        id,
                        tag,
                        part.get("name", ""),
                        markers=markers,
                        process=part.get("processRef", ""),
                    )
                )
            elif tag == "messageFlow":
                self.line(part, part.get("sourceRef", ""), part.get("targetRef", ""), "")
            else:
                self.artifact(part, "")

    def scope(self, element: etree._Element, scope: str) -> None:
        lanes: dict[str, str] = {}
        for part in element:
            if local(part) == "laneSet":
                self.lanes(part, scope, "", lanes)
        defaults = {part.get("default") for part in element}
        for part in element:
            tag = local(part)
            if part.tag != BPMN + tag:
                continue
            if tag in FLOW_NODES:
                self.node(part, scope, lanes)
                if tag in SCOPES:
                    self.scope(part, part.get("id", ""))
            elif tag == "sequenceFlow":
                mark = "default" if part.get("id") in defaults else ""
                if not mark and child(part, "conditionExpression") is not None:
                    mark = "conditional"
                self.line(part, part.get("sourceRef", ""), part.get("targetRef", ""), scope, mark)
            elif tag in DATA:
                self.data(part, scope)
            elif tag == "ioSpecification":
                for inner in part:
                    if local(inner) in DATA:
                        self.data(inner, scope)
            else:
                self.artifact(part, scope)

    def lanes(self, element: etree._Element, scope: str, around: str, found: dict[str, str]) -> None:
        for lane in element.findall(BPMN + "lane"):
            id = lane.get("id", "")
            self.add(Figure(id, "lane", lane.get("name", ""), scope, around))
            for reference in lane.findall(BPMN + "flowNodeRef"):
                found[text_of(reference)] = id
            inner = child(lane, "childLaneSet")
            if inner is not None:
                self.lanes(inner, scope, id, found)

    def node(self, element: etree._Element, scope: str, lanes: dict[str, str]) -> None:
        tag, id = local(element), element.get("id", "")
        kinds = [_TRIGGERS.get(local(part), "event") for part in element if _is_trigger(part)]
        trigger = kinds[0] if kinds else ""
        if len(kinds) > 1:
            trigger = "all" if is_true(element.get("parallelMultiple")) else "multiple"
        if tag == "eventBasedGateway" and is_true(element.get("instantiate")):
            trigger = "all" if element.get("eventGatewayType") == "Parallel" else "instantiate"
        dashed = element.get("cancelActivity") == "false" or (
            tag == "startEvent" and element.get("isInterrupting") == "false"
        )
        compensates = tag == "boundaryEvent" and trigger == "compensate"
        self.add(
            Figure(
                id,
                tag,
                element.get("name", ""),
                scope,
                lanes.get(id, ""),
                trigger,
                dashed and not compensates,
                element.get("attachedToRef", ""),
                tuple(_markers(element)),
                is_true(element.get("triggeredByEvent")),
            )
        )
        for part in element:
            if local(part) == "dataInputAssociation":
                for source in part.findall(BPMN + "sourceRef"):
                    self.line(part, text_of(source), id, scope)
            elif local(part) == "dataOutputAssociation":
                self.line(part, id, text_of(child(part, "targetRef")), scope)

    def data(self, element: etree._Element, scope: str) -> None:
        name = element.get("name", "")
        state = child(element, "dataState")
        if state is not None and state.get("name"):
            name = f"{name}\n[{state.get('name')}]"
        many = is_true(element.get("isCollection")) or element.get("dataObjectRef") in self.collections
        markers = ("parallel",) if many else ()
        if element.get("id"):
            self.add(Figure(element.get("id", ""), local(element), name, scope, markers=markers))

    def artifact(self, element: etree._Element, scope: str) -> None:
        tag, id = local(element), element.get("id", "")
        if tag == "textAnnotation" and id:
            self.add(Figure(id, tag, (text_of(child(element, "text"))), scope))
        elif tag == "group" and id:
            name = self.categories.get(element.get("categoryValueRef", "").rpartition(":")[2], "")
            self.add(Figure(id, tag, name, scope))
        elif tag == "association":
            mark = {"One": "One", "Both": "Both"}.get(element.get("associationDirection", ""), "")
            self.line(element, element.get("sourceRef", ""), element.get("targetRef", ""), scope, mark)

    def line(self, element: etree._Element, source: str, target: str, scope: str, mark: str = "") -> None:
        self.count += 1
        id = element.get("id") or f"{local(element)}~{self.count}"
        self.model.lines.setdefault(
            id, Line(id, local(element), source, target, element.get("name", ""), mark, scope)
        )

    def add(self, figure: Figure) -> None:
        if figure.id:
            self.model.figures.setdefault(figure.id, figure)


def _is_trigger(part: etree._Element) -> bool:
    return local(part).endswith("EventDefinition") or local(part) == "eventDefinitionRef"


def _markers(element: etree._Element) -> Iterator[str]:
    if is_true(element.get("isForCompensation")):
        yield "compensation"
    many = child(element, "multiInstanceLoopCharacteristics")
    if many is not None:
        yield "sequential" if is_true(many.get("isSequential")) else "parallel"
    if child(element, "standardLoopCharacteristics") is not None:
        yield "loop"
    if local(element) == "adHocSubProcess":
        yield "adhoc"
