"""The engine, run again over a history, and witnesses that look on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

from ..case import CalendarOf, Case, Watch, evolve
from ..clock import read_instant
from ..definition import Definition
from ..errors import Diverged, Refusal, say
from ..events import CaseMigrated, CaseOpened, Record, canonical
from .chain import REMEDY, SENSELESS, at_event, unreadable

Witness: TypeAlias = Callable[[Case | None, Record, Case], None]
"""Looks at a record, with the case before it and after it. Raises `Diverged` where that could not be."""


def replay(
    number: str,
    history: Iterable[Record],
    definition_of: Callable[[str], Definition],
    calendar_of: CalendarOf,
    watch: Watch | None = None,
) -> Iterator[tuple[Record, Case]]:
    """Run the history again: each record with the case as it stood after it, by the definition of its time.
    `watch` is told all that the process did by a fact before that is given.

    Raises `Diverged` naming the event at which the record says something else than the replay.
    """
    case: Case | None = None
    definition: Definition | None = None
    fact: Record | None = None
    for record in history:
        try:
            if record.event.fact:
                fact = record
            elif fact is not None:
                _check_circumstances(record, fact)
            if definition is None:
                if not isinstance(record.event, CaseOpened):
                    raise Diverged(
                        "replay.start",
                        say("the history does not begin with the opening of a case"),
                        remedy=REMEDY,
                    )
                definition = definition_of(record.event.definition)
            at = read_instant(record.at)
            target = definition
            if isinstance(record.event, CaseMigrated):
                target = definition_of(record.event.definition)
            case = evolve(
                case,
                definition,
                number,
                at,
                record.by,
                record.event,
                calendar_of,
                target,
                watch,
            )
            definition = target
        except Diverged as found:
            raise at_event(number, record.seq, found) from found
        except (*SENSELESS, Refusal) as error:
            raise at_event(number, record.seq, unreadable(record, error)) from error
        yield record, case
    if case is not None and case.expected:
        raise Diverged(
            "replay.unfinished",
            say(
                "case {case}, event {seq}: the history ends in the middle of an act; {event} should follow",
                case=number,
                seq=record.seq,
                event=case.expected[0].type,
            ),
            expected=say(
                "{event}", event=f"{case.expected[0].type} {canonical(case.expected[0].payload()).decode()}"
            ),
            found=say("no event {seq}", seq=record.seq + 1),
            remedy=REMEDY,
        )


def _check_circumstances(record: Record, fact: Record) -> None:
    """What follows from a fact takes effect with it, is written with it, and is done by whom it was done."""
    for name in ("at", "entered", "by"):
        recorded, given = getattr(record, name), getattr(fact, name)
        if recorded != given:
            was, replayed = canonical(recorded).decode(), canonical(given).decode()
            raise Diverged(
                "replay.diverged",
                say(
                    "recorded {type} with {recorded}, replay gives {replayed}",
                    type=record.event.type,
                    recorded=f"{name} {was}",
                    replayed=f"{name} {replayed}",
                ),
                expected=say("{value}", value=replayed),
                found=say("{value}", value=was),
                rule=say(
                    "a consequence has the instants and the author of its fact, event {seq}", seq=fact.seq
                ),
                remedy=REMEDY,
            )


def witnessed(
    number: str, replayed: Iterable[tuple[Record, Case]], witnesses: Sequence[Witness]
) -> Iterator[tuple[Record, Case]]:
    """Pass the replay on under the eyes of the witnesses. Raises the `Diverged` of the first that objects."""
    before: Case | None = None
    for record, case in replayed:
        try:
            for witness in witnesses:
                witness(before, record, case)
        except Diverged as found:
            raise at_event(number, record.seq, found) from found
        except (*SENSELESS, Refusal) as error:
            raise at_event(number, record.seq, unreadable(record, error)) from error
        before = case
        yield record, case
