"""What people do, and whether they may (floor 4).

A command is what somebody wants; `decide` looks at the settled case and answers with the capacity in which
she acts and the facts that go on record, or refuses. `claim_of` says to whom a fact belongs, live and at
verification alike: who holds the post, who is kept from it (four-eyes, recusal), which certificate it
needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from . import meetings
from .access import Claim, identify, may, permit, recused
from .case import SECOND_NOTICE, CalendarOf, Case, follow, hours_of, material_in, parts_of
from .clock import parse_term
from .deadlines import find, rule_of
from .definition import Definition
from .docket import (
    ENDED,
    RECUSAL_BASIS,
    answerable,
    answered,
    barred_by,
    conditions_in,
    owing,
    signatures,
    signer,
    suspended,
)
from .errors import Invalid, Text, say
from .events import (
    AnswerConfirmed,
    AnswerEntered,
    AnswerReturned,
    CalendarRevised,
    CardAnswered,
    CardContested,
    CardWithdrawn,
    CaseMigrated,
    CaseOpened,
    ContactHandedOver,
    Event,
    ExtensionGranted,
    FindingRaised,
    IncidentRetried,
    MessageReceived,
    NoticeAllowed,
    PauseOrdered,
    RecusalChallenged,
    RecusalDecided,
    RecusalDeclared,
    ReferralFollowedUp,
    ReferralReportedUp,
    ReferralSigned,
    ReferralWithdrawn,
    ResumeOrdered,
    TaskCompleted,
    TaskHandedOver,
)
from .flow.marking import incidents
from .flow.net import Node
from .forms import NO_FIELDS, check
from .organisation import Organisation, Person, Post
from .steps import Step, closed, find_step, step_called, steps

if TYPE_CHECKING:  # few commands need it
    from .migration import Assessment

OWN_OPINION = say(
    "法释〔2009〕20号 art. 5: each department answers for its own opinion, so nobody gives it for two of them"
)
FOUR_EYES = say("four-eyes principle (一审一核): who entered it does not sign it as the other one")
CERTIFICATE = "enforcement"
"""The certificate of those who inspect on site (行政执法证)."""


# --- what somebody wants


class Do(Struct, frozen=True):
    """Finish the step `task`, or answer the referral, with this."""

    task: str
    data: dict[str, Any]


class Sign(Struct, frozen=True):
    """Sign for the receipt of a referral or an invitation."""

    task: str


class Confirm(Struct, frozen=True):
    """Put one's name under what somebody else entered."""

    task: str


class GiveBack(Struct, frozen=True):
    """Send back what somebody else entered."""

    task: str
    reason: str


class Withdraw(Struct, frozen=True):
    """Keep the whole department out of a joint review."""

    task: str
    reason: str


class Recuse(Struct, frozen=True):
    """Say that one is not impartial; `task` is the step that stands still meanwhile, "" for none."""

    task: str
    reason: str


class Challenge(Struct, frozen=True):
    """Put on record that `party` challenges `person`."""

    task: str
    person: str
    party: str
    reason: str


class DecideRecusal(Struct, frozen=True):
    """Decide whether somebody keeps out."""

    recusal: str
    upheld: bool
    reason: str


class HandOver(Struct, frozen=True):
    """Let `to` answer for the step from now on; "" for the first-contact responsibility."""

    task: str
    to: str
    reason: str


class AllowNotice(Struct, frozen=True):
    """Allow one more notice of what is missing."""

    reason: str


class Retry(Struct, frozen=True):
    """Have what failed tried again, after setting these variables of the case right."""

    incident: str
    data: dict[str, Any]
    reason: str


class Migrate(Struct, frozen=True):
    """Let the case run by `definition` (a digest) from now on; the other fields as in `case.migrated`."""

    definition: str
    names: dict[str, str]
    accepted: list[str]
    batch: str
    undoes: str
    reason: str


class Pause(Struct, frozen=True):
    """Stop a clock for `ground`; the applicant is told that it takes `expected`, a term."""

    clock: str
    ground: str
    expected: str
    reason: str


class Resume(Struct, frozen=True):
    """Let a clock run on; `ground` "" means the only pause there is."""

    clock: str
    ground: str
    reason: str


class Extend(Struct, frozen=True):
    """Give a clock the term `by` more."""

    clock: str
    by: str
    reason: str


class TreatCard(Struct, frozen=True):
    """Answer, contest or withdraw a card."""

    act: CardAnswered | CardContested | CardWithdrawn


Command = (
    Do
    | Sign
    | Confirm
    | GiveBack
    | Withdraw
    | Recuse
    | Challenge
    | DecideRecusal
    | HandOver
    | AllowNotice
    | Retry
    | Migrate
    | Pause
    | Resume
    | Extend
    | TreatCard
)


_BY_LAW = (Pause, Resume, Extend, TreatCard)
"""What is lawful or not whoever does it: acts on clocks and cards."""


class Scene(Struct, frozen=True):
    """The settled case, the organisation of the day, and the instant: what a decision looks at. Where a case
    may go over to another definition, `definition_of` gives that."""

    case: Case
    definition: Definition
    organisation: Organisation
    at: datetime
    calendar_of: CalendarOf
    definition_of: Callable[[str], Definition] | None = None


def decide(scene: Scene, person: Person, command: Command) -> tuple[dict[str, Any], list[Event]]:
    """The capacity in which `person` acts, and the facts that go on record. Raises `Invalid` when it can't
    be, `NotAllowed` when it is not hers."""
    _check_standing(scene, command)
    facts = _FACTS[type(command)](scene, person, command)
    fact = facts[-1]
    if isinstance(command, _BY_LAW):
        _check_foldable(scene, {}, facts)  # first, so that nobody is asked to do what nobody may
    claim = claim_of(fact, scene.case, scene.definition, scene.organisation)
    by = permit(scene.organisation, person, claim) if claim is not None else herself(person)
    if isinstance(command, Do):
        _check_answers(scene, command, fact)
    if not isinstance(command, _BY_LAW):
        _check_foldable(scene, by, facts)
    if not isinstance(command, Do):
        _reasoned(command)
    return by, facts


def _check_standing(scene: Scene, command: Command) -> None:
    """Nothing is done in a closed case, nor with a step that stands still, but what is about its standing
    still; and nobody answers where an answer waits to be signed. Raises `Invalid` naming who acts next."""
    case, definition, organisation = scene.case, scene.definition, scene.organisation
    if case.closed and isinstance(command, HandOver | AllowNotice | Recuse | Challenge):
        raise closed(case)
    task = getattr(command, "task", "")
    entry = case.docket.get(task)
    if entry is None or isinstance(command, Recuse | Challenge) or entry["stage"] in ENDED:
        return
    if "suspended" in entry:
        recusal = entry["suspended"]
        able = may(organisation, claim_to_decide(case, definition, organisation, recusal))
        raise suspended(case.number, task, recusal, [one.id for one in able])
    if entry["stage"] == "entered" and isinstance(command, Do | Sign):
        able = may(
            organisation, claim_to_do(case, definition, organisation, find_step(case, definition, task))
        )
        raise answered(task, entry, [one.id for one in able])


def open_case(
    definition: Definition, organisation: Organisation, person: Person, opened: CaseOpened
) -> dict[str, Any]:
    """The capacity in which `person` opens a case. Raises `NotAllowed`, and `Invalid` for data that does
    not fit."""
    by = permit(organisation, person, _opening(definition, organisation, opened))
    check_opening(definition, opened.data)
    return by


def check_opening(definition: Definition, data: dict[str, Any]) -> None:
    """Raise `Invalid` for data that does not open a case of this definition."""
    check(definition.start_form(), data)
    _check_materials(definition, {}, definition.start, data)
    _check_agent(definition, data)


def facts_of_doing(scene: Scene, command: Do) -> list[Event]:
    """The facts that would go on record if somebody who may did this: for who asks what would have come of it
    elsewhere. Raises `Invalid` when it can't be."""
    _check_standing(scene, command)
    facts = _completion(scene, command)
    _check_answers(scene, command, facts[-1])
    return facts


def herself(person: Person) -> dict[str, Any]:
    """The capacity in which somebody speaks about herself."""
    unit, post = person.posts[0] if person.posts else ("", "")
    return {"person": person.id, "unit": unit, "post": post}


def _reasoned(command: Any) -> None:
    """Acts that somebody will be asked about say why."""
    if type(command) in _WITH_REASON and not command.reason.strip():
        raise Invalid(
            "act.no_reason",
            say("say why, in words"),
            expected=say("a reason"),
            rule=say("what departs from the ordinary course is put on record with its reason"),
            remedy=say("add --reason"),
        )


_WITH_REASON = frozenset(
    {GiveBack, Withdraw, Recuse, Challenge, DecideRecusal, HandOver, AllowNotice, Retry, Migrate}
)


# --- the facts


def _do(scene: Scene, person: Person, command: Do) -> list[Event]:
    return _completion(scene, command)


def _completion(scene: Scene, command: Do) -> list[Event]:
    case, definition = scene.case, scene.definition
    entry = case.docket.get(command.task)
    if entry is not None and owing(entry) and not case.closed:
        return [ReferralFollowedUp(command.task, command.data)]
    target = find_step(case, definition, command.task)
    if target.message is not None:
        return [MessageReceived(target.message, command.data)]
    if entry is None:
        return [TaskCompleted(target.task, target.node.id, command.data)]
    facts: list[Event] = []
    if "joint" in entry and entry["stage"] == "open":
        facts.append(ReferralSigned(command.task))  # who answers has received it
    if entry["stage"] == "reported" and entry.get("answer") == command.data:
        raise Invalid(
            "referral.reported",
            say("{step} was reported to the higher organ", step=command.task),
            expected=say("the opinion, when its word has come"),
            rule=say("what was reported up waits for the word of the higher organ; the clock runs"),
            remedy=say("answer it with `lianban answer`"),
        )
    if "joint" in entry and command.data.get("opinion") == "report_up":
        facts.append(ReferralReportedUp(command.task, command.data))
    elif signatures(definition, entry) > 1:
        facts.append(AnswerEntered(command.task, target.node.id, command.data))
    else:
        facts.append(TaskCompleted(target.task, target.node.id, command.data))
    return facts


def _sign(scene: Scene, person: Person, command: Sign) -> list[Event]:
    target = find_step(scene.case, scene.definition, command.task)
    invitations = {meeting.invite for meeting in scene.definition.meetings.values()}
    referral = scene.definition.joint_of(target.node.id) is not None or target.node.id in invitations
    if not referral or command.task not in scene.case.docket:
        raise Invalid(
            "referral.none",
            say("{step} is no referral; nothing is to be signed for", step=command.task),
            expected=say("a step in which a department is asked for its opinion"),
            remedy=say("do it with `lianban do`"),
        )
    return [ReferralSigned(command.task)]


def _confirm(scene: Scene, person: Person, command: Confirm) -> list[Event]:
    find_step(scene.case, scene.definition, command.task)
    return [AnswerConfirmed(command.task)]


def _give_back(scene: Scene, person: Person, command: GiveBack) -> list[Event]:
    find_step(scene.case, scene.definition, command.task)
    return [AnswerReturned(command.task, command.reason)]


def _withdraw(scene: Scene, person: Person, command: Withdraw) -> list[Event]:
    find_step(scene.case, scene.definition, command.task)
    entry = scene.case.docket.get(command.task)
    if entry is None or "joint" not in entry:
        raise Invalid(
            "referral.none",
            say("{step} is no referral; no department can keep out of it", step=command.task),
            remedy=say("recuse the person instead"),
        )
    return [ReferralWithdrawn(command.task, command.reason)]


def _recuse(scene: Scene, person: Person, command: Recuse) -> list[Event]:
    _check_questioned(scene, command.task, person.id, "")
    return [RecusalDeclared(_next_recusal(scene.case), command.task, command.reason)]


def _challenge(scene: Scene, person: Person, command: Challenge) -> list[Event]:
    identify(scene.organisation, command.person)
    if not command.party.strip():
        raise Invalid(
            "recusal.party",
            say("who challenges {person}?", person=command.person),
            expected=say("the name of the applicant or of an interested party"),
            rule=say("{law} {article}", **RECUSAL_BASIS),
            remedy=say("add --party"),
        )
    _check_questioned(scene, command.task, command.person, command.party)
    fact = RecusalChallenged(
        _next_recusal(scene.case), command.task, command.person, command.party, command.reason
    )
    return [fact]


def _next_recusal(case: Case) -> str:
    return f"r{len(case.recusals) + 1}"


def _check_questioned(scene: Scene, task: str, person: str, party: str) -> None:
    """Somebody's impartiality can be put in question by `party`, or by herself ("")."""
    case = scene.case
    if task:
        _check_concerned(scene, find_step(case, scene.definition, task), person)
    for id, recusal in case.recusals.items():
        if recusal["person"] != person or recusal["state"] == "rejected":
            continue
        if recusal["state"] == "upheld":
            told = say("{person} keeps out of this case already: {recusal}", person=person, recusal=id)
        elif recusal["party"] == party:
            told = say("whether {person} keeps out is being decided: {recusal}", person=person, recusal=id)
        else:
            continue
        raise Invalid(
            "recusal.known",
            told,
            expected=say("somebody whose impartiality is not in question yet, or another party's challenge"),
            rule=say("{law} {article}", **RECUSAL_BASIS),
            remedy=say("nothing is left to do: lianban show {case}", case=case.number),
        )


def _check_concerned(scene: Scene, step: Step, person: str) -> None:
    """Only who could do the step, sign it or hand it over makes it stand still by her partiality: nobody
    stops the work of another department."""
    claim = replace(
        claim_to_do(scene.case, scene.definition, scene.organisation, step), barred={}, certificate=""
    )
    entry = scene.case.docket.get(step.task)
    own = (entry["unit"], entry["post"]) if entry is not None else (step.unit, step.post)
    review = scene.definition.joint_of(step.node.id)
    signs = ((own[0], review.confirm),) if review is not None and review.confirm else ()
    owners = (*claim.owners, own, *signs, scene.organisation.head_of(own[0]))
    concerned = may(scene.organisation, replace(claim, owners=owners))
    if person not in {one.id for one in concerned}:
        raise Invalid(
            "recusal.not_concerned",
            say("{person} has no part in {step}", person=person, step=scene.definition.step_title(step.node)),
            expected=say("one of: {people}", people=", ".join(one.id for one in concerned) or "—"),
            rule=say("{law} {article}", **RECUSAL_BASIS),
            remedy=say("leave the step out: then she keeps out of the case, and nothing stands still"),
        )


def _decide_recusal(scene: Scene, person: Person, command: DecideRecusal) -> list[Event]:
    recusal = scene.case.recusals.get(command.recusal)
    if recusal is None or recusal["state"] != "open":
        known = ", ".join(id for id, entry in scene.case.recusals.items() if entry["state"] == "open")
        raise Invalid(
            "recusal.not_open",
            say("no recusal {recusal} waits for a decision", recusal=command.recusal),
            expected=say("one of: {recusals}", recusals=known or "—"),
            remedy=say("look at the recusals of the case with `lianban show`"),
        )
    return [RecusalDecided(command.recusal, command.upheld, command.reason)]


def _hand_over(scene: Scene, person: Person, command: HandOver) -> list[Event]:
    case, organisation = scene.case, scene.organisation
    to = identify(organisation, command.to)
    if not command.task:
        if case.contact is not None and case.contact["person"] == to.id:
            raise _has_it(to.id)
        if not to.posts:
            raise Invalid(
                "handover.nobody",
                say("{person} does not work here on this day", person=to.id),
                expected=say("somebody who holds a post"),
                rule=say("first-contact responsibility (首问责任) is handed over to who can bear it"),
                remedy=say("name somebody who is there"),
            )
        return [ContactHandedOver(to.id, to.posts[0][0], command.reason)]
    target = find_step(case, scene.definition, command.task)
    entry = case.docket.get(command.task)
    if entry is not None and entry.get("assignee") == to.id:
        raise _has_it(to.id)
    permit(organisation, to, claim_to_do(case, scene.definition, organisation, target))
    return [TaskHandedOver(command.task, to.id, command.reason)]


def _has_it(person: str) -> Invalid:
    return Invalid(
        "handover.same",
        say("{person} answers for it already", person=person),
        expected=say("somebody else"),
        rule=say("a hand-over goes on record when somebody else answers from then on"),
        remedy=say("nothing is left to do, or name whoever shall have it"),
    )


def _allow_notice(scene: Scene, person: Person, command: AllowNotice) -> list[Event]:
    case = scene.case
    if scene.definition.notice is None or case.notices == 0 or case.leave >= case.notices:
        raise Invalid(
            "notice.allowed",
            say("no leave is needed for the next notice of this case"),
            expected=say("a case in which the applicant was told once what is missing"),
            found=say(
                "told: {count}; further notices allowed: {leave}", count=case.notices, leave=case.leave
            ),
            rule=scene.definition.notice.basis.text()
            if scene.definition.notice is not None
            else say("the item has no notice of what is missing"),
            remedy=say("issue the notice that is allowed, or decide on what is there"),
        )
    return [NoticeAllowed(command.reason)]


def _retry(scene: Scene, person: Person, command: Retry) -> list[Event]:
    known = incidents(scene.case.marking)
    if command.incident not in known:
        raise Invalid(
            "incident.unknown",
            say("nothing has failed at {step}", step=command.incident),
            expected=say("one of: {steps}", steps=", ".join(known))
            if known
            else say("something that has failed"),
            found=say("{step}", step=command.incident),
            rule=say("only what has failed is tried again"),
            remedy=say("look where the case stands and choose what has failed"),
        )
    own = sorted(scene.definition.engine_variables.intersection(command.data))
    if own:
        names = ", ".join(own)
        raise Invalid(
            "incident.own_variable",
            say("{names}: only the engine sets this", names=names),
            found=say("{names}", names=names),
            remedy=say("put right what it was calculated from, or have the step answered again"),
        )
    return [IncidentRetried(command.incident, command.data, command.reason)]


def _migrate(scene: Scene, person: Person, command: Migrate) -> list[Event]:
    from .migration import assess

    case = scene.case
    if case.closed:
        raise closed(case)
    if case.definition == command.definition or scene.definition_of is None:
        raise Invalid(
            "migration.done",
            say("case {case} runs by that version already", case=case.number),
            expected=say("a case of another version"),
        )
    target = scene.definition_of(command.definition)
    found = assess(scene.definition, target, parts_of(case), command.names, command.accepted)
    if found.hindrances:
        raise Unsafe(case.number, found)
    accepted = sorted({one.element for one in found.accepted})
    return [
        CaseMigrated(
            case.definition,
            target.digest,
            dict(command.names),
            accepted,
            command.batch,
            command.undoes,
            command.reason,
        )
    ]


class Unsafe(Invalid):
    """The case can't go over to that version; `assessment` has all that stands in the way."""

    def __init__(self, case: str, assessment: Assessment) -> None:
        first = assessment.hindrances[0]
        element = first.element
        super().__init__(
            "migration.unsafe",
            say("case {case} can't go over to that version", case=case),
            expected=say("a counterpart for everything that is under way"),
            found=first.message,
            rule=say(
                "a case keeps the version by which it was opened, unless all of it has a place in another"
            ),
            remedy=say("--accept {element} if somebody answers for that", element=element)
            if first.acceptable
            else say(
                "leave the case as it is, say with --map what {element} is called now, or publish a version "
                "in which it is",
                element=element,
            ),
        )
        self.assessment = assessment


def _pause(scene: Scene, person: Person, command: Pause) -> list[Event]:
    id = find(scene.case.deadlines, scene.definition.clocks, command.clock)[0]
    return [PauseOrdered(id, command.ground, str(parse_term(command.expected)), command.reason)]


def _resume(scene: Scene, person: Person, command: Resume) -> list[Event]:
    id, deadline = find(scene.case.deadlines, scene.definition.clocks, command.clock)
    pauses = deadline["ledger"]["runs"][-1]["pauses"]
    open_pauses = [pause["ground"] for pause in pauses if pause["until"] is None]
    if not command.ground and len(open_pauses) != 1:
        raise Invalid(
            "clock.not_paused" if not open_pauses else "clock.which_ground",
            say("the clock {clock} is not paused", clock=id)
            if not open_pauses
            else say("the clock {clock} is paused on several grounds", clock=id),
            expected=say("one of: {grounds}", grounds=", ".join(open_pauses) or "—"),
            remedy=say("name the ground with --ground"),
        )
    return [ResumeOrdered(id, command.ground or open_pauses[0], command.reason)]


def _extend(scene: Scene, person: Person, command: Extend) -> list[Event]:
    id = find(scene.case.deadlines, scene.definition.clocks, command.clock)[0]
    return [ExtensionGranted(id, str(parse_term(command.by)), command.reason)]


def _treat_card(scene: Scene, person: Person, command: TreatCard) -> list[Event]:
    return [command.act]


_FACTS: dict[type, Callable[[Scene, Person, Any], list[Event]]] = {
    Do: _do,
    Sign: _sign,
    Confirm: _confirm,
    GiveBack: _give_back,
    Withdraw: _withdraw,
    Recuse: _recuse,
    Challenge: _challenge,
    DecideRecusal: _decide_recusal,
    HandOver: _hand_over,
    AllowNotice: _allow_notice,
    Retry: _retry,
    Migrate: _migrate,
    Pause: _pause,
    Resume: _resume,
    Extend: _extend,
    TreatCard: _treat_card,
}


# --- whose it is


def claim_of(
    event: Event, case: Case | None, definition: Definition, organisation: Organisation
) -> Claim | None:
    """To whom a fact belongs that is entered into `case` as it stands (None: that opens it); None for what
    anybody who works here may enter about herself, and for what people do not enter."""
    if isinstance(event, CaseOpened):
        return _opening(definition, organisation, event)
    if case is None:
        return None
    out = kept_out(case, definition, organisation)
    match event:
        case TaskCompleted(task=task) | AnswerEntered(task=task) | ReferralSigned(task=task):
            return _claim_on(case, definition, organisation, task)
        case ReferralReportedUp(task=task):
            return _claim_on(case, definition, organisation, task)
        case MessageReceived(name=name):
            found = [step for step in steps(case, definition) if step.message == name]
            return _step_claim(case, definition, organisation, found[0]) if found else None
        case AnswerConfirmed(task=task) | AnswerReturned(task=task):
            return _signing(case, definition, organisation, task)
        case ReferralFollowedUp(task=task):
            return claim_to_follow_up(case, definition, organisation, task)
        case ReferralWithdrawn(task=task):
            head = organisation.head_of(case.docket[task]["unit"])
            what = say("keeping the department out of the review")
            return Claim((head,), what, _law(RECUSAL_BASIS), definition.code, "approve", out)
        case RecusalChallenged():
            lanes = [_post(binding) for binding in definition.item["lanes"].values()]
            return Claim((definition.opener(), *lanes), say("the entry of a challenge"), item=definition.code)
        case RecusalDecided(recusal=id):
            return claim_to_decide(case, definition, organisation, id)
        case TaskHandedOver(task=task):
            return _handing_over(case, definition, organisation, task)
        case ContactHandedOver():
            return _contact_claim(case, definition, organisation)
        case NoticeAllowed() if definition.notice is not None:
            owners = (_post(definition.notice.approver),)
            what = say("the leave for one more notice")
            return Claim(owners, what, definition.notice.basis.text(), definition.code, "approve", out)
        case CaseMigrated():
            what = say("taking the case over to another version")
            return Claim(organisation.administrators, what, MIGRATION_RULE, definition.code, barred=out)
        case IncidentRetried():
            what = say("the repair of what has failed")
            return Claim(organisation.administrators, what, REPAIR_RULE, definition.code, barred=out)
        case PauseOrdered() | ResumeOrdered() | ExtensionGranted():
            return replace(_clock_claim(event, case, definition), barred=out)
        case CardAnswered(card=card) | CardContested(card=card):
            posts = organisation.posts_in(case.cards[card]["unit"]) if card in case.cards else []
            return Claim(tuple(posts), say("this act on the card"), CARD_RULE, definition.code, barred=out)
        case CardWithdrawn():
            what = say("this act on the card")
            return Claim(organisation.supervisors, what, CARD_RULE, definition.code, barred=out)
    return None


def claim_to_do(case: Case, definition: Definition, organisation: Organisation, step: Step) -> Claim:
    """To whom an open step belongs now: who may do it, or sign what was entered."""
    signing = _signing(case, definition, organisation, step.task)
    return signing or _step_claim(case, definition, organisation, step)


REPAIR_RULE = say("what the process can't go on from by itself is put right by the administrators, on record")
MIGRATION_RULE = say(
    "a case is taken over to another version by the administrators, on record, with a reason"
)
CARD_RULE = say("a card is answered by the unit that got it, and withdrawn by the supervisors")


def _opening(definition: Definition, organisation: Organisation, opened: CaseOpened) -> Claim:
    parties = [str(opened.data[name]) for name in definition.parties if name in opened.data]
    return Claim(
        (definition.opener(),),
        definition.title(),
        item=definition.code,
        power="accept",
        barred=recused(organisation, parties),
    )


def _claim_on(case: Case, definition: Definition, organisation: Organisation, task: str) -> Claim | None:
    step = step_called(case, definition, task)
    return _step_claim(case, definition, organisation, step) if step is not None else None


def _step_claim(case: Case, definition: Definition, organisation: Organisation, step: Step) -> Claim:
    owners = ((step.unit, step.post),)
    return _claim(case, definition, organisation, step.task, step.node.id, owners)


def _claim(
    case: Case,
    definition: Definition,
    organisation: Organisation,
    task: str,
    element: str,
    owners: tuple[Post, ...],
    power: str | None = None,
) -> Claim:
    node = definition.node(element)
    needs = node.properties.get("certificate", CERTIFICATE if definition.officers(element) > 1 else "")
    return Claim(
        owners,
        definition.step_title(node),
        item=definition.code,
        power=power or node.properties.get("power", "review"),
        barred=barred(case, definition, organisation, task, element),
        certificate=needs,
    )


def _signing(case: Case, definition: Definition, organisation: Organisation, task: str) -> Claim | None:
    """Who signs what somebody else entered: the other officer, or the one who confirms for the department."""
    entry = case.docket.get(task)
    if entry is None or entry["stage"] != "entered":
        return None
    post = signer(definition, entry)
    officers = post == entry["post"]
    power = None if officers else "approve"
    claim = _claim(case, definition, organisation, task, entry["element"], ((entry["unit"], post),), power)
    return claim if officers else replace(claim, certificate="")


def claim_to_follow_up(case: Case, definition: Definition, organisation: Organisation, task: str) -> Claim:
    """To whom the opinion belongs that a department owes after its silence: who signs for the department."""
    entry = case.docket[task]
    post = answerable(definition, entry)
    power = "approve" if post != entry["post"] else None
    owners = ((entry["unit"], post),)
    claim = _claim(case, definition, organisation, task, entry["element"], owners, power)
    rule = say("after silence, the opinion is given by who signs for the department")
    return replace(claim, rule=rule, certificate="") if power else replace(claim, rule=rule)


def claim_to_decide(case: Case, definition: Definition, organisation: Organisation, id: str) -> Claim:
    """To whom the decision about a recusal belongs: the head of the unit (Civil Servants Law art. 77); about
    a head, whoever is above."""
    out = kept_out(case, definition, organisation)
    person = case.recusals[id]["person"]
    what = say("the decision about a recusal")
    barred = {**out, person: _law(RECUSAL_BASIS)}
    owners: list[Post] = []
    posts = organisation.people[person].posts if person in organisation.people else ()
    for unit in dict.fromkeys(held for held, _ in posts):
        at = unit
        while at:
            head = organisation.head_of(at)
            if any(holder.id not in barred for holder in organisation.holders(*head)):
                owners.append(head)
                break
            at = organisation.superior(at)
    owners = list(dict.fromkeys(owners)) or list(organisation.supervisors)
    return Claim(tuple(owners), what, _law(RECUSAL_BASIS), definition.code, "approve", barred)


def _handing_over(case: Case, definition: Definition, organisation: Organisation, task: str) -> Claim | None:
    """A step is handed over by who answers for it, or by the head of the unit."""
    step = step_called(case, definition, task)
    if step is None:
        return None
    head = organisation.head_of(step.unit)
    claim = _step_claim(case, definition, organisation, step)
    entry = case.docket.get(task)
    assignee = entry.get("assignee", "") if entry is not None else ""
    rule = say("a step is handed over by who answers for it, or by the head of the unit")
    # Who must keep out of the case may still hand it over: that is how she gets rid of it.
    claim = replace(claim, rule=rule, barred={}, certificate="")
    if assignee:
        return replace(claim, owners=(head,), hers=(assignee, claim.owners))
    return replace(claim, owners=(*claim.owners, head))


def _contact_claim(case: Case, definition: Definition, organisation: Organisation) -> Claim:
    rule = say(
        "first-contact responsibility (首问责任) stays until it is handed over on record, by who has it"
    )
    if case.contact is None:
        return Claim((definition.opener(),), say("the hand-over of the case"), rule, definition.code)
    contact = organisation.people.get(case.contact["person"])
    head = organisation.head_of(case.contact["unit"])
    hers = (case.contact["person"], contact.posts if contact is not None else ())
    return Claim((head,), say("the hand-over of the case"), rule, definition.code, hers=hers)


def _clock_claim(
    event: PauseOrdered | ResumeOrdered | ExtensionGranted, case: Case, definition: Definition
) -> Claim:
    """A clock is paused and resumed by those who work on the case in the unit that answers for it, and
    extended by the office that the law names (Administrative Licensing Law art. 42)."""
    clock = definition.clocks[case.deadlines[event.clock]["clock"]]
    rule = rule_of(clock, case.deadlines[event.clock])
    if isinstance(event, ExtensionGranted):
        extension = rule.extension
        owners = (_post(extension.approver),) if extension is not None else ()
        basis = extension.basis if extension is not None else rule.basis
        return Claim(owners, say("an extension of the clock"), basis.text(), definition.code, "approve")
    lanes = [_post(binding) for binding in definition.item["lanes"].values()]
    own = tuple(lane for lane in lanes if lane[0] == clock.unit) or tuple(lanes)
    pausing = isinstance(event, PauseOrdered)
    what = say("a pause of the clock") if pausing else say("a resumption of the clock")
    return Claim(own, what, rule.basis.text(), definition.code)


def kept_out(case: Case, definition: Definition, organisation: Organisation) -> dict[str, Text]:
    """Who is kept from the case as a whole, each with the rule: who has an interest in a party, who must
    keep out of it, and who must as long as that is not decided (Civil Servants Law art. 76-77)."""
    found = recused(organisation, case.parties)
    for person, recusal in barred_by(case.recusals.items()).items():
        found[person] = say("recusal {recusal}: {law}", recusal=recusal, law=_law(RECUSAL_BASIS))
    return found


def barred(
    case: Case, definition: Definition, organisation: Organisation, task: str, element: str
) -> dict[str, Text]:
    """Who is kept from a step in this case, each with the rule. It holds across parallel branches; who acts
    for somebody is judged with her."""
    found = kept_out(case, definition, organisation)
    for separation in definition.separations:
        others = set(separation.steps) - {element} if element in separation.steps else set()
        earlier = [case.veterans.get(step, []) for step in sorted(others)]
        for pairs in (*earlier, *(e["actors"] for e in case.docket.values() if e["element"] in others)):
            for names in pairs:
                found |= dict.fromkeys(names, separation.basis.text())
    entry = case.docket.get(task)
    if entry is None:
        return found
    if entry["stage"] == "entered":
        for names in entry["actors"]:
            found |= dict.fromkeys(names, FOUR_EYES)
    if "joint" in entry:
        own = organisation.standing_unit(entry["unit"])
        for other in case.docket.values():
            same = (other.get("joint"), other.get("round")) == (entry["joint"], entry["round"])
            if same and other["stage"] != "cancelled" and organisation.standing_unit(other["unit"]) != own:
                for names in other["actors"]:
                    found |= dict.fromkeys(names, OWN_OPINION)
    return found


def _post(binding: str) -> Post:
    unit, _, post = binding.partition("/")
    return unit, post


def _law(basis: Mapping[str, str]) -> Text:
    return say("{law} {article}", **basis)


# --- what is entered


def _check_answers(scene: Scene, command: Do, fact: Event) -> None:
    case, definition = scene.case, scene.definition
    if isinstance(fact, ReferralFollowedUp):
        node = definition.node(case.docket[command.task]["element"])
        check(definition.form_at(node.id), command.data)
        _check_opinion(command.data)
        return
    target = find_step(case, definition, command.task)
    check(definition.form(target.scope, target.node) or NO_FIELDS, command.data)
    if definition.joint_of(target.node.id) is not None:
        _check_opinion(command.data)
    _check_materials(definition, case.materials, target.node, command.data)
    zone = case.marking["zone"]
    for meeting in definition.meetings.values():
        if target.node.id == meeting.convene:
            hours = hours_of(case, case.calendar, scene.calendar_of)(target.unit)
            meetings.check_convening(meeting, command.data, scene.at, zone, hours, scene.organisation)
        elif target.node.id == meeting.invite:
            meetings.check_reply(command.data, target.unit, scene.organisation)
        elif target.node.id == meeting.hold:
            call = meetings.latest_call(meeting, case.docket, zone)
            meetings.check_record(meeting, call, command.data, scene.at, scene.organisation)


def _check_opinion(data: Mapping[str, Any]) -> None:
    """An opinion comes with what makes it one: a refusal and "not our concern" with a reason, conditions
    with the conditions."""
    needed = {
        "disagree": ("reason",),
        "not_concerned": ("reason", "competent"),
        "report_up": ("superior", "reason"),
        "conditions": ("conditions",),
    }.get(str(data.get("opinion")), ())
    for name, opinion in _BELONGS.items():
        if data.get("opinion") != opinion and data.get(name) not in (None, "", []):
            raise Invalid(
                "opinion.inconsistent",
                say(
                    "{field} does not go with the opinion {opinion}",
                    field=name,
                    opinion=str(data.get("opinion")),
                ),
                expected=say("{field} only beside opinion={opinion}", field=name, opinion=opinion),
                found=say("{field} beside opinion={opinion}", field=name, opinion=str(data.get("opinion"))),
                rule=say("an opinion means one thing, on paper and in the count (法释〔2009〕20号 art. 5)"),
                remedy=say("add --set opinion={opinion}, or leave {field} out", opinion=opinion, field=name),
            )
    for name in needed:
        given = conditions_in(data) if name == "conditions" else [str(data.get(name, ""))]
        if not given or not all(text.strip() for text in given):
            raise Invalid(
                "opinion.incomplete",
                say("the opinion {opinion} needs {field}", opinion=data["opinion"], field=name),
                expected=_NEEDED[name],
                found=say("nothing"),
                rule=say("an opinion without its reason can't be answered for (法释〔2009〕20号 art. 5)"),
                remedy=say("add --set {field}=…", field=name),
            )


_BELONGS = {"conditions": "conditions", "competent": "not_concerned", "superior": "report_up"}
"""Fields that mean something with one opinion only."""

_NEEDED = {
    "reason": say("the reason, with the rule it rests on"),
    "competent": say("who is competent instead"),
    "superior": say("the higher organ that was asked"),
    "conditions": say("at least one condition, each in words"),
}


def _check_materials(
    definition: Definition, on_file: Mapping[str, Any], node: Node, data: Mapping[str, Any]
) -> None:
    """What is received and asked for is on the item's list (Administrative Licensing Law art. 31), and what
    is on file is not asked for again (art. 35) but for a fault that is named."""
    for key in ("receives", "requests"):
        for listed in data.get(node.properties.get(key, ""), ()):
            material, more = material_in(listed)
            if material not in definition.materials:
                raise Invalid(
                    "material.unknown",
                    say("{material} is not a material of this item", material=material),
                    expected=say("one of: {materials}", materials=", ".join(definition.materials) or "—"),
                    rule=say("Administrative Licensing Law art. 31: no unrelated materials may be asked for"),
                    remedy=say("use the code of a material on the item's list"),
                )
            if key == "requests" and material in on_file and not more.strip():
                filed = on_file[material]
                raise Invalid(
                    "material.on_file",
                    say("{material} is on file and may not be asked for again", material=material),
                    found=say("received by {unit} at {at}", unit=filed["unit"] or "—", at=filed["at"]),
                    rule=say(
                        "Administrative Licensing Law art. 35: what was handed in is not asked for again"
                    ),
                    remedy=say(
                        "use what is on file; if it has a fault, name it: {material}:…, which goes on record",
                        material=material,
                    ),
                )


def _check_agent(definition: Definition, data: Mapping[str, Any]) -> None:
    """Who files for somebody else shows that he may."""
    fields = definition.agent
    if fields is None or not str(data.get(fields.agent, "")).strip():
        return
    for name in (fields.principal, fields.authorisation):
        if not str(data.get(name, "")).strip():
            raise Invalid(
                "agent.authorisation",
                say("an agent files for somebody, on an authorisation"),
                expected=say("{field}", field=name),
                rule=say("Administrative Licensing Law art. 29: an application may be entrusted to an agent"),
                remedy=say("add --set {field}=…", field=name),
            )


def _check_foldable(scene: Scene, by: Mapping[str, Any], facts: list[Event]) -> None:
    """Raise `Invalid` when the facts can't be, or would tell the applicant a second time what is missing."""
    case, definition = scene.case, scene.definition
    told = definition.notice is not None and case.notices > 0
    if isinstance(facts[-1], CaseMigrated):
        return  # it has been assessed
    if isinstance(facts[-1], TaskCompleted | MessageReceived) and not told:
        return  # nothing but the process can refuse these, and it does when they are entered
    for fact in facts:
        case = follow(case, definition, scene.at, by, fact, scene.calendar_of)
    again = [
        event
        for event in case.expected
        if isinstance(event, FindingRaised) and event.finding == SECOND_NOTICE
    ]
    if again and definition.notice is not None and case.notices - 1 > case.leave:
        raise Invalid(
            "notice.second",
            say("the applicant was told once what is missing; a second notice is not allowed"),
            expected=say("one complete notice"),
            found=say("{count} notices", count=case.notices - 1),
            rule=definition.notice.basis.text(),
            remedy=say(
                "decide on what is there, or have {post} allow it: lianban notice allow {case} --reason …",
                post=definition.notice.approver,
                case=case.number,
            ),
        )


def revision(
    case: Case, definition: Definition, at: datetime, calendar: str, calendar_of: CalendarOf
) -> tuple[Event, ...]:
    """What would follow for the case if it were counted by `calendar` (a digest) from `at` on."""
    return follow(case, definition, at, {}, CalendarRevised(calendar), calendar_of).expected
