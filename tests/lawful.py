"""A small licence that the law finds nothing wrong with, to break one rule at a time.

    problems = check(tmp_path, ("item.toml", 'term = "5wd"', 'term = "6wd"'))

Received and checked in the hall, reviewed by `d1` and `d2` beside each other, looked at on the spot by `d3`,
with a hearing chaired by `d4` if somebody asks for it, decided by `d5`.
"""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

from drawing import draw
from items import fields, make_item
from review_items import OPINION

from engine.definition import read_folder
from engine.errors import Problem
from engine.organisation import Organisation, read_register

DAY = date(2026, 3, 2)

ELEMENTS = """
start apply; user check; boundary silence check after clock('completeness'); xor accepted
and split; user a; user b; and join; user visit
user tell_rights; race asked; catch request message hearing; catch waived after clock('hearing_request')
user notify_hearing; catch prepared after clock('hearing_notice'); user hold_hearing; xor ready
user decide; xor how; user deliver; user publish; user rate; end granted; user tell; end refused
"""
FLOWS = """
apply -> check -> accepted; silence -> accepted; accepted -> split
split -> a -> join; split -> b -> join; join -> visit -> tell_rights -> asked
asked -> request -> notify_hearing -> prepared -> hold_hearing -> ready; asked -> waived -> ready
ready -> decide -> how; how -> deliver if decision.outcome == "grant"; how -> tell default
deliver -> publish -> rate -> granted; tell -> refused
"""
LANES = {
    "a": "d1",
    "b": "d2",
    "visit": "d3",
    "hold_hearing": "d4",
    "decide": "d5",
    **dict.fromkeys(("request", "tell_rights", "notify_hearing", "deliver", "publish", "tell"), "hall"),
}
CHOICE: dict[str, Any] = {
    **fields(reason="string", remedies="string"),
    "required": ["outcome"],
}
CHOICE["properties"] = {
    "outcome": {"type": "string", "title": "决定", "x-title-en": "Decision", "enum": ["grant", "refuse"]},
    **CHOICE["properties"],
}
PAPERS: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "materials": {
            "type": "array",
            "title": "材料",
            "x-title-en": "Materials",
            "items": {"type": "string", "enum": ["application-form", "id-card"]},
        }
    },
}
FORMS = {"decide": CHOICE, "apply": PAPERS, "a": OPINION, "b": OPINION}
PROPERTIES: dict[str, dict[str, str]] = {
    "apply": {"receives": "materials"},
    "check": {"power": "accept"},
    **{name: {"result": f"{name}_says"} for name in "ab"},
    "visit": {"officers": "2", "certificate": "enforcement"},
    "decide": {"result": "decision", "power": "approve"},
}
DOCUMENTS = {"tell": "refusal", "deliver": "licence"}
REASONS = "{{ data.decision.reason }} {{ data.decision.remedies }}"


def clock(id: str, term: str, starts: str, stops: str, article: str, more: str = "") -> str:
    """A statutory clock of the Licensing Law; `more` are further keys and tables."""
    return (
        f'[clocks.{id}]\nname = {{ zh = "{id}", en = "{id}" }}\ntier = "statutory"\nterm = "{term}"\n'
        f'starts = ["{starts}"]\nstops = ["{stops}"]\n'
        f'basis = {{ law = "中华人民共和国行政许可法", article = "{article}" }}\n{more}\n'
    )


SECTIONS = (
    clock(
        "completeness",
        "5wd",
        "apply",
        "check",
        "第三十二条",
        '[clocks.completeness.effect]\nkind = "deemed_acceptance"\nbegins = ["decision"]\n'
        'basis = { law = "中华人民共和国行政许可法", article = "第三十二条" }',
    )
    + clock(
        "decision",
        "20wd",
        "check",
        "decide",
        "第四十二条",
        'grounds = ["hearing", "testing"]\npause_notice = "special"\n'
        'pauses = [{ ground = "hearing", from = "request", to = "hold_hearing", expected = "15wd" }]\n'
        'ladder = [{ name = "reminder", left = 1 }, { name = "red", over = 0, card = true }]\n'
        '[clocks.decision.extension]\nup_to = "10wd"\napprover = "d5/leader"\nnotice = "longer"\n'
        'basis = { law = "中华人民共和国行政许可法", article = "第四十二条" }',
    )
    + clock("delivery", "10wd", "decide", "deliver", "第四十四条")
    + clock("publication", "20wd", "deliver", "publish", "第四十条")
    + clock("hearing_request", "5wd", "tell_rights", "request", "第四十七条")
    + clock("hearing_held", "20wd", "request", "hold_hearing", "第四十七条")
    + clock("hearing_notice", "7wd", "notify_hearing", "hold_hearing", "第四十八条")
    + """
[clocks.promise]
name = { zh = "承诺", en = "Promise" }
tier = "promised"
term = "10wd"
starts = ["check"]
stops = ["decide"]
follows = "decision"
basis = { law = "办事指南", article = "承诺时限" }

[clocks.review]
name = { zh = "部门审查", en = "Review" }
tier = "step"
term = "3wd"
each = ["a", "b"]
basis = { law = "办事指南", article = "部门审查" }

[clocks.visit]
name = { zh = "现场核查", en = "Visit" }
tier = "step"
term = "4wd"
each = ["visit"]
basis = { law = "办事指南", article = "现场核查" }

[joint.review]
name = { zh = "并联审查", en = "Review" }
activities = ["a", "b"]
rule = "all"
result = "review"
clock = "review"
[joint.review.silence]
basis = { law = "并联审批办法", article = "第九条" }
level = "local-document"

[conclusion]
delivery = ["deliver"]
publication = ["publish"]
survey = ["rate"]

[hearing]
hold = "hold_hearing"
notice = "hearing_notice"
request = "hearing_request"
organise = "hearing_held"

[terms]
statutory = "20个工作日，可延长10个工作日"
promised = "10个工作日"

[[fees]]
name = "工本费"
amount = "10元"
basis = { law = "某行政法规", article = "第一条", level = "administrative-regulation" }

[[separation]]
steps = ["hold_hearing", "a", "b"]
name = { zh = "听证主持人", en = "Hearing chair" }
kind = "hearing-chair"
basis = { law = "中华人民共和国行政许可法", article = "第四十八条" }

[[materials]]
id = "application-form"
name = "申请表"
source = "申请人填写"
required = true
purpose = "审查"

[[materials]]
id = "id-card"
name = "身份证"
source = "申请人出示"
required = false
purpose = "核对身份"
shared_by = "公安局"
"""
)
"""All that the law asks."""

HEAD = 'type = "licence"\nmax_visits = 2\nlead = "d5"\n'


def county() -> Organisation:
    """The hall, five departments with a clerk and a leader each, and the county's government."""
    units = ["hall", *(f"d{n}" for n in range(1, 6)), "government"]
    text = ['name = { zh = "示例县", en = "Shili County" }', 'division = "539901"']
    text += ['administrators = ["hall/clerk"]']
    text += [
        f'[units.{unit}]\nname = {{ zh = "{unit}", en = "{unit}" }}\n'
        f'kind = "{unit if unit == "government" else "department"}"'
        for unit in units
    ]
    text += [
        f'[[people]]\nid = "{unit}-{post}"\nposts = ["{unit}/{post}"]\nname = {{ zh = "{unit}", en = "" }}'
        for unit in units
        for post in ("clerk", "leader")
    ]
    return read_register("\n".join(text).encode()).on(DAY)


Change = tuple[str, str, str]
"""A file of the item, a text that it has, and what stands there instead."""


def check(
    root: Path,
    *changes: Change,
    elements: str = ELEMENTS,
    flows: str = FLOWS,
    lanes: dict[str, str] | None = None,
    properties: dict[str, dict[str, str]] | None = None,
    forms: dict[str, dict[str, Any]] | None = None,
    documents: dict[str, str] | None = None,
    organisation: Organisation | None = None,
    kinds: dict[str, str] | None = None,
) -> list[Problem]:
    """What `item check` would say of the licence with these changes, save that it has no worked case, and
    that beside what the law finds fault with there is a step to which no case comes any more."""
    folder = make_item(
        root,
        draw(elements, flows),
        lanes=LANES | (lanes or {}),
        forms=FORMS | (forms or {}),
        properties=PROPERTIES | (properties or {}),
        documents={node: name for node, name in (DOCUMENTS | (documents or {})).items() if name},
        notices=["special", "longer"],
        clocks=SECTIONS,
        template=REASONS,
    )
    entry = folder / "item.toml"
    text = entry.read_text("utf-8").replace('kind = "committed"\n', f'kind = "committed"\n{HEAD}')
    for outcome, kind in {"refused": "refuse", **(kinds or {})}.items():
        text = re.sub(rf"(\[outcomes.{outcome}\]\n.*\nkind = )\"grant\"", rf'\1"{kind}"', text)
    entry.write_text(text, encoding="utf-8")
    for file, old, new in changes:
        path = folder / file if file in ("item.toml", "diagram.bpmn") else root / "forms" / file
        text = path.read_text("utf-8")
        assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {file}"
        path.write_text(text.replace(old, new), encoding="utf-8")
    _, problems = read_folder(folder, root / "forms", organisation=organisation or county())
    beside = any(problem.severity == "error" for problem in problems)
    unsaid = {"example.none", *(["sound.dead_element"] if beside else [])}
    return [problem for problem in problems if problem.code not in unsaid]


def told(problems: list[Problem]) -> str:
    """The findings, to be read."""
    return "\n".join(f"{p.severity} {p.file} {p.element} {p.code}: {p.message} | {p.found}" for p in problems)
