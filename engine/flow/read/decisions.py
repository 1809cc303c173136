"""Decision files (DMN 1.1 to 1.5) → the plain tables of `engine.expressions`.

Spiff's own reader takes one decision a file, stops at annotations and labels, and drops value lists,
defaults and aggregation; decisions are flat enough to be read directly.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import partial
from typing import Any

from lxml import etree

from ...clock import OFFICE_ZONE
from ...errors import NOTHING, Text, say
from ...expressions import Coverage, Example, Malformed, compile_table, examine, shown
from .boxes import Boxes
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
    """The decision, and all that it requires, in the form `engine.expressions.compile_table` reads, or None
    and problems."""
    before = len(decision.findings.problems)
    model = _Model(decision)
    spec = model.spec()
    if spec is None or len(decision.findings.problems) > before:
        return None
    try:
        compiled = compile_table(spec)
    except Malformed as error:
        broken = model.parts.get(error.table, decision)
        _malformed(broken, error.message, error.expected, error.found)
        return None
    parts = list(compiled.parts())
    for part in parts:
        for name in sorted(model.unclear.get(part.id, frozenset()) & part.own):
            _refuse(
                model.parts[part.id],
                say("reads “{name}”, which several of the decisions that it requires give", name=name),
                say("give the outputs different names, or write the decision's own name"),
            )
        for mistake in part.mistakes(OFFICE_ZONE):
            _malformed(model.parts[part.id], mistake)
    if len(decision.findings.problems) > before:
        return None
    for part in parts:
        whole = [type_ in _WHOLE for type_ in model.inputs.get(part.id, ())]
        _report(model.parts[part.id], part.hit, examine(part, whole))
    return spec


def _malformed(decision: Decision, reason: Text, expected: Text = NOTHING, found: Text = NOTHING) -> None:
    decision.findings.error(
        "dmn.malformed",
        decision.element,
        say("{element} can't be read: {reason}", element=label(decision.element), reason=reason),
        expected=expected,
        found=found,
        remedy=say("correct the cell; processes/README.md describes what cells may say"),
    )


def _report(decision: Decision, hit: str, coverage: Coverage) -> None:
    """Gaps are warnings: perhaps the data never get there. So are overlaps that may do no harm; those that
    would stop a case are errors."""
    element, findings = decision.element, decision.findings
    for gap in coverage.gaps:
        findings.warning(
            "dmn.gap",
            element,
            say("{element}: no rule for {example}", element=label(element), example=_example(gap)),
            remedy=say("add a rule for it, a default output, or the list of values that the input may have"),
        )
    for overlap in coverage.overlaps:
        first, second = overlap.rules
        message = say(
            "{element}: rules {first} and {second} both match {example}",
            element=label(element),
            first=first,
            second=second,
            example=_example(overlap.example),
        )
        harmful = overlap.outputs == "different" or (hit == "UNIQUE" and overlap.outputs == "unknown")
        if harmful and not coverage.related:
            findings.error(
                "dmn.overlap",
                element,
                message,
                expected=say("one rule at most") if hit == "UNIQUE" else say("the same outputs of both"),
                remedy=say("narrow one of the rules, or choose the hit policy FIRST or PRIORITY"),
            )
        else:
            remedy = say("narrow one of the rules, or choose a hit policy that allows several to match")
            findings.warning("dmn.overlap", element, message, remedy=remedy)
    if coverage.opaque or not coverage.complete:
        message = say(
            "{element}: gaps and overlaps not checked for rules {rules}",
            element=label(element),
            rules=", ".join(str(number) for number in coverage.opaque[:20]),
        )
        if not coverage.complete:
            message = say(
                "{element}: too large to be checked for all gaps and overlaps", element=label(element)
            )
        remedy = say("only values, comparisons and ranges with fixed limits can be checked")
        findings.warning("dmn.not_checked", element, message, remedy=remedy)


def _example(inputs: Example) -> str:
    return ", ".join(f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in inputs) or "-"


def result_name(spec: dict[str, Any]) -> str | None:
    """The variable of the result where the diagram names none: a single output's name; None if the
    outputs become variables one by one. ValueError if neither can be."""
    names = [output["name"] for output in spec["outputs"]]
    many = spec["hit"] in _LISTS and spec["aggregation"] is None
    if not all(name.isidentifier() for name in names) or (many and len(names) > 1):
        raise ValueError(spec["id"])
    return names[0] if len(names) == 1 else None


class _Model:
    """A decision and what it requires (DMN 1.3 §6.3), in the order in which they are evaluated."""

    def __init__(self, decision: Decision) -> None:
        self.decision = decision
        self.root = decision.element.getroottree().getroot()
        self.elements = {e.get("id"): e for e in self.root if e.get("id")}
        self.types = {e.get("name", ""): e for e in self.root.iterfind("{*}itemDefinition")}
        self.requires: list[dict[str, Any]] = []
        self.done: set[str] = set()
        self.path: list[str] = []
        self.parts: dict[str, Decision] = {}
        self.inputs: dict[str, list[str]] = {}  # the types of a table's inputs
        self.unclear: dict[str, frozenset[str]] = {}  # names that several required decisions give

    def spec(self) -> dict[str, Any] | None:
        """The decision as `compile_table` reads it; None, with a problem, if it can't be read."""
        check_language(self.root, self.root.get("expressionLanguage"), self.decision.findings)
        spec = self.required(self.decision)
        if spec is None:
            return None
        if self.requires:
            spec["requires"] = self.requires
        if names := self.odd_names():
            spec["names"] = names
        return spec

    def required(self, decision: Decision) -> dict[str, Any] | None:
        """What the decision or knowledge model says, after all that it requires."""
        self.path.append(decision.id)
        complete = True
        for link in decision.element.iter("{*}requiredDecision", "{*}requiredKnowledge"):
            complete = self.follow(decision, link.get("href", "")) and complete
        self.path.pop()
        spec = self.body(decision) if complete else None
        if spec is not None and (also := self.also(decision, json.dumps(spec, ensure_ascii=False))):
            spec["also"] = also
        return spec

    def also(self, decision: Decision, said: str) -> dict[str, list[str | None]]:
        """What the decision's texts (in `said`) may call the decisions that it requires, beside their names:
        by their ids, and by the names of their outputs, as Camunda Modeler does. The names of input data
        come first; a name that several give is `unclear`."""
        asked = [
            self.elements[self.named(link.get("href", ""))]
            for link in decision.element.iter("{*}requiredDecision")
        ]
        own = {_variable(element) for element in (*asked, *self.root.iterfind("{*}inputData"))}
        found: dict[str, list[list[str | None]]] = {}
        for element in asked:
            name = _variable(element)
            outputs = element.findall("{*}decisionTable/{*}output")
            parts = {o.get("name", "").strip(): None if len(outputs) == 1 else o.get("name") for o in outputs}
            for alias, part in {element.get("id", ""): None, **parts}.items():
                if alias and alias not in own and alias in said:
                    found.setdefault(alias, []).append([name, part])
        self.unclear[decision.id] = frozenset(alias for alias, ways in found.items() if len(ways) > 1)
        return {alias: ways[0] for alias, ways in found.items() if len(ways) == 1}

    def follow(self, decision: Decision, href: str) -> bool:
        """Read what `href` names into `requires`; False, with a problem, if there is nothing to read."""
        id = self.named(href)
        if id in self.done:
            return True
        element = self.elements.get(id)
        if element is None:
            what = say("requires {name}, which is not in this file", name=href)
            _refuse(decision, what, say("draw all that it requires in one file"))
        elif id in self.path or len(self.path) > _LONGEST_CHAIN:
            what = say("requires itself, by way of {name}", name=id)
            _refuse(decision, what, say("take one of the requirements away"))
        else:
            needed = Decision(element, decision.findings)
            spec = self.required(needed)
            self.done.add(id)
            if spec is None:
                return False
            entry: dict[str, Any] = {"name": _variable(element), "table": spec}
            if local(element) == "businessKnowledgeModel":
                logic = element.iterfind("{*}encapsulatedLogic/{*}formalParameter")
                entry["parameters"] = [parameter.get("name", "") for parameter in logic]
            self.requires.append(entry)
            return True
        return False

    def named(self, href: str) -> str:
        """The id of what is named in this file, by `#id` or with the file's own namespace before it."""
        return href.removeprefix(self.root.get("namespace", "")).removeprefix("#")

    def body(self, decision: Decision) -> dict[str, Any] | None:
        """The logic of one decision or knowledge model."""
        element = decision.element
        self.parts[decision.id] = decision
        if local(element) == "decisionService":
            _refuse(decision, say("is a decision service"), say("require the decisions in it themselves"))
            return None
        holder = element.find("{*}encapsulatedLogic")
        holder = element if holder is None else holder
        for part in holder.iter("*"):
            check_language(element, part.get("expressionLanguage"), decision.findings)
        drawn = holder.find("{*}decisionTable")
        if drawn is not None:
            return self.table(decision, decision.id, drawn)
        before = len(decision.findings.problems)
        boxes = Boxes(decision.id, partial(self.inner, decision), partial(_refuse, decision))
        box = boxes.within(holder)
        if len(decision.findings.problems) > before:
            return None
        if not box:
            _refuse(
                decision,
                say("is neither a decision table nor an expression"),
                say(
                    "write it as a decision table, a literal expression, an invocation or a boxed expression"
                ),
            )
            return None
        spec = {
            "id": decision.id,
            "name": element.get("name", "").strip(),
            "hit": "UNIQUE",
            "aggregation": None,
            "inputs": [],
            "outputs": [{"name": _variable(element), "values": None}],
            "rules": [{"tests": [], "outputs": [shown(box)]}],
        }
        return spec if isinstance(box, str) else {**spec, "boxed": box}

    def inner(self, decision: Decision, id: str, drawn: etree._Element) -> dict[str, Any]:
        """A table in a box."""
        self.parts[id] = decision
        return self.table(decision, id, drawn)

    def table(self, decision: Decision, id: str, drawn: etree._Element) -> dict[str, Any]:
        drawn_outputs = drawn.findall("{*}output")
        expressions = drawn.iterfind("{*}input/{*}inputExpression")
        self.inputs[id] = [self.type(e.get("typeRef"))[0] for e in expressions]
        return {
            "id": id,
            "name": decision.element.get("name", "").strip(),
            "hit": " ".join(drawn.get("hitPolicy", "UNIQUE").upper().split()),
            "aggregation": drawn.get("aggregation"),
            "inputs": [self.input(e) for e in drawn.iterfind("{*}input")],
            "outputs": [self.output(decision, drawn, e, len(drawn_outputs) > 1) for e in drawn_outputs],
            "rules": [
                {
                    "tests": [_text(cell) for cell in rule.iterfind("{*}inputEntry")],
                    "outputs": [_text(cell) for cell in rule.iterfind("{*}outputEntry")],
                }
                for rule in drawn.iterfind("{*}rule")
            ],
        }

    def input(self, element: etree._Element) -> dict[str, Any]:
        expression = element.find("{*}inputExpression")
        base, values = self.type(None if expression is None else expression.get("typeRef"))
        spec: dict[str, Any] = {
            "expression": _text(expression),
            "values": _values(element, "inputValues") or values,
        }
        if base in _TEMPORAL:
            spec["type"] = _TEMPORAL[base]
        if variable := element.get(_CAMUNDA + "inputVariable", "").strip():
            spec["variable"] = variable
        return spec

    def output(
        self, decision: Decision, drawn: etree._Element, element: etree._Element, many: bool
    ) -> dict[str, Any]:
        name = element.get("name") or ("" if many else _variable(decision.element, named=False))
        type_ = element.get("typeRef") or (None if many else drawn.get("typeRef"))
        spec: dict[str, Any] = {
            "name": (name or element.get("label") or "").strip(),
            "values": _values(element, "outputValues") or self.type(type_)[1],
        }
        if default := _text(element.find("{*}defaultOutputEntry")):
            spec["default"] = default
        return spec

    def type(self, name: str | None) -> tuple[str, list[str] | None]:
        """The type that `name` comes down to, and what its values may be (item definitions, §7.3.2)."""
        values = None
        for _ in self.types:
            definition = self.types.get(name or "")
            if definition is None:
                break
            values = values or _values(definition, "allowedValues")
            name = text_of(definition.find("{*}typeRef"))
        return (name or "").rpartition(":")[2], values

    def odd_names(self) -> list[str]:
        """The names in this file that are no plain words: FEEL can only tell them if it knows them."""
        found = {e.get("name", "").strip() for tag in _NAMING for e in self.root.iter("{*}" + tag)}
        return sorted(name for name in found if name and not re.fullmatch(r"\w+", name))


_NAMING = (
    *("variable", "formalParameter", "itemComponent", "output", "parameter", "decision", "inputData"),
    *("column",),
    "businessKnowledgeModel",
)
_WHOLE = ("integer", "long")
_CAMUNDA = "{http://camunda.org/schema/1.0/dmn}"
_LONGEST_CHAIN = 100
"""Decisions that require each other one after the other."""

_TEMPORAL = {
    "date": "date",
    "time": "time",
    "dateTime": "date and time",
    "date and time": "date and time",
    "dayTimeDuration": "duration",
    "days and time duration": "duration",
    "yearMonthDuration": "duration",
    "years and months duration": "duration",
}


def _variable(element: etree._Element, named: bool = True) -> str:
    """The variable that holds what the element decides; by default it is called like the element."""
    variable = element.find("{*}variable")
    name = "" if variable is None else variable.get("name", "").strip()
    return name or (element.get("name", "").strip() if named else "")


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
