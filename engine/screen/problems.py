"""What is wrong with an item, as good compilers say it: what, where, the line itself, how to mend it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len, set_cell_size
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text as Styled

from ..errors import Text, say
from .base import Base, Data, clean, line_of

_STYLES = {"error": "bold red", "warning": "bold yellow"}

_LATER = {
    ("soundness", "examples"): say(
        "mend the errors, then check again: soundness and worked cases were not looked at"
    ),
    ("soundness",): say("mend the errors, then check again: soundness was not looked at"),
    ("examples",): say("mend the errors, then check again: worked cases were not looked at"),
}
"""What errors left undone, in words."""


class Problems(Base):
    def problem(self, data: Data) -> str:
        """A finding in a definition: what, in which line, what was expected and found, the fix, the rule."""
        return self._render(self._problem(data))

    def checked(self, data: Data) -> str:
        """What is wrong with an item's folder, and how much."""
        parts: list[RenderableType] = []
        for problem in data["problems"]:
            parts += [*self._problem(problem), ""]
        if data["problems"]:
            parts.append(Styled(self.say(self._sum(data["problems"])), "bold"))
            first = min(data["problems"], key=lambda problem: problem["severity"] != "error")
            command = f"{self.command} item check --explain {first['code']}"
            parts.append(
                joined_words(self.say(say("what a code means and how to mend it:")), command, self.width)
            )
        if data["not_looked_at"]:
            parts.append(Styled(self.say(_LATER[tuple(data["not_looked_at"])]), "bold"))
        if data["item"] is None:
            bad = say("it can't be published; examples played: {count}", count=data["examples"])
            parts.append(Styled(self.say(bad), "bold red"))
        else:
            good = say(
                "{item} can be published; examples played: {count}",
                item=data["item"],
                count=data["examples"],
            )
            parts.append(Styled(self.say(good), "bold green"))
        return self._render(parts)

    def code_page(self, data: Data) -> str:
        """The page of a code: Markdown, with its files as they are."""
        head = Styled.assemble((data["code"], "bold"), f"  {clean(data['title'])}")
        parts: list[RenderableType] = [head]
        if data["rule"]:
            parts.append(Styled(self.say(say("rule: {rule}", rule=data["rule"])), "dim"))
        shown = False
        for line in clean(data["page"]).splitlines()[1:]:  # the first is the title
            fence = line.startswith("```")
            shown = shown != fence
            style = "dim" if fence else "bold" if line.startswith("#") and not shown else ""
            parts.append(Styled(line, style, no_wrap=fence or shown))
        return self._render(parts)

    def _problem(self, data: Data) -> list[RenderableType]:
        style = _STYLES[data["severity"]]
        severity = self.say(say("error") if data["severity"] == "error" else say("warning"))
        head = Table.grid(padding=0)
        head.add_column(overflow="fold")
        head.add_row(
            Styled.assemble(
                (f"{severity}[{data['code']}]", style), f" {clean(self._local_times(data['message']))}"
            )
        )
        line, excerpt = data["line"], data.get("excerpt")
        gutter = max(len(str(line or "")), 2)
        place = clean(f"{data['file']}:{line}" if line else data["file"])
        where = Styled.assemble((" " * (gutter - 1) + "--> ", "blue"), place)
        if data["element"]:
            where.append(f"  {clean(data['element'])}", "dim")
        parts: list[RenderableType] = [head, where]
        if excerpt:
            parts += self._excerpt(str(line), excerpt, gutter, style)
        labelled = [
            (say("expected"), data["expected"]),
            (say("found"), data["found"]),
            (say("way"), " · ".join(data.get("trace", ()))),
            (say("fix"), data["remedy"]),
            (say("rule"), data.get("rule", "")),
        ]
        return [*parts, *self._notes(labelled, gutter)]

    def _notes(self, labelled: Sequence[tuple[Text, str]], gutter: int) -> list[RenderableType]:
        table = Table.grid(padding=0)
        table.add_column(no_wrap=True, style="blue")
        table.add_column(ratio=1, overflow="fold")
        for label, text in labelled:
            if text:
                said = clean(self._local_times(text))
                name = self.say(say("{label}:", label=label))
                table.add_row(" " * gutter + f" = {name} ", said)
        return [table] if table.row_count else []

    def _excerpt(self, line: str, excerpt: Data, gutter: int, style: str) -> list[RenderableType]:
        """The line with what is meant underlined, as much of it as there is room for."""
        text, start, end = clean(excerpt["text"]), excerpt["from"], excerpt["to"]
        room = self.width - gutter - 3
        if cell_len(text[:end]) > room:  # begin nearer to what is meant
            cut = max(start - 8, 0)
            text, start, end = "…" + text[cut:], start - cut + 1, end - cut + 1
        if cell_len(text) > room:
            text = set_cell_size(text, room - 1).rstrip() + "…"
        end = min(end, len(text))
        marks = "^" * max(cell_len(text[start:end]), 1)
        bar = (" " * gutter + " | ", "blue")
        return [
            Styled.assemble((f"{line:>{gutter}} | ", "blue"), text, no_wrap=True),
            Styled.assemble(bar, " " * cell_len(text[:start]), (marks, style), no_wrap=True),
        ]

    def _sum(self, problems: Iterable[Data]) -> Text:
        """`2 errors, 1 warning in 3 files`."""
        problems = list(problems)
        errors = sum(problem["severity"] == "error" for problem in problems)
        warnings, files = len(problems) - errors, len({problem["file"] for problem in problems})
        several = {
            "errors": say("{count} errors", count=errors) if errors != 1 else say("1 error"),
            "warnings": say("{count} warnings", count=warnings) if warnings != 1 else say("1 warning"),
            "files": say("{count} files", count=files) if files != 1 else say("1 file"),
        }
        if not warnings:
            return say("{errors} in {files}", **several)
        if not errors:
            return say("{warnings} in {files}", **several)
        return say("{errors}, {warnings} in {files}", **several)


def joined_words(words: str, command: str, width: int) -> Styled:
    """Words and the command they are about, on one line if they fit."""
    fits = cell_len(words) + 1 + cell_len(command) <= width
    return Styled.assemble(words, " " if fits else "\n  ", line_of(clean(command)))
