"""The command line (floor 7): parse, one verb of the office, show. No logic.

Every command makes plain data of what the office answered; `--json` prints that data, otherwise
`engine.screen` says it in words. Refusals go to stderr, in words or as one JSON object, and each kind has
its exit code. The keys of the JSON are on one page: docs/json.md.
"""

from __future__ import annotations

import gc
import gettext
import json
import os
import re
import shlex
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, NamedTuple, NoReturn, TypeVar

import click

from engine.errors import Invalid, NotAllowed, Problem, Refusal, Text, Unknown, say, titled

if TYPE_CHECKING:  # every command imports late what it needs: most of a short command's time is imports
    from datetime import date

    from engine.clock import Overlay, Year
    from engine.delivery import Delivery
    from engine.forms import Question
    from engine.office import Done, Office, Swept
    from engine.office.post import Delivered
    from engine.office.receipts import Proof
    from engine.office.rehearsing import ByHand, Rehearsing
    from engine.problems import Excerpt
    from engine.screen import Screen

EXIT = {"refused": 1, "unknown": 1, "invalid": 1, "conflict": 3, "not_allowed": 4, "diverged": 5}
"""Exit code of each kind of refusal; 2 is a wrong command line, 6 partly done."""
USAGE, FINDINGS, PARTLY, INTERNAL, INTERRUPTED = 2, 5, 6, 70, 130

MOST_BYTES = 20_000_000
"""Largest file that is read."""
MOST_OF_A_LOG = 500_000_000
"""Largest log of another system."""

LOCALE = Path(__file__).parent / "engine" / "locale"

Answers = dict[str, Any]
Given = Callable[["Office", datetime, str], Answers]
"""What options other than --set and --data answer to a step."""
F = TypeVar("F", bound=Callable[..., Any])


# --- what every command knows


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
        return _catalogue(self.lang).gettext(msgid)

    @contextmanager
    def office(self, *, damaged: bool = False) -> Iterator[Office]:
        """The office at --db; with `damaged` also one of which the beginning can't be read. Raises `NotAllowed`
        where --as or --now may not be used."""
        from engine.office import Office

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

    def now(self, zone: str | None = None) -> datetime:
        """The instant of --now, read in `zone`, or the present one."""
        from engine import clock

        given = self.past or self.instant
        return clock.now() if given is None else _instant(given, zone)

    def as_of(self, zone: str) -> datetime | None:
        """The past instant that is looked at, read in `zone`; None for the present."""
        return None if self.past is None else _instant(self.past, zone)

    def screen(self, zone: str | None = None, *, error: bool = False) -> Screen:
        """How text looks on standard output, or on standard error."""
        from engine.clock import OFFICE_ZONE
        from engine.screen import Screen

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
        """Print `data` as JSON, or as `draw` says it; texts in it in the reader's language."""
        data = _rendered(data, self.translate)
        _write(_dump(data) if self.json else draw(self.screen(zone), data))


def _rendered(data: Any, translate: Callable[[str], str]) -> Any:
    if isinstance(data, Text):
        return data.render(translate)
    if isinstance(data, dict):
        return {key: _rendered(value, translate) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_rendered(value, translate) for value in data]
    return data


def _instant(text: str, zone: str | None = None) -> datetime:
    """The instant that a person wrote, read in `zone`."""
    from engine import clock

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

pass_settings = click.make_pass_decorator(Settings)


def _as_of_option(function: F) -> F:
    return click.option(
        "--as-of",
        "past",
        metavar="INSTANT",
        expose_value=False,
        callback=_remember,
        help=say("As it was at INSTANT, from the histories alone.").msgid,
    )(function)


class _Group(click.Group):
    """Lists its commands in the order of a day's work, groups last."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(self.commands, key=lambda name: isinstance(self.commands[name], click.Group))


class _Verb(click.Command):
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


def _verb(group: click.Group, name: str, example: str, help: Text) -> Callable[[F], _Verb]:
    """Make a function that takes `Settings` first a command of `group`. What it returns is the exit code."""

    def make(function: F) -> _Verb:
        command = click.command(name, cls=_Verb, help=help.msgid)(pass_settings(function))
        command.example = example
        command.params += COMMON
        group.add_command(command)
        return command

    return make


@click.group(
    "lianban",
    cls=_Group,
    help=say("Parallel approvals by several departments, proven from their history.").msgid,
)
@click.version_option(package_name="lianban", message="%(version)s")
def cli() -> None: ...


cli.params += COMMON


@cli.group(
    "item", cls=_Group, help=say("Service items: begin, check, draw, rehearse, publish, migrate.").msgid
)
def item() -> None: ...


@cli.group("db", cls=_Group, help=say("The office's database.").msgid)
def db() -> None: ...


@cli.group("clock", cls=_Group, help=say("Terms, due dates and the working days they count.").msgid)
def clock() -> None: ...


@cli.group("card", cls=_Group, help=say("Yellow and red cards: answer, contest, withdraw.").msgid)
def card() -> None: ...


@cli.group("report", cls=_Group, help=say("Accounts over many cases.").msgid)
def report() -> None: ...


@cli.group("seal", cls=_Group, help=say("Seals over all histories: make, list, export.").msgid)
def seal() -> None: ...


@cli.group("recusal", cls=_Group, help=say("Whose impartiality is in question.").msgid)
def recusal() -> None: ...


@cli.group("notice", cls=_Group, help=say("The one notice of what is missing.").msgid)
def notice() -> None: ...


@cli.group("meeting", cls=_Group, help=say("Joint meetings: convene, reply, hold.").msgid)
def meeting() -> None: ...


@cli.group("org", cls=_Group, help=say("Units, people, posts, and who acts for whom.").msgid)
def org() -> None: ...


# --- clerks, every day


def _answers_options(function: F) -> F:
    values = click.option(
        "--set", "pairs", multiple=True, metavar="FIELD=VALUE", help=say("An answer; may be repeated.").msgid
    )
    file = click.option(
        "--data", metavar="FILE", help=say("Answers as a JSON object in FILE, or - for standard input.").msgid
    )
    return values(file(function))


@_verb(
    cli,
    "open",
    "lianban open enterprise-startup --data application.json",
    say("Open a case of ITEM. What its form asks comes from --data, --set, or prompts."),
)
@click.argument("item", metavar="ITEM")
@_answers_options
def open_case(settings: Settings, item: str, pairs: tuple[str, ...], data: str | None) -> None:
    with settings.office() as office:
        now = settings.now(office.zone)
        form = office.opening_form(item, now)
        answers = _answers(form, office.zone, pairs, data)
        done = _until_answered(
            settings,
            form,
            office.zone,
            answers,
            lambda given: office.open_case(settings.who, item, given, now),
        )
        _show_act(settings, office, done)


@_verb(
    cli, "inbox", "lianban inbox", say("The open steps that you may do, those at the greatest risk first.")
)
@click.option("--all", "everybody", is_flag=True, help=say("Everybody's open steps.").msgid)
@click.option("--unit", metavar="UNIT", help=say("Only steps of this unit.").msgid)
@click.option("--post", metavar="POST", help=say("Only steps of this post.").msgid)
@click.option("--mine", is_flag=True, help=say("Only what you signed for, or was handed to you.").msgid)
@_as_of_option
def inbox(settings: Settings, everybody: bool, unit: str | None, post: str | None, mine: bool) -> None:
    with settings.office() as office:
        now = settings.now(office.zone)
        tasks = office.inbox(
            settings.who,
            now,
            everybody=everybody,
            unit=unit,
            post=post,
            mine=mine,
            as_of=settings.as_of(office.zone),
        )
        settings.show({"tasks": tasks}, lambda screen, data: screen.inbox(data), office.zone)


@_verb(
    cli,
    "show",
    "lianban show 42",
    say("Where a case stands. CASE is its number, or the end of it."),
)
@click.argument("case", metavar="CASE")
@_as_of_option
def show(settings: Settings, case: str) -> None:
    with settings.office() as office:
        shown = office.show(case, settings.now(office.zone), as_of=settings.as_of(office.zone))
        settings.show(shown, lambda screen, data: screen.case(data), office.zone)


@_verb(
    cli,
    "do",
    "lianban do 42 tax_review --set opinion=agree",
    say("Do the open STEP of CASE. What its form asks comes from --set, --data, or prompts."),
)
@click.argument("case", metavar="CASE")
@click.argument("step", metavar="STEP")
@_answers_options
def do(settings: Settings, case: str, step: str, pairs: tuple[str, ...], data: str | None) -> None:
    _do_step(settings, case, lambda office, now: step, _nothing, pairs, data)


_clock_option = click.option(
    "--clock", "name", metavar="CLOCK", help=say("The clock; left out, the only one that it can be.").msgid
)


@_verb(
    cli,
    "pause",
    "lianban pause 42 --ground testing --expected 12wd",
    say("Stop a clock of CASE on one of the grounds that the law names; a notice tells the applicant."),
)
@click.argument("case", metavar="CASE")
@click.option("--ground", metavar="GROUND", help=say("Why: testing, hearing, appraisal …").msgid)
@click.option("--expected", metavar="TERM", help=say("How long it will take: 12wd, 30d.").msgid)
@_clock_option
@click.option("--reason", default="", metavar="TEXT", help=say("What the record shall say.").msgid)
def pause(
    settings: Settings, case: str, ground: str | None, expected: str | None, name: str | None, reason: str
) -> None:
    with settings.office() as office:
        now = settings.now(office.zone)
        if not ground:
            known = _grounds(office, case, name, now) if _may_ask(settings) else {}
            ground = _wanted(settings, "--ground", say("Ground"), known)
        if not expected:
            expected = _wanted(settings, "--expected", say("How long it will take (12wd, 30d)"))
        done = office.pause(settings.who, case, name, ground, expected, reason, now)
        _show_act(settings, office, done)


@_verb(
    cli,
    "resume",
    "lianban resume 42",
    say("Let a clock of CASE run on, when what it was paused for is done."),
)
@click.argument("case", metavar="CASE")
@_clock_option
@click.option("--ground", metavar="GROUND", help=say("Which pause is over; left out, the only one.").msgid)
@click.option("--reason", default="", metavar="TEXT", help=say("What the record shall say.").msgid)
def resume(settings: Settings, case: str, name: str | None, ground: str | None, reason: str) -> None:
    with settings.office() as office:
        done = office.resume(settings.who, case, name, ground, reason, settings.now(office.zone))
        _show_act(settings, office, done)


@_verb(
    cli,
    "extend",
    "lianban extend 42 --by 10wd --reason '案情复杂'",
    say("Give a clock of CASE more time, before it runs out, as the office that the law names."),
)
@click.argument("case", metavar="CASE")
@click.option("--by", "term", metavar="TERM", help=say("How much more: 10wd, 15d.").msgid)
@click.option("--reason", metavar="TEXT", help=say("Why; the applicant is told it.").msgid)
@_clock_option
def extend(settings: Settings, case: str, term: str | None, reason: str | None, name: str | None) -> None:
    with settings.office() as office:
        term = term or _wanted(settings, "--by", say("How much more time (10wd, 15d)"))
        reason = _reason(settings, reason)
        done = office.extend(settings.who, case, name, term, reason, settings.now(office.zone))
        _show_act(settings, office, done)


def _card_verb(name: str, help: Text) -> None:
    """The command `card NAME CASE CARD --reason TEXT`."""

    @_verb(card, name, f"lianban card {name} 42 yellow-1 --reason '…'", help)
    @click.argument("case", metavar="CASE")
    @click.argument("card", metavar="CARD")
    @click.option("--reason", metavar="TEXT", help=say("What there is to say about it.").msgid)
    def treat(settings: Settings, case: str, card: str, reason: str | None) -> None:
        from engine.events import CardAnswered, CardContested, CardWithdrawn

        acts: dict[str, type[CardAnswered | CardContested | CardWithdrawn]] = {
            "answer": CardAnswered,
            "contest": CardContested,
            "withdraw": CardWithdrawn,
        }
        with settings.office() as office:
            act = acts[name](card, _reason(settings, reason))
            done = office.treat_card(settings.who, case, act, settings.now(office.zone))
            _show_act(settings, office, done)


_card_verb("answer", say("Sign for CARD of CASE, and say what your unit does about it."))
_card_verb("contest", say("Say that CARD of CASE is wrong, and why."))
_card_verb("withdraw", say("Take CARD of CASE back, as a supervisor. It stays on record."))


@_verb(
    cli,
    "print",
    "lianban print 42 licence -o licence.html",
    say(
        "The DOCUMENT of CASE (by id or number; left out, the latest) as HTML, ready to print from a browser;"
        " with --file all of them in a file of the case: cover, index, due dates, history, proof."
    ),
)
@click.argument("case", metavar="CASE")
@click.argument("document", metavar="[DOCUMENT]", required=False)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help=say("Write to FILE; on a terminal it is named after its number.").msgid,
)
@click.option("--file", "whole", is_flag=True, help=say("The whole file of the case.").msgid)
def print_document(
    settings: Settings, case: str, document: str | None, output: str | None, whole: bool
) -> int:
    if whole:
        if document is not None:
            raise Wrong(say("--file prints all documents; leave DOCUMENT out"))
        return _print_file(settings, case, output)
    with settings.office() as office:
        row, content = office.document(case, document)
    if output is None and sys.stdout.isatty() and not settings.json:
        output = f"{row.number.replace('/', '_')}.html"
    if output is None and not settings.json:
        _write(content)
        return 0
    if output is not None:
        _write_file(output, content)
    data = {**row._asdict(), "file": output, "content": None if output else content.decode()}
    text = say("{number} is in {file}: open it in a browser to print it", number=row.number, file=output)
    settings.show(data, lambda screen, _: screen.line(text))
    return 0


def _print_file(settings: Settings, case: str, output: str | None) -> int:
    """The file of a case, in Chinese unless somebody asked for another language."""
    with settings.office() as office:
        lang, now = settings.public, settings.now(office.zone)
        tell = replace(settings, lang=lang).screen(office.zone).event_told
        made = office.case_file(case, lang, _catalogue(lang).gettext, tell, now)
    if not settings.json:
        _complain(settings, made["findings"])
    text = say("the file of case {case} is in {file}: open it in a browser to print it", case=made["case"])
    _deliver(settings, made, output, f"{made['case']}.html", text)
    return FINDINGS if made["findings"] else 0


# --- clerks: referrals, recusals, hand-overs

_reason_option = click.option("--reason", metavar="TEXT", help=say("Why; it goes on record.").msgid)


def _plan_options(function: F) -> F:
    draft = click.option(
        "--draft", metavar="FILE", help=say("Write a plan of all your open referrals to FILE (CSV).").msgid
    )
    plan = click.option(
        "--plan",
        metavar="FILE",
        help=say("Work FILE off, line by line; again goes on where it stopped.").msgid,
    )
    dry_run = click.option(
        "--dry-run", is_flag=True, help=say("With --plan: only tell what would be done.").msgid
    )
    return draft(plan(dry_run(function)))


def _planned(
    settings: Settings,
    kind: Literal["sign", "answer"],
    place: tuple[str | None, str | None],
    draft: str | None,
    plan: str | None,
    dry_run: bool,
) -> int | None:
    """Write or work off a plan; the exit code, or None when one step is meant."""
    named = sum(given is not None for given in (place[0], draft, plan))
    if named != 1 or (place[0] is not None and place[1] is None) or (dry_run and plan is None):
        raise Wrong(say("name a CASE and its STEP, or --draft FILE, or --plan FILE [--dry-run]"))
    if draft is not None:
        with settings.office() as office:
            now = settings.now(office.zone)
            content, count = office.draft_plan(settings.who, kind, now, settings.lang)
        _write_file(draft, content)
        data = {"kind": kind, "file": draft, "count": count}
        settings.show(data, lambda screen, data: screen.drafted(data))
        return 0
    return None if plan is None else _work_plan(settings, kind, plan, dry_run)


def _work_plan(settings: Settings, kind: Literal["sign", "answer"], plan: str, dry_run: bool) -> int:
    from engine.office.bulk import FOLLOWS, STATES

    content = _read(plan)
    lines = []
    with settings.office() as office, _bar(settings) as progress:
        worked = office.work_plan(
            settings.who,
            kind,
            content,
            plan,
            lambda: settings.now(office.zone),
            progress,
            dry_run=dry_run,
        )
        for line in worked:
            told = office.told(line.case, line.records) if line.records else []
            facts = [event for event in told if event["fact"] and event["said"]]
            lines.append(
                {
                    "line": line.number,
                    "case": line.case,
                    "step": line.step,
                    "state": line.state,
                    "said": facts[-1]["said"] if facts else {},
                    "events": [event for event in told if event["type"] in FOLLOWS],
                    "refusal": line.refusal.as_dict(settings.translate) if line.refusal else None,
                }
            )
        zone = office.zone
    counts = {state: sum(line["state"] == state for line in lines) for state in STATES}
    data = {"kind": kind, "file": plan, "dry_run": dry_run, "lines": lines, "counts": counts}
    settings.show(data, lambda screen, data: screen.worked(data), zone)
    return PARTLY if counts["refused"] else 0


@_verb(
    cli,
    "sign",
    "lianban sign 42 psb_review",
    say("Sign for the receipt of a referral, or of all in a plan file. Its term runs either way."),
)
@click.argument("case", metavar="[CASE]", required=False)
@click.argument("step", metavar="[STEP]", required=False)
@_plan_options
def sign(
    settings: Settings, case: str | None, step: str | None, draft: str | None, plan: str | None, dry_run: bool
) -> int:
    code = _planned(settings, "sign", (case, step), draft, plan, dry_run)
    if code is None:
        with settings.office() as office:
            done = office.sign(settings.who, str(case), str(step), settings.now(office.zone))
            _show_act(settings, office, done)
    return code or 0


@_verb(
    cli,
    "answer",
    "lianban answer 42 psb_review --set opinion=conditions --set conditions='…'",
    say("Give your department's opinion on a referral, or on all in a plan file."),
)
@click.argument("case", metavar="[CASE]", required=False)
@click.argument("step", metavar="[STEP]", required=False)
@_answers_options
@_plan_options
def answer(
    settings: Settings,
    case: str | None,
    step: str | None,
    pairs: tuple[str, ...],
    data: str | None,
    draft: str | None,
    plan: str | None,
    dry_run: bool,
) -> int:
    code = _planned(settings, "answer", (case, step), draft, plan, dry_run)
    if code is None:
        _do_step(settings, str(case), lambda office, now: str(step), _nothing, pairs, data)
    return code or 0


@_verb(
    cli,
    "confirm",
    "lianban confirm 42 psb_review",
    say("Put your name under what somebody else entered: as the leader, or as the other officer."),
)
@click.argument("case", metavar="CASE")
@click.argument("step", metavar="STEP")
def confirm(settings: Settings, case: str, step: str) -> None:
    with settings.office() as office:
        _show_act(settings, office, office.confirm(settings.who, case, step, settings.now(office.zone)))


@_verb(
    cli,
    "return",
    "lianban return 42 psb_review --reason '…'",
    say("Send what somebody else entered back to her."),
)
@click.argument("case", metavar="CASE")
@click.argument("step", metavar="STEP")
@_reason_option
def give_back(settings: Settings, case: str, step: str, reason: str | None) -> None:
    reason = _reason(settings, reason)
    with settings.office() as office:
        done = office.give_back(settings.who, case, step, reason, settings.now(office.zone))
        _show_act(settings, office, done)


@_verb(
    cli,
    "recuse",
    "lianban recuse 42 psb_review --reason '…'",
    say("Say that you are not impartial in CASE; STEP stands still until that is decided."),
)
@click.argument("case", metavar="CASE")
@click.argument("step", metavar="[STEP]", required=False)
@click.option(
    "--department", is_flag=True, help=say("As its head: the whole department keeps out of STEP.").msgid
)
@_reason_option
def recuse(settings: Settings, case: str, step: str | None, department: bool, reason: str | None) -> None:
    if department and step is None:
        raise Wrong(say("name the STEP that the department keeps out of"))
    reason = _reason(settings, reason)
    with settings.office() as office:
        now = settings.now(office.zone)
        act = office.withdraw_department if department else office.recuse
        _show_act(settings, office, act(settings.who, case, step or "", reason, now))


@_verb(
    cli,
    "challenge",
    "lianban challenge 42 psb_review --person yang.fan --party '张明' --reason '…'",
    say("Enter that a party says PERSON is not impartial; STEP stands still until that is decided."),
)
@click.argument("case", metavar="CASE")
@click.argument("step", metavar="[STEP]", required=False)
@click.option("--person", metavar="PERSON", help=say("Who is challenged.").msgid)
@click.option(
    "--party", metavar="NAME", help=say("Who challenges: the applicant, or an interested party.").msgid
)
@_reason_option
def challenge(
    settings: Settings,
    case: str,
    step: str | None,
    person: str | None,
    party: str | None,
    reason: str | None,
) -> None:
    person = person or _wanted(settings, "--person", say("Who is challenged"))
    party = party or _wanted(settings, "--party", say("Who challenges"))
    reason = _reason(settings, reason)
    with settings.office() as office:
        now = settings.now(office.zone)
        done = office.challenge(settings.who, case, step or "", person, party, reason, now)
        _show_act(settings, office, done)


@_verb(
    recusal,
    "decide",
    "lianban recusal decide 42 r1 --uphold --reason '…'",
    say("Decide whether somebody keeps out of CASE, as the head of the unit. `show` lists the recusals."),
)
@click.argument("case", metavar="CASE")
@click.argument("id", metavar="ID")
@click.option("--uphold/--reject", "upheld", default=None, help=say("She keeps out, or may go on.").msgid)
@_reason_option
def decide_recusal(settings: Settings, case: str, id: str, upheld: bool | None, reason: str | None) -> None:
    if upheld is None:
        choices = {"uphold": say("uphold"), "reject": say("reject")}
        upheld = _wanted(settings, "--uphold' / '--reject", say("Decision"), choices) == "uphold"
    reason = _reason(settings, reason)
    with settings.office() as office:
        now = settings.now(office.zone)
        _show_act(settings, office, office.decide_recusal(settings.who, case, id, upheld, reason, now))


@_verb(
    cli,
    "handover",
    "lianban handover 42 psb_review --to shi.lin --reason '…'",
    say("Let PERSON answer for STEP from now on; without STEP, for the case to the applicant."),
)
@click.argument("case", metavar="[CASE]", required=False)
@click.argument("step", metavar="[STEP]", required=False)
@click.option("--to", metavar="PERSON", help=say("Who takes it over.").msgid)
@click.option(
    "--all", "everything", is_flag=True, help=say("All that you answer for, told one by one.").msgid
)
@_reason_option
def handover(
    settings: Settings,
    case: str | None,
    step: str | None,
    to: str | None,
    everything: bool,
    reason: str | None,
) -> int:
    if everything == (case is not None):
        raise Wrong(say("name a CASE, or --all"))
    to = to or _wanted(settings, "--to", say("Who takes it over"))
    reason = _reason(settings, reason)
    with settings.office() as office:
        if case is not None:
            done = office.hand_over(settings.who, case, step or "", to, reason, settings.now(office.zone))
            _show_act(settings, office, done)
            return 0
        with _bar(settings) as progress:
            found = office.hand_over_all(
                settings.who, to, reason, lambda: settings.now(office.zone), progress
            )
    lines = [
        {"case": number, "step": task, "refusal": refusal.as_dict(settings.translate) if refusal else None}
        for number, task, refusal in found
    ]
    settings.show({"to": to, "lines": lines}, lambda screen, data: screen.handed_over(data))
    return PARTLY if any(line["refusal"] for line in lines) else 0


@_verb(
    notice,
    "allow",
    "lianban notice allow 42 --reason '…'",
    say("Allow one more notice of what is missing, as the office that may; it is an accountability event."),
)
@click.argument("case", metavar="CASE")
@_reason_option
def allow_notice(settings: Settings, case: str, reason: str | None) -> None:
    reason = _reason(settings, reason)
    with settings.office() as office:
        _show_act(
            settings, office, office.allow_notice(settings.who, case, reason, settings.now(office.zone))
        )


@_verb(
    cli,
    "retry",
    "lianban retry 42 fee --set copies=3 --reason '…'",
    say(
        "Have what failed at STEP of CASE tried again, as an administrator, after setting variables right "
        "with --set."
    ),
)
@click.argument("case", metavar="CASE")
@click.argument("step", metavar="STEP")
@_answers_options
@_reason_option
def retry(
    settings: Settings, case: str, step: str, pairs: tuple[str, ...], data: str | None, reason: str | None
) -> None:
    reason = _reason(settings, reason)
    with settings.office() as office:
        answers = _answers(_VALUES, office.zone, (), data)
        answers = {**answers, **dict(_variable(pair) for pair in pairs)}
        now = settings.now(office.zone)
        _show_act(settings, office, office.retry(settings.who, case, step, answers, reason, now))


_VALUES: Answers = {"type": "object"}


def _variable(pair: str) -> tuple[str, Any]:
    """A variable and its value: JSON if it can be read as such, else a text."""
    name, sign, text = pair.partition("=")
    if not sign:
        raise Wrong(say("--set {pair} gives no value; write --set field=value", pair=pair))
    try:
        return name, json.loads(text)
    except ValueError:
        return name, text


# --- clerks: joint meetings

_meeting_option = click.option(
    "--meeting", "named", metavar="MEETING", help=say("Which, where the item has several.").msgid
)


def _meeting_options(function: F) -> F:
    return _meeting_option(_answers_options(function))


def _dropped(**given: Any) -> Answers:
    """What was given, without what was not."""
    return {name: value for name, value in given.items() if value not in (None, "", [], ())}


@_verb(
    meeting,
    "show",
    "lianban meeting show 42",
    say("The joint meetings of CASE: who was called, who came, what it came to, what can be done."),
)
@click.argument("case", metavar="CASE")
def meeting_show(settings: Settings, case: str) -> None:
    with settings.office() as office:
        data = office.meetings(case, settings.now(office.zone))
        settings.show(data, lambda screen, data: screen.meetings(data), office.zone)


@_verb(
    meeting,
    "convene",
    "lianban meeting convene 42 --date 2026-03-10 --time 09:00 --place '…' --agenda '…' "
    "--departments samr,psb",
    say("Call the departments to the joint meeting of CASE."),
)
@click.argument("case", metavar="CASE")
@click.option("--date", metavar="DATE", help=say("The day, after the notice term.").msgid)
@click.option("--time", metavar="TIME", help=say("The hour: 09:00.").msgid)
@click.option("--place", metavar="TEXT", help=say("Where.").msgid)
@click.option("--agenda", metavar="TEXT", help=say("What about.").msgid)
@click.option("--departments", metavar="UNITS", help=say("Who is called: samr,psb.").msgid)
@_meeting_options
def meeting_convene(
    settings: Settings,
    case: str,
    date: str | None,
    time: str | None,
    place: str | None,
    agenda: str | None,
    departments: str | None,
    pairs: tuple[str, ...],
    data: str | None,
    named: str | None,
) -> None:
    units = _parts(departments)
    answers = _dropped(date=date, time=time, place=place, agenda=agenda, departments=units)
    _do_meeting(settings, case, "convene", named, lambda *_: answers, pairs, data)


@_verb(
    meeting,
    "reply",
    "lianban meeting reply 42 --substitute shi.lin",
    say("Reply to the invitation of your department, as its designated leader."),
)
@click.argument("case", metavar="CASE")
@click.argument("step", metavar="[STEP]", required=False)
@click.option("--coming", is_flag=True, help=say("You come yourself.").msgid)
@click.option("--substitute", metavar="PERSON", help=say("PERSON of your department comes for you.").msgid)
@click.option("--apology", metavar="REASON", help=say("Nobody can come, for this reason.").msgid)
@_meeting_options
def meeting_reply(
    settings: Settings,
    case: str,
    step: str | None,
    coming: bool,
    substitute: str | None,
    apology: str | None,
    pairs: tuple[str, ...],
    data: str | None,
    named: str | None,
) -> None:
    chosen = _dropped(coming=coming or None, substitute=substitute, apology=apology)
    if len(chosen) > 1:
        raise Wrong(say("choose one of --coming, --substitute and --apology"))
    answers = _dropped(reply=next(iter(chosen), None), substitute=substitute, reason=apology)
    _do_meeting(settings, case, "invite", named, lambda *_: answers, pairs, data, step)


@_verb(
    meeting,
    "hold",
    "lianban meeting hold 42 --present samr=zhao.guoqiang --absent psb='…' --opinion samr=agree "
    "--conclude 'samr:5wd:…' --resolved",
    say("Enter the minutes of the joint meeting of CASE, once it was held."),
)
@click.argument("case", metavar="CASE")
@click.option("--present", multiple=True, metavar="UNIT=PERSON", help=say("Who came for UNIT.").msgid)
@click.option("--absent", multiple=True, metavar="UNIT[=REASON]", help=say("Nobody came for UNIT.").msgid)
@click.option(
    "--opinion",
    multiple=True,
    metavar="UNIT=OPINION[:TEXT]",
    help=say(
        "What UNIT said: agree, abstain, disagree:reason, not_concerned:reason, conditions:text (one each)."
    ).msgid,
)
@click.option(
    "--conclude", multiple=True, metavar="UNIT:TERM:TEXT", help=say("UNIT does this within TERM (5wd).").msgid
)
@click.option("--resolved/--unresolved", default=None, help=say("Whether the departments agreed.").msgid)
@_meeting_options
def meeting_hold(
    settings: Settings,
    case: str,
    present: tuple[str, ...],
    absent: tuple[str, ...],
    opinion: tuple[str, ...],
    conclude: tuple[str, ...],
    resolved: bool | None,
    pairs: tuple[str, ...],
    data: str | None,
    named: str | None,
) -> None:
    came = [_split(text, "[=＝]", 2) for text in present]
    stayed = [[*_split(text, "[=＝]", 1, 2), ""][:2] for text in absent]
    spoken = [_split(text, "[=＝]", 2) for text in opinion]
    concluded = [_split(text, "[:：]", 3) for text in conclude]

    def given(office: Office, now: datetime, step: str) -> Answers:
        return {
            **_attendance(office, case, now, came, stayed),
            **({} if data is not None and not spoken else {"opinions": _opinions(spoken)}),
            **({} if data is not None and not concluded else {"conclusions": _conclusions(concluded)}),
            **({} if resolved is None else {"resolved": resolved}),
        }

    _do_meeting(settings, case, "hold", named, given, pairs, data)


def _split(text: str, mark: str, *parts: int) -> list[str]:
    """The parts of an option's value, none of them blank; `mark` is a pattern."""
    found = [part.strip() for part in re.split(mark, text, maxsplit=max(parts) - 1)]
    if len(found) not in parts or not all(found):
        raise Wrong(say("{text} can't be read; see --help", text=text))
    return found


def _attendance(
    office: Office, case: str, now: datetime, came: list[list[str]], stayed: list[list[str]]
) -> Answers:
    """Who was there, and who should have been."""
    if not came and not stayed:
        return {}
    called = {
        line["unit"]: line["substitute"] or line["designated"]
        for told in office.meetings(case, now)["meetings"]
        for line in told["departments"]
    }
    attendance = [{"department": unit, "person": person, "present": True} for unit, person in came]
    attendance += [
        {
            "department": unit,
            "present": False,
            **_dropped(person=called.get(unit), reason=reason),
        }
        for unit, reason in stayed
    ]
    return {"attendance": attendance}


def _opinions(spoken: list[list[str]]) -> list[Answers]:
    """`[unit, "conditions:text"]` as the form has it; several conditions of one unit in one list."""
    found: dict[str, Answers] = {}
    for unit, said in spoken:
        opinion, *words = re.split("[:：]", said, maxsplit=1)
        text = "".join(words).strip()
        entry = found.setdefault(unit, {"department": unit, "opinion": opinion})
        if opinion == "conditions" and text:
            entry.setdefault("conditions", []).append(text)
        elif text:
            entry["reason"] = text
    return list(found.values())


def _conclusions(concluded: list[list[str]]) -> list[Answers]:
    return [{"department": unit, "term": term, "task": task} for unit, term, task in concluded]


def _do_meeting(
    settings: Settings,
    case: str,
    role: str,
    named: str | None,
    given: Given,
    pairs: tuple[str, ...],
    data: str | None,
    step: str | None = None,
) -> None:
    """Do the step of a meeting that has this role."""

    def find(office: Office, now: datetime) -> str:
        return step or office.meeting_step(settings.who, case, role, now, named)

    _do_step(settings, case, find, given, pairs, data)


def _do_step(
    settings: Settings,
    case: str,
    find: Callable[[Office, datetime], str],
    given: Given,
    pairs: tuple[str, ...],
    data: str | None,
) -> None:
    """Do a step with the answers of --data, over them what was `given` by other options, over them --set."""
    with settings.office() as office:
        now = settings.now(office.zone)
        step = find(office, now)
        form = office.form(case, step)
        answers = _answers(form, office.zone, pairs, data, given(office, now, step))
        done = _until_answered(
            settings,
            form,
            office.zone,
            answers,
            lambda given: office.do(settings.who, case, step, given, now),
        )
        _show_act(settings, office, done)


def _nothing(*_: Any) -> Answers:
    return {}


# --- the organisation


@_verb(org, "show", "lianban org show psb", say("The units as they stand, or those below UNIT, with people."))
@click.argument("unit", metavar="[UNIT]", required=False)
def org_show(settings: Settings, unit: str | None) -> None:
    with settings.office() as office:
        data = office.organisation(settings.now(office.zone), unit)
        settings.show(data, lambda screen, data: screen.organisation(data))


@_verb(org, "people", "lianban org people", say("Everybody, with posts and certificates."))
def org_people(settings: Settings) -> None:
    with settings.office() as office:
        whole = office.organisation(settings.now(office.zone))
        data = {"day": whole["day"], "people": whole["people"]}
        settings.show(data, lambda screen, data: screen.people(data))


@_verb(org, "delegations", "lianban org delegations", say("Who acts for whom: delegations and stand-ins."))
def org_delegations(settings: Settings) -> None:
    with settings.office() as office:
        whole = office.organisation(settings.now(office.zone))
        data = {key: whole[key] for key in ("day", "delegations", "stand_ins")}
        settings.show(data, lambda screen, data: screen.delegations(data))


@_verb(
    org,
    "import",
    "lianban org import organisation.toml --dry-run",
    say("Bring the whole organisation in from FILE (TOML), in the place of what is on record."),
)
@click.argument("file", metavar="FILE")
@click.option("--dry-run", is_flag=True, help=say("Only tell what would change.").msgid)
def org_import(settings: Settings, file: str, dry_run: bool) -> None:
    from engine.organisation import read_register

    change = {"kind": "import", "organisation": read_register(_read(file)).as_json()}
    with settings.office() as office:
        now = settings.now(office.zone)
        differences = office.plan_change(settings.who, change, now)
        made = None if dry_run else office.change_organisation(settings.who, change, now)
        data = {
            "file": file,
            "dry_run": dry_run,
            "differences": differences,
            "version": made["version"] if made else None,
            "repeated": made["repeated"] if made else False,
        }
        settings.show(data, lambda screen, data: screen.import_planned(data))


class _Option(NamedTuple):
    """An option of a change of the organisation: the `key` it gives; `parts` splits it at commas."""

    flag: str
    key: str
    metavar: str
    help: Text
    needed: bool = False
    parts: bool = False


_SINCE = _Option("--since", "since", "DATE", say("From this day on; left out, from today."))
_UNTIL = _Option("--until", "until", "DATE", say("Up to and with this day."))


def _change_verb(
    group: click.Group,
    name: str,
    kind: str,
    example: str,
    help: Text,
    arguments: Mapping[str, str],
    *options: _Option,
) -> None:
    """A command that changes one thing in the organisation; `arguments` are keys with what help calls
    them."""

    def change(settings: Settings, **given: str | None) -> None:
        wanted: dict[str, Any] = {"kind": kind, **{key: given[key] for key in arguments}}
        for option in options:
            text = given[option.key]
            if text is None and option.needed:
                text = _wanted(settings, option.flag, option.help)
            if text is not None:
                wanted[option.key] = _parts(text) if option.parts else text
        _change(settings, wanted)

    command = _verb(group, name, example, help)(change)
    command.params = [
        *(click.Argument([key], metavar=metavar) for key, metavar in arguments.items()),
        *(
            click.Option([option.flag, option.key], metavar=option.metavar, help=option.help.msgid)
            for option in options
        ),
        *COMMON,
    ]


def _change(settings: Settings, wanted: dict[str, Any]) -> None:
    with settings.office() as office:
        now = settings.now(office.zone)
        data = office.change_organisation(
            settings.who, _complete(wanted, settings.who, now, office.zone), now
        )
        settings.show(data, lambda screen, data: screen.changed(data))


def _complete(wanted: dict[str, Any], who: str | None, now: datetime, zone: str) -> dict[str, Any]:
    """The change with what follows from who makes it, and when: the record names the day."""
    from zoneinfo import ZoneInfo

    from engine.organisation.changes import CHANGES

    today = now.astimezone(ZoneInfo(zone)).date().isoformat()
    wanted = {**dict.fromkeys(CHANGES[wanted["kind"]].dated, today), **wanted}
    names = {lang: wanted.pop(f"name_{lang}") for lang in ("zh", "en") if f"name_{lang}" in wanted}
    if names:
        wanted["name"] = names
    if wanted["kind"] == "delegate":
        wanted["grantor"] = who
    return wanted


_change_verb(
    cli,
    "delegate",
    "delegate",
    "lianban delegate chen.jing --post samr/leader --items '*' --powers sign --until 2026-06-30",
    say("Let PERSON do what you may do in your post, for these items and powers, for a time."),
    {"to": "PERSON"},
    _Option("--post", "post", "UNIT/POST", say("The post, yours in your own right."), needed=True),
    _Option("--items", "items", "ITEMS", say("Items by code, or *."), needed=True, parts=True),
    _Option(
        "--powers", "powers", "POWERS", say("accept, review, approve, sign, report_up, or *."), True, True
    ),
    _SINCE,
    _UNTIL._replace(needed=True),
    _Option("--id", "id", "ID", say("What the delegation is called on record.")),
)
_change_verb(
    cli,
    "revoke",
    "revoke",
    "lianban revoke d-2026-3",
    say("Take a delegation back. `org delegations` lists them."),
    {"delegation": "DELEGATION"},
    _Option("--on", "on", "DATE", say("From this day on; left out, from today.")),
)
_change_verb(
    org,
    "add-unit",
    "unit.add",
    "lianban org add-unit springvillage --name '春城村' --english 'Spring Village' --kind village "
    "--parent chengguan",
    say("Add a unit."),
    {"code": "CODE"},
    _Option("--name", "name_zh", "NAME", say("Its name."), needed=True),
    _Option("--english", "name_en", "NAME", say("Its name in English.")),
    _Option("--kind", "unit_kind", "KIND", say("department, window, township, village …"), needed=True),
    _Option("--parent", "parent", "UNIT", say("The unit above it.")),
    _SINCE,
)
_change_verb(
    org,
    "merge",
    "unit.merge",
    "lianban org merge quality --into samr --until 2026-06-30",
    say("Merge UNIT into another at the end of a day: people, posts and open cases are the other's then."),
    {"unit": "UNIT"},
    _Option("--into", "into", "UNIT", say("Who takes over."), needed=True),
    _UNTIL._replace(needed=True),
)
_change_verb(
    org,
    "add-person",
    "person.add",
    "lianban org add-person he.xin --name '何新' --english 'He Xin'",
    say("Add somebody; posts are given with `org grant`."),
    {"id": "PERSON"},
    _Option("--name", "name_zh", "NAME", say("Her name."), needed=True),
    _Option("--english", "name_en", "NAME", say("Her name in English.")),
    _Option("--email", "email", "ADDRESS", say("Where reminders and cards go.")),
)
_change_verb(
    org,
    "grant",
    "post.grant",
    "lianban org grant he.xin psb/reviewer --since 2026-04-01",
    say("Give PERSON a post."),
    {"person": "PERSON", "post": "UNIT/POST"},
    _SINCE,
    _UNTIL,
)
_change_verb(
    org,
    "end",
    "post.end",
    "lianban org end yang.fan psb/reviewer --until 2026-03-31",
    say("End a post of PERSON, when nothing is left in her hands."),
    {"person": "PERSON", "post": "UNIT/POST"},
    _UNTIL._replace(help=say("Her last day; left out, today.")),
)
_change_verb(
    org,
    "rotate",
    "rotate",
    "lianban org rotate yang.fan psb/reviewer --to psb/records --on 2026-04-01",
    say("Move PERSON from one post to another, when nothing is left in her hands."),
    {"person": "PERSON", "post": "UNIT/POST"},
    _Option("--to", "to_post", "UNIT/POST", say("The new post."), needed=True),
    _Option("--on", "on", "DATE", say("Her first day there; left out, today.")),
)
_change_verb(
    org,
    "stand-in",
    "stand_in",
    "lianban org stand-in wang.lei --for zhao.guoqiang --since 2026-03-02 --until 2026-03-06",
    say("Let PERSON act for somebody who is away."),
    {"person": "PERSON"},
    _Option("--for", "for", "PERSON", say("Who is away."), needed=True),
    _SINCE,
    _UNTIL._replace(needed=True),
)
_change_verb(
    org,
    "duty",
    "duty",
    "lianban org duty ma.jun government/duty-leader --since 2026-03-02 --until 2026-03-08",
    say("Put PERSON on the duty roster."),
    {"person": "PERSON", "post": "UNIT/POST"},
    _SINCE,
    _UNTIL._replace(needed=True),
)
_change_verb(
    org,
    "certificate",
    "certificate",
    "lianban org certificate yang.fan --kind enforcement --number 5399-0017 --expires 2028-12-31",
    say("Record a certificate of PERSON, or its renewal."),
    {"person": "PERSON"},
    _Option("--kind", "certificate_kind", "KIND", say("Its kind: enforcement."), needed=True),
    _Option("--number", "number", "TEXT", say("Its number."), needed=True),
    _Option("--expires", "expires", "DATE", say("The last day on which it is valid."), needed=True),
)
_change_verb(
    org,
    "designate",
    "designate",
    "lianban org designate psb li.gang",
    say("Name the leader whom UNIT sends to joint meetings."),
    {"unit": "UNIT", "person": "PERSON"},
)
_change_verb(
    org,
    "interest",
    "interest",
    "lianban org interest yang.fan --party '张明' --kind kin",
    say("Declare that PERSON has to do with a party: she keeps out of its cases."),
    {"person": "PERSON"},
    _Option("--party", "party", "NAME", say("The party's name, or its number."), needed=True),
    _Option("--kind", "interest", "KIND", say("own, spouse, kin, in-law or other."), needed=True),
    _Option("--note", "note", "TEXT", say("What the record shall say.")),
)


# --- auditors


@_verb(
    cli,
    "history",
    "lianban history 42",
    say("Everything that happened in CASE, in order. `office` names the office's own history."),
)
@click.argument("case", metavar="CASE")
@_as_of_option
def history(settings: Settings, case: str) -> None:
    with settings.office() as office:
        records = office.history(case, as_of=settings.as_of(office.zone))
        data = {"case": records[0].case, "events": office.told(case, records)}
        settings.show(data, lambda screen, data: screen.history(data), office.zone)


@_verb(
    cli,
    "replay",
    """lianban replay 42
lianban replay 42 --to 17 --data
lianban replay 42 --to 2026-03-05 --diagram case.svg
lianban replay --all --workers 2 --resume replay.jsonl""",
    say(
        "Run the history of CASE again and compare every event with the record: as far as an event or"
        " instant, act by act, on the diagram. Or every history of the office."
    ),
)
@click.argument("case", metavar="[CASE]", required=False)
@click.option("--to", metavar="EVENT|INSTANT", help=say("Only as far as this; a number is an event.").msgid)
@click.option(
    "--step",
    "by_act",
    is_flag=True,
    help=say("Act by act, with its tokens and clocks; in pages on a terminal.").msgid,
)
@click.option(
    "--data", "variables", is_flag=True, help=say("With the variables, and what each act changed.").msgid
)
@click.option(
    "--diagram", metavar="FILE.svg", help=say("Draw the tokens on the diagram; - for standard output.").msgid
)
@click.option(
    "--file",
    "name",
    metavar="NAME",
    help=say("Another diagram of the item: shared/joint-meeting.bpmn.").msgid,
)
@click.option("--all", "everything", is_flag=True, help=say("Every history of the office.").msgid)
@click.option("--item", "only", metavar="ITEM", help=say("With --all: of this item only.").msgid)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    help=say("With --all: in so many processes (one for each processor).").msgid,
)
@click.option(
    "--scheduler", metavar="ADDRESS", help=say("With --all: by the workers of this Dask scheduler.").msgid
)
@click.option(
    "--resume",
    metavar="FILE",
    help=say("With --all: keep the results in FILE, and leave out what agreed and has not changed.").msgid,
)
def replay(
    settings: Settings,
    case: str | None,
    to: str | None,
    by_act: bool,
    variables: bool,
    diagram: str | None,
    name: str | None,
    everything: bool,
    only: str | None,
    workers: int | None,
    scheduler: str | None,
    resume: str | None,
) -> int:
    of_one = to is not None or by_act or variables or diagram is not None or name is not None
    of_all = any(given is not None for given in (only, workers, scheduler, resume))
    if everything == (case is not None) or (of_one if everything else of_all):
        raise Wrong(
            say("name a CASE (with --to, --step, --data, --diagram), or --all (with the options for it)")
        )
    if name is not None and diagram is None:
        raise Wrong(say("--file is for --diagram"))
    if workers is not None and scheduler is not None:
        raise Wrong(say("--workers are processes of this machine; with --scheduler its workers do it"))
    with settings.office() as office:
        if case is None:
            return _replay_all(settings, office, only, workers, scheduler, resume)
        until = None if to is None else int(to) if to.isdecimal() else _instant(to, office.zone)
        if diagram is not None:
            drawn = office.retraced_picture(case, until, name)
            text = say("event {to} of {case} is drawn in {file}", to=drawn["to"], case=drawn["case"])
            _deliver(settings, drawn, diagram, diagram, text)
            return 0
        data = _rendered(office.retrace(case, until), settings.translate)
        screen = settings.screen(office.zone)
        if by_act and not settings.json and sys.stdin.isatty() and sys.stdout.isatty():
            _page(screen, data, variables)
        elif by_act and not settings.json:
            _write("".join(screen.act(data, n, variables=variables) for n in range(1, len(data["acts"]) + 1)))
        else:
            settings.show(data, lambda screen, data: screen.replay(data, variables=variables), office.zone)
    return 0


def _replay_all(
    settings: Settings,
    office: Office,
    item: str | None,
    workers: int | None,
    scheduler: str | None,
    resume: str | None,
) -> int:
    with _bar(settings) as progress:
        report = Path(resume) if resume is not None else None
        replayed = office.replay_all(item, workers, scheduler, report, progress)
    data = _rendered(replayed, settings.translate)
    if not settings.json:
        _complain(settings, data["findings"])
    settings.show(data, lambda screen, data: screen.replayed_all(data), office.zone)
    return FINDINGS if data["findings"] else 0


def _page(screen: Screen, data: Any, variables: bool) -> None:
    """Show a replay act by act, as far as somebody wants to see it."""
    n, count = 1, len(data["acts"])
    while True:
        click.clear()
        _write(screen.act(data, n, variables=variables))
        ask = say("act {n} of {count} (Enter: next, b: back, a number, q: quit)", n=n, count=count)
        answer = click.prompt(screen.say(ask), default="", show_default=False).strip().lower()
        if answer == "q" or (not answer and n == count):
            return
        if answer.isdecimal():
            n = min(max(int(answer), 1), count)
        elif answer in ("", "b"):
            n = min(max(n + (-1 if answer == "b" else 1), 1), count)


@_verb(
    cli,
    "why",
    "lianban why 42 outcome",
    say(
        "Why CASE ended so or waits where it does, or why WHAT is so: a step, a route, a document, a due "
        "date, a joint review, an event's number. Back to the application, each link with its event."
    ),
)
@click.argument("case", metavar="CASE")
@click.argument("what", metavar="[WHAT]", required=False)
@_as_of_option
def why(settings: Settings, case: str, what: str | None) -> None:
    with settings.office() as office:
        told = office.why(case, what, settings.now(office.zone), as_of=settings.as_of(office.zone))
        settings.show(told, lambda screen, data: screen.why(data), office.zone)


@_verb(
    cli,
    "page",
    "lianban page 42 -o 42.html",
    say(
        "CASE as a page to look back through: diagram, clocks, days and proof after every act, in one file"
        " that needs no network. It holds all that the history holds: keep it as you keep the file."
    ),
)
@click.argument("case", metavar="CASE")
@click.option("-o", "--output", metavar="FILE", help=say("Write to FILE; on a terminal it is named.").msgid)
def page(settings: Settings, case: str, output: str | None) -> int:
    with settings.office() as office, _progress(settings) as progress:
        screen, now = settings.screen(office.zone), settings.now(office.zone)
        made = office.replay_page(case, now, settings.lang, settings.translate, screen.told, progress)
    found = [finding.as_dict(settings.translate) for finding in made["findings"]]
    if not settings.json:
        _complain(settings, found)
    text = say("the replay of case {case} is in {file}", case=made["case"])
    _deliver(settings, {**made, "findings": found}, output, f"{made['case']}.html", text)
    return FINDINGS if found else 0


@_verb(
    cli,
    "backtest",
    """lianban backtest processes/senior-card
lianban backtest senior-card --dmn card-kind.dmn --from 2026-01-01
lianban backtest homestead@2 --map review=check -o report.json""",
    say(
        "Recorded cases against a draft, a FOLDER or a version: who would have been routed, decided or late "
        "otherwise, case by case and in sum. By ITEM alone, each case by its own version, with another table "
        "or calendar."
    ),
)
@click.argument("what", metavar="FOLDER|ITEM@VERSION|ITEM")
@click.option(
    "--dmn",
    "tables",
    multiple=True,
    metavar="FILE",
    help=say("This decision table in the place of that of the same name.").msgid,
)
@click.option(
    "--calendar",
    "calendars",
    multiple=True,
    metavar="FILE",
    help=say("With this year or these local days, as `clock import` reads them.").msgid,
)
@click.option("--item", metavar="ITEM", help=say("Cases of ITEM; left out, of the draft's own.").msgid)
@click.option("--from", "since", metavar="DATE", help=say("Cases opened from this day on.").msgid)
@click.option("--until", metavar="DATE", help=say("Cases opened until this day.").msgid)
@click.option(
    "--limit", type=click.IntRange(min=1), metavar="N", help=say("Only the N that were opened last.").msgid
)
@click.option(
    "--map", "pairs", multiple=True, metavar="OLD=NEW", help=say("What an element is called now.").msgid
)
@click.option("-o", "--output", metavar="FILE.json", help=say("Write what --json prints to FILE.").msgid)
def backtest(
    settings: Settings,
    what: str,
    tables: tuple[str, ...],
    calendars: tuple[str, ...],
    item: str | None,
    since: str | None,
    until: str | None,
    limit: int | None,
    pairs: tuple[str, ...],
    output: str | None,
) -> int:
    from engine.office.backtesting import Wish

    with settings.office() as office, _bar(settings) as progress:
        wish = Wish(
            what,
            {Path(file).name: _read(file) for file in tables},
            tuple(_calendar_change(file) for file in calendars),
            item,
            _day_of(since, office.zone),
            _day_of(until, office.zone),
            limit,
            dict(_renaming(pair) for pair in pairs),
        )
        done = office.backtest(wish, settings.now(office.zone), progress)
    for line in done["cases"]:
        if line["refusal"] is not None:
            line["refusal"] = line["refusal"].as_dict(settings.translate)
    data = {**done, "file": output}
    if output is not None:
        _write_file(output, _dump(_rendered(data, settings.translate)).encode())
    settings.show(data, lambda screen, data: screen.backtested(data), office.zone)
    return FINDINGS if done["total"]["classes"].get("broken") else 0


def _day_of(text: str | None, zone: str) -> date | None:
    """The day in `zone` that a person wrote."""
    from zoneinfo import ZoneInfo

    return _instant(text, zone).astimezone(ZoneInfo(zone)).date() if text else None


def _calendar_change(file: str) -> Year | dict[str, dict[date, Overlay | None]]:
    """What a file says of a year (JSON) or of local days (TOML)."""
    from engine.clock import overlays_from_file, year_from_file

    content, name = _read(file), Path(file).name
    return (overlays_from_file if name.endswith(".toml") else year_from_file)(content, name)


@_verb(
    cli,
    "verify",
    "lianban verify --seals seals.json",
    say("Check CASE, or everything: hashes, replay, who and when, documents, definitions, numbers, seals."),
)
@click.argument("case", metavar="[CASE]", required=False)
@click.option("--seals", metavar="FILE", help=say("Against a copy of the seals kept elsewhere.").msgid)
@click.option("--key", metavar="FILE.pub", help=say("Every seal must be signed with this key.").msgid)
@click.option("--export", "log", metavar="FILE.xes", help=say("Against an export kept elsewhere.").msgid)
def verify(settings: Settings, case: str | None, seals: str | None, key: str | None, log: str | None) -> int:
    copy = _read(seals) if seals is not None else None
    signer = _read(key).decode(errors="replace") if key is not None else ""
    kept = _read(log, MOST_OF_A_LOG) if log is not None else None
    with settings.office(damaged=True) as office, _progress(settings) as progress:
        checked: Counter[str] = Counter()
        count, findings = office.verify(case, progress, copy=copy, key=signer, checked=checked)
        if kept is not None:
            findings += office.verify_export(BytesIO(kept), progress)
    found = [finding.as_dict(settings.translate) for finding in findings]
    if not settings.json:
        _complain(settings, found)
    settings.show(
        {"histories": count, "findings": found, "checked": dict(checked)},
        lambda screen, data: screen.verified(data),
    )
    return FINDINGS if findings else 0


@_verb(
    seal,
    "make",
    "lianban seal make --key seal_ed25519",
    say("Seal every history as it stands; once a day, after closing time."),
)
@click.option(
    "--key",
    metavar="FILE",
    help=say("Sign with this Ed25519 key (ssh-keygen -t ed25519), kept off this machine.").msgid,
)
def seal_make(settings: Settings, key: str | None) -> int:
    content = _read(key) if key is not None else None
    with settings.office() as office:
        sealed = office.seal(settings.now(office.zone), content, _passphrase(), settings.who)
        broken = {case: refusal.as_dict(settings.translate) for case, refusal in sealed.broken.items()}
        data = {
            **sealed.seal._asdict(),
            "digest": sealed.seal.digest,
            "moved": sealed.moved,
            "broken": broken,
        }
        if not settings.json:
            _complain(settings, broken.values())
        settings.show(data, lambda screen, data: screen.sealed(data), office.zone)
    return FINDINGS if broken else 0


def _passphrase() -> bytes | None:
    """What opens a key that is locked; never an option, which others on the machine could read."""
    given = os.environ.get("LIANBAN_KEY_PASSPHRASE")
    return given.encode() if given else None


@_verb(seal, "list", "lianban seal list", say("Every seal: when, over how much, its root, who signed."))
def seal_list(settings: Settings) -> None:
    with settings.office() as office:
        data = {"seals": [{**made._asdict(), "digest": made.digest} for made in office.seals()]}
        settings.show(data, lambda screen, data: screen.seals(data), office.zone)


@_verb(
    seal,
    "export",
    "lianban seal export seals.json",
    say("A copy of all seals, to keep where nobody who can write the database can: for `verify --seals`."),
)
@click.argument("file", metavar="FILE")
def seal_export(settings: Settings, file: str) -> None:
    with settings.office() as office:
        content = office.seal_copy()
        _write_file(file, content)
        data = {"file": file, "seals": len(office.seals()), "bytes": len(content)}
        text = say("{seals} seals written to {file}", seals=data["seals"], file=file)
        settings.show(data, lambda screen, _: screen.line(text), office.zone)


_to_option = click.option(
    "--to",
    "to",
    type=click.IntRange(min=1),
    metavar="N",
    help=say("Prove it under seal N; left out, the newest.").msgid,
)


@_verb(
    seal,
    "prove",
    "lianban seal prove --from 1 --to 5 -o days.json",
    say("The proof that between two seals the log was only added to; the checker reads it."),
)
@click.option("--from", "older", type=click.IntRange(min=1), required=True, metavar="N")
@_to_option
@click.option("-o", "--output", metavar="FILE", help=say("Write to FILE; on a terminal it is named.").msgid)
def seal_prove(settings: Settings, older: int, to: int | None, output: str | None) -> None:
    with settings.office() as office:
        made = office.prove_seals(older, to)
    named = f"seals-{made.first.number}-{made.last.number}.json"
    _hand_out(settings, made, output, named, say("the proof is in {file}"))


@_verb(
    cli,
    "receipt",
    "lianban receipt 42 -o receipt.json",
    say(
        "One file that proves CASE to somebody who has nothing of the office: its history, definitions,"
        " calendars, documents and seal. With --checker the program that checks it: one file of Python."
    ),
)
@click.argument("case", metavar="[CASE]", required=False)
@click.option("--checker", is_flag=True, help=say("The program that checks receipts and extracts.").msgid)
@_to_option
@click.option("-o", "--output", metavar="FILE", help=say("Write to FILE; on a terminal it is named.").msgid)
def case_receipt(
    settings: Settings, case: str | None, checker: bool, to: int | None, output: str | None
) -> None:
    from engine.office.receipts import checker as program

    if checker == (case is not None):
        raise click.UsageError(say("name a CASE, or write --checker").render(settings.translate))
    if case is None:
        data = {"case": None, "content": program().decode()}
        _deliver(settings, data, output, "check.py", say("the checker is in {file}"))
        return
    with settings.office() as office:
        made = office.receipt(case, to)
    _hand_out(settings, made, output, f"receipt-{made.case}.json", say("the receipt is in {file}"))


@_verb(
    cli,
    "extract",
    "lianban extract 42 -o extract.html",
    say(
        "What the public may see of CASE, provable against its seal; everything else only as hashes. A page"
        " if FILE ends with .html, in Chinese unless --lang or LIANBAN_LANG says otherwise."
    ),
)
@click.argument("case", metavar="CASE")
@click.option(
    "--show", multiple=True, metavar="[SEQ:]PATH", help=say("Show this too: 7:/data/data/opinion.").msgid
)
@_to_option
@click.option("-o", "--output", metavar="FILE", help=say("Write to FILE; on a terminal it is named.").msgid)
def case_extract(
    settings: Settings, case: str, show: tuple[str, ...], to: int | None, output: str | None
) -> None:
    lang = settings.public
    page = (lang, _catalogue(lang).gettext) if output is not None and output.endswith(".html") else None
    with settings.office() as office:
        made = office.extract(case, to, show, page)
    _hand_out(settings, made, output, f"extract-{made.case}.json", say("the extract is in {file}"))


def _hand_out(settings: Settings, made: Proof, output: str | None, named: str, done: Text) -> None:
    """Write a proof to a file or to standard output, and say what is not in it."""
    about = {key: value for key, value in made._asdict().items() if key not in ("content", "first", "last")}
    seals = {"seal": made.first.number, "newest": made.last.number, "digest": made.last.digest}
    data = {**about, **seals, "content": made.content.decode()}
    _deliver(settings, data, output, named, done)
    if made.unsealed and not settings.json:
        left = say("{count} events of the case are not sealed yet: nothing proves them.", count=made.unsealed)
        click.echo(left.render(settings.translate), err=True)


@_verb(
    report,
    "accountability",
    "lianban report accountability 42 --days",
    say("Whose the days of CASE, or of every case, were: a unit's, the applicant's, or nobody's by law."),
)
@click.argument("case", metavar="[CASE]", required=False)
@click.option("--days", is_flag=True, help=say("Day by day.").msgid)
@_as_of_option
def report_accountability(settings: Settings, case: str | None, days: bool) -> None:
    with settings.office() as office:
        data = office.accountability(case, settings.now(office.zone), as_of=settings.as_of(office.zone))
        settings.show(data, lambda screen, data: screen.accountability(data, days=days), office.zone)


@_verb(
    report,
    "findings",
    "lianban report findings",
    say("What somebody will have to answer for, in CASE or in every case: a second notice, a late dissent …"),
)
@click.argument("case", metavar="[CASE]", required=False)
@_as_of_option
def report_findings(settings: Settings, case: str | None) -> None:
    with settings.office() as office:
        data = {
            "findings": office.findings(case, settings.now(office.zone), as_of=settings.as_of(office.zone))
        }
        settings.show(data, lambda screen, data: screen.findings(data), office.zone)


@_verb(
    cli,
    "export",
    "lianban export xes --item enterprise-startup -o log.xes",
    say(
        "The histories of all cases for other tools, as xes, ocel (OCEL 2.0, JSON) or csv. They hold persons"
        " and answers unless you --redact them."
    ),
)
@click.argument("form", metavar="FORMAT", type=click.Choice(["xes", "ocel", "csv"]))
@click.option("-o", "--output", metavar="FILE", help=say("Write to FILE, else to standard output.").msgid)
@click.option("--item", "code", metavar="ITEM", help=say("Only cases of ITEM.").msgid)
@click.option("--from", "since", metavar="INSTANT", help=say("Only cases opened then or later.").msgid)
@click.option("--until", metavar="INSTANT", help=say("Only cases opened before.").msgid)
@click.option("--redact", is_flag=True, help=say("Without persons and answers.").msgid)
@click.option("--bom", is_flag=True, help=say("CSV begins with a mark for spreadsheets.").msgid)
@_as_of_option
def export(
    settings: Settings,
    form: Literal["xes", "ocel", "csv"],
    output: str | None,
    code: str | None,
    since: str | None,
    until: str | None,
    redact: bool,
    bom: bool,
) -> None:
    from engine.office.exporting import Wanted

    with settings.office() as office, _progress(settings) as progress:
        first, last = (_instant(text, office.zone) if text else None for text in (since, until))
        wanted = Wanted(form, code, first, last, redact, settings.public, bom)
        if output in (None, "-"):
            office.export(wanted, sys.stdout.buffer, progress, as_of=settings.as_of(office.zone))
            return
        with _written(str(output)) as stream:
            told = office.export(wanted, stream, progress, as_of=settings.as_of(office.zone))
        data = {**told, "file": output}
        text = say(
            "{file} is written; cases: {cases}, events: {events}",
            cases=told["cases"],
            events=told["events"],
            file=output,
        )
        settings.show(data, lambda screen, _: screen.line(text))
    if not redact and not settings.json:
        warning = say("It holds persons and answers; --redact leaves them out.")
        click.echo(warning.render(settings.translate), err=True)


@_verb(
    cli,
    "conform",
    "lianban conform senior-card log.csv --case-column 'Case ID'",
    say(
        "Replay LOG, a log of another system (XES or CSV), on a diagram: which cases follow it, and where the"
        " others leave it. DIAGRAM is a folder, a file, or a published item (ITEM, ITEM@1)."
    ),
)
@click.argument("what", metavar="DIAGRAM")
@click.argument("log", metavar="LOG")
@click.option("--case-column", default="", metavar="NAME", help=say("The column of the case.").msgid)
@click.option("--activity-column", default="", metavar="NAME", help=say("The column of what was done.").msgid)
@click.option("--time-column", default="", metavar="NAME", help=say("The column of when.").msgid)
@click.option(
    "--map",
    "pairs",
    multiple=True,
    metavar="ACTIVITY=ELEMENT",
    help=say("What an activity is in the diagram; nothing after the = passes it over. Repeat it.").msgid,
)
@click.option("--strict", is_flag=True, help=say("A step that the log never names was not done.").msgid)
@click.option("--ended", is_flag=True, help=say("Every case must have come to the end of the process.").msgid)
def conform_log(
    settings: Settings,
    what: str,
    log: str,
    case_column: str,
    activity_column: str,
    time_column: str,
    pairs: tuple[str, ...],
    strict: bool,
    ended: bool,
) -> int:
    from engine.conform import Columns
    from engine.office.conforming import check_log, is_drawn

    columns = Columns(case_column, activity_column, time_column)
    given = dict(_activity(pair) for pair in pairs)
    content = (log, _read(log, MOST_OF_A_LOG))
    wanted: Any = {"ended": ended, "strict": strict}
    with _bar(settings) as progress:
        if is_drawn(what):
            told = check_log(what, None, content, columns, given, **wanted, progress=progress)
        else:
            with settings.office() as office:
                told = office.conform(what, content, columns, given, **wanted, progress=progress)
    settings.show(told, lambda screen, data: screen.conformed(data))
    return EXIT["refused"] if told["fitting"] < len(told["cases"]) else 0


def _activity(pair: str) -> tuple[str, str]:
    """What --map says: an activity, and the element that it is ("" for none)."""
    activity, sign, element = pair.rpartition("=")
    if not (activity.strip() and sign):
        raise Wrong(say("--map {pair} names no activity; write --map ACTIVITY=ELEMENT", pair=pair))
    return activity.strip(), element.strip()


# --- operators

_deliver_option = click.option(
    "--deliver",
    "address",
    metavar="ADDRESS",
    help=say("Let reminders and cards go out: a folder, or smtp://HOST?from=ADDRESS.").msgid,
)


def _delivery(address: str | None) -> Delivery | None:
    if address is None:
        return None
    from engine.delivery import delivery_at

    return delivery_at(address)


def _show_round(settings: Settings, swept: Swept | None, delivered: Delivered | None) -> int:
    """What a sweep and the delivery after it did; the exit code."""
    refusals = swept.refused if swept else {}
    refused = {case: refusal.as_dict(settings.translate) for case, refusal in refusals.items()}
    data = {
        "cases": swept.cases if swept else [],
        "fired": swept.fired if swept else 0,
        "refused": refused,
        "sent": delivered.sent if delivered else [],
        "failed": delivered.failed if delivered else {},
    }
    if not settings.json:
        _complain(settings, refused.values())
    settings.show(data, lambda screen, data: screen.swept(data))
    return PARTLY if refused or data["failed"] else 0


@_verb(
    cli,
    "sweep",
    "lianban sweep",
    say(
        "Let time pass: every timer and clock that is due acts, in every case. Twice, late or in parallel "
        "does no harm."
    ),
)
@_deliver_option
def sweep(settings: Settings, address: str | None) -> int:
    delivery = _delivery(address)
    with settings.office() as office, _progress(settings) as progress:
        swept = office.sweep(settings.now(office.zone), progress)
        delivered = None
        if delivery is not None:
            delivered = office.deliver(delivery, lambda: settings.now(office.zone), settings.translate)
    return _show_round(settings, swept, delivered)


@_verb(
    cli,
    "worker",
    "lianban worker --every 60 --deliver /var/spool/lianban",
    say("Sweep again and again, and deliver; SIGTERM or Ctrl-C ends it after the round it is in."),
)
@click.option(
    "--every",
    type=click.IntRange(min=1),
    default=60,
    metavar="SECONDS",
    help=say("Seconds between two rounds (60).").msgid,
)
@click.option("--once", is_flag=True, help=say("One round only.").msgid)
@_deliver_option
def worker(settings: Settings, every: int, once: bool, address: str | None) -> int:
    import signal
    from threading import Event

    from engine.office.worker import work

    if settings.instant is not None and not once:
        raise Wrong(say("a worker lives in the present; --now goes with --once only"))
    stop = Event()
    codes: list[int] = []
    troubles: list[Refusal] = []

    def end(number: int, _: object) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)  # whoever asks again does not want to wait

    def tell(swept: Swept | None, delivered: Delivered, trouble: Refusal | None) -> None:
        if trouble is not None:
            troubles.append(trouble)
            if not once:
                _report(settings, trouble.as_dict(settings.translate))
        elif once or settings.json or swept != Swept([], 0, {}) or delivered != Delivered():
            codes.append(_show_round(settings, swept, delivered))
        if once:
            stop.set()

    delivery = _delivery(address)
    with settings.office() as office:
        from engine.office import Swept
        from engine.office.post import Delivered

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, end)
        work(office, lambda: settings.now(office.zone), every, stop, delivery, settings.translate, tell)
    if once and troubles:
        raise troubles[0]
    return max(codes, default=0) if once else 0


@_verb(cli, "outbox", "lianban outbox --pending", say("Reminders and cards on their way, and what failed."))
@click.option("--pending", is_flag=True, help=say("Only those that still wait.").msgid)
def outbox(settings: Settings, pending: bool) -> None:
    with settings.office() as office:
        data = {"messages": office.outbox(pending=pending)}
        settings.show(data, lambda screen, data: screen.outbox(data), office.zone)


@_verb(
    cli,
    "init",
    "lianban init --rehearsal",
    say("Set up an office: its database, the shipped organisation and items."),
)
@click.option(
    "--rehearsal", is_flag=True, help=say("For demos, training and tests; marked as such for ever.").msgid
)
@click.option(
    "--organisation",
    metavar="FILE",
    help=say("Units, posts and people (TOML) instead of the shipped ones.").msgid,
)
def init(settings: Settings, rehearsal: bool, organisation: str | None) -> None:
    if not rehearsal:
        raise Invalid(
            "office.working",
            say("this version sets up rehearsal offices only"),
            expected=say("lianban init --rehearsal"),
            remedy=say("add --rehearsal; offices in which every act is signed come later"),
        )
    from engine.definition import builtin
    from engine.office import Office

    text = _read(organisation) if organisation is not None else None
    now = settings.now()
    with Office.create_rehearsal(settings.db, now, text, builtin().items().values()) as office:
        data = {
            "database": office.database,
            "rehearsal": True,
            "zone": office.zone,
            "items": office.items(settings.now(office.zone)),
        }
        settings.show(data, lambda screen, data: screen.office(data), office.zone)


@_verb(
    db,
    "upgrade",
    "lianban db upgrade",
    say("Bring the database to this version's schema. Make a backup first."),
)
def upgrade(settings: Settings) -> None:
    from engine.office import Office

    upgraded = Office.upgrade(settings.db)
    text = say("the database is upgraded") if upgraded else say("the database fits already; nothing was done")
    settings.show({"upgraded": upgraded}, lambda screen, _: screen.line(text))


@_verb(db, "check", "lianban db check", say("Whether the database can be used by this version."))
def check_database(settings: Settings) -> None:
    with settings.office() as office:
        data = {"database": office.database, "rehearsal": office.rehearsal, "zone": office.zone}
        text = say("{database} can be used", database=office.database)
        settings.show(data, lambda screen, _: screen.line(text))


@_verb(
    db,
    "rebuild",
    "lianban db rebuild",
    say("Derive every status, open step and timer again from the histories alone."),
)
def rebuild(settings: Settings) -> None:
    with settings.office() as office:
        cases = office.rebuild()
        text = say("{count} cases derived again from their histories", count=cases)
        settings.show({"cases": cases}, lambda screen, _: screen.line(text))


# --- administrators


@_verb(item, "list", "lianban item list", say("The published items, every version."))
def list_items(settings: Settings) -> None:
    with settings.office() as office:
        settings.show(
            {"items": office.items(settings.now(office.zone))},
            lambda screen, data: screen.items(data),
            office.zone,
        )


@_verb(
    item,
    "new",
    "lianban item new food-licence --kind joint --name 食品经营许可 --units samr,health,fire --promise 12",
    say("Begin an item: a FOLDER that publishes as it is, with diagram, forms, clocks and worked cases."),
)
@click.argument("folder", metavar="FOLDER", required=False)
@click.option("--list", "listed", is_flag=True, help=say("The kinds of items, a line each.").msgid)
@click.option("--kind", metavar="KIND", help=say("What kind of item; see --list.").msgid)
@click.option("--name", metavar="NAME", help=say("What the guide calls it, in Chinese.").msgid)
@click.option("--name-en", metavar="NAME", default="", help=say("Its English name.").msgid)
@click.option("--code", metavar="CODE", help=say("Its code; left out: the name of the folder.").msgid)
@click.option("--lead", metavar="UNIT", default="", help=say("The authority that decides.").msgid)
@click.option("--window", metavar="UNIT", default="", help=say("The unit that receives and delivers.").msgid)
@click.option("--units", metavar="UNIT,…", help=say("The units that take part, the lead first.").msgid)
@click.option("--days", type=int, metavar="N", help=say("The law's term, from acceptance to decision.").msgid)
@click.option("--promise", type=int, metavar="N", help=say("The term that you promise.").msgid)
@click.option("--law", metavar="LAW", default="", help=say("The law that creates the licence.").msgid)
@click.option("--article", metavar="ARTICLE", default="", help=say("The article of it.").msgid)
@click.option(
    "--level",
    type=click.Choice(["law", "administrative-regulation", "local-regulation", "rule"]),
    default="law",
    help=say("The rank of that law.").msgid,
)
@click.option("--effective", metavar="DATE", help=say("From when on; left out: today.").msgid)
def begin_item(
    settings: Settings,
    folder: str | None,
    listed: bool,
    kind: str | None,
    name: str | None,
    code: str | None,
    units: str | None,
    effective: str | None,
    **given: Any,
) -> None:
    from engine.office import new_item
    from engine.scaffold import Wish, kinds

    if listed:
        told = [
            {"kind": k.id, "name": k.title, "summary": k.summary, "term": str(k.term)}
            for k in kinds().values()
        ]
        settings.show({"kinds": told}, lambda screen, data: screen.kinds(data))
        return
    if folder is None:
        raise click.MissingParameter(
            ctx=click.get_current_context(), param_hint="'FOLDER'", param_type="argument"
        )
    kind = kind or _wanted(settings, "--kind", say("Kind of item"), {k.id: k.title for k in kinds().values()})
    name = name or _wanted(settings, "--name", say("Name of the item, in Chinese"))
    day = _instant(effective) if effective else settings.now()
    wish = Wish(
        kind, code or Path(folder).resolve().name, name, _office_day(day), units=tuple(_parts(units)), **given
    )
    try:
        with settings.office() as office:
            files = office.new_item(Path(folder), wish)
    except Unknown as missing:
        if missing.code != "office.missing" or settings.db is not None:
            raise
        files = new_item(Path(folder), wish)
    data = {"folder": folder, "item": wish.code, "kind": kind, "files": files}
    settings.show(data, lambda screen, data: screen.begun(data))


def _office_day(at: datetime) -> date:
    """The day in the office on which an instant falls."""
    from zoneinfo import ZoneInfo

    from engine.clock import OFFICE_ZONE

    return at.astimezone(ZoneInfo(OFFICE_ZONE)).date()


@_verb(
    item,
    "check",
    "lianban item check processes/senior-card",
    say("Everything that is wrong with the item in FOLDER, and whether its examples come out."),
)
@click.argument("folder", metavar="[FOLDER]", required=False)
@click.option(
    "--explain",
    "code",
    metavar="CODE",
    help=say("The page of a problem's code: what it means, why it matters, how to mend it.").msgid,
)
def check_item(settings: Settings, folder: str | None, code: str | None) -> int:
    if (folder is None) is (code is None):
        raise Wrong(say("give a folder to check, or --explain with the code of a problem"))
    if folder is None:
        from engine.problems import explain

        page = explain(str(code))
        data = {"code": page.code, "title": page.title, "severity": page.head["severity"]}
        data |= {"rule": page.rule, "page": page.text}
        settings.show(data, lambda screen, data: screen.code_page(data))
        return 0
    from engine.office import check_folder

    try:
        with settings.office() as office:
            checked = office.check(Path(folder))
    except Unknown as missing:
        if missing.code != "office.missing" or settings.db is not None:
            raise
        checked = check_folder(Path(folder))
    definition = checked.definition
    data = {
        "folder": folder,
        "item": definition.code if definition else None,
        "definition": definition.digest if definition else None,
        "examples": checked.played,
        "problems": [_problem(settings, *found) for found in checked.problems],
        "explain": "lianban item check --explain CODE",
    }
    settings.show(data, lambda screen, data: screen.checked(data))
    return 0 if definition else EXIT["invalid"]


def _problem(settings: Settings, problem: Problem, excerpt: Excerpt | None) -> dict[str, Any]:
    """A finding with what stands in its line, and the rule that its page names."""
    from engine.problems import page

    explained = page(problem.code)
    return {
        **problem.as_dict(settings.translate),
        "rule": explained.rule if explained else "",
        "excerpt": excerpt.as_dict() if excerpt else None,
    }


@_verb(
    item,
    "publish",
    "lianban item publish processes/senior-card",
    say("Check the item in FOLDER, play its examples, and put it in force from its effective date."),
)
@click.argument("folder", metavar="FOLDER")
def publish(settings: Settings, folder: str) -> None:
    with settings.office() as office:
        now = settings.now(office.zone)
        row = office.publish(Path(folder), now, settings.who)
        versions = [line for line in office.items(now) if line["item"] == row.item]
    line = next(line for line in versions if line["version"] == row.version)
    text = say(
        "{item} version {version} is published, in force from {effective}",
        item=row.item,
        version=row.version,
        effective=row.effective,
    )
    data = {**row._asdict(), "status": line["status"], "revived": None}
    ended = [other["abolished"] for other in versions if other["abolished"] and line["abolished"] is None]
    if ended:
        data["revived"] = ended[0]["since"]
    settings.show(data, lambda screen, data: screen.line(text) + screen.published(data))


@_verb(
    item,
    "abolish",
    "lianban item abolish senior-card --from 2027-01-01 --reason '…'",
    say("Open no case of ITEM from a day on, as an administrator; open cases go on."),
)
@click.argument("item", metavar="ITEM")
@click.option("--from", "since", metavar="DATE", help=say("The first such day; left out, today.").msgid)
@_reason_option
def abolish(settings: Settings, item: str, since: str | None, reason: str | None) -> None:
    reason = _reason(settings, reason)
    with settings.office() as office:
        day = _day_of(since, office.zone)
        data = office.abolish(settings.who, item, day, reason, settings.now(office.zone))
        settings.show(data, lambda screen, data: screen.abolished(data), office.zone)


@_verb(
    item,
    "migrate",
    """lianban item migrate senior-card --dry-run
lianban item migrate senior-card --map review=check --reason '…'
lianban item migrate senior-card --undo m1 --reason '…'""",
    say(
        "Take open cases of ITEM (all, or each CASE) over to another version, as an administrator; what is "
        "under way stays so, and clocks keep their terms."
    ),
)
@click.argument("item", metavar="ITEM")
@click.argument("cases", metavar="[CASE]...", nargs=-1)
@click.option("--to", type=int, metavar="VERSION", help=say("Left out, the version in force today.").msgid)
@click.option("--from", "source", type=int, metavar="VERSION", help=say("Only cases of this version.").msgid)
@click.option(
    "--map", "pairs", multiple=True, metavar="OLD=NEW", help=say("What an element is called now.").msgid
)
@click.option(
    "--accept",
    "accepted",
    multiple=True,
    metavar="ELEMENT",
    help=say("Answer for it that a case passes over ELEMENT.").msgid,
)
@click.option("--undo", default="", metavar="BATCH", help=say("Take the cases of BATCH back.").msgid)
@click.option("--dry-run", is_flag=True, help=say("Only say which cases could go over, and why not.").msgid)
@_reason_option
def migrate(
    settings: Settings,
    item: str,
    cases: tuple[str, ...],
    to: int | None,
    source: int | None,
    pairs: tuple[str, ...],
    accepted: tuple[str, ...],
    undo: str,
    dry_run: bool,
    reason: str | None,
) -> int:
    from engine.office.migrations import Wish

    if undo and (to is not None or source is not None or pairs):
        raise Wrong(say("--undo goes back as it came: leave --to, --from and --map away"))
    names = dict(_renaming(pair) for pair in pairs)
    text = "" if dry_run else _reason(settings, reason)
    wish = Wish(item, to, source, cases, names, accepted, undo, text)
    with settings.office() as office, _bar(settings) as progress:
        if dry_run:
            done = office.plan_migration(wish, settings.now(office.zone), progress)
        else:
            done = office.migrate(settings.who, wish, lambda: settings.now(office.zone), progress)
    for line in done["cases"]:
        if line["refusal"] is not None:
            line["refusal"] = line["refusal"].as_dict(settings.translate)
    settings.show({**done, "dry_run": dry_run}, lambda screen, data: screen.migrated(data))
    counts = done["counts"]
    undone = counts.get("unsafe", 0) + counts.get("refused", 0)
    if dry_run or not undone:
        return 0
    return PARTLY if counts.get("migrated") or counts.get("already") else EXIT["invalid"]


def _renaming(pair: str) -> tuple[str, str]:
    old, sign, new = (part.strip() for part in pair.partition("="))
    if not (old and sign and new):
        raise Wrong(say("--map {pair} does not say what is called how; write --map old=new", pair=pair))
    return old, new


@_verb(
    item,
    "diff",
    "lianban item diff senior-card@1 senior-card@2",
    say("What NEW changes for applicants, clerks and clocks: folders, or published items (ITEM, ITEM@1)."),
)
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="[NEW]", required=False)
@click.option(
    "-o", "--output", metavar="FILE.html", help=say("Write a page with the diagrams to FILE.").msgid
)
def diff_items(settings: Settings, old: str, new: str | None, output: str | None) -> None:
    with settings.office() as office:
        found = office.compare(old, new, settings.lang, settings.translate)
        page = found.pop("content")
        if output is not None:
            _write_file(output, page.encode())
        data = {**found, "file": output}
        settings.show(data, lambda screen, data: screen.compared(data), office.zone)


_version_option = click.option(
    "--version",
    "version",
    type=click.IntRange(min=1),
    metavar="N",
    help=say("Version N of the published item; left out, the one in force.").msgid,
)


@_verb(
    item,
    "draw",
    "lianban item draw processes/senior-card -o senior-card.svg",
    say(
        "The diagram as SVG: of a FOLDER or a FILE.bpmn that is being drawn, or of a published ITEM. What"
        " has no place in the file is laid out."
    ),
)
@click.argument("what", metavar="FOLDER|FILE.bpmn|ITEM")
@click.option("-o", "--output", metavar="FILE", help=say("Write to FILE; on a terminal it is named.").msgid)
@click.option(
    "--file",
    "name",
    metavar="NAME",
    help=say("Another diagram of the item: shared/joint-meeting.bpmn.").msgid,
)
@_version_option
def draw_item(
    settings: Settings, what: str, output: str | None, name: str | None, version: int | None
) -> None:
    from engine.office import picture, picture_of_folder

    about: dict[str, Any] = {"item": None, "version": None, "definition": None}
    if Path(what).is_dir():
        drawn = about | picture_of_folder(Path(what), name)
    elif what.endswith(".bpmn") or Path(what).is_file():
        drawn = about | picture(_read(what), Path(what).name)
    else:
        with settings.office() as office:
            drawn = office.picture(what, version, name, settings.now(office.zone))
    suggested = f"{drawn['item'] or Path(what).resolve().stem}.svg"
    _deliver(
        settings, drawn, output, suggested, say("{diagram} is drawn in {file}", diagram=drawn["diagram"])
    )


@_verb(
    item,
    "guide",
    "lianban item guide senior-card -o senior-card.html",
    say(
        "The service guide of a published ITEM, or of the item in FOLDER, as a page for web and print, with"
        " its flow charts. In Chinese unless --lang or LIANBAN_LANG says otherwise."
    ),
)
@click.argument("what", metavar="FOLDER|ITEM")
@click.option("-o", "--output", metavar="FILE", help=say("Write to FILE; on a terminal it is named.").msgid)
@_version_option
def guide_item(settings: Settings, what: str, output: str | None, version: int | None) -> None:
    from engine.office import guide_of_folder

    lang = settings.public
    translate = _catalogue(lang).gettext
    try:
        with settings.office() as office:
            now = settings.now(office.zone)
            if Path(what).is_dir():
                made = office.guide_of_folder(Path(what), lang, translate, now)
            else:
                made = office.guide(what, version, lang, translate, now)
    except Unknown as missing:
        if missing.code != "office.missing" or settings.db is not None or not Path(what).is_dir():
            raise
        made = guide_of_folder(Path(what), lang, translate)
    text = say("the guide to {item} is in {file}", item=made["item"])
    _deliver(settings, made, output, f"{made['item']}.html", text)
    if made["not_stated"] and not settings.json:
        names = ", ".join(entry["name"].render(settings.translate) for entry in made["not_stated"])
        left = say("The item does not state: {names}. The guide says so.", names=names)
        click.echo(left.render(settings.translate), err=True)


def _deliver(settings: Settings, data: dict[str, Any], output: str | None, named: str, done: Text) -> None:
    """Write `data["content"]` to a file or to standard output; with --json tell what it is."""
    if output is None and sys.stdout.isatty() and not settings.json:
        output = named
    if (output is None or output == "-") and not settings.json:
        _write(data["content"].encode())
        return
    if output is not None and output != "-":
        _write_file(output, data["content"].encode())
        data = {**data, "content": None}
    data = {**data, "file": output}
    settings.show(data, lambda screen, _: screen.line(say(done.msgid, **done.params, file=output)))


@_verb(
    item,
    "rehearse",
    """lianban item rehearse processes/senior-card --step
lianban item rehearse processes/senior-card --explore --dry-run
lianban item rehearse process.bpmn --inputs inputs.json

  {"start": "2026-03-02T09:00:00+08:00", "variables": {"capital": 200},
   "steps": [{"complete": "review", "data": {"opinion": "agree"}},
             {"advance_to": "2026-03-05T09:00:00+08:00"}]}""",
    say(
        "Play an item's examples on virtual time, look for ways that they leave out, or play a case by hand. "
        "Or run a bare diagram, with the decision tables (*.dmn) beside it."
    ),
)
@click.argument("diagram", metavar="FOLDER|FILE.bpmn")
@click.option(
    "--inputs",
    metavar="FILE.json",
    help=say("Of a bare diagram: start, variables and steps; - for standard input.").msgid,
)
@click.option("--example", metavar="NAME", help=say("Of an item: only this example.").msgid)
@click.option(
    "--step", "step_by_step", is_flag=True, help=say("Of an item: show each step of the examples.").msgid
)
@click.option(
    "--explore",
    "exploring",
    is_flag=True,
    help=say("Of an item: look for ways that no example takes, and write examples that take them.").msgid,
)
@click.option(
    "--play",
    "by_hand",
    is_flag=True,
    help=say("Of an item: play a case by hand, from prompts or --data, and write it as an example.").msgid,
)
@click.option(
    "--data",
    metavar="FILE",
    help=say("For --play: the moves as JSON in FILE, or - (standard input).").msgid,
)
@click.option("--save", metavar="NAME", help=say("For --play: the name of the example.").msgid)
@click.option("--dry-run", is_flag=True, help=say("Write no file; print what would be written.").msgid)
def rehearse(
    settings: Settings,
    diagram: str,
    inputs: str | None,
    example: str | None,
    step_by_step: bool,
    exploring: bool,
    by_hand: bool,
    data: str | None,
    save: str | None,
    dry_run: bool,
) -> int:
    given = {
        "--example": example,
        "--step": step_by_step,
        "--explore": exploring,
        "--play": by_hand,
        "--data": data,
        "--save": save,
        "--dry-run": dry_run,
    }
    if inputs is not None or not Path(diagram).is_dir():
        misplaced = [option for option, value in given.items() if value]
        if misplaced:
            raise Wrong(say("{option} is for the folder of an item, without --inputs", option=misplaced[0]))
        if inputs is None:
            raise click.MissingParameter(
                ctx=click.get_current_context(), param_hint="'--inputs'", param_type="option"
            )
        return _rehearse_diagram(settings, diagram, inputs)
    if exploring and (by_hand or example is not None or step_by_step):
        raise Wrong(say("--explore stands alone, or with --dry-run"))
    if by_hand and (example is not None or step_by_step):
        raise Wrong(say("--play goes with --data, --save and --dry-run only"))
    if not by_hand and (data is not None or save is not None):
        raise Wrong(say("--data and --save go with --play"))
    if dry_run and not exploring and not by_hand:
        raise Wrong(say("--dry-run goes with --explore or --play; nothing else writes a file"))
    item = _rehearsing(settings, Path(diagram))
    if exploring:
        return _explore(settings, item, dry_run=dry_run)
    if by_hand:
        return _play_by_hand(settings, item, data, save, dry_run=dry_run)
    told = item.examples(example, step_by_step=step_by_step)
    settings.show(told, lambda screen, data: screen.rehearsed(data))
    return 0 if all(line["ok"] for line in told["examples"]) else EXIT["refused"]


def _rehearsing(settings: Settings, folder: Path) -> Rehearsing:
    """The item in `folder` with the people of the office at hand, or where there is none the shipped ones."""
    from engine.office.rehearsing import Rehearsing

    try:
        with settings.office() as office:
            return office.rehearsing(folder)
    except Unknown as missing:
        if missing.code != "office.missing" or settings.db is not None:
            raise
        return Rehearsing(folder)


def _explore(settings: Settings, item: Rehearsing, *, dry_run: bool) -> int:
    """Propose examples, and write them unless it is a dry run. No file is ever written over."""
    told = item.explore(settings.translate, settings.lang)
    for line in told["proposed"]:
        if not dry_run:
            _write_new(item.folder / line["file"], line["content"])
            line["written"] = True
        elif not settings.json:
            click.echo(f"--- {line['file']}\n{line['content']}")
    settings.show(told, lambda screen, data: screen.explored(data))
    return 0


def _play_by_hand(
    settings: Settings, item: Rehearsing, data: str | None, save: str | None, *, dry_run: bool
) -> int:
    """Play a case, and write it as an example once it is closed."""
    from engine.office.rehearsing import PLAYED

    if save is not None and re.fullmatch("[A-Za-z0-9][A-Za-z0-9._-]*", save) is None:
        raise Wrong(say("{name} is no name of a file: use letters, digits and hyphens", name=save))
    session = item.by_hand()
    script: Any = {}
    if data is not None:
        script = _parse(_read(data), data)
        session.play(script)
    elif _may_ask(settings):
        _ask_moves(settings, session)
    else:
        raise Wrong(say("give the moves with --data, or play on a terminal"))
    folder = item.folder / "examples"
    number = 1
    while (folder / f"played-{number:02d}.toml").exists():
        number += 1
    name = save or f"played-{number:02d}"
    title = script.get("title") or say("Played by hand: {name}", name=name).render(settings.translate)
    told = session.result(str(title), [line.render(settings.translate) for line in PLAYED])
    told["file"] = None
    if told["content"] is not None and not dry_run:
        _write_new(folder / f"{name}.toml", told["content"])
        told["file"] = f"examples/{name}.toml"
    elif told["content"] is not None and not settings.json:
        click.echo(told["content"])
    settings.show(told, lambda screen, data: screen.played(data))
    return 0


def _ask_moves(settings: Settings, session: ByHand) -> None:
    """Play on a terminal: choose what is done next, answer its form, or let time pass."""
    from engine.clock import OFFICE_ZONE

    def tell(line: Any) -> None:
        drawn = settings.screen(error=True).step_played(_rendered(line, settings.translate))
        click.echo(drawn, nl=False, err=True)

    at = session.first_day()
    who = settings.who or next(iter(session.who_opens(at)), "")
    tell(session.open(at, who, _ask(settings, session.opening_form(), OFFICE_ZONE, {})))
    while not session.closed:
        choices = session.choices()
        click.echo(settings.screen(error=True).choices(choices), nl=False, err=True)
        text = str(click.prompt(settings.translate("Number, t, or q"), err=True)).strip().casefold()
        if text == "q":
            return
        try:
            if text == "t":
                tell(session.move({"advance": True}))
            elif text.isdecimal() and 1 <= int(text) <= len(choices):
                chosen = choices[int(text) - 1]
                move: dict[str, Any] = {"do": chosen["task"]}
                if not chosen["confirm"]:
                    answers = _ask(settings, session.form(chosen["task"]), OFFICE_ZONE, {})
                    move |= {"data": answers} if answers else {}
                tell(session.move(move))
        except Refusal as refusal:
            _complain(settings, [refusal.as_dict(settings.translate)])


def _write_new(path: Path, content: str) -> None:
    """Write a file that is not there yet. Raises `Invalid` where it is, or can't be written."""
    try:
        path.parent.mkdir(exist_ok=True)
        with path.open("x", encoding="utf-8") as stream:
            stream.write(content)
    except FileExistsError as error:
        raise Invalid(
            "file.exists",
            say("{file} is there already; nothing is written over it", file=str(path)),
            remedy=say("choose another name, or move the file away"),
        ) from error
    except OSError as error:
        raise Invalid(
            "file.unwritable",
            say("{file} can't be written: {reason}", file=str(path), reason=error.strerror or str(error)),
            remedy=say("check your permission to write there, or print it with --dry-run"),
        ) from error


def _rehearse_diagram(settings: Settings, diagram: str, inputs: str) -> int:
    from engine.flow.read import read
    from engine.problems import in_order
    from engine.rehearsal import refused
    from engine.rehearsal import rehearse as run

    problems: list[Problem] = []
    files: dict[str, bytes] = {}
    try:
        tables = sorted(Path(diagram).parent.glob("*.dmn"))
        files = {Path(file).name: _read(file) for file in (diagram, *map(str, tables))}
        script = _parse(_read(inputs), inputs)
    except Invalid as unreadable:
        result = refused(unreadable)
        found = [unreadable.as_dict(settings.translate)]
    else:
        net, problems = read(files)
        errors = [problem for problem in problems if problem.severity == "error"]
        result = refused(errors[0]) if net is None else run(net, script)
        found = []
        if isinstance(result.problem, Refusal):
            found = [result.problem.as_dict(settings.translate)]
    if not settings.json:
        told = [_problem(settings, *placed) for placed in in_order(files, problems)]
        _complain(settings, [*_rendered(told, settings.translate), *found])
    settings.show(result.as_dict(settings.translate), lambda screen, data: screen.rehearsal(data))
    return 0 if result.state in ("running", "completed") else EXIT["refused"]


@_verb(
    clock,
    "due",
    "lianban clock due 2026-02-10 20wd",
    say("When a TERM that begins on START ends, day by day: 20wd (working days), 30d, 48h."),
)
@click.argument("start", metavar="START")
@click.argument("term", metavar="TERM")
@click.option("--unit", metavar="UNIT", help=say("Count with the local days of UNIT.").msgid)
def clock_due(settings: Settings, start: str, term: str, unit: str | None) -> None:
    from engine.clock import Workdays, count, parse_term, shipped
    from engine.office import Office

    workdays = Workdays(shipped())
    if settings.db is not None or Path("lianban.db").exists():
        # As a case of this office would be counted; where there is no office, by the shipped calendar.
        with Office.open(settings.db) as office:
            workdays = office.workdays(unit, settings.now(office.zone))
    counted = count(_instant(start, workdays.zone), parse_term(term), workdays)
    days = [row.text() for row in counted.rows]
    data = {**counted.as_json(), "calendar": workdays.calendar.digest}
    settings.show(data, lambda screen, data: screen.due(data, days), workdays.zone)


@_verb(
    clock,
    "explain",
    "lianban clock explain 42 decision",
    say("How the due dates of CASE come about, day by day: of CLOCK (or a timer), or all of them."),
)
@click.argument("case", metavar="CASE")
@click.argument("name", metavar="[CLOCK]", required=False)
@_as_of_option
def clock_explain(settings: Settings, case: str, name: str | None) -> None:
    with settings.office() as office:
        found = office.explain(case, name, settings.now(office.zone), as_of=settings.as_of(office.zone))
        data = {"clocks": [{key: told[key] for key in told if key != "lines"} for told in found]}
        lines = [(told["name"], told["clock"], told["lines"]) for told in found]
        settings.show(data, lambda screen, _: screen.explained(lines), office.zone)


@_verb(
    clock,
    "import",
    "lianban clock import 2027.json --note '国办发明电〔2026〕8号'",
    say(
        "Put a calendar forward: a year from FILE (ours or holiday-cn, JSON) or from an installed library, "
        "or local days from FILE (TOML)."
    ),
)
@click.argument("file", metavar="[FILE]", required=False)
@click.option(
    "--library", metavar="LIBRARY", help=say("holidays or chinesecalendar, in place of FILE.").msgid
)
@click.option("--year", type=int, metavar="YEAR", help=say("The year, from a library.").msgid)
@click.option("--note", default="", metavar="TEXT", help=say("What the record shall say.").msgid)
@click.option(
    "--instead",
    is_flag=True,
    help=say("In the place of what was put forward before, not on top of it.").msgid,
)
def clock_import(
    settings: Settings, file: str | None, library: str | None, year: int | None, note: str, instead: bool
) -> None:
    from engine.clock import Year, year_from_library

    change: Year | dict[str, dict[date, Overlay | None]]
    if file is not None and library is None and year is None:
        name, change = Path(file).name, _calendar_change(file)
    elif file is None and library is not None and year is not None:
        name, change = library, year_from_library(library, year)
    else:
        raise Wrong(say("name either a FILE, or a --library with a --year"))
    with settings.office() as office:
        calendar = office.import_calendar(
            change, note or name, settings.now(office.zone), settings.who, instead=instead
        )
        data = {
            "calendar": calendar,
            "year": change.year if isinstance(change, Year) else None,
            "status": change.status if isinstance(change, Year) else "local",
            "units": [] if isinstance(change, Year) else list(change),
        }
        settings.show(data, lambda screen, data: screen.imported(data), office.zone)


@_verb(
    clock,
    "plan",
    "lianban clock plan",
    say("Which due dates of open cases the calendar put forward would move, if it were applied now."),
)
def clock_plan(settings: Settings) -> None:
    with settings.office() as office:
        data = office.plan_calendar(settings.now(office.zone))
        settings.show(data, lambda screen, data: screen.planned(data), office.zone)


@_verb(
    clock,
    "apply",
    "lianban clock apply 3b5d0c6f2a91",
    say("Count by the CALENDAR put forward (its digest, or the beginning) from now on, in every open case."),
)
@click.argument("calendar", metavar="CALENDAR")
def clock_apply(settings: Settings, calendar: str) -> int:
    with settings.office() as office, _progress(settings) as progress:
        applied = office.apply_calendar(calendar, settings.now(office.zone), settings.who, progress)
    refused = {case: refusal.as_dict(settings.translate) for case, refusal in applied["refused"].items()}
    if not settings.json:
        _complain(settings, refused.values())
    settings.show({**applied, "refused": refused}, lambda screen, data: screen.applied(data))
    return PARTLY if refused else 0


# --- answers


def _may_ask(settings: Settings) -> bool:
    """Whether a person sits there who can be asked."""
    return sys.stdin.isatty() and not settings.json


def _wanted(settings: Settings, option: str, title: Text, choices: Mapping[str, Text] | None = None) -> str:
    """What was not given with `option`, asked on a terminal; one of `choices` (a code and its name) may be
    answered by its number. Raises the usage error where nobody can be asked."""
    if not _may_ask(settings):
        raise click.MissingParameter(
            ctx=click.get_current_context(), param_hint=f"'{option}'", param_type="option"
        )
    names = [f"{n} {name.render(settings.translate)}" for n, name in enumerate((choices or {}).values(), 1)]
    prompt = title.render(settings.translate) + (f" [{' / '.join(names)}]" if names else "")
    text = str(click.prompt(prompt, err=True)).strip()
    if text.isdecimal() and 1 <= int(text) <= len(names):
        return list(choices or {})[int(text) - 1]
    return text


def _grounds(office: Office, case: str, clock: str | None, now: datetime) -> dict[str, Text]:
    """What may pause the clock, or one of those that run: codes and names."""
    certificates = [
        told["certificate"] for told in office.explain(case, clock, now) if told["kind"] == "clock"
    ]
    return {
        code: titled(ground["zh"], ground["en"])
        for certificate in certificates
        if certificate["ledger"]["stopped"] is None
        for code, ground in certificate["rule"]["grounds"].items()
    }


def _answers(
    form: Answers, zone: str, pairs: tuple[str, ...], data: str | None, given: Mapping[str, Any] | None = None
) -> Answers:
    """The answers given on the command line: those of --data, over them what other options have `given`, and
    over them those of --set."""
    from engine.forms import place, read_field

    answers: Answers = {}
    if data is not None:
        answers = _parse(_read(data), data)
        if not isinstance(answers, dict):
            raise Invalid(
                "data.invalid",
                say("the answers in {file} are not a JSON object", file=data),
                expected=say("an object such as {example}", example='{"opinion": "agree"}'),
                remedy=say("correct the file; nothing was recorded"),
            )
    answers = {**answers, **(given or {})}
    for pair in pairs:
        name, sign, text = pair.partition("=")
        if not sign:
            raise Wrong(say("--set {pair} gives no value; write --set field=value", pair=pair))
        answers = place(answers, name, read_field(form, name, text, zone))
    return answers


def _until_answered(
    settings: Settings, form: Answers, zone: str, answers: Answers, act: Callable[[Answers], Done]
) -> Done:
    """Act. When only the form is in the way, and a person sits at the terminal, ask what is missing."""
    from engine.forms import questions

    try:
        return act(answers)
    except Invalid as refusal:
        asked = refusal.code == "form.invalid" and _may_ask(settings)
        if not asked or not any(question.required for question in questions(form, answers)):
            raise
    return act(_ask(settings, form, zone, answers))


def _ask(settings: Settings, form: Answers, zone: str, answers: Answers) -> Answers:
    """Prompt for every question that the form still asks, in its order."""
    from engine.forms import questions

    skipped: set[str] = set()
    while question := next((q for q in questions(form, answers) if q.name not in skipped), None):
        before = answers
        if question.kind == "records":
            number = 0
            while (question.required and not number) or _confirm(settings, question):
                number += 1
                for part in question.items:
                    answers = _ask_one(settings, form, zone, answers, part, f"{question.name}.{number}.")
        else:
            answers = _ask_one(settings, form, zone, answers, question)
        if answers == before:
            skipped.add(question.name)
    return answers


def _ask_one(
    settings: Settings, form: Answers, zone: str, answers: Answers, question: Question, prefix: str = ""
) -> Answers:
    """The answers with one more, or as they were when the person gave none to a question that needs none."""
    from engine.forms import place, read_field

    def tell(text: Text) -> str:
        return text.render(settings.translate)

    choices = [f"{number} {tell(choice.title)}" for number, choice in enumerate(question.choices, 1)]
    prompt = tell(question.title) + ("" if question.required else tell(say(" (optional)")))
    if choices:
        prompt += f" [{' / '.join(choices)}]"
    if question.help.msgid:
        click.secho(tell(question.help), dim=True, err=True)
    while True:
        default = "" if question.default is None else question.default
        text = str(click.prompt(prompt, default=default, show_default=bool(default), err=True))
        if not text.strip():
            if not question.required:
                return answers
            continue
        if text.isdecimal() and 1 <= int(text) <= len(choices):
            chosen = question.choices[int(text) - 1].value
            text = chosen if isinstance(chosen, str) else json.dumps(chosen)
        try:
            return place(
                answers, prefix + question.name, read_field(form, prefix + question.name, text, zone)
            )
        except Invalid as refusal:
            _complain(settings, [refusal.as_dict(settings.translate)])


def _confirm(settings: Settings, question: Question) -> bool:
    title = question.title.render(settings.translate)
    return click.confirm(settings.translate("Another entry: {title}?").format(title=title), err=True)


def _show_act(settings: Settings, office: Office, done: Done) -> None:
    """What an act did, and what is open now."""
    after = office.show(done.case, settings.now(office.zone))
    data = {
        "case": done.case,
        "repeated": done.repeated,
        "outcome": done.outcome,
        "outcome_name": after["outcome_name"],
        "events": office.told(done.case, done.events),
        "open": [step for step in after["steps"] if step["state"] in ("open", "awaited")],
        "clocks": after["clocks"],
    }
    settings.show(data, lambda screen, data: screen.acted(data), office.zone)


def _parts(text: str | None) -> list[str]:
    """The entries between commas."""
    return [part for part in (part.strip() for part in re.split("[,，、]", text or "")) if part]


def _reason(settings: Settings, reason: str | None) -> str:
    """The reason that goes on record, asked for where it is missing."""
    return reason if reason is not None else _wanted(settings, "--reason", say("Reason"))


# --- in and out


def _read(file: str, most: int = MOST_BYTES) -> bytes:
    """The bytes of a file of at most so many, or of standard input (`-`). Raises `Invalid`."""
    try:
        if file == "-":
            content = sys.stdin.buffer.read(most + 1)
        else:
            with Path(file).open("rb") as stream:
                content = stream.read(most + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise Invalid(
            "file.unreadable",
            say("{file} can't be read: {reason}", file=file, reason=reason),
            expected=say("a file that you may read"),
            found=say("{file}", file=file),
            remedy=say("check its name and your permission to read it"),
        ) from error
    if len(content) > most:
        raise Invalid(
            "file.too_large",
            say("{file} is too large", file=file),
            expected=say("at most {most} bytes", most=most),
            found=say("{file}", file=file),
            remedy=say("check that it is the right file"),
        )
    return content


def _parse(content: bytes, file: str) -> Any:
    """The JSON in `content`. Raises `Invalid`."""

    def constant(name: str) -> NoReturn:
        raise ValueError(f"{name} is not JSON")

    try:
        return json.loads(content, parse_constant=constant)
    except (ValueError, RecursionError) as error:
        raise Invalid(
            "json.invalid",
            say("{file} is not JSON: {reason}", file=file, reason=str(error)),
            expected=say("JSON in UTF-8"),
            found=say("{file}", file=file),
            remedy=say("correct the file; nothing was recorded"),
        ) from error


def _replaceable(file: str) -> None:
    """Raise `Invalid` for a file that nobody means when they name an output: a database, or what an item is
    made of."""
    path = Path(file)
    source = path.suffix in (".bpmn", ".dmn", ".j2", ".db") or path.name.endswith(
        (".schema.json", "item.toml")
    )
    with suppress(OSError):
        with path.open("rb") as there:
            source = source or there.read(16) == b"SQLite format 3\0"
        if source:
            raise Invalid(
                "file.source",
                say("{file} is there already, and it is no output: it would be lost", file=file),
                expected=say("a new file, or an earlier output"),
                remedy=say("name another file with -o"),
            )


def _write_file(file: str, content: bytes) -> None:
    _replaceable(file)
    try:
        Path(file).write_bytes(content)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise Invalid(
            "file.unwritable",
            say("{file} can't be written: {reason}", file=file, reason=reason),
            remedy=say("name another file with -o"),
        ) from error


@contextmanager
def _written(file: str) -> Iterator[BinaryIO]:
    """A stream to `file`, which is there only once all is written."""
    _replaceable(file)
    part = Path(f"{file}.part")
    try:
        with part.open("wb") as stream:
            yield stream
        part.replace(file)
    except OSError as error:
        raise Invalid(
            "file.unwritable",
            say("{file} can't be written: {reason}", file=file, reason=error.strerror or str(error)),
            remedy=say("name another file with -o"),
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _dump(data: Any) -> str:
    plain = sys.stdout.encoding.lower().replace("-", "") != "utf8"
    return json.dumps(data, ensure_ascii=plain) + "\n"


def _write(output: str | bytes) -> None:
    """Print. Whoever stopped reading is not interested: what was done stays done."""
    try:
        if isinstance(output, bytes):
            sys.stdout.buffer.write(output)
        else:
            sys.stdout.write(output)
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise Invalid(
                "output.failed",
                say("the output can't be written: {reason}", reason=error.strerror),
                remedy=say("make room, or write to another place; what was done stays done"),
            ) from error


def _complain(settings: Settings, findings: Any) -> None:
    """Refusals and problems in words, on stderr."""
    screen = settings.screen(error=True)
    for finding in findings:
        text = screen.problem(finding) if "severity" in finding else screen.refusal(finding)
        click.echo(text, nl=False, err=True)


@contextmanager
def _progress(settings: Settings) -> Iterator[Callable[[int], None]]:
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
def _bar(settings: Settings) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal while so many of so many are worked off."""
    shown = sys.stderr.isatty() and not settings.json
    with click.progressbar(length=0, file=sys.stderr, hidden=not shown) as bar:

        def advance(step: int, all: int) -> None:
            bar.length = all
            bar.update(step)

        yield advance


# --- languages


@cache
def _catalogue(lang: str) -> gettext.NullTranslations:
    return gettext.translation("lianban", LOCALE, [lang], fallback=True)


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
    translate = _catalogue(lang).gettext
    commands: list[click.Command] = [cli]
    for command in commands:
        command.help = translate(command.help or "")
        for param in command.params:
            if isinstance(param, click.Option) and param.help:
                param.help = translate(param.help)
        if isinstance(command, click.Group):
            commands += command.commands.values()


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


# --- the way in


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
        _report(settings, refusal.as_dict(settings.translate), getattr(refusal, "problems", []))
        return EXIT[refusal.kind]
    except click.UsageError as error:
        if settings.json:
            usage = error.ctx.get_usage() if error.ctx else ""
            _report(settings, _error("usage", error.format_message(), usage))
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
        _report(settings, _error("internal", message, help))
        return INTERNAL


def _error(code: str, message: str, remedy: str) -> dict[str, str]:
    return {"code": code, "message": message, "expected": "", "found": "", "rule": "", "remedy": remedy}


def _report(settings: Settings, refusal: Mapping[str, Any], problems: list[Problem] | None = None) -> None:
    """Say on stderr why nothing was done: one JSON object, or words."""
    found = [problem.as_dict(settings.translate) for problem in problems or ()]
    if settings.json:
        click.echo(json.dumps({**refusal, "problems": found} if found else refusal), err=True)
    else:
        _complain(settings, [*found, refusal])


if __name__ == "__main__":
    main()
