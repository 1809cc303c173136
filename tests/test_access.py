"""Who may act, in whose place, and what a refusal says."""

from __future__ import annotations

import json
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest

from engine.access import POWERS, Claim, identify, may, permit, recused
from engine.errors import Invalid, NotAllowed, Unknown, say
from engine.organisation import Organisation, read_register

DAY = date(2026, 3, 2)
FOUR_EYES = say("Administrative Licensing Law art. 48: not by the same person")

COUNTY: dict[str, Any] = {
    "name": {"zh": "示例县", "en": "Shili County"},
    "division": "539901",
    "units": {
        "samr": {"name": {"zh": "市监局"}, "kind": "department"},
        "samr-window": {"name": {"zh": "窗口"}, "kind": "window", "parent": "samr"},
        "psb": {"name": {"zh": "公安局"}, "kind": "department"},
        "quality": {
            "name": {"zh": "质监局"},
            "kind": "department",
            "until": "2026-06-30",
            "successor": "samr",
        },
    },
    "people": [
        {"id": "wang", "name": {"zh": "王"}, "posts": ["samr/reviewer"]},
        {
            "id": "he",
            "name": {"zh": "何"},
            "posts": ["samr/reviewer"],
            "certificates": [{"kind": "enforcement", "number": "5399-7", "expires": "2026-03-31"}],
        },
        {"id": "zhao", "name": {"zh": "赵"}, "posts": ["samr/leader"]},
        {"id": "window", "name": {"zh": "窗"}, "posts": ["samr-window/clerk"]},
        {"id": "yang", "name": {"zh": "杨"}, "posts": ["psb/reviewer"]},
        {"id": "hu", "name": {"zh": "胡"}, "posts": ["quality/tester"]},
    ],
    "stand_ins": [{"person": "wang", "for": "zhao", "since": "2026-03-02", "until": "2026-03-04"}],
    "delegations": [
        {
            "id": "d1",
            "grantor": "zhao",
            "post": "samr/leader",
            "to": "window",
            "items": ["startup"],
            "powers": ["sign", "approve"],
            "since": "2026-03-01",
            "until": "2026-03-31",
        }
    ],
    "interests": [{"person": "he", "party": "张三", "kind": "spouse"}],
}


def on(day: date | str = DAY, **more: Any) -> Organisation:
    content = json.loads(json.dumps({**COUNTY, **more})).copy()
    register = read_register(json.dumps(content).encode())
    return register.on(day if isinstance(day, date) else date.fromisoformat(day))


def claim(*owners: str, **more: Any) -> Claim:
    posts = tuple((unit, post) for unit, _, post in (owner.partition("/") for owner in owners))
    return Claim(posts, say("this step"), **{"item": "startup", **more})


def refusal(organisation: Organisation, who: str, wanted: Claim) -> NotAllowed:
    with pytest.raises(NotAllowed) as refused:
        permit(organisation, organisation.people[who], wanted)
    assert all(str(text) for text in (refused.value.expected, refused.value.found, refused.value.rule))
    assert str(refused.value.remedy)
    return refused.value


def ids(people: list[Any]) -> list[str]:
    return [person.id for person in people]


SIGN = claim("samr/leader", power="sign")


# --- in which capacity


def test_a_holder_acts_in_her_post() -> None:
    today = on()
    by = permit(today, today.people["wang"], claim("samr/leader", "samr/reviewer"))
    # she is the leader's stand-in too; what she has in her own right comes first
    assert by == {"person": "wang", "unit": "samr", "post": "reviewer"}
    assert ids(may(today, claim("samr/reviewer"))) == ["wang", "he"]


def test_a_stand_in_acts_on_the_days_on_which_the_holder_is_away_and_is_named_with_her() -> None:
    for day, away in (
        ("2026-03-01", False),
        ("2026-03-02", True),
        ("2026-03-04", True),
        ("2026-03-05", False),
    ):
        then = on(day)
        assert then.away("zhao") is away
        assert ("wang" in ids(may(then, claim("samr/leader")))) is away
    by = permit(on(), on().people["wang"], claim("samr/leader"))
    assert by == {"person": "wang", "unit": "samr", "post": "leader", "for": "zhao", "as": "stand_in"}
    refused = refusal(on("2026-03-05"), "wang", claim("samr/leader"))
    assert refused.code == "access.post"
    assert str(refused.found) == "wang stands in for zhao from 2026-03-02 to 2026-03-04 only"


def test_a_delegate_acts_for_the_grantor_and_the_record_says_by_which_delegation() -> None:
    by = permit(on(), on().people["window"], SIGN)
    assert by == {
        "person": "window",
        "unit": "samr",
        "post": "leader",
        "for": "zhao",
        "as": "delegate",
        "delegation": "d1",
    }
    assert ids(may(on(), SIGN)) == ["wang", "zhao", "window"]


def test_the_duty_roster_says_who_may() -> None:
    duty = [{"post": "psb/duty-leader", "person": "yang", "since": "2026-03-02", "until": "2026-03-02"}]
    assert ids(may(on(duty=duty), claim("psb/duty-leader"))) == ["yang"]
    refused = refusal(on("2026-03-03", duty=duty), "yang", claim("psb/duty-leader"))
    assert str(refused.remedy) == "nobody holds that post; have the administrator fill it"


def test_after_a_merger_the_successors_people_do_what_was_the_old_departments() -> None:
    before, after = on("2026-06-30"), on("2026-07-01")
    assert ids(may(before, claim("quality/tester"))) == ["hu"]
    by = permit(after, after.people["hu"], claim("quality/tester"))
    assert by == {"person": "hu", "unit": "samr", "post": "tester"}
    # quality had a clerk's post that the successor does not have: its head does what the clerk had to
    assert may(before, claim("quality/clerk")) == []
    assert ids(may(after, claim("quality/clerk"))) == ["zhao"]
    assert permit(after, after.people["zhao"], claim("quality/clerk"))["post"] == "leader"
    assert "zhao" in str(refusal(after, "yang", claim("quality/clerk")).remedy)


# --- refusals


def test_who_has_not_the_post_is_told_whom_to_ask() -> None:
    refused = refusal(on(), "yang", claim("samr/reviewer"))
    assert refused.as_dict() == {
        "code": "access.post",
        "message": "yang may not do this step",
        "expected": "somebody who holds samr/reviewer",
        "found": "yang holds psb/reviewer",
        "rule": "the step's lane in the published definition is bound to this post",
        "remedy": "ask wang, he",
    }


@pytest.mark.parametrize(
    ("day", "wanted", "change", "why"),
    [
        ("2026-04-01", SIGN, {}, "delegation d1 of zhao ended on 2026-03-31"),
        ("2026-02-28", SIGN, {}, "delegation d1 of zhao begins on 2026-03-01"),
        ("2026-03-10", SIGN, {"revoked": "2026-03-10"}, "delegation d1 of zhao was revoked on 2026-03-10"),
        (
            "2026-03-10",
            claim("samr/leader", power="accept"),
            {},
            "delegation d1 of zhao is for sign, approve, and this takes accept",
        ),
        ("2026-03-10", claim("samr/leader", power="sign", item="card"), {}, "is for other items: startup"),
        ("2026-03-10", claim("samr/leader", power="sign", item=""), {}, "is for other items: startup"),
    ],
)
def test_a_delegation_that_does_not_reach_so_far_is_named_with_the_reason(
    day: str, wanted: Claim, change: dict[str, str], why: str
) -> None:
    then = on(day, delegations=[{**COUNTY["delegations"][0], **change}])
    refused = refusal(then, "window", wanted)
    assert refused.code == "access.delegation"
    assert why in str(refused.found)
    assert "art. 24" in str(refused.rule)
    assert "zhao" in str(refused.remedy)


def test_a_delegation_lasts_no_longer_than_the_grantor_holds_the_post() -> None:
    people = [dict(person) for person in COUNTY["people"]]
    people[2]["posts"] = [{"post": "samr/leader", "until": "2026-03-09"}]
    people[0]["posts"] = ["samr/reviewer", {"post": "samr/leader", "since": "2026-03-10"}]
    assert "window" in ids(may(on("2026-03-09", people=people), SIGN))
    refused = refusal(on("2026-03-10", people=people), "window", SIGN)
    assert str(refused.found) == "delegation d1: zhao does not hold the post any more"
    assert str(refused.remedy) == "ask wang"


def test_what_somebody_has_as_stand_in_or_delegate_goes_no_further() -> None:
    # he stands in for window, who is the leader's delegate, and for wang, who is the leader's stand-in
    chain = [
        *COUNTY["stand_ins"],
        {"person": "he", "for": "window", "since": "2026-03-02", "until": "2026-03-04"},
        {"person": "he", "for": "wang", "since": "2026-03-02", "until": "2026-03-04"},
    ]
    today = on(stand_ins=chain)
    assert ids(may(today, SIGN)) == ["wang", "zhao", "window"]
    assert refusal(today, "he", SIGN).code == "access.post"


def test_who_is_kept_from_the_case_is_told_the_rule_and_who_else_there_is() -> None:
    refused = refusal(on(), "wang", claim("samr/reviewer", barred={"wang": FOUR_EYES}))
    assert (refused.code, str(refused.rule)) == ("access.barred", str(FOUR_EYES))
    assert str(refused.remedy) == "ask he"


def test_nobody_does_through_another_what_is_closed_to_her() -> None:
    wanted = claim("samr/leader", power="sign", barred={"zhao": FOUR_EYES})
    for who in ("wang", "window", "zhao"):
        refused = refusal(on(), who, wanted)
        assert (refused.code, str(refused.rule)) == ("access.barred", str(FOUR_EYES))
        assert "samr/leader" in str(refused.remedy)
    assert may(on(), wanted) == []


def test_who_may_also_act_in_another_capacity_is_not_kept_from_it_by_the_one_for_whom_she_does_not_act() -> (
    None
):
    wanted = claim("samr/leader", "samr/reviewer", barred={"zhao": FOUR_EYES})
    assert permit(on(), on().people["wang"], wanted) == {"person": "wang", "unit": "samr", "post": "reviewer"}


def test_declared_interests_keep_from_the_partys_case() -> None:
    barred = recused(on(), ["张三", "532…"])
    assert list(barred) == ["he"]
    refused = refusal(on(), "he", claim("samr/reviewer", barred=barred))
    assert "76-77" in str(refused.rule)
    assert "spouse" in str(refused.rule)
    assert recused(on(), ["李四"]) == {}
    assert [entry.party for entry in on().conflicts("he")] == ["张三"]


def test_an_inspection_needs_a_certificate_that_is_valid_that_day() -> None:
    wanted = claim("samr/reviewer", certificate="enforcement")
    assert ids(may(on("2026-03-31"), wanted)) == ["he"]
    refused = refusal(on("2026-03-31"), "wang", wanted)
    assert (refused.code, str(refused.found), str(refused.remedy)) == (
        "access.certificate",
        "wang has none",
        "ask he",
    )
    refused = refusal(on("2026-04-01"), "he", wanted)
    assert str(refused.found) == "certificate 5399-7 of he expired on 2026-03-31"
    assert "samr/leader" in str(refused.remedy)


def test_who_acts_must_be_somebody_of_the_office() -> None:
    assert identify(on(), "wang").id == "wang"
    with pytest.raises(Invalid):
        identify(on(), None)
    with pytest.raises(Unknown) as refused:
        identify(on(), "nobody")
    assert "wang" in str(refused.value.expected)


# --- against an independent reading of the rules


UNITS, POSTS, PEOPLE = ["a", "b", "c", "d"], ["clerk", "leader"], [f"p{n}" for n in range(9)]


def some_days(random: Random) -> dict[str, str]:
    since = DAY + timedelta(days=random.randint(-6, 4))
    return {"since": since.isoformat(), "until": (since + timedelta(days=random.randint(0, 8))).isoformat()}


def some_post(random: Random) -> str:
    return f"{random.choice(UNITS)}/{random.choice(POSTS)}"


def some_county(random: Random) -> dict[str, Any]:
    units: dict[str, Any] = {code: {"name": {"zh": code}, "kind": "department"} for code in UNITS}
    for code, successor in zip("abc", "bcd", strict=True):
        if random.random() < 0.4:
            units[code]["until"] = (DAY + timedelta(days=random.randint(-4, 4))).isoformat()
            if random.random() < 0.8:
                units[code]["successor"] = successor
    return {
        "name": {"zh": "县"},
        "division": "539901",
        "closing": "17:30",
        "zone": "Asia/Shanghai",
        "supervisors": [],
        "administrators": [],
        "interests": [],
        "units": units,
        "people": [
            {
                "id": id,
                "name": {"zh": id},
                "posts": [
                    random.choice([some_post(random), {"post": some_post(random), **some_days(random)}])
                    for _ in range(random.randint(0, 2))
                ],
                "certificates": [
                    {"kind": "enforcement", "number": "1", "expires": some_days(random)["until"]}
                    for _ in range(random.randint(0, 1))
                ],
            }
            for id in PEOPLE
        ],
        "duty": [
            {"post": some_post(random), "person": random.choice(PEOPLE), **some_days(random)}
            for _ in range(2)
        ],
        "stand_ins": [
            {"person": random.choice(PEOPLE), "for": random.choice(PEOPLE), **some_days(random)}
            for _ in range(5)
        ],
        "delegations": [
            {
                "id": f"d{n}",
                "grantor": random.choice(PEOPLE),
                "post": some_post(random),
                "to": random.choice(PEOPLE),
                **some_days(random),
                "items": random.choice([["*"], ["x"], ["y", "z"]]),
                "powers": random.choice([["*"], ["sign"], ["review", "accept"]]),
                **({"revoked": DAY.isoformat()} if random.random() < 0.2 else {}),
            }
            for n in range(8)
        ],
    }


def some_claim(random: Random) -> Claim:
    return claim(
        *(some_post(random) for _ in range(random.randint(1, 2))),
        item=random.choice(["x", "y"]),
        power=random.choice(POWERS),
        barred={id: FOUR_EYES for id in PEOPLE if random.random() < 0.15},
        certificate=random.choice(["", "", "enforcement"]),
    )


def lawful(county: dict[str, Any], day: str, who: str, wanted: Claim) -> bool:
    """The rules of delegation, standing in, mergers, recusal and certificates, read once more by hand."""

    def now(code: str) -> str | None:
        unit = county["units"][code]
        if day <= unit.get("until", "9"):
            return code
        return now(unit["successor"]) if "successor" in unit else None

    def running(entry: dict[str, Any]) -> bool:
        return entry["since"] <= day <= entry["until"]

    def own(person: str) -> set[tuple[str, str]]:
        given = next(entry["posts"] for entry in county["people"] if entry["id"] == person)
        texts = [
            post if isinstance(post, str) else post["post"]
            for post in given
            if isinstance(post, str) or running(post)
        ]
        texts += [duty["post"] for duty in county["duty"] if duty["person"] == person and running(duty)]
        return {(unit, post) for code, post in (text.split("/") for text in texts) if (unit := now(code))}

    def place(code: str, post: str) -> tuple[str, str] | None:
        unit = now(code)
        if unit is None:
            return None
        if unit == code or any((unit, post) in own(person) for person in PEOPLE):
            return unit, post
        return unit, "leader"

    places = {place(*owner) for owner in wanted.owners} - {None}
    through: set[str] = set()  # for whom she could act, herself included
    if own(who) & places:
        through.add(who)
    for entry in county["stand_ins"]:
        if entry["person"] == who and running(entry) and own(entry["for"]) & places:
            through.add(entry["for"])
    for entry in county["delegations"]:
        lent = place(*entry["post"].split("/"))
        if (
            entry["to"] == who
            and running(entry)
            and day < entry.get("revoked", "9")
            and lent in places
            and lent in own(entry["grantor"])
            and ("*" in entry["items"] or wanted.item in entry["items"])
            and ("*" in entry["powers"] or wanted.power in entry["powers"])
        ):
            through.add(entry["grantor"])
    certificates = next(entry["certificates"] for entry in county["people"] if entry["id"] == who)
    certified = not wanted.certificate or any(day <= entry["expires"] for entry in certificates)
    return certified and who not in wanted.barred and bool(through - set(wanted.barred))


@pytest.mark.parametrize("seed", range(40))
def test_whoever_may_is_permitted_and_nobody_else_whatever_the_organisation(seed: int) -> None:
    random = Random(seed)
    county = some_county(random)
    register = read_register(json.dumps(county).encode(), recorded=True)
    for _ in range(30):
        day = DAY + timedelta(days=random.randint(-6, 9))
        organisation, wanted = register.on(day), some_claim(random)
        able = ids(may(organisation, wanted))
        assert able == [who for who in PEOPLE if lawful(county, day.isoformat(), who, wanted)]
        for who in PEOPLE:
            person = organisation.people[who]
            if who in able:
                by = permit(organisation, person, wanted)
                assert by["person"] == who
                assert (by["unit"], by["post"]) in {organisation.seat(*owner) for owner in wanted.owners}
                assert by.get("for", who) not in wanted.barred
            else:
                refused = refusal(organisation, who, wanted)
                assert (refused.code == "access.barred") <= bool(wanted.barred)
                assert all(other in str(refused.remedy) for other in able)
