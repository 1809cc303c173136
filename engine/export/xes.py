"""XES (IEEE 1849-2016): a trace for each case, an event for each record.

Every record stands in its event twice: in typed attributes, which other tools can filter by, and word for
word in `lianban:record`, from which `records_of_xes` gives the history back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO
from uuid import NAMESPACE_URL, uuid5

from lxml import etree

from ..errors import Invalid, say
from ..events import Record, canonical, parse
from .lines import CaseLog, Line

_EXTENSIONS = {
    "Concept": "concept",
    "Time": "time",
    "Lifecycle": "lifecycle",
    "Organizational": "org",
    "Identity": "identity",
}
_GLOBAL: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "trace": (("string", "concept:name", ""), ("string", "lianban:item", "")),
    "event": (
        ("string", "concept:name", ""),
        ("string", "lifecycle:transition", "unknown"),
        ("date", "time:timestamp", "1970-01-01T00:00:00.000000Z"),
        ("string", "lianban:type", ""),
        ("int", "lianban:seq", "0"),
    ),
}
"""What every trace and every event has."""
_CLASSIFIERS = {
    "Activity": "concept:name",
    "Transition": "concept:name lifecycle:transition",
    "Unit": "org:group",
}

_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML can't hold."""
_NO_NAME = re.compile(r"[^\w.\-]")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_LARGEST = 2**63


class Xes:
    """Writes XES to a stream."""

    def __init__(self, stream: BinaryIO) -> None:
        self._file = etree.xmlfile(stream, encoding="utf-8", close=False)
        self._out = self._file.__enter__()
        self._out.write_declaration()
        version = {"xes.version": "1849.2016", "xes.features": "nested-attributes"}
        self._log = self._out.element("log", version)
        self._log.__enter__()
        for name, prefix in _EXTENSIONS.items():
            uri = f"http://www.xes-standard.org/{prefix}.xesext"
            self._put(etree.Element("extension", name=name, prefix=prefix, uri=uri))
        for scope, attributes in _GLOBAL.items():
            element = etree.Element("global", scope=scope)
            for tag, key, value in attributes:
                etree.SubElement(element, tag, key=key, value=value)
            self._put(element)
        for name, keys in _CLASSIFIERS.items():
            self._put(etree.Element("classifier", name=name, keys=keys))

    def case(self, log: CaseLog) -> None:
        trace = etree.Element("trace")
        _string(trace, "concept:name", log.case)
        _string(trace, "lianban:item", log.item)
        _string(trace, "lianban:item_name", log.item_name)
        _string(trace, "lianban:definition", log.definition)
        for line in log.lines:
            _event(etree.SubElement(trace, "event"), line)
        self._put(trace)

    def close(self) -> None:
        self._log.__exit__(None, None, None)
        self._file.__exit__(None, None, None)

    def _put(self, element: etree._Element) -> None:
        self._out.write(element)
        self._out.write("\n")


def _event(event: etree._Element, line: Line) -> None:
    _string(event, "concept:name", line.activity)
    _string(event, "lifecycle:transition", line.transition)
    etree.SubElement(event, "date", key="time:timestamp", value=line.at)
    identity = uuid5(NAMESPACE_URL, f"lianban:{line.case}:{line.seq}")
    etree.SubElement(event, "id", key="identity:id", value=str(identity))
    for key, name in (("person", "org:resource"), ("post", "org:role"), ("unit", "org:group")):
        if line.by.get(key):
            _string(event, name, str(line.by[key]))
    _string(event, "lianban:type", line.type)
    etree.SubElement(event, "int", key="lianban:seq", value=str(line.seq))
    etree.SubElement(event, "date", key="lianban:entered", value=line.entered)
    _value(event, "lianban:fact", line.fact)
    for key, text in (("element", line.element), ("hash", line.hash), ("prev", line.prev)):
        if text:
            _string(event, f"lianban:{key}", text)
    _value(event, "lianban:by", dict(line.by))
    _value(event, "lianban:data", dict(line.data))
    if line.record:
        _string(event, "lianban:record", line.record)


def _string(parent: etree._Element, key: str, value: str) -> None:
    etree.SubElement(parent, "string", key=key, value=_UNWRITABLE.sub(_escaped, value))


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def _value(parent: etree._Element, key: str, value: Any) -> None:
    """A JSON value as an attribute of the type that fits; null is left out, in a list it is an empty
    string."""
    match value:
        case bool():
            etree.SubElement(parent, "boolean", key=key, value="true" if value else "false")
        case int() if abs(value) < _LARGEST:
            etree.SubElement(parent, "int", key=key, value=str(value))
        case int() | float():
            etree.SubElement(parent, "float", key=key, value=repr(float(value)))
        case dict() | list():
            made = etree.SubElement(parent, "list", key=key)
            values = etree.SubElement(made, "values", key="values")
            pairs = value.items() if isinstance(value, dict) else (("item", one or "") for one in value)
            for name, one in pairs:
                _value(values, _key(name), one)
        case str() if _INSTANT.fullmatch(value):
            etree.SubElement(parent, "date", key=key, value=value)
        case str():
            _string(parent, key, value)


def _key(name: str) -> str:
    """`name` as a key: the standard has XML names only."""
    plain = _NO_NAME.sub("_", name)
    return plain if plain and (plain[0].isalpha() or plain[0] == "_") else f"_{plain}"


def records_of_xes(stream: BinaryIO) -> Iterator[Record]:
    """The records in a file that `Xes` wrote, in its order. Raises `Invalid` for an event that holds none,
    and `Diverged` for one that is not as it was written."""
    events = etree.iterparse(stream, tag="event", resolve_entities=False, no_network=True, load_dtd=False)
    for event in _each(events):
        told = {child.get("key"): child.get("value") for child in event}
        text = told.get("lianban:record")
        if text is None:
            raise Invalid(
                "export.no_record",
                say("the file does not hold the records themselves"),
                expected=say("an export without --redact"),
                remedy=say("export it again"),
            )
        try:
            content = json.loads(text)
            case, seq = str(content["case"]), int(content["seq"])
        except (ValueError, TypeError, KeyError) as error:
            raise _no_export(repr(error)) from error
        # The text has been through XML, which can't hold every character: its canonical form is the record's.
        yield parse(case, seq, canonical(content))
        event.clear()
        while (before := event.getprevious()) is not None and (trace := event.getparent()) is not None:
            trace.remove(before)


def _each(events: Iterator[tuple[str, etree._Element]]) -> Iterator[etree._Element]:
    found = False
    try:
        for _, event in events:
            found = True
            yield event
    except etree.XMLSyntaxError as error:
        raise _no_export(error.msg or "") from error
    if not found:
        raise _no_export("")


def _no_export(reason: str) -> Invalid:
    return Invalid(
        "export.unreadable",
        say("the file is no export of histories"),
        expected=say("what `lianban export xes` wrote"),
        found=say("{reason}", reason=reason),
        remedy=say("give the file as it was written"),
    )
