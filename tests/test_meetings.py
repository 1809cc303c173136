"""The joint meeting: convened in time, attended by designated leaders, minuted, carried out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from items import DAY, HOUR, NOON
from review_items import AGREE, DISAGREE, conditions, county, events, refer, review_item

from engine.errors import Invalid, NotAllowed
from engine.office import Office

DRAWING = (
    "start s; and split; user a; user b; user c; and join; xor how; user decide; end granted; "
    "user convene; user invite each department of meeting.departments into replies from reply; "
    "boundary begins invite date meeting.date + 'T' + meeting.time + ':00'; xor gather; user hold; "
    "user carry_out each conclusion of minutes.conclusions into reports from report; xor open; user duty; xor met",
    "s -> split; split -> a; split -> b; split -> c; a -> join; b -> join; c -> join; join -> how; "
    "how -> convene if review.outcome == 'meeting'; how -> met default; convene -> invite -> gather -> hold; "
    "begins -> gather; hold -> carry_out -> open; open -> duty if conference.unresolved; open -> met default; "
    "duty -> met; met -> decide -> granted",
)

SECTIONS = """
[clocks.conclusion]
name = { zh = "落实", en = "Carrying out" }
tier = "step"
term = "10wd"
each = ["carry_out"]
basis = { law = "并联审批办法", article = "第十三条" }
ladder = [ { name = "reminder", left = 1 }, { name = "red", over = 0, card = true } ]

[meetings.conference]
name = { zh = "联席办理会议", en = "Joint-handling meeting" }
convene = "convene"
invite = "invite"
hold = "hold"
carry_out = "carry_out"
duty = "duty"
joint = "review"
notice = "2wd"
result = "conference"
departments = ["d1", "d2", "d3"]
"""

ABSENCE = """
[meetings.conference.absence]
basis = { law = "并联审批办法", article = "第十二条" }
level = "local-document"
"""


def text(name: str) -> dict[str, str]:
    return {"type": "string", "title": name, "x-title-en": name}


def form(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties}


def records(**properties: Any) -> dict[str, Any]:
    return {"type": "array", "title": "表", "x-title-en": "table", "items": form(**properties)}


def texts(name: str) -> dict[str, Any]:
    return {"type": "array", "title": name, "x-title-en": name, "items": {"type": "string"}}


FORMS = {
    "convene": form(
        date=text("date"),
        time=text("time"),
        place=text("place"),
        agenda=text("agenda"),
        departments=texts("d"),
    ),
    "invite": form(reply=text("reply"), substitute=text("substitute"), reason=text("reason")),
    "hold": form(
        attendance=records(
            department=text("d"),
            person=text("p"),
            present={"type": "boolean", "title": "到"},
            reason=text("r"),
        ),
        opinions=records(department=text("d"), opinion=text("o"), reason=text("r"), conditions=texts("c")),
        conclusions=records(department=text("d"), task=text("t"), term=text("n")),
        resolved={"type": "boolean", "title": "议定"},
    ),
    "carry_out": form(report=text("report")),
    "duty": form(decision=text("decision"), reason=text("reason")),
}

CALL = {
    "date": "2026-03-05",
    "time": "09:00",
    "place": "三楼",
    "agenda": "d2有异议",
    "departments": ["d1", "d2"],
}
AT_MEETING = NOON + 3 * DAY


def meeting_office(root: Path, absence: str = ABSENCE, designated: bool = True) -> Office:
    people = county(
        more='[[people]]\nid = "leader"\nposts = ["county/duty"]\nname = { zh = "值班", en = "leader" }\n'
    )
    if designated:
        for n in (1, 2, 3):
            people = people.replace(
                f"[units.d{n}]\n".encode(), f'[units.d{n}]\ndesignated = "l{n}"\n'.encode()
            )
    folder = review_item(
        root,
        sections=SECTIONS + absence,
        drawing=DRAWING,
        properties={
            "convene": {"result": "meeting"},
            "invite": {"result": "reply", "unit": "department"},
            "hold": {"result": "minutes"},
            "carry_out": {"unit": "conclusion.department", "term": "conclusion.term", "result": "report"},
            "duty": {"result": "duty"},
        },
        documents={"hold": "minutes", "convene": "call"},
    )
    for name, schema in FORMS.items():
        (root / "forms" / f"item-{name}.schema.json").write_text(__import__("json").dumps(schema), "utf-8")
    lanes = {"invite": "designated", "carry_out": "clerk"}
    _into_lanes(folder, lanes)
    office = Office.create_rehearsal(str(root / "office.db"), NOON, people)
    office.publish(folder, NOON)
    return office


def _into_lanes(folder: Path, lanes: dict[str, str]) -> None:
    """Lanes of their own for steps that every department does by itself, and forms for the meeting's steps."""
    from drawing import NS
    from lxml import etree

    path = folder / "diagram.bpmn"
    root = etree.fromstring(path.read_bytes())
    lane_set = next(root.iter(f"{{{NS}}}laneSet"))
    for name in lanes:
        for ref in list(lane_set.iter(f"{{{NS}}}flowNodeRef")):
            if ref.text == name:
                ref.getparent().remove(ref)
        lane = etree.SubElement(lane_set, f"{{{NS}}}lane", id=f"lane_{name}", name=name)
        etree.SubElement(lane, f"{{{NS}}}flowNodeRef").text = name
    for name in FORMS:
        node = next(node for node in root.iter("{*}userTask") if node.get("id") == name)
        holder = next(node.iter("{http://camunda.org/schema/1.0/bpmn}properties"), None)
        if holder is not None:
            etree.SubElement(
                holder, "{http://camunda.org/schema/1.0/bpmn}property", name="form", value=f"item-{name}"
            )
    path.write_bytes(etree.tostring(root))
    item = folder / "item.toml"
    bound = "".join(f'"{name}" = "d1/{post}"\n' for name, post in lanes.items())
    item.write_text(item.read_text("utf-8").replace("[lanes]\n", f"[lanes]\n{bound}"), "utf-8")


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return meeting_office(tmp_path)


def dissent(office: Office) -> str:
    """A case that `d2` disagrees with, before the meeting is convened."""
    case = refer(office)
    for who, task, said in (("p1", "a", AGREE), ("p2", "b", DISAGREE), ("p3", "c", conditions("绿化率35%"))):
        office.do(who, case, task, said, NOON + HOUR)
    return case


def convened(office: Office) -> str:
    case = dissent(office)
    office.do("clerk", case, "convene", CALL, NOON + HOUR)
    return case


def minutes(**changes: Any) -> dict[str, Any]:
    """Both departments came, and d2 now agrees on a condition."""
    return {
        "attendance": [
            {"department": "d1", "person": "l1", "present": True},
            {"department": "d2", "person": "l2", "present": True},
        ],
        "opinions": [{"department": "d2", "opinion": "conditions", "conditions": ["补做防洪评价"]}],
        "conclusions": [{"department": "d2", "task": "出具防洪意见", "term": "5wd"}],
        "resolved": True,
    } | changes


def test_a_dissent_is_resolved_in_the_meeting_and_its_conclusion_is_carried_out(office: Office) -> None:
    case = convened(office)
    assert events(office, case, "meeting.convened") == [
        {"meeting": "conference", "begins": "2026-03-05T01:00:00.000000Z", "departments": ["d1", "d2"]}
    ]
    office.do("l1", case, "invite:1", {"reply": "coming"}, NOON + 2 * HOUR)
    office.do("l2", case, "invite:2", {"reply": "coming"}, NOON + 2 * HOUR)
    office.do("clerk", case, "hold", minutes(), AT_MEETING)
    [held] = events(office, case, "meeting.held")
    assert (held["outcome"], held["present"]) == ("conditional", ["l1", "l2"])
    conference = office.show(case)["data"]["conference"]
    assert conference["conditions"] == ["补做防洪评价", "绿化率35%"]
    assert [document["document"] for document in office.show(case)["documents"]][-1] == "minutes"
    clock = next(line for line in office.show(case)["clocks"] if line["clock"] == "conclusion@carry_out:1")
    assert (clock["unit"], clock["term"], clock["due_date"]) == ("d2", "5wd", "2026-03-12")
    office.do("p2", case, "carry_out:1", {"report": "已出具"}, AT_MEETING + DAY)
    assert [line["task"] for line in office.inbox("clerk", AT_MEETING + DAY)] == ["decide"]
    assert office.verify()[1] == []


def test_a_conclusion_that_is_not_carried_out_brings_a_card(office: Office) -> None:
    case = convened(office)
    office.sweep(AT_MEETING)
    office.do("clerk", case, "hold", minutes(), AT_MEETING)
    office.sweep(AT_MEETING + 10 * DAY)
    assert [(card["unit"], card["colour"]) for card in events(office, case, "card.raised")] == [("d2", "red")]


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ({"date": "2026-03-03"}, "meeting.notice"),
        ({"date": "2026-03-02"}, "meeting.notice"),
        ({"time": "25:00"}, "meeting.time"),
        ({"date": "tomorrow"}, "meeting.time"),
        ({"date": "2026-03-07"}, "meeting.day_off"),
        ({"departments": ["d1", "hall"]}, "meeting.department"),
        ({"departments": ["d1", "d1"]}, "meeting.department"),
    ],
)
def test_a_meeting_is_called_in_time_and_with_departments_of_the_item(
    office: Office, call: dict[str, Any], code: str
) -> None:
    case = dissent(office)
    with pytest.raises(Invalid) as refused:
        office.do("clerk", case, "convene", {**CALL, **call}, NOON + HOUR)
    assert refused.value.code == code
    assert str(refused.value.remedy)
    office.do("clerk", case, "convene", {**CALL, "date": "2026-03-04"}, NOON + HOUR)  # two working days ahead


def test_an_item_whose_departments_have_designated_nobody_is_not_published(tmp_path: Path) -> None:
    with pytest.raises(Invalid) as refused:
        meeting_office(tmp_path, designated=False)
    assert {problem.code for problem in refused.value.problems} == {"meeting.designated"}


def test_a_leader_who_left_since_is_missed_when_the_meeting_is_called(office: Office) -> None:
    case = dissent(office)
    office.change_organisation(
        "admin", {"kind": "post.end", "person": "l2", "post": "d2/leader", "until": "2026-03-02"}, NOON + HOUR
    )
    office.do("clerk", case, "convene", CALL, NOON + HOUR)  # she is designated until another one is


def test_the_designated_leader_replies_and_names_a_substitute_of_her_department(office: Office) -> None:
    case = convened(office)
    with pytest.raises(NotAllowed):
        office.do("p2", case, "invite:2", {"reply": "coming"}, NOON + 2 * HOUR)
    for reply in (
        *({"reply": "substitute", "substitute": who} for who in ("p1", "l2")),
        *({"reply": "substitute"}, {"reply": "apology"}),
    ):
        with pytest.raises(Invalid):
            office.do("l2", case, "invite:2", reply, NOON + 2 * HOUR)
    office.do("l2", case, "invite:2", {"reply": "substitute", "substitute": "q2"}, NOON + 2 * HOUR)
    office.do("l1", case, "invite:1", {"reply": "coming"}, NOON + 2 * HOUR)
    there = minutes()["attendance"][:1]
    with pytest.raises(Invalid) as refused:
        office.do(
            "clerk",
            case,
            "hold",
            minutes(attendance=[*there, {"department": "d2", "person": "p2", "present": True}]),
            AT_MEETING,
        )
    assert (refused.value.code, str(refused.value.expected)) == ("meeting.person", "one of: l2, q2")
    office.do(
        "clerk",
        case,
        "hold",
        minutes(attendance=[*there, {"department": "d2", "person": "q2", "present": True}]),
        AT_MEETING,
    )


def test_minutes_are_not_written_before_the_meeting(office: Office) -> None:
    case = convened(office)
    for n in (1, 2):
        office.do(f"l{n}", case, f"invite:{n}", {"reply": "coming"}, NOON + 2 * HOUR)
    with pytest.raises(Invalid) as refused:
        office.do("clerk", case, "hold", minutes(), NOON + 2 * HOUR)
    assert refused.value.code == "meeting.early"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"attendance": minutes()["attendance"][:1]}, "meeting.attendance"),
        ({"attendance": [*minutes()["attendance"], minutes()["attendance"][0]]}, "meeting.attendance"),
        ({"opinions": [{"department": "d3", "opinion": "agree"}]}, "meeting.opinion"),
        ({"opinions": [{"department": "d2", "opinion": "maybe"}]}, "meeting.opinion"),
        ({"opinions": [{"department": "d2", "opinion": "disagree"}]}, "meeting.reason"),
        ({"opinions": [{"department": "d2", "opinion": "conditions", "conditions": []}]}, "meeting.reason"),
        ({"conclusions": [{"department": "xx", "task": "t", "term": "5wd"}]}, "meeting.conclusion"),
        ({"conclusions": [{"department": "d2", "task": "t", "term": "soon"}]}, ""),
    ],
)
def test_minutes_fit_the_meeting(office: Office, wrong: dict[str, Any], code: str) -> None:
    case = convened(office)
    office.sweep(AT_MEETING)
    with pytest.raises(Invalid) as refused:
        office.do("clerk", case, "hold", minutes(**wrong), AT_MEETING)
    assert code in refused.value.code
    assert events(office, case, "meeting.held") == []


def absent(reason: str = "") -> list[dict[str, Any]]:
    away = {"department": "d2", "present": False} | ({"reason": reason} if reason else {})
    return [minutes()["attendance"][0], away]


def test_who_signed_for_the_invitation_and_stays_away_is_held_to_agree(office: Office) -> None:
    case = convened(office)
    office.sign("l2", case, "invite:2", NOON + 2 * HOUR)
    office.sweep(AT_MEETING)
    office.do("clerk", case, "hold", minutes(attendance=absent(), opinions=[]), AT_MEETING)
    [gone] = events(office, case, "meeting.absent")
    assert (gone["unit"], gone["excused"], gone["deemed"], gone["basis"]["article"]) == (
        "d2",
        False,
        True,
        "第十二条",
    )
    conference = office.show(case)["data"]["conference"]
    assert (conference["outcome"], conference["deemed"]) == ("conditional", ["d2"])


@pytest.mark.parametrize("why", ["excused", "apology", "not signed", "no policy"])
def test_absence_has_no_effect_where_the_policy_does_not_reach(tmp_path: Path, why: str) -> None:
    office = meeting_office(tmp_path, absence="" if why == "no policy" else ABSENCE)
    case = convened(office)
    if why in ("excused", "no policy"):
        office.sign("l2", case, "invite:2", NOON + 2 * HOUR)
    if why == "apology":
        office.do("l2", case, "invite:2", {"reply": "apology", "reason": "抗洪"}, NOON + 2 * HOUR)
    office.sweep(AT_MEETING)
    there = absent("抗洪" if why == "excused" else "")
    office.do("clerk", case, "hold", minutes(attendance=there, opinions=[], conclusions=[]), AT_MEETING)
    assert [gone["deemed"] for gone in events(office, case, "meeting.absent")] == [False]
    assert office.show(case)["data"]["conference"]["unresolved"] is True
    assert [line["task"] for line in office.inbox("clerk", AT_MEETING)] == ["duty"]


def test_a_dissent_that_stays_is_not_resolved_whatever_the_chair_ticks(office: Office) -> None:
    case = convened(office)
    office.sweep(AT_MEETING)
    office.do("clerk", case, "hold", minutes(opinions=[], conclusions=[]), AT_MEETING)
    assert events(office, case, "meeting.held")[0]["outcome"] == "unresolved"
    office.do("clerk", case, "duty", {"decision": "refuse", "reason": "不符合防洪要求"}, AT_MEETING + HOUR)
    assert office.verify()[1] == []
