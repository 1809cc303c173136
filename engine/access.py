"""Who may do what (floor 3): units, the posts in them, and the people who hold the posts.

The organisation is data: a TOML text, recorded with a digest and an instant, so that an act is judged
by the organisation of its time.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import Invalid, NotAllowed, Text, Unknown, say


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who works here; `posts` are `(unit, post)` pairs."""

    id: str
    name: Mapping[str, str]
    posts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Organisation:
    """Units by code, people by id, and the division code that case numbers begin with."""

    name: Mapping[str, str]
    division: str
    units: Mapping[str, Mapping[str, Any]]
    people: Mapping[str, Person]

    def unit_name(self, unit: str, lang: str) -> str:
        """The unit's name in `lang`, or its code."""
        names = self.units.get(unit, {}).get("name", {})
        return str(names.get(lang, unit))

    def holders(self, unit: str, post: str) -> list[Person]:
        """Everybody who holds `post` in `unit`, in the order of the register."""
        return [person for person in self.people.values() if (unit, post) in person.posts]


def read_organisation(text: bytes) -> Organisation:
    """The organisation that a TOML text describes. Raises `Invalid` when it doesn't describe one."""
    try:
        content = tomllib.loads(text.decode())
        units = dict(content["units"])
        people = {}
        for entry in content["people"]:
            posts = tuple((str(unit), str(name)) for unit, name in (p.split("/") for p in entry["posts"]))
            for unit, _ in posts:
                if unit not in units:
                    raise ValueError(f"{entry['id']}: no unit {unit}")
            if entry["id"] in people:
                raise ValueError(f"{entry['id']} appears twice")
            people[str(entry["id"])] = Person(str(entry["id"]), entry["name"], posts)
        return Organisation(content["name"], str(content["division"]), units, people)
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


def permit(organisation: Organisation, person: Person, unit: str, post: str, step: Text) -> dict[str, str]:
    """The capacity in which `person` may do `step`: `{"person", "unit", "post"}`, as it goes on record.

    Raises `NotAllowed` naming who could act instead. The rule is the item's lane binding: a step belongs
    to a post in a unit (Administrative Licensing Law art. 24: power is exercised within its grant).
    """
    if (unit, post) in person.posts:
        return {"person": person.id, "unit": unit, "post": post}
    others = organisation.holders(unit, post)
    raise NotAllowed(
        "access.post",
        say("{person} may not do {step}", person=person.id, step=step),
        expected=say("somebody who holds post {post} in {unit}", post=post, unit=unit),
        found=say(
            "{person} holds {posts}",
            person=person.id,
            posts=", ".join("/".join(held) for held in person.posts) or "—",
        ),
        rule=say("the step's lane in the published definition is bound to this post"),
        remedy=say("ask {people}", people=", ".join(p.id for p in others))
        if others
        else say("nobody holds that post; have the administrator fill it"),
    )
