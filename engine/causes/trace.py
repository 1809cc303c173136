"""A history with all that happened between its records: run again, while it looks on.

Nothing here is guessed. What a step did is told by the step itself (`flow.run.board.Glimpse`), in order;
here that is only put under the names by which one asks for it.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ..audit import replay
from ..case import CalendarOf, Case
from ..definition import Definition
from ..events import (
    CaseMigrated,
    CaseOpened,
    Event,
    MessageReceived,
    Record,
    RecusalChallenged,
    RecusalDeclared,
    TaskOpened,
    TimerStopped,
)
from ..flow.marking import element_of
from ..flow.migrate import Names, match_flows, renamed
from ..flow.net import Node, Scope, triggers
from ..flow.run.board import Arrived, Asked, Delivered, Effect, Glimpse, OnEdge, Wrote


@dataclass(frozen=True, slots=True)
class Act:
    """A fact with its consequences: by which definition they came, and the place of the first glimpse."""

    fact: Record
    definition: Definition
    first: int


class Trace:
    """All that happened in a case, in places counted from 0.

    `case` is the case as it stands after all of it; `glimpses` are what the steps told; `act_of` the act of
    each record; `parents` the place that led to an `entered` or `fired` (a `taken`, or what sent a signal);
    `joined` the flows' places that a join waited for, by the place at which it went on; `entered`,
    `completed`, `fired`, `taken` and `incidents` the places by visit, the latest last; `hosts` the visit that
    a boundary event sat on; `messages` the number of the record whose message an event took, by the places at
    which it was handed over and the event fired; `wrote` the places at which a variable changed, by the frame
    that holds it and its name; `asked` those at which something was calculated, by the flow or element;
    `records` and `about` all records, and those about a task, timer, clock or recusal. After a migration all
    names are those of the version that the case went over to.
    """

    def __init__(
        self,
        number: str,
        history: Iterable[Record],
        definition_of: Callable[[str], Definition],
        calendar_of: CalendarOf,
    ) -> None:
        self.number = number
        self.definition_of = definition_of
        self.case: Case
        self.records: list[Record] = []
        self.glimpses: list[Glimpse] = []
        self.act_of: dict[int, Act] = {}
        self.parents: dict[int, int] = {}
        self.joined: dict[int, list[int]] = {}
        self.messages: dict[int, int] = {}
        self.entered: dict[str, list[int]] = defaultdict(list)
        self.completed: dict[str, list[int]] = defaultdict(list)
        self.fired: dict[str, list[int]] = defaultdict(list)
        self.taken: dict[str, list[int]] = defaultdict(list)
        self.incidents: dict[str, list[int]] = defaultdict(list)
        self.hosts: dict[str, str] = {}
        self.wrote: dict[tuple[str, str], list[int]] = defaultdict(list)
        self.asked: dict[str, list[int]] = defaultdict(list)
        self.about: dict[str, list[Record]] = defaultdict(list)
        self._renamings: list[tuple[int, Names]] = []
        self._acts_by_place: list[Act] = []
        self._mail: list[int] = []
        self._at_join: dict[tuple[str, str], dict[str, deque[int]]] = defaultdict(lambda: defaultdict(deque))
        self._looping: dict[tuple[str, str], deque[int]] = defaultdict(deque)
        seen: list[Glimpse] = []
        act: Act | None = None
        for record, self.case in replay(number, history, definition_of, calendar_of, watch=seen.extend):
            if record.event.fact or act is None:
                before, act = act, Act(record, self.definition, len(self.glimpses))
                if before is not None and isinstance(record.event, CaseMigrated):
                    self._rename(record, before.definition, record.event.names)
            self.act_of[record.seq] = act
            self.records.append(record)
            if isinstance(record.event, MessageReceived):
                self._mail.append(record.seq)
            self._take(seen, act)
            seen.clear()
        for record in self.records:
            self._note(record)

    @property
    def definition(self) -> Definition:
        """The definition that it runs by in the end."""
        return self.definition_of(self.case.definition)

    def act_at(self, place: int) -> Act:
        """The act in which a glimpse was told."""
        return self._acts_by_place[place]

    def seq_at(self, place: int) -> int:
        """The number of the fact through which a glimpse was told."""
        return self.act_at(place).fact.seq

    def effect(self, place: int) -> Effect:
        """The effect at a place."""
        found = self.glimpses[place]
        assert isinstance(found, Effect)  # noqa: S101
        return found

    def node_at(self, place: int) -> Node:
        """The element that the effect at a place is about."""
        effect = self.effect(place)
        return self.act_at(place).definition.net.scopes[effect.scope].nodes[effect.element]

    def visit_at(self, place: int) -> str:
        """The visit that the effect at a place is about, as it is called in the end."""
        return self.called(self.effect(place).id, place)

    def element_at(self, place: int) -> str:
        """The id of that element, as it is called in the end."""
        return self.called(self.effect(place).element, place)

    def asked_at(self, place: int) -> Asked:
        """The calculation at a place."""
        found = self.glimpses[place]
        assert isinstance(found, Asked)  # noqa: S101
        return found

    def wrote_at(self, place: int) -> Wrote:
        """The change of a variable at a place."""
        found = self.glimpses[place]
        assert isinstance(found, Wrote)  # noqa: S101
        return found

    # --- taking it down

    def _note(self, record: Record) -> None:
        data = record.event.payload()
        named = {self.named(record, key) for key in ("task", "timer", "clock", "incident") if key in data}
        named.add(str(data.get("recusal", "")))
        if "recusal" in data and "task" not in data:  # its decision, which names no step
            declared = (RecusalDeclared, RecusalChallenged)
            first = next((r for r in self.about[data["recusal"]] if isinstance(r.event, declared)), None)
            named |= {self.named(first, "task")} if first is not None else set()
        for name in named - {""}:
            self.about[name].append(record)

    def _take(self, seen: list[Glimpse], act: Act) -> None:
        ways: dict[tuple[str, str], deque[int]] = defaultdict(deque)
        delivered: int | None = None
        race: int | None = None
        arrival: int | None = None
        signalled: dict[str, int] = {}
        for glimpse in seen:
            place = len(self.glimpses)
            self.glimpses.append(glimpse)
            self._acts_by_place.append(act)
            match glimpse:
                case Arrived(frame=frame, flow=flow):
                    way = ways[frame, flow].popleft() if ways[frame, flow] else None
                    scope, node = self._target(act, way, flow)
                    if way is None or scope is None or node is None:
                        arrival = None
                    elif node.kind in ("and", "or") and len(node.incoming) > 1:
                        self._at_join[frame, node.id][flow].append(way)
                        arrival = way
                    elif node.loop is not None:
                        self._looping[frame, node.id].append(way)
                        arrival = None
                    else:
                        arrival = way
                case OnEdge(id=id, host=host):
                    self.hosts[id] = host
                case Delivered(position=position):
                    delivered = self.messages[place] = self._mail.pop(position)
                case Asked(of=of):
                    self.asked[of].append(place)
                case Wrote(home=home, name=name):
                    self.wrote[home, name].append(place)
                    delivered = None  # it was a part of what an event waits for
                case Effect():
                    node = act.definition.net.scopes[glimpse.scope].nodes.get(glimpse.element)
                    match glimpse.kind:
                        case "entered":
                            self.entered[glimpse.id].append(place)
                            frame = frame_of(glimpse.id)
                            queue = self._looping.get((frame, glimpse.element))
                            host = glimpse.id.rpartition(":")[0] if node and node.loop else glimpse.id
                            if arrival is not None:
                                self.parents[place] = arrival
                                arrival = None
                            elif node and node.loop and (known := self._entry_of(host, place)) is not None:
                                self.parents[place] = known
                            elif queue:
                                self.parents[place] = queue.popleft()
                                self.entered[host].append(place)
                        case "completed":
                            self.completed[glimpse.id].append(place)
                            if node is not None and node.kind in ("and", "or") and len(node.incoming) > 1:
                                waiting = self._at_join[frame_of(glimpse.id), node.id]
                                self.joined[place] = sorted(q.popleft() for q in waiting.values() if q)
                        case "fired":
                            self.fired[glimpse.id].append(place)
                            if delivered is not None:
                                self.messages[place] = delivered
                                delivered = None
                            if race is not None:
                                self.parents[place] = race
                                race = None
                            for part in triggers(node) if node is not None else ():
                                if part.kind == "signal" and part.name is not None and part.name in signalled:
                                    self.parents.setdefault(place, signalled[part.name])
                        case "taken":
                            self.taken[glimpse.id].append(place)
                            if node is not None and node.kind == "race":
                                race = place
                            else:
                                ways[frame_of(glimpse.id), glimpse.info["flow"]].append(place)
                        case "signalled":
                            signalled[glimpse.info["name"]] = place
                        case "incident":
                            self.incidents[glimpse.id].append(place)
                        case _:
                            pass

    def _entry_of(self, host: str, place: int) -> int | None:
        """What led to the visit of a looping activity that another instance belongs to."""
        before = [at for at in self.entered.get(host, ()) if at < place]
        return self.parents.get(before[-1]) if before else None

    def _target(self, act: Act, way: int | None, flow: str) -> tuple[Scope | None, Node | None]:
        if way is None:
            return None, None
        scope = act.definition.net.scopes[self.effect(way).scope]
        return scope, scope.nodes[scope.flows[flow].target]

    def _rename(self, record: Record, was: Definition, names: Names) -> None:
        self._match_joins(was, names)
        if not names:
            return
        self._renamings.append((record.seq, names))
        for table in (self.entered, self.completed, self.fired, self.taken, self.incidents):
            _rekey(table, lambda id: renamed(id, names))
        _rekey(self.asked, lambda of: names.get(of, of))
        _rekey(self.wrote, lambda key: (renamed(key[0], names), key[1]))
        self.hosts = {renamed(id, names): renamed(host, names) for id, host in self.hosts.items()}

    def _match_joins(self, was: Definition, names: Names) -> None:
        """What waits at joins waits on, by the flow that stands now for the one by which it came."""
        waiting = dict(self._at_join)
        self._at_join.clear()
        for (frame, gateway), queues in waiting.items():
            queues = {flow: queue for flow, queue in queues.items() if queue}
            twin = names.get(gateway, gateway)
            into = next((s for s in self.definition.net.scopes.values() if twin in s.nodes), None)
            if not queues or into is None:
                continue
            scope = next(
                s for s in was.net.scopes.values() if gateway in s.nodes and queues.keys() <= s.flows.keys()
            )
            flows = match_flows(scope, into, scope.nodes[gateway], into.nodes[twin], names)
            moved = {flows[flow]: queue for flow, queue in queues.items() if flow in flows}
            self._at_join[renamed(frame, names), twin].update(moved)

    # --- looking it up

    def called(self, id: str, place: int) -> str:
        """What the visit, frame or element `id`, told of at this place, is called in the end."""
        return self.called_since(id, self.seq_at(place))

    def called_since(self, id: str, seq: int) -> str:
        """What the visit, frame or element that had this name at record `seq` is called in the end."""
        for since, names in self._renamings:
            if seq < since:
                id = renamed(id, names)
        return id

    def named(self, record: Record, key: str) -> str:
        """What the record names under `key` (a step, timer, incident, element or clock), as it is called in
        the end."""
        id, seq = str(record.event.payload()[key]), record.seq
        fact = self.act_of[seq].fact
        if isinstance(record.event, TimerStopped) and isinstance(fact.event, CaseMigrated):
            seq = fact.seq - 1  # what a migration stops, it names as it was called before
        clock, at, of = id.partition("@") if key == "clock" else ("", "", id)
        return clock + at + self.called_since(of, seq)

    def last(self, table: dict[str, list[int]], id: str, before: int | None = None) -> int | None:
        """The latest place of visit `id`, not after `before`."""
        places = table.get(id, ())
        return next((at for at in reversed(places) if before is None or at <= before), None)

    def visits(self, element: str) -> list[str]:
        """The visits to an element, in the order in which they began."""
        found = {
            id: places[0]
            for table in (self.fired, self.entered)
            for id, places in table.items()
            if element_of(id) == element and places
        }
        return sorted(found, key=found.__getitem__)

    def record(self, seq: int) -> Record:
        """The record with this number. IndexError for none."""
        return self.records[seq - 1]

    def records_of(self, act: Act) -> list[Record]:
        """The fact of an act with all its consequences."""
        return [record for record in self.records if self.act_of[record.seq] is act]

    def latest(self, name: str, kind: type[Event]) -> Record | None:
        """The latest record of this kind about a task, timer, clock or recusal."""
        return next((r for r in reversed(self.about.get(name, ())) if isinstance(r.event, kind)), None)

    def is_step(self, id: str) -> bool:
        """Whether the visit was a step that was open to somebody."""
        return self.latest(id, TaskOpened) is not None

    @property
    def opening(self) -> Record:
        """The record that opened the case."""
        assert isinstance(self.records[0].event, CaseOpened)  # noqa: S101
        return self.records[0]


def frame_of(id: str) -> str:
    """The frame that a visit is in. An instance of a task is a visit in its own frame, and tokens are not
    there but where the activity is."""
    return id.rpartition("/")[0]


def _rekey(table: dict[Any, list[int]], key: Callable[[Any], Any]) -> None:
    """Put all places under other names; those that come under one name, in order."""
    old = dict(table)
    table.clear()
    for name, places in old.items():
        table[key(name)] = sorted([*table.get(key(name), ()), *places])
