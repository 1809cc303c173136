"""Everything that is wrong with the office's own history, and with its numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from zoneinfo import ZoneInfo

from ..access import administrator, permit_change
from ..case import document_number
from ..clock import read_instant
from ..definition import Definition, pack
from ..errors import Diverged, Refusal, say
from ..events import (
    OFFICE,
    CalendarApplied,
    CalendarImported,
    DefinitionPublished,
    ItemAbolished,
    MigrationOrdered,
    OfficeCreated,
    OrganisationChanged,
    OrganisationRecorded,
    Record,
    SealMade,
    broken_links,
    canonical,
    digest,
)
from ..organisation import read_register
from ..store import DefinitionRow, Head
from .chain import REMEDY, SENSELESS, Rows, finding, records
from .publications import Publications


def verify_office(
    rows: Rows,
    head: Head | None,
    published: Sequence[DefinitionRow],
    organisations: Sequence[tuple[str, str]],
    earlier: int,
    calendars: Sequence[tuple[str, str]],
    abolished: Mapping[str, tuple[str, int, str, str, str]],
    definition_of: Callable[[str], Definition],
    content: Callable[[str], bytes | None],
    checked: Counter[str],
) -> Iterator[Diverged]:
    """The office's own history: its chain, every text and definition it names, who did what, and which are in
    force. `checked` is told how much of what was looked at.

    `published` are the versions that cases are opened with, `organisations` the instants and digests of the
    last versions of the organisation, which acts are judged by, with `earlier` ones before them,
    `calendars` those of the calendars that terms are counted by, `abolished` the items of which no case is
    opened: since when, by the first how many versions, why, by whom, and when that was ordered.
    """
    broken = list(broken_links(OFFICE, rows))
    yield from broken
    if broken:
        return
    if head is None or [(head.seq, head.hash)] != [(seq, stored) for seq, _, stored in rows[-1:]]:
        yield finding(
            OFFICE,
            "head.elsewhere",
            say("{case}, event {seq}: the history ends here, but not its head", case=OFFICE, seq=len(rows)),
        )
    in_force = list(published)
    recorded: list[tuple[str, str]] = []
    versions: dict[str, int] = {}
    applied: list[tuple[str, str]] = []
    ended: dict[str, tuple[str, int, str, str, str]] = {}
    history = records(OFFICE, rows)
    publications = Publications(history)
    checked["events"] += len(history)
    if not _begins(history[0]):
        yield finding(
            OFFICE,
            "office.unreadable",
            say("{case}, event 1: the office's history does not begin with its creation", case=OFFICE),
        )
        return
    for record in history:
        checked["acts"] += "person" in record.by
        yield from _check_time(record)
        if not _is_allowed(record, recorded, content):
            yield _not_allowed(record)
        match record.event:
            case MigrationOrdered() if not publications.is_published(record.event):
                yield _changed(record)
            case OrganisationRecorded(content=named) | OrganisationChanged(content=named):
                stored = content(named)
                if stored is None or digest(stored) != named or not _follows(record, recorded, content):
                    yield _changed(record)
                recorded.append((record.at, named))
                checked["organisations"] += 1
            case CalendarImported(content=named) | CalendarApplied(content=named):
                if isinstance(record.event, CalendarApplied):
                    applied.append((record.at, named))
                checked["calendars"] += 1
                stored = content(named)
                if stored is None or digest(stored) != named:
                    yield _changed(record)
            case ItemAbolished(item=item, since=since, versions=count, reason=reason):
                ended[item] = since, count, reason, str(record.by.get("person", "")), record.at
                if versions.get(item, 0) != count or since < _day(record, history):
                    yield _changed(record)
            case DefinitionPublished(item=item, definition=named, net=net, effective=effective):
                versions[item] = versions.get(item, 0) + 1
                checked["definitions"] += 1
                row = DefinitionRow(item, versions[item], named, net, effective, record.at)
                try:
                    definition = definition_of(named)
                except Refusal:
                    yield _changed(record)
                    continue
                if (
                    row not in in_force
                    or (definition.code, definition.effective) != (item, effective)
                    or digest(definition.net_bytes) != net
                    or pack(definition) != content(named)
                ):
                    yield _changed(record)
                in_force = [other for other in in_force if other != row]
    for row in in_force:
        yield finding(
            OFFICE,
            "definition.unpublished",
            say("version {version} of {item} was never published", version=row.version, item=row.item),
        )
    if recorded[-len(organisations) :] != list(organisations) or len(recorded) != earlier + len(
        organisations
    ):
        yield finding(
            OFFICE,
            "organisation.differs",
            say("{case}: the organisation in force is not the one that is on record", case=OFFICE),
        )
    if ended != dict(abolished):
        yield finding(
            OFFICE,
            "item.differs",
            say("{case}: the items that open no case are not those abolished on record", case=OFFICE),
        )
    if applied != list(calendars):
        yield finding(
            OFFICE,
            "calendar.differs",
            say("{case}: the calendars in force are not those that were applied on record", case=OFFICE),
        )


def _begins(record: Record) -> bool:
    """Whether it is the creation of an office, with a zone that there is."""
    try:
        return isinstance(record.event, OfficeCreated) and bool(ZoneInfo(record.event.zone))
    except SENSELESS:
        return False


def _follows(
    record: Record, recorded: Sequence[tuple[str, str]], content: Callable[[str], bytes | None]
) -> bool:
    """Whether a recorded organisation is the one before it with the change on record, made by who might do
    so."""
    if not isinstance(record.event, OrganisationChanged):
        return True
    before = content(recorded[-1][1]) if recorded else None
    if before is None:
        return False
    try:
        register = read_register(before, recorded=True)
        day = read_instant(record.at).astimezone(ZoneInfo(register.zone)).date()
        changed = register.changed(record.event.change, day)
        if "person" in record.by:
            acted = {key: value for key, value in record.by.items() if key != "org"}
            if permit_change(register.on(day), acted["person"], record.event.change) != acted:
                return False
    except Refusal:
        return False
    return digest(canonical(changed.as_json())) == record.event.content


def _is_allowed(
    record: Record, recorded: Sequence[tuple[str, str]], content: Callable[[str], bytes | None]
) -> bool:
    """Whether an act on the office's record was the operator's, or an administrator's by the organisation of
    its time; of a change of the organisation, `_follows` says more."""
    acted = {key: value for key, value in record.by.items() if key != "org"}
    if "person" not in acted or isinstance(record.event, OrganisationChanged):
        return "person" in acted or acted == {"system": True}
    known = [named for since, named in recorded if since <= record.at] or [named for _, named in recorded[:1]]
    # A seal may be dated on to the office's latest event, after it was decided who seals.
    for named in known if isinstance(record.event, SealMade) else known[-1:]:
        try:
            register = read_register(content(named) or b"", recorded=True)
            day = read_instant(record.at).astimezone(ZoneInfo(register.zone)).date()
            organisation = register.on(day)
            if not organisation.administrators:  # from before an organisation named them
                return acted["person"] in organisation.people
            if administrator(organisation, str(acted["person"])) == acted:
                return True
        except Refusal:
            continue
    return False


def _check_time(record: Record) -> Iterator[Diverged]:
    """What is done in the office takes effect when it is entered."""
    if record.at != record.entered:
        yield finding(
            OFFICE,
            "office.instant",
            say(
                "{case}, event {seq}: it took effect at {at} and was entered at {entered}",
                case=OFFICE,
                seq=record.seq,
                at=record.at,
                entered=record.entered,
            ),
        )


def _day(record: Record, history: Sequence[Record]) -> str:
    """The local day of a record."""
    created = history[0].event
    zone = created.zone if isinstance(created, OfficeCreated) else "UTC"
    return read_instant(record.at).astimezone(ZoneInfo(zone)).date().isoformat()


_MOST_GAPS = 1_000
"""Numbers beyond what is on record that are named one by one."""


def verify_numbers(
    cases: Iterable[str], documents: Iterable[str], given: Iterable[tuple[str, int]]
) -> Iterator[Diverged]:
    """Cases and documents that were numbered and are gone, or are there without having been numbered.

    The numbers of a series have no gaps; `given` is the last one of each.
    """
    left = set(cases) - {OFFICE}, set(documents)
    most = len(left[0]) + len(left[1]) + _MOST_GAPS
    for series, last in given:
        name, of_documents, year = series.rpartition("/")
        if of_documents and not year.isdecimal():
            text = say("nobody ever numbered a series {series}", series=series)
            yield finding(series, "number.unknown", text)
            continue
        if last > most:
            text = say(
                "series {series} stands at {last}, far beyond what is on record", series=series, last=last
            )
            yield finding(series, "number.missing", text)
        for serial in range(1, min(last, most) + 1):
            if of_documents:
                number = document_number(name, int(year), serial)
                text = say("document {case} was issued but is in no history", case=number)
            else:
                number = f"{series}-{serial:05d}"
                text = say("case {case} was opened but has no history", case=number)
            known = left[1 if of_documents else 0]
            if number not in known:
                yield finding(number, "number.missing", text)
            known.discard(number)
    for number in sorted(left[0] | left[1]):
        yield finding(number, "number.unknown", say("nobody ever gave the number {case}", case=number))


_NAMED = re.compile(rb'"(?:content|definition|calendar)":"([0-9a-f]{64})"')


def contents_named(rows: Rows) -> set[str]:
    """The digests of the contents that a history names, whether or not it is one."""
    return {found.decode() for _, body, _ in rows for found in _NAMED.findall(body)}


def verify_contents(unnamed: Sequence[str]) -> Iterator[Diverged]:
    """Contents that are stored, and that no history names: left over from one that was removed, or put there
    for one that is to come."""
    if unnamed:
        first = ", ".join(digest[:12] for digest in unnamed[:3]) + (" …" if len(unnamed) > 3 else "")
        yield Diverged(
            "content.unnamed",
            say("{count} stored contents that no history names: {first}", count=len(unnamed), first=first),
            expected=say("only definitions, calendars, organisations and documents that are on record"),
            rule=say("what is stored goes on record in the same act"),
            remedy=REMEDY,
        )


def verify_strays(strays: Iterable[str]) -> Iterator[Diverged]:
    """Open steps, timers, documents, messages or a state of cases that have no history: whoever looks into an
    inbox sees a case that never was."""
    for number in strays:
        text = say("something is kept of case {case}, which has no history", case=number)
        yield finding(number, "list.stray", text)


def _changed(record: Record) -> Diverged:
    return finding(
        OFFICE,
        "content.differs",
        say(
            "{case}, event {seq}: what {type} recorded is missing or changed",
            case=OFFICE,
            seq=record.seq,
            type=record.event.type,
        ),
    )


def _not_allowed(record: Record) -> Diverged:
    return finding(
        OFFICE,
        "office.authority",
        say(
            "{case}, event {seq}: {person} could not do {type}",
            case=OFFICE,
            seq=record.seq,
            person=str(record.by.get("person", record.by)),
            type=record.event.type,
        ),
    )
