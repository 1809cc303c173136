"""Histories for other tools: which cases, in what order, told by the definition of their time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from operator import eq
from typing import Any, BinaryIO, NamedTuple

from .. import audit
from ..clock import write_instant
from ..errors import NOTHING, Diverged, Text, Unknown, say
from ..events import OFFICE, Record
from ..export import CaseLog, Format, Redactor, line_of, writer_of
from ..export.xes import Attribute, Trace, header, record_of, text_of, trace_of, traces_of_xes
from ..store import Reader
from ..views import by_version
from .damage import naming
from .library import Library, head_of_case


def compare(
    reader: Reader,
    library: Library,
    stream: BinaryIO,
    progress: Callable[[int], None],
    checked: Counter[str],
) -> list[Diverged]:
    """As `Office.verify_export`."""
    checked.update(exported_cases=0, exported_events=0, redacted_events=0)
    findings: list[Diverged] = []
    redactors = {lang: Redactor() for lang in LANGUAGES}  # persons are numbered through the whole file
    seen: set[str] = set()
    for told in traces_of_xes(stream):
        if not isinstance(told, Trace):
            if told != header():
                rule = say("the head of an export is always the same")
                text = say("what stands beside the cases of the export is not what lianban writes")
                findings.append(_differs("export.attribute", text, rule))
            break
        checked["exported_cases"] += 1
        checked["exported_events"] += len(told.events)
        if told.case in seen:
            text = say("case {case} stands in the export more than once", case=told.case)
            findings.append(_differs("export.differs", text, _GROWS))
        elif (found := _first_difference(reader, library, told, redactors, checked)) is not None:
            findings.append(found)
        seen.add(told.case)
        progress(1)
    return findings


LANGUAGES = ("zh", "en")
"""In which steps and items may be called; the file does not say in which."""

_GROWS = say("a history only grows")
_FOLLOWS = say("what stands beside a record follows from it, as `lianban export` writes it now")


def _first_difference(
    reader: Reader, library: Library, told: Trace, redactors: Mapping[str, Redactor], checked: Counter[str]
) -> Diverged | None:
    """The first thing in a case of the export that is not in the office as it was then."""
    try:
        records = [record_of(event) for event in told.events]
        history = audit.records(told.case, reader.records(told.case))
    except Diverged as found:
        return _differs("export.differs", found.message, _GROWS)
    for place, record in enumerate(records):
        if record is None:
            continue
        if record.case != told.case or record.seq != place + 1:
            return _at(told, place, say("it does not follow the event before it"))
        stored = history[place].hash if place < len(history) else None
        if stored != record.hash:
            what = say("it is another one in the office")
            return _at(told, place, say("it is not in the office") if stored is None else what)
    if len(told.events) > len(history):
        return _at(told, len(history), say("it is not in the office"))
    redacted = bool(records) and all(record is None for record in records)
    checked["redacted_events"] += len(records) if redacted else 0
    if not records:
        return _differs(
            "export.differs", say("case {case} of the export has no events", case=told.case), _GROWS
        )
    right = [
        trace_of(_log(reader, library, history, len(records), lang, redactors[lang] if redacted else None))
        for lang in LANGUAGES
    ]
    if told in right:
        return None
    # In the language in which most of it is right, what is not.
    closest = max(right, key=lambda one: sum(map(eq, one.events, told.events)))
    wrong = [n for n, (is_, was) in enumerate(zip(told.events, closest.events, strict=True)) if is_ != was]
    if told.about != closest.about:
        key, is_, was = _what_differs(told.about, closest.about)
        text = say("case {case} of the export: {key} is not what its history gives", case=told.case, key=key)
        return _differs("export.attribute", text, _FOLLOWS, was, is_)
    key, is_, was = _what_differs(told.events[wrong[0]], closest.events[wrong[0]])
    text = say(
        "case {case}, event {seq} of the export: {key} is not what its record gives",
        case=told.case,
        seq=wrong[0] + 1,
        key=key,
    )
    return _differs("export.attribute", text, _FOLLOWS, was, is_)


def _what_differs(told: tuple[Attribute, ...], right: tuple[Attribute, ...]) -> tuple[str, str, str]:
    """The key of the first attribute that is another one, what it says in the export, and what it should."""
    key = min({one.key for one in set(told) ^ set(right)}, default="")
    pair = [", ".join(one.value for one in some if one.key == key)[:200] or "—" for some in (told, right)]
    return key, pair[0], pair[1]


def _at(told: Trace, place: int, what: Text) -> Diverged:
    text = say("case {case}, event {seq} of the export: {what}", case=told.case, seq=place + 1, what=what)
    return _differs("export.differs", text, _GROWS, text_of(told.events[place], "lianban:hash"))


def _differs(code: str, message: Text, rule: Text, expected: str = "", found: str = "") -> Diverged:
    return Diverged(
        code,
        message,
        expected=say("{value}", value=expected) if expected else NOTHING,
        found=say("{value}", value=found) if found else NOTHING,
        rule=rule,
        remedy=say(
            "compare the export, and the database, with copies kept elsewhere; one of them was changed"
        ),
    )


def _log(
    reader: Reader,
    library: Library,
    history: Sequence[Record],
    count: int,
    lang: str,
    redactor: Redactor | None,
) -> CaseLog:
    """The first `count` events of a case, as an export has them."""
    number = history[0].case
    latest = head_of_case(reader, number).definition
    told = list(by_version(history, latest, partial(library.definition, reader)))[:count]
    lines = [line_of(record, definition, lang) for record, definition in told]
    if redactor is not None:
        lines = [redactor.line(line) for line in lines]
    item = told[-1][1].item
    opened = history[0].event.payload()
    title = item["name"].get(lang) or item["name"]["zh"]
    return CaseLog(number, str(opened["item"]), title, str(opened["definition"]), lines)


class Wanted(NamedTuple):
    """What is exported: the cases of an `item` (None: of all) that were opened from the instant `since` on
    and before `until`; `redact` leaves persons and answers out. Steps are called as in `lang`. `mark`: CSV
    begins with a byte order mark."""

    form: Format
    item: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    redact: bool = False
    lang: str = "zh"
    mark: bool = False


def export(
    reader: Reader,
    library: Library,
    wanted: Wanted,
    stream: BinaryIO,
    progress: Callable[[int], None],
) -> dict[str, Any]:
    """As `Office.export`."""
    known = sorted({row.item for row in reader.definitions()})
    if wanted.item is not None and wanted.item not in known:
        raise Unknown(
            "item.unknown",
            say("there is no published item {item}", item=wanted.item),
            expected=say("one of: {items}", items=", ".join(known) or "—"),
            found=say("{item}", item=wanted.item),
            remedy=say("see `lianban item list`"),
        )
    writer = writer_of(wanted.form, stream, mark=wanted.mark)
    redactor = Redactor() if wanted.redact else None
    since = write_instant(wanted.since) if wanted.since is not None else ""
    until = write_instant(wanted.until) if wanted.until is not None else "~"
    cases = events = 0
    for number in reader.streams():
        if number == OFFICE:
            continue
        with naming(reader, number):
            head = head_of_case(reader, number)
            if wanted.item in (None, head.item) and since <= head.opened_at < until:
                history = audit.records(number, reader.records(number))
                log = _log(reader, library, history, len(history), wanted.lang, redactor)
                writer.case(log)
                cases, events = cases + 1, events + len(log.lines)
        progress(1)
    writer.close()
    return {"format": wanted.form, "cases": cases, "events": events, "redacted": wanted.redact}
