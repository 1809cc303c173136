"""The organisation as it stands on a day: units, posts, people, and who acts for whom."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, NamedTuple

from msgspec import Struct

POWERS = ("accept", "review", "approve", "sign", "report_up")
"""What can be delegated."""

ALL = "*"
"""Every item, or every power, of a delegation."""

HEAD = "leader"
"""The post at the head of a unit that names no other."""

DESIGNATED = "designated"
"""The post of the one whom a unit designated for joint meetings."""

INNER = ("window", "hall", "office", "subcentre")
"""Units that are part of the organ above them, and no organs of their own."""

Post = tuple[str, str]


class Certificate(NamedTuple):
    """An officer's certificate; it is valid on the day `expires` and not after."""

    kind: str
    number: str
    expires: date


class StandIn(NamedTuple):
    """`person` acts for `principal`, who is away on these days."""

    person: str
    principal: str
    since: date
    until: date


class Interest(NamedTuple):
    """What `person` declared to have to do with `party`, a name or an id number."""

    person: str
    party: str
    kind: str
    note: str


class Delegation(NamedTuple):
    """`grantor` lets `to` do what the holder of `post` may, for these items and powers, on these days.

    From the day `revoked` on it gives nothing.
    """

    id: str
    grantor: str
    post: Post
    to: str
    items: tuple[str, ...]
    powers: tuple[str, ...]
    since: date
    until: date
    revoked: date | None

    def valid(self, day: date) -> bool:
        """Whether it gives anything on `day`."""
        return self.since <= day <= self.until and (self.revoked is None or day < self.revoked)


class Person(Struct, frozen=True):
    """Somebody who works here. `posts` are the `(unit, post)` held on the day in her own right, the duty
    roster and the designation for meetings included; `email` may be empty."""

    id: str
    name: Mapping[str, str]
    posts: tuple[Post, ...]
    email: str = ""
    certificates: tuple[Certificate, ...] = ()


@dataclass(frozen=True, eq=False)
class Organisation:
    """The register as it stands on `day`.

    `units` are all units by code, ended ones included (their names are on old papers); `people` everybody
    by id. `closing` is when the offices close (`HH:MM`) by the clocks of `zone` (an IANA name);
    `supervisors` watch over time limits and may withdraw a card, `administrators` change the register.
    """

    day: date
    name: Mapping[str, str]
    division: str
    closing: str
    zone: str
    supervisors: tuple[Post, ...]
    administrators: tuple[Post, ...]
    units: Mapping[str, Mapping[str, Any]]
    people: Mapping[str, Person]
    _standing: Mapping[str, str]
    _content: Mapping[str, Any]

    def on(self, day: date) -> Organisation:
        """The same register as it stands on another day."""
        return self if day == self.day else stand(self._content, day)

    # --- units

    def unit_name(self, unit: str, lang: str) -> str:
        """The unit's name in `lang`, or its code."""
        names = self.units.get(unit, {}).get("name", {})
        return str(names.get(lang, unit))

    def standing_unit(self, unit: str) -> str:
        """The unit in whose hands `unit` is on this day: itself, or after a merger its successor. Itself too
        when it ended without one, has not begun, or is not known."""
        return self._standing.get(unit) or unit

    def stands(self, unit: str) -> bool:
        """Whether the unit is there on this day, and not ended, merged or still to come."""
        return self._standing.get(unit) == unit

    def predecessors(self, unit: str) -> list[str]:
        """The units that were merged into `unit` by this day, over whatever steps."""
        return [code for code, now in self._standing.items() if now == unit != code]

    def superior(self, unit: str) -> str:
        """The unit above in the tree, or "" at its root."""
        above = str(self.units.get(self.standing_unit(unit), {}).get("parent", ""))
        return self.standing_unit(above) if above else ""

    def organ(self, unit: str) -> str:
        """The organ that `unit` belongs to: a window, hall, office or sub-centre to the unit above it, a
        bureau within a department to the department, every other unit to itself."""
        at = self.standing_unit(unit)
        while above := self.superior(at):
            bureau = self.kind_of(at) == self.kind_of(above) == "department"
            if not bureau and self.kind_of(at) not in INNER:
                break
            at = above
        return at

    def head_of(self, unit: str) -> Post:
        """The post at the head of the unit."""
        now = self.standing_unit(unit)
        return now, str(self.units.get(now, {}).get("head", HEAD))

    def kind_of(self, unit: str) -> str:
        """What the unit is, one of `KINDS`; "" when it does not say."""
        return str(self.units.get(unit, {}).get("kind", ""))

    # --- posts

    def seat(self, unit: str, post: str) -> Post:
        """Where `post` of `unit` is on this day: after a merger the same post in the successor, or if nobody
        holds it there, the post of the successor's head."""
        now = self.standing_unit(unit)
        return (now, post) if now == unit or (now, post) in self._held else self.head_of(now)

    def holders(self, unit: str, post: str) -> list[Person]:
        """Everybody who holds `post` in `unit`, in the order of the register. Of a merged unit, who holds its
        seat; of one that ended without a successor nobody."""
        return list(self._held.get(self.seat(unit, post), ()))

    def members(self, unit: str) -> list[Person]:
        """Everybody who holds a post in `unit`, in the order of the register."""
        now = self.standing_unit(unit)
        return [person for person in self.people.values() if any(held == now for held, _ in person.posts)]

    def posts_in(self, unit: str) -> list[Post]:
        """Every post in `unit` that somebody holds, in the order of the register."""
        now = self.standing_unit(unit)
        return [post for post in self._held if post[0] == now]

    def posts_of(self, person: str) -> list[Post]:
        """The posts that the person (an id) holds, and then the same posts in the units that were merged into
        hers."""
        posts = self.people[person].posts if person in self.people else ()
        return [*posts, *((old, post) for unit, post in posts for old in self.predecessors(unit))]

    def is_administrator(self, person: str) -> bool:
        """Whether the person (an id) may change the register."""
        return person in self.people and any(
            held in self.administrators for held in self.people[person].posts
        )

    @cached_property
    def _held(self) -> Mapping[Post, list[Person]]:
        held: dict[Post, list[Person]] = {}
        for person in self.people.values():
            for post in person.posts:
                held.setdefault(post, []).append(person)
        return held

    # --- acting for others, and what keeps from acting

    @cached_property
    def all_stand_ins(self) -> tuple[StandIn, ...]:
        """Who stands in for whom, on any day."""
        return tuple(
            StandIn(entry["person"], entry["for"], *_span(entry)) for entry in self._content["stand_ins"]
        )

    @cached_property
    def all_delegations(self) -> tuple[Delegation, ...]:
        """Every delegation on record, expired and revoked ones included."""
        return tuple(
            Delegation(
                entry["id"],
                entry["grantor"],
                pair(entry["post"]),
                entry["to"],
                tuple(entry["items"]),
                tuple(entry["powers"]),
                *_span(entry),
                date.fromisoformat(entry["revoked"]) if "revoked" in entry else None,
            )
            for entry in self._content["delegations"]
        )

    @cached_property
    def stand_ins(self) -> tuple[StandIn, ...]:
        """Who stands in for whom on this day."""
        return tuple(entry for entry in self.all_stand_ins if entry.since <= self.day <= entry.until)

    @cached_property
    def delegations(self) -> tuple[Delegation, ...]:
        """The delegations that are valid on this day."""
        return tuple(entry for entry in self.all_delegations if entry.valid(self.day))

    def away(self, person: str) -> bool:
        """Whether the person (an id) is away on this day, so that a stand-in acts for her."""
        return any(entry.principal == person for entry in self.stand_ins)

    def conflicts(self, person: str) -> tuple[Interest, ...]:
        """The interests that the person (an id) declared."""
        return tuple(entry for entry in self.interests if entry.person == person)

    @cached_property
    def interests(self) -> tuple[Interest, ...]:
        """Every declared interest."""
        return tuple(
            Interest(entry["person"], entry["party"], entry["kind"], entry.get("note", ""))
            for entry in self._content["interests"]
        )

    def certificate_of(self, person: str, kind: str) -> Certificate | None:
        """A certificate of `kind` of the person (an id) that is valid on this day; of several the one that
        lasts longest."""
        held = self.people[person].certificates if person in self.people else ()
        valid = [entry for entry in held if entry.kind == kind and self.day <= entry.expires]
        return max(valid, key=lambda entry: entry.expires, default=None)


def stand(content: Mapping[str, Any], day: date) -> Organisation:
    """The organisation on `day`, of a register in the form in which `register` keeps it."""
    on = day.isoformat()
    units: Mapping[str, Mapping[str, Any]] = content["units"]
    standing = {code: _standing(units, code, on) for code in units}

    def held_on(texts: Iterable[Any]) -> Iterator[Post]:
        for text in texts:
            if not isinstance(text, str):
                if not text.get("since", "") <= on <= text.get("until", "9999"):
                    continue
                text = text["post"]
            unit, _, post = text.partition("/")
            if standing[unit]:
                yield standing[unit], post

    further: dict[str, list[Post]] = {}
    for entry in content["duty"]:
        further.setdefault(entry["person"], []).extend(held_on([entry]))
    for code in sorted(units):
        if "designated" in units[code] and standing[code] == code:
            further.setdefault(units[code]["designated"], []).append((code, DESIGNATED))
    people = {
        entry["id"]: Person(
            entry["id"],
            entry["name"],
            tuple(dict.fromkeys([*held_on(entry["posts"]), *further.get(entry["id"], ())])),
            entry.get("email", ""),
            tuple(
                Certificate(own["kind"], own["number"], date.fromisoformat(own["expires"]))
                for own in entry.get("certificates", ())
            ),
        )
        for entry in content["people"]
    }
    return Organisation(
        day,
        content["name"],
        content["division"],
        content["closing"],
        content["zone"],
        tuple(held_on(content["supervisors"])),
        tuple(held_on(content["administrators"])),
        units,
        people,
        standing,
        content,
    )


def _standing(units: Mapping[str, Mapping[str, Any]], code: str, on: str) -> str:
    """The unit in whose hands `code` is, "" when nobody is there."""
    while code and on > units[code].get("until", "9999"):
        code = units[code].get("successor", "")
    return code if code and units[code].get("since", "") <= on else ""


def pair(text: str) -> Post:
    """`unit/post` as a pair."""
    unit, _, post = text.partition("/")
    return unit, post


def _span(entry: Mapping[str, str]) -> tuple[date, date]:
    return date.fromisoformat(entry["since"]), date.fromisoformat(entry["until"])
