"""Event logs as other tools write them: XES (IEEE 1849) and CSV, as cases of events in order."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from lxml import etree

from ..clock import NotATime, parse_instant, write_instant
from ..errors import NOTHING, Invalid, Text, say

MOST_EVENTS = 2_000_000
"""Events that are read of one log."""

_CASE = ("case:concept:name", "case", "case_id", "caseid", "case id", "trace", "办件编号", "案件编号")
_ACTIVITY = ("concept:name", "activity", "task", "event", "环节", "活动")
_TIME = ("time:timestamp", "timestamp", "time", "at", "date", "complete timestamp", "时间")
_LIFECYCLE = ("lifecycle:transition", "lifecycle")
_CELL = 1_000_000
_FORMATS = ("%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d", "%Y年%m月%d日 %H:%M:%S", "%Y年%m月%d日")
"""How spreadsheets of this country write instants, beside ISO 8601. Day and month the other way round is not
guessed."""


class Columns(NamedTuple):
    """Which columns of a CSV file (or attributes of an XES file) hold what; "" for those usually called
    so."""

    case: str = ""
    activity: str = ""
    time: str = ""


class Event(NamedTuple):
    """That an activity was done, at an instant (None where the log has no such column)."""

    activity: str
    at: datetime | None


@dataclass
class Log:
    """The events of each case, in order of time; of one instant, in the order of the file. `left_out` counts
    events that are not the completion of an activity, by their lifecycle transition."""

    cases: dict[str, list[Event]] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)

    def add(self, case: str, activity: str, at: datetime | None, transition: str) -> None:
        if transition.strip().casefold() not in ("", "complete"):
            self.left_out[transition] = self.left_out.get(transition, 0) + 1
            return
        self.cases.setdefault(case, []).append(Event(activity, at))

    def sort(self) -> Log:
        for events in self.cases.values():
            if all(event.at is not None for event in events):
                events.sort(key=lambda event: str(event.at and write_instant(event.at)))
        return self


def read_log(content: bytes, file: str, columns: Columns, zone: str) -> Log:
    """The log in `content`: XES if it is XML, else CSV. `file` names it in refusals, `zone` is that of
    instants without an offset. Raises `Invalid`."""
    log = Log()
    start = content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    rows = _xes(content, file, columns) if start == b"<" else _csv(content, file, columns)
    for number, (where, case, activity, at, transition) in enumerate(rows, 1):
        if number > MOST_EVENTS:
            raise _wrong(
                file,
                say("the log has more than {most} events", most=MOST_EVENTS),
                say("split it by cases"),
            )
        if not case or not activity:
            raise _wrong(
                file,
                say("{where} has no case or no activity", where=where),
                say("name the right columns with --case-column and --activity-column"),
            )
        log.add(case, activity, _instant(at, file, where, zone), transition)
    if not log.cases:
        raise _wrong(
            file,
            say("the log has no completed activity"),
            say("check that it is the right file, and its lifecycle column"),
        )
    return log.sort()


Row = tuple[Text, str, str, str | None, str]
"""Where it stands; case, activity, instant, lifecycle transition."""


def _instant(text: str | None, file: str, where: Text, zone: str) -> datetime | None:
    if text is None:
        return None
    try:
        return parse_instant(text, zone)
    except NotATime:
        pass
    for shape in _FORMATS:
        try:
            written = datetime.strptime(text.strip(), shape)  # noqa: DTZ007 - its zone follows
            return parse_instant(written.isoformat(), zone)
        except (ValueError, NotATime):
            continue
    raise Invalid(
        "log.instant",
        say("{file}, {where}: {text} is not an instant", file=file, where=where, text=text),
        expected=say("ISO 8601, such as 2026-03-02T09:00:00+08:00, or 2026/3/2 9:00"),
        found=say("{text}", text=text),
        remedy=say("write the column so, or name another one with --time-column"),
    )


# --- CSV


def _csv(content: bytes, file: str, columns: Columns) -> Iterator[Row]:
    text = _decoded(content, file)
    sample = text[:20_000]
    try:
        dialect: type[csv.Dialect] | str = csv.Sniffer().sniff(sample.rpartition("\n")[0] or sample, ",;\t|")
    except csv.Error:
        dialect = "excel"
    csv.field_size_limit(_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), dialect)
    try:
        head = [cell.strip() for cell in next(reader, [])]
        case = _needed(head, columns.case, _CASE, file, "--case-column")
        activity = _needed(head, columns.activity, _ACTIVITY, file, "--activity-column")
        time = _column(head, "", _TIME)
        if columns.time:
            time = _needed(head, columns.time, _TIME, file, "--time-column")
        lifecycle = _column(head, "", _LIFECYCLE)
        for row in reader:
            if not any(row):
                continue
            if len(row) != len(head):
                raise _wrong(
                    file,
                    say(
                        "line {line} has {found} cells, the first one {expected}",
                        line=reader.line_num,
                        found=len(row),
                        expected=len(head),
                    ),
                    say("write the file as CSV again, cells with separators in quotes"),
                )
            yield (
                say("line {line}", line=reader.line_num),
                row[case].strip(),
                row[activity].strip(),
                row[time] if time is not None and row[time].strip() else None,
                row[lifecycle] if lifecycle is not None else "",
            )
    except csv.Error as error:
        raise _wrong(
            file,
            say("line {line} is not CSV: {reason}", line=reader.line_num, reason=str(error)),
            say("write the file as CSV again"),
        ) from error


def _decoded(content: bytes, file: str) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _wrong(
        file, say("it is neither UTF-8 nor GB 18030"), say("save it as UTF-8, or check that it is CSV or XES")
    )


def _column(head: Sequence[str], wanted: str, usual: Iterable[str]) -> int | None:
    if wanted:
        return head.index(wanted) if wanted in head else None
    lower = [name.casefold() for name in head]
    return next((lower.index(name) for name in usual if name in lower), None)


def _needed(head: Sequence[str], wanted: str, usual: Sequence[str], file: str, option: str) -> int:
    found = _column(head, wanted, usual)
    if found is None:
        raise Invalid(
            "log.column",
            say("{file} has no column {name}", file=file, name=wanted or " / ".join(usual[:3])),
            expected=say("a column called {name}", name=wanted or " / ".join(usual)),
            found=say("the columns {names}", names=", ".join(filter(None, head)) or "—"),
            remedy=say("name the column with {option}", option=option),
        )
    return found


def _wrong(file: str, what: Text, remedy: Text, expected: Text = NOTHING) -> Invalid:
    return Invalid(
        "log.invalid", say("{file}: {what}", file=file, what=what), expected=expected, remedy=remedy
    )


# --- XES


def _xes(content: bytes, file: str, columns: Columns) -> Iterator[Row]:
    parts = etree.iterparse(
        io.BytesIO(content),
        events=("start", "end"),
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
    )
    case, number, first = "", 0, True
    try:
        for what, element in parts:
            if first:
                first = False
                if element.getroottree().docinfo.doctype:
                    raise _wrong(
                        file,
                        say("it declares a document type or entities"),
                        say("remove the line that begins with <!DOCTYPE; logs need none"),
                    )
                if etree.QName(element).localname != "log":
                    raise _wrong(
                        file,
                        say("its first element is {name}", name=etree.QName(element).localname),
                        say("give a log in XES, or in CSV"),
                        say("log, as in XES"),
                    )
            name = etree.QName(element).localname if isinstance(element.tag, str) else ""
            if name == "trace" and what == "start":
                case, number = "", 0
            elif name == "event" and what == "end":
                number += 1
                # The names of a case stand before its events.
                case = case or _of_case(element, columns)
                known = _attributes(element)
                yield (
                    say("event {number} of case {case}", number=number, case=case or "—"),
                    case,
                    known.get(columns.activity or "concept:name", "").strip(),
                    known.get(columns.time or "time:timestamp"),
                    known.get("lifecycle:transition", ""),
                )
                element.clear()
                while (before := element.getprevious()) is not None and before.tag == element.tag:
                    element.getparent().remove(before)
            elif name == "trace" and what == "end":
                element.clear()
    except etree.XMLSyntaxError as error:
        raise _wrong(
            file,
            say("line {line} is not well-formed XML: {reason}", line=error.lineno, reason=error.msg or ""),
            say("export it again"),
        ) from error


def _of_case(event: etree._Element, columns: Columns) -> str:
    trace = event.getparent()
    return "" if trace is None else _attributes(trace).get(columns.case or "concept:name", "").strip()


def _attributes(element: etree._Element) -> Mapping[str, str]:
    return {
        str(child.get("key")): str(child.get("value", ""))
        for child in element
        if isinstance(child.tag, str) and child.get("key") is not None
    }
