# ruff: noqa: E501 - lines of XML are easier to read whole
"""Decisions as a modeler writes them: what they decide, what is refused, which gaps and overlaps are told."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
import time
from datetime import UTC, datetime
from decimal import Decimal
from html import escape
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import Problem
from engine.expressions import Failed, Malformed, compile_expression, compile_table
from engine.flow.marking import variables
from engine.flow.net import Net
from engine.flow.read import read
from engine.flow.step import Start, step

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
ZONE = "Asia/Shanghai"
RUNNER = Path(__file__).parent.parent / "bench" / "dmn_tck.py"

# --- files as Camunda Modeler writes them


def definitions(*elements: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" xmlns:dmndi="https://www.omg.org/spec/DMN/20191111/DMNDI/" '
        'xmlns:dc="http://www.omg.org/spec/DMN/20180521/DC/" xmlns:biodi="http://bpmn.io/schema/dmn/biodi/2.0" '
        'xmlns:modeler="http://camunda.org/schema/modeler/1.0" id="Definitions_1" name="DRD" namespace="http://camunda.org/schema/1.0/dmn" '
        'exporter="Camunda Modeler" exporterVersion="5.30.0" modeler:executionPlatform="Camunda Cloud">'
        + "".join(elements)
        + "<dmndi:DMNDI/></definitions>"
    ).encode()


def text(tag: str, content: str, more: str = "") -> str:
    return f"<{tag}{more}><text>{escape(content, quote=False)}</text></{tag}>"


def decision(
    body: str, id: str = "d", name: str = "", variable: str = "", needs: str = "", knows: str = ""
) -> str:
    links = "".join(
        f'<informationRequirement id="r_{need}"><requiredDecision href="#{need}"/></informationRequirement>'
        for need in needs.split()
    )
    links += "".join(
        f'<knowledgeRequirement id="k_{need}"><requiredKnowledge href="#{need}"/></knowledgeRequirement>'
        for need in knows.split()
    )
    named = f'<variable id="v_{id}" name="{variable}"/>' if variable else ""
    return f'<decision id="{id}" name="{name or id}">{named}{links}{body}</decision>'


def table(
    *rules: str,
    inputs: str = "x:number",
    outputs: str = "y",
    hit: str = "",
    aggregation: str = "",
    values: dict[str, str] | None = None,
    defaults: dict[str, str] | None = None,
) -> str:
    """A table. Each rule is `test ; test => output ; output`, `inputs` and `outputs` `name:type; name`."""
    drawn = [
        f'<decisionTable id="t"{f" hitPolicy={hit!r}" if hit else ""}{f" aggregation={aggregation!r}" if aggregation else ""}>'
    ]
    for number, column in enumerate(inputs.split(";"), 1):
        source, _, type_ = column.strip().partition(":")
        allowed = text("inputValues", values[source]) if values and source in values else ""
        drawn.append(
            f'<input id="i{number}" label="{number}" biodi:width="192">'
            + text("inputExpression", source, f' id="e{number}" typeRef="{type_ or "string"}"')
            + f"{allowed}</input>"
        )
    for number, column in enumerate(outputs.split(";"), 1):
        name = column.strip()
        allowed = text("outputValues", values[name]) if values and name in values else ""
        default = text("defaultOutputEntry", defaults[name]) if defaults and name in defaults else ""
        drawn.append(f'<output id="o{number}" name="{name}" typeRef="string">{allowed}{default}</output>')
    drawn.append('<annotation name="why"/>')
    for rule in rules:
        tests, _, results = rule.partition("=>")
        drawn.append("<rule>")
        drawn += [text("inputEntry", cell.strip()) for cell in tests.split(";")]
        drawn += [text("outputEntry", cell.strip()) for cell in results.split(";")]
        drawn.append(text("annotationEntry", "because") + "</rule>")
    return "".join(drawn) + "</decisionTable>"


def literal(expression: str) -> str:
    return text("literalExpression", expression, ' id="l"')


DIAGRAM = (
    b'<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:camunda="http://camunda.org/schema/1.0/bpmn" targetNamespace="t">'
    b'<process id="p" isExecutable="true"><startEvent id="start"/><businessRuleTask id="x" camunda:decisionRef="d" camunda:resultVariable="answer"/>'
    b'<endEvent id="end"/><sequenceFlow id="a" sourceRef="start" targetRef="x"/><sequenceFlow id="b" sourceRef="x" targetRef="end"/></process></definitions>'
)


def published(*elements: str) -> tuple[Net | None, list[Problem]]:
    """A process that asks decision `d` of a file with these elements."""
    return read({"p.bpmn": DIAGRAM, "rules.dmn": definitions(*elements)})


def decided(body: str, /, **data: Any) -> Any:
    """What the only decision, with this logic, says of the data."""
    return asked((decision(body),), data)


def asked(elements: tuple[str, ...], data: dict[str, Any]) -> Any:
    net, problems = published(*elements)
    assert net is not None, [str(p.message) for p in problems]
    spec = Net.from_json(json.loads(json.dumps(net.to_json()))).tables["d"]
    return compile_table(spec).evaluate(data, NOW, ZONE)


def problems(*elements: str) -> list[Problem]:
    return [p for p in published(*elements)[1] if p.code.startswith("dmn.")]


def told(body: str) -> list[tuple[str, str, str]]:
    return [(p.severity, p.code, str(p.message).partition(": ")[2]) for p in problems(decision(body))]


def value(expression: str, /, **data: Any) -> Any:
    return decided(literal(expression), **data)


def unread(expression: str) -> Any:
    """The value of an expression that publishing has not looked at."""
    rule = {"tests": [], "outputs": [expression]}
    outputs = [{"name": "y", "values": None}]
    spec = {"id": "d", "name": "", "hit": "UNIQUE", "aggregation": None, "inputs": [], "outputs": outputs}
    return compile_table(spec | {"rules": [rule]}).evaluate({}, NOW, ZONE)


# --- hit policies (§8.2.10)

OVERLAPPING = ('< 10 => "a"', '< 20 => "b"', '< 30 => "a"')
BEST_FIRST = {"y": '"b","a"'}


@pytest.mark.parametrize(
    ("hit", "x", "expected"),
    [
        ("FIRST", 5, "a"),
        ("FIRST", 15, "b"),
        ("FIRST", 99, None),
        ("PRIORITY", 5, "b"),
        ("PRIORITY", 25, "a"),
        ("RULE ORDER", 5, ["a", "b", "a"]),
        ("RULE ORDER", 99, None),
        ("OUTPUT ORDER", 5, ["b", "a", "a"]),
        ("COLLECT", 15, ["b", "a"]),
        ("COLLECT", 99, None),
    ],
)
def test_each_hit_policy_takes_the_rules_it_says(hit: str, x: int, expected: Any) -> None:
    assert decided(table(*OVERLAPPING, hit=hit, values=BEST_FIRST), x=x) == expected


def test_without_a_hit_policy_a_table_is_unique() -> None:
    assert decided(table('< 10 => "a"', '>= 10 => "b"'), x=10) == "b"


def test_unique_and_any_stop_the_case_where_the_check_could_not_know() -> None:
    unique = table("< limit => 1", "> 5 => 2", hit="UNIQUE")
    assert decided(unique, x=4, limit=6) == 1
    with pytest.raises(Failed, match="rules 1, 2 all match"):
        decided(unique, x=6, limit=9)
    any_ = table("< limit => 1", "> 5 => 2", "> 7 => 1 + 1", hit="ANY")
    assert decided(any_, x=8, limit=6) == 2
    with pytest.raises(Failed, match="rules 1, 2 match and differ"):
        decided(any_, x=6, limit=9)


@pytest.mark.parametrize(
    ("aggregation", "x", "expected"),
    [
        ("SUM", 5, 0.6),
        ("MIN", 5, 0.1),
        ("MAX", 5, 0.3),
        ("COUNT", 5, 3),
        ("COUNT", 99, 0),
        ("SUM", 99, None),
        ("MIN", 25, 0.3),
    ],
)
def test_collect_aggregates_decimals(aggregation: str, x: int, expected: Any) -> None:
    rules = ("< 10 => 0.1", "< 20 => 0.2", "< 30 => 0.3")
    assert decided(table(*rules, hit="COLLECT", aggregation=aggregation), x=x) == expected


def test_several_outputs_are_records_also_in_lists_and_ordered_by_the_first_list_that_differs() -> None:
    rules = ("> 0 => 'low' ; 2", "> 1 => 'high' ; 2", "> 2 => 'high' ; 1")
    allowed = {"risk": '"high","low"', "step": "1,2"}
    columns: dict[str, Any] = {"outputs": "risk; step", "values": allowed}
    high, higher = {"risk": "high", "step": 2}, {"risk": "high", "step": 1}
    assert decided(table(*rules, hit="PRIORITY", **columns), x=3) == higher
    ordered = decided(table(*rules, hit="OUTPUT ORDER", **columns), x=3)
    assert ordered == [higher, high, {"risk": "low", "step": 2}]
    assert decided(table(*rules, hit="COLLECT", **columns), x=2) == [{"risk": "low", "step": 2}, high]


@pytest.mark.parametrize("hit", ["UNIQUE", "FIRST", "ANY", "PRIORITY", "RULE ORDER", "COLLECT"])
def test_the_default_output_is_what_no_rule_gives(hit: str) -> None:
    drawn = table(
        "1 => 'yes' ; 5", outputs="ok; fee", hit=hit, values={"ok": '"yes","no"'}, defaults={"ok": '"no"'}
    )
    assert decided(drawn, x=2) == {"ok": "no", "fee": None}


def test_values_that_are_not_allowed_stop_the_case_and_are_named() -> None:
    drawn = table('"a" => 1', '"b" => 2', inputs="kind", values={"kind": '"a","b"'})
    assert decided(drawn, kind="b") == 2
    with pytest.raises(Failed, match='input 1: "c" is not among its values'):
        decided(drawn, kind="c")


def test_allowed_values_of_a_type_are_those_of_what_has_the_type() -> None:
    kinds = '<itemDefinition name="tKind"><typeRef>string</typeRef><allowedValues><text>"a","b"</text></allowedValues></itemDefinition>'
    same = '<itemDefinition name="tSame"><typeRef>tKind</typeRef></itemDefinition>'
    narrow = '<itemDefinition name="tNarrow"><typeRef>tKind</typeRef><allowedValues><text>"b"</text></allowedValues></itemDefinition>'
    drawn = decision(table('"a" => 1', '"b" => 2', inputs="kind:tSame"))
    assert problems(kinds, same, drawn) == []
    with pytest.raises(Failed, match="not among its values"):
        asked((kinds, same, drawn), {"kind": "c"})
    with pytest.raises(Failed, match="not among its values"):
        asked((kinds, narrow, decision(table('"b" => 2', inputs="kind:tNarrow"))), {"kind": "a"})


def test_the_order_of_priority_may_be_that_of_the_outputs_type() -> None:
    ranks = '<itemDefinition name="tRank"><typeRef>string</typeRef><allowedValues><text>"b","a"</text></allowedValues></itemDefinition>'
    drawn = table(*OVERLAPPING, hit="PRIORITY").replace(
        'name="y" typeRef="string"', 'name="y" typeRef="tRank"'
    )
    assert asked((ranks, decision(drawn)), {"x": 5}) == "b"


# --- condition cells (§7.3.1)

DAY = "2026-03-02"


@pytest.mark.parametrize(
    ("cell", "x", "matches"),
    [
        ("-", None, True),
        ("", "anything", True),
        ("5", 5.0, True),
        ("= 5", 5, True),
        ("0.3", 0.3, True),
        ("[1..5]", 5, True),
        ("[1..5[", 5, False),
        ("]1..5]", 1, False),
        ("(1..5)", 1, False),
        ("[ 1 .. 5 )", 1, True),
        ("]0.5...75[", 0.6, True),
        ("-5", -5, True),
        ("> -5", -4, True),
        ("< 3, > 8", 9, True),
        ("< 3, > 8", 5, False),
        ("1, [3..5], > 9", 4, True),
        ("not(1, 2)", 2, False),
        ("not([1..5])", 6, True),
        ("not(< 5)", None, False),  # null is in no order, and “not” of unknown is unknown
        ("null", None, True),
        ("!= 5", 6, True),
        ("!= 5", 5, False),
        ("not([1..5))", 5, True),
        ("not(]1..5), 9)", 9, False),
        ("not((1..5[)", 3, False),
        ("not(limit > 9) and ? > 1", 2, True),
        ("limit > 5", 1, True),  # a condition is one also without the input (§7.3.1)
        ("limit > 9 or limits[1] = 8", 1, True),
        ("limit > 9", 1, False),
        ('starts with("abc", name)', 1, True),
        ('starts with("abc", name)', "x", True),
        ("busy", 1, False),
        ("not(busy)", 1, True),
        ("busy", False, True),  # of a yes/no input, the value that it must have
        ("not(null)", None, False),
        ("not(null)", 0, True),
        ('"a","b"', "b", True),
        ('not("a", "b")', "c", True),
        ('"a, b"', "a, b", True),
        ('["a", "b"]', "a", True),
        ("true", True, True),
        ("false", True, False),
        ('"x", > 5', 6, True),  # what can't be compared with a number does no harm beside what can
        ("? > 5 and ? < 8", 6, True),
        ("? in [1..5] or ? = 9", 9, True),
        ('starts with(?, "a")', "abc", True),
        ('ends with(?, "a")', "abc", False),
        ("? between 1 and 3", 3, True),
        ("odd(?)", 3, True),
        ("not(odd(?))", 3, False),
        ("count(?) > 1", [1, 2], True),
        ("list contains(?, 2)", [1, 2], True),
        ("some e in ? satisfies e > 5", [1, 6], True),
        ("every e in ? satisfies e > 5", [1, 6], False),
        ('?.town = "A"', {"town": "A"}, True),
        ("limit", 7, True),
        (">= limit * 2", 14, True),
        ("limits", 8, True),
        (f'date("{DAY}")', DAY, True),
        (f'> date("{DAY}")', "2026-03-03", True),
        (f'[date("{DAY}")..@"2026-03-31"]', "2026-03-31", True),
        (f'< @"{DAY}"', "2026-03-01T23:00:00+08:00", True),
        (f'>= date and time("{DAY}T09:00:00")', f"{DAY}T09:00:00+08:00", True),
        (f'>= date and time("{DAY}T09:00:00")', f"{DAY}T00:59:59Z", False),
        ('[time("08:30:00")..time("17:30:00")]', "17:30:00", True),
        ('> duration("P30D")', "P31D", True),
        ('<= duration("P1Y")', "P12M", True),
        ('> duration("PT2H")', "PT1H59M", False),
        ('? + duration("P1M") > date("2026-04-01")', DAY, True),
        ("?.year = 2026 and ?.month = 3", DAY, True),
        ('day of week(?) = "Monday"', DAY, True),
        ("> today()", "2026-03-03", True),
        ("years_between(?, today()) >= 60", "1966-03-02", True),
    ],
)
def test_a_condition_cell_matches_as_the_standard_says(cell: str, x: Any, matches: bool) -> None:
    type_ = "date" if "?.year" in cell or 'duration("P1M' in cell else "string"
    drawn = table(f"{cell} => true".replace(";", ""), inputs=f"x:{type_}", hit="FIRST")
    found = decided(drawn, x=x, limit=7, limits=[8, 9], name="a", busy=False)
    assert found is (True if matches else None)


def test_a_column_of_dates_takes_days_and_instants() -> None:
    by_day = table(f'<= date("{DAY}") => "early"', f'> date("{DAY}") => "late"', inputs="day:date")
    by_hour = table(
        f'<= date and time("{DAY}T12:00:00") => "early"',
        f'> date and time("{DAY}T12:00:00") => "late"',
        inputs="day:date",
    )
    afternoon = f"{DAY}T13:00:00+08:00"
    assert [decided(drawn, day=DAY) for drawn in (by_day, by_hour)] == ["early", "early"]
    assert [decided(drawn, day=afternoon) for drawn in (by_day, by_hour)] == ["early", "late"]
    with pytest.raises(Failed, match="input 1: “2026-2-3” is not a date"):
        decided(by_day, day="2026-2-3")


def test_a_cell_of_another_kind_than_its_input_stops_the_case_rather_than_not_match() -> None:
    for cell in ('"5"', '> "5"', "[1..5]", 'date("2026-01-01")'):
        with pytest.raises(Failed, match="rule 1, input 1: "):
            decided(table(f"{cell} => 1", hit="FIRST"), x=True)


# --- expressions (§10.3)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0.1 + 0.2", 0.3),
        ("0.1 * 3 = 0.3", True),
        ("1234567890123.45 * 3", 3703703670370.35),
        ("10 / 4", 2.5),
        ("10 / 5", 2),
        ("1 / 3 * 3 > 0.9999", True),
        ("10 / 0", None),
        ("10 + null", None),
        ("null < 3", None),
        ("null = null", True),
        ("1 = null", False),
        ("2 ** 3 ** 2", 64),
        ("-2 ** 2", 4),
        ("2 ** -1", 0.5),
        ("5 + 2 ** 5 + 3", 40),
        ("10 - 3 - 2", 5),
        ("true and null", None),
        ("false and null", False),
        ("true or null", True),
        ("null or false", None),
        ("not(null)", None),
        ("if null then 1 else 2", 2),
        ('"a" + "b"', "ab"),
        ('"a" < "b"', True),
        ('"\\u6a2a\\"\\n"', '横"\n'),
        ("[1, 2, 3][2]", 2),
        ("[1, 2, 3][-1]", 3),
        ("[1, 2, 3][9]", None),
        ("[1, 2, 3][item > 1]", [2, 3]),
        ('[{a: 1, b: "x"}, {a: 2, b: "y"}][a = 2].b', ["y"]),
        ("[{a: 1}, {a: 2}].a", [1, 2]),
        ('{a: 1, "b c": a + 1}', {"a": 1, "b c": 2}),
        ("for i in 1..3 return i * 2", [2, 4, 6]),
        ("for a in [1, 2], b in [a, 10] return a * b", [1, 10, 4, 20]),
        ("some x in [1, 2], y in [2, 3] satisfies x = y", True),
        ("sum([0.1, 0.2])", 0.3),
        ("sum([])", None),
        ("max(1, 3, 2)", 3),
        ('min(["b", "a"])', "a"),
        ("count([1, null])", 2),
        ("mean(1, 2)", 1.5),
        ("median([3, 1, 2])", 2),
        ("floor(-1.5)", -2),
        ("ceiling(1.2)", 2),
        ("round half up(2.675, 2)", 2.68),
        ("round half up(2.665, 2)", 2.67),
        ("round half down(2.675, 2)", 2.67),
        ("decimal(2.5, 0)", 2),
        ("round up(1.21, 1)", 1.3),
        ("modulo(-5, 3)", 1),
        ("abs(-3)", 3),
        ("sqrt(16)", 4),
        ('string length("横綱")', 2),
        ('substring("foobar", 3, 2)', "ob"),
        ('substring("foobar", -2)', "ar"),
        ('substring before("a-b", "-") + substring after("a-b", "-")', "ab"),
        ('upper case("a") + lower case("B")', "Ab"),
        ('contains("abc", "b")', True),
        ('string(1.50) + "!"', "1.50!"),
        ('number("1.5") * 2', 3),
        ("(-8) ** 0.5", None),
        ("append([1], 2, 3)", [1, 2, 3]),
        ("concatenate([1], [2])", [1, 2]),
        ("union([1, 2], [2, 3])", [1, 2, 3]),
        ("distinct values([1, 1.0, 2])", [1, 2]),
        ("flatten([1, [2, [3]]])", [1, 2, 3]),
        ("index of([1, 2, 1], 1)", [1, 3]),
        ("reverse([1, 2])", [2, 1]),
        ("sublist([1, 2, 3], 2)", [2, 3]),
        ('date("2026-01-31") + duration("P1M")', "2026-02-28"),
        ('date("2026-03-31") + duration("P1M")', "2026-04-30"),
        ('date("2026-03-31") - duration("P13M")', "2025-02-28"),
        ('date("2026-03-01") - date("2026-02-27")', "P2D"),
        ('date("2026-03-01") - duration("P1D")', "2026-02-28"),
        ('(date("2026-03-01") - date("2026-02-27")).days', 2),
        ('time("23:30:00") + duration("PT1H")', "00:30:00"),
        ('date and time("2026-03-02T09:00:00") + duration("PT30M")', "2026-03-02T01:30:00.000000Z"),
        ('date and time(date("2026-03-02"), time("09:00:00"))', "2026-03-02T01:00:00.000000Z"),
        ('duration("P1Y") + duration("P2M")', "P1Y2M"),
        ('duration("P1Y") - duration("P2M")', "P10M"),
        ('duration("PT90M")', "PT1H30M"),
        ('duration("P1D") * 1.5', "P1DT12H"),
        ('duration("P2D") / duration("P1D")', 2),
        ('years and months duration(date("2024-02-29"), date("2026-03-01"))', "P2Y"),
        ("today()", DAY),
        ("today().year", 2026),
        ('@"2026-03-02" = date(2026, 3, 2)', True),
        ("1 instance of number", True),
        ('"a" instance of number', False),
        ('@"P1D" instance of days and time duration', True),
        ("5 in (1, > 4)", True),
        ("5 in [1..5)", False),
        ("5 in (1..6)", True),
        ("all([true, null])", None),
        ("any([true, null])", True),
        ("workdays(5)", "5wd"),
        ('days_between(date("2026-03-01"), today())', 1),
        ("1 // a remark\n + 1 /* another */", 2),
        ("1e3 + .5", 1000.5),
        ('substring(start position: 2, string: "abc")', "bc"),
        ("date(year: 2026, month: 3, day: 2)", DAY),
        ('years and months duration(from: @"2025-01-01", to: @"2026-03-01")', "P1Y2M"),
        ("product([2, 3, 4])", 24),
        ("mode([1, 3, 3, 2, 2])", [2, 3]),
        ("stddev([2, 4, 7, 5])", 2.0816659994661326),
        ("stddev([1])", None),
        ("exp(0) + log(1)", 1),
        ("log(-1)", None),
        ('number("1 234,5", " ", ",")', 1234.5),
        ('number("1,234.5", ",", ".")', 1234.5),
        ("insert before([1, 3], -1, 2)", [1, 2, 3]),
        ("remove([1, 2, 3], 2)", [1, 3]),
        ("remove([1], 5)", None),
        ("list replace([1, 2], 1, 5)", [5, 2]),
        ('string join(["甲", null, "乙"], "、")', "甲、乙"),
        (
            'string([1.50, "a", null, @"P1D", {b: true, "c d": [1..2)}])',
            '[1.50, "a", null, P1D, {b: true, "c d": [1..2)}]',
        ),
        ("get entries({a: 1})", [{"key": "a", "value": 1}]),
        ('context([{key: "a", value: 1}])', {"a": 1}),
        ('context put({a: 1}, ["b", "c"], 2)', {"a": 1, "b": {"c": 2}}),
        ("context merge([{a: 1, b: 1}, {a: 2}])", {"a": 2, "b": 1}),
        ('is(@"2026-03-02", "2026-03-02")', False),
        ("is(1, 1.0)", True),
        ("for i in [1, 2, 3] return i + count(partial)", [1, 3, 5]),
        ("before([1..5), 5)", True),
        ("before([1..5], 5)", False),
        ("after(6, [1..5])", True),
        ("meets([1..5], [5..8])", True),
        ("met by([5..8], [1..5))", False),
        ("overlaps([1..5], [5..8])", True),
        ("overlaps([1..5), [5..8])", False),
        ("overlaps before([1..5], (1..8])", True),
        ("overlaps after([3..8], [1..5])", True),
        ("overlaps after([1..5], [3..8])", False),
        ("includes([1..5], 5)", True),
        ("includes([1..5), [2..5])", False),
        ("during(5, [1..5))", False),
        ("starts([1..3], [1..5])", True),
        ("started by([1..5], 1)", True),
        ("finishes((2..5], [1..5])", True),
        ("finished by([1..5], 5)", True),
        ("coincides([1..5], [1..5))", False),
        ('during(@"2026-03-02", [@"2026-03-01"..null])', None),
    ],
)
def test_an_expression_has_the_value_of_the_standard(expression: str, expected: Any) -> None:
    found = value(expression)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    "expression",
    ['1 + "a"', '"a" < 1', 'date("2026-02-30")', "missing", "{a: 1}.b", "1 and true", 'duration("P1M1D")', "[1..2]", "(1..2)",
     "10 ** 19", "12345678901234567 / 10 + 0.01", "10 ** 999999999"],
)  # fmt: skip
def test_a_mistake_stops_the_case_where_the_standard_would_go_on_with_null(expression: str) -> None:
    with pytest.raises(Failed, match="decision table d: "):
        unread(expression)


def test_money_keeps_its_cents_or_is_refused() -> None:
    assert value("a + b", a=9999999999999.99, b=0.01) == 10**13
    assert value("a * 3", a=0.1) == 0.3
    assert value("sum(for i in 1..1000 return 0.01)") == 10
    with pytest.raises(Failed, match="has more digits than can be kept: round it"):
        value("1234567890123456.78 * 1.1")


def test_names_may_have_spaces_and_declared_names_any_sign() -> None:
    data = '<inputData id="i" name="Date of Birth/Founding"><variable name="Date of Birth/Founding"/></inputData>'
    drawn = decision(literal("Full Name + string(Date of Birth/Founding)"))
    assert asked((data, drawn), {"Full Name": "a", "Date of Birth/Founding": 5}) == "a5"
    strange = "".join(
        f'<inputData id="s{i}" name="{name}"/>' for i, name in enumerate(("😀", "+", "2nd", "a 😀"))
    )
    assert asked((strange, decision(literal("a + 1"))), {"a": 1}) == 2
    close = "".join(f'<inputData id="{name}" name="{name}"/>' for name in ("a-b", "a-b-c"))
    assert (
        asked(
            (
                close,
                decision(literal("a-b-c - a-b")),
            ),
            {"a-b": 1, "a-b-c": 5, "c": 9},
        )
        == 4
    )
    assert value("Monthly Salary * 12", **{"Monthly Salary": 100.1}) == 1201.2
    person = '<inputData id="p" name="申请 人：甲，乙"/>'
    assert (
        asked(
            (person, decision(literal("申请 人：甲，乙.年龄（周岁） + 1"))),
            {"申请 人：甲，乙": {"年龄（周岁）": 5}},
        )
        == 6
    )
    owner = '<inputData id="o" name="Owner\'s age"/>'
    assert asked((owner, decision(literal("Owner's age + 'a'"))), {"Owner's age": "1"}) == "1a"


def test_a_field_named_like_a_function_or_a_word_changes_nothing() -> None:
    data = {"sum": 1, "item": 9, "date": "x", "__builtins__": {}, "not": True}
    assert value("sum([item, sum])", **data) == 10
    assert value('date("2026-01-01").day', **data) == 1


# --- requirement graphs (§6), knowledge models, invocations


def graph() -> tuple[str, ...]:
    """What `d` requires, some of it twice, drawn in the order that helps least."""
    fee = table('"high" => rate(amount, 0.2)', '"low" => rate(amount, 0.1)', inputs="risk", outputs="fee")
    model = (
        '<businessKnowledgeModel id="m" name="rate"><variable name="rate"/><encapsulatedLogic><formalParameter name="p"/>'
        f'<formalParameter name="share"/>{literal("p * share * factor(p)")}</encapsulatedLogic>'
        '<knowledgeRequirement><requiredKnowledge href="#n"/></knowledgeRequirement></businessKnowledgeModel>'
    )
    factor = table(">= 1000 => 2", "< 1000 => 1", inputs="n:number", outputs="f")
    inner = (
        '<businessKnowledgeModel id="n" name="factor"><encapsulatedLogic><formalParameter name="n"/>'
        f"{factor}</encapsulatedLogic></businessKnowledgeModel>"
    )
    risk = table("< 500 => 'low'", ">= 500 => 'high'", inputs="amount:number", outputs="risk")
    return (
        decision(fee, needs="risk", knows="m", variable="fee"),
        model,
        decision(risk, id="risk", name="Risk", variable="risk", needs="amount"),
        inner,
        decision(literal("sum(items)"), id="amount", variable="amount"),
    )


def test_a_decision_is_made_after_those_that_it_requires() -> None:
    assert asked(graph(), {"items": [100, 200]}) == 30
    assert asked(graph(), {"items": [1000, 0.5]}) == 400.2
    net, _ = published(*graph())
    assert net is not None
    assert compile_table(net.tables["d"]).names == {"items"}


def test_an_invocation_binds_by_name() -> None:
    invocation = (
        "<invocation>" + literal("area of room") + '<binding><parameter name="b"/>' + literal("2 + 1")
        + '</binding><binding><parameter name="long side"/>' + literal("width") + "</binding></invocation>"
    )  # fmt: skip
    model = (
        '<businessKnowledgeModel id="m" name="area of room"><encapsulatedLogic><formalParameter name="long side"/>'
        f'<formalParameter name="b"/>{literal("long side * b - (long side - b)")}</encapsulatedLogic></businessKnowledgeModel>'
    )
    assert asked((model, decision(invocation, knows="m")), {"width": 10}) == 23


def test_a_required_decision_goes_by_its_id_and_its_outputs_too_as_the_modeler_writes_it() -> None:
    season = decision(
        table('> 30 => "夏" ; 1', '<= 30 => "冬" ; 2', inputs="heat:integer", outputs="season; rank"),
        id="Season",
        name="Season decision",
    )
    guests = decision(
        table("> 5 => guests", "<= 5 => 1", inputs="guests", outputs="guests"), id="G", name="人数"
    )
    dish = decision(
        table('"夏" ; > 10 => "salad"', '- ; - => "soup"', inputs="season; guests:integer", hit="FIRST"),
        needs="Season G",
    )
    assert asked((dish, season, guests), {"heat": 35, "guests": 15}) == "salad"
    assert asked((dish, season, guests), {"heat": 35, "guests": 2}) == "soup"
    drawn = decision(literal("[rank, Season.rank, Season decision.rank, G, 人数, guests]"), needs="Season G")
    assert asked((drawn, season, guests), {"heat": 20, "guests": 9}) == [2, 2, 2, 9, 9, 9]
    net, _ = published(drawn, season, guests)
    assert net is not None
    assert compile_table(net.tables["d"]).names == {"heat", "guests"}


def test_input_data_and_the_nearest_decision_come_before_an_output_of_the_same_name() -> None:
    inner = decision(table("- => fee * 10", outputs="fee"), id="b", needs="c")
    innermost = decision(table("- => x", outputs="fee"), id="c")
    assert asked((decision(literal("fee + 1"), needs="b"), inner, innermost), {"x": 5}) == 51
    sums = decision(literal("one + two"), needs="e f")
    two = (
        decision(table("- => fee * 2 ; 0", outputs="one; fee"), id="e"),
        decision(table("- => fee * 3 ; 0", outputs="two; fee"), id="f"),
    )
    assert asked((sums, *two), {"x": 1, "fee": 10}) == 50  # both give a fee, of which nobody asks
    data = '<inputData id="i" name="fee"/>'
    assert asked((data, decision(literal("fee + 1"), needs="c"), innermost), {"x": 5, "fee": 7}) == 8


def test_cells_may_call_the_input_as_the_modeler_says() -> None:
    drawn = table("age > 5 and age < 8 => 1", "not(age > 5) => 2", '"a" => 3', hit="FIRST").replace(
        '<input id="i1"',
        '<input xmlns:camunda="http://camunda.org/schema/1.0/dmn" camunda:inputVariable="age" id="i1"',
    )
    assert [decided(drawn, x=x) for x in (6, 3)] == [1, 2]


# --- boxed expressions (§7.3)


def context(*rows: tuple[str, str]) -> str:
    entries = (
        f"<contextEntry>{f'<variable name={name!r}/>' if name else ''}{body}</contextEntry>"
        for name, body in rows
    )
    return f"<context>{''.join(entries)}</context>"


FEE_OF = f'<functionDefinition><formalParameter name="n"/>{literal("n * rate + x")}</functionDefinition>'
CHOICE = f"<conditional><if>{literal('x > 3')}</if><then>{literal('10')}</then><else>{literal('20')}</else></conditional>"
RATES = (
    '<relation><column name="类别"/><column name="fee due"/>'
    "<row>"
    + literal("'甲'")
    + literal("10")
    + "</row><row>"
    + literal("'乙'")
    + literal("x")
    + "</row></relation>"
)


def loop(kind: str, tag: str, test: str) -> str:
    return f'<{kind} iteratorVariable="i"><in>{literal("[1, x]")}</in><{tag}>{literal(test)}</{tag}></{kind}>'


@pytest.mark.parametrize(
    ("drawn", "expected"),
    [
        (context(("rate", literal("0.5")), ("Monthly Fee", literal("rate * x"))), {"rate": 0.5, "Monthly Fee": 2}),
        (context(("rate", literal("0.5")), ("Monthly Fee", literal("rate * x")), ("", literal("Monthly Fee + 1"))), 3),
        (context(("rate", literal("2")), ("fee", table("< 5 => rate * 2", ">= 5 => 0")), ("", literal("fee + 1"))), 5),
        (context(("a", literal("1")), ("b", context(("c", literal("a + 1")), ("", literal("c * 10")))), ("", literal("a + b"))), 21),
        (context(("rate", literal("2")), ("fee of", FEE_OF), ("", literal("fee of(3) + fee of(n: 1)"))), 16),
        (context(("rate", literal("2")), ("fee of", FEE_OF), ("y", literal("fee of(0)"))), {"rate": 2, "y": 4}),
        (f"<list>{literal('1')}{context(('a', literal('x')))}</list>", [1, {"a": 4}]),
        (RATES, [{"类别": "甲", "fee due": 10}, {"类别": "乙", "fee due": 4}]),
        (CHOICE, 10),
        (loop("for", "return", "i + count(partial)"), [1, 5]),
        (loop("some", "satisfies", "i > 3"), True),
        (loop("every", "satisfies", "i > 3"), False),
        (f"<filter><in>{literal('[{a: 1}, {a: 3}, {a: 9}]')}</in><match>{literal('a > 1 and item.a < x')}</match></filter>", [{"a": 3}]),
        (f'<invocation>{literal("substring")}<binding><parameter name="string"/>{literal("word")}</binding>'
         f'<binding><parameter name="start position"/>{CHOICE.replace("10", "2")}</binding></invocation>', "bc"),
    ],
)  # fmt: skip
def test_a_boxed_expression_has_the_value_of_the_standard(drawn: str, expected: Any) -> None:
    assert decided(drawn, x=4, word="abc") == expected
    net, _ = published(decision(drawn))
    assert net is not None
    assert compile_table(net.tables["d"]).names <= {"x", "word"}


def test_a_knowledge_model_may_be_boxed_and_so_may_what_it_is_given() -> None:
    model = (
        '<businessKnowledgeModel id="m" name="fee model"><encapsulatedLogic><formalParameter name="room.size"/>'
        + context(("base", literal("room.size * 2")), ("", literal("base + 1")))
        + "</encapsulatedLogic></businessKnowledgeModel>"
    )
    invocation = (
        f'<invocation>{literal("fee model")}<binding><parameter name="room.size"/>%s</binding></invocation>'
    )
    assert asked((model, decision(invocation % CHOICE, knows="m")), {"x": 4}) == 21
    by_path = decision(invocation % literal("room.size"), knows="m")
    assert asked((model, by_path), {"room": {"size": 3}}) == 7


@pytest.mark.parametrize(
    ("drawn", "code", "what"),
    [
        (context(("rate", literal("1 +"))), "dmn.malformed", "decision table d: row “rate”: “1 +”: line 1, column 4: a value is missing"),
        (context(("fee", table("1 => 2 +"))), "dmn.malformed", "row “fee”: decision table d/fee: rule 1, output 1, “2 +”"),
        (context(("fee", table("< 5 => 1", "> 5 => 2"))), "dmn.gap", "no rule for x = 5"),
        (FEE_OF, "dmn.malformed", "a function can only be a row of a boxed context"),
        (context(("f", '<functionDefinition kind="Java"/>')), "dmn.unsupported", "defines a function in Java"),
        (RATES.replace(literal("x"), ""), "dmn.unsupported", "has a relation whose row 2 has not one cell for each column"),
        (context(("a", "")), "dmn.malformed", "row “a”: “”: the expression is empty"),
        (literal("{f: function(n) n + 1}.f(1)"), "dmn.malformed", "function() is not read here: functions are only defined in the rows of a boxed context"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_box_is_told_with_its_row(drawn: str, code: str, what: str) -> None:
    (problem,) = problems(decision(drawn))
    assert problem.code == code
    assert what in str(problem.message)


def test_a_failure_in_a_box_names_its_row() -> None:
    drawn = context(("rate", literal("1")), ("fee", table("1 => rate + 'a'")))
    with pytest.raises(
        Failed, match="row “fee”: decision table d/fee: rule 1, output 1: “\\+” does not work"
    ):
        decided(drawn, x=1)


def test_a_requirement_may_name_the_files_own_namespace() -> None:
    drawn = decision(literal("e + 1"), needs="e").replace('"#e"', '"http://camunda.org/schema/1.0/dmn#e"')
    assert asked((drawn, decision(literal("1"), id="e")), {}) == 2
    with_other = drawn.replace("camunda.org", "example.org")
    assert "requires http://example.org" in str(
        problems(with_other, decision(literal("1"), id="e"))[0].message
    )


def test_what_many_require_is_made_once() -> None:
    levels = [
        decision(literal(f"l{i}a + l{i}b"), id=f"d{i}", variable=f"d{i}", needs=f"l{i}a l{i}b")
        for i in range(30)
    ]
    levels += [
        decision(literal(f"d{i + 1}"), id=f"l{i}{side}", variable=f"l{i}{side}", needs=f"d{i + 1}")
        for i in range(30)
        for side in "ab"
    ]
    bottom = decision(literal("1"), id="d30", variable="d30")
    assert asked((decision(literal("d0"), needs="d0"), *levels, bottom), {}) == 2**30


def test_a_decision_may_call_several_models() -> None:
    models = "".join(
        f'<businessKnowledgeModel id="{name}" name="{name}"><encapsulatedLogic><formalParameter name="n"/>'
        f"{literal(logic)}</encapsulatedLogic></businessKnowledgeModel>"
        for name, logic in (("double", "n * 2"), ("next", "n + 1"))
    )
    assert asked((models, decision(literal("double(next(3)) + next(n: 0)"), knows="double next")), {}) == 9


def test_a_failure_in_a_required_decision_names_that_decision() -> None:
    parts = (decision(literal("risk"), needs="risk"), decision(literal("1 + amount"), id="risk"))
    with pytest.raises(Failed, match="decision table risk: its expression: there is no variable “amount”"):
        asked(parts, {})


def test_a_broken_cell_in_a_required_decision_is_told_of_that_decision() -> None:
    (problem,) = problems(decision(literal("e"), needs="e"), decision(table("1 => 2 +"), id="e", name="内"))
    assert (problem.code, problem.element) == ("dmn.malformed", "e")
    assert "decision “内” (e) can't be read: decision table e: rule 1, output 1" in str(problem.message)


@pytest.mark.parametrize(
    ("elements", "what"),
    [
        ((decision(literal("e"), needs="e"),), "requires #e, which is not in this file"),
        (
            (decision(literal("e"), needs="e"), decision(literal("d"), id="e", needs="d")),
            "requires itself, by way of d",
        ),
        ((decision(literal("1"), needs="d"),), "requires itself"),
        ((decision("<context/>"),), "is neither a decision table nor an expression"),
        ((decision("<decisionService/>"),), "is neither a decision table nor an expression"),
        (
            (decision(literal("s(1)"), knows="s"), '<decisionService id="s" name="s"/>'),
            "is a decision service",
        ),
        (
            (
                decision(literal("fee"), needs="a b"),
                decision(table("- => 1", outputs="fee"), id="a"),
                decision(table("- => 2", outputs="fee"), id="b"),
            ),
            "reads “fee”, which several of the decisions that it requires give",
        ),
        ((decision(literal("rate(1)")),), "there is no function “rate”"),
        (
            (
                decision(literal("rate(1)"), knows="m"),
                '<businessKnowledgeModel id="m" name="rate"><encapsulatedLogic><formalParameter name="a"/>'
                f'<formalParameter name="b"/>{literal("a")}</encapsulatedLogic></businessKnowledgeModel>',
            ),
            r"rate\(\) takes a, b",
        ),
    ],
)
def test_what_a_decision_lacks_is_refused_by_name(elements: tuple[str, ...], what: str) -> None:
    net, found = published(*elements)
    assert net is None
    with pytest.raises(AssertionError, match=what):
        raise AssertionError([str(problem.message) for problem in found])


def test_a_long_chain_of_requirements_is_refused_not_a_crash() -> None:
    chain = [decision(literal("1"), id="d", needs="d1")]
    chain += [decision(literal("1"), id=f"d{i}", needs=f"d{i + 1}") for i in range(1, 3000)]
    net, found = published(*chain)
    assert net is None
    assert "dmn.unsupported" in {problem.code for problem in found}


# --- what is refused


@pytest.mark.parametrize(
    ("drawn", "message", "expected", "found"),
    [
        (table("1 => 1", ">> 5 => 2"), "decision table d: rule 2, input 1, “>> 5”: line 1, column 2", "a test: ", "“>> 5”"),
        (table("1 => 1", "2 => 'a"), "rule 2, output 1, “'a”: line 1, column 1: the quotation mark is not closed", "an expression; ", "“'a”"),
        (table("1 => 1", inputs="x +"), "input 1, “x +”: line 1, column 4: a value is missing", "an expression, such as", "“x +”"),
        (table("> 5 and < 8 => 1"), "rule 1, input 1", "a test: ", "“> 5 and < 8”"),
        (table("= x > 5 => 1"), "a condition stands alone in its cell: write ? > 5 and ? < 8", "a test: ", "“= x > 5”"),
        (table("“a” => 1"), "““” has no meaning here: type “\"”", "a test: ", "““a””"),
        (table("1 => sum（x）"), "line 1, column 4: “（” has no meaning here: type “(”", "an expression; ", "“sum（x）”"),
        (table("1，2 => 1"), "“，” has no meaning here: type “,”", "a test: ", "“1，2”"),
        (table("matches(?, 'a+') => 1"), "matches() is not read here: it takes a pattern, which can run for ever", "a test: ", "“matches(?, 'a+')”"),
        (table("1 => substring(match: 1)"), "substring() takes string, start position, length", "an expression; ", "“substring(match: 1)”"),
        (table("5, not([1..3]) => 1"), "rule 1, input 1: expected a yes/no value, found a range, in “not([1..3])”", "", ""),
        (table('1 => date("2026-02-30")'), "rule 1, output 1: “2026-02-30” is not a date", "", ""),
        (table("1 => foo(2)"), "there is no function “foo”", "an expression; ", "“foo(2)”"),
        (table("1 => 2", defaults={"y": "("}), "default of output 1, “(”", "an expression; ", "“(”"),
        (table("1 => 2", values={"x": "[1.."}), "values of input 1", "a test: ", "“[1..”"),
        (table("1 => 2", values={"y": "high"}), "values of output 1", "literals, ", "“high”"),
        (table("1 ; 2 => 2"), "rule 1 has not one cell for each column", "", ""),
        (table("1 => 2", hit="BEST"), "unknown hit policy BEST (known: UNIQUE, ", "", ""),
        (table("1 => 2", hit="PRIORITY"), "PRIORITY needs the list of output values, best first", "", ""),
        (table("1 => 2", hit="COLLECT", aggregation="AVG"), "SUM, MIN, MAX and COUNT go with", "", ""),
    ],
)  # fmt: skip
def test_a_broken_table_is_refused_with_file_decision_and_cell(
    drawn: str, message: str, expected: str, found: str
) -> None:
    net, told_ = published(decision(drawn, name="收费"))
    (problem,) = [problem for problem in told_ if problem.severity == "error"]
    assert net is None
    assert (problem.code, problem.file, problem.element) == ("dmn.malformed", "rules.dmn", "d")
    assert "decision “收费” (d) can't be read: decision table d: " in str(problem.message)
    assert message in str(problem.message)
    assert str(problem.expected).startswith(expected)
    assert str(problem.found) == found
    assert str(problem.remedy)


ESCAPES = [
    "__import__('os')",
    "?.__class__",
    '"".__class__',
    "x.__init__",
    "_input",
    "eval(1)",
    "open(1)",
    "lambda: 1",
    "[x for x in y]",
    "x if y else z",
    "x := 1",
    "f'{x}'",
    "function(x) x",
    'matches("aaaa", "(a+)+$")',
    'replace("a", "a", "b")',
    "`x`",
    "x; y",
    "(" * 60 + "1" + ")" * 60,
    "-" * 5000 + "1",
    "1" + "+1" * 4000,
    "[" * 3000,
    "1" * 12_000,
]


@pytest.mark.parametrize("source", ESCAPES, ids=lambda source: source[:20])
def test_what_is_no_feel_is_refused_before_anything_runs(source: str) -> None:
    with pytest.raises(Malformed):
        compile_expression(f"= {source}")
    assert [p.code for p in problems(decision(table(f"1 => {source}".replace(";", ","))))] == [
        "dmn.malformed"
    ]


@pytest.mark.parametrize(
    "source",
    [
        "for a in 1..100, b in 1..100, c in 1..100 return 1",
        "for a in 1..1000000000 return a",
        "2 ** 2 ** 2 ** 2 ** 2 ** 2 ** 2 ** 2 ** 2",
        "10 ** 10 ** 10",
        'date("9999-12-31") + duration("P1D")',
        'duration("P999999999D") * 1000000',
        'date("2026-01-01") + duration("P999999999Y")',
        "some a in 1..9999, b in 1..9999 satisfies a + b < 0",
        "{"
        + "a0: for i in 1..9000 return i, "
        + ", ".join(f"a{i}: concatenate(a{i - 1}, a{i - 1})" for i in range(1, 200))
        + "}",
        "{a0: [1, 2], " + ", ".join(f"a{i}: [a{i - 1}, a{i - 1}]" for i in range(1, 60)) + "}.a59",
        '{a0: "aaaaaaaaaa", ' + ", ".join(f"a{i}: a{i - 1} + a{i - 1}" for i in range(1, 60)) + "}.a59",
    ],
)
def test_what_would_run_away_stops_soon(source: str) -> None:
    began = time.perf_counter()
    with pytest.raises(Failed):
        unread(source)
    published(decision(literal(source)))
    assert time.perf_counter() - began < 15


@settings(max_examples=400, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                *("1", "0.5", "x", "?", '"a"', "null", "true", "(", ")", "[", "]", "{", "}", "..", ",", ":", "+", "-", "*", "/"),
                *("**", "=", "<", ">=", "and", "or", "not(", "if", "then", "else", "for", "in", "return", "some", "satisfies"),
                *("between", "date(", '@"2026-01-01"', '@"P1M"', "sum(", "count(", "item", ".", "instance", "of", "round up("),
            ]
        ),
        max_size=12,
    )
)  # fmt: skip
def test_whatever_stands_in_a_cell_it_is_refused_or_has_a_value_or_fails(words: list[str]) -> None:
    source = " ".join(words)
    for tests, outputs in (([source], ["1"]), (["-"], [source])):
        spec = {
            "id": "d",
            "name": "d",
            "hit": "FIRST",
            "aggregation": None,
            "inputs": [{"expression": "x", "values": None}],
        }
        spec |= {"outputs": [{"name": "y", "values": None}], "rules": [{"tests": tests, "outputs": outputs}]}
        try:
            json.dumps(compile_table(spec).evaluate({"x": [1, {"a": 2}]}, NOW, ZONE), allow_nan=False)
        except (Malformed, Failed) as error:
            assert str(error)


# --- gaps and overlaps


@pytest.mark.parametrize(
    ("drawn", "gap"),
    [
        (table("< 100 => 1", "> 100 => 2"), "x = 100"),
        (table("[0..100] => 1", "> 200 => 2", values={"x": ">= 0"}), "x = 101"),
        (table("< 1 => 1", "[2..3] => 2", "> 3 => 3"), "x = 1"),
        (table("<= 69 => 1", ">= 70 => 2"), "x = 69.5"),
        (table('"a" => 1', '"b" => 2', inputs="kind"), 'kind = "…"'),
        (table('not("a") => 1', inputs="kind"), 'kind = "a"'),
        (table("true => 1", inputs="urgent:boolean"), "urgent = false"),
        (table('< date("2026-01-01") => 1', '> date("2026-01-01") => 2', inputs="day:date"), 'day = "2026-01-01"'),
        (table('< @"2026-03-02T08:00:00" => 1', '> @"2026-03-02T08:00:00" => 2', inputs="at:dateTime"), 'at = "2026-03-02T08:00:00"'),
        (table("!= 5 => 1"), "x = 5"),
        (table("not([1..5)) => 1"), "x = 1"),
        (table('< time("12:00:00") => 1', '> time("12:00:00") => 2', inputs="at:time"), 'at = "12:00:00"'),
        (table('< duration("P1Y") => 1', '> duration("P1Y") => 2', inputs="for_:yearMonthDuration"), 'for_ = "P1Y"'),
        (table('< 100 ; - => 1', '>= 100 ; "b" => 2', inputs="area:number; kind", values={"kind": '"a","b"'}, hit="FIRST"),
         'area = 100, kind = "a"'),
        (table('- ; "b" => 1', inputs="area:number; kind", values={"kind": '"a","b"'}, hit="FIRST"), 'kind = "a"'),
        (table("null => 1", "not(null) => 2", "> 5 => 2", hit="FIRST"), None),
        (table("<= 69 => 1", ">= 70 => 2", inputs="x:integer"), None),
        (table("<= 69 => 1", ">= 70 => 2", inputs="years_between(born, today()):number"), None),
        (table('<= date("2025-12-31") => 1', '>= date("2026-01-01") => 2', inputs="day:date"), None),
        (table("< 100 => 1", "> 100 => 2", defaults={"y": "0"}), None),
        (table("< 100 => 1", "> 100 => 2", hit="COLLECT"), None),
        (table("< 100 => 1", "- => 2", hit="FIRST"), None),
        (table('"a" => 1', '"b" => 2', inputs="kind", values={"kind": '"a","b"'}), None),
        (table("true => 1", "false => 2", inputs="urgent:boolean"), None),
    ],
)  # fmt: skip
def test_a_gap_is_told_with_inputs_that_show_it(drawn: str, gap: str | None) -> None:
    assert told(drawn) == ([] if gap is None else [("warning", "dmn.gap", f"no rule for {gap}")])
    assert published(decision(drawn))[0] is not None


@pytest.mark.parametrize(
    ("drawn", "severity", "what"),
    [
        (table("<= 100 => 1", ">= 100 => 2"), "error", "rules 1 and 2 both match x = 100"),
        (table("<= 100 => 1", ">= 100 => 1"), "warning", "rules 1 and 2 both match x = 100"),
        (table("<= 100 => z", ">= 100 => z + 0"), "error", "rules 1 and 2 both match x = 100"),
        (table("< 100 => 1", "[50..60] => 2", ">= 100 => 1"), "error", "rules 1 and 2 both match x = 50"),
        (table("<= 100 => 1", ">= 100 => 2", hit="ANY"), "error", "rules 1 and 2 both match x = 100"),
        (table("<= 100 => z", ">= 100 => z + 0", hit="ANY"), "warning", "rules 1 and 2 both match x = 100"),
        (table("<= 100 => z", ">= 100 =>  z", hit="ANY"), None, ""),
        (table("<= 100 => 1", ">= 100 => 2", hit="FIRST"), None, ""),
        (table("<= 100 ; true => 1", "> 50 ; - => 2", "<= 50 ; false => 3", inputs="a:number; b:boolean"), "error",
         "rules 1 and 2 both match a = 51, b = true"),
        (table("<= 100 ; - => 1", "- ; true => 2", "> 100 ; false => 3", inputs="a:number; a > 100:boolean"), "warning",
         "rules 1 and 2 both match a = 99, a > 100 = true"),
    ],
)  # fmt: skip
def test_an_overlap_is_told_with_inputs_that_show_it(drawn: str, severity: str | None, what: str) -> None:
    assert told(drawn) == ([] if severity is None else [(severity, "dmn.overlap", what)])
    assert (published(decision(drawn))[0] is None) is (severity == "error")


def test_what_can_not_be_looked_through_is_said_to_be_not_checked() -> None:
    for cell in ("? > 5", "< limit", '["a".."c"]'):
        drawn = table(f"{cell} => 1", "9 => 2")
        assert ("warning", "dmn.not_checked", "gaps and overlaps not checked for rules 1") in told(drawn)
    for drawn in (table("? > 5 => 1", "<= 5 => 2"), table("? > 5 => 1", "- => 2", hit="FIRST")):
        assert [code for _, code, _ in told(drawn)] == ["dmn.not_checked"]


def test_tables_that_are_required_are_checked_too() -> None:
    inner = decision(table("< 5 => 1", "> 5 => 2"), id="e")
    (problem,) = problems(decision(literal("e"), needs="e"), inner)
    assert (problem.code, problem.element) == ("dmn.gap", "e")


def test_an_input_that_another_decision_gives_has_the_values_that_stand_there() -> None:
    season = decision(table('> 30 => "夏"', '<= 30 => "冬"', inputs="heat:number", outputs="season"), id="s")
    asks = {"inputs": "season", "outputs": "z"}
    for rules, gaps in (
        (('"夏" => 1', '"冬" => 2'), []),
        (('"夏" => 1',), ['no rule for season = "冬"']),
        (('"夏" => 1', 'not("夏") => 2'), []),
    ):
        found = problems(decision(table(*rules, **asks), needs="s"), season)
        assert [str(problem.message).partition(": ")[2] for problem in found] == gaps
    open_ = season.replace('"冬"', "string(heat)")
    found = problems(decision(table('"夏" => 1', **asks), needs="s"), open_)
    assert [str(problem.message).partition(": ")[2] for problem in found] == ['no rule for season = "…"']


def test_a_huge_table_is_checked_in_bounded_time_and_says_so() -> None:
    rules = [" ; ".join([f"[{i}..{i + j}]" for j in range(1, 9)]) + f" => {i}" for i in range(600)]
    drawn = table(*rules, inputs="; ".join(f"x{i}:number" for i in range(8)))
    began = time.perf_counter()
    found = told(drawn)
    assert time.perf_counter() - began < 20
    assert {code for _, code, _ in found} <= {"dmn.gap", "dmn.overlap", "dmn.not_checked"}
    assert found


bounds = st.integers(0, 6)
cell = st.one_of(
    st.just("-"),
    st.builds("{}".format, bounds),
    st.builds("{} {}".format, st.sampled_from(["<", "<=", ">", ">="]), bounds),
    st.builds("{}{}..{}{}".format, st.sampled_from("[(]"), bounds, bounds, st.sampled_from("])[")),
    st.builds("{}, > {}".format, bounds, bounds),
    st.builds("not({})".format, bounds),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(cell, cell), min_size=1, max_size=5))
def test_gaps_and_overlaps_are_those_that_trying_all_values_finds(rules: list[tuple[str, str]]) -> None:
    drawn = table(
        *[f"{a} ; {b} => {i}" for i, (a, b) in enumerate(rules)], inputs="a:number; b:number", hit="UNIQUE"
    )
    counted = table(
        *[f"{a} ; {b} => {i}" for i, (a, b) in enumerate(rules)],
        inputs="a:number; b:number",
        hit="COLLECT",
        aggregation="COUNT",
    )
    net, _ = published(decision(counted))
    assert net is not None
    compiled = compile_table(net.tables["d"])
    halves = [n / 2 for n in range(-2, 15)]
    counts = {compiled.evaluate({"a": a, "b": b}, NOW, ZONE) for a in halves for b in halves}
    codes = {code for _, code, _ in told(drawn)}
    assert ("dmn.gap" in codes) is (0 in counts)
    assert ("dmn.overlap" in codes) is bool(counts - {0, 1})


OF_KIND = {
    "number": (["1", "2.5", "4"], [0, 1, 1.5, 2.5, 3, 4, 5]),
    "date": (['date("2026-03-01")', 'date("2026-03-04")'], [f"2026-03-0{day}" for day in range(1, 7)] + ["2026-02-01"]),
    "dateTime": (['@"2026-03-01T08:00:00"', '@"2026-03-01T09:00:00"'], [f"2026-03-0{d}T0{h}:00" for d in (1, 2) for h in (7, 8, 9)] + ["2026-03-01T08:30"]),
    "time": (['time("08:00:00")', 'time("09:00:00")'], ["07:00:00", "08:00:00", "08:30:00", "09:00:00", "10:00:00"]),
    "dayTimeDuration": (['duration("P1D")', 'duration("P2D")'], ["PT1H", "P1D", "P1DT1H", "P2D", "P3D"]),
    "string": (['"甲"', '"乙"'], ["甲", "乙", "丙"]),
    "boolean": (["true", "false"], [True, False]),
}  # fmt: skip


def a_cell(kind: str, chance: random.Random) -> str:
    a, b, c = (chance.choice(OF_KIND[kind][0]) for _ in range(3))
    values_only = ["-", a, f"{a}, {b}", f"not({a})", f"not({a}, {b})", f"!= {a}", f"[{a}, {b}]"]
    if kind in ("string", "boolean"):
        return chance.choice(values_only)
    span = f"{chance.choice('[](')}{a}..{b}{chance.choice('[])')}"
    side = f"{chance.choice(['<', '<=', '>', '>='])} {c}"
    return chance.choice([*values_only, side, span, f"{span}, {side}", f"not({span})", f"not({side}, {a})"])


@pytest.mark.parametrize("seed", range(40))
def test_what_is_told_of_a_table_shows_when_it_is_played(seed: int) -> None:
    chance = random.Random(seed)
    kinds = [chance.choice(list(OF_KIND)) for _ in range(2)]
    hit = chance.choice(["UNIQUE", "UNIQUE", "ANY", "FIRST"])
    inputs = "; ".join(f"{name}:{kind}" for name, kind in zip("ab", kinds, strict=True))
    cells = [" ; ".join(a_cell(kind, chance) for kind in kinds) for _ in range(chance.randint(1, 5))]
    found = told(table(*[f"{cell} => {i}" for i, cell in enumerate(cells)], inputs=inputs, hit=hit))
    net, _ = published(
        decision(table(*[f"{cell} => {i}" for i, cell in enumerate(cells)], inputs=inputs, hit="COLLECT"))
    )
    assert net is not None
    compiled = compile_table(net.tables["d"])

    def hits(a: Any, b: Any) -> list[int]:
        return compiled.evaluate({"a": a, "b": b}, NOW, ZONE) or []

    every = [hits(a, b) for a in OF_KIND[kinds[0]][1] for b in OF_KIND[kinds[1]][1]]
    assert any(code == "dmn.gap" for _, code, _ in found) is ([] in every)
    assert any(code == "dmn.overlap" for _, code, _ in found) is (hit != "FIRST" and max(map(len, every)) > 1)
    for _, code, message in found:
        shown = {name: json.loads(text) for name, text in re.findall(r"([ab]) = ([^,]+)", message)}
        ways = [
            [shown[name]] if name in shown else OF_KIND[kind][1]
            for name, kind in zip("ab", kinds, strict=True)
        ]
        for a, b in product(*ways):
            rules = re.match(r"rules (\d) and (\d)", message)
            wanted = {int(rule) - 1 for rule in rules.groups()} if rules else set()
            assert wanted <= set(hits(a, b)), message
            assert rules or not hits(a, b), message
        assert code in ("dmn.gap", "dmn.overlap")


# --- in a process


def test_a_business_rule_task_keeps_the_answer_in_its_variable() -> None:
    net, _ = published(*graph())
    assert net is not None
    marking, _ = step(net, None, Start({"items": [100, 200]}, ZONE), NOW)
    assert variables(marking) == {"items": [100, 200], "answer": 30}


def test_a_decision_that_fails_is_an_incident_that_names_it() -> None:
    net, _ = published(*graph())
    assert net is not None
    _, effects = step(net, None, Start({"items": ["a"]}, ZONE), NOW)
    (incident,) = [effect for effect in effects if effect.kind == "incident"]
    assert "decision table amount: its expression: expected a number, found a text" in str(
        incident.info["message"]
    )


def test_a_table_without_more_is_stored_as_ever() -> None:
    net, _ = published(decision(table("< 5 => 1", ">= 5 => 2")))
    assert net is not None
    assert net.tables["d"] == {
        "id": "d",
        "name": "d",
        "hit": "UNIQUE",
        "aggregation": None,
        "inputs": [{"expression": "x", "values": None}],
        "outputs": [{"name": "y", "values": None}],
        "rules": [{"tests": ["< 5"], "outputs": ["1"]}, {"tests": [">= 5"], "outputs": ["2"]}],
    }


def test_data_may_be_decimals_too() -> None:
    assert value("a + 1", a=Decimal("0.1")) == 1.1


# --- the bench script


def test_the_kits_runner_counts_what_passes(tmp_path: Path) -> None:
    """A model of our own, in the kit's form: one case passes, one doesn't."""
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "m.dmn").write_bytes(definitions(decision(literal("{r: [Loan.a / 3]}"), name="Ratio")))
    case = (
        '<testCase id="{id}"><inputNode name="Loan"><component name="a"><value xsi:type="xsd:decimal">1</value></component></inputNode>'
        '<resultNode name="Ratio" type="decision"><expected><component name="r"><list><item><value xsi:type="xsd:decimal">{value}</value>'
        "</item></list></component></expected></resultNode></testCase>"
    )
    (tmp_path / "m" / "m-test-01.xml").write_text(
        '<testCases xmlns="http://www.omg.org/spec/DMN/20160719/testcase" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xmlns:xsd="http://www.w3.org/2001/XMLSchema">'
        + case.format(id="1", value="0.33333333333")
        + case.format(id="2", value="0.34")
        + "</testCases>",
        encoding="utf-8",
    )
    run = subprocess.run(
        [sys.executable, str(RUNNER), str(tmp_path)], capture_output=True, text=True, cwd=RUNNER.parent.parent
    )
    assert run.returncode == 1
    assert "   1 of   2  m\n" in run.stdout
    assert "m-test-01/2 Ratio: expected {'r': [0.34]}" in run.stdout
