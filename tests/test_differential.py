"""Random processes on two engines: this one, and the library whose parser it reads with.

Only what the library's own stepper gets right is drawn: no way back into a parallel block, no inclusive
gateway (its join may fire while a branch of the block still runs, §13.4.3), no event. Each decision is made
on what the task in front of it has given, so that the data of other branches don't matter.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from conformance_lianban import run
from conformance_spiff import Stock
from corpus import Case, Step, judge
from drawing import draw

BATCH = 30
MOST_STEPS = 60


@pytest.fixture(scope="module")
def stock() -> Iterator[Stock]:
    with Stock() as library:
        yield library


@pytest.mark.parametrize("first", range(0, 120, BATCH))
def test_random_processes_take_the_same_course_on_both_engines(
    first: int, stock: Stock, tmp_path: Path
) -> None:
    for seed in range(first, first + BATCH):
        diagram = tmp_path / f"{seed}.bpmn"
        diagram.write_bytes(_Artist(seed).diagram())
        case = _walk(diagram, seed)
        seen = stock.observe(case)
        assert not isinstance(seen, tuple), f"seed {seed}: {seen}"
        assert judge(case, seen) == [], f"seed {seed}"


def _walk(diagram: Path, seed: int) -> Case:
    """Do random open tasks here until all is done: the course that the other engine has to take too."""
    pick = random.Random(seed)
    steps: list[Step] = []
    checked: list[Step] = []
    seen, _ = run(_case(diagram, steps))
    while seen.open and len(steps) < MOST_STEPS:
        task = pick.choice(seen.open)
        steps.append(Step("do", task, data={f"v_{task}": pick.randint(0, 9)}))
        seen, _ = run(_case(diagram, steps))
        checked += [steps[-1], Step("open", tasks=tuple(seen.open))]
    tasks = _case(diagram, []).tasks()
    done = [element for element in seen.completed if element in tasks]
    return _case(diagram, checked, done=tuple(done), states=(seen.state,))


def _case(diagram: Path, steps: list[Step], **expected: Any) -> Case:
    nothing: dict[str, Any] = dict.fromkeys(("passed", "avoided", "cancelled", "ignore"), frozenset())
    return Case(
        area="random",
        title="",
        name=diagram.stem,
        section="",
        diagram=diagram,
        variables={},
        steps=tuple(steps),
        done=expected.get("done", ()),
        order=(),
        **nothing,
        open=None,
        states=expected.get("states", ()),
        refused=None,
    )


class _Artist:
    """Draws a process of blocks within blocks; each block has one way in and one way out."""

    def __init__(self, seed: int) -> None:
        self.pick = random.Random(seed)
        self.count: Counter[str] = Counter()

    def diagram(self) -> bytes:
        elements, flows, first, last = self.sequence(3)
        return draw(f"start s; {elements}; end e", f"s -> {first}; {flows}; {last} -> e")

    def sequence(self, depth: int) -> tuple[str, str, str, str]:
        blocks = [self.block(depth) for _ in range(self.pick.randint(1, 3))]
        flows = [flows for _, flows, _, _ in blocks if flows]
        flows += [f"{one[3]} -> {two[2]}" for one, two in pairwise(blocks)]
        return "; ".join(block[0] for block in blocks), "; ".join(flows), blocks[0][2], blocks[-1][3]

    def block(self, depth: int) -> tuple[str, str, str, str]:
        kinds = ["user", "user", "script"] + ["xor", "and", "subprocess", "loop"] * (depth > 0)
        kind = self.pick.choice(kinds)
        match kind:
            case "user" | "script":
                task = self.name(kind)
                return f"{kind} {task}" + (f" w_{task} = 1" if kind == "script" else ""), "", task, task
            case "subprocess":
                elements, flows, first, last = self.sequence(depth - 1)
                box, begin, end = self.name("sub"), self.name("i"), self.name("o")
                inner = f"{begin} -> {first}; {flows}; {last} -> {end}"
                return f"sub {box} {{ start {begin}; {elements}; end {end} | {inner} }}", "", box, box
            case "loop":
                return self.loop()
        return self.split(kind, depth)

    def split(self, kind: str, depth: int) -> tuple[str, str, str, str]:
        """A task that decides, a gateway, its branches, and the gateway that brings them together."""
        ask, fork, join = self.name("ask"), self.name(kind), self.name(kind)
        elements, flows = [f"user {ask}; {kind} {fork}; {kind} {join}"], [f"{ask} -> {fork}"]
        branches = [self.sequence(depth - 1) for _ in range(self.pick.randint(2, 3))]
        for number, (inner, inner_flows, first, last) in enumerate(branches):
            bound = self.pick.randint(1, 8)
            condition = "" if kind == "and" else f" if v_{ask} > {bound}" if number else " default"
            elements.append(inner)
            flows += [f"{fork} -> {first}{condition}", inner_flows, f"{last} -> {join}"]
        return "; ".join(elements), "; ".join(flow for flow in flows if flow), ask, join

    def loop(self) -> tuple[str, str, str, str]:
        """A task that is done again as long as it says so."""
        again, task, check = self.name("xor"), self.name("user"), self.name("xor")
        out = self.name("script")
        flows = f"{again} -> {task} -> {check}; {check} -> {again} if v_{task} > 6; {check} -> {out} default"
        return f"xor {again}; user {task}; xor {check}; script {out} w = 1", flows, again, out

    def name(self, kind: str) -> str:
        self.count[kind] += 1
        return f"{kind}{self.count[kind]}"
