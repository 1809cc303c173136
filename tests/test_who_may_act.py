"""Who may act in a case: recusal, four-eyes, two officers, hand-overs, delegations and mergers, across branches."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from drawing import draw
from items import DAY, HOUR, NOON, publish
from review_items import AGREE, DISAGREE, county, events, refer, review_item, review_office
from terminal import lianban

from engine.clock import write_instant
from engine.errors import Invalid, NotAllowed, Unknown
from engine.events import CardWithdrawn, OrganisationChanged, canonical, digest
from engine.office import Office
from engine.office.draft import append_office
from engine.office.library import STANDING, standing
from engine.organisation import read_register


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return review_office(tmp_path)


def who_can(office: Office, task: str) -> list[str]:
    line = next(line for line in office.inbox(None, NOON + HOUR, everybody=True) if line["task"] == task)
    return list(line["people"])


# --- recusal and challenge


def test_who_declares_a_conflict_keeps_out_at_once_and_the_step_waits_for_the_head(office: Office) -> None:
    case = refer(office)
    office.recuse("p1", case, "a", "申请人是我的表弟", NOON + HOUR)
    for who in ("p1", "q1"):
        with pytest.raises((Invalid, NotAllowed)) as refused:
            office.do(who, case, "a", AGREE, NOON + 2 * HOUR)
        assert refused.value.code in ("step.suspended", "access.barred")
    with pytest.raises(NotAllowed) as refused:
        office.decide_recusal("p1", case, "r1", False, "没有关系", NOON + 2 * HOUR)
    assert "l1" in str(refused.value.remedy)
    office.decide_recusal("l1", case, "r1", True, "属实", NOON + 3 * HOUR)
    with pytest.raises(NotAllowed) as refused:
        office.do("p1", case, "a", AGREE, NOON + 4 * HOUR)
    assert (refused.value.code, "q1" in str(refused.value.remedy)) == ("access.barred", True)
    assert "公务员法" in str(refused.value.rule)
    office.do("q1", case, "a", AGREE, NOON + 4 * HOUR)
    assert office.verify()[1] == []


def test_a_challenge_stops_the_step_and_not_the_clock(office: Office) -> None:
    case = refer(office)
    due = {line["clock"]: line["due"] for line in office.show(case, NOON)["clocks"]}
    office.challenge("clerk", case, "a", "p1", "邻居李四", "与申请人合伙经营", NOON + HOUR)
    shown = office.show(case, NOON + 2 * HOUR)
    assert {line["clock"]: line["due"] for line in shown["clocks"]} == due
    assert all(line["state"] == "running" for line in shown["clocks"])
    assert next(line for line in shown["steps"] if line["task"] == "a")["suspended"] == "r1"
    with pytest.raises(Invalid) as refused:
        office.sign("q1", case, "a", NOON + 2 * HOUR)
    assert refused.value.code == "step.suspended"
    office.do("p2", case, "b", AGREE, NOON + 2 * HOUR)  # the other branches go on
    office.decide_recusal("l1", case, "r1", False, "查无此事", NOON + 3 * HOUR)
    office.do("p1", case, "a", AGREE, NOON + 4 * HOUR)


def test_a_second_challenge_of_a_step_that_stands_still_is_recorded_and_keeps_it_still(
    office: Office,
) -> None:
    case = refer(office)
    office.challenge("clerk", case, "a", "p1", "李四", "亲属", NOON + HOUR)
    office.challenge("clerk", case, "a", "q1", "李四", "合伙", NOON + 2 * HOUR)
    waiting = [(line["task"], line["people"]) for line in office.inbox("l1", NOON + 2 * HOUR)]
    assert waiting == [("r1", ["l1"]), ("r2", ["l1"])]
    with pytest.raises(Invalid) as refused:
        office.do("q1", case, "a", AGREE, NOON + 3 * HOUR)
    assert (refused.value.code, str(refused.value.expected)) == ("step.suspended", "its decision by l1")
    office.decide_recusal("l1", case, "r1", True, "属实", NOON + 3 * HOUR)
    with pytest.raises(Invalid) as refused:
        office.do("q1", case, "a", AGREE, NOON + 4 * HOUR)
    assert "r2" in str(refused.value.remedy)
    office.decide_recusal("l1", case, "r2", False, "查无此事", NOON + 4 * HOUR)
    office.do("q1", case, "a", AGREE, NOON + 5 * HOUR)
    assert [line["task"] for line in office.inbox("l1", NOON + 5 * HOUR)] == []
    assert office.verify()[1] == []


def test_another_partys_challenge_is_recorded_while_the_first_is_not_decided(office: Office) -> None:
    case = refer(office)
    office.challenge("clerk", case, "a", "p1", "张明", "亲属", NOON + HOUR)
    office.challenge("clerk", case, "a", "p1", "李四", "合伙", NOON + HOUR)
    with pytest.raises(Invalid) as refused:
        office.challenge("clerk", case, "a", "p1", "李四", "还有", NOON + HOUR)
    assert refused.value.code == "recusal.known"
    office.decide_recusal("l1", case, "r1", False, "查无此事", NOON + 2 * HOUR)
    with pytest.raises(Invalid):
        office.do("p1", case, "a", AGREE, NOON + 3 * HOUR)
    office.decide_recusal("l1", case, "r2", True, "属实", NOON + 3 * HOUR)
    with pytest.raises(NotAllowed):
        office.do("p1", case, "a", AGREE, NOON + 4 * HOUR)
    assert office.verify()[1] == []


def test_where_everybody_is_kept_out_the_head_is_told_what_she_can_do(office: Office) -> None:
    case = refer(office)
    for person in ("p1", "q1"):
        office.recuse(person, case, "", "亲属", NOON + HOUR)
    with pytest.raises(NotAllowed) as refused:
        office.do("p1", case, "a", AGREE, NOON + 2 * HOUR)
    assert "--department" in str(refused.value.remedy)
    office.withdraw_department("l1", case, "a", "全科回避", NOON + 2 * HOUR)


def test_the_second_officer_may_be_kept_out_while_her_colleagues_answer_stands_still(office: Office) -> None:
    case = refer(office)
    office.challenge("clerk", case, "a", "q1", "李四", "亲属", NOON + HOUR)
    office.recuse("p1", case, "a", "同学", NOON + 2 * HOUR)
    office.decide_recusal("l1", case, "r2", True, "属实", NOON + 3 * HOUR)  # not the one that holds the step
    assert next(line for line in office.show(case)["steps"] if line["task"] == "a")["suspended"] == "r1"
    office.decide_recusal("l1", case, "r1", False, "无关", NOON + 4 * HOUR)
    office.do("q1", case, "a", AGREE, NOON + 5 * HOUR)


def test_a_challenge_names_who_makes_it_and_why_and_somebody_who_works_here(office: Office) -> None:
    case = refer(office)
    for person, party, reason, wrong in (
        ("p1", " ", "x", Invalid),
        ("p1", "李四", "", Invalid),
        ("nobody", "李四", "x", Unknown),
    ):
        with pytest.raises(wrong):
            office.challenge("clerk", case, "a", person, party, reason, NOON + HOUR)
    assert office.show(case)["recusals"] == []


def test_recusal_holds_in_every_branch_and_every_later_step(tmp_path: Path) -> None:
    more = '[[people]]\nid = "two"\nposts = ["d1/clerk", "d2/clerk"]\nname = { zh = "二", en = "two" }\n'
    office = review_office(tmp_path, people=county(more=more))
    case = refer(office)
    office.recuse("two", case, "", "是利害关系人", NOON + HOUR)
    for task in ("a", "b"):
        with pytest.raises(NotAllowed):
            office.do("two", case, task, AGREE, NOON + 2 * HOUR)
    office.do("p1", case, "a", AGREE, NOON + 2 * HOUR)  # without a step, nothing stands still


def test_what_was_entered_and_not_yet_signed_falls_with_the_recusal(tmp_path: Path) -> None:
    office = review_office(tmp_path, more='confirm = "leader"')
    case = refer(office)
    office.do("p1", case, "a", AGREE, NOON + HOUR)
    office.challenge("clerk", case, "a", "p1", "李四", "亲属", NOON + 2 * HOUR)
    with pytest.raises(Invalid) as refused:
        office.confirm("l1", case, "a", NOON + 2 * HOUR)
    assert refused.value.code == "step.suspended"
    office.decide_recusal("l1", case, "r1", True, "属实", NOON + 3 * HOUR)
    assert next(line for line in office.show(case)["steps"] if line["task"] == "a")["stage"] == "signed"
    office.do("q1", case, "a", DISAGREE, NOON + 4 * HOUR)
    office.confirm("l1", case, "a", NOON + 5 * HOUR)


def test_what_a_recused_person_did_before_is_a_finding(office: Office) -> None:
    case = refer(office)
    office.do("p1", case, "a", AGREE, NOON + HOUR)
    office.challenge("clerk", case, "", "p1", "李四", "亲属", NOON + 2 * HOUR)
    office.decide_recusal("l1", case, "r1", True, "属实", NOON + 3 * HOUR)
    assert [(f["finding"], f["element"]) for f in events(office, case, "finding.raised")] == [
        ("recusal.acted", "a")
    ]


def test_about_the_head_the_one_above_decides(tmp_path: Path) -> None:
    more = '[[people]]\nid = "mayor"\nposts = ["county/leader"]\nname = { zh = "县长", en = "mayor" }\n'
    office = review_office(tmp_path, people=county(more=more), more='confirm = "leader"')
    case = refer(office)
    office.challenge("clerk", case, "a", "l1", "李四", "亲属", NOON + HOUR)
    with pytest.raises(NotAllowed) as refused:
        office.decide_recusal("l1", case, "r1", False, "x", NOON + 2 * HOUR)
    assert "mayor" in str(refused.value.remedy)
    office.decide_recusal("mayor", case, "r1", True, "属实", NOON + 2 * HOUR)


def test_a_declared_interest_in_a_party_keeps_out_of_its_case(tmp_path: Path) -> None:
    office = review_office(tmp_path, sections="", more="")
    folder = review_item(tmp_path / "again", code="again")
    text = (
        (folder / "item.toml").read_text("utf-8").replace("effective =", 'parties = ["owner"]\neffective =')
    )
    (folder / "item.toml").write_text(text, "utf-8")
    form = {
        "type": "object",
        "additionalProperties": False,
        "properties": {"owner": {"type": "string", "title": "o"}},
    }
    (tmp_path / "again" / "forms" / "again-s.schema.json").write_text(__import__("json").dumps(form), "utf-8")
    office.publish(folder, NOON)
    office.change_organisation(
        "p1", {"kind": "interest", "person": "p1", "party": "张三", "interest": "kin"}, NOON
    )
    hers = office.open_case("clerk", "again", {"owner": "张三"}, NOON).case
    other = office.open_case("clerk", "again", {"owner": "李四"}, NOON).case
    with pytest.raises(NotAllowed) as refused:
        office.do("p1", hers, "a", AGREE, NOON + HOUR)
    assert refused.value.code == "access.barred"
    office.do("p1", other, "a", AGREE, NOON + HOUR)


# --- four-eyes across branches


def test_nobody_speaks_for_two_departments(tmp_path: Path) -> None:
    more = '[[people]]\nid = "two"\nposts = ["d1/clerk", "d2/clerk"]\nname = { zh = "二", en = "two" }\n'
    office = review_office(tmp_path, people=county(more=more))
    case = refer(office)
    office.do("two", case, "a", AGREE, NOON + HOUR)
    with pytest.raises(NotAllowed) as refused:
        office.do("two", case, "b", AGREE, NOON + 2 * HOUR)
    assert (refused.value.code, "p2" in str(refused.value.remedy)) == ("access.barred", True)


SEPARATION = """
[[separation]]
steps = ["a", "decide"]
name = { zh = "审查与决定分离", en = "Review and decision apart" }
kind = "four-eyes"
basis = { law = "行政许可法", article = "第三十四条" }
"""


def test_who_reviewed_does_not_decide_neither_herself_nor_through_another(tmp_path: Path) -> None:
    more = (
        '[[people]]\nid = "all"\nposts = ["d1/clerk", "hall/clerk"]\nname = { zh = "全", en = "all" }\n'
        '[[people]]\nid = "aide"\nposts = ["hall/aide"]\nname = { zh = "助", en = "aide" }\n'
        '[[delegations]]\nid = "g1"\ngrantor = "all"\npost = "hall/clerk"\nto = "aide"\nitems = ["*"]\n'
        'powers = ["*"]\nsince = 2026-01-01\nuntil = 2026-12-31\n'
    )
    office = review_office(tmp_path, people=county(more=more), sections=SEPARATION)
    case = refer(office)
    office.do("all", case, "a", AGREE, NOON + HOUR)
    office.do("p2", case, "b", AGREE, NOON + HOUR)
    office.do("p3", case, "c", AGREE, NOON + HOUR)
    for who in ("all", "aide"):
        with pytest.raises(NotAllowed) as refused:
            office.do(who, case, "decide", {}, NOON + 2 * HOUR)
        assert refused.value.code == "access.barred"
        assert "第三十四条" in str(refused.value.rule)
    office.do("clerk", case, "decide", {}, NOON + 2 * HOUR)
    assert office.verify()[1] == []


# --- two officers


OFFICERS = {
    "a": {"officers": "2"},
}


def inspectors() -> bytes:
    def officer(id: str, expires: str) -> str:
        return (
            f'[[people]]\nid = "{id}"\nposts = ["d1/clerk"]\nname = {{ zh = "{id}", en = "{id}" }}\n'
            f'certificates = [{{ kind = "enforcement", number = "{id}-1", expires = {expires} }}]\n'
        )

    return county(
        more=officer("o1", "2027-01-01") + officer("o2", "2027-01-01") + officer("old", "2026-03-01")
    )


@pytest.fixture
def inspection(tmp_path: Path) -> Office:
    drawing = ("start s; user a; user decide; end e", "s -> a -> decide -> e")
    office = Office.create_rehearsal(str(tmp_path / "office.db"), NOON, inspectors())
    from drawing import draw
    from items import ANYTHING, publish

    publish(
        office,
        tmp_path,
        draw(*drawing),
        lanes={"a": "d1"},
        forms={"a": ANYTHING},
        properties=OFFICERS,
        documents={"a": "record"},
    )
    return office


def test_an_inspection_is_done_when_two_certified_officers_have_signed(inspection: Office) -> None:
    case = inspection.open_case("clerk", "item", {}, NOON).case
    inspection.do("o1", case, "a", {"found": "符合"}, NOON + HOUR)
    with pytest.raises(NotAllowed) as refused:
        inspection.confirm("o1", case, "a", NOON + HOUR)
    assert refused.value.code == "access.barred"
    for who, code in (("p1", "access.certificate"), ("old", "access.certificate"), ("clerk", "access.post")):
        with pytest.raises(NotAllowed) as refused:
            inspection.confirm(who, case, "a", NOON + HOUR)
        assert refused.value.code == code
        assert "o2" in str(refused.value.remedy)
    assert inspection.show(case)["documents"] == []
    inspection.confirm("o2", case, "a", NOON + 2 * HOUR)
    assert [document["document"] for document in inspection.show(case)["documents"]] == ["record"]
    assert inspection.show(case)["data"]["found"] == "符合"
    assert inspection.verify()[1] == []


def test_an_officer_without_a_valid_certificate_does_not_begin(inspection: Office) -> None:
    case = inspection.open_case("clerk", "item", {}, NOON).case
    with pytest.raises(NotAllowed) as refused:
        inspection.do("old", case, "a", {}, NOON + HOUR)
    assert "2026-03-01" in str(refused.value.found)


# --- delegations, stand-ins, mergers, rotation


def test_a_delegation_ends_overnight(office: Office) -> None:
    case = refer(office)
    grant = {
        "kind": "delegate", "id": "g1", "grantor": "p1", "post": "d1/clerk", "to": "l1", "items": ["item"],
        "powers": ["review"], "since": "2026-03-02", "until": "2026-03-02",
    }  # fmt: skip
    office.change_organisation("p1", grant, NOON)
    assert "l1" in who_can(office, "a")
    last = NOON.replace(hour=15, minute=59)  # 23:59 in the county
    by = next(r.by for r in office.sign("l1", case, "a", last).events if r.event.type == "referral.signed")
    assert (by["for"], by["as"], by["delegation"]) == ("p1", "delegate", "g1")
    with pytest.raises(NotAllowed) as refused:
        office.do("l1", case, "a", AGREE, last + timedelta(minutes=1))
    assert (refused.value.code, "2026-03-02" in str(refused.value.found)) == ("access.delegation", True)
    assert office.verify()[1] == []


def test_the_same_delegation_is_on_record_once_and_another_one_of_the_day_gets_a_name_of_its_own(
    office: Office,
) -> None:
    grant = {
        "kind": "delegate", "grantor": "p1", "post": "d1/clerk", "to": "l1", "items": ["item"],
        "powers": ["review"], "since": "2026-03-02", "until": "2026-03-05",
    }  # fmt: skip
    first = office.change_organisation("p1", grant, NOON)
    assert office.change_organisation("p1", grant, NOON)["repeated"]
    second = office.change_organisation("p1", {**grant, "powers": ["sign"]}, NOON)
    assert second["change"]["id"] == first["change"]["id"] + "-2"


def test_a_certificate_number_belongs_to_one_officer(office: Office) -> None:
    kept = {"kind": "certificate", "person": "p1", "certificate_kind": "enforcement", "number": "5399-1"}
    office.change_organisation("admin", {**kept, "expires": "2027-01-01"}, NOON)
    office.change_organisation("admin", {**kept, "expires": "2028-01-01"}, NOON)
    with pytest.raises(Invalid) as refused:
        office.change_organisation("admin", {**kept, "person": "p2", "expires": "2028-01-01"}, NOON)
    assert (refused.value.code, str(refused.value.found)) == ("organisation.certificate", "it is p1's")


def test_the_register_itself_is_not_lent_and_items_nobody_has_are_not_either(office: Office) -> None:
    grant = {
        "kind": "delegate", "grantor": "admin", "post": "hall/admin", "to": "clerk", "items": ["*"],
        "powers": ["*"], "until": "2026-03-05",
    }  # fmt: skip
    with pytest.raises(Invalid) as refused:
        office.change_organisation("admin", grant, NOON)
    assert refused.value.code == "organisation.delegation"
    unknown = {**grant, "grantor": "p1", "post": "d1/clerk", "to": "l1", "items": ["nothing"]}
    with pytest.raises(Unknown) as refusal:
        office.change_organisation("p1", unknown, NOON)
    assert "item" in str(refusal.value.expected)


def test_a_unit_does_not_end_while_referrals_wait_for_it(office: Office) -> None:
    case = refer(office)
    whole = read_register(county()).as_json()
    whole["units"]["d1"]["until"] = "2026-03-31"
    ending = {"kind": "import", "organisation": whole}
    with pytest.raises(Invalid) as refused:
        office.change_organisation("admin", ending, NOON + HOUR)
    assert (refused.value.code, str(refused.value.found)) == ("organisation.hands", f"{case} a")
    office.do("p1", case, "a", AGREE, NOON + HOUR)
    assert not office.change_organisation("admin", ending, NOON + HOUR)["repeated"]


def test_a_delegation_is_for_its_items_and_powers_and_can_be_revoked(office: Office, tmp_path: Path) -> None:
    case = refer(office)
    publish(office, tmp_path, draw("start s; user a; end e", "s -> a -> e"), code="other")
    grant = {
        "kind": "delegate", "id": "g1", "grantor": "p1", "post": "d1/clerk", "to": "l1", "items": ["other"],
        "powers": ["review"], "until": "2026-12-31",
    }  # fmt: skip
    office.change_organisation("p1", grant, NOON)
    with pytest.raises(NotAllowed):
        office.do("l1", case, "a", AGREE, NOON + HOUR)
    office.change_organisation("p1", {**grant, "id": "g2", "items": ["*"]}, NOON + HOUR)
    with pytest.raises(NotAllowed):
        office.change_organisation("p2", {"kind": "revoke", "delegation": "g2"}, NOON + HOUR)
    office.change_organisation("p1", {"kind": "revoke", "delegation": "g2"}, NOON + HOUR)
    with pytest.raises(NotAllowed) as refused:
        office.do("l1", case, "a", AGREE, NOON + DAY)
    assert refused.value.code == "access.delegation"


def test_only_administrators_and_those_concerned_change_the_organisation(office: Office) -> None:
    hire = {"kind": "person.add", "id": "new", "name": {"zh": "新", "en": "new"}}
    with pytest.raises(NotAllowed) as refused:
        office.change_organisation("p1", hire, NOON)
    assert (refused.value.code, "admin" in str(refused.value.remedy)) == ("access.administrator", True)
    assert office.change_organisation("admin", hire, NOON)["version"] == 2
    assert office.change_organisation("admin", hire, NOON)["repeated"]
    with pytest.raises(Invalid):
        office.change_organisation("admin", {**hire, "name": {"zh": "别人", "en": "x"}}, NOON)
    with pytest.raises(NotAllowed):
        office.change_organisation(
            "p1", {"kind": "delegate", "id": "g", "grantor": "l1", "post": "d1/leader", "to": "p1", "items": ["*"],
                   "powers": ["*"], "until": "2026-12-31"}, NOON,
        )  # fmt: skip
    assert office.verify()[1] == []


def test_a_merged_departments_open_referrals_are_its_successors(office: Office) -> None:
    case = refer(office)
    office.sign("p1", case, "a", NOON + HOUR)
    office.change_organisation(
        "admin", {"kind": "unit.merge", "unit": "d1", "into": "d2", "until": "2026-03-02"}, NOON + 2 * HOUR
    )
    tomorrow = NOON + DAY
    assert {line["task"] for line in office.inbox("p2", tomorrow)} == {"a", "b"}
    assert {line["task"] for line in office.inbox("p1", tomorrow)} == {"a", "b"}  # her desk moved with her
    office.do("p2", case, "a", AGREE, tomorrow)
    office.do("p2", case, "b", AGREE, tomorrow)  # both are one department's now
    office.do("p3", case, "c", AGREE, tomorrow)
    [decided] = events(office, case, "joint.decided")
    assert decided["outcome"] == "grant"
    assert office.verify()[1] == []


def test_nobody_rotates_with_work_in_her_hands(office: Office) -> None:
    case = refer(office)
    office.sign("p1", case, "a", NOON + HOUR)
    rotate = {"kind": "rotate", "person": "p1", "post": "d1/clerk", "to_post": "d2/clerk", "on": "2026-03-03"}
    with pytest.raises(Invalid) as refused:
        office.change_organisation("admin", rotate, NOON + HOUR)
    assert (refused.value.code, f"{case} a" in str(refused.value.found)) == ("organisation.hands", True)
    with pytest.raises(NotAllowed):
        office.hand_over("q1", case, "a", "q1", "我来", NOON + HOUR)
    with pytest.raises(NotAllowed):
        office.hand_over("p1", case, "a", "p2", "轮岗", NOON + HOUR)
    office.hand_over("p1", case, "a", "q1", "轮岗", NOON + HOUR)
    assert office.hand_over("p1", case, "a", "q1", "轮岗", NOON + 2 * HOUR).repeated
    office.change_organisation("admin", rotate, NOON + 2 * HOUR)
    with pytest.raises(NotAllowed):
        office.do("p1", case, "a", AGREE, NOON + DAY)
    office.do("p1", case, "b", AGREE, NOON + DAY)


def test_first_contact_responsibility_stays_until_it_is_handed_over(office: Office) -> None:
    case = refer(office)
    assert office.show(case)["contact"]["person"] == "clerk"
    with pytest.raises(NotAllowed):
        office.hand_over("colleague", case, "", "colleague", "我来", NOON + HOUR)
    office.hand_over("clerk", case, "", "colleague", "调休", NOON + HOUR)
    assert office.show(case)["contact"]["person"] == "colleague"
    with pytest.raises(NotAllowed):
        office.hand_over("clerk", case, "", "boss", "x", NOON + 2 * HOUR)
    office.hand_over("boss", case, "", "clerk", "收回", NOON + 2 * HOUR)
    assert office.verify()[1] == []


def test_the_record_says_by_which_version_of_the_organisation_somebody_acted(office: Office) -> None:
    case = refer(office)
    office.change_organisation(
        "admin",
        {"kind": "post.grant", "person": "boss", "post": "d1/clerk", "since": "2026-03-02"},
        NOON + HOUR,
    )
    done = office.do("boss", case, "a", AGREE, NOON + 2 * HOUR)
    assert {record.by["org"] for record in done.events} == {2}
    assert office.history(case)[0].by["org"] == 1
    office.change_organisation(
        "admin", {"kind": "post.end", "person": "boss", "post": "d1/clerk", "until": "2026-03-02"}, NOON + DAY
    )
    assert office.verify()[1] == []  # what she did stays lawful by the organisation of its time


def test_who_must_keep_out_of_a_case_allows_nothing_in_it_either(office: Office) -> None:
    case = refer(office)
    office.challenge("clerk", case, "", "boss", "李四", "亲属", NOON + HOUR)
    office.sweep(NOON + 4 * DAY)
    card = next(iter(office.show(case)["cards"]))["card"]
    with pytest.raises(NotAllowed) as refused:
        office.treat_card("boss", case, CardWithdrawn(card, "误报"), NOON + 4 * DAY)
    assert refused.value.code == "access.barred"


def test_an_act_is_judged_by_the_organisation_of_its_time_however_often_that_was_changed(
    office: Office,
) -> None:
    case = refer(office)
    for n in range(12):
        who = {"kind": "person.add", "id": f"n{n}", "name": {"zh": f"新{n}", "en": f"n{n}"}}
        office.change_organisation("admin", who, NOON + n * HOUR)
    office.change_organisation(
        "admin", {"kind": "post.end", "person": "p2", "post": "d2/clerk", "until": "2026-03-02"}, NOON + DAY
    )
    done = office.do("p1", case, "a", AGREE, NOON + 3 * HOUR)  # by a machine whose clock is behind
    assert done.events[0].by["org"] == 5
    with pytest.raises(NotAllowed):
        office.do("p2", case, "b", AGREE, NOON + DAY)
    assert office.verify()[1] == []


def test_a_change_of_the_organisation_by_whoever_may_not_make_it_is_found(office: Office) -> None:
    """Whoever can write the database can put a good chain under it, but not make p1 an administrator before."""
    change = {"kind": "post.grant", "person": "p1", "post": "hall/admin", "since": "2026-03-02"}
    with office._store.transaction() as tx:
        in_force = standing(tx)
        register = office._library.register(tx, in_force.organisations[-1][1])
        text = canonical(register.changed(change, NOON.date()).as_json())
        tx.put_content(digest(text), text)
        tx.set_meta(STANDING, in_force.followed_by(write_instant(NOON), digest(text)).text())
        by = {"person": "p1", "unit": "hall", "post": "admin", "org": 1}
        append_office(tx, NOON, [OrganisationChanged(change, digest(text))], by)
    assert [finding.code for finding in office.verify()[1]] == ["content.differs"]


def test_findings_of_the_whole_office_are_listed_with_whoever_brought_them_about(tmp_path: Path) -> None:
    office = review_office(tmp_path)
    case = refer(office)
    office.do("p1", case, "a", AGREE, NOON + HOUR)
    office.challenge("clerk", case, "", "p1", "李四", "亲属", NOON + 2 * HOUR)
    office.decide_recusal("l1", case, "r1", True, "属实", NOON + 3 * HOUR)
    office.close()
    told = lianban(tmp_path, "--db", "office.db", "report", "findings")
    assert case in told.out
    assert "had acted in it" in told.out
    [found] = lianban(tmp_path, "--db", "office.db", "report", "findings", "--json").json["findings"]
    assert (found["finding"], found["by"], found["case"]) == ("recusal.acted", "l1", case)
    assert lianban(tmp_path, "--db", "office.db", "report", "findings", "77").code == 1


def test_revoking_what_is_not_on_record_names_what_is(office: Office) -> None:
    for who in ("p1", "admin"):
        with pytest.raises(Unknown) as refused:
            office.change_organisation(who, {"kind": "revoke", "delegation": "nosuch"}, NOON)
        assert refused.value.code == "organisation.delegation"
