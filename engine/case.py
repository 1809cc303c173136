"""A case: a fold over its events (floor 4).

`evolve` alone changes state, and it does so by running the process again: a fact (a case opened, a task
completed, a message received, a timer fired) goes through `flow.step`, and what follows from it is
queued as `expected`; the consequences on record must then be exactly these, in this order. So the live
engine, replay and audit are one piece of code, and a record that says something else diverges at its
event. `next_timer` and `decide` look at a settled case and answer with the next fact, or refuse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from .clock import read_instant, write_instant
from .definition import Definition
from .errors import Diverged, Invalid, say
from .events import (
    CaseClosed,
    CaseOpened,
    DocumentIssued,
    Event,
    IncidentRaised,
    MessageReceived,
    MessageSent,
    SignalSent,
    TaskCancelled,
    TaskCompleted,
    TaskOpened,
    TimerArmed,
    TimerFired,
    TimerStopped,
)
from .flow.marking import Due, Marking, Waiting, awaited, open_tasks, timers
from .flow.net import HUMAN, Node
from .flow.step import Complete, Effect, Fire, Input, Message, Start, step
from .forms import NO_FIELDS, check

CLOCK = {"clock": True}
"""Who acts when time does."""


@dataclass(frozen=True, slots=True)
class Case:
    """A case between two events.

    `opened_at` and `at` are the instants of its first and latest event; `documents` the number of the
    latest document of each kind; `expected` the consequences of the last fact that are not on record
    yet; `outcome` is set once the case is closed.
    """

    number: str
    item: str
    definition: str
    opened_at: str
    at: str
    marking: Marking
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
            "opened_at": self.opened_at,
            "at": self.at,
            "marking": self.marking,
            "documents": self.documents,
            "outcome": self.outcome,
        }

    @staticmethod
    def from_json(data: dict[str, Any]) -> Case:
        """The inverse of `to_json`."""
        return Case(**data)


def evolve(case: Case | None, definition: Definition, number: str, at: datetime, event: Event) -> Case:
    """The case after `event`, which took effect at `at`.

    Raises `Diverged` when the event does not follow from the events before it.
    """
    if isinstance(event, CaseOpened):
        if case is not None:
            raise _diverged(event, None)
        if event.definition != definition.digest:
            raise _diverged(event, replace(event, definition=definition.digest))
        marking, effects = step(definition.net, None, Start(event.data, event.zone), at)
        opened = Case(number, event.item, event.definition, write_instant(at), write_instant(at), marking)
        return replace(opened, expected=tuple(_consequences(opened, definition, effects)))
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
            marking, effects = step(definition.net, case.marking, _input(case, event, at), at)
        except Invalid as refusal:
            raise Diverged(
                "replay.impossible",
                say(
                    "the recorded {type} could not happen: {reason}", type=event.type, reason=refusal.message
                ),
                found=say("{event}", event=event.payload()),
                remedy=say("compare the history with a backup or a sealed copy"),
            ) from refusal
        after = replace(case, marking=marking, at=write_instant(at))
        return replace(after, expected=tuple(_consequences(after, definition, effects)))
    if not case.expected:
        raise _diverged(event, None)
    return _record(case, event)


def _record(case: Case, event: Event) -> Case:
    """Take the next expected consequence off the queue: `event` must be it."""
    expected, rest = case.expected[0], case.expected[1:]
    documents = case.documents
    if isinstance(event, DocumentIssued) and isinstance(expected, DocumentIssued):
        # Number and content are given by the office, not derived.
        expected = replace(expected, number=event.number, content=event.content)
        documents = {**documents, event.document: event.number}
    if event != expected:
        raise _diverged(event, expected)
    outcome = event.outcome if isinstance(event, CaseClosed) else case.outcome
    return replace(case, expected=rest, documents=documents, outcome=outcome)


def _input(case: Case, event: Event, at: datetime) -> Input:
    match event:
        case TaskCompleted():
            return Complete(event.task, event.data)
        case MessageReceived():
            return Message(event.name, event.data)
        case TimerFired():
            _check_due(case, event, at)
            return Fire(event.timer)
    raise _diverged(event, None)


def _check_due(case: Case, event: TimerFired, at: datetime) -> None:
    """A timer fires at its own due instant, neither earlier nor later."""
    for frame in case.marking["frames"].values():
        for visit in frame["live"].values():
            timer = visit.get("timers", {}).get(event.element)
            if timer is not None and timer["due"] == write_instant(at):
                return
    raise Diverged(
        "replay.timer",
        say("timer {timer} was not due at {at}", timer=event.timer, at=write_instant(at)),
        remedy=say("compare the history with a backup or a sealed copy"),
    )


def _consequences(case: Case, definition: Definition, effects: Iterable[Effect]) -> Iterable[Event]:
    """What goes on record for what the process did; entering and leaving gateways does not."""
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
                yield TimerArmed(effect.id, effect.element, effect.info["due"])
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
                yield CaseClosed(effect.element)
            case _:
                pass


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

    `task` is what the clerk types; `unit` and `post` say whose it is; `due` is the first timer on it.
    """

    task: str
    scope: str
    node: Node
    unit: str
    post: str
    message: str | None = None
    due: str | None = None


def steps(case: Case, definition: Definition) -> list[Step]:
    """Everything that a person can do in the case now: open tasks first, then awaited messages."""
    armed = timers(definition.net, case.marking)
    return [_step(definition, name, waiting, armed) for name, waiting in _possible(case, definition)]


def step_names(case: Case, definition: Definition) -> list[str]:
    """What a clerk may type after `do`: the `task` of each of the `steps`."""
    return [name for name, _ in _possible(case, definition)]


def _possible(case: Case, definition: Definition) -> list[tuple[str, Waiting]]:
    tasks = [(waiting.id, waiting) for waiting in open_tasks(case.marking)]
    messages = awaited(definition.net, case.marking, "message")
    return tasks + [(waiting.element, waiting) for waiting in messages]


def _step(definition: Definition, name: str, waiting: Waiting, armed: list[Due]) -> Step:
    node = definition.net.scopes[waiting.scope].nodes[waiting.element]
    unit, post = definition.performer(waiting.scope, node)
    due = _due(armed, waiting.id)
    return Step(name, waiting.scope, node, waiting.unit or unit, post, waiting.name or None, due)


def next_timer(case: Case, definition: Definition, now: datetime) -> tuple[datetime, TimerFired] | None:
    """The first timer that is due by `now`, with its own instant; None when time has nothing to do."""
    for timer in timers(definition.net, case.marking)[:1]:
        due = read_instant(timer.due)
        if due <= now:
            return due, TimerFired(timer.timer, timer.element)
    return None


def find_step(case: Case, definition: Definition, task: str) -> Step:
    """The step called `task` that can be done now. Raises `Invalid` naming the steps that can."""
    possible = _possible(case, definition)
    for name, waiting in possible:
        if name == task:
            return _step(definition, name, waiting, timers(definition.net, case.marking))
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


def task_due(case: Case, definition: Definition, task: str) -> str | None:
    """The first timer, at this moment, on the task or on an activity around it."""
    return _due(timers(definition.net, case.marking), task)


def _due(armed: list[Due], task: str) -> str | None:
    for timer in armed:
        visit = timer.timer.partition("!")[0]
        if task == visit or task.startswith((visit + "/", visit + ":")):
            return timer.due
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
    ) -> None:
        self.number = number
        self.state = case
        self.definition = definition
        self.issue = issue
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
        self.state = evolve(self.state, self.definition, self.number, at, event)
        self.entries.append((at, by, event))
        if isinstance(event, TaskOpened):
            self.dues[event.task] = task_due(self.case, self.definition, event.task)

    def settle(self, now: datetime) -> None:
        """Time first: every timer due by `now` fires at its own instant, in order."""
        for _ in range(MOST_FIRINGS):
            due = None if self.case.closed else next_timer(self.case, self.definition, now)
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
