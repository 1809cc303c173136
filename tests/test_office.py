"""The office keeps its promises: one act is one transaction, time goes first, nobody is in anybody's way."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
from databases import ask, dump
from drawing import draw
from hypothesis import given, settings
from hypothesis import strategies as st
from items import ANYTHING, DAY, HOUR, NOON, fields, make_item, organisation, publish
from workers import at_once, do_all, sweep

from engine.clock import read_instant
from engine.errors import Invalid, NotAllowed, Refusal, Unknown
from engine.events import Record
from engine.office import Office

DEPARTMENTS = [f"d{n}" for n in range(1, 27)]


@pytest.fixture
def office(database: str) -> Iterator[Office]:
    with Office.create_rehearsal(database, NOON, organisation(26)) as opened:
        yield opened


def told(history: list[Record]) -> list[tuple[Any, ...]]:
    """What happened, to whom, when; not when it was written down."""
    return [(r.seq, r.at, r.by, r.event.type, r.event.payload()) for r in history]


def same_afterwards(database: str, act: Callable[[], Any]) -> Refusal:
    """The refusal that `act` meets; and that no row of any table has changed."""
    before = dump(database)
    with pytest.raises(Refusal) as refused:
        act()
    assert dump(database) == before
    return refused.value


# --- one act, one transaction

LICENCE = draw("start s; user a; user b; end e", "s -> a -> b -> e")


def test_an_act_writes_its_events_its_documents_and_the_case_as_it_then_stands(
    office: Office, database: str, tmp_path: Path
) -> None:
    item = publish(office, tmp_path, LICENCE, documents={"a": "note"})
    case = office.open_case("clerk", item, {}, NOON).case
    done = office.do("clerk", case, "a", {}, NOON + HOUR)
    assert [record.event.type for record in done.events] == [
        "task.completed",
        "document.issued",
        "task.opened",
    ]
    assert done.open == ["b"]
    assert [row["task"] for row in office.inbox("clerk")] == ["b"]
    row, content = office.document(case, "note")
    assert row.number == "note〔2026〕1号"
    assert content.decode().strip() == f"note〔2026〕1号 {case} a 2026-03-02"
    assert office.history(case)[-1] == done.events[-1]
    assert office.verify() == (2, [])


def test_a_document_that_cannot_be_rendered_leaves_the_act_undone_and_its_number_unused(
    office: Office, database: str, tmp_path: Path
) -> None:
    item = publish(
        office,
        tmp_path,
        LICENCE,
        forms={"a": ANYTHING},
        documents={"a": "note"},
        template="{{ data.applicant }}",
    )
    case = office.open_case("clerk", item, {}, NOON).case
    refusal = same_afterwards(database, lambda: office.do("clerk", case, "a", {}, NOON))
    assert refusal.code == "document.failed"
    office.do("clerk", case, "a", {"applicant": "张明"}, NOON)
    assert office.document(case, "note")[0].number == "note〔2026〕1号"


def test_an_opening_that_fails_gives_its_case_number_back(
    office: Office, database: str, tmp_path: Path
) -> None:
    item = publish(
        office,
        tmp_path,
        draw("start s; user a; end e", "s -> a -> e"),
        forms={"s": ANYTHING},
        documents={"s": "note"},
        template="{{ data.applicant }}",
    )
    same_afterwards(database, lambda: office.open_case("clerk", item, {}, NOON))
    numbers = [office.open_case("clerk", item, {"applicant": "张明"}, NOON).case[-5:] for _ in range(2)]
    assert numbers == ["00001", "00002"]


def test_cases_are_numbered_by_item_and_year_of_the_county(office: Office, tmp_path: Path) -> None:
    item = publish(office, tmp_path, LICENCE)
    new_year = datetime.fromisoformat("2026-12-31T16:00:00+00:00")  # midnight in the county
    cases = [
        office.open_case("clerk", item, {}, at).case for at in (new_year - timedelta(seconds=1), new_year)
    ]
    assert cases == ["539901-SL-LB0001-2026-00001", "539901-SL-LB0001-2027-00001"]


def test_a_case_keeps_the_definition_it_was_opened_with(office: Office, tmp_path: Path) -> None:
    publish(office, tmp_path / "old", LICENCE)
    old = office.open_case("clerk", "item", {}, NOON).case
    publish(office, tmp_path / "new", draw("start s; user a; user c; end e", "s -> a -> c -> e"))
    new = office.open_case("clerk", "item", {}, NOON).case
    assert office.do("clerk", old, "a", {}, NOON).open == ["b"]
    assert office.do("clerk", new, "a", {}, NOON).open == ["c"]


def test_publishing_the_same_bytes_again_changes_nothing(
    office: Office, database: str, tmp_path: Path
) -> None:
    folder = make_item(tmp_path, LICENCE)
    first = office.publish(folder, NOON)
    before = dump(database)
    assert office.publish(folder, NOON + DAY) == first
    assert dump(database) == before


# --- at the same instant

REVIEW = draw(
    "start s; and g; user a; user b; and j; user after; end e",
    "s -> g; g -> a -> j; g -> b -> j; j -> after -> e",
)


def threads(*work: Callable[[], Any]) -> list[Any]:
    """Run these at the same instant; what each gives or raises."""
    barrier = Barrier(len(work))
    results: list[Any] = [None] * len(work)

    def run(index: int) -> None:
        barrier.wait()
        try:
            results[index] = work[index]()
        except Refusal as refusal:
            results[index] = refusal

    running = [Thread(target=run, args=(index,)) for index in range(len(work))]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return results


@pytest.mark.parametrize("shared", [True, False], ids=["one office object", "one each"])
def test_two_clerks_of_different_departments_act_at_the_same_instant_and_both_succeed(
    office: Office, database: str, tmp_path: Path, shared: bool
) -> None:
    item = publish(office, tmp_path, REVIEW, lanes={"a": "d1", "b": "d2"}, documents={"a": "x", "b": "y"})
    with Office.open(database) as second:
        other = office if shared else second
        for _ in range(20):
            case = office.open_case("clerk", item, {}, NOON).case
            results = threads(
                lambda case=case: office.do("p1", case, "a", {}, NOON),
                lambda case=case: other.do("p2", case, "b", {}, NOON),
            )
            assert not [result for result in results if isinstance(result, Refusal)]
            assert sorted(map(len, (result.open for result in results))) == [1, 1]
            assert [row["task"] for row in office.show(case)["steps"] if row["state"] == "open"] == ["after"]
    assert office.verify() == (21, [])


def test_clerks_in_other_processes_act_at_the_same_instant_and_all_succeed(
    office: Office, database: str, tmp_path: Path
) -> None:
    branches = DEPARTMENTS[:4]
    diagram = draw(
        "start s; and g; and j; user after; end e;" + "".join(f"user u_{d};" for d in branches),
        "s -> g; j -> after -> e;" + "".join(f"g -> u_{d} -> j;" for d in branches),
    )
    item = publish(office, tmp_path, diagram, lanes={f"u_{d}": d for d in branches})
    cases = [office.open_case("clerk", item, {}, NOON).case for _ in range(15)]
    acts = [[(f"p{d[1:]}", case, f"u_{d}", {}, NOON) for case in cases] for d in branches]
    assert at_once(do_all, [(database, mine) for mine in acts]) == [[]] * len(branches)
    for case in cases:
        assert [row["task"] for row in office.show(case)["steps"] if row["state"] == "open"] == ["after"]
        assert len(office.history(case)) == 1 + 4 + 4 + 1
    assert office.verify() == (16, [])


def test_of_two_people_who_do_the_same_step_at_the_same_instant_one_is_told_that_it_is_done(
    office: Office, tmp_path: Path
) -> None:
    item = publish(office, tmp_path, LICENCE)
    for _ in range(10):
        case = office.open_case("clerk", item, {}, NOON).case
        results = threads(
            lambda case=case: office.do("clerk", case, "a", {}, NOON),
            lambda case=case: office.do("colleague", case, "a", {}, NOON),
        )
        refusals = [result for result in results if isinstance(result, Refusal)]
        assert [refusal.code for refusal in refusals] == ["step.closed"]
        assert len(office.history(case)) == 4


def test_the_same_person_who_sends_the_same_act_twice_at_the_same_instant_is_not_refused(
    office: Office, tmp_path: Path
) -> None:
    item = publish(office, tmp_path, LICENCE)
    for _ in range(10):
        case = office.open_case("clerk", item, {}, NOON).case
        act = lambda case=case: office.do("clerk", case, "a", {}, NOON)  # noqa: E731
        assert sorted(result.repeated for result in threads(act, act)) == [False, True]
        assert len(office.history(case)) == 4


# --- many departments

CONSULT = draw(
    "start s; user ask each unit of units into answers from answer; xor x; user meet; end yes; end no",
    's -> ask -> x; x -> meet if "no" in [answer.word for answer in answers]; x -> yes default; meet -> no',
)


@pytest.fixture(scope="module")
def consulting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Office, str]]:
    root = tmp_path_factory.mktemp("consulting")
    with Office.create_rehearsal(str(root / "office.db"), NOON, organisation(26)) as opened:
        item = publish(
            opened,
            root,
            CONSULT,
            forms={"s": ANYTHING, "ask": fields(word="string")},
            properties={"ask": {"unit": "unit", "result": "answer"}},
            documents={"ask": "opinion"},
        )
        yield opened, item


def consulted(office: Office, item: str, order: list[int], objectors: set[int]) -> dict[str, Any]:
    """Let the 26 departments answer in this order; what became of the case."""
    case = office.open_case("clerk", item, {"units": DEPARTMENTS}, NOON).case
    for n in order:
        word = {"word": "no" if n in objectors else "yes"}
        done = office.do(f"p{n}", case, f"ask:{n}", word, NOON + HOUR)
    shown = office.show(case)
    return {"data": shown["data"], "outcome": done.outcome, "open": done.open, "at": shown["closed_at"]}


@settings(max_examples=20, deadline=None)
@given(order=st.permutations(range(1, 27)), objectors=st.sets(st.integers(1, 26), max_size=3))
def test_26_departments_give_the_same_outcome_in_whatever_order_they_answer(
    consulting: tuple[Office, str], order: list[int], objectors: set[int]
) -> None:
    office, item = consulting
    found = consulted(office, item, order, objectors)
    assert found == consulted(office, item, list(range(1, 27)), objectors)
    assert found["open"] == (["meet"] if objectors else [])
    assert found["outcome"] == (None if objectors else "yes")


def test_26_drawn_branches_give_the_same_outcome_in_any_order_on_either_database(
    office: Office, tmp_path: Path
) -> None:
    diagram = draw(
        "start s; and g; and j; end e;" + "".join(f"user u_{d};" for d in DEPARTMENTS),
        "s -> g; j -> e;" + "".join(f"g -> u_{d} -> j;" for d in DEPARTMENTS),
    )
    item = publish(
        office,
        tmp_path,
        diagram,
        lanes={f"u_{d}": d for d in DEPARTMENTS},
        forms={f"u_{d}": fields(word="string") for d in DEPARTMENTS},
        properties={f"u_{d}": {"result": f"of_{d}"} for d in DEPARTMENTS},
    )
    found = []
    for seed in range(4):
        case = office.open_case("clerk", item, {}, NOON).case
        order = random.Random(seed).sample(DEPARTMENTS, 26)
        for place, d in enumerate(order, 1):
            done = office.do(f"p{d[1:]}", case, f"u_{d}", {"word": f"from {d}"}, NOON)
            assert len(done.open) == 26 - place
        assert done.outcome == "e"
        found.append(office.show(case)["data"])
    assert found == [found[0]] * 4


OPINION = {
    **fields(opinion="string", reason="string"),
    "required": ["opinion"],
}
OPINION["properties"]["opinion"] = {
    "title": "意见",
    "x-title-en": "Opinion",
    "oneOf": [
        {"const": "agree", "title": "同意", "x-title-en": "Agree"},
        {"const": "disagree", "title": "不同意", "x-title-en": "Disagree"},
    ],
}
ONE_FOR_ALL = draw(
    "start s; xor again; user ask each unit of units into opinions from opinion; xor ok; end e",
    "s -> again -> ask -> ok; ok -> e if review.outcome == 'grant'; ok -> again default",
)
ONE_FOR_EACH = draw(
    "start s; xor again; and g; user u1; user u2; and j; xor ok; end e",
    """s -> again -> g; g -> u1 -> j; g -> u2 -> j; j -> ok; ok -> e if review.outcome == 'grant'
    ok -> again default""",
)


@pytest.mark.parametrize("diagram", [ONE_FOR_ALL, ONE_FOR_EACH], ids=["one step for all", "one for each"])
def test_a_joint_review_that_goes_straight_back_to_its_departments_begins_a_new_round_each_time(
    tmp_path: Path, diagram: bytes
) -> None:
    several = diagram is ONE_FOR_EACH
    with Office.create_rehearsal(str(tmp_path / "office.db"), NOON, organisation(2)) as office:
        item = publish(
            office,
            tmp_path,
            diagram,
            lanes={"u1": "d1", "u2": "d2"} if several else {},
            forms={"s": ANYTHING, **dict.fromkeys(["u1", "u2"] if several else ["ask"], OPINION)},
            properties={} if several else {"ask": {"unit": "unit", "result": "opinion"}},
            clocks='[joint.review]\nname = { zh = "联审", en = "Review" }\nrule = "all"\nresult = "review"\n'
            f"activities = {['u1', 'u2'] if several else ['ask']}",
        )
        case = office.open_case("clerk", item, {"units": ["d1", "d2"], "review": {}}, NOON).case
        kept = []
        for n in range(1, 7):
            agreed = {"opinion": "agree"} if n == 6 else {"opinion": "disagree", "reason": "缺章"}
            for unit, said in (("1", {"opinion": "agree"}), ("2", agreed)):
                steps = office.show(case)["steps"]
                (task,) = [
                    line["task"] for line in steps if (line["state"], line["unit"]) == ("open", f"d{unit}")
                ]
                office.do(f"p{unit}", case, task, said, NOON + n * HOUR)
            kept.append(len(office.replay(case)[-1][1].docket))
        decided = [r.event for r in office.history(case) if r.event.type == "joint.decided"]
        assert [(event.round, event.outcome) for event in decided] == [
            *((n, "meeting") for n in range(1, 6)),
            (6, "grant"),
        ]
        assert max(kept) == max(kept[:2])  # however often it comes back
        assert office.verify()[1] == []


# --- doing it again


def test_the_same_act_by_the_same_person_with_the_same_content_succeeds_and_changes_nothing(
    office: Office, database: str, tmp_path: Path
) -> None:
    item = publish(office, tmp_path, LICENCE, forms={"a": fields(n="integer"), "b": ANYTHING})
    case = office.open_case("clerk", item, {}, NOON).case
    office.do("clerk", case, "a", {"n": 1}, NOON)
    before = dump(database)
    again = office.do("clerk", case, "a", {"n": 1}, NOON + HOUR)
    assert (again.repeated, again.events, again.open) == (True, [], ["b"])
    assert dump(database) == before
    for who, n in (("clerk", 2), ("colleague", 1)):
        act = lambda who=who, n=n: office.do(who, case, "a", {"n": n}, NOON + HOUR)  # noqa: E731
        assert same_afterwards(database, act).code == "step.closed"
    office.do("clerk", case, "b", {"x": "done"}, NOON)
    assert office.do("clerk", case, "b", {"x": "done"}, NOON).repeated
    assert office.do("clerk", case, "a", {"n": 1}, NOON).repeated
    act = lambda: office.do("clerk", case, "b", {"x": "undone"}, NOON)  # noqa: E731
    assert same_afterwards(database, act).code == "case.closed"


def test_what_was_done_in_the_first_round_does_not_count_as_done_in_the_second(
    office: Office, tmp_path: Path
) -> None:
    diagram = draw(
        "start s; xor again; user a; xor x; end e", "s -> again -> a -> x; x -> e if ok; x -> again default"
    )
    item = publish(office, tmp_path, diagram, forms={"a": fields(ok="boolean")})
    case = office.open_case("clerk", item, {}, NOON).case
    office.do("clerk", case, "a", {"ok": False}, NOON)
    assert office.do("clerk", case, "a", {"ok": False}, NOON).repeated
    assert office.do("clerk", case, "a#2", {"ok": False}, NOON).open == ["a#3"]


def test_a_message_entered_twice_by_the_same_person_counts_once(
    office: Office, database: str, tmp_path: Path
) -> None:
    diagram = draw("start s; catch paper message supplement; user a; end e", "s -> paper -> a -> e")
    item = publish(office, tmp_path, diagram, forms={"paper": fields(pages="integer")})
    case = office.open_case("clerk", item, {}, NOON).case
    assert office.do("clerk", case, "paper", {"pages": 3}, NOON).open == ["a"]
    before = dump(database)
    assert office.do("clerk", case, "paper", {"pages": 3}, NOON + HOUR).repeated
    assert dump(database) == before
    act = lambda: office.do("clerk", case, "paper", {"pages": 4}, NOON)  # noqa: E731
    assert same_afterwards(database, act).code == "step.closed"


# --- time first

LATE = draw(
    "start s; user a; boundary late a after P2D; user chase; end e; end f", "s -> a -> e; late -> chase -> f"
)


@pytest.mark.parametrize("who", ["p1", "p2"], ids=["too late", "too late and not hers"])
def test_a_timer_due_before_an_act_has_fired_at_its_own_instant_even_if_the_act_is_refused(
    office: Office, tmp_path: Path, who: str
) -> None:
    item = publish(office, tmp_path, LATE, lanes={"a": "d1", "chase": "d1"})
    case = office.open_case("clerk", item, {}, NOON).case
    with pytest.raises(Invalid, match="not open"):
        office.do(who, case, "a", {}, NOON + 3 * DAY)
    fired = next(r for r in office.history(case) if r.event.type == "timer.fired")
    assert read_instant(fired.at) == NOON + 2 * DAY
    assert read_instant(fired.entered) == NOON + 3 * DAY
    assert fired.by == {"clock": True}
    assert [row["task"] for row in office.inbox("p1")] == ["chase"]
    assert office.do("p1", case, "chase", {}, NOON + 3 * DAY).outcome == "f"


def test_a_timer_fires_before_an_act_at_its_very_instant_and_not_a_moment_earlier(
    office: Office, tmp_path: Path
) -> None:
    item = publish(office, tmp_path, LATE)
    early, late = (office.open_case("clerk", item, {}, NOON).case for _ in range(2))
    assert office.do("clerk", early, "a", {}, NOON + 2 * DAY - timedelta(microseconds=1)).outcome == "e"
    with pytest.raises(Invalid):
        office.do("clerk", late, "a", {}, NOON + 2 * DAY)


def test_time_that_passed_unswept_opens_the_step_that_a_clerk_then_does(
    office: Office, tmp_path: Path
) -> None:
    item = publish(office, tmp_path, LATE)
    case = office.open_case("clerk", item, {}, NOON).case
    done = office.do("clerk", case, "chase", {}, NOON + 9 * DAY)
    assert [(r.event.type, r.at[:10]) for r in done.events] == [
        ("timer.fired", "2026-03-04"),
        ("task.cancelled", "2026-03-04"),
        ("task.opened", "2026-03-04"),
        ("task.completed", "2026-03-11"),
        ("case.closed", "2026-03-11"),
    ]


BUSY = draw(
    """start s; and g; user a; reminder nag a every R3/PT7H; user b; boundary late b after PT50H; user chase
    race r; catch paper message supplement; catch silence after PT31H; catch pause after PT11H; user c
    xor either; xor way; and j; end e; end n""",
    """s -> g; g -> a -> j; g -> b -> either; late -> chase -> either -> j; nag -> n
    g -> r; r -> paper -> way; r -> silence -> pause -> c -> way -> j; j -> e""",
)


def test_sweeping_every_minute_or_once_at_the_end_gives_the_same_histories(tmp_path: Path) -> None:
    offices = [
        Office.create_rehearsal(str(tmp_path / f"{name}.db"), NOON, organisation())
        for name in ("often", "never", "twice")
    ]
    cases = set()
    for number, office in enumerate(offices):
        item = publish(office, tmp_path / str(number), BUSY)
        for who in ("clerk", "colleague", "clerk"):
            cases.add(office.open_case(who, item, {}, NOON).case)
    first, second, _ = sorted(cases)
    often, never, twice = offices
    acts = {
        20 * 60: ("clerk", first, "a"),
        25 * 60: ("clerk", second, "paper"),
        49 * 60: ("colleague", second, "b"),
    }
    for minute in range(60 * 60):
        now = NOON + timedelta(minutes=minute)
        often.sweep(now)
        if minute in acts:
            for office in offices:
                office.do(*acts[minute], {}, now)
    for office in offices:
        office.sweep(NOON + 60 * HOUR)
    before = dump(str(tmp_path / "twice.db"))
    assert twice.sweep(NOON + 60 * HOUR).fired == 0
    assert dump(str(tmp_path / "twice.db")) == before
    for case in cases:
        assert told(often.history(case)) == told(never.history(case)) == told(twice.history(case))
    fired = [sum(r.event.type == "timer.fired" for r in never.history(case)) for case in sorted(cases)]
    assert fired == [
        2 + 1 + 2,
        3,
        3 + 1 + 2,
    ]  # reminders, the missed deadline, silence and the pause after it
    for office in offices:
        assert office.verify()[1] == []
        office.close()


def test_sweeps_of_several_processes_at_once_fire_each_timer_once(
    office: Office, database: str, tmp_path: Path
) -> None:
    item = publish(office, tmp_path, BUSY)
    cases = [office.open_case("clerk", item, {}, NOON).case for _ in range(12)]
    fired = at_once(sweep, [(database, NOON + 60 * HOUR)] * 3)
    assert sum(fired) == 12 * 6
    expected = told(office.history(cases[0]))
    for case in cases:
        assert told(office.history(case)) == expected
    assert office.sweep(NOON + 60 * HOUR).fired == 0
    assert office.verify() == (13, [])


def test_a_case_that_cannot_be_swept_is_reported_and_the_others_go_on(office: Office, tmp_path: Path) -> None:
    endless = draw("start s; user a; reminder nag a every R/PT1S; end e; end n", "s -> a -> e; nag -> n")
    stuck = office.open_case("clerk", publish(office, tmp_path, endless, code="stuck"), {}, NOON).case
    item = publish(office, tmp_path, LATE)
    others = [office.open_case("clerk", item, {}, NOON).case for _ in range(3)]
    swept = office.sweep(NOON + 3 * DAY)
    assert sorted(swept.cases) == others
    assert {case: refusal.code for case, refusal in swept.refused.items()} == {stuck: "clock.endless"}
    assert len(office.history(stuck)) == 3


def test_a_timer_listed_by_mistake_is_reported_and_does_not_keep_the_sweep_busy(
    office: Office, database: str, tmp_path: Path
) -> None:
    case = office.open_case("clerk", publish(office, tmp_path, LICENCE), {}, NOON).case
    ask(database, "INSERT INTO timers VALUES (?, 'a', '2026-03-02T05:00:00.000000Z')", case)
    swept = office.sweep(NOON + DAY)
    assert (swept.cases, swept.fired) == ([], 0)
    assert [refusal.code for refusal in swept.refused.values()] == ["timer.stale"]


# --- refusals change nothing

Try = Callable[[Office, str, str], Any]

REFUSALS: dict[str, tuple[type[Refusal], str, Try]] = {
    "unknown case": (
        Unknown,
        "case.unknown",
        lambda o, c, i: o.do("clerk", "9-X-2026-1", "a", {"n": 1}, NOON),
    ),
    "unknown person": (Unknown, "person.unknown", lambda o, c, i: o.do("nobody", c, "a", {"n": 1}, NOON)),
    "nobody": (Invalid, "person.missing", lambda o, c, i: o.do(None, c, "a", {"n": 1}, NOON)),
    "unknown item": (Unknown, "item.unknown", lambda o, c, i: o.open_case("clerk", "none", {}, NOON)),
    "item not yet in force": (
        Unknown,
        "item.unknown",
        lambda o, c, i: o.open_case("clerk", i, {"n": 1}, NOON - 365 * DAY),
    ),
    "unknown step": (Invalid, "step.closed", lambda o, c, i: o.do("clerk", c, "z", {}, NOON + HOUR)),
    "future step": (Invalid, "step.closed", lambda o, c, i: o.do("clerk", c, "b", {}, NOON + HOUR)),
    "gateway as step": (Invalid, "step.closed", lambda o, c, i: o.do("clerk", c, "s", {}, NOON + HOUR)),
    "wrong person": (NotAllowed, "access.post", lambda o, c, i: o.do("p1", c, "a", {"n": 1}, NOON + HOUR)),
    "wrong opener": (NotAllowed, "access.post", lambda o, c, i: o.open_case("p1", i, {"n": 1}, NOON)),
    "missing answer": (Invalid, "form.invalid", lambda o, c, i: o.do("clerk", c, "a", {}, NOON + HOUR)),
    "wrong answer": (Invalid, "form.invalid", lambda o, c, i: o.do("clerk", c, "a", {"n": "x"}, NOON + HOUR)),
    "superfluous answer": (
        Invalid,
        "form.invalid",
        lambda o, c, i: o.do("clerk", c, "a", {"n": 1, "m": 1}, NOON + HOUR),
    ),
    "answer without form": (
        Invalid,
        "form.invalid",
        lambda o, c, i: o.do("clerk", "00002", "b", {"n": 1}, NOON + HOUR),
    ),
    "wrong application": (Invalid, "form.invalid", lambda o, c, i: o.open_case("clerk", i, {"n": "x"}, NOON)),
    "clock goes back": (
        Invalid,
        "clock.backwards",
        lambda o, c, i: o.do("clerk", c, "a", {"n": 1}, NOON - HOUR),
    ),
    "closed case": (
        Invalid,
        "case.closed",
        lambda o, c, i: o.do("clerk", "00003", "a", {"n": 9}, NOON + HOUR),
    ),
    "ambiguous case": (Invalid, "case.ambiguous", lambda o, c, i: o.do("clerk", "1", "a", {"n": 1}, NOON)),
    "office as case": (Unknown, "case.unknown", lambda o, c, i: o.do("clerk", "office", "a", {"n": 1}, NOON)),
}


def test_a_refusal_is_of_its_kind_says_why_and_changes_nothing(
    office: Office, database: str, tmp_path: Path
) -> None:
    form = fields(n="integer")
    item = publish(office, tmp_path, LICENCE, forms={"s": form, "a": form}, documents={"a": "note"})
    cases = [office.open_case("clerk", item, {"n": 1}, NOON).case for _ in range(11)]
    office.do("clerk", cases[1], "a", {"n": 1}, NOON)
    office.do("clerk", cases[2], "a", {"n": 1}, NOON)
    office.do("clerk", cases[2], "b", {}, NOON)
    for name, (kind, code, attempt) in REFUSALS.items():
        act = lambda attempt=attempt: attempt(office, cases[0], item)  # noqa: E731
        refusal = same_afterwards(database, act)
        assert (type(refusal), refusal.code) == (kind, code), name
        assert str(refusal.message), name
        assert str(refusal.remedy), name
    assert office.verify() == (12, [])


def test_looking_for_what_is_not_there_is_refused_in_plain_words(office: Office, tmp_path: Path) -> None:
    item = publish(office, tmp_path, LICENCE, documents={"a": "note"})
    case = office.open_case("clerk", item, {}, NOON).case
    for look in (office.show, office.history, office.replay, office.verify):
        with pytest.raises(Unknown, match="there is no case 4711"):
            look("4711")
    with pytest.raises(Unknown, match="no document note"):
        office.document(case, "note")


def test_a_case_is_found_by_the_end_of_its_number(office: Office, tmp_path: Path) -> None:
    item = publish(office, tmp_path, LICENCE)
    case = office.open_case("clerk", item, {}, NOON).case
    assert office.do("clerk", "00001", "a", {}, NOON).case == case


def test_a_bad_version_is_taken_back_by_publishing_the_one_before_it(office: Office, tmp_path: Path) -> None:
    good = make_item(tmp_path / "good", draw("start s; user a; end e", "s -> a -> e"))
    bad = make_item(tmp_path / "bad", draw("start s; user b; end e", "s -> b -> e"))
    rows = [office.publish(folder, NOON) for folder in (good, bad, good)]
    assert [row.version for row in rows] == [1, 2, 3]
    assert rows[2].definition == rows[0].definition
    assert office.open_case("clerk", "item", {}, NOON).open == ["a"]
    assert office.verify()[1] == []


def test_an_office_whose_item_cannot_be_published_is_not_set_up_at_all(database: str, tmp_path: Path) -> None:
    with pytest.raises(Refusal):
        Office.create_rehearsal(database, NOON, None, [tmp_path])
    with Office.create_rehearsal(database, NOON) as office:
        assert office.items(NOON) == []
