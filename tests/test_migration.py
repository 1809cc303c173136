"""Open cases go over to another version of their item: safe or not and why, on record, and back."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from clock_items import COUNTY, Hall, at, clock, decision
from databases import ask, dump, unguard
from drawing import draw
from items import ANYTHING, DAY, HOUR, NOON, fields, make_item, organisation
from review_items import AGREE, DISAGREE, conditions, events, refer, review_item, review_office
from terminal import lianban
from test_flow_walks import Walk as FlowWalk
from walks import Sketch, Walk, supervised

from engine.commands import Do
from engine.errors import Invalid, NotAllowed, Refusal, Unknown
from engine.events import Record, canonical, digest
from engine.flow.migrate import rewrite
from engine.flow.prospect import prospect
from engine.flow.read import read
from engine.office import Office
from engine.office.migrations import Wish

ONE = draw("start s; user a; user b; end e", "s -> a -> b -> e")
OTHER = draw("start s; user x; user b; end e", "s -> x -> b -> e")
"""The same, but that `a` is called `x`."""


class Desk:
    """An office whose item gets one version after the other."""

    def __init__(self, root: Path, database: str, office: Office | None = None) -> None:
        self.root = root
        self.database = database
        self.office = office or Office.create_rehearsal(database, NOON, organisation())
        self.versions = 0

    def publish(self, diagram: bytes, when: Any = NOON, **about: Any) -> int:
        self.versions += 1
        folder = make_item(self.root / str(self.versions), diagram, **about)
        return self.office.publish(folder, when).version

    def open(self, *done: str, when: Any = NOON, **data: Any) -> str:
        """A case in which these steps are done."""
        case = self.office.open_case("clerk", "item", data, when).case
        for step in done:
            self.office.do("clerk", case, step, {}, when)
        return case

    def migrate(self, *cases: str, **wish: Any) -> dict[str, Any]:
        wanted = Wish("item", cases=cases, **{"reason": "改版", **wish})
        return self.office.migrate("clerk", wanted, lambda: NOON + HOUR)

    def plan(self, *cases: str, **wish: Any) -> list[dict[str, Any]]:
        planned = self.office.plan_migration(Wish("item", cases=cases, **wish), NOON + HOUR)
        return list(planned["cases"])

    def told(self, *cases: str, **wish: Any) -> dict[str, tuple[str, list[str]]]:
        """Of each case, whether it could go over, and the codes of what is in the way."""
        lines = self.plan(*cases, **wish)
        return {line["case"]: (line["state"], [one["code"] for one in line["hindrances"]]) for line in lines}

    def why(self, case: str, **wish: Any) -> list[str]:
        """What is in the way of one case, in words."""
        (line,) = self.plan(case, **wish)
        return [str(one["message"]) for one in line["hindrances"]]

    def differences(self, case: str, **wish: Any) -> list[str]:
        (line,) = self.plan(case, **wish)
        assert line["state"] == "safe", line
        return [str(one["message"]) for one in line["differences"]]

    def steps(self, case: str) -> dict[str, str]:
        return {line["task"]: line["state"] for line in self.office.show(case)["steps"]}

    def said(self, case: str, type: str) -> list[dict[str, Any]]:
        """What the records of this type say."""
        return [r.event.payload() for r in self.office.history(case) if r.event.type == type]

    def state(self, case: str) -> Any:
        return self.office.replay(case)[-1][1]

    def in_order(self) -> None:
        """Every history replays to what is stored, and everything derived comes out again the same."""
        assert self.office.verify()[1] == []
        before = dump(self.database, ("heads", "tasks", "timers"))
        self.office.rebuild()
        assert dump(self.database, ("heads", "tasks", "timers")) == before


@pytest.fixture
def desk(tmp_path: Path, sqlite_database: str) -> Iterator[Desk]:
    opened = Desk(tmp_path, sqlite_database)
    with opened.office:
        yield opened


# --- steps that are called otherwise, come, and go


def test_an_open_step_that_is_called_otherwise_goes_on_under_its_new_name(desk: Desk) -> None:
    desk.publish(ONE, forms={"a": ANYTHING})
    case = desk.open()
    desk.publish(OTHER, forms={"x": fields(ok="boolean")})
    assert desk.told(case) == {case: ("unsafe", ["element.gone"])}
    assert desk.why(case) == ["the case stands at a, and that is not in the new version"]
    assert desk.differences(case, names={"a": "x"}) == ["a is now x", "x asks by another form"]
    done = desk.migrate(names={"a": "x"})
    assert (done["batch"], done["counts"]) == ("m1", {"migrated": 1})
    assert desk.steps(case) == {"x": "open"}
    assert [line["task"] for line in desk.office.inbox("clerk", NOON + HOUR)] == ["x"]
    with pytest.raises(Invalid) as refusal:
        desk.office.do("clerk", case, "a", {}, NOON + HOUR)
    assert (refusal.value.code, "x" in str(refusal.value.expected)) == ("step.closed", True)
    with pytest.raises(Invalid) as refusal:  # the clerk sees the new form
        desk.office.do("clerk", case, "x", {}, NOON + HOUR)
    assert refusal.value.code == "form.invalid"
    desk.office.do("clerk", case, "x", {"ok": True}, NOON + HOUR)
    assert desk.steps(case) == {"x": "done", "b": "open"}
    desk.in_order()


def test_two_steps_may_take_each_others_names(desk: Desk) -> None:
    twice = "start s; and f; user {}; user {}; and j; end e"
    desk.publish(draw(twice.format("a", "b"), "s -> f; f -> a -> j; f -> b -> j; j -> e"), lanes={"a": "d1"})
    case = desk.open()
    desk.publish(draw(twice.format("b", "a"), "s -> f; f -> b -> j; f -> a -> j; j -> e"), lanes={"b": "d1"})
    desk.migrate(names={"a": "b", "b": "a"})
    assert [(line["task"], line["unit"]) for line in desk.office.inbox("p1", NOON)] == [("b", "d1")]
    desk.office.do("clerk", case, "a", {}, NOON + HOUR)
    desk.office.do("p1", case, "b", {}, NOON + HOUR)
    assert desk.office.show(case)["outcome"] == "e"
    desk.in_order()


def test_a_step_behind_is_done_in_its_time_and_one_before_is_answered_for(desk: Desk) -> None:
    desk.publish(ONE)
    first, second = desk.open(), desk.open("a")
    desk.publish(draw("start s; user a; user audit; user b; end e", "s -> a -> audit -> b -> e"))
    assert desk.told() == {first: ("safe", []), second: ("unsafe", ["step.behind"])}
    assert desk.differences(first) == ["audit comes, which is new"]
    assert desk.why(second) == [
        "audit, new in this place, lies before where the case stands: it will not be done"
    ]
    done = desk.migrate()
    assert done["counts"] == {"migrated": 1, "unsafe": 1}
    assert desk.state(second).definition != desk.state(first).definition
    assert desk.migrate(accepted=("audit",))["counts"] == {"migrated": 1}
    assert [told["accepted"] for told in desk.said(second, "case.migrated")] == [["audit"]]
    desk.office.do("clerk", first, "a", {}, NOON + HOUR)
    assert desk.steps(first) == {"a": "done", "audit": "open"}
    desk.in_order()


def test_a_new_step_in_a_circle_lies_ahead_of_where_the_circle_begins(desk: Desk) -> None:
    circle = "start s; xor m; user a; xor k; script c again = False; end e"
    desk.publish(
        draw(circle, "s -> m -> a -> k; k -> m if again; k -> c default; c -> e"),
        forms={"a": ANYTHING, "s": ANYTHING},
    )
    case = desk.open(again=True)
    desk.publish(
        draw(f"{circle}; user x", "s -> m -> a -> x -> k; k -> m if again; k -> c default; c -> e"),
        forms={"a": ANYTHING, "s": ANYTHING},
    )
    assert desk.told() == {case: ("safe", [])}


def test_a_step_that_is_open_and_not_there_any_more_is_named(desk: Desk) -> None:
    desk.publish(ONE)
    first, second = desk.open(), desk.open("a")
    desk.publish(draw("start s; user a; end e", "s -> a -> e"))
    assert desk.told() == {first: ("safe", []), second: ("unsafe", ["element.gone"])}
    assert desk.differences(first) == ["b comes no longer"]
    assert desk.why(second) == ["the case stands at b, and that is not in the new version"]


def test_names_that_can_not_be_meant_are_refused(desk: Desk) -> None:
    desk.publish(ONE)
    case = desk.open()
    desk.publish(draw("start s; user a; user c; end e", "s -> a -> c -> e"))
    assert desk.told(names={"z": "c"}) == {case: ("unsafe", ["map.unknown"])}
    assert desk.told(names={"b": "z"}) == {case: ("unsafe", ["map.unknown"])}
    assert desk.told(names={"b": "a"}) == {case: ("unsafe", ["map.twice"])}


def test_a_step_that_moves_to_another_department_goes_there_unless_somebody_has_it(desk: Desk) -> None:
    desk.publish(ONE, lanes={"a": "d1"})
    free, taken = desk.open(), desk.open()
    desk.office.hand_over("p1", taken, "a", "q1", "交接", NOON)
    desk.publish(ONE, lanes={"a": "d2"})
    assert desk.told() == {free: ("safe", []), taken: ("unsafe", ["step.taken"])}
    desk.migrate()
    assert [line["case"] for line in desk.office.inbox("p2", NOON + HOUR)] == [free]
    assert [line["case"] for line in desk.office.inbox("p1", NOON + HOUR)] == [taken]
    desk.in_order()


# --- what is under way in several places


def test_tokens_that_wait_at_a_join_wait_on(desk: Desk) -> None:
    both = "start s; and f; user a; user b; and j; end e"
    desk.publish(draw(both, "s -> f; f -> a -> j; f -> b -> j; j -> e"))
    case, other = desk.open("a"), desk.open("b")
    # The flows are drawn in another order, so that their ids mean other flows now.
    desk.publish(draw(f"{both}; user x", "s -> f; f -> b -> x -> j; f -> a -> j; j -> e"))
    assert desk.told() == {case: ("safe", []), other: ("unsafe", ["step.behind"])}
    desk.migrate(accepted=("x",))
    for step in ("b", "x"):
        assert desk.office.show(case)["status"] == "open"
        desk.office.do("clerk", case, step, {}, NOON + HOUR)
    desk.office.do("clerk", other, "a", {}, NOON + HOUR)
    assert [desk.office.show(one)["outcome"] for one in (case, other)] == ["e", "e"]
    desk.in_order()


def test_a_join_that_would_wait_for_a_branch_that_never_began_stands_in_the_way(desk: Desk) -> None:
    desk.publish(
        draw(
            "start s; user r; and f; user a; user b; and j; end e",
            "s -> r -> f; f -> a -> j; f -> b -> j; j -> e",
        )
    )
    before, inside = desk.open(), desk.open("r")
    more = "start s; user r; and f; user a; user b; user c; and j; end e"
    desk.publish(draw(more, "s -> r -> f; f -> a -> j; f -> b -> j; f -> c -> j; j -> e"))
    assert desk.told(accepted=("c",)) == {before: ("safe", []), inside: ("unsafe", ["join.never"])}
    assert desk.why(inside) == ["j would wait for a branch that does not run in this case"]


def test_instances_that_are_under_way_go_on_with_what_they_have(desk: Desk) -> None:
    each = "start s; user {} each one of many into outs from one; user b; end e"
    forms = {"s": ANYTHING}
    desk.publish(draw(each.format("a"), "s -> a -> b -> e"), forms={**forms, "a": ANYTHING})
    case = desk.open("a:2", many=["x", "y", "z"])
    desk.publish(draw(each.format("ask"), "s -> ask -> b -> e"), forms={**forms, "ask": ANYTHING})
    assert desk.migrate(names={"a": "ask"})["counts"] == {"migrated": 1}
    assert [line for line, state in desk.steps(case).items() if state == "open"] == ["ask:1", "ask:3"]
    for task in ("ask:1", "ask:3"):
        desk.office.do("clerk", case, task, {}, NOON + HOUR)
    assert desk.office.show(case)["data"]["outs"] == ["x", "y", "z"]
    desk.in_order()
    other = desk.open("ask:1", many=[1, 2])
    desk.publish(
        draw("start s; user ask; user b; end e", "s -> ask -> b -> e"), forms={**forms, "ask": ANYTHING}
    )
    assert desk.told(other) == {other: ("unsafe", ["loop.differs"])}


def test_events_on_the_edge_of_an_open_step_stay_and_new_timers_are_answered_for(desk: Desk) -> None:
    edge = "start s; user a; {} end e; end n"
    desk.publish(
        draw(
            edge.format("reminder r a after workdays(3); boundary m a message stop;"),
            "s -> a -> e; r -> n; m -> n",
        )
    )
    case = desk.open()
    was = desk.office.show(case)["timers"]
    desk.publish(
        draw(
            edge.format("reminder r a after workdays(9); boundary m a message stop;"),
            "s -> a -> e; r -> n; m -> n",
        )
    )
    assert desk.told(case) == {case: ("safe", [])}
    desk.migrate()
    assert desk.office.show(case)["timers"] == was  # it was set, and stays
    desk.publish(draw(edge.format("boundary m a message stop;"), "s -> a -> e; m -> n"))
    assert desk.told(case) == {case: ("unsafe", ["edge.gone"])}
    third = "reminder r a after workdays(9); boundary m a message stop; reminder q a after P1D;"
    desk.publish(draw(edge.format(third), "s -> a -> e; r -> n; m -> n; q -> n"))
    assert desk.told(case) == {case: ("unsafe", ["timer.new"])}
    assert desk.told(case, accepted=("q",)) == {case: ("safe", [])}
    desk.in_order()


def test_what_is_calculated_ahead_needs_what_the_case_has(desk: Desk) -> None:
    desk.publish(ONE, forms={"a": ANYTHING})
    first, second = desk.open(), desk.open("a")
    ahead = draw(
        "start s; user a; user b; xor k; end e; end f", "s -> a -> b -> k; k -> f if risky; k -> e default"
    )
    desk.publish(ahead, forms={"a": fields(risky="boolean")})
    assert desk.told() == {first: ("safe", []), second: ("unsafe", ["variable.missing"])}
    assert desk.why(second) == ["k reads risky, and nothing gives it in this case"]


# --- what has failed


def test_a_case_that_a_wrong_expression_stopped_goes_on_by_the_corrected_version(desk: Desk) -> None:
    wrong = "start s; user a; script c fee = 20 / copie; user b; end e"
    desk.publish(draw(wrong, "s -> a -> c -> b -> e"), forms={"s": ANYTHING})
    case = desk.open("a", copies=4)
    assert desk.steps(case)["c"] == "failed"
    desk.publish(draw(wrong.replace("copie", "copies"), "s -> a -> c -> b -> e"), forms={"s": ANYTHING})
    assert desk.differences(case) == ["c decides or calculates otherwise"]
    desk.migrate()
    assert desk.steps(case) == {"a": "done", "c": "failed"}
    desk.office.retry("clerk", case, "c", {}, "改正后重试", NOON + HOUR)
    assert desk.steps(case) == {"a": "done", "c": "retried", "b": "open"}
    assert desk.office.show(case)["data"]["fee"] == 5
    desk.in_order()


def test_a_gateway_that_found_no_way_goes_on_by_a_version_that_has_one(desk: Desk) -> None:
    xor = "start s; user a; xor k; user b; end e"
    desk.publish(draw(xor, "s -> a -> k; k -> b if n > 5; b -> e"), forms={"s": ANYTHING})
    case = desk.open("a", n=1)
    desk.publish(draw(xor, "s -> a -> k; k -> b if n > 0; b -> e"), forms={"s": ANYTHING})
    desk.migrate()
    desk.office.retry("clerk", case, "k", {}, "改正", NOON + HOUR)
    assert desk.steps(case)["b"] == "open"
    desk.in_order()


# --- clocks

DESK = draw("start accept; user decide; end done", "accept -> decide -> done")


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[tuple[Hall, Desk]]:
    database = str(tmp_path / "county.db")
    with Office.create_rehearsal(database, at("2026-07-01"), COUNTY.encode()) as office:
        yield Hall(office, tmp_path), Desk(tmp_path, database, office)


def of_step(element: str) -> str:
    """A clock that runs for a step."""
    return clock("step", "3wd", "", each=[element], tier="step").replace("starts = []\n", "")


def carried(hall: Hall, when: str = "2026-07-10", **wish: Any) -> dict[str, Any]:
    return hall.office.migrate("clerk", Wish("item", reason="新法施行", **wish), lambda: at(when))


def test_a_clock_keeps_its_term_its_pauses_and_its_law_and_a_later_case_has_the_new_one(
    hall: tuple[Hall, Desk],
) -> None:
    county, _ = hall
    county.publish(DESK, clocks=decision("20wd"))
    file = county.open("item", "2026-07-06 09:00")
    file.pause("2026-07-07")
    file.resume("2026-07-09")
    file.extend("2026-07-09 15:00", "5wd")
    due, shown = file.due("decision"), file.show("2026-07-10")["clocks"]
    certificate = county.office.explain(file.number, "decision", at("2026-07-10"))[0]["certificate"]
    county.publish(
        DESK,
        clocks=decision(
            "10wd",
            grounds=["hearing"],
            extension={
                "up_to": "3wd",
                "approver": "government/head",
                "basis": {"law": "新法", "article": "第一条"},
                "notice": "extended",
            },
        ),
    )
    told = carried(county)["cases"][0]["differences"]
    assert [str(one["message"]) for one in told] == [
        "the clock decision keeps its term of 20 working days; 10 working days is for clocks that start later"
    ]
    assert file.due("decision") == due
    assert file.show("2026-07-10")["clocks"] == shown
    assert county.office.explain(file.number, "decision", at("2026-07-10"))[0]["certificate"] == certificate
    file.pause("2026-07-13")  # testing was a ground of the law under which it began
    file.resume("2026-07-15")
    assert county.open("item", "2026-07-10 10:00").due("decision") == "2026-07-24 17:30"
    back = carried(county, "2026-07-16", undo="m1")
    assert back["counts"] == {"migrated": 1}
    assert "rule" not in county.office.replay(file.number)[-1][1].deadlines["decision"]
    county.close()


def test_a_clock_that_runs_and_is_not_there_any_more_stands_in_the_way(hall: tuple[Hall, Desk]) -> None:
    county, _ = hall
    county.publish(DESK, clocks=decision() + of_step("decide"))
    file = county.open("item", "2026-07-06 09:00")
    county.publish(DESK, clocks=decision())
    assert [one["code"] for one in carried(county)["cases"][0]["hindrances"]] == ["clock.gone"]
    assert file.happened("case.migrated") == []


def test_a_clock_of_a_step_follows_it_to_its_new_name_with_its_alarms(hall: tuple[Hall, Desk]) -> None:
    county, desk = hall
    county.publish(DESK, clocks=of_step("decide"))
    file = county.open("item", "2026-07-06 09:00")
    renamed_desk = draw("start accept; user settle; end done", "accept -> settle -> done")
    county.publish(renamed_desk, lanes={"settle": "d1"}, clocks=of_step("settle"))
    due = file.clock("step@decide")["due"]
    assert carried(county, names={"decide": "settle"})["counts"] == {"migrated": 1}
    # The clock had run out by then, under its old name.
    assert file.said("clock.expired", "clock") == [("2026-07-09 17:30", "step@decide")]
    assert file.clock("step@settle")["due"] == due
    assert list(file.cards()) == ["yellow-1"]
    file.answer("2026-07-10", "yellow-1")
    desk.in_order()
    file.do("2026-07-13", "settle", "p1")
    assert file.states() == {"step@settle": "stopped"}
    county.close()


def test_a_clock_whose_end_lies_behind_the_case_stands_in_the_way(hall: tuple[Hall, Desk]) -> None:
    county, _ = hall
    two = draw("start accept; user first; user decide; end done", "accept -> first -> decide -> done")
    county.publish(two, clocks=decision())
    file = county.open("item", "2026-07-06 09:00")
    file.do("2026-07-06 10:00", "first")
    county.publish(two, clocks=decision(stops="first"))
    assert [one["code"] for one in carried(county)["cases"][0]["hindrances"]] == ["clock.stops"]


# --- several departments


def under_another_name(folder: Path) -> Path:
    """The item of `review_items`, in which the step `a` is called `ask`."""
    for name, old, new in (
        ("diagram.bpmn", '"a"', '"ask"'),
        ("diagram.bpmn", ">a<", ">ask<"),
        ("item.toml", '"a"', '"ask"'),
    ):
        text = (folder / name).read_text("utf-8")
        (folder / name).write_text(text.replace(old, new), encoding="utf-8")
    return folder


@pytest.fixture
def reviews(tmp_path: Path, sqlite_database: str) -> Iterator[Desk]:
    """The item of `review_items` in force."""
    office = review_office(tmp_path / "1", database=sqlite_database)
    with office:
        yield Desk(tmp_path, sqlite_database, office)


def taken_over(desk: Desk, folder: Path, when: Any, **wish: Any) -> dict[str, Any]:
    desk.office.publish(folder, when)
    return desk.office.migrate("admin", Wish("item", reason="改版", **wish), lambda: when)


def test_a_joint_review_goes_on_with_what_departments_have_signed_and_said(reviews: Desk) -> None:
    office, case = reviews.office, refer(reviews.office)
    office.sign("p1", case, "a", NOON + HOUR)
    office.do("p2", case, "b", conditions("消防验收"), NOON + HOUR)
    due = {line["of"]: line["due"] for line in office.show(case)["clocks"] if line["of"]}
    folder = under_another_name(review_item(reviews.root / "2"))
    assert taken_over(reviews, folder, NOON + 2 * HOUR)["counts"] == {"unsafe": 1}
    assert taken_over(reviews, folder, NOON + 2 * HOUR, names={"a": "ask"})["counts"] == {"migrated": 1}
    moved = {line["of"]: line["due"] for line in office.show(case)["clocks"] if line["of"]}
    assert moved == {"ask": due["a"], "b": due["b"], "c": due["c"]}
    reviews.in_order()
    assert [(line["task"], line["stage"]) for line in office.inbox("p1", NOON + 2 * HOUR)] == [
        ("ask", "signed")
    ]
    with pytest.raises(Refusal):
        office.sign("q1", case, "ask", NOON + 3 * HOUR)
    office.do("p1", case, "ask", AGREE, NOON + 3 * HOUR)
    office.do("p3", case, "c", AGREE, NOON + 3 * HOUR)
    (decided,) = events(office, case, "joint.decided")
    assert decided["outcome"] == "conditional"
    assert decided["conditions"] == [{"text": "消防验收", "units": ["d2"]}]
    reviews.in_order()


def test_what_a_silent_department_owes_it_owes_under_the_new_name(reviews: Desk) -> None:
    office, case = reviews.office, refer(reviews.office)
    office.sign("p1", case, "a", NOON + HOUR)
    office.sweep(NOON + 4 * DAY)
    assert [(line["task"], line["stage"]) for line in office.inbox("p1", NOON + 4 * DAY)] == [("a", "owed")]
    folder = under_another_name(review_item(reviews.root / "2"))
    assert taken_over(reviews, folder, NOON + 4 * DAY, names={"a": "ask"})["counts"] == {"migrated": 1}
    assert [(line["task"], line["stage"]) for line in office.inbox("p1", NOON + 4 * DAY)] == [("ask", "owed")]
    reviews.in_order()
    office.do("p1", case, "ask", DISAGREE, NOON + 4 * DAY + HOUR)
    assert [one["finding"] for one in office.show(case)["findings"]] == ["referral.late_dissent"]
    reviews.in_order()


def test_the_rule_of_a_review_under_way_stays_as_it_is(reviews: Desk) -> None:
    asked = refer(reviews.office)
    folder = review_item(reviews.root / "2", rule="majority")
    done = taken_over(reviews, folder, NOON + HOUR)
    assert [[one["code"] for one in line["hindrances"]] for line in done["cases"]] == [["joint.differs"]]
    for who, task in (("p1", "a"), ("p2", "b"), ("p3", "c")):
        reviews.office.do(who, asked, task, AGREE, NOON + 2 * HOUR)
    done = taken_over(reviews, folder, NOON + 3 * HOUR)
    assert done["counts"] == {"migrated": 1}
    reviews.in_order()


# --- on record, by whom


def test_only_administrators_with_a_reason_and_all_of_it_on_record(desk: Desk) -> None:
    desk.publish(ONE)
    case = desk.open()
    desk.publish(OTHER)
    wish = Wish("item", names={"a": "x"}, reason="改版")
    for who, expected in (("p1", NotAllowed), (None, Invalid)):
        with pytest.raises(expected):
            desk.office.migrate(who, wish, lambda: NOON)
    with pytest.raises(Invalid) as refusal:
        desk.migrate(names={"a": "x"}, reason=" ")
    assert refusal.value.code == "act.no_reason"
    assert desk.office.history("office")[-1].event.type == "definition.published"
    assert desk.office.history(case)[-1].event.type == "task.opened"
    desk.migrate(names={"a": "x"}, accepted=("b",))
    ordered = desk.office.history("office")[-1]
    assert (ordered.event.type, ordered.by["person"]) == ("migration.ordered", "clerk")
    migrated = [r for r in desk.office.history(case) if r.event.type == "case.migrated"]
    assert [
        (r.by["person"], r.event.payload()["reason"], r.event.payload()["accepted"]) for r in migrated
    ] == [("clerk", "改版", [])]
    told = desk.office.told(case, desk.office.history(case))
    assert [line["name"]["zh"] for line in told if line["type"] in ("task.opened", "task.migrated")] == [
        "a",
        "x",
    ]


def test_a_dry_run_changes_nothing_even_where_time_has_much_to_do(desk: Desk) -> None:
    timed = "start s; user {}; boundary t {} after P1D; user late; end e"
    desk.publish(draw(timed.format("a", "a"), "s -> a -> e; t -> late -> e"))
    case = desk.open()
    desk.publish(draw(timed.format("x", "x"), "s -> x -> e; t -> late -> e"))
    before = dump(desk.database)
    done = desk.office.plan_migration(Wish("item"), NOON + 2 * DAY)
    # By then the timer has fired, and the case no longer stands at what is gone.
    assert [[one["code"] for one in line["hindrances"]] for line in done["cases"]] == [["step.behind"]]
    assert desk.told() == {case: ("unsafe", ["element.gone"])}
    assert dump(desk.database) == before


def rebuilt(database: str, case: str, seq: int, change: Callable[[dict[str, Any]], None]) -> None:
    """Somebody with the database rewrites the history from an event on, hashes and all."""
    unguard(database)
    rows = ask(
        database, "SELECT seq, body FROM events WHERE case_no = ? AND seq >= ? ORDER BY seq", case, seq
    )
    ((prev,),) = ask(database, "SELECT hash FROM events WHERE case_no = ? AND seq = ?", case, seq - 1)
    for number, body in rows:
        content = json.loads(bytes(body))
        if number == seq:
            change(content["data"])
        content["prev"] = prev
        written = canonical(content)
        prev = digest(written)
        sql = "UPDATE events SET body = ?, hash = ? WHERE case_no = ? AND seq = ?"
        ask(database, sql, written, prev, case, number)
    ask(database, "UPDATE heads SET hash = ? WHERE case_no = ?", prev, case)


def test_papers_of_the_old_version_stay_and_the_past_is_told_in_its_own_words(desk: Desk) -> None:
    desk.publish(ONE, documents={"a": "receipt"})
    case = desk.open("a")
    desk.publish(draw("start s; user a; user c; end e", "s -> a -> c -> e"))
    desk.migrate(names={"b": "c"})
    shown, before = desk.office.show(case), desk.office.show(case, as_of=NOON)
    assert [paper["document"] for paper in shown["documents"]] == ["receipt"]
    assert before["documents"] == shown["documents"]
    assert [line["task"] for line in shown["steps"]] == ["a", "c"]
    assert [line["task"] for line in before["steps"]] == ["a", "b"]
    assert shown["definition"] != before["definition"]
    told = desk.office.told(case, desk.office.history(case))
    assert [line["name"]["zh"] for line in told if line["type"] == "document.issued"] == ["receipt"]


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("names", {"a": "b"}, "replay.diverged"),
        ("definition", "0" * 64, "definition.missing"),
        ("was", "0" * 64, "replay.diverged"),
        ("batch", "m9", "migration.not_ordered"),
        ("accepted", ["b"], "migration.not_ordered"),
        ("undoes", "m1", "migration.not_ordered"),
    ],
)
def test_a_changed_record_of_a_migration_is_found(desk: Desk, key: str, value: Any, code: str) -> None:
    desk.publish(ONE)
    case = desk.open()
    desk.publish(OTHER)
    desk.migrate(names={"a": "x"})
    rebuilt(desk.database, case, 3, lambda data: data.update({key: value}))
    found = {finding.code for finding in desk.office.verify()[1]}
    assert code in found


# --- batches


def test_a_batch_that_was_interrupted_goes_on_under_its_name(desk: Desk) -> None:
    desk.publish(ONE)
    cases = [desk.open() for _ in range(5)]
    desk.publish(OTHER)
    wish = Wish("item", names={"a": "x"}, reason="改版")
    told: list[int] = []

    def progress(step: int, all: int) -> None:
        told.append(all)
        if len(told) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        desk.office.migrate("clerk", wish, lambda: NOON + HOUR, progress)
    assert [desk.steps(case) for case in cases].count({"x": "open"}) == 2
    done = desk.office.migrate("clerk", wish, lambda: NOON + HOUR)
    assert (done["batch"], done["counts"]) == ("m1", {"migrated": 3})
    assert desk.office.migrate("clerk", wish, lambda: NOON + HOUR)["cases"] == []
    assert desk.migrate(cases[0], names={"a": "x"})["counts"] == {"already": 1}
    ordered = [r for r in desk.office.history("office") if r.event.type == "migration.ordered"]
    assert len(ordered) == 1
    assert desk.migrate(undo="m1")["counts"] == {"migrated": 5}
    assert [desk.steps(case) for case in cases] == [{"a": "open"}] * 5
    desk.in_order()


def test_only_the_cases_and_the_version_that_are_named_go_over(desk: Desk) -> None:
    desk.publish(ONE)
    first, second = desk.open(), desk.open()
    desk.publish(ONE, forms={"b": ANYTHING})
    third = desk.open()
    desk.publish(ONE, forms={"a": ANYTHING})
    assert set(desk.told()) == {first, second, third}
    assert set(desk.told(source=2)) == {third}
    assert set(desk.told(to=2)) == {first, second}
    assert desk.migrate(second, to=2)["counts"] == {"migrated": 1}
    assert set(desk.told(source=2)) == {second, third}
    for wrong, code in (({"to": 9}, Unknown), ({"source": 9}, Unknown), ({"source": 3}, Unknown)):
        with pytest.raises(code):
            desk.told(**wrong)
    with pytest.raises(Unknown):
        desk.office.plan_migration(Wish("nothing"), NOON)
    with pytest.raises(Unknown):
        desk.told(undo="m7")


def test_a_case_goes_back_if_the_old_version_can_hold_all_that_happened_since(desk: Desk) -> None:
    desk.publish(ONE)
    early, late, later = desk.open(), desk.open(), desk.open()
    desk.publish(draw("start s; user a; user audit; user b; end e", "s -> a -> audit -> b -> e"))
    assert desk.migrate()["counts"] == {"migrated": 3}
    before = desk.state(early).marking
    desk.office.do("clerk", late, "a", {}, NOON + HOUR)
    for step in ("a", "audit"):
        desk.office.do("clerk", later, step, {}, NOON + HOUR)
    back = {line["case"]: line for line in desk.migrate(undo="m1")["cases"]}
    assert {case: line["state"] for case, line in back.items()} == {
        early: "migrated",
        late: "unsafe",
        later: "migrated",
    }
    assert [one["element"] for one in back[late]["hindrances"]] == ["audit"]
    assert desk.state(early).marking == before
    assert desk.steps(later)["b"] == "open"
    assert desk.migrate(undo="m1")["counts"] == {"already": 2, "unsafe": 1}
    # Forward again, and the first batch is not the last any more.
    assert desk.migrate(early)["batch"] == "m3"
    assert desk.told(early, undo="m1") == {early: ("refused", [])}
    desk.in_order()


def test_a_closed_case_and_one_of_another_item_are_refused_by_name(desk: Desk) -> None:
    desk.publish(ONE)
    closed, running = desk.open("a", "b"), desk.open()
    desk.publish(ONE, forms={"a": ANYTHING})
    other = make_item(desk.root / "other", ONE, code="other")
    desk.office.publish(other, NOON)
    strange = desk.office.open_case("clerk", "other", {}, NOON).case
    done = desk.migrate(closed, running, strange)
    assert done["counts"] == {"migrated": 1, "refused": 2}
    codes = {line["case"]: line["refusal"].code for line in done["cases"] if line["refusal"]}
    assert codes == {closed: "case.closed", strange: "migration.item"}


# --- both databases


def test_cases_go_over_and_back_while_others_work_in_them(database: str, tmp_path: Path) -> None:
    desk = Desk(tmp_path, database)
    with desk.office:
        desk.publish(
            draw(
                "start s; user a; reminder r a after workdays(2); user b; end e; end n",
                "s -> a -> b -> e; r -> n",
            )
        )
        cases = [desk.open() for _ in range(3)]
        desk.publish(
            draw(
                "start s; user x; reminder q x after workdays(2); user b; end e; end n",
                "s -> x -> b -> e; q -> n",
            )
        )
        names = {"a": "x", "r": "q"}
        if "://" in database:  # SQLite lets nobody in between
            others: list[Office] = [Office.open(database)]

            def chosen(draft: Any, person: Any) -> Do:
                if others:
                    with others.pop() as other:
                        done = other.migrate(
                            "clerk", Wish("item", names=names, reason="改版"), lambda: NOON + HOUR
                        )
                        assert done["counts"] == {"migrated": 3}
                return Do("a", {})

            with pytest.raises(Invalid) as refusal:
                desk.office._act(partial(desk.office._enter, "clerk", cases[0], NOON + HOUR, chosen))
            assert (refusal.value.code, "x" in str(refusal.value.expected)) == ("step.closed", True)
        else:
            assert desk.migrate(names=names)["counts"] == {"migrated": 3}
        desk.office.do("clerk", cases[0], "x", {}, NOON + HOUR)
        assert [row[0] for row in ask(database, "SELECT timer FROM timers ORDER BY case_no")] == [
            "x!q",
            "x!q",
        ]
        desk.office.sweep(NOON + 4 * DAY)
        assert [
            r.event.payload()["timer"] for r in desk.office.history(cases[1]) if r.event.type == "timer.fired"
        ] == ["x!q"]
        desk.in_order()
        back = desk.office.migrate("clerk", Wish("item", undo="m1", reason="撤回"), lambda: NOON + 5 * DAY)
        assert back["counts"] == {"migrated": 3}
        assert desk.steps(cases[1])["a"] == "open"
        desk.in_order()


# --- abolished items, and versions in force


def statuses(office: Office, when: Any) -> dict[int, tuple[str, str | None]]:
    return {line["version"]: (line["status"], line["until"]) for line in office.items(when)}


def test_of_an_abolished_item_no_case_is_opened_and_open_ones_go_on(desk: Desk) -> None:
    desk.publish(ONE)
    case = desk.open()
    day = (NOON + 2 * DAY).date()
    done = desk.office.abolish("clerk", "item", day, "国发〔2026〕9号取消", NOON)
    assert (done["since"], done["open"], done["repeated"]) == ("2026-03-04", 1, False)
    assert desk.office.abolish("clerk", "item", day, "国发〔2026〕9号取消", NOON + HOUR)["repeated"]
    assert statuses(desk.office, NOON) == {1: ("in_force", "2026-03-04")}
    desk.open(when=NOON + DAY)
    assert statuses(desk.office, NOON + 2 * DAY) == {1: ("abolished", "2026-03-04")}
    with pytest.raises(Invalid) as refusal:
        desk.open(when=NOON + 2 * DAY)
    assert refusal.value.code == "item.abolished"
    assert "国发〔2026〕9号取消" in str(refusal.value.message)
    assert "clerk" in str(refusal.value.found)
    desk.office.do("clerk", case, "a", {}, NOON + 3 * DAY)
    desk.in_order()
    # The very same definition is a later version, and puts the item in force again.
    assert desk.publish(ONE, NOON + 3 * DAY) == 2
    assert statuses(desk.office, NOON + 3 * DAY) == {1: ("superseded", "2026-01-01"), 2: ("in_force", None)}
    desk.open(when=NOON + 3 * DAY)
    desk.in_order()


def test_an_item_is_abolished_by_administrators_for_a_reason_from_a_day_to_come(desk: Desk) -> None:
    desk.publish(ONE)
    today = NOON.date()
    for who, item, since, reason, code in (
        ("p1", "item", today, "取消", "access.administrator"),
        ("clerk", "nothing", today, "取消", "item.unknown"),
        ("clerk", "item", today, " ", "item.no_reason"),
        ("clerk", "item", today - DAY, "取消", "item.backdated"),
    ):
        with pytest.raises(Refusal) as refusal:
            desk.office.abolish(who, item, since, reason, NOON)
        assert refusal.value.code == code
    assert statuses(desk.office, NOON) == {1: ("in_force", None)}
    desk.office.abolish("clerk", "item", None, "取消", NOON)
    with pytest.raises(Invalid):
        desk.open()
    ask(desk.database, "UPDATE meta SET value = '{}' WHERE name = 'abolished'")
    assert {finding.code for finding in desk.office.verify()[1]} == {"item.differs"}


def test_of_versions_with_one_date_the_later_published_counts_and_an_earlier_date_never_overtakes(
    hall: tuple[Hall, Desk],
) -> None:
    county, _ = hall
    office = county.office

    def version_of(when: str) -> str:
        return str(office.replay(county.open("item", when).number)[-1][1].definition)

    county.publish(DESK, effective="2026-07-01")
    county.publish(DESK, effective="2026-07-01", notices=())
    county.publish(DESK, effective="2026-08-01", notices=("special",))
    county.publish(DESK, effective="2026-06-01", notices=("extended",))
    named = {line["version"]: line["definition"] for line in office.items(at("2026-07-02"))}
    assert statuses(office, at("2026-07-02")) == {
        1: ("superseded", "2026-07-01"),
        2: ("in_force", "2026-08-01"),
        3: ("coming", None),
        4: ("superseded", "2026-07-01"),
    }
    assert (version_of("2026-07-31"), version_of("2026-08-01")) == (named[2], named[3])
    assert statuses(office, at("2026-08-01"))[2] == ("superseded", "2026-08-01")
    with pytest.raises(Invalid) as refusal:
        office.plan_migration(Wish("item", to=3), at("2026-07-31"))
    assert refusal.value.code == "migration.not_in_force"


# --- on the command line


def test_the_command_line_classifies_carries_out_and_takes_back(desk: Desk, tmp_path: Path) -> None:
    desk.publish(ONE)
    first, second = desk.open(), desk.open("a")
    desk.publish(draw("start s; user a; user audit; user b; end e", "s -> a -> audit -> b -> e"))
    desk.office.close()

    def run(*words: str) -> Any:
        common = [
            "--db",
            desk.database,
            "--as",
            "clerk",
            "--now",
            "2026-03-02T14:00:00+08:00",
            "--lang",
            "en",
        ]
        return lianban(tmp_path, *common, *words)

    tried = run("item", "migrate", "item", "--dry-run")
    assert tried.code == 0, tried.err
    assert "safe 1 · unsafe 1" in tried.out
    assert "--accept audit" in tried.out
    done = run("--json", "item", "migrate", "item", "--reason", "改版")
    assert done.code == 6, done.err
    assert done.json["counts"] == {"migrated": 1, "unsafe": 1}
    keys = set(re.findall(r'"([a-z_]+)":', done.out))
    documented = set(re.findall(r"`([a-z_]+)`", Path("docs/json.md").read_text(encoding="utf-8")))
    assert keys - documented == set()
    assert run("item", "migrate", "item", second, "--reason", "改版").code == 1
    assert run("item", "migrate", "item", "--map", "a", "--reason", "改版").code == 2
    assert run("item", "migrate", "item", "--undo", "m1", "--to", "1", "--reason", "改版").code == 2
    told = run("history", first)
    assert "takes the case over to the version" in told.out
    back = run("item", "migrate", "item", "--undo", "m1", "--reason", "撤回")
    assert (back.code, "gone over 1" in back.out) == (0, True)
    assert run("item", "abolish", "item", "--from", "2026-04-01", "--reason", "取消").code == 0
    assert "abolished from 2026-04-01" in run("item", "list").out
    assert run("verify").code == 0


# --- random walks

ELEMENT = re.compile(r"(?<![A-Za-z0-9_])([tgjbwsexnrul])(\d+)(?![A-Za-z0-9_])")


def anew(text: str) -> str:
    """The text with every element under a new name (in the same order, as frames go by their names)."""
    return ELEMENT.sub(r"\1_\2", text)


class Twice(FlowWalk):
    """A random walk, in a net and beside it in the same net with other names."""

    def __init__(self, seed: int) -> None:
        drawn = Sketch(random.Random(seed), 14, 4, rare=0.6)
        drawn.whole()
        if seed % 2:
            drawn.handler()
        other, _ = read({"p.bpmn": draw(anew(";".join(drawn.elements)), anew(";".join(drawn.flows)))})
        assert other is not None
        self.other = other
        super().__init__(seed)

    def check(self) -> None:
        """In whatever state: the process can go over, nothing would be otherwise, and it can go back."""
        super().check()
        assert self.kept is not None
        names = {id: anew(id) for scope in self.net.scopes.values() for id in scope.nodes}
        moved, hindrances = rewrite(self.net, self.other, self.kept, names)
        assert hindrances == []
        assert json.loads(anew(json.dumps(self.kept, ensure_ascii=False))) == moved
        seen = prospect(self.net, self.other, self.kept, moved, names)
        assert [*seen.hindrances, *seen.coming, *seen.gone, *seen.again] == []
        back, hindrances = rewrite(self.other, self.net, moved, {new: old for old, new in names.items()})
        assert (back, hindrances) == (self.kept, [])


@pytest.mark.parametrize("half", range(2))
def test_a_process_can_go_over_to_the_same_net_with_other_names_from_wherever_it_stands(half: int) -> None:
    for seed in range(1000 + half * 15, 1015 + half * 15):
        Twice(seed).go(30)


@contextmanager
def walking(root: Path, seed: int, migrate_at: int | None) -> Iterator[tuple[Office, str]]:
    """A walk through a random item with clocks, taken over to its namesake after so many acts."""
    drawn = Sketch(random.Random(seed), 9, 2, clocks=["c1", "c2"], rare=0.3)
    drawn.whole()

    def item(folder: Path, rename: Callable[[str], str]) -> Path:
        start, tasks = rename(drawn.elements[0].split()[1]), [rename(task) for task in drawn.tasks]
        drawn.random.seed(seed)
        return make_item(
            folder,
            draw(rename(";".join(drawn.elements)), rename(";".join(drawn.flows))),
            forms={start: ANYTHING, **dict.fromkeys(tasks, ANYTHING)},
            documents=dict.fromkeys(tasks[::3], "note"),
            clocks=rename(drawn.clock_table()),
            notices=["special", "extended"],
        )

    with Office.create_rehearsal(str(root / "office.db"), NOON, supervised()) as office:
        office.publish(item(root / "1", str), NOON)
        walk = Walk(office, "item", seed)
        office.publish(item(root / "2", anew), NOON)
        names = {name: anew(name) for name in elements(drawn)}
        for count, _ in enumerate(walk.go(40)):
            if count == migrate_at:
                wish = Wish("item", names=names, reason="改名")
                done = office.migrate("clerk", wish, lambda: walk.now)
                assert done["counts"] == {"migrated": 1}, done
        yield office, walk.case


def walked(root: Path, seed: int, migrate_at: int | None) -> tuple[Any, list[Record]]:
    """The end of such a walk."""
    with walking(root, seed, migrate_at) as (office, case):
        Desk(root, str(root / "office.db"), office).in_order()
        return office.replay(case)[-1][1], office.history(case)


def elements(drawn: Sketch) -> set[str]:
    return {found[0] for found in ELEMENT.finditer(";".join(drawn.elements))}


@pytest.mark.parametrize("seed", [2101, 2104, 2110, 2112])
def test_a_case_that_goes_over_in_the_middle_ends_like_one_that_does_not(tmp_path: Path, seed: int) -> None:
    states = []
    for name, place in (("stays", None), ("goes", 3 + seed % 5)):
        (tmp_path / name).mkdir()
        state, history = walked(tmp_path / name, seed, place)
        gone_over = [record for record in history if record.event.type == "case.migrated"]
        assert len(gone_over) == (place is not None)
        states.append({**state.to_json(), "definition": "", "at": ""})
    assert json.loads(anew(json.dumps(states[0], ensure_ascii=False))) == json.loads(json.dumps(states[1]))
