"""The outbox: messages that events call for, and how their delivery goes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "outbox",
        sa.Column("case_no", TEXT, primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("unit", TEXT, primary_key=True),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("due_at", TEXT, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("error", TEXT),
        sa.Column("delivered_at", TEXT),
        sa.Column("receipt", TEXT),
        sa.ForeignKeyConstraint(["case_no", "seq"], ["events.case_no", "events.seq"]),
    )
    # Those that wait stand together: looking for work costs what waits, not what was ever sent.
    op.create_index("outbox_by_due", "outbox", ["delivered_at", "due_at", "case_no", "seq", "unit"])
