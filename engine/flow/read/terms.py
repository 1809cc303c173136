"""Everything in a diagram that is calculated while it runs, checked before anything runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from lxml import etree

from ...clock import OFFICE_ZONE, NotATime, add_duration, parse_cycle, parse_instant
from ...errors import Text, say
from ...expressions import Failed, Malformed, compile_expression, compile_script
from ..net import Event, Loop
from .findings import Findings, label, short

# Begins like a date, a duration or a cycle: a slip of the pen in one, not a variable's name.
_MEANT_LITERALLY = re.compile(r"[+-]?P?T?\d|R\d*/")
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
    """A timer's text: an ISO 8601 literal, or an expression; a constant one is tried out."""
    text = event.text or ""
    if text and _is_time(event.timer, text):
        return
    reason = say("it is empty") if not text else say("it is not ISO 8601")
    if text and not _MEANT_LITERALLY.match(text):
        try:
            expression = compile_expression(text)
            if expression.names:
                return
            value = expression.evaluate({}, _SOME_INSTANT, OFFICE_ZONE)
            if isinstance(value, str) and _is_time(event.timer, value):
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
        remedy=_not_yet(text) or say("write a time, for example days(5) or hours(2) for a duration"),
    )


def _not_yet(text: str) -> Text | None:
    if re.match(r"\W*(workdays|clock)\s*\(", text):
        return say("working-day calendars are not part of this version; write days(n) for calendar days")
    return None


def _is_time(kind: str | None, text: str) -> bool:
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
