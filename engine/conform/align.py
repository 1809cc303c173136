"""The way through a net that a case of a log took, with as few deviations as there can be.

A search by `step` itself over (events replayed, marking), cheapest first: what the log names and the net
allows costs nothing, and neither does what happens by itself; leaving an event of the log out, or doing a
step that the log lacks, costs one deviation each. Of two ways with as many deviations the one that leaves
fewer events out is taken. So the first way that comes to the end of the case has the fewest. Where that
takes too many steps, the search goes on from the place that it had come furthest to, and the result is not
`exact`.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from typing import Literal, NamedTuple

from ..errors import Invalid
from ..flow.marking import Marking
from ..flow.step import Input, step
from ..soundness.model import NOW
from .field import Field

MOST_STEPS = 3_000
"""Steps that are tried for one sequence of activities before it is cut short."""
MOST_AGAIN = 600
"""Steps that are tried after that before the next event is taken for a deviation."""

_MISSING, _LEFT_OUT = 1_000_000, 1_000_001
"""What deviations cost: a step too few, an event too many."""


Kind = Literal["inserted", "skipped", "unknown"]


class Deviation(NamedTuple):
    """Where a case leaves the net. `event` is the number of the event, from 0 on; one past the last for
    what is missing at the end.

    `kind`: `inserted` (the event's activity was not possible there: `element` of those it can be), `skipped`
    (`element` should have been done before it), `unknown` (no element is called so). `open` are the elements
    that could have come instead.
    """

    event: int
    kind: Kind
    element: str
    open: tuple[str, ...]


class Alignment(NamedTuple):
    """What became of a sequence: its deviations, the named elements that are `open` at its end, whether fewer
    deviations are certainly impossible."""

    deviations: tuple[Deviation, ...]
    open: tuple[str, ...]
    exact: bool


class _Place(NamedTuple):
    marking: Marking
    done: int
    before: int | None
    """The place that it was come to from."""
    deviation: Deviation | None


def align(field: Field, events: Sequence[frozenset[str]], *, ended: bool) -> Alignment:
    """The deviations of a case whose events are these, each given by the elements that its activity can be.

    `ended`: the case has to have come to the end of the process, too.
    """
    return _Search(field, events, ended=ended).run()


class _Search:
    def __init__(self, field: Field, events: Sequence[frozenset[str]], *, ended: bool) -> None:
        self.field, self.events, self.ended = field, events, ended
        self.rest: list[Counter[str]] = [Counter()]
        for elements in reversed(events):
            self.rest.append(self.rest[-1] + Counter(elements))
        self.rest.reverse()
        self.places: list[_Place] = []
        self.heap: list[tuple[int, int, int, int, int]] = []
        self.seen: set[tuple[int, str]] = set()
        self.serial = count()
        self.steps = 0
        self.exact = True

    def run(self) -> Alignment:
        marking, _ = step(self.field.net, None, self.field.beginning(), NOW)
        self.put(0, 0, _Place(marking, 0, None, None))
        if self.events and self.events[0] & self.field.starts:
            self.put(0, 0, _Place(marking, 1, None, None))
        budget = MOST_STEPS
        furthest = (-1, 0, 0)
        while self.heap:
            cost, _, depth, _, index = heapq.heappop(self.heap)
            place = self.places[index]
            state = (place.done, self.field.key(place.marking))
            if state in self.seen:
                continue
            self.seen.add(state)
            if place.done == len(self.events) and (not self.ended or place.marking["state"] == "completed"):
                return self.told(index)
            if (place.done, -cost) > furthest[:2]:
                furthest = (place.done, -cost, index)
            if self.steps > budget:
                budget = self.steps + MOST_AGAIN
                if not self.cut_short(furthest[2], -furthest[1]):
                    return self.told(furthest[2])
                continue
            self.expand(cost, depth, index)
        return self.told(furthest[2])  # a process that never ends by any way

    def cut_short(self, index: int, cost: int) -> bool:
        """Give everything up but the place that was come furthest to; there, take the next event for a
        deviation. False when there is none."""
        place = self.places[index]
        self.exact = False
        if place.done == len(self.events):
            return False
        self.heap.clear()
        self.leave_out(cost, 0, index)
        return True

    def put(self, cost: int, depth: int, place: _Place) -> None:
        self.places.append(place)
        # Of places that cost the same, the one that has come furthest, by the fewest steps of its own.
        entry = (cost, -place.done, depth, next(self.serial), len(self.places) - 1)
        heapq.heappush(self.heap, entry)

    def expand(self, cost: int, depth: int, index: int) -> None:
        place = self.places[index]
        done = place.done
        decisions = self.field.decisions(place.marking, self.rest[done])
        if decisions is not None:
            for given in decisions:
                self.take(place.marking, given, cost, depth + 1, _Place(place.marking, done, index, None))
            return
        wanted = self.events[done] if done < len(self.events) else frozenset()
        for move in self.field.moves(place.marking):
            same = _Place(place.marking, done, index, None)
            if not move.element:
                self.take(place.marking, move.given, cost, depth + 1, same)
                continue
            if move.element in wanted:
                self.take(place.marking, move.given, cost, 0, same._replace(done=done + 1))
            missing = Deviation(done, "skipped", move.element, ())
            self.take(place.marking, move.given, cost + _MISSING, 0, same._replace(deviation=missing))
        if done < len(self.events):
            self.leave_out(cost, depth, index)

    def take(self, marking: Marking, given: Input, cost: int, depth: int, to: _Place) -> None:
        self.steps += 1
        with suppress(Invalid):  # where tokens would move for ever, nothing comes of it
            after, _ = step(self.field.net, marking, given, NOW)
            self.put(cost, depth, to._replace(marking=after))

    def leave_out(self, cost: int, depth: int, index: int) -> None:
        place = self.places[index]
        elements = self.events[place.done]
        kind: Kind = "inserted" if elements else "unknown"
        deviation = Deviation(place.done, kind, min(elements, default=""), ())
        self.put(cost + _LEFT_OUT, depth, _Place(place.marking, place.done + 1, index, deviation))

    def open_before(self, place: _Place) -> tuple[str, ...]:
        """What could have come, also if what happens by itself had come out otherwise."""
        found: dict[str, None] = {}
        at = place.before
        while at is not None:
            before = self.places[at]
            found.update(dict.fromkeys(self.field.open(before.marking)))
            earlier = before.before
            silent = before.deviation is None and earlier is not None
            at = earlier if silent and self.places[earlier or 0].done == before.done else None
        return tuple(found)

    def told(self, index: int) -> Alignment:
        found = []
        at: int | None = index
        while at is not None:
            place = self.places[at]
            if place.deviation is not None:
                found.append(place.deviation._replace(open=self.open_before(place)))
            at = place.before
        last = self.places[index]
        # Where the process can't go on at all, nothing of what follows fits.
        rest = [
            Deviation(number, "inserted" if elements else "unknown", min(elements, default=""), ())
            for number, elements in enumerate(self.events[last.done :], last.done)
        ]
        return Alignment((*reversed(found), *rest), self.field.open(last.marking), self.exact)
