"""What triggers events, or is thrown by them: which definitions an event may have, and what they mean
(BPMN 2.0.2 §10.5).

SpiffWorkflow knows only some of them (and not the signal at an end), so they are read here, from the element.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from lxml import etree

from ...errors import Text, say
from ..net import Event
from . import dialect
from .findings import BPMN, WORDS, Findings, child, is_true, label, local, refuse, text_of

_CATCH = frozenset({"message", "signal", "timer", "conditional"})
_THROW = frozenset({"message", "signal", "escalation"})
TRIGGERS = {
    "startEvent": _CATCH,
    "endEvent": _THROW | {"terminate", "error", "compensate", "cancel"},
    "intermediateCatchEvent": _CATCH | {"link"},
    "intermediateThrowEvent": _THROW | {"compensate", "link"},
    "boundaryEvent": _CATCH | {"error", "escalation", "compensate", "cancel"},
}
_HANDLER_START = _CATCH | {"error", "escalation", "compensate"}
_TOGETHER = _CATCH | _THROW | {"error"}
"""What may be one of several definitions of an event."""
_MAY_BE_BARE = frozenset({"startEvent", "endEvent", "intermediateThrowEvent"})
_TIMES: dict[str, Literal["date", "duration", "cycle"]] = {
    "timeDate": "date",
    "timeDuration": "duration",
    "timeCycle": "cycle",
}

_WORDS: dict[str, Text] = {
    "message": say("message"),
    "signal": say("signal"),
    "timer": say("timer"),
    "terminate": say("terminate"),
    "error": say("error"),
    "escalation": say("escalation"),
    "compensate": say("compensation"),
    "conditional": say("conditional"),
    "cancel": say("cancel"),
    "link": say("link"),
    "eventDefinitionRef": say("referenced"),
}
_INSTEAD: dict[str, Text] = {
    "error": say("draw the error as an end event, and catch it on the edge of the activity around it"),
    "escalation": say("draw it as a throw event, and catch it on the edge of the activity around it"),
    "compensate": say("draw it as a throw event, and the handler on the edge of what it undoes"),
    "cancel": say("end a transaction with it, and catch it on the transaction's edge"),
    "link": say("draw the sequence flow itself"),
    "terminate": say("draw the terminate event as an end event"),
    "timer": say("draw an intermediate timer catch event"),
}
_SUBPROCESS_START = say(
    "begin the subprocess with a start event without a trigger and catch the event inside"
)


@dataclass(frozen=True)
class Names:
    """What the events of a file refer to, by id: the names of messages and signals, the codes of errors and
    escalations (its own id for one that has none: it is caught by reference)."""

    known: dict[str, dict[str, str]] = field(default_factory=dict)

    @staticmethod
    def of(root: etree._Element) -> Names:
        """Those of a `definitions` element."""
        known: dict[str, dict[str, str]] = {tag: {} for tag in _REFERENCES}
        for tag, (_, attribute) in _REFERENCES.items():
            for element in root.iterfind(BPMN + tag):
                id = element.get("id", "")
                known[tag][id] = element.get(attribute) or id
        return Names(known)


_REFERENCES = {
    "message": ("messageRef", "name"),
    "signal": ("signalRef", "name"),
    "error": ("errorRef", "errorCode"),
    "escalation": ("escalationRef", "escalationCode"),
}
"""The attribute by which an event names each of these, and the attribute that counts."""


def definitions_of(node: etree._Element) -> list[etree._Element]:
    """The event definitions of an event, references to shared ones followed."""
    found = []
    for part in node:
        if part.tag != BPMN + local(part):
            continue
        if local(part) == "eventDefinitionRef":
            found.append(_shared(part))
        elif local(part).endswith("EventDefinition"):
            found.append(part)
    return found


def _shared(reference: etree._Element) -> etree._Element:
    """The definition at the top of the file that is meant; the reference itself if there is none."""
    wanted = text_of(reference)
    root = reference.getroottree().getroot()
    return next(
        (e for e in root if local(e).endswith("EventDefinition") and wanted and e.get("id") == wanted),
        reference,
    )


def kind_of(definition: etree._Element) -> str:
    return local(definition).removesuffix("EventDefinition")


# --- what is allowed


def check_triggers(node: etree._Element, findings: Findings) -> None:
    """Report what an event can't be triggered by, or throw."""
    tag = local(node)
    definitions = definitions_of(node)
    if not definitions and (tag not in _MAY_BE_BARE or _starts_handler(node)):
        refuse(
            node, findings, say("event without a trigger"), say("make it a message, signal or timer event")
        )
    for definition in definitions:
        _check_definition(node, definition, len(definitions) > 1, findings)


def _check_definition(
    node: etree._Element, definition: etree._Element, several: bool, findings: Findings
) -> None:
    tag, kind = local(node), kind_of(definition)
    words = _WORDS.get(kind, say("{tag}", tag=kind))
    parent = node.getparent()
    allowed = _HANDLER_START if _starts_handler(node) else TRIGGERS[tag]
    if (
        tag == "startEvent"
        and not _starts_handler(node)
        and parent is not None
        and local(parent) != "process"
    ):
        refuse(node, findings, say("{trigger} start event in a subprocess", trigger=words), _SUBPROCESS_START)
    elif kind not in allowed:
        what = say("{trigger} {event}", trigger=words, event=WORDS[tag])
        refuse(node, findings, what, _INSTEAD.get(kind))
    elif several and kind not in _TOGETHER:
        what = say("multiple event with {trigger}", trigger=words)
        refuse(node, findings, what, say("draw an event of its own for it"))
    elif kind == "timer" and sum(child(definition, time) is not None for time in _TIMES) != 1:
        findings.error(
            "timer.unclear",
            node,
            say("{element} has not exactly one time", element=label(node)),
            expected=say("one of date, duration and cycle"),
            remedy=say("give one of them, for example the duration P5D"),
        )
    elif kind == "conditional" and not text_of(child(definition, "condition")):
        findings.error(
            "event.no_condition",
            node,
            say("{element} has no condition", element=label(node)),
            remedy=say("write the condition that it waits for"),
        )
    elif not interrupts(node) and kind in ("error", "cancel"):
        what = say("non-interrupting {trigger} event", trigger=words)
        refuse(node, findings, what, say("make it interrupting, or throw an escalation instead"))


def _starts_handler(node: etree._Element) -> bool:
    parent = node.getparent()
    return local(node) == "startEvent" and parent is not None and is_true(parent.get("triggeredByEvent"))


def interrupts(node: etree._Element) -> bool:
    """Whether a boundary event takes its activity away, or a start event of an event subprocess what runs
    beside it."""
    return "false" not in (node.get("cancelActivity"), node.get("isInterrupting"))


# --- what is meant


def read_event(node: etree._Element, names: Names, findings: Findings) -> Event | None:
    """The trigger of an event that has been checked, or of a send or receive task; None if it refers to
    something that is not there."""
    definitions = [node] if local(node) in ("sendTask", "receiveTask") else definitions_of(node)
    parts = [_read(node, definition, names, findings) for definition in definitions]
    if not parts:
        return Event()
    known = tuple(part for part in parts if part is not None)
    if len(known) < len(parts):
        return None
    if len(known) == 1:
        return known[0]
    return Event("multiple", parts=known, all=is_true(node.get("parallelMultiple")))


def _read(node: etree._Element, definition: etree._Element, names: Names, findings: Findings) -> Event | None:
    kind = kind_of(definition) if definition is not node else "message"
    match kind:
        case "message" | "signal":
            name = _referred(node, definition, kind, names, findings)
            return None if name is None else Event(kind, name=name or _own_name(node, kind, findings))
        case "error" | "escalation":
            code = _referred(node, definition, kind, names, findings)
            if code is None:
                return None
            code_to, message_to = dialect.caught_into(definition)
            return Event(kind, name=code or None, code_to=code_to, message_to=message_to)
        case "timer":
            time = next(child for child in definition if local(child) in _TIMES)
            return Event("timer", timer=_TIMES[local(time)], text=text_of(time))
        case "conditional":
            return Event("conditional", text=text_of(child(definition, "condition")))
        case "link":
            return Event("link", name=definition.get("name") or node.get("name") or None)
        case "compensate":
            waits = definition.get("waitForCompletion") != "false"
            return Event("compensate", name=definition.get("activityRef") or None, wait=waits)
        case "cancel":
            return Event("cancel")
        case _:
            return Event("terminate")


def _own_name(node: etree._Element, kind: str, findings: Findings) -> str:
    """What an event that refers to no message or signal, which it need not (§10.5.5), waits for or sends."""
    if own := node.get("name"):
        return own
    findings.warning(
        "event.no_name",
        node,
        say("{element} names no {kind}: its own id stands for it", element=label(node), kind=_WORDS[kind]),
        remedy=say("choose a message or signal for it, or give the event a name"),
    )
    return node.get("id", "")


def _referred(
    node: etree._Element, definition: etree._Element, kind: str, names: Names, findings: Findings
) -> str | None:
    """The name or code that an event refers to; "" if it refers to nothing, None (and a problem) if that is
    not there."""
    attribute, _ = _REFERENCES[kind]
    reference = definition.get(attribute)
    if not reference:
        return ""
    if reference not in names.known[kind]:
        findings.error(
            "event.unknown_reference",
            node,
            say("{element} names {id}, which is not there", element=label(node), id=reference),
            found=say("{name} “{id}”", name=attribute, id=reference),
            remedy=say("choose a message or signal again"),
        )
        return None
    return names.known[kind][reference]
