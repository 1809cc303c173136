"""A new item publishes as it is, whatever its kind; and stock modelers show its fields with labels."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import cache
from itertools import pairwise
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from lxml import etree
from terminal import lianban, on_terminal

from engine.definition import builtin, read_folder
from engine.errors import Refusal
from engine.flow.read import read
from engine.office import Office, check_folder
from engine.organisation import Organisation, read_register
from engine.scaffold import Wish, kinds, make

MONDAY = date(2026, 3, 2)
ROOT = Path(__file__).parent.parent
BPMN = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"
DI = "{http://www.omg.org/spec/BPMN/20100524/DI}"
DC = "{http://www.omg.org/spec/DD/20100524/DC}"
CAMUNDA = "{http://camunda.org/schema/1.0/bpmn}"


@cache
def organisation() -> Organisation:
    return read_register(builtin().organisation.read_bytes()).on(MONDAY)


@cache
def begun(kind: str) -> Path:
    """A new item of the kind, as it is when nothing but its name is given; its code is that of its kind, as
    some step is called too."""
    folder = Path(mkdtemp()) / kind
    make(folder, Wish(kind, kind, "新事项", MONDAY), organisation())
    return folder


KINDS = pytest.mark.parametrize("kind", list(kinds()))


@KINDS
def test_a_new_item_has_no_faults_and_shows_every_way_it_can_end(kind: str) -> None:
    checked = check_folder(begun(kind), organisation())
    assert [(problem.code, problem.element) for problem, _ in checked.problems] == []
    definition = checked.definition
    assert definition is not None
    shown = {example["outcome"] for example in definition.examples.values()}
    assert shown == set(definition.item["outcomes"])


@pytest.mark.parametrize(
    ("kind", "given", "warned"),
    [
        ("joint", {"units": ("water", "land"), "days": 20, "promise": 20}, ["clock.no_acceleration"]),
        ("complaint", {"units": ("psb",), "days": 10, "promise": 5}, []),
    ],
)
def test_it_publishes_too_as_the_administrator_wants_it(
    kind: str, given: dict[str, Any], warned: list[str], tmp_path: Path
) -> None:
    folder = tmp_path / "item"
    make(folder, Wish(kind, "an-item", "某某许可", MONDAY, name_en="Some licence", **given), organisation())
    checked = check_folder(folder, organisation())
    assert [problem.code for problem, _ in checked.problems] == warned
    definition = checked.definition
    assert definition is not None
    assert definition.item["name"] == {"zh": "某某许可", "en": "Some licence"}
    clock = definition.clocks.get("decision", definition.clocks.get("handling"))
    assert clock is not None
    assert clock.rule.term.n == given["days"]
    assert {unit for unit in given.get("units", ()) if kind == "joint"} <= {
        post.partition("/")[0] for post in definition.item["lanes"].values()
    }


def test_a_case_of_a_new_item_is_opened_and_closed_from_the_command_line(tmp_path: Path) -> None:
    now = datetime(2026, 3, 2, 1, tzinfo=UTC)
    Office.create_rehearsal(str(tmp_path / "lianban.db"), now).close()
    made = lianban(tmp_path, "item", "new", "card", "--kind", "on-the-spot", "--name", "某某证", "--json",
                   "--effective", "2026-03-02")  # fmt: skip
    assert (made.code, made.err) == (0, "")
    assert {"diagram.bpmn", "item.toml", "README.md", "forms/intake.schema.json"} <= set(made.json["files"])
    steps = [
        ["item", "publish", "card", "--as", "shi.wei"],
        ["open", "card", "--as", "tang.li", "--set", "applicant=张明", "--set", "phone=0876-5550101",
         "--set", "id_number=539901198506150031", "--set", "subject=某某证", "--set", "channel=counter"],
        ["do", "1", "intake", "--as", "tang.li", "--set", "outcome=complete"],
        ["do", "1", "decide", "--as", "sun.hong", "--set", "decision=refuse", "--set", "reason=不符合条件",
         "--set", "remedies=六十日内申请行政复议"],
        ["do", "1", "serve_refusal", "--as", "tang.li", "--set", "recipient=张明",
         "--set", "method=in_person"],
    ]  # fmt: skip
    for words in steps:
        done = lianban(tmp_path, *words, "--now", "2026-03-02T10:00", "--json")
        assert (done.code, done.err) == (0, ""), words
    assert done.json["outcome"] == "refused"


def test_what_is_missing_is_asked_on_a_terminal(tmp_path: Path) -> None:
    code, seen = on_terminal(tmp_path, ["item", "new", "quarry"], ["2", "采石许可"])
    assert code == 0, seen
    assert 'name = { zh = "采石许可"' in (tmp_path / "quarry" / "item.toml").read_text("utf-8")


def test_the_kinds_are_listed_with_a_line_each(tmp_path: Path) -> None:
    listed = lianban(tmp_path, "item", "new", "--list", "--json").json["kinds"]
    assert [entry["kind"] for entry in listed] == list(kinds())
    assert all(entry["name"] and entry["summary"] and entry["term"] for entry in listed)


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        ({"kind": "commited"}, "scaffold.kind", "three-level"),
        ({"code": "Food"}, "scaffold.code", "food-licence"),
        ({"name": ""}, "scaffold.name", "--name"),
        ({"name": 'a"b'}, "scaffold.text", "quotes"),
        ({"days": 21}, "scaffold.days", "art. 42"),
        ({"days": 0}, "scaffold.days", "from 1 to 20"),
        ({"kind": "joint", "days": 46}, "scaffold.days", "45 working days"),
        ({"promise": 21}, "scaffold.promise", "from 1 to 20"),
        ({"name": "长" * 101}, "scaffold.name", "100"),
        ({"kind": "joint", "units": ("samr", "samr", "tax")}, "scaffold.units", "samr"),
        ({"kind": "joint", "units": ("samr",)}, "scaffold.units", "more than one"),
        ({"lead": "samt"}, "unit.unknown", "samr"),
        ({"kind": "joint", "units": ("samr", "fire")}, "scaffold.nobody", "fire/reviewer"),
        ({"kind": "inspection", "lead": "samr"}, "scaffold.nobody", "certificate"),
        ({"kind": "three-level", "units": ("samr",)}, "scaffold.village", "village"),
    ],
)
def test_what_can_not_be_is_refused_before_anything_is_written(
    given: dict[str, Any], code: str, said: str, tmp_path: Path
) -> None:
    wish = Wish(**{"kind": "committed", "code": "an-item", "name": "许可", "effective": MONDAY, **given})
    with pytest.raises(Refusal) as refused:
        make(tmp_path / "item", wish, organisation())
    told = refused.value.as_dict(lambda msgid: msgid)
    assert told["code"] == code
    assert said in " ".join(map(str, told.values()))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(Refusal, match="not empty"):
        make(tmp_path, Wish("committed", "an-item", "许可", MONDAY), organisation())
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


def test_the_forms_of_an_item_go_before_those_of_all_items(tmp_path: Path) -> None:
    folder = tmp_path / "item"
    make(folder, Wish("on-the-spot", "an-item", "某某证", MONDAY), organisation())
    shipped = (builtin().forms / "rating.schema.json").read_bytes()
    own = shipped.replace("服务评价".encode(), "本事项评价".encode())
    (folder / "forms" / "rating.schema.json").write_bytes(own)
    definition, _ = read_folder(folder)
    assert definition is not None
    assert definition.files["forms/rating.schema.json"] == own
    assert definition.files["forms/decision.j2"] == (builtin().forms / "decision.j2").read_bytes()


# --- the drawing


@KINDS
def test_the_diagram_is_laid_out_so_that_it_can_be_read(kind: str) -> None:
    root = etree.parse(begun(kind) / "diagram.bpmn").getroot()
    boxes = {shape.get("bpmnElement"): box(shape) for shape in root.iter(f"{DI}BPMNShape")}
    edges = {
        edge.get("bpmnElement"): [
            (float(point.get("x", "")), float(point.get("y", ""))) for point in edge.iterfind("{*}waypoint")
        ]
        for edge in root.iter(f"{DI}BPMNEdge")
    }
    flows = {flow.get("id"): flow for flow in root.iter(f"{BPMN}sequenceFlow")}
    nodes = {node.text for node in root.iter(f"{BPMN}flowNodeRef")}
    hosts = {event.get("id"): event.get("attachedToRef") for event in root.iter(f"{BPMN}boundaryEvent")}
    assert nodes | {"pool"} | {lane.get("id") for lane in root.iter(f"{BPMN}lane")} == set(boxes)
    assert set(edges) == set(flows)
    for one in nodes:
        for other in nodes - {one, hosts.get(one)} - {o for o in hosts if hosts[o] == one}:
            assert not overlap(boxes[one], boxes[other]), (one, other)
    for lane in root.iter(f"{BPMN}lane"):
        for node in (ref.text for ref in lane.iterfind(f"{BPMN}flowNodeRef")):
            x, y, width, height = boxes[node]
            assert inside(boxes[lane.get("id")], (x + width / 2, y + height / 2)), node
    for id, path in edges.items():
        ends = (flows[id].get("sourceRef"), flows[id].get("targetRef"))
        assert on_border(boxes[ends[0]], path[0]), id
        assert on_border(boxes[ends[1]], path[-1]), id
        for a, b in pairwise(path):
            assert a[0] == b[0] or a[1] == b[1], id
            line = (min(a[0], b[0]), min(a[1], b[1]), abs(a[0] - b[0]), abs(a[1] - b[1]))
            for node in nodes - {ends[0], hosts.get(ends[0]), ends[1]}:
                assert not overlap(line, boxes[node]), (id, node)


@KINDS
def test_steps_have_ids_that_clerks_can_type_and_names_in_both_languages(kind: str) -> None:
    definition, _ = read_folder(begun(kind))
    assert definition is not None
    for scope in definition.net.scopes.values():
        for node in scope.nodes.values():
            assert re.fullmatch(r"[a-z][a-z0-9_]{2,30}", node.id)
            assert re.search("[一-鿿]", node.name or ""), node.id
            assert re.fullmatch(r"[ -~]+", node.properties["name:en"]), node.id


Rect = tuple[float, float, float, float]


def box(shape: etree._Element) -> Rect:
    bounds = shape.find(f"{DC}Bounds")
    assert bounds is not None
    x, y, width, height = (float(bounds.get(key, "")) for key in ("x", "y", "width", "height"))
    return x, y, width, height


def overlap(a: Rect, b: Rect) -> bool:
    return a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]


def inside(a: Rect, point: tuple[float, float]) -> bool:
    return a[0] <= point[0] <= a[0] + a[2] and a[1] <= point[1] <= a[1] + a[3]


def on_border(a: Rect, point: tuple[float, float]) -> bool:
    x, y = point
    return inside(a, point) and (x in (a[0], a[0] + a[2]) or y in (a[1], a[1] + a[3]))


# --- element templates

READ = frozenset({"form", "result", "documents", "unit", "waits_for", "power", "officers", "certificate"}) | {
    *("term", "receives", "requests", "name:en")
}
"""The extension properties that processes/README.md describes."""


def templates(platform: int) -> list[dict[str, Any]]:
    path = builtin().processes / "element-templates" / f"camunda-{platform}.json"
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return found


def bindings(template: dict[str, Any]) -> Iterator[dict[str, str]]:
    yield from (field["binding"] for field in template["properties"])


@pytest.mark.parametrize(("platform", "kind"), [(7, "camunda:property"), (8, "zeebe:property")])
def test_every_field_of_a_template_is_one_that_the_engine_reads(platform: int, kind: str) -> None:
    offered = set()
    for template in templates(platform):
        assert template["$schema"].startswith("https://")
        assert template["name"]
        assert template["appliesTo"]
        for field in template["properties"]:
            assert field["label"], template["id"]
            assert field["group"] == "lianban"
            assert field["type"] in ("String", "Dropdown")
            binding = field["binding"]
            if binding["type"] == kind:
                offered.add(binding["name"])
            else:
                assert set(binding.values()) & {
                    "camunda:decisionRef",
                    "camunda:resultVariable",
                    "zeebe:calledDecision",
                    "bpmn:TimerEventDefinition#property",
                    "bpmn:Message#property",
                }
    assert offered == READ
    page = (ROOT / "processes" / "README.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in page for name in READ)


@KINDS
def test_the_fields_of_a_new_item_are_shown_by_the_templates_that_lie_beside_it(kind: str) -> None:
    folder = begun(kind)
    beside = json.loads((folder / ".camunda" / "element-templates" / "camunda-7.json").read_text("utf-8"))
    fields = {template["id"]: {binding["name"] for binding in bindings(template)} for template in beside}
    types = {template["id"]: template["appliesTo"] for template in beside}
    for element in etree.parse(folder / "diagram.bpmn").getroot().iter(f"{BPMN}*"):
        shown = element.get(f"{CAMUNDA}modelerTemplate")
        said = {p.get("name") for p in element.iterfind(f"{BPMN}extensionElements/{CAMUNDA}properties/*")}
        if shown is None:
            assert not said
            continue
        assert said <= fields[shown], element.get("id")
        tag = etree.QName(element).localname
        kinds_of = {f"bpmn:{tag[0].upper()}{tag[1:]}", "bpmn:Gateway" if tag.endswith("Gateway") else ""}
        assert kinds_of & set(types[shown]), element.get("id")


@pytest.mark.parametrize("platform", [7, 8])
def test_a_diagram_drawn_with_the_templates_is_read(platform: int) -> None:
    """`tests/templates` holds what bpmn-js with its properties panel wrote when the templates were chosen; an
    empty field says nothing."""
    drawn = (ROOT / "tests" / "templates" / f"camunda-{platform}.bpmn").read_bytes()
    assert b'value=""' in drawn
    net, problems = read({"diagram.bpmn": drawn})
    assert problems == []
    assert net is not None
    said = {node.id: dict(node.properties) for node in net.scopes["p"].nodes.values()}
    assert said["i"] == {"officers": "2", "certificate": "enforcement"}
    assert said["s"] == said["t"] == said["m"] == said["e"] == {}
