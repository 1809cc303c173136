"""Why of people: who did a step, by whose authority, and what else happened with it.

In: an `Inquiry` and a step or record. Out: causes, and for the other rooms who acted, in words and as data.
Referrals, recusals, hand-overs and silences are told in a line each (`records`), as facts of their step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import Text, say, titled
from ..events import (
    AnswerConfirmed,
    AnswerEntered,
    AnswerReturned,
    ClockStarted,
    ClockStruck,
    Record,
    RecusalChallenged,
    RecusalDecided,
    RecusalDeclared,
    ReferralDeemed,
    ReferralFollowedUp,
    ReferralReportedUp,
    ReferralSigned,
    ReferralWithdrawn,
    ReminderRaised,
    SilenceNoted,
    TaskCancelled,
    TaskCompleted,
    TaskHandedOver,
    TaskOpened,
)
from ..flow.marking import element_of
from ..forms.schema import joined
from ..views import answer_lines, form_of
from ..words import LEVELS, POWERS
from . import ways
from .links import Cause, Inquiry, Key, named

# --- who acted


def who(inquiry: Inquiry, record: Record) -> Text:
    """Who acted, and for whom."""
    by = record.by
    if "person" not in by:
        return (
            say("time") if "clock" in by else say("another case") if "signal" in by else say("administrator")
        )
    told: dict[str, Any] = {
        "person": person_name(inquiry, str(by["person"])),
        "post": post_name(inquiry, record),
    }
    if "for" not in by:
        return say("{person} ({post})", **told)
    told["principal"] = person_name(inquiry, str(by["for"]))
    if by.get("as") == "stand_in":
        return say("{person} ({post}, standing in for {principal})", **told)
    return say("{person} ({post}, delegated by {principal})", **told)


def actor(inquiry: Inquiry, record: Record) -> dict[str, Any]:
    """Who acted, as data; nothing where no person did."""
    if "person" not in record.by:
        return {}
    person = inquiry.organisation.people.get(str(record.by["person"]))
    return {"actor": record.by, "actor_name": dict(person.name) if person is not None else {}}


def person_name(inquiry: Inquiry, id: str) -> Text:
    """What a reader calls a person."""
    person = inquiry.organisation.people.get(id)
    return say("{person}", person=id) if person is None else named(person.name, id)


def post_name(inquiry: Inquiry, record: Record) -> Text:
    """What a reader calls the post of who acted: a register has only codes of posts, but the lane of the
    diagram has a name, in Chinese; else the unit has one."""
    unit, post = str(record.by["unit"]), str(record.by["post"])
    lanes = inquiry.trace.act_of[record.seq].definition.item.get("lanes", {})
    lane = next((name for name, whose in lanes.items() if whose == f"{unit}/{post}"), None)
    return titled(lane or f"{inquiry.organisation.unit_name(unit, 'zh')}/{post}", f"{unit}/{post}")


def unit_name(inquiry: Inquiry, unit: str) -> Text:
    """What a reader calls a unit."""
    organisation = inquiry.organisation
    return titled(organisation.unit_name(unit, "zh"), organisation.unit_name(unit, "en"))


def grants(record: Record) -> list[Key]:
    """By what somebody acted for another, if so."""
    return [("grant", record.seq)] if "for" in record.by else []


def grant(inquiry: Inquiry, seq: int) -> Cause:
    """The delegation, or the standing in, by which somebody acted for another."""
    by = inquiry.trace.record(seq).by
    id = by.get("delegation")
    granted = next((d for d in inquiry.organisation.all_delegations if d.id == id), None)
    told: dict[str, Any] = {
        "person": person_name(inquiry, str(by["person"])),
        "principal": person_name(inquiry, str(by["for"])),
        "version": str(by.get("org", "—")),
    }
    more: dict[str, Any] = {"delegation": id, "for": by["for"]}
    if granted is None:
        text = say("{person} stood in for {principal} (organisation, version {version})", **told)
        return Cause("grant", text, seq, more=more)
    term = {"since": str(granted.since), "until": str(granted.until)}
    text = say(
        "delegation {delegation} of {principal} to {person}: {powers} for {items}, {since} to {until} "
        "(organisation, version {version})",
        delegation=granted.id,
        powers=joined(", ", [POWERS.get(power, say("{power}", power=power)) for power in granted.powers]),
        items=", ".join(granted.items),
        **term,
        **told,
    )
    return Cause("grant", text, seq, more=more | term)


# --- steps


def step(inquiry: Inquiry, id: str) -> Cause:
    """A step: why it was open, who did it, and what else happened with it."""
    trace = inquiry.trace
    about = trace.about.get(id, [])
    opened = next(r for r in about if isinstance(r.event, TaskOpened))
    name = _step_name(inquiry, opened, id)
    record, text, state = opened, say("step {step} is open", step=name), "open"
    facts: list[Key] = []
    more: dict[str, Any] = {"task": id, "element": element_of(id), "answers": []}
    for one in about:
        match one.event:
            case TaskCompleted():
                record, state = one, "done"
                text = say("step {step} was done by {who}", step=name, who=who(inquiry, one))
                more["answers"] = _answers(inquiry, one)
            case AnswerConfirmed():
                record, state = one, "done"
                text = say("step {step} was signed by {who}", step=name, who=who(inquiry, one))
                facts += grants(one)
            case AnswerEntered():
                record, state = one, "entered"
                text = say("step {step} waits for a signature", step=name)
                more["answers"] = _answers(inquiry, one)
                facts.append(("event", one.seq))
            case AnswerReturned():
                record, state = one, "open"
                text = say("step {step} is open again", step=name)
                facts.append(("event", one.seq))
            case ReferralDeemed(basis=basis, level=level, unit=unit):
                record, state = one, "deemed"
                text = say(
                    "the silence of {unit} on {step} was taken for consent, by {law} {article} ({level})",
                    unit=unit_name(inquiry, unit),
                    step=name,
                    level=LEVELS.get(level, level),
                    **basis,
                )
                more |= {"basis": basis, "level": level}
            case ReferralWithdrawn(reason=reason):
                record, state = one, "withdrawn"
                text = say("the department kept out of {step}: {reason}", step=name, reason=reason)
            case TaskCancelled():
                record, state = one, "cancelled"
                text = say("step {step} was taken away", step=name)
                facts.append(("event", trace.act_of[one.seq].fact.seq))
            case (
                ReferralSigned()
                | RecusalDeclared()
                | RecusalChallenged()
                | RecusalDecided()
                | TaskHandedOver()
                | ReferralReportedUp()
                | ReferralFollowedUp()
                | SilenceNoted()
            ):
                facts.append(("event", one.seq))
    if state == "deemed":
        facts += _before_silence(inquiry, id, record.seq)
    if state in ("done", "deemed", "withdrawn"):  # what came afterwards is no cause of it
        facts = [fact for fact in facts if fact[1] <= record.seq]
    if isinstance(record.event, TaskCompleted | ReferralWithdrawn):
        facts = [*grants(record), *facts]
    more["state"] = state
    if state != "open":
        more |= actor(inquiry, record)
    if state == "done":
        said = _first_choice(more["answers"])
        if said is not None:
            text = say("{text}: {said}", text=text, said=said)
        stated = next((one["value"] for one in more["answers"] if one["field"] == "reason"), None)
        if stated:
            text = say("{text}; reason: {reason}", text=text, reason=stated)
    return Cause("step", text, record.seq, facts, ways.came(trace, id), more)


def _before_silence(inquiry: Inquiry, id: str, until: int) -> list[Key]:
    """What had to be so before a silence counts: the receipt (told already), the reminder, the term."""
    trace = inquiry.trace
    return [
        ("event", record.seq)
        for clock in trace.case.deadlines
        if clock.partition("@")[2] == id
        for record in trace.about.get(clock, ())
        if isinstance(record.event, ClockStarted | ReminderRaised | ClockStruck) and record.seq < until
    ]


def _step_name(inquiry: Inquiry, opened: Record, id: str) -> Text:
    event: Any = opened.event
    names = inquiry.trace.act_of[opened.seq].definition.names(event.element)
    name = element_of(id) if names["zh"] == event.element else titled(**names)
    return say("{name} ({element})", name=name, element=id)


def _answers(inquiry: Inquiry, record: Record) -> list[dict[str, Any]]:
    event: Any = record.event
    definition = inquiry.trace.act_of[record.seq].definition
    return answer_lines(form_of(definition, event.element), event.data)


def _first_choice(answers: Iterable[Mapping[str, Any]]) -> Text | None:
    """The first choice among the answers, in words."""
    for line in answers:
        if line["words"]:
            return say("{field} “{words}”", field=titled(**line["title"]), words=titled(**line["words"]))
    return None
