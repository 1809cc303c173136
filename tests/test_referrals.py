"""Departments review together: referrals are signed for, answered, confirmed, or met with silence."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from drawing import draw
from items import ANYTHING, DAY, HOUR, NOON, make_item
from review_items import (
    AGREE,
    CLOCKS,
    DISAGREE,
    JOINT,
    OPINION,
    SILENCE,
    conditions,
    county,
    events,
    refer,
    review_item,
    review_office,
)

from engine.errors import Invalid, NotAllowed
from engine.office import Office

DUE = NOON + timedelta(days=3)
"""Thursday: a referral of Monday is due at closing time of this day."""


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return review_office(tmp_path)


def answer(office: Office, case: str, who: str, task: str, data: dict, at: datetime = NOON + HOUR) -> None:
    office.do(who, case, task, data, at)


# --- signed for, answered


def test_every_department_is_asked_in_the_first_round(office: Office) -> None:
    case = refer(office)
    sent = events(office, case, "referral.sent")
    assert [(one["task"], one["unit"], one["round"]) for one in sent] == [
        ("a", "d1", 1),
        ("b", "d2", 1),
        ("c", "d3", 1),
    ]


def test_who_signs_for_a_referral_answers_for_it(office: Office) -> None:
    case = refer(office)
    office.sign("p1", case, "a", NOON + HOUR)
    line = next(line for line in office.inbox("q1", NOON + HOUR) if line["task"] == "a")
    assert (line["stage"], line["assignee"]) == ("signed", "p1")
    assert [line["task"] for line in office.inbox("p1", NOON + HOUR, mine=True)] == ["a"]
    assert office.inbox("q1", NOON + HOUR, mine=True) == []


def test_signing_again_succeeds_for_who_signed_and_is_refused_to_others(office: Office) -> None:
    case = refer(office)
    office.sign("p1", case, "a", NOON + HOUR)
    assert office.sign("p1", case, "a", NOON + 2 * HOUR).repeated
    with pytest.raises(Invalid) as refused:
        office.sign("q1", case, "a", NOON + 2 * HOUR)
    assert (refused.value.code, "p1") == ("referral.signed", str(refused.value.found))


def test_nobody_signs_for_what_is_no_referral(office: Office) -> None:
    case = refer(office)
    for who, task in (("p1", "a"), ("p2", "b"), ("p3", "c")):
        answer(office, case, who, task, AGREE)
    with pytest.raises(Invalid) as refused:
        office.sign("clerk", case, "decide", NOON + 2 * HOUR)
    assert refused.value.code == "referral.none"


def test_an_answer_implies_the_receipt(office: Office) -> None:
    case = refer(office)
    answer(office, case, "p1", "a", AGREE)
    assert events(office, case, "referral.signed") == [{"task": "a"}]


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"opinion": "disagree"}, "reason"),
        ({"opinion": "disagree", "reason": "  "}, "reason"),
        ({"opinion": "not_concerned", "reason": "无关"}, "competent"),
        ({"opinion": "not_concerned", "competent": "林业局"}, "reason"),
        ({"opinion": "conditions"}, "conditions"),
        ({"opinion": "conditions", "conditions": []}, "conditions"),
        ({"opinion": "conditions", "conditions": [" "]}, "conditions"),
        ({"opinion": "report_up", "reason": "权限在上级"}, "superior"),
    ],
)
def test_an_opinion_without_what_makes_it_one_is_refused(office: Office, data: dict, field: str) -> None:
    case = refer(office)
    with pytest.raises(Invalid) as refused:
        answer(office, case, "p1", "a", data)
    assert refused.value.code == "opinion.incomplete"
    assert field in str(refused.value.message)
    assert events(office, case, "referral.signed") == []


@pytest.mark.parametrize(
    "data",
    [{**AGREE, "conditions": ["补交图纸"]}, {**DISAGREE, "competent": "d2"}, {**AGREE, "superior": "省局"}],
)
def test_an_opinion_says_nothing_that_belongs_to_another_one(office: Office, data: dict) -> None:
    case = refer(office)
    with pytest.raises(Invalid) as refused:
        office.do("p1", case, "a", data, NOON + HOUR)
    assert refused.value.code == "opinion.inconsistent"


def test_what_was_given_back_is_entered_again_and_the_same_report_up_is_said_once(tmp_path: Path) -> None:
    office = review_office(tmp_path, more='confirm = "leader"')
    case = refer(office)
    answer(office, case, "p1", "a", AGREE)
    office.give_back("l1", case, "a", "理由不足", NOON + 2 * HOUR)
    assert not office.do("p1", case, "a", AGREE, NOON + 3 * HOUR).repeated
    asked = {"opinion": "report_up", "superior": "省局", "reason": "权限不足"}
    office.do("p2", case, "b", asked, NOON + 4 * HOUR)
    before = len(office.history(case))
    assert office.do("p2", case, "b", asked, NOON + 5 * HOUR).repeated
    assert len(office.history(case)) == before


def test_nobody_can_enter_the_answer_that_only_silence_gives(office: Office) -> None:
    case = refer(office)
    for forged in ({"opinion": "deemed"}, {"opinion": "agree", "deemed": True}, {"opinion": "recused"}):
        with pytest.raises(Invalid):
            answer(office, case, "p1", "a", forged)
    assert office.show(case)["joint"][0]["answers"][0]["opinion"] == ""


def test_a_report_to_a_higher_organ_leaves_the_referral_open_until_its_word_is_entered(
    office: Office,
) -> None:
    case = refer(office)
    up = {"opinion": "report_up", "superior": "市水务局", "reason": "权限在市局"}
    answer(office, case, "p1", "a", up)
    answer(office, case, "p2", "b", AGREE)
    answer(office, case, "p3", "c", AGREE)
    assert office.show(case)["joint"][0]["outcome"] is None
    answer(office, case, "p1", "a", AGREE, NOON + DAY)
    assert office.show(case)["joint"][0]["outcome"] == "grant"


# --- what it comes to


def test_all_agree_and_it_goes_to_the_decision(office: Office) -> None:
    case = refer(office)
    for who, task in (("p2", "b"), ("p1", "a")):
        answer(office, case, who, task, AGREE)
    assert events(office, case, "joint.decided") == []
    answer(office, case, "p3", "c", AGREE)
    [decided] = events(office, case, "joint.decided")
    assert (decided["outcome"], decided["conditions"], decided["dissent"]) == ("grant", [], [])
    assert [line["task"] for line in office.inbox("clerk", NOON + DAY)] == ["decide"]


def test_conditions_of_several_departments_become_one_list(office: Office) -> None:
    case = refer(office)
    answer(office, case, "p1", "a", conditions("保留排水沟", "退让道路3米"))
    answer(office, case, "p2", "b", conditions("保留排水沟"))
    answer(office, case, "p3", "c", AGREE)
    [decided] = events(office, case, "joint.decided")
    assert decided["outcome"] == "conditional"
    assert decided["conditions"] == [
        {"text": "保留排水沟", "units": ["d1", "d2"]},
        {"text": "退让道路3米", "units": ["d1"]},
    ]
    assert office.show(case)["data"]["review"]["conditions"] == ["保留排水沟", "退让道路3米"]


def test_a_refusal_makes_the_outcome_certain_and_cancels_nobody(office: Office) -> None:
    """The applicant hears every objection at once (Administrative Licensing Law art. 32)."""
    case = refer(office)
    answer(office, case, "p2", "b", DISAGREE)
    [certain] = events(office, case, "joint.certain")
    assert certain["outcome"] == "meeting"
    assert certain["proof"]["decision"]["open"] == ["a", "c"]
    assert events(office, case, "task.cancelled") == []
    assert {line["task"] for line in office.inbox(None, NOON + HOUR, everybody=True)} == {"a", "c"}
    answer(office, case, "p1", "a", AGREE)
    answer(office, case, "p3", "c", AGREE)
    assert len(events(office, case, "joint.certain")) == 1
    assert [line["task"] for line in office.inbox("clerk", NOON + DAY)] == ["confer"]


def test_the_lead_decides_over_a_dissent_that_stays_on_record(tmp_path: Path) -> None:
    office = review_office(tmp_path, rule="lead", more='lead = "d1"')
    case = refer(office)
    answer(office, case, "p2", "b", DISAGREE)
    answer(office, case, "p3", "c", AGREE)
    answer(office, case, "p1", "a", AGREE)
    [decided] = events(office, case, "joint.decided")
    assert (decided["outcome"], decided["dissent"]) == ("grant", ["d2"])


def test_a_department_that_is_not_concerned_leaves_the_count(tmp_path: Path) -> None:
    office = review_office(tmp_path, rule="majority")
    case = refer(office)
    answer(office, case, "p1", "a", {"opinion": "not_concerned", "reason": "不占林地", "competent": "水务局"})
    answer(office, case, "p2", "b", AGREE)
    answer(office, case, "p3", "c", DISAGREE)
    [decided] = events(office, case, "joint.decided")
    assert decided["outcome"] == "meeting"  # one of two is no majority


def test_the_order_of_answers_changes_nothing(tmp_path: Path) -> None:
    outcomes = set()
    office = review_office(tmp_path, rule="quorum", more='quorum = "2/3"')
    said = {"a": ("p1", conditions("x")), "b": ("p2", DISAGREE), "c": ("p3", AGREE)}
    for order in ("abc", "bca", "cab", "cba"):
        case = refer(office)
        for task in order:
            answer(office, case, said[task][0], task, said[task][1])
        [decided] = events(office, case, "joint.decided")
        outcomes.add((decided["outcome"], str(decided["conditions"]), str(decided["dissent"])))
    assert len(outcomes) == 1


def test_a_department_that_keeps_out_leaves_the_count(office: Office) -> None:
    case = refer(office)
    answer(office, case, "p1", "a", AGREE)
    answer(office, case, "p2", "b", AGREE)
    with pytest.raises(NotAllowed):
        office.withdraw_department("p3", case, "c", "本部门是申请人", NOON + HOUR)
    office.withdraw_department("l3", case, "c", "本部门是申请人", NOON + HOUR)
    [decided] = events(office, case, "joint.decided")
    assert decided["outcome"] == "grant"
    answers = office.show(case)["joint"][0]["answers"]
    assert [(line["opinion"], line["stage"]) for line in answers][2] == ("recused", "withdrawn")
    assert [document["document"] for document in office.show(case)["documents"]] == ["opinion", "opinion"]


def test_a_second_round_begins_anew(tmp_path: Path) -> None:
    drawing = (
        "start s; xor again; and split; user a; user b; user c; and join; xor how; user decide; user confer; "
        "end granted",
        "s -> again -> split; split -> a; split -> b; split -> c; a -> join; b -> join; c -> join; join -> how; "
        "how -> confer if review.outcome == 'meeting'; how -> decide default; confer -> again; decide -> granted",
    )
    office = review_office(tmp_path, drawing=drawing)
    case = refer(office)
    answer(office, case, "p1", "a", DISAGREE)
    answer(office, case, "p2", "b", AGREE)
    answer(office, case, "p3", "c", AGREE)
    office.do("clerk", case, "confer", {}, NOON + DAY)
    assert [one["round"] for one in events(office, case, "referral.sent")] == [1, 1, 1, 2, 2, 2]
    for who, task in (("p1", "a#2"), ("q2", "b#2"), ("p3", "c#2")):
        answer(office, case, who, task, AGREE, NOON + 2 * DAY)
    assert [one["outcome"] for one in events(office, case, "joint.decided")] == ["meeting", "grant"]
    assert office.verify()[1] == []


def test_many_departments_behind_one_activity_mean_the_same(tmp_path: Path) -> None:
    office = Office.create_rehearsal(str(tmp_path / "office.db"), NOON, county(5))
    drawing = draw(
        "start s; user a each department of departments into opinions from opinion; xor how; user decide; user confer; "
        "end granted; end met",
        "s -> a -> how; how -> confer if review.outcome == 'meeting'; how -> decide default; decide -> granted; "
        "confer -> met",
    )
    text = JOINT % {"activities": '"a"', "rule": "all", "more": 'confirm = "leader"', "silence": SILENCE}
    item = make_item(
        tmp_path,
        drawing,
        lanes={"a": "d1"},
        forms={"s": ANYTHING, "a": OPINION, "decide": ANYTHING, "confer": ANYTHING},
        properties={"a": {"result": "opinion", "unit": "department"}},
        notices=["silence"],
        clocks=CLOCKS % {"activities": '"a"'} + text,
    )
    office.publish(item, NOON)
    case = office.open_case("clerk", "item", {"departments": ["d2", "d4", "d5"]}, NOON).case
    for n, unit in ((1, 2), (2, 4), (3, 5)):
        said = conditions("同一条件") if unit != 4 else AGREE
        answer(office, case, f"p{unit}", f"a:{n}", said, NOON + n * HOUR)
        office.confirm(f"l{unit}", case, f"a:{n}", NOON + n * HOUR)
    [decided] = events(office, case, "joint.decided")
    assert decided["outcome"] == "conditional"
    assert decided["conditions"] == [{"text": "同一条件", "units": ["d2", "d5"]}]
    assert [one["opinion"] for one in office.show(case)["data"]["opinions"]] == [
        "conditions",
        "agree",
        "conditions",
    ]
    assert office.verify()[1] == []


# --- confirmed by the leader


@pytest.fixture
def confirmed(tmp_path: Path) -> Office:
    return review_office(tmp_path, more='confirm = "leader"')


def test_an_answer_counts_when_the_leader_has_confirmed_it(confirmed: Office) -> None:
    case = refer(confirmed)
    answer(confirmed, case, "p1", "a", AGREE)
    assert confirmed.show(case)["joint"][0]["answers"][0]["opinion"] == ""
    assert [line["task"] for line in confirmed.inbox("l1", NOON + HOUR)] == ["a"]
    assert confirmed.inbox("p1", NOON + HOUR) == []
    confirmed.confirm("l1", case, "a", NOON + 2 * HOUR)
    line = confirmed.show(case)["joint"][0]["answers"][0]
    assert (line["opinion"], line["by_name"]["en"], line["confirmed_by_name"]["en"]) == ("agree", "p1", "l1")
    assert confirmed.verify()[1] == []


def test_the_leader_gives_an_answer_back_with_a_reason(confirmed: Office) -> None:
    case = refer(confirmed)
    answer(confirmed, case, "p1", "a", AGREE)
    with pytest.raises(Invalid):
        confirmed.give_back("l1", case, "a", " ", NOON + 2 * HOUR)
    confirmed.give_back("l1", case, "a", "漏了防洪意见", NOON + 2 * HOUR)
    answer(confirmed, case, "p1", "a", DISAGREE, NOON + 3 * HOUR)
    confirmed.confirm("l1", case, "a", NOON + 4 * HOUR)
    assert confirmed.show(case)["joint"][0]["answers"][0]["opinion"] == "disagree"


def test_nobody_confirms_her_own_answer(tmp_path: Path) -> None:
    more = '[[people]]\nid = "both"\nposts = ["d1/clerk", "d1/leader"]\nname = { zh = "兼", en = "both" }\n'
    office = review_office(tmp_path, people=county(more=more), more='confirm = "leader"')
    case = refer(office)
    answer(office, case, "both", "a", AGREE)
    with pytest.raises(NotAllowed) as refused:
        office.confirm("both", case, "a", NOON + 2 * HOUR)
    assert refused.value.code == "access.barred"
    assert "l1" in str(refused.value.remedy)
    office.confirm("l1", case, "a", NOON + 2 * HOUR)


def test_what_waits_for_the_leader_is_not_answered_again(confirmed: Office) -> None:
    case = refer(confirmed)
    answer(confirmed, case, "p1", "a", AGREE)
    with pytest.raises(Invalid) as refused:
        answer(confirmed, case, "q1", "a", DISAGREE, NOON + 2 * HOUR)
    assert refused.value.code == "answer.entered"
    assert confirmed.do("p1", case, "a", AGREE, NOON + 2 * HOUR).repeated


# --- silence


def test_silence_after_receipt_and_reminder_is_taken_for_consent_on_record(office: Office) -> None:
    case = refer(office)
    office.sign("p1", case, "a", NOON + HOUR)
    answer(office, case, "p2", "b", AGREE)
    answer(office, case, "p3", "c", AGREE)
    office.sweep(DUE + DAY)
    [deemed] = events(office, case, "referral.deemed")
    assert (deemed["task"], deemed["basis"]["article"], deemed["level"]) == ("a", "第九条", "local-document")
    [decided] = events(office, case, "joint.decided")
    assert (decided["outcome"], decided["deemed"]) == ("grant", ["d1"])
    shown = office.show(case)
    line = shown["joint"][0]["answers"][0]
    assert (line["opinion"], line["deemed"], line["by_name"], line["basis"]["article"]) == (
        "deemed",
        True,
        {},
        "第九条",
    )
    assert shown["data"]["a_says"] == {"opinion": "deemed", "deemed": True, "basis": deemed["basis"]}
    assert sorted(d["document"] for d in shown["documents"]) == ["opinion", "opinion", "silence"]
    assert office.verify()[1] == []


@pytest.mark.parametrize("why", ["not_signed", "excluded_risk", "not_silent", "suspended", "no_policy"])
def test_silence_has_no_effect_where_the_policy_does_not_reach(tmp_path: Path, why: str) -> None:
    silence = "" if why == "no_policy" else SILENCE
    office = review_office(
        tmp_path, silence=silence, more='confirm = "leader"' if why == "not_silent" else ""
    )
    case = refer(office)
    task, who = ("c", "p3") if why == "excluded_risk" else ("a", "p1")
    if why != "not_signed":
        office.sign(who, case, task, NOON + HOUR)
    if why == "not_silent":
        answer(office, case, "p1", "a", DISAGREE)
    if why == "suspended":
        office.challenge("clerk", case, "a", "p1", "邻居李四", "是申请人的表弟", NOON + 2 * HOUR)
    office.sweep(DUE + DAY)
    assert (task, why) in [(one["task"], one["why"]) for one in events(office, case, "silence.noted")]
    assert events(office, case, "referral.deemed") == []
    assert task in {line["task"] for line in office.inbox(None, DUE + DAY, everybody=True)}
    assert any(
        card["unit"] == ("d3" if task == "c" else "d1") for card in events(office, case, "card.raised")
    )


def test_an_item_that_counts_silence_without_a_reminder_is_not_published(tmp_path: Path) -> None:
    """Signed for only after the reminder would have gone out: the reminder reached nobody who had signed,
    but the department was reminded; without any reminder on the ladder the item can't be published."""
    folder = review_item(tmp_path)
    text = (folder / "item.toml").read_text("utf-8").replace('{ name = "reminder", left = 1 }, ', "")
    (folder / "item.toml").write_text(text, "utf-8")
    office = Office.create_rehearsal(str(tmp_path / "office.db"), NOON, county())
    problems = office.check(folder).problems
    assert "joint.reminder" in {problem.code for problem, _ in problems if problem.severity == "error"}


def test_who_was_silent_still_owes_an_opinion_and_a_late_dissent_is_found(office: Office) -> None:
    case = refer(office)
    office.sign("p1", case, "a", NOON + HOUR)
    answer(office, case, "p2", "b", AGREE)
    answer(office, case, "p3", "c", AGREE)
    office.sweep(DUE + HOUR * 6)
    clock = next(
        line for line in office.show(case, DUE + HOUR * 6)["clocks"] if line["clock"].startswith("owed@")
    )
    assert (clock["unit"], clock["state"]) == ("d1", "running")
    with pytest.raises(Invalid):
        office.do("p1", case, "a", {"opinion": "disagree"}, DUE + 7 * HOUR)
    with pytest.raises(NotAllowed):
        office.do("p2", case, "a", DISAGREE, DUE + 7 * HOUR)
    [owed] = [line for line in office.inbox("p1", DUE + 7 * HOUR) if line["task"] == "a"]
    assert (owed["stage"], owed["due"], owed["people"]) == ("owed", clock["due"], ["p1", "q1"])
    office.do("p1", case, "a", DISAGREE, DUE + 7 * HOUR)
    assert [line["task"] for line in office.inbox("p1", DUE + 7 * HOUR)] == []
    late = next(line for line in office.show(case)["steps"] if line["task"] == "a")
    assert (late["state"], late["late"]["by"], late["late"]["answers"]) == ("deemed", "p1", DISAGREE)
    assert [one["finding"] for one in events(office, case, "finding.raised")] == ["referral.late_dissent"]
    assert len(events(office, case, "joint.decided")) == 1  # what was decided stays
    assert office.show(case)["joint"][0]["answers"][0]["opinion"] == "deemed"
    with pytest.raises(Invalid):
        office.do("q1", case, "a", AGREE, DUE + 8 * HOUR)
    assert office.verify()[1] == []


def test_after_silence_the_leader_who_would_have_confirmed_it_gives_the_opinion(tmp_path: Path) -> None:
    office = review_office(tmp_path, more='confirm = "leader"')
    case = refer(office)
    office.sign("p1", case, "a", NOON + HOUR)
    for n, step in ((2, "b"), (3, "c")):
        answer(office, case, f"p{n}", step, AGREE, NOON + n * HOUR)
        office.confirm(f"l{n}", case, step, NOON + n * HOUR)
    office.sweep(DUE + 6 * HOUR)
    assert [line["task"] for line in office.inbox("p1", DUE + 7 * HOUR)] == []
    with pytest.raises(NotAllowed) as refused:
        office.do("p1", case, "a", DISAGREE, DUE + 7 * HOUR)
    assert "l1" in str(refused.value.remedy)
    assert [line["stage"] for line in office.inbox("l1", DUE + 7 * HOUR)] == ["owed"]
    office.do("l1", case, "a", DISAGREE, DUE + 7 * HOUR)
    assert office.verify()[1] == []


def test_what_is_owed_is_owed_no_more_when_the_case_is_closed(office: Office) -> None:
    case = refer(office)
    office.sign("p1", case, "a", NOON + HOUR)
    answer(office, case, "p2", "b", AGREE)
    answer(office, case, "p3", "c", AGREE)
    office.sweep(DUE + 6 * HOUR)
    office.do("clerk", case, "decide", {}, DUE + 7 * HOUR)
    assert office.inbox(None, DUE + 7 * HOUR, everybody=True) == []
    with pytest.raises(Invalid) as refused:
        office.do("p1", case, "a", AGREE, DUE + 8 * HOUR)
    assert refused.value.code == "case.closed"
    assert office.verify()[1] == []


def test_silence_is_not_held_against_an_answer_that_waits_for_the_leader(tmp_path: Path) -> None:
    office = review_office(tmp_path, more='confirm = "leader"')
    case = refer(office)
    office.sign("p1", case, "a", NOON + HOUR)
    answer(office, case, "p1", "a", DISAGREE, NOON + 2 * HOUR)
    office.sweep(DUE + 6 * HOUR)
    assert [noted["why"] for noted in events(office, case, "silence.noted") if noted["task"] == "a"] == [
        "not_silent"
    ]
    office.confirm("l1", case, "a", DUE + 7 * HOUR)
    assert events(office, case, "referral.deemed") == []


def test_what_is_owed_and_not_given_brings_a_card(office: Office) -> None:
    case = refer(office)
    office.sign("p1", case, "a", NOON + HOUR)
    answer(office, case, "p2", "b", AGREE)
    answer(office, case, "p3", "c", AGREE)
    office.sweep(DUE + 5 * DAY)
    cards = [(card["colour"], card["unit"]) for card in events(office, case, "card.raised")]
    assert cards == [("yellow", "d1"), ("red", "d1")]


def test_each_department_has_a_clock_of_its_own(office: Office) -> None:
    case = refer(office)
    office.sweep(NOON + 2 * DAY + 6 * HOUR)
    reminded = events(office, case, "reminder.raised")
    assert [(one["unit"], one["clock"]) for one in reminded] == [
        ("d1", "referral@a"),
        ("d2", "referral@b"),
        ("d3", "referral@c"),
    ]
    answer(office, case, "p1", "a", AGREE, NOON + 2 * DAY + 7 * HOUR)
    states = {line["clock"]: line["state"] for line in office.show(case, NOON + 2 * DAY + 8 * HOUR)["clocks"]}
    assert (states["referral@a"], states["referral@b"]) == ("stopped", "running")


def test_a_late_answer_can_not_beat_the_silence(office: Office) -> None:
    case = refer(office)
    office.sign("p1", case, "a", NOON + HOUR)
    answer(office, case, "p2", "b", AGREE)
    answer(office, case, "p3", "c", AGREE)
    office.do("p1", case, "a", DISAGREE, DUE + DAY)  # is what it owes, not the answer any more
    assert [one["outcome"] for one in events(office, case, "joint.decided")] == ["grant"]
    assert [one["finding"] for one in events(office, case, "finding.raised")] == ["referral.late_dissent"]
