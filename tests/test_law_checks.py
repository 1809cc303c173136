"""Each rule of the law on an item: the smallest change to a lawful licence that breaks it is found, there and
nowhere else. `RULES` lists the rules of design time by their names, so that none is forgotten."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from drawing import draw
from items import make_item
from lawful import DAY, ELEMENTS, FLOWS, REASONS, Change, check, told

from engine.definition import builtin, read_folder
from engine.definition.law_checks import LAW
from engine.errors import Problem
from engine.organisation import read_register

ITEM = "item.toml"


@dataclass
class Slip:
    """A change that breaks a rule, and what is found then: code, element."""

    changes: list[Change]
    found: list[tuple[str, str]]
    about: dict[str, Any] = field(default_factory=dict)


def item(old: str, new: str, code: str, element: str) -> Slip:
    """A slip in item.toml."""
    return Slip([(ITEM, old, new)], [(code, element)])


def drawn(code: str, element: str, **about: Any) -> Slip:
    """A slip in the diagram or what belongs to it."""
    return Slip([], [(code, element)], about)


BASE = '[[bases]]\nlaw = "示例法"\narticle = "第二十六条"\nlevel = "law"'
PARALLEL = (
    ELEMENTS.replace("user a; user b;", "user a; user b; catch wait_a when a_done; catch wait_b when b_done;")
    + "script tell_a a_done = True; script tell_b b_done = True",
    FLOWS.replace(
        "split -> a -> join; split -> b -> join",
        "split -> wait_b -> a -> tell_a -> join; split -> wait_a -> b -> tell_b -> join",
    ),
)

RULES: dict[str, Slip] = {
    # errors
    "item without legal basis": item(BASE, "", "item.basis", "bases"),
    "licence based below a local regulation": item(
        'level = "law"\n[lanes]', 'level = "rule"\n[lanes]', "item.basis", "bases"
    ),
    "provincial rule without its year's limit": item(
        'level = "law"\n[lanes]',
        'level = "provincial-rule"\nsince = 2026-01-01\n[lanes]',
        "basis.temporary",
        "bases.1.until",
    ),
    "basis not in force on the publishing date": item(
        'level = "law"\n[lanes]',
        'level = "law"\nsince = 2026-03-03\n[lanes]',
        "basis.in_force",
        "bases.1.since",
    ),
    "basis repealed before the publishing date": item(
        'level = "law"\n[lanes]',
        'level = "law"\nuntil = 2026-03-01\n[lanes]',
        "basis.in_force",
        "bases.1.until",
    ),
    "fee without basis of level law or regulation": item(
        'level = "administrative-regulation"',
        'level = "local-regulation"',
        "fee.basis",
        "fees.1.basis",
    ),
    "promise > statutory": Slip(
        [
            (ITEM, 'term = "10wd"\nstarts = ["check"]', 'term = "21wd"\nstarts = ["check"]'),
            (ITEM, 'promised = "10个', 'promised = "21个'),
        ],
        [("clock.promise", "clocks.promise.term")],
    ),
    "sum of step terms on the longest path > promise": item(
        'term = "4wd"',
        'term = "8wd"',
        "clock.longest_path",
        "clocks.promise.term",
    ),
    "single-item clock > 20 wd without a law that says so": Slip(
        [
            (ITEM, 'term = "20wd"\nstarts = ["check"]', 'term = "21wd"\nstarts = ["check"]'),
            (ITEM, 'statutory = "20个', 'statutory = "21个'),
        ],
        [("clock.statutory", "clocks.decision.term")],
    ),
    "joint mode without lead authority": Slip(
        [(ITEM, 'lead = "d5"\n', ""), (ITEM, 'handling_mode = "single"', 'handling_mode = "joint"')],
        [("item.lead", "lead")],
    ),
    "clock without unit": item(
        'term = "5wd"\nstarts = ["apply"]',
        'term = "5"\nstarts = ["apply"]',
        "item.invalid",
        "clocks.completeness.term",
    ),
    "clock without start event": item(
        'starts = ["deliver"]\n', "", "item.invalid", "clocks.publication.starts"
    ),
    "clock without basis": item(
        'basis = { law = "中华人民共和国行政许可法", article = "第四十条" }\n',
        "",
        "item.invalid",
        "clocks.publication.basis",
    ),
    "clock without the effect that it names": item(
        'kind = "deemed_acceptance"\nbegins',
        "begins",
        "item.invalid",
        "clocks.completeness.effect.kind",
    ),
    "pause ground outside art. 45 on a licence": item(
        '"testing"]',
        '"leader-away"]',
        "item.invalid",
        "clocks.decision.grounds.2",
    ),
    "pause ground of other law on a licence": Slip(
        [
            (
                ITEM,
                'ladder = [{ name = "reminder", left = 1 }, { name = "red", over = 0, card = true }]\n',
                '[clocks.decision.grounds.leader-away]\nzh = "出差"\nen = "away"\n'
                'basis = { law = "办法", article = "一" }\n',
            ),
            (ITEM, 'grounds = ["hearing", "testing"]\n', ""),
            (
                ITEM,
                'pauses = [{ ground = "hearing", from = "request", to = "hold_hearing", '
                'expected = "15wd" }]\n',
                "",
            ),
        ],
        [("clock.ground", "clocks.decision.grounds.leader-away")],
    ),
    "extension without approver role": item(
        'approver = "d5/leader"\n', "", "item.invalid", "clocks.decision.extension.approver"
    ),
    "extension by the wrong office": item(
        'approver = "d5/leader"',
        'approver = "d5/clerk"',
        "clock.extension_office",
        "clocks.decision.extension.approver",
    ),
    "extension beyond the law": Slip(
        [(ITEM, 'up_to = "10wd"', 'up_to = "11wd"'), (ITEM, "可延长10个", "可延长11个")],
        [("clock.extension", "clocks.decision.extension.up_to")],
    ),
    "deemed consent on an excluded risk class": item(
        'level = "local-document"',
        'level = "local-document"\nexcluded = ["health", "ecology", "finance", "national-security"]',
        "joint.excluded",
        "joint.review.silence.excluded",
    ),
    "deemed consent without policy basis": item(
        'basis = { law = "并联审批办法", article = "第九条" }\n',
        "",
        "item.invalid",
        "joint.review.silence.basis",
    ),
    "deemed consent of the authority without a law": Slip(
        [
            (
                ITEM,
                "[clocks.decision.extension]",
                '[clocks.decision.effect]\nkind = "deemed_consent"\n'
                'basis = { law = "办法", article = "一" }\n'
                "[clocks.decision.extension]",
            )
        ],
        [("clock.silence", "clocks.decision.effect.basis")],
        {
            "elements": ELEMENTS + "reminder late decide after clock('decision'); end over",
            "flows": FLOWS + "\nlate -> over",
            "kinds": {"over": "withdrawn"},
        },
    ),
    "cyclic prerequisites among parallel branches": drawn(
        "prerequisite.cycle",
        "wait_a",
        elements=PARALLEL[0],
        flows=PARALLEL[1],
    ),
    "refusal end without reasons and remedies": Slip(
        [("note.j2", "{{ data.decision.remedies }}", "")],
        [("refusal.document", "refused")],
    ),
    "refusal path without the document": drawn("refusal.document", "refused", documents={"tell": ""}),
    "grant path without delivery": drawn(
        "grant.delivery",
        "granted",
        flows=FLOWS + '; how -> publish if decision.outcome == "refuse"',
    ),
    "grant path without publication": item('publication = ["publish"]\n', "", "grant.publication", "granted"),
    "hearing chair lane = reviewer lane": drawn(
        "separation.hearing", "separation.1.steps", lanes={"hold_hearing": "d1"}
    ),
    "hearing chair who may have reviewed": item(
        '"hearing-chair"',
        '"four-eyes"',
        "hearing.chair",
        "hearing.hold",
    ),
    "hearing prepared in less than 7 days": item(
        'term = "7wd"',
        'term = "6wd"',
        "hearing.notice",
        "clocks.hearing_notice.term",
    ),
    "hearing asked for in less than 5 days": item(
        'term = "5wd"\nstarts = ["tell_rights"]',
        'term = "4wd"\nstarts = ["tell_rights"]',
        "hearing.request",
        "clocks.hearing_request.term",
    ),
    "hearing held after 20 days": Slip(
        [(ITEM, 'term = "20wd"\nstarts = ["request"]', 'term = "21wd"\nstarts = ["request"]')],
        [("clock.statutory", "clocks.hearing_held.term"), ("hearing.organise", "clocks.hearing_held.term")],
    ),
    "hearing that nothing holds back until then": drawn(
        "hearing.notice",
        "hearing.notice",
        elements=ELEMENTS.replace("clock('hearing_notice')", "workdays(3)"),
    ),
    "inspection with fewer than two performers": drawn(
        "inspection.officers",
        "visit",
        properties={"visit": {"certificate": "enforcement"}},
    ),
    "approver lane = handler lane": drawn("approval.lane", "decide", lanes={"visit": "d5"}),
    "material without purpose": item('purpose = "核对身份"\n', "", "item.invalid", "materials.2.purpose"),
    "material obtainable by sharing": item(
        "required = false", "required = true", "material.shared", "materials.2.required"
    ),
    "element type that the engine cannot run": Slip(
        [("diagram.bpmn", '<exclusiveGateway id="accepted"/>', '<complexGateway id="accepted"/>')],
        [("element.unsupported", "accepted")],
    ),
    "script outside the allowed functions": drawn(
        "expression.malformed",
        "compute",
        elements=ELEMENTS + "script compute x = open('f')",
        flows=FLOWS.replace("join -> visit", "join -> compute -> visit"),
    ),
    "lane without role binding": item('"d3" = "d3/clerk"\n', "", "lane.unbound", "d3"),
    "acceptance later than 5 days": item(
        'term = "5wd"\nstarts = ["apply"]',
        'term = "6wd"\nstarts = ["apply"]',
        "clock.acceptance",
        "clocks.completeness.term",
    ),
    "delivery later than 10 days": item(
        'term = "10wd"\nstarts = ["decide"]',
        'term = "11wd"\nstarts = ["decide"]',
        "clock.delivery",
        "clocks.delivery.term",
    ),
    "publication later than 20 days": Slip(
        [(ITEM, 'term = "20wd"\nstarts = ["deliver"]', 'term = "21wd"\nstarts = ["deliver"]')],
        [("clock.statutory", "clocks.publication.term"), ("clock.publication", "clocks.publication.term")],
    ),
    # warnings
    "more than 2 visits": item("max_visits = 2", "max_visits = 3", "visits.many", "max_visits"),
    "material asked twice on the path": drawn(
        "material.again",
        "visit",
        properties={"visit": {"receives": "materials", "officers": "2"}},
        forms={
            "visit": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "materials": {
                        "type": "array",
                        "title": "材料",
                        "x-title-en": "Materials",
                        "items": {"type": "string", "enum": ["id-card"]},
                    }
                },
            }
        },
    ),
    "promise = statutory": Slip(
        [
            (ITEM, 'term = "10wd"\nstarts = ["check"]', 'term = "20wd"\nstarts = ["check"]'),
            (ITEM, 'promised = "10个', 'promised = "20个'),
        ],
        [("clock.no_acceleration", "clocks.promise.term")],
    ),
    "no reminder rung": item(
        '{ name = "reminder", left = 1 }, ', "", "clock.no_reminder", "clocks.decision.ladder"
    ),
    "no survey": item('survey = ["rate"]\n', "", "survey.none", "conclusion.survey"),
    "pause expected days missing": item(
        ', expected = "15wd"',
        "",
        "item.invalid",
        "clocks.decision.pauses.1.expected",
    ),
    "chart text differs from guide": item(
        'promised = "10个', 'promised = "8个', "terms.differ", "terms.promised"
    ),
    "item that does not say whether it is a licence": Slip(
        [(ITEM, 'type = "licence"\n', "")],
        [("item.type", "type")],
    ),
    "temporary basis that ends before the item does": item(
        'level = "law"\n[lanes]',
        'level = "provincial-rule"\nsince = 2026-01-01\nuntil = 2026-12-31\n[lanes]',
        "basis.ends",
        "bases",
    ),
}
"""By the rule's name. Joins that can deadlock or lose a branch are found by the search of all states, and an
abolished item that could still be started is refused where a case is opened."""


def found(problems: list[Problem]) -> list[tuple[str, str | None]]:
    return [(problem.code, problem.element) for problem in problems]


def test_the_law_finds_nothing_wrong_with_a_lawful_licence(tmp_path: Path) -> None:
    problems = check(tmp_path)
    assert not problems, told(problems)


@pytest.mark.parametrize("rule", list(RULES))
def test_what_breaks_a_rule_is_found_there_and_nowhere_else(tmp_path: Path, rule: str) -> None:
    slip = RULES[rule]
    problems = check(tmp_path, *slip.changes, **slip.about)
    assert sorted(found(problems)) == sorted(slip.found), told(problems)
    for problem in problems:
        assert str(problem.message)
        assert str(problem.expected) or str(problem.remedy)
        if problem.code in LAW:
            assert str(LAW[problem.code]) in str(problem.expected)


def test_every_finding_of_the_law_says_on_which_article_it_rests(tmp_path: Path) -> None:
    tried = {code for slip in RULES.values() for code, _ in slip.found}
    assert set(LAW) - tried == {"refusal.remedies"}, "a rule that nothing here breaks"
    assert all(str(law) for law in LAW.values())


# --- the longest way


def longest(root: Path, elements: str, flows: str, sections: str, promise: str = "10wd") -> list[Problem]:
    """What is said of a promise from the start `s` to `e`, where `sections` limit the steps."""
    clocks = (
        f'[clocks.promise]\nname = {{ zh = "承诺", en = "Promise" }}\ntier = "promised"\nterm = "{promise}"\n'
        'starts = ["s"]\nstops = ["e"]\nbasis = { law = "指南", article = "一" }\n'
    )
    folder = make_item(root, draw(elements, flows), clocks=clocks + sections)
    _, problems = read_folder(folder, root / "forms")
    problems = [problem for problem in problems if not problem.code.startswith(("example.", "sound."))]
    assert all(problem.code == "clock.longest_path" for problem in problems), told(problems)
    return problems


def each(term: str, *steps: str) -> str:
    names = ", ".join(f'"{step}"' for step in steps)
    return (
        f'[clocks.c{"_".join(steps)}]\nname = {{ zh = "环节", en = "Step" }}\ntier = "step"\n'
        f'term = "{term}"\neach = [{names}]\nbasis = {{ law = "指南", article = "一" }}\n'
    )


SEQUENCE = ("start s; user a; user b; user c; end e", "s -> a -> b -> c -> e")
BESIDE = (
    "start s; and split; user a; user b; user c; and join; end e",
    "s -> split; split -> a -> b -> join; split -> c -> join; join -> e",
)
LOOP = (
    "start s; xor in; user a; xor again; end e",
    "s -> in -> a -> again; again -> in if true; again -> e default",
)
INSIDE = (
    "start s; sub body { start i; user a; user b; end f | i -> a -> b -> f }; user c; end e",
    "s -> body -> c -> e",
)
EITHER = (
    "start s; user a; boundary late a after workdays(6); user b; end e; end x",
    "s -> a -> b -> e; late -> x",
)


@pytest.mark.parametrize(
    ("drawing", "sections", "promise", "way"),
    [
        (SEQUENCE, each("4wd", "a", "b", "c"), "12wd", None),
        (SEQUENCE, each("4wd", "a", "b", "c"), "11wd", "a (4wd) → b (4wd) → c (4wd)"),
        (BESIDE, each("4wd", "a", "b") + each("7wd", "c"), "8wd", None),
        (BESIDE, each("4wd", "a", "b") + each("7wd", "c"), "7wd", "a (4wd) → b (4wd)"),
        (BESIDE, each("1wd", "a", "b") + each("7wd", "c"), "6wd", "c (7wd)"),
        (LOOP, each("4wd", "a"), "4wd", None),
        (LOOP, each("4wd", "a"), "3wd", "a (4wd)"),
        (INSIDE, each("4wd", "a", "b", "c"), "12wd", None),
        (INSIDE, each("4wd", "a", "b", "c"), "11wd", "a (4wd) → b (4wd) → c (4wd)"),
        (EITHER, each("2wd", "a", "b"), "6wd", None),
        (EITHER, each("2wd", "a", "b"), "5wd", "late (6wd)"),
        # 5 working days are 7 calendar days; the sum is rounded down
        (SEQUENCE, each("7d", "a", "b", "c"), "15wd", None),
        (SEQUENCE, each("7d", "a", "b", "c"), "14wd", "a (5wd) → b (5wd) → c (5wd)"),
        (SEQUENCE, each("3d", "a", "b", "c"), "6wd", None),
        (SEQUENCE, each("5wd", "a", "b", "c"), "20d", "a (7d) → b (7d) → c (7d)"),
        (SEQUENCE, each("24h", "a", "b", "c"), "2d", "a (1d) → b (1d) → c (1d)"),
    ],
)  # fmt: skip
def test_the_longest_way_is_shown_where_it_exceeds_the_promise(
    tmp_path: Path, drawing: tuple[str, str], sections: str, promise: str, way: str | None
) -> None:
    problems = longest(tmp_path, *drawing, sections, promise)
    assert [p.element for p in problems] == ([] if way is None else ["clocks.promise.term"])
    for problem in problems:
        assert str(problem.found).endswith(f"the way: {way}")


def test_what_runs_between_two_steps_counts_like_a_step(tmp_path: Path) -> None:
    between = (
        '[clocks.between]\nname = { zh = "报送", en = "Between" }\ntier = "step"\nterm = "9wd"\n'
        'starts = ["a"]\nstops = ["c:opened"]\nbasis = { law = "指南", article = "一" }\n'
    )
    assert not longest(tmp_path / "a", *SEQUENCE, between + each("2wd", "a", "b"), "11wd")
    (problem,) = longest(tmp_path / "b", *SEQUENCE, between + each("2wd", "a", "b"), "10wd")
    assert str(problem.found).endswith("the way: a (2wd) → between (9wd)")


# --- ways to an end


def test_a_branch_beside_others_is_enough_to_deliver_and_publish(tmp_path: Path) -> None:
    beside = FLOWS.replace(
        "deliver -> publish -> rate", "deliver -> out; out -> publish -> back; out -> rate -> back; back"
    )
    elements = ELEMENTS + "and out; and back"
    assert not check(tmp_path / "a", elements=elements, flows=beside)
    either = beside.replace("out -> publish", "out -> publish default").replace(
        "out -> rate", "out -> rate if a_says.opinion == 'agree'"
    )
    problems = check(
        tmp_path / "b",
        elements=elements.replace("and out", "xor out").replace("and back", "xor back"),
        flows=either,
    )
    assert found(problems) == [("grant.publication", "granted")]
    assert str(problems[0].found).endswith("deliver → rate → granted")


def test_who_leaves_a_step_by_its_edge_has_not_had_its_document(tmp_path: Path) -> None:
    problems = check(
        tmp_path,
        elements=ELEMENTS + "boundary gone tell message withdrawn; end lapsed",
        flows=FLOWS + "\ngone -> lapsed",
        kinds={"lapsed": "refuse"},
        lanes={"gone": "hall"},
    )
    assert found(problems) == [("refusal.document", "lapsed")]


def test_a_document_inside_a_subprocess_is_issued_on_every_way_through_it(tmp_path: Path) -> None:
    elements = ELEMENTS.replace(
        "user tell;",
        "sub telling { start t; xor u; user tell; end v; end w | t -> u; u -> tell default; %s tell -> v };",
    )
    always = elements.replace("end v; end w", "end v") % ""
    assert not check(
        tmp_path / "a",
        elements=always,
        flows=FLOWS.replace("tell", "telling").replace("telling_rights", "tell_rights"),
    )
    sometimes = elements % 'u -> w if decision.outcome == "grant";'
    flows = FLOWS.replace("tell", "telling").replace("telling_rights", "tell_rights")
    problems = check(tmp_path / "b", elements=sometimes, flows=flows)
    assert found(problems) == [("refusal.document", "refused")]


@pytest.mark.parametrize(
    ("template", "enough"),
    [
        ("{{ answers.reason }} 可以申请行政复议，或者提起行政诉讼", True),
        ("{% if data.decision.reason is defined %}x{% endif %}{{ data.decision.remedies }}", True),
        ("理由 reason，救济途径 remedies", False),
        ("{# {{ answers.reason }} {{ answers.remedies }} #}", False),
        ("{{ answers.reason }} 可以申请行政复议", False),
    ],
)
def test_reasons_and_remedies_are_what_the_template_prints(
    tmp_path: Path, template: str, enough: bool
) -> None:
    problems = check(tmp_path, ("note.j2", REASONS, template))
    assert found(problems) == ([] if enough else [("refusal.document", "refused")])


# --- prerequisites


def test_who_waits_for_what_comes_before_or_beside_waits_in_no_circle(tmp_path: Path) -> None:
    one_way = PARALLEL[1].replace("split -> wait_a -> b", "split -> b")
    assert not check(
        tmp_path / "a", elements=PARALLEL[0].replace("catch wait_a when a_done;", ""), flows=one_way
    )
    (problem,) = check(tmp_path / "b", elements=PARALLEL[0], flows=PARALLEL[1])
    assert str(problem.found) == "wait_a → wait_b → wait_a"


def test_who_may_go_on_by_a_timer_waits_in_no_circle(tmp_path: Path) -> None:
    elements = PARALLEL[0] + "; race either; catch enough after workdays(1); xor out"
    flows = PARALLEL[1].replace(
        "split -> wait_b -> a", "split -> either; either -> wait_b -> out; either -> enough -> out; out -> a"
    )
    problems = check(tmp_path, elements=elements, flows=flows)
    assert "prerequisite.cycle" not in {problem.code for problem in problems}


def test_a_message_of_the_other_branch_is_a_prerequisite_too(tmp_path: Path) -> None:
    elements = PARALLEL[0].replace("when a_done", "message a_done").replace("when b_done", "message b_done")
    elements = elements.replace("script tell_a a_done = True", "throw tell_a message a_done")
    elements = elements.replace("script tell_b b_done = True", "throw tell_b message b_done")
    problems = check(tmp_path, elements=elements, flows=PARALLEL[1])
    assert found(problems) == [("prerequisite.cycle", "wait_a")]


# --- what is no licence


def test_the_rules_of_licences_are_for_licences(tmp_path: Path) -> None:
    """A public service of the same drawing may cost something by local rules, and needs no publication."""
    problems = check(
        tmp_path,
        (ITEM, 'type = "licence"', 'type = "service"'),
        (ITEM, 'level = "administrative-regulation"', 'level = "rule"'),
        (ITEM, 'publication = ["publish"]\n', ""),
        (ITEM, 'term = "5wd"\nstarts = ["apply"]', 'term = "6wd"\nstarts = ["apply"]'),
        ("note.j2", REASONS, "x"),
    )
    assert [(p.code, p.severity, p.element) for p in problems] == [("refusal.document", "warning", "refused")]
    assert str(LAW["refusal.remedies"]) in str(problems[0].expected)


def test_a_sector_s_law_may_set_another_term_if_it_is_among_the_bases(tmp_path: Path) -> None:
    longer = [
        (
            ITEM,
            'stops = ["decide"]\nbasis = { law = "中华人民共和国行政许可法"',
            'stops = ["decide"]\nbasis = { law = "环评法"',
        ),
        (ITEM, 'term = "20wd"\nstarts = ["check"]', 'term = "60d"\nstarts = ["check"]'),
        (ITEM, 'up_to = "10wd"', 'up_to = "10d"'),
        (ITEM, 'statutory = "20个工作日，可延长10个工作日"', 'statutory = "60日，可延长10日"'),
    ]
    assert found(check(tmp_path / "a", *longer)) == [("clock.statutory", "clocks.decision.term")]
    law = (ITEM, BASE, f'{BASE}\n[[bases]]\nlaw = "环评法"\narticle = "第二十二条"\nlevel = "law"')
    assert not check(tmp_path / "b", *longer, law)
    notice = (ITEM, BASE, f'{BASE}\n[[bases]]\nlaw = "环评法"\narticle = "第二十二条"\nlevel = "document"')
    assert found(check(tmp_path / "c", *longer, notice)) == [("clock.statutory", "clocks.decision.term")]


def test_a_joint_licence_has_45_days_and_only_the_government_extends_them(tmp_path: Path) -> None:
    joint = [
        (ITEM, 'handling_mode = "single"', 'handling_mode = "joint"'),
        (ITEM, 'term = "20wd"\nstarts = ["check"]', 'term = "45wd"\nstarts = ["check"]'),
        (ITEM, 'up_to = "10wd"', 'up_to = "15wd"'),
        (ITEM, '"20个工作日，可延长10个工作日"', '"45个工作日，可延长15个工作日"'),
    ]
    (problem,) = check(tmp_path / "a", *joint)
    assert found([problem]) == [("clock.extension_office", "clocks.decision.extension.approver")]
    assert not check(
        tmp_path / "b", *joint, (ITEM, 'approver = "d5/leader"', 'approver = "government/leader"')
    )


# --- leaders


def test_a_department_of_a_meeting_without_a_designated_leader_is_refused() -> None:
    register = builtin().organisation.read_text("utf-8")
    lost, count = re.subn(r"(\[units\.hrss\].*\n(?:.+\n)*?)designated = .*\n", r"\1", register)
    assert count == 1
    folder = builtin().items()["enterprise-startup"]
    _, problems = read_folder(folder, organisation=read_register(lost.encode()).on(DAY))
    errors = [problem for problem in problems if problem.severity == "error"]
    assert found(errors) == [("meeting.designated", "meetings.conference.departments.4")]
