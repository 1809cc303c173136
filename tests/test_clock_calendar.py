"""Working-day calendars and terms."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import chinese_calendar
import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.clock import (
    Calendar,
    Overlay,
    Term,
    Workdays,
    Year,
    count,
    due,
    overlays_from_file,
    parse_instant,
    parse_term,
    shipped,
    year_from_file,
    year_from_library,
)
from engine.errors import Invalid, Refusal, Unknown

CHINA = Workdays(shipped())


def days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def without(year: Year, off: set[str], work: set[str], back_to_work: set[str] = frozenset()) -> Year:
    """A notice as it was before its amendment."""
    return Year(
        year.year,
        year.status,
        year.sources[:1],
        year.taken_from,
        {on: name for on, name in year.off.items() if on.isoformat() not in off},
        {on: name for on, name in year.work.items() if on.isoformat() not in work}
        | {date.fromisoformat(on): "" for on in back_to_work},
    )


def due_date(start: str, term: str, workdays: Workdays = CHINA) -> str:
    return due(parse_instant(start, workdays.zone), parse_term(term), workdays).date.isoformat()


# --- the days


@pytest.mark.parametrize("year", range(2007, 2027))
def test_every_shipped_day_agrees_with_two_independent_libraries(year: int) -> None:
    library = holidays.country_holidays("CN", years=year)
    for on in days(date(year, 1, 1), date(year, 12, 31)):
        day = shipped().day(on)
        assert day.works == library.is_working_day(on) == chinese_calendar.is_workday(on), on
        assert day.status == "official"


def test_the_libraries_differ_before_2007_on_the_one_day_where_the_notice_decides() -> None:
    library = holidays.country_holidays("CN", years=[2004, 2005, 2006])
    differing = []
    for on in days(date(2004, 1, 1), date(2006, 12, 31)):
        works = shipped().day(on).works
        assert works == library.is_working_day(on), on
        if works != chinese_calendar.is_workday(on):
            differing.append(on.isoformat())
    assert differing == ["2005-12-31"]


def test_each_shipped_year_names_its_source_and_its_status() -> None:
    calendar = shipped()
    assert sorted(calendar.years) == list(range(2004, 2031))
    for number, year in calendar.years.items():
        assert year.year == number
        assert year.status == ("official" if number <= 2026 else "projected")
        assert year.sources
        assert year.taken_from
        assert all("url" in source for source in year.sources) or year.status == "projected"
        assert all(date(number - 1, 12, 1) <= on <= date(number, 12, 31) for on in [*year.off, *year.work])
        assert not (year.off.keys() & year.work.keys())


def test_a_day_tells_why_it_works_and_which_notice_says_so() -> None:
    calendar = shipped()
    festival = calendar.day(date(2026, 2, 17))
    assert (festival.works, festival.kind, festival.name, festival.source) == (False, "off", "春节", "2026")
    made_up = calendar.day(date(2026, 2, 14))
    assert (made_up.works, made_up.kind, made_up.source) == (True, "make-up", "2026")
    assert calendar.day(date(2026, 3, 2)).kind == "weekday"
    assert calendar.day(date(2026, 3, 1)).kind == "weekend"


def test_the_notice_for_the_next_year_rearranges_the_last_days_of_december() -> None:
    calendar = shipped()
    assert [calendar.day(date(2018, 12, n)).works for n in (29, 30, 31)] == [True, False, False]
    assert calendar.day(date(2018, 12, 31)).source == "2019"
    assert calendar.day(date(2005, 12, 31)).works
    unaware = Calendar({y: year for y, year in calendar.years.items() if y != 2019}, {})
    assert unaware.day(date(2018, 12, 31)).works


def test_a_projection_of_the_next_year_moves_no_announced_day() -> None:
    eve = {date(2026, 12, 31): "元旦", date(2027, 1, 1): "元旦"}
    projected = Year(2027, "projected", (), "x", eve, {})
    assert shipped().with_year(projected).day(date(2026, 12, 31)).works
    assert not shipped().with_year(replace(projected, status="official")).day(date(2026, 12, 31)).works


def test_years_without_a_notice_are_projected() -> None:
    calendar = shipped()
    for on in (date(2027, 3, 1), date(2040, 3, 1), date(1999, 3, 1)):
        assert calendar.day(on).status == "projected"
    assert not calendar.day(date(2027, 10, 1)).works
    assert calendar.day(date(2031, 10, 1)).works


def test_a_unit_lives_by_its_own_local_days_and_else_by_those_of_the_unit_above() -> None:
    torch, snow = Overlay(False, "火把节", "示政发〔2026〕8号"), Overlay(False, "暴雪", "示应急〔2026〕1号")
    calendar = shipped().with_overlays(
        {
            "county": {date(2026, 8, 6): torch, date(2026, 1, 12): snow},
            "forestry": {
                date(2026, 1, 12): Overlay(True, "值守", "示林〔2026〕2号"),
                date(2026, 8, 8): Overlay(True, "调休", "示林〔2026〕3号"),
            },
        }
    )
    assert calendar.day(date(2026, 8, 6)).works
    local = calendar.day(date(2026, 8, 6), ("forestry", "county"))
    assert (local.works, local.status, local.source) == (False, "local", "示政发〔2026〕8号")
    assert not calendar.day(date(2026, 1, 12), ("justice", "county")).works
    assert calendar.day(date(2026, 1, 12), ("forestry", "county")).works
    assert calendar.day(date(2026, 8, 8), ("forestry",)).works
    taken_back = calendar.with_overlays({"county": {date(2026, 8, 6): None, date(2026, 1, 12): None}})
    assert taken_back.day(date(2026, 8, 6), ("county",)).works


def test_a_local_day_without_a_document_is_refused() -> None:
    with pytest.raises(Invalid) as refusal:
        Overlay(False, "下雪", " ")
    assert refusal.value.code == "calendar.overlay"


def test_a_calendar_survives_json_and_its_digest_names_its_content() -> None:
    local = {"county": {date(2026, 8, 6): Overlay(False, "火把节", "示政发〔2026〕8号")}}
    calendar = shipped().with_overlays(local)
    again = Calendar.from_json(json.loads(json.dumps(calendar.as_json())))
    assert again == calendar
    assert again.digest == calendar.digest != shipped().digest
    reordered = Calendar(dict(reversed(shipped().years.items())), {})
    assert reordered.digest == shipped().digest


def test_a_week_without_a_working_day_is_not_a_calendar() -> None:
    with pytest.raises(ValueError, match="without a working day"):
        Calendar({}, {}, (1, 2, 3, 4, 5, 6, 7))


def test_the_engine_loads_neither_calendar_data_nor_a_holiday_library_on_import() -> None:
    probe = (
        "import sys, engine.clock.ledger as l; from engine.clock import shipped;"
        "print(shipped.cache_info().currsize, 'holidays' in sys.modules, 'chinese_calendar' in sys.modules)"
    )
    root = Path(__file__).parent.parent
    out = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, cwd=root, check=True)
    assert out.stdout.split() == ["0", "False", "False"]


# --- a new year


@pytest.mark.parametrize("library", ["holidays", "chinesecalendar"])
@pytest.mark.parametrize("number", [2008, 2019, 2020, 2026])
def test_an_announced_year_imported_from_a_library_is_the_shipped_one(library: str, number: int) -> None:
    year = year_from_library(library, number)
    assert (year.status, year.year) == ("official", number)
    assert library in year.sources[0]["title"]
    others = {y: known for y, known in shipped().years.items() if y != number}
    imported = Calendar(others, {}).with_year(year)
    for on in days(date(number - 1, 12, 1), date(number, 12, 31)):
        assert imported.day(on).works == shipped().day(on).works, on


def test_a_year_that_a_library_only_computes_is_projected() -> None:
    year = year_from_library("holidays", 2027)
    assert (year.status, dict(year.work)) == ("projected", {})
    assert year.off.keys() == shipped().years[2027].off.keys()


def test_a_year_that_a_library_does_not_have_is_refused() -> None:
    with pytest.raises(Invalid) as refusal:
        year_from_library("chinesecalendar", 2027)
    assert refusal.value.code == "calendar.unannounced"


def test_a_library_that_is_missing_or_unknown_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "holidays", None)
    with pytest.raises(Unknown) as missing:
        year_from_library("holidays", 2026)
    assert "pip install holidays" in str(missing.value.remedy)
    with pytest.raises(Unknown):
        year_from_library("workalendar", 2026)


def test_a_year_is_read_from_our_format_and_from_holiday_cn() -> None:
    ours = shipped().years[2026]
    assert year_from_file(json.dumps(ours.as_json()).encode(), "2026.json") == ours
    theirs = {
        "$schema": "https://example.org/schema.json",
        "year": 2027,
        "papers": ["https://example.org/notice"],
        "days": [
            {"name": "元旦", "date": "2026-12-31", "isOffDay": True},
            {"name": "元旦", "date": "2027-01-01", "isOffDay": True},
            {"name": "元旦", "date": "2027-01-03", "isOffDay": False},
        ],
    }
    year = year_from_file(json.dumps(theirs).encode(), "2027.json")
    assert (year.status, year.sources) == ("official", ({"url": "https://example.org/notice"},))
    calendar = shipped().with_year(year)
    assert not calendar.day(date(2026, 12, 31)).works
    assert calendar.day(date(2027, 1, 3)).works
    assert not due(parse_instant("2026-12-25"), Term(20, "wd"), Workdays(calendar)).provisional


def test_a_file_with_faults_is_refused_with_all_of_them() -> None:
    bad = {
        "year": 2027,
        "status": "certain",
        "sources": [],
        "colour": "red",
        "off": {"2027-01-01": "元旦", "2027-13-01": "x", "2029-01-01": "y"},
        "work": {"2027-01-01": "元旦", "2027-02-06": 3},
    }
    with pytest.raises(Invalid) as refusal:
        year_from_file(json.dumps(bad).encode(), "bad.json")
    found = str(refusal.value.found)
    for part in ("colour", "status", "2027-13-01", "2029-01-01", "2027-02-06", "both off and worked"):
        assert part in found


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b'{"days": 3}',
        b'{"days": [1, {"isOffDay": 1}]}',
        b'{"year": true, "off": [], "work": null}',
        b'{"year": 2027, "papers": [], "days": []}',
        b'{"year": 2027, "status": "official", "sources": [{"url": 3}], "off": {"20270101": ""}, "work": {}}',
    ],
)
def test_what_is_no_announced_year_is_refused_and_never_a_traceback(content: bytes) -> None:
    with pytest.raises(Invalid) as refusal:
        year_from_file(content, "x.json")
    assert str(refusal.value.found)


# --- local days


def test_local_days_are_read_from_a_list_and_taken_back_by_one() -> None:
    decided = overlays_from_file(
        """
        [[days]]
        unit = "*"
        date = 2026-07-25
        works = false
        reason = "火把节"
        document = "示政发〔2026〕12号"

        [[days]]
        unit = "forestry"
        date = 2026-07-26
        works = true
        reason = "防火值守"
        document = "示林〔2026〕3号"
        """.encode(),
        "local.toml",
    )
    assert decided == {
        "*": {date(2026, 7, 25): Overlay(False, "火把节", "示政发〔2026〕12号")},
        "forestry": {date(2026, 7, 26): Overlay(True, "防火值守", "示林〔2026〕3号")},
    }
    calendar = shipped().with_overlays(decided)
    assert calendar.day(date(2026, 7, 26), ("forestry", "*")).works
    back = b'[[days]]\nunit = "forestry"\ndate = 2026-07-26\nwithdrawn = true\n'
    assert overlays_from_file(back, "back.toml") == {"forestry": {date(2026, 7, 26): None}}
    restored = calendar.with_overlays(overlays_from_file(back, "back.toml"))
    assert not restored.day(date(2026, 7, 26), ("forestry", "*")).works


def test_a_list_of_local_days_with_faults_is_refused_with_all_of_them() -> None:
    bad = """
        colour = "red"
        [[days]]
        unit = " "
        date = "2026-07-25"
        works = "no"
        reason = " "
        [[days]]
        unit = "*"
        date = 2026-07-25T08:00:00
        withdrawn = false
        reason = "x"
        [[days]]
        unit = "*"
        date = 2026-07-27
        withdrawn = true
        [[days]]
        unit = "*"
        date = 2026-07-27
        works = false
        reason = "暴雪"
        document = "示政发〔2026〕13号"
        note = "?"
        [[days]]
        unit = "*"
        date = 2026-07-27
        works = false
        reason = "暴雪"
        document = "示政发〔2026〕13号"
        """
    with pytest.raises(Invalid) as refusal:
        overlays_from_file(bad.encode(), "bad.toml")
    assert refusal.value.code == "calendar.local_file"
    assert str(refusal.value.found).split("; ") == [
        "colour is not a known key",
        "day 1: unit is not a unit's code or *",
        "day 1: date is not a date like 2026-07-25 (without quotes): 2026-07-25",
        "day 1: works is missing or not right: 'no'",
        "day 1: reason is missing or not right: ' '",
        "day 1: document is missing or not right: None",
        "day 2: date is not a date like 2026-07-25 (without quotes): 2026-07-25 08:00:00",
        "day 2: withdrawn is not true: False",
        "day 2: reason is not said of a day that is withdrawn",
        "day 4: note is not a known key",
        "day 5: 2026-07-27 is listed twice for *",
    ]


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe", b"days = 3", b"days = []", b"days = [1]", b"[days]\nunit = '*'", b"[[days]"],
)
def test_what_is_no_list_of_local_days_is_refused_and_never_a_traceback(content: bytes) -> None:
    with pytest.raises(Invalid) as refusal:
        overlays_from_file(content, "x.toml")
    assert str(refusal.value.found)


# --- amendments


def test_the_amendment_of_2019_moves_due_dates_over_labour_day() -> None:
    amended = shipped().years[2019]
    first = without(amended, {"2019-05-02", "2019-05-03", "2019-05-04"}, {"2019-04-28", "2019-05-05"})
    before, after = Workdays(shipped().with_year(first)), CHINA
    assert due_date("2019-04-22", "5wd", before) == "2019-04-29"
    assert due_date("2019-04-22", "5wd", after) == "2019-04-28"
    assert due_date("2019-04-29", "3wd", before) == "2019-05-03"
    assert due_date("2019-04-29", "3wd", after) == "2019-05-06"
    assert due_date("2019-04-26", "20wd", before) == due_date("2019-04-26", "20wd", after)


def test_the_amendment_of_2020_moves_due_dates_over_spring_festival() -> None:
    amended = shipped().years[2020]
    first = without(amended, {"2020-01-31", "2020-02-01", "2020-02-02"}, set(), {"2020-02-01"})
    before, after = Workdays(shipped().with_year(first)), CHINA
    assert due_date("2020-01-20", "5wd", before) == "2020-02-01"
    assert due_date("2020-01-20", "5wd", after) == "2020-02-04"
    assert due_date("2020-01-02", "5wd", before) == due_date("2020-01-02", "5wd", after)
    assert before.calendar.digest != after.calendar.digest


# --- terms


@pytest.mark.parametrize(
    ("text", "term"),
    [("20wd", Term(20, "wd")), ("30d", Term(30, "d")), (" 2 h ", Term(2, "h")), ("20 wd", Term(20, "wd"))],
)
def test_a_term_is_a_number_and_a_unit(text: str, term: Term) -> None:
    assert parse_term(text) == term
    assert parse_term(str(term)) == term


@pytest.mark.parametrize(
    "text", ["20", "20WD", "wd", "", "0wd", "-1d", "1.5h", "20 w d", "99999d", "2wd3h", "１d"]
)
def test_a_term_without_a_unit_or_a_number_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        parse_term(text)
    assert "20wd" in str(refusal.value.expected)


@pytest.mark.parametrize(
    ("start", "term", "expected", "provisional"),
    [
        ("2026-02-10", "20wd", "2026-03-16", False),
        ("2026-02-10", "5wd", "2026-02-24", False),
        ("2026-09-18", "5wd", "2026-09-24", False),
        ("2026-09-18", "20wd", "2026-10-22", False),
        ("2026-04-28", "3wd", "2026-05-06", False),
        ("2008-05-01", "15wd", "2008-05-22", False),
        ("2008-09-22", "20wd", "2008-10-23", False),
        ("2026-12-25", "20wd", "2027-01-25", True),
    ],
)
def test_the_vectors_of_the_trade(start: str, term: str, expected: str, provisional: bool) -> None:
    end = due(parse_instant(start), parse_term(term), CHINA)
    assert (end.date.isoformat(), end.provisional) == (expected, provisional)
    assert end.at == parse_instant(f"{expected}T17:30+08:00")


@given(
    start=st.dates(date(2007, 1, 1), date(2026, 6, 30)),
    hour=st.integers(0, 23),
    n=st.integers(1, 60),
)
def test_working_days_end_where_a_library_counts_them_to(start: date, hour: int, n: int) -> None:
    at = datetime.combine(start, time(hour), ZoneInfo("Asia/Shanghai"))
    library = holidays.country_holidays("CN", years=[2006, 2007, start.year, start.year + 1])
    expected = start
    for _ in range(n):
        expected += timedelta(days=1)
        while not library.is_working_day(expected):
            expected += timedelta(days=1)
    assert due(at, Term(n, "wd"), CHINA).date == expected


def test_calendar_days_end_at_closing_time_and_not_on_a_day_of_rest() -> None:
    assert due_date("2026-03-02", "3d") == "2026-03-05"
    assert due_date("2026-03-02", "5d") == "2026-03-09"  # a Saturday
    assert due_date("2026-02-01", "14d") == "2026-02-24"  # the festival's first day
    assert due_date("2026-02-01", "13d") == "2026-02-14"  # a Saturday that is worked
    assert due(parse_instant("2026-03-02"), Term(3, "d"), CHINA).at == parse_instant("2026-03-05T17:30+08:00")


def test_calendar_days_are_provisional_only_if_their_end_is() -> None:
    assert not due(parse_instant("2026-12-01"), Term(30, "d"), CHINA).provisional
    assert due(parse_instant("2026-12-02"), Term(30, "d"), CHINA).provisional
    assert due(parse_instant("2031-12-02"), Term(30, "d"), CHINA).provisional


def test_a_local_day_moves_a_due_date_and_is_certain_in_an_unannounced_year() -> None:
    closed = {"county": {date(2026, 3, 3): Overlay(False, "暴雪", "示政〔2026〕1号")}}
    snowed_in = Workdays(shipped().with_overlays(closed), ("clerk", "county"))
    assert due_date("2026-03-02", "1wd", snowed_in) == "2026-03-04"
    opened = {"county": {date(2027, 3, 2): Overlay(True, "值守", "示政〔2027〕1号")}}
    local = Workdays(shipped().with_overlays(opened), ("county",))
    assert not due(parse_instant("2027-03-01"), Term(1, "wd"), local).provisional


def test_the_day_of_a_start_is_that_of_the_office_and_the_closing_time_too() -> None:
    late = datetime(2026, 3, 2, 16, 30, tzinfo=UTC)  # 00:30 on 3 March in Shanghai
    assert due(late, Term(1, "wd"), CHINA).date == date(2026, 3, 4)
    early_closing = Workdays(shipped(), closing=time(16))
    assert due(parse_instant("2026-03-02"), Term(1, "wd"), early_closing).at == parse_instant(
        "2026-03-03T16:00+08:00"
    )


def test_summer_time_changes_neither_days_nor_hours() -> None:
    dutch = Workdays(Calendar({}, {}, ()), zone="Europe/Amsterdam")
    autumn = due(parse_instant("2011-10-11T13:42:22+02:00"), Term(56, "d"), dutch)
    assert autumn.at == parse_instant("2011-12-06T17:30+01:00")
    spring = due(parse_instant("2011-02-01T23:30+01:00"), Term(56, "d"), dutch)
    assert spring.at == parse_instant("2011-03-29T17:30+02:00")
    night = due(parse_instant("2011-03-27T01:30+01:00"), Term(2, "h"), dutch)
    assert dutch.local(night.at).isoformat() == "2011-03-27T04:30:00+02:00"


def test_hours_are_plain_hours_and_run_over_night() -> None:
    end = due(parse_instant("2026-02-14T16:00+08:00"), Term(24, "h"), CHINA)
    assert (end.at, end.provisional) == (parse_instant("2026-02-15T16:00+08:00"), False)


def test_the_derivation_names_every_day_with_its_reason() -> None:
    counted = count(parse_instant("2026-02-10"), Term(5, "wd"), CHINA)
    notes = [(row.day.date.day, row.note, row.n) for row in counted.rows]
    assert notes[:5] == [
        (10, "first", None),
        (11, "counted", 1),
        (12, "counted", 2),
        (13, "counted", 3),
        (14, "counted", 4),
    ]
    assert [note for _, note, _ in notes[5:14]] == ["skipped"] * 9
    assert notes[14] == (24, "counted", 5)
    assert "春节" in str(counted.rows[6].text())
    moved = count(parse_instant("2026-03-02"), Term(5, "d"), CHINA)
    assert [row.note for row in moved.rows[-3:]] == ["counted", "skipped", "last"]
    assert json.loads(json.dumps(counted.as_json()))["due"] == "2026-02-24"


@pytest.mark.parametrize("year", [1, 1899, 2201, 9999])
def test_a_start_out_of_all_range_is_refused(year: int) -> None:
    with pytest.raises(Refusal):
        due(datetime(year, 6, 1, tzinfo=UTC), Term(9999, "wd"), CHINA)
