"""An item around a drawn diagram, and an organisation to run it in.

    publish(office, tmp_path, draw("start s; user a; end e", "s -> a -> e"))

Every node lies in the lane of the service hall's clerks, or of the department that `lanes` says. Every
end event is an outcome. Steps ask nothing, unless `forms` has a form under their id (`ANYTHING`
takes what comes, `fields(x="integer")` makes one).
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from drawing import NS
from lxml import etree

from engine.definition import builtin
from engine.examples import command_of
from engine.office import Office

NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
"""Monday 2 March 2026, 12:00 in the county."""

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

NOTE = "{{ document.number }} {{ case.number }} {{ step.id }} {{ date }}\n"

ANYTHING: dict[str, Any] = {"type": "object", "additionalProperties": True}


def organisation(departments: int = 4) -> bytes:
    """`clerk` and `colleague` in the hall; `p1` and `q1` in department `d1`, and so on. All are clerks, and
    those of the hall administrators."""
    text = ['name = { zh = "示例县", en = "Shili County" }', 'division = "539901"']
    text += ['administrators = ["hall/clerk"]']
    people = [("clerk", "hall"), ("colleague", "hall")]
    for code in ["hall", *(f"d{n}" for n in range(1, departments + 1))]:
        text.append(f'[units.{code}]\nname = {{ zh = "{code}", en = "{code}" }}\nkind = "department"')
    for n in range(1, departments + 1):
        people += [(f"p{n}", f"d{n}"), (f"q{n}", f"d{n}")]
    text += [
        f'[[people]]\nid = "{person}"\nposts = ["{unit}/clerk"]\nname = {{ zh = "{person}", en = "" }}'
        for person, unit in people
    ]
    return "\n".join(text).encode()


def fields(**types: str) -> dict[str, Any]:
    """A form with these fields, each a JSON Schema type; all are required."""
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            name: {"type": kind, "title": name, "x-title-en": name} for name, kind in types.items()
        },
        "required": list(types),
    }


def make_item(
    root: Path,
    diagram: bytes,
    *,
    code: str = "item",
    lanes: Mapping[str, str] | None = None,
    forms: Mapping[str, Mapping[str, Any]] | None = None,
    properties: Mapping[str, Mapping[str, str]] | None = None,
    documents: Mapping[str, str] | None = None,
    notices: Sequence[str] = (),
    clocks: str = "",
    template: str = NOTE,
) -> Path:
    """The folder of an item below `root`, ready to publish.

    By node id: `lanes` the unit that does it, `forms` what it asks, `properties` further extension
    properties, `documents` the document that it issues (all from one `template`, in a series of its name).
    `notices` are documents that no node issues; `clocks` is TOML, the tables `[clocks.<id>]`.
    """
    folder = root / "processes" / code
    forms_folder = root / "forms"
    folder.mkdir(parents=True)
    forms_folder.mkdir(exist_ok=True)
    given = {node: dict(values) for node, values in (properties or {}).items()}
    for node, form in (forms or {}).items():
        given.setdefault(node, {})["form"] = f"{code}-{node}"
        (forms_folder / f"{code}-{node}.schema.json").write_text(json.dumps(form), encoding="utf-8")
    for node, document in (documents or {}).items():
        given.setdefault(node, {})["documents"] = document
    (forms_folder / "note.j2").write_text(template, encoding="utf-8")
    process, ends, text = _with_lanes(diagram, lanes or {}, given)
    (folder / "diagram.bpmn").write_bytes(text)
    units = sorted({"hall", *(lanes or {}).values()})
    entry = [
        f'code = "{code}"',
        'serial_code = "SL-LB0001"' if code == "item" else f'serial_code = "SL-{code.upper()}"',
        'kind = "committed"',
        'handling_mode = "single"',
        f'process = "{process}"',
        "effective = 2026-01-01",
        f'name = {{ zh = "{code}", en = "{code}" }}',
        '[[bases]]\nlaw = "示例法"\narticle = "第二十六条"\nlevel = "law"',
        "[lanes]",
        *(f'"{unit}" = "{unit}/clerk"' for unit in units),
        *(f'[outcomes.{end}]\nname = {{ zh = "{end}", en = "{end}" }}\nkind = "grant"' for end in ends),
        *(
            f'[documents.{document}]\ntemplate = "note.j2"\n'
            f'name = {{ zh = "{document}", en = "{document}" }}\nseries = "{document}"'
            for document in sorted({*(documents or {}).values(), *notices})
        ),
        clocks,
    ]
    (folder / "item.toml").write_text("\n".join(entry), encoding="utf-8")
    return folder


def publish(office: Office, root: Path, diagram: bytes, **about: Any) -> str:
    """Put an item around `diagram` in force; its code."""
    return office.publish(make_item(root, diagram, **about), NOON).item


def play(office: Office, item: str, example: str) -> str:
    """Play a worked case of a shipped item through the office, as its file says; the case's number."""
    told = tomllib.loads((builtin().items()[item] / "examples" / f"{example}.toml").read_text("utf-8"))
    case = office.open_case(told["by"], item, told.get("data", {}), told["start"]).case
    for step in told["steps"]:
        if "advance" in step:
            office.sweep(step["at"])
        else:
            office.act(step["by"], case, command_of(step), step["at"])
    assert office.show(case)["outcome"] == told["outcome"]
    return case


def _with_lanes(
    diagram: bytes, lanes: Mapping[str, str], properties: Mapping[str, Mapping[str, str]]
) -> tuple[str, list[str], bytes]:
    """The first process, its end events, and the diagram with a lane for every node of every process and
    with the extension properties."""
    root = etree.fromstring(diagram)
    processes = root.findall(f"{{{NS}}}process")
    for process in processes:
        members: dict[str, list[str]] = {}
        for node in process.iter("{*}*"):
            name = node.get("id", "")
            if node.getparent() is process and not node.tag.endswith(("}sequenceFlow", "}laneSet")):
                members.setdefault(lanes.get(name, "hall"), []).append(name)
            elif name in lanes:
                members.setdefault(lanes[name], []).append(name)
            if name in properties:
                node.insert(0, _extension(properties[name]))
        lane_set = etree.Element(f"{{{NS}}}laneSet", id=f"lanes_{process.get('id')}")
        for unit, nodes in sorted(members.items()):
            lane = etree.SubElement(lane_set, f"{{{NS}}}lane", id=f"{process.get('id')}_{unit}", name=unit)
            for name in nodes:
                etree.SubElement(lane, f"{{{NS}}}flowNodeRef").text = name
        process.insert(0, lane_set)
    ends = [end.get("id", "") for end in processes[0].findall(f"{{{NS}}}endEvent")]
    return processes[0].get("id", ""), ends, etree.tostring(root)


def _extension(properties: Mapping[str, str]) -> etree._Element:
    camunda = "http://camunda.org/schema/1.0/bpmn"
    extension = etree.Element(f"{{{NS}}}extensionElements")
    holder = etree.SubElement(extension, f"{{{camunda}}}properties")
    for name, value in properties.items():
        etree.SubElement(holder, f"{{{camunda}}}property", name=name, value=value)
    return extension
