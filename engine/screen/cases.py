"""One case and the inbox: what was done, what is open, and what can be done about it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from rich.cells import cell_len
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text as Styled

from ..clock import read_instant
from ..errors import say
from ..time_views import LIVE
from .base import CONSOLE, Data, clean, columns, joined, line_of
from .reviews import DEEMED_MARK
from .stories import Stories

MARKS = {
    "done": ("✓", "green"),
    "received": ("✓", "green"),
    "open": ("●", "bold yellow"),
    "awaited": ("○", "cyan"),
    "cancelled": ("✗", "dim"),
    "fired": ("⏰", ""),
    "failed": ("‼", "bold red"),
    "deemed": DEEMED_MARK,
    "withdrawn": ("⊘", "cyan"),
}
"""How a step's state is drawn, and in which style."""

MOST_COMMANDS = 8
"""Commands that `show` offers before it points to the inbox."""

_INSTANT = 17
"""Width of `since 03-02 09:00`."""

_FRAME = 1 + 3 + 3 * 2
"""What a line of `show` needs beside its texts: margin, bracket and mark, gaps."""


class Cases(Stories):
    def acted(self, data: Data) -> str:
        """After an act: what happened, what was issued, the clocks it moved, what is open and for whom."""
        parts: list[RenderableType] = []
        if data["repeated"]:
            parts.append(Styled(self.say(say("already done; nothing changed")), "yellow"))
        for line in data["events"]:
            if line["fact"] or line["type"] in _TOLD:
                mark, style = _MARK_OF.get(line["type"], ("✓", "green"))
                if line["data"].get("deemed") is True:
                    mark, style = DEEMED_MARK
                parts.append(Styled.assemble((mark, style), " ", self._words(line)))
            if line["type"] == "document.issued" and line["data"]["element"].startswith("clock:"):
                # No step of the process hands this notice over.
                parts.append(line_of(f"   {self.command} print {data['case']} {line['data']['document']}"))
        number = data["case"]
        if data["outcome"]:
            head = self.say(say("Case {case} is closed.", case=number))
            return self._render([*parts, Styled(head, "bold")])
        opening = say("Case {case}, open now:", case=number)
        if not data["open"]:
            opening = say("Case {case}: no step is open now.", case=number)
        parts.append(Styled(self.say(opening), "bold"))
        year = self.now.astimezone(self.zone).year
        parts.append(self._rows([" "] * len(data["open"]), data["open"], year, {}, since=False))
        units = {step["task"]: self.name(step["unit_name"], step["unit"]) for step in data["open"]}
        touched = {line["data"].get("clock") for line in data["events"]}
        running = [clock for clock in data["clocks"] if clock["state"] in LIVE]
        if not data["repeated"]:
            running = [clock for clock in running if clock["clock"] in touched]
        parts += self._clocks(running, units)
        parts += self._footnote([running, data["open"]])
        parts += self._repairs(number, data["failed"])
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
            table.add_row(pressing, Styled("\n").join([what, place + item, *self._standing(task)]))
        first = next((task for task in tasks if not task["suspended"]), tasks[0])
        hint = self.say(say("{count} open. Do one with:", count=len(tasks)))
        note = self._footnote([[task, task["clocks"][:1]] for task in tasks])
        return self._render([table, *note, "", hint, line_of(self._do(first["case"], first))])

    def _standing(self, task: Data) -> list[Styled]:
        """How far people have come with a referral; nothing for other steps."""
        if task["suspended"]:
            held = say("stands still: recusal {recusal}", recusal=task["suspended"])
            return [Styled(self.say(held), "bold red")]
        if task["stage"] == "owed":
            return [
                Styled(self.say(say("silence was taken for consent; the opinion is still owed")), "yellow")
            ]
        if task["stage"] == "recusal":
            return []
        if task["stage"] == "entered":
            return [Styled(self.say(say("waits to be signed")), "yellow")]
        if task["assignee"]:
            person = self.name(task["assignee_name"], task["assignee"])
            return [Styled(self.say(say("received by {person}", person=person)), "dim")]
        return [Styled(self.say(say("not signed for yet")), "dim")] if task["referral"] else []

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
        parts: list[RenderableType] = [head, self.say(status), *self._responsible(data), ""]
        bases = {answer["task"]: answer["basis"] for review in data["joint"] for answer in review["answers"]}
        parts += self._steps(data["steps"], year, bases)
        parts += self._findings(data["findings"])
        parts += self._joint(data["joint"])
        parts += self._recusals(data["case"], data["recusals"])
        units = {step["task"]: self.name(step["unit_name"], step["unit"]) for step in data["steps"]}
        parts += self._clocks(data["clocks"], units)
        if data["deemed"]:
            parts += [*self._heading(say("By law"))]
            parts += [Padding(self._deemed(deemed), (0, 0, 0, 1)) for deemed in data["deemed"]]
        parts += self._cards(data["case"], data["cards"])
        if data["timers"]:
            parts += [*self._heading(say("Timers"))]
            rows = ((self._due(t["due"], t["provisional"]), self._timer(t)) for t in data["timers"])
            parts.append(columns(rows))
        parts += self._footnote([data["steps"], data["clocks"], data["timers"]])
        parts += self._materials(data["materials"])
        if data["documents"]:
            parts += [*self._heading(say("Documents"))]
            issued = (
                (self.when(d["at"]), clean(d["number"]), self.name(d["name"])) for d in data["documents"]
            )
            parts.append(columns(issued))
        if data["application"]:
            parts += [*self._heading(say("Application"))]
            parts.append(columns((self.name(a["title"]), self._value(a)) for a in data["application"]))
        parts += self._repairs(data["case"], data["failed"])
        parts += self._commands(data["case"], data["steps"])
        return self._render(parts)

    def why(self, data: Data) -> str:
        """A chain of causes: what came of what downwards, what a link rests on further in."""
        causes = {cause["n"]: cause for cause in data["causes"]}
        parts: list[RenderableType] = [Styled(clean(data["case"]), "bold")]
        for line in data["lines"]:
            cause = causes[line["cause"]]
            text = self._local_times(clean(cause["text"]))
            shown = {"when": self.when(cause["at"]), "seq": cause["event"]}
            when = self.say(say("{when}, event {seq}", **shown))
            if line["again"]:
                when = self.say(say("{when}, event {seq}, told in full elsewhere", **shown))
            told = Styled.assemble((text, _OF_CAUSES.get(line["role"], "")), "  ", (when, "dim"))
            grid = Table.grid(padding=(0, 1, 0, 0))
            grid.add_column(no_wrap=True)
            grid.add_column(ratio=1, overflow="fold")
            grid.add_row("←" if line["role"] == "because" else "·" if line["role"] == "fact" else "", told)
            inset = min(2 * line["depth"], self.width // 3)
            parts.append(Padding(grid, (0, 0, 0, inset)) if line["role"] != "root" else told)
            if line["role"] == "root":
                parts += [
                    Padding(Styled(f"{self.name(one['title'])}: {self._value(one)}", "dim"), (0, 0, 0, 2))
                    for one in cause.get("answers", ())
                ]
        return self._render(parts)

    def _timer(self, timer: Data) -> str:
        name, step = self.name(timer["name"]), self.name(timer["step"])
        return name if name == step else f"{name} · {step}"

    def _value(self, answer: Data) -> str:
        value = answer["value"]
        if answer["words"]:
            return self.name(answer["words"])
        if isinstance(value, bool):
            return self.say(say("yes") if value else say("no"))
        if isinstance(value, list) and all(isinstance(entry, str) for entry in value):
            return clean("；".join(value) if self.lang == "zh" else "; ".join(value))
        if isinstance(value, list) and all(isinstance(entry, Mapping) for entry in value):
            return "\n".join(self._listed(clean(str(part)) for part in entry.values()) for entry in value)
        return clean(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))

    def _steps(
        self, steps: Sequence[Data], year: int, bases: Mapping[str, Data | None]
    ) -> list[RenderableType]:
        """The steps in order of opening; those that ran side by side stand in one bracket."""
        parts: list[RenderableType] = []
        for _, members in groupby(enumerate(steps), lambda pair: _side_by_side(*pair)):
            group = [step for _, step in members]
            if len(group) == 1:
                parts.append(self._rows([" "], group, year, bases, since=True))
                continue
            title = say(
                "side by side since {since}: {done} of {all} done",
                since=self._day(group[0]["opened_at"], year),
                done=sum(step["state"] in ("done", "deemed", "withdrawn") for step in group),
                all=len(group),
            )
            parts.append(Styled(f" ┌ {self.say(title)}", "dim"))
            brackets = ["│"] * (len(group) - 1) + ["└"]
            parts.append(self._rows(brackets, group, year, bases, since=False))
        return parts

    def _rows(
        self,
        brackets: Sequence[str],
        steps: Sequence[Data],
        year: int,
        bases: Mapping[str, Data | None],
        *,
        since: bool,
    ) -> Padding:
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
            what = [self._what(step, name), *self._steps_noted(step, bases.get(step["task"]))]
            lines = [Styled("\n").join(what), self._whose(step, unit), self._times(step, year, since=since)]
            height = max(
                len(text.wrap(CONSOLE, width))
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
        return joined(Styled(name, style), self.say(say(": ")), Styled(said, "cyan"), width)

    def _whose(self, step: Data, width: int) -> Styled:
        unit = self.name(step["unit_name"], step["unit"])
        return joined(Styled(unit), " · ", Styled(self._people_of(step)), width)

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
        possible = [
            step
            for step in steps
            if (step["state"] in ("open", "awaited") or step["stage"] == "owed")
            and step["people"]
            and not step["suspended"]
        ]
        mine = [step for step in possible if self.who in step["people"]]
        offered = mine if self.who and mine else possible
        if not offered:
            return []
        yours = bool(mine) or not self.who
        title = say("What you can do next") if yours else say("What others can do next")
        parts: list[RenderableType] = [*self._heading(title)]
        parts += [line_of(f" {self._do(case, step)}") for step in offered[:MOST_COMMANDS]]
        if len(offered) > MOST_COMMANDS:
            more = say("and {count} more: lianban inbox --all", count=len(offered) - MOST_COMMANDS)
            parts.append(Padding(self.say(more), (0, 0, 0, 1)))
        return parts

    def _repairs(self, case: str, failed: Sequence[str]) -> list[RenderableType]:
        """How what failed goes on, and by whom."""
        if not failed:
            return []
        title = say("Failed: an administrator sets values right (--set NAME=VALUE) and tries again")
        commands = [line_of(clean(f" {self.command} retry {case} {step} --reason …")) for step in failed]
        return [*self._heading(title), *commands]

    def _do(self, case: str, step: Data) -> str:
        acting = self._acting(step.get("people", ()))
        if step["stage"] == "recusal":
            decision = f"{self.command} recusal decide {case} {step['task']} --uphold --reason …{acting}"
            return clean(decision)
        referral = step["referral"] or step["stage"] == "owed"
        verb = "confirm" if step["stage"] == "entered" else "answer" if referral else "do"
        if referral and step["stage"] == "open":
            verb = "sign"
        return clean(f"{self.command} {verb} {case} {step['task']}{acting}")


_TOLD = (
    "document.issued",
    "incident.raised",
    "card.raised",
    "case.deemed",
    "case.closed",
    "finding.raised",
    "joint.certain",
    "joint.decided",
    "meeting.absent",
    "meeting.held",
    "referral.deemed",
    "task.suspended",
    "task.reinstated",
)
"""Consequences of an act that are told after it; the rest shows in what is open and in the clocks."""

_MARK_OF = {
    "timer.fired": MARKS["fired"],
    "clock.struck": MARKS["fired"],
    "card.raised": ("⚑", "bold red"),
    "case.deemed": ("§", "bold"),
    "document.issued": ("❏", "cyan"),
    "incident.raised": MARKS["failed"],
    "case.closed": ("■", "bold"),
    "finding.raised": ("⚠", "bold red"),
    "joint.certain": ("≡", "bold"),
    "joint.decided": ("≡", "bold"),
    "meeting.absent": ("–", "bold"),
    "meeting.held": ("≡", "bold"),
    "referral.deemed": DEEMED_MARK,
    "task.suspended": ("‖", "bold red"),
}


_SIDE_BY_SIDE = ("open", "done", "deemed", "withdrawn", "cancelled")


def _side_by_side(place: int, step: Data) -> object:
    """Steps with the same key were opened by the same act and run in parallel."""
    return step["cause"] if step["state"] in _SIDE_BY_SIDE else f"alone {place}"


_OF_CAUSES = {"root": "bold", "because": "", "fact": "dim"}
"""How a line of causes looks."""
