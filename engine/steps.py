"""What can be done in a case now, whose it is and when it is due; what time does next (floor 4).

These look at a settled case and change nothing.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from msgspec.structs import asdict

from .case import Case
from .clock import read_instant
from .deadlines import Deadline, current, ran_out, runs
from .definition import Definition
from .docket import signer
from .errors import Invalid, say
from .events import ClockStruck, Event, TimerFired
from .flow.marking import (
    Due,
    Waiting,
    armed_timers,
    awaited,
    bound_timers,
    names_of_open_tasks,
    open_task,
    open_tasks,
)
from .flow.net import Node


class Step(Struct, frozen=True):
    """What can be done in a case now: an open task, or a message it waits for.

    `task` is what the clerk types; `unit` and `post` say whose it is now (of answers that wait to be
    signed, the signer's).
    """

    task: str
    scope: str
    node: Node
    unit: str
    post: str
    message: str | None = None


class DatedStep(Step, frozen=True):
    """A step, and its time: `due` is when the clock that it stops runs out, or the first timer on it if that
    is earlier; it is `provisional` if it rests on a year whose holidays were not announced."""

    due: str | None = None
    provisional: bool = False


def steps(case: Case, definition: Definition) -> list[DatedStep]:
    """Everything that a person can do in the case now: open tasks first, then awaited messages."""
    armed = dues(case, definition)
    found = []
    for name, waiting in _possible(case, definition):
        due, provisional = _due_of(case, definition, waiting, armed)
        step = _step(case, definition, name, waiting)
        found.append(DatedStep(**asdict(step), due=due, provisional=provisional))
    return found


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
    return names_of_open_tasks(case.marking) + [name for name, _ in _messages(case, definition)]


def _possible(case: Case, definition: Definition) -> list[tuple[str, Waiting]]:
    tasks = [(waiting.id, waiting) for waiting in open_tasks(case.marking)]
    return tasks + _messages(case, definition)


def _messages(case: Case, definition: Definition) -> list[tuple[str, Waiting]]:
    messages = awaited(definition.net, case.marking, "message")
    return [(waiting.element, waiting) for waiting in messages]


def _step(case: Case, definition: Definition, name: str, waiting: Waiting) -> Step:
    node = definition.net.scopes[waiting.scope].nodes[waiting.element]
    unit, post = definition.performer(waiting.scope, node)
    unit = waiting.unit or unit
    entry = case.docket.get(waiting.id)
    if entry is not None and entry["stage"] == "entered":
        post = signer(definition, entry)
    return Step(name, waiting.scope, node, unit, post, waiting.name or None)


def next_fact_of_time(case: Case, definition: Definition, now: datetime) -> tuple[datetime, Event] | None:
    """What time does next by `now`, with its instant; None when it has nothing to do.

    At one instant the clocks strike first, in the item's order; then what waited for one that ran out; then
    the other timers. What should have been earlier than the case's latest event comes right after it: a
    clock may be started as of a day gone by.
    """
    found: list[tuple[str, int, int, int, str, Event]] = []
    order = list(definition.clocks)
    for id, deadline in case.deadlines.items():
        if deadline["pending"]:
            instant, rung = deadline["pending"][0]
            place = order.index(deadline["clock"])
            of = deadline.get("of", "")
            found.append((max(instant, case.at), 0, place, deadline["n"], of, ClockStruck(id, rung)))
    armed = armed_timers(definition.net, case.marking)
    for place, timer in enumerate(timer for timer in armed if timer.clock):
        if ran_out(case.deadlines, timer.clock):
            found.append((case.at, 1, place, 0, "", TimerFired(timer.timer, timer.element)))
    for timer in [timer for timer in armed if timer.due][:1]:
        found.append((timer.due, 2, 0, 0, "", TimerFired(timer.timer, timer.element)))
    if not found:
        return None
    instant, *_, event = min(found, key=lambda entry: entry[:5])
    at = read_instant(instant)
    return (at, event) if at <= now else None


def step_called(case: Case, definition: Definition, task: str) -> Step | None:
    """The step called `task`, if it can be done now."""
    waiting = open_task(case.marking, task)
    if waiting is None:
        waiting = next((caught for name, caught in _messages(case, definition) if name == task), None)
    return _step(case, definition, task, waiting) if waiting is not None else None


def find_step(case: Case, definition: Definition, task: str) -> Step:
    """The step called `task` that can be done now. Raises `Invalid` naming the steps that can."""
    found = step_called(case, definition, task)
    if found is not None:
        return found
    names = ", ".join(step_names(case, definition))
    if case.closed:
        raise closed(case)
    raise Invalid(
        "step.closed",
        say("step {step} of case {case} is not open", step=task, case=case.number),
        expected=say("one of the open steps: {steps}", steps=names or "—"),
        found=say("{step}", step=task),
        rule=say("a step can be done once, when the process has reached it"),
        remedy=say("look at `lianban show {case}` and choose an open step", case=case.number),
    )


def closed(case: Case) -> Invalid:
    """The refusal of an act in a closed case."""
    return Invalid(
        "case.closed",
        say("case {case} is closed; nothing can be done in it any more", case=case.number),
        expected=say("an open case"),
        found=say("closed with outcome {outcome}", outcome=case.outcome or "—"),
        rule=say("what was decided stays decided"),
        remedy=say("read its history; a new request is a new case"),
    )


def task_due(case: Case, definition: Definition, task: str) -> str | None:
    """When the open task `task` is due, at this moment."""
    waiting = open_task(case.marking, task)
    return _due_of(case, definition, waiting, dues(case, definition))[0] if waiting is not None else None


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
        if runs(deadline)
        and (
            deadline.get("of") == waiting.id or waiting.element in definition.clocks[deadline["clock"]].stops
        )
    ]
    return min(found, key=lambda d: (d["due"] is None, d["due"] or "", d["clock"]), default=None)


def dues(case: Case, definition: Definition) -> list[Due]:
    """All armed timers with the instants they will fire at as things stand, next first."""
    found = []
    for timer in armed_timers(definition.net, case.marking):
        if timer.due:
            found.append(timer)
        elif timer.clock:
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
