"""Terms, due dates and the calendars they count by."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import say
from .answers import calendar_change
from .frame import PARTLY, Settings, Wrong, complain, instant_given, progress_count
from .table import as_of_option, verb

if TYPE_CHECKING:
    from datetime import date

    from ..clock import Overlay, Year


@verb(
    "clock/due",
    "lianban clock due 2026-02-10 20wd",
    say("When a TERM that begins on START ends, day by day: 20wd (working days), 30d, 48h."),
)
@click.argument("start", metavar="START")
@click.argument("term", metavar="TERM")
@click.option("--unit", metavar="UNIT", help=say("Count with the local days of UNIT.").msgid)
def clock_due(settings: Settings, start: str, term: str, unit: str | None) -> None:
    from ..clock import Workdays, count, parse_term, shipped
    from ..office import Office

    workdays = Workdays(shipped())
    if settings.db is not None or Path("lianban.db").exists():
        # As a case of this office would be counted; where there is no office, by the shipped calendar.
        with Office.open(settings.db) as office:
            workdays = office.workdays(unit, settings.now(office.zone))
    counted = count(instant_given(start, workdays.zone), parse_term(term), workdays)
    days = [row.text() for row in counted.rows]
    data = {**counted.as_json(), "calendar": workdays.calendar.digest}
    settings.show(data, lambda screen, data: screen.due(data, days), workdays.zone)


@verb(
    "clock/explain",
    "lianban clock explain 42 decision",
    say("How the due dates of CASE come about, day by day: of CLOCK (or a timer), or all of them."),
)
@click.argument("case", metavar="CASE")
@click.argument("name", metavar="[CLOCK]", required=False)
@as_of_option
def clock_explain(settings: Settings, case: str, name: str | None) -> None:
    with settings.office() as office:
        found = office.explain(case, name, settings.now(office.zone), as_of=settings.as_of(office, case))
        data = {"clocks": [{key: told[key] for key in told if key != "lines"} for told in found]}
        lines = [(told["name"], told["clock"], told["lines"]) for told in found]
        settings.show(data, lambda screen, _: screen.explained(lines), office.zone)


@verb(
    "clock/import",
    "lianban clock import 2027.json --note '国办发明电〔2026〕8号'",
    say(
        "Put a calendar forward: a year from FILE (ours or holiday-cn, JSON) or from an installed library, "
        "or local days from FILE (TOML)."
    ),
)
@click.argument("file", metavar="[FILE]", required=False)
@click.option(
    "--library", metavar="LIBRARY", help=say("holidays or chinesecalendar, in place of FILE.").msgid
)
@click.option("--year", type=int, metavar="YEAR", help=say("The year, from a library.").msgid)
@click.option("--note", default="", metavar="TEXT", help=say("What the record shall say.").msgid)
@click.option(
    "--instead",
    is_flag=True,
    help=say("In the place of what was put forward before, not on top of it.").msgid,
)
def clock_import(
    settings: Settings, file: str | None, library: str | None, year: int | None, note: str, instead: bool
) -> None:
    from ..clock import Year, year_from_library

    change: Year | dict[str, dict[date, Overlay | None]]
    if file is not None and library is None and year is None:
        name, change = Path(file).name, calendar_change(file)
    elif file is None and library is not None and year is not None:
        name, change = library, year_from_library(library, year)
    else:
        raise Wrong(say("name either a FILE, or a --library with a --year"))
    with settings.office() as office:
        calendar = office.import_calendar(
            change, note or name, settings.now(office.zone), settings.who, instead=instead
        )
        data = {
            "calendar": calendar,
            "year": change.year if isinstance(change, Year) else None,
            "status": change.status if isinstance(change, Year) else "local",
            "units": [] if isinstance(change, Year) else list(change),
        }
        settings.show(data, lambda screen, data: screen.imported(data), office.zone)


@verb(
    "clock/plan",
    "lianban clock plan",
    say("Which due dates of open cases the calendar put forward would move, if it were applied now."),
)
def clock_plan(settings: Settings) -> None:
    with settings.office() as office:
        data = office.plan_calendar(settings.now(office.zone))
        settings.show(data, lambda screen, data: screen.planned(data), office.zone)


@verb(
    "clock/apply",
    "lianban clock apply 3b5d0c6f2a91",
    say("Count by the CALENDAR put forward (its digest, or the beginning) from now on, in every open case."),
)
@click.argument("calendar", metavar="CALENDAR")
def clock_apply(settings: Settings, calendar: str) -> int:
    with settings.office() as office, progress_count(settings) as progress:
        applied = office.apply_calendar(calendar, settings.now(office.zone), settings.who, progress)
    refused = {case: refusal.as_dict(settings.translate) for case, refusal in applied["refused"].items()}
    if not settings.json:
        complain(settings, refused.values())
    settings.show({**applied, "refused": refused}, lambda screen, data: screen.applied(data))
    return PARTLY if refused else 0
