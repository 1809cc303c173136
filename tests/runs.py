"""A diagram under way on a virtual clock, for tests of what diagrams mean."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from engine.clock import OFFICE_ZONE, parse_instant, read_instant
from engine.flow.marking import open_tasks, timers, variables
from engine.flow.net import Net
from engine.flow.read import read
from engine.flow.step import Complete, Fire, Message, Retry, Signal, Start, step

MONDAY = parse_instant("2026-03-02T09:00:00+08:00")


class Run:
    """A process under way on a virtual clock; every marking goes through JSON, as the store does it."""

    def __init__(self, diagram: bytes, **data: Any) -> None:
        net, problems = read({"diagram.bpmn": diagram})
        assert net is not None, [str(problem.message) for problem in problems]
        self.net = Net.from_json(json.loads(json.dumps(net.to_json(), sort_keys=True)))
        self.now = MONDAY
        self.trace: list[tuple[str, str]] = []
        self.incidents: list[str] = []
        self.codes: list[str] = []
        self.sent: list[tuple[str, str]] = []
        self.stopped: list[str] = []
        self.marking: Any = None
        self.take(Start(data, OFFICE_ZONE))

    def take(self, given: Any) -> Run:
        before = json.dumps(self.marking, sort_keys=True)
        after, effects = step(self.net, self.marking, given, self.now)
        assert json.dumps(self.marking, sort_keys=True) == before, "step changed what it was given"
        self.marking = json.loads(json.dumps(after, sort_keys=True))
        for effect in effects:
            if effect.kind in ("entered", "completed", "fired", "cancelled"):
                self.trace.append((effect.kind, effect.element))
            elif effect.kind == "incident":
                self.incidents.append(effect.element)
                self.codes.append(effect.info["code"])
            elif effect.kind == "stopped":
                self.stopped.append(effect.element)
            elif effect.kind in ("sent", "signalled"):
                self.sent.append((effect.kind, effect.info["name"]))
        return self

    def do(self, task: str, **data: Any) -> Run:
        return self.take(Complete(task, data))

    def message(self, name: str, **data: Any) -> Run:
        return self.take(Message(name, data))

    def signal(self, name: str, **data: Any) -> Run:
        return self.take(Signal(name, data))

    def retry(self, visit: str, **data: Any) -> Run:
        return self.take(Retry(visit, data))

    def wait(self, **span: float) -> Run:
        until = self.now + timedelta(**span)
        while self.running:
            due = timers(self.net, self.marking)[:1]
            if not due or read_instant(due[0].due) > until:
                break
            self.now = read_instant(due[0].due)
            self.take(Fire(due[0].timer))
        self.now = until
        return self

    def done(self) -> list[str]:
        """The trace in short: `+a` entered, `-a` completed, `!a` fired, `xa` cancelled."""
        signs = {"entered": "+", "completed": "-", "fired": "!", "cancelled": "x"}
        return [signs[kind] + element for kind, element in self.trace]

    @property
    def open(self) -> list[str]:
        return [task.id for task in open_tasks(self.marking)]

    @property
    def running(self) -> bool:
        return bool(self.marking["state"] == "running")

    @property
    def data(self) -> dict[str, Any]:
        return variables(self.marking)

    def of(self, kind: str) -> list[str]:
        return [element for what, element in self.trace if what == kind]

    def due(self) -> list[tuple[str, datetime]]:
        return [(timer.element, read_instant(timer.due)) for timer in timers(self.net, self.marking)]
