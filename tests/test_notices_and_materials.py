"""Told once, asked once: the one-time notice, materials by reference, agents with an authorisation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from drawing import draw
from items import ANYTHING, HOUR, NOON, make_item
from review_items import county, events

from engine.errors import Invalid, NotAllowed
from engine.office import Office

NOTICE = """
[notice]
documents = ["supplement", "correction"]
approver = "hall/leader"
basis = { law = "行政许可法", article = "第三十二条第一款第四项" }
"""

MATERIALS = """
[[materials]]
id = "plan"
name = "建房平面图"
source = "申请人"
required = true
purpose = "审查"

[[materials]]
id = "register"
name = "户口簿"
source = "公安机关"
required = true
purpose = "资格"

[agent]
agent = "agent"
principal = "applicant"
authorisation = "authorisation"
"""


def listing(name: str) -> dict[str, Any]:
    return {"type": "array", "title": name, "x-title-en": name, "items": {"type": "string"}}


def form(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties}


WORD = {"type": "string", "title": "w", "x-title-en": "w"}


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """From the village to the township: what the village received, the township asks for again only on record."""
    folder = make_item(
        tmp_path,
        draw(
            "start s; xor again; user intake; xor which; user tell; user correct; user decide; end granted",
            "s -> again -> intake -> which; which -> tell if what == 'tell'; which -> correct if what == 'correct'; "
            "which -> decide default; tell -> again; correct -> again; decide -> granted",
        ),
        lanes={"intake": "d1", "tell": "d1", "correct": "d1"},
        forms={
            "s": form(papers=listing("p"), applicant=WORD, agent=WORD, authorisation=WORD),
            "intake": form(what=WORD, papers=listing("p")),
            "tell": form(missing=listing("m"), words=WORD),
            "correct": ANYTHING,
        },
        properties={
            "s": {"receives": "papers"},
            "intake": {"receives": "papers"},
            "tell": {"requests": "missing"},
        },
        documents={"tell": "supplement", "correct": "correction"},
        clocks=MATERIALS,
    )
    item = folder / "item.toml"
    item.write_text(item.read_text("utf-8").replace("[lanes]", NOTICE + "[lanes]"), "utf-8")
    office = Office.create_rehearsal(str(tmp_path / "office.db"), NOON, county())
    office.publish(folder, NOON)
    return office


def opened(office: Office, **data: Any) -> str:
    return office.open_case("clerk", "item", {"papers": ["plan:图纸1号"]} | data, NOON).case


def told_once(office: Office) -> str:
    case = opened(office)
    office.do("p1", case, "intake", {"what": "tell"}, NOON + HOUR)
    office.do("p1", case, "tell", {"missing": ["register"]}, NOON + HOUR)
    return case


# --- one notice


def test_a_second_notice_is_refused_and_nothing_is_half_done(office: Office) -> None:
    case = told_once(office)
    office.do("p1", case, "intake#2", {"what": "tell"}, NOON + 2 * HOUR)
    before = len(office.history(case))
    with pytest.raises(Invalid) as refused:
        office.do("p1", case, "tell#2", {"missing": []}, NOON + 2 * HOUR)
    assert refused.value.code == "notice.second"
    assert "第三十二条" in str(refused.value.rule)
    assert "hall/leader" in str(refused.value.remedy)
    assert len(office.history(case)) == before
    assert [document["document"] for document in office.show(case)["documents"]] == ["supplement"]


def test_another_kind_of_notice_is_a_second_notice_too(office: Office) -> None:
    case = told_once(office)
    office.do("p1", case, "intake#2", {"what": "correct"}, NOON + 2 * HOUR)
    with pytest.raises(Invalid) as refused:
        office.do("p1", case, "correct", {}, NOON + 2 * HOUR)
    assert refused.value.code == "notice.second"


def test_a_second_notice_that_the_right_office_allows_is_for_the_auditors(office: Office) -> None:
    case = told_once(office)
    with pytest.raises(NotAllowed) as denied:
        office.allow_notice("p1", case, "材料涉及第三人", NOON + 2 * HOUR)
    assert "boss" in str(denied.value.remedy)
    with pytest.raises(Invalid):
        office.allow_notice("boss", case, " ", NOON + 2 * HOUR)
    office.allow_notice("boss", case, "材料涉及第三人", NOON + 2 * HOUR)
    assert office.allow_notice("boss", case, "材料涉及第三人", NOON + 2 * HOUR).repeated
    office.do("p1", case, "intake#2", {"what": "tell"}, NOON + 3 * HOUR)
    office.do("p1", case, "tell#2", {"missing": []}, NOON + 3 * HOUR)
    assert [found["finding"] for found in events(office, case, "finding.raised")] == ["F72-4"]
    office.do("p1", case, "intake#3", {"what": "tell"}, NOON + 4 * HOUR)
    with pytest.raises(Invalid):  # the leave was for one more
        office.do("p1", case, "tell#3", {"missing": []}, NOON + 4 * HOUR)
    assert office.verify()[1] == []


def test_leave_is_asked_for_when_it_is_needed_and_not_in_advance(office: Office) -> None:
    case = opened(office)
    with pytest.raises(Invalid) as refused:
        office.allow_notice("boss", case, "先批着", NOON + HOUR)
    assert refused.value.code == "notice.allowed"


# --- materials


def test_what_the_village_received_is_on_file_for_the_township(office: Office) -> None:
    case = opened(office)
    [filed] = office.show(case)["materials"]
    assert (filed["id"], filed["name"], filed["reference"], filed["unit"]) == (
        "plan",
        "建房平面图",
        "图纸1号",
        "hall",
    )


def test_what_is_on_file_is_not_asked_for_again(office: Office) -> None:
    """Administrative Licensing Law art. 35."""
    case = opened(office)
    office.do("p1", case, "intake", {"what": "tell"}, NOON + HOUR)
    with pytest.raises(Invalid) as refused:
        office.do("p1", case, "tell", {"missing": ["plan", "register"]}, NOON + HOUR)
    assert (refused.value.code, "hall" in str(refused.value.found)) == ("material.on_file", True)
    office.do("p1", case, "tell", {"missing": ["plan:未标四至", "register"]}, NOON + HOUR)
    assert [(found["finding"], found["element"]) for found in events(office, case, "finding.raised")] == [
        ("F35", "tell")
    ]
    assert office.verify()[1] == []


@pytest.mark.parametrize("words", ["请补交建房平面图", "plan is missing"])
def test_what_is_on_file_and_asked_for_in_other_words_is_a_finding_too(office: Office, words: str) -> None:
    case = opened(office)
    office.do("p1", case, "intake", {"what": "tell"}, NOON + HOUR)
    office.do("p1", case, "tell", {"missing": ["register"], "words": words}, NOON + HOUR)
    assert [found["finding"] for found in events(office, case, "finding.raised")] == ["F35"]
    assert office.verify()[1] == []


@pytest.mark.parametrize("field", ["tell", "intake"])
def test_only_materials_of_the_item_are_asked_for_or_filed(office: Office, field: str) -> None:
    """Administrative Licensing Law art. 31."""
    case = opened(office)
    if field == "intake":
        with pytest.raises(Invalid) as refused:
            office.do("p1", case, "intake", {"what": "go", "papers": ["tax-return"]}, NOON + HOUR)
    else:
        office.do("p1", case, "intake", {"what": "tell"}, NOON + HOUR)
        with pytest.raises(Invalid) as refused:
            office.do("p1", case, "tell", {"missing": ["tax-return"]}, NOON + HOUR)
    assert refused.value.code == "material.unknown"
    assert str(refused.value.expected) == "one of: plan, register"


def test_a_case_is_not_opened_with_papers_that_the_item_does_not_know(office: Office) -> None:
    with pytest.raises(Invalid):
        opened(office, papers=["photo"])
    assert office.open_case("clerk", "item", {}, NOON).case.endswith(
        "00001"
    )  # the refused one took no number


# --- agents


@pytest.mark.parametrize("missing", ["applicant", "authorisation"])
def test_an_agent_files_for_somebody_and_on_an_authorisation(office: Office, missing: str) -> None:
    whole = {"agent": "代办员杨阿月", "applicant": "张三", "authorisation": "委托书2026-1"}
    with pytest.raises(Invalid) as refused:
        opened(office, **{key: value for key, value in whole.items() if key != missing})
    assert (refused.value.code, str(refused.value.expected)) == ("agent.authorisation", missing)
    assert opened(office, **whole)
    assert json.dumps(office.show("1")["agent"], ensure_ascii=False)
