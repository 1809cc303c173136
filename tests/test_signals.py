"""A signal reaches every case that waits for it, on record in both, or in none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from databases import ask, unguard
from drawing import draw
from items import HOUR, NOON, organisation, publish

from engine.errors import Invalid
from engine.office import Office

SENDER = draw("start s; user a; end e signal storm", "s -> a -> e")
WAITER = draw(
    "start s; user work; boundary alarm work signal storm; user shelter; end e; end f",
    "s -> work -> e; alarm -> shelter -> f",
)
"""Work that a storm interrupts."""


@pytest.fixture
def office(database: str, tmp_path: Path) -> Iterator[Office]:
    with Office.create_rehearsal(database, NOON, organisation(1)) as opened:
        publish(opened, tmp_path, SENDER, code="sender")
        publish(opened, tmp_path, WAITER, code="waiter")
        yield opened


def open_steps(office: Office, case: str) -> list[str]:
    return [line["element"] for line in office.show(case)["steps"] if line["state"] == "open"]


def test_a_signal_reaches_all_other_cases_that_wait_for_it_and_no_other(office: Office) -> None:
    waiting = [office.open_case("clerk", "waiter", {}, NOON).case for _ in range(3)]
    office.do("clerk", waiting[2], "work", {}, NOON)  # this one is done
    sender = office.open_case("clerk", "sender", {}, NOON).case
    office.do("clerk", sender, "a", {}, NOON + HOUR)
    assert [open_steps(office, case) for case in waiting] == [["shelter"], ["shelter"], []]
    arrived = [r for r in office.history(waiting[0]) if r.event.type == "signal.received"]
    sent = next(r for r in office.history(sender) if r.event.type == "signal.sent")
    assert [(r.event.payload(), r.by) for r in arrived] == [
        ({"name": "storm", "case": sender, "seq": sent.seq}, {"signal": True})
    ]
    for case in waiting:
        assert office.replay(case)
    assert office.verify()[1] == []


def test_a_case_that_is_opened_afterwards_does_not_hear_of_it(office: Office) -> None:
    sender = office.open_case("clerk", "sender", {}, NOON).case
    office.do("clerk", sender, "a", {}, NOON + HOUR)
    late = office.open_case("clerk", "waiter", {}, NOON + HOUR).case
    assert open_steps(office, late) == ["work"]


def test_an_act_whose_signal_can_not_be_taken_does_not_happen_anywhere(tmp_path: Path) -> None:
    office = Office.create_rehearsal(str(tmp_path / "office.db"), NOON, organisation(1))
    echo = draw(
        "start s; xor again; user go; catch ping signal ping; throw pong signal pong; xor on; end e",
        's -> go -> again -> ping -> pong -> on; on -> e if len("x") == 2; on -> again default',
    )
    answer = draw(
        "start s; xor again; catch pong signal pong; throw ping signal ping; xor on; end e",
        's -> again -> pong -> ping -> on; on -> e if len("x") == 2; on -> again default',
    )
    first = draw("start s; user a; end e signal ping", "s -> a -> e")
    for code, diagram in (("echo", echo), ("answer", answer), ("first", first)):
        publish(office, tmp_path, diagram, code=code)
    cases = [office.open_case("clerk", code, {}, NOON).case for code in ("echo", "answer", "first")]
    office.do("clerk", cases[0], "go", {}, NOON)
    before = [len(office.history(case)) for case in cases]
    with pytest.raises(Invalid) as refused:
        office.do("clerk", cases[2], "a", {}, NOON + HOUR)
    assert refused.value.code == "signal.endless"
    assert [len(office.history(case)) for case in cases] == before
    assert office.verify()[1] == []


def test_a_signal_that_nobody_sent_is_found(tmp_path: Path) -> None:
    database = tmp_path / "office.db"
    with Office.create_rehearsal(str(database), NOON, organisation(1)) as office:
        publish(office, tmp_path, SENDER, code="sender")
        publish(office, tmp_path, WAITER, code="waiter")
        waiting = office.open_case("clerk", "waiter", {}, NOON).case
        sender = office.open_case("clerk", "sender", {}, NOON).case
        office.do("clerk", sender, "a", {}, NOON + HOUR)
    unguard(str(database))
    ask(str(database), "DELETE FROM events WHERE case_no = ? AND seq > 2", sender)
    with Office.open(str(database)) as office:
        found = [finding.code for finding in office.verify(waiting)[1]]
    assert found == ["signal.not_sent"]
