"""Soundness of an item: what the exploration has to know of it beside the diagram."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import Problem
from ..joint import Outcome, Rule, Seat, decide
from ..soundness import Engine, check_soundness
from .checks import case_ends
from .drawn import Drawn
from .review import read_joint, read_meeting


def check_sound(drawn: Drawn, told: Sequence[Problem]) -> list[Problem]:
    """All that is said of an item without errors: `told`, and what `engine.soundness` finds.

    What both say of one place is said once: of a gateway that nothing leads on from `sound.no_flow`, which
    shows the way there; of a flow that is never taken `condition.unreachable`, which shows its condition.
    """
    outcomes = [end.id for end in case_ends(drawn.net)]
    found = check_soundness(drawn.net, drawn.sources, drawn.forms, _engine(drawn), outcomes)
    flows = {flow.id: flow for scope in drawn.net.scopes.values() for flow in scope.flows.values()}
    never = {
        (problem.file, flows[problem.element].target)
        for problem in told
        if problem.code == "condition.unreachable" and problem.element is not None
    }
    shown = {(problem.file, problem.element) for problem in found if problem.code == "sound.no_flow"}
    return [
        *(p for p in told if p.code != "condition.gap" or (p.file, p.element) not in shown),
        *(p for p in found if p.code != "sound.dead_element" or (p.file, p.element) not in never),
    ]


def _engine(drawn: Drawn) -> dict[str, Engine]:
    """The results of joint reviews and meetings, by the element whose completion sets them."""
    found: dict[str, Engine] = {}
    for id, entry in drawn.entries("joint").items():
        review = read_joint(id, entry, drawn.item.get("lead"))
        lead = review.lead or "" if review.kind == "lead" else ""
        rule = Rule(review.kind, lead, review.need, review.dissent, review.abstentions)
        units = [_unit(drawn, element) for element in review.activities]
        seats = [Seat(str(n), unit, veto=unit in review.veto) for n, unit in enumerate(units)]
        reachable: tuple[Outcome, ...] = decide(rule, seats, {}).reachable
        for element in review.activities:
            found[element] = Engine({(review.result, "outcome"): reachable})
    for id, entry in drawn.entries("meetings").items():
        meeting = read_meeting(id, entry)
        if meeting.result:
            found[meeting.hold] = Engine({(meeting.result, "unresolved"): (True, False)})
    return found


def _unit(drawn: Drawn, element: str) -> str:
    _, node = drawn.nodes[element]
    return (drawn.performer(node) or "").partition("/")[0]
