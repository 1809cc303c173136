"""The office around the cases: items, letters, what time did."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text as Styled

from ..errors import say
from .base import Data, clean, line_of
from .clocks import Clocks


class Offices(Clocks):
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
            parts.append(line_of(clean(f" {self.command} open {item['item']}{actor}")))
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

    def kinds(self, data: Data) -> str:
        """The kinds of items that can be begun."""
        table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, show_header=False)
        table.add_column(no_wrap=True, style="bold")
        table.add_column(ratio=1, overflow="fold")
        for kind in data["kinds"]:
            table.add_row(kind["kind"], f"{kind['name']}: {kind['summary']}")
        return self._render([table])

    def begun(self, data: Data) -> str:
        """A new item's folder, and what to do with it."""
        folder = shlex.quote(data["folder"])
        good = say(
            "{item} is begun in {folder}; files: {count}",
            item=data["item"],
            folder=data["folder"],
            count=len(data["files"]),
        )
        return (
            self.line(good, "bold green")
            + self.line(say("What is yours to change is marked with ← in item.toml. Next:"))
            + "".join(f"  {self.command} item {verb} {folder}\n" for verb in ("check", "publish"))
        )

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
