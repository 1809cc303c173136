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

from .clock import read_instant
from .errors import Text, say

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

    def _local(self, instant: str) -> datetime:
        return read_instant(instant).astimezone(self.zone)

    # --- acts

    def acted(self, data: Data) -> str:
        """After `open` and `do`: what happened, what was issued, what is open now and for whom."""
        parts: list[RenderableType] = []
        if data["repeated"]:
            parts.append(Styled(self.say(say("already done; nothing changed")), "yellow"))
        for line in data["events"]:
            if line["fact"] or line["type"] in ("document.issued", "incident.raised", "case.closed"):
                mark, style = _MARK_OF.get(line["type"], ("✓", "green"))
                parts.append(Styled.assemble((mark, style), " ", self._words(line)))
        number = data["case"]
        if data["outcome"]:
            head = self.say(say("Case {case} is closed.", case=number))
            return self._render([*parts, Styled(head, "bold")])
        parts.append(Styled(self.say(say("Case {case}, open now:", case=number)), "bold"))
        year = self.now.astimezone(self.zone).year
        parts.append(self._rows([" "] * len(data["open"]), data["open"], year, since=False))
        parts += self._commands(number, data["open"])
        return self._render(parts)

    def inbox(self, data: Data) -> str:
        """The open steps, most urgent first; two lines each."""
        tasks = data["tasks"]
        if not tasks:
            return self._render([self.say(say("Nothing to do."))])
        table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="bold")
        table.add_column(self.say(say("due")), no_wrap=True)
        table.add_column(self.say(say("step")), ratio=1, overflow="fold")
        for task in tasks:
            late = task["due"] is not None and read_instant(task["due"]) < self.now
            due = Styled(self.when(task["due"]) or "—", "bold red" if late else "")
            step, unit = self.name(task["name"]), self.name(task["unit_name"], task["unit"])
            place = Styled.assemble((clean(f"{task['case']} {task['task']}"), "cyan"))
            item = Styled.assemble("  ", (self.name(task["item_name"]), "dim"))
            table.add_row(
                due, Styled("\n").join([Styled.assemble((step, "bold"), f" · {unit}"), place + item])
            )
        first = tasks[0]
        hint = self.say(say("{count} open. Do one with:", count=len(tasks)))
        return self._render([table, "", hint, _line(self._do(first["case"], first))])

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
        if data["timers"]:
            parts += [*self._heading(say("Timers"))]
            parts.append(_columns((self.when(timer["due"]), self._timer(timer)) for timer in data["timers"]))
        if data["documents"]:
            parts += [*self._heading(say("Documents"))]
            rows = ((self.when(d["at"]), clean(d["number"]), self.name(d["name"])) for d in data["documents"])
            parts.append(_columns(rows))
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
            opened = self._day(step["opened_at"], year)
            times.append(Styled(self.say(say("since {instant}", instant=opened))))
        if step["due"] is not None:
            late = read_instant(step["due"]) < self.now
            due = self.say(say("due {instant}", instant=self._day(step["due"], year)))
            times.append(Styled(due, "bold red" if late else "yellow"))
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
        return self._render([Styled(clean(data["case"]), "bold"), table])

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
        return self._render([Styled(clean(data["case"]), "bold"), table, Styled(agreed, "bold green")])

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
            case "timer.armed":
                text = say("{name} is set for {due}", name=name, due=self.when(data["due"]))
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

    def swept(self, data: Data) -> str:
        """What a sweep did."""
        text = say(
            "cases in which time ran out: {count}; timers fired: {fired}",
            count=len(data["cases"]),
            fired=data["fired"],
        )
        parts: list[RenderableType] = [self.say(text)]
        if data["refused"]:
            parts.append(
                Styled(
                    self.say(say("cases left as they were: {count}", count=len(data["refused"]))), "bold red"
                )
            )
        return self._render(parts)

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


_MARK_OF = {
    "timer.fired": MARKS["fired"],
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
_STATES = {
    "running": say("running"),
    "completed": say("completed"),
    "refused": say("refused"),
    "error": say("error"),
}


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
