"""Deadlines as ledgers: acts and refusals, what follows, and that a stranger can recompute it."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from certificate_checker import check
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.clock import Calendar, Overlay, Term, Workdays, due, ledger, parse_instant, shipped
from engine.clock.ledger import (
    LADDERS,
    LICENSING_GROUNDS,
    LICENSING_LAW,
    Basis,
    Effect,
    Extended,
    Extension,
    Ground,
    Ledger,
    Pause,
    Reading,
    Restart,
    Rule,
    Run,
    Rung,
)
from engine.errors import Invalid

CHINA = Workdays(shipped())
WD12 = Term(12, "wd")
ART_42 = Basis(LICENSING_LAW, "第四十二条")
OPENNESS = "中华人民共和国政府信息公开条例"


def rule(term: str = "20wd", **changes: Any) -> Rule:
    """The decision clock of a licence: 20 working days, +10 by the head of the authority."""
    n, unit = int("".join(filter(str.isdigit, term))), term.lstrip("0123456789")
    unit_: Any = unit
    decision = Rule(
        id="decision",
        tier="statutory",
        term=Term(n, unit_),
        starts="accepted",
        basis=ART_42,
        grounds=LICENSING_GROUNDS,
        extension=Extension(Term(10, unit_), "head-of-authority", ART_42),
        restart=None,
        ladder=(Rung("reminder", left=1, percent=20), Rung("red", over=0), Rung("circular", over=2)),
        effect=Effect("flag"),
    )
    return replace(decision, **changes)


DECISION = rule()
DISCLOSURE = rule(
    id="reply",
    starts="received",
    basis=Basis(OPENNESS, "第三十三条"),
    grounds={"third-party": Ground("征求第三方意见", "third party consulted", Basis(OPENNESS, "第三十三条"))},
    extension=Extension(Term(20, "wd"), "head-of-disclosure-office", Basis(OPENNESS, "第三十三条")),
    restart=Restart(Basis(OPENNESS, "第三十条")),
)


def at(text: str) -> datetime:
    return parse_instant(text)


def started(text: str) -> Ledger:
    return ledger.start(at(text))


def pause(record: Ledger, when: str, ground: str = "testing", of: Rule = DECISION) -> Ledger:
    return ledger.pause(
        of, record, CHINA, at=at(when), ground=ground, expected=WD12, document="示特〔2026〕1号"
    )


def resume(record: Ledger, when: str, ground: str = "testing", of: Rule = DECISION) -> Ledger:
    return ledger.resume(of, record, at=at(when), ground=ground)


def extend(record: Ledger, when: str, of: Rule = DECISION, **changes: Any) -> Ledger:
    asked: dict[str, Any] = {
        "by": Term(10, "wd"),
        "approver": "head-of-authority",
        "reason": "案情复杂",
        "document": "示延〔2026〕1号",
        **changes,
    }
    return ledger.extend(of, record, CHINA, at=at(when), **asked)


def read(record: Ledger, now: str, of: Rule = DECISION) -> Reading:
    return ledger.read(of, record, CHINA, at(now))


def due_date(record: Ledger, of: Rule = DECISION, workdays: Workdays = CHINA) -> str | None:
    end = ledger.tally(of, record, workdays).due
    return end.date.isoformat() if end else None


def refused(act: Callable[[], object]) -> Invalid:
    with pytest.raises(Invalid) as refusal:
        act()
    return refusal.value


# A quiet stretch: from Monday 2026-07-06 every Monday to Friday is worked until late September.
START = "2026-07-06T09:00"


# --- pauses


def test_a_pause_on_day_8_leaves_12_days_counted_from_the_resume_day() -> None:
    record = pause(started(START), "2026-07-16T10:00")  # the 8th working day
    paused = read(record, "2026-07-20T10:00")
    assert (paused.used, paused.left, paused.due, paused.paused) == (8, 12, None, ("testing",))
    resumed = resume(record, "2026-08-03T10:00")  # after 12 working days of testing
    after = read(resumed, "2026-08-03T11:00")
    assert (after.used, after.left) == (8, 12)
    assert due_date(resumed) == "2026-08-19"
    twelve_on = due(at("2026-08-03T10:00"), WD12, CHINA)
    thirty_two_in_all = due(at(START), Term(32, "wd"), CHINA)
    assert after.due == twelve_on.at == thirty_two_in_all.at


def test_while_paused_the_due_date_is_what_the_applicant_was_told() -> None:
    record = pause(started(START), "2026-07-16T10:00")
    assert read(record, "2026-07-20T10:00").expected == date(2026, 8, 19)
    overstayed = read(record, "2026-08-10T10:00")
    assert (overstayed.due, overstayed.expected) == (None, date(2026, 8, 26))


def test_a_pause_within_one_day_takes_nothing_from_the_term() -> None:
    record = resume(pause(started(START), "2026-07-16T10:00"), "2026-07-16T15:00")
    assert due_date(record) == due_date(started(START))


def test_a_pause_over_a_holiday_takes_only_its_working_days() -> None:
    plain = started("2026-09-18T09:00")
    record = resume(pause(plain, "2026-09-30T10:00"), "2026-10-08T10:00")
    assert due_date(plain) == "2026-10-22"
    assert due_date(record) == "2026-10-23"  # 8 October is the pause's one working day


def test_overlapping_pauses_count_once() -> None:
    one = resume(pause(started(START), "2026-07-16T10:00"), "2026-08-03T10:00")
    two = pause(pause(started(START), "2026-07-16T10:00"), "2026-07-20T10:00", "hearing")
    two = resume(resume(two, "2026-07-24T10:00"), "2026-08-03T10:00", "hearing")
    assert due_date(two) == due_date(one)
    still_heard = resume(
        pause(pause(started(START), "2026-07-16T10:00"), "2026-07-16T10:00", "hearing"), START[:5] + "07-20"
    )
    assert read(still_heard, "2026-07-21").paused == ("hearing",)


def test_a_clock_paused_on_its_due_day_ends_on_the_day_it_resumes() -> None:
    record = pause(started(START), "2026-08-03T10:00")
    assert due_date(started(START)) == "2026-08-03"
    open_pause = read(record, "2026-08-04T10:00")
    assert (open_pause.expired, open_pause.left, open_pause.due) == (False, 0, None)
    assert due_date(resume(record, "2026-08-06T10:00")) == "2026-08-06"
    assert due_date(resume(record, "2026-08-06T18:00")) == "2026-08-07"
    assert due_date(resume(record, "2026-08-08T10:00")) == "2026-08-10"  # resumed on a Saturday


def test_a_term_moved_to_a_working_day_on_which_it_is_paused_ends_after_the_pause() -> None:
    days = rule("5d")  # from Monday to Saturday, so to the next Monday
    plain = started("2026-07-06T09:00")
    assert due_date(plain, days) == "2026-07-13"
    record = resume(pause(plain, "2026-07-13T10:00", of=days), "2026-07-15T10:00", of=days)
    assert due_date(record, days) == "2026-07-15"


def test_pauses_that_meet_are_one() -> None:
    whole = Pause("testing", at("2026-08-03T10:00"), at("2026-08-05T10:00"), WD12, "")
    closing = at("2026-08-03T17:30")
    parts = (replace(whole, until=closing), replace(whole, since=closing))
    for pauses in ((whole,), parts, parts[::-1]):
        assert due_date(Ledger((Run(at(START), "", pauses),))) == "2026-08-05"


def test_a_ground_outside_the_list_does_not_pause_a_licensing_clock() -> None:
    refusal = refused(lambda: pause(started(START), "2026-07-16T10:00", "leader on trip"))
    assert refusal.code == "clock.ground"
    assert "第四十五条" in str(refusal.rule)
    assert "hearing" in str(refusal.expected)


def test_a_clock_without_grounds_is_never_paused() -> None:
    refusal = refused(lambda: pause(started(START), "2026-07-16T10:00", of=rule(grounds={})))
    assert "第四十二条" in str(refusal.rule)
    assert str(refusal.expected) == "no pause at all"


def test_a_clock_is_not_paused_twice_on_one_ground_nor_resumed_from_another() -> None:
    record = pause(started(START), "2026-07-16T10:00")
    assert refused(lambda: pause(record, "2026-07-17T10:00")).code == "clock.already_paused"
    assert refused(lambda: resume(record, "2026-07-17T10:00", "hearing")).code == "clock.not_paused"
    assert refused(lambda: resume(started(START), "2026-07-17T10:00")).code == "clock.not_paused"
    assert refused(lambda: resume(record, "2026-07-15T10:00")).code == "clock.order"
    again = pause(resume(record, "2026-07-17T10:00"), "2026-07-17T10:00")
    assert read(again, "2026-07-18T10:00").paused == ("testing",)


def test_a_pause_cannot_save_a_clock_that_has_run_out() -> None:
    refusal = refused(lambda: pause(started(START), "2026-08-03T17:30"))
    assert refusal.code == "clock.expired"
    assert "2026-08-03 17:30" in str(refusal.expected)
    pause(started(START), "2026-08-03T17:29")


def test_nothing_is_recorded_before_the_start_or_after_the_stop() -> None:
    assert refused(lambda: pause(started(START), "2026-07-05T10:00")).code == "clock.order"
    stopped = ledger.stop(DECISION, started(START), at=at("2026-07-20"))
    for act in (
        lambda: pause(stopped, "2026-07-21"),
        lambda: extend(stopped, "2026-07-21"),
        lambda: ledger.stop(DECISION, stopped, at=at("2026-07-21")),
        lambda: resume(stopped, "2026-07-21"),
    ):
        assert refused(act).code == "clock.stopped"
    assert refused(lambda: ledger.stop(DECISION, started(START), at=at("2026-07-05"))).code == "clock.order"


# --- extensions and restarts


def test_an_extension_by_the_right_office_before_expiry_adds_its_days() -> None:
    record = extend(started(START), "2026-08-03T17:00")  # on the due day
    assert due_date(record) == "2026-08-17"
    reading = read(record, "2026-08-03T17:00")
    assert (reading.total, reading.used, reading.left) == (30, 19, 11)


def test_an_extension_after_expiry_is_refused_by_article_42() -> None:
    for late in ("2026-08-03T17:30", "2026-08-04T09:00"):
        refusal = refused(lambda late=late: extend(started(START), late))  # type: ignore[misc]
        assert refusal.code == "clock.expired"
        assert "第四十二条" in str(refusal.rule)


def test_a_second_extension_another_approver_and_too_much_are_refused_by_article_42() -> None:
    record = extend(started(START), "2026-07-20")
    joint = rule("45wd", extension=Extension(Term(15, "wd"), "head-of-government", ART_42))
    refusals = {
        "clock.extended_before": lambda: extend(record, "2026-07-21"),
        "clock.approver": lambda: extend(started(START), "2026-07-20", joint),
        "clock.extension_too_long": lambda: extend(started(START), "2026-07-20", by=Term(11, "wd")),
        "clock.no_reason": lambda: extend(started(START), "2026-07-20", reason=" "),
        "clock.no_extension": lambda: extend(started(START), "2026-07-20", rule(extension=None)),
    }
    for code, act in refusals.items():
        refusal = refused(act)
        assert refusal.code == code
        assert "第四十二条" in str(refusal.rule)
    assert (
        refused(lambda: extend(started(START), "2026-07-20", by=Term(10, "d"))).code
        == "clock.extension_too_long"
    )
    granted = extend(started(START), "2026-07-20", joint, approver="head-of-government", by=Term(15, "wd"))
    assert read(granted, "2026-07-20", joint).total == 60


def test_a_paused_clock_may_be_extended() -> None:
    record = extend(pause(started(START), "2026-08-03T10:00"), "2026-08-20T10:00")
    assert due_date(resume(record, "2026-08-21T10:00")) == "2026-09-04"


def test_a_restart_begins_the_term_anew_and_ends_a_pause() -> None:
    record = pause(started(START), "2026-07-08T10:00", "third-party", DISCLOSURE)
    record = ledger.restart(DISCLOSURE, record, CHINA, at=at("2026-08-20T10:00"), reason="收到补正")
    reading = read(record, "2026-08-20T10:00", DISCLOSURE)
    assert (reading.used, reading.left, reading.paused) == (0, 20, ())
    assert reading.due == due(at("2026-08-20T10:00"), Term(20, "wd"), CHINA).at
    assert record.runs[0].pauses[0].until == at("2026-08-20T10:00")
    again = refused(lambda: ledger.restart(DISCLOSURE, record, CHINA, at=at("2026-08-21"), reason="再次"))
    assert again.code == "clock.restarted_before"
    assert "第三十条" in str(again.rule)


def test_a_clock_whose_law_knows_no_restart_does_not_begin_anew() -> None:
    refusal = refused(
        lambda: ledger.restart(DECISION, started(START), CHINA, at=at("2026-07-20"), reason="x")
    )
    assert refusal.code == "clock.no_restart"
    late = refused(lambda: ledger.restart(DISCLOSURE, started(START), CHINA, at=at("2026-09-20"), reason="x"))
    assert late.code == "clock.expired"


def test_silence_for_five_days_accepts_as_of_receipt_and_the_decision_clock_runs_from_then() -> None:
    completeness = rule(
        "5wd", id="completeness", effect=Effect("deemed_acceptance", Basis(LICENSING_LAW, "第三十二条"))
    )
    silent = read(started("2026-07-06T09:00"), "2026-07-13T17:30", completeness)
    assert (silent.expired, silent.due_date) == (True, date(2026, 7, 13))
    assert not read(started("2026-07-06T09:00"), "2026-07-13T17:29:59", completeness).expired
    decision = read(started("2026-07-06T09:00"), "2026-07-13T17:30")
    assert (decision.used, decision.left) == (5, 15)


def test_disclosure_terms_of_2008_and_of_2019_are_two_rules() -> None:
    old = rule("15wd")
    assert due_date(started("2019-05-14"), old) == "2019-06-04"
    assert due_date(started("2019-05-15"), DISCLOSURE) == "2019-06-13"


# --- readings and rungs


def test_a_day_is_used_up_when_the_office_closes() -> None:
    record = started(START)
    assert [
        read(record, f"2026-07-{moment}").used for moment in ("06T18:00", "07T17:29", "07T17:30", "11T12:00")
    ] == [
        0,
        0,
        1,
        4,
    ]
    last = read(record, "2026-08-03T17:29")
    assert (last.used, last.left, last.expired) == (19, 1, False)
    over = read(record, "2026-08-05T18:00")
    assert (over.used, over.left, over.expired, over.over) == (20, 0, True, 2)


def test_the_rungs_of_the_default_ladder_are_a_fifth_before_the_end_and_the_end() -> None:
    reading = read(started(START), "2026-07-29T17:29")
    rungs = [(alarm.rung, CHINA.local(alarm.at).strftime("%m-%d %H:%M")) for alarm in reading.rungs]
    assert rungs == [("reminder", "07-28 17:30"), ("red", "08-03 17:30"), ("circular", "08-05 17:30")]
    assert reading.next_rung == reading.rungs[1]
    reached = read(started(START), "2026-07-28T17:30")
    assert (reached.left, reached.next_rung) == (4, reading.rungs[1])
    assert ledger.rungs_due(DECISION, started(START), CHINA, at("2026-07-28T17:30")) == reading.rungs[1:]


def test_a_short_clock_reminds_one_day_before_its_end() -> None:
    short = rule("3wd")
    assert read(started(START), START, short).rungs[0].at == at("2026-07-08T17:30")
    assert read(started(START), START, rule("1wd")).rungs[0].at == at(START)


def test_a_paused_clock_arms_no_rung_and_a_stopped_one_neither() -> None:
    paused = pause(started(START), "2026-07-16T10:00")
    assert ledger.rungs_due(DECISION, paused, CHINA, at("2026-07-16T10:00")) == ()
    stopped = ledger.stop(DECISION, started(START), at=at("2026-07-16T10:00"))
    assert ledger.rungs_due(DECISION, stopped, CHINA, at(START)) == ()
    assert read(stopped, "2027-01-01").next_rung is None


def test_a_rung_that_falls_into_a_pause_waits_for_its_end() -> None:
    record = pause(started(START), "2026-07-28T10:00")
    assert ledger.rungs_due(DECISION, record, CHINA, at("2026-07-28T10:00")) == ()
    resumed = resume(record, "2026-08-03T10:00")
    assert ledger.rungs_due(DECISION, resumed, CHINA, at("2026-07-28"))[0].at == at("2026-08-03T10:00")
    after_closing = pause(started(START), "2026-07-28T17:30")
    assert read(after_closing, "2026-07-29").rungs[0].at == at("2026-07-28T17:30")


def test_a_stopped_clock_shows_what_it_showed_when_it_was_stopped() -> None:
    met = ledger.stop(DECISION, started(START), at=at("2026-07-16T18:00"))
    assert read(met, "2030-01-01") == read(met, "2026-07-16T18:00")
    assert (read(met, "2030-01-01").left, read(met, "2030-01-01").expired) == (12, False)
    late = ledger.stop(DECISION, started(START), at=at("2026-08-05T18:00"))
    assert (read(late, "2030-01-01").expired, read(late, "2030-01-01").over) == (True, 2)


def test_hours_are_used_up_one_by_one_and_pauses_stop_them_at_once() -> None:
    two = rule("4h", ladder=(Rung("reminder", left=1), Rung("red", over=0), Rung("circular", over=3)))
    record = pause(started("2026-07-06T09:00"), "2026-07-06T10:30", of=two)
    assert (read(record, "2026-07-07T10:00", two).used, read(record, "2026-07-07T10:00", two).due) == (
        1,
        None,
    )
    reading = read(resume(record, "2026-07-07T10:30", of=two), "2026-07-07T13:59", two)
    assert (reading.due, reading.over, reading.left) == (at("2026-07-07T13:00"), 0, 0)
    assert [CHINA.local(alarm.at).hour for alarm in reading.rungs] == [12, 13, 16]


def test_a_clock_that_needs_an_unannounced_year_is_provisional_until_the_year_is_announced() -> None:
    record = started("2026-12-25T09:00")
    assert read(record, "2026-12-25T09:00").provisional
    announced = replace(shipped().years[2027], status="official")
    official = Workdays(shipped().with_year(announced))
    assert not ledger.read(DECISION, record, official, at("2026-12-25T09:00")).provisional


def test_a_calendar_that_changes_moves_the_due_date_and_leaves_the_ledger() -> None:
    record = started(START)
    snow = {"county": {date(2026, 7, 20): Overlay(False, "暴雨", "示政〔2026〕9号")}}
    local = Workdays(shipped().with_overlays(snow), ("county",))
    assert (due_date(record), due_date(record, workdays=local)) == ("2026-08-03", "2026-08-04")


# --- rules


def test_a_rule_and_a_ledger_survive_json() -> None:
    for known in (DECISION, DISCLOSURE, rule("2h", effect=Effect("route", ART_42, to="late"))):
        assert Rule.from_json(json.loads(json.dumps(known.as_json()))) == known
    record = pause(extend(started(START), "2026-07-10"), "2026-07-16T10:00")
    record = ledger.stop(DECISION, resume(record, "2026-07-17"), at=at("2026-07-20"))
    assert Ledger.from_json(json.loads(json.dumps(record.as_json()))) == record


def test_what_a_rule_leaves_out_is_the_strictest() -> None:
    brief = {
        "id": "x",
        "tier": "promised",
        "term": "3wd",
        "starts": "accepted",
        "basis": {"law": "l", "article": "1"},
    }
    read_rule = Rule.from_json(brief)
    assert (read_rule.grounds, read_rule.extension, read_rule.restart) == ({}, None, None)
    assert read_rule.effect == Effect("flag")
    assert [(rung.name, rung.card) for rung in read_rule.ladder] == [("reminder", False), ("yellow", True)]


@pytest.mark.parametrize(
    ("tier", "colour"), [("statutory", "red"), ("promised", "yellow"), ("step", "yellow")]
)
def test_a_clock_that_runs_out_raises_a_card_and_a_reminder_raises_none(tier: Any, colour: str) -> None:
    rungs = [rung.as_json() for rung in LADDERS[tier]]
    assert rungs == [
        {"name": "reminder", "left": 1, "percent": 20},
        {"name": colour, "over": 0, "card": True},
    ]
    assert tuple(Rung(**rung) for rung in rungs) == LADDERS[tier]


@pytest.mark.parametrize(
    "changes",
    [
        {"extension": Extension(Term(10, "d"), "head", ART_42)},
        {"effect": Effect("deemed_consent")},
        {"effect": Effect("route", ART_42)},
        {"ladder": (Rung("reminder"),)},
        {"ladder": (Rung("reminder", left=1, over=1),)},
    ],
)
def test_a_rule_that_cannot_be_is_refused(changes: dict[str, Any]) -> None:
    assert refused(lambda: rule(**changes)).code == "clock.rule"


# --- properties

ZONES = st.sampled_from(["Asia/Shanghai", "Europe/Amsterdam"])
NAMES = st.sampled_from(["testing", "hearing", "tender"])
INSTANTS = st.integers(0, 48 * 365 * 23).map(
    lambda n: datetime(2005, 1, 1, tzinfo=UTC) + timedelta(minutes=30 * n)
)
UNITS = st.sampled_from(["wd", "wd", "d", "h"])
HOURS = st.integers(0, 24 * 40)


@st.composite
def offices(draw: st.DrawFn) -> Workdays:
    weekend = draw(st.sampled_from([(6, 7), (), (5, 6)]))
    return Workdays(Calendar(shipped().years, {}, weekend), zone=draw(ZONES))


@st.composite
def runs(draw: st.DrawFn, unit: str, pauses: int = 4) -> Run:
    """Any record that acts could have left, and some that they could not."""
    begin = draw(INSTANTS)
    term: Any = unit
    spans = []
    for _ in range(draw(st.integers(0, pauses))):
        since = begin + timedelta(minutes=30 * draw(st.integers(0, 48 * 40)))
        lasting = draw(st.integers(0, 9)) == 0
        until = None if lasting else since + timedelta(minutes=30 * draw(st.integers(0, 48 * 20)))
        spans.append(Pause(draw(NAMES), since, until, Term(draw(st.integers(1, 20)), "wd"), ""))
    granted = draw(
        st.sampled_from([(), (Extended(begin, Term(draw(st.integers(1, 20)), term), "head", "x", ""),)])
    )
    return Run(begin, "", tuple(spans), granted)


@st.composite
def clocks(draw: st.DrawFn) -> tuple[Rule, Ledger, Workdays]:
    unit = draw(UNITS)
    left, percent = draw(st.integers(0, 9)), draw(st.integers(0, 60))
    ladder = (
        Rung("reminder", left=left, percent=percent),
        Rung("yellow", percent=percent),
        Rung("red", over=0),
        Rung("circular", over=draw(st.integers(1, 9))),
    )
    law = rule(f"{draw(st.integers(1, 50))}{unit}", ladder=ladder)
    record = Ledger((draw(runs(unit)),))
    if draw(st.integers(0, 4)) == 0:
        record = replace(record, stopped=record.run.started + timedelta(hours=draw(HOURS)))
    return law, record, draw(offices())


@given(clocks(), HOURS)
def test_an_independent_program_recomputes_every_certificate(
    clock: tuple[Rule, Ledger, Workdays], hours: int
) -> None:
    law, record, workdays = clock
    now = record.run.started + timedelta(hours=hours)
    issued = ledger.certificate(law, record, workdays, now)
    assert check(json.loads(json.dumps(issued))) == []
    for line in ledger.explain(law, record, workdays, now):
        assert str(line)


@given(clocks(), HOURS)
def test_used_and_left_are_the_budget_and_nothing_ends_before_it_starts(
    clock: tuple[Rule, Ledger, Workdays], hours: int
) -> None:
    law, record, workdays = clock
    now = record.run.started + timedelta(hours=hours)
    reading = ledger.read(law, record, workdays, now)
    assert reading.used + reading.left == reading.total
    assert reading.total == law.term.n + sum(granted.by.n for granted in record.run.extensions)
    assert 0 <= reading.used <= reading.total
    assert reading.left == 0 or not reading.expired
    assert reading.used <= ledger.read(law, record, workdays, now + timedelta(hours=7)).used
    if reading.due is not None:
        assert reading.due >= record.run.started
        reached = ledger.read(law, replace(record, stopped=None), workdays, reading.due)
        assert (reached.left, reached.expired) == (0, True)
        assert workdays.day(workdays.date_of(reading.due)).works or law.term.unit == "h"
        for alarm in reading.rungs:
            assert record.run.started <= alarm.at
            assert (alarm.at <= reading.due) == (alarm.rung != "circular")


@given(clocks(), st.integers(0, 48 * 40), st.none() | st.integers(0, 48 * 20))
def test_one_more_pause_never_moves_a_due_date_earlier(
    clock: tuple[Rule, Ledger, Workdays], begin: int, lasting: int | None
) -> None:
    law, record, workdays = clock
    since = record.run.started + timedelta(minutes=30 * begin)
    until = None if lasting is None else since + timedelta(minutes=30 * lasting)
    more = replace(record.run, pauses=(*record.run.pauses, Pause("auction", since, until, WD12, "")))
    before = ledger.tally(law, record, workdays)
    after = ledger.tally(law, Ledger((more,)), workdays)
    for earlier, later in zip(before.used, after.used, strict=True):
        assert later is None or (earlier is not None and later >= earlier)
    assert after.due is None or (before.due is not None and after.due.at >= before.due.at)


@given(clocks(), st.randoms())
def test_pauses_cut_into_overlapping_pieces_in_any_order_count_once(
    clock: tuple[Rule, Ledger, Workdays], random: Any
) -> None:
    law, record, workdays = clock
    pieces: list[Pause] = []
    for whole in record.run.pauses:
        middle = whole.since + ((whole.until or whole.since + timedelta(days=9)) - whole.since) / 2
        pieces += [whole, replace(whole, until=middle), replace(whole, since=middle)]
    random.shuffle(pieces)
    cut = Ledger((replace(record.run, pauses=tuple(pieces)),))
    assert ledger.tally(law, cut, workdays) == ledger.tally(law, record, workdays)


ACTS: dict[str, Callable[[Rule, Ledger, datetime, str], Ledger]] = {
    "pause": lambda law, record, when, ground: ledger.pause(
        law, record, CHINA, at=when, ground=ground, expected=WD12
    ),
    "resume": lambda law, record, when, ground: ledger.resume(law, record, at=when, ground=ground),
    "extend": lambda law, record, when, _: ledger.extend(
        law, record, CHINA, at=when, by=Term(20, "wd"), approver="head-of-disclosure-office", reason="x"
    ),
    "restart": lambda law, record, when, _: ledger.restart(law, record, CHINA, at=when, reason="x"),
    "stop": lambda law, record, when, _: ledger.stop(law, record, at=when),
}


@given(
    INSTANTS,
    st.lists(
        st.tuples(
            st.sampled_from(["pause", "pause", "resume", "resume", "extend", "restart", "stop"]),
            st.integers(0, 200),
            NAMES,
        ),
        max_size=12,
    ),
)
def test_whatever_clerks_do_the_record_stays_lawful(
    begin: datetime, acts: list[tuple[str, int, str]]
) -> None:
    law = replace(DISCLOSURE, grounds=LICENSING_GROUNDS)
    moment, record = begin, ledger.start(begin)
    for act, hours, ground in acts:
        moment += timedelta(hours=hours)
        expired = ledger.read(law, record, CHINA, moment).expired
        try:
            record = ACTS[act](law, record, moment, ground)
        except Invalid as refusal:
            assert str(refusal.message)
            continue
        assert ledger.read(law, record, CHINA, moment).expired == expired
    assert len(record.run.extensions) <= 1
    assert len(record.runs) <= 2
    assert check(ledger.certificate(law, record, CHINA, moment)) == []
    assert Ledger.from_json(record.as_json()) == record


# --- the certificate


def sample() -> dict[str, Any]:
    record = pause(extend(started("2026-09-10T09:00"), "2026-09-20"), "2026-09-24T10:00")
    issued = ledger.certificate(DECISION, resume(record, "2026-10-09T10:00"), CHINA, at("2026-11-20T12:00"))
    copied: dict[str, Any] = copy.deepcopy(json.loads(json.dumps(issued)))
    return copied


def test_a_certificate_holds_the_facts_the_days_the_articles_and_the_calendar() -> None:
    issued = sample()
    assert check(issued) == []
    assert issued["calendar"]["digest"] == shipped().digest
    assert issued["calendar"]["notices"]["2026"]["sources"][0]["url"].startswith("http")
    assert issued["ledger"]["runs"][0]["pauses"][0]["document"] == "示特〔2026〕1号"
    assert issued["rule"]["grounds"]["testing"]["basis"]["article"] == "第四十五条"
    notes = {day["date"]: day["note"] for day in issued["days"]}
    assert (notes["2026-09-10"], notes["2026-09-20"], notes["2026-10-08"]) == ("first", "counted", "paused")


@pytest.mark.parametrize(
    "forge",
    [
        lambda c: c["reading"].update(due="2026-11-30"),
        lambda c: c["reading"].update(due_at="2026-11-30T09:30:00.000000Z"),
        lambda c: c["reading"].update(provisional=True),
        lambda c: c["reading"].update(used=c["reading"]["used"] - 1),
        lambda c: c["reading"]["rungs"].pop(),
        lambda c: c["days"].pop(3),
        lambda c: c["days"][3].update(works=not c["days"][3]["works"]),
        lambda c: c["days"][3].update(n=17),
        lambda c: c["ledger"]["runs"][0]["pauses"].clear(),
        lambda c: c["ledger"]["runs"][0]["extensions"].clear(),
        lambda c: c["ledger"]["runs"][0].update(started="2026-09-11T01:00:00.000000Z"),
        lambda c: c["rule"].update(term="19wd"),
        lambda c: c["calendar"]["notices"].clear(),
    ],
)
def test_a_forged_certificate_is_found_out(forge: Callable[[dict[str, Any]], object]) -> None:
    issued = sample()
    forge(issued)
    assert check(issued)


def test_the_checker_is_a_program_that_needs_nothing_of_the_engine(tmp_path: Path) -> None:
    checker = Path(__file__).parent / "certificate_checker.py"
    assert "engine" not in [
        line.split()[1] for line in checker.read_text().splitlines() if line.startswith(("import", "from"))
    ]
    file = tmp_path / "certificate.json"
    file.write_text(json.dumps(sample()), encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-I", str(checker), str(file)], cwd=tmp_path, capture_output=True, text=True
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    forged = sample()
    forged["reading"]["used"] = 0
    file.write_text(json.dumps(forged), encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-I", str(checker), str(file)], cwd=tmp_path, capture_output=True, text=True
    )
    assert (ran.returncode, "used" in ran.stdout) == (1, True)


def test_the_explanation_reads_like_a_calculation_by_hand() -> None:
    record = resume(pause(extend(started(START), "2026-07-10"), "2026-07-16T10:00"), "2026-07-17T10:00")
    lines = [str(line) for line in ledger.explain(DECISION, record, CHINA, at("2026-07-20T10:00"))]
    text = "\n".join(lines)
    assert lines[0] == "Clock decision: 20 working days (中华人民共和国行政许可法 第四十二条)"
    assert (
        "paused 2026-07-16 10:00 to 2026-07-17 10:00: testing (中华人民共和国行政许可法 第四十五条)" in text
    )
    assert "extended 2026-07-10 00:00 by 10 working days, approved by head-of-authority" in text
    assert "2026-07-07 Tue  day 1 (weekday)" in text
    assert "2026-07-17 Fri  not counted: the clock is paused" in text
    assert lines[-2] == "due 2026-08-18 17:30"
    unwritten = ledger.pause(DECISION, record, CHINA, at=at("2026-07-20"), ground="hearing", expected=WD12)
    assert "without a written notice" in "\n".join(
        str(line) for line in ledger.explain(DECISION, unwritten, CHINA, at("2026-07-20T10:00"))
    )
