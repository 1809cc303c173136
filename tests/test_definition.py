"""A folder becomes a definition, or everything that is wrong with it is said."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from lxml import etree

from engine.access import Organisation, read_organisation
from engine.definition import Definition, builtin, pack, read_folder, unpack
from engine.errors import Diverged, Problem
from engine.expressions import compile_expression, compile_table
from engine.flow.net import HUMAN

ITEMS = ("enterprise-startup", "senior-card")
BPMN = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"
DI = "{http://www.omg.org/spec/BPMN/20100524/DI}"
DC = "{http://www.omg.org/spec/DD/20100524/DC}"
WAY = "{http://www.omg.org/spec/DD/20100524/DI}waypoint"


@pytest.fixture(scope="session")
def organisation() -> Organisation:
    return read_organisation(builtin().organisation.read_bytes())


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
    for folder in builtin().items().values():
        _, problems = read_folder(folder, organisation=organisation)
        assert not problems, "\n".join(map(line, problems))


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
                if node.kind in HUMAN:
                    unit, post = definition.performer(scope.id, node)
                    assert len(organisation.holders(unit, post)) >= 2, (node.id, unit, post)


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
    edit(folder / "item.toml", '"psb/', '"pbs/')
    definition, problems = read_folder(folder)
    assert definition is not None
    assert not problems


# --- the digest


def _append(path: Path) -> None:
    """Change a byte and nothing of the meaning."""
    with path.open("ab") as file:
        file.write(b"\n")


def _source(house: Path, item: str, name: str) -> Path:
    return house / name if name.startswith("forms/") else house / "processes" / item / name


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
    flows = {e.get("id", "") for e in process.iter(BPMN + "sequenceFlow")}
    shapes = {s.get("bpmnElement", ""): _bounds(s) for s in root.iter(DI + "BPMNShape")}
    edges = {
        e.get("bpmnElement", ""): [(float(w.get("x", "")), float(w.get("y", ""))) for w in e.iter(WAY)]
        for e in root.iter(DI + "BPMNEdge")
    }
    assert set(nodes) <= set(shapes)
    assert flows == set(edges)
    for lane in process.iter(BPMN + "lane"):
        left, top, right, bottom = shapes[lane.get("id", "")]
        for ref in lane:
            box = shapes[ref.text or ""]
            assert left < box[0] and top < box[1] and box[2] < right and box[3] < bottom, ref.text
    for a, b in itertools.combinations(nodes, 2):
        if nodes[b].get("attachedToRef") != a and nodes[a].get("attachedToRef") != b:
            assert not _overlap(shapes[a], shapes[b]), (a, b)
    for flow, points in edges.items():
        for (x0, y0), (x1, y1) in itertools.pairwise(points):
            piece = (min(x0, x1) - 0.5, min(y0, y1) - 0.5, max(x0, x1) + 0.5, max(y0, y1) + 0.5)
            for node in nodes:
                left, top, right, bottom = shapes[node]
                assert not _overlap(piece, (left + 1, top + 1, right - 1, bottom - 1)), (flow, node)


def _overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
