"""What an office looks up by digest, kept for the next time; and what is in force at an instant."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from .. import audit
from ..clock import Calendar, read_instant, write_instant
from ..definition import Definition, unpack
from ..errors import Diverged, Invalid, Text, Unknown, say
from ..events import OFFICE, OrganisationChanged, OrganisationRecorded, canonical, digest, parse
from ..organisation import Organisation, Register, read_register
from ..store import Head, Reader, Transaction

STANDING = "standing"
"""The office's setting that says what is in force, as `Standing.text` writes it."""


LISTED = 8
"""Versions of the organisation that the setting lists."""

COUNTED = "counted"
"""The office's setting that says up to which change of the calendar, by its instant, every open case has
been brought."""


class Standing(NamedTuple):
    """What is in force, by digest: the versions of the organisation and the calendars, with the instants
    since when, the earliest first."""

    organisations: tuple[tuple[str, str], ...]
    calendars: tuple[tuple[str, str], ...]
    earlier: int = 0
    """How many versions of the organisation came before those listed: every act reads this, so it lists the
    last few; the office's own history has all."""

    def text(self) -> str:
        """The inverse of `standing_of`."""
        said = {"organisations": self.organisations, "calendars": self.calendars, "earlier": self.earlier}
        return canonical(said).decode()

    def version_at(self, now: datetime) -> int:
        """Which version of the organisation is in force at `now`, counted from 1; the first of all for an
        instant before it."""
        at = write_instant(now)
        listed = enumerate(self.organisations, self.earlier + 1)
        return max((n for n, (since, _) in listed if since <= at), default=self.earlier or 1)

    @property
    def version(self) -> int:
        """The latest version of the organisation."""
        return self.earlier + len(self.organisations)

    def followed_by(self, since: str, organisation: str) -> Standing:
        """The same with one more version of the organisation."""
        listed = (*self.organisations, (since, organisation))
        gone = max(len(listed) - LISTED, 0)
        return self._replace(organisations=listed[gone:], earlier=self.earlier + gone)

    def calendar_at(self, now: datetime) -> str:
        """The calendar in force at `now`; the first of all for an instant before it."""
        found = self.calendars[0][1]
        for since, calendar in self.calendars:
            if since <= write_instant(now):
                found = calendar
        return found

    def changed_at(self, now: datetime) -> str:
        """Since when the calendar in force at `now` has been in force."""
        since = [since for since, _ in self.calendars if since <= write_instant(now)]
        return max(since, default=self.calendars[0][0])

    def revisions(self, calendar: str, since: str, now: datetime) -> Iterator[tuple[str, str]]:
        """The changes up to `now` that a case counted by `calendar` since `since` has still to take over.

        These are the ones behind the one it took over, by their place and not by their instants: where two
        clocks differ, a calendar may be applied at an instant before the one at which a case was opened.
        """
        taken = [n for n, (at, named) in enumerate(self.calendars) if named == calendar and at <= since]
        for applied, changed in self.calendars[max(taken, default=0) + 1 :] if calendar else ():
            if applied <= write_instant(now):
                yield applied, changed


@lru_cache(maxsize=100)
def standing_of(text: str | None) -> Standing:
    """What the setting says. Raises `Diverged` when it says nothing that lianban wrote."""
    try:
        said = json.loads(text or "")
        calendars = tuple((str(since), str(calendar)) for since, calendar in said["calendars"])
        organisations = tuple((str(since), str(named)) for since, named in said["organisations"])
        return Standing(organisations, calendars, int(said["earlier"]))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise Diverged(
            "office.standing",
            say("what is in force in the office can't be read"),
            found=say("{error}", error=repr(error)),
            remedy=audit.REMEDY,
        ) from error


class Library:
    """Definitions, organisations and calendars by digest. What was read once is kept: it never changes."""

    def __init__(self) -> None:
        self._definitions: dict[str, Definition] = {}
        self._registers: dict[str, Register] = {}
        self._calendars: dict[str, Calendar] = {}

    def definition(self, reader: Reader, named: str) -> Definition:
        """The published definition. Raises `Diverged` when it is missing or changed."""
        if named not in self._definitions:
            self._definitions[named] = load_definition(reader, named)
        return self._definitions[named]

    def register(self, reader: Reader, named: str) -> Register:
        """The organisation on record, with all its dates. Raises `Diverged` when it is missing or changed."""
        if named not in self._registers:
            content = _content(reader, named, "organisation")
            try:
                self._registers[named] = read_register(content, recorded=True)
            except Invalid as refusal:
                raise _no_organisation(refusal.message) from refusal
        return self._registers[named]

    def organisation(self, reader: Reader, in_force: Standing, now: datetime) -> Organisation:
        """The organisation on the day of `now`, by the version that was in force then. Raises `Diverged`."""
        return self.version(reader, in_force, self.version_at(reader, in_force, now), now)

    def version_at(self, reader: Reader, in_force: Standing, now: datetime) -> int:
        """Which version of the organisation is in force at `now`, counted from 1; the first of all for an
        instant before it."""
        version = in_force.version_at(now)
        if version > in_force.earlier:
            return version
        at = write_instant(now)
        recorded = enumerate(recorded_organisations(reader)[:version], 1)
        return max((n for n, (since, _) in recorded if since <= at), default=1)

    def version(self, reader: Reader, in_force: Standing, version: int, now: datetime) -> Organisation:
        """The organisation on the day of `now`, by this version of it. Raises `Diverged`."""
        if version > in_force.earlier:
            named = in_force.organisations[version - in_force.earlier - 1][1]
        else:
            named = recorded_organisations(reader)[version - 1][1]
        register = self.register(reader, named)
        try:
            return register.on(now.astimezone(ZoneInfo(register.zone)).date())
        except (LookupError, ValueError, TypeError, AttributeError) as error:  # another content of the office
            raise _no_organisation(say("{error}", error=repr(error))) from error

    def latest(self, reader: Reader, in_force: Standing) -> Organisation:
        """The organisation as it stood when it was changed last."""
        return self.version(reader, in_force, in_force.version, read_instant(in_force.organisations[-1][0]))

    def calendar(self, reader: Reader, named: str) -> Calendar:
        """The calendar on record. Raises `Diverged` when it is missing or changed."""
        if named not in self._calendars:
            self._calendars[named] = load_calendar(reader, named)
        return self._calendars[named]


def load_definition(reader: Reader, named: str) -> Definition:
    """The definition as the database holds it now."""
    packed = reader.content(named)
    if packed is None:
        raise Diverged(
            "definition.missing",
            say("definition {definition} is not in the database", definition=named[:12]),
            remedy=audit.REMEDY,
        )
    definition = unpack(packed)
    if definition.digest != named:
        raise Diverged(
            "definition.differs",
            say("definition {definition} is not what was published", definition=named[:12]),
            remedy=audit.REMEDY,
        )
    return definition


def load_calendar(reader: Reader, named: str) -> Calendar:
    """The calendar as the database holds it now."""
    return Calendar.from_json(json.loads(_content(reader, named, "calendar")))


def recorded_organisations(reader: Reader) -> list[tuple[str, str]]:
    """Every version of the organisation on the office's own record: since when, and its digest."""
    found = [parse(OFFICE, seq, body) for seq, body, _ in reader.records(OFFICE)]
    return [
        (record.at, record.event.content)
        for record in found
        if isinstance(record.event, OrganisationRecorded | OrganisationChanged)
    ]


def put_calendar(tx: Transaction, calendar: Calendar) -> str:
    """Keep the calendar; its digest."""
    content = canonical(calendar.as_json())
    tx.put_content(digest(content), content)
    return digest(content)


def _content(reader: Reader, named: str, kind: str) -> bytes:
    content = reader.content(named)
    if content is None or digest(content) != named:
        raise Diverged(
            f"{kind}.differs",
            say("the organisation on record is missing or changed")
            if kind == "organisation"
            else say("a calendar on record is missing or changed"),
            found=say("{digest}", digest=named),
            remedy=audit.REMEDY,
        )
    return content


def _no_organisation(why: Text) -> Diverged:
    return Diverged(
        "organisation.differs",
        say("what is on record as the organisation is none"),
        found=why,
        remedy=audit.REMEDY,
    )


def head_of_case(reader: Reader, number: str) -> Head:
    """The head of a case that has a history. Raises `Diverged` when there is none."""
    head = reader.head(number)
    if head is None:
        raise no_head(number)
    return head


def no_head(number: str) -> Diverged:
    """There is a history of the case, and nothing that says where it stands."""
    return Diverged(
        "head.missing",
        say("case {case} has a history but no head", case=number),
        remedy=audit.REMEDY,
    )


def find_case(reader: Reader, case: str) -> Head:
    """Where a case stands, found by its number or the end of it."""
    if case != OFFICE and (head := reader.head(case)) is not None:
        return head
    # Every number ends with nothing: an empty name names no case, even where there is only one.
    found = reader.find_cases(case) if case.strip() else []
    if len(found) == 1:
        return head_of_case(reader, found[0])
    if found:
        raise Invalid(
            "case.ambiguous",
            say("several cases end with {case}", case=case),
            expected=say("one of: {cases}", cases=", ".join(found[:10])),
            remedy=say("type more of the number"),
        )
    if case != OFFICE and reader.records(case):
        raise no_head(case)
    raise Unknown(
        "case.unknown",
        say("there is no case {case}", case=case),
        expected=say("a case number, or the last digits of one"),
        found=say("{case}", case=case),
        remedy=say("look for it with `lianban inbox --all`"),
    )


def standing(reader: Reader) -> Standing:
    """What is in force in the office. Raises `Diverged`."""
    return standing_of(reader.meta(STANDING))
