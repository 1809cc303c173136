"""CSV: a row for each record."""

from __future__ import annotations

import csv
import io
from typing import BinaryIO

from ..events import canonical
from .lines import CaseLog, Line

COLUMNS = (
    *("case", "item", "seq", "at", "activity", "lifecycle", "type", "element", "task", "person", "unit"),
    *("post", "for", "by", "fact", "entered", "definition", "data", "hash", "prev"),
)
"""`by` and `data` are JSON."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What makes a spreadsheet calculate a cell, or take it apart."""


class Table:
    """Writes CSV (RFC 4180) in UTF-8 to a stream."""

    def __init__(self, stream: BinaryIO, *, mark: bool) -> None:
        encoding = "utf-8-sig" if mark else "utf-8"
        self._text = io.TextIOWrapper(stream, encoding=encoding, newline="", write_through=True)
        self._rows = csv.writer(self._text)
        self._rows.writerow(COLUMNS)

    def case(self, log: CaseLog) -> None:
        self._rows.writerows([safe(cell) for cell in _row(log, line)] for line in log.lines)

    def close(self) -> None:
        self._text.flush()
        self._text.detach()


def safe(cell: str) -> str:
    """The cell, with an apostrophe before it where a spreadsheet would take it for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _row(log: CaseLog, line: Line) -> list[str]:
    by = line.by
    who = [str(by.get(key) or "") for key in ("person", "unit", "post", "for")]
    return [
        *(line.case, log.item, str(line.seq), line.at, line.activity, line.transition, line.type),
        *(line.element, line.task, *who, canonical(dict(by)).decode(), "true" if line.fact else "false"),
        *(line.entered, log.definition, canonical(dict(line.data)).decode(), line.hash, line.prev),
    ]
