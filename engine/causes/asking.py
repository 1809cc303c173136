"""What a question means.

In: a `Trace`, and the name of something in the case. Out: the key of the cause that tells of it.
"""

from __future__ import annotations

from difflib import get_close_matches

from ..deadlines import clock_of
from ..errors import Unknown, say
from ..events import (
    CardRaised,
    DocumentIssued,
    JointCertain,
    JointDecided,
    RecusalChallenged,
    RecusalDecided,
    RecusalDeclared,
    ReferralSent,
    TaskOpened,
    TimerArmed,
)
from ..flow.marking import element_of
from . import ways
from .links import Key
from .trace import Trace

OUTCOME = "outcome"
"""Asks how the case ended, or where it stands."""


def asked_for(trace: Trace, what: str) -> Key:
    """What is asked about: the first of the kinds below that has something of this name; a name may say
    its kind, `clock:reply`. Raises `Unknown`."""
    if what == OUTCOME:
        return ("outcome",) if trace.case.closed else ("standing",)
    if what.isascii() and what.isdigit() and 1 <= int(what) <= len(trace.records):
        return ("event", int(what), True)
    kind, colon, name = what.partition(":")
    if colon and kind in _FINDERS:
        found = _FINDERS[kind](trace, name)
    else:
        found = next((key for find in _FINDERS.values() if (key := find(trace, what)) is not None), None)
    if found is None:
        raise _unknown(trace, what)
    return found


def _step(trace: Trace, name: str) -> Key | None:
    return ("step", name) if trace.is_step(name) else None


def _clock(trace: Trace, name: str) -> Key | None:
    """A running of a clock, or the latest one of the item's clock."""
    deadlines = trace.case.deadlines
    if name in deadlines:
        return ("clock", name)
    runnings = [id for id in deadlines if clock_of(id) == name]
    return ("clock", runnings[-1]) if runnings else None


def _card(trace: Trace, name: str) -> Key | None:
    for record in trace.records:
        if isinstance(record.event, CardRaised) and record.event.card == name:
            return ("card", record.seq)
    return None


def _timer(trace: Trace, name: str) -> Key | None:
    return ("timer", name) if trace.latest(name, TimerArmed) is not None else None


def _joint(trace: Trace, name: str) -> Key | None:
    """The latest round of a joint review, as it was decided, or as it stands."""
    for record in reversed(trace.records):
        match record.event:
            case JointDecided(joint=joint, round=round) | JointCertain(joint=joint, round=round) if (
                joint == name
            ):
                return ("joint", joint, round, record.seq)
            case ReferralSent(joint=joint, round=round) if joint == name:
                return ("joint", joint, round, len(trace.records))
    return None


def _recusal(trace: Trace, name: str) -> Key | None:
    for record in reversed(trace.about.get(name, ())):
        match record.event:
            case (
                RecusalDeclared(recusal=recusal)
                | RecusalChallenged(recusal=recusal)
                | RecusalDecided(recusal=recusal)
            ) if recusal == name:
                return ("event", record.seq)
    return None


def _document(trace: Trace, name: str) -> Key | None:
    for record in reversed(trace.records):
        match record.event:
            case DocumentIssued(document=document, number=number) if name in (document, number):
                return ("document", record.seq)
    return None


def _element(trace: Trace, name: str) -> Key | None:
    """An element or sequence flow of the diagram, or a visit to one; of an element the latest visit where
    its own name is not that of the first."""
    scopes = trace.definition.net.scopes.values()
    for scope in scopes:
        if name in scope.flows:
            return ("way", scope.id, name)
    visits = trace.visits(element_of(name))
    if name in visits:
        return ways.of_visit(trace, name)
    if name == element_of(name) and (visits or any(name in scope.nodes for scope in scopes)):
        return ways.of_element(trace, name)
    return None


_FINDERS = {
    "step": _step,
    "clock": _clock,
    "timer": _timer,
    "card": _card,
    "joint": _joint,
    "recusal": _recusal,
    "document": _document,
    "element": _element,
}


def _unknown(trace: Trace, what: str) -> Unknown:
    known = _names(trace)
    near = get_close_matches(what, known, 6) or list(known)[:6]
    kinds = {name: list(known[name]) for name in near}
    told = [name if len(of) < 2 else f"{kind}:{name}" for name, of in kinds.items() for kind in of]
    return Unknown(
        "why.unknown",
        say("case {case} has nothing that is called {what}", case=trace.number, what=what),
        expected=say(
            "a step, an element or sequence flow of the diagram, a document, a clock or timer, a card, a "
            "joint review, the number of an event, or “outcome”: {near} …",
            near=", ".join(told),
        ),
        found=say("{what}", what=what),
        remedy=say("look for it with `lianban history {case}`", case=trace.number),
    )


def _names(trace: Trace) -> dict[str, dict[str, None]]:
    """All that there is to ask about, each name once with its kinds. The element of a step is no further
    thing: its name asks for the step."""
    scopes = trace.definition.net.scopes.values()
    named = [
        ("outcome", [OUTCOME]),
        ("step", [trace.named(r, "task") for r in trace.records if isinstance(r.event, TaskOpened)]),
        ("clock", trace.case.deadlines),
        ("card", [r.event.card for r in trace.records if isinstance(r.event, CardRaised)]),
        ("joint", trace.definition.joints),
        ("document", trace.case.documents),
        ("element", [name for scope in scopes for name in (*scope.nodes, *scope.flows)]),
    ]
    known: dict[str, dict[str, None]] = {}
    for kind, names in named:
        for name in names:
            if kind != "element" or "step" not in known.get(name, ()):
                known.setdefault(name, {})[kind] = None
    return known
