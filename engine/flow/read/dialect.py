"""What modelers write beside the standard, and which of it this engine understands.

Camunda 7 (`camunda:`), Camunda 8 (`zeebe:`) and Spiff (`spiffworkflow:`) say the same few things in three
ways; here they become one. Whatever else those engines would execute is reported, never guessed at.
"""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from ...errors import say
from .findings import BPMN, Findings, child, label, local, names, text_of

CAMUNDA = "{http://camunda.org/schema/1.0/bpmn}"
ZEEBE = "{http://camunda.org/schema/zeebe/1.0}"
SPIFF = "{http://spiffworkflow.org/bpmn/schema/1.0/core}"

_KIN = ("{http://activiti.org/bpmn}", "{http://flowable.org/bpmn}", "{http://operaton.org/schema/1.0/bpmn}")
"""Camunda 7's relations, which say the same in the same words."""
_ENGINES = (CAMUNDA, ZEEBE, SPIFF, "{http://www.jboss.org/drools}")

_UNDERSTOOD = frozenset(
    {CAMUNDA + n for n in ("properties", "formKey", "decisionRef", "collection", "elementVariable")}
    | {CAMUNDA + n for n in ("errorCodeVariable", "errorMessageVariable", "escalationCodeVariable")}
    | {
        ZEEBE + n
        for n in ("properties", "formDefinition", "calledDecision", "calledElement", "loopCharacteristics")
    }
    | {SPIFF + n for n in ("properties", "calledDecisionId")}
)
# How another engine stores, schedules, lists or versions things; it changes nothing of what is drawn.
_HARMLESS = frozenset(
    {
        CAMUNDA + n
        for n in names(
            """async asyncBefore asyncAfter asyncLeave exclusive jobPriority historyTimeToLive
        isStartableInTasklist versionTag modelerTemplate modelerTemplateVersion modelerTemplateIcon
        decisionRefBinding decisionRefVersion calledElementBinding calledElementVersion"""
        )
    }
    | {
        ZEEBE + n
        for n in (
            "userTask",
            "versionTag",
            "modelerTemplate",
            "modelerTemplateVersion",
            "modelerTemplateIcon",
        )
    }
)
# On a rule task the variable of the result; elsewhere the value of a script or bean, which has none here.
_RESULT = CAMUNDA + "resultVariable"
_EXPRESSION = CAMUNDA + "expression"


def unify(root: etree._Element) -> None:
    """Write what Camunda 7's relations say as Camunda 7 says it."""
    for element in root.iter("*"):
        if element.tag.startswith(_KIN):
            element.tag = CAMUNDA + local(element)
        for name in [str(name) for name in element.attrib]:
            if name.startswith(_KIN):
                element.set(CAMUNDA + etree.QName(name).localname, element.attrib.pop(name))
        if (result := element.get(CAMUNDA + "resultVariableName")) is not None:
            del element.attrib[CAMUNDA + "resultVariableName"]
            element.set(_RESULT, result)


def extension(element: etree._Element, tag: str) -> etree._Element | None:
    """The extension element `tag` ({namespace}name) of `element`, or None."""
    return element.find(f"{BPMN}extensionElements/{tag}")


def properties(element: etree._Element, findings: Findings) -> dict[str, str]:
    """The extension properties of `element`, the attributes that stand for one included."""
    found: dict[str, str] = {}
    for name, value in _stated(element):
        if found.setdefault(name, value) != value:
            findings.error(
                "property.twice",
                element,
                say("{element} has the property {name} twice", element=label(element), name=name),
                found=say("“{first}” and “{second}”", first=found[name], second=value),
                remedy=say("keep one of them"),
            )
    return found


def _stated(element: etree._Element) -> Iterator[tuple[str, str]]:
    for namespace in (CAMUNDA, ZEEBE, SPIFF):
        holder = extension(element, namespace + "properties")
        for item in holder if holder is not None else ():
            name, value = item.get("name", ""), item.get("value") or text_of(item)
            # A field of an element template that nobody filled in is written with an empty value.
            if item.tag == namespace + "property" and name and value:
                yield name, value
    definition = extension(element, ZEEBE + "formDefinition")
    for form in (
        element.get(CAMUNDA + "formKey"),
        definition.get("formKey") or definition.get("formId") if definition is not None else None,
    ):
        if form:
            yield "form", form


def decision(task: etree._Element) -> tuple[str, str | None]:
    """The decision a business rule task asks ("" if none) and the variable of its result (None if none)."""
    called = extension(task, ZEEBE + "calledDecision")
    if called is not None:
        return called.get("decisionId", ""), called.get("resultVariable") or None
    named = task.get(CAMUNDA + "decisionRef") or text_of(extension(task, SPIFF + "calledDecisionId"))
    return named, task.get(_RESULT) or None


def expression(task: etree._Element) -> tuple[str, str | None]:
    """What a service task, or a script task of Camunda 8, calculates ("" if it does something else), and the
    variable that this is kept in (None: it is not kept)."""
    script = extension(task, ZEEBE + "script")
    if script is not None:
        return script.get("expression") or "", script.get("resultVariable") or None
    return task.get(_EXPRESSION) or "", task.get(_RESULT) or None


def caught_into(definition: etree._Element) -> tuple[str | None, str | None]:
    """The variables that receive the code and the message of a caught error or escalation."""
    code = definition.get(CAMUNDA + "errorCodeVariable") or definition.get(CAMUNDA + "escalationCodeVariable")
    return code or None, definition.get(CAMUNDA + "errorMessageVariable") or None


def called_process(call: etree._Element) -> str:
    """The process a call activity calls; empty if it names none."""
    vendor = extension(call, ZEEBE + "calledElement")
    return call.get("calledElement") or (vendor is not None and vendor.get("processId")) or ""


def standardise_loop(loop: etree._Element) -> None:
    """Write a vendor's multi-instance attributes as the standard's elements, where those are missing."""
    vendor = extension(loop, ZEEBE + "loopCharacteristics")
    stated = {
        "loopDataInputRef": loop.get(CAMUNDA + "collection"),
        "inputDataItem": loop.get(CAMUNDA + "elementVariable"),
    }
    if vendor is not None:
        stated = {
            "loopDataInputRef": vendor.get("inputCollection"),
            "inputDataItem": vendor.get("inputElement"),
            "loopDataOutputRef": vendor.get("outputCollection"),
            "outputDataItem": vendor.get("outputElement"),
        }
    for tag, value in stated.items():
        if value and child(loop, tag) is None:
            added = etree.SubElement(loop, BPMN + tag)
            if tag.endswith("Item"):
                added.set("name", value)
            else:
                added.text = value


def _is_mapping(inner: etree._Element) -> bool:
    """Whether an extension moves data between scopes, which would change the way a case takes."""
    if inner.tag in (CAMUNDA + "in", CAMUNDA + "out"):
        return bool(inner.get("source") or inner.get("sourceExpression") or inner.get("local"))
    if inner.tag == ZEEBE + "calledElement":
        return inner.get("propagateAllChildVariables") == "false"
    return inner.tag in (CAMUNDA + "inputOutput", ZEEBE + "ioMapping") and len(inner) > 0


def does_something(task: etree._Element) -> bool:
    """Whether a task names what another engine, or a service, would do in it. One that names nothing has
    nothing to do."""
    implementation = task.get("implementation") or "##unspecified"
    stated = task.get("operationRef") or implementation not in ("##unspecified", "##WebService")
    return bool(stated or _unknown(task))


def report_unknown(element: etree._Element, findings: Findings) -> None:
    """Warn of what another engine would execute here and this one does not; refuse what would change data."""
    for inner in _extensions(element):
        if _is_mapping(inner):
            findings.error(
                "extension.mapping",
                element,
                say(
                    "{element}: {name} maps variables, which is not done here",
                    element=label(element),
                    name=local(inner),
                ),
                remedy=say(
                    "take it out: a subprocess shares the variables around it, a called process sees its "
                    "caller's and gives its own back"
                ),
            )
    if unknown := _unknown(element):
        findings.warning(
            "extension.not_executed",
            element,
            say(
                "{element}: {names} is not executed here",
                element=label(element),
                names=", ".join(dict.fromkeys(etree.QName(n).localname for n in unknown)),
            ),
            remedy=say("say it with BPMN elements or with the properties described in processes/README.md"),
        )


def _unknown(element: etree._Element) -> list[str]:
    """What another engine would execute at the element, and this one does not."""
    found = [str(name) for part in _parts(element) for name in part.attrib]
    found += [inner.tag for inner in _extensions(element) if not _is_mapping(inner)]
    understood = _UNDERSTOOD | _HARMLESS
    if local(element) == "businessRuleTask":
        understood |= {_RESULT}
    elif local(element) == "serviceTask":
        understood |= {_RESULT, _EXPRESSION}
    elif local(element) == "scriptTask":
        understood |= {ZEEBE + "script"}
    return [name for name in found if name.startswith(_ENGINES) and name not in understood]


def _parts(element: etree._Element) -> list[etree._Element]:
    """The element and what of it may have extensions of its own."""
    triggers = [part for part in element if local(part).endswith("EventDefinition")]
    return [element, *element.iterfind(BPMN + "multiInstanceLoopCharacteristics"), *triggers]


def _extensions(element: etree._Element) -> list[etree._Element]:
    holders = [holder for part in _parts(element) for holder in part.iterfind(BPMN + "extensionElements")]
    return [inner for holder in holders for inner in holder]
