"""A signal reaches every case that waits for it (BPMN 2.0.2 §10.5.1), not only the one that sends it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from ..errors import Invalid, say
from ..events import Record, SignalReceived, SignalSent
from ..flow.marking import awaited, receives
from ..store import Transaction
from .draft import Draft
from .library import Library

MOST_SIGNALS = 1_000
"""Signals that may follow from one act, in all cases together: more is a circle of cases."""

BY_SIGNAL = {"signal": True}


def spread(
    tx: Transaction,
    library: Library,
    draft_of: Callable[[str], Draft],
    records: Sequence[Record],
) -> None:
    """Let the signals in `records` reach the other open cases that wait for them now, in order of their
    numbers, and the signals that follow from that reach others, all in this transaction. `draft_of` begins
    an act in a case. Raises `Invalid` when cases signal each other without end."""
    waiting = deque(_sent(records))
    for _ in range(MOST_SIGNALS):
        if not waiting:
            return
        sender = waiting.popleft()
        name = sender.event.payload()["name"]
        for number in _candidates(tx, library, name):
            if number == sender.case:
                continue  # its own events were reached when it was sent
            draft = draft_of(number)
            course, at = draft.course, draft.now
            draft.settle(at)
            if any(one.name == name for one in awaited(course.definition.net, course.case.marking, "signal")):
                course.enter(at, BY_SIGNAL, SignalReceived(name, sender.case, sender.seq))
                draft.settle(at)
            waiting.extend(_sent(draft.write(at).events))
    raise Invalid(
        "signal.endless",
        say("more than {most} signals would follow from this act", most=MOST_SIGNALS),
        expected=say("cases that do not signal each other in a circle"),
        rule=say("a signal reaches every case that waits for it"),
        remedy=say("let the answer to the signal have another name in the diagram"),
    )


def _sent(records: Sequence[Record]) -> list[Record]:
    return [record for record in records if isinstance(record.event, SignalSent)]


def _candidates(tx: Transaction, library: Library, name: str) -> list[str]:
    """The open cases whose definition has something that waits for the signal."""
    items = {
        row.item
        for row in tx.definitions()
        if receives(library.definition(tx, row.definition).net, "signal", name)
    }
    found = [row for item in sorted(items) for row in tx.cases(item, "open", limit=2**31 - 1)]
    return sorted(row.case for row in found)
