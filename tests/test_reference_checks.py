"""Names, values and kinds in a diagram that don't fit what the item has: found where they stand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from drawing import draw
from items import make_item
from lawful import county, told

from engine.definition import read_folder
from engine.errors import Problem
from engine.expressions.outline import outline
from engine.organisation import Organisation

FORM: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "outcome": {"type": "string", "enum": ["grant", "refuse", "return"]},
        "urgent": {"type": "boolean"},
        "area": {"type": "number"},
        "count": {"type": "integer"},
        "born": {"type": "string", "format": "date"},
        "name": {"type": "string"},
        "kinds": {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}},
        "rows": {"type": "array", "items": {"type": "string"}},
        "site": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "fit": {"type": "boolean"},
                "ground": {"type": "string", "enum": ["farm", "wood"]},
            },
        },
    },
}
ELEMENTS = "start s; user check; xor how; end one; end two"
WAYS = "s -> check -> how; how -> one if %s; how -> two default"


_OTHERS = ("example.", "form.", "sound.")
AN_ERROR = '[outcomes.elsewhere]\nname = { zh = "他处", en = "Elsewhere" }\nkind = "grant"\n'
"""An outcome that is no end event: the search of all states is only made of an item without errors."""


def read(
    root: Path,
    flows: str,
    elements: str = ELEMENTS,
    *,
    form: dict[str, Any] = FORM,
    properties: dict[str, dict[str, str]] | None = None,
    clocks: str = "",
    organisation: Organisation | None = None,
    **about: Any,
) -> list[Problem]:
    """What is found in an item whose step `check` answers `form` into the variable `found`. What the search
    of all states says of fields that may be left out is not of interest here."""
    folder = make_item(
        root,
        draw(elements, flows),
        forms={"check": form},
        properties=properties or {"check": {"result": "found"}},
        clocks=clocks,
        **about,
    )
    _, problems = read_folder(folder, root / "forms", organisation=organisation)
    return [problem for problem in problems if not problem.code.startswith(_OTHERS)]


def without_the_error(problems: list[Problem]) -> list[Problem]:
    assert "end.unknown" in {problem.code for problem in problems}
    return [problem for problem in problems if problem.code != "end.unknown"]


def codes(problems: list[Problem]) -> list[tuple[str, str, str | None]]:
    return [(problem.code, problem.severity, problem.element) for problem in problems]


# --- conditions against the forms


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        ('found.outcome == "grant"', None),
        ('found.outcome == "granted"', "condition.value"),
        ('"granted" == found.outcome', "condition.value"),
        ('found.outcome != "granted"', "condition.value"),
        ('found.outcome in ["grant", "retrun"]', "condition.value"),
        ("found.outcome == null", None),
        ("found.outcome == 1", "condition.value"),
        ('"a" in found.kinds', None),
        ('"c" in found.kinds', "condition.value"),
        ('"c" in found.rows', None),
        ("found.area >= 500", None),
        ('found.area == "500"', "condition.type"),
        ('found.count < "5"', "condition.type"),
        ("found.urgent", None),
        ('found.urgent == "true"', "condition.type"),
        ("found.urgent == true", None),
        ('found.born < "2026-03-01"', None),
        ('found.born < "tomorrow"', "condition.type"),
        ("found.born < 2026", "condition.type"),
        ("found.born <= today()", None),
        ("found.born < found.area", "condition.type"),
        ("found.area == today()", "condition.type"),
        ("years_between(found.born, today()) >= 60", None),
        ('found.name == "x"', None),
        ("found.name == 5", "condition.type"),
        ('found.rows == "x"', "condition.type"),
        ('found.site.ground == "woods"', "condition.value"),
        ("found.site.fit", None),
        ("found.site == 1", "condition.type"),
        # the modelers' own languages
        ('${found.outcome eq "granted"}', "condition.value"),
        ('=found.outcome = "granted"', "condition.value"),
        ('=found.outcome = "grant" and found.area > 5', None),
        ("=found.area in [1..5]", None),
        # what `for` goes through is no variable
        ("any([kind == 7 for kind in found.kinds])", None),
        ('any([found == "x" for found in [1]])', None),
    ],
)
def test_a_condition_fits_the_fields_that_it_reads(tmp_path: Path, condition: str, code: str | None) -> None:
    problems = read(tmp_path, WAYS % condition)
    expected = [] if code is None else [(code, "error", "f3")]
    assert codes(problems) == expected, told(problems)
    assert all(problem.file == "diagram.bpmn" for problem in problems)


def test_the_value_that_was_meant_is_suggested(tmp_path: Path) -> None:
    (problem,) = read(tmp_path, WAYS % 'found.outcome == "refused"')
    assert str(problem.message) == 'found.outcome is never "refused"'
    assert str(problem.expected) == 'one of: "grant", "refuse", "return"'
    assert str(problem.remedy) == "did you mean refuse?"


def test_a_text_that_a_number_is_compared_with_is_shown_in_its_quotes(tmp_path: Path) -> None:
    (problem,) = read(tmp_path, WAYS % 'found.area == "500"')
    assert str(problem.message) == 'found.area is a number and can\'t be compared with "500"'


def test_a_key_that_no_form_has_is_a_warning(tmp_path: Path) -> None:
    (problem,) = read(tmp_path, WAYS % 'found.outcom == "grant"')
    assert codes([problem]) == [("variable.unknown", "warning", "f3")]
    assert str(problem.remedy) == "did you mean outcome?"
    (deep,) = read(tmp_path / "deep", WAYS % "found.site.fitt")
    assert str(deep.message) == "no form gives found.site a key fitt"


def test_a_variable_that_something_else_sets_too_is_not_judged(tmp_path: Path) -> None:
    scripted = "s -> check -> change -> how; how -> one if found.outcome == 'other'; how -> two default"
    assert not read(tmp_path / "a", scripted, ELEMENTS + '; script change found = {"outcome": "other"}')
    open_form = {**FORM, "additionalProperties": True}
    assert not read(tmp_path / "b", WAYS % "found.other == 1", form=open_form)


def test_two_forms_that_give_one_variable_give_the_values_of_both(tmp_path: Path) -> None:
    elements = ELEMENTS + "; user again"
    flows = "s -> check -> again -> how; how -> one if found.outcome == '%s'; how -> two default"
    properties = {"check": {"result": "found"}, "again": {"result": "found", "form": "item-again"}}
    (tmp_path / "forms").mkdir()
    (tmp_path / "forms" / "item-again.schema.json").write_text(
        '{"type": "object", "additionalProperties": false, "properties": '
        '{"outcome": {"type": "string", "enum": ["late"]}}}'
    )
    assert not read(tmp_path, flows % "late", elements, properties=properties)
    (tmp_path / "processes" / "item").rename(tmp_path / "first")
    (problem,) = read(tmp_path, flows % "later", elements, properties=properties)
    assert str(problem.expected) == 'one of: "grant", "refuse", "return", "late"'


# --- gateways


MORE = ELEMENTS + "; end three"
GAP = ('found.outcome == "grant"', 'found.outcome == "refuse"', "if found.urgent")
THREE = "s -> check -> how; how -> one if %s; how -> two if %s; how -> three %s"


@pytest.mark.parametrize(
    ("first", "second", "last", "expected"),
    [
        ('found.outcome == "grant"', 'found.outcome == "refuse"', "default", []),
        (
            'found.outcome == "grant"',
            'found.outcome == "grant"',
            "default",
            [("condition.unreachable", "f4")],
        ),
        (
            'found.outcome != "grant"',
            'found.outcome == "refuse"',
            "default",
            [("condition.unreachable", "f4")],
        ),
        ("true", "found.urgent", "default", [("condition.unreachable", "f4")]),
        ("found.urgent and not found.urgent", "found.area > 1", "default", [("condition.unreachable", "f3")]),
        # what depends on a number may hold or not
        ("found.area > 5", 'found.outcome == "grant"', "default", []),
        # every answer needs a flow; a default that is never taken is fine
        ('found.outcome == "grant"', 'found.outcome == "refuse"', 'if found.outcome == "return"', []),
        (
            'found.outcome == "grant"',
            'found.outcome == "refuse"',
            "if found.urgent",
            [("condition.gap", "how")],
        ),
        ('found.outcome in ["grant", "refuse"]', 'found.outcome == "return"', "default", []),
        ('found.outcome == "grant"', 'found.outcome == "refuse"', "if found.area > 5", []),
    ],
)
def test_each_flow_of_a_gateway_can_be_taken_and_each_answer_has_one(
    tmp_path: Path, first: str, second: str, last: str, expected: list[tuple[str, str]]
) -> None:
    problems = without_the_error(read(tmp_path, THREE % (first, second, last), MORE, clocks=AN_ERROR))
    assert [(problem.code, problem.element) for problem in problems] == expected, told(problems)
    assert all(problem.severity == "warning" for problem in problems)


def test_the_answer_that_falls_through_is_shown(tmp_path: Path) -> None:
    (problem,) = without_the_error(read(tmp_path, THREE % GAP, MORE, clocks=AN_ERROR))
    assert str(problem.message) == (
        'no flow leads on from how for found.outcome = "return", found.urgent = false'
    )


def test_of_an_inclusive_gateway_each_flow_is_asked_by_itself(tmp_path: Path) -> None:
    elements = MORE.replace("xor how", "or how")
    both = ('found.outcome == "grant"', 'found.outcome == "grant"', "default")
    assert not read(tmp_path / "a", THREE % both, elements)
    problems = without_the_error(read(tmp_path / "b", THREE % GAP, elements, clocks=AN_ERROR))
    assert codes(problems) == [("condition.gap", "warning", "how")]


def test_a_gateway_without_a_way_out_is_told_once(tmp_path: Path) -> None:
    """Once all states are searched the way there is shown, in place of the answers by themselves."""
    folder = make_item(
        tmp_path,
        draw(MORE, THREE % GAP),
        forms={"check": FORM | {"required": ["outcome", "urgent"]}},
        properties={"check": {"result": "found"}},
    )
    _, problems = read_folder(folder)
    (problem,) = [problem for problem in problems if problem.element == "how"]
    assert codes([problem]) == [("sound.no_flow", "error", "how")]
    assert [str(step) for step in problem.trace] == ['check: outcome = "return", urgent = false']


def test_a_step_behind_a_flow_that_is_never_taken_is_told_once(tmp_path: Path) -> None:
    """By the flow, which shows the condition; a step that nothing leads to for another reason is told too."""
    elements = ELEMENTS + "; user again; xor then; end three; user never"
    flows = (
        "how -> again if found.urgent and not found.urgent; again -> two; "
        "s -> check -> how -> then default; then -> one if found.area >= 0 or found.area < 0; "
        "then -> never default; never -> three"
    )
    folder = make_item(
        tmp_path,
        draw(elements, flows),
        forms={"check": FORM | {"required": ["urgent", "area"]}},
        properties={"check": {"result": "found"}},
    )
    _, problems = read_folder(folder)
    assert codes([p for p in problems if not p.code.startswith(("example.", "form."))]) == [
        ("condition.unreachable", "warning", "f1"),
        ("sound.dead_element", "warning", "never"),
    ]


def test_what_departments_come_to_has_its_values_too(tmp_path: Path) -> None:
    opinion = {
        "type": "object",
        "additionalProperties": False,
        "properties": {"opinion": {"type": "string", "enum": ["agree"]}},
    }
    joint = """
[joint.review]
name = { zh = "会签", en = "Review" }
activities = ["check"]
rule = "all"
result = "review"
"""
    assert codes(read(tmp_path, WAYS % 'review.outcome == "granted"', form=opinion, clocks=joint)) == [
        ("condition.value", "error", "f3")
    ]


# --- documents, posts, messages


def test_a_document_that_nothing_issues_is_a_warning(tmp_path: Path) -> None:
    problems = read(tmp_path, WAYS % "found.urgent", notices=["notice"])
    assert codes(problems) == [("document.unused", "warning", "documents.notice")]
    issued = read(tmp_path / "issued", WAYS % "found.urgent", documents={"check": "notice"})
    assert not issued


def test_a_post_that_nobody_holds_is_a_warning_where_somebody_is_needed(tmp_path: Path) -> None:
    ways = WAYS % "found.urgent"
    assert not read(tmp_path / "a", ways, organisation=county())
    properties = {"check": {"result": "found", "unit": '"d1"'}}
    folder = make_item(
        tmp_path, draw(ELEMENTS, ways), lanes={"check": "d1"}, forms={"check": FORM}, properties=properties
    )
    entry = folder / "item.toml"
    entry.write_text(entry.read_text("utf-8").replace("d1/clerk", "d1/inspector"), encoding="utf-8")
    elsewhere, problems = read_folder(folder, tmp_path / "forms", organisation=county())
    assert elsewhere is not None, "the unit is worked out in the case"
    assert "post.vacant" not in {problem.code for problem in problems}
    diagram = folder / "diagram.bpmn"
    diagram.write_text(diagram.read_text().replace('name="unit"', 'name="unite"'))
    _, problems = read_folder(folder, tmp_path / "forms", organisation=county())
    (vacant,) = [problem for problem in problems if problem.code == "post.vacant"]
    assert (vacant.severity, vacant.element) == ("warning", "lanes.d1")
    assert "d1/inspector" in str(vacant.message)


CATCHES = ("start s; user check; catch word message m; end e", "s -> check -> word -> e")


def test_a_message_comes_from_an_event_or_from_who_holds_the_lane_s_post(tmp_path: Path) -> None:
    assert not read(tmp_path / "a", CATCHES[1], CATCHES[0], organisation=county())
    folder = make_item(tmp_path / "b", draw(*CATCHES), lanes={"word": "d1"})
    entry = folder / "item.toml"
    entry.write_text(entry.read_text("utf-8").replace("d1/clerk", "d1/inspector"), encoding="utf-8")
    _, problems = read_folder(folder, organisation=county())
    nobody = [problem for problem in problems if problem.code == "message.nobody"]
    assert codes(nobody) == [("message.nobody", "warning", "word")]
    assert "d1/inspector" in str(nobody[0].message)


def test_a_message_that_nothing_waits_for_is_a_warning(tmp_path: Path) -> None:
    thrown = ("start s; user check; throw word message m; end e", "s -> check -> word -> e")
    assert codes(read(tmp_path, thrown[1], thrown[0])) == [("message.unheard", "warning", "word")]


@pytest.mark.parametrize("lanes", ["3", '"hall/clerk"', "[{}]"])
def test_lanes_that_are_no_table_are_one_problem(tmp_path: Path, lanes: str) -> None:
    folder = make_item(tmp_path, draw("start s; user a; end e", "s -> a -> e"))
    entry = folder / "item.toml"
    text = entry.read_text("utf-8").replace('[lanes]\n"hall" = "hall/clerk"\n', "")
    entry.write_text(f"lanes = {lanes}\n{text}", encoding="utf-8")
    _, problems = read_folder(folder, organisation=county())
    assert codes([p for p in problems if p.severity == "error"]) == [("item.invalid", "error", "lanes")]


# --- what an expression compares


@pytest.mark.parametrize(
    ("source", "values", "verdict"),
    [
        ("a.b == 1", {("a", "b"): 1}, True),
        ("a.b == 1", {}, None),
        ("a.b == 1 and c", {("a", "b"): 2}, False),
        ("a.b == 1 or c", {("a", "b"): 1}, True),
        ("a.b == 1 or c", {("a", "b"): 2}, None),
        ("not (a in [1, 2])", {("a",): 3}, True),
        ("a == true", {("a",): 1}, False),
        ("a == 1.0", {("a",): 1}, True),
        ("1 < a < 3", {("a",): 2}, None),
        ("true", {}, True),
        ("max([a, 2]) == 2", {("a",): 1}, None),
        ("${!a || b}", {("a",): False}, True),
        ('=a = "x=y"', {("a",): "x=y"}, True),
    ],
)
def test_a_verdict_is_certain_or_there_is_none(
    source: str, values: dict[Any, Any], verdict: bool | None
) -> None:
    read = outline(source)
    assert read is not None
    assert read.verdict(values) is verdict


def test_what_cannot_be_read_has_no_outline() -> None:
    assert outline("a ==") is None
    assert outline("open('x')") is None
    assert outline("=for x in a return x") is None
