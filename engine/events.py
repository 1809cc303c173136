"""What can happen to a case, and how it is written down for ever (floor 1).

Each event type is a frozen struct of plain JSON values. A `Record` is one event in its place in a
history: canonical JSON bytes (`body`) that name case, sequence number, instants and actor and carry
the hash of the record before; `hash` is SHA-256 over exactly these bytes. Changing, removing,
swapping or inserting a record anywhere breaks the chain there.

Facts are entered by people (`case.opened`, `task.completed`, `pause.ordered` …) or by time (`timer.fired`,
`clock.struck`); everything else is a consequence that the fold derives again at replay and compares with what
was recorded.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, ClassVar

from msgspec import Struct
from msgspec.structs import asdict

from .clock import write_instant
from .errors import Diverged, say

FORMAT = 2
"""Version of the record format. Records of earlier ones are read as if they had been written in this one
(`_UPCASTS`); their bytes and hashes stay as they are.

2: a case names the calendar and closing time that its terms are counted by; timers may wait for clocks.
"""

_UPCASTS: dict[int, dict[str, dict[str, Any]]] = {
    1: {
        "case.opened": {"calendar": "", "closing": "17:30"},
        "timer.armed": {"clock": None, "provisional": False},
    },
    2: {},
}
"""Format → event type → fields that it did not have, with what they would have said."""

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


class Event(Struct, frozen=True):
    """Base of all event types; `type` is the name on record."""

    type: ClassVar[str]
    fact: ClassVar[bool] = False
    """True for what is entered, False for what follows from it."""

    def payload(self) -> dict[str, Any]:
        """The event's own fields as plain JSON data."""
        return asdict(self)

    def __hash__(self) -> int:
        return hash(canonical(self.payload()))


# --- the office's own history (stream `OFFICE`)


class OfficeCreated(Event, frozen=True):
    """The first event of every office. `rehearsal` is for ever."""

    type: ClassVar[str] = "office.created"
    fact: ClassVar[bool] = True
    rehearsal: bool
    zone: str
    division: str


class OrganisationRecorded(Event, frozen=True):
    """Units, posts and people as they stand from now on; `content` is the digest of the stored text."""

    type: ClassVar[str] = "organisation.recorded"
    fact: ClassVar[bool] = True
    content: str


class OrganisationChanged(Event, frozen=True):
    """One thing in the organisation is otherwise from now on: `change` says what (`engine.organisation`),
    `content` is the digest of the whole as it then stands."""

    type: ClassVar[str] = "organisation.changed"
    fact: ClassVar[bool] = True
    change: dict[str, Any]
    content: str


class SealMade(Event, frozen=True):
    """All histories were sealed as they stood: what `engine.seals.Seal` says, without its instant and office,
    which are those of the record and of the stream."""

    type: ClassVar[str] = "seal.made"
    fact: ClassVar[bool] = True
    number: int
    size: int
    root: str
    secret: str
    previous: str
    key: str
    signature: str


class DefinitionPublished(Event, frozen=True):
    """An item's definition comes into force on `effective` (a date). `net` is the compiled net's digest."""

    type: ClassVar[str] = "definition.published"
    fact: ClassVar[bool] = True
    item: str
    definition: str
    net: str
    effective: str


class ItemAbolished(Event, frozen=True):
    """From the day `since` on no case of the item is opened any more by its first `versions` versions."""

    type: ClassVar[str] = "item.abolished"
    fact: ClassVar[bool] = True
    item: str
    since: str
    versions: int
    reason: str


class MigrationOrdered(Event, frozen=True):
    """Under the name `batch`, open cases of the item are to go over to `definition` (a digest), each on its
    own record; `sources` are the definitions they come from, `cases` those named (none: all). `undoes` is the
    batch that is taken back, "" for none. `names` and `accepted` as in `case.migrated`."""

    type: ClassVar[str] = "migration.ordered"
    fact: ClassVar[bool] = True
    batch: str
    item: str
    definition: str
    sources: list[str]
    cases: list[str]
    names: dict[str, str]
    accepted: list[str]
    undoes: str
    reason: str


class CalendarImported(Event, frozen=True):
    """A calendar (a digest) was put forward; it counts nothing before it is applied."""

    type: ClassVar[str] = "calendar.imported"
    fact: ClassVar[bool] = True
    content: str
    note: str


class CalendarApplied(Event, frozen=True):
    """From now on terms are counted by this calendar, those of open cases included."""

    type: ClassVar[str] = "calendar.applied"
    fact: ClassVar[bool] = True
    content: str


# --- the case: facts


class CaseOpened(Event, frozen=True):
    """A case of `item` begins, to run by `definition` (a digest) for life, in the time of `zone`.

    Its terms are counted by `calendar` (a digest; "" for none) until a `calendar.revised`, and end when the
    office closes, at `closing` (`HH:MM`).
    """

    type: ClassVar[str] = "case.opened"
    fact: ClassVar[bool] = True
    item: str
    definition: str
    zone: str
    calendar: str
    closing: str
    data: dict[str, Any]


class TaskCompleted(Event, frozen=True):
    """A person finished the open task `task` with these answers."""

    type: ClassVar[str] = "task.completed"
    fact: ClassVar[bool] = True
    task: str
    element: str
    data: dict[str, Any]


class MessageReceived(Event, frozen=True):
    """A message reached the case (a supplement handed in, say), entered by a person."""

    type: ClassVar[str] = "message.received"
    fact: ClassVar[bool] = True
    name: str
    data: dict[str, Any]


class TimerFired(Event, frozen=True):
    """A timer ran out at its own due instant, or with the clock it waited for; `at` is that instant."""

    type: ClassVar[str] = "timer.fired"
    fact: ClassVar[bool] = True
    timer: str
    element: str


class ClockStruck(Event, frozen=True):
    """Time reached a rung of a clock of the item; `rung` is "" when the clock ran out."""

    type: ClassVar[str] = "clock.struck"
    fact: ClassVar[bool] = True
    clock: str
    rung: str


class PauseOrdered(Event, frozen=True):
    """Somebody stopped a clock for a ground of its closed list; the applicant is told it will take
    `expected` (a term)."""

    type: ClassVar[str] = "pause.ordered"
    fact: ClassVar[bool] = True
    clock: str
    ground: str
    expected: str
    reason: str


class ResumeOrdered(Event, frozen=True):
    """Somebody let a paused clock run on."""

    type: ClassVar[str] = "resume.ordered"
    fact: ClassVar[bool] = True
    clock: str
    ground: str
    reason: str


class ExtensionGranted(Event, frozen=True):
    """The office that may do so extended a clock by the term `by`."""

    type: ClassVar[str] = "extension.granted"
    fact: ClassVar[bool] = True
    clock: str
    by: str
    reason: str


class CalendarRevised(Event, frozen=True):
    """From now on the case's terms are counted by `calendar` (a digest)."""

    type: ClassVar[str] = "calendar.revised"
    fact: ClassVar[bool] = True
    calendar: str


class CardAnswered(Event, frozen=True):
    """The unit that got the card signed for it and says what it does about it."""

    type: ClassVar[str] = "card.answered"
    fact: ClassVar[bool] = True
    card: str
    text: str


class CardContested(Event, frozen=True):
    """The unit that got the card says that it is wrong."""

    type: ClassVar[str] = "card.contested"
    fact: ClassVar[bool] = True
    card: str
    text: str


class CardWithdrawn(Event, frozen=True):
    """The supervisor took the card back; it stays on record."""

    type: ClassVar[str] = "card.withdrawn"
    fact: ClassVar[bool] = True
    card: str
    text: str


class ReferralSigned(Event, frozen=True):
    """A department signed for the receipt of a referral: the person is who answers for it now."""

    type: ClassVar[str] = "referral.signed"
    fact: ClassVar[bool] = True
    task: str


class ReferralReportedUp(Event, frozen=True):
    """The department can't decide by itself and has reported to the organ that `data` names; the referral
    stays open until that organ's word is entered."""

    type: ClassVar[str] = "referral.reported_up"
    fact: ClassVar[bool] = True
    task: str
    data: dict[str, Any]


class ReferralFollowedUp(Event, frozen=True):
    """The department whose silence had been taken for consent says what it thinks; what was decided stays."""

    type: ClassVar[str] = "referral.followed_up"
    fact: ClassVar[bool] = True
    task: str
    data: dict[str, Any]


class ReferralWithdrawn(Event, frozen=True):
    """The department as a whole keeps out of the joint review, for this reason."""

    type: ClassVar[str] = "referral.withdrawn"
    fact: ClassVar[bool] = True
    task: str
    reason: str


class AnswerEntered(Event, frozen=True):
    """A person entered these answers; the step is done when the others who must have signed."""

    type: ClassVar[str] = "answer.entered"
    fact: ClassVar[bool] = True
    task: str
    element: str
    data: dict[str, Any]


class AnswerConfirmed(Event, frozen=True):
    """Somebody else put her name to the answers that were entered (the leader, the other officer)."""

    type: ClassVar[str] = "answer.confirmed"
    fact: ClassVar[bool] = True
    task: str


class AnswerReturned(Event, frozen=True):
    """Who was to sign sent the answers back; they count as not entered."""

    type: ClassVar[str] = "answer.returned"
    fact: ClassVar[bool] = True
    task: str
    reason: str


class RecusalDeclared(Event, frozen=True):
    """The person says that she is not impartial in this case; the step stands still until that is decided."""

    type: ClassVar[str] = "recusal.declared"
    fact: ClassVar[bool] = True
    recusal: str
    task: str
    reason: str


class RecusalChallenged(Event, frozen=True):
    """`party` says that `person` is not impartial; the step stands still until that is decided."""

    type: ClassVar[str] = "recusal.challenged"
    fact: ClassVar[bool] = True
    recusal: str
    task: str
    person: str
    party: str
    reason: str


class RecusalDecided(Event, frozen=True):
    """Whether the person must keep out of the case; the step goes on."""

    type: ClassVar[str] = "recusal.decided"
    fact: ClassVar[bool] = True
    recusal: str
    upheld: bool
    reason: str


class TaskHandedOver(Event, frozen=True):
    """An open step is now `to`'s to answer for."""

    type: ClassVar[str] = "task.handed_over"
    fact: ClassVar[bool] = True
    task: str
    to: str
    reason: str


class ContactHandedOver(Event, frozen=True):
    """First-contact responsibility for the case passed to the person `to` of `unit`."""

    type: ClassVar[str] = "contact.handed_over"
    fact: ClassVar[bool] = True
    to: str
    unit: str
    reason: str


class NoticeAllowed(Event, frozen=True):
    """The office that may do so allows one more notice of what to supply, though the rule is: one."""

    type: ClassVar[str] = "notice.allowed"
    fact: ClassVar[bool] = True
    reason: str


class IncidentRetried(Event, frozen=True):
    """An administrator has what failed tried again, after setting these variables of the case right."""

    type: ClassVar[str] = "incident.retried"
    fact: ClassVar[bool] = True
    incident: str
    data: dict[str, Any]
    reason: str


class CaseMigrated(Event, frozen=True):
    """From now on the case runs by `definition` (a digest), and no longer by `was`.

    `names` says what elements are called otherwise (old id → new id); `accepted` are the elements for which
    somebody answers that the case passes over them. `batch` is the order on the office's record, `undoes` the
    batch that it takes back.
    """

    type: ClassVar[str] = "case.migrated"
    fact: ClassVar[bool] = True
    was: str
    definition: str
    names: dict[str, str]
    accepted: list[str]
    batch: str
    undoes: str
    reason: str


# --- the case: consequences


class TaskOpened(Event, frozen=True):
    """A step waits for somebody who holds `post` in `unit`."""

    type: ClassVar[str] = "task.opened"
    task: str
    element: str
    unit: str
    post: str


class TaskCancelled(Event, frozen=True):
    """An open step is no longer wanted (interrupted, or its scope ended)."""

    type: ClassVar[str] = "task.cancelled"
    task: str
    element: str


class TimerArmed(Event, frozen=True):
    """A timer will fire at `due`, or when `clock` of the item runs out, unless it is stopped before.

    `provisional`: the date rests on a year whose holidays were not announced.
    """

    type: ClassVar[str] = "timer.armed"
    timer: str
    element: str
    due: str | None
    clock: str | None
    provisional: bool


class TimerMoved(Event, frozen=True):
    """A change of the calendar moved a timer from `was` to `due`."""

    type: ClassVar[str] = "timer.moved"
    timer: str
    element: str
    was: str
    due: str
    provisional: bool


class TimerStopped(Event, frozen=True):
    """An armed timer will not fire any more."""

    type: ClassVar[str] = "timer.stopped"
    timer: str
    element: str


class MessageSent(Event, frozen=True):
    """The process sent a message (to another participant)."""

    type: ClassVar[str] = "message.sent"
    element: str
    name: str


class SignalSent(Event, frozen=True):
    """The process broadcast a signal."""

    type: ClassVar[str] = "signal.sent"
    element: str
    name: str


class SignalReceived(Event, frozen=True):
    """The signal that event `seq` of another `case` broadcast reached this one, which waited for it."""

    type: ClassVar[str] = "signal.received"
    fact: ClassVar[bool] = True
    name: str
    case: str
    seq: int


class DocumentIssued(Event, frozen=True):
    """A numbered document was rendered and filed; `content` is the digest of its bytes.

    Number and content are recorded, not derived: replay takes the number from here.
    """

    type: ClassVar[str] = "document.issued"
    document: str
    element: str
    number: str
    content: str


class IncidentRaised(Event, frozen=True):
    """A token stopped because the diagram's own condition, script or timer failed."""

    type: ClassVar[str] = "incident.raised"
    incident: str
    element: str
    code: str
    message: str


class ClockStarted(Event, frozen=True):
    """A clock of the item runs since `since`, which may lie before this event; it ends at `due`."""

    type: ClassVar[str] = "clock.started"
    clock: str
    since: str
    due: str
    provisional: bool


class ClockPaused(Event, frozen=True):
    """The clock stands still for `ground`; it has no due date until it runs on."""

    type: ClassVar[str] = "clock.paused"
    clock: str
    ground: str
    expected: str


class ClockResumed(Event, frozen=True):
    """A pause ended; `due` is None while another one lasts."""

    type: ClassVar[str] = "clock.resumed"
    clock: str
    ground: str
    due: str | None
    provisional: bool


class ClockExtended(Event, frozen=True):
    """The clock has so much more (`by`, a term); `due` is None while it stands still."""

    type: ClassVar[str] = "clock.extended"
    clock: str
    by: str
    due: str | None
    provisional: bool


class ClockRestarted(Event, frozen=True):
    """The term began anew."""

    type: ClassVar[str] = "clock.restarted"
    clock: str
    due: str
    provisional: bool


class ClockReprojected(Event, frozen=True):
    """A change of the calendar moved the clock's due date."""

    type: ClassVar[str] = "clock.reprojected"
    clock: str
    was: str | None
    due: str | None
    provisional: bool


class ClockExpired(Event, frozen=True):
    """The clock ran out, with this effect by this law (None: a flag needs none)."""

    type: ClassVar[str] = "clock.expired"
    clock: str
    effect: str
    basis: dict[str, str] | None


class ClockStopped(Event, frozen=True):
    """What the clock measures is done; `late` if it had run out before."""

    type: ClassVar[str] = "clock.stopped"
    clock: str
    late: bool


class CaseDeemed(Event, frozen=True):
    """Silence counts as an answer by law: `effect` (`deemed_acceptance` …) takes effect as of `as_of`."""

    type: ClassVar[str] = "case.deemed"
    effect: str
    clock: str
    as_of: str
    basis: dict[str, str]


class ReminderRaised(Event, frozen=True):
    """`unit` is reminded that a clock has little left, or that a pause lasts longer than was told."""

    type: ClassVar[str] = "reminder.raised"
    clock: str
    rung: str
    unit: str
    due: str | None


class CardRaised(Event, frozen=True):
    """`unit` gets a card of this colour because of a clock."""

    type: ClassVar[str] = "card.raised"
    card: str
    colour: str
    clock: str
    unit: str


class TaskPassed(Event, frozen=True):
    """An open step now waits for somebody who holds `post` in `unit`."""

    type: ClassVar[str] = "task.passed"
    task: str
    unit: str
    post: str


class TaskMigrated(Event, frozen=True):
    """What has waited since the instant `since` as the step `was` waits as `task` of `element`, for somebody
    who holds `post` in `unit`."""

    type: ClassVar[str] = "task.migrated"
    was: str
    task: str
    element: str
    unit: str
    post: str
    since: str


class ClockMigrated(Event, frozen=True):
    """The running of a clock for a step, which was called `was`, is called `clock`; nothing else changes."""

    type: ClassVar[str] = "clock.migrated"
    was: str
    clock: str


class TaskEnded(Event, frozen=True):
    """An open step is done by something else than somebody's completing it: the last signature, silence."""

    type: ClassVar[str] = "task.ended"
    task: str
    element: str


class TaskSuspended(Event, frozen=True):
    """Nobody may do the step until the recusal is decided; the clocks run on."""

    type: ClassVar[str] = "task.suspended"
    task: str
    recusal: str


class TaskReinstated(Event, frozen=True):
    """The step can be done again."""

    type: ClassVar[str] = "task.reinstated"
    task: str
    recusal: str


class ReferralSent(Event, frozen=True):
    """`unit` is asked for its opinion, in this round of the joint review `joint`."""

    type: ClassVar[str] = "referral.sent"
    task: str
    joint: str
    round: int
    unit: str


class ReferralDeemed(Event, frozen=True):
    """`unit` was silent past its term; the policy with this basis takes that for consent. Nobody agreed."""

    type: ClassVar[str] = "referral.deemed"
    task: str
    joint: str
    unit: str
    basis: dict[str, str]
    level: str


class SilenceNoted(Event, frozen=True):
    """`unit` was silent past its term, and that has no effect, because of `why` (a code)."""

    type: ClassVar[str] = "silence.noted"
    task: str
    joint: str
    unit: str
    why: str


class JointCertain(Event, frozen=True):
    """No answer still to come can change the outcome any more; `proof` shows it. Open referrals stay open."""

    type: ClassVar[str] = "joint.certain"
    joint: str
    round: int
    outcome: str
    proof: dict[str, Any]


class JointDecided(Event, frozen=True):
    """All answers of the round are in: what they come to, and the conditions, merged."""

    type: ClassVar[str] = "joint.decided"
    joint: str
    round: int
    outcome: str
    conditions: list[dict[str, Any]]
    dissent: list[str]
    deemed: list[str]


class MeetingConvened(Event, frozen=True):
    """The departments are called to a meeting that begins at `begins`."""

    type: ClassVar[str] = "meeting.convened"
    meeting: str
    begins: str
    departments: list[str]


class MeetingAbsent(Event, frozen=True):
    """`unit` stayed away from the meeting, with or without an excuse; `deemed` if the policy with this basis
    takes that for consent."""

    type: ClassVar[str] = "meeting.absent"
    meeting: str
    unit: str
    excused: bool
    deemed: bool
    basis: dict[str, str] | None


class MeetingHeld(Event, frozen=True):
    """The meeting was held, and came to this."""

    type: ClassVar[str] = "meeting.held"
    meeting: str
    outcome: str
    present: list[str]


class MaterialReceived(Event, frozen=True):
    """A material of the item is on file, as `reference`; every level of the case sees it there."""

    type: ClassVar[str] = "material.received"
    material: str
    reference: str
    unit: str


class FindingRaised(Event, frozen=True):
    """Something that somebody will have to answer for, under a code of the auditors."""

    type: ClassVar[str] = "finding.raised"
    finding: str
    element: str
    basis: dict[str, str]


class CaseClosed(Event, frozen=True):
    """The process ended; `outcome` is the end event that was reached last."""

    type: ClassVar[str] = "case.closed"
    outcome: str


TYPES: dict[str, type[Event]] = {
    t.type: t
    for t in (
        OfficeCreated,
        OrganisationRecorded,
        OrganisationChanged,
        DefinitionPublished,
        SealMade,
        ItemAbolished,
        MigrationOrdered,
        CalendarImported,
        CalendarApplied,
        CaseOpened,
        TaskCompleted,
        MessageReceived,
        TimerFired,
        ClockStruck,
        PauseOrdered,
        ResumeOrdered,
        ExtensionGranted,
        CalendarRevised,
        CardAnswered,
        CardContested,
        CardWithdrawn,
        ReferralSigned,
        ReferralReportedUp,
        ReferralFollowedUp,
        ReferralWithdrawn,
        AnswerEntered,
        AnswerConfirmed,
        AnswerReturned,
        RecusalDeclared,
        RecusalChallenged,
        RecusalDecided,
        TaskHandedOver,
        ContactHandedOver,
        NoticeAllowed,
        IncidentRetried,
        CaseMigrated,
        TaskOpened,
        TaskCancelled,
        TimerArmed,
        TimerMoved,
        TimerStopped,
        MessageSent,
        SignalSent,
        SignalReceived,
        DocumentIssued,
        IncidentRaised,
        ClockStarted,
        ClockPaused,
        ClockResumed,
        ClockExtended,
        ClockRestarted,
        ClockReprojected,
        ClockExpired,
        ClockStopped,
        CaseDeemed,
        ReminderRaised,
        CardRaised,
        TaskPassed,
        TaskMigrated,
        ClockMigrated,
        TaskEnded,
        TaskSuspended,
        TaskReinstated,
        ReferralSent,
        ReferralDeemed,
        SilenceNoted,
        JointCertain,
        JointDecided,
        MeetingConvened,
        MeetingAbsent,
        MeetingHeld,
        MaterialReceived,
        FindingRaised,
        CaseClosed,
    )
}


OFFICE = "office"
"""The stream that holds the office's own events; case numbers never look like this."""


class Record(Struct, frozen=True):
    """An event in its place: `at` is when it took effect, `entered` when it was written.

    `by` says who: `{"person", "unit", "post"}`, with `as` and `for` when she acts as somebody's stand-in or
    delegate, and in `org` which version of the organisation allowed it; or `{"clock": true}` for time itself,
    `{"signal": true}` for the signal of another case.
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
        instant = written if at is entered else write_instant(at)
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


_FIELDS = {"format", "case", "seq", "type", "at", "entered", "by", "data", "prev"}
"""What a record of this format says, and each before it."""


def parse(case: str, seq: int, body: bytes) -> Record:
    """The record that these bytes hold; its `hash` is computed from them, never taken on trust.

    Raises `Diverged` when they are not a record of `case` number `seq` in canonical form.
    """
    try:
        content = json.loads(body)
        if content["case"] != case or content["seq"] != seq:
            raise ValueError("not this record")
        if content.keys() != _FIELDS:
            raise ValueError("other fields")
        if canonical(content) != body:
            raise ValueError("not canonical")
        kind = TYPES[content["type"]]
        missing = _UPCASTS[content["format"]].get(kind.type, {})
        if missing.keys() & content["data"].keys():
            raise ValueError("fields of a later format")
        content["data"] |= missing
        if set(content["data"]) != set(kind.__struct_fields__):
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
            expected=say("a canonical record of format {format} or before", format=FORMAT),
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
