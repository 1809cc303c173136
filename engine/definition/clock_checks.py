"""What `read_folder` checks of the clocks of an item: each by itself, among each other, and against the
diagram, the documents and the organisation. The shape of the entries is `check_item`'s business."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..errors import NOTHING, Invalid, Problem, say
from ..expressions import Malformed, compile_expression
from ..flow.net import Net, Node, triggers
from .checks import Organisation
from .clocks import Clock, read_clock
from .model import DIAGRAM, ITEM
from .wording import fault, near, one_of, unknown


def check_clocks(
    item: Mapping[str, Any],
    net: Net,
    sources: Mapping[str, str],
    organisation: Organisation | None,
    found: Sequence[Problem],
) -> list[Problem]:
    """What is wrong with the clocks of `item`, and with the timers of `net` that name them.

    `sources` is the file of each process; `found` what `check_item` said: a clock whose shape is wrong is
    known by its name here and not looked into.
    """
    entries = item.get("clocks", {})
    if not isinstance(entries, Mapping):
        return []
    clocks, problems = readable_clocks(entries, found)
    bound = bound_timers(net)
    problems += _check_timers(entries, net, sources)
    for id, clock in clocks.items():
        problems += _check_triggers(id, clock, net)
        problems += _check_each(id, clock, entries, net)
        problems += _check_pauses(id, clock)
        problems += _check_notices(id, clock, item)
        problems += _check_offices(id, clock, entries[id], organisation)
        problems += _check_ladder(id, clock)
        problems += _check_follows(id, clock, entries, clocks)
        problems += _check_effect(id, clock, entries, clocks, bound.get(id, frozenset()))
    if not _malformed(found):
        problems += _check_starts(clocks)
    return problems


def readable_clocks(
    entries: Mapping[str, Any], found: Iterable[Problem]
) -> tuple[dict[str, Clock], list[Problem]]:
    """The clocks among `entries` that `found` says nothing about, and those of them that cannot be."""
    clocks: dict[str, Clock] = {}
    problems: list[Problem] = []
    malformed = _malformed(found)
    sound = {id: entry for id, entry in entries.items() if id not in malformed}
    for id in sound:
        try:
            clocks[id] = read_clock(id, sound, "")
        except Invalid as refusal:
            problems.append(_refused(id, refusal))
    return clocks, problems


def _malformed(found: Iterable[Problem]) -> set[str]:
    places = [(problem.element or "").split(".") for problem in found]
    return {place[1] for place in places if place[0] == "clocks" and len(place) > 1}


def _refused(id: str, refusal: Invalid) -> Problem:
    """A rule that cannot be, as `read_clock` says it."""
    return fault(
        refusal.code,
        ITEM,
        f"clocks.{id}",
        refusal.message,
        expected=refusal.expected,
        found=refusal.found,
        remedy=refusal.remedy if refusal.remedy != NOTHING else refusal.rule,
    )


# --- against the diagram


def _timers(net: Net) -> Iterator[tuple[str, Node, frozenset[str]]]:
    """`(scope, timer event, clocks it names)` of every timer that is written as an expression."""
    for scope in net.scopes.values():
        for node in scope.nodes.values():
            for event in triggers(node):
                with contextlib.suppress(Malformed):  # a literal; or flow.read has said so
                    if event.kind == "timer":
                        yield scope.id, node, compile_expression(event.text or "").clocks


def bound_timers(net: Net) -> dict[str, frozenset[str]]:
    """The timer events that fire when a clock runs out, by clock."""
    bound: dict[str, frozenset[str]] = {}
    for _, node, clocks in _timers(net):
        for clock in clocks:
            bound[clock] = bound.get(clock, frozenset()) | {node.id}
    return bound


def _check_timers(entries: Mapping[str, Any], net: Net, sources: Mapping[str, str]) -> Iterator[Problem]:
    for scope, node, clocks in _timers(net):
        file = sources.get(scope.split("/")[0], DIAGRAM)
        for clock in sorted(clocks):
            if clock not in entries:
                yield unknown("clock", file, node.id, clock, entries)
            elif _per_task(entries, clock):
                yield fault(
                    "clock.each",
                    file,
                    node.id,
                    say("a timer can't wait for {clock}: it runs once for each task", clock=clock),
                    expected=say("a clock that starts and stops"),
                    remedy=say("remind by a rung of its ladder"),
                )


def _per_task(entries: Mapping[str, Any], id: str) -> bool:
    entry = entries.get(id)
    return isinstance(entry, Mapping) and "each" in entry


def _check_each(id: str, clock: Clock, entries: Mapping[str, Any], net: Net) -> Iterator[Problem]:
    """A clock of tasks runs from the opening of each to its end, and for its unit: the diagram drives it by
    nothing else."""
    if not _per_task(entries, id):
        return
    nodes = {name: node for scope in net.scopes.values() for name, node in scope.nodes.items()}
    for number, element in enumerate(clock.each, 1):
        place = f"clocks.{id}.each.{number}"
        if element not in nodes:
            yield unknown("step", ITEM, place, element, nodes)
        elif nodes[element].kind != "user":
            yield fault(
                "clock.each",
                ITEM,
                place,
                say("{step} is no user task", step=element),
                expected=say("the id of a user task, multi-instance or not"),
                remedy=say("use starts and stops for other elements"),
            )
    for key in ("starts", "stops", "restart", "pauses", "unit"):
        if key in entries[id]:
            yield fault(
                "clock.each",
                ITEM,
                f"clocks.{id}.{key}",
                say("a clock with each runs for a task and its unit, from its opening to its end"),
                remedy=say("remove {key}, or remove each", key=key),
            )
    if clock.rule.effect.kind != "flag":
        yield fault(
            "clock.each",
            ITEM,
            f"clocks.{id}.effect.kind",
            say("a clock with each has no effect of its own but the flag"),
            expected=say("flag"),
            found=say("{kind}", kind=clock.rule.effect.kind),
            remedy=say("say what a department's silence means in [joint.ID.silence]"),
        )


def _check_triggers(id: str, clock: Clock, net: Net) -> Iterator[Problem]:
    """A trigger stands on an element; a start event is only done, nobody waits at it."""
    nodes = {name: node for scope in net.scopes.values() for name, node in scope.nodes.items()}
    triggers = [
        *((f"starts.{number}", trigger) for number, trigger in enumerate(clock.starts, 1)),
        *((f"stops.{number}", trigger) for number, trigger in enumerate(clock.stops, 1)),
        *((f"restart.on.{number}", trigger) for number, trigger in enumerate(clock.restarts, 1)),
    ]
    for number, pause in enumerate(clock.pauses, 1):
        triggers += [(f"pauses.{number}.from", pause.start), (f"pauses.{number}.to", pause.end)]
    for key, trigger in triggers:
        element, _, moment = trigger.partition(":")
        if element not in nodes:
            yield fault(
                "clock.trigger",
                ITEM,
                f"clocks.{id}.{key}",
                say("the diagram has no element {name}", name=element),
                expected=one_of(sorted(nodes)),
                remedy=near(element, nodes),
            )
        elif moment and nodes[element].kind == "start":
            yield fault(
                "clock.trigger",
                ITEM,
                f"clocks.{id}.{key}",
                say("nothing waits at the start event {name}", name=element),
                remedy=say("write {text}", text=element),
            )


def _check_effect(
    id: str,
    clock: Clock,
    entries: Mapping[str, Any],
    clocks: Mapping[str, Clock],
    timers: frozenset[str],
) -> Iterator[Problem]:
    """What silence means happens in the diagram: behind a timer event that is bound to the clock."""
    effect = clock.rule.effect
    if clock.begins and effect.kind != "deemed_acceptance":
        yield fault(
            "clock.begins",
            ITEM,
            f"clocks.{id}.effect.begins",
            say("the effect {kind} begins no other clock", kind=effect.kind),
            expected=say("begins with the effect deemed_acceptance only"),
            remedy=say("remove begins"),
        )
    for number, begun in enumerate(clock.begins, 1):
        place = f"clocks.{id}.effect.begins.{number}"
        if begun not in entries:
            yield unknown("clock", ITEM, place, begun, entries)
        elif _per_task(entries, begun):
            message = say("{clock} runs once for each task and begins with nothing else", clock=begun)
            yield fault("clock.begins", ITEM, place, message, remedy=say("name another clock"))
        elif id in _led_to(begun, clocks):
            message = say("a clock that has run out can't begin itself")
            yield fault("clock.begins", ITEM, place, message, remedy=say("name another clock"))
    if effect.kind == "flag" or clock.each:
        return
    if not timers:
        yield fault(
            "clock.no_timer",
            ITEM,
            f"clocks.{id}.effect",
            say("silence would have no consequence: no timer event of the diagram waits for this clock"),
            expected=say("a timer event with {text}", text=f"clock('{id}')"),
            remedy=say("draw it where the effect {kind} leads on from", kind=effect.kind),
        )
    elif effect.kind == "route" and effect.to not in timers:
        yield fault(
            "clock.route",
            ITEM,
            f"clocks.{id}.effect.to",
            say("{name} is no timer event that waits for this clock", name=effect.to),
            expected=one_of(sorted(timers)),
            remedy=near(effect.to, timers, say("write {text} into its timer", text=f"clock('{id}')")),
        )


def _led_to(id: str, clocks: Mapping[str, Clock]) -> set[str]:
    """The clock, and every clock that its running out begins, one after the other."""
    found: set[str] = set()
    following = {id}
    while following:
        found |= following
        following = {begun for at in following & clocks.keys() for begun in clocks[at].begins} - found
    return found


# --- by itself


def _check_pauses(id: str, clock: Clock) -> Iterator[Problem]:
    for number, pause in enumerate(clock.pauses, 1):
        if pause.ground not in clock.rule.grounds:
            place = f"clocks.{id}.pauses.{number}.ground"
            yield unknown("ground", ITEM, place, pause.ground, clock.rule.grounds)


def _check_notices(id: str, clock: Clock, item: Mapping[str, Any]) -> Iterator[Problem]:
    """The law wants pauses and extensions told in writing (Administrative Licensing Law art. 45, 42)."""
    documents = item.get("documents", {})
    for key, notice, needed, missing, law in (
        (
            "pause_notice",
            clock.pause_notice,
            bool(clock.rule.grounds) and clock.follows is None,
            say("the clock can be paused, but no document tells the applicant so"),
            say('add pause_notice = "DOCUMENT" (Administrative Licensing Law art. 45)'),
        ),
        (
            "extension.notice",
            clock.extension_notice,
            clock.rule.extension is not None,
            say("the clock can be extended, but no document tells the applicant so"),
            say('add notice = "DOCUMENT" to the extension (Administrative Licensing Law art. 42)'),
        ),
    ):
        if notice is None and needed:
            expected = one_of(sorted(documents))
            yield fault("clock.notice", ITEM, f"clocks.{id}.{key}", missing, expected=expected, remedy=law)
        elif notice is not None and notice not in documents:
            yield unknown("document", ITEM, f"clocks.{id}.{key}", notice, documents)


def _check_offices(
    id: str, clock: Clock, entry: Mapping[str, Any], organisation: Organisation | None
) -> Iterator[Problem]:
    if organisation is None:
        return
    named = {"unit": entry["unit"]} if "unit" in entry else {}
    if clock.rule.extension is not None:
        named["extension.approver"] = clock.rule.extension.approver.partition("/")[0]
    for key, unit in named.items():
        if unit not in organisation.units:
            yield unknown("unit", ITEM, f"clocks.{id}.{key}", unit, organisation.units)


def _check_ladder(id: str, clock: Clock) -> Iterator[Problem]:
    names = [rung.name for rung in clock.rule.ladder]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield fault(
            "clock.ladder",
            ITEM,
            f"clocks.{id}.ladder",
            say("two rungs are called {name}", name=name),
            remedy=say("choose another name"),
        )
    if all(rung.over is not None for rung in clock.rule.ladder):
        yield Problem(
            "clock.no_reminder",
            "warning",
            ITEM,
            f"clocks.{id}.ladder",
            say("nobody is reminded before the clock runs out"),
            remedy=say("add a rung such as {text}", text='{ name = "reminder", left = 1, percent = 20 }'),
        )


# --- among each other


def _check_follows(
    id: str, clock: Clock, entries: Mapping[str, Any], clocks: Mapping[str, Clock]
) -> Iterator[Problem]:
    """A clock that follows another is paused with it, and by nothing else."""
    if clock.follows is None:
        return
    place = f"clocks.{id}.follows"
    leader = clocks.get(clock.follows)
    if clock.follows not in entries:
        yield unknown("clock", ITEM, place, clock.follows, entries)
    elif _per_task(entries, clock.follows):
        yield fault(
            "clock.follows",
            ITEM,
            place,
            say("{clock} runs once for each task: there is not one to follow", clock=clock.follows),
            expected=say("a clock that starts and stops"),
            remedy=say("name another clock"),
        )
    elif leader is not None and leader.follows is not None:
        yield fault(
            "clock.follows",
            ITEM,
            place,
            say("the clock {clock} follows a clock itself", clock=clock.follows),
            expected=say("a clock that is paused on grounds of its own"),
            remedy=say("name another clock"),
        )
    for key in ("grounds", "pause_notice", "pauses"):
        if key in entries[id]:
            yield fault(
                "clock.follows",
                ITEM,
                f"clocks.{id}.{key}",
                say("this clock is paused whenever {clock} is, and by nothing else", clock=clock.follows),
                remedy=say("remove {key}, or remove follows", key=key),
            )


def _check_starts(clocks: Mapping[str, Clock]) -> Iterator[Problem]:
    """A clock starts by a trigger, or by one that starts and leads to deemed acceptance."""
    running = {id for id, clock in clocks.items() if clock.starts or clock.each}
    begun = running
    while begun:
        begun = {other for id in begun for other in clocks[id].begins if other in clocks} - running
        running |= begun
    for id in clocks:
        if id not in running:
            yield fault(
                "clock.never_starts",
                ITEM,
                f"clocks.{id}.starts",
                say("nothing ever starts this clock"),
                expected=say(
                    "the id of an element: the clock starts when it is done, or reached (ID:opened)"
                ),
                remedy=say("name it in starts, or remove the clock"),
            )
