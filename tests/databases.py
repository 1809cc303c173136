"""The databases themselves, past the office: what a clerk cannot reach and a database administrator can."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg

TABLES = {
    "events": "case_no, seq",
    "heads": "case_no",
    "tasks": "case_no, task",
    "timers": "case_no, timer",
    "documents": "case_no, seq",
    "outbox": "case_no, seq, unit",
    "contents": "digest",
    "definitions": "item, version",
    "numbers": "series",
    "meta": "name",
}


@contextmanager
def _connection(url: str) -> Iterator[Any]:
    if "://" not in url:
        connection: Any = sqlite3.connect(url, isolation_level=None)
    else:
        connection = psycopg.connect(url, autocommit=True)
    try:
        yield connection
    finally:
        connection.close()


def ask(url: str, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """Run one statement; its rows, if it gives any. Parameters stand as `?`."""
    with _connection(url) as connection:
        cursor = connection.execute(sql if "://" not in url else sql.replace("?", "%s"), values)
        return [tuple(row) for row in cursor.fetchall()] if cursor.description else []


def dump(url: str, tables: Sequence[str] = tuple(TABLES)) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of these tables, in the order of their keys."""
    return {name: ask(url, f"SELECT * FROM {name} ORDER BY {TABLES[name]}") for name in tables}


def unguard(url: str) -> None:
    """Take the append-only triggers (and what else would stop him) away, as an administrator could."""
    if "://" not in url:
        for (name,) in ask(url, "SELECT name FROM sqlite_master WHERE type = 'trigger'"):
            ask(url, f"DROP TRIGGER {name}")
        return
    own = "SELECT tgname, relname FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid WHERE NOT tgisinternal"
    for name, table in ask(url, own):
        ask(url, f'DROP TRIGGER "{name}" ON {table}')
    for table in ("documents", "outbox"):
        ask(url, f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {table}_case_no_seq_fkey")
