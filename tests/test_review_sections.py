"""Who decides together and who may act: item.toml says it, or everything wrong with it is said."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from drawing import draw, process
from items import fields, make_item

from engine.clock import Term
from engine.clock.ledger import Basis
from engine.definition import Definition, builtin, pack, read_folder, unpack
from engine.definition.review import ALWAYS_EXCLUDED, Joint, Meeting
from engine.errors import Problem
from engine.organisation import Organisation, read_register

OPINIONS = ["agree", "conditions", "disagree", "not_concerned", "report_up"]


def referral(*opinions: str, without: str = "", **changed: Any) -> dict[str, Any]:
    """A referral's form that offers these opinions; `without` a field, or with a field `changed`."""
    texts = {name: {"type": "string", "title": name} for name in ("reason", "competent", "superior")}
    conditions = {"type": "array", "title": "conditions", "items": {"type": "string"}}
    asked = {
        "opinion": {"type": "string", "title": "opinion", "enum": list(opinions or OPINIONS)},
        "conditions": conditions,
        **texts,
        **changed,
    }
    asked.pop(without, None)
    for field in asked.values():
        field.setdefault("x-title-en", "field")
    return {"type": "object", "additionalProperties": False, "properties": asked, "required": []}


def texts(name: str, **lists: Sequence[str]) -> dict[str, Any]:
    """A form with the text `name` and lists; a list that names values is one of choices."""
    form = fields(**({name: "string"} if name else {}))
    for field, values in lists.items():
        items = {"type": "string", "enum": list(values)} if values else {"type": "string"}
        form["properties"][field] = {"type": "array", "title": field, "x-title-en": field, "items": items}
    return form


FORMS: dict[str, dict[str, Any]] = {
    "apply": fields(applicant="string", id_number="string", agent_name="string", authorisation="string"),
    "notify": texts("", papers=()),
    "a": referral(),
    "b": referral(),
    "convene": texts("", departments=()) | {},
    "invite": fields(reply="string", substitute="string", reason="string"),
    "hold": texts("", attendance=(), opinions=(), conclusions=()),
    "duty": fields(decision="string", reason="string"),
}
FORMS["convene"]["properties"] |= fields(date="string", time="string")["properties"]
FORMS["hold"]["properties"] |= fields(resolved="boolean")["properties"]

ELEMENTS = """
start apply; user notify; and split; user a; user b; and join; user inspect; xor settled; xor open
user convene; user invite each department of departments; user hold
user carry_out each conclusion of conclusions; user duty; user decide; end granted
"""
FLOWS = """
apply -> notify -> split; split -> a -> join; split -> b -> join; join -> inspect -> settled
settled -> convene if review.outcome == "meeting"; settled -> open default
convene -> invite -> hold -> carry_out -> duty -> open; open -> decide -> granted
"""
DIAGRAM = draw(ELEMENTS, FLOWS)
LANES = {"a": "d1", "b": "d2", "inspect": "d1", "decide": "d3", "duty": "d3"}
PROPERTIES: dict[str, dict[str, str]] = {
    "notify": {"receives": "papers", "documents": "supplement"},
    "inspect": {"officers": "2", "power": "review"},
    "invite": {"unit": "department"},
    "carry_out": {"unit": "conclusion.department", "term": "conclusion.term"},
}
NOTICES = ["silence-record", "second"]

SECTIONS = """
[joint.review]
name = { zh = "并联审查", en = "Joint review" }
activities = ["a", "b"]
rule = "quorum"
quorum = "2/3"
lead = "d1"
veto = ["d2"]
dissent = "refuse"
abstentions = "ignored"
result = "review"
confirm = "leader"
clock = "referral"
[joint.review.risks]
d2 = "public-safety"
d1 = "noise"
[joint.review.silence]
basis = { law = "并联审批办法", article = "第九条" }
level = "local-document"
excluded = ["public-safety", "health", "ecology", "finance", "national-security", "heritage"]
receipt = true
follow_up = "late_opinion"
document = "silence-record"

[clocks.referral]
name = { zh = "部门审查", en = "Review" }
tier = "step"
term = "3wd"
each = ["a", "b"]
basis = { law = "并联审批办法", article = "第六条" }
ladder = [ { name = "reminder", left = 1 }, { name = "yellow", over = 0, card = true } ]
follows = "decision"

[clocks.late_opinion]
name = { zh = "补意见", en = "Late opinion" }
tier = "step"
term = "1wd"
each = ["b", "a"]
basis = { law = "并联审批办法", article = "第十条" }

[clocks.reply]
name = { zh = "回复", en = "Reply" }
tier = "step"
term = "1wd"
each = ["invite"]
basis = { law = "并联审批办法", article = "第十一条" }

[clocks.conclusion]
name = { zh = "落实", en = "Carrying out" }
tier = "promised"
term = "30wd"
each = ["carry_out"]
basis = { law = "并联审批办法", article = "第十三条" }

[clocks.decision]
name = { zh = "决定", en = "Decision" }
tier = "statutory"
term = "20wd"
starts = ["notify"]
stops = ["decide"]
basis = { law = "行政许可法", article = "第四十二条" }

[meetings.conference]
name = { zh = "联席会议", en = "Conference" }
convene = "convene"
invite = "invite"
hold = "hold"
carry_out = "carry_out"
duty = "duty"
joint = "review"
notice = "2wd"
result = "conference"
departments = ["d1", "d2"]
[meetings.conference.absence]
basis = { law = "并联审批办法", article = "第十二条" }
level = "rule"

[[separation]]
steps = ["a", "decide"]
name = { zh = "审查与决定分离", en = "Review and decision apart" }
kind = "four-eyes"
basis = { law = "行政许可法", article = "第三十四条" }

[[separation]]
steps = ["duty", "inspect"]
name = { zh = "听证主持人", en = "Hearing chair" }
kind = "hearing-chair"
basis = { law = "行政许可法", article = "第四十八条" }

[notice]
documents = ["supplement"]
approver = "hall/leader"
basis = { law = "行政许可法", article = "第三十二条" }

[agent]
agent = "agent_name"
principal = "applicant"
authorisation = "authorisation"

[[materials]]
id = "household-register"
name = "户口簿"
source = "申请人"
required = true
purpose = "审查"

[[materials]]
name = "申请表"
source = "申请人"
required = true
purpose = "审查"
"""


def county(**changes: str) -> Organisation:
    """A hall and three departments; a clerk in each, and a leader (`d1-leader`) who is designated for
    meetings. `changes` are further keys of the unit, or leave its leader out (`"none"`)."""
    text = 'name = { zh = "示例县", en = "Shili" }\ndivision = "539901"\n'
    units = ("hall", "d1", "d2", "d3")
    for unit in units:
        designated = "" if unit in changes else f'designated = "{unit}-leader"\n'
        text += (
            f'[units.{unit}]\nname = {{ zh = "{unit}", en = "{unit}" }}\nkind = "department"\n{designated}'
        )
    for unit in units:
        for post in ("clerk", *(() if changes.get(unit) == "no leader" else ("leader",))):
            text += f'[[people]]\nid = "{unit}-{post}"\nname = {{ zh = "x", en = "x" }}\n'
            text += f'posts = ["{unit}/{post}"]\n'
    return read_register(text.encode()).on(date(2026, 3, 2))


def read(
    root: Path,
    sections: str = SECTIONS,
    diagram: bytes = DIAGRAM,
    *,
    forms: Mapping[str, Mapping[str, Any]] | None = None,
    properties: Mapping[str, Mapping[str, str]] | None = None,
    lanes: Mapping[str, str] | None = None,
    organisation: Organisation | None = None,
    head: str = 'parties = ["applicant", "id_number"]',
) -> tuple[Definition | None, list[Problem]]:
    """The item with these `sections`; forms and properties replace those of the node. `head` are further
    keys before the first table."""
    folder = make_item(
        root,
        diagram,
        lanes=LANES if lanes is None else lanes,
        forms={**FORMS, **(forms or {})},
        properties={**PROPERTIES, **(properties or {})},
        documents={"convene": "second"},
        notices=[*NOTICES, "supplement"],
        clocks=sections,
    )
    path = folder / "item.toml"
    text = path.read_text(encoding="utf-8").replace("effective =", f"{head}\neffective =", 1)
    path.write_text(text, encoding="utf-8")
    definition, problems = read_folder(folder, root / "forms", organisation=organisation or county())
    return definition, [problem for problem in problems if problem.code != "example.none"]


def told(problems: Sequence[Problem]) -> str:
    return "\n".join(f"{p.severity} {p.file} {p.element} {p.code}: {p.message}" for p in problems)


def found(problems: Sequence[Problem]) -> list[tuple[str, str | None]]:
    return [(problem.code, problem.element) for problem in problems]


# --- what is read


def test_an_item_with_all_sections_has_no_problems(tmp_path: Path) -> None:
    definition, problems = read(tmp_path)
    assert definition is not None, told(problems)
    assert not problems, told(problems)


@pytest.fixture(scope="module")
def definition(tmp_path_factory: pytest.TempPathFactory) -> Definition:
    read_definition, problems = read(tmp_path_factory.mktemp("item"))
    assert read_definition is not None, told(problems)
    return read_definition


def test_a_joint_review_is_read(definition: Definition) -> None:
    review = definition.joints["review"]
    assert (review.id, review.activities, review.kind, review.need) == (
        "review", ("a", "b"), "quorum", Fraction(2, 3),
    )  # fmt: skip
    assert (review.lead, review.veto, review.dissent, review.abstentions) == (
        "d1", ("d2",), "refuse", "ignored",
    )  # fmt: skip
    assert (review.result, review.confirm, review.clock) == ("review", "leader", "referral")
    assert review.risks == {"d2": "public-safety", "d1": "noise"}
    assert review.silence is not None
    assert review.silence.basis == Basis("并联审批办法", "第九条")
    assert review.silence.level == "local-document"
    assert review.silence.excluded == ALWAYS_EXCLUDED | {"heritage"}
    assert (review.silence.receipt, review.silence.reminder) == (True, True)
    assert (review.silence.follow_up, review.silence.document) == ("late_opinion", "silence-record")
    assert definition.joint_of("a") == review
    assert definition.joint_of("inspect") is None


def test_what_a_joint_review_leaves_out_is_the_careful_choice(tmp_path: Path) -> None:
    plain = '[joint.review]\nname = { zh = "审查", en = "Review" }\nactivities = ["a", "b"]\nrule = "all"\n'
    other = SECTIONS.replace(SECTIONS[: SECTIONS.index("[clocks.referral]")], plain + 'result = "review"\n\n')
    read_definition, problems = read(tmp_path, other, head='lead = "d1"\nparties = ["applicant"]')
    assert read_definition is not None, told(problems)
    assert read_definition.joints["review"] == Joint(
        id="review",
        name={"zh": "审查", "en": "Review"},
        activities=("a", "b"),
        kind="all",
        need=None,
        lead="d1",
        veto=(),
        dissent="meeting",
        abstentions="against",
        result="review",
        confirm=None,
        clock=None,
        risks={},
        silence=None,
    )


def test_silence_is_never_consent_in_the_five_classes_whatever_the_item_excludes(tmp_path: Path) -> None:
    sections = re.sub(r"excluded = .*\n", "", SECTIONS)
    read_definition, problems = read(tmp_path, sections)
    assert read_definition is not None, told(problems)
    silence = read_definition.joints["review"].silence
    assert silence is not None
    assert silence.excluded == {"public-safety", "health", "ecology", "finance", "national-security"}


def test_a_quorum_may_be_a_number_of_seats(tmp_path: Path) -> None:
    read_definition, problems = read(tmp_path, SECTIONS.replace('"2/3"', "2"))
    assert read_definition is not None, told(problems)
    assert read_definition.joints["review"].need == 2


def test_a_meeting_is_read(definition: Definition) -> None:
    meeting = definition.meetings["conference"]
    assert meeting == Meeting(
        id="conference",
        name={"zh": "联席会议", "en": "Conference"},
        convene="convene",
        invite="invite",
        hold="hold",
        carry_out="carry_out",
        duty="duty",
        joint="review",
        notice=Term(2, "wd"),
        result="conference",
        departments=("d1", "d2"),
        absence=meeting.absence,
    )
    assert meeting.absence is not None
    assert (meeting.absence.level, meeting.absence.follow_up) == ("rule", None)
    assert meeting.absence.excluded == ALWAYS_EXCLUDED


def test_who_did_not_sign_for_the_invitation_is_not_held_to_be_absent(definition: Definition) -> None:
    absence = definition.meetings["conference"].absence
    assert absence is not None
    assert (absence.receipt, absence.reminder) == (True, False)


def test_separations_notice_agent_parties_and_materials_are_read(definition: Definition) -> None:
    first, second = definition.separations
    assert (first.steps, first.kind, first.basis.article) == (("a", "decide"), "four-eyes", "第三十四条")
    assert (second.steps, second.kind) == (("duty", "inspect"), "hearing-chair")
    assert definition.notice is not None
    assert (definition.notice.documents, definition.notice.approver) == (("supplement",), "hall/leader")
    assert definition.agent is not None
    assert tuple(definition.agent) == ("agent_name", "applicant", "authorisation")
    assert definition.parties == ("applicant", "id_number")
    assert list(definition.materials) == ["household-register"]
    assert definition.materials["household-register"]["name"] == "户口簿"


def test_a_clock_of_tasks_has_no_triggers_and_says_what_starts_it(definition: Definition) -> None:
    clock = definition.clocks["referral"]
    assert (clock.each, clock.starts, clock.stops, clock.follows) == (("a", "b"), (), (), "decision")
    assert clock.rule.starts == "a:opened, b:opened"
    assert definition.clocks["decision"].each == ()


def test_all_of_it_comes_back_from_the_database(definition: Definition) -> None:
    back = unpack(pack(definition))
    assert (back.joints, back.meetings, back.separations) == (
        definition.joints, definition.meetings, definition.separations,
    )  # fmt: skip
    assert (back.notice, back.agent, back.clocks) == (definition.notice, definition.agent, definition.clocks)


def test_an_item_without_these_sections_has_none_of_it(tmp_path: Path) -> None:
    folder = make_item(tmp_path, draw("start s; user a; end e", "s -> a -> e"))
    plain, problems = read_folder(folder, tmp_path / "forms", organisation=county())
    assert plain is not None
    assert found(problems) == [("example.none", None)]
    assert (plain.joints, plain.meetings, plain.materials) == ({}, {}, {})
    assert (plain.separations, plain.parties) == ((), ())
    assert (plain.notice, plain.agent, plain.joint_of("a")) == (None, None, None)


def test_an_item_without_these_sections_does_not_load_them(tmp_path: Path) -> None:
    folder = make_item(tmp_path, draw("start s; user a; end e", "s -> a -> e"))
    plain, _ = read_folder(folder, tmp_path / "forms")
    assert plain is not None
    (tmp_path / "packed").write_bytes(pack(plain))
    script = (
        "import sys, pathlib\nfrom engine.definition import unpack\n"
        "item = unpack(pathlib.Path(sys.argv[1]).read_bytes())\n"
        "item.joint_of('a'), item.meetings, item.separations, item.notice, item.agent\n"
        "print([m for m in sys.modules if m.startswith('engine.definition.') and 'review' in m])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "packed")],
        cwd=Path(__file__).parent.parent,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "[]"


# --- what is wrong is said, with the key in item.toml

FAULTY: dict[str, tuple[str, str, str, str]] = {
    # by the shape of the sections
    "an unknown rule": ('"quorum"', '"two-thirds"', "item.invalid", "joint.review.rule"),
    "a share of nothing": ('"2/3"', '"0/3"', "item.invalid", "joint.review.quorum"),
    "a joint review without result": ('result = "review"\n', "", "item.invalid", "joint.review.result"),
    "a result that is no variable": (
        'result = "review"', 'result = "the review"', "item.invalid", "joint.review.result",
    ),
    "silence without basis": (
        'basis = { law = "并联审批办法", article = "第九条" }\n', "",
        "item.invalid", "joint.review.silence.basis",
    ),
    "silence without level": (
        'level = "local-document"\n', "", "item.invalid", "joint.review.silence.level",
    ),
    "silence on the level of a wish": (
        '"local-document"', '"custom"', "item.invalid", "joint.review.silence.level",
    ),
    "an absence with a reminder": (
        'level = "rule"', 'level = "rule"\nreminder = true',
        "item.invalid", "meetings.conference.absence.reminder",
    ),
    "a notice term without unit": ('"2wd"', '"2"', "item.invalid", "meetings.conference.notice"),
    "a meeting with nobody": ('["d1", "d2"]', "[]", "item.invalid", "meetings.conference.departments"),
    "an approver without post": ('"hall/leader"', '"hall"', "item.invalid", "notice.approver"),
    "a separation of an unknown kind": ('"four-eyes"', '"two-eyes"', "item.invalid", "separation.1.kind"),
    "an agent without authorisation": (
        'authorisation = "authorisation"\n', "", "item.invalid", "agent.authorisation",
    ),
    "a material's id in capitals": (
        '"household-register"', '"Register"', "item.invalid", "materials.1.id",
    ),
    "a clock without start": ('starts = ["notify"]\n', "", "item.invalid", "clocks.decision.starts"),
    # joint reviews
    "an activity that is not there": (
        'activities = ["a", "b"]', 'activities = ["a", "b", "c"]',
        "step.unknown", "joint.review.activities.3",
    ),
    "an activity named twice": (
        'activities = ["a", "b"]', 'activities = ["a", "b", "b"]',
        "joint.activity", "joint.review.activities.3",
    ),
    "a quorum without number": ('quorum = "2/3"\n', "", "joint.quorum", "joint.review.quorum"),
    "a quorum of more than all": ('"2/3"', '"4/3"', "joint.quorum", "joint.review.quorum"),
    "a quorum of more than there are": ('"2/3"', "3", "joint.quorum", "joint.review.quorum"),
    "a number with another rule": ('"quorum"', '"majority"', "joint.quorum", "joint.review.quorum"),
    "a lead that is not asked": (
        'rule = "quorum"\nquorum = "2/3"\nlead = "d1"', 'rule = "lead"\nlead = "d3"',
        "joint.lead", "joint.review.lead",
    ),
    "no lead where the lead decides": (
        'rule = "quorum"\nquorum = "2/3"\nlead = "d1"', 'rule = "lead"', "joint.lead", "joint.review.lead",
    ),
    "a lead that is no unit": ('lead = "d1"', 'lead = "d9"', "unit.unknown", "joint.review.lead"),
    "a veto of one that is not asked": ('["d2"]', '["d3"]', "joint.seat", "joint.review.veto.1"),
    "a veto of no unit": ('["d2"]', '["d9"]', "unit.unknown", "joint.review.veto.1"),
    "a risk of one that is not asked": ("d1 = ", "d3 = ", "joint.seat", "joint.review.risks.d3"),
    "a clock that is not there": ('"referral"', '"referal"', "clock.unknown", "joint.review.clock"),
    "a clock of the case": (
        'clock = "referral"', 'clock = "decision"', "joint.clock", "joint.review.clock",
    ),
    "a clock of other tasks": (
        'clock = "referral"', 'clock = "conclusion"', "joint.clock", "joint.review.clock",
    ),
    "silence without clock": ('clock = "referral"\n', "", "joint.silence", "joint.review.clock"),
    "a class taken out of the five": (
        '"ecology", ', "", "joint.excluded", "joint.review.silence.excluded",
    ),
    "a reminder that the ladder does not have": (
        '{ name = "reminder", left = 1 }, ', "", "joint.reminder", "joint.review.silence.reminder",
    ),
    "a reminder after the end": (
        '{ name = "reminder", left = 1 }', '{ name = "reminder", over = 1 }',
        "joint.reminder", "joint.review.silence.reminder",
    ),
    "a reminder that is a card": (
        'left = 1 }', 'left = 1, card = true }', "joint.reminder", "joint.review.silence.reminder",
    ),
    "a follow-up that is not there": (
        'follow_up = "late_opinion"', 'follow_up = "late"', "clock.unknown", "joint.review.silence.follow_up",
    ),
    "a follow-up that is no clock of these tasks": (
        'follow_up = "late_opinion"', 'follow_up = "decision"',
        "joint.clock", "joint.review.silence.follow_up",
    ),
    "a follow-up of itself": (
        'follow_up = "late_opinion"', 'follow_up = "referral"',
        "joint.clock", "joint.review.silence.follow_up",
    ),
    "silence on no document": (
        'document = "silence-record"', 'document = "record"',
        "document.unknown", "joint.review.silence.document",
    ),
    "a result that a step writes too": (
        'result = "review"', 'result = "papers"', "review.result", "joint.review.result",
    ),
    # clocks of tasks
    "a task that is not there": (
        'each = ["carry_out"]', 'each = ["carry_out", "carry"]', "step.unknown", "clocks.conclusion.each.2",
    ),
    "each of what is no task": (
        'each = ["carry_out"]', 'each = ["carry_out", "join"]', "clock.each", "clocks.conclusion.each.2",
    ),
    "each, and a start": (
        'each = ["carry_out"]', 'each = ["carry_out"]\nstarts = ["hold"]',
        "clock.each", "clocks.conclusion.starts",
    ),
    "each, and a stop": (
        'each = ["carry_out"]', 'each = ["carry_out"]\nstops = ["duty"]',
        "clock.each", "clocks.conclusion.stops",
    ),
    "each, and a restart": (
        'each = ["carry_out"]',
        'each = ["carry_out"]\nrestart = { basis = { law = "x", article = "1" }, on = ["hold"] }',
        "clock.each", "clocks.conclusion.restart",
    ),
    "each, and a unit": (
        'each = ["carry_out"]', 'each = ["carry_out"]\nunit = "d1"', "clock.each", "clocks.conclusion.unit",
    ),
    "each, and an effect": (
        'each = ["carry_out"]',
        'each = ["carry_out"]\neffect = { kind = "deemed_consent", basis = { law = "x", article = "1" } }',
        "clock.each", "clocks.conclusion.effect.kind",
    ),
    "a clock that follows one of tasks": (
        'each = ["carry_out"]', 'each = ["carry_out"]\nfollows = "late_opinion"',
        "clock.follows", "clocks.conclusion.follows",
    ),
    "a promise beyond the law, of the same tasks": (
        'tier = "step"\nterm = "1wd"\neach = ["invite"]',
        'tier = "statutory"\nterm = "1wd"\neach = ["carry_out"]',
        "clock.promise", "clocks.conclusion.term",
    ),
    # meetings
    "a meeting on no joint review": (
        'joint = "review"', 'joint = "reviews"', "joint.unknown", "meetings.conference.joint",
    ),
    "a meeting's step that is not there": (
        'hold = "hold"', 'hold = "meet"', "step.unknown", "meetings.conference.hold",
    ),
    "one convener for each department": (
        'convene = "convene"', 'convene = "carry_out"', "meeting.element", "meetings.conference.convene",
    ),
    "a meeting at a gateway": (
        'hold = "hold"', 'hold = "open"', "meeting.element", "meetings.conference.hold",
    ),
    "one invitation for all": (
        'invite = "invite"', 'invite = "inspect"', "meeting.element", "meetings.conference.invite",
    ),
    "one step for two things": (
        'duty = "duty"', 'duty = "hold"', "meeting.element", "meetings.conference.duty",
    ),
    "a department that is not there": (
        '["d1", "d2"]', '["d1", "d9"]', "unit.unknown", "meetings.conference.departments.2",
    ),
    "an absence that leaves a debt": (
        'level = "rule"\n', 'level = "rule"\nfollow_up = "late_opinion"\n',
        "item.invalid", "meetings.conference.absence.follow_up",
    ),
    "two outcomes in one variable": (
        'result = "conference"', 'result = "review"', "review.result", "meetings.conference.result",
    ),
    # who may act
    "a step kept apart from nothing": (
        '["a", "decide"]', '["a", "a"]', "separation.steps", "separation.1.steps",
    ),
    "a step kept apart that is not there": (
        '["a", "decide"]', '["a", "decid"]', "step.unknown", "separation.1.steps.2",
    ),
    "a gateway kept apart": ('["a", "decide"]', '["a", "join"]', "separation.steps", "separation.1.steps.2"),
    "a hearing chaired by a reviewer": (
        '["duty", "inspect"]', '["a", "inspect"]', "separation.hearing", "separation.2.steps",
    ),
    "a notice that is no document": (
        'documents = ["supplement"]', 'documents = ["suplement"]', "document.unknown", "notice.documents.1",
    ),
    "a notice that no step issues": (
        'documents = ["supplement"]', 'documents = ["silence-record"]',
        "notice.document", "notice.documents.1",
    ),
    "leave from a unit that is not there": ("hall/leader", "hull/leader", "unit.unknown", "notice.approver"),
    "an agent in no field": (
        'agent = "agent_name"', 'agent = "agent"', "field.unknown", "agent.agent",
    ),
    "a principal in no field": (
        'principal = "applicant"', 'principal = "papers"', "field.unknown", "agent.principal",
    ),
    "two materials of one id": (
        'name = "申请表"', 'id = "household-register"\nname = "申请表"', "material.twice", "materials.2.id",
    ),
    "materials listed and none has an id": (
        'id = "household-register"\n', "", "material.none", "materials",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(FAULTY))
def test_one_slip_in_item_toml_is_one_problem_with_its_key(tmp_path: Path, name: str) -> None:
    old, new, code, element = FAULTY[name]
    assert old in SECTIONS
    definition, problems = read(tmp_path, SECTIONS.replace(old, new, 1))
    assert definition is None
    errors = [problem for problem in problems if problem.severity == "error"]
    assert (code, element) in found(errors), told(problems)
    if name not in _MORE:
        assert found(errors) == [(code, element)], told(problems)
    problem = next(p for p in errors if (p.code, p.element) == (code, element))
    assert problem.file == "item.toml"
    assert str(problem.message)
    assert str(problem.remedy) or str(problem.expected)


_MORE = frozenset(
    {
        "an activity that is not there",  # the clocks are over other activities, too
        "a promise beyond the law, of the same tasks",
        "one convener for each department",
        "one invitation for all",
    }
)
"""Slips that are wrong in more than one way."""


def test_a_party_is_a_field_of_the_start_form(tmp_path: Path) -> None:
    definition, problems = read(tmp_path, head='parties = ["applicant", "household"]')
    assert definition is None
    assert found(problems) == [("field.unknown", "parties.2")]


def test_units_and_posts_are_not_checked_without_an_organisation(tmp_path: Path) -> None:
    sections = SECTIONS.replace('["d1", "d2"]', '["d1", "d9"]').replace("hall/leader", "hull/leader")
    read(tmp_path, sections)
    definition, problems = read_folder(tmp_path / "processes" / "item", tmp_path / "forms")
    assert definition is not None, told(problems)
    assert found(problems) == [("example.none", None)]


# --- leaders


def test_each_department_that_may_be_invited_has_designated_a_leader(tmp_path: Path) -> None:
    definition, problems = read(tmp_path, organisation=county(d1="", d2=""))
    assert definition is None
    assert found(problems) == [
        ("meeting.designated", "meetings.conference.departments.1"),
        ("meeting.designated", "meetings.conference.departments.2"),
    ]
    assert [str(problem.remedy) for problem in problems] == [
        "lianban org designate d1 PERSON",
        "lianban org designate d2 PERSON",
    ]


def test_answers_that_nobody_could_confirm_are_a_warning(tmp_path: Path) -> None:
    sections = SECTIONS.replace('departments = ["d1", "d2"]', 'departments = ["d1"]')
    definition, problems = read(tmp_path, sections, organisation=county(d2="no leader"))
    assert definition is not None
    assert [(p.code, p.severity, p.element) for p in problems] == [
        ("joint.confirm", "warning", "joint.review.confirm")
    ]
    assert "d2/leader" in str(problems[0].message)


# --- risk classes


def test_a_risk_class_of_ones_own_is_fine_and_a_misspelled_one_is_a_warning(tmp_path: Path) -> None:
    for number, risk in enumerate(["fire", "fire-safety", "traffic"]):
        _, problems = read(tmp_path / str(number), SECTIONS.replace('"noise"', f'"{risk}"'))
        assert not problems, told(problems)
    for number, risk in enumerate(["public_safety", "pubic-safety", "helth"], 10):
        definition, problems = read(tmp_path / str(number), SECTIONS.replace('"noise"', f'"{risk}"'))
        assert definition is not None
        assert [(p.code, p.severity, p.element) for p in problems] == [
            ("joint.risk", "warning", "joint.review.risks.d1")
        ], risk


# --- referrals are answered, each by its department

MANY = """
start apply; user notify; user ask LOOP; user inspect; xor settled; xor open
user convene; user invite each department of departments; user hold
user carry_out each conclusion of conclusions; user duty; user decide; end granted
"""
MANY_FLOWS = FLOWS.replace("split; split -> a -> join; split -> b -> join; join -> inspect", "ask -> inspect")
ASK = {**PROPERTIES, "ask": {"unit": "department", "result": "opinion"}}
ASK_LANES = {"inspect": "d1", "decide": "d3", "duty": "d3"}
LOOP = "each department of departments into answers from opinion"


def asked(root: Path, loop: str = LOOP, sections: str = SECTIONS) -> tuple[Definition | None, list[Problem]]:
    sections = re.sub(r'\["(a", "b|b", "a)"\]', '["ask"]', sections).replace(
        '["a", "decide"]', '["ask", "decide"]'
    )
    forms = {"ask": referral()}
    return read(
        root,
        sections,
        draw(MANY.replace("LOOP", loop), MANY_FLOWS),
        forms=forms,
        properties=ASK,
        lanes=ASK_LANES,
    )


def test_one_task_may_ask_many_departments(tmp_path: Path) -> None:
    """Which units these are is found out in the case, so that nothing is said about lead, veto and risks."""
    definition, problems = asked(tmp_path)
    assert definition is not None, told(problems)
    assert not problems, told(problems)


def test_departments_are_asked_at_the_same_time(tmp_path: Path) -> None:
    _, problems = asked(tmp_path, f"sequential {LOOP}")
    assert found(problems) == [("joint.activity", "joint.review.activities.1")], told(problems)


def test_a_task_that_asks_many_is_the_only_activity(tmp_path: Path) -> None:
    sections = SECTIONS.replace('activities = ["a", "b"]', 'activities = ["ask", "inspect"]')
    sections = re.sub(r'each = \["(a", "b|b", "a)"\]', 'each = ["ask", "inspect"]', sections)
    diagram = draw(MANY.replace("LOOP", LOOP), MANY_FLOWS)
    forms = {"ask": referral(), "inspect": referral()}
    sections = sections.replace('["a", "decide"]', '["ask", "decide"]')
    _, problems = read(tmp_path, sections, diagram, forms=forms, properties=ASK, lanes=ASK_LANES)
    assert found(problems) == [("joint.activity", "joint.review.activities.1")], told(problems)


def test_a_referral_is_a_user_task(tmp_path: Path) -> None:
    _, problems = read(tmp_path, diagram=draw(ELEMENTS.replace("user b", "manual b"), FLOWS))
    assert ("joint.activity", "joint.review.activities.2") in found(problems)


def test_a_referral_does_not_lie_in_a_multi_instance_subprocess(tmp_path: Path) -> None:
    inner = "sub group each one of many { start g; user b; end h | g -> b -> h }"
    diagram = draw(ELEMENTS.replace("user b", inner), FLOWS.replace("-> b ->", "-> group ->"))
    _, problems = read(tmp_path, diagram=diagram, forms={"notify": texts("", papers=(), many=())})
    assert found(problems) == [("joint.activity", "joint.review.activities.2")], told(problems)


def test_a_referral_belongs_to_one_joint_review(tmp_path: Path) -> None:
    other = (
        '[joint.other]\nname = { zh = "x", en = "x" }\nactivities = ["b"]\nrule = "all"\nresult = "other"\n'
    )
    _, problems = read(tmp_path, SECTIONS + other)
    assert found(problems) == [
        ("joint.activity", "joint.review.activities.2"),
        ("joint.activity", "joint.other.activities.1"),
    ]


# --- nothing takes an open referral away


def cancelling(root: Path, elements: str, flows: str, more: str = "") -> list[tuple[str, str, str | None]]:
    _, problems = read(root, diagram=draw(elements, flows, *([more] if more else [])))
    return [(p.code, p.file, p.element) for p in problems if p.severity == "error"]


def test_a_completion_condition_takes_referrals_away(tmp_path: Path) -> None:
    _, problems = asked(tmp_path, f"{LOOP} until nrOfCompletedInstances > 1")
    assert [(p.code, p.file, p.element) for p in problems] == [("joint.cancels", "diagram.bpmn", "ask")]
    assert "art. 32" in str(problems[0].expected)


def test_an_interrupting_event_takes_a_referral_away(tmp_path: Path) -> None:
    late = "boundary late b after workdays(3)"
    assert cancelling(tmp_path / "a", f"{ELEMENTS}{late}", f"{FLOWS}; late -> join") == [
        ("joint.cancels", "diagram.bpmn", "late")
    ]
    reminder = "reminder late b after workdays(3); end reminded"
    assert cancelling(tmp_path / "b", f"{ELEMENTS}{reminder}", f"{FLOWS}; late -> reminded") == []


def test_an_interrupting_event_around_a_referral_takes_it_away(tmp_path: Path) -> None:
    inner = "sub group { start g; user b; end h | g -> b -> h }"
    elements = ELEMENTS.replace("user b", inner)
    flows = FLOWS.replace("-> b ->", "-> group ->")
    assert cancelling(tmp_path / "a", elements, flows) == []
    late = "boundary late group after workdays(3)"
    assert cancelling(tmp_path / "b", f"{elements}{late}", f"{flows}; late -> join") == [
        ("joint.cancels", "diagram.bpmn", "late")
    ]


def test_an_interrupting_event_around_a_called_process_takes_its_referrals_away(tmp_path: Path) -> None:
    called = process("reviewing", "start g; user b; end h", "g -> b -> h")
    elements = ELEMENTS.replace("user b", "call group reviewing")
    flows = FLOWS.replace("-> b ->", "-> group ->")
    assert cancelling(tmp_path / "a", elements, flows, called) == []
    late = "boundary late group after workdays(3)"
    assert cancelling(tmp_path / "b", f"{elements}{late}", f"{flows}; late -> join", called) == [
        ("joint.cancels", "diagram.bpmn", "late")
    ]


def test_one_department_s_refusal_does_not_end_the_review_of_the_others(tmp_path: Path) -> None:
    refusing = ELEMENTS.replace("and join", "xor no; end refused terminate; and join")
    flows = FLOWS.replace(
        "split -> b -> join", 'split -> b -> no; no -> refused if opinion == "disagree"; no -> join default'
    )
    assert cancelling(tmp_path / "a", refusing, flows) == [("joint.cancels", "diagram.bpmn", "refused")]
    plain = refusing.replace("refused terminate", "refused")
    assert cancelling(tmp_path / "b", plain, flows) == []
    after = ELEMENTS.replace("xor settled", "xor settled; xor no; end refused terminate")
    joined = FLOWS.replace(
        "inspect -> settled", 'inspect -> no; no -> refused if opinion == "disagree"; no -> settled default'
    )
    assert cancelling(tmp_path / "c", after, joined) == []
    again = joined.replace("apply -> notify", "apply -> again -> notify").replace(
        "open -> decide -> granted",
        "open -> decide -> more; more -> again if more_to_do; more -> granted default",
    )
    looped = after.replace("xor open", "xor open; xor again; xor more")
    assert cancelling(tmp_path / "d", looped, again) == []
    assert cancelling(
        tmp_path / "e",
        refusing + "; xor again; xor more",
        flows.replace("apply -> notify", "apply -> again -> notify").replace(
            "open -> decide -> granted",
            "open -> decide -> more; more -> again if more_to_do; more -> granted default",
        ),
    ) == [("joint.cancels", "diagram.bpmn", "refused")]


def test_a_timer_does_not_end_the_case_over_an_open_referral_and_the_applicant_may(tmp_path: Path) -> None:
    event = "reminder gone b {}; end withdrawn terminate"
    flows = f"{FLOWS}; gone -> withdrawn"
    timed = ELEMENTS + event.format("after workdays(3)")
    assert cancelling(tmp_path / "a", timed, flows) == [("joint.cancels", "diagram.bpmn", "withdrawn")]
    asked_for = ELEMENTS + event.format("message withdrawal")
    assert cancelling(tmp_path / "b", asked_for, flows) == []


def test_answers_one_after_the_other_may_end_the_case_when_all_are_there(tmp_path: Path) -> None:
    elements = ELEMENTS.replace(
        "and split; user a; user b; and join", "user a; user b; xor no; end no_go terminate"
    )
    flows = FLOWS.replace(
        "split; split -> a -> join; split -> b -> join; join -> inspect",
        'a -> b -> no; no -> no_go if opinion == "disagree"; no -> inspect default; inspect',
    )
    assert cancelling(tmp_path, elements, flows) == []


# --- what the form of a referral asks


@pytest.mark.parametrize(
    ("form", "place"),
    [
        (referral(without="opinion"), "properties.opinion"),
        (referral(opinion={"type": "string", "title": "opinion"}), "properties.opinion"),
        (referral(*OPINIONS, "maybe"), "properties.opinion"),
        (referral("agree", "conditions", without="conditions"), "properties.conditions"),
        (referral("agree", "disagree", without="reason"), "properties.reason"),
        (referral("agree", "not_concerned", without="competent"), "properties.competent"),
        (referral("agree", "report_up", without="superior"), "properties.superior"),
        (referral(conditions={"type": "boolean", "title": "conditions"}), "properties.conditions"),
        (referral("disagree", reason={"type": "integer", "title": "reason"}), "properties.reason"),
    ],
)
def test_the_form_of_a_referral_has_the_opinions_and_what_they_need(
    tmp_path: Path, form: dict[str, Any], place: str
) -> None:
    definition, problems = read(tmp_path, forms={"b": form})
    assert definition is None
    assert {(p.code, p.file, p.element) for p in problems} == {
        ("joint.form", "forms/item-b.schema.json", place)
    }, told(problems)


def test_a_form_need_not_offer_every_opinion(tmp_path: Path) -> None:
    one_line = {"type": "string", "title": "conditions"}
    form = referral("agree", "conditions", without="superior", conditions=one_line)
    form["properties"].pop("competent")
    form["properties"].pop("reason")
    definition, problems = read(tmp_path, forms={"b": form})
    assert definition is not None, told(problems)


def test_a_field_may_be_asked_only_with_the_opinion_that_needs_it(tmp_path: Path) -> None:
    form = referral("agree", "disagree")
    reason = form["properties"].pop("reason")
    form["additionalProperties"] = True
    form["if"] = {"properties": {"opinion": {"const": "disagree"}}, "required": ["opinion"]}
    form["then"] = {"properties": {"reason": reason}, "required": ["reason"]}
    definition, problems = read(tmp_path / "a", forms={"b": form})
    assert definition is not None, told(problems)
    form["if"]["properties"]["opinion"]["const"] = "agree"
    _, problems = read(tmp_path / "b", forms={"b": form})
    assert ("joint.form", "properties.reason") in found(problems)


def test_a_referral_without_form_asks_for_no_opinion(tmp_path: Path) -> None:
    forms = dict(FORMS)
    del forms["b"]
    folder = make_item(
        tmp_path, DIAGRAM, lanes=LANES, forms=forms, properties=PROPERTIES,
        documents={"convene": "second"}, notices=[*NOTICES, "supplement"], clocks=SECTIONS,
    )  # fmt: skip
    _, problems = read_folder(folder, tmp_path / "forms", organisation=county())
    assert ("joint.form", "diagram.bpmn", "b") in {(p.code, p.file, p.element) for p in problems}


def test_a_form_that_is_shared_is_complained_of_once(tmp_path: Path) -> None:
    shared = {**PROPERTIES, "a": {"form": "item-b"}}
    forms = {name: form for name, form in FORMS.items() if name != "a"} | {"b": referral(without="superior")}
    folder = make_item(
        tmp_path, DIAGRAM, lanes=LANES, forms=forms, properties=shared,
        documents={"convene": "second"}, notices=[*NOTICES, "supplement"], clocks=SECTIONS,
    )  # fmt: skip
    _, problems = read_folder(folder, tmp_path / "forms", organisation=county())
    assert [problem.code for problem in problems if problem.severity == "error"] == ["joint.form"]


# --- meetings in the diagram


def test_invitations_and_conclusions_go_to_the_unit_of_each(tmp_path: Path) -> None:
    for number, element in enumerate(("invite", "carry_out")):
        _, problems = read(tmp_path / str(number), properties={element: {}})
        assert ("meeting.element", f"meetings.conference.{element}") in found(problems)


@pytest.mark.parametrize(
    ("element", "field"),
    [
        ("convene", "date"), ("convene", "time"), ("convene", "departments"), ("invite", "reply"),
        ("invite", "substitute"), ("hold", "attendance"), ("hold", "opinions"), ("hold", "resolved"),
        ("duty", "decision"),
    ],
)  # fmt: skip
def test_a_meeting_s_forms_ask_what_is_recorded_of_it(tmp_path: Path, element: str, field: str) -> None:
    form = {**FORMS[element], "properties": dict(FORMS[element]["properties"])}
    del form["properties"][field]
    form["required"] = [name for name in form["required"] if name != field]
    definition, problems = read(tmp_path, forms={element: form})
    assert definition is None
    errors = [(p.code, p.file) for p in problems if p.severity == "error"]
    assert errors == [("meeting.form", f"forms/item-{element}.schema.json")], told(problems)


def test_a_meeting_may_do_without_conclusions_and_duty_leader(tmp_path: Path) -> None:
    sections = SECTIONS.replace('carry_out = "carry_out"\nduty = "duty"\n', "")
    definition, problems = read(tmp_path, sections)
    assert definition is not None, told(problems)
    meeting = definition.meetings["conference"]
    assert (meeting.carry_out, meeting.duty) == (None, None)


def test_the_outcomes_may_stand_in_conditions(tmp_path: Path) -> None:
    """The condition of the flow to the meeting reads `review`; that no form has it is no warning."""
    flows = FLOWS.replace('review.outcome == "meeting"', "review.certain and not conference.unresolved")
    _, problems = read(tmp_path / "a", diagram=draw(ELEMENTS, flows))
    assert not problems, told(problems)
    _, problems = read(tmp_path / "b", diagram=draw(ELEMENTS, flows.replace("conference.", "conferance.")))
    assert [problem.code for problem in problems] == ["variable.unknown"]


# --- clocks of tasks in the diagram


def test_a_timer_does_not_wait_for_a_clock_of_tasks(tmp_path: Path) -> None:
    diagram = draw(f"{ELEMENTS}; reminder late a after clock('referral'); end told", f"{FLOWS}; late -> told")
    _, problems = read(tmp_path, diagram=diagram)
    assert [(p.code, p.file, p.element) for p in problems] == [("clock.each", "diagram.bpmn", "late")]


def test_nothing_begins_a_clock_of_tasks(tmp_path: Path) -> None:
    sections = SECTIONS.replace(
        'stops = ["decide"]',
        'stops = ["decide"]\neffect = { kind = "deemed_acceptance", basis = { law = "x", article = "1" }, '
        'begins = ["referral"] }',
    )
    diagram = draw(
        f"{ELEMENTS}; reminder late inspect after clock('decision'); end told", f"{FLOWS}; late -> told"
    )
    _, problems = read(tmp_path, sections, diagram)
    assert found(problems) == [("clock.begins", "clocks.decision.effect.begins.1")], told(problems)


# --- properties of elements


@pytest.mark.parametrize(
    ("element", "properties", "code"),
    [
        ("inspect", {"officers": "two"}, "step.officers"),
        ("inspect", {"officers": "1"}, "step.officers"),
        ("inspect", {"officers": "6"}, "step.officers"),
        ("join", {"officers": "2"}, "step.officers"),
        ("inspect", {"power": "decide"}, "step.power"),
        ("carry_out", {"unit": "conclusion.department", "term": "5 wd"}, "step.term"),
        ("notify", {"receives": "paper", "documents": "supplement"}, "field.unknown"),
        ("inspect", {"requests": "papers"}, "field.unknown"),
        ("apply", {"receives": "applicant"}, "material.field"),
    ],
)
def test_a_property_that_means_nothing_is_refused_at_its_element(
    tmp_path: Path, element: str, properties: dict[str, str], code: str
) -> None:
    definition, problems = read(tmp_path, properties={"notify": PROPERTIES["notify"], element: properties})
    assert definition is None
    errors = [(p.code, p.file, p.element) for p in problems if p.severity == "error"]
    assert errors == [(code, "diagram.bpmn", element)], told(problems)


def test_officers_need_not_name_their_certificate_and_a_step_may_need_one_alone(tmp_path: Path) -> None:
    for number, properties in enumerate(
        [{"officers": "5"}, {"officers": "2", "certificate": "safety"}, {"certificate": "enforcement"}]
    ):
        definition, problems = read(tmp_path / str(number), properties={"inspect": properties})
        assert definition is not None, told(problems)


def test_a_term_that_limits_nothing_is_a_warning(tmp_path: Path) -> None:
    definition, problems = read(tmp_path, properties={"decide": {"term": "promised"}})
    assert definition is not None
    assert {(p.code, p.severity, p.element) for p in problems} == {
        ("step.term", "warning", "decide"),
        ("variable.unknown", "warning", "decide"),
    }


def test_a_form_lists_materials_that_the_item_has(tmp_path: Path) -> None:
    forms = {"notify": texts("", papers=["household-register", "land-deed"])}
    definition, problems = read(tmp_path, forms=forms)
    assert definition is None
    assert [(p.code, p.file, p.element) for p in problems] == [
        ("material.unknown", "forms/item-notify.schema.json", "properties.papers")
    ]


# --- an item that is handled jointly


@pytest.mark.parametrize("key", ["kind", "handling_mode"])
def test_a_joint_item_that_does_not_say_how_it_decides_is_a_warning(tmp_path: Path, key: str) -> None:
    folder = make_item(tmp_path, draw("start s; user a; end e", "s -> a -> e"))
    path = folder / "item.toml"
    text = path.read_text(encoding="utf-8").replace("effective =", 'lead = "hall"\neffective =')
    path.write_text(
        re.sub(rf'^{key} = "\w+"', f'{key} = "joint"', text, count=1, flags=re.M), encoding="utf-8"
    )
    definition, problems = read_folder(folder, tmp_path / "forms", organisation=county())
    assert definition is not None, told(problems)
    assert ("joint.none", "warning", "joint") in {(p.code, p.severity, p.element) for p in problems}


# --- sections whose shape is wrong


@pytest.mark.parametrize(
    "section", ["joint", "meetings", "separation", "notice", "agent", "materials", "parties"]
)
def test_a_section_that_is_something_else_is_one_problem(tmp_path: Path, section: str) -> None:
    plain = make_item(tmp_path, draw("start s; user a; end e", "s -> a -> e"))
    path = plain / "item.toml"
    text = path.read_text(encoding="utf-8").replace("effective =", f"{section} = 3\neffective =")
    path.write_text(text, encoding="utf-8")
    _, problems = read_folder(plain, tmp_path / "forms", organisation=county())
    assert found([p for p in problems if p.severity == "error"]) == [("item.invalid", section)]


def test_a_meeting_does_not_suffer_from_its_joint_review(tmp_path: Path) -> None:
    _, problems = read(tmp_path, SECTIONS.replace('rule = "quorum"', 'rule = "lots"'))
    assert found(problems) == [("item.invalid", "joint.review.rule")]


# --- worked cases


def example(root: Path, step: str) -> list[Problem]:
    """What is wrong with a worked case with one step after the first."""
    folder = make_item(root, DIAGRAM, lanes=LANES, forms=FORMS)
    (folder / "examples").mkdir()
    text = (
        'title = "t"\nstart = 2026-03-02T09:00:00+08:00\nby = "hall-clerk"\noutcome = "granted"\n[data]\n'
        f"[[steps]]\nat = 2026-03-02T10:00:00+08:00\n{step}\n"
    )
    (folder / "examples" / "case.toml").write_text(text, encoding="utf-8")
    _, problems = read_folder(folder, root / "forms")
    return [problem for problem in problems if problem.file == "examples/case.toml"]


VERBS = {
    "sign": 'by = "p"\nsign = "a"',
    "confirm": 'by = "p"\nconfirm = "a#2"',
    "give_back": 'by = "p"\ngive_back = "a"\nreason = "x"',
    "recuse": 'by = "p"\nrecuse = "a"\nreason = "x"',
    "challenge": 'by = "p"\nchallenge = "a"\nperson = "q"\nparty = "x"\nreason = "x"',
    "decide_recusal": 'by = "p"\ndecide_recusal = "r1"\nuphold = true\nreason = "x"',
    "hand_over": 'by = "p"\nhand_over = "carry_out:2"\nto = "q"\nreason = "x"',
    "allow_notice": 'by = "p"\nallow_notice = true\nreason = "x"',
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_worked_case_may_do_it(tmp_path: Path, verb: str) -> None:
    told_step = VERBS[verb]
    assert example(tmp_path / "right", f'{told_step}\nexpect_open = ["a"]') == []
    for number, line in enumerate(told_step.splitlines()):
        if not line.startswith(verb):
            problems = example(tmp_path / f"without {number}", told_step.replace(line, ""))
            assert found(problems) == [("example.invalid", f"steps.1.{line.split(' ')[0]}")], told(problems)
    problems = example(tmp_path / "more", f'{told_step}\nground = "testing"')
    assert found(problems) == [("example.invalid", "steps.1")]
    problems = example(tmp_path / "else", f'{told_step}\ndo = "a"')
    assert found(problems) == [("example.invalid", "steps.1")]


@pytest.mark.parametrize("verb", ["sign", "confirm", "give_back", "recuse", "challenge", "hand_over"])
def test_a_worked_case_names_tasks_of_the_diagram(tmp_path: Path, verb: str) -> None:
    wrong = re.sub(rf'{verb} = "\w+', f'{verb} = "aa', VERBS[verb])
    assert found(example(tmp_path, wrong)) == [("step.unknown", f"steps.1.{verb}")]


# --- the page on the dialect


def test_what_the_dialect_page_shows_is_accepted(tmp_path: Path) -> None:
    page = (builtin().processes / "README.md").read_text(encoding="utf-8")
    shown = [
        text
        for text in re.findall(r"```toml\n(.*?)```", page, re.S)
        if not text.startswith(("[clocks", "title", "type", "[guide"))  # those of other tests
    ]
    head = [line for line in "\n".join(shown).splitlines() if line.startswith("parties")]
    sections = "\n".join(shown).replace(head[0], "")
    units = {"a": "samr", "b": "psb", "c": "tax"}
    names = {"a": "samr_review", "b": "psb_review", "c": "tax_review", "convene": "convene_meeting",
             "invite": "meeting_invitation", "hold": "hold_meeting", "duty": "duty_decision"}  # fmt: skip
    elements = ELEMENTS.replace("user b;", "user b; user c;")
    flows = FLOWS.replace("split -> b -> join;", "split -> b -> join; split -> c -> join;")
    for short, name in names.items():
        elements = re.sub(rf"user {short}\b", f"user {name}", elements)
        flows = re.sub(rf"(?<![\w.]){short}(?![\w\".])", name, flows)
    folder = make_item(
        tmp_path,
        draw(elements, flows),
        lanes={names[short]: unit for short, unit in units.items()},
        forms={**{names.get(e, e): form for e, form in FORMS.items()}, "tax_review": referral()},
        properties={names.get(element, element): values for element, values in PROPERTIES.items()}
        | {"notify": {"receives": "papers", "documents": "supplement-notice correction-notice"}},
        notices=["supplement-notice", "correction-notice", "silence-record"],
        clocks=sections,
    )
    path = folder / "item.toml"
    path.write_text(
        path.read_text("utf-8").replace("effective =", f"{head[0]}\neffective ="), encoding="utf-8"
    )
    definition, problems = read_folder(folder, tmp_path / "forms")
    assert definition is not None, told(problems)
    assert list(definition.joints) == ["review"]
    assert list(definition.meetings) == ["conference"]
    assert len(definition.separations) == 1
    assert definition.notice is not None
    assert definition.agent is not None
    assert definition.parties == ("applicant", "id_number")
    assert "household-register" in definition.materials
    assert {problem.code for problem in problems} <= {"example.none", "step.term"}
