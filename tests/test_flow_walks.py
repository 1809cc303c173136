"""Random diagrams with everything that runs, and random people in them, without an office.

After every step the marking goes through JSON with its keys in another order, and the same step is taken
from the marking as it was kept: what happened must be the same, byte for byte.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from drawing import draw
from runs import MONDAY
from walks import Sketch, answers

from engine.clock import OFFICE_ZONE, Workdays, read_instant, shipped
from engine.errors import Invalid
from engine.flow.marking import Marking, awaited, open_tasks, timers
from engine.flow.net import Net
from engine.flow.read import read
from engine.flow.step import Almanac, Complete, Effect, Fire, Message, Retry, Start, step

HOURS = Workdays(shipped())
ALMANAC = Almanac(lambda _: HOURS)


def backwards(value: Any) -> Any:
    """The same data with the keys of every record the other way round."""
    if isinstance(value, dict):
        return {key: backwards(value[key]) for key in sorted(value, reverse=True)}
    return [backwards(part) for part in value] if isinstance(value, list) else value


class Walk:
    """One run of a random diagram, kept and stored side by side."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        drawn = Sketch(random.Random(seed), 14, 4, rare=0.6)
        drawn.whole()
        if seed % 2:
            drawn.handler()
        net, problems = read({"p.bpmn": draw(";".join(drawn.elements), ";".join(drawn.flows))})
        assert net is not None, [str(problem.message) for problem in problems]
        self.net = net
        self.stored_net = Net.from_json(json.loads(json.dumps(net.to_json(), sort_keys=True)))
        self.now = MONDAY
        self.kept: Marking | None = None
        self.stored: Any = None
        self.effects: list[Effect] = []
        many = {"many": [1, 2, {"three": [3]}], "answers": []}
        every = {f"v{n}": self.chance.random() < 0.5 for n in range(1, 7)}
        self.take(Start({**every, **many}, OFFICE_ZONE))

    def take(self, given: Any) -> None:
        before = json.dumps(self.kept)
        kept, effects = step(self.net, self.kept, given, self.now, ALMANAC)
        assert json.dumps(self.kept) == before, "a step leaves the marking that it is given as it was"
        stored, again = step(self.stored_net, self.stored, given, self.now, ALMANAC)
        assert repr(effects) == repr(again)
        assert json.dumps(kept, sort_keys=True) == json.dumps(stored, sort_keys=True)
        self.kept, self.stored = kept, backwards(json.loads(json.dumps(stored)))
        self.effects += effects
        self.check()

    def check(self) -> None:
        """What holds of every marking."""
        assert self.kept is not None
        frames = self.kept["frames"]
        for frame_id, frame in frames.items():
            assert frame_id == "" or frame["owner"] in frames[frame["up"]]["live"]
        for effect in self.effects:
            assert effect.element in self.net.scopes[effect.scope].nodes or effect.kind == "ended"

    def go(self, steps: int) -> None:
        for _ in range(steps):
            if self.kept is None or self.kept["state"] != "running":
                return
            try:
                self.take(self.anything())
            except Invalid as refusal:
                assert refusal.code == "process.endless"  # a rework that nobody has to do
                return

    def anything(self) -> Any:
        assert self.kept is not None
        tasks = [task.id for task in open_tasks(self.kept)]
        messages = [waiting.name for waiting in awaited(self.net, self.kept, "message")]
        stuck = [
            visit_id
            for frame in self.kept["frames"].values()
            for visit_id, visit in frame["live"].items()
            if visit["wait"] == "incident"
        ]
        due = timers(self.net, self.kept)[:1]
        if due and (self.chance.random() < 0.25 or not tasks + messages + stuck):
            self.now = max(self.now, read_instant(due[0].due))
            return Fire(due[0].timer)
        self.now += timedelta(minutes=self.chance.randint(0, 90))
        if due and read_instant(due[0].due) < self.now:
            self.now = read_instant(due[0].due)
            return Fire(due[0].timer)
        kinds = [kind for kind, found in (("do", tasks), ("tell", messages), ("retry", stuck)) if found]
        match self.chance.choice(kinds or ["tell"]):
            case "do":
                return Complete(self.chance.choice(sorted(tasks)), answers(self.chance))
            case "retry":
                return Retry(self.chance.choice(sorted(stuck)), {f"v{n}": True for n in range(1, 7)})
        known = sorted(
            trigger.name or ""
            for scope in self.net.scopes.values()
            for node in scope.nodes.values()
            if node.event is not None
            for trigger in node.event.parts or (node.event,)
            if trigger.kind == "message" and node.kind not in ("end", "send", "throw")
        )
        return Message(self.chance.choice(sorted(messages) or known or ["nothing"]), answers(self.chance))


@pytest.mark.parametrize("tenth", range(10))
def test_a_marking_that_was_stored_goes_on_exactly_like_one_that_was_kept(tenth: int) -> None:
    met: Counter[str] = Counter()
    for seed in range(tenth * 12, tenth * 12 + 12):
        walk = Walk(seed)
        walk.go(60)
        met.update(effect.kind for effect in walk.effects)
    assert {"entered", "completed", "fired", "cancelled", "armed", "stopped"} <= met.keys()
