"""How flow nodes may be connected (BPMN 2.0.2 chapters 10 and 13), checked scope by scope.

Here a diagram is refused that has no meaning, or whose meaning depends on the engine.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from lxml import etree

from ...errors import Text, say
from ..net import ACTIVITIES, Flow, Node
from .findings import WORDS, Findings, label, local
from .source import FLOW_NODES

_SPLITS = frozenset({"xor", "or"})
_DECIDING = _SPLITS | ACTIVITIES
"""What may have conditions on its outgoing flows, and a default flow (§8.4.13)."""


@dataclass
class Draft:
    """A scope being read: `element` is the process or subprocess; `elements` are all flow nodes by id and
    `sources` where all flows come from, of the whole process."""

    id: str
    element: etree._Element
    elements: dict[str, etree._Element]
    sources: dict[str, str]
    nodes: dict[str, Node]
    flows: dict[str, Flow]

    @property
    def whole(self) -> bool:
        """Whether every flow node drawn in this scope could be read."""
        return all(local(e) not in FLOW_NODES or e.get("id") in self.nodes for e in self.element)


def starts_of(draft: Draft) -> tuple[str, ...]:
    """Where a new instance begins (see `net.Scope`)."""
    events = [n for n in draft.nodes.values() if n.kind == "start"]
    plain = [n.id for n in events if n.event is None or n.event.kind == "none"]
    if plain or events:
        return tuple(plain or [n.id for n in events])
    return tuple(n.id for n in draft.nodes.values() if not n.incoming and n.kind != "boundary")


def check_scope(draft: Draft, findings: Findings) -> None:
    """Report everything about the connections of this scope that forbids, or puts in doubt, a run."""
    _Check(draft, findings).run()


class _Check:
    def __init__(self, draft: Draft, findings: Findings) -> None:
        self.draft = draft
        self.findings = findings

    def run(self) -> None:
        for node in self.draft.nodes.values():
            self._ends(node)
            if node.kind == "boundary":
                self._boundary(node)
            self._default(node)
            self._conditions(node)
            if node.kind == "race":
                self._race(node)
        if self.draft.whole:
            self._starts()

    def _error(self, code: str, node: Node, message: Text, remedy: Text) -> None:
        self.findings.error(code, self.draft.elements[node.id], message, remedy=remedy)

    def _name(self, node_id: str) -> Text:
        return label(self.draft.elements[node_id])

    def _ends(self, node: Node) -> None:
        if node.kind in ("start", "boundary") and node.incoming:
            self._error(
                "node.incoming",
                node,
                say("a sequence flow leads into {element}", element=self._name(node.id)),
                say("lead it into an activity, gateway or intermediate event"),
            )
        if node.kind == "end" and node.outgoing:
            self._error(
                "node.outgoing",
                node,
                say("a sequence flow leaves {element}", element=self._name(node.id)),
                say("draw an intermediate throw event where the process goes on"),
            )

    def _boundary(self, node: Node) -> None:
        host = self.draft.elements.get(node.host or "")
        if host is None or host.getparent() is not self.draft.element:
            self._error(
                "boundary.no_host",
                node,
                say("{element} is not attached to anything in its scope", element=self._name(node.id)),
                say("drag it onto the edge of an activity"),
            )
        elif (known := self.draft.nodes.get(node.host or "")) is not None and known.kind not in ACTIVITIES:
            self._error(
                "boundary.no_activity",
                node,
                say(
                    "{element} is attached to {host}, which is no activity",
                    element=self._name(node.id),
                    host=self._name(known.id),
                ),
                say("drag it onto the edge of an activity"),
            )

    def _default(self, node: Node) -> None:
        if node.default is None:
            return
        if node.kind not in _DECIDING:
            self._error(
                "flow.default_misplaced",
                node,
                say("{element} can't have a default flow", element=self._name(node.id)),
                say("draw an exclusive or inclusive gateway behind it"),
            )
        elif self.draft.sources.get(node.default) != node.id:
            self._error(
                "flow.unknown_default",
                node,
                say(
                    "the default flow {flow} does not leave {element}",
                    flow=node.default,
                    element=self._name(node.id),
                ),
                say("mark one of its outgoing flows as default"),
            )

    def _conditions(self, node: Node) -> None:
        flows = [self.draft.flows[flow] for flow in node.outgoing]
        for flow in flows:
            if node.kind not in _DECIDING and flow.condition is not None:
                self._error(
                    "flow.condition_misplaced",
                    node,
                    say(
                        "the flow {flow} that leaves {element} can't have a condition",
                        flow=flow.id,
                        element=self._name(node.id),
                    ),
                    say("draw an exclusive or inclusive gateway and put the condition behind it"),
                )
            elif (
                node.kind in _SPLITS and len(flows) > 1 and flow.condition is None and flow.id != node.default
            ):
                self._error(
                    "flow.no_condition",
                    node,
                    say(
                        "the flow {flow} that leaves {element} has no condition",
                        flow=flow.id,
                        element=self._name(node.id),
                    ),
                    say("write a condition, or mark the flow as default"),
                )

    def _race(self, node: Node) -> None:
        if not node.outgoing and self.draft.whole:
            self._error(
                "race.no_event",
                node,
                say("no event follows {element}", element=self._name(node.id)),
                say("draw the events it waits for behind it"),
            )
        for flow in node.outgoing:
            target = self.draft.nodes[self.draft.flows[flow].target]
            if target.kind != "catch":
                self._error(
                    "race.no_event",
                    node,
                    say(
                        "{element} is followed by {target}, which waits for no event",
                        element=self._name(node.id),
                        target=self._name(target.id),
                    ),
                    say("draw a message, signal or timer catch event between them"),
                )
            elif len(target.incoming) > 1:
                self._error(
                    "race.shared_event",
                    target,
                    say(
                        "{target} follows {element} and something else as well",
                        target=self._name(target.id),
                        element=self._name(node.id),
                    ),
                    say("draw an event of its own behind each"),
                )

    def _starts(self) -> None:
        draft = self.draft
        what = WORDS[local(draft.element)]
        if not draft.nodes:
            self._scope_error("scope.empty", say("{element} is empty", element=label(draft.element)))
            return
        plain = [n for n in draft.nodes.values() if n.kind == "start" and n.event and n.event.kind == "none"]
        for extra in plain[1:]:
            self._error(
                "start.several",
                extra,
                say(
                    "{element} is a second start event without a trigger in one {scope}",
                    element=self._name(extra.id),
                    scope=what,
                ),
                say("draw one start event followed by a gateway"),
            )
        starts = starts_of(draft)
        if not starts:
            self._scope_error(
                "scope.no_start", say("nothing begins in {element}", element=label(draft.element))
            )
            return
        reached = _reached(draft, starts)
        for node in draft.nodes.values():
            if node.id not in reached:
                # An element without incoming flow beside a start event is not allowed (§10.5.2); a forgotten
                # arrow must not silently lose a department.
                self.findings.error(
                    "node.unreachable",
                    draft.elements[node.id],
                    say("{element} can never be reached", element=self._name(node.id)),
                    remedy=say("connect it, or delete it"),
                )

    def _scope_error(self, code: str, message: Text) -> None:
        self.findings.error(
            code, self.draft.element, message, remedy=say("draw a start event and the steps that follow it")
        )


def _reached(draft: Draft, starts: tuple[str, ...]) -> set[str]:
    boundaries: dict[str, list[str]] = {}
    for node in draft.nodes.values():
        if node.host is not None:
            boundaries.setdefault(node.host, []).append(node.id)
    reached: set[str] = set()
    queue = deque([*starts, *(n.id for n in draft.nodes.values() if n.kind == "start")])
    while queue:
        node_id = queue.popleft()
        if node_id not in reached:
            reached.add(node_id)
            queue.extend(draft.flows[flow].target for flow in draft.nodes[node_id].outgoing)
            queue.extend(boundaries.get(node_id, ()))
    return reached
