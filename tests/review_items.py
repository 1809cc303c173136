"""A small county and a small item in which three departments review together, for the tests of joint review.

    office = review_office(tmp_path); case = refer(office)

In each department `d1` … there are the reviewers `pN` and `qN` and the leader `lN`; in the hall `clerk`,
`colleague`, the head `boss` and the administrator `admin`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from drawing import draw
from items import ANYTHING, NOON, make_item

from engine.office import Office

OPINION: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["opinion"],
    "properties": {
        "opinion": {
            "type": "string",
            "title": "意见",
            "x-title-en": "Opinion",
            "enum": ["agree", "conditions", "disagree", "not_concerned", "report_up"],
        },
        **{
            name: {"type": "string", "title": name, "x-title-en": name}
            for name in ("reason", "competent", "superior")
        },
        "conditions": {
            "type": "array",
            "title": "条件",
            "x-title-en": "Conditions",
            "items": {"type": "string"},
        },
    },
}

CLOCKS = """
[clocks.decision]
name = { zh = "决定", en = "Decision" }
tier = "statutory"
term = "20wd"
starts = ["s"]
stops = ["decide"]
unit = "hall"
basis = { law = "行政许可法", article = "第四十二条" }

[clocks.referral]
name = { zh = "部门答复", en = "Reply of the department" }
tier = "step"
term = "3wd"
each = [%(activities)s]
basis = { law = "并联审批办法", article = "第六条" }
ladder = [ { name = "reminder", left = 1 }, { name = "yellow", over = 0, card = true } ]

[clocks.owed]
name = { zh = "补意见", en = "Opinion owed" }
tier = "step"
term = "1wd"
each = [%(activities)s]
basis = { law = "并联审批办法", article = "第十条" }
ladder = [ { name = "red", over = 0, card = true } ]
"""

JOINT = """
[joint.review]
name = { zh = "并联审查", en = "Joint review" }
activities = [%(activities)s]
rule = "%(rule)s"
result = "review"
clock = "referral"
dissent = "meeting"
%(more)s
[joint.review.risks]
d3 = "ecology"
%(silence)s
"""

SILENCE = """
[joint.review.silence]
basis = { law = "并联审批办法", article = "第九条" }
level = "local-document"
follow_up = "owed"
document = "silence"
"""


def county(departments: int = 3, more: str = "") -> bytes:
    """The organisation as TOML; `more` is appended."""
    people = [
        ("clerk", "hall/clerk"),
        ("colleague", "hall/clerk"),
        ("boss", "hall/leader"),
        ("admin", "hall/admin"),
    ]
    for n in range(1, departments + 1):
        people += [(f"p{n}", f"d{n}/clerk"), (f"q{n}", f"d{n}/clerk"), (f"l{n}", f"d{n}/leader")]
    text = [
        'name = { zh = "示例县", en = "Shili County" }',
        'division = "539901"',
        'administrators = ["hall/admin"]',
        'supervisors = ["hall/leader"]',
        '[units.county]\nname = { zh = "县政府", en = "County" }\nkind = "government"',
        '[units.hall]\nname = { zh = "中心", en = "Centre" }\nkind = "centre"\nparent = "county"',
    ]
    text += [
        f'[units.d{n}]\nname = {{ zh = "部门{n}", en = "Department {n}" }}\nkind = "department"\nparent = "county"'
        for n in range(1, departments + 1)
    ]
    text += [
        f'[[people]]\nid = "{person}"\nposts = ["{post}"]\nname = {{ zh = "{person}", en = "{person}" }}'
        for person, post in people
    ]
    return ("\n".join(text) + "\n" + more).encode()


BRANCHES = (
    "start s; and split; user a; user b; user c; and join; xor how; user decide; user confer; end granted; end met",
    "s -> split; split -> a; split -> b; split -> c; a -> join; b -> join; c -> join; join -> how; "
    "how -> confer if review.outcome == 'meeting'; how -> decide default; decide -> granted; confer -> met",
)
"""Three departments in lanes of their own."""


def review_item(
    root: Path,
    *,
    rule: str = "all",
    more: str = "",
    silence: str = SILENCE,
    sections: str = "",
    drawing: tuple[str, str] = BRANCHES,
    properties: dict[str, dict[str, str]] | None = None,
    documents: dict[str, str] | None = None,
    code: str = "item",
) -> Path:
    """The folder of an item in which `a`, `b`, `c` are reviewed by `d1`, `d2`, `d3`, decided in the hall."""
    activities = '"a", "b", "c"'
    given = {name: {"result": f"{name}_says"} for name in "abc"} | (properties or {})
    for name in "abc":
        given[name] = {"result": f"{name}_says"} | given.get(name, {})
    text = JOINT % {"activities": activities, "rule": rule, "more": more, "silence": silence}
    return make_item(
        root,
        draw(*drawing),
        code=code,
        lanes={"a": "d1", "b": "d2", "c": "d3"},
        forms={
            "s": ANYTHING,
            "a": OPINION,
            "b": OPINION,
            "c": OPINION,
            "decide": ANYTHING,
            "confer": ANYTHING,
        },
        properties=given,
        documents={"a": "opinion", "b": "opinion", "c": "opinion"} | (documents or {}),
        notices=["silence"],
        clocks=CLOCKS % {"activities": activities} + text + sections,
    )


def review_office(
    root: Path, *, people: bytes | None = None, database: str | None = None, **about: Any
) -> Office:
    """An office with that item in force."""
    office = Office.create_rehearsal(database or str(root / "office.db"), NOON, people or county())
    office.publish(review_item(root, **about), NOON)
    return office


def refer(office: Office, **data: Any) -> str:
    """A case in which all three departments are asked; its number."""
    return office.open_case("clerk", "item", data, NOON).case


def events(office: Office, case: str, kind: str) -> list[dict[str, Any]]:
    """What the events of a kind say, in order."""
    return [record.event.payload() for record in office.history(case) if record.event.type == kind]


AGREE = {"opinion": "agree"}
DISAGREE = {"opinion": "disagree", "reason": "不符合规划"}


def conditions(*texts: str) -> dict[str, Any]:
    """An answer on these conditions."""
    return {"opinion": "conditions", "conditions": list(texts)}
