"""The corpus on stock SpiffWorkflow: its parser, its stepper, its serializer, through its documented calls.

`python tests/conformance_spiff.py` takes case ids on lines of standard input and answers each with a line
of JSON; `Stock` starts such a process, and another one whenever a case takes too long.

What the library can't be blamed for is done for it: constant times are written as the Python texts that it
expects, its clock is ours, each timer's moment is visited in order, correlation keys are calculated, and
tasks without a type are completed on arrival. A message nobody waits for is dropped, as the library does.
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

from corpus import BEGINNING, Case, Observed, Step, cases, judge
from lxml import etree

PATIENCE = 20.0
"""Seconds for one case, which takes milliseconds."""


class Stock:
    """The library in a process of its own."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str] = queue.Queue()

    def __enter__(self) -> Stock:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._stop()

    def verdict(self, case: Case, *, saved: bool = False) -> tuple[str, str]:
        """`right`, `wrong`, `refused` or `hangs`, and why."""
        found = self.observe(case, saved=saved)
        if isinstance(found, tuple):
            return found
        if not case.states:
            return "wrong", "runs what is not BPMN"
        complaints = judge(case, found)
        return ("wrong", "; ".join(complaints)) if complaints else ("right", "")

    def observe(self, case: Case, *, saved: bool = False) -> Observed | tuple[str, str]:
        """What happened, or `refused` or `hangs` and why."""
        if self._process is None:
            self._start()
        assert self._process is not None and self._process.stdin is not None
        self._process.stdin.write(json.dumps({"case": _to_json(case), "saved": saved}) + "\n")
        self._process.stdin.flush()
        try:
            line = self._lines.get(timeout=PATIENCE)
        except queue.Empty:
            self._stop()
            return "hangs", f"not done after {PATIENCE:g} seconds"
        if not line:
            self._stop()
            return "wrong", "the interpreter died"
        answer = json.loads(line)
        if "refused" in answer:
            return "refused", answer["refused"]
        return Observed(**{**answer, "cancelled": set(answer["cancelled"])})

    def _start(self) -> None:
        lines: queue.Queue[str] = queue.Queue()
        self._lines = lines
        self._process = process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

        def listen() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                lines.put(line)
            lines.put("")

        threading.Thread(target=listen, daemon=True).start()

    def _stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def _to_json(case: Case) -> dict[str, Any]:
    return {
        "diagram": str(case.diagram),
        "variables": case.variables,
        "steps": [vars(step) for step in case.steps],
    }


# --- in the process of its own


class _Clock(datetime):
    """`datetime` with a `now` that is ours."""

    at = BEGINNING.astimezone(UTC)

    @classmethod
    def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
        return cls.at.astimezone(tz)


def _play(diagram: Path, variables: dict[str, Any], steps: list[Step], saved: bool) -> Observed:
    from SpiffWorkflow.bpmn import BpmnWorkflow
    from SpiffWorkflow.bpmn.parser import BpmnParser
    from SpiffWorkflow.bpmn.serializer import BpmnWorkflowSerializer
    from SpiffWorkflow.bpmn.specs.event_definitions import timer

    timer.datetime = _Clock
    _Clock.at = BEGINNING.astimezone(UTC)
    serializer = BpmnWorkflowSerializer()
    parser = BpmnParser()
    tables = sorted(diagram.parent.glob("*.dmn")) if b"businessRuleTask" in diagram.read_bytes() else []
    if tables:
        from SpiffWorkflow.camunda.parser import CamundaParser
        from SpiffWorkflow.camunda.serializer import DEFAULT_CONFIG

        parser = CamundaParser()
        serializer = BpmnWorkflowSerializer(BpmnWorkflowSerializer.configure(DEFAULT_CONFIG))
        for table in tables:
            parser.add_dmn_file(str(table))
    try:
        parser.add_bpmn_xml(_in_its_words(diagram), str(diagram))
        spec, others = parser.get_spec("p"), parser.get_subprocess_specs("p")
        workflow = BpmnWorkflow(spec, others)
    except Exception as error:
        raise _Refused(f"{type(error).__name__}: {error}") from error
    return _Player(workflow, variables, serializer if saved else None).play(steps)


class _Refused(Exception):
    pass


def _in_its_words(diagram: Path) -> Any:
    """The diagram with constant times as Python texts: in its dialect a timer is an expression."""
    root = etree.fromstring(diagram.read_bytes())
    for tag in ("timeDate", "timeDuration", "timeCycle"):
        for element in root.iter("{http://www.omg.org/spec/BPMN/20100524/MODEL}" + tag):
            text = (element.text or "").strip()
            if not text.isidentifier() or text.startswith("P"):
                element.text = repr(text)
    return root


class _Player:
    def __init__(self, workflow: Any, variables: dict[str, Any], serializer: Any) -> None:
        from SpiffWorkflow.util.task import TaskState

        self.states = TaskState
        self.workflow = workflow
        self.serializer = serializer
        for task in workflow.get_tasks(state=TaskState.READY | TaskState.WAITING):
            task.data.update(variables)

    def play(self, steps: list[Step]) -> Observed:
        seen = Observed()
        try:
            self._settle()
            for step in steps:
                if step.what == "open":
                    seen.opened.append(sorted(self._name(task) for task in self._open()))
                else:
                    self._do(step)
                    self._settle()
        except Exception as error:  # noqa: BLE001 - whatever the library raises ends the run
            seen.state, seen.trouble = "error", f"{type(error).__name__}: {error}"
        seen.open = sorted(self._name(task) for task in self._open())
        done = sorted(self._tasks(self.states.COMPLETED), key=lambda task: task.last_state_change)
        seen.completed = [self._name(task) for task in done if not self._is_host(task)]
        if seen.state != "error":
            seen.state = "completed" if self.workflow.is_completed() else "running"
        return seen

    def _settle(self) -> None:
        for _ in range(1000):
            self.workflow.do_engine_steps()
            self.workflow.refresh_timers()
            automatic = [t for t in self._tasks(self.states.READY) if self._is_abstract(t)]
            if not automatic and not self._ready():
                break
            for task in automatic:
                task.run()
        if self.serializer is not None:
            text = self.serializer.serialize_json(self.workflow)
            self.workflow = self.serializer.deserialize_json(text)

    def _ready(self) -> bool:
        return any(not task.task_spec.manual for task in self._tasks(self.states.READY))

    def _do(self, step: Step) -> None:
        from SpiffWorkflow.bpmn.specs.event_definitions.item_aware_event import SignalEventDefinition
        from SpiffWorkflow.bpmn.specs.event_definitions.message import MessageEventDefinition

        if step.what == "advance":
            self._advance(datetime.fromisoformat(step.name).astimezone(UTC))
        elif step.what == "message":
            self._send(MessageEventDefinition(step.name), step.data)
        elif step.what == "signal":
            self._send(SignalEventDefinition(step.name), step.data)
        else:
            waiting = [task for task in self._open() if self._name(task) == step.name]
            if len(waiting) < step.which:
                raise LookupError(f"{step.name} is not open")
            task = waiting[step.which - 1]
            task.set_data(**step.data)
            task.run()

    def _send(self, definition: Any, data: dict[str, Any]) -> None:
        from SpiffWorkflow.bpmn.util import BpmnEvent
        from SpiffWorkflow.exceptions import WorkflowException

        event = BpmnEvent(definition, payload=data)
        for waiting in self.workflow.waiting_events():
            if waiting.name == definition.name and isinstance(waiting.value, list):
                engine = self.workflow.script_engine
                event.correlations = definition.calculate_correlations(engine, waiting.value, data)
        try:
            self.workflow.send_event(event)
        except WorkflowException as error:
            if "not waiting" not in str(error):
                raise

    def _advance(self, until: datetime) -> None:
        for _ in range(500):
            due = [at for at in map(self._due, self.workflow.waiting_events()) if at is not None]
            later = [at for at in due if _Clock.at < at <= until]
            if not later:
                break
            # It compares with <, so the moment itself is not yet one.
            _Clock.at = min(later) + timedelta(microseconds=1)
            self._settle()
        _Clock.at = max(_Clock.at, until + timedelta(microseconds=2))

    @staticmethod
    def _due(event: Any) -> datetime | None:
        try:
            return datetime.fromisoformat(event.value).astimezone(UTC)
        except (TypeError, ValueError):
            return None

    def _tasks(self, state: Any) -> list[Any]:
        return [t for t in self.workflow.get_tasks(state=state) if self._name(t)]

    def _open(self) -> list[Any]:
        ready = [t for t in self._tasks(self.states.READY) if t.task_spec.manual and not self._is_abstract(t)]
        return sorted(ready, key=lambda task: task.last_state_change)

    @staticmethod
    def _name(task: Any) -> str:
        return getattr(task.task_spec, "bpmn_id", None) or ""

    @staticmethod
    def _is_abstract(task: Any) -> bool:
        from SpiffWorkflow.bpmn.specs.mixins import NoneTaskMixin

        return isinstance(task.task_spec, NoneTaskMixin)

    @staticmethod
    def _is_host(task: Any) -> bool:
        """Whether the task only stands for the instances of a multi-instance or looping activity."""
        from SpiffWorkflow.bpmn.specs.mixins.multiinstance_task import LoopTask

        return isinstance(task.task_spec, LoopTask)


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    case = request["case"]
    steps = [Step(**{**step, "tasks": tuple(step["tasks"])}) for step in case["steps"]]
    try:
        seen = _play(Path(case["diagram"]), case["variables"], steps, request["saved"])
    except _Refused as refusal:
        return {"refused": str(refusal)}
    return {**vars(seen), "cancelled": sorted(seen.cancelled)}


if __name__ == "__main__":
    if sys.argv[1:]:
        with Stock() as stock:
            for one in cases():
                if sys.argv[1] in one.id:
                    print(one.id, stock.verdict(one), stock.verdict(one, saved=True))
    else:
        for request in sys.stdin:
            print(json.dumps(_answer(json.loads(request))), flush=True)
