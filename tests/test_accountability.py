"""Whose were the days? Every moment of a case is somebody's, and the shares sum to the elapsed time."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from databases import ask, unguard
from drawing import draw
from hypothesis import given, settings
from hypothesis import strategies as st
from items import ANYTHING, DAY, HOUR, NOON, make_item, organisation, play, publish
from walks import ShippedWalk, Walk, sketch, supervised

from engine.accountability import report
from engine.audit import replay
from engine.clock import OFFICE_ZONE, read_instant, shipped, write_instant
from engine.course import Course
from engine.definition import Definition, builtin, read_folder
from engine.errors import Diverged, Unknown
from engine.events import (
    CaseOpened,
    ClockPaused,
    ClockRestarted,
    ClockResumed,
    ClockStopped,
    Record,
    TaskCancelled,
    TaskCompleted,
    TaskOpened,
    chain,
)
from engine.office import Office
from engine.organisation import read_register

MICROSECOND = timedelta(microseconds=1)
COUNTY = ZoneInfo(OFFICE_ZONE)


@pytest.fixture
def office(database: str) -> Iterator[Office]:
    with Office.create_rehearsal(database, NOON, organisation(3)) as opened:
        yield opened


def held(lines: list[dict[str, Any]]) -> dict[tuple[str, str], timedelta]:
    """Who has how much, in the order of the report."""
    return {(line["kind"], line["party"]): line["microseconds"] * MICROSECOND for line in lines}


def account_of(office: Office, case: str, now: datetime) -> dict[str, Any]:
    (account,) = office.accountability(case, now)["cases"]
    check(account)
    return dict(account)


def check(account: dict[str, Any], zone: ZoneInfo = COUNTY) -> None:
    """The promises that hold of any account: shares and days sum exactly, nobody is named twice, and no day
    is longer than it was."""
    since, until = read_instant(account["opened_at"]), read_instant(account["until"])
    assert account["elapsed"] * MICROSECOND == until - since
    assert sum(line["microseconds"] for line in account["shares"]) == account["elapsed"]
    by_day, by_holder = Counter[str](), Counter[tuple[str, str]]()
    for line in account["days"]:
        by_day[line["date"]] += line["microseconds"]
        by_holder[line["kind"], line["party"]] += line["microseconds"]
    on, expected = since.astimezone(zone).date(), Counter[str]()
    while (begins := datetime.combine(on, time(), zone).astimezone(UTC)) < until:
        on += DAY
        ends = datetime.combine(on, time(), zone).astimezone(UTC)
        expected[(on - DAY).isoformat()] = (min(until, ends) - max(since, begins)) // MICROSECOND
    assert by_day == expected
    assert list(by_day) == sorted(by_day)
    assert by_holder == {(line["kind"], line["party"]): line["microseconds"] for line in account["shares"]}
    for lines in (account["shares"], *([d for d in account["days"] if d["date"] == on] for on in by_day)):
        order = [(-line["microseconds"], line["kind"], line["party"]) for line in lines]
        assert order == sorted(order)
        assert len({entry[1:] for entry in order}) == len(lines)
        assert all(line["microseconds"] > 0 for line in lines)
    assert account == json.loads(json.dumps(account))


# --- whose a moment is

JOINT = draw(
    "start s; user intake; and fork; user fire; user water; user more; and join;"
    "catch papers message papers; catch notice after P7D; user decide; end e",
    "s -> intake -> fork -> fire -> join -> papers -> notice -> decide -> e; fork -> water -> more -> join",
)
LANES = {"fire": "d1", "water": "d2", "more": "d2", "decide": "d3"}


def test_each_moment_belongs_to_whoever_the_case_stood_with(office: Office, tmp_path: Path) -> None:
    item = publish(office, tmp_path, JOINT, lanes=LANES)
    case = office.open_case("clerk", item, {}, NOON).case
    office.do("clerk", case, "intake", {}, NOON + HOUR)
    office.do("p2", case, "water", {}, NOON + 5 * HOUR)  # d1 and d2 had four hours between them
    office.do("p1", case, "fire", {}, NOON + 7 * HOUR)  # and two more; `more` is d2's as well
    office.do("p2", case, "more", {}, NOON + 10 * HOUR)  # then d2 alone three
    office.do("clerk", case, "papers", {}, NOON + 3 * DAY)
    office.sweep(NOON + 12 * DAY)
    office.do("p3", case, "decide", {}, NOON + 12 * DAY)
    account = account_of(office, case, NOON + 99 * DAY)
    assert held(account["shares"]) == {
        ("waiting", "notice"): 7 * DAY,
        ("applicant", ""): 3 * DAY - 10 * HOUR,
        ("unit", "d3"): 2 * DAY,
        ("unit", "d2"): 6 * HOUR,
        ("unit", "d1"): 3 * HOUR,
        ("unit", "hall"): HOUR,
    }
    assert account["shares"][0]["name"] == {"zh": "notice", "en": "notice"}
    assert account["shares"][1]["name"] == {"zh": "申请人", "en": "applicant"}
    assert account["shares"][2]["name"] == {"zh": "d3", "en": "d3"}
    assert {key: account[key] for key in ("case", "item", "item_name", "until", "closed")} == {
        "case": case,
        "item": item,
        "item_name": {"zh": "item", "en": "item"},
        "until": write_instant(NOON + 12 * DAY),
        "closed": True,
    }


def test_a_day_is_shared_by_those_who_had_the_case_on_it(office: Office, tmp_path: Path) -> None:
    item = publish(office, tmp_path, JOINT, lanes=LANES)
    case = office.open_case("clerk", item, {}, NOON).case
    office.do("clerk", case, "intake", {}, NOON + 2 * HOUR)
    days = account_of(office, case, NOON + 15 * HOUR)["days"]  # from noon to three the next morning
    assert [
        (line["date"], line["kind"], line["party"], line["microseconds"] // 3_600_000_000) for line in days
    ] == [
        ("2026-03-02", "unit", "d1", 5),
        ("2026-03-02", "unit", "d2", 5),
        ("2026-03-02", "unit", "hall", 2),
        ("2026-03-03", "unit", "d1", 1),
        ("2026-03-03", "unit", "d2", 1),
    ]


def test_a_unit_with_several_open_steps_counts_once(office: Office, tmp_path: Path) -> None:
    diagram = draw(
        "start s; and fork; user a; user b; user c; and join; end e",
        "s -> fork -> a -> join -> e; fork -> b -> join; fork -> c -> join",
    )
    item = publish(office, tmp_path, diagram, lanes={"a": "d1", "b": "d1", "c": "d2"})
    case = office.open_case("clerk", item, {}, NOON).case
    assert held(account_of(office, case, NOON + 2 * HOUR)["shares"]) == {
        ("unit", "d1"): HOUR,
        ("unit", "d2"): HOUR,
    }


def test_what_cannot_be_divided_is_not_lost(office: Office, tmp_path: Path) -> None:
    diagram = draw("start s; user ask each unit of units; end e", "s -> ask -> e")
    about = {"forms": {"s": ANYTHING}, "properties": {"ask": {"unit": "unit"}}}
    item = publish(office, tmp_path, diagram, **about)
    case = office.open_case("clerk", item, {"units": ["d3", "d1", "d2"]}, NOON).case
    for elapsed, shares in ((1, [1]), (2, [1, 1]), (3, [1, 1, 1]), (10**6, [333_334, 333_333, 333_333])):
        lines = account_of(office, case, NOON + elapsed * MICROSECOND)["shares"]
        assert [line["microseconds"] for line in lines] == shares
        assert [line["party"] for line in lines] == ["d1", "d2", "d3"][: len(shares)]


CLOCKS = """
[clocks.decision]
name = { zh = "决定", en = "Decision" }
tier = "statutory"
term = "20wd"
starts = ["s"]
stops = ["decide"]
unit = "d1"
basis = { law = "行政许可法", article = "第四十二条" }
grounds = ["testing", "hearing"]
pause_notice = "special"

[clocks.promise]
name = { zh = "承诺", en = "Promise" }
tier = "promised"
term = "7wd"
starts = ["s"]
basis = { law = "服务承诺", article = "一" }
pause_notice = "special"
[clocks.promise.grounds.flood]
zh = "汛情"
en = "flood"
basis = { law = "服务承诺", article = "二" }
"""


def test_what_the_law_does_not_count_is_nobodys_even_while_a_step_is_open(
    office: Office, tmp_path: Path
) -> None:
    diagram = draw("start s; user decide; user after; end e", "s -> decide -> after -> e")
    item = publish(office, tmp_path, diagram, lanes={"decide": "d1"}, clocks=CLOCKS, notices=["special"])
    case = office.open_case("clerk", item, {}, NOON).case
    office.pause("clerk", case, "promise", "flood", "3wd", "汛期", NOON + HOUR)  # a promise is not the law
    office.pause("p1", case, "decision", "testing", "12wd", "送检", NOON + DAY)
    office.pause("p1", case, "decision", "hearing", "12wd", "听证", NOON + 2 * DAY)  # counts once with it
    office.resume("p1", case, "decision", "testing", "检测完成", NOON + 4 * DAY)
    account = account_of(office, case, NOON + 5 * DAY)
    assert held(account["shares"]) == {
        ("excluded", "testing"): 3 * DAY,
        ("excluded", "hearing"): DAY,
        ("unit", "d1"): DAY,
    }
    assert account["shares"][0]["name"] == {"zh": "检测", "en": "testing"}
    office.do("p1", case, "decide", {}, NOON + 6 * DAY)  # the clock stops, and its pause with it
    assert held(account_of(office, case, NOON + 8 * DAY)["shares"]) == {
        ("excluded", "testing"): 3 * DAY,
        ("excluded", "hearing"): 2 * DAY,
        ("unit", "hall"): 2 * DAY,
        ("unit", "d1"): DAY,
    }


def test_a_message_from_another_office_is_that_offices_to_send(office: Office, tmp_path: Path) -> None:
    diagram = draw(
        "start s; and fork; catch lab message lab; catch papers message papers; and join; end e",
        "s -> fork -> lab -> join -> e; fork -> papers -> join",
    )
    item = publish(office, tmp_path, diagram, properties={"lab": {"waits_for": "d2"}})
    case = office.open_case("clerk", item, {}, NOON).case
    office.do("clerk", case, "papers", {}, NOON + 2 * HOUR)
    assert held(account_of(office, case, NOON + 5 * HOUR)["shares"]) == {
        ("unit", "d2"): 4 * HOUR,
        ("applicant", ""): HOUR,
    }


def test_who_may_withdraw_at_any_time_does_not_hold_the_case_up(office: Office, tmp_path: Path) -> None:
    diagram = draw(
        "start s; sub notice { start i; catch days_of_notice after P7D; end o | i -> days_of_notice -> o };"
        "boundary withdrawn notice message withdrawn; reminder nag notice after P1D; end n; end w; end e",
        "s -> notice -> e; withdrawn -> w; nag -> n",
    )
    item = publish(office, tmp_path, diagram)
    case = office.open_case("clerk", item, {}, NOON).case
    office.sweep(NOON + 9 * DAY)
    account = account_of(office, case, NOON + 9 * DAY)
    assert held(account["shares"]) == {("waiting", "days_of_notice"): 7 * DAY}
    assert account["closed"]


def test_whoever_may_answer_before_a_timer_has_the_time_until_then(office: Office, tmp_path: Path) -> None:
    diagram = draw(
        "start s; race r; catch papers message papers; catch lapse after P30D; end e; end lapsed",
        "s -> r -> papers -> e; r -> lapse -> lapsed",
    )
    case = office.open_case("clerk", publish(office, tmp_path, diagram), {}, NOON).case
    assert held(account_of(office, case, NOON + 2 * DAY)["shares"]) == {("applicant", ""): 2 * DAY}


def test_a_diagram_that_failed_is_named(office: Office, tmp_path: Path) -> None:
    diagram = draw(
        "start s; script fee fee = 20 * copies; end e; and fork; catch later after P1D; and join",
        "s -> fork -> fee -> join -> e; fork -> later -> join",
    )
    item = publish(office, tmp_path, diagram, forms={"s": ANYTHING})
    case = office.open_case("clerk", item, {"copies": None}, NOON).case
    office.sweep(NOON + 3 * DAY)
    assert held(account_of(office, case, NOON + 3 * DAY)["shares"]) == {
        ("waiting", "fee"): 2 * DAY,
        ("waiting", "later"): DAY,
    }


def test_a_timer_that_waits_for_a_clock_is_named_while_that_stands_still(
    office: Office, tmp_path: Path
) -> None:
    diagram = draw("start s; catch silence after clock('promise'); end e", "s -> silence -> e")
    clocks = CLOCKS[CLOCKS.index("[clocks.promise]") :]
    case = office.open_case(
        "clerk", publish(office, tmp_path, diagram, clocks=clocks, notices=["special"]), {}, NOON
    ).case
    office.pause("clerk", case, None, "flood", "3wd", "汛期", NOON + HOUR)
    assert held(account_of(office, case, NOON + DAY)["shares"]) == {("waiting", "silence"): DAY}


# --- up to when


def test_an_account_goes_no_further_than_the_instant_it_is_asked_for(office: Office, tmp_path: Path) -> None:
    item = publish(
        office, tmp_path, draw("start s; user a; user b; end e", "s -> a -> b -> e"), lanes={"b": "d1"}
    )
    case = office.open_case("clerk", item, {}, NOON).case
    office.do("clerk", case, "a", {}, NOON + DAY)
    office.do("p1", case, "b", {}, NOON + 3 * DAY)
    later = office.open_case("clerk", item, {}, NOON + 4 * DAY).case
    account = account_of(office, case, NOON + 2 * DAY)
    assert (account["closed"], account["until"]) == (False, write_instant(NOON + 2 * DAY))
    assert held(account["shares"]) == {("unit", "d1"): DAY, ("unit", "hall"): DAY}
    assert office.accountability(later, NOON + 2 * DAY) == {"cases": [], "totals": []}
    assert account_of(office, case, NOON + 9 * DAY)["elapsed"] * MICROSECOND == 3 * DAY


def test_a_case_that_is_closed_as_it_is_opened_took_nobodys_time(office: Office, tmp_path: Path) -> None:
    item = publish(office, tmp_path, draw("start s; script c x = 1; end e", "s -> c -> e"))
    account = account_of(office, office.open_case("clerk", item, {}, NOON).case, NOON + DAY)
    assert (account["elapsed"], account["shares"], account["days"]) == (0, [], [])


# --- of the whole office


def test_the_totals_are_those_of_all_cases_together(office: Office, tmp_path: Path) -> None:
    item = publish(office, tmp_path, JOINT, lanes=LANES)
    cases = [office.open_case("clerk", item, {}, NOON + n * HOUR).case for n in range(3)]
    office.do("clerk", cases[1], "intake", {}, NOON + 3 * HOUR)
    found = office.accountability(None, NOON + 5 * HOUR)
    assert [account["case"] for account in found["cases"]] == cases
    for account in found["cases"]:
        assert account == account_of(office, account["case"], NOON + 5 * HOUR)
    assert held(found["totals"]) == {("unit", "hall"): 10 * HOUR, ("unit", "d1"): HOUR, ("unit", "d2"): HOUR}
    assert office.accountability(cases[1][-5:], NOON + 5 * HOUR)["totals"] == found["cases"][1]["shares"]
    with pytest.raises(Unknown):
        office.accountability("00009", NOON)


def test_nobody_is_blamed_by_a_history_that_was_changed(
    office: Office, database: str, tmp_path: Path
) -> None:
    case = office.open_case("clerk", publish(office, tmp_path, JOINT, lanes=LANES), {}, NOON).case
    office.do("clerk", case, "intake", {}, NOON + HOUR)
    unguard(database)
    ask(database, "UPDATE events SET body = ? WHERE case_no = ? AND seq = 2", b"{}", case)
    with pytest.raises(Diverged):
        office.accountability(None, NOON + DAY)


# --- exactly, whatever happens


def told_by(history: list[Record], until: datetime, statutory: set[str]) -> dict[str, Fraction]:
    """From the records alone, in microseconds: how long a `statutory` clock stood still (under ""), and else
    each unit's part of the time in which steps were open."""
    parts, units, still = dict[str, Fraction](), dict[str, str](), set[tuple[str, str]]()
    ends = [read_instant(record.at) for record in history[1:]] + [until]
    for record, end in zip(history, ends, strict=True):
        match record.event:
            case TaskOpened(task=task, unit=unit):
                units[task] = unit
            case TaskCompleted(task=task) | TaskCancelled(task=task):
                del units[task]
            case ClockPaused(clock=clock, ground=ground) if clock in statutory:
                still.add((clock, ground))
            case ClockResumed(clock=clock, ground=ground):
                still.discard((clock, ground))
            case ClockRestarted(clock=clock) | ClockStopped(clock=clock):
                still = {paused for paused in still if paused[0] != clock}
        span = (end - read_instant(record.at)) // MICROSECOND
        for unit in {""} if still else set(units.values()):
            parts[unit] = parts.get(unit, Fraction()) + Fraction(
                span, 1 if still else len(set(units.values()))
            )
    return {unit: part for unit, part in parts.items() if part}


def check_walk(office: Office, case: str, now: datetime) -> None:
    account, history = account_of(office, case, now), office.history(case)
    statutory = {line["clock"] for line in office.show(case, now)["clocks"] if line["tier"] == "statutory"}
    parts = told_by(history, read_instant(account["until"]), statutory)
    found = dict[str, int]()
    for line in account["shares"]:
        if line["kind"] in ("unit", "excluded"):
            holder = line["party"] if line["kind"] == "unit" else ""
            found[holder] = found.get(holder, 0) + line["microseconds"]
    assert found.pop("", 0) == parts.pop("", 0)
    assert sum(found.values()) == sum(parts.values())
    for unit, part in parts.items():  # of each span on each day, at most one microsecond is left over
        assert abs(found[unit] - part) <= len(account["days"]) + len(history)


@settings(max_examples=25)
@given(st.integers(5000, 9999), st.integers(0, 10**13))
def test_random_walks_through_random_diagrams_are_accounted_for_to_the_microsecond(
    seed: int, later: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        with Office.create_rehearsal(str(root / "office.db"), NOON, supervised()) as office:
            walk = Walk(office, office.publish(sketch(root, seed), NOON).item, seed)
            for _ in walk.go(40):
                pass
            check_walk(office, walk.case, walk.now + later * MICROSECOND)
            before = held(account_of(office, walk.case, NOON + (walk.now - NOON) / 2)["shares"])
            after = held(account_of(office, walk.case, walk.now)["shares"])
            assert all(part <= after[holder] for holder, part in before.items())


@pytest.mark.parametrize("item", sorted(builtin().items()))
def test_the_shipped_items_are_accounted_for_to_the_microsecond(
    item: str, database: str, tmp_path: Path
) -> None:
    with Office.create_rehearsal(database, NOON) as office:
        office.publish(builtin().items()[item], NOON)
        for example in sorted((builtin().items()[item] / "examples").glob("*.toml")):
            play(office, item, example.stem)
        for seed in range(6):
            for _ in ShippedWalk(office, item, seed).go(40):
                pass
        found = office.accountability(None, NOON + 200 * DAY)
        for account in found["cases"]:
            check(account)
        assert sum(line["microseconds"] for line in found["totals"]) == sum(
            account["elapsed"] for account in found["cases"]
        )
        assert "unit" in {line["kind"] for line in found["totals"]}


def in_zone(root: Path, zone: str, opened: datetime) -> tuple[Definition, list[Record]]:
    """A case that two units work on, opened at this instant in this zone."""
    diagram = draw(
        "start s; and fork; user a; user b; and join; end e", "s -> fork -> a -> join -> e; fork -> b -> join"
    )
    folder = make_item(root, diagram, lanes={"a": "d1", "b": "d2"})
    definition, _ = read_folder(
        folder, root / "forms", organisation=read_register(organisation()).on(NOON.date())
    )
    assert definition is not None
    course = Course("1", None, definition, lambda *_: pytest.fail("no documents"), lambda _: shipped())
    fact = CaseOpened(definition.code, definition.digest, zone, shipped().digest, "17:30", {})
    course.enter(opened, {}, fact)
    return definition, chain("1", 0, "", opened, course.entries)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("Asia/Shanghai", "1986-05-04", 23),
        ("Asia/Shanghai", "1991-09-15", 25),
        ("Africa/Cairo", "2026-04-24", 23),  # clocks go forward at midnight: the day begins at one
        ("Africa/Cairo", "2026-10-29", 25),  # and back from midnight: its last hour comes twice
    ],
)
def test_the_day_that_summer_time_begins_or_ends_is_as_long_as_it_was(
    zone: str, day: str, hours: int, tmp_path: Path
) -> None:
    opened = datetime.combine(datetime.fromisoformat(day), time(), UTC) - 2 * DAY
    definition, history = in_zone(tmp_path, zone, opened)
    replayed = replay("1", history, lambda _: definition, lambda _: shipped())
    office = read_register(organisation()).on(NOON.date())
    (account,) = report([replayed], lambda _: definition, office, opened + 5 * DAY)["cases"]
    check(account, ZoneInfo(zone))
    lengths = Counter[str]()
    for line in account["days"]:
        lengths[line["date"]] += line["microseconds"]
    assert lengths[day] * MICROSECOND == hours * HOUR
