"""A whole log against a net: what fits, what doesn't, and how often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..clock import write_instant
from ..errors import Invalid, say
from ..flow.net import WORK, Net, Node
from .align import Alignment, align
from .field import Field
from .log import Event, Log

_NAMED = WORK | {"start", "catch", "boundary", "subprocess", "call"}
"""Kinds of elements that an activity of a log can be."""


def conform(
    net: Net,
    log: Log,
    given: Mapping[str, str],
    *,
    ended: bool = False,
    strict: bool = False,
    progress: Callable[[int, int], None] = lambda done, all: None,
) -> dict[str, Any]:
    """Replay each case of `log` on `net`. Cases with the same activities in the same order are replayed once.

    An activity is the elements that are called like it, by id or name; `given` says so of others (activity →
    element id; "" for an activity that is to be passed over). `ended`: every case has to have come to its
    end. `progress` is told how many cases were done, of how many. Raises `Invalid` for a `given` that means
    nothing.

    Returns plain data: `cases` (each `case`, `fits`, `exact`, `events`, `deviations`, `open`), the sums
    `fitting`, `events`, `fitted`, `fitness`, `variants`, the most frequent `deviations` first, `unknown`
    activities with their number, `invisible` elements (that the log never names), `left_out` by lifecycle.
    """
    names = {node.id: node.name for scope in net.scopes.values() for node in scope.nodes.values()}
    activities = dict.fromkeys(event.activity for events in log.cases.values() for event in events)
    meant = _meaning(net, activities, given)
    passed_over = {activity for activity, element in given.items() if not element}
    waiting = _waiting(net)
    field = Field(net, frozenset(waiting if strict else ()).union(*meant.values()))
    found: dict[tuple[str, ...], Alignment] = {}
    lines: list[dict[str, Any]] = []
    unknown: Counter[str] = Counter()
    for case, told in log.cases.items():
        events = [event for event in told if event.activity not in passed_over]
        variant = tuple(event.activity for event in events)
        if variant not in found:
            found[variant] = align(field, [meant[activity] for activity in variant], ended=ended)
        unknown.update(activity for activity in variant if not meant[activity])
        lines.append(_line(case, events, found[variant], names))
        progress(1, len(log.cases))
    fitted, most = _sums(lines)
    return {
        "cases": lines,
        "fitting": sum(line["fits"] for line in lines),
        "exact": all(line["exact"] for line in lines),
        "variants": len(found),
        "events": sum(line["events"] for line in lines),
        "fitted": fitted,
        "fitness": round(fitted / most, 6) if most else 1.0,
        "deviations": _frequent(lines),
        "unknown": [{"activity": name, "events": events} for name, events in unknown.most_common()],
        "invisible": [{"element": id, "name": names[id]} for id in waiting if id not in field.visible],
        "left_out": dict(log.left_out),
    }


def _waiting(net: Net) -> list[str]:
    """The steps for people."""
    nodes = [node for scope in net.scopes.values() for node in scope.nodes.values()]
    return [node.id for node in nodes if node.kind in ("user", "manual")]


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()


def _meaning(net: Net, activities: Mapping[str, None], given: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """The elements that each activity can be."""
    nodes: list[Node] = [
        node
        for scope in net.scopes.values()
        for node in scope.nodes.values()
        if node.kind in _NAMED and node.body is None
    ]
    called: dict[str, set[str]] = {}
    for node in nodes:
        for name in {_plain(node.id), _plain(node.name), _plain(node.properties.get("name:en", ""))} - {""}:
            called.setdefault(name, set()).add(node.id)
    ids = [node.id for node in nodes]
    for activity, element in given.items():
        if activity not in activities:
            raise Invalid(
                "conform.activity",
                say("the log has no activity {activity}", activity=activity),
                expected=say("one of: {names}", names=", ".join(activities)),
                found=say("{activity}", activity=activity),
                remedy=say("write --map ACTIVITY=ELEMENT with the name that the log has"),
            )
        if element and element not in ids:
            raise Invalid(
                "conform.element",
                say("the diagram has no step or event {element}", element=element),
                expected=say("one of: {names}", names=", ".join(ids)),
                found=say("{element}", element=element),
                remedy=say("write --map ACTIVITY=ELEMENT with the id of an element"),
            )
    return {
        activity: frozenset({given[activity]} - {""})
        if activity in given
        else frozenset(called.get(_plain(activity), ()))
        for activity in activities
    }


def _line(case: str, events: Sequence[Event], found: Alignment, names: Mapping[str, str]) -> dict[str, Any]:
    deviations = []
    for deviation in found.deviations:
        event = events[deviation.event] if deviation.event < len(events) else None
        deviations.append(
            {
                "event": deviation.event + 1,
                "at": write_instant(event.at) if event is not None and event.at is not None else None,
                "activity": event.activity if event is not None else None,
                "kind": deviation.kind,
                "element": deviation.element or None,
                "name": names.get(deviation.element, ""),
                "open": list(deviation.open),
            }
        )
    return {
        "case": case,
        "fits": not deviations,
        "exact": found.exact,
        "events": len(events),
        "deviations": deviations,
        "open": list(found.open),
    }


def _sums(lines: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """Events that fit, and what there would be if all did: events, and steps that are missing."""
    fitted = most = 0
    for line in lines:
        missing = sum(deviation["kind"] == "skipped" for deviation in line["deviations"])
        fitted += line["events"] - (len(line["deviations"]) - missing)
        most += line["events"] + missing
    return fitted, most


def _frequent(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    events: Counter[tuple[str, str, str, str]] = Counter()
    cases: Counter[tuple[str, str, str, str]] = Counter()
    for line in lines:
        own = [
            (d["kind"], d["element"] or "", d["name"], "" if d["kind"] == "skipped" else d["activity"])
            for d in line["deviations"]
        ]
        events.update(own)
        cases.update(set(own))
    return [
        {"kind": kind, "element": element or None, "name": name, "activity": activity or None}
        | {"events": times, "cases": cases[kind, element, name, activity]}
        for (kind, element, name, activity), times in events.most_common()
    ]
