"""How a case stood after each act, as flat plain data, and what each act changed of that.

An act is a fact with all that followed from it. A state has sections, each a mapping; an act carries of each
section only what it changed (`changed`), so that a page of many acts stays small.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ..accountability import holders
from ..case import CalendarOf, Case
from ..clock import read_instant
from ..deadlines import Deadline, runs
from ..definition import Definition
from ..events import CaseMigrated, Record, canonical
from ..flow.marking import Marking, variables
from ..flow.step import Glimpse, effects_of
from ..organisation import Organisation
from ..steps import steps
from ..time_views import LIVE, clock_lines
from .places import Atlas, Place

State = dict[str, dict[str, Any]]
"""Section → what is in it. The sections:

- `tokens`: place → `[how many, what they wait for]`;
- `open`: step → `place`, `name`, `unit`, `post`, `due`, `provisional`, `who` signed for it, `stage`,
  `colour` and `late` of the clock that measures it, `message` where it may come or not;
- `done`, `taken`, `dropped`: place → how often an element was left, a flow taken, a step cancelled;
- `clocks`: running of a clock → how it stands, see `CLOCK`;
- `data`: variable → its value as JSON text;
- `whose`: holder → 1, while the time is his (`accountability`);
- `case`: `definition`, `outcome` (null while it is open).
"""

CLOCK = ("state", "colour", "left", "total", "over", "count_unit", "due", "provisional", "paused", "late")
"""What is said of a clock, in this order; `paused` are grounds, `due` milliseconds."""

SECTIONS = ("tokens", "open", "done", "taken", "dropped", "clocks", "data", "whose", "case")

Name = Callable[[Mapping[str, str]], str]
"""Picks the reader's language."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_URGENT = {"incident": 5, "task": 4, "event": 3, "race": 3, "undo": 2, "multi": 1, "scope": 1, "join": 0}
_COLOURS = {None: 0, "reminder": 1, "yellow": 2, "red": 3}


class Act(Struct, frozen=True):
    """The fact `records[0]` with what followed, the case as it then stood, and that as plain data."""

    records: list[Record]
    case: Case
    state: State


def millis(instant: str) -> int:
    """An instant as milliseconds since 1970, UTC."""
    return (read_instant(instant) - _EPOCH) // timedelta(milliseconds=1)


def acts(
    played: Iterable[tuple[Record, Case]],
    seen: list[Glimpse],
    atlas: Atlas,
    definition_of: Callable[[str], Definition],
    calendar_of: CalendarOf,
    organisation: Organisation,
    name: Name,
) -> Iterator[Act]:
    """The acts of a replay, in order. `seen` is the list that the replay's watch adds to; it is emptied
    here."""
    teller = _Teller(atlas, calendar_of, organisation, name)
    records: list[Record] = []
    case: Case | None = None
    for record, after in played:
        if record.event.fact and case is not None:
            yield Act(records, case, teller.state(case, definition_of(case.definition)))
            records = []
        records.append(record)
        case = after
        definition = definition_of(after.definition)
        if isinstance(record.event, CaseMigrated):
            teller.move(record.event.names, definition)
        teller.note(seen, definition)
        seen.clear()
    if case is not None:
        yield Act(records, case, teller.state(case, definition_of(case.definition)))


def changed(before: State, after: State) -> dict[str, dict[str, Any]]:
    """What `after` says otherwise: by section, the new values; None for what is gone. No value is None."""
    found = {}
    for section in SECTIONS:
        old, new = before.get(section, {}), after[section]
        gone = {key: None for key in old if key not in new}
        news = {key: value for key, value in new.items() if key not in old or old[key] != value}
        if gone or news:
            found[section] = gone | news
    return found


class _Teller:
    """Tells how the case stands; what it went through, it counts on the way."""

    def __init__(self, atlas: Atlas, calendar_of: CalendarOf, organisation: Organisation, name: Name) -> None:
        self.atlas = atlas
        self.calendar_of = calendar_of
        self.organisation = organisation
        self.name = name
        self.done: Counter[Place] = Counter()
        self.taken: Counter[Place] = Counter()
        self.dropped: Counter[Place] = Counter()
        self.stopped: dict[str, tuple[Deadline, dict[str, Any]]] = {}

    def note(self, seen: Iterable[Glimpse], definition: Definition) -> None:
        """Count what the process did."""
        for effect in effects_of(seen):
            if effect.kind == "taken":
                self._count(self.taken, definition, effect.scope, effect.info["flow"])
            elif effect.kind in ("completed", "fired"):
                self._count(self.done, definition, effect.scope, effect.element)
            elif effect.kind == "cancelled":
                self._count(self.dropped, definition, effect.scope, effect.element)

    def _count(self, counter: Counter[Place], definition: Definition, scope: str, element: str) -> None:
        place = self.atlas.place(definition, scope, element)
        if place is not None:
            counter[place] += 1

    def move(self, names: Mapping[str, str], definition: Definition) -> None:
        """The case goes over to another version, on whose charts it is from now on."""
        for counter in (self.done, self.taken, self.dropped):
            moved = self.atlas.moved(counter, names, definition)
            counter.clear()
            counter.update(moved)
        self.stopped.clear()

    def state(self, case: Case, definition: Definition) -> State:
        """How the case stands after an act."""
        clocks = self._clocks(case, definition)
        return {
            "tokens": self._tokens(case.marking, definition),
            "open": self._open(case, definition, clocks),
            "done": dict(self.done),
            "taken": dict(self.taken),
            "dropped": dict(self.dropped),
            "clocks": {id: _clock(line) for id, line in clocks.items()},
            "data": _data(case.marking),
            "whose": {}
            if case.closed
            else {
                f"{holder.kind}:{holder.party}": 1 for holder in holders(case, definition, self.organisation)
            },
            "case": {"definition": case.definition, "outcome": case.outcome or ""},
        }

    def _tokens(self, marking: Marking, definition: Definition) -> dict[Place, list[Any]]:
        found: dict[Place, list[Any]] = {}

        def add(scope: str, element: str, count: int, wait: str) -> None:
            place = self.atlas.place(definition, scope, element)
            if place is not None and count:
                there = found.setdefault(place, [0, wait])
                there[0] += count
                if _URGENT.get(wait, 0) > _URGENT.get(there[1], 0):
                    there[1] = wait

        for frame in marking["frames"].values():
            for visit in frame["live"].values():
                if visit["wait"] == "armed":
                    continue  # an event subprocess that waits for its trigger holds nothing up
                multi = visit.get("multi")
                count = multi["started"] - multi["ended"] if multi else 1
                add(frame["scope"], visit["node"], count, visit["wait"])
            for element, tokens in frame["joins"].items():
                add(frame["scope"], element, sum(tokens.values()), "join")
        return found

    def _open(
        self, case: Case, definition: Definition, clocks: Mapping[str, dict[str, Any]]
    ) -> dict[str, dict[str, Any]]:
        found = {}
        for step in steps(case, definition):
            measured = [
                line
                for id, line in clocks.items()
                if line["state"] in LIVE
                and (
                    line["of"] == step.task
                    or (
                        line["of"] is None
                        and step.node.id in definition.clocks[case.deadlines[id]["clock"]].stops
                    )
                )
            ]
            entry = case.docket.get(step.task)
            person = self.organisation.people.get(entry.get("assignee", "")) if entry else None
            found[step.task] = {
                "place": self.atlas.place(definition, step.scope, step.node.id) or "",
                "name": self.name(definition.names(step.node.id)),
                "unit": step.unit,
                "post": step.post,
                "due": millis(step.due) if step.due else 0,
                "provisional": step.provisional,
                "who": self.name(person.name) if person else "",
                "stage": entry.get("stage", "") if entry else "",
                "colour": max((line["colour"] for line in measured), key=_rank, default=None) or "",
                "late": any(line["state"] == "expired" for line in measured),
                "message": step.message is not None,
            }
        return found

    def _clocks(self, case: Case, definition: Definition) -> dict[str, dict[str, Any]]:
        """Each running of a clock as it stands at the act; one that is over, as it stood at its end."""
        moving: dict[str, Deadline] = {}
        for id, deadline in case.deadlines.items():
            if runs(deadline) or id not in self.stopped or self.stopped[id][0] != deadline:
                moving[id] = deadline
        at = read_instant(case.at)
        narrowed = replace(case, deadlines=moving)
        told = {line["clock"]: line for line in clock_lines(narrowed, definition, self.calendar_of, at)}
        for id, deadline in moving.items():
            if not runs(deadline):
                self.stopped[id] = (deadline, told[id])
        return {id: told.get(id) or self.stopped[id][1] for id in case.deadlines}


def _rank(colour: str | None) -> int:
    return _COLOURS.get(colour, 1)


def _clock(line: Mapping[str, Any]) -> list[Any]:
    told = {
        **line,
        "due": millis(line["due"]) if line["due"] else 0,
        "paused": [pause["ground"] for pause in line["paused"]],
        "colour": line["colour"] or "",
    }
    return [told[key] for key in CLOCK]


def _data(marking: Marking) -> dict[str, str]:
    """Every variable as JSON text; those of called processes and instances under the name of their frame."""
    found = {}
    for frame, held in marking["frames"].items():
        if frame == "":
            own = variables(marking)
        elif "data" in held:
            own = held["data"]
        else:
            continue
        for key, value in own.items():
            found[f"{frame} · {key}" if frame else key] = canonical(value).decode()
    return found
