"""The office as it was at an instant, from its histories alone.

`Past` answers what the store answers, so that whoever looks at the present can look at the past in the
same way. Nothing that is kept for speed is read: a case is its history up to the instant, run again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial

from .. import audit
from ..clock import write_instant
from ..errors import Diverged
from ..events import (
    OFFICE,
    CalendarApplied,
    DefinitionPublished,
    DocumentIssued,
    OrganisationChanged,
    OrganisationRecorded,
    parse,
)
from ..projections import derive
from ..store import Changes, DefinitionRow, DocumentRow, Head, Reader, TaskRow
from ..views import by_version
from .library import STANDING, Library, Standing


class Past(Reader):
    """What `reader` would have answered at the instant `at`: of each history the events up to it, by the
    instant at which they took effect.

    Raises `Diverged` for a history that is not as it was written.
    """

    def __init__(self, reader: Reader, library: Library, at: datetime) -> None:
        super().__init__(reader._session)
        self._library = library
        self._at = write_instant(at)
        self._present = reader
        self._known: dict[str, tuple[Head, Changes] | None] = {}

    # What each of these answers is said in `Reader`.

    def records(self, case: str) -> list[tuple[int, bytes, str]]:
        kept = []
        until = self._at
        for seq, body, stored in self._present.records(case):
            if case == OFFICE and seq == 1:
                # In a rehearsal office a case may be older than the office, which is then as it began.
                until = max(until, parse(case, seq, body).at)
            # What is no record any more stays in, so that whoever reads the history is told.
            if _is_later(case, seq, body, until):
                break
            kept.append((seq, body, stored))
        return kept

    def backwards(self, case: str) -> Iterator[tuple[int, bytes]]:
        yield from ((seq, body) for seq, body, _ in reversed(self.records(case)))

    def streams(self) -> Iterator[str]:
        yield from (case for case in self._present.streams() if case == OFFICE or self._derived(case))

    def head(self, case: str) -> Head | None:
        found = self._derived(case) if case != OFFICE else None
        return found[0] if found else None

    def find_cases(self, suffix: str) -> list[str]:
        return [case for case in self.streams() if case != OFFICE and case.endswith(suffix)]

    def tasks(self, case: str) -> list[TaskRow]:
        found = self._derived(case)
        return sorted(found[1].opened, key=_urgency) if found else []

    def inbox(self, posts: Sequence[tuple[str, str]] | None) -> list[TaskRow]:
        rows = [row for case in self.streams() if case != OFFICE for row in self.tasks(case)]
        if posts is not None:
            wanted = set(posts)
            rows = [row for row in rows if (row.unit, row.post) in wanted or (row.unit, "") in wanted]
        return sorted(rows, key=_urgency)

    def timers(self, case: str) -> list[tuple[str, str]]:
        found = self._derived(case)
        return sorted(found[1].armed, key=lambda timer: (timer[1], timer[0])) if found else []

    def documents(self, case: str) -> list[DocumentRow]:
        head = self.head(case)
        if head is None:
            return []
        history = audit.records(case, self.records(case))
        definition_of = partial(self._library.definition, self)
        return [
            DocumentRow(
                case,
                record.seq,
                event.document,
                event.number,
                definition.document(event.document)["name"]["zh"],
                event.content,
                "text/html",
            )
            for record, definition in by_version(history, head.definition, definition_of)
            if isinstance(event := record.event, DocumentIssued)
        ]

    def definitions(self, item: str | None = None) -> list[DefinitionRow]:
        rows: list[DefinitionRow] = []
        for record in audit.records(OFFICE, self.records(OFFICE)):
            match record.event:
                case DefinitionPublished(item=code, definition=named, net=net, effective=effective):
                    version = 1 + sum(row.item == code for row in rows)
                    rows.append(DefinitionRow(code, version, named, net, effective, record.at))
        return [row for row in rows if item in (None, row.item)]

    def meta(self, name: str) -> str | None:
        if name != STANDING:
            return self._present.meta(name)
        organisations, calendars = [], []
        for record in audit.records(OFFICE, self.records(OFFICE)):
            match record.event:
                case OrganisationRecorded(content=named) | OrganisationChanged(content=named):
                    organisations.append((record.at, named))
                case CalendarApplied(content=named):
                    calendars.append((record.at, named))
        return Standing(tuple(organisations), tuple(calendars)).text()

    def _derived(self, case: str) -> tuple[Head, Changes] | None:
        """A case with its open steps and armed timers; None for one that was not opened yet."""
        if case not in self._known:
            rows = self.records(case)
            found = None
            if rows:
                definition_of = partial(self._library.definition, self)
                history = audit.records(case, rows)
                found = derive(
                    audit.replay(case, history, definition_of, partial(self._library.calendar, self)),
                    definition_of,
                )
            self._known[case] = found
        return self._known[case]


def _is_later(case: str, seq: int, body: bytes, at: str) -> bool:
    try:
        return parse(case, seq, body).at > at
    except Diverged:
        return False


def _urgency(row: TaskRow) -> tuple[bool, str, str, str, str]:
    return row.due is None, row.due or "", row.opened_at, row.case, row.task
