"""A folder becomes a definition, or everything that is wrong with it is said."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from drawing import draw
from items import make_item
from items import organisation as county
from lxml import etree

from engine.definition import Definition, builtin, pack, read_folder, unpack
from engine.errors import Diverged, Problem
from engine.expressions import compile_expression, compile_table
from engine.flow.net import HUMAN
from engine.organisation import Organisation, read_register

ITEMS = ("disclosure-request", "enterprise-startup", "senior-card")
BPMN = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"
DI = "{http://www.omg.org/spec/BPMN/20100524/DI}"
DC = "{http://www.omg.org/spec/DD/20100524/DC}"
DAY = date(2026, 3, 2)
WAY = "{http://www.omg.org/spec/DD/20100524/DI}waypoint"


@pytest.fixture(scope="session")
def organisation() -> Organisation:
    return read_register(builtin().organisation.read_bytes()).on(DAY)


@pytest.fixture(scope="session")
def shipped(organisation: Organisation) -> dict[str, Definition]:
    found = {}
    for code, folder in builtin().items().items():
        definition, problems = read_folder(folder, organisation=organisation)
        assert definition is not None, "\n".join(map(line, problems))
        found[code] = definition
    return found


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of the shipped processes and forms to break things in."""
    shutil.copytree(builtin().processes, tmp_path / "processes")
    shutil.copytree(builtin().forms, tmp_path / "forms")
    return tmp_path


def line(problem: Problem) -> str:
    return f"{problem.severity} {problem.file} {problem.element} {problem.code}: {problem.message}"


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{old} is not in {path.name}"
    path.write_text(text.replace(old, new), encoding="utf-8")


# --- what is shipped


def test_all_shipped_items_are_found(shipped: dict[str, Definition]) -> None:
    assert set(ITEMS) <= set(shipped)


def test_the_shipped_items_have_no_problems(organisation: Organisation) -> None:
    """Save what is true of them: three ask for no rating, and three days are all that the law allows."""
    for folder in builtin().items().values():
        _, problems = read_folder(folder, organisation=organisation)
        told = {problem.code for problem in problems}
        assert told <= {"survey.none", "clock.no_acceleration"}, "\n".join(map(line, problems))
        assert all(problem.severity == "warning" for problem in problems)


def test_every_step_of_the_shipped_items_has_a_name_in_both_languages(shipped: dict[str, Definition]) -> None:
    for definition in shipped.values():
        for scope in definition.net.scopes.values():
            for node in scope.nodes.values():
                assert node.name
                assert node.properties["name:en"].isascii(), node.id
                assert str(definition.step_title(node)) == node.properties["name:en"]


def test_somebody_holds_every_post_of_the_shipped_items(
    shipped: dict[str, Definition], organisation: Organisation
) -> None:
    for definition in shipped.values():
        for scope in definition.net.scopes.values():
            for node in scope.nodes.values():
                unit, post = definition.performer(scope.id, node)
                if node.kind in HUMAN and "unit" not in node.properties:  # else the case finds it out
                    assert organisation.holders(unit, post), (node.id, unit, post)


def test_every_outcome_of_the_shipped_items_has_a_worked_case(shipped: dict[str, Definition]) -> None:
    for definition in shipped.values():
        assert {example["outcome"] for example in definition.examples.values()} == set(
            definition.item["outcomes"]
        )


def test_the_county_has_26_departments(organisation: Organisation) -> None:
    departments = [unit for unit in organisation.units.values() if unit["kind"] == "department"]
    assert len(departments) == 26


@pytest.mark.parametrize(
    ("born", "eligible", "kind"),
    [
        ("1966-03-03", False, None),
        ("1966-03-02", True, "60-69"),
        ("1956-03-03", True, "60-69"),
        ("1956-03-02", True, "70+"),
        ("1931-01-01", True, "70+"),
    ],
)
def test_a_card_is_for_who_is_sixty_on_the_day_of_the_application(
    shipped: dict[str, Definition], born: str, eligible: bool, kind: str | None
) -> None:
    net = shipped["senior-card"].net
    now, zone = datetime(2026, 3, 2, 1, tzinfo=UTC), "Asia/Shanghai"
    condition = net.scopes[net.process].flows["eligible__card_kind"].condition
    assert condition is not None
    assert compile_expression(condition).evaluate({"birth_date": born}, now, zone) is eligible
    assert compile_table(net.tables["card_kind"]).evaluate({"birth_date": born}, now, zone) == kind


# --- what a definition answers


def test_a_definition_answers_who_does_a_step_and_what_it_asks(shipped: dict[str, Definition]) -> None:
    definition = shipped["enterprise-startup"]
    process = definition.net.process
    review = definition.net.scopes[process].nodes["psb_review"]
    assert definition.performer(process, review) == ("psb", "reviewer")
    assert definition.opener() == ("hall", "clerk")
    form = definition.form(process, review)
    assert form is not None
    assert "opinion" in form["properties"]
    assert "company_name" in definition.start_form()["properties"]
    assert definition.names("psb_review") == {"zh": "印章备案预审", "en": "Seal filing pre-check"}
    assert definition.names("nothing") == {"zh": "nothing", "en": "nothing"}
    assert definition.message_element("correction") == "correction"
    assert definition.document("licence")["template"] == "licence.j2"
    granted = definition.outcome("granted")
    assert granted is not None
    assert granted["kind"] == "grant"
    assert definition.outcome("psb_reminded") is None
    assert definition.outcome_names("refused") == {"zh": "不予许可", "en": "Refused"}
    assert definition.outcome_names(None) == {}
    assert (definition.code, definition.effective) == ("enterprise-startup", "2026-01-01")
    assert str(definition.title()) == "Enterprise start-up (joint application)"
    assert {"licence.j2", "decision.j2"} <= set(definition.templates)


# --- what is wrong is said, with file and element

Break = Callable[[Path, Path], None]


def _in(file: str, old: str, new: str) -> Break:
    def change(item: Path, forms: Path) -> None:
        edit(forms / file if file.endswith(".schema.json") else item / file, old, new)

    return change


def _gone(file: str) -> Break:
    def change(item: Path, forms: Path) -> None:
        (forms / file if file.endswith((".j2", ".schema.json")) else item / file).unlink()

    return change


BROKEN: dict[str, tuple[Break, str, str, str | None]] = {
    "no item.toml": (_gone("item.toml"), "file.unreadable", "item.toml", None),
    "no diagram": (_gone("diagram.bpmn"), "file.unreadable", "diagram.bpmn", None),
    "item.toml is no TOML": (_in("item.toml", "lead =", "lead"), "file.unreadable", "item.toml", None),
    "unknown key": (_in("item.toml", "max_visits", "max_visit"), "item.invalid", "item.toml", "max_visit"),
    "missing key": (_in("item.toml", "serial_code =", "# "), "item.invalid", "item.toml", "serial_code"),
    "no such day": (_in("item.toml", "2026-01-01", '"2026-02-30"'), "item.invalid", "item.toml", "effective"),
    "unknown kind": (
        _in("item.toml", '"grant"', '"granted"'), "item.invalid", "item.toml", "outcomes.granted.kind",
    ),
    "binding without post": (
        _in("item.toml", '"psb/reviewer"', '"psb"'), "item.invalid", "item.toml", "lanes.公安局窗口",
    ),
    "no legal basis": (_in("item.toml", "[[bases]]", "[[fees]]"), "item.basis", "item.toml", "bases"),
    "no lead": (_in("item.toml", "lead =", "# "), "item.lead", "item.toml", "lead"),
    "unknown unit": (_in("item.toml", '"psb/', '"pbs/'), "unit.unknown", "item.toml", "lanes.公安局窗口"),
    "lane not bound": (
        _in("item.toml", "公安局窗口", "公安窗口"), "lane.unbound", "diagram.bpmn", "公安局窗口",
    ),
    "lane not drawn": (
        _in("item.toml", "公安局窗口", "公安窗口"), "lane.unknown", "item.toml", "lanes.公安窗口",
    ),
    "task in no lane": (
        _in("diagram.bpmn", "<bpmn:flowNodeRef>psb_review</bpmn:flowNodeRef>", ""),
        "step.performer", "diagram.bpmn", "psb_review",
    ),
    "message in no lane": (
        _in("diagram.bpmn", "<bpmn:flowNodeRef>correction</bpmn:flowNodeRef>", ""),
        "step.performer", "diagram.bpmn", "correction",
    ),
    "unknown form": (
        _in("diagram.bpmn", 'value="startup-intake"', 'value="startup-intak"'),
        "form.unknown", "diagram.bpmn", "intake",
    ),
    "form outside its folder": (
        _in("diagram.bpmn", 'value="startup-intake"', 'value="../forms/startup-intake"'),
        "form.unknown", "diagram.bpmn", "intake",
    ),
    "form is no JSON": (
        _in("startup-intake.schema.json", '"title"', "title"),
        "file.unreadable", "forms/startup-intake.schema.json", None,
    ),
    "form is no schema": (
        _in("startup-intake.schema.json", '"type": "array"', '"type": "lines"'),
        "form.schema", "forms/startup-intake.schema.json", "properties.materials.type",
    ),
    "unknown document": (
        _in("diagram.bpmn", 'value="licence"', 'value="license"'),
        "document.unknown", "diagram.bpmn", "issue_licence",
    ),
    "unknown template": (
        _in("item.toml", '"licence.j2"', '"license.j2"'),
        "template.unknown", "item.toml", "documents.licence.template",
    ),
    "end without outcome": (
        _in("item.toml", "[outcomes.refused]", "[outcomes.rejected]"),
        "outcome.missing", "diagram.bpmn", "refused",
    ),
    "outcome without end": (
        _in("item.toml", "[outcomes.refused]", "[outcomes.rejected]"),
        "end.unknown", "item.toml", "outcomes.rejected",
    ),
    "unknown variable": (
        _in("diagram.bpmn", "consolidation.course ==", "consolidaton.course =="),
        "variable.unknown", "diagram.bpmn", "course__decide",
    ),
    "example is no TOML": (
        _in("examples/grant.toml", "title =", "title"), "file.unreadable", "examples/grant.toml", None,
    ),
    "example with an unknown step": (
        _in("examples/grant.toml", '"tax_review"', '"tax_reveiw"'),
        "step.unknown", "examples/grant.toml", "steps.3.do",
    ),
    "example with an unknown outcome": (
        _in("examples/grant.toml", '"granted"', '"grantd"'),
        "outcome.unknown", "examples/grant.toml", "outcome",
    ),
    "example with an unknown document": (
        _in("examples/grant.toml", '["licence"]', '["license"]'),
        "document.unknown", "examples/grant.toml", "steps.8.expect_documents",
    ),
    "example at no instant": (
        _in("examples/grant.toml", "start = 2026-03-02T09:00:00+08:00", "start = 2026-03-02T09:00:00"),
        "example.invalid", "examples/grant.toml", "start",
    ),
    "example without a person": (
        _in("examples/grant.toml", 'by = "zhou.ting"', ""),
        "example.invalid", "examples/grant.toml", "steps.3.by",
    ),
    "example where time does something": (
        _in("examples/supplement-silence.toml", "advance = true", 'advance = true\ndo = "supplement"'),
        "example.invalid", "examples/supplement-silence.toml", "steps.3",
    ),
    "example with a key of another kind of step": (
        _in("examples/special-procedure.toml", 'resume = "decision"', 'resume = "decision"\nterm = "5wd"'),
        "example.invalid", "examples/special-procedure.toml", "steps.9",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(BROKEN))
def test_what_is_wrong_is_named_with_file_and_element(
    house: Path, organisation: Organisation, name: str
) -> None:
    change, code, file, element = BROKEN[name]
    change(house / "processes" / "enterprise-startup", house / "forms")
    definition, problems = read_folder(house / "processes" / "enterprise-startup", organisation=organisation)
    found = {(problem.code, problem.file, problem.element): problem for problem in problems}
    assert (code, file, element) in found, "\n".join(map(line, problems))
    problem = found[code, file, element]
    assert str(problem.message)
    assert str(problem.remedy) or str(problem.expected) or code == "form.schema"
    assert (definition is None) is any(problem.severity == "error" for problem in problems)


def test_a_process_that_the_diagram_lacks_is_named(house: Path) -> None:
    folder = house / "processes" / "enterprise-startup"
    edit(folder / "item.toml", '"enterprise_startup"', '"startup"')
    definition, problems = read_folder(folder)
    assert definition is None
    assert any("startup" in str(problem.message) for problem in problems)


def test_a_diagram_that_is_no_xml_is_a_problem(house: Path) -> None:
    folder = house / "processes" / "senior-card"
    (folder / "diagram.bpmn").write_bytes(b"<bpmn:definitions")
    definition, problems = read_folder(folder)
    assert definition is None
    assert any(problem.file == "diagram.bpmn" for problem in problems)


def test_a_folder_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    definition, problems = read_folder(tmp_path / "nowhere")
    assert definition is None
    assert [problem.code for problem in problems] == ["definition.missing"]


def test_all_problems_are_told_at_once(house: Path, organisation: Organisation) -> None:
    folder = house / "processes" / "enterprise-startup"
    together = ["no legal basis", "unknown unit", "unknown form", "end without outcome", "unknown document",
                "example with an unknown step", "form is no schema", "unknown template"]  # fmt: skip
    edit(folder / "diagram.bpmn", 'value="startup-consolidation"', 'value="consolidation"')
    for name in together:
        if name == "unknown form":
            continue
        BROKEN[name][0](folder, house / "forms")
    _, problems = read_folder(folder, organisation=organisation)
    found = {(problem.code, problem.file, problem.element) for problem in problems}
    expected = {BROKEN[name][1:] for name in together if name != "unknown form"}
    assert expected | {("form.unknown", "diagram.bpmn", "consolidate")} <= found


def test_an_item_that_rests_on_documents_only_is_refused(house: Path) -> None:
    folder = house / "processes" / "senior-card"
    edit(folder / "item.toml", 'level = "law"', 'level = "document"')
    definition, problems = read_folder(folder)
    assert definition is None
    assert [(problem.code, problem.element) for problem in problems] == [("item.basis", "bases")]


def test_a_way_out_without_an_end_event_is_refused(house: Path) -> None:
    folder = house / "processes" / "senior-card"
    text = (folder / "diagram.bpmn").read_text(encoding="utf-8")
    tree = etree.fromstring(text.encode())
    for element in list(tree.iter()):
        if (
            element.get("id") in ("granted", "rate__granted")
            or element.get("bpmnElement")
            in (
                "granted",
                "rate__granted",
            )
            or element.text in ("granted", "rate__granted")
        ):
            element.getparent().remove(element)
    (folder / "diagram.bpmn").write_bytes(etree.tostring(tree))
    _, problems = read_folder(folder)
    assert ("outcome.missing", "rate") in {(problem.code, problem.element) for problem in problems}


def test_a_misspelled_name_gets_a_suggestion(house: Path) -> None:
    folder = house / "processes" / "enterprise-startup"
    edit(folder / "item.toml", "[outcomes.refused]", "[outcomes.refusd]")
    _, problems = read_folder(folder)
    remedies = {problem.code: str(problem.remedy) for problem in problems}
    assert remedies["outcome.missing"] == "did you mean refusd?"
    assert remedies["end.unknown"] == "did you mean refused?"


def test_units_are_not_checked_without_an_organisation(house: Path) -> None:
    folder = house / "processes" / "enterprise-startup"
    edit(folder / "item.toml", '"hrss/', '"hrs/')
    definition, problems = read_folder(folder)
    assert definition is not None
    assert not [problem for problem in problems if problem.severity == "error"]


# --- the clocks of an item

WITH_CLOCKS = draw(
    """start s; user accept; user decide; boundary late decide after clock('decision')
    boundary told accept after clock('acceptance'); user lab; end e; end f; end g""",
    "s -> accept -> decide -> lab -> e; late -> f; told -> g",
)
CLOCKS = """
[clocks.decision]
name = { zh = "作出决定", en = "Decision" }
tier = "statutory"
term = "20wd"
starts = ["accept"]
stops = ["decide"]
unit = "d1"
basis = { law = "中华人民共和国行政许可法", article = "第四十二条第一款" }
grounds = ["hearing", "testing"]
pause_notice = "special"
pauses = [ { ground = "testing", from = "lab:opened", to = "lab", expected = "12wd" } ]
ladder = [ { name = "reminder", left = 1, percent = 20 }, { name = "red", over = 0, card = true } ]
effect = { kind = "route", to = "late", basis = { law = "办法", article = "第一条" } }
restart = { basis = { law = "条例", article = "第三十条" }, on = ["lab"] }
[clocks.decision.extension]
up_to = "10wd"
approver = "d1/leader"
notice = "longer"
basis = { law = "许可法", article = "第四十二条" }

[clocks.promise]
name = { zh = "承诺", en = "Promise" }
tier = "promised"
term = "10wd"
starts = ["accept"]
follows = "decision"
basis = { law = "服务指南", article = "第一条" }

[clocks.acceptance]
name = { zh = "受理", en = "Acceptance" }
tier = "statutory"
term = "5wd"
starts = ["s"]
basis = { law = "许可法", article = "第三十二条" }
pause_notice = "special"
[clocks.acceptance.effect]
kind = "deemed_acceptance"
begins = ["decision", "promise"]
basis = { law = "许可法", article = "第三十二条" }
[clocks.acceptance.grounds.third-party]
zh = "征求第三方意见"
en = "third party asked"
basis = { law = "条例", article = "第三十三条" }
"""


def with_clocks(
    root: Path, clocks: str = CLOCKS, diagram: bytes = WITH_CLOCKS
) -> tuple[Definition | None, list[Problem]]:
    folder = make_item(root, diagram, notices=["special", "longer"], clocks=clocks)
    return read_folder(folder, root / "forms", organisation=read_register(county()).on(DAY))


def test_the_clocks_of_an_item_are_read_in_the_order_of_the_file(tmp_path: Path) -> None:
    definition, problems = with_clocks(tmp_path)
    assert definition is not None, "\n".join(map(line, problems))
    assert list(definition.clocks) == ["decision", "promise", "acceptance"]
    decision = definition.clocks["decision"]
    assert (decision.unit, decision.starts, decision.stops) == ("d1", ("accept",), ("decide",))
    assert [str(pause.expected) for pause in decision.pauses] == ["12wd"]
    assert (decision.pause_notice, decision.extension_notice) == ("special", "longer")
    assert [rung.card for rung in decision.rule.ladder] == [False, True]
    assert decision.rule.grounds["testing"].zh == "检测"
    promise = definition.clocks["promise"]
    assert (promise.follows, promise.rule.grounds) == ("decision", decision.rule.grounds)
    acceptance = definition.clocks["acceptance"]
    assert (acceptance.begins, acceptance.rule.effect.kind) == (("decision", "promise"), "deemed_acceptance")
    assert acceptance.rule.grounds["third-party"].basis.article == "第三十三条"
    assert unpack(pack(definition)).clocks == definition.clocks
    assert {problem.code for problem in problems} == {"example.none", "item.type", "post.vacant"}


def test_the_clock_that_the_dialect_page_shows_is_accepted(
    tmp_path: Path, organisation: Organisation
) -> None:
    page = (builtin().processes / "README.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```toml\n(\[clocks\..*?)```", page, re.S)
    notices = ["special-procedure-notice", "extension-notice"]
    diagram = draw(
        "start s; user accept; user send_sample; user lab_report; user decide; end e",
        "s -> accept -> send_sample -> lab_report -> decide -> e",
    )
    folder = make_item(tmp_path, diagram, notices=notices, clocks=shown)
    edit(folder / "item.toml", "hall/clerk", "samr/clerk")
    definition, problems = read_folder(folder, organisation=organisation)
    assert definition is not None, "\n".join(map(line, problems))
    assert list(definition.clocks) == ["decision"]


def test_who_opens_the_case_answers_for_a_clock_unless_there_is_a_lead(tmp_path: Path) -> None:
    definition, _ = with_clocks(tmp_path)
    assert definition is not None
    assert definition.clocks["promise"].unit == "hall"
    folder = tmp_path / "processes" / "item"
    edit(folder / "item.toml", 'kind = "committed"', 'kind = "committed"\nlead = "d2"')
    led, _ = read_folder(folder)
    assert led is not None
    assert (led.clocks["promise"].unit, led.clocks["decision"].unit) == ("d2", "d1")


FAULTY: dict[str, tuple[str, str, str, str]] = {
    "a term without a unit": ('"20wd"', '"20"', "item.invalid", "clocks.decision.term"),
    "an unknown tier": (
        '"statutory"\nterm = "20wd"', '"legal"\nterm = "20wd"', "item.invalid", "clocks.decision.tier",
    ),
    "an unknown key": ("stops", "stop", "item.invalid", "clocks.decision.stop"),
    "no basis": ('basis = { law = "服务指南"', 'unit = "d1" #', "item.invalid", "clocks.promise.basis"),
    "an id in capitals": ("[clocks.promise]", "[clocks.Promise]", "item.invalid", "clocks"),
    "a ground outside the law's list": (
        '["hearing", "testing"]', '["leader-away"]', "item.invalid", "clocks.decision.grounds.1",
    ),
    "grounds that are a text": (
        '["hearing", "testing"]', '"testing"', "item.invalid", "clocks.decision.grounds",
    ),
    "an approver without post": ('"d1/leader"', '"d1"', "item.invalid", "clocks.decision.extension.approver"),
    "a rung's name in capitals": ('"red"', '"Red card"', "item.invalid", "clocks.decision.ladder.2.name"),
    "an extension in another unit": ('"10wd"\napprover', '"10d"\napprover', "clock.rule", "clocks.decision"),
    "an effect without basis": (
        ', basis = { law = "办法", article = "第一条" }', "", "clock.rule", "clocks.decision",
    ),
    "a rung without condition": ("over = 0, ", "", "clock.rule", "clocks.decision"),
    "a start at no element": (
        'starts = ["accept"]\nstops', 'starts = ["acept"]\nstops',
        "clock.trigger", "clocks.decision.starts.1",
    ),
    "a stop at no element": ('["decide"]', '["decided:opened"]', "clock.trigger", "clocks.decision.stops.1"),
    "a restart at no element": (
        'on = ["lab"]', 'on = ["labs"]', "clock.trigger", "clocks.decision.restart.on.1",
    ),
    "a pause from no element": (
        '"lab:opened"', '"lob:opened"', "clock.trigger", "clocks.decision.pauses.1.from",
    ),
    "a pause to no element": ('to = "lab"', 'to = "lob"', "clock.trigger", "clocks.decision.pauses.1.to"),
    "a start event that is waited at": (
        '["s"]', '["s:opened"]', "clock.trigger", "clocks.acceptance.starts.1",
    ),
    "a pause on a ground that is not the clock's": (
        'ground = "testing"', 'ground = "tender"', "ground.unknown", "clocks.decision.pauses.1.ground",
    ),
    "a notice that is no document": (
        'pause_notice = "special"\npauses', 'pause_notice = "specal"\npauses',
        "document.unknown", "clocks.decision.pause_notice",
    ),
    "an extension's notice that is no document": (
        '"longer"', '"long"', "document.unknown", "clocks.decision.extension.notice",
    ),
    "grounds without a notice": (
        'pause_notice = "special"\npauses', "pauses", "clock.notice", "clocks.decision.pause_notice",
    ),
    "an extension without a notice": (
        'notice = "longer"\n', "", "clock.notice", "clocks.decision.extension.notice",
    ),
    "a unit that is not there": ('unit = "d1"', 'unit = "d9"', "unit.unknown", "clocks.decision.unit"),
    "an approver of a unit that is not there": (
        '"d1/leader"', '"d9/leader"', "unit.unknown", "clocks.decision.extension.approver",
    ),
    "a route to a timer of another clock": (
        'to = "late"', 'to = "told"', "clock.route", "clocks.decision.effect.to",
    ),
    "begins what is no clock": (
        '["decision", "promise"]', '["decison"]', "clock.unknown", "clocks.acceptance.effect.begins.1",
    ),
    "begins itself": (
        '["decision", "promise"]', '["acceptance"]', "clock.begins", "clocks.acceptance.effect.begins.1",
    ),
    "begins a clock by another effect": (
        "deemed_acceptance", "deemed_refusal", "clock.begins", "clocks.acceptance.effect.begins",
    ),
    "follows what is no clock": (
        'follows = "decision"', 'follows = "decison"', "clock.unknown", "clocks.promise.follows",
    ),
    "follows itself": (
        'follows = "decision"', 'follows = "promise"', "clock.follows", "clocks.promise.follows",
    ),
    "paused with another and by itself": (
        'follows = "decision"', 'follows = "decision"\ngrounds = ["testing"]',
        "clock.follows", "clocks.promise.grounds",
    ),
    "two rungs of one name": ('"red"', '"reminder"', "clock.ladder", "clocks.decision.ladder"),
    "a promise beyond the law": ('"10wd"\nstarts', '"21wd"\nstarts', "clock.promise", "clocks.promise.term"),
}  # fmt: skip


@pytest.mark.parametrize("name", list(FAULTY))
def test_a_faulty_clock_is_refused_and_its_key_is_named(tmp_path: Path, name: str) -> None:
    old, new, code, element = FAULTY[name]
    assert CLOCKS.count(old) == 1, old
    definition, problems = with_clocks(tmp_path, CLOCKS.replace(old, new))
    assert definition is None
    found = {(problem.code, problem.element): problem for problem in problems if problem.severity == "error"}
    assert (code, element) in found, "\n".join(map(line, problems))
    problem = found[code, element]
    assert problem.file == "item.toml"
    assert str(problem.remedy) or str(problem.expected) or str(problem.found)


def test_one_slip_in_a_clock_is_one_problem(tmp_path: Path) -> None:
    for number, (old, new, code, element) in enumerate(FAULTY.values()):
        _, problems = with_clocks(tmp_path / str(number), CLOCKS.replace(old, new))
        codes = [(problem.code, problem.element) for problem in problems if problem.severity == "error"]
        if element != "clocks":  # the other clocks name it by the id that it should have
            assert codes == [(code, element)]


def test_a_ladder_without_a_reminder_is_a_warning(tmp_path: Path) -> None:
    ladder = '{ name = "reminder", left = 1, percent = 20 }, '
    definition, problems = with_clocks(tmp_path, CLOCKS.replace(ladder, ""))
    assert definition is not None
    assert ("clock.no_reminder", "warning", "clocks.decision.ladder") in {
        (problem.code, problem.severity, problem.element) for problem in problems
    }


def test_a_clock_that_nothing_starts_is_refused(tmp_path: Path) -> None:
    """The decision clock may be without a start of its own: deemed acceptance begins it."""
    _, problems = with_clocks(tmp_path / "a", CLOCKS.replace('starts = ["accept"]', "starts = []"))
    assert not [problem for problem in problems if problem.severity == "error"]
    _, problems = with_clocks(tmp_path / "b", CLOCKS.replace('starts = ["s"]', "starts = []"))
    assert [(problem.code, problem.element) for problem in problems if problem.severity == "error"] == [
        ("clock.never_starts", "clocks.acceptance.starts")
    ]
    nothing = CLOCKS.replace('starts = ["accept"]', "starts = []").replace('starts = ["s"]', "starts = []")
    _, problems = with_clocks(tmp_path / "c", nothing)
    assert [problem.element for problem in problems if problem.code == "clock.never_starts"] == [
        "clocks.decision.starts",
        "clocks.promise.starts",
        "clocks.acceptance.starts",
    ]


def test_what_a_clock_that_cannot_be_read_begins_is_not_held_against_others(tmp_path: Path) -> None:
    begun = CLOCKS.replace('starts = ["accept"]', "starts = []").replace('term = "5wd"', 'term = "5"')
    _, problems = with_clocks(tmp_path, begun)
    assert [(problem.code, problem.element) for problem in problems if problem.severity == "error"] == [
        ("item.invalid", "clocks.acceptance.term")
    ]


def test_a_clock_follows_one_that_stands_still_on_grounds_of_its_own(tmp_path: Path) -> None:
    chain = CLOCKS.replace('starts = ["s"]', 'starts = ["s"]\nfollows = "promise"')
    _, problems = with_clocks(tmp_path, chain)
    assert ("clock.follows", "clocks.acceptance.follows") in {
        (problem.code, problem.element) for problem in problems
    }


def test_a_promise_is_compared_with_the_law_only_where_both_count_alike(tmp_path: Path) -> None:
    longer = CLOCKS.replace('"10wd"\nstarts', '"21wd"\nstarts')
    for number, clocks in enumerate(
        [
            CLOCKS.replace('"10wd"\nstarts', '"20wd"\nstarts'),
            CLOCKS.replace('"10wd"\nstarts', '"28d"\nstarts'),
            longer.replace('starts = ["accept"]\nstops', 'starts = ["accept:opened"]\nstops'),
        ]
    ):
        definition, problems = with_clocks(tmp_path / str(number), clocks)
        assert definition is not None, "\n".join(map(line, problems))


def test_a_timer_that_waits_for_no_clock_of_the_item_is_refused(tmp_path: Path) -> None:
    diagram = WITH_CLOCKS.replace(b"clock(&#x27;decision&#x27;)", b"clock(&#x27;decison&#x27;)")
    assert diagram != WITH_CLOCKS
    _, problems = with_clocks(tmp_path, diagram=diagram)
    found = {(problem.code, problem.file, problem.element): problem for problem in problems}
    assert str(found["clock.unknown", "diagram.bpmn", "late"].remedy) == "did you mean decision?"
    assert ("clock.no_timer", "item.toml", "clocks.decision.effect") in found


def test_silence_with_an_effect_needs_a_timer_that_waits_for_it(tmp_path: Path) -> None:
    diagram = WITH_CLOCKS.replace(b"clock(&#x27;acceptance&#x27;)", b"workdays(5)")
    _, problems = with_clocks(tmp_path / "a", diagram=diagram)
    assert [(problem.code, problem.element) for problem in problems if problem.severity == "error"] == [
        ("clock.no_timer", "clocks.acceptance.effect")
    ]
    flag = re.sub(r"\[clocks.acceptance.effect\](\n.*){3}", "", CLOCKS)
    definition, problems = with_clocks(tmp_path / "b", flag, diagram)
    assert definition is not None, "\n".join(map(line, problems))


# --- the digest


def _append(path: Path) -> None:
    """Change a byte and nothing of the meaning."""
    with path.open("ab") as file:
        file.write(b"\n")


def _source(house: Path, item: str, name: str) -> Path:
    if name.startswith("forms/"):
        return house / name
    return house / "processes" / ("" if name.startswith("shared/") else item) / name


@pytest.mark.parametrize("item", ITEMS)
def test_the_digest_changes_with_every_byte_that_is_reached(house: Path, item: str) -> None:
    folder = house / "processes" / item
    first, _ = read_folder(folder)
    assert first is not None
    seen = {first.digest}
    for name in first.files:
        _append(_source(house, item, name))
        changed, _ = read_folder(folder)
        assert changed is not None
        assert changed.digest not in seen, name
        seen.add(changed.digest)


def test_the_digest_changes_with_nothing_else(house: Path) -> None:
    folder = house / "processes" / "enterprise-startup"
    first, _ = read_folder(folder)
    assert first is not None
    assert first.digest == read_folder(builtin().items()["enterprise-startup"])[0].digest  # type: ignore[union-attr]
    for path in (
        house / "forms" / "rating.schema.json",
        house / "forms" / "senior-card.j2",
        house / "processes" / "senior-card" / "item.toml",
        house / "processes" / "README.md",
        folder / "diagram.png",
        folder / ".item.toml.swp",
        folder / "examples" / "notes.txt",
    ):
        _append(path)
    (house / "processes" / "shared").mkdir(exist_ok=True)
    (house / "processes" / "shared" / "other.bpmn").write_text("<not even a diagram")
    again, problems = read_folder(folder)
    assert again is not None, "\n".join(map(line, problems))
    assert again.digest == first.digest


def test_a_called_process_is_part_of_the_definition(house: Path) -> None:
    folder = house / "processes" / "senior-card"
    edit(
        folder / "diagram.bpmn",
        '<bpmn:userTask id="rate"',
        '<bpmn:callActivity calledElement="evaluation" id="rate"',
    )
    text = (folder / "diagram.bpmn").read_text(encoding="utf-8")
    head, tail = text.split('<bpmn:callActivity calledElement="evaluation"')
    (folder / "diagram.bpmn").write_text(
        head
        + '<bpmn:callActivity calledElement="evaluation"'
        + tail.replace("</bpmn:userTask>", "</bpmn:callActivity>", 1),
        encoding="utf-8",
    )
    edit(folder / "diagram.bpmn", '<camunda:property name="form" value="rating" />', "")
    shared = house / "processes" / "shared"
    shared.mkdir(exist_ok=True)
    called = """<bpmn:definitions targetNamespace="x"
        xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL">
      <bpmn:process id="evaluation" isExecutable="true">
        <bpmn:laneSet id="l"><bpmn:lane id="a" name="LANE">
          <bpmn:flowNodeRef>give</bpmn:flowNodeRef></bpmn:lane></bpmn:laneSet>
        <bpmn:startEvent id="begin" /><bpmn:sequenceFlow id="f1" sourceRef="begin" targetRef="give" />
        <bpmn:userTask id="give" name="评价" camunda:formKey="FORM"
          xmlns:camunda="http://camunda.org/schema/1.0/bpmn" />
        <bpmn:sequenceFlow id="f2" sourceRef="give" targetRef="over" /><bpmn:endEvent id="over" />
      </bpmn:process></bpmn:definitions>"""
    (shared / "evaluation.bpmn").write_text(called.replace("LANE", "老龄服务窗口").replace("FORM", "rating"))
    definition, problems = read_folder(folder)
    assert definition is not None, "\n".join(map(line, problems))
    assert {"shared/evaluation.bpmn", "forms/rating.schema.json"} <= set(definition.files)
    assert "evaluation" in definition.net.scopes
    (shared / "evaluation.bpmn").write_text(called.replace("LANE", "评议窗口").replace("FORM", "ratings"))
    _, problems = read_folder(folder)
    found = {(problem.code, problem.file, problem.element) for problem in problems}
    assert ("lane.unbound", "shared/evaluation.bpmn", "评议窗口") in found
    assert ("form.unknown", "shared/evaluation.bpmn", "give") in found


# --- through the database


@pytest.mark.parametrize("item", ITEMS)
def test_an_unpacked_definition_is_the_one_that_was_packed(shipped: dict[str, Definition], item: str) -> None:
    packed = pack(shipped[item])
    back = unpack(packed)
    assert back == shipped[item]
    assert pack(back) == packed


def test_the_pack_is_the_same_bytes_in_another_interpreter(shipped: dict[str, Definition]) -> None:
    script = (
        "import sys, hashlib\nfrom engine.definition import builtin, pack, read_folder\n"
        "for folder in builtin().items().values():\n"
        "    print(hashlib.sha256(pack(read_folder(folder)[0])).hexdigest())"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parent.parent,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
    assert len(outputs.pop().split()) == len(shipped)


def test_unpacking_loads_neither_the_diagram_reader_nor_the_schema_library(
    shipped: dict[str, Definition], tmp_path: Path
) -> None:
    (tmp_path / "packed").write_bytes(pack(shipped["enterprise-startup"]))
    script = (
        "import sys, pathlib\nfrom engine.definition import unpack\n"
        "unpack(pathlib.Path(sys.argv[1]).read_bytes()).start_form()\n"
        "print([m for m in ('SpiffWorkflow', 'jsonschema', 'lxml') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "packed")],
        cwd=Path(__file__).parent.parent,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "[]"


def test_a_pack_with_a_changed_file_is_found(shipped: dict[str, Definition]) -> None:
    packed = json.loads(pack(shipped["senior-card"]))
    packed["files"]["README.md"] = packed["files"]["examples/refusal.toml"]
    with pytest.raises(Diverged) as refusal:
        unpack(json.dumps(packed).encode())
    assert refusal.value.code == "definition.changed"


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"null", b'{"format": 2}', b"\xff\xfe"])
def test_bytes_that_are_no_pack_are_found(content: bytes) -> None:
    with pytest.raises(Diverged) as refusal:
        unpack(content)
    assert refusal.value.code == "definition.unreadable"


# --- the drawings


def _bounds(shape: etree._Element) -> tuple[float, float, float, float]:
    box = shape.find(DC + "Bounds")
    assert box is not None
    x, y, width, height = (float(box.get(key, "")) for key in ("x", "y", "width", "height"))
    return x, y, x + width, y + height


@pytest.mark.parametrize("item", ITEMS)
def test_the_drawing_shows_every_element_and_nothing_covers_anything(item: str) -> None:
    root = etree.fromstring((builtin().items()[item] / "diagram.bpmn").read_bytes())
    process = root.find(BPMN + "process")
    assert process is not None
    nodes = {e.get("id", ""): e for e in process if e.tag not in (BPMN + "laneSet", BPMN + "sequenceFlow")}
    flows = {e.get("id", ""): e for e in process.iter(BPMN + "sequenceFlow")}
    shapes = {s.get("bpmnElement", ""): _bounds(s) for s in root.iter(DI + "BPMNShape")}
    edges = {
        e.get("bpmnElement", ""): [(float(w.get("x", "")), float(w.get("y", ""))) for w in e.iter(WAY)]
        for e in root.iter(DI + "BPMNEdge")
    }
    assert set(nodes) <= set(shapes)
    assert set(flows) == set(edges)
    for lane in process.iter(BPMN + "lane"):
        left, top, right, bottom = shapes[lane.get("id", "")]
        for ref in lane:
            box = shapes[ref.text or ""]
            assert left < box[0] and top < box[1] and box[2] < right and box[3] < bottom, ref.text
    for a, b in itertools.combinations(nodes, 2):
        if nodes[b].get("attachedToRef") != a and nodes[a].get("attachedToRef") != b:
            assert not _overlap(shapes[a], shapes[b]), (a, b)
    for flow, points in edges.items():
        around = {e.get("id", "") for e in flows[flow].iterancestors()}  # an expanded subprocess
        for (x0, y0), (x1, y1) in itertools.pairwise(points):
            piece = (min(x0, x1) - 0.5, min(y0, y1) - 0.5, max(x0, x1) + 0.5, max(y0, y1) + 0.5)
            for node in set(nodes) - around:
                left, top, right, bottom = shapes[node]
                assert not _overlap(piece, (left + 1, top + 1, right - 1, bottom - 1)), (flow, node)


def _overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
