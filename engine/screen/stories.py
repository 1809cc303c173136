"""Histories: every event in words."""

from __future__ import annotations

import re
from typing import Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text as Styled

from ..clock import parse_term
from ..deadlines import OVERSTAYED, RAN_OUT
from ..errors import Text, say
from .base import Data, clean, columns
from .clocks import DIGEST, Clocks
from .registers import Registers, change_in_words
from .reviews import DEEMED_MARK, OF_REVIEWS, Reviews, with_reason


class Stories(Clocks, Reviews, Registers):
    def history(self, data: Data) -> str:
        """Every event: number, instant, who did what, what followed, the beginning of its hash."""
        table = self._events()
        table.add_column(self.say(say("hash")), no_wrap=True, style="dim")
        for line in data["events"]:
            table.add_row(*self._event(line), line["hash"][:8])
        return self._render([Styled(clean(data["case"]), "bold"), table, *self._footnote(data)])

    def told(self, line: Data) -> tuple[str, str]:
        """Of an event, who did it, and what it says."""
        return self._by(line), self._words(line)

    def verified(self, data: Data) -> str:
        """How much was checked and how much was found."""
        count, findings = data["histories"], len(data["findings"])
        text = self.say(
            say("histories checked: {count}; findings: {findings}", count=count, findings=findings)
        )
        looked_at = {
            "events": say("events, run again in the order of time"),
            "acts": say("acts of people, judged by the organisation of their time"),
            "documents": say("documents, made again and compared"),
            "numbers": say("numbers, of cases and of documents"),
            "definitions": say("versions of items"),
            "organisations": say("versions of the organisation"),
            "calendars": say("calendars"),
            "seals": say("seals"),
            "copied": say("seals in the copy given"),
        }
        if "exported_cases" in data["checked"]:
            looked_at["exported_cases"] = say("cases of the export given, compared with the office")
            looked_at["exported_events"] = say("events of it, with all that stands beside their records")
            looked_at["redacted_events"] = say("of these without persons and answers, which are not compared")
        told = {key: f"{data['checked'][key]:,}" for key in looked_at}
        width = max(map(len, told.values()))
        rows = [(told[key].rjust(width), self.say(label)) for key, label in looked_at.items()]
        lines: list[RenderableType] = [Styled(text, "bold red" if findings else "bold green"), columns(rows)]
        if not data["checked"]["copied"]:
            alone = say("An office rewritten as a whole shows only by a copy of its seals: --seals FILE.")
            lines.append(Styled(self.say(alone), "dim"))
        return self._render(lines)

    def sealed(self, data: Data) -> str:
        """The seal that was made, or stands."""
        if not data["moved"]:
            at = self.when(data["at"])
            text = say("nothing has moved since seal {number} of {at}", number=data["number"], at=at)
            return self._render([self.say(text)])
        text = say(
            "seal {number}: {moved} histories sealed, {size} leaves in all",
            number=data["number"],
            moved=data["moved"],
            size=data["size"],
        )
        rows = [(self.say(say("root")), data["root"]), (self.say(say("digest")), data["digest"])]
        if data["key"]:
            rows.append((self.say(say("signed with")), clean(data["key"])))
        return self._render([Styled(self.say(text), "bold green"), columns(rows)])

    def seals(self, data: Data) -> str:
        """Every seal on a line."""
        if not data["seals"]:
            return self._render([self.say(say("Nothing is sealed yet: lianban seal make"))])
        table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="bold")
        table.add_column("", justify="right", no_wrap=True)
        table.add_column(self.say(say("when")), no_wrap=True)
        table.add_column(self.say(say("leaves")), justify="right", no_wrap=True)
        table.add_column(self.say(say("digest")), no_wrap=True)
        table.add_column(self.say(say("signed with")), ratio=1, overflow="fold")
        for seal in data["seals"]:
            key = clean(seal["key"])[-12:] or "—"
            table.add_row(
                str(seal["number"]), self.when(seal["at"]), str(seal["size"]), seal["digest"][:16], key
            )
        return self._render([table])

    def _events(self) -> Table:
        table = Table(box=None, padding=(0, 1, 0, 0), show_edge=False, header_style="bold")
        table.add_column("", justify="right", no_wrap=True, style="dim")
        table.add_column(self.say(say("when")), no_wrap=True)
        table.add_column(self.say(say("what")), ratio=1, overflow="fold")
        return table

    def _event(self, line: Data) -> tuple[str, str, RenderableType]:
        if not line["fact"]:
            style = _STYLES.get(line["type"], "dim")
            if line["data"].get("deemed") is True:
                style = DEEMED_MARK[1]
            return str(line["seq"]), "", Padding(Styled(self._words(line), style), (0, 0, 0, 2))
        what = Styled.assemble((self._by(line), "bold"), "  ", self._words(line))
        return str(line["seq"]), self.when(line["at"]), what

    def event_told(self, line: Data) -> tuple[str, str]:
        """Who did an event, and what it says, as `history` tells it."""
        return self._by(line) if line["fact"] else "", self._words(line)

    def _by(self, line: Data) -> str:
        by = line["by"]
        if "person" in by:
            person = self.name(line["by_name"], by["person"])
            if "for" not in by:
                return person
            names = {one["code"]: one["name"] for one in line["mentions"]}
            told = {"person": person, "principal": self.name(names.get(by["for"], {}), by["for"])}
            if by["as"] == "stand_in":
                return self.say(say("{person}, standing in for {principal},", **told))
            return self.say(say("{person}, delegated by {principal},", **told))
        if "signal" in by:
            return self.say(say("another case"))
        return self.say(say("time") if "clock" in by else say("administrator"))

    def _words(self, line: Data) -> str:
        """What an event says."""
        data, said = line["data"], self.name(line["said"])
        name = self.name(line["name"], data.get("element", ""))
        if line["type"].startswith(_OF_CLOCKS):
            return self.say(self._clock_words(line, data, said))
        if line["type"].startswith(OF_REVIEWS):
            return self.say(self._review_words(line, data, name, said))
        if said:
            name = self.say(say("{name}: {said}", name=name, said=said))
        match line["type"]:
            case "case.opened":
                text = say("case opened: {name}", name=name)
            case "task.completed" | "message.received":
                text = say("{name}", name=name)
            case "timer.fired":
                text = say("time is up: {name}", name=name)
            case "task.opened":
                unit = self.name(line["unit_name"], data["unit"])
                text = say("opens {name} for {unit}", name=name, unit=unit)
            case "task.cancelled":
                text = say("{name} is no longer wanted", name=name)
            case "timer.armed" if data["clock"]:
                waited = self.name(line["clock_name"], data["clock"])
                text = say("{name} waits until the clock {clock} runs out", name=name, clock=waited)
            case "timer.armed":
                due = self._due(data["due"], data["provisional"])
                text = say("{name} is set for {due}", name=name, due=due)
            case "timer.moved":
                text = say("{name}: {moved}", name=name, moved=self._moved(data))
            case "timer.stopped":
                text = say("{name} is stopped", name=name)
            case "message.sent":
                text = say("message {name} is sent", name=data["name"])
            case "signal.sent":
                text = say("signal {name} is sent", name=data["name"])
            case "signal.received":
                text = say("signal {name} of case {case} arrives", name=data["name"], case=data["case"])
            case "document.issued":
                text = say("issued {name} {number}", name=name, number=data["number"])
            case "incident.raised":
                text = say("{name} failed: {message}", name=name, message=data["message"])
            case "incident.retried":
                text = with_reason(say("has {name} tried again", name=data["incident"]), data["reason"])
            case "case.migrated":
                about = {"version": data["definition"][:8], "batch": data["batch"], "undoes": data["undoes"]}
                gone = say("takes the case over to the version {version} ({batch})", **about)
                back = say("takes the case back to the version {version} ({batch} undoes {undoes})", **about)
                text = with_reason(back if data["undoes"] else gone, data["reason"])
            case "task.migrated" if data["was"] == data["task"]:
                unit = self.name(line["unit_name"], data["unit"])
                text = say("{name} goes on with {unit}", name=name, unit=unit)
            case "task.migrated":
                unit = self.name(line["unit_name"], data["unit"])
                text = say("{was} goes on as {name} with {unit}", was=data["was"], name=name, unit=unit)
            case "case.closed":
                text = say("case closed: {name}", name=name)
            case "office.created":
                text = say("rehearsal office set up in division {division}", division=data["division"])
            case "organisation.recorded":
                text = say("organisation recorded: {content}", content=data["content"][:8])
            case "organisation.changed":
                text = change_in_words(data["change"])
            case "seal.made":
                text = say("seal {number} over {size} leaves", number=data["number"], size=data["size"])
            case "definition.published":
                text = say(
                    "item {item} published, in force from {effective}",
                    item=data["item"],
                    effective=data["effective"],
                )
            case "item.abolished":
                text = with_reason(
                    say("item {item} abolished from {since} on", item=data["item"], since=data["since"]),
                    data["reason"],
                )
            case "migration.ordered" if data["undoes"]:
                text = with_reason(
                    say("orders {batch}: cases of {item} go back before {undoes}", **_ordered(data)),
                    data["reason"],
                )
            case "migration.ordered":
                text = with_reason(
                    say("orders {batch}: cases of {item} go over to the version {version}", **_ordered(data)),
                    data["reason"],
                )
            case other:
                text = say("{name}", name=other)
        return self.say(text)

    def _clock_words(self, line: Data, data: Data, said: str) -> Text:
        """What an event about clocks, cards, or the calendar says; `said` is the ground of a pause."""
        about: dict[str, Any] = {
            "clock": self.name(line["clock_name"], data.get("clock", "")),
            "unit": self.name(line["unit_name"], data.get("unit", "")),
            "due": self._due(data.get("due"), data.get("provisional", False)),
        }
        if line["of_name"]:
            instance = re.search("[:#][0-9:#]+$", data["clock"])
            step = self.name(line["of_name"]) + (f" {instance[0]}" if instance else "")
            about["clock"] = self.say(say("{clock} ({step})", clock=about["clock"], step=step))
        for term in ("expected", "by"):
            if term in data:
                about["term"] = parse_term(data[term]).text()
        match line["type"]:
            case "pause.ordered":
                text = say("pauses the clock {clock} for {ground}, expected {term}", ground=said, **about)
                return with_reason(text, data["reason"])
            case "resume.ordered":
                return with_reason(
                    say("lets the clock {clock} run on after {ground}", ground=said, **about), data["reason"]
                )
            case "extension.granted":
                return with_reason(say("extends the clock {clock} by {term}", **about), data["reason"])
            case "clock.struck" if data["rung"] == RAN_OUT:
                return say("the clock {clock} runs out", **about)
            case "clock.struck" if data["rung"].startswith(OVERSTAYED):
                return say(
                    "the clock {clock} has stood still as long as was told: {ground}", ground=said, **about
                )
            case "clock.struck":
                return say("the clock {clock} reaches: {rung}", rung=self._rung(data["rung"]), **about)
            case "clock.started" if data["since"] != line["at"]:
                return say(
                    "clock {clock} started as of {since}; due {due}", since=self.when(data["since"]), **about
                )
            case "clock.started":
                return say("clock {clock} started; due {due}", **about)
            case "clock.migrated":
                return say("the clock {was} goes on as {clock}", **data)
            case "clock.paused":
                return say("clock {clock} paused for {ground}, expected {term}", ground=said, **about)
            case "clock.resumed" if data["due"] is None:
                return say(
                    "clock {clock}: the pause for {ground} is over, another one lasts", ground=said, **about
                )
            case "clock.resumed":
                return say("clock {clock} runs on; due {due}", **about)
            case "clock.extended" if data["due"] is None:
                return say("clock {clock} extended by {term}; it stands still", **about)
            case "clock.extended":
                return say("clock {clock} extended by {term}; due {due}", **about)
            case "clock.restarted":
                return say("clock {clock} begun anew; due {due}", **about)
            case "clock.reprojected":
                return say("clock {clock}: {moved}", moved=self._moved(data), **about)
            case "clock.expired" if data["basis"] is None:
                return say("clock {clock} ran out", **about)
            case "clock.expired":
                effect, basis = self._effect(data["effect"]), self._basis(data["basis"])
                return say("clock {clock} ran out: {effect} ({basis})", effect=effect, basis=basis, **about)
            case "clock.stopped":
                late = say("clock {clock} stopped after it ran out", **about)
                return late if data["late"] else say("clock {clock} stopped in time", **about)
            case "case.deemed":
                return say("{text}", text=self._deemed(data))
            case "reminder.raised" if data["rung"].startswith(OVERSTAYED):
                return say(
                    "reminder to {unit}: {clock} stands still longer than was told ({ground})",
                    ground=said,
                    **about,
                )
            case "reminder.raised":
                return say("reminder to {unit}: {clock} is due {due}", **about)
            case "card.raised":
                colour = self._rung(data["colour"])
                return say(
                    "{colour} card {card} to {unit}: {clock}", card=data["card"], colour=colour, **about
                )
            case "card.answered":
                return say("answers the card {card}: {text}", **data)
            case "card.contested":
                return say("contests the card {card}: {text}", **data)
            case "card.withdrawn":
                return say("withdraws the card {card}: {text}", **data)
            case "calendar.imported":
                shown = data["content"][:DIGEST]
                return say("calendar {calendar} put forward: {note}", calendar=shown, note=data["note"])
            case "calendar.applied":
                return say("calendar {calendar} in force", calendar=data["content"][:DIGEST])
            case "calendar.revised":
                return say("from now on counted by calendar {calendar}", calendar=data["calendar"][:DIGEST])
            case other:
                return say("{name}", name=other)

    def _moved(self, data: Data) -> Text:
        """What a change of the calendar did to a due date: moved it, or only made it certain or uncertain."""
        due = self._due(data["due"], data["provisional"])
        if data["due"] != data["was"]:
            return say("due {due}, no longer {was}", due=due, was=self.when(data["was"]) or "—")
        if data["provisional"]:
            return say("still due {due}", due=due)
        return say("still due {due}, no longer provisional", due=due)


def _ordered(data: Data) -> dict[str, str]:
    """What the office's record says of a migration."""
    told = {key: data[key] for key in ("batch", "item", "undoes")}
    return {**told, "version": data["definition"][:8]}


_OF_CLOCKS = (
    "calendar.",
    "card.",
    "case.deemed",
    "clock.",
    "extension.",
    "pause.",
    "reminder.",
    "resume.",
)
"""Beginnings of the types of events about clocks."""


_STYLES = {
    "finding.raised": "bold red",
    "incident.raised": "bold red",
    "joint.certain": "bold",
    "joint.decided": "bold",
    "meeting.held": "bold",
    "referral.deemed": DEEMED_MARK[1],
}
"""Styles of consequences that must not be passed over."""
