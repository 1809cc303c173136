"""Which elements of BPMN 2.0.2 are run, and what to draw in place of the others.

An element is either run as the standard says or refused here by name: nothing is approximated.
"""

from __future__ import annotations

from lxml import etree

from ...errors import Text, say
from .dialect import called_process, decision, does_something, expression
from .findings import BPMN, WORDS, Findings, child, is_true, label, local, names, refuse, text_of
from .source import FLOW_NODES
from .triggers import TRIGGERS, check_triggers

_TASKS = names("task userTask manualTask scriptTask businessRuleTask serviceTask sendTask receiveTask")
_SUBPROCESSES = frozenset({"subProcess", "transaction"})
_ACTIVITIES = _TASKS | _SUBPROCESSES | {"callActivity"}
_GATEWAYS = frozenset({"exclusiveGateway", "parallelGateway", "inclusiveGateway", "eventBasedGateway"})
SUPPORTED = _ACTIVITIES | _GATEWAYS | frozenset(TRIGGERS)

_WORK: dict[str, Text] = {
    "serviceTask": say(
        "give it an expression (camunda:expression), draw a script task for a calculation, a user task for a "
        "person's work"
    ),
    "scriptTask": say("write assignments such as “fee = 20”, or make it a manual task"),
    "businessRuleTask": say("give the id of a decision table of a .dmn file beside the diagram"),
    "subProcess": say("draw its steps, or a call activity"),
    "transaction": say("draw its steps, or a call activity"),
}
"""What can be done here without a person."""
_INSTEAD: dict[str, Text] = {
    "complexGateway": say(
        "draw an inclusive gateway, or a multi-instance activity with a completion condition"
    ),
    "adHocSubProcess": say("draw an inclusive gateway with one flow to each step that may be needed"),
    "dataStoreReference": say("draw a data object, or say it in a text annotation"),
}

# What a flow node may contain, and what of it has a meaning for the run (checked where it is read).
_HARMLESS = names(
    """documentation extensionElements auditing monitoring categoryValueRef incoming outgoing
    ioSpecification ioBinding property dataInput dataOutput inputSet outputSet rendering
    dataInputAssociation dataOutputAssociation"""
)
_PERFORMERS = frozenset({"resourceRole", "performer", "humanPerformer", "potentialOwner"})
_LANGUAGES = ("feel", "juel", "uel", "python")


def check_node(node: etree._Element, findings: Findings) -> bool:
    """Whether this flow node can be run as drawn; if not, `findings` says why and what to draw."""
    before = len(findings.problems)
    tag = local(node)
    if tag not in SUPPORTED:
        refuse(node, findings, WORDS.get(tag, say("{tag}", tag=tag)), _INSTEAD.get(tag))
        return False
    _check_attributes(node, findings)
    if tag in TRIGGERS:
        check_triggers(node, findings)
    for part in node:
        _check_part(node, part, findings)
    if tag == "callActivity":
        _check_call(node, findings)
    elif is_idle(node):
        findings.warning(
            "task.nothing_to_do",
            node,
            say("{element} names nothing to do: it is done as soon as it is reached", element=label(node)),
            remedy=_WORK[tag],
        )
    elif tag == "businessRuleTask" and not decision(node)[0]:
        findings.error(
            "rule.no_decision",
            node,
            say("{element} names no decision", element=label(node)),
            remedy=_WORK[tag],
        )
    elif tag == "scriptTask":
        _check_script(node, findings)
    elif tag == "serviceTask" and not expression(node)[0]:
        refuse(node, findings, say("service task without an expression"), _WORK[tag])
    elif tag == "task":
        findings.warning(
            "task.no_type",
            node,
            say("{element} waits for nobody: it is done as soon as it is reached", element=label(node)),
            remedy=say("make it a user task, a manual task or a script task"),
        )
    return not any(p.severity == "error" for p in findings.problems[before:])


def is_idle(node: etree._Element) -> bool:
    """Whether an automatic task, or a subprocess, says nothing of what it does. Then it is the equivalent of
    a task without a type (§10.3.3, of scripts; §13.3.4: with no token inside a subprocess is done)."""
    if local(node) in _SUBPROCESSES:
        return not is_true(node.get("triggeredByEvent")) and not any(local(e) in FLOW_NODES for e in node)
    if local(node) not in _WORK or does_something(node):
        return False
    return not (decision(node)[0] or expression(node)[0] or text_of(child(node, "script")))


def check_artefact(element: etree._Element, findings: Findings) -> None:
    """A child of a process or subprocess that is no flow element: refused if it would mean something."""
    tag = local(element)
    if element.tag != BPMN + tag or tag in _ARTEFACTS or tag in _PERFORMERS:
        if tag in _PERFORMERS:
            _warn_performer(element, element, findings)
        return
    if tag in _DESCRIPTIVE:
        findings.warning(
            "element.not_executed",
            element,
            say(
                "{element} is only a drawing: nothing is read from it or written to it",
                element=label(element),
            ),
            remedy=_INSTEAD.get(tag, say("leave it as documentation, or remove it")),
        )
        return
    refuse(element, findings, WORDS.get(tag, say("{tag}", tag=tag)), _INSTEAD.get(tag))


# Drawn for the reader, or about data that all steps share anyway.
_ARTEFACTS = names(
    """documentation extensionElements auditing monitoring supportedInterfaceRef ioSpecification ioBinding
    property laneSet dataObject dataObjectReference textAnnotation association group artifact supports
    correlationSubscription multiInstanceLoopCharacteristics standardLoopCharacteristics incoming outgoing
    dataInputAssociation dataOutputAssociation categoryValueRef"""
)

# Read by people only, and what some modelers write where it does not belong.
_DESCRIPTIVE = names(
    """dataStoreReference dataInput dataOutput dataState text category categoryValue resource itemDefinition
    messageFlow rendering"""
)
"""What depends on a data store is refused where it does (`associations`)."""


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


def _check_attributes(node: etree._Element, findings: Findings) -> None:
    if is_true(node.get("triggeredByEvent")):
        for tag in ("multiInstanceLoopCharacteristics", "standardLoopCharacteristics"):
            if child(node, tag) is not None:
                refuse(node, findings, say("event subprocess that is a loop"), say("put the loop inside"))
        if is_true(node.get("isForCompensation")) or local(node) == "transaction":
            what = say("event subprocess that is a handler or a transaction besides")
            refuse(node, findings, what, say("draw that inside it"))
    if node.get("method", "##Compensate") != "##Compensate":
        refuse(
            node,
            findings,
            say("transaction that is cancelled by other means than compensation"),
            say("draw what undoes each of its steps as compensation"),
        )
    if node.get("eventGatewayType") == "Parallel" and not is_true(node.get("instantiate")):
        refuse(
            node,
            findings,
            say("event-based gateway that waits for all of its events"),
            say("draw a parallel multiple event"),
        )
    for name in ("startQuantity", "completionQuantity"):
        if node.get(name, "1") != "1":
            refuse(
                node, findings, say("{name} other than 1", name=name), say("draw a multi-instance activity")
            )


def _check_part(node: etree._Element, part: etree._Element, findings: Findings) -> None:
    tag = local(part)
    if part.tag != BPMN + tag or tag in _HARMLESS:
        return
    if tag in _PERFORMERS:
        _warn_performer(node, part, findings)
    elif tag == "standardLoopCharacteristics":
        _check_standard_loop(node, part, findings)
    elif tag == "multiInstanceLoopCharacteristics":
        _check_loop(node, part, findings)
    elif local(node) in _SUBPROCESSES:
        if tag not in FLOW_NODES and tag != "sequenceFlow":
            check_artefact(part, findings)
    elif not (tag == "script" or (local(node) in TRIGGERS and _is_trigger(tag))):
        refuse(node, findings, WORDS.get(tag, say("{tag}", tag=tag)), None)


def _is_trigger(tag: str) -> bool:
    return tag.endswith(("EventDefinition", "eventDefinitionRef"))


def _check_standard_loop(node: etree._Element, loop: etree._Element, findings: Findings) -> None:
    if local(node) not in _ACTIVITIES:
        refuse(node, findings, say("loop on something that is no activity"), None)
    if child(node, "multiInstanceLoopCharacteristics") is not None:
        refuse(node, findings, say("two kinds of loop at once"), say("keep one of them"))
    most = loop.get("loopMaximum", "")
    if most and not (most.isascii() and most.isdigit()):
        findings.error(
            "loop.maximum",
            node,
            say("{element}: the loop maximum is not a whole number", element=label(node)),
            found=say("{value}", value=most),
            remedy=say("write a number, or a loop condition"),
        )
    if not most and not text_of(child(loop, "loopCondition")):
        findings.error(
            "loop.endless",
            node,
            say("{element} does not say how long it is repeated", element=label(node)),
            expected=say("a loop condition or a loop maximum"),
            remedy=say(
                "write the condition under which it is done again, or draw a gateway with a flow back"
            ),
        )


def _warn_performer(node: etree._Element, part: etree._Element, findings: Findings) -> None:
    findings.warning(
        "performer.not_executed",
        node,
        say("{element}: {tag} does not decide who acts", element=label(node), tag=local(part)),
        remedy=say("put the step into the lane of the post that performs it"),
    )


def _check_loop(node: etree._Element, loop: etree._Element, findings: Findings) -> None:
    if local(node) not in _ACTIVITIES:
        refuse(node, findings, say("multi-instance on something that is no activity"), None)
    for name in ("noneBehaviorEventRef", "oneBehaviorEventRef"):
        if loop.get(name):
            refuse(
                node, findings, say("multi-instance that throws events"), say("remove the behaviour event")
            )
    if loop.get("behavior", "All") != "All" or child(loop, "complexBehaviorDefinition") is not None:
        refuse(
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
    scripts = [*node.iterfind(BPMN + "script")]
    written = bool(text_of(child(node, "script"))) + bool(expression(node)[0])
    if written != 1 or len(scripts) > 1:
        findings.error(
            "script.missing",
            node,
            say("{element} has not exactly one script", element=label(node)),
            remedy=_WORK["scriptTask"],
        )
