"""The replay page: one file that shows a case after every act, says nothing else than the replay, and asks
nobody for anything."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import CHROMIUM, Browser
from clock_items import COUNTY, Hall, at, decision
from databases import ask, unguard
from drawing import draw
from items import ANYTHING, DAY, HOUR, NOON, organisation, play, publish
from large_case import large_office, run
from lxml import html
from terminal import lianban
from test_migration import Desk

from engine.case import Case
from engine.clock import read_instant
from engine.definition import builtin
from engine.events import Record
from engine.flow.marking import open_tasks, variables
from engine.office import Office
from engine.screen import Screen

HOSTILE = '</script><script>window.hurt=1</script><img src=x onerror="window.hurt=1"><!-- \u2028 &lt; {{ 1 }}'

in_a_browser = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not on this machine")


def english(msgid: str) -> str:
    return msgid


def written(office: Office, case: str, when: Any = None, lang: str = "en") -> dict[str, Any]:
    """What the office makes of a case."""
    now = when or read_instant(office.history(case)[-1].at) + HOUR
    screen = Screen(lang, english, office.zone, now)
    return office.replay_page(case, now, lang, english, screen.told)


def data_in(content: str) -> dict[str, Any]:
    return dict(json.loads(html.fromstring(content.encode()).get_element_by_id("replay").text))


def states(data: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, dict[str, Any]]]]:
    """Each act of the page with the state after it, put together from what the acts changed."""
    state: dict[str, dict[str, Any]] = {}
    for act in data["acts"]:
        for section, changes in act["change"].items():
            held = {**state.get(section, {}), **changes}
            state[section] = {key: value for key, value in held.items() if value is not None}
        yield act, state


def acts_of(played: list[tuple[Record, Case]]) -> list[list[tuple[Record, Case]]]:
    """The replay, cut before each fact."""
    found: list[list[tuple[Record, Case]]] = []
    for record, case in played:
        if record.event.fact:
            found.append([])
        found[-1].append((record, case))
    return found


def check(office: Office, case: str) -> Counter[str]:
    """Compare a page with the replay, act by act; how much of each kind there was to compare."""
    made = written(office, case)
    data = data_in(made["content"])
    played = office.replay(case)
    seen: Counter[str] = Counter()
    given = acts_of(played)
    assert len(data["acts"]) == len(given) == made["acts"]
    for (act, state), lived in zip(states(data), given, strict=True):
        fact, after = lived[0][0], lived[-1][1]
        assert (act["seq"], act["last"]) == (fact.seq, lived[-1][0].seq)
        assert act["at"] == round(read_instant(fact.at).timestamp() * 1000)
        steps = {id for id, step in state.get("open", {}).items() if not step["message"]}
        assert steps == {task.id for task in open_tasks(after.marking)}
        assert {key: json.loads(text) for key, text in state.get("data", {}).items() if " · " not in key} == (
            variables(after.marking)
        )
        clocks = state.get("clocks", {})
        assert set(clocks) == set(after.deadlines)
        for id, line in clocks.items():
            due = after.deadlines[id]["due"]
            assert line[6] == (round(read_instant(due).timestamp() * 1000) if due else 0), id
            paused = [
                p["ground"] for p in after.deadlines[id]["ledger"]["runs"][-1]["pauses"] if not p["until"]
            ]
            assert sorted(line[8]) == sorted(paused)
            seen["paused"] += bool(paused)
        tokens = [token for token, _ in state.get("tokens", {}).values()]
        assert sum(tokens) == sum(
            (visit["multi"]["started"] - visit["multi"]["ended"] if "multi" in visit else 1)
            for frame in after.marking["frames"].values()
            for visit in frame["live"].values()
            if visit["wait"] != "armed"
        ) + sum(
            sum(flows.values())
            for frame in after.marking["frames"].values()
            for flows in frame["joins"].values()
        )
        issued = {line["number"] for line in data["documents"] if line["seq"] <= act["last"]}
        assert issued == {
            record.event.number
            for record, _ in played
            if record.event.type == "document.issued" and record.seq <= act["last"]
        }
        assert bool(state["case"]["outcome"]) == after.closed
        seen.update(steps=len(steps), clocks=len(clocks), documents=len(issued), tokens=sum(tokens))
    assert [event[:3] for event in data["events"]] == [[r.seq, r.event.type, r.hash] for r, _ in played]
    assert [event[3].encode() for event in data["events"]] == [r.body for r, _ in played]
    return seen


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A small office with two of the shipped items."""
    database = str(tmp_path_factory.mktemp("pages") / "lianban.db")
    folders = [builtin().items()[name] for name in ("enterprise-startup", "senior-card")]
    with Office.create_rehearsal(database, NOON, None, folders) as opened:
        yield opened


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[Hall]:
    with Office.create_rehearsal(str(tmp_path / "lianban.db"), at("2008-01-01"), COUNTY.encode()) as office:
        yield Hall(office, tmp_path)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with Office.create_rehearsal(str(tmp_path / "lianban.db"), NOON, organisation()) as opened:
        yield opened


# --- it says what the replay says


def test_the_page_shows_after_every_act_what_the_replay_shows(shipped: Office) -> None:
    seen: Counter[str] = Counter()
    for item, example in (
        ("senior-card", "one-day-short"),
        ("enterprise-startup", "silence"),
        ("enterprise-startup", "meeting"),
        ("enterprise-startup", "special-procedure"),
    ):
        seen += check(shipped, play(shipped, item, example))
    assert min(seen[kind] for kind in ("steps", "clocks", "documents", "tokens", "paused")) > 0, seen


def test_the_days_on_the_page_are_those_of_the_account(shipped: Office) -> None:
    case = play(shipped, "enterprise-startup", "special-procedure")
    data = data_in(written(shipped, case)["content"])
    held: Counter[str] = Counter()
    told = list(data["acts"])
    for (act, state), following in zip(states(data), [*told[1:], {"at": data["until"]}], strict=True):
        whose = sorted(state.get("whose", {}))
        for holder in whose:
            held[holder] += (following["at"] - act["at"]) * 1000 / len(whose)
    (account,) = shipped.accountability(case, NOON + 365 * DAY)["cases"]
    shares = {f"{line['kind']}:{line['party']}": line["microseconds"] for line in account["shares"]}
    assert shares.keys() == {holder for holder, time in held.items() if time}
    assert all(abs(held[holder] - share) < 1000 * len(told) for holder, share in shares.items())
    assert any(holder.startswith("excluded:") for holder in shares)


def test_each_bar_is_a_step_for_as_long_as_it_was_open_with_its_unit(shipped: Office) -> None:
    case = play(shipped, "enterprise-startup", "silence")
    data = data_in(written(shipped, case)["content"])
    steps = {line["task"]: line for line in shipped.show(case)["steps"] if line["state"] != "fired"}
    assert {bar["step"] for bar in data["bars"]} == {task for task, line in steps.items() if line["cause"]}
    for bar in data["bars"]:
        line = steps[bar["step"]]
        assert bar["unit"] == line["unit"]
        assert bar["since"] == round(read_instant(line["opened_at"]).timestamp() * 1000)
        assert bar["until"] == round(read_instant(line["at"]).timestamp() * 1000)
    assert {bar["end"] for bar in data["bars"]} >= {"done", "deemed"}


def test_a_clock_shows_its_pause_its_rungs_and_that_it_ran_out(hall: Hall) -> None:
    item = hall.publish(
        draw("start s; user accept; user decide; end e", "s -> accept -> decide -> e"), clocks=decision()
    )
    file = hall.open(item, "2026-03-02")
    file.do("2026-03-02", "accept")
    file.pause("2026-03-04")
    file.resume("2026-03-06")
    hall.sweep("2026-05-20")
    data = data_in(written(hall.office, file.number, at("2026-05-21"))["content"])
    (track,) = data["tracks"]
    ((since, until, ground),) = track["pauses"]
    day = 24 * 3600 * 1000
    assert until - since == 2 * day
    assert ground
    assert [kind for _, kind in track["marks"]] == ["reminder", "expired", "red"]
    assert track["until"] == 0
    *_, (_, last) = states(data)
    assert last["clocks"]["decision"][0] == "expired"
    assert data["until"] == round(at("2026-05-21").timestamp() * 1000)


def test_a_case_that_went_over_to_another_version_is_shown_on_both_diagrams(tmp_path: Path) -> None:
    desk = Desk(tmp_path, str(tmp_path / "lianban.db"))
    desk.publish(draw("start s; user a; user b; end e", "s -> a -> b -> e"))
    case = desk.open("a")
    desk.publish(draw("start s; user x; user b; user c; end e", "s -> x -> b -> c -> e"), NOON + HOUR / 2)
    desk.migrate(case, names={"a": "x"})
    check(desk.office, case)
    content = written(desk.office, case)["content"]
    data = data_in(content)
    assert [version["charts"] for version in data["versions"]] == [[0], [1]]
    *_, (_, last) = states(data)
    assert "1:x" in last["done"]
    assert last["tokens"] == {"1:b": [1, "task"]}
    figures = html.fromstring(content.encode()).xpath("//figure")
    assert [figure.get("hidden") is not None for figure in figures] == [True, False]


def test_a_large_case_stays_small(tmp_path: Path) -> None:
    with large_office(tmp_path) as opened:
        case, _ = run(opened, 4)
        made = written(opened, case)
    assert made["events"] > 500
    assert len(made["content"].encode()) < 2_000_000
    whole = sum(len(json.dumps(state)) for _, state in states(data_in(made["content"])))
    assert len(json.dumps(data_in(made["content"])["acts"])) < whole / 5


# --- it is one file, and hurts nobody


def test_the_page_needs_no_other_file_and_allows_itself_none(shipped: Office) -> None:
    content = written(shipped, play(shipped, "senior-card", "refusal"))["content"]
    page = html.fromstring(content.encode())
    assert not page.xpath("//link | //iframe | //object | //embed | //img | //form | //*[@src] | //base")
    assert not page.xpath("//*[@href and not(starts-with(@href, '#'))]")
    (style, *_) = page.xpath("//style/text()")
    assert "url(" not in style
    assert "@import" not in style
    (policy,) = page.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    script, digest = page.xpath("//script")[-1].text, re.search("'sha256-([^']+)'", policy)
    assert "default-src 'none'" in policy
    assert digest is not None
    assert base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() == digest[1]


def test_what_people_typed_and_named_stays_text(office: Office, tmp_path: Path) -> None:
    item = publish(
        office, tmp_path, draw("start s; user a; end e", "s -> a -> e"), forms={"s": ANYTHING, "a": ANYTHING}
    )
    case = office.open_case("clerk", item, {"name": HOSTILE, HOSTILE: 1}, NOON).case
    office.do("clerk", case, "a", {"text": HOSTILE}, NOON)
    content = written(office, case)["content"]
    assert content.count("<script") == 2
    assert content.count("</script") == 2
    assert "<img" not in content
    assert "\u2028" not in content
    assert "{{ 1 }}" in content
    *_, (_, last) = states(data_in(content))
    assert json.loads(last["data"]["name"]) == HOSTILE
    check(office, case)


def test_the_same_history_gives_the_same_bytes_in_another_interpreter(office: Office, tmp_path: Path) -> None:
    case = office.open_case(
        "clerk", publish(office, tmp_path, draw("start s; user a; end e", "s -> a -> e")), {}, NOON
    ).case
    words = ["--now", "2026-03-03T09:00", "page", case, "-o", "-"]
    first = lianban(tmp_path, *words, PYTHONHASHSEED="1")
    assert first.code == 0, first.err
    assert first.out == lianban(tmp_path, *words, PYTHONHASHSEED="2").out
    assert first.out.startswith("<!doctype html>")


# --- the proof


def test_the_page_says_which_seal_covers_an_event_and_which_events_none_does(
    office: Office, tmp_path: Path
) -> None:
    item = publish(office, tmp_path, draw("start s; user a; user b; end e", "s -> a -> b -> e"))
    case = office.open_case("clerk", item, {}, NOON).case
    office.seal(NOON, None, None, None)
    office.do("clerk", case, "a", {}, NOON + HOUR)
    office.seal(NOON + HOUR, None, None, None)
    sealed = [record.seq for record in office.history(case)]
    office.do("clerk", case, "b", {}, NOON + 2 * HOUR)
    data = data_in(written(office, case)["content"])
    seals = office.seals()
    assert [(line["number"], line["digest"]) for line in data["proof"]["seals"]] == [
        (seal.number, seal.digest) for seal in seals
    ]
    assert [line["seq"] for line in data["proof"]["seals"]][-1] == sealed[-1] < data["events"][-1][0]
    assert data["proof"]["findings"] == []


def test_a_case_with_findings_is_shown_with_them_and_a_broken_history_is_not_shown(
    office: Office, tmp_path: Path
) -> None:
    database = str(tmp_path / "lianban.db")
    item = publish(office, tmp_path, draw("start s; user a; end e", "s -> a -> e"))
    case = office.open_case("clerk", item, {}, NOON).case
    unguard(database)
    ask(database, "UPDATE tasks SET unit = 'd1'")
    ran = lianban(tmp_path, "page", case, "-o", "page.html", "--json")
    assert ran.code == 5
    assert len(ran.json["findings"]) == 1
    data = data_in((tmp_path / "page.html").read_text("utf-8"))
    assert data["proof"]["findings"] == [ran.json["findings"][0]["message"]]
    ask(database, "UPDATE events SET body = replace(body, 'clerk', 'xlerk') WHERE case_no = ?", case)
    ran = lianban(tmp_path, "page", case, "-o", "other.html")
    assert ran.code == 5
    assert "the history is not as it was written" in ran.err
    assert not (tmp_path / "other.html").exists()


def test_the_command_names_the_file_and_says_in_json_what_is_in_it(office: Office, tmp_path: Path) -> None:
    item = publish(office, tmp_path, draw("start s; user a; end e", "s -> a -> e"))
    case = office.open_case("clerk", item, {}, NOON).case
    ran = lianban(tmp_path, "page", case, "-o", "page.html", "--lang", "en")
    assert (ran.code, ran.out) == (0, f"the replay of case {case} is in page.html\n")
    told = lianban(tmp_path, "page", case, "-o", "page.html", "--json").json
    history = office.history(case)
    assert (told["case"], told["events"], told["hash"]) == (case, len(history), history[-1].hash)
    assert (told["file"], told["content"], told["findings"]) == ("page.html", None, [])
    documented = (Path(__file__).parent.parent / "docs" / "json.md").read_text("utf-8")
    (line,) = [line for line in documented.splitlines() if line.startswith("| `page` |")]
    assert set(told) <= set(re.findall("`([a-z_]+)`", line))


# --- in a real browser


@pytest.fixture(scope="module")
def page(shipped: Office, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    case = play(shipped, "enterprise-startup", "silence")
    file = tmp_path_factory.mktemp("page") / "page.html"
    file.write_text(written(shipped, case)["content"], encoding="utf-8")
    return file, data_in(file.read_text("utf-8"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as opened:
        yield opened


SHOWN = "[...document.querySelectorAll('figure:not([hidden]) .s-at')].map(one => one.dataset.element).sort()"
AT = "Number(document.getElementById('slider').value)"


RECOMPUTED = """new Promise(kept => {
    const look = (left) =>
        !left || document.querySelector('#proof').textContent.includes('Recomputed')
            ? kept(left) : setTimeout(look, 20, left - 1);
    look(500);
})"""


@in_a_browser
def test_the_keys_go_from_act_to_act_and_the_diagram_goes_along(
    browser: Browser, page: tuple[Path, dict[str, Any]]
) -> None:
    file, data = page
    browser.open(file)
    last = len(data["acts"]) - 1
    assert browser.js(AT) == last
    browser.press("Home")
    assert browser.js(AT) == 0
    for n, (_, state) in enumerate(states(data)):
        assert browser.js(AT) == n
        at_charts = {place.partition(":")[2] for place in state.get("tokens", {})}
        assert browser.js(SHOWN) == sorted(at_charts), n
        names = [step["name"] for step in state.get("open", {}).values()]
        assert browser.js("[...document.querySelectorAll('#steps li b')].map(b => b.textContent)") == names
        browser.press("ArrowRight")
    browser.press("ArrowLeft")
    assert browser.js(AT) == last - 1
    browser.press("End")
    assert browser.js(AT) == last
    browser.press(" ")
    assert browser.js("document.body.classList.contains('playing')") is True
    browser.press(" ")
    assert browser.js("document.body.classList.contains('playing')") is False
    browser.press("/")
    assert browser.js("document.activeElement.id") == "search"
    browser.js("document.activeElement.value = 'tax'; document.getElementById('search').oninput()")
    rows = "document.querySelectorAll('#events tbody tr:not([hidden])').length"
    assert 0 < browser.js(rows) < len(data["events"])
    browser.press("Escape")
    assert browser.js(rows) == len(data["events"])
    assert browser.complaints() == []
    assert browser.requests() == [file.as_uri()]


@in_a_browser
def test_an_event_has_an_address_and_the_page_computes_the_chain_itself(
    browser: Browser, page: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    file, data = page[0], json.loads(json.dumps(page[1]))
    seq, _, hash, _ = data["events"][20]
    browser.open(file, f"#{seq}")
    proof = "document.querySelector('#proof').textContent"
    assert hash in browser.js(proof)
    browser.js(RECOMPUTED)
    count = len(data["events"])
    assert f"{count} of {count} events have their hash" in browser.js(proof)
    # One letter of one record otherwise, and the page says which.
    text = file.read_text("utf-8")
    data["events"][seq - 1][3] = data["events"][seq - 1][3].replace('"seq":', '"sec":')
    now = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")
    changed = tmp_path / "forged.html"
    changed.write_text(
        text.replace(text.split('id="replay">')[1].split("</script>")[0], now), encoding="utf-8"
    )
    browser.open(changed)
    browser.js(RECOMPUTED)
    assert f"event {seq} does not have its hash" in browser.js(proof)


@in_a_browser
def test_what_people_typed_does_nothing_in_a_browser(
    browser: Browser, office: Office, tmp_path: Path
) -> None:
    item = publish(
        office, tmp_path, draw("start s; user a; end e", "s -> a -> e"), forms={"s": ANYTHING, "a": ANYTHING}
    )
    case = office.open_case("clerk", item, {"name": HOSTILE}, NOON).case
    office.do("clerk", case, "a", {"text": HOSTILE}, NOON)
    file = tmp_path / "page.html"
    file.write_text(written(office, case)["content"], encoding="utf-8")
    browser.open(file)
    assert browser.js("window.hurt") is None
    assert HOSTILE in browser.js("document.querySelector('#act').textContent")
    assert browser.complaints() == []


@in_a_browser
def test_the_page_fits_a_telephone_and_paper(browser: Browser, page: tuple[Path, dict[str, Any]]) -> None:
    file, _ = page
    browser.resize(390, 800)
    try:
        browser.open(file, "#1")
        assert browser.js("document.documentElement.scrollWidth") <= 390
    finally:
        browser.resize(1280, 900)
    browser.open(file, "#1")
    paper = browser.pdf()
    assert paper.startswith(b"%PDF")
    # What was looked at is looked at again afterwards.
    assert browser.js(AT) == 0
