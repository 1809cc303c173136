"""What people do with a step before it is done (floor 4): referrals, signatures, recusals, hand-overs.

An `Entry` is one step of the case from its opening on: whose it is, who signed for it, what was entered and
by whom. A referral is the step in which a department is asked for its opinion; all referrals of one round
of a joint review make its outcome, by `engine.joint`. `Docket` does the bookkeeping of one event: like
`deadlines.Book` its verbs change the entries and yield the consequences, and it is pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NotRequired, TypedDict

from . import joint
from .clock import write_instant
from .definition import Definition
from .definition.review import Joint
from .errors import Invalid, say
from .events import (
    Event,
    FindingRaised,
    JointCertain,
    JointDecided,
    ReferralDeemed,
    ReferralSent,
    SilenceNoted,
    TaskPassed,
    TaskReinstated,
    TaskSuspended,
)
from .flow.net import Node

Stage = Literal["open", "signed", "reported", "entered", "done", "deemed", "withdrawn", "cancelled"]
"""`open`; `signed` for; `reported` to a higher organ; `entered`, and others must sign; then the ends: `done`,
`deemed` by silence, `withdrawn` by a department that is not impartial, `cancelled` by the process."""

ENDED = frozenset({"done", "deemed", "withdrawn", "cancelled"})

DEEMED = "deemed"
"""The opinion on record of a department that was silent. No form offers it, so nobody can enter it."""

WITHDRAWN = "recused"
"""The opinion on record of a department that keeps out of the case."""

ACTED_BEFORE = "recusal.acted"
"""Finding: somebody who must keep out of the case had acted in it."""

LATE_DISSENT = "referral.late_dissent"
"""Finding: a department whose silence was taken for consent disagrees after all."""


class Entry(TypedDict):
    """The `n`th step that the case came to, an activity `element` of `unit`, waiting for `post`.

    `actors` are those whose names stand under it so far, each with the one she acted for. Of a referral
    also the `joint` review and its `round`; `answer` as entered.
    """

    n: int
    element: str
    unit: str
    post: str
    opened: str
    stage: Stage
    actors: list[list[str]]
    joint: NotRequired[str]
    round: NotRequired[int]
    assignee: NotRequired[str]
    answer: NotRequired[dict[str, Any]]
    at: NotRequired[str]
    received: NotRequired[bool]
    reminded: NotRequired[bool]
    suspended: NotRequired[str]
    followed_up: NotRequired[bool]


class Recusal(TypedDict):
    """Somebody's impartiality in question: declared by herself, or by a `party` that challenges her. `task`
    is the step that stands still meanwhile, "" for none."""

    n: int
    person: str
    task: str
    party: str
    reason: str
    at: str
    state: Literal["open", "upheld", "rejected"]


Entries = Mapping[str, Entry]

Veterans = Mapping[str, list[list[str]]]
"""Who did a step in visits before the present one, by its element: each with the one she acted for."""


def entries_of(docket: Entries, review: str, round: int) -> dict[str, Entry]:
    """The referrals of one round of a joint review, in order of opening; of an activity that was visited
    twice in it, the later visit."""
    found: dict[Any, tuple[str, Entry]] = {}
    for task, entry in in_order(docket):
        if entry.get("joint") == review and entry.get("round") == round and entry["stage"] != "cancelled":
            found[entry["element"], entry["unit"]] = task, entry
    return dict(sorted(found.values(), key=lambda pair: pair[1]["n"]))


def in_order(docket: Entries) -> list[tuple[str, Entry]]:
    """All entries as they were opened."""
    return sorted(docket.items(), key=lambda pair: pair[1]["n"])


def round_of(docket: Entries, review: str) -> int:
    """The latest round of a joint review; 0 before the first."""
    return max((e.get("round", 0) for e in docket.values() if e.get("joint") == review), default=0)


def rule_of(review: Joint) -> joint.Rule:
    """The algebra's rule for a joint review of an item."""
    lead = review.lead or "" if review.kind == "lead" else ""
    return joint.Rule(review.kind, lead, review.need, review.dissent, review.abstentions)


def seats_of(review: Joint, docket: Entries, round: int) -> tuple[list[joint.Seat], dict[str, joint.Answer]]:
    """Who is asked in the round, and what they have said so far."""
    seats, answers = [], {}
    for task, entry in entries_of(docket, review.id, round).items():
        unit, withdrawn = entry["unit"], entry["stage"] == "withdrawn"
        seats.append(joint.Seat(task, unit, veto=unit in review.veto, recused=withdrawn))
        if entry["stage"] in ("done", "deemed"):
            answers[task] = _answer(entry)
    return seats, answers


def _answer(entry: Entry) -> joint.Answer:
    said = entry.get("answer", {})
    if entry["stage"] == "deemed":
        return joint.Answer("agree", deemed=True)
    opinion: Any = said["opinion"]
    return joint.Answer(opinion, conditions=tuple(conditions_in(said)), reason=str(said.get("reason", "")))


def conditions_in(answer: Mapping[str, Any]) -> list[str]:
    """The conditions of an answer; a form may ask for one text or for a list."""
    stated = answer.get("conditions", [])
    texts = [stated] if isinstance(stated, str) else list(stated)
    return [str(text) for text in texts if str(text).strip()] if answer.get("opinion") == "conditions" else []


def decision(review: Joint, docket: Entries, round: int) -> joint.Decision:
    """What the answers of the round come to, as far as they are in."""
    return joint.decide(rule_of(review), *seats_of(review, docket, round))


def review_variable(review: Joint, docket: Entries, round: int) -> dict[str, Any]:
    """What conditions of the diagram read of a joint review."""
    found = decision(review, docket, round)
    return {
        "outcome": found.outcome or "open",
        "certain": found.certain,
        "conditions": [condition.text for condition in found.conditions],
        "dissent": list(found.dissent),
        "deemed": list(found.deemed),
        "answers": [
            {
                "unit": entry["unit"],
                "opinion": opinion_of(entry),
                "reason": entry.get("answer", {}).get("reason", ""),
            }
            for entry in entries_of(docket, review.id, round).values()
        ],
    }


def opinion_of(entry: Entry) -> str:
    """The department's opinion as it stands on record; "" while there is none."""
    if entry["stage"] == "deemed":
        return DEEMED
    if entry["stage"] == "withdrawn":
        return WITHDRAWN
    return str(entry.get("answer", {}).get("opinion", "")) if entry["stage"] == "done" else ""


class Docket:
    """The entries and recusals of a case, open for what one event at `now` does to them; `actor` are the
    person who acts and the one she acts for. Those handed in are left as they were."""

    def __init__(
        self,
        definition: Definition,
        entries: Entries,
        recusals: Mapping[str, Recusal],
        veterans: Veterans,
        now: datetime,
        by: Mapping[str, Any],
    ) -> None:
        self.definition = definition
        self.entries = dict(entries)
        self.recusals = dict(recusals)
        self.veterans = dict(veterans)
        self.now = write_instant(now)
        self.actor = [str(by[key]) for key in ("person", "for") if key in by]
        self.touched: dict[str, int] = {}
        """Joint reviews in which an answer came in, with the round."""

    # --- what the process does

    def opened(self, task: str, node: Node, unit: str, post: str) -> Iterator[Event]:
        """A step waits for a person."""
        review = self.definition.joint_of(node.id)
        round = self._round_for(review, task, node.id) if review is not None else 0
        self._forget(task, node.id, round)
        entry: Entry = {
            "n": max((entry["n"] for entry in self.entries.values()), default=0) + 1,
            "element": node.id,
            "unit": unit,
            "post": post,
            "opened": self.now,
            "stage": "open",
            "actors": [],
        }
        if review is not None:
            entry |= {"joint": review.id, "round": round}
            yield ReferralSent(task, review.id, round, unit)
        self.entries[task] = entry

    def _forget(self, task: str, element: str, round: int) -> None:
        """A step is come back to, in this `round` of a joint review: of its earlier visits only the people
        are kept, or a case that goes round for years would grow with each round. What belongs to this round,
        or to the one that this very event ended, stays, and so does what is owed."""
        for other, entry in in_order(self.entries):
            if (
                entry["element"] != element
                or visit_of(other) == visit_of(task)
                or entry["stage"] not in ENDED
            ):
                continue
            if owing(entry) or (
                "joint" in entry and entry["round"] in (round, self.touched.get(entry["joint"]))
            ):
                continue
            known = [tuple(names) for names in self.veterans.get(element, [])]
            names = dict.fromkeys([*known, *map(tuple, entry["actors"])])
            if names:
                self.veterans[element] = [list(pair) for pair in names]
            del self.entries[other]

    def _round_for(self, review: Joint, task: str, element: str) -> int:
        """A referral joins the latest round while that is under way, or if it was the last answer of it
        that opened this one. Coming back to an activity of a round that is over begins the next."""
        latest = round_of(self.entries, review.id)
        members = entries_of(self.entries, review.id, latest)
        live = any(entry["stage"] not in ENDED for entry in members.values())
        again = any(
            entry["element"] == element and visit_of(other) != visit_of(task)
            for other, entry in members.items()
        )
        joins = live or (self.touched.get(review.id) == latest and not again)
        return latest if members and joins else latest + 1

    def cancelled(self, task: str) -> None:
        """The process does not want the step any more."""
        if task in self.entries:
            self.entries[task] = {**self.entries[task], "stage": "cancelled"}

    # --- what people do

    def sign(self, task: str) -> None:
        """Sign for the receipt of a referral. Raises `Invalid` for one that was signed for."""
        entry = self._unanswered(task)
        if entry["stage"] != "open":
            raise Invalid(
                "referral.signed",
                say("{step} was signed for before", step=task),
                found=say("{person}", person=entry.get("assignee", "—")),
                remedy=say("answer it with `lianban answer`"),
            )
        self._change(task, stage="signed", assignee=self.actor[0], received=True)

    def enter(self, task: str, data: Mapping[str, Any]) -> Iterator[Event]:
        """Answers are entered that others have to sign."""
        self._unanswered(task)
        self._change(task, stage="entered", answer=dict(data), actors=[self.actor])
        yield self._passed(task)

    def confirm(self, task: str) -> list[Event]:
        """One more name under the answers; what follows while more are needed, nothing when they are
        complete."""
        entry = self._entered(task)
        self._change(task, actors=[*entry["actors"], self.actor])
        return [self._passed(task)] if len(entry["actors"]) + 1 < self.signatures(task) else []

    def _passed(self, task: str) -> TaskPassed:
        return TaskPassed(task, self.entries[task]["unit"], signer(self.definition, self.entries[task]))

    def give_back(self, task: str) -> Iterator[Event]:
        """The answers count as not entered."""
        self._entered(task)
        yield self._undone(task)

    def _undone(self, task: str) -> TaskPassed:
        self._change(task, stage="signed", actors=[])
        return TaskPassed(task, self.entries[task]["unit"], self.entries[task]["post"])

    def report_up(self, task: str, data: Mapping[str, Any]) -> None:
        """The department waits for the word of a higher organ."""
        self._unanswered(task)
        self._change(task, stage="reported", answer=dict(data))

    def done(self, task: str, data: Mapping[str, Any]) -> None:
        """The step is done with these answers."""
        entry = self.entries.get(task)
        if entry is None:
            return  # opened before people's part in a step was on record
        actors = entry["actors"] if entry["stage"] == "entered" else [self.actor]
        self._change(task, stage="done", actors=actors, at=self.now)
        if "joint" in entry:
            self.touched[entry["joint"]] = entry["round"]
        if "joint" in entry or entry["element"] in self.definition.meeting_steps:
            self._change(task, answer=dict(data))

    def withdraw(self, task: str) -> None:
        """The department as a whole keeps out of the joint review."""
        entry = self._open(task)
        self._change(task, stage="withdrawn", at=self.now, actors=[self.actor])
        self.touched[entry["joint"]] = entry["round"]

    def follow_up(self, task: str, data: Mapping[str, Any]) -> Iterator[Event]:
        """A department that was silent says what it thinks. Raises `Invalid` where it need not."""
        entry = self.entries.get(task)
        if entry is None or not owing(entry):
            raise Invalid("referral.no_follow_up", say("nothing more is asked about {step}", step=task))
        self._change(task, followed_up=True, answer=dict(data), actors=[self.actor])
        silence = self.definition.joints[entry["joint"]].silence
        if data.get("opinion") == "disagree" and silence is not None:
            yield FindingRaised(LATE_DISSENT, task, silence.basis.as_json())

    def hand_over(self, task: str, to: str) -> None:
        """Somebody else answers for the step now."""
        self._open(task)
        self._change(task, assignee=to)

    def question(self, id: str, task: str, person: str, party: str, reason: str) -> Iterator[Event]:
        """Somebody's impartiality is in question: the step stands still until all such questions about it
        are decided. Raises `Invalid` for a step that is not open."""
        self.recusals[id] = {
            "n": len(self.recusals) + 1,
            "person": person,
            "task": task,
            "party": party,
            "reason": reason,
            "at": self.now,
            "state": "open",
        }
        if task and "suspended" not in self._standing(task):
            self._change(task, suspended=id)
            yield TaskSuspended(task, id)

    def settle_recusal(self, id: str, upheld: bool) -> Iterator[Event]:
        """Whether the person keeps out; what she entered and nobody has signed yet then counts as not
        entered, and what she did before is for the auditors. Raises `Invalid` for one that is not open."""
        recusal = self.recusals.get(id)
        if recusal is None or recusal["state"] != "open":
            waiting = ", ".join(name for name, other in self.recusals.items() if other["state"] == "open")
            raise Invalid(
                "recusal.not_open",
                say("no recusal {recusal} waits for a decision", recusal=id),
                expected=say("one of: {recusals}", recusals=waiting or "—"),
            )
        self.recusals[id] = {**recusal, "state": "upheld" if upheld else "rejected"}
        person, task = recusal["person"], recusal["task"]
        entry = self.entries.get(task)
        if entry is not None and entry.get("suspended") == id:
            self.entries[task] = entry = entry.copy()
            del entry["suspended"]
            further = {
                other["n"]: name
                for name, other in self.recusals.items()
                if other["state"] == "open" and other["task"] == task
            }
            if entry["stage"] not in ENDED:
                if further:
                    first = further[min(further)]
                    self._change(task, suspended=first)
                    yield TaskSuspended(task, first)
                else:
                    yield TaskReinstated(task, id)
                entry = self.entries[task]
        for element, names in sorted(self.veterans.items()) if upheld else ():
            if any(person in pair for pair in names):
                yield FindingRaised(ACTED_BEFORE, element, RECUSAL_BASIS)
        for other, acted in in_order(self.entries) if upheld else ():
            if not any(person in names for names in acted["actors"]):
                continue
            if acted["stage"] == "entered":
                yield self._undone(other)
            else:
                yield FindingRaised(ACTED_BEFORE, other, RECUSAL_BASIS)
        if upheld and entry is not None and entry.get("assignee") == person:
            self._change(task, assignee="")

    # --- what time does

    def remind(self, task: str) -> None:
        """The department was reminded of its referral."""
        if task in self.entries:
            self._change(task, reminded=True)

    def lapse(self, task: str) -> tuple[list[Event], dict[str, Any] | None]:
        """The term of a referral is over without an answer: what follows, and the answer that silence is
        taken for (None: for none)."""
        entry = self.entries[task]
        review = self.definition.joints[entry["joint"]]
        why = self.why_not_deemed(task)
        if why or review.silence is None:
            return [SilenceNoted(task, review.id, entry["unit"], why)], None
        basis = review.silence.basis.as_json()
        self._change(task, stage="deemed", at=self.now)
        self.touched[review.id] = entry["round"]
        answer = {"opinion": DEEMED, "deemed": True, "basis": basis}
        return [ReferralDeemed(task, review.id, entry["unit"], basis, review.silence.level)], answer

    def why_not_deemed(self, task: str) -> str:
        """Why silence on this referral may not be taken for consent, as a code; "" if it may.

        It is a policy between departments with a basis of its own, never for the excluded classes of risk,
        and only for those who have signed for the referral and were reminded. Who has entered an answer was
        not silent.
        """
        entry = self.entries[task]
        review = self.definition.joints[entry["joint"]]
        silence = review.silence
        if silence is None:
            return "no_policy"
        if review.risks.get(entry["unit"]) in silence.excluded:
            return "excluded_risk"
        if entry["stage"] in ("entered", "reported"):
            return "not_silent"
        if entry.get("suspended"):
            return "suspended"
        if silence.receipt and entry["stage"] != "signed":
            return "not_signed"
        if silence.reminder and not entry.get("reminded"):
            return "not_reminded"
        return ""

    # --- joint reviews

    def variables(self, task: str) -> dict[str, Any]:
        """What is set for the diagram beside the answers of a referral that has just ended."""
        entry = self.entries.get(task)
        review = self.definition.joints[entry["joint"]] if entry is not None and "joint" in entry else None
        if entry is None or review is None or review.result is None:
            return {}
        return {review.result: review_variable(review, self.entries, entry["round"])}

    def outcomes(self, before: Entries) -> Iterator[Event]:
        """What the joint reviews have come to with this event; `before` are the entries before it."""
        for id, round in sorted(self.touched.items()):
            review = self.definition.joints[id]
            rule, seats = rule_of(review), self._foreseen(review, self.entries, round)
            outcome = joint.decide(rule, *seats).outcome
            if (
                outcome is not None
                and joint.decide(rule, *self._foreseen(review, before, round)).outcome is None
            ):
                yield JointCertain(id, round, outcome, joint.certificate(rule, *seats))
            members = entries_of(self.entries, id, round)
            if all(entry["stage"] in ENDED for entry in members.values()):
                made = decision(review, self.entries, round)
                if outcome is None and made.outcome is not None:  # whoever was not asked will not be
                    asked = seats_of(review, self.entries, round)
                    yield JointCertain(id, round, made.outcome, joint.certificate(rule, *asked))
                yield JointDecided(
                    id,
                    round,
                    made.outcome or "open",
                    [{"text": c.text, "units": list(c.units)} for c in made.conditions],
                    list(made.dissent),
                    list(made.deemed),
                )

    def _foreseen(
        self, review: Joint, docket: Entries, round: int
    ) -> tuple[list[joint.Seat], dict[str, joint.Answer]]:
        """The seats and answers of the round, with every seat that may still be asked."""
        seats, answers = seats_of(review, docket, round)
        if len(review.activities) > 1:
            asked = {entry["element"] for entry in entries_of(docket, review.id, round).values()}
            units = self.definition.units_of(review)
            seats += [
                joint.Seat(element, units[element], veto=units[element] in review.veto, optional=True)
                for element in review.activities
                if element not in asked
            ]
        return seats, answers

    # --- inside

    def signatures(self, task: str) -> int:
        """How many people have to put their names under the step."""
        return signatures(self.definition, self.entries[task])

    def _standing(self, task: str) -> Entry:
        entry = self.entries.get(task)
        if entry is None or entry["stage"] in ENDED:
            raise Invalid("step.closed", say("step {step} is not open", step=task))
        return entry

    def _open(self, task: str) -> Entry:
        entry = self._standing(task)
        if "suspended" in entry:
            raise Invalid("step.suspended", say("step {step} stands still", step=task))
        return entry

    def _unanswered(self, task: str) -> Entry:
        entry = self._open(task)
        if entry["stage"] == "entered":
            raise Invalid(
                "answer.entered", say("{step} was answered; the answer waits to be signed", step=task)
            )
        return entry

    def _entered(self, task: str) -> Entry:
        entry = self.entries.get(task)
        if entry is not None and "suspended" in entry:
            raise Invalid("step.suspended", say("step {step} stands still", step=task))
        if entry is None or entry["stage"] != "entered":
            raise Invalid(
                "answer.none",
                say("no answer to {step} waits to be signed", step=task),
                expected=say("an answer that somebody else entered"),
                rule=say("four-eyes principle (一审一核): one enters, another one signs"),
                remedy=say("look where the step stands with `lianban show`"),
            )
        return entry

    def _change(self, task: str, **values: Any) -> None:
        self.entries[task] = {**self.entries[task], **values}  # type: ignore[typeddict-item]


def signatures(definition: Definition, entry: Entry) -> int:
    """How many people have to put their names under a step: the officers, and in a joint review whoever
    confirms for the department."""
    review = definition.joints.get(entry.get("joint", ""))
    return definition.officers(entry["element"]) + (review is not None and review.confirm is not None)


def owing(entry: Entry) -> bool:
    """Whether the department was silent and has not yet said what it thinks."""
    return entry["stage"] == "deemed" and not entry.get("followed_up")


def answerable(definition: Definition, entry: Entry) -> str:
    """The post that signs last for the department, and gives its opinion where that comes after silence."""
    review = definition.joints.get(entry.get("joint", ""))
    return review.confirm or entry["post"] if review is not None else entry["post"]


def signer(definition: Definition, entry: Entry) -> str:
    """The post that has to sign next what was entered in a step: the other officers first."""
    if len(entry["actors"]) < definition.officers(entry["element"]):
        return entry["post"]
    return answerable(definition, entry)


RECUSAL_BASIS = {"law": "中华人民共和国公务员法", "article": "第七十六条、第七十七条"}
"""Civil Servants Law art. 76-77: who keeps out of a case, and who decides it."""


def suspended(case: str, task: str, recusal: str, able: Sequence[str]) -> Invalid:
    """The refusal of an act on a step that stands still; `able` may decide about the recusal."""
    return Invalid(
        "step.suspended",
        say("{step} stands still until the recusal {recusal} is decided", step=task, recusal=recusal),
        rule=say("{law} {article}", **RECUSAL_BASIS),
        expected=say("its decision by {people}", people=", ".join(able) or "—"),
        remedy=say("lianban recusal decide {case} {recusal} --uphold --reason …", case=case, recusal=recusal),
    )


def answered(task: str, entry: Entry, able: Sequence[str]) -> Invalid:
    """The refusal of an answer where one waits to be signed; `able` may sign it."""
    return Invalid(
        "answer.entered",
        say("{step} was answered; the answer waits to be signed", step=task),
        found=say("entered by {people}", people=", ".join(names[0] for names in entry["actors"])),
        expected=say("a signature by {people}", people=", ".join(able) or "—"),
        rule=say("what somebody entered stands until it is signed or given back"),
        remedy=say("whoever has to sign it confirms it or gives it back"),
    )


def barred_by(recusals: Iterable[tuple[str, Recusal]]) -> dict[str, str]:
    """The people who must keep out of the case, or must as long as it is not decided, each with the
    recusal."""
    ordered = sorted(recusals, key=lambda pair: pair[1]["n"])
    return {recusal["person"]: id for id, recusal in ordered if recusal["state"] != "rejected"}


def visit_of(task: str) -> str:
    """The visit that a task belongs to: all instances of one multi-instance activity share it."""
    head, _, last = task.rpartition("/")
    return f"{head}/{last.partition(':')[0]}"
