"""What can happen to a case, and how it is written down for ever (floor 1).

Each event type is a frozen dataclass of plain JSON values. A `Record` is one event in its place in a
history: canonical JSON bytes (`body`) that name case, sequence number, instants and actor and carry
the hash of the record before; `hash` is SHA-256 over exactly these bytes. Changing, removing,
swapping or inserting a record anywhere breaks the chain there.

Facts are entered (`case.opened`, `task.completed`, `message.received`, `timer.fired`); everything
else is a consequence that the fold derives again at replay and compares with what was recorded.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from .clock import write_instant
from .errors import Diverged, say

FORMAT = 1
"""Version of the record format; a reader of a later format upcasts earlier ones here."""

GENESIS = "0" * 64
"""What the first record of a history carries as the hash of the one before."""


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical(value: Any) -> bytes:
    """The one JSON spelling of `value`: sorted keys, no spaces, UTF-8, no NaN. ValueError/TypeError
    for what JSON cannot hold."""
    return _ENCODER.encode(value).encode()


def digest(data: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()


class Event:
    """Base of all event types; `type` is the name on record."""

    type: ClassVar[str]
    fact: ClassVar[bool] = False
    """True for what is entered, False for what follows from it."""

    def payload(self) -> dict[str, Any]:
        """The event's own fields as plain JSON data."""
        return {name: getattr(self, name) for name in _FIELDS[self.type]}


# --- the office's own history (stream `OFFICE`)


@dataclass(frozen=True, slots=True)
class OfficeCreated(Event):
    """The first event of every office. `rehearsal` is for ever."""

    type: ClassVar[str] = "office.created"
    fact: ClassVar[bool] = True
    rehearsal: bool
    zone: str
    division: str


@dataclass(frozen=True, slots=True)
class OrganisationRecorded(Event):
    """Units, posts and people as they stand from now on; `content` is the digest of the stored text."""

    type: ClassVar[str] = "organisation.recorded"
    fact: ClassVar[bool] = True
    content: str


@dataclass(frozen=True, slots=True)
class DefinitionPublished(Event):
    """An item's definition comes into force on `effective` (a date). `net` is the compiled net's digest."""

    type: ClassVar[str] = "definition.published"
    fact: ClassVar[bool] = True
    item: str
    definition: str
    net: str
    effective: str


# --- the case: facts


@dataclass(frozen=True, slots=True)
class CaseOpened(Event):
    """A case of `item` begins, to run by `definition` (a digest) for life, on the clocks of `zone`."""

    type: ClassVar[str] = "case.opened"
    fact: ClassVar[bool] = True
    item: str
    definition: str
    zone: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class TaskCompleted(Event):
    """A person finished the open task `task` with these answers."""

    type: ClassVar[str] = "task.completed"
    fact: ClassVar[bool] = True
    task: str
    element: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class MessageReceived(Event):
    """A message reached the case (a supplement handed in, say), entered by a person."""

    type: ClassVar[str] = "message.received"
    fact: ClassVar[bool] = True
    name: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class TimerFired(Event):
    """A timer ran out at its own due instant, which is this event's `at`."""

    type: ClassVar[str] = "timer.fired"
    fact: ClassVar[bool] = True
    timer: str
    element: str


# --- the case: consequences


@dataclass(frozen=True, slots=True)
class TaskOpened(Event):
    """A step waits for somebody who holds `post` in `unit`."""

    type: ClassVar[str] = "task.opened"
    task: str
    element: str
    unit: str
    post: str


@dataclass(frozen=True, slots=True)
class TaskCancelled(Event):
    """An open step is no longer wanted (interrupted, or its scope ended)."""

    type: ClassVar[str] = "task.cancelled"
    task: str
    element: str


@dataclass(frozen=True, slots=True)
class TimerArmed(Event):
    """A timer will fire at `due`, unless it is stopped before."""

    type: ClassVar[str] = "timer.armed"
    timer: str
    element: str
    due: str


@dataclass(frozen=True, slots=True)
class TimerStopped(Event):
    """An armed timer will not fire any more."""

    type: ClassVar[str] = "timer.stopped"
    timer: str
    element: str


@dataclass(frozen=True, slots=True)
class MessageSent(Event):
    """The process sent a message (to another participant)."""

    type: ClassVar[str] = "message.sent"
    element: str
    name: str


@dataclass(frozen=True, slots=True)
class SignalSent(Event):
    """The process broadcast a signal."""

    type: ClassVar[str] = "signal.sent"
    element: str
    name: str


@dataclass(frozen=True, slots=True)
class DocumentIssued(Event):
    """A numbered document was rendered and filed; `content` is the digest of its bytes.

    Number and content are recorded, not derived: replay takes the number from here.
    """

    type: ClassVar[str] = "document.issued"
    document: str
    element: str
    number: str
    content: str


@dataclass(frozen=True, slots=True)
class IncidentRaised(Event):
    """A token stopped because the diagram's own condition, script or timer failed."""

    type: ClassVar[str] = "incident.raised"
    incident: str
    element: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class CaseClosed(Event):
    """The process ended; `outcome` is the end event that was reached last."""

    type: ClassVar[str] = "case.closed"
    outcome: str


TYPES: dict[str, type[Event]] = {
    t.type: t
    for t in (
        OfficeCreated,
        OrganisationRecorded,
        DefinitionPublished,
        CaseOpened,
        TaskCompleted,
        MessageReceived,
        TimerFired,
        TaskOpened,
        TaskCancelled,
        TimerArmed,
        TimerStopped,
        MessageSent,
        SignalSent,
        DocumentIssued,
        IncidentRaised,
        CaseClosed,
    )
}


_FIELDS: dict[str, tuple[str, ...]] = {
    name: tuple(field.name for field in dataclasses.fields(kind))  # type: ignore[arg-type]
    for name, kind in TYPES.items()
}


OFFICE = "office"
"""The stream that holds the office's own events; case numbers never look like this."""


@dataclass(frozen=True, slots=True)
class Record:
    """An event in its place: `at` is when it took effect, `entered` when it was written.

    `by` says who: `{"person", "unit", "post"}`, or `{"clock": true}` for time itself.
    """

    case: str
    seq: int
    at: str
    entered: str
    by: dict[str, Any]
    event: Event
    prev: str
    body: bytes
    hash: str


def chain(
    case: str,
    seq: int,
    prev: str,
    entered: datetime,
    items: Iterable[tuple[datetime, dict[str, Any], Event]],
) -> list[Record]:
    """Turn `(at, by, event)`s into records that follow number `seq` with hash `prev` of `case`."""
    records = []
    written = write_instant(entered)
    for at, by, event in items:
        seq += 1
        instant = write_instant(at)
        body = canonical(
            {
                "format": FORMAT,
                "case": case,
                "seq": seq,
                "type": event.type,
                "at": instant,
                "entered": written,
                "by": by,
                "data": event.payload(),
                "prev": prev,
            }
        )
        prev_hash, prev = prev, digest(body)
        records.append(Record(case, seq, instant, written, by, event, prev_hash, body, prev))
    return records


def parse(case: str, seq: int, body: bytes) -> Record:
    """The record that these bytes hold; its `hash` is computed from them, never taken on trust.

    Raises `Diverged` when they are not a record of `case` number `seq` in canonical form.
    """
    try:
        content = json.loads(body)
        if content["format"] != FORMAT or content["case"] != case or content["seq"] != seq:
            raise ValueError("not this record")
        if canonical(content) != body:
            raise ValueError("not canonical")
        kind = TYPES[content["type"]]
        if set(content["data"]) != set(_FIELDS[kind.type]):
            raise ValueError("other fields")
        return Record(
            case,
            seq,
            content["at"],
            content["entered"],
            content["by"],
            kind(**content["data"]),
            content["prev"],
            body,
            digest(body),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Diverged(
            "event.unreadable",
            say("event {seq} of case {case} is not a record that lianban wrote", case=case, seq=seq),
            expected=say("a canonical record of format {format}", format=FORMAT),
            found=say("{error}", error=repr(error)),
            remedy=say("compare the database with a backup or a sealed copy; somebody changed it"),
        ) from error


def broken_links(case: str, rows: Iterable[tuple[int, bytes, str]]) -> Iterator[Diverged]:
    """Every break in the chain of `case`, as findings that name the event.

    `rows` are `(seq, body, hash)` as stored, in order of `seq`. A changed byte, a removed, swapped or
    inserted event each shows at its place.
    """
    prev, expected_seq = GENESIS, 1
    for seq, body, stored_hash in rows:
        if not isinstance(seq, int) or seq < expected_seq:
            yield _broken(case, seq, say("it was inserted"))
            continue
        if seq != expected_seq:
            yield _broken(case, expected_seq, say("event {seq} is missing", seq=expected_seq))
        try:
            record = parse(case, seq, body)
        except Diverged as error:
            yield error
            prev, expected_seq = stored_hash, seq + 1
            continue
        if record.hash != stored_hash:
            yield _broken(case, seq, say("its bytes do not have the hash that is stored with them"))
        elif record.prev != prev:
            yield _broken(case, seq, say("it does not follow the event before it"))
        prev, expected_seq = stored_hash, seq + 1


def _broken(case: str, seq: int, what: Any) -> Diverged:
    return Diverged(
        "chain.broken",
        say(
            "case {case}, event {seq}: the history is not as it was written: {what}",
            case=case,
            seq=seq,
            what=what,
        ),
        expected=say("an unbroken chain of hashes from the first event to the last"),
        found=what,
        rule=say("each event carries the hash of the one before"),
        remedy=say("compare the database with a backup or a sealed copy; somebody changed it"),
    )
