"""The same case over time: whose step was open when, and when each clock ran, stood still, struck.

Instants are milliseconds since 1970; 0 where something has not ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ..case import CalendarOf, Case, hours_of
from ..clock import Workdays, read_instant, write_instant
from ..deadlines import OVERSTAYED, RAN_OUT, Deadline, rule_of, unit_of
from ..definition import Definition
from ..errors import titled
from ..events import (
    ClockMigrated,
    ClockStruck,
    Record,
    ReferralDeemed,
    ReferralWithdrawn,
    TaskCancelled,
    TaskMigrated,
)
from ..flow.marking import element_of
from .acts import Act, Name, millis

_DAY = timedelta(days=1)


def bars(played: Iterable[Act]) -> list[dict[str, Any]]:
    """Every stretch for which a step was open with a unit: `step`, `place`, `name`, `unit`, `since`, `until`,
    and how it ended (`done`, `cancelled`, `deemed`, `withdrawn`, `passed` on to another unit or version, or
    `open`). Messages that may come are nobody's step."""
    found: list[dict[str, Any]] = []
    live: dict[str, dict[str, Any]] = {}
    for act in played:
        at = millis(act.case.at)
        ends = dict(_ends(act.records))
        now = {step: line for step, line in act.state["open"].items() if not line["message"]}
        for step in [step for step in live if step not in now or now[step]["unit"] != live[step]["unit"]]:
            live.pop(step).update(until=at, end=ends.get(step, "passed" if step in now else "done"))
        for step, line in now.items():
            if step not in live:
                kept = {key: line[key] for key in ("place", "name", "unit")}
                live[step] = {"step": step, **kept, "since": at, "until": 0, "end": "open"}
                found.append(live[step])
    return found


def _ends(records: Iterable[Record]) -> Iterator[tuple[str, str]]:
    for record in records:
        match record.event:
            case TaskCancelled(task=task):
                yield task, "cancelled"
            case ReferralDeemed(task=task):
                yield task, "deemed"
            case ReferralWithdrawn(task=task):
                yield task, "withdrawn"
            case TaskMigrated(was=task):
                yield task, "passed"


def clocks(
    played: Iterable[Act], definition_of: Callable[[str], Definition], name: Name
) -> list[dict[str, Any]]:
    """Every running of a clock: `clock`, `name`, `step` it is of, `tier`, `unit`, `term`, `basis`, `since`,
    `until`, `pauses` as `[since, until, ground]`, and `marks` as `[at, kind]`: a rung's name, `expired`,
    `restarted`, `extended`, `overstayed`."""
    found: dict[str, dict[str, Any]] = {}
    latest: dict[str, tuple[Deadline, Definition]] = {}
    over: list[dict[str, Any]] = []
    for act in played:
        definition = definition_of(act.case.definition)
        for record in act.records:
            match record.event:
                case ClockMigrated(was=was, clock=id) if was in found and was != id:
                    found[id] = found.pop(was)
                    latest[id] = latest.pop(was)
                case ClockStruck(clock=id, rung=rung) if id in found:
                    kind = "overstayed" if rung.startswith(OVERSTAYED) else rung
                    found[id]["marks"].append([millis(record.at), "expired" if rung == RAN_OUT else kind])
        for id in [id for id in found if id not in act.case.deadlines]:
            gone = found.pop(id)
            _close(gone, *latest.pop(id), name)
            gone["until"] = gone["until"] or millis(act.case.at)
            over.append(gone)
        for id, deadline in act.case.deadlines.items():
            if id not in found:
                found[id] = _begun(id, deadline, definition, name)
            latest[id] = (deadline, definition)
    for id, track in found.items():
        track["clock"] = id
        _close(track, *latest[id], name)
    return sorted([*over, *found.values()], key=lambda track: track["since"])


def _begun(id: str, deadline: Deadline, definition: Definition, name: Name) -> dict[str, Any]:
    clock = definition.clocks[deadline["clock"]]
    rule = rule_of(clock, deadline)
    of = deadline.get("of", "")
    return {
        "clock": id,
        "name": name(clock.name),
        "step": of,
        "step_name": name(definition.names(element_of(of))) if of else "",
        "tier": rule.tier,
        "unit": unit_of(clock, deadline),
        "term": rule.term.text(),
        "basis": titled(*[f"{rule.basis.law} {rule.basis.article}"] * 2),
        "since": millis(deadline["ledger"]["runs"][0]["started"]),
        "until": 0,
        "pauses": [],
        "marks": [],
    }


def _close(track: dict[str, Any], deadline: Deadline, definition: Definition, name: Name) -> None:
    """Take over what the ledger tells of the whole time."""
    rule = rule_of(definition.clocks[deadline["clock"]], deadline)
    ledger = deadline["ledger"]
    for n, run in enumerate(ledger["runs"]):
        if n:
            track["marks"].append([millis(run["started"]), "restarted"])
        for pause in run["pauses"]:
            ground = rule.grounds[pause["ground"]]
            until = millis(pause["until"]) if pause["until"] else 0
            track["pauses"].append([millis(pause["since"]), until, name({"zh": ground.zh, "en": ground.en})])
        track["marks"] += [[millis(extension["at"]), "extended"] for extension in run["extensions"]]
    track["marks"].sort()
    stopped = ledger["stopped"]
    if stopped:
        track["until"] = millis(stopped)


def days(
    case: Case, calendar_of: CalendarOf, units: Sequence[str], since: str, until: datetime
) -> dict[str, Any]:
    """The days that the case saw: `starts` (midnights in its zone, the first one before it, the last one
    after it), `dates`, and by unit the numbers of those that are not worked in `off`: nothing where no
    calendar is on record."""
    zone = ZoneInfo(case.marking["zone"])
    first, last = read_instant(since).astimezone(zone).date(), until.astimezone(zone).date()
    dates = [first + n * _DAY for n in range((last - first).days + 1)]
    starts = [_midnight(day, zone) for day in [*dates, last + _DAY]]
    off: dict[str, list[int]] = {}
    if case.calendar:
        for unit in units:
            workdays: Workdays = hours_of(case, case.calendar, calendar_of)(unit)
            off[unit] = [n for n, day in enumerate(dates) if not workdays.day(day).works]
    return {"starts": starts, "dates": [day.isoformat() for day in dates], "off": off}


def _midnight(day: date, zone: ZoneInfo) -> int:
    return millis(write_instant(datetime.combine(day, time(), zone).astimezone(UTC)))
