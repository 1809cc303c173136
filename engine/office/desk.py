"""What people look at: inbox, case, papers, due dates, told histories."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from .. import audit
from ..access import identify, may
from ..case import Case
from ..clock import read_instant, write_instant
from ..commands import claim_to_decide, claim_to_do, claim_to_follow_up
from ..definition import Definition
from ..docket import owing
from ..errors import Diverged, Unknown, say
from ..events import OFFICE, Record, digest
from ..flow.marking import incidents, variables
from ..organisation import Organisation, Person, Post
from ..projections import recusal_row
from ..steps import DatedStep, steps, timed_steps
from ..store import DocumentRow, Reader, TaskRow
from ..time_views import LIVE, card_lines, clock_lines, concerning, explanation, risk, timer_lines
from ..views import (
    TO_DECIDE,
    agent_line,
    answer_lines,
    by_version,
    contact_line,
    finding_lines,
    joint_lines,
    material_lines,
    person_name,
    recusal_lines,
    step_lines,
    story_lines,
    unit_names,
)
from .damage import naming
from .draft import state_of
from .library import Library, find_case, head_of_case, standing


def inbox(
    reader: Reader,
    library: Library,
    who: str | None,
    now: datetime | None,
    *,
    everybody: bool,
    place: tuple[str | None, str | None] = (None, None),
) -> list[dict[str, Any]]:
    """As `Office.inbox`, of all units and posts; `place` is only checked. Raises `Unknown` for a unit or a
    post that there is not."""
    in_force = standing(reader)
    organisation = (
        library.organisation(reader, in_force, now) if now is not None else library.latest(reader, in_force)
    )
    _check_place(organisation, *place)
    person = None if everybody else identify(organisation, who)
    # Whose the decision about a recusal is, the organisation of the day says: its rows have no post.
    posts = None if person is None else [*_reach(organisation, person), ("", "")]
    cases: dict[str, _Desk] = {}
    lines = []
    for row in reader.inbox(posts):
        with naming(reader, row.case):
            if row.case not in cases:
                cases[row.case] = _desk_of(reader, library, row.case, now)
            line = _inbox_line(organisation, row, now, cases[row.case])
        if person is None or person.id in line["people"]:
            lines.append(line)
    return sorted(lines, key=risk)


def _check_place(organisation: Organisation, unit: str | None, post: str | None) -> None:
    posts = dict.fromkeys(name for one in organisation.people.values() for _, name in one.posts)
    for given, known, what in ((unit, organisation.units, "unit"), (post, posts, "post")):
        if given is not None and given not in known:
            raise Unknown(
                f"inbox.{what}",
                say("there is no unit {name}", name=given)
                if what == "unit"
                else say("there is no post {name}", name=given),
                expected=say("one of: {known}", known=", ".join(known)),
                remedy=say("look at `lianban org show`"),
            )


def _reach(organisation: Organisation, person: Person) -> list[Post]:
    """The posts whose steps a person may come to do: her own, those of whom she stands in for or acts for,
    and those of units that were merged into theirs; any post ("") of a merged unit for the head of the
    successor."""
    posts = list(organisation.posts_of(person.id))
    for entry in organisation.stand_ins:
        if entry.person == person.id:
            posts += organisation.posts_of(entry.principal)
    for delegation in organisation.delegations:
        if delegation.to == person.id:
            unit, post = delegation.post
            posts += [(old, post) for old in (unit, *organisation.predecessors(unit))]
    for unit, post in list(posts):
        if (unit, post) == organisation.head_of(unit):
            posts += [(old, "") for old in organisation.predecessors(unit)]
    return posts


class _Desk(NamedTuple):
    """A case as the inbox needs it: where it stands, its clocks, its open steps, and those that time is
    measured for."""

    case: Case
    definition: Definition
    clocks: list[dict[str, Any]]
    steps: dict[str, DatedStep]
    timed: set[str]


def _desk_of(reader: Reader, library: Library, number: str, now: datetime | None) -> _Desk:
    head = head_of_case(reader, number)
    case = state_of(head)
    definition = library.definition(reader, head.definition)
    at = now or read_instant(case.at)
    clocks = clock_lines(case, definition, partial(library.calendar, reader), at)
    found = {step.task: step for step in steps(case, definition)}
    return _Desk(case, definition, clocks, found, timed_steps(case, definition))


def _inbox_line(
    organisation: Organisation, row: TaskRow, now: datetime | None, desk: _Desk
) -> dict[str, Any]:
    case, definition, step = desk.case, desk.definition, desk.steps.get(row.task)
    due, provisional = (row.due, False)
    if step is not None and row.task in desk.timed:
        due, provisional = step.due, step.provisional
    entry = case.docket.get(row.task)
    recusal = next((id for id in case.recusals if recusal_row(id) == row.task), None)
    if step is not None:
        claim = claim_to_do(case, definition, organisation, step)
    elif recusal is not None:
        claim = claim_to_decide(case, definition, organisation, recusal)
    else:
        claim = claim_to_follow_up(case, definition, organisation, row.task)
        own = [clock for clock in desk.clocks if clock["of"] == row.task and clock["state"] in LIVE]
        due = min((clock["due"] for clock in own if clock["due"] is not None), default=None)
    able = may(organisation, claim)
    unit, post = (row.unit, row.post) if recusal is None else next(iter(claim.owners), ("", ""))
    owed = entry is not None and owing(entry)
    stands_still = case.recusals[recusal]["task"] if recusal is not None else ""
    stage = "recusal" if recusal is not None else "owed" if owed else entry["stage"] if entry else "open"
    return {
        "case": row.case,
        "task": recusal or row.task,
        "name": definition.names(row.element) if recusal is None else TO_DECIDE,
        "item": row.item,
        "item_name": definition.item["name"],
        "unit": unit,
        "unit_name": unit_names(organisation, unit),
        "standing": organisation.standing_unit(unit),
        "post": post,
        "opened_at": row.opened_at,
        "due": due,
        "provisional": provisional,
        "late": due is not None and now is not None and due < write_instant(now),
        "clocks": concerning(desk.clocks, unit, stands_still or row.task),
        "people": [person.id for person in able],
        "referral": "joint" in entry if entry is not None else False,
        "stage": stage,
        "assignee": entry.get("assignee", "") if entry is not None and not owed else "",
        "assignee_name": person_name(organisation, entry.get("assignee", "")) if entry is not None else {},
        "suspended": entry.get("suspended", "") if entry is not None else "",
    }


def show(reader: Reader, library: Library, case: str, now: datetime | None) -> dict[str, Any]:
    """As `Office.show`."""
    head = find_case(reader, case)
    number = head.case
    definition = library.definition(reader, head.definition)
    calendar_of = partial(library.calendar, reader)
    state = state_of(head)
    organisation = library.organisation(reader, standing(reader), now or read_instant(state.at))
    history = audit.records(number, list(reader.records(number)))
    definition_of = partial(library.definition, reader)
    told = list(by_version(history, head.definition, definition_of))
    lines = step_lines(history, state, definition_of, organisation)
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
        "failed": incidents(state.marking),
        "clocks": clock_lines(state, definition, calendar_of, now or read_instant(state.at)),
        "cards": card_lines(state, definition, organisation),
        "deemed": [dict(deemed) for deemed in state.deemed],
        "joint": joint_lines(state, definition, organisation),
        "recusals": recusal_lines(state, definition, organisation),
        "materials": material_lines(state, definition, organisation),
        "contact": contact_line(state, organisation),
        "agent": agent_line(state, definition),
        "findings": finding_lines(told, organisation),
        "notices": {"told": state.notices, "allowed": state.leave},
        "timers": timer_lines(state, definition),
        "documents": [
            {
                **row._asdict(),
                "name": told[row.seq - 1][1].document(row.document)["name"],
                "at": history[row.seq - 1].at,
            }
            for row in reader.documents(number)
        ],
        "application": answer_lines(told[0][1].start_form(), history[0].event.payload()["data"]),
        "data": variables(state.marking),
    }


def findings(reader: Reader, library: Library, case: str | None, now: datetime) -> list[dict[str, Any]]:
    """As `Office.findings`."""
    numbers: Iterable[str] = (number for number in reader.streams() if number != OFFICE)
    if case is not None:
        numbers = [find_case(reader, case).case]
    organisation = library.organisation(reader, standing(reader), now)
    found = []
    for number in numbers:
        with naming(reader, number):
            history = audit.records(number, list(reader.records(number)))
            latest = head_of_case(reader, number).definition
            known = by_version(history, latest, partial(library.definition, reader))
            found += finding_lines(known, organisation)
    return sorted(found, key=lambda line: (line["at"], line["case"]))


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
    organisation = library.latest(reader, standing(reader))
    if case == OFFICE:
        return story_lines(((record, None) for record in history), organisation)
    latest = find_case(reader, case).definition
    return story_lines(by_version(history, latest, partial(library.definition, reader)), organisation)
