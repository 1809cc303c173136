"""A county with clocks: items as the law times them, and cases told in a few words.

    item = hall.publish(LICENCE, clocks=COMPLETENESS + DECISION, …)
    file = hall.open(item, "2026-07-06 09:00")
    file.do("2026-07-07", "check", outcome="complete")
    file.due("decision")                                    # "2026-08-04 17:30"

Times are those on the office's wall; a day alone means noon. From Monday 2026-07-06 every Monday to Friday is
worked until the end of September, so that dates there can be counted on the fingers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from certificate_checker import check
from drawing import draw
from items import fields, make_item

from engine.clock import OFFICE_ZONE, read_instant
from engine.events import CardAnswered, CardContested, CardWithdrawn
from engine.office import Done, Office, Swept

ZONE = ZoneInfo(OFFICE_ZONE)
MONTH = timedelta(days=30)

COUNTY = """
name = { zh = "示例县", en = "Shili County" }
division = "539901"
supervisors = ["supervision/inspector"]
administrators = ["hall/clerk"]
closing = 17:30:00
""" + "".join(
    f'[units.{unit}]\nname = {{ zh = "{zh}", en = "{unit}" }}\nkind = "department"\n'
    for unit, zh in {
        "hall": "政务服务中心",
        "d1": "林业局",
        "d2": "水务局",
        "town": "小河镇",
        "government": "县人民政府",
        "supervision": "监察组",
    }.items()
)
COUNTY += "".join(
    f'[[people]]\nid = "{person}"\nposts = ["{post}"]\nname = {{ zh = "{person}", en = "" }}\n'
    for person, post in {
        "clerk": "hall/clerk",
        "colleague": "hall/clerk",
        "p1": "d1/clerk",
        "q1": "d1/clerk",
        "p2": "d2/clerk",
        "villager": "town/clerk",
        "leader": "d1/leader",
        "mayor": "government/head",
        "inspector": "supervision/inspector",
    }.items()
)
"""A hall, two departments, a township; who may extend (`leader`, `mayor`) and who watches (`inspector`)."""

LAW = "行政许可法"
OPENNESS = "政府信息公开条例"


def article(number: str, law: str = LAW) -> dict[str, str]:
    """`第…条` of a law."""
    return {"law": law, "article": f"第{number}条"}


def clock(id: str, term: str, starts: str, **entry: Any) -> str:
    """`[clocks.<id>]` as item.toml has it; a statutory clock of the licensing law unless said otherwise."""
    described = {
        "name": {"zh": id, "en": id},
        "tier": "statutory",
        "term": term,
        "starts": starts.split(),
        "basis": article("四十二"),
        **entry,
    }
    return f"[clocks.{id}]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in described.items())


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml(entry)}" for key, entry in value.items()) + " }"
    if isinstance(value, list):
        return f"[{', '.join(_toml(entry) for entry in value)}]"
    return json.dumps(value, ensure_ascii=False)


NOTICES = ("special", "extended")

GROUNDS = {
    "grounds": ["hearing", "tender", "auction", "inspection", "testing", "appraisal", "expert-review"],
    "pause_notice": "special",
}
"""What may pause a licence's clock (art. 45), and the notice that tells of it."""

BY_LEADER = {"up_to": "10wd", "approver": "d1/leader", "basis": article("四十二"), "notice": "extended"}


def decision(term: str = "20wd", starts: str = "accept", stops: str = "decide", **entry: Any) -> str:
    """The time in which a licence is decided: art. 42, to be paused by art. 45 and extended once."""
    return clock("decision", term, starts, stops=[stops], **{**GROUNDS, "extension": BY_LEADER, **entry})


DESK = draw("start accept; user decide; end done", "accept -> decide -> done")
"""One step, by department d1: the case is accepted as it is opened."""

LICENCE = draw(
    """
    start received; user check; boundary silence check after clock('completeness')
    xor complete; xor in; script accept accepted = True; user decide; end granted
    race wait; catch supplement message supplement; catch abandoned after clock('supplement'); end withdrawn
    """,
    """
    received -> check -> complete; complete -> in if outcome == "complete"; complete -> wait default
    wait -> supplement -> in; wait -> abandoned -> withdrawn
    silence -> in; in -> accept -> decide -> granted
    """,
)
"""Receipt, completeness check, supplement, acceptance, decision (by d1), with silence at each place."""

LICENCE_FORMS = {"check": fields(outcome="string")}

COMPLETENESS = clock(
    "completeness",
    "5wd",
    "received",
    stops=["check"],
    basis=article("三十二"),
    effect={
        "kind": "deemed_acceptance",
        "basis": article("三十二"),
        "begins": ["decision", "promise"],
    },
)
SUPPLEMENT = clock(
    "supplement",
    "30d",
    "wait:opened",
    stops=["supplement"],
    basis=article("三十二"),
    effect={"kind": "deemed_withdrawal", "basis": article("三十二")},
)
PROMISE = clock(
    "promise",
    "7wd",
    "accept",
    stops=["decide"],
    tier="promised",
    basis=article("三", "服务承诺"),
    follows="decision",
)


def at(text: str) -> datetime:
    """The instant at which the office's wall clock shows `text`; noon if it says only the day."""
    moment = datetime.fromisoformat(text)
    return (moment if len(text) > 10 else moment.replace(hour=12)).replace(tzinfo=ZONE)


def wall(instant: str | None) -> str | None:
    """What the office's wall clock shows at a recorded instant, to the minute."""
    return instant and read_instant(instant).astimezone(ZONE).strftime("%Y-%m-%d %H:%M")


class Hall:
    """An office with its cases. `close` proves every one of them."""

    def __init__(self, office: Office, folder: Path) -> None:
        self.office = office
        self.folder = folder
        self.files: list[File] = []
        self.items = 0

    def publish(self, diagram: bytes, *, effective: str = "2008-01-01", **about: Any) -> str:
        """An item around `diagram` (`decide` lies with d1), in force since the day `effective`; its code."""
        self.items += 1
        about = {"lanes": {"decide": "d1"}, "notices": NOTICES, **about}
        folder = make_item(self.folder / str(self.items), diagram, **about)
        entry = folder / "item.toml"
        text = entry.read_text("utf-8").replace("effective = 2026-01-01", f"effective = {effective}")
        entry.write_text(text, encoding="utf-8")
        return self.office.publish(folder, at("2008-01-02")).item

    def open(self, item: str, when: str, who: str = "clerk", **data: Any) -> File:
        """A case of `item`."""
        file = File(self.office, self.office.open_case(who, item, data, at(when)).case)
        self.files.append(file)
        return file

    def sweep(self, when: str) -> Swept:
        """Time passes for every case."""
        swept = self.office.sweep(at(when))
        assert not swept.refused
        return swept

    def inbox(self, when: str, who: str | None = None) -> list[dict[str, Any]]:
        """The open steps of `who`, or of all."""
        return self.office.inbox(who, at(when), everybody=who is None)

    def close(self) -> None:
        """The office is in order, also when it is derived again from its histories, and a stranger recomputes
        every certificate to the same result: what is shown, and what will be shown in a month."""
        assert self.office.verify() == (len(self.files) + 1, [])
        self.office.rebuild()
        assert self.office.verify() == (len(self.files) + 1, [])
        for file in self.files:
            last = read_instant(self.office.history(file.number)[-1].at)
            shown = self.office.show(file.number, last)
            due = {line["clock"]: line["due"] for line in shown["clocks"]}
            due |= {line["timer"]: line["due"] for line in shown["timers"] if not line["clock"]}
            for told in self.office.explain(file.number, None, last):
                certificate = told["certificate"]
                assert check(certificate) == [], told["clock"]
                assert certificate.get("reading", certificate)["due_at"] == due[told["clock"]]
            for told in self.office.explain(file.number, None, last + MONTH):
                assert check(told["certificate"]) == [], told["clock"]


@dataclass
class File:
    """A case, and what is done in it."""

    office: Office
    number: str

    # --- acts

    def do(self, when: str, step: str, who: str = "clerk", **data: Any) -> Done:
        """Do a step."""
        return self.office.do(who, self.number, step, data, at(when))

    def pause(
        self,
        when: str,
        ground: str = "testing",
        expected: str = "12wd",
        *,
        who: str = "clerk",
        clock: str | None = None,
        reason: str = "送检",
    ) -> Done:
        """Stop a clock."""
        return self.office.pause(who, self.number, clock, ground, expected, reason, at(when))

    def resume(
        self,
        when: str,
        ground: str | None = None,
        *,
        who: str = "clerk",
        clock: str | None = None,
        reason: str = "检测完成",
    ) -> Done:
        """Let it run on."""
        return self.office.resume(who, self.number, clock, ground, reason, at(when))

    def extend(
        self,
        when: str,
        by: str = "10wd",
        *,
        who: str = "leader",
        clock: str | None = None,
        reason: str = "案情复杂",
    ) -> Done:
        """Give it more time."""
        return self.office.extend(who, self.number, clock, by, reason, at(when))

    def answer(self, when: str, card: str, text: str = "已整改", who: str = "p1") -> Done:
        """Answer a card."""
        return self.office.treat_card(who, self.number, CardAnswered(card, text), at(when))

    def contest(self, when: str, card: str, text: str = "系统误报", who: str = "p1") -> Done:
        """Contest a card."""
        return self.office.treat_card(who, self.number, CardContested(card, text), at(when))

    def withdraw(self, when: str, card: str, text: str = "误报属实", who: str = "inspector") -> Done:
        """Take a card back."""
        return self.office.treat_card(who, self.number, CardWithdrawn(card, text), at(when))

    # --- looking

    def show(self, when: str | None = None) -> dict[str, Any]:
        """The case as `show` tells it."""
        return self.office.show(self.number, at(when) if when else None)

    def clock(self, name: str, when: str | None = None) -> dict[str, Any]:
        """The running called `name` as `show` tells it."""
        return next(line for line in self.show(when)["clocks"] if line["clock"] == name)

    def states(self, when: str | None = None) -> dict[str, str]:
        """The state of each running."""
        return {line["clock"]: line["state"] for line in self.show(when)["clocks"]}

    def due(self, name: str) -> str | None:
        """When the running called `name` is due; None while it stands still."""
        return wall(self.clock(name)["due"])

    def timer(self, name: str) -> dict[str, Any]:
        """The armed timer of this id, with `due` as on the wall."""
        line = next(line for line in self.show()["timers"] if line["timer"] == name)
        return {**line, "due": wall(line["due"])}

    def open_steps(self) -> list[str]:
        """The steps that wait for somebody."""
        return [line["task"] for line in self.show()["steps"] if line["state"] == "open"]

    def cards(self) -> dict[str, str]:
        """The state of each card."""
        return {line["card"]: line["state"] for line in self.show()["cards"]}

    def happened(self, *types: str) -> list[tuple[str | None, str]]:
        """When events of these types took effect (all types: none named), in order."""
        history = self.office.history(self.number)
        return [(wall(r.at), r.event.type) for r in history if not types or r.event.type in types]

    def said(self, type: str, *keys: str) -> list[tuple[Any, ...]]:
        """When each event of a type took effect, and what it says under these keys."""
        events = [r for r in self.office.history(self.number) if r.event.type == type]
        return [(wall(r.at), *(r.event.payload()[key] for key in keys)) for r in events]

    def printed(self, document: str) -> str:
        """The latest document of this kind."""
        return self.office.document(self.number, document)[1].decode().strip()
