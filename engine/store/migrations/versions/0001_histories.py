"""Histories, their projections, documents, contents, definitions, number series."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

APPEND_ONLY = {
    # table: the row that an INSERT OR REPLACE would replace
    "events": "case_no = NEW.case_no AND seq = NEW.seq",
    "documents": "case_no = NEW.case_no AND seq = NEW.seq",
    "contents": "digest = NEW.digest AND content IS NOT NEW.content",
    "definitions": "item = NEW.item AND version = NEW.version",
}


def upgrade() -> None:
    # SQLite takes a text for a number unless told not to.
    sqlite = op.get_bind().dialect.name == "sqlite"
    counts = "typeof({0}) = 'integer' AND {0} >= 1" if sqlite else "{0} >= 1"
    op.create_table(
        "events",
        sa.Column("case_no", TEXT, primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("hash", TEXT, nullable=False),
        sa.CheckConstraint(counts.format("seq")),
    )
    op.create_table(
        "heads",
        sa.Column("case_no", TEXT, primary_key=True),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("hash", TEXT, nullable=False),
        sa.Column("state", sa.LargeBinary, nullable=False),
        sa.Column("item", TEXT, nullable=False),
        sa.Column("definition", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("opened_at", TEXT, nullable=False),
        sa.Column("closed_at", TEXT),
    )
    op.create_index("heads_by_age", "heads", ["opened_at", "case_no"])
    op.create_table(
        "tasks",
        sa.Column("case_no", TEXT, primary_key=True),
        sa.Column("task", TEXT, primary_key=True),
        sa.Column("element", TEXT, nullable=False),
        sa.Column("unit", TEXT, nullable=False),
        sa.Column("post", TEXT, nullable=False),
        sa.Column("item", TEXT, nullable=False),
        sa.Column("opened_at", TEXT, nullable=False),
        sa.Column("due", TEXT),
        sqlite_with_rowid=False,
    )
    op.create_index("tasks_by_post", "tasks", ["unit", "post"])
    op.create_table(
        "timers",
        sa.Column("case_no", TEXT, primary_key=True),
        sa.Column("timer", TEXT, primary_key=True),
        sa.Column("due", TEXT, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("timers_by_due", "timers", ["due", "case_no"])
    op.create_table(
        "documents",
        sa.Column("case_no", TEXT, primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("document", TEXT, nullable=False),
        sa.Column("number", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("media_type", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["case_no", "seq"], ["events.case_no", "events.seq"]),
    )
    op.create_table(
        "contents",
        sa.Column("digest", TEXT, primary_key=True),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "definitions",
        sa.Column("item", TEXT, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("definition", TEXT, nullable=False),
        sa.Column("net", TEXT, nullable=False),
        sa.Column("effective", TEXT, nullable=False),
        sa.Column("published_at", TEXT, nullable=False),
    )
    op.create_table(
        "numbers",
        sa.Column("series", TEXT, primary_key=True),
        sa.Column("value", sa.Integer, nullable=False),
        sa.CheckConstraint(counts.format("value")),
    )
    op.create_table(
        "meta",
        sa.Column("name", TEXT, primary_key=True),
        sa.Column("value", TEXT, nullable=False),
    )
    if sqlite:
        _guard_on_sqlite()
    else:
        _guard_on_postgresql()


def _guard_on_sqlite() -> None:
    for table, same_row in APPEND_ONLY.items():
        message = f"{table} are append-only: what is on record is never changed or removed"
        for event in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_refuse_{event.lower()} BEFORE {event} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
            )
        # INSERT OR REPLACE removes the old row without firing the DELETE trigger.
        there = f"SELECT 1 FROM {table} WHERE {same_row}"  # noqa: S608 - constants of this module
        op.execute(
            f"CREATE TRIGGER {table}_refuse_replace BEFORE INSERT ON {table} WHEN EXISTS ({there}) "
            f"BEGIN SELECT RAISE(ABORT, '{table}: this row is on record already'); END"
        )


def _guard_on_postgresql() -> None:
    op.execute(
        """
        CREATE FUNCTION lianban_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% are append-only: what is on record is never changed or removed', TG_TABLE_NAME;
        END $$
        """
    )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_refuse_change BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION lianban_append_only()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_refuse_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION lianban_append_only()"
        )
