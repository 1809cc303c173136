"""What fails in a case is put right on record, by who may, and goes on from where it stopped."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from drawing import draw
from items import ANYTHING, HOUR, NOON, make_item, organisation
from terminal import lianban

from engine.definition import Definition
from engine.errors import Invalid, NotAllowed
from engine.office import Office

DIAGRAM = draw("start s; user a; script c fee = 20 / copies; user b; end e", "s -> a -> c -> b -> e")
ELSEWHERE = organisation().replace(b'administrators = ["hall/clerk"]', b'administrators = ["d1/clerk"]')


@pytest.fixture
def case(tmp_path: Path) -> tuple[Office, str]:
    office = Office.create_rehearsal(str(tmp_path / "office.db"), NOON, ELSEWHERE)
    folder = make_item(tmp_path, DIAGRAM, forms={"s": ANYTHING, "a": ANYTHING})
    office.publish(folder, NOON)
    number = office.open_case("clerk", "item", {"copies": 0}, NOON).case
    office.do("clerk", number, "a", {}, NOON)
    return office, number


def states(office: Office, case: str) -> dict[str, str]:
    return {line["element"]: line["state"] for line in office.show(case)["steps"]}


def test_an_administrator_has_what_failed_tried_again_after_setting_it_right(
    case: tuple[Office, str],
) -> None:
    office, number = case
    assert states(office, number)["c"] == "failed"
    office.retry("p1", number, "c", {"copies": 4}, "份数录错", NOON + HOUR)
    assert states(office, number) == {"a": "done", "c": "retried", "b": "open"}
    assert office.show(number)["data"]["fee"] == 5
    fact = [record.event for record in office.history(number) if record.event.type == "incident.retried"]
    assert [event.payload() for event in fact] == [
        {"incident": "c", "data": {"copies": 4}, "reason": "份数录错"}
    ]
    assert office.verify()[1] == []
    states_of_replay = [state for _, state in office.replay(number)]
    assert states_of_replay[-1].marking["frames"][""]["data"]["fee"] == 5


def test_what_fails_again_can_be_tried_again(case: tuple[Office, str]) -> None:
    office, number = case
    office.retry("p1", number, "c", {}, "再试", NOON + HOUR)
    assert states(office, number)["c"] == "failed"
    office.retry("p1", number, "c", {"copies": 1}, "更正", NOON + 2 * HOUR)
    assert states(office, number)["b"] == "open"


def test_nobody_else_repairs_and_nothing_that_has_not_failed(case: tuple[Office, str]) -> None:
    office, number = case
    with pytest.raises(NotAllowed):
        office.retry("clerk", number, "c", {"copies": 4}, "份数录错", NOON + HOUR)
    with pytest.raises(Invalid) as refusal:
        office.retry("p1", number, "a", {}, "再试", NOON + HOUR)
    assert refusal.value.code == "incident.unknown"
    assert "c" in str(refusal.value.expected)
    with pytest.raises(Invalid) as refusal:
        office.retry("p1", number, "c", {"copies": 4}, " ", NOON + HOUR)
    assert refusal.value.code == "act.no_reason"


@pytest.mark.parametrize("name", ["loopCounter", "consent", "decision"])
def test_what_only_the_engine_sets_is_not_put_right_by_hand(
    case: tuple[Office, str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    office, number = case
    reviewed = SimpleNamespace(result="consent"), SimpleNamespace(result="decision")
    monkeypatch.setattr(Definition, "joints", {"review": reviewed[0]})
    monkeypatch.setattr(Definition, "meetings", {"meeting": reviewed[1]})
    names = Definition.engine_variables.func(Definition)  # type: ignore[attr-defined]
    assert name in names
    monkeypatch.undo()
    monkeypatch.setattr(Definition, "engine_variables", names)
    with pytest.raises(Invalid) as refusal:
        office.retry("p1", number, "c", {"copies": 4, name: "yes"}, "份数录错", NOON + HOUR)
    assert refusal.value.code == "incident.own_variable"
    assert name in str(refusal.value.message)
    assert states(office, number)["c"] == "failed"


def test_repairing_twice_with_the_same_words_says_that_it_was_done(case: tuple[Office, str]) -> None:
    office, number = case
    office.retry("p1", number, "c", {"copies": 4}, "份数录错", NOON + HOUR)
    assert office.retry("p1", number, "c", {"copies": 4}, "份数录错", NOON + HOUR).repeated


def test_the_command_line_repairs_and_the_history_tells_it(case: tuple[Office, str], tmp_path: Path) -> None:
    office, number = case
    office.close()
    words = ["--db", str(tmp_path / "office.db"), "--as", "p1", "--now", "2026-03-02T14:00:00+08:00"]
    done = lianban(tmp_path, *words, "retry", number, "c", "--set", "copies=4", "--reason", "份数录错")
    assert done.code == 0, done.err
    shown = lianban(tmp_path, *words, "--json", "show", number)
    assert json.loads(shown.out)["data"]["fee"] == 5
    told = lianban(tmp_path, *words, "--lang", "en", "history", number)
    assert "has c tried again" in told.out


def test_who_sees_that_something_failed_is_told_who_can_have_it_tried_again(
    case: tuple[Office, str], tmp_path: Path
) -> None:
    office, _ = case
    number = office.open_case("clerk", "item", {"copies": 0}, NOON).case
    office.close()
    words = ["--db", str(tmp_path / "office.db"), "--lang", "en", "--now", "2026-03-02T14:00:00+08:00"]
    how = f"retry {number} c --reason …"
    done = lianban(tmp_path, *words, "--as", "clerk", "do", number, "a").out
    shown = lianban(tmp_path, *words, "show", number).out
    for text in (done, shown):
        assert "an administrator" in text and how in text
    assert "no step is open now" in done and "open now:" not in done
    lianban(tmp_path, *words, "--as", "p1", "retry", number, "c", "--set", "copies=4", "--reason", "份数录错")
    assert "an administrator" not in lianban(tmp_path, *words, "show", number).out
