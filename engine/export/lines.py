"""A record as a line of a log: which activity it is, in which transition of its life, and whose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..definition import Definition
from ..events import CaseOpened, MessageReceived, Record
from ..flow.marking import element_of

LIFECYCLE: Mapping[str, str] = {
    "case.opened": "complete",
    "message.received": "complete",
    "task.opened": "schedule",
    "referral.sent": "assign",
    "referral.signed": "start",
    "task.handed_over": "reassign",
    "task.passed": "reassign",
    "task.migrated": "reassign",
    "task.suspended": "suspend",
    "task.reinstated": "resume",
    "task.completed": "complete",
    "task.ended": "complete",
    "task.cancelled": "ate_abort",
}
"""The transition of IEEE 1849's lifecycle model that an event is for its step; what is about no step, or
has no place in the model (an answer that waits for a second signature), is `unknown`."""

_ABOUT = (
    "clock",
    "document",
    "meeting",
    "joint",
    "card",
    "recusal",
    "incident",
    "material",
    "name",
    "finding",
)
"""What an event that is about no step is about: the first of these that it has."""

_KEPT = frozenset(
    {
        *("task", "element", "was", "since", "unit", "post", "departments", "batch", "undoes", "names"),
        *("timer", "clock", "rung", "due", "provisional", "late", "effect", "basis", "as_of", "expected"),
        *("ground", "by", "calendar", "closing", "zone", "item", "definition", "accepted", "incident"),
        *("document", "number", "joint", "round", "outcome", "deemed", "dissent", "level", "why", "name"),
        *("meeting", "begins", "excused", "recusal", "upheld", "card", "colour", "finding", "case", "seq"),
        *("code", "material"),
    }
)
"""Fields of events that say nothing of a person or of what somebody answered or wrote. Not among them: the
digest of a document, by which a guess at what it says could be tested."""


class Line(NamedTuple):
    """A record, told. `by` is who did it as on record, `data` the event's own fields. `record`, `hash` and
    `prev` are "" where persons and answers are left out: with them, a guess at those could be tested."""

    case: str
    seq: int
    type: str
    fact: bool
    at: str
    entered: str
    activity: str
    element: str
    transition: str
    by: Mapping[str, Any]
    data: Mapping[str, Any]
    record: str
    hash: str
    prev: str

    @property
    def task(self) -> str:
        return str(self.data.get("task", ""))


class CaseLog(NamedTuple):
    """A case: its number, its item, the definition it began by and all its lines."""

    case: str
    item: str
    item_name: str
    definition: str
    lines: Sequence[Line]


def line_of(record: Record, definition: Definition, lang: str) -> Line:
    """The line of a record, in a case that then ran by `definition`; steps are called as in `lang`."""
    event = record.event
    data = event.payload()
    element = str(data.get("element") or element_of(str(data.get("task") or "")))
    match event:
        case CaseOpened():
            element = definition.start.id
        case MessageReceived(name=name):
            element = definition.message_element(name)
    transition = LIFECYCLE.get(event.type, "unknown")
    activity = event.type
    if transition != "unknown":
        names = definition.names(element)
        activity = names.get(lang) or names.get("zh") or element
    else:
        about = next((str(data[key]) for key in _ABOUT if isinstance(data.get(key), str)), element)
        activity = f"{event.type} {about}".strip()
    return Line(
        record.case,
        record.seq,
        event.type,
        event.fact,
        record.at,
        record.entered,
        activity,
        element,
        transition,
        record.by,
        data,
        record.body.decode(),
        record.hash,
        record.prev,
    )


class Redactor:
    """Leaves persons and answers out. Whose acts are one person's can still be told: persons are numbered in
    the order in which they come."""

    def __init__(self) -> None:
        self._numbers: dict[str, str] = {}

    def line(self, line: Line) -> Line:
        """The line without them."""
        by = {
            key: self._number(value) if key in ("person", "for") else value for key, value in line.by.items()
        }
        data = {key: value for key, value in line.data.items() if key in _KEPT}
        return line._replace(by=by, data=data, record="", hash="", prev="")

    def _number(self, person: Any) -> str:
        return self._numbers.setdefault(str(person), f"P{len(self._numbers) + 1:04d}")
