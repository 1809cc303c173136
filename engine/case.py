"""A case: a fold over its events (floor 4).

`evolve` alone changes state, and it does so by running the process again: a fact (a case opened, a task
completed, a timer fired, a clock struck) goes through `flow.step` and the case's `deadlines.Book`, and what
follows from it is queued as `expected`; the consequences on record must then be exactly these, in this
order. So the live engine, replay and audit are one piece of code, and a record that says something else
diverges at its event. `next_fact_of_time` and the `decide…` functions look at a settled case and answer with
the next fact, or refuse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, time
from functools import lru_cache
from typing import Any

from .access import Organisation
from .clock import Calendar, Workdays, parse_term, read_instant, write_instant
from .deadlines import Book, Card, Deadline, Deemed, current, find, ran_out, runs, stamped
from .definition import Definition
from .errors import Diverged, Invalid, Text, say
from .events import (
    CalendarRevised,
    CardAnswered,
    CardContested,
    CardWithdrawn,
    CaseClosed,
    CaseOpened,
    ClockStruck,
    DocumentIssued,
    Event,
    ExtensionGranted,
    IncidentRaised,
    MessageReceived,
    MessageSent,
    PauseOrdered,
    ResumeOrdered,
    SignalSent,
    TaskCancelled,
    TaskCompleted,
    TaskOpened,
    TimerArmed,
    TimerFired,
    TimerMoved,
    TimerStopped,
)
from .flow.marking import Due, Marking, Waiting, awaited, bound_timers, open_tasks, timers
from .flow.net import HUMAN, Node
from .flow.step import EXACT, Almanac, Complete, Effect, Fire, Input, Message, Revise, Start, step
from .forms import NO_FIELDS, check

CLOCK = {"clock": True}
"""Who acts when time does."""

EVERYWHERE = "*"
"""The unit under which a calendar keeps local days of the whole county."""

CalendarOf = Callable[[str], Calendar]
"""Gives a calendar by its digest."""


@dataclass(frozen=True, slots=True)
class Case:
    """A case between two events.

    `calendar` (a digest), since `counted_since`, and `closing` (`HH:MM`) are what its terms are counted by;
    `opened_at` and `at` the instants of its first and latest event; `deadlines` the runnings of the item's
    clocks; `deemed` what silence has been taken for; `documents` the number of the latest document of each
    kind; `expected` the consequences of the last fact that are not on record yet; `outcome` is set once the
    case is closed.
    """

    number: str
    item: str
    definition: str
    calendar: str
    counted_since: str
    closing: str
    opened_at: str
    at: str
    marking: Marking
    deadlines: dict[str, Deadline] = field(default_factory=dict)
    cards: dict[str, Card] = field(default_factory=dict)
    deemed: tuple[Deemed, ...] = ()
    documents: dict[str, str] = field(default_factory=dict)
    expected: tuple[Event, ...] = ()
    outcome: str | None = None

    @property
    def closed(self) -> bool:
        """Whether the process has ended."""
        return self.marking["state"] == "completed"

    def to_json(self) -> dict[str, Any]:
        """The state as plain data. Only a settled case (nothing `expected`) is ever stored."""
        return {
            "number": self.number,
            "item": self.item,
            "definition": self.definition,
            "calendar": self.calendar,
            "counted_since": self.counted_since,
            "closing": self.closing,
            "opened_at": self.opened_at,
            "at": self.at,
            "marking": self.marking,
            "deadlines": self.deadlines,
            "cards": self.cards,
            "deemed": list(self.deemed),
            "documents": self.documents,
            "outcome": self.outcome,
        }

    @staticmethod
    def from_json(data: dict[str, Any]) -> Case:
        """The inverse of `to_json`."""
        return Case(**{**data, "deemed": tuple(data["deemed"])})


def evolve(
    case: Case | None,
    definition: Definition,
    number: str,
    at: datetime,
    event: Event,
    calendar_of: CalendarOf,
) -> Case:
    """The case after `event`, which took effect at `at`. `calendar_of` gives the calendars it names.

    Raises `Diverged` when the event does not follow from the events before it.
    """
    if isinstance(event, CaseOpened):
        if case is not None:
            raise _diverged(event, None)
        if event.definition != definition.digest:
            raise _diverged(event, replace(event, definition=definition.digest))
        return _opened(definition, number, at, event, calendar_of)
    if case is None:
        raise _diverged(event, None)
    if write_instant(at) < case.at:
        raise Diverged(
            "replay.backwards",
            say(
                "{type} took effect at {at}, before the event it follows",
                type=event.type,
                at=write_instant(at),
            ),
            expected=say("an instant not before {at}", at=case.at),
            remedy=say("compare the history with a backup or a sealed copy"),
        )
    if event.fact:
        if case.expected:
            raise _diverged(event, case.expected[0])
        try:
            return _follow(case, definition, at, event, calendar_of)
        except Invalid as refusal:
            raise Diverged(
                "replay.impossible",
                say(
                    "the recorded {type} could not happen: {reason}", type=event.type, reason=refusal.message
                ),
                found=say("{event}", event=event.payload()),
                remedy=say("compare the history with a backup or a sealed copy"),
            ) from refusal
    if not case.expected:
        raise _diverged(event, None)
    return _record(case, event)


def _opened(
    definition: Definition, number: str, at: datetime, event: CaseOpened, calendar_of: CalendarOf
) -> Case:
    instant = write_instant(at)
    nowhere: Any = None  # until the process has begun, two lines on
    case = Case(
        number,
        event.item,
        event.definition,
        event.calendar,
        instant,
        event.closing,
        instant,
        instant,
        nowhere,
    )
    hours = _hours(event.calendar, event.closing, event.zone, calendar_of)
    start = Start(event.data, event.zone)
    marking, effects = step(definition.net, None, start, at, _almanac(definition, hours))
    opened = replace(case, marking=marking)
    return _with(opened, definition, effects, _book(opened, definition, at, calendar_of))


def _follow(case: Case, definition: Definition, at: datetime, event: Event, calendar_of: CalendarOf) -> Case:
    """The case after a fact, with the consequences that must follow. Raises `Invalid` if it can't be."""
    if isinstance(event, CalendarRevised):
        calendar_of(event.calendar)  # which must be there, whether or not a term is counted by it
        case = replace(case, calendar=event.calendar, counted_since=write_instant(at))
    hours = _hours(case.calendar, case.closing, case.marking["zone"], calendar_of)
    book = _book(case, definition, at, calendar_of)
    given = _input(case, event, at)
    if given is None:
        consequences = tuple(_keep(case, definition, event, book))
        return replace(_kept(case, book), at=write_instant(at), expected=consequences)
    marking, effects = step(definition.net, case.marking, given, at, _almanac(definition, hours))
    after = replace(case, marking=marking, at=write_instant(at))
    revised = tuple(book.revise()) if isinstance(event, CalendarRevised) else ()
    return _with(after, definition, effects, book, revised)


def _with(
    case: Case, definition: Definition, effects: Iterable[Effect], book: Book, first: Iterable[Event] = ()
) -> Case:
    consequences = (*first, *_consequences(case, definition, effects, book))
    return replace(_kept(case, book), expected=consequences)


def _kept(case: Case, book: Book) -> Case:
    """The case with what the book has become."""
    return replace(case, deadlines=book.deadlines, cards=book.cards, deemed=tuple(book.deemed))


# --- by which calendar


Hours = Callable[[str], Workdays]
"""The working days of a unit."""


@lru_cache(maxsize=1000)
def workdays_of(calendar: Calendar, unit: str, zone: str, closing: str) -> Workdays:
    """The calendar as `unit` lives it: its own local days, then those of the whole county."""
    return Workdays(calendar, (unit, EVERYWHERE), zone, time.fromisoformat(closing))


def _hours(calendar: str, closing: str, zone: str, calendar_of: CalendarOf) -> Hours | None:
    if not calendar:
        return None
    return lambda unit: workdays_of(calendar_of(calendar), unit, zone, closing)


def hours_of(case: Case, calendar: str, calendar_of: CalendarOf) -> Hours:
    """The working days of each unit by `calendar` (a digest), in the hours of this case."""
    return _hours(calendar, case.closing, case.marking["zone"], calendar_of) or _no_hours


def _no_hours(unit: str) -> Workdays:
    raise Invalid("calendar.none", say("this case was opened before calendars were on record"))


def _almanac(definition: Definition, hours: Hours | None) -> Almanac:
    if hours is None:
        return EXACT
    lanes = definition.item["lanes"]
    return Almanac(lambda lane: hours(lanes.get(lane or "", "").partition("/")[0]), definition.clocks)


def _book(case: Case, definition: Definition, at: datetime, calendar_of: CalendarOf) -> Book:
    def workdays(unit: str, calendar: str) -> Workdays:
        return hours_of(case, calendar, calendar_of)(unit)

    return Book(definition.clocks, case.calendar, workdays, case.deadlines, case.cards, case.deemed, at)


# --- facts and what follows


def _record(case: Case, event: Event) -> Case:
    """Take the next expected consequence off the queue: `event` must be it."""
    expected, rest = case.expected[0], case.expected[1:]
    documents, deadlines = case.documents, case.deadlines
    if isinstance(event, DocumentIssued) and isinstance(expected, DocumentIssued):
        # Number and content are given by the office, not derived.
        expected = replace(expected, number=event.number, content=event.content)
        documents = {**documents, event.document: event.number}
        if event == expected and event.element.startswith("clock:"):
            deadlines = stamped(deadlines, event.element, event.number)
    if event != expected:
        raise _diverged(event, expected)
    outcome = event.outcome if isinstance(event, CaseClosed) else case.outcome
    return replace(case, expected=rest, documents=documents, deadlines=deadlines, outcome=outcome)


def _input(case: Case, event: Event, at: datetime) -> Input | None:
    """What the process is given by a fact; None for a fact that concerns only clocks and cards."""
    match event:
        case TaskCompleted():
            return Complete(event.task, event.data)
        case MessageReceived():
            return Message(event.name, event.data)
        case TimerFired():
            _check_due(case, event, at)
            return Fire(event.timer)
        case CalendarRevised():
            return Revise()
    return None


def _keep(case: Case, definition: Definition, event: Event, book: Book) -> Iterable[Event]:
    """The entries that a fact about clocks and cards makes in the book."""
    match event:
        case ClockStruck(clock=clock, rung=rung):
            _check_struck(case, event, book.now)
            return book.strike(clock, rung, _busy_units(case, definition))
        case PauseOrdered(clock=clock, ground=ground, expected=expected):
            _known(case, clock)
            _leads(case, definition, clock, ground)
            return book.pause(clock, ground, parse_term(expected))
        case ResumeOrdered(clock=clock, ground=ground):
            _known(case, clock)
            _leads(case, definition, clock, ground)
            return book.resume(clock, ground)
        case ExtensionGranted(clock=clock, by=by, reason=reason):
            _known(case, clock)
            return book.extend(clock, parse_term(by), reason)
        case CardAnswered() | CardContested() | CardWithdrawn():
            book.treat_card(event)
            return ()
    raise _diverged(event, None)


def _known(case: Case, clock: str) -> None:
    if clock not in case.deadlines:
        raise Invalid("clock.not_started", say("the clock {clock} has not started in this case", clock=clock))


def _leads(case: Case, definition: Definition, clock: str, ground: str) -> None:
    """Refuse to pause a promise by itself, which is kept or broken net of the law's pauses only, and to
    meddle with a pause that the process brings and ends itself."""
    described = definition.clocks[case.deadlines[clock]["clock"]]
    if described.follows is not None:
        raise Invalid(
            "clock.follows",
            say("this clock is paused whenever {clock} is, and by nothing else", clock=described.follows),
            found=say("{clock}", clock=clock),
            rule=described.rule.basis.text(),
            remedy=say("pause or resume {clock}", clock=described.follows),
        )
    for pause in described.pauses:
        if pause.ground == ground:
            raise Invalid(
                "clock.driven",
                say("the process itself pauses this clock for {ground} and lets it run on", ground=ground),
                expected=say("from {start} to {end}", start=pause.start, end=pause.end),
                rule=described.rule.grounds[ground].basis.text(),
                remedy=say("do the step that ends the pause"),
            )


def _busy_units(case: Case, definition: Definition) -> list[str]:
    """The units that have open steps, in order of opening."""
    units = {}
    for waiting in open_tasks(case.marking):
        node = definition.net.scopes[waiting.scope].nodes[waiting.element]
        units[waiting.unit or definition.performer(waiting.scope, node)[0]] = True
    return list(units)


def _check_due(case: Case, event: TimerFired, at: datetime) -> None:
    """A timer fires at its own due instant, neither earlier nor later; one that waits for a clock, as soon
    as that has run out."""
    for frame in case.marking["frames"].values():
        for visit in frame["live"].values():
            timer = visit.get("timers", {}).get(event.element)
            if timer is None:
                continue
            if timer.get("due") == write_instant(at):
                return
            if "clock" in timer and ran_out(case.deadlines, timer["clock"]) and write_instant(at) == case.at:
                return
    raise _wrong_instant(say("timer {timer} was not due at {at}", timer=event.timer, at=write_instant(at)))


def _check_struck(case: Case, event: ClockStruck, at: datetime) -> None:
    deadline = case.deadlines.get(event.clock)
    due = deadline["pending"][0][0] if deadline is not None and deadline["pending"] else None
    if due is None or write_instant(at) != max(due, case.at):
        raise _wrong_instant(
            say("the clock {clock} did not strike at {at}", clock=event.clock, at=write_instant(at))
        )


def _wrong_instant(message: Text) -> Diverged:
    return Diverged("replay.timer", message, remedy=say("compare the history with a backup or a sealed copy"))


def _consequences(
    case: Case, definition: Definition, effects: Iterable[Effect], book: Book
) -> Iterator[Event]:
    """What goes on record for what the process did, and for what the clocks did then; entering and leaving
    gateways does not."""
    units: dict[str, str] | None = None
    for effect in effects:
        node = definition.net.scopes[effect.scope].nodes.get(effect.element)
        match effect.kind:
            case "opened" if node is not None:
                if units is None:
                    units = {waiting.id: waiting.unit for waiting in open_tasks(case.marking)}
                unit, post = definition.performer(effect.scope, node)
                yield TaskOpened(effect.id, node.id, units.get(effect.id, "") or unit, post)
            case "cancelled" if node is not None and node.kind in HUMAN:
                yield TaskCancelled(effect.id, node.id)
            case "armed":
                info = effect.info
                yield TimerArmed(effect.id, effect.element, info["due"], info["clock"], info["provisional"])
            case "moved":
                info = effect.info
                yield TimerMoved(effect.id, effect.element, info["was"], info["due"], info["provisional"])
            case "stopped":
                yield TimerStopped(effect.id, effect.element)
            case "sent":
                yield MessageSent(effect.element, effect.info["name"])
            case "signalled":
                yield SignalSent(effect.element, effect.info["name"])
            case "incident":
                info = effect.info
                yield IncidentRaised(effect.id, effect.element, info["code"], str(info["message"]))
            case "completed" if node is not None:
                for document in node.properties.get("documents", "").split():
                    yield DocumentIssued(document, effect.id, "", "")
            case "ended":
                yield from book.close()
                yield CaseClosed(effect.element)
            case _:
                pass
        yield from book.reach(_trigger(effect))


def _trigger(effect: Effect) -> str:
    """What a clock would call this effect; an instance among many is not the activity."""
    if ":" in effect.id.rpartition("/")[2]:
        return ""
    return {"completed": effect.element, "entered": f"{effect.element}:opened"}.get(effect.kind, "")


def _diverged(event: Event, expected: Event | None) -> Diverged:
    return Diverged(
        "replay.diverged",
        say(
            "recorded {recorded}, replay gives {replayed}",
            recorded=_name(event),
            replayed=_name(expected) if expected else say("nothing of the kind"),
        ),
        expected=say("{event}", event=_name(expected)) if expected else say("no such event here"),
        found=say("{event}", event=_name(event)),
        rule=say("every consequence on record follows from the facts before it"),
        remedy=say("compare the history with a backup or a sealed copy"),
    )


def _name(event: Event) -> str:
    return f"{event.type} {event.payload()}"


def document_number(series: str, year: int, serial: int) -> str:
    """How number `serial` of a series of documents is written (发文字号, GB/T 9704-2012 7.2.5)."""
    return f"{series}〔{year}〕{serial}号"


# --- deciding


@dataclass(frozen=True, slots=True)
class Step:
    """What can be done in a case now: an open task, or a message it waits for.

    `task` is what the clerk types; `unit` and `post` say whose it is; `due` is when the clock that it stops
    runs out, or the first timer on it if that is earlier; it is `provisional` if it rests on a year whose
    holidays were not announced.
    """

    task: str
    scope: str
    node: Node
    unit: str
    post: str
    message: str | None = None
    due: str | None = None
    provisional: bool = False


def steps(case: Case, definition: Definition) -> list[Step]:
    """Everything that a person can do in the case now: open tasks first, then awaited messages."""
    armed = dues(case, definition)
    return [_step(case, definition, name, waiting, armed) for name, waiting in _possible(case, definition)]


def timed_steps(case: Case, definition: Definition) -> set[str]:
    """The `task` of each step that time is measured for; while its clock stands still, it has no due date."""
    armed = [*dues(case, definition), *bound_timers(definition.net, case.marking)]
    return {
        name
        for name, waiting in _possible(case, definition)
        if _timer_on(armed, waiting.id) or _clock_on(case, definition, waiting)
    }


def step_names(case: Case, definition: Definition) -> list[str]:
    """What a clerk may type after `do`: the `task` of each of the `steps`."""
    return [name for name, _ in _possible(case, definition)]


def _possible(case: Case, definition: Definition) -> list[tuple[str, Waiting]]:
    tasks = [(waiting.id, waiting) for waiting in open_tasks(case.marking)]
    messages = awaited(definition.net, case.marking, "message")
    return tasks + [(waiting.element, waiting) for waiting in messages]


def _step(case: Case, definition: Definition, name: str, waiting: Waiting, armed: list[Due]) -> Step:
    node = definition.net.scopes[waiting.scope].nodes[waiting.element]
    unit, post = definition.performer(waiting.scope, node)
    due, provisional = _due_of(case, definition, waiting, armed)
    unit = waiting.unit or unit
    return Step(name, waiting.scope, node, unit, post, waiting.name or None, due, provisional)


def next_fact_of_time(case: Case, definition: Definition, now: datetime) -> tuple[datetime, Event] | None:
    """What time does next by `now`, with its instant; None when it has nothing to do.

    At one instant the clocks strike first, in the item's order; then what waited for one that ran out; then
    the other timers. What should have been earlier than the case's latest event comes right after it: a
    clock may be started as of a day gone by.
    """
    found: list[tuple[str, int, int, int, Event]] = []
    order = list(definition.clocks)
    for id, deadline in case.deadlines.items():
        if deadline["pending"]:
            instant, rung = deadline["pending"][0]
            place = order.index(deadline["clock"])
            found.append((max(instant, case.at), 0, place, deadline["n"], ClockStruck(id, rung)))
    for place, timer in enumerate(bound_timers(definition.net, case.marking)):
        if ran_out(case.deadlines, timer.clock):
            found.append((case.at, 1, place, 0, TimerFired(timer.timer, timer.element)))
    for place, timer in enumerate(timers(definition.net, case.marking)[:1]):
        found.append((timer.due, 2, place, 0, TimerFired(timer.timer, timer.element)))
    if not found:
        return None
    instant, *_, event = min(found, key=lambda entry: entry[:4])
    at = read_instant(instant)
    return (at, event) if at <= now else None


def find_step(case: Case, definition: Definition, task: str) -> Step:
    """The step called `task` that can be done now. Raises `Invalid` naming the steps that can."""
    possible = _possible(case, definition)
    for name, waiting in possible:
        if name == task:
            return _step(case, definition, name, waiting, dues(case, definition))
    names = ", ".join(name for name, _ in possible)
    if case.closed:
        raise Invalid(
            "case.closed",
            say("case {case} is closed; nothing can be done in it any more", case=case.number),
            expected=say("an open case"),
            found=say("closed with outcome {outcome}", outcome=case.outcome or "—"),
            remedy=say("read its history; a new request is a new case"),
        )
    raise Invalid(
        "step.closed",
        say("step {step} of case {case} is not open", step=task, case=case.number),
        expected=say("one of the open steps: {steps}", steps=names or "—"),
        found=say("{step}", step=task),
        rule=say("a step can be done once, when the process has reached it"),
        remedy=say("look at `lianban show {case}` and choose an open step", case=case.number),
    )


def check_opening(definition: Definition, data: dict[str, Any]) -> None:
    """Raise `Invalid` when `data` does not fit the form that opening a case asks for."""
    check(definition.start_form(), data)


def decide(case: Case, definition: Definition, target: Step, data: dict[str, Any]) -> Event:
    """The fact that doing `target` with these answers puts on record.

    Raises `Invalid` when the answers do not fit the step's form.
    """
    check(definition.form(target.scope, target.node) or NO_FIELDS, data)
    if target.message is not None:
        return MessageReceived(target.message, data)
    return TaskCompleted(target.task, target.node.id, data)


# --- deciding about clocks and cards


def decide_pause(
    case: Case,
    definition: Definition,
    at: datetime,
    calendar_of: CalendarOf,
    clock: str,
    ground: str,
    expected: str,
    reason: str,
) -> PauseOrdered:
    """The fact that pausing `clock` for `ground` puts on record; `expected` is a term. Raises `Invalid` with
    the article when the law does not allow it (for a licence: Administrative Licensing Law art. 45)."""
    id = _find_clock(case, definition, clock)
    fact = PauseOrdered(id, ground, str(parse_term(expected)), reason)
    _follow(case, definition, at, fact, calendar_of)
    return fact


def decide_resume(
    case: Case,
    definition: Definition,
    at: datetime,
    calendar_of: CalendarOf,
    clock: str,
    ground: str | None,
    reason: str,
) -> ResumeOrdered:
    """The fact that letting `clock` run on puts on record; the only pause there is if `ground` is None.
    Raises `Invalid`."""
    id = _find_clock(case, definition, clock)
    pauses = case.deadlines[id]["ledger"]["runs"][-1]["pauses"]
    open_pauses = [pause["ground"] for pause in pauses if pause["until"] is None]
    if ground is None and len(open_pauses) != 1:
        raise Invalid(
            "clock.not_paused" if not open_pauses else "clock.which_ground",
            say("the clock {clock} is not paused", clock=id)
            if not open_pauses
            else say("the clock {clock} is paused on several grounds", clock=id),
            expected=say("one of: {grounds}", grounds=", ".join(open_pauses) or "—"),
            remedy=say("name the ground with --ground"),
        )
    fact = ResumeOrdered(id, ground or open_pauses[0], reason)
    _follow(case, definition, at, fact, calendar_of)
    return fact


def decide_extension(
    case: Case,
    definition: Definition,
    at: datetime,
    calendar_of: CalendarOf,
    clock: str,
    by: str,
    reason: str,
) -> ExtensionGranted:
    """The fact that extending `clock` by the term `by` puts on record. Raises `Invalid` with the article
    (for a licence: Administrative Licensing Law art. 42)."""
    id = _find_clock(case, definition, clock)
    fact = ExtensionGranted(id, str(parse_term(by)), reason)
    _follow(case, definition, at, fact, calendar_of)
    return fact


def decide_card(
    case: Case,
    definition: Definition,
    at: datetime,
    calendar_of: CalendarOf,
    fact: CardAnswered | CardContested | CardWithdrawn,
) -> Event:
    """`fact`, if it can be. Raises `Invalid`."""
    _follow(case, definition, at, fact, calendar_of)
    return fact


def owners_of(
    event: Event, case: Case, definition: Definition, organisation: Organisation
) -> list[tuple[str, str]]:
    """The posts (unit, post) whose holders may enter a fact about clocks and cards; none for other events.

    A clock is paused and resumed by those who work on the case in the unit that answers for it, and extended
    by the office that the law names (Administrative Licensing Law art. 42); a card is answered and contested
    in the unit that got it, and withdrawn by the supervisors.
    """
    match event:
        case PauseOrdered(clock=clock) | ResumeOrdered(clock=clock):
            unit = definition.clocks[case.deadlines[clock]["clock"]].unit
            lanes = [
                (held, post)
                for held, _, post in (b.partition("/") for b in definition.item["lanes"].values())
            ]
            return [lane for lane in lanes if lane[0] == unit] or lanes
        case ExtensionGranted(clock=clock):
            extension = definition.clocks[case.deadlines[clock]["clock"]].rule.extension
            if extension is None:
                return []
            unit, _, post = extension.approver.partition("/")
            return [(unit, post)]
        case CardAnswered(card=card) | CardContested(card=card):
            return organisation.posts_in(case.cards[card]["unit"]) if card in case.cards else []
        case CardWithdrawn():
            return list(organisation.supervisors)
    return []


def _find_clock(case: Case, definition: Definition, name: str) -> str:
    return find(case.deadlines, definition.clocks, name)[0]


def revision(
    case: Case, definition: Definition, at: datetime, calendar: str, calendar_of: CalendarOf
) -> tuple[Event, ...]:
    """What would follow for the case if it were counted by `calendar` (a digest) from `at` on."""
    return _follow(case, definition, at, CalendarRevised(calendar), calendar_of).expected


def task_due(case: Case, definition: Definition, task: str) -> str | None:
    """When the open task `task` is due, at this moment."""
    for waiting in open_tasks(case.marking):
        if waiting.id == task:
            return _due_of(case, definition, waiting, dues(case, definition))[0]
    return None


def _due_of(
    case: Case, definition: Definition, waiting: Waiting, armed: list[Due]
) -> tuple[str | None, bool]:
    clock = _clock_on(case, definition, waiting)
    timer = _timer_on(armed, waiting.id)
    found = [(clock["due"], clock["provisional"])] if clock is not None and clock["due"] else []
    found += [(timer.due, timer.provisional)] if timer is not None else []
    return min(found, default=(None, False))


def _clock_on(case: Case, definition: Definition, waiting: Waiting) -> Deadline | None:
    """The live clock, if any, that doing this step stops; the one that runs out first."""
    found = [
        deadline
        for deadline in case.deadlines.values()
        if runs(deadline) and waiting.element in definition.clocks[deadline["clock"]].stops
    ]
    return min(found, key=lambda d: (d["due"] is None, d["due"] or "", d["clock"]), default=None)


def dues(case: Case, definition: Definition) -> list[Due]:
    """All armed timers with the instants they will fire at as things stand, next first."""
    found = timers(definition.net, case.marking)
    for timer in bound_timers(definition.net, case.marking):
        latest = current(case.deadlines, timer.clock)
        if latest is not None and latest[1]["due"] is not None:
            found.append(timer._replace(due=latest[1]["due"], provisional=latest[1]["provisional"]))
    return sorted(found)


def _timer_on(armed: list[Due], task: str) -> Due | None:
    for timer in armed:
        visit = timer.timer.partition("!")[0]
        if timer.cyclic:
            continue  # it nags; nothing ends with it
        if task == visit or task.startswith((visit + "/", visit + ":")):
            return timer
    return None


MOST_FIRINGS = 10_000
"""Timers that may fire in one act; more is a cycle that should not be in a definition."""


class Course:
    """One act under way: facts go in, and every consequence is folded right behind its fact.

    `entries` collects `(at, by, event)` as they will go on record. `issue` gives a `document.issued` its
    number and content; the rest is derived. `dues` holds the `task_due` of each task it opens.
    """

    def __init__(
        self,
        number: str,
        case: Case | None,
        definition: Definition,
        issue: Callable[[Course, datetime, dict[str, Any], DocumentIssued], DocumentIssued],
        calendar_of: CalendarOf,
    ) -> None:
        self.number = number
        self.state = case
        self.definition = definition
        self.issue = issue
        self.calendar_of = calendar_of
        self.entries: list[tuple[datetime, dict[str, Any], Event]] = []
        self.dues: dict[str, str | None] = {}

    @property
    def case(self) -> Case:
        """The case as far as the act has come. ValueError before it is opened."""
        if self.state is None:
            raise ValueError("the case is not open yet")
        return self.state

    def enter(self, at: datetime, by: dict[str, Any], fact: Event) -> None:
        """Fold `fact` and all that follows from it."""
        self._fold(at, by, fact)
        while self.case.expected:
            event = self.case.expected[0]
            if isinstance(event, DocumentIssued):
                event = self.issue(self, at, by, event)
            self._fold(at, by, event)

    def _fold(self, at: datetime, by: dict[str, Any], event: Event) -> None:
        self.state = evolve(self.state, self.definition, self.number, at, event, self.calendar_of)
        self.entries.append((at, by, event))
        if isinstance(event, TaskOpened):
            self.dues[event.task] = task_due(self.case, self.definition, event.task)

    def settle(self, now: datetime) -> None:
        """Time first: every timer and clock due by `now` acts at its own instant, in order."""
        for _ in range(MOST_FIRINGS):
            due = None if self.case.closed else next_fact_of_time(self.case, self.definition, now)
            if due is None:
                return
            self.enter(due[0], CLOCK, due[1])
        raise Invalid(
            "clock.endless",
            say(
                "case {case}: more than {most} timers would fire in one act",
                case=self.number,
                most=MOST_FIRINGS,
            ),
            remedy=say("let the sweep run more often, or give the cycle in the diagram a longer period"),
        )
