"""Worked cases (floor 6): a definition proves itself before it is published.

An example is played by the code that runs live cases — the same fold, the same permissions, the same
forms, the same templates — only without a database.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any, Self
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from . import commands
from .access import identify, may
from .case import Case, document_number
from .clock import OFFICE_ZONE, Workdays, parse_instant, shipped
from .commands import Command, Scene
from .course import Course
from .coverage import Target, reached_by_effects, reached_by_event, short, summary
from .definition import Definition
from .documents import render
from .errors import Invalid, Problem, Refusal, Text, say
from .events import CaseOpened, DocumentIssued, digest
from .flow.step import Glimpse, effects_of
from .organisation import Organisation, Person
from .steps import Step, next_fact_of_time, steps
from .views import document_context

_PACE, _FAR_OFF = timedelta(minutes=20), timedelta(days=1100)
_FIRST, _LAST = time(9, 0), time(17, 0)
"""When people begin their first and their last act of a day."""

_HOURS = Workdays(shipped())

MOST_NAMED = 5
"""Ways that are named in a warning."""


def play_all(definition: Definition, organisation: Organisation) -> list[Problem]:
    """Play every example of `definition`; an error for each that does not come out as it says, naming the
    step where it went wrong, and a warning if there are ways that none of them takes."""
    problems: list[Problem] = []
    reached: set[Target] = set()
    for path, example in definition.examples.items():
        stage = Stage(definition, organisation, path)
        try:
            for _ in play(stage, example):
                pass
        except Invalid as failed:
            step = failed.message.params["number"]
            problems.append(
                Problem(
                    failed.code,
                    "error",
                    path,
                    f"steps.{step}" if step else "start",
                    failed.message,
                    expected=failed.expected,
                    found=failed.found,
                    remedy=failed.remedy,
                )
            )
        reached |= stage.reached
    if definition.examples and not problems:
        problems += _untaken(definition, reached)
    return problems


def _untaken(definition: Definition, reached: set[Target]) -> Iterable[Problem]:
    missing = short(summary(definition, reached)["missing"])
    if missing:
        ids = [str(line["id"]) for line in missing]
        names = ", ".join(ids[:MOST_NAMED]) + (" …" if len(ids) > MOST_NAMED else "")
        message = say("ways that no example takes: {count} ({names})", count=len(ids), names=names)
        remedy = say("see them, and have examples proposed: lianban item rehearse FOLDER --explore --dry-run")
        yield Problem("example.coverage", "warning", "examples", None, message, remedy=remedy)


def play(stage: Stage, example: dict[str, Any]) -> Iterator[dict[str, Any] | None]:
    """Play one example on a fresh `stage`: yields None when the case is opened, then each step as soon as it
    is done. Raises `Invalid` when it does not come out as it says, naming the step."""
    with _Failing(stage.name, 0):
        stage.open(_instant(example["start"]), example["by"], example.get("data", {}))
    yield None
    with _Failing(stage.name, 0):
        stage.expect(example)
    entries = example.get("steps", [])
    for number, entry in enumerate(entries, 1):
        with _Failing(stage.name, number):
            stage.do(entry)
        yield entry
        with _Failing(stage.name, number):
            stage.expect(entry)
    with _Failing(stage.name, len(entries)):
        stage.expect_outcome(example.get("outcome"))


def filled(stage: Stage, example: dict[str, Any]) -> dict[str, Any]:
    """`example` with what comes of it as its expectations: the steps open whenever they change, the documents
    that are issued, the cards when they change and at the end, the outcome ("" while there is none)."""
    opened: list[str] = []
    cards: list[str] = []
    told = {key: value for key, value in example.items() if key not in ("steps", "outcome", *_EXPECTED)}
    done: list[dict[str, Any]] = []
    for entry in play(stage, {**told, "steps": [_bare(step) for step in example.get("steps", [])]}):
        if entry is None:
            opened = stage.open_tasks()
            continue
        line = dict(entry)
        if stage.open_tasks() != opened:
            line["expect_open"] = opened = stage.open_tasks()
        if stage.issued:
            line["expect_documents"] = list(stage.issued)
        if list(stage.case.cards) != cards or stage.case.closed:
            line["expect_cards"] = cards = list(stage.case.cards)
        done.append(line)
    return {**told, "outcome": stage.case.outcome or "", "steps": done}


_EXPECTED = ("expect_open", "expect_documents", "expect_cards")


def _bare(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key not in _EXPECTED}


class _Failing:
    """Turns a refusal inside its block into one that names the example and the step."""

    def __init__(self, path: str, number: int) -> None:
        self.path = path
        self.number = number

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, Refusal):
            raise Invalid(
                "example.failed",
                say(
                    "{path}, step {number}: {reason}",
                    path=self.path,
                    number=self.number,
                    reason=error.message,
                ),
                expected=error.expected,
                found=error.found,
                rule=say("a definition is published when all its examples come out as they say"),
                remedy=say("correct the definition or the example"),
            ) from error


class Stage:
    """A case on virtual time, without a database: `course` is its course, `at` the instant it has come to,
    `issued` the documents of the last act, `reached` all ways that it took."""

    def __init__(self, definition: Definition, organisation: Organisation, name: str) -> None:
        self.definition = definition
        self.organisation = organisation
        self.name = name
        # The calendar that travels with the product: whether an item is sound depends on no office.
        self.course = Course(
            f"{organisation.division}-{name}",
            None,
            definition,
            self.issue,
            lambda _: shipped(),
            watch=self.watch,
        )
        self.at = datetime.min.replace(tzinfo=UTC)
        self.by: dict[str, Any] = {}
        self.issued: list[str] = []
        self.reached: set[Target] = set()
        self.numbers = 0
        self._told = 0

    @property
    def case(self) -> Case:
        """The case as it stands. ValueError before it is opened."""
        return self.course.case

    def watch(self, seen: list[Glimpse]) -> None:
        """Note the ways that the process takes."""
        self.reached |= reached_by_effects(self.definition, effects_of(seen))

    def issue(
        self, course: Course, at: datetime, by: dict[str, Any], event: DocumentIssued
    ) -> DocumentIssued:
        """Give a document its number, and render it."""
        described = self.definition.document(event.document)
        self.numbers += 1
        number = document_number(described["series"], at.year, self.numbers)
        today = self.organisation_on(at)
        context = document_context(
            course.case,
            course.definition,
            course.fact,
            course.calendar_of,
            today,
            at,
            by,
            event,
            number,
            OFFICE_ZONE,
        )
        content = render(self.definition.templates, described["template"], context)
        self.issued.append(event.document)
        return replace(event, number=number, content=digest(content))

    def open(self, at: datetime, who: str, data: dict[str, Any]) -> None:
        """Open the case. Raises a `Refusal`."""
        today = self.organisation_on(at)
        opened = CaseOpened(
            self.definition.code, self.definition.digest, OFFICE_ZONE, shipped().digest, today.closing, data
        )
        self.by = commands.open_case(self.definition, today, identify(today, who), opened)
        self.at = at
        self.course.enter(at, self.by, opened)
        self._note()

    def do(self, entry: dict[str, Any]) -> None:
        """Do a step of an example: time first, then the act. Raises a `Refusal`."""
        at = _instant(entry["at"])
        if at < self.at:
            raise Invalid(
                "clock.backwards",
                say("time can't go back from {now} to {then}", now=_local(self.at), then=_local(at)),
                remedy=say("put the steps in order of time"),
            )
        self.advance(at)
        if "advance" not in entry:
            self.act(entry.get("by"), command_of(entry))

    def advance(self, at: datetime) -> None:
        """Let time pass until `at`."""
        self.issued = []
        self.by = {}
        self.course.settle(at)
        self.at = at
        self._note()

    def act(self, who: str | None, command: Command) -> None:
        """What `who` does now. Raises a `Refusal`."""
        course, today = self.course, self.organisation_on(self.at)
        scene = Scene(course.case, self.definition, today, self.at, course.calendar_of)
        self.by, facts = commands.decide(scene, identify(today, who), command)
        for fact in facts:
            course.enter(self.at, self.by, fact)
        course.settle(self.at)
        self._note()

    def fork(self) -> Self:
        """Another stage where the case stands as it does here; what happens there does not happen here."""
        other = type(self)(self.definition, self.organisation, self.name)
        other.course.state, other.at, other.numbers = self.course.state, self.at, self.numbers
        return other

    def next_due(self) -> datetime | None:
        """When time does something next, within three years; None if it never does."""
        fact = None if self.case.closed else next_fact_of_time(self.case, self.definition, self.at + _FAR_OFF)
        return fact[0] if fact is not None else None

    def soon(self) -> datetime:
        """When somebody acts next: in a little while, but in office hours, unless the case would stand
        elsewhere by then."""
        at = self.at + _PACE
        local = _HOURS.local(at)
        if _HOURS.day(local.date()).works and _FIRST <= local.time() <= _LAST:
            return at
        day = local.date() + timedelta(days=local.time() > _LAST)
        while not _HOURS.day(day).works:
            day += timedelta(days=1)
        morning = datetime.combine(day, _FIRST, ZoneInfo(OFFICE_ZONE))
        if next_fact_of_time(self.case, self.definition, morning) is None:
            return morning
        overnight = self.fork()
        overnight.advance(morning)
        return at if overnight.case.marking != self.case.marking else morning

    def able(self, step: Step, at: datetime) -> list[Person]:
        """Who may do an open step at an instant."""
        today = self.organisation_on(at)
        return may(today, commands.claim_to_do(self.case, self.definition, today, step))

    def _note(self) -> None:
        for _, _, event in self.course.entries[self._told :]:
            self.reached |= reached_by_event(self.definition, event)
        self._told = len(self.course.entries)

    def organisation_on(self, at: datetime) -> Organisation:
        """The organisation as it stands on the day of an instant."""
        return self.organisation.on(at.astimezone(ZoneInfo(OFFICE_ZONE)).date())

    def open_tasks(self) -> list[str]:
        """The tasks that are open now, as a clerk names them."""
        return [step.task for step in steps(self.case, self.definition) if step.message is None]

    def expect(self, entry: dict[str, Any]) -> None:
        """Raise `Invalid` at the first expectation of `entry` that is not met."""
        if "expect_open" in entry:
            _same(say("the open steps"), sorted(entry["expect_open"]), sorted(self.open_tasks()))
        if "expect_documents" in entry:
            _same(say("the documents issued"), sorted(entry["expect_documents"]), sorted(self.issued))
        if "expect_cards" in entry:
            _same(say("the cards raised"), sorted(entry["expect_cards"]), sorted(self.case.cards))

    def expect_outcome(self, outcome: str | None) -> None:
        """Raise `Invalid` if the case has another outcome (None: whatever it is)."""
        if outcome is not None:
            _same(say("the outcome"), outcome, self.case.outcome)


def _local(at: datetime) -> str:
    return at.astimezone(ZoneInfo(OFFICE_ZONE)).isoformat()


def command_of(entry: dict[str, Any]) -> Command:
    """What the entry says that somebody does; one that only lets time pass (`advance`) says nothing of it."""
    reason = entry.get("reason", "")
    match entry:
        case {"do": task}:
            return commands.Do(task, entry.get("data", {}))
        case {"sign": task}:
            return commands.Sign(task)
        case {"confirm": task}:
            return commands.Confirm(task)
        case {"give_back": task}:
            return commands.GiveBack(task, reason)
        case {"recuse": task}:
            return commands.Recuse(task, reason)
        case {"challenge": task, "person": person}:
            return commands.Challenge(task, person, entry.get("party", ""), reason)
        case {"decide_recusal": recusal}:
            return commands.DecideRecusal(recusal, bool(entry.get("uphold")), reason)
        case {"hand_over": task}:
            return commands.HandOver(task, entry.get("to", ""), reason)
        case {"allow_notice": _}:
            return commands.AllowNotice(reason)
        case {"pause": clock}:
            return commands.Pause(clock, entry["ground"], entry["expected"], reason)
        case {"resume": clock}:
            return commands.Resume(clock, entry.get("ground", ""), reason)
    return commands.Extend(entry["extend"], entry["term"], reason)


def _same(what: Text, expected: Any, found: Any) -> None:
    if expected != found:
        raise Invalid(
            "example.differs",
            say("{what} should be {expected}, not {found}", what=what, expected=expected, found=found),
            expected=say("{expected}", expected=expected),
            found=say("{found}", found=found),
        )


def _instant(text: str) -> datetime:
    return parse_instant(text, OFFICE_ZONE)


# --- as a file


def as_toml(example: Mapping[str, Any], comments: Iterable[str] = ()) -> str:
    """The text of `examples/NAME.toml`; `comments` stand above it, a line each."""
    lines = [f"# {comment}".rstrip() for comment in comments]
    lines += ["", *(_pair(key, example[key]) for key in _ABOVE if key in example)]
    lines += ["", "[data]", *_pairs(example.get("data", {}))]
    for entry in example["steps"]:
        lines += ["", "[[steps]]", *_pairs({key: entry[key] for key in entry if key != "data"})]
        if entry.get("data"):
            lines += ["[steps.data]", *_pairs(entry["data"])]
    return "\n".join(lines).lstrip("\n") + "\n"


_ABOVE = ("title", "start", "by", "outcome", *_EXPECTED)


def _pairs(values: Mapping[str, Any]) -> list[str]:
    # TOML has no null; a field that is null says no more than one that is left out.
    return [_pair(key, value) for key, value in values.items() if value is not None]


def _pair(key: str, value: Any) -> str:
    if key in ("start", "at"):
        return f"{key} = {value}"
    if isinstance(value, list) and any(isinstance(part, dict) for part in value):
        return f"{_key(key)} = [\n" + "".join(f"  {_value(part)},\n" for part in value) + "]"
    return f"{_key(key)} = {_value(value)}"


def _key(name: str) -> str:
    return name if re.fullmatch("[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {_value(part)}" for key, part in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    # A text, number or boolean is written as in JSON. DEL alone needs an escape in TOML only.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
