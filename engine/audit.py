"""Proofs over histories (floor 5): replay and verify, pure functions of what is on record.

Nothing here trusts a projection: a history is read from its own bytes, run again by the definition it
names, and compared; then the head and the other things that are kept for speed are compared with it.

What is found is every edit that does not rewrite a history from some event on together with all that
is kept beside it. Against whoever does that, a copy of the heads elsewhere is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from .access import permit, permit_change
from .case import CalendarOf, Case, Watch, document_number, evolve, unwatched
from .clock import read_instant
from .commands import claim_of
from .definition import Definition, pack
from .errors import Diverged, Refusal, Text, say
from .events import (
    OFFICE,
    CalendarApplied,
    CalendarImported,
    CalendarRevised,
    CardRaised,
    CaseMigrated,
    CaseOpened,
    DefinitionPublished,
    DocumentIssued,
    ItemAbolished,
    MigrationOrdered,
    OrganisationChanged,
    OrganisationRecorded,
    Record,
    RecusalDeclared,
    ReminderRaised,
    SignalReceived,
    SignalSent,
    broken_links,
    canonical,
    digest,
    parse,
)
from .organisation import Organisation, read_register
from .projections import derive
from .store import DefinitionRow, DocumentRow, Head, OutboxRow, TaskRow

Rows = Sequence[tuple[int, bytes, str]]
"""A stored history: `(seq, body, hash)` in order."""

OrganisationOf = Callable[[Record], Organisation]
"""Gives the organisation that a record was judged by. Raises `Diverged` where it names one that was not in
force."""


class Kept(Struct, frozen=True):
    """What is kept beside the history of a case."""

    head: Head | None
    tasks: Sequence[TaskRow]
    timers: Sequence[tuple[str, str]]
    documents: Sequence[DocumentRow]
    messages: Sequence[OutboxRow]


REMEDY = say("compare the database with a backup or a sealed copy; somebody changed it")


def records(number: str, rows: Rows) -> list[Record]:
    """The history as records. Raises `Diverged` at the first break in its chain: nobody should be told
    a history, or shown its replay, that is not as it was written."""
    for broken in broken_links(number, rows):
        raise broken
    if not rows:
        raise _finding(number, "history.missing", say("case {case} has no history", case=number))
    return [parse(number, seq, body) for seq, body, _ in rows]


def replay(
    number: str,
    history: Iterable[Record],
    definition_of: Callable[[str], Definition],
    calendar_of: CalendarOf,
    watch: Watch = unwatched,
) -> Iterator[tuple[Record, Case]]:
    """Run the history again: each record with the case as it stood after it, by the definition of its time.
    `watch` is told what the process did by a fact before its record is given.

    Raises `Diverged` naming the event at which the record says something else than the replay.
    """
    case: Case | None = None
    definition: Definition | None = None
    fact: Record | None = None
    for record in history:
        try:
            if record.event.fact:
                fact = record
            elif fact is not None:
                _check_circumstances(record, fact)
            if definition is None:
                if not isinstance(record.event, CaseOpened):
                    raise Diverged(
                        "replay.start",
                        say("the history does not begin with the opening of a case"),
                        remedy=REMEDY,
                    )
                definition = definition_of(record.event.definition)
            at = read_instant(record.at)
            target = definition
            if isinstance(record.event, CaseMigrated):
                target = definition_of(record.event.definition)
            case = evolve(case, definition, number, at, record.by, record.event, calendar_of, target, watch)
            definition = target
        except Diverged as found:
            raise _at(number, record.seq, found) from found
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            # Whoever can write the database can write an event with a good hash and no sense in it.
            senseless = Diverged(
                "replay.unreadable",
                say("{type} does not say what such an event says", type=record.event.type),
                found=say("{error}", error=repr(error)),
                remedy=REMEDY,
            )
            raise _at(number, record.seq, senseless) from error
        yield record, case
    if case is not None and case.expected:
        raise Diverged(
            "replay.unfinished",
            say(
                "case {case}, event {seq}: the history ends in the middle of an act; {event} should follow",
                case=number,
                seq=record.seq,
                event=case.expected[0].type,
            ),
            expected=say(
                "{event}", event=f"{case.expected[0].type} {canonical(case.expected[0].payload()).decode()}"
            ),
            found=say("no event {seq}", seq=record.seq + 1),
            remedy=REMEDY,
        )


def _check_circumstances(record: Record, fact: Record) -> None:
    """What follows from a fact takes effect with it, is written with it, and is done by whom it was done."""
    for name in ("at", "entered", "by"):
        recorded, given = getattr(record, name), getattr(fact, name)
        if recorded != given:
            was, replayed = canonical(recorded).decode(), canonical(given).decode()
            raise Diverged(
                "replay.diverged",
                say(
                    "recorded {type} with {recorded}, replay gives {replayed}",
                    type=record.event.type,
                    recorded=f"{name} {was}",
                    replayed=f"{name} {replayed}",
                ),
                expected=say("{value}", value=replayed),
                found=say("{value}", value=was),
                rule=say(
                    "a consequence has the instants and the author of its fact, event {seq}", seq=fact.seq
                ),
                remedy=REMEDY,
            )


def _at(number: str, seq: int, found: Diverged) -> Diverged:
    return Diverged(
        found.code,
        say("case {case} diverged at event {seq}: {what}", case=number, seq=seq, what=found.message),
        expected=found.expected,
        found=found.found,
        rule=found.rule,
        remedy=found.remedy,
    )


def verify_case(
    number: str,
    rows: Rows,
    kept: Kept,
    definition_of: Callable[[str], Definition],
    calendar_of: CalendarOf,
    content: Callable[[str], bytes | None],
    organisation_of: OrganisationOf | None,
    calendars: Sequence[tuple[str, str]],
    rows_of: Callable[[str], Rows],
) -> Iterator[Diverged]:
    """Everything that is wrong with one case; nothing when it is as it was written.

    `definition_of` gives published definitions, `calendar_of` calendars on record and `content` stored bytes,
    each by digest; `organisation_of` the organisation that a record was judged by (None when it can't be read
    itself); `calendars` are those that came into force in the office, with the instants; `rows_of` the
    records of another case, whose signal may have reached this one.
    """
    broken = list(broken_links(number, rows))
    yield from broken
    if broken:
        return  # what follows from a broken history proves nothing
    try:
        history = records(number, rows)
        replayed = replay(number, history, definition_of, calendar_of)
        if organisation_of is not None:
            replayed = _authorised(number, replayed, definition_of, organisation_of)
        head, lists = derive(replayed, definition_of)
    except Diverged as found:
        yield found
        return
    yield from _check_calendars(number, history, calendars)
    yield from _check_head(number, kept.head, head)
    yield from _check_list(number, head.seq, say("open steps"), kept.tasks, lists.opened)
    yield from _check_list(number, head.seq, say("armed timers"), kept.timers, lists.armed)
    told = {
        (row.seq, row.unit, row.kind)
        for row in kept.messages
        if row.delivered_at is None or row.attempts > 0  # nothing is delivered without a try
    }
    due = {
        (r.seq, r.event.unit, r.event.type)
        for r in history
        if isinstance(r.event, ReminderRaised | CardRaised)
    }
    yield from _check_list(number, head.seq, say("reminders and cards to send"), told, due)
    yield from _check_documents(number, history, kept.documents, content)
    yield from _check_signals(number, history, rows_of)
    yield from _check_migrations(number, history, rows_of)


def _check_signals(
    number: str, history: Iterable[Record], rows_of: Callable[[str], Rows]
) -> Iterator[Diverged]:
    """A signal that arrived was sent, by another case."""
    for record in history:
        match record.event:
            case SignalReceived(name=name, case=sender, seq=seq) if not _was_sent(name, sender, seq, rows_of):
                yield _finding(
                    number,
                    "signal.not_sent",
                    say(
                        "case {case}, event {seq}: the signal {name} was not sent by {sender}, event {at}",
                        case=number,
                        seq=record.seq,
                        name=name,
                        sender=sender,
                        at=seq,
                    ),
                )


def _check_migrations(
    number: str, history: Sequence[Record], rows_of: Callable[[str], Rows]
) -> Iterator[Diverged]:
    """A case went over to another version as that was ordered on the office's record; back to the one that it
    came from."""
    migrated = [(record, record.event) for record in history if isinstance(record.event, CaseMigrated)]
    if not migrated:
        return
    ordered = {}
    for seq, body, _ in rows_of(OFFICE):
        with suppress(Diverged):  # the office's record has findings of its own
            event = parse(OFFICE, seq, body).event
            if isinstance(event, MigrationOrdered):
                ordered[event.batch] = event
    came_from: dict[str, str] = {}
    for record, event in migrated:
        order = ordered.get(event.batch)
        right = order is not None and (order.names, order.undoes) == (event.names, event.undoes)
        if order is not None and right:
            target = came_from.get(order.undoes) if order.undoes else order.definition
            right = target == event.definition and set(event.accepted) <= set(order.accepted)
        if not right:
            yield _finding(
                number,
                "migration.not_ordered",
                say(
                    "case {case}, event {seq}: it went over to another version otherwise than was ordered",
                    case=number,
                    seq=record.seq,
                ),
            )
        came_from[event.batch] = event.was


def _was_sent(name: str, sender: str, seq: int, rows_of: Callable[[str], Rows]) -> bool:
    for row in rows_of(sender):
        if row[0] == seq:
            try:
                event = parse(sender, seq, row[1]).event
            except (Refusal, ValueError, TypeError, LookupError, AttributeError):
                return False  # the other case has findings of its own
            return isinstance(event, SignalSent) and event.name == name
    return False


def _authorised(
    number: str,
    replayed: Iterable[tuple[Record, Case]],
    definition_of: Callable[[str], Definition],
    organisation_of: OrganisationOf,
) -> Iterator[tuple[Record, Case]]:
    """Pass the replay on, checking that each act was done by somebody who could do it then, in the capacity
    that is on record.

    Raises `Diverged` at the first that was not.
    """
    before: Case | None = None
    cause: dict[str, Any] = {}
    versions = False
    for record, case in replayed:
        try:
            if record.event.fact:
                cause = record.by
                versions = versions or "org" in cause  # from the first act that names one on, all do
                if versions and "person" in cause and "org" not in cause:
                    raise _unauthorised(record, say("the version of the organisation"), NAMED)
                _check_authority(record, before, definition_of(case.definition), organisation_of)
        except Diverged as found:
            raise _at(number, record.seq, found) from found
        before = case
        yield record, case


NAMED = say("the record names who acted, by which version of the organisation, and so does all that follows")


def _check_authority(
    record: Record, before: Case | None, definition: Definition, organisation_of: OrganisationOf
) -> None:
    organisation = organisation_of(record)
    acted = {key: value for key, value in record.by.items() if key != "org"}
    claim = claim_of(record.event, before, definition, organisation)
    if claim is None:
        if isinstance(record.event, RecusalDeclared) and acted.get("person") not in organisation.people:
            raise _unauthorised(record, say("somebody who works here"), say("nobody can speak for another"))
        return
    person = organisation.people.get(str(acted.get("person")))
    owners = ", ".join(f"{unit}/{post}" for unit, post in claim.owners)
    expected = say("somebody who holds {posts}", posts=owners or "—")
    if person is None:
        raise _unauthorised(record, expected, claim.rule)
    try:
        allowed = permit(organisation, person, claim)
    except Refusal as refusal:
        raise _unauthorised(record, refusal.expected, refusal.rule) from refusal
    if allowed != acted:
        raise _unauthorised(record, say("{by}", by=str(allowed)), claim.rule)


def _unauthorised(record: Record, expected: Text, rule: Text) -> Diverged:
    return Diverged(
        "replay.authority",
        say(
            "{person} could not act for {post} in {unit}",
            person=str(record.by.get("person")),
            unit=str(record.by.get("unit")),
            post=str(record.by.get("post")),
        ),
        expected=expected,
        found=say("{found}", found=str(record.by)),
        rule=rule,
        remedy=REMEDY,
    )


def _check_calendars(
    number: str, history: Sequence[Record], calendars: Sequence[tuple[str, str]]
) -> Iterator[Diverged]:
    """A case is counted by calendars that were in force in the office, by none before its time, and takes a
    change over at its instant, or right after what had happened by then."""
    place = -1
    for before, record in zip([None, *history], history, strict=False):
        match record.event:
            case CaseOpened(calendar=calendar):
                if b'"calendar":' not in record.body:
                    return  # opened before calendars were on record
                # In a rehearsal office a case may be opened before the office was.
                latest = max(record.at, calendars[0][0]) if calendars else ""
                place = _place(calendars, calendar, latest)
                right = place >= 0
            case CalendarRevised(calendar=calendar):
                since = calendars[place + 1][0] if 0 <= place < len(calendars) - 1 else ""
                taken = [n for n, (_, named) in enumerate(calendars) if n > place and named == calendar]
                right = bool(taken) and before is not None and record.at == max(since, before.at)
                place = taken[0] if taken else place
            case _:
                continue
        if not right:
            yield _finding(
                number,
                "calendar.not_in_force",
                say(
                    "case {case}, event {seq}: its terms are counted by a calendar that was not in force",
                    case=number,
                    seq=record.seq,
                ),
            )
            return


def _place(calendars: Sequence[tuple[str, str]], calendar: str, until: str) -> int:
    """Which of the calendars in force it is: the last one up to the instant `until`; -1 for none."""
    places = [n for n, (since, named) in enumerate(calendars) if named == calendar and since <= until]
    return max(places, default=-1)


def _check_head(number: str, found: Head | None, derived: Head) -> Iterator[Diverged]:
    if found is None:
        yield _finding(number, "head.missing", say("case {case} has a history but no head", case=number))
    elif (found.seq, found.hash) != (derived.seq, derived.hash):
        yield _finding(
            number,
            "head.elsewhere",
            say(
                "case {case}, event {seq}: the history ends here, but the head stands at event {head}",
                case=number,
                seq=derived.seq,
                head=found.seq,
            ),
        )
    elif found != derived and _respelled(found) != derived:
        yield _finding(
            number,
            "head.differs",
            say(
                "case {case}: its stored state after event {seq} is not what its history gives",
                case=number,
                seq=derived.seq,
            ),
        )


def _respelled(head: Head) -> Head:
    """The head with its state spelled as it would be now: earlier versions wrote 0.00001 as 1e-05."""
    with suppress(ValueError, TypeError, KeyError):
        return head._replace(state=Case.unpack(head.state).pack())
    return head


def _check_list(
    number: str, seq: int, what: Text, found: Iterable[tuple[Any, ...]], derived: Iterable[tuple[Any, ...]]
) -> Iterator[Diverged]:
    if set(found) != set(derived):
        yield _finding(
            number,
            "list.differs",
            say(
                "case {case}: the list of its {what} after event {seq} is not what its history gives",
                case=number,
                seq=seq,
                what=what,
            ),
        )


def _check_documents(
    number: str,
    history: Iterable[Record],
    rows: Iterable[DocumentRow],
    content: Callable[[str], bytes | None],
) -> Iterator[Diverged]:
    filed = {row.seq: (row.document, row.number, row.digest) for row in rows}
    for record in history:
        match record.event:
            case DocumentIssued(document=document, number=issued, content=named):
                stored = content(named)
                right = stored is not None and digest(stored) == named
                if filed.pop(record.seq, None) != (document, issued, named) or not right:
                    yield _wrong_document(number, record.seq, document, issued)
    for seq, (document, issued, _) in filed.items():
        yield _wrong_document(number, seq, document, issued)


def _wrong_document(number: str, seq: int, document: str, issued: str) -> Diverged:
    return _finding(
        number,
        "document.differs",
        say(
            "case {case}, event {seq}: document {document} {number} is not the one that was issued",
            case=number,
            seq=seq,
            document=document,
            number=issued,
        ),
    )


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
) -> Iterator[Diverged]:
    """The office's own history: its chain, every text and definition it names, and which are in force.

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
        yield _finding(
            OFFICE,
            "head.elsewhere",
            say("{case}, event {seq}: the history ends here, but not its head", case=OFFICE, seq=len(rows)),
        )
    in_force = list(published)
    recorded: list[tuple[str, str]] = []
    versions: dict[str, int] = {}
    applied: list[tuple[str, str]] = []
    ended: dict[str, tuple[str, int, str, str, str]] = {}
    for record in records(OFFICE, rows):
        match record.event:
            case OrganisationRecorded(content=named) | OrganisationChanged(content=named):
                stored = content(named)
                if stored is None or digest(stored) != named or not _follows(record, recorded, content):
                    yield _changed(record)
                recorded.append((record.at, named))
            case CalendarImported(content=named) | CalendarApplied(content=named):
                if isinstance(record.event, CalendarApplied):
                    applied.append((record.at, named))
                stored = content(named)
                if stored is None or digest(stored) != named:
                    yield _changed(record)
            case ItemAbolished(item=item, since=since, versions=count, reason=reason):
                ended[item] = since, count, reason, str(record.by.get("person", "")), record.at
                if versions.get(item, 0) != count:
                    yield _changed(record)
            case DefinitionPublished(item=item, definition=named, net=net, effective=effective):
                versions[item] = versions.get(item, 0) + 1
                row = DefinitionRow(item, versions[item], named, net, effective, record.at)
                try:
                    definition = definition_of(named)
                except Refusal:
                    yield _changed(record)
                    continue
                if (
                    row not in in_force
                    or definition.code != item
                    or digest(definition.net_bytes) != net
                    or pack(definition) != content(named)
                ):
                    yield _changed(record)
                in_force = [other for other in in_force if other != row]
    for row in in_force:
        yield _finding(
            OFFICE,
            "definition.unpublished",
            say("version {version} of {item} was never published", version=row.version, item=row.item),
        )
    if recorded[-len(organisations) :] != list(organisations) or len(recorded) != earlier + len(
        organisations
    ):
        yield _finding(
            OFFICE,
            "organisation.differs",
            say("{case}: the organisation in force is not the one that is on record", case=OFFICE),
        )
    if ended != dict(abolished):
        yield _finding(
            OFFICE,
            "item.differs",
            say("{case}: the items that open no case are not those abolished on record", case=OFFICE),
        )
    if applied != list(calendars):
        yield _finding(
            OFFICE,
            "calendar.differs",
            say("{case}: the calendars in force are not those that were applied on record", case=OFFICE),
        )


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


def verify_numbers(
    cases: Iterable[str], documents: Iterable[str], given: Iterable[tuple[str, int]]
) -> Iterator[Diverged]:
    """Cases and documents that were numbered and are gone, or are there without having been numbered.

    The numbers of a series have no gaps; `given` is the last one of each.
    """
    left = set(cases) - {OFFICE}, set(documents)
    for series, last in given:
        name, of_documents, year = series.rpartition("/")
        for serial in range(1, last + 1):
            if of_documents:
                number = document_number(name, int(year), serial)
                text = say("document {case} was issued but is in no history", case=number)
            else:
                number = f"{series}-{serial:05d}"
                text = say("case {case} was opened but has no history", case=number)
            known = left[1 if of_documents else 0]
            if number not in known:
                yield _finding(number, "number.missing", text)
            known.discard(number)
    for number in sorted(left[0] | left[1]):
        yield _finding(number, "number.unknown", say("nobody ever gave the number {case}", case=number))


def _changed(record: Record) -> Diverged:
    return _finding(
        OFFICE,
        "content.differs",
        say(
            "{case}, event {seq}: what {type} recorded is missing or changed",
            case=OFFICE,
            seq=record.seq,
            type=record.event.type,
        ),
    )


def _finding(number: str, code: str, message: Text) -> Diverged:
    return Diverged(
        code,
        message,
        expected=say("what the history of {case} says", case=number),
        rule=say("everything but the history is derived from it"),
        remedy=REMEDY,
    )
