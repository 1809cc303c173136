"""Workers are killed in the middle of acts: what was confirmed is there, what was not is wholly absent."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from databases import ask
from drawing import draw
from items import NOON, fields, organisation, publish
from workers import nursery

from engine.office import Office

ROUNDS = 75
"""Of two kills each, on each database."""

ITEM = draw(
    """start s; xor again; and g; user a; user b; and j; user c; reminder nag c every R/PT40M; xor x
    end e; end n""",
    """s -> again -> g; g -> a -> j; g -> b -> j; j -> c -> x; x -> again if again; x -> e default
    nag -> n""",
)


@pytest.fixture
def office(database: str, tmp_path: Path) -> Iterator[Office]:
    with Office.create_rehearsal(database, NOON, organisation()) as opened:
        publish(
            opened,
            tmp_path,
            ITEM,
            forms={"c": fields(again="boolean")},
            documents={"s": "receipt", "a": "opinion", "c": "decision"},
        )
        yield opened


def heads(database: str) -> dict[str, int]:
    return {
        str(case): int(seq) for case, seq in ask(database, "SELECT case_no, max(seq) FROM events GROUP BY 1")
    }


def check_numbers(database: str) -> None:
    """Neither cases nor documents have gaps in their numbers, and the next number is the next one."""
    given: dict[str, int] = {}
    numbered: dict[str, list[int]] = {}
    # One statement: the server may still be finishing an act whose worker is dead already.
    for kind, name, value in ask(
        database,
        "SELECT 'series', series, value FROM numbers "
        "UNION ALL SELECT 'case', case_no, 0 FROM events WHERE seq = 1 AND case_no <> 'office' "
        "UNION ALL SELECT 'document', number, 0 FROM documents",
    ):
        if kind == "series":
            given[name] = value
        elif kind == "case":
            series, _, serial = name.rpartition("-")
            numbered.setdefault(series, []).append(int(serial))
        else:
            series, year, serial = re.fullmatch("(.+)〔(.+)〕(.+)号", name).groups()
            numbered.setdefault(f"{series}/{year}", []).append(int(serial))
    assert {series: sorted(serials) for series, serials in numbered.items()} == {
        series: list(range(1, last + 1)) for series, last in given.items()
    }


def test_what_was_confirmed_survives_a_kill_and_nothing_is_half_done(office: Office, database: str) -> None:
    chance = random.Random(1)
    confirmed: list[tuple[str, int]] = []
    before = heads(database)
    unfinished: list[str] = []
    productive = 0
    with nursery(database, "item") as workers:
        for number in range(ROUNDS):
            now = NOON + timedelta(hours=3 * number)
            pair = [workers.start("work", chance.randrange(10**9), now, unfinished[-2:]) for _ in range(2)]
            acts = number % 8
            for _ in range(acts):
                pair[0].await_act()
            time.sleep(chance.uniform(0, 0.005 if acts else 0.03))
            just_now = [act for worker in pair for act in worker.kill()]
            productive += bool(just_now)
            confirmed += just_now
            after = heads(database)
            for case, seq in just_now:
                assert after.get(case, 0) >= seq, f"{case}, event {seq} was confirmed and is gone"
            moved = [case for case, seq in after.items() if before.get(case) != seq]
            for case in moved:
                assert office.verify(case) == (1, []), case
            unfinished = [case for case in moved if office.show(case)["status"] == "open"]
            before = after
    assert productive > ROUNDS / 2
    assert len(confirmed) > 3 * ROUNDS
    for case, seq in confirmed:
        assert before[case] >= seq
    check_numbers(database)
    count, findings = office.verify()
    assert (count, findings) == (len(heads(database)), [])


def test_a_kill_while_cases_are_opened_leaves_no_gap_in_any_numbers(office: Office, database: str) -> None:
    chance = random.Random(2)
    now: datetime = NOON
    with nursery(database, "item") as workers:
        for number in range(20):
            pair = [workers.start("open", number, now) for _ in range(2)]
            for _ in range(number % 4 + 1):
                pair[0].await_act()
            time.sleep(chance.uniform(0, 0.005))
            confirmed = [act for worker in pair for act in worker.kill()]
            assert confirmed
            check_numbers(database)
            there = heads(database)
            assert all(there[case] >= seq for case, seq in confirmed)
    assert office.verify()[1] == []
    cases = len(heads(database)) - 1
    assert office.open_case("clerk", "item", {}, NOON).case.endswith(f"-{cases + 1:05d}")
