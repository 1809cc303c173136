"""What an office keeps and asks for, as SQL: `Store`, and the `Reader` and `Transaction` it hands out."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import cache
from typing import Any

from sqlalchemy import (
    ClauseElement,
    Select,
    Table,
    bindparam,
    delete,
    insert,
    literal_column,
    select,
    text,
    tuple_,
    union,
    update,
)

from ..errors import Diverged, say
from ..events import OFFICE, Record
from .database import Database, Session
from .rows import CaseRow, Changes, DefinitionRow, DocumentRow, Head, LeafRow, OutboxRow, TaskRow, Unfit
from .schema import (
    METADATA,
    contents,
    definitions,
    documents,
    events,
    heads,
    leaves,
    meta,
    numbers,
    outbox,
    tasks,
    timers,
)

_BATCH = 200
"""Rows fetched at a time where the whole may be long."""

_COLUMNS = {table.name: table.columns.keys() for table in METADATA.tables.values()}


def _of_case(table: Table, *columns: str) -> Select[Any]:
    chosen = [table.c[name] for name in columns] if columns else list(table.c)
    return select(*chosen).where(table.c.case_no == bindparam("case"))


_HEAD = _of_case(heads)
_RECORDS = _of_case(events, "seq", "body", "hash").order_by(events.c.seq)
_BACKWARDS = (
    _of_case(events, "seq", "body")
    .where(events.c.seq < bindparam("before"))
    .order_by(events.c.seq.desc())
    .limit(_BATCH)
)
_STREAMS = (
    select(events.c.case_no)
    .where(events.c.case_no > bindparam("after"))
    .order_by(events.c.case_no)
    .distinct()
    .limit(_BATCH)
)
_EVERY_STREAM = select(events.c.case_no).order_by(events.c.case_no).distinct()
_ENDING = (
    select(heads.c.case_no)
    .where(heads.c.case_no.like(bindparam("pattern"), escape="!"), heads.c.case_no != OFFICE)
    .order_by(heads.c.case_no)
)
_LEAVES = select(leaves).order_by(leaves.c.position)
_LEAVES_OF = _of_case(leaves).order_by(leaves.c.position)
_MOVED = (
    select(heads.c.case_no, heads.c.seq, heads.c.hash)
    .where(
        ~select(leaves.c.position)
        .where(leaves.c.case_no == heads.c.case_no, leaves.c.seq == heads.c.seq)
        .exists()
    )
    .order_by(heads.c.case_no)
)
_TASKS = _of_case(tasks)
_INBOX = select(tasks)
_INBOX_OF_POST = select(tasks).where(tasks.c.unit == bindparam("unit"), tasks.c.post == bindparam("post"))
_INBOX_OF_UNIT = select(tasks).where(tasks.c.unit == bindparam("unit"))
_TIMERS = _of_case(timers, "timer", "due").order_by(timers.c.due, timers.c.timer)
_OPEN_CASES = (
    select(heads.c.case_no)
    .where(heads.c.case_no > bindparam("after"), heads.c.status == "open", heads.c.case_no != OFFICE)
    .order_by(heads.c.case_no)
    .limit(bindparam("limit"))
)
_OPEN_OF_ITEM = (
    select(heads.c.case_no, heads.c.definition)
    .where(heads.c.item == bindparam("item"), heads.c.status == "open", heads.c.case_no != OFFICE)
    .order_by(heads.c.case_no)
)
# Who writes a case moves its head, so a locked head says that somebody is busy with the case. The timer
# is locked as well: PostgreSQL then looks once more whether it is still there.
_NEXT_DUE = (
    select(timers.c.due, timers.c.case_no)
    .join_from(timers, heads, heads.c.case_no == timers.c.case_no)
    .where(
        timers.c.due <= bindparam("until"),
        tuple_(timers.c.due, timers.c.case_no) > tuple_(bindparam("after_due"), bindparam("after_case")),
    )
    .order_by(timers.c.due, timers.c.case_no)
    .limit(1)
    .with_for_update(skip_locked=True)
)
_PLACE = (outbox.c.due_at, outbox.c.case_no, outbox.c.seq, outbox.c.unit)
_AFTER = tuple(f"after_{column.name}" for column in _PLACE)
_NEXT_MESSAGE = (
    select(outbox)
    .where(
        outbox.c.delivered_at.is_(None),
        outbox.c.due_at <= bindparam("now"),
        tuple_(*_PLACE) > tuple_(*(bindparam(name) for name in _AFTER)),
    )
    # As the index has them, so that PostgreSQL need not sort.
    .order_by(outbox.c.delivered_at, *_PLACE)
    .limit(1)
    .with_for_update(skip_locked=True)
)
_DOCUMENTS = _of_case(documents).order_by(documents.c.seq)
_DOCUMENT = _of_case(documents).where(documents.c.seq == bindparam("seq"))
_CONTENT = select(contents.c.content).where(contents.c.digest == bindparam("digest"))
_STRAYS = union(
    *(
        select(table.c.case_no).where(
            ~select(events.c.seq).where(events.c.case_no == table.c.case_no).exists()
        )
        for table in (heads, tasks, timers, documents, outbox)
    )
)
_DIGESTS = select(contents.c.digest).order_by(contents.c.digest)
_DEFINITIONS = select(definitions).order_by(definitions.c.item, definitions.c.version)
_DEFINITIONS_OF = (
    select(definitions).where(definitions.c.item == bindparam("item")).order_by(definitions.c.version)
)
_DEFINITION_FOR = (
    select(definitions)
    .where(
        definitions.c.item == bindparam("item"),
        definitions.c.effective <= bindparam("on_date"),
        (definitions.c.published_at <= bindparam("now")) | (definitions.c.version == literal_column("1")),
    )
    .order_by(definitions.c.effective.desc(), definitions.c.version.desc())
    .limit(1)
)
_NUMBERS = select(numbers).order_by(numbers.c.series)
_NUMBER = select(numbers.c.value).where(numbers.c.series == bindparam("series"))
_META = select(meta.c.value).where(meta.c.name == bindparam("name"))
_META_AND_HEAD = (
    select(meta.c.value, events.c.hash, *heads.c)
    .select_from(
        meta.outerjoin(heads, heads.c.case_no == bindparam("case")).outerjoin(
            events, (events.c.case_no == heads.c.case_no) & (events.c.seq == heads.c.seq)
        )
    )
    .where(meta.c.name == bindparam("name"))
)

_ADD_EVENT = insert(events)
_ADD_TASK = insert(tasks)
_ADD_TIMER = insert(timers)
_ADD_DOCUMENT = insert(documents)
_ADD_DEFINITION = insert(definitions)
_ADD_MESSAGE = insert(outbox)
_ADD_LEAF = insert(leaves)
_END_TASK = delete(tasks).where(tasks.c.case_no == bindparam("case"), tasks.c.task == bindparam("task"))
_END_TIMER = delete(timers).where(timers.c.case_no == bindparam("case"), timers.c.timer == bindparam("timer"))
# What was delivered stays so: a slow worker that was taken for dead changes nothing any more.
_THIS_MESSAGE = (
    outbox.c.case_no == bindparam("case"),
    outbox.c.seq == bindparam("event"),
    outbox.c.unit == bindparam("to_unit"),
    outbox.c.delivered_at.is_(None),
)
_ONE_MORE = outbox.c.attempts + literal_column("1")
_LEASE = update(outbox).where(*_THIS_MESSAGE).values(due_at=bindparam("until"))
_DELIVERED = (
    update(outbox)
    .where(*_THIS_MESSAGE)
    .values(delivered_at=bindparam("at"), receipt=bindparam("given"), attempts=_ONE_MORE)
)
_FAILED = (
    update(outbox)
    .where(*_THIS_MESSAGE)
    .values(error=bindparam("reason"), due_at=bindparam("until"), attempts=_ONE_MORE)
)
_PROJECTIONS = (heads, tasks, timers)
_DROP = [delete(table) for table in _PROJECTIONS]
_DROP_CASE = [delete(table).where(table.c.case_no == bindparam("case")) for table in _PROJECTIONS]


def _values(table: Table, row: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip(_COLUMNS[table.name], row, strict=True))


def _upsert(table: Table, otherwise: str) -> ClauseElement:
    # SQLAlchemy has a construct for each dialect; the SQL is the same in both.
    names = [column.name for column in table.columns]
    key = ", ".join(column.name for column in table.primary_key)
    return text(
        f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join(':' + name for name in names)}) "  # noqa: S608
        f"ON CONFLICT ({key}) DO {otherwise}"
    )


def _overwrite(table: Table, *names: str) -> ClauseElement:
    return _upsert(table, "UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in names))


# What a case keeps for life (item, opened_at) is not set again: SQLite would rewrite its index each time.
_MOVE_HEAD = _overwrite(heads, "seq", "hash", "state", "definition", "status", "closed_at")
_SET_META = _overwrite(meta, "value")
_PUT_CONTENT = _upsert(contents, "NOTHING")
_COUNT_UP = _upsert(numbers, "UPDATE SET value = numbers.value + 1")


def _as_bytes(value: Any) -> bytes:
    """What is stored, also where somebody put something else in its place."""
    return bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()


@cache
def _cases(by_item: bool, by_status: bool) -> Select[Any]:
    query = select(heads.c.case_no, heads.c.item, heads.c.status, heads.c.opened_at, heads.c.closed_at)
    query = query.where(heads.c.case_no != OFFICE)
    if by_item:
        query = query.where(heads.c.item == bindparam("item"))
    if by_status:
        query = query.where(heads.c.status == bindparam("status"))
    return query.order_by(heads.c.opened_at.desc(), heads.c.case_no.desc()).limit(bindparam("limit"))


@cache
def _outbox(by_case: bool, pending: bool) -> Select[Any]:
    query = _of_case(outbox) if by_case else select(outbox)
    if pending:
        query = query.where(outbox.c.delivered_at.is_(None))
    return query.order_by(outbox.c.case_no, outbox.c.seq, outbox.c.unit)


class Reader:
    """One consistent view of the store."""

    def __init__(self, session: Session) -> None:
        self._session = session

    # --- cases

    def head(self, case: str) -> Head | None:
        """Where the case (or the office's own stream) stands, or None."""
        rows = self._session.rows(_HEAD, case=case)
        return Head(*rows[0]) if rows else None

    def cases(self, item: str | None = None, status: str | None = None, limit: int = 1000) -> list[CaseRow]:
        """At most `limit` cases, the newest first; of one item, `open` or `closed`, if asked."""
        values: dict[str, Any] = {"limit": limit}
        if item is not None:
            values["item"] = item
        if status is not None:
            values["status"] = status
        statement = _cases(item is not None, status is not None)
        return [CaseRow(*row) for row in self._session.rows(statement, **values)]

    def find_cases(self, suffix: str) -> list[str]:
        """The numbers of all cases that end with `suffix`, in order."""
        escaped = suffix.replace("!", "!!").replace("%", "!%").replace("_", "!_")
        found = self._session.rows(_ENDING, pattern="%" + escaped)
        # SQLite's LIKE ignores case, and looks into bytes too.
        return [case for (case,) in found if type(case) is str and case.endswith(suffix)]

    def tasks(self, case: str) -> list[TaskRow]:
        """The open tasks of the case, the most urgent first."""
        return _by_urgency(self._session.rows(_TASKS, case=case))

    def inbox(self, posts: Sequence[tuple[str, str]] | None) -> list[TaskRow]:
        """The open tasks of all cases that wait for one of these (unit, post), where the post "" is any
        post, or for anybody (None): by due date, those without one last, then by age."""
        if posts is None:
            return _by_urgency(self._session.rows(_INBOX))
        found: dict[Any, Any] = {}
        for unit, post in dict.fromkeys(posts):
            if post:
                rows = self._session.rows(_INBOX_OF_POST, unit=unit, post=post)
            else:
                rows = self._session.rows(_INBOX_OF_UNIT, unit=unit)
            found |= {(row[0], row[1]): row for row in rows}
        return _by_urgency(found.values())

    def timers(self, case: str) -> list[tuple[str, str]]:
        """The armed timers of the case as (timer, due instant), in the order they run out."""
        return [(timer, due) for timer, due in self._session.rows(_TIMERS, case=case)]

    def open_cases(self, after: str, limit: int) -> list[str]:
        """At most `limit` numbers of open cases that come after `after` (`""`: from the first), in order."""
        return [case for (case,) in self._session.rows(_OPEN_CASES, after=after, limit=limit)]

    def open_of_item(self, item: str) -> list[tuple[str, str]]:
        """Every open case of the item with the digest of the definition that it runs by, in order."""
        return [(case, named) for case, named in self._session.rows(_OPEN_OF_ITEM, item=item)]

    # --- the outbox

    def outbox(self, case: str | None = None, pending: bool = False) -> list[OutboxRow]:
        """The messages of all cases or of one, all or only those that wait, by case and event."""
        values = {} if case is None else {"case": case}
        rows = self._session.rows(_outbox(case is not None, pending), **values)
        return [OutboxRow(*row) for row in rows]

    # --- histories

    def records(self, case: str) -> list[tuple[int, bytes, str]]:
        """(seq, body, hash) of the case's events, as stored, in order."""
        rows = self._session.rows(_RECORDS, case=case)
        return [(seq, _as_bytes(body), stored) for seq, body, stored in rows]

    def backwards(self, case: str) -> Iterator[tuple[int, bytes]]:
        """(seq, body) of the case's events from the last to the first, fetched as they are asked for."""
        before = 2**31 - 1
        while rows := self._session.rows(_BACKWARDS, case=case, before=before):
            yield from rows
            before = rows[-1][0]

    def streams(self) -> Iterator[str]:
        """Every case that has events, the office's own stream included, in order. What has no number that can
        be read is not among them: `unfit` tells."""
        after = ""
        while rows := self._session.rows(_STREAMS, after=after):
            named = [case for (case,) in rows if type(case) is str]
            yield from named
            if len(named) < len(rows):  # these stand anywhere in the order
                known = set(named)
                rest = [case for (case,) in self._session.rows(_EVERY_STREAM) if type(case) is str]
                yield from (case for case in rest if case > after and case not in known)
                return
            after = named[-1]

    def unfit(self, case: str | None = None) -> Iterator[Unfit]:
        """Every row, or every one of a case, with a cell that this program never wrote: of another type,
        missing, or no text."""
        from .unfit import unfit_rows  # only `verify` asks

        yield from unfit_rows(self._session, case)

    def strays(self) -> list[str]:
        """Every number under which something is kept beside a history that there is none of, in order."""
        return sorted(case for (case,) in self._session.rows(_STRAYS) if type(case) is str)

    def unnamed(self, named: Collection[str]) -> list[str]:
        """The digests of stored contents that are not among these, in order."""
        return [str(digest) for (digest,) in self._session.rows(_DIGESTS) if digest not in named]

    def moved(self) -> list[tuple[str, int, str]]:
        """(case, seq, hash) of each history, the office's included, whose latest event is in no leaf yet."""
        return [(case, seq, stored) for case, seq, stored in self._session.rows(_MOVED)]

    def leaves(self, case: str | None = None) -> list[LeafRow]:
        """The log that seals are made of, in order: the whole of it, or what it has of one case."""
        rows = self._session.rows(_LEAVES) if case is None else self._session.rows(_LEAVES_OF, case=case)
        return [LeafRow(*row) for row in rows]

    # --- documents and contents

    def documents(self, case: str) -> list[DocumentRow]:
        """The documents that the case issued, in order."""
        return [DocumentRow(*row) for row in self._session.rows(_DOCUMENTS, case=case)]

    def document(self, case: str, seq: int) -> DocumentRow | None:
        """The document that event `seq` issued, or None."""
        rows = self._session.rows(_DOCUMENT, case=case, seq=seq)
        return DocumentRow(*rows[0]) if rows else None

    def content(self, digest: str) -> bytes | None:
        """The bytes stored under `digest`, or None."""
        rows = self._session.rows(_CONTENT, digest=digest)
        return _as_bytes(rows[0][0]) if rows else None

    # --- the office

    def definitions(self, item: str | None = None) -> list[DefinitionRow]:
        """All published versions, or those of one item, in order."""
        if item is None:
            rows = self._session.rows(_DEFINITIONS)
        else:
            rows = self._session.rows(_DEFINITIONS_OF, item=item)
        return [DefinitionRow(*row) for row in rows]

    def definition_for(self, item: str, on_date: str, now: str) -> DefinitionRow | None:
        """The version of `item` in force at the instant `now`, on the local date `on_date` (`YYYY-MM-DD`):
        the latest effective of those published by then, or of an instant before that, the first; or None."""
        rows = self._session.rows(_DEFINITION_FOR, item=item, on_date=on_date, now=now)
        return DefinitionRow(*rows[0]) if rows else None

    def numbers(self) -> list[tuple[str, int]]:
        """Every number series with the last number that it gave out."""
        return [(series, value) for series, value in self._session.rows(_NUMBERS)]

    def meta(self, name: str) -> str | None:
        """The office's setting of this name, or None."""
        rows = self._session.rows(_META, name=name)
        return str(rows[0][0]) if rows else None

    def meta_and_head(self, name: str, case: str) -> tuple[str | None, Head | None]:
        """`meta(name)` and `head(case)` in one question: every act asks both, and a question is a round
        trip. Raises `Diverged` when the head does not stand at the event that it names."""
        rows = self._session.rows(_META_AND_HEAD, name=name, case=case)
        if not rows:
            return None, None
        value, stored_hash, *columns = rows[0]
        if columns[0] is None:
            return str(value), None
        head = Head(*columns)
        if head.hash != stored_hash:
            raise Diverged(
                "head.elsewhere",
                say("case {case}, event {seq}: its head is not that of its history", case=case, seq=head.seq),
                expected=say("the hash of event {seq}", seq=head.seq),
                rule=say("an act continues an unbroken history, or is not done"),
                remedy=say("run `lianban verify {case}`; somebody changed the database", case=case),
            )
        return str(value), head


class Transaction(Reader):
    """A view that can write. All of it is kept when its block ends, or none."""

    def next_number(self, series: str) -> int:
        """The next number of the series, from 1, without gaps: a transaction that fails gives it back,
        and others that want one of this series wait for this transaction's end."""
        self._session.run(_COUNT_UP, [{"series": series, "value": 1}])
        return int(self._session.rows(_NUMBER, series=series)[0][0])

    def append(self, head: Head, records: Sequence[Record], changes: Changes) -> None:
        """Put one act on record: its events, the head after them, what changes in the projections,
        the documents issued, and the messages to be delivered.

        `Conflict` `case.moved`, here or at the end of the block, when another act took these numbers first.
        """
        run, case = self._session.run, head.case
        # The head first, as `next_due` takes it first: two who write one case wait for each other here,
        # and never crosswise.
        run(_MOVE_HEAD, [_values(heads, head)])
        run(
            _ADD_EVENT,
            [{"case_no": r.case, "seq": r.seq, "body": r.body, "hash": r.hash} for r in records],
        )
        run(_END_TASK, [{"case": case, "task": task} for task in changes.closed])
        run(_ADD_TASK, [_values(tasks, task) for task in changes.opened])
        run(_END_TIMER, [{"case": case, "timer": timer} for timer in changes.stopped])
        run(_ADD_TIMER, [{"case_no": case, "timer": timer, "due": due} for timer, due in changes.armed])
        for document, content in changes.documents:
            self.put_content(document.digest, content)
            run(_ADD_DOCUMENT, [_values(documents, document)])
        run(_ADD_MESSAGE, [_values(outbox, message) for message in changes.messages])

    def next_due(self, until: str, after: tuple[str, str] = ("", "")) -> tuple[str, str] | None:
        """The first (due instant, case) of an armed timer that is due by `until` and comes after `after`
        in that order, or None.

        On PostgreSQL it is held to the end of this transaction, and a case that somebody else writes or
        holds is passed over; so None does not mean that all is done. The case must have a head.
        """
        rows = self._session.rows(_NEXT_DUE, until=until, after_due=after[0], after_case=after[1])
        return (rows[0][0], rows[0][1]) if rows else None

    def next_message(self, now: str, after: tuple[str, str, int, str] = ("", "", 0, "")) -> OutboxRow | None:
        """The first message that waits, is due by `now` and has its `place` after `after`, or None.

        On PostgreSQL it is held to the end of this transaction, and what others hold is passed over.
        """
        places = dict(zip(_AFTER, after, strict=True))
        rows = self._session.rows(_NEXT_MESSAGE, now=now, **places)
        return OutboxRow(*rows[0]) if rows else None

    def lease(self, row: OutboxRow, until: str) -> None:
        """Keep the message from other workers up to `until`, past this transaction's end: delivering may
        take longer than a transaction should, above all on SQLite, where it would keep all writers out.
        A worker that dies meanwhile leaves it to the next one after that instant."""
        self._session.run(_LEASE, [_message(row, until=until)])

    def delivered(self, row: OutboxRow, at: str, receipt: str) -> None:
        """The message was delivered at the instant `at`. The first receipt stands."""
        self._session.run(_DELIVERED, [_message(row, at=at, given=receipt)])

    def failed(self, row: OutboxRow, error: str, retry_at: str) -> None:
        """A try to deliver the message failed for this reason; the next one is due at `retry_at`. What
        was delivered after all stays so."""
        self._session.run(_FAILED, [_message(row, reason=error, until=retry_at)])

    def put_content(self, digest: str, content: bytes) -> None:
        """Keep `content` under `digest`; again is no error."""
        self._session.run(_PUT_CONTENT, [{"digest": digest, "content": content}])

    def add_definition(self, row: DefinitionRow) -> None:
        """Publish a version. `Conflict` when the item has this version already."""
        self._session.run(_ADD_DEFINITION, [_values(definitions, row)])

    def add_leaves(self, rows: Sequence[LeafRow]) -> None:
        """Put leaves on the log. `Conflict` when others stand in these places already."""
        self._session.run(_ADD_LEAF, [_values(leaves, row) for row in rows])

    def set_meta(self, name: str, value: str) -> None:
        """Set or replace a setting of the office."""
        self._session.run(_SET_META, [{"name": name, "value": value}])

    def drop_projections(self) -> None:
        """Forget every head, task and timer; `rebuild` makes them again, case by case. The outbox stays."""
        for statement in _DROP:
            self._session.run(statement, [{}])

    def rebuild(self, head: Head, opened: Sequence[TaskRow], armed: Sequence[tuple[str, str]]) -> None:
        """Put these in the place of the case's head, tasks and timers."""
        for statement in _DROP_CASE:
            self._session.run(statement, [{"case": head.case}])
        self.append(head, (), Changes(opened=opened, armed=armed))


def _message(row: OutboxRow, **values: str) -> dict[str, Any]:
    return {"case": row.case, "event": row.seq, "to_unit": row.unit, **values}


def _by_urgency(rows: Any) -> list[TaskRow]:
    found = [TaskRow(*row) for row in rows]
    found.sort(key=lambda task: (task.due is None, task.due, task.opened_at, task.case, task.task))
    return found


class Store:
    """An office's database. Threads may share it; processes open their own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @staticmethod
    def create(where: str | os.PathLike[str] | None) -> Store:
        """Set up the schema in an empty database (or a file that is not there yet) and open it.

        Where no event was written yet, an earlier attempt is taken up again. `Invalid` if there
        is an office, or another program's tables.
        """
        database = Database(where)
        try:
            database.migrate(fresh=True)
        except BaseException:
            database.close()
            raise
        return Store(database)

    @staticmethod
    def open(where: str | os.PathLike[str] | None) -> Store:
        """Open an office's database.

        `Unknown` if there is none (no file, no office in it, no server), `Invalid` if it is something
        else or its schema is not this program's.
        """
        database = Database(where)
        try:
            database.check()
        except BaseException:
            database.close()
            raise
        return Store(database)

    @staticmethod
    def upgrade(where: str | os.PathLike[str] | None) -> bool:
        """Bring an office's database to this program's schema; whether there was anything to do.

        Raises as `open` does, but takes older schemas.
        """
        database = Database(where)
        try:
            return database.migrate(fresh=False)
        finally:
            database.close()

    def transaction(self) -> AbstractContextManager[Transaction]:
        """A write transaction: kept as a whole when the block ends, undone when an exception leaves it.

        On SQLite it waits for other writers first; on PostgreSQL writers meet only where they write
        the same case or number series.
        """
        return self._database.session(Transaction, write=True)

    def reading(self) -> AbstractContextManager[Reader]:
        """A consistent view: what others write meanwhile is not seen."""
        return self._database.session(Reader, write=False)

    @property
    def label(self) -> str:
        """How to name the database to a person: the file, or the address without its password."""
        return self._database.label

    @property
    def address(self) -> str:
        """Where another process opens it: with its password, so not for people."""
        return self._database.address

    @property
    def file(self) -> str | None:
        """The file that it is; None for one on a server."""
        return self._database.file

    def close(self) -> None:
        """Close all connections."""
        self._database.close()
