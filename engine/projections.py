"""What is kept beside the histories for speed (floor 5): heads, open tasks, armed timers.

Everything here is derived from records and the fold alone, so it can be thrown away and rebuilt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from .case import Case
from .definition import Definition
from .events import (
    CalendarRevised,
    Record,
    TaskCancelled,
    TaskCompleted,
    TaskEnded,
    TaskOpened,
    TaskPassed,
    TimerArmed,
    TimerFired,
    TimerMoved,
    TimerStopped,
    canonical,
)
from .steps import task_due
from .store import Changes, DocumentRow, Head, TaskRow


def head_of(case: Case, last: Record) -> Head:
    """The head of `case` after its record `last`."""
    return Head(
        case=case.number,
        seq=last.seq,
        hash=last.hash,
        state=canonical(case.to_json()),
        item=case.item,
        definition=case.definition,
        status="closed" if case.closed else "open",
        opened_at=case.opened_at,
        closed_at=case.at if case.closed else None,
    )


def changes_of(
    case: Case,
    records: Sequence[Record],
    dues: Mapping[str, str | None],
    documents: Sequence[tuple[DocumentRow, bytes]] = (),
) -> Changes:
    """What these records, which end in `case`, change in the lists of open tasks and armed timers.

    `dues` holds, for each task they opened, its `task_due` at that moment.
    """
    opened: dict[str, TaskRow] = {}
    closed: list[str] = []
    armed: dict[str, str] = {}
    stopped: list[str] = []
    struck: dict[str, bool] = {}
    for record in records:
        match record.event:
            case TaskOpened(task=task, element=element, unit=unit, post=post):
                opened[task] = TaskRow(
                    record.case, task, element, unit, post, case.item, record.at, dues.get(task)
                )
            case TaskPassed(task=task, unit=unit, post=post):
                passed = opened.get(task)
                if passed is None:  # it was opened in an act before
                    entry = case.docket[task]
                    closed.append(task)
                    passed = TaskRow(
                        record.case, task, entry["element"], "", "", case.item, entry["opened"], None
                    )
                opened[task] = passed._replace(unit=unit, post=post, due=dues.get(task))
            case TaskCompleted(task=task) | TaskEnded(task=task) | TaskCancelled(task=task):
                if opened.pop(task, None) is None:
                    closed.append(task)
            case TimerArmed(timer=timer, due=str(due)):
                armed[timer] = due
            case TimerMoved(timer=timer, due=due):
                if timer not in armed:
                    stopped.append(timer)
                armed[timer] = due
            case TimerStopped(timer=timer) | TimerFired(timer=timer):
                if armed.pop(timer, None) is None:
                    stopped.append(timer)
            case CalendarRevised():
                struck |= dict.fromkeys(case.deadlines, True)
            case event if event.type.startswith("clock."):
                struck[event.payload()["clock"]] = True
    for clock in struck:
        # One row for each clock: when it strikes next.
        row = f"clock:{clock}"
        stopped.append(row)
        for instant, _ in case.deadlines[clock]["pending"][:1]:
            armed[row] = instant
    return Changes(tuple(opened.values()), closed, tuple(armed.items()), stopped, documents)


def derive(
    replayed: Iterable[tuple[Record, Case]], definition_of: Callable[[str], Definition]
) -> tuple[Head, Changes]:
    """The head of a case, its open tasks and its armed timers, from its whole replay alone."""
    records: list[Record] = []
    dues: dict[str, str | None] = {}
    for record, case in replayed:
        records.append(record)
        if isinstance(record.event, TaskOpened | TaskPassed):
            task = record.event.task
            dues[task] = task_due(case, definition_of(case.definition), task)
    if not records:
        raise ValueError("a case without a history")
    return head_of(case, records[-1]), changes_of(case, records, dues)
