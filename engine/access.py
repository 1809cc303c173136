"""Who may do what, and in whose place (floor 3).

A person acts in a post that is hers on that day. Where its holder is away she may act as the stand-in, and
what a holder delegated to her she may do within the delegation; what she has that way she can't lend on
(Administrative Licensing Law art. 24). Four-eyes and recusal look at the person and at the one for whom she
acts alike, so that nobody does through another what is closed to her.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct, field

from .errors import Invalid, NotAllowed, Text, Unknown, say
from .organisation import ALL, Delegation, Organisation, Person, Post, told_posts
from .organisation import POWERS as POWERS

LANE_RULE = say("the step's lane in the published definition is bound to this post")

DELEGATION_RULE = say(
    "Administrative Licensing Law art. 26: a department's window acts for it within what was granted to it; "
    "art. 24: power is exercised within its grant and not lent on"
)

CERTIFICATE_RULE = say(
    "officers who inspect on site hold a valid law-enforcement certificate and show it (行政执法资格, "
    "国办发〔2018〕118号)"
)


class Claim(Struct, frozen=True):
    """What somebody wants to do: `what`, which belongs to the posts `owners` (unit, post) by `rule`.

    `item` and `power` (one of `POWERS`) are what a delegation must cover. `barred` says by which rule a
    person (her id) is kept from it in this case: four-eyes, recusal. `certificate` is the kind that whoever
    does it must have, valid on the day; "" for none. `hers` are posts that count for this one person only.
    """

    owners: tuple[Post, ...]
    what: Text
    rule: Text = LANE_RULE
    item: str = ""
    power: str = "review"
    barred: Mapping[str, Text] = field(default_factory=dict)
    certificate: str = ""
    hers: tuple[str, tuple[Post, ...]] = ("", ())


def identify(organisation: Organisation, who: str | None) -> Person:
    """The person called `who`. Raises `Unknown`, with the nearest remedy, when there is nobody."""
    if who is None:
        raise Invalid(
            "person.missing",
            say("who is acting?"),
            expected=say("the id of a person of this office"),
            remedy=say("add --as PERSON or set LIANBAN_USER"),
        )
    person = organisation.people.get(who)
    if person is None:
        raise Unknown(
            "person.unknown",
            say("nobody here is called {who}", who=who),
            expected=say("one of: {people}", people=", ".join(organisation.people)),
            found=say("{who}", who=who),
            remedy=say("use a person's id, as `lianban inbox --all` shows them"),
        )
    return person


def permit(organisation: Organisation, person: Person, claim: Claim) -> dict[str, str]:
    """The capacity in which `person` may do it, as it goes on record: `{"person", "unit", "post"}` of the
    first of the owners that is hers; for somebody else also `{"for", "as": "stand_in"}` or `{"for", "as":
    "delegate", "delegation"}`. After a merger the unit is the successor.

    Raises `NotAllowed` naming the rule and who could act instead: `access.barred`, `access.certificate`,
    `access.delegation` for one that does not reach so far, else `access.post`.
    """
    by = _capacity(organisation, person, claim)
    if by is None:
        raise _refusal(organisation, person, claim)
    return by


def may(organisation: Organisation, claim: Claim) -> list[Person]:
    """Everybody whom `permit` lets do it, in the order of the register."""
    seats = _seats(organisation, claim, claim.hers[0])
    holders = {holder.id for seat in seats for holder in organisation.holders(*seat)}
    able = {entry.person for entry in organisation.stand_ins if entry.principal in holders}
    able |= {entry.to for entry in organisation.delegations if organisation.seat(*entry.post) in seats}
    able |= holders
    return [
        person
        for person in organisation.people.values()
        if person.id in able and _capacity(organisation, person, claim) is not None
    ]


def recused(organisation: Organisation, parties: Iterable[str]) -> dict[str, Text]:
    """Who declared an interest in one of the parties (names, id numbers), with the rule that keeps her from
    their case: the `barred` of a claim."""
    named = set(parties)
    return {
        entry.person: say(
            "Civil Servants Law art. 76-77: who has an interest in the matter withdraws; declared: {kind}",
            kind=_INTERESTS[entry.kind],
        )
        for entry in organisation.interests
        if entry.party in named
    }


_INTERESTS = {
    "own": say("her own interest"),
    "spouse": say("her spouse's interest"),
    "kin": say("a relative's interest"),
    "in-law": say("an in-law's interest"),
    "other": say("another circumstance"),
}


def _capacity(organisation: Organisation, person: Person, claim: Claim) -> dict[str, str] | None:
    if person.id in claim.barred or not _certified(organisation, person, claim):
        return None
    ways = _ways(organisation, person, claim)
    return next((by for by in ways if by.get("for") not in claim.barred), None)


def _certified(organisation: Organisation, person: Person, claim: Claim) -> bool:
    return not claim.certificate or organisation.certificate_of(person.id, claim.certificate) is not None


def _ways(organisation: Organisation, person: Person, claim: Claim) -> Iterator[dict[str, str]]:
    """Every capacity in which she has one of the owners' posts, the best first: her own, as the stand-in of
    who is away, as the delegate of who still holds the post herself."""
    seats = _seats(organisation, claim, person.id)
    for unit, post in seats:
        if (unit, post) in person.posts:
            yield {"person": person.id, "unit": unit, "post": post}
    for unit, post in seats:
        for stand_in in organisation.stand_ins:
            principal = organisation.people[stand_in.principal]
            if stand_in.person == person.id and (unit, post) in principal.posts:
                lent = {"for": principal.id, "as": "stand_in"}
                yield {"person": person.id, "unit": unit, "post": post, **lent}
    for unit, post in seats:
        for delegation in organisation.delegations:
            if (
                delegation.to == person.id
                and organisation.seat(*delegation.post) == (unit, post)
                and _shortfall(organisation, delegation, claim) is None
            ):
                lent = {"for": delegation.grantor, "as": "delegate", "delegation": delegation.id}
                yield {"person": person.id, "unit": unit, "post": post, **lent}


def _seats(organisation: Organisation, claim: Claim, person: str) -> list[Post]:
    owners = (*claim.hers[1], *claim.owners) if claim.hers[0] == person else claim.owners
    return list(dict.fromkeys(organisation.seat(*owner) for owner in owners))


def _shortfall(organisation: Organisation, delegation: Delegation, claim: Claim) -> Text | None:
    """Why the delegation of a post does not reach to the claim; None when it does."""
    told = {"delegation": delegation.id, "grantor": delegation.grantor, "since": str(delegation.since)}
    told |= {"until": str(delegation.until), "revoked": str(delegation.revoked)}
    if delegation.revoked is not None and delegation.revoked <= organisation.day:
        return say("delegation {delegation} of {grantor} was revoked on {revoked}", **told)
    if organisation.day > delegation.until:
        return say("delegation {delegation} of {grantor} ended on {until}", **told)
    if organisation.day < delegation.since:
        return say("delegation {delegation} of {grantor} begins on {since}", **told)
    if organisation.seat(*delegation.post) not in organisation.people[delegation.grantor].posts:
        return say("delegation {delegation}: {grantor} does not hold the post any more", **told)
    if not {claim.item, ALL} & {*delegation.items}:
        items = ", ".join(delegation.items)
        return say("delegation {delegation} of {grantor} is for other items: {items}", items=items, **told)
    if not {claim.power, ALL} & {*delegation.powers}:
        return say(
            "delegation {delegation} of {grantor} is for {powers}, and this takes {power}",
            powers=", ".join(delegation.powers),
            power=claim.power,
            **told,
        )
    return None


def _refusal(organisation: Organisation, person: Person, claim: Claim) -> NotAllowed:
    """Why not, in the order in which somebody would ask: nobody lent it to her, it is closed to her in this
    case, she lacks the certificate."""
    ways = list(_ways(organisation, person, claim))
    principals = [by.get("for", "") for by in ways]
    if not ways:
        return _without_post(organisation, person, claim)
    if person.id in claim.barred or all(one in claim.barred for one in principals):
        who = person.id if person.id in claim.barred else principals[0]
        told = {"person": person.id, "principal": who}
        found = say("{person} would act for {principal}, who is kept from it", **told)
        if who == person.id:
            found = say("{person} is kept from it", **told)
        expected = say("somebody who is not kept from it in this case, nor acts for one who is")
        return _refuse("access.barred", organisation, person, claim, expected, found, claim.barred[who])
    told = {"person": person.id, "kind": claim.certificate, "day": str(organisation.day)}
    expected = say("a certificate “{kind}” that is valid on {day}", **told)
    found = say("{person} has none", **told)
    held = [own for own in person.certificates if own.kind == claim.certificate]
    if held:
        last = max(held, key=lambda own: own.expires)
        told |= {"number": last.number, "expires": str(last.expires)}
        found = say("certificate {number} of {person} expired on {expires}", **told)
    return _refuse("access.certificate", organisation, person, claim, expected, found, CERTIFICATE_RULE)


def _without_post(organisation: Organisation, person: Person, claim: Claim) -> NotAllowed:
    seats = _seats(organisation, claim, person.id)
    expected = say("somebody who holds {posts}", posts=told_posts(seats))
    for delegation in reversed(organisation.all_delegations):
        if delegation.to == person.id and organisation.seat(*delegation.post) in seats:
            found = _shortfall(organisation, delegation, claim)
            if found is not None:
                return _refuse(
                    "access.delegation", organisation, person, claim, expected, found, DELEGATION_RULE
                )
    found = say("{person} holds {posts}", person=person.id, posts=told_posts(person.posts))
    for entry in organisation.all_stand_ins:
        principal = organisation.people[entry.principal]
        if entry.person == person.id and any(seat in principal.posts for seat in seats):
            found = say(
                "{person} stands in for {principal} from {since} to {until} only",
                person=person.id,
                principal=principal.id,
                since=str(entry.since),
                until=str(entry.until),
            )
    return _refuse("access.post", organisation, person, claim, expected, found, claim.rule)


def _refuse(
    code: str,
    organisation: Organisation,
    person: Person,
    claim: Claim,
    expected: Text,
    found: Text,
    rule: Text,
) -> NotAllowed:
    others = may(organisation, claim)
    holders = {one.id for seat in _seats(organisation, claim, "") for one in organisation.holders(*seat)}
    if others:
        remedy = say("ask {people}", people=", ".join(other.id for other in others))
    elif holders and holders <= set(claim.barred):
        heads = dict.fromkeys(organisation.head_of(unit) for unit, _ in _seats(organisation, claim, ""))
        remedy = say(
            "everybody who holds it is kept from it: {posts} can keep the department out of a joint review "
            "(lianban recuse … --department), or an administrator gives the post to somebody else",
            posts=told_posts(heads),
        )
    elif any(organisation.holders(*owner) for owner in claim.owners):
        heads = dict.fromkeys(organisation.head_of(unit) for unit, _ in _seats(organisation, claim, ""))
        remedy = say(
            "nobody else may today; have {posts} arrange a stand-in or a delegation", posts=told_posts(heads)
        )
    else:
        remedy = say("nobody holds that post; have the administrator fill it")
    what = say("{person} may not do {step}", person=person.id, step=claim.what)
    return NotAllowed(code, what, expected=expected, found=found, rule=rule, remedy=remedy)


# --- the organisation itself


def administrator(organisation: Organisation, who: str) -> dict[str, Any]:
    """Who goes on record for an act of administration. Raises `NotAllowed` for whoever is no
    administrator."""
    person = identify(organisation, who)
    if not organisation.is_administrator(person.id):
        raise _not_hers(organisation, person.id, "an act of administration")
    held = next(post for post in person.posts if post in organisation.administrators)
    return {"person": person.id, "unit": held[0], "post": held[1]}


def _not_hers(organisation: Organisation, person: str, what: str) -> NotAllowed:
    able = [one.id for post in organisation.administrators for one in organisation.holders(*post)]
    return NotAllowed(
        "access.administrator",
        say("{person} may not do this: {what}", person=person, what=what),
        expected=say("an administrator; for a unit its head, for what is one's own oneself"),
        found=say(
            "{person} holds {posts}",
            person=person,
            posts=", ".join("/".join(post) for post in organisation.people[person].posts) or "—",
        ),
        rule=say("the organisation names its administrators"),
        remedy=say("ask {people}", people=", ".join(able) or "—"),
    )


def permit_change(organisation: Organisation, who: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The capacity in which somebody changes the organisation: administrators all of it, heads what
    concerns their units, everybody her own delegations and interests. Raises `NotAllowed`."""
    person = identify(organisation, who)
    if organisation.is_administrator(person.id):
        return administrator(organisation, person.id)
    kind = str(wanted.get("kind"))
    heads: list[Post] = []
    own = False
    match kind:
        case "delegate":
            own = wanted.get("grantor") == person.id
        case "interest":
            own = wanted.get("person") == person.id
        case "revoke":
            granted = [d for d in organisation.all_delegations if d.id == wanted.get("delegation")]
            # Of one that there is not, the change itself says so, and which there are.
            own = not granted or any(delegation.grantor == person.id for delegation in granted)
        case "designate":
            heads = [organisation.head_of(str(wanted.get("unit")))]
        case "stand_in":
            away = organisation.people.get(str(wanted.get("for")))
            heads = [organisation.head_of(unit) for unit, _ in (away.posts if away else ())]
    held = next((post for post in person.posts if post in heads), None)
    if held is None and not own:
        raise _not_hers(organisation, person.id, kind)
    unit, post = held or (person.posts[0] if person.posts else ("", ""))
    return {"person": person.id, "unit": unit, "post": post}
