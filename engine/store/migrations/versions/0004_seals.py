"""The log that seals are made of: how far each history had come when it was sealed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "leaves",
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("case_no", TEXT, nullable=False),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("hash", TEXT, nullable=False),
        sa.Column("disclosure", TEXT, nullable=False),
    )
    op.create_index("leaves_by_case", "leaves", ["case_no", "seq"])
    if op.get_bind().dialect.name == "sqlite":
        message = "leaves are append-only: what is on record is never changed or removed"
        for event in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER leaves_refuse_{event.lower()} BEFORE {event} ON leaves "
                f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
            )
        op.execute(
            "CREATE TRIGGER leaves_refuse_replace BEFORE INSERT ON leaves "
            "WHEN EXISTS (SELECT 1 FROM leaves WHERE position = NEW.position) "
            "BEGIN SELECT RAISE(ABORT, 'leaves: this row is on record already'); END"
        )
    else:
        op.execute(
            "CREATE TRIGGER leaves_refuse_change BEFORE UPDATE OR DELETE ON leaves "
            "FOR EACH ROW EXECUTE FUNCTION lianban_append_only()"
        )
        op.execute(
            "CREATE TRIGGER leaves_refuse_truncate BEFORE TRUNCATE ON leaves "
            "FOR EACH STATEMENT EXECUTE FUNCTION lianban_append_only()"
        )
