"""One database, SQLite or PostgreSQL: its address, its transactions, its troubles in plain words.

SQLAlchemy describes tables and statements, pools connections and knows the two dialects. Statements
are compiled once to SQL text and run on the driver's own connection: its execution layer would halve
the rate of acts (design §4).
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import (
    URL,
    ClauseElement,
    Select,
    create_engine,
    event,
    inspect,
    literal_column,
    make_url,
    select,
    table,
)
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from ..errors import Invalid, Refusal, Text, say
from .schema import VERSION, events
from .troubles import explain, no_office

DEFAULT = "lianban.db"
PATIENCE = 10
"""Seconds that a writer waits for another one."""

_SCHEMA_VERSION: Select[str] = select(literal_column("version_num")).select_from(table("alembic_version"))
_ANY_EVENT = select(events.c.seq).limit(1)
_MIGRATIONS = Path(__file__).parent / "migrations"

View = TypeVar("View")


def address(where: str | os.PathLike[str] | None) -> URL:
    """The database that a person means: a file's path is SQLite, `postgresql://…` is PostgreSQL by
    psycopg 3, None is `lianban.db` in the current folder. Raises `Invalid` for any other scheme."""
    text = os.fspath(where or DEFAULT)
    if "://" not in text:
        return URL.create("sqlite", database=str(Path(text).absolute()))
    with suppress(ArgumentError, ValueError):
        url = make_url(text)
        scheme = url.drivername.partition("+")[0]
        if scheme == "sqlite" and url.database:
            return URL.create("sqlite", database=str(Path(url.database).absolute()))
        if scheme in ("postgresql", "postgres"):
            return url.set(drivername="postgresql+psycopg")
    raise Invalid(
        "database.address",
        say("the database address cannot be used"),
        expected=say("the path of an SQLite file, or postgresql://USER@HOST/DATABASE"),
        found=say("an address that begins with {scheme}", scheme=text.partition("://")[0] + "://"),
        remedy=say("check --db or LIANBAN_DB"),
    )


class Session:
    """Statements on one open transaction. Every failure comes out as a `Refusal`."""

    def __init__(self, database: Database, connection: Any) -> None:
        self._database = database
        self._connection = connection
        self.sqlite = database.sqlite

    def rows(self, statement: ClauseElement, **values: Any) -> list[tuple[Any, ...]]:
        """All rows that `statement` selects."""
        sql, constants = self._database.sql(statement)
        try:
            found: list[tuple[Any, ...]] = self._connection.execute(sql, constants | values).fetchall()
        except self._database.error as error:
            if not self.sqlite or "decode" not in str(error):
                raise self._database.refusal(error) from error
            return self._garbled(sql, constants | values)
        return found

    def _garbled(self, sql: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Rows with a text among them that is none, as somebody can write it past this program: no reason not
        to see the others. Only then, as this takes longer."""
        self._connection.text_factory = _legible
        try:
            found: list[tuple[Any, ...]] = self._connection.execute(sql, values).fetchall()
        except self._database.error as error:
            raise self._database.refusal(error) from error
        finally:
            self._connection.text_factory = str
        return found

    def run(self, statement: ClauseElement, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run `statement` once for each of `rows`."""
        if not rows:
            return
        sql, _ = self._database.sql(statement)
        try:
            if len(rows) == 1:
                self._connection.execute(sql, rows[0])
            else:
                self._connection.cursor().executemany(sql, rows)
        except self._database.error as error:
            raise self._database.refusal(error) from error


class Garbled(str):
    """What a text says that is no text: bytes that are no UTF-8 stand in it as `\\xff`."""

    __slots__ = ()


def _legible(stored: bytes) -> str:
    try:
        return stored.decode()
    except UnicodeDecodeError:
        return Garbled(stored.decode("utf-8", "backslashreplace"))


def _is_utf8(stored: bytes) -> bool:
    return not isinstance(_legible(stored), Garbled)


class Database:
    """Connections to one database. Nothing is opened before the first session."""

    def __init__(self, where: str | os.PathLike[str] | None) -> None:
        self._url = address(where)
        self.sqlite = self._url.get_backend_name() == "sqlite"
        if self.sqlite:
            # isolation_level None: the driver leaves transactions to us; named: rows bind by name in both.
            self._engine = create_engine(
                self._url,
                paramstyle="named",
                poolclass=NullPool,
                connect_args={"isolation_level": None, "timeout": PATIENCE},
            )
            event.listen(self._engine, "connect", _prepare_sqlite)
        else:
            self._engine = create_engine(self._url, poolclass=NullPool)
            event.listen(self._engine, "connect", _prepare_postgresql)
        # The drivers pass on Python's own errors for half a character or a number of a hundred digits.
        self.error = (self._engine.dialect.loaded_dbapi.Error, UnicodeError, OverflowError)
        self._idle: deque[Any] = deque()
        self._sql: dict[ClauseElement, tuple[str, dict[str, Any]]] = {}

    @property
    def label(self) -> str:
        """How to name this database to a person: the file, or the address without its password."""
        if self.sqlite:
            return str(self._url.database)
        return self._url.difference_update_query(["password", "sslpassword"]).render_as_string()

    @property
    def address(self) -> str:
        """What `address` takes for the same database, in any folder; a password included."""
        return self._url.render_as_string(hide_password=False)

    @property
    def file(self) -> str | None:
        """The path of an SQLite file; None for a server."""
        return str(self._url.database) if self.sqlite else None

    def sql(self, statement: ClauseElement) -> tuple[str, dict[str, Any]]:
        """`statement` in this database's dialect, and the values of the constants in it. Compiled once
        and kept, so it should be a module's constant."""
        known = self._sql.get(statement)
        if known is None:
            compiled: Any = statement.compile(dialect=self._engine.dialect)
            constants = {name: bind.value for bind, name in compiled.bind_names.items() if not bind.required}
            known = self._sql[statement] = (str(compiled), constants)
        return known

    @contextmanager
    def session(self, view: Callable[[Session], View], *, write: bool) -> Iterator[View]:
        """One transaction, seen through `view`: committed at the end of the block, rolled back when an
        exception leaves it.

        Writing takes SQLite's one write lock at once (BEGIN IMMEDIATE), so that a transaction cannot
        fail half-way for want of it; on PostgreSQL it is READ COMMITTED and optimistic. Reading sees
        one snapshot throughout.
        """
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect()
        pipeline = ExitStack()
        try:
            self._begin(connection, write, pipeline)
            yield view(Session(self, connection))
            connection.commit()
            pipeline.close()
        except BaseException as error:
            # Closed as if all were well: psycopg would log the pending errors, and they follow from this one.
            with suppress(*self.error):
                pipeline.close()
            with suppress(*self.error):
                connection.rollback()
            if isinstance(error, self.error):
                raise self.refusal(error) from error
            raise
        finally:
            if getattr(connection, "closed", False):
                self.close()  # the server went away: the idle connections are as dead as this one
            else:
                self._idle.append(connection)

    def _connect(self) -> Any:
        # Detached, since checking out of and into SQLAlchemy's pool is a tenth of an act on SQLite.
        with self._translated(connecting=True):
            pooled = self._engine.raw_connection()
            connection = pooled.driver_connection
            pooled.detach()
            return connection

    def _begin(self, connection: Any, write: bool, pipeline: ExitStack) -> None:
        if self.sqlite:
            connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
            return
        from psycopg import IsolationLevel

        # psycopg begins by itself with these; a reading ends with a commit like the rest, because a
        # rollback would throw the connection's prepared statements away.
        level = IsolationLevel.READ_COMMITTED if write else IsolationLevel.REPEATABLE_READ
        if connection.isolation_level != level:  # each costs psycopg as much as sending a statement
            connection.isolation_level = level
            connection.read_only = not write
        if write:
            # In a pipeline, statements that return nothing travel with the commit: an act is four round
            # trips, however much it writes. That matters as soon as the server is another machine.
            pipeline.enter_context(connection.pipeline())

    def check(self) -> None:
        """`Unknown` if there is no office here, `Invalid` if its schema is not this program's."""
        if self.sqlite and not Path(self.label).exists():
            raise no_office(self.label, say("there is no such file"))
        with self.session(lambda session: session, write=False) as session:
            self._check_version(session.rows(_SCHEMA_VERSION))
        self._use_wal()

    def _check_version(self, rows: Sequence[Sequence[str]]) -> None:
        version = rows[0][0] if rows else ""
        if not version:
            raise no_office(self.label, say("its schema has no version"))
        if version == VERSION:
            return
        raise Invalid(
            "database.version",
            say("the database {database} does not fit this version of lianban", database=self.label),
            expected=say("schema version {version}", version=VERSION),
            found=say("schema version {version}", version=version),
            remedy=say("run `lianban db upgrade` (make a backup first)")
            if version < VERSION
            else say("use the newer lianban that this database was upgraded with"),
        )

    def _use_wal(self) -> None:
        # Kept in the file, but a restored copy (VACUUM INTO) may have lost it.
        if self.sqlite:
            self._idle.append(self._connect())
            with self._translated():
                self._idle[-1].execute("PRAGMA journal_mode = WAL")

    def migrate(self, *, fresh: bool) -> bool:
        """Bring the schema to this program's version, in one transaction; whether anything was done.

        With `fresh` the database must be empty, or hold tables in which no event was ever written
        (the program died before the office's first). Otherwise it must hold an office.
        """
        if not (fresh or not self.sqlite or Path(self.label).exists()):
            raise no_office(self.label, say("there is no such file"))
        with self._translated(connecting=True), self._engine.connect() as connection:
            if self.sqlite:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            tables = inspect(connection).get_table_names()
            version = connection.execute(_SCHEMA_VERSION).scalar() if "alembic_version" in tables else None
            if version is None:
                if not fresh:
                    raise no_office(self.label, say("it has no table alembic_version"))
                if set(tables) - {"alembic_version"}:
                    raise self._occupied(
                        say("tables of another program: {tables}", tables=", ".join(sorted(tables)[:5]))
                    )
            else:
                if version > VERSION or fresh:
                    self._check_version([(version,)])
                if fresh and connection.execute(_ANY_EVENT).first():
                    raise self._occupied(say("an office"))
            if version != VERSION:
                _run_alembic(connection)
            connection.commit()
        self._use_wal()
        return bool(version != VERSION)

    def close(self) -> None:
        """Close the connections that no session uses."""
        while self._idle:
            with suppress(IndexError, *self.error):
                self._idle.pop().close()

    def refusal(self, error: Exception, *, connecting: bool = False) -> Refusal:
        """What `error` of the driver or of SQLAlchemy means for a person."""
        return explain(error, self.label, sqlite=self.sqlite, connecting=connecting)

    @contextmanager
    def _translated(self, *, connecting: bool = False) -> Iterator[None]:
        try:
            yield
        except (*self.error, SQLAlchemyError) as error:
            raise self.refusal(error, connecting=connecting) from error

    def _occupied(self, found: Text) -> Refusal:
        return Invalid(
            "office.exists",
            say("no new office can be set up in {database}", database=self.label),
            expected=say("an empty database, or a file that does not exist yet"),
            found=found,
            remedy=say("name another database with --db, or work with the office that is there"),
        )


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.create_function("is_utf8", 1, _is_utf8, deterministic=True)


def _prepare_postgresql(connection: Any, _record: Any) -> None:
    connection.execute(f"SET lock_timeout = '{PATIENCE}s'")
    connection.commit()


def _run_alembic(connection: Any) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, VERSION)
