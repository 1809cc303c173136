"""What a course of a case leaves behind, as far as two courses are compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from ..case import Case
from ..deadlines import clock_of
from ..definition import Definition
from ..errors import Text, say, titled
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
    canonical,
)
from ..flow.marking import element_of, variables
from ..flow.migrate import Names, renamed
from ..flow.step import Effect, Glimpse, effects_of

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
    """A sequence flow that was taken, with the variables that were seen there after the act."""

    source: str
    target: str
    at: str
    seen: Mapping[str, Any]
    scope: str
    flow: str


class Side:
    """One course of a case as it is told: recorded, or under the draft."""

    def __init__(self, definition: Definition, names: Names) -> None:
        self.definition = definition
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

    def watch(self, seen: list[Glimpse]) -> None:
        """Keep the flows that were taken, and what was done, until the case as it then stands is known."""
        self.taken += [effect for effect in effects_of(seen) if effect.kind in ("taken", "completed")]

    def stands(self, definition: Definition, case: Case, seq: int = 0) -> None:
        """The case after what was noted; `seq` is the number on record of what brought it there."""
        self.case, self.definition = case, definition
        for effect in self.taken:
            scope = definition.net.scopes[effect.scope]
            node = scope.nodes.get(effect.element)
            if effect.kind == "taken":
                flow = scope.flows[effect.info["flow"]]
                source, target = (self.names.get(end, end) for end in (flow.source, flow.target))
                self.ways.append(Way(source, target, case.at, _seen(case, effect.id), effect.scope, flow.id))
            elif node is not None and node.decision is not None and node.result is not None:
                value = _seen(case, effect.id).get(node.result)
                name = self.names.get(node.id, node.id)
                key = ("table", renamed(effect.id, self.names), canonical(value))
                text = say("{table} gives {value}", table=self._called(node.id), value=_plain(value))
                self.marks.append(Mark("decided", name, key, case.at, len(self.marks), seq, text))
        self.taken.clear()

    def _called(self, id: str) -> Text:
        """What a reader calls a visit of an element, a clock or a document."""
        for section in ("outcomes", "documents", "clocks"):
            found = self.definition.item.get(section, {}).get(clock_of(id))
            if found is not None:
                return titled(**found["name"])
        names = self.definition.names(element_of(id))
        return titled(names["zh"], names["en"])

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
        for kind, subject, key, text in _marks(event, at, self.names, self._called):
            self.marks.append(Mark(kind, subject, key, at, len(self.marks), seq, text))


def _marks(
    event: Event, at: str, names: Names, words: Callable[[str], Text]
) -> Iterator[tuple[Kind, str, tuple[Any, ...], Text]]:
    """What of an event is compared, in the draft's names; `words` says what is called how."""

    def called(id: str) -> str:
        return renamed(id, names)

    match event:
        case TaskOpened(task=task, unit=unit, post=post):
            text = say("{step} is to be done by {post}", step=words(task), post=f"{unit}/{post}")
            yield "routed", element_of(called(task)), ("opened", visit_of(called(task)), unit, post), text
        case TaskCancelled(task=task):
            text = say("{step} is no longer wanted", step=words(task))
            yield "routed", element_of(called(task)), ("cancelled", visit_of(called(task))), text
        case MessageSent(element=element, name=name) | SignalSent(element=element, name=name):
            yield "routed", called(element), (event.type, name), say("{name} is sent", name=name)
        case IncidentRaised(incident=incident, code=code, message=message):
            text = say("{step} fails: {reason}", step=words(incident), reason=message)
            yield "routed", element_of(called(incident)), ("incident", called(incident), code), text
        case JointDecided(joint=joint, round=number, outcome=outcome):
            text = say("the joint review comes to {outcome}", outcome=outcome)
            yield "decided", joint, ("joint", joint, number, outcome), text
        case MeetingHeld(meeting=meeting, outcome=outcome):
            text = say("the meeting comes to {outcome}", outcome=outcome)
            yield "decided", meeting, ("meeting", meeting, outcome), text
        case CaseClosed(outcome=outcome):
            text = say("the case ends with {outcome}", outcome=words(outcome))
            yield "decided", "", ("closed", called(outcome)), text
            yield "time", "", ("closed", at), say("the case is closed")
        case DocumentIssued(document=document, element=element):
            text = say("{document} is issued", document=words(document))
            yield (
                "documents",
                element_of(called(element)),
                ("issued", document, visit_of(called(element))),
                text,
            )
        case _:
            yield from _time_marks(event, at, called, words)


def _time_marks(
    event: Event, at: str, called: Callable[[str], str], words: Callable[[str], Text]
) -> Iterator[tuple[Kind, str, tuple[Any, ...], Text]]:
    def mark(id: str, text: Text, *more: Any) -> tuple[Kind, str, tuple[Any, ...], Text]:
        name = id.rpartition("@")
        subject = f"{name[0]}@{visit_of(called(name[2]))}" if name[1] else id
        return "time", clock_of(id), (event.type, subject, *more), text

    match event:
        case ClockStarted(clock=clock, due=due) | ClockRestarted(clock=clock, due=due):
            yield mark(clock, say("the clock {clock} is due at {due}", clock=words(clock), due=due), due)
        case ClockResumed(clock=clock, due=due) | ClockExtended(clock=clock, due=due):
            text = say("the clock {clock} is due at {due}", clock=words(clock), due=due or "—")
            yield mark(clock, text, due, at)
        case ClockReprojected(clock=clock, due=due):
            text = say("the clock {clock} is due at {due}", clock=words(clock), due=due or "—")
            yield mark(clock, text, due, at)
        case ClockPaused(clock=clock, ground=ground):
            yield mark(
                clock, say("the clock {clock} stands still: {ground}", clock=words(clock), ground=ground), at
            )
        case ClockExpired(clock=clock, effect=effect):
            yield mark(clock, say("the clock {clock} runs out", clock=words(clock)), effect, at)
        case ClockStopped(clock=clock, late=late):
            text = say("the clock {clock} is stopped in time", clock=words(clock))
            if late:
                text = say("the clock {clock} is stopped late", clock=words(clock))
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
            text = say("{unit} is reminded of the clock {clock}", unit=unit, clock=words(clock))
            yield mark(clock, text, rung, unit, at)
        case CardRaised(clock=clock, colour=colour, unit=unit):
            text = say(
                "{unit} gets a card ({colour}) for {clock}", unit=unit, colour=colour, clock=words(clock)
            )
            yield mark(clock, text, colour, unit, at)
        case TimerArmed(timer=timer, element=element, due=due, clock=clock):
            text = say("{element} is due at {due}", element=words(element), due=due or clock or "—")
            yield "time", called(element), ("armed", called(timer), due, clock), text
        case TimerMoved(timer=timer, element=element, due=due):
            text = say("{element} is due at {due}", element=words(element), due=due)
            yield "time", called(element), ("armed", called(timer), due, at), text
        case TimerFired(timer=timer, element=element):
            text = say("{element} acts", element=words(element))
            yield "time", called(element), ("fired", called(timer), at), text


def visit_of(task: str) -> str:
    """The visit without the number of an instance, whose unit says more."""
    head, slash, last = task.rpartition("/")
    return head + slash + last.partition(":")[0]


def _seen(case: Case, visit: str) -> Mapping[str, Any]:
    """The variables that are seen where the visit is, or was as long as its scope lasted."""
    frame = visit.rpartition("/")[0]
    return variables(case.marking, frame if frame in case.marking["frames"] else "")


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else canonical(value).decode()
