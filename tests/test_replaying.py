"""The auditor's replay: act by act to any point, on the diagram; of every history at once, killed and gone on
with; and what it says of a record that was tampered with by somebody who knows how the chain is made."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from clock_items import clock
from databases import ask, unguard
from drawing import draw
from items import ANYTHING, DAY, HOUR, NOON, organisation, play, publish
from lxml import etree
from terminal import SCRIPT, environment, lianban, on_terminal

from engine.audit import records, replay
from engine.clock import Calendar, Overlay, read_instant, write_instant
from engine.definition import builtin, unpack
from engine.errors import Diverged, Invalid
from engine.events import GENESIS, TYPES, canonical, digest
from engine.flow.marking import open_tasks
from engine.office import Office
from engine.retrace import act_lines, marks_of, retrace

STARTUP = "539901-SC-LB0001-2026-00001"
HISTORIES = Path(__file__).parent / "histories"
CLONES = 60

Rows = list[tuple[int, bytes, str]]


def chained(bodies: Sequence[dict[str, Any]]) -> Rows:
    """A history with these bodies that is perfectly chained."""
    rows, prev = [], GENESIS
    for seq, body in enumerate(bodies, 1):
        written = canonical({**body, "seq": seq, "prev": prev})
        prev = digest(written)
        rows.append((seq, written, prev))
    return rows


# --- what was recorded, and what replay gives


@dataclass(frozen=True)
class Story:
    """A recorded history with what it is replayed by."""

    case: str
    bodies: tuple[dict[str, Any], ...]
    definition_of: Callable[[str], Any]
    calendar_of: Callable[[str], Any]

    def found(self, bodies: Sequence[dict[str, Any]]) -> Diverged | None:
        """What the replay says of these in the place of what was recorded, their chain in order."""
        try:
            for _ in replay(
                self.case, records(self.case, chained(bodies)), self.definition_of, self.calendar_of
            ):
                pass
        except Diverged as diverged:
            return diverged
        return None


@cache
def stories() -> list[Story]:
    found = []
    for path in sorted(HISTORIES.glob("*.json")):
        told = json.loads(path.read_text("utf-8"))
        packed = [told["definition"], *told.get("earlier", ())]
        definitions = {one.digest: one for one in map(unpacked, packed)}
        kept = json.loads(zlib.decompress(base64.b64decode(told["calendars"]))) if "calendars" in told else {}
        calendars = {named: Calendar.from_json(content) for named, content in kept.items()}
        bodies = tuple(json.loads(body) for _, body, _ in told["records"])
        found.append(Story(told["case"], bodies, definitions.__getitem__, calendars.__getitem__))
    return [*found, mishaps()]


def mishaps() -> Story:
    """What no recorded history has: something sent, broadcast, failed and mended, a clock moved by snow."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        office = stack.enter_context(
            Office.create_rehearsal(str(Path(folder) / "office.db"), NOON, organisation(1))
        )
        diagram = draw(
            "start s; send tell m; throw g signal done; user a; script k fee = 20 / copies; user b; end e",
            "s -> tell -> g -> a -> k -> b -> e",
        )
        clocks = clock("decision", "5wd", "s", stops=["b"])
        forms = {"s": ANYTHING, "a": ANYTHING}
        item = publish(office, Path(folder), diagram, clocks=clocks, forms=forms)
        case = office.open_case("clerk", item, {"copies": 0}, NOON).case
        snow = {"*": {date(2026, 3, 5): Overlay(False, "暴雪", "示政发〔2026〕1号")}}
        office.apply_calendar(office.import_calendar(snow, "", NOON + DAY, "clerk"), NOON + DAY, "clerk")
        office.do("clerk", case, "a", {}, NOON + DAY)
        office.retry("clerk", case, "k", {"copies": 4}, "份数录错", NOON + DAY)
        office.do("clerk", case, "b", {}, NOON + 2 * DAY)
        bodies = tuple(json.loads(record.body) for record in office.history(case))
        definitions, calendars = {}, {}
        with office._store.reading() as reader:
            for body in bodies:
                if named := body["data"].get("definition"):
                    definitions[named] = office._library.definition(reader, named)
                if named := body["data"].get("calendar"):
                    calendars[named] = office._library.calendar(reader, named)
        return Story(case, bodies, definitions.__getitem__, calendars.__getitem__)


@cache
def unpacked(packed: str) -> Any:
    return unpack(zlib.decompress(base64.b64decode(packed)))


def first_of(kind: str) -> tuple[Story, int]:
    """The history with the earliest event of this type, and its place there."""
    places = [
        (n, number)
        for number, story in enumerate(stories())
        for n, body in enumerate(story.bodies)
        if body["type"] == kind
    ]
    place, number = min(places)
    return stories()[number], place


def otherwise(value: Any) -> Any:
    """Another value of the same kind."""
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case str():
            return write_instant(read_instant(value) + DAY) if value.endswith("Z") else value + "x"
        case None:
            return "2026-03-02T04:00:00.000000Z"
        case list():
            return value[:-1] if value else ["x"]
        case dict():
            return {**value, "forged": 1}


RECORDED = {"document.issued": {"number", "content"}}
"""What no replay can derive of consequences: the office gives it, and `verify` looks at the paper."""

CONSEQUENCES = sorted(name for name, kind in TYPES.items() if not kind.fact)


@pytest.mark.parametrize("kind", CONSEQUENCES)
def test_a_forged_consequence_is_found_at_its_event_with_the_field_and_both_values(kind: str) -> None:
    story, place = first_of(kind)
    seq = place + 1
    for name, value in story.bodies[place]["data"].items():
        if name in RECORDED.get(kind, ()):
            continue
        forged = [*story.bodies]
        forged[place] = {**forged[place], "data": {**forged[place]["data"], name: otherwise(value)}}
        found = story.found(forged)
        assert found is not None, name
        said = str(found)
        assert f"diverged at event {seq}: recorded {kind} with {name}" in said, said
        assert ", replay gives " in said
        assert found.code == "replay.diverged"
        for text, there in ((found.found, otherwise(value)), (found.expected, value)):
            assert str(text).startswith(f"{kind} {{")
            assert f'"{name}":{canonical(there).decode()}' in str(text)


@pytest.mark.parametrize("name", ["at", "entered", "by"])
def test_a_consequence_can_not_be_dated_otherwise_or_laid_at_another_door(name: str) -> None:
    story, place = first_of("task.opened")
    value = {"person": "somebody"} if name == "by" else otherwise(story.bodies[place][name])
    forged = [*story.bodies]
    forged[place] = {**forged[place], name: value}
    said = str(story.found(forged))
    assert f"diverged at event {place + 1}: recorded task.opened with {name} " in said


ENTERED = {"data", "reason", "text"}
CHOSEN = {
    "case.migrated": {"accepted", "batch", "names", "undoes"},  # `verify` knows the order for it
    "contact.handed_over": {"to", "unit"},
    "recusal.challenged": {"party", "person", "recusal"},
    "recusal.decided": {"upheld"},
    "recusal.declared": {"recusal"},
    "task.handed_over": {"to"},
}
"""What people say and choose shows in what follows from it, or in the seals only."""

FACTS = sorted({b["type"] for story in stories() for b in story.bodies if TYPES[b["type"]].fact})


@pytest.mark.parametrize("kind", FACTS)
def test_a_fact_that_could_not_happen_is_found_at_its_event(kind: str) -> None:
    story, place = first_of(kind)
    for name, value in story.bodies[place]["data"].items():
        if name in ENTERED | CHOSEN.get(kind, set()):
            continue
        forged = [*story.bodies]
        forged[place] = {**forged[place], "data": {**forged[place]["data"], name: otherwise(value)}}
        assert f"diverged at event {place + 1}: " in str(story.found(forged)), name


def test_what_somebody_answered_otherwise_shows_in_what_followed_from_it() -> None:
    story, place = first_of("joint.decided")
    answers = [n for n in range(place) if story.bodies[n]["data"].get("data", {}).get("opinion") == "agree"]
    forged = [*story.bodies]
    given = forged[answers[-1]]["data"]
    forged[answers[-1]] = {
        **forged[answers[-1]],
        "data": {**given, "data": {**given["data"], "opinion": "disagree", "reason": "x"}},
    }
    found = story.found(forged)
    assert found is not None
    at = int(re.search(r"diverged at event (\d+): recorded ", str(found)).group(1))
    assert answers[-1] + 1 < at <= place + 1


def test_an_event_left_out_put_in_or_cut_off_is_named(tmp_path: Path) -> None:
    story, place = first_of("task.opened")
    out = str(story.found([*story.bodies[:place], *story.bodies[place + 1 :]]))
    assert f"event {place + 1}: recorded " in out
    assert "replay gives task.opened {" in out
    twice = str(story.found([*story.bodies[: place + 1], *story.bodies[place:]]))
    assert f"event {place + 2}: recorded task.opened " in twice
    cut = story.found(story.bodies[:place])
    assert f"event {place}: the history ends in the middle of an act; task.opened" in str(cut)
    assert str(cut.expected).startswith("task.opened {")


def test_every_recorded_history_can_be_shown_act_by_act() -> None:
    kinds = set()
    for story in stories():
        history = records(story.case, chained(story.bodies))
        acts = list(retrace(story.case, history, len(history), story.definition_of, story.calendar_of))
        assert [record for act in acts for record in act.records] == history
        for act, line in zip(acts, act_lines(acts, story.calendar_of), strict=True):
            waiting = {token["token"] for token in line["tokens"] if token["waits"] == "person"}
            assert waiting == {task.id for task in open_tasks(act.case.marking)}
            kinds |= {token["waits"] for token in line["tokens"]}
            kinds |= {event["kind"] for token in line["tokens"] for event in token["awaits"]}
            marks = marks_of(act, story.calendar_of, act.at)
            assert {token["element"] for token in line["tokens"]} <= {
                element for element, classes in marks.items() if "token" in classes.split()
            }
    assert kinds >= {"person", "event", "others", "inside", "repair", "message", "timer"}


# --- an office


@dataclass(frozen=True)
class Ready:
    folder: Path
    url: str
    cases: tuple[str, ...]


WAITING = draw(
    "start s; and g; user a; reminder late a after P2D; user chase; user b; and j; end e; end f",
    "s -> g; g -> a -> j; g -> b -> j; j -> e; late -> chase -> f",
)


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Ready:
    """A finished joint case, a small finished one, and two that wait."""
    folder = tmp_path_factory.mktemp("ready")
    url = str(folder / "lianban.db")
    with Office.create_rehearsal(url, NOON) as office:
        for item in ("enterprise-startup", "senior-card"):
            office.publish(builtin().items()[item], NOON)
        lanes = dict.fromkeys(("s", "g", "a", "late", "chase", "b", "j", "e", "f"), "civil")
        publish(office, folder, WAITING, lanes=lanes, code="waiting")
        cases = [play(office, "enterprise-startup", "objection"), play(office, "senior-card", "seventy")]
        cases += [office.open_case("tang.li", "waiting", {}, NOON).case for _ in range(2)]
        office.do("tang.li", cases[-1], "b", {}, NOON + HOUR)
    ask(url, "PRAGMA wal_checkpoint(TRUNCATE)")
    return Ready(folder, url, tuple(cases))


@pytest.fixture
def copy(ready: Ready, tmp_path: Path) -> Ready:
    """The same to be spoilt."""
    url = str(shutil.copy(ready.url, tmp_path / "lianban.db"))
    unguard(url)
    return Ready(tmp_path, url, ready.cases)


def put(url: str, case: str, rows: Rows) -> None:
    with closing(sqlite3.connect(url)) as connection, connection:
        connection.execute("DELETE FROM events WHERE case_no = ?", (case,))
        connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?)", [(case, *row) for row in rows])


def bodies(url: str, case: str) -> list[dict[str, Any]]:
    return [
        json.loads(body) for (body,) in ask(url, "SELECT body FROM events WHERE case_no=? ORDER BY seq", case)
    ]


# --- one case


def test_a_replay_shows_tokens_clocks_and_variables_of_every_act(ready: Ready) -> None:
    with Office.open(ready.url) as office:
        told = office.retrace(STARTUP)
        states = {record.seq: state for record, state in office.replay(STARTUP)}
        acts = told["acts"]
        assert [act["first"] for act in acts] == [1, *(act["last"] + 1 for act in acts[:-1])]
        assert [event["seq"] for event in told["events"] if event["fact"]] == [act["first"] for act in acts]
        assert (told["to"], told["count"]) == (len(told["events"]), len(told["events"]))
        known: dict[str, Any] = {}
        for act in acts:
            state = states[act["last"]]
            waiting = {token["token"] for token in act["tokens"] if token["waits"] == "person"}
            assert waiting == {task.id for task in open_tasks(state.marking)}
            for one in act["changed"]:
                frame = known.setdefault(one["frame"], {})
                assert frame.get(one["name"]) == one["was"]
                if one["change"] == "gone":
                    del frame[one["name"]]
                else:
                    frame[one["name"]] = one["value"]
            assert {frame: values for frame, values in known.items() if values} == act["data"]
        for n in (3, 8, len(acts) - 1):
            then = office.show(STARTUP, read_instant(acts[n]["at"]), as_of=read_instant(acts[n]["at"]))
            if acts[n + 1 : n + 2] and acts[n + 1]["at"] == acts[n]["at"]:
                continue
            assert acts[n]["clocks"] == then["clocks"]
            assert acts[n]["timers"] == then["timers"]


def test_a_replay_says_whose_each_clock_of_a_department_was(ready: Ready) -> None:
    told = lianban(ready.folder, "replay", STARTUP, "--json").json
    last = next(act["last"] for act in reversed(told["acts"]) if act["last"] < told["count"])
    shown = lianban(ready.folder, "replay", STARTUP, "--to", str(last), "--lang", "en").out
    for step, unit in (("psb_review", "Public Security Bureau"), ("tax_review", "Taxation Bureau")):
        assert f"{step} · {unit}" in shown


def test_a_replay_goes_as_far_as_an_event_or_an_instant(ready: Ready) -> None:
    with Office.open(ready.url) as office:
        whole = office.retrace(STARTUP)
        for to in (1, 20, len(whole["events"])):
            assert office.retrace(STARTUP, to)["events"] == whole["events"][:to]
        at = read_instant(whole["events"][40]["at"])
        there = office.retrace(STARTUP, at)
        assert there["events"] == [event for event in whole["events"] if read_instant(event["at"]) <= at]
        # The clocks are read at the instant that was asked for, not at the act before it.
        later = office.retrace(STARTUP, at + HOUR / 60)["acts"][-1]
        assert read_instant(later["as_of"]) == at + HOUR / 60
        waiting = office.retrace(ready.cases[3])["acts"][-1]["tokens"]
        assert [(token["token"], token["waits"], token["flow"]) for token in waiting] == [
            ("a", "person", None),
            ("j", "others", waiting[1]["flow"]),
        ]
    for wrong, said in (("0", "from 1 to "), ("999", "from 1 to "), ("2026-01-01", "an instant not before")):
        refused = lianban(ready.folder, "replay", STARTUP, "--to", wrong)
        assert refused.code == 1
        assert said in refused.err


def test_what_came_before_a_divergence_can_still_be_looked_at(copy: Ready) -> None:
    told = bodies(copy.url, STARTUP)
    place = next(n for n, body in enumerate(told) if body["type"] == "task.opened" and n > 20)
    told[place]["data"]["unit"] = "nowhere"
    put(copy.url, STARTUP, chained(told))
    refused = lianban(copy.folder, "replay", STARTUP)
    assert refused.code == 5
    assert f"diverged at event {place + 1}: recorded" in " ".join(refused.err.split())
    assert 'unit "nowhere"' in " ".join(refused.err.split())
    shown = lianban(copy.folder, "replay", STARTUP, "--to", str(place), "--json")
    assert (shown.code, shown.json["to"]) == (0, place)
    assert lianban(copy.folder, "replay", STARTUP, "--to", str(place + 1)).code == 5


def test_the_tokens_stand_on_the_diagram(ready: Ready) -> None:
    def classes(to: Any) -> dict[str, set[str]]:
        with Office.open(ready.url) as office:
            drawn = office.retraced_picture(ready.cases[3], to, None)
        tree = etree.fromstring(drawn["content"].encode())
        marked = {one.get("data-element"): set(one.get("class").split()) for one in tree.iter("{*}g")}
        for element, marks in drawn["marks"].items():
            assert set(marks) <= marked[element]
        ours = {"done", "token", "open", "late", "failed"}
        return {element: found & ours for element, found in marked.items() if element and found & ours}

    begun = classes(1)
    assert (begun["a"], begun["b"], begun["s"]) == ({"token", "open"}, {"token", "open"}, {"done"})
    end = classes(None)
    assert (end["a"], end["b"], end["j"]) == ({"token", "open"}, {"done"}, {"token"})
    with Office.open(ready.url) as office:
        token = office.retrace(ready.cases[3])["acts"][-1]["tokens"][1]
    assert end[token["flow"]] == {"done"}
    taken = [element for element in end if re.fullmatch("f[0-9]+", element)]
    assert len(taken) == 4  # to the gateway, from it to both, and from b to the join
    assert classes(NOON + 3 * DAY)["a"] == {"token", "open", "late"}
    drawn = lianban(ready.folder, "replay", ready.cases[3], "--diagram", "here.svg", "--json")
    assert drawn.json["file"] == "here.svg"
    printed = lianban(ready.folder, "replay", ready.cases[3], "--diagram", "-").out
    assert printed == (ready.folder / "here.svg").read_text("utf-8")


def test_on_a_terminal_a_replay_is_leafed_through(ready: Ready) -> None:
    words = ["replay", ready.cases[1], "--step", "--data"]
    code, seen = on_terminal(ready.folder, words, ["", "b", "3", "", "q"])
    assert code == 0
    pages = re.findall(r"act (\d) of 6, events", seen)
    assert pages == ["1", "2", "1", "3", "4"]
    # Without one, nothing is asked: all pages follow each other.
    printed = lianban(ready.folder, *words)
    assert re.findall(r"act (\d) of 6, events", printed.out) == ["1", "2", "3", "4", "5", "6"]
    assert "replay agrees with the record: 17 events" in printed.out


# --- the whole office


def test_every_history_is_run_again_in_other_processes(copy: Ready) -> None:
    progress: list[tuple[int, int]] = []
    with Office.open(copy.url) as office:
        done = office.replay_all(workers=2, progress=lambda step, all: progress.append((step, all)))
        told = [record for case in copy.cases for record in office.history(case)]
        only = office.replay_all(workers=1, item="waiting")
    assert done["events"] == len(told)
    assert done["acts"] == sum(record.event.fact for record in told)
    assert (done["cases"], done["replayed"], done["workers"], done["findings"]) == (4, 4, 2, [])
    assert (sum(step for step, _ in progress), {all for _, all in progress}) == (4, {4})
    assert (only["cases"], only["findings"]) == (2, [])
    assert undocumented(done) == set()
    # Now one says something else, the chain of one is broken, and one is no record any more.
    startup, senior, waiting, _ = copy.cases
    told = bodies(copy.url, startup)
    place = next(n for n, body in enumerate(told) if body["type"] == "clock.started")
    due = read_instant(told[place]["data"]["due"])
    told[place]["data"]["due"] = write_instant(due + HOUR / 120)
    put(copy.url, startup, chained(told))
    ask(copy.url, "UPDATE events SET hash = ? WHERE case_no = ? AND seq = 3", "0" * 64, senior)
    ask(copy.url, "UPDATE events SET body = ? WHERE case_no = ? AND seq = 2", b"{}", waiting)
    with Office.open(copy.url) as office:
        found = office.replay_all(workers=1)
    lists = {state: found[state] for state in ("diverged", "broken", "unreadable")}
    assert lists == {"diverged": [startup], "broken": [senior], "unreadable": [waiting]}
    at = {one["case"]: one["event"] for one in found["findings"]}
    assert at[startup] == place + 1
    assert undocumented(found["findings"][0]) == set()
    shown = lianban(copy.folder, "replay", "--all", "--workers", "1")
    assert shown.code == 5
    words = " ".join(shown.err.split())
    assert f"diverged at event {place + 1}: recorded clock.started with due" in words
    assert re.search(r'with due "2026-[0-9-]+ 17:30:30", replay gives due "2026-[0-9-]+ 17:30"', words)
    assert "diverged: 1" in shown.out


def test_workers_reach_an_office_on_a_server(postgresql_database: str, tmp_path: Path) -> None:
    with Office.create_rehearsal(postgresql_database, NOON, organisation(1)) as office:
        item = publish(office, tmp_path, draw("start s; user a; end e", "s -> a -> e"))
        cases = [office.open_case("clerk", item, {}, NOON).case for _ in range(3)]
        office.do("clerk", cases[0], "a", {}, NOON + HOUR)
        done = office.replay_all(workers=1)
    assert (done["replayed"], done["acts"], done["findings"]) == (3, 4, [])


def cloned(url: str, count: int) -> None:
    """So many more histories like the first, under numbers of their own."""
    told = bodies(url, STARTUP)
    with closing(sqlite3.connect(url)) as connection, connection:
        for n in range(count):
            case = f"539901-SC-LB0001-2026-{n + 1000:05d}"
            rows = chained([{**body, "case": case} for body in told])
            connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?)", [(case, *row) for row in rows])


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def of_pool(pid: int) -> list[int]:
    """The workers among the children; the other one keeps the books of multiprocessing."""
    return [one for one in children(pid) if b"spawn_main" in Path(f"/proc/{one}/cmdline").read_bytes()]


def is_there(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="looks for the workers in /proc")
def test_a_killed_run_is_gone_on_with_where_it_was(copy: Ready) -> None:
    cloned(copy.url, CLONES)
    report = copy.folder / "replay.jsonl"
    words = ["replay", "--all", "--workers", "1", "--resume", str(report), "--json"]

    def started(lines: int) -> subprocess.Popen[str]:
        """A run that has written so many lines."""
        begun = subprocess.Popen(
            [SCRIPT, *words],
            cwd=copy.folder,
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        while not report.exists() or report.read_bytes().count(b"\n") < lines:
            assert begun.poll() is None
            time.sleep(0.005)
        return begun

    # Its worker is killed: the run says so, and keeps what there is.
    running = started(1)
    while not (workers := of_pool(running.pid)):
        time.sleep(0.005)
    os.kill(workers[0], signal.SIGKILL)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 1, said
    assert "a worker process died" in said
    # It is killed itself: what is on the disk stays, and its workers do not outlive it.
    running = started(report.read_bytes().count(b"\n") + 2)
    workers = children(running.pid)
    running.kill()
    running.wait()
    kept = report.read_bytes()
    finished = {line["case"] for line in map(json.loads, kept.splitlines()) if "case" in line}
    done = len(finished)
    assert 0 < done < CLONES
    assert workers
    until = time.monotonic() + 60
    while any(map(is_there, workers)) and time.monotonic() < until:
        time.sleep(0.02)
    assert not any(map(is_there, workers)), "its workers live on"
    report.write_bytes(kept + b'{"case": "half a li')
    # One of the finished ones has changed since: it is run again, and found.
    spoilt = json.loads(kept.splitlines()[-1])["case"]
    told = bodies(copy.url, spoilt)
    told[-1]["data"]["outcome"] = "forged"
    put(copy.url, spoilt, chained(told))
    again = lianban(copy.folder, *words)
    assert again.code == 5
    assert again.json["diverged"] == [spoilt]
    assert again.json["unchanged"] == done - 1
    assert again.json["replayed"] == CLONES + 4 - (done - 1)
    lines = [json.loads(line) for line in report.read_bytes().splitlines()]
    states = {line["case"]: line["state"] for line in lines if "case" in line}
    assert len(states) == CLONES + 4
    assert [case for case, state in states.items() if state != "agrees"] == [spoilt]


def test_a_report_of_another_office_is_not_gone_on_with(ready: Ready, tmp_path: Path) -> None:
    report = tmp_path / "other.jsonl"
    for content, said in (
        (
            '{"report": "replay", "office": "' + "0" * 64 + '", "lianban": "0"}\n',
            "the report of another office",
        ),
        ("no report\n", "JSONDecodeError"),
    ):
        report.write_text(content)
        with Office.open(ready.url) as office, pytest.raises(Invalid) as refused:
            office.replay_all(workers=1, report=report)
        assert said in str(refused.value.found)
        assert report.read_text() == content


# --- by Dask


def dask(**about: Any) -> Any:
    from distributed import LocalCluster

    return LocalCluster(n_workers=1, protocol="tcp", dashboard_address=":0", **about)


@pytest.mark.parametrize("processes", [True, False])
def test_the_workers_of_a_dask_scheduler_do_it_too(ready: Ready, processes: bool) -> None:
    with dask(processes=processes, threads_per_worker=3) as running, Office.open(ready.url) as office:
        done = office.replay_all(scheduler=running.scheduler_address)
        told = [record for case in ready.cases for record in office.history(case)]
    assert (done["replayed"], done["findings"], done["workers"]) == (4, [], 3)
    assert (done["events"], done["acts"]) == (len(told), sum(record.event.fact for record in told))


def test_a_file_is_refused_to_workers_that_can_not_open_it(ready: Ready) -> None:
    with (
        dask(processes=False, host="127.0.0.2") as running,
        Office.open(ready.url) as office,
        pytest.raises(Invalid) as refused,
    ):
        office.replay_all(scheduler=running.scheduler_address)
    assert refused.value.code == "replay.file_is_here"
    assert "127.0.0.2" in str(refused.value)


def test_without_dask_or_a_scheduler_it_says_what_to_do(ready: Ready) -> None:
    for address in ("nonsense://x", "tcp://127.0.0.1:9"):
        with Office.open(ready.url) as office, pytest.raises(Invalid) as refused:
            office.replay_all(scheduler=address)
        assert f"no Dask scheduler answers at {address}" in str(refused.value)
    without = (
        "import sys; sys.modules['distributed'] = None; from cli import main; "
        "sys.argv = ['lianban', 'replay', '--all', '--scheduler', 'tcp://127.0.0.1:1']; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", without],
        cwd=ready.folder,
        env={**environment(), "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "pip install 'lianban[dask]'" in done.stderr


def test_options_that_do_not_go_together_are_refused(ready: Ready) -> None:
    for words in (
        ["replay"],
        ["replay", "1", "--workers", "2"],
        ["replay", "--all", "--to", "3"],
        ["replay", "--all", "--workers", "2", "--scheduler", "tcp://127.0.0.1:1"],
    ):
        assert lianban(ready.folder, *words).code == 2, words


def undocumented(told: Any) -> set[str]:
    text = (Path(__file__).parent.parent / "docs" / "json.md").read_text("utf-8")
    return set(told) - set(re.findall(r"`([a-z_]+)`", text))


def test_the_keys_of_a_replay_are_documented(ready: Ready) -> None:
    with Office.open(ready.url) as office:
        one = office.retrace(STARTUP)
    keys = {*one}
    for act in one["acts"]:
        keys |= {*act, *(key for part in ("tokens", "changed") for line in act[part] for key in line)}
        keys |= {key for token in act["tokens"] for event in token["awaits"] for key in event}
    assert undocumented(keys) == set()
