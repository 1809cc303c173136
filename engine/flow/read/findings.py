"""What is wrong with a file, and how its elements are called when that is said."""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree

from ...errors import NOTHING, Problem, Text, say

BPMN = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"

WORDS: dict[str, Text] = {
    "process": say("process"),
    "sequenceFlow": say("sequence flow"),
    "startEvent": say("start event"),
    "endEvent": say("end event"),
    "intermediateCatchEvent": say("intermediate catch event"),
    "intermediateThrowEvent": say("intermediate throw event"),
    "boundaryEvent": say("boundary event"),
    "userTask": say("user task"),
    "manualTask": say("manual task"),
    "scriptTask": say("script task"),
    "businessRuleTask": say("business rule task"),
    "subProcess": say("subprocess"),
    "callActivity": say("call activity"),
    "exclusiveGateway": say("exclusive gateway"),
    "parallelGateway": say("parallel gateway"),
    "inclusiveGateway": say("inclusive gateway"),
    "eventBasedGateway": say("event-based gateway"),
    "task": say("task without a type"),
    "serviceTask": say("service task"),
    "sendTask": say("send task"),
    "receiveTask": say("receive task"),
    "complexGateway": say("complex gateway"),
    "transaction": say("transaction"),
    "adHocSubProcess": say("ad-hoc subprocess"),
    "dataStoreReference": say("data store"),
    "lane": say("lane"),
    "message": say("message"),
    "signal": say("signal"),
    "decision": say("decision"),
    "businessKnowledgeModel": say("knowledge model"),
}


def names(text: str) -> frozenset[str]:
    """The words of `text`, a list of tags or attributes."""
    return frozenset(text.split())


def local(element: etree._Element) -> str:
    """The element's name without its namespace."""
    return etree.QName(element).localname


def child(element: etree._Element, *tags: str) -> etree._Element | None:
    """The BPMN descendant found by following first children `tags`, or None."""
    return element.find("/".join(BPMN + tag for tag in tags))


def text_of(element: etree._Element | None) -> str:
    """The element's own text, trimmed; empty if there is no element."""
    return "" if element is None else (element.text or "").strip()


def short(text: str) -> str:
    """`text` as a message can quote it."""
    return text if len(text) <= 80 else text[:79] + "…"


def label(element: etree._Element) -> Text:
    """What a reader recognises the element by: kind, name if it has one, id."""
    tag = local(element)
    params = {
        "kind": WORDS.get(tag, tag),
        "name": short(element.get("name", "")),
        "id": element.get("id", ""),
    }
    if params["name"]:
        return say("{kind} “{name}” ({id})", **params)
    if not params["id"] and (around := named(element)):
        return say("{kind} in {id}", kind=params["kind"], id=around)
    return say("{kind} {id}", **params)


def named(element: etree._Element | None) -> str | None:
    """The id by which the element is found: its own, else that of the nearest one around it."""
    while element is not None and (around := element.getparent()) is not None:
        if element.get("id"):
            return element.get("id")
        element = around
    return None


def is_true(value: str | None) -> bool:
    """A boolean attribute, as `source` has made uniform; absent is false."""
    return value == "true"


def refuse(node: etree._Element, findings: Findings, what: Text, instead: Text | None) -> None:
    """Report that `what` of `node` is not run, and what to draw `instead`."""
    findings.error(
        "element.unsupported",
        node,
        say("{element}: {what} is not supported", element=label(node), what=what),
        found=what,
        remedy=instead or say("draw it with tasks, gateways and message, signal or timer events"),
    )


@dataclass(frozen=True)
class Findings:
    """Collects the problems of `file` into a list shared by all files."""

    file: str
    problems: list[Problem]

    def error(
        self,
        code: str,
        element: etree._Element | None,
        message: Text,
        *,
        expected: Text = NOTHING,
        found: Text = NOTHING,
        remedy: Text = NOTHING,
        place: tuple[int, int] | None = None,
    ) -> None:
        """Something that forbids running the diagram. `place` is line and column if there is no element."""
        name, (line, column) = named(element), place or (None, None)
        self.problems.append(
            Problem(code, "error", self.file, name, message, expected, found, remedy, line, column)
        )

    def warning(
        self, code: str, element: etree._Element | None, message: Text, *, remedy: Text = NOTHING
    ) -> None:
        """Something that is drawn but has no effect."""
        name = named(element)
        self.problems.append(Problem(code, "warning", self.file, name, message, remedy=remedy))
