"""Everything in a diagram that is calculated while it runs, checked before anything runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Any

from lxml import etree

from ...clock import OFFICE_ZONE, NotATime, add_duration, parse_cycle, parse_instant, read_term
from ...errors import Text, say
from ...expressions import Failed, Malformed, compile_expression, compile_script
from ..net import Event, Loop
from .findings import Findings, label, short

# Begins like a date, a duration or a cycle: a slip of the pen in one, not a variable's name.
_MEANT_LITERALLY = re.compile(r"[+-]?P?T?\d|R\d*/|PT?$")
# Any instant does to try out a constant on.
_SOME_INSTANT = datetime(2026, 1, 1, tzinfo=UTC)


def check_expression(element: etree._Element, what: Text, source: str, findings: Findings) -> None:
    """Report `source`, the `what` of `element`, if it is no expression."""
    _check(element, what, source, compile_expression, findings)


def check_script(element: etree._Element, source: str, findings: Findings) -> None:
    """Report `source`, the script of `element`, if it is none."""
    _check(element, say("script"), source, compile_script, findings)


def check_name(element: etree._Element, what: Text, name: str, findings: Findings) -> None:
    """Report `name` if no expression could read a variable of that name."""
    if not name.isidentifier():
        findings.error(
            "variable.malformed",
            element,
            say("{element}: {what} is not the name of a variable", element=label(element), what=what),
            expected=say("letters, digits and underscores, not beginning with a digit"),
            found=say("“{name}”", name=name),
            remedy=say("choose another name"),
        )


def check_loop(element: etree._Element, loop: Loop, findings: Findings) -> None:
    """The expressions and variable names of a multi-instance activity."""
    for what, source in (
        (say("loop cardinality"), loop.cardinality),
        (say("collection"), loop.collection),
        (say("output element"), loop.output_item),
        (say("completion condition"), loop.until),
    ):
        if source is not None:
            check_expression(element, what, source, findings)
    for what, name in ((say("element variable"), loop.item), (say("output collection"), loop.output)):
        if name is not None:
            check_name(element, what, name, findings)


def check_timer(element: etree._Element, event: Event, findings: Findings) -> None:
    """A timer's text: an ISO 8601 literal, or an expression; a constant one is tried out.

    Terms of law (`5wd`), the item's clocks and their repetition are written with functions only, so that
    what stands in a diagram as a literal is ISO 8601, which any modeler understands.
    """
    text = event.text or ""
    if text.strip("PT") and _is_iso(event.timer, text):  # isodate takes “PT” for no time at all
        return
    reason = say("it is empty") if not text else say("it is not ISO 8601")
    if text and not _MEANT_LITERALLY.match(text):
        try:
            expression = compile_expression(text)
            if expression.names:
                return
            value = expression.evaluate({}, _SOME_INSTANT, OFFICE_ZONE)
            if isinstance(value, str) and _is_time(event.timer, value, expression.clocks):
                return
            reason = say("it gives {value}", value=value)
        except (Malformed, Failed) as error:
            reason = error.message
    findings.error(
        "timer.malformed",
        element,
        say(
            "{element}: “{text}” is not a time: {reason}",
            element=label(element),
            text=short(text),
            reason=reason,
        ),
        expected={
            "date": say("an instant such as 2026-03-01T09:00:00+08:00, or an expression that gives one"),
            "cycle": say("a repetition such as R3/P1D, or an expression that gives one"),
        }.get(event.timer or "", say("a duration such as P5D or PT2H, or an expression that gives one")),
        remedy=_remedy(event.timer, text),
    )


_TERM_TYPED = re.compile(r"(?:(R)([0-9]*)/)?\s*([0-9]+)\s*(wd|d|h)")
_CLOCK_TYPED = re.compile(r"clock:\s*([\w-]+)")
_UNITS = {"wd": "workdays", "d": "days", "h": "hours"}


def _remedy(kind: str | None, text: str) -> Text:
    """What to write instead: the function that the text was meant to be, if that can be seen."""
    if clock := _CLOCK_TYPED.fullmatch(text.strip()):
        return say("write {text}", text=f"clock('{clock[1]}')")
    if (term := _TERM_TYPED.fullmatch(text.strip())) and (kind == "cycle") is bool(term[1]):
        span = f"{_UNITS[term[4]]}({term[3]})"
        times = f", {term[2]}" if term[2] else ""
        return say("write {text}", text=f"every({span}{times})" if term[1] else span)
    return {
        "date": say("write an instant with its offset, or clock('ID') for the item's clock"),
        "cycle": say("write a repetition, for example every(workdays(1)) or every(hours(2), 3)"),
    }.get(
        kind or "",
        say(
            "write a time, for example workdays(5), days(5) or hours(2), or clock('ID') for the item's clock"
        ),
    )


def _is_iso(kind: str | None, text: str) -> bool:
    try:
        if kind == "date":
            parse_instant(text)
        elif kind == "duration":
            add_duration(_SOME_INSTANT, text)
        else:
            cycle = parse_cycle(text)
            return cycle.times != 0 and add_duration(_SOME_INSTANT, cycle.every) > _SOME_INSTANT
    except NotATime:
        return False
    return True


def _is_time(kind: str | None, value: str, clocks: Collection[str]) -> bool:
    """Whether a timer of this kind can run by what its expression gave."""
    clock = value.removeprefix("clock:")
    if clock != value:
        return kind != "cycle" and clock in clocks
    if kind == "duration" and read_term(value):
        return True
    if kind == "cycle":
        repeat, _, every = value.rpartition("/")
        if read_term(every):
            value = f"{repeat}/PT1H"  # any span: what is left to check is the repetition
    return _is_iso(kind, value)


def _check(
    element: etree._Element, what: Text, source: str, compile_: Callable[[str], Any], findings: Findings
) -> None:
    try:
        compile_(source)
    except Malformed as error:
        findings.error(
            "expression.malformed",
            element,
            say(
                "{element}: {what} “{source}” can't be read: {reason}",
                element=label(element),
                what=what,
                source=short(source),
                reason=error.message,
            ),
            found=say("“{source}”", source=short(source)),
            remedy=say("correct it; processes/README.md describes the expression language"),
        )
