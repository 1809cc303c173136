"""One process of a diagram → its scopes of the net, with what they call and decide by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lxml import etree
from msgspec.structs import replace

from ...errors import Text, say
from ..net import Event, Flow, Loop, Node, Scope, triggers
from . import correlation, dialect
from .associations import Associations
from .diagram import Diagram, Drawn, kind_of_tag
from .findings import BPMN, Findings, child, is_true, label, local, names, text_of
from .source import FLOW_NODES
from .structure import Draft, check_scope, links, starts_of
from .support import check_artefact, check_language
from .terms import check_expression, check_loop, check_name, check_script, check_timer
from .triggers import interrupts

# The standard's default language, which many modelers state and few mean.
_NOT_MEANT = "http://www.w3.org/1999/XPath"


@dataclass
class Process:
    """A compiled process: its scopes, the activities that call processes, and those that ask
    decisions with the scope they are in.

    `sketch` has the same scopes with what could not be read as well, as far as it can be seen: enough to
    check an item against, nothing to run. `unread` are the ids of these elements, and of those that a flow
    which leads nowhere is drawn at."""

    id: str
    element: etree._Element
    findings: Findings
    scopes: dict[str, Scope] = field(default_factory=dict)
    calls: list[tuple[etree._Element, str]] = field(default_factory=list)
    rules: list[tuple[str, etree._Element, str]] = field(default_factory=list)
    sketch: dict[str, Scope] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)


def compile_process(diagram: Diagram, process_id: str) -> Process:
    """Read process `process_id` with everything embedded in it. Problems go to the diagram's findings."""
    return _Compiler(diagram, process_id).run()


class _Compiler:
    def __init__(self, diagram: Diagram, process_id: str) -> None:
        self.diagram = diagram
        self.findings = diagram.findings
        self.process = diagram.processes[process_id]
        self.result = Process(process_id, self.process, self.findings)
        self.language = diagram.root.get("expressionLanguage", "")
        nodes = [e for e in self.process.iter(BPMN + "*") if local(e) in FLOW_NODES]
        self.order = {e.get("id", ""): place for place, e in enumerate(nodes)}
        self.elements = {e.get("id", ""): e for e in nodes}
        drawn_flows = list(self.process.iter(BPMN + "sequenceFlow"))
        self.sources = {e.get("id", ""): e.get("sourceRef", "") for e in drawn_flows}
        self.flows = self._flows(drawn_flows)
        self.lanes = _lanes(self.process, self.findings)
        self.data = _data_names(diagram.root)
        self.undone_by = _compensations(diagram.root, self.elements)

    def run(self) -> Process:
        waiting: list[tuple[str, etree._Element, str | None]] = [(self.result.id, self.process, None)]
        for scope_id, element, lane in waiting:
            self._check_artefacts(element)
            drawn_flows = self.flows.get(element, {})
            loose = bool(self.result.unread.intersection(e.get("id", "") for e in element))
            draft = Draft(scope_id, element, self.elements, self.sources, {}, drawn_flows, loose)
            found = self.diagram.nodes(scope_id)
            for drawn in sorted(found, key=lambda d: self.order[d.element.get("id", "")]):
                node = self._node(scope_id, drawn, lane)
                draft.nodes[node.id] = node
                if node.kind in ("subprocess", "handler") and node.body is not None:
                    waiting.append((node.body, drawn.element, node.lane))
            _connect(draft)
            check_scope(draft, self.findings)
            self.result.scopes[scope_id] = Scope(
                scope_id, element.get("name", ""), draft.nodes, draft.flows, starts_of(draft)
            )
            self.result.sketch[scope_id] = self._sketch(draft, drawn_flows, lane)
        inside = [node for scope in self.result.scopes.values() for node in scope.nodes.values()]
        key, paths = correlation.key_of(self.process, inside, self.diagram.names, self.findings)
        for path in paths:
            self._check_language(path, path)
        self.result.scopes[self.result.id] = replace(self.result.scopes[self.result.id], key=key)
        return self.result

    def _sketch(self, draft: Draft, flows: Mapping[str, Flow], lane: str | None) -> Scope:
        """The scope with everything in it that could not be read, and with all flows that are drawn."""
        if draft.whole:
            return self.result.scopes[draft.id]
        sketch = replace(draft, nodes=dict(draft.nodes), flows=dict(flows))
        for element in draft.element:
            if local(element) in FLOW_NODES and element.get("id") not in draft.nodes:
                around = self.lanes.get(element.get("id", "")) or lane
                for part in element.iter(BPMN + "*"):
                    if local(part) in FLOW_NODES:
                        self.result.unread.add(part.get("id", ""))
                        sketch.nodes[part.get("id", "")] = self._unread(part, around)
        _connect(sketch)
        name = draft.element.get("name", "")
        return Scope(draft.id, name, sketch.nodes, sketch.flows, starts_of(sketch))

    def _unread(self, element: etree._Element, inherited_lane: str | None) -> Node:
        """What can be seen of a flow node that could not be read. Its problems have been told."""
        id, host = element.get("id", ""), element.get("attachedToRef") or None
        script = child(element, "script")
        called = dialect.called_process(element) if local(element) == "callActivity" else ""
        if called and not called.startswith(("=", "${", "#{")):
            self.result.calls.append((element, called))
        return Node(
            id=id,
            kind=kind_of_tag(local(element)),
            order=self.order[id],
            name=element.get("name", ""),
            lane=self.lanes.get(id) or (self.lanes.get(host) if host else None) or inherited_lane,
            host=host,
            interrupting=interrupts(element),
            body=called or None,
            script=text_of(script) or None,
            properties=dialect.properties(element, Findings(self.findings.file, [])),
        )

    def _check_artefacts(self, scope: etree._Element) -> None:
        if scope is self.process:  # those of a subprocess are judged with it
            dialect.report_unknown(scope, self.findings)
            for part in scope:
                if local(part) not in FLOW_NODES and local(part) != "sequenceFlow":
                    check_artefact(part, self.findings)

    # --- nodes

    def _node(self, scope_id: str, drawn: Drawn, inherited_lane: str | None) -> Node:
        element = drawn.element
        node_id, host = element.get("id", ""), element.get("attachedToRef") or None
        lane = self.lanes.get(node_id) or (self.lanes.get(host) if host else None) or inherited_lane
        node = Node(
            id=node_id,
            kind=drawn.kind,
            order=self.order[node_id],
            name=element.get("name", ""),
            lane=lane,
            default=element.get("default") or None,
            event=drawn.event,
            host=host if drawn.kind == "boundary" else None,
            interrupting=drawn.interrupting,
            body=drawn.body,
            script=drawn.script,
            properties=dialect.properties(element, self.findings),
            undo=self.undone_by.get(node_id) if drawn.kind == "boundary" else None,
            compensation=is_true(element.get("isForCompensation")),
            transaction=local(element) == "transaction",
            locals=tuple(_own_data(element, self.data)) if drawn.kind in ("subprocess", "handler") else (),
        )
        associations = Associations(element, self.data, self.findings)
        answered = node.properties.get("result") if node.kind in _ANSWERED else None
        node = replace(node, inputs=associations.inputs(), outputs=associations.outputs(answered))
        dialect.report_unknown(element, self.findings)
        node = replace(node, result=node.properties.get("result"))
        if node.kind in ("service", "script") and node.script is None:
            source, result = dialect.expression(element)
            node = replace(node, expression=source, result=result or node.result)
        if drawn.loop is not None:
            node = replace(node, loop=self._loop(element, drawn.loop))
        if node.kind == "rule":
            decision, result = dialect.decision(element)
            node = replace(node, decision=decision, result=result or node.result)
            self.result.rules.append((scope_id, element, decision))
        elif node.kind == "call" and node.body is not None:
            self.result.calls.append((element, node.body))
        self._check_terms(element, node)
        return node

    def _loop(self, element: etree._Element, loop: Loop) -> Loop:
        """References to data objects, inputs and outputs become the names of the variables meant."""
        return replace(
            loop,
            collection=self._variable(
                element, loop.collection, "dataInputAssociation", "targetRef", "sourceRef"
            ),
            output=self._variable(element, loop.output, "dataOutputAssociation", "sourceRef", "targetRef"),
        )

    def _variable(
        self, activity: etree._Element, ref: str | None, association: str, inner: str, outer: str
    ) -> str | None:
        if ref is None:
            return None
        for link in activity.iterfind(BPMN + association):
            if text_of(child(link, inner)) == ref and text_of(child(link, outer)):
                ref = text_of(child(link, outer))
                break
        return self.data.get(ref, ref)

    def _check_terms(self, element: etree._Element, node: Node) -> None:
        if node.expression is not None:
            check_expression(element, say("expression"), node.expression, self.findings)
        if node.script is not None:
            check_script(element, node.script, self.findings)
        for trigger in triggers(node):
            self._check_trigger(element, trigger)
        for name, source in node.outputs:
            check_name(element, say("data output"), name, self.findings)
            check_expression(element, say("data output"), source, self.findings)
        for _, source in node.inputs:
            if not source.isidentifier():
                check_expression(element, say("data input"), source, self.findings)
        if node.loop is not None:
            check_loop(element, node.loop, self.findings)
        if node.result is not None:
            check_name(element, say("result variable"), node.result, self.findings)
        if "unit" in node.properties:
            check_expression(element, say("unit"), node.properties["unit"], self.findings)
        for part in element.iter(*_EXPRESSIONS):
            if part.getparent() is not None and _owner(part) is element:
                self._check_language(element, part)

    def _check_trigger(self, element: etree._Element, event: Event) -> None:
        if event.kind == "timer":
            check_timer(element, event, self.findings)
        elif event.kind == "conditional":
            check_expression(element, say("condition"), event.text or "", self.findings)
        elif event.kind == "link" and not event.name:
            self.findings.error(
                "link.no_name",
                element,
                say("{element} names no link", element=label(element)),
                remedy=say("give it the name of the link that it belongs to"),
            )
        for what, variable in (
            (say("variable of the code"), event.code_to),
            (say("variable of the message"), event.message_to),
        ):
            if variable is not None:
                check_name(element, what, variable, self.findings)
        name = event.name or ""
        if name.startswith("=") or "${" in name or "#{" in name:
            self.findings.error(
                "event.dynamic_name",
                element,
                say("{element} waits for a name that is computed", element=label(element)),
                found=say("{name}", name=name),
                remedy=say("give the message or signal a fixed name; tell cases apart by their number"),
            )

    def _check_language(self, element: etree._Element, expression: etree._Element) -> None:
        inherited = self.language if self.language != _NOT_MEANT else None
        check_language(element, expression.get("language", inherited), self.findings)

    # --- flows

    def _flows(self, drawn: list[etree._Element]) -> dict[etree._Element, dict[str, Flow]]:
        """The sequence flows by the scope both ends are in, wherever the flow itself stands."""
        found: dict[etree._Element, dict[str, Flow]] = {}
        for element in drawn:
            ends = [self._end(element, name) for name in ("sourceRef", "targetRef")]
            source, target = ends
            if source is None or target is None:
                self.result.unread.update(e.get("id", "") for e in ends if e is not None)
                continue
            scope = source.getparent()
            if scope is None or scope is not target.getparent():
                self._error(
                    "flow.crosses_border",
                    element,
                    say("{element} crosses the border of a subprocess", element=label(element)),
                    remedy=say("end it at the subprocess, and begin inside with a start event"),
                )
                self.result.unread.update((source.get("id", ""), target.get("id", "")))
                continue
            condition = child(element, "conditionExpression")
            flow = Flow(
                element.get("id", ""), source.get("id", ""), target.get("id", ""), self._condition(element)
            )
            if condition is not None:
                self._check_language(element, condition)
            found.setdefault(scope, {})[flow.id] = flow
        return found

    def _end(self, flow: etree._Element, name: str) -> etree._Element | None:
        end = flow.get(name, "")
        found = self.elements.get(end)
        if found is None:
            self.findings.error(
                "flow.unknown_node",
                flow,
                say("{element} leads from or to something that is not there", element=label(flow)),
                found=say("{name} “{id}”", name=name, id=end),
                remedy=say("delete the flow and draw it anew"),
            )
        return found

    def _condition(self, flow: etree._Element) -> str | None:
        condition = child(flow, "conditionExpression")
        if condition is None or self.elements[flow.get("sourceRef", "")].get("default") == flow.get("id"):
            return None  # the condition of a default flow is not evaluated (§8.4.13)
        text = text_of(condition)
        if not text:
            self._empty_condition(flow)
            return None
        check_expression(flow, say("condition"), text, self.findings)
        return text

    def _empty_condition(self, flow: etree._Element) -> None:
        """Some modelers write one on every flow: on the only way out it keeps no token off."""
        alone = [*self.sources.values()].count(flow.get("sourceRef", "")) == 1
        report = self.findings.warning if alone else self.findings.error
        report(
            "flow.empty_condition",
            flow,
            say("{element} has an empty condition", element=label(flow)),
            remedy=say("write the condition, or remove it"),
        )

    def _error(self, code: str, element: etree._Element, message: Text, remedy: Text) -> None:
        self.findings.error(code, element, message, remedy=remedy)


def _connect(draft: Draft) -> None:
    """Keep the flows between nodes that were read, and tell the nodes of them."""
    draft.flows = {
        f.id: f for f in draft.flows.values() if f.source in draft.nodes and f.target in draft.nodes
    }
    draft.flows.update((flow.id, flow) for flow in links(draft))
    incoming: dict[str, list[str]] = {}
    outgoing: dict[str, list[str]] = {}
    for flow in draft.flows.values():
        outgoing.setdefault(flow.source, []).append(flow.id)
        incoming.setdefault(flow.target, []).append(flow.id)
    for node_id, node in draft.nodes.items():
        draft.nodes[node_id] = replace(
            node,
            incoming=tuple(incoming.get(node_id, ())),
            outgoing=tuple(outgoing.get(node_id, ())),
        )


_EXPRESSIONS = tuple(
    BPMN + tag
    for tag in names(
        """timeDate timeDuration timeCycle loopCardinality completionCondition loopCondition condition
        transformation from"""
    )
)
_ANSWERED = frozenset({"user", "manual", "receive", "start", "catch", "boundary"})
"""What puts its answers, or what a message brings, together under its `result`, if it has one."""


def _owner(part: etree._Element) -> etree._Element | None:
    """The flow element an expression belongs to."""
    return next(
        (e for e in part.iterancestors() if local(e) in FLOW_NODES or local(e) == "sequenceFlow"), None
    )


def _lanes(process: etree._Element, findings: Findings) -> dict[str, str]:
    """Node id → name of its lane, the innermost one that has a name."""
    found: dict[str, tuple[int, str]] = {}
    for depth, name, lane in _all_lanes(process):
        for ref in lane.iterfind(BPMN + "flowNodeRef"):
            node = text_of(ref)
            known = found.get(node)
            if known is not None and known[0] == depth and known[1] != name:
                findings.warning(
                    "lane.twice",
                    lane,
                    say(
                        "{node} is in the lanes “{first}” and “{second}”",
                        node=node,
                        first=known[1],
                        second=name,
                    ),
                    remedy=say("the first one counts; move the step out of the other"),
                )
            elif name and (known is None or known[0] < depth):
                found[node] = (depth, name)
    return {node: name for node, (_, name) in found.items()}


def _all_lanes(process: etree._Element) -> Iterator[tuple[int, str, etree._Element]]:
    for lane in process.iter(BPMN + "lane"):
        around = [lane, *lane.iterancestors(BPMN + "lane")]
        yield len(around), next((e.get("name", "") for e in around if e.get("name")), ""), lane


def _compensations(root: etree._Element, elements: Mapping[str, etree._Element]) -> dict[str, str]:
    """Compensation boundary event → its compensation activity, which an association leads to (§10.7.1)."""
    found: dict[str, str] = {}
    for association in root.iter(BPMN + "association"):
        ends = [elements.get(association.get(name, "")) for name in ("sourceRef", "targetRef")]
        for event, activity in (ends, ends[::-1]):  # some modelers draw it from the activity
            if event is None or activity is None or local(event) != "boundaryEvent":
                continue
            if is_true(activity.get("isForCompensation")):
                found.setdefault(event.get("id", ""), activity.get("id", ""))
    return found


def _data_names(root: etree._Element) -> dict[str, str]:
    """Id → name of everything a multi-instance activity may name its collections by."""
    names: dict[str, str] = {}
    for element in root.iter(*(BPMN + tag for tag in _DATA)):
        if element.get("id") and element.get("name"):
            names.setdefault(element.get("id", ""), element.get("name", ""))
    for reference in root.iter(BPMN + "dataObjectReference"):
        meant = reference.get("dataObjectRef")
        if not reference.get("name") and meant:
            names[reference.get("id", "")] = names.get(meant, meant)
    return names


def _own_data(subprocess: etree._Element, names: Mapping[str, str]) -> Iterator[str]:
    """The names of the variables that begin and end with the subprocess (§10.4.1): those of its data objects,
    by whatever reference, and of its properties."""
    objects = {e.get("id", "") for e in subprocess.iterfind(BPMN + "dataObject")}
    for element in subprocess.iter(BPMN + "dataObjectReference"):
        if element.get("dataObjectRef") in objects:
            yield names.get(element.get("id", ""), "")
    for element in (*subprocess.iterfind(BPMN + "dataObject"), *subprocess.iterfind(BPMN + "property")):
        if not element.get("name", "").startswith("__"):  # what bpmn.io ties associations to
            yield names.get(element.get("id", ""), element.get("id", ""))


_DATA = ("dataObject", "dataObjectReference", "dataInput", "dataOutput", "property")
