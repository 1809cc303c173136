"""What a diagram says is what happens: every case of the corpus, three times over."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import conformance_page
import pytest
from conformance_lianban import net_of, refusals, run, wrong
from corpus import FOLDER, Case, cases

from engine import rehearsal
from engine.flow.net import Net

CASES = cases()
RUN = [case for case in CASES if case.refused is None]
REFUSED = [case for case in CASES if case.refused is not None]


@pytest.mark.parametrize("case", RUN, ids=lambda case: case.id)
def test_a_diagram_runs_as_the_standard_says(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    assert net_of(case) is not None, "refused: " + "; ".join(str(p.message) for p in refusals(case))
    seen, printed = run(case)
    assert wrong(case, seen) == []
    assert run(case)[1] == printed, "a replay differs"
    taken = _save_and_load_after_each_step(monkeypatch)
    assert run(case)[1] == printed, "saved and loaded after each step it runs differently"
    assert taken


def _save_and_load_after_each_step(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Let net and marking go through JSON text at every step."""
    step, taken = vars(rehearsal)["step"], []

    def stored(net: Net, marking: Any, given: Any, *rest: Any) -> Any:
        taken.append(given)
        again = Net.from_json(json.loads(json.dumps(net.to_json(), sort_keys=True)))
        after, effects = step(again, json.loads(json.dumps(marking, sort_keys=True)), given, *rest)
        return json.loads(json.dumps(after, sort_keys=True)), effects

    monkeypatch.setattr(rehearsal, "step", stored)
    return taken


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.id)
def test_what_is_not_run_is_refused_by_name_with_a_remedy(case: Case) -> None:
    assert net_of(case) is None
    found = refusals(case)
    assert case.refused in [problem.element for problem in found]
    for problem in found:
        assert str(problem.message)
        assert str(problem.remedy)


def test_another_interpreter_with_another_hash_seed_prints_the_same_bytes() -> None:
    digests = []
    for seed in ("1", "4711"):
        done = subprocess.run(
            [sys.executable, str(Path(__file__))],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            check=True,
        )
        digests.append(done.stdout)
    assert digests[0] == digests[1] != b""


def test_every_diagram_of_the_corpus_belongs_to_a_case() -> None:
    assert {case.diagram for case in CASES} == set(FOLDER.glob("*/*.bpmn"))
    assert len({case.id for case in CASES}) == len(CASES)


def test_the_published_table_says_what_is_measured() -> None:
    text = conformance_page.PAGE.read_text(encoding="utf-8")
    _, stock = conformance_page.on_page()
    assert conformance_page.page(conformance_page.measure_here(), stock) == text, "run `make conformance`"


if __name__ == "__main__":
    whole = hashlib.sha256()
    for one in RUN:
        if net_of(one) is not None:
            whole.update(json.dumps(net_of(one).to_json()).encode())  # type: ignore[union-attr]
            whole.update(run(one)[1].encode())
    print(whole.hexdigest())
