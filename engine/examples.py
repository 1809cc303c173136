"""Worked cases (floor 6): a definition proves itself before it is published.

An example is played by the code that runs live cases — the same fold, the same permissions, the same
forms, the same templates — only without a database.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from . import commands
from .access import identify
from .case import Case, document_number
from .clock import OFFICE_ZONE, parse_instant, shipped
from .commands import Command, Scene
from .course import Course
from .definition import Definition
from .documents import render
from .errors import Invalid, Problem, Refusal, Text, say
from .events import CaseOpened, DocumentIssued, digest
from .organisation import Organisation
from .steps import steps
from .views import document_context


def play_all(definition: Definition, organisation: Organisation) -> list[Problem]:
    """Play every example of `definition`; a problem for each that does not come out as it says, naming
    the step where it went wrong."""
    problems = []
    for path, example in definition.examples.items():
        try:
            play(definition, organisation, path, example)
        except Invalid as failed:
            problems.append(
                Problem(
                    failed.code,
                    "error",
                    path,
                    None,
                    failed.message,
                    expected=failed.expected,
                    found=failed.found,
                    remedy=failed.remedy,
                )
            )
    return problems


def play(definition: Definition, organisation: Organisation, path: str, example: dict[str, Any]) -> Case:
    """Play one example to its end; the case as it stands then. Raises `Invalid` when it does not come out
    as it says, naming the step."""
    player = _Player(definition, organisation, path)
    with _Failing(path, 0):
        at = _instant(example["start"])
        today = player.organisation_on(at)
        data = example.get("data", {})
        opened = CaseOpened(
            definition.code, definition.digest, OFFICE_ZONE, shipped().digest, today.closing, data
        )
        by = commands.open_case(definition, today, identify(today, example["by"]), opened)
        player.course.enter(at, by, opened)
        player.expect(example)
    for number, entry in enumerate(example.get("steps", []), 1):
        with _Failing(path, number):
            player.do(entry)
    with _Failing(path, len(example.get("steps", []))):
        player.expect_outcome(example.get("outcome"))
    return player.course.case


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


class _Player:
    def __init__(self, definition: Definition, organisation: Organisation, path: str) -> None:
        self.definition = definition
        self.organisation = organisation
        # The calendar that travels with the product: whether an item is sound depends on no office.
        self.course = Course(
            f"{organisation.division}-{path}", None, definition, self.issue, lambda _: shipped()
        )
        self.issued: list[str] = []
        self.numbers = 0

    def issue(
        self, course: Course, at: datetime, by: dict[str, Any], event: DocumentIssued
    ) -> DocumentIssued:
        described = self.definition.document(event.document)
        self.numbers += 1
        number = document_number(described["series"], at.year, self.numbers)
        today = self.organisation_on(at)
        context = document_context(course, today, at, by, event, number, OFFICE_ZONE)
        content = render(self.definition.templates, described["template"], context)
        self.issued.append(event.document)
        return replace(event, number=number, content=digest(content))

    def do(self, entry: dict[str, Any]) -> None:
        at = _instant(entry["at"])
        self.issued = []
        self.course.settle(at)
        if "advance" not in entry:
            course, today = self.course, self.organisation_on(at)
            scene = Scene(course.case, self.definition, today, at, course.calendar_of)
            by, facts = commands.decide(scene, identify(today, entry.get("by")), command_of(entry))
            for fact in facts:
                course.enter(at, by, fact)
            course.settle(at)
        self.expect(entry)

    def organisation_on(self, at: datetime) -> Organisation:
        """The organisation as it stands on the day of an instant."""
        return self.organisation.on(at.astimezone(ZoneInfo(OFFICE_ZONE)).date())

    def expect(self, entry: dict[str, Any]) -> None:
        if "expect_open" in entry:
            open_now = [
                step.task for step in steps(self.course.case, self.definition) if step.message is None
            ]
            _same(say("the open steps"), sorted(entry["expect_open"]), sorted(open_now))
        if "expect_documents" in entry:
            _same(say("the documents issued"), sorted(entry["expect_documents"]), sorted(self.issued))
        if "expect_cards" in entry:
            _same(say("the cards raised"), sorted(entry["expect_cards"]), sorted(self.course.case.cards))

    def expect_outcome(self, outcome: str | None) -> None:
        if outcome is not None:
            _same(say("the outcome"), outcome, self.course.case.outcome)


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
