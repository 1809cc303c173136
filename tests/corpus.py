"""The conformance corpus: small diagrams, what is done with them, and what the standard says must happen.

`tests/conformance/<area>/cases.toml` holds an area's cases beside its diagrams. What is expected was
derived from the text of BPMN 2.0.2 (`section`), not from any engine, and says no more than the text does:

| key | meaning |
|---|---|
| `variables` | what is known at the start |
| `steps` | `do ELEMENT k=v`, `message NAME k=v`, `signal NAME`, `wait 2d`, `to INSTANT` |
| `open …` as a step | exactly these tasks wait for a person at this point |
| `done` | exactly these tasks are completed in the end, each as often as it stands here |
| `order` | chains of completions, the second one of a task is `a#2`; what no chain says is free |
| `passed`, `avoided` | events and subprocesses that must, or must not, be completed |
| `cancelled` | what must be said to be cancelled |
| `open`, `state` | tasks open in the end; `completed`, `running` or `error` (`a|b`: either) |
| `refused` | the element that publishing must name, for what is not run here; what the standard says, if it |
| | is BPMN at all, stands beside it for engines that do |

`do a@2` is the second open `a`. A task is a task of the diagram, whatever its kind.
"""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from lxml import etree

FOLDER = Path(__file__).parent / "conformance"
BEGINNING = datetime.fromisoformat("2026-03-02T09:00:00+08:00")
_SPANS = {"d": "days", "h": "hours", "m": "minutes"}
_TASKS = frozenset(
    f"{kind}Task" for kind in ("user", "manual", "script", "service", "send", "receive", "businessRule")
) | {"task"}


@dataclass(frozen=True)
class Step:
    """`what` is do, message, signal, advance or open; `name` its element, name or instant."""

    what: str
    name: str = ""
    which: int = 1
    data: dict[str, Any] = field(default_factory=dict)
    tasks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Case:
    area: str
    title: str
    name: str
    section: str
    diagram: Path
    variables: dict[str, Any]
    steps: tuple[Step, ...]
    done: tuple[str, ...]
    order: tuple[tuple[str, ...], ...]
    passed: frozenset[str]
    avoided: frozenset[str]
    cancelled: frozenset[str]
    ignore: frozenset[str]
    open: tuple[str, ...] | None
    states: tuple[str, ...]
    refused: str | None

    @property
    def id(self) -> str:
        return f"{self.area}: {self.name}"

    def files(self) -> dict[str, bytes]:
        """The diagram and the decision tables beside it."""
        found = [self.diagram, *sorted(self.diagram.parent.glob("*.dmn"))]
        return {path.name: path.read_bytes() for path in found}

    def tasks(self) -> frozenset[str]:
        root = etree.fromstring(self.diagram.read_bytes())
        return frozenset(
            e.get("id", "")
            for e in root.iter("{http://www.omg.org/spec/BPMN/20100524/MODEL}*")
            if etree.QName(e).localname in _TASKS
        )


@dataclass
class Observed:
    """What an engine did: `completed` elements in order, `cancelled` ones, the tasks open at each `open`
    step and in the end, the state; `trouble` if it could not do a step."""

    completed: list[str] = field(default_factory=list)
    cancelled: set[str] = field(default_factory=set)
    opened: list[list[str]] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    state: str = "running"
    trouble: str = ""


def judge(case: Case, seen: Observed) -> list[str]:
    """What was not as the standard says; nothing if all was."""
    wrong = [seen.trouble] if seen.trouble and "error" not in case.states else []
    checks = [step for step in case.steps if step.what == "open"]
    for number, (step, opened) in enumerate(zip(checks, seen.opened, strict=False), 1):
        if Counter(step.tasks) != Counter(opened):
            wrong.append(f"at check {number} open: {_list(opened)}; expected {_list(step.tasks)}")
    tasks = case.tasks() - case.ignore
    done = [element for element in seen.completed if element in tasks]
    if Counter(done) != Counter(case.done):
        wrong.append(f"done: {_list(done)}; expected {_list(case.done)}")
    places: dict[str, int] = {}
    times: Counter[str] = Counter()
    for place, element in enumerate(seen.completed):
        times[element] += 1
        places[element if times[element] == 1 else f"{element}#{times[element]}"] = place
    for chain in case.order:
        found = [places.get(element, -1) for element in chain]
        if found != sorted(found):
            wrong.append(f"the order of {' '.join(chain)} is not kept")
    if missing := case.passed - set(seen.completed):
        wrong.append(f"never completed: {_list(missing)}")
    if surplus := case.avoided & set(seen.completed):
        wrong.append(f"completed: {_list(surplus)}")
    if seen.state not in case.states:
        wrong.append(f"the state is {seen.state}, expected {' or '.join(case.states)}")
    if case.open is not None and Counter(case.open) != Counter(seen.open):
        wrong.append(f"open in the end: {_list(seen.open)}; expected {_list(case.open)}")
    return wrong


def _list(elements: Any) -> str:
    return " ".join(sorted(elements)) or "nothing"


# --- reading the cases


def cases() -> list[Case]:
    """All cases, areas in the order of their `place`."""
    files = sorted(FOLDER.glob("*/cases.toml"))
    areas = [(file.parent, tomllib.loads(file.read_text(encoding="utf-8"))) for file in files]
    areas.sort(key=lambda area: area[1]["place"])
    return [case for folder, content in areas for case in _read(folder, content)]


def _read(folder: Path, content: dict[str, Any]) -> Iterator[Case]:
    for entry in content["case"]:
        unknown = entry.keys() - _KEYS
        assert not unknown, f"{folder}: {unknown}"
        diagram = folder / f"{entry['diagram']}.bpmn"
        yield Case(
            area=folder.name,
            title=content["title"],
            name=entry["name"],
            section=entry["section"],
            diagram=diagram,
            variables=entry.get("variables", {}),
            steps=tuple(_steps(entry.get("steps", []))),
            done=tuple(entry.get("done", "").split()),
            order=tuple(tuple(chain.split()) for chain in entry.get("order", [])),
            passed=frozenset(entry.get("passed", "").split()),
            avoided=frozenset(entry.get("avoided", "").split()),
            cancelled=frozenset(entry.get("cancelled", "").split()),
            ignore=frozenset(entry.get("ignore", "").split()),
            open=tuple(entry["open"].split()) if "open" in entry else None,
            states=tuple(filter(None, entry.get("state", "").split("|"))),
            refused=entry.get("refused"),
        )


_EXPECTED = ("done", "order", "passed", "avoided", "cancelled", "ignore", "open", "state", "refused")
_KEYS = frozenset({"name", "section", "diagram", "variables", "steps", *_EXPECTED})


def _steps(lines: list[str]) -> Iterator[Step]:
    now = BEGINNING
    for line in lines:
        what, _, rest = line.partition(" ")
        name, _, data = rest.partition(" ")
        if what == "open":
            yield Step("open", tasks=tuple(rest.split()))
        elif what == "wait":
            now += timedelta(**{_SPANS[rest[-1]]: int(rest[:-1])})
            yield Step("advance", now.isoformat())
        elif what == "to":
            now = datetime.fromisoformat(rest)
            yield Step("advance", now.isoformat())
        else:
            assert what in ("do", "message", "signal"), line
            name, _, which = name.partition("@")
            yield Step(what, name, int(which or 1), dict(_pairs(data)))


def _pairs(text: str) -> Iterator[tuple[str, Any]]:
    for key, value in re.findall(r"(\w+)=('[^']*'|\S+)", text):
        try:
            yield key, json.loads(value)
        except ValueError:
            yield key, ast.literal_eval(value)
