"""Random walks: random diagrams (`sketch`), and random people who do random things at random times in them.

Everything follows from the seed, so that a walk that fails can be walked again.
"""

from __future__ import annotations

import hashlib
import random
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import count, pairwise
from pathlib import Path
from typing import Any

from databases import ask, dump
from drawing import draw
from items import ANYTHING, NOON, make_item, organisation

from engine.clock import Overlay, read_instant
from engine.definition import builtin
from engine.errors import Refusal
from engine.events import CardAnswered, CardContested, CardWithdrawn
from engine.office import Office
from engine.organisation import read_register

BASIS = '{ law = "行政许可法", article = "第四十二条" }'

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
    clocks: Sequence[str] = ()
    timers: dict[str, str] = field(default_factory=dict)
    """Each timer event of the diagram, with the clock that it waits for, or ""."""
    rare: float = 0
    """How likely a block has what few diagrams have: errors, compensation, event subprocesses…"""

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

    def timer(self, kind: str, prefix: str, host: str = "") -> str:
        """A timer event, on the edge of `host` if it is a boundary: so long, or until a clock runs out."""
        clock = self.random.choice(self.clocks) if self.clocks and self.random.random() < 0.4 else ""
        terms = ["workdays(2)", "workdays(1)", "days(2)", "hours(7)", "PT20M", "PT5H", "P1D", "P3D", "P1M"]
        text = f"clock('{clock}')" if clock else self.random.choice(terms)
        name = self.add(kind, prefix, f"{host} after {text}".strip())
        self.timers[name] = clock
        return name

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
        if self.rare and self.random.random() < self.rare:
            kinds = [
                *(self.failing, self.escalating, self.handled, self.undone, self.transaction, self.linked),
                *(self.conditional, self.multiple, self.repeated, self.automatic, self.unmade, self.heard),
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
        catch = self.timer("catch", "w")
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
        if self.random.random() < 0.3:
            self.messages.append(self.name("m"))
            late = self.add("boundary", "b", f"{host} message {self.messages[-1]}")
        else:
            late = self.timer("boundary", "b", host)
        taken, handed = self.block()
        self.flow(last, merge)
        self.flow(late, taken)
        self.flow(handed, merge)
        return first, merge

    def reminded(self) -> tuple[str, str]:
        first, host, last = self.host()
        cycles = ["R3/PT7H", "R/P4D", "every(workdays(1), 3)", "every(hours(9), 4)", "every(days(3))"]
        if self.random.random() < 0.5:
            nag = self.timer("reminder", "r", host)
        else:
            nag = self.add("reminder", "r", f"{host} every {self.random.choice(cycles)}")
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
        awaited = self.add("catch", "w", f"message {self.messages[-1]}")
        for catch in (awaited, self.timer("catch", "w"), self.timer("catch", "w")):
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
        inside = self.inside(self.size // 2)
        inside.whole()
        name = self.embed(
            "sub", inside, self.random.choice(["", "", "times 2", "sequential each one of many"])
        )
        return name, name

    def inside(self, size: int) -> Sketch:
        """A sketch of what goes on in a scope, to be drawn by `embed`."""
        return Sketch(self.random, max(1, size), serial=self.serial, clocks=self.clocks, timers=self.timers)

    def embed(self, kind: str, inside: Sketch, loop: str = "", *, undo: str = "") -> str:
        name = self.name("s")
        drawn = f"{';'.join(inside.elements)}|{';'.join(inside.flows)}"
        self.elements.append(f"{undo}{kind} {name} {loop} {{{drawn}}}")
        self.tasks += inside.tasks
        self.messages += inside.messages
        self.size -= 2
        return name

    def way_out(self, end: str) -> tuple[str, str]:
        """A gateway that may lead to such an end; the gateway, and the task behind its other way."""
        check, go_on = self.add("xor", "g"), self.task()
        self.flow(check, self.add("end", "x", end), f"if {self.condition()}")
        self.flow(check, go_on, "default")
        return check, go_on

    def guarded(self, kind: str, ends: Sequence[str], edges: Sequence[str]) -> tuple[str, str]:
        """A scope that may end in these ways, with these events on its edge, each with a way to go on."""
        inside = self.inside(self.size // 3)
        last = inside.add("start", "s")
        for end in ends:
            first, following = inside.way_out(end)
            inside.flow(last, first)
            last = following
        first, following = inside.block()
        inside.flow(last, first)
        inside.flow(following, inside.add("end", "e"))
        if self.random.random() < 0.5:
            inside.handler()
        host, merge = self.embed(kind, inside), self.add("xor", "j")
        self.flow(host, merge)
        for edge in edges:
            self.flow(self.add("boundary", "b", f"{host} {edge}"), merge)
        return host, merge

    def failing(self) -> tuple[str, str]:
        edges = self.random.choice([["error E1", "error E2"], ["error"], ["error E2", "error"]])
        return self.guarded("sub", ["error E1", "error E2"][: self.random.randint(1, 2)], edges)

    def transaction(self) -> tuple[str, str]:
        """A transaction that may be cancelled, also from a subprocess inside."""
        inside, deep = self.inside(self.size // 3), self.inside(2)
        done = inside.undone()
        start, (check, task), end = deep.add("start", "s"), deep.way_out("cancel"), deep.add("end", "e")
        before = deep.undone()
        for one, other in pairwise([start, *before, check]):
            if (one, other) != before:
                deep.flow(one, other)
        deep.flow(task, end)
        box = inside.embed("sub", deep, self.random.choice(["", "", "times 2"]))
        inside.flow(inside.add("start", "s"), done[0])
        inside.flow(done[1], box)
        inside.flow(box, inside.add("end", "e"))
        host, merge = self.embed("transaction", inside), self.add("xor", "j")
        for source in (host, self.add("boundary", "b", f"{host} cancel")):
            self.flow(source, merge)
        return host, merge

    def unmade(self) -> tuple[str, str]:
        """A subprocess with a compensation event subprocess, and its compensation."""
        inside, handler = self.inside(self.size // 2), self.inside(2)
        inside.whole()
        task, throw = handler.task(), handler.add("throw", "w", "compensate")
        for one, other in pairwise(
            [handler.add("start", "s", "compensate"), task, throw, handler.add("end", "n")]
        ):
            handler.flow(one, other)
        inside.embed("handler", handler)
        host = self.embed("sub", inside, self.random.choice(["", "times 2"]))
        throw = self.add("throw", "w", "compensate")
        self.flow(host, throw)
        return host, throw

    def heard(self) -> tuple[str, str]:
        """A signal that somebody may wait for."""
        first, host, last = self.host()
        throw = self.add("throw", "w", f"signal G{self.random.randint(1, 2)}")
        heard = self.add(self.random.choice(["boundary", "reminder"]), "b", f"{host} signal G1")
        self.flow(heard, self.add("end", "n"))
        self.flow(last, throw)
        return first, throw

    def escalating(self) -> tuple[str, str]:
        host, merge = self.guarded("sub", ["escalate X1", "escalate X2"], [])
        note = self.add(self.random.choice(["reminder", "boundary"]), "b", f"{host} escalate")
        end = self.add("end", "n")
        self.flow(note, end)
        return host, merge

    def handler(self) -> None:
        """An event subprocess of this scope."""
        inside = self.inside(2)
        kind = self.random.choice(["start", "aside"])
        if self.random.random() < 0.3:
            start = inside.add("start", "s", "error")
        elif self.random.random() < 0.4:
            inside.messages.append(self.name("m"))
            start = inside.add(kind, "s", f"message {inside.messages[-1]}")
        elif self.random.random() < 0.5:
            start = inside.add(kind, "s", f"when {self.condition()} and {self.condition()}")
        else:
            start = inside.timer(kind, "s")
        first, last = inside.block()
        inside.flow(start, first)
        inside.flow(last, inside.add("end", "n"))
        self.embed("handler", inside)

    def handled(self) -> tuple[str, str]:
        inside = self.inside(self.size // 2)
        inside.whole()
        for _ in range(self.random.randint(1, 2)):
            inside.handler()
        name = self.embed("sub", inside, self.random.choice(["", "times 2"]))
        return name, name

    def undone(self) -> tuple[str, str]:
        """Something with a handler, and later perhaps the compensation of it, or of all."""
        first, host, last = self.host()
        undo = self.name("u")
        kind = self.random.choice(["user", "script"])
        self.elements.append(
            f"undo {kind} {undo}" + (f" {self.condition()} = True" if kind == "script" else "")
        )
        if kind == "user":
            self.tasks.append(undo)
        self.add("boundary", "b", f"{host} compensate {undo}")
        check, merge = self.add("xor", "g"), self.add("xor", "j")
        throw = self.add("throw", "w", self.random.choice(["compensate", f"compensate {host}"]))
        self.flow(last, check)
        self.flow(check, throw, f"if {self.condition()}")
        self.flow(throw, merge)
        self.flow(check, merge, "default")
        return first, merge

    def linked(self) -> tuple[str, str]:
        link = self.name("k")
        split, catch = self.add("xor", "g"), self.add("catch", "l", f"link {link}")
        for condition in (f"if {self.condition()}", "default"):
            throw = self.add("throw", "l", f"link {link}")
            first, last = self.block()
            self.flow(split, first, condition)
            self.flow(last, throw)
        return split, catch

    def conditional(self) -> tuple[str, str]:
        first, host, last = self.host()
        kind = self.random.choice(["boundary", "reminder"])
        edge = self.add(kind, "b", f"{host} when {self.condition()} and not {self.condition()}")
        if kind == "boundary":
            merge = self.add("xor", "j")
            self.flow(last, merge)
            self.flow(edge, merge)
            return first, merge
        self.flow(edge, self.add("end", "n"))
        return first, last

    def multiple(self) -> tuple[str, str]:
        self.messages.append(self.name("m"))
        of = self.random.choice(["any", "all"])
        catch = self.add("catch", "w", f"{of} message {self.messages[-1]}, after PT5H, when v1 or not v1")
        return catch, catch

    def repeated(self) -> tuple[str, str]:
        first = self.random.choice(["", "first "])
        task = self.task(f"{first}while {self.condition()} most 3")
        return task, task

    def automatic(self) -> tuple[str, str]:
        names = [
            self.add("task", "c"),
            self.add("send", "c", "hello"),
            self.add("service", "c", "sum = ${1 + 1}"),
        ]
        self.messages.append(self.name("m"))
        names.append(self.add("receive", "w", self.messages[-1]))
        names.append(
            self.add("script", "c", "sum = 1 / (1 if v1 else 0)")
        )  # fails, until somebody repairs it
        for one, other in pairwise(names):
            self.flow(one, other)
        return names[0], names[-1]

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

    # --- clocks of the item

    def trigger(self) -> str:
        if self.random.random() < 0.4:
            return self.elements[0].split()[1]  # the case is opened
        return self.random.choice(self.tasks) + self.random.choice(["", ":opened"])

    def clock_table(self) -> str:
        """The tables `[clocks.…]`: clocks that start, stop and are disturbed anywhere in the diagram."""
        return "\n".join(self.clock(place, name) for place, name in enumerate(self.clocks))

    def clock(self, place: int, name: str) -> str:
        chance = self.random
        tier, unit = chance.choice(["statutory", "short", "step"]), chance.choice(["wd", "wd", "d", "h"])
        # No promise: it would have to leave room for all the steps on its way.
        n = (1 if tier == "short" else chance.randint(2, 9)) * (9 if unit == "h" else 1)
        tier = "step" if tier == "step" else "statutory"
        opened = self.elements[0].split()[1]
        starts = [self.trigger() if place else opened] + [self.trigger() for _ in range(chance.randint(0, 1))]
        lines = [
            f'[clocks.{name}]\nname = {{ zh = "{name}", en = "{name}" }}\ntier = "{tier}"',
            f'term = "{n}{unit}"\nbasis = {BASIS}\nstarts = {starts}',
        ]
        if chance.random() < 0.6:
            lines.append(f"stops = {[self.trigger()]}")
        if chance.random() < 0.3:
            lines.append('unit = "d1"')
        if place and chance.random() < 0.4:
            lines.append(f'follows = "{self.clocks[0]}"')
        elif not place or chance.random() < 0.6:
            lines.append('grounds = ["testing", "hearing"]\npause_notice = "special"')
            if chance.random() < 0.4:
                start, end = self.trigger(), self.trigger()
                lines.append(
                    f'pauses = [{{ ground = "hearing", from = "{start}", to = "{end}", expected = "2wd" }}]'
                )
        if chance.random() < 0.5:
            lines.append(
                'ladder = [{ name = "blue", percent = 60 }, { name = "yellow", left = 1, card = true }, '
                '{ name = "red", over = 0, card = true }, { name = "purple", over = 2 }]'
            )
        if chance.random() < 0.8:
            lines.append(
                f'extension = {{ up_to = "{n}{unit}", approver = "d1/clerk", notice = "extended", '
                f"basis = {BASIS}, times = {chance.randint(1, 2)} }}"
            )
        if chance.random() < 0.4:
            lines.append(f"restart = {{ basis = {BASIS}, on = {[self.trigger()]}, times = 2 }}")
        lines.append(self.effect(place, name))
        return "\n".join(lines)

    def effect(self, place: int, name: str) -> str:
        bound = [timer for timer, clock in self.timers.items() if clock == name]
        kinds = [
            "flag",
            "deemed_acceptance",
            "deemed_acceptance",
            "deemed_consent",
            "deemed_refusal",
            "route",
        ]
        kind = self.random.choice(kinds) if bound else "flag"
        more = {"deemed_acceptance": f", begins = {list(self.clocks[place + 1 :])}", "flag": ""}
        if kind == "route":
            more[kind] = f', to = "{bound[0]}"'
        basis = "" if kind == "flag" else f", basis = {BASIS}"
        return f'effect = {{ kind = "{kind}"{basis}{more.get(kind, "")} }}'


def sketch(root: Path, seed: int, rare: float = 0) -> Path:
    """The folder of an item around a random diagram, below `root`; `rare` as in `Sketch`."""
    clocks = ["c1", "c2", "c3"][: 1 + seed % 3]
    drawn = Sketch(random.Random(seed), 10 + seed % 10, 5, clocks=clocks, rare=rare)
    drawn.whole()
    start = drawn.elements[0].split()[1]
    issuing = [
        *drawn.random.sample(drawn.tasks, len(drawn.tasks) // 3),
        *drawn.random.sample(list(drawn.timers), len(drawn.timers) // 3),
    ]
    return make_item(
        root,
        draw(";".join(drawn.elements), ";".join(drawn.flows)),
        code=f"sketch{seed}",
        forms={start: ANYTHING, **dict.fromkeys(drawn.tasks, ANYTHING)},
        documents=dict.fromkeys(issuing, "note"),
        clocks=drawn.clock_table(),
        notices=["special", "extended"],
    )


def supervised() -> bytes:
    """The organisation of the walks: cards are withdrawn by the clerks of department `d2`."""
    return b'supervisors = ["d2/clerk"]\n' + organisation()


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

Told = tuple[str, tuple[Any, ...]]
"""A verb of the office and its arguments, the last of which is the instant."""


class Walk:
    """One case of an item, and somebody's random dealings with it, from the instant `since` on.

    `told` keeps every act but the sweeps, so that they can be done again; `refusals` counts what was refused.
    """

    def __init__(self, office: Office, item: str, seed: int, since: datetime = NOON) -> None:
        self.office = office
        self.item = item
        self.chance = random.Random(seed)
        self.now = since
        self.told: list[Told] = []
        self.refusals = 0
        self.repairs = False
        self.case = self.open()

    def open(self) -> str:
        every = {f"v{n}": self.chance.random() < 0.5 for n in range(1, 7)}
        return self.opened("clerk", {**every, "many": [1, 2, {"three": [3]}], "answers": []})

    def opened(self, who: str, data: dict[str, Any]) -> str:
        self.told.append(("open_case", (who, self.item, data, self.now)))
        return self.office.open_case(who, self.item, data, self.now).case

    def go(self, steps: int) -> Iterator[str]:
        """Do up to `steps` things; yields the case after each."""
        yield self.case
        for _ in range(steps):
            shown = self.office.show(self.case)
            if shown["status"] == "closed":
                return
            possible = [line for line in shown["steps"] if line["state"] in ("open", "awaited")]
            failed = [line["task"] for line in shown["steps"] if line["state"] == "failed"]
            if self.repairs and failed and self.chance.random() < 0.5:
                self.repair(self.chance.choice(failed))
                yield self.case
                continue
            if not possible or self.chance.random() < 0.3:
                self.wait([*shown["timers"], *shown["clocks"]])
            luck = self.chance.random()
            if luck < 0.2:
                self.office.sweep(self.now)
            elif luck < 0.28:
                self.change_calendar()
            elif luck < 0.6 and shown["clocks"]:
                self.disturb(shown)
            elif possible:
                self.act(self.chance.choice(possible))
            else:
                self.office.sweep(self.now)
            yield self.case

    def wait(self, timers: list[dict[str, Any]]) -> None:
        """Let time pass: a little, or to the very instant of the next timer or clock, or past it."""
        hours = self.chance.choice([0.1, 1, 5, 24, 100])
        later = self.now + timedelta(hours=hours)
        instants = sorted(line["due"] for line in timers if line["due"] is not None)
        if instants and self.chance.random() < 0.5:
            later = max(self.now, read_instant(instants[0]))
        self.now = later

    def tell(self, verb: str, *arguments: Any) -> Any:
        """Do one verb of the office; what it gives, None if it refuses."""
        self.told.append((verb, arguments))
        try:
            return getattr(self.office, verb)(*arguments)
        except Refusal:
            self.refusals += 1
            return None

    def repair(self, incident: str) -> None:
        """Somebody, an administrator or not, has what failed tried again."""
        right = {f"v{n}": self.chance.random() < 0.5 for n in range(1, 7)}
        who = self.chance.choice(["clerk", "clerk", "p1"])
        self.tell("retry", who, self.case, incident, right, "更正", self.now)

    def act(self, line: dict[str, Any]) -> None:
        self.tell("do", self.person(line), self.case, line["task"], self.answer(line), self.now)

    def disturb(self, shown: dict[str, Any]) -> None:
        """A clerk does something about a clock or a card, lawful or not."""
        line = self.chance.choice([shown["clocks"][0], *shown["clocks"]])  # the first is most likely alive
        clock = self.chance.choice([line["clock"], line["clock"], None])
        ground = self.chance.choice(["testing", "hearing", "testing", "hearing", "holiday"])
        what = self.chance.choice(["pause", "pause", "resume", "resume", "extend", "extend", "card"])
        who = self.chance.choice(self.people("hall" if what in ("pause", "resume") else "d1"))
        match what:
            case "pause":
                expected = self.chance.choice(["1wd", "3wd", "5h", "4d"])
                self.tell("pause", who, self.case, clock, ground, expected, "送检", self.now)
            case "resume":
                found = [paused["ground"] for line in shown["clocks"] for paused in line["paused"]]
                ended = self.chance.choice([*found, None, ground])
                self.tell("resume", who, self.case, clock, ended, "完毕", self.now)
            case "extend":
                by = self.chance.choice([line["term"], line["term"], "1wd", "7wd"])
                self.tell("extend", who, self.case, clock, by, "案情复杂", self.now)
            case _:
                cards = [line["card"] for line in shown["cards"]]
                card = self.chance.choice(cards or ["red-9"])
                kind = self.chance.choice([CardAnswered, CardContested, CardWithdrawn])
                self.tell("treat_card", who, self.case, kind(card, "已处理"), self.now)

    def change_calendar(self) -> None:
        """Some days in the weeks to come are off, worked, or as before, for a unit or the whole county."""
        unit = self.chance.choice(["*", "hall", "d1"])
        first = self.now.date()
        days: dict[date, Overlay | None] = {}
        for _ in range(3):
            on = first + timedelta(days=self.chance.randint(0, 7))
            works = self.chance.choice([True, False, False, None])
            days[on] = None if works is None else Overlay(works, "暴雪", "示政发〔2026〕1号")
        calendar = self.tell("import_calendar", {unit: days}, "暴雪", self.now)
        if calendar is not None:
            self.tell("apply_calendar", calendar, self.now)

    def people(self, unit: str) -> list[str]:
        """Those of `unit`, most likely, and others."""
        return ["p1", "q1", "p1", "p2", "clerk"] if unit == "d1" else ["clerk", "colleague", "clerk", "p1"]

    def person(self, line: dict[str, Any]) -> str:
        return self.chance.choice(["clerk", "colleague", "clerk", "p1"])

    def answer(self, line: dict[str, Any]) -> dict[str, Any]:
        return {} if line["state"] == "awaited" else answers(self.chance)


class ShippedWalk(Walk):
    """A walk through a shipped item, with answers taken from its worked cases."""

    organisation = read_register(builtin().organisation.read_bytes()).on(NOON.date())

    def open(self) -> str:
        told = [
            tomllib.loads(path.read_text("utf-8"))
            for path in sorted((builtin().items()[self.item] / "examples").glob("*.toml"))
        ]
        self.answers: dict[str, list[dict[str, Any]]] = {}
        for step in (step for example in told for step in example["steps"] if "do" in step):
            self.answers.setdefault(step["do"].partition("#")[0], []).append(step.get("data", {}))
        example = self.chance.choice(told)
        return self.opened(example["by"], example["data"])

    def people(self, unit: str) -> list[str]:
        return [person.id for person in self.organisation.members(unit)] or list(self.organisation.people)

    def person(self, line: dict[str, Any]) -> str:
        holders = self.organisation.holders(line["unit"], line["post"])
        if self.chance.random() < 0.1:
            holders = list(self.organisation.people.values())
        return self.chance.choice(holders).id

    def answer(self, line: dict[str, Any]) -> dict[str, Any]:
        return self.chance.choice(self.answers.get(line["element"], [{}]))


def retell(office: Office, database: str, told: Sequence[Told], every: timedelta | None) -> list[str]:
    """Do again what was told, with a sweep every so often in between (None: never); the codes of what was
    refused. A sweep that would find nothing due is left out: it writes nothing."""
    refused = []
    for verb, arguments in told:
        if every is not None:
            sweep_until(office, database, arguments[-1], every)
        try:
            getattr(office, verb)(*arguments)
        except Refusal as refusal:
            refused.append(f"{verb} {refusal.code}")
    return refused


def sweep_until(office: Office, database: str, until: datetime, every: timedelta) -> int:
    """Sweep whenever something is due at one of the instants that lie `every` apart; how often that was."""
    for sweeps in count():
        ((due,),) = ask(database, "SELECT min(due) FROM timers")
        tick = NOON + -((NOON - read_instant(due)) // every) * every if due is not None else None
        if tick is None or tick > until:
            return sweeps
        assert office.sweep(tick).fired > 0
    raise RuntimeError("counting never ends")


def walk_all(office: Office, root: Path, seeds: range, rare: float = 0) -> Iterator[str]:
    """Publish a sketch for each seed and walk through it; yields the case after each act."""
    since = NOON
    for seed in seeds:
        item = office.publish(sketch(root, seed, rare), NOON).item
        walk = Walk(office, item, seed, since)
        walk.repairs = bool(rare)
        yield from walk.go(60)
        since = max(NOON, walk.now - timedelta(hours=9))  # what changes the calendar reaches the case before


def digest_of_walks(seeds: range) -> str:
    """One digest of everything that these walks write, in a new office."""
    with tempfile.TemporaryDirectory() as folder:
        database = str(Path(folder) / "office.db")
        with Office.create_rehearsal(database, NOON, supervised()) as office:
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
