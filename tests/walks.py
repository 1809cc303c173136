"""Random walks: random diagrams (`sketch`), and random people who do random things at random times in them.

Everything follows from the seed, so that a walk that fails can be walked again.
"""

from __future__ import annotations

import hashlib
import random
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

from databases import dump
from drawing import draw
from items import ANYTHING, NOON, make_item, organisation

from engine.access import read_organisation
from engine.clock import read_instant
from engine.definition import builtin
from engine.errors import Refusal
from engine.office import Office

# --- diagrams


@dataclass
class Sketch:
    """A random diagram of nested blocks, each with one way in and one way out.

    Conditions read the variables `v1`, `v2`, …, which every step may set anew.
    """

    random: random.Random
    size: int
    blocks: int = 1
    elements: list[str] = field(default_factory=list)
    flows: list[str] = field(default_factory=list)
    tasks: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    serial: Iterator[int] = field(default_factory=lambda: count(1))

    def name(self, prefix: str) -> str:
        return f"{prefix}{next(self.serial)}"

    def condition(self) -> str:
        return f"v{self.random.randint(1, 6)}"

    def add(self, kind: str, prefix: str, details: str = "") -> str:
        name = self.name(prefix)
        self.elements.append(f"{kind} {name} {details}".strip())
        return name

    def flow(self, source: str, target: str, condition: str = "") -> None:
        self.flows.append(f"{source} -> {target} {condition}".strip())

    def task(self, loop: str = "") -> str:
        name = self.add("user", "t", loop)
        self.tasks.append(name)
        return name

    def pause(self) -> str:
        return self.random.choice(["PT20M", "PT5H", "P1D", "P3D", "days(2)", "hours(7)", "P1M"])

    def block(self) -> tuple[str, str]:
        """Draw one more block; its first and last node."""
        self.size -= 1
        if self.size <= 0:
            task = self.task()
            return task, task
        kinds = [
            *(self.sequence, self.choice, self.parallel, self.inclusive, self.rework, self.wait),
            *(self.deadline, self.reminded, self.race, self.each, self.scope, self.script, self.called_off),
        ]
        return self.random.choice(kinds)()

    def sequence(self) -> tuple[str, str]:
        (first, middle), (next_one, last) = self.block(), self.block()
        self.flow(middle, next_one)
        return first, last

    def branches(self, gateway: str, join: str, conditions: list[str]) -> tuple[str, str]:
        split, merge = self.add(gateway, "g"), self.add(join, "j")
        for condition in conditions:
            first, last = self.block()
            self.flow(split, first, condition)
            self.flow(last, merge)
        return split, merge

    def choice(self) -> tuple[str, str]:
        return self.branches("xor", "xor", [f"if {self.condition()}", "default"])

    def parallel(self) -> tuple[str, str]:
        return self.branches("and", "and", [""] * self.random.randint(2, 4))

    def inclusive(self) -> tuple[str, str]:
        return self.branches("or", "or", [f"if {self.condition()}", f"if {self.condition()}", "default"])

    def rework(self) -> tuple[str, str]:
        again, check, task = self.add("xor", "g"), self.add("xor", "g"), self.task()
        first, last = self.block()
        self.flow(again, first)
        self.flow(last, task)
        self.flow(task, check)
        self.flow(check, again, f"if {self.condition()}")
        after = self.add("script", "c", "again = True")
        self.flow(check, after, "default")
        return again, after

    def wait(self) -> tuple[str, str]:
        catch = self.add("catch", "w", f"after {self.pause()}")
        return catch, catch

    def host(self) -> tuple[str, str, str]:
        """Something with an edge: a task, or a subprocess."""
        if self.random.random() < 0.6:
            task = self.task(self.random.choice(["", "", "times 2"]))
            return task, task, task
        first, last = self.scope()
        return first, first, last

    def deadline(self) -> tuple[str, str]:
        first, host, last = self.host()
        merge = self.add("xor", "j")
        what = f"after {self.pause()}"
        if self.random.random() < 0.3:
            self.messages.append(self.name("m"))
            what = f"message {self.messages[-1]}"
        late = self.add("boundary", "b", f"{host} {what}")
        taken, handed = self.block()
        self.flow(last, merge)
        self.flow(late, taken)
        self.flow(handed, merge)
        return first, merge

    def reminded(self) -> tuple[str, str]:
        first, host, last = self.host()
        when = self.random.choice(["every R3/PT7H", "after P1D", "every R/P4D", "after PT30M"])
        nag = self.add("reminder", "r", f"{host} {when}")
        end = self.add("end", "n")
        if self.random.random() < 0.5:
            task = self.task()
            self.flow(nag, task)
            self.flow(task, end)
        else:
            self.flow(nag, end)
        return first, last

    def race(self) -> tuple[str, str]:
        gateway, merge = self.add("race", "g"), self.add("xor", "j")
        self.messages.append(self.name("m"))
        for what in (f"message {self.messages[-1]}", f"after {self.pause()}"):
            catch = self.add("catch", "w", what)
            first, last = self.block()
            self.flow(gateway, catch)
            self.flow(catch, first)
            self.flow(last, merge)
        return gateway, merge

    def each(self) -> tuple[str, str]:
        order = self.random.choice(["", "sequential "])
        until = self.random.choice(["", "", " until nrOfCompletedInstances >= 2"])
        task = self.task(f"{order}each one of many into answers from one{until}")
        return task, task

    def scope(self) -> tuple[str, str]:
        inside = Sketch(self.random, max(1, self.size // 2), serial=self.serial)
        inside.whole()
        self.size -= 2
        name = self.name("s")
        loop = self.random.choice(["", "", "times 2", "sequential each one of many"])
        self.elements.append(f"sub {name} {loop} {{{';'.join(inside.elements)}|{';'.join(inside.flows)}}}")
        self.tasks += inside.tasks
        self.messages += inside.messages
        return name, name

    def script(self) -> tuple[str, str]:
        name = self.condition()
        script = self.add("script", "c", f"{name} = not {name}")
        return script, script

    def called_off(self) -> tuple[str, str]:
        check, go_on = self.add("xor", "g"), self.task()
        end = self.add("end", "x", self.random.choice(["terminate", ""]))
        self.flow(check, go_on, f"if {self.condition()}")
        self.flow(check, end, "default")
        return check, go_on

    def whole(self) -> None:
        last = self.add("start", "s")
        for _ in range(self.blocks):
            first, following = self.block()
            self.flow(last, first)
            last = following
        self.flow(last, self.add("end", "e"))


def sketch(root: Path, seed: int) -> Path:
    """The folder of an item around a random diagram, below `root`."""
    drawn = Sketch(random.Random(seed), 10 + seed % 10, 5)
    drawn.whole()
    start = drawn.elements[0].split()[1]
    issuing = drawn.random.sample(drawn.tasks, len(drawn.tasks) // 3)
    return make_item(
        root,
        draw(";".join(drawn.elements), ";".join(drawn.flows)),
        code=f"sketch{seed}",
        forms={start: ANYTHING, **dict.fromkeys(drawn.tasks, ANYTHING)},
        documents=dict.fromkeys(issuing, "note"),
    )


def wide(root: Path) -> Path:
    """The folder of an item in which much goes on at once: what has no order would show here."""
    names = [f"{kind}{n}" for n in range(12) for kind in ("either", "all")]
    elements = ["start s", "and g", "or o", "and j", "or k", "and l", "end e"]
    flows = ["s -> g", "g -> o", "k -> l", "j -> l", "l -> e"]
    for name in names:
        elements += [f"user {name}", f"reminder nag_{name} {name} every R/PT7H", f"end n_{name}"]
        split, join = ("o", "k") if name.startswith("either") else ("g", "j")
        condition = " if v1 or v2 or not v3" if split == "o" else ""
        flows += [f"{split} -> {name}{condition}", f"{name} -> {join}", f"nag_{name} -> n_{name}"]
    flows += ["o -> k default"]
    diagram = draw(";".join(elements), ";".join(flows))
    return make_item(root, diagram, code="wide", forms=dict.fromkeys(["s", *names], ANYTHING))


def answers(chance: random.Random) -> dict[str, Any]:
    """Any answers: some of the variables, things inside things, now and then what no condition can read."""
    found: dict[str, Any] = {f"v{n}": chance.random() < 0.5 for n in range(1, 7) if chance.random() < 0.5}
    if chance.random() < 0.02:
        found["v1"] = "perhaps"
    if chance.random() < 0.3:
        found["papers"] = [{"name": "章程", "pages": chance.randint(1, 9)}]
    return found


# --- walks


class Walk:
    """One case of an item, and somebody's random dealings with it. `went_wrong` counts refusals."""

    def __init__(self, office: Office, item: str, seed: int) -> None:
        self.office = office
        self.item = item
        self.chance = random.Random(seed)
        self.now = NOON
        self.refusals = 0
        self.case = self.open()

    def open(self) -> str:
        every = {f"v{n}": self.chance.random() < 0.5 for n in range(1, 7)}
        data = {**every, "many": [1, 2, {"three": [3]}], "answers": []}
        return self.office.open_case("clerk", self.item, data, self.now).case

    def go(self, steps: int) -> Iterator[str]:
        """Do up to `steps` things; yields the case after each."""
        yield self.case
        for _ in range(steps):
            shown = self.office.show(self.case)
            if shown["status"] == "closed":
                return
            possible = [line for line in shown["steps"] if line["state"] in ("open", "awaited")]
            if not possible or self.chance.random() < 0.3:
                self.wait(shown["timers"])
            if not possible or self.chance.random() < 0.2:
                self.office.sweep(self.now)
            elif possible:
                self.act(self.chance.choice(possible))
            yield self.case

    def wait(self, timers: list[dict[str, Any]]) -> None:
        """Let time pass: a little, or to the very instant of the next timer, or past it."""
        hours = self.chance.choice([0.1, 1, 5, 24, 100])
        later = self.now + timedelta(hours=hours)
        if timers and self.chance.random() < 0.5:
            later = max(self.now, read_instant(timers[0]["due"]))
        self.now = later

    def act(self, line: dict[str, Any]) -> None:
        try:
            self.office.do(self.person(line), self.case, line["task"], self.answer(line), self.now)
        except Refusal:
            self.refusals += 1

    def person(self, line: dict[str, Any]) -> str:
        return self.chance.choice(["clerk", "colleague", "clerk", "p1"])

    def answer(self, line: dict[str, Any]) -> dict[str, Any]:
        return {} if line["state"] == "awaited" else answers(self.chance)


class ShippedWalk(Walk):
    """A walk through a shipped item, with answers taken from its worked cases."""

    organisation = read_organisation(builtin().organisation.read_bytes())

    def open(self) -> str:
        told = [
            tomllib.loads(path.read_text("utf-8"))
            for path in sorted((builtin().items()[self.item] / "examples").glob("*.toml"))
        ]
        self.answers: dict[str, list[dict[str, Any]]] = {}
        for step in (step for example in told for step in example["steps"] if "do" in step):
            self.answers.setdefault(step["do"].partition("#")[0], []).append(step.get("data", {}))
        example = self.chance.choice(told)
        return self.office.open_case(example["by"], self.item, example["data"], self.now).case

    def person(self, line: dict[str, Any]) -> str:
        holders = self.organisation.holders(line["unit"], line["post"])
        if self.chance.random() < 0.1:
            holders = list(self.organisation.people.values())
        return self.chance.choice(holders).id

    def answer(self, line: dict[str, Any]) -> dict[str, Any]:
        return self.chance.choice(self.answers.get(line["element"], [{}]))


def walk_all(office: Office, root: Path, seeds: range) -> Iterator[str]:
    """Publish a sketch for each seed and walk through it; yields the case after each act."""
    for seed in seeds:
        item = office.publish(sketch(root, seed), NOON).item
        yield from Walk(office, item, seed).go(40)


def digest_of_walks(seeds: range) -> str:
    """One digest of everything that these walks write, in a new office."""
    with tempfile.TemporaryDirectory() as folder:
        database = str(Path(folder) / "office.db")
        with Office.create_rehearsal(database, NOON, organisation()) as office:
            for _ in walk_all(office, Path(folder), seeds):
                pass
            office.publish(wide(Path(folder)), NOON)
            for _ in Walk(office, "wide", 0).go(20):
                pass
        return hashlib.sha256(repr(dump(database)).encode()).hexdigest()


def digest_of_replays(database: str) -> str:
    """One digest of every state of every case, after building the projections of the office again."""
    found = hashlib.sha256()
    with Office.open(database) as office:
        office.rebuild()
        for (case,) in sorted({row[:1] for row in dump(database, ["heads"])["heads"]}):
            for record, state in office.replay(case) if case != "office" else ():
                found.update(repr((record.hash, state)).encode())
    return found.hexdigest()


if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    if what == "walks":
        print(digest_of_walks(range(*map(int, arguments))))
    else:
        print(digest_of_replays(arguments[0]))
