"""What a diagram says is what happens. Section numbers are those of BPMN 2.0.2."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from drawing import draw, process
from runs import MONDAY, Run

from engine.clock import parse_instant
from engine.errors import Invalid
from engine.flow.marking import awaited
from engine.flow.step import Fire

# --- sequence and gateways


def test_a_plain_sequence_runs_to_its_end() -> None:
    run = Run(draw("start s; user a; manual b; end e", "s -> a -> b -> e"))
    assert run.open == ["a"]
    run.do("a")
    assert run.open == ["b"]
    run.do("b")
    assert not run.running
    assert run.trace == [
        ("entered", "s"), ("completed", "s"), ("entered", "a"), ("completed", "a"),
        ("entered", "b"), ("completed", "b"), ("entered", "e"), ("completed", "e"),
    ]  # fmt: skip


def test_a_closed_step_cannot_be_done_again() -> None:
    run = Run(draw("start s; user a; user b; end e", "s -> a -> b -> e")).do("a")
    with pytest.raises(Invalid) as refusal:
        run.do("a")
    assert refusal.value.code == "step.closed"
    assert "b" in str(refusal.value.expected)


def test_nothing_happens_in_a_process_that_has_ended() -> None:
    run = Run(draw("start s; user a; end e", "s -> a -> e")).do("a")
    with pytest.raises(Invalid) as refusal:
        run.do("a")
    assert refusal.value.code == "process.ended"


EXCLUSIVE = draw(
    "start s; xor x; user big; user small; user rest; end e",
    "s -> x; x -> big if n > 10; x -> small if n > 1; x -> rest default; big -> e; small -> e; rest -> e",
)


@pytest.mark.parametrize(("n", "task"), [(20, "big"), (5, "small"), (0, "rest")])
def test_an_exclusive_gateway_takes_the_first_true_flow_in_document_order(n: int, task: str) -> None:
    assert Run(EXCLUSIVE, n=n).open == [task]


def test_an_exclusive_gateway_without_a_true_flow_is_an_incident_and_stops_only_its_token() -> None:
    run = Run(
        draw(
            "start s; and g; xor x; user a; user b; user c; end e",
            "s -> g -> x; g -> c -> e; x -> a if n > 1; x -> b if n > 2; a -> e; b -> e",
        ),
        n=0,
    )
    assert run.incidents == ["x"]
    assert run.open == ["c"]


def test_a_condition_that_is_neither_true_nor_false_is_an_incident() -> None:
    assert Run(EXCLUSIVE.replace(b"n &gt; 10", b"n"), n=20).incidents == ["x"]


@pytest.mark.parametrize("order", [*permutations(["a", "b", "c"])])
def test_a_parallel_join_waits_for_every_branch_in_any_order(order: tuple[str, ...]) -> None:
    run = Run(draw(
        "start s; and g; user a; user b; user c; and j; user after; end e",
        "s -> g; g -> a -> j; g -> b -> j; g -> c -> j; j -> after -> e",
    ))  # fmt: skip
    for task in order:
        assert "after" not in run.open
        run.do(task)
    assert run.open == ["after"]


def test_a_join_in_a_rework_loop_waits_for_every_branch_of_the_second_round_too() -> None:
    run = Run(draw(
        "start s; xor again; and g; user a; user b; and j; user judge; xor ok; end e",
        "s -> again -> g; g -> a -> j; g -> b -> j; j -> judge -> ok; ok -> e if fine; ok -> again default",
    ))  # fmt: skip
    run.do("a").do("b").do("judge", fine=False)
    assert run.open == ["a#2", "b#2"]
    run.do("a#2")
    assert run.open == ["b#2"]
    run.do("b#2")
    assert run.open == ["judge#2"]
    run.do("judge#2", fine=True)
    assert not run.running


def test_a_merge_without_a_gateway_lets_every_token_through() -> None:
    run = Run(draw("start s; user a; user b; user c; end e", "s -> a; s -> b; a -> c; b -> c; c -> e"))
    run.do("a").do("b")
    assert run.open == ["c", "c#2"]
    run.do("c")
    assert run.running
    run.do("c#2")
    assert not run.running


def inclusive(**data: Any) -> Run:
    return Run(
        draw(
            "start s; or g; user a; user b; user c; or j; user after; end e",
            "s -> g; g -> a if x; g -> b if y; g -> c default; a -> j; b -> j; c -> j; j -> after -> e",
        ),
        **data,
    )


@pytest.mark.parametrize(
    ("data", "tasks"),
    [
        ({"x": True, "y": True}, ["a", "b"]),
        ({"x": True, "y": False}, ["a"]),
        ({"x": False, "y": True}, ["b"]),
        ({"x": False, "y": False}, ["c"]),
    ],
)
def test_an_inclusive_gateway_opens_every_true_branch_and_its_join_waits_for_just_these(
    data: dict[str, bool], tasks: list[str]
) -> None:
    run = inclusive(**data)
    assert run.open == tasks
    for task in tasks:
        assert "after" not in run.open
        run.do(task)
    assert run.open == ["after"]


def test_an_inclusive_join_does_not_wait_for_a_token_that_cannot_reach_it() -> None:
    run = Run(draw(
        "start s; and g; user a; user b; user other; or j; user after; end e; end e2",
        "s -> g; g -> a -> j; g -> b -> j; g -> other -> e2; j -> after -> e",
    ))  # fmt: skip
    run.do("a")
    assert "after" not in run.open
    run.do("b")
    assert run.open == ["other", "after"]


def test_an_inclusive_join_waits_for_a_token_that_may_still_loop_back_to_it() -> None:
    run = Run(draw(
        "start s; and g; user a; user b; xor x; user c; or j; user after; end e; end e2",
        "s -> g; g -> a -> j; g -> b -> x; x -> j if go; x -> c default; c -> e2; j -> after -> e",
    ))  # fmt: skip
    run.do("a")
    assert run.open == ["b"]
    run.do("b", go=False)
    assert run.open == ["c", "after"]


def test_conditional_flows_that_leave_a_task_are_honoured() -> None:
    diagram = draw(
        "start s; user a; user x; user y; user z; end e",
        "s -> a; a -> x if n > 1; a -> y if n > 2; a -> z default; x -> e; y -> e; z -> e",
    )
    assert Run(diagram).do("a", n=3).open == ["x", "y"]
    assert Run(diagram).do("a", n=2).open == ["x"]
    assert Run(diagram).do("a", n=0).open == ["z"]


def test_several_flows_that_leave_a_task_are_an_implicit_parallel_split() -> None:
    run = Run(draw("start s; user a; user b; user c", "s -> a; a -> b; a -> c")).do("a")
    assert run.open == ["b", "c"]
    run.do("b")
    assert run.running
    run.do("c")
    assert not run.running


def test_a_process_without_start_events_begins_at_every_node_without_incoming_flow() -> None:
    run = Run(draw("user a; user b; user c; end e", "a -> c -> e; b -> e"))
    assert run.open == ["a", "b"]


# --- data


def test_a_script_computes_and_a_later_condition_sees_it() -> None:
    run = Run(
        draw(
            "start s; script calc total = price * count; xor x; user dear; user cheap; end e",
            "s -> calc -> x; x -> dear if total > 100; x -> cheap default; dear -> e; cheap -> e",
        ),
        price=30,
        count=4,
    )
    assert run.open == ["dear"]
    assert run.data["total"] == 120


def test_a_script_that_fails_is_an_incident_at_its_task() -> None:
    run = Run(draw("start s; script bad x = missing + 1; end e", "s -> bad -> e"))
    assert run.incidents == ["bad"]
    assert run.running


def test_the_last_branch_to_finish_does_not_undo_what_another_one_changed() -> None:
    run = Run(draw("start s; and g; user a; user b; and j; user c; end e",
                   "s -> g; g -> a -> j; g -> b -> j; j -> c -> e"), x=1)  # fmt: skip
    run.do("a", x=2).do("b", y=3)
    assert run.data == {"x": 2, "y": 3}


# --- scopes


def test_an_embedded_subprocess_shares_the_variables_around_it_and_ends_when_empty() -> None:
    run = Run(draw(
        "start s; sub box { start i; user a; user b; end o | i -> a; i -> b; a -> o; b -> o }; user c; end e",
        "s -> box -> c -> e",
    ))  # fmt: skip
    assert run.open == ["box/a", "box/b"]
    run.do("box/a", x=1)
    assert "c" not in run.open
    run.do("box/b")
    assert run.open == ["c"]
    assert run.data == {"x": 1}


def test_a_terminate_end_event_ends_its_own_scope_only() -> None:
    run = Run(draw(
        "start s; sub box { start i; user a; user b; end o terminate | i -> a -> o; i -> b }; user c; end e",
        "s -> box -> c -> e",
    )).do("box/a")  # fmt: skip
    assert run.of("cancelled") == ["b"]
    assert run.open == ["c"]


def test_a_terminate_end_event_of_the_process_ends_everything() -> None:
    run = Run(draw(
        "start s; user a; sub box { start i; user b | i -> b }; end e terminate",
        "s -> a -> e; s -> box",
    )).do("a")  # fmt: skip
    assert not run.running
    assert run.of("cancelled") == ["b", "box"]


def test_a_called_process_has_variables_of_its_own_and_gives_them_back_when_it_ends() -> None:
    called = process(
        "review", "start i; user look; script calc mark = mark + 1; end o", "i -> look -> calc -> o"
    )
    run = Run(draw("start s; call c review; user after; end e", "s -> c -> after -> e", called), mark=1)
    assert run.open == ["c/look"]
    run.do("c/look", note="fine")
    assert run.data == {"mark": 2, "note": "fine"}
    assert run.open == ["after"]


def given(diagram: bytes, element: str) -> bytes:
    """The diagram in which `element` sees the data object `amount` as its input `value`."""
    inside = """<ioSpecification><dataInput id="i" name="value"/></ioSpecification><dataInputAssociation>
        <sourceRef>amount</sourceRef><targetRef>i</targetRef></dataInputAssociation>"""
    before, tag, rest = diagram.decode().partition(f'id="{element}"')
    head, close, tail = rest.partition(">")
    kind = before[before.rindex("<") + 1 :].strip()
    if head.endswith("/"):
        return f"{before}{tag}{head[:-1]}>{inside}</{kind}>{tail}".encode()
    return f"{before}{tag}{head}{close}{inside}{tail}".encode()


def test_an_input_is_the_data_object_under_another_name_inside_of_its_activity_only() -> None:
    script = draw("start s; script c half = value / 2; user after; end e", "s -> c -> after -> e")
    assert Run(given(script, "c"), amount=8, value=1).data == {"amount": 8, "value": 1, "half": 4}
    called = process(
        "review", "start i; script calc seen = value; user look; end o", "i -> calc -> look -> o"
    )
    call = draw("start s; call c review; user after; end e", "s -> c -> after -> e", called)
    run = Run(given(call, "c"), amount=8, value=1)
    assert run.do("c/look", value=5).data == {"amount": 8, "value": 1, "seen": 8}


def test_an_input_that_is_not_there_is_missed_where_it_is_read() -> None:
    script = draw("start s; script c half = value / 2; user after; end e", "s -> c -> after -> e")
    run = Run(given(script, "c"))
    assert (run.incidents, run.codes) == (["c"], ["expression.unknown_name"])
    assert run.retry("c", amount=6).data == {"amount": 6, "half": 3}


# --- multi-instance


def departments(details: str, **data: Any) -> Run:
    return Run(
        draw(f"start s; user opinion {details}; user after; end e", "s -> opinion -> after -> e"),
        items=["fire", "water", "land"],
        **data,
    )


@pytest.mark.parametrize("order", [*permutations([1, 2, 3])])
def test_parallel_instances_give_their_results_in_input_order_whoever_is_first(
    order: tuple[int, ...],
) -> None:
    run = departments("each d of items into answers from answer")
    assert run.open == ["opinion:1", "opinion:2", "opinion:3"]
    for instance in order:
        run.do(f"opinion:{instance}", answer=f"yes {instance}")
    assert run.open == ["after"]
    assert run.data["answers"] == ["yes 1", "yes 2", "yes 3"]


def test_an_instance_neither_sees_nor_overwrites_what_another_one_wrote() -> None:
    run = departments("each d of items into answers from answer")
    run.do("opinion:2", answer="b")
    run.do("opinion:1")
    run.do("opinion:3", answer="c")
    assert run.data["answers"] == [None, "b", "c"]


@pytest.mark.parametrize(
    ("own", "seen"), [("d", ["fire", "water", "land"]), ("loopCounter", [1, 2, 3])], ids=["item", "counter"]
)
def test_an_instance_has_its_item_and_its_number_also_when_it_waited_long(own: str, seen: list[Any]) -> None:
    run = departments(f"each d of items into answers from {own}")
    for instance in (3, 1, 2):
        run.do(f"opinion:{instance}")
    assert run.data["answers"] == seen


def test_sequential_instances_come_one_after_the_other() -> None:
    run = departments("sequential each d of items into answers from answer")
    for instance in (1, 2, 3):
        assert run.open == [f"opinion:{instance}"]
        run.do(f"opinion:{instance}", answer=instance)
    assert run.data["answers"] == [1, 2, 3]


def test_the_completion_condition_counts_instances_and_cancels_the_rest() -> None:
    run = departments("each d of items into answers from answer until nrOfCompletedInstances >= 2")
    run.do("opinion:3", answer="c").do("opinion:1", answer="a")
    assert run.open == ["after"]
    assert run.of("cancelled") == ["opinion"]
    assert run.data["answers"] == ["a", "c"]


def test_the_completion_condition_sees_the_answer_just_given() -> None:
    run = departments("each d of items until answer == 'no'").do("opinion:1", answer="yes")
    assert run.open == ["opinion:2", "opinion:3"]
    assert run.do("opinion:2", answer="no").open == ["after"]


def test_no_instances_at_all_let_the_token_pass() -> None:
    run = Run(draw("start s; user a each d of items; user b; end e", "s -> a -> b -> e"), items=[])
    assert run.open == ["b"]


def test_thousands_of_automatic_instances_in_a_row_do_not_exhaust_the_stack() -> None:
    run = Run(
        draw("start s; sub box sequential times n { start i; script c total = total + loopCounter; end o "
             "| i -> c -> o }; user a; end e", "s -> box -> a -> e"), n=4000, total=0)  # fmt: skip
    assert run.open == ["a"]
    assert run.data["total"] == 4000 * 4001 // 2


def test_each_instance_of_a_subprocess_is_a_scope_of_its_own() -> None:
    run = Run(
        draw("start s; sub box each d of items { start i; user a; user b; end o | i -> a -> b -> o }; user c; end e",
             "s -> box -> c -> e"), items=["x", "y"])  # fmt: skip
    assert run.open == ["box:1/a", "box:2/a"]
    run.do("box:2/a").do("box:2/b")
    assert run.open == ["box:1/a"]
    run.do("box:1/a").do("box:1/b")
    assert run.open == ["c"]


def test_a_collection_that_is_no_list_is_an_incident() -> None:
    run = Run(draw("start s; user a each d of items; end e", "s -> a -> e"), items="fire")
    assert run.incidents == ["a"]


# --- events


def test_an_intermediate_timer_fires_at_its_own_instant_however_late_it_is_looked_at() -> None:
    run = Run(draw("start s; catch t after PT2H; user a; end e", "s -> t -> a -> e"))
    run.wait(hours=1)
    assert run.open == []
    run.wait(days=3)
    assert run.open == ["a"]


def test_a_month_after_the_last_of_january_is_the_last_of_february() -> None:
    run = Run(draw("start s; catch d date 2026-01-31T09:00:00+08:00; catch t after P1M; user a; end e",
                   "s -> d -> t -> a -> e"))  # fmt: skip
    run.now = parse_instant("2026-01-31T09:00:00+08:00")
    run.take(Fire("d"))
    assert run.due() == [("t", parse_instant("2026-02-28T09:00:00+08:00"))]


def test_a_date_without_offset_is_office_time() -> None:
    run = Run(draw("start s; catch d date 2026-03-03T09:00:00; user a; end e", "s -> d -> a -> e"))
    assert run.due() == [("d", parse_instant("2026-03-03T09:00:00+08:00"))]


def test_a_timer_may_be_an_expression_over_the_case() -> None:
    run = Run(draw("start s; catch t after days(term); user a; end e", "s -> t -> a -> e"), term=3)
    assert run.due() == [("t", MONDAY + timedelta(days=3))]


def test_an_unreadable_timer_is_an_incident() -> None:
    run = Run(draw("start s; catch t after term; user a; end e", "s -> t -> a -> e"), term="soon")
    assert run.incidents == ["t"]


BOUNDARY = "start s; user a; {kind} t a after P2D; user late; user after; end e"


def test_an_interrupting_boundary_timer_cancels_the_task() -> None:
    run = Run(draw(BOUNDARY.format(kind="boundary"), "s -> a -> after -> e; t -> late -> e")).wait(days=2)
    assert run.open == ["late"]
    assert run.of("cancelled") == ["a"]
    assert run.of("fired") == ["t"]


def test_a_non_interrupting_boundary_timer_leaves_the_task_open() -> None:
    run = Run(draw(BOUNDARY.format(kind="reminder"), "s -> a -> after -> e; t -> late -> e")).wait(days=20)
    assert run.open == ["a", "late"]
    assert run.of("fired") == ["t"]
    run.do("a").do("late").do("after")
    assert not run.running


def test_a_timer_does_not_fire_once_its_task_is_done() -> None:
    run = Run(draw(BOUNDARY.format(kind="boundary"), "s -> a -> after -> e; t -> late -> e"))
    run.do("a").wait(days=9)
    assert run.open == ["after"]
    assert run.of("fired") == []


def test_a_reminder_in_a_cycle_fires_as_often_as_it_says() -> None:
    run = Run(draw("start s; user a; reminder t a every R3/P1D; end e; end f", "s -> a -> e; t -> f")).wait(
        days=9
    )
    assert run.of("fired") == ["t", "t", "t"]
    assert run.open == ["a"]


def test_a_cycle_without_end_goes_on_until_its_task_is_done() -> None:
    run = Run(draw("start s; user a; reminder t a every R/PT12H; end e; end f", "s -> a -> e; t -> f"))
    run.wait(days=5)
    assert len(run.of("fired")) == 10
    run.do("a").wait(days=5)
    assert not run.running


def test_a_boundary_timer_on_a_subprocess_cancels_all_that_runs_inside() -> None:
    run = Run(draw(
        "start s; sub box { start i; user a; sub deep { start k; user b | k -> b } | i -> a; i -> deep };"
        "boundary t box after P1D; user late; end e",
        "s -> box -> e; t -> late -> e",
    )).wait(days=1)  # fmt: skip
    assert run.open == ["late"]
    assert run.of("cancelled") == ["a", "b", "deep", "box"]


def test_the_first_event_behind_an_event_based_gateway_wins_and_the_others_are_off() -> None:
    diagram = draw(
        "start s; race r; catch m message supplement; catch t after P5D; catch u after P9D; user a; user b; user c; end e",
        "s -> r; r -> m -> a -> e; r -> t -> b -> e; r -> u -> c -> e",
    )
    assert Run(diagram).due() == [("t", MONDAY + timedelta(days=5)), ("u", MONDAY + timedelta(days=9))]
    assert Run(diagram).message("supplement", pages=3).wait(days=30).open == ["a"]
    assert Run(diagram).wait(days=30).open == ["b"]
    assert Run(diagram).message("supplement", pages=3).data == {"pages": 3}


def test_a_message_that_comes_early_waits_for_its_event() -> None:
    run = Run(draw("start s; user a; catch m message paid; user b; end e", "s -> a -> m -> b -> e"))
    run.message("paid", amount=5)
    assert run.open == ["a"]
    run.do("a")
    assert run.open == ["b"]
    assert run.data["amount"] == 5


def test_one_message_is_taken_by_one_event_only() -> None:
    run = Run(draw("start s; and g; catch m message go; catch n message go; user a; user b; end e",
                   "s -> g; g -> m -> a -> e; g -> n -> b -> e")).message("go")  # fmt: skip
    assert run.open == ["a"]
    assert run.message("go").open == ["a", "b"]


def test_a_message_that_nobody_ever_waits_for_is_refused() -> None:
    run = Run(draw("start s; user a; end e", "s -> a -> e"))
    with pytest.raises(Invalid) as refusal:
        run.message("hello")
    assert refusal.value.code == "message.unknown"


def test_a_non_interrupting_message_boundary_takes_every_message() -> None:
    run = Run(draw("start s; user a; reminder m a message note; user read; end e; end f",
                   "s -> a -> e; m -> read -> f"))  # fmt: skip
    run.message("note").message("note")
    assert run.open == ["a", "read", "read#2"]


def test_an_interrupting_message_boundary_cancels_its_task() -> None:
    run = Run(
        draw("start s; user a; boundary m a message withdraw; user b; end e", "s -> a -> e; m -> b -> e")
    )
    assert run.message("withdraw").open == ["b"]


def test_a_signal_reaches_everybody_who_waits_and_nobody_later() -> None:
    run = Run(draw(
        "start s; and g; catch x signal go; catch y signal go; user a; user b; user c; catch z signal go; user d; end e",
        "s -> g; g -> x -> a -> e; g -> y -> b -> e; g -> c -> z -> d -> e",
    )).signal("go")  # fmt: skip
    assert run.open == ["c", "a", "b"]
    run.do("c")
    assert "d" not in run.open
    assert "d" in run.signal("go").open


def test_a_signal_end_event_broadcasts() -> None:
    run = Run(draw("start s; and g; user a; catch x signal done; user b; end e signal done; end f",
                   "s -> g; g -> a -> e; g -> x -> b -> f")).do("a")  # fmt: skip
    assert run.open == ["b"]
    assert run.sent == [("signalled", "done")]


def test_a_signal_that_interrupts_the_scope_that_throws_it_stops_the_automatic_steps_behind() -> None:
    run = Run(draw(
        "start s; sub box { start i; user a; throw t signal stop; script never seen = 1; end o "
        "| i -> a -> t -> never -> o }; boundary x box signal stop; user after; end e",
        "s -> box -> e; x -> after -> e",
    )).do("box/a")  # fmt: skip
    assert run.open == ["after"]
    assert "seen" not in run.data


def test_a_signal_reaches_all_who_wait_even_if_one_of_them_interrupts() -> None:
    run = Run(draw("start s; user a; boundary x a signal go; reminder y a signal go; user b; user c; end e",
                   "s -> a -> e; x -> b -> e; y -> c -> e")).signal("go")  # fmt: skip
    assert run.open == ["c", "b"]


def test_a_message_goes_to_the_event_inside_before_a_boundary_that_takes_every_one() -> None:
    run = Run(draw("start s; sub box { start i; catch m message note; user a | i -> m -> a }; reminder n box message note; user b; end e",
                   "s -> box -> e; n -> b -> e"))  # fmt: skip
    assert run.message("note").open == ["box/a"]
    assert run.message("note").open == ["box/a", "b"]


def test_a_timer_that_is_due_before_it_begins_is_an_incident() -> None:
    run = Run(draw("start s; catch t after term; user a; end e", "s -> t -> a -> e"), term="-PT1H")
    assert run.incidents == ["t"]


def test_a_process_that_starts_by_message_waits_for_it() -> None:
    run = Run(draw("start s message apply; start t after P1D; user a; end e", "s -> a; t -> a -> e"))
    assert run.open == []
    assert [waiting.name for waiting in awaited(run.net, run.marking, "message")] == ["apply"]
    assert run.message("apply", applicant="Li").wait(days=9).open == ["a"]


def test_throwing_a_message_is_told_to_the_outside() -> None:
    run = Run(draw("start s; throw t message hello; end e message bye", "s -> t -> e"))
    assert run.sent == [("sent", "hello"), ("sent", "bye")]


def test_timers_that_are_due_together_fire_in_document_order() -> None:
    run = Run(draw("start s; and g; catch b after P1D; catch a after P1D; user x; user y; end e",
                   "s -> g; g -> a -> x -> e; g -> b -> y -> e")).wait(days=1)  # fmt: skip
    assert run.of("fired") == ["b", "a"]


def test_a_circle_of_automatic_steps_is_refused_instead_of_running_for_ever() -> None:
    with pytest.raises(Invalid) as refusal:
        Run(
            draw(
                "start s; xor m; script c x = 1; xor x; end e",
                "s -> m -> c -> x; x -> m if x > 0; x -> e default",
            )
        )
    assert refusal.value.code == "process.endless"


@pytest.mark.parametrize("count", [26])
def test_twenty_six_departments_answer_in_any_order_with_one_outcome(count: int) -> None:
    import random

    outcomes = set()
    for seed in range(20):
        run = Run(
            draw("start s; user opinion each d of items into answers from answer; script n yes = count(answers); "
                 "user after; end e", "s -> opinion -> n -> after -> e"), items=list(range(count)))  # fmt: skip
        order = list(range(1, count + 1))
        random.Random(seed).shuffle(order)
        for instance in order:
            run.do(f"opinion:{instance}", answer=f"d{instance}")
        outcomes.add(json.dumps(run.data, sort_keys=True))
        assert run.open == ["after"]
    assert len(outcomes) == 1
