"""Many workers and clerks at the same time, and workers that are killed: every clock strikes once, at its own
instant, and every letter goes out once."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from databases import ask
from drawing import draw
from items import HOUR, NOON, publish
from msgspec.structs import replace
from walks import BASIS, supervised
from workers import Act, at_once, do_all, nursery, sweep_reporting

from engine.clock import write_instant
from engine.delivery import delivery_at
from engine.errors import Refusal
from engine.events import ClockStruck, DocumentIssued, Event, TimerFired
from engine.office import Office, Swept
from engine.office.post import Delivered
from engine.office.worker import work

DIAGRAM = draw(
    """start s; user intake; boundary late intake after clock('silence'); xor in; user decide
    reminder nag decide every every(hours(5), 3); end e; end n""",
    "s -> intake -> in -> decide -> e; late -> in; nag -> n",
)

CLOCKS = f"""
[clocks.silence]
name = {{ zh = "受理", en = "acceptance" }}
tier = "statutory"
term = "5wd"
basis = {BASIS}
starts = ["s"]
stops = ["intake"]
effect = {{ kind = "deemed_acceptance", basis = {BASIS}, begins = ["decision"] }}
[clocks.decision]
name = {{ zh = "决定", en = "decision" }}
tier = "statutory"
term = "7wd"
basis = {BASIS}
starts = ["intake"]
stops = ["decide"]
ladder = [{{ name = "reminder", left = 2 }}, {{ name = "yellow", left = 1, card = true }},
          {{ name = "red", over = 0, card = true }}]
"""

LATE = NOON + timedelta(days=21)
"""By then all that time does to a case has happened."""

STRIKES = 11
"""How often time acts on a case that nobody touches: silence reminds, gives a card and runs out, the timer
that waits for it fires, the decision reminds, gives two cards and runs out, and there are three nags."""

LETTERS = 5
"""Reminders and cards of such a case, each to one unit."""

Story = list[tuple[str, dict[str, Any], Event]]


def prepared(database: str, folder: Path, cases: int) -> tuple[Office, list[str]]:
    """An office with cases of which each was opened a few minutes after the one before."""
    office = Office.create_rehearsal(database, NOON, supervised())
    publish(office, folder, DIAGRAM, clocks=CLOCKS, documents={"late": "notice", "nag": "note"})
    opened = [
        office.open_case("clerk", "item", {}, NOON + timedelta(minutes=7 * number)).case
        for number in range(cases)
    ]
    return office, opened


def stories(office: Office, cases: list[str]) -> dict[str, Story]:
    """Each history as it was lived: without the instants of entry and without the numbers of documents, for
    these come in the order in which the workers got there."""
    return {
        case: [
            (
                record.at,
                record.by,
                replace(record.event, number="", content="")
                if isinstance(record.event, DocumentIssued)
                else record.event,
            )
            for record in office.history(case)
        ]
        for case in cases
    }


def undisturbed(folder: Path, cases: int, acts: list[Act] | None = None) -> dict[str, Story]:
    """The same cases, and one sweep by one worker, then the acts."""
    folder.mkdir()
    office, opened = prepared(str(folder / "office.db"), folder, cases)
    with office:
        office.sweep(LATE)
        for act in acts or []:
            office.do(*act)
        assert office.verify()[1] == []
        return stories(office, opened)


def strikes(told: dict[str, Story]) -> int:
    return sum(isinstance(event, ClockStruck | TimerFired) for story in told.values() for *_, event in story)


@pytest.mark.parametrize(
    ("server", "cases", "workers"), [("postgresql", 200, 4), ("sqlite", 60, 2)], ids=["postgresql", "sqlite"]
)
def test_many_workers_share_the_work_and_every_clock_strikes_once(
    server: str, cases: int, workers: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    database = request.getfixturevalue(f"{server}_database")
    office, opened = prepared(database, tmp_path, cases)
    with office:
        done = at_once(sweep_reporting, [(database, LATE)] * workers)
        assert [refused for _, refusals in done for refused in refusals] == []
        told = stories(office, opened)
        assert told == undisturbed(tmp_path / "twin", cases)
        assert sum(fired for fired, _ in done) == strikes(told) == cases * STRIKES
        if server == "postgresql":  # on SQLite one writer may hold the file all the while
            assert sum(fired > 0 for fired, _ in done) > 1
        assert office.sweep(LATE).fired == 0
        assert office.verify() == (cases + 1, [])


@pytest.mark.parametrize("server", ["postgresql", "sqlite"])
def test_clerks_who_act_while_workers_sweep_all_succeed(
    server: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    database = request.getfixturevalue(f"{server}_database")
    office, opened = prepared(database, tmp_path, 40)
    acts: list[Act] = [("clerk", case, "decide", {}, LATE) for case in opened]
    random.Random(3).shuffle(acts)
    with office, ThreadPoolExecutor(4) as threads:
        running = [
            threads.submit(at_once, sweep_reporting, [(database, LATE)] * 2),
            threads.submit(at_once, do_all, [(database, acts[:20]), (database, acts[20:])]),
        ]
        swept, refused = (result.result() for result in running)
        assert refused == [[], []]
        assert [refusals for _, refusals in swept] == [[], []]
        assert stories(office, opened) == undisturbed(tmp_path / "twin", 40, acts)
        assert {office.show(case)["status"] for case in opened} == {"closed"}
        assert office.verify() == (41, [])


def progress(database: str) -> tuple[int, int]:
    """How much the workers have done, and how much there is left for them."""
    done, due, waiting = ask(
        database,
        "SELECT count(*) FROM events UNION ALL SELECT count(*) FROM timers WHERE due <= ? "
        "UNION ALL SELECT count(*) FROM outbox WHERE delivered_at IS NULL AND due_at <= ?",
        *[write_instant(LATE)] * 2,
    )
    return done[0] - waiting[0], due[0] + waiting[0]


def test_killed_workers_lose_nothing_repeat_nothing_and_deliver_every_letter_once(
    database: str, tmp_path: Path
) -> None:
    cases, chance = 80, random.Random(9)
    letters = tmp_path / "letters"
    letters.mkdir()
    office, opened = prepared(database, tmp_path, cases)
    kills = 0
    with office, nursery(database, "item") as workers:
        while (before := progress(database))[1]:
            pair = [workers.start("watch", 0, LATE, [str(letters)]) for _ in range(2)]
            enough = before[0] + chance.randint(1, 120)
            while (reached := progress(database))[0] < enough and reached[1]:
                time.sleep(0.001)
            for worker in pair:
                worker.kill()
            kills += 2
        assert stories(office, opened) == undisturbed(tmp_path / "twin", cases)
        assert office.verify() == (cases + 1, [])

        # Who was killed with a letter in hand kept it for a while; somebody else delivers it then.
        later = LATE + HOUR
        office.deliver(delivery_at(str(letters)), lambda: later)
        rows = office.outbox()
        assert len(rows) == cases * LETTERS
        assert all(row["delivered_at"] is not None for row in rows)
        files = [path.name for path in letters.glob("*.eml")]
        assert sorted(row["receipt"] for row in rows) == sorted(files)
        assert office.deliver(delivery_at(str(letters)), lambda: later) == Delivered()
    assert kills > 40


def test_a_worker_outlives_a_server_that_goes_away(
    postgresql: Callable[[str], str], postgresql_database: str, tmp_path: Path
) -> None:
    name = postgresql_database.partition("?")[0].rpartition("/")[2]
    office, opened = prepared(postgresql_database, tmp_path, 1)
    stop = threading.Event()
    rounds: list[tuple[Swept | None, Refusal | None]] = []

    def report(swept: Swept | None, delivered: Delivered, trouble: Refusal | None) -> None:
        rounds.append((swept, trouble))
        with psycopg.connect(postgresql("postgres"), autocommit=True) as server:
            if len(rounds) == 1:
                server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
                server.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
                )
            elif len(rounds) == 3:
                server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        if len(rounds) == 4:
            stop.set()

    with office:
        instants = iter([NOON, LATE, LATE, LATE])
        work(office, lambda: next(instants), 0.01, stop, None, str, report)
        assert [swept is None for swept, _ in rounds] == [False, True, True, False]
        assert [trouble is None for _, trouble in rounds] == [True, False, False, True]
        assert rounds[-1][0] == Swept(opened, STRIKES, {})


def test_the_cost_of_a_sweep_is_measured() -> None:
    script = Path(__file__).parent.parent / "bench" / "sweep.py"
    done = subprocess.run(
        [sys.executable, str(script), "--small"], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["sqlite", "postgresql"]
    assert all(" ratio " in line and " target " in line for line in done.stdout.splitlines())
