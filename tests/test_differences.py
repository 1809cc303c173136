"""`item diff` says all that one version changes against another, to whom it matters."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from lxml import html
from msgspec.structs import replace
from terminal import lianban

from engine.definition import Definition, builtin, read_folder
from engine.definition.differences import differences
from engine.definition.model import digest_of, read_toml
from engine.flow.net import Event, Loop, Node, Scope
from engine.office import Office

ITEMS = sorted(builtin().items())


@pytest.fixture(scope="module")
def shipped() -> dict[str, Definition]:
    found = {}
    for code, folder in builtin().items().items():
        definition, _ = read_folder(folder)
        assert definition is not None
        found[code] = definition
    return found


def with_file(definition: Definition, path: str, content: bytes) -> Definition:
    """The same definition with other bytes in one file that the engine does not run."""
    files = {**definition.files, path: content}
    return Definition(digest_of(files), read_toml(files["item.toml"]), definition.net, b"", files)


def with_item(definition: Definition, item: dict[str, Any]) -> Definition:
    files = {**definition.files, "item.toml": definition.files["item.toml"] + b"#"}
    return replace(definition, digest=digest_of(files), item=item, files=files)


def with_node(definition: Definition, scope: Scope, node: Node) -> Definition:
    return with_scope(definition, replace(scope, nodes={**scope.nodes, node.id: node}))


def with_scope(definition: Definition, scope: Scope) -> Definition:
    net = replace(definition.net, scopes={**definition.net.scopes, scope.id: scope})
    files = {**definition.files, "diagram.bpmn": definition.files["diagram.bpmn"] + b"\n"}
    return replace(definition, digest=digest_of(files), net=net, files=files)


@pytest.mark.parametrize("code", ITEMS)
def test_an_item_does_not_differ_from_itself(code: str, shipped: dict[str, Definition]) -> None:
    assert differences(shipped[code], shipped[code]) == []


@pytest.mark.parametrize("code", ITEMS)
def test_a_byte_more_in_any_file_is_told_with_the_file(code: str, shipped: dict[str, Definition]) -> None:
    old = shipped[code]
    for path, content in old.files.items():
        told = differences(old, with_file(old, path, content + b"\n"))
        assert [difference.file for difference in told] == [path]
        gone = {name: bytes_ for name, bytes_ in old.files.items() if name != path}
        if path != "item.toml":
            without = replace(old, digest=digest_of(gone), files=gone)
            assert (path, "removed") in {(d.file, d.change) for d in differences(old, without)}


def leaves(value: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(inner, (*place, key))
    else:
        yield place


def changed(item: dict[str, Any], place: tuple[str | int, ...]) -> dict[str, Any]:
    copy = json.loads(json.dumps(item))
    inner = copy
    for key in place[:-1]:
        inner = inner[key]
    value = inner[place[-1]]
    inner[place[-1]] = (
        (not value) if isinstance(value, bool) else value + ("0" if isinstance(value, str) else 1)
    )
    return copy


@pytest.mark.parametrize("code", ITEMS)
def test_no_value_of_the_catalogue_entry_changes_in_silence(
    code: str, shipped: dict[str, Definition]
) -> None:
    old = shipped[code]
    for place in leaves(old.item):
        if place[0] == "lanes":
            continue
        told = differences(old, with_item(old, changed(old.item, place)))
        assert any((d.element or "").split(".")[0] == place[0] for d in told), place


@pytest.mark.parametrize("code", ITEMS)
def test_whoever_does_a_step_instead_is_named_with_the_step(
    code: str, shipped: dict[str, Definition]
) -> None:
    old = shipped[code]
    for lane in old.item["lanes"]:
        item = {**old.item, "lanes": {**old.item["lanes"], lane: "other/post"}}
        told = differences(old, with_item(old, item))
        tasks = {
            node.id
            for scope in old.net.scopes.values()
            for node in scope.nodes.values()
            if node.lane == lane and node.kind in ("user", "manual")
        }
        assert tasks <= {d.element for d in told if str(d.after) == "other/post"}
        assert told


@pytest.mark.parametrize("code", ITEMS)
def test_no_part_of_the_process_changes_in_silence(code: str, shipped: dict[str, Definition]) -> None:
    """Every attribute of every element and every condition: changed alone, it is told at that element."""
    old = shipped[code]
    for scope in old.net.scopes.values():
        for node in {node.kind: node for node in scope.nodes.values()}.values():
            others: list[dict[str, Any]] = [
                {"kind": "manual" if node.kind != "manual" else "user"},
                {"name": "another"},
                {"event": Event("message", "another")},
                {"loop": Loop("standard", condition="another")},
                {"properties": {**node.properties, "term": "99wd"}},
                {"interrupting": not node.interrupting},
                *({key: "another"} for key in ("script", "expression", "decision", "result", "body", "undo")),
            ]
            for other in others:
                told = differences(old, with_node(old, scope, replace(node, **other)))
                assert node.id in {d.element for d in told}, other
        for flow in scope.flows.values():
            source = replace(scope.nodes[flow.source], default=None)
            other_flow = replace(flow, condition="another")
            nodes, flows = {**scope.nodes, source.id: source}, {**scope.flows, flow.id: other_flow}
            told = differences(old, with_scope(old, replace(scope, nodes=nodes, flows=flows)))
            assert flow.id in {d.element for d in told}


@pytest.fixture
def county(tmp_path: Path) -> Path:
    """An office that has published what is shipped, and a copy of it to work on."""
    Office.create_rehearsal(
        f"sqlite:///{tmp_path / 'lianban.db'}",
        datetime(2026, 3, 2, tzinfo=UTC),
        folders=[builtin().items()["senior-card"]],
    ).close()
    for name, folder in (("processes", builtin().processes), ("forms", builtin().forms)):
        shutil.copytree(folder, tmp_path / name)
    return tmp_path


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")


def test_a_draft_is_compared_with_what_is_in_force_and_told_to_whom_it_concerns(county: Path) -> None:
    folder = county / "processes" / "senior-card"
    edit(folder / "card-kind.dmn", "[60..69]", "[60..64]")
    edit(folder / "item.toml", '"civil/approver"', '"civil/clerk"')
    edit(county / "forms" / "senior-card-application.schema.json", '"residence"\n  ]', '"phone"\n  ]')
    ran = lianban(county, "item", "diff", "processes/senior-card")
    assert ran.code == 0
    assert ran.out.splitlines()[2:] == [
        "For applicants",
        "~ Senior citizen's card: application, “Residence”: required: yes → no",
        "~ Senior citizen's card: application, “Telephone”: required: no → yes",
        "",
        "For clerks and departments",
        "~ Decision on the spot: who does it: civil/approver → civil/clerk",
        "~ decision table “优待证类别”: a rule",
        '  - [60..69] → "60-69"',
        '  + [60..64] → "60-69"',
    ]
    found = lianban(county, "item", "diff", "processes/senior-card", "-o", "diff.html", "--json").json
    page = html.document_fromstring((county / "diff.html").read_bytes())
    classes = {g.get("data-element"): g.get("class") for g in page.iter("g") if g.get("data-element")}
    assert "changed" in str(classes["decide"]).split()
    assert "changed" not in str(classes["receive"]).split()
    assert found["old"]["named"] == "senior-card@1"
    assert {line["file"] for line in found["differences"]} == {
        "forms/senior-card-application.schema.json",
        "item.toml",
        "card-kind.dmn",
    }


def test_a_step_under_another_id_is_recognised_by_its_name(county: Path) -> None:
    folder = county / "processes" / "senior-card"
    for file in (folder / "diagram.bpmn", folder / "item.toml", *folder.glob("examples/*.toml")):
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace("decide", "judge"), encoding="utf-8")
    found = lianban(county, "item", "diff", "senior-card@1", "processes/senior-card", "--json").json
    assert found["renamed"]["decide"] == "judge"
    assert not [line for line in found["differences"] if line["change"] in ("added", "removed")]


def test_who_names_no_item_is_told_what_there_is(county: Path) -> None:
    ran = lianban(county, "item", "diff", "senior-card@7", "senior-card")
    assert (ran.code, "one of: 1" in ran.err) == (1, True)
    ran = lianban(county, "item", "diff", "nothing")
    assert (ran.code, "senior-card" in ran.err) == (1, True)
    edit(county / "processes" / "senior-card" / "item.toml", "[outcomes", "[outcomes.")
    ran = lianban(county, "item", "diff", "processes/senior-card")
    assert (ran.code, "item check" in ran.err) == (1, True)
