"""XES (IEEE 1849-2016): a trace for each case, an event for each record.

Every record stands in its event twice: in typed attributes, which other tools can filter by, and word for
word in `lianban:record`, from which `record_of` gives it back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, NamedTuple
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
        for element in _header():
            self._put(element)

    def case(self, log: CaseLog) -> None:
        self._put(_trace(log))

    def close(self) -> None:
        self._log.__exit__(None, None, None)
        self._file.__exit__(None, None, None)

    def _put(self, element: etree._Element) -> None:
        self._out.write(element)
        self._out.write("\n")


def _header() -> Iterator[etree._Element]:
    for name, prefix in _EXTENSIONS.items():
        uri = f"http://www.xes-standard.org/{prefix}.xesext"
        yield etree.Element("extension", name=name, prefix=prefix, uri=uri)
    for scope, attributes in _GLOBAL.items():
        element = etree.Element("global", scope=scope)
        for tag, key, value in attributes:
            etree.SubElement(element, tag, key=key, value=value)
        yield element
    for name, keys in _CLASSIFIERS.items():
        yield etree.Element("classifier", name=name, keys=keys)


def _trace(log: CaseLog) -> etree._Element:
    trace = etree.Element("trace")
    _string(trace, "concept:name", log.case)
    _string(trace, "lianban:item", log.item)
    _string(trace, "lianban:item_name", log.item_name)
    _string(trace, "lianban:definition", log.definition)
    for line in log.lines:
        _event(etree.SubElement(trace, "event"), line)
    return trace


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


# --- back


class Attribute(NamedTuple):
    """An element of a log with all that is in it; the order in which it stands says nothing."""

    tag: str
    said: tuple[tuple[str, str], ...]
    """What the element itself says: its `key` and `value`, most often."""
    inside: tuple[Attribute, ...] = ()

    @property
    def key(self) -> str:
        return dict(self.said).get("key", self.tag)

    @property
    def value(self) -> str:
        return dict(self.said).get("value", f"{len(self.inside)}")


class Trace(NamedTuple):
    """A case in a log: what is said of it, and of each of its events in order."""

    about: tuple[Attribute, ...]
    events: tuple[tuple[Attribute, ...], ...]

    @property
    def case(self) -> str:
        return text_of(self.about, "concept:name")


def header() -> tuple[Attribute, ...]:
    """What stands in a file before its first case."""
    return tuple(sorted(map(_attribute, _header())))


def trace_of(log: CaseLog) -> Trace:
    """What `Xes` writes of a case."""
    return _told(_trace(log))


def traces_of_xes(stream: BinaryIO) -> Iterator[Trace | tuple[Attribute, ...]]:
    """The cases in a file, one at a time, and last what stands in it beside them, as `header` has it. Raises
    `Invalid` for a file that is no log, or has no events."""
    read = etree.iterparse(stream, resolve_entities=False, no_network=True, load_dtd=False)
    beside: list[Attribute] = []
    events = 0
    try:
        for _, element in read:
            log = element.getparent()
            if log is None or log.getparent() is not None:
                continue
            if element.tag == "trace":
                told = _told(element)
                events += len(told.events)
                yield told
            elif isinstance(element.tag, str):
                beside.append(_attribute(element))
            element.clear()
            while element.getprevious() is not None:
                log.remove(log[0])
    except etree.XMLSyntaxError as error:
        raise _no_export(error.msg or "") from error
    if not events:
        raise _no_export("")
    yield tuple(sorted(beside))


def record_of(event: tuple[Attribute, ...]) -> Record | None:
    """The record that stands in an event word for word; None where it is left out. Raises `Diverged` for one
    that is not as it was written, and `Invalid` for what is none."""
    text = text_of(event, "lianban:record")
    if not text:
        return None
    try:
        content = json.loads(text)
        case, seq = str(content["case"]), int(content["seq"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise _no_export(repr(error)) from error
    # The text has been through XML, which can't hold every character: its canonical form is the record's.
    return parse(case, seq, canonical(content))


def text_of(told: tuple[Attribute, ...], key: str) -> str:
    """The value of the first attribute with this key; "" for none."""
    return next((one.value for one in told if one.key == key), "")


def _told(trace: etree._Element) -> Trace:
    about = sorted(_attribute(one) for one in trace if isinstance(one.tag, str) and one.tag != "event")
    events = (_attribute(one).inside for one in trace.iterchildren("event"))
    return Trace(tuple(about), tuple(events))


def _attribute(element: etree._Element) -> Attribute:
    inside = [_attribute(one) for one in element if isinstance(one.tag, str)]
    if element.tag != "values":  # a list is in order
        inside.sort()
    said = tuple(sorted((str(name), str(value)) for name, value in element.attrib.items()))
    return Attribute(str(element.tag), said, tuple(inside))


def _no_export(reason: str) -> Invalid:
    return Invalid(
        "export.unreadable",
        say("the file is no export of histories"),
        expected=say("what `lianban export xes` wrote"),
        found=say("{reason}", reason=reason),
        remedy=say("give the file as it was written"),
    )
