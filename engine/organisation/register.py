"""What is on record about an organisation, how it is read, and what must hold in it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..clock import CLOSING, OFFICE_ZONE
from ..errors import NOTHING, Invalid, Refusal, Text, Unknown, say
from .view import ALL, POWERS, Organisation, Post, pair, stand

INTERESTS = ("own", "spouse", "kin", "in-law", "other")
"""What a person may have to do with a party (Civil Servants Law art. 76)."""

KINDS = (
    *("county", "government", "office", "supervision", "department", "window", "utility"),
    *("centre", "subcentre", "hall", "township", "village"),
)
"""What a unit can be."""


@dataclass(frozen=True, eq=False)
class Register:
    """Everything on record. Made by `read_register` and `changed` only."""

    content: Mapping[str, Any]
    """In the form in which `checked` keeps it; not to be changed."""

    @property
    def division(self) -> str:
        """The code that case numbers begin with."""
        return str(self.content["division"])

    @property
    def zone(self) -> str:
        """The IANA name of the zone whose days the office lives by."""
        return str(self.content["zone"])

    def on(self, day: date) -> Organisation:
        """The organisation as it stands on `day`, a day of its zone."""
        return _stand(self, day)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON data, which `read_register` reads again; a copy."""
        copy: dict[str, Any] = json.loads(json.dumps(self.content))
        return copy

    def changed(self, change: Mapping[str, Any], today: date) -> Register:
        """The register after `change`: plain JSON with a `kind`, see `changes.CHANGES`. A day on which it
        begins or ends is `today` where it is left out.

        Raises `Invalid`, and `Unknown` for a unit, person or delegation that there is not. A delegation that
        lends on what was lent, or goes to another organ, is refused (Administrative Licensing Law art. 24).
        """
        from .changes import make

        return make(self, change, today)


@lru_cache(maxsize=32)
def _stand(register: Register, day: date) -> Organisation:
    """Kept by the register's identity, which its place here keeps alive."""
    return stand(register.content, day)


def read_register(text: bytes, *, recorded: bool = False) -> Register:
    """The register that a TOML or JSON text describes. Raises `Invalid` when it describes none.

    `recorded`: the text is on record, so it was read before, by this version or an earlier one. Then keys
    that mean nothing are passed over, and what lianban wrote itself (JSON) is not checked again.
    """
    try:
        if text.startswith(b"{"):
            content = json.loads(text)
            if recorded:
                return Register(content)
        else:
            import tomllib  # what is stored is JSON, and a short command reads nothing else

            content = tomllib.loads(text.decode())
        return Register(checked(content, strict=not recorded))
    except (ValueError, TypeError, AttributeError) as error:
        raise unreadable(say("{error}", error=str(error))) from error
    except Refusal as refusal:
        raise unreadable(refusal.message, refusal) from refusal


def unreadable(what: Text, inner: Refusal | None = None) -> Invalid:
    """The refusal of a whole organisation, for `what` is wrong in it, or for a refusal of its content."""
    shape = say("TOML with name, division, [units.<code>] and [[people]] with id, name, posts")
    return Invalid(
        "organisation.unreadable",
        say("the organisation file can't be read: {error}", error=what),
        expected=inner.expected if inner else shape,
        found=inner.found if inner else NOTHING,
        rule=inner.rule if inner else NOTHING,
        remedy=inner.remedy if inner else say("correct the file and try again"),
    )


# --- the form in which it is kept


_LISTS = ("people", "stand_ins", "delegations", "duty", "interests")
_SHAPES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "organisation": (
        ("name", "division", "units", "people"),
        ("closing", "zone", "supervisors", "administrators", *_LISTS),
    ),
    "units": (("name",), ("kind", "parent", "head", "designated", "since", "until", "successor")),
    "people": (("id", "name", "posts"), ("email", "certificates")),
    "posts": (("post",), ("since", "until")),
    "certificates": (("kind", "number", "expires"), ()),
    "stand_ins": (("person", "for", "since", "until"), ()),
    "delegations": (("id", "grantor", "post", "to", "items", "powers", "since", "until"), ("revoked",)),
    "duty": (("post", "person", "since", "until"), ()),
    "interests": (("person", "party", "kind"), ("note",)),
}
"""What the whole and each entry must have, and may have."""

_DAYS = ("since", "until", "revoked", "expires", "on")


def checked(content: Mapping[str, Any], *, strict: bool) -> dict[str, Any]:
    """`content` in the form in which it is kept: days and times as text, nothing empty in an entry.

    `strict`: somebody writes it now, so that a key without a meaning is refused, and a delegation that the
    law does not allow. Raises `Invalid` and `Unknown`; TypeError, ValueError or AttributeError for what has
    not even the shape.
    """
    check_keys(say("the organisation"), content, *_SHAPES["organisation"], strict=strict)
    closing = content.get("closing", CLOSING)
    if isinstance(closing, str):
        closing = time.fromisoformat(closing)
    if not isinstance(closing, time):
        raise ValueError("closing is not a time of day like 17:30:00")
    kept: dict[str, Any] = {
        "name": dict(content["name"]),
        "division": str(content["division"]),
        "closing": closing.strftime("%H:%M"),
        "zone": _zone(content.get("zone", OFFICE_ZONE)),
        "supervisors": list(content.get("supervisors", ())),
        "administrators": list(content.get("administrators", ())),
        "units": {code: _entry("units", code, unit, strict) for code, unit in content["units"].items()},
    }
    for part in _LISTS:
        kept[part] = _entries(part, content.get(part, ()), strict)
    for person in kept["people"]:
        person["posts"] = [_post_held(held, strict) for held in person["posts"]]
        if "certificates" in person:
            person["certificates"] = _entries("certificates", person["certificates"], strict)
    _check_links(kept)
    _check_tree(kept["units"])
    if strict:
        for code, unit in kept["units"].items():
            if "kind" in unit:
                check_one_of(say("the kind of the unit {unit}", unit=code), unit["kind"], KINDS)
        register = Register(kept)
        for entry in kept["delegations"]:
            check_delegation(register, entry)
    return kept


def _zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except ZoneInfoNotFoundError as error:
        raise ValueError(f"there is no time zone {name}") from error


def _entries(part: str, entries: Iterable[Mapping[str, Any]], strict: bool) -> list[dict[str, Any]]:
    return [_entry(part, str(entry.get("id", n)), entry, strict) for n, entry in enumerate(entries, 1)]


def _post_held(held: Any, strict: bool) -> Any:
    """The bare text, unless it is held for a time."""
    if isinstance(held, str):
        return held
    kept = _entry("posts", str(held.get("post")), held, strict)
    return kept if len(kept) > 1 else kept["post"]


def _entry(part: str, named: str, entry: Mapping[str, Any], strict: bool) -> dict[str, Any]:
    where = say("{part} {entry}", part=part, entry=named)
    required, optional = _SHAPES[part]
    check_keys(where, entry, required, optional, strict=strict)
    kept = {key: plain(entry[key]) for key in required}
    kept |= {key: plain(entry[key]) for key in optional if entry.get(key)}
    check_days(where, kept)
    return kept


def plain(value: Any) -> Any:
    """`value` with its days as text, in lists and mappings too."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    return value


# --- what must hold


def check_keys(
    where: Text, entry: Mapping[str, Any], required: Iterable[str], optional: Iterable[str], *, strict: bool
) -> None:
    """All that is required is there, and with `strict` nothing that means nothing. Raises `Invalid`."""
    known = [*required, *optional]
    missing = [key for key in required if key not in entry]
    strange = [key for key in entry if key not in known] if strict else []
    if missing or strange:
        raise Invalid(
            "organisation.shape",
            say("{entry}: {key} is missing", entry=where, key=", ".join(missing))
            if missing
            else say("{entry}: {key} means nothing here", entry=where, key=", ".join(strange)),
            expected=say("{keys}", keys=", ".join(dict.fromkeys(known))),
            found=say("{keys}", keys=", ".join(entry) or "—"),
            remedy=say("add what is missing") if missing else say("correct its spelling, or leave it out"),
        )


def check_days(where: Text, entry: Mapping[str, Any]) -> None:
    """The days of `entry` are days, and it ends on or after the day it begins. Raises `Invalid`."""
    for key in _DAYS:
        if key in entry and not _is_day(entry[key]):
            raise Invalid(
                "organisation.dates",
                say("{entry}: {key} is not a day", entry=where, key=key),
                expected=say("a day like 2026-03-01"),
                found=say("{value}", value=str(entry[key])),
                remedy=say("write year, month and day"),
            )
    if entry.get("since", "") > entry.get("until", "9999"):
        raise Invalid(
            "organisation.dates",
            say("{entry}: it would end before it begins", entry=where),
            expected=say("a last day on or after {since}", since=entry["since"]),
            found=say("{value}", value=entry["until"]),
            remedy=say("correct one of the two days"),
        )


def check_one_of(what: Text, value: Any, known: Iterable[str]) -> None:
    """`value` is one of `known`. Raises `Invalid`."""
    if value not in known:
        raise Invalid(
            "organisation.word",
            say("{what} is not known", what=what),
            expected=say("one of: {known}", known=", ".join(known)),
            found=say("{value}", value=str(value)),
            remedy=say("use one of these words"),
        )


def check_new(id: Any, ids: Iterable[Any]) -> None:
    """There is nothing called `id` yet. Raises `Invalid`."""
    if id in ids:
        raise Invalid(
            "organisation.duplicate",
            say("{id} appears twice", id=str(id)),
            expected=say("an id of its own for each"),
            remedy=say("choose another id"),
        )


def check_unit(units: Mapping[str, Any], code: Any) -> None:
    """There is a unit `code`. Raises `Unknown`."""
    if code not in units:
        raise Unknown(
            "organisation.unit",
            say("there is no unit {unit}", unit=str(code)),
            expected=say("one of: {units}", units=", ".join(units)),
            found=say("{unit}", unit=str(code)),
            remedy=say("correct the code, or add the unit first"),
        )


def check_person(people: Iterable[str], id: Any) -> None:
    """There is a person `id`. Raises `Unknown`."""
    if id not in people:
        raise Unknown(
            "organisation.person",
            say("there is no person {person}", person=str(id)),
            expected=say("the id of somebody on record"),
            found=say("{person}", person=str(id)),
            remedy=say("correct the id, or add the person first"),
        )


def check_post(units: Mapping[str, Any], text: str) -> Post:
    """The post that `unit/post` names, in a unit that there is. Raises `Invalid`, `Unknown`."""
    unit, post = pair(text)
    if not unit or not post or "/" in post:
        raise Invalid(
            "organisation.post",
            say("{post} names no post", post=text),
            expected=say("unit/post, like samr/reviewer"),
            found=say("{post}", post=text),
            remedy=say("write the unit's code, a slash and the post"),
        )
    check_unit(units, unit)
    return unit, post


def _is_day(value: Any) -> bool:
    try:
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _check_links(content: Mapping[str, Any]) -> None:
    """Every unit and person that is named is there, and each id is given once."""
    units, people = content["units"], set[str]()
    for person in content["people"]:
        check_new(person["id"], people)
        people.add(person["id"])
        for held in person["posts"]:
            check_post(units, held if isinstance(held, str) else held["post"])
    for unit in units.values():
        for key in ("parent", "successor"):
            if key in unit:
                check_unit(units, unit[key])
        if "designated" in unit:
            check_person(people, unit["designated"])
    for text in (*content["supervisors"], *content["administrators"]):
        check_post(units, text)
    for part in ("stand_ins", "delegations", "duty", "interests"):
        for entry in content[part]:
            for key in ("person", "for", "grantor", "to"):
                if key in entry:
                    check_person(people, entry[key])
            if "post" in entry:
                check_post(units, entry["post"])
    delegations: set[str] = set()
    for entry in content["delegations"]:
        check_new(entry["id"], delegations)
        delegations.add(entry["id"])
        for power in entry["powers"]:
            check_one_of(say("a power of the delegation {id}", id=entry["id"]), power, (*POWERS, ALL))
    for entry in content["interests"]:
        check_one_of(say("the interest of {person}", person=entry["person"]), entry["kind"], INTERESTS)


def next_day(day: str) -> str:
    """The day after `day`, both as text."""
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()


def _check_tree(units: Mapping[str, Mapping[str, Any]]) -> None:
    """Parents and successors lead to a root, and who succeeds is there when the other one ends."""
    done: set[str] = set()

    def climb(code: str, below: tuple[str, ...]) -> None:
        if code in below:
            raise Invalid(
                "organisation.cycle",
                say("the units run in a circle: {units}", units=" → ".join((*below, code))),
                expected=say("a tree, in which no unit is above itself or succeeds itself"),
                remedy=say("name another unit as parent or successor"),
            )
        if code not in done:
            for key in ("parent", "successor"):
                if key in units[code]:
                    climb(units[code][key], (*below, code))
            done.add(code)

    for code, unit in units.items():
        climb(code, ())
        if "successor" not in unit:
            continue
        successor = units[unit["successor"]]
        if not ("until" in unit and successor.get("since", "") <= next_day(unit["until"])):
            raise Invalid(
                "organisation.dates",
                say("{unit} can't be merged into {into}", unit=code, into=unit["successor"]),
                expected=say("a last day, and a successor that is there the day after"),
                found=say("{value}", value=unit.get("until", "—")),
                remedy=say("give the unit its last day, or correct the successor's first one"),
            )


def check_delegation(register: Register, entry: Mapping[str, Any]) -> None:
    """What is lent is the grantor's own, and stays in her organ or with the centre. Raises `Invalid`."""
    begins = register.on(date.fromisoformat(entry["since"]))
    grantor, to, post = begins.people[entry["grantor"]], begins.people[entry["to"]], pair(entry["post"])
    told = {"grantor": grantor.id, "to": to.id, "post": entry["post"], "day": entry["since"]}
    if begins.seat(*post) not in grantor.posts:
        lent = [one.id for one in begins.delegations if one.to == grantor.id and one.post == post]
        found = say("{grantor} holds {posts}", grantor=grantor.id, posts=told_posts(grantor.posts))
        if lent:
            found = say("{grantor} has it by delegation {ids}", grantor=grantor.id, ids=", ".join(lent))
        holders = ", ".join(holder.id for holder in begins.holders(*post))
        raise Invalid(
            "organisation.delegation",
            say("{grantor} can't delegate {post}", **told),
            expected=say("somebody who holds {post} in her own right on {day}", **told),
            found=found,
            rule=say("Administrative Licensing Law art. 24: what was entrusted is not lent on"),
            remedy=say("let a holder grant it: {people}", people=holders or "—"),
        )
    if begins.seat(*post) in begins.administrators:
        raise Invalid(
            "organisation.delegation",
            say("{grantor} can't delegate {post}", **told),
            expected=say("a post with power over items"),
            found=say("{post} keeps this register, for all items alike", **told),
            remedy=say("have the post given to {to}: lianban org grant {to} {post}", **told),
        )
    organ = begins.organ(post[0])
    organs = {begins.organ(unit) for unit, _ in to.posts}
    if to.id == grantor.id or not any(at == organ or begins.kind_of(at) == "centre" for at in organs):
        raise Invalid(
            "organisation.delegation",
            say("{grantor} can't delegate {post} to {to}", **told),
            expected=say("a colleague in {organ}, its windows included, or in the centre", organ=organ),
            found=say("{to} works in {organs}", to=to.id, organs=", ".join(sorted(organs)) or "—"),
            rule=say(
                "Administrative Licensing Law art. 26: a window acts for its department; art. 24: another "
                "organ is entrusted by law, rule and public announcement only"
            ),
            remedy=say("delegate to one of them"),
        )


def told_posts(posts: Iterable[Post]) -> str:
    """`unit/post, unit/post`, or a dash."""
    return ", ".join(map("/".join, posts)) or "—"
