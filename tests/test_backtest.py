"""Recorded cases against a draft: what would have come of the same facts, and what nobody can say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from clock_items import COUNTY, DESK, Hall, at, decision
from databases import ask, unguard
from drawing import draw
from items import ANYTHING, DAY, HOUR, NOON, fields, make_item, organisation, play
from review_items import AGREE, DISAGREE, refer, review_item, review_office
from terminal import lianban

from engine.clock import Overlay
from engine.definition import builtin
from engine.errors import Invalid, Unknown
from engine.office import Office
from engine.office.backtesting import Wish
from engine.office.publishing import NotPublishable

YEAR_LATER = NOON + 365 * DAY

ONE = draw("start s; user a; user b; end e", "s -> a -> b -> e")
BIG = draw(
    "start s; user a; xor how; user check; end small; end big",
    "s -> a -> how; how -> check if sum > 100; how -> small default; check -> big",
)
"""Sums over 100 are checked."""


def asked(**required: str) -> dict[str, Any]:
    return {"a": fields(**required)}


class Desk:
    """An office with one item in force, and drafts of it."""

    def __init__(self, root: Path, diagram: bytes, **about: Any) -> None:
        self.root = root
        self.drafts = 0
        self.database = str(root / "office.db")
        self.office = Office.create_rehearsal(self.database, NOON, organisation())
        self.office.publish(make_item(root / "published", diagram, **about), NOON)

    def open(self, *done: tuple[str, dict[str, Any]], when: Any = NOON, **data: Any) -> str:
        """A case in which these steps are done, an hour apart."""
        case = self.office.open_case("clerk", "item", data, when).case
        for n, (step, answers) in enumerate(done, 1):
            self.office.do("clerk", case, step, answers, when + n * HOUR)
        return case

    def draft(self, diagram: bytes, **about: Any) -> str:
        self.drafts += 1
        return str(make_item(self.root / f"draft{self.drafts}", diagram, **about))

    def against(self, what: str, **wish: Any) -> dict[str, Any]:
        return self.office.backtest(Wish(what, **wish), YEAR_LATER)

    def one(self, what: str, **wish: Any) -> dict[str, Any]:
        """The only case."""
        (line,) = self.against(what, **wish)["cases"]
        return dict(line)


def classes(report: dict[str, Any]) -> dict[str, str]:
    return {line["case"]: line["class"] for line in report["cases"]}


def first(line: dict[str, Any]) -> tuple[str, str, str]:
    return line["first"]["kind"], str(line["first"]["recorded"]), str(line["first"]["draft"])


# --- the same definition


@pytest.mark.parametrize("item", sorted(builtin().items()))
def test_every_case_of_a_shipped_item_comes_out_the_same_by_its_own_version(
    item: str, tmp_path: Path
) -> None:
    folder = builtin().items()[item]
    with Office.create_rehearsal(str(tmp_path / "office.db"), NOON) as office:
        office.publish(folder, NOON)
        examples = [play(office, item, path.stem) for path in sorted((folder / "examples").glob("*.toml"))]
        report = office.backtest(Wish(f"{item}@1"), YEAR_LATER)
    total = report["total"]
    assert total["classes"] == {"same": len(examples)}
    assert sorted(line["case"] for line in report["cases"]) == sorted(examples)
    assert [line["left_out"] for line in report["cases"]] == [[]] * len(examples)
    assert (total["answered"], total["percent"]) == (len(examples), 100.0)
    assert all(line["recorded"] == line["draft"] for line in [*total["units"], *total["outcomes"]])
    assert total["overdue"]["cases"]["recorded"] == total["overdue"]["cases"]["draft"]
    assert (total["days"]["mean"], total["days"]["median"]) in ((0, 0), (None, None))


# --- who is decided and routed otherwise


def test_another_threshold_in_a_table_is_told_of_exactly_the_cases_that_it_touches(tmp_path: Path) -> None:
    folder = builtin().items()["senior-card"]
    draft = tmp_path / "card-kind.dmn"
    table = (folder / "card-kind.dmn").read_text("utf-8")
    draft.write_text(table.replace(">[60..69]<", ">[60..79]<").replace(">&gt;= 70<", ">&gt;= 80<"), "utf-8")
    with Office.create_rehearsal(str(tmp_path / "lianban.db"), NOON) as office:
        office.publish(folder, NOON)
        seventy = play(office, "senior-card", "seventy")
        play(office, "senior-card", "sixty-today")
        play(office, "senior-card", "one-day-short")
    words = ("backtest", "senior-card", "--dmn", str(draft), "--now", "2027-03-01", "-o", "report.json")
    shown = lianban(tmp_path, *words)
    report = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert classes(report) == {
        line["case"]: "decided" if line["case"] == seventy else "same" for line in report["cases"]
    }
    told = next(line for line in report["cases"] if line["case"] == seventy)
    assert first(told) == ("decided", "Kind of card gives 70+", "Kind of card gives 60-69")
    assert told["first"]["element"] == "card_kind"
    assert shown.code == 0
    assert f"1 decided differently: {seventy}" in shown.out
    assert max(map(len, shown.out.splitlines())) <= 80


def test_a_case_that_goes_another_way_is_told_with_the_condition_and_the_values(tmp_path: Path) -> None:
    desk = Desk(tmp_path, BIG, forms=asked(sum="integer"))
    small = desk.open(("a", {"sum": 40}))
    middle = desk.open(("a", {"sum": 150}), ("check", {}))
    large = desk.open(("a", {"sum": 900}), ("check", {}))
    draft = desk.draft(BIG.replace(b"sum &gt; 100", b"sum &gt; 500"), forms=asked(sum="integer"))
    report = desk.against(draft)
    assert classes(report) == {small: "same", middle: "decided", large: "same"}
    line = report["cases"][1]
    assert line["outcome"] == {"recorded": "big", "draft": "small"}
    assert line["differences"] == ["decided", "routed", "time"]
    chosen = line["first"]["chosen"]
    assert (chosen["element"], chosen["recorded"], chosen["draft"]) == ("how", "check", "small")
    assert (chosen["condition"], chosen["values"]) == ("sum > 500", {"sum": 150})
    assert [(left["type"], left["why"]) for left in line["left_out"]] == [("task.completed", "closed")]
    assert {"recorded": "big", "draft": "small", "cases": 1} in report["total"]["outcomes"]
    assert [(u["unit"], u["recorded"], u["draft"]) for u in report["total"]["units"]] == [("hall", 5, 4)]


def test_a_case_for_which_the_draft_wants_a_step_more_can_not_be_answered(tmp_path: Path) -> None:
    desk = Desk(tmp_path, BIG, forms=asked(sum="integer"))
    desk.open(("a", {"sum": 40}))
    draft = desk.draft(BIG.replace(b"sum &gt; 100", b"sum &gt; 10"), forms=asked(sum="integer"))
    line = desk.one(draft)
    assert (line["class"], line["unanswerable"]["why"]) == ("unanswerable", "step")
    assert line["unanswerable"]["element"] == "check"
    assert line["outcome"]["draft"] is None


def test_work_that_goes_to_another_department_is_told_and_counted(tmp_path: Path) -> None:
    desk = Desk(tmp_path, ONE)
    desk.open(("a", {}), ("b", {}))
    report = desk.against(desk.draft(ONE, lanes={"b": "d1"}))
    (line,) = report["cases"]
    assert line["class"] == "routed"
    assert first(line)[1:] == ("b is to be done by hall/clerk", "b is to be done by d1/clerk")
    counted = {unit["unit"]: (unit["recorded"], unit["draft"]) for unit in report["total"]["units"]}
    assert counted == {"hall": (2, 1), "d1": (0, 1)}


DECIDE = (
    "start s; and split; user a; user b; user c; and join; user decide; xor how; end granted; end met",
    "s -> split; split -> a; split -> b; split -> c; a -> join; b -> join; c -> join; join -> decide -> how; "
    "how -> met if review.outcome == 'meeting'; how -> granted default",
)


def test_another_rule_of_joint_review_decides_the_same_opinions_otherwise(tmp_path: Path) -> None:
    with review_office(tmp_path, drawing=DECIDE) as office:
        agreed, split = refer(office), refer(office)
        for case, second in ((agreed, AGREE), (split, DISAGREE)):
            office.do("p1", case, "a", AGREE, NOON + HOUR)
            office.do("p2", case, "b", second, NOON + HOUR)
            office.do("p3", case, "c", AGREE, NOON + HOUR)
            office.do("clerk", case, "decide", {}, NOON + 2 * HOUR)
        draft = review_item(tmp_path / "draft", drawing=DECIDE, rule="lead", more='lead = "d1"')
        report = office.backtest(Wish(str(draft)), YEAR_LATER)
    assert classes(report)[split] == "decided"
    line = next(line for line in report["cases"] if line["case"] == split)
    assert first(line) == (
        "decided",
        "the joint review comes to meeting",
        "the joint review comes to grant",
    )
    assert line["outcome"] == {"recorded": "met", "draft": "granted"}
    assert next(line for line in report["cases"] if line["case"] == agreed)["outcome"]["draft"] == "granted"


# --- what nobody recorded


def test_a_new_step_is_named_where_the_case_can_not_go_on(tmp_path: Path) -> None:
    desk = Desk(tmp_path, ONE)
    closed = desk.open(("a", {}), ("b", {}))
    going = desk.open(("a", {}), when=NOON + DAY)
    fresh = desk.open(when=NOON + DAY)
    draft = desk.draft(draw("start s; user a; user extra; user b; end e", "s -> a -> extra -> b -> e"))
    report = desk.against(draft)
    # Of a case that has just come there nothing more is known, nor would anybody have done more in it.
    assert classes(report) == {closed: "unanswerable", going: "routed", fresh: "same"}
    line = report["cases"][0]
    assert (line["unanswerable"]["why"], line["unanswerable"]["element"]) == ("step", "extra")
    assert line["unanswerable"]["done"] == 2  # it was opened, and a was done
    assert report["total"]["lacking"] == [
        {"why": "step", "element": "extra", "name": {"zh": "extra", "en": "extra"}, "fields": [], "cases": 1}
    ]
    assert (report["total"]["answered"], report["total"]["percent"]) == (2, 66.7)


def test_a_field_that_the_draft_requires_is_named(tmp_path: Path) -> None:
    desk = Desk(tmp_path, ONE, forms=asked(sum="integer"))
    desk.open(("a", {"sum": 1}), ("b", {}))
    line = desk.one(desk.draft(ONE, forms=asked(sum="integer", reason="string")))
    assert (line["class"], line["unanswerable"]["why"]) == ("unanswerable", "field")
    assert (line["unanswerable"]["element"], line["unanswerable"]["fields"]) == ("a", ["reason"])


def test_an_answer_that_no_longer_fits_is_no_answer(tmp_path: Path) -> None:
    desk = Desk(tmp_path, ONE, forms=asked(sum="integer"))
    desk.open(("a", {"sum": 1}), ("b", {}))
    line = desk.one(desk.draft(ONE, forms=asked(sum="string")))
    assert line["unanswerable"]["fields"] == ["sum"]


def test_what_the_draft_no_longer_asks_for_is_left_out_and_said(tmp_path: Path) -> None:
    desk = Desk(tmp_path, ONE, forms=asked(sum="integer", note="string"))
    desk.open(("a", {"sum": 1, "note": "x"}), ("b", {}))
    line = desk.one(desk.draft(ONE, forms=asked(sum="integer")))
    assert line["class"] == "same"
    assert [(left["why"], left["element"], left["fields"]) for left in line["left_out"]] == [
        ("fields", "a", ["note"])
    ]


def test_a_step_that_is_gone_is_passed_over_and_the_case_goes_on(tmp_path: Path) -> None:
    desk = Desk(tmp_path, ONE)
    desk.open(("a", {}), ("b", {}))
    line = desk.one(desk.draft(draw("start s; user b; end e", "s -> b -> e")))
    assert (line["class"], line["unanswerable"]) == ("routed", None)
    assert [(left["why"], left["element"]) for left in line["left_out"]] == [("gone", "a")]
    assert line["outcome"] == {"recorded": "e", "draft": "e"}


def test_a_value_that_only_the_gone_step_gave_leaves_the_condition_without_an_answer(tmp_path: Path) -> None:
    steps = "start s; user a; user b; xor how; end e; end f"
    ways = "b -> how; how -> e if sum > 1; how -> f default"
    desk = Desk(tmp_path, draw(steps, f"s -> a -> b; {ways}"), forms=asked(sum="integer"))
    desk.open(("a", {"sum": 2}), ("b", {}))
    draft = desk.draft(
        draw(steps.replace("user a; ", ""), f"s -> b; {ways}"), forms={"s": ANYTHING, "b": ANYTHING}
    )
    line = desk.one(draft)
    assert (line["class"], line["unanswerable"]["why"]) == ("unanswerable", "incident")
    assert line["unanswerable"]["element"] == "how"


def test_a_step_that_is_called_otherwise_is_the_same_under_its_new_name(tmp_path: Path) -> None:
    desk = Desk(tmp_path, ONE)
    desk.open(("a", {}), ("b", {}))
    draft = desk.draft(draw("start s; user x; user b; end e", "s -> x -> b -> e"))
    assert desk.one(draft)["class"] == "unanswerable"
    assert desk.one(draft, names={"a": "x"})["class"] == "same"


def test_a_second_signature_that_nobody_gave_is_missing(tmp_path: Path) -> None:
    with review_office(tmp_path, drawing=DECIDE) as office:
        case = refer(office)
        for person, step in (("p1", "a"), ("p2", "b"), ("p3", "c")):
            office.do(person, case, step, AGREE, NOON + HOUR)
        office.do("clerk", case, "decide", {}, NOON + 2 * HOUR)
        draft = review_item(tmp_path / "draft", drawing=DECIDE, more='confirm = "leader"')
        (line,) = office.backtest(Wish(str(draft)), YEAR_LATER)["cases"]
    assert (line["class"], line["unanswerable"]["why"]) == ("unanswerable", "signature")
    assert line["unanswerable"]["element"] == "a"


def test_departments_that_are_asked_in_another_order_give_their_own_opinions(tmp_path: Path) -> None:
    def drawing(units: str) -> bytes:
        steps = f"start s; script pick units = {units}; user ask each unit of units into says from said; "
        return draw(steps + "xor how; end e; end f", WAYS)

    about: dict[str, Any] = {"forms": {"ask": fields(said="string")}, "properties": {"ask": {"unit": "unit"}}}
    desk = Desk(tmp_path, drawing("['d1', 'd2']"), **about)
    case = desk.open()
    desk.office.do("p2", case, "ask:2", {"said": "no"}, NOON + HOUR)
    desk.office.do("p1", case, "ask:1", {"said": "yes"}, NOON + 2 * HOUR)
    line = desk.one(desk.draft(drawing("['d2', 'd1']"), **about))
    # The same departments with the same answers; only that they stand in another order is otherwise.
    assert (line["class"], line["left_out"], line["outcome"]["draft"]) == ("decided", [], "f")
    assert line["differences"] == ["decided"]
    fewer = desk.one(desk.draft(drawing("['d1']"), **about))
    assert [(left["why"], left["element"]) for left in fewer["left_out"]] == [("not_asked", "ask")]
    more = desk.one(desk.draft(drawing("['d1', 'd2', 'd3']"), **about))
    assert (more["unanswerable"]["why"], more["unanswerable"]["element"]) == ("step", "ask")


WAYS = "s -> pick -> ask -> how; how -> e if says[0] == 'yes'; how -> f default"


# --- time


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[Hall]:
    office = Office.create_rehearsal(str(tmp_path / "lianban.db"), at("2008-01-01"), COUNTY.encode())
    with office:
        yield Hall(office, tmp_path)


def desk_item(root: Path, term: str) -> str:
    about: dict[str, Any] = {"lanes": {"decide": "d1"}, "notices": ("special", "extended")}
    return str(make_item(root, DESK, clocks=decision(term, "accept"), **about))


def test_a_shorter_term_makes_just_the_slow_cases_late(hall: Hall, tmp_path: Path) -> None:
    item = hall.publish(DESK, clocks=decision("20wd", "accept"))
    quick, slow = hall.open(item, "2026-07-06"), hall.open(item, "2026-07-06")
    quick.do("2026-07-08", "decide", "p1")
    slow.do("2026-07-20", "decide", "p1")
    report = hall.office.backtest(Wish(desk_item(tmp_path / "draft", "5wd")), at("2027-01-01"))
    assert [line["class"] for line in report["cases"]] == ["time", "time"]
    assert [line["overdue"]["draft"] for line in report["cases"]] == [[], ["decision"]]
    assert report["total"]["overdue"]["cases"] == {"recorded": 0, "draft": 1, "of": 2}
    kind, recorded, draft = first(report["cases"][0])
    assert (kind, recorded[-27:], draft[-27:]) == (
        "time",
        "2026-08-03T09:30:00.000000Z",
        "2026-07-13T09:30:00.000000Z",
    )


def test_an_extension_that_the_draft_does_not_allow_leaves_open_what_would_have_been(
    hall: Hall, tmp_path: Path
) -> None:
    item = hall.publish(DESK, clocks=decision("20wd", "accept"))
    file = hall.open(item, "2026-07-06")
    file.pause("2026-07-20")
    file.resume("2026-07-27")
    file.extend("2026-07-28", "8wd")
    file.do("2026-07-30", "decide", "p1")

    def against(name: str, up_to: str) -> dict[str, Any]:
        folder = Path(desk_item(tmp_path / name, "20wd"))
        entry = folder / "item.toml"
        text = entry.read_text("utf-8")
        assert 'up_to = "10wd"' in text
        entry.write_text(text.replace('up_to = "10wd"', f'up_to = "{up_to}"'), "utf-8")
        (line,) = hall.office.backtest(Wish(str(folder)), at("2027-01-01"))["cases"]
        return dict(line)

    assert against("same", "10wd")["class"] == "same"
    line = against("less", "5wd")
    assert (line["class"], line["unanswerable"]["why"]) == ("unanswerable", "refused")
    assert line["unanswerable"]["done"] == 3


def test_late_clocks_are_called_by_their_names(hall: Hall, tmp_path: Path) -> None:
    item = hall.publish(DESK, clocks=decision("20wd", "accept"))
    slow = hall.open(item, "2026-07-06")
    slow.do("2026-07-20", "decide", "p1")
    folder = Path(desk_item(tmp_path / "draft", "5wd"))
    text = (folder / "item.toml").read_text("utf-8")
    named = text.replace('zh = "decision", en = "decision"', 'zh = "作出决定", en = "To decide"')
    (folder / "item.toml").write_text(named, "utf-8")
    words = ["--db", str(tmp_path / "lianban.db"), "backtest", str(folder), "--now", "2027-01-01"]
    (late,) = lianban(tmp_path, *words, "--json").json["total"]["overdue"]["clocks"]
    assert (late["clock"], late["name"]["en"], late["draft"]) == ("decision", "To decide", 1)
    assert re.search(r"To decide \(decision\) +0 → 1", lianban(tmp_path, *words, "--lang", "en").out)


def test_a_holiday_more_moves_the_due_dates_across_it_and_no_others(hall: Hall) -> None:
    item = hall.publish(DESK, clocks=decision("5wd", "accept"))
    before, across = hall.open(item, "2026-07-06"), hall.open(item, "2026-07-13")
    before.do("2026-07-08", "decide", "p1")
    across.do("2026-07-21", "decide", "p1")  # a day late
    holiday = {"*": {date(2026, 7, 15): Overlay(False, "县庆", "县政发〔2026〕1号")}}
    report = hall.office.backtest(Wish(item, changes=(holiday,)), at("2027-01-01"))
    assert classes(report) == {before.number: "same", across.number: "time"}
    assert report["cases"][1]["differences"] == ["time"]
    assert report["total"]["overdue"]["cases"] == {"recorded": 1, "draft": 0, "of": 2}
    assert report["total"]["days"]["mean"] == 0


# --- which cases, and what is refused


def test_the_cases_are_chosen_by_their_day_and_number(tmp_path: Path) -> None:
    desk = Desk(tmp_path, ONE)
    opened = [desk.open(when=NOON + n * DAY) for n in range(4)]

    def chosen(**wish: Any) -> list[str]:
        return [line["case"] for line in desk.against("item@1", **wish)["cases"]]

    assert chosen() == opened
    assert chosen(since=date(2026, 3, 3), until=date(2026, 3, 4)) == opened[1:3]
    assert chosen(limit=2) == opened[2:]


def test_a_history_that_does_not_replay_says_nothing_and_the_others_do(tmp_path: Path) -> None:
    desk = Desk(tmp_path, ONE)
    broken, good = desk.open(("a", {})), desk.open(("a", {}))
    desk.office.close()
    unguard(desk.database)
    ask(desk.database, "UPDATE events SET hash = ? WHERE case_no = ? AND seq = 2", "0" * 64, broken)
    ran = lianban(tmp_path, "--db", desk.database, "backtest", "item@1", "--json", "--now", "2027-01-01")
    assert ran.code == 5
    assert classes(ran.json) == {broken: "broken", good: "same"}
    assert ran.json["total"]["percent"] == 50.0


def test_what_can_not_be_tried_is_refused_with_what_can(tmp_path: Path) -> None:
    desk = Desk(tmp_path, ONE)
    with pytest.raises(Invalid) as nothing:
        desk.against("item")
    assert nothing.value.code == "backtest.nothing"
    with pytest.raises(Unknown) as table:
        desk.against("item@1", tables={"x.dmn": b""})
    assert table.value.code == "backtest.table"
    with pytest.raises(Unknown):
        desk.against("other@1")
    with pytest.raises(NotPublishable):
        desk.against(desk.draft(draw("start s; user a; end e", "s -> a")))


def test_units_that_there_are_not_are_told_and_nothing_more(tmp_path: Path) -> None:
    desk = Desk(tmp_path, ONE)
    desk.open(("a", {}))
    report = desk.against(desk.draft(ONE, lanes={"b": "d9"}))
    assert report["strange_units"] == ["d9"]
    assert [line["class"] for line in report["cases"]] == ["routed"]


def test_the_page_of_json_names_every_key(tmp_path: Path) -> None:
    desk = Desk(tmp_path, BIG, forms=asked(sum="integer"))
    desk.open(("a", {"sum": 150}), ("check", {}))
    desk.open(("a", {"sum": 1}))
    report = desk.against(
        desk.draft(BIG.replace(b"sum &gt; 100", b"sum &gt; 500"), forms=asked(sum="integer"))
    )
    lacking = desk.against(desk.draft(ONE))
    documented = set(re.findall(r"`([a-z_]+)`", Path("docs/json.md").read_text(encoding="utf-8")))

    def keys(data: Any) -> set[str]:
        if isinstance(data, dict):
            own = set() if set(data) <= {"zh", "en"} else {key for key in data if key not in MAPS}
            inner = [value for key, value in data.items() if key not in MAPS]
            return own.union(*map(keys, inner)) if inner else own
        return set().union(*map(keys, data)) if isinstance(data, list) and data else set()

    assert keys(report) | keys(lacking) <= documented


MAPS = {"values", "outcome_names", "names", "classes", "differing"}
"""Keys whose own keys are codes of the item, or listed in the page."""
