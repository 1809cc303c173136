"""A few lines of text for a diagram, so that a test can be read.

    draw("start s; user a; end e", "s -> a -> e")

Elements are `kind id [details]`, separated by `;` or new lines; flows are chains `a -> b -> c`, each arrow
with an optional condition `a -> b if x > 1`; `default` marks the gateway's default flow: `x -> b default`.
Nested scopes are drawn with `sub id { elements | flows }`, or `transaction` or `handler` (an event
subprocess) in place of `sub`. `undo` before an activity makes it one that compensates, `aside` is a start
event that does not interrupt. Events are `message m`, `signal s`, `after PT1H`, `date …`, `every …`,
`error E` (without a code: any), `escalate E`, `when condition`, `link l`, `compensate` (all, or one
activity; on an edge: the activity that compensates), `cancel`, `terminate`, and several of them with
`any … , …` or `all … , …`. Activities may be done again: `while condition most n`, `first while condition`.
"""

from __future__ import annotations

import re
from html import escape
from itertools import count

NS = "http://www.omg.org/spec/BPMN/20100524/MODEL"

TAGS = {
    "start": "startEvent",
    "end": "endEvent",
    "catch": "intermediateCatchEvent",
    "throw": "intermediateThrowEvent",
    "aside": "startEvent",
    "task": "task",
    "send": "sendTask",
    "receive": "receiveTask",
    "service": "serviceTask",
    "transaction": "transaction",
    "handler": "subProcess",
    "user": "userTask",
    "manual": "manualTask",
    "script": "scriptTask",
    "rule": "businessRuleTask",
    "sub": "subProcess",
    "call": "callActivity",
    "xor": "exclusiveGateway",
    "and": "parallelGateway",
    "or": "inclusiveGateway",
    "race": "eventBasedGateway",
    "boundary": "boundaryEvent",
    "reminder": "boundaryEvent",
}


def draw(elements: str, flows: str, *more: str, process: str = "p") -> bytes:
    """A BPMN file with one executable process; `more` are further root elements (XML)."""
    pen = _Pen()
    body = pen.scope(elements, flows)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><definitions xmlns="{NS}" '
        f'xmlns:camunda="http://camunda.org/schema/1.0/bpmn" targetNamespace="t">{pen.roots()}'
        f'<process id="{process}" isExecutable="true">{body}</process>{"".join(more)}</definitions>'
    ).encode()


def process(name: str, elements: str, flows: str) -> str:
    """A further process for `draw(..., more)`, to be called."""
    pen = _Pen(name)
    body = pen.scope(elements, flows)
    return f'{pen.roots()}<process id="{name}" isExecutable="true">{body}</process>'


class _Pen:
    def __init__(self, prefix: str = "f") -> None:
        self.messages: set[str] = set()
        self.signals: set[str] = set()
        self.codes: set[str] = set()
        self.prefix = prefix
        self.serial = count(1)

    def roots(self) -> str:
        """What the events refer to; a file holds several pens' drawings."""
        p = self.prefix
        found = "".join(f'<message id="m_{p}_{n}" name="{n}"/>' for n in sorted(self.messages))
        found += "".join(f'<signal id="s_{p}_{n}" name="{n}"/>' for n in sorted(self.signals))
        found += "".join(f'<error id="e_{p}_{n}" errorCode="{n}"/>' for n in sorted(self.codes))
        return found + "".join(
            f'<escalation id="x_{p}_{n}" escalationCode="{n}"/>' for n in sorted(self.codes)
        )

    def scope(self, elements: str, flows: str) -> str:
        drawn, defaults = self.flows(flows)
        out = []
        for line in _split(elements):
            undo, line = line.startswith("undo "), line.removeprefix("undo ")
            nested = re.match(r"(sub|transaction|handler) (\S+)(.*?)\{(.*)\}$", line, re.S)
            if nested:
                kind, name, details, inside = nested.groups()
                inner, inner_flows = _halves(inside)
                drawing = self.scope(inner, inner_flows)
                out.append(self.element(kind, name, details.strip(), defaults, drawing, undo=undo))
            else:
                kind, name, *more = line.split(None, 2)
                out.append(self.element(kind, name, more[0] if more else "", defaults, undo=undo))
        return "".join(out) + drawn

    def element(
        self,
        kind: str,
        name: str,
        details: str,
        defaults: dict[str, str],
        inner: str = "",
        *,
        undo: bool = False,
    ) -> str:
        attributes, content, after = f'id="{name}"', "", ""
        if undo:
            attributes += ' isForCompensation="true"'
        if kind == "handler":
            attributes += ' triggeredByEvent="true"'
        if kind == "aside":
            attributes += ' isInterrupting="false"'
        if kind in ("boundary", "reminder"):
            host, _, details = details.partition(" ")
            attributes += f' attachedToRef="{host}"' + (
                ' cancelActivity="false"' if kind == "reminder" else ""
            )
        if name in defaults:
            attributes += f' default="{defaults[name]}"'
        if kind == "script":
            content = f"<script>{escape(details)}</script>"
        elif kind == "call":
            called, _, details = details.partition(" ")
            attributes += f' calledElement="{called}"'
            content = self.loop(details)
        elif kind in ("send", "receive"):
            message, _, details = details.partition(" ")
            self.messages.add(message)
            attributes += f' messageRef="m_{self.prefix}_{message}"'
            content = self.loop(details)
        elif kind == "service":
            result, _, expression = details.partition(" = ")
            attributes += f' camunda:expression="{escape(expression)}" camunda:resultVariable="{result}"'
        elif kind in ("user", "manual", "task", "sub", "transaction"):
            content = self.loop(details)
        elif kind == "boundary" and details.startswith("compensate "):
            content = "<compensateEventDefinition/>"
            target = details.partition(" ")[2]
            after = f'<association id="to_{target}" sourceRef="{name}" targetRef="{target}"/>'
        elif details:
            content = self.event(details)
        if details.startswith("all "):
            attributes += ' parallelMultiple="true"'
        return f"<{TAGS[kind]} {attributes}>{content}{inner}</{TAGS[kind]}>{after}"

    def event(self, details: str) -> str:
        what, _, value = details.partition(" ")
        if what in ("any", "all"):
            return "".join(self.event(part.strip()) for part in value.split(","))
        if what in ("error", "escalate"):
            self.codes |= {value} - {""}
            tag, prefix = {"error": ("error", "e"), "escalate": ("escalation", "x")}[what]
            reference = f' {tag}Ref="{prefix}_{self.prefix}_{value}"' if value else ""
            return f"<{tag}EventDefinition{reference}/>"
        if what == "when":
            condition = f"<condition>{escape(value)}</condition>"
            return f"<conditionalEventDefinition>{condition}</conditionalEventDefinition>"
        if what == "link":
            return f'<linkEventDefinition name="{value}"/>'
        if what == "compensate":
            return f"<compensateEventDefinition{f' activityRef={value!r}' if value else ''}/>"
        if what == "cancel":
            return "<cancelEventDefinition/>"
        if what == "message":
            self.messages.add(value)
            return f'<messageEventDefinition messageRef="m_{self.prefix}_{value}"/>'
        if what == "signal":
            self.signals.add(value)
            return f'<signalEventDefinition signalRef="s_{self.prefix}_{value}"/>'
        if what == "terminate":
            return "<terminateEventDefinition/>"
        tag = {"date": "timeDate", "after": "timeDuration", "every": "timeCycle"}[what]
        return f"<timerEventDefinition><{tag}>{escape(value)}</{tag}></timerEventDefinition>"

    def loop(self, details: str) -> str:
        """`each item of items into outs from out until …`, or `times n …`; `sequential` first if so."""
        if not details:
            return ""
        again = re.match(r"(?P<first>first )?while (?P<condition>.+?)(?: most (?P<most>\d+))?$", details)
        if again:
            before = ' testBefore="true"' if again["first"] else ""
            most = f' loopMaximum="{again["most"]}"' if again["most"] else ""
            condition = f"<loopCondition>{escape(again['condition'])}</loopCondition>"
            return f"<standardLoopCharacteristics{before}{most}>{condition}</standardLoopCharacteristics>"
        order = ' isSequential="true"' if details.startswith("sequential") else ""
        found = re.match(
            r"(?:sequential )?(?:each (?P<item>\w+) of (?P<items>[\w.]+)|times (?P<times>\w+))"
            r"(?: into (?P<outs>\w+) from (?P<out>\w+))?(?: until (?P<until>.+))?$",
            details,
        )
        assert found, details
        part = found.groupdict()
        content = ""
        if part["times"]:
            content += f"<loopCardinality>{part['times']}</loopCardinality>"
        else:
            content += f"<loopDataInputRef>{part['items']}</loopDataInputRef>"
        if part["outs"]:
            content += f"<loopDataOutputRef>{part['outs']}</loopDataOutputRef>"
        if part["item"]:
            content += f'<inputDataItem id="in_{next(self.serial)}" name="{part["item"]}"/>'
        if part["outs"]:
            content += f'<outputDataItem id="out_{next(self.serial)}" name="{part["out"]}"/>'
        if part["until"]:
            content += f"<completionCondition>{escape(part['until'])}</completionCondition>"
        return f"<multiInstanceLoopCharacteristics{order}>{content}</multiInstanceLoopCharacteristics>"

    def flows(self, flows: str) -> tuple[str, dict[str, str]]:
        out, defaults = [], {}
        for line in _split(flows):
            steps = re.split(r" -> ", line)
            source = steps[0].strip()
            for step in steps[1:]:
                target, _, condition = step.strip().partition(" ")
                flow = f"{self.prefix}{next(self.serial)}"
                inner = ""
                if condition == "default":
                    defaults[source] = flow
                elif condition.startswith("if "):
                    inner = f"<conditionExpression>{escape(condition[3:])}</conditionExpression>"
                out.append(
                    f'<sequenceFlow id="{flow}" sourceRef="{source}" targetRef="{target}">'
                    f"{inner}</sequenceFlow>"
                )
                source = target
        return "".join(out), defaults


def _halves(text: str) -> tuple[str, str]:
    """Elements and flows of a scope, parted by the one `|` outside inner braces."""
    depth = 0
    for position, sign in enumerate(text):
        depth += (sign == "{") - (sign == "}")
        if sign == "|" and depth == 0:
            return text[:position], text[position + 1 :]
    return text, ""


def _split(text: str) -> list[str]:
    """Lines and `;`-separated parts, but not inside braces."""
    parts, depth, start = [], 0, 0
    for position, sign in enumerate(text):
        depth += (sign == "{") - (sign == "}")
        if sign in ";\n" and depth == 0:
            parts.append(text[start:position])
            start = position + 1
    parts.append(text[start:])
    return [part.strip() for part in parts if part.strip()]
