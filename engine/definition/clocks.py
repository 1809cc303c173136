"""The clocks of an item: `[clocks.<id>]` in item.toml, as the law's rule and what drives it.

A trigger is the id of an element of the diagram, which means that it is done (a start event: that the case
is opened), or `<id>:opened`, which means that a token has reached it. A clock with `each` has no triggers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from ..clock import Term, parse_term
from ..clock.ledger import LICENSING_GROUNDS, Rule


class PauseBetween(Struct, frozen=True):
    """The process itself pauses the clock: from trigger `start` to trigger `end`, for `ground`; `expected` is
    the time that the applicant is told."""

    ground: str
    start: str
    end: str
    expected: Term


class Clock(Struct, frozen=True):
    """A clock of an item.

    `unit` answers for it. `starts`, `stops` and `restarts` are triggers. When it runs out and the case is
    deemed accepted, the clocks `begins` start as of the instant this one started (Administrative Licensing
    Law art. 32(4): accepted as of the day of receipt). The notices are ids of the item's documents. A clock
    that `follows` another stands still whenever that one does: a promise is kept or broken net of pauses.
    With `each` it runs once for each task of these elements, from its opening to its end, and the task's unit
    answers for it.
    """

    rule: Rule
    name: Mapping[str, str]
    unit: str
    starts: tuple[str, ...]
    stops: tuple[str, ...]
    restarts: tuple[str, ...]
    pauses: tuple[PauseBetween, ...]
    begins: tuple[str, ...]
    pause_notice: str | None
    extension_notice: str | None
    follows: str | None
    each: tuple[str, ...]


def read_clock(id: str, entries: Mapping[str, Mapping[str, Any]], unit: str) -> Clock:
    """The clock that `[clocks.<id>]` of all `entries` describes; `unit` is who answers for it if the entry
    names nobody.

    Raises `Invalid` for a rule or term that cannot be; the shape has been checked (item.schema.json).
    """
    entry = entries[id]
    extension, effect = dict(entry.get("extension", {})), dict(entry.get("effect", {}))
    extension_notice, begins = extension.pop("notice", None), tuple(effect.pop("begins", ()))
    grounds = entries.get(entry.get("follows", id), entry).get("grounds", {})
    if isinstance(grounds, list):
        grounds = {ground: LICENSING_GROUNDS[ground].as_json() for ground in grounds}
    restart = dict(entry.get("restart", {}))
    restarts = tuple(restart.pop("on", ()))
    starts, each = tuple(entry.get("starts", ())), tuple(entry.get("each", ()))
    rule = {
        "id": id,
        "tier": entry["tier"],
        "term": entry["term"],
        "starts": ", ".join(starts or [f"{element}:opened" for element in each]),
        "basis": entry["basis"],
        "grounds": grounds,
        "extension": extension or None,
        "restart": restart or None,
        "effect": effect,
    }
    if "ladder" in entry:
        rule["ladder"] = entry["ladder"]
    return Clock(
        rule=Rule.from_json(rule),
        name=entry["name"],
        unit=str(entry.get("unit", unit)),
        starts=starts,
        stops=tuple(entry.get("stops", ())),
        restarts=restarts,
        pauses=tuple(
            PauseBetween(pause["ground"], pause["from"], pause["to"], parse_term(pause["expected"]))
            for pause in entry.get("pauses", ())
        ),
        begins=begins,
        pause_notice=entry.get("pause_notice"),
        extension_notice=extension_notice,
        follows=entry.get("follows"),
        each=each,
    )
