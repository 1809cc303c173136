"""An auditor's replay is the engine, run again: from the events alone comes every state there was."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from databases import ask, dump
from items import NOON
from msgspec.structs import replace
from walks import ShippedWalk, digest_of_replays, digest_of_walks, supervised, walk_all

from engine.audit import replay
from engine.case import CalendarOf, Case, evolve
from engine.case import Watch as OnGlimpses
from engine.clock import read_instant
from engine.definition import Definition, builtin
from engine.events import Event, Record, canonical
from engine.office import Office

SHIPPED = ("disclosure-request", "enterprise-startup", "senior-card")
SKETCHES = 25
"""Random diagrams a test; the seeds of different tests differ."""


def image(case: Case) -> bytes:
    """A state between any two events, whole."""
    pending = [[event.type, event.payload()] for event in case.expected]
    return canonical({**case.to_json(), "expected": pending})


class Watch:
    """Looks over the live engine's shoulder: every state that it goes through, and every head it stores."""

    def __init__(self, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.database = database
        self.lived: dict[str, list[bytes]] = {}
        self.under_way: list[tuple[str, bytes, bytes]] = []

        def watched(
            case: Case | None,
            definition: Definition,
            number: str,
            at: datetime,
            by: Mapping[str, Any],
            event: Event,
            calendar_of: CalendarOf,
            watch: OnGlimpses | None,
        ) -> Case:
            after = evolve(case, definition, number, at, by, event, calendar_of, watch=watch)
            self.under_way.append((number, image(after), canonical(after.to_json())))
            return after

        monkeypatch.setattr("engine.course.evolve", watched)  # replay has a reference of its own

    def after_act(self) -> None:
        """Keep the states of the acts that went on record, and compare the last with the stored head."""
        acts: dict[str, list[tuple[bytes, bytes]]] = {}
        for number, seen, stored in self.under_way:
            acts.setdefault(number, []).append((seen, stored))
        self.under_way.clear()
        for number, states in acts.items():
            head = ask(self.database, "SELECT seq, state FROM heads WHERE case_no = ?", number)
            if not head:
                continue  # an example that publishing plays
            lived = self.lived.setdefault(number, [])
            if head[0][0] > len(lived):
                lived += [seen for seen, _ in states]
                assert bytes(head[0][1]) == states[-1][1]
            assert head[0][0] == len(lived)

    def follow(self, walk: Iterable[str]) -> None:
        for _ in walk:
            self.after_act()


def check_replays(office: Office, watch: Watch) -> Counter[str]:
    """Compare every state of every case; the kinds of events that there were."""
    kinds: Counter[str] = Counter()
    for number, lived in watch.lived.items():
        history = office.history(number)
        states = office.replay(number)
        for (record, state), seen in zip(states, lived, strict=True):
            # Compared only when the replay is over, so that a later event that reached into an
            # earlier state would show as well.
            same = image(state) == seen  # pytest would compare them letter by letter
            assert same, f"{number}, event {record.seq}"
        assert [record for record, _ in states] == history
        kinds.update(record.event.type for record in history)
    return kinds


def check_rebuilding(office: Office, database: str, folder: Path) -> None:
    """All that is kept for speed comes back from the histories, byte for byte, here and elsewhere."""
    before = dump(database)
    here = digest_of_replays(database)
    for table in ("heads", "tasks", "timers"):
        ask(database, f"DELETE FROM {table}")
    assert elsewhere("replays", database) == here
    assert dump(database) == before
    for table in ("heads", "tasks", "timers"):
        ask(database, f"DELETE FROM {table}")
    office.rebuild()
    assert dump(database) == before
    assert office.verify()[1] == []


def elsewhere(*arguments: str) -> str:
    """What `walks.py` prints in a fresh interpreter with another hash seed."""
    tests = Path(__file__).parent
    environment = {**os.environ, "PYTHONHASHSEED": "4711", "PYTHONPATH": f"{tests}{os.pathsep}{tests.parent}"}
    command = [sys.executable, str(tests / "walks.py"), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=100)
    return done.stdout.strip()


@pytest.fixture
def watch(database: str, monkeypatch: pytest.MonkeyPatch) -> Watch:
    return Watch(database, monkeypatch)


def test_every_state_of_random_walks_through_random_diagrams_comes_back(
    database: str, watch: Watch, tmp_path: Path
) -> None:
    first = 0 if "://" in database else 1000
    with Office.create_rehearsal(database, NOON, supervised()) as office:
        watch.follow(walk_all(office, tmp_path, range(first, first + SKETCHES)))
        kinds = check_replays(office, watch)
        check_rebuilding(office, database, tmp_path)
    # That the walks went somewhere:
    assert len(watch.lived) == SKETCHES
    assert sum(kinds.values()) > 20 * SKETCHES
    for kind in ("timer.fired", "timer.stopped", "task.cancelled", "document.issued", "calendar.revised"):
        assert kinds[kind] >= 5, kinds
    for kind in ("clock.struck", "clock.expired", "clock.paused", "clock.resumed", "card.raised"):
        assert kinds[kind] >= 5, kinds
    assert kinds.keys() >= {"message.received", "case.deemed", "clock.extended", "clock.reprojected"}, kinds
    assert kinds["case.closed"] > SKETCHES // 2


def test_every_state_of_walks_with_errors_compensation_and_event_subprocesses_comes_back(
    watch: Watch, database: str, tmp_path: Path
) -> None:
    with Office.create_rehearsal(database, NOON, supervised()) as office:
        watch.follow(walk_all(office, tmp_path, range(9100, 9112), rare=0.6))
        kinds = check_replays(office, watch)
        check_rebuilding(office, database, tmp_path)
    assert sum(kinds.values()) > 200
    assert kinds.keys() >= {"message.received", "timer.fired", "task.cancelled", "incident.retried"}, kinds


@pytest.mark.parametrize("item", SHIPPED)
def test_every_state_of_random_walks_through_a_shipped_item_comes_back(
    item: str, database: str, watch: Watch, tmp_path: Path
) -> None:
    outcomes = set()
    with Office.create_rehearsal(database, NOON) as office:
        office.publish(builtin().items()[item], NOON)
        for seed in range(12):
            walk = ShippedWalk(office, item, seed)
            watch.follow(walk.go(40))
            outcomes.add(office.show(walk.case)["outcome"])
        check_replays(office, watch)
        check_rebuilding(office, database, tmp_path)
    assert len(outcomes) >= 3, outcomes


def shuffled(walks: list[Iterator[str]]) -> Iterator[str]:
    """Steps of all walks, in random turns."""
    chance = random.Random(7)
    while walks:
        walk = chance.choice(walks)
        case = next(walk, None)
        if case is None:
            walks.remove(walk)
        else:
            yield case


def test_several_cases_side_by_side_come_back_each_for_itself(
    sqlite_database: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    watch = Watch(sqlite_database, monkeypatch)
    with Office.create_rehearsal(sqlite_database, NOON, supervised()) as office:
        watch.follow(shuffled([walk_all(office, tmp_path, range(n, n + 1)) for n in range(400, 408)]))
        check_replays(office, watch)
        check_rebuilding(office, sqlite_database, tmp_path)


def test_the_same_walks_in_a_fresh_interpreter_with_another_hash_seed_write_the_same_bytes() -> None:
    assert elsewhere("walks", "200", "208") == digest_of_walks(range(200, 208))


def test_a_stored_head_is_enough_to_go_on_from(sqlite_database: str, tmp_path: Path) -> None:
    with Office.create_rehearsal(sqlite_database, NOON, supervised()) as office:
        cases = sorted(set(walk_all(office, tmp_path, range(300, 310))))
    with Office.open(sqlite_database) as office:  # nothing is left in memory
        for case in cases:
            state: Case | None = None
            for record, replayed in office.replay(case):
                definition = office._library._definitions[replayed.definition]
                at = read_instant(record.at)
                calendar_of = office._library._calendars.__getitem__
                state = evolve(state, definition, case, at, record.by, record.event, calendar_of)
                assert image(state) == image(replayed)
                thawed = Case.from_json(json.loads(canonical(state.to_json())))
                state = replace(thawed, expected=state.expected)


def test_replay_needs_no_head_and_no_projection(sqlite_database: str, tmp_path: Path) -> None:
    with Office.create_rehearsal(sqlite_database, NOON, supervised()) as office:
        (case,) = set(walk_all(office, tmp_path, range(3, 4)))
        history: list[Record] = office.history(case)
        states = [image(state) for _, state in office.replay(case)]
        (definition,) = office._library._definitions.values()
        calendars = office._library._calendars
        replayed = replay(case, history, lambda _: definition, calendars.__getitem__)
        assert [image(s) for _, s in replayed] == states
