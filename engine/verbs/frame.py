"""How a command speaks: the settings of every command, its language, results, refusals and progress."""

from __future__ import annotations

import gettext
import json
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..errors import Invalid, NotAllowed, Problem, Text, Unknown, say
from .streams import as_json, write, write_file

if TYPE_CHECKING:
    from datetime import date

    from ..office import Office
    from ..problems import Excerpt
    from ..screen import Screen


EXIT = {"refused": 1, "unknown": 1, "invalid": 1, "conflict": 3, "not_allowed": 4, "diverged": 5}
"""Exit code of each kind of refusal; 2 is a wrong command line, 6 partly done."""
USAGE, FINDINGS, PARTLY, INTERNAL, INTERRUPTED = 2, 5, 6, 70, 130

Made = TypeVar("Made")

LOCALE = Path(__file__).parent.parent / "locale"


@dataclass
class Settings:
    """The options that every command has, and how to speak to the one who gave them."""

    db: str | None = None
    lang: str = "en"
    public: str = "zh"
    """The language of what is published: Chinese, unless somebody asked for another."""
    json: bool = False
    who: str | None = None
    instant: str | None = None
    past: str | None = None

    def translate(self, msgid: str) -> str:
        """`msgid` in the reader's language."""
        return catalogue(self.lang).gettext(msgid)

    @contextmanager
    def office(self, *, damaged: bool = False) -> Iterator[Office]:
        """The office at --db; with `damaged` also one of which the beginning can't be read. Raises
        `NotAllowed` where --as or --now may not be used."""
        from ..office import Office

        with Office.open(self.db) as office:
            if damaged and not office.readable:
                yield office
                return
            if not office.rehearsal and (self.who is not None or self.instant is not None):
                raise NotAllowed(
                    "office.working",
                    say("a working office knows who acts and what time it is"),
                    rule=say("only a rehearsal office accepts --as and --now"),
                    remedy=say("leave --as and --now away, or work in a rehearsal office"),
                )
            self.now(office.zone)  # so that --now is never wrong unnoticed
            yield office

    def office_at_hand(self, act: Callable[[Office], Made], alone: Callable[[], Made]) -> Made:
        """What `act` makes with the office, or `alone` where no office is named and none is here."""
        try:
            with self.office() as office:
                return act(office)
        except Unknown as missing:
            if missing.code != "office.missing" or self.db is not None:
                raise
        return alone()

    def now(self, zone: str | None = None) -> datetime:
        """The instant of --now, read in `zone`, or the present one."""
        from .. import clock

        given = self.past or self.instant
        return clock.now() if given is None else instant_given(given, zone)

    def as_of(self, office: Office, case: str | None = None) -> datetime | None:
        """The past instant that is looked at, of a `case` or of all; None for the present. Raises `Invalid`
        for one that is still to come: nobody knows what will have happened by then. In a rehearsal, what is
        on record has come, whatever the clock of the machine says."""
        from .. import clock

        if self.past is None:
            return None
        wanted = instant_given(self.past, office.zone)
        present = clock.now() if self.instant is None else instant_given(self.instant, office.zone)
        if wanted <= present or wanted <= (present := max(present, office.latest(case))):
            return wanted
        raise Invalid(
            "as_of.future",
            say("{text} is still to come; --as-of looks back", text=self.past),
            expected=say(
                "an instant not later than {present}",
                present=self.screen(office.zone).when(clock.write_instant(present)),
            ),
            found=say("{text}", text=self.past),
            remedy=say("name an instant that is past, or leave --as-of away to see the present"),
        )

    def screen(self, zone: str | None = None, *, error: bool = False) -> Screen:
        """How text looks on standard output, or on standard error."""
        from ..clock import OFFICE_ZONE
        from ..screen import Screen

        # A server's address may hold a password, which is not to be shown.
        named = self.db and self.db != os.environ.get("LIANBAN_DB") and "://" not in self.db
        return Screen(
            self.lang,
            self.translate,
            zone or OFFICE_ZONE,
            self.now(zone),
            terminal=(sys.stderr if error else sys.stdout).isatty(),
            command=f"lianban --db {shlex.quote(str(self.db))}" if named else "lianban",
            who=self.who,
            user=os.environ.get("LIANBAN_USER"),
        )

    def show(self, data: Any, draw: Callable[[Screen, Any], str], zone: str | None = None) -> None:
        """Print `data` as JSON, or as `draw` says it; texts in it in the reader's language. What is shown as
        it was at an instant begins with that."""
        data = rendered(data, self.translate)
        head = ""
        if self.past is not None:
            from ..clock import OFFICE_ZONE, write_instant

            data = {"as_of": write_instant(instant_given(self.past, zone or OFFICE_ZONE)), **data}
            head = "" if self.json else self.screen(zone).as_of(data)
        write(as_json(data) if self.json else head + draw(self.screen(zone), data))


def rendered(data: Any, translate: Callable[[str], str]) -> Any:
    if isinstance(data, Text):
        return data.render(translate)
    if isinstance(data, dict):
        return {key: rendered(value, translate) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [rendered(value, translate) for value in data]
    return data


def instant_given(text: str, zone: str | None = None) -> datetime:
    """The instant that a person wrote, read in `zone`."""
    from .. import clock

    try:
        return clock.parse_instant(text, zone or clock.OFFICE_ZONE)
    except clock.NotATime:
        raise Wrong(
            say("{text} is not an instant; write 2026-03-02 or 2026-03-02T09:00", text=text)
        ) from None


class Wrong(click.UsageError):
    """A command line that can't be meant, said in the reader's language."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.render(gettext.gettext))


def day_given(text: str | None, zone: str) -> date | None:
    """The day in `zone` that a person wrote."""
    from zoneinfo import ZoneInfo

    return instant_given(text, zone).astimezone(ZoneInfo(zone)).date() if text else None


def problem_data(settings: Settings, problem: Problem, excerpt: Excerpt | None) -> dict[str, Any]:
    """A finding with what stands in its line, and the rule that its page names."""
    from ..problems import page

    explained = page(problem.code)
    return {
        **problem.as_dict(settings.translate),
        "rule": explained.rule if explained else "",
        "excerpt": excerpt.as_dict() if excerpt else None,
    }


def deliver(
    settings: Settings,
    data: dict[str, Any],
    output: str | None,
    named: str,
    done: Text,
    *,
    public: bool = False,
) -> None:
    """Write `data["content"]` to a file (which others may read if it is `public`) or to standard output; with
    --json tell what it is."""
    if output is None and sys.stdout.isatty() and not settings.json:
        output = named
    if (output is None or output == "-") and not settings.json:
        write(data["content"].encode())
        return
    if output is not None and output != "-":
        write_file(output, data["content"].encode(), public=public)
        data = {**data, "content": None}
    data = {**data, "file": output}
    settings.show(data, lambda screen, _: screen.line(say(done.msgid, **done.params, file=output)))


def complain(settings: Settings, findings: Any) -> None:
    """Refusals and problems in words, on stderr."""
    screen = settings.screen(error=True)
    for finding in findings:
        text = screen.problem(finding) if "severity" in finding else screen.refusal(finding)
        click.echo(text, nl=False, err=True)


@contextmanager
def progress_count(settings: Settings) -> Iterator[Callable[[int], None]]:
    """Count on a terminal while long work goes on."""
    shown = sys.stderr.isatty() and not settings.json
    count = 0

    def advance(step: int) -> None:
        nonlocal count
        count += step
        if shown and count % 50 == 0:
            click.echo(f"\r{count} …", nl=False, err=True)

    yield advance
    if count >= 50 and shown:
        click.echo("\r\x1b[K", nl=False, err=True)


@contextmanager
def progress_bar(settings: Settings) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal while so many of so many are worked off."""
    shown = sys.stderr.isatty() and not settings.json
    with click.progressbar(length=0, file=sys.stderr, hidden=not shown) as bar:

        def advance(step: int, all: int) -> None:
            bar.length = all
            bar.update(step)

        yield advance


@cache
def catalogue(lang: str) -> gettext.NullTranslations:
    return gettext.translation("lianban", LOCALE, [lang], fallback=True)


def error_data(code: str, message: str, remedy: str) -> dict[str, str]:
    return {"code": code, "message": message, "expected": "", "found": "", "rule": "", "remedy": remedy}


def report_refusal(
    settings: Settings, refusal: Mapping[str, Any], problems: list[Problem] | None = None
) -> None:
    """Say on stderr why nothing was done: one JSON object, or words."""
    found = [problem.as_dict(settings.translate) for problem in problems or ()]
    if settings.json:
        click.echo(json.dumps({**refusal, "problems": found} if found else refusal), err=True)
    else:
        complain(settings, [*found, refusal])
