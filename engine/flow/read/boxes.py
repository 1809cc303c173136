"""Boxed expressions of decision files (DMN 1.3 §7.3; 1.4 for conditionals, filters and loops) → the boxes of
`engine.expressions`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from lxml import etree

from ...errors import Text, say
from ...expressions import shown
from .findings import local, text_of

Box = str | dict[str, Any]

_TAGS = frozenset(
    {
        *("literalExpression", "decisionTable", "invocation", "context", "list", "relation"),
        *("functionDefinition", "conditional", "filter", "for", "some", "every"),
    }
)


@dataclass(frozen=True)
class Boxes:
    """Reads the boxes of one decision. `table` reads a decision table, given an id for it; `refuse` keeps
    what can't be read, and what to draw instead."""

    id: str
    table: Callable[[str, etree._Element], dict[str, Any]]
    refuse: Callable[[Text, Text], None]

    def within(self, holder: etree._Element | None, where: str = "") -> Box:
        """The expression that stands in `holder`; empty if there is none. `where`: the way there."""
        drawn = None if holder is None else next(_expressions(holder), None)
        return "" if drawn is None else self.box(drawn, where)

    def box(self, drawn: etree._Element, where: str) -> Box:
        """The expression that `drawn` is."""
        kind = local(drawn)
        match kind:
            case "literalExpression":
                return text_of(drawn.find("{*}text"))
            case "decisionTable":
                return {"table": self.table(f"{self.id}{where}", drawn)}
            case "invocation":
                return self.invocation(drawn, where)
            case "context":
                return self.context(drawn, where)
            case "list":
                return {"list": [self.box(e, f"{where}/{i}") for i, e in enumerate(_expressions(drawn), 1)]}
            case "relation":
                return self.relation(drawn, where)
            case "functionDefinition":
                return self.function(drawn, where)
            case "conditional":
                return self.parts(drawn, where, "if", "then", "else")
            case "filter":
                inner = self.parts(drawn, where, "in", "match")
                return {"filter": inner["in"], "match": inner["match"]}
        result = "return" if kind == "for" else "satisfies"
        return {kind: drawn.get("iteratorVariable", "").strip(), **self.parts(drawn, where, "in", result)}

    def parts(self, drawn: etree._Element, where: str, *tags: str) -> dict[str, Any]:
        return {tag: self.within(drawn.find("{*}" + tag), f"{where}/{tag}") for tag in tags}

    def invocation(self, drawn: etree._Element, where: str) -> Box:
        """As FEEL writes it, if all that it binds are texts (§7.3.6)."""
        given = []
        for binding in drawn.iterfind("{*}binding"):
            parameter = binding.find("{*}parameter")
            name = "" if parameter is None else parameter.get("name", "")
            given.append([name, self.within(binding, f"{where}/{name}") or "null"])
        called = drawn.find("{*}literalExpression")
        box = {"call": "" if called is None else text_of(called.find("{*}text")), "with": given}
        return shown(box) if all(isinstance(value, str) for _, value in given) else box

    def context(self, drawn: etree._Element, where: str) -> Box:
        """Rows with a name, and the result: a row without one."""
        rows: list[list[Any]] = []
        found: dict[str, Any] = {"context": rows}
        for entry in drawn.iterfind("{*}contextEntry"):
            variable = entry.find("{*}variable")
            name = "" if variable is None else variable.get("name", "").strip()
            if name:
                rows.append([name, self.within(entry, f"{where}/{name}")])
            else:
                found["result"] = self.within(entry, where)
        return found if rows or "result" in found else ""

    def relation(self, drawn: etree._Element, where: str) -> Box:
        """A list of records (§7.3.4)."""
        columns = [e.get("name", "").strip() for e in drawn.iterfind("{*}column")]
        rows = []
        for i, row in enumerate(drawn.iterfind("{*}row"), 1):
            drawn_cells = list(_expressions(row))
            if len(drawn_cells) != len(columns):
                what = say("has a relation whose row {row} has not one cell for each column", row=i)
                self.refuse(what, say("give each row one cell for each column"))
            cells = zip(columns, drawn_cells, strict=False)
            rows.append({"record": [[name, self.box(cell, f"{where}/{i}/{name}")] for name, cell in cells]})
        return {"list": rows}

    def function(self, drawn: etree._Element, where: str) -> Box:
        kind = drawn.get("kind", "FEEL")
        if kind != "FEEL":
            what = say("defines a function in {language}", language=kind)
            self.refuse(what, say("write the function as an expression, of the kind FEEL"))
        parameters = [e.get("name", "").strip() for e in drawn.iterfind("{*}formalParameter")]
        return {"function": parameters, "body": self.within(drawn, where)}


def _expressions(holder: etree._Element) -> Iterator[etree._Element]:
    return (element for element in holder.iterchildren("{*}*") if local(element) in _TAGS)
