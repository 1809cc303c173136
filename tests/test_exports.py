"""Histories as other tools read them: nothing is lost in XES, OCEL 2.0 or CSV, but what is to be left out."""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from drawing import draw
from items import NOON, organisation, play, publish
from lxml import etree
from terminal import lianban

from engine.casefile import _isolated
from engine.conform import Columns, conform, read_log
from engine.definition import builtin
from engine.errors import Invalid
from engine.events import OFFICE, Record, digest
from engine.export.table import COLUMNS, safe
from engine.export.xes import Trace, record_of, traces_of_xes
from engine.office import Office
from engine.office.exporting import Wanted


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An office with three cases of the joint item that is shipped, played through."""
    folder = builtin().items()["enterprise-startup"]
    where = str(tmp_path_factory.mktemp("exports") / "office.db")
    with Office.create_rehearsal(where, datetime(2026, 1, 5, tzinfo=UTC), folders=[folder]) as made:
        known = sorted(path.stem for path in (folder / "examples").glob("*.toml"))
        for example in known[::7]:
            play(made, "enterprise-startup", example)
        yield made


def exported(office: Office, form: Any, **wanted: Any) -> bytes:
    out = io.BytesIO()
    office.export(Wanted(form, **wanted), out)
    return out.getvalue()


def histories(office: Office) -> dict[str, list[Record]]:
    with office._store.reading() as reader:
        return {number: office.history(number) for number in reader.streams() if number != OFFICE}


def records_in(content: bytes) -> list[Record]:
    """The records that an export holds word for word."""
    traces = [told for told in traces_of_xes(io.BytesIO(content)) if isinstance(told, Trace)]
    records = [record_of(event) for told in traces for event in told.events]
    return [record for record in records if record is not None]


def test_every_record_comes_back_from_xes_as_it_was_written(office: Office) -> None:
    back: dict[str, list[Record]] = {}
    for record in records_in(exported(office, "xes")):
        back.setdefault(record.case, []).append(record)
    assert back == histories(office)
    assert sum(map(len, back.values())) > 150


def test_xes_is_as_the_standard_says(office: Office) -> None:
    """The rules of the schema of IEEE 1849-2016 that a writer can break."""
    root = etree.fromstring(exported(office, "xes"))
    order = [child.tag for child in root]
    assert order == sorted(order, key=["extension", "global", "classifier", "trace"].index)
    assert re.fullmatch(r"\d+\.\d+", root.get("xes.version", ""))
    declared = {child.get("prefix") for child in root.iter("extension")} | {"lianban"}
    values = {
        "string": str,
        "id": str,
        "int": int,
        "float": float,
        "boolean": {"true": True, "false": False}.__getitem__,
        "date": datetime.fromisoformat,
    }
    for element in root.iter("trace", "event", "global", "values"):
        for child in element:
            if child.tag == "event":
                continue
            key = child.get("key", "")
            assert re.fullmatch(r"[^\W\d][\w.\-]*(:[\w.\-]+)?", key), key
            assert ":" not in key or key.partition(":")[0] in declared
            if child.tag == "list":
                assert [inner.tag for inner in child] == ["values"]
            elif child.tag != "values":
                values[child.tag](child.get("value", ""))
    for scope in ("trace", "event"):
        wanted = {child.get("key") for child in root.find(f"global[@scope='{scope}']")}
        assert all(wanted <= {child.get("key") for child in one} for one in root.iter(scope))
    transitions = {
        child.get("value") for child in root.iter("string") if child.get("key") == "lifecycle:transition"
    }
    assert {"schedule", "start", "complete", "unknown"} <= transitions


def test_what_xml_cannot_hold_comes_back_all_the_same(tmp_path: Path) -> None:
    odd = "ab <&\">'\r\n\t \ufffe \U0001f600 ]]> =1+1"
    with Office.create_rehearsal(str(tmp_path / "o.db"), NOON, organisation(1)) as made:
        form = {"type": "object", "additionalProperties": True}
        publish(made, tmp_path, draw("start s; user a; end e", "s -> a -> e"), forms={"a": form})
        case = made.open_case("clerk", "item", {}, NOON).case
        nested = {"1 und 2": [None, True, 1.5, 2**70, {"": "x"}], "leer": {}, "liste": []}
        made.do("clerk", case, "a", {"text": odd, "nested": nested}, NOON)
        content = exported(made, "xes")
        assert records_in(content) == made.history(case)
        rows = list(csv.DictReader(io.StringIO(exported(made, "csv").decode(), newline="")))
        assert [json.loads(row["data"]) for row in rows] == [r.event.payload() for r in made.history(case)]


def test_the_auditor_can_recompute_each_hash_from_each_format(office: Office) -> None:
    told = json.loads(exported(office, "ocel"))
    events = [{one["name"]: one["value"] for one in event["attributes"]} for event in told["events"]]
    assert all(digest(event["record"].encode()) == event["hash"] for event in events)
    records = [record for history in histories(office).values() for record in history]
    assert [event["hash"] for event in events] == [record.hash for record in records]
    rows = list(csv.DictReader(io.StringIO(exported(office, "csv").decode(), newline="")))
    assert [row["hash"] for row in rows] == [record.hash for record in records]
    assert [json.loads(row["data"]) for row in rows] == [record.event.payload() for record in records]
    assert [json.loads(row["by"]) for row in rows] == [record.by for record in records]


def test_ocel_declares_what_it_uses_and_relates_only_what_is_there(office: Office) -> None:
    told = json.loads(exported(office, "ocel"))
    objects = {one["id"]: one["type"] for one in told["objects"]}
    assert len(objects) == len(told["objects"])
    assert set(objects.values()) == {"case", "step", "document", "clock", "unit", "person"}
    types = {"string": str, "integer": int, "boolean": bool, "float": float}
    for kind in ("event", "object"):
        declared = {
            one["name"]: {attribute["name"]: attribute["type"] for attribute in one["attributes"]}
            for one in told[f"{kind}Types"]
        }
        assert len(declared) == len(told[f"{kind}Types"])
        for one in told[f"{kind}s"]:
            for attribute in one["attributes"]:
                assert type(attribute["value"]) is types[declared[one["type"]][attribute["name"]]]
            related = [to["objectId"] for to in one["relationships"]]
            assert len(set(related)) == len(related) and set(related) <= set(objects)
    issued = next(event for event in told["events"] if event["type"] == "document.issued")
    assert {"case", "document"} <= {to["qualifier"] for to in issued["relationships"]}
    steps = [one for one in told["objects"] if one["type"] == "step"]
    assert all({"part of"} <= {to["qualifier"] for to in one["relationships"]} for one in steps)


@pytest.mark.parametrize("form", ["xes", "ocel", "csv"])
def test_a_redacted_export_names_nobody_and_repeats_no_answer(office: Office, form: str) -> None:
    whole, redacted = (exported(office, form, redact=hidden).decode() for hidden in (False, True))
    secrets = set()
    for history in histories(office).values():
        for record in history:
            secrets |= {str(record.by.get(key)) for key in ("person", "for") if record.by.get(key)}
            secrets |= {digest(record.body)}
        for value in history[0].event.payload()["data"].values():
            secrets |= {value} if isinstance(value, str) and len(value) > 4 else set()
    assert any(secret in whole for secret in secrets)
    assert [secret for secret in secrets if secret in redacted] == []
    assert "P0001" in redacted
    assert redacted.count("task.completed") >= len(histories(office))


def test_no_cell_is_a_formula(office: Office) -> None:
    assert safe("=1+1") == "'=1+1" and safe("@x") == "'@x" and safe("-1") == "'-1" and safe("+1") == "'+1"
    assert safe("\t=1") == "'\t=1" and safe("1=1") == "1=1" and safe("") == ""
    content = exported(office, "csv", mark=True)
    assert content.startswith(b"\xef\xbb\xbfcase,item,")
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert tuple(rows[0]) == COLUMNS
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))]


@pytest.mark.parametrize("form", ["xes", "csv"])
def test_what_the_office_did_follows_its_own_diagram_seen_from_outside(office: Office, form: str) -> None:
    log = read_log(exported(office, form), "log", Columns(), office.zone)
    with office._store.reading() as reader:
        net = office._definition_in_force(reader, "enterprise-startup", NOON).net
    told = conform(net, log, {})
    assert (told["fitting"], told["unknown"], told["exact"]) == (len(histories(office)), [], True)
    assert told["events"] > 30


def test_cases_are_chosen_by_item_by_day_and_as_they_were(office: Office) -> None:
    def cases(content: bytes) -> list[str]:
        rows = csv.DictReader(io.StringIO(content.decode(), newline=""))
        return list(dict.fromkeys(row["case"] for row in rows))

    opened = {number: datetime.fromisoformat(history[0].at) for number, history in histories(office).items()}
    last = max(opened.values())
    assert cases(exported(office, "csv")) == list(opened)
    assert cases(exported(office, "csv", until=last)) == [n for n, at in opened.items() if at < last]
    assert cases(exported(office, "csv", since=last)) == [n for n, at in opened.items() if at >= last]
    out = io.BytesIO()
    first = min(opened.values())
    office.export(Wanted("csv"), out, as_of=first)
    rows = list(csv.DictReader(io.StringIO(out.getvalue().decode(), newline="")))
    assert rows and all(datetime.fromisoformat(row["at"]) <= first for row in rows)


def test_the_command_writes_a_file_and_says_what_is_in_it(office: Office, tmp_path: Path) -> None:
    ran = lianban(tmp_path, "export", "xes", "-o", "log.xes", "--db", office.database)
    count = len(histories(office))
    assert ran.code == 0 and f"cases: {count}," in ran.out
    assert "--redact" in ran.err
    assert len(list(etree.parse(tmp_path / "log.xes").iter("trace"))) == count
    words = ["export", "csv", "-o", "a.csv", "--item", "fish", "--json", "--db", office.database]
    refused = lianban(tmp_path, *words)
    assert refused.code == 1 and json.loads(refused.err)["code"] == "item.unknown"
    assert [path.name for path in tmp_path.iterdir()] == ["log.xes"]  # and no half of the other file


def test_an_export_kept_elsewhere_shows_what_was_changed_in_the_office_since(tmp_path: Path) -> None:
    drawn = draw("start s; user a; user b; end e", "s -> a -> b -> e")
    with Office.create_rehearsal(str(tmp_path / "o.db"), NOON, organisation(1)) as made:
        publish(made, tmp_path, drawn)
        case = made.open_case("clerk", "item", {}, NOON).case
        kept = exported(made, "xes")
        made.do("clerk", case, "a", {}, NOON)
        assert made.verify_export(io.BytesIO(kept)) == []  # a history may grow
        longer = exported(made, "xes")
        forged = kept.replace(b"2026-03-02T04:00", b"2026-03-02T03:00")
        assert made.verify_export(io.BytesIO(forged))
        with sqlite3.connect(tmp_path / "o.db") as connection:
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
                connection.execute(f"DROP TRIGGER {name}")
            connection.execute("DELETE FROM events WHERE case_no = ? AND seq > 2", (case,))
        assert made.verify_export(io.BytesIO(kept)) == []
        found = made.verify_export(io.BytesIO(longer))
        assert [finding.code for finding in found] == ["export.differs"] and "event 3" in str(found[0])
        for nothing in (b"<log/>", b"text", b"<log><trace/></log>"):
            with pytest.raises(Invalid):
                made.verify_export(io.BytesIO(nothing))


@pytest.fixture(scope="module")
def kept(office: Office) -> dict[tuple[str, bool], bytes]:
    """Exports of the office by language, without and with redaction."""
    return {
        (lang, redact): exported(office, "xes", lang=lang, redact=redact)
        for lang in ("zh", "en")
        for redact in (False, True)
    }


def compared(office: Office, content: bytes) -> tuple[list[str], dict[str, int]]:
    checked: Counter[str] = Counter()
    found = office.verify_export(io.BytesIO(content), checked=checked)
    return [f"{finding.code}: {finding}" for finding in found], dict(checked)


@pytest.mark.parametrize("redact", [False, True])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_an_export_is_compared_whole_and_how_much_that_was_is_said(
    office: Office, kept: dict[tuple[str, bool], bytes], lang: str, redact: bool
) -> None:
    events = sum(map(len, histories(office).values()))
    told = {"exported_cases": len(histories(office)), "exported_events": events}
    assert compared(office, kept[lang, redact]) == ([], told | {"redacted_events": events if redact else 0})


FORGED = {
    "another activity": ('key="concept:name" value="受理'.encode(), b'key="concept:name" value="X'),
    "another instant": (b'key="time:timestamp" value="2026', b'key="time:timestamp" value="2025'),
    "another person": (b'key="org:resource" value="', b'key="org:resource" value="x'),
    "another transition": (b'key="lifecycle:transition" value="complete"',
        b'key="lifecycle:transition" value="start"'),
    "an answer": (b'key="opinion" value="agree"', b'key="opinion" value="disagree"'),
    "another item": (b'key="lianban:item" value="enter', b'key="lianban:item" value="leave'),
    "one attribute less": (b'<boolean key="lianban:fact" value="true"/>', b""),
    "one attribute more": (b"</event>", b'<string key="cost:total" value="5"/></event>'),
    "an attribute in an attribute": (b'key="lianban:type" value="case.opened"/>',
        b'key="lianban:type" value="case.opened"><string key="org:resource" value="li"/></string>'),
    "a classifier": (b'name="Activity" keys="concept:name"', b'name="Activity" keys="org:resource"'),
}  # fmt: skip


@pytest.mark.parametrize("forgery", FORGED)
def test_whatever_other_tools_read_of_an_export_is_compared_with_the_office(
    office: Office, kept: dict[tuple[str, bool], bytes], forgery: str
) -> None:
    was, becomes = FORGED[forgery]
    content = kept["zh", False]
    assert was in content
    found, _ = compared(office, content.replace(was, becomes, 1))
    assert len(found) == 1 and found[0].startswith("export.attribute: "), found
    every, _ = compared(office, content.replace(was, becomes))
    assert 1 <= len(every) <= len(histories(office))  # of each case the first difference


def test_an_event_taken_out_of_an_export_or_a_case_put_in_twice_is_found(
    office: Office, kept: dict[tuple[str, bool], bytes]
) -> None:
    content = kept["zh", False]
    first = content.index(b"<event>", content.index(b"</event>"))
    after = content.index(b"</event>", first) + len(b"</event>")
    for forged in (
        content[:first] + content[after:],
        content.replace(b"</log>", _trace(content) + b"</log>"),
    ):
        found, _ = compared(office, forged)
        assert len(found) == 1 and found[0].startswith("export.differs: "), found
    hidden = kept["en", True].replace(b'value="P0001"', b'value="P0002"', 1)
    assert [line.partition(":")[0] for line in compared(office, hidden)[0]] == ["export.attribute"]


def _trace(content: bytes) -> bytes:
    return content[content.index(b"<trace>") : content.index(b"</trace>") + len(b"</trace>")]


# --- the file of a case


def test_the_file_of_a_case_holds_every_document_in_order_and_what_proves_it(
    office: Office, tmp_path: Path
) -> None:
    number = max(histories(office), key=lambda case: len(office.show(case)["documents"]))
    shown = office.show(number)
    words = ["print", number, "--file", "-o", "file.html", "--lang", "en"]
    ran = lianban(tmp_path, *words, "--db", office.database)
    assert ran.code == 0 and "file.html" in ran.out
    text = (tmp_path / "file.html").read_text("utf-8")
    page = etree.HTML(text)
    rows = page.xpath("//section[2]//tbody/tr")
    found = [["".join(cell.itertext()) for cell in row] for row in rows]
    assert len(found) > 2
    assert [(row[0], row[1], row[4]) for row in found] == [
        (str(n), line["number"], line["digest"]) for n, line in enumerate(shown["documents"], 1)
    ]
    assert [link.get("href") for link in page.xpath("//section[2]//a")] == [
        f"#{paper.get('id')}" for paper in page.xpath("//article")
    ]
    for line, paper in zip(shown["documents"], text.split("<article")[1:], strict=True):
        original = office.document(number, line["number"])[1].decode()
        heading = _words(original.partition("<h1>")[2].partition("</h1>")[0])
        assert heading and heading in _words(paper)
    last = office.history(number)[-1]
    assert f"{last.seq}: {last.hash}" in text and shown["definition"] in text and number in text
    assert f"all {last.seq} events" in text
    for line in shown["application"]:
        assert line["field"] != "applicant" or str(line["value"]) in text


def _words(html: str) -> str:
    return "".join(re.sub(r"<[^>]+>", "", html).split())


def test_a_document_in_a_file_changes_nothing_outside_of_itself_and_runs_nothing() -> None:
    content = (
        "<!doctype html><html><head><style>:root { --red: #f00; } body, p { color: red }</style>"
        "<script>alert(1)</script></head><body>first &lt;b&gt;<p>text &amp; more</p></body></html>"
    )
    told = _isolated(content.encode())
    assert ":host { --red" in told and ".body, p { color: red }" in told
    assert "script" not in told and "first &lt;b&gt;<p>text &amp; more</p>" in told


def test_a_file_says_that_the_case_is_sealed_or_is_not_as_it_was_written(tmp_path: Path) -> None:
    drawn = draw("start s; user a; end e", "s -> a -> e")
    with Office.create_rehearsal(str(tmp_path / "o.db"), NOON, organisation(1)) as made:
        publish(made, tmp_path, drawn, documents={"a": "note"})
        case = made.open_case("clerk", "item", {}, NOON).case
        made.do("clerk", case, "a", {}, NOON)

        def file() -> dict[str, Any]:
            return made.case_file(case, "en", str, lambda line: ("", line["type"]), NOON)

        assert "not sealed yet" in file()["content"]
        made.seal(NOON, None, None, None)
        told = file()
        assert (told["seal"], told["findings"]) == (1, [])
        assert f"up to event {len(made.history(case))}" in told["content"]
        with sqlite3.connect(tmp_path / "o.db") as connection:
            connection.execute("UPDATE heads SET status = 'open' WHERE case_no = ?", (case,))
        told = file()
        assert told["findings"] and "NOT as it was written" in told["content"]


def test_every_key_of_the_json_is_documented(office: Office) -> None:
    page = (Path(__file__).parent.parent / "docs" / "json.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"`([a-z_]+)`", page))
    number = next(iter(histories(office)))
    told = office.export(Wanted("csv"), io.BytesIO())
    assert {*told, *office.case_file(number, "en", str, lambda line: ("", ""), NOON)} <= documented


def test_pm4py_reads_both_and_finds_the_same(office: Office, tmp_path: Path) -> None:
    """Only where pm4py is installed: `make interop`."""
    pm4py = pytest.importorskip("pm4py")
    (tmp_path / "log.xes").write_bytes(exported(office, "xes"))
    (tmp_path / "log.json").write_bytes(exported(office, "ocel"))
    records = [record for history in histories(office).values() for record in history]
    table = pm4py.read_xes(str(tmp_path / "log.xes"))
    assert len(table) == len(records)
    table = table.sort_values(["case:concept:name", "lianban:seq"])
    assert list(table["lianban:record"]) == [record.body.decode() for record in records]
    instants = [instant.to_pydatetime() for instant in table["time:timestamp"]]
    assert instants == [datetime.fromisoformat(record.at) for record in records]
    ocel = pm4py.read_ocel2_json(str(tmp_path / "log.json"))
    told = json.loads((tmp_path / "log.json").read_text("utf-8"))
    assert len(ocel.events) == len(records)
    assert sorted(ocel.events["record"]) == sorted(record.body.decode() for record in records)
    assert len(ocel.objects) == len(told["objects"])
    assert len(ocel.relations) == sum(len(event["relationships"]) for event in told["events"])
    assert len(ocel.o2o) == sum(len(one["relationships"]) for one in told["objects"])
