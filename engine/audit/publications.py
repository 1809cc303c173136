"""Whether a case began by a definition that was in force: published, effective, not abolished."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ..clock import read_instant, write_instant
from ..errors import Diverged, say
from ..events import CaseOpened, DefinitionPublished, ItemAbolished, MigrationOrdered, OfficeCreated, Record
from .chain import REMEDY, finding

SKEW = timedelta(minutes=5)
"""How far the clocks of an office's machines may be apart: between different histories, nothing closer
together than this is called earlier or later."""


class Published(NamedTuple):
    """A version of an item, as the office's own history has it."""

    item: str
    version: int
    definition: str
    effective: str
    at: str


class Abolished(NamedTuple):
    """By the first `versions` versions of an item no case is opened from the day `since` on."""

    item: str
    versions: int
    since: str
    at: str


class Publications:
    """Which versions of the items were in force when, by the office's own history."""

    def __init__(self, office: Sequence[Record]) -> None:
        self._published: list[Published] = []
        self._abolished: list[Abolished] = []
        self._rehearsal = False
        for record in office:
            match record.event:
                case OfficeCreated(rehearsal=rehearsal):
                    self._rehearsal = rehearsal
                case DefinitionPublished(item=item, definition=named, effective=effective):
                    version = 1 + sum(one.item == item for one in self._published)
                    self._published.append(Published(item, version, named, effective, record.at))
                case ItemAbolished(item=item, since=since, versions=versions):
                    self._abolished.append(Abolished(item, versions, since, record.at))

    def is_published(self, order: MigrationOrdered) -> bool:
        """Whether an order, but for one that takes another back, names a version of its item."""
        named = {one.definition for one in self._published if one.item == order.item}
        return bool(order.undoes) or order.definition in named

    def check(self, number: str, history: Sequence[Record]) -> Iterator[Diverged]:
        """Whether the case was opened by a definition that was in force."""
        opening = history[0]
        event = opening.event
        if not isinstance(event, CaseOpened):
            return
        entered = read_instant(opening.entered)
        day = read_instant(opening.at).astimezone(ZoneInfo(event.zone)).date().isoformat()
        # Not whether it was the latest: of two histories only a seal says which went further when.
        own = [
            one
            for one in self._published
            if (one.item, one.definition) == (event.item, event.definition) and one.effective <= day
        ]
        if not own:
            message = say(
                "case {case}, event 1: it was opened by a definition that was not in force", case=number
            )
            yield finding(number, "definition.not_in_force", message)
        elif not any(self._is_on_record(one, opening.at) for one in own):
            yield Diverged(
                "definition.not_published",
                say("case {case}, event 1: it is older than the publication of its definition", case=number),
                expected=say("an instant from {at} on", at=min(one.at for one in own)),
                found=say("{at}", at=opening.at),
                rule=say(
                    "no case is older than the publication of its definition, whatever day that is effective "
                    "from"
                ),
                remedy=REMEDY,
            )
        elif all(self._is_abolished(one, day, entered) for one in own):
            message = say("case {case}, event 1: it was opened of an item that was abolished", case=number)
            yield finding(number, "item.abolished", message)

    def _is_on_record(self, version: Published, at: str) -> bool:
        """Whether it was published by then. A rehearsal may begin before its office, by the organisation, the
        calendar and the versions that were on record first."""
        first = self._rehearsal and version.version == 1
        return first or version.at <= write_instant(read_instant(at) + SKEW)

    def _is_abolished(self, version: Published, day: str, entered: datetime) -> bool:
        orders = [one for one in self._abolished if one.item == version.item]
        known = write_instant(entered - SKEW)
        earlier = [one for one in orders if one.at < known][-1:]
        if not earlier:
            return False
        meanwhile = [one for one in orders if known <= one.at <= write_instant(entered + SKEW)]
        return all(version.version <= one.versions and one.since <= day for one in (*earlier, *meanwhile))
