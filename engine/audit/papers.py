"""Whether a document is the one that its case gives: it is made again from the history, and compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias
from zoneinfo import ZoneInfo

from ..case import Case, document_number
from ..clock import read_instant
from ..definition import Definition
from ..errors import Diverged, Refusal, say
from ..events import DocumentIssued, Event, Record, digest
from ..store import DocumentRow
from .chain import finding

Made: TypeAlias = Callable[[Case, Definition, Event, Record], Iterable[bytes]]
"""Makes a document again: of the case as it stood, by its definition then, after the fact that it follows
from. Gives the bytes that it may have: more than one where the record does not say by which version of the
organisation."""


class Papers:
    """A witness: each document is what its template makes of the case, and numbered in its own series."""

    def __init__(self, definition_of: Callable[[str], Definition], made: Made | None) -> None:
        self._definition_of = definition_of
        self._made = made  # None where the organisation can't be read, which has a finding of its own
        self._fact: Event | None = None
        self.names: dict[int, str] = {}
        """By event: the name of the document it issued."""
        self.wrong: dict[int, Diverged] = {}
        """By event: what is wrong with the document it issued."""

    def __call__(self, before: Case | None, record: Record, case: Case) -> None:
        """Never objects: the case goes on, and so do its other documents."""
        if record.event.fact:
            self._fact = record.event
        if not isinstance(record.event, DocumentIssued) or before is None or self._fact is None:
            return
        issued, number = record.event, case.number
        definition = self._definition_of(before.definition)
        described = definition.document(issued.document)
        self.names[record.seq] = described["name"]["zh"]
        zone = ZoneInfo(before.marking["zone"])
        year = read_instant(record.at).astimezone(zone).year
        series = document_number(described["series"], year, 0).partition("0号")[0]
        serial = issued.number.removeprefix(series).removesuffix("号")
        if issued.number != f"{series}{serial}号" or not serial.isdecimal():
            self.wrong[record.seq] = finding(
                number,
                "document.number",
                say(
                    "case {case}, event {seq}: {number} is no number of the series {series}",
                    case=number,
                    seq=record.seq,
                    number=issued.number,
                    series=series,
                ),
            )
            return
        if self._made is None:
            return
        try:
            right = issued.content in map(digest, self._made(before, definition, self._fact, record))
        except Refusal:  # its template can't be filled, so nothing of the kind was issued
            right = False
        if not right:
            self.wrong[record.seq] = finding(
                number,
                "document.forged",
                say(
                    "case {case}, event {seq}: document {document} {number} is not what its template makes "
                    "of the case",
                    case=number,
                    seq=record.seq,
                    document=issued.document,
                    number=issued.number,
                ),
            )


def check_filed(
    number: str,
    history: Iterable[Record],
    rows: Iterable[DocumentRow],
    content: Callable[[str], bytes | None],
    papers: Papers,
) -> Iterator[Diverged]:
    """The documents that were filed: those that the history issued, with the bytes that it names, and these
    as they are made again."""
    filed = {row.seq: row for row in rows}
    for record in history:
        match record.event:
            case DocumentIssued(document=document, number=issued, content=named):
                name = papers.names.get(record.seq, "")
                row = DocumentRow(number, record.seq, document, issued, name, named, "text/html")
                stored = content(named)
                if filed.pop(record.seq, None) != row or stored is None or digest(stored) != named:
                    yield _wrong_document(number, record.seq, document, issued)
                if record.seq in papers.wrong:
                    yield papers.wrong[record.seq]
    for row in filed.values():
        yield _wrong_document(number, row.seq, row.document, row.number)


def _wrong_document(number: str, seq: int, document: str, issued: str) -> Diverged:
    return finding(
        number,
        "document.differs",
        say(
            "case {case}, event {seq}: document {document} {number} is not the one that was issued",
            case=number,
            seq=seq,
            document=document,
            number=issued,
        ),
    )
