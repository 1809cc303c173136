"""Histories as other tools read them (floor 5): XES, OCEL 2.0 and CSV.

`lines` says of each record which activity it is and whose, and leaves out what nobody else may know; `xes`,
`ocel` and `table` write that down, case by case: no more than one case is held in memory. Each holds every
record whole, unless persons and answers are left out; `xes.traces_of_xes` reads them back. docs/exports.md is
the page about them.
"""

from __future__ import annotations

from typing import BinaryIO, Literal, Protocol

from .lines import CaseLog, Line, Redactor, line_of

__all__ = ["CaseLog", "Format", "Line", "Redactor", "Writer", "line_of", "writer_of"]

Format = Literal["xes", "ocel", "csv"]


class Writer(Protocol):
    """Writes cases one after the other; nothing is complete before `close`."""

    def case(self, log: CaseLog) -> None: ...

    def close(self) -> None: ...


def writer_of(form: Format, stream: BinaryIO, *, mark: bool = False) -> Writer:
    """What writes this format to `stream`. `mark`: CSV begins with a byte order mark, for spreadsheets."""
    match form:
        case "xes":
            from .xes import Xes

            return Xes(stream)
        case "ocel":
            from .ocel import Ocel

            return Ocel(stream)
        case "csv":
            from .table import Table

            return Table(stream, mark=mark)
