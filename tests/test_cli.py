"""The console script as people and scripts use it: what it prints, in which language, and its exit codes."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from terminal import SCRIPT, Ran, environment, lianban, on_terminal

import cli
from engine.verbs.table import ROOMS, Group, Verb

ROOT = Path(__file__).parent.parent
CATALOGUE = ROOT / "engine" / "locale" / "zh" / "LC_MESSAGES" / "lianban.po"

CASE = "539901-SC-LB0001-2026-00001"
APPLICATION = {
    "company_name": "示例县春城生态农业有限公司",
    "company_type": "limited",
    "registered_capital": 200,
    "address": "示例县城关镇文化路18号",
    "business_scope": "蔬菜、水果的种植和销售",
    "legal_representative": "张明",
    "applicant": "张明",
    "id_number": "539901198506150031",
    "phone": "0876-5550101",
    "seals": 3,
    "employees": 12,
    "vat_taxpayer": "small",
    "channel": "counter",
}
BEGINNING = [
    ("chen.jing", "09:10", "intake", ["outcome=complete", "materials=公司章程 1份"]),
    ("chen.jing", "09:20", "accept", ["delivery=in_person"]),
]
REST = [
    ("zhou.ting", "10:00", "tax_review", ["opinion=agree"]),
    ("wang.lei", "10:10", "samr_review", ["opinion=agree"]),
    ("liu.yang", "10:20", "hrss_review", ["opinion=agree"]),
    ("yang.fan", "10:30", "psb_review", ["opinion=agree"]),
    ("zhao.guoqiang", "11:00", "decide", ["decision=grant"]),
    ("wang.lei", "11:30", "issue_licence", ["licence_number=91539901MA6KA00015", "established=2026-03-02"]),
    ("zhou.ting", "14:00", "tax_registration", ["certificate_number=SW-1"]),
    ("liu.yang", "14:10", "insurance_registration", ["certificate_number=SB-1"]),
    ("yang.fan", "14:20", "seal_record", ["certificate_number=YZ-1"]),
    ("li.na", "16:00", "hand_over", ["recipient=张明", "method=in_person", "items=营业执照, 印章备案回执"]),
]


def act(folder: Path, who: str, at: str, step: str, answers: Sequence[str], *more: str) -> Ran:
    pairs = [word for answer in answers for word in ("--set", answer)]
    return lianban(folder, "do", "1", step, *pairs, "--as", who, "--now", f"2026-03-02T{at}", *more)


def begin(folder: Path, *more: str) -> None:
    """An office with one case in joint review."""
    assert lianban(folder, "init", "--rehearsal", "--now", "2026-01-05", *more).code == 0
    (folder / "startup.json").write_text(json.dumps(APPLICATION), encoding="utf-8")
    words = ["open", "enterprise-startup", "--data", "startup.json", "--as", "chen.jing"]
    assert lianban(folder, *words, "--now", "2026-03-02T09:00", *more).code == 0
    for who, at, step, answers in BEGINNING:
        assert act(folder, who, at, step, answers, *more).code == 0


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared")
    begin(folder)
    return folder


@pytest.fixture
def office(prepared: Path, tmp_path: Path) -> Path:
    """A folder of its own with an office in `lianban.db`, and a case under review by four departments."""
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    return tmp_path


# --- the main job


def test_a_joint_case_runs_from_an_empty_database_to_a_proven_history(tmp_path: Path, database: str) -> None:
    at = ("--db", database, "--json")
    begin(tmp_path, *at)
    for who, instant, step, answers in REST:
        done = act(tmp_path, who, instant, step, answers, *at)
        assert (done.code, done.err) == (0, ""), done.err
    assert done.json["outcome"] == "granted"
    shown = lianban(tmp_path, "show", CASE, *at).json
    assert shown["status"] == "closed"
    assert [step["state"] for step in shown["steps"]] == ["done"] * 12
    history = lianban(tmp_path, "history", "1", *at).json["events"]
    assert [event["seq"] for event in history] == list(range(1, len(history) + 1))
    replayed = lianban(tmp_path, "replay", "1", *at)
    assert (replayed.code, replayed.json["agrees"], len(replayed.json["events"])) == (0, True, len(history))
    verified = lianban(tmp_path, "verify", *at)
    assert (verified.code, verified.json["histories"], verified.json["findings"]) == (0, 2, [])
    assert verified.json["checked"]["documents"] > 0
    licence = lianban(tmp_path, "print", "1", "licence", *at[:2])
    assert "91539901MA6KA00015" in licence.out


def test_show_tells_which_departments_have_answered_and_which_not(office: Path) -> None:
    assert act(office, "zhou.ting", "10:00", "tax_review", ["opinion=agree"]).code == 0
    drawn = lianban(office, "show", "1", "--now", "2026-03-02T10:30").out
    assert "1 of 4 done" in drawn
    lines = {line[1:2] + line[3:4]: line for line in drawn.splitlines() if line[3:4] in "●✓"}
    assert "Tax type pre-check: agree" in next(line for line in drawn.splitlines() if "│ ✓" in line)
    assert sum("●" in line for line in drawn.splitlines()) == 3
    assert lines
    assert f"lianban sign {CASE} psb_review --as yang.fan" in drawn


def test_the_commands_that_show_offers_are_those_of_the_one_who_asks(office: Path) -> None:
    drawn = lianban(office, "show", "1", LIANBAN_USER="zhou.ting").out
    assert f" lianban sign {CASE} tax_review\n" in drawn
    assert "samr_review" not in drawn


def test_doing_it_again_succeeds_and_records_nothing(office: Path) -> None:
    first = act(office, "zhou.ting", "10:00", "tax_review", ["opinion=agree"], "--json")
    again = act(office, "zhou.ting", "10:05", "tax_review", ["opinion=agree"], "--json")
    assert (again.code, again.json["repeated"], again.json["events"]) == (0, True, [])
    assert again.json["open"] == first.json["open"]
    assert "already done" in act(office, "zhou.ting", "10:05", "tax_review", ["opinion=agree"]).out
    other = act(office, "zhou.ting", "10:05", "tax_review", ["opinion=not_concerned", "reason=无"])
    assert other.code == 1


# --- answers


def test_answers_come_from_a_file_from_standard_input_and_one_by_one(office: Path) -> None:
    words = ["do", "1", "tax_review", "--as", "zhou.ting", "--now", "2026-03-02T10:00"]
    given = json.dumps({"opinion": "agree", "note": "无"})
    done = lianban(office, *words, "--data", "-", "--set", "note=已核", "--json", stdin=given)
    assert done.json["events"][1]["data"]["data"] == {"opinion": "agree", "note": "已核"}


def test_without_a_terminal_the_refusal_lists_everything_that_is_missing(office: Path) -> None:
    refused = lianban(office, "open", "senior-card", "--as", "tang.li", "--set", "applicant=段老福", "--json")
    assert refused.code == 1
    assert refused.out == ""
    error = json.loads(refused.err)
    assert error["code"] == "form.invalid"
    assert all(field in error["message"] for field in ("birth_date", "id_number", "residence"))


def test_on_a_terminal_what_is_missing_is_asked_for(office: Path) -> None:
    words = ["do", "1", "tax_review", "--as", "zhou.ting", "--now", "2026-03-02T10:00"]
    code, seen = on_terminal(office, words, ["9", "3", "材料不全", "", ""])
    assert code == 0, seen
    assert "Opinion [1 agree / 2 agree with conditions" in seen
    assert "does not fit the form" in seen
    answers = lianban(office, "show", "1", "--json").json["steps"][4]["answers"]
    assert answers == {"opinion": "disagree", "reason": "材料不全"}


def test_nobody_is_asked_what_the_act_would_refuse_anyway(office: Path) -> None:
    code, seen = on_terminal(office, ["do", "1", "tax_review", "--as", "wang.lei"], ["1"])
    assert code == 4
    assert "Opinion" not in seen


def test_interrupting_a_question_records_nothing_and_stays_quiet(office: Path) -> None:
    before = lianban(office, "history", "1").out
    code, seen = on_terminal(
        office, ["do", "1", "tax_review", "--as", "zhou.ting", "--now", "2026-03-02T10:00"], ["^C"]
    )
    assert code == 130
    assert "Traceback" not in seen
    assert lianban(office, "history", "1").out == before


# --- refusals


REFUSALS = {
    "unknown case": (["show", "999"], 1, "case.unknown"),
    "unknown step": (["do", "1", "nonsense", "--as", "zhou.ting"], 1, "step.closed"),
    "closed step": (["do", "1", "intake", "--as", "chen.jing"], 1, "step.closed"),
    "wrong department": (
        ["do", "1", "tax_review", "--as", "wang.lei", "--set", "opinion=agree"],
        4,
        "access.post",
    ),
    "unknown person": (["inbox", "--as", "nobody"], 1, "person.unknown"),
    "nobody": (["inbox"], 1, "person.missing"),
    "invalid answer": (
        ["do", "1", "tax_review", "--as", "zhou.ting", "--set", "opinion=maybe"],
        1,
        "form.invalid",
    ),
    "unknown field": (
        ["do", "1", "tax_review", "--as", "zhou.ting", "--set", "opinon=agree"],
        1,
        "form.unknown_field",
    ),
    "missing file": (
        ["do", "1", "tax_review", "--as", "zhou.ting", "--data", "none.json"],
        1,
        "file.unreadable",
    ),
    "folder as file": (["do", "1", "tax_review", "--as", "zhou.ting", "--data", "."], 1, "file.unreadable"),
    "no JSON": (["do", "1", "tax_review", "--as", "zhou.ting", "--data", "broken.json"], 1, "json.invalid"),
    "no object": (["do", "1", "tax_review", "--as", "zhou.ting", "--data", "list.json"], 1, "data.invalid"),
    "endless file": (
        ["do", "1", "tax_review", "--as", "zhou.ting", "--data", "/dev/zero"],
        1,
        "file.too_large",
    ),
    "unknown item": (["open", "nonsense", "--as", "tang.li"], 1, "item.unknown"),
    "unknown document": (["print", "1", "licence"], 1, "document.unknown"),
    "unwritable file": (["print", "1", "-o", "none/notice.html"], 1, "file.unwritable"),
    "no office": (["--db", "none.db", "inbox"], 1, "office.missing"),
    "no database": (["--db", "startup.json", "inbox"], 1, "database.not_a_database"),
    "no such address": (["--db", "mysql://localhost/x", "inbox"], 1, "database.address"),
    "second office": (["init", "--rehearsal"], 1, "office.exists"),
    "working office": (["--db", "other.db", "init"], 1, "office.working"),
    "not an item": (["item", "publish", "."], 1, "definition.problems"),
    "unknown option": (["inbox", "--nonsense"], 2, "usage"),
    "unknown command": (["nonsense"], 2, "usage"),
    "missing argument": (["do", "1"], 2, "usage"),
    "no instant": (["show", "1", "--now", "yesterday"], 2, "usage"),
    "no value": (["do", "1", "tax_review", "--as", "zhou.ting", "--set", "opinion"], 2, "usage"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_is_one_object_on_stderr_with_its_exit_code(name: str, office: Path) -> None:
    (office / "broken.json").write_text('{"opinion": NaN}')
    (office / "list.json").write_text("[1]")
    words, code, expected = REFUSALS[name]
    refused = lianban(office, *words, "--json")
    assert (refused.code, refused.out) == (code, "")
    error = json.loads(refused.err)
    assert error["code"] == expected
    assert list(error)[:6] == ["code", "message", "expected", "found", "rule", "remedy"]
    assert error["message"]
    assert not (office / "none.db").exists()
    assert not (office / "other.db").exists()


def test_refusals_change_nothing(office: Path) -> None:
    def everything() -> list[tuple[Any, ...]]:
        with sqlite3.connect(office / "lianban.db") as connection:
            tables = ("events", "heads", "tasks", "timers", "documents", "numbers")
            return [row for table in tables for row in connection.execute(f"SELECT * FROM {table}")]

    before = everything()
    for name in ("closed step", "wrong department", "invalid answer", "unknown item", "not an item"):
        lianban(office, *REFUSALS[name][0], "--now", "2026-03-02T10:00")
    assert everything() == before


def test_a_refusal_in_words_says_expected_found_rule_and_remedy(office: Path) -> None:
    refused = act(office, "wang.lei", "10:00", "tax_review", ["opinion=agree"])
    assert (refused.code, refused.out) == (4, "")
    assert refused.err.splitlines()[0] == "wang.lei may not do Tax type pre-check"
    assert [line.strip().split("  ")[0] for line in refused.err.splitlines()[1:4]] == [
        "expected",
        "found",
        "rule",
    ]
    assert "ask zhou.ting" in refused.err


def test_a_database_of_another_version_is_refused_and_upgraded_only_on_request(office: Path) -> None:
    with sqlite3.connect(office / "lianban.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    for words in (["inbox", "--all"], ["db", "check"], ["db", "upgrade"]):
        refused = lianban(office, *words, "--json")
        assert (refused.code, json.loads(refused.err)["code"]) == (1, "database.version")
        assert "9999" in json.loads(refused.err)["found"]


def test_upgrading_a_database_that_fits_does_nothing(office: Path) -> None:
    assert lianban(office, "db", "upgrade", "--json").json == {"upgraded": False}
    assert lianban(office, "db", "check", "--json").json["rehearsal"] is True


def test_a_locked_database_is_a_conflict(office: Path) -> None:
    connection = sqlite3.connect(office / "lianban.db", isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    refused = act(office, "zhou.ting", "10:00", "tax_review", ["opinion=agree"], "--json")
    connection.execute("ROLLBACK")
    connection.close()
    assert (refused.code, json.loads(refused.err)["code"]) == (3, "database.locked")


def test_a_changed_byte_is_an_integrity_failure_that_names_case_and_event(office: Path) -> None:
    with sqlite3.connect(office / "lianban.db") as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        [(seq,)] = connection.execute(
            "UPDATE events SET body = CAST(replace(body, ?, ?) AS BLOB) "
            "WHERE case_no = ? AND instr(body, CAST(? AS BLOB)) RETURNING seq",
            [" 1份", " 9份", CASE, '"materials":["公司章程 1份"]'],
        ).fetchall()
    connection.close()
    found = lianban(office, "verify", "--json")
    assert found.code == 5
    assert [finding["code"] for finding in found.json["findings"]][:1] == ["chain.broken"]
    assert f"{CASE}, event {seq}" in found.json["findings"][0]["message"]
    in_words = lianban(office, "verify")
    assert in_words.code == 5
    assert "findings: 1" in in_words.out
    assert CASE in in_words.err


def test_a_sweep_that_leaves_cases_behind_is_partly_done(office: Path) -> None:
    with sqlite3.connect(office / "lianban.db") as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(
            "DELETE FROM contents WHERE digest = (SELECT definition FROM heads WHERE case_no = ?)", [CASE]
        )
    connection.close()
    swept = lianban(office, "sweep", "--now", "2026-03-09", "--json")
    assert swept.code == 6
    assert swept.json["refused"][CASE]["code"] == "definition.missing"


def test_the_sweep_fires_what_is_due_and_the_second_one_nothing(office: Path) -> None:
    words = ["sweep", "--now", "2026-03-09", "--json"]
    first, second = lianban(office, *words).json, lianban(office, *words).json
    assert (first["cases"], first["fired"] > 0, first["refused"]) == ([CASE], True, {})
    assert (second["cases"], second["fired"], second["refused"]) == ([], 0, {})


def test_an_unexpected_error_is_one_plain_line(
    office: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("frames")

    monkeypatch.setattr("engine.office.Office.show", broken)
    monkeypatch.chdir(office)
    assert cli.run(["show", "1"]) == 70
    assert "internal error: KeyError: 'frames'" in capsys.readouterr().err
    assert cli.run(["show", "1", "--json"]) == 70
    assert json.loads(capsys.readouterr().err)["code"] == "internal"


def test_what_was_typed_cannot_steer_the_terminal(office: Path) -> None:
    refused = lianban(office, "show", "\x1b[2J\u202e1")
    assert refused.code == 1
    assert "\x1b" not in refused.err
    assert "\u202e" not in refused.err
    assert "UTF-8" in lianban(office, "show", os.fsdecode(b"\xff")).err


# --- output


def test_colour_is_for_terminals_only(office: Path) -> None:
    assert "\x1b" not in lianban(office, "show", "1").out
    _, seen = on_terminal(office, ["show", "1"], [])
    assert "\x1b[" in seen


def test_nothing_is_wider_than_the_terminal_but_commands_to_copy(office: Path) -> None:
    from rich.cells import cell_len

    for lang in ("zh", "en"):
        for words in (["show", "1"], ["history", "1"], ["replay", "1"], ["inbox", "--all"], ["item", "list"]):
            for line in lianban(office, *words, "--lang", lang).out.splitlines():
                assert cell_len(line) <= 80 or "lianban do" in line, line


def test_a_reader_that_stops_early_is_no_error(office: Path) -> None:
    answer = "do 1 tax_review --set opinion=agree --as zhou.ting --now 2026-03-02T10:00"
    command = f"'{SCRIPT}' history 1 | head -1; '{SCRIPT}' {answer} | true"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=office,
        env=environment(),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{CASE}\n", "")


def test_an_output_that_cannot_be_written_is_a_plain_refusal(office: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [SCRIPT, "show", "1", "--json"],
            cwd=office,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 1
    assert json.loads(done.stderr)["code"] == "output.failed"


def test_what_a_terminal_cannot_show_is_replaced_and_json_is_spelled_out(office: Path) -> None:
    env = {"PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    assert "539901-SC-LB0001-2026-00001" in lianban(office, "show", "1", **env).out
    shown = lianban(office, "show", "1", "--json", **env).json
    assert shown["application"][0]["value"] == APPLICATION["company_name"]


def test_a_document_goes_to_standard_output_or_to_a_file(office: Path) -> None:
    printed = lianban(office, "print", "1").out
    assert printed.startswith("<!doctype html>")
    assert "受理〔2026〕1号" in printed
    assert lianban(office, "print", "1", "acceptance-notice", "-o", "notice.html").code == 0
    assert (office / "notice.html").read_text(encoding="utf-8") == printed
    code, seen = on_terminal(office, ["print", "1"], [])
    assert code == 0
    assert "受理〔2026〕1号.html" in seen
    assert (office / "受理〔2026〕1号.html").read_text(encoding="utf-8") == printed


def test_the_options_of_every_command_may_stand_before_and_after_it(office: Path) -> None:
    before = lianban(office, "--json", "--as", "zhou.ting", "inbox")
    after = lianban(office, "inbox", "--json", "--as", "zhou.ting")
    assert before.out == after.out
    assert [task["task"] for task in after.json["tasks"]] == ["tax_review"]
    assert lianban(office, "inbox", "--as", "zhou.ting", LIANBAN_USER="wang.lei").out.count("tax_review") == 2


def test_every_key_of_the_json_is_documented(office: Path) -> None:
    documented = set(re.findall(r"`([a-z_]+)`", (ROOT / "docs" / "json.md").read_text(encoding="utf-8")))
    own = {"answers", "data", "refused", "value", "by"}  # their keys are the case's, not ours

    def keys(value: Any) -> set[str]:
        if isinstance(value, list):
            return {key for entry in value for key in keys(entry)}
        if isinstance(value, dict):
            return set(value) | {
                key for name, entry in value.items() if name not in own for key in keys(entry)
            }
        return set()

    diagram = ROOT / "tests" / "stories" / "files"
    for words in (
        ["show", "1"],
        ["history", "1"],
        ["replay", "1"],
        ["inbox", "--all"],
        ["verify"],
        ["sweep"],
        ["print", "1"],
        ["item", "list"],
        ["item", "check", str(ROOT / "processes" / "senior-card")],
        ["item", "publish", str(ROOT / "processes" / "senior-card")],
        ["item", "rehearse", str(diagram / "review.bpmn"), "--inputs", str(diagram / "inputs.json")],
        ["db", "check"],
        ["do", "1", "tax_review", "--as", "zhou.ting", "--set", "opinion=agree"],
    ):
        ran = lianban(office, *words, "--json")
        assert ran.code == 0, ran.err
        assert keys(ran.json) - {"zh", "en"} <= documented, words


def every_command() -> list[tuple[str, Verb]]:
    """Each command by its whole name; looking them up imports the rooms that the table names."""
    context = cli.click.Context(cli.cli)
    groups = {"": cli.cli, **{n: g for n, g in cli.cli.commands.items() if isinstance(g, Group)}}
    found = [
        (f"{above} {name}".strip(), group.get_command(context, name))
        for above, group in groups.items()
        for name in group.list_commands(context)
    ]
    return [(name, command) for name, command in found if isinstance(command, Verb)]


def test_each_command_is_in_the_room_that_the_table_names() -> None:
    named = {path.replace("/", " "): room for room, paths in ROOMS.items() for path in paths.split()}
    rooms = {name: str(command.callback.__module__) for name, command in every_command() if command.callback}
    assert {name: module.removeprefix("engine.verbs.") for name, module in rooms.items()} == named
    listed = {f"engine.verbs.{room}" for room in ROOMS}
    assert listed <= set(sys.modules)


def test_the_help_of_every_command_opens_with_an_example() -> None:
    for name, command in every_command():
        context = cli.click.Context(command, info_name=name)
        assert command.get_help(context).startswith("lianban "), name
        assert command.help, name


# --- items


def test_all_problems_of_an_item_are_listed_with_file_and_element(office: Path) -> None:
    folder = office / "processes" / "broken"
    shutil.copytree(ROOT / "processes" / "senior-card", folder)
    text = (folder / "item.toml").read_text(encoding="utf-8")
    (folder / "item.toml").write_text(
        text.replace('kind = "immediate"', 'kind = "whatever"'), encoding="utf-8"
    )
    diagram = (folder / "diagram.bpmn").read_text(encoding="utf-8")
    (folder / "diagram.bpmn").write_text(diagram.replace("userTask", "adHocSubProcess"), encoding="utf-8")
    checked = lianban(office, "item", "check", str(folder))
    assert checked.code == 1
    assert re.search(r"^ *--> item.toml:\d+  kind$", checked.out, re.MULTILINE)
    assert re.search(r"^ *--> diagram.bpmn:\d+  \w+$", checked.out, re.MULTILINE)
    refused = lianban(office, "item", "publish", str(folder), "--json")
    assert refused.code == 1
    assert len(json.loads(refused.err)["problems"]) > 1


def test_an_item_can_be_checked_where_there_is_no_office(tmp_path: Path) -> None:
    checked = lianban(tmp_path, "item", "check", str(ROOT / "processes" / "senior-card"), "--json")
    assert (checked.code, checked.json["problems"]) == (0, [])
    assert checked.json["examples"] > 0


def rehearse(folder: Path, diagram: str, inputs: Any, *more: str) -> Ran:
    shutil.copytree(ROOT / "tests" / "stories" / "files", folder, dirs_exist_ok=True)
    return lianban(folder, "item", "rehearse", diagram, "--inputs", "-", *more, stdin=json.dumps(inputs))


def test_a_bare_diagram_is_rehearsed_with_no_office_around_it(tmp_path: Path) -> None:
    inputs = {
        "start": "2026-03-02T09:00:00+08:00",
        "steps": [{"complete": "fire"}, {"advance_to": "2026-03-04T09:00:00+08:00"}, {"complete": "water"}],
    }
    ran = rehearse(tmp_path, "review.bpmn", inputs, "--json")
    assert (ran.code, ran.err) == (0, "")
    assert list(ran.json) == ["trace", "open", "state", "problem"]
    assert (ran.json["open"], ran.json["state"], ran.json["problem"]) == ([], "completed", None)
    fired = next(entry for entry in ran.json["trace"] if entry["event"] == "fired")
    assert (fired["at"], fired["element"]) == ("2026-03-03T09:00:00+08:00", "water_reminder")
    in_words = rehearse(tmp_path, "review.bpmn", inputs)
    assert "2026-03-03T09:00:00+08:00" in in_words.out
    assert "state: completed" in in_words.out


@pytest.mark.parametrize(
    ("diagram", "inputs", "code"),
    [
        ("review.bpmn", {"start": "2026-03-02T09:00", "steps": [{"complete": "nothing"}]}, "step.closed"),
        ("review.bpmn", {"steps": []}, "inputs.invalid"),
        ("review.bpmn", [], "inputs.invalid"),
        ("none.bpmn", {"start": "2026-03-02"}, "file.unreadable"),
        ("inputs.json", {"start": "2026-03-02"}, None),
    ],
)
def test_what_cannot_be_rehearsed_is_refused_and_named(
    tmp_path: Path, diagram: str, inputs: Any, code: str | None
) -> None:
    ran = rehearse(tmp_path, diagram, inputs, "--json")
    assert (ran.code, ran.err, ran.json["state"]) == (1, "", "refused")
    assert set(ran.json["problem"]) == {"code", "element", "message", "remedy"}
    assert code in (None, ran.json["problem"]["code"])
    in_words = rehearse(tmp_path, diagram, inputs)
    assert in_words.code == 1
    assert in_words.err


# --- speed


@pytest.mark.parametrize(
    ("words", "unwanted"),
    [
        (["inbox", "--all", "--json"], "SpiffWorkflow lxml alembic jinja2 jsonschema rich"),
        (["show", "1", "--json"], "SpiffWorkflow lxml alembic jinja2 jsonschema rich"),
        (["history", "1", "--json"], "SpiffWorkflow lxml alembic jinja2 jsonschema rich"),
        (["show", "1"], "SpiffWorkflow lxml alembic jinja2 jsonschema"),
        (
            ["do", "1", "tax_review", "--set", "opinion=agree", "--as", "zhou.ting"],
            "SpiffWorkflow lxml alembic",
        ),
        (["--help"], "sqlalchemy SpiffWorkflow lxml alembic jinja2 jsonschema rich"),
    ],
)
def test_a_short_command_imports_only_what_it_needs(office: Path, words: list[str], unwanted: str) -> None:
    code = "import sys, cli; cli.run(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=office,
        env=environment(),
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert not set(unwanted.split()) & set(done.stderr.split())


# --- languages


@pytest.mark.parametrize(
    ("words", "env", "chinese"),
    [
        (["--lang", "zh"], {}, True),
        (["--lang=zh"], {"LIANBAN_LANG": "en"}, True),
        ([], {"LIANBAN_LANG": "zh", "LC_ALL": "en_US.UTF-8"}, True),
        ([], {"LC_ALL": "zh_CN.UTF-8"}, True),
        ([], {"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "en_US.UTF-8"}, False),
        (["--lang", "en"], {"LIANBAN_LANG": "zh"}, False),
        ([], {"LC_ALL": "de_DE.UTF-8"}, False),
        ([], {}, False),
    ],
)
def test_the_language_is_the_option_the_variable_or_the_locale(
    office: Path, words: list[str], env: dict[str, str], chinese: bool
) -> None:
    refused = lianban(office, *words, "show", "999", **env)
    assert refused.err.startswith("没有办件 999") is chinese


def test_everything_is_said_in_chinese(office: Path) -> None:
    english = re.compile("[A-Za-z]{3,}")
    names = re.compile(
        r"[0-9a-f]{8}$|lianban[a-z .<>_\d-]*|539901-[A-Z0-9-]+|--?[a-z]+( FILE)?|[a-z_]+_review"
        r"|[a-z]+\.[a-z]+"
    )
    for words in (
        ["show", "1"],
        ["inbox", "--all"],
        ["show", "999"],
        ["history", "1"],
        ["verify"],
        ["sweep"],
    ):
        said = lianban(office, *words, LIANBAN_LANG="zh")
        for line in (said.out + said.err).splitlines():
            assert not english.search(names.sub("", line)), line
    for words in ([], ["do"], ["item"], ["item", "rehearse"]):
        said = lianban(office, *words, "--help", LIANBAN_LANG="zh")
        described = [line for line in said.out.splitlines() if re.match("  [^ -]", line)]
        assert said.code == 0
        assert all(re.search("[\u4e00-\u9fff]", line) or "{" in line for line in described), said.out
    assert "错误" in lianban(office, "do", LIANBAN_LANG="zh").err


def msgids() -> set[str]:
    found = extract_from_dir(
        ROOT / "engine", method_map=[("**.py", "python")], keywords={"say": (1,)}, strip_comment_tags=True
    )
    front = extract_from_dir(ROOT, method_map=[("cli.py", "python")], keywords={"say": (1,)})
    return {str(entry[2]) for entry in [*found, *front]}


def test_everything_that_can_be_said_has_a_chinese_translation() -> None:
    with CATALOGUE.open("rb") as stream:
        translated = {str(m.id): str(m.string) for m in read_po(stream) if m.id}
    said = msgids()
    assert len(said) > 300
    assert sorted(m for m in said if not translated.get(m)) == []
    assert translated["{en}"] == "{zh}"


def test_translations_have_the_parameters_of_their_originals() -> None:
    with CATALOGUE.open("rb") as stream:
        for message in read_po(stream):
            if message.id and message.id != "{en}":
                parameters = [
                    set(re.findall(r"\{\w+(?:![rs])?\}", str(t))) for t in (message.id, message.string)
                ]
                assert parameters[0] == parameters[1], message.id


def test_the_compiled_catalogue_is_made_from_this_one() -> None:
    with CATALOGUE.open("rb") as source:
        written = {str(m.id): str(m.string) for m in read_po(source) if m.id}
    compiled = read_mo(BytesIO(CATALOGUE.with_suffix(".mo").read_bytes()))
    assert {str(m.id): str(m.string) for m in compiled if m.id} == written


@pytest.mark.parametrize(
    ("start", "term", "due", "provisional"),
    [
        ("2026-02-10", "20wd", "2026-03-16", False),
        ("2026-02-10", "5wd", "2026-02-24", False),
        ("2026-09-18", "5wd", "2026-09-24", False),
        ("2008-09-22", "20wd", "2008-10-23", False),
        ("2026-12-25", "20wd", "2027-01-25", True),
    ],
)
def test_a_term_is_counted_by_the_notices_of_the_state_council(
    tmp_path: Path, start: str, term: str, due: str, provisional: bool
) -> None:
    said = json.loads(lianban(tmp_path, "clock", "due", start, term, "--json").out)
    assert (said["due"], said["provisional"]) == (due, provisional)


def test_a_term_without_a_unit_is_refused_and_a_start_that_is_no_date_is_a_wrong_command(
    tmp_path: Path,
) -> None:
    refused = lianban(tmp_path, "clock", "due", "2026-02-10", "20", "--json")
    assert refused.code == 1
    assert json.loads(refused.err)["code"] == "clock.term"
    assert lianban(tmp_path, "clock", "due", "soon", "20wd").code == 2


def test_a_provisional_date_says_so(tmp_path: Path) -> None:
    assert (
        "以国务院办公厅放假通知为准"
        in lianban(tmp_path, "clock", "due", "2026-12-25", "20wd", LIANBAN_LANG="zh").out
    )


def test_a_status_that_was_changed_by_hand_is_found_and_derived_again_from_the_histories(
    office: Path,
) -> None:
    with sqlite3.connect(office / "lianban.db") as connection:
        connection.execute("DELETE FROM tasks")
    assert lianban(office, "verify").code == 5
    rebuilt = lianban(office, "db", "rebuild", "--json")
    assert (rebuilt.code, json.loads(rebuilt.out)) == (0, {"cases": 1})
    assert lianban(office, "verify").code == 0
    assert "tax_review" in lianban(office, "inbox", "--all", "--json").out


@pytest.mark.parametrize("target", ["lianban.db", "processes/senior-card/diagram.bpmn"])
def test_an_output_never_takes_the_place_of_an_office_or_of_what_an_item_is_made_of(
    office: Path, tmp_path: Path, target: str
) -> None:
    shutil.copytree(office, tmp_path / "county")
    shutil.copytree(ROOT / "processes", tmp_path / "county" / "processes")
    there = tmp_path / "county" / target
    before = there.read_bytes()
    ran = lianban(tmp_path / "county", "item", "draw", "processes/senior-card", "-o", target)
    assert (ran.code, "is no earlier output of this kind" in " ".join(ran.err.split())) == (1, True)
    assert there.read_bytes() == before
