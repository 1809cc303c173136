"""The law's clock on the command line: pauses, cards, calendars, accounts, for people and programs."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from certificate_checker import check
from drawing import draw
from items import NOON, organisation, publish
from rich.cells import cell_len
from terminal import SCRIPT, Ran, environment, lianban, on_terminal

from engine.office import Office

ROOT = Path(__file__).parent.parent
CASE = "539901-SL-LB0001-2026-0000"

CLOCKS = """
[clocks.completeness]
name = { zh = "补正告知", en = "Completeness" }
tier = "statutory"
term = "5wd"
starts = ["s"]
stops = ["intake"]
basis = { law = "行政许可法", article = "第三十二条" }
ladder = [{ name = "reminder", left = 1 }]

[clocks.completeness.effect]
kind = "deemed_acceptance"
basis = { law = "行政许可法", article = "第三十二条" }
begins = ["decision"]

[clocks.decision]
name = { zh = "许可决定", en = "Decision" }
tier = "statutory"
term = "20wd"
starts = ["intake"]
stops = ["decide"]
basis = { law = "行政许可法", article = "第四十二条" }
grounds = ["testing", "hearing"]
pause_notice = "special"
ladder = [{ name = "yellow", left = 5, card = true }, { name = "red", over = 0, card = true }]

[clocks.decision.extension]
up_to = "10wd"
approver = "d2/clerk"
basis = { law = "行政许可法", article = "第四十二条" }
notice = "extended"
"""
"""Five working days of silence count as acceptance; then twenty for the decision of department d1."""


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Monday 2 March 2026: case 1 was accepted at 13:00, case 2 is left lying. `p2` may extend."""
    folder = tmp_path_factory.mktemp("clocks")
    text = b'supervisors = ["d3/clerk"]\n' + organisation(3)
    text = text.replace(b"[[people]]", b'[[people]]\nemail = "clerk@example.org"')
    drawing = draw(
        "start s; user intake; boundary late intake after clock('completeness'); xor in; user decide; end e",
        "s -> intake -> in -> decide -> e; late -> in",
    )
    with Office.create_rehearsal(str(folder / "lianban.db"), NOON, text) as office:
        notices = ["special", "extended"]
        item = publish(office, folder, drawing, lanes={"decide": "d1"}, clocks=CLOCKS, notices=notices)
        for _ in range(2):
            office.open_case("clerk", item, {}, NOON)
        office.do("clerk", "1", "intake", {}, NOON + timedelta(hours=1))
    return folder


@pytest.fixture
def folder(prepared: Path, tmp_path: Path) -> Path:
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    return tmp_path


def run(folder: Path, line: str, *more: str, **env: str) -> Ran:
    return lianban(folder, *line.split(), *more, **env)


def done(folder: Path, line: str, *more: str, **env: str) -> Ran:
    ran = run(folder, line, *more, **env)
    assert (ran.code, ran.err) == (0, ""), ran.err
    return ran


def told(folder: Path, case: str) -> str:
    """The history as one line of words, without hashes."""
    said = done(folder, f"history {case}").out
    return " ".join(re.sub(r" [0-9a-f]{8}$", "", said, flags=re.MULTILINE).split())


PAUSE = "pause 1 --ground testing --expected 12wd --as clerk --now 2026-03-03T10:00"
EXTEND = "extend 1 --by 10wd --reason x --as p2 --now 2026-03-03"


# --- pausing, resuming, extending


def test_pausing_issues_the_notice_and_says_how_to_print_it_and_where_the_clock_stands(folder: Path) -> None:
    said = done(folder, PAUSE, "--reason", "sample sent").out
    assert "pauses the clock Decision for testing, expected 12 working days: sample sent" in said
    assert "issued special special〔2026〕1号" in said
    command = next(line.strip() for line in said.splitlines() if " print " in line)
    assert "special〔2026〕1号" in lianban(folder, *command.split()[1:]).out
    assert re.search(r"Decision +statutory +paused · left 19 wd\n", said)
    assert "paused since 2026-03-03 10:00: testing, expected 12 working days, notice special〔2026〕1号" in (
        " ".join(said.split())
    )
    resumed = done(folder, "resume 1 --as clerk --now 2026-03-10T10:00").out
    assert "lets the clock Decision run on after testing" in resumed
    assert re.search(r"Decision +statutory +left 19 wd +due 2026-04-07 17:30", resumed)


def test_an_extension_names_the_new_due_date(folder: Path) -> None:
    said = done(folder, "extend 1 --by 10wd --as p2 --now 2026-03-03", "--reason", "complicated").out
    assert "extends the clock Decision by 10 working days: complicated" in said
    assert "issued extended extended〔2026〕1号" in said
    assert re.search(r"Decision +statutory +left 30 wd +due 2026-04-14 17:30", said)


@pytest.mark.parametrize(
    ("line", "code", "expected", "rule"),
    [
        (PAUSE.replace("testing", "holiday"), 1, "clock.ground", "第四十五条"),
        (PAUSE.replace("12wd", "12"), 1, "clock.term", "no default unit"),
        (PAUSE.replace("clerk", "p2"), 4, "access.post", "第四十二条"),
        (EXTEND.replace("p2", "clerk"), 4, "access.post", "第四十二条"),
        (EXTEND.replace("10wd", "11wd"), 1, "clock.extension_too_long", "第四十二条"),
        (EXTEND.replace("03-03", "05-03"), 1, "clock.expired", "第四十二条"),
        ("resume 1 --as clerk --now 2026-03-03", 1, "clock.not_paused", ""),
        ("pause 1 --ground testing --as clerk", 2, "usage", ""),
        ("pause 1 --expected 3wd --as clerk", 2, "usage", ""),
        ("extend 1 --by 10wd --as p2", 2, "usage", ""),
        ("card answer 1 yellow-1 --as p1", 2, "usage", ""),
        ("card answer 1 yellow-1 --reason x --as p1 --now 2026-03-03", 1, "card.unknown", ""),
        ("clock explain 1 nonsense", 1, "clock.unknown", ""),
        ("clock plan", 1, "calendar.not_proposed", "planned and reviewed"),
        ("clock apply 12345678", 1, "calendar.not_proposed", "planned and reviewed"),
        ("clock apply 1234", 1, "calendar.digest", "planned and reviewed"),
        ("clock import", 2, "usage", ""),
        ("clock import --library holidays", 2, "usage", ""),
        ("clock import a.json --year 2027", 2, "usage", ""),
        ("clock import --library nonsense --year 2027", 1, "calendar.library", ""),
        ("clock import broken.toml", 1, "calendar.local_file", ""),
        ("clock import broken.json", 1, "calendar.file", ""),
        ("sweep --deliver nowhere", 1, "delivery.address", ""),
        ("worker --once --every 0", 2, "usage", ""),
        ("worker --now 2026-03-03", 2, "usage", ""),
        ("report accountability 999", 1, "case.unknown", ""),
    ],
)
def test_what_the_law_or_the_command_does_not_allow_is_refused(
    folder: Path, line: str, code: int, expected: str, rule: str
) -> None:
    (folder / "broken.toml").write_text("days = 1")
    (folder / "broken.json").write_text("{}")
    refused = run(folder, line, "--json")
    error = json.loads(refused.err)
    assert (refused.code, refused.out, error["code"]) == (code, "", expected), error
    assert rule in error["rule"]


def test_on_a_terminal_the_grounds_of_the_law_are_offered(folder: Path) -> None:
    words = ["pause", "1", "--as", "clerk", "--now", "2026-03-03T10:00"]
    code, seen = on_terminal(folder, words, ["2", "3wd"])
    assert code == 0, seen
    assert "[1 testing / 2 hearing]" in seen
    shown = done(folder, "show 1 --now 2026-03-04 --json").json
    assert [pause["ground"] for pause in shown["clocks"][0]["paused"]] == ["hearing"]


def test_the_same_pause_twice_is_one_pause(folder: Path) -> None:
    done(folder, PAUSE)
    again = done(folder, PAUSE.replace("10:00", "11:00"), "--json").json
    assert (again["repeated"], again["events"]) == (True, [])
    assert again["clocks"][0]["state"] == "paused"
    assert "already done" in done(folder, PAUSE.replace("10:00", "11:00")).out


# --- looking


def test_the_inbox_says_how_much_is_left_and_how_pressing_it_is_in_words_and_on_a_terminal_in_colour(
    folder: Path,
) -> None:
    done(folder, "sweep --now 2026-03-24")
    before = done(folder, "inbox --all --now 2026-03-30T17:00").out.splitlines()
    assert before[2].startswith("left 1 wd · yellow") and CASE + "1 decide" in before[2]
    # Nobody has swept since; what time it is, the inbox knows.
    late = done(folder, "inbox --all --now 2026-04-01").out.splitlines()
    assert late[1].startswith("2026-03-30 17:30")
    assert late[2].startswith("over by 1 wd · red") and CASE + "1 decide" in late[2]
    done(folder, "sweep --now 2026-04-01")
    assert done(folder, "inbox --all --now 2026-04-01").out.splitlines()[2].startswith("over by 1 wd · red")
    _, seen = on_terminal(folder, ["inbox", "--all", "--now", "2026-04-01"], [])
    assert re.search(r"\x1b\[1;31mover by 1 wd · red", seen)


def test_the_inbox_puts_what_is_late_by_law_before_what_stands_still(folder: Path) -> None:
    done(folder, PAUSE)
    done(folder, "sweep --now 2026-04-01")
    tasks = done(folder, "inbox --all --now 2026-04-01 --json").json["tasks"]
    assert [(task["case"][-1], task["clocks"][0]["state"]) for task in tasks] == [
        ("2", "expired"),
        ("1", "paused"),
    ]
    lines = done(folder, "inbox --all --now 2026-04-01").out.splitlines()
    assert lines[3].startswith("paused: testing ")
    assert lines[4].startswith("left 19 wd ")


def test_show_tells_the_clocks_the_cards_and_what_silence_counts_as(folder: Path) -> None:
    bound = done(folder, "show 2 --now 2026-03-03").out
    assert re.search(r"Timers\n 2026-03-09 17:30  late", bound)
    done(folder, "sweep --now 2026-04-01")
    said = done(folder, "show 2 --now 2026-04-01").out
    assert re.search(r"Decision +statutory +over by 1 wd · red +due 2026-03-30 17:30", said)
    assert re.search(r"Completeness +statutory +ran out: deemed accepted +due 2026-03-09 17:30", said)
    assert "deemed accepted as of 2026-03-02 (行政许可法 第三十二条)" in said
    assert re.search(r"2026-03-30 17:30 +red-2 +d1 +Decision +unanswered", said)


def test_nothing_about_clocks_is_wider_than_the_terminal_but_commands_to_copy(folder: Path) -> None:
    done(folder, PAUSE)
    done(folder, "sweep --now 2026-04-01")
    done(folder, "clock import --library holidays --year 2027 --now 2026-04-01")
    for lang in ("zh", "en"):
        for line in (
            "inbox --all",
            "show 1",
            "show 2",
            "history 2",
            "clock explain 1",
            "clock plan",
            "outbox",
            "report accountability --days",
        ):
            said = done(folder, line, "--now", "2026-04-01", "--lang", lang).out
            assert all(cell_len(row) <= 80 or "lianban " in row for row in said.splitlines()), said


def test_a_history_with_clocks_is_told_in_words(folder: Path) -> None:
    done(folder, PAUSE)
    done(folder, "sweep --now 2026-03-25")
    done(folder, "resume 1 --as clerk --now 2026-03-25T10:00")
    done(folder, "extend 1 --by 10wd --reason x --as p2 --now 2026-03-25T11:00")
    done(folder, "sweep --now 2026-06-01")
    for act, who in (("contest", "p1"), ("answer", "q1"), ("withdraw", "p3")):
        done(folder, f"card {act} 2 yellow-1 --reason why --as {who} --now 2026-06-01")
    done(folder, "do 1 decide --as p1 --now 2026-06-02")
    story = ""
    for case in ("1", "2", "office"):
        story += told(folder, case)
        for event in done(folder, f"history {case} --json").json["events"]:
            assert event["type"] not in story
    for sentence in (
        "clock Decision started; due 2026-03-30 17:30",
        "clerk pauses the clock Decision for testing, expected 12 working days",
        "time the clock Decision has stood still as long as was told: testing",
        "reminder to d1: Decision stands still longer than was told (testing)",
        "clock Decision runs on; due 2026-04-22 17:30",
        "clock Decision extended by 10 working days; due 2026-05-09 17:30",
        "late: intake waits until the clock Completeness runs out",
        "clock Completeness ran out: deemed accepted (行政许可法 第三十二条)",
        "deemed accepted as of 2026-03-02 (行政许可法 第三十二条)",
        "clock Decision started as of 2026-03-02 12:00; due 2026-03-30 17:30",
        "yellow card yellow-1 to d1: Decision",
        "p1 contests the card yellow-1: why",
        "q1 answers the card yellow-1: why",
        "p3 withdraws the card yellow-1: why",
        "clock Decision stopped after it ran out",
    ):
        assert sentence in story, sentence
    assert done(folder, "replay 1 --json").json["agrees"] is True


# --- years that are not announced


def provisional(folder: Path) -> str:
    """A case whose dates lie in 2027; its number."""
    done(folder, "open item --as clerk --now 2026-12-28T10:00")
    return CASE + "3"


def test_a_due_date_in_a_year_that_is_not_announced_says_so_everywhere(folder: Path) -> None:
    case = provisional(folder)
    for line in (
        f"show {case}",
        "inbox --all",
        f"history {case}",
        f"replay {case}",
        f"clock explain {case}",
        f"do {case} intake --as clerk",
        f"show {case}",
    ):
        now = () if line.startswith(("history", "replay")) else ("--now", "2026-12-28T11:00")
        said = done(folder, line, *now).out
        assert "provisional" in said, said
    for word in ("show", "history"):
        said = done(folder, f"{word} {case}").out
        assert "provisional: subject to the holiday notice of the State Council" in said
    assert "provisional" not in done(folder, "show 1 --now 2026-03-03").out


def test_a_calendar_is_put_forward_planned_and_applied_and_applying_it_again_changes_nothing(
    folder: Path,
) -> None:
    case = provisional(folder)
    done(folder, "sweep --now 2026-12-28T11:00")
    year = json.loads((ROOT / "engine" / "clock" / "years" / "2027.json").read_text(encoding="utf-8"))
    year |= {"status": "official", "sources": [{"title": "国办发明电"}]}
    year["off"] |= {"2027-01-04": "元旦"}
    (folder / "2027.json").write_text(json.dumps(year), encoding="utf-8")
    at = ("--now", "2026-12-28T12:00")
    put = done(folder, "clock import 2027.json --note 8", *at)
    digest = re.findall("[0-9a-f]{12}", put.out)[0]
    assert f"lianban clock apply {digest}" in put.out
    assert "not announced" not in put.out
    planned = done(folder, "clock plan", *at)
    moves = done(folder, "clock plan --json", *at).json["moves"]
    assert [(move["case"], move["id"], move["was"][:10], move["due"][:10]) for move in moves] == [
        (case, "completeness", "2027-01-05", "2027-01-06"),
    ]
    assert re.search(rf"{case} +completeness +2027-01-05 17:30 +2027-01-06 17:30\n", planned.out)
    assert "open cases: 3; due dates that move: 1" in planned.out
    applied = done(folder, f"clock apply {digest} --json", *at).json
    assert (applied["cases"], applied["refused"]) == (3, {})
    again = done(folder, f"clock apply {digest} --now 2026-12-28T13:00").out
    assert "Every open case counts by it already." in again
    assert "due 2027-01-06 17:30, no longer 2027-01-05 17:30" in told(folder, case)
    assert done(folder, "verify --json").json["findings"] == []


def test_a_calendar_that_moves_nothing_says_so(folder: Path) -> None:
    (folder / "snow.toml").write_text(
        '[[days]]\nunit = "d1"\ndate = 2026-01-20\nworks = false\nreason = "大雪"\ndocument = "1号"',
        encoding="utf-8",
    )
    put = done(folder, "clock import snow.toml --now 2026-03-02T14:00 --json").json
    assert (put["year"], put["status"], put["units"]) == (None, "local", ["d1"])
    planned = done(folder, "clock plan --now 2026-03-02T14:00").out
    assert "open cases: 2; no due date moves" in planned


def test_a_year_comes_from_a_library_too(folder: Path) -> None:
    put = done(folder, "clock import --library holidays --year 2027 --now 2026-03-02T14:00").out
    assert "2027 (" in put


def test_a_case_that_a_calendar_cannot_reach_is_named_and_the_rest_is_done(folder: Path) -> None:
    import sqlite3

    with sqlite3.connect(folder / "lianban.db") as connection:
        connection.execute("UPDATE heads SET state = CAST('{}' AS BLOB) WHERE case_no = ?", [CASE + "1"])
    connection.close()
    put = done(folder, "clock import --library holidays --year 2027 --now 2026-03-02T14:00 --json").json
    applied = run(folder, f"clock apply {put['calendar']} --now 2026-03-02T14:00 --json")
    assert applied.code == 6, applied.err
    assert list(applied.json["refused"]) == [CASE + "1"]


# --- explaining, accounting


def test_an_explanation_is_lines_for_people_and_a_certificate_for_programs(folder: Path) -> None:
    said = done(folder, "clock explain 1 decision --now 2026-03-10").out
    assert "2026-03-07 Sat  not counted: weekend" in said
    assert said.splitlines()[-2] == "due 2026-03-30 17:30"
    explained = done(folder, "clock explain 1 --now 2026-03-10 --json").json["clocks"]
    assert [found["clock"] for found in explained] == ["completeness", "decision"]
    for found in explained:
        assert check(found["certificate"]) == []


def test_an_account_of_a_case_is_told_in_days_and_percent_and_day_by_day(folder: Path) -> None:
    done(folder, PAUSE)
    said = done(folder, "report accountability 1 --days --now 2026-03-04T10:00").out
    shares = re.findall(r"^ +([0-9.]+) +([0-9.]+) %  (.+)$", said, re.MULTILINE)
    assert shares == [
        ("1.00", "52.17", "testing (not counted by law)"),
        ("0.88", "45.65", "d1"),
        ("0.04", "2.17", "hall"),
    ]
    assert re.search(r"^ 2026-03-04  0.42  testing \(not counted by law\)$", said, re.MULTILINE)
    assert "2026-03-04  0.42" not in done(folder, "report accountability 1 --now 2026-03-04T10:00").out
    everything = done(folder, "report accountability --now 2026-03-04T10:00 --json").json
    for case in everything["cases"]:
        assert sum(share["microseconds"] for share in case["shares"]) == case["elapsed"]


# --- cards, letters, the worker


def test_a_card_is_treated_by_its_unit_and_withdrawn_by_the_supervisors_only(folder: Path) -> None:
    done(folder, "sweep --now 2026-03-25")
    at = ("--now", "2026-03-25T10:00", "--reason", "ill")
    assert run(folder, "card answer 1 yellow-1 --as clerk", *at).code == 4
    assert run(folder, "card withdraw 1 yellow-1 --as p1", *at).code == 4
    assert "answers the card yellow-1: ill" in done(folder, "card answer 1 yellow-1 --as p1", *at).out
    assert done(folder, "card contest 1 yellow-1 --as q1", *at).code == 0
    assert done(folder, "card withdraw 1 yellow-1 --as p3", *at).code == 0
    cards = done(folder, "show 1 --json").json["cards"]
    assert [(card["card"], card["state"]) for card in cards] == [("yellow-1", "withdrawn")]


def test_letters_go_out_once_and_the_outbox_tells_what_waits_and_what_failed(folder: Path) -> None:
    done(folder, "sweep --now 2026-03-25")
    assert "card → d1" in done(folder, "outbox --pending --now 2026-03-25").out
    nowhere = "smtp://127.0.0.1:1?from=office@example.org"
    failed = run(folder, "sweep --now 2026-03-25 --json", "--deliver", nowhere)
    assert failed.code == 6
    assert (failed.json["sent"], len(failed.json["failed"])) == ([], 3)
    said = " ".join(done(folder, "outbox --now 2026-03-25").out.split())
    assert "failed: 1; next try 2026-03-25 00:01" in said
    assert "the mail server 127.0.0.1 did not take the letter" in said
    (folder / "post").mkdir()
    sent = done(folder, "worker --once --deliver post --now 2026-03-25T09:00 --json").json
    assert len(sent["sent"]) == len(list((folder / "post").iterdir())) == 3
    assert done(folder, "worker --once --deliver post --now 2026-03-25T10:00 --json").json["sent"] == []
    assert done(folder, "outbox --pending").out == "Nothing waits.\n"
    assert "delivered 2026-03-25 09:00" in done(folder, "outbox").out


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_sweeps_until_it_is_told_to_stop_and_leaves_in_good_order(
    folder: Path, ending: signal.Signals
) -> None:
    words = [SCRIPT, "worker", "--every", "3600", "--json"]
    with subprocess.Popen(words, cwd=folder, env=environment(), stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        first = json.loads(worker.stdout.readline())
        worker.send_signal(ending)
        assert worker.wait(60) == 0
    assert sorted(first["cases"]) == [CASE + "1", CASE + "2"]
    assert done(folder, "verify --json").json["findings"] == []


# --- what programs read


def keys(value: Any) -> set[str]:
    """All keys in JSON, save those that are the case's and not ours."""
    own = {"answers", "data", "refused", "failed", "value", "by", "grounds", "notices"}
    if isinstance(value, list):
        return {key for entry in value for key in keys(entry)}
    if isinstance(value, dict):
        return set(value) | {key for name, entry in value.items() if name not in own for key in keys(entry)}
    return set()


def test_every_key_about_clocks_is_documented(folder: Path) -> None:
    documented = set(re.findall(r"`([a-z_]+)`", (ROOT / "docs" / "json.md").read_text(encoding="utf-8")))
    done(folder, "clock import --library holidays --year 2027 --now 2026-03-02T14:00")
    for line in (
        PAUSE,
        "sweep --now 2026-04-01",
        "card answer 2 yellow-1 --reason x --as p1 --now 2026-04-01",
        "show 1",
        "show 2",
        "inbox --all",
        "history 2",
        "outbox",
        "clock explain 1",
        "clock plan",
        "report accountability --now 2026-04-01",
        "worker --once --now 2026-04-01",
        "clock import --library holidays --year 2028",
    ):
        assert keys(done(folder, line, "--json").json) - {"zh", "en"} <= documented, line


def test_the_date_that_a_paused_clock_will_have_is_marked_too_where_its_year_is_not_announced(
    folder: Path,
) -> None:
    done(folder, PAUSE.replace("12wd", "9999wd"))
    shown = done(folder, "show 1 --now 2026-03-04")
    assert re.search(r"due 20\d\d-\d\d-\d\d \(provisional\) if it runs on as expected", shown.out)
    assert done(folder, "show 1 --now 2026-03-04 --json").json["clocks"][0]["provisional"] is True
