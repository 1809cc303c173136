"""Heads hold what people have done with their steps, and the office which organisation was in force when.

No table changes: `heads.state` has more in it than before, and the setting `standing` keeps every version of
the organisation. The number is another one so that `db upgrade` derives the heads from the histories again,
and so that a program from before does not work with heads that it can't read.
"""

from __future__ import annotations

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Nothing: the office derives again what is derived."""
