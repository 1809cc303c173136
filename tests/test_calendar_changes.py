"""Calendars change under running cases: put forward, planned, applied on record; closed cases keep theirs."""

from __future__ import annotations

import json
import lzma
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from certificate_checker import check
from clock_items import COUNTY, NOTICES, Hall, at, clock, decision, wall
from databases import ask, dump, unguard
from drawing import draw
from msgspec.structs import replace

from engine.clock import Overlay, Year, read_instant, shipped, write_instant
from engine.errors import Invalid, NotAllowed, Refusal, Unknown
from engine.events import CalendarRevised, canonical
from engine.examples import command_of
from engine.office import Office
from engine.office.calendars import proposal
from engine.office.library import standing
from engine.store import Store

OLD_OFFICES = Path(__file__).parent / "old_offices"

REMINDED = draw(
    "start accept; user decide; reminder nudge decide after workdays(5); end nudged; end done",
    "accept -> decide -> done; nudge -> nudged",
)
"""One step, by department d1, with a timer in working days beside the clocks."""


def clocks(*terms: str) -> str:
    """Clocks from opening to decision, one for each term: `t20wd` and so on."""
    return "".join(clock(f"t{term}", term, "accept", stops=["decide"]) for term in terms)


class Place(Hall):
    """A hall whose database can be looked into."""

    def __init__(self, office: Office, folder: Path, url: str) -> None:
        super().__init__(office, folder)
        self.url = url


Begin = Callable[..., Place]


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    """Opens an office with a hall in it, on SQLite unless told otherwise."""
    opened: list[Office] = []

    def new(when: str, database: str | None = None) -> Place:
        folder = tmp_path / str(len(opened))
        folder.mkdir()
        url = database or str(folder / "office.db")
        opened.append(Office.create_rehearsal(url, at(when), COUNTY.encode()))
        return Place(opened[-1], folder, url)

    yield new
    for office in opened:
        office.close()


def change(hall: Place, change: Any, when: str, note: str = "") -> dict[str, Any]:
    """Put forward, look at the plan, apply what was planned."""
    office = hall.office
    named = office.import_calendar(change, note, at(when), "clerk")
    plan = office.plan_calendar(at(when))
    assert plan["calendar"] == named
    applied = office.apply_calendar(named[:12], at(when), "clerk")
    assert applied["refused"] == {}
    return plan


def moves(plan: dict[str, Any]) -> dict[str, tuple[str | None, str | None]]:
    """The planned moves of the only case: by clock or timer, the old and the new due time."""
    return {move["id"]: (wall(move["was"]), wall(move["due"])) for move in plan["moves"]}


def dues(hall: Place, case: str) -> dict[str, tuple[str | None, bool]]:
    """Each clock of the case with its due date and whether that is provisional."""
    return {
        line["clock"]: (wall(line["due"]), line["provisional"]) for line in hall.office.show(case)["clocks"]
    }


def days(*dates: str, works: bool = False) -> dict[date, Overlay | None]:
    return {date.fromisoformat(on): Overlay(works, "暴雪", "示政发〔2026〕1号") for on in dates}


def rows(hall: Place, case: str) -> list[tuple[Any, ...]]:
    """Everything that the database holds about a case."""
    return [
        row
        for table in ("events", "heads", "tasks", "timers", "documents", "outbox")
        for row in ask(hall.url, f"SELECT * FROM {table} WHERE case_no = ?", case)
    ]


def story(hall: Place, case: str) -> list[Any]:
    """What happened in a case: all that its records say but when they were written down."""
    return [(r.at, r.by, r.event.type, r.event.payload()) for r in hall.office.history(case)]


def in_order(hall: Place) -> None:
    """The office is as its histories say, and every certificate follows from its own facts."""
    assert hall.office.verify()[1] == []
    before = dump(hall.url, ("heads", "tasks", "timers"))
    hall.office.rebuild()
    assert dump(hall.url, ("heads", "tasks", "timers")) == before
    for file in hall.files:
        last = read_instant(hall.office.history(file.number)[-1].at)
        for told in hall.office.explain(file.number, None, last):
            assert check(told["certificate"]) == [], told["clock"]


# --- the amendments of 2019 and 2020


def undone(year: int, off: list[str], work: list[str], worked: dict[str, str]) -> Year:
    """The notice for `year` before it was amended: the shipped year (as amended) without the days off `off`
    and the make-up days `work`, but with the make-up days `worked`. Only its first source stays."""
    amended = shipped().years[year]
    return Year(
        year,
        "official",
        amended.sources[:1],
        amended.taken_from,
        {on: name for on, name in amended.off.items() if on.isoformat() not in off},
        {on: name for on, name in amended.work.items() if on.isoformat() not in work}
        | {date.fromisoformat(on): name for on, name in worked.items()},
    )


BEFORE_2019 = undone(2019, ["2019-05-02", "2019-05-03", "2019-05-04"], ["2019-04-28", "2019-05-05"], {})
"""国办发明电〔2018〕15号: off is Wednesday 1 May alone. Amended on 22 March 2019, 国办发明电〔2019〕3号:
1-4 May off, Sundays 28 April and 5 May worked."""

BEFORE_2020 = undone(2020, ["2020-01-31", "2020-02-01", "2020-02-02"], ["2020-02-03"], {"2020-02-01": "春节"})
"""国办发明电〔2019〕16号: off are 24 to 30 January, Saturday 1 February is worked. Amended on 26 January,
made known on 27 January 2020, 国办发明电〔2020〕1号: off up to 2 February, work from the 3rd."""


def amended(begin: Begin, before: Year, opened: str, terms: list[str], announced: str) -> tuple[Place, Any]:
    """Two cases opened under the notice `before`, one of them decided at once; then the notice as amended is
    applied when it was announced. Gives the plan too."""
    hall = begin("2018-12-28")
    change(hall, before, f"{before.year}-01-01")
    item = hall.publish(REMINDED, clocks=clocks(*terms))
    closed, running = hall.open(item, f"{opened} 09:00"), hall.open(item, f"{opened} 10:00")
    closed.do(f"{opened} 15:00", "decide", "p1")
    kept = rows(hall, closed.number)
    replayed = hall.office.replay(closed.number)

    plan = change(hall, shipped().years[before.year], announced)

    assert (plan["cases"], {move["case"] for move in plan["moves"]}) == (1, {running.number})
    assert rows(hall, closed.number) == kept
    assert hall.office.replay(closed.number) == replayed
    in_order(hall)
    assert rows(hall, closed.number) == kept
    return hall, plan


def test_the_amendment_of_2019_moves_the_due_dates_of_a_case_that_is_open_when_it_is_announced(
    begin: Begin,
) -> None:
    # Wednesday 20 March; counted by hand: 26 working days to Friday 26 April (5 April is Qingming), then
    # as first announced 29, 30 April, 2, 3, 6 May; as amended 28, 29, 30 April, 5, 6 May.
    terms = ["26wd", "27wd", "29wd", "30wd", "31wd", "44d", "45d"]
    hall, plan = amended(begin, BEFORE_2019, "2019-03-20", terms, "2019-03-22 18:00")
    assert moves(plan) == {
        "t27wd": ("2019-04-29 17:30", "2019-04-28 17:30"),
        "t29wd": ("2019-05-02 17:30", "2019-04-30 17:30"),
        "t30wd": ("2019-05-03 17:30", "2019-05-05 17:30"),
        "t44d": ("2019-05-03 17:30", "2019-05-05 17:30"),
        "t45d": ("2019-05-06 17:30", "2019-05-05 17:30"),
    }
    file = hall.files[1]
    assert dues(hall, file.number) == {
        "t26wd": ("2019-04-26 17:30", False),
        "t31wd": ("2019-05-06 17:30", False),
        **{id: (due, False) for id, (_, due) in moves(plan).items()},
    }
    assert file.happened("calendar.revised") == [("2019-03-22 18:00", "calendar.revised")]
    assert len(file.happened("clock.reprojected")) == 5
    # The case lives on by the new dates: the clock of 29 working days runs out on 30 April.
    hall.sweep("2019-05-01 08:00")
    ran_out = [
        when for when, id, _, _ in file.said("clock.expired", "clock", "effect", "basis") if id == "t29wd"
    ]
    assert ran_out == ["2019-04-30 17:30"]


def test_the_amendment_of_2020_moves_clocks_and_timers_and_leaves_what_has_run_out(begin: Begin) -> None:
    # Monday 20 January; counted by hand: 21, 22, 23 January, then as first announced 31 January, 1, 3, 4
    # February ...; as extended 3, 4, 5 February ...
    terms = ["3wd", "4wd", "5wd", "20wd", "10d"]
    hall, plan = amended(begin, BEFORE_2020, "2020-01-20", terms, "2020-01-27 09:00")
    assert moves(plan) == {
        "t4wd": ("2020-01-31 17:30", "2020-02-03 17:30"),
        "t5wd": ("2020-02-01 17:30", "2020-02-04 17:30"),
        "t20wd": ("2020-02-21 17:30", "2020-02-25 17:30"),
        "t10d": ("2020-01-31 17:30", "2020-02-03 17:30"),
        "decide!nudge": ("2020-02-01 17:30", "2020-02-04 17:30"),
    }
    file = hall.files[1]
    assert dues(hall, file.number)["t3wd"] == ("2020-01-23 17:30", False)
    assert file.states()["t3wd"] == "expired"
    assert file.timer("decide!nudge")["due"] == "2020-02-04 17:30"
    hall.sweep("2020-02-04 18:00")
    assert ("2020-02-04 17:30", "timer.fired") in file.happened("timer.fired")
    in_order(hall)


# --- a projected year becomes official

NEW_YEAR = Year(
    2027,
    "official",
    ({"title": "国务院办公厅关于2027年部分节假日安排的通知"},),
    "a test",
    {date(2027, 1, n): "元旦" for n in (1, 2, 3)} | {date(2027, 10, n): "国庆节" for n in range(1, 8)},
    {date(2027, 1, 10): "元旦"},
)


def test_an_announced_year_takes_the_marks_away_and_moves_what_it_must(begin: Begin) -> None:
    hall = begin("2026-12-01")
    file = hall.open(hall.publish(REMINDED, clocks=clocks("5wd", "20wd", "3wd")), "2026-12-25 10:00")
    assert dues(hall, file.number) == {
        "t3wd": ("2026-12-30 17:30", False),
        "t5wd": ("2027-01-04 17:30", True),
        "t20wd": ("2027-01-25 17:30", True),
    }
    plan = change(hall, NEW_YEAR, "2026-12-28 10:00")
    assert [(m["id"], wall(m["was"]), wall(m["due"]), m["provisional"]) for m in plan["moves"]] == [
        ("t5wd", "2027-01-04 17:30", "2027-01-04 17:30", False),
        ("t20wd", "2027-01-25 17:30", "2027-01-22 17:30", False),
        ("decide!nudge", "2027-01-04 17:30", "2027-01-04 17:30", False),
    ]
    assert dues(hall, file.number) == {
        "t3wd": ("2026-12-30 17:30", False),
        "t5wd": ("2027-01-04 17:30", False),
        "t20wd": ("2027-01-22 17:30", False),
    }
    assert not any(line["provisional"] for line in file.show()["timers"])
    in_order(hall)


def test_a_projection_does_not_take_the_place_of_an_announced_year(begin: Begin) -> None:
    hall = begin("2026-01-05")
    announced = shipped().years[2026]
    projected = Year(2026, "projected", (), "a library", announced.off, {})
    with pytest.raises(Invalid) as refusal:
        hall.office.import_calendar(projected, "", at("2026-01-06"))
    assert refusal.value.code == "calendar.announced"


# --- planned, then applied


def test_a_plan_tells_what_applying_would_do_and_does_nothing(begin: Begin) -> None:
    hall = begin("2026-03-02")
    item = hall.publish(REMINDED, clocks=clocks("2wd", "5wd"))
    over, running = hall.open(item, "2026-03-02 10:00"), hall.open(item, "2026-03-09 10:00")
    hall.office.import_calendar({"*": days("2026-03-10")}, "暴雪", at("2026-03-09"))
    before = dump(hall.url)
    # Nobody has swept: that the first case's clocks ran out long ago is thought through, not written.
    plan = hall.office.plan_calendar(at("2026-03-09 18:00"))
    assert dump(hall.url) == before
    assert plan["cases"] == 2
    planned = {(m["case"], m["id"], wall(m["was"]), wall(m["due"])) for m in plan["moves"]}
    assert planned == {
        (running.number, "t2wd", "2026-03-11 17:30", "2026-03-12 17:30"),
        (running.number, "t5wd", "2026-03-16 17:30", "2026-03-17 17:30"),
        (running.number, "decide!nudge", "2026-03-16 17:30", "2026-03-17 17:30"),
    }
    hall.office.apply_calendar(plan["calendar"], at("2026-03-09 18:00"))
    told = {
        (file.number, id, wall(was), wall(due))
        for file in (over, running)
        for name in ("clock", "timer")
        for _, id, was, due in file.said(
            "clock.reprojected" if name == "clock" else "timer.moved", name, "was", "due"
        )
    }
    assert told == planned


def test_what_is_put_forward_is_put_on_top_of_what_waits_already(begin: Begin) -> None:
    hall = begin("2026-12-01")
    file = hall.open(hall.publish(REMINDED, clocks=clocks("20wd")), "2026-12-25 10:00")
    hall.office.import_calendar(NEW_YEAR, "", at("2026-12-28"))
    change(hall, {"d1": {}, "*": days("2027-01-12")}, "2026-12-29")
    # The hall answers for the clock; the snow day applies everywhere: Friday 22 January becomes Monday 25.
    assert dues(hall, file.number) == {"t20wd": ("2027-01-25 17:30", False)}
    taken_back: dict[date, Overlay | None] = {date(2027, 1, 12): None}
    change(hall, {"*": taken_back}, "2026-12-30")
    assert dues(hall, file.number) == {"t20wd": ("2027-01-22 17:30", False)}
    in_order(hall)


def test_only_what_was_planned_is_applied(begin: Begin) -> None:
    hall = begin("2026-03-02")
    file = hall.open(hall.publish(REMINDED, clocks=clocks("5wd")), "2026-03-02 10:00")
    office = hall.office
    before = rows(hall, file.number)

    def refused(calendar: str) -> str:
        with pytest.raises(Invalid) as refusal:
            office.apply_calendar(calendar, at("2026-03-03"))
        return refusal.value.code

    with pytest.raises(Invalid) as nothing:
        office.plan_calendar(at("2026-03-03"))
    assert nothing.value.code == refused("12345678") == "calendar.not_proposed"
    assert refused("") == refused("1234567") == "calendar.digest"
    planned = office.import_calendar({"*": days("2026-03-04")}, "", at("2026-03-03"))
    other = office.import_calendar({"*": days("2026-03-05")}, "", at("2026-03-03"), "colleague")
    assert refused(planned) == "calendar.not_proposed"
    assert rows(hall, file.number) == before
    assert office.apply_calendar(other[:8], at("2026-03-03"))["cases"] == 1
    assert office.apply_calendar(other[:8], at("2026-03-04"))["cases"] == 0
    assert refused(planned) == "calendar.not_proposed"


def test_putting_forward_what_is_in_force_puts_nothing_forward(begin: Begin) -> None:
    hall = begin("2026-03-02")
    office = hall.office
    in_force = office.import_calendar({}, "", at("2026-03-03"))
    assert in_force == shipped().digest
    assert len(office.history("office")) == 3
    office.import_calendar({"*": days("2026-03-04")}, "", at("2026-03-03"))
    # A proposal is taken back by putting the days forward as they are.
    assert office.import_calendar({"*": {date(2026, 3, 4): None}}, "", at("2026-03-03")) == in_force
    with pytest.raises(Invalid):
        office.plan_calendar(at("2026-03-03"))
    assert office.apply_calendar(in_force, at("2026-03-03"))["cases"] == 0
    in_order(hall)


def test_only_administrators_put_a_calendar_forward_and_apply_it_and_the_operator_of_the_machine(
    begin: Begin,
) -> None:
    hall = begin("2026-03-02")
    named = hall.office.import_calendar(SNOW, "", at("2026-03-03"))
    for act in (
        lambda: hall.office.import_calendar(SNOW, "", at("2026-03-03"), "leader"),
        lambda: hall.office.apply_calendar(named, at("2026-03-03"), "leader"),
    ):
        before = dump(hall.url)
        with pytest.raises(NotAllowed) as refusal:
            act()
        assert refusal.value.code == "access.administrator"
        assert str(refusal.value.remedy) == "ask clerk, colleague"
        assert dump(hall.url) == before
    assert hall.office.apply_calendar(named, at("2026-03-03"), "clerk")["calendar"] == named
    by = [record.by for record in hall.office.history("office")[-2:]]
    assert by == [{"system": True}, {"person": "clerk", "unit": "hall", "post": "clerk"}]


def test_local_days_of_units_that_there_are_not_are_refused_with_those_there_are(begin: Begin) -> None:
    hall = begin("2026-03-02")
    with pytest.raises(Invalid) as refusal:
        hall.office.import_calendar(
            {"d1": days("2026-03-04"), "d9": days("2026-03-04")}, "", at("2026-03-03")
        )
    assert refusal.value.code == "calendar.unit"
    assert str(refusal.value.found) == "d9"
    assert str(refusal.value.expected) == "one of: *, d1, d2, government, hall, supervision, town"
    with pytest.raises(Unknown):
        hall.office.import_calendar({"d1": days("2026-03-04")}, "", at("2026-03-03"), "nobody")


def test_a_local_day_moves_only_the_clocks_of_its_unit(begin: Begin) -> None:
    hall = begin("2026-03-02")
    both = clock("ours", "5wd", "accept", unit="hall") + clock("theirs", "5wd", "accept", unit="d1")
    hall.open(hall.publish(REMINDED, clocks=both), "2026-03-02 10:00")
    plan = change(hall, {"d1": days("2026-03-04")}, "2026-03-03")
    assert moves(plan) == {
        "theirs": ("2026-03-09 17:30", "2026-03-10 17:30"),
    }
    in_order(hall)


def test_a_calendar_is_not_applied_before_the_last_one(begin: Begin) -> None:
    hall = begin("2026-03-02")
    change(hall, {"*": days("2026-03-05")}, "2026-03-04")
    second = hall.office.import_calendar({"*": days("2026-03-06")}, "", at("2026-03-04"))
    for when in ("2026-03-03", "2026-03-04"):
        with pytest.raises(Invalid) as refusal:
            hall.office.apply_calendar(second, at(when))
        assert refusal.value.code == "clock.backwards"
    assert hall.office.apply_calendar(second, at("2026-03-04 12:01"))["calendar"] == second
    in_order(hall)


def test_a_due_date_that_moves_before_the_present_has_come(begin: Begin) -> None:
    hall = begin("2026-03-02")
    silence = clock(
        "t2wd",
        "2wd",
        "accept",
        stops=["decide"],
        effect={"kind": "deemed_consent", "basis": {"law": "行政许可法", "article": "第五十条"}},
    )
    diagram = draw(
        "start accept; user decide; boundary silent decide after clock('t2wd'); user record; end done",
        "accept -> decide -> done; silent -> record -> done",
    )
    file = hall.open(hall.publish(diagram, clocks=silence), "2026-03-06 10:00")  # a Friday
    assert file.due("t2wd") == "2026-03-10 17:30"
    # On Monday evening Saturday turns out to have been a working day.
    change(hall, {"*": days("2026-03-07", works=True)}, "2026-03-09 18:00")
    assert file.happened("calendar.revised", "clock.expired", "case.deemed") == [
        ("2026-03-09 18:00", "calendar.revised"),
        ("2026-03-09 18:00", "clock.expired"),
        ("2026-03-09 18:00", "case.deemed"),
    ]
    assert file.open_steps() == ["record"]
    shown = file.clock("t2wd", "2026-03-12")
    assert (wall(shown["due"]), shown["state"]) == ("2026-03-09 17:30", "spent")
    # And it has not the less come when that is taken back.
    assert moves(change(hall, {"*": {date(2026, 3, 7): None}}, "2026-03-10 09:00")) == {}
    assert file.happened("case.deemed") == [("2026-03-09 18:00", "case.deemed")]
    in_order(hall)


# --- an application that is interrupted


def interrupted(hall: Place, calendar: str, when: str, reached: int) -> None:
    """Apply, and be interrupted when so many cases have been reached."""
    counted = 0

    def progress(count: int) -> None:
        nonlocal counted
        counted += count
        if counted >= reached:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hall.office.apply_calendar(calendar, at(when), None, progress)


Put = Callable[[Place, Any, str], None]


def whole(hall: Place, changed: Any, when: str) -> None:
    hall.office.apply_calendar(hall.office.import_calendar(changed, "", at(when)), at(when))


def broken_off(hall: Place, changed: Any, when: str) -> None:
    interrupted(hall, hall.office.import_calendar(changed, "", at(when)), when, 2)


SNOW, MORE_SNOW = {"*": days("2026-03-04")}, {"*": days("2026-03-05"), "d1": days("2026-03-06")}
THAW: dict[str, dict[date, Overlay | None]] = {"*": {date(2026, 3, 4): None}}
SATURDAY = {"*": days("2026-03-07", works=True)}

Told = Callable[[Place, Put], None]


def slept(hall: Place, put: Put) -> None:
    put(hall, SNOW, "2026-03-03")
    put(hall, MORE_SNOW, "2026-03-04")
    put(hall, SATURDAY, "2026-03-07 18:00")


def there_and_back(hall: Place, put: Put) -> None:
    put(hall, SNOW, "2026-03-03")
    put(hall, THAW, "2026-03-03 15:00")


def acted(hall: Place, put: Put) -> None:
    put(hall, SNOW, "2026-03-03")
    hall.files[3].do("2026-03-03 16:00", "decide", "p1")
    put(hall, MORE_SNOW, "2026-03-04")
    hall.sweep("2026-03-06 12:00")
    hall.files[4].do("2026-03-06 16:00", "decide", "p1")
    hall.open("item", "2026-03-06 17:00")
    put(hall, THAW, "2026-03-07")


@pytest.mark.parametrize("told", [slept, there_and_back, acted])
def test_what_an_interruption_left_is_reached_later_with_the_same_histories(begin: Begin, told: Told) -> None:
    """However often the application is broken off, the sweep or act that comes next writes what an
    uninterrupted one writes, at the same instants."""
    halls = []
    for put in (whole, broken_off):
        hall = begin("2026-03-02")
        item = hall.publish(REMINDED, clocks=clocks("1wd", "3wd", "5wd", "4d", "20wd"))
        for n in range(6):
            hall.open(item, f"2026-03-02 1{n}:00")
        told(hall, put)
        hall.sweep("2026-03-09 09:00")
        halls.append(hall)
    at_once, late = halls
    for file, same in zip(at_once.files, late.files, strict=True):
        assert story(at_once, file.number) == story(late, same.number)
    calendar = at_once.office.replay(at_once.files[0].number)[-1][1].calendar
    for hall in halls:
        for file in hall.files:
            state = hall.office.replay(file.number)[-1][1]
            assert state.closed or state.calendar == calendar
        in_order(hall)


def test_a_sweep_finds_the_due_date_that_an_interrupted_change_there_and_back_has_moved_to_and_fro(
    begin: Begin,
) -> None:
    hall = begin("2026-03-02")
    item = hall.publish(REMINDED, clocks=clocks("5wd"))
    for n in range(4):
        hall.open(item, f"2026-03-02 1{n}:00")
    whole(hall, SNOW, "2026-03-03")
    broken_off(hall, THAW, "2026-03-04")
    # Monday 9 March again, and not Tuesday: in the cases too that the second change did not reach.
    swept = hall.sweep("2026-03-09 18:00")
    assert swept.cases == [file.number for file in hall.files]
    for file in hall.files:
        assert file.happened("clock.expired") == [("2026-03-09 17:30", "clock.expired")]
    in_order(hall)


def test_an_application_that_was_interrupted_is_finished_by_applying_again(begin: Begin) -> None:
    hall = begin("2026-03-02")
    item = hall.publish(REMINDED, clocks=clocks("5wd"))
    for n in range(5):
        hall.open(item, f"2026-03-02 1{n}:00")
    named = hall.office.import_calendar(SNOW, "", at("2026-03-03"))
    interrupted(hall, named, "2026-03-03", 2)
    assert hall.office.apply_calendar(named, at("2026-03-04"))["cases"] == 3
    for file in hall.files:
        assert file.happened("calendar.revised") == [("2026-03-03 12:00", "calendar.revised")]
    # A sweep has nothing left to do, and soon does not look any more.
    assert hall.sweep("2026-03-04 13:00").cases == []
    counted: list[int] = []
    hall.office.sweep(at("2026-03-04 14:00"), counted.append)
    assert counted == []
    in_order(hall)


# --- instants out of order


def test_a_case_opened_before_its_office_was_set_up_takes_changes_over(begin: Begin) -> None:
    hall = begin("2026-03-10")
    file = hall.open(hall.publish(REMINDED, clocks=clocks("20wd")), "2026-03-02 10:00")
    assert hall.office.verify()[1] == []
    change(hall, {"*": days("2026-03-17")}, "2026-03-16")
    assert file.happened("calendar.revised") == [("2026-03-16 12:00", "calendar.revised")]
    assert file.due("t20wd") == "2026-03-31 17:30"
    in_order(hall)


def test_a_case_that_is_ahead_of_the_clock_takes_a_change_over_where_it_stands(begin: Begin) -> None:
    hall = begin("2026-03-02")
    item = hall.publish(REMINDED, clocks=clocks("5wd"))
    ahead, same = hall.open(item, "2026-03-04 10:00"), hall.open(item, "2026-03-03 12:00")
    change(hall, {"*": days("2026-03-05")}, "2026-03-03 12:00")
    assert ahead.happened("calendar.revised") == [("2026-03-04 10:00", "calendar.revised")]
    assert same.happened("calendar.revised") == [("2026-03-03 12:00", "calendar.revised")]
    assert ahead.due("t5wd") == "2026-03-12 17:30"
    assert same.due("t5wd") == "2026-03-11 17:30"
    in_order(hall)


# --- the office's zone


def test_an_office_counts_days_in_the_zone_that_its_organisation_names(tmp_path: Path) -> None:
    url = str(tmp_path / "west.db")
    with Office.create_rehearsal(url, at("2026-03-01"), f'zone = "Asia/Urumqi"\n{COUNTY}'.encode()) as office:
        hall = Place(office, tmp_path, url)
        # 01:00 on Tuesday in Shanghai is 23:00 on Monday in Ürümqi, where it closes at 19:30 Shanghai time.
        file = hall.open(hall.publish(REMINDED, clocks=clocks("1wd")), "2026-03-03 01:00")
        assert file.due("t1wd") == "2026-03-03 19:30"
        in_order(hall)
    with Office.open(url) as office:
        assert office.zone == "Asia/Urumqi"


@pytest.mark.parametrize("zone", ['"Mars/Olympus"', '"../etc/passwd"', "8", '""'])
def test_a_zone_that_there_is_not_is_refused(tmp_path: Path, zone: str) -> None:
    with pytest.raises(Invalid) as refusal:
        Office.create_rehearsal(str(tmp_path / "o.db"), at("2026-03-02"), f"zone = {zone}\n{COUNTY}".encode())
    assert refusal.value.code == "organisation.unreadable"


# --- several people at once


def together(*acts: Callable[[], Any]) -> list[Any]:
    """All acts at the same moment, each in a thread of its own; what they gave or the refusal."""
    barrier = threading.Barrier(len(acts))

    def run(act: Callable[[], Any]) -> Any:
        barrier.wait()
        try:
            return act()
        except Refusal as refusal:
            return refusal

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def test_two_administrators_who_apply_at_once_apply_once(begin: Begin, database: str) -> None:
    hall = begin("2026-03-02", database)
    item = hall.publish(REMINDED, clocks=clocks("5wd"))
    for n in range(6):
        hall.open(item, f"2026-03-02 1{n}:00")
    with Office.open(database) as second:
        for n in range(4):
            on = f"2026-03-1{n}"
            named = hall.office.import_calendar({"*": days(on)}, "", at(on))
            mine, theirs = together(
                lambda named=named, on=on: hall.office.apply_calendar(named, at(on), "clerk"),
                lambda named=named, on=on: second.apply_calendar(named, at(on), "colleague"),
            )
            assert mine["calendar"] == theirs["calendar"] == named
            assert mine["refused"] == theirs["refused"] == {}
            assert mine["cases"] + theirs["cases"] == 6
    applied = [r for r in hall.office.history("office") if r.event.type == "calendar.applied"]
    assert len(applied) == 1 + 4
    for file in hall.files:
        assert len(file.happened("calendar.revised")) == 4
    in_order(hall)


def test_two_changes_that_are_put_forward_at_once_are_both_in_the_calendar(
    begin: Begin, database: str
) -> None:
    hall = begin("2026-03-02", database)
    with Office.open(database) as second:
        together(
            lambda: hall.office.import_calendar({"d1": days("2026-03-10")}, "", at("2026-03-03"), "clerk"),
            lambda: second.import_calendar({"d2": days("2026-03-11")}, "", at("2026-03-03"), "colleague"),
        )
        with Store.open(database).reading() as reader:
            assert (
                proposal(reader)
                == shipped()
                .with_overlays(
                    {
                        "d1": {on: o for on, o in days("2026-03-10").items() if o},
                        "d2": {on: o for on, o in days("2026-03-11").items() if o},
                    }
                )
                .digest
            )


def test_a_case_that_is_being_opened_while_a_change_is_applied_is_not_left_out(
    begin: Begin, postgresql_database: str
) -> None:
    """It was begun by the calendar of before, and nobody could see it yet when the change went through."""
    hall = begin("2026-03-02", postgresql_database)
    item = hall.publish(REMINDED, clocks=clocks("5wd"))
    hall.open(item, "2026-03-02 09:00")
    named = hall.office.import_calendar(SATURDAY, "", at("2026-03-02"))
    with (
        Office.open(postgresql_database) as second,
        psycopg.connect(postgresql_database) as holder,
        ThreadPoolExecutor(1) as pool,
    ):
        holder.execute("SELECT value FROM numbers FOR UPDATE")  # she waits for the number of her case
        opening = pool.submit(second.open_case, "clerk", item, {}, at("2026-03-03 12:00"))
        while not ask(postgresql_database, "SELECT 1 FROM pg_locks WHERE NOT granted"):
            time.sleep(0.01)
        assert hall.office.apply_calendar(named, at("2026-03-03 10:00"))["cases"] == 1
        holder.rollback()
        case = opening.result().case
    assert dues(hall, case) == {"t5wd": ("2026-03-10 17:30", False)}
    hall.sweep("2026-03-04")
    assert dues(hall, case) == {"t5wd": ("2026-03-09 17:30", False)}
    in_order(hall)


# --- what verify finds


def codes(hall: Place) -> set[str]:
    return {finding.code for finding in hall.office.verify()[1]}


def test_a_case_counted_by_a_calendar_that_was_never_in_force_is_found(begin: Begin) -> None:
    hall = begin("2026-03-02")
    file = hall.open(hall.publish(REMINDED, clocks=clocks("5wd")), "2026-03-02 10:00")
    named = hall.office.import_calendar(SNOW, "", at("2026-03-03"))
    with hall.office._store.transaction() as tx:
        draft = hall.office._draft(tx, file.number, at("2026-03-03"))
        draft.course.enter(at("2026-03-03"), {"system": True}, CalendarRevised(named))
        draft.write(at("2026-03-03"))
    assert codes(hall) == {"calendar.not_in_force", "calendar.behind"}
    # Nor does it become right by being applied later on.
    hall.office.apply_calendar(named, at("2026-03-04"))
    assert "calendar.not_in_force" in codes(hall)


def test_a_changed_calendar_or_list_of_calendars_is_found(begin: Begin) -> None:
    hall = begin("2026-03-02")
    file = hall.open(hall.publish(REMINDED, clocks=clocks("5wd")), "2026-03-02 10:00")
    change(hall, SNOW, "2026-03-03")
    url = hall.url
    ((kept,),) = ask(url, "SELECT value FROM meta WHERE name = 'standing'")
    for part, code in (("calendars", "calendar.differs"), ("organisations", "organisation.differs")):
        told = json.loads(kept)
        told[part][0][0] = write_instant(at("2026-03-01"))
        ask(url, "UPDATE meta SET value = ? WHERE name = 'standing'", canonical(told).decode())
        assert codes(hall) == {code}
    ask(url, "UPDATE meta SET value = ? WHERE name = 'standing'", kept)
    assert codes(hall) == set()
    unguard(url)
    named = hall.office.replay(file.number)[-1][1].calendar
    ask(
        url,
        "UPDATE contents SET content = CAST(replace(content, '暴雪', '大雾') AS BLOB) WHERE digest = ?",
        named,
    )
    assert "content.differs" in codes(hall)


# --- offices of before


def left(path: Path, schema: str) -> str:
    """The office that the program of this schema left; where it now is."""
    with sqlite3.connect(path) as connection:
        packed = (OLD_OFFICES / f"schema-{schema}.sql.xz").read_bytes()
        connection.executescript(lzma.decompress(packed).decode())
    connection.close()
    return str(path)


@pytest.fixture
def old_office(tmp_path: Path) -> str:
    """From before calendars: two cases closed, one waiting for a supplement by a timer, one just opened, of
    the two items shipped then."""
    return left(tmp_path / "old.db", "0001")


WAITING, FRESH = "539901-SC-LB0001-2026-00002", "539901-MZ-FW0001-2026-00002"


def histories(url: str) -> list[tuple[Any, ...]]:
    return ask(url, "SELECT * FROM events WHERE case_no <> 'office' ORDER BY case_no, seq")


def test_an_office_from_before_calendars_is_upgraded_and_its_cases_go_on(old_office: str) -> None:
    before = histories(old_office)
    with pytest.raises(Invalid) as refusal:
        Office.open(old_office)
    assert refusal.value.code == "database.version"
    assert Office.upgrade(old_office)
    assert not Office.upgrade(old_office)
    assert histories(old_office) == before
    with Office.open(old_office) as office:
        assert office.verify() == (5, [])
        last = office.history("office")[-1]
        assert (last.event.type, last.event.payload()) == ("calendar.applied", {"content": shipped().digest})
        # The timer of 30 days fires when it was due when it was armed.
        office.sweep(at("2026-04-02"))
        fired = [r.at for r in office.history(WAITING) if r.event.type == "timer.fired"]
        assert fired == ["2026-04-01T01:30:00.000000Z"]
        assert office.show(WAITING)["outcome"] == "supplement_lapsed"
        # A case of the old times is counted by no calendar, whatever is applied; a new one is.
        new = office.open_case("chen.jing", "enterprise-startup", opening(office), at("2026-04-03")).case
        named = office.import_calendar({"*": days("2026-04-08")}, "", at("2026-04-03"))
        assert office.plan_calendar(at("2026-04-04"))["cases"] == 2
        assert office.apply_calendar(named, at("2026-04-04"))["cases"] == 1
        assert office.replay(FRESH)[-1][1].calendar == ""
        assert office.replay(new)[-1][1].calendar == named
        assert office.verify() == (6, [])


def opening(office: Office) -> dict[str, Any]:
    """What the waiting case was opened with."""
    data: dict[str, Any] = office.history(WAITING)[0].event.payload()["data"]
    return data


def test_an_upgrade_that_was_interrupted_is_finished_by_the_next(old_office: str) -> None:
    assert Store.upgrade(old_office)  # and there it died
    assert Office.upgrade(old_office)
    assert not Office.upgrade(old_office)
    with Office.open(old_office) as office:
        assert office.verify() == (5, [])
        office.sweep(at("2026-04-02") + timedelta(days=1))
        assert office.show(WAITING)["status"] == "closed"


@pytest.fixture
def older_rules(tmp_path: Path) -> str:
    """From before the organisation had dates, and before referrals and signatures: a calendar was applied,
    two cases are closed, and four (`UNDER_WAY`) are somewhere in the middle. Made by commit ada35bc."""
    return left(tmp_path / "older.db", "0002")


UNDER_WAY = {
    "539901-SC-LB0001-2026-00002": ("objection", 10, ["psb_review#2", "tax_review#2", "hrss_review#2"]),
    "539901-SC-LB0001-2026-00003": ("overdue", 7, ["psb_review"]),
    "539901-SC-LB0001-2026-00004": ("special-procedure", 8, ["decide"]),
    "539901-ZB-XX0001-2026-00001": ("both-asked", 5, ["third_party_reply"]),
}
"""By case: the worked case of its item that it follows, how many steps of that are done, and what is open."""


def rest_of(office: Office, case: str) -> tuple[list[dict[str, Any]], str]:
    """What its worked case still holds for `case`, and how it ends."""
    example, done, _ = UNDER_WAY[case]
    named = office.replay(case)[-1][1].definition
    with office._store.reading() as reader:
        told = office._library.definition(reader, named).examples[f"examples/{example}.toml"]
    return told["steps"][done:], told["outcome"]


def test_an_office_from_before_changes_of_the_organisation_is_upgraded_and_its_cases_go_on(
    older_rules: str,
) -> None:
    before = ask(older_rules, "SELECT * FROM events ORDER BY case_no, seq")
    with pytest.raises(Invalid) as refusal:
        Office.open(older_rules)
    assert refusal.value.code == "database.version"
    assert Office.upgrade(older_rules)
    assert not Office.upgrade(older_rules)
    assert ask(older_rules, "SELECT * FROM events ORDER BY case_no, seq") == before
    with Office.open(older_rules) as office:
        assert office.verify() == (7, [])
        for case, (_, _, possible) in UNDER_WAY.items():
            lines = office.show(case)["steps"]
            assert [line["task"] for line in lines if line["state"] in ("open", "awaited")] == possible
        waiting = {(line["case"], line["task"]) for line in office.inbox(None, everybody=True)}
        possible = {(case, task) for case, told in UNDER_WAY.items() for task in told[2]}
        assert waiting == {(case, task) for case, task in possible if task != "third_party_reply"}  # awaited
        for case in UNDER_WAY:
            when = at("2026-03-16 09:00")
            steps, outcome = rest_of(office, case)
            for step in steps:
                when += timedelta(minutes=10)
                if "advance" not in step:
                    office.act(step["by"], case, command_of(step), when)
            assert office.show(case)["outcome"] == outcome
        assert office.verify() == (7, [])


def test_the_operator_names_the_administrators_of_an_office_that_never_had_any(older_rules: str) -> None:
    Office.upgrade(older_rules)
    now = at("2026-03-16 09:00")
    with Office.open(older_rules) as office:
        told = next(line for line in office.organisation(now)["people"] if line["person"] == "chen.jing")
        assert told["posts"] == ["hall/clerk"]
        hire = {"kind": "person.add", "id": "new.hand", "name": {"zh": "新人", "en": "New Hand"}}
        with pytest.raises(NotAllowed) as refusal:
            office.change_organisation("chen.jing", hire, now)
        assert refusal.value.code == "access.administrator"
        with office._store.reading() as reader:
            whole = office._library.register(reader, standing(reader).organisations[-1][1]).as_json()
        whole["administrators"] = ["hall/clerk"]
        office.change_organisation(None, {"kind": "import", "organisation": whole}, now)
        assert office.change_organisation("chen.jing", hire, now)["version"] == 3
        last = [record.by for record in office.history("office")[-2:]]
        assert last[0] == {"system": True, "org": 1}
        assert (last[1]["person"], last[1]["org"]) == ("chen.jing", 2)
        assert office.verify() == (7, [])


def test_an_upgrade_that_died_before_the_organisation_was_settled_is_finished_by_the_next(
    older_rules: str,
) -> None:
    assert Store.upgrade(older_rules)  # and there it died
    assert Office.upgrade(older_rules)
    assert not Office.upgrade(older_rules)
    with Office.open(older_rules) as office:
        assert office.verify() == (7, [])


# --- what ran out, and what is in part


def test_a_clock_that_ran_out_can_not_be_extended_because_a_later_calendar_gives_it_more_days(
    begin: Begin,
) -> None:
    hall = begin("2026-03-02")
    item = hall.publish(REMINDED, clocks=clocks("5wd") + decision(), notices=NOTICES)
    file = hall.open(item, "2026-03-02 10:00")
    hall.sweep("2026-03-31 10:00")
    ran_out = file.happened("clock.expired")
    change(hall, {"*": days("2026-03-05")}, "2026-03-31 11:00")
    before = hall.office.explain(file.number, "decision", at("2026-04-01"))[0]["certificate"]["reading"]
    assert (before["due"], before["expired"]) == ("2026-03-30", True)
    with pytest.raises(Invalid) as refusal:
        hall.office.extend("leader", file.number, "decision", "10wd", "复杂", at("2026-04-01"))
    assert refusal.value.code == "clock.expired"
    with pytest.raises(Invalid) as refusal:
        hall.office.pause("clerk", file.number, "decision", "testing", "3wd", "送检", at("2026-04-01"))
    assert refusal.value.code == "clock.expired"
    assert file.happened("clock.expired") == ran_out
    in_order(hall)


def test_a_date_that_a_calendar_would_put_into_the_past_is_told_in_the_plan_and_comes_at_once(
    begin: Begin,
) -> None:
    hall = begin("2026-03-02")
    file = hall.open(hall.publish(REMINDED, clocks=clocks("5wd")), "2026-03-02 10:00")
    worked = {"*": {date(2026, 3, n): Overlay(True, "加班", "示政发〔2026〕3号") for n in (7, 8)}}
    plan = change(hall, worked, "2026-03-09 10:00")
    assert [(m["id"], wall(m["due"]), m["at_once"]) for m in plan["moves"] if m["kind"] == "clock"] == [
        ("t5wd", "2026-03-09 10:00", True)
    ]
    assert ("2026-03-09 10:00", "clock.expired") in file.happened("clock.expired")


def test_part_of_a_notice_is_not_a_year(begin: Begin) -> None:
    hall = begin("2026-12-01")
    part = replace(NEW_YEAR, off={date(2027, 1, 1): "元旦"})
    with pytest.raises(Invalid) as refusal:
        hall.office.import_calendar(part, "", at("2026-12-28"))
    assert refusal.value.code == "calendar.partial"


def test_open_cases_that_sweeps_were_made_to_pass_over_are_found(begin: Begin) -> None:
    hall = begin("2026-03-02")
    hall.open(hall.publish(REMINDED, clocks=clocks("5wd")), "2026-03-02 10:00")
    named = hall.office.import_calendar(SNOW, "", at("2026-03-03"))
    with hall.office._store.transaction() as tx:
        tx.set_meta("counted", "2099-01-01T00:00:00.000000Z")
    hall.office.apply_calendar(named, at("2026-03-03"))
    assert "calendar.behind" in codes(hall)
