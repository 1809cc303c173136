"""Decision files (DMN 1.1 to 1.5) → the plain tables of `engine.expressions`.

Spiff's own reader takes one decision a file, stops at annotations and labels, and drops value lists,
defaults and aggregation; decision tables are flat enough to be read directly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lxml import etree

from ...errors import Text, say
from ...expressions import Malformed, compile_table
from .dialect import CAMUNDA
from .findings import Findings, label, local, text_of
from .source import MOST_ELEMENTS, parse
from .support import check_language

_LISTS = ("RULE ORDER", "OUTPUT ORDER", "COLLECT")


@dataclass(frozen=True)
class Decision:
    """A decision as drawn, and where problems with it go."""

    element: etree._Element
    findings: Findings

    @property
    def id(self) -> str:
        return self.element.get("id", "").strip()


def parse_decisions(data: bytes, findings: Findings) -> list[Decision]:
    """The decisions of a file; empty, with a problem, if it is no DMN file."""
    root = parse(data, findings)
    if root is None:
        return []
    namespace = etree.QName(root).namespace or ""
    if local(root) != "definitions" or not namespace.startswith(_NAMESPACES):
        findings.error(
            "dmn.not_dmn",
            None,
            say("the file is not a DMN decision model"),
            found=say("{tag}", tag=root.tag),
            remedy=say("export it from the modeler as DMN 1.3"),
        )
        return []
    if sum(1 for _ in root.iter("*")) > MOST_ELEMENTS * 4:
        findings.error("dmn.too_many", None, say("the decision model is too large"), remedy=say("split it"))
        return []
    return [Decision(element, findings) for element in root.iterfind("{*}decision")]


_NAMESPACES = ("http://www.omg.org/spec/DMN/", "https://www.omg.org/spec/DMN/")


def table(decision: Decision) -> dict[str, Any] | None:
    """The decision's table in the form `engine.expressions.compile_table` reads, or None and problems."""
    element, findings = decision.element, decision.findings
    drawn = element.find("{*}decisionTable")
    if drawn is None:
        _refuse(decision, say("is not a decision table"), say("write it as a decision table"))
        return None
    if any(local(e) in ("requiredDecision", "requiredKnowledge") for e in element.iter("*")):
        _refuse(
            decision,
            say("requires other decisions"),
            say("draw one business rule task for each decision, one after the other"),
        )
        return None
    before = len(findings.problems)
    for part in drawn.iter("*"):
        check_language(element, part.get("expressionLanguage"), findings)
        if part.get(CAMUNDA + "inputVariable"):
            _refuse(decision, say("names an input variable"), say("write “?” for the input's value"))
        if local(part) == "defaultOutputEntry" and _text(part):
            _refuse(
                decision, say("has a default output entry"), say("add a last rule with the hit policy FIRST")
            )
    spec = _spec(decision, drawn)
    if len(findings.problems) > before:
        return None
    try:
        compile_table(spec)
    except Malformed as error:
        findings.error(
            "dmn.malformed",
            element,
            say("{element} can't be read: {reason}", element=label(element), reason=error.message),
            remedy=say("correct the cell; processes/README.md describes what cells may say"),
        )
        return None
    return spec


def result_name(spec: dict[str, Any]) -> str | None:
    """The variable of the result where the diagram names none: a single output's name; None if the
    outputs become variables one by one. ValueError if neither can be."""
    names = [output["name"] for output in spec["outputs"]]
    many = spec["hit"] in _LISTS and spec["aggregation"] is None
    if not all(name.isidentifier() for name in names) or (many and len(names) > 1):
        raise ValueError(spec["id"])
    return names[0] if len(names) == 1 else None


def _spec(decision: Decision, drawn: etree._Element) -> dict[str, Any]:
    variable = decision.element.find("{*}variable")
    fallback = "" if variable is None else variable.get("name", "")
    return {
        "id": decision.id,
        "name": decision.element.get("name", "").strip(),
        "hit": " ".join(drawn.get("hitPolicy", "UNIQUE").upper().split()),
        "aggregation": drawn.get("aggregation"),
        "inputs": [
            {"expression": _text(e.find("{*}inputExpression")), "values": _values(e, "inputValues")}
            for e in drawn.iterfind("{*}input")
        ],
        "outputs": [
            {
                "name": (e.get("name") or fallback or e.get("label") or "").strip(),
                "values": _values(e, "outputValues"),
            }
            for e in drawn.iterfind("{*}output")
        ],
        "rules": [
            {
                "tests": [_text(cell) for cell in rule.iterfind("{*}inputEntry")],
                "outputs": [_text(cell) for cell in rule.iterfind("{*}outputEntry")],
            }
            for rule in drawn.iterfind("{*}rule")
        ],
    }


def _text(holder: etree._Element | None) -> str:
    return "" if holder is None else text_of(holder.find("{*}text"))


def _values(holder: etree._Element, tag: str) -> list[str] | None:
    text = _text(holder.find("{*}" + tag))
    return [text] if text else None


def _refuse(decision: Decision, what: Text, instead: Text) -> None:
    decision.findings.error(
        "dmn.unsupported",
        decision.element,
        say("{element} {what}", element=label(decision.element), what=what),
        found=what,
        remedy=instead,
    )
