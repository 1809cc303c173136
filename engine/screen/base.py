"""Words and drawing: names in one language, instants in the office's zone, tables and lines on a console."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text as Styled

from ..clock import read_instant
from ..errors import Text, say

Data = Mapping[str, Any]

_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

INSTANT_TEXT = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{6}Z")

_DEFAULT_WIDTH = 80

_NARROWEST = 40

CONSOLE = Console(file=io.StringIO(), legacy_windows=False)
"""For measuring only."""


def clean(text: str) -> str:
    """`text` without what could steer a terminal or turn its reading direction."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)


class Base:
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
        if not provisional(data):
            return []
        return [
            Styled(self.say(say("provisional: subject to the holiday notice of the State Council")), "dim")
        ]

    def _local(self, instant: str) -> datetime:
        return read_instant(instant).astimezone(self.zone)

    def _acting(self, people: Sequence[str]) -> str:
        """What a command needs to be done by one of `people`, by the reader if she is one: ` --as PERSON`."""
        actor = self.who if self.who in people or not people else people[0]
        return f" --as {actor}" if actor and actor != self.user else ""

    def _heading(self, title: Text) -> tuple[RenderableType, RenderableType]:
        return "", Styled(self.say(title), "bold")

    def refusal(self, data: Data) -> str:
        """A refusal, line by line: what, expected, found, rule, remedy."""
        return self._labelled(
            data["message"],
            [(label, data[key]) for key, label in LABELS.items()],
            "bold red",
        )

    def _labelled(self, head: str, lines: Sequence[tuple[Text, str]], style: str) -> str:
        parts: list[RenderableType] = [Styled(clean(self._local_times(head)), style)]
        table = Table.grid(padding=(0, 1))
        table.add_column(no_wrap=True, style="dim")
        table.add_column(ratio=1, overflow="fold")
        for label, text in lines:
            if text:
                table.add_row(f"  {self.say(label)}", clean(self._local_times(text)))
        return self._render([*parts, table])

    def _local_times(self, text: str) -> str:
        """`text` with the instants in it as the office's clock shows them: to the minute, where that is all,
        else whole, for two that differ must not look the same."""

        def shown(found: re.Match[str]) -> str:
            local = self._local(found[0])
            exact = local.isoformat(" ", "microseconds" if local.microsecond else "seconds")[:-6]
            return exact if local.second or local.microsecond else self.when(found[0])

        return INSTANT_TEXT.sub(shown, text)

    def line(self, text: Text, style: str = "") -> str:
        """One line."""
        return self._render([Styled(self.say(text), style, no_wrap=True)])

    def as_of(self, data: Mapping[str, Any]) -> str:
        """At which instant that is shown."""
        return self.line(say("as it was at {at}", at=self.when(data["as_of"])), "dim")

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


LABELS = {
    "expected": say("expected"),
    "found": say("found"),
    "rule": say("rule"),
    "remedy": say("what to do"),
}
"""What a refusal says beside its message, in order."""


def provisional(data: Any) -> bool:
    """Whether any date in plain data is provisional."""
    if isinstance(data, Mapping):
        return data.get("provisional") is True or any(map(provisional, data.values()))
    return isinstance(data, list | tuple) and any(map(provisional, data))


def joined(first: Styled, separator: str, second: Styled, width: int) -> Styled:
    """Both on one line if they fit, else below each other."""
    if not second.plain or not first.plain:
        return first + second
    fits = first.cell_len + cell_len(separator) + second.cell_len <= width
    return Styled(separator if fits else "\n").join([first, second])


def columns(rows: Iterable[Sequence[str]]) -> Padding:
    """Lines of texts, the last of which may run on over several lines."""
    table = Table.grid(padding=(0, 2))
    for row in rows:
        if not table.columns:
            for _ in row[:-1]:
                table.add_column(max_width=32, overflow="fold")
            table.add_column(ratio=1, overflow="fold")
        table.add_row(*row)
    return Padding(table, (0, 0, 0, 1))


def line_of(text: str) -> Styled:
    """A command to copy: never broken into lines."""
    return Styled(text, "cyan", no_wrap=True)
