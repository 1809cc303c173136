"""A case: a fold over its events (floor 4).

`evolve` alone changes state, and it does so by running the process again: a fact (a case opened, a task
completed, a timer fired, a clock struck) goes through `flow.step`, the case's `deadlines.Book` and its
`docket.Docket`, and what follows from it is queued as `expected`; the consequences on record must then be
exactly these, in this order. So the live engine, replay and audit are one piece of code, and a record that
says something else diverges at its event.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, time
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypedDict

from msgspec import Struct, field, json
from msgspec.structs import replace

from . import meetings
from .clock import Calendar, Workdays, parse_term, write_instant
from .clock.ledger import Basis
from .deadlines import RAN_OUT, Book, Card, Deadline, Deemed, ran_out, rule_of, stamped
from .definition import Definition
from .docket import WITHDRAWN, Docket, Entry, Recusal
from .errors import Diverged, Invalid, Text, say
from .events import (
    AnswerConfirmed,
    AnswerEntered,
    AnswerReturned,
    CalendarRevised,
    CardAnswered,
    CardContested,
    CardWithdrawn,
    CaseClosed,
    CaseMigrated,
    CaseOpened,
    ClockStruck,
    ContactHandedOver,
    DocumentIssued,
    Event,
    ExtensionGranted,
    FindingRaised,
    IncidentRaised,
    IncidentRetried,
    MaterialReceived,
    MessageReceived,
    MessageSent,
    NoticeAllowed,
    PauseOrdered,
    RecusalChallenged,
    RecusalDecided,
    RecusalDeclared,
    ReferralFollowedUp,
    ReferralReportedUp,
    ReferralSigned,
    ReferralWithdrawn,
    ReminderRaised,
    ResumeOrdered,
    SignalReceived,
    SignalSent,
    TaskCancelled,
    TaskCompleted,
    TaskEnded,
    TaskHandedOver,
    TaskOpened,
    TimerArmed,
    TimerFired,
    TimerMoved,
    TimerStopped,
    canonical,
)
from .flow.marking import Marking, element_of, open_task, open_tasks, timer_id_of
from .flow.net import HUMAN, Node
from .flow.step import (
    EXACT,
    Almanac,
    Complete,
    Effect,
    Fire,
    Glimpse,
    Input,
    Message,
    Retry,
    Revise,
    Signal,
    Start,
    step,
)

if TYPE_CHECKING:  # few histories need it
    from .migration import Parts

CLOCK = {"clock": True}
"""Who acts when time does."""

EVERYWHERE = "*"
"""The unit under which a calendar keeps local days of the whole county."""

CalendarOf = Callable[[str], Calendar]
"""Gives a calendar by its digest."""

Watch = Callable[[list[Glimpse]], None]
"""Is told all that the process did by each fact, in order, once it has; nothing depends on it."""

SECOND_NOTICE = "F72-4"
"""Finding: the applicant was not told everything at once (Administrative Licensing Law art. 72(4))."""

ASKED_AGAIN = "F35"
"""Finding: the applicant was asked for what is on file."""

ON_FILE = Basis("中华人民共和国行政许可法", "第三十五条")
"""Administrative Licensing Law art. 35: the higher organ may not ask for what was handed in at a lower
one."""


class Material(TypedDict):
    """A material on file: the `n`th that came, its reference, and the unit that received it."""

    n: int
    reference: str
    unit: str
    at: str


class Contact(TypedDict):
    """Who answers for the case to the applicant (首问责任)."""

    person: str
    unit: str


class Case(Struct, frozen=True):
    """A case between two events.

    `calendar` (a digest), since `counted_since`, and `closing` (`HH:MM`) are what its terms are counted by;
    `opened_at` and `at` the instants of its first and latest event; `deadlines` the runnings of the item's
    clocks; `deemed` what silence has been taken for; `veterans` who did steps in earlier visits, `docket`
    what people have done with its steps, `recusals` whose impartiality is in question; `materials` those on
    file; `contact` who has first-contact responsibility; `notices` how often the applicant was told what is
    missing, and `leave` how often more was allowed; `documents` the number of the latest document of each
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
    docket: dict[str, Entry] = field(default_factory=dict)
    recusals: dict[str, Recusal] = field(default_factory=dict)
    parties: tuple[str, ...] = ()
    veterans: dict[str, list[list[str]]] = field(default_factory=dict)
    materials: dict[str, Material] = field(default_factory=dict)
    contact: Contact | None = None
    notices: int = 0
    leave: int = 0
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
            "docket": self.docket,
            "recusals": self.recusals,
            "parties": list(self.parties),
            "veterans": self.veterans,
            "materials": self.materials,
            "contact": self.contact,
            "notices": self.notices,
            "leave": self.leave,
            "documents": self.documents,
            "outcome": self.outcome,
        }

    @staticmethod
    def from_json(data: dict[str, Any]) -> Case:
        """The inverse of `to_json`."""
        return Case(**{**data, "deemed": tuple(data["deemed"]), "parties": tuple(data["parties"])})

    def pack(self) -> bytes:
        """The state as JSON, the same bytes for the same state. Every act reads and writes all of it, and
        this library takes a fifth of the time that Python's own does."""
        return json.encode(self.to_json(), order="sorted")

    @staticmethod
    def unpack(state: bytes) -> Case:
        """The inverse of `pack`. Raises `ValueError`, `TypeError` or `KeyError` for anything else."""
        return Case.from_json(json.decode(state))


def evolve(
    case: Case | None,
    definition: Definition,
    number: str,
    at: datetime,
    by: Mapping[str, Any],
    event: Event,
    calendar_of: CalendarOf,
    target: Definition | None = None,
    watch: Watch | None = None,
) -> Case:
    """The case after `event`, which took effect at `at` and was entered `by` somebody. `calendar_of` gives
    the calendars it names; `definition` is what the case runs by up to here, and `target` what a
    `case.migrated` says it runs by from here on. `watch` looks on.

    Raises `Diverged` when the event does not follow from the events before it.
    """
    if isinstance(event, CaseOpened):
        if case is not None:
            raise _diverged(event, None)
        if event.definition != definition.digest:
            raise _diverged(event, replace(event, definition=definition.digest))
        if event.item != definition.code:
            raise _diverged(event, replace(event, item=definition.code))
        return _opened(definition, number, at, by, event, calendar_of, watch)
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
            if isinstance(event, CaseMigrated):
                return _migrated(case, definition, target, at, event)
            return follow(case, definition, at, by, event, calendar_of, watch)
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
    definition: Definition,
    number: str,
    at: datetime,
    by: Mapping[str, Any],
    event: CaseOpened,
    calendar_of: CalendarOf,
    watch: Watch | None,
) -> Case:
    instant = write_instant(at)
    nowhere: Any = None  # until the process has begun, below
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
        contact={"person": str(by["person"]), "unit": str(by.get("unit", ""))} if "person" in by else None,
        parties=tuple(str(event.data[name]) for name in definition.parties if name in event.data),
    )
    hours = _hours(event.calendar, event.closing, event.zone, calendar_of)
    start = Start(event.data, event.zone)
    marking, effects = _moved(definition, None, start, at, hours, watch)
    turn = _Turn(replace(case, marking=marking), definition, at, by, calendar_of)
    turn.answers = event.data
    return turn.end(marking, turn.consequences(marking, effects))


def follow(
    case: Case,
    definition: Definition,
    at: datetime,
    by: Mapping[str, Any],
    event: Event,
    calendar_of: CalendarOf,
    watch: Watch | None = None,
) -> Case:
    """The case after a fact, with the consequences that must follow. Raises `Invalid` if it can't be."""
    if isinstance(event, CalendarRevised):
        calendar_of(event.calendar)  # which must be there, whether or not a term is counted by it
        case = replace(case, calendar=event.calendar, counted_since=write_instant(at))
    turn = _Turn(case, definition, at, by, calendar_of)
    first, given = turn.take(event)
    if given is None:
        return turn.end(case.marking, first)
    hours = _hours(case.calendar, case.closing, case.marking["zone"], calendar_of)
    marking, effects = _moved(definition, case.marking, given, at, hours, watch)
    return turn.end(marking, [*first, *turn.consequences(marking, effects)])


def _moved(
    definition: Definition,
    marking: Marking | None,
    given: Input,
    at: datetime,
    hours: Hours | None,
    watch: Watch | None,
) -> tuple[Marking, list[Effect]]:
    """What `step` gives. Where nobody looks on, nobody is told what it calculates on the way."""
    seen: list[Glimpse] = []
    told = None if watch is None else seen.append
    result = step(definition.net, marking, given, at, _almanac(definition, hours), told)
    if watch is not None:
        watch(seen)
    return result


def parts_of(case: Case) -> Parts:
    """What of the case is told in the words of its definition."""
    from .migration import Parts

    return Parts(
        case.marking,
        case.deadlines,
        case.cards,
        case.deemed,
        case.docket,
        case.recusals,
        case.veterans,
    )


def _migrated(
    case: Case, definition: Definition, target: Definition | None, at: datetime, event: CaseMigrated
) -> Case:
    """The case as it runs by the `target`. Raises `Invalid` where something of it has no place there."""
    from .migration import move

    if target is None or (event.was, event.definition) != (case.definition, target.digest):
        raise _diverged(event, replace(event, was=case.definition))
    if target.code != case.item:
        raise Invalid("migration.item", say("that is a version of {item}", item=target.code))
    parts, recorded, hindrances = move(definition, target, parts_of(case), event.names)
    for one in hindrances:
        if not one.acceptable:
            raise Invalid(one.code, one.message)
    return replace(
        case,
        **parts._asdict(),
        definition=target.digest,
        at=write_instant(at),
        expected=tuple(recorded),
    )


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

    return Book(
        definition.clocks,
        case.calendar,
        workdays,
        case.deadlines,
        case.cards,
        case.deemed,
        at,
        definition.follow_ups,
    )


# --- facts and what follows


class _Turn:
    """What one fact does to the case: it is taken, the process moves, and the consequences are drawn."""

    def __init__(
        self,
        case: Case,
        definition: Definition,
        at: datetime,
        by: Mapping[str, Any],
        calendar_of: CalendarOf,
    ) -> None:
        self.case = case
        self.definition = definition
        self.at = at
        self.by = by
        self.book = _book(case, definition, at, calendar_of)
        self.docket = Docket(definition, case.docket, case.recusals, case.veterans, at, by)
        self.materials = dict(case.materials)
        self.contact = case.contact
        self.notices, self.leave = case.notices, case.leave
        self.answers: Mapping[str, Any] = {}
        """What the fact brought for the step that it ends."""
        self.completing = False
        """Whether the fact is that somebody completed a step."""
        self.owed: tuple[str, str, str] | None = None
        """The clock, task and unit of what a department owes that was silent."""

    def end(self, marking: Marking, consequences: Iterable[Event]) -> Case:
        """The case with all that has changed."""
        expected = tuple(consequences)
        return replace(
            self.case,
            marking=marking,
            at=write_instant(self.at),
            deadlines=self.book.deadlines,
            cards=self.book.cards,
            deemed=tuple(self.book.deemed),
            docket=self.docket.entries,
            recusals=self.docket.recusals,
            veterans=self.docket.veterans,
            materials=self.materials,
            contact=self.contact,
            notices=self.notices,
            leave=self.leave,
            expected=expected,
        )

    # --- the fact

    def take(self, event: Event) -> tuple[list[Event], Input | None]:
        """What follows from the fact by itself, and what the process is given by it (None: nothing). Raises
        `Invalid` if it can't be."""
        docket, book = self.docket, self.book
        match event:
            case TaskCompleted(task=task, data=data):
                _check_element(event)
                self.completing = True
                return self.complete(task, data)
            case MessageReceived(name=name, data=data):
                self.answers = data
                return [], Message(name, data)
            case IncidentRetried(incident=visit, data=data):
                return [], Retry(visit, data)
            case SignalReceived(name=name):
                return [], Signal(name, {})
            case TimerFired():
                _check_due(self.case, event, self.at)
                return [], Fire(event.timer)
            case ClockStruck():
                return self.strike(event)
            case CalendarRevised():
                return list(book.revise()), Revise()
            case ReferralSigned(task=task):
                docket.sign(task)
            case ReferralReportedUp(task=task, data=data):
                docket.report_up(task, data)
            case ReferralFollowedUp(task=task, data=data):
                found = list(docket.follow_up(task, data))
                for name in sorted(self.definition.follow_ups):
                    found += book.stop(name, task)
                return found, None
            case ReferralWithdrawn(task=task):
                docket.withdraw(task)
                return [], Complete(task, {"opinion": WITHDRAWN}, docket.variables(task))
            case AnswerEntered(task=task, data=data):
                _check_element(event)
                return list(docket.enter(task, data)), None
            case AnswerConfirmed(task=task):
                waiting = docket.confirm(task)
                if not waiting:
                    return self.complete(task, docket.entries[task]["answer"])
                return waiting, None
            case AnswerReturned(task=task):
                return list(docket.give_back(task)), None
            case RecusalDeclared(recusal=id, task=task, reason=reason):
                return list(docket.question(id, task, str(self.by.get("person")), "", reason)), None
            case RecusalChallenged(recusal=id, task=task, person=person, party=party, reason=reason):
                return list(docket.question(id, task, person, party, reason)), None
            case RecusalDecided(recusal=id, upheld=upheld):
                return list(docket.settle_recusal(id, upheld)), None
            case TaskHandedOver(task=task, to=to):
                docket.hand_over(task, to)
            case ContactHandedOver(to=to, unit=unit):
                self.contact = {"person": to, "unit": unit}
            case NoticeAllowed():
                self.leave += 1
            case _:
                return list(self.keep(event)), None
        return [], None

    def complete(self, task: str, data: dict[str, Any]) -> tuple[list[Event], Complete]:
        """A step is done with these answers, by all who had to sign them."""
        self.answers = data
        self.docket.done(task, data)
        entry = self.docket.entries.get(task)
        events: list[Event] = []
        also = self.docket.variables(task)
        zone = self.case.marking["zone"]
        for meeting in self.definition.meetings.values() if entry is not None else ():
            if entry is not None and entry["element"] == meeting.convene:
                events += meetings.convened(meeting, data, zone)
            elif entry is not None and entry["element"] == meeting.hold:
                held, told = meetings.held(self.definition, meeting, self.docket.entries, data, zone)
                events += held
                also |= told
        return events, Complete(task, data, also)

    def strike(self, event: ClockStruck) -> tuple[list[Event], Complete | None]:
        """A clock has reached a rung. A referral that ran out may be answered by that."""
        _check_struck(self.case, event, self.at)
        found = list(self.book.strike(event.clock, event.rung, self.busy_units()))
        deadline = self.case.deadlines[event.clock]
        task = deadline.get("of")
        if task is None:
            return found, None
        if any(isinstance(raised, ReminderRaised) for raised in found):
            self.docket.remind(task)
        entry = self.case.docket.get(task)
        review = self.definition.joints.get(entry.get("joint", "")) if entry is not None else None
        if entry is None or review is None or review.clock != deadline["clock"] or event.rung != RAN_OUT:
            return found, None
        events, answer = self.docket.lapse(task)
        if answer is None or review.silence is None:
            return [*found, *events], None
        if review.silence.document is not None:
            events.append(DocumentIssued(review.silence.document, task, "", ""))
        if review.silence.follow_up is not None:
            self.owed = (review.silence.follow_up, task, entry["unit"])
        return [*found, *events], Complete(task, answer, self.docket.variables(task))

    def keep(self, event: Event) -> Iterable[Event]:
        """The entries that a fact about clocks and cards makes in the book."""
        case, definition, book = self.case, self.definition, self.book
        match event:
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

    def busy_units(self) -> list[str]:
        """The units that have open steps, in order of opening."""
        units = {}
        for waiting in open_tasks(self.case.marking):
            node = self.definition.net.scopes[waiting.scope].nodes[waiting.element]
            units[waiting.unit or self.definition.performer(waiting.scope, node)[0]] = True
        return list(units)

    # --- the consequences

    def consequences(self, marking: Marking, effects: Iterable[Effect]) -> Iterator[Event]:
        """What goes on record for what the process did, and for what the clocks and the joint reviews did
        then; entering and leaving gateways does not."""
        ended = False
        for effect in effects:
            node = self.definition.net.scopes[effect.scope].nodes.get(effect.element)
            match effect.kind:
                case "opened" if node is not None:
                    waiting = open_task(marking, effect.id)
                    yield from self.opened(effect, node, waiting.unit if waiting is not None else "")
                case "cancelled" if node is not None and node.kind in HUMAN:
                    yield TaskCancelled(effect.id, node.id)
                    self.docket.cancelled(effect.id)
                    yield from self.book.end_task(node.id, effect.id)
                case "armed":
                    info = effect.info
                    yield TimerArmed(
                        effect.id, effect.element, info["due"], info["clock"], info["provisional"]
                    )
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
                    yield from self.completed(effect, node)
                case "ended":
                    ended = True
                    yield from self.docket.outcomes(self.case.docket)
                    yield from self.book.close()
                    yield CaseClosed(effect.element)
                case _:
                    pass
            yield from self.book.reach(_trigger(effect))
        if not ended:
            yield from self.docket.outcomes(self.case.docket)
            if self.owed is not None:
                clock, task, unit = self.owed
                yield from self.book.start(clock, self.at, task, unit)

    def opened(self, effect: Effect, node: Node, unit: str) -> Iterator[Event]:
        """A step waits for a person of `unit` ("": of its lane's)."""
        lane, post = self.definition.performer(effect.scope, node)
        unit = unit or lane
        yield TaskOpened(effect.id, node.id, unit, post)
        yield from self.docket.opened(effect.id, node, unit, post)
        yield from self.book.open_task(node.id, effect.id, unit, effect.info.get("term"))

    def completed(self, effect: Effect, node: Node) -> Iterator[Event]:
        """An element is done: what it issues and receives."""
        if node.kind in HUMAN and effect.id in self.docket.entries and not self.completing:
            yield TaskEnded(effect.id, node.id)
        notice = self.definition.notice
        entry = self.docket.entries.get(effect.id)
        # Nobody gave an opinion, so there is no paper that says so; silence has one of its own.
        spoken = entry is None or entry["stage"] not in ("deemed", "withdrawn")
        for document in node.properties.get("documents", "").split() if spoken else ():
            yield DocumentIssued(document, effect.id, "", "")
            if notice is not None and document in notice.documents:
                self.notices += 1
                if self.notices > 1:
                    yield FindingRaised(SECOND_NOTICE, effect.id, notice.basis.as_json())
        if "receives" in node.properties:
            unit = str(self.by.get("unit", ""))
            for listed in self.answers.get(node.properties["receives"], ()):
                material, reference = material_in(listed)
                number = (
                    self.materials[material]["n"] if material in self.materials else len(self.materials) + 1
                )
                at = write_instant(self.at)
                self.materials[material] = {"n": number, "reference": reference, "unit": unit, "at": at}
                yield MaterialReceived(material, reference, unit)
        if "requests" in node.properties:
            listing = node.properties["requests"]
            for _ in asked_again(self.definition, self.case.materials, self.answers, listing):
                yield FindingRaised(ASKED_AGAIN, effect.id, ON_FILE.as_json())
        if node.kind in HUMAN:
            yield from self.book.end_task(node.id, effect.id)


def asked_again(
    definition: Definition, on_file: Mapping[str, Any], answers: Mapping[str, Any], listing: str
) -> list[str]:
    """What is on file and asked for again: the materials in the list `listing`, each time they are there,
    and those that other texts of the same notice call by code or name."""
    listed = [material_in(one)[0] for one in answers.get(listing, ())]
    words = "\n".join(str(value) for name, value in answers.items() if name != listing)
    named = [code for code in on_file if code not in listed and _mentions(words, code, definition)]
    return [code for code in listed if code in on_file] + named


def _mentions(words: str, code: str, definition: Definition) -> bool:
    name = definition.materials.get(code, {}).get("name")
    by_code = re.search(f"(?<![A-Za-z0-9_-]){re.escape(code)}(?![A-Za-z0-9_-])", words)
    return by_code is not None or (name is not None and str(name) in words)


def material_in(listed: Any) -> tuple[str, str]:
    """A material as people list it, `plan:ref 3` or `plan：缺少四至`: its code, and what is said of it."""
    code, *more = re.split("[:：]", str(listed), maxsplit=1)
    return code.strip(), "".join(more).strip()


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


def _known(case: Case, clock: str) -> None:
    if clock not in case.deadlines:
        raise Invalid("clock.not_started", say("the clock {clock} has not started in this case", clock=clock))


def _leads(case: Case, definition: Definition, clock: str, ground: str) -> None:
    """Refuse to pause a promise by itself, which is kept or broken net of the law's pauses only, and to
    meddle with a pause that the process brings and ends itself."""
    described = definition.clocks[case.deadlines[clock]["clock"]]
    law = rule_of(described, case.deadlines[clock])
    if described.follows is not None:
        raise Invalid(
            "clock.follows",
            say("this clock is paused whenever {clock} is, and by nothing else", clock=described.follows),
            found=say("{clock}", clock=clock),
            rule=law.basis.text(),
            remedy=say("pause or resume {clock}", clock=described.follows),
        )
    for pause in described.pauses:
        if pause.ground == ground:
            raise Invalid(
                "clock.driven",
                say("the process itself pauses this clock for {ground} and lets it run on", ground=ground),
                expected=say("from {start} to {end}", start=pause.start, end=pause.end),
                rule=law.grounds[ground].basis.text(),
                remedy=say("do the step that ends the pause"),
            )


def _check_element(event: TaskCompleted | AnswerEntered) -> None:
    """The element on record is the one that the task is a visit of: readers are told its name."""
    if event.element != element_of(event.task):
        raise _diverged(event, replace(event, element=element_of(event.task)))


def _check_due(case: Case, event: TimerFired, at: datetime) -> None:
    """A timer fires at its own due instant, neither earlier nor later; one that waits for a clock, as soon
    as that has run out."""
    for frame in case.marking["frames"].values():
        for visit_id, visit in frame["live"].items():
            for key, timer in visit.get("timers", {}).items():
                if (key.partition("|")[0], timer_id_of(visit_id, visit, key)) != (event.element, event.timer):
                    continue
                if timer.get("due") == write_instant(at):
                    return
                if (
                    "clock" in timer
                    and ran_out(case.deadlines, timer["clock"])
                    and write_instant(at) == case.at
                ):
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


def _trigger(effect: Effect) -> str:
    """What a clock would call this effect; an instance among many is not the activity."""
    if ":" in effect.id.rpartition("/")[2]:
        return ""
    return {"completed": effect.element, "entered": f"{effect.element}:opened"}.get(effect.kind, "")


def _diverged(event: Event, expected: Event | None) -> Diverged:
    recorded = say("{event}", event=_name(event))
    if expected is None:
        message = say("recorded {recorded}, replay gives nothing of the kind", recorded=recorded)
    elif type(event) is not type(expected):
        message = say(
            "recorded {recorded}, replay gives {replayed}", recorded=recorded, replayed=_name(expected)
        )
    else:
        fields = list(_differing(event.payload(), expected.payload()))
        message = say(
            "recorded {type} with {recorded}, replay gives {replayed}",
            type=event.type,
            recorded=", ".join(f"{path} {was}" for path, was, _ in fields),
            replayed=", ".join(f"{path} {given}" for path, _, given in fields),
        )
    return Diverged(
        "replay.diverged",
        message,
        expected=say("{event}", event=_name(expected)) if expected else say("no such event here"),
        found=recorded,
        rule=say("every consequence on record follows from the facts before it"),
        remedy=say("compare the history with a backup or a sealed copy"),
    )


def _differing(recorded: Any, replayed: Any, path: str = "") -> Iterator[tuple[str, str, str]]:
    """Where two JSON values differ: the path to the field, and what each has there ("—": no such field)."""
    if isinstance(recorded, dict) and isinstance(replayed, dict):
        for key in [*recorded, *(key for key in replayed if key not in recorded)]:
            below = f"{path}.{key}" if path else key
            yield from _differing(recorded.get(key, _ABSENT), replayed.get(key, _ABSENT), below)
    elif isinstance(recorded, list) and isinstance(replayed, list) and len(recorded) == len(replayed):
        for n, (was, given) in enumerate(zip(recorded, replayed, strict=True)):
            yield from _differing(was, given, f"{path}[{n}]")
    elif type(recorded) is not type(replayed) or recorded != replayed:
        yield path, _written(recorded), _written(replayed)


_ABSENT = object()
"""In the place of a value that is not there."""


def _written(value: Any) -> str:
    return "—" if value is _ABSENT else canonical(value).decode()


def _name(event: Event) -> str:
    return f"{event.type} {_written(event.payload())}"


def document_number(series: str, year: int, serial: int) -> str:
    """How number `serial` of a series of documents is written (发文字号, GB/T 9704-2012 7.2.5)."""
    return f"{series}〔{year}〕{serial}号"
