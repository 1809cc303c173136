"""Recorded cases of an item against a draft of it: which cases, and which draft each of them is put to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from .. import backtest
from ..backtest import Draft, Result, Tally
from ..clock import Calendar, Overlay, Year, read_instant
from ..definition import Definition, recompiled
from ..errors import Diverged, Invalid, Unknown, say
from ..store import CaseRow, DefinitionRow, Reader
from . import proofs
from .authoring import Named, find_published, read_draft
from .calendars import changed
from .library import Library, standing
from .publishing import NotPublishable, unknown_item

Change = Year | Mapping[str, Mapping[date, Overlay | None]]
"""What a calendar says otherwise: a year, or local days by unit."""


_ALL = 2**31 - 1


class Wish(NamedTuple):
    """What recorded cases are put to: the item in the folder `what`, or the version of one that it names
    (`ITEM@2`); by `ITEM` alone each case to the definition that it ran by. In that, `tables` (by file name)
    stand for the decision tables of those names, and its calendars say the `changes` besides.

    The cases are those of `item` (None: of the draft's own) that were opened from the day `since` until the
    day `until`, of them the latest `limit`; `names` says what recorded elements are called in the draft.
    """

    what: str
    tables: Mapping[str, bytes] = {}
    changes: tuple[Change, ...] = ()
    item: str | None = None
    since: date | None = None
    until: date | None = None
    limit: int | None = None
    names: Mapping[str, str] = {}


class Backtest:
    """A wish, looked up: the `cases` it is about, each with its result, and then the sum."""

    def __init__(self, reader: Reader, library: Library, wish: Wish, zone: str, now: datetime) -> None:
        self.reader, self.library, self.wish, self.now = reader, library, wish, now
        self.in_force = standing(reader)
        self.named = self._named()
        self.item = wish.item or (self.named.definition.code if self.named else wish.what)
        if not reader.definitions(self.item):
            raise unknown_item(reader, self.item)
        if self.named is None and not wish.tables and not wish.changes:
            raise Invalid(
                "backtest.nothing",
                say("nothing is to be tried out: that is what these cases ran by"),
                expected=say(
                    "a folder, a version as in {sample}, --dmn or --calendar", sample=f"{self.item}@1"
                ),
                found=say("{item}", item=wish.what),
                remedy=say("see `lianban item list` for the versions"),
            )
        self.organisation = library.latest(reader, self.in_force)
        self._calendars: dict[str, tuple[str, Calendar]] = {}
        self.calendar = self._changed(self.in_force.calendars[-1][1])[0] if wish.changes else None
        self.cases = [row.case for row in self._rows(ZoneInfo(zone))]
        self._drafts: dict[str, Draft] = {}
        if self.named is not None:
            self.draft("")  # so that what is wrong with it is said before the first case

    def _named(self) -> Named | None:
        """The draft, if the wish names one."""
        if Path(self.wish.what).is_dir():
            return read_draft(Path(self.wish.what))
        return find_published(self.reader, self.library, self.wish.what) if "@" in self.wish.what else None

    def _changed(self, named: str) -> tuple[str, Calendar]:
        """The calendar with what the wish says otherwise, and its digest. Raises `Invalid`."""
        if named not in self._calendars:
            calendar = self.library.calendar(self.reader, named)
            for change in self.wish.changes:
                calendar = changed(calendar, change, self.organisation)
            self._calendars[named] = calendar.digest, calendar
        return self._calendars[named]

    def _rows(self, zone: ZoneInfo) -> list[CaseRow]:
        rows = []
        for row in self.reader.cases(self.item, limit=_ALL):
            on = read_instant(row.opened_at).astimezone(zone).date()
            if (self.wish.since is None or self.wish.since <= on) and (
                self.wish.until is None or on <= self.wish.until
            ):
                rows.append(row)
        return rows[: self.wish.limit][::-1]

    def draft(self, pinned: str) -> Draft:
        """What a case that ran by the definition `pinned` is put to."""
        key = "" if self.named is not None else pinned
        if key not in self._drafts:
            definition = (
                self.named.definition
                if self.named is not None
                else self.library.definition(self.reader, pinned)
            )
            if self.wish.tables:
                definition = _with_tables(definition, self.wish.tables)
            self._drafts[key] = Draft(
                definition, self._changed if self.wish.changes else None, self.wish.names
            )
        return self._drafts[key]

    def results(self) -> Iterator[Result]:
        """Each case in turn."""
        calendar_of = partial(self.library.calendar, self.reader)
        definition_of = partial(self.library.definition, self.reader)
        organisation_of = proofs.organisation_of_records(self.reader, self.library, self.in_force)
        for case in self.cases:
            head = self.reader.head(case)
            replay = partial(proofs.replay, self.reader, self.library, case)
            try:
                draft = self.draft(head.definition if head is not None else "")
                yield backtest.compare(
                    case, replay, draft, definition_of, calendar_of, organisation_of, self.now
                )
            except Diverged as refusal:
                yield backtest.broken(case, refusal)

    def report(self, progress: Callable[[int, int], None]) -> dict[str, Any]:
        """All cases and their sum, as plain data: see docs/json.md."""
        tally, lines = Tally(), []
        for result in self.results():
            tally.add(result)
            lines.append(result.line)
            progress(1, len(self.cases))
        total = tally.report()
        for line in total["units"]:
            line["name"] = {lang: self.organisation.unit_name(line["unit"], lang) for lang in ("zh", "en")}
        clocks = self._names("clocks")
        for line in total["overdue"]["clocks"]:
            line["name"] = clocks.get(line["clock"], {})
        return {
            "item": self.item,
            "draft": self.named.name if self.named is not None else None,
            "definition": self.draft("").definition.digest if self.named is not None else None,
            "tables": sorted(self.wish.tables),
            "calendar": self.calendar,
            "names": dict(self.wish.names),
            "strange_units": self._strange_units(),
            "outcome_names": self._names("outcomes"),
            "total": total,
            "cases": lines,
        }

    def _names(self, section: Literal["outcomes", "clocks"]) -> dict[str, dict[str, str]]:
        """What each outcome or clock is called, in the draft or else in what is published."""
        definitions = [self.library.definition(self.reader, row.definition) for row in self._published()]
        definitions += [draft.definition for draft in self._drafts.values()]
        found: dict[str, dict[str, str]] = {}
        for definition in definitions:
            found |= {id: dict(entry["name"]) for id, entry in definition.item.get(section, {}).items()}
        return found

    def _published(self) -> list[DefinitionRow]:
        return list(self.reader.definitions(self.item))

    def _strange_units(self) -> list[str]:
        """The units that a draft's lanes name and that there are not: told, since who may act is not
        asked."""
        bound = {
            str(post).partition("/")[0]
            for draft in self._drafts.values()
            for post in draft.definition.item["lanes"].values()
        }
        return sorted(bound - self.organisation.units.keys())


def _with_tables(definition: Definition, tables: Mapping[str, bytes]) -> Definition:
    """The definition with these decision tables in the place of its own of the same name. Raises `Unknown`
    for a name that it does not have, and `NotPublishable`."""
    own = {PurePosixPath(path).name: path for path in definition.files if path.endswith(".dmn")}
    strange = sorted(tables.keys() - own.keys())
    if strange:
        raise Unknown(
            "backtest.table",
            say("{item} has no decision table {file}", item=definition.code, file=", ".join(strange)),
            expected=say("one of: {files}", files=", ".join(sorted(own)) or "—"),
            found=say("{file}", file=", ".join(strange)),
            remedy=say("give the file the name of the table that it is to stand for"),
        )
    found, problems = recompiled(definition, {own[name]: content for name, content in tables.items()})
    if found is None:
        raise NotPublishable(definition.code, [one for one in problems if one.severity == "error"])
    return found
