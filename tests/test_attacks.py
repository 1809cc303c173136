"""The office attacked by its own database administrator, who also has the engine's source.

Each attack says what finds it: `verify` alone, the seals in the database, a copy of the seals kept elsewhere
(`--seals`), the public key that signs them (`--key`); or that nothing does, which is tested as well, so that
`docs/threat-model.md` is true in both directions.
"""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from databases import ask, unguard
from drawing import draw
from items import ANYTHING, DAY, HOUR, NOON, make_item, publish
from review_items import AGREE, DISAGREE, county, review_item
from test_seals import KEY, public

from engine.clock import write_instant
from engine.definition import pack, unpack
from engine.errors import Diverged
from engine.events import (
    GENESIS,
    OFFICE,
    AnswerEntered,
    Event,
    ReferralSigned,
    TaskCompleted,
    canonical,
    digest,
)
from engine.office import Office

Body = dict[str, Any]

MINUTE = timedelta(minutes=1)

SENDER = draw("start s; user a; end e signal storm", "s -> a -> e")
WAITER = draw(
    "start s; user work; boundary alarm work signal storm; user shelter; end e; end f",
    "s -> work -> e; alarm -> shelter -> f",
)
FAILING = draw("start s; user a; script c fee = 20 / copies; user b; end e", "s -> a -> c -> b -> e")
SIMPLE = draw("start s; user a; end e", "s -> a -> e")

CASE, LAST = "539901-SL-LB0001-2026-00001", "539901-SL-LB0001-2026-00002"
WAITING, SIGNALLED = "539901-SL-WAITER-2026-00001", "539901-SL-SENDER-2026-00001"
REPAIRED = "539901-SL-FAILING-2026-00001"
SEALED_AT = NOON + 9 * DAY
TODAY = SEALED_AT + 2 * HOUR


# --- the office


def begin(path: Path, folder: Path) -> None:
    """An office with its items in force."""
    item = review_item(folder, more='confirm = "leader"', documents={"decide": "licence"})
    with Office.create_rehearsal(str(path), NOON, county()) as office:
        office.publish(item, NOON)
        publish(office, folder, SENDER, code="sender")
        publish(office, folder, WAITER, code="waiter")
        office.publish(make_item(folder, FAILING, code="failing", forms={"s": ANYTHING, "a": ANYTHING}), NOON)


def live(
    path: Path, *, decided: str = "grant", reviewer: str = "p1", opinion: Body = AGREE, late: bool = True
) -> None:
    """What happens in it: a case with a department that is silent, and a decision; one that has just begun;
    a signal; a repair; and two changes of the organisation."""
    with Office.open(str(path)) as office:
        office.open_case("clerk", "item", {"applicant": "甲"}, NOON)
        office.do(reviewer, CASE, "a", opinion, NOON + HOUR)
        office.sign("p2", CASE, "b", NOON + HOUR)
        office.do("p3", CASE, "c", AGREE, NOON + HOUR)
        office.confirm("l1", CASE, "a", NOON + 2 * HOUR)
        office.confirm("l3", CASE, "c", NOON + 2 * HOUR)
        office.open_case("colleague", "waiter", {}, NOON)
        office.open_case("clerk", "sender", {}, NOON)
        office.do("clerk", SIGNALLED, "a", {}, NOON + HOUR)
        office.open_case("clerk", "failing", {"copies": 0}, NOON)
        office.do("clerk", REPAIRED, "a", {}, NOON + HOUR)
        office.retry("admin", REPAIRED, "c", {"copies": 4}, "份数录错", NOON + 2 * HOUR)
        hired = {"kind": "person.add", "id": "new.hand", "name": {"zh": "新人", "en": "New Hand"}}
        office.change_organisation("admin", hired, NOON + DAY)
        lent = {"kind": "delegate", "grantor": "l1", "to": "q1", "post": "d1/leader", "items": ["item"]}
        lent |= {"powers": ["approve"], "since": "2026-03-04", "until": "2026-03-31"}
        office.change_organisation("l1", lent, NOON + 2 * DAY)
        office.sweep(NOON + 7 * DAY)
        if opinion == AGREE:
            office.do("clerk", CASE, "decide", {"decision": decided}, NOON + 8 * DAY)
        if late:
            office.open_case("clerk", "item", {"applicant": "乙"}, NOON + 8 * DAY)
            office.do("p1", LAST, "a", AGREE, NOON + 8 * DAY + HOUR)


def seal(path: Path, key: bytes | None = KEY, at: timedelta = timedelta()) -> None:
    with Office.open(str(path)) as office:
        office.seal(SEALED_AT + at, key, None, None)


@dataclass(frozen=True)
class Days:
    """The office's file on its first morning, before any seal, after it, and after one more; and a copy of
    the two seals."""

    begun: Path
    unsealed: Path
    first: Path
    sealed: Path
    copy: bytes


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Days:
    folder = tmp_path_factory.mktemp("attacks")
    work = folder / "office.db"

    def keep(name: str) -> Path:
        ask(str(work), "PRAGMA wal_checkpoint(TRUNCATE)")
        return Path(shutil.copy(work, folder / name))

    begin(work, folder)
    begun = keep("begun.db")
    live(work)
    unsealed = keep("unsealed.db")
    seal(work)
    first = keep("first.db")
    with Office.open(str(work)) as office:
        office.open_case("clerk", "sender", {}, SEALED_AT)
    seal(work, at=HOUR)
    with Office.open(str(work)) as office:
        copy = office.seal_copy()
    return Days(begun, unsealed, first, keep("sealed.db"), copy)


# --- the hand


@dataclass
class Hand:
    """A hand on a copy of the office's database, with the engine in the other one."""

    path: Path
    days: Days

    def __post_init__(self) -> None:
        unguard(str(self.path))

    def sql(self, statement: str, *values: Any) -> None:
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            assert connection.execute(statement, values).rowcount, statement

    def put_back(self, day: Path) -> None:
        """The database of an earlier day in the place of today's."""
        for suffix in ("-wal", "-shm"):
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)
        shutil.copy(day, self.path)
        unguard(str(self.path))

    def bodies(self, case: str) -> list[Body]:
        rows = ask(str(self.path), "SELECT body FROM events WHERE case_no = ? ORDER BY seq", case)
        return [json.loads(body) for (body,) in rows]

    def rewrite(self, case: str, bodies: list[Body]) -> None:
        """Put this history in the place of the case's, perfectly chained, and make good all that is kept
        beside it."""
        rows, prev = [], GENESIS
        for seq, body in enumerate(bodies, 1):
            written = canonical({**body, "case": case, "seq": seq, "prev": prev})
            prev = digest(written)
            rows.append((case, seq, written, prev))
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute("DELETE FROM events WHERE case_no = ?", (case,))
            connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?)", rows)
        self.make_good(case)

    def make_good(self, case: str) -> None:
        """Derive heads and lists with the engine itself, and file documents and messages as the history has
        them."""
        told = self.bodies(case)
        with closing(sqlite3.connect(self.path)) as connection, connection:
            filed = connection.execute("SELECT * FROM documents WHERE case_no = ?", (case,)).fetchall()
            names = {(row[2]): row[4] for row in filed}
            connection.execute("DELETE FROM documents WHERE case_no = ?", (case,))
            connection.execute("DELETE FROM outbox WHERE case_no = ?", (case,))
            for body in told:
                data = body["data"]
                if body["type"] == "document.issued":
                    row = data["document"], data["number"], names[data["document"]], data["content"]
                    connection.execute(
                        "INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?, 'text/html')",
                        (case, body["seq"], *row),
                    )
                if body["type"] in ("reminder.raised", "card.raised"):
                    connection.execute(
                        "INSERT INTO outbox VALUES (?, ?, ?, ?, ?, 0, NULL, NULL, NULL)",
                        (case, body["seq"], data["unit"], body["type"], body["entered"]),
                    )
        with suppress(Diverged), Office.open(str(self.path)) as office:
            office.rebuild()

    def edit(self, case: str, kind: str, change: Callable[[Body], object], nth: int = 0) -> None:
        """Change the nth event of a kind, with all hashes after it and all that is kept beside them."""
        bodies = self.bodies(case)
        change([body for body in bodies if body["type"] == kind][nth])
        self.rewrite(case, bodies)

    def keep(self, named: str, text: bytes) -> str:
        """Put these bytes into the database under a digest; that."""
        self.sql("INSERT INTO contents VALUES (?, ?)", named, text)
        return named

    def found(self, copy: bytes | None = None, key: str = "") -> set[str]:
        """What `verify` (or opening the office) says."""
        try:
            with Office.open(str(self.path)) as office:
                return {finding.code for finding in office.verify(copy=copy, key=key)[1]}
        except Diverged as diverged:
            return {diverged.code}


instant = write_instant


def at(moment: datetime) -> Body:
    return {"at": instant(moment), "entered": instant(moment)}


# --- on one history


def edit_a_byte(hand: Hand) -> None:
    hand.sql(
        "UPDATE events SET body = CAST(replace(body, '甲', '丙') AS BLOB) WHERE case_no = ? AND seq = 1", CASE
    )


def a_field_no_record_has(hand: Hand) -> None:
    """A later format may have it; this one does not read past it."""
    hand.edit(CASE, "answer.confirmed", lambda body: body.update(signature="forged"))


def drop_an_act(hand: Hand) -> None:
    bodies = hand.bodies(CASE)
    signed = next(n for n, body in enumerate(bodies) if body["type"] == "answer.confirmed")
    last = next(
        n for n in range(signed + 1, len(bodies)) if bodies[n]["entered"] != bodies[signed]["entered"]
    )
    hand.rewrite(CASE, bodies[:signed] + bodies[last:])


def swap_two(hand: Hand) -> None:
    bodies = hand.bodies(CASE)
    bodies[1], bodies[2] = bodies[2], bodies[1]
    hand.rewrite(CASE, bodies)


def insert_a_consequence(hand: Hand) -> None:
    bodies = hand.bodies(CASE)
    hand.rewrite(CASE, [*bodies[:2], {**bodies[1], "type": "task.cancelled",
                                      "data": {"task": "a", "element": "a"}}, *bodies[2:]])  # fmt: skip


def date_a_consequence_otherwise(hand: Hand) -> None:
    """What follows from an act is said to have come a minute after it."""
    bodies = hand.bodies(LAST)
    entered = next(n for n, body in enumerate(bodies) if body["type"] == "answer.entered")
    for body in bodies[entered + 1 :]:
        body["at"] = body["entered"] = instant(NOON + 8 * DAY + HOUR + MINUTE)
    hand.rewrite(LAST, bodies)


def back_date_an_entry(hand: Hand) -> None:
    """An act of day 8 that claims to have been entered on day 7."""
    bodies = hand.bodies(CASE)
    decided = next(
        body
        for body in bodies
        if body["data"].get("element") == "decide" and body["type"] == "task.completed"
    )
    for body in [body for body in bodies if body["entered"] == decided["entered"]]:
        body["entered"] = instant(NOON + 7 * DAY)
    hand.rewrite(CASE, bodies)


def answer_before_the_deadline(hand: Hand) -> None:
    """A case that is overdue is decided, on paper, before the clocks that were due ran."""
    bodies = hand.bodies(CASE)
    fired = [n for n, body in enumerate(bodies) if body["type"] == "clock.struck"]
    rest = [n for n in range(fired[0] + 1, len(bodies)) if "person" in bodies[n]["by"]]
    signed = {"type": "answer.entered", "data": {"task": "b", "element": "b", "data": AGREE}}
    hand.rewrite(CASE, [*bodies[: fired[0]], {**bodies[rest[0]], **signed}])


def fire_a_clock_early(hand: Hand) -> None:
    """Silence is taken for consent a day before the term is over."""
    bodies = hand.bodies(CASE)
    ran_out = next(body for body in bodies if body["type"] == "clock.expired")["at"]
    for body in [body for body in bodies if body["at"] == ran_out]:
        body["at"] = instant(NOON + 3 * DAY)
    hand.rewrite(CASE, bodies)


def somebody_who_could_not(hand: Hand) -> None:
    bodies = hand.bodies(CASE)
    for body in bodies:
        if body["by"].get("person") == "l1":
            body["by"]["person"] = "l2"
    hand.rewrite(CASE, bodies)


def nobody_decides(hand: Hand) -> None:
    bodies = hand.bodies(CASE)
    for body in [body for body in bodies if body["entered"] == instant(NOON + 8 * DAY)]:
        body["by"] = {"clock": True}
    hand.rewrite(CASE, bodies)


def somebody_strikes_a_clock(hand: Hand) -> None:
    bodies = hand.bodies(CASE)
    struck = next(body for body in bodies if body["type"] == "clock.struck")
    for body in [body for body in bodies if body["at"] == struck["at"] and body["by"] == struck["by"]]:
        body["by"] = {"person": "boss", "unit": "hall", "post": "leader", "org": 1}
    hand.rewrite(CASE, bodies)


def enter(hand: Hand, case: str, who: str, fact: Event, moment: datetime, *, settle: bool = True) -> None:
    """Have the engine itself fold a fact that it would never have let pass, with all that follows."""
    with Office.open(str(hand.path)) as office, office._store.transaction() as tx:
        draft = office._draft(tx, case, moment)
        if settle:
            draft.settle(moment)
        unit, post = draft.organisation.people[who].posts[0]
        by = {"person": who, "unit": unit, "post": post, "org": draft.version}
        draft.course.enter(moment, by, fact)
        draft.write(moment)


def skip_the_second_signature(hand: Hand) -> None:
    """The reviewer's answer stands as the department's, without the leader."""
    enter(hand, LAST, "p3", ReferralSigned("c"), TODAY)
    enter(hand, LAST, "p3", TaskCompleted("c", "c", AGREE), TODAY)


def answer_what_the_form_does_not_ask(hand: Hand) -> None:
    enter(hand, LAST, "p3", AnswerEntered("c", "c", {**AGREE, "fee": 1}), TODAY)


def an_opinion_without_its_reason(hand: Hand) -> None:
    """No form says that; the engine's own rules do, and they change."""
    enter(hand, LAST, "p3", ReferralSigned("c"), TODAY)
    enter(hand, LAST, "p3", AnswerEntered("c", "c", {"opinion": "disagree"}), TODAY)


def answer_while_a_clock_is_overdue(hand: Hand) -> None:
    """The clocks that ran out a week ago are not let in."""
    enter(hand, LAST, "p3", ReferralSigned("c"), TODAY + 7 * DAY, settle=False)


def a_signal_nobody_sent(hand: Hand) -> None:
    hand.edit(WAITING, "signal.received", lambda body: body["data"].update(case=CASE))


def a_signal_by_a_person(hand: Hand) -> None:
    bodies = hand.bodies(WAITING)
    arrived = next(n for n, body in enumerate(bodies) if body["type"] == "signal.received")
    for body in bodies[arrived:]:
        body["by"] = {"person": "clerk", "unit": "hall", "post": "clerk", "org": 1}
    hand.rewrite(WAITING, bodies)


def a_repair_by_a_clerk(hand: Hand) -> None:
    bodies = hand.bodies(REPAIRED)
    for body in bodies:
        if body["by"].get("person") == "admin":
            body["by"] = {**body["by"], "person": "clerk", "post": "clerk"}
    hand.rewrite(REPAIRED, bodies)


def a_migration_nobody_ordered(hand: Hand) -> None:
    with Office.open(str(hand.path)) as office:
        named = office.history(REPAIRED)[0].event.payload()["definition"]
        with office._store.reading() as reader:
            old = office._library.definition(reader, named)
    other = with_effective(pack(old), "2026-01-02")
    hand.keep(other.digest, pack(other))
    bodies = hand.bodies(REPAIRED)
    moved = {"definition": other.digest, "was": named, "names": {}, "accepted": [], "batch": "m1"}
    by = {"person": "admin", "unit": "hall", "post": "admin", "org": 1}
    said = {"type": "case.migrated", "data": {**moved, "undoes": "", "reason": "更正"}, "by": by}
    hand.rewrite(REPAIRED, [*bodies, {**bodies[-1], **said}])


def with_effective(packed: bytes, day: str) -> Any:
    """Another version of a definition, as good as the first."""
    import base64

    content = json.loads(packed)
    item = base64.b64decode(content["files"]["item.toml"])
    changed = re.sub(rb"effective = \S+", b"effective = " + day.encode(), item)
    content["files"]["item.toml"] = base64.b64encode(changed).decode()
    content["digest"] = digest(
        canonical({path: digest(base64.b64decode(text)) for path, text in content["files"].items()})
    )
    return unpack(canonical(content))


def opened_by_a_version_of_later(hand: Hand) -> None:
    """A second version is published today, effective since January, and a case of last week is said to have
    been opened by it."""
    item = make_item(hand.path.parent, FAILING, code="sender", forms={"s": ANYTHING, "a": ANYTHING})
    with Office.open(str(hand.path)) as office:
        named = office.publish(item, TODAY).definition
        before = office.open_case("clerk", "sender", {}, TODAY - HOUR).case
        assert office.show(before)["definition"] != named  # the engine itself opens nothing by it before
        case = office.open_case("clerk", "sender", {}, TODAY).case
        assert office.show(case)["definition"] == named
    bodies = hand.bodies(case)
    for body in bodies:
        body.update(at(TODAY - DAY), entered=instant(TODAY))
    hand.rewrite(case, bodies)


def a_text_that_is_none(hand: Hand) -> None:
    hand.sql("UPDATE events SET hash = CAST(x'ff00fe' AS TEXT) WHERE case_no = ? AND seq = 2", CASE)


def a_content_nobody_names(hand: Hand) -> None:
    hand.keep(digest(b"for later"), b"for later")


def a_case_in_the_lists_only(hand: Hand) -> None:
    """An open step, overdue, of a case that was never opened: it is in its department's inbox."""
    hand.sql(
        "INSERT INTO tasks SELECT '539901-SL-LB0001-2026-00009', task, element, unit, post, item, opened_at,"
        " due FROM tasks WHERE case_no = ? LIMIT 1",
        LAST,
    )


def opened_by_a_definition_nobody_published(hand: Hand) -> None:
    with Office.open(str(hand.path)) as office, office._store.reading() as reader:
        old = office._library.definition(reader, office.history(WAITING)[0].event.payload()["definition"])
    other = with_effective(pack(old), "2026-01-02")
    hand.keep(other.digest, pack(other))
    hand.edit(WAITING, "case.opened", lambda body: body["data"].update(definition=other.digest))


# --- documents


def another_document_in_its_place(hand: Hand) -> None:
    """Other bytes, under their own digest, in the event, with every hash and row made good."""
    forged = "执照〔2026〕1号 发给 丙".encode()
    named = hand.keep(digest(forged), forged)
    hand.edit(CASE, "document.issued", lambda body: body["data"].update(content=named), nth=-1)


def the_bytes_of_a_document(hand: Hand) -> None:
    hand.sql(
        "UPDATE contents SET content = x'00' WHERE digest = "
        "(SELECT digest FROM documents WHERE document = 'licence')"
    )


def the_name_of_a_document(hand: Hand) -> None:
    hand.sql("UPDATE documents SET name = '不予许可决定书' WHERE document = 'licence'")


def a_number_of_another_series(hand: Hand) -> None:
    hand.edit(CASE, "document.issued", lambda body: body["data"].update(number="特批〔2026〕1号"), nth=-1)


# --- the office


def publish_otherwise(hand: Hand) -> None:
    hand.sql("UPDATE definitions SET effective = '2020-01-01' WHERE item = 'item'")


def publish_from_another_day_on_record(hand: Hand) -> None:
    """The row and the event agree; the definition itself says otherwise."""
    publish_otherwise(hand)
    hand.edit(OFFICE, "definition.published", lambda body: body["data"].update(effective="2020-01-01"))


def exchange_a_definition(hand: Hand) -> None:
    hand.sql(
        "UPDATE contents SET content = (SELECT content FROM contents WHERE digest = "
        "(SELECT definition FROM definitions WHERE item = 'waiter')) WHERE digest = "
        "(SELECT definition FROM definitions WHERE item = 'item')"
    )


def exchange_the_calendar(hand: Hand) -> None:
    standing = json.loads(ask(str(hand.path), "SELECT value FROM meta WHERE name = 'standing'")[0][0])
    ((text,),) = ask(
        str(hand.path), "SELECT content FROM contents WHERE digest = ?", standing["calendars"][0][1]
    )
    calendar = json.loads(text)
    forged = canonical({**calendar, "forged": 1})
    standing["calendars"][0][1] = hand.keep(digest(forged), forged)
    hand.sql("UPDATE meta SET value = ? WHERE name = 'standing'", canonical(standing).decode())


def a_delegation_nobody_gave(hand: Hand) -> None:
    """In the name of a leader, by somebody else: the whole of the register made good."""
    bodies = hand.bodies(OFFICE)
    lent = next(body for body in bodies if body["data"].get("change", {}).get("kind") == "delegate")
    lent["by"] = {**lent["by"], "person": "p1", "post": "clerk"}
    hand.rewrite(OFFICE, bodies)


def a_delegation_to_somebody_else(hand: Hand) -> None:
    hand.edit(OFFICE, "organisation.changed", lambda body: body["data"]["change"].update(to="p1"), nth=-1)


def abolish_as_a_clerk(hand: Hand) -> None:
    said = {"item": "waiter", "since": "2026-04-01", "versions": 1, "reason": "停办"}
    by = {"person": "clerk", "unit": "hall", "post": "clerk"}
    bodies = hand.bodies(OFFICE)
    ordered = {**bodies[-1], "type": "item.abolished", "data": said, "by": by, **at(NOON + 3 * DAY)}
    hand.rewrite(OFFICE, [*bodies, ordered])
    known = {"waiter": {**said, "by": "clerk", "at": instant(NOON + 3 * DAY)}}
    del known["waiter"]["item"]
    hand.sql("INSERT INTO meta VALUES ('abolished', ?)", canonical(known).decode())


def back_date_a_change_of_the_organisation(hand: Hand) -> None:
    hand.edit(OFFICE, "organisation.changed", lambda body: body.update(entered=instant(NOON)), nth=-1)


# --- what is gone


def forget(hand: Hand, case: str) -> None:
    for table in ("events", "heads", "tasks", "timers", "documents", "outbox"):
        ask(str(hand.path), f"DELETE FROM {table} WHERE case_no = ?", case)


def delete_a_case(hand: Hand) -> None:
    forget(hand, LAST)


def delete_the_last_case(hand: Hand) -> None:
    """And take its number back."""
    forget(hand, LAST)
    hand.sql("UPDATE numbers SET value = 1 WHERE series = '539901-SL-LB0001-2026'")


def cut_off_the_tail(hand: Hand) -> None:
    """The last act of a case never happened, and everything kept beside says so."""
    bodies = hand.bodies(LAST)
    last = bodies[-1]["entered"]
    hand.rewrite(LAST, [body for body in bodies if body["entered"] != last])


def put_back_a_backup(hand: Hand) -> None:
    hand.put_back(hand.days.unsealed)


def put_back_a_backup_of_after_a_seal(hand: Hand) -> None:
    """The newest seal went with what came after the one before."""
    hand.put_back(hand.days.first)


# --- what the engine wrote itself, for the forger


def again(hand: Hand, **about: Any) -> None:
    """The office from its first morning on, played again by the engine with the same numbers and instants."""
    sealed = bool(ask(str(hand.path), "SELECT 1 FROM leaves LIMIT 1"))
    hand.put_back(hand.days.begun)
    live(hand.path, **about)
    if sealed:
        seal(hand.path, None)


def another_answer(hand: Hand) -> None:
    again(hand, decided="refuse")


def another_outcome(hand: Hand) -> None:
    again(hand, opinion=DISAGREE)


def another_permitted_person(hand: Hand) -> None:
    again(hand, reviewer="q1")


def a_case_that_never_was(hand: Hand) -> None:
    again(hand, late=False)


def every_seal_gone(hand: Hand) -> None:
    again(hand, decided="refuse")
    bodies = [body for body in hand.bodies(OFFICE) if body["type"] != "seal.made"]
    ask(str(hand.path), "DELETE FROM leaves")
    ask(str(hand.path), "DELETE FROM meta WHERE name = 'secret'")
    hand.rewrite(OFFICE, bodies)


def sealed_again_with_the_stolen_key(hand: Hand) -> None:
    hand.put_back(hand.days.begun)
    live(hand.path, decided="refuse")
    seal(hand.path, KEY)


def act_as_somebody(hand: Hand) -> None:
    """Today, in the name of somebody who may: from now on it is in every seal."""
    with Office.open(str(hand.path)) as office:
        office.confirm("l1", LAST, "a", TODAY)


def act_as_somebody_last_week(hand: Hand) -> None:
    """The same, entered as of the day before the seal."""
    with Office.open(str(hand.path)) as office:
        office.confirm("l1", LAST, "a", NOON + 8 * DAY + 2 * HOUR)


def a_case_of_last_week(hand: Hand) -> None:
    """A case that was first in the queue, opened today."""
    with Office.open(str(hand.path)) as office:
        office.open_case("clerk", "waiter", {}, NOON)


def say_that_it_was_delivered(hand: Hand) -> None:
    hand.sql(
        "UPDATE outbox SET delivered_at = '2026-03-06T00:00:00.000000Z', attempts = 1, receipt = 'forged'"
    )


def a_net_that_was_not_drawn(hand: Hand) -> None:
    """The diagram stays, and the program that was made of it says something else; the office's record is made
    good."""
    ((named, packed),) = ask(
        str(hand.path),
        "SELECT digest, content FROM contents JOIN definitions ON definition = digest WHERE item = 'waiter'",
    )
    content = json.loads(packed)
    for node in (node for scope in content["net"]["scopes"].values() for node in scope["nodes"].values()):
        node["name"] = "改过的步骤"
    hand.sql("UPDATE contents SET content = ? WHERE digest = ?", canonical(content), named)
    net = digest(unpack(canonical(content)).net_bytes)
    hand.sql("UPDATE definitions SET net = ? WHERE item = 'waiter'", net)
    bodies = hand.bodies(OFFICE)
    for body in bodies:
        if body["data"].get("item") == "waiter":
            body["data"]["net"] = net
    hand.rewrite(OFFICE, bodies)


# --- on the seals


def a_leaf(hand: Hand) -> None:
    hand.sql("UPDATE leaves SET hash = disclosure WHERE position = 0")


def the_secret(hand: Hand) -> None:
    hand.sql("UPDATE meta SET value = '00' WHERE name = 'secret'")


def the_seal_on_record(hand: Hand) -> None:
    hand.edit(OFFICE, "seal.made", lambda body: body["data"].update(root="0" * 64), nth=-1)


def the_signature(hand: Hand) -> None:
    hand.edit(OFFICE, "seal.made", lambda body: body["data"].update(key="", signature=""), nth=-1)


# --- the table


@dataclass(frozen=True)
class Attack:
    """What finds it: `verify` alone, before there is any seal; the seals in the database; a copy of them; the
    key. What `verify` finds alone it finds with all these as well."""

    act: Callable[[Hand], None]
    alone: str = ""
    seals: str = ""
    copy: str = ""
    key: str = ""
    on_seals: bool = False

    @property
    def name(self) -> str:
        return self.act.__name__.replace("_", " ")


ATTACKS = [
    Attack(edit_a_byte, "chain.broken"),
    Attack(a_field_no_record_has, "event.unreadable"),
    Attack(a_text_that_is_none, "row.unreadable"),
    Attack(swap_two, "replay.diverged"),
    Attack(insert_a_consequence, "replay.diverged"),
    Attack(drop_an_act, "replay.time_first"),
    Attack(answer_before_the_deadline, "replay.time_first"),
    Attack(answer_while_a_clock_is_overdue, "replay.time_first"),
    Attack(fire_a_clock_early, "replay.timer"),
    Attack(date_a_consequence_otherwise, "replay.diverged"),
    Attack(back_date_an_entry, "replay.entered"),
    Attack(somebody_who_could_not, "replay.authority"),
    Attack(nobody_decides, "replay.authority"),
    Attack(somebody_strikes_a_clock, "replay.authority"),
    Attack(a_signal_by_a_person, "replay.authority"),
    Attack(a_repair_by_a_clerk, "replay.authority"),
    Attack(skip_the_second_signature, "replay.signatures"),
    Attack(answer_what_the_form_does_not_ask, "replay.answers"),
    Attack(a_signal_nobody_sent, "signal.not_sent"),
    Attack(a_migration_nobody_ordered, "migration.not_ordered"),
    Attack(opened_by_a_definition_nobody_published, "definition.not_in_force"),
    Attack(opened_by_a_version_of_later, "definition.not_published"),
    Attack(another_document_in_its_place, "document.forged"),
    Attack(a_number_of_another_series, "document.number"),
    Attack(the_bytes_of_a_document, "document.differs"),
    Attack(the_name_of_a_document, "document.differs"),
    Attack(publish_otherwise, "content.differs"),
    Attack(publish_from_another_day_on_record, "content.differs"),
    Attack(exchange_a_definition, "definition.differs"),
    Attack(exchange_the_calendar, "calendar.differs"),
    Attack(a_delegation_nobody_gave, "content.differs"),
    Attack(a_delegation_to_somebody_else, "content.differs"),
    Attack(a_content_nobody_names, "content.unnamed"),
    Attack(a_case_in_the_lists_only, "list.stray"),
    Attack(abolish_as_a_clerk, "office.authority"),
    Attack(back_date_a_change_of_the_organisation, "office.instant"),
    Attack(delete_a_case, "number.missing"),
    Attack(delete_the_last_case, seals="seal.truncated"),
    Attack(cut_off_the_tail, seals="seal.truncated"),
    Attack(a_net_that_was_not_drawn, seals="seal.differs"),
    Attack(act_as_somebody_last_week, seals="seal.backdated"),
    Attack(a_case_of_last_week, seals="seal.backdated"),
    Attack(another_answer, copy="seal.rewritten", key="seal.signature"),
    Attack(another_outcome, copy="seal.rewritten", key="seal.signature"),
    Attack(another_permitted_person, copy="seal.rewritten", key="seal.signature"),
    Attack(a_case_that_never_was, copy="seal.rewritten", key="seal.signature"),
    Attack(every_seal_gone, copy="seal.missing", key="seal.missing"),
    Attack(sealed_again_with_the_stolen_key, copy="seal.rewritten"),
    Attack(put_back_a_backup, copy="seal.missing", key="seal.missing", on_seals=True),
    Attack(put_back_a_backup_of_after_a_seal, copy="seal.missing", on_seals=True),
    Attack(a_leaf, seals="seal.root", on_seals=True),
    Attack(the_secret, seals="seal.secret", on_seals=True),
    Attack(the_seal_on_record, seals="seal.root", on_seals=True),
    Attack(the_signature, copy="seal.rewritten", key="seal.signature", on_seals=True),
    Attack(act_as_somebody),
    Attack(an_opinion_without_its_reason),
    Attack(say_that_it_was_delivered),
]


@pytest.fixture
def each(days: Days, tmp_path: Path) -> Callable[[Path], Hand]:
    """A hand on a copy of the office as it was on a day."""

    def take(day: Path) -> Hand:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{tmp_path / 'office.db'}{suffix}").unlink(missing_ok=True)
        return Hand(Path(shutil.copy(day, tmp_path / "office.db")), days)

    return take


def test_the_office_that_nobody_attacked_has_no_findings(days: Days, each: Callable[[Path], Hand]) -> None:
    checked: Counter[str] = Counter()
    hand = each(days.sealed)
    with Office.open(str(hand.path)) as office:
        assert office.verify(copy=days.copy, key=public(KEY), checked=checked)[1] == []
    assert all(checked.values()), checked
    assert hand.found() == each(days.unsealed).found() == set()


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_each_attack_is_found_by_what_the_table_says_and_by_nothing_less(
    days: Days, each: Callable[[Path], Hand], attack: Attack
) -> None:
    hand = each(days.sealed)
    attack.act(hand)
    found = hand.found()
    if attack.alone:
        assert attack.alone in found
        return
    # Whatever this test calls unseen, `verify` has nothing at all to say about.
    assert attack.seals in found if attack.seals else found == set()
    if not attack.seals:
        by_copy, by_key = hand.found(copy=days.copy), hand.found(key=public(KEY))
        assert attack.copy in by_copy if attack.copy else by_copy == set()
        assert attack.key in by_key if attack.key else by_key == set()
    if not attack.on_seals:
        hand = each(days.unsealed)
        attack.act(hand)
        assert hand.found() == set()


def test_the_threat_model_has_the_same_table() -> None:
    text = (Path(__file__).parent.parent / "docs" / "threat-model.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([a-z ]+) \|.*\| (.*?) \| (.*?) \| (.*?) \| (.*?) \|$", text, re.M)
    told = {name: tuple(re.sub(r"[`—]", "", cell) for cell in cells) for name, *cells in rows[1:]}
    assert told == {one.name: (one.alone, one.seals, one.copy, one.key) for one in ATTACKS}
