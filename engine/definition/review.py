"""Who decides together, and who may not do both: `[joint.*]`, `[[separation]]`, `[notice]`, `[agent]` and
`[meetings.*]` of item.toml as the engine reads them.

Every running case imports this module, so that it has no checks and no dataclasses (each takes a
millisecond to make). The shape of what is read has been checked (item.schema.json).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ..clock import Term, parse_term
from ..clock.ledger import Basis

if TYPE_CHECKING:
    from ..joint import Need

Level = Literal["law", "administrative-regulation", "local-regulation", "rule", "local-document"]
RuleKind = Literal["all", "lead", "majority", "quorum"]
Dissent = Literal["meeting", "refuse"]
Abstentions = Literal["against", "ignored"]
SeparationKind = Literal["four-eyes", "hearing-chair"]

ALWAYS_EXCLUDED = frozenset({"public-safety", "health", "ecology", "finance", "national-security"})
"""Risk classes in which silence never counts as consent, whatever an item's policy says: no local policy
on deemed consent reaches them."""

Names = Mapping[str, str]
"""`{zh, en}`."""


class Silence(NamedTuple):
    """What a department's silence, or its absence from a meeting, counts as: consent, on the `basis` of
    norms of this `level`, unless its risk class is `excluded`.

    With `receipt` only where the department has signed for what it was sent, with `reminder` only after it
    has been reminded. The clock `follow_up` then runs for what the department still owes; `document`
    records that its consent was taken for given.
    """

    basis: Basis
    level: Level
    excluded: frozenset[str]
    receipt: bool
    reminder: bool
    follow_up: str | None
    document: str | None


class Joint(NamedTuple):
    """A joint review: departments answer at `activities` (several user tasks, or one multi-instance).

    `kind` says when there is consent: `need` seats (a number, or a share of them) for a quorum, the word
    of unit `lead` where the lead decides. The units `veto` each can prevent it. `result` is the variable
    that gets the outcome; `confirm` the post in the answering unit that confirms an answer, `clock` the
    referral's time limit, `risks` the risk class of a unit.
    """

    id: str
    name: Names
    activities: tuple[str, ...]
    kind: RuleKind
    need: Need | None
    lead: str | None
    veto: tuple[str, ...]
    dissent: Dissent
    abstentions: Abstentions
    result: str
    confirm: str | None
    clock: str | None
    risks: Mapping[str, str]
    silence: Silence | None


class Separation(NamedTuple):
    """Nobody may do more than one of `steps` in a case. Of a `hearing-chair` separation the first step is
    the chair's (Administrative Licensing Law art. 48: not who reviewed the application)."""

    steps: tuple[str, ...]
    name: Names
    kind: SeparationKind
    basis: Basis


class Notice(NamedTuple):
    """The applicant is told once of all that is missing: to issue one of `documents` a second time needs the
    leave of `approver` (`unit/post`)."""

    documents: tuple[str, ...]
    approver: str
    basis: Basis


class Agent(NamedTuple):
    """Fields of the start form: who files for whom, and on what authorisation."""

    agent: str
    principal: str
    authorisation: str


class Meeting(NamedTuple):
    """A joint meeting on what joint review `joint` left open; steps are ids of elements.

    Between `convene` and the date there is at least `notice`. `departments` may be invited; `result` is the
    variable that gets the outcome, `absence` what it means not to come.
    """

    id: str
    name: Names
    convene: str
    invite: str
    hold: str
    carry_out: str | None
    duty: str | None
    joint: str
    notice: Term
    result: str
    departments: tuple[str, ...]
    absence: Silence | None


def read_joint(id: str, entry: Mapping[str, Any], lead: str | None) -> Joint:
    """The joint review that `[joint.<id>]` describes; `lead` is the item's lead authority.

    Raises `ValueError` for a quorum that cannot be.
    """
    from ..joint import parse_need

    return Joint(
        id=id,
        name=entry["name"],
        activities=tuple(entry["activities"]),
        kind=entry["rule"],
        need=parse_need(entry["quorum"]) if "quorum" in entry else None,
        lead=entry.get("lead", lead),
        veto=tuple(entry.get("veto", ())),
        dissent=entry.get("dissent", "meeting"),
        abstentions=entry.get("abstentions", "against"),
        result=entry["result"],
        confirm=entry.get("confirm"),
        clock=entry.get("clock"),
        risks=dict(entry.get("risks", {})),
        silence=_silence(entry.get("silence"), receipt=True, reminder=True),
    )


def _silence(entry: Mapping[str, Any] | None, *, receipt: bool, reminder: bool) -> Silence | None:
    if entry is None:
        return None
    return Silence(
        basis=Basis(**entry["basis"]),
        level=entry["level"],
        excluded=ALWAYS_EXCLUDED.union(entry.get("excluded", ())),
        receipt=entry.get("receipt", receipt),
        reminder=entry.get("reminder", reminder),
        follow_up=entry.get("follow_up"),
        document=entry.get("document"),
    )


def read_separation(entry: Mapping[str, Any]) -> Separation:
    """The separation that an entry of `[[separation]]` describes."""
    return Separation(tuple(entry["steps"]), entry["name"], entry["kind"], Basis(**entry["basis"]))


def read_notice(entry: Mapping[str, Any]) -> Notice:
    """The rule of the one-time notification that `[notice]` describes."""
    return Notice(tuple(entry["documents"]), entry["approver"], Basis(**entry["basis"]))


def read_agent(entry: Mapping[str, Any]) -> Agent:
    """The fields that `[agent]` names."""
    return Agent(entry["agent"], entry["principal"], entry["authorisation"])


def read_meeting(id: str, entry: Mapping[str, Any]) -> Meeting:
    """The meeting that `[meetings.<id>]` describes. Who did not sign for the invitation is not held to be
    absent; the invitation is its own reminder."""
    return Meeting(
        id=id,
        name=entry["name"],
        convene=entry["convene"],
        invite=entry["invite"],
        hold=entry["hold"],
        carry_out=entry.get("carry_out"),
        duty=entry.get("duty"),
        joint=entry["joint"],
        notice=parse_term(entry["notice"]),
        result=entry["result"],
        departments=tuple(entry["departments"]),
        absence=_silence(entry.get("absence"), receipt=True, reminder=False),
    )
