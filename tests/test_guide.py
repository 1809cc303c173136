"""The service guide that a county has to publish: what the definition says, and nothing else."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from drawing import draw as diagram
from items import DAY, NOON, make_item, organisation, publish
from lxml import etree, html
from terminal import lianban, on_terminal

from engine.definition import builtin, read_folder
from engine.errors import Unknown
from engine.office import NotPublishable, Office, guide_of_folder
from engine.organisation import read_register

DRAWN = diagram("start s; user a; boundary late a after workdays(5); end e; end x", "s -> a -> e; late -> x")

TEXTS = """
[guide]
conditions = ["年满60周岁", "有本县户籍"]
quantity = "无数量限制"
remedies = "可以自收到决定之日起六十日内申请行政复议"
complaints = "电话12345"
contact = "示例县政务服务中心一楼"
delivery = "现场领取或者邮寄"
"""


@pytest.fixture
def office(tmp_path: Path) -> Any:
    with Office.create_rehearsal(f"sqlite:///{tmp_path}/lianban.db", NOON, organisation()) as opened:
        yield opened


def english(msgid: str) -> str:
    return msgid


def chinese(msgid: str) -> str:
    """A few words of the catalogue, and the titles that definitions give in both languages."""
    return {"{en}": "{zh}", "Service guide": "办事指南", "not stated": "未规定"}.get(msgid, msgid)


def said(page: str) -> str:
    """All that can be read on the page, the pictures left out."""
    root = html.fromstring(page.encode())
    for picture in list(root.iter("{*}svg", "svg", "style")):
        picture.getparent().remove(picture)
    return " ".join(root.text_content().split())


@pytest.mark.parametrize("item", sorted(builtin().items()))
def test_the_guide_says_what_the_definition_says_and_by_which_it_runs(item: str) -> None:
    folder = builtin().items()[item]
    definition, _ = read_folder(folder)
    assert definition is not None
    made = guide_of_folder(folder, "zh", chinese)
    text = said(made["content"])
    assert made["definition"] == definition.digest and definition.digest in text
    assert definition.item["name"]["zh"] in text and "办事指南" in text
    for basis in definition.item["bases"]:
        assert f"{basis['law']}, {basis['article']}" in text
    for material in definition.item.get("materials", ()):
        for key in ("name", "source", "purpose"):
            assert " ".join(material[key].split()) in text
    for term in definition.item.get("terms", {}).values():
        assert term in text
    for clock in definition.clocks.values():
        assert clock.name["zh"] in text and clock.rule.term.text().render(chinese) in text
        assert clock.rule.basis.article in text
    for joint in definition.joints.values():
        if joint.silence is not None:
            assert f"consenting ({joint.silence.basis.law}, {joint.silence.basis.article})" in text
            assert joint.risks and "Never taken for consent is the silence of" in text
    for outcome in definition.item["outcomes"].values():
        assert outcome["name"]["zh"] in text
    units = read_register(builtin().organisation.read_bytes()).on(NOON.date()).units
    for lane, post in definition.item["lanes"].items():
        assert f"{lane}{units[post.partition('/')[0]]['name']['zh']}" in text
    for scope in definition.net.scopes.values():
        for node in scope.nodes.values():
            if node.kind in ("user", "manual"):
                assert " ".join(node.name.split()) in text
                assert f'data-element="{node.id}"' in made["content"]


def test_what_the_definition_does_not_say_is_not_stated(office: Office, tmp_path: Path) -> None:
    code = publish(office, tmp_path, DRAWN)
    made = office.guide(code, None, "zh", chinese, NOON)
    fields = {entry["field"] for entry in made["not_stated"]}
    assert fields == {
        *("conditions", "quantity", "statutory", "promised", "materials", "fees"),
        *("delivery", "remedies", "complaints", "contact"),
    }
    assert said(made["content"]).count("未规定") == len(fields)


def test_what_the_section_of_the_guide_says_is_told(office: Office, tmp_path: Path) -> None:
    code = publish(office, tmp_path, DRAWN, clocks=TEXTS)
    made = office.guide(code, None, "zh", chinese, NOON)
    for text in re.findall(r'"([^"]+)"', TEXTS):
        assert text in said(made["content"])
    assert {entry["field"] for entry in made["not_stated"]} == {"statutory", "promised", "materials", "fees"}


def test_a_step_is_told_with_its_term(office: Office, tmp_path: Path) -> None:
    code = publish(office, tmp_path, DRAWN)
    assert "late: 5 working days" in said(office.guide(code, None, "en", english, NOON)["content"])


def test_an_older_version_keeps_its_guide(office: Office, tmp_path: Path) -> None:
    code = publish(office, tmp_path, DRAWN)
    first = office.guide(code, None, "en", english, NOON)
    with (tmp_path / "processes" / code / "item.toml").open("a", encoding="utf-8") as item:
        item.write(TEXTS)
    office.publish(tmp_path / "processes" / code, NOON + DAY)
    later = office.guide(code, None, "en", english, NOON + 2 * DAY)
    assert (first["version"], later["version"]) == (1, 2) and first["definition"] != later["definition"]
    assert office.guide(code, 1, "en", english, NOON + 2 * DAY)["content"] == first["content"]


def test_hostile_texts_of_a_definition_are_only_text(office: Office, tmp_path: Path) -> None:
    hostile = '\n[guide]\nquantity = "<script>alert(1)</script>"\nremedies = "{{ 7 * 7 }}"\n'
    code = publish(office, tmp_path, DRAWN, clocks=hostile)
    page = office.guide(code, None, "zh", chinese, NOON)["content"]
    assert "<script" not in page and "&lt;script&gt;alert(1)" in page and "{{ 7 * 7 }}" in page


def test_the_page_needs_nothing_from_outside_and_its_pictures_share_no_id() -> None:
    page = guide_of_folder(builtin().items()["homestead"], "zh", chinese)["content"]
    assert not re.search(r"<(script|link|img|iframe)|url\(|@import", page)
    assert set(re.findall(r'href="([^"]*)"', page)) == {"#chart1-:picture"}
    ids = re.findall(r' id="([^"]*)"', page)
    assert len(ids) == len(set(ids)) and ids.count("chart1-:picture") == 1
    assert {id.partition("-")[0] for id in ids} == {"chart1", "chart2"}


# --- from the command line

LATER = ("--now", str(NOON + timedelta(hours=1)))
ROOT = Path(__file__).parent.parent


def test_a_bare_diagram_is_drawn_without_an_office(tmp_path: Path) -> None:
    (tmp_path / "x.bpmn").write_bytes(DRAWN)
    drawn = lianban(tmp_path, "item", "draw", "x.bpmn")
    assert (drawn.code, drawn.err) == (0, "")
    assert etree.fromstring(drawn.out.encode()).tag == "{http://www.w3.org/2000/svg}svg"
    code, seen = on_terminal(tmp_path, ["item", "draw", "x.bpmn"], [])
    assert code == 0 and "x.svg" in seen
    assert (tmp_path / "x.svg").read_text("utf-8") == drawn.out


def test_what_can_not_be_drawn_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "x.bpmn").write_text("no XML")
    refused = lianban(tmp_path, "item", "draw", "x.bpmn")
    assert refused.code == 1 and "x.bpmn can't be drawn" in refused.err
    (tmp_path / "folder").mkdir()
    refused = lianban(tmp_path, "item", "draw", "folder", "--json")
    assert refused.code == 1 and '"drawing.no_diagram"' in refused.err


def test_a_published_item_is_drawn_and_told_by_its_code(office: Office, tmp_path: Path) -> None:
    code = publish(office, tmp_path, DRAWN)
    drawn = lianban(tmp_path, "item", "draw", code, "--json", *LATER).json
    told = lianban(tmp_path, "item", "guide", code, "--json", *LATER).json
    assert drawn["definition"] == told["definition"] == told["content"].split("SHA-256 ")[1][:64]
    assert (drawn["item"], drawn["version"]) == (told["item"], told["version"]) == (code, 1)
    assert drawn["laid_out"] and {"s", "a", "e"} <= set(drawn["elements"])
    assert 'lang="zh-CN"' in told["content"]
    documented = set(re.findall(r"`([a-z_]+)`", (ROOT / "docs" / "json.md").read_text(encoding="utf-8")))
    assert {*drawn, *told, *told["not_stated"][0]} <= documented


def test_there_is_no_guide_to_a_version_that_was_not_published(office: Office, tmp_path: Path) -> None:
    code = publish(office, tmp_path, DRAWN)
    with pytest.raises(Unknown) as refused:
        office.guide(code, 7, "zh", chinese, NOON)
    assert refused.value.code == "item.no_version" and str(refused.value.expected) == "one of: 1"


def test_the_guide_of_a_folder_tells_what_is_missing(tmp_path: Path) -> None:
    folder = str(builtin().items()["senior-card"])
    made = lianban(tmp_path, "item", "guide", folder, "-o", "guide.html", "--lang", "en")
    assert made.code == 0 and "guide.html" in made.out and "does not state: conditions" in made.err
    page = (tmp_path / "guide.html").read_text("utf-8")
    assert 'lang="en"' in page and "draft, not published" in page


def test_an_item_with_errors_has_no_guide(tmp_path: Path) -> None:
    folder = make_item(tmp_path, DRAWN)
    (folder / "item.toml").write_text("code = 3", encoding="utf-8")
    with pytest.raises(NotPublishable):
        guide_of_folder(folder, "zh", chinese)
