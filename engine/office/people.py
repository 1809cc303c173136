"""The organisation as the office keeps it: who may change it, and each change on record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

from ..access import permit_change
from ..clock import write_instant
from ..errors import Invalid, Refusal, Text, Unknown, say
from ..events import OFFICE, OrganisationChanged, OrganisationRecorded, canonical, digest, parse
from ..organisation import ALL, Organisation, Post, Register, told_posts
from ..store import Reader, Transaction
from .calendars import open_cases
from .draft import SYSTEM, append_office, state_of
from .library import STANDING, Library, head_of_case, standing


def change(
    tx: Transaction, library: Library, who: str | None, wanted: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    """As `Office.change_organisation`: `{change, version, repeated, backdated}`."""
    head = tx.head(OFFICE)
    in_force = standing(tx)
    since, named = in_force.organisations[-1]
    if write_instant(now) < since:
        raise Invalid(
            "clock.backwards",
            say("the organisation was changed later than {now}", now=write_instant(now)),
            expected=say("an instant not before {at}, its latest change", at=since),
            rule=say("a history is written in the order of time"),
            remedy=say("check --now, or the clock of this machine"),
        )
    version = in_force.version
    organisation = library.version(tx, in_force, version, now)
    # Without a name it is the operator of the machine: an office may have no administrator yet.
    by = {**(SYSTEM if who is None else permit_change(organisation, who, wanted)), "org": version}
    register = library.register(tx, named)
    wanted = _named(register, wanted)
    days = [wanted.get(key, "") for key in ("since", "until", "on")]
    past = [str(day) for day in days if day and str(day) < organisation.day.isoformat()]
    told = {"change": dict(wanted), "version": version, "repeated": True, "backdated": bool(past)}
    try:
        _check_items(tx, wanted)
        _check_hands(tx, organisation, wanted)
        changed = register.changed(wanted, organisation.day)
        _check_administrators(organisation, wanted, changed)
        _check_left(tx, register, changed)
        text = canonical(changed.as_json())
    except Refusal:
        if _was_done(tx, who, wanted):
            return told
        raise
    if digest(text) == named:
        return told
    whole = wanted["kind"] == "import"
    event = OrganisationRecorded(digest(text)) if whole else OrganisationChanged(dict(wanted), digest(text))
    tx.put_content(digest(text), text)
    tx.set_meta(STANDING, in_force.followed_by(write_instant(now), digest(text)).text())
    append_office(tx, now, [event], by, head)
    return {**told, "version": version + 1, "repeated": False}


def _named(register: Register, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """A delegation without an id gets one; the same that is in force already has its own."""
    if wanted.get("kind") != "delegate" or "id" in wanted or not isinstance(wanted.get("post"), str):
        return dict(wanted)
    on_record = register.as_json()["delegations"]
    asked = {key: value for key, value in wanted.items() if key != "kind"}
    for entry in on_record:
        if {key: value for key, value in entry.items() if key != "id"} == asked:
            return {**wanted, "id": entry["id"]}
    post = str(wanted["post"]).replace("/", "-")
    stem = "-".join(str(wanted.get(key, "")) for key in ("grantor", "to")) + f"-{post}-{wanted.get('since')}"
    taken = {entry["id"] for entry in on_record}
    names = (stem if n == 1 else f"{stem}-{n}" for n in count(1))
    return {**wanted, "id": next(name for name in names if name not in taken)}


def _check_items(reader: Reader, wanted: Mapping[str, Any]) -> None:
    """What is delegated are items of this office. Raises `Unknown`."""
    if wanted.get("kind") != "delegate" or not isinstance(wanted.get("items"), list | tuple):
        return
    unknown = [item for item in wanted["items"] if item != ALL and not reader.definitions(str(item))]
    if unknown:
        known = sorted({row.item for row in reader.definitions()})
        raise Unknown(
            "item.unknown",
            say("this office has no item {item}", item=", ".join(map(str, unknown))),
            expected=say("one of: {items}", items=", ".join((*known, ALL))),
            remedy=say("use an item's code, as `lianban item list` shows them"),
        )


def _check_left(reader: Reader, register: Register, changed: Register) -> None:
    """No unit ends without a successor while steps wait for it. Raises `Invalid` naming them."""
    before, after = register.as_json()["units"], changed.as_json()["units"]
    ended = [
        code
        for code, unit in after.items()
        if "until" in unit and "successor" not in unit and "until" not in before.get(code, {})
    ]
    for code in ended:
        waiting = [f"{row.case} {row.task}" for row in reader.inbox([(code, "")])]
        if waiting:
            raise Invalid(
                "organisation.hands",
                say("{unit} still has {count} open steps", unit=code, count=len(waiting)),
                expected=say("a unit with nothing to do, or a successor for it"),
                found=_first_ten(waiting),
                rule=say("what was referred to a unit is answered by it or by who takes its place"),
                remedy=say(
                    "name its successor: lianban org merge {unit} --into UNIT --until DATE", unit=code
                ),
            )


def _first_ten(held: Sequence[str]) -> Text:
    return say("{held}", held=", ".join(held[:10]) + (" …" if len(held) > 10 else ""))


def _check_administrators(organisation: Organisation, wanted: Mapping[str, Any], changed: Register) -> None:
    """The last administrator stays until there is another one. Raises `Invalid`."""
    if wanted.get("kind") not in ("post.end", "rotate"):
        return
    last = str(wanted.get("until") or wanted.get("on") or organisation.day)
    after = changed.on(date.fromisoformat(last) + timedelta(days=1))
    had = any(organisation.is_administrator(person) for person in organisation.people)
    if had and not any(after.is_administrator(person) for person in after.people):
        raise Invalid(
            "organisation.administrators",
            say("after {day} the office would have no administrator", day=last),
            expected=say("somebody who holds {posts}", posts=told_posts(after.administrators)),
            rule=say("the organisation names its administrators"),
            remedy=say("give the post to somebody else first: lianban org grant PERSON UNIT/POST"),
        )


def _check_hands(reader: Reader, organisation: Organisation, wanted: Mapping[str, Any]) -> None:
    """Nobody leaves a post with work in her hands. Raises `Invalid` naming it."""
    if wanted.get("kind") not in ("rotate", "post.end"):
        return
    person = str(wanted.get("person"))
    unit, _, post = str(wanted.get("post")).partition("/")
    held = list(_in_hands(reader, person, organisation, (unit, post)))
    if held:
        raise Invalid(
            "organisation.hands",
            say("{person} still answers for {count} open matters", person=person, count=len(held)),
            expected=say("that each was handed over on record"),
            found=_first_ten(held),
            rule=say("rotation (轮岗): open work and first-contact responsibility are handed over before"),
            remedy=say("lianban --as {person} handover --all --to PERSON --reason …", person=person),
        )


def _in_hands(
    reader: Reader, person: str, organisation: Organisation | None = None, post: Post | None = None
) -> Iterator[str]:
    """The open steps that a person signed for (in that post), and the cases in which she has first-contact
    responsibility, as `CASE STEP` and `CASE`."""

    def same(unit: str, name: str) -> bool:
        """Whether the post is the one asked about, by the name of whichever unit has it since a merger."""
        if post is None or organisation is None:
            return True
        return organisation.seat(unit, name) == organisation.seat(*post)

    for number in open_cases(reader):
        case = state_of(head_of_case(reader, number))
        contact = case.contact
        if (
            contact is not None
            and contact["person"] == person
            and same(contact["unit"], post[1] if post is not None else "")
        ):
            yield number
        for task, entry in sorted(case.docket.items(), key=lambda pair: pair[1]["n"]):
            held = entry.get("assignee") == person and entry["stage"] in (
                "open",
                "signed",
                "reported",
                "entered",
            )
            if held and same(entry["unit"], entry["post"]):
                yield f"{number} {task}"


def in_hands(reader: Reader, person: str) -> list[tuple[str, str]]:
    """What a person answers for: (case, step), with "" for the first-contact responsibility."""
    found = (line.partition(" ") for line in _in_hands(reader, person))
    return [(case, task) for case, _, task in found]


def _was_done(reader: Reader, person: str | None, wanted: Mapping[str, Any]) -> bool:
    """Whether the same person made the same change last of its kind."""
    for seq, body in reader.backwards(OFFICE):
        record = parse(OFFICE, seq, body)
        if isinstance(record.event, OrganisationChanged) and record.event.change["kind"] == wanted.get(
            "kind"
        ):
            same = record.event.change == dict(wanted) and record.by.get("person") == person
            if same:
                return True
    return False


def told(organisation: Organisation) -> dict[str, Any]:
    """The organisation on its day as plain data: `units`, `people` with the posts they hold, `delegations`,
    `stand_ins`."""
    return {
        "name": dict(organisation.name),
        "day": organisation.day.isoformat(),
        "units": [
            {
                "unit": code,
                "name": dict(unit["name"]),
                "kind": unit.get("kind", ""),
                "parent": unit.get("parent", ""),
                "standing": organisation.standing_unit(code),
                "stands": organisation.stands(code),
                "head": "/".join(organisation.head_of(code)),
                "designated": unit.get("designated"),
            }
            for code, unit in organisation.units.items()
        ],
        "people": [
            {
                "person": person.id,
                "name": dict(person.name),
                "posts": ["/".join(post) for post in person.posts],
                "away": organisation.away(person.id),
                "certificates": [
                    {"kind": own.kind, "number": own.number, "expires": own.expires.isoformat()}
                    for own in person.certificates
                ],
            }
            for person in organisation.people.values()
        ],
        "delegations": [
            {
                "delegation": entry.id,
                "grantor": entry.grantor,
                "post": "/".join(entry.post),
                "to": entry.to,
                "items": list(entry.items),
                "powers": list(entry.powers),
                "since": entry.since.isoformat(),
                "until": entry.until.isoformat(),
                "revoked": entry.revoked.isoformat() if entry.revoked else None,
                "valid": entry.valid(organisation.day),
            }
            for entry in organisation.all_delegations
        ],
        "stand_ins": [
            {
                "person": entry.person,
                "for": entry.principal,
                "since": entry.since.isoformat(),
                "until": entry.until.isoformat(),
            }
            for entry in organisation.all_stand_ins
        ],
    }


def below(whole: Mapping[str, Any], unit: str) -> dict[str, Any]:
    """Of the organisation as `told`, the tree below `unit` and who works in it. Raises `Unknown`."""
    parents = {line["unit"]: line["parent"] for line in whole["units"]}
    if unit not in parents:
        raise Unknown(
            "organisation.unit",
            say("there is no unit {unit}", unit=unit),
            expected=say("the code of a unit"),
            found=say("{unit}", unit=unit),
            remedy=say("look at `lianban org show`"),
        )

    def inside(code: str) -> bool:
        while code and code != unit:
            code = parents.get(code, "")
        return code == unit

    return {
        **whole,
        "units": [line for line in whole["units"] if inside(line["unit"])],
        "people": [
            line for line in whole["people"] if any(inside(post.partition("/")[0]) for post in line["posts"])
        ],
    }
