"""The signs inside of shapes: what triggers an event, what kind a task is, how an activity repeats.

Each is a list of strokes around the origin, drawn anew after the figures of BPMN 2.0.2 (chapter 13).
A stroke is `(how, path)`: `line` only outlined, `open` filled with the ground, `full` filled with the ink.
"""

from __future__ import annotations

import math

Strokes = list[tuple[str, str]]


def event(trigger: str, throws: bool) -> Strokes:
    """The sign of an event within a circle of radius 18; filled where it throws."""
    body = "full" if throws else "open"
    match trigger:
        case "message":
            flap = "M-9.5,-5.5L0,2L9.5,-5.5"
            if throws:
                return [("full", "M-9.5,-6.5H9.5L0,1Z"), ("full", "M-9.5,-4.2V6.5H9.5V-4.2L0,3.2Z")]
            return [("open", "M-9.5,-6.5H9.5V6.5H-9.5Z"), ("line", flap)]
        case "timer":
            ticks = "".join(_ray(hour * 30, 8.6, 10.6) for hour in range(12))
            return [("open", _circle(10.6)), ("line", ticks), ("line", "M1.8,-7.5L0,0L5.4,1.4")]
        case "error":
            return [(body, "M-9,9L-3.4,-7.2L2.4,1.2L9,-9L3.4,8.6L-2.8,-0.4Z")]
        case "escalation":
            return [(body, "M0,-10L7.6,9L0,1.6L-7.6,9Z")]
        case "signal":
            return [(body, "M0,-9.6L9.4,7H-9.4Z")]
        case "conditional":
            rules = "M-4.6,-6H4.6M-4.6,-2H4.6M-4.6,2H4.6M-4.6,6H4.6"
            return [("open", "M-7,-9.5H7V9.5H-7Z"), ("line", rules)]
        case "link":
            return [(body, "M-9,-4H2V-8.5L10,0L2,8.5V4H-9Z")]
        case "compensate":
            return [(body, "M-1,-7.5V7.5L-10.5,0Z"), (body, "M8.5,-7.5V7.5L-1,0Z")]
        case "cancel":
            arm = "M-9,-6.2L-6.2,-9L0,-2.8L6.2,-9L9,-6.2L2.8,0L9,6.2L6.2,9L0,2.8L-6.2,9L-9,6.2L-2.8,0Z"
            return [(body, arm)]
        case "terminate":
            return [("full", _circle(11))]
        case "multiple":
            return [(body, _polygon(5, 10))]
        case "all":
            return [("open", "M-3,-10H3V-3H10V3H3V10H-3V3H-10V-3H-3Z")]
    return []


def task(kind: str) -> Strokes:
    """The sign in the corner of a task, within ±8."""
    match kind:
        case "userTask":
            shoulders = (
                "M-7.5,7.5V4.2C-7.5,1.2 -4.5,0.4 -2.6,0.2C-1.6,2 1.6,2 2.6,0.2C4.5,0.4 7.5,1.2 7.5,4.2V7.5Z"
            )
            hair = "M-3.6,-4.2A3.7,3.7 0 0 1 3.6,-4.2C1.4,-3.2 -1,-5.2 -3.6,-4.2Z"
            return [("open", shoulders), ("open", _circle(3.7, 0, -3.6)), ("full", hair)]
        case "manualTask":
            hand = (
                "M-7.5,-1.2L-3.4,-5.4H0.8C2.2,-5.4 2.2,-3.6 0.8,-3.4H-1.2H6.4C7.8,-3.4 7.8,-1.4 6.4,-1.4H1.6"
                "H7C8.2,-1.4 8.2,0.6 7,0.6H1.6H6.2C7.4,0.6 7.4,2.6 6.2,2.6H1.6H4.8C6,2.6 6,4.6 4.8,4.6"
                "H-4.4C-6.4,4.6 -7.5,3.4 -7.5,1.8Z"
            )
            return [("open", hand)]
        case "scriptTask":
            page = (
                "M-3.4,-7.5H6.8C2.6,-3.8 3.2,-1.6 4.6,0.6C6,3 5.2,5.4 2.8,7.5H-7"
                "C-3,4.6 -3.6,2.2 -4.8,0C-6.4,-2.8 -6,-5 -3.4,-7.5Z"
            )
            return [("open", page), ("line", "M-4,-4.2H1.2M-3.8,-1.2H1.6M-2.2,1.8H3.2M-2.6,4.8H2.4")]
        case "serviceTask":
            return [("open", _gear(7.6, 5.6, 8)), ("open", _circle(2.6))]
        case "businessRuleTask":
            frame = "M-7.5,-6H7.5V6.4H-7.5Z"
            return [
                ("open", frame),
                ("full", "M-7.5,-6H7.5V-2.6H-7.5Z"),
                ("line", "M-7.5,1.9H7.5M-2.6,-2.6V6.4"),
            ]
        case "sendTask":
            return [("full", "M-7.8,-5.6H7.8L0,0.8Z"), ("full", "M-7.8,-3.6V5.6H7.8V-3.6L0,2.8Z")]
        case "receiveTask":
            return [("open", "M-7.8,-5.6H7.8V5.6H-7.8Z"), ("line", "M-7.8,-5.2L0,1.4L7.8,-5.2")]
    return []


def marker(name: str) -> Strokes:
    """The sign at the foot of an activity, within ±7."""
    match name:
        case "parallel":
            return [("full", "M-5,-6H-3V6H-5ZM-1,-6H1V6H-1ZM3,-6H5V6H3Z")]
        case "sequential":
            return [("full", "M-6,-5H6V-3H-6ZM-6,-1H6V1H-6ZM-6,3H6V5H-6Z")]
        case "loop":
            return [("line", "M-2.6,5.4A5.8,5.8 0 1 1 2.6,5.2"), ("line", "M-2.4,1.6V5.6H-6.4")]
        case "compensation":
            return [("open", "M-0.4,-5V5L-7,0Z"), ("open", "M6.2,-5V5L-0.4,0Z")]
        case "adhoc":
            wave = (
                "M-6,2V-0.6C-4,-4 -1.6,-2.6 0,-1C1.8,0.8 4,1.2 6,-2V0.8"
                "C4,4 1.8,3.6 0,1.8C-1.8,0 -4,-0.6 -6,2Z"
            )
            return [("full", wave)]
        case "subprocess":
            return [("line", "M-7,-7H7V7H-7Z"), ("line", "M-4,0H4M0,-4V4")]
    return []


def gateway(kind: str, trigger: str) -> Strokes:
    """The sign of a gateway within a diamond of half width 25."""
    match kind:
        case "exclusiveGateway":
            return [("full", "M-8.6,-11H-5L0,-3L5,-11H8.6L2.2,0L8.6,11H5L0,3L-5,11H-8.6L-2.2,0Z")]
        case "parallelGateway":
            return [("full", "M-2,-12H2V-2H12V2H2V12H-2V2H-12V-2H-2Z")]
        case "inclusiveGateway":
            return [("thick", _circle(11.5))]
        case "complexGateway":
            return [("thick", "M0,-12.5V12.5M-12.5,0H12.5M-9,-9L9,9M-9,9L9,-9")]
        case "eventBasedGateway":
            inner = [("line", _circle(14.5))]
            if not trigger:
                inner.append(("line", _circle(11.8)))
            cross = "M-2.4,-8H2.4V-2.4H8V2.4H2.4V8H-2.4V2.4H-8V-2.4H-2.4Z"
            inner.append(("line", cross if trigger == "all" else _polygon(5, 8.4)))
            return inner
    return []


def collection() -> Strokes:
    """Three upright strokes: more than one of it."""
    return marker("parallel")


def _circle(radius: float, x: float = 0, y: float = 0) -> str:
    r = f"{radius:g},{radius:g}"
    return f"M{x - radius:g},{y:g}A{r} 0 1 1 {x + radius:g},{y:g}A{r} 0 1 1 {x - radius:g},{y:g}Z"


def _ray(degrees: float, inner: float, outer: float) -> str:
    x, y = math.sin(math.radians(degrees)), -math.cos(math.radians(degrees))
    return f"M{x * inner:.2f},{y * inner:.2f}L{x * outer:.2f},{y * outer:.2f}"


def _polygon(corners: int, radius: float) -> str:
    turns = [2 * math.pi * n / corners for n in range(corners)]
    return "M" + "L".join(f"{math.sin(t) * radius:.2f},{-math.cos(t) * radius:.2f}" for t in turns) + "Z"


def _gear(outer: float, inner: float, teeth: int) -> str:
    points = []
    for n in range(teeth):
        for radius, shift in ((inner, -0.36), (outer, -0.22), (outer, 0.22), (inner, 0.36)):
            turn = 2 * math.pi * (n + shift) / teeth
            points.append(f"{math.sin(turn) * radius:.2f},{-math.cos(turn) * radius:.2f}")
    return "M" + "L".join(points) + "Z"
