"""The law's clock, case by case: due dates that can be counted on the fingers, what silence means, who may
stop or extend a clock and when, and what goes on record.

Every test ends with a clean `verify`, and with certificates that a stranger recomputes (`Hall.close`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from clock_items import (
    BY_LEADER,
    COMPLETENESS,
    COUNTY,
    DESK,
    LAW,
    LICENCE,
    LICENCE_FORMS,
    OPENNESS,
    PROMISE,
    SUPPLEMENT,
    File,
    Hall,
    article,
    at,
    clock,
    decision,
    wall,
)
from drawing import draw

from engine.clock import Overlay
from engine.errors import Invalid, NotAllowed, Refusal
from engine.office import Office


@pytest.fixture
def hall(sqlite_database: str, tmp_path: Path) -> Iterator[Hall]:
    with Office.create_rehearsal(sqlite_database, at("2008-01-02"), COUNTY.encode()) as office:
        opened = Hall(office, tmp_path)
        yield opened
        opened.close()


@pytest.fixture
def desk(hall: Hall) -> File:
    """A case accepted on Monday 6 July 2026: 20 working days, due on 3 August; a promise of 7."""
    return hall.open(hall.publish(DESK, clocks=decision() + PROMISE), "2026-07-06")


@pytest.fixture
def licence(hall: Hall) -> str:
    """Receipt, check, supplement, acceptance and decision, each with its clock."""
    clocks = COMPLETENESS + SUPPLEMENT + decision() + PROMISE
    return hall.publish(LICENCE, clocks=clocks, forms=LICENCE_FORMS)


def refused(kind: type[Refusal], act: Callable[[], object]) -> dict[str, str]:
    """The refusal that `act` meets, as people read it in English."""
    with pytest.raises(kind) as refusal:
        act()
    return {key: str(value) for key, value in refusal.value.as_dict().items()}


# --- the vectors of domain §10, as a clock of the item and as a timer of the diagram


VECTORS = [
    ("2026-02-10", 20, "2026-03-16", False),
    ("2026-02-10", 5, "2026-02-24", False),
    ("2026-09-18", 5, "2026-09-24", False),
    ("2026-09-18", 20, "2026-10-22", False),
    ("2026-04-28", 3, "2026-05-06", False),
    ("2008-05-01", 15, "2008-05-22", False),
    ("2008-09-22", 20, "2008-10-23", False),
    ("2026-12-25", 20, "2027-01-25", True),
    # Begun on a Saturday, and half an hour after midnight (the day before in UTC).
    ("2026-07-04", 5, "2026-07-10", False),
    ("2026-07-06 00:30", 5, "2026-07-13", False),
]


@pytest.mark.parametrize(("start", "term", "due", "provisional"), VECTORS)
def test_a_clock_and_a_timer_of_so_many_working_days_end_at_closing_of_the_day_that_the_calendar_gives(
    hall: Hall, start: str, term: int, due: str, provisional: bool
) -> None:
    diagram = draw(
        f"start accept; user decide; reminder late decide after workdays({term}); end done; end told",
        "accept -> decide -> done; late -> told",
    )
    file = hall.open(hall.publish(diagram, clocks=decision(f"{term}wd")), start)
    assert file.due("decision") == file.timer("decide!late")["due"] == f"{due} 17:30"
    assert file.clock("decision")["provisional"] == file.timer("decide!late")["provisional"] == provisional
    hall.sweep(f"{due} 17:29:59")
    assert file.happened("clock.expired", "timer.fired") == []
    hall.sweep(f"{due} 17:30")
    assert file.happened("clock.expired", "timer.fired") == [
        (f"{due} 17:30", "clock.expired"),
        (f"{due} 17:30", "timer.fired"),
    ]


@pytest.mark.parametrize(
    ("term", "start", "due"),
    [
        # The 30th day is 1 October: the National Day holidays end on the 7th.
        ("30d", "2026-09-01", "2026-10-08 17:30"),
        ("60d", "2026-07-06", "2026-09-04 17:30"),
        ("2h", "2026-02-14 16:45", "2026-02-14 18:45"),
    ],
)
def test_a_clock_counts_in_its_own_unit(hall: Hall, term: str, start: str, due: str) -> None:
    file = hall.open(hall.publish(DESK, clocks=clock("reply", term, "accept")), start)
    assert file.due("reply") == due
    hall.sweep("2026-12-31")
    assert file.said("card.raised", "colour") == [(due, "red")]
    assert file.happened("clock.expired") == [(due, "clock.expired")]


def test_a_day_ends_when_this_countys_offices_close(tmp_path: Path) -> None:
    county = COUNTY.replace("closing = 17:30:00", "closing = 18:00:00").encode()
    with Office.create_rehearsal(str(tmp_path / "late.db"), at("2008-01-02"), county) as office:
        hall = Hall(office, tmp_path)
        file = hall.open(hall.publish(DESK, clocks=decision()), "2026-07-06")
        assert file.due("decision") == "2026-08-03 18:00"
        file.extend("2026-08-03 17:59")
        hall.close()


# --- timers in diagrams


def timed(hall: Hall, text: str, when: str, **about: Any) -> File:
    """A case whose step has this timer on its edge."""
    diagram = draw(
        f"start s; user a; boundary late a {text}; end done; end over", "s -> a -> done; late -> over"
    )
    return hall.open(hall.publish(diagram, **about), when)


@pytest.mark.parametrize(
    ("text", "start", "due"),
    [
        ("after hours(2)", "2026-02-14 16:45", "2026-02-14 18:45"),
        ("after hours(30)", "2026-02-14 16:45", "2026-02-15 22:45"),
        # The 30th day is 1 October: the National Day holidays end on the 7th.
        ("after days(30)", "2026-09-01", "2026-10-08 17:30"),
        ("after days(30)", "2026-07-06", "2026-08-05 17:30"),
        # A day that is made up on a Saturday is a day like any other.
        ("after days(4)", "2026-02-10", "2026-02-14 17:30"),
        ("after P30D", "2026-09-01 09:15", "2026-10-01 09:15"),
        ("after P1M", "2026-01-31 09:15", "2026-02-28 09:15"),
        ("date 2026-10-01T08:00:00+08:00", "2026-09-01", "2026-10-01 08:00"),
    ],
)
def test_a_timer_ends_when_its_own_unit_says(hall: Hall, text: str, start: str, due: str) -> None:
    file = timed(hall, text, start)
    assert file.timer("a!late")["due"] == due
    hall.sweep("2026-12-31")
    assert file.happened("timer.fired", "case.closed") == [(due, "timer.fired"), (due, "case.closed")]
    assert file.show()["outcome"] == "over"


def test_an_interrupting_timer_takes_the_step_away_and_a_reminder_leaves_it(hall: Hall) -> None:
    diagram = draw(
        "start s; user a; reminder nudge a after workdays(1); user chase; end chased;"
        "boundary late a after workdays(2); user b; end e",
        "s -> a -> e; nudge -> chase -> chased; late -> b -> e",
    )
    file = hall.open(hall.publish(diagram), "2026-07-06")
    hall.sweep("2026-07-07 17:30")
    assert file.open_steps() == ["a", "chase"]
    hall.sweep("2026-07-08 17:30")
    assert sorted(file.open_steps()) == ["b", "chase"]
    assert file.said("task.cancelled", "task") == [("2026-07-08 17:30", "a")]
    assert refused(Invalid, lambda: file.do("2026-07-08 18:00", "a"))["code"] == "step.closed"


def test_a_cycle_reminds_every_working_day_as_often_as_drawn_and_no_longer_than_the_step_is_open(
    hall: Hall,
) -> None:
    diagram = draw(
        "start s; user a; reminder nudge a every every(workdays(1), 3); manual call; end called; end e",
        "s -> a -> e; nudge -> call -> called",
    )
    item = hall.publish(diagram)
    file, quick = hall.open(item, "2026-02-12"), hall.open(item, "2026-02-12")
    quick.do("2026-02-13 17:45", "a")
    hall.sweep("2026-12-31")
    # Thursday 12 February: Friday, the made-up Saturday, then after the Spring Festival.
    assert file.happened("timer.fired") == [
        ("2026-02-13 17:30", "timer.fired"),
        ("2026-02-14 17:30", "timer.fired"),
        ("2026-02-24 17:30", "timer.fired"),
    ]
    assert quick.happened("timer.fired") == [("2026-02-13 17:30", "timer.fired")]


RACE = draw(
    "start s; race wait; catch reply message reply; catch soon after workdays(3); catch later after days(30);"
    "user a; user b; user c; end e",
    "s -> wait; wait -> reply -> a -> e; wait -> soon -> b -> e; wait -> later -> c -> e",
)


def test_each_timer_behind_an_event_based_gateway_has_its_own_due_date(hall: Hall) -> None:
    item = hall.publish(RACE)
    file, answered = hall.open(item, "2026-07-06"), hall.open(item, "2026-07-06")
    assert file.timer("wait!soon")["due"] == "2026-07-09 17:30"
    assert file.timer("wait!later")["due"] == "2026-08-05 17:30"
    answered.do("2026-07-09 17:29", "reply")
    assert answered.open_steps() == ["a"]
    hall.sweep("2026-07-09 17:30")
    assert file.open_steps() == ["b"]
    assert file.said("timer.stopped", "element") == [("2026-07-09 17:30", "later")]
    assert refused(Invalid, lambda: file.do("2026-07-09 17:31", "reply"))["code"] == "step.closed"


BOUND = {
    "boundary": (
        "start accept; user decide; boundary late decide after clock('decision'); user remind; end done",
        "accept -> decide -> done; late -> remind -> done",
        ["remind"],
    ),
    "non-interrupting boundary": (
        "start accept; user decide; reminder late decide after clock('decision'); user remind\n"
        "end told; end done",
        "accept -> decide -> done; late -> remind -> told",
        ["decide", "remind"],
    ),
    "intermediate event": (
        "start accept; and fork; user decide; catch late after clock('decision'); user remind\n"
        "and join; end done",
        "accept -> fork -> decide -> join; fork -> late -> remind -> join; join -> done",
        ["decide", "remind"],
    ),
    "event-based gateway": (
        "start accept; race wait; catch reply message reply; catch soon after workdays(60)\n"
        "catch late after clock('decision'); user decide; user remind; end done",
        "accept -> wait; wait -> reply -> decide -> done; wait -> soon -> done\n"
        "wait -> late -> remind -> done",
        ["remind"],
    ),
}


@pytest.mark.parametrize("place", BOUND)
def test_a_timer_bound_to_a_clock_fires_when_that_runs_out_wherever_pauses_and_extensions_move_it(
    hall: Hall, place: str
) -> None:
    elements, flows, afterwards = BOUND[place]
    file = hall.open(hall.publish(draw(elements, flows), clocks=decision()), "2026-07-06")
    [timer] = [line for line in file.show()["timers"] if line["clock"]]
    assert (wall(timer["due"]), timer["clock"]) == ("2026-08-03 17:30", "decision")
    file.pause("2026-07-16")
    assert file.due("decision") is None
    # Where the step had a due date, it has none now, and is not late.
    assert {(line["due"], line["late"]) for line in hall.inbox("2026-08-03 18:00")} <= {(None, False)}
    file.resume("2026-08-03 18:10")
    file.extend("2026-08-19 17:29")
    # 12 working days were left on 3 August, and 10 more were given.
    assert file.due("decision") == "2026-09-02 17:30"
    hall.sweep("2026-09-02 17:29:59")
    assert not file.happened("timer.fired")
    hall.sweep("2026-09-02 17:30")
    assert file.said("timer.fired", "element") == [("2026-09-02 17:30", "late")]
    assert file.open_steps() == afterwards


def test_of_two_steps_behind_one_clock_each_gets_its_timer_when_the_clock_runs_out(hall: Hall) -> None:
    diagram = draw(
        "start accept; and fork; user a; user b; boundary late_a a after clock('decision')\n"
        "boundary late_b b after clock('decision'); and join; xor xa; xor xb; end done",
        "accept -> fork -> a -> xa -> join; fork -> b -> xb -> join -> done; late_a -> xa; late_b -> xb",
    )
    item = hall.publish(diagram, lanes={}, clocks=clock("decision", "20wd", "accept"))
    file = hall.open(item, "2026-07-06")
    hall.sweep("2026-08-10")
    assert file.happened("clock.expired", "timer.fired", "case.closed") == [
        ("2026-08-03 17:30", "clock.expired"),
        ("2026-08-03 17:30", "timer.fired"),
        ("2026-08-03 17:30", "timer.fired"),
        ("2026-08-03 17:30", "case.closed"),
    ]


def test_at_one_instant_come_the_rungs_then_the_end_of_the_clock_then_what_waits_for_it_then_other_timers(
    hall: Hall,
) -> None:
    diagram = draw(
        "start accept; user decide; reminder other decide after workdays(5)\n"
        "reminder bound decide after clock('decision'); user a; user b; end done; end a_done; end b_done",
        "accept -> decide -> done; other -> a -> a_done; bound -> b -> b_done",
    )
    file = hall.open(hall.publish(diagram, clocks=decision("5wd")), "2026-07-06")
    hall.sweep("2026-07-13 17:30")
    instant = [kind for when, kind in file.happened() if when == "2026-07-13 17:30"]
    assert instant == [
        *("clock.struck", "card.raised", "clock.struck", "clock.expired"),
        *("timer.fired", "task.opened", "timer.fired", "task.opened"),
    ]
    assert [element for _, element in file.said("timer.fired", "element")] == ["bound", "other"]


# --- receipt, completeness, acceptance (Administrative Licensing Law art. 32)


def test_silence_after_receipt_is_acceptance_as_of_the_day_of_receipt(hall: Hall, licence: str) -> None:
    file = hall.open(licence, "2026-07-06")
    assert file.due("completeness") == "2026-07-13 17:30"
    hall.sweep("2026-07-14")
    assert file.said("clock.expired", "clock", "effect") == [
        ("2026-07-13 17:30", "completeness", "deemed_acceptance")
    ]
    [(when, effect, as_of, basis)] = file.said("case.deemed", "effect", "as_of", "basis")
    assert (when, effect, wall(as_of)) == ("2026-07-13 17:30", "deemed_acceptance", "2026-07-06 12:00")
    assert basis == {"law": LAW, "article": "第三十二条"}
    # The decision's 20 working days are counted from the receipt: 5 are gone.
    assert file.due("decision") == "2026-08-03 17:30"
    shown = file.clock("decision", "2026-07-14")
    assert (shown["used"], shown["left"], shown["total"]) == (5, 15, 20)
    assert wall(shown["since"]) == "2026-07-06 12:00"
    assert file.due("promise") == "2026-07-15 17:30"
    assert file.states()["completeness"] == "spent"
    assert file.open_steps() == ["decide"]
    [deemed] = file.show()["deemed"]
    assert (deemed["effect"], wall(deemed["as_of"])) == ("deemed_acceptance", "2026-07-06 12:00")
    assert refused(Invalid, lambda: file.do("2026-07-14", "check", outcome="incomplete")) == {
        "code": "step.closed",
        "message": f"step check of case {file.number} is not open",
        "expected": "one of the open steps: decide",
        "found": "check",
        "rule": "a step can be done once, when the process has reached it",
        "remedy": f"look at `lianban show {file.number}` and choose an open step",
    }


def test_a_supplement_notice_on_the_fifth_day_before_closing_comes_in_time_and_at_closing_too_late(
    hall: Hall, licence: str
) -> None:
    early, late = hall.open(licence, "2026-07-06"), hall.open(licence, "2026-07-06")
    early.do("2026-07-13 17:29:59", "check", outcome="incomplete")
    assert early.said("clock.stopped", "clock", "late") == [("2026-07-13 17:29", "completeness", False)]
    assert early.open_steps() == []
    refusal = refused(Invalid, lambda: late.do("2026-07-13 17:30", "check", outcome="incomplete"))
    assert refusal["code"] == "step.closed"
    # The refused act has settled the case: the clock was faster.
    assert late.happened("clock.expired") == [("2026-07-13 17:30", "clock.expired")]
    assert late.open_steps() == ["decide"]
    hall.sweep("2026-07-20")
    assert "decision" not in early.states()


def test_who_supplements_is_accepted_on_the_day_the_materials_are_complete(hall: Hall, licence: str) -> None:
    file = hall.open(licence, "2026-07-06")
    file.do("2026-07-08", "check", outcome="incomplete")
    file.do("2026-07-15 10:00", "supplement")
    assert wall(file.clock("decision")["since"]) == "2026-07-15 10:00"
    assert file.due("decision") == "2026-08-12 17:30"
    assert file.due("promise") == "2026-07-24 17:30"
    assert file.states() == {
        "decision": "running",
        "promise": "running",
        "completeness": "stopped",
        "supplement": "stopped",
    }


def test_who_never_supplements_is_deemed_to_have_withdrawn(hall: Hall, licence: str) -> None:
    file = hall.open(licence, "2026-07-06")
    file.do("2026-07-08", "check", outcome="incomplete")
    # 30 calendar days: 7 August.
    assert file.due("supplement") == "2026-08-07 17:30"
    with pytest.raises(Invalid):
        file.do("2026-08-07 17:30", "supplement")
    assert file.said("case.deemed", "effect", "as_of") == [
        ("2026-08-07 17:30", "deemed_withdrawal", "2026-08-07T09:30:00.000000Z")
    ]
    assert file.show()["outcome"] == "withdrawn"
    assert file.happened("case.closed") == [("2026-08-07 17:30", "case.closed")]
    assert hall.inbox("2026-08-08") == []


# --- the other effects of silence


@pytest.mark.parametrize(
    ("effect", "law"),
    [
        ("deemed_renewal", article("五十")),
        ("deemed_withdrawal", article("三十", OPENNESS)),
        ("deemed_refusal", article("四", "村镇规划条例")),
        ("deemed_consent", article("三十四", OPENNESS)),
        ("route", article("三", "县联席办理制度")),
    ],
)
def test_silence_has_the_effect_that_the_law_gives_it_and_the_case_goes_on_from_there(
    hall: Hall, effect: str, law: dict[str, str]
) -> None:
    """The effect on record, the way taken, the paper issued."""
    diagram = draw(
        "start accept; user decide; boundary silence decide after clock('decision');"
        "script deem deemed = True; end decided; end silent",
        "accept -> decide -> decided; silence -> deem -> silent",
    )
    to = {"to": "silence"} if effect == "route" else {}
    item = hall.publish(
        diagram,
        clocks=decision(effect={"kind": effect, "basis": law, **to}),
        documents={"deem": "certificate"},
        template="{{ document.name.zh }} {{ document.number }} {{ date }}",
    )
    silent, spoken = hall.open(item, "2026-07-06"), hall.open(item, "2026-07-06")
    spoken.do("2026-08-03 17:29", "decide", "p1")
    hall.sweep("2026-09-01")
    assert silent.said("clock.expired", "effect", "basis") == [("2026-08-03 17:30", effect, law)]
    recorded = [] if effect == "route" else [("2026-08-03 17:30", effect, "decision", law)]
    assert silent.said("case.deemed", "effect", "clock", "basis") == recorded
    assert silent.said("timer.fired", "element") == [("2026-08-03 17:30", "silence")]
    assert silent.show()["outcome"] == "silent"
    assert silent.printed("certificate") == "certificate certificate〔2026〕1号 2026-08-03"
    assert silent.states() == {"decision": "spent"}
    assert spoken.show()["outcome"] == "decided"
    assert spoken.happened("case.deemed", "clock.expired") == []


def test_a_department_that_keeps_silent_consents_and_neither_the_others_nor_the_joint_term_are_touched(
    hall: Hall,
) -> None:
    diagram = draw(
        "start accept; and fork; user forestry; user water; boundary silence water after clock('consent');"
        "script deem water_opinion = 'deemed consent'; xor on; and join; user decide; end done",
        "accept -> fork -> forestry -> join; fork -> water -> on -> join; silence -> deem -> on;"
        "join -> decide -> done",
    )
    consent = clock(
        "consent",
        "15wd",
        "water:opened",
        stops=["water"],
        unit="d2",
        tier="step",
        basis=article("三十四", OPENNESS),
        effect={"kind": "deemed_consent", "basis": article("三十四", OPENNESS)},
    )
    clocks = consent + decision("45wd")
    item = hall.publish(diagram, clocks=clocks, lanes={"forestry": "d1", "water": "d2"})
    file = hall.open(item, "2026-07-06")
    hall.sweep("2026-08-03")
    assert file.said("reminder.raised", "unit") == [("2026-07-22 17:30", "d2")]
    assert file.said("card.raised", "colour", "unit") == [("2026-07-27 17:30", "yellow", "d2")]
    assert file.due("decision") == "2026-09-07 17:30"
    assert file.said("case.deemed", "effect", "basis") == [
        ("2026-07-27 17:30", "deemed_consent", article("三十四", OPENNESS))
    ]
    assert file.open_steps() == ["forestry"]
    file.do("2026-08-03", "forestry", "p1")
    assert file.open_steps() == ["decide"]
    assert file.show()["data"]["water_opinion"] == "deemed consent"
    assert refused(Invalid, lambda: file.do("2026-08-03", "water", "p2"))["code"] == "step.closed"


def test_a_clock_that_begins_again_in_a_rework_loop_is_counted_and_called_by_its_number(hall: Hall) -> None:
    diagram = draw(
        "start s; xor again; user review; xor fine; end done",
        'again -> review -> fine; s -> again; fine -> again if outcome == "rework"; fine -> done default',
    )
    item = hall.publish(
        diagram,
        clocks=clock("review", "3wd", "review:opened", stops=["review"], tier="step"),
        forms={"review": {"type": "object", "properties": {"outcome": {"type": "string", "title": "o"}}}},
    )
    file = hall.open(item, "2026-07-06")
    file.do("2026-07-10", "review", outcome="rework")
    file.do("2026-07-13", "review#2", outcome="rework")
    assert {name: (file.due(name), file.clock(name)["state"]) for name in file.states()} == {
        "review": ("2026-07-09 17:30", "stopped"),
        "review#2": ("2026-07-15 17:30", "stopped"),
        "review#3": ("2026-07-16 17:30", "running"),
    }
    assert file.said("clock.stopped", "clock", "late") == [
        ("2026-07-10 12:00", "review", True),
        ("2026-07-13 12:00", "review#2", False),
    ]
    hall.sweep("2026-07-20")
    # Each running has its own card and reminder.
    assert file.said("card.raised", "card", "clock") == [
        ("2026-07-09 17:30", "yellow-1", "review"),
        ("2026-07-16 17:30", "yellow-2", "review#3"),
    ]
    assert len(file.office.explain(file.number, "review#2", at("2026-07-20"))) == 1


def test_a_silence_that_ran_out_in_the_first_round_does_not_fire_in_the_second(hall: Hall) -> None:
    diagram = draw(
        "start s; xor again; user review; boundary late review after clock('review'); user chase; end done",
        "s -> again -> review -> done; late -> chase -> again",
    )
    effect = {"kind": "route", "basis": article("三"), "to": "late"}
    item = hall.publish(
        diagram, clocks=clock("review", "3wd", "review:opened", stops=["review"], effect=effect)
    )
    file = hall.open(item, "2026-07-06")
    hall.sweep("2026-07-10")
    assert file.open_steps() == ["chase"]
    file.do("2026-07-13", "chase")
    assert file.open_steps() == ["review#2"]
    assert file.due("review#2") == "2026-07-16 17:30"
    file.do("2026-07-14", "review#2")
    assert file.states() == {"review": "spent", "review#2": "stopped"}


# --- pauses (art. 45)


def test_a_clock_paused_on_day_8_has_its_12_days_left_when_the_test_is_done(desk: File) -> None:
    desk.pause("2026-07-16 10:00", "testing", "12wd")
    paused = desk.clock("decision", "2026-07-20")
    assert (paused["state"], paused["due"], paused["used"], paused["left"]) == ("paused", None, 8, 12)
    assert paused["expected"] == "2026-08-19"
    assert [(p["ground"], p["expected"], p["document"]) for p in paused["paused"]] == [
        ("testing", "12wd", "special〔2026〕1号")
    ]
    # The day on which it ends is the 12th of the pause; the next is the first of those left.
    desk.resume("2026-08-03 10:00")
    assert desk.due("decision") == "2026-08-19 17:30"
    assert desk.clock("decision")["left"] == 12


def test_a_pause_is_told_in_writing_at_once(desk: File) -> None:
    done = desk.pause("2026-07-08", reason="送省检测中心")
    assert [record.event.type for record in done.events][:3] == [
        "pause.ordered",
        "document.issued",
        "clock.paused",
    ]
    assert desk.printed("special").startswith("special〔2026〕1号")
    assert desk.said("pause.ordered", "ground", "expected", "reason") == [
        ("2026-07-08 12:00", "testing", "12wd", "送省检测中心")
    ]


def test_a_holiday_in_a_pause_is_not_counted_twice(hall: Hall) -> None:
    file = hall.open(hall.publish(DESK, clocks=decision()), "2026-02-03")
    file.pause("2026-02-12 10:00")
    assert file.clock("decision")["used"] == 7
    file.resume("2026-02-25 10:00")
    # 13 left: 26, 27, the made-up Saturday 28 February, then two weeks.
    assert file.due("decision") == "2026-03-13 17:30"


def test_two_pauses_that_overlap_count_once(desk: File) -> None:
    desk.pause("2026-07-16", "testing", "7wd")
    desk.pause("2026-07-20", "hearing", "10wd")
    desk.resume("2026-07-24", "testing")
    assert desk.said("clock.resumed", "clock", "due")[0] == ("2026-07-24 12:00", "decision", None)
    assert desk.clock("decision")["state"] == "paused"
    desk.resume("2026-07-30", "hearing")
    assert desk.due("decision") == "2026-08-17 17:30"


def test_of_two_pauses_the_clerk_says_which_is_over(desk: File) -> None:
    desk.pause("2026-07-16", "testing", "7wd")
    desk.pause("2026-07-20", "hearing", "10wd")
    refusal = refused(Invalid, lambda: desk.resume("2026-07-24"))
    assert (refusal["code"], refusal["expected"]) == ("clock.which_ground", "one of: testing, hearing")
    assert refusal["remedy"] == "name the ground with --ground"


def test_a_ground_that_the_law_does_not_know_is_refused_with_the_article(desk: File) -> None:
    refusal = refused(Invalid, lambda: desk.pause("2026-07-16", "leader-on-trip"))
    assert refusal["code"] == "clock.ground"
    assert refusal["message"] == "The clock decision cannot be paused for leader-on-trip."
    assert refusal["rule"] == "中华人民共和国行政许可法 第四十五条"
    assert "testing" in refusal["expected"]
    assert refusal["remedy"]
    assert desk.due("decision") == "2026-08-03 17:30"
    assert desk.happened("document.issued", "pause.ordered") == []


def test_a_clock_that_ran_out_cannot_be_paused_any_more(desk: File) -> None:
    refusal = refused(Invalid, lambda: desk.pause("2026-08-03 17:30", clock="decision"))
    assert (refusal["code"], refusal["rule"]) == ("clock.expired", "行政许可法 第四十二条")
    assert refusal["expected"] == "an act before 2026-08-03 17:30"
    assert refusal["remedy"]
    # Time went first, and stays.
    assert ("2026-08-03 17:30", "clock.expired") in desk.happened()


def test_a_clock_that_is_not_paused_cannot_be_resumed(desk: File) -> None:
    refusal = refused(Invalid, lambda: desk.resume("2026-07-16"))
    assert refusal["code"] == "clock.not_paused"
    assert refusal["remedy"]
    desk.pause("2026-07-16")
    refusal = refused(Invalid, lambda: desk.resume("2026-07-17", "hearing"))
    assert refusal["code"] == "clock.not_paused"
    assert refusal["remedy"]


def test_a_clock_stands_still_only_once_for_the_same_ground(desk: File) -> None:
    desk.pause("2026-07-16")
    refusal = refused(Invalid, lambda: desk.pause("2026-07-17", who="colleague"))
    assert refusal["code"] == "clock.already_paused"
    assert refusal["rule"] == "中华人民共和国行政许可法 第四十五条"


def test_a_pause_that_lasts_longer_than_was_told_is_brought_to_mind_once(hall: Hall, desk: File) -> None:
    desk.pause("2026-07-16", "testing", "5wd")
    for when in ("2026-07-23 17:29", "2026-07-23 17:30", "2026-07-24", "2026-08-20"):
        hall.sweep(when)
        told = [r for r in desk.said("reminder.raised", "clock", "rung", "unit", "due") if r[1] == "decision"]
        assert told == (
            []
            if when == "2026-07-23 17:29"
            else [("2026-07-23 17:30", "decision", "pause-over:testing", "d1", None)]
        )
    # Reminded or not: it stands still.
    assert desk.clock("decision", "2026-08-20")["left"] == 12
    assert hall.office.outbox(pending=True)


def test_the_promise_stands_still_with_the_statutory_clock_and_is_not_paused_by_itself(desk: File) -> None:
    assert desk.due("promise") == "2026-07-15 17:30"
    desk.pause("2026-07-08")
    assert desk.said("clock.paused", "clock") == [
        ("2026-07-08 12:00", "decision"),
        ("2026-07-08 12:00", "promise"),
    ]
    assert [line["paused"][0]["document"] for line in desk.show()["clocks"]] == ["special〔2026〕1号"] * 2
    desk.resume("2026-07-24")
    assert desk.due("promise") == "2026-07-31 17:30"
    assert desk.due("decision") == "2026-08-19 17:30"


def test_a_promise_that_begins_while_the_statutory_clock_stands_still_stands_still_too(hall: Hall) -> None:
    diagram = draw("start accept; user sample; user decide; end done", "accept -> sample -> decide -> done")
    promise = PROMISE.replace('starts = ["accept"]', 'starts = ["sample"]')
    file = hall.open(hall.publish(diagram, clocks=decision() + promise), "2026-07-06")
    file.pause("2026-07-08")
    file.do("2026-07-10", "sample")
    assert file.states() == {"decision": "paused", "promise": "paused"}
    assert file.clock("promise")["paused"][0]["document"] == "special〔2026〕1号"
    file.resume("2026-07-24")
    assert file.due("promise") == "2026-08-04 17:30"


@pytest.mark.parametrize(
    ("since", "until"),
    [("2026-07-11 10:00", "2026-07-12 16:00"), ("2026-07-16 10:00", "2026-07-16 16:00")],
    ids=["a weekend", "a few hours of a day"],
)
def test_a_pause_without_a_working_day_in_it_moves_nothing(desk: File, since: str, until: str) -> None:
    desk.pause(since, clock="decision")
    desk.resume(until, clock="decision")
    assert desk.due("decision") == "2026-08-03 17:30"


def test_a_promise_cannot_be_paused_or_resumed_by_itself(desk: File) -> None:
    refusal = refused(Invalid, lambda: desk.pause("2026-07-08", clock="promise"))
    assert refusal["message"] == "this clock is paused whenever decision is, and by nothing else"
    assert (refusal["rule"], refusal["remedy"]) == ("服务承诺 第三条", "pause or resume decision")
    desk.pause("2026-07-08")
    assert refused(Invalid, lambda: desk.resume("2026-07-09", clock="promise"))["code"] == "clock.follows"
    assert desk.states() == {"decision": "paused", "promise": "paused"}


def test_a_step_whose_clock_stands_still_has_no_due_date_and_is_not_late(hall: Hall) -> None:
    diagram = draw(
        "start accept; user decide; reminder late decide after clock('decision'); manual note\n"
        "end noted; end done",
        "accept -> decide -> done; late -> note -> noted",
    )
    file = hall.open(hall.publish(diagram, clocks=decision()), "2026-07-06")

    def told(when: str) -> list[tuple[str | None, bool]]:
        [shown] = [wall(line["due"]) for line in file.show(when)["steps"] if line["task"] == "decide"]
        [listed] = hall.inbox(when, "p1")
        assert wall(listed["due"]) == shown
        return [(shown, listed["late"])]

    assert told("2026-07-07") == [("2026-08-03 17:30", False)]
    file.pause("2026-07-16")
    assert told("2026-08-10") == [(None, False)]
    file.resume("2026-08-10")
    assert told("2026-08-10") == [("2026-08-26 17:30", False)]


def test_a_closed_case_has_no_clock_to_pause_or_extend(desk: File) -> None:
    desk.do("2026-07-13", "decide", "p1")
    assert desk.states() == {"decision": "stopped", "promise": "stopped"}
    for act in (lambda: desk.pause("2026-07-14"), lambda: desk.extend("2026-07-14")):
        assert refused(Invalid, act)["message"] == "no clock of the case runs now"
    for named in (
        lambda: desk.pause("2026-07-14", clock="decision"),
        lambda: desk.extend("2026-07-14", clock="decision"),
    ):
        refusal = refused(Invalid, named)
        assert (refusal["code"], refusal["rule"]) == ("clock.stopped", "行政许可法 第四十二条")


def test_the_diagram_itself_pauses_and_resumes_the_clock(hall: Hall) -> None:
    diagram = draw(
        "start accept; user send; user lab; user decide; end done", "accept -> send -> lab -> decide -> done"
    )
    testing = {"ground": "testing", "from": "send", "to": "lab", "expected": "12wd"}
    file = hall.open(hall.publish(diagram, clocks=decision(pauses=[testing])), "2026-07-06")
    file.do("2026-07-16", "send")
    assert file.clock("decision")["state"] == "paused"
    assert file.printed("special").startswith("special〔2026〕1号")
    file.do("2026-08-03", "lab")
    assert file.due("decision") == "2026-08-19 17:30"


def test_who_has_nothing_to_do_with_the_clock_may_not_pause_it(desk: File) -> None:
    refusal = refused(NotAllowed, lambda: desk.pause("2026-07-16", who="p2"))
    assert refusal["expected"] == "somebody who holds hall/clerk"
    assert refusal["rule"] == "行政许可法 第四十二条"
    assert refusal["remedy"] == "ask clerk, colleague"


# --- extensions (art. 42)


def test_a_licence_is_extended_once_by_the_head_of_the_authority_before_the_office_closes_on_the_last_day(
    desk: File,
) -> None:
    desk.extend("2026-08-03 17:29:59")
    assert desk.due("decision") == "2026-08-17 17:30"
    assert desk.clock("decision")["total"] == 30
    assert desk.said("extension.granted", "by", "reason") == [("2026-08-03 17:29", "10wd", "案情复杂")]
    assert desk.printed("extended").startswith("extended〔2026〕1号")
    refusal = refused(Invalid, lambda: desk.extend("2026-08-04", "5wd"))
    assert (refusal["code"], refusal["rule"]) == ("clock.extended_before", "行政许可法 第四十二条")
    assert refusal["remedy"]
    assert desk.due("decision") == "2026-08-17 17:30"


def test_an_extension_asked_for_when_the_office_has_closed_on_the_last_day_comes_too_late(desk: File) -> None:
    refusal = refused(Invalid, lambda: desk.extend("2026-08-03 17:30"))
    assert (refusal["code"], refusal["rule"]) == ("clock.expired", "行政许可法 第四十二条")
    assert refusal["found"] == "2026-08-03 17:30"
    assert refusal["remedy"]
    assert desk.said("card.raised", "colour", "clock")[-1] == ("2026-08-03 17:30", "red", "decision")


@pytest.mark.parametrize("by", ["11wd", "10d", "240h"])
def test_an_extension_is_not_longer_than_the_law_allows_and_in_its_unit(desk: File, by: str) -> None:
    refusal = refused(Invalid, lambda: desk.extend("2026-07-20", by))
    assert (refusal["code"], refusal["rule"]) == ("clock.extension_too_long", "行政许可法 第四十二条")
    assert refusal["expected"] == "at most 10 working days"
    assert refusal["remedy"]


def test_an_extension_needs_a_reason(desk: File) -> None:
    refusal = refused(Invalid, lambda: desk.extend("2026-07-20", reason=" "))
    assert (refusal["code"], refusal["rule"]) == ("clock.no_reason", "行政许可法 第四十二条")


def test_a_clerk_may_not_extend_and_is_told_who_may(desk: File) -> None:
    refusal = refused(NotAllowed, lambda: desk.extend("2026-07-20", who="p1"))
    assert refusal["expected"] == "somebody who holds d1/leader"
    assert (refusal["rule"], refusal["remedy"]) == ("行政许可法 第四十二条", "ask leader")


def test_joint_handling_is_extended_by_the_head_of_the_government_and_nobody_else(hall: Hall) -> None:
    by_mayor = {**BY_LEADER, "up_to": "15wd", "approver": "government/head"}
    file = hall.open(hall.publish(DESK, clocks=decision("45wd", extension=by_mayor)), "2026-07-06")
    assert file.due("decision") == "2026-09-07 17:30"
    refusal = refused(NotAllowed, lambda: file.extend("2026-09-01", "15wd", who="leader"))
    assert (refusal["expected"], refusal["remedy"]) == ("somebody who holds government/head", "ask mayor")
    file.extend("2026-09-01", "15wd", who="mayor")
    # The made-up Sunday 20 September counts, the Mid-Autumn Friday 25 does not.
    assert file.due("decision") == "2026-09-28 17:30"
    assert file.said("extension.granted", "by") == [("2026-09-01 12:00", "15wd")]


def test_a_clock_without_extension_cannot_be_extended(hall: Hall) -> None:
    file = hall.open(hall.publish(DESK, clocks=clock("decision", "20wd", "accept")), "2026-07-06")
    for named in ("decision", None):
        refusal = refused(Invalid, partial(file.extend, "2026-07-20", clock=named))
        assert (refusal["code"], refusal["rule"]) == ("clock.no_extension", "行政许可法 第四十二条")
        assert refusal["remedy"]
    refusal = refused(Invalid, lambda: file.pause("2026-07-20"))
    assert (refusal["expected"], refusal["rule"]) == ("no pause at all", "行政许可法 第四十二条")
    assert file.due("decision") == "2026-08-03 17:30"


def test_an_extension_while_the_clock_stands_still_is_there_when_it_runs_on(desk: File) -> None:
    desk.pause("2026-07-16")
    desk.extend("2026-07-20")
    assert desk.said("clock.extended", "due") == [("2026-07-20 12:00", None)]
    desk.resume("2026-08-03")
    assert desk.due("decision") == "2026-09-02 17:30"


# --- a licence through all its levels (art. 34, 43, 44, 47, 50, 55)


def test_each_level_and_each_step_has_its_own_clock_from_its_own_start(hall: Hall) -> None:
    diagram = draw(
        "start received; user examine; user assign; user decide; user deliver; end delivered",
        "received -> examine -> assign -> decide -> deliver -> delivered",
    )
    clocks = [
        # The township examines in 20 days from its own acceptance, and sends everything up (art. 43).
        clock("examination", "20wd", "received", stops=["examine"], unit="town", basis=article("四十三")),
        # Two inspectors within 5 days of acceptance (art. 55).
        clock(
            "inspectors", "5wd", "examine", stops=["assign"], tier="step", unit="d1", basis=article("五十五")
        ),
        decision(starts="examine"),
        clock("delivery", "10wd", "decide", stops=["deliver"], basis=article("四十四")),
    ]
    lanes = {"examine": "town", "assign": "d1", "decide": "d1"}
    file = hall.open(hall.publish(diagram, clocks="".join(clocks), lanes=lanes), "2026-07-06")
    assert file.states() == {"examination": "running"}
    file.do("2026-07-20", "examine", "villager")
    assert file.due("examination") == "2026-08-03 17:30"
    assert file.due("inspectors") == "2026-07-27 17:30"
    assert file.due("decision") == "2026-08-17 17:30"
    file.do("2026-07-28", "assign", "p1")
    assert file.said("card.raised", "colour", "clock", "unit") == [
        ("2026-07-27 17:30", "yellow", "inspectors", "d1")
    ]
    file.do("2026-08-12", "decide", "p1")
    assert file.due("delivery") == "2026-08-26 17:30"
    file.do("2026-08-26 17:29", "deliver")
    assert file.said("clock.stopped", "clock", "late") == [
        ("2026-07-20 12:00", "examination", False),
        ("2026-07-28 12:00", "inspectors", True),
        ("2026-08-12 12:00", "decision", False),
        ("2026-08-26 17:29", "delivery", False),
    ]


def test_a_hearing_may_be_asked_for_until_the_fifth_day_and_stops_the_clock_of_the_decision(
    hall: Hall,
) -> None:
    diagram = draw(
        "start accept; user tell; race window; catch ask message hearing; catch over after workdays(5)\n"
        "user hold; xor on; user decide; end done",
        "accept -> tell -> window; window -> ask -> hold -> on; window -> over -> on; on -> decide -> done",
    )
    hearing = {"ground": "hearing", "from": "ask", "to": "hold", "expected": "20wd"}
    held = clock("hearing", "20wd", "ask", stops=["hold"], tier="step", unit="d1", basis=article("四十七"))
    item = hall.publish(
        diagram, clocks=decision(pauses=[hearing]) + held, lanes={"tell": "d1", "hold": "d1", "decide": "d1"}
    )
    asked, late = hall.open(item, "2026-07-06"), hall.open(item, "2026-07-06")
    for file in (asked, late):
        file.do("2026-07-06 15:00", "tell", "p1")
    asked.do("2026-07-13 17:29", "ask")
    assert asked.open_steps() == ["hold"]
    assert asked.due("hearing") == "2026-08-10 17:30"
    assert asked.clock("decision")["paused"][0]["ground"] == "hearing"
    refusal = refused(Invalid, lambda: late.do("2026-07-14", "ask"))
    assert (refusal["code"], late.open_steps()) == ("step.closed", ["decide"])
    asked.do("2026-07-29", "hold", "p1")
    # Five days were used up; fifteen are left.
    assert asked.due("decision") == "2026-08-19 17:30"
    assert late.due("decision") == "2026-08-03 17:30"


def test_a_licence_whose_renewal_is_not_decided_before_it_expires_is_renewed(hall: Hall) -> None:
    """Asked for 30 days before; it expires at the end of a day, even in the holidays."""
    diagram = draw(
        "start received; user decide; boundary expiry decide date 2026-10-05T00:00:00+08:00;"
        "script renew renewed = True; end decided; end renewed",
        "received -> decide -> decided; expiry -> renew -> renewed",
    )
    item = hall.publish(diagram, documents={"renew": "certificate"})
    file = hall.open(item, "2026-09-04")
    hall.sweep("2026-10-08")
    assert file.said("timer.fired", "element") == [("2026-10-05 00:00", "expiry")]
    assert file.show()["outcome"] == "renewed"
    assert file.printed("certificate").startswith("certificate〔2026〕1号")


# --- disclosure of government information: restart, third parties, two regimes

REQUEST = draw(
    """
    start received; user read; xor clear; race wait; catch supplement message supplement
    catch abandoned after clock('supplement'); xor in; user answer; end replied; end gone
    """,
    """
    received -> read -> clear; clear -> in if outcome == "clear"; clear -> wait default
    wait -> supplement -> in; wait -> abandoned -> gone; in -> answer -> replied
    """,
)


def reply(term: str) -> str:
    """The term of a reply and its extension, each `term`."""
    by_office = {**BY_LEADER, "up_to": term, "basis": article("三十三", OPENNESS)}
    third = {"zh": "征求第三方意见", "en": "third party", "basis": article("三十三", OPENNESS)}
    abandoned = {"kind": "deemed_withdrawal", "basis": article("三十", OPENNESS)}
    return clock(
        "reply",
        term,
        "received",
        stops=["answer"],
        basis=article("三十三", OPENNESS),
        grounds={"third-party": third},
        pause_notice="special",
        extension=by_office,
        restart={"basis": article("三十", OPENNESS), "on": ["supplement"]},
    ) + clock(
        "supplement",
        "15wd",
        "wait:opened",
        stops=["supplement"],
        basis=article("三十", OPENNESS),
        effect=abandoned,
    )


@pytest.fixture
def request_item(hall: Hall) -> str:
    about: dict[str, Any] = {"forms": {"read": LICENCE_FORMS["check"]}}
    hall.publish(REQUEST, clocks=reply("15wd"), effective="2008-05-01", **about)
    return hall.publish(REQUEST, clocks=reply("20wd"), effective="2019-05-15", **about)


def test_a_request_is_answered_by_the_law_of_the_day_it_was_received(hall: Hall, request_item: str) -> None:
    before, after = hall.open(request_item, "2019-05-14"), hall.open(request_item, "2019-05-15")
    assert before.due("reply") == "2019-06-04 17:30"
    assert after.due("reply") == "2019-06-13 17:30"  # over Dragon Boat Friday, 7 June
    assert before.clock("reply")["term"] == "15wd"
    refusal = refused(Invalid, lambda: before.extend("2019-05-20", "20wd", clock="reply"))
    assert (refusal["expected"], refusal["rule"]) == ("at most 15 working days", f"{OPENNESS} 第三十三条")
    after.extend("2019-05-20", "20wd", clock="reply")
    assert after.due("reply") == "2019-07-11 17:30"


def test_the_term_begins_anew_with_the_supplement(hall: Hall, request_item: str) -> None:
    file = hall.open(request_item, "2026-07-06")
    assert file.due("reply") == "2026-08-03 17:30"
    file.do("2026-07-10", "read", outcome="unclear")
    file.do("2026-07-20", "supplement")
    assert file.said("clock.restarted", "clock", "due") == [
        ("2026-07-20 12:00", "reply", "2026-08-17T09:30:00.000000Z")
    ]
    shown = file.clock("reply")
    assert (shown["used"], shown["left"], wall(shown["since"])) == (0, 20, "2026-07-20 12:00")
    told = file.office.explain(file.number, "reply", at("2026-07-20"))[0]
    assert [run["started"] for run in told["certificate"]["ledger"]["runs"]] == [
        "2026-07-06T04:00:00.000000Z",
        "2026-07-20T04:00:00.000000Z",
    ]


def test_a_request_that_is_not_made_clear_is_deemed_abandoned_and_its_clock_stops(
    hall: Hall, request_item: str
) -> None:
    file = hall.open(request_item, "2026-07-06")
    file.do("2026-07-10", "read", outcome="unclear")
    hall.sweep("2026-08-01")
    assert file.said("case.deemed", "effect", "basis") == [
        ("2026-07-31 17:30", "deemed_withdrawal", article("三十", OPENNESS))
    ]
    assert file.show()["outcome"] == "gone"
    assert file.states() == {"reply": "stopped", "supplement": "spent"}
    assert file.said("clock.stopped", "clock", "late") == [("2026-07-31 17:30", "reply", False)]


def test_the_time_in_which_a_third_party_is_heard_is_not_counted(hall: Hall, request_item: str) -> None:
    file = hall.open(request_item, "2026-07-06")
    refusal = refused(Invalid, lambda: file.pause("2026-07-10", "testing"))
    assert refusal["rule"] == f"{OPENNESS} 第三十三条"
    file.pause("2026-07-10", "third-party", "15wd")
    file.resume("2026-07-17")
    assert file.due("reply") == "2026-08-10 17:30"


# --- reminders, colours, cards


def test_a_reminder_comes_exactly_at_its_rung_and_once(hall: Hall, desk: File) -> None:
    # 20 percent of 20 days are 4 days: at closing of the 16th.
    hall.sweep("2026-07-28 17:29:59")
    assert [r for r in desk.said("reminder.raised", "clock", "rung") if r[1] == "decision"] == []
    for when in ("2026-07-28 17:30", "2026-07-28 17:30", "2026-07-29", "2026-08-03 17:29"):
        hall.sweep(when)
    assert [r for r in desk.said("reminder.raised", "clock", "rung", "unit") if r[1] == "decision"] == [
        ("2026-07-28 17:30", "decision", "reminder", "d1")
    ]
    assert desk.clock("decision", "2026-07-29")["colour"] == "reminder"
    assert len([row for row in hall.office.outbox() if row["kind"] == "reminder.raised"]) == 2


def test_an_extension_brings_the_reminder_before_the_new_end_too(hall: Hall, desk: File) -> None:
    hall.sweep("2026-07-30")
    assert desk.clock("decision")["colour"] == "reminder"
    desk.extend("2026-07-30")
    assert desk.clock("decision")["colour"] is None
    hall.sweep("2026-08-16")
    # 20 percent of 30 days are 6: at closing of the 24th.
    assert [r for r in desk.said("reminder.raised", "clock") if r[1] == "decision"] == [
        ("2026-07-28 17:30", "decision"),
        ("2026-08-07 17:30", "decision"),
    ]


COLOURS = [
    {"name": "blue", "left": 3},
    {"name": "yellow", "left": 1, "card": True},
    {"name": "red", "over": 0, "card": True},
    {"name": "circular", "over": 2, "card": True},
]


def test_a_place_has_its_own_colours(hall: Hall) -> None:
    """Blue reminds, yellow is about to expire, red has expired, two days later there is a circular."""
    file = hall.open(hall.publish(DESK, clocks=decision(ladder=COLOURS)), "2026-07-06")
    hall.sweep("2026-09-01")
    assert file.said("reminder.raised", "rung") == [("2026-07-29 17:30", "blue")]
    assert file.said("card.raised", "card", "unit") == [
        ("2026-07-31 17:30", "yellow-1", "d1"),
        ("2026-08-03 17:30", "red-2", "d1"),
        ("2026-08-05 17:30", "circular-3", "d1"),
    ]
    # At the last moment the red card comes first, then the clock runs out.
    assert [
        kind for when, kind in file.happened("card.raised", "clock.expired") if when == "2026-08-03 17:30"
    ] == ["card.raised", "clock.expired"]
    assert file.clock("decision", "2026-08-06")["colour"] == "circular"
    assert file.clock("decision", "2026-08-06")["over"] == 2


def test_every_unit_that_has_something_to_do_in_the_case_gets_the_card_and_each_answers_its_own(
    hall: Hall,
) -> None:
    diagram = draw(
        "start accept; and fork; user forestry; user water; user hall; and join; user decide; end done",
        "accept -> fork -> forestry -> join -> decide -> done; fork -> water -> join; fork -> hall -> join",
    )
    item = hall.publish(diagram, clocks=decision(), lanes={"forestry": "d1", "water": "d2", "decide": "d1"})
    file = hall.open(item, "2026-07-06")
    file.do("2026-07-07", "hall")
    hall.sweep("2026-08-04")
    assert file.said("card.raised", "card", "unit") == [
        ("2026-08-03 17:30", "red-1", "d1"),
        ("2026-08-03 17:30", "red-2", "d2"),
    ]
    assert refused(NotAllowed, lambda: file.answer("2026-08-04", "red-2"))["remedy"] == "ask p2"
    file.answer("2026-08-04", "red-2", who="p2")
    assert file.cards() == {"red-1": "open", "red-2": "answered"}


def test_while_the_case_waits_for_the_applicant_who_answers_for_the_clock_is_reminded(
    hall: Hall, licence: str
) -> None:
    file = hall.open(licence, "2026-07-06")
    file.do("2026-07-08", "check", outcome="incomplete")
    hall.sweep("2026-08-06")
    # 20 percent of 30 days are 6.
    assert file.said("reminder.raised", "clock", "unit") == [("2026-08-01 17:30", "supplement", "hall")]


def test_an_overdue_case_still_waits_for_its_decision_and_the_clock_tells_that_it_came_late(
    hall: Hall, desk: File
) -> None:
    hall.sweep("2026-08-04")
    assert desk.open_steps() == ["decide"]
    desk.do("2026-08-05", "decide", "p1")
    assert desk.said("clock.stopped", "clock", "late") == [
        ("2026-08-05 12:00", "decision", True),
        ("2026-08-05 12:00", "promise", True),
    ]
    assert desk.show()["outcome"] == "done"


@pytest.fixture
def carded(hall: Hall, desk: File) -> File:
    """The case of the desk with a yellow card for the promise."""
    hall.sweep("2026-07-16")
    assert desk.cards() == {"yellow-1": "open"}
    return desk


def test_a_card_is_answered_by_the_unit_that_got_it(carded: File) -> None:
    refusal = refused(NotAllowed, lambda: carded.answer("2026-07-16", "yellow-1", who="clerk"))
    assert refusal["expected"] == "somebody who holds d1/clerk, d1/leader"
    assert refusal["remedy"] == "ask p1, q1, leader"
    carded.answer("2026-07-16", "yellow-1", "人手不足，今日办结")
    assert carded.cards() == {"yellow-1": "answered"}
    assert carded.said("card.answered", "card", "text") == [
        ("2026-07-16 12:00", "yellow-1", "人手不足，今日办结")
    ]


def test_a_card_is_contested_by_the_unit_and_withdrawn_by_the_supervisors_only(carded: File) -> None:
    carded.contest("2026-07-16 13:00", "yellow-1")
    assert carded.cards() == {"yellow-1": "contested"}
    for who in ("p1", "leader", "mayor"):
        act = partial(carded.withdraw, "2026-07-16 14:00", "yellow-1", who=who)
        assert refused(NotAllowed, act)["remedy"] == "ask inspector"
    carded.withdraw("2026-07-16 14:00", "yellow-1")
    assert carded.cards() == {"yellow-1": "withdrawn"}
    # The card stays on record, with all that was said about it.
    assert carded.happened("card.raised", "card.contested", "card.withdrawn") == [
        ("2026-07-15 17:30", "card.raised"),
        ("2026-07-16 13:00", "card.contested"),
        ("2026-07-16 14:00", "card.withdrawn"),
    ]
    refusal = refused(Invalid, lambda: carded.answer("2026-07-16 15:00", "yellow-1"))
    assert (refusal["code"], refusal["rule"]) == (
        "card.withdrawn",
        "a withdrawn card stays on record and asks nothing any more",
    )


def test_a_card_is_not_treated_without_words_nor_one_that_is_not_there(carded: File) -> None:
    refusal = refused(Invalid, lambda: carded.answer("2026-07-16", "yellow-1", " "))
    assert (refusal["code"], refusal["remedy"]) == ("card.no_text", "add --reason")
    refusal = refused(Refusal, lambda: carded.answer("2026-07-16", "red-7"))
    assert (refusal["code"], refusal["expected"]) == ("card.unknown", "one of: yellow-1")


def test_the_inbox_puts_the_greatest_legal_risk_first_with_the_days_that_are_left(hall: Hall) -> None:
    item = hall.publish(DESK, clocks=decision() + PROMISE)
    calm, broken, overdue, warned, paused = (
        hall.open(item, day) for day in ("2026-08-03", "2026-07-20", "2026-07-06", "2026-07-27", "2026-06-30")
    )
    paused.pause("2026-07-02")
    hall.sweep("2026-08-05")
    lines = hall.inbox("2026-08-05", "p1")
    # Overdue by law, a broken promise, a promise about to be broken, a calm case, one that stands still.
    assert [line["case"] for line in lines] == [
        file.number for file in (overdue, broken, warned, calm, paused)
    ]
    first = {line["clock"]: line for line in lines[0]["clocks"]}["decision"]
    assert (first["colour"], first["left"], first["over"], first["count_unit"]) == ("red", 0, 1, "wd")
    assert [line["clocks"][0]["colour"] for line in lines] == ["red", "yellow", "reminder", None, None]
    assert lines[3]["clocks"][0]["left"] == 6
    assert lines[4]["clocks"][0]["due"] is None


# --- time goes first


EVERYTHING_TOO_LATE = [
    ("2026-07-06 12:00", "case.opened"),
    ("2026-07-06 12:00", "clock.started"),
    ("2026-07-06 12:00", "timer.armed"),
    ("2026-07-06 12:00", "task.opened"),
    # completeness: one day before, and at closing of the fifth day
    ("2026-07-10 17:30", "clock.struck"),
    ("2026-07-10 17:30", "reminder.raised"),
    ("2026-07-13 17:30", "clock.struck"),
    ("2026-07-13 17:30", "card.raised"),
    ("2026-07-13 17:30", "clock.struck"),
    ("2026-07-13 17:30", "clock.expired"),
    ("2026-07-13 17:30", "case.deemed"),
    ("2026-07-13 17:30", "clock.started"),
    ("2026-07-13 17:30", "clock.started"),
    ("2026-07-13 17:30", "timer.fired"),
    ("2026-07-13 17:30", "task.cancelled"),
    ("2026-07-13 17:30", "task.opened"),
    # the promise
    ("2026-07-14 17:30", "clock.struck"),
    ("2026-07-14 17:30", "reminder.raised"),
    ("2026-07-15 17:30", "clock.struck"),
    ("2026-07-15 17:30", "card.raised"),
    ("2026-07-15 17:30", "clock.struck"),
    ("2026-07-15 17:30", "clock.expired"),
    # the decision
    ("2026-07-28 17:30", "clock.struck"),
    ("2026-07-28 17:30", "reminder.raised"),
    ("2026-08-03 17:30", "clock.struck"),
    ("2026-08-03 17:30", "card.raised"),
    ("2026-08-03 17:30", "clock.struck"),
    ("2026-08-03 17:30", "clock.expired"),
]


@pytest.mark.parametrize("watched", [False, True], ids=["nobody swept for a month", "swept every evening"])
def test_a_late_clerk_cannot_be_faster_than_the_clock(hall: Hall, licence: str, watched: bool) -> None:
    """At the first act each clock strikes at its own instant, in order, as if somebody had watched."""
    file = hall.open(licence, "2026-07-06")
    for day in range(6, 32) if watched else ():
        hall.sweep(f"2026-07-{day:02} 17:30")
    with pytest.raises(Invalid):
        file.do("2026-08-10", "check", outcome="complete")
    assert file.said("clock.expired", "clock") == [
        ("2026-07-13 17:30", "completeness"),
        ("2026-07-15 17:30", "promise"),
        ("2026-08-03 17:30", "decision"),
    ]
    assert file.happened() == EVERYTHING_TOO_LATE


def test_a_refused_act_leaves_what_time_had_done_and_nothing_else(desk: File) -> None:
    before = len(desk.happened())
    for act in (
        lambda: desk.pause("2026-07-16", "leader-on-trip"),
        lambda: desk.extend("2026-07-16", "11wd"),
        lambda: desk.do("2026-07-16", "decide", "p2"),
    ):
        refused(Refusal, act)
    assert [kind for _, kind in desk.happened()[before:]] == [
        "clock.struck",
        "reminder.raised",
        "clock.struck",
        "card.raised",
        "clock.struck",
        "clock.expired",
    ]
    assert {when for when, _ in desk.happened()[before:]} == {"2026-07-14 17:30", "2026-07-15 17:30"}


def test_doing_the_same_again_is_done_already(carded: File) -> None:
    acts: list[tuple[str, Callable[[], Any]]] = [
        ("pause.ordered", lambda: carded.pause("2026-07-16 13:00", clock="decision")),
        ("resume.ordered", lambda: carded.resume("2026-07-16 14:00", clock="decision")),
        ("extension.granted", lambda: carded.extend("2026-07-16 15:00")),
        ("card.answered", lambda: carded.answer("2026-07-16 16:00", "yellow-1")),
        ("card.contested", lambda: carded.contest("2026-07-16 16:10", "yellow-1")),
        ("card.withdrawn", lambda: carded.withdraw("2026-07-16 16:20", "yellow-1")),
    ]
    for kind, act in acts:
        first, second = act(), act()
        assert (first.repeated, second.repeated, second.events) == (False, True, []), kind
        assert len(carded.happened(kind)) == 1


def test_the_same_act_with_another_content_is_not_taken_for_done(carded: File) -> None:
    carded.extend("2026-07-16 13:00")
    refusal = refused(Invalid, lambda: carded.extend("2026-07-16 13:00", "9wd"))
    assert refusal["code"] == "clock.extended_before"
    carded.answer("2026-07-16 13:00", "yellow-1")
    with pytest.raises(Invalid):
        carded.answer("2026-07-16 13:00", "yellow-1", "另一答复")
    assert len(carded.happened("card.answered")) == 1


# --- local days


def local_days(hall: Hall, days: dict[str, dict[date, Overlay | None]], when: str) -> None:
    digest = hall.office.import_calendar(days, "县政府通知", at(when))
    assert hall.office.apply_calendar(digest, at(when))["refused"] == {}


def test_a_towns_own_holiday_moves_the_due_dates_of_the_town_and_of_nobody_else(hall: Hall) -> None:
    diagram = draw(
        "start accept; user visit; boundary late visit after workdays(5); user decide; end done; end over",
        "accept -> visit -> decide -> done; late -> over",
    )
    step = clock("visit", "5wd", "accept", stops=["visit"], tier="step", unit="town")
    item = hall.publish(
        diagram, clocks=step + decision(), lanes={"visit": "town", "late": "town", "decide": "d1"}
    )
    file = hall.open(item, "2026-07-06")
    torch = Overlay(False, "火把节", "示政发〔2026〕12号")
    local_days(hall, {"town": {date(2026, 7, 8): torch, date(2026, 7, 9): torch}}, "2026-07-07")
    assert file.due("visit") == file.timer("visit!late")["due"] == "2026-07-15 17:30"
    assert file.due("decision") == "2026-08-03 17:30"
    assert file.said("clock.reprojected", "clock", "was", "due") == [
        ("2026-07-07 12:00", "visit", "2026-07-13T09:30:00.000000Z", "2026-07-15T09:30:00.000000Z")
    ]
    [told] = file.office.explain(file.number, "visit", at("2026-07-08"))
    skipped = [day for day in told["certificate"]["days"] if day["kind"] == "local"]
    assert [(day["date"], day["name"], day["source"]) for day in skipped] == [
        ("2026-07-08", "火把节", "示政发〔2026〕12号"),
        ("2026-07-09", "火把节", "示政发〔2026〕12号"),
    ]


def test_a_snow_day_of_the_county_moves_every_due_date(hall: Hall, desk: File) -> None:
    snow = Overlay(False, "暴雪", "示政发〔2026〕1号")
    local_days(hall, {"*": {date(2026, 7, 10): snow}}, "2026-07-10 08:00")
    assert desk.due("decision") == "2026-08-04 17:30"
    assert desk.due("promise") == "2026-07-16 17:30"


# --- what is printed and told

PRINTED = (
    "{{ document.name.zh }}"
    "{% if clocks.decision is defined %} {{ clocks.decision.due_date or '—' }}"
    "{{ '（推定，以国务院办公厅放假通知为准）' if clocks.decision.provisional }}{% endif %}"
    "{% if notice %} {{ notice.clock }}{% if notice.ground is defined %} {{ notice.ground_name.zh }}"
    " {{ notice.basis.article }} {{ notice.expected }}{% endif %}"
    "{% if notice.by is defined %} {{ notice.by }} {{ notice.reason }} {{ notice.basis.article }}{% endif %}"
    "{% endif %}{% for d in deemed %} {{ d.effect }}{% endfor %}"
)


def test_a_notice_prints_ground_article_and_time_and_the_due_date_as_it_is_after_the_act(hall: Hall) -> None:
    item = hall.publish(DESK, clocks=decision(), template=PRINTED, documents={"accept": "accepted"})
    file = hall.open(item, "2026-07-06")
    assert file.printed("accepted") == "accepted 2026-08-03"
    file.pause("2026-07-16")
    assert file.printed("special") == "special — decision 检测 第四十五条 12wd"
    file.resume("2026-08-03")
    file.extend("2026-08-04")
    assert file.printed("extended") == "extended 2026-09-02 decision 10wd 案情复杂 第四十二条"


def test_a_due_date_in_a_year_that_is_not_announced_is_provisional_on_every_paper_and_in_every_answer(
    hall: Hall,
) -> None:
    item = hall.publish(DESK, clocks=decision(), template=PRINTED, documents={"accept": "accepted"})
    file = hall.open(item, "2026-12-25")
    assert file.printed("accepted") == "accepted 2027-01-25（推定，以国务院办公厅放假通知为准）"
    assert file.said("clock.started", "provisional") == [("2026-12-25 12:00", True)]
    assert file.clock("decision")["provisional"] is True
    assert hall.inbox("2026-12-28")[0]["clocks"][0]["provisional"] is True
    [told] = file.office.explain(file.number, "decision", at("2026-12-28"))
    assert told["certificate"]["reading"]["provisional"] is True
    assert any("provisional" in str(line) for line in told["lines"])


def test_an_acceptance_by_silence_prints_the_due_date_counted_from_the_receipt(hall: Hall) -> None:
    item = hall.publish(
        LICENCE,
        clocks=COMPLETENESS.replace(', "promise"', "") + SUPPLEMENT + decision(),
        forms=LICENCE_FORMS,
        template=PRINTED,
        documents={"accept": "accepted"},
    )
    file = hall.open(item, "2026-07-06")
    hall.sweep("2026-07-20")
    assert file.printed("accepted") == "accepted 2026-08-03 deemed_acceptance"


def test_a_due_date_is_explained_day_by_day_with_the_article_of_each_pause(desk: File) -> None:
    desk.pause("2026-07-16")
    desk.resume("2026-08-03")
    desk.extend("2026-08-04")
    [told] = desk.office.explain(desk.number, "decision", at("2026-08-04"))
    lines = [str(line) for line in told["lines"]]
    assert lines[0] == "Clock decision: 20 working days (行政许可法 第四十二条)"
    assert lines[1] == "started 2026-07-06 12:00"
    assert "中华人民共和国行政许可法 第四十五条" in lines[2]
    assert "notice special〔2026〕1号" in lines[2]
    assert lines[3].startswith("extended 2026-08-04 12:00 by 10 working days, approved by d1/leader")
    assert "2026-07-17 Fri  not counted: the clock is paused" in lines
    assert "2026-08-04 Tue  day 9 (weekday)" in lines
    assert lines[-2] == "due 2026-09-02 17:30"


def test_a_clock_or_timer_that_the_case_does_not_have_is_not_explained(desk: File) -> None:
    refusal = refused(Refusal, lambda: desk.office.explain(desk.number, "renewal", at("2026-07-07")))
    assert (refusal["code"], refusal["expected"]) == ("clock.unknown", "one of: decision, promise")


# --- through the console script


SCRIPT = Path(sys.executable).with_name("lianban")


@pytest.fixture
def console(hall: Hall, sqlite_database: str) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Runs a command on the office: its exit code, and what it prints (a refusal, if it refuses)."""

    def run(*words: str) -> tuple[int, dict[str, Any]]:
        env = {**os.environ, "PYTHONUTF8": "1", "LIANBAN_DB": sqlite_database, "LIANBAN_LANG": "en"}
        done = subprocess.run(
            [SCRIPT, *words, "--json"],
            env=env,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
        return done.returncode, json.loads(done.stdout or done.stderr)

    return run


def test_a_case_lives_by_its_clock_at_the_console(
    hall: Hall, desk: File, console: Callable[..., tuple[int, dict[str, Any]]]
) -> None:
    case = desk.number[-5:]
    code, refusal = console(
        *("pause", case, "--ground", "leader-on-trip", "--expected", "3wd"),
        *("--as", "clerk", "--now", "2026-07-08T10:00"),
    )
    assert (code, refusal["code"]) == (1, "clock.ground")
    assert refusal["rule"] == "中华人民共和国行政许可法 第四十五条"
    pause = ("pause", case, "--ground", "testing", "--expected", "12wd", "--as", "clerk")
    assert [console(*pause, "--now", f"2026-07-08T1{n}:00")[0] for n in (0, 1)] == [0, 0]
    assert len(desk.happened("pause.ordered")) == 1
    assert console("resume", case, "--as", "clerk", "--now", "2026-07-24T12:00")[0] == 0
    extend = ("extend", case, "--by", "10wd", "--reason", "案情复杂")
    code, refusal = console(*extend, "--as", "p1", "--now", "2026-07-27T09:00")
    assert (code, refusal["remedy"]) == (4, "ask leader")
    assert console(*extend, "--as", "leader", "--now", "2026-07-27T09:00")[0] == 0
    assert console("sweep", "--now", "2026-09-30")[0] == 0
    code, shown = console("show", case, "--now", "2026-09-30")
    assert {line["clock"]: (line["due_date"], line["state"]) for line in shown["clocks"]} == {
        "decision": ("2026-09-02", "expired"),
        "promise": ("2026-07-31", "expired"),
    }
    answer = ("card", "answer", case, "red-2", "--reason", "即日办结")
    assert console(*answer, "--as", "p1", "--now", "2026-09-30")[0] == 0
    assert desk.cards() == {"yellow-1": "open", "red-2": "answered"}
    code, told = console("clock", "explain", case, "decision", "--now", "2026-09-30")
    assert code == 0
    assert "2026-09-02" in json.dumps(told)
    assert console("verify")[0] == 0
