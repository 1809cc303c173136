"""One act before it is written: the case it works on, its course, and the documents it issues."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from .. import audit
from ..case import CalendarOf, Case, document_number
from ..clock import read_instant, write_instant
from ..course import Course
from ..definition import Definition
from ..errors import Diverged, Invalid, say
from ..events import (
    GENESIS,
    OFFICE,
    CalendarRevised,
    CardRaised,
    DocumentIssued,
    Event,
    Record,
    ReminderRaised,
    canonical,
    chain,
    digest,
)
from ..organisation import Organisation
from ..projections import changes_of, head_of
from ..steps import step_names
from ..store import Changes, DocumentRow, Head, OutboxRow, Transaction
from ..views import document_context
from .library import Library, Standing

SYSTEM = {"system": True}
"""Who acts when an office is set up, an item is published from the command line, or a calendar that came into
force reaches a case."""


class Done(Struct, frozen=True):
    """What an act did: the case, whether it had been done before, its events, and what is open now."""

    case: str
    repeated: bool
    events: list[Record]
    open: list[str]
    outcome: str | None


class Press:
    """Numbers the documents of one act and renders them, in the office's `zone`."""

    # Not the draft itself: with the course they would hold each other, and with them the whole case, until
    # the garbage collector comes by, which then costs more than the act's decision.

    def __init__(self, tx: Transaction, zone: str, organisation: Organisation) -> None:
        self.tx = tx
        self.zone = zone
        self.organisation = organisation
        self.documents: list[tuple[str, bytes]] = []
        """Name and content of each, in order of issue."""

    def issue(
        self, course: Course, at: datetime, by: dict[str, Any], event: DocumentIssued
    ) -> DocumentIssued:
        """Number the document and render it; the number is given back if the act fails."""
        local = at.astimezone(ZoneInfo(self.zone))
        definition = course.definition
        described = definition.item["documents"][event.document]
        serial = self.tx.next_number(f"{described['series']}/{local.year}")
        number = document_number(described["series"], local.year, serial)
        issued = replace(event, number=number)
        content = paper(
            course.case, definition, course.fact, course.calendar_of, self.organisation, at, by, issued
        )
        issued = replace(issued, content=digest(content))
        self.documents.append((described["name"]["zh"], content))
        return issued


class Draft:
    """One act on a case (a new one if `before` is None) at `now`: facts go in through `course`, then `write`.

    `organisation` is what the act is judged by, and `version` which one that is.
    """

    def __init__(
        self,
        tx: Transaction,
        library: Library,
        standing: Standing,
        zone: str,
        number: str,
        definition: Definition,
        before: tuple[Head, Case] | None,
        now: datetime,
    ) -> None:
        self.tx = tx
        self.now = now
        self.standing = standing
        self.number = number
        self.head = before[0] if before else None
        self.version = library.version_at(tx, standing, now)
        self.organisation: Organisation = library.version(tx, standing, self.version, now)
        self.press = Press(tx, zone, self.organisation)
        self.course = Course(
            number,
            before[1] if before else None,
            definition,
            self.press.issue,
            partial(library.calendar, tx),
            partial(library.definition, tx),
        )

    def settle(self, now: datetime) -> None:
        """Time first, as `settle`."""
        settle(self.course, self.standing, now)

    def write(self, now: datetime) -> Done:
        """Put the act on record, whole. An act in which nothing happened writes nothing."""
        case = self.course.case
        if self.course.entries:
            before = (self.head.seq, self.head.hash) if self.head else (0, GENESIS)
            records = chain(self.number, *before, now, self.course.entries)
            changes = changes_of(
                case, self.course.definition, records, self.course.dues, self._filed(records)
            )
            self.tx.append(head_of(case, records[-1]), records, changes._replace(messages=_messages(records)))
        else:
            records = []
        return Done(
            case=self.number,
            repeated=False,
            events=records,
            open=step_names(case, self.course.definition),
            outcome=case.outcome,
        )

    def _filed(self, records: Sequence[Record]) -> list[tuple[DocumentRow, bytes]]:
        """The rendered documents under the events that issued them."""
        issued = [record for record in records if isinstance(record.event, DocumentIssued)]
        rows = []
        for record, (name, content) in zip(issued, self.press.documents, strict=True):
            event: Any = record.event
            rows.append(
                (
                    DocumentRow(
                        self.number,
                        record.seq,
                        event.document,
                        event.number,
                        name,
                        event.content,
                        "text/html",
                    ),
                    content,
                )
            )
        return rows


def paper(
    case: Case,
    definition: Definition,
    fact: Event | None,
    calendar_of: CalendarOf,
    organisation: Organisation,
    at: datetime,
    by: dict[str, Any],
    issued: DocumentIssued,
) -> bytes:
    """The document that `issued` is of the case as it stood before, after `fact`; a pure function of these.
    Raises `Invalid` where its template can't be filled."""
    from ..documents import render

    # In one order, whether the act before was read from what is stored or is still in memory.
    case = replace(Case.unpack(case.pack()), expected=case.expected)
    fact = replace(fact, **json.loads(canonical(fact.payload()))) if fact is not None else None
    zone = case.marking["zone"]
    context = document_context(
        case, definition, fact, calendar_of, organisation, at, by, issued, issued.number, zone
    )
    return render(definition.templates, definition.document(issued.document)["template"], context)


def settle(course: Course, standing: Standing, now: datetime) -> None:
    """Time first: every timer and clock due by `now`, and every change of the calendar that the case has not
    taken over yet, at its own instant, in order."""
    case = course.case
    for applied, calendar in standing.revisions(case.calendar, case.counted_since, now):
        at = max(read_instant(applied), read_instant(course.case.at))
        course.settle(at)
        if not course.case.closed:
            course.enter(at, SYSTEM, CalendarRevised(calendar))
    course.settle(now)


def _messages(records: Sequence[Record]) -> list[OutboxRow]:
    """What people are to be told about these events."""
    return [
        OutboxRow(record.case, record.seq, record.event.unit, record.event.type, record.entered)
        for record in records
        if isinstance(record.event, ReminderRaised | CardRaised)
    ]


def state_of(head: Head) -> Case:
    """The case that a head's state holds. Raises `Diverged` when it holds none."""
    try:
        return Case.unpack(head.state)
    except audit.SENSELESS as error:
        raise Diverged(
            "head.unreadable",
            say("the stored state of case {case} can't be read", case=head.case),
            found=say("{error}", error=repr(error)),
            remedy=audit.REMEDY,
        ) from error


def not_backwards(case: Case, now: datetime) -> None:
    """Raise `Invalid` when the case has gone further than `now`."""
    if write_instant(now) < case.at:
        raise Invalid(
            "clock.backwards",
            say("the case has gone further than {now}", now=write_instant(now)),
            expected=say("an instant not before {at}, its latest event", at=case.at),
            found=say("{now}", now=write_instant(now)),
            rule=say("a history is written in the order of time"),
            remedy=say("check --now, or the clock of this machine"),
        )


# --- the office's own history


def office_head(last: Record, opened_at: str) -> Head:
    """The head of the office's own stream, begun at `opened_at`, after its record `last`."""
    return Head(OFFICE, last.seq, last.hash, canonical({}), "", "", "open", opened_at)


def append_office(
    tx: Transaction,
    now: datetime,
    events: Sequence[Event],
    by: dict[str, Any] = SYSTEM,
    head: Head | None = None,
) -> None:
    """Put events on the office's own record: behind `head`, if they were decided on what was on record then;
    `Conflict` when something else came between."""
    head = head or tx.head(OFFICE)
    before = (head.seq, head.hash) if head else (0, GENESIS)
    records = chain(OFFICE, *before, now, [(now, by, event) for event in events])
    opened_at = head.opened_at if head else write_instant(now)
    tx.append(office_head(records[-1], opened_at), records, Changes())
