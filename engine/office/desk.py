"""What people look at: inbox, case, papers, due dates, told histories."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from .. import audit
from ..access import Organisation, identify
from ..case import steps, timed_steps
from ..clock import read_instant, write_instant
from ..definition import Definition
from ..errors import Diverged, Unknown, say
from ..events import OFFICE, Record, digest
from ..flow.marking import variables
from ..store import DocumentRow, Reader, TaskRow
from ..time_views import card_lines, clock_lines, concerning, explanation, risk, timer_lines
from ..views import answer_lines, step_lines, story_lines
from .draft import state_of
from .library import Library, find_case, head_of_case, standing

StepDues = dict[str, tuple[str | None, bool]]
"""When each open step of a case is due, and whether that is provisional."""


def inbox(
    reader: Reader, library: Library, who: str | None, now: datetime | None, *, everybody: bool
) -> list[dict[str, Any]]:
    """As `Office.inbox`."""
    organisation = library.organisation(reader, standing(reader).organisation)
    posts = None if everybody else list(identify(organisation, who).posts)
    cases: dict[str, tuple[Definition, list[dict[str, Any]], StepDues]] = {}
    lines = []
    for row in reader.inbox(posts):
        if row.case not in cases:
            cases[row.case] = _standing_of_case(reader, library, row.case, now)
        lines.append(_inbox_line(organisation, row, now, *cases[row.case]))
    return sorted(lines, key=risk)


def _standing_of_case(
    reader: Reader, library: Library, case: str, now: datetime | None
) -> tuple[Definition, list[dict[str, Any]], StepDues]:
    """The definition, the clocks, and the instants that open steps are due at."""
    head = head_of_case(reader, case)
    state = state_of(head)
    definition = library.definition(reader, head.definition)
    at = now or read_instant(state.at)
    lines = clock_lines(state, definition, partial(library.calendar, reader), at)
    timed = timed_steps(state, definition)
    found = (step for step in steps(state, definition) if step.task in timed)
    return definition, lines, {step.task: (step.due, step.provisional) for step in found}


def _inbox_line(
    organisation: Organisation,
    row: TaskRow,
    now: datetime | None,
    definition: Definition,
    clocks: list[dict[str, Any]],
    dues: StepDues,
) -> dict[str, Any]:
    due, provisional = dues.get(row.task, (row.due, False))
    return {
        "case": row.case,
        "task": row.task,
        "name": definition.names(row.element),
        "item": row.item,
        "item_name": definition.item["name"],
        "unit": row.unit,
        "unit_name": organisation.units.get(row.unit, {}).get("name", {}),
        "post": row.post,
        "opened_at": row.opened_at,
        "due": due,
        "provisional": provisional,
        "late": due is not None and now is not None and due < write_instant(now),
        "clocks": concerning(clocks, row.unit),
        "people": [person.id for person in organisation.holders(row.unit, row.post)],
    }


def show(reader: Reader, library: Library, case: str, now: datetime | None) -> dict[str, Any]:
    """As `Office.show`."""
    head = find_case(reader, case)
    number = head.case
    definition = library.definition(reader, head.definition)
    calendar_of = partial(library.calendar, reader)
    organisation = library.organisation(reader, standing(reader).organisation)
    state = state_of(head)
    history = audit.records(number, list(reader.records(number)))
    lines = step_lines(history, state, definition, organisation)
    # A step keeps the date it was due by when the timer on it has fired: it is late, not free.
    dues, timed = {row.task: row.due for row in reader.tasks(number)}, timed_steps(state, definition)
    for line in lines:
        if line["state"] == "open" and line["task"] not in timed:
            line["due"] = dues.get(line["task"])
    return {
        "case": number,
        "item": definition.code,
        "item_name": definition.item["name"],
        "definition": head.definition,
        "status": head.status,
        "outcome": state.outcome,
        "outcome_name": definition.outcome_names(state.outcome),
        "opened_at": head.opened_at,
        "closed_at": head.closed_at,
        "steps": lines,
        "clocks": clock_lines(state, definition, calendar_of, now or read_instant(state.at)),
        "cards": card_lines(state, definition, organisation),
        "deemed": [dict(deemed) for deemed in state.deemed],
        "timers": timer_lines(state, definition),
        "documents": [
            {
                **row._asdict(),
                "name": definition.document(row.document)["name"],
                "at": history[row.seq - 1].at,
            }
            for row in reader.documents(number)
        ],
        "application": answer_lines(definition.start_form(), history[0].event.payload()["data"]),
        "data": variables(state.marking),
    }


def document(reader: Reader, case: str, document: str | None) -> tuple[DocumentRow, bytes]:
    """As `Office.document`."""
    number = find_case(reader, case).case
    rows = reader.documents(number)
    for row in reversed(rows):
        if document in (None, row.document, row.number):
            content = reader.content(row.digest)
            if content is None or digest(content) != row.digest:
                raise Diverged(
                    "document.differs",
                    say("document {document} is not the one that was issued", document=row.number),
                    remedy=audit.REMEDY,
                )
            return row, content
    raise Unknown(
        "document.unknown",
        say("case {case} has no document {document}", case=number, document=document or "—"),
        expected=say("one of: {documents}", documents=", ".join(row.document for row in rows) or "—"),
        remedy=say("documents are issued when the step that calls for them is done"),
    )


def explain(
    reader: Reader, library: Library, case: str, clock: str | None, now: datetime
) -> list[dict[str, Any]]:
    """As `Office.explain`."""
    head = find_case(reader, case)
    definition = library.definition(reader, head.definition)
    return explanation(state_of(head), definition, partial(library.calendar, reader), clock, now)


def told(reader: Reader, library: Library, case: str, history: Sequence[Record]) -> list[dict[str, Any]]:
    """As `Office.told`."""
    organisation = library.organisation(reader, standing(reader).organisation)
    if case == OFFICE:
        return story_lines(history, None, organisation)
    definition = find_case(reader, case).definition
    return story_lines(history, library.definition(reader, definition), organisation)
