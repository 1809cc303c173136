"""`--as-of`: the office as it was at an instant, from its histories alone."""

from __future__ import annotations

import json
import tomllib
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from databases import ask, unguard
from drawing import draw
from items import ANYTHING, HOUR, NOON, organisation, publish
from terminal import lianban

from engine.definition import builtin
from engine.errors import Diverged, Unknown
from engine.examples import command_of
from engine.office import Office

TICK = timedelta(microseconds=1)


def look(office: Office, case: str, at: datetime, as_of: datetime | None = None) -> dict[str, Any]:
    """All that a case, an inbox and a list of findings show at an instant, as JSON has it."""
    shown = {
        "show": office.show(case, at, as_of=as_of),
        "inbox": office.inbox(None, at, everybody=True, as_of=as_of),
        "findings": office.findings(case, at, as_of=as_of),
        "due": [told["certificate"] for told in office.explain(case, None, at, as_of=as_of)],
        "history": [record.hash for record in office.history(case, as_of=as_of)],
    }
    found: dict[str, Any] = json.loads(json.dumps(shown, sort_keys=True, default=str))
    return found


@pytest.mark.parametrize(
    ("item", "example"),
    [("senior-card", "overnight"), ("enterprise-startup", "silence")],
)
def test_at_any_past_instant_the_office_shows_what_it_showed_then(
    tmp_path: Path, item: str, example: str
) -> None:
    folder = builtin().items()[item]
    told = tomllib.loads((folder / "examples" / f"{example}.toml").read_text("utf-8"))
    with Office.create_rehearsal(str(tmp_path / "office.db"), NOON, None, [folder]) as office:
        case = office.open_case(told["by"], item, told["data"], told["start"]).case
        seen = {told["start"]: look(office, case, told["start"])}
        for step in told["steps"]:
            if "advance" in step:
                office.sweep(step["at"])
            else:
                office.act(step["by"], case, command_of(step), step["at"])
            seen[step["at"]] = look(office, case, step["at"])
        assert len(seen) > 5
        for at, shown in seen.items():
            assert look(office, case, at, as_of=at) == shown
        with pytest.raises(Unknown):
            office.show(case, as_of=told["start"] - TICK)
        assert office.inbox(None, everybody=True, as_of=told["start"] - TICK) == []


@pytest.fixture
def county(tmp_path: Path) -> Path:
    """An office in which a case was decided at one o'clock, and somebody came and went."""
    with Office.create_rehearsal(str(tmp_path / "lianban.db"), NOON, organisation()) as office:
        publish(
            office,
            tmp_path,
            draw("start s; user a; user b; end e", "s -> a -> b -> e"),
            forms={"a": ANYTHING},
        )
        case = office.open_case("clerk", "item", {}, NOON).case
        office.do("clerk", case, "a", {"opinion": "agree"}, NOON + HOUR)
        office.do("clerk", case, "b", {}, NOON + 2 * HOUR)
    return tmp_path


def test_the_past_comes_from_the_histories_and_not_from_what_is_kept_for_speed(county: Path) -> None:
    path = str(county / "lianban.db")
    with Office.open(path) as office:
        case = office.inbox(None, everybody=True, as_of=NOON)[0]["case"]
        right = look(office, case, NOON, as_of=NOON)
        unguard(path)
        for table in ("heads", "tasks", "timers", "documents"):
            ask(path, f"DELETE FROM {table} WHERE case_no <> 'office'")
        assert look(office, case, NOON, as_of=NOON) == right
        assert office.inbox(None, everybody=True) == []


def test_the_past_of_a_history_that_was_changed_is_refused(county: Path) -> None:
    path = str(county / "lianban.db")
    unguard(path)
    ask(path, "UPDATE events SET hash = 'x' WHERE case_no <> 'office' AND seq = 1")
    with Office.open(path) as office, pytest.raises(Diverged):
        office.show("1", as_of=NOON)


def test_the_commands_look_back(county: Path) -> None:
    now = lianban(county, "show", "1", "--json").json
    then = lianban(county, "show", "1", "--as-of", "2026-03-02T12:30", "--json").json
    assert (now["status"], then["status"]) == ("closed", "open")
    assert [step["task"] for step in then["steps"] if step["state"] == "open"] == ["a"]
    tasks = lianban(county, "inbox", "--all", "--as-of", "2026-03-02T13:30", "--json").json["tasks"]
    assert [task["task"] for task in tasks] == ["b"]
    assert then["as_of"] == "2026-03-02T04:30:00.000000Z"


def test_a_date_is_its_beginning_and_the_screen_says_which_instant_is_looked_at(county: Path) -> None:
    for words in (["show", "1"], ["history", "1"], ["why", "1"], ["inbox", "--all"]):
        ran = lianban(county, *words, "--as-of", "2026-03-03", "--lang", "en")
        assert ran.code == 0 and ran.out.startswith("as it was at 2026-03-03 00:00\n"), ran
    assert "a date is the beginning of that day" in " ".join(lianban(county, "show", "--help").out.split())


@pytest.mark.parametrize(
    "words",
    [
        *(["show", "1"], ["why", "1"], ["history", "1"], ["history", "office"], ["clock", "explain", "1"]),
        *(["report", "findings"], ["report", "accountability", "1"], ["inbox", "--all"], ["export", "csv"]),
    ],
)
def test_what_is_still_to_come_is_not_told_as_what_was(county: Path, words: list[str]) -> None:
    refused = lianban(county, *words, "--as-of", "2099-01-01", "--json")
    told = json.loads(refused.err)
    assert (refused.code, told["code"], told["found"]) == (1, "as_of.future", "2099-01-01")
    assert refused.out == "" and "an instant not later than 20" in told["expected"]


def test_in_a_rehearsal_it_is_as_late_as_is_said_or_as_what_is_on_record(county: Path) -> None:
    ended = "2026-03-02T14:00"  # by then the case is closed
    for now, then, code in [
        ("2026-03-02T13:00", ended, 0),
        ("2026-03-02T13:00", "2026-03-02T14:01", 1),
        ("2026-03-03T13:00", "2026-03-03T13:00", 0),
        ("2026-03-03T13:00", "2026-03-03T13:01", 1),
        ("2099-01-01", "2098-01-01", 0),
    ]:
        shown = lianban(county, "--now", now, "show", "1", "--as-of", then, "--lang", "en")
        assert shown.code == code, (now, then, shown)
    refused = lianban(
        county, "--now", "2026-03-03T13:00", "show", "1", "--as-of", "2026-03-04", "--lang", "en"
    )
    assert "an instant not later than 2026-03-03 13:00" in refused.err


@pytest.mark.parametrize(
    "words", [["show"], ["why"], ["history"], ["clock", "explain"], ["report", "findings"]]
)
def test_before_a_case_was_opened_it_is_said_when_it_was(county: Path, words: list[str]) -> None:
    early = lianban(county, *words, "1", "--as-of", "2026-03-02", "--json")
    told = json.loads(early.err)
    assert (early.code, told["code"]) == (1, "case.not_opened")
    assert "2026-03-02T04:00:00" in told["expected"] and "2026-03-01T16:00:00" in told["found"]
    none = lianban(county, *words, "2", "--as-of", "2026-03-02", "--json")
    assert json.loads(none.err)["code"] == "case.unknown"
