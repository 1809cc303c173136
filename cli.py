"""The command line (floor 7): the way in. The commands are in `engine.verbs`."""

from __future__ import annotations

import gc
import gettext
import os
import sys

import click

from engine.errors import Refusal, say
from engine.verbs.frame import (
    EXIT,
    INTERNAL,
    INTERRUPTED,
    LOCALE,
    USAGE,
    Settings,
    Wrong,
    error_data,
    report_refusal,
)
from engine.verbs.table import cli, translate


def _wished(args: list[str]) -> str | None:
    """The language that somebody asked for: by --lang, or LIANBAN_LANG; None if by neither."""
    for option, value in zip(args, [*args[1:], ""], strict=False):
        given = value if option == "--lang" else option.removeprefix("--lang=")
        if given != option and given in ("zh", "en"):
            return given
    set_so = os.environ.get("LIANBAN_LANG", "")
    return None if not set_so else "zh" if set_so.lower().startswith("zh") else "en"


def _language(args: list[str]) -> str:
    """The reader's language: --lang, LIANBAN_LANG, the locale; English if it is none of ours."""
    locale = next(
        (os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), ""
    )
    return _wished(args) or ("zh" if locale.lower().startswith("zh") else "en")


def _speak(lang: str) -> None:
    """Put help, and what click itself says, into the reader's language."""
    if lang == "en":
        return
    os.environ["LANGUAGE"] = lang
    gettext.bindtextdomain("lianban", LOCALE)
    gettext.textdomain("lianban")
    for command in (cli, *cli.commands.values()):
        translate(command)


CLICK = (
    say("Usage:"),
    say("Options"),
    say("Commands"),
    say("Show this message and exit."),
    say("Show the version and exit."),
    say("Error: {message}"),
    say("Try '{command} {option}' for help."),
    say("No such option {name!r}."),
    say("No such command {name!r}."),
    say("Missing command."),
    say("Missing argument"),
    say("Missing option"),
    say("Missing parameter"),
    say("Invalid value: {message}"),
    say("Invalid value for {param_hint}: {message}"),
    say("Option {name!r} requires an argument."),
    say("{value!r} is not a valid {number_type}."),
    say("{value} is not in the range {range}."),
)
"""What click says, for the catalogues."""


def main() -> None:
    """The console script."""
    # Importing leaves no garbage, and looking for it all the same takes a tenth of a short command's time; a
    # long one makes more, and is still cleaned up after.
    gc.set_threshold(100_000)
    sys.exit(run(sys.argv[1:]))


def run(args: list[str]) -> int:
    """Run one command line; the exit code. Whatever happens, no traceback."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # a closed one
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    settings = Settings(
        db=os.environ.get("LIANBAN_DB") or None,
        lang=_language(args),
        public=_wished(args) or "zh",
        json="--json" in args,
        who=os.environ.get("LIANBAN_USER") or None,
    )
    _speak(settings.lang)
    try:
        for word in args:
            if not word.isprintable() and any("\ud800" <= letter <= "\udfff" for letter in word):
                raise Wrong(say("the command line has characters that can't be read; use UTF-8"))
        return cli.main(args, prog_name="lianban", standalone_mode=False, obj=settings) or 0
    except Refusal as refusal:
        report_refusal(settings, refusal.as_dict(settings.translate), getattr(refusal, "problems", []))
        return EXIT[refusal.kind]
    except click.UsageError as error:
        if settings.json:
            usage = error.ctx.get_usage() if error.ctx else ""
            report_refusal(settings, error_data("usage", error.format_message(), usage))
        else:
            error.show()
        return USAGE
    except (KeyboardInterrupt, click.Abort):
        click.echo("", err=True)
        return INTERRUPTED
    except Exception as error:  # the last resort: whatever it is, a clerk gets a plain line
        if os.environ.get("LIANBAN_DEBUG"):
            raise
        what = say("internal error: {error}", error=f"{type(error).__name__}: {error}")
        remedy = say(
            "nothing of this act was recorded; report the command and this line (LIANBAN_DEBUG=1 shows more)"
        )
        message, help = what.render(settings.translate), remedy.render(settings.translate)
        report_refusal(settings, error_data("internal", message, help))
        return INTERNAL
