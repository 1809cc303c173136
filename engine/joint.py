"""What the answers of several departments come to: the decision of a joint review (floor 1).

Pure counting, without diagrams, people or time. `decide` takes the rule, the departments' seats and the
answers so far, and says what they come to, and whether any answer still to come can change it. The
practice is local (并联审批, 会签); where it leaves a choice, this is what is chosen:

- The *base* is the seats that are concerned: neither recused nor answered "not concerned", and, where
  `abstentions` are ignored, not abstaining. Where they count against, an abstention is in the base and
  is no consent. A seat that is never asked is outside of the base.
- Consent is "agree", "conditions", and silence taken for consent (`Answer.deemed`).
- "At least a share" is exact: 2/3 of 4 departments are 3, 2/3 of 3 are 2. "A majority" is more than half.
- A veto seat that disagrees refuses under every rule. So does the lead under the rule "lead": a municipal
  rule on joint review lets the lead grant, refuse or suspend; what others answered binds it only to reasons
  (`Decision.dissent`). Where the lead is recused, not concerned, abstaining or has no seat, consent is not
  reached. Has it several seats, all that are in the base must consent.
- Where consent is not reached it comes to `Rule.dissent`; where the base is empty nobody has decided
  anything, and it comes to the meeting under every rule.
- Who consents on conditions consents only so: under every rule a grant carries the conditions of all,
  merely consulted departments included.

**Why five completions are enough.** `Rule.needed` never falls when the base grows by one, and rises by one
at most. So one more consent never undoes a grant, and one consent less, or one more in the base without it,
never undoes a failure. Then, of the ways in which the open seats may still answer: if any grants, all
agreeing grants, and if any grants on conditions, so does all setting conditions; if any refuses by a veto,
all disagreeing does; if any leaves the base empty, nobody being concerned does; and if any fails, it also
fails when all disagree save those who can refuse alone, who abstain. (The last can empty the base only where
none but those are open; then the meeting and the refusal are both among the others.) A seat that is never
asked counts as one that is not concerned. `decide` tries these five instead of all 5^n.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from math import ceil
from typing import Any, Literal, TypeAlias, get_args

from msgspec import Struct
from msgspec.structs import asdict

from .errors import Text, say

Opinion = Literal["agree", "conditions", "disagree", "not_concerned", "abstain"]
Outcome = Literal["grant", "conditional", "refuse", "meeting"]
Kind = Literal["all", "lead", "quorum", "majority"]
Dissent = Literal["meeting", "refuse"]
Abstentions = Literal["against", "ignored"]
Need: TypeAlias = int | Fraction

CERTIFICATE = "lianban.joint/1"
"""The format of a joint review's certificate."""

OUTCOMES: Mapping[Outcome, Text] = {
    "grant": say("grant"),
    "conditional": say("grant on conditions"),
    "refuse": say("refusal"),
    "meeting": say("joint meeting"),
}
"""Every outcome and its name, in the order in which `Decision.reachable` has them."""


# --- the rule, the seats and their answers


def parse_need(value: object) -> Need:
    """How much a quorum needs, as an item's author writes it: a number of seats, or a share as "2/3".

    Raises ValueError for anything else: numbers below 1, shares that are not above 0 and at most 1.
    """
    need: Need | None = None
    if isinstance(value, int) and not isinstance(value, bool):
        need = value
    elif isinstance(value, str) and re.fullmatch(r"[0-9]+/0*[1-9][0-9]*", value):
        need = Fraction(value)
    if need is None or need <= 0 or (isinstance(need, Fraction) and need > 1):
        raise ValueError(f"a quorum is a number from 1 or a share from 1/n to 1/1, not {value!r}")
    return need


class Rule(Struct, frozen=True):
    """When a joint review grants. `lead` (a unit) goes with the kind "lead" and no other, `need` with
    "quorum" and no other. Raises ValueError for a rule that cannot be."""

    kind: Kind
    lead: str = ""
    need: Need | None = None
    dissent: Dissent = "meeting"
    abstentions: Abstentions = "against"

    def __post_init__(self) -> None:
        _one_of(self.kind, Kind)
        _one_of(self.dissent, Dissent)
        _one_of(self.abstentions, Abstentions)
        if (self.kind == "lead") != bool(self.lead):
            raise ValueError(f"a lead unit goes with the rule 'lead' only, not {self.kind!r} {self.lead!r}")
        if (self.kind == "quorum") != (self.need is not None):
            raise ValueError(f"a need goes with the rule 'quorum' only, not {self.kind!r} {self.need!r}")
        if self.need is not None and parse_need(_written(self.need)) != self.need:
            raise ValueError(f"a need is a number or a Fraction, not {self.need!r}: parse_need reads text")

    def votes(self, seat: Seat) -> bool:
        """Is this seat among those whose consents are counted? Under "lead" the others are consulted."""
        return self.kind != "lead" or seat.unit == self.lead

    def binds(self, seat: Seat) -> bool:
        """Does this seat refuse alone when it disagrees?"""
        return seat.veto or (self.kind == "lead" and seat.unit == self.lead)

    def needed(self, base: int) -> int:
        """How many consents a base of so many voting seats needs; at least one."""
        if self.kind == "majority":
            return base // 2 + 1
        if self.need is None:
            return max(base, 1)
        return max(ceil(self.need * base), 1) if isinstance(self.need, Fraction) else self.need

    def as_json(self) -> dict[str, Any]:
        """`{kind, lead, need, dissent, abstentions}`; a share is text ("2/3")."""
        return {**asdict(self), "need": _written(self.need)}


class Seat(Struct, frozen=True):
    """A department's place in the review. `optional`: it may never be asked (a branch not opened yet)."""

    id: str
    unit: str
    veto: bool = False
    recused: bool = False
    optional: bool = False

    def as_json(self) -> dict[str, Any]:
        """`{id, unit, veto, recused, optional}`."""
        return asdict(self)


class Answer(Struct, frozen=True):
    """What a department answered; `deemed`: it was silent, and a policy takes that for consent.

    Raises ValueError for an answer that cannot be: the opinion "conditions" without conditions (or with
    a blank one), conditions with any other opinion, silence taken for anything but "agree".
    """

    opinion: Opinion
    deemed: bool = False
    conditions: tuple[str, ...] = ()
    reason: str = ""

    def __post_init__(self) -> None:
        _one_of(self.opinion, Opinion)
        if (self.opinion == "conditions") != bool(self.conditions) or not all(map(_tidy, self.conditions)):
            raise ValueError(f"conditions go with 'conditions' only, none blank: {self.conditions!r}")
        if self.deemed and self.opinion != "agree":
            raise ValueError(f"silence can only be taken for 'agree', not {self.opinion!r}")

    def as_json(self) -> dict[str, Any]:
        """`{opinion, deemed, conditions, reason}`."""
        return {**asdict(self), "conditions": list(self.conditions)}


# --- the decision


class Condition(Struct, frozen=True):
    """A condition of the grant, and the units that set it, in the order of their seats."""

    text: str
    units: tuple[str, ...]


class Bound(Struct, frozen=True):
    """So many of the voting seats in the base consent; so many would be needed."""

    consents: int
    base: int
    needed: int


class Proof(Struct, frozen=True):
    """Why a decision's `reachable` is neither too long nor too short.

    `witnesses` has, for each of these outcomes, answers of all open seats that lead there (`absent`: an
    optional seat never asked). That there is no other shows from the bounds:

    - where there are `vetoes` (units that refused alone) it can only be refused; otherwise
    - a grant needs `most`, every open seat consenting, to suffice;
    - a failure needs `fewest`, no open seat consenting and none casting a veto, to fall short;
    - a refusal by a veto still to come needs one of `open_vetoes` (seats);
    - an empty base needs `concerned`, the number of seats already in it, to be 0.

    `because` says it to a clerk.
    """

    witnesses: dict[Outcome, dict[str, str]]
    most: Bound
    fewest: Bound
    concerned: int
    vetoes: tuple[str, ...]
    open_vetoes: tuple[str, ...]
    because: Text

    def as_json(self) -> dict[str, Any]:
        """`{witnesses, most, fewest, concerned, vetoes, open_vetoes}`: the data, without the sentence."""
        return {
            "witnesses": {outcome: dict(answers) for outcome, answers in self.witnesses.items()},
            "most": asdict(self.most),
            "fewest": asdict(self.fewest),
            "concerned": self.concerned,
            "vetoes": list(self.vetoes),
            "open_vetoes": list(self.open_vetoes),
        }


class Decision(Struct, frozen=True):
    """What a joint review comes to. Everything but `outcome` and `reachable` tells what is there so far.

    `outcome` is None until no open answer can change it; `reachable` are those it can still be.
    `conditions`, `dissent` (units that disagree: if overruled they are owed written reasons) and `deemed`
    (units whose silence was taken for consent) leave recused seats out; `open` are the seats that have not
    answered. `counts` has a number for each opinion (`agree` is spoken consent only), for `deemed`,
    `recused` and `open`; they add up to all seats.
    """

    outcome: Outcome | None
    reachable: tuple[Outcome, ...]
    conditions: tuple[Condition, ...]
    dissent: tuple[str, ...]
    deemed: tuple[str, ...]
    open: tuple[str, ...]
    counts: dict[str, int]
    proof: Proof

    @property
    def certain(self) -> bool:
        """Can no further answer change the outcome?"""
        return self.outcome is not None

    @property
    def granted(self) -> bool:
        """Is it certain that it is granted, be it with or without conditions?"""
        return set(self.reachable) <= {"grant", "conditional"}

    def as_json(self) -> dict[str, Any]:
        """Plain data with the field names of these classes, and `certain` and `granted`."""
        return {
            "outcome": self.outcome,
            "certain": self.certain,
            "granted": self.granted,
            "reachable": list(self.reachable),
            "conditions": [{"text": c.text, "units": list(c.units)} for c in self.conditions],
            "dissent": list(self.dissent),
            "deemed": list(self.deemed),
            "open": list(self.open),
            "counts": dict(self.counts),
            "proof": self.proof.as_json(),
        }


def decide(rule: Rule, seats: Sequence[Seat], answers: Mapping[str, Answer]) -> Decision:
    """What the `answers` (by seat id) come to. Their order is irrelevant; that of `seats` is the order of
    all lists. An answer of a recused seat does not count. Raises ValueError where two seats have one id,
    or an answer belongs to no seat."""
    ids = [seat.id for seat in seats]
    if len(set(ids)) < len(ids) or not answers.keys() <= set(ids):
        raise ValueError(f"seats {ids} do not fit answers of {sorted(answers)}")
    sitting = [seat for seat in seats if not seat.recused]
    unanswered = [seat for seat in sitting if seat.id not in answers]
    answered = [(seat.unit, answers[seat.id]) for seat in sitting if seat.id in answers]

    given = {key: answer.opinion for key, answer in answers.items()}
    completions: dict[str, dict[str, str]] = {
        "agree": {seat.id: "agree" for seat in unanswered},
        "conditions": {seat.id: "conditions" for seat in unanswered},
        "disagree": {seat.id: "disagree" for seat in unanswered},
        "against": {seat.id: "abstain" if rule.binds(seat) else "disagree" for seat in unanswered},
        "out": {seat.id: "absent" if seat.optional else "not_concerned" for seat in unanswered},
    }
    ends = {name: _weigh(rule, sitting, given | rest) for name, rest in completions.items()}
    witnesses = {
        outcome: next(completions[name] for name, end in ends.items() if end.outcome == outcome)
        for outcome in OUTCOMES
        if any(end.outcome == outcome for end in ends.values())
    }
    reachable = tuple(witnesses)
    outcome = reachable[0] if len(reachable) == 1 else None
    return Decision(
        outcome=outcome,
        reachable=reachable,
        conditions=_merged(answered),
        dissent=_units(unit for unit, answer in answered if answer.opinion == "disagree"),
        deemed=_units(unit for unit, answer in answered if answer.deemed),
        open=tuple(seat.id for seat in unanswered),
        counts=_counts(seats, sitting, answered),
        proof=Proof(
            witnesses=witnesses,
            most=ends["agree"].bound,
            fewest=ends["against"].bound,
            concerned=ends["out"].concerned,
            vetoes=ends["out"].vetoes,
            open_vetoes=tuple(seat.id for seat in unanswered if rule.binds(seat)),
            because=_because(rule, reachable, ends, len(unanswered)),
        ),
    )


def certificate(rule: Rule, seats: Sequence[Seat], answers: Mapping[str, Answer]) -> dict[str, Any]:
    """All that an independent program needs to recompute the decision, and the decision:
    `{format, rule, seats, answers, decision}`; answers in the order of the seats."""
    return {
        "format": CERTIFICATE,
        "rule": rule.as_json(),
        "seats": [seat.as_json() for seat in seats],
        "answers": {seat.id: answers[seat.id].as_json() for seat in seats if seat.id in answers},
        "decision": decide(rule, seats, answers).as_json(),
    }


# --- the counting


class _End(Struct, frozen=True):
    """Where it ends when every seat has answered."""

    outcome: Outcome
    bound: Bound
    concerned: int
    vetoes: tuple[str, ...]


def _weigh(rule: Rule, sitting: Sequence[Seat], opinions: Mapping[str, str]) -> _End:
    outside = {"not_concerned", "absent"} | ({"abstain"} if rule.abstentions == "ignored" else set())
    base = [(seat, opinions[seat.id]) for seat in sitting if opinions[seat.id] not in outside]
    voices = [opinion for seat, opinion in base if rule.votes(seat)]
    consents = sum(opinion in ("agree", "conditions") for opinion in voices)
    bound = Bound(consents, len(voices), rule.needed(len(voices)))
    vetoes = _units(seat.unit for seat, opinion in base if opinion == "disagree" and rule.binds(seat))
    outcome: Outcome
    if vetoes:
        outcome = "refuse"
    elif not base:
        outcome = "meeting"
    elif consents < bound.needed:
        outcome = rule.dissent
    else:
        outcome = "conditional" if any(opinion == "conditions" for _, opinion in base) else "grant"
    return _End(outcome, bound, len(base), vetoes)


def _counts(
    seats: Sequence[Seat], sitting: Sequence[Seat], answered: Sequence[tuple[str, Answer]]
) -> dict[str, int]:
    tags = ["deemed" if answer.deemed else answer.opinion for _, answer in answered]
    return {
        **{tag: tags.count(tag) for tag in (*get_args(Opinion), "deemed")},
        "recused": len(seats) - len(sitting),
        "open": len(sitting) - len(answered),
    }


def _merged(answered: Iterable[tuple[str, Answer]]) -> tuple[Condition, ...]:
    merged: dict[str, list[str]] = {}
    for unit, answer in answered:
        for text in answer.conditions:
            merged.setdefault(_tidy(text), []).append(unit)
    return tuple(Condition(text, _units(units)) for text, units in merged.items())


def _because(rule: Rule, reachable: Sequence[Outcome], ends: Mapping[str, _End], still: int) -> Text:
    if len(reachable) > 1:
        outcomes = _listed([OUTCOMES[outcome] for outcome in reachable])
        return say("Not decided yet: answers to come {n}, possible: {outcomes}.", n=still, outcomes=outcomes)
    end, outcome = ends["out"], OUTCOMES[reachable[0]]
    granted = reachable[0] in ("grant", "conditional")
    if end.vetoes:
        units = _listed([say("{unit}", unit=unit) for unit in end.vetoes])
        return say("{outcome}: the disagreement of {units} decides alone.", outcome=outcome, units=units)
    if not end.concerned and not still:
        return say("{outcome}: nobody is concerned, so nobody has decided.", outcome=outcome)
    if rule.kind == "lead" and granted:
        return say("{outcome}: the lead, {lead}, consents and decides.", outcome=outcome, lead=rule.lead)
    if rule.kind == "lead":
        return say("{outcome}: the lead, {lead}, does not decide.", outcome=outcome, lead=rule.lead)
    bound = ends["against" if granted else "agree"].bound
    numbers = say("consents {consents} of {base}, needed {needed}", **asdict(bound))
    if not still:
        return say("{outcome}: {numbers}.", outcome=outcome, numbers=numbers)
    if granted:
        return say("{outcome}: even without another consent, {numbers}.", outcome=outcome, numbers=numbers)
    return say("{outcome}: even if all others consent, {numbers}.", outcome=outcome, numbers=numbers)


def _listed(texts: Sequence[Text]) -> Text:
    listed = texts[0]
    for text in texts[1:]:
        listed = say("{first}, {second}", first=listed, second=text)
    return listed


def _units(units: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(units))


def _tidy(text: str) -> str:
    """The text with every run of white space as one space, none at its ends."""
    return " ".join(text.split())


def _written(need: Need | None) -> int | str | None:
    return f"{need.numerator}/{need.denominator}" if isinstance(need, Fraction) else need


def _one_of(value: str, words: Any) -> None:
    if value not in get_args(words):
        raise ValueError(f"{value!r} is none of {', '.join(get_args(words))}")
