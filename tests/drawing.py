"""A few lines of text for a diagram, so that a test can be read.

    draw("start s; user a; end e", "s -> a -> e")

Elements are `kind id [details]`, separated by `;` or new lines; flows are chains `a -> b -> c`, each arrow
with an optional condition `a -> b if x > 1`; `default` marks the gateway's default flow: `x -> b default`.
Nested scopes are drawn with `sub id { elements | flows }`.
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
    roots = "".join(f'<message id="m_{n}" name="{n}"/>' for n in sorted(pen.messages))
    roots += "".join(f'<signal id="s_{n}" name="{n}"/>' for n in sorted(pen.signals))
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><definitions xmlns="{NS}" '
        f'xmlns:camunda="http://camunda.org/schema/1.0/bpmn" targetNamespace="t">{roots}'
        f'<process id="{process}" isExecutable="true">{body}</process>{"".join(more)}</definitions>'
    ).encode()


def process(name: str, elements: str, flows: str) -> str:
    """A further process for `draw(..., more)`, to be called."""
    return f'<process id="{name}" isExecutable="true">{_Pen(name).scope(elements, flows)}</process>'


class _Pen:
    def __init__(self, prefix: str = "f") -> None:
        self.messages: set[str] = set()
        self.signals: set[str] = set()
        self.prefix = prefix
        self.serial = count(1)

    def scope(self, elements: str, flows: str) -> str:
        drawn, defaults = self.flows(flows)
        out = []
        for line in _split(elements):
            nested = re.match(r"sub (\S+)(.*?)\{(.*)\|(.*)\}$", line, re.S)
            if nested:
                name, details, inner, inner_flows = nested.groups()
                out.append(
                    self.element("sub", name, details.strip(), defaults, self.scope(inner, inner_flows))
                )
            else:
                kind, name, *details = line.split(None, 2)
                out.append(self.element(kind, name, details[0] if details else "", defaults))
        return "".join(out) + drawn

    def element(self, kind: str, name: str, details: str, defaults: dict[str, str], inner: str = "") -> str:
        attributes, content = f'id="{name}"', ""
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
        elif kind in ("user", "manual", "sub"):
            content = self.loop(details)
        elif details:
            content = self.event(details)
        return f"<{TAGS[kind]} {attributes}>{content}{inner}</{TAGS[kind]}>"

    def event(self, details: str) -> str:
        what, _, value = details.partition(" ")
        if what == "message":
            self.messages.add(value)
            return f'<messageEventDefinition messageRef="m_{value}"/>'
        if what == "signal":
            self.signals.add(value)
            return f'<signalEventDefinition signalRef="s_{value}"/>'
        if what == "terminate":
            return "<terminateEventDefinition/>"
        tag = {"date": "timeDate", "after": "timeDuration", "every": "timeCycle"}[what]
        return f"<timerEventDefinition><{tag}>{escape(value)}</{tag}></timerEventDefinition>"

    def loop(self, details: str) -> str:
        """`each item of items into outs from out until …`, or `times n …`; `sequential` first if so."""
        if not details:
            return ""
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
