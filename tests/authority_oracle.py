"""Judges from the records alone whether everybody could do what she did, and whether what follows is right.

It imports nothing of lianban. It is written from the rules' text (docs/review.md, processes/README.md), and
knows no more than an auditor with the papers in his hands: the item's folder, the organisation in all its
versions, and the events as JSON.

    judge = Judge(item, office); faults = judge.read(history)

A fault is `(number of the event, rule, what)`. `judge.would` says of something that did not happen which
rules keep that person from it: so it shows as well where an engine is too strict.
"""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

Post = tuple[str, str]
Ways = list[dict[str, str]]
Event = Mapping[str, Any]
"""`{seq, type, at, by, data}`."""

NEVER_DEEMED = {"public-safety", "health", "ecology", "finance", "national-security"}
WORK = {"task.completed", "answer.entered", "referral.signed", "referral.reported_up"}
SIGNING = {"answer.confirmed", "answer.returned"}
ANSWERS = {"task.completed", "answer.confirmed", "referral.withdrawn", "clock.struck"}
CLOCKS = {"pause.ordered", "resume.ordered", "extension.granted"}
CARDS = {"card.answered", "card.contested", "card.withdrawn"}
RECUSALS = {"recusal.declared", "recusal.challenged", "recusal.decided"}
ADMINISTERED = {"incident.retried", "case.migrated"}
OF_THE_OFFICE = {"definition.published", "item.abolished", "migration.ordered"} | {
    *("calendar.imported", "calendar.applied", "organisation.recorded", "seal.made")
}
BY_PEOPLE = (
    {"case.opened", "message.received", "referral.followed_up", "referral.withdrawn"}
    | {"task.handed_over", "contact.handed_over", "notice.allowed"}
    | (WORK | SIGNING | CLOCKS | CARDS | RECUSALS | ADMINISTERED)
)
BY_TIME = {"timer.fired", "clock.struck"}
BY_NOBODY = {
    **{kind: {"clock": True} for kind in BY_TIME},
    "signal.received": {"signal": True},
    "calendar.revised": {"system": True},
}
"""What nobody enters, and who is named instead."""
NEEDED = {
    "disagree": ("reason",),
    "not_concerned": ("reason", "competent"),
    "report_up": ("superior", "reason"),
    "conditions": ("conditions",),
}


def pair(text: str) -> Post:
    unit, _, post = text.partition("/")
    return unit, post


# --- the organisation on a day


class Day:
    """Who holds what on a local day, by one version of the organisation."""

    def __init__(self, content: Mapping[str, Any], day: str) -> None:
        self.content = content
        self.day = day
        self.people = [person["id"] for person in content["people"]]
        self.held: dict[str, list[Post]] = {person: [] for person in self.people}
        for person in content["people"]:
            for entry in person["posts"]:
                self._give(person["id"], {"post": entry} if isinstance(entry, str) else entry)
        for entry in content["duty"]:
            self._give(entry["person"], entry)
        for code, unit in content["units"].items():
            if "designated" in unit and self.standing(code) == code:
                self.held[unit["designated"]].append((code, "designated"))

    def _give(self, person: str, entry: Mapping[str, str]) -> None:
        unit, post = pair(entry["post"])
        if self.within(entry) and self.standing(unit) is not None:
            self.held[person].append((self.standing(unit) or "", post))

    def within(self, entry: Mapping[str, str]) -> bool:
        """Both the first and the last day count."""
        return entry.get("since", self.day) <= self.day <= entry.get("until", self.day)

    def standing(self, unit: str) -> str | None:
        """In whose hands a unit is: its own, or from the day after its last one its successor's."""
        units = self.content["units"]
        while unit in units and self.day > units[unit].get("until", self.day):
            unit = units[unit].get("successor", "")
        return unit if unit in units and units[unit].get("since", self.day) <= self.day else None

    def now(self, unit: str) -> str:
        return self.standing(unit) or unit

    def head(self, unit: str) -> Post:
        return self.now(unit), self.content["units"].get(self.now(unit), {}).get("head", "leader")

    def above(self, unit: str) -> str:
        parent = self.content["units"].get(self.now(unit), {}).get("parent", "")
        return self.now(parent) if parent else ""

    def seat(self, owner: Post) -> Post:
        """Where a post is today: what the successor does not have falls to its head."""
        unit, post = self.now(owner[0]), owner[1]
        kept = unit == owner[0] or any((unit, post) in held for held in self.held.values())
        return (unit, post) if kept else self.head(unit)

    def holders(self, owner: Post) -> list[str]:
        return [person for person in self.people if self.seat(owner) in self.held[person]]

    def members(self, unit: str) -> list[str]:
        return [p for p in self.people if any(held == self.now(unit) for held, _ in self.held[p])]

    def organ(self, unit: str) -> str:
        """The organ that a unit belongs to; windows, offices and the like are parts of the one above."""

        def kind(code: str) -> str:
            return str(self.content["units"][code].get("kind", ""))

        unit = self.now(unit)
        while parent := self.above(unit):
            inner = kind(unit) in ("window", "hall", "office", "subcentre")
            if not inner and not kind(unit) == kind(parent) == "department":
                break
            unit = parent
        return unit

    def ways(self, person: str, owners: Iterable[Post], item: str, power: str) -> Ways:
        """Every capacity in which somebody has one of these posts: own ones, then those of people who are
        away, then those that a holder delegated."""
        seats = list(dict.fromkeys(self.seat(owner) for owner in owners))
        own, away, lent = [], [], []
        for unit, post in seats:
            base = {"person": person, "unit": unit, "post": post}
            if (unit, post) in self.held.get(person, ()):
                own.append(base)
            for entry in self.content["stand_ins"]:
                acting = entry["person"] == person and self.within(entry)
                if acting and (unit, post) in self.held[entry["for"]]:
                    away.append({**base, "for": entry["for"], "as": "stand_in"})
            for entry in self.content["delegations"]:
                given = entry["to"] == person and self.seat(pair(entry["post"])) == (unit, post)
                valid = self.within(entry) and self.day < entry.get("revoked", "9999")
                reaches = {item, "*"} & set(entry["items"]) and {power, "*"} & set(entry["powers"])
                if given and valid and reaches and (unit, post) in self.held[entry["grantor"]]:
                    lent.append(
                        {**base, "for": entry["grantor"], "as": "delegate", "delegation": entry["id"]}
                    )
        return [*own, *away, *lent]

    def certified(self, person: str, kind: str) -> bool:
        described = next(entry for entry in self.content["people"] if entry["id"] == person)
        return any(
            own["kind"] == kind and self.day <= own["expires"] for own in described.get("certificates", ())
        )

    def interested(self, parties: Iterable[str]) -> set[str]:
        named = set(parties)
        return {entry["person"] for entry in self.content["interests"] if entry["party"] in named}


class Office:
    """The versions of the organisation, each with the instant since which it was in force."""

    def __init__(self, versions: Iterable[tuple[str, Mapping[str, Any]]] = ()) -> None:
        self.versions = list(versions)
        self._days: dict[tuple[int, str], Day] = {}

    def on(self, version: int, at: str) -> Day:
        """The organisation by a version on the local day of an instant."""
        content = self.versions[version - 1][1]
        day = datetime.fromisoformat(at).astimezone(ZoneInfo(content["zone"])).date().isoformat()
        return self.day(version, day)

    def day(self, version: int, day: str) -> Day:
        if (version, day) not in self._days:
            self._days[version, day] = Day(self.versions[version - 1][1], day)
        return self._days[version, day]

    def latest(self, at: str) -> int:
        """The version in force at an instant."""
        return max((n for n, (since, _) in enumerate(self.versions, 1) if since <= at), default=1)

    def in_force(self, version: Any, at: str) -> bool:
        """Whether it was in force at some moment of that instant."""
        if not isinstance(version, int) or not 1 <= version <= len(self.versions):
            return False
        begun = version == 1 or self.versions[version - 1][0] <= at
        return begun and (version == len(self.versions) or at <= self.versions[version][0])

    def keeps_from(self, person: str, change: Mapping[str, Any], at: str, version: int) -> list[str]:
        """The rules that keep a person from changing the organisation like this."""
        day = self.on(version, at)
        if person not in day.held:
            return ["person"]
        content = day.content
        if any(day.seat(pair(text)) in day.held[person] for text in content["administrators"]):
            return []
        heads: list[Post] = []
        match change["kind"]:
            case "delegate":
                own = change["grantor"] == person
            case "interest":
                own = change["person"] == person
            case "revoke":
                wanted = change["delegation"]
                own = any(d["id"] == wanted and d["grantor"] == person for d in content["delegations"])
            case "designate":
                own, heads = False, [day.head(change["unit"])]
            case "stand_in":
                own, heads = False, [day.head(unit) for unit, _ in day.held.get(change["for"], ())]
            case _:
                own = False
        return [] if own or any(head in day.held[person] for head in heads) else ["administrator"]

    def lent_rightly(self, entry: Mapping[str, str], version: int) -> list[str]:
        """What is wrong with a delegation on its first day: it lends on, or out of the organ."""
        day = self.day(version, entry["since"])
        faults = []
        if day.seat(pair(entry["post"])) not in day.held[entry["grantor"]]:
            faults.append("lent on")
        organ = day.organ(pair(entry["post"])[0])
        organs = {day.organ(unit) for unit, _ in day.held[entry["to"]]}
        centre = any(day.content["units"][one].get("kind") == "centre" for one in organs)
        if entry["to"] == entry["grantor"] or not (organ in organs or centre):
            faults.append("lent to another organ")
        return faults

    def same_organ(self, change: Mapping[str, str], at: str, version: int) -> bool:
        """Whether two people, where they work at all, work in one organ when one begins to act for the
        other."""
        day = self.day(version, change.get("since", self.on(version, at).day))
        organs = [{day.organ(unit) for unit, _ in day.held[change[key]]} for key in ("person", "for")]
        return not all(organs) or bool(organs[0] & organs[1])

    def _administered(self, event: Event, version: int) -> list[str]:
        """The rules that keep who acts from an act of administration; the operator of the machine may."""
        by = {key: value for key, value in event["by"].items() if key != "org"}
        if by == {"system": True}:
            return []
        day = self.on(max(version, 1), event["at"])
        held = day.held.get(by.get("person", ""), [])
        posts = {day.seat(pair(text)) for text in day.content["administrators"]}
        if (by.get("unit"), by.get("post")) not in posts & set(held):
            return ["administrator"]
        early = event["type"] == "item.abolished" and event["data"]["since"] < day.day
        return ["back-dated"] if early else []

    def read(self, history: Iterable[Event]) -> list[tuple[int, str, str]]:
        """What is wrong in the office's own history, whose changes made the versions."""
        faults, version = [], 0
        for event in history:
            if event["type"] in OF_THE_OFFICE:
                faults += [(event["seq"], rule, event["type"]) for rule in self._administered(event, version)]
            if event["type"] == "organisation.recorded":
                version += 1
            elif event["type"] == "organisation.changed":
                by, change = event["by"], event["data"]["change"]
                version += 1
                found = self.keeps_from(by["person"], change, event["at"], version - 1)
                if change["kind"] == "stand_in" and not self.same_organ(change, event["at"], version):
                    found.append("lent to another organ")
                if change["kind"] == "delegate":
                    made = self.versions[version - 1][1]["delegations"]
                    found += self.lent_rightly(next(d for d in made if d["id"] == change["id"]), version)
                faults += [(event["seq"], rule, f"{by['person']} {change['kind']}") for rule in found]
        return faults


# --- the item


@dataclass
class Element:
    """An element of the drawing: whose lane it lies in, what its panel says, which message it waits for."""

    owner: Post
    properties: dict[str, str] = field(default_factory=dict)
    message: str = ""


class Item:
    """What an item's folder says: `item.toml` read, and its diagrams as XML, its own one first."""

    def __init__(self, described: Mapping[str, Any], diagrams: Iterable[bytes]) -> None:
        self.described = described
        self.code = described["code"]
        self.elements: dict[str, Element] = {}
        self.opener: Post = ("", "")
        for diagram in diagrams:
            self._draw(ET.fromstring(diagram))
        self.lanes = [pair(owner) for owner in described["lanes"].values()]
        self.joints: dict[str, Any] = described.get("joint", {})
        self.meetings: dict[str, Any] = described.get("meetings", {})
        self.notice = described.get("notice", {})

    def _draw(self, root: ET.Element) -> None:
        names = {m.get("id"): m.get("name", "") for m in root.iter() if m.tag.endswith("}message")}
        for process in (child for child in root if child.tag.endswith("}process")):
            lanes = {}
            for lane in (one for one in process.iter() if one.tag.endswith("}lane")):
                bound = self.described["lanes"].get(lane.get("name"))
                for ref in (one for one in lane if one.tag.endswith("}flowNodeRef")):
                    lanes[(ref.text or "").strip()] = pair(bound or "/")
            self._scope(process, lanes, ("", ""), names)
            if process.get("id") == self.described["process"]:
                starts = [one.get("id", "") for one in process if one.tag.endswith("}startEvent")]
                self.opener = self.elements[starts[0]].owner

    def _scope(
        self, scope: ET.Element, lanes: Mapping[str, Post], outer: Post, names: Mapping[Any, str]
    ) -> None:
        for node in scope:
            name = node.get("id", "")
            owner = lanes.get(name, outer)
            if name and name not in self.elements:
                values = {
                    p.get("name", ""): p.get("value", "")
                    for extension in node
                    if extension.tag.endswith("}extensionElements")
                    for p in extension.iter()
                    if p.tag.endswith("}property")
                }
                refs = [names.get(d.get("messageRef"), "") for d in node if d.get("messageRef")]
                self.elements[name] = Element(owner, values, refs[0] if refs else "")
            if node.tag.endswith("}subProcess"):
                self._scope(node, lanes, owner, names)

    def joint_of(self, element: str) -> str:
        return next((id for id, joint in self.joints.items() if element in joint["activities"]), "")

    def officers(self, element: str) -> int:
        return int(self.elements[element].properties.get("officers", "1"))

    def certificate(self, element: str) -> str:
        default = "enforcement" if self.officers(element) > 1 else ""
        return self.elements[element].properties.get("certificate", default)

    def power(self, element: str) -> str:
        return self.elements[element].properties.get("power", "review")


# --- what the answers come to


def weigh(joint: Mapping[str, Any], lead: str, seats: Iterable[tuple[str, str]]) -> str:
    """The outcome when every seat (unit, opinion) has spoken; a seat that keeps out says "recused"."""
    out = {"recused", "not_concerned"} | ({"abstain"} if joint.get("abstentions") == "ignored" else set())
    base = [(unit, opinion) for unit, opinion in seats if opinion not in out]
    alone = {*joint.get("veto", ())} | ({lead} if joint["rule"] == "lead" else set())
    if any(opinion == "disagree" and unit in alone for unit, opinion in base):
        return "refuse"
    if not base:
        return "meeting"
    voices = [opinion for unit, opinion in base if joint["rule"] != "lead" or unit == lead]
    consents = sum(opinion in ("agree", "conditions", "deemed") for opinion in voices)
    match joint["rule"]:
        case "majority":
            reached = 2 * consents > len(voices)
        case "quorum":
            need = joint["quorum"]
            share = need if isinstance(need, int) else Fraction(need) * len(voices)
            reached = consents >= max(share, 1)
        case _:
            reached = bool(voices) and consents == len(voices)
    if not reached:
        return str(joint.get("dissent", "meeting"))
    return "conditional" if any(opinion == "conditions" for _, opinion in base) else "grant"


def conditions_of(answer: Mapping[str, Any]) -> list[str]:
    if answer.get("opinion") != "conditions":
        return []
    stated = answer.get("conditions", [])
    texts = [stated] if isinstance(stated, str) else stated
    return [" ".join(str(text).split()) for text in texts if str(text).strip()]


def incomplete(answer: Mapping[str, Any], *opinions: str) -> bool:
    """Is it none of these opinions, or without what makes it one?"""
    opinion = str(answer.get("opinion"))
    if opinion not in opinions:
        return True
    if opinion == "conditions":
        return not conditions_of(answer)
    return not all(str(answer.get(name, "")).strip() for name in NEEDED.get(opinion, ()))


# --- a case


@dataclass
class Task:
    """A step of the case: whose it is, how far it has come, whose names stand under it."""

    id: str
    element: str
    unit: str
    post: str
    stage: str = "open"
    names: list[set[str]] = field(default_factory=list)
    answer: Mapping[str, Any] = field(default_factory=dict)
    assignee: str = ""
    joint: str = ""
    round: int = 0
    reminded: bool = False
    received: bool = False
    suspended: str = ""
    followed_up: bool = False

    @property
    def ended(self) -> bool:
        return self.stage in ("done", "deemed", "withdrawn", "cancelled")

    @property
    def opinion(self) -> str:
        if self.stage == "withdrawn":
            return "recused"
        return "deemed" if self.stage == "deemed" else str(self.answer.get("opinion", ""))


class Judge:
    """Reads the history of one case, event by event."""

    def __init__(self, item: Item, office: Office, versions: Mapping[str, Item] | None = None) -> None:
        self.item = item
        self.versions = versions or {}
        """What a case may be taken over to, by digest."""
        self.left: dict[str, Task] = {}
        """The steps as they stood when the case went over."""
        self.failed: set[str] = set()
        self.office = office
        self.tasks: dict[str, Task] = {}
        self.recusals: dict[str, dict[str, str]] = {}
        self.parties: list[str] = []
        self.contact: Post = ("", "")
        self.cards: dict[str, str] = {}
        self.materials: set[str] = set()
        self.notices = self.leaves = 0
        self.certain: dict[tuple[str, int], str] = {}
        self.decided: set[tuple[str, int]] = set()
        self.calls: dict[str, dict[str, Any]] = {}
        self.closed = False
        self.cause: Event = {"type": "", "data": {}}
        self.owed: list[tuple[str, ...]] = []
        """What must follow from the latest fact: a type of event, and what it is about."""
        self.faults: list[tuple[int, str, str]] = []

    def read(self, history: Iterable[Event]) -> list[tuple[int, str, str]]:
        """What is wrong in these further events, and in what follows from them."""
        before, seq = len(self.faults), 0
        for event in history:
            self._event(event)
            seq = event["seq"]
        self._settle(seq)
        return self.faults[before:]

    def would(self, kind: str, data: Mapping[str, Any], person: str, at: str) -> list[str]:
        """The rules that keep a person from this, as things stand; none if she may."""
        day = self.office.on(self.office.latest(at), at)
        return self.keeps_from(kind, data, {"person": person}, day)

    def able(self, task: str, at: str) -> set[str]:
        """Everybody who may do an open step, sign what was entered, give the opinion that is owed, or
        decide about a recusal."""
        data = {"recusal": task} if task in self.recusals else {"task": task}
        kind = "recusal.decided"
        if task in self.tasks:
            kinds = {"entered": "answer.confirmed", "deemed": "referral.followed_up"}
            kind = kinds.get(self.tasks[task].stage, "task.completed")
        day = self.office.on(self.office.latest(at), at)
        return {p for p in day.people if not self.keeps_from(kind, data, {"person": p}, day)}

    def in_hands(self, person: str, post: Post, at: str) -> list[str]:
        """What somebody in that post still answers for; "" is the first-contact responsibility."""
        day = self.office.on(self.office.latest(at), at)
        held = [task for task in self.tasks.values() if task.assignee == person and not task.ended]
        found = [task.id for task in held if day.seat((task.unit, task.post)) == day.seat(post)]
        has_case = self.contact[0] == person and day.now(self.contact[1]) == day.now(post[0])
        return found + ([""] if has_case and not self.closed else [])

    # --- whose it is

    def keeps_from(self, kind: str, data: Mapping[str, Any], by: Mapping[str, Any], day: Day) -> list[str]:
        """The rules that keep who acts from a fact. Of a fact on record the capacity must be right too."""
        task = self.tasks.get(data.get("task", ""))
        out = dict.fromkeys(day.interested(self.parties), "interest")
        out |= {r["person"]: "recusal" for r in self.recusals.values() if r["state"] != "rejected"}
        if kind in WORK and task is not None:
            return self._step(by, day, task, signing=False)
        if kind in SIGNING and task is not None:
            return self._step(by, day, task, signing=True)
        if kind == "referral.followed_up" and task is not None:
            return self._late(by, day, task)
        if kind == "referral.withdrawn" and task is not None:
            return self._check(by, day, [day.head(task.unit)], "approve", out)
        if kind == "task.handed_over" and task is not None:
            return self._handing_over(by, day, task, data["to"])
        match kind:
            case "case.opened":
                return self._check(by, day, [self.item.opener], "accept", out)
            case "message.received":
                return self._message(by, day, data["name"])
            case "recusal.declared":
                return self._herself(by, day)
            case "recusal.challenged":
                return self._check(by, day, [self.item.opener, *self.item.lanes])
            case "recusal.decided" if data["recusal"] in self.recusals:
                person = self.recusals[data["recusal"]]["person"]
                barred = out | {person: "recusal"}
                return self._check(by, day, self._deciding(person, barred, day), "approve", barred)
            case "contact.handed_over":
                return self._contact(by, day, data["to"])
            case "incident.retried" | "case.migrated":
                return self._check(by, day, map(pair, day.content["administrators"]), barred=out)
            case "notice.allowed":
                return self._check(by, day, [pair(self.item.notice["approver"])], "approve", out)
            case "extension.granted":
                rule = self._clock(data["clock"]).get("extension", {})
                owners = [pair(rule["approver"])] if rule else []
                return self._check(by, day, owners, "approve", out)
            case "pause.ordered" | "resume.ordered":
                lead = self.item.described.get("lead", self.item.opener[0])
                unit = self._clock(data["clock"]).get("unit", lead)
                own = [lane for lane in self.item.lanes if lane[0] == unit] or self.item.lanes
                return self._check(by, day, own, barred=out)
            case "card.withdrawn":
                return self._check(by, day, map(pair, day.content["supervisors"]), barred=out)
            case "card.answered" | "card.contested":
                unit = day.now(self.cards[data["card"]])
                posts = {post for held in day.held.values() for post in held if post[0] == unit}
                return self._check(by, day, sorted(posts), barred=out)
        return ["unknown"]

    def _clock(self, clock: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.item.described["clocks"][clock.partition("#")[0].partition("@")[0]]
        return found

    def _check(
        self,
        by: Mapping[str, Any],
        day: Day,
        owners: Iterable[Post],
        power: str = "review",
        barred: Mapping[str, str] | None = None,
        certificate: str = "",
        ways: Ways | None = None,
    ) -> list[str]:
        person, barred = by["person"], barred or {}
        if person not in day.held:
            return ["person"]
        if ways is None:
            ways = day.ways(person, owners, self.item.code, power)
        if not ways:
            return ["post"]
        if person in barred:
            return [barred[person]]
        free = [way for way in ways if way.get("for") not in barred]
        if not free:
            return [barred[way["for"]] for way in ways[:1]]
        if certificate and not day.certified(person, certificate):
            return ["certificate"]
        said = {key: value for key, value in by.items() if key != "org"}
        if "unit" in said and (said not in free or ("for" in said and "for" not in free[0])):
            return ["capacity"]
        return []

    def _herself(self, by: Mapping[str, Any], day: Day) -> list[str]:
        held = day.held.get(by["person"])
        if held is None:
            return ["person"]
        post = (by.get("unit", ""), by.get("post", ""))
        return ["capacity"] if "for" in by or ("unit" in by and post not in (held or [("", "")])) else []

    def _step(self, by: Mapping[str, Any], day: Day, task: Task, *, signing: bool) -> list[str]:
        element, post, power = task.element, task.post, self.item.power(task.element)
        certificate = self.item.certificate(element)
        if signing and len(task.names) >= self.item.officers(element):
            post, power, certificate = self.item.joints[task.joint].get("confirm", post), "approve", ""
        barred = self._barred(day, element, task, signing=signing)
        return self._check(by, day, [(task.unit, post)], power, barred, certificate)

    def _late(self, by: Mapping[str, Any], day: Day, task: Task) -> list[str]:
        """An opinion that comes after silence is given by who signs for the department."""
        leader = self.item.joints[task.joint].get("confirm")
        if leader is None:
            return self._step(by, day, task, signing=False)
        barred = self._barred(day, task.element, task)
        return self._check(by, day, [(task.unit, leader)], "approve", barred)

    def _message(self, by: Mapping[str, Any], day: Day, name: str) -> list[str]:
        element = next(id for id, one in self.item.elements.items() if one.message == name)
        owner, power = self.item.elements[element].owner, self.item.power(element)
        return self._check(
            by, day, [owner], power, self._barred(day, element), self.item.certificate(element)
        )

    def _barred(
        self, day: Day, element: str, task: Task | None = None, *, signing: bool = False
    ) -> dict[str, str]:
        """Who is kept from a step, each with the rule."""
        barred = dict.fromkeys(day.interested(self.parties), "interest")
        for recusal in self.recusals.values():
            if recusal["state"] != "rejected":
                barred[recusal["person"]] = "recusal"
        for separation in self.item.described.get("separation", ()):
            if element in separation["steps"]:
                others = [one for one in separation["steps"] if one != element]
                for other in self.tasks.values():
                    if other.element in others:
                        barred |= dict.fromkeys(set().union(*other.names), "separation")
        if task is None:
            return barred
        if signing or task.stage == "entered":
            barred |= dict.fromkeys(set().union(*task.names), "four-eyes")
        for other in self.tasks.values() if task.joint else ():
            same = (other.joint, other.round) == (task.joint, task.round) and other.stage != "cancelled"
            if same and day.now(other.unit) != day.now(task.unit):
                barred |= dict.fromkeys(set().union(*other.names), "own opinion")
        return barred

    def _deciding(self, person: str, barred: Mapping[str, str], day: Day) -> list[Post]:
        """The heads of the person's units, or where they can't decide who is above them."""
        found = []
        for unit in dict.fromkeys(unit for unit, _ in day.held.get(person, ())):
            at = unit
            while at:
                if any(holder not in barred for holder in day.holders(day.head(at))):
                    found.append(day.head(at))
                    break
                at = day.above(at)
        return found or [pair(text) for text in day.content["supervisors"]]

    def _handing_over(self, by: Mapping[str, Any], day: Day, task: Task, to: str) -> list[str]:
        """By who signed for it, or by the unit's head; to somebody who may do it."""
        waiting = task.stage == "entered"
        if refused := self._step({"person": to}, day, task, signing=waiting):
            return [f"to: {rule}" for rule in refused]
        post = task.post
        if waiting and len(task.names) >= self.item.officers(task.element):
            post = self.item.joints[task.joint].get("confirm", post)
        head = day.head(task.unit)
        ways = day.ways(
            by["person"], [(task.unit, post), head], self.item.code, self.item.power(task.element)
        )
        if task.assignee and by["person"] != task.assignee:
            ways = [way for way in ways if (way["unit"], way["post"]) == head]
        return self._check(by, day, (), ways=ways)

    def _contact(self, by: Mapping[str, Any], day: Day, to: str) -> list[str]:
        """By who has it, or her head; to somebody who works here."""
        if not day.held.get(to):
            return ["to: post"]
        person, unit = self.contact
        ways = []
        if by["person"] == person:
            ways = [{"person": person, "unit": u, "post": p} for u, p in day.held.get(person, ())]
        ways += day.ways(by["person"], [day.head(unit)], self.item.code, "review")
        return self._check(by, day, (), ways=ways)

    # --- the events

    def _fault(self, event: Event, rule: str, what: Any = "") -> None:
        self.faults.append((event["seq"], rule, f"{event['type']} {event['by'].get('person', '')} {what}"))

    def _settle(self, seq: int) -> None:
        """What should have followed from the latest fact has."""
        self.faults += [(seq, "missing", " ".join(owed)) for owed in self.owed]
        self.owed = []
        if self.cause["type"] not in ANSWERS:
            return
        for joint, round in sorted({(t.joint, t.round) for t in self.tasks.values() if t.joint}):
            members = self._members(joint, round)
            over = bool(members) and all(task.ended for task in members)
            if over and (joint, round) not in self.decided:
                self.faults.append((seq, "joint.decided", f"{joint} {round} is over"))
            if members and (joint, round) not in self.certain and len(self._reachable(joint, round)) == 1:
                self.faults.append((seq, "joint.certain", f"{joint} {round} is certain"))

    def _event(self, event: Event) -> None:
        kind, data = event["type"], event["data"]
        if kind in BY_PEOPLE or kind in BY_NOBODY:
            self._settle(event["seq"])
            self.cause = event
        new = kind in ("task.opened", "task.migrated")
        if not new and data.get("task") and data["task"] not in self.tasks:
            self._fault(event, "task", data["task"])
            return
        if kind in BY_PEOPLE:
            self._by_person(event)
        elif event["by"] != BY_NOBODY.get(kind, self.cause.get("by")):
            self._fault(event, "time" if kind in BY_TIME else "cause", event["by"])
        told = [value for value in data.values() if isinstance(value, str)]
        self.owed = [o for o in self.owed if o[0] != kind or not any(about in told for about in o[1:])]
        handler = getattr(self, "_on_" + kind.replace(".", "_"), None)
        if handler is not None:
            handler(event, data)

    def _by_person(self, event: Event) -> None:
        kind, data, by = event["type"], event["data"], event["by"]
        if not self.office.in_force(by.get("org"), event["at"]):
            self._fault(event, "version", by.get("org"))
            return
        if kind == "case.opened":
            names = self.item.described.get("parties", ())
            self.parties = [str(data["data"][name]) for name in names if name in data["data"]]
            self.contact = by["person"], by["unit"]
        task = self.tasks.get(data.get("task", ""))
        for rule in self.keeps_from(kind, data, by, self.office.on(by["org"], event["at"])):
            self._fault(event, rule, data)
        waived = kind in RECUSALS and not data.get("task")
        if task is not None and not waived:
            if task.ended and kind != "referral.followed_up":
                self._fault(event, "ended", task.stage)
            if task.suspended and kind not in RECUSALS:
                self._fault(event, "suspended", task.suspended)
            if task.stage == "entered" and kind in WORK:
                self._fault(event, "waits to be signed")

    def _names(self, event: Event) -> set[str]:
        return {event["by"][key] for key in ("person", "for") if key in event["by"]}

    # --- what people did

    def _on_referral_signed(self, event: Event, data: Event) -> None:
        task = self.tasks[data["task"]]
        if task.stage != "open":
            self._fault(event, "signed before")
        task.stage, task.assignee, task.received = "signed", event["by"]["person"], True

    def _on_referral_reported_up(self, event: Event, data: Event) -> None:
        task = self.tasks[data["task"]]
        if incomplete(data["data"], "report_up") or task.stage not in ("signed", "reported"):
            self._fault(event, "opinion", data)
        task.stage = "reported"

    def _on_answer_entered(self, event: Event, data: Event) -> None:
        task = self.tasks[data["task"]]
        self._answered(event, task, data["data"])
        if self._signatures(task) == 1:
            self._fault(event, "nobody else signs")
        task.stage, task.answer, task.names = "entered", data["data"], [self._names(event)]
        self.owed.append(("task.passed", task.id))

    def _on_task_completed(self, event: Event, data: Event) -> None:
        task = self.tasks[data["task"]]
        self._answered(event, task, data["data"])
        if self._signatures(task) > 1:
            self._fault(event, "others must sign")
        task.names = [self._names(event)]
        self._done(event, task, data["data"])

    def _answered(self, event: Event, task: Task, answer: Mapping[str, Any]) -> None:
        if not task.joint:
            return
        if task.stage == "open":
            self._fault(event, "not signed for")
        if incomplete(answer, "agree", "conditions", "disagree", "not_concerned", "abstain"):
            self._fault(event, "opinion", answer)

    def _signatures(self, task: Task) -> int:
        confirmed = "confirm" in self.item.joints.get(task.joint, {})
        return self.item.officers(task.element) + confirmed

    def _on_answer_confirmed(self, event: Event, data: Event) -> None:
        task = self.tasks[data["task"]]
        if task.stage != "entered":
            self._fault(event, "nothing to sign")
        task.names.append(self._names(event))
        if len(task.names) == self._signatures(task):
            self._done(event, task, task.answer)
            self.owed.append(("task.ended", task.id))

    def _on_answer_returned(self, event: Event, data: Event) -> None:
        task = self.tasks[data["task"]]
        if task.stage != "entered" or not data["reason"].strip():
            self._fault(event, "nothing to give back")
        task.stage, task.names = "signed", []

    def _done(self, event: Event, task: Task, answer: Mapping[str, Any]) -> None:
        task.stage, task.answer, task.received = "done", answer, True
        self._materials(event, task.element, answer)
        for id, meeting in self.item.meetings.items():
            if task.element == meeting["convene"]:
                self.calls[id] = {"departments": answer["departments"], "since": len(self.tasks)}
                unknown = set(answer["departments"]) - set(meeting["departments"])
                if unknown or len(set(answer["departments"])) < len(answer["departments"]):
                    self._fault(event, "meeting.departments", answer["departments"])
                self.owed.append(("meeting.convened", id))
            elif task.element == meeting["invite"]:
                self._replied(event, task, answer)
            elif task.element == meeting["hold"]:
                self._held(event, id, meeting, answer)

    def _materials(self, event: Event, element: str, answer: Mapping[str, Any]) -> None:
        for listed in answer.get(self.item.elements[element].properties.get("requests", ""), ()):
            material, _, fault = str(listed).partition(":")
            if material in self.materials:
                self.owed.append(("finding.raised", "F35"))
                if not fault.strip():
                    self._fault(event, "material", material)

    def _on_case_opened(self, event: Event, data: Event) -> None:
        if event["seq"] != 1:
            self._fault(event, "opened twice")

    def _on_referral_followed_up(self, event: Event, data: Event) -> None:
        task = self.tasks[data["task"]]
        if task.stage != "deemed" or task.followed_up:
            self._fault(event, "nothing is owed")
        if incomplete(data["data"], *NEEDED, "agree"):
            self._fault(event, "opinion", data)
        task.followed_up, task.names = True, [self._names(event)]
        if data["data"].get("opinion") == "disagree":
            self.owed.append(("finding.raised", "referral.late_dissent"))

    def _on_referral_withdrawn(self, event: Event, data: Event) -> None:
        task = self.tasks[data["task"]]
        if not task.joint or not data["reason"].strip():
            self._fault(event, "no referral")
        task.stage, task.names = "withdrawn", [self._names(event)]

    def _questioned(self, event: Event, person: str) -> None:
        data = event["data"]
        if not data["reason"].strip() or any(
            r["person"] == person
            and (r["state"] == "upheld" or (r["state"] == "open" and r["party"] == data.get("party", "")))
            for r in self.recusals.values()
        ):
            self._fault(event, "recusal")
        asked = {"person": person, "state": "open", "task": data["task"], "party": data.get("party", "")}
        self.recusals[data["recusal"]] = asked
        if data["task"]:
            task = self.tasks[data["task"]]
            if not self._concerned(task, person, self.office.on(event["by"]["org"], event["at"])):
                self._fault(event, "not concerned", task.id)
            if not task.suspended:
                task.suspended = data["recusal"]
                self.owed.append(("task.suspended", data["recusal"]))

    def _concerned(self, task: Task, person: str, day: Day) -> bool:
        """Whether somebody could do a step, sign it or hand it over: nobody else's partiality stops it."""
        confirm = self.item.joints.get(task.joint, {}).get("confirm", task.post)
        owners = [(task.unit, task.post), (task.unit, confirm), day.head(task.unit)]
        powers = self.item.power(task.element), "approve"
        return any(day.ways(person, owners, self.item.code, power) for power in powers)

    def _on_recusal_declared(self, event: Event, data: Event) -> None:
        self._questioned(event, event["by"]["person"])

    def _on_recusal_challenged(self, event: Event, data: Event) -> None:
        if (
            not data["party"].strip()
            or data["person"] not in self.office.on(event["by"]["org"], event["at"]).held
        ):
            self._fault(event, "recusal.party")
        self._questioned(event, data["person"])

    def _on_recusal_decided(self, event: Event, data: Event) -> None:
        recusal = self.recusals.get(data["recusal"])
        if recusal is None or recusal["state"] != "open" or not data["reason"].strip():
            self._fault(event, "recusal.open")
            return
        recusal["state"] = "upheld" if data["upheld"] else "rejected"
        task = self.tasks.get(recusal["task"])
        if task is not None and task.suspended == data["recusal"]:
            open_ones = [id for id, r in self.recusals.items() if r["state"] == "open"]
            further = [id for id in open_ones if self.recusals[id]["task"] == task.id]
            task.suspended = further[0] if further and not task.ended else ""
            if not task.ended:
                follows = (
                    ("task.suspended", task.suspended) if further else ("task.reinstated", data["recusal"])
                )
                self.owed.append(follows)
        if not data["upheld"]:
            return
        for acted in self.tasks.values():
            if recusal["person"] not in set().union(*acted.names):
                continue
            if acted.stage == "entered":
                acted.stage, acted.names = "signed", []
            else:
                self.owed.append(("finding.raised", acted.id, acted.element))
        if task is not None and task.assignee == recusal["person"]:
            task.assignee = ""

    def _on_task_handed_over(self, event: Event, data: Event) -> None:
        self.tasks[data["task"]].assignee = data["to"]

    def _on_contact_handed_over(self, event: Event, data: Event) -> None:
        self.contact = data["to"], data["unit"]

    def _on_notice_allowed(self, event: Event, data: Event) -> None:
        if not self.notices or not data["reason"].strip():
            self._fault(event, "notice")
        self.leaves += 1

    def _on_incident_retried(self, event: Event, data: Event) -> None:
        if data["incident"] not in self.failed or not data["reason"].strip():
            self._fault(event, "nothing failed", data["incident"])
        self.failed.discard(data["incident"])

    def _on_case_migrated(self, event: Event, data: Event) -> None:
        if data["definition"] not in self.versions or not data["reason"].strip():
            self._fault(event, "migrated", data["definition"])
        self.item = self.versions.get(data["definition"], self.item)
        self.left = dict(self.tasks)

    # --- what followed

    def _on_incident_raised(self, event: Event, data: Event) -> None:
        self.failed.add(data["incident"])

    def _on_task_migrated(self, event: Event, data: Event) -> None:
        task = self.left.get(data["was"])
        if task is None or task.ended or self.cause["type"] != "case.migrated":
            self._fault(event, "migrated", data["was"])
            return
        if self.tasks.get(task.id) is task:
            del self.tasks[task.id]
        task.id, task.element = data["task"], data["element"]
        task.unit, task.post = data["unit"], data["post"]
        self.tasks[task.id] = task

    def _on_task_opened(self, event: Event, data: Event) -> None:
        if self.closed or data["task"] in self.tasks:
            self._fault(event, "opened twice")
        task = Task(data["task"], data["element"], data["unit"], data["post"])
        self.tasks[task.id] = task
        if self.item.joint_of(task.element):
            self.owed.append(("referral.sent", task.id))

    def _on_referral_sent(self, event: Event, data: Event) -> None:
        task = self.tasks[data["task"]]
        rounds = [t.round for t in self.tasks.values() if t.joint == data["joint"]]
        if data["unit"] != task.unit or data["joint"] != self.item.joint_of(task.element):
            self._fault(event, "referral.sent", data)
        if data["round"] not in (max(rounds, default=0), max(rounds, default=0) + 1) or data["round"] == 0:
            self._fault(event, "round", data["round"])
        task.joint, task.round = data["joint"], data["round"]

    def _on_task_ended(self, event: Event, data: Event) -> None:
        if self.tasks[data["task"]].stage not in ("done", "deemed", "withdrawn"):
            self._fault(event, "ended", self.tasks[data["task"]].stage)

    def _on_task_cancelled(self, event: Event, data: Event) -> None:
        task = self.tasks[data["task"]]
        if task.ended:
            self._fault(event, "ended", task.stage)
        other = self.tasks.get(self.cause["data"].get("task", ""))
        clock = str(self.cause["data"].get("clock", "")).partition("@")[2]
        other = other or self.tasks.get(clock)
        if task.joint and other is not None and other.joint and self.cause["type"] in ANSWERS:
            self._fault(event, "referral.cancelled", f"{task.id} by {other.id}")
        task.stage = "cancelled"

    def _on_clock_struck(self, event: Event, data: Event) -> None:
        clock, _, id = data["clock"].partition("@")
        task = self.tasks.get(id)
        open_one = task is not None and task.joint and not task.ended and not data["rung"]
        if task is not None and open_one and self.item.joints[task.joint].get("clock") == clock:
            self.owed.append(("silence", id))

    def _on_reminder_raised(self, event: Event, data: Event) -> None:
        clock, _, id = data["clock"].partition("@")
        task = self.tasks.get(id)
        if task is not None and self.item.joints.get(task.joint, {}).get("clock") == clock:
            task.reminded = True

    def _not_silent(self, task: Task) -> list[str]:
        """Why silence may not be taken for consent."""
        joint = self.item.joints[task.joint]
        policy = joint.get("silence")
        if policy is None:
            return ["no policy"]
        found = []
        if joint.get("risks", {}).get(task.unit) in NEVER_DEEMED | set(policy.get("excluded", ())):
            found.append("excluded")
        if task.stage in ("entered", "reported"):
            found.append("not silent")
        if task.suspended:
            found.append("suspended")
        if policy.get("receipt", True) and task.stage == "open":
            found.append("not signed for")
        if policy.get("reminder", True) and not task.reminded:
            found.append("not reminded")
        return found

    def _on_referral_deemed(self, event: Event, data: Event) -> None:
        task = self.tasks[data["task"]]
        for why in self._not_silent(task):
            self._fault(event, "silence", why)
        policy = self.item.joints[task.joint].get("silence", {})
        if ("silence", task.id) not in self.owed or task.ended:
            self._fault(event, "silence", "its term is not over")
        elif data["basis"] != policy.get("basis") or data["level"] != policy.get("level"):
            self._fault(event, "silence.basis", data)
        self.owed = [owed for owed in self.owed if owed != ("silence", task.id)]
        self.owed.append(("task.ended", task.id))
        task.stage = "deemed"

    def _on_silence_noted(self, event: Event, data: Event) -> None:
        task = self.tasks[data["task"]]
        if ("silence", task.id) not in self.owed or not self._not_silent(task):
            self._fault(event, "silence", "it counts")
        self.owed = [owed for owed in self.owed if owed != ("silence", task.id)]

    def _on_card_raised(self, event: Event, data: Event) -> None:
        self.cards[data["card"]] = data["unit"]

    def _on_material_received(self, event: Event, data: Event) -> None:
        self.materials.add(data["material"])

    def _on_message_received(self, event: Event, data: Event) -> None:
        element = next(id for id, one in self.item.elements.items() if one.message == data["name"])
        self._materials(event, element, data["data"])

    def _on_document_issued(self, event: Event, data: Event) -> None:
        if data["document"] in self.item.notice.get("documents", ()):
            self.notices += 1
            if self.notices > 1:
                self.owed.append(("finding.raised", "F72-4"))
                if self.leaves < self.notices - 1:
                    self._fault(event, "notice", f"{self.notices} notices, {self.leaves} allowed")

    def _on_case_closed(self, event: Event, data: Event) -> None:
        if self.closed or data["outcome"] not in self.item.described["outcomes"]:
            self._fault(event, "closed twice", data)
        for task in self.tasks.values():
            if task.joint and not task.ended:
                self._fault(event, "referral.open", task.id)
        self.closed = True

    # --- joint reviews

    def _members(self, joint: str, round: int) -> list[Task]:
        """The referrals of a round; of an activity that was visited twice in it, the later visit."""
        found: dict[Post, Task] = {}
        for task in self.tasks.values():
            if (task.joint, task.round) == (joint, round) and task.stage != "cancelled":
                found.pop((task.element, task.unit), None)
                found[task.element, task.unit] = task
        return list(found.values())

    def _lead(self, joint: str) -> str:
        return str(self.item.joints[joint].get("lead", self.item.described.get("lead", "")))

    def _reachable(self, joint: str, round: int) -> set[str]:
        """What a round may still come to, tried out: every answer of who has not answered yet."""
        described, members = self.item.joints[joint], self._members(joint, round)
        given = [(task.unit, task.opinion) for task in members if task.ended]
        waiting = [task.unit for task in members if not task.ended]
        asked = {task.element for task in members}
        if (
            waiting and len(described["activities"]) > 1
        ):  # whoever was not asked in a round that is over never is
            waiting += [self.item.elements[e].owner[0] for e in described["activities"] if e not in asked]
        answers = ("agree", "conditions", "disagree", "not_concerned", "abstain")
        return {
            weigh(described, self._lead(joint), [*given, *zip(waiting, tried, strict=True)])
            for tried in itertools.product(answers, repeat=len(waiting))
        }

    def _on_joint_certain(self, event: Event, data: Event) -> None:
        key = data["joint"], data["round"]
        if key in self.certain or self._reachable(*key) != {data["outcome"]}:
            self._fault(event, "joint.certain", data["outcome"])
        self.certain[key] = data["outcome"]

    def _on_joint_decided(self, event: Event, data: Event) -> None:
        key = data["joint"], data["round"]
        members = self._members(*key)
        spoken = [task for task in members if task.opinion != "recused"]
        merged: dict[str, list[str]] = {}
        for task in spoken:
            for text in conditions_of(task.answer) if task.stage == "done" else ():
                merged.setdefault(text, [])
                merged[text] += [task.unit] if task.unit not in merged[text] else []
        expected = {
            "outcome": weigh(
                self.item.joints[key[0]], self._lead(key[0]), [(t.unit, t.opinion) for t in members]
            ),
            "conditions": [{"text": text, "units": units} for text, units in merged.items()],
            "dissent": list(dict.fromkeys(t.unit for t in spoken if t.opinion == "disagree")),
            "deemed": list(dict.fromkeys(t.unit for t in spoken if t.opinion == "deemed")),
        }
        if key in self.decided or not all(task.ended for task in members):
            self._fault(event, "joint.decided", "the round is not over")
        if expected != {name: data[name] for name in expected}:
            self._fault(event, "joint.outcome", f"{data} instead of {expected}")
        if self.certain.get(key) != data["outcome"]:
            self._fault(event, "joint.certain", f"{self.certain.get(key)}, then {data['outcome']}")
        self.decided.add(key)

    # --- meetings

    def _replied(self, event: Event, task: Task, answer: Mapping[str, Any]) -> None:
        day = self.office.on(event["by"]["org"], event["at"])
        reply = answer.get("reply")
        if reply == "substitute" and answer.get("substitute") not in day.members(task.unit):
            self._fault(event, "meeting.substitute", answer)
        if reply == "apology" and not str(answer.get("reason", "")).strip():
            self._fault(event, "meeting.apology")

    def _invitations(self, id: str) -> dict[str, Task]:
        invite, since = self.item.meetings[id]["invite"], self.calls[id]["since"]
        tasks = list(self.tasks.values())[since:]
        return {task.unit: task for task in tasks if task.element == invite}

    def _on_meeting_convened(self, event: Event, data: Event) -> None:
        self.calls[data["meeting"]]["begins"] = data["begins"]

    def _held(self, event: Event, id: str, meeting: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        day = self.office.on(event["by"]["org"], event["at"])
        call, invitations = self.calls.get(id), self._invitations(id) if id in self.calls else {}
        if call is None or event["at"] < call["begins"]:
            self._fault(event, "meeting.early")
            return
        lines = {line["department"]: line for line in answer.get("attendance", ())}
        if sorted(line["department"] for line in answer.get("attendance", ())) != sorted(call["departments"]):
            self._fault(event, "meeting.attendance", list(lines))
        expected: list[tuple[str, bool, bool]] = []
        risks, policy = self.item.joints[meeting["joint"]].get("risks", {}), meeting.get("absence")
        for unit, line in lines.items():
            invited = invitations.get(unit)
            said = invited.answer if invited is not None and invited.stage == "done" else {}
            if line.get("present"):
                if line.get("person") not in [*day.holders((unit, "designated")), said.get("substitute")]:
                    self._fault(event, "meeting.person", line)
                continue
            excused = said.get("reply") == "apology" or bool(str(line.get("reason", "")).strip())
            received = invited is not None and invited.received
            deemed = policy is not None and not excused
            if policy is not None and (
                risks.get(unit) in NEVER_DEEMED | set(policy.get("excluded", ()))
                or (invited is not None and invited.suspended)
                or (policy.get("receipt", True) and not received)
            ):
                deemed = False
            expected.append((unit, excused, deemed))
        for said in answer.get("opinions", ()):
            known = ("agree", "conditions", "disagree", "not_concerned", "abstain")
            reasoned = {**said, "competent": "—"}
            if not lines.get(said["department"], {}).get("present") or incomplete(reasoned, *known):
                self._fault(event, "meeting.opinion", said)
        call["absent"], call["held"] = expected, answer
        self.owed += [("meeting.absent", unit) for unit, _, _ in expected] + [("meeting.held", id)]

    def _on_meeting_absent(self, event: Event, data: Event) -> None:
        policy = self.item.meetings[data["meeting"]].get("absence", {})
        basis = policy.get("basis") if data["deemed"] else None
        if (data["unit"], data["excused"], data["deemed"]) not in self.calls[data["meeting"]]["absent"]:
            self._fault(event, "meeting.absent", data)
        if data["basis"] != basis:
            self._fault(event, "silence.basis", data)

    def _on_meeting_held(self, event: Event, data: Event) -> None:
        call, joint = self.calls[data["meeting"]], self.item.meetings[data["meeting"]]["joint"]
        spoken = {said["department"]: said["opinion"] for said in call["held"].get("opinions", ())}
        spoken |= {unit: "deemed" for unit, _, deemed in call["absent"] if deemed}
        latest = max((t.round for t in self.tasks.values() if t.joint == joint), default=0)
        seats = [
            (task.unit, task.opinion if task.opinion == "recused" else spoken.get(task.unit, task.opinion))
            for task in self._members(joint, latest)
        ]
        outcome = weigh(self.item.joints[joint], self._lead(joint), seats)
        if outcome == "meeting" or call["held"].get("resolved") is not True:
            outcome = "unresolved"
        present = [line["person"] for line in call["held"].get("attendance", ()) if line.get("present")]
        if (data["outcome"], data["present"]) != (outcome, present):
            self._fault(event, "meeting.outcome", f"{data} instead of {outcome} {present}")


def faults_of(
    item: Item, office: Office, histories: Iterable[Iterable[Event]]
) -> Iterator[tuple[int, str, str]]:
    """Everything that is wrong in the histories of cases of an item."""
    for history in histories:
        yield from Judge(item, office).read(history)
