"""An item is rehearsed on virtual time: its examples, the ways they leave out, a case played by hand."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest
from drawing import draw
from items import fields, make_item
from terminal import lianban, on_terminal

from engine.definition import builtin

DIAGRAM = draw(
    "start s; user a; boundary late a after workdays(2); xor ok; xor big; user b; user look; "
    "end granted; end refused; end lapsed",
    "s -> a -> ok; late -> lapsed; ok -> big if opinion == 'agree'; ok -> refused default; "
    "big -> look if area > 120; big -> b default; look -> b -> granted",
)
OPINION = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "opinion": {"type": "string", "enum": ["agree", "disagree"]},
        "reason": {"type": "string"},
    },
    "required": ["opinion"],
    "if": {"properties": {"opinion": {"const": "disagree"}}},
    "then": {"required": ["reason"]},
}
WHOLE = """title = "small and agreed"
start = 2026-03-02T09:00:00+08:00
by = "chen.jing"
outcome = "granted"
[data]
area = 90
[[steps]]
at = 2026-03-02T09:20:00+08:00
by = "chen.jing"
do = "a"
expect_open = ["b"]
[steps.data]
opinion = "agree"
[[steps]]
at = 2026-03-02T10:00:00+08:00
by = "chen.jing"
do = "b"
"""


@pytest.fixture
def item(tmp_path: Path) -> Path:
    """An item with one example, where no office is."""
    forms = {"s": fields(area="integer"), "a": OPINION}
    folder = make_item(tmp_path, DIAGRAM, forms=forms)
    (folder / "examples").mkdir()
    (folder / "examples" / "agreed.toml").write_text(WHOLE, encoding="utf-8")
    return folder


def rehearse(item: Path, *words: str, code: int = 0, stdin: str = "") -> Any:
    ran = lianban(item.parent, "item", "rehearse", str(item), *words, "--json", stdin=stdin)
    assert ran.code == code, ran.err
    return ran.json if ran.out else json.loads(ran.err)


def test_the_examples_are_played_and_the_ways_that_none_takes_are_listed(item: Path) -> None:
    told = rehearse(item)
    assert [(one["name"], one["ok"], one["outcome"]) for one in told["examples"]] == [
        ("agreed", True, "granted")
    ]
    covered = told["coverage"]
    assert covered["kinds"]["outcome"] == {"reached": 1, "all": 3}
    assert covered["kinds"]["boundary"] == {"reached": 0, "all": 1}
    missing = {
        (way["kind"], way["from"]["id"], way["to"]["id"]) for way in covered["missing"] if "from" in way
    }
    assert ("flow", "ok", "refused") in missing
    assert ("flow", "big", "look") in missing
    assert ("flow", "big", "b") not in missing
    conditions = {way["condition"] for way in covered["missing"] if "condition" in way}
    assert "area > 120" in conditions
    warned = lianban(item.parent, "item", "check", str(item), "--json").json
    assert [one["code"] for one in warned["problems"] if one["code"].startswith("example")] == [
        "example.coverage"
    ]
    assert warned["item"] == "item"


def test_an_example_that_differs_is_told_with_the_step_and_what_was_found(item: Path) -> None:
    file = item / "examples" / "agreed.toml"
    file.write_text(WHOLE.replace('expect_open = ["b"]', 'expect_open = ["look"]'), encoding="utf-8")
    (told,) = rehearse(item, code=1)["examples"]
    assert not told["ok"]
    assert (told["difference"]["step"], told["difference"]["at"]) == (1, "2026-03-02T01:20:00.000000Z")
    assert (told["difference"]["expected"], told["difference"]["found"]) == ("['look']", "['b']")
    file.write_text(WHOLE.replace('outcome = "granted"', 'outcome = "refused"', 1), encoding="utf-8")
    (told,) = rehearse(item, code=1)["examples"]
    assert (told["difference"]["step"], told["difference"]["found"]) == (2, "granted")


def test_step_by_step_says_who_did_what_and_what_came_of_it(item: Path) -> None:
    (told,) = rehearse(item, "--step", "--example", "agreed")["examples"]
    opened, agreed, ended = told["steps"]
    assert (opened["act"], opened["by"], [one["task"] for one in opened["opened"]]) == (
        "open",
        "chen.jing",
        ["a"],
    )
    assert opened["opened"][0]["due"] == "2026-03-04T09:30:00.000000Z"
    assert [one["value"] for one in opened["answers"]] == [90]
    assert ([one["task"] for one in agreed["closed"]], [one["task"] for one in agreed["opened"]]) == (
        ["a"],
        ["b"],
    )
    assert (agreed["at"], agreed["step"]) == ("2026-03-02T01:20:00.000000Z", "a")
    assert (ended["opened"], ended["outcome"]) == ([], "granted")
    in_words = lianban(item.parent, "item", "rehearse", str(item), "--step").out
    for words in ("opens the case", "due 2026-03-04 17:30", "outcomes 1/3", "area > 120"):
        assert words in in_words


def test_exploring_writes_examples_for_every_way_and_they_pass_the_check(item: Path) -> None:
    before = sorted(item.rglob("*"))
    proposed = rehearse(item, "--explore", "--dry-run")
    assert sorted(item.rglob("*")) == before
    written = rehearse(item, "--explore")
    assert [one["content"] for one in written["proposed"]] == [one["content"] for one in proposed["proposed"]]
    assert (written["before"]["percent"] < 100, written["after"]["percent"]) == (True, 100)
    assert written["unreached"] == []
    assert len(written["proposed"]) == 3, "one for the refusal, one for the term, one for the large area"
    for line in written["proposed"]:
        text = (item / line["file"]).read_text(encoding="utf-8")
        assert text == line["content"]
        assert text.startswith("# Generated by")
        assert tomllib.loads(text)["outcome"] == line["outcome"]
    checked = lianban(item.parent, "item", "check", str(item), "--json").json
    assert [one for one in checked["problems"] if one["code"].startswith("example")] == []
    assert checked["examples"] == 4
    again = lianban(item.parent, "item", "rehearse", str(item), "--explore").out
    assert "the examples take every way" in again


def test_an_item_without_any_example_is_explored_from_its_forms(tmp_path: Path) -> None:
    (tmp_path / "processes").mkdir()
    shutil.copytree(builtin().forms, tmp_path / "forms")
    folder = tmp_path / "processes" / "senior-card"
    shutil.copytree(builtin().items()["senior-card"], folder, ignore=shutil.ignore_patterns("examples"))
    told = rehearse(folder, "--explore")
    assert (told["before"]["percent"], told["after"]["percent"]) == (0, 100)
    assert {one["outcome"] for one in told["proposed"]} == {"granted", "not_eligible", "refused"}
    assert all(one["ok"] for one in rehearse(folder)["examples"])


def test_a_way_that_cannot_be_reached_is_said_with_its_condition(tmp_path: Path) -> None:
    diagram = draw(
        "start s; user a; xor x; end granted; end refused",
        "s -> a -> x; x -> granted if len(word) == 7 and word == upper(word) and '9' in word; "
        "x -> refused default",
    )
    folder = make_item(tmp_path, diagram, forms={"a": fields(word="string")})
    told = rehearse(folder, "--explore")
    assert [one["outcome"] for one in told["proposed"]] == ["refused"]
    (flow,) = [way for way in told["unreached"] if way["kind"] == "flow"]
    assert flow["to"]["id"] == "granted"
    assert "len(word) == 7" in flow["why"]


def test_a_case_is_played_by_hand_from_a_file_and_becomes_an_example(item: Path) -> None:
    moves = {
        "title": "nobody answers",
        "data": {"area": 10},
        "steps": [{"advance": True}],
    }
    told = rehearse(item, "--play", "--data", "-", stdin=json.dumps(moves))
    assert told["file"] == "examples/played-01.toml"
    example = tomllib.loads((item / told["file"]).read_text(encoding="utf-8"))
    assert (example["title"], example["by"], example["outcome"]) == ("nobody answers", "chen.jing", "lapsed")
    (step,) = example["steps"]
    assert (step["at"].isoformat(), step["expect_open"]) == ("2026-03-04T17:30:00+08:00", [])
    # Nothing is written over, nothing is written of a case that has no outcome, and a step that can't be is
    # named.
    again = ("--play", "--data", "-", "--save", "played-01")
    assert rehearse(item, *again, stdin=json.dumps(moves), code=1)["code"] == "file.exists"
    still = rehearse(item, "--play", "--data", "-", stdin=json.dumps({"data": {"area": 10}, "steps": []}))
    assert (still["file"], still["content"], still["open"]) == (None, None, ["a"])
    for move, code in (
        ({"do": "a", "data": {"opinion": "perhaps"}}, "form.invalid"),
        ({"pause": "decision", "by": "chen.jing"}, "play.step"),
    ):
        wrong = json.dumps({"data": {"area": 10}, "steps": [move]})
        refused = rehearse(item, "--play", "--data", "-", stdin=wrong, code=1)
        assert (refused["code"], refused["message"].startswith("step 1:")) == (code, True)


def test_a_case_is_played_on_a_terminal(item: Path) -> None:
    typed = ["200", "1", "1", "", "1", "1"]
    code, seen = on_terminal(
        item.parent, ["item", "rehearse", str(item), "--play", "--save", "by-hand"], typed
    )
    assert code == 0, seen
    assert "What happens next?" in seen
    example = tomllib.loads((item / "examples" / "by-hand.toml").read_text(encoding="utf-8"))
    assert [step["do"] for step in example["steps"]] == ["a", "look", "b"]
    assert example["outcome"] == "granted"


def test_a_bare_diagram_still_wants_its_inputs_and_takes_nothing_of_items(item: Path) -> None:
    diagram = str(item / "diagram.bpmn")
    missing = lianban(item, "item", "rehearse", diagram)
    assert (missing.code, "--inputs" in missing.err) == (2, True)
    ran = lianban(item, "item", "rehearse", diagram, "--inputs", "-", "--explore", stdin="{}")
    assert (ran.code, "--explore" in ran.err) == (2, True)
