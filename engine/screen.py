"""What a person sees (floor 6): the plain data of the office as text for a terminal.

Each method of `Screen` takes exactly what `--json` prints for the same command and says it in words, in
one language, with all instants in the office's zone. Colour only on a terminal.
"""

from __future__ import annotations

import io
import json
import re
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text as Styled

from .clock import parse_term, read_instant
from .deadlines import OVERSTAYED, RAN_OUT
from .errors import Text, say
from .time_views import LIVE

Data = Mapping[str, Any]

MARKS = {
    "done": ("✓", "green"),
    "received": ("✓", "green"),
    "open": ("●", "bold yellow"),
    "awaited": ("○", "cyan"),
    "cancelled": ("✗", "dim"),
    "fired": ("⏰", ""),
    "failed": ("‼", "bold red"),
}
"""How a step's state is drawn, and in which style."""

MOST_COMMANDS = 8
"""Commands that `show` offers before it points to the inbox."""

_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_INSTANT_TEXT = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{6}Z")
_DEFAULT_WIDTH = 80
_NARROWEST = 40
_INSTANT = 17
"""Width of `since 03-02 09:00`."""
_TIER, _READING, _DUE = 9, 24, 20
"""Widths in a line about a clock: `statutory`, `over by 2 wd · yellow`, `due 2026-03-02 17:30`."""
_DIGEST = 12
"""How much of a calendar's digest is shown; `clock apply` takes it."""
_DAY = 24 * 60 * 60 * 1_000_000
"""Microseconds."""
_FRAME = 1 + 3 + 3 * 2
"""What a line of `show` needs beside its texts: margin, bracket and mark, gaps."""
_CONSOLE = Console(file=io.StringIO(), legacy_windows=False)
"""For measuring only."""


def clean(text: str) -> str:
    """`text` without what could steer a terminal or turn its reading direction."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)


class Screen:
    """A terminal in one language. `command` is how lianban was called, `user` who acts unless told."""

    def __init__(
        self,
        lang: str,
        translate: Callable[[str], str],
        zone: str,
        now: datetime,
        *,
        terminal: bool = False,
        command: str = "lianban",
        who: str | None = None,
        user: str | None = None,
    ) -> None:
        self.lang = lang
        self.translate = translate
        self.zone = ZoneInfo(zone)
        self.now = now
        self.terminal = terminal
        self.command = command
        self.who = who
        self.user = user
        self.width = max(shutil.get_terminal_size((_DEFAULT_WIDTH, 24)).columns, _NARROWEST)

    # --- words

    def say(self, text: Text) -> str:
        """`text` in the reader's language."""
        return clean(text.render(self.translate))

    def name(self, names: Mapping[str, str], code: str = "") -> str:
        """The name in the reader's language, or in the other one, or the code."""
        return clean(names.get(self.lang) or next(iter(names.values()), "") or code)

    def when(self, instant: str | None) -> str:
        """`2026-03-02 09:10` in the office's zone."""
        return "" if instant is None else self._local(instant).strftime("%Y-%m-%d %H:%M")

    def _day(self, instant: str | None, year: int) -> str:
        """The same without the year, if it is `year`."""
        local = self.when(instant)
        return local.removeprefix(f"{year:04d}-")

    def _short(self, instant: str, year: int) -> str:
        """`03-02 09:10`, or only the day if it is not in `year`."""
        local = self._local(instant)
        return local.strftime("%m-%d %H:%M" if local.year == year else "%Y-%m-%d")

    def _due(self, instant: str | None, provisional: bool) -> str:
        """`2027-01-25 17:30 (provisional)`."""
        due = self.when(instant) or "—"
        return self.say(say("{due} (provisional)", due=due)) if provisional else due

    def _footnote(self, data: Any) -> list[RenderableType]:
        """What it means that a date is provisional, if one in `data` is."""
        if not _provisional(data):
            return []
        return [
            Styled(self.say(say("provisional: subject to the holiday notice of the State Council")), "dim")
        ]

    def _local(self, instant: str) -> datetime:
        return read_instant(instant).astimezone(self.zone)

    # --- acts

    def acted(self, data: Data) -> str:
        """After an act: what happened, what was issued, the clocks it moved, what is open and for whom."""
        parts: list[RenderableType] = []
        if data["repeated"]:
            parts.append(Styled(self.say(say("already done; nothing changed")), "yellow"))
        for line in data["events"]:
            if line["fact"] or line["type"] in _TOLD:
                mark, style = _MARK_OF.get(line["type"], ("✓", "green"))
                parts.append(Styled.assemble((mark, style), " ", self._words(line)))
            if line["type"] == "document.issued" and line["data"]["element"].startswith("clock:"):
                # No step of the process hands this notice over.
                parts.append(_line(f"   {self.command} print {data['case']} {line['data']['document']}"))
        number = data["case"]
        if data["outcome"]:
            head = self.say(say("Case {case} is closed.", case=number))
            return self._render([*parts, Styled(head, "bold")])
        parts.append(Styled(self.say(say("Case {case}, open now:", case=number)), "bold"))
        year = self.now.astimezone(self.zone).year
        parts.append(self._rows([" "] * len(data["open"]), data["open"], year, since=False))
        touched = {line["data"].get("clock") for line in data["events"]}
        running = [clock for clock in data["clocks"] if clock["state"] in LIVE]
        if not data["repeated"]:
            running = [clock for clock in running if clock["clock"] in touched]
        parts += self._clocks(running)
        parts += self._footnote([running, data["open"]])
        parts += self._commands(number, data["open"])
        return self._render(parts)

    def inbox(self, data: Data) -> str:
        """The open steps, those at the greatest risk first; two lines each, with the most pressing clock."""
        tasks = data["tasks"]
        if not tasks:
            return self._render([self.say(say("Nothing to do."))])
        table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="bold")
        table.add_column(self.say(say("due")), no_wrap=True)
        table.add_column(self.say(say("step")), ratio=1, overflow="fold")
        year = self.now.astimezone(self.zone).year
        for task in tasks:
            step, unit = self.name(task["name"]), self.name(task["unit_name"], task["unit"])
            what = Styled.assemble((step, "bold"), f" · {unit}")
            late = "bold red" if task["late"] else ""
            pressing = Styled(self.when(task["due"]) or "—", late)
            if task["provisional"]:
                pressing.append("\n" + self.say(say("provisional")), "bold")
            if task["clocks"]:
                pressing = self._pressing(task["clocks"][0])
                if task["due"] not in (None, task["clocks"][0]["due"]):
                    own = say("due {instant}", instant=self._short(task["due"], year))
                    if task["provisional"]:
                        own = say("{due} (provisional)", due=own)
                    what = what + " · " + Styled(self.say(own), late)
            place = Styled.assemble((clean(f"{task['case']} {task['task']}"), "cyan"))
            item = Styled.assemble("  ", (self.name(task["item_name"]), "dim"))
            table.add_row(pressing, Styled("\n").join([what, place + item]))
        first = tasks[0]
        hint = self.say(say("{count} open. Do one with:", count=len(tasks)))
        note = self._footnote([[task, task["clocks"][:1]] for task in tasks])
        return self._render([table, *note, "", hint, _line(self._do(first["case"], first))])

    def _pressing(self, clock: Data) -> Styled:
        """When the clock runs out, or why it stands still; below that how much is left."""
        if clock["due"] is None:
            grounds = [self.name(pause["name"], pause["ground"]) for pause in clock["paused"]]
            first = Styled(self.say(say("paused: {grounds}", grounds=", ".join(grounds))), "cyan")
        else:
            first = Styled(self.when(clock["due"]))
        left = self._reading({**clock, "paused": []})
        if clock["provisional"]:
            left.append(" · ").append(self.say(say("provisional")), "bold")
        return Styled("\n").join([first, left])

    # --- clocks

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

    def _clocks(self, clocks: Sequence[Data]) -> list[RenderableType]:
        """Each clock: name, tier, how much is left, due date; below it what it is paused for."""
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
        return self.say(_RUNGS.get(name, say("{name}", name=name)))

    def _effect(self, kind: str) -> str:
        return self.say(_EFFECTS.get(kind, say("{name}", name=kind)))

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
        parts: list[RenderableType] = [*self._heading(say("Cards")), _columns(rows)]
        for card in [card for card in cards if card["state"] == "open"][:1]:
            parts.append(_line(clean(f" {self.command} card answer {case} {card['card']} --reason …")))
        return parts

    def explained(self, explained: Sequence[tuple[Mapping[str, str], str, Sequence[Text]]]) -> str:
        """How the date of each clock or timer (names, id, lines) comes about, day by day."""
        parts: list[RenderableType] = []
        for names, id, lines in explained:
            parts += [""] if parts else []
            parts.append(Styled(f"{self.name(names)} ({clean(id)})", "bold"))
            parts += [Styled(self.say(line)) for line in lines]
        return self._render(parts or [self.say(say("No clock of the case has started."))])

    # --- calendars

    def imported(self, data: Data) -> str:
        """The calendar put forward, and what to do about it."""
        shown = data["calendar"][:_DIGEST]
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
            _line(f" {self.command} clock plan"),
            _line(f" {self.command} clock apply {shown}"),
        ]
        return self._render(parts)

    def planned(self, data: Data) -> str:
        """Every due date that the calendar put forward would move, and how many cases there are."""
        shown = data["calendar"][:_DIGEST]
        parts: list[RenderableType] = [
            Styled(self.say(say("Calendar {calendar}, if it were applied now", calendar=shown)), "bold")
        ]
        parts += [_line(f" {self._change(change)}") for change in data["changes"]]
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
        return self._render([*parts, _line(f" {self.command} clock apply {shown}")])

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
        shown = {"calendar": data["calendar"][:_DIGEST]}
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

    # --- accounts

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
                parts += ["", _columns(rows)]
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

    # --- one case

    def case(self, data: Data) -> str:
        """Where the case stands: who has answered and who has not, what it waits for, what comes next."""
        year = self._local(data["opened_at"]).year
        head = Styled.assemble((data["case"], "bold"), "  ", self.name(data["item_name"]))
        if data["status"] == "closed":
            head.append("\n" + self.name(data["outcome_name"], data["outcome"] or ""), "bold green")
            closed, opened = self.when(data["closed_at"]), self.when(data["opened_at"])
            status = say("closed {closed}; opened {opened}", closed=closed, opened=opened)
        else:
            count = sum(line["state"] == "open" for line in data["steps"])
            status = say(
                "open since {opened}; open steps: {count}", opened=self.when(data["opened_at"]), count=count
            )
        parts: list[RenderableType] = [head, self.say(status), ""]
        parts += self._steps(data["steps"], year)
        parts += self._clocks(data["clocks"])
        if data["deemed"]:
            parts += [*self._heading(say("By law"))]
            parts += [Padding(self._deemed(deemed), (0, 0, 0, 1)) for deemed in data["deemed"]]
        parts += self._cards(data["case"], data["cards"])
        if data["timers"]:
            parts += [*self._heading(say("Timers"))]
            rows = ((self._due(t["due"], t["provisional"]), self._timer(t)) for t in data["timers"])
            parts.append(_columns(rows))
        parts += self._footnote([data["steps"], data["clocks"], data["timers"]])
        if data["documents"]:
            parts += [*self._heading(say("Documents"))]
            issued = (
                (self.when(d["at"]), clean(d["number"]), self.name(d["name"])) for d in data["documents"]
            )
            parts.append(_columns(issued))
        if data["application"]:
            parts += [*self._heading(say("Application"))]
            parts.append(_columns((self.name(a["title"]), self._value(a)) for a in data["application"]))
        parts += self._commands(data["case"], data["steps"])
        return self._render(parts)

    def _timer(self, timer: Data) -> str:
        name, step = self.name(timer["name"]), self.name(timer["step"])
        return name if name == step else f"{name} · {step}"

    def _heading(self, title: Text) -> tuple[RenderableType, RenderableType]:
        return "", Styled(self.say(title), "bold")

    def _value(self, answer: Data) -> str:
        value = answer["value"]
        if answer["words"]:
            return self.name(answer["words"])
        if isinstance(value, bool):
            return self.say(say("yes") if value else say("no"))
        if isinstance(value, list) and all(isinstance(entry, str) for entry in value):
            return clean("；".join(value) if self.lang == "zh" else "; ".join(value))
        return clean(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))

    def _steps(self, steps: Sequence[Data], year: int) -> list[RenderableType]:
        """The steps in order of opening; those that ran side by side stand in one bracket."""
        parts: list[RenderableType] = []
        for _, members in groupby(enumerate(steps), lambda pair: _side_by_side(*pair)):
            group = [step for _, step in members]
            if len(group) == 1:
                parts.append(self._rows([" "], group, year, since=True))
                continue
            title = say(
                "side by side since {since}: {done} of {all} done",
                since=self._day(group[0]["opened_at"], year),
                done=sum(step["state"] == "done" for step in group),
                all=len(group),
            )
            parts.append(Styled(f" ┌ {self.say(title)}", "dim"))
            parts.append(self._rows(["│"] * (len(group) - 1) + ["└"], group, year, since=False))
        return parts

    def _rows(self, brackets: Sequence[str], steps: Sequence[Data], year: int, *, since: bool) -> Padding:
        """A line for each step: mark, step and answer, unit and person, instant. Of equal widths always."""
        free = self.width - _FRAME - _INSTANT
        name, unit = free - free // 2, free // 2
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(width=3, no_wrap=True)
        table.add_column(width=name, overflow="fold")
        table.add_column(width=unit, overflow="fold")
        table.add_column(width=_INSTANT, no_wrap=True, justify="right")
        for bracket, step in zip(brackets, steps, strict=True):
            mark, style = MARKS[step["state"]]
            lines = [self._what(step, name), self._whose(step, unit), self._times(step, year, since=since)]
            height = max(
                len(text.wrap(_CONSOLE, width))
                for text, width in zip(lines, (name, unit, _INSTANT), strict=True)
            )
            frame = [Styled.assemble((bracket, "dim"), " " * (2 - cell_len(mark)), (mark, style))]
            frame += [Styled("│" if bracket == "│" else " ", "dim")] * (height - 1)
            table.add_row(Styled("\n").join(frame), *lines)
        return Padding(table, (0, 0, 0, 1))

    def _what(self, step: Data, width: int) -> Styled:
        suffix = re.search("[#:][0-9:#]+$", step["task"])
        name = self.name(step["name"]) + (f" {suffix[0]}" if suffix else "")
        said = self.name(step["said"])
        style = {"open": "bold", "failed": "bold", "cancelled": "dim strike"}.get(step["state"], "")
        return _joined(Styled(name, style), self.say(say(": ")), Styled(said, "cyan"), width)

    def _whose(self, step: Data, width: int) -> Styled:
        unit = self.name(step["unit_name"], step["unit"])
        person = self.name(step["by_name"], step["by"] or "")
        return _joined(Styled(unit), " · ", Styled(person), width)

    def _times(self, step: Data, year: int, *, since: bool) -> Styled:
        if step["at"] is not None:
            return Styled(self._day(step["at"], year))
        times = []
        if since and step["opened_at"] is not None:
            opened = self._short(step["opened_at"], year)
            times.append(Styled(self.say(say("since {instant}", instant=opened))))
        if step["due"] is not None:
            late = read_instant(step["due"]) < self.now
            due = self.say(say("due {instant}", instant=self._short(step["due"], year)))
            times.append(Styled(due, "bold red" if late else "yellow"))
            if step["provisional"]:
                times.append(Styled(self.say(say("provisional")), "bold"))
        return Styled("\n").join(times)

    def _commands(self, case: str, steps: Iterable[Data]) -> list[RenderableType]:
        """What can be done next, as commands to copy."""
        possible = [step for step in steps if step["state"] in ("open", "awaited")]
        mine = [step for step in possible if self.who in step["people"]]
        offered = mine if self.who and mine else possible
        if not offered:
            return []
        yours = bool(mine) or not self.who
        title = say("What you can do next") if yours else say("What others can do next")
        parts: list[RenderableType] = [*self._heading(title)]
        parts += [_line(f" {self._do(case, step)}") for step in offered[:MOST_COMMANDS]]
        if len(offered) > MOST_COMMANDS:
            more = say("and {count} more: lianban inbox --all", count=len(offered) - MOST_COMMANDS)
            parts.append(Padding(self.say(more), (0, 0, 0, 1)))
        return parts

    def _do(self, case: str, step: Data) -> str:
        people: Sequence[str] = step.get("people", ())
        actor = self.who if self.who in people or not people else people[0]
        acting = f" --as {actor}" if actor and actor != self.user else ""
        return clean(f"{self.command} do {case} {step['task']}{acting}")

    # --- proving

    def history(self, data: Data) -> str:
        """Every event: number, instant, who did what, what followed, the beginning of its hash."""
        table = self._events()
        table.add_column(self.say(say("hash")), no_wrap=True, style="dim")
        for line in data["events"]:
            table.add_row(*self._event(line), line["hash"][:8])
        return self._render([Styled(clean(data["case"]), "bold"), table, *self._footnote(data)])

    def replay(self, data: Data) -> str:
        """Every event again, and after each act where the process stood."""
        table = self._events()
        events = data["events"]
        for line, following in zip(events, [*events[1:], None], strict=True):
            table.add_row(*self._event(line))
            if (following is None or following["fact"]) and line["open"]:
                then = self.say(say("→ open: {steps}", steps=", ".join(line["open"])))
                table.add_row("", "", Styled(then, "cyan"))
        agreed = self.say(say("replay agrees with the record: {count} events", count=len(events)))
        end = [*self._footnote(data), Styled(agreed, "bold green")]
        return self._render([Styled(clean(data["case"]), "bold"), table, *end])

    def _events(self) -> Table:
        table = Table(box=None, padding=(0, 1, 0, 0), show_edge=False, header_style="bold")
        table.add_column("", justify="right", no_wrap=True, style="dim")
        table.add_column(self.say(say("when")), no_wrap=True)
        table.add_column(self.say(say("what")), ratio=1, overflow="fold")
        return table

    def _event(self, line: Data) -> tuple[str, str, RenderableType]:
        if not line["fact"]:
            return str(line["seq"]), "", Padding(Styled(self._words(line), "dim"), (0, 0, 0, 2))
        what = Styled.assemble((self._by(line), "bold"), "  ", self._words(line))
        return str(line["seq"]), self.when(line["at"]), what

    def verified(self, data: Data) -> str:
        """How much was checked and how much was found."""
        count, findings = data["histories"], len(data["findings"])
        text = self.say(
            say("histories checked: {count}; findings: {findings}", count=count, findings=findings)
        )
        return self._render([Styled(text, "bold red" if findings else "bold green")])

    def _by(self, line: Data) -> str:
        by = line["by"]
        if "person" in by:
            return self.name(line["by_name"], by["person"])
        return self.say(say("time") if "clock" in by else say("administrator"))

    def _words(self, line: Data) -> str:
        """What an event says."""
        data, said = line["data"], self.name(line["said"])
        name = self.name(line["name"], data.get("element", ""))
        if line["type"].startswith(_OF_CLOCKS):
            return self.say(self._clock_words(line, data, said))
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
            case "document.issued":
                text = say("issued {name} {number}", name=name, number=data["number"])
            case "incident.raised":
                text = say("{name} failed: {message}", name=name, message=data["message"])
            case "case.closed":
                text = say("case closed: {name}", name=name)
            case "office.created":
                text = say("rehearsal office set up in division {division}", division=data["division"])
            case "organisation.recorded":
                text = say("organisation recorded: {content}", content=data["content"][:8])
            case "definition.published":
                text = say(
                    "item {item} published, in force from {effective}",
                    item=data["item"],
                    effective=data["effective"],
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
        for term in ("expected", "by"):
            if term in data:
                about["term"] = parse_term(data[term]).text()
        match line["type"]:
            case "pause.ordered":
                text = say("pauses the clock {clock} for {ground}, expected {term}", ground=said, **about)
                return _with_reason(text, data)
            case "resume.ordered":
                return _with_reason(
                    say("lets the clock {clock} run on after {ground}", ground=said, **about), data
                )
            case "extension.granted":
                return _with_reason(say("extends the clock {clock} by {term}", **about), data)
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
                shown = data["content"][:_DIGEST]
                return say("calendar {calendar} put forward: {note}", calendar=shown, note=data["note"])
            case "calendar.applied":
                return say("calendar {calendar} in force", calendar=data["content"][:_DIGEST])
            case "calendar.revised":
                return say("from now on counted by calendar {calendar}", calendar=data["calendar"][:_DIGEST])
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

    def swept(self, data: Data) -> str:
        """What a sweep did, and what went out."""
        text = say(
            "cases in which time ran out: {count}; timers fired: {fired}",
            count=len(data["cases"]),
            fired=data["fired"],
        )
        parts: list[RenderableType] = [self.say(text), *self._left_behind(data)]
        if data["sent"]:
            parts.append(self.say(say("letters delivered: {count}", count=len(data["sent"]))))
        if data["failed"]:
            count = say("letters that could not be delivered: {count}", count=len(data["failed"]))
            parts.append(Styled(self.say(count), "bold red"))
            parts += [Padding(clean(f"{id}: {why}"), (0, 0, 0, 1)) for id, why in data["failed"].items()]
        return self._render(parts)

    def outbox(self, data: Data) -> str:
        """Reminders and cards on their way: to whom, about which case, what waits, what failed and why."""
        if not data["messages"]:
            return self._render([self.say(say("Nothing waits."))])
        table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="bold")
        table.add_column(self.say(say("case")), no_wrap=True)
        table.add_column(self.say(say("message")), overflow="fold")
        table.add_column(self.say(say("delivery")), ratio=1, overflow="fold")
        for message in data["messages"]:
            kind = {"reminder.raised": say("reminder"), "card.raised": say("card")}.get(message["kind"])
            what = self.say(kind or say("{name}", name=message["kind"]))
            state = Styled(self.say(say("waits since {instant}", instant=self.when(message["due_at"]))))
            if message["delivered_at"]:
                delivered = say("delivered {instant}", instant=self.when(message["delivered_at"]))
                state = Styled(self.say(delivered), "green")
            elif message["attempts"]:
                again = self.when(message["due_at"])
                failed = say("failed: {count}; next try {instant}", count=message["attempts"], instant=again)
                state = Styled(self.say(failed), "bold red")
                state.append(f"\n{clean(message['error'] or '')}", "not bold")
            table.add_row(clean(message["case"]), f"{what} → {clean(message['unit'])}", state)
        return self._render([table])

    # --- items

    def office(self, data: Data) -> str:
        """A new office and its items."""
        created = self.say(say("A rehearsal office is set up in {database}.", database=data["database"]))
        parts: list[RenderableType] = [
            Styled(created, "bold green", no_wrap=True),
            "",
            self._items(data["items"]),
            "",
        ]
        parts.append(Styled(self.say(say("What you can do next")), "bold"))
        for item in data["items"]:
            actor = f" --as {item['openers'][0]}" if item["openers"] else ""
            parts.append(_line(clean(f" {self.command} open {item['item']}{actor}")))
        return self._render(parts)

    def checked(self, data: Data) -> str:
        """What is wrong with an item's folder."""
        text = "".join(self.problem(problem) for problem in data["problems"])
        if data["item"] is None:
            count = sum(problem["severity"] == "error" for problem in data["problems"])
            return text + self.line(say("errors: {count}; it can't be published", count=count), "bold red")
        good = say(
            "{item} can be published; examples played: {count}", item=data["item"], count=data["examples"]
        )
        return text + self.line(good, "bold green")

    def items(self, data: Data) -> str:
        """The published items."""
        if not data["items"]:
            return self._render([self.say(say("No item is published yet: lianban item publish FOLDER"))])
        return self._render([self._items(data["items"])])

    def _items(self, items: Iterable[Data]) -> Table:
        table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="bold")
        table.add_column(self.say(say("item")), no_wrap=True)
        table.add_column(self.say(say("name")), ratio=1)
        table.add_column(self.say(say("version")), justify="right")
        table.add_column(self.say(say("in force from")), no_wrap=True)
        table.add_column(self.say(say("digest")), no_wrap=True, style="dim")
        for item in items:
            table.add_row(
                clean(item["item"]),
                self.name(item["name"]),
                str(item["version"]),
                item["effective"],
                item["definition"][:8],
            )
        return table

    def rehearsal(self, data: Data) -> str:
        """The trace of a bare diagram, and how it ended."""
        table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="bold")
        table.add_column(self.say(say("when")), no_wrap=True)
        table.add_column(self.say(say("event")), no_wrap=True)
        table.add_column(self.say(say("element")), ratio=1)
        for entry in data["trace"]:
            table.add_row(entry["at"], self.say(_TRACED[entry["event"]]), clean(entry["id"]))
        state = self.say(say("state: {state}", state=_STATES[data["state"]]))
        parts: list[RenderableType] = [table] if data["trace"] else []
        parts.append(Styled(state, "bold"))
        if data["open"]:
            parts.append(self.say(say("open: {steps}", steps=", ".join(data["open"]))))
        return self._render(parts)

    # --- refusals

    def due(self, data: Data, days: Sequence[Text]) -> str:
        """`clock due`: how the days were counted, and the answer last."""
        lines = [*days, say("due {when}", when=self.when(data["due_at"]))]
        if data["provisional"]:
            lines.append(say("provisional: subject to the holiday notice of the State Council"))
        return "\n".join(map(self.say, lines)) + "\n"

    def refusal(self, data: Data) -> str:
        """A refusal, line by line: what, expected, found, rule, remedy."""
        return self._labelled(
            data["message"],
            [
                (say("expected"), data["expected"]),
                (say("found"), data["found"]),
                (say("rule"), data["rule"]),
                (say("what to do"), data["remedy"]),
            ],
            "bold red",
        )

    def problem(self, data: Data) -> str:
        """A finding in a definition, as compilers print theirs: `file: element: error: message`."""
        severity = self.say(say("error") if data["severity"] == "error" else say("warning"))
        place = ": ".join(filter(None, (data["file"], data["element"], severity, data["message"])))
        lines = [
            (say("expected"), data["expected"]),
            (say("found"), data["found"]),
            (say("fix"), data["remedy"]),
        ]
        return self._labelled(place, lines, "red" if data["severity"] == "error" else "yellow")

    def _labelled(self, head: str, lines: Sequence[tuple[Text, str]], style: str) -> str:
        head = _INSTANT_TEXT.sub(lambda found: self.when(found[0]), head)
        parts: list[RenderableType] = [Styled(clean(head), style)]
        table = Table.grid(padding=(0, 1))
        table.add_column(no_wrap=True, style="dim")
        table.add_column(ratio=1)
        for label, text in lines:
            if text:
                local = _INSTANT_TEXT.sub(lambda found: self.when(found[0]), text)
                table.add_row(f"  {self.say(label)}", clean(local))
        return self._render([*parts, table])

    # --- drawing

    def line(self, text: Text, style: str = "") -> str:
        """One line."""
        return self._render([Styled(self.say(text), style, no_wrap=True)])

    def _render(self, parts: Iterable[RenderableType]) -> str:
        console = Console(
            file=io.StringIO(),
            width=self.width,
            force_terminal=self.terminal,
            markup=False,
            highlight=False,
            emoji=False,
            legacy_windows=False,
        )
        with console.capture() as captured:
            for part in parts:
                console.print(part, soft_wrap=isinstance(part, Styled) and part.no_wrap is True)
        return "".join(line.rstrip() + "\n" for line in captured.get().splitlines())


_TOLD = ("document.issued", "incident.raised", "card.raised", "case.deemed", "case.closed")
"""Consequences of an act that are told after it; the rest shows in what is open and in the clocks."""

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

_MARK_OF = {
    "timer.fired": MARKS["fired"],
    "clock.struck": MARKS["fired"],
    "card.raised": ("⚑", "bold red"),
    "case.deemed": ("§", "bold"),
    "document.issued": ("❏", "cyan"),
    "incident.raised": MARKS["failed"],
    "case.closed": ("■", "bold"),
}
_TRACED = {
    "entered": say("entered"),
    "completed": say("completed"),
    "fired": say("fired"),
    "cancelled": say("cancelled"),
}
_TIERS = {"statutory": say("statutory"), "promised": say("promised"), "step": say("step")}
_UNITS = {"wd": say("wd"), "d": say("d"), "h": say("h")}
_RUNGS = {"reminder": say("reminder"), "yellow": say("yellow"), "red": say("red")}
_CARDS = {
    "open": say("unanswered"),
    "answered": say("answered"),
    "contested": say("contested"),
    "withdrawn": say("withdrawn"),
}
_EFFECTS = {
    "deemed_acceptance": say("deemed accepted"),
    "deemed_consent": say("deemed agreed to"),
    "deemed_renewal": say("deemed renewed"),
    "deemed_withdrawal": say("deemed withdrawn"),
    "deemed_refusal": say("deemed refused"),
    "route": say("led on by its definition"),
}
"""What the law or the item makes of silence."""
_STATES = {
    "running": say("running"),
    "completed": say("completed"),
    "refused": say("refused"),
    "error": say("error"),
}


def _style_of(clock: Data, over: bool) -> str:
    """The colour of a clock that still measures something; `over` if it has run out."""
    if clock["colour"] == "red" or (over and clock["tier"] == "statutory"):
        return "bold red"
    if clock["colour"] == "yellow" or over:
        return "bold yellow"
    return "yellow" if clock["colour"] else "green"


def _provisional(data: Any) -> bool:
    """Whether any date in plain data is provisional."""
    if isinstance(data, Mapping):
        return data.get("provisional") is True or any(map(_provisional, data.values()))
    return isinstance(data, list | tuple) and any(map(_provisional, data))


def _with_reason(text: Text, data: Data) -> Text:
    return say("{text}: {reason}", text=text, reason=data["reason"]) if data["reason"] else text


def _in_days(microseconds: int) -> str:
    return f"{microseconds / _DAY:.2f}"


def _side_by_side(place: int, step: Data) -> object:
    """Steps with the same key were opened by the same act and run in parallel."""
    return step["cause"] if step["state"] in ("open", "done", "cancelled") else f"alone {place}"


def _joined(first: Styled, separator: str, second: Styled, width: int) -> Styled:
    """Both on one line if they fit, else below each other."""
    if not second.plain or not first.plain:
        return first + second
    fits = first.cell_len + cell_len(separator) + second.cell_len <= width
    return Styled(separator if fits else "\n").join([first, second])


def _columns(rows: Iterable[Sequence[str]]) -> Padding:
    """Lines of texts, the last of which may run on over several lines."""
    table = Table.grid(padding=(0, 2))
    for row in rows:
        if not table.columns:
            for _ in row[:-1]:
                table.add_column(max_width=32)
            table.add_column(ratio=1, overflow="fold")
        table.add_row(*row)
    return Padding(table, (0, 0, 0, 1))


def _line(text: str) -> Styled:
    """A command to copy: never broken into lines."""
    return Styled(text, "cyan", no_wrap=True)
