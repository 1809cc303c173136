"""What a chain of causes is made of.

In: one question (`Inquiry`): a case run again, and the organisation that its people are called by. Out, of
every other room: the `Cause` of a `Key`, which names further keys. Nothing here looks a cause up; the rooms
do, and `walk` calls them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import Text, say, titled
from ..flow.net import Scope
from ..organisation import Organisation
from .trace import Act, Trace

Key = tuple[Any, ...]
"""Names a cause: its kind, and what it is about."""


@dataclass(slots=True)
class Cause:
    """One link. `facts` are what it rests on beside what came `because` of which; both are keys of others.
    `event` is the number of the record that shows it, `more` what its kind adds."""

    kind: str
    text: Text
    event: int
    facts: list[Key] = field(default_factory=list)
    because: list[Key] = field(default_factory=list)
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Inquiry:
    """One question about a case. `read` keeps the key of each value that was told: it is one cause, however
    often it was read."""

    trace: Trace
    organisation: Organisation
    read: dict[tuple[Any, ...], Key] = field(default_factory=dict)


def named(names: Mapping[str, str], id: str) -> Text:
    """What a definition calls a thing, or else its id."""
    return titled(names.get("zh", id), names.get("en", ""))


def element_name(trace: Trace, element: str, act: Act | None = None) -> Text:
    """What a reader calls an element: its name (of an act, that of its time) with the id that it has in the
    end, or the id alone. `element` is its id at the act, or in the end."""
    names = (act.definition if act is not None else trace.definition).names(element)
    id = element if act is None else trace.called_since(element, act.fact.seq)
    if names["zh"] == element:
        return say("{element}", element=id)
    return say("{name} ({element})", name=titled(**names), element=id)


def name_at(trace: Trace, place: int) -> Text:
    """What a reader calls the element that the effect at a place is about."""
    return element_name(trace, trace.effect(place).element, trace.act_at(place))


def flow_name(trace: Trace, scope: Scope, flow: str) -> Text:
    """What a reader calls a sequence flow: its id, and from where to where it leads."""
    drawn = scope.flows[flow]
    return say(
        "{flow}, from {source} to {target}",
        flow=flow,
        source=element_name(trace, drawn.source),
        target=element_name(trace, drawn.target),
    )
