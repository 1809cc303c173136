"""OCEL 2.0 (JSON): events that concern cases, steps, documents, clocks, units and people at once.

The events are written as they come, the objects of each case kept in a temporary file until all events are
there; what types there are is known at the end.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from typing import Any, BinaryIO, NamedTuple

from ..events import canonical
from .lines import CaseLog, Line

_TYPES = {bool: "boolean", int: "integer", float: "float", str: "string"}
_ALWAYS = "1970-01-01T00:00:00Z"
"""The instant of an attribute that never changes."""

Relation = tuple[str, str]
"""The id of an object, and what it is to the other one."""


class _Object(NamedTuple):
    id: str
    type: str
    attributes: list[tuple[str, Any, str]]
    """Name, value, since when."""
    relations: dict[Relation, None]


class Ocel:
    """Writes OCEL 2.0 to a stream."""

    def __init__(self, stream: BinaryIO) -> None:
        self._out = stream
        self._objects = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        self._events, self._written = 0, 0
        self._event_types: dict[str, dict[str, str]] = {}
        self._object_types: dict[str, dict[str, str]] = {}
        self._people: dict[str, None] = {}
        self._units: dict[str, None] = {}
        self._out.write(b'{"events":[')

    def case(self, log: CaseLog) -> None:
        found: dict[str, _Object] = {}
        case = _put(found, f"case:{log.case}", "case")
        opened = log.lines[0].at
        for name, value in (
            ("number", log.case),
            ("item", log.item),
            ("item_name", log.item_name),
            ("definition", log.definition),
            ("opened_at", opened),
        ):
            case.attributes.append((name, value, _ALWAYS))
        for line in log.lines:
            self._event(line, self._concerned(found, case, line))
        for one in found.values():
            self._object(one)

    def close(self) -> None:
        for unit in self._units:
            self._object(_Object(f"unit:{unit}", "unit", [("code", unit, _ALWAYS)], {}))
        for person in self._people:
            self._object(_Object(f"person:{person}", "person", [("code", person, _ALWAYS)], {}))
        self._out.write(b'\n],"objects":[')
        self._objects.seek(0)
        shutil.copyfileobj(self._objects, self._out)
        self._objects.close()
        self._out.write(b"\n]")
        for name, types in (("eventTypes", self._event_types), ("objectTypes", self._object_types)):
            told = [
                {"name": one, "attributes": [{"name": key, "type": kind} for key, kind in found.items()]}
                for one, found in types.items()
            ]
            self._out.write(f',\n"{name}":{json.dumps(told, ensure_ascii=False)}'.encode())
        self._out.write(b"}\n")

    # --- what an event concerns

    def _concerned(self, found: dict[str, _Object], case: _Object, line: Line) -> Iterable[Relation]:
        """The objects that an event concerns, and as what; they come to be by it."""
        data = line.data
        yield case.id, "case"
        if line.task:
            step = _put(found, f"step:{line.case}/{line.task}", "step")
            if not step.attributes:
                step.attributes.extend([("element", line.element, _ALWAYS), ("task", line.task, _ALWAYS)])
                step.relations[case.id, "part of"] = None
            if line.type == "task.opened" and data.get("unit"):
                step.relations[self._unit(str(data["unit"])), "waits for"] = None
            yield step.id, "step"
        if line.type == "document.issued":
            document = _put(found, f"document:{data['number']}", "document")
            document.attributes.extend(
                (key, data[key], _ALWAYS) for key in ("document", "number", "content") if key in data
            )
            document.relations[case.id, "issued in"] = None
            yield document.id, "document"
        if isinstance(data.get("clock"), str) and line.type.partition(".")[0] in _TIMED:
            clock = _put(found, f"clock:{line.case}/{data['clock']}", "clock")
            if not clock.attributes:
                clock.attributes.append(("clock", data["clock"], _ALWAYS))
                clock.relations[case.id, "runs in"] = None
            if isinstance(data.get("due"), str):
                clock.attributes.append(("due", data["due"], line.at))
            yield clock.id, "clock"
        if line.by.get("person"):
            self._people[str(line.by["person"])] = None
            yield f"person:{line.by['person']}", "by"
        if line.by.get("for"):
            self._people[str(line.by["for"])] = None
            yield f"person:{line.by['for']}", "in the place of"
        if line.by.get("unit"):
            yield self._unit(str(line.by["unit"])), "by a post of"
        if isinstance(data.get("unit"), str) and data["unit"]:
            yield self._unit(data["unit"]), "concerns"

    def _unit(self, unit: str) -> str:
        self._units[unit] = None
        return f"unit:{unit}"

    # --- writing

    def _event(self, line: Line, relations: Iterable[Relation]) -> None:
        told: dict[str, Any] = {
            "activity": line.activity,
            "lifecycle": line.transition,
            "seq": line.seq,
            "entered": line.entered,
            "fact": line.fact,
            "post": line.by.get("post"),
            "hash": line.hash or None,
            "prev": line.prev or None,
            "record": line.record or None,
        }
        for key, value in line.data.items():
            told[f"data.{key}"] = canonical(value).decode() if isinstance(value, dict | list) else value
        told = {key: value for key, value in told.items() if value is not None}
        _declare(self._event_types.setdefault(line.type, {}), told)
        event = {
            "id": f"event:{line.case}/{line.seq}",
            "type": line.type,
            "time": line.at,
            "attributes": [{"name": key, "value": value} for key, value in told.items()],
            "relationships": _related(dict.fromkeys(relations)),
        }
        self._out.write((",\n" if self._events else "\n").encode() + _json(event))
        self._events += 1

    def _object(self, one: _Object) -> None:
        types = self._object_types.setdefault(one.type, {})
        _declare(types, {name: value for name, value, _ in one.attributes})
        told = {
            "id": one.id,
            "type": one.type,
            "attributes": [
                {"name": name, "time": since, "value": value} for name, value, since in one.attributes
            ],
            "relationships": _related(one.relations),
        }
        self._objects.write((",\n" if self._written else "\n").encode() + _json(told))
        self._written += 1


_TIMED = frozenset({"clock", "pause", "resume", "extension", "reminder", "card", "case"})


def _put(found: dict[str, _Object], id: str, type: str) -> _Object:
    return found.setdefault(id, _Object(id, type, [], {}))


def _declare(types: dict[str, str], told: Mapping[str, Any]) -> None:
    for key, value in told.items():
        types.setdefault(key, _TYPES[type(value)])


def _related(relations: Iterable[Relation]) -> list[dict[str, str]]:
    # The standard has several qualifiers for a pair, but readers keep one of them: they stand in one text.
    found: dict[str, list[str]] = {}
    for id, qualifier in relations:
        found.setdefault(id, []).append(qualifier)
    return [{"objectId": id, "qualifier": ", ".join(qualifiers)} for id, qualifiers in found.items()]


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
