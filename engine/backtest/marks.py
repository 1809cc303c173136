"""What a course of a case leaves behind, as far as two courses are compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

from ..case import Case
from ..deadlines import clock_of
from ..definition import Definition
from ..errors import Text, say
from ..events import (
    CardRaised,
    CaseClosed,
    CaseDeemed,
    ClockExpired,
    ClockExtended,
    ClockPaused,
    ClockReprojected,
    ClockRestarted,
    ClockResumed,
    ClockStarted,
    ClockStopped,
    DocumentIssued,
    Event,
    IncidentRaised,
    JointDecided,
    MeetingHeld,
    MessageSent,
    ReferralDeemed,
    ReminderRaised,
    SignalSent,
    SilenceNoted,
    TaskCancelled,
    TaskOpened,
    TimerArmed,
    TimerFired,
    TimerMoved,
)
from ..flow.marking import element_of
from ..flow.migrate import Names, renamed
from ..flow.step import Effect

Kind = Literal["decided", "routed", "time", "documents"]

KINDS: tuple[Kind, ...] = ("decided", "routed", "time", "documents")
CLASSES = ("same", *KINDS, "unanswerable", "broken")
"""What a case comes to: the first of its differences in the order of `KINDS`, if it can be answered."""


class Mark(NamedTuple):
    """Something that happened in a course: two courses agree if they left the same marks. `subject` is the
    element or clock that it is about."""

    kind: Kind
    subject: str
    key: tuple[Any, ...]
    at: str
    place: int
    seq: int
    text: Text


class Way(NamedTuple):
    """A sequence flow that was taken, with the case as it stood after the act."""

    source: str
    target: str
    at: str
    case: Case
    scope: str
    flow: str


class Side:
    """One course of a case as it is told: recorded, or under the draft."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.marks: list[Mark] = []
        self.ways: list[Way] = []
        self.units: Counter[str] = Counter()
        self.unit_of: dict[str, str] = {}
        self.opened: dict[str, str] = {}
        self.overdue: dict[str, None] = {}
        self.cards = 0
        self.closed_at: str | None = None
        self.case: Case | None = None
        self.taken: list[Effect] = []

    def watch(self, effects: list[Effect]) -> None:
        """Keep the flows that were taken until the case as it then stands is known."""
        self.taken += [effect for effect in effects if effect.kind == "taken"]

    def stands(self, definition: Definition, case: Case) -> None:
        """The case after what was noted."""
        self.case = case
        for effect in self.taken:
            flow = definition.net.scopes[effect.scope].flows[effect.info["flow"]]
            source, target = (self.names.get(end, end) for end in (flow.source, flow.target))
            self.ways.append(Way(source, target, case.at, case, effect.scope, flow.id))
        self.taken.clear()

    def note(self, at: str, event: Event, seq: int = 0) -> None:
        """Keep what the event says, as far as it is compared; `seq` is its number on record."""
        match event:
            case TaskOpened(task=task, unit=unit):
                self.units[unit] += 1
                self.unit_of[task] = unit
                self.opened[task] = at
            case ClockExpired(clock=clock):
                self.overdue[clock_of(clock)] = None
            case CardRaised():
                self.cards += 1
            case CaseClosed():
                self.closed_at = at
        for kind, subject, key, text in _marks(event, at, self.names):
            self.marks.append(Mark(kind, subject, key, at, len(self.marks), seq, text))


def _marks(event: Event, at: str, names: Names) -> Iterator[tuple[Kind, str, tuple[Any, ...], Text]]:
    """What of an event is compared, in the draft's names."""

    def called(id: str) -> str:
        return renamed(id, names)

    match event:
        case TaskOpened(task=task, unit=unit, post=post):
            text = say("{step} is to be done by {post}", step=visit_of(called(task)), post=f"{unit}/{post}")
            yield "routed", element_of(called(task)), ("opened", visit_of(called(task)), unit, post), text
        case TaskCancelled(task=task):
            text = say("{step} is no longer wanted", step=visit_of(called(task)))
            yield "routed", element_of(called(task)), ("cancelled", visit_of(called(task))), text
        case MessageSent(element=element, name=name) | SignalSent(element=element, name=name):
            yield "routed", called(element), (event.type, name), say("{name} is sent", name=name)
        case IncidentRaised(incident=incident, code=code, message=message):
            text = say("{step} fails: {reason}", step=called(incident), reason=message)
            yield "routed", element_of(called(incident)), ("incident", called(incident), code), text
        case JointDecided(joint=joint, round=number, outcome=outcome):
            text = say("the joint review comes to {outcome}", outcome=outcome)
            yield "decided", joint, ("joint", joint, number, outcome), text
        case MeetingHeld(meeting=meeting, outcome=outcome):
            text = say("the meeting comes to {outcome}", outcome=outcome)
            yield "decided", meeting, ("meeting", meeting, outcome), text
        case CaseClosed(outcome=outcome):
            text = say("the case ends with {outcome}", outcome=called(outcome))
            yield "decided", called(outcome), ("closed", called(outcome)), text
            yield "time", "", ("closed", at), say("the case is closed")
        case DocumentIssued(document=document, element=element):
            text = say("{document} is issued", document=document)
            yield (
                "documents",
                element_of(called(element)),
                ("issued", document, visit_of(called(element))),
                text,
            )
        case _:
            yield from _time_marks(event, at, called)


def _time_marks(
    event: Event, at: str, called: Callable[[str], str]
) -> Iterator[tuple[Kind, str, tuple[Any, ...], Text]]:
    def mark(id: str, text: Text, *more: Any) -> tuple[Kind, str, tuple[Any, ...], Text]:
        name = id.rpartition("@")
        subject = f"{name[0]}@{visit_of(called(name[2]))}" if name[1] else id
        return "time", clock_of(id), (event.type, subject, *more), text

    match event:
        case ClockStarted(clock=clock, due=due) | ClockRestarted(clock=clock, due=due):
            yield mark(clock, say("the clock {clock} is due at {due}", clock=clock, due=due), due)
        case ClockResumed(clock=clock, due=due) | ClockExtended(clock=clock, due=due):
            text = say("the clock {clock} is due at {due}", clock=clock, due=due or "—")
            yield mark(clock, text, due, at)
        case ClockReprojected(clock=clock, due=due):
            text = say("the clock {clock} is due at {due}", clock=clock, due=due or "—")
            yield mark(clock, text, due, at)
        case ClockPaused(clock=clock, ground=ground):
            yield mark(clock, say("the clock {clock} stands still: {ground}", clock=clock, ground=ground), at)
        case ClockExpired(clock=clock, effect=effect):
            yield mark(clock, say("the clock {clock} runs out", clock=clock), effect, at)
        case ClockStopped(clock=clock, late=late):
            text = say("the clock {clock} is stopped in time", clock=clock)
            if late:
                text = say("the clock {clock} is stopped late", clock=clock)
            yield mark(clock, text, late, at)
        case CaseDeemed(clock=clock, effect=effect, as_of=as_of):
            yield mark(clock, say("silence counts: {effect}", effect=effect), effect, as_of)
        case ReferralDeemed(task=task, unit=unit):
            text = say("the silence of {unit} is taken for consent", unit=unit)
            yield "time", element_of(called(task)), (event.type, visit_of(called(task)), unit, at), text
        case SilenceNoted(task=task, unit=unit):
            text = say("{unit} was silent", unit=unit)
            yield "time", element_of(called(task)), (event.type, visit_of(called(task)), unit, at), text
        case ReminderRaised(clock=clock, rung=rung, unit=unit):
            text = say("{unit} is reminded of the clock {clock}", unit=unit, clock=clock)
            yield mark(clock, text, rung, unit, at)
        case CardRaised(clock=clock, colour=colour, unit=unit):
            text = say("{unit} gets a card ({colour}) for {clock}", unit=unit, colour=colour, clock=clock)
            yield mark(clock, text, colour, unit, at)
        case TimerArmed(timer=timer, element=element, due=due, clock=clock):
            text = say("{element} is due at {due}", element=called(element), due=due or clock or "—")
            yield "time", called(element), ("armed", called(timer), due, clock), text
        case TimerMoved(timer=timer, element=element, due=due):
            text = say("{element} is due at {due}", element=called(element), due=due)
            yield "time", called(element), ("armed", called(timer), due, at), text
        case TimerFired(timer=timer, element=element):
            text = say("{element} acts", element=called(element))
            yield "time", called(element), ("fired", called(timer), at), text


def visit_of(task: str) -> str:
    """The visit without the number of an instance, whose unit says more."""
    head, slash, last = task.rpartition("/")
    return head + slash + last.partition(":")[0]
