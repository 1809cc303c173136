"""How many cases of the DMN technology compatibility kit (TCK) pass: `python bench/dmn_tck.py FOLDER`.

FOLDER holds a folder for each model: a `.dmn` file and its expected results (`*-test-*.xml`), as in the
TCK's `compliance-level-2`. A test case passes when every decision it names gives what it expects; numbers
may differ by one part in 10⁸, as in the TCK's own runners. Prints a line for each model and each failure.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lxml import etree

NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
NOW = datetime(2026, 3, 2, tzinfo=UTC)

Decide = Callable[[str, dict[str, Any]], Any]
"""A decision's name and the inputs → its value. Raises where there is none."""


@dataclass(frozen=True)
class Case:
    """A test case: `expected` by the decision's name."""

    id: str
    inputs: dict[str, Any]
    expected: dict[str, Any]


def cases(file: Path) -> Iterator[Case]:
    """The test cases of a file of expected results."""
    for case in etree.parse(str(file)).getroot().iterfind("{*}testCase"):
        yield Case(
            f"{file.stem}/{case.get('id')}",
            {node.get("name", ""): _value(node) for node in case.iterfind("{*}inputNode")},
            {
                node.get("name", ""): _value(expected)
                for node in case.iterfind("{*}resultNode")
                if (expected := node.find("{*}expected")) is not None
            },
        )


def _value(holder: etree._Element) -> Any:
    """What a node holds: one value, a list of items, or a record of components."""
    if (items := holder.find("{*}list")) is not None:
        return [_value(item) for item in items.iterfind("{*}item")]
    if (parts := holder.findall("{*}component")) or holder.find("{*}value") is None:
        return {part.get("name", ""): _value(part) for part in parts} or None
    value = holder.find("{*}value")
    if value is None or value.get(NIL) == "true":
        return None
    text = value.text or ""
    match value.get(TYPE, "").rpartition(":")[2]:
        case "boolean":
            return text.strip() == "true"
        case "decimal" | "double" | "integer" | "int" | "long" | "float":
            return float(text) if "." in text or "e" in text.lower() else int(text)
    return text


def same(found: Any, expected: Any) -> bool:
    """Whether the value is the one expected."""
    if isinstance(found, bool) or isinstance(expected, bool):
        return found is expected
    if isinstance(found, int | float) and isinstance(expected, int | float):
        return abs(found - expected) <= 1e-8 * max(abs(expected), 1)
    if isinstance(found, list) and isinstance(expected, list):
        return len(found) == len(expected) and all(map(same, found, expected))
    if isinstance(found, dict) and isinstance(expected, dict):
        return found.keys() == expected.keys() and all(same(found[k], expected[k]) for k in expected)
    return type(found) is type(expected) and found == expected


def lianban(file: Path) -> Decide:
    """lianban's reading and evaluation of a model."""
    from engine.expressions import compile_table
    from engine.flow.read.decisions import parse_decisions, table
    from engine.flow.read.findings import Findings

    findings = Findings(file.name, [])
    drawn = {d.element.get("name"): d for d in parse_decisions(file.read_bytes(), findings)}

    def decide(name: str, inputs: dict[str, Any]) -> Any:
        findings.problems.clear()
        spec = table(drawn[name])
        if spec is None:
            raise ValueError("; ".join(str(problem.message) for problem in findings.problems))
        return compile_table(spec).evaluate(inputs, NOW, "UTC")

    return decide


def run(folder: Path, read: Callable[[Path], Decide]) -> tuple[int, int]:
    """Run all models of `folder`, print how they did: cases passed, cases in all."""
    passed = total = 0
    for model in sorted(folder.rglob("*.dmn")):
        failures: list[str] = []
        count = 0
        for file in sorted(model.parent.glob("*.xml")):
            for case in cases(file):
                count += 1
                failures += _failures(read, model, case)[:1]
        passed, total = passed + count - len(failures), total + count
        print(f"{count - len(failures):4} of {count:3}  {model.stem}")
        for failure in failures:
            print("              " + failure)
    print(f"{passed:4} of {total:3}  in all")
    return passed, total


def _failures(read: Callable[[Path], Decide], model: Path, case: Case) -> list[str]:
    failures = []
    for name, expected in case.expected.items():
        try:
            found = read(model)(name, case.inputs)
        except Exception as error:  # noqa: BLE001 (whatever it raises, the case fails)
            failures.append(f"{case.id} {name}: {type(error).__name__}: {error}"[:200])
            continue
        if not same(found, expected):
            failures.append(f"{case.id} {name}: expected {expected!r}, found {found!r}")
    return failures


def main() -> int:
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        print(__doc__)
        return 2
    began = time.perf_counter()
    passed, total = run(Path(sys.argv[1]), lianban)
    print(f"           in {time.perf_counter() - began:.2f} s")
    return 0 if passed == total else 1


if __name__ == "__main__":
    sys.exit(main())
