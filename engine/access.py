"""Who may do what (floor 3): units, the posts in them, and the people who hold the posts.

The organisation is data: a TOML text, recorded with a digest and an instant, so that an act is judged
by the organisation of its time.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from typing import Any
from zoneinfo import ZoneInfo

from .clock import CLOSING, OFFICE_ZONE
from .errors import Invalid, NotAllowed, Text, Unknown, say


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who works here; `posts` are `(unit, post)` pairs, `email` may be empty."""

    id: str
    name: Mapping[str, str]
    posts: tuple[tuple[str, str], ...]
    email: str = ""


@dataclass(frozen=True, slots=True)
class Organisation:
    """Units by code, people by id, and the division code that case numbers begin with.

    `closing` is when its offices close (`HH:MM`) by the clocks of `zone` (an IANA name), in which an office
    works from its creation on; `supervisors` are the posts that watch over time limits and may withdraw a
    card.
    """

    name: Mapping[str, str]
    division: str
    closing: str
    zone: str
    supervisors: tuple[tuple[str, str], ...]
    units: Mapping[str, Mapping[str, Any]]
    people: Mapping[str, Person]

    def unit_name(self, unit: str, lang: str) -> str:
        """The unit's name in `lang`, or its code."""
        names = self.units.get(unit, {}).get("name", {})
        return str(names.get(lang, unit))

    def holders(self, unit: str, post: str) -> list[Person]:
        """Everybody who holds `post` in `unit`, in the order of the register."""
        return [person for person in self.people.values() if (unit, post) in person.posts]

    def members(self, unit: str) -> list[Person]:
        """Everybody who holds a post in `unit`, in the order of the register."""
        return [person for person in self.people.values() if any(held == unit for held, _ in person.posts)]

    def posts_in(self, unit: str) -> list[tuple[str, str]]:
        """Every post in `unit` that somebody holds, in the order of the register."""
        held = (post for person in self.people.values() for post in person.posts)
        return list(dict.fromkeys(post for post in held if post[0] == unit))


def read_organisation(text: bytes) -> Organisation:
    """The organisation that a TOML text describes. Raises `Invalid` when it doesn't describe one."""
    try:
        content = tomllib.loads(text.decode())
        units = dict(content["units"])
        people = {}
        for entry in content["people"]:
            posts = _posts(entry["posts"], units, entry["id"])
            if entry["id"] in people:
                raise ValueError(f"{entry['id']} appears twice")
            email = str(entry.get("email", ""))
            people[str(entry["id"])] = Person(str(entry["id"]), entry["name"], posts, email)
        closing = content.get("closing", CLOSING)
        if not isinstance(closing, time):
            raise ValueError("closing is not a time of day like 17:30:00")
        zone = ZoneInfo(content.get("zone", OFFICE_ZONE)).key
        supervisors = _posts(content.get("supervisors", ()), units, "supervisors")
        return Organisation(
            content["name"],
            str(content["division"]),
            closing.strftime("%H:%M"),
            zone,
            supervisors,
            units,
            people,
        )
    except (
        UnicodeDecodeError,
        tomllib.TOMLDecodeError,
        KeyError,
        ValueError,
        TypeError,
        AttributeError,
    ) as error:
        raise Invalid(
            "organisation.unreadable",
            say("the organisation file can't be read: {error}", error=str(error)),
            expected=say("TOML with name, division, [units.<code>] and [[people]] with id, name, posts"),
            remedy=say("correct the file and try again"),
        ) from error


def _posts(texts: Iterable[str], units: Mapping[str, Any], of: str) -> tuple[tuple[str, str], ...]:
    posts = tuple((str(unit), str(name)) for unit, name in (text.split("/") for text in texts))
    for unit, _ in posts:
        if unit not in units:
            raise ValueError(f"{of}: no unit {unit}")
    return posts


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


LANE_RULE = say("the step's lane in the published definition is bound to this post")


def permit(
    organisation: Organisation,
    person: Person,
    owners: Sequence[tuple[str, str]],
    step: Text,
    rule: Text = LANE_RULE,
) -> dict[str, str]:
    """The capacity in which `person` may do `step`: `{"person", "unit", "post"}`, as it goes on record: the
    first of the posts `owners` (unit, post) that the person holds.

    Raises `NotAllowed` naming who could act instead, by `rule`: for a step the item's lane binding, since a
    step belongs to a post in a unit (Administrative Licensing Law art. 24: power is exercised within its
    grant).
    """
    for unit, post in owners:
        if (unit, post) in person.posts:
            return {"person": person.id, "unit": unit, "post": post}
    others = {holder.id: True for owner in owners for holder in organisation.holders(*owner)}
    raise NotAllowed(
        "access.post",
        say("{person} may not do {step}", person=person.id, step=step),
        expected=say(
            "somebody who holds {posts}", posts=", ".join(f"{unit}/{post}" for unit, post in owners) or "—"
        ),
        found=say(
            "{person} holds {posts}",
            person=person.id,
            posts=", ".join("/".join(held) for held in person.posts) or "—",
        ),
        rule=rule,
        remedy=say("ask {people}", people=", ".join(others))
        if others
        else say("nobody holds that post; have the administrator fill it"),
    )
