"""The office's database (floor 5): the only importer of SQLAlchemy and Alembic.

`Store.create` and `Store.open` give a store on SQLite or PostgreSQL; `reading()` a consistent view
of it, `transaction()` a view that can also write, all of it or nothing. Histories are append-only,
which the database itself enforces; heads, tasks and timers are projections that can be dropped and
built again from the histories. The outbox holds what is to be told to whom, and whether it was.

Workers take what is due one row at a time (`next_due`, `next_message`): on PostgreSQL each passes over
what another one is busy with, on SQLite they wait for each other.

Rows go in and out as the named tuples of `rows`; instants are fixed-width UTC text, digests
and hashes SHA-256 in hex, bodies and contents bytes exactly as given. Whatever goes wrong in the
database comes out as a `Refusal` in plain words; a `Conflict` is worth another try.
"""

from __future__ import annotations

from .rows import CaseRow, Changes, DefinitionRow, DocumentRow, Head, LeafRow, OutboxRow, TaskRow, Unfit
from .store import Reader, Store, Transaction

__all__ = [
    "CaseRow",
    "Changes",
    "DefinitionRow",
    "DocumentRow",
    "Head",
    "LeafRow",
    "OutboxRow",
    "Reader",
    "Store",
    "TaskRow",
    "Transaction",
    "Unfit",
]
