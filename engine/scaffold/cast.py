"""Who takes part in a new item: units and posts, each with people who hold it on its first day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from ..errors import Invalid, Text, Unknown, say, titled
from ..organisation import Organisation, Person
from .kinds import Kind, Wish


class Cast:
    """The units and posts of the item, each with people who hold it: its worked cases are played by them."""

    def __init__(self, wish: Wish, kind: Kind, organisation: Organisation) -> None:
        self.wish, self.kind, self.organisation = wish, kind, organisation
        self.day = wish.effective
        self.places: dict[str, str] = {}
        self.posts: dict[str, str] = {}
        self.people: dict[str, list[Person]] = {}
        for unit in (wish.lead, wish.window, *wish.units):
            if unit and not organisation.stands(unit):
                raise Unknown(
                    "unit.unknown",
                    say("there is no unit {unit}", unit=unit),
                    expected=say("the code of a unit of {office}", office=titled(**organisation.name)),
                    found=say("{unit}", unit=unit),
                    remedy=self.nearest(unit),
                )
        self.lead, self.units = self.chosen()
        self.fill(self.lead, self.units)

    def nearest(self, unit: str) -> Text:
        """What to do about the code of a unit that there is not."""
        similar = get_close_matches(unit, self.organisation.units, 3, 0.5)
        if similar:
            return say("is it one of these: {names}?", names=", ".join(similar))
        return say("see the codes with `lianban org show`, or add it with `lianban org add-unit`")

    def chosen(self) -> tuple[str, tuple[str, ...]]:
        """The lead authority and the other units: as wished, or the first that have the people."""
        wish, about = self.wish, self.kind.about
        if wish.lead:
            leads: Sequence[str] = [wish.lead]
        elif wish.units and "units" in about and about["units"]["lead"]:
            leads = [wish.units[0]]
        else:
            wanted = [unit for unit in about["lead"] if self.organisation.stands(unit)]
            leads = [*wanted, *(unit for unit in self.organisation.units if unit not in wanted)]
        refusal: Invalid | None = None
        for lead in leads:
            units = self.others(lead)
            try:
                self.fill(lead, units)
            except Invalid as refused:
                refusal = refusal or refused
                continue
            return lead, units
        raise refusal or self.nobody("UNIT", 1, None)

    def others(self, lead: str) -> tuple[str, ...]:
        about = self.kind.about.get("units")
        if about is None:
            return ()
        if about["lead"]:
            given = self.wish.units or (lead, *self.answering(about, lead))
            return given if lead in given else (lead, *given)
        return self.wish.units or tuple(self.answering(about, lead))

    def answering(self, about: Mapping[str, Any], lead: str) -> list[str]:
        """As many further units as the kind wants, of those that have somebody who can answer."""
        preferred = [unit for unit in about["prefer"] if self.organisation.stands(unit)]
        able = [
            unit
            for unit in dict.fromkeys([*preferred, *self.organisation.units])
            if unit != lead and self.organisation.stands(unit) and self.holders(unit, about["post"])
        ]
        return able[: about["count"]]

    def holders(self, unit: str, post: str) -> list[Person]:
        return self.organisation.on(self.day).holders(unit, post)

    def fill(self, lead: str, units: tuple[str, ...]) -> None:
        """Find who holds each post. Raises `Invalid` naming the first that nobody holds."""
        self.lead, self.units = lead, units
        self.places, self.posts, self.people = {"lead": lead}, {}, {}
        self.places["government"] = self.of_kind("government")
        self.places["centre"] = self.of_kind("centre")
        own = self.holders(lead, "clerk")
        self.places["window"] = self.wish.window or (lead if own else self.places["centre"])
        if "below" in self.kind.about:
            self.places["village"], self.places["township"] = self.below()
        for role, wanted in self.kind.about["roles"].items():
            self.cast(role, wanted)
        for unit in units:
            self.cast(f"unit:{unit}", {"post": f"{unit}/reviewer"})

    def of_kind(self, kind: str) -> str:
        return next(
            (
                unit
                for unit in self.organisation.units
                if self.organisation.stands(unit) and self.organisation.kind_of(unit) == kind
            ),
            "",
        )

    def below(self) -> tuple[str, str]:
        """A village and its township: those wished, or the first village that has an agent."""
        given = self.wish.units
        villages = [
            unit
            for unit in (given or self.organisation.units)
            if self.organisation.kind_of(unit) == "village" and self.holders(unit, "agent")
        ]
        if not villages:
            raise Invalid(
                "scaffold.village",
                say("no village with an agent is named"),
                expected=say("--units VILLAGE: a unit of kind village, with somebody who is its agent"),
                remedy=say("name one that `lianban org show` lists"),
            )
        return villages[0], self.organisation.superior(villages[0])

    def cast(self, role: str, wanted: Mapping[str, Any]) -> None:
        certificate = wanted.get("certificate")
        posts = [self.post(text) for text in wanted["post"].split()]
        for unit, post, need in posts:
            people = self.holders(unit, post) if unit else []
            if certificate is not None:
                people = [
                    person
                    for person in people
                    if any(c.kind == certificate and c.expires >= self.day for c in person.certificates)
                ]
            if len(people) >= need:
                self.posts[role] = f"{unit}/{post}"
                self.people[role] = people
                return
        raise self.nobody(
            " / ".join(f"{unit}/{post}" for unit, post, _ in posts if unit), posts[-1][2], certificate
        )

    def nobody(self, post: str, need: int, certificate: str | None) -> Invalid:
        """The refusal where a post is not held by as many as the item needs."""
        wanted = say("{count} or more", count=need)
        if certificate:
            wanted = say("{count} with a valid certificate ({kind})", count=need, kind=certificate)
        return Invalid(
            "scaffold.nobody",
            say("too few people hold the post {post} on {day}", post=post, day=self.day.isoformat()),
            expected=wanted,
            rule=say("an item is published when its worked cases come out, and people have to play them"),
            remedy=say("fill the post with `lianban org grant`, or name another unit with --lead or --units"),
        )

    def post(self, text: str) -> tuple[str, str, int]:
        """`lead/reviewer*2` → unit, post, and how many have to hold it; `HEAD` is the post at the head."""
        named, _, need = text.partition("*")
        place, _, post = named.partition("/")
        unit = self.places.get(place, place)
        if post == "HEAD" and unit:
            unit, post = self.organisation.head_of(unit)
        return unit, post, int(need or 1)
