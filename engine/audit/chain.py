"""A history as it was written: its chain, and what a finding about it looks like."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from ..errors import Diverged, Refusal, Text, say
from ..events import OFFICE, Record, broken_links, parse
from ..store import Unfit

Rows = Sequence[tuple[int, bytes, str]]
"""A stored history: `(seq, body, hash)` in order."""

REMEDY = say("compare the database with a backup or a sealed copy; somebody changed it")

SENSELESS = (ValueError, TypeError, LookupError, AttributeError, RecursionError, OverflowError)
"""What arises where an event has a good hash and no sense in it, as whoever writes the database can make."""


def records(number: str, rows: Rows) -> list[Record]:
    """The history as records. Raises `Diverged` at the first break in its chain: nobody should be told
    a history, or shown its replay, that is not as it was written."""
    for broken in broken_links(number, rows):
        raise broken
    if not rows:
        raise finding(number, "history.missing", say("case {case} has no history", case=number))
    return [parse(number, seq, body) for seq, body, _ in rows]


def at_event(number: str, seq: int, found: Diverged) -> Diverged:
    """The same, and where it was found."""
    return Diverged(
        found.code,
        say("case {case} diverged at event {seq}: {what}", case=number, seq=seq, what=found.message),
        expected=found.expected,
        found=found.found,
        rule=found.rule,
        remedy=found.remedy,
    )


def finding(number: str, code: str, message: Text) -> Diverged:
    """Something that is not what the history of `number` says."""
    return Diverged(
        code,
        message,
        expected=say("what the history of {case} says", case=number),
        rule=say("everything but the history is derived from it"),
        remedy=REMEDY,
    )


def guarded(number: str, check: Callable[[], Iterable[Diverged]]) -> Iterator[Diverged]:
    """What a check finds in `number`; where it can't go on, whatever the reason, that as well. What is stored
    may be anything, and what is wrong with one row is no reason to look at no other."""
    try:
        yield from check()
    except Diverged as found:
        yield found
    except Exception as error:  # noqa: BLE001 - there is no list of what may be stored
        what = error.message if isinstance(error, Refusal) else say("{error}", error=repr(error)[:500])
        yield Diverged(
            "case.unreadable",
            say("{case} can't be checked to its end: it is not as lianban wrote it", case=number),
            found=what,
            remedy=REMEDY,
        )


def unfit(rows: Iterable[Unfit]) -> Iterator[Diverged]:
    """Rows that hold what no such row can hold, as findings."""
    for row in rows:
        params = {"table": row.table, "key": ", ".join(row.key)[:200], "columns": ", ".join(row.columns)}
        text = say("table {table}, row {key}: {columns} can't be read", **params)
        if row.case not in ("", OFFICE):
            text = say(
                "case {case}: table {table}, row {key}: {columns} can't be read", case=row.case, **params
            )
        yield Diverged(
            "row.unreadable",
            text,
            expected=say("in each column what lianban writes there: a text in UTF-8, a number, or bytes"),
            rule=say("only lianban writes to its database"),
            remedy=REMEDY,
        )


def unreadable(record: Record, error: Exception) -> Diverged:
    """An event that says nothing which such an event could say."""
    return Diverged(
        "replay.unreadable",
        say("{type} does not say what such an event says", type=record.event.type),
        found=say("{error}", error=repr(error)),
        remedy=REMEDY,
    )
