"""The chain of causes of one thing in a case, as plain data with texts.

In: a `Trace`, the organisation, and what is asked about. Out: every cause that it rests on, laid out as a
reader follows it. Each kind of cause has one room that tells it (`_ROOMS`); here they are only chained.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..organisation import Organisation
from . import clocks, people, process, records, review, values
from .asking import OUTCOME, asked_for
from .links import Cause, Inquiry, Key
from .trace import Trace

_ROOMS: Mapping[str, Callable[..., Cause]] = {
    "outcome": process.outcome,
    "standing": process.standing,
    "opening": process.opening,
    "end": process.end,
    "reached": process.reached,
    "joined": process.joined,
    "instances": process.instances,
    "finished": process.finished,
    "work": process.work,
    "incident": process.incident,
    "caught": process.caught,
    "left": process.left,
    "way": process.way,
    "never": process.never,
    "asked": values.asked,
    "calculated": values.calculated,
    "value": values.value,
    "step": people.step,
    "grant": people.grant,
    "clock": clocks.clock,
    "days": clocks.days,
    "timer": clocks.timer,
    "card": clocks.card,
    "joint": review.joint,
    "document": review.document,
    "event": records.event,
}
"""By the kind that a key begins with, who tells its cause, from the rest of the key."""

_CALCULATIONS = ("value", "condition", "expression", "fault", "decision", "work")
"""What rests on values: where these came from is told once."""

Line = tuple[Key, int, str, bool]
"""A cause, how far in it is told, as what (`root`, `fact`, `because`), and whether it was told before."""


def why(trace: Trace, organisation: Organisation, what: str | None) -> dict[str, Any]:
    """The chain of causes of `what` (None: of where the case stands or how it ended): a step, element,
    sequence flow, document, clock, timer, joint review, `outcome`, or the number of an event.

    `causes` are the links in the order in which they are told: `n`, `kind`, `text`, `event` (the record that
    shows it), `at`, `by`, `facts` and `because` (the `n` of others: what it rests on, and what it came from,
    the nearest first) and what their kind adds; `lines` says how they are laid out: `cause`, `depth`, `role`
    (`root`, `fact`, `because`) and whether it was told before (`again`). Raises `Unknown` for what the case
    does not have.
    """
    what = what or OUTCOME
    root = asked_for(trace, what)
    found = _followed(Inquiry(trace, organisation), root)
    lines = _laid_out(found, root, 0, "root", set())
    numbers = {key: n for n, key in enumerate((key for key, _, _, again in lines if not again), 1)}
    causes = []
    for key, n in numbers.items():
        cause = found[key]
        record = trace.record(cause.event)
        causes.append(
            {
                "n": n,
                "kind": cause.kind,
                "text": cause.text,
                "event": cause.event,
                "at": record.at,
                "by": record.by,
                "facts": [numbers[other] for other in cause.facts],
                "because": [numbers[other] for other in cause.because],
                **cause.more,
            }
        )
    told = [
        {"cause": numbers[key], "depth": depth, "role": role, "again": again}
        for key, depth, role, again in lines
    ]
    return {"case": trace.number, "what": what, "causes": causes, "lines": told}


def _followed(inquiry: Inquiry, root: Key) -> dict[Key, Cause]:
    """All causes that the root rests on."""
    found: dict[Key, Cause] = {}
    waiting = [root]
    while waiting:
        key = waiting.pop()
        if key in found:
            continue
        kind, *about = key
        cause = _ROOMS[kind](inquiry, *about)
        cause.because = list(dict.fromkeys(cause.because))
        cause.facts = [fact for fact in dict.fromkeys(cause.facts) if fact not in cause.because]
        found[key] = cause
        waiting += [*cause.facts, *cause.because]
    return found


def _laid_out(found: Mapping[Key, Cause], first: Key, depth: int, role: str, told: set[Key]) -> list[Line]:
    """The order of telling: a line of causes runs back from the `first` as far as it is new, and what its
    links rest on is told below each, further in. A cause is told on the longest line that reaches it first:
    what a fact shares with the line itself is told there."""
    spine: list[tuple[Key, str]] = []
    key: Key | None = first
    part = role
    while key is not None and key not in told:
        told.add(key)
        spine.append((key, part))
        key, part = next(iter(found[key].because), None), "because"
    lines: list[Line] = []
    for link, part in spine:
        lines.append((link, depth, part, False))
        cause = found[link]
        for other, kind in [
            *((fact, "fact") for fact in cause.facts),
            *((further, "because") for further in cause.because[1:]),
        ]:
            if other not in told:
                lines += _laid_out(found, other, depth + 1, kind, told)
            elif kind == "because" or cause.kind not in _CALCULATIONS:
                lines.append((other, depth + 1, kind, True))
    if key is not None and role != "fact":  # what a fact came from is told where that is
        lines.append((key, depth, "because", True))
    return lines
