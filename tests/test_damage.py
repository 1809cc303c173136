"""Rubbish in one row of the database is one finding of `verify`, and a refusal where somebody looks at it."""

from __future__ import annotations

import io
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from databases import ask, unguard
from drawing import draw
from items import DAY, NOON, organisation, publish
from terminal import lianban

from engine.errors import Diverged, Refusal
from engine.events import OFFICE
from engine.office import Office
from engine.office.exporting import Wanted

DRAWN = draw(
    "start s; user a; user b; boundary late b after P30D; user c; end e; end f",
    "s -> a -> b -> e; late -> c -> f",
)
BAD, OTHER, GOOD = (f"539901-SL-LB0001-2026-0000{n}" for n in (1, 2, 3))

NO_TEXT, DEEP = "CAST(x'ff41fe' AS TEXT)", f"'{'[' * 5000}{']' * 5000}'"
RUBBISH = {
    "no text": NO_TEXT,
    "bytes": "x'00ff'",
    "nothing": "NULL",
    "a huge number": "9223372036854775807",
    "deep": DEEP,
}
CELLS = {
    "events": ("body", "hash", "seq", "case_no"),
    "heads": ("state", "hash", "definition", "seq", "case_no", "opened_at"),
    "tasks": ("element", "opened_at", "case_no", "due"),
    "timers": ("due", "timer"),
    "documents": ("digest", "name", "number"),
    "definitions": ("net", "version", "published_at"),
    "contents": ("content", "digest"),
    "leaves": ("hash", "seq", "case_no", "position"),
    "numbers": ("value", "series"),
    "meta": ("value", "name"),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sealed office with three cases, and columns that take what they are given."""
    folder = tmp_path_factory.mktemp("damage")
    path = folder / "whole.db"
    with Office.create_rehearsal(str(path), NOON, organisation(1)) as office:
        publish(office, folder, DRAWN, code="item", documents={"a": "letter"})
        for _ in range(3):
            case = office.open_case("clerk", "item", {}, NOON).case
            office.do("clerk", case, "a", {}, NOON)
        office.seal(NOON + DAY, None, None, None)
        assert office.verify()[1] == []
    unguard(str(path))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_master SET sql = replace(sql, ' NOT NULL', '')")
        connection.commit()
    # In another case, and in its first event: what has to be found all the same.
    ask(str(path), "UPDATE events SET hash = 'x' WHERE case_no = ? AND seq = 1", OTHER)
    ask(str(path), "PRAGMA wal_checkpoint(TRUNCATE)")
    return path


@pytest.fixture
def spoilt(whole: Path, tmp_path: Path) -> Callable[[str, str, str], bool]:
    """Puts a value into the first cell of a table's column; whether the database took it."""

    def spoil(table: str, column: str, value: str) -> bool:
        shutil.copy(whole, tmp_path / "lianban.db")
        with closing(sqlite3.connect(tmp_path / "lianban.db", isolation_level=None)) as connection:
            try:
                connection.execute(
                    f"UPDATE {table} SET {column} = {value} WHERE {column} = "
                    f"(SELECT {column} FROM {table} ORDER BY 1 LIMIT 1)"
                    if table not in ("events", "heads", "tasks", "timers", "documents")
                    else f"UPDATE {table} SET {column} = {value} WHERE case_no = '{BAD}'"
                    + (" AND seq = 2" if table == "events" else "")
                )
            except sqlite3.IntegrityError:  # a key can't be missing, or a number a text
                return False
        return True

    return spoil


@pytest.mark.parametrize("table", CELLS)
def test_verify_names_the_row_and_looks_at_all_the_rest(
    spoilt: Callable[[str, str, str], bool], tmp_path: Path, table: str
) -> None:
    tried = 0
    for column in CELLS[table]:
        for what, value in RUBBISH.items():
            if not spoilt(table, column, value):
                continue
            tried += 1
            with Office.open(str(tmp_path / "lianban.db")) as office:
                found = office.verify()[1]
            told = [str(finding.message) for finding in found]
            assert any(OTHER in text and "event 1" in text for text in told), (column, what)
            unfit = [str(f.message) for f in found if f.code == "row.unreadable"]
            if (
                what == "no text"
                or (what == "bytes" and column not in ("body", "state", "content"))
                or (what == "nothing" and (table, column) != ("tasks", "due"))
            ):
                assert unfit and all(table in text and column in text for text in unfit), (column, what, told)
    assert tried >= 4


def test_whoever_looks_at_it_is_told_which_case_it_is_and_every_other_case_stays_usable(
    spoilt: Callable[[str, str, str], bool], tmp_path: Path
) -> None:
    def look(office: Office, case: str) -> None:
        office.show(case, NOON + DAY)
        office.told(case, office.history(case))
        office.retrace(case)
        office.why(case, None, NOON + DAY)
        office.explain(case, None, NOON + DAY)
        office.document(case, None)

    refused = 0
    for table in ("events", "heads", "tasks", "timers", "documents"):
        for column in CELLS[table]:
            for value in RUBBISH.values():
                if not spoilt(table, column, value):
                    continue
                with Office.open(str(tmp_path / "lianban.db")) as office:
                    look(office, GOOD)
                    office.do("clerk", GOOD, "b", {}, NOON + DAY)
                    for act in (
                        lambda: look(office, BAD),
                        lambda: office.inbox(None, NOON + DAY, everybody=True),
                        lambda: office.findings(BAD, NOON + DAY),
                        lambda: office.accountability(BAD, NOON + DAY),
                        lambda: office.export(Wanted("xes"), io.BytesIO()),
                        lambda: office.do("clerk", BAD, "b", {}, NOON + DAY),
                    ):
                        try:
                            act()
                        except Diverged as found:
                            assert "lianban verify" in str(found.remedy), (table, column, found)
                            refused += 1
                        except Refusal:
                            pass
    assert refused > 50


def test_the_commands_say_it_without_an_internal_error(
    spoilt: Callable[[str, str, str], bool], tmp_path: Path
) -> None:
    assert spoilt("heads", "state", NO_TEXT)
    for words in (["show", "1"], ["inbox", "--all"]):
        ran = lianban(tmp_path, *words, "--lang", "en")
        assert ran.code == 5 and BAD in ran.err and "`lianban verify " in ran.err, ran
    assert lianban(tmp_path, "show", "3").code == 0
    found = lianban(tmp_path, "verify", "--json")
    codes = {finding["code"] for finding in found.json["findings"]}
    assert found.code == 5 and {"row.unreadable", "chain.broken"} <= codes


def test_an_office_that_does_not_begin_is_verified_all_the_same(whole: Path, tmp_path: Path) -> None:
    shutil.copy(whole, tmp_path / "lianban.db")
    path = str(tmp_path / "lianban.db")
    ask(path, f"UPDATE events SET body = {NO_TEXT} WHERE case_no = ? AND seq = 1", OFFICE)
    ran = lianban(tmp_path, "verify", "--json")
    told = " ".join(finding["message"] for finding in json.loads(ran.out)["findings"])
    assert ran.code == 5 and "office" in told and OTHER in told
    refused = lianban(tmp_path, "show", "3", "--json")
    assert (refused.code, json.loads(refused.err)["code"]) == (5, "office.unreadable")
