"""Histories for other tools: which cases, in what order, told by the definition of their time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, BinaryIO, NamedTuple

from .. import audit
from ..clock import write_instant
from ..errors import Diverged, Text, Unknown, say
from ..events import OFFICE, Record
from ..export import CaseLog, Format, Redactor, line_of, writer_of
from ..export.xes import records_of_xes
from ..store import Reader
from ..views import by_version
from .damage import naming
from .library import Library, head_of_case


def compare(reader: Reader, stream: BinaryIO, progress: Callable[[int], None]) -> list[Diverged]:
    """As `Office.verify_export`."""
    kept: dict[str, list[tuple[int, bytes, str]]] = {}
    last: dict[str, str] = {}
    findings: list[Diverged] = []
    for record in records_of_xes(stream):
        if record.case not in last:
            kept = {record.case: list(reader.records(record.case))}  # a case stands together
            progress(1)
        rows = kept.get(record.case, [])
        stored = rows[record.seq - 1][2] if record.seq <= len(rows) else None
        if record.prev != last.get(record.case, record.prev):
            findings.append(_differs(record, say("in the export it does not follow the event before it")))
        elif stored != record.hash:
            what = (
                say("it is not in the office") if stored is None else say("it is another one in the office")
            )
            findings.append(_differs(record, what))
        last[record.case] = record.hash
    return findings


def _differs(record: Record, what: Text) -> Diverged:
    return Diverged(
        "export.differs",
        say("case {case}, event {seq} of the export: {what}", case=record.case, seq=record.seq, what=what),
        expected=say("{hash}", hash=record.hash),
        rule=say("a history only grows"),
        remedy=audit.REMEDY,
    )


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
                history = audit.records(number, list(reader.records(number)))
                told = by_version(history, head.definition, partial(library.definition, reader))
                lines = [line_of(record, definition, wanted.lang) for record, definition in told]
                if redactor is not None:
                    lines = [redactor.line(line) for line in lines]
                definition = library.definition(reader, head.definition)
                name = dict(definition.item["name"])
                began = str(history[0].event.payload()["definition"])
                title = name.get(wanted.lang) or name["zh"]
                writer.case(CaseLog(number, head.item, title, began, lines))
                cases, events = cases + 1, events + len(lines)
        progress(1)
    writer.close()
    return {"format": wanted.form, "cases": cases, "events": events, "redacted": wanted.redact}
