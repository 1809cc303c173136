"""Forms: checking answers, prompting, reading what people type, and checking the forms themselves."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.errors import Invalid, titled
from engine.forms import MAX_BYTES, check, check_schema, place, questions, read_field
from engine.forms.lint import _parts
from engine.forms.schema import fit_of, names, validator

CHINESE = {"{en}": "{zh}", "a whole number": "整数"}.get


def chinese(msgid: str) -> str:
    return CHINESE(msgid, msgid)


def field(zh: str, en: str, **rules: Any) -> dict[str, Any]:
    return {"title": zh, "x-title-en": en, **rules}


OPINION = {
    "type": "object",
    "properties": {
        "opinion": field(
            "意见",
            "Opinion",
            oneOf=[
                {"const": "agree", "title": "同意", "x-title-en": "agreed"},
                {"const": "disagree", "title": "不同意", "x-title-en": "not agreed"},
            ],
        ),
        "reason": field("理由", "Reason", type="string", maxLength=20),
    },
    "required": ["opinion"],
    "if": {"properties": {"opinion": {"const": "disagree"}}, "required": ["opinion"]},
    "then": {
        "required": ["reason"],
        "properties": {"article": field("条款", "Article", type="integer", minimum=1)},
    },
}

COMPANY = {
    "type": "object",
    "$defs": {
        "person": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "name": field("姓名", "Name", type="string", minLength=1),
                "born": field("出生日期", "Date of birth", type="string", format="date"),
                "email": field("邮箱", "E-mail", type="string", format="email"),
            },
            "required": ["name"],
        }
    },
    "properties": {
        "company": field("企业名称", "Company", type="string", minLength=2),
        "capital": field("注册资本", "Capital", type="number", exclusiveMinimum=0, multipleOf=0.01),
        "staff": field("人数", "Staff", type="integer"),
        "branch": field("是否分支机构", "Branch", type="boolean", default=False),
        "founded": field("成立日期", "Founded", type="string", format="date"),
        "visit": field("核查时间", "Visit", type="string", format="date-time"),
        "applicant": field("申请人", "Applicant", **{"$ref": "#/$defs/person"}),
        "shareholders": field("股东", "Shareholders", type="array", items={"$ref": "#/$defs/person"}),
        "papers": field("材料", "Papers", type="array", items={"type": "string"}),
        "kinds": field("类别", "Kinds", type="array", items={"enum": ["food", "drink"]}),
        "code": field("代码", "Code", type="string", pattern="^[0-9]{4}$", description="四位数字"),
    },
    "required": ["company", "applicant"],
}

GOOD = {"company": "云岭茶业", "applicant": {"name": "陈静"}}


def refusal(schema: dict[str, Any], answers: Any) -> Invalid:
    with pytest.raises(Invalid) as caught:
        check(schema, answers)
    assert caught.value.code == "form.invalid"
    return caught.value


def test_answers_that_fit_are_accepted() -> None:
    check(COMPANY, GOOD)
    check(
        COMPANY,
        {
            **GOOD,
            "capital": 0.07,
            "staff": 3,
            "branch": True,
            "founded": "2026-03-02",
            "visit": "2026-03-02T09:00:00+08:00",
            "shareholders": [{"name": "王芳", "email": "wang@example.org"}],
        },
    )


def test_every_fault_is_listed_at_once_with_title_expectation_and_finding() -> None:
    text = str(refusal(COMPANY, {"company": "云", "staff": "三", "founded": "2026-02-30"}))
    assert text.splitlines()[0] == "4 answers do not fit the form:"
    for line in (
        "· Company (company): expected at least 2 characters; found “云”",
        "· Staff (staff): expected a whole number; found “三”",
        "· Founded (founded): expected a date written like 2026-03-02; found “2026-02-30”",
        "· Applicant (applicant): expected a group of answers; found nothing",
    ):
        assert line in text.splitlines()


def test_titles_and_choices_come_in_the_readers_language() -> None:
    caught = refusal(COMPANY, {**GOOD, "staff": "三"})
    assert caught.message.render(chinese) == "人数 (staff) does not fit the form"
    assert caught.expected.render(chinese) == "整数"
    assert refusal(OPINION, {"opinion": "maybe"}).expected.render(chinese) == (
        "one of: 同意 (agree), 不同意 (disagree)"
    )
    assert str(titled("只有中文")) == "只有中文"


def test_a_place_in_a_list_is_named_as_people_count() -> None:
    caught = refusal(COMPANY, {**GOOD, "shareholders": [{"name": "王芳"}, {"name": ""}]})
    assert str(caught.message) == "Shareholders › no. 2 › Name (shareholders.2.name) does not fit the form"


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ({"founded": "20260302"}, "founded"),
        ({"founded": "2026-3-2"}, "founded"),
        ({"visit": "2026-03-02T09:00:00"}, "visit"),
        ({"visit": "2026-03-02"}, "visit"),
        ({"applicant": {"name": "陈静", "email": "chen"}}, "applicant.email"),
        ({"staff": True}, "staff"),
        ({"staff": 1.5}, "staff"),
        ({"capital": 0}, "capital"),
        ({"capital": 0.071}, "capital"),
        ({"code": "1234\n"}, "code"),
        ({"code": "１２３４"}, "code"),
        ({"kinds": ["food", "fuel"]}, "kinds.2"),
        ({"applicant": {"name": "陈静", "nme": "x"}}, "applicant.nme"),
    ],
)
def test_an_answer_of_the_wrong_kind_is_refused_at_its_field(answers: dict[str, Any], found: str) -> None:
    assert found in str(refusal(COMPANY, {**GOOD, **answers}))


def test_formats_are_checked_not_only_noted() -> None:
    assert str(refusal(COMPANY, {**GOOD, "code": "12"}).expected) == "四位数字"


@pytest.mark.parametrize("blank", ["", "   ", "\n", "\u3000"])
def test_a_required_text_of_blanks_is_missing(blank: str) -> None:
    assert str(refusal(OPINION, {"opinion": "disagree", "reason": blank}).found) == "nothing"


def test_a_condition_makes_a_field_required_and_another_answer_does_not() -> None:
    check(OPINION, {"opinion": "agree"})
    assert "reason" in str(refusal(OPINION, {"opinion": "disagree"}))


def test_an_unknown_field_is_refused_with_the_nearest_name() -> None:
    caught = refusal(OPINION, {"opinion": "agree", "reson": "x"})
    assert str(caught.remedy) == "did you mean reason?"
    check({**OPINION, "additionalProperties": True}, {"opinion": "agree", "reson": "x"})


def test_a_field_of_another_branch_is_refused_when_its_condition_does_not_hold() -> None:
    check(OPINION, {"opinion": "disagree", "reason": "x", "article": 38})
    caught = refusal(OPINION, {"opinion": "agree", "article": 38})
    assert "does not ask this" in str(caught.expected)


def test_of_alternatives_the_nearest_one_is_explained() -> None:
    schema = {
        "type": "object",
        "properties": {
            "payee": {
                "anyOf": [
                    {"type": "object", "required": ["name", "born", "sex"]},
                    {"type": "object", "properties": {"code": {"type": "integer"}}, "required": ["code"]},
                ]
            }
        },
    }
    assert "payee.code" in str(refusal(schema, {"payee": {"code": "x"}}))


@pytest.mark.parametrize(
    "answers",
    [
        None,
        [],
        "text",
        {"company": "x" * MAX_BYTES},
        {"company": float("nan")},
        {"company": float("inf")},
        {"company": 10**400},
        {"company": "a\x00b"},
        {"company": "云\u202e岭"},
        {"company": "\ud800"},
        {"com\x00pany": "x"},
        {1: "x"},
        {"company": object()},
        {"company": {"a": [{"b": b"bytes"}]}},
    ],
)
def test_what_cannot_be_kept_or_printed_is_refused(answers: Any) -> None:
    refusal({"type": "object", "additionalProperties": True}, answers)


def test_nesting_without_end_is_refused_not_followed() -> None:
    nested: Any = {}
    for _ in range(100_000):
        nested = {"a": nested}
    assert "deep" in str(refusal({"type": "object", "additionalProperties": True}, nested).expected)
    with pytest.raises(Invalid):
        read_field(COMPANY, "papers", "[" * 100_000)


def test_nothing_is_ever_fetched() -> None:
    schema = {"type": "object", "properties": {"a": {"$ref": "https://example.org/a.json"}}}
    assert [p.severity for p in check_schema(schema, "f")] == ["error"]


def test_questions_come_in_the_forms_order_with_titles_kinds_and_defaults() -> None:
    asked = questions(COMPANY)
    assert [(q.name, q.kind, q.required) for q in asked] == [
        ("company", "text", True),
        ("capital", "number", False),
        ("staff", "integer", False),
        ("branch", "yes-no", False),
        ("founded", "date", False),
        ("visit", "date-time", False),
        ("applicant.name", "text", True),
        ("applicant.born", "date", False),
        ("applicant.email", "text", False),
        ("shareholders", "records", False),
        ("papers", "list", False),
        ("kinds", "choices", False),
        ("code", "text", False),
    ]
    assert asked[3].default is False
    assert str(asked[0].title) == "Company" and asked[0].title.render(chinese) == "企业名称"
    assert [q.name for q in asked[9].items] == ["name", "born", "email"]
    assert [choice.value for choice in asked[11].choices] == ["food", "drink"]
    assert asked[12].help.render(chinese) == "四位数字"


def test_what_is_answered_is_not_asked_and_a_condition_asks_more() -> None:
    assert [q.name for q in questions(OPINION)] == ["opinion", "reason"]
    asked = questions(OPINION, {"opinion": "disagree"})
    assert [(q.name, q.required) for q in asked] == [("reason", True), ("article", False)]
    assert not [q for q in questions(OPINION, {"opinion": "agree"}) if q.required]


def test_a_branch_can_take_a_question_away() -> None:
    schema = {
        "type": "object",
        "properties": {"free": {"type": "boolean"}, "fee": {"type": "number"}},
        "if": {"properties": {"free": {"const": True}}, "required": ["free"]},
        "then": {"properties": {"fee": False}},
    }
    assert [q.name for q in questions(schema, {"free": True})] == []
    assert [q.name for q in questions(schema, {"free": False})] == ["fee"]
    refusal(schema, {"free": True, "fee": 5})


def test_an_optional_group_is_required_as_a_whole_only_once_begun() -> None:
    person = {"type": "object", "properties": {"name": {"type": "string"}, "id": {"type": "string"}}}
    schema = {"type": "object", "properties": {"agent": {**person, "required": ["name"]}}}
    assert not any(q.required for q in questions(schema))
    assert [q.required for q in questions(schema, {"agent": {"id": "1"}})] == [True]


def test_a_form_filled_by_its_own_questions_fits() -> None:
    typed = {"opinion": "不同意", "reason": "名称与已登记企业相同", "article": "38"}
    answers: dict[str, Any] = {}
    while asked := questions(OPINION, answers):
        answers = place(answers, asked[0].name, read_field(OPINION, asked[0].name, typed[asked[0].name]))
    check(OPINION, answers)
    assert answers == {"opinion": "disagree", "reason": "名称与已登记企业相同", "article": 38}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("company", " 云岭茶业 ", "云岭茶业"),
        ("company", "123", "123"),
        ("capital", "1,000,000.50", 1000000.5),
        ("capital", "１００", 100),
        ("staff", "12", 12),
        ("branch", "是", True),
        ("branch", "No", False),
        ("founded", "2026年3月2日", "2026-03-02"),
        ("founded", "2026/3/2", "2026-03-02"),
        ("visit", "2026-03-02 09:00", "2026-03-02T09:00:00+08:00"),
        ("visit", "2026-03-02T01:00:00Z", "2026-03-02T09:00:00+08:00"),
        ("applicant.name", "陈静", "陈静"),
        ("applicant", '{"name": "陈静"}', {"name": "陈静"}),
        ("shareholders.2.name", "王芳", "王芳"),
        ("shareholders", '[{"name": "王芳"}]', [{"name": "王芳"}]),
        ("papers", "身份证, 章程", ["身份证", "章程"]),
        ("papers", "房产证明未盖章，请补盖", ["房产证明未盖章，请补盖"]),
        ("papers", "", []),
        ("kinds", "food、drink", ["food", "drink"]),
    ],
)
def test_typed_text_becomes_the_value_that_the_field_wants(name: str, text: str, value: Any) -> None:
    read = read_field(COMPANY, name, text)
    assert read == value and type(read) is type(value)


@pytest.mark.parametrize("text", ["disagree", "DISAGREE", "不同意", "not agreed"])
def test_a_choice_goes_by_value_or_by_title_in_either_language(text: str) -> None:
    assert read_field(OPINION, "opinion", text) == "disagree"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("staff", "1.0"),
        ("staff", "1,00"),
        ("staff", "9" * 5000),
        ("capital", "nan"),
        ("capital", "1e9"),
        ("capital", "-1"),
        ("branch", "maybe"),
        ("founded", "3/2/2026"),
        ("founded", "2026-02-30"),
        ("visit", "tomorrow"),
        ("company", "云"),
        ("company", "a\x00bc"),
        ("applicant", "陈静"),
        ("applicant.email", "nobody"),
        ("shareholders", "王芳"),
        ("shareholders", "[{"),
        ("kinds", "food, fuel"),
    ],
)
def test_typed_text_that_does_not_fit_is_refused_at_once(name: str, text: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_field(COMPANY, name, text)
    assert caught.value.code == "form.invalid" and name in str(caught.value)


def test_a_mistyped_choice_is_answered_with_the_choices() -> None:
    with pytest.raises(Invalid) as caught:
        read_field(OPINION, "opinion", "disagre")
    assert str(caught.value.expected) == "one of: agreed (agree), not agreed (disagree)"
    assert str(caught.value.remedy) == "did you mean disagree?"


@pytest.mark.parametrize("name", ["companny", "applicant.nam", "applicant.name.x", "shareholders.0.name", ""])
def test_an_unknown_field_name_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_field(COMPANY, name, "x")
    assert caught.value.code == "form.unknown_field"
    assert "shareholders.1.name" in str(caught.value.expected)


def test_answers_are_placed_in_groups_and_lists_and_the_old_ones_stay() -> None:
    before = {"shareholders": [{"name": "王芳"}]}
    after = place(before, "shareholders.2.name", "李强")
    after = place(after, "applicant.name", "陈静")
    assert after == {"shareholders": [{"name": "王芳"}, {"name": "李强"}], "applicant": {"name": "陈静"}}
    assert before == {"shareholders": [{"name": "王芳"}]}
    for name in ("shareholders.4.name", "applicant.name.x", "shareholders.x"):
        with pytest.raises(Invalid) as caught:
            place(after, name, "x")
        assert caught.value.code == "form.misplaced"


def test_a_good_form_has_no_problems() -> None:
    assert check_schema(COMPANY, "f") == []
    assert check_schema(OPINION, "f") == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"type": "array"}, "a form is an object"),
        ({"type": "objekt"}, "objekt"),
        ({"requried": ["a"]}, "requried"),
        ({"required": ["b"]}, "b is required"),
        ({"properties": {"a": {"type": "string", "pattern": "("}}}, "regex"),
        ({"properties": {"a": {"type": "string", "format": "dated"}}}, "dated"),
        ({"properties": {"a": {"type": "integer", "default": "x"}}}, "default"),
        ({"properties": {"a-b": {"type": "integer"}}}, "a-b"),
        ({"properties": {"a": {"$ref": "#/$defs/none"}}}, "leads nowhere"),
        ({"properties": {"a": {"$ref": "other.json"}}}, "leads nowhere"),
        ({"properties": {"a": {"$ref": "#"}}}, "leads nowhere"),
        ({"$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}}, "refers to itself"),
        ({"allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"$ref": "#/$defs/a"}}}, "refers to itself"),
    ],
)
def test_a_faulty_form_is_found_when_it_is_checked(change: dict[str, Any], words: str) -> None:
    problems = [p for p in check_schema({"type": "object", **change}, "x.json") if p.severity == "error"]
    assert len(problems) == 1
    assert words in str(problems[0].message) and problems[0].file == "x.json"


@pytest.mark.parametrize("schema", [True, [], None, "x", {"properties": 5}])
def test_what_is_no_form_at_all_is_said_not_raised(schema: Any) -> None:
    assert check_schema(schema, "f")


def test_a_field_without_both_titles_is_a_warning() -> None:
    (problem,) = check_schema({"type": "object", "properties": {"a": {"type": "string", "title": "甲"}}}, "f")
    assert (problem.severity, problem.element) == ("warning", "properties.a")


@pytest.mark.parametrize("path", sorted(Path("forms").glob("*.schema.json")), ids=lambda path: path.name)
def test_every_shipped_form_is_sound(path: Path) -> None:
    assert check_schema(json.loads(path.read_text()), path.name) == []


def test_what_is_let_through_at_once_is_just_what_the_checker_finds_nothing_wrong_with() -> None:
    shipped = [json.loads(path.read_text()) for path in sorted(Path("forms").glob("*.schema.json"))]
    either = {"properties": {"a": {"oneOf": [{"type": "integer"}, {"type": ["number", "null"]}]}}}
    dice = random.Random(7)
    verdicts = []
    for form in (OPINION, COMPANY, either, *shipped):
        rules = validator(form)
        parts, fields = list(inside(form)), names(form)
        pool = [one for part in parts for one in (*part.get("enum", ()), part.get("const", "文"))]
        pool = [*dict.fromkeys(pool), *"文 ", "2026-03-02", "x" * 2001, 0, -1.5, True, None, [], ["文"], [{}]]
        for part in parts:
            fit = fit_of(rules, part)
            group = {name: dice.choice(pool) for name in fields if dice.random() < 0.5}
            for value in (*dice.sample(pool, 6), {}, group):
                verdicts.append(fit(value))
                assert verdicts[-1] == rules.evolve(schema=part).is_valid(value), (part, value)
    assert 1000 < sum(verdicts) < len(verdicts) - 1000


def inside(part: Any) -> Iterator[Any]:
    """A form and every schema in it."""
    if isinstance(part, dict):
        yield part
        for _, one in _parts(part):
            yield from inside(one)


def test_importing_forms_does_not_load_the_checker() -> None:
    code = "import sys, engine.forms; sys.exit('jsonschema' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
