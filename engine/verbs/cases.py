"""A case from its opening on: open, inbox, show, do, and what is done to its clocks, cards and papers."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from ..errors import Text, say, titled
from .answers import (
    Answers,
    answers_given,
    answers_options,
    do_step,
    may_ask,
    nothing,
    reason_given,
    show_act,
    until_answered,
    value_wanted,
)
from .frame import FINDINGS, Settings, Wrong, catalogue, complain, deliver
from .streams import write, write_file
from .table import as_of_option, reason_option, verb

if TYPE_CHECKING:
    from ..office import Office


@verb(
    "open",
    "lianban open enterprise-startup --data application.json",
    say("Open a case of ITEM. What its form asks comes from --data, --set, or prompts."),
)
@click.argument("item", metavar="ITEM")
@answers_options
def open_case(settings: Settings, item: str, pairs: tuple[str, ...], data: str | None) -> None:
    with settings.office() as office:
        now = settings.now(office.zone)
        form = office.opening_form(item, now)
        answers = answers_given(form, office.zone, pairs, data)
        done = until_answered(
            settings,
            form,
            office.zone,
            answers,
            lambda given: office.open_case(settings.who, item, given, now),
        )
        show_act(settings, office, done)


@verb("inbox", "lianban inbox", say("The open steps that you may do, those at the greatest risk first."))
@click.option("--all", "everybody", is_flag=True, help=say("Everybody's open steps.").msgid)
@click.option("--unit", metavar="UNIT", help=say("Only steps of this unit.").msgid)
@click.option("--post", metavar="POST", help=say("Only steps of this post.").msgid)
@click.option("--mine", is_flag=True, help=say("Only what you signed for, or was handed to you.").msgid)
@as_of_option
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
            as_of=settings.as_of(office),
        )
        settings.show({"tasks": tasks}, lambda screen, data: screen.inbox(data), office.zone)


@verb(
    "show",
    "lianban show 42",
    say("Where a case stands. CASE is its number, or the end of it."),
)
@click.argument("case", metavar="CASE")
@as_of_option
def show(settings: Settings, case: str) -> None:
    with settings.office() as office:
        shown = office.show(case, settings.now(office.zone), as_of=settings.as_of(office, case))
        settings.show(shown, lambda screen, data: screen.case(data), office.zone)


@verb(
    "do",
    "lianban do 42 tax_review --set opinion=agree",
    say("Do the open STEP of CASE. What its form asks comes from --set, --data, or prompts."),
)
@click.argument("case", metavar="CASE")
@click.argument("step", metavar="STEP")
@answers_options
def do(settings: Settings, case: str, step: str, pairs: tuple[str, ...], data: str | None) -> None:
    do_step(settings, case, lambda office, now: step, nothing, pairs, data)


_clock_option = click.option(
    "--clock", "name", metavar="CLOCK", help=say("The clock; left out, the only one that it can be.").msgid
)


@verb(
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
            known = _grounds(office, case, name, now) if may_ask(settings) else {}
            ground = value_wanted(settings, "--ground", say("Ground"), known)
        if not expected:
            expected = value_wanted(settings, "--expected", say("How long it will take (12wd, 30d)"))
        done = office.pause(settings.who, case, name, ground, expected, reason, now)
        show_act(settings, office, done)


@verb(
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
        show_act(settings, office, done)


@verb(
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
        term = term or value_wanted(settings, "--by", say("How much more time (10wd, 15d)"))
        reason = reason_given(settings, reason)
        done = office.extend(settings.who, case, name, term, reason, settings.now(office.zone))
        show_act(settings, office, done)


def _card_verb(name: str, help: Text) -> None:
    """The command `card NAME CASE CARD --reason TEXT`."""

    @verb(f"card/{name}", f"lianban card {name} 42 yellow-1 --reason '…'", help)
    @click.argument("case", metavar="CASE")
    @click.argument("card", metavar="CARD")
    @click.option("--reason", metavar="TEXT", help=say("What there is to say about it.").msgid)
    def treat(settings: Settings, case: str, card: str, reason: str | None) -> None:
        from ..events import CardAnswered, CardContested, CardWithdrawn

        acts: dict[str, type[CardAnswered | CardContested | CardWithdrawn]] = {
            "answer": CardAnswered,
            "contest": CardContested,
            "withdraw": CardWithdrawn,
        }
        with settings.office() as office:
            act = acts[name](card, reason_given(settings, reason))
            done = office.treat_card(settings.who, case, act, settings.now(office.zone))
            show_act(settings, office, done)


_card_verb("answer", say("Sign for CARD of CASE, and say what your unit does about it."))
_card_verb("contest", say("Say that CARD of CASE is wrong, and why."))
_card_verb("withdraw", say("Take CARD of CASE back, as a supervisor. It stays on record."))


@verb(
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
        write(content)
        return 0
    if output is not None:
        write_file(output, content)
    data = {**row._asdict(), "file": output, "content": None if output else content.decode()}
    text = say("{number} is in {file}: open it in a browser to print it", number=row.number, file=output)
    settings.show(data, lambda screen, _: screen.line(text))
    return 0


def _print_file(settings: Settings, case: str, output: str | None) -> int:
    """The file of a case, in Chinese unless somebody asked for another language."""
    with settings.office() as office:
        lang, now = settings.public, settings.now(office.zone)
        tell = replace(settings, lang=lang).screen(office.zone).event_told
        made = office.case_file(case, lang, catalogue(lang).gettext, tell, now)
    if not settings.json:
        complain(settings, made["findings"])
    text = say("the file of case {case} is in {file}: open it in a browser to print it", case=made["case"])
    deliver(settings, made, output, f"{made['case']}.html", text)
    return FINDINGS if made["findings"] else 0


@verb(
    "retry",
    "lianban retry 42 fee --set copies=3 --reason '…'",
    say(
        "Have what failed at STEP of CASE tried again, as an administrator, after setting variables right "
        "with --set."
    ),
)
@click.argument("case", metavar="CASE")
@click.argument("step", metavar="STEP")
@answers_options
@reason_option
def retry(
    settings: Settings, case: str, step: str, pairs: tuple[str, ...], data: str | None, reason: str | None
) -> None:
    reason = reason_given(settings, reason)
    with settings.office() as office:
        answers = answers_given(_VALUES, office.zone, (), data)
        answers = {**answers, **dict(_variable(pair) for pair in pairs)}
        now = settings.now(office.zone)
        show_act(settings, office, office.retry(settings.who, case, step, answers, reason, now))


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
