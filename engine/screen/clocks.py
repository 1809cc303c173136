"""Clocks, cards, calendars, and whose the days were."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text as Styled

from ..clock import parse_term, read_instant
from ..errors import Text, say
from ..time_views import LIVE
from ..words import EFFECTS, RUNGS
from .base import Base, Data, clean, columns, line_of

_TIER, _READING, _DUE = 9, 24, 20
"""Widths in a line about a clock: `statutory`, `over by 2 wd · yellow`, `due 2026-03-02 17:30`."""

DIGEST = 12
"""How much of a calendar's digest is shown; `clock apply` takes it."""

_DAY = 24 * 60 * 60 * 1_000_000
"""Microseconds."""


class Clocks(Base):
    def _reading(self, clock: Data) -> Styled:
        """`left 3 wd`, `over by 2 wd · yellow`, `paused · left 5 wd`, or what became of the clock."""
        unit = _UNITS[clock["count_unit"]]
        amount = say("left {n} {unit}", n=clock["left"], unit=unit)
        # A clock has run out before a sweep comes past it.
        live = clock["state"] in LIVE
        over = clock["late"] or bool(live and clock["due"] and read_instant(clock["due"]) <= self.now)
        if over:
            amount = (
                say("over by {n} {unit}", n=clock["over"], unit=unit) if clock["over"] else say("ran out")
            )
        if clock["state"] == "spent" and clock["effect"] == "flag":
            return Styled(self.say(say("ran out")), "bold")
        if clock["state"] == "spent":
            return Styled(self.say(say("ran out: {effect}", effect=self._effect(clock["effect"]))), "bold")
        if clock["state"] == "stopped":
            if over:
                return Styled(self.say(say("stopped late: {over}", over=amount)), "red")
            return Styled(self.say(say("stopped in time")), "green")
        words = [self.say(say("paused"))] if clock["paused"] else []
        words.append(self.say(amount))
        if clock["colour"]:
            words.append(self._rung(clock["colour"]))
        return Styled(" · ".join(words), _style_of(clock, over))

    def _clocks(self, clocks: Sequence[Data], units: Mapping[str, str]) -> list[RenderableType]:
        """Each clock: name, tier, how much is left, due date; below it what it is paused for. A clock of one
        step says whose it is, by the `units` of steps."""
        parts: list[RenderableType] = [*self._heading(say("Clocks"))] if clocks else []
        name = max(self.width - 1 - 3 * 2 - _TIER - _READING - _DUE, 8)
        for clock in clocks:
            table = Table.grid(padding=(0, 2, 0, 0))
            table.add_column(width=name, overflow="fold")
            table.add_column(width=_TIER, no_wrap=True)
            table.add_column(width=_READING, overflow="fold")
            table.add_column(width=_DUE, overflow="fold")
            due = Styled(self.say(say("due {instant}", instant=self.when(clock["due"]))))
            if clock["provisional"]:
                due.append("\n" + self.say(say("provisional")), "bold")
            style, tier = "bold" if clock["state"] in LIVE else "", _TIERS[clock["tier"]]
            table.add_row(
                Styled(self.name(clock["name"], clock["clock"]), style),
                self.say(tier),
                self._reading(clock),
                due if clock["due"] else "",
            )
            parts.append(Padding(table, (0, 0, 0, 1)))
            if clock["of"] in units:
                parts.append(Padding(Styled(units[clock["of"]], "dim"), (0, 0, 0, 3)))
            parts += [Padding(self.say(line), (0, 0, 0, 3)) for line in self._standstill(clock)]
        return parts

    def _standstill(self, clock: Data) -> Iterable[Text]:
        for pause in clock["paused"]:
            told = {
                "ground": self.name(pause["name"], pause["ground"]),
                "since": self.when(pause["since"]),
                "expected": parse_term(pause["expected"]).text(),
            }
            if pause["document"]:
                yield say(
                    "paused since {since}: {ground}, expected {expected}, notice {document}",
                    **told,
                    document=pause["document"],
                )
            else:
                yield say("paused since {since}: {ground}, expected {expected}, without a notice", **told)
        if clock["paused"] and clock["expected"]:
            date = {"due": clock["expected"]}
            due = say("{due} (provisional)", **date) if clock["provisional"] else say("{due}", **date)
            yield say("due {date} if it runs on as expected", date=due)

    def _rung(self, name: str) -> str:
        return self.say(RUNGS.get(name, say("{name}", name=name)))

    def _effect(self, kind: str) -> str:
        return self.say(EFFECTS.get(kind, say("{name}", name=kind)))

    def _deemed(self, deemed: Data) -> str:
        effect, basis = self._effect(deemed["effect"]), self._basis(deemed["basis"])
        day = self._local(deemed["as_of"]).date().isoformat()
        return self.say(say("{effect} as of {date} ({basis})", effect=effect, date=day, basis=basis))

    def _basis(self, basis: Data) -> str:
        return self.say(say("{law} {article}", **basis))

    def _cards(self, case: str, cards: Sequence[Data]) -> list[RenderableType]:
        if not cards:
            return []
        rows = (
            (
                self.when(card["at"]),
                clean(card["card"]),
                self.name(card["unit_name"], card["unit"]),
                self.name(card["name"], card["clock"]),
                self.say(state),
            )
            for card in cards
            for state in [_CARDS[card["state"]]]
        )
        parts: list[RenderableType] = [*self._heading(say("Cards")), columns(rows)]
        for card in [card for card in cards if card["state"] == "open"][:1]:
            parts.append(line_of(clean(f" {self.command} card answer {case} {card['card']} --reason …")))
        return parts

    def explained(self, explained: Sequence[tuple[Mapping[str, str], str, Sequence[Text]]]) -> str:
        """How the date of each clock or timer (names, id, lines) comes about, day by day."""
        parts: list[RenderableType] = []
        for names, id, lines in explained:
            parts += [""] if parts else []
            parts.append(Styled(f"{self.name(names)} ({clean(id)})", "bold"))
            parts += [Styled(self.say(line)) for line in lines]
        return self._render(parts or [self.say(say("No clock of the case has started."))])

    def due(self, data: Data, days: Sequence[Text]) -> str:
        """`clock due`: how the days were counted, and the answer last."""
        lines = [*days, say("due {when}", when=self.when(data["due_at"]))]
        if data["provisional"]:
            lines.append(say("provisional: subject to the holiday notice of the State Council"))
        return "\n".join(map(self.say, lines)) + "\n"

    def imported(self, data: Data) -> str:
        """The calendar put forward, and what to do about it."""
        shown = data["calendar"][:DIGEST]
        if data["year"] is None:
            units = ", ".join(self.say(say("every unit")) if unit == "*" else unit for unit in data["units"])
            what = say("local days of {units}", units=units)
        else:
            known = {"official": say("announced"), "projected": say("not announced, projected")}
            what = say("{year} ({status})", year=data["year"], status=known[data["status"]])
        parts: list[RenderableType] = [
            Styled(
                self.say(say("Calendar {calendar} is put forward: {what}", calendar=shown, what=what)),
                "green",
            ),
            self.say(say("It counts nothing before it is applied.")),
            *self._heading(say("What you can do next")),
            line_of(f" {self.command} clock plan"),
            line_of(f" {self.command} clock apply {shown}"),
        ]
        return self._render(parts)

    def planned(self, data: Data) -> str:
        """Every due date that the calendar put forward would move, and how many cases there are."""
        shown = data["calendar"][:DIGEST]
        parts: list[RenderableType] = [
            Styled(self.say(say("Calendar {calendar}, if it were applied now", calendar=shown)), "bold")
        ]
        parts += [line_of(f" {self._change(change)}") for change in data["changes"]]
        parts.append("")
        if data["moves"]:
            table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="bold")
            table.add_column(self.say(say("case")), no_wrap=True)
            table.add_column(self.say(say("clock or timer")), ratio=1, overflow="fold")
            table.add_column(self.say(say("due now")), width=16)
            table.add_column(self.say(say("due then")), width=16)
            before = None
            for move in data["moves"]:
                then = self._due(move["due"], move["provisional"])
                if move["due"] == move["was"] and not move["provisional"]:
                    then = self.say(say("the same, certain"))
                elif move["at_once"]:
                    then = self.say(say("at once: it would lie in the past"))
                case, before = "" if move["case"] == before else clean(move["case"]), move["case"]
                table.add_row(case, clean(move["id"]), self.when(move["was"]) or "—", then)
            parts += [table, *self._footnote(data)]
        count = say(
            "open cases: {cases}; due dates that move: {moves}; that change in certainty only: {same}",
            cases=data["cases"],
            moves=sum(move["was"] != move["due"] for move in data["moves"]),
            same=sum(move["was"] == move["due"] for move in data["moves"]),
        )
        if not data["moves"]:
            count = say("open cases: {cases}; no due date moves", cases=data["cases"])
        parts += [Styled(self.say(count)), *self._heading(say("What you can do next"))]
        return self._render([*parts, line_of(f" {self.command} clock apply {shown}")])

    def _change(self, change: Data) -> str:
        """A year or a local day that a calendar says otherwise than the one in force."""
        if "year" in change:
            known = {"official": say("announced"), "projected": say("not announced, projected")}
            return self.say(say("{year} ({status})", year=change["year"], status=known[change["status"]]))
        shown = {"date": change["date"], "unit": change["unit"], "reason": change["reason"]}
        if change["works"] is None:
            return self.say(say("{date}, {unit}: local day taken back", **shown))
        if change["works"]:
            return self.say(say("{date}, {unit}: worked, {reason}", **shown))
        return self.say(say("{date}, {unit}: day off, {reason}", **shown))

    def applied(self, data: Data) -> str:
        """The calendar in force, and how many open cases it reached."""
        shown = {"calendar": data["calendar"][:DIGEST]}
        parts = [Styled(self.say(say("Calendar {calendar} is in force.", **shown)), "bold green")]
        if data["cases"] or data["refused"]:
            parts.append(
                Styled(self.say(say("open cases that count by it now: {cases}", cases=data["cases"])))
            )
        else:
            parts.append(Styled(self.say(say("Every open case counts by it already."))))
        return self._render([*parts, *self._left_behind(data)])

    def _left_behind(self, data: Data) -> list[Styled]:
        if not data["refused"]:
            return []
        count = say("cases left as they were: {count}", count=len(data["refused"]))
        return [Styled(self.say(count), "bold red")]

    def accountability(self, data: Data, *, days: bool) -> str:
        """Whose the time of each case was, in days and percent, then in all; day by day, if asked."""
        parts: list[RenderableType] = []
        for case in data["cases"]:
            parts += [""] if parts else []
            parts.append(Styled.assemble((clean(case["case"]), "bold"), "  ", self.name(case["item_name"])))
            span = {"opened": self.when(case["opened_at"]), "until": self.when(case["until"])}
            span["days"] = _in_days(case["elapsed"])
            text = say("{opened} to {until}, closed: {days} days", **span)
            if not case["closed"]:
                text = say("{opened} to {until}, still open: {days} days", **span)
            parts += [self.say(text), self._shares(case["shares"])]
            if days:
                rows = (
                    (line["date"] if first else "", _in_days(line["microseconds"]), self._party(line))
                    for _, lines in groupby(case["days"], lambda line: line["date"])
                    for first, line in zip([True, *[False] * len(case["days"])], lines, strict=False)
                )
                parts += ["", columns(rows)]
        if not data["cases"]:
            parts.append(self.say(say("There is no case.")))
        if len(data["cases"]) > 1:
            elapsed = _in_days(sum(share["microseconds"] for share in data["totals"]))
            count = say("{count} cases: {days} days", count=len(data["cases"]), days=elapsed)
            parts += ["", Styled(self.say(count), "bold"), self._shares(data["totals"])]
        return self._render(parts)

    def _shares(self, shares: Sequence[Data]) -> Padding:
        elapsed = sum(share["microseconds"] for share in shares)
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(justify="right", no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
        table.add_column(ratio=1, overflow="fold")
        for share in shares:
            part = f"{100 * share['microseconds'] / elapsed:.2f} %"
            table.add_row(_in_days(share["microseconds"]), part, self._party(share))
        return Padding(table, (0, 0, 0, 1))

    def _party(self, share: Data) -> str:
        name = self.name(share["name"], share["party"])
        if share["kind"] == "excluded":
            return self.say(say("{name} (not counted by law)", name=name))
        if share["kind"] == "waiting":
            return self.say(say("waiting: {name}", name=name))
        return name


_TIERS = {"statutory": say("statutory"), "promised": say("promised"), "step": say("step")}

_UNITS = {"wd": say("wd"), "d": say("d"), "h": say("h")}

_CARDS = {
    "open": say("unanswered"),
    "answered": say("answered"),
    "contested": say("contested"),
    "withdrawn": say("withdrawn"),
}


def _style_of(clock: Data, over: bool) -> str:
    """The colour of a clock that still measures something; `over` if it has run out."""
    if clock["colour"] == "red" or (over and clock["tier"] == "statutory"):
        return "bold red"
    if clock["colour"] == "yellow" or over:
        return "bold yellow"
    return "yellow" if clock["colour"] else "green"


def _in_days(microseconds: int) -> str:
    return f"{microseconds / _DAY:.2f}"
