"""Which days an office works: the State Council's yearly notices and local decisions, as data.

A `Calendar` is an immutable value under a digest. Monday to Friday are worked and the weekend is not
(国务院关于职工工作时间的规定 art. 7), save what the notice for a year says, save what a unit's own local
decision says. The notice for a year may move days at the end of the year before it (30 and 31 December
2018 were arranged by the notice for 2019), so days are kept under the notice that lists them.
A year without a notice is `projected`: its days are computed or plain weekdays, and no due date that
rests on them is certain.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from ..errors import Invalid, Text, Unknown, say

Status = Literal["official", "projected", "local"]
Kind = Literal["weekday", "weekend", "off", "make-up", "local"]

WEEKEND = (6, 7)
"""ISO weekdays on which a Chinese office rests."""

_YEARS = Path(__file__).parent / "years"


class Day(Struct, frozen=True):
    """One day in one unit: whether it works, why, and who says so.

    `source` is the year of the notice ("" if there is none), for a local day the document's number;
    `name` is the holiday's name or the local reason.
    """

    date: date
    works: bool
    kind: Kind
    name: str
    status: Status
    source: str

    def as_json(self) -> dict[str, Any]:
        """`{date, works, kind, name, status, source}`."""
        return {
            "date": self.date.isoformat(),
            "works": self.works,
            "kind": self.kind,
            "name": self.name,
            "status": self.status,
            "source": self.source,
        }

    def reason(self) -> Text:
        """Why the day works or not, with its source, for a reader."""
        known = {"name": self.name, "source": self.source}
        if self.kind == "local":
            if self.works:
                return say("{name}: open by local decision {source}", **known)
            return say("{name}: closed by local decision {source}", **known)
        if self.kind == "off":
            if self.status == "projected":
                return say("{name}: day off as projected, {source} is not announced yet", **known)
            return say("{name}: day off by the notice for {source}", **known)
        if self.kind == "make-up":
            return say("{name}: weekend day worked by the notice for {source}", **known)
        if self.status == "projected":
            year = self.date.year
            if self.kind == "weekend":
                return say("weekend, as projected; no notice for {year} yet", year=year)
            return say("weekday, as projected; no notice for {year} yet", year=year)
        return say("weekend") if self.kind == "weekend" else say("weekday")


class Overlay(Struct, frozen=True):
    """A unit's own day: off (a minority holiday, a snow day) or worked, by a numbered document."""

    works: bool
    reason: str
    document: str

    def __post_init__(self) -> None:
        if not self.reason.strip() or not self.document.strip():
            raise Invalid(
                "calendar.overlay",
                say("A local day needs a reason and the number of the document that orders it."),
                rule=say("National holidays regulation (全国年节及纪念日放假办法), article 4"),
            )


class Year(Struct, frozen=True):
    """The notice for one year. `sources` are `{"title"?, "url"?}`; `off` and `work` give each listed day
    its holiday's name; `taken_from` tells where the days were copied from."""

    year: int
    status: Literal["official", "projected"]
    sources: tuple[Mapping[str, str], ...]
    taken_from: str
    off: Mapping[date, str]
    work: Mapping[date, str]

    def as_json(self) -> dict[str, Any]:
        """The content of a file in `years/`."""
        return {
            "year": self.year,
            **self.citation(),
            "off": {on.isoformat(): name for on, name in sorted(self.off.items())},
            "work": {on.isoformat(): name for on, name in sorted(self.work.items())},
        }

    def citation(self) -> dict[str, Any]:
        """Where the year comes from: `{status, sources, taken_from}`."""
        return {
            "status": self.status,
            "sources": [dict(source) for source in self.sources],
            "taken_from": self.taken_from,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Year:
        """The inverse of `as_json`, for data that was checked before; `year_from_file` checks."""
        return cls(
            value["year"],
            value["status"],
            tuple(value["sources"]),
            value["taken_from"],
            {date.fromisoformat(on): name for on, name in value["off"].items()},
            {date.fromisoformat(on): name for on, name in value["work"].items()},
        )


@dataclass(frozen=True)
class Calendar:
    """Notices by year, local days by unit, and the weekend (ISO weekdays; empty: every day works)."""

    years: Mapping[int, Year]
    overlays: Mapping[str, Mapping[date, Overlay]]
    weekend: tuple[int, ...] = WEEKEND

    def __post_init__(self) -> None:
        if not set(self.weekend) < set(range(1, 8)):
            raise ValueError(f"a week without a working day: {self.weekend}")

    def __hash__(self) -> int:
        return hash(self.digest)

    def day(self, on: date, units: Sequence[str] = ()) -> Day:
        """The day as it is lived in a unit. `units`: the unit and those above it, nearest first."""
        for unit in units:
            overlay = self.overlays.get(unit, {}).get(on)
            if overlay:
                return Day(on, overlay.works, "local", overlay.reason, "local", overlay.document)
        # The next year's notice came later than this year's, so it has the last word.
        for year in (on.year + 1, on.year, on.year - 1):
            notice = self.years.get(year)
            if notice is None or (year != on.year and notice.status != "official"):
                continue
            if on in notice.off:
                return Day(on, False, "off", notice.off[on], notice.status, str(year))
            if on in notice.work:
                return Day(on, True, "make-up", notice.work[on], notice.status, str(year))
        own = self.years.get(on.year)
        works = on.isoweekday() not in self.weekend
        status = own.status if own else "projected"
        return Day(on, works, "weekday" if works else "weekend", "", status, str(own.year) if own else "")

    def with_year(self, year: Year) -> Calendar:
        """The calendar in which `year` takes the place of what was known of that year."""
        return replace(self, years={**self.years, year.year: year})

    def with_overlays(self, overlays: Mapping[str, Mapping[date, Overlay | None]]) -> Calendar:
        """The calendar with a unit's local days added, or (None) taken back."""
        merged = {unit: dict(days) for unit, days in self.overlays.items()}
        for unit, days in overlays.items():
            mine = {**merged.get(unit, {}), **days}
            merged[unit] = {on: overlay for on, overlay in mine.items() if overlay}
        return replace(self, overlays={unit: days for unit, days in merged.items() if days})

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the calendar's canonical JSON: the name of this version on record."""
        text = json.dumps(self.as_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def as_json(self) -> dict[str, Any]:
        """`{weekend, years: {"2026": Year}, overlays: {unit: {date: {works, reason, document}}}}`."""
        return {
            "weekend": list(self.weekend),
            "years": {str(year): self.years[year].as_json() for year in sorted(self.years)},
            "overlays": {
                unit: {
                    on.isoformat(): {"works": o.works, "reason": o.reason, "document": o.document}
                    for on, o in sorted(days.items())
                }
                for unit, days in sorted(self.overlays.items())
            },
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Calendar:
        """The inverse of `as_json`."""
        return cls(
            {int(year): Year.from_json(content) for year, content in value["years"].items()},
            {
                unit: {date.fromisoformat(on): Overlay(**overlay) for on, overlay in days.items()}
                for unit, days in value["overlays"].items()
            },
            tuple(value["weekend"]),
        )


@lru_cache(maxsize=1)
def shipped() -> Calendar:
    """The calendar that travels with the product: 2004-2026 as announced, 2027-2030 projected."""
    years = [Year.from_json(json.loads(file.read_bytes())) for file in sorted(_YEARS.glob("*.json"))]
    return Calendar({year.year: year for year in years}, {})


# --- a new year


def year_from_file(content: bytes, name: str) -> Year:
    """A year from a file called `name`, in our format (see `years/`) or that of NateScarlet/holiday-cn.

    Raises `Invalid` with every fault in `found`; a file that holds no announced day is one.
    """
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _no_year(name, [say("it is not JSON: {error}", error=str(error))]) from error
    if not isinstance(value, dict):
        raise _no_year(name, [say("it is not a JSON object")])
    if "days" in value:
        value = _from_holiday_cn(value)
    faults = list(_faults(value))
    if faults:
        raise _no_year(name, faults)
    return Year.from_json({"taken_from": name, **value})


def year_from_library(library: str, year: int) -> Year:
    """China's `year` from an installed holiday library, `holidays` or `chinesecalendar`.

    `holidays` computes a year that is not announced without saying so; it knows no make-up day then,
    while every notice since 2001 has some, so such a year comes back as projected. Raises `Unknown` for
    another or a missing library and `Invalid` for a year the library does not have.
    """
    readers: dict[str, Callable[[int], Year]] = {
        "holidays": _from_holidays,
        "chinesecalendar": _from_chinesecalendar,
    }
    if not 1950 <= year <= 2200:
        raise Invalid(
            "calendar.year",
            say("there is no calendar of the year {year}", year=year),
            expected=say("a year from 1950 to 2200"),
            found=say("{year}", year=year),
        )
    if library not in readers:
        raise Unknown(
            "calendar.library",
            say("There is no import from the library {library}.", library=library),
            expected=say("holidays or chinesecalendar"),
        )
    try:
        return readers[library](year)
    except ImportError as error:
        raise Unknown(
            "calendar.library",
            say("The library {library} is not installed.", library=library),
            remedy=say(
                "Install it (pip install {library}), or import the year from a file.", library=library
            ),
        ) from error


def _window(year: int) -> Iterable[date]:
    """The days that the notice for `year` speaks of: it may reach into the December before."""
    first = date(year - 1, 12, 20)
    return (first + timedelta(days=n) for n in range((date(year, 12, 19) - first).days + 1))


def _from_holidays(year: int) -> Year:
    holidays = import_module("holidays")
    known = holidays.country_holidays("CN", years=[year - 1, year], language="zh_CN")
    work = {on: "" for on in _window(year) if on.isoweekday() in WEEKEND and known.is_working_day(on)}
    off = {on: known[on] for on in _window(year) if on in known}
    title = f"Python library holidays {holidays.__version__}"
    return Year(year, "official" if work else "projected", ({"title": title},), title, off, work)


def _from_chinesecalendar(year: int) -> Year:
    chinese_calendar = import_module("chinese_calendar")
    off, work = {}, {}
    try:
        for on in _window(year):
            rests, name = chinese_calendar.get_holiday_detail(on)
            if rests and name:
                off[on] = str(name)
            elif not rests and on.isoweekday() in WEEKEND:
                work[on] = str(name or "")
    except NotImplementedError as error:
        raise Invalid(
            "calendar.unannounced",
            say("The library chinesecalendar does not have the year {year}.", year=year),
            expected=say("a year whose notice it has"),
            remedy=say("Update the library, or import the year from a file."),
        ) from error
    title = "Python library chinesecalendar"
    return Year(year, "official", ({"title": title},), title, off, work)


def _from_holiday_cn(value: dict[str, Any]) -> dict[str, Any]:
    """Their shape in ours; what is not as it should be is left for `_faults` to find."""
    papers, days = value.get("papers"), value["days"]
    listed: dict[bool, dict[Any, Any]] = {True: {}, False: {}}
    for entry in days if isinstance(days, list) else []:
        if isinstance(entry, dict) and isinstance(entry.get("isOffDay"), bool):
            listed[entry["isOffDay"]][entry.get("date")] = entry.get("name")
        else:
            listed[True][repr(entry)] = ""
    return {
        "year": value.get("year"),
        "status": "official",
        "sources": [{"url": paper} for paper in papers] if isinstance(papers, list) else papers,
        "taken_from": "NateScarlet/holiday-cn",
        "off": listed[True],
        "work": listed[False],
    }


_KEYS = {"year", "status", "sources", "taken_from", "off", "work"}


def _faults(value: Mapping[str, Any]) -> Iterable[Text]:
    for key in sorted(value.keys() - _KEYS):
        yield say("{key} is not a known key", key=key)
    year = value.get("year")
    if not isinstance(year, int) or isinstance(year, bool) or not 1950 <= year <= 2200:
        yield say("year is not a year: {found}", found=repr(year))
        year = None
    if value.get("status") not in ("official", "projected"):
        yield say("status is neither official nor projected: {found}", found=repr(value.get("status")))
    if not isinstance(value.get("taken_from", ""), str):
        yield say("taken_from is not a text")
    yield from _source_faults(value)
    off, work = value.get("off"), value.get("work")
    if not isinstance(off, dict) or not isinstance(work, dict):
        yield say("off and work are not objects that give each date the holiday's name")
        return
    if not off:
        yield say("no day off is listed: the year is not announced in this file")
    for on, name in [*off.items(), *work.items()]:
        yield from _day_faults(on, name, year)
    for on in sorted(off.keys() & work.keys()):
        yield say("{date} is both off and worked", date=on)


def _source_faults(value: Mapping[str, Any]) -> Iterable[Text]:
    sources = value.get("sources")
    fits = isinstance(sources, list) and all(
        isinstance(source, dict)
        and source.keys() & {"title", "url"}
        and source.keys() <= {"title", "url"}
        and all(isinstance(text, str) and text for text in source.values())
        for source in sources
    )
    if not fits:
        yield say("sources is not a list of objects with title or url")
    elif not sources and value.get("status") == "official":
        yield say("an official year names no source")


def _day_faults(on: object, name: object, year: int | None) -> Iterable[Text]:
    try:
        day = date.fromisoformat(on if isinstance(on, str) else "")
    except ValueError:
        yield say("{found} is not a date like 2027-01-01", found=str(on))
        return
    if day.isoformat() != on:
        yield say("{found} is not a date like 2027-01-01", found=str(on))
    if not isinstance(name, str):
        yield say("{date} has no name", date=on)
    if year and not date(year - 1, 12, 1) <= day <= date(year + 1, 1, 31):
        yield say("{date} does not belong to the notice for {year}", date=on, year=year)


def _no_year(name: str, faults: list[Text]) -> Invalid:
    return Invalid(
        "calendar.file",
        say("{file} is not a calendar year.", file=name),
        expected=say("a year as in engine/clock/years, or as NateScarlet/holiday-cn writes it"),
        found=_joined(faults),
    )


def _joined(faults: list[Text]) -> Text:
    found = faults[0]
    for fault in faults[1:]:
        found = say("{first}; {second}", first=found, second=fault)
    return found


# --- local days


def overlays_from_file(content: bytes, name: str) -> dict[str, dict[date, Overlay | None]]:
    """Local days by unit, for `Calendar.with_overlays`, from a TOML file called `name`.

    Each `[[days]]` has `unit` (a code, or "*" for every unit), `date`, `works`, `reason` and `document`, or
    instead of the last three `withdrawn = true`, which takes the day back (None). Raises `Invalid` with every
    fault in `found`. Which units there are is not known here.
    """
    try:
        value = tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise _no_local_days(name, [say("it is not TOML: {error}", error=str(error))]) from error
    rows = value.get("days")
    faults = [say("{key} is not a known key", key=key) for key in sorted(value.keys() - {"days"})]
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise _no_local_days(name, [*faults, say("it lists no day: [[days]] is missing")])
    listed: dict[str, dict[date, Overlay | None]] = {}
    for n, row in enumerate(rows, 1):
        wrong = list(_local_faults(row))
        if not wrong and row["date"] in listed.get(row["unit"], {}):
            wrong = [say("{date} is listed twice for {unit}", date=str(row["date"]), unit=row["unit"])]
        faults += [say("day {n}: {fault}", n=n, fault=fault) for fault in wrong]
        if not wrong:
            day = None if "withdrawn" in row else Overlay(row["works"], row["reason"], row["document"])
            listed.setdefault(row["unit"], {})[row["date"]] = day
    if faults:
        raise _no_local_days(name, faults)
    return listed


_DECIDED = {"works": bool, "reason": str, "document": str}
"""What a local decision says of a day."""


def _local_faults(row: Mapping[str, Any]) -> Iterable[Text]:
    for key in sorted(row.keys() - {"unit", "date", "withdrawn", *_DECIDED}):
        yield say("{key} is not a known key", key=key)
    unit, on = row.get("unit"), row.get("date")
    if not isinstance(unit, str) or not unit.strip():
        yield say("unit is not a unit's code or *")
    if not isinstance(on, date) or isinstance(on, datetime) or not 1950 <= on.year <= 2200:
        yield say("date is not a date like 2026-07-25 (without quotes): {found}", found=str(on))
    if "withdrawn" in row:
        if row["withdrawn"] is not True:
            yield say("withdrawn is not true: {found}", found=repr(row["withdrawn"]))
        for key in sorted(row.keys() & _DECIDED.keys()):
            yield say("{key} is not said of a day that is withdrawn", key=key)
        return
    for key, kind in _DECIDED.items():
        said = row.get(key)
        if not isinstance(said, kind) or (isinstance(said, str) and not said.strip()):
            yield say("{key} is missing or not right: {found}", key=key, found=repr(said))


def _no_local_days(name: str, faults: list[Text]) -> Invalid:
    return Invalid(
        "calendar.local_file",
        say("{file} is not a list of local days.", file=name),
        expected=say(
            '[[days]] with unit, date, works, reason and document, or with unit, date and "withdrawn = true"'
        ),
        found=_joined(faults),
        rule=say("National holidays regulation (全国年节及纪念日放假办法), article 4"),
    )
