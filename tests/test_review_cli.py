"""Joint review and who may act, on the command line: every act as people and programs do it."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import tomllib
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from drawing import draw
from items import NOON, fields, make_item, organisation
from rich.cells import cell_len
from terminal import Ran, lianban, on_terminal

from engine.definition import builtin
from engine.examples import command_of
from engine.office import Office

ROOT = Path(__file__).parent.parent
CASE = "539901-SL-LB0001-2026-0000"
DAY = timedelta(days=1)

OPINIONS = {
    "agree": "同意",
    "conditions": "附条件同意",
    "disagree": "不同意",
    "not_concerned": "不涉及",
    "report_up": "报上级",
}
REFERRAL: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "opinion": {
            "type": "string",
            "title": "意见",
            "x-title-en": "Opinion",
            "oneOf": [
                {"const": code, "title": zh, "x-title-en": code.replace("_", " ")}
                for code, zh in OPINIONS.items()
            ],
        },
        "conditions": {
            "type": "array",
            "title": "条件",
            "x-title-en": "Conditions",
            "items": {"type": "string"},
        },
        **{
            name: {"type": "string", "title": name, "x-title-en": name}
            for name in ("reason", "competent", "superior", "note")
        },
    },
    "required": ["opinion"],
}

SECTIONS = """
[notice]
documents = ["supplement"]
approver = "hall/leader"
basis = { law = "行政许可法", article = "第三十二条" }

[joint.review]
name = { zh = "并联审查", en = "Joint review" }
activities = ["fire", "water"]
rule = "all"
result = "review"
confirm = "leader"
clock = "referral"

[joint.review.risks]
d1 = "public-safety"

[joint.review.silence]
basis = { law = "并联审批办法", article = "第九条" }
level = "local-document"
reminder = false

[clocks.referral]
name = { zh = "部门审查", en = "Department's review" }
tier = "step"
term = "3wd"
each = ["fire", "water"]
basis = { law = "并联审批办法", article = "第六条" }
ladder = [{ name = "yellow", over = 0, card = true }]
"""
"""Two departments are asked; their leaders confirm. Silence of the second is consent, of the first never."""

DRAWING = draw(
    "start apply; user intake; user notify; and split; user fire; user water; and join; user decide; end e",
    "apply -> intake -> notify -> split; split -> fire -> join; split -> water -> join; join -> decide -> e",
)
LANES = {"fire": "d1", "water": "d2", "decide": "d3"}
FORMS = {"apply": fields(applicant="string"), "fire": REFERRAL, "water": REFERRAL}

ORGANISATION = (
    organisation(3)
    + "".join(
        f'\n[[people]]\nid = "{person}"\nposts = ["{post}"]\nname = {{ zh = "{person}", en = "" }}'
        for person, post in (
            ("boss", "hall/leader"),
            ("lead1", "d1/leader"),
            ("lead2", "d2/leader"),
            ("lead3", "d3/leader"),
            ("outsider", "d3/porter"),
        )
    ).encode()
)


def office_of(folder: Path, cases: int, database: str | None = None) -> None:
    """An office with so many cases whose referrals are open, since Monday 2 March 2026, noon."""
    with Office.create_rehearsal(database or str(folder / "lianban.db"), NOON, ORGANISATION) as office:
        made = make_item(
            folder,
            DRAWING,
            lanes=LANES,
            forms=FORMS,
            clocks=SECTIONS,
            documents={"notify": "supplement"},
        )
        entry = made / "item.toml"
        entry.write_text('parties = ["applicant"]\n' + entry.read_text("utf-8"), encoding="utf-8")
        item = office.publish(made, NOON).item
        for number in range(1, cases + 1):
            case = office.open_case("clerk", item, {"applicant": f"张{number}"}, NOON).case
            office.do("clerk", case, "intake", {}, NOON)
            office.do("clerk", case, "notify", {}, NOON)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reviews")
    office_of(folder, 2)
    return folder


@pytest.fixture
def folder(prepared: Path, tmp_path: Path) -> Path:
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    return tmp_path


NOW = ("--now", "2026-03-02T13:00")


def run(folder: Path, who: str, line: str, *more: str, now: str = "2026-03-02T13:00", **env: str) -> Ran:
    return lianban(folder, *line.split(), *more, "--as", who, "--now", now, **env)


def done(folder: Path, who: str, line: str, *more: str, now: str = "2026-03-02T13:00", **env: str) -> str:
    ran = run(folder, who, line, *more, now=now, **env)
    assert (ran.code, ran.err) == (0, ""), ran.err
    return ran.out


def refused(folder: Path, who: str, line: str, *more: str, now: str = "2026-03-02T13:00") -> tuple[int, str]:
    ran = run(folder, who, line, *more, "--json", now=now)
    assert ran.out == ""
    return ran.code, str(json.loads(ran.err)["code"])


def told(folder: Path, case: str) -> str:
    """The history as one line of words, without hashes."""
    said = lianban(folder, "history", case).out
    return " ".join(re.sub(r" [0-9a-f]{8}$", "", said, flags=re.MULTILINE).split())


def shown(folder: Path, case: str = "1", now: str = "2026-03-02T13:00") -> Any:
    return lianban(folder, "show", case, "--now", now, "--json").json


def inbox(folder: Path, who: str) -> list[dict[str, Any]]:
    tasks: list[dict[str, Any]] = run(folder, who, "inbox", "--json").json["tasks"]
    return tasks


# --- referrals


def test_a_referral_is_signed_for_answered_and_confirmed_by_three_commands(folder: Path) -> None:
    said = done(folder, "p1", "sign 1 fire")
    assert "signs for the receipt of fire" in said
    assert "received by p1" in said
    assert "already done" in done(folder, "p1", "sign 1 fire")
    said = done(folder, "p1", "answer 1 fire --set opinion=agree")
    assert "fire: agree; it waits to be signed" in said
    assert f"lianban confirm {CASE}1 fire --as lead1" in said
    assert "waits to be signed" in done(folder, "lead1", "inbox")
    assert "signs what was entered: fire" in done(folder, "lead1", "confirm 1 fire")
    drawn = lianban(folder, "show", "1", *NOW).out
    assert "p1, signed by lead1" in drawn
    assert "Joint review: 1 of 2 have answered" in drawn


def test_what_a_leader_sends_back_is_entered_anew(folder: Path) -> None:
    done(folder, "p1", "answer 1 fire --set opinion=agree")
    assert run(folder, "lead1", "return 1 fire").code == 2
    said = done(folder, "lead1", "return 1 fire --reason", "no reasons given")
    assert "sends back what was entered: fire: no reasons given" in said
    assert f"lianban answer {CASE}1 fire" in said
    done(folder, "p1", "answer 1 fire --set opinion=disagree --set reason=smoke")
    done(folder, "lead1", "confirm 1 fire")
    drawn = lianban(folder, "show", "1", *NOW).out
    assert "✗ d1 disagrees: smoke" in drawn
    assert "certain, whatever is still to come: joint meeting" in drawn


WRONG = {
    "sign, of another department": ("p2", "sign 1 fire", 4, "access.post"),
    "sign, no referral": ("clerk", "sign 1 decide", 1, "step.closed"),
    "sign, nothing named": ("p1", "sign", 2, "usage"),
    "sign, no step": ("p1", "sign 1", 2, "usage"),
    "sign, both": ("p1", "sign 1 fire --plan a.csv", 2, "usage"),
    "sign, a review of nothing": ("p1", "sign 1 fire --dry-run", 2, "usage"),
    "answer without what it needs": (
        "p1",
        "answer 1 fire --set opinion=disagree",
        1,
        "opinion.incomplete",
    ),
    "confirm, nothing entered": ("lead1", "confirm 1 fire", 1, "answer.none"),
    "recuse without a reason": ("p1", "recuse 1 fire", 2, "usage"),
    "recuse a department from nothing": ("lead1", "recuse 1 --department --reason x", 2, "usage"),
    "recuse a department, not its head": (
        "p1",
        "recuse 1 fire --department --reason x",
        4,
        "access.post",
    ),
    "challenge nobody": ("clerk", "challenge 1 --person nobody --party z --reason x", 1, "person.unknown"),
    "challenge by nobody": ("clerk", "challenge 1 --person p1 --reason x", 2, "usage"),
    "decide no recusal": ("lead1", "recusal decide 1 r1 --uphold --reason x", 1, "recusal.not_open"),
    "decide neither way": ("lead1", "recusal decide 1 r1 --reason x", 2, "usage"),
    "handover to nobody": ("p1", "handover 1 fire --to nobody --reason x", 1, "person.unknown"),
    "handover to who may not": ("p1", "handover 1 fire --to p2 --reason x", 4, "access.post"),
    "handover of nothing": ("p1", "handover --to q1 --reason x", 2, "usage"),
    "handover of one and all": ("p1", "handover 1 --all --to q1 --reason x", 2, "usage"),
    "another notice, not the approver": ("clerk", "notice allow 1 --reason x", 4, "access.post"),
    "meeting that is not": ("clerk", "meeting convene 1 --date 2026-03-10", 1, "meeting.closed"),
    "two replies": ("lead1", "meeting reply 1 --coming --apology x", 2, "usage"),
    "minutes that can't be read": ("clerk", "meeting hold 1 --present d1", 2, "usage"),
    "delegate without an end": ("lead1", "delegate q1 --post d1/leader --items * --powers *", 2, "usage"),
    "delegate another's post": (
        "p1",
        "delegate q1 --post d1/leader --items * --powers * --until 2026-04-01",
        1,
        "organisation.delegation",
    ),
    "delegate to another organ": (
        "lead1",
        "delegate p2 --post d1/leader --items * --powers * --until 2026-04-01",
        1,
        "organisation.delegation",
    ),
    "revoke nothing": ("clerk", "revoke none", 1, "organisation.delegation"),
    "org change by anybody": ("p1", "org grant q1 d1/leader", 4, "access.administrator"),
    "org unit that is not": ("p1", "org show none", 1, "organisation.unit"),
    "org import of no TOML": ("clerk", "org import broken.toml", 1, "organisation.unreadable"),
    "plan that is not there": ("p1", "answer --plan none.csv", 1, "file.unreadable"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_is_refused_with_its_code(name: str, folder: Path) -> None:
    (folder / "broken.toml").write_text("units = 1")
    who, line, code, expected = WRONG[name]
    assert refused(folder, who, line) == (code, expected)


def test_silence_is_shown_as_what_it_is_and_never_as_an_answer(folder: Path) -> None:
    for step, who in (("fire", "p1"), ("water", "p2")):
        done(folder, who, f"sign 1 {step}")
    lianban(folder, "sweep", "--now", "2026-03-09T09:00")
    drawn = " ".join(lianban(folder, "show", "1", "--now", "2026-03-09T09:00").out.split())
    assert "∅ d2 deemed to agree, by silence (并联审批办法 第九条); nobody has said so" in drawn
    assert "∅ d1" not in drawn
    story = told(folder, "1")
    assert "d2 was silent on water: deemed to agree, which nobody has said (并联审批办法 第九条)" in story
    assert "d1 was silent on fire, which has no effect: its kind of risk is excluded" in story
    answers = {line["unit"]: line for line in shown(folder, now="2026-03-09T09:00")["joint"][0]["answers"]}
    assert (answers["d2"]["deemed"], answers["d2"]["opinion"], answers["d2"]["by_name"]) == (
        True,
        "deemed",
        {},
    )


# --- recusals


def test_a_recusal_holds_a_step_until_the_head_decides(folder: Path) -> None:
    said = done(folder, "p1", "recuse 1 fire --reason", "my cousin applies")
    assert "recuses herself (r1) from fire: my cousin applies" in said
    assert "stands still: recusal r1" in lianban(folder, "show", "1", *NOW).out
    assert refused(folder, "q1", "answer 1 fire --set opinion=agree") == (1, "step.suspended")
    drawn = lianban(folder, "show", "1", *NOW).out
    assert f" lianban recusal decide {CASE}1 r1 --uphold --reason … --as lead1\n" in drawn
    assert f"recusal decide {CASE}1 r1" in lianban(folder, "inbox", "--as", "lead1", *NOW).out
    said = done(folder, "lead1", "recusal decide 1 r1 --uphold --reason", "kin of the third degree")
    assert "upholds the recusal r1: kin of the third degree" in said
    assert refused(folder, "p1", "answer 1 fire --set opinion=agree") == (4, "access.barred")
    done(folder, "q1", "answer 1 fire --set opinion=agree")
    assert shown(folder)["recusals"][0]["state"] == "upheld"


def test_a_challenge_can_be_rejected_and_a_department_keep_out_as_a_whole(folder: Path) -> None:
    said = done(folder, "clerk", "challenge 1 fire --person p1 --party 张三 --reason rival")
    assert "enters that 张三 challenges p1 (r1): rival" in said
    done(folder, "lead1", "recusal decide 1 r1 --reject --reason unfounded")
    done(folder, "p1", "answer 1 fire --set opinion=agree")
    said = done(folder, "lead2", "recuse 1 water --department --reason applicant")
    assert "keeps the department out of water: applicant" in said
    drawn = lianban(folder, "show", "1", *NOW).out
    assert "the department keeps out" in drawn
    assert "– d2 keeps out" in drawn


def test_on_a_terminal_the_decision_and_its_reason_are_asked_for(folder: Path) -> None:
    done(folder, "p1", "recuse 1 fire --reason kin")
    words = ["recusal", "decide", "1", "r1", "--as", "lead1", *NOW]
    code, seen = on_terminal(folder, words, ["2", "unfounded"])
    assert code == 0, seen
    assert "[1 uphold / 2 reject]" in seen
    assert shown(folder)["recusals"][0]["state"] == "rejected"


def test_who_had_acted_before_she_was_challenged_is_a_finding_in_red(folder: Path) -> None:
    done(folder, "p1", "answer 1 fire --set opinion=agree")
    done(folder, "lead1", "confirm 1 fire")
    done(folder, "clerk", "challenge 1 --person p1 --party 张三 --reason kin")
    said = done(folder, "lead1", "recusal decide 1 r1 --uphold --reason proven")
    assert "⚠ fire: somebody who must keep out of the case had acted in it (recusal.acted;" in said
    drawn = lianban(folder, "show", "1", *NOW).out
    assert "\nFindings\n 2026-03-02 13:00  fire: somebody who must keep out" in drawn
    assert [found["finding"] for found in shown(folder)["findings"]] == ["recusal.acted"]
    for words in (["show", "1", *NOW], ["history", "1"]):
        _, seen = on_terminal(folder, words, [])
        assert re.search(r"\x1b\[1;31mfire: somebody who must keep out", seen)


# --- who answers for it


def test_a_step_and_the_first_contact_are_handed_over_on_record(folder: Path) -> None:
    done(folder, "p1", "sign 1 fire")
    said = done(folder, "p1", "handover 1 fire --to q1 --reason leave")
    assert "hands fire over to q1: leave" in said
    assert "received by q1" in lianban(folder, "show", "1", *NOW).out
    said = done(folder, "clerk", "handover 1 --to colleague --reason leave")
    assert "hands the first-contact responsibility over to colleague of hall: leave" in said
    assert "first contact: colleague · hall" in lianban(folder, "show", "1", *NOW).out


def test_everything_is_handed_over_item_by_item_and_nobody_rotates_before(folder: Path) -> None:
    for case in "12":
        done(folder, "p1", f"sign {case} fire")
    line = "org rotate p1 d1/clerk --to d1/records --on 2026-03-03"
    assert refused(folder, "clerk", line) == (1, "organisation.hands")
    ran = run(folder, "p1", "handover --all --to p2 --reason rotation", "--json")
    assert ran.code == 6
    assert [entry["refusal"]["code"] for entry in ran.json["lines"]] == ["access.post"] * 2
    said = done(folder, "p1", "handover --all --to q1 --reason rotation")
    assert "handed over to q1: 2; left as they were: 0" in said
    assert "You answer for nothing" in done(folder, "p1", "handover --all --to q1 --reason rotation")
    assert "rotates p1 from d1/clerk to d1/records on 2026-03-03" in done(folder, "clerk", line)


def test_the_inbox_is_narrowed_to_a_unit_a_post_and_what_is_mine(folder: Path) -> None:
    done(folder, "p1", "sign 1 fire")

    def steps(line: str) -> list[str]:
        tasks = json.loads(done(folder, "p1", line, "--json"))["tasks"]
        return sorted(f"{task['case'][-1]} {task['task']}" for task in tasks)

    assert steps("inbox") == ["1 fire", "2 fire"]
    assert steps("inbox --mine") == ["1 fire"]
    assert steps("inbox --all --unit d2") == ["1 water", "2 water"]
    assert steps("inbox --all --post leader") == []
    said = done(folder, "p1", "inbox")
    assert "received by p1" in said and "not signed for yet" in said


def test_one_more_notice_is_allowed_by_the_office_that_may(folder: Path) -> None:
    said = done(folder, "boss", "notice allow 1 --reason", "new rule since")
    assert "allows one more notice of what is missing: new rule since" in said
    assert shown(folder)["notices"] == {"told": 1, "allowed": 1}
    assert "further notices allowed: 1" in lianban(folder, "show", "1", *NOW).out


# --- the organisation


def test_a_delegation_works_while_it_lasts_and_is_taken_back(folder: Path) -> None:
    done(folder, "p1", "answer 1 fire --set opinion=agree")
    assert refused(folder, "q1", "confirm 1 fire") == (4, "access.post")
    line = "delegate q1 --post d1/leader --items item --powers approve --until 2026-03-03"
    said = done(folder, "lead1", line)
    assert "delegates approve of item as d1/leader from lead1 to q1" in said
    assert "already so" in done(folder, "lead1", line)
    assert "lead1 (d1/leader) → q1: approve of item" in done(folder, "p1", "org delegations")
    assert refused(folder, "q1", "confirm 1 fire", now="2026-03-04T09:00") == (4, "access.delegation")
    done(folder, "q1", "confirm 1 fire", now="2026-03-03T09:00")
    assert "q1, delegated by lead1, signs what was entered: fire" in told(folder, "1")
    named = lianban(folder, "org", "delegations", "--json", *NOW).json["delegations"][0]["delegation"]
    done(folder, "lead1", f"revoke {named}", now="2026-03-03T10:00")
    assert "revoked 2026-03-03" in done(folder, "p1", "org delegations", now="2026-03-03T10:00")


CHANGES = [
    ("org add-unit d9 --name 新局 --english Bureau --kind department", "adds the unit d9, from 2026-03-02"),
    ("org add-unit v1 --name 村 --kind village --parent d9", "adds the unit v1 below d9, from 2026-03-02"),
    ("org add-person new --name 新人 --english New --email n@example.org", "adds new to the people"),
    (
        "org grant new d9/leader --until 2026-12-31",
        "gives new the post d9/leader, 2026-03-02 to 2026-12-31",
    ),
    ("org designate d9 new", "designates new for the joint meetings of d9"),
    (
        "org stand-in q1 --for p1 --since 2026-03-02 --until 2026-03-06",
        "lets q1 stand in for p1, 2026-03-02 to 2026-03-06",
    ),
    (
        "org duty boss hall/duty --since 2026-03-02 --until 2026-03-08",
        "puts boss on duty as hall/duty, 2026-03-02 to 2026-03-08",
    ),
    (
        "org certificate p1 --kind enforcement --number 7 --expires 2027-01-01",
        "records the certificate enforcement 7 of p1, valid to 2027-01-01",
    ),
    ("org interest p2 --party 张2 --kind kin", "records an interest of p2 in 张2: kin"),
    ("org end q2 d2/clerk --until 2026-03-31", "ends the post d2/clerk of q2 with 2026-03-31"),
    ("org merge d2 --into d1 --until 2026-03-31", "merges d2 into d1 at the end of 2026-03-31"),
]


def test_every_change_of_the_organisation_is_made_told_and_on_record_in_words(folder: Path) -> None:
    for line, words in CHANGES:
        said = " ".join(done(folder, "clerk", line).split())
        assert words in said, said
    story = told(folder, "office")
    for _, words in CHANGES:
        assert words in story, words
    assert "organisation.changed" not in story
    tree = done(folder, "clerk", "org show d9")
    assert re.findall("(?m)^ .*", tree) == [
        " Bureau d9 · department",
        "   New new  leader, designated",
        "   村 v1 · village",
    ]
    assert "away" in done(folder, "clerk", "org show d1")
    assert "certificate enforcement 7, valid to 2027-01-01" in done(folder, "clerk", "org people")
    later = done(folder, "clerk", "org show", now="2026-04-01T09:00")
    assert "Not there on 2026-04-01" in later and "d2 d2 → d1" in later
    assert refused(folder, "p2", "answer 2 water --set opinion=agree") == (4, "access.barred")
    assert lianban(folder, "verify").code == 0


def test_an_import_is_reviewed_before_it_is_made(folder: Path) -> None:
    text = ORGANISATION.decode() + '\n[[people]]\nid = "late"\nposts = ["d1/clerk"]\nname = { zh = "迟" }'
    text = text.replace('id = "outsider"\nposts = ["d3/porter"]', 'id = "outsider"\nposts = ["d3/guard"]')
    (folder / "new.toml").write_text(text, encoding="utf-8")
    planned = done(folder, "clerk", "org import new.toml --dry-run")
    assert re.search(r"^ \+ person late$", planned, re.M)
    assert re.search(r"^ ~ person outsider\n +posts: d3/porter → d3/guard$", planned, re.M)
    assert "Nothing was recorded" in planned
    assert "late" not in done(folder, "clerk", "org people")
    assert refused(folder, "p1", "org import new.toml --dry-run") == (4, "access.administrator")
    assert "stands at version 2" in done(folder, "clerk", "org import new.toml")
    assert "late" in done(folder, "clerk", "org people")
    assert "already so" in done(folder, "clerk", "org import new.toml")


# --- plans


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many")
    office_of(folder, 120)
    return folder


def rows_of(file: Path) -> list[dict[str, str]]:
    assert file.read_bytes().startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(file.read_text("utf-8-sig"), newline="")))


def save(file: Path, rows: Iterable[Mapping[str, str]], encoding: str = "utf-8-sig") -> None:
    rows = list(rows)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    file.write_bytes(text.getvalue().encode(encoding))


def test_a_hundred_and_twenty_referrals_are_signed_for_and_answered_from_a_plan(
    many: Path, tmp_path: Path
) -> None:
    shutil.copytree(many, tmp_path, dirs_exist_ok=True)
    folder, plan = tmp_path, tmp_path / "plan.csv"
    assert "120 referrals are in plan.csv" in done(folder, "p1", "sign --draft plan.csv")
    signed = json.loads(done(folder, "p1", "sign --plan plan.csv", "--json"))
    assert signed["counts"] == {"done": 120, "repeated": 0, "would": 0, "skipped": 0, "refused": 0}
    assert "120 referrals" in done(folder, "p1", "answer --draft plan.csv")
    rows = rows_of(plan)
    assert list(rows[0])[:10] == (
        ["case", "step", "item", "unit", "due", "opinion", "reason", "conditions", "competent", "superior"]
    )
    assert rows[0]["due"] == "2026-03-05 17:30"
    for number, row in enumerate(rows):
        row["opinion"] = ["同意", "agree", "", "conditions", "disagree"][number % 5]
        row["conditions"] = "装喷淋, 另设出口\n每年检查" if row["opinion"] == "conditions" else ""
        row["reason"] = "" if number % 10 == 4 else "通道过窄" if row["opinion"] == "disagree" else ""
    save(plan, rows)
    reviewed = run(folder, "p1", "answer --plan plan.csv --dry-run", "--json")
    expected = {"done": 0, "repeated": 0, "would": 84, "skipped": 24, "refused": 12}
    assert (reviewed.code, reviewed.json["counts"]) == (6, expected)
    assert {task["stage"] for task in inbox(folder, "p1")} == {"signed"}
    applied = run(folder, "p1", "answer --plan plan.csv")
    assert applied.code == 6
    assert "done: 84, skipped, nothing is filled in: 24, refused: 12" in " ".join(applied.out.split())
    assert f"   6 ✗ {rows[4]['case']} fire  refused\n" in applied.out
    assert len(inbox(folder, "p1")) == 36
    for row in rows:
        row["reason"] = row["reason"] or ("通道过窄" if row["opinion"] == "disagree" else "")
    save(plan, rows)
    again = run(folder, "p1", "answer --plan plan.csv", "--json", now="2026-03-02T14:00")
    assert (again.code, again.json["counts"]) == (
        0,
        {"done": 12, "repeated": 84, "would": 0, "skipped": 24, "refused": 0},
    )
    case = rows[3]["case"]
    entered = next(step for step in shown(folder, case)["steps"] if step["task"] == "fire")
    assert entered["answers"]["conditions"] == ["装喷淋", "另设出口", "每年检查"]
    assert lianban(folder, "verify").code == 0


def test_a_plan_is_worked_off_on_either_database(tmp_path: Path, database: str) -> None:
    office_of(tmp_path, 3, database)
    at = ("--db", database)
    done(tmp_path, "p1", "answer --draft plan.csv", *at)
    rows = [{**row, "opinion": "agree"} for row in rows_of(tmp_path / "plan.csv")]
    save(tmp_path / "plan.csv", rows)
    for state in ("would", "done", "repeated"):
        dry = ["--dry-run"] * (state == "would")
        told = json.loads(done(tmp_path, "p1", "answer --plan plan.csv --json", *dry, *at))
        assert [line["state"] for line in told["lines"]] == [state] * 3
        assert [line["case"] for line in told["lines"]] == [row["case"] for row in rows]
    assert lianban(tmp_path, "verify", *at).code == 0


def test_a_plan_shows_a_bar_on_a_terminal(folder: Path) -> None:
    done(folder, "p1", "sign --draft plan.csv")
    code, seen = on_terminal(folder, ["sign", "--plan", "plan.csv", "--as", "p1", *NOW], [])
    assert code == 0, seen
    assert "100%" in seen


def plan_of(folder: Path, **first: str) -> list[dict[str, str]]:
    done(folder, "p1", "answer --draft plan.csv")
    rows = rows_of(folder / "plan.csv")
    rows[0] |= {"opinion": "agree", **first}
    return rows


def test_a_plan_that_excel_in_china_saved_is_read(folder: Path) -> None:
    save(folder / "plan.csv", plan_of(folder, opinion="不同意", reason="消防通道过窄"), "gb18030")
    said = done(folder, "p1", "answer --plan plan.csv", "--json")
    assert json.loads(said)["counts"]["done"] == 1
    step = next(step for step in shown(folder)["steps"] if step["task"] == "fire")
    assert step["answers"] == {"opinion": "disagree", "reason": "消防通道过窄"}


def test_the_forms_other_fields_may_stand_in_a_plan_and_columns_of_none_may_not(folder: Path) -> None:
    rows = plan_of(folder, note="看过现场")
    save(folder / "plan.csv", rows)
    assert (
        json.loads(done(folder, "p1", "answer --plan plan.csv --dry-run", "--json"))["counts"]["would"] == 1
    )
    save(folder / "plan.csv", [{**row, "opinon": ""} for row in rows])
    assert refused(folder, "p1", "answer --plan plan.csv") == (1, "plan.columns")


BROKEN = {
    "no plan": (b"a,b\n1,2\n", "plan.columns", "line 1"),
    "nothing": (b"", "plan.columns", "line 1"),
    "an open quote": (b'case,step\n1,fire\n1,"fire\n', "plan.csv", "line 3"),
    "a stray quote": (b'case,step\n1,"fire"x\n', "plan.csv", "line 2"),
    "no known encoding": (b"case,step\n1,fire\n\xff\xff,fire\n", "plan.encoding", "line 3"),
    "a column twice": (b"case,step,step\n1,fire,fire\n", "plan.columns", "line 1"),
    "a picture": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "plan", "line 1"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_is_no_plan_is_refused_naming_the_line(name: str, folder: Path) -> None:
    content, code, place = BROKEN[name]
    (folder / "plan.csv").write_bytes(content)
    ran = run(folder, "p1", "sign --plan plan.csv", "--json")
    error = json.loads(ran.err)
    assert (ran.code, ran.out) == (1, "")
    assert error["code"].startswith(code)
    assert place in error["message"]


def test_a_line_that_cannot_be_meant_is_told_with_its_number_and_the_others_are_done(folder: Path) -> None:
    lines = [
        "case,step,opinion",
        "1,fire,agree",
        ",,",
        "1,fire,disagree",
        "2,,agree",
        "999,fire,agree",
        "2,fire,maybe",
        "2,water,agree",
        "2,decide,,,extra",
    ]
    (folder / "plan.csv").write_text("\r\n".join(lines), encoding="utf-8")
    ran = run(folder, "p1", "answer --plan plan.csv", "--json")
    assert ran.code == 6
    found = {line["line"]: (line["state"], (line["refusal"] or {}).get("code")) for line in ran.json["lines"]}
    assert found == {
        2: ("done", None),
        4: ("refused", "plan.twice"),
        5: ("refused", "plan.line"),
        6: ("refused", "case.unknown"),
        7: ("refused", "form.invalid"),
        8: ("refused", "access.post"),
        9: ("refused", "plan.line"),
    }
    said = run(folder, "p1", "answer --plan plan.csv")
    assert "line 9 has more cells than there are columns" in said.out
    assert "give the same file again" in said.out
    assert refused(folder, "nobody", "answer --plan plan.csv") == (1, "person.unknown")


# --- meetings


@pytest.fixture(scope="session")
def disputed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An enterprise start-up to which the police object, so that a meeting is to be called. 2 March 2026."""
    folder = tmp_path_factory.mktemp("meeting")
    item = builtin().items()["enterprise-startup"]
    told = tomllib.loads((item / "examples" / "meeting.toml").read_text("utf-8"))
    with Office.create_rehearsal(str(folder / "lianban.db"), told["start"], None, [item]) as office:
        case = office.open_case(told["by"], "enterprise-startup", told["data"], told["start"]).case
        for step in told["steps"]:
            office.act(step["by"], case, command_of(step), step["at"])
            if step.get("do") == "consolidate":
                break
    return folder


@pytest.fixture
def meeting(disputed: Path, tmp_path: Path) -> Path:
    shutil.copytree(disputed, tmp_path, dirs_exist_ok=True)
    return tmp_path


CONVENE = (
    "meeting convene 1 --date 2026-03-05 --time 09:00 --place 三楼 --agenda 印章 "
    "--departments samr,psb,tax,hrss"
)
HOLD = (
    "meeting hold 1 --present samr=luo.yan --present psb=shi.lin --absent tax --absent hrss=出差 "
    "--opinion samr=agree --opinion psb=conditions:更正印章名称 --opinion psb=conditions:补交印模 "
    "--conclude psb:5wd:核对印模 --resolved"
)
THURSDAY = "2026-03-05T10:00"


def called(folder: Path) -> None:
    """The meeting is called; one department comes, one sends a substitute, one only signed for the call."""
    done(folder, "chen.jing", CONVENE)
    done(folder, "luo.yan", "meeting reply 1 --coming", now="2026-03-03T09:00")
    done(folder, "gao.jianjun", "meeting reply 1 --substitute shi.lin", now="2026-03-03T09:00")
    invitation = next(task["task"] for task in inbox(folder, "ma.xiulan"))
    done(folder, "ma.xiulan", f"sign 1 {invitation}", now="2026-03-03T09:00")


def test_a_meeting_is_convened_replied_to_held_and_its_conclusion_carried_out(meeting: Path) -> None:
    called(meeting)
    said = " ".join(done(meeting, "chen.jing", "meeting show 1", now="2026-03-03T10:00").split())
    assert "2026-03-05 09:00, 三楼 about: 印章" in said
    assert "Public Security Bureau Gao Jianjun sends Shi Lin" in said
    assert "Taxation Bureau Ma Xiulan no reply (received)" in said
    held = " ".join(done(meeting, "lei.ming", HOLD, now=THURSDAY).split())
    assert "∅ Taxation Bureau stayed away from Joint-handling meeting: deemed to agree" in held
    assert (
        "– Human Resources and Social Security Bureau stayed away from Joint-handling meeting, with" in held
    )
    assert "was held, with Luo Yan, Shi Lin: grant on conditions" in held
    said = " ".join(done(meeting, "chen.jing", "meeting show 1", now=THURSDAY).split())
    assert "was there: Shi Lin; agrees on conditions" in said
    assert "∅ Taxation Bureau stayed away: deemed to agree (示例县并联审批管理办法 第十八条)" in said
    assert "1. 核对印模 (Public Security Bureau, 5wd)" in said
    assert "came to: grant on conditions" in said
    minutes = next(
        event["data"]["data"]
        for event in lianban(meeting, "history", "1", "--json").json["events"]
        if event["type"] == "task.completed" and event["data"]["element"] == "hold_meeting"
    )
    assert minutes["opinions"][1] == {
        "department": "psb",
        "opinion": "conditions",
        "conditions": ["更正印章名称", "补交印模"],
    }
    assert {"department": "tax", "person": "ma.xiulan", "present": False} in minutes["attendance"]
    assert lianban(meeting, "verify").code == 0


@pytest.mark.parametrize(
    ("who", "line", "now", "code", "expected"),
    [
        ("chen.jing", CONVENE.replace("03-05", "03-03"), "2026-03-02T13:00", 1, "meeting.notice"),
        ("chen.jing", CONVENE.replace("tax,", "housing,"), "2026-03-02T13:00", 1, "meeting.department"),
        ("chen.jing", CONVENE.replace("--time 09:00", ""), "2026-03-02T13:00", 1, "form.invalid"),
        ("wang.lei", CONVENE, "2026-03-02T13:00", 4, "access.post"),
        ("chen.jing", HOLD, "2026-03-02T13:00", 1, "meeting.closed"),
        ("chen.jing", "meeting reply 1 --coming", "2026-03-02T13:00", 1, "meeting.closed"),
    ],
)
def test_what_a_meeting_does_not_allow_is_refused(
    meeting: Path, who: str, line: str, now: str, code: int, expected: str
) -> None:
    assert refused(meeting, who, line, now=now) == (code, expected)


@pytest.mark.parametrize(
    ("who", "line", "now", "code", "expected"),
    [
        ("mu.zhigang", "meeting reply 1 --substitute luo.yan", "2026-03-04T09:00", 1, "meeting.substitute"),
        ("chen.jing", "meeting reply 1 --coming", "2026-03-04T09:00", 1, "meeting.which"),
        ("lei.ming", HOLD, "2026-03-04T09:00", 1, "meeting.closed"),
        ("chen.jing", HOLD, THURSDAY, 4, "access.post"),
        ("lei.ming", HOLD.replace("luo.yan", "wang.lei"), THURSDAY, 1, "meeting.person"),
        ("lei.ming", HOLD.replace("--absent tax ", ""), THURSDAY, 1, "meeting.attendance"),
        ("lei.ming", HOLD.replace("samr=agree", "samr=disagree"), THURSDAY, 1, "form.invalid"),
        ("lei.ming", HOLD.replace("samr=agree", "tax=agree"), THURSDAY, 1, "meeting.opinion"),
        (
            "lei.ming",
            HOLD.replace("psb:5wd:核对印模", "nobody:5wd:核对印模"),
            THURSDAY,
            1,
            "meeting.conclusion",
        ),
        ("lei.ming", HOLD.replace("psb:5wd:核对印模", "psb:核对印模"), THURSDAY, 2, "usage"),
    ],
)
def test_what_a_called_meeting_does_not_allow_is_refused(
    meeting: Path, who: str, line: str, now: str, code: int, expected: str
) -> None:
    called(meeting)
    assert refused(meeting, who, line, now=now) == (code, expected)


def test_what_was_said_of_a_meeting_before_is_said_once(meeting: Path) -> None:
    called(meeting)
    assert "already done" in done(meeting, "chen.jing", CONVENE, now="2026-03-03T09:30")
    again = done(meeting, "luo.yan", "meeting reply 1 --coming", now="2026-03-03T09:30")
    assert "already done" in again
    assert refused(meeting, "luo.yan", "meeting reply 1 --apology 出差", now="2026-03-03T09:30")[0] == 1
    done(meeting, "lei.ming", HOLD, now=THURSDAY)
    assert "already done" in done(meeting, "lei.ming", HOLD, now=THURSDAY)
    assert lianban(meeting, "verify").code == 0


def test_minutes_of_a_meeting_to_which_nobody_came_need_no_file_and_full_width_colons_do(
    meeting: Path,
) -> None:
    called(meeting)
    nobody = "meeting hold 1 --absent samr=出差 --absent psb=出差 --absent tax=出差 --absent hrss=出差 "
    done(meeting, "lei.ming", f"{nobody} --conclude psb：5wd：重新开会 --unresolved", now=THURSDAY)
    said = done(meeting, "chen.jing", "meeting show 1", now=THURSDAY)
    assert "1. 重新开会 (Public Security Bureau, 5wd)" in said


def test_minutes_may_come_from_a_file_and_what_was_not_settled_goes_to_the_duty_leader(meeting: Path) -> None:
    called(meeting)
    minutes = {
        "attendance": [
            {"department": "samr", "person": "luo.yan", "present": True},
            {"department": "psb", "person": "shi.lin", "present": True},
            {"department": "tax", "person": "ma.xiulan", "present": False},
            {"department": "hrss", "person": "mu.zhigang", "present": False},
        ],
        "opinions": [{"department": "psb", "opinion": "disagree", "reason": "名称不一致"}],
        "conclusions": [],
        "summary": "未达成一致",
    }
    (meeting / "minutes.json").write_text(json.dumps(minutes), encoding="utf-8")
    said = done(meeting, "lei.ming", "meeting hold 1 --data minutes.json --unresolved", now=THURSDAY)
    assert "was held, with Luo Yan, Shi Lin: unresolved" in " ".join(said.split())
    assert "duty_decision" in said


# --- how it looks, and what programs read


def busy(folder: Path) -> None:
    """A bit of everything, in case 1."""
    done(folder, "p1", "sign 1 fire")
    done(folder, "p1", "answer 1 fire --set opinion=conditions", "--set", "conditions=装喷淋, 另设出口")
    done(folder, "lead1", "confirm 1 fire")
    done(folder, "clerk", "challenge 1 water --person q2 --party 张三 --reason 对手")
    done(folder, "lead2", "recusal decide 1 r1 --uphold --reason 属实")
    done(folder, "p2", "sign 1 water")
    done(folder, "clerk", "handover 1 --to colleague --reason 请假")
    lianban(folder, "sweep", "--now", "2026-03-09T09:00")


def test_nothing_is_wider_than_the_terminal_but_commands_to_copy(folder: Path) -> None:
    busy(folder)
    done(folder, "p1", "sign --draft plan.csv", now="2026-03-09T09:00")
    for lang in ("zh", "en"):
        for line in (
            "show 1",
            "history 1",
            "history office",
            "inbox --all",
            "org show",
            "org people",
            "org delegations",
            "sign --plan plan.csv --dry-run",
            "meeting show 1",
        ):
            said = run(folder, "p1", line, "--lang", lang, now="2026-03-09T09:00").out
            assert said
            assert all(cell_len(row) <= 80 or "lianban " in row for row in said.splitlines()), said


def test_no_event_of_a_review_is_told_by_its_code(folder: Path) -> None:
    busy(folder)
    story = told(folder, "1")
    for event in lianban(folder, "history", "1", "--json").json["events"]:
        assert event["type"] not in story
    assert "Joint review, all answers are in: grant on conditions; conditions: 2; by silence: d2" in story


def keys(value: Any) -> set[str]:
    """All keys in JSON, save those that are the case's and not ours."""
    own = {"answers", "data", "refused", "failed", "value", "by", "grounds", "counts"}
    if isinstance(value, list):
        return {key for entry in value for key in keys(entry)}
    if isinstance(value, dict):
        return set(value) | {key for name, entry in value.items() if name not in own for key in keys(entry)}
    return set()


def test_every_key_is_documented(folder: Path) -> None:
    documented = set(re.findall(r"`([a-z_]+)`", (ROOT / "docs" / "json.md").read_text(encoding="utf-8")))
    busy(folder)
    (folder / "new.toml").write_bytes(ORGANISATION.replace(b"d3/porter", b"d3/guard"))
    for who, line in (
        ("p1", "show 1"),
        ("p1", "history 1"),
        ("p1", "history office"),
        ("p1", "inbox --all"),
        ("p1", "sign 2 fire"),
        ("p1", "sign --draft plan.csv"),
        ("p1", "answer --draft plan.csv"),
        ("p1", "sign --plan plan.csv --dry-run"),
        ("p1", "handover --all --to q1 --reason x"),
        ("clerk", "org grant q1 d1/leader"),
        ("p1", "org show"),
        ("p1", "org people"),
        ("p1", "org delegations"),
        ("clerk", "org import new.toml --dry-run"),
        ("clerk", "org import new.toml"),
        ("p1", "meeting show 1"),
    ):
        ran = run(folder, who, line, "--json", now="2026-03-09T09:00")
        assert ran.code == 0, ran.err
        assert keys(ran.json) - {"zh", "en"} <= documented, line


def test_every_key_about_meetings_is_documented_and_no_line_is_too_wide(meeting: Path) -> None:
    documented = set(re.findall(r"`([a-z_]+)`", (ROOT / "docs" / "json.md").read_text(encoding="utf-8")))
    called(meeting)
    done(meeting, "lei.ming", HOLD, now=THURSDAY)
    for line in ("meeting show 1", "show 1", "history 1"):
        ran = run(meeting, "chen.jing", line, "--json", now=THURSDAY)
        assert keys(ran.json) - {"zh", "en"} <= documented, line
        for lang in ("zh", "en"):
            said = run(meeting, "chen.jing", line, "--lang", lang, now=THURSDAY).out
            assert all(cell_len(row) <= 80 or "lianban " in row for row in said.splitlines()), said
