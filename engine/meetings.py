"""The joint meeting (floor 4): who is called, who came, and what it came to.

The centre convenes it, the department that coordinates the economy chairs it, each department sends the
leader it has designated or a substitute whom she named. What is known of a meeting is in the case's docket:
the entry of the step that convened it, and those of the invitations. All of it is pure; `check…` look at
what somebody is about to enter, and the rest says what follows from what was entered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from . import joint
from .clock import NotATime, Workdays, due, parse_instant, parse_term, write_instant
from .definition import Definition
from .definition.review import Meeting
from .docket import Entries, Entry, conditions_in, in_order, round_of, rule_of, seats_of
from .errors import Invalid, Text, say
from .events import Event, MeetingAbsent, MeetingConvened, MeetingHeld
from .organisation import DESIGNATED, Organisation, Person

OPINIONS = ("agree", "conditions", "disagree", "not_concerned", "abstain")
"""What a department may say in the meeting."""


class Call(NamedTuple):
    """A meeting that was convened: when it begins, whom it calls, and their invitations by department."""

    begins: str
    departments: list[str]
    invitations: dict[str, Entry]


def latest_call(meeting: Meeting, docket: Entries, zone: str) -> Call | None:
    """The meeting that was convened last; None when none was."""
    convened = [
        entry for _, entry in in_order(docket) if entry["element"] == meeting.convene and "answer" in entry
    ]
    if not convened:
        return None
    answer = convened[-1]["answer"]
    invitations = {
        entry["unit"]: entry
        for _, entry in in_order(docket)
        if entry["element"] == meeting.invite and entry["n"] > convened[-1]["n"]
    }
    return Call(write_instant(_begins(answer, zone)), list(answer["departments"]), invitations)


def _begins(answer: Mapping[str, Any], zone: str) -> datetime:
    text = f"{answer.get('date')}T{answer.get('time')}"
    try:
        return parse_instant(text, zone)
    except NotATime:
        raise _refused(
            meeting_code := "meeting.time",
            say("{text} is not a day and a time", text=text),
            say("date as 2026-03-02 and time as 09:00"),
            say("correct the date or the time ({code})", code=meeting_code),
        ) from None


def _refused(code: str, message: Text, expected: Text, remedy: Text, rule: Text | None = None) -> Invalid:
    return Invalid(
        code,
        message,
        expected=expected,
        rule=rule or say("the rules of the joint-handling meeting (联席办理会议)"),
        remedy=remedy,
    )


# --- what somebody is about to enter


def check_convening(
    meeting: Meeting,
    answer: Mapping[str, Any],
    now: datetime,
    zone: str,
    hours: Workdays,
    organisation: Organisation,
) -> None:
    """Raise `Invalid` when the meeting is called too late, or calls a department that can't come: one that
    the item does not name, or that has designated no leader."""
    begins = _begins(answer, zone)
    earliest = due(now, meeting.notice, hours)
    if hours.date_of(begins) < hours.date_of(earliest.at):
        raise _refused(
            "meeting.notice",
            say("{date} is too early for the meeting", date=str(answer["date"])),
            say(
                "{date} or later: {term} after the notice",
                date=hours.date_of(earliest.at),
                term=meeting.notice.text(),
            ),
            say("choose a later day"),
        )
    if hours.settle(hours.close(hours.date_of(begins))) != hours.close(hours.date_of(begins)):
        raise _refused(
            "meeting.day_off",
            say("nobody works on {date}", date=str(answer["date"])),
            say("a working day"),
            say("choose another day"),
        )
    for unit in answer["departments"]:
        if unit not in meeting.departments:
            raise _refused(
                "meeting.department",
                say("{unit} is not one of the departments of this meeting", unit=unit),
                say("one of: {units}", units=", ".join(meeting.departments)),
                say("leave it out, or have the item changed"),
            )
        if _designated(organisation, unit) is None:
            raise _refused(
                "meeting.designated",
                say("{unit} has designated no leader for joint meetings", unit=unit),
                say("one designated leader for each department"),
                say("have it designate one: lianban org designate {unit} PERSON", unit=unit),
            )
    if len(set(answer["departments"])) != len(answer["departments"]):
        raise _refused(
            "meeting.department",
            say("a department is called twice"),
            say("each department once"),
            say("leave the second one out"),
        )


def check_reply(answer: Mapping[str, Any], unit: str, organisation: Organisation) -> None:
    """Raise `Invalid` for an apology without a reason, or a substitute from elsewhere."""
    reply, substitute = answer.get("reply"), answer.get("substitute")
    if reply == "apology" and not str(answer.get("reason", "")).strip():
        raise _refused(
            "meeting.apology",
            say("an apology needs a reason"),
            say("reason: why nobody of {unit} can come", unit=unit),
            say("add it; who stays away without a good reason may be held to agree"),
        )
    leader = _designated(organisation, unit)
    if reply == "substitute" and leader is not None and substitute == leader.id:
        raise _refused(
            "meeting.substitute",
            say("{person} is the designated leader herself", person=leader.id),
            say("somebody else of the same department"),
            say("reply that she comes: --coming"),
        )
    if reply == "substitute" and substitute not in {person.id for person in organisation.members(unit)}:
        raise _refused(
            "meeting.substitute",
            say("{person} can't stand in for {unit}", person=str(substitute), unit=unit),
            say(
                "one of: {people}",
                people=", ".join(person.id for person in organisation.members(unit)) or "—",
            ),
            say("name somebody of the same department in substitute"),
        )


def check_record(
    meeting: Meeting, call: Call | None, answer: Mapping[str, Any], now: datetime, organisation: Organisation
) -> None:
    """Raise `Invalid` for minutes that can't be: of a meeting before its time, of people who were not
    called, without a department that was, or with an opinion without its reason."""
    if call is None:
        raise _refused(
            "meeting.not_convened", say("no meeting was convened"), say("a meeting"), say("convene it first")
        )
    if write_instant(now) < call.begins:
        raise _refused(
            "meeting.early",
            say("the meeting begins at {begins} only", begins=call.begins),
            say("its minutes, once it was held"),
            say("enter them then"),
        )
    attendance = {line["department"]: line for line in answer.get("attendance", ())}
    if sorted(line["department"] for line in answer.get("attendance", ())) != sorted(call.departments):
        raise _refused(
            "meeting.attendance",
            say("the attendance is not that of the departments that were called"),
            say("one line for each of: {units}", units=", ".join(call.departments)),
            say("say of each whether it was present, and by whom"),
        )
    for unit, line in attendance.items():
        allowed = _may_attend(call, unit, organisation)
        if line.get("present") and line.get("person") not in allowed:
            raise _refused(
                "meeting.person",
                say("{person} was not called for {unit}", person=str(line.get("person")), unit=unit),
                say("one of: {people}", people=", ".join(allowed) or "—"),
                say("the designated leader attends, or the substitute whom she has named before"),
            )
    spoken: set[str] = set()
    for said in answer.get("opinions", ()):
        _check_opinion(said, attendance, spoken)
        spoken.add(said["department"])
    for conclusion in answer.get("conclusions", ()):
        if conclusion["department"] not in organisation.units:
            raise _refused(
                "meeting.conclusion",
                say("no unit {unit}", unit=conclusion["department"]),
                say("the code of the unit that carries the conclusion out"),
                say("correct it"),
            )
        parse_term(conclusion["term"])


def _designated(organisation: Organisation, unit: str) -> Person | None:
    return next(iter(organisation.holders(unit, DESIGNATED)), None)


def _may_attend(call: Call, unit: str, organisation: Organisation) -> list[str]:
    leader = _designated(organisation, unit)
    named = call.invitations[unit].get("answer", {}).get("substitute") if unit in call.invitations else None
    return [person for person in (leader.id if leader else None, named) if person]


def _check_opinion(said: Mapping[str, Any], attendance: Mapping[str, Any], spoken: set[str]) -> None:
    unit, opinion = said["department"], said.get("opinion")
    if unit in spoken or not attendance.get(unit, {}).get("present"):
        raise _refused(
            "meeting.opinion",
            say("{unit} was not there, or is listed twice", unit=unit),
            say("one opinion of each department that was present"),
            say("correct the opinions"),
        )
    if opinion not in OPINIONS:
        raise _refused(
            "meeting.opinion",
            say("{opinion} is no opinion", opinion=str(opinion)),
            say("one of: {opinions}", opinions=", ".join(OPINIONS)),
            say("correct the opinions"),
        )
    missing = (opinion in ("disagree", "not_concerned") and not str(said.get("reason", "")).strip()) or (
        opinion == "conditions" and not conditions_in(said)
    )
    if missing:
        raise _refused(
            "meeting.reason",
            say("the opinion of {unit} needs its reason, or its conditions", unit=unit),
            say("reason with disagree and not_concerned, conditions with conditions"),
            say("add it"),
        )


# --- what follows


def convened(meeting: Meeting, answer: Mapping[str, Any], zone: str) -> Iterator[Event]:
    """What follows from calling a meeting."""
    yield MeetingConvened(meeting.id, write_instant(_begins(answer, zone)), list(answer["departments"]))


def held(
    definition: Definition, meeting: Meeting, docket: Entries, answer: Mapping[str, Any], zone: str
) -> tuple[list[Event], dict[str, Any]]:
    """What follows from the minutes: the events, and the variables that the diagram reads."""
    call = latest_call(meeting, docket, zone)
    invitations = call.invitations if call is not None else {}
    review = definition.joints[meeting.joint]
    attendance = {line["department"]: line for line in answer.get("attendance", ())}
    opinions = {said["department"]: said for said in answer.get("opinions", ())}
    events: list[Event] = []
    absent = [unit for unit, line in attendance.items() if not line.get("present")]
    deemed = []
    for unit in absent:
        replied = invitations[unit].get("answer", {}).get("reply") if unit in invitations else None
        excused = replied == "apology" or bool(str(attendance[unit].get("reason", "")).strip())
        received = unit in invitations and bool(
            invitations[unit].get("received") or invitations[unit]["actors"]
        )
        policy = meeting.absence
        taken = (
            policy is not None
            and not excused
            and "suspended" not in invitations.get(unit, {})
            and review.risks.get(unit) not in policy.excluded
            and (received or not policy.receipt)
        )
        deemed += [unit] if taken else []
        basis = policy.basis.as_json() if policy is not None and taken else None
        events.append(MeetingAbsent(meeting.id, unit, excused, taken, basis))
    seats, answers = seats_of(review, docket, round_of(docket, review.id))
    for seat in seats:
        if seat.unit in opinions:
            said = opinions[seat.unit]
            answers[seat.id] = joint.Answer(
                said["opinion"], conditions=tuple(conditions_in(said)), reason=str(said.get("reason", ""))
            )
        elif seat.unit in deemed:
            answers[seat.id] = joint.Answer("agree", deemed=True)
    made = joint.decide(rule_of(review), seats, answers)
    settled = answer.get("resolved") is True and made.outcome not in (None, "meeting")
    outcome = str(made.outcome) if settled else "unresolved"
    present = [str(line["person"]) for line in attendance.values() if line.get("present")]
    events.append(MeetingHeld(meeting.id, outcome, present))
    told = {
        "outcome": outcome,
        "unresolved": not settled,
        "conditions": [condition.text for condition in made.conditions],
        "dissent": list(made.dissent),
        "absent": absent,
        "deemed": deemed,
    }
    return events, {meeting.result: told}
