"""A running process goes over to another net: where each of its tokens stands then, or why one can't.

`rewrite` is a pure function of both nets and a marking: everything that waits keeps waiting, with the same
timers, in the same order, at the element that has its place in the new net. Elements are matched by their id,
or as `names` (old id → new id) says, within scopes that are matched likewise. What has no counterpart of the
same kind is a hindrance. Whether the process can also go on well from there, `prospect` says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ..errors import Text, say, titled
from .marking import Done, Frame, Marking, Multi, Visit, copy_data, receives
from .net import HUMAN, Event, Flow, Net, Node, Scope, the, triggers

Names = Mapping[str, str]
"""What elements are called in the new net: old id → new id, for those that are called otherwise."""

AUTOMATIC = frozenset({"task", "send", "service", "script", "rule"})
"""What does its work at once; one that has failed may have become one of another kind."""


class Hindrance(NamedTuple):
    """Why a case can't go over, about `element` (or clock, or joint review); one that is `acceptable` loses
    nothing that is under way, and somebody may answer for it."""

    code: str
    element: str
    message: Text
    acceptable: bool = False


def renamed(id: str, names: Names) -> str:
    """What the visit, task, frame or timer `id` is called after elements were renamed."""
    return re.sub(r"[^/#:^!|]+", lambda part: names.get(part[0], part[0]), id) if names else id


def called(node: Node) -> Text:
    """What a reader calls an element: its name with its id, or the id alone."""
    if not node.name:
        return say("{element}", element=node.id)
    name = titled(node.name, node.properties.get("name:en", ""))
    return say("{name} ({element})", name=name, element=node.id)


def check_names(old: Net, new: Net, names: Names) -> Iterator[Hindrance]:
    """What is wrong with the names themselves: each old id must be there once, each new one at all, and no
    two elements may come to be called the same."""
    olds = [node_id for scope in old.scopes.values() for node_id in scope.nodes]
    news = {node_id for scope in new.scopes.values() for node_id in scope.nodes}
    targets = list(names.values())
    for source, target in names.items():
        if olds.count(source) != 1:
            yield Hindrance(
                "map.unknown",
                source,
                say(
                    "{element} is in several processes of the old version; it can't be mapped", element=source
                )
                if source in olds
                else say("the old version has no element {element}", element=source),
            )
        if target not in news:
            yield Hindrance(
                "map.unknown", target, say("the new version has no element {element}", element=target)
            )
        if targets.count(target) > 1 or (target in olds and target not in names):
            yield Hindrance(
                "map.twice", target, say("two elements would be called {element}", element=target)
            )


def rewrite(old: Net, new: Net, marking: Marking, names: Names) -> tuple[Marking, list[Hindrance]]:
    """The marking in terms of `new`, and what stands in the way; only without hindrances does it mean
    anything, or with acceptable ones. `marking` is left as it was.

    Recorded migrations are rewritten again at replay: what is refused here may become less, never more. What
    else a case must fulfil before it goes over is for `engine.migration.assess`.
    """
    move = _Move(old, new, copy_data(marking), names)
    frames = {renamed(id, names): move.frame(id) for id in marking["frames"]}
    for mail in marking["mail"]:
        if not receives(new, "message", mail["name"]):
            move.hinder(
                "mail.nowhere",
                mail["name"],
                say(
                    "the message {name} has come early, and nothing waits for it any more", name=mail["name"]
                ),
            )
    return {**move.marking, "frames": frames}, move.hindrances


def alike(one: Event | None, other: Event | None) -> bool:
    """Whether two events are triggered in the same way, whatever the name of the message or the date."""
    if one is None or other is None:
        return one is other
    same = (one.kind, one.all, len(one.parts)) == (other.kind, other.all, len(other.parts))
    return same and all(alike(a, b) for a, b in zip(one.parts, other.parts, strict=True))


class _Move:
    def __init__(self, old: Net, new: Net, marking: Marking, names: Names) -> None:
        self.old = old
        self.new = new
        self.marking = marking
        self.names = names
        self.hindrances: list[Hindrance] = []
        self.seen: set[tuple[str, str]] = set()

    def hinder(self, code: str, element: str, message: Text, *, acceptable: bool = False) -> None:
        """Note a hindrance, once: many instances stand at one element."""
        if (code, element) not in self.seen:
            self.seen.add((code, element))
            self.hindrances.append(Hindrance(code, element, message, acceptable))

    # --- where things are

    def scopes(self, frame_id: str) -> tuple[Scope, Scope | None]:
        """The scope of a frame, and its counterpart."""
        frame = self.marking["frames"][frame_id]
        scope = self.old.scopes[frame["scope"]]
        if "up" not in frame:
            return scope, self.new.scopes[self.new.process]
        around, outside = self.scopes(frame["up"])
        host = around.nodes[self.marking["frames"][frame["up"]]["live"][frame["owner"]]["node"]]
        twin = self.twin(host, outside)
        if twin is None:
            return scope, None
        return scope, outside if twin.body is None else self.new.scopes[twin.body]

    def twin(self, node: Node, scope: Scope | None) -> Node | None:
        """The counterpart of `node` in the new scope."""
        return None if scope is None else scope.nodes.get(self.names.get(node.id, node.id))

    def need(self, node: Node, scope: Scope | None) -> Node | None:
        """The counterpart, which must be of the same kind."""
        twin = self.twin(node, scope)
        if twin is None:
            if scope is not None:
                self.hinder(
                    "element.gone",
                    node.id,
                    say("the case stands at {step}, and that is not in the new version", step=called(node)),
                )
            return None
        if twin.kind != node.kind:
            self.hinder(
                "element.kind",
                node.id,
                say("the case stands at {step}, and that is something else now", step=called(node)),
            )
            return None
        return twin

    # --- frames

    def frame(self, frame_id: str) -> Frame:
        frame = self.marking["frames"][frame_id]
        scope, into = self.scopes(frame_id)
        moved: Frame = {**frame}
        moved["scope"] = into.id if into is not None else frame["scope"]
        if "up" in frame:
            moved["up"] = renamed(frame["up"], self.names)
        for key in ("owner", "only", "end"):
            if key in frame:
                moved[key] = renamed(frame[key], self.names)
        if "key" in frame and (into is None or into.key != scope.key):
            self.hinder(
                "correlation.differs",
                scope.id,
                say("the case has begun a conversation by a key that differs in the new version"),
            )
        moved["visits"] = {renamed(name, self.names): count for name, count in frame["visits"].items()}
        moved["live"] = {
            renamed(id, self.names): self.visit(frame, visit, scope, into)
            for id, visit in frame["live"].items()
        }
        moved["joins"] = self.joins(frame, scope, into)
        if "done" in frame:
            moved["done"] = self.done(frame["done"], scope, into)
        if into is not None and "only" not in frame:
            self.handlers(frame, scope, into)
        return moved

    def handlers(self, frame: Frame, scope: Scope, into: Scope) -> None:
        """Event subprocesses that the scope did not have when it began wait for nothing in it."""
        back = {new: old for old, new in self.names.items()}
        for handler in into.handlers:
            _, start = self.new.start_of(handler)
            if back.get(handler.id, handler.id) in scope.nodes or the(start.event).kind == "compensate":
                continue
            if any(visit["wait"] != "armed" for visit in frame["live"].values()) or frame["joins"]:
                self.hinder(
                    "handler.new",
                    handler.id,
                    say("{step} is new, and does not wait for anything in this case", step=called(handler)),
                    acceptable=True,
                )

    def joins(self, frame: Frame, scope: Scope, into: Scope | None) -> dict[str, dict[str, int]]:
        moved: dict[str, dict[str, int]] = {}
        for gateway, waiting in frame["joins"].items():
            twin = self.need(scope.nodes[gateway], into)
            if twin is None or into is None:
                continue
            flows = match_flows(scope, into, scope.nodes[gateway], twin, self.names)
            for flow, count in waiting.items():
                found = flows.get(flow)
                if found is None or found in moved.get(twin.id, ()):
                    source = scope.nodes[scope.flows[flow].source]
                    self.hinder(
                        "join.way",
                        gateway,
                        say(
                            "what came from {step} waits at {gateway}, and the new version has no such way",
                            step=called(source),
                            gateway=called(scope.nodes[gateway]),
                        ),
                    )
                else:
                    moved.setdefault(twin.id, {})[found] = count
        return moved

    # --- visits

    def visit(self, frame: Frame, visit: Visit, scope: Scope, into: Scope | None) -> Visit:
        node = scope.nodes[visit["node"]]
        failed = visit["wait"] == "incident"
        twin = self.twin(node, into)
        if not (failed and twin is not None and {node.kind, twin.kind} <= AUTOMATIC):
            twin = self.need(node, into)
        moved: Visit = {**visit}
        if "inside" in visit:
            moved["inside"] = renamed(visit["inside"], self.names)
        if "serves" in visit:
            moved["serves"] = [renamed(id, self.names) for id in visit["serves"]]
        if twin is None or into is None:
            return moved
        moved["node"] = twin.id
        alone = "only" in frame
        if not failed and not alone:
            self.loop(node, twin)
            if visit["wait"] != "undo":
                self.edges(node, twin, scope, into)
        if visit["wait"] in ("event", "race", "armed"):
            self.event(visit, node, twin, scope, into)
        starts = (the(node.body), the(twin.body)) if visit["wait"] == "armed" else None
        if "timers" in visit:
            moved["timers"] = {self.key(key, starts): timer for key, timer in visit["timers"].items()}
        if "got" in visit:
            moved["got"] = {self.key(key, starts): parts for key, parts in visit["got"].items()}
        if "held" in visit:
            moved["held"] = [self.key(key, starts) for key in visit["held"]]
        if "multi" in visit:
            moved["multi"] = self.multi(visit["multi"], scope, into)
        if "undo" in visit:
            moved["undo"] = self.undo(visit, node, scope, into, twin)
        return moved

    def key(self, key: str, starts: tuple[str, str] | None) -> str:
        """What an event on a visit is called; that of an event subprocess is its start event."""
        if starts is None:
            return renamed(key, self.names)
        _, bar, part = key.partition("|")
        return self.new.scopes[starts[1]].starts[0] + bar + part

    def loop(self, node: Node, twin: Node) -> None:
        one, other = node.loop, twin.loop
        if one is None and other is None:
            return
        if (
            one is None
            or other is None
            or (one.kind, one.item, one.output_item) != (other.kind, other.item, other.output_item)
            or (one.output is None) != (other.output is None)
            or (one.collection is None) != (other.collection is None)
        ):
            self.hinder(
                "loop.differs",
                node.id,
                say("{step} is under way, and is done for each in another way now", step=called(node)),
            )

    def edges(self, node: Node, twin: Node, scope: Scope, into: Scope) -> None:
        """The events on the edge of what is under way."""
        known = set()
        for edge in scope.boundaries.get(node.id, ()):
            if the(edge.event).kind == "compensate":
                continue
            other = self.twin(edge, into)
            if other is None or other.host != twin.id or not alike(edge.event, other.event):
                self.hinder(
                    "edge.gone",
                    edge.id,
                    say(
                        "{event} waits on the edge of {step}, and is not there in the new version",
                        event=called(edge),
                        step=called(node),
                    ),
                )
            else:
                known.add(other.id)
        for edge in into.boundaries.get(twin.id, ()):
            if edge.id not in known and any(part.kind == "timer" for part in triggers(edge)):
                self.hinder(
                    "timer.new",
                    edge.id,
                    say(
                        "the timer {event} on the edge of {step} is new, and is not set in this case",
                        event=called(edge),
                        step=called(twin),
                    ),
                    acceptable=True,
                )

    def event(self, visit: Visit, node: Node, twin: Node, scope: Scope, into: Scope) -> None:
        """What the visit itself waits for."""
        pairs: list[tuple[Node, Node | None]] = [(node, twin)]
        if visit["wait"] == "armed":
            pairs = [(self.old.start_of(node)[1], self.new.start_of(twin)[1])]
        elif visit["wait"] == "race":
            targets = [scope.nodes[scope.flows[flow].target] for flow in node.outgoing]
            pairs = [(target, self.twin(target, into)) for target in targets]
            known = {other.id for _, other in pairs if other is not None}
            if known != {into.flows[flow].target for flow in twin.outgoing}:
                pairs.append((node, None))
        if any(other is None or not alike(one.event, other.event) for one, other in pairs):
            self.hinder(
                "event.differs",
                node.id,
                say("the case waits at {step}, and that waits for something else now", step=called(node)),
            )

    # --- many instances, and what can be undone

    def multi(self, multi: Multi, scope: Scope, into: Scope) -> Multi:
        moved: Multi = {**multi}
        if "done" in multi:
            moved["done"] = self.done(multi["done"], scope, into)
        return moved

    def undo(self, visit: Visit, node: Node, scope: Scope, into: Scope, twin: Node) -> list[Done]:
        if "inside" in visit:
            scope, into = self.old.scopes[the(node.body)], self.new.scopes[the(twin.body)]
        return self.done(visit.get("undo", []), scope, into)

    def done(self, records: list[Done], scope: Scope, into: Scope | None) -> list[Done]:
        moved = []
        for record in records:
            where, there = self.scopes(record["frame"]) if "frame" in record else (scope, into)
            node = where.nodes[record["node"]]
            twin = self.twin(node, there)
            if (
                twin is None
                or there is None
                or twin.kind != node.kind
                or _undoer(self.old, where, node) != _undoer(self.new, there, twin)
            ):
                self.hinder(
                    "undo.gone",
                    node.id,
                    say("{step} is done, and nothing could undo it in the new version", step=called(node)),
                )
                continue
            again: Done = {**record, "node": twin.id}
            if "frame" in record:
                again["frame"] = renamed(record["frame"], self.names)
            if "done" in record and node.body is not None and twin.body is not None:
                again["done"] = self.done(
                    record["done"], self.old.scopes[node.body], self.new.scopes[twin.body]
                )
            moved.append(again)
        return moved


def _undoer(net: Net, scope: Scope, node: Node) -> str:
    """How a completed activity is undone: by an activity, by an event subprocess inside, or from inside."""
    if node.id in scope.undoes:
        return "activity"
    if node.body is None:
        return ""
    starts = (net.start_of(handler)[1] for handler in net.scopes[node.body].handlers)
    return "handler" if any(the(start.event).kind == "compensate" for start in starts) else "inside"


def match_flows(scope: Scope, into: Scope, gateway: Node, twin: Node, names: Names) -> dict[str, str]:
    """The incoming flow of the join `twin` that stands for each of those of `gateway`: from the same element;
    else, where something was put between, the one that comes from behind it."""
    found: dict[str, str] = {}
    left = [into.flows[flow] for flow in twin.incoming]
    olds = [scope.flows[flow] for flow in gateway.incoming]

    def take(flow: Flow, fitting: list[Flow]) -> None:
        if flow.id not in found and len(fitting) >= 1:
            found[flow.id] = fitting[0].id
            left.remove(fitting[0])

    for flow in olds:
        take(flow, [other for other in left if other.source == names.get(flow.source, flow.source)])
    upstream = into.upstream(twin.id)
    for flow in olds:
        source = names.get(flow.source, flow.source)
        behind = [other for other in left if source in upstream[other.id][0]]
        if len(behind) == 1:
            take(flow, behind)
    return found


def is_step(node: Node) -> bool:
    """Whether the element does or awaits something of its own, and is no mere way through."""
    return node.kind in HUMAN | AUTOMATIC | {"receive", "subprocess", "call", "race"} or (
        node.kind == "catch" and the(node.event).kind != "link"
    )


def bodies(net: Net, node: Node, seen: frozenset[str] = frozenset()) -> Iterator[tuple[Scope, Node]]:
    """Every element inside an activity, however deep, with its scope."""
    if node.body is None or node.body in seen:
        return
    scope = net.scopes[node.body]
    for inner in scope.nodes.values():
        yield scope, inner
        yield from bodies(net, inner, seen | {node.body})
