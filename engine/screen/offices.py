"""The office around the cases: items, letters, what time did."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable

from rich.cells import cell_len
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text as Styled

from ..errors import say
from .base import Data, clean, line_of
from .clocks import Clocks
from .problems import Problems

_MIGRATED = {
    "migrated": (say("gone over"), "bold green"),
    "already": (say("gone over before"), "green"),
    "safe": (say("safe"), "bold green"),
    "unsafe": (say("unsafe"), "bold red"),
    "refused": (say("refused"), "bold red"),
}
"""What became of a case that was to go over, and its style."""

_SHOWN = 6
"""Cases of a group whose numbers are shown; --json has all."""

_STATUS = {
    "in_force": (say("in force"), "bold green"),
    "coming": (say("to come"), "yellow"),
    "superseded": (say("superseded"), "dim"),
    "abolished": (say("abolished"), "bold red"),
}
"""How a version stands, and its style."""


class Offices(Clocks, Problems):
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

    def published(self, data: Data) -> str:
        """What is not said by a version's being published: that another one stays in force all the same, or
        that an abolished item is in force again."""
        parts: list[RenderableType] = []
        if data["status"] == "superseded":
            text = say("a version with a later date is in force; this one opens no case")
            parts.append(Styled(self.say(text), "yellow"))
        if data["revived"] is not None:
            text = say(
                "the item was abolished from {since} on; by this version it goes on", since=data["revived"]
            )
            parts.append(Styled(self.say(text), "yellow"))
        return self._render(parts)

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
        items = list(items)
        ordinary = all(item["status"] == "in_force" and item["until"] is None for item in items)
        table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="bold")
        table.add_column(self.say(say("item")), no_wrap=True)
        table.add_column(self.say(say("name")), ratio=1)
        table.add_column(self.say(say("version")), justify="right")
        table.add_column(self.say(say("in force from")), no_wrap=True)
        if not ordinary:
            table.add_column(self.say(say("state")), no_wrap=True)
        table.add_column(self.say(say("digest")), no_wrap=True, style="dim")
        for item in items:
            table.add_row(
                clean(item["item"]),
                self.name(item["name"]),
                str(item["version"]),
                item["effective"],
                *([] if ordinary else [self._status(item)]),
                item["definition"][:8],
            )
        return table

    def compared(self, data: Data) -> str:
        """What is different, for each of those whom it concerns."""
        from ..definition.differences import AUDIENCES  # no other command needs it

        heads = [f"{data[side]['named']} ({data[side]['definition'][:8]})" for side in ("old", "new")]
        parts: list[RenderableType] = [Styled(clean(" → ".join(heads)), "bold")]
        if not data["differences"]:
            parts.append(self.say(say("Nothing is different.")))
        for audience, title in AUDIENCES.items():
            found = [line for line in data["differences"] if line["audience"] == audience]
            if found:
                parts += self._heading(title)
                parts.append(self._differences(found))
        if data["file"] is not None:
            parts += ["", self.say(say("in the diagrams: {file}", file=data["file"]))]
        return self._render(parts)

    def _differences(self, found: Iterable[Data]) -> Table:
        table = Table.grid(padding=(0, 1))
        table.add_column(no_wrap=True)
        table.add_column(ratio=1, overflow="fold")
        for line in found:
            mark, style = _MARKS[line["change"]]
            text = Styled(clean(line["text"]))
            before, after = clean(line["before"]), clean(line["after"])
            short = cell_len(line["text"] + before + after) < self.width - 12 and "→" not in before + after
            if before and before == after:
                text.append(" ").append(self.say(say("(in the other language)")), "dim")
            elif before and after and short:
                text.append(": ").append(before, "red").append(" → ").append(after, "green")
            elif before and after:
                text.append(f"\n- {before}", "red").append(f"\n+ {after}", "green")
            elif before or after:
                text.append(f"\n{before or after}", "dim")
            table.add_row(Styled(mark, style), text)
        return table

    def _status(self, item: Data) -> Styled:
        text, style = _STATUS[item["status"]]
        end = item["abolished"]
        if item["status"] in ("in_force", "coming") and item["until"]:
            until = say("until {day}", day=item["until"])
            if end is not None and end["since"] <= item["until"]:
                until = say("abolished from {day}", day=item["until"])
            return Styled(f"{self.say(text)}\n{self.say(until)}", style)
        return Styled(self.say(text), style)

    def abolished(self, data: Data) -> str:
        """An item of which no case is opened from a day on."""
        text = say(
            "{item} is abolished from {since} on; open cases that go on: {count}",
            item=data["item"],
            since=data["since"],
            count=data["open"],
        )
        parts: list[RenderableType] = []
        if data["repeated"]:
            parts.append(Styled(self.say(say("already done; nothing changed")), "yellow"))
        return self._render([*parts, Styled(self.say(text), "bold")])

    def migrated(self, data: Data) -> str:
        """Which cases went over to another version, or could, and why others can't: alike ones together."""
        about = {"item": data["item"], "version": data["to"], "batch": data["batch"] or "—"}
        head = say("{item}: to version {version}", **about)
        if data["undoes"]:
            head = say("{item}: back before {undone}", undone=data["undoes"], **about)
        told = [self.say(head)] + ([self.say(say("batch {batch}", **about))] if data["batch"] else [])
        told += [f"{self.say(_MIGRATED[state][0])} {count}" for state, count in data["counts"].items()]
        parts: list[RenderableType] = [Styled(" · ".join(told), "bold")]
        if not data["cases"]:
            parts.append(self.say(say("No open case is concerned.")))
        groups: dict[str, list[Data]] = {}
        for line in data["cases"]:
            groups.setdefault(json.dumps([line["state"], line["version"], self._why(line)]), []).append(line)
        for lines in groups.values():
            parts.append(self._group(lines))
        return self._render(parts)

    def _group(self, lines: list[Data]) -> RenderableType:
        state, style = _MIGRATED[lines[0]["state"]]
        shown = ", ".join(line["case"] for line in lines[:_SHOWN])
        if len(lines) > _SHOWN:
            shown = self.say(say("{cases} and {count} more", cases=shown, count=len(lines) - _SHOWN))
        from_version = self.say(say("from version {version}", version=lines[0]["version"]))
        table = Table.grid(padding=(0, 1))
        table.add_column(no_wrap=True)
        table.add_column(ratio=1, overflow="fold")
        table.add_row(Styled(self.say(state), style), Styled(f"{from_version}: {clean(shown)}"))
        for mark, text in self._why(lines[0]):
            table.add_row("", Styled.assemble((f"{mark} ", "dim"), clean(text)))
        return table

    def _why(self, line: Data) -> list[tuple[str, str]]:
        found = []
        for one in line["hindrances"]:
            found.append(("✗", one["message"]))
            element, option = one["element"], None
            if one["acceptable"]:
                option = say("to answer for that: {option}", option=f"--accept {element}")
            elif one["code"] == "element.gone":
                option = say("if it is called otherwise now: {option}", option=f"--map {element}=…")
            if option is not None:
                found.append((" ", self.say(option)))
        if line["refusal"] is not None:
            found += [("✗", line["refusal"]["message"]), (" ", line["refusal"]["remedy"])]
        found += [("!", self.say(say("accepted: {what}", what=one["message"]))) for one in line["accepted"]]
        if line["state"] != "unsafe":
            found += [("·", one["message"]) for one in line["differences"]]
        return found

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


_MARKS = {
    "added": ("+", "green"),
    "removed": ("-", "red"),
    "changed": ("~", "yellow"),
    "renamed": ("=", "cyan"),
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
