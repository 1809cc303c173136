"""A replay, act by act, as plain data for people (floor 5): where the tokens were after each act, what the
clocks showed, what the case knew; and the same as marks on its diagram.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct, field

from . import audit
from .case import CalendarOf, Case
from .clock import read_instant, write_instant
from .definition import Definition
from .events import CaseMigrated, Record, canonical
from .flow.marking import Wait, copy_data, part_key, waits
from .flow.migrate import renamed
from .flow.step import Glimpse, effects_of
from .steps import steps
from .time_views import clock_lines, concerning, timer_lines

DefinitionOf = Callable[[str], Definition]


class Act(Struct, frozen=True):
    """A fact with what followed from it: the records, and the case after the last of them. `passed` are the
    elements that were done and the flows that were taken, in this act and in all before it."""

    records: tuple[Record, ...]
    case: Case
    definition: Definition
    passed: frozenset[str] = field(default_factory=frozenset)

    @property
    def at(self) -> datetime:
        """When it took effect."""
        return read_instant(self.records[0].at)


def retrace(
    number: str,
    history: Sequence[Record],
    last: int,
    definition_of: DefinitionOf,
    calendar_of: CalendarOf,
) -> Iterator[Act]:
    """Run the history again, as `audit.replay` does, as far as event `last`: every act, of the last one what
    is on record by then. Raises `Diverged` at the first event up to there that does not follow."""
    passed: set[str] = set()
    fresh: set[str] = set()
    records: list[Record] = []
    state: Case | None = None

    def watch(seen: list[Glimpse]) -> None:
        effects = effects_of(seen)
        fresh.update(effect.element for effect in effects if effect.kind == "completed")
        fresh.update(effect.info["flow"] for effect in effects if effect.kind == "taken")

    for record, after in audit.replay(number, history, definition_of, calendar_of, watch):
        if record.event.fact and state is not None:
            yield Act(tuple(records), state, definition_of(state.definition), frozenset(passed))
            records = []
        if isinstance(record.event, CaseMigrated):
            passed = {renamed(one, record.event.names) for one in passed}
        passed |= fresh  # of this fact: the watch was told before its record came
        fresh.clear()
        records.append(record)
        state = after
        if record.seq == last < history[-1].seq:
            break  # what follows is not run, so it can't diverge
    if state is not None:
        yield Act(tuple(records), state, definition_of(state.definition), frozenset(passed))


def act_lines(
    acts: Iterable[Act], calendar_of: CalendarOf, now: datetime | None = None
) -> Iterator[dict[str, Any]]:
    """Each act for readers: `first` and `last` event, `at`, the `state`, the `tokens`, `timers` and `clocks`
    after it (as they stood `as_of` its instant; of the last act, of `now` if given), and the `data`: the
    variables of each frame of the marking, with those that the act `changed`."""
    known: dict[str, dict[str, Any]] = {}
    held: Act | None = None

    def line(act: Act, at: datetime) -> dict[str, Any]:
        nonlocal known
        before, known = known, variables_of(act.case)
        return {
            "first": act.records[0].seq,
            "last": act.records[-1].seq,
            "at": act.records[0].at,
            "as_of": write_instant(at),
            "state": act.case.marking["state"],
            "tokens": token_lines(act.case, act.definition),
            "timers": timer_lines(act.case, act.definition),
            "clocks": clock_lines(act.case, act.definition, calendar_of, at),
            "data": known,
            "changed": list(_changes(before, known)),
        }

    for act in acts:
        if held is not None:
            yield line(held, held.at)
        held = act
    if held is not None:
        yield line(held, now or held.at)


def variables_of(case: Case) -> dict[str, dict[str, Any]]:
    """The variables of each frame that has any: of the case itself under ""."""
    return {
        name: copy_data(frame["data"]) for name, frame in case.marking["frames"].items() if frame.get("data")
    }


def _changes(
    before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    """What became of variables: `change` is `new`, `changed` or `gone`; `was` is null for what is new, and
    `value` for what is gone."""
    for frame in [*after, *(frame for frame in before if frame not in after)]:
        old, new = before.get(frame, {}), after.get(frame, {})
        for name in [*new, *(name for name in old if name not in new)]:
            was, value = old.get(name), new.get(name)
            change = "gone" if name not in new else "new" if name not in old else "changed"
            if change != "changed" or canonical(was) != canonical(value):
                yield {"frame": frame, "name": name, "change": change, "was": was, "value": value}


def token_lines(case: Case, definition: Definition) -> list[dict[str, Any]]:
    """Where tokens rest, in order of arrival: `token`, `frame`, `element`, `name`, and what each `waits` for:
    `person` (whose step it is: `unit`, `post`), `event` (any of `awaits`: `kind`, `name`, `due`), `others`
    (at a gateway, `n` of them by the flow `flow`), `inside` (an activity, for what runs in it),
    `compensation` or `repair` (the diagram's own expression failed)."""
    net, marking = definition.net, case.marking
    triggers: dict[tuple[str, str], list[Wait]] = {}
    for wait in waits(net, marking):
        if wait.node.kind != "boundary":
            triggers.setdefault((wait.frame_id, wait.visit_id), []).append(wait)
    mine = {step.task: step for step in steps(case, definition) if step.message is None}
    found: list[tuple[int, dict[str, Any]]] = []

    def add(since: int, token: str, frame: str, element: str, waits_for: str, **more: Any) -> None:
        line: dict[str, Any] = {
            "token": token,
            "frame": frame,
            "element": element,
            "name": definition.names(element),
            "waits": waits_for,
            "unit": mine[token].unit if token in mine else "",
            "post": mine[token].post if token in mine else "",
            "awaits": [],
            "flow": None,
            "n": 1,
        }
        found.append((since, line | more))

    for frame_id, frame in marking["frames"].items():
        for visit_id, visit in frame["live"].items():
            kind = _WAITS.get(visit["wait"])
            if kind is None:
                continue  # an event subprocess that is not running holds no token
            awaits = [_awaited(wait) for wait in triggers.get((frame_id, visit_id), ())]
            add(visit["since"], visit_id, frame_id, visit["node"], kind, awaits=awaits)
            for index, pending in visit["multi"]["waiting"].items() if "multi" in visit else ():
                add(pending["since"], f"{visit_id}:{index}", frame_id, visit["node"], "person")
        for gateway, arrived in frame["joins"].items():
            for flow, count in arrived.items():
                add(marking["serial"], gateway, frame_id, gateway, "others", flow=flow, n=count)
    return [line for _, line in sorted(found, key=lambda entry: entry[0])]


_WAITS = {
    "task": "person",
    "event": "event",
    "race": "event",
    "scope": "inside",
    "multi": "inside",
    "incident": "repair",
    "undo": "compensation",
}
"""Kind of visit → what its token waits for, in the words of `token_lines`."""


def _awaited(wait: Wait) -> dict[str, Any]:
    key = part_key(wait.node, wait.part)
    due = wait.visit.get("timers", {}).get(key, {}).get("due")
    return {"kind": wait.event.kind, "name": wait.event.name or "", "due": due}


# --- on the diagram

STYLE = """
.done .outline { stroke: #3f7d4e; fill: #eaf4ec }
.done .line { stroke: #3f7d4e; stroke-width: 2.5 }
.token .outline { stroke: #1f5fa8; stroke-width: 4; fill: #dcebfb }
.open .outline { stroke: #1f5fa8; stroke-width: 4; fill: #dcebfb }
.late .outline { stroke: #b3261e; stroke-width: 4; fill: #fbe3e1 }
.failed .outline { stroke: #b3261e; stroke-width: 4; stroke-dasharray: 6 4; fill: #fff }
"""
"""How the marks look; a step that is open again after it was done looks open."""


def marks_of(act: Act, calendar_of: CalendarOf, now: datetime) -> dict[str, str]:
    """The classes of each element of the diagram: `done` (of a flow: a token went along), `token`, `open` (a
    step waits for somebody), `late` (and its due date, or that of a clock that concerns it, is over at
    `now`), `failed`."""
    marks = {one: {"done"} for one in act.passed}
    lines = clock_lines(act.case, act.definition, calendar_of, now)
    for token in token_lines(act.case, act.definition):
        there = marks.setdefault(token["element"], set())
        there.add("token")
        if token["waits"] == "repair":
            there.add("failed")
    for step in steps(act.case, act.definition):
        there = marks.setdefault(step.node.id, set())
        there.add("open")
        concerned = concerning(lines, step.unit, step.task)
        if any(clock["state"] == "expired" for clock in concerned) or (
            step.due is not None and read_instant(step.due) <= now
        ):
            there.add("late")
    return {element: " ".join(sorted(there)) for element, there in marks.items()}
