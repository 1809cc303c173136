"""The examples on the pages of problem codes, put into a small item and checked as `item check` does.

    python tests/problem_pages.py        # write the index of the pages anew

The item is one of a county's service hall: it is received, reviewed and granted on the spot, and its end
stands for delivery, publication and rating too, so that little is missing for a lawful licence. What a page
shows of `diagram.bpmn` replaces the elements of the same id, or is drawn beside them, in the hall's lane
unless the page draws lanes; what it shows of `item.toml` is put over the entry, key by key, save
`[conclusion]`, which it replaces. Other files are as shown.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from lxml import etree

from engine.errors import Problem
from engine.flow.read.source import FLOW_NODES
from engine.office import check_folder
from engine.organisation import Organisation
from engine.problems import pages

NS = "http://www.omg.org/spec/BPMN/20100524/MODEL"
BPMN = f"{{{NS}}}"
SPACES = (
    f'xmlns="{NS}" xmlns:camunda="http://camunda.org/schema/1.0/bpmn" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" targetNamespace="lianban"'
)

DIAGRAM = f"""<definitions {SPACES}>
  <process id="permit" isExecutable="true">
    <startEvent id="received" name="收件"/>
    <userTask id="review" name="审查"/>
    <endEvent id="granted" name="准予"/>
    <sequenceFlow id="to_review" sourceRef="received" targetRef="review"/>
    <sequenceFlow id="to_granted" sourceRef="review" targetRef="granted"/>
  </process>
</definitions>"""

ITEM = """
code = "permit"
serial_code = "SC-LB0001"
kind = "immediate"
handling_mode = "single"
process = "permit"
effective = 2026-01-01
name = { zh = "许可", en = "Permit" }
bases = [{ law = "示例法", article = "第十二条", level = "law" }]
[lanes]
"窗口" = "hall/clerk"
[outcomes.granted]
name = { zh = "准予", en = "Granted" }
kind = "grant"
[conclusion]
delivery = ["granted"]
publication = ["granted"]
survey = ["granted"]
"""

INDEX = Path(__file__).parent.parent / "engine" / "problems" / "README.md"

AT_THE_ROOT = frozenset({"process", "message", "signal", "error", "escalation", "collaboration", "extension"})


@dataclass(frozen=True)
class Shown:
    """A block of a page: what it is written in, the file that it is about, and its text."""

    language: str
    file: str
    text: str


def shown(text: str) -> Iterator[Shown]:
    """The blocks of a part of a page that name a file."""
    for block in re.finditer(r"^```(\w+) (\S+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield Shown(block[1], block[2], block[3])


def check_shown(root: Path, blocks: list[Shown], organisation: Organisation) -> list[Problem]:
    """What `item check` says of the small item with these blocks in it. That it has no worked case is only
    said if the blocks are none."""
    folder = root / "processes" / "permit"
    (folder / "examples").mkdir(parents=True)
    (root / "forms").mkdir()
    (folder / "item.toml").write_text(ITEM, encoding="utf-8")
    (folder / "diagram.bpmn").write_bytes(_diagram([]))
    for block in blocks:
        path = root / block.file if block.file.startswith("forms/") else folder / block.file
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(_content(block, blocks))
    found = [problem for problem, _ in check_folder(folder, organisation).problems]
    return [problem for problem in found if not blocks or problem.code != "example.none"]


def index() -> str:
    """The index of the pages, by family."""
    lines = [
        "# Problems that `item check` finds",
        "",
        "Each has a code, and each code a page: what it means, why it matters, an example, how to mend it.",
        "`lianban item check --explain CODE` prints the page. The examples are about a small item (a case is",
        "received, reviewed by the service hall and granted on the spot; its end stands for delivery,",
        "publication and rating too): what a page shows of a file replaces or joins what the item has.",
        "Every one of them is checked by `tests/test_problem_pages.py`.",
    ]
    for family, of_family in groupby(pages(), key=lambda page: page.code.partition(".")[0]):
        lines += ["", f"## {family}", "", "| code | severity | what it is | 中文 |", "|---|---|---|---|"]
        for page in of_family:
            link = f"[`{page.code}`]({page.code}.md)"
            lines.append(f"| {link} | {page.head['severity']} | {page.head['title']} | {page.head['zh']} |")
    return "\n".join(lines) + "\n"


def _content(block: Shown, blocks: list[Shown]) -> bytes:
    if block.file == "diagram.bpmn" and block.language == "xml" and "<definitions" not in block.text:
        return _diagram([b.text for b in blocks if b.file == block.file])
    if block.file == "item.toml" and block.language == "toml":
        return _toml(_over(tomllib.loads(ITEM), tomllib.loads(block.text))).encode()
    return block.text.encode()


def _diagram(fragments: list[str]) -> bytes:
    root = etree.fromstring(DIAGRAM)
    process = root.find(f"{BPMN}process")
    assert process is not None
    for element in etree.fromstring(f"<definitions {SPACES}>{''.join(fragments)}</definitions>"):
        id = element.get("id")
        old = next((e for e in root.iter(BPMN + "*") if id and e.get("id") == id), None)
        if old is not None and (above := old.getparent()) is not None:
            above.replace(old, element)
        elif etree.QName(element).localname in AT_THE_ROOT:
            root.append(element)
        else:
            process.append(element)
    process = next(e for e in root.iter(f"{BPMN}process") if e.get("id") == "permit")
    if process.find(f"{BPMN}laneSet") is None:
        lane = etree.SubElement(etree.SubElement(process, f"{BPMN}laneSet"), f"{BPMN}lane", name="窗口")
        for element in process:
            if etree.QName(element).localname in FLOW_NODES:
                etree.SubElement(lane, f"{BPMN}flowNodeRef").text = element.get("id")
        process.remove(lane.getparent())  # type: ignore[arg-type]
        process.insert(0, lane.getparent())  # type: ignore[arg-type]
    return etree.tostring(root, encoding="utf-8", xml_declaration=True)


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict) and key != "conclusion"
        merged[key] = _over(merged[key], value) if both else value
    return merged


def _toml(value: Mapping[str, Any]) -> str:
    return "".join(
        f"{json.dumps(key, ensure_ascii=False)} = {_value(inner)}\n" for key, inner in value.items()
    )


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + _toml(value).replace("\n", ", ").removesuffix(", ") + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return value.isoformat() if isinstance(value, date | datetime) else json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    INDEX.write_text(index(), encoding="utf-8")
