"""Whose days were they (floor 5): every moment of a case is somebody's, pure over its replay.

Between two events a case stands as it stood after the first, and what it stands at says whose the time is.
The first of these that applies (`kind`, and what `party` names):

1. `excluded`, a ground: a statutory clock is paused. The law does not count the time (Administrative
   Licensing Law art. 45), so it is nobody's. Of several pauses the one that began first counts.
2. `unit`, a unit: steps are open. The time is that of the units that have them, in equal shares: a unit with
   three open steps holds the case up no more than one with a single step.
3. `applicant`: the case waits for a message. If the event has the property `waits_for`, a unit's code, the
   time is that unit's instead. Several messages are shared like steps.
4. `waiting`, an element: nobody can do anything, the case waits for time to pass (a public notice, say), or
   for a signal, or for a diagram to be repaired.

A message or timer on the edge of an activity may come or not: the case waits for what is inside.

Time is counted in whole microseconds. What is left over when a span is shared goes, one each, to the first
in order of kind and party, so that the shares of a case sum to its elapsed time, and those of a day to the
part of the day that the case was open, without exception. Days are those of the case's zone.

Working days are not counted here. Each clock's ledger does that by law, for the unit that answers for it
(`lianban clock explain`); a working day that several units share, or that is none in one of them by a local
holiday, could not be given to anybody as a whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from .case import Case
from .clock import read_instant, write_instant
from .deadlines import rule_of, runs
from .definition import Definition
from .events import Record
from .flow.net import Node
from .organisation import Organisation
from .steps import dues, steps

MICROSECOND = timedelta(microseconds=1)
DAY = timedelta(days=1)


class Holder(NamedTuple):
    """Whose a span of time is; sorts by kind and party."""

    kind: str
    party: str
    zh: str
    en: str


APPLICANT = Holder("applicant", "", "申请人", "applicant")


def report(
    replays: Iterable[Iterable[tuple[Record, Case]]],
    definition_of: Callable[[str], Definition],
    organisation: Organisation,
    now: datetime,
) -> dict[str, Any]:
    """The account of each replayed case up to `now`, and the totals over all of them.

    `cases` have `case`, `item`, `item_name`, `opened_at`, `until` (the closing, or `now`), `closed`,
    `elapsed` (microseconds), `shares` and `days`. A share, as in `totals`, has `kind`, `party`, `name` and
    `microseconds`, the largest first; in `days` it also has its `date`, and the earliest day is first.

    What is on record counts: a case opened later than `now` is left out, and one closed later was still
    open. What time has done but no sweep has entered is not known. One replay is read at a time.
    """
    cases, totals = [], Counter[Holder]()
    for replayed in replays:
        found = _account(replayed, definition_of, organisation, now)
        if found is not None:
            account, shares = found
            cases.append(account)
            totals.update(shares)
    return {"cases": cases, "totals": _lines(totals)}


def _account(
    replayed: Iterable[tuple[Record, Case]],
    definition_of: Callable[[str], Definition],
    organisation: Organisation,
    now: datetime,
) -> tuple[dict[str, Any], Counter[Holder]] | None:
    """The account of one case, and its shares; None when it was not open yet."""
    days: dict[str, Counter[Holder]] = {}
    case: Case | None = None
    since = ""
    for record, after in replayed:
        if record.at > write_instant(now):
            break
        if case is not None and record.at > since:
            _charge(days, case, definition_of(case.definition), organisation, since, record.at)
        case, since = after, record.at
    if case is None:
        return None
    definition = definition_of(case.definition)
    until = since if case.closed else write_instant(now)
    _charge(days, case, definition, organisation, since, until)
    shares = Counter[Holder]()
    for held in days.values():
        shares.update(held)
    account = {
        "case": case.number,
        "item": case.item,
        "item_name": dict(definition.item["name"]),
        "opened_at": case.opened_at,
        "until": until,
        "closed": case.closed,
        "elapsed": (read_instant(until) - read_instant(case.opened_at)) // MICROSECOND,
        "shares": _lines(shares),
        "days": [{"date": on, **line} for on, held in days.items() for line in _lines(held)],
    }
    return account, shares


def _charge(
    days: dict[str, Counter[Holder]],
    case: Case,
    definition: Definition,
    organisation: Organisation,
    since: str,
    until: str,
) -> None:
    """Add the span from `since` to `until`, in which the case stood as it is, to the days it falls on."""
    if since == until:
        return
    found = holders(case, definition, organisation)
    for on, length in _by_day(read_instant(since), read_instant(until), ZoneInfo(case.marking["zone"])):
        each, left_over = divmod(length, len(found))
        held = days.setdefault(on, Counter())
        for place, holder in enumerate(found):
            held[holder] += each + (place < left_over)


def _by_day(since: datetime, until: datetime, zone: ZoneInfo) -> Iterator[tuple[str, int]]:
    """The days of `zone` that the span falls on, each with its part in microseconds."""
    on = since.astimezone(zone).date()
    while since < until:
        midnight = datetime.combine(on + DAY, time(), zone).astimezone(UTC)
        end = min(until, midnight)
        if since < end:  # not so where a zone sets its clocks back over midnight
            yield on.isoformat(), (end - since) // MICROSECOND
            since = end
        on += DAY


def _lines(sums: Mapping[Holder, int]) -> list[dict[str, Any]]:
    """The sums as plain data, the largest first, without those that got nothing."""
    return [
        {
            "kind": holder.kind,
            "party": holder.party,
            "name": {"zh": holder.zh, "en": holder.en},
            "microseconds": held,
        }
        for holder, held in sorted(sums.items(), key=lambda entry: (-entry[1], entry[0]))
        if held
    ]


# --- whose the time is


def holders(case: Case, definition: Definition, organisation: Organisation) -> list[Holder]:
    """Whose the time is while the case stands like this, in order, each once; never empty."""
    excluded = _excluded(case, definition)
    if excluded:
        return [min(excluded)[1]]
    possible = steps(case, definition)
    units = {step.unit for step in possible if step.message is None}
    if units:
        return [_unit(unit, organisation) for unit in sorted(units)]
    events = [step.node for step in possible if not _is_around(definition, step.scope, step.node)]
    if events:
        asked = {node.properties.get("waits_for") for node in events}
        return sorted(_unit(unit, organisation) if unit else APPLICANT for unit in asked)
    element = _resting(case, definition)
    return [Holder("waiting", element, **definition.names(element))]


def _is_around(definition: Definition, scope: str, node: Node) -> bool:
    """Whether an event that is waited for is no step of the way: on an edge, or of an event subprocess."""
    return node.kind == "boundary" or (node.kind == "start" and scope != definition.net.process)


def _unit(unit: str, organisation: Organisation) -> Holder:
    return Holder("unit", unit, organisation.unit_name(unit, "zh"), organisation.unit_name(unit, "en"))


def _excluded(case: Case, definition: Definition) -> list[tuple[str, Holder]]:
    """The pauses of statutory clocks that last, with the instants they began."""
    found = []
    for deadline in case.deadlines.values():
        rule = rule_of(definition.clocks[deadline["clock"]], deadline)
        if rule.tier != "statutory" or not runs(deadline):
            continue
        for pause in deadline["ledger"]["runs"][-1]["pauses"]:
            if pause["until"] is None:
                ground = rule.grounds[pause["ground"]]
                found.append((pause["since"], Holder("excluded", pause["ground"], ground.zh, ground.en)))
    return found


def _resting(case: Case, definition: Definition) -> str:
    """The element that holds the case up when nobody can do anything: the next timer that is in its way;
    else where it rests (a signal, a clock that stands still, an expression that failed); else the next timer
    on an edge."""
    in_the_way: list[str] = []
    on_edges: list[str] = []
    for timer in dues(case, definition):
        edge = _is_around(definition, timer.scope, definition.net.scopes[timer.scope].nodes[timer.element])
        (on_edges if edge else in_the_way).append(timer.element)
    resting = [
        (visit["since"], visit["node"])
        for frame in case.marking["frames"].values()
        for visit in frame["live"].values()
        if visit["wait"] not in ("scope", "multi", "armed")
    ]
    return [*in_the_way, *(element for _, element in sorted(resting)), *on_edges, ""][0]
