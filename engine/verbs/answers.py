"""Answers to a form: from options, from a file, or asked on a terminal."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import Invalid, Text, say
from .frame import Settings, Wrong, complain
from .streams import parse_json, read_bytes
from .table import F

if TYPE_CHECKING:
    from datetime import date

    from ..clock import Overlay, Year
    from ..forms import Question
    from ..office import Done, Office


Answers = dict[str, Any]
Given = Callable[["Office", datetime, str], Answers]
"""What options other than --set and --data answer to a step."""


def answers_options(function: F) -> F:
    values = click.option(
        "--set", "pairs", multiple=True, metavar="FIELD=VALUE", help=say("An answer; may be repeated.").msgid
    )
    file = click.option(
        "--data", metavar="FILE", help=say("Answers as a JSON object in FILE, or - for standard input.").msgid
    )
    return values(file(function))


def do_step(
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
        answers = answers_given(form, office.zone, pairs, data, given(office, now, step))
        done = until_answered(
            settings,
            form,
            office.zone,
            answers,
            lambda given: office.do(settings.who, case, step, given, now),
        )
        show_act(settings, office, done)


def nothing(*_: Any) -> Answers:
    return {}


def calendar_change(file: str) -> Year | dict[str, dict[date, Overlay | None]]:
    """What a file says of a year (JSON) or of local days (TOML)."""
    from ..clock import overlays_from_file, year_from_file

    content, name = read_bytes(file), Path(file).name
    return (overlays_from_file if name.endswith(".toml") else year_from_file)(content, name)


def renamed(pair: str) -> tuple[str, str]:
    old, sign, new = (part.strip() for part in pair.partition("="))
    if not (old and sign and new):
        raise Wrong(say("--map {pair} does not say what is called how; write --map old=new", pair=pair))
    return old, new


def may_ask(settings: Settings) -> bool:
    """Whether a person sits there who can be asked."""
    return sys.stdin.isatty() and not settings.json


def value_wanted(
    settings: Settings, option: str, title: Text, choices: Mapping[str, Text] | None = None
) -> str:
    """What was not given with `option`, asked on a terminal; one of `choices` (a code and its name) may be
    answered by its number. Raises the usage error where nobody can be asked."""
    if not may_ask(settings):
        raise click.MissingParameter(
            ctx=click.get_current_context(), param_hint=f"'{option}'", param_type="option"
        )
    names = [f"{n} {name.render(settings.translate)}" for n, name in enumerate((choices or {}).values(), 1)]
    prompt = title.render(settings.translate) + (f" [{' / '.join(names)}]" if names else "")
    text = str(click.prompt(prompt, err=True)).strip()
    if text.isdecimal() and 1 <= int(text) <= len(names):
        return list(choices or {})[int(text) - 1]
    return text


def answers_given(
    form: Answers, zone: str, pairs: tuple[str, ...], data: str | None, given: Mapping[str, Any] | None = None
) -> Answers:
    """The answers given on the command line: those of --data, over them what other options have `given`, and
    over them those of --set."""
    from ..forms import place, read_field

    answers: Answers = {}
    if data is not None:
        answers = parse_json(read_bytes(data), data)
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


def until_answered(
    settings: Settings, form: Answers, zone: str, answers: Answers, act: Callable[[Answers], Done]
) -> Done:
    """Act. When only the form is in the way, and a person sits at the terminal, ask what is missing."""
    from ..forms import questions

    try:
        return act(answers)
    except Invalid as refusal:
        asked = refusal.code == "form.invalid" and may_ask(settings)
        if not asked or not any(question.required for question in questions(form, answers)):
            raise
    return act(ask(settings, form, zone, answers))


def ask(settings: Settings, form: Answers, zone: str, answers: Answers) -> Answers:
    """Prompt for every question that the form still asks, in its order."""
    from ..forms import questions

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
    from ..forms import place, read_field

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
            complain(settings, [refusal.as_dict(settings.translate)])


def _confirm(settings: Settings, question: Question) -> bool:
    title = question.title.render(settings.translate)
    return click.confirm(settings.translate("Another entry: {title}?").format(title=title), err=True)


def show_act(settings: Settings, office: Office, done: Done) -> None:
    """What an act did, and what is open now."""
    after = office.show(done.case, settings.now(office.zone))
    data = {
        "case": done.case,
        "repeated": done.repeated,
        "outcome": done.outcome,
        "outcome_name": after["outcome_name"],
        "events": office.told(done.case, done.events),
        "open": [step for step in after["steps"] if step["state"] in ("open", "awaited")],
        "failed": after["failed"],
        "clocks": after["clocks"],
    }
    settings.show(data, lambda screen, data: screen.acted(data), office.zone)


def entries(text: str | None) -> list[str]:
    """The entries between commas."""
    return [part for part in (part.strip() for part in re.split("[,，、]", text or "")) if part]


def reason_given(settings: Settings, reason: str | None) -> str:
    """The reason that goes on record, asked for where it is missing."""
    return reason if reason is not None else value_wanted(settings, "--reason", say("Reason"))
