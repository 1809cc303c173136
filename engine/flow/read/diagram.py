"""SpiffWorkflow reads the elements: the only module that knows it.

Its own parser walks along the flows as it connects them, and so loses what no flow reaches, what has no
id, conditions on activities, signal end events, and its way on deep chains; it orders by the picture's
y coordinate, and confuses a node called "Start" with its own. Here, through its extension points, every
flow node is visited once in document order, its task parsers make the spec object, and each spec keeps the
element it was made of (`extensions`), so that `compile` can add what Spiff drops. What it knows only in
part (the triggers of events) or not at all (standard loops) is read from the element.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lxml import etree
from msgspec.structs import replace
from SpiffWorkflow.bpmn.parser.BpmnParser import BpmnParser
from SpiffWorkflow.bpmn.parser.ProcessParser import ProcessParser
from SpiffWorkflow.bpmn.parser.task_parsers import GatewayParser
from SpiffWorkflow.bpmn.parser.TaskParser import TaskParser
from SpiffWorkflow.bpmn.specs import defaults
from SpiffWorkflow.bpmn.specs.bpmn_process_spec import BpmnProcessSpec
from SpiffWorkflow.bpmn.specs.mixins import BpmnSpecMixin

from ...errors import say
from ..net import Event, Kind, Loop
from . import correlation
from .dialect import called_process, report_unknown, standardise_loop, unify
from .findings import BPMN, Findings, child, is_true, label, local, text_of
from .source import FLOW_NODES
from .support import check_node, is_idle
from .triggers import TRIGGERS, Names, interrupts, read_event


@dataclass(frozen=True)
class Drawn:
    """A flow node as Spiff understood it. `body` is the scope or process it runs, if it does."""

    element: etree._Element
    kind: Kind
    event: Event | None
    interrupting: bool
    loop: Loop | None
    body: str | None
    script: str | None


class Diagram:
    """One file's processes, read on demand."""

    def __init__(self, root: etree._Element, findings: Findings) -> None:
        self.root = root
        self.findings = findings
        self.processes = {p.get("id", ""): p for p in root.findall(BPMN + "process")}
        self.names = Names.of(root)
        # A call of a global task (§10.3.6) is that task.
        self.global_tasks = {
            task.get("id", ""): _GLOBAL[local(task)] for task in root if local(task) in _GLOBAL
        }
        self._parser = _Parser(findings)

    @staticmethod
    def open(root: etree._Element, findings: Findings) -> Diagram | None:
        """The diagram of a `definitions` element, or None and a problem."""
        diagram = Diagram(root, findings)
        unify(root)
        for message in root.iterfind(BPMN + "message"):
            report_unknown(message, findings)
        for loop in root.iter(BPMN + "multiInstanceLoopCharacteristics"):
            standardise_loop(loop)
        # Spiff would stop at stores and correlations that it has no implementation for.
        correlation.hide(root)
        for element in root.findall("*"):
            if local(element) in ("dataStore", "error", "escalation"):
                root.remove(element)
        for element in list(root.iter(BPMN + "correlationProperty")):  # wherever it stands, Spiff finds it
            if (parent := element.getparent()) is not None:
                parent.remove(element)
        try:
            diagram._parser.add_bpmn_xml(root, findings.file)
        except Exception as error:  # noqa: BLE001 - whatever the library raises is about this file
            findings.error(
                "bpmn.unreadable",
                None,
                say("the diagram can't be read: {reason}", reason=str(error)),
                remedy=say("save it again from the modeler"),
            )
            return None
        return diagram

    def nodes(self, scope: str) -> list[Drawn]:
        """The supported flow nodes directly in a process or subprocess.

        `scope` is a process id or `<scope>/<subprocess id>`, of a scope that has been read before.
        What can't be run is in the findings instead.
        """
        spec = self._parser.get_spec(scope)
        tasks = [task for task in spec.task_specs.values() if _KEY in _extensions(task)]
        found = [self._drawn(spec, task) for task in tasks]
        return [drawn for drawn in found if drawn is not None]

    def _drawn(self, process: Any, task: Any) -> Drawn | None:
        """What Spiff and we understood of one element; None if it refers to what is not there."""
        element = _extensions(task)[_KEY]
        tag = local(element)
        kind: Kind = "task" if is_idle(element) else _TAGS[tag][2]
        event = None
        if tag in TRIGGERS or kind in ("send", "receive"):
            event = read_event(element, self.names, self.findings)
            if event is None:
                return None
        loop = _loop(task)
        inner = process.task_specs[task.task_spec] if loop is not None else task
        if element.get("eventGatewayType") == "Parallel":
            kind = "and"  # it begins a process that then needs each of its events (§10.6.6)
        if kind == "call":
            kind = self.global_tasks.get(inner.spec, kind)
        return Drawn(
            element=element,
            kind="handler" if is_true(element.get("triggeredByEvent")) else kind,
            event=event,
            interrupting=interrupts(element) and (event is None or event.kind != "compensate"),
            loop=loop or _standard_loop(element),
            body=inner.spec if kind in ("subprocess", "call") else None,
            script=_script(element) if kind == "script" else None,
        )


_KEY = "element"


def _extensions(task: Any) -> dict[str, Any]:
    return getattr(task, "extensions", None) or {}


# --- Spiff's parsers, one element at a time


class _Element:
    """Mixed into Spiff's task parsers: make the spec of this one element and go no further."""

    node: Any
    spec: Any
    task: Any
    process_parser: Any

    @property
    def bpmn_id(self) -> str:
        # Spiff keeps specs of its own called Start, End and Root beside ours.
        return "node " + str(self.node.get("id"))

    def parse_incoming_data_references(self) -> list[Any]:
        return []  # all steps of a process share its variables

    def parse_outgoing_data_references(self) -> list[Any]:
        return []

    def _get_lane(self) -> None:
        return None

    def parse_extensions(self, node: Any = None) -> dict[str, Any]:
        return {_KEY: self.node}

    def parse_node(self) -> Any:
        self.task = self.create_task()  # type: ignore[attr-defined]
        loop = child(self.node, "multiInstanceLoopCharacteristics")
        if loop is not None:
            self._add_multiinstance_task(loop)  # type: ignore[attr-defined]
        self.task.extensions = self.parse_extensions()
        return self.task


class _Task(_Element, TaskParser):  # type: ignore[misc]
    pass


class _Gateway(_Element, GatewayParser):  # type: ignore[misc]
    pass


class _Call(_Element, TaskParser):  # type: ignore[misc]
    def create_task(self) -> Any:
        called = called_process(self.node)
        return self.spec_class(self.spec, self.bpmn_id, subworkflow_spec=called, **self.bpmn_attributes)


class _Subprocess(_Element, TaskParser):  # type: ignore[misc]
    def create_task(self) -> Any:
        body = self.process_parser.add_subprocess(self.node)
        return self.spec_class(self.spec, self.bpmn_id, subworkflow_spec=body, **self.bpmn_attributes)


class _Plain(BpmnSpecMixin):  # type: ignore[misc]
    """An element of which Spiff's own spec asks for more than it has to know: decision tables, which
    `decisions` compiles, triggers, which `triggers` reads, or a script in the standard's words."""


class _ProcessParser(ProcessParser):  # type: ignore[misc]
    scope: str = ""

    def add_subprocess(self, node: etree._Element) -> str:
        """Make the parser of an embedded subprocess; returns its scope id."""
        parser = type(self)(self.parser, node, self.nsmap, self.data_stores, filename=self.filename)
        parser.parent = self
        parser.scope = f"{self.scope or self.bpmn_id}/{node.get('id')}"
        self.parser.process_parsers[parser.scope] = parser
        return parser.scope

    def create_spec(self) -> BpmnProcessSpec:
        return BpmnProcessSpec(name=self.scope or self.bpmn_id, filename=self.filename)

    def parse_io_spec(self) -> None:
        return None  # all steps of a process share its variables

    def add_tasks(self) -> None:
        findings: Findings = self.parser.findings
        for node in self.node:
            if (
                node.tag != BPMN + local(node)
                or local(node) not in FLOW_NODES
                or not check_node(node, findings)
            ):
                continue
            try:
                # not self.parse_node, which takes a node called "End" for Spiff's own
                parser, spec_class = self.parser._get_parser_class(node.tag)
                parser(self, spec_class, node, self.nsmap).parse_node()
            except Exception as error:  # noqa: BLE001 - whatever the library raises is about this element
                findings.error(
                    "element.unreadable",
                    node,
                    say("{element} can't be read: {reason}", element=label(node), reason=str(error)),
                    remedy=say("draw it anew"),
                )


_TAGS: dict[str, tuple[type, type, Kind]] = {
    "startEvent": (_Task, _Plain, "start"),
    "endEvent": (_Task, _Plain, "end"),
    "intermediateCatchEvent": (_Task, _Plain, "catch"),
    "intermediateThrowEvent": (_Task, _Plain, "throw"),
    "boundaryEvent": (_Task, _Plain, "boundary"),
    "task": (_Task, defaults.NoneTask, "task"),
    "userTask": (_Task, defaults.UserTask, "user"),
    "manualTask": (_Task, defaults.ManualTask, "manual"),
    "scriptTask": (_Task, _Plain, "script"),
    "businessRuleTask": (_Task, _Plain, "rule"),
    "serviceTask": (_Task, defaults.ServiceTask, "service"),
    "sendTask": (_Task, _Plain, "send"),
    "receiveTask": (_Task, _Plain, "receive"),
    "subProcess": (_Subprocess, defaults.SubWorkflowTask, "subprocess"),
    "transaction": (_Subprocess, defaults.TransactionSubprocess, "subprocess"),
    "callActivity": (_Call, defaults.CallActivity, "call"),
    "exclusiveGateway": (_Gateway, defaults.ExclusiveGateway, "xor"),
    "parallelGateway": (_Gateway, defaults.ParallelGateway, "and"),
    "inclusiveGateway": (_Gateway, defaults.InclusiveGateway, "or"),
    "eventBasedGateway": (_Task, _Plain, "race"),
}


_GLOBAL: dict[str, Kind] = {"globalTask": "task", "globalUserTask": "user", "globalManualTask": "manual"}


def kind_of_tag(tag: str) -> Kind:
    """What an element of this kind would be, if it could be read; a task for what is never run."""
    return _TAGS[tag][2] if tag in _TAGS else "task"


class _Parser(BpmnParser):  # type: ignore[misc]
    OVERRIDE_PARSER_CLASSES = {BPMN + tag: (parser, spec) for tag, (parser, spec, _) in _TAGS.items()}  # noqa: RUF012
    PROCESS_PARSER_CLASS = _ProcessParser

    def __init__(self, findings: Findings) -> None:
        super().__init__()
        self.findings = findings


# --- Spiff's specs, in the net's words


def _script(element: etree._Element) -> str | None:
    """The script with its lines as they are; None if the task calculates something else."""
    script = child(element, "script")
    return script.text if text_of(script) and script is not None else None


def _standard_loop(element: etree._Element) -> Loop | None:
    loop = child(element, "standardLoopCharacteristics")
    if loop is None:
        return None
    most = loop.get("loopMaximum")
    return Loop(
        "standard",
        condition=_text(text_of(child(loop, "loopCondition"))),
        before=is_true(loop.get("testBefore")),
        most=int(most) if most else None,
    )


def _loop(task: Any) -> Loop | None:
    match task:
        case defaults.ParallelMultiInstanceTask():
            return _many(task, Loop("parallel"))
        case defaults.SequentialMultiInstanceTask():
            return _many(task, Loop("sequential"))
    return None


def _many(task: Any, loop: Loop) -> Loop:
    # Spiff puts a data reference's text or id into bpmn_id and its name into bpmn_name.
    item, output_item = task.input_item, task.output_item
    return replace(
        loop,
        cardinality=_text(task.cardinality),
        collection=_text(task.data_input and task.data_input.bpmn_id),
        item=_text(item and (item.bpmn_name or item.bpmn_id)),
        output=_text(task.data_output and task.data_output.bpmn_id),
        output_item=_text(output_item and (output_item.bpmn_name or output_item.bpmn_id)),
        until=_text(task.condition),
    )


def _text(value: str | None) -> str | None:
    return (value or "").strip() or None
