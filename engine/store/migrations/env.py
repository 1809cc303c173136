"""Alembic's entry point: runs the migrations on the connection, in the transaction, that it is given.

`Database.migrate` drives it; there is no alembic.ini, since an office's database is named at run time.
"""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
