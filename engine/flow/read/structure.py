"""How flow nodes may be connected (BPMN 2.0.2 chapters 10 and 13), checked scope by scope.

Here a diagram is refused that has no meaning, or whose meaning depends on the engine.
"""

from __future__ import annotations

from collections import deque

from lxml import etree
from msgspec import Struct

from ...errors import Text, say
from ..net import ACTIVITIES, Flow, Node, the, triggers
from .findings import BPMN, WORDS, Findings, child, is_true, label, local, refuse
from .source import FLOW_NODES
from .triggers import definitions_of, kind_of

_SPLITS = frozenset({"xor", "or"})
_DECIDING = _SPLITS | ACTIVITIES
"""What may have conditions on its outgoing flows, and a default flow (§8.4.13)."""


class Draft(Struct):
    """A scope being read: `element` is the process or subprocess; `elements` are all flow nodes by id and
    `sources` where all flows come from, of the whole process. `loose`: a flow at it leads nowhere."""

    id: str
    element: etree._Element
    elements: dict[str, etree._Element]
    sources: dict[str, str]
    nodes: dict[str, Node]
    flows: dict[str, Flow]
    loose: bool = False

    @property
    def whole(self) -> bool:
        """Whether every flow node drawn in this scope could be read, and every flow."""
        return not self.loose and all(
            local(e) not in FLOW_NODES or e.get("id") in self.nodes for e in self.element
        )


def starts_of(draft: Draft) -> tuple[str, ...]:
    """Where a new instance begins (see `net.Scope`)."""
    events = [n for n in draft.nodes.values() if n.kind == "start"]
    plain = [n.id for n in events if n.event is None or n.event.kind == "none"]
    if plain or events:
        return tuple(plain or [n.id for n in events])
    return tuple(n.id for n in draft.nodes.values() if not n.incoming and not _begins_otherwise(n))


def _begins_otherwise(node: Node) -> bool:
    """Whether no token comes to the node by itself: it waits on an edge, for a trigger, to compensate, or
    for the link to it."""
    return node.kind in ("boundary", "handler") or node.compensation or _is_link(node)


def _is_link(node: Node) -> bool:
    return node.event is not None and node.event.kind == "link"


def _kinds(node: Node) -> set[str]:
    return {trigger.kind for trigger in triggers(node)}


def _undoes(element: etree._Element) -> bool:
    """Whether it is an event subprocess that compensates what is around it."""
    starts = element.iterfind(BPMN + "startEvent")
    return is_true(element.get("triggeredByEvent")) and any(
        kind_of(definition) == "compensate" for start in starts for definition in definitions_of(start)
    )


def links(draft: Draft) -> list[Flow]:
    """The ways from link throw events to the link catch event of the same name in their scope (§10.5.5)."""
    ends = [n for n in draft.nodes.values() if _is_link(n)]
    catches = {n.event.name: n for n in reversed(ends) if n.kind == "catch" and n.event is not None}
    return [
        Flow(f"{throw.id}>{catches[throw.event.name].id}", throw.id, catches[throw.event.name].id)
        for throw in ends
        if throw.kind == "throw" and throw.event is not None and throw.event.name in catches
    ]


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
            if _is_link(node):
                self._link(node)
            if node.kind == "handler":
                self._handler(node)
            if node.compensation:
                self._compensation(node)
            if node.kind in ("throw", "end"):
                self._throw(node)
            self._default(node)
            self._conditions(node)
            if local(self.draft.elements[node.id]) == "eventBasedGateway":
                self._race(node)
            if is_true(self.draft.elements[node.id].get("instantiate")):
                self._instantiates(node)
        if self.draft.whole:
            self._starts()

    def _error(self, code: str, node: Node, message: Text, remedy: Text) -> None:
        self.findings.error(code, self.draft.elements[node.id], message, remedy=remedy)

    def _name(self, node_id: str) -> Text:
        return label(self.draft.elements[node_id])

    def _ends(self, node: Node) -> None:
        if (node.kind in ("start", "boundary", "handler") or node.compensation) and node.incoming:
            self._error(
                "node.incoming",
                node,
                say("a sequence flow leads into {element}", element=self._name(node.id)),
                say("lead it into an activity, gateway or intermediate event"),
            )
        undoes = node.kind == "boundary" and "compensate" in _kinds(node)
        if (node.kind in ("end", "handler") or node.compensation or undoes) and node.outgoing:
            self._error(
                "node.outgoing",
                node,
                say("a sequence flow leaves {element}", element=self._name(node.id)),
                say("draw an intermediate throw event where the process goes on")
                if node.kind == "end"
                else say("take the flow away: what was interrupted or compensated goes on by itself"),
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
        elif known is not None and "cancel" in _kinds(node) and not known.transaction:
            self._error(
                "boundary.no_transaction",
                node,
                say(
                    "{element} is attached to {host}, which is no transaction",
                    element=self._name(node.id),
                    host=self._name(known.id),
                ),
                say("drag it onto the edge of a transaction, or draw an error event"),
            )
        same = [n for n in self.draft.nodes.values() if n.host == node.host and n.event == node.event]
        if _kinds(node) & {"compensate", "cancel"} and same[0] is not node:
            self._error(
                "boundary.twice",
                node,
                say(
                    "{element} is the second of its kind on one activity, and never triggered",
                    element=self._name(node.id),
                ),
                say("keep one of them, and draw in it or behind it all that is to be done"),
            )
        if "compensate" in _kinds(node) and node.undo is None:
            self._error(
                "compensation.no_activity",
                node,
                say("{element} leads to no compensation activity", element=self._name(node.id)),
                say("draw an association from it to an activity that is marked as compensation"),
            )

    def _link(self, node: Node) -> None:
        """A link throw event leads to one catch event of its scope, and nothing else to that (§10.5.5)."""
        same = [n for n in self.draft.nodes.values() if _is_link(n) and n.event == node.event]
        catches = [n for n in same if n.kind == "catch"]
        drawn = [flow for flow in (*node.incoming, *node.outgoing) if flow in self.draft.sources]
        if node.kind == "throw" and not catches:
            self._error(
                "link.no_target",
                node,
                say("{element} leads to no link catch event of its name", element=self._name(node.id)),
                say("draw one in the same process or subprocess, or the sequence flow itself"),
            )
        if node.kind == "catch" and catches[0] is not node:
            self._error(
                "link.several",
                node,
                say("{element} is a second link catch event of one name", element=self._name(node.id)),
                say("give it a name of its own"),
            )
        for flow in drawn:
            if (flow in node.outgoing) == (node.kind == "throw"):
                self._error(
                    "link.flow",
                    node,
                    say("a sequence flow leads from a link throw event, or into a link catch event"),
                    say("take the sequence flow away, or the link"),
                )

    def _handler(self, node: Node) -> None:
        """An event subprocess begins with one start event that has a trigger (§10.3.5)."""
        element = self.draft.elements[node.id]
        starts = [e for e in element if local(e) == "startEvent"]
        if len(starts) != 1:
            self._error(
                "handler.one_start",
                node,
                say("{element} has not exactly one start event", element=self._name(node.id)),
                say("draw one event subprocess for each start event"),
            )
        elif _undoes(element):
            same = [e for e in self.draft.element if _undoes(e)]
            if local(self.draft.element) == "process" or same[0] is not element:
                self._error(
                    "compensation.never",
                    node,
                    say("{element}: nothing ever starts it", element=self._name(node.id)),
                    say("draw one such event subprocess in the subprocess that it undoes"),
                )

    def _compensation(self, node: Node) -> None:
        """A compensation activity is reached from the edge of what it undoes only (§10.7.1)."""
        if not any(n.undo == node.id for n in self.draft.nodes.values()):
            self._error(
                "node.unreachable",
                node,
                say("{element} can never be reached", element=self._name(node.id)),
                say("draw an association to it from a compensation event on the edge of what it undoes"),
            )

    def _throw(self, node: Node) -> None:
        if "compensate" in _kinds(node):
            self._compensates(node)
        elif "cancel" in _kinds(node):
            self._cancels(node)

    def _compensates(self, node: Node) -> None:
        """What is compensated is in the same scope, or around the event subprocess that throws (§10.5.5)."""
        wanted = node.event.name if node.event is not None else None
        scopes = [self.draft.element]
        if is_true(self.draft.element.get("triggeredByEvent")):
            scopes.append(the(self.draft.element.getparent()))
        if wanted is not None and not any(e.get("id") == wanted for scope in scopes for e in scope):
            self._error(
                "compensation.unknown_activity",
                node,
                say(
                    "{element} compensates {id}, which is not an activity beside it",
                    element=self._name(node.id),
                    id=wanted,
                ),
                say("choose an activity of the same process or subprocess, or none for all of them"),
            )

    def _cancels(self, node: Node) -> None:
        """A cancel end event ends a transaction, which has a way out for it (§10.5.3, §13.5.6)."""
        around = [self.draft.element, *self.draft.element.iterancestors()]
        transaction = next((e for e in around if local(e) == "transaction"), None)
        if transaction is None:
            self._error(
                "cancel.no_transaction",
                node,
                say("{element} is in no transaction", element=self._name(node.id)),
                say("draw it in a transaction, or draw an error or terminate end event"),
            )
            return
        edges = [e for e in the(transaction.getparent()) if e.get("attachedToRef") == transaction.get("id")]
        if not any(kind_of(d) == "cancel" for e in edges for d in definitions_of(e)):
            self._error(
                "cancel.no_way_out",
                node,
                say(
                    "{element} cancels {transaction}, which has no cancel event on its edge",
                    element=self._name(node.id),
                    transaction=label(transaction),
                ),
                say("drag a cancel boundary event onto the transaction"),
            )
        loops = ("multiInstanceLoopCharacteristics", "standardLoopCharacteristics")
        if any(child(transaction, loop) is not None for loop in loops):
            refuse(
                self.draft.elements[node.id],
                self.findings,
                say("cancelling one instance of many"),
                say("put the loop into the transaction, or a subprocess with the loop around it"),
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
            elif node.kind not in _SPLITS or len(flows) == 1 or flow.condition is not None:
                continue
            elif node.kind == "or" and node.default is None:
                # Nothing keeps a token off a flow without a condition (§8.4.13).
                self.findings.warning(
                    "flow.always",
                    self.draft.elements[node.id],
                    say(
                        "the flow {flow} that leaves {element} has no condition, so it is always taken",
                        flow=flow.id,
                        element=self._name(node.id),
                    ),
                    remedy=say("write a condition, or draw a parallel gateway if all of them are taken"),
                )
            elif flow.id != node.default:
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
            waits = target.kind == "catch" and not _is_link(target)
            if target.kind == "receive":
                waits = target.loop is None and not any(
                    n.host == target.id for n in self.draft.nodes.values()
                )
            if not waits:
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

    def _instantiates(self, node: Node) -> None:
        """What begins a process when its message comes (§10.3.3, §10.6.6) is the only beginning of it here:
        several would be alternatives, which a process without start event does not have (§10.5.2)."""
        others = set(starts_of(self.draft)) | {n.id for n in self.draft.nodes.values() if n.kind == "handler"}
        if local(self.draft.element) != "process" or node.incoming or others != {node.id}:
            refuse(
                self.draft.elements[node.id],
                self.findings,
                say("beginning a process in one of several ways"),
                say("draw a start event with the message for each way to begin"),
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
    queue = deque([*starts, *(n.id for n in draft.nodes.values() if n.kind in ("start", "handler"))])
    queue.extend(n.id for n in draft.nodes.values() if n.compensation)  # `_compensation` sees to them
    while queue:
        node_id = queue.popleft()
        if node_id not in reached:
            reached.add(node_id)
            queue.extend(draft.flows[flow].target for flow in draft.nodes[node_id].outgoing)
            queue.extend(boundaries.get(node_id, ()))
    return reached
