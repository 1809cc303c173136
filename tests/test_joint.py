"""What several departments' answers come to, whether that is certain, and that the proofs hold.

The checker below imports nothing of the engine: it hears the seats one by one, as a clerk with a tally
sheet would, and finds what can still be reached by trying every answer of every open seat.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import combinations_with_replacement, product
from typing import Any, NamedTuple, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.joint import (
    CERTIFICATE,
    OUTCOMES,
    Abstentions,
    Answer,
    Condition,
    Decision,
    Dissent,
    Rule,
    Seat,
    certificate,
    decide,
    parse_need,
)

AGREE = Answer("agree")
SILENT = Answer("agree", deemed=True)
DISAGREE = Answer("disagree", reason="the flue ends below a window")
NOT_CONCERNED = Answer("not_concerned", reason="no building work")
ABSTAIN = Answer("abstain")

FAILURES = {"refuse", "meeting"}
OPINIONS = ["agree", "conditions", "disagree", "not_concerned", "abstain"]


def on(*conditions: str) -> Answer:
    return Answer("conditions", conditions=conditions)


NEEDS: list[tuple[Any, str, Any]] = [
    ("all", "", None),
    ("lead", "a", None),
    ("majority", "", None),
    *[("quorum", "", n) for n in (1, 2, 3, 6, Fraction(1, 3), Fraction(2, 3), Fraction(1))],
]

RULES = [
    Rule(*need, dissent, abstentions)
    for need in NEEDS
    for dissent in get_args(Dissent)
    for abstentions in get_args(Abstentions)
]
"""Every kind of rule, with every dissent and every way to count abstentions."""


# --- the checker: plain data in, faults out, nothing of the engine


class Tally(NamedTuple):
    """The sheet: voting seats that consent and that do not, and what else matters."""

    consents: int = 0
    others: int = 0
    concerned: bool = False
    conditions: bool = False
    refused: bool = False


def hear(rule: Mapping[str, Any], tally: Tally, seat: Mapping[str, Any], word: str) -> Tally:
    """The sheet after this seat has said this; `absent`: it was never asked."""
    lead = rule["kind"] == "lead" and seat["unit"] == rule["lead"]
    if seat["recused"] or word in ("not_concerned", "absent"):
        return tally
    if word == "abstain" and rule["abstentions"] == "ignored":
        return tally
    consents = word in ("agree", "conditions")
    votes = lead or rule["kind"] != "lead"
    return Tally(
        tally.consents + (votes and consents),
        tally.others + (votes and not consents),
        concerned=True,
        conditions=tally.conditions or word == "conditions",
        refused=tally.refused or (word == "disagree" and (lead or seat["veto"])),
    )


def outcome_of(rule: Mapping[str, Any], tally: Tally) -> str:
    """What the sheet says when everybody has been heard."""
    if tally.refused:
        return "refuse"
    if not tally.concerned:
        return "meeting"
    match rule["kind"], rule["need"]:
        case (("all" | "lead"), None):
            reached = tally.others == 0 and tally.consents > 0
        case "majority", None:
            reached = tally.consents > tally.others
        case "quorum", int(n):
            reached = tally.consents >= n
        case "quorum", str(share):
            top, bottom = map(int, share.split("/"))
            reached = tally.consents * bottom >= (tally.consents + tally.others) * top
    if not reached:
        return str(rule["dissent"])
    return "conditional" if tally.conditions else "grant"


def words_of(value: Mapping[str, Any]) -> list[list[str]]:
    """What each seat said, or else all that it may still say."""
    return [
        [value["answers"][seat["id"]]["opinion"]]
        if seat["id"] in value["answers"]
        else [*OPINIONS, *(["absent"] if seat["optional"] else [])]
        for seat in value["seats"]
    ]


def heard(value: Mapping[str, Any], words: Sequence[str]) -> str:
    tally = Tally()
    for seat, word in zip(value["seats"], words, strict=True):
        tally = hear(value["rule"], tally, seat, word)
    return outcome_of(value["rule"], tally)


def exhausted(value: Mapping[str, Any]) -> set[str]:
    """The outcomes of all remaining answers, tried one by one."""
    return {heard(value, words) for words in product(*words_of(value))}


def exhausted_in_bulk(value: Mapping[str, Any]) -> set[str]:
    """The same for many seats: two ways to the same sheet are followed on as one."""
    tallies = {Tally()}
    for seat, words in zip(value["seats"], words_of(value), strict=True):
        tallies = {hear(value["rule"], tally, seat, word) for tally in tallies for word in words}
    return {outcome_of(value["rule"], tally) for tally in tallies}


def by_counts(value: Mapping[str, Any]) -> set[str]:
    """The outcomes that the bounds of a proof leave open."""
    proof, rule = value["decision"]["proof"], value["rule"]
    most, fewest = proof["most"], proof["fewest"]
    given = [value["answers"].get(s["id"]) for s in value["seats"] if not s["recused"]]
    left: set[str] = set()
    if proof["vetoes"]:
        return {"refuse"}
    if most["consents"] >= most["needed"]:
        conditions = any(answer and answer["opinion"] == "conditions" for answer in given)
        left |= {"conditional"} if conditions else {"grant"}
        left |= {"conditional"} if None in given else set()
    if proof["open_vetoes"]:
        left.add("refuse")
    if proof["concerned"] == 0:
        left.add("meeting")
    if fewest["consents"] < fewest["needed"] and (proof["concerned"] or value["decision"]["open"]):
        left.add(rule["dissent"])
    return left


def bounds(value: Mapping[str, Any]) -> dict[str, Any]:
    """The bounds of a proof, counted anew: what is there, and what the open seats can add to it."""
    rule, said = value["rule"], {key: answer["opinion"] for key, answer in value["answers"].items()}
    outside = ["not_concerned", *(["abstain"] if rule["abstentions"] == "ignored" else [])]
    sitting = [seat for seat in value["seats"] if not seat["recused"]]
    alone = [seat for seat in sitting if seat["veto"] or seat["unit"] == rule["lead"]]
    there = [seat for seat in sitting if said.get(seat["id"], outside[0]) not in outside]
    still = [seat for seat in sitting if seat["id"] not in said]
    voting = [seat for seat in sitting if rule["kind"] != "lead" or seat["unit"] == rule["lead"]]
    consents = sum(said[seat["id"]] in ("agree", "conditions") for seat in voting if seat in there)
    base = sum(seat in there for seat in voting)
    more = sum(seat in still for seat in voting)
    quiet = sum(seat in still and seat in alone for seat in voting) if "abstain" in outside else 0
    refused = [seat["unit"] for seat in alone if said.get(seat["id"]) == "disagree"]
    return {
        "most": {"consents": consents + more, "base": base + more},
        "fewest": {"consents": consents, "base": base + more - quiet},
        "concerned": len(there),
        "vetoes": list(dict.fromkeys(refused)),
        "open_vetoes": [seat["id"] for seat in still if seat in alone],
    }


def needed(rule: Mapping[str, Any], base: int) -> int:
    """The smallest number of consents that suffices, found by trying."""
    enough = (
        n for n in range(1, base + 1) if outcome_of(rule, Tally(n, base - n, concerned=True)) == "grant"
    )
    return next(enough, rule["need"] if isinstance(rule["need"], int) else 1)


def faults(value: Mapping[str, Any], reachable: set[str]) -> list[str]:
    """What is wrong with a certificate whose open answers can lead to these outcomes."""
    decision, proof = value["decision"], value["decision"]["proof"]
    optional = {seat["id"]: seat["optional"] for seat in value["seats"]}
    found = []
    if decision["reachable"] != [outcome for outcome in OUTCOMES if outcome in reachable]:
        found.append(f"reachable {decision['reachable']}, not {reachable}")
    if decision["outcome"] != (min(reachable) if len(reachable) == 1 else None):
        found.append(f"outcome {decision['outcome']} of {reachable}")
    if decision["certain"] != (len(reachable) == 1) or decision["granted"] != (not reachable & FAILURES):
        found.append("what is said to be certain is not, or the other way round")
    if list(proof["witnesses"]) != decision["reachable"]:
        found.append("a witness for each outcome")
    for outcome, witness in proof["witnesses"].items():
        if list(witness) != decision["open"]:
            found.append(f"{witness} is not an answer of each open seat")
        if any(word == "absent" and not optional[key] for key, word in witness.items()):
            found.append(f"{witness} leaves out a seat that is asked")
        said = {key: answer["opinion"] for key, answer in value["answers"].items()} | witness
        if heard(value, [said.get(seat["id"], "absent") for seat in value["seats"]]) != outcome:
            found.append(f"{witness} does not lead to {outcome}")
    for key, expected in bounds(value).items():
        if isinstance(expected, dict):
            expected["needed"] = needed(value["rule"], expected["base"])
        if proof[key] != expected:
            found.append(f"{key} {proof[key]}, not {expected}")
    if by_counts(value) != reachable:
        found.append(f"the bounds leave {by_counts(value)}, not {reachable}")
    return found


# --- promises that hold for every review


def certified(rule: Rule, seats: Sequence[Seat], answers: Mapping[str, Answer]) -> dict[str, Any]:
    """The certificate as another program would read it."""
    value: dict[str, Any] = json.loads(json.dumps(certificate(rule, seats, answers)))
    assert value["format"] == CERTIFICATE
    return value


Review = tuple[list[Seat], dict[str, Answer]]


@st.composite
def reviews(draw: st.DrawFn, least: int = 0, most: int = 5) -> Review:
    """Seats of a few units, and answers of some of them. Unit "a" is the lead of `RULES`."""
    rare = st.sampled_from([False, False, False, True])
    seats = [
        Seat(f"s{n}", draw(st.sampled_from("abcdefgh")), draw(rare), draw(rare), draw(rare))
        for n in range(draw(st.integers(least, most)))
    ]
    silent = [None] * draw(st.sampled_from([0, 1, 4, 40]))
    answer = st.sampled_from(
        [*silent, AGREE, SILENT, on("x"), on("y", "x"), DISAGREE, NOT_CONCERNED, ABSTAIN]
    )
    drawn = {seat.id: draw(answer) for seat in seats}
    return seats, {key: value for key, value in drawn.items() if value}


rules = st.sampled_from(RULES)


@settings(max_examples=1500)
@given(rules, reviews())
def test_every_proof_stands_when_all_remaining_answers_are_tried(rule: Rule, review: Review) -> None:
    value = certified(rule, *review)
    assert faults(value, exhausted(value)) == []
    assert exhausted_in_bulk(value) == exhausted(value)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_every_review_of_up_to_three_departments_is_decided_as_the_rule_says(rule: Rule) -> None:
    states = [None, AGREE, on("x"), DISAGREE, NOT_CONCERNED, ABSTAIN]
    roles = [*product([False, True], [False], states), (False, True, None)]
    groups = [group for n in range(3) for group in combinations_with_replacement(roles, n)]
    with_lead = [(lead, *others) for lead in roles for others in groups]
    for units, group in [*(("bc", group) for group in groups), *(("abc", group) for group in with_lead)]:
        seats = [Seat(unit, unit, *role[:2]) for unit, role in zip(units, group, strict=False)]
        answers = {seat.id: said for seat, (_, _, said) in zip(seats, group, strict=True) if said}
        value = certified(rule, seats, answers)
        assert faults(value, exhausted(value)) == [], value


@settings(max_examples=40)
@given(rules, reviews(26, 26))
def test_the_proofs_of_twenty_six_departments_stand_too(rule: Rule, review: Review) -> None:
    value = certified(rule, *review)
    assert faults(value, exhausted_in_bulk(value)) == []


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_a_hundred_departments_are_decided_at_every_moment(rule: Rule) -> None:
    seats = [Seat(f"s{n}", "a" if n == 50 else f"u{n}", veto=n == 70) for n in range(100)]
    said = [AGREE, on("x"), SILENT, NOT_CONCERNED, ABSTAIN]
    answers = {seat.id: said[n % 5] for n, seat in enumerate(seats)}
    for n in range(0, 101, 10):
        value = certified(rule, seats, dict(list(answers.items())[:n]))
        assert faults(value, by_counts(value)) == []
    assert value["decision"]["certain"]


@given(rules, reviews(), st.data())
def test_what_is_certain_stays_so_whatever_is_answered_later(
    rule: Rule, review: Review, data: st.DataObject
) -> None:
    seats, answers = review
    before = decide(rule, seats, answers)
    for key in data.draw(st.permutations(before.open)):
        said = data.draw(st.sampled_from([AGREE, SILENT, on("z"), DISAGREE, NOT_CONCERNED, ABSTAIN]))
        after = decide(rule, seats, answers := {**answers, key: said})
        assert set(after.reachable) <= set(before.reachable)
        assert after.outcome == before.outcome or not before.certain
        before = after
    assert before.certain


@given(rules, reviews(), st.data())
def test_who_answers_first_makes_no_difference(rule: Rule, review: Review, data: st.DataObject) -> None:
    seats, answers = review
    shuffled = dict(data.draw(st.permutations(list(answers.items()))))
    assert json.dumps(certificate(rule, seats, shuffled)) == json.dumps(certificate(rule, seats, answers))


@given(rules, reviews())
def test_silence_counts_as_consent_and_is_never_taken_for_a_real_one(rule: Rule, review: Review) -> None:
    seats, answers = review
    spoken = decide(rule, seats, {key: AGREE if a.deemed else a for key, a in answers.items()})
    decision = decide(rule, seats, answers)
    assert (decision.outcome, decision.reachable) == (spoken.outcome, spoken.reachable)
    silent = [seat for seat in seats if not seat.recused and answers.get(seat.id) == SILENT]
    assert decision.deemed == tuple(dict.fromkeys(seat.unit for seat in silent))
    assert decision.counts["deemed"] == len(silent) == spoken.counts["agree"] - decision.counts["agree"]
    assert spoken.deemed == ()


@given(rules, reviews())
def test_a_recused_seat_is_as_if_it_were_not_there(rule: Rule, review: Review) -> None:
    seats, answers = review
    decision = decide(rule, seats, answers).as_json()
    sitting = [seat for seat in seats if not seat.recused]
    without = {seat.id: answers[seat.id] for seat in sitting if seat.id in answers}
    alone = decide(rule, sitting, without).as_json()
    assert decision.pop("counts") == {**alone.pop("counts"), "recused": len(seats) - len(sitting)}
    assert decision == alone


@given(rules, reviews())
def test_the_counts_add_up_to_all_seats(rule: Rule, review: Review) -> None:
    seats, _ = review
    assert sum(decide(rule, *review).counts.values()) == len(seats)


# --- one promise each


def review(rule: Rule, **answers: Answer | None) -> Decision:
    """The units in this order, with what they answered (None: nothing yet)."""
    seats = [Seat(unit, unit) for unit in answers]
    return decide(rule, seats, {unit: answer for unit, answer in answers.items() if answer})


ALL = Rule("all")
LEAD = Rule("lead", lead="samr")
MAJORITY = Rule("majority")


def test_under_all_everybody_concerned_must_consent() -> None:
    assert review(ALL, samr=AGREE, psb=SILENT, fire=NOT_CONCERNED).outcome == "grant"
    assert review(ALL, samr=AGREE, psb=DISAGREE).outcome == "meeting"
    assert review(Rule("all", dissent="refuse"), samr=AGREE, psb=DISAGREE).outcome == "refuse"


def test_one_disagreement_under_all_decides_although_others_have_not_answered() -> None:
    decision = review(ALL, samr=None, psb=DISAGREE, fire=None)
    assert (decision.outcome, decision.open) == ("meeting", ("samr", "fire"))
    assert (
        str(decision.proof.because) == "joint meeting: even if all others consent, consents 2 of 3, needed 3."
    )


@pytest.mark.parametrize(("abstentions", "outcome"), [("against", "meeting"), ("ignored", "grant")])
def test_an_abstention_blocks_or_leaves_the_base_as_the_item_says(abstentions: Any, outcome: str) -> None:
    assert review(Rule("all", abstentions=abstentions), samr=AGREE, psb=ABSTAIN).outcome == outcome
    majority = Rule("majority", abstentions=abstentions)
    assert review(majority, a=AGREE, b=AGREE, c=ABSTAIN, d=DISAGREE).outcome == outcome


def test_the_lead_grants_against_a_disagreement_which_stays_on_record() -> None:
    decision = review(LEAD, samr=AGREE, psb=DISAGREE, fire=ABSTAIN)
    assert (decision.outcome, decision.dissent) == ("grant", ("psb",))
    assert str(decision.proof.because) == "grant: the lead, samr, consents and decides."


def test_the_lead_refuses_although_everybody_else_agrees() -> None:
    decision = review(LEAD, psb=AGREE, samr=DISAGREE, fire=None)
    assert (decision.outcome, decision.dissent) == ("refuse", ("samr",))
    assert str(decision.proof.because) == "refusal: the disagreement of samr decides alone."


@pytest.mark.parametrize("answer", [NOT_CONCERNED, ABSTAIN])
def test_a_lead_that_does_not_decide_sends_it_to_the_meeting(answer: Answer) -> None:
    decision = review(LEAD, samr=answer, psb=AGREE, fire=None)
    assert decision.outcome == "meeting"
    assert str(decision.proof.because) == "joint meeting: the lead, samr, does not decide."


def test_so_does_a_lead_that_is_recused_or_has_no_seat() -> None:
    psb = Seat("psb", "psb")
    for seats in ([Seat("samr", "samr", recused=True), psb], [psb]):
        assert decide(LEAD, seats, {"psb": AGREE}).outcome == "meeting"


def test_a_consulted_department_may_still_add_conditions_to_a_grant_that_is_certain() -> None:
    decision = review(LEAD, samr=AGREE, psb=None)
    assert (decision.outcome, decision.reachable, decision.granted) == (None, ("grant", "conditional"), True)
    assert decision.proof.witnesses == {"grant": {"psb": "agree"}, "conditional": {"psb": "conditions"}}
    assert str(decision.proof.because) == (
        "Not decided yet: answers to come 1, possible: grant, grant on conditions."
    )


def test_half_is_no_majority() -> None:
    assert review(MAJORITY, a=AGREE, b=DISAGREE).outcome == "meeting"
    assert review(MAJORITY, a=AGREE, b=DISAGREE, c=AGREE).outcome == "grant"


def test_a_majority_on_conditions_is_certain_before_all_have_answered() -> None:
    decision = review(MAJORITY, a=on("open by day only"), b=AGREE, c=SILENT, d=None, e=None)
    assert decision.outcome == "conditional"
    assert str(decision.proof.because) == (
        "grant on conditions: even without another consent, consents 3 of 5, needed 3."
    )


def test_a_quorum_is_a_number_or_an_exact_share() -> None:
    two_thirds = Rule("quorum", need=Fraction(2, 3))
    assert review(two_thirds, a=AGREE, b=AGREE, c=DISAGREE).outcome == "grant"
    assert review(two_thirds, a=AGREE, b=AGREE, c=DISAGREE, d=DISAGREE).outcome == "meeting"
    assert review(two_thirds, a=AGREE, b=AGREE, c=AGREE, d=DISAGREE).outcome == "grant"
    two = Rule("quorum", need=2)
    assert review(two, a=AGREE, b=AGREE, c=DISAGREE, d=DISAGREE).outcome == "grant"
    decision = review(two, a=AGREE, b=NOT_CONCERNED, c=DISAGREE)
    assert str(decision.proof.because) == "joint meeting: consents 1 of 2, needed 2."


def test_a_quorum_larger_than_the_base_can_never_be_met() -> None:
    decision = review(Rule("quorum", need=4), a=AGREE, b=None, c=AGREE, d=NOT_CONCERNED)
    assert decision.outcome == "meeting"
    assert (
        str(decision.proof.because) == "joint meeting: even if all others consent, consents 3 of 3, needed 4."
    )


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_a_veto_refuses_under_every_rule_and_at_once(rule: Rule) -> None:
    seats = [Seat("a", "a"), Seat("psb", "psb", veto=True), Seat("c", "c"), Seat("d", "d")]
    decision = decide(rule, seats, {"a": AGREE, "psb": DISAGREE, "c": AGREE})
    assert (decision.outcome, decision.proof.vetoes) == ("refuse", ("psb",))
    assert "refuse" in decide(rule, seats, {"a": AGREE, "c": AGREE, "d": AGREE}).reachable


def test_a_recused_seat_has_no_veto() -> None:
    seats = [Seat("a", "a"), Seat("psb", "psb", veto=True, recused=True)]
    decision = decide(ALL, seats, {"a": AGREE, "psb": DISAGREE})
    assert (decision.outcome, decision.dissent, decision.counts["recused"]) == ("grant", (), 1)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_where_nobody_is_concerned_the_meeting_decides(rule: Rule) -> None:
    decision = review(rule, a=NOT_CONCERNED, b=NOT_CONCERNED)
    assert decision.outcome == decide(rule, [], {}).outcome == "meeting"
    assert str(decision.proof.because) == "joint meeting: nobody is concerned, so nobody has decided."


def test_a_seat_that_may_never_be_asked_keeps_the_decision_open_until_it_is_gone() -> None:
    seats = [Seat("a", "a"), Seat("fire", "fire", optional=True)]
    decision = decide(ALL, seats, {"a": DISAGREE})
    assert decision.outcome == "meeting"
    decision = decide(ALL, seats, {"a": NOT_CONCERNED})
    assert decision.proof.witnesses["meeting"] == {"fire": "disagree"}
    decision = decide(Rule("all", dissent="refuse"), seats, {"a": NOT_CONCERNED})
    assert decision.proof.witnesses["meeting"] == {"fire": "absent"}
    assert decide(ALL, seats[:1], {"a": AGREE}).outcome == "grant"


def test_conditions_become_one_list_without_repetitions_in_the_order_of_the_seats() -> None:
    decision = review(
        ALL,
        samr=on("夜间 不得营业", "keep the exit clear"),
        psb=AGREE,
        fire=on(" keep  the exit\n clear ", "two extinguishers", "two extinguishers"),
    )
    assert decision.outcome == "conditional"
    assert decision.conditions == (
        Condition("夜间 不得营业", ("samr",)),
        Condition("keep the exit clear", ("samr", "fire")),
        Condition("two extinguishers", ("fire",)),
    )
    assert decision.as_json()["conditions"][1] == {"text": "keep the exit clear", "units": ["samr", "fire"]}


def test_the_counts_tell_the_answers_apart() -> None:
    decision = review(MAJORITY, a=AGREE, b=SILENT, c=on("x"), d=DISAGREE, e=ABSTAIN, f=NOT_CONCERNED, g=None)
    assert set(decision.counts.values()) - {0} == {1}
    assert decision.counts["recused"] == 0
    assert (decision.deemed, decision.dissent, decision.open) == (("b",), ("d",), ("g",))


@pytest.mark.parametrize(
    ("value", "need"),
    [(3, 3), (1, 1), ("2/3", Fraction(2, 3)), ("4/6", Fraction(2, 3)), ("1/1", Fraction(1))],
)
def test_a_quorum_as_people_write_it(value: object, need: object) -> None:
    assert parse_need(value) == need
    assert type(parse_need(value)) is type(need)


@pytest.mark.parametrize("value", [0, -1, True, 0.5, "3", "0/3", "3/2", "1/0", "-1/2", "1/2 ", "½", "", None])
def test_no_other_quorum_is_understood(value: object) -> None:
    with pytest.raises(ValueError, match="quorum"):
        parse_need(value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "some"},
        {"kind": "lead"},
        {"kind": "all", "lead": "samr"},
        {"kind": "quorum"},
        {"kind": "all", "need": 2},
        {"kind": "quorum", "need": 0},
        {"kind": "quorum", "need": Fraction(3, 2)},
        {"kind": "quorum", "need": 0.5},
        {"kind": "quorum", "need": "2/3"},
        {"kind": "all", "dissent": "grant"},
        {"kind": "all", "abstentions": "for"},
    ],
    ids=str,
)
def test_a_rule_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"none|only|quorum|a need"):
        Rule(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"opinion": "perhaps"},
        {"opinion": "conditions"},
        {"opinion": "conditions", "conditions": ("x", " ")},
        {"opinion": "agree", "conditions": ("x",)},
        {"opinion": "disagree", "deemed": True},
        {"opinion": "conditions", "conditions": ("x",), "deemed": True},
    ],
    ids=str,
)
def test_an_answer_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"none|only|quorum|a need"):
        Answer(**wrong)


def test_answers_belong_to_seats_and_seats_differ() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        decide(ALL, [Seat("a", "a")], {"b": AGREE})
    with pytest.raises(ValueError, match="do not fit"):
        decide(ALL, [Seat("a", "a"), Seat("a", "b")], {})
