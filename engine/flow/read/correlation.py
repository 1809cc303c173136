"""Correlation keys (BPMN 2.0.2 §8.4.2): which messages are for a process and which for another one.

Run is one key for each process: of the subscription that it has, whose properties are bound to the process's
variables, or of the collaboration that it takes part in, whose first message then sets the key. What would
need more is refused: a message must never reach whom it is not for.
"""

from __future__ import annotations

from collections.abc import Iterable

from lxml import etree

from ...errors import Text, say
from ..net import Key, Node, Property, triggers
from .findings import BPMN, Findings, child, is_true, label, local, refuse, text_of
from .terms import check_expression
from .triggers import Names

_OWN = "{correlation}"
_TAGS = tuple(BPMN + tag for tag in ("correlationKey", "correlationProperty", "correlationSubscription"))


def hide(root: etree._Element) -> None:
    """Keep the keys from SpiffWorkflow, which stops at those it does not know."""
    for element in list(root.iter(*_TAGS)):
        element.tag = _OWN + local(element)


def key_of(
    process: etree._Element, nodes: Iterable[Node], names: Names, findings: Findings
) -> tuple[Key | None, list[etree._Element]]:
    """The correlation key of a process with these nodes, if it has one that can be run, and the elements
    of its expressions."""
    reader = _Reader(process, list(nodes), names, findings)
    return reader.read(), reader.paths


class _Reader:
    def __init__(self, process: etree._Element, nodes: list[Node], names: Names, findings: Findings) -> None:
        self.process = process
        self.nodes = nodes
        self.names = names.known["message"]
        self.findings = findings
        self.root = process.getroottree().getroot()
        self.paths: list[etree._Element] = []

    def read(self) -> Key | None:
        subscriptions = self.process.findall(_OWN + "correlationSubscription")
        keys = self._keys(subscriptions)
        for more in (*subscriptions[1:], *keys[1:]):
            refuse(
                more,
                self.findings,
                say("a second correlation of one process"),
                say("keep one key, or draw a called process for each conversation"),
            )
        if not keys or len(subscriptions) > 1 or len(keys) > 1:
            if not subscriptions:  # else what is wrong with them has been said
                self._warn_unused(keys)
            return None
        parts = [
            self._part(keys[0], ref, subscriptions)
            for ref in keys[0].iterfind(BPMN + "correlationPropertyRef")
        ]
        known = tuple(part for part in parts if part is not None)
        if not parts:
            self._error(
                "correlation.no_property", keys[0], say("{element} has no property", element=label(keys[0]))
            )
        if not parts or len(known) < len(parts):
            return None
        key = Key(keys[0].get("id", ""), known)
        self._check_messages(keys[0], key)
        return key

    def _keys(self, subscriptions: list[etree._Element]) -> list[etree._Element]:
        """The keys that concern the process: the one it subscribes to, else those of its collaboration."""
        keys = list(self.root.iter(_OWN + "correlationKey"))
        if subscriptions:
            wanted = subscriptions[0].get("correlationKeyRef")
            found = [key for key in keys if wanted and key.get("id") == wanted]
            if not found:
                self._error(
                    "correlation.unknown_key",
                    subscriptions[0],
                    say("{element} names a key that is not there", element=label(subscriptions[0])),
                )
            return found
        return [key for key in keys if self._takes_part(key)]

    def _takes_part(self, key: etree._Element) -> bool:
        around = next((e for e in key.iterancestors() if local(e) in _COLLABORATIONS), None)
        if around is None:
            return False
        participants = around.iterfind(BPMN + "participant")
        return any(e.get("processRef") == self.process.get("id") for e in participants)

    def _part(
        self, key: etree._Element, ref: etree._Element, subscriptions: list[etree._Element]
    ) -> Property | None:
        id = text_of(ref)
        found = next((e for e in self.root.iter(_OWN + "correlationProperty") if e.get("id") == id), None)
        if not id or found is None:
            self._error(
                "correlation.unknown_property",
                key,
                say("{element} names property {id}, which is not there", element=label(key), id=id),
            )
            return None
        paths: dict[str, str] = {}
        for retrieval in found.iterfind(BPMN + "correlationPropertyRetrievalExpression"):
            message, path = retrieval.get("messageRef", ""), self._text(retrieval, "messagePath")
            if message not in self.names:
                self._error(
                    "correlation.unknown_message",
                    found,
                    say("{element} names message {id}, which is not there", element=label(found), id=message),
                )
                return None
            check_expression(found, say("message path"), path, self.findings)
            paths[self.names[message]] = path
        if not subscriptions:
            return Property(id, paths)
        bindings = subscriptions[0].iterfind(BPMN + "correlationPropertyBinding")
        data = [self._text(b, "dataPath") for b in bindings if b.get("correlationPropertyRef") == id]
        if len(data) != 1:
            self._error(
                "correlation.unbound",
                subscriptions[0],
                say(
                    "{element} does not say once what property {id} must equal",
                    element=label(subscriptions[0]),
                    id=id,
                ),
            )
            return None
        check_expression(subscriptions[0], say("data path"), data[0], self.findings)
        return Property(id, paths, data[0])

    def _text(self, around: etree._Element, tag: str) -> str:
        path = child(around, tag)
        if path is not None:
            self.paths.append(path)
        return text_of(path)

    def _check_messages(self, element: etree._Element, key: Key) -> None:
        """Each message carries all of the key or nothing of it; the first message of a conversation comes
        from outside, as what is sent brings no data."""
        carried = {message for part in key.properties for message in part.paths}
        for message in sorted(carried):
            if not key.carried_by(message):
                self._error(
                    "correlation.partial",
                    element,
                    say(
                        "{element}: message {name} carries only a part of it",
                        element=label(element),
                        name=message,
                    ),
                )
        subscribed = key.properties[0].data is not None
        for node in self.nodes:
            messages = {part.name or "" for part in triggers(node) if part.kind == "message"}
            if node.kind in _SENDS and not subscribed and messages & carried:
                refuse(
                    self._element(node),
                    self.findings,
                    say("sending a message that sets a correlation key"),
                    say("bind the key to variables in a correlation subscription of the process"),
                )
            elif subscribed and is_true(self._element(node).get("instantiate")):
                refuse(
                    self._element(node),
                    self.findings,
                    say("beginning a process whose key is bound to its variables"),
                    say("draw a message start event"),
                )
            elif node.kind not in _SENDS and messages - carried:
                self.findings.warning(
                    "correlation.without_key",
                    self._element(node),
                    say(
                        "{element}: its message carries no correlation key, so any of its name is taken",
                        element=label(self._element(node)),
                    ),
                    remedy=say("say in the correlation property how the message carries it, if it does"),
                )

    def _element(self, node: Node) -> etree._Element:
        return next(e for e in self.process.iter(BPMN + "*") if e.get("id") == node.id)

    def _warn_unused(self, keys: list[etree._Element]) -> None:
        if not keys and any(True for tag in _TAGS for _ in self.root.iter(_OWN + etree.QName(tag).localname)):
            self.findings.warning(
                "correlation.not_executed",
                self.process,
                say("correlation keys are not used: a message reaches the case it is sent to, by its name"),
                remedy=say("remove them, or leave them as documentation"),
            )

    def _error(self, code: str, element: etree._Element, message: Text) -> None:
        remedy = say("draw the key again: its properties, how each message carries them, and their variables")
        self.findings.error(code, element, message, remedy=remedy)


_COLLABORATIONS = frozenset({"collaboration", "choreography", "globalConversation"})
_SENDS = frozenset({"throw", "end", "send"})
