"""The semantics of BPMN, as one pure function over a small marking.

`step(net, marking, input, now) → (marking, effects)` takes one thing that happens (the process starts,
a task is completed, a message, signal or timer arrives) and moves tokens until nothing more can move
by itself. Live cases, replay, rehearsal and exploration all run this code. It reads no clock, draws no
random number and depends on no order but document order and order of arrival, so equal inputs give
equal bytes everywhere.

Section numbers are those of BPMN 2.0.2.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from ..clock import (
    NotATime,
    Term,
    Workdays,
    add_duration,
    due,
    parse_cycle,
    parse_instant,
    read_instant,
    read_term,
    write_instant,
)
from ..errors import Invalid, Text, say
from .marking import (
    Frame,
    Marking,
    Multi,
    Pending,
    Timer,
    Visit,
    Waits,
    copy_data,
    open_tasks,
    receives,
    timer_id_of,
    variables,
    waits,
)
from .net import HUMAN, Event, Flow, Loop, Net, Node, Scope, the

MOST_MOVES = 20_000
"""Token moves in one step; more means that the diagram runs in a circle without ever waiting."""


# --- what goes in


@dataclass(frozen=True, slots=True)
class Start:
    """The process begins with these variables; `zone` is where instants without offset are read."""

    data: dict[str, Any]
    zone: str


@dataclass(frozen=True, slots=True)
class Complete:
    """The open task with identity `task` is done, with these answers; `also` are variables that are set
    beside them, where the activity stands."""

    task: str
    data: dict[str, Any]
    also: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Message:
    """A message arrives; one waiting event takes it, or it waits for one (§10.5.1)."""

    name: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal is broadcast: every event that waits for it at this moment fires (§10.5.1)."""

    name: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Fire:
    """The armed timer `timer` is due."""

    timer: str


@dataclass(frozen=True, slots=True)
class Revise:
    """The calendar has changed (the almanac of this step is the new one): running terms are counted again."""


Input = Start | Complete | Message | Signal | Fire | Revise


@dataclass(frozen=True, slots=True)
class Almanac:
    """What a run knows of time beside the instant: the working days of those who sit in a lane, and the
    clocks of the item, which `clock('…')` may name.

    Without `workdays` (histories from before calendars were on record) days and hours are exact and
    working days can't be counted.
    """

    workdays: Callable[[str | None], Workdays] | None = None
    clocks: Collection[str] = ()


EXACT = Almanac()


# --- what comes out


@dataclass(frozen=True, slots=True)
class Effect:
    """Something that happened to `element` of `scope`, whose identity in this run is `id`.

    `entered`, `completed`, `fired`, `cancelled` are the trace. `opened` says that a task now waits for a
    person (with the `term` of its clock, if the diagram gives one); `armed` (with `due`, `clock`,
    `provisional`), `moved` (also `was`) and `stopped` concern the timer `id`; `sent` and `signalled` carry
    `name`; `incident` carries `code` and `message`; `ended` closes the process, at end event `element` (""
    when its last token simply ran out).
    """

    kind: Literal[
        "entered",
        "completed",
        "fired",
        "cancelled",
        "opened",
        "armed",
        "moved",
        "stopped",
        "sent",
        "signalled",
        "incident",
        "ended",
    ]
    scope: str
    element: str
    id: str
    info: Mapping[str, Any] = field(default_factory=dict)


def step(
    net: Net, marking: Marking | None, given: Input, now: datetime, almanac: Almanac = EXACT
) -> tuple[Marking, list[Effect]]:
    """Apply `given` at `now`; return the new marking and what happened, in order.

    `marking` is left as it was; it is None exactly when `given` is a `Start`. Raises `Invalid` when the
    input can't be taken (no such open task, nobody ever receives that message, the process has ended)
    or when tokens would move for ever.
    """
    if isinstance(given, Start):
        run = _Run(net, _new_marking(net, given), now, almanac)
        run.begin_scope("")
    else:
        if marking is None:
            raise ValueError("a process is first started")
        if marking["state"] != "running":
            raise Invalid(
                "process.ended",
                say("the process has ended; nothing more can happen in it"),
                remedy=say("look at its history"),
            )
        run = _Run(net, copy_data(marking), now, almanac)
        run.take(given)
    run.settle()
    return run.marking, run.effects


def _new_marking(net: Net, start: Start) -> Marking:
    root: Frame = {
        "scope": net.process,
        "data": copy_data(start.data),
        "sealed": True,
        "live": {},
        "joins": {},
        "visits": {},
    }
    return {"state": "running", "zone": start.zone, "serial": 0, "frames": {"": root}, "mail": []}


class _Fault(Exception):
    """An expression, script, table or timer of the diagram failed; its token stops (an incident)."""

    def __init__(self, code: str, message: Text) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


class _Run:
    """One step under way.

    `queue` holds what still moves, in order: `(frame, "flow" | "node", id)` is a token that leaves a flow
    or begins at a node, `(frame, "instance", visit)` the next instance of a multi-instance activity.
    """

    def __init__(self, net: Net, marking: Marking, now: datetime, almanac: Almanac) -> None:
        self.almanac = almanac
        self.net = net
        self.marking = marking
        self.frames = marking["frames"]
        self.now = now
        self.effects: list[Effect] = []
        self.queue: deque[tuple[str, str, str]] = deque()
        self.moves = 0

    # --- inputs

    def take(self, given: Complete | Message | Signal | Fire | Revise) -> None:
        match given:
            case Complete():
                self.complete_task(given)
            case Message():
                self.need_receiver("message", given.name)
                self.marking["mail"].append({"name": given.name, "data": given.data})
            case Signal():
                self.need_receiver("signal", given.name)
                self.broadcast(given.name, given.data)
            case Fire():
                self.fire_timer(given.timer)
            case Revise():
                self.revise()

    def complete_task(self, given: Complete) -> None:
        frame_id = self.frame_of(given.task)
        if frame_id is not None:
            node = self.node(frame_id, self.frames[frame_id]["live"][given.task]["node"])
            self.write_answers(frame_id, node, given.data)
            # An instance keeps what is written in it to itself; what is said beside it is for all.
            alone = "only" in self.frames[frame_id]
            self.write(self.frames[frame_id]["up"] if alone else frame_id, given.also)
            self.complete(frame_id, given.task)
            return
        open_now = ", ".join(waiting.id for waiting in open_tasks(self.marking))
        raise Invalid(
            "step.closed",
            say("step {step} is not open", step=given.task),
            expected=say("one of the open steps: {steps}", steps=open_now or "—"),
            found=say("{step}", step=given.task),
            remedy=say("look where the case stands and choose an open step"),
        )

    def frame_of(self, task: str) -> str | None:
        """The frame in which the task is open; an instance that waits without one gets it back."""
        host, _, index = task.rpartition(":")
        for frame_id, frame in self.frames.items():
            visit = frame["live"].get(task)
            if visit is not None and visit["wait"] == "task":
                return frame_id
            visit = frame["live"].get(host)
            if visit is not None and "multi" in visit and index in visit["multi"]["waiting"]:
                return self.unshelve(frame_id, host, index)
        return None

    def need_receiver(self, kind: Literal["message", "signal"], name: str) -> None:
        if not receives(self.net, kind, name):
            raise Invalid(
                f"{kind}.unknown",
                say("nothing in this process ever waits for {kind} {name}", kind=kind, name=name),
                expected=say("a {kind} that the diagram catches", kind=kind),
                found=say("{name}", name=name),
                remedy=say("check the name against the diagram"),
            )

    def fire_timer(self, timer_id: str) -> None:
        for frame_id, frame in self.frames.items():
            for visit_id, visit in frame["live"].items():
                for element in visit.get("timers", {}):
                    if timer_id_of(visit_id, visit, element) == timer_id:
                        self.trigger(frame_id, visit_id, self.node(frame_id, element), {})
                        return
        raise Invalid("timer.unknown", say("timer {timer} is not armed", timer=timer_id))

    # --- moving

    def settle(self) -> None:
        """Move until nothing moves: tokens first, then inclusive joins, then waiting mail."""
        while True:
            while self.queue:
                self.count_move()
                frame_id, what, key = self.queue.popleft()
                match what:
                    case "flow":
                        self.arrive(frame_id, key)
                    case "node":
                        self.enter(frame_id, self.node(frame_id, key))
                    case "instance":
                        self.begin_instance(frame_id, key)
                self.finish_if_empty(frame_id)
            if self.marking["state"] != "running" or not (self.fire_inclusive_join() or self.deliver_mail()):
                return

    def count_move(self) -> None:
        self.moves += 1
        if self.moves > MOST_MOVES:
            frame_id, _, key = self.queue[0]
            flow = self.scope(frame_id).flows.get(key)
            element = flow.target if flow else key
            raise Invalid(
                "process.endless",
                say(
                    "too much happens at once at {element}: perhaps a circle that never waits",
                    element=element,
                ),
                found=say("{element}", element=element),
                expected=say("at most {most} moves before something waits", most=MOST_MOVES),
                remedy=say("put a task or an event into the loop, or correct the condition that leaves it"),
            )

    def arrive(self, frame_id: str, flow_id: str) -> None:
        """A token comes out of a sequence flow (§13.2)."""
        scope = self.scope(frame_id)
        node = scope.nodes[scope.flows[flow_id].target]
        if node.kind in ("and", "or") and len(node.incoming) > 1:
            waiting = self.frames[frame_id]["joins"].setdefault(node.id, {})
            waiting[flow_id] = waiting.get(flow_id, 0) + 1
            self.note("entered", frame_id, node, self.next_id(frame_id, node, count=False))
            # A parallel gateway needs a token on every incoming flow (§13.4.1), an inclusive one is
            # judged when all other tokens have come to rest (§13.4.3).
            if node.kind == "and" and len(waiting) == len(node.incoming):
                self.fire_join(frame_id, node)
            return
        self.enter(frame_id, node)

    def enter(self, frame_id: str, node: Node) -> None:
        """A token is at `node`: do what the node does on arrival."""
        visit_id = self.next_id(frame_id, node)
        match node.kind:
            case "user" | "manual" | "script" | "rule" | "subprocess" | "call":
                self.enter_activity(frame_id, node, visit_id)
            case "catch":
                self.note("entered", frame_id, node, visit_id)
                self.await_events(frame_id, node, visit_id, "event", [node])
            case "race":
                self.note("entered", frame_id, node, visit_id)
                scope = self.scope(frame_id)
                targets = [scope.nodes[scope.flows[flow].target] for flow in node.outgoing]
                self.await_events(frame_id, node, visit_id, "race", targets)
            case "start" if node.event is not None and node.event.kind != "none":
                self.await_events(frame_id, node, visit_id, "event", [node])
            case _:
                self.note("entered", frame_id, node, visit_id)
                self.note("completed", frame_id, node, visit_id)
                self.throw(frame_id, node, visit_id)

    def throw(self, frame_id: str, node: Node, visit_id: str) -> None:
        """Gateways and throwing events: send what there is to send, then leave or end."""
        event = node.event or Event()
        if node.kind == "end":
            self.frames[frame_id]["end"] = node.id
        if node.kind in ("end", "throw"):
            if event.kind == "message":
                self.note("sent", frame_id, node, visit_id, name=event.name)
            elif event.kind == "signal":
                self.note("signalled", frame_id, node, visit_id, name=event.name)
            elif event.kind == "terminate":
                self.empty_frame(frame_id)
                return
        if node.kind != "end":
            self.leave(frame_id, node, visit_id)
        if event.kind == "signal" and node.kind in ("end", "throw"):
            # After the own token has moved on: an interruption of the scope that throws takes it along.
            self.broadcast(event.name or "", {})

    def leave(self, frame_id: str, node: Node, visit_id: str) -> None:
        """Put tokens on the outgoing flows that the node's kind and the conditions choose.

        Exclusive: the first true one in document order (§13.4.2); inclusive gateways and activities:
        every true one, unconditional flows always (§13.2.1, §13.4.3); parallel: all. A default flow is
        taken when no condition is true.
        """
        scope = self.scope(frame_id)
        try:
            chosen = self.choose(frame_id, node, [scope.flows[flow] for flow in node.outgoing])
        except _Fault as fault:
            self.park(frame_id, node, visit_id, fault)
            return
        for flow_id in chosen:
            self.queue.append((frame_id, "flow", flow_id))

    def choose(self, frame_id: str, node: Node, flows: list[Flow]) -> list[str]:
        if node.kind == "and" or (node.default is None and all(flow.condition is None for flow in flows)):
            return [flow.id for flow in flows]
        chosen = []
        decided = False
        for flow in flows:
            if flow.id == node.default:
                continue
            if flow.condition is None:
                chosen.append(flow.id)
            elif self.holds(frame_id, flow.condition):
                chosen.append(flow.id)
                decided = True
            if chosen and node.kind == "xor":
                return chosen
        if node.default is not None and not decided:
            chosen.append(node.default)
        if not chosen:
            raise _Fault(
                "flow.none",
                say("no condition on a flow that leaves {element} is true", element=node.id),
            )
        return chosen

    # --- joins

    def fire_join(self, frame_id: str, node: Node) -> None:
        """Take one token from each incoming flow that has one, and go on."""
        joins = self.frames[frame_id]["joins"]
        left = {flow: count - 1 for flow, count in joins[node.id].items() if count > 1}
        if left:
            joins[node.id] = left
        else:
            del joins[node.id]
        visit_id = self.next_id(frame_id, node)
        self.note("completed", frame_id, node, visit_id)
        self.leave(frame_id, node, visit_id)
        self.finish_if_empty(frame_id)

    def fire_inclusive_join(self) -> bool:
        """Fire the first inclusive join that no other token of its scope can still reach by a flow on
        which none waits yet (§13.4.3)."""
        for frame_id in sorted(self.frames):
            frame = self.frames[frame_id]
            scope = self.scope(frame_id)
            gateways = [scope.nodes[node_id] for node_id in frame["joins"]]
            for node in sorted(gateways, key=lambda n: n.order):
                if node.kind == "or" and self.inclusive_join_enabled(frame, scope, node):
                    self.fire_join(frame_id, node)
                    return True
        return False

    def inclusive_join_enabled(self, frame: Frame, scope: Scope, node: Node) -> bool:
        arrived = frame["joins"][node.id]
        reaching = scope.upstream(node.id)
        still_to_come: set[str] = set()
        already_there: set[str] = set()
        for flow, sources in reaching.items():
            (already_there if flow in arrived else still_to_come).update(sources)
        places = {visit["node"] for visit in frame["live"].values()} | frame["joins"].keys() - {node.id}
        return not any(place in still_to_come and place not in already_there for place in places)

    # --- activities

    def enter_activity(self, frame_id: str, node: Node, visit_id: str) -> None:
        wait: Waits = "multi" if node.loop else "task" if node.kind in HUMAN else "scope"
        self.add_visit(frame_id, node, visit_id, wait)
        if node.loop is None:
            self.note("entered", frame_id, node, visit_id)
        try:
            self.arm(frame_id, visit_id, self.scope(frame_id).boundaries.get(node.id, ()))
            if node.loop is not None:
                self.begin_instances(frame_id, node, visit_id)
            else:
                self.perform(frame_id, node, visit_id)
        except _Fault as fault:
            self.park(frame_id, node, visit_id, fault)

    def perform(self, frame_id: str, node: Node, visit_id: str) -> None:
        """What the activity itself does, boundary events already armed."""
        match node.kind:
            case "user" | "manual":
                unit = node.properties.get("unit")
                if unit is not None:
                    self.frames[frame_id]["live"][visit_id]["unit"] = str(self.evaluate(frame_id, unit))
                self.note("opened", frame_id, node, visit_id, **self.term_of(frame_id, node))
            case "script":
                from ..expressions import compile_script

                script = the(node.script)
                values = self.guarded(lambda data: compile_script(script).run(data, *self.at), frame_id)
                self.write(frame_id, values)
                self.complete(frame_id, visit_id)
            case "rule":
                from ..expressions import compile_table

                table = self.net.tables[the(node.decision)]
                value = self.guarded(lambda data: compile_table(table).evaluate(data, *self.at), frame_id)
                if node.result is not None:
                    self.write(frame_id, {node.result: value})
                elif isinstance(value, dict):
                    self.write(frame_id, value)
                self.complete(frame_id, visit_id)
            case _:
                own: dict[str, Any] | None = {} if node.kind == "call" else None
                self.begin_frame(visit_id, node, up=frame_id, owner=visit_id, data=own)

    def term_of(self, frame_id: str, node: Node) -> dict[str, str]:
        """The term of law that the diagram gives the task's clock by an expression, if it does."""
        source = node.properties.get("term")
        if source is None:
            return {}
        value = self.evaluate(frame_id, source)
        if not isinstance(value, str) or read_term(value) is None:
            raise _Fault(
                "task.term",
                say("{element}: {text} is not a term such as 5wd", element=node.id, text=repr(value)),
            )
        return {"term": value}

    def begin_frame(
        self,
        frame_id: str,
        node: Node,
        *,
        up: str,
        owner: str,
        data: dict[str, Any] | None,
        sealed: bool = True,
        index: int | None = None,
    ) -> None:
        """A scope begins inside visit `owner` of frame `up`. With `data` it has variables of its own; if
        also `sealed`, what is written inside stays inside."""
        frame: Frame = {
            "scope": node.body or self.frames[up]["scope"],
            "up": up,
            "owner": owner,
            "live": {},
            "joins": {},
            "visits": {},
        }
        if data is not None:
            frame["data"] = data
            frame["sealed"] = sealed
        if index is not None:
            frame["index"] = index
        self.frames[frame_id] = frame
        if node.body is not None:
            self.begin_scope(frame_id)

    def begin_scope(self, frame_id: str) -> None:
        """Put a token at each start of the frame's scope (§10.5.2)."""
        for node_id in self.scope(frame_id).starts:
            self.queue.append((frame_id, "node", node_id))

    def complete(self, frame_id: str, visit_id: str, *, noted: bool = False) -> None:
        """The visit is done: stop its timers and go on behind it."""
        visit = self.remove_visit(frame_id, visit_id)
        node = self.node(frame_id, visit["node"])
        if not noted:
            self.note("completed", frame_id, node, visit_id)
        if "only" not in self.frames[frame_id]:
            self.leave(frame_id, node, visit_id)
        self.finish_if_empty(frame_id)

    def finish_if_empty(self, frame_id: str) -> None:
        """A scope with no token left is done, and so is what it belongs to (§13.3.4)."""
        frame = self.frames.get(frame_id)
        if frame is None or frame["live"] or frame["joins"]:
            return
        if any(queued_frame == frame_id for queued_frame, _, _ in self.queue):
            return
        self.finish_frame(frame_id)

    def finish_frame(self, frame_id: str) -> None:
        frame = self.frames[frame_id]
        if "up" not in frame:
            self.marking["state"] = "completed"
            self.marking["mail"] = []
            self.effects.append(Effect("ended", frame["scope"], frame.get("end", ""), ""))
            return
        up, owner = frame["up"], frame["owner"]
        if "index" in frame:
            self.end_instance(frame_id, frame)
            return
        del self.frames[frame_id]
        if "data" in frame:
            self.write(up, frame["data"])
        self.complete(up, owner)

    # --- multi-instance (§10.3.8, §13.3.7)

    def begin_instances(self, frame_id: str, node: Node, visit_id: str) -> None:
        loop = the(node.loop)
        items: list[Any] | None = None
        if loop.collection is not None:
            items = self.evaluate(frame_id, loop.collection)
            if not isinstance(items, list):
                raise _Fault(
                    "loop.collection", say("the collection {source} is not a list", source=loop.collection)
                )
            count = len(items)
        else:
            count = self.evaluate(frame_id, loop.cardinality or "")
            if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= MOST_MOVES:
                raise _Fault(
                    "loop.cardinality",
                    say(
                        "the number of instances {source} is not a whole number from 0",
                        source=loop.cardinality,
                    ),
                )
        multi: Multi = {"n": count, "started": 0, "ended": 0, "out": {}, "waiting": {}}
        if items is not None:
            multi["items"] = items
        self.frames[frame_id]["live"][visit_id]["multi"] = multi
        if count == 0:
            self.note("entered", frame_id, node, visit_id)
            self.note("completed", frame_id, node, visit_id)
            self.end_instances(frame_id, node, visit_id)
        for _ in range(count if loop.kind == "parallel" else min(count, 1)):
            self.queue.append((frame_id, "instance", visit_id))

    def begin_instance(self, frame_id: str, visit_id: str) -> None:
        visit = self.frames[frame_id]["live"].get(visit_id)
        if visit is None or "multi" not in visit:
            return  # an instance before this one ended the whole activity
        node, multi = self.node(frame_id, visit["node"]), visit["multi"]
        multi["started"] += 1
        instance_id = self.begin_instance_frame(frame_id, visit_id, multi["started"])
        if node.body is not None:
            self.note("entered", frame_id, node, instance_id)
            return
        self.add_visit(instance_id, node, instance_id, "task" if node.kind in HUMAN else "scope")
        self.note("entered", instance_id, node, instance_id)
        try:
            self.perform(instance_id, node, instance_id)
        except _Fault as fault:
            self.park(instance_id, node, instance_id, fault)
            return
        if node.kind in HUMAN:
            self.shelve(instance_id)

    def begin_instance_frame(self, frame_id: str, visit_id: str, index: int) -> str:
        visit = self.frames[frame_id]["live"][visit_id]
        node, multi = self.node(frame_id, visit["node"]), visit["multi"]
        loop = the(node.loop)
        data: dict[str, Any] = {"loopCounter": index}
        if "items" in multi and loop.item is not None:
            data[loop.item] = copy_data(multi["items"][index - 1])
        if loop.output_item is not None and loop.output_item.isidentifier():
            data.setdefault(loop.output_item, None)
        instance_id = f"{visit_id}:{index}"
        # Parallel instances keep what they write to themselves, so that none sees or overwrites another's;
        # sequential ones have nobody beside them and write through.
        sealed = loop.kind == "parallel" or node.kind == "call"
        self.begin_frame(
            instance_id, node, up=frame_id, owner=visit_id, data=data, sealed=sealed, index=index
        )
        if node.body is None:
            self.frames[instance_id]["only"] = node.id
        return instance_id

    def shelve(self, instance_id: str) -> None:
        """Put the frame of an instance that waits for a person away: nothing has been written in it."""
        instance = self.frames.pop(instance_id)
        visit = instance["live"][instance_id]
        pending: Pending = {"since": visit["since"]}
        if "unit" in visit:
            pending["unit"] = visit["unit"]
        host = self.frames[instance["up"]]["live"][instance["owner"]]
        host["multi"]["waiting"][str(instance["index"])] = pending

    def unshelve(self, frame_id: str, visit_id: str, index: str) -> str:
        """Make the frame of a waiting instance again, as it was; its name."""
        visit = self.frames[frame_id]["live"][visit_id]
        pending = visit["multi"]["waiting"].pop(index)
        instance_id = self.begin_instance_frame(frame_id, visit_id, int(index))
        task: Visit = {"node": visit["node"], "since": pending["since"], "wait": "task"}
        self.frames[instance_id]["live"][instance_id] = task
        return instance_id

    def end_instance(self, instance_id: str, instance: Frame) -> None:
        frame_id, visit_id = instance["up"], instance["owner"]
        visit = self.frames[frame_id]["live"][visit_id]
        node = self.node(frame_id, visit["node"])
        loop, multi = the(node.loop), visit["multi"]
        index = str(instance["index"])
        if node.body is not None:
            self.note("completed", frame_id, node, instance_id)
        multi["ended"] += 1
        try:
            if loop.output is not None:
                source = loop.output_item or loop.item
                multi["out"][index] = self.evaluate(instance_id, source) if source else None
            elif instance.get("sealed"):
                own = {"loopCounter", loop.item}
                multi["out"][index] = {k: v for k, v in instance.get("data", {}).items() if k not in own}
            enough = loop.until is not None and self.holds(
                instance_id, loop.until, self.counters(loop, multi)
            )
        except _Fault as fault:
            del self.frames[instance_id]
            self.park(frame_id, node, visit_id, fault)
            return
        del self.frames[instance_id]
        if enough or multi["ended"] == multi["n"]:
            self.end_instances(frame_id, node, visit_id)
        elif loop.kind == "sequential":
            self.queue.append((frame_id, "instance", visit_id))

    def counters(self, loop: Loop, multi: Multi) -> dict[str, Any]:
        """The instance counters a completion condition may use (table 10.30), and their usual names."""
        active = (multi["n"] if loop.kind == "parallel" else multi["started"]) - multi["ended"]
        counts = {"Instances": multi["n"], "ActiveInstances": active, "CompletedInstances": multi["ended"]}
        counts["TerminatedInstances"] = 0
        return {prefix + name: value for prefix in ("nrOf", "numberOf") for name, value in counts.items()}

    def end_instances(self, frame_id: str, node: Node, visit_id: str) -> None:
        """All instances are done, or enough of them: collect in input order and go on."""
        loop = the(node.loop)
        self.cancel_inside(frame_id, visit_id)
        out = self.frames[frame_id]["live"][visit_id]["multi"]["out"]
        results = [out[key] for key in sorted(out, key=int)]
        if loop.output is not None:
            self.write(frame_id, {loop.output: results})
        else:
            for result in results:
                self.write(frame_id, result)
        self.complete(frame_id, visit_id, noted=True)

    # --- events

    def await_events(self, frame_id: str, node: Node, visit_id: str, wait: Waits, events: list[Node]) -> None:
        self.add_visit(frame_id, node, visit_id, wait)
        try:
            self.arm(frame_id, visit_id, events)
        except _Fault as fault:
            self.park(frame_id, node, visit_id, fault)

    def trigger(self, frame_id: str, visit_id: str, node: Node, data: dict[str, Any]) -> None:
        """Event `node` fires on visit `visit_id` with what the message or signal brought."""
        visit = self.frames[frame_id]["live"][visit_id]
        if node.kind == "boundary":
            self.trigger_boundary(frame_id, visit_id, visit, node, data)
            return
        host = self.node(frame_id, visit["node"])
        self.remove_visit(frame_id, visit_id, fired=node.id)
        if visit["wait"] == "race":
            self.note("completed", frame_id, host, visit_id)
            visit_id = self.next_id(frame_id, node)
        if node.kind == "start":
            # Each start event is an alternative way to begin (§10.5.2); the others are no longer waited for.
            live = self.frames[frame_id]["live"]
            for other in sorted(live, key=lambda v: live[v]["since"]):
                self.remove_visit(frame_id, other)
        self.note("fired", frame_id, node, visit_id)
        self.write_answers(frame_id, node, data)
        self.note("completed", frame_id, node, visit_id)
        self.leave(frame_id, node, visit_id)
        self.finish_if_empty(frame_id)

    def trigger_boundary(
        self, frame_id: str, visit_id: str, visit: Visit, node: Node, data: dict[str, Any]
    ) -> None:
        event_id = self.next_id(frame_id, node)
        self.note("fired", frame_id, node, event_id)
        self.write_answers(frame_id, node, data)
        if node.interrupting:
            self.cancel_visit(frame_id, visit_id, fired=node.id)
        elif node.event is not None and node.event.kind == "timer":
            self.rearm(frame_id, visit_id, visit, node)
        self.note("completed", frame_id, node, event_id)
        self.leave(frame_id, node, event_id)
        self.finish_if_empty(frame_id)

    def broadcast(self, name: str, data: dict[str, Any]) -> None:
        """Fire every event that waits for the signal at this moment, in order of arming; those that
        interrupt last, so that all who wait are reached whatever the order of drawing."""
        waiting = waits(self.net, self.marking)
        for wait in sorted(waiting, key=lambda w: w.node.kind == "boundary" and w.node.interrupting):
            if wait.event.kind != "signal" or wait.event.name != name:
                continue
            frame = self.frames.get(wait.frame_id)
            if frame is wait.frame and wait.visit_id in frame["live"]:
                self.trigger(wait.frame_id, wait.visit_id, wait.node, data)

    def deliver_mail(self) -> bool:
        """Hand the first message that somebody waits for to the one who has waited longest; boundary
        events last, for one that does not interrupt would else take every message from those inside."""
        if not self.marking["mail"]:
            return False
        waiting = sorted(waits(self.net, self.marking), key=lambda wait: wait.node.kind == "boundary")
        for position, mail in enumerate(self.marking["mail"]):
            for wait in waiting:
                if wait.event.kind == "message" and wait.event.name == mail["name"]:
                    del self.marking["mail"][position]
                    self.trigger(wait.frame_id, wait.visit_id, wait.node, mail["data"])
                    return True
        return False

    # --- timers

    def arm(self, frame_id: str, visit_id: str, events: Iterable[Node]) -> None:
        visit = self.frames[frame_id]["live"][visit_id]
        for node in events:
            if node.event is not None and node.event.kind == "timer":
                visit.setdefault("timers", {})[node.id] = self.new_timer(frame_id, node)
                self.note_armed(frame_id, visit_id, node)

    def note_armed(self, frame_id: str, visit_id: str, node: Node) -> None:
        visit = self.frames[frame_id]["live"][visit_id]
        timer = visit["timers"][node.id]
        self.note(
            "armed",
            frame_id,
            node,
            timer_id_of(visit_id, visit, node.id),
            due=timer.get("due"),
            clock=timer.get("clock"),
            provisional=timer.get("provisional", False),
        )

    def new_timer(self, frame_id: str, node: Node) -> Timer:
        """When the timer is due first. Never before now: a date that has passed is due at once."""
        event = the(node.event)
        text = the(event.text)
        try:
            try:
                return self.read_timer(node, event.timer, text)
            except NotATime:
                value = self.evaluate(frame_id, text)
                if not isinstance(value, str):
                    raise NotATime(str(value)) from None
                text = value
                return self.read_timer(node, event.timer, text)
        except NotATime as error:
            raise _Fault(
                "timer.unreadable",
                say(
                    "timer {element}: {text} is not an ISO 8601 {kind}",
                    element=node.id,
                    text=text,
                    kind=event.timer,
                ),
            ) from error

    def read_timer(self, node: Node, kind: str | None, text: str) -> Timer:
        """The timer that `text` describes: an ISO 8601 literal, `clock:NAME`, or a term such as `5wd`."""
        zone = self.marking["zone"]
        if kind == "cycle":
            cycle = parse_cycle(text, zone)
            if cycle.times == 0:
                raise NotATime(text)
            timer = self.after(node, self.now, cycle.every)
            if read_instant(timer["due"]) <= self.now:
                raise NotATime(text)
            if cycle.start is not None:
                timer = {"due": self.not_before_now(cycle.start)}
            timer["every"] = cycle.every
            if cycle.times is not None:
                timer["left"] = cycle.times - 1
            return timer
        name = text.removeprefix("clock:")
        if name != text:
            if name not in self.almanac.clocks:
                raise _Fault("clock.unknown", say("the item has no clock {clock}", clock=name))
            return {"clock": name}
        if kind == "date":
            return {"due": self.not_before_now(parse_instant(text, zone))}
        return self.after(node, self.now, text)

    def after(self, node: Node, start: datetime, text: str) -> Timer:
        """A timer that is due so long after `start`: exact for an ISO 8601 duration, counted by the calendar
        of the node's lane for a term of law."""
        term = read_term(text)
        if term is None:
            return {"due": self.not_before_now(add_duration(start, text, self.marking["zone"]))}
        if self.almanac.workdays is None and term.unit != "wd":
            exact = f"P{term.n}D" if term.unit == "d" else f"PT{term.n}H"
            return {"due": self.not_before_now(add_duration(start, exact, self.marking["zone"]))}
        timer: Timer = {"term": text, "since": write_instant(start)}
        self.count(node, timer, term)
        return timer

    def count(self, node: Node, timer: Timer, term: Term) -> None:
        """Set when the term of `timer` ends, by the calendar as it is now."""
        if self.almanac.workdays is None:
            raise _Fault(
                "timer.calendar", say("no calendar is on record to count {term} by", term=term.text())
            )
        try:
            end = due(read_instant(timer["since"]), term, self.almanac.workdays(node.lane))
        except Invalid as refusal:
            raise _Fault(refusal.code, refusal.message) from refusal
        timer["due"] = self.not_before_now(end.at)
        timer.pop("provisional", None)
        if end.provisional:
            timer["provisional"] = True

    def not_before_now(self, due: datetime) -> str:
        return write_instant(max(due, self.now))

    def rearm(self, frame_id: str, visit_id: str, visit: Visit, node: Node) -> None:
        """After a non-interrupting timer fired: the next time of its cycle, or none."""
        timer = visit["timers"].pop(node.id)
        if "every" not in timer or timer.get("left") == 0:
            return
        again = self.after(node, read_instant(timer["due"]), timer["every"])
        again["every"] = timer["every"]
        if "left" in timer:
            again["left"] = timer["left"] - 1
        visit["timers"][node.id] = again
        self.note_armed(frame_id, visit_id, node)

    def revise(self) -> None:
        """Count every running term again. What would have ended before now ends now."""
        armed = [
            (visit["since"], self.node(frame_id, element), frame_id, visit_id, visit, timer)
            for frame_id, frame in self.frames.items()
            for visit_id, visit in frame["live"].items()
            for element, timer in visit.get("timers", {}).items()
        ]
        for _, node, frame_id, visit_id, visit, timer in sorted(armed, key=lambda a: (a[0], a[1].order)):
            term = read_term(timer.get("term", ""))
            if term is None:
                continue
            was = timer["due"], timer.get("provisional", False)
            self.count(node, timer, term)
            if was != (timer["due"], timer.get("provisional", False)):
                self.note(
                    "moved",
                    frame_id,
                    node,
                    timer_id_of(visit_id, visit, node.id),
                    was=was[0],
                    due=timer["due"],
                    provisional=timer.get("provisional", False),
                )

    # --- visits and frames

    def add_visit(self, frame_id: str, node: Node, visit_id: str, wait: Waits) -> None:
        self.marking["serial"] += 1
        since = self.marking["serial"]
        self.frames[frame_id]["live"][visit_id] = {"node": node.id, "since": since, "wait": wait}

    def remove_visit(self, frame_id: str, visit_id: str, *, fired: str | None = None) -> Visit:
        """Take the visit off the frame; every timer on it but the one that `fired` is stopped."""
        visit = self.frames[frame_id]["live"].pop(visit_id)
        scope = self.scope(frame_id)
        for element in sorted(visit.get("timers", {}), key=lambda e: scope.nodes[e].order):
            if element != fired:
                self.note("stopped", frame_id, scope.nodes[element], timer_id_of(visit_id, visit, element))
        return visit

    def cancel_visit(self, frame_id: str, visit_id: str, *, fired: str | None = None) -> None:
        """Interrupt the visit and everything inside it, innermost first."""
        self.cancel_inside(frame_id, visit_id)
        visit = self.remove_visit(frame_id, visit_id, fired=fired)
        if visit["wait"] != "multi":
            self.note("cancelled", frame_id, self.node(frame_id, visit["node"]), visit_id)

    def cancel_inside(self, frame_id: str, visit_id: str) -> None:
        visit = self.frames[frame_id]["live"][visit_id]
        for index in list(visit["multi"]["waiting"]) if "multi" in visit else ():
            self.unshelve(frame_id, visit_id, index)
        inside = [frame_id for frame_id, frame in self.frames.items() if frame.get("owner") == visit_id]
        for frame_id in sorted(inside, key=lambda f: self.frames[f].get("index", 0)):
            frame = self.frames[frame_id]
            self.empty_frame(frame_id)
            del self.frames[frame_id]
            if "index" in frame and "only" not in frame:
                up = frame["up"]
                host = self.node(up, self.frames[up]["live"][visit_id]["node"])
                self.note("cancelled", up, host, frame_id)

    def empty_frame(self, frame_id: str) -> None:
        """Remove every token of the frame: moving, waiting at joins, and waiting in visits."""
        frame = self.frames[frame_id]
        self.queue = deque(entry for entry in self.queue if entry[0] != frame_id)
        frame["joins"] = {}
        for visit_id in sorted(frame["live"], key=lambda v: frame["live"][v]["since"]):
            self.cancel_visit(frame_id, visit_id)

    def park(self, frame_id: str, node: Node, visit_id: str, fault: _Fault) -> None:
        """The diagram's own expression failed here: this token stops, the rest of the case goes on."""
        if visit_id in self.frames[frame_id]["live"]:
            self.cancel_inside(frame_id, visit_id)
            self.remove_visit(frame_id, visit_id)
        self.add_visit(frame_id, node, visit_id, "incident")
        self.note("incident", frame_id, node, visit_id, code=fault.code, message=fault.message)

    def next_id(self, frame_id: str, node: Node, *, count: bool = True) -> str:
        """The identity of the next visit to `node`: its id, and from the second visit on `#2`, `#3`…"""
        frame = self.frames[frame_id]
        number = frame["visits"].get(node.id, 0) + 1
        if count:
            frame["visits"][node.id] = number
        path = f"{frame_id}/{node.id}" if frame_id else node.id
        return path if number == 1 else f"{path}#{number}"

    def scope(self, frame_id: str) -> Scope:
        return self.net.scopes[self.frames[frame_id]["scope"]]

    def node(self, frame_id: str, node_id: str) -> Node:
        return self.scope(frame_id).nodes[node_id]

    def note(self, kind: Any, frame_id: str, node: Node, visit_id: str, **info: Any) -> None:
        self.effects.append(Effect(kind, self.frames[frame_id]["scope"], node.id, visit_id, info))

    # --- data

    @property
    def at(self) -> tuple[datetime, str]:
        return self.now, self.marking["zone"]

    def evaluate(self, frame_id: str, source: str, more: Mapping[str, Any] | None = None) -> Any:
        from ..expressions import compile_expression

        return self.guarded(
            lambda data: compile_expression(source).evaluate({**data, **(more or {})}, *self.at), frame_id
        )

    def holds(self, frame_id: str, source: str, more: Mapping[str, Any] | None = None) -> bool:
        """Whether a condition is true. It must be a boolean: the text "no" is not a yes (§8.4.13)."""
        value = self.evaluate(frame_id, source, more)
        if not isinstance(value, bool):
            raise _Fault(
                "condition.kind",
                say("condition {source} gives {value}, not true or false", source=source, value=repr(value)),
            )
        return value

    def guarded(self, work: Callable[[dict[str, Any]], Any], frame_id: str) -> Any:
        """Run diagram code on the variables that frame `frame_id` sees; its failure becomes a `_Fault`."""
        # Here as in its callers: most commands only look at a case and calculate nothing.
        from ..expressions import Failed, Malformed

        try:
            return work(variables(self.marking, frame_id))
        except (Failed, Malformed) as error:
            raise _Fault(error.code, error.message) from error

    def write_answers(self, frame_id: str, node: Node, data: dict[str, Any]) -> None:
        """A step's answers: under its `result` variable, or one by one."""
        result = node.properties.get("result")
        self.write(frame_id, {result: data} if result else data)

    def write(self, frame_id: str, values: Mapping[str, Any]) -> None:
        """Set variables where they belong: in the nearest frame that has them or is sealed.

        Only the names given change, so branches that end later never undo what others wrote.
        """
        for name, value in values.items():
            frame = self.frames[frame_id]
            while not ("data" in frame and (frame["sealed"] or name in frame["data"])):
                frame = self.frames[frame["up"]]
            frame["data"][name] = copy_data(value)
