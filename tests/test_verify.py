"""Whoever edits the database by hand is found out: `verify` names the case and the event."""

from __future__ import annotations

import base64
import json
import random
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from databases import ask, dump, unguard
from drawing import draw
from items import DAY, NOON, play, publish

from engine.definition import builtin
from engine.errors import Diverged, Refusal
from engine.events import GENESIS, OFFICE, canonical, digest
from engine.office import Office

Row = tuple[str, int, bytes, str]

WAITING = draw(
    "start s; user a; boundary late a after P9D; user b; end e; end f", "s -> a -> e; late -> b -> f"
)

HIRED = {"kind": "person.add", "id": "new.hand", "name": {"zh": "新人", "en": "New Hand"}}


@dataclass(frozen=True)
class Sealed:
    """An untouched office: three finished cases, an open one with a timer, the shipped items and one more,
    and a change of the organisation."""

    path: Path
    rows: tuple[Row, ...]
    cases: tuple[str, ...]

    def of(self, case: str) -> list[Row]:
        return [row for row in self.rows if row[0] == case]


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Sealed:
    folder = tmp_path_factory.mktemp("sealed")
    path = folder / "office.db"
    with Office.create_rehearsal(str(path), NOON) as office:
        for item in builtin().items().values():
            office.publish(item, NOON)
        lanes = dict.fromkeys("sabef", "civil") | {"late": "civil"}
        publish(office, folder, WAITING, lanes=lanes, code="waiting")
        cases = [play(office, "enterprise-startup", "objection"), play(office, "senior-card", "seventy")]
        cases += [office.open_case("tang.li", "waiting", {}, NOON).case for _ in range(2)]
        office.do("tang.li", cases[-1], "a", {}, NOON + DAY)
        office.change_organisation(None, HIRED, NOON + 20 * DAY)
        assert office.verify() == (len(cases) + 1, [])
    ask(str(path), "PRAGMA wal_checkpoint(TRUNCATE)")
    unguard(str(path))
    rows = ask(str(path), "SELECT case_no, seq, body, hash FROM events ORDER BY case_no, seq")
    return Sealed(path, tuple(rows), tuple(cases))


class Hand:
    """A hand on a copy of the office's database."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def do(self, sql: str, *values: Any) -> None:
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            assert connection.execute(sql, values).rowcount, sql

    def write(self, case: str, rows: Sequence[tuple[int, bytes, str]]) -> None:
        """Put these in the place of the case's history."""
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute("DELETE FROM events WHERE case_no = ?", (case,))
            connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?)", [(case, *row) for row in rows])

    def rehash(self, case: str, bodies: Sequence[dict[str, Any]], *, head: bool = True) -> None:
        """Put a history in place that is perfectly chained, and move the head to its end."""
        rows, prev = [], GENESIS
        for seq, body in enumerate(bodies, 1):
            written = canonical({**body, "seq": seq, "prev": prev})
            prev = digest(written)
            rows.append((seq, written, prev))
        self.write(case, rows)
        if head:
            self.do("UPDATE heads SET seq = ?, hash = ? WHERE case_no = ?", len(rows), prev, case)

    def findings(self) -> list[str]:
        """What `verify` (or opening the office) says."""
        try:
            with Office.open(self.path) as office:
                found = office.verify()[1]
        except Diverged as diverged:
            found = [diverged]
        assert all(isinstance(finding, Diverged) and str(finding.remedy) for finding in found)
        return [str(finding) for finding in found]


@pytest.fixture
def hand(sealed: Sealed, tmp_path: Path) -> Hand:
    return Hand(shutil.copy(sealed.path, tmp_path / "copy.db"))


@pytest.fixture
def each(sealed: Sealed, tmp_path: Path) -> Iterator[Callable[[], Hand]]:
    """A fresh copy each time."""
    yield lambda: Hand(shutil.copy(sealed.path, tmp_path / "copy.db"))


def names(findings: list[str], case: str, *events: int) -> bool:
    """Whether a finding names the case and one of the events."""
    places = re.compile(rf"\bevent ({'|'.join(map(str, events))})\b")
    return any(case in finding and places.search(finding) for finding in findings)


# --- nothing is wrong


def test_an_untouched_office_has_no_findings(hand: Hand, sealed: Sealed) -> None:
    assert hand.findings() == []
    assert len(sealed.rows) > 80


def test_a_state_that_only_spells_its_numbers_as_earlier_versions_did_is_no_finding(
    hand: Hand, sealed: Sealed
) -> None:
    with closing(sqlite3.connect(hand.path)) as connection:
        select = "SELECT state FROM heads WHERE case_no = ?"
        state = json.loads(connection.execute(select, (sealed.cases[0],)).fetchone()[0])
    update = "UPDATE heads SET state = ? WHERE case_no = ?"
    hand.do(update, json.dumps(state).encode(), sealed.cases[0])
    assert hand.findings() == []
    hand.do(update, json.dumps({**state, "notices": 0.00001}).encode(), sealed.cases[0])
    assert any("stored state" in finding for finding in hand.findings())


def test_one_case_can_be_verified_alone(hand: Hand, sealed: Sealed) -> None:
    hand.do("UPDATE events SET hash = ? WHERE case_no = ? AND seq = 2", "0" * 64, sealed.cases[0])
    with Office.open(hand.path) as office:
        assert office.verify(sealed.cases[1]) == (1, [])
        assert office.verify(sealed.cases[0])[1]


# --- a hostile hand on the histories


def test_a_changed_byte_of_any_event_is_found(sealed: Sealed, each: Callable[[], Hand]) -> None:
    chance = random.Random(1)
    for case, seq, body, _ in sealed.rows:
        hand = each()
        place = chance.randrange(len(body))
        changed = bytearray(body)
        changed[place] ^= 1 << chance.randrange(8)
        hand.do("UPDATE events SET body = ? WHERE case_no = ? AND seq = ?", bytes(changed), case, seq)
        assert names(hand.findings(), case, seq), (case, seq, place)


def test_any_changed_hash_is_found(sealed: Sealed, each: Callable[[], Hand]) -> None:
    for case, seq, _, stored in sealed.rows:
        hand = each()
        changed = stored[:-1] + ("0" if stored[-1] != "0" else "1")
        hand.do("UPDATE events SET hash = ? WHERE case_no = ? AND seq = ?", changed, case, seq)
        assert names(hand.findings(), case, seq), (case, seq)


def test_any_removed_event_is_found(sealed: Sealed, each: Callable[[], Hand]) -> None:
    for case, seq, _, _ in sealed.rows:
        hand = each()
        hand.do("DELETE FROM events WHERE case_no = ? AND seq = ?", case, seq)
        last = seq == len(sealed.of(case))
        # The head still knows of the last one; the others leave a hole.
        findings = hand.findings()
        assert names(findings, case, seq - 1 if last else seq), (case, seq)


def test_a_removed_event_is_found_even_if_the_others_close_up(
    sealed: Sealed, each: Callable[[], Hand]
) -> None:
    case = sealed.cases[0]
    rows = [row[1:] for row in sealed.of(case)]
    for gone in range(len(rows)):
        hand = each()
        rest = rows[:gone] + rows[gone + 1 :]
        hand.write(case, [(seq, body, stored) for seq, (_, body, stored) in enumerate(rest, 1)])
        assert names(hand.findings(), case, gone + 1, gone), gone


@pytest.mark.parametrize("rewritten", [False, True], ids=["as they are", "with new numbers and hashes"])
def test_any_two_swapped_neighbours_are_found(
    sealed: Sealed, each: Callable[[], Hand], rewritten: bool
) -> None:
    case = sealed.cases[1]
    rows = [row[1:] for row in sealed.of(case)]
    for first in range(len(rows) - 1):
        hand = each()
        order = [*rows[:first], rows[first + 1], rows[first], *rows[first + 2 :]]
        if rewritten:
            hand.rehash(case, [json.loads(body) for _, body, _ in order])
        else:
            hand.write(case, [(seq, body, stored) for seq, (_, body, stored) in enumerate(order, 1)])
        assert names(hand.findings(), case, first + 1, first + 2), first


def test_an_event_inserted_anywhere_is_found(sealed: Sealed, each: Callable[[], Hand]) -> None:
    case = sealed.cases[1]
    rows = sealed.of(case)
    bodies = [json.loads(body) for _, _, body, _ in rows]
    forged = {**bodies[1], "type": "task.cancelled", "data": {"task": "a", "element": "a"}}
    for place in range(len(rows) + 1):
        hand = each()
        hand.rehash(case, [*bodies[:place], forged, *bodies[place:]])
        assert names(hand.findings(), case, place + 1), place


def test_any_consequence_changed_with_all_hashes_and_the_head_made_good_is_found(
    sealed: Sealed, each: Callable[[], Hand]
) -> None:
    """What people entered is theirs to say; what followed from it is not."""
    chance = random.Random(3)
    for case in sealed.cases:
        bodies = [json.loads(body) for _, _, body, _ in sealed.of(case)]
        for place, body in enumerate(bodies):
            if body["type"] in ("case.opened", "task.completed", "message.received"):
                continue
            hand = each()
            name = chance.choice(sorted(body["data"]))
            value = "2026-03-02T09:00:00.000000Z" if name == "due" else f"{body['data'][name]}x"
            data = {**body["data"], name: value}
            hand.rehash(case, [*bodies[:place], {**body, "data": data}, *bodies[place + 1 :]])
            assert names(hand.findings(), case, place + 1), (case, place, name)


def test_a_forged_act_at_the_end_with_a_good_hash_is_found(hand: Hand, sealed: Sealed) -> None:
    case = sealed.cases[2]
    *_, (_, seq, body, stored) = sealed.of(case)
    act = {"type": "task.completed", "data": {"task": "a", "element": "a", "data": {}}}
    by = {"person": "tang.li", "unit": "civil", "post": "clerk"}
    forged = canonical({**json.loads(body), **act, "by": by, "seq": seq + 1, "prev": stored})
    hand.do("INSERT INTO events VALUES (?, ?, ?, ?)", case, seq + 1, forged, digest(forged))
    assert names(hand.findings(), case, seq + 1) or names(hand.findings(), case, seq)


def test_any_answer_changed_with_all_hashes_made_good_is_found(
    sealed: Sealed, each: Callable[[], Hand]
) -> None:
    case = sealed.cases[0]
    bodies = [json.loads(body) for _, _, body, _ in sealed.of(case)]
    acts = [n for n, body in enumerate(bodies) if body["type"] == "task.completed"]
    for act in acts:
        hand = each()
        changed = json.loads(json.dumps(bodies))
        changed[act]["data"]["data"]["forged"] = True
        hand.rehash(case, changed, head=False)
        assert names(hand.findings(), case, act + 1, act + 2, len(bodies)), act


def test_an_answer_changed_with_the_head_made_good_as_well_shows_in_the_state(
    hand: Hand, sealed: Sealed
) -> None:
    case = sealed.cases[0]
    bodies = [json.loads(body) for _, _, body, _ in sealed.of(case)]
    decision = next(
        body for body in bodies if body["data"].get("task") == "decide" and "data" in body["data"]
    )
    decision["data"]["data"]["reason"] = "另有原因"
    hand.rehash(case, bodies)
    assert names(hand.findings(), case, len(bodies))


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_a_tail_cut_off_is_found(hand: Hand, sealed: Sealed, kept: int) -> None:
    case = sealed.cases[0]
    hand.do("DELETE FROM events WHERE case_no = ? AND seq > ?", case, kept)
    findings = hand.findings()
    assert names(findings, case, kept) or any(f"{case} was opened but has no history" in f for f in findings)


def test_a_tail_cut_off_with_its_head_moved_back_is_found(sealed: Sealed, each: Callable[[], Hand]) -> None:
    case = sealed.cases[0]
    bodies = [json.loads(body) for _, _, body, _ in sealed.of(case)]
    for kept in range(1, len(bodies)):
        hand = each()
        hand.rehash(case, bodies[:kept])
        assert any(case in finding for finding in hand.findings()), kept


def test_events_that_make_no_sense_but_have_good_hashes_are_found(
    sealed: Sealed, each: Callable[[], Hand]
) -> None:
    case = sealed.cases[1]
    bodies = [json.loads(body) for _, _, body, _ in sealed.of(case)]
    for part in ("at", "data"):
        for nonsense in (None, 7, "x", [], {"a": {}}):
            hand = each()
            changed = json.loads(json.dumps(bodies))
            if part == "data":
                changed[2]["data"] = dict.fromkeys(changed[2]["data"], nonsense)
            else:
                changed[2]["at"] = nonsense
            hand.rehash(case, changed)
            assert names(hand.findings(), case, 3), (part, nonsense)


# --- a hostile hand on what is kept beside them

BESIDE: dict[str, tuple[str, Callable[[Sealed], tuple[Any, ...]]]] = {
    "state of a head": ("UPDATE heads SET state = ? WHERE case_no = ?", lambda s: (b"{}", s.cases[0])),
    "hash of a head": ("UPDATE heads SET hash = ? WHERE case_no = ?", lambda s: ("0" * 64, s.cases[0])),
    "status of a head": (
        "UPDATE heads SET status = 'open', closed_at = NULL WHERE case_no = ?",
        lambda s: (s.cases[0],),
    ),
    "definition of a head": (
        "UPDATE heads SET definition = (SELECT definition FROM definitions WHERE item = 'senior-card') "
        "WHERE case_no = ?",
        lambda s: (s.cases[0],),
    ),
    "no head": ("DELETE FROM heads WHERE case_no = ?", lambda s: (s.cases[0],)),
    "no open step": ("DELETE FROM tasks WHERE case_no = ?", lambda s: (s.cases[2],)),
    "step of another post": ("UPDATE tasks SET unit = 'tax' WHERE case_no = ?", lambda s: (s.cases[2],)),
    "step for nobody": (
        "INSERT INTO tasks SELECT ?, 'z', element, unit, post, item, opened_at, due FROM tasks LIMIT 1",
        lambda s: (s.cases[0],),
    ),
    "no timer": ("DELETE FROM timers WHERE case_no = ?", lambda s: (s.cases[2],)),
    "timer of another day": (
        "UPDATE timers SET due = '2099-01-01T00:00:00.000000Z' WHERE case_no = ?",
        lambda s: (s.cases[2],),
    ),
    "number of a document": (
        "UPDATE documents SET number = '执照〔2026〕99号' WHERE case_no = ? AND document = 'licence'",
        lambda s: (s.cases[0],),
    ),
    "document exchanged for another": (
        "UPDATE documents SET digest = (SELECT digest FROM documents WHERE document = 'decision') "
        "WHERE case_no = ? AND document = 'licence'",
        lambda s: (s.cases[0],),
    ),
    "no document": ("DELETE FROM documents WHERE case_no = ?", lambda s: (s.cases[0],)),
    "document's bytes": (
        "UPDATE contents SET content = CAST(content || 'x' AS BLOB) WHERE digest = "
        "(SELECT digest FROM documents WHERE case_no = ? AND document = 'licence')",
        lambda s: (s.cases[0],),
    ),
    "document's bytes gone": (
        "DELETE FROM contents WHERE digest = "
        "(SELECT digest FROM documents WHERE case_no = ? AND document = 'licence')",
        lambda s: (s.cases[0],),
    ),
    "a whole case gone": ("DELETE FROM events WHERE case_no = ?", lambda s: (s.cases[0],)),
}


@pytest.mark.parametrize("edit", BESIDE)
def test_an_edit_of_what_is_kept_beside_the_histories_is_found(hand: Hand, sealed: Sealed, edit: str) -> None:
    sql, values = BESIDE[edit]
    case = next(value for value in values(sealed) if value in sealed.cases)
    hand.do(sql, *values(sealed))
    assert any(case in finding for finding in hand.findings()), hand.findings()


def test_documents_say_which_event_issued_them_when_their_bytes_are_changed(
    hand: Hand, sealed: Sealed
) -> None:
    filed = ask(hand.path, "SELECT seq, number, digest FROM documents WHERE case_no = ?", sealed.cases[0])
    assert len(filed) > 5
    for _, _, named in filed:
        hand.do("UPDATE contents SET content = ? WHERE digest = ?", b"forged", named)
    findings = hand.findings()
    for seq, number, _ in filed:
        assert any(f"event {seq}" in finding and number in finding for finding in findings)


def test_a_case_deleted_without_trace_leaves_a_gap_in_the_numbers(
    sealed: Sealed, each: Callable[[], Hand]
) -> None:
    for case in sealed.cases:
        hand = each()
        for table in ("events", "heads", "tasks", "timers", "documents"):
            with closing(sqlite3.connect(hand.path, isolation_level=None)) as connection:
                connection.execute(f"DELETE FROM {table} WHERE case_no = ?", (case,))
        findings = hand.findings()
        assert f"case {case} was opened but has no history" in findings
    # The documents of the case that went with it are missed as well.
    assert not any("issued" in finding for finding in findings)


def test_a_case_that_nobody_opened_is_found(hand: Hand, sealed: Sealed) -> None:
    real = sealed.cases[3]
    forged = real[:-5] + "00003"
    bodies = [{**json.loads(body), "case": forged} for _, _, body, _ in sealed.of(real)]
    hand.do("INSERT INTO heads SELECT ?, seq, hash, state, item, definition, status, opened_at, closed_at "
            "FROM heads WHERE case_no = ?", forged, real)  # fmt: skip
    hand.do("INSERT INTO events VALUES (?, 1, x'00', '')", forged)
    hand.rehash(forged, bodies)
    assert f"nobody ever gave the number {forged}" in hand.findings()


# --- a hostile hand on the office itself


def packed(hand: Hand, item: str) -> tuple[str, dict[str, Any]]:
    ((named, content),) = ask(
        hand.path,
        "SELECT digest, content FROM contents JOIN definitions ON definition = digest WHERE item = ?",
        item,
    )
    return named, json.loads(content)


def put(hand: Hand, named: str, content: bytes) -> None:
    hand.do("UPDATE contents SET content = ? WHERE digest = ?", content, named)


def published(sealed: Sealed, item: str) -> int:
    """The number of the event that published the item."""
    return next(seq for _, seq, body, _ in sealed.of(OFFICE) if json.loads(body)["data"].get("item") == item)


def test_a_changed_byte_of_a_published_definition_is_found(sealed: Sealed, each: Callable[[], Hand]) -> None:
    chance = random.Random(2)
    seq = published(sealed, "senior-card")
    for _ in range(30):
        hand = each()
        named, content = packed(hand, "senior-card")
        changed = bytearray(canonical(content))
        place = chance.randrange(len(changed))
        changed[place] ^= 1 << chance.randrange(7)
        put(hand, named, bytes(changed))
        assert names(hand.findings(), OFFICE, seq), place


def test_a_changed_net_in_a_stored_definition_is_found(hand: Hand, sealed: Sealed) -> None:
    named, content = packed(hand, "senior-card")
    scope = content["net"]["scopes"]["senior_card"]
    node = next(node for node in scope["nodes"].values() if node.get("lane") == "窗口授权审批岗")
    node["lane"] = "老龄服务窗口"  # who may receive may now approve
    put(hand, named, canonical(content))
    assert names(hand.findings(), OFFICE, published(sealed, "senior-card"))


def test_a_changed_form_with_the_digest_made_good_is_found(hand: Hand, sealed: Sealed) -> None:
    named, content = packed(hand, "waiting")
    content["files"]["item.toml"] = base64.b64encode(
        base64.b64decode(content["files"]["item.toml"]).replace(b'"grant"', b'"refuse"')
    ).decode()
    content["digest"] = digest(
        canonical({path: digest(base64.b64decode(text)) for path, text in content["files"].items()})
    )
    put(hand, named, canonical(content))
    findings = hand.findings()
    assert names(findings, OFFICE, published(sealed, "waiting"))
    assert names(findings, sealed.cases[2], 1)


def test_a_definition_exchanged_for_another_is_found(hand: Hand, sealed: Sealed) -> None:
    named, _ = packed(hand, "senior-card")
    _, other = packed(hand, "waiting")
    put(hand, named, canonical(other))
    assert names(hand.findings(), OFFICE, published(sealed, "senior-card"))


OFFICE_EDITS = {
    "the day a version comes into force": "UPDATE definitions SET effective = '2000-01-01' "
    "WHERE item = 'waiting'",
    "a version withdrawn": "DELETE FROM definitions WHERE item = 'waiting'",
    "a version exchanged": "UPDATE definitions SET definition = (SELECT definition FROM definitions "
    "WHERE item = 'senior-card') WHERE item = 'waiting'",
    "a version nobody published": "INSERT INTO definitions SELECT item, 2, ?, net, effective, published_at "
    "FROM definitions WHERE item = 'waiting'",
    "the office's head": "UPDATE heads SET seq = seq + 1 WHERE case_no = 'office'",
    "the organisation's text": "UPDATE contents SET content = CAST(content || '# x' AS BLOB) "
    "WHERE digest = (SELECT value ->> '$.organisations[0][1]' FROM meta WHERE name = 'standing')",
    "the organisation's text gone": "DELETE FROM contents "
    "WHERE digest = (SELECT value ->> '$.organisations[0][1]' FROM meta WHERE name = 'standing')",
    "which organisation": "UPDATE meta SET value = json_set(value, '$.organisations[0][1]', "
    "(SELECT digest FROM documents LIMIT 1)) WHERE name = 'standing'",
    "a calendar for the organisation": "UPDATE meta SET value = json_set(value, '$.organisations[0][1]', "
    "value ->> '$.calendars[0][1]') WHERE name = 'standing'",
    "a calendar for the organisation of now": "UPDATE meta SET value = json_set(value, "
    "'$.organisations[1][1]', value ->> '$.calendars[0][1]') WHERE name = 'standing'",
    "since when the organisation": "UPDATE meta SET value = json_set(value, '$.organisations[1][0]', "
    "'2001-01-01T00:00:00.000000Z') WHERE name = 'standing'",
    "a change of the organisation taken back": "UPDATE meta SET value = json_remove(value, "
    "'$.organisations[1]') WHERE name = 'standing'",
    "an organisation nobody recorded": "UPDATE meta SET value = json_insert(value, '$.organisations[#]', "
    "json_array('2026-04-01T00:00:00.000000Z', value ->> '$.organisations[0][1]')) WHERE name = 'standing'",
    "which calendar": "UPDATE meta SET value = json_set(value, '$.calendars[0][1]', "
    "(SELECT digest FROM documents LIMIT 1)) WHERE name = 'standing'",
    "since when the calendar": "UPDATE meta SET value = json_set(value, '$.calendars[0][0]', "
    "'2001-01-01T00:00:00.000000Z') WHERE name = 'standing'",
    "the calendar's text": "UPDATE contents SET content = CAST(content || ' ' AS BLOB) "
    "WHERE digest = (SELECT value ->> '$.calendars[0][1]' FROM meta WHERE name = 'standing')",
    "nothing in force": "DELETE FROM meta WHERE name = 'standing'",
    "no events": "DELETE FROM events WHERE case_no = 'office'",
    "no first event": "DELETE FROM events WHERE case_no = 'office' AND seq = 1",
}


@pytest.mark.parametrize("edit", OFFICE_EDITS)
def test_an_edit_of_the_office_itself_is_found(hand: Hand, edit: str) -> None:
    sql = OFFICE_EDITS[edit]
    hand.do(sql, *(["0" * 64] * sql.count("?")))
    assert any("office" in finding or "waiting" in finding for finding in hand.findings()), hand.findings()


def test_a_change_of_the_organisation_that_does_not_give_the_one_on_record_is_found(
    hand: Hand, sealed: Sealed
) -> None:
    bodies = [json.loads(body) for _, _, body, _ in sealed.of(OFFICE)]
    place = next(n for n, body in enumerate(bodies, 1) if body["type"] == "organisation.changed")
    bodies[place - 1]["data"]["change"]["name"]["zh"] = "旧人"
    hand.rehash(OFFICE, bodies)
    assert names(hand.findings(), OFFICE, place)


def test_what_is_in_memory_does_not_hide_what_was_changed_on_disk(hand: Hand, sealed: Sealed) -> None:
    with Office.open(hand.path) as office:
        assert office.verify()[1] == []
        named, content = packed(hand, "waiting")
        put(hand, named, canonical({**content, "format": 2}))
        assert any(OFFICE in str(finding) for finding in office.verify()[1])


# --- what the database itself refuses

GUARDED = {
    "events": "case_no, seq",
    "documents": "case_no, seq",
    "contents": "digest",
    "definitions": "item, version",
}


@pytest.mark.parametrize("table", GUARDED)
@pytest.mark.parametrize("act", ["update", "delete"])
def test_the_database_refuses_to_change_or_remove_what_is_on_record(
    database: str, tmp_path: Path, table: str, act: str
) -> None:
    with Office.create_rehearsal(database, NOON) as office:
        office.publish(builtin().items()["senior-card"], NOON)
        play(office, "senior-card", "one-day-short")
    before = dump(database)
    assert before[table]
    column = GUARDED[table].split(",")[0]
    sql = f"UPDATE {table} SET {column} = {column}" if act == "update" else f"DELETE FROM {table}"
    with pytest.raises((sqlite3.DatabaseError, psycopg.DatabaseError), match="append-only"):
        ask(database, sql)
    assert dump(database) == before


def test_a_case_of_which_the_definition_is_gone_is_refused_not_run_by_another(
    hand: Hand, sealed: Sealed
) -> None:
    hand.do("DELETE FROM contents WHERE digest = (SELECT definition FROM definitions WHERE item = 'waiting')")
    with Office.open(hand.path) as office, pytest.raises(Refusal) as refused:
        office.do("tang.li", sealed.cases[2], "a", {}, NOON)
    assert refused.value.kind == "diverged"


# --- what reads a history, or continues it, checks it first


def test_neither_history_nor_replay_nor_show_tells_a_history_that_was_changed(
    hand: Hand, sealed: Sealed
) -> None:
    case = sealed.cases[0]
    hand.do("UPDATE events SET hash = ? WHERE case_no = ? AND seq = 2", "0" * 64, case)
    with Office.open(hand.path) as office:
        for look in (office.history, office.replay, office.show):
            with pytest.raises(Diverged) as found:
                look(case)
            assert names([str(found.value)], case, 2)


def test_an_act_does_not_continue_a_history_whose_head_was_changed(hand: Hand, sealed: Sealed) -> None:
    case = sealed.cases[2]
    before = dump(hand.path)
    hand.do("UPDATE heads SET hash = ? WHERE case_no = ?", "0" * 64, case)
    with Office.open(hand.path) as office, pytest.raises(Diverged):
        office.do("tang.li", case, "a", {}, NOON + DAY)
    hand.do("UPDATE heads SET hash = ? WHERE case_no = ?", sealed.of(case)[-1][3], case)
    assert dump(hand.path) == before


@pytest.mark.parametrize("seq", [0, -7, "abc"])
def test_an_event_before_the_first_is_refused_by_the_database(
    hand: Hand, sealed: Sealed, seq: object
) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        hand.do("INSERT INTO events VALUES (?, ?, x'7b7d', '')", sealed.cases[0], seq)


def test_an_act_that_its_person_could_not_do_is_found_even_if_all_hashes_fit(
    hand: Hand, sealed: Sealed
) -> None:
    case = sealed.cases[0]
    bodies = [json.loads(body) for _, _, body, _ in sealed.of(case)]
    done = [body for body in bodies if body["type"] == "task.completed"]
    by = next(body["by"] for body in done if body["data"]["element"] == "tax_review")
    for body in bodies:
        if body["by"] == by:
            body["by"] = {**by, "person": "wang.lei"}
    hand.rehash(case, bodies)
    findings = hand.findings()
    assert any("wang.lei could not act for reviewer in tax" in finding for finding in findings), findings


@pytest.mark.parametrize("version", [0, 2, 3, -1, "1", None])
def test_an_act_judged_by_a_version_of_the_organisation_that_was_not_in_force_is_found(
    hand: Hand, sealed: Sealed, version: object
) -> None:
    case = sealed.cases[0]
    bodies = [json.loads(body) for _, _, body, _ in sealed.of(case)]
    place = next(n for n, body in enumerate(bodies, 1) if body["type"] == "task.completed")
    assert bodies[place - 1]["by"]["org"] == 1
    bodies[place - 1]["by"]["org"] = version
    hand.rehash(case, bodies)
    assert names(hand.findings(), case, place)


def test_an_item_joined_with_another_items_definition_is_found(hand: Hand) -> None:
    hand.do(
        "INSERT INTO definitions SELECT 'enterprise-startup', 2, definition, net, effective, published_at "
        "FROM definitions WHERE item = 'senior-card'"
    )
    assert "version 2 of enterprise-startup was never published" in hand.findings()
