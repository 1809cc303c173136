"""Why of a record: what it says in a line, who entered it, and what it follows from.

In: an `Inquiry` and the number of a record. Out: a cause of kind `record`, which leads to the room that
tells at length what the record is about.
"""

from __future__ import annotations

from typing import Any

from ..errors import Text, say
from ..events import (
    AnswerConfirmed,
    AnswerEntered,
    AnswerReturned,
    CardRaised,
    CaseClosed,
    CaseDeemed,
    CaseMigrated,
    CaseOpened,
    ClockStruck,
    ContactHandedOver,
    DocumentIssued,
    FindingRaised,
    IncidentRaised,
    IncidentRetried,
    JointCertain,
    JointDecided,
    MessageReceived,
    NoticeAllowed,
    Record,
    RecusalChallenged,
    RecusalDecided,
    RecusalDeclared,
    ReferralDeemed,
    ReferralFollowedUp,
    ReferralReportedUp,
    ReferralSent,
    ReferralSigned,
    ReferralWithdrawn,
    SilenceNoted,
    TaskCancelled,
    TaskCompleted,
    TaskEnded,
    TaskHandedOver,
    TaskOpened,
    TimerArmed,
)
from ..views import certainty
from ..words import EFFECTS, FINDINGS, OUTCOMES, SILENCES
from . import clocks, people, ways
from .links import Cause, Inquiry, Key
from .trace import Trace

_ON_STEPS = (
    TaskCompleted,
    AnswerConfirmed,
    AnswerEntered,
    ReferralWithdrawn,
    RecusalDeclared,
    RecusalChallenged,
    TaskHandedOver,
)
"""Facts about a step that was open: they are so because it was."""


def event(inquiry: Inquiry, seq: int, asked: bool = False) -> Cause:
    """Any record: what it says, who entered it, and what it follows from. Of a clock's own record the
    latter is told at length only where it is `asked` about."""
    trace = inquiry.trace
    record = trace.record(seq)
    event, fact = record.event, trace.act_of[seq].fact
    basis = event.payload().get("basis")
    more: dict[str, Any] = {"type": event.type} | ({"basis": basis} if isinstance(basis, dict) else {})
    text, added = clocks.in_words(inquiry, record) or (_in_words(inquiry, record), {})
    more |= added
    if isinstance(event, CaseMigrated):
        more |= {"was": event.was, "definition": event.definition}
    because: list[Key] = []
    if isinstance(event, clocks.OF_CLOCKS) and not asked:
        more["cause"] = fact.seq
        if not isinstance(fact.event, (ClockStruck, *clocks.ORDERS)):
            text = say("{text} (through event {cause})", text=text, cause=fact.seq)
    elif not event.fact:
        because = _at_length(trace, record) or ways.of_fact(trace, trace.act_of[seq])
    elif isinstance(event, CaseOpened):
        because = [("opening",)]
    elif isinstance(event, RecusalDecided):
        because = [("event", trace.about[event.recusal][0].seq)]
    elif isinstance(event, _ON_STEPS):
        because = ways.came_to_step(trace, trace.named(record, "task"))
    if not event.fact:
        return Cause("record", text, seq, [], because, more)
    return Cause("record", text, seq, people.grants(record), because, more | people.actor(inquiry, record))


def _at_length(trace: Trace, record: Record) -> list[Key]:
    """Where the thing that a consequence is about is explained."""
    match record.event:
        case CaseClosed():
            return [("outcome",)]
        case TaskOpened() | ReferralSent():
            return ways.came_to_step(trace, trace.named(record, "task"))
        case TaskCancelled() | TaskEnded() | ReferralDeemed():
            task = trace.named(record, "task")
            return [("step", task)] if trace.is_step(task) else []
        case CardRaised():
            return [("card", record.seq)]
        case DocumentIssued():
            return [("document", record.seq)]
        case TimerArmed():  # if it was not set again
            timer = trace.named(record, "timer")
            return [("timer", timer)] if clocks.armed_last(trace, timer).seq <= record.seq else []
        case JointDecided(joint=joint, round=round):
            return [("joint", joint, round, trace.act_of[record.seq].fact.seq)]
        case IncidentRaised():  # if it did not fail again
            id = trace.named(record, "incident")
            return [("incident", id)] if trace.latest(id, IncidentRaised) is record else []
    return []


def _in_words(inquiry: Inquiry, record: Record) -> Text:
    """A record in a line; those about clocks are told by `clocks`."""
    who = people.who(inquiry, record)
    event: Any = record.event
    match event:
        case ReferralSigned():
            return say("receipt signed by {who}", who=who)
        case AnswerEntered():
            return say("answers entered by {who}", who=who)
        case AnswerReturned(reason=reason):
            return say("answers sent back by {who}: {reason}", who=who, reason=reason)
        case RecusalDeclared(reason=reason):
            return say("{who} declared a recusal: {reason}", who=who, reason=reason)
        case RecusalChallenged(person=person, party=party, reason=reason):
            return say(
                "{party} challenged {person}: {reason}; entered by {who}",
                party=party,
                person=people.person_name(inquiry, person),
                reason=reason,
                who=who,
            )
        case RecusalDecided(upheld=True, reason=reason):
            return say("recusal upheld by {who}: {reason}", who=who, reason=reason)
        case RecusalDecided(reason=reason):
            return say("recusal rejected by {who}: {reason}", who=who, reason=reason)
        case TaskHandedOver(to=to, reason=reason) | ContactHandedOver(to=to, reason=reason):
            heir = people.person_name(inquiry, to)
            return say("handed over to {to} by {who}: {reason}", to=heir, who=who, reason=reason)
        case ReferralReportedUp():
            return say("reported to a higher organ by {who}", who=who)
        case ReferralFollowedUp():
            return say("opinion given late by {who}", who=who)
        case SilenceNoted(unit=unit, why=why):
            return say(
                "the silence of {unit} has no effect ({why})",
                unit=people.unit_name(inquiry, unit),
                why=SILENCES.get(why, why),
            )
        case CaseDeemed(effect=effect, basis=basis, as_of=as_of):
            return say(
                "silence counts as {effect} as of {as_of}, by {law} {article}",
                effect=EFFECTS.get(effect, effect),
                as_of=as_of,
                **basis,
            )
        case JointCertain(outcome=outcome):
            return say(
                "certain from here on: {outcome}, because {because}",
                outcome=OUTCOMES.get(outcome, outcome),
                because=certainty(event, inquiry.organisation) or "—",
            )
        case MessageReceived(name=name):
            return say("message {name} came in, entered by {who}", name=name, who=who)
        case IncidentRetried(reason=reason):
            return say("tried again by {who}: {reason}", who=who, reason=reason)
        case CaseMigrated(was=was, definition=to, reason=reason):
            return say(
                "the case went over from definition {was} to {to}: {reason}",
                was=was[:12],
                to=to[:12],
                reason=reason,
            )
        case NoticeAllowed(reason=reason):
            return say("one more notice was allowed by {who}: {reason}", who=who, reason=reason)
        case FindingRaised(finding=finding, basis=basis):
            return say(
                "finding: {finding}, by {law} {article}", finding=FINDINGS.get(finding, finding), **basis
            )
        case TaskCompleted():
            return say("step {step} was done by {who}", step=inquiry.trace.named(record, "task"), who=who)
        case AnswerConfirmed():
            return say("step {step} was signed by {who}", step=inquiry.trace.named(record, "task"), who=who)
    return say("{type}, by {who}", type=event.type, who=who) if event.fact else say("{type}", type=event.type)
