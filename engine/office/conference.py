"""The joint meetings of a case as people look at them, and which step is meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from .. import audit
from ..access import may
from ..case import Case
from ..commands import claim_to_do
from ..course import Course
from ..definition import Definition
from ..definition.review import Meeting
from ..docket import Entry, in_order
from ..errors import Invalid, say
from ..events import MeetingAbsent, MeetingConvened, MeetingHeld, Record, TaskCompleted
from ..flow.marking import element_of
from ..meetings import latest_call
from ..organisation import DESIGNATED, Organisation
from ..steps import steps
from ..store import Reader
from ..views import OPINIONS, person_name, unit_names
from .draft import settle, state_of
from .library import Library, find_case, standing

ROLES = ("convene", "invite", "hold", "carry_out", "duty")
"""What a step is in a meeting: the keys of `[meetings.<id>]`."""


def meetings(reader: Reader, library: Library, case: str, now: datetime) -> tuple[str, list[dict[str, Any]]]:
    """The number of the case, and each meeting of its item as it stands at `now`: what was called, who was,
    whom each department sends, who came, what was said, what it came to, and the `steps` that are open.

    `departments` are those called; before it is convened, those that may be. `opinion`, `present` and
    `attended` are what the minutes say; `deemed` is true where absence was taken for consent.
    """
    head = find_case(reader, case)
    definition = library.definition(reader, head.definition)
    in_force = standing(reader)
    organisation = library.organisation(reader, in_force, now)
    # What time has done meanwhile is not on record before the next act or sweep, but the meeting begins.
    course = Course(
        head.case,
        state_of(head),
        definition,
        lambda course, at, by, event: event,
        partial(library.calendar, reader),
    )
    settle(course, in_force, now)
    history = audit.records(head.case, list(reader.records(head.case)))
    lines = [
        _line(meeting, course.case, definition, organisation, history)
        for meeting in definition.meetings.values()
    ]
    return head.case, lines


def step_of(
    case: str, lines: Sequence[Mapping[str, Any]], role: str, who: str | None, named: str | None
) -> str:
    """The open step with this role in a meeting (`named`, or any): the only one, or the only one that `who`
    may do. Raises `Invalid` naming what is open."""
    open_steps = [step for line in lines if named in (None, line["meeting"]) for step in line["steps"]]
    found = [step for step in open_steps if step["role"] == role]
    own = [step for step in found if who in step["people"]]
    done = [task for line in lines if named in (None, line["meeting"]) for task in _done(line, role, who)]
    if done and not own:
        return done[-1]  # to find that she said the very same before, or that it can't be said again
    if len(own) == 1 or len(found) == 1:
        return str((own if len(own) == 1 else found)[0]["task"])
    tasks = ", ".join(step["task"] for step in (found or open_steps)) or "—"
    if found:
        raise Invalid(
            "meeting.which",
            say("which of them?"),
            expected=say("one of: {steps}", steps=tasks),
            found=say("none of them is yours alone"),
            rule=say("an invitation is replied to by the designated leader of the department"),
            remedy=say("name the step"),
        )
    called = [str(line["begins"]) for line in lines if line["begins"] is not None]
    raise Invalid(
        "meeting.closed",
        say("no meeting of case {case} has come to this", case=case),
        expected=say("an open step of a meeting: {steps}", steps=tasks),
        found=say("it begins {begins}", begins=called[-1]) if called else say("none is convened"),
        rule=say("a meeting is convened, replied to, held, and then carried out"),
        remedy=say("look where it stands with `lianban meeting show {case}`", case=case),
    )


def _done(line: Mapping[str, Any], role: str, who: str | None) -> list[str]:
    """The steps with this role that `who` did in the meeting called last."""
    return [step["task"] for step in line["done"] if step["role"] == role and who in step["people"]]


def _line(
    meeting: Meeting,
    case: Case,
    definition: Definition,
    organisation: Organisation,
    history: Iterable[Record],
) -> dict[str, Any]:
    call = latest_call(meeting, case.docket, case.marking["zone"])
    convened = _latest(case, meeting.convene) or {}
    held, absent, minutes = _held(meeting, history)
    attendance = {line["department"]: line for line in minutes.get("attendance", ())}
    opinions = {said["department"]: said for said in minutes.get("opinions", ())}
    departments = []
    for unit in call.departments if call is not None else meeting.departments:
        invitation = call.invitations.get(unit) if call is not None else None
        departments.append(
            {
                "unit": unit,
                "unit_name": unit_names(organisation, unit),
                **_sent(unit, invitation, organisation),
                **_came(attendance.get(unit), absent.get(unit), organisation),
                "opinion": opinions.get(unit, {}).get("opinion", ""),
                "words": OPINIONS.get(opinions.get(unit, {}).get("opinion", ""), {}),
            }
        )
    return {
        "meeting": meeting.id,
        "name": dict(meeting.name),
        "joint": meeting.joint,
        "begins": call.begins if call is not None else None,
        "place": str(convened.get("place", "")),
        "agenda": str(convened.get("agenda", "")),
        "departments": departments,
        "conclusions": [
            {
                "unit": conclusion["department"],
                "unit_name": unit_names(organisation, conclusion["department"]),
                "task": conclusion["task"],
                "term": conclusion["term"],
            }
            for conclusion in minutes.get("conclusions", ())
        ],
        "outcome": held.outcome if held is not None else None,
        "steps": _open(meeting, case, definition, organisation),
        "done": [
            {"role": role, "task": task, "people": [names[0] for names in entry["actors"]]}
            for task, entry in in_order(case.docket)
            for role in ROLES
            if entry["element"] == getattr(meeting, role) and entry["stage"] == "done"
        ],
    }


def _held(
    meeting: Meeting, history: Iterable[Record]
) -> tuple[MeetingHeld | None, dict[str, MeetingAbsent], dict[str, Any]]:
    """What the latest calling came to, who stayed away, and the minutes; None and nothing before it was
    held."""
    held: MeetingHeld | None = None
    absent: dict[str, MeetingAbsent] = {}
    minutes: dict[str, Any] = {}
    for record in history:
        match record.event:
            case MeetingConvened(meeting=id) if id == meeting.id:
                held, absent, minutes = None, {}, {}
            case TaskCompleted(element=element, data=data) if element == meeting.hold:
                minutes = data
            case MeetingAbsent(meeting=id, unit=unit) if id == meeting.id:
                absent[unit] = record.event
            case MeetingHeld(meeting=id) if id == meeting.id:
                held = record.event
    return held, absent, minutes


def _latest(case: Case, element: str) -> dict[str, Any] | None:
    """What was entered last in a step."""
    answers = [
        entry["answer"]
        for _, entry in in_order(case.docket)
        if entry["element"] == element and "answer" in entry
    ]
    return answers[-1] if answers else None


def _sent(unit: str, invitation: Entry | None, organisation: Organisation) -> dict[str, Any]:
    leader = next(iter(organisation.holders(unit, DESIGNATED)), None)
    answer = invitation.get("answer", {}) if invitation is not None else {}
    substitute = str(answer.get("substitute", ""))
    return {
        "designated": leader.id if leader is not None else None,
        "designated_name": dict(leader.name) if leader is not None else {},
        "received": invitation is not None and bool(invitation.get("received") or invitation["actors"]),
        "reply": str(answer.get("reply", "")),
        "substitute": substitute,
        "substitute_name": person_name(organisation, substitute),
        "reason": str(answer.get("reason", "")),
    }


def _came(
    line: Mapping[str, Any] | None, absent: MeetingAbsent | None, organisation: Organisation
) -> dict[str, Any]:
    told = line or {}
    person = str(told.get("person", ""))
    return {
        "present": bool(told["present"]) if line is not None else None,
        "attended": person,
        "attended_name": person_name(organisation, person),
        "excuse": str(told.get("reason", "")),
        "deemed": absent is not None and absent.deemed,
        "basis": dict(absent.basis) if absent is not None and absent.basis is not None else None,
    }


def _open(
    meeting: Meeting, case: Case, definition: Definition, organisation: Organisation
) -> list[dict[str, Any]]:
    roles = {getattr(meeting, role): role for role in ROLES if getattr(meeting, role) is not None}
    found = []
    for step in steps(case, definition):
        role = roles.get(element_of(step.task))
        if role is None:
            continue
        able = may(organisation, claim_to_do(case, definition, organisation, step))
        found.append(
            {
                "role": role,
                "task": step.task,
                "unit": step.unit,
                "unit_name": unit_names(organisation, step.unit),
                "people": [person.id for person in able],
                "due": step.due,
            }
        )
    return found
