"""What the law asks of the time limits of an item: how long they may be, who extends them and what pauses
them, and whether the steps can be done within what is promised. Each finding rests on the article that
`law_checks.LAW` names; a clock whose shape is wrong is not looked into here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction

from ..clock import Term
from ..clock.ledger import LICENSING_GROUNDS
from ..errors import Problem, say
from ..expressions import Malformed, compile_expression
from ..flow.net import Scope, triggers
from .clocks import Clock
from .drawn import Drawn, quoted
from .law_checks import JOINT_MODES, SETTING_TERMS, by_law, is_licence
from .lengths import in_unit
from .model import ITEM
from .ways import Limits, Moment, longest_way


def check_terms(drawn: Drawn) -> list[Problem]:
    """What is wrong with how long things may take."""
    problems = [*_check_promises(drawn), *_check_words(drawn)]
    if is_licence(drawn.item):
        conclusion = drawn.section("conclusion") or {}
        problems += _check_licence(drawn)
        problems += _check_conclusion(drawn, "clock.delivery", conclusion.get("delivery", []), 10)
        problems += _check_conclusion(drawn, "clock.publication", conclusion.get("publication", []), 20)
    return problems


# --- a promise


def _check_promises(drawn: Drawn) -> Iterator[Problem]:
    """A promise keeps within the law, makes things faster, and leaves the steps the time they may take."""
    for id, clock in drawn.clocks.items():
        if clock.rule.tier != "promised":
            continue
        for law_id, law in drawn.clocks.items():
            together = (set(clock.starts), set(clock.each)) == (set(law.starts), set(law.each))
            if law.rule.tier == "statutory" and together:
                yield from _check_promise(id, clock, law_id, law)
        yield from _check_longest(drawn, id, clock)


def _check_promise(id: str, clock: Clock, law_id: str, law: Clock) -> Iterator[Problem]:
    promised, limit = clock.rule.term, law.rule.term
    if in_unit(promised, limit.unit) // 1 > limit.n:
        yield by_law(
            "clock.promise",
            ITEM,
            f"clocks.{id}.term",
            say("the promise is longer than the statutory clock {clock}", clock=law_id),
            say("at most {term}", term=limit.text()),
            found=promised.text(),
            remedy=say("promise what the law allows, or less"),
        )
    elif promised == limit:
        yield by_law(
            "clock.no_acceleration",
            ITEM,
            f"clocks.{id}.term",
            say("the promise is what the statutory clock {clock} allows anyway", clock=law_id),
            say("less than {term}", term=limit.text()),
            remedy=say("promise less"),
            severity="warning",
        )


def _check_longest(drawn: Drawn, id: str, clock: Clock) -> Iterator[Problem]:
    """The longest way of step terms fits into the promise.

    Steps whose term is worked out in the case (property `term`) are not counted, nor what happens while the
    clock is paused. Units are converted as 5 working days to 7 calendar days, 24 hours to a day, and the sum
    is rounded down: in doubt for the item.
    """
    unit = clock.rule.term.unit
    begins: list[tuple[str, Moment]] = [
        (trigger.partition(":")[0], "opened" if ":" in trigger else "done") for trigger in clock.starts
    ]
    for scope in drawn.net.scopes.values():
        here = [(element, moment) for element, moment in begins if element in scope.nodes]
        if not here:
            continue
        limits = _limits(drawn, id, scope, unit)
        way = longest_way(drawn.net, scope, here, limits, clock.stops)
        if way.length // 1 > clock.rule.term.n:
            total = Term(int(way.length), unit).text()
            yield by_law(
                "clock.longest_path",
                ITEM,
                f"clocks.{id}.term",
                say("the steps on the longest way may take longer than what is promised"),
                say("{term} or more, the sum of the steps’ terms", term=total),
                found=say(
                    "{term}; the way: {way}", term=clock.rule.term.text(), way=_told(way.steps, limits, unit)
                ),
                remedy=say(
                    "shorten these terms, draw the steps beside each other, or promise what can be kept"
                ),
            )


def _limits(drawn: Drawn, promise: str, scope: Scope, unit: str) -> Limits:
    """The limits of the steps: clocks of tasks, other step clocks, and timers that the way waits for."""
    owed = {
        entry["silence"].get("follow_up") for entry in drawn.entries("joint").values() if "silence" in entry
    }
    nodes: dict[str, Fraction] = {}
    spans: list[tuple[str, str, str, Fraction]] = []
    for id, clock in drawn.clocks.items():
        if clock.rule.tier != "step" or id in owed or id == promise:
            continue
        length = in_unit(clock.rule.term, unit)
        for element in clock.each:
            if element in drawn.nodes and "term" not in drawn.nodes[element][1].properties:
                nodes[element] = max(length, nodes.get(element, Fraction(0)))
        spans += [(id, start, stop, length) for start in clock.starts for stop in clock.stops]
    for _, node in drawn.nodes.values():
        for event in triggers(node):
            if event.kind == "timer" and node.kind in ("catch", "boundary") and node.interrupting:
                term = _timer(drawn, event.text or "")
                if term is not None:
                    nodes[node.id] = in_unit(term, unit)
    clock = drawn.clocks[promise]
    pausing = drawn.clocks.get(clock.follows or promise, clock)
    return Limits(nodes, spans, _still(scope, pausing))


def _timer(drawn: Drawn, text: str) -> Term | None:
    """The term of a timer that is written down in the diagram."""
    try:
        expression = compile_expression(text)
    except Malformed:
        return None  # a literal such as P30D, or flow.read has said so
    for id in expression.clocks:  # one that has run out against the law is no way that anybody plans
        clock = drawn.clocks.get(id)
        return clock.rule.term if clock is not None and clock.rule.tier == "step" else None
    found = re.fullmatch(r"\s*(workdays|days|hours)\(([1-9][0-9]{0,3})\)\s*", text)
    units = {"workdays": "wd", "days": "d", "hours": "h"}
    return Term(int(found[2]), units[found[1]]) if found else None  # type: ignore[arg-type]


def _still(scope: Scope, clock: Clock) -> set[str]:
    """What happens in `scope` only while the diagram itself has paused `clock`."""
    still: set[str] = set()
    for pause in clock.pauses:
        first, last = pause.start.partition(":")[0], pause.end.partition(":")[0]
        if first in scope.nodes and last in scope.nodes:
            inside = [scope.flows[flow].target for flow in scope.nodes[first].outgoing]
            for at in inside:
                if at != last:
                    inside += [
                        target
                        for target in (scope.flows[flow].target for flow in scope.nodes[at].outgoing)
                        if target not in inside
                    ]
            still |= set(inside) - ({last} if pause.end.endswith(":opened") else set())
    return still


def _told(steps: Sequence[str], limits: Limits, unit: str) -> str:
    spans = {name: length for name, _, _, length in limits.spans}
    amounts = [(step, limits.nodes.get(step, spans.get(step, Fraction(0)))) for step in steps]
    return " → ".join(f"{step} ({float(length):g}{unit})" for step, length in amounts)


# --- a licence


def _check_licence(drawn: Drawn) -> Iterator[Problem]:
    joint = drawn.item.get("handling_mode") in JOINT_MODES
    for id, clock in drawn.clocks.items():
        if clock.rule.tier == "statutory" and clock.rule.effect.kind in ("flag", "deemed_renewal"):
            yield from _check_length(drawn, id, clock, 45 if joint else 20)
        yield from _check_extension(drawn, id, clock, 15 if joint else 10)
        yield from _check_silence(drawn, id, clock)
        for ground in clock.rule.grounds if clock.follows is None else ():
            if ground not in LICENSING_GROUNDS:
                yield by_law(
                    "clock.ground",
                    ITEM,
                    f"clocks.{id}.grounds.{ground}",
                    say("{ground} is no ground to pause the clock of a licence", ground=ground),
                    say("grounds = [ … ] from {grounds}", grounds=", ".join(LICENSING_GROUNDS)),
                    remedy=say("remove it; the time runs on"),
                )
    yield from _check_acceptance(drawn)


def _levels(drawn: Drawn, law: str) -> list[str]:
    """The levels under which `law` is among the item's bases."""
    return [base["level"] for base in drawn.section("bases") or () if base["law"] == law]


def _check_length(drawn: Drawn, id: str, clock: Clock, days: int) -> Iterator[Problem]:
    """The law's own term, unless a law or regulation among the bases says otherwise."""
    term, law = clock.rule.term, clock.rule.basis.law
    own = "行政许可法" in law
    if in_unit(term, "wd") > days and (own or not set(_levels(drawn, law)) & set(SETTING_TERMS)):
        yield by_law(
            "clock.statutory",
            ITEM,
            f"clocks.{id}.term",
            say("the clock {clock} is longer than the law allows", clock=id),
            say(
                "at most {term}, or a basis that says otherwise among [[bases]]", term=Term(days, "wd").text()
            ),
            found=term.text(),
            remedy=say("shorten it, or add the law or regulation with its level to [[bases]]"),
        )


def _check_extension(drawn: Drawn, id: str, clock: Clock, days: int) -> Iterator[Problem]:
    extension = clock.rule.extension
    if extension is None:
        return
    law = extension.basis.law
    own = "行政许可法" in law
    elsewhere = not own and set(_levels(drawn, law)) & set(SETTING_TERMS)
    if not elsewhere and (in_unit(extension.up_to, "wd") > days or extension.times > 1):
        yield by_law(
            "clock.extension",
            ITEM,
            f"clocks.{id}.extension.up_to",
            say("the clock {clock} could be extended by more than the law allows", clock=id),
            say("at most {term}, once", term=Term(days, "wd").text()),
            found=say("{term}, {times} times", term=extension.up_to.text(), times=extension.times),
            remedy=say("shorten it, or add the law or regulation that says otherwise to [[bases]]"),
        )
    if drawn.organisation is None:
        return
    unit, _, post = extension.approver.partition("/")
    entry = drawn.organisation.units.get(unit)
    if entry is None:
        return  # clock_checks has said so
    head = entry.get("head", "leader")
    government = days == 15 and own and in_unit(clock.rule.term, "wd") > 20
    if post != head or (government and entry.get("kind") not in ("government", "township")):
        yield by_law(
            "clock.extension_office",
            ITEM,
            f"clocks.{id}.extension.approver",
            say("{post} can't approve an extension of the clock {clock}", post=extension.approver, clock=id),
            say("the head of the people's government, as unit/post")
            if government
            else say("the head of the organ: {post}", post=f"{unit}/{head}"),
            remedy=say("write the post of that head in {key}", key="approver"),
        )


def _check_silence(drawn: Drawn, id: str, clock: Clock) -> Iterator[Problem]:
    """A licence is never granted by silence, unless a law or regulation says so."""
    effect = clock.rule.effect
    if effect.kind not in ("deemed_consent", "deemed_refusal") or effect.basis is None:
        return
    if not set(_levels(drawn, effect.basis.law)) & set(SETTING_TERMS):
        yield by_law(
            "clock.silence",
            ITEM,
            f"clocks.{id}.effect.basis",
            say("silence would decide by {law}, which can't give it that effect", law=effect.basis.law),
            say("a law or regulation that is among [[bases]]"),
            remedy=say('write kind = "flag": silence of the authority is late, and decides nothing'),
        )


def _check_acceptance(drawn: Drawn) -> Iterator[Problem]:
    """Five working days to tell everything that is missing; then the application counts as accepted."""
    checks = {id: c for id, c in drawn.clocks.items() if c.rule.effect.kind == "deemed_acceptance"}
    expected = say('a clock of at most 5 working days with the effect "deemed_acceptance"')
    for id, clock in checks.items():
        if in_unit(clock.rule.term, "wd") > 5:
            yield by_law(
                "clock.acceptance",
                ITEM,
                f"clocks.{id}.term",
                say("the authority may take too long to say what is missing"),
                expected,
                found=clock.rule.term.text(),
                remedy=say("write {term}, or less", term="5wd"),
            )
    whole = len(drawn.clocks) == len(drawn.clock_entries)
    if not checks and whole and drawn.item.get("kind") != "immediate":
        yield by_law(
            "clock.acceptance",
            ITEM,
            "clocks",
            say("nothing limits the time until the application is accepted"),
            expected,
            remedy=say("add it: from the receipt to the notice of what is missing, or the acceptance"),
        )


def _check_words(drawn: Drawn) -> Iterator[Problem]:
    """The words of the guide and the clocks that run say the same."""
    terms = drawn.section("terms")
    if terms is None or len(drawn.clocks) != len(drawn.clock_entries):
        return
    for key, tier in (("promised", "promised"), ("statutory", "statutory")):
        running: set[Term] = set()
        for clock in drawn.clocks.values():
            if clock.rule.tier == tier:
                running.add(clock.rule.term)
                if clock.rule.extension is not None:
                    running.add(clock.rule.extension.up_to)
        told = {
            Term(int(number), "wd" if working else "d")
            for number, working in re.findall(
                r"([1-9][0-9]{0,3})\s*(?:个\s*)?(工作日)?(?:日|天)?", terms.get(key, "")
            )
        }
        for term in sorted(told - running, key=str) if running else ():
            yield Problem(
                "terms.differ",
                "warning",
                ITEM,
                f"terms.{key}",
                say("the guide says {term}, and no such clock runs", term=term.text()),
                say("one of: {names}", names=", ".join(sorted(map(str, running)))),
                remedy=say("correct the words, or the clock"),
            )


def _check_conclusion(drawn: Drawn, code: str, steps: Sequence[str], days: int) -> Iterator[Problem]:
    """The statutory clock that a step after the decision stops."""
    known = [step for step in steps if step in drawn.nodes]
    stopped = {
        id: clock
        for id, clock in drawn.clocks.items()
        if clock.rule.tier == "statutory" and {stop.partition(":")[0] for stop in clock.stops} & set(known)
    }
    expected = say(
        "a statutory clock of at most {term} that stops with {steps}",
        term=Term(days, "wd").text(),
        steps=quoted(known),
    )
    for id, clock in stopped.items():
        if in_unit(clock.rule.term, "wd") > days:
            message = say("the clock {clock} is longer than the law allows", clock=id)
            yield by_law(
                code,
                ITEM,
                f"clocks.{id}.term",
                message,
                expected,
                found=clock.rule.term.text(),
                remedy=say("write {term}, or less", term=f"{days}wd"),
            )
    needed = code == "clock.delivery" and drawn.item.get("kind") != "immediate"
    if needed and known and not stopped and len(drawn.clocks) == len(drawn.clock_entries):
        message = say("nothing limits the time until the decision is delivered")
        remedy = say("add it: from the decision to the delivery")
        yield by_law(code, ITEM, "clocks", message, expected, remedy=remedy)
