"""Much at once, reviewed before, told line by line, and resumable: plans of referrals, hand-overs, imports.

A plan is a CSV file that a spreadsheet opens: a line for each open referral, which the clerk fills in. Every
line is an act of its own, in a transaction of its own. Given again, what was done is found done.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from ..clock import read_instant
from ..commands import Command, Do, Sign
from ..errors import Invalid, Refusal, say
from ..events import Record
from ..flow.marking import element_of
from ..forms import place, read_field
from ..forms.schema import kind_of, shape
from ..store import Reader
from ..views import form_of
from . import desk
from .library import Library, find_case

Kind = Literal["sign", "answer"]
State = Literal["done", "repeated", "would", "skipped", "refused"]

STATES: tuple[State, ...] = ("done", "repeated", "would", "skipped", "refused")
"""What can become of a line."""

COLUMNS = ("case", "step", "item", "unit", "due", "opinion", "reason", "conditions", "competent", "superior")
"""What every plan has; the forms' other fields may follow."""

TOLD = ("item", "unit", "due")
"""Columns for the reader only."""

FOLLOWS = ("joint.certain", "joint.decided", "finding.raised", "case.closed")
"""Consequences that somebody who does a hundred of them wants to know."""

MOST_LINES = 10_000
"""Lines that a plan may have."""

REMEDY = say("correct the file; nothing was recorded")


class Line(NamedTuple):
    """A line of a plan: its `number` in the file, the cells that hold answers, and what is wrong with it."""

    number: int
    case: str
    step: str
    cells: Mapping[str, str]
    fault: Refusal | None = None


class Worked(NamedTuple):
    """What became of a line, or would: its `records`, or why not."""

    number: int
    case: str
    step: str
    state: State
    records: list[Record]
    refusal: Refusal | None


# --- writing a plan


def draft(
    reader: Reader, library: Library, who: str | None, now: datetime, kind: Kind, lang: str, zone: str
) -> tuple[bytes, int]:
    """A plan of all open referrals that `who` may sign for (with invitations to meetings) or answer, with
    names in `lang`, and how many there are. UTF-8 with a byte order mark, by which spreadsheets know it."""
    rows: list[dict[str, str]] = []
    further: dict[str, None] = {}
    for line in desk.inbox(reader, library, who, now, everybody=False):
        if line["stage"] == "recusal":
            continue
        definition = library.definition(reader, find_case(reader, line["case"]).definition)
        element = element_of(line["task"])
        invited = element in {meeting.invite for meeting in definition.meetings.values()}
        if kind == "sign":
            wanted = (line["referral"] or invited) and line["stage"] == "open"
        else:
            wanted = line["referral"] and line["stage"] in ("open", "signed", "reported", "owed")
        if not wanted or line["suspended"]:
            continue
        due = "" if line["due"] is None else read_instant(line["due"]).astimezone(ZoneInfo(zone))
        rows.append(
            {
                "case": line["case"],
                "step": line["task"],
                "item": line["item_name"].get(lang, line["item"]),
                "unit": line["unit_name"].get(lang, line["unit"]),
                "due": f"{due:%Y-%m-%d %H:%M}" if due else "",
            }
        )
        if kind == "answer":
            further |= dict.fromkeys(_plain_fields(form_of(definition, element)))
    named = [*COLUMNS, *(name for name in further if name not in COLUMNS)]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, named, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode("utf-8-sig"), len(rows)


def _plain_fields(form: dict[str, Any]) -> Iterator[str]:
    """The fields of a form that fit into a cell."""
    fields, _ = shape(form, form, None)
    return (name for name, field in fields.items() if kind_of(form, field) != "records")


# --- reading a plan


def read(content: bytes, file: str) -> list[Line]:
    """The lines of a plan. Raises `Invalid`, naming the line, for what is no such file; a line that can't be
    meant has its fault."""
    rows = _rows(_decoded(content, file), file)
    header = [name.strip().casefold() for name in next(rows, (1, []))[1]]
    missing = [name for name in ("case", "step") if name not in header]
    twice = [name for name in header if name and header.count(name) > 1]
    if missing or twice:
        raise Invalid(
            "plan.columns",
            say("line 1 of {file} does not name the columns of a plan", file=file),
            expected=say("the columns {columns}, each once", columns=", ".join(COLUMNS)),
            found=say("{columns}", columns=", ".join(header) or "—"),
            remedy=say("start from a file that --draft wrote; nothing was recorded"),
        )
    lines: list[Line] = []
    seen: dict[tuple[str, str], int] = {}
    for number, row in rows:
        if not any(cell.strip() for cell in row):
            continue
        cells = dict(zip(header, (cell.strip() for cell in row), strict=False))
        case, step = cells.pop("case", ""), cells.pop("step", "")
        told = {name: text for name, text in cells.items() if name not in TOLD and (name or text)}
        fault = _fault(number, header, row, case, step, seen.setdefault((case, step), number))
        lines.append(Line(number, case, step, told, fault))
        if len(lines) > MOST_LINES:
            raise Invalid(
                "plan.too_long",
                say("{file} has too many lines", file=file),
                expected=say("at most {most}", most=MOST_LINES),
                remedy=say("divide it; nothing was recorded"),
            )
    return lines


def check_columns(lines: Iterable[Line], form: Callable[[str, str], dict[str, Any]], file: str) -> None:
    """Raise `Invalid` for a column that no form of the plan's steps asks for."""
    further = {name: None for line in lines for name in line.cells if name not in COLUMNS}
    for line in lines if further else ():
        if line.fault is None:
            with suppress(Refusal):  # told with its line
                for name in _plain_fields(form(line.case, line.step)):
                    further.pop(name, None)
    if further:
        raise Invalid(
            "plan.columns",
            say("line 1 of {file} has columns that no form asks for", file=file),
            expected=say("the columns {columns}, or fields of the forms", columns=", ".join(COLUMNS)),
            found=say("{columns}", columns=", ".join(name or "—" for name in further)),
            remedy=say("correct their names, or take them out; nothing was recorded"),
        )


def _decoded(content: bytes, file: str) -> str:
    """The text of a file that a spreadsheet saved: UTF-8, or GB18030 as in China."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
    try:
        return content.decode("gb18030")
    except UnicodeDecodeError:
        raise Invalid(
            "plan.encoding",
            say("line {line} of {file} can't be read", line=line, file=file),
            expected=say("text in UTF-8 or GB18030"),
            remedy=say("save it as “CSV UTF-8”; nothing was recorded"),
        ) from None


def _rows(text: str, file: str) -> Iterator[tuple[int, list[str]]]:
    """The rows with their numbers, as a spreadsheet counts them. Raises `Invalid` naming the broken one."""
    number = 0
    try:
        for number, row in enumerate(csv.reader(io.StringIO(text, newline=""), strict=True), 1):
            yield number, row
    except csv.Error as error:
        raise Invalid(
            "plan.csv",
            say("line {line} of {file} is not CSV: {reason}", line=number + 1, file=file, reason=str(error)),
            expected=say("cells between commas, in quotes where they hold commas or quotes"),
            remedy=REMEDY,
        ) from None


def _fault(
    number: int, header: list[str], row: list[str], case: str, step: str, first: int
) -> Refusal | None:
    if len(row) > len(header) and any(cell.strip() for cell in row[len(header) :]):
        return Invalid(
            "plan.line",
            say("line {line} has more cells than there are columns", line=number),
            expected=say("{count} cells", count=len(header)),
            found=say("{count} cells", count=len(row)),
            remedy=say("put texts that hold commas in quotes"),
        )
    if not case or not step:
        return Invalid(
            "plan.line",
            say("line {line} names no case, or no step", line=number),
            expected=say("a case and the step of it, as --draft wrote them"),
            remedy=say("fill them in, or take the line out"),
        )
    if first != number:
        return Invalid(
            "plan.twice",
            say("line {line} names the same step as line {first}", line=number, first=first),
            expected=say("each step once"),
            remedy=say("take one of them out"),
        )
    return None


# --- working it off


def work(
    lines: Sequence[Line],
    kind: Kind,
    form: Callable[[str, str], dict[str, Any]],
    act: Callable[[str, Command], tuple[str, bool, list[Record]]],
    zone: str,
    progress: Callable[[int, int], None],
    *,
    dry_run: bool,
) -> Iterator[Worked]:
    """Do every line with `act` (case, command → full number, whether it was done before, records): what
    became of each. A refusal leaves the others as they are."""
    for line in lines:
        case, refusal = line.case, line.fault
        state: State = "refused"
        records: list[Record] = []
        done: tuple[str, bool, list[Record]] | None = None
        if refusal is None and kind == "answer" and not any(line.cells.values()):
            state = "skipped"
        elif refusal is None:
            try:
                command: Command = Sign(line.step)
                if kind == "answer":
                    command = Do(line.step, _answers(form(line.case, line.step), line.cells, zone))
                done = act(line.case, command)
            except Refusal as found:
                refusal = found
        if done is not None:
            case, repeated, records = done
            state = "repeated" if repeated else "would" if dry_run else "done"
        yield Worked(line.number, case, line.step, state, records, refusal)
        progress(1, len(lines))


def _answers(form: dict[str, Any], cells: Mapping[str, str], zone: str) -> dict[str, Any]:
    """The answers in the cells of a line, read as the form wants them."""
    answers: dict[str, Any] = {}
    for name, text in cells.items():
        if text:
            answers = place(answers, name, read_field(form, name, text, zone))
    return answers


# --- the organisation, brought in anew


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What one register says otherwise than another, entry by entry: `part`, `id`, `change` (`added`, `gone`,
    `changed`) and the `fields` that differ, as text."""
    found = []
    for part in dict.fromkeys([*before, *after]):
        old, new = _by_id(part, before.get(part)), _by_id(part, after.get(part))
        for id in dict.fromkeys([*old, *new]):
            was, now = old.get(id), new.get(id)
            if was == now:
                continue
            change = "added" if was is None else "gone" if now is None else "changed"
            found.append({"part": part, "id": id, "change": change, "fields": _fields(was, now)})
    return found


def _by_id(part: str, entries: Any) -> dict[str, Any]:
    """The entries of a part of the register under what they are called."""
    if isinstance(entries, Mapping) and part == "units":
        return dict(entries)
    if isinstance(entries, list) and all(isinstance(entry, Mapping) for entry in entries):
        called = ("id", "person", "for", "post", "party", "since")
        return {
            str(entry.get("id") or " ".join(str(entry[key]) for key in called if key in entry)): entry
            for entry in entries
        }
    return {} if entries is None else {"": entries}


def _fields(was: Any, now: Any) -> list[dict[str, Any]]:
    old = was if isinstance(was, Mapping) else {"": was}
    new = now if isinstance(now, Mapping) else {"": now}
    return [
        {"field": key, "was": _text(old.get(key)), "now": _text(new.get(key))}
        for key in dict.fromkeys([*old, *new])
        if old.get(key) != new.get(key)
    ]


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_text(part)}" for key, part in value.items())
    if isinstance(value, list):
        return ", ".join(map(_text, value)) or "—"
    return "—" if value is None or value == "" else str(value)
