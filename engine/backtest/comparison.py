"""A recorded case beside what it would have been under a draft."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from ..case import CLOCK, EVERYWHERE, CalendarOf, Case, Watch, workdays_of
from ..clock import Workdays, read_instant
from ..definition import Definition
from ..errors import Refusal, say
from ..events import CalendarRevised, CaseMigrated, Record
from ..expressions import Malformed, compile_expression
from ..flow.step import Glimpse
from .marks import KINDS, Mark, Side, Way
from .play import Draft, Lack, OrganisationOf, Play

Replay = Callable[[Watch], Iterator[tuple[Record, Case]]]
"""Runs a recorded history again, while somebody looks on."""


class Result(NamedTuple):
    """One case: `line` as it is told (see docs/json.md), and what the sum is made of."""

    line: dict[str, Any]
    units: tuple[Counter[str], Counter[str]]
    cards: tuple[int, int]


def broken(number: str, refusal: Refusal) -> Result:
    """A case whose history does not replay: it says nothing about any draft."""
    line = {
        "case": number,
        "class": "broken",
        "refusal": refusal,
        "differences": [],
        "first": None,
        "unanswerable": None,
    }
    return Result(line, (Counter(), Counter()), (0, 0))


def compare(
    number: str,
    replay: Replay,
    draft: Draft,
    definition_of: Callable[[str], Definition],
    calendar_of: CalendarOf,
    organisation_of: OrganisationOf,
    now: datetime,
) -> Result:
    """The recorded case against the draft; time goes on by itself until `now` at most. Raises `Diverged` for
    a history that does not replay."""
    told: list[Glimpse] = []
    history: list[tuple[Record, Case, list[Glimpse]]] = []
    for record, case in replay(told.extend):
        history.append((record, case, list(told)))
        told.clear()
    names = _names(draft, history)
    recorded = Side(definition_of(history[0][1].definition), names)
    facts: list[tuple[Record, Case | None]] = []
    before: Case | None = None
    for record, case, seen in history:
        recorded.watch(seen)
        recorded.stands(definition_of(case.definition), case, record.seq)
        recorded.note(record.at, record.event, record.seq)
        if record.event.fact and record.by != CLOCK:
            facts.append((record, before))
        before = case
    last, ended = history[-1][0], history[-1][1]
    play = Play(number, draft, names, recorded, calendar_of, organisation_of, now)
    lack, until = play.run(facts, last, ended.closed)
    return _result(number, ended, recorded, play, lack, until, calendar_of)


def _names(draft: Draft, history: Iterable[tuple[Record, Case, list[Glimpse]]]) -> dict[str, str]:
    """What recorded elements are called in the draft: as somebody says, or as a migration on record did."""
    elements = {id for scope in draft.definition.net.scopes.values() for id in scope.nodes}
    names: dict[str, str] = {}
    for record, _, _ in history:
        if isinstance(record.event, CaseMigrated):
            renamings = record.event.names.items()
            names |= {old: new for old, new in renamings if old not in elements and new in elements}
    return {**names, **draft.names}


def _result(
    number: str,
    ended: Case,
    recorded: Side,
    play: Play,
    lack: Lack | None,
    until: int,
    calendar_of: CalendarOf,
) -> Result:
    side = play.side
    marks = [mark for mark in recorded.marks if mark.seq <= until]
    missing, extra = _differing(marks, side.marks), _differing(side.marks, marks)
    kinds = [kind for kind in KINDS if any(mark.kind == kind for mark in (*missing, *extra))]
    course = play.course.state
    closed = course is not None and course.closed
    line: dict[str, Any] = {
        "case": number,
        "refusal": None,
        "class": "unanswerable" if lack is not None else kinds[0] if kinds else "same",
        "differences": kinds,
        "first": _first(missing, extra, recorded, side, play) if kinds else None,
        "outcome": {
            "recorded": ended.outcome,
            "draft": course.outcome if lack is None and course is not None else None,
        },
        "unanswerable": lack._asdict() if lack is not None else None,
        "facts": sum(
            not isinstance(record.event, CaseMigrated | CalendarRevised) for record, _ in play.facts
        ),
        "left_out": [left._asdict() for left in play.left],
        "overdue": {"recorded": list(recorded.overdue), "draft": list(side.overdue)},
        "days": None,
    }
    if lack is None and closed and ended.closed and course is not None and ended.calendar:
        # One ruler for both, so that what differs is how long it took.
        hours = workdays_of(calendar_of(ended.calendar), EVERYWHERE, ended.marking["zone"], ended.closing)
        spans = (ended.opened_at, recorded.closed_at), (course.opened_at, side.closed_at)
        days = [_days(hours, since, to) for since, to in spans if to is not None]
        line["days"] = dict(zip(("recorded", "draft"), days, strict=True))
    return Result(line, (recorded.units, side.units), (recorded.cards, side.cards))


def _days(hours: Workdays, since: str, to: str) -> int:
    """Working days after the day of `since` up to the day of `to`."""
    on, end = hours.date_of(read_instant(since)), hours.date_of(read_instant(to))
    return sum(hours.day(on + timedelta(days=n)).works for n in range(1, (end - on).days + 1))


def _differing(marks: Iterable[Mark], others: Iterable[Mark]) -> list[Mark]:
    """The marks that the others lack, each as often as it is missing."""
    left = Counter((mark.kind, mark.key) for mark in others)
    found = []
    for mark in marks:
        if left[mark.kind, mark.key] > 0:
            left[mark.kind, mark.key] -= 1
        else:
            found.append(mark)
    return found


def _first(missing: list[Mark], extra: list[Mark], recorded: Side, side: Side, play: Play) -> dict[str, Any]:
    """The first point at which the courses part: what is recorded, what the draft gives, and the way that was
    chosen there, if one was."""
    mark = min(
        (*missing, *extra), key=lambda one: (one.at, KINDS.index(one.kind), one.subject != "", one.place)
    )
    alike = [one for one in missing if one.kind == mark.kind], [one for one in extra if one.kind == mark.kind]
    chosen: list[Mark | None] = []
    for marks in alike:
        same = [one for one in marks if one.subject == mark.subject] or [
            one for one in marks if one.at == mark.at
        ]
        chosen.append(mark if mark in marks else same[0] if same else None)
    nothing = say("nothing of the kind")
    at = mark.at
    return {
        "kind": mark.kind,
        "at": at,
        "element": mark.subject,
        "name": _names_of(play.definition, mark.subject),
        "recorded": chosen[0].text if chosen[0] is not None else nothing,
        "draft": chosen[1].text if chosen[1] is not None else nothing,
        "chosen": _parting(recorded, side, play.definition, at),
    }


def _names_of(definition: Definition, subject: str) -> dict[str, str]:
    for entries in (definition.clocks, definition.joints, definition.meetings):
        if subject in entries:
            return dict(entries[subject].name)
    return definition.names(subject) if subject else {}


def _parting(recorded: Side, side: Side, definition: Definition, until: str) -> dict[str, Any] | None:
    """The first gateway that let the case out by another way than on record, up to the instant `until`: its
    condition under the draft and the values that this was decided by."""
    for one in _unlike(side.ways, recorded.ways):
        if one.at > until:
            return None
        others = [way for way in _unlike(recorded.ways, side.ways) if way.source == one.source]
        if not others or others[0].at != one.at:
            continue
        scope = definition.net.scopes[one.scope]
        node = scope.nodes[scope.flows[one.flow].source]
        known: set[str] = set()
        ways = [scope.flows[flow] for flow in node.outgoing]
        for flow in ways:
            with suppress(Malformed):  # flow.read has said so
                known |= compile_expression(flow.condition or "true").names
        recorded_way = others[0].target
        # The default flow has no condition: then it is the one that did not hold.
        conditions = [scope.flows[one.flow].condition]
        conditions += [flow.condition for flow in ways if flow.target == recorded_way]
        return {
            "element": node.id,
            "name": definition.names(node.id),
            "recorded": recorded_way,
            "recorded_name": definition.names(recorded_way),
            "draft": one.target,
            "draft_name": definition.names(one.target),
            "condition": next((text for text in conditions if text), ""),
            "values": {name: one.seen[name] for name in sorted(known) if name in one.seen},
        }
    return None


def _unlike(ways: Iterable[Way], others: Iterable[Way]) -> list[Way]:
    left = Counter((way.source, way.target) for way in others)
    found = []
    for way in ways:
        if left[way.source, way.target] > 0:
            left[way.source, way.target] -= 1
        else:
            found.append(way)
    return found
