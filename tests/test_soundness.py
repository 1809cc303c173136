"""`item check` finds what can't come out well, with a shortest way there; of its right twin it says none."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from drawing import draw
from items import ANYTHING, fields, make_item
from msgspec.structs import replace

from engine.definition import builtin, read_folder
from engine.errors import Problem
from engine.flow.marking import Marking, open_tasks, timers
from engine.flow.net import Net
from engine.flow.read import read
from engine.flow.step import Complete, Fire, Input, Start, step
from engine.soundness import check_soundness

NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)


def choice(*values: str) -> dict[str, Any]:
    """A form with one field `k` and these choices."""
    field = {"type": "string", "enum": list(values), "title": "k", "x-title-en": "k"}
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {"k": field},
        "required": ["k"],
    }


def found(tmp_path: Path, elements: str, flows: str, **about: Any) -> list[tuple[str, str, str | None, str]]:
    """Severity, code, element and way of what the check says of soundness."""
    _, problems = read_folder(make_item(tmp_path, draw(elements, flows), **about))
    others = [p for p in problems if p.severity == "error" and not p.code.startswith("sound.")]
    assert not others, others
    sound = [p for p in problems if p.code.startswith("sound.")]
    return [(p.severity, p.code.removeprefix("sound."), p.element, way(p)) for p in sound]


def way(problem: Problem) -> str:
    return " · ".join(map(str, problem.trace))


# --- deadlock

CHOICE = 's -> a -> x -> b if k == "p"; x -> c default; b -> j; c -> j -> d -> e'


def test_a_choice_that_meets_at_a_parallel_join_stands_still(tmp_path: Path) -> None:
    elements = "start s; user a; xor x; user b; user c; and j; user d; end e"
    said = found(tmp_path, elements, CHOICE, forms={"a": choice("p", "q")})
    assert said == [("error", "deadlock", "j", 'a: k = "p" · b: done')]


def test_a_choice_that_meets_at_an_exclusive_join_is_right(tmp_path: Path) -> None:
    elements = "start s; user a; xor x; user b; user c; xor j; user d; end e"
    assert found(tmp_path, elements, CHOICE, forms={"a": choice("p", "q")}) == []


def test_a_deadlock_says_what_came_to_the_join_and_what_never_will(tmp_path: Path) -> None:
    elements = "start s; user a; xor x; user b; user c; and j; user d; end e"
    folder = make_item(tmp_path, draw(elements, CHOICE), forms={"a": choice("p", "q")})
    definition, problems = read_folder(folder)
    (problem,) = [p for p in problems if p.code == "sound.deadlock"]
    assert str(problem.found) == "the branch from b has arrived, and it waits for ever for the one from c"
    assert problem.as_dict()["trace"] == ['a: k = "p"', "b: done"]
    assert definition is None  # it is not published


def test_a_deadlock_is_told_beside_what_the_law_finds_fault_with(tmp_path: Path) -> None:
    elements = "start s; user a; xor x; user b; user c; and j; user d; end e"
    clock = (
        '[clocks.{0}]\nname = {{ zh = "{0}", en = "{0}" }}\ntier = "{0}"\nterm = "{1}"\nstarts = ["a"]\n{2}'
    )
    basis = 'basis = { law = "某法", article = "第一条" }'
    clocks = "\n".join(
        clock.format(tier, n, basis) for tier, n in (("statutory", "2wd"), ("promised", "3wd"))
    )
    folder = make_item(tmp_path, draw(elements, CHOICE), forms={"a": choice("p", "q")}, clocks=clocks)
    codes = {problem.code for problem in read_folder(folder)[1] if problem.severity == "error"}
    assert codes == {"clock.promise", "sound.deadlock"}


def test_where_the_form_does_not_say_what_may_be_answered_it_is_a_warning(tmp_path: Path) -> None:
    elements = "start s; user a; xor x; user b; user c; and j; user d; end e"
    said = found(tmp_path, elements, CHOICE, forms={"a": ANYTHING})
    assert said == [("warning", "deadlock", "j", 'a: done · x: taken that k == "p" holds · b: done')]


def test_a_join_waits_for_ever_for_a_branch_that_time_has_taken_away(tmp_path: Path) -> None:
    elements = "start s; and f; user a; user b; boundary t a after PT1H; and j; end e; end lapsed"
    said = found(tmp_path, elements, "s -> f -> a -> j; f -> b -> j -> e; t -> lapsed")
    assert ("error", "deadlock", "j", "t: time is up · b: done") in said


def test_a_branch_that_time_takes_away_may_come_to_the_join_another_way(tmp_path: Path) -> None:
    elements = "start s; and f; user a; user b; boundary t a after PT1H; xor m; and j; end e"
    assert found(tmp_path, elements, "s -> f -> a -> m -> j; f -> b -> j -> e; t -> m") == []


# --- the same condition twice

TWICE = (
    "s -> a -> f -> x; f -> y; x -> b if {0}; x -> m default; b -> j; m -> k;"
    "y -> c if {0}; y -> n default; c -> j; n -> k; j -> z; k -> z; z -> e"
)
TWICE_ELEMENTS = (
    "start s; user a; and f; xor x; xor y; user b; user c; user m; user n; and j; and k; xor z; end e"
)


def test_two_gateways_on_one_answer_agree(tmp_path: Path) -> None:
    assert found(tmp_path, TWICE_ELEMENTS, TWICE.format("ok"), forms={"a": fields(ok="boolean")}) == []


def test_two_gateways_on_one_assumption_agree(tmp_path: Path) -> None:
    condition = 'len(name) > 3 and name != "x"'
    form = fields(name="string")
    assert found(tmp_path, TWICE_ELEMENTS, TWICE.format(condition), forms={"a": form}) == []


def test_two_gateways_on_one_variable_may_differ_where_it_was_written_between_them(tmp_path: Path) -> None:
    elements = "start s; user a; or x; user b; user r; user w; and j; xor y; xor z; end e; end g"
    flows = "s -> a -> x -> b if ok; x -> r default; b -> w; r -> w; w -> y -> j if ok; y -> g default"
    forms = {"a": fields(ok="boolean"), "w": fields(ok="boolean")}
    # `w` is done once in any case; the join has one way in, so that only the writing between matters.
    elements = elements.replace("; xor z", "").replace("and j", "xor j").replace("user r", "user r; xor v")
    flows = flows.replace("b -> w; r -> w", "b -> v; r -> v -> w") + "; j -> e"
    assert found(tmp_path, elements, flows, forms=forms) == []


# --- gateways


def test_a_gateway_without_a_way_out_is_told_with_the_answer_that_leads_there(tmp_path: Path) -> None:
    elements, flows = (
        "start s; user a; xor x; end e; end g",
        's -> a -> x -> e if k == "p"; x -> g if k == "q"',
    )
    said = found(tmp_path, elements, flows, forms={"a": choice("p", "q", "r")})
    assert said == [("error", "no_flow", "x", 'a: k = "r"')]


def test_a_gateway_whose_conditions_cover_all_answers_needs_no_default(tmp_path: Path) -> None:
    elements, flows = (
        "start s; user a; xor x; end e; end g",
        's -> a -> x -> e if k == "p"; x -> g if k == "q"',
    )
    assert found(tmp_path, elements, flows, forms={"a": choice("p", "q")}) == []


def test_numbers_are_tried_at_and_beside_the_limits(tmp_path: Path) -> None:
    elements, flows = "start s; user a; xor x; end e; end g", "s -> a -> x -> e if n < 3; x -> g if n > 3"
    said = found(tmp_path, elements, flows, forms={"a": fields(n="integer")})
    assert said == [("error", "no_flow", "x", "a: n = 3")]


def test_numbers_that_the_form_does_not_allow_are_not_tried(tmp_path: Path) -> None:
    form = fields(n="integer")
    form["properties"]["n"] |= {"minimum": 4}
    elements, flows = "start s; user a; xor x; end e; end g", "s -> a -> x -> e if n == 4; x -> g if n > 4"
    assert found(tmp_path, elements, flows, forms={"a": form}) == []


def test_a_field_that_may_be_left_out_makes_a_condition_fail(tmp_path: Path) -> None:
    form = fields(ok="boolean")
    form["required"] = []
    elements, flows = "start s; user a; xor x; end e; end g", "s -> a -> x -> e if ok; x -> g default"
    assert found(tmp_path, elements, flows, forms={"a": form}) == [("warning", "fault", "x", "a: done")]


# --- too many tokens, and left-over ones


def test_branches_that_meet_at_an_exclusive_join_do_the_rest_twice(tmp_path: Path) -> None:
    elements = "start s; and f; user b; user c; xor j; user d; end e"
    said = found(tmp_path, elements, "s -> f -> b -> j; f -> c -> j -> d -> e")
    assert said == [
        ("warning", "two_tokens", "d", "b: done · c: done"),
        ("warning", "left_over", "e", "b: done · d: done"),
    ]


def test_branches_that_meet_at_a_parallel_join_are_right(tmp_path: Path) -> None:
    elements = "start s; and f; user b; user c; and j; user d; end e"
    assert found(tmp_path, elements, "s -> f -> b -> j; f -> c -> j -> d -> e") == []


def test_an_end_that_cuts_off_others_is_told(tmp_path: Path) -> None:
    said = found(
        tmp_path, "start s; and f; user a; user b; end e terminate; end g", "s -> f -> a -> e; f -> b -> g"
    )
    assert said == [
        ("warning", "cut_off", "e", "a: done"),
        ("warning", "left_over", "g", "b: done"),
        ("warning", "two_outcomes", "e", "b: done · a: done"),
    ]


def test_an_end_behind_the_join_of_all_branches_cuts_off_nothing(tmp_path: Path) -> None:
    elements = "start s; and f; user a; user b; {} j; end e terminate"
    flows = "s -> f -> a -> j; f -> b -> j -> e"
    assert found(tmp_path / "all", elements.format("and"), flows) == []
    said = found(tmp_path / "each", elements.format("xor"), flows)
    assert said == [("warning", "cut_off", "e", "a: done")]


def test_a_reminder_beside_a_step_leaves_nothing_over(tmp_path: Path) -> None:
    elements = "start s; user a; reminder r a after PT1H; end told; end e"
    assert found(tmp_path, elements, "s -> a -> e; r -> told") == []


def test_a_reminder_around_steps_is_reached_though_the_steps_come_first(tmp_path: Path) -> None:
    inside = "start i; user a; user b; end o | i -> a -> b -> o"
    elements = (
        f"start s; and f; and j; user z; sub box {{ {inside} }}; reminder r box after PT1H; end told; end e"
    )
    assert found(tmp_path, elements, "s -> f -> box -> j; f -> z -> j -> e; r -> told") == []


def test_a_split_before_the_way_back_piles_up(tmp_path: Path) -> None:
    said = found(
        tmp_path, "start s; xor m; and f; user a; user b; end e", "s -> m -> f -> a -> m; f -> b -> e"
    )
    assert ("warning", "two_tokens", "b", "a: done") in said


# --- circles, and what is never reached


def test_a_loop_without_a_way_out_never_ends(tmp_path: Path) -> None:
    elements = "start s; user a; xor l; user b; xor x; end e"
    flows = "s -> a -> l -> b -> x -> l if ok or not ok; x -> e default"
    said = found(tmp_path, elements, flows, forms={"b": fields(ok="boolean")})
    assert [entry[:3] for entry in said] == [("error", "livelock", "b"), ("warning", "dead_element", "e")]


def test_a_loop_with_a_way_out_is_right(tmp_path: Path) -> None:
    elements = "start s; user a; xor l; user b; xor x; end e"
    flows = "s -> a -> l -> b -> x -> l if not ok; x -> e default"
    assert found(tmp_path, elements, flows, forms={"b": fields(ok="boolean")}) == []


def test_an_element_that_no_answer_leads_to_is_told(tmp_path: Path) -> None:
    elements, flows = (
        "start s; user a; xor x; user b; end e",
        "s -> a -> x -> b if n > 5 and n < 3; b -> e; x -> e default",
    )
    said = found(tmp_path, elements, flows, forms={"a": fields(n="integer")})
    assert said == [("warning", "dead_element", "b", "")]


def test_an_error_that_nobody_catches_is_told(tmp_path: Path) -> None:
    elements = "start s; sub box { start i; user a; end bad error E | i -> a -> bad }; end e"
    said = found(tmp_path, elements, "s -> box -> e")
    assert ("error", "uncaught", "bad", "a: done") in said


def test_an_error_that_is_caught_is_right(tmp_path: Path) -> None:
    inside = "start i; user a; xor x; end bad error E; end fine | i -> a -> x -> bad if ok; x -> fine default"
    elements = f"start s; sub box {{ {inside} }}; boundary c box error E; end e; end g"
    assert found(tmp_path, elements, "s -> box -> e; c -> g", forms={"a": fields(ok="boolean")}) == []


# --- what is not false alarm


def test_the_shipped_items_are_sound() -> None:
    for folder in builtin().items().values():
        _, problems = read_folder(folder)
        assert [p for p in problems if p.code.startswith("sound.")] == []


@pytest.mark.parametrize("written", ["compensated", "looping", "events"])
def test_what_waits_beside_the_flow_is_explored_too(tmp_path: Path, written: str) -> None:
    drawings = {
        "compensated": (
            "start s; transaction box { start i; user a; boundary u a compensate undo_a; undo user undo_a;"
            " xor x; end c cancel; end fine | i -> a -> x -> c if ok; x -> fine default };"
            " boundary b box cancel; end e; end g",
            "s -> box -> e; b -> g",
        ),
        "looping": (
            "start s; user m times 3; user a while n > loopCounter most 3; end e",
            "s -> m -> a -> e",
        ),
        "events": (
            "start s; race r; catch c message m; catch t after PT1H; user a; xor j; end e;"
            " handler h { aside w message more; script b n = 1; end done | w -> b -> done }",
            "s -> r -> c -> a -> j; r -> t -> j -> e",
        ),
    }
    forms = {"a": fields(ok="boolean")} if written == "compensated" else {}
    assert found(tmp_path, *drawings[written], forms=forms) == []


# --- size


def parallel(departments: int) -> tuple[str, str, dict[str, Any]]:
    """Departments that review and confirm side by side, each with a reminder, and again if one disagrees."""
    names = [f"d{n}" for n in range(departments)]
    elements = ["start s; xor l; and f; and j; xor x; end e"]
    again = " or ".join(f'{name}.k == "no"' for name in names[:3])
    flows = ["s -> l -> f; j -> x", f"x -> l if {again}; x -> e default"]
    for name in names:
        elements.append(f"user {name}; user c_{name}; reminder r_{name} {name} after P1D; end told_{name}")
        flows.append(f"f -> {name} -> c_{name} -> j; r_{name} -> told_{name}")
    return "; ".join(elements), "; ".join(flows), {name: choice("yes", "no") for name in names}


def test_twenty_six_departments_side_by_side_are_explored_to_the_end(tmp_path: Path) -> None:
    elements, flows, forms = parallel(26)
    properties = {name: {"result": name} for name in forms}
    assert found(tmp_path, elements, flows, forms=forms, properties=properties) == []


def test_too_many_states_are_told(tmp_path: Path) -> None:
    # Every answer is read by every branch, so that no order stands for others.
    names = [f"d{n}" for n in range(14)]
    condition = " or ".join(f"{name}.k" for name in names)
    elements = "start s; and f; and j; end e; " + "; ".join(
        f"user {n}; or x{n}; user y{n}; xor m{n}" for n in names
    )
    flows = "; ".join(
        ["s -> f; j -> e"]
        + [
            f"f -> {n} -> x{n} -> y{n} if {condition}; y{n} -> m{n}; x{n} -> m{n} default; m{n} -> j"
            for n in names
        ]
    )
    forms: dict[str, Any] = {name: fields(k="boolean") for name in names}
    forms["s"] = fields(**dict.fromkeys(names, "object"))
    said = found(
        tmp_path, elements, flows, forms=forms, properties={name: {"result": name} for name in names}
    )
    assert ("warning", "bounded", "p", "") in said


# --- against running it


class Scribble:
    """A random diagram of blocks whose split and join need not fit each other."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.serial = count(1)
        self.elements: list[str] = []
        self.flows: list[str] = []
        self.tasks: list[str] = []

    def add(self, kind: str, more: str = "") -> str:
        name = f"{kind}{next(self.serial)}"
        self.elements.append(f"{kind} {name} {more}".strip())
        return name

    def task(self) -> tuple[str, str]:
        name = self.add("user")
        self.tasks.append(name)
        return name, name

    def condition(self) -> str:
        about = self.tasks[0] if self.random.random() < 0.8 else self.random.choice(self.tasks)
        return f'{about}.k == "{self.random.choice("pq")}"'

    def block(self, depth: int) -> tuple[str, str]:
        """Its first and last element."""
        kind = self.random.random()
        if depth == 0 or kind < 0.25:
            return self.task()
        if kind < 0.45:
            first, second = self.block(depth - 1), self.block(depth - 1)
            self.flows.append(f"{first[1]} -> {second[0]}")
            return first[0], second[1]
        if kind < 0.55:
            entry, (head, tail), leave = self.add("xor"), self.block(depth - 1), self.add("xor")
            self.flows += [
                f"{entry} -> {head}",
                f"{tail} -> {leave}",
                f'{leave} -> {entry} if {self.tasks[-1]}.k == "p"',
            ]
            after = self.task()
            self.flows.append(f"{leave} -> {after[0]} default")
            return entry, after[1]
        split = self.random.choice(["xor", "and", "or"])
        join = split if self.random.random() < 0.6 else self.random.choice(["xor", "and", "or"])
        opening, closing = self.add(split), self.add(join)
        for number in range(2):
            head, tail = self.block(depth - 1)
            how = "" if split == "and" else " default" if number else f" if {self.condition()}"
            self.flows += [f"{opening} -> {head}{how}", f"{tail} -> {closing}"]
            if self.random.random() < 0.15:
                edge = self.add("boundary", f"{head} after PT1H") if head in self.tasks else ""
                if edge:
                    self.flows.append(f"{edge} -> {self.random.choice([closing, self.add('end')])}")
        return opening, closing

    def draw(self) -> bytes:
        first = self.task()
        head, tail = self.block(3)
        elements = ["start s", *self.elements, "end e"]
        return draw(
            "; ".join(elements),
            "; ".join(["s -> " + first[0], f"{first[1]} -> {head}", *self.flows, f"{tail} -> e"]),
        )


FORM = choice("p", "q")


def scribbled(seed: int) -> tuple[Net, list[Problem], list[str]] | None:
    """The net of a random diagram, what is said of it, and its tasks; None if it can't be drawn like that."""
    scribble = Scribble(seed)
    net, problems = read({"d.bpmn": scribble.draw()}, None)
    if net is None or any(problem.severity == "error" for problem in problems):
        return None
    (scope,) = net.scopes.values()
    nodes = {
        name: replace(node, properties={"form": "f", "result": name}) if node.kind == "user" else node
        for name, node in scope.nodes.items()
    }
    # Every task has been answered at the start, so that no condition lacks a value.
    net = Net(net.process, {scope.id: replace(scope, nodes=nodes)})
    return net, check_soundness(net, {}, {"f": FORM}, {}, ["e"]), scribble.tasks


def possible(net: Net, marking: Marking) -> list[tuple[str, Input]]:
    """What can happen, in the words of a trace."""
    if marking["state"] != "running" or failed(marking):
        return []
    moves: list[tuple[str, Input]] = []
    for task in open_tasks(marking):
        moves += [(f'{task.element}: k = "{k}"', Complete(task.id, {"k": k})) for k in "pq"]
        moves.append((f"{task.element}: done", Complete(task.id, {"k": "p"})))
    return moves + [(f"{timer.element}: time is up", Fire(timer.timer)) for timer in timers(net, marking)]


def failed(marking: Marking) -> bool:
    return any(
        v["wait"] == "incident" for frame in marking["frames"].values() for v in frame["live"].values()
    )


def is_stuck(net: Net, marking: Marking) -> bool:
    return marking["state"] == "running" and not failed(marking) and not possible(net, marking)


def start(net: Net) -> Marking:
    return step(net, None, Start({}, "Asia/Shanghai"), NOW)[0]


@pytest.mark.parametrize("block", range(6))
def test_random_walks_never_meet_what_the_check_calls_impossible(block: int) -> None:
    met = 0
    for seed in range(block * 30, block * 30 + 30):
        drawn = scribbled(seed)
        if drawn is None:
            continue
        net, problems, _ = drawn
        codes = {problem.code for problem in problems}
        if "sound.bounded" in codes:
            continue
        rng = random.Random(seed)
        for _ in range(12):
            marking = start(net)
            for _ in range(30):
                moves = possible(net, marking)
                if not moves:
                    break
                marking, effects = step(net, marking, rng.choice(moves)[1], NOW)
                assert not any(e.kind == "incident" for e in effects) or codes & {
                    "sound.fault",
                    "sound.no_flow",
                }
            crowd = [v["node"] for v in marking["frames"][""]["live"].values()]
            assert len(crowd) == len(set(crowd)) or "sound.two_tokens" in codes, seed
            if is_stuck(net, marking):
                met += 1
                assert "sound.deadlock" in codes, (seed, json.dumps(marking["frames"][""]["joins"]))
    assert met


@pytest.mark.parametrize("block", range(2))
def test_the_way_to_a_deadlock_ends_in_one_when_it_is_gone(block: int) -> None:
    gone = 0
    for seed in range(block * 60, block * 60 + 60):
        drawn = scribbled(seed)
        for problem in drawn[1] if drawn is not None else ():
            assert drawn is not None
            if problem.code != "sound.deadlock":
                continue
            assert problem.severity == "error"
            assert ends_stuck(drawn[0], start(drawn[0]), [str(text) for text in problem.trace]), (
                seed,
                problem,
            )
            gone += 1
    assert gone


def ends_stuck(net: Net, marking: Marking, trace: list[str]) -> bool:
    """Whether the steps of the trace, taken one by one, lead to where nothing can happen."""
    if not trace:
        return is_stuck(net, marking)
    name = re.split(r":", trace[0])[0]
    return any(
        ends_stuck(net, step(net, marking, given, NOW)[0], trace[1:])
        for said, given in possible(net, marking)
        if said == trace[0] and said.startswith(name)
    )


def test_a_way_is_a_shortest_one() -> None:
    """Breadth first by hand, on the real net, without anything that makes the check quick."""
    compared = 0
    for seed in range(40):
        drawn = scribbled(seed)
        lengths = [len(p.trace) for p in drawn[1] if p.code == "sound.deadlock"] if drawn is not None else []
        if drawn is None or not lengths:
            continue
        level, steps, seen = [start(drawn[0])], 0, set[str]()
        while level and not any(is_stuck(drawn[0], marking) for marking in level) and len(seen) < 1500:
            following: dict[str, Marking] = {}
            for marking in level:
                for _, given in possible(drawn[0], marking):
                    after = step(drawn[0], marking, given, NOW)[0]
                    key = plain(after)
                    if key not in seen:
                        following[key] = after
            seen |= following.keys()
            level, steps = list(following.values()), steps + 1
        if any(is_stuck(drawn[0], marking) for marking in level):
            assert min(lengths) == steps, seed
            compared += 1
    assert compared


def plain(marking: Marking) -> str:
    frame: Mapping[str, Any] = marking["frames"][""]
    live = sorted(visit["node"] for visit in frame["live"].values())
    return json.dumps([marking["state"], live, frame["joins"], frame["data"]], sort_keys=True)
