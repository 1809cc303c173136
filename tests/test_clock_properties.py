"""What holds of clocks whatever people do, whenever anybody looks, and however often the office is swept."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cache, partial
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from certificate_checker import check
from databases import ask, dump
from drawing import draw
from items import ANYTHING, DAY, HOUR, NOON, publish
from msgspec.structs import replace
from walks import BASIS, Walk, retell, sketch, supervised, sweep_until

from engine.case import hours_of
from engine.clock import ledger, read_instant
from engine.clock.ledger import Ledger
from engine.definition import Definition
from engine.events import Event, canonical
from engine.office import NotPublishable, Office

CADENCES = {
    "a minute": timedelta(minutes=1),
    "an hour": HOUR,
    "a day": DAY,
    "never": None,
}

EVER_SO_LITTLE = timedelta(microseconds=1)

PARALLEL = ("a", "b", "c", "d")
"""The departments' steps of `JOINT`, which are open at the same time."""

JOINT = draw(
    """start s; and g; user a; user b; user c; user d; and j; user e; end z
    boundary late e after clock('decision'); reminder nag d after clock('silence')
    end y; end x""",
    """s -> g; g -> a -> j; g -> b -> j; g -> c -> j; g -> d -> j; j -> e -> z
    late -> y; nag -> x""",
)

JOINT_CLOCKS = f"""
[clocks.decision]
name = {{ zh = "决定", en = "decision" }}
tier = "statutory"
term = "5wd"
basis = {BASIS}
starts = ["a:opened"]
stops = ["e"]
grounds = ["testing"]
pause_notice = "special"
pauses = [{{ ground = "testing", from = "b:opened", to = "e:opened", expected = "1wd" }}]
[clocks.answer]
name = {{ zh = "答复", en = "answer" }}
tier = "promised"
term = "3wd"
basis = {BASIS}
starts = ["a:opened"]
stops = ["e:opened"]
follows = "decision"
[clocks.silence]
name = {{ zh = "默示", en = "silence" }}
tier = "step"
term = "8h"
basis = {BASIS}
starts = ["d:opened"]
stops = ["d"]
unit = "d1"
effect = {{ kind = "deemed_consent", basis = {BASIS} }}
[clocks.check]
name = {{ zh = "核验", en = "check" }}
tier = "step"
term = "2d"
basis = {BASIS}
starts = ["c"]
"""


def stories(database: str) -> dict[str, list[tuple[str, dict[str, Any], Event]]]:
    """Every history of the office, the office's own included, without when it was entered."""
    found: dict[str, list[tuple[str, dict[str, Any], Event]]] = {}
    with Office.open(database) as office:
        for (case,) in ask(database, "SELECT DISTINCT case_no FROM events ORDER BY 1"):
            found[case] = [(record.at, record.by, record.event) for record in office.history(case)]
    return found


def walked(folder: Path, seed: int) -> Walk:
    """A random walk through a random diagram, in an office of its own."""
    with Office.create_rehearsal(str(folder / "walked.db"), NOON, supervised()) as office:
        office.publish(sketch(folder, seed), NOON)
        walk = Walk(office, f"sketch{seed}", seed)
        for _ in walk.go(60):
            pass
    return walk


# --- at every instant of random walks


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Office, Walk]]:
    """Random walks of which the offices are still open."""
    found = []
    for seed in range(2000, 2016):
        folder = tmp_path_factory.mktemp("walk")
        office = Office.create_rehearsal(str(folder / "office.db"), NOON, supervised())
        office.publish(sketch(folder, seed), NOON)
        walk = Walk(office, f"sketch{seed}", seed)
        for _ in walk.go(60):
            pass
        found.append((office, walk))
    return found


def definition_of(office: Office) -> Definition:
    (definition,) = office._library._definitions.values()
    return definition


def readings(office: Office, case: str) -> Iterator[tuple[Mapping[str, Any], Any, Ledger, Any, str]]:
    """Every clock in every state of the case: (deadline, rule, ledger, working days, instant)."""
    definition = definition_of(office)
    with office._store.reading() as reader:
        calendar_of: Any = cache(partial(office._library.calendar, reader))
        for record, state in office.replay(case):
            for deadline in state.deadlines.values():
                clock = definition.clocks[deadline["clock"]]
                workdays = hours_of(state, deadline["calendar"], calendar_of)(clock.unit)
                yield deadline, clock.rule, Ledger.from_json(deadline["ledger"]), workdays, record.at


def test_no_clock_is_due_before_it_starts(lived: list[tuple[Office, Walk]]) -> None:
    seen = 0
    for office, walk in lived:
        for deadline, *_ in readings(office, walk.case):
            if deadline["due"] is not None:
                seen += 1
                assert deadline["due"] >= deadline["ledger"]["runs"][-1]["started"]
    assert seen > 300


def test_no_pause_ever_moved_a_due_date_earlier(lived: list[tuple[Office, Walk]]) -> None:
    moved = 0
    for office, walk in lived:
        for _, rule, book, workdays, _ in readings(office, walk.case):
            due = ledger.tally(rule, book, workdays).due
            for number in range(len(book.run.pauses)):
                fewer = replace(book.run, pauses=book.run.pauses[:number] + book.run.pauses[number + 1 :])
                before = ledger.tally(rule, Ledger((fewer,), book.stopped), workdays).due
                if due is not None:
                    assert before is not None
                    assert before.at <= due.at
                    moved += before.at < due.at
    assert moved > 20


def test_what_is_used_and_what_is_left_is_the_budget_with_its_extensions_at_every_instant(
    lived: list[tuple[Office, Walk]],
) -> None:
    chance = random.Random(5)
    extended = 0
    for office, walk in lived:
        for _, rule, book, workdays, at in readings(office, walk.case):
            instants = sorted(read_instant(at) + chance.randint(-99, 99) * HOUR for _ in range(3))
            shown = [ledger.read(rule, book, workdays, max(now, book.run.started)) for now in instants]
            budget = rule.term.n + sum(extension.by.n for extension in book.run.extensions)
            extended += budget > rule.term.n
            assert [reading.used + reading.left for reading in shown] == [budget] * len(shown)
            used = [reading.used for reading in shown]
            assert used == sorted(used)
            assert 0 <= used[0] <= used[-1] <= budget
    assert extended > 20


def test_an_independent_program_recomputes_every_due_date_of_every_walk(
    lived: list[tuple[Office, Walk]],
) -> None:
    checked = 0
    for office, walk in lived:
        for hours in (0, 7, 200):
            for told in office.explain(walk.case, None, walk.now + hours * HOUR):
                if told["kind"] == "clock":
                    checked += 1
                    assert check(json.loads(json.dumps(told["certificate"]))) == [], told["clock"]
    assert checked > 60


def test_a_clock_strikes_each_rung_once_unless_its_term_moved_and_runs_out_once(
    lived: list[tuple[Office, Walk]],
) -> None:
    for office, walk in lived:
        ran_out: Counter[str] = Counter()
        struck: set[tuple[str, str]] = set()
        for record in office.history(walk.case):
            told = record.event.payload()
            match record.event.type:
                case "clock.struck":
                    assert (told["clock"], told["rung"]) not in struck
                    struck.add((told["clock"], told["rung"]))
                    ran_out[told["clock"]] += told["rung"] == ""
                case "clock.paused" | "clock.resumed" | "clock.extended" | "clock.restarted":
                    struck = {strike for strike in struck if strike[0] != told["clock"]}
                case "clock.reprojected" | "calendar.revised":
                    struck.clear()
        assert set(ran_out.values()) <= {0, 1}


def test_clocks_that_would_begin_each_other_for_ever_are_refused_when_they_are_published(
    tmp_path: Path,
) -> None:
    clocks = "".join(
        f"""
[clocks.{name}]
name = {{ zh = "甲", en = "{name}" }}
tier = "statutory"
term = "2wd"
basis = {BASIS}
starts = {starts}
effect = {{ kind = "deemed_acceptance", basis = {BASIS}, begins = ["{begun}"] }}
"""
        for name, starts, begun in (("a", ["s"], "b"), ("b", [], "c"), ("c", [], "a"))
    )
    elements = "start s; user t; end e; " + "; ".join(
        f"reminder r{name} t after clock('{name}'); end e{name}" for name in "abc"
    )
    diagram = draw(elements, "s -> t -> e; ra -> ea; rb -> eb; rc -> ec")
    with Office.create_rehearsal(str(tmp_path / "office.db"), NOON, supervised()) as office:
        with pytest.raises(NotPublishable) as refused:
            publish(office, tmp_path, diagram, clocks=clocks)
        found = [problem for problem in refused.value.problems if problem.severity == "error"]
        assert [(problem.code, problem.element) for problem in found] == [
            ("clock.begins", f"clocks.{name}.effect.begins.1") for name in "abc"
        ]


# --- parallel answers


def joint_case(folder: Path, order: tuple[str, ...], minutes: int) -> tuple[Any, Counter[str]]:
    """The state of a case in which the departments answered in this order at the same minute, and its
    events, whatever their order."""
    with Office.create_rehearsal(str(folder / "office.db"), NOON, supervised()) as office:
        item = publish(
            office,
            folder,
            JOINT,
            forms=dict.fromkeys(PARALLEL, ANYTHING),
            clocks=JOINT_CLOCKS,
            notices=["special"],
        )
        case = office.open_case("clerk", item, {}, NOON).case
        at = NOON + timedelta(minutes=minutes)
        for step in order:
            office.do("clerk", case, step, {step: step}, at)
        office.sweep(at + 9 * DAY)
        assert office.verify()[1] == []
        state = office.replay(case)[-1][1]
        events = Counter(
            f"{record.at} {record.by} {record.event.type} {canonical(record.event.payload()).decode()}"
            for record in office.history(case)
        )
        return (
            state.deadlines,
            state.cards,
            state.deemed,
            office.show(case, at + 30 * DAY)["clocks"],
        ), events


@pytest.mark.parametrize("minutes", [20, 60 * 8, 60 * 24 * 3])
def test_the_order_of_parallel_answers_at_one_instant_is_irrelevant_for_the_clocks(
    minutes: int, tmp_path: Path
) -> None:
    found = []
    for number, order in enumerate([*permutations(PARALLEL)][::3]):
        folder = tmp_path / str(number)
        folder.mkdir()
        found.append(joint_case(folder, order, minutes))
    assert all(clocks == found[0][0] for clocks, _ in found)
    assert all(events == found[0][1] for _, events in found)


# --- how often the office is swept


@pytest.mark.parametrize("seed", range(3000, 3012))
def test_how_often_the_office_is_swept_leaves_no_trace_in_the_history(seed: int, tmp_path: Path) -> None:
    told = walked(tmp_path, seed).told
    end = told[-1][1][-1] + 40 * DAY
    found = {}
    for name, every in CADENCES.items():
        database = str(tmp_path / f"{name}.db")
        with Office.create_rehearsal(database, NOON, supervised()) as office:
            office.publish(sketch(tmp_path / name, seed), NOON)
            refused = retell(office, database, told, every)
            if every is not None:
                sweep_until(office, database, end, every)
            office.sweep(end)
            assert office.verify()[1] == []
        found[name] = stories(database), refused
    assert all(told == found["a minute"] for told in found.values())


SILENT = draw(
    """start s; catch two after PT50H; catch five after days(5); user t; end e
    reminder nag t every every(hours(31), 4); reminder late t after clock('decision'); end n; end l""",
    "s -> two -> five -> t -> e; nag -> n; late -> l",
)

SILENT_CLOCK = f"""
[clocks.decision]
name = {{ zh = "决定", en = "decision" }}
tier = "statutory"
term = "9wd"
basis = {BASIS}
starts = ["s"]
"""


def slept(database: str, folder: Path, every: timedelta | None) -> dict[str, Any]:
    """Histories and papers of an office with many cases that nobody touches for a month; much happens in
    them by itself."""
    with Office.create_rehearsal(database, NOON, supervised()) as office:
        issuing = dict.fromkeys(["two", "five", "nag", "late"], "note")
        publish(office, folder, SILENT, documents=issuing, clocks=SILENT_CLOCK)
        for seed in range(3100, 3110):
            office.publish(sketch(folder, seed), NOON)
        for hours in range(10):
            office.open_case("clerk", "item", {}, NOON + 17 * hours * HOUR)
            Walk(office, f"sketch{3100 + hours}", hours, NOON + 17 * hours * HOUR)
        if every is not None:
            assert sweep_until(office, database, NOON + 30 * DAY, every) > 50
        office.sweep(NOON + 30 * DAY)
        assert office.verify()[1] == []
    return {"histories": stories(database), **dump(database, ["documents", "contents", "tasks", "timers"])}


def test_after_a_month_of_downtime_all_is_as_if_the_worker_had_run_every_minute(tmp_path: Path) -> None:
    awake = slept(str(tmp_path / "awake.db"), tmp_path / "awake", CADENCES["a minute"])
    asleep = slept(str(tmp_path / "asleep.db"), tmp_path / "asleep", None)
    assert len(awake["documents"]) > 60
    assert asleep == awake


def test_a_sweep_that_finds_nothing_due_changes_nothing(tmp_path: Path, database: str) -> None:
    with Office.create_rehearsal(database, NOON, supervised()) as office:
        office.publish(sketch(tmp_path, 3010), NOON)
        Walk(office, "sketch3010", 3010)
        office.sweep(NOON + 3 * HOUR)
        before = dump(database)
        ((due,),) = ask(database, "SELECT min(due) FROM timers")
        for minutes in range(1, 40):
            now = min(NOON + 3 * HOUR + timedelta(minutes=minutes), read_instant(due) - EVER_SO_LITTLE)
            assert office.sweep(now).fired == 0
        assert dump(database) == before
