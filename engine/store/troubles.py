"""What the database's errors mean for a clerk or an administrator, and what to do about them."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError

from ..errors import Conflict, Diverged, Invalid, NotAllowed, Refusal, Text, Unknown, say


def explain(error: Exception, database: str, *, sqlite: bool, connecting: bool) -> Refusal:
    """The refusal that says in plain words what went wrong in `database` (how a person names it).

    `error` is the driver's or SQLAlchemy's; `connecting` if there was no connection yet.
    """
    if isinstance(error, DBAPIError) and isinstance(error.orig, Exception):
        error = error.orig
    if isinstance(error, UnicodeError | OverflowError):
        trouble = "value"
    else:
        trouble = _sqlite_trouble(error) if sqlite else _postgresql_trouble(error, connecting)
    found = say("{error}", error=next(iter(str(error).strip().splitlines()), type(error).__name__))
    return _refusal(trouble, database, found)


def no_office(database: str, found: Text) -> Unknown:
    """There is no office in `database`."""
    return Unknown(
        "office.missing",
        say("there is no office in {database}", database=database),
        expected=say("a database that `lianban init` has set up"),
        found=found,
        remedy=say("check --db or LIANBAN_DB, or set up an office with `lianban init --rehearsal`"),
    )


def _sqlite_trouble(error: Exception) -> str:
    """By the result codes of https://sqlite.org/rescode.html."""
    code = getattr(error, "sqlite_errorname", "")
    if code in ("SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_UNIQUE"):
        return "moved"
    if code == "SQLITE_CONSTRAINT_TRIGGER":
        return "moved" if "on record already" in str(error) else "append_only"
    if code == "SQLITE_ERROR" and "no such table" in str(error):
        return "no_office"
    return {
        "SQLITE_BUSY": "locked",
        "SQLITE_LOCKED": "locked",
        "SQLITE_FULL": "full",
        "SQLITE_READONLY": "read_only",
        "SQLITE_CORRUPT": "damaged",
        "SQLITE_NOTADB": "not_a_database",
        "SQLITE_CANTOPEN": "forbidden",
        "SQLITE_PERM": "forbidden",
        "SQLITE_IOERR": "disk",
    }.get("_".join(code.split("_")[:2]), "failed")


def _postgresql_trouble(error: Exception, connecting: bool) -> str:
    """By the SQLSTATEs of PostgreSQL's appendix A; what has none comes from the driver."""
    from psycopg import DataError, OperationalError

    if isinstance(error, DataError):
        return "value"
    state = getattr(error, "sqlstate", None)
    if state is None:
        if not isinstance(error, OperationalError):
            return "failed"
        return "unreachable" if connecting else "lost"
    if state == "P0001" and "append-only" in str(error):
        return "append_only"
    exact = {
        "23505": "moved",  # unique_violation
        "40001": "moved",  # serialization_failure
        "40P01": "moved",  # deadlock_detected
        "55P03": "locked",  # lock_not_available
        "57014": "locked",  # query_canceled (statement_timeout)
        "53300": "busy",  # too_many_connections
        "53100": "full",  # disk_full
        "25006": "read_only",  # read_only_sql_transaction
        "42501": "forbidden",  # insufficient_privilege
        "42P01": "no_office",  # undefined_table
        "58030": "disk",  # io_error
        "25P03": "lost",  # idle_in_transaction_session_timeout
        "3D000": "unreachable",  # invalid_catalog_name: no such database
    }
    classes = {"08": "lost", "28": "forbidden", "57": "lost", "XX": "damaged"}
    trouble = exact.get(state) or classes.get(state[:2], "failed")
    return "unreachable" if connecting and trouble == "lost" else trouble


def _refusal(trouble: str, database: str, found: Text) -> Refusal:
    match trouble:
        case "moved":
            return Conflict(
                "case.moved",
                say("somebody else was faster: the place where this act would be recorded is taken"),
                expected=say("that nothing was recorded since the case was read"),
                found=found,
                remedy=say("look at the case again and repeat the act if it is still wanted"),
            )
        case "locked":
            return Conflict(
                "database.locked",
                say("the database {database} is in use by another program", database=database),
                expected=say("that others finish writing within a few seconds"),
                found=found,
                remedy=say(
                    "try again in a moment; if it stays so, look for a program that holds the database open "
                    "(a backup, a database browser, a process that hangs)"
                ),
            )
        case "busy":
            return Conflict(
                "database.busy",
                say("the database {database} accepts no more connections at present", database=database),
                found=found,
                remedy=say(
                    "try again in a moment; if it stays so, allow more connections or run fewer workers"
                ),
            )
        case "lost":
            return Conflict(
                "database.lost",
                say("the connection to the database {database} was lost", database=database),
                found=found,
                remedy=say("repeat the act: if it was recorded after all, you will be told that it is done"),
            )
        case "unreachable":
            return Unknown(
                "database.unreachable",
                say("the database {database} cannot be reached", database=database),
                expected=say("a running PostgreSQL server and a database of that name"),
                found=found,
                remedy=say(
                    "check the address in --db or LIANBAN_DB and that the server runs; "
                    "a new database is set up with `lianban init --rehearsal`"
                ),
            )
        case "no_office":
            return no_office(database, found)
        case "not_a_database":
            return Invalid(
                "database.not_a_database",
                say("{database} is not a database", database=database),
                expected=say("an SQLite file that `lianban init` has set up"),
                found=found,
                remedy=say("check --db or LIANBAN_DB; if it was a database, restore it from a backup"),
            )
        case "damaged":
            return Diverged(
                "database.damaged",
                say("the database {database} is damaged", database=database),
                found=found,
                remedy=say("stop all work on it, keep a copy as it is, and restore a backup"),
            )
        case "full":
            return Refusal(
                "database.full",
                say(
                    "there is no room left for the database {database}; nothing was recorded",
                    database=database,
                ),
                found=found,
                remedy=say("free some space on its disk, then repeat the act"),
            )
        case "read_only":
            return Refusal(
                "database.read_only",
                say("the database {database} may only be read", database=database),
                expected=say("permission to write the file and its folder, or a server that is no standby"),
                found=found,
                remedy=say("ask the administrator for permission to write, or name another database"),
            )
        case "forbidden":
            return Refusal(
                "database.forbidden",
                say("the database {database} cannot be opened or used as this user", database=database),
                expected=say("an existing folder, and permission to read and write in it"),
                found=found,
                remedy=say("check the path and its permissions, or ask the administrator for access"),
            )
        case "disk":
            return Refusal(
                "database.disk",
                say("the disk of the database {database} fails; nothing was recorded", database=database),
                found=found,
                remedy=say("check the disk and its free space, then repeat the act"),
            )
        case "value":
            return Invalid(
                "database.value",
                say("the database cannot hold or look for a text or number of this act"),
                expected=say("whole Unicode characters without NUL, and numbers of ordinary size"),
                found=found,
                remedy=say("check what was typed or which file was read"),
            )
        case "append_only":
            return NotAllowed(
                "record.append_only",
                say("what is on record is never changed or removed"),
                found=found,
                rule=say("histories, documents, contents and definitions are append-only"),
                remedy=say("record a correction as a new event"),
            )
        case _:
            return Refusal(
                "database.failed",
                say("the database {database} refused; nothing was recorded", database=database),
                found=found,
                remedy=say("run `lianban db check`; if that finds nothing, report this message"),
            )
