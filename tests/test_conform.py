"""A log of somebody else's system on a diagram: which cases follow it, and where the others leave it."""

from __future__ import annotations

import csv
import io
import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
from drawing import draw as drawn_of
from items import DAY, NOON
from terminal import lianban

from engine.conform import Columns, conform, read_log
from engine.errors import Invalid
from engine.flow.net import Net
from engine.flow.read import read

RECEIPT = Path(__file__).parent.parent / "bench" / "receipt" / "processes" / "receipt" / "diagram.bpmn"


def draw(elements: str, *flows: str) -> bytes:
    return drawn_of(elements, "; ".join(flows))


PERMIT = draw(
    "start s; user receive; xor ask; user supplement; xor back; and split; user fire; user health; and join;"
    " user decide; end e",
    "s -> receive -> ask",
    "ask -> supplement if missing == true",
    "ask -> back default",
    "supplement -> back -> split",
    "split -> fire -> join",
    "split -> health -> join",
    "join -> decide -> e",
)


def net_of(diagram: bytes) -> Net:
    net, problems = read({"diagram.bpmn": diagram})
    assert net is not None, problems
    return net


def table(*cases: str, time: bool = True) -> bytes:
    """A log in CSV: each case is the letters or words of what was done, a day apart."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["case", "activity", *(["time"] if time else [])])
    for number, case in enumerate(cases, 1):
        for day, activity in enumerate(case.split()):
            writer.writerow([number, activity, *([(NOON + day * DAY).isoformat()] if time else [])])
    return out.getvalue().encode()


def replayed(diagram: bytes, *cases: str, **wanted: Any) -> list[list[tuple[int, str, str | None]]]:
    """Of each case the deviations: number of the event, kind, element."""
    log = read_log(table(*cases), "log.csv", Columns(), "Asia/Shanghai")
    told = conform(net_of(diagram), log, wanted.pop("given", {}), **wanted)
    assert told["exact"]
    return [[(d["event"], d["kind"], d["element"]) for d in line["deviations"]] for line in told["cases"]]


def test_cases_that_follow_the_diagram_fit_in_either_order_of_its_branches() -> None:
    found = replayed(
        PERMIT,
        "receive fire health decide",
        "receive health fire decide",
        "receive supplement health fire decide",
        "receive supplement",  # under way
    )
    assert found == [[], [], [], []]


def test_a_step_left_out_and_a_step_too_many_are_named_where_they_are() -> None:
    found = replayed(
        PERMIT,
        "receive fire decide supplement health",
        "receive fire fire health decide",
        "fire receive health decide",
        "receive supplement supplement fire health decide decide",
    )
    assert found[0] == [(3, "inserted", "decide"), (4, "inserted", "supplement")]
    assert found[1] == [(3, "inserted", "fire")]
    assert found[2] == [(1, "inserted", "fire"), (4, "skipped", "fire")]
    assert found[3] == [(3, "inserted", "supplement"), (7, "inserted", "decide")]


def test_what_could_have_come_instead_is_told() -> None:
    log = read_log(
        table("receive decide fire supplement health decide"), "log.csv", Columns(), "Asia/Shanghai"
    )
    told = conform(net_of(PERMIT), log, {})
    first = told["cases"][0]["deviations"][0]
    assert (first["event"], first["kind"], first["activity"]) == (2, "inserted", "decide")
    assert set(first["open"]) == {"supplement", "fire", "health"}
    assert told["fitted"] == 4 and told["events"] == 6


def test_a_decision_without_its_reviews_lacks_them_where_the_case_must_have_ended() -> None:
    complete = "receive supplement fire health decide"
    # One event too many explains a case that is under way; one that has ended lacks two reviews.
    assert replayed(PERMIT, complete, "receive decide")[1] == [(2, "inserted", "decide")]
    ended = replayed(PERMIT, complete, "receive decide", ended=True)[1]
    assert sorted(ended) == [(2, "skipped", "fire"), (2, "skipped", "health")]


def test_a_case_that_stops_half_way_deviates_only_where_every_case_must_have_ended() -> None:
    assert replayed(PERMIT, "receive supplement fire health decide", "receive fire health") == [[], []]
    assert replayed(PERMIT, "receive supplement fire health decide", "receive fire health", ended=True) == [
        [],
        [(4, "skipped", "decide")],
    ]


def test_rework_loops_are_followed_as_often_as_the_case_went_round() -> None:
    loop = draw(
        "start s; xor again; user check; xor ok; user adjust; user send; end e",
        "s -> again -> check -> ok",
        "ok -> adjust if good == false",
        "ok -> send default",
        "adjust -> again",
        "send -> e",
    )
    good = "check " + "adjust check " * 12 + "send"
    assert replayed(loop, good, "check adjust send") == [[], [(3, "skipped", "check")]]


def test_any_of_several_branches_is_taken_as_the_case_needs() -> None:
    units = [f"u{n}" for n in range(7)]
    asked = draw(
        f"start s; user ask; or out; {'; '.join(map('user {}'.format, units))}; or in; user decide; end e",
        "s -> ask -> out",
        *(f"out -> {unit} if '{unit}' in wanted" for unit in units),
        *(f"{unit} -> in" for unit in units),
        "in -> decide -> e",
    )
    found = replayed(asked, "ask u0 u1 u2 u3 u4 u5 u6 decide", "ask u5 u1 u3 decide", "ask u2 decide u4")
    assert found == [[], [], [(4, "inserted", "u4")]]


def test_subprocesses_messages_and_what_happens_when_time_is_up_are_followed() -> None:
    drawn = draw(
        "start s; sub work { start i; user fire; user health; end j | i -> fire -> health -> j };"
        " boundary limit work after P5D; catch reply message reply; user late; end e; end f",
        "s -> work -> reply -> e",
        "limit -> late -> f",
    )
    found = replayed(drawn, "fire health", "fire late", "fire health reply", "fire reply", "health reply")
    assert found[:3] == [[], [], []]
    assert found[3] == [(2, "skipped", "health")]
    assert found[4] == [(1, "skipped", "fire")]


def test_a_step_that_the_log_never_names_counts_only_when_asked_for() -> None:
    assert replayed(PERMIT, "receive fire decide") == [[]]  # nobody logs what the health office does
    found = replayed(PERMIT, "receive fire decide", strict=True)
    assert found == [[(3, "skipped", "health")]]


def test_an_automatic_step_that_the_log_names_has_its_place() -> None:
    drawn = draw("start s; user a; service stamp x = 1; user b; end e", "s -> a -> stamp -> b -> e")
    assert replayed(drawn, "a stamp b", "a b stamp", "b a") == [
        [],
        [(2, "inserted", "b")],
        [(1, "inserted", "b")],
    ]


def test_activities_are_known_by_id_or_name_or_as_somebody_says() -> None:
    found = replayed(
        PERMIT,
        "Receive brandschutz HEALTH decide",
        "receive fish brandschutz health",
        given={"brandschutz": "fire", "fish": ""},
    )
    assert found == [[], []]
    assert replayed(PERMIT, "receive fish fire")[0] == [(2, "unknown", None)]
    with pytest.raises(Invalid) as refused:
        replayed(PERMIT, "receive", given={"receive": "reception"})
    assert refused.value.code == "conform.element"
    with pytest.raises(Invalid) as refused:
        replayed(PERMIT, "receive", given={"recieve": "receive"})
    assert refused.value.code == "conform.activity"


def test_cases_in_random_order_never_fit_better_than_they_were() -> None:
    chance = random.Random(6)
    words = ["receive", "supplement", "fire", "health", "decide"]
    cases = [" ".join(chance.sample(words, 5)) for _ in range(12)]
    for found, case in zip(replayed(PERMIT, *cases), cases, strict=True):
        order = [case.split().index(word) for word in ("receive", "supplement", "decide")]
        assert (found == []) == (order == [0, 1, 4])


# --- what a log looks like


def read_cases(content: bytes, *columns: str) -> dict[str, list[str]]:
    log = read_log(content, "log", Columns(*columns), "Asia/Shanghai")
    return {case: [event.activity for event in events] for case, events in log.cases.items()}


def test_csv_is_read_whatever_its_separator_its_names_and_its_encoding() -> None:
    expected = {"1": ["受理", "决定"], "2": ["受理"]}
    rows = [("1", "决定", "2026-03-04"), ("2", "受理", "2026-03-02"), ("1", "受理", "2026/3/2 09:00")]
    for separator, names, encoding in (
        (",", "case:concept:name,concept:name,time:timestamp", "utf-8"),
        (";", "Case ID,Activity,Timestamp", "utf-8-sig"),
        ("\t", "办件编号,环节,时间", "gb18030"),
    ):
        lines = [names.split(","), *rows]
        assert read_cases("\r\n".join(map(separator.join, lines)).encode(encoding)) == expected
    assert read_cases(b"a,b\n7,x\n7,y\n", "a", "b") == {"7": ["x", "y"]}


def test_only_completed_activities_count_and_instants_are_compared_across_zones() -> None:
    content = (
        "case,activity,lifecycle,time\n"
        "1,b,complete,2026-03-02T09:30:00+08:00\n"
        "1,a,COMPLETE,2026-03-02T01:00:00Z\n"
        "1,a,start,2026-03-02T00:00:00Z\n"
    )
    log = read_log(content.encode(), "log", Columns(), "Asia/Shanghai")
    assert [event.activity for event in log.cases["1"]] == ["a", "b"]
    assert log.left_out == {"start": 1}


XES = """<?xml version="1.0" encoding="UTF-8"?>
<log xes.version="1849-2016" xmlns="http://www.xes-standard.org/">
  <trace><string key="concept:name" value="A1"/>
    <event><string key="concept:name" value="receive"/>
      <date key="time:timestamp" value="2026-03-03T09:00:00+08:00"/>
      <string key="lifecycle:transition" value="complete"/></event>
    <event><string key="concept:name" value="ask"/>
      <date key="time:timestamp" value="2026-03-02T09:00:00+08:00"/></event>
  </trace>
</log>
"""


def test_xes_is_read_as_other_tools_write_it() -> None:
    assert read_cases(XES.encode()) == {"A1": ["ask", "receive"]}


@pytest.mark.parametrize(
    ("content", "code", "told"),
    [
        (b'<!DOCTYPE log [<!ENTITY a "aaaa">]><log><trace/></log>', "log.invalid", "document type"),
        (b"<html><body/></html>", "log.invalid", "html"),
        (XES.encode()[:300], "log.invalid", "well-formed"),
        (b"case,activity,time\n1,a,yesterday\n", "log.instant", "yesterday"),
        (b"case,activity,time\n1,a\n", "log.invalid", "line 2"),
        (b"number,what\n1,a\n", "log.column", "--case-column"),
        (b"number,what\n1,a\n", "log.column", "a column called case:concept:name / case / case_id"),
        (b"number,what\n1,a\n", "log.column", "the columns number, what"),
        (b"case,activity\n1,\n", "log.invalid", "line 2"),
        (b"case,activity\n", "log.invalid", "no completed activity"),
        (b"\xff\xfe\xff", "log.invalid", "UTF-8"),
    ],
)
def test_a_log_that_cannot_be_read_is_refused_with_its_place(content: bytes, code: str, told: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_log(content, "log", Columns(), "Asia/Shanghai")
    assert refused.value.code == code
    said = refused.value.as_dict(lambda text: text)
    assert told in " ".join(map(str, said.values()))


# --- the command


def test_the_command_names_the_case_that_left_the_diagram_and_says_so_by_its_exit_code(
    tmp_path: Path,
) -> None:
    (tmp_path / "permit.bpmn").write_bytes(PERMIT)
    (tmp_path / "log.csv").write_bytes(table("receive fire health decide", "receive fire fire health decide"))
    ran = lianban(tmp_path, "conform", "permit.bpmn", "log.csv")
    assert ran.code == 1
    assert "1 of 2 cases follow permit.bpmn" in ran.out
    assert "event 3  fire was done out of turn" in ran.out
    assert "could have come: health" in ran.out
    told = lianban(tmp_path, "conform", "permit.bpmn", "log.csv", "--json").json
    assert (told["fitting"], told["fitness"]) == (1, round(8 / 9, 6))
    page = (Path(__file__).parent.parent / "docs" / "json.md").read_text(encoding="utf-8")
    assert _keys(told) <= set(re.findall(r"`([a-z_]+)`", page))
    (tmp_path / "log.csv").write_bytes(table("receive fire health decide"))
    assert lianban(tmp_path, "conform", "permit.bpmn", "log.csv").code == 0


def _keys(value: Any) -> set[str]:
    if isinstance(value, list):
        return set().union(*map(_keys, value))
    return set(value).union(*map(_keys, value.values())) if isinstance(value, dict) else set()


def test_the_receipt_phase_of_a_municipality_is_replayed_on_its_own_diagram() -> None:
    """Two of the log's sequences as they are in it; bench/receipt has where the rest is."""
    activities = {
        node.id: node.name for node in net_of(RECEIPT.read_bytes()).scopes["receipt"].nodes.values()
    }
    sequences = {
        "whole": "confirmation t02 t04 t05 t06 t10",
        "advice": "confirmation t06 t08 t07_1 t02 t09_2 t04 t07_5 t06 t05 t10 t16 t17 t18 t17 t19 t20",
        "broken": "confirmation t02 t05 t06 t10",
    }
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["case:concept:name", "concept:name"])
    for case, steps in sequences.items():
        writer.writerows([case, activities[step]] for step in steps.split())
    log = read_log(out.getvalue().encode(), "log", Columns(), "Europe/Amsterdam")
    told = conform(net_of(RECEIPT.read_bytes()), log, {})
    assert [line["fits"] for line in told["cases"]] == [True, True, False]
    (deviation,) = told["cases"][2]["deviations"]
    assert (deviation["kind"], deviation["element"], deviation["event"]) == ("skipped", "t04", 3)
    assert json.dumps(told)
