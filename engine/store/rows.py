"""What the store takes and gives. Fields stand in the order of the table's columns.

Named tuples: a row of the driver becomes one as it is, and they cost the cold start a fifth of what
dataclasses would.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Head(NamedTuple):
    """Where a history stands: its last event and what it folds to (`state`, canonical JSON)."""

    case: str
    seq: int
    hash: str
    state: bytes
    item: str
    definition: str
    status: str
    """`open` or `closed`."""
    opened_at: str
    closed_at: str | None = None


class CaseRow(NamedTuple):
    """A line in a list of cases."""

    case: str
    item: str
    status: str
    opened_at: str
    closed_at: str | None


class TaskRow(NamedTuple):
    """An open step that waits for a holder of `post` in `unit`."""

    case: str
    task: str
    element: str
    unit: str
    post: str
    item: str
    opened_at: str
    due: str | None = None


class DocumentRow(NamedTuple):
    """A document that event `seq` of `case` issued; its bytes are the content with this digest."""

    case: str
    seq: int
    document: str
    number: str
    name: str
    digest: str
    media_type: str


class DefinitionRow(NamedTuple):
    """A published version of an item, in force from the date `effective` (`YYYY-MM-DD`).

    `definition` and `net` are digests of contents.
    """

    item: str
    version: int
    definition: str
    net: str
    effective: str
    published_at: str


class LeafRow(NamedTuple):
    """A leaf of the log that seals are made of (`engine.seals.Leaf`), in its place, from 0."""

    position: int
    case: str
    seq: int
    hash: str
    disclosure: str


class OutboxRow(NamedTuple):
    """A message of event `seq` of `case` to `unit`, and how its delivery goes."""

    case: str
    seq: int
    unit: str
    kind: str
    """What the event is: `reminder.raised`, `card.raised`, …"""
    due_at: str
    """The earliest instant of the next try."""
    attempts: int = 0
    """Tries that ended, the one that succeeded included."""
    error: str | None = None
    """Why the last try that failed did."""
    delivered_at: str | None = None
    receipt: str | None = None
    """What the delivery gave back: a file's name, a message's id."""

    @property
    def place(self) -> tuple[str, str, int, str]:
        """Its place in the queue: (due_at, case, seq, unit)."""
        return self.due_at, self.case, self.seq, self.unit


class Changes(NamedTuple):
    """What an act changes in the projections, net: what is there after it and was not before, and
    the reverse. A timer that is armed anew stands in both `stopped` and `armed`. Besides, the documents
    it issued and the messages it wants delivered."""

    opened: Sequence[TaskRow] = ()
    closed: Sequence[str] = ()
    """Ids of tasks."""
    armed: Sequence[tuple[str, str]] = ()
    """(timer, due instant)."""
    stopped: Sequence[str] = ()
    """Ids of timers, fired ones included."""
    documents: Sequence[tuple[DocumentRow, bytes]] = ()
    messages: Sequence[OutboxRow] = ()


class Unfit(NamedTuple):
    """A row that holds what such a row can't hold: in which `table`, of which `case` ("" for none, or one
    that can't be read), its key, and the columns."""

    table: str
    case: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
