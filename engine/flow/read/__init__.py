"""Diagrams → net: SpiffWorkflow reads and checks, we compile its specs (design §4).

A diagram is run as BPMN 2.0.2 says, or it is refused here with the element's name and what to draw
instead. At the end every flow element is counted: it is in the net, or in a problem.

`source` makes safe, uniform XML of bytes · `dialect` knows the vendors' extensions · `support` says which
elements are run · `diagram` lets Spiff read them · `compile` makes scopes of that · `structure` and `terms`
check connections and expressions · `decisions` reads DMN.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lxml import etree
from msgspec.structs import replace

from ...errors import Problem, say
from ..net import Net
from . import decisions
from .compile import Process, compile_process
from .decisions import Decision, parse_decisions
from .diagram import Diagram
from .dialect import called_process
from .findings import BPMN, Findings, is_true, label, local
from .source import DEEPEST, FLOW_ELEMENTS, FLOW_NODES, parse_diagram
from .triggers import definitions_of

__all__ = ["Reading", "examine", "read"]


@dataclass(frozen=True)
class Reading:
    """What came of reading. `net` can be run; it is None if a problem is an error.

    `sketch` is the process as far as it could be seen, to check the rest of an item against and never to run;
    None if not even that much could be read. `unread` are the ids of elements of which it shows too little.
    """

    net: Net | None
    sketch: Net | None
    unread: frozenset[str]
    problems: list[Problem]


def read(files: Mapping[str, bytes], process: str | None = None) -> tuple[Net | None, list[Problem]]:
    """Compile a process and everything it calls into one net.

    `files` are decision models (`*.dmn`) and diagrams (all others) by name. `process` is the id of the
    process to run; without it, the executable process that no other one calls, else the one with flow nodes
    that no other one calls; of several the one that begins without a trigger, if only one does.
    Returns the net, or None if a problem is an error, and all problems; raises nothing.
    """
    reading = examine(files, process)
    return reading.net, reading.problems


def examine(files: Mapping[str, bytes], process: str | None = None) -> Reading:
    """As `read`, with a sketch of what can't be run."""
    return _Reader(files).read(process)


class _Reader:
    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.problems: list[Problem] = []
        self.diagrams: dict[str, Diagram] = {}
        """The diagram that holds a process, by process id."""
        self.everywhere = Findings(next(iter(files), ""), self.problems)
        self.unopened = False
        """Whether a file could not be opened: what is not found may be in it."""
        self.decision_files = {name: data for name, data in files.items() if name.lower().endswith(".dmn")}
        for name, data in files.items():
            if name not in self.decision_files:
                self._add_diagram(data, Findings(name, self.problems))

    def _add_diagram(self, data: bytes, findings: Findings) -> None:
        root = parse_diagram(data, findings)
        diagram = None if root is None else Diagram.open(root, findings)
        if diagram is None:
            self.unopened = True
            return
        for process_id, element in diagram.processes.items():
            if process_id in self.diagrams:
                findings.error(
                    "bpmn.duplicate_id",
                    element,
                    say("{element} is in two files", element=label(element)),
                    remedy=say("give each process an id of its own"),
                )
            self.diagrams[process_id] = diagram

    def read(self, wanted: str | None) -> Reading:
        root = self._choose(wanted)
        if root is None:
            return Reading(None, None, frozenset(), self.problems)
        processes = self._compile(root)
        scopes = {scope.id: scope for process in processes.values() for scope in process.scopes.values()}
        self._check_calls(root, processes)
        tables = self._tables(processes)
        for process_id, diagram in self.diagrams.items():
            element = diagram.processes[process_id]
            if process_id not in processes and _has_nodes(element):
                diagram.findings.warning(
                    "process.not_run",
                    element,
                    say("{element} is not part of this run", element=label(element)),
                    remedy=say("call it from a call activity, or publish it by itself"),
                )
        if not self._failed():
            self._count(processes)
        net = None if self._failed() else Net(root, scopes, tables)
        unread = frozenset(id for process in processes.values() for id in process.unread)
        return Reading(net, net or _sketch(root, processes, tables), unread, self.problems)

    def _failed(self) -> bool:
        return any(problem.severity == "error" for problem in self.problems)

    def _choose(self, wanted: str | None) -> str | None:
        if wanted is not None:
            if wanted in self.diagrams:
                return wanted
            if self.unopened:
                return None
            self.everywhere.error(
                "process.unknown",
                None,
                say("there is no process {id}", id=wanted),
                found=say("processes: {known}", known=", ".join(self.diagrams)),
                remedy=say("name one of them"),
            )
            return None
        drawn = {i: d.processes[i] for i, d in self.diagrams.items()}
        called = {
            called_process(call) for element in drawn.values() for call in element.iter(BPMN + "callActivity")
        }
        free = [i for i in drawn if i not in called] or list(drawn)
        candidates = [i for i in free if _has_nodes(drawn[i])]
        candidates = [i for i in candidates if is_true(drawn[i].get("isExecutable"))] or candidates
        if len(by_themselves := [i for i in candidates if _begins_by_itself(drawn[i])]) == 1:
            candidates = (
                by_themselves  # the others begin when a message comes, in a conversation of several pools
            )
        if len(candidates) > 1:
            self.diagrams[candidates[1]].findings.error(
                "process.several",
                drawn[candidates[1]],
                say("the files hold several processes that could be the one to run"),
                found=say("processes: {known}", known=", ".join(candidates)),
                remedy=say("mark only one of them as executable; the others are then not part of the run"),
            )
            return None
        chosen = next(iter(candidates + free), None)
        if chosen is None and not self._failed():
            self.everywhere.error(
                "process.none",
                None,
                say("there is no process"),
                remedy=say("draw a process and save it as .bpmn"),
            )
        return chosen

    def _compile(self, root: str) -> dict[str, Process]:
        """The process and everything it calls, each once, in the order of discovery."""
        processes: dict[str, Process] = {}
        waiting = [root]
        for process_id in waiting:
            if process_id in processes:
                continue
            process = processes[process_id] = compile_process(self.diagrams[process_id], process_id)
            for call, called in process.calls:
                if called in self.diagrams:
                    waiting.append(called)
                    continue
                if self.unopened:
                    continue
                process.findings.error(
                    "call.unknown_process",
                    call,
                    say(
                        "{element} calls {process}, which is in none of the files",
                        element=label(call),
                        process=called,
                    ),
                    found=say("processes: {known}", known=", ".join(self.diagrams)),
                    remedy=say("add the called process's diagram, or correct the called element"),
                )
        return processes

    def _check_calls(self, root: str, processes: dict[str, Process]) -> None:
        """No process calls itself, however indirectly; calls are not too deep; each has a way to begin."""
        level = {root: 1}
        circular: set[tuple[str, str]] = set()
        path = [(root, iter(processes[root].calls))]
        while path:
            process_id, calls = path[-1]
            process = processes[process_id]
            call, called = next(calls, (None, ""))
            if call is None:
                path.pop()
            elif called not in processes:
                continue
            elif any(called == above for above, _ in path):
                if (process_id, call.get("id", "")) in circular:
                    continue
                circular.add((process_id, call.get("id", "")))
                process.findings.error(
                    "call.recursive",
                    call,
                    say(
                        "{element} calls {process}, which is running already",
                        element=label(call),
                        process=called,
                    ),
                    remedy=say("draw a flow back instead of a call"),
                )
            elif level.get(called, 0) <= len(path):
                level[called] = len(path) + 1
                if level[called] > DEEPEST:
                    process.findings.error(
                        "call.too_deep",
                        call,
                        say(
                            "{element} is the {depth}th call inside a call",
                            element=label(call),
                            depth=len(path),
                        ),
                        remedy=say("embed some of the called processes"),
                    )
                    return
                path.append((called, iter(processes[called].calls)))
        for process in processes.values():
            for call, called in process.calls:
                if called in processes and _needs_trigger(processes[called]):
                    process.findings.error(
                        "call.no_plain_start",
                        call,
                        say(
                            "{element} calls {process}, which only starts by an event",
                            element=label(call),
                            process=called,
                        ),
                        remedy=say("give the called process a start event without a trigger"),
                    )

    def _tables(self, processes: dict[str, Process]) -> dict[str, dict[str, Any]]:
        """The decision tables that business rule tasks ask; decision files are only read if there are any."""
        rules = [(process, *rule) for process in processes.values() for rule in process.rules]
        known: dict[str, list[Decision]] = {}
        before = len(self.problems)
        for file, data in self.decision_files.items() if rules else ():
            for decision in parse_decisions(data, Findings(file, self.problems)):
                known.setdefault(decision.id, []).append(decision)
        unopened = any(problem.severity == "error" for problem in self.problems[before:])
        tables: dict[str, dict[str, Any] | None] = {}
        for process, scope, task, name in rules:
            if name not in known:
                if unopened:
                    continue
                process.findings.error(
                    "rule.unknown_decision",
                    task,
                    say(
                        "{element} asks decision {name}, which is in none of the files",
                        element=label(task),
                        name=name,
                    ),
                    found=say("decisions: {known}", known=", ".join(known)),
                    remedy=say("put the .dmn file beside the diagram, or correct the decision's id"),
                )
                continue
            if name not in tables:
                for again in known[name][1:]:
                    again.findings.error(
                        "dmn.duplicate_id",
                        again.element,
                        say("{element} is there more than once", element=label(again.element)),
                        remedy=say("give each decision an id of its own"),
                    )
                tables[name] = decisions.table(known[name][0])
            if (spec := tables[name]) is not None:
                _name_result(process, scope, task, spec)
        return {name: spec for name, spec in tables.items() if spec is not None}

    def _count(self, processes: dict[str, Process]) -> None:
        """Every flow element that is drawn must be in the net: here nothing else is left to be silent."""
        for process in processes.values():
            kept = {i for scope in process.scopes.values() for i in (*scope.nodes, *scope.flows)}
            for element in process.element.iter(BPMN + "*"):
                if local(element) in FLOW_ELEMENTS and element.get("id") not in kept:
                    process.findings.error(
                        "read.lost",
                        element,
                        say("{element} stands where it has no meaning", element=label(element)),
                        remedy=say("draw it directly in the process or in a subprocess"),
                    )


def _name_result(process: Process, scope: str, task: etree._Element, spec: dict[str, Any]) -> None:
    """Give a business rule task without a result variable the one its table implies."""
    nodes = process.scopes[scope].nodes
    node = nodes[task.get("id", "")]
    if node.result is not None:
        return
    try:
        nodes[node.id] = replace(node, result=decisions.result_name(spec))
    except ValueError:
        process.findings.error(
            "rule.no_result",
            task,
            say(
                "{element}: decision {name} gives something that needs a name",
                element=label(task),
                name=spec["id"],
            ),
            remedy=say("name a result variable"),
        )


def _sketch(root: str, processes: Mapping[str, Process], tables: dict[str, dict[str, Any]]) -> Net:
    """The net with what could not be read. An event subprocess counts only if it begins in one way."""
    scopes = {scope.id: scope for process in processes.values() for scope in process.sketch.values()}
    for scope in scopes.values():
        for node in scope.handlers:
            body = scopes.get(node.body or "")
            if body is None or sum(inner.kind == "start" for inner in body.nodes.values()) != 1:
                nodes = {**scopes[scope.id].nodes, node.id: replace(node, kind="subprocess")}
                scopes = {**scopes, scope.id: replace(scopes[scope.id], nodes=nodes)}
    return Net(root, scopes, tables)


def _needs_trigger(process: Process) -> bool:
    scope = process.scopes[process.id]
    starts = [scope.nodes[i] for i in scope.starts]
    return bool(starts) and all(
        n.kind == "start" and n.event is not None and n.event.kind != "none" for n in starts
    )


def _begins_by_itself(process: etree._Element) -> bool:
    """Whether a process has a way to begin without a trigger (§10.5.2)."""
    starts = process.findall(BPMN + "startEvent")
    return not starts or not all(definitions_of(start) for start in starts)


def _has_nodes(process: etree._Element) -> bool:
    return any(local(element) in FLOW_NODES for element in process)
