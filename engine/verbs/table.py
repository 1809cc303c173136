"""Which commands there are, and in which room of this folder each is: a room is imported when one of its
commands is called, or when help lists them (most of a short command's time is imports)."""

from __future__ import annotations

import gettext
import re
from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar

import click

from ..errors import Text, say
from .frame import Settings

ROOMS = {
    "cases": "open inbox show do pause resume extend print retry card/answer card/contest card/withdraw",
    "referrals": "sign answer confirm return recuse challenge handover recusal/decide notice/allow",
    "meetings": "meeting/show meeting/convene meeting/reply meeting/hold",
    "people": "delegate revoke org/show org/people org/delegations org/import org/add-unit org/merge"
    " org/add-person org/grant org/end org/rotate org/stand-in org/duty org/certificate org/designate"
    " org/interest",
    "auditing": "history replay why page backtest verify export conform"
    " report/accountability report/findings",
    "proofs": "receipt extract seal/make seal/list seal/export seal/prove",
    "operating": "sweep worker outbox init db/upgrade db/check db/rebuild",
    "items": "item/list item/new item/check item/publish item/abolish item/migrate item/diff item/draw"
    " item/guide",
    "rehearsing": "item/rehearse",
    "clocks": "clock/due clock/explain clock/import clock/plan clock/apply",
}
"""The commands of each room, in the order in which help lists them."""

GROUPS = {
    "item": say("Service items: begin, check, draw, rehearse, publish, migrate."),
    "db": say("The office's database."),
    "clock": say("Terms, due dates and the working days they count."),
    "card": say("Yellow and red cards: answer, contest, withdraw."),
    "report": say("Accounts over many cases."),
    "seal": say("Seals over all histories: make, list, export."),
    "recusal": say("Whose impartiality is in question."),
    "notice": say("The one notice of what is missing."),
    "meeting": say("Joint meetings: convene, reply, hold."),
    "org": say("Units, people, posts, and who acts for whom."),
}

F = TypeVar("F", bound=Callable[..., Any])


def _remember(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    if value not in (None, False) and param.name:
        setattr(ctx.ensure_object(Settings), param.name, value)


def _common(flag: str, name: str, help: Text, **more: Any) -> click.Option:
    return click.Option([flag, name], callback=_remember, expose_value=False, help=help.msgid, **more)


COMMON: list[click.Parameter] = [
    _common(
        "--db", "db", say("The office's database: a file, or postgresql://… (LIANBAN_DB)."), metavar="URL"
    ),
    _common("--lang", "lang", say("Language (LIANBAN_LANG)."), type=click.Choice(["zh", "en"])),
    _common("--json", "json", say("Print JSON."), is_flag=True),
    _common("--as", "who", say("Who acts, in a rehearsal office (LIANBAN_USER)."), metavar="WHO"),
    _common("--now", "instant", say("When it happens, in a rehearsal office."), metavar="INSTANT"),
]
"""Options of every command; they may stand before and after its name."""


class Group(click.Group):
    """Imports the room of a command that is asked for. Lists groups last."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.rooms: dict[str, str] = {}

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self.rooms:
            import_module(f".{self.rooms[cmd_name]}", __package__)
        return super().get_command(ctx, cmd_name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.rooms, *(name for name in self.commands if name not in self.rooms)]


class Verb(click.Command):
    """A command whose help opens with an example."""

    example = ""

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write(f"{self.example}\n\n")
        super().format_help(ctx, formatter)

    def get_short_help_str(self, limit: int = 45) -> str:
        """The beginning of the help, for a list of commands. Chinese has no spaces where click would cut: it
        gives as many characters as there is room for, or whole clauses."""
        text = " ".join((self.help or "").split())
        if text.isascii():
            return super().get_short_help_str(limit)
        first = re.split("(?<=[。：；，])", text)
        short = first[0]
        for clause in first[1:]:
            if len(short + clause) > limit // 2 + 8:
                break
            short += clause
        return short.rstrip("：；，")


@click.group(
    "lianban",
    cls=Group,
    help=say("Parallel approvals by several departments, proven from their history.").msgid,
)
@click.version_option(package_name="lianban", message="%(version)s")
def cli() -> None: ...


cli.params += COMMON
_GROUPS = {"": cli, **{name: Group(name, help=help.msgid) for name, help in GROUPS.items()}}
for _name in GROUPS:
    cli.add_command(_GROUPS[_name])
for _room, _paths in ROOMS.items():
    for _path in _paths.split():
        _name, _, _command = _path.rpartition("/")
        _GROUPS[_name].rooms[_command] = _room


def verb(path: str, example: str, help: Text) -> Callable[[F], Verb]:
    """Make a function that takes `Settings` first a command: `inbox`, `item/list`. What it returns is the
    exit code. The room must be that of `ROOMS`."""
    group, _, name = path.rpartition("/")

    def make(function: F) -> Verb:
        command = click.command(name, cls=Verb, help=help.msgid)(
            click.make_pass_decorator(Settings)(function)
        )
        command.example = example
        translate(command)
        command.params += COMMON
        _GROUPS[group].add_command(command)
        return command

    return make


def translate(command: click.Command) -> None:
    """Put the help of a command and its options into the reader's language."""
    command.help = gettext.gettext(command.help or "")
    for param in command.params:
        if isinstance(param, click.Option) and param.help:
            param.help = gettext.gettext(param.help)


# --- options that several commands have


def as_of_option(function: F) -> F:
    return click.option(
        "--as-of",
        "past",
        metavar="INSTANT",
        expose_value=False,
        callback=_remember,
        help=say(
            "As it was at INSTANT, from the histories alone; a date is the beginning of that day."
        ).msgid,
    )(function)


reason_option = click.option("--reason", metavar="TEXT", help=say("Why; it goes on record.").msgid)
