"""Which elements of BPMN 2.0.2 are run, and what to draw in place of the others.

An element is either run as the standard says or refused here by name: nothing is approximated.
"""

from __future__ import annotations

from lxml import etree

from ...errors import Text, say
from .dialect import called_process, decision
from .findings import BPMN, WORDS, Findings, child, label, local, names, text_of
from .source import FLOW_NODES

_TASKS = frozenset({"userTask", "manualTask", "scriptTask", "businessRuleTask"})
_ACTIVITIES = _TASKS | {"subProcess", "callActivity"}
_TRIGGERS = {
    "startEvent": frozenset({"message", "signal", "timer"}),
    "endEvent": frozenset({"message", "signal", "terminate"}),
    "intermediateCatchEvent": frozenset({"message", "signal", "timer"}),
    "intermediateThrowEvent": frozenset({"message", "signal"}),
    "boundaryEvent": frozenset({"message", "signal", "timer"}),
}
_MAY_BE_BARE = frozenset({"startEvent", "endEvent", "intermediateThrowEvent"})
_TIMES = ("timeDate", "timeDuration", "timeCycle")
_GATEWAYS = frozenset({"exclusiveGateway", "parallelGateway", "inclusiveGateway", "eventBasedGateway"})
SUPPORTED = _ACTIVITIES | _GATEWAYS | frozenset(_TRIGGERS)

_INSTEAD: dict[str, Text] = {
    "task": say("make it a user task, a manual task or a script task"),
    "serviceTask": say("draw a script task for a calculation, a user task for a person's work"),
    "sendTask": say("draw an intermediate message throw event"),
    "receiveTask": say("draw an intermediate message catch event"),
    "complexGateway": say(
        "draw an inclusive gateway, or a multi-instance activity with a completion condition"
    ),
    "transaction": say("draw an embedded subprocess, and the way back as ordinary steps"),
    "adHocSubProcess": say("draw an inclusive gateway with one flow to each step that may be needed"),
    "dataStoreReference": say("draw a data object, or say it in a text annotation"),
}
_TRIGGER_WORDS: dict[str, Text] = {
    "message": say("message"),
    "signal": say("signal"),
    "timer": say("timer"),
    "terminate": say("terminate"),
    "error": say("error"),
    "escalation": say("escalation"),
    "compensate": say("compensation"),
    "conditional": say("conditional"),
    "cancel": say("cancel"),
    "link": say("link"),
    "eventDefinitionRef": say("referenced"),
}
_TRIGGER_INSTEAD: dict[str, Text] = {
    "error": say("draw an exclusive gateway behind the step and lead the failed case its own way"),
    "escalation": say("draw a message or signal event, or a non-interrupting boundary timer"),
    "compensate": say("draw the steps that undo the work on a flow of their own"),
    "conditional": say("draw an exclusive gateway, or a message event that is sent when the condition holds"),
    "cancel": say("draw an interrupting message boundary event"),
    "link": say("draw the sequence flow itself"),
    "terminate": say("draw the terminate event as an end event"),
    "timer": say("draw an intermediate timer catch event"),
}
_SUBPROCESS_START = say(
    "begin the subprocess with a start event without a trigger and catch the event inside"
)
_ORDINARY = say("draw a boundary event on the activity, or an embedded subprocess in the flow")
_LOOP = say("draw a gateway with a flow back, or a multi-instance activity")

# What a flow node may contain, and what of it has a meaning for the run (checked where it is read).
_HARMLESS = names(
    """documentation extensionElements auditing monitoring categoryValueRef incoming outgoing
    ioSpecification ioBinding property dataInput dataOutput inputSet outputSet rendering"""
)
_PERFORMERS = frozenset({"resourceRole", "performer", "humanPerformer", "potentialOwner"})
_ASSOCIATIONS = frozenset({"dataInputAssociation", "dataOutputAssociation"})
_LANGUAGES = ("feel", "juel", "uel", "python")


def check_node(node: etree._Element, findings: Findings) -> bool:
    """Whether this flow node can be run as drawn; if not, `findings` says why and what to draw."""
    before = len(findings.problems)
    tag = local(node)
    if tag not in SUPPORTED:
        _refuse(node, findings, WORDS.get(tag, say("{tag}", tag=tag)), _INSTEAD.get(tag))
        return False
    _check_attributes(node, findings)
    if tag in _TRIGGERS:
        _check_trigger(node, findings)
    for part in node:
        _check_part(node, part, findings)
    if tag == "callActivity":
        _check_call(node, findings)
    elif tag == "businessRuleTask" and not decision(node)[0]:
        findings.error(
            "rule.no_decision",
            node,
            say("{element} names no decision", element=label(node)),
            remedy=say("give the id of a decision table of a .dmn file beside the diagram"),
        )
    elif tag == "scriptTask":
        _check_script(node, findings)
    return not any(p.severity == "error" for p in findings.problems[before:])


def check_artefact(element: etree._Element, findings: Findings) -> None:
    """A child of a process or subprocess that is no flow element: refused if it would mean something."""
    tag = local(element)
    if element.tag != BPMN + tag or tag in _ARTEFACTS or tag in _PERFORMERS:
        if tag in _PERFORMERS:
            _warn_performer(element, element, findings)
        return
    _refuse(element, findings, WORDS.get(tag, say("{tag}", tag=tag)), _INSTEAD.get(tag))


# Drawn for the reader, or about data that all steps share anyway.
_ARTEFACTS = names(
    """documentation extensionElements auditing monitoring supportedInterfaceRef ioSpecification ioBinding
    property laneSet dataObject dataObjectReference textAnnotation association group artifact supports
    correlationSubscription multiInstanceLoopCharacteristics standardLoopCharacteristics incoming outgoing
    dataInputAssociation dataOutputAssociation categoryValueRef"""
)


def check_language(element: etree._Element | None, language: str | None, findings: Findings) -> None:
    """Refuse an expression that says it is in a language which is not read here."""
    if language and not any(known in language.lower() for known in _LANGUAGES):
        findings.error(
            "expression.language",
            element,
            say(
                "{element} is written in {language}",
                element="" if element is None else label(element),
                language=language,
            ),
            expected=say("Python-like expressions, JUEL (${…}) or FEEL (= …)"),
            remedy=say("rewrite it and remove the language attribute"),
        )


def _refuse(node: etree._Element, findings: Findings, what: Text, instead: Text | None) -> None:
    findings.error(
        "element.unsupported",
        node,
        say("{element}: {what} is not supported", element=label(node), what=what),
        found=what,
        remedy=instead or say("draw it with tasks, gateways and message, signal or timer events"),
    )


def _check_attributes(node: etree._Element, findings: Findings) -> None:
    if is_true(node.get("triggeredByEvent")):
        _refuse(node, findings, say("event subprocess"), _ORDINARY)
    if is_true(node.get("isForCompensation")):
        _refuse(node, findings, say("compensation activity"), _TRIGGER_INSTEAD["compensate"])
    if is_true(node.get("instantiate")) or node.get("eventGatewayType") == "Parallel":
        _refuse(
            node,
            findings,
            say("instantiating event-based gateway"),
            say("draw one process for each start event"),
        )
    for name in ("startQuantity", "completionQuantity"):
        if node.get(name, "1") != "1":
            _refuse(
                node, findings, say("{name} other than 1", name=name), say("draw a multi-instance activity")
            )


def _check_trigger(node: etree._Element, findings: Findings) -> None:
    tag = local(node)
    definitions = triggers(node)
    if not definitions and tag not in _MAY_BE_BARE:
        _refuse(
            node, findings, say("event without a trigger"), say("make it a message, signal or timer event")
        )
    if len(definitions) > 1:
        _refuse(
            node,
            findings,
            say("multiple event"),
            say("draw one event for each trigger, behind an event-based gateway where the first one counts"),
        )
        return
    for definition in definitions:
        kind = local(definition).removesuffix("EventDefinition")
        words = _TRIGGER_WORDS.get(kind, say("{tag}", tag=kind))
        parent = node.getparent()
        if tag == "startEvent" and parent is not None and local(parent) == "subProcess":
            _refuse(
                node, findings, say("{trigger} start event in a subprocess", trigger=words), _SUBPROCESS_START
            )
        elif kind not in _TRIGGERS[tag]:
            what = say("{trigger} {event}", trigger=words, event=WORDS[tag])
            _refuse(node, findings, what, _TRIGGER_INSTEAD.get(kind))
        elif kind == "timer" and sum(child(definition, time) is not None for time in _TIMES) != 1:
            findings.error(
                "timer.unclear",
                node,
                say("{element} has not exactly one time", element=label(node)),
                expected=say("one of date, duration and cycle"),
                remedy=say("give one of them, for example the duration P5D"),
            )


def triggers(node: etree._Element) -> list[etree._Element]:
    """The event definitions of an event, references to shared ones included."""
    return [
        part
        for part in node
        if part.tag == BPMN + local(part) and local(part).endswith(("EventDefinition", "eventDefinitionRef"))
    ]


def _check_part(node: etree._Element, part: etree._Element, findings: Findings) -> None:
    tag = local(part)
    if part.tag != BPMN + tag or tag in _HARMLESS:
        return
    if tag in _PERFORMERS:
        _warn_performer(node, part, findings)
    elif tag in _ASSOCIATIONS:
        if child(part, "transformation") is not None or child(part, "assignment") is not None:
            _refuse(
                node,
                findings,
                say("data association with a transformation or assignment"),
                say("draw a script task that sets the variable"),
            )
    elif tag == "standardLoopCharacteristics":
        _refuse(node, findings, say("standard loop"), _LOOP)
    elif tag == "multiInstanceLoopCharacteristics":
        _check_loop(node, part, findings)
    elif local(node) == "subProcess":
        if tag not in FLOW_NODES and tag != "sequenceFlow":
            check_artefact(part, findings)
    elif not (tag == "script" or (local(node) in _TRIGGERS and part in triggers(node))):
        _refuse(node, findings, WORDS.get(tag, say("{tag}", tag=tag)), None)


def _warn_performer(node: etree._Element, part: etree._Element, findings: Findings) -> None:
    findings.warning(
        "performer.not_executed",
        node,
        say("{element}: {tag} does not decide who acts", element=label(node), tag=local(part)),
        remedy=say("put the step into the lane of the post that performs it"),
    )


def _check_loop(node: etree._Element, loop: etree._Element, findings: Findings) -> None:
    if local(node) not in _ACTIVITIES:
        _refuse(node, findings, say("multi-instance on something that is no activity"), None)
    for name in ("noneBehaviorEventRef", "oneBehaviorEventRef"):
        if loop.get(name):
            _refuse(
                node, findings, say("multi-instance that throws events"), say("remove the behaviour event")
            )
    if loop.get("behavior", "All") != "All" or child(loop, "complexBehaviorDefinition") is not None:
        _refuse(
            node,
            findings,
            say("multi-instance behaviour other than All"),
            say("say in a completion condition when enough instances are done"),
        )
    count, collection = text_of(child(loop, "loopCardinality")), text_of(child(loop, "loopDataInputRef"))
    if bool(count) == bool(collection):
        findings.error(
            "loop.unclear_count",
            node,
            say("{element} does not say how many instances it has", element=label(node)),
            expected=say("exactly one of loop cardinality and collection"),
            found=say("both") if count else say("neither"),
            remedy=say("name the list to go through as collection, or give a loop cardinality"),
        )
    item, output_item = item_name(loop, "inputDataItem"), item_name(loop, "outputDataItem")
    output = text_of(child(loop, "loopDataOutputRef"))
    if item and not collection:
        findings.error(
            "loop.item_without_collection",
            node,
            say("{element} names an element variable but no collection", element=label(node)),
            remedy=say("name the collection the elements come from"),
        )
    if bool(output) != bool(output_item) and not (output and item):
        findings.error(
            "loop.incomplete_output",
            node,
            say("{element} gives only half of its output", element=label(node)),
            expected=say("an output collection and an output element, or neither"),
            remedy=say("give both"),
        )


def item_name(loop: etree._Element, tag: str) -> str:
    """The name of a multi-instance's input or output item; empty if it has none."""
    item = child(loop, tag)
    return "" if item is None else item.get("name") or item.get("id") or ""


def _check_call(node: etree._Element, findings: Findings) -> None:
    called = called_process(node)
    if not called:
        findings.error(
            "call.no_process",
            node,
            say("{element} names no process", element=label(node)),
            remedy=say("set its called element to the id of a process"),
        )
    elif called.startswith(("=", "${", "#{")):
        findings.error(
            "call.dynamic",
            node,
            say("{element} chooses the called process while running", element=label(node)),
            found=say("{called}", called=called),
            remedy=say("draw an exclusive gateway with one call activity for each process"),
        )


def _check_script(node: etree._Element, findings: Findings) -> None:
    check_language(node, node.get("scriptFormat"), findings)
    if len(node.findall(BPMN + "script")) != 1 or not text_of(child(node, "script")):
        findings.error(
            "script.missing",
            node,
            say("{element} has not exactly one script", element=label(node)),
            remedy=say("write assignments such as “fee = 20”, or make it a manual task"),
        )


def is_true(value: str | None) -> bool:
    """A boolean attribute, as `source` has made uniform; absent is false."""
    return value == "true"
