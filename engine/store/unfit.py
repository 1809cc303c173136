"""Cells that no program of this house wrote: of another type, missing, or a text that is none.

SQLite keeps what it is given, whatever the column is declared as, and a text of any bytes; PostgreSQL keeps
types and encoding, and here only what is missing is looked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from sqlalchemy import Integer, LargeBinary, Table, TextClause, text

from .database import Session
from .rows import Unfit
from .schema import METADATA

NUMBERS = ("-9007199254740991", "9007199254740991")
"""Between these a number is the same for every program that reads it."""


def unfit_rows(session: Session, case: str | None) -> Iterator[Unfit]:
    """Every such row of the database, or of one case."""
    for name, table in METADATA.tables.items():
        key = [column.name for column in table.primary_key]
        columns = table.columns.keys()
        if case is not None and "case_no" not in columns:
            continue
        values = {} if case is None else {"case": case}
        for row in session.rows(_look(name, session.sqlite, of_case=case is not None), **values):
            told, wrong = row[: len(key)], row[len(key) :]
            of = told[0] if key[0] == "case_no" and type(told[0]) is str else ""
            bad = tuple(column for column, is_wrong in zip(columns, wrong, strict=True) if is_wrong)
            yield Unfit(name, of, tuple(_plain(value) for value in told), bad)


def _plain(value: Any) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


@cache
def _look(name: str, sqlite: bool, *, of_case: bool) -> TextClause:
    """The keys of the unfit rows of a table, each followed by a truth for each of its columns."""
    table: Table = METADATA.tables[name]
    wrong = []
    for column in table.columns:
        said, null = column.name, "0" if column.nullable else "1"
        if not sqlite:
            wrong.append(f"(CASE WHEN {said} IS NULL THEN {null} ELSE 0 END)")
            continue
        match column.type:
            case Integer():
                fits = f"typeof({said}) = 'integer' AND {said} BETWEEN {NUMBERS[0]} AND {NUMBERS[1]}"
            case LargeBinary():
                fits = f"typeof({said}) = 'blob'"
            case _:
                fits = f"typeof({said}) = 'text' AND is_utf8(CAST({said} AS BLOB))"
        wrong.append(f"(CASE WHEN {said} IS NULL THEN {null} WHEN {fits} THEN 0 ELSE 1 END)")
    key = ", ".join(column.name for column in table.primary_key)
    chosen = f"{' + '.join(wrong)} > 0" + (" AND case_no = :case" if of_case else "")
    return text(f"SELECT {key}, {', '.join(wrong)} FROM {name} WHERE {chosen} ORDER BY {key}")  # noqa: S608
