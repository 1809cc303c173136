"""An item on virtual time: its examples step by step, the ways that they take, what exploring proposes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text as Styled

from ..errors import Text, say
from .base import Data, clean, line_of
from .cases import Cases

MOST_WAYS = 20
"""Ways never taken that are listed."""


class Rehearsals(Cases):
    def rehearsed(self, data: Data) -> str:
        """Every example: whether it came out as it says, and the first difference; then the ways taken."""
        lines = data["examples"]
        good = sum(line["ok"] for line in lines)
        head = say(
            "{item}: examples played: {count}, as expected: {good}",
            item=data["item"],
            count=len(lines),
            good=good,
        )
        parts: list[RenderableType] = [
            Styled(self.say(head), "bold green" if good == len(lines) else "bold red")
        ]
        for line in lines:
            mark, style = ("✓", "green") if line["ok"] else ("✗", "bold red")
            ended = self.name(line["outcome_name"], line["outcome"] or "") or self.say(say("still open"))
            table = Table.grid(padding=(0, 1))
            table.add_column(no_wrap=True)
            table.add_column(no_wrap=True, style="cyan")
            table.add_column(ratio=1, overflow="fold")
            table.add_row(Styled(mark, style), clean(line["name"]), clean(line["title"]))
            parts.append(Padding(table, (0, 0, 0, 1)))
            if line["steps"]:
                for step in line["steps"]:
                    parts += self._played(step)
                parts.append(Padding(self.say(say("outcome: {outcome}", outcome=ended)), (0, 0, 1, 3)))
            if line["difference"] is not None:
                parts += self._difference(line["difference"])
        parts += self._coverage(data["coverage"])
        if data["coverage"]["missing"]:
            parts += ["", Styled(self.say(say("What you can do next")), "bold")]
            parts.append(
                line_of(f" {self.command} item rehearse {clean(data['folder'])} --explore --dry-run")
            )
        return self._render(parts)

    def _difference(self, told: Data) -> Iterable[RenderableType]:
        where = say(
            "step {number}, {at}: {message}",
            number=told["step"],
            at=self.when(told["at"]),
            message=told["message"],
        )
        yield Padding(Styled(self.say(where), "red"), (0, 0, 0, 3))
        for label, key in ((say("expected"), "expected"), (say("found"), "found")):
            if told[key]:
                yield Padding(Styled(f"{self.say(label)}  {clean(told[key])}"), (0, 0, 0, 3))

    def _played(self, step: Data) -> list[RenderableType]:
        """One act, and what came of it."""
        who = self.name(step["by_name"], step["by"] or "")
        head = Styled.assemble((self.when(step["at"]), "dim"), "  ", (f"{who}  " if who else "", "bold"))
        head.append(self.say(self._act(step)))
        parts: list[RenderableType] = [Padding(head, (0, 0, 0, 3))]
        rows: list[tuple[Text, str]] = []
        answers = "; ".join(
            self.name(one["title"], one["field"])
            + f": {self.name(one['words']) or self._value_of(one['value'])}"
            for one in step["answers"]
        )
        rows.append((say("answers"), answers))
        rows.append((say("closed"), self._tasks(step["closed"])))
        rows.append((say("opened"), self._tasks(step["opened"], due=True)))
        rows.append(
            (say("issued"), ", ".join(self.name(one["name"], one["document"]) for one in step["documents"]))
        )
        rows.append((say("time is up"), ", ".join(self.name(one, "") for one in step["fired"])))
        rows.append((say("by silence"), ", ".join(map(self._effect, step["deemed"]))))
        rows.append(
            (say("cards"), ", ".join(f"{one['card']} {self.name(one['unit_name'])}" for one in step["cards"]))
        )
        rows.append((say("clocks"), "; ".join(self._clock_line(one) for one in step["clocks"])))
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True, style="dim")
        table.add_column(ratio=1, overflow="fold")
        for label, text in rows:
            if text:
                table.add_row(self.say(label), clean(text))
        parts.append(Padding(table, (0, 0, 0, 5)))
        return parts

    def _act(self, step: Data) -> Text:
        name = self.name(step["name"], step["step"])
        if step["act"] == "advance":
            return say("time passes")
        if step["act"] == "open":
            return say("opens the case: {name}", name=name)
        return Text(_ACTS[step["act"]].msgid, {"name": name})

    def _clock_line(self, clock: Data) -> str:
        due = self.when(clock["due"]) if clock["due"] else "—"
        told = say(
            "{name}: {reading}, due {due}",
            name=self.name(clock["name"], clock["clock"]),
            reading=self._reading(clock).plain,
            due=due,
        )
        return self.say(told)

    def _tasks(self, tasks: Sequence[Data], *, due: bool = False) -> str:
        told = []
        for task in tasks:
            text = f"{self.name(task['name'], task['task'])} ({task['task']})"
            if due and task["due"]:
                text += " " + self.say(say("due {instant}", instant=self.when(task["due"])))
            told.append(text)
        return ", ".join(told)

    def _value_of(self, value: object) -> str:
        if isinstance(value, bool):
            return self.say(say("yes") if value else say("no"))
        if isinstance(value, list):
            return ", ".join(self._value_of(one) for one in value)
        if isinstance(value, dict):
            return " ".join(f"{key}={self._value_of(one)}" for key, one in value.items())
        return str(value)

    def _coverage(self, told: Data) -> list[RenderableType]:
        """How many ways are taken, of each kind, and which never are."""
        kinds = ", ".join(
            f"{self.say(_KINDS[kind])} {count['reached']}/{count['all']}"
            for kind, count in told["kinds"].items()
        )
        head = self.say(say("ways taken: {percent} % ({kinds})", percent=told["percent"], kinds=kinds))
        parts: list[RenderableType] = [Styled(head, "bold")]
        missing = told["missing"]
        if missing:
            parts.append(self.say(say("never taken:")))
            parts.append(self._ways(missing[:MOST_WAYS]))
        if len(missing) > MOST_WAYS:
            parts.append(
                Padding(
                    self.say(say("… and {count} more (--json has all)", count=len(missing) - MOST_WAYS)),
                    (0, 0, 0, 1),
                )
            )
        return parts

    def _ways(self, ways: Iterable[Data]) -> RenderableType:
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True)
        table.add_column(ratio=1, overflow="fold")
        for way in ways:
            told = Styled(self.name(way["name"], way["id"]))
            told.append(f"  {clean(way['id'])}", "cyan")
            if way.get("condition"):
                told.append("\n" + self.say(say("if {condition}", condition=way["condition"])), "dim")
            if way.get("why"):
                told.append("\n" + clean(way["why"]), "dim")
            table.add_row(self.say(_KINDS_ONE[way["kind"]]), told)
        return Padding(table, (0, 0, 0, 1))

    def explored(self, data: Data) -> str:
        """What exploring proposes, what it could not reach and why."""
        count = say(
            "{item}: ways taken by its examples {before} %, with the proposed {after} % (acts tried: {acts})",
            item=data["item"],
            before=data["before"]["percent"],
            after=data["after"]["percent"],
            acts=data["acts"],
        )
        parts: list[RenderableType] = [Styled(self.say(count), "bold")]
        for line in data["proposed"]:
            ended = self.name(line["outcome_name"], line["outcome"])
            title = say(
                "{file}: steps: {count}, ends: {outcome}",
                file=line["file"],
                count=line["steps"],
                outcome=ended,
            )
            mark = ("✓ ", "green") if line["written"] else ("· ", "dim")
            parts.append(Styled.assemble(mark, self.say(title)))
            parts.append(Padding(self._ways(line["new"]), (0, 0, 0, 2)))
        if data["unreached"]:
            parts.append(Styled(self.say(say("not reached:")), "bold yellow"))
            parts.append(self._ways(data["unreached"]))
        if data["stuck"]:
            parts.append(
                Styled(self.say(say("cases got stuck here; correct the diagram or the form:")), "bold red")
            )
            for line in data["stuck"]:
                text = f"{self.name(line['name'], line['element'])} ({line['element']}): {line['why']}"
                parts.append(Padding(clean(text), (0, 0, 0, 1)))
        if any(line["written"] for line in data["proposed"]):
            note = say("Somebody who knows the law must read them: they expect what the engine did.")
            parts.append(Styled(self.say(note), "bold"))
        elif not data["proposed"] and not data["unreached"]:
            parts.append(self.say(say("the examples take every way")))
        return self._render(parts)

    def played(self, data: Data) -> str:
        """A case played by hand."""
        parts: list[RenderableType] = []
        for step in data["steps"]:
            parts += self._played(step)
        if data["outcome"] is None:
            told = say("the case is still open; an example needs an outcome, so nothing is written")
            parts.append(Styled(self.say(told), "bold yellow"))
            parts.append(self.say(say("open: {steps}", steps=", ".join(data["open"]) or "—")))
        else:
            ended = self.name(data["outcome_name"], data["outcome"])
            parts.append(Styled(self.say(say("outcome: {outcome}", outcome=ended)), "bold green"))
            if data["file"]:
                parts.append(self.say(say("written: {file}", file=data["file"])))
        return self._render(parts)

    def choices(self, choices: Sequence[Data]) -> str:
        """What can be done next in a case that is played by hand."""
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True, style="bold", justify="right")
        table.add_column(ratio=1, overflow="fold")
        for number, line in enumerate(choices, 1):
            what = Styled(self.name(line["name"], line["task"]))
            if line["confirm"]:
                what = Styled(self.say(say("confirms {name}", name=what.plain)))
            what.append(f"  {clean(line['task'])}", "cyan")
            what.append(f"  {self.name(line['unit_name'], line['unit'])}: {', '.join(line['people']) or '—'}")
            if line["due"]:
                what.append("  " + self.say(say("due {instant}", instant=self.when(line["due"]))))
            table.add_row(str(number), what)
        table.add_row("t", self.say(say("let time pass until something is due")))
        table.add_row("q", self.say(say("stop here")))
        return self._render(
            [Styled(self.say(say("What happens next?")), "bold"), Padding(table, (0, 0, 0, 1))]
        )

    def step_played(self, step: Data) -> str:
        """One act of a case that is being played by hand, and what came of it."""
        return self._render(self._played(step))


_KINDS = {
    "outcome": say("outcomes"),
    "flow": say("flows"),
    "boundary": say("boundary events"),
    "element": say("elements"),
    "clock": say("clock effects"),
    "silence": say("silences"),
}

_KINDS_ONE = {
    "outcome": say("outcome"),
    "flow": say("flow"),
    "boundary": say("boundary event"),
    "element": say("element"),
    "clock": say("clock effect"),
    "silence": say("silence"),
}

_ACTS = {
    "do": say("{name}"),
    "sign": say("signs for {name}"),
    "confirm": say("confirms {name}"),
    "give_back": say("gives back {name}"),
    "recuse": say("keeps out of {name}"),
    "challenge": say("is told that somebody is challenged: {name}"),
    "decide_recusal": say("decides about recusal {name}"),
    "hand_over": say("hands over {name}"),
    "allow_notice": say("allows a second notice"),
    "pause": say("pauses the clock {name}"),
    "resume": say("resumes the clock {name}"),
    "extend": say("extends the clock {name}"),
}
