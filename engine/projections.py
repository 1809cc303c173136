"""What is kept beside the histories for speed (floor 5): heads, what waits for people, armed timers.

What waits for people are the open tasks, and beside them what is owed without being a task of the process:
the opinion of a department that was silent, under the id of its referral, and the decision about a recusal,
under `recusal:ID` and without a post, as it is for the organisation of the day to say whose it is.

Everything here is derived from records and the fold alone, so it can be thrown away and rebuilt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import takewhile

from .case import Case
from .definition import Definition
from .docket import answerable, owing
from .events import (
    CalendarRevised,
    CaseClosed,
    CaseMigrated,
    ClockMigrated,
    Event,
    Record,
    RecusalChallenged,
    RecusalDecided,
    RecusalDeclared,
    ReferralDeemed,
    ReferralFollowedUp,
    TaskCancelled,
    TaskCompleted,
    TaskEnded,
    TaskMigrated,
    TaskOpened,
    TaskPassed,
    TimerArmed,
    TimerFired,
    TimerMoved,
    TimerStopped,
)
from .steps import task_due
from .store import Changes, DocumentRow, Head, TaskRow


def head_of(case: Case, last: Record) -> Head:
    """The head of `case` after its record `last`."""
    return Head(
        case=case.number,
        seq=last.seq,
        hash=last.hash,
        state=case.pack(),
        item=case.item,
        definition=case.definition,
        status="closed" if case.closed else "open",
        opened_at=case.opened_at,
        closed_at=case.at if case.closed else None,
    )


def recusal_row(recusal: str) -> str:
    """What the decision about a recusal is called in the list of open tasks. No task is called so: the
    instances of an activity are numbered."""
    return f"recusal:{recusal}"


def changes_of(
    case: Case,
    definition: Definition,
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
    silent: set[str] = set()

    def end(row: str) -> None:
        if opened.pop(row, None) is None:
            closed.append(row)

    for place, record in enumerate(records):
        match record.event:
            case CaseMigrated():
                # A step or clock may take the name of another one, so all are taken off before any is put
                # back.
                following = _following(records, place)
                tasks = [event for event in following if isinstance(event, TaskMigrated)]
                clocks = [event for event in following if isinstance(event, ClockMigrated)]
                for step in tasks:
                    end(step.was)
                for step in tasks:
                    about = step.element, step.unit, step.post, case.item, step.since
                    opened[step.task] = TaskRow(record.case, step.task, *about, dues.get(step.task))
                for running in clocks:
                    struck.pop(running.was, None)
                    stopped.append(f"clock:{running.was}")
                struck |= {running.clock: True for running in clocks}
            case ClockMigrated():
                pass  # done with the migration it follows from
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
            case TaskCompleted(task=task) | TaskCancelled(task=task):
                end(task)
            case TaskEnded(task=task):
                end(task)
                if task in silent and task in case.docket:
                    entry = case.docket[task]
                    post = answerable(definition, entry)
                    opened[task] = TaskRow(
                        record.case, task, entry["element"], entry["unit"], post, case.item, record.at, None
                    )
            case ReferralDeemed(task=task):
                silent.add(task)
            case RecusalDeclared(recusal=id) | RecusalChallenged(recusal=id):
                row = recusal_row(id)
                opened[row] = TaskRow(record.case, row, "", "", "", case.item, record.at, None)
            case RecusalDecided(recusal=id):
                end(recusal_row(id))
            case ReferralFollowedUp(task=task):
                end(task)
            case CaseClosed():
                # What is owed then is owed no more, but stays on record.
                owed = [task for task, entry in case.docket.items() if owing(entry)]
                asked = [recusal_row(id) for id, one in case.recusals.items() if one["state"] == "open"]
                for row in (*owed, *asked):
                    end(row)
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


def _following(records: Sequence[Record], place: int) -> list[Event]:
    """The consequences of the fact at `place`."""
    return [record.event for record in takewhile(lambda one: not one.event.fact, records[place + 1 :])]


def derive(
    replayed: Iterable[tuple[Record, Case]], definition_of: Callable[[str], Definition]
) -> tuple[Head, Changes]:
    """The head of a case, its open tasks and its armed timers, from its whole replay alone."""
    records: list[Record] = []
    dues: dict[str, str | None] = {}
    for record, case in replayed:
        records.append(record)
        if isinstance(record.event, TaskOpened | TaskPassed | TaskMigrated):
            task = record.event.task
            dues[task] = task_due(case, definition_of(case.definition), task)
    if not records:
        raise ValueError("a case without a history")
    definition = definition_of(case.definition)
    return head_of(case, records[-1]), changes_of(case, definition, records, dues)
