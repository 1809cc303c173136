"""Logs: what of one of another system follows a diagram."""

from __future__ import annotations

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text as Styled

from ..errors import say
from .base import Base, Data, clean

MOST_CASES = 10
"""Deviating cases that are shown; --json has them all."""
MOST_KINDS = 10


class Logs(Base):
    def conformed(self, data: Data) -> str:
        """How much of a log follows the diagram, what deviates most often, and the first cases that do."""
        count, fitting = len(data["cases"]), data["fitting"]
        head = say(
            "{fitting} of {count} cases follow {diagram}",
            fitting=fitting,
            count=count,
            diagram=data["diagram"],
        )
        parts: list[RenderableType] = [
            Styled(self.say(head), "bold green" if fitting == count else "bold red"),
            self.say(
                say(
                    "{fitted} of {events} events fit; fitness {fitness}; {variants} different sequences",
                    fitted=data["fitted"],
                    events=data["events"],
                    fitness=f"{data['fitness']:.4f}",
                    variants=data["variants"],
                )
            ),
        ]
        if not data["exact"]:
            bound = say("≤: there were too many ways to try them all; fewer deviations may explain the case")
            parts.append(Styled(self.say(bound), "dim"))
        if data["invisible"]:
            names = ", ".join(clean(line["name"] or line["element"]) for line in data["invisible"])
            text = say("not in the log, taken as done whenever that fits: {names}", names=names)
            parts.append(Styled(self.say(text), "dim"))
        if data["left_out"]:
            told = ", ".join(f"{clean(name)} {events}" for name, events in data["left_out"].items())
            text = say("left out, as they complete no activity: {events}", events=told)
            parts.append(Styled(self.say(text), "dim"))
        if data["deviations"]:
            parts += self._heading(say("Most frequent"))
            table = Table.grid(padding=(0, 2))
            table.add_column(justify="right", no_wrap=True)
            table.add_column(ratio=1, overflow="fold")
            for line in data["deviations"][:MOST_KINDS]:
                table.add_row(str(line["events"]), self._deviation(line))
            parts.append(Padding(table, (0, 0, 0, 1)))
        deviating = [line for line in data["cases"] if not line["fits"]]
        if deviating:
            parts += self._heading(say("Cases"))
            for line in deviating[:MOST_CASES]:
                parts += self._case_of(line)
            if len(deviating) > MOST_CASES:
                more = say("and {count} more: --json has them all", count=len(deviating) - MOST_CASES)
                parts.append(Styled(self.say(more), "dim"))
        if data["unknown"]:
            parts += ["", self.say(say("--map ACTIVITY=ELEMENT says what the log calls otherwise"))]
        return self._render(parts)

    def _case_of(self, line: Data) -> list[RenderableType]:
        found = len(line["deviations"])
        head = Styled(f" {clean(line['case'])}", "bold")
        if not line["exact"]:
            head.append(f"  ≤ {found}", "dim")
        parts: list[RenderableType] = [head]
        for deviation in line["deviations"]:
            where = say("event {number}", number=deviation["event"])
            text = Styled.assemble((self.say(where), "dim"), "  ", self._deviation(deviation))
            if deviation["at"] is not None:
                text.append(f"  {self.when(deviation['at'])}", "dim")
            instead = ", ".join(map(clean, deviation["open"])) or "—"
            if deviation["kind"] != "skipped":
                text.append("\n" + self.say(say("could have come: {steps}", steps=instead)), "dim")
            parts.append(Padding(text, (0, 0, 0, 3)))
        return parts

    def _deviation(self, line: Data) -> str:
        """One deviation in words."""
        step = line["name"] or line["element"] or ""
        match line["kind"]:
            case "skipped" if line["activity"]:
                return self.say(say("{step} was left out before {next}", step=step, next=line["activity"]))
            case "skipped":
                return self.say(say("{step} was left out", step=step))
            case "inserted":
                return self.say(say("{step} was done out of turn", step=line["activity"]))
        return self.say(say("{activity} is no step of the diagram", activity=line["activity"]))
