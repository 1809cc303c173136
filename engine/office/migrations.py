"""How open cases of an item go over to another version: ordered once, on the office's record, and carried out
case by case, each on its own record; and how they go back.

An order that was interrupted is given again with the same words: it goes on under its name. To undo a batch
is an order like any other: each of its cases goes back to the version it came from, if that can hold all
that has happened since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from ..case import parts_of
from ..clock import read_instant
from ..commands import Command, Migrate, Unsafe
from ..course import Course
from ..definition import Definition
from ..errors import Invalid, Refusal, Unknown, say
from ..events import OFFICE, CaseMigrated, MigrationOrdered, parse
from ..migration import Assessment, assess
from ..organisation import Person
from ..store import DefinitionRow, Reader, Transaction
from .draft import Done, Draft, append_office, settle, state_of
from .library import Library, find_case, head_of_case, standing
from .publishing import unknown_item

Choose = Callable[[Draft, Person], Command]
"""What is to be done in a case, once it is read."""

STATES = ("migrated", "already", "safe", "unsafe", "refused")
"""What became of a case, or would: `safe` and `unsafe` are said before anything is done."""


class Wish(NamedTuple):
    """What an administrator asks for: that open cases of `item` go over `to` a version (None: the one in
    force on the day), from version `source` only (None: from any before it), or only these `cases`; with
    `undo`, that the cases of that batch go back. The rest as in `case.migrated`."""

    item: str
    to: int | None = None
    source: int | None = None
    cases: tuple[str, ...] = ()
    names: Mapping[str, str] = {}
    accepted: tuple[str, ...] = ()
    undo: str = ""
    reason: str = ""


class Order(NamedTuple):
    """The wish, looked up, as it goes on record (without a name yet, and without a definition where each case
    goes back to its own), and the `versions` of the item by digest."""

    event: MigrationOrdered
    versions: Mapping[str, int]


def check_reason(wish: Wish) -> None:
    """Raise `Invalid` when the wish does not say why."""
    if not wish.reason.strip():
        raise Invalid(
            "act.no_reason",
            say("say why, in words"),
            expected=say("a reason"),
            rule=say("what departs from the ordinary course is put on record with its reason"),
            remedy=say("add --reason"),
        )


def order(reader: Reader, wish: Wish, day: str, now: str) -> Order:
    """What the wish comes to at the instant `now`, on the local `day`. Raises `Unknown` and `Invalid`."""
    rows = reader.definitions(wish.item)
    if not rows:
        raise unknown_item(reader, wish.item)
    versions = {row.definition: row.version for row in rows}
    cases = sorted({find_case(reader, case).case for case in wish.cases})
    event = MigrationOrdered(
        "",
        wish.item,
        "",
        [],
        cases,
        dict(wish.names),
        sorted(set(wish.accepted)),
        wish.undo,
        wish.reason,
    )
    if wish.undo:
        undone = _ordered(reader, wish.item).get(wish.undo)
        if undone is None:
            raise Unknown(
                "migration.batch",
                say("no migration of {item} is called {batch}", item=wish.item, batch=wish.undo),
                expected=say("one of: {batches}", batches=", ".join(_ordered(reader, wish.item)) or "—"),
                remedy=say("look at `lianban history office`"),
            )
        return Order(_with(event, names={new: old for old, new in undone.names.items()}), versions)
    target = _target(rows, reader, wish, day, now)
    sources = {row.definition for row in rows if row.version < target.version}
    if wish.source is not None:
        sources = {row.definition for row in rows if row.version == wish.source}
        if sources <= {target.definition}:
            raise _no_version(wish.item, wish.source, [row for row in rows if row != target])
    named = sorted(sources - {target.definition})
    return Order(_with(event, definition=target.definition, sources=named), versions)


def _with(event: MigrationOrdered, **values: Any) -> MigrationOrdered:
    return MigrationOrdered(**{**event.payload(), **values})


def _target(rows: Sequence[DefinitionRow], reader: Reader, wish: Wish, day: str, now: str) -> DefinitionRow:
    if wish.to is None:
        found = reader.definition_for(wish.item, day, now)
        if found is None:
            raise _not_in_force(wish.item, rows[0], day)
        return found
    named = [row for row in rows if row.version == wish.to]
    if not named:
        raise _no_version(wish.item, wish.to, rows)
    if named[0].effective > day:
        raise _not_in_force(wish.item, named[0], day)
    return named[0]


def _no_version(item: str, version: int, rows: Sequence[DefinitionRow]) -> Unknown:
    return Unknown(
        "migration.version",
        say("no cases can go over with version {version} of {item}", version=version, item=item),
        expected=say("one of: {versions}", versions=", ".join(str(row.version) for row in rows) or "—"),
        found=say("{version}", version=version),
        remedy=say("see `lianban item list`"),
    )


def _not_in_force(item: str, row: DefinitionRow, day: str) -> Invalid:
    return Invalid(
        "migration.not_in_force",
        say("version {version} of {item} is not in force yet", version=row.version, item=item),
        expected=say("a version in force on {day}", day=day),
        found=say("in force from {effective}", effective=row.effective),
        rule=say("no case runs by a version before that is in force"),
        remedy=say("wait for that day, or publish it with an earlier one"),
    )


def _ordered(reader: Reader, item: str) -> dict[str, MigrationOrdered]:
    """The orders of the item on the office's record, the earliest first."""
    found = [parse(OFFICE, seq, body).event for seq, body, _ in reader.records(OFFICE)]
    return {one.batch: one for one in found if isinstance(one, MigrationOrdered) and one.item == item}


def begin(tx: Transaction, order: Order, now: datetime, by: dict[str, Any]) -> str:
    """Put the order on the office's record; its name. The item's latest order, given again, goes on."""
    head = tx.head(OFFICE)
    records = [parse(OFFICE, seq, body).event for seq, body, _ in tx.records(OFFICE)]
    ordered = [event for event in records if isinstance(event, MigrationOrdered)]
    latest = [event for event in ordered if event.item == order.event.item][-1:]
    if latest and _with(latest[0], batch="") == order.event:
        return latest[0].batch
    batch = f"m{len(ordered) + 1}"
    append_office(tx, now, [_with(order.event, batch=batch)], by, head)
    return batch


def concerned(reader: Reader, order: Order) -> list[tuple[str, str]]:
    """The open cases that the order is about, each with the definition that it runs by now."""
    event = order.event
    found = []
    for case, named in reader.open_of_item(event.item):
        if event.cases and case not in event.cases:
            continue
        if event.undoes:
            passed = any(one.batch == event.undoes for one in _migrations(reader, case))
            if passed or case in event.cases:
                found.append((case, named))
        elif named in event.sources or case in event.cases:
            found.append((case, named))
    for case in event.cases:
        if case not in {number for number, _ in found}:
            found.append((case, head_of_case(reader, case).definition))
    return sorted(found)


def _migrations(reader: Reader, case: str) -> Iterator[CaseMigrated]:
    """How the case went over, the latest first."""
    for seq, body in reader.backwards(case):
        if b'"case.migrated"' in body:
            event = parse(case, seq, body).event
            if isinstance(event, CaseMigrated):
                yield event


def command(reader: Reader, order: Order, batch: str, case: str, item: str) -> Migrate:
    """What the order means in one case of `item`. Raises `Invalid`."""
    event = order.event
    if item != event.item:
        raise Invalid(
            "migration.item",
            say("case {case} is no case of {item}", case=case, item=event.item),
            found=say("{item}", item=item),
            remedy=say("name cases of one item"),
        )
    target = event.definition
    if event.undoes:
        latest = next(_migrations(reader, case), None)
        if latest is None or latest.batch != event.undoes:
            if latest is not None and latest.undoes == event.undoes:
                target = latest.definition  # it is back already
            else:
                raise Invalid(
                    "migration.undone",
                    say("case {case} was not taken over last by {batch}", case=case, batch=event.undoes),
                    expected=say("{batch}", batch=event.undoes),
                    found=say("{batch}", batch=latest.batch if latest is not None else "—"),
                    rule=say("what was done last is undone first"),
                    remedy=say("undo that first, or migrate to the version you want"),
                )
        else:
            target = latest.was
    return Migrate(target, dict(event.names), list(event.accepted), batch, event.undoes, event.reason)


# --- before anything is done


def plan(
    reader: Reader, library: Library, order: Order, cases: Sequence[tuple[str, str]], now: datetime
) -> Iterator[dict[str, Any]]:
    """Each case with whether it could go over at `now`; nothing is written: what time still has to do in it
    is thought through first."""
    in_force = standing(reader)
    for case, named in cases:
        state = state_of(head_of_case(reader, case))
        definition = library.definition(reader, named)
        at = max(now, read_instant(state.at))
        try:
            wanted = command(reader, order, "", case, state.item)
            if wanted.definition == named:
                yield line(order, case, named, "already")
                continue
            course = Course(
                case,
                state,
                definition,
                lambda course, at, by, event: event,
                partial(library.calendar, reader),
            )
            settle(course, in_force, at)
            if course.case.closed:
                raise closed_by_then(case)
            target: Definition = library.definition(reader, wanted.definition)
            found = assess(definition, target, parts_of(course.case), wanted.names, wanted.accepted)
        except Refusal as refusal:
            yield line(order, case, named, "refused", refusal=refusal)
            continue
        yield line(order, case, named, "unsafe" if found.hindrances else "safe", found)


def closed_by_then(case: str) -> Invalid:
    """The refusal of a case that is or would be closed."""
    return Invalid(
        "case.closed",
        say("case {case} is closed; nothing can be done in it any more", case=case),
        rule=say("what was decided stays decided"),
        remedy=say("read its history; a new request is a new case"),
    )


def carry_out(
    order: Order, batch: str, case: str, named: str, act: Callable[[str, Choose], Done]
) -> dict[str, Any]:
    """Take one case over by `act`; what became of it."""
    taken: list[Assessment] = []

    def choose(draft: Draft, person: Person) -> Migrate:
        state = draft.course.case
        wanted = command(draft.tx, order, batch, case, state.item)
        if draft.course.definition_of is not None and wanted.definition != state.definition:
            target = draft.course.definition_of(wanted.definition)
            parts = parts_of(state)
            taken.append(assess(draft.course.definition, target, parts, wanted.names, wanted.accepted))
        return wanted

    try:
        done = act(case, choose)
    except Unsafe as refusal:
        return line(order, case, named, "unsafe", refusal.assessment)
    except Refusal as refusal:
        if refusal.code == "migration.done":
            return line(order, case, named, "already")
        return line(order, case, named, "refused", refusal=refusal)
    found = taken[-1] if taken else None
    return line(order, case, named, "already" if done.repeated else "migrated", found)


# --- what is told


def line(
    order: Order,
    case: str,
    named: str,
    state: str,
    found: Assessment | None = None,
    refusal: Refusal | None = None,
) -> dict[str, Any]:
    """One case as plain data, but for its `refusal`, if it has one."""
    found = found or Assessment([], [], [])
    return {
        "case": case,
        "version": order.versions.get(named),
        "state": state,
        "hindrances": [one._asdict() for one in found.hindrances],
        "accepted": [one._asdict() for one in found.accepted],
        "differences": [one._asdict() for one in found.differences],
        "refusal": refusal,
    }


def told(order: Order, batch: str, lines: list[dict[str, Any]]) -> dict[str, Any]:
    """What was ordered, and what became of each case."""
    counts = {state: sum(one["state"] == state for one in lines) for state in STATES}
    return {
        "item": order.event.item,
        "batch": batch,
        "to": order.versions.get(order.event.definition),
        "undoes": order.event.undoes,
        "names": dict(order.event.names),
        "counts": {state: count for state, count in counts.items() if count},
        "cases": lines,
    }
