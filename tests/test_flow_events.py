# ruff: noqa: E501 - diagrams are easier to read whole
"""Errors, escalations, event subprocesses, conditions, links, compensation and transactions.

Section numbers are those of BPMN 2.0.2.
"""

from __future__ import annotations

import pytest
from drawing import draw, process
from runs import Run

from engine.errors import Invalid
from engine.flow.marking import awaited
from engine.flow.read import read
from engine.rehearsal import rehearse

# --- errors (§10.5.1, §13.5.3)

BOX = "sub box {{ start i; user a; user b; end o error late | i -> a -> o; i -> b }}"


def box(edges: str, flows: str) -> Run:
    return Run(
        draw(f"start s; {BOX.format()}; {edges}; user after; end e", f"s -> box -> after -> e; {flows}")
    )


def test_an_error_is_caught_on_the_edge_of_its_subprocess_and_takes_all_inside_away() -> None:
    run = box("boundary x box error late; user fix; end f", "x -> fix -> f").do("box/a")
    assert run.open == ["fix"]
    assert run.done()[-8:] == ["-a", "+o", "-o", "!x", "xb", "xbox", "-x", "+fix"]
    assert not run.do("fix").running


@pytest.mark.parametrize(
    ("edges", "taken"),
    [
        ("boundary x box error other; boundary y box error late", "fy"),
        ("boundary x box error; boundary y box error late", "fy"),
        ("boundary x box error; boundary y box error other", "fx"),
    ],
)
def test_who_names_the_code_catches_before_who_catches_any(edges: str, taken: str) -> None:
    run = box(f"{edges}; user fx; user fy; end f", "x -> fx -> f; y -> fy -> f").do("box/a")
    assert run.open == [taken]


def test_an_error_that_nobody_catches_is_an_incident_and_no_normal_end() -> None:
    run = box("boundary x box error other; end f", "x -> f").do("box/a")
    assert run.open == ["box/b"]
    assert (run.incidents, run.codes) == (["o"], ["error.uncaught"])
    assert run.do("box/b").running


def test_an_error_goes_through_calls_instances_and_subprocesses_to_the_innermost_who_catches_it() -> None:
    called = process("q", "start i; user a; end o error late", "i -> a -> o")
    run = Run(draw(
        "start s; sub outer { start j; sub each times 2 { start k; call c q; end l | k -> c -> l }; "
        "boundary wrong each error other; end w; boundary x each error late; user fix; end m | "
        "j -> each -> m; x -> fix; wrong -> w }; boundary y outer error late; end e; end f",
        "s -> outer -> e; y -> f", called,
    ))  # fmt: skip
    assert run.open == ["outer/each:1/c/a", "outer/each:2/c/a"]
    run.do("outer/each:2/c/a")
    assert run.open == ["outer/fix"]
    assert run.of("fired") == ["x"]
    assert not run.do("outer/fix").running


def test_a_script_that_fails_gives_an_error_event_that_catches_any_its_chance() -> None:
    run = Run(draw("start s; script c x = missing; boundary b c error; user fix; end e; end f",
                   "s -> c -> e; b -> fix -> f"))  # fmt: skip
    assert (run.open, run.incidents) == (["fix"], [])
    run = Run(draw("start s; script c x = missing; boundary b c error late; user fix; end e; end f",
                   "s -> c -> e; b -> fix -> f"))  # fmt: skip
    assert (run.open, run.incidents) == ([], ["c"])


def test_a_condition_that_fails_in_a_subprocess_is_caught_on_its_edge() -> None:
    run = Run(draw("start s; sub box { start i; xor x; user a; user b; end o | i -> x; x -> a if missing > 1; "
                   "x -> b default; a -> o; b -> o }; boundary y box error; user fix; end e; end f",
                   "s -> box -> e; y -> fix -> f"))  # fmt: skip
    assert (run.open, run.incidents) == (["fix"], [])


def test_an_instance_that_fails_is_caught_on_the_edge_of_the_whole_activity() -> None:
    loop = (b"<multiInstanceLoopCharacteristics><loopDataInputRef>ns</loopDataInputRef>"
            b'<inputDataItem name="n"/></multiInstanceLoopCharacteristics>')  # fmt: skip
    diagram = draw(
        "start s; script c x = 1 / n; boundary b c error; user fix; end e; end f",
        "s -> c -> e; b -> fix -> f",
    )
    run = Run(diagram.replace(b"</scriptTask>", loop + b"</scriptTask>"), ns=[1, 0, 2])
    assert (run.open, run.incidents) == (["fix"], [])


def test_the_code_of_an_error_is_kept_where_camunda_keeps_it() -> None:
    diagram = draw("start s; sub box { start i; end o error late | i -> o }; boundary b box error; user fix; end e; end f",
                   "s -> box -> e; b -> fix -> f")  # fmt: skip
    run = Run(
        diagram.replace(
            b"<errorEventDefinition/>", b'<errorEventDefinition camunda:errorCodeVariable="why"/>'
        )
    )
    assert run.data == {"why": "late"}


# --- escalations

ESCALATING = (
    "start s; sub box {{ start i; user a; throw t escalate high; user b; end o | i -> a -> t -> b -> o }};"
    "{edge} x box escalate{code}; user boss; user after; end e; end f"
)


def escalating(edge: str, code: str = " high") -> Run:
    flows = "s -> box -> after -> e; x -> boss -> f"
    return Run(draw(ESCALATING.format(edge=edge, code=code), flows)).do("box/a")


def test_an_escalation_begins_something_beside_the_subprocess_that_goes_on() -> None:
    for code in (" high", ""):
        run = escalating("reminder", code)
        assert run.open == ["box/b", "boss"]
        assert not run.do("box/b").do("boss").do("after").running


def test_an_interrupting_escalation_takes_the_subprocess_away() -> None:
    run = escalating("boundary")
    assert run.open == ["boss"]
    assert not run.do("boss").running


def test_an_escalation_that_nobody_catches_has_no_effect() -> None:
    run = escalating("reminder", " low")
    assert (run.open, run.incidents) == (["box/b"], [])


def test_an_escalation_end_event_ends_its_token_and_is_caught_outside() -> None:
    run = Run(draw("start s; sub box { start i; user a; end o escalate high | i -> a -> o };"
                   "reminder x box escalate high; user boss; user after; end e; end f",
                   "s -> box -> after -> e; x -> boss -> f")).do("box/a")  # fmt: skip
    assert run.open == ["boss", "after"]


# --- event subprocesses (§10.3.5, §13.5.4)


def handled(start: str, more: str = "", flows: str = "", inside: str = "user h; end k | j -> h -> k") -> Run:
    return Run(
        draw(
            f"start s; user a; user b; end e {more}; handler on {{ {start}; {inside} }}",
            f"s -> a -> b -> e; {flows}",
        )
    )


def test_an_interrupting_event_subprocess_takes_the_place_of_all_else_and_then_the_scope_is_done() -> None:
    run = handled("start j message stop")
    assert [waiting.element for waiting in awaited(run.net, run.marking, "message")] == ["j"]
    run.message("stop", why="withdrawn")
    assert run.open == ["on/h"]
    assert run.data == {"why": "withdrawn"}
    assert run.done()[-5:] == ["!j", "xa", "+on", "-j", "+h"]
    assert not run.do("on/h").running


def test_a_non_interrupting_event_subprocess_runs_beside_and_as_often_as_it_is_triggered() -> None:
    run = handled("aside j message note").message("note").message("note")
    assert run.open == ["a", "on/h", "on#2/h"]
    run.do("a").do("b")
    assert run.running
    run.do("on#2/h")
    assert run.running
    assert not run.do("on/h").running


def test_an_event_subprocess_that_only_waits_keeps_no_scope_open() -> None:
    run = handled("aside j message note").do("a").do("b")
    assert not run.running
    run = Run(draw("start s; sub box { start i; user a; end o; handler on { start j after P1D; user h | j -> h } "
                   "| i -> a -> o }; user c; end e", "s -> box -> c -> e"))  # fmt: skip
    assert len(run.due()) == 1
    run.do("box/a")
    assert (run.open, run.due(), run.stopped) == (["c"], [], ["j"])


def test_a_timer_of_an_event_subprocess_runs_from_the_beginning_of_its_scope() -> None:
    run = handled("start j after P2D").wait(days=1).do("a").wait(days=1)
    assert run.open == ["on/h"]
    assert run.of("cancelled") == ["b"]


def test_a_cycle_begins_an_event_subprocess_again_and_again() -> None:
    run = handled("aside j every R3/P1D").wait(days=9)
    assert run.open == ["a", "on/h", "on#2/h", "on#3/h"]


def test_a_signal_reaches_an_event_subprocess() -> None:
    assert handled("start j signal halt").signal("halt").open == ["on/h"]


def test_an_error_event_subprocess_catches_before_the_edge_of_its_scope() -> None:
    run = Run(draw(
        "start s; sub box { start i; user a; end o error late; handler on { start j error late; user h; end k | j -> h -> k } "
        "| i -> a -> o }; boundary x box error late; user c; end e; end f", "s -> box -> c -> e; x -> f",
    )).do("box/a")  # fmt: skip
    assert run.open == ["box/on/h"]
    assert run.do("box/on/h").open == ["c"]


def test_an_error_thrown_by_its_own_handler_goes_on_outwards() -> None:
    run = Run(draw(
        "start s; sub box { start i; user a; end o error late; handler on { start j error; end k error late | j -> k } "
        "| i -> a -> o }; boundary x box error late; user c; user d; end e; end f", "s -> box -> c -> e; x -> d -> f",
    )).do("box/a")  # fmt: skip
    assert run.open == ["d"]


def test_a_failing_script_begins_an_error_event_subprocess_of_the_process() -> None:
    run = handled("start j error", "; script c x = 1 / 0", "a -> c").do("a")
    assert (run.open, run.incidents) == (["on/h"], [])


def test_an_escalation_begins_an_event_subprocess_beside_the_one_who_throws() -> None:
    run = Run(draw("start s; user a; throw t escalate high; user b; end e; handler on { aside j escalate high; user h | j -> h }",
                   "s -> a -> t -> b -> e")).do("a")  # fmt: skip
    assert run.open == ["b", "on/h"]


def test_event_subprocesses_stand_inside_each_other_in_called_processes_and_in_instances() -> None:
    inside = "user h; handler deep { start d message stop; user last | d -> last } | j -> h"
    called = process("q", f"start i; user a; handler on {{ aside j message note; {inside} }}", "i -> a")
    run = Run(draw("start s; call c q; user after; end e", "s -> c -> after -> e", called)).message("note")
    assert run.open == ["c/a", "c/on/h"]
    run.message("stop")
    assert run.open == ["c/a", "c/on/deep/last"]
    run.do("c/on/deep/last").do("c/a")
    assert run.open == ["after"]

    run = Run(draw("start s; sub box times 2 { start i; user a; handler on { start j signal stop; user h | j -> h } "
                   "| i -> a }; end e", "s -> box -> e"))  # fmt: skip
    run.do("box:1/a").signal("stop")
    assert run.open == ["box:2/on/h"]


def test_a_process_is_not_disturbed_before_it_has_begun() -> None:
    diagram = draw(
        "start s message apply; user a; end e; handler on { start j message stop; user h | j -> h }",
        "s -> a -> e",
    )
    run = Run(diagram)
    assert [waiting.name for waiting in awaited(run.net, run.marking, "message")] == ["apply"]
    run.message("apply")
    assert [waiting.name for waiting in awaited(run.net, run.marking, "message")] == ["stop"]


def test_a_message_goes_to_the_event_in_the_flow_before_an_event_subprocess() -> None:
    run = Run(draw("start s; catch m message note; user a; end e; handler on { aside j message note; user h | j -> h }",
                   "s -> m -> a -> e"))  # fmt: skip
    assert run.message("note").open == ["a"]
    assert run.message("note").open == ["a", "on/h"]


# --- links, several triggers, conditions (§10.5.5)


def test_links_lead_from_several_throw_events_to_the_one_catch_event_of_their_name() -> None:
    run = Run(draw("start s; and g; user a; user b; throw t link on; throw u link on; catch c link on; user d; end e",
                   "s -> g; g -> a -> t; g -> b -> u; c -> d -> e")).do("a").do("b")  # fmt: skip
    assert run.open == ["d", "d#2"]
    assert not run.do("d").do("d#2").running


def test_an_inclusive_join_waits_for_what_comes_over_a_link() -> None:
    run = Run(draw("start s; and g; user a; user b; throw t link on; catch c link on; or j; user d; end e",
                   "s -> g; g -> a -> j; g -> b -> t; c -> j; j -> d -> e")).do("a")  # fmt: skip
    assert run.open == ["b"]
    assert run.do("b").open == ["d"]


ANY = draw("start s; catch c any message m, signal g, after P1D; user a; end e", "s -> c -> a -> e")


def test_a_multiple_event_fires_at_the_first_of_its_triggers() -> None:
    assert Run(ANY).message("m").wait(days=3).open == ["a"]
    assert Run(ANY).signal("g").open == ["a"]
    assert Run(ANY).wait(days=3).open == ["a"]
    run = Run(ANY).message("m")
    assert run.due() == []


def test_a_parallel_multiple_event_needs_all_of_its_triggers() -> None:
    run = Run(draw("start s; catch c all message m, signal g, after P1D; user a; end e", "s -> c -> a -> e"))
    run.signal("g").wait(days=3).signal("g")
    assert run.open == []
    assert run.message("m", x=1).open == ["a"]
    assert run.data == {"x": 1}


def test_a_multiple_boundary_event_that_does_not_interrupt_fires_at_each_trigger() -> None:
    run = Run(draw("start s; user a; reminder r a any message m, every R2/P1D; user h; end e; end f",
                   "s -> a -> e; r -> h -> f")).message("m").wait(days=5).message("m")  # fmt: skip
    assert run.open == ["a", "h", "h#2", "h#3", "h#4"]


def test_a_multiple_end_event_throws_all_it_says() -> None:
    run = Run(draw("start s; and g; catch c signal x; user a; end e any message m, signal x; end f",
                   "s -> g; g -> c -> a -> f; g -> e"))  # fmt: skip
    assert run.sent == [("sent", "m"), ("signalled", "x")]
    assert run.open == ["a"]


def test_a_multiple_end_event_with_an_error_throws_the_rest_first_or_is_an_incident() -> None:
    edges = "boundary x box error late; reminder y box escalate near; user fix; user told; user no"
    drawn = "start s; sub box {{ start i; end o any {} | i -> o }}; {}; end e"
    flows = "s -> box -> no -> e; x -> fix -> e; y -> told -> e"
    for results in ("error late, message m, escalate near", "message m, escalate near, error late"):
        run = Run(draw(drawn.format(results, edges), flows))
        assert (run.sent, sorted(run.open)) == ([("sent", "m")], ["fix", "told"])
    run = Run(draw("start s; end e any error late, message m", "s -> e"))
    assert (run.codes, run.sent) == (["error.uncaught"], [])


def test_a_conditional_event_waits_until_its_condition_is_true() -> None:
    diagram = draw(
        "start s; and g; user a; catch c when paid > 10; user b; end e; end f",
        "s -> g; g -> a -> e; g -> c -> b -> f",
    )
    assert Run(diagram, paid=11).open == ["a", "b"]
    run = Run(diagram, paid=5)
    assert run.open == ["a"]
    assert run.do("a", paid=20).open == ["b"]
    assert Run(diagram).open == ["a"]  # nothing is paid yet


def test_a_condition_is_looked_at_after_every_change_not_only_when_all_is_at_rest() -> None:
    run = Run(draw("start s; and g; catch c when x; user b; script on x = True; script off x = False; user a; end e; end f",
                   "s -> g; g -> c -> b -> e; g -> on -> off -> a -> f"), x=False)  # fmt: skip
    assert sorted(run.open) == ["a", "b"]


def test_a_conditional_boundary_event_interrupts() -> None:
    run = Run(draw("start s; and g; user a; user b; boundary c a when gone; user d; end e; end f; end h",
                   "s -> g; g -> a -> e; g -> b -> f; c -> d -> h"), gone=False)  # fmt: skip
    assert run.do("b", gone=True).open == ["d"]


def test_one_that_does_not_interrupt_fires_each_time_its_condition_becomes_true() -> None:
    run = Run(draw("start s; user a; end e; handler add { aside j message set; end k | j -> k }; reminder c a when n > 2; user d; end f",
                   "s -> a -> e; c -> d -> f"), n=0)  # fmt: skip
    for n in (3, 4, 1, 5):
        run.message("set", n=n)
    assert run.open == ["a", "d", "d#2"]


def test_a_conditional_event_subprocess_begins_when_its_condition_becomes_true() -> None:
    run = handled("start j when bad")
    assert run.do("a", bad=False).open == ["b"]
    run = handled("start j when bad").do("a", bad=True)
    assert run.open == ["on/h"]


def test_a_condition_behind_an_event_based_gateway() -> None:
    run = Run(draw("start s; and g; race r; catch c when ok; catch m message m; user a; user b; user d; end e; end f",
                   "s -> g; g -> r; g -> d -> f; r -> c -> a -> e; r -> m -> b -> e"), ok=False)  # fmt: skip
    assert run.do("d", ok=True).open == ["a"]


def test_a_condition_that_is_no_condition_is_an_incident_of_the_token_that_waits() -> None:
    run = Run(draw("start s; catch c when x > 1; user a; end e", "s -> c -> a -> e"), x="many")
    assert run.incidents == ["c"]
    assert run.retry("c", x=2).open == ["a"]


# --- tasks (§10.3.3)


def test_tasks_that_wait_for_nobody() -> None:
    run = Run(
        draw(
            "start s; task t; send m hello; service c total = ${n * 2}; user a; end e",
            "s -> t -> m -> c -> a -> e",
        ),
        n=4,
    )
    assert run.open == ["a"]
    assert run.sent == [("sent", "hello")]
    assert run.data["total"] == 8


def test_a_script_task_of_camunda_8_calculates_its_expression() -> None:
    diagram = draw("start s; script c x = 1; user a; end e", "s -> c -> a -> e")
    zeebe = b"""<extensionElements><z:script xmlns:z="http://camunda.org/schema/zeebe/1.0" expression="=n * 2" resultVariable="total"/></extensionElements>"""
    run = Run(diagram.replace(b"<script>x = 1</script>", zeebe), n=4)
    assert run.data["total"] == 8


RECEIVE = draw(
    "start s; receive r paid; boundary t r after P1D; user a; user late; end e; end f",
    "s -> r -> a -> e; t -> late -> f",
)


def test_a_receive_task_waits_for_its_message_as_an_activity_with_an_edge() -> None:
    run = Run(RECEIVE)
    assert [waiting.name for waiting in awaited(run.net, run.marking, "message")] == ["paid"]
    run.message("paid", n=1)
    assert (run.open, run.data, run.due()) == (["a"], {"n": 1}, [])
    assert Run(RECEIVE).wait(days=1).open == ["late"]


def test_a_receive_task_may_be_done_many_times() -> None:
    run = Run(draw("start s; receive r paid times 2; user a; end e", "s -> r -> a -> e")).message("paid")
    assert run.open == []
    assert run.message("paid").open == ["a"]


def test_a_receive_task_may_follow_an_event_based_gateway() -> None:
    run = Run(draw("start s; race g; receive r paid; catch t after P1D; user a; user b; end e",
                   "s -> g; g -> r -> a -> e; g -> t -> b -> e"))  # fmt: skip
    assert run.message("paid").open == ["a"]


# --- loops (§13.3.6)


def test_a_loop_is_done_again_as_long_as_its_condition_holds() -> None:
    run = Run(draw("start s; user a while more; user b; end e", "s -> a -> b -> e"))
    run.do("a:1", more=True)
    assert run.open == ["a:2"]
    assert run.do("a:2", more=False).open == ["b"]


def test_a_loop_may_ask_first() -> None:
    diagram = draw("start s; user a first while more; user b; end e", "s -> a -> b -> e")
    assert Run(diagram, more=False).open == ["b"]
    assert Run(diagram, more=True).do("a:1", more=False).open == ["b"]


def test_a_loop_ends_at_its_maximum_and_knows_its_number() -> None:
    run = Run(draw("start s; sub box while True most 3 { start i; script c n = n + loopCounter; end o | i -> c -> o }; user b; end e",
                   "s -> box -> b -> e"), n=0)  # fmt: skip
    assert run.open == ["b"]
    assert run.data == {"n": 6}


def test_the_condition_of_a_loop_counts_what_is_done() -> None:
    for first, times in (("", 3), ("first ", 3)):
        run = Run(draw(f"start s; sub box {first}while loopCounter < 3 {{ start i; script c n = n + 1; end o | i -> c -> o }}; user b; end e",
                       "s -> box -> b -> e"), n=0)  # fmt: skip
        assert run.data == {"n": times}


def test_what_a_call_in_a_loop_gives_back_decides_whether_it_is_done_again() -> None:
    called = process("q", "start i; user a; end o", "i -> a -> o")
    run = Run(draw("start s; call c q while more; user b; end e", "s -> c -> b -> e", called))
    run.do("c:1/a", more=True).do("c:2/a", more=False, x=1)
    assert run.open == ["b"]
    assert run.data == {"more": False, "x": 1}


# --- compensation (§10.7, §13.5.5)

UNDONE = "user a; boundary ca a compensate ua; undo script ua log = log + ['a']; user b; boundary cb b compensate ub; undo script ub log = log + ['b']"


def test_compensation_undoes_what_was_completed_last_first_and_each_thing_once() -> None:
    run = Run(
        draw(
            f"start s; {UNDONE}; throw t compensate; throw u compensate; user after; end e",
            "s -> a -> b -> t -> u -> after -> e",
        ),
        log=[],
    )
    run.do("a").do("b")
    assert run.open == ["after"]
    assert run.data["log"] == ["b", "a"]
    assert run.done()[-9:] == ["+t", "+ub", "-ub", "+ua", "-ua", "-t", "+u", "-u", "+after"]


def test_compensation_of_one_activity_leaves_the_others() -> None:
    run = Run(
        draw(
            f"start s; {UNDONE}; throw t compensate a; throw u compensate; user after; end e",
            "s -> a -> b -> t -> u -> after -> e",
        ),
        log=[],
    )
    assert run.do("a").do("b").data["log"] == ["a", "b"]


def test_what_is_not_completed_is_not_compensated() -> None:
    run = Run(
        draw(
            f"start s; and g; {UNDONE}; throw t compensate; user c; user after; end e",
            "s -> g; g -> a -> e; g -> b -> e; g -> c -> t -> after -> e",
        ),
        log=[],
    )
    run.do("a").do("c")
    assert run.data["log"] == ["a"]
    assert run.open == ["b", "after"]


def test_an_activity_that_was_done_twice_is_compensated_twice() -> None:
    run = Run(draw("start s; xor x; user a; boundary c a compensate u; undo script u log = log + [n]; xor y; throw t compensate; end e",
                   "s -> x -> a -> y; y -> x if again; y -> t default; t -> e"), log=[], n=0)  # fmt: skip
    run.do("a", again=True, n=1).do("a#2", again=False, n=2)
    assert run.data["log"] == [2, 2]


def test_a_person_may_have_to_compensate_and_is_waited_for() -> None:
    run = Run(draw("start s; user a; boundary c a compensate u; undo user u; boundary late u after P1D; user help; end h; throw t compensate; user after; end e",
                   "s -> a -> t -> after -> e; late -> help -> h"))  # fmt: skip
    run.do("a")
    assert run.open == ["u"]
    assert Run.do(run, "u").open == ["after"]


def test_a_handler_that_is_interrupted_lets_the_compensation_go_on() -> None:
    run = Run(draw("start s; user a; boundary c a compensate u; undo user u; boundary late u after P1D; user help; end h; throw t compensate; user after; end e",
                   "s -> a -> t -> after -> e; late -> help -> h"))  # fmt: skip
    assert run.do("a").wait(days=1).open == ["help", "after"]


def test_a_completed_subprocess_is_compensated_from_the_inside_in_reverse() -> None:
    run = Run(
        draw(
            f"start s; sub box {{ start i; {UNDONE}; end o | i -> a -> b -> o }}; user c; end e compensate",
            "s -> box -> c -> e",
        ),
        log=[],
    )
    run.do("box/a").do("box/b").do("c")
    assert run.data["log"] == ["b", "a"]
    assert not run.running


def test_the_handler_on_the_edge_of_a_subprocess_takes_the_place_of_those_inside() -> None:
    run = Run(draw(f"start s; sub box {{ start i; {UNDONE}; end o | i -> a -> b -> o }}; boundary x box compensate all_of_it; undo user all_of_it; end e compensate box",
                   "s -> box -> e"), log=[])  # fmt: skip
    run.do("box/a").do("box/b")
    assert (run.open, run.data["log"]) == (["all_of_it"], [])
    assert not run.do("all_of_it").running


def test_a_compensation_event_subprocess_undoes_its_scope_and_may_ask_for_what_is_inside() -> None:
    inside = "handler on { start j compensate; user h; throw t compensate b; end k | j -> h -> t -> k }"
    run = Run(draw(f"start s; sub box {{ start i; {UNDONE}; end o; {inside} | i -> a -> b -> o }}; throw t2 compensate box; user after; end e",
                   "s -> box -> t2 -> after -> e"), log=[])  # fmt: skip
    run.do("box/a").do("box/b")
    assert run.open == ["box^/on/h"]
    run.do("box^/on/h")
    assert (run.open, run.data["log"]) == (["after"], ["b"])


def test_an_error_event_subprocess_compensates_what_its_scope_had_completed() -> None:
    run = Run(draw(f"start s; {UNDONE}; end e error late; handler on {{ start j error late; throw t compensate; end k | j -> t -> k }}",
                   "s -> a -> b -> e"), log=[])  # fmt: skip
    run.do("a").do("b")
    assert run.data["log"] == ["b", "a"]
    assert not run.running


def test_each_instance_is_compensated_and_a_subprocess_knows_its_own_data() -> None:
    run = Run(draw("start s; sub box each d of ds { start i; user a; boundary c a compensate u; undo script u log = log + [d]; end o | i -> a -> o }; end e compensate",
                   "s -> box -> e"), ds=["x", "y", "z"], log=[])  # fmt: skip
    for instance in (2, 3, 1):
        run.do(f"box:{instance}/a")
    assert run.data["log"] == ["x", "z", "y"]
    run = Run(
        draw(
            "start s; user a times 2; boundary c a compensate u; undo script u n = n + 1; end e compensate",
            "s -> a -> e",
        ),
        n=0,
    )
    assert run.do("a:1").do("a:2").data["n"] == 2


def test_a_compensation_that_nobody_waits_for_runs_beside() -> None:
    diagram = draw(
        "start s; user a; boundary c a compensate u; undo user u; throw t compensate; user after; end e",
        "s -> a -> t -> after -> e",
    )
    run = Run(diagram.replace(b"<compensateEventDefinition/></intermediateThrow",
                              b'<compensateEventDefinition waitForCompletion="false"/></intermediateThrow'))  # fmt: skip
    run.do("a")
    assert sorted(run.open) == ["after", "u"]
    run.do("after")
    assert run.running
    assert not run.do("u").running


def test_what_was_thrown_while_it_runs_is_taken_away_with_its_scope() -> None:
    run = Run(draw("start s; sub box { start i; user a; boundary c a compensate u; undo user u; throw t compensate; end o | i -> a -> t -> o }; boundary x box after P1D; user late; end e; end f",
                   "s -> box -> e; x -> late -> f")).do("box/a").wait(days=1)  # fmt: skip
    assert run.open == ["late"]
    assert run.of("cancelled") == ["t", "u", "box"]


def test_a_failing_handler_is_an_incident_and_goes_on_when_it_is_tried_again() -> None:
    run = Run(
        draw(
            "start s; user a; boundary c a compensate u; undo script u x = 1 / n; throw t compensate; user after; end e",
            "s -> a -> t -> after -> e",
        ),
        n=0,
    )
    run.do("a")
    assert (run.incidents, run.open) == (["u"], [])
    assert run.retry("u", n=2).open == ["after"]


def compensating(edge: str, undo: str) -> Run:
    return Run(draw(
        f"start s; sub box {{ start i; user a; boundary c a compensate u; undo {undo}; end o | i -> a -> o }};"
        f"{edge}; user late; throw t compensate; user after; end e; end f", "s -> box -> t -> after -> e; x -> late -> f",
    ), n=0).do("box/a")  # fmt: skip


def test_the_edge_of_a_completed_subprocess_catches_nothing_while_it_is_compensated() -> None:
    run = compensating("boundary x box error", "script u x = 1 / n")
    assert (run.incidents, run.of("fired")) == (["u"], [])
    run = compensating("boundary x box message m", "user u")
    assert (run.open, awaited(run.net, run.marking, "message")) == (["box^/u"], [])
    assert run.do("box^/u").open == ["after"]


def test_an_inclusive_join_does_not_wait_for_what_compensates_a_subprocess_before_it() -> None:
    run = Run(draw(
        "start s; and g; sub box { start i; user a; boundary c a compensate u; undo user u; end o | i -> a -> o };"
        "xor x; user b; user d; throw t compensate; end f; end h; or j; user after; end e",
        "s -> g; g -> box -> x; x -> j if go; x -> h default; g -> b -> j; g -> d -> t -> f; j -> after -> e",
    ), go=False)  # fmt: skip
    run.do("box/a").do("d")
    assert run.open == ["b", "box^/u"]
    assert run.do("b").open == ["box^/u", "after"]


# --- transactions (§10.3.5, §13.5.6)


def transaction(end: str) -> Run:
    return Run(draw(
        f"start s; transaction box {{ start i; {UNDONE}; user c; user open; end o; end x {end} | i -> a -> b -> c -> x; i -> open -> o }};"
        "boundary out box cancel; boundary bad box error; user after; user cancelled; user failed; end e; end f; end g",
        "s -> box -> after -> e; out -> cancelled -> f; bad -> failed -> g",
    ), log=[]).do("box/a").do("box/b").do("box/c")  # fmt: skip


def test_a_cancelled_transaction_takes_all_away_compensates_and_leaves_by_its_cancel_event() -> None:
    run = transaction("cancel")
    assert run.open == ["cancelled"]
    assert run.data["log"] == ["b", "a"]
    assert run.done()[-11:] == [
        "+x",
        "-x",
        "xopen",
        "+ub",
        "-ub",
        "+ua",
        "-ua",
        "!out",
        "xbox",
        "-out",
        "+cancelled",
    ]


def test_an_error_leaves_a_transaction_without_compensation() -> None:
    run = transaction("error hazard")
    assert (run.open, run.data["log"]) == (["failed"], [])


def test_a_transaction_that_ends_well_is_left_like_a_subprocess() -> None:
    run = transaction("").do("box/open")
    assert (run.open, run.data["log"]) == (["after"], [])


def test_cancelling_from_a_subprocess_inside_compensates_what_that_had_completed_too() -> None:
    run = Run(draw(
        "start s; transaction box { start i; user z; boundary cz z compensate uz; undo script uz log = log + ['z'];"
        f"sub deep {{ start j; {UNDONE}; end x cancel | j -> a -> b -> x }}; end o | i -> z -> deep -> o }};"
        "boundary out box cancel; user cancelled; end e; end f", "s -> box -> e; out -> cancelled -> f",
    ), log=[])  # fmt: skip
    run.do("box/z").do("box/deep/a").do("box/deep/b")
    assert (run.open, run.data["log"]) == (["cancelled"], ["b", "a", "z"])


# --- repair (§13.5.3; incidents are ours)


def test_an_incident_is_tried_again_with_what_was_put_right() -> None:
    run = Run(
        draw(
            "start s; user a; xor x; user b; user c; end e",
            "s -> a -> x; x -> b if n > 1; x -> c default; b -> e; c -> e",
        )
    )
    run.do("a")
    assert run.incidents == ["x"]
    assert run.retry("x").incidents == ["x", "x"]
    assert run.retry("x", n=2).open == ["b"]


def test_what_failed_on_the_way_out_of_a_step_is_not_done_twice() -> None:
    run = Run(
        draw(
            "start s; user a; user b; user c; end e",
            "s -> a; a -> b if n > 1; a -> c default; b -> e; c -> e",
        )
    ).do("a")
    assert run.incidents == ["a"]
    assert run.retry("a", n=0).open == ["c"]


def test_a_failed_script_timer_instance_or_event_subprocess_begins_again() -> None:
    run = Run(draw("start s; script c x = 1 / n; user a; end e", "s -> c -> a -> e"), n=0)
    assert run.retry("c", n=1).open == ["a"]
    run = Run(draw("start s; catch t after term; user a; end e", "s -> t -> a -> e"), term="soon")
    assert run.retry("t", term="PT1H").wait(hours=1).open == ["a"]
    run = Run(draw("start s; user a each d of ds; user b; end e", "s -> a -> b -> e"), ds=5)
    assert run.retry("a", ds=[1, 2]).open == ["a:1", "a:2"]
    run = Run(
        draw("start s; user a; end e; handler on { start j after term; user h | j -> h }", "s -> a -> e"),
        term="soon",
    )
    assert run.incidents == ["on"]
    assert run.retry("!on", term="PT1H").wait(hours=1).open == ["on/h"]


# --- bounds, and the whole of it in a rehearsal


def test_scopes_that_are_nested_deeper_than_anybody_draws_are_refused_in_words() -> None:
    def nested(inner: str, flows: str, tag: str) -> tuple[str, str]:
        for level in range(30):
            inner, flows = f"sub {tag}{level} {{ {inner} | {flows} }}", ""
        return inner, flows

    calls = [f"call c{n} q{n + 1}" if n < 30 else "user t" for n in range(31)]
    called = [process(f"q{n}", *nested(calls[n], "", f"s{n}x")) for n in range(1, 31)]
    run = Run(draw(*nested(calls[0], "", "s"), *called))
    with pytest.raises(Invalid) as refusal:
        run.do(run.open[0])
    assert refusal.value.code == "process.too_deep"


def test_a_rehearsal_names_the_error_that_nobody_catches_and_what_to_draw() -> None:
    net, _ = read({"p.bpmn": draw("start s; user a; end e error late", "s -> a -> e")})
    assert net is not None
    told = rehearse(net, {"start": "2026-03-02T09:00:00+08:00", "steps": [{"complete": "a"}]}).as_dict()
    assert told["state"] == "error"
    assert (told["problem"]["code"], told["problem"]["element"]) == ("error.uncaught", "e")
    assert "catch it" in told["problem"]["remedy"]


def test_an_incident_that_was_taken_away_has_stopped_nothing() -> None:
    drawn = draw(
        "start s; sub box { start i; xor x; user a; end f | i -> x; x -> a if y == 1; a -> f }; "
        "boundary t box after PT1H; end e",
        "s -> box -> e; t -> e",
    )
    net, _ = read({"p.bpmn": drawn})
    assert net is not None
    inputs = {"start": "2026-03-02T09:00:00+08:00", "variables": {"y": 2}}
    assert rehearse(net, inputs).state == "error"
    later = rehearse(net, {**inputs, "steps": [{"advance_to": "2026-03-02T10:00:00+08:00"}]}).as_dict()
    assert (later["state"], later["problem"]["code"]) == ("completed", "flow.none")
