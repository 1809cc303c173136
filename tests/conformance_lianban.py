"""The corpus on lianban: through the real reader and `rehearse`."""

from __future__ import annotations

import functools
import json
from collections import Counter
from pathlib import Path
from typing import Any

from corpus import BEGINNING, Case, Observed, Step, judge

from engine.errors import Problem
from engine.flow.net import Net
from engine.flow.read import read
from engine.rehearsal import Rehearsal, rehearse


@functools.cache
def _read(diagram: Path) -> tuple[Net | None, tuple[Problem, ...]]:
    files = {path.name: path.read_bytes() for path in (diagram, *sorted(diagram.parent.glob("*.dmn")))}
    net, problems = read(files)
    return net, tuple(problems)


def net_of(case: Case) -> Net | None:
    return _read(case.diagram)[0]


def refusals(case: Case) -> list[Problem]:
    return [problem for problem in _read(case.diagram)[1] if problem.severity == "error"]


def run(case: Case) -> tuple[Observed, str]:
    """What happens, and the printed result as text."""
    net = net_of(case)
    assert net is not None
    given: list[dict[str, Any]] = []
    seen = Observed()
    for step in case.steps:
        if step.what == "open":
            seen.opened.append(sorted(_rehearse(net, case, given).open))
        elif step.which > 1:
            given.append({"complete": _identity(step, _rehearse(net, case, given)), "data": step.data})
        else:
            given.append(_step(step))
    result = _rehearse(net, case, given)
    seen.completed = [effect.element for _, effect in result.trace if effect.kind == "completed"]
    seen.cancelled = {effect.element for _, effect in result.trace if effect.kind == "cancelled"}
    seen.open, seen.state = sorted(result.open), result.state
    if result.problem is not None:
        seen.trouble = str(result.problem.message)
    return seen, json.dumps(result.as_dict(), ensure_ascii=False, sort_keys=True)


def wrong(case: Case, seen: Observed) -> list[str]:
    """What is not as the standard says, with what only this engine's trace tells."""
    found = judge(case, seen)
    if missing := case.cancelled - seen.cancelled:
        found.append(f"not cancelled: {' '.join(sorted(missing))}")
    return found


def verdict(case: Case) -> tuple[str, str]:
    """`runs`, `refused` or `wrong`, and why."""
    found = refusals(case)
    if net_of(case) is None:
        named = [f for f in found if case.refused in (None, f.element)]
        reasons = "; ".join(str(f.message) for f in found)
        return ("refused", reasons) if named else ("wrong", f"refused for another reason: {reasons}")
    if case.refused is not None:
        return "wrong", "is run although it should be refused"
    complaints = wrong(case, run(case)[0])
    return ("wrong", "; ".join(complaints)) if complaints else ("runs", "")


def _rehearse(net: Net, case: Case, steps: list[dict[str, Any]]) -> Rehearsal:
    return rehearse(net, {"start": BEGINNING.isoformat(), "variables": case.variables, "steps": steps})


def _step(step: Step) -> dict[str, Any]:
    if step.what == "advance":
        return {"advance_to": step.name}
    return {{"do": "complete"}.get(step.what, step.what): step.name, "data": step.data}


def _identity(step: Step, so_far: Rehearsal) -> str:
    """The name of the n-th open visit of the element, oldest first, taken from the trace."""
    ids: Counter[str] = Counter()
    for _, effect in so_far.trace:
        if effect.element == step.name:
            ids[effect.id] += {"entered": 1, "completed": -1, "cancelled": -1}.get(effect.kind, 0)
    waiting = [name for name, count in ids.items() if count > 0]
    return waiting[step.which - 1] if len(waiting) >= step.which else step.name
