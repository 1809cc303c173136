# ruff: noqa: E501 - lines of XML are easier to read whole
"""Reading diagrams: what is drawn is in the net, or in a problem that names it."""

from __future__ import annotations

import random
import re
import time
from itertools import pairwise
from textwrap import dedent

import pytest
from msgspec.structs import replace

from engine.errors import Problem
from engine.flow.net import Event, Key, Loop, Net, Node, Property
from engine.flow.read import read

BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
HEAD = (
    f'<definitions xmlns="{BPMN}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xmlns:camunda="http://camunda.org/schema/1.0/bpmn" xmlns:zeebe="http://camunda.org/schema/zeebe/1.0" '
    'xmlns:spiffworkflow="http://spiffworkflow.org/bpmn/schema/1.0/core" targetNamespace="t">'
)
MESSAGE = '<message id="M" name="补正材料"/><signal id="S" name="停办"/>'


def definitions(*parts: str) -> bytes:
    return (HEAD + "".join(parts) + "</definitions>").encode()


def process(*parts: str, id: str = "p", more: str = 'isExecutable="true"') -> str:
    return f'<process id="{id}" {more}>{"".join(parts)}</process>'


def chain(*ids: str) -> str:
    """Sequence flows between neighbours, `a_b` from `a` to `b`."""
    return "".join(f'<sequenceFlow id="{a}_{b}" sourceRef="{a}" targetRef="{b}"/>' for a, b in pairwise(ids))


def when(source: str, target: str, condition: str) -> str:
    return (
        f'<sequenceFlow id="{source}_{target}" sourceRef="{source}" targetRef="{target}">'
        f"<conditionExpression>{condition}</conditionExpression></sequenceFlow>"
    )


START, END = '<startEvent id="start"/>', '<endEvent id="end"/>'


def around(node: str, *more: str) -> bytes:
    """A process start → `x` → end, with the element `node` (of id x) between."""
    return definitions(MESSAGE, process(START, node, END, chain("start", "x", "end"), *more))


def run(*files: bytes, **named: bytes) -> tuple[Net | None, list[Problem]]:
    diagrams = {f"{i}.bpmn": data for i, data in enumerate(files)}
    return read({**diagrams, **{f"{name}.dmn": data for name, data in named.items()}})


def net_of(*files: bytes, **named: bytes) -> Net:
    net, problems = run(*files, **named)
    assert net is not None, [str(p.message) for p in problems]
    assert problems == []
    return net


def errors(*files: bytes, **named: bytes) -> list[tuple[str, str | None]]:
    net, problems = run(*files, **named)
    found = [(p.code, p.element) for p in problems if p.severity == "error"]
    assert (net is None) == bool(found)
    return found


def warnings(*files: bytes, **named: bytes) -> list[tuple[str, str | None]]:
    net, problems = run(*files, **named)
    assert net is not None, [str(p.message) for p in problems]
    return [(p.code, p.element) for p in problems]


def node(node_xml: str, **named: bytes) -> Node:
    return net_of(around(node_xml), **named).scopes["p"].nodes["x"]


# --- bytes


def test_encodings_and_prefixes_do_not_matter() -> None:
    plain = around('<userTask id="x" name="受理"/>').decode()
    prefixed = re.sub(r"<(/?)(?=[a-z])", r"<\1b:", plain).replace("xmlns=", "xmlns:b=")
    expected = net_of(plain.encode())
    for data in (
        plain.encode("utf-8-sig"),
        plain.encode("utf-16"),
        ('<?xml version="1.0" encoding="UTF-16"?>' + plain).encode("utf-16"),
        ('<?xml version="1.0" encoding="GBK"?>' + plain).encode("gbk"),
        prefixed.encode(),
    ):
        assert net_of(data) == expected
    assert expected.scopes["p"].nodes["x"].name == "受理"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "xml.unreadable"),
        (b"not xml", "xml.unreadable"),
        (around('<userTask id="x"/>')[:-5], "xml.unreadable"),
        (b"\xff\xfe<", "xml.unreadable"),
        (b'<?xml version="1.0" encoding="nonsense"?><a/>', "xml.unreadable"),
        (b"<a>" * 5000 + b"</a>" * 5000, "xml.unreadable"),
        (b"<html/>", "bpmn.not_bpmn"),
        (b'<definitions xmlns="http://schema.omg.org/spec/BPMN/1.1"/>', "bpmn.not_bpmn"),
        (definitions(), "process.none"),
        (b" " * 20_000_001, "xml.too_big"),
        (definitions(process("<userTask/>" * 50_000)), "bpmn.too_many"),
        (definitions(process("<subProcess>" * 45 + "</subProcess>" * 45)), "bpmn.too_deep"),
    ],
)
def test_a_file_that_is_no_diagram_is_refused_in_words(data: bytes, code: str) -> None:
    net, problems = run(data)
    assert net is None
    assert [p.code for p in problems] == [code]
    assert problems[0].file == "0.bpmn"
    assert str(problems[0].message)
    assert str(problems[0].remedy)


def test_broken_xml_is_refused_with_its_line() -> None:
    _, problems = run(b"<a>\n<b>\n</a>")
    assert "line 3" in str(problems[0].message)


def test_entities_and_document_types_are_refused_without_being_expanded(tmp_path: object) -> None:
    lines = "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    for doctype in (
        f'<!DOCTYPE a [<!ENTITY a "boom">{lines}]>',
        '<!DOCTYPE a [<!ENTITY i SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE a [<!ENTITY i "harmless">]>',
        '<!DOCTYPE a SYSTEM "http://example.invalid/a.dtd">',
    ):
        body = around('<userTask id="x" name="&i;"><documentation>&i;</documentation></userTask>').decode()
        began = time.perf_counter()
        net, problems = run((doctype + body.replace("&i;", "" if "SYSTEM" in doctype else "&i;")).encode())
        assert net is None
        assert {p.code for p in problems} <= {"xml.doctype", "xml.unreadable"}
        assert time.perf_counter() - began < 1
        assert "root:" not in str(problems)


# --- ids and references


def test_elements_without_id_get_one_that_stays_the_same() -> None:
    data = definitions(
        process(
            START,
            '<userTask id="x"/><boundaryEvent attachedToRef="x"><timerEventDefinition>'
            "<timeDuration>P1D</timeDuration></timerEventDefinition></boundaryEvent>",
            '<endEvent id="sequenceFlow~2"/>',
            '<sequenceFlow sourceRef="start" targetRef="x"/><sequenceFlow sourceRef="x" targetRef="sequenceFlow~2"/>',
        )
    )
    scope = net_of(data).scopes["p"]
    assert list(scope.flows) == ["sequenceFlow~1", "sequenceFlow~2~"]
    assert list(scope.nodes) == ["start", "x", "boundaryEvent~1", "sequenceFlow~2"]
    assert scope.nodes["boundaryEvent~1"].host == "x"
    assert net_of(data).to_json() == net_of(data).to_json()


def test_nodes_may_be_called_like_the_librarys_own() -> None:
    data = definitions(
        process(
            '<startEvent id="Start"/><userTask id="Root"/><endEvent id="End"/><endEvent id="p.EndJoin"/>',
            chain("Start", "Root", "End"),
            chain("Root", "p.EndJoin"),
        )
    )
    assert set(net_of(data).scopes["p"].nodes) == {"Start", "Root", "End", "p.EndJoin"}


def test_white_space_and_prefixes_in_references_do_not_matter() -> None:
    data = definitions(
        '<message id=" M " name=" 补正 "/>',
        process(
            '<laneSet><lane id="l" name=" 窗口 "><flowNodeRef>\n  x\n</flowNodeRef></lane></laneSet>',
            START,
            '<intermediateCatchEvent id=" x"><messageEventDefinition messageRef="t:M "/></intermediateCatchEvent>',
            '<sequenceFlow id="f" sourceRef=" start" targetRef="x "/>',
        ),
    ).replace(b"targetNamespace", b'xmlns:t="t" targetNamespace')
    found = net_of(data).scopes["p"].nodes["x"]
    assert (found.event, found.lane, found.incoming) == (Event("message", name="补正"), "窗口", ("f",))


def test_ids_are_unique_and_are_names() -> None:
    assert errors(around('<userTask id="x"/><userTask id="x"/>')) == [("bpmn.duplicate_id", "x")]
    assert errors(around('<userTask id="x"/><userTask id="a/b#2"/>')) == [("bpmn.bad_id", "a/b#2")]
    assert errors(around('<userTask id="x"/>'), around('<userTask id="x"/>')) == [("bpmn.duplicate_id", "p")]


def test_ids_of_forms_and_items_may_repeat() -> None:
    field = '<extensionElements><camunda:formData><camunda:formField id="x"/></camunda:formData></extensionElements>'
    assert warnings(around(f'<userTask id="x">{field}</userTask>')) == [("extension.not_executed", "x")]


# --- everything supported


EVENTS = {
    "message": '<messageEventDefinition messageRef="M"/>',
    "signal": '<signalEventDefinition signalRef="S"/>',
    "timer": "<timerEventDefinition><timeDuration>P5D</timeDuration></timerEventDefinition>",
    "terminate": "<terminateEventDefinition/>",
    "none": "",
}
MEANT = {
    "message": Event("message", name="补正材料"),
    "signal": Event("signal", name="停办"),
    "timer": Event("timer", timer="duration", text="P5D"),
    "terminate": Event("terminate"),
    "none": Event("none"),
}


@pytest.mark.parametrize(
    ("tag", "kind", "triggers"),
    [
        ("startEvent", "start", "none message signal timer"),
        ("endEvent", "end", "none message signal terminate"),
        ("intermediateCatchEvent", "catch", "message signal timer"),
        ("intermediateThrowEvent", "throw", "none message signal"),
        ("boundaryEvent", "boundary", "message signal timer"),
    ],
)
def test_events_keep_their_trigger(tag: str, kind: str, triggers: str) -> None:
    for trigger in triggers.split():
        parts = {
            "start": (
                f'<startEvent id="e">{EVENTS[trigger]}</startEvent><userTask id="x"/>',
                chain("e", "x"),
            ),
            "end": (START + f'<endEvent id="e">{EVENTS[trigger]}</endEvent>', chain("start", "e")),
            "boundary": (
                START + f'<userTask id="x"/><{tag} id="e" attachedToRef="x">{EVENTS[trigger]}</{tag}>',
                chain("start", "x"),
            ),
        }.get(kind, (START + f'<{tag} id="e">{EVENTS[trigger]}</{tag}>', chain("start", "e")))
        found = net_of(definitions(MESSAGE, process(*parts))).scopes["p"].nodes["e"]
        assert (found.kind, found.event) == (kind, MEANT[trigger])


def test_a_boundary_event_interrupts_unless_it_says_otherwise() -> None:
    for attribute, interrupting in (
        ("", True),
        ('cancelActivity="true"', True),
        ('cancelActivity="false"', False),
    ):
        edge = f'<boundaryEvent id="b" attachedToRef="x" {attribute}>{EVENTS["timer"]}</boundaryEvent>'
        scope = net_of(around(f'<userTask id="x"/>{edge}')).scopes["p"]
        assert scope.nodes["b"].interrupting is interrupting
        assert scope.boundaries["x"] == (scope.nodes["b"],)


@pytest.mark.parametrize(
    ("kind", "text", "good"),
    [
        ("timeDate", "2026-03-01T09:00:00+08:00", True),
        ("timeDate", "2026-03-01", True),
        ("timeDuration", "P1M", True),
        ("timeDuration", "PT2H", True),
        ("timeDuration", "days(30)", True),
        ("timeDuration", '"P5D"', True),
        ("timeDuration", "deadline.text", True),
        ("timeDuration", "${frist}", True),
        ("timeCycle", "R3/PT1H", True),
        ("timeDuration", "5 days", False),
        ("timeDuration", "P5X", False),
        ("timeDuration", "PT", False),
        ("timeDuration", "5", False),
        ("timeDuration", '"five days"', False),
        ("timeDuration", "", False),
        ("timeDuration", "workdays(5)", True),
        ("timeDuration", "clock('decision')", True),
        ("timeDuration", "clock('a') if urgent else workdays(3)", True),
        ("timeDate", "clock('decision')", True),
        ("timeCycle", "every(workdays(5), 3)", True),
        ("timeCycle", "every('PT1H')", True),
        ("timeDuration", "workdays(0)", False),
        ("timeDuration", "every(workdays(5))", False),
        ("timeDuration", "clock(term)", False),
        ("timeDuration", '"clock:decision"', False),
        ("timeDate", "workdays(5)", False),
        ("timeCycle", "workdays(5)", False),
        ("timeCycle", "clock('decision')", False),
        ("timeCycle", "every('PT0S')", False),
        ("timeCycle", '"R0/5wd"', False),
        ("timeDate", "P5D", False),
        ("timeDate", "2026-02-30", False),
        ("timeCycle", "P1D", False),
        ("timeCycle", "R0/P1D", False),
        ("timeCycle", "R/PT0S", False),
        ("timeCycle", "0 0/5 * * * ?", False),
    ],
)
def test_a_timer_is_a_time_or_an_expression(kind: str, text: str, good: bool) -> None:
    timer = (
        f'<timerEventDefinition><{kind} xsi:type="tFormalExpression">{text}</{kind}></timerEventDefinition>'
    )
    data = around(f'<intermediateCatchEvent id="x">{timer}</intermediateCatchEvent>')
    assert errors(data) == ([] if good else [("timer.malformed", "x")])


@pytest.mark.parametrize(
    ("kind", "text", "instead"),
    [
        ("timeDuration", "5wd", "workdays(5)"),
        ("timeDuration", "30 d", "days(30)"),
        ("timeDuration", "2h", "hours(2)"),
        ("timeDuration", "clock:decision", "clock('decision')"),
        ("timeDate", "clock:decision", "clock('decision')"),
        ("timeCycle", "R3/5wd", "every(workdays(5), 3)"),
        ("timeCycle", "R/2h", "every(hours(2))"),
    ],
)
def test_a_term_typed_as_it_is_spoken_gets_the_function_to_write(kind: str, text: str, instead: str) -> None:
    timer = f"<timerEventDefinition><{kind}>{text}</{kind}></timerEventDefinition>"
    data = around(f'<intermediateCatchEvent id="x">{timer}</intermediateCatchEvent>')
    _, problems = run(data)
    assert [(problem.code, str(problem.remedy)) for problem in problems] == [
        ("timer.malformed", f"write {instead}")
    ]
    assert errors(data.replace(text.encode(), instead.encode())) == []


def test_a_timer_has_one_time() -> None:
    timer = "<timerEventDefinition><timeDate>2026-01-01</timeDate><timeCycle>R/P1D</timeCycle></timerEventDefinition>"
    data = around(f'<intermediateCatchEvent id="x">{timer}</intermediateCatchEvent>')
    assert errors(data) == [("timer.unclear", "x")]


def test_a_message_without_a_message_is_called_like_its_event() -> None:
    def catch(more: str, ref: str = "") -> str:
        return (
            f'<intermediateCatchEvent id="x" {more}><messageEventDefinition {ref}/></intermediateCatchEvent>'
        )

    assert node(catch('name="回执"')).event == Event("message", name="回执")
    assert warnings(around(catch(""))) == [("event.no_name", "x")]
    net, _ = run(around(catch("")))
    assert net is not None
    assert net.scopes["p"].nodes["x"].event == Event("message", name="x")
    assert errors(around(catch('name="a"', 'messageRef="gone"'))) == [("event.unknown_reference", "x")]


def test_scripts_keep_their_lines() -> None:
    script = "\n      fee = 20\n      if waived:\n          fee = 0\n    "
    found = node(f'<scriptTask id="x" scriptFormat="python"><script>{script}</script></scriptTask>')
    assert found.script is not None
    assert dedent(found.script).strip() == "fee = 20\nif waived:\n    fee = 0"


def test_comments_and_documentation_do_not_cut_an_expression() -> None:
    condition = "<documentation>why</documentation>a <!-- or not --> and <![CDATA[b < 3]]>"
    data = definitions(
        process(START, "<userTask id='x'/>", END, chain("start", "x"), when("x", "end", condition))
    )
    assert net_of(data).scopes["p"].flows["x_end"].condition == "a  and b < 3"


def test_multi_instance_in_the_standards_words() -> None:
    loop = """<multiInstanceLoopCharacteristics isSequential="true">
        <loopDataInputRef>D</loopDataInputRef><loopDataOutputRef>out</loopDataOutputRef>
        <inputDataItem id="i1" name="dept"/><outputDataItem id="opinion"/>
        <completionCondition>nrOfCompletedInstances == 2</completionCondition></multiInstanceLoopCharacteristics>"""
    data = around(f'<userTask id="x">{loop}</userTask>', '<dataObject id="D" name="departments"/>')
    assert net_of(data).scopes["p"].nodes["x"].loop == Loop(
        "sequential",
        collection="departments",
        item="dept",
        output="out",
        output_item="opinion",
        until="nrOfCompletedInstances == 2",
    )


def test_multi_instance_reads_and_writes_the_data_objects_behind_its_inputs_and_outputs() -> None:
    inside = """<ioSpecification><dataInput id="in1" name="in"/><dataOutput id="out1" name="out"/></ioSpecification>
        <dataInputAssociation><sourceRef>R</sourceRef><targetRef>in1</targetRef></dataInputAssociation>
        <dataOutputAssociation><sourceRef>out1</sourceRef><targetRef>O</targetRef></dataOutputAssociation>
        <multiInstanceLoopCharacteristics><loopDataInputRef>in1</loopDataInputRef>
        <loopDataOutputRef>out1</loopDataOutputRef><inputDataItem name="dept"/><outputDataItem name="opinion"/>
        </multiInstanceLoopCharacteristics>"""
    data = around(
        f'<manualTask id="x">{inside}</manualTask>',
        '<dataObject id="D" name="departments"/><dataObjectReference id="R" dataObjectRef="D"/>',
        '<dataObjectReference id="O" name="opinions" dataObjectRef="D"/>',
    )
    loop = net_of(data).scopes["p"].nodes["x"].loop
    assert loop == Loop(
        "parallel", collection="departments", item="dept", output="opinions", output_item="opinion"
    )


DATA = '<dataObject id="D"/><dataObjectReference id="R" name="amount" dataObjectRef="D"/>'


def ends(*, input: str = "", output: str = "") -> str:
    """Of an activity: an input and an output (their names), each associated with `amount`."""
    return (
        f'<ioSpecification><dataInput id="i" name="{input}"/><dataOutput id="o" name="{output}"/></ioSpecification>'
        "<dataInputAssociation><sourceRef>R</sourceRef><targetRef>i</targetRef></dataInputAssociation>"
        "<dataOutputAssociation><sourceRef>o</sourceRef><targetRef>R</targetRef></dataOutputAssociation>"
    )


def test_named_inputs_and_outputs_are_copied_from_and_to_data_objects() -> None:
    net = net_of(around(f'<userTask id="x">{ends(input="value", output="result")}</userTask>', DATA))
    x = net.scopes["p"].nodes["x"]
    assert (x.inputs, x.outputs) == ((("value", "amount"),), (("amount", "result"),))
    assert Net.from_json(net.to_json()) == net
    same = net_of(around(f'<userTask id="x">{ends(input="amount", output="amount")}</userTask>', DATA))
    assert (same.scopes["p"].nodes["x"].inputs, same.scopes["p"].nodes["x"].outputs) == ((), ())


def test_the_data_of_a_subprocess_are_its_own_and_no_placeholder_is() -> None:
    inside = (
        '<dataObject id="D"/><dataObjectReference id="R" name="amount" dataObjectRef="D"/><property id="P" name="note"/>'
        '<property id="Q" name="__targetRef_placeholder"/><dataObject id="F" name="fee"/><userTask id="i"/>'
    )
    net = net_of(around(f'<subProcess id="x">{inside}</subProcess>'))
    assert {*net.scopes["p"].nodes["x"].locals} == {"amount", "D", "fee", "note"}
    assert Net.from_json(net.to_json()) == net


def test_what_a_persons_task_is_given_by_a_calculation_is_a_drawing() -> None:
    """As jBPM's modeler names each task's form: nothing that runs reads it."""
    given = (
        '<dataInput id="i" name="TaskName"/><dataInputAssociation><targetRef>i</targetRef><assignment>'
        "<from>look it over</from><to>i</to></assignment></dataInputAssociation>"
    )
    data = around(f'<userTask id="x">{given}</userTask>')
    assert warnings(data) == [("association.not_executed", "x")]
    assert errors(around(f'<scriptTask id="x"><script>a = 1</script>{given}</scriptTask>')) == [
        ("expression.malformed", "x")
    ]


def test_associations_with_what_no_expression_can_name_are_a_drawing() -> None:
    nameless = around(f'<userTask id="x">{ends(output="the result")}</userTask>', DATA)
    assert warnings(nameless) == [("association.not_executed", "x")] * 2
    bpmn_io = (
        '<property id="P" name="__targetRef_placeholder"/><dataInputAssociation><sourceRef>R</sourceRef>'
        "<targetRef>P</targetRef></dataInputAssociation><dataOutputAssociation><targetRef>R</targetRef>"
        "</dataOutputAssociation>"
    )
    drawn = net_of(around(f'<userTask id="x">{bpmn_io}</userTask>', DATA)).scopes["p"].nodes["x"]
    assert (drawn.inputs, drawn.outputs) == ((), ())


def test_an_association_that_cannot_be_run_is_refused() -> None:
    loop = "<multiInstanceLoopCharacteristics><loopCardinality>2</loopCardinality></multiInstanceLoopCharacteristics>"
    assert errors(around(f'<userTask id="x">{ends(output="result")}{loop}</userTask>', DATA)) == [
        ("element.unsupported", "x")
    ]
    several = ends(input="value").replace("<sourceRef>R<", "<sourceRef>Q</sourceRef><sourceRef>R<")
    assert errors(around(f'<userTask id="x">{several}</userTask>', DATA)) == [("element.unsupported", "x")]


STORE = '<dataStoreReference id="R" name="archive" dataStoreRef="S"/>'


def test_what_is_only_drawn_is_run_with_a_warning() -> None:
    bare = "<dataOutputAssociation><targetRef>R</targetRef></dataOutputAssociation>"
    data = around(f'<userTask id="x">{bare}</userTask>', STORE, '<dataInput id="i" name="form"/>')
    assert warnings(data) == [("element.not_executed", "R"), ("element.not_executed", "i")]


@pytest.mark.parametrize(
    "inside",
    [
        ends(input="value"),
        ends(output="result"),
        "<dataOutputAssociation><targetRef>R</targetRef><transformation>a</transformation></dataOutputAssociation>",
        "<dataOutputAssociation><assignment><from>a</from><to>R</to></assignment></dataOutputAssociation>",
        "<multiInstanceLoopCharacteristics><loopDataInputRef>R</loopDataInputRef></multiInstanceLoopCharacteristics>",
    ],
)
def test_a_step_that_depends_on_a_data_store_is_refused(inside: str) -> None:
    assert errors(around(f'<userTask id="x">{inside}</userTask>', STORE)) == [("element.unsupported", "x")]


KEY = '<correlationKey id="K"><correlationPropertyRef>P</correlationPropertyRef></correlationKey>'
CARRIED = (
    '<correlationProperty id="P"><correlationPropertyRetrievalExpression messageRef="M">'
    "<messagePath>order_id</messagePath></correlationPropertyRetrievalExpression></correlationProperty>"
)
BOUND = (
    '<correlationSubscription id="B" correlationKeyRef="K"><correlationPropertyBinding correlationPropertyRef="P">'
    "<dataPath>number</dataPath></correlationPropertyBinding></correlationSubscription>"
)


def correlated(
    subscription: str = "", *, key: str = KEY, carried: str = CARRIED, node: str = "receive"
) -> bytes:
    """A process that waits for (or sends) a message, in a collaboration with a correlation key."""
    return definitions(
        MESSAGE,
        f'<collaboration id="C"><participant id="A" processRef="p"/>{key}</collaboration>',
        process(subscription, START, f'<{node}Task id="x" messageRef="M"/>', END, chain("start", "x", "end")),
        carried,
    )


def test_a_correlation_key_is_of_the_subscription_or_of_the_collaboration() -> None:
    part = Property("P", {"补正材料": "order_id"})
    assert net_of(correlated()).scopes["p"].key == Key("K", (part,))
    net = net_of(correlated(BOUND))
    assert net.scopes["p"].key == Key("K", (replace(part, data="number"),))
    assert Net.from_json(net.to_json()) == net
    assert warnings(correlated(key="")) == [("correlation.not_executed", "p")]
    assert warnings(correlated(carried='<correlationProperty id="P"/>')) == [("correlation.without_key", "x")]


@pytest.mark.parametrize(
    ("diagram", "problem"),
    [
        (correlated(key=KEY + KEY.replace('"K"', '"L"')), ("element.unsupported", "L")),
        (correlated(BOUND + BOUND.replace('"B"', '"D"')), ("element.unsupported", "D")),
        (correlated(BOUND.replace('Ref="K"', 'Ref="L"')), ("correlation.unknown_key", "B")),
        (correlated(BOUND.replace('Ref="P"', 'Ref="Q"')), ("correlation.unbound", "B")),
        (correlated(carried=""), ("correlation.unknown_property", "K")),
        (correlated(carried=CARRIED.replace('"M"', '"N"')), ("correlation.unknown_message", "P")),
        (correlated(carried=CARRIED.replace("order_id", "/order/id")), ("expression.malformed", "P")),
        (correlated(key='<correlationKey id="K"/>'), ("correlation.no_property", "K")),
        (correlated(node="send"), ("element.unsupported", "x")),
    ],
)
def test_a_correlation_that_cannot_be_run_is_refused(diagram: bytes, problem: tuple[str, str]) -> None:
    assert errors(diagram) == [problem]


def test_a_message_that_carries_half_a_key_is_refused() -> None:
    second = CARRIED.replace('"P"', '"Q"').replace('"M"', '"N"') + '<message id="N" name="n"/>'
    key = KEY.replace(
        "</correlationKey>", "<correlationPropertyRef>Q</correlationPropertyRef></correlationKey>"
    )
    assert set(errors(correlated(key=key, carried=CARRIED + second))) == {("correlation.partial", "K")}


def test_multi_instance_in_the_vendors_words() -> None:
    camunda = '<multiInstanceLoopCharacteristics camunda:collection="${all}" camunda:elementVariable="one"/>'
    assert node(f'<userTask id="x">{camunda}</userTask>').loop == Loop(
        "parallel", collection="${all}", item="one"
    )
    zeebe = """<multiInstanceLoopCharacteristics><extensionElements><zeebe:loopCharacteristics
        inputCollection="=all" inputElement="one" outputCollection="outs" outputElement="=one.x"/>
        </extensionElements></multiInstanceLoopCharacteristics>"""
    assert node(
        f'<callActivity id="x" calledElement="q">{zeebe}</callActivity>'.replace("callActivity", "userTask")
    )
    assert node(f'<userTask id="x">{zeebe}</userTask>').loop == Loop(
        "parallel", collection="=all", item="one", output="outs", output_item="=one.x"
    )
    count = "<multiInstanceLoopCharacteristics><loopCardinality>3</loopCardinality></multiInstanceLoopCharacteristics>"
    assert node(f'<subProcess id="x">{count}<userTask id="y"/></subProcess>').loop == Loop(
        "parallel", cardinality="3"
    )


@pytest.mark.parametrize(
    ("inside", "code"),
    [
        ("", "loop.unclear_count"),
        (
            "<loopCardinality>2</loopCardinality><loopDataInputRef>all</loopDataInputRef>",
            "loop.unclear_count",
        ),
        ("<loopCardinality>2</loopCardinality><inputDataItem name='i'/>", "loop.item_without_collection"),
        (
            "<loopCardinality>2</loopCardinality><loopDataOutputRef>o</loopDataOutputRef>",
            "loop.incomplete_output",
        ),
        ("<loopCardinality>2 +</loopCardinality>", "expression.malformed"),
        ("<loopDataInputRef>all</loopDataInputRef><inputDataItem name='the one'/>", "variable.malformed"),
    ],
)
def test_a_multi_instance_that_says_too_little_or_too_much_is_refused(inside: str, code: str) -> None:
    loop = f"<multiInstanceLoopCharacteristics>{inside}</multiInstanceLoopCharacteristics>"
    assert errors(around(f'<userTask id="x">{loop}</userTask>')) == [(code, "x")]


def test_properties_are_read_alike_from_all_three_modelers() -> None:
    for prefix in ("camunda", "zeebe", "spiffworkflow"):
        given = "".join(
            f'<{prefix}:property name="{k}" value="{v}"/>'
            for k, v in (
                ("form", "opinion"),
                ("result", "fire"),
                ("unit", "dept.code"),
                ("name:en", "Opinion"),
            )
        )
        holder = f"<extensionElements><{prefix}:properties>{given}</{prefix}:properties></extensionElements>"
        found = node(f'<userTask id="x">{holder}</userTask>')
        expected = {"form": "opinion", "result": "fire", "unit": "dept.code", "name:en": "Opinion"}
        assert (found.properties, found.result) == (expected, "fire")


def test_a_form_key_is_the_property_form() -> None:
    assert node('<userTask id="x" camunda:formKey="opinion"/>').properties == {"form": "opinion"}
    for attribute in ("formKey", "formId"):
        form = f'<extensionElements><zeebe:formDefinition {attribute}="opinion"/></extensionElements>'
        assert node(f'<userTask id="x">{form}</userTask>').properties == {"form": "opinion"}
    twice = (
        '<userTask id="x" camunda:formKey="a"><extensionElements><camunda:properties>'
        '<camunda:property name="form" value="b"/></camunda:properties></extensionElements></userTask>'
    )
    assert errors(around(twice)) == [("property.twice", "x")]


def test_what_other_engines_would_execute_is_reported() -> None:
    for xml in (
        '<userTask id="x" camunda:assignee="chen"/>',
        '<userTask id="x"><extensionElements><camunda:executionListener event="start"/></extensionElements></userTask>',
        '<userTask id="x"><extensionElements><zeebe:ioMapping/></extensionElements></userTask>',
    ):
        assert warnings(around(xml)) == [("extension.not_executed", "x")]
    owner = '<userTask id="x"><potentialOwner><resourceRef>r</resourceRef></potentialOwner></userTask>'
    assert warnings(around(owner)) == [("performer.not_executed", "x")]


def test_lanes_give_the_innermost_name_and_reach_into_subprocesses() -> None:
    data = definitions(
        process(
            """<laneSet><lane id="l1" name="县政务服务中心"><flowNodeRef>start</flowNodeRef><flowNodeRef>s</flowNodeRef>
            <childLaneSet><lane id="l2" name="综合窗口"><flowNodeRef>start</flowNodeRef></lane>
            <lane id="l3"><flowNodeRef>b</flowNodeRef></lane></childLaneSet></lane></laneSet>""",
            START,
            """<subProcess id="s"><laneSet><lane id="l4" name="消防"><flowNodeRef>t2</flowNodeRef></lane></laneSet>
            <userTask id="t1"/><userTask id="t2"/></subProcess>""",
            f'<boundaryEvent id="b" attachedToRef="s">{EVENTS["timer"]}</boundaryEvent>',
            '<userTask id="nowhere"/>',
            chain("start", "s", "nowhere"),
        )
    )
    net = net_of(data)
    lanes = {n.id: n.lane for scope in net.scopes.values() for n in scope.nodes.values()}
    assert lanes == {
        "start": "综合窗口",
        "s": "县政务服务中心",
        "t1": "县政务服务中心",
        "t2": "消防",
        "b": "县政务服务中心",
        "nowhere": None,
    }


def test_a_step_in_two_lanes_is_reported() -> None:
    lanes = "".join(f'<lane id="{n}" name="{n}"><flowNodeRef>x</flowNodeRef></lane>' for n in "ab")
    assert warnings(around(f'<laneSet>{lanes}</laneSet><userTask id="x"/>')) == [("lane.twice", "b")]


def test_flows_keep_document_order_whatever_the_picture_says() -> None:
    picture = "".join(
        f'<di:BPMNShape bpmnElement="{n}"><dc:Bounds x="0" y="{y}"/></di:BPMNShape>'
        for n, y in (("a", "9"), ("b", "x"), ("c", "1"))
    )
    data = definitions(
        process(
            START,
            '<exclusiveGateway id="g" default="g_a"/>',
            "".join(f'<endEvent id="{n}"/>' for n in "abc"),
            chain("start", "g"),
            when("g", "b", "n == 2"),
            when("g", "a", "this is dropped: it is the default flow"),
            when("g", "c", "n &gt; 2"),
        ),
        '<di:BPMNDiagram xmlns:di="http://www.omg.org/spec/BPMN/20100524/DI" '
        f'xmlns:dc="http://www.omg.org/spec/DD/20100524/DC">{picture}</di:BPMNDiagram>',
    )
    scope = net_of(data).scopes["p"]
    assert scope.nodes["g"].outgoing == ("g_b", "g_a", "g_c")
    assert [scope.flows[f].condition for f in scope.nodes["g"].outgoing] == ["n == 2", None, "n > 2"]
    assert scope.nodes["g"].default == "g_a"


def test_conditional_and_default_flows_leave_tasks() -> None:
    data = definitions(
        process(
            START,
            '<userTask id="x" default="x_b"/><endEvent id="a"/><endEvent id="b"/>',
            chain("start", "x"),
            when("x", "a", "ok"),
            chain("x", "b"),
        )
    )
    scope = net_of(data).scopes["p"]
    assert scope.flows["x_a"].condition == "ok"
    assert scope.nodes["x"].default == "x_b"


def test_a_chain_of_two_thousand_steps_is_read_in_order() -> None:
    ids = [f"t{i}" for i in range(2000)]
    data = definitions(process(START, *(f'<userTask id="{i}"/>' for i in ids), chain("start", *ids)))
    began = time.perf_counter()
    scope = net_of(data).scopes["p"]
    assert time.perf_counter() - began < 10
    assert list(scope.nodes) == ["start", *ids]
    assert [n.order for n in scope.nodes.values()] == list(range(2001))


def test_a_subprocess_is_a_scope_of_its_own() -> None:
    inner = '<subProcess id="in" name="内"><userTask id="deep"/></subProcess>'
    net = net_of(around(f'<subProcess id="x"><startEvent id="s2"/>{inner}{chain("s2", "in")}</subProcess>'))
    assert list(net.scopes) == ["p", "p/x", "p/x/in"]
    assert net.scopes["p"].nodes["x"].body == "p/x"
    assert net.scopes["p/x"].nodes["in"].body == "p/x/in"
    assert (net.scopes["p/x"].starts, net.scopes["p/x/in"].starts) == (("s2",), ("deep",))
    assert net.scopes["p/x/in"].name == "内"


def test_a_called_process_may_be_in_another_file_with_equal_ids() -> None:
    def file(process_id: str, name: str, node_xml: str) -> bytes:
        wait = (
            '<intermediateCatchEvent id="w"><messageEventDefinition messageRef="M"/></intermediateCatchEvent>'
        )
        return definitions(
            f'<message id="M" name="{name}"/>',
            process(START, wait, node_xml, END, chain("start", "w", "x", "end"), id=process_id),
        )

    call = '<callActivity id="x" calledElement="q"/>'
    for order in (1, -1):
        files = [file("p", "一", call), file("q", "二", '<subProcess id="x"><userTask id="y"/></subProcess>')]
        net = net_of(*files[::order])
        assert net.process == "p"
        assert net.scopes["p"].nodes["x"].body == "q"
        names = {scope: net.scopes[scope].nodes["w"].event for scope in ("p", "q")}
        assert names == {"p": Event("message", name="一"), "q": Event("message", name="二")}
        assert "q/x" in net.scopes


def test_the_net_survives_json() -> None:
    net = net_of(around('<userTask id="x" name="受理"/>'))
    assert Net.from_json(net.to_json()) == net


def test_a_net_with_every_new_word_survives_json() -> None:
    trigger = f"{EVENTS['timer']}{EVENTS['message']}"
    data = around(
        '<userTask id="x"><standardLoopCharacteristics testBefore="1" loopMaximum="3"><loopCondition>a</loopCondition>'
        "</standardLoopCharacteristics><dataOutputAssociation><assignment><from>a + 1</from><to>b</to></assignment>"
        "</dataOutputAssociation></userTask>",
        f'<boundaryEvent id="e" attachedToRef="x" parallelMultiple="true">{trigger}</boundaryEvent>',
        '<boundaryEvent id="c" attachedToRef="x"><compensateEventDefinition/></boundaryEvent>'
        '<task id="u" isForCompensation="true"/><association id="a" sourceRef="u" targetRef="c"/>',
    )
    net, problems = run(data)
    assert net is not None
    assert [(p.code, p.element) for p in problems] == [("task.no_type", "u")]
    assert Net.from_json(net.to_json()) == net
    found = net.scopes["p"].nodes
    assert found["x"].loop == Loop("standard", condition="a", before=True, most=3)
    assert found["x"].outputs == (("b", "a + 1"),)
    assert found["c"].undo == "u"
    assert found["e"].event == Event(
        "multiple",
        parts=(Event("timer", timer="duration", text="P5D"), Event("message", name="补正材料")),
        all=True,
    )


def test_a_shared_event_definition_is_found() -> None:
    shared = '<timerEventDefinition id="T"><timeDuration>P5D</timeDuration></timerEventDefinition>'
    catch = (
        '<intermediateCatchEvent id="x"><eventDefinitionRef>t:T</eventDefinitionRef></intermediateCatchEvent>'
    )
    data = definitions(shared, process(START, catch, END, chain("start", "x", "end")))
    data = data.replace(b"targetNamespace", b'xmlns:t="t" targetNamespace')
    assert net_of(data).scopes["p"].nodes["x"].event == MEANT["timer"]


def test_an_error_without_a_code_is_caught_by_reference() -> None:
    edge = '<boundaryEvent id="e" attachedToRef="x"><errorEventDefinition errorRef="E"/></boundaryEvent>'
    data = definitions(
        '<error id="E" name="broken"/>', process(START, '<userTask id="x"/>', edge, chain("start", "x"))
    )
    assert net_of(data).scopes["p"].nodes["e"].event == Event("error", name="E")


# --- which process


def test_of_several_processes_that_could_run_none_is_chosen_silently() -> None:
    one, two = (process(f'<userTask id="t{n}"/>', id=f"p{n}") for n in (1, 2))
    assert errors(definitions(one, two)) == [("process.several", "p2")]


def test_of_several_processes_the_one_is_run_that_alone_begins_without_a_trigger() -> None:
    def pool(name: str, trigger: str) -> str:
        start = f'<startEvent id="{name}1">{EVENTS[trigger]}</startEvent>'
        return process(start, f'<userTask id="{name}2"/>', chain(f"{name}1", f"{name}2"), id=name)

    pools = [pool("asked", "message"), pool("asks", "none"), pool("reminded", "timer")]
    net, problems = run(definitions(MESSAGE, *pools))
    assert net is not None
    assert net.process == "asks"
    assert [(p.code, p.element) for p in problems] == [
        ("process.not_run", "asked"),
        ("process.not_run", "reminded"),
    ]
    assert errors(definitions(MESSAGE, pools[0], pools[2])) == [("process.several", "reminded")]


def test_the_executable_process_that_nobody_calls_is_run() -> None:
    call = '<callActivity id="x" calledElement="sub"/>'
    parts = (
        process('<userTask id="t1"/>', id="drawing", more=""),
        process('<userTask id="t2"/>', id="sub"),
        process(call, id="main"),
        process('<userTask id="t3"/>', id="second", more=""),
        process(id="pool", more=""),
    )
    net, problems = run(definitions(*parts))
    assert net is not None
    assert net.process == "main"
    assert [(p.code, p.element) for p in problems] == [
        ("process.not_run", "drawing"),
        ("process.not_run", "second"),
    ]
    net, _ = run(definitions(process(id="pool", more=""), parts[0]))
    assert net is not None
    assert net.process == "drawing"
    net, _ = read({"a.bpmn": definitions(*parts)}, "second")
    assert net is not None
    assert list(net.scopes) == ["second"]
    net, problems = read({"a.bpmn": definitions(*parts)}, "third")
    assert net is None
    assert [p.code for p in problems] == ["process.unknown"]


@pytest.mark.parametrize("tag", ["scriptTask", "serviceTask", "businessRuleTask", "subProcess"])
def test_what_names_nothing_to_do_is_a_task_without_a_type(tag: str) -> None:
    net, problems = run(around(f'<{tag} id="x"/>'))
    assert net is not None
    assert net.scopes["p"].nodes["x"].kind == "task"
    assert [(p.code, p.severity, p.element) for p in problems] == [("task.nothing_to_do", "warning", "x")]


@pytest.mark.parametrize("vendor", ["activiti.org/bpmn", "flowable.org/bpmn", "operaton.org/schema/1.0/bpmn"])
def test_camundas_relations_say_the_same_in_the_same_words(vendor: str) -> None:
    head = f'xmlns:v="http://{vendor}"'
    loop = f'<multiInstanceLoopCharacteristics {head} v:collection="${{units}}" v:elementVariable="unit"/>'
    read_loop = node(f'<userTask id="x" {head} v:formKey="opinion" v:async="true">{loop}</userTask>')
    assert read_loop.loop == Loop("parallel", collection="${units}", item="unit")
    assert read_loop.properties == {"form": "opinion"}
    service = node(f'<serviceTask id="x" {head} v:expression="${{a + 1}}" v:resultVariableName="b"/>')
    assert (service.expression, service.result) == ("${a + 1}", "b")
    assert warnings(around(f'<userTask id="x" {head} v:assignee="demo"/>')) == [
        ("extension.not_executed", "x")
    ]
    copied = f'<callActivity id="x" calledElement="q"><extensionElements><v:in {head} source="a" target="b"/></extensionElements></callActivity>'
    assert ("extension.mapping", "x") in errors(around(copied))


def test_a_messages_subscription_in_another_engine_is_told_of() -> None:
    subscription = '<extensionElements><zeebe:subscription correlationKey="=id"/></extensionElements>'
    data = around('<userTask id="x"/>').replace(
        b"<process", f'<message id="K" name="k">{subscription}</message><process'.encode(), 1
    )
    assert warnings(data) == [("extension.not_executed", "K")]


def test_an_inclusive_gateway_takes_a_flow_without_condition_and_says_so() -> None:
    gateway = '<inclusiveGateway id="g"/><userTask id="y"/>' + chain("x", "g", "y") + when("g", "end", "a")
    assert warnings(around('<userTask id="x"/>', gateway)) == [("flow.always", "g")]


def test_an_empty_condition_on_the_only_way_out_says_nothing() -> None:
    empty = around('<userTask id="x"/>').replace(
        b'targetRef="end"/>',
        b'targetRef="end"><conditionExpression><![CDATA[]]></conditionExpression></sequenceFlow>',
    )
    assert warnings(empty) == [("flow.empty_condition", "x_end")]


# --- refusals


def event(tag: str, definition: str) -> str:
    edge = 'attachedToRef="x"' if tag == "boundaryEvent" else ""
    return f'<{tag} id="e" {edge}>{definition}</{tag}>'


@pytest.mark.parametrize(
    ("xml", "element", "words"),
    [
        ('<serviceTask id="e" camunda:class="a.B"/>', "e", "service task"),
        ('<serviceTask id="e" operationRef="o"/>', "e", "service task"),
        ('<serviceTask id="e" implementation="Java"/>', "e", "service task"),
        ('<receiveTask id="e" name="m" instantiate="true"/>', "e", "one of several ways"),
        ('<complexGateway id="e"/>', "e", "complex gateway"),
        ('<adHocSubProcess id="e"/>', "e", "ad-hoc"),
        ('<userTask id="e" startQuantity="2"/>', "e", "startQuantity"),
        ('<eventBasedGateway id="e" eventGatewayType="Parallel"/>', "e", "waits for all"),
        ('<transaction id="e" method="##Image"><userTask id="i"/></transaction>', "e", "other means"),
        ('<callActivity id="e" calledElement="gone" startQuantity="2"/>', "e", "startQuantity"),
        ('<callChoreography id="e"/>', "e", "callChoreography"),
        ('<userTsk id="e"/>', "e", "userTsk"),
        (event("intermediateThrowEvent", "<errorEventDefinition/>"), "e", "error intermediate throw event"),
        (event("intermediateCatchEvent", "<errorEventDefinition/>"), "e", "error intermediate catch event"),
        (event("startEvent", "<errorEventDefinition/>"), "e", "error start event"),
        (event("endEvent", "<linkEventDefinition name='a'/>"), "e", "link end event"),
        (event("endEvent", EVENTS["message"] + EVENTS["terminate"]), "e", "multiple event with terminate"),
        (event("intermediateCatchEvent", ""), "e", "without a trigger"),
        (event("intermediateCatchEvent", "<eventDefinitionRef>d</eventDefinitionRef>"), "e", "referenced"),
        (
            '<boundaryEvent id="e" attachedToRef="x" cancelActivity="false"><errorEventDefinition/></boundaryEvent>',
            "e",
            "non-interrupting error",
        ),
        (
            f'<subProcess id="s"><startEvent id="e">{EVENTS["timer"]}</startEvent></subProcess>',
            "e",
            "timer start event in a subprocess",
        ),
        (
            '<sendTask id="e" name="m"><multiInstanceLoopCharacteristics><loopCardinality>2</loopCardinality>'
            '</multiInstanceLoopCharacteristics><dataInput id="i" name="i"/><dataInputAssociation><targetRef>i</targetRef>'
            "<transformation>a</transformation></dataInputAssociation></sendTask>",
            "e",
            "transformation",
        ),
        (
            '<userTask id="e"><multiInstanceLoopCharacteristics behavior="One"><loopCardinality>2</loopCardinality>'
            "</multiInstanceLoopCharacteristics></userTask>",
            "e",
            "behaviour",
        ),
    ],
)
def test_what_is_not_run_is_refused_by_name_with_a_way_out(xml: str, element: str, words: str) -> None:
    net, problems = run(around('<userTask id="x"/>', xml, chain("start", element)))
    assert net is None
    found = [p for p in problems if p.code == "element.unsupported"]
    assert [p.element for p in found] == [element]
    assert words in str(found[0].message)
    assert str(found[0].remedy)


UNDO = "<compensateEventDefinition/>"
CANCEL = "<cancelEventDefinition/>"


@pytest.mark.parametrize(
    ("xml", "expected"),
    [
        (event("boundaryEvent", UNDO), [("compensation.no_activity", "e")]),
        ('<userTask id="u" isForCompensation="true"/>', [("node.unreachable", "u")]),
        (
            event("boundaryEvent", UNDO)
            + '<userTask id="u" isForCompensation="true"/><association id="a" sourceRef="e" targetRef="u"/>'
            + chain("e", "end"),
            [("node.outgoing", "e")],
        ),
        (
            event("endEvent", '<compensateEventDefinition activityRef="gone"/>') + chain("x", "e"),
            [("compensation.unknown_activity", "e")],
        ),
        (event("boundaryEvent", CANCEL), [("boundary.no_transaction", "e")]),
        (
            "".join(
                f'<boundaryEvent id="e{n}" attachedToRef="x">{UNDO}</boundaryEvent><userTask id="u{n}" '
                f'isForCompensation="true"/><association id="a{n}" sourceRef="e{n}" targetRef="u{n}"/>'
                for n in (1, 2)
            ),
            [("boundary.twice", "e2")],
        ),
        (event("endEvent", CANCEL) + chain("x", "e"), [("cancel.no_transaction", "e")]),
        (
            f'<transaction id="t"><endEvent id="e">{CANCEL}</endEvent></transaction>' + chain("x", "t"),
            [("cancel.no_way_out", "e")],
        ),
        (
            f'<transaction id="t"><endEvent id="e">{CANCEL}</endEvent><multiInstanceLoopCharacteristics>'
            "<loopCardinality>2</loopCardinality></multiInstanceLoopCharacteristics></transaction>"
            f'<boundaryEvent id="b" attachedToRef="t">{CANCEL}</boundaryEvent>' + chain("x", "t"),
            [("element.unsupported", "e")],
        ),
        (
            event("intermediateThrowEvent", '<linkEventDefinition name="l"/>') + chain("x", "e"),
            [("link.no_target", "e")],
        ),
        (
            event("intermediateCatchEvent", '<linkEventDefinition name="l"/>') + chain("e", "x"),
            [("node.unreachable", "e")],
        ),
        (
            '<subProcess id="h" triggeredByEvent="true"><startEvent id="i"/></subProcess>',
            [("element.unsupported", "i")],
        ),
        (
            '<subProcess id="h" triggeredByEvent="true"><userTask id="i"/></subProcess>',
            [("handler.one_start", "h")],
        ),
        (
            f'<subProcess id="h" triggeredByEvent="true"><startEvent id="i">{UNDO}</startEvent></subProcess>',
            [("compensation.never", "h")],
        ),
        (
            f'<subProcess id="h" triggeredByEvent="true"><startEvent id="i">{EVENTS["timer"]}</startEvent></subProcess>'
            + chain("x", "h"),
            [("node.incoming", "h")],
        ),
        (
            '<userTask id="y"><standardLoopCharacteristics/></userTask>' + chain("x", "y"),
            [("loop.endless", "y")],
        ),
        (
            '<userTask id="y"><standardLoopCharacteristics loopMaximum="x"/></userTask>' + chain("x", "y"),
            [("loop.maximum", "y")],
        ),
        (
            event("intermediateCatchEvent", "<conditionalEventDefinition/>") + chain("x", "e"),
            [("event.no_condition", "e")],
        ),
        (
            event("endEvent", '<errorEventDefinition errorRef="gone"/>') + chain("x", "e"),
            [("event.unknown_reference", "e")],
        ),
        (
            event("intermediateThrowEvent", "<linkEventDefinition/>") + chain("x", "e"),
            [("link.no_name", "e"), ("link.no_target", "e")],
        ),
        (
            '<serviceTask id="y" camunda:expression="${bean.call()}"/>' + chain("x", "y"),
            [("expression.malformed", "y")],
        ),
        (
            f'<eventBasedGateway id="g"/><receiveTask id="y" name="m"/><boundaryEvent id="e" attachedToRef="y">'
            f"{EVENTS['timer']}</boundaryEvent>" + chain("x", "g", "y"),
            [("race.no_event", "g")],
        ),
        ('<sequenceFlow id="f" sourceRef="x" targetRef="gone"/>', [("flow.unknown_node", "f")]),
        ('<sequenceFlow id="f" targetRef="x"/>', [("flow.unknown_node", "f")]),
        (
            '<subProcess id="s"><userTask id="i"/></subProcess>' + chain("x", "i"),
            [("flow.crosses_border", "x_i")],
        ),
        (chain("x", "start"), [("node.incoming", "start")]),
        (chain("end", "x"), [("node.outgoing", "end")]),
        ('<startEvent id="s2"/>' + chain("s2", "x"), [("start.several", "s2")]),
        (
            event("boundaryEvent", EVENTS["timer"]).replace('"x"', '"gone"'),
            [("boundary.no_host", "e"), ("node.unreachable", "e")],
        ),
        (event("boundaryEvent", EVENTS["timer"]).replace('"x"', '"end"'), [("boundary.no_activity", "e")]),
        (event("boundaryEvent", EVENTS["timer"]) + chain("x", "e"), [("node.incoming", "e")]),
        ('<userTask id="y" default="no"/>' + chain("x", "y", "end"), [("flow.unknown_default", "y")]),
        (
            '<parallelGateway id="g" default="g_end"/>' + chain("x", "g", "end"),
            [("flow.default_misplaced", "g")],
        ),
        (
            '<exclusiveGateway id="g"/>' + chain("x", "g", "end") + when("g", "x", "again"),
            [("flow.no_condition", "g")],
        ),
        (
            '<inclusiveGateway id="g" default="g_end"/>' + chain("x", "g", "end") + chain("g", "x"),
            [("flow.no_condition", "g")],
        ),
        (
            '<parallelGateway id="g"/>' + chain("x", "g") + when("g", "end", "a"),
            [("flow.condition_misplaced", "g")],
        ),
        (when("x", "end", "a b").replace("x_end", "f"), [("expression.malformed", "f")]),
        (when("x", "end", " ").replace("x_end", "f"), [("flow.empty_condition", "f")]),
        ('<eventBasedGateway id="g"/>' + chain("x", "g", "x"), [("race.no_event", "g")]),
        ('<eventBasedGateway id="g"/>' + chain("x", "g"), [("race.no_event", "g")]),
        (
            '<eventBasedGateway id="g"/>'
            + event("intermediateCatchEvent", EVENTS["timer"])
            + chain("x", "g", "e")
            + chain("x", "e"),
            [("race.shared_event", "e")],
        ),
        (
            '<subProcess id="s" triggeredByEvent="true"/>',
            [("handler.one_start", "s"), ("scope.empty", "s")],
        ),
        (
            '<subProcess id="s"><userTask id="a"/><userTask id="b"/>'
            + chain("a", "b", "a")
            + "</subProcess>"
            + chain("x", "s"),
            [("scope.no_start", "s")],
        ),
        (
            '<scriptTask id="s" camunda:resource="a.js"/>' + chain("x", "s"),
            [("script.missing", "s")],
        ),
        (
            '<scriptTask id="s"><script>import os</script></scriptTask>' + chain("x", "s"),
            [("expression.malformed", "s")],
        ),
        (
            '<scriptTask id="s" scriptFormat="groovy"><script>a = 1</script></scriptTask>' + chain("x", "s"),
            [("expression.language", "s")],
        ),
        ('<callActivity id="c"/>' + chain("x", "c"), [("call.no_process", "c")]),
        ('<callActivity id="c" calledElement="gone"/>' + chain("x", "c"), [("call.unknown_process", "c")]),
        ('<callActivity id="c" calledElement="${a}"/>' + chain("x", "c"), [("call.dynamic", "c")]),
        ('<callActivity id="c" calledElement="p"/>' + chain("x", "c"), [("call.recursive", "c")]),
        ('<businessRuleTask id="r" camunda:class="a.B"/>' + chain("x", "r"), [("rule.no_decision", "r")]),
        (
            '<businessRuleTask id="r" camunda:decisionRef="d"/>' + chain("x", "r"),
            [("rule.unknown_decision", "r")],
        ),
    ],
)
def test_a_diagram_without_a_clear_meaning_is_refused(xml: str, expected: list[tuple[str, str]]) -> None:
    assert errors(around('<userTask id="x"/>', xml)) == expected


def test_what_no_flow_reaches_is_refused_instead_of_forgotten() -> None:
    assert errors(around('<userTask id="x"/><userTask id="island"/>')) == [("node.unreachable", "island")]
    circle = '<userTask id="x"/><userTask id="y"/><userTask id="z"/>' + chain("y", "z", "y")
    assert errors(around(circle)) == [("node.unreachable", "y"), ("node.unreachable", "z")]


@pytest.mark.parametrize(
    ("spelled", "kind"), [("true", "sequential"), ("1", "sequential"), ("0", "parallel")]
)
def test_every_spelling_of_a_boolean_is_read(spelled: str, kind: str) -> None:
    loop = f'<multiInstanceLoopCharacteristics isSequential="{spelled}"><loopCardinality>2</loopCardinality>'
    data = around(f'<userTask id="x">{loop}</multiInstanceLoopCharacteristics></userTask>')
    net, _ = run(data)
    assert net is not None
    read_loop = net.scopes["p"].nodes["x"].loop
    assert read_loop is not None
    assert read_loop.kind == kind
    assert errors(data.replace(b'isSequential="' + spelled.encode(), b'isSequential="TRUE')) == [
        ("bpmn.not_boolean", "x")
    ]


@pytest.mark.parametrize(
    "mapping",
    [
        '<camunda:inputOutput><camunda:outputParameter name="a">1</camunda:outputParameter></camunda:inputOutput>',
        '<zeebe:ioMapping><zeebe:output source="=a" target="b"/></zeebe:ioMapping>',
    ],
)
def test_a_mapping_of_variables_is_refused_because_another_branch_would_be_taken(mapping: str) -> None:
    data = around(f'<userTask id="x"><extensionElements>{mapping}</extensionElements></userTask>')
    assert errors(data) == [("extension.mapping", "x")]


def test_a_message_whose_name_is_computed_is_refused() -> None:
    message = '<message id="m" name="${id}"/>'.replace("m-${id}", "${id}")
    catch = '<intermediateCatchEvent id="c"><messageEventDefinition messageRef="m"/></intermediateCatchEvent>'
    data = around('<userTask id="x"/>', catch + chain("x", "c")).replace(
        b"<process", message.encode() + b"<process", 1
    )
    assert ("event.dynamic_name", "c") in errors(data)


def test_processes_that_call_each_other_in_a_circle_are_refused() -> None:
    def call(called: str) -> str:
        return f'<callActivity id="c_{called}" calledElement="{called}"/>'

    circle = [process(call("b"), id="a"), process(call("c"), id="b"), process(call("b"), id="c")]
    assert errors(*(definitions(p) for p in circle)) == [("call.recursive", "c_b")]
    deep = [process(call(f"p{i + 1}"), id=f"p{i}") for i in range(60)]
    assert errors(definitions(*deep, process('<userTask id="t"/>', id="p60"))) == [("call.too_deep", "c_p40")]


def test_a_called_process_must_start_by_itself() -> None:
    q = process(f'<startEvent id="s">{EVENTS["message"]}</startEvent>', id="q")
    data = definitions(MESSAGE, process('<callActivity id="c" calledElement="q"/>'), q)
    assert errors(data) == [("call.no_plain_start", "c")]


def test_starts_are_the_plain_event_or_else_the_triggered_ones() -> None:
    message = f'<startEvent id="m">{EVENTS["message"]}</startEvent>'
    timer = f'<startEvent id="t">{EVENTS["timer"]}</startEvent>'
    assert net_of(definitions(MESSAGE, process(message, timer))).scopes["p"].starts == ("m", "t")
    assert net_of(definitions(MESSAGE, process(message, timer, START))).scopes["p"].starts == ("start",)


def test_a_flow_drawn_outside_the_subprocess_of_both_its_ends_is_taken_home() -> None:
    body = '<subProcess id="x"><userTask id="a"/><userTask id="b"/></subProcess>'
    assert set(net_of(around(body, chain("a", "b"))).scopes["p/x"].flows) == {"a_b"}


def test_a_flow_element_in_an_odd_place_is_not_lost_silently() -> None:
    odd = '<userTask id="x"><extensionElements><userTask id="y"/></extensionElements></userTask>'
    assert errors(around(odd)) == [("read.lost", "y")]
    assert ("element.unsupported", "x") in errors(around('<userTask id="x"><userTask id="y"/></userTask>'))


def test_a_mangled_diagram_gives_a_net_or_problems_with_a_remedy_and_never_fails() -> None:
    rng = random.Random(20260302)
    loop = "<multiInstanceLoopCharacteristics><loopCardinality>2</loopCardinality></multiInstanceLoopCharacteristics>"
    whole = around(
        f'<subProcess id="x">{loop}<userTask id="a"/>{event("intermediateCatchEvent", EVENTS["timer"])}{chain("a", "e")}'
        f'</subProcess><boundaryEvent id="b" attachedToRef="x">{EVENTS["message"]}</boundaryEvent>',
        '<laneSet><lane name="l"><flowNodeRef>x</flowNodeRef></lane></laneSet>',
    ).decode()
    tags = [
        *re.findall(r"<[^/>]*/>", whole),
        "<dataStore/>",
        "<process/>",
        "<script/>",
        "<correlationProperty/>",
    ]
    read_well = 0
    for _ in range(400):
        text = whole
        for _ in range(rng.randint(1, 3)):
            start, end = rng.choice([m.span() for m in re.finditer(r' \w+="[^"]*"|<[^>]*/>', text)])
            change = rng.choice(["", rng.choice(tags) if text[start] == "<" else ' id="x"'])
            text = text[:start] + change + text[end:]
        net, problems = run(text.encode())
        assert (net is None) == any(p.severity == "error" for p in problems)
        assert all(str(p.message) and str(p.remedy) for p in problems)
        read_well += net is not None
    assert 0 < read_well < 400


# --- decisions

DMN = "https://www.omg.org/spec/DMN/20191111/MODEL/"


def dmn(table: str, id: str = "d") -> bytes:
    return f'<definitions xmlns="{DMN}"><decision id="{id}" name="补贴">{table}</decision></definitions>'.encode()


def cells(tag: str, *texts: str) -> str:
    return "".join(f"<{tag}><text>{text}</text></{tag}>" for text in texts)


TABLE = (
    '<decisionTable hitPolicy="FIRST"><input><inputExpression typeRef="number"><text>age</text></inputExpression>'
    '</input><output name="card"/><rule>'
    + cells("inputEntry", "&gt;= 80")
    + cells("outputEntry", '"gold"')
    + "</rule><rule><description>other</description>"
    + cells("inputEntry", "-")
    + cells("outputEntry", '"silver"')
    + "<annotationEntry><text>note</text></annotationEntry></rule></decisionTable>"
)


def test_a_decision_becomes_a_table_and_its_result_a_variable() -> None:
    for xml in (
        '<businessRuleTask id="x" camunda:decisionRef="d" camunda:resultVariable="answer"/>',
        '<businessRuleTask id="x"><extensionElements><zeebe:calledDecision decisionId="d" resultVariable="answer"/>'
        "</extensionElements></businessRuleTask>",
    ):
        found = node(xml, d=dmn(TABLE))
        assert (found.decision, found.result) == ("d", "answer")
    spiff = (
        '<businessRuleTask id="x"><extensionElements><spiffworkflow:calledDecisionId>d'
        "</spiffworkflow:calledDecisionId></extensionElements></businessRuleTask>"
    )
    net = net_of(around(spiff), d=dmn(TABLE))
    assert net.scopes["p"].nodes["x"].result == "card"
    assert net.tables["d"] == {
        "id": "d",
        "name": "补贴",
        "hit": "FIRST",
        "aggregation": None,
        "inputs": [{"expression": "age", "values": None}],
        "outputs": [{"name": "card", "values": None}],
        "rules": [{"tests": [">= 80"], "outputs": ['"gold"']}, {"tests": ["-"], "outputs": ['"silver"']}],
    }


def test_several_outputs_become_variables_one_by_one_unless_there_are_many_answers() -> None:
    task = '<businessRuleTask id="x" camunda:decisionRef="d"/>'
    two = TABLE.replace('<output name="card"/>', '<output name="card"/><output name="fee"/>')
    two = two.replace("</rule>", cells("outputEntry", "1") + "</rule>")
    assert node(task, d=dmn(two)).result is None
    assert errors(around(task), d=dmn(two.replace("FIRST", "COLLECT"))) == [("rule.no_result", "x")]


@pytest.mark.parametrize(
    ("table", "code"),
    [
        ("<literalExpression><text> </text></literalExpression>", "dmn.unsupported"),
        (
            "<informationRequirement><requiredDecision href='#e'/></informationRequirement>" + TABLE,
            "dmn.unsupported",
        ),
        (
            TABLE.replace(
                '<output name="card"/>',
                '<output name="card"><defaultOutputEntry><text>1 +</text></defaultOutputEntry></output>',
            ),
            "dmn.malformed",
        ),
        (TABLE.replace("&gt;= 80", "&gt;= = 80"), "dmn.malformed"),
        (TABLE.replace("FIRST", "BEST"), "dmn.malformed"),
        (TABLE.replace("<inputEntry><text>-</text></inputEntry>", ""), "dmn.malformed"),
    ],
)
def test_a_decision_that_can_not_be_read_is_refused(table: str, code: str) -> None:
    task = '<businessRuleTask id="x" camunda:decisionRef="d"/>'
    assert errors(around(task), d=dmn(table)) == [(code, "d")]


def test_decision_files_only_matter_where_a_decision_is_asked() -> None:
    task = '<businessRuleTask id="x" camunda:decisionRef="d"/>'
    assert errors(around(task), d=dmn(TABLE), e=dmn(TABLE)) == [("dmn.duplicate_id", "d")]
    assert errors(around(task), d=dmn(TABLE), e=b"<x/>") == [("dmn.not_dmn", None)]
    assert errors(around('<userTask id="x"/>'), d=dmn(TABLE), e=b"<x/>") == []
    assert errors(around(task), d=dmn(TABLE), e=dmn("", id="other")) == []


# --- counting


def test_every_element_of_a_full_diagram_is_in_the_net() -> None:
    def many(tag: str, attributes: str = "", inside: str = "") -> str:
        return f'<{tag} id="{{id}}" {attributes}>{inside}</{tag}>'

    steps = [
        many("userTask"),
        many("manualTask"),
        many("scriptTask", inside="<script>a = 1</script>"),
        many("businessRuleTask", 'camunda:decisionRef="d"'),
        many("callActivity", 'calledElement="q"'),
        many(
            "subProcess",
            inside='<startEvent id="{id}_s"/><userTask id="{id}_t"/>' + chain("{id}_s", "{id}_t"),
        ),
        many("exclusiveGateway"),
        many("parallelGateway"),
        many("inclusiveGateway"),
        *(many("intermediateCatchEvent", inside=EVENTS[t]) for t in ("message", "signal", "timer")),
        *(many("intermediateThrowEvent", inside=EVENTS[t]) for t in ("none", "message", "signal")),
    ]
    loop = "<multiInstanceLoopCharacteristics><loopCardinality>2</loopCardinality></multiInstanceLoopCharacteristics>"
    steps += [step.replace(">", ">" + loop, 1) for step in steps[:6]]
    steps += [
        many("userTask") + f'<boundaryEvent id="{{id}}_b" attachedToRef="{{id}}">{EVENTS[t]}</boundaryEvent>'
        for t in ("message", "signal", "timer")
    ]
    ids = [f"n{i}" for i in range(len(steps))]
    body = [step.replace("{id}", i) for step, i in zip(steps, ids, strict=True)]
    ends = "".join(
        f'<endEvent id="end_{t}">{EVENTS[t]}</endEvent>' for t in ("none", "message", "signal", "terminate")
    )
    race = '<eventBasedGateway id="race"/>' + "".join(
        f'<intermediateCatchEvent id="r_{t}">{EVENTS[t]}</intermediateCatchEvent>'
        for t in ("message", "timer")
    )
    data = definitions(
        MESSAGE,
        '<collaboration id="c"><participant id="pp" processRef="p"/><messageFlow id="mf" sourceRef="n0" targetRef="n1"/>'
        "</collaboration>",
        process(
            START,
            *body,
            race,
            ends,
            chain("start", *ids, "race", "r_message", "end_none"),
            chain("race", "r_timer", "end_message"),
            chain(ids[-1] + "_b", "end_signal"),
            chain(ids[-2] + "_b", "end_terminate"),
            '<sequenceFlow sourceRef="n0" targetRef="n2"/>',
            '<dataObject id="do"/><dataObjectReference id="dor" dataObjectRef="do"/>',
            '<textAnnotation id="ta"><text>a</text></textAnnotation><association id="as" sourceRef="n0" targetRef="ta"/>',
            '<group id="gr"/><documentation>why</documentation>',
        ),
        process('<userTask id="called"/>', id="q"),
    )
    net = net_of(data, d=dmn(TABLE))
    tags = r"<(\w*(?:[tT]ask|Event|Gateway|subProcess|callActivity|sequenceFlow))\b(?!Definition)"
    drawn = re.findall(tags, data.decode())
    kept = [i for scope in net.scopes.values() for i in (*scope.nodes, *scope.flows)]
    assert len(kept) == len(drawn)
    assert len(drawn) > 70
    assert {n.kind for scope in net.scopes.values() for n in scope.nodes.values()} >= {
        *("start", "end", "catch", "throw", "boundary", "user", "manual", "script"),
        *("rule", "subprocess", "call", "xor", "and", "or", "race"),
    }
