"""Run a bare diagram on a virtual clock (floor 3): `lianban item rehearse`.

No item, no office, no database: just the net, the inputs of a JSON file, and the trace of what happened.
Armed timers fire at their own instants whenever the virtual clock passes them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from .clock import OFFICE_ZONE, NotATime, Workdays, parse_instant, read_instant, shipped
from .errors import Invalid, Problem, Refusal, Text, say
from .events import canonical
from .flow.marking import open_tasks, timers
from .flow.net import Net
from .flow.run.faults import UNCAUGHT
from .flow.step import Almanac, Complete, Effect, Fire, Input, Message, Signal, Start, step

TRACED = frozenset({"entered", "completed", "fired", "cancelled"})
MOST_FIRINGS = 10_000
"""Timers that one advance of the clock may fire: a cycle of seconds over a year is a mistake."""
MOST_WORK = 1_000_000
"""Waiting visits that may be looked over while timers fire in one run, so that no run hangs."""
MOST_INPUT_STEPS = 100_000
STEP_KINDS = ("complete", "message", "signal", "advance_to")


_CORRECT = say("correct the expression, or give the variables that it needs")
_REMEDIES = {
    UNCAUGHT: say("catch it with an error event on the edge of what is around, or in an event subprocess")
}
"""What to do about an incident, by its code."""


@dataclass(slots=True)
class Rehearsal:
    """What a run gave: `trace` entries `(at, effect)`, the open human tasks, the state, the problem."""

    trace: list[tuple[datetime, Effect]] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    state: str = "refused"
    problem: Refusal | Problem | None = None
    element: str | None = None
    offset: str = "+00:00"

    def as_dict(self, translate: Callable[[str], str] = lambda msgid: msgid) -> dict[str, Any]:
        """The documented JSON: `{"trace", "open", "state", "problem"}`."""
        return {
            "trace": [
                {
                    "at": _show(at, self.offset),
                    "element": effect.element,
                    "event": effect.kind,
                    "id": effect.id,
                }
                for at, effect in self.trace
            ],
            "open": self.open,
            "state": self.state,
            "problem": self._problem(translate),
        }

    def _problem(self, translate: Callable[[str], str]) -> Mapping[str, str | None] | None:
        if self.problem is None:
            return None
        return {
            "code": self.problem.code,
            "element": self.problem.element if isinstance(self.problem, Problem) else self.element,
            "message": self.problem.message.render(translate),
            "remedy": self.problem.remedy.render(translate),
        }


def refused(problem: Refusal | Problem) -> Rehearsal:
    """The outcome of a run that never began: the diagram or the inputs can't be used."""
    return Rehearsal(problem=problem)


def rehearse(net: Net, inputs: Any) -> Rehearsal:
    """Run `net` with `{"start": INSTANT, "variables": {…}, "steps": […]}`.

    A step that can't be taken is refused and named, and the run goes no further; what happened before it
    stays in the trace. An incident (a condition that fails, say) makes the state `error`.
    """
    result = Rehearsal()
    try:
        script = _read_inputs(inputs)
    except Invalid as problem:
        result.problem = problem
        return result
    result.offset = script.offset
    run: _Player | None = None
    refused = False
    try:
        run = _Player(net, script, result)
        run.advance(script.start)
        for number, entry in enumerate(script.steps, 1):
            run.do(number, entry)
    except Invalid as problem:
        result.problem, refused = problem, True
        if _endless(problem):
            result.state, result.element = "error", str(problem.found)
    if run is not None:
        run.report(refused=refused)
    return result


@dataclass(frozen=True, slots=True)
class _Inputs:
    start: datetime
    offset: str
    variables: dict[str, Any]
    steps: list[dict[str, Any]]


class _Player:
    """The virtual clock and the marking it drives."""

    def __init__(self, net: Net, script: _Inputs, result: Rehearsal) -> None:
        self.net = net
        self.now = script.start
        self.result = result
        self.work = 0
        # No office, no item: the calendar that is shipped, and no clocks.
        hours = Workdays(shipped())
        self.almanac = Almanac(lambda _: hours)
        start = Start(script.variables, OFFICE_ZONE)
        self.marking, effects = step(net, None, start, self.now, self.almanac)
        self.trace(effects)

    def take(self, given: Input) -> None:
        self.marking, effects = step(self.net, self.marking, given, self.now, self.almanac)
        self.trace(effects)

    def trace(self, effects: list[Effect]) -> None:
        for effect in effects:
            if effect.kind in TRACED:
                self.result.trace.append((self.now, effect))
            elif effect.kind == "incident" and self.result.problem is None:
                self.result.element = effect.element
                self.result.problem = Invalid(
                    effect.info["code"],
                    say(
                        "{element} failed: {message}", element=effect.element, message=effect.info["message"]
                    ),
                    found=say("{element}", element=effect.element),
                    remedy=_REMEDIES.get(effect.info["code"], _CORRECT),
                )

    def advance(self, until: datetime) -> None:
        """Let time pass: every timer due by `until` fires at its own instant, in order."""
        if until < self.now:
            raise Invalid(
                "clock.backwards",
                say(
                    "time can't go back from {now} to {then}",
                    now=self.now.isoformat(),
                    then=until.isoformat(),
                ),
                remedy=say("put the steps in order of time"),
            )
        element = ""
        for _ in range(MOST_FIRINGS):
            due = timers(self.net, self.marking)[:1] if self.marking["state"] == "running" else []
            if not due or read_instant(due[0].due) > until:
                self.now = until
                return
            if self.work > MOST_WORK:
                break
            self.work += sum(len(frame["live"]) for frame in self.marking["frames"].values())
            self.now, element = read_instant(due[0].due), due[0].element
            self.take(Fire(due[0].timer))
        raise Invalid(
            "clock.endless",
            say("too many timers fire, the last at {element}", element=element),
            expected=say("at most {most} of them in one advance", most=MOST_FIRINGS),
            found=say("{element}", element=element),
            remedy=say("give the cycle an end or a longer period, or advance in smaller steps"),
        )

    def do(self, number: int, entry: dict[str, Any]) -> None:
        try:
            if "at" in entry or "advance_to" in entry:
                self.advance(_instant(entry.get("at", entry.get("advance_to"))))
            if "complete" in entry:
                self.take(Complete(self.task(entry["complete"]), entry.get("data", {})))
            elif "message" in entry:
                self.take(Message(entry["message"], entry.get("data", {})))
            elif "signal" in entry:
                self.take(Signal(entry["signal"], entry.get("data", {})))
            self.advance(self.now)
        except Invalid as refusal:
            if _endless(refusal):
                raise
            what = next(entry[kind] for kind in STEP_KINDS if kind in entry)
            self.result.element = None if "advance_to" in entry else what
            raise _in_step(number, what, refusal) from refusal

    def task(self, name: str) -> str:
        """The open task called `name`: an identity, or an element id, which means its oldest open visit."""
        waiting = open_tasks(self.marking)
        for task in waiting:
            if task.id == name:
                return name
        for task in waiting:
            if task.element == name:
                return task.id
        return name

    def report(self, *, refused: bool) -> None:
        """Where the run has come to. An incident that was taken away since has stopped nothing."""
        result = self.result
        result.open = [task.element for task in open_tasks(self.marking)]
        stuck = any(
            visit["wait"] == "incident"
            for frame in self.marking["frames"].values()
            for visit in frame["live"].values()
        )
        if stuck or result.state == "error":
            result.state = "error"
        elif refused:
            result.state = "refused"
        else:
            result.state = self.marking["state"]


def _endless(refusal: Refusal) -> bool:
    """Whether it is the run of the diagram that failed, not the step that was asked for."""
    return refusal.code.endswith(".endless")


def _in_step(number: int, what: str, refusal: Invalid) -> Invalid:
    return Invalid(
        refusal.code,
        say("step {number} ({what}): {reason}", number=number, what=what, reason=refusal.message),
        expected=refusal.expected,
        found=say("{what}", what=what),
        rule=refusal.rule,
        remedy=refusal.remedy,
    )


def _read_inputs(inputs: Any) -> _Inputs:
    def wrong(message: Text) -> Invalid:
        return Invalid(
            "inputs.invalid",
            message,
            expected=say(
                "{shape}",
                shape='{"start": INSTANT, "variables": {…}, "steps": [{"complete": ELEMENT, …}, …]}',
            ),
            remedy=say("correct the inputs file; `lianban item rehearse --help` shows an example"),
        )

    if not isinstance(inputs, dict):
        raise wrong(say("the inputs are not a JSON object"))
    try:
        canonical(inputs)
    except (ValueError, TypeError, RecursionError) as error:
        raise wrong(
            say("the inputs hold a value that JSON cannot: infinite, half a character, or too deep")
        ) from error
    for key in inputs:
        if key not in ("start", "variables", "steps"):
            raise wrong(say("unknown key {key} in the inputs", key=key))
    start, variables, steps = inputs.get("start"), inputs.get("variables", {}), inputs.get("steps", [])
    if start is None:
        raise wrong(say("the inputs have no start instant"))
    if not isinstance(variables, dict):
        raise wrong(say("variables is not a JSON object"))
    if not isinstance(steps, list) or len(steps) > MOST_INPUT_STEPS:
        raise wrong(say("steps is not a list of at most {most} steps", most=MOST_INPUT_STEPS))
    for number, entry in enumerate(steps, 1):
        if not isinstance(entry, dict):
            raise wrong(say("step {number} is not a JSON object", number=number))
        kinds = [key for key in STEP_KINDS if key in entry]
        if len(kinds) != 1 or not isinstance(entry[kinds[0]], str):
            raise wrong(
                say("step {number} needs exactly one of complete, message, signal, advance_to", number=number)
            )
        for key in entry:
            if key not in ("at", "data", kinds[0]) or (kinds[0] == "advance_to" and key != "advance_to"):
                raise wrong(say("unknown key {key} in step {number}", key=key, number=number))
        if not isinstance(entry.get("data", {}), dict):
            raise wrong(say("the data of step {number} is not a JSON object", number=number))
        if "at" in entry:
            _instant(entry["at"])
        if kinds[0] == "advance_to":
            _instant(entry["advance_to"])
    first = _instant(start)
    return _Inputs(first, _offset(start), variables, steps)


def _instant(text: Any) -> datetime:
    try:
        return parse_instant(text, OFFICE_ZONE)
    except (NotATime, AttributeError, TypeError) as error:
        raise Invalid(
            "instant.invalid",
            say("{text} is not an instant", text=text),
            expected=say("an ISO 8601 date or date-time, such as 2026-03-02T09:00:00+08:00"),
            remedy=say("correct it; without an offset it is read as office time"),
        ) from error


def _offset(text: str) -> str:
    """How instants are shown: in the offset in which the start was written."""
    text = text.strip()
    if text.endswith(("Z", "z")):
        return "Z"
    written = datetime.fromisoformat(text)
    return written.isoformat()[-6:] if written.tzinfo is not None else "+08:00"


def _show(at: datetime, offset: str) -> str:
    if offset == "Z":
        return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return at.astimezone(datetime.fromisoformat(f"2000-01-01T00:00:00{offset}").tzinfo).isoformat()
