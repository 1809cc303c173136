"""Why of time: a due date, its pauses and extensions, and the timers of the diagram.

In: an `Inquiry` and a running of a clock, a timer, or a record about one. Out: causes, and such a record in
words. How the days are counted is not told again: `lianban clock explain` derives it.
"""

from __future__ import annotations

from typing import Any

from ..clock.ledger import Rule
from ..deadlines import Deadline, clock_of, rule_of
from ..errors import Text, say, titled
from ..events import (
    CardRaised,
    CaseDeemed,
    CaseMigrated,
    ClockExpired,
    ClockExtended,
    ClockPaused,
    ClockReprojected,
    ClockRestarted,
    ClockResumed,
    ClockStarted,
    ClockStopped,
    ClockStruck,
    ExtensionGranted,
    PauseOrdered,
    Record,
    ReminderRaised,
    ResumeOrdered,
    TimerArmed,
    TimerFired,
)
from ..flow.marking import timers, visit_of_timer
from ..flow.net import triggers
from ..flow.run.board import Effect
from ..words import EFFECTS, RUNGS
from . import people, ways
from .links import Cause, Inquiry, Key, element_name, named
from .trace import Trace, frame_of

OF_CLOCKS = (
    ClockStarted,
    ClockPaused,
    ClockResumed,
    ClockExtended,
    ClockRestarted,
    ClockReprojected,
    ClockExpired,
    ClockStopped,
)
"""What the engine records of a clock by itself."""

ORDERS = (PauseOrdered, ResumeOrdered, ExtensionGranted)
"""What people decide about a clock."""


def clock(inquiry: Inquiry, id: str) -> Cause:
    """A running of a clock: its term and article, what started it, and each pause and extension."""
    trace = inquiry.trace
    deadline = trace.case.deadlines[id]
    clock = trace.definition.clocks[deadline["clock"]]
    rule = rule_of(clock, deadline)
    about = trace.about[id]
    told: dict[str, Any] = {"clock": named(clock.name, id), "id": id, "due": deadline["due"] or "—"}
    told |= {"term": str(rule.term), "law": rule.basis.law, "article": rule.basis.article}
    if deadline["expired"] is not None:
        text = say("clock “{clock}” ({id}) ran out; term {term} by {law} {article}", **told)
    elif deadline["ledger"]["stopped"] is not None:
        text = say("clock “{clock}” ({id}) was met; term {term} by {law} {article}", **told)
    elif deadline["due"] is None:
        text = say("clock “{clock}” ({id}) stands still; term {term} by {law} {article}", **told)
    else:
        text = say("clock “{clock}” ({id}) is due {due}; term {term} by {law} {article}", **told)
    facts: list[Key] = [("event", r.seq) for r in about if isinstance(r.event, OF_CLOCKS + ORDERS)]
    facts.append(("days", id))
    more: dict[str, Any] = {"clock": id, "due": deadline["due"], "provisional": deadline["provisional"]}
    more |= {"term": str(rule.term), "basis": rule.basis.as_json()}
    started = next(r for r in about if isinstance(r.event, ClockStarted))
    return Cause("clock", text, about[-1].seq, facts, _started(trace, started, deadline), more)


def _started(trace: Trace, started: Record, deadline: Deadline) -> list[Key]:
    """What made a clock start."""
    act = trace.act_of[started.seq]
    if deadline.get("of"):
        return [("step", deadline["of"])] if trace.is_step(deadline["of"]) else []
    for record in trace.records_of(act):
        if isinstance(record.event, CaseDeemed):
            return [("event", record.seq)]
    for place in range(act.first, len(trace.glimpses)):
        if trace.act_at(place) is not act:
            break
        effect = trace.glimpses[place]
        if not isinstance(effect, Effect):
            continue
        trigger = {"completed": effect.element, "entered": f"{effect.element}:opened"}.get(effect.kind)
        if trigger in act.definition.clocks[deadline["clock"]].starts:
            id = trace.visit_at(place)
            if effect.kind == "completed":
                return ways.done(trace, id, trace.node_at(place), place)
            return ways.came(trace, id, place)
    return ways.of_fact(trace, act)


def days(inquiry: Inquiry, id: str) -> Cause:
    """Where the due date is derived day by day."""
    trace = inquiry.trace
    return Cause(
        "days",
        say("day by day: lianban clock explain {case} {clock}", case=trace.number, clock=id),
        trace.records[-1].seq,
        more={"clock": id},
    )


def card(inquiry: Inquiry, seq: int) -> Cause:
    """A card was raised: by the clock that reached its colour."""
    trace = inquiry.trace
    record = trace.record(seq)
    clock = trace.named(record, "clock")
    text = _card_in_words(inquiry, record)
    event: Any = record.event
    more = {"card": event.card, "colour": event.colour, "unit": event.unit, "clock": clock}
    return Cause("card", text, seq, [("clock", clock)], ways.of_fact(trace, trace.act_of[seq]), more)


def _card_in_words(inquiry: Inquiry, record: Record) -> Text:
    event: Any = record.event
    return say(
        "{colour} card {card} to {unit}: {clock}",
        colour=RUNGS.get(event.colour, say("{name}", name=event.colour)),
        card=event.card,
        unit=people.unit_name(inquiry, event.unit),
        clock=inquiry.trace.named(record, "clock"),
    )


def armed_last(trace: Trace, timer: str) -> Record:
    """The record by which the timer was set last; a migration only calls it otherwise."""
    armings = [r for r in trace.about[timer] if isinstance(r.event, TimerArmed)]
    return next(r for r in reversed(armings) if not isinstance(trace.act_of[r.seq].fact.event, CaseMigrated))


def timer(inquiry: Inquiry, id: str) -> Cause:
    """A timer of the diagram: what it says, since when, and until when."""
    trace = inquiry.trace
    about = trace.about[id]
    record = armed_last(trace, id)
    event: Any = record.event
    act = trace.act_of[record.seq]
    node = act.definition.node(event.element)
    said = next((str(part.text) for part in triggers(node) if part.kind == "timer"), "")
    told = {"element": element_name(trace, event.element, act), "term": said}
    if event.clock:
        text = say("timer {element} fires when clock {clock} runs out", clock=event.clock, **told)
        facts: list[Key] = [("clock", c) for c in trace.case.deadlines if clock_of(c) == event.clock][-1:]
    else:
        dues = [data["due"] for data in (r.event.payload() for r in about) if "due" in data]
        text = say("timer {element}, {term}: due {due}", due=dues[-1] if dues else event.due, **told)
        facts = [("event", r.seq) for r in about if r.event.type == "timer.moved"]
    visit = visit_of_timer(id) or id
    around = visit if visit in trace.entered else frame_of(visit)  # an event subprocess waits in its scope
    because = ways.came(trace, around) if around in trace.entered else ways.of_fact(trace, act)
    armed = any(t.timer == id for t in timers(trace.definition.net, trace.case.marking))
    more = {
        "timer": id,
        "element": trace.named(record, "element"),
        "due": event.due,
        "clock": event.clock,
        "armed": armed,
    }
    return Cause("timer", text, record.seq, facts, because, more)


# --- records


def in_words(inquiry: Inquiry, record: Record) -> tuple[Text, dict[str, Any]] | None:
    """A record about a clock or timer in a line, with what it adds; None for any other."""
    event: Any = record.event
    who = people.who(inquiry, record)
    match event:
        case ReminderRaised(unit=unit):
            return say("{unit} was reminded", unit=people.unit_name(inquiry, unit)), {}
        case CardRaised():
            return _card_in_words(inquiry, record), {}
        case ClockStruck(rung=rung):
            clock = inquiry.trace.named(record, "clock")
            if rung:
                return say("clock {clock} reached “{rung}”", clock=clock, rung=RUNGS.get(rung, rung)), {}
            return say("clock {clock} ran out", clock=clock), {}
        case ClockStarted(since=since, due=due):
            clock = inquiry.trace.named(record, "clock")
            return say("clock {clock} runs since {since}; due {due}", clock=clock, since=since, due=due), {}
        case PauseOrdered(ground=ground, reason=reason):
            return say("pause ordered by {who}: {reason}", who=who, reason=reason), {"ground": ground}
        case ResumeOrdered(reason=reason):
            return say("pause ended by {who}: {reason}", who=who, reason=reason), {}
        case ClockPaused(clock=clock, ground=ground, expected=expected):
            return _paused(inquiry, record, clock, ground, expected)
        case ClockResumed(due=due):
            return say("runs on; due {due}", due=due or "—"), {}
        case ExtensionGranted(by=by, reason=reason):
            return say("extension of {by} granted by {who}: {reason}", by=by, who=who, reason=reason), {}
        case ClockExtended(clock=clock, by=by, due=due):
            return _extended(inquiry, record, clock, by, due)
        case ClockRestarted(due=due):
            return say("began anew; due {due}", due=due), {}
        case ClockReprojected(was=was, due=due):
            return say("moved by the calendar from {was} to {due}", was=was or "—", due=due or "—"), {}
        case ClockExpired(effect="flag"):
            return say("ran out"), {}
        case ClockExpired(effect=effect, basis=basis):
            law = f"{basis['law']} {basis['article']}" if basis else "—"
            return say("ran out: {effect}, by {law}", effect=EFFECTS.get(effect, effect), law=law), {}
        case ClockStopped(late=late):
            return (say("met, but late") if late else say("met in time")), {}
        case TimerFired():
            return say("timer {timer} ran out", timer=inquiry.trace.named(record, "timer")), {}
    return None


def _paused(
    inquiry: Inquiry, record: Record, clock: str, ground: str, expected: str
) -> tuple[Text, dict[str, Any]]:
    rule = _law(inquiry, record, clock)
    found = rule.grounds.get(ground) if rule is not None else None
    text = say(
        "paused for {ground}, by {law} {article}; expected to take {expected}",
        expected=expected,
        ground=titled(found.zh, found.en) if found is not None else ground,
        law=found.basis.law if found is not None else "",
        article=found.basis.article if found is not None else "",
    )
    return text, ({"basis": found.basis.as_json()} if found is not None else {}) | {"ground": ground}


def _extended(
    inquiry: Inquiry, record: Record, clock: str, by: str, due: str | None
) -> tuple[Text, dict[str, Any]]:
    rule = _law(inquiry, record, clock)
    basis = rule.extension.basis if rule is not None and rule.extension is not None else None
    text = say(
        "extended by {by}, by {law} {article}; due {due}",
        by=by,
        due=due or "—",
        law=basis.law if basis is not None else "—",
        article=basis.article if basis is not None else "",
    )
    return text, {"basis": basis.as_json()} if basis is not None else {}


def _law(inquiry: Inquiry, record: Record, id: str) -> Rule | None:
    """The law of a clock, by the definition of that time."""
    clock = inquiry.trace.act_of[record.seq].definition.clocks.get(clock_of(id))
    return clock.rule if clock is not None else None
