"""Gateways wired at random, judged by a token game that follows the standard's sentences word by word.

The game knows flows, tasks and gateways (§13.3.1, §13.4.1 to §13.4.3) and nothing of the engine.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from dataclasses import dataclass, field

import pytest
from drawing import draw

from engine.flow.read import read
from engine.rehearsal import rehearse

BATCH = 60
STEPS = 12
MOST_TOKENS = 30


@dataclass(frozen=True)
class Arrow:
    """A sequence flow; taken by a deciding gateway if `v > above`, or as its default."""

    source: str
    target: str
    above: int | None = None
    default: bool = False


@dataclass
class Game:
    """Tokens on flows into joins, and tasks that are open, oldest first."""

    kinds: dict[str, str]
    arrows: list[Arrow]
    open: list[str] = field(default_factory=list)
    waiting: Counter[int] = field(default_factory=Counter)
    moving: deque[int] = field(default_factory=deque)

    def into(self, node: str) -> list[int]:
        return [i for i, arrow in enumerate(self.arrows) if arrow.target == node]

    def out_of(self, node: str) -> list[int]:
        return [i for i, arrow in enumerate(self.arrows) if arrow.source == node]

    def leave(self, node: str, v: int) -> None:
        """§13.4.1: all flows. §13.4.2: the first true one. §13.4.3: all true ones. Else the default."""
        flows = self.out_of(node)
        true = [i for i in flows if (above := self.arrows[i].above) is not None and v > above]
        if self.kinds[node] in ("xor", "or") and len(flows) > 1:
            flows = true[:1] if self.kinds[node] == "xor" else true
            flows = flows or [i for i in self.out_of(node) if self.arrows[i].default]
        self.moving.extend(flows)

    def settle(self, v: int) -> None:
        while True:
            while self.moving:
                self.arrive(self.moving.popleft(), v)
            node = next((n for n, kind in self.kinds.items() if kind == "or" and self.activated(n)), None)
            if node is None:
                return
            self.join(node, v)

    def arrive(self, flow: int, v: int) -> None:
        node = self.arrows[flow].target
        match self.kinds[node]:
            case "user":
                self.open.append(node)
            case "and" | "or" if len(self.into(node)) > 1:
                self.waiting[flow] += 1
                # §13.4.1: at least one token on each incoming flow
                if self.kinds[node] == "and" and all(self.waiting[i] for i in self.into(node)):
                    self.join(node, v)
            case "end":
                pass
            case _:
                self.leave(node, v)

    def join(self, node: str, v: int) -> None:
        for flow in self.into(node):
            self.waiting[flow] -= self.waiting[flow] > 0
        self.leave(node, v)

    def activated(self, node: str) -> bool:
        """§13.4.3, the three dots and the three dashes."""
        incoming = self.into(node)
        full = {flow for flow in incoming if self.waiting[flow]}
        if not full or len(incoming) == 1:
            return False
        starts = [[flow] for flow, count in self.waiting.items() if count and flow not in incoming]
        starts += [self.out_of(task) for task in self.open]
        for start in starts:
            reached = self.paths(start, node)
            if reached & (set(incoming) - full) and not reached & full:
                return False
        return True

    def paths(self, start: list[int], avoided: str) -> set[int]:
        """All flows on paths that begin with `start` and do not visit the gateway."""
        found: set[int] = set()
        queue = list(start)
        while queue:
            flow = queue.pop()
            if flow not in found:
                found.add(flow)
                if self.arrows[flow].target != avoided:
                    queue.extend(self.out_of(self.arrows[flow].target))
        return found

    @property
    def tokens(self) -> int:
        return len(self.open) + sum(self.waiting.values())


def wired(seed: int) -> Game:
    """Tasks and gateways; every way back leads through a task."""
    pick = random.Random(seed)
    tasks = [f"t{i}" for i in range(pick.randint(3, 6))]
    gates = [f"g{i}" for i in range(pick.randint(3, 6))]
    kinds = {"s": "start", **dict.fromkeys(tasks, "user"), "e": "end"}
    kinds |= {gate: pick.choice(("xor", "and", "or", "or", "or")) for gate in gates}
    arrows = [Arrow("s", pick.choice(gates[:2]))]
    arrows += [Arrow(task, pick.choice([*gates, *gates, *tasks, "e"])) for task in tasks]
    for place, gate in enumerate(gates):
        later = [*gates[place + 1 :], *tasks]
        targets = pick.sample(later, min(len(later), pick.choice((1, 1, 2, 2, 3))))
        if pick.random() < 0.2:
            targets.append("e")
        for number, target in enumerate(targets):
            decides = kinds[gate] != "and" and len(targets) > 1
            default = decides and number == len(targets) - 1
            arrows.append(
                Arrow(gate, target, pick.randint(0, 8) if decides and not default else None, default)
            )
    # What can't be reached would be refused.
    reached = {"s"}
    for _ in kinds:
        reached |= {arrow.target for arrow in arrows if arrow.source in reached}
    drawn = [arrow for arrow in arrows if arrow.source in reached]
    return Game({node: kind for node, kind in kinds.items() if node in reached}, drawn)


def diagram(game: Game) -> bytes:
    flows = []
    for arrow in game.arrows:
        condition = " default" if arrow.default else "" if arrow.above is None else f" if v > {arrow.above}"
        flows.append(f"{arrow.source} -> {arrow.target}{condition}")
    return draw("; ".join(f"{kind} {node}" for node, kind in game.kinds.items()), "; ".join(flows))


@pytest.mark.parametrize("first", range(0, 600, BATCH))
def test_gateways_wired_at_random_follow_the_token_game(first: int) -> None:
    played = 0
    for seed in range(first, first + BATCH):
        game = wired(seed)
        net, problems = read({"diagram.bpmn": diagram(game)})
        assert net is not None, f"seed {seed}: {problems}"
        pick = random.Random(seed)
        game.moving.extend(game.out_of("s"))
        game.settle(0)
        steps: list[dict[str, object]] = []
        while True:
            result = rehearse(net, {"start": "2026-03-02", "variables": {"v": 0}, "steps": steps})
            assert sorted(result.open) == sorted(game.open), f"seed {seed} after {steps}"
            ended = "completed" if game.tokens == 0 else "running"
            assert result.state == ended, f"seed {seed} after {steps}"
            if not game.open or len(steps) == STEPS or game.tokens > MOST_TOKENS:
                break
            task, v = pick.choice(sorted(game.open)), pick.randint(0, 9)
            steps.append({"complete": task, "data": {"v": v}})
            game.open.remove(task)
            game.leave(task, v)
            game.settle(v)
        played += len(steps)
    assert played > BATCH
