"""The tables. Every table that belongs to cases leads its key with the case's number.

`events`, `documents`, `contents`, `definitions` and `leaves` are append-only; the triggers that hold them so
are in the migrations. `heads`, `tasks` and `timers` are projections. `outbox` is neither: what was
delivered and how often it was tried is known nowhere else. Changing anything here needs a new
migration and its number in `VERSION`.
"""

from __future__ import annotations

from sqlalchemy import (
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

VERSION = "0004"
"""The migration this program works with; fixed width, so that text order is their order."""

# Byte order everywhere: instants sort as time, and no locale decides about case numbers.
TEXT = Text().with_variant(Text(collation="C"), "postgresql")

METADATA = MetaData()

events = Table(
    "events",
    METADATA,
    Column("case_no", TEXT, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
    Column("hash", TEXT, nullable=False),
)

heads = Table(
    "heads",
    METADATA,
    Column("case_no", TEXT, primary_key=True),
    Column("seq", Integer, nullable=False),
    Column("hash", TEXT, nullable=False),
    Column("state", LargeBinary, nullable=False),
    Column("item", TEXT, nullable=False),
    Column("definition", TEXT, nullable=False),
    Column("status", TEXT, nullable=False),
    Column("opened_at", TEXT, nullable=False),
    Column("closed_at", TEXT),
    Index("heads_by_age", "opened_at", "case_no"),
)

tasks = Table(
    "tasks",
    METADATA,
    Column("case_no", TEXT, primary_key=True),
    Column("task", TEXT, primary_key=True),
    Column("element", TEXT, nullable=False),
    Column("unit", TEXT, nullable=False),
    Column("post", TEXT, nullable=False),
    Column("item", TEXT, nullable=False),
    Column("opened_at", TEXT, nullable=False),
    Column("due", TEXT),
    Index("tasks_by_post", "unit", "post"),
    sqlite_with_rowid=False,
)

timers = Table(
    "timers",
    METADATA,
    Column("case_no", TEXT, primary_key=True),
    Column("timer", TEXT, primary_key=True),
    Column("due", TEXT, nullable=False),
    Index("timers_by_due", "due", "case_no"),
    sqlite_with_rowid=False,
)

documents = Table(
    "documents",
    METADATA,
    Column("case_no", TEXT, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("document", TEXT, nullable=False),
    Column("number", TEXT, nullable=False),
    Column("name", TEXT, nullable=False),
    Column("digest", TEXT, nullable=False),
    Column("media_type", TEXT, nullable=False),
    ForeignKeyConstraint(["case_no", "seq"], ["events.case_no", "events.seq"]),
)

outbox = Table(
    "outbox",
    METADATA,
    Column("case_no", TEXT, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("unit", TEXT, primary_key=True),
    Column("kind", TEXT, nullable=False),
    Column("due_at", TEXT, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error", TEXT),
    Column("delivered_at", TEXT),
    Column("receipt", TEXT),
    ForeignKeyConstraint(["case_no", "seq"], ["events.case_no", "events.seq"]),
    # Not a partial index, which would make SQLAlchemy load both dialects each time: those that wait stand
    # together in this one too.
    Index("outbox_by_due", "delivered_at", "due_at", "case_no", "seq", "unit"),
)

contents = Table(
    "contents",
    METADATA,
    Column("digest", TEXT, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

definitions = Table(
    "definitions",
    METADATA,
    Column("item", TEXT, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("definition", TEXT, nullable=False),
    Column("net", TEXT, nullable=False),
    Column("effective", TEXT, nullable=False),
    Column("published_at", TEXT, nullable=False),
)

leaves = Table(
    "leaves",
    METADATA,
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("case_no", TEXT, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("hash", TEXT, nullable=False),
    Column("disclosure", TEXT, nullable=False),
    Index("leaves_by_case", "case_no", "seq"),
)

numbers = Table(
    "numbers",
    METADATA,
    Column("series", TEXT, primary_key=True),
    Column("value", Integer, nullable=False),
)

meta = Table(
    "meta",
    METADATA,
    Column("name", TEXT, primary_key=True),
    Column("value", TEXT, nullable=False),
)
