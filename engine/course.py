"""One act under way (floor 4): facts go in, and every consequence is folded right behind its fact."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from .case import CLOCK, CalendarOf, Case, Watch, evolve
from .definition import Definition
from .errors import Invalid, say
from .events import CaseMigrated, DocumentIssued, Event, TaskMigrated, TaskOpened, TaskPassed
from .steps import next_fact_of_time, task_due

MOST_FIRINGS = 10_000
"""Timers that may fire in one act; more is a cycle that should not be in a definition."""


class Course:
    """One act under way: facts go in, and every consequence is folded right behind its fact.

    `entries` collects `(at, by, event)` as they will go on record. `issue` gives a `document.issued` its
    number and content; the rest is derived. `watch` looks on. `dues` holds the `task_due` of each task it
    opens. `definition` is what the case runs by as far as the act has come; where it may go over to another
    one, `definition_of` gives that by its digest.
    """

    def __init__(
        self,
        number: str,
        case: Case | None,
        definition: Definition,
        issue: Callable[[Course, datetime, dict[str, Any], DocumentIssued], DocumentIssued],
        calendar_of: CalendarOf,
        definition_of: Callable[[str], Definition] | None = None,
        watch: Watch | None = None,
    ) -> None:
        self.watch = watch
        self.number = number
        self.state = case
        self.definition = definition
        self.issue = issue
        self.calendar_of = calendar_of
        self.definition_of = definition_of
        self.entries: list[tuple[datetime, dict[str, Any], Event]] = []
        self.dues: dict[str, str | None] = {}

    @property
    def case(self) -> Case:
        """The case as far as the act has come. ValueError before it is opened."""
        if self.state is None:
            raise ValueError("the case is not open yet")
        return self.state

    @property
    def fact(self) -> Event | None:
        """The fact that was entered last."""
        return next((event for _, _, event in reversed(self.entries) if event.fact), None)

    def enter(self, at: datetime, by: dict[str, Any], fact: Event) -> None:
        """Fold `fact` and all that follows from it."""
        self._fold(at, by, fact)
        while self.case.expected:
            event = self.case.expected[0]
            if isinstance(event, DocumentIssued):
                event = self.issue(self, at, by, event)
            self._fold(at, by, event)

    def _fold(self, at: datetime, by: dict[str, Any], event: Event) -> None:
        fold = partial(
            evolve,
            self.state,
            self.definition,
            self.number,
            at,
            by,
            event,
            self.calendar_of,
            watch=self.watch,
        )
        if isinstance(event, CaseMigrated) and self.definition_of is not None:
            target = self.definition_of(event.definition)
            self.state, self.definition = fold(target), target
        else:
            self.state = fold()
        self.entries.append((at, by, event))
        if isinstance(event, TaskOpened | TaskPassed | TaskMigrated):
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
