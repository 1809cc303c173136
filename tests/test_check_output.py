"""What `item check` says, as people see it: all problems at once, in their lines, none that only follow."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from terminal import lianban, on_terminal

from engine.definition import builtin, examine_folder
from engine.errors import Problem, say
from engine.flow.read.source import FLOW_NODES
from engine.office import check_folder
from engine.organisation import Organisation, read_register
from engine.problems import Excerpt, locate

EXPECTED = frozenset({"survey.none", "clock.no_acceleration", "example.coverage"})
"""What is said of the shipped items as they are."""

BPMN = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"


@pytest.fixture(scope="module")
def county() -> Organisation:
    return read_register(builtin().organisation.read_bytes()).on(date(2026, 3, 2))


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of the shipped processes and forms to break things in."""
    shutil.copytree(builtin().processes, tmp_path / "processes")
    shutil.copytree(builtin().forms, tmp_path / "forms")
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{old} is not in {path.name}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def told(folder: Path, organisation: Organisation) -> list[tuple[str, str, str | None]]:
    problems = check_folder(folder, organisation).problems
    return [(p.code, p.file, p.element) for p, _ in problems if p.code not in EXPECTED]


def placed(file: str, text: str, element: str | None, **more: Any) -> tuple[int | None, str | None]:
    """The line of a problem and what is marked in it."""
    problem = Problem("x.y", "error", file, element, say("wrong"), **more)
    line, excerpt = locate({file: text.encode()}, problem)
    return line, excerpt and excerpt.text[excerpt.start : excerpt.end]


# --- where it is


def _paths(value: Any, around: str = "") -> Iterator[tuple[str, str]]:
    """The path of everything in a TOML document, and the last key on it."""
    entries = value.items() if isinstance(value, dict) else ((str(n), v) for n, v in enumerate(value, 1))
    for key, inner in entries:
        path = f"{around}.{key}" if around else key
        yield path, key
        if isinstance(inner, dict | list):
            yield from _paths(inner, path)


def test_every_key_of_the_shipped_items_is_found_in_its_line() -> None:
    for folder in builtin().items().values():
        for path in [folder / "item.toml", *folder.glob("examples/*.toml")]:
            text = path.read_text(encoding="utf-8")
            for place, key in _paths(tomllib.loads(text)):
                line, marked = placed("item.toml", text, place)
                assert line is not None and marked, place
                assert key.isdigit() or key in text.splitlines()[line - 1], place


def test_every_element_of_the_shipped_diagrams_is_found_in_its_line() -> None:
    for folder in builtin().items().values():
        text = (folder / "diagram.bpmn").read_text(encoding="utf-8")
        for element in etree.fromstring(text.encode()).iter(BPMN + "*"):
            id = element.get("id")
            if id is not None:
                line, marked = placed("diagram.bpmn", text, id)
                assert line == element.sourceline
                assert marked is not None and (
                    f'id="{id}"' in marked or element is element.getroottree().getroot()
                )


def test_a_key_is_found_however_it_is_written() -> None:
    text = 'a.b = 1\n"c.d" = "] = [ # no"  # e = 2\nf = { g = [1,\n  { h = """\n[i]\n""" }] }\n'
    text += "[[j]]\n[[j]]\n[j.k]\nl = 2026-01-01\n"
    places = ("a.b", "c.d", "f.g", "f.g.2.h", "j.2", "j.2.k", "j.2.k.l")
    assert [placed("item.toml", text, place)[0] for place in places] == [1, 2, 3, 4, 8, 9, 10]
    assert placed("item.toml", text, "i") == (None, None)


def test_what_is_missing_is_at_what_it_is_missing_from() -> None:
    assert placed("item.toml", "[clocks.decision]\nterm = 1\n", "clocks.decision.tier") == (
        1,
        "[clocks.decision]",
    )
    assert placed("item.toml", "code = 1\n", "serial_code") == (None, None)


def test_an_element_without_an_id_is_found_by_its_number_among_its_kind() -> None:
    text = '<definitions>\n<!-- <task/> -->\n<task id="a"/>\n<task\n name="b"/></definitions>'
    assert placed("diagram.bpmn", text, "task~2") == (4, "<task")
    assert placed("diagram.bpmn", text, "b") == (4, "<task")
    assert placed("diagram.bpmn", text, "c") == (None, None)


def test_a_field_of_a_form_is_found() -> None:
    text = '{"properties": {\n "a": {"items": [{"b": 1},\n {"c": 2}]}}}'
    assert placed("forms/x.schema.json", text, "properties.a.items[1].c") == (3, '"c"')
    assert placed("forms/x.schema.json", text, "properties.a") == (2, '"a"')


def test_of_a_line_as_long_as_a_page_only_a_piece_is_shown() -> None:
    text = f'<definitions>{"<task/>" * 200}<task id="here"/>{"<task/>" * 200}</definitions>'
    problem = Problem("x.y", "error", "diagram.bpmn", "here", say("wrong"))
    line, excerpt = locate({"diagram.bpmn": text.encode()}, problem)
    assert line == 1
    assert isinstance(excerpt, Excerpt)
    assert excerpt.text[excerpt.start : excerpt.end] == '<task id="here"'
    assert len(excerpt.text) < 200


# --- all at once, and nothing that only follows


@pytest.mark.parametrize("item", ["disclosure-request", "senior-card"])
def test_an_element_that_is_refused_is_the_only_problem_that_is_told(
    house: Path, county: Organisation, item: str
) -> None:
    diagram = house / "processes" / item / "diagram.bpmn"
    drawn = etree.fromstring(diagram.read_bytes())
    elements = [e for e in drawn.iter(BPMN + "*") if etree.QName(e).localname in FLOW_NODES]
    for element in elements[::5]:
        element.set("completionQuantity", "2")
        diagram.write_bytes(etree.tostring(drawn))
        del element.attrib["completionQuantity"]
        problems = examine_folder(diagram.parent, organisation=county).problems
        told_of = [(p.code, p.element) for p in problems if p.code not in EXPECTED]
        assert told_of == [("element.unsupported", element.get("id"))]


def test_what_errors_left_undone_is_said(house: Path, county: Organisation) -> None:
    folder = house / "processes" / "senior-card"
    assert check_folder(folder, county).left == []
    edit(folder / "item.toml", 'kind = "', 'kind = "x')
    assert check_folder(folder, county).left == ["soundness", "examples"]


def test_a_refused_element_hides_nothing_of_the_rest(house: Path, county: Organisation) -> None:
    folder = house / "processes" / "enterprise-startup"
    edit(
        folder / "diagram.bpmn",
        '<bpmn:userTask id="consolidate"',
        '<bpmn:userTask startQuantity="2" id="consolidate"',
    )
    edit(folder / "diagram.bpmn", 'value="startup-intake"', 'value="startup-intak"')
    edit(folder / "item.toml", '"psb/reviewer"', '"pbs/reviewer"')
    edit(folder / "item.toml", 'starts = ["accept"]', 'starts = ["acept"]')
    edit(folder / "examples" / "grant.toml", '"tax_review"', '"tax_reveiw"')
    edit(house / "forms" / "licence.j2", "{{ document.number }}", "{{ documnt.number }}")
    assert told(folder, county) == [
        ("unit.unknown", "item.toml", "lanes.公安局窗口"),
        ("clock.trigger", "item.toml", "clocks.joint.starts.1"),
        ("form.unknown", "diagram.bpmn", "intake"),
        ("element.unsupported", "diagram.bpmn", "consolidate"),
        ("step.unknown", "examples/grant.toml", "steps.2.expect_open"),
        ("document.template", "forms/licence.j2", None),
    ]


def test_without_its_entry_a_diagram_is_still_checked_and_no_name_is_missed(
    house: Path, county: Organisation
) -> None:
    folder = house / "processes" / "enterprise-startup"
    (folder / "item.toml").write_text("code =", encoding="utf-8")
    edit(folder / "diagram.bpmn", 'value="startup-intake"', 'value="startup-intak"')
    assert [(code, file) for code, file, _ in told(folder, county)] == [
        ("file.unreadable", "item.toml"),
        ("form.unknown", "diagram.bpmn"),
    ]


@pytest.mark.parametrize("section", ["lanes", "outcomes", "documents"])
def test_a_section_of_the_wrong_kind_is_one_problem(house: Path, county: Organisation, section: str) -> None:
    folder = house / "processes" / "senior-card"
    text = (folder / "item.toml").read_text(encoding="utf-8")
    item = tomllib.loads(text)
    assert section in item
    kept = [part for part in ("\n" + text).split("\n[") if not part.startswith((section, f"[{section}"))]
    (folder / "item.toml").write_text(f'{section} = "none"\n' + "\n[".join(kept), encoding="utf-8")
    found = told(folder, county)
    assert ("item.invalid", "item.toml", section) in found
    assert {code for code, _, _ in found} <= {"item.invalid", "clock.notice"}, found


def test_the_other_examples_are_played_when_one_of_them_is_wrong(house: Path, county: Organisation) -> None:
    folder = house / "processes" / "senior-card"
    first, second, *_ = sorted(folder.glob("examples/*.toml"))
    edit(first, "title =", "title")
    text = second.read_text(encoding="utf-8")
    second.write_text(
        text + '\n[[steps]]\nat = 2026-12-01T09:00:00+08:00\nadvance = true\nexpect_open = ["application"]\n',
        encoding="utf-8",
    )
    checked = check_folder(folder, county)
    assert {(p.code, p.file) for p, _ in checked.problems} == {
        ("file.unreadable", f"examples/{first.name}"),
        ("example.failed", f"examples/{second.name}"),
    }
    assert checked.definition is None
    assert checked.played == len([*folder.glob("examples/*.toml")]) - 1


# --- what is seen

SAID = """\
error[item.invalid] the key max_visit is not known here
 --> item.toml:10  max_visit
10 | max_visit = 1
   | ^^^^^^^^^
   = expected: one of: code, serial_code, kind, handling_mode, process, type,
               effective, lead, max_visits, name, bases, terms, lanes, clocks,
               outcomes, documents, joint, separation, notice, agent, parties,
               meetings, materials, guide, fees, conclusion, hearing
   = fix:      did you mean max_visits?

error[unit.unknown] the organisation has no unit civl
 --> item.toml:24  lanes.窗口审批岗
24 | "窗口审批岗" = "civl/approver"
   | ^^^^^^^^^^^^
   = expected: one of 72, such as agriculture, civil, culture, drc, ecology,
               education, land, livestock
   = fix:      did you mean civil?

warning[lane.unknown] the diagram has no lane “窗口审批岗” with a step in it
 --> item.toml:24  lanes.窗口审批岗
24 | "窗口审批岗" = "civl/approver"
   | ^^^^^^^^^^^^
   = fix: did you mean 窗口授权审批岗?

error[lane.unbound] lane “窗口授权审批岗” is bound to no post
 --> diagram.bpmn:19  窗口授权审批岗
19 | <bpmn:lane id="lane_approver" name="窗口授权审批岗">
   | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   = expected: [lanes] in item.toml with "窗口授权审批岗" = "UNIT/POST"
   = fix:      did you mean 窗口审批岗?

3 errors, 1 warning in 2 files
what a code means and how to mend it: lianban item check --explain item.invalid
mend the errors, then check again: soundness and worked cases were not looked at
it can't be published; examples played: 0
"""

UNREADABLE = """\
error[file.unreadable] the file is not written in UTF-8
 --> item.toml:1
 1 | # 老年人优待证: decided on the spot by a clerk who holds the delegation, o…
   |   ^^
   = found: the byte 0xC0
   = fix:   save it as UTF-8; editors call this the encoding of the file

error[xml.unreadable] the file is not well-formed XML, line 3: Opening and
ending tag mismatch: process line 2 and definitions, line 3, column 15
 --> diagram.bpmn:3
 3 | </definitions>
   |               ^
   = fix: save it again from the modeler

error[file.unreadable] the file is not TOML: Illegal character '\\n' (at line 1,
column 12)
 --> examples/grant.toml:1
 1 | title = "准予
   |              ^
   = fix: correct the line; text stands between double quotes, in UTF-8

3 errors in 3 files
what a code means and how to mend it:
  lianban item check --explain file.unreadable
mend the errors, then check again: soundness and worked cases were not looked at
it can't be published; examples played: 0
"""


def test_a_problem_is_said_with_its_place_its_line_and_what_to_do(house: Path) -> None:
    folder = house / "processes" / "senior-card"
    edit(folder / "item.toml", "max_visits", "max_visit")
    edit(folder / "item.toml", '"窗口授权审批岗" = "civil/approver"', '"窗口审批岗" = "civl/approver"')
    checked = lianban(house, "--lang", "en", "item", "check", "processes/senior-card")
    assert checked.code == 1
    assert checked.out == SAID


def test_what_is_no_xml_no_toml_or_not_utf_8_is_shown_where_reading_stopped(house: Path) -> None:
    folder = house / "processes" / "senior-card"
    old = (folder / "item.toml").read_text(encoding="utf-8").encode("gb18030")
    (folder / "item.toml").write_bytes(old)
    (folder / "diagram.bpmn").write_text("<definitions>\n  <process>\n</definitions>\n", encoding="utf-8")
    for example in folder.glob("examples/*.toml"):
        example.unlink()
    (folder / "examples" / "grant.toml").write_text('title = "准予\n', encoding="utf-8")
    checked = lianban(house, "--lang", "en", "item", "check", "processes/senior-card")
    assert checked.code == 1
    assert checked.out == UNREADABLE


CAMUNDA = """\
<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" targetNamespace="http://bpmn.io">
  <bpmn:process id="senior_card" isExecutable="true">
    <bpmn:startEvent id="StartEvent_1" />
    <bpmn:userTask
        name="审查"
        id="Activity_1" />
    <bpmn:exclusiveGateway />
    <bpmn:sequenceFlow sourceRef="StartEvent_1" targetRef="Activity_1" />
  </bpmn:process>
</bpmn:definitions>
"""


def test_elements_without_ids_are_shown_in_their_lines(house: Path) -> None:
    (house / "processes" / "senior-card" / "diagram.bpmn").write_text(CAMUNDA, encoding="utf-8")
    checked = lianban(house, "--lang", "en", "--json", "item", "check", "processes/senior-card")
    found = {(p["code"], p["element"]): p for p in checked.json["problems"]}
    gateway = found["node.unreachable", "exclusiveGateway~1"]
    assert (gateway["file"], gateway["line"], gateway["severity"]) == ("diagram.bpmn", 8, "error")
    assert gateway["excerpt"] == {"text": "<bpmn:exclusiveGateway />", "from": 0, "to": 22}
    assert gateway["rule"] == "BPMN 2.0.2 §10.5.2"
    assert found["step.performer", "Activity_1"]["line"] == 5
    assert checked.json["explain"] == "lianban item check --explain CODE"


def test_on_a_terminal_it_is_coloured(house: Path) -> None:
    edit(house / "processes" / "senior-card" / "item.toml", "max_visits", "max_visit")
    words = ("--lang", "en", "item", "check", "processes/senior-card")
    _, seen = on_terminal(house, words, [])
    assert "\x1b[1;31merror[item.invalid]\x1b[0m" in seen


def test_what_is_not_an_item_is_one_problem(house: Path, county: Organisation) -> None:
    (house / "empty").mkdir()
    for folder in ("empty", "nowhere", "processes/senior-card/item.toml"):
        assert told(house / folder, county) == [("definition.missing", str(house / folder), None)]


def test_the_page_of_a_code_is_printed(tmp_path: Path) -> None:
    page = lianban(tmp_path, "--lang", "en", "item", "check", "--explain", "clock.promise")
    assert page.code == 0
    assert page.out.startswith(
        "clock.promise  A promise is longer than the law allows\n"
        "rule: Administrative Licensing Law art. 42\n\n"
    )
    assert 'term = "25wd"' in page.out
    assert max(map(len, page.out.splitlines())) <= 80
    in_chinese = lianban(tmp_path, "--lang", "zh", "item", "check", "--explain", "clock.promise", "--json")
    assert in_chinese.json.keys() == {"code", "title", "severity", "rule", "page"}
    assert (in_chinese.json["title"], in_chinese.json["rule"]) == (
        "承诺期限长于法定期限",
        "行政许可法第四十二条",
    )
    unknown = lianban(tmp_path, "--lang", "en", "item", "check", "--explain", "clock.promis")
    assert unknown.code == 1
    assert "clock.promise" in unknown.err
