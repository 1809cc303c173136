"""The changes of an organisation: plain JSON in, a new register out, and everything checked before."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple

from ..clock import OFFICE_ZONE
from ..errors import Invalid, Text, Unknown, say
from .register import (
    KINDS,
    Register,
    check_days,
    check_delegation,
    check_keys,
    check_new,
    check_one_of,
    check_person,
    check_post,
    check_unit,
    checked,
    next_day,
    plain,
    told_posts,
    unreadable,
)
from .view import DESIGNATED, Organisation, pair


class Making(NamedTuple):
    """A change on its way: the `register` as it was, a copy of its `content` to write in, what was given."""

    register: Register
    content: dict[str, Any]
    given: Mapping[str, Any]
    today: date


def make(register: Register, change: Mapping[str, Any], today: date) -> Register:
    """The register after `change`; see `Register.changed`."""
    kind = change.get("kind")
    check_one_of(say("this change of the organisation"), kind, CHANGES)
    how = CHANGES[str(kind)]
    given = {key: plain(value) for key, value in change.items() if key != "kind" and value is not None}
    given = dict.fromkeys(how.dated, today.isoformat()) | given
    where = say("the change {kind}", kind=str(kind))
    check_keys(where, given, (*how.required, *how.dated), how.optional, strict=True)
    check_days(where, given)
    _check_words(where, given)
    _check_name_for_ever(where, str(kind), given)
    _check_onwards(where, str(kind), given, today)
    content = register.as_json()
    try:
        how.enter(Making(register, content, given, today))
        return Register(checked(content, strict=kind == "import"))
    except (ValueError, TypeError, AttributeError) as error:
        raise unreadable(say("{error}", error=str(error))) from error


_NAMED_FOR_EVER = {"unit.add": "code", "person.add": "id", "delegate": "id"}
"""The key of what a change gives a name to, by which records will call it."""


def _check_words(where: Text, given: Mapping[str, Any]) -> None:
    """Nothing that is said is empty, and no text breaks a line. Raises `Invalid`."""
    for key, value in given.items():
        texts = (
            value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else [value]
        )
        if key != "organisation" and not all(_is_words(text) for text in texts):
            raise _odd(where, key, say("words in one line"), say("{value}", value=str(value)))
        if isinstance(value, list) and not value:
            raise _odd(where, key, say("at least one, or *"), say("none"))


def _is_words(text: Any) -> bool:
    return not isinstance(text, str) or bool(text.strip() and text.isprintable())


def _check_name_for_ever(where: Text, kind: str, given: Mapping[str, Any]) -> None:
    """What records will call a unit, a person or a delegation can be typed. Raises `Invalid`."""
    key = _NAMED_FOR_EVER.get(kind)
    if key is not None and not _CODE.fullmatch(str(given[key])):
        expected = say("letters, digits, dots, hyphens and underscores, at most 100")
        raise _odd(where, key, expected, say("{value}", value=str(given[key])))


def _check_onwards(where: Text, kind: str, given: Mapping[str, Any], today: date) -> None:
    """Power is lent from a day on, not for what was done before. Raises `Invalid`."""
    if kind in ("delegate", "stand_in") and given["since"] < today.isoformat():
        raise Invalid(
            "organisation.backdated",
            say("{entry}: it can't begin in the past", entry=where),
            expected=say("{day} or later", day=today.isoformat()),
            found=say("{value}", value=given["since"]),
            rule=say("Administrative Licensing Law art. 24: power is entrusted before it is exercised"),
            remedy=say("let it begin today; what was done before stays what it was"),
        )


_CODE = re.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def _odd(where: Text, key: str, expected: Text, found: Text) -> Invalid:
    return Invalid(
        "organisation.word",
        say("{entry}: {key} can't be used", entry=where, key=key),
        expected=expected,
        found=found,
        remedy=say("correct it"),
    )


def _import(making: Making) -> None:
    whole, register, content = making.given["organisation"], making.register, making.content
    for part in ("units", "people", "delegations"):
        gone = [id for id in _ids(content[part]) if id not in _ids(whole.get(part, ()))]
        if gone:
            raise Invalid(
                "organisation.gone",
                say("the new organisation leaves out {part}: {gone}", part=part, gone=", ".join(gone)),
                expected=say("everything that is on record; cases name it"),
                remedy=say("put it back, and give it a last day where it ends"),
            )
    if (zone := whole.get("zone", OFFICE_ZONE)) != register.zone:
        raise Invalid(
            "organisation.zone",
            say("an office keeps the zone it was created in"),
            expected=say("{value}", value=register.zone),
            found=say("{value}", value=str(zone)),
            remedy=say("leave the zone as it was"),
        )
    content.clear()
    content.update(whole)


def _ids(entries: Any) -> list[str]:
    return list(entries) if isinstance(entries, Mapping) else [str(entry.get("id")) for entry in entries]


def _add_unit(making: Making) -> None:
    given, units = making.given, making.content["units"]
    check_new(given["code"], units)
    check_one_of(say("the kind of the unit {unit}", unit=given["code"]), given["unit_kind"], KINDS)
    units[given["code"]] = {
        "name": given["name"],
        "kind": given["unit_kind"],
        "parent": given.get("parent"),
        "since": given["since"],
    }


def _merge(making: Making) -> None:
    given, units = making.given, making.content["units"]
    for code, day in ((given["unit"], given["until"]), (given["into"], next_day(given["until"]))):
        check_unit(units, code)
        if not making.register.on(date.fromisoformat(day)).stands(code):
            raise Invalid(
                "organisation.dates",
                say("{unit} is not there on {day}", unit=code, day=day),
                expected=say("two units that are there when they are merged"),
                remedy=say("correct the day, or name the unit that took its place"),
            )
    was, will = (units[code].get("kind", "") for code in (given["unit"], given["into"]))
    within = making.register.on(making.today)
    apart = not (
        _inside(within, given["unit"], given["into"]) or _inside(within, given["into"], given["unit"])
    )
    if was and will and was != will and apart:
        told = {"unit": given["unit"], "into": given["into"], "was": was, "will": will}
        raise Invalid(
            "organisation.kind",
            say("{unit} can't be merged into {into}", **told),
            expected=say("two units of one kind, or a part and the whole"),
            found=say("{unit} is a {was}, {into} a {will}", **told),
            rule=say("a merged unit's powers, posts and open cases become the other's"),
            remedy=say("name a {was} that takes over", **told),
        )
    units[given["unit"]] |= {"until": given["until"], "successor": given["into"]}


def _inside(organisation: Organisation, unit: str, whole: str) -> bool:
    while unit and unit != whole:
        unit = organisation.superior(unit)
    return bool(unit)


def _add_person(making: Making) -> None:
    check_new(making.given["id"], _ids(making.content["people"]))
    making.content["people"].append({**making.given, "posts": []})


def _grant(making: Making) -> None:
    given = making.given
    unit, post = check_post(making.content["units"], given["post"])
    entry = _person(making, given["person"])
    begins = making.register.on(date.fromisoformat(given["since"]))
    there = begins.stands(unit)
    if not there or (unit, post) in begins.people[given["person"]].posts:
        told = {"person": given["person"], "post": given["post"], "unit": unit, "day": given["since"]}
        raise Invalid(
            "organisation.post",
            say("{person} can't be given {post}", **told),
            expected=say("a unit that is there on {day}, and a post that she does not hold then", **told),
            found=say("{person} holds it already", **told) if there else say("{unit} is not there", **told),
            remedy=say("correct the post or the day"),
        )
    entry["posts"].append({key: given[key] for key in ("post", "since", "until") if key in given})


def _end_post(making: Making) -> None:
    given = making.given
    wanted = check_post(making.content["units"], given["post"])
    held, until = _person(making, given["person"])["posts"], given["until"]
    last = making.register.on(date.fromisoformat(until))
    for n, entry in enumerate(held):
        whole = {"post": entry} if isinstance(entry, str) else entry
        unit, post = pair(whole["post"])  # a unit may have been merged since the post was given
        same = (last.standing_unit(unit), post) == (last.standing_unit(wanted[0]), wanted[1])
        if same and whole.get("since", "") <= until <= whole.get("until", "9999"):
            held[n] = {**whole, "until": until}
            return
    raise Invalid(
        "organisation.post",
        say("{person} has no post {post} that could end", person=given["person"], post=given["post"]),
        expected=say("a post that she was given, and holds on {day}", day=until),
        found=say("{posts}", posts=told_posts(last.people[given["person"]].posts)),
        remedy=say("designate somebody else: lianban org designate {unit} PERSON", unit=wanted[0])
        if wanted[1] == DESIGNATED
        else say("correct the post or the day"),
    )


def _rotate(making: Making) -> None:
    given = making.given
    day_before = date.fromisoformat(given["on"]) - timedelta(days=1)
    _end_post(making._replace(given={**given, "until": day_before.isoformat()}))
    _grant(making._replace(given={**given, "post": given["to_post"], "since": given["on"]}))


def _delegate(making: Making) -> None:
    making.content["delegations"].append(dict(making.given))
    kept = checked(making.content, strict=False)
    check_delegation(Register(kept), kept["delegations"][-1])


def _revoke(making: Making) -> None:
    named, delegations = making.given["delegation"], making.content["delegations"]
    entry = next((entry for entry in delegations if entry["id"] == named), None)
    if entry is None:
        raise Unknown(
            "organisation.delegation",
            say("there is no delegation {delegation}", delegation=named),
            expected=say("one of: {ids}", ids=", ".join(_ids(delegations)) or "—"),
            remedy=say("name a delegation that is on record"),
        )
    if "revoked" in entry:
        raise Invalid(
            "organisation.delegation",
            say("the delegation {delegation} was revoked on {day}", delegation=named, day=entry["revoked"]),
            expected=say("a delegation that was not revoked"),
            remedy=say("nothing is left to do"),
        )
    entry["revoked"] = making.given["on"]


def _certify(making: Making) -> None:
    given, entry = making.given, _person(making, making.given["person"])
    own = {"kind": given["certificate_kind"], "number": given["number"], "expires": given["expires"]}
    renewed = (own["kind"], own["number"])
    for other in making.content["people"]:
        theirs = {(one["kind"], one["number"]) for one in other.get("certificates", ())}
        if other["id"] != given["person"] and renewed in theirs:
            raise Invalid(
                "organisation.certificate",
                say("certificate {number} is somebody else's", number=own["number"]),
                expected=say("a number of her own"),
                found=say("it is {person}'s", person=other["id"]),
                rule=say("an officer's certificate is made out to one person (国办发〔2018〕118号)"),
                remedy=say("correct the number"),
            )
    others = [one for one in entry.get("certificates", ()) if (one["kind"], one["number"]) != renewed]
    entry["certificates"] = [*others, own]


def _designate(making: Making) -> None:
    given = making.given
    check_unit(making.content["units"], given["unit"])
    _person(making, given["person"])
    members = [person.id for person in making.register.on(making.today).members(given["unit"])]
    if given["person"] not in members:
        raise Invalid(
            "organisation.post",
            say("{person} can't be designated for {unit}", person=given["person"], unit=given["unit"]),
            expected=say("somebody who works there: {people}", people=", ".join(members) or "—"),
            remedy=say("name one of them, or give her a post there first"),
        )
    making.content["units"][given["unit"]]["designated"] = given["person"]


def _stand_in(making: Making) -> None:
    given = making.given
    if given["person"] == given["for"]:
        raise Invalid(
            "organisation.stand_in",
            say("{person} can't stand in for herself", person=given["person"]),
            expected=say("two people"),
            remedy=say("name the one who is there"),
        )
    begins = making.register.on(date.fromisoformat(given["since"]))

    def organs(id: str) -> set[str]:
        posts = begins.people[id].posts if id in begins.people else ()
        return {begins.organ(unit) for unit, _ in posts}

    hers, wanted = organs(given["person"]), organs(given["for"])
    if hers and wanted and not hers & wanted:
        told = {"person": given["person"], "other": given["for"]}
        raise Invalid(
            "organisation.stand_in",
            say("{person} can't stand in for {other}: they work in different organs", **told),
            expected=say("a colleague in {organs}", organs=", ".join(sorted(wanted))),
            found=say("{person} works in {organs}", organs=", ".join(sorted(hers)), **told),
            rule=say("Administrative Licensing Law art. 24: power stays with the organ that has it"),
            remedy=say("name a colleague of the same department"),
        )
    _add(making.content["stand_ins"], dict(given))


def _roster(making: Making) -> None:
    _add(making.content["duty"], dict(making.given))


def _declare(making: Making) -> None:
    entry = {("kind" if key == "interest" else key): value for key, value in making.given.items()}
    _add(making.content["interests"], entry)


def _add(entries: list[Any], entry: dict[str, Any]) -> None:
    """Say it once: what is on record already changes nothing."""
    if entry not in entries:
        entries.append(entry)


def _person(making: Making, id: str) -> dict[str, Any]:
    check_person(_ids(making.content["people"]), id)
    found: dict[str, Any] = next(entry for entry in making.content["people"] if entry["id"] == id)
    return found


class How(NamedTuple):
    """How a change is made; the keys it must have, those that are today's date if left out, and the rest."""

    enter: Callable[[Making], None]
    required: tuple[str, ...]
    dated: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


CHANGES: Mapping[str, How] = {
    "import": How(_import, ("organisation",)),
    "unit.add": How(_add_unit, ("code", "name", "unit_kind"), ("since",), ("parent",)),
    "unit.merge": How(_merge, ("unit", "into"), ("until",)),
    "person.add": How(_add_person, ("id", "name"), (), ("email",)),
    "post.grant": How(_grant, ("person", "post"), ("since",), ("until",)),
    "post.end": How(_end_post, ("person", "post"), ("until",)),
    "rotate": How(_rotate, ("person", "post", "to_post"), ("on",)),
    "stand_in": How(_stand_in, ("person", "for", "until"), ("since",)),
    "delegate": How(_delegate, ("id", "grantor", "post", "to", "items", "powers", "until"), ("since",)),
    "revoke": How(_revoke, ("delegation",), ("on",)),
    "duty": How(_roster, ("post", "person", "until"), ("since",)),
    "certificate": How(_certify, ("person", "certificate_kind", "number", "expires")),
    "designate": How(_designate, ("unit", "person")),
    "interest": How(_declare, ("person", "party", "interest"), (), ("note",)),
}
"""The kinds of change."""
