"""The store keeps its promises on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from engine import events
from engine.clock import write_instant
from engine.errors import Conflict, Diverged, Invalid, NotAllowed, Refusal, Unknown
from engine.events import OFFICE, CaseClosed, Record, TaskCompleted, broken_links, chain, digest
from engine.store import (
    Changes,
    DefinitionRow,
    DocumentRow,
    Head,
    OutboxRow,
    Store,
    TaskRow,
    Transaction,
    schema,
)
from engine.store import database as database_module
from engine.store import store as store_module
from engine.store.database import address

CASE = "539901-SC-LB0001-2026-00042"
NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
BY = {"person": "chen.jing", "unit": "hall", "post": "clerk"}


def act(tx: Transaction, case: str = CASE, answer: str = "同意", changes: Changes | None = None) -> Head:
    """One more event at the end of the case, as an office would write it."""
    before = tx.head(case)
    seq, last = (before.seq, before.hash) if before else (0, events.GENESIS)
    event = TaskCompleted(f"t{seq}", "t", {"answer": answer})
    records = chain(case, seq, last, NOON, [(NOON, BY, event)])
    head = head_after(records)
    tx.append(head, records, changes or Changes())
    return head


def head_after(records: list[Record], **changed: Any) -> Head:
    last = records[-1]
    state = f'{{"after":{last.seq}}}'.encode()
    head = Head(last.case, last.seq, last.hash, state, "startup", "d" * 64, "open", write_instant(NOON))
    return head._replace(**changed)


def task(name: str, case: str = CASE, unit: str = "fire", due: str | None = None, hour: int = 0) -> TaskRow:
    opened_at = write_instant(NOON + timedelta(hours=hour))
    return TaskRow(case, name, name, unit, "reviewer", "startup", opened_at, due)


def message(case: str = CASE, seq: int = 1, unit: str = "fire", due_at: str = "2026-03-02") -> OutboxRow:
    return OutboxRow(case, seq, unit, "reminder.raised", due_at)


@contextmanager
def sql(address: str) -> Iterator[Any]:
    """A plain connection beside the store, as a tool or an intruder has one."""
    if address.startswith("postgresql"):
        with psycopg.connect(address) as connection:
            yield connection
    else:
        with closing(sqlite3.connect(address)) as connection, connection:
            yield connection


def everything(store: Store) -> dict[str, Any]:
    with store.reading() as reader:
        return {
            case: (
                reader.head(case),
                reader.records(case),
                reader.tasks(case),
                reader.timers(case),
                reader.outbox(case),
            )
            for case in reader.streams()
        }


# --- acts


def test_what_was_appended_is_read_back_byte_for_byte(store: Store) -> None:
    records = chain(
        CASE,
        0,
        events.GENESIS,
        NOON,
        [(NOON, BY, TaskCompleted("a", "a", {"x": "会签'\"\\\0😀"})), (NOON, BY, CaseClosed("granted"))],
    )
    head = head_after(records, status="closed", closed_at=write_instant(NOON), state=b'\x00\xff{"a":1}')
    with store.transaction() as tx:
        tx.append(head, records, Changes())
    with store.reading() as reader:
        assert reader.head(CASE) == head
        assert reader.records(CASE) == [(r.seq, r.body, r.hash) for r in records]
        assert reader.records(CASE)[1:] == [(2, records[1].body, records[1].hash)]
        assert list(broken_links(CASE, reader.records(CASE))) == []
        assert reader.head("no-such-case") is None
        assert reader.records("no-such-case") == []


def test_a_history_longer_than_a_batch_reads_whole_in_both_directions(store: Store) -> None:
    with store.transaction() as tx:
        for _ in range(5):
            before = tx.head(CASE)
            seq, last = (before.seq, before.hash) if before else (0, events.GENESIS)
            records = chain(CASE, seq, last, NOON, [(NOON, BY, CaseClosed("x"))] * 101)
            tx.append(head_after(records), records, Changes())
    with store.reading() as reader:
        forwards = [(seq, body) for seq, body, _ in reader.records(CASE)]
        assert [seq for seq, _ in forwards] == list(range(1, 506))
        assert list(reader.backwards(CASE)) == forwards[::-1]


def test_a_transaction_that_fails_leaves_nothing_behind(store: Store) -> None:
    with store.transaction() as tx:
        act(tx)
    before = everything(store)
    with pytest.raises(ZeroDivisionError), store.transaction() as tx:
        act(tx, changes=Changes(opened=[task("fire")], armed=[("clock", "2026-04-01")]))
        tx.put_content("c" * 64, b"content")
        tx.set_meta("kind", "rehearsal")
        raise ZeroDivisionError
    assert everything(store) == before
    with store.reading() as reader:
        assert reader.content("c" * 64) is None
        assert reader.meta("kind") is None
    with store.transaction() as tx:  # and the connection is as good as new
        act(tx)


def test_the_number_that_another_act_took_first_is_a_conflict_and_changes_nothing(store: Store) -> None:
    with store.transaction() as tx:
        act(tx)
    before = everything(store)
    stale = chain(CASE, 0, events.GENESIS, NOON, [(NOON, BY, TaskCompleted("late", "late", {}))])
    with pytest.raises(Conflict) as refused, store.transaction() as tx:
        tx.append(head_after(stale), stale, Changes(opened=[task("late")]))
    assert refused.value.code == "case.moved"
    assert everything(store) == before


def test_after_every_kind_of_failure_the_store_goes_on_and_nothing_is_logged(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """On PostgreSQL, errors of statements that travel together arrive later than the statements."""
    with store.transaction() as tx:
        act(tx)
    stale = chain(CASE, 0, events.GENESIS, NOON, [(NOON, BY, CaseClosed("late"))])
    for _ in range(3):
        with pytest.raises((Conflict, ZeroDivisionError)), store.transaction() as tx:
            tx.append(head_after(stale), stale, Changes())
            raise ZeroDivisionError
        with pytest.raises(Conflict), store.transaction() as tx:
            tx.append(head_after(stale), stale, Changes())
            tx.head(CASE)
        with pytest.raises(Conflict), store.transaction() as tx:
            tx.append(head_after(stale), stale, Changes(opened=[task("a"), task("b")]))
        with store.transaction() as tx:
            act(tx)
    assert everything(store)[CASE][0].seq == 4
    assert caplog.records == []


def test_two_who_read_the_same_head_do_not_both_write(store: Store) -> None:
    """On PostgreSQL both are past reading when the first writes; SQLite makes the second wait."""
    with store.transaction() as tx:
        act(tx)
    gate = Barrier(2)

    def clerk(_: int) -> str:
        gate.wait()
        try:
            for _ in range(50):
                with store.transaction() as tx:
                    act(tx)
        except Conflict as conflict:
            return conflict.code
        return "done"

    with ThreadPoolExecutor(2) as pool:
        outcomes = set(pool.map(clerk, range(2)))
    assert outcomes <= {"done", "case.moved"}
    [history] = everything(store).values()
    assert list(broken_links(CASE, history[1])) == []
    assert history[0].seq == len(history[1])


def write_with_retries(address: str, name: str, times: int) -> int:
    """In a process of its own: `times` acts on the same case, tried again after each conflict."""
    store = Store.open(address)
    conflicts = 0
    for _ in range(times):
        while True:
            try:
                with store.transaction() as tx:
                    act(tx, answer=name)
                    tx.next_number("受理")
                break
            except Conflict:
                conflicts += 1
    store.close()
    return conflicts


def test_two_processes_on_one_case_lose_no_act_and_break_no_chain(store: Store, database: str) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.starmap(write_with_retries, [(database, "一", 40), (database, "二", 40)])
    with store.reading() as reader:
        rows = reader.records(CASE)
        assert len(rows) == 80
        assert list(broken_links(CASE, rows)) == []
        assert sum("二" in body.decode() for _, body, _ in rows) == 40
        assert reader.numbers() == [("受理", 80)]


def test_a_reader_sees_one_moment_while_others_write(store: Store) -> None:
    with store.transaction() as tx:
        act(tx)
    with store.reading() as reader:
        assert reader.head(CASE).seq == 1
        with store.transaction() as tx:
            act(tx)
        assert reader.head(CASE).seq == 1
        assert len(reader.records(CASE)) == 1
    with store.reading() as reader:
        assert reader.head(CASE).seq == 2


def test_a_reader_on_postgresql_cannot_write_even_by_mistake(postgresql_database: str) -> None:
    with closing(Store.create(postgresql_database)) as store:
        with pytest.raises(Refusal) as refused, store.reading() as reader:
            Transaction(reader._session).set_meta("kind", "working")
        assert refused.value.code == "database.read_only"


# --- append-only


def test_the_database_itself_refuses_to_change_the_record(store: Store, database: str) -> None:
    fill(store)
    before = everything(store)
    statements = ["UPDATE {0} SET {1} = {1}", "DELETE FROM {0}"]
    if database.startswith("postgresql"):
        statements.append("TRUNCATE {0} CASCADE")
    columns = {"events": "hash", "documents": "digest", "contents": "digest", "definitions": "net"}
    for table, column in columns.items():
        for statement in statements:
            with pytest.raises((sqlite3.Error, psycopg.Error), match="append-only"), sql(database) as other:
                other.execute(statement.format(table, column))
    assert everything(store) == before


def test_sqlite_refuses_to_replace_a_row_of_the_record(sqlite_database: str) -> None:
    with closing(Store.create(sqlite_database)) as store:
        fill(store)
    for table in ("events", "documents", "definitions", "contents"):
        with sql(sqlite_database) as connection:
            [row, *_] = connection.execute(f"SELECT * FROM {table}").fetchall()
            changed = (*row[:-1], "x")
            with pytest.raises(sqlite3.IntegrityError, match="on record already"):
                connection.execute(
                    f"INSERT OR REPLACE INTO {table} VALUES ({','.join('?' * len(row))})", changed
                )


def test_an_attempt_through_the_store_is_not_allowed_in_plain_words(store: Store) -> None:
    fill(store)
    with pytest.raises(NotAllowed) as refused, store.transaction() as tx:
        tx._session.run(schema.events.delete(), [{}])
    assert refused.value.code == "record.append_only"
    assert "never changed" in str(refused.value)


def test_removing_the_guard_and_changing_a_byte_is_found_by_the_chain(store: Store, database: str) -> None:
    fill(store)
    with sql(database) as connection:
        if database.startswith("postgresql"):
            connection.execute("ALTER TABLE events DISABLE TRIGGER USER")
            connection.execute("UPDATE events SET body = set_byte(body, 20, 48) WHERE seq = 2")
        else:
            connection.execute("DROP TRIGGER events_refuse_update")
            changed = "CAST(replace(CAST(body AS TEXT), '同意', '异议') AS BLOB)"
            connection.execute(f"UPDATE events SET body = {changed} WHERE seq = 2")
    with store.reading() as reader:
        assert "event 2" in str(next(broken_links(CASE, reader.records(CASE))))


# --- number series


def test_a_number_series_has_no_gaps_after_a_rollback(store: Store) -> None:
    given = []
    for attempt in range(6):
        try:
            with store.transaction() as tx:
                number = tx.next_number("受理")
                if attempt % 2:
                    raise ZeroDivisionError
                given.append(number)
        except ZeroDivisionError:
            pass
    assert given == [1, 2, 3]


def test_a_number_series_has_no_gaps_and_no_doubles_under_two_writers(store: Store) -> None:
    def clerk(offset: int) -> list[int]:
        given = []
        for _ in range(25):
            with store.transaction() as tx:
                given.append(tx.next_number("受理"))
                tx.next_number(f"own-{offset}")
        return given

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(clerk, range(2))
    assert sorted(first + second) == list(range(1, 51))
    assert first == sorted(first)
    with store.reading() as reader:
        assert dict(reader.numbers()) == {"own-0": 25, "own-1": 25, "受理": 50}


# --- projections


def test_the_inbox_holds_the_open_tasks_of_the_posts_most_urgent_first(store: Store) -> None:
    soon, late = "2026-03-03T00:00:00.000000Z", "2026-03-09T00:00:00.000000Z"
    with store.transaction() as tx:
        act(
            tx,
            changes=Changes(opened=[task("b", hour=1), task("c", due=late), task("d", unit="env", due=soon)]),
        )
        act(tx, "C-2", changes=Changes(opened=[task("a", "C-2"), task("e", "C-2", unit="town", due=soon)]))
    with store.reading() as reader:
        mine = reader.inbox([("fire", "reviewer"), ("env", "reviewer"), ("fire", "reviewer")])
        assert [(row.case, row.task) for row in mine] == [(CASE, "d"), (CASE, "c"), ("C-2", "a"), (CASE, "b")]
        assert [row.task for row in reader.inbox(None)] == ["d", "e", "c", "a", "b"]
        assert [row.task for row in reader.tasks(CASE)] == ["d", "c", "b"]
        assert reader.inbox([]) == reader.inbox([("fire", "clerk")]) == []


def test_changes_take_out_what_ended_and_put_in_what_began(store: Store) -> None:
    with store.transaction() as tx:
        act(tx, changes=Changes(opened=[task("a"), task("b")], armed=[("t", "2026-01"), ("u", "2026-02")]))
        act(
            tx,
            changes=Changes(closed=["a"], opened=[task("c")], stopped=["t", "u"], armed=[("t", "2026-03")]),
        )
    with store.reading() as reader:
        assert {row.task for row in reader.tasks(CASE)} == {"b", "c"}
        assert reader.timers(CASE) == [("t", "2026-03")]


def test_cases_are_listed_newest_first_and_the_office_is_not_one(store: Store) -> None:
    with store.transaction() as tx:
        act(tx, OFFICE)
        for day, status, item in ((1, "open", "startup"), (2, "closed", "startup"), (3, "open", "card")):
            records = chain(f"C-{day}", 0, events.GENESIS, NOON, [(NOON, BY, CaseClosed("x"))])
            head = head_after(records, status=status, item=item, opened_at=f"2026-03-0{day}", closed_at=None)
            tx.append(head, records, Changes())
    with store.reading() as reader:
        assert [row.case for row in reader.cases()] == ["C-3", "C-2", "C-1"]
        assert [row.case for row in reader.cases(limit=1)] == ["C-3"]
        assert [row.case for row in reader.cases(item="startup")] == ["C-2", "C-1"]
        assert [row.case for row in reader.cases(item="startup", status="open")] == ["C-1"]
        assert reader.find_cases("") == ["C-1", "C-2", "C-3"]
        assert list(reader.streams()) == ["C-1", "C-2", "C-3", OFFICE]


def test_open_cases_are_listed_page_by_page_and_the_office_is_not_one(store: Store) -> None:
    with store.transaction() as tx:
        act(tx, OFFICE)
        for case, status in (("C-1", "open"), ("C-2", "closed"), ("C-3", "open"), ("z-4", "open")):
            records = chain(case, 0, events.GENESIS, NOON, [(NOON, BY, CaseClosed("x"))])
            tx.append(head_after(records, status=status), records, Changes())
    with store.reading() as reader:
        assert reader.open_cases("", 2) == ["C-1", "C-3"]
        assert reader.open_cases("C-3", 2) == ["z-4"]
        assert reader.open_cases("z-4", 2) == []


def test_a_case_is_found_by_the_end_of_its_number_and_by_nothing_else(store: Store) -> None:
    with store.transaction() as tx:
        for case in ("A-00042", "B-00042", "B-100%", "a_b"):
            act(tx, case)
    with store.reading() as reader:
        assert reader.find_cases("00042") == ["A-00042", "B-00042"]
        assert reader.find_cases("B-00042") == ["B-00042"]
        assert reader.find_cases("0%") == ["B-100%"]
        assert reader.find_cases("%") == ["B-100%"]
        assert reader.find_cases("_b") == ["a_b"]
        assert reader.find_cases("b-00042") == []


def test_more_streams_than_a_batch_are_all_named_once(store: Store) -> None:
    cases = [f"C-{n:04d}" for n in range(450)]
    with store.transaction() as tx:
        for case in cases:
            act(tx, case)
            act(tx, case)
    with store.reading() as reader:
        assert list(reader.streams()) == cases


def test_projections_that_were_dropped_are_built_again_as_they_were(store: Store) -> None:
    fill(store)
    before = everything(store)
    head, _, tasks, timers, messages = before[CASE]
    assert messages
    with store.transaction() as tx:
        tx.drop_projections()
        assert tx.head(CASE) is None
        assert tx.tasks(CASE) == tx.timers(CASE) == []
        assert len(tx.records(CASE)) == 2
        tx.rebuild(head, tasks, timers)
    assert everything(store) == before
    with store.transaction() as tx:
        tx.rebuild(head, tasks[:1], ())
    assert everything(store)[CASE][2:] == (tasks[:1], [], messages)


# --- what is due


def test_the_next_case_due_is_the_one_with_the_earliest_timer_then_the_lower_number(store: Store) -> None:
    with store.transaction() as tx:
        act(tx, "C-1", changes=Changes(armed=[("a", "2026-03"), ("b", "2026-05")]))
        act(tx, "C-2", changes=Changes(armed=[("a", "2026-02"), ("b", "2026-03"), ("c", "2026-03")]))
        act(tx, "C-3", changes=Changes(armed=[("a", "2026-09")]))
    with store.transaction() as tx:
        assert tx.next_due("2026-01") is None
        found = []
        place = tx.next_due("2026-05")
        while place is not None:
            found.append(place)
            place = tx.next_due("2026-05", place)
    assert found == [("2026-02", "C-2"), ("2026-03", "C-1"), ("2026-03", "C-2"), ("2026-05", "C-1")]


def test_on_postgresql_a_case_that_another_worker_holds_is_passed_over_with_all_its_timers(
    postgresql_database: str,
) -> None:
    with closing(Store.create(postgresql_database)) as store:
        with store.transaction() as tx:
            act(tx, "C-1", changes=Changes(armed=[("a", "2026-02"), ("b", "2026-02"), ("c", "2026-03")]))
            act(tx, "C-2", changes=Changes(armed=[("a", "2026-04")]))
        with store.transaction() as first:
            assert first.next_due("2026-05") == ("2026-02", "C-1")
            with store.transaction() as second:
                assert second.next_due("2026-05") == ("2026-04", "C-2")
                with store.transaction() as third:
                    assert third.next_due("2026-05") is None
        with store.transaction() as tx:
            assert tx.next_due("2026-05") == ("2026-02", "C-1")


def test_on_postgresql_a_case_that_a_clerk_writes_is_passed_over(postgresql_database: str) -> None:
    with closing(Store.create(postgresql_database)) as store:
        with store.transaction() as tx:
            act(tx, "C-1", changes=Changes(armed=[("a", "2026-02")]))
            act(tx, "C-2", changes=Changes(armed=[("a", "2026-04")]))
        with store.transaction() as clerk:
            act(clerk, "C-1")
            clerk.head("C-1")  # what was written travels with the next question
            with store.transaction() as worker:
                assert worker.next_due("2026-05") == ("2026-04", "C-2")


def test_a_clerk_who_meets_a_worker_on_a_case_waits_and_neither_is_broken_off(
    postgresql_database: str,
) -> None:
    with closing(Store.create(postgresql_database)) as store, ThreadPoolExecutor(1) as pool:
        with store.transaction() as tx:
            act(tx, changes=Changes(armed=[("a", "2026-02")]))

        def clerk() -> str:
            with pytest.raises(Conflict) as refused, store.transaction() as tx:
                act(tx)
            return str(refused.value.found)

        with store.transaction() as worker:
            assert worker.next_due("2026-05") == ("2026-02", CASE)
            late = pool.submit(clerk)
            with sql(postgresql_database) as other:
                waiting = (
                    "SELECT 1 FROM pg_stat_activity "
                    "WHERE datname = current_database() AND wait_event_type = 'Lock'"
                )
                while not other.execute(waiting).fetchall():
                    other.rollback()  # a transaction sees one moment of this view
                    time.sleep(0.01)
            act(worker, changes=Changes(stopped=["a"]))
        assert "duplicate key" in late.result(timeout=60)
        with store.reading() as reader:
            assert (reader.head(CASE).seq, reader.timers(CASE)) == (2, [])


def fire_all_due(address: str) -> list[tuple[str, str]]:
    """In a process of its own: fire one timer after the other until nothing more is found; which."""
    fired = []
    with closing(Store.open(address)) as store:
        while True:
            with store.transaction() as tx:
                place = tx.next_due("2026-05")
                if place is None:
                    return fired
                case = place[1]
                timer = tx.timers(case)[0][0]
                act(tx, case, changes=Changes(stopped=[timer]))
                fired.append((case, timer))


def test_three_workers_fire_each_timer_once_and_never_disturb_each_other(store: Store, database: str) -> None:
    with store.transaction() as tx:
        for n in range(40):
            armed = [("a", f"2026-03-{n:02d}"), ("b", "2026-04"), ("c", "2026-04"), ("later", "2026-06")]
            act(tx, f"C-{n:02d}", changes=Changes(armed=armed))
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        shares = pool.map(fire_all_due, [database] * 3, chunksize=1)
    fired = [place for share in shares for place in share]
    assert sorted(fired) == [(f"C-{n:02d}", timer) for n in range(40) for timer in "abc"]


# --- the outbox


def test_a_message_waits_until_it_is_due_and_goes_in_order(store: Store) -> None:
    queue = [
        message("C-2", 1, "fire", "2026-03-01"),
        message("C-1", 1, "fire", "2026-03-02"),
        message("C-1", 2, "env", "2026-03-02"),
        message("C-1", 2, "fire", "2026-03-02"),
        message("C-1", 1, "env", "2026-03-05"),
    ]
    with store.transaction() as tx:
        act(tx, "C-1")
        act(tx, "C-1", changes=Changes(messages=queue[1:]))
        act(tx, "C-2", changes=Changes(messages=queue[:1]))
    with store.transaction() as tx:
        assert tx.next_message("2026-02-28") is None
        found = []
        row = tx.next_message("2026-03-02")
        while row is not None:
            found.append(row)
            row = tx.next_message("2026-03-02", row.place)
        assert found == queue[:4]
        assert tx.outbox() == tx.outbox(pending=True) == sorted(queue)
        assert tx.outbox("C-2") == queue[:1]
        assert tx.outbox("C-3") == []


def test_a_message_stands_or_falls_with_its_event(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.transaction() as tx:
        act(tx, changes=Changes(messages=[message()]))
        raise ZeroDivisionError
    with pytest.raises(Refusal), store.transaction() as tx:
        act(tx, changes=Changes(messages=[message(seq=2)]))
    with store.reading() as reader:
        assert reader.outbox() == []


def test_what_failed_waits_for_its_next_try_and_what_was_delivered_stays_so(store: Store) -> None:
    with store.transaction() as tx:
        act(tx, changes=Changes(messages=[message()]))
    with store.transaction() as tx:
        row = tx.next_message("2026-03-02")
        tx.failed(row, "邮件服务器没有应答", "2026-03-03")
        assert tx.next_message("2026-03-02") is None
        later = tx.next_message("2026-03-03")
        assert later == row._replace(due_at="2026-03-03", attempts=1, error="邮件服务器没有应答")
        tx.delivered(later, "2026-03-04", "1.eml")
        tx.delivered(later, "2026-03-05", "2.eml")  # a worker that was taken for dead comes back
        tx.failed(later, "late", "2026-03-06")
        tx.lease(later, "2026-03-07")
        assert tx.next_message("2026-12-31") is None
        delivered = later._replace(attempts=2, delivered_at="2026-03-04", receipt="1.eml")
        assert tx.outbox() == tx.outbox(CASE) == [delivered]
        assert tx.outbox(pending=True) == tx.outbox(CASE, pending=True) == []


def test_a_leased_message_comes_back_when_its_worker_does_not(store: Store) -> None:
    with store.transaction() as tx:
        act(tx, changes=Changes(messages=[message()]))
        tx.lease(tx.next_message("2026-03-02"), "2026-03-03")
    with store.transaction() as tx:
        assert tx.next_message("2026-03-02") is None
        assert tx.next_message("2026-03-03") == message(due_at="2026-03-03")


def test_on_postgresql_a_message_that_another_worker_holds_is_passed_over(postgresql_database: str) -> None:
    with closing(Store.create(postgresql_database)) as store:
        with store.transaction() as tx:
            act(tx, changes=Changes(messages=[message(unit="env"), message(unit="fire")]))
        with store.transaction() as first, store.transaction() as second, store.transaction() as third:
            assert first.next_message("2026-03-02").unit == "env"
            assert second.next_message("2026-03-02").unit == "fire"
            assert third.next_message("2026-03-02") is None


@pytest.mark.parametrize("question", ["timers", "outbox"])
def test_looking_for_work_costs_what_is_due_and_not_what_is_open(
    store: Store, database: str, question: str
) -> None:
    with store.transaction() as tx:
        for n in range(1500):
            messages = [message(f"C-{n}", due_at=f"2027-{n:04d}")]
            changes = Changes(armed=[("a", f"2027-{n:04d}")], messages=messages)
            act(tx, f"C-{n}", changes=changes)
    statement, values = {
        "timers": (
            store_module._NEXT_DUE,
            {"until": "2027-0003", "after_due": "2027-0001", "after_case": "C-1"},
        ),
        "outbox": (
            store_module._NEXT_MESSAGE,
            {
                "now": "2027-0003",
                **dict(zip(store_module._AFTER, message("C-1", due_at="2027-0001").place, strict=True)),
            },
        ),
    }[question]
    compiled, constants = store._database.sql(statement)
    with sql(database) as other:
        if database.startswith("postgresql"):
            other.execute("ANALYZE")
            rows = other.execute(f"EXPLAIN (ANALYZE) {compiled}", constants | values).fetchall()
        else:
            rows = other.execute(f"EXPLAIN QUERY PLAN {compiled}", constants | values).fetchall()
    plan = "\n".join(str(row[-1]) for row in rows)
    assert f"{question}_by_due" in plan
    dear = ("Seq Scan", "SCAN", "Sort", "TEMP B-TREE", "Removed by")
    assert not [sign for sign in dear if sign in plan], plan


# --- documents, contents, definitions, settings


def fill(store: Store) -> None:
    """Something in every table."""
    content = "<p>受理通知书</p>".encode()
    row = DocumentRow(CASE, 1, "acceptance", "受理〔2026〕1号", "受理通知书", digest(content), "text/html")
    with store.transaction() as tx:
        act(tx, changes=Changes(documents=[(row, content)], messages=[message()]))
        act(tx, changes=Changes(opened=[task("a"), task("b")], armed=[("t", "2026-03"), ("u", "2026-02")]))
        tx.add_definition(DefinitionRow("startup", 1, "d" * 64, "n" * 64, "2026-01-01", "2025-12-01"))


def test_a_document_is_filed_with_its_bytes_under_their_digest(store: Store) -> None:
    fill(store)
    content = "<p>受理通知书</p>".encode()
    with store.reading() as reader:
        [row] = reader.documents(CASE)
        assert (row.seq, row.number, row.digest) == (1, "受理〔2026〕1号", digest(content))
        assert reader.document(CASE, 1) == row
        assert reader.document(CASE, 2) is None
        assert reader.content(row.digest) == content
    with store.transaction() as tx:
        tx.put_content(row.digest, content)  # again is no error


def test_a_document_of_an_event_that_is_not_on_record_is_refused(store: Store) -> None:
    row = DocumentRow(CASE, 99, "x", "1", "x", "d" * 64, "text/html")
    with pytest.raises(Refusal), store.transaction() as tx:
        act(tx, changes=Changes(documents=[(row, b"")]))
    assert everything(store) == {}


def test_the_definition_for_a_date_is_the_latest_then_in_force(store: Store) -> None:
    first = DefinitionRow("startup", 1, "1" * 64, "n" * 64, "2026-01-01", "2025-12-01")
    second = DefinitionRow("startup", 2, "2" * 64, "n" * 64, "2026-07-01", "2026-05-01")
    amended = DefinitionRow("startup", 3, "3" * 64, "n" * 64, "2026-07-01", "2026-06-01")
    with store.transaction() as tx:
        for row in (first, second, amended):
            tx.add_definition(row)
    with store.reading() as reader:
        assert reader.definition_for("startup", "2025-12-31", "2026-12-31") is None
        assert reader.definition_for("startup", "2026-06-30", "2026-12-31") == first
        assert reader.definition_for("startup", "2026-07-01", "2026-12-31") == amended
        assert reader.definition_for("startup", "2026-07-01", "2026-05-31") == second
        assert reader.definition_for("startup", "2026-07-01", "2025-11-30") == first
        assert reader.definitions() == reader.definitions("startup") == [first, second, amended]
        assert reader.definitions("card") == []
    with pytest.raises(Conflict), store.transaction() as tx:
        tx.add_definition(second)


def test_settings_are_kept_and_replaced(store: Store) -> None:
    with store.transaction() as tx:
        tx.set_meta("zone", "UTC")
        tx.set_meta("zone", "Asia/Shanghai")
    with store.reading() as reader:
        assert reader.meta("zone") == "Asia/Shanghai"
        assert reader.meta("kind") is None


# --- setting up, opening, upgrading


def test_the_migrations_build_the_schema_that_the_program_works_with(database: str) -> None:
    Store.create(database).close()
    engine = create_engine(address(database))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, schema.METADATA) == []
    engine.dispose()
    scripts = ScriptDirectory(str(Path(database_module.__file__).parent / "migrations"))
    assert scripts.get_current_head() == schema.VERSION


def test_an_office_from_before_the_outbox_is_upgraded_with_all_it_has(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "VERSION", "0001")
    with closing(Store.create(database)) as store, store.transaction() as tx:
        act(tx, OFFICE)
        act(tx, changes=Changes(opened=[task("a")], armed=[("t", "2026-03")]))
    monkeypatch.undo()
    with sql(database) as connection:
        before = [connection.execute(f"SELECT * FROM {t}").fetchall() for t in ("events", "heads", "timers")]
    with pytest.raises(Invalid) as refused:
        Store.open(database)
    assert "db upgrade" in str(refused.value.remedy)
    assert Store.upgrade(database) is True
    assert Store.upgrade(database) is False
    with sql(database) as connection:
        after = [connection.execute(f"SELECT * FROM {t}").fetchall() for t in ("events", "heads", "timers")]
    assert after == before
    with closing(Store.open(database)) as store:
        with store.reading() as reader:
            assert reader.outbox() == []
        with store.transaction() as tx:
            act(tx, changes=Changes(messages=[message(seq=1), message(seq=2)]))
            assert tx.next_message("2026-03-02") == message(seq=1)


def test_a_new_office_can_be_opened_and_not_be_set_up_twice(database: str) -> None:
    with closing(Store.create(database)) as store, store.transaction() as tx:
        act(tx, OFFICE)
    with pytest.raises(Invalid) as refused:
        Store.create(database)
    assert refused.value.code == "office.exists"
    with closing(Store.open(database)) as store, store.reading() as reader:
        assert reader.head(OFFICE).seq == 1
    assert Store.upgrade(database) is False


def test_a_set_up_that_died_before_the_first_event_can_be_repeated(database: str) -> None:
    Store.create(database).close()
    with closing(Store.create(database)) as store, store.transaction() as tx:
        act(tx, OFFICE)


def test_a_database_of_another_program_is_left_alone(database: str) -> None:
    with sql(database) as connection:
        connection.execute("CREATE TABLE invoices (id INTEGER)")
    with pytest.raises(Invalid) as refused:
        Store.create(database)
    assert refused.value.code == "office.exists"
    assert "invoices" in str(refused.value.found)
    for verb in (Store.open, Store.upgrade):
        with pytest.raises(Unknown) as unknown:
            verb(database)
        assert unknown.value.code == "office.missing"
        assert "lianban init" in str(unknown.value.remedy)
    if not database.startswith("postgresql"):
        assert not [*Path(database).parent.glob("*-wal")]


def test_a_missing_file_or_server_is_unknown_and_says_how_to_begin(tmp_path: Path) -> None:
    path = tmp_path / "none.db"
    for verb in (Store.open, Store.upgrade):
        for where in (str(path), f"sqlite:///{path}", f"postgresql://nobody@/none?host={tmp_path}"):
            with pytest.raises(Unknown) as refused:
                verb(where)
            assert "lianban init" in str(refused.value.remedy)
    assert not path.exists()


def test_an_unknown_postgresql_database_is_unknown(postgresql: Any) -> None:
    with pytest.raises(Unknown) as refused:
        Store.open(postgresql("nowhere"))
    assert "nowhere" in str(refused.value.found)


@pytest.mark.parametrize(("version", "remedy"), [("0000", "db upgrade"), ("9999", "newer")])
def test_another_schema_version_is_refused_with_the_way_out(database: str, version: str, remedy: str) -> None:
    Store.create(database).close()
    with sql(database) as connection:
        connection.execute(f"UPDATE alembic_version SET version_num = '{version}'")
    with pytest.raises(Invalid) as refused:
        Store.open(database)
    assert refused.value.code == "database.version"
    assert version in str(refused.value.found)
    assert remedy in str(refused.value.remedy)
    if version == "9999":
        with pytest.raises(Invalid):
            Store.upgrade(database)


@pytest.mark.parametrize("verb", [Store.open, Store.create, Store.upgrade])
def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path, verb: Any) -> None:
    path = tmp_path / "letter.db"
    path.write_text("敬启者 " * 1000, encoding="utf-8")
    with pytest.raises(Invalid) as refused:
        verb(str(path))
    assert refused.value.code == "database.not_a_database"
    assert path.read_text(encoding="utf-8") == "敬启者 " * 1000


@pytest.mark.parametrize("where", ["mysql://u:secret@h/d", "sqlite://", "postgresql://u:p@h:port/d"])
def test_an_address_that_means_nothing_is_refused_without_its_password(where: str) -> None:
    with pytest.raises(Invalid) as refused:
        Store.open(where)
    assert "secret" not in str(refused.value.as_dict())


def test_addresses_are_read_as_people_write_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert address(None).database == str(tmp_path / "lianban.db")
    assert address("demo.db").database == address(Path("demo.db")).database == str(tmp_path / "demo.db")
    assert address("sqlite:///demo.db") == address("demo.db")
    assert (
        address("postgres://u@h/d") == address("postgresql+psycopg://u@h/d") == address("postgresql://u@h/d")
    )
    assert address("postgresql://u@h/d").drivername == "postgresql+psycopg"


def test_a_path_with_signs_that_mean_something_in_a_url_is_just_a_path(tmp_path: Path) -> None:
    path = tmp_path / "办公室 100%?a=b#c.db"
    Store.create(str(path)).close()
    Store.open(str(path)).close()
    assert path.exists()


def test_opening_does_not_import_alembic_nor_the_other_driver(sqlite_database: str) -> None:
    Store.create(sqlite_database).close()
    code = (
        "import sys; from engine.store import Store; Store.open(sys.argv[1]); "
        "sys.exit([m for m in ('alembic', 'psycopg', 'SpiffWorkflow') if m in sys.modules] or 0)"
    )
    root = Path(__file__).parent.parent
    subprocess.run([sys.executable, "-c", code, sqlite_database], check=True, cwd=root)


def test_sqlite_is_durable_and_checks_references(sqlite_database: str) -> None:
    with closing(Store.create(sqlite_database)) as store, store.reading() as reader:
        pragma = reader._session._connection.execute
        assert pragma("PRAGMA journal_mode").fetchone() == ("wal",)
        assert pragma("PRAGMA synchronous").fetchone() == (2,)
        assert pragma("PRAGMA foreign_keys").fetchone() == (1,)


def test_a_restored_copy_is_put_back_into_wal_mode(sqlite_database: str, tmp_path: Path) -> None:
    Store.create(sqlite_database).close()
    copy = str(tmp_path / "copy.db")
    with closing(sqlite3.connect(sqlite_database)) as connection:
        connection.execute("VACUUM INTO ?", (copy,))
    Store.open(copy).close()
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


# --- troubles


def test_a_lock_that_another_program_holds_is_a_conflict_after_a_while(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "PATIENCE", 1)
    with closing(Store.create(database)) as store:
        with store.transaction() as tx:
            tx.next_number("受理")
        with sql(database) as other:
            if database.startswith("postgresql"):
                other.execute("SELECT value FROM numbers FOR UPDATE")
            else:
                other.execute("BEGIN IMMEDIATE")
            with pytest.raises(Conflict) as refused, store.transaction() as tx:
                tx.next_number("受理")
            with store.reading() as reader:  # readers go on
                assert reader.numbers() == [("受理", 1)]
        assert refused.value.code == "database.locked"
        assert str(refused.value.remedy)
        with store.transaction() as tx:
            assert tx.next_number("受理") == 2


def test_a_full_disk_is_refused_and_what_was_there_stays(sqlite_database: str) -> None:
    with closing(Store.create(sqlite_database)) as store:
        with store.transaction() as tx:
            act(tx)
        before = everything(store)
        [connection] = store._database._idle
        [pages] = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(Refusal) as refused, store.transaction() as tx:
            act(tx, answer="很" * 10_000)
        assert refused.value.code == "database.full"
        assert everything(store) == before
        connection.execute("PRAGMA max_page_count = 100000")
        with store.transaction() as tx:
            act(tx)


def test_a_database_that_may_only_be_read_can_still_be_read(sqlite_database: str) -> None:
    with closing(Store.create(sqlite_database)) as store:
        with store.transaction() as tx:
            act(tx)
        [connection] = store._database._idle
        connection.execute("PRAGMA query_only = ON")
        with pytest.raises(Refusal) as refused, store.transaction() as tx:
            act(tx)
        assert refused.value.code == "database.read_only"
        assert list(everything(store)) == [CASE]


def test_a_folder_that_is_not_there_is_refused_in_plain_words(tmp_path: Path) -> None:
    with pytest.raises(Refusal) as refused:
        Store.create(str(tmp_path / "no" / "such" / "office.db"))
    assert refused.value.code == "database.forbidden"


def test_a_damaged_file_is_an_integrity_failure(sqlite_database: str) -> None:
    with closing(Store.create(sqlite_database)) as store:
        fill(store)
    path = Path(sqlite_database)
    with path.open("r+b") as file:
        file.seek(200)
        file.write(os.urandom(path.stat().st_size - 200))
    with pytest.raises(Diverged) as refused, closing(Store.open(sqlite_database)):
        pass
    assert refused.value.code == "database.damaged"


def test_a_server_that_went_away_is_a_conflict_and_the_next_try_connects_again(
    postgresql_database: str,
) -> None:
    with closing(Store.create(postgresql_database)) as store:
        with store.transaction() as tx:
            act(tx)
        with sql(postgresql_database) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        with pytest.raises(Conflict) as refused, store.transaction() as tx:
            act(tx)
        assert refused.value.code == "database.lost"
        with store.transaction() as tx:
            assert act(tx).seq == 2


def test_a_database_user_without_rights_is_refused_in_plain_words(postgresql_database: str) -> None:
    with closing(Store.create(postgresql_database)) as store, store.transaction() as tx:
        act(tx)
    with sql(postgresql_database) as other:
        other.execute("DROP ROLE IF EXISTS visitor")
        other.execute("CREATE ROLE visitor LOGIN")
        other.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO visitor")
    try:
        with closing(Store.open(postgresql_database.replace("postgres:@", "visitor:@"))) as store:
            assert list(everything(store)) == [CASE]
            with pytest.raises(Refusal) as refused, store.transaction() as tx:
                act(tx)
        assert refused.value.code == "database.forbidden"
    finally:
        with sql(postgresql_database) as other:
            other.execute("DROP OWNED BY visitor")
            other.execute("DROP ROLE visitor")


@pytest.mark.parametrize(
    "where", ["postgresql://clerk:secret@/office?", "postgresql://clerk@/office?password=secret&"]
)
def test_passwords_do_not_show(tmp_path: Path, where: str) -> None:
    with pytest.raises(Unknown) as refused:
        Store.open(f"{where}host={tmp_path}")
    assert "secret" not in str(refused.value.as_dict())


def test_what_no_database_can_look_for_is_invalid(store: Store) -> None:
    with store.transaction() as tx:
        act(tx)
    for ask in (lambda reader: reader.head("\udcff"), lambda reader: reader.document(CASE, 10**30)):
        with pytest.raises(Invalid) as refused, store.reading() as reader:
            ask(reader)
        assert refused.value.code == "database.value"
    with store.reading() as reader:
        assert reader.head(CASE).seq == 1


def test_a_nul_character_is_nowhere_taken_for_a_lost_connection(postgresql_database: str) -> None:
    with closing(Store.create(postgresql_database)) as store:
        with pytest.raises(Invalid) as refused, store.reading() as reader:
            reader.head("\0")
        assert refused.value.code == "database.value"
