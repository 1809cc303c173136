"""Which ways through an item were taken, and which never were (floor 6)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set
from typing import Any, Literal, NamedTuple

from .definition import Definition
from .events import CaseClosed, CaseDeemed, ClockExpired, Event, ReferralDeemed
from .flow.net import Flow, Node, Scope
from .flow.step import Effect

_CLOCK = re.compile("[@#]")
"""A running of a clock is called `decision`, `decision#2`, or `referral@tax_review`."""

Kind = Literal["outcome", "flow", "boundary", "element", "clock", "silence"]


class Target(NamedTuple):
    """Something that a case of the item can come to: an end with an `outcome`, a sequence `flow`, an event
    at the `boundary` of an activity or the start of an event subprocess, any other `element`, what follows
    when a `clock` runs out, or `silence` that a joint review takes for consent. `scope` is "" where `id`
    means one thing in the whole item."""

    kind: Kind
    scope: str
    id: str


def targets(definition: Definition) -> list[Target]:
    """All that cases of `definition` can come to, called processes included, in the order of the drawing."""
    found = [Target("outcome", "", end) for end in definition.item["outcomes"]]
    for scope in definition.net.scopes.values():
        for node in sorted(scope.nodes.values(), key=lambda node: node.order):
            if node.undo is None:  # where a compensation hangs, no token ever passes
                found.append(_of_node(scope.id, node))
            found += [Target("flow", scope.id, flow) for flow in node.outgoing]
    # A clock that only raises a card leads nowhere: whether it runs out is no way through the item.
    found += [
        Target("clock", "", id) for id, clock in definition.clocks.items() if clock.rule.effect.kind != "flag"
    ]
    found += [Target("silence", "", id) for id, joint in definition.joints.items() if joint.silence]
    return found


def _of_node(scope: str, node: Node) -> Target:
    if node.kind == "boundary":
        return Target("boundary", scope, node.id)
    return Target("element", scope, node.id)


def reached_by_effects(definition: Definition, effects: Iterable[Effect]) -> set[Target]:
    """What the process came to in a step of the net."""
    found = set()
    for effect in effects:
        if effect.kind == "taken":
            found.add(Target("flow", effect.scope, effect.info["flow"]))
        elif effect.kind in ("entered", "fired", "completed"):
            node = definition.net.scopes[effect.scope].nodes.get(effect.element)
            if node is not None:
                found.add(_of_node(effect.scope, node))
    return found


def reached_by_event(definition: Definition, event: Event) -> set[Target]:
    """What the case came to by a consequence that goes on record."""
    match event:
        case CaseClosed(outcome=outcome):
            return {Target("outcome", "", outcome)}
        case ClockExpired(clock=clock, effect=effect) if effect != "flag":
            return {Target("clock", "", _CLOCK.split(clock)[0])}
        case CaseDeemed(clock=clock):
            return {Target("clock", "", _CLOCK.split(clock)[0])}
        case ReferralDeemed(joint=joint):
            return {Target("silence", "", joint)}
    return set()


def condition_of(definition: Definition, target: Target) -> str:
    """The condition of a flow; "" where there is none."""
    if target.kind != "flow":
        return ""
    return definition.net.scopes[target.scope].flows[target.id].condition or ""


def named(definition: Definition, target: Target) -> dict[str, Any]:
    """The target as plain data: `kind`, `scope` (of a called process or subprocess), `id`, `name` in both
    languages (of a flow also `from` and `to`) and the `condition` of a flow."""
    line: dict[str, Any] = {"kind": target.kind, "scope": target.scope, "id": target.id}
    match target.kind:
        case "outcome":
            line["name"] = definition.outcome_names(target.id)
        case "clock":
            line["name"] = dict(definition.clocks[target.id].name)
        case "silence":
            line["name"] = dict(definition.joints[target.id].name)
        case "flow":
            scope = definition.net.scopes[target.scope]
            flow = scope.flows[target.id]
            line["from"], line["to"] = _end(scope, flow, flow.source), _end(scope, flow, flow.target)
            line["name"] = {
                lang: f"{line['from']['name'][lang]} → {line['to']['name'][lang]}" for lang in ("zh", "en")
            }
            line["condition"] = flow.condition or ""
        case _:
            line["name"] = _names(definition.net.scopes[target.scope].nodes[target.id])
    return line


def _end(scope: Scope, flow: Flow, id: str) -> dict[str, Any]:
    return {"id": id, "name": _names(scope.nodes[id])}


def _names(node: Node) -> dict[str, str]:
    return {"zh": node.name or node.id, "en": node.properties.get("name:en", node.name or node.id)}


def summary(definition: Definition, reached: Set[Target]) -> dict[str, Any]:
    """How much of the item was reached, as plain data: `percent`, `kinds` (each with how many were `reached`
    of how many), and `missing`, those never reached."""
    every = targets(definition)
    kinds: dict[str, dict[str, int]] = {}
    for target in every:
        counted = kinds.setdefault(target.kind, {"reached": 0, "all": 0})
        counted["all"] += 1
        counted["reached"] += target in reached
    got = sum(target in reached for target in every)
    return {
        "percent": 100 * got // len(every),
        "reached": got,
        "all": len(every),
        "kinds": kinds,
        "missing": [named(definition, target) for target in every if target not in reached],
    }


def short(missing: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Of what is missing that which says it all: an element to which a missing flow leads, and a flow out of
    an element that is missing itself, follow from the others."""
    lines = list(missing)
    elements = {(line["scope"], line["id"]) for line in lines if line["kind"] in ("element", "boundary")}
    flows = [line for line in lines if line["kind"] == "flow"]
    into = {(line["scope"], line["to"]["id"]) for line in flows}
    told = [
        line
        for line in lines
        if line["kind"] == "outcome"
        or (line["kind"] == "flow" and (line["scope"], line["from"]["id"]) not in elements)
        or line["kind"] in ("boundary", "clock", "silence")
        or (line["kind"] == "element" and (line["scope"], line["id"]) not in into)
    ]
    return sorted(told, key=lambda line: line["kind"] != "outcome")
