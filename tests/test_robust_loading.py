"""Files come from modelers of many makes, by mail, cut off, edited by hand, and sometimes from enemies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from corpus import Case, cases
from drawing import draw
from mutations import damaged

from engine.errors import Problem
from engine.flow.net import Net
from engine.flow.read import read
from engine.rehearsal import Rehearsal, rehearse

START = "2026-03-02T09:00:00+08:00"
HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
MODEL = "http://www.omg.org/spec/BPMN/20100524/MODEL"
PLAIN = draw("start s; user a; end e", "s -> a -> e").decode().replace('id="a"', 'id="a" name="受理"')


def net_of(data: bytes) -> Net:
    net, problems = read({"diagram.bpmn": data})
    assert net is not None, said(problems)
    return net


def said(problems: Iterable[Problem]) -> list[str]:
    return [f"{p.element}: {p.message}" for p in problems]


def refused(data: bytes) -> list[Problem]:
    """The errors for which a file is refused; each says something, and what to do."""
    net, problems = read({"diagram.bpmn": data})
    errors = [problem for problem in problems if problem.severity == "error"]
    assert net is None
    assert errors
    for problem in errors:
        assert str(problem.message).strip()
        assert str(problem.remedy).strip()
        assert problem.file == "diagram.bpmn"
    return errors


def run(data: bytes, *steps: dict[str, Any], **variables: Any) -> Rehearsal:
    return rehearse(net_of(data), {"start": START, "variables": variables, "steps": list(steps)})


def done(*tasks: str) -> list[dict[str, Any]]:
    return [{"complete": task} for task in tasks]


# --- encodings


@pytest.mark.parametrize(
    "encoding", ["UTF-8", "GB18030", "GBK", "GB2312", "gbk", "Big5", "Shift_JIS", "UTF-16"]
)
def test_a_diagram_may_be_written_in_any_declared_encoding(encoding: str) -> None:
    data = PLAIN.replace("UTF-8", encoding).encode(encoding)
    assert net_of(data).scopes["p"].nodes["a"].name == "受理"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_counts_more_than_what_is_declared(encoding: str) -> None:
    assert net_of(PLAIN.encode(encoding)).scopes["p"].nodes["a"].name == "受理"


def test_a_file_declared_as_gb2312_may_hold_later_characters() -> None:
    data = PLAIN.replace("UTF-8", "GB2312").replace("受理", "朱镕").encode("gbk")
    assert net_of(data).scopes["p"].nodes["a"].name == "朱镕"


def test_a_wrongly_declared_encoding_is_refused_or_warned_of() -> None:
    for data in (PLAIN.encode("gbk"), PLAIN.replace(HEAD, "").encode("gbk")):
        (problem,) = refused(data)
        assert "UTF-8" in str(problem.remedy)
    for encoding in ("GBK", "ISO-8859-1", "utf-16"):
        _, problems = read({"diagram.bpmn": PLAIN.replace("UTF-8", encoding).encode()})
        assert [problem.code for problem in problems] == ["xml.encoding_doubtful"]


# --- what is no diagram


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" \n",
        b"\0" * 100,
        b'{"a": 1}',
        b"PK\x03\x04\x14\0\0\0",
        b"\x1f\x8b\x08\0",
        b"\x89PNG\r\n\x1a\n",
        b"%PDF-1.4",
        b"<!DOCTYPE html><html><body>404</body></html>",
        b"<HTML><body><br>not found</body></HTML>",
        PLAIN.encode()[:60],
        PLAIN.encode()[:-30],
        PLAIN.encode() + b"\0",
        PLAIN.encode() + PLAIN.encode(),
        PLAIN.replace("受理", "a\x08b").encode(),
        b'<Package xmlns="http://www.wfmc.org/2008/XPDL2.1" Id="x"><WorkflowProcesses/></Package>',
        b'<definitions xmlns="http://schema.omg.org/spec/BPMN/1.1"/>',
        b'<bpd:BpmnDiagram xmlns:bpd="http://stp.eclipse.org/bpmn"/>',
        b'<process xmlns="http://docs.oasis-open.org/wsbpel/2.0/process/executable"/>',
        b'<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/"/>',
        b'<mxfile host="app.diagrams.net"/>',
        PLAIN.replace(f' xmlns="{MODEL}"', "").encode(),
    ],
    ids=range(22),
)
def test_what_is_no_diagram_is_refused_in_words(data: bytes) -> None:
    assert len(refused(data)) == 1


def test_a_saved_web_page_is_called_a_web_page() -> None:
    for data in (b"<!DOCTYPE html><html/>", b" <html><p>1<br></html>"):
        assert "web page" in str(refused(data)[0].message)


def test_no_file_is_fetched_or_read_on_behalf_of_a_diagram(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("TOP-SECRET")
    include = f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{secret}" parse="text"/>'
    for data in (
        PLAIN.replace(HEAD, f'{HEAD}<!DOCTYPE a [<!ENTITY x SYSTEM "file://{secret}">]>').replace(
            "受理", "&x;"
        ),
        PLAIN.replace(HEAD, f'{HEAD}<!DOCTYPE a [<!ENTITY % x SYSTEM "file://{secret}"> %x;]>'),
        PLAIN.replace(HEAD, f'{HEAD}<!DOCTYPE a SYSTEM "file://{secret}">'),
    ):
        assert "TOP-SECRET" not in str(said(refused(data.encode())))
    for data in (
        PLAIN.replace("<process ", f"{include}<process "),
        PLAIN.replace("<startEvent", f"{include}<startEvent"),
        PLAIN.replace(HEAD, f'{HEAD}<?xml-stylesheet href="file://{secret}"?>'),
        PLAIN.replace(
            "<process ", f'<import importType="x" namespace="y" location="file://{secret}"/><process '
        ),
    ):
        assert "TOP-SECRET" not in json.dumps(net_of(data.encode()).to_json())


def test_entities_that_grow_without_end_are_refused_at_once() -> None:
    names = "abcdefghij"
    grow = "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in pairwise(names))
    long = f'<!ENTITY a "{"x" * 100_000}">'
    for declared, used in ((f'<!ENTITY a "boom">{grow}', "&j;"), (long, "&a;" * 10_000)):
        began = time.process_time()
        refused(PLAIN.replace(HEAD, f"{HEAD}<!DOCTYPE d [{declared}]>").replace("受理", used).encode())
        assert time.process_time() - began < 2


# --- the ways of modelers


CAMUNDA = """<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL"
  xmlns:bpmndi="http://www.omg.org/spec/BPMN/20100524/DI" xmlns:dc="http://www.omg.org/spec/DD/20100524/DC"
  xmlns:camunda="http://camunda.org/schema/1.0/bpmn" xmlns:modeler="http://camunda.org/schema/modeler/1.0"
  id="Definitions_1" targetNamespace="http://bpmn.io/schema/bpmn" modeler:executionPlatform="Camunda Platform">
  <bpmn:process id="p" isExecutable="true" camunda:historyTimeToLive="180">
    <bpmn:startEvent id="s" camunda:initiator="me"><bpmn:outgoing>f1</bpmn:outgoing></bpmn:startEvent>
    <bpmn:userTask id="a" camunda:assignee="demo" camunda:asyncBefore="true">
      <bpmn:extensionElements><camunda:formData><camunda:formField id="x" type="string"/></camunda:formData>
        <camunda:taskListener class="org.x.Y" event="create"/></bpmn:extensionElements>
    </bpmn:userTask>
    <bpmn:endEvent id="e"/>
    <bpmn:sequenceFlow id="f1" sourceRef="s" targetRef="a"/>
    <bpmn:sequenceFlow id="f2" sourceRef="a" targetRef="e"/>
  </bpmn:process>
  <bpmndi:BPMNDiagram id="D"><bpmndi:BPMNPlane id="P" bpmnElement="p">
    <bpmndi:BPMNShape id="S" bpmnElement="s"><dc:Bounds x="NaN" y="" width="-1" height="1e999"/></bpmndi:BPMNShape>
  </bpmndi:BPMNPlane></bpmndi:BPMNDiagram>
</bpmn:definitions>"""

ZEEBE = CAMUNDA.replace("http://camunda.org/schema/1.0/bpmn", "http://camunda.org/schema/zeebe/1.0").replace(
    "camunda", "zeebe"
)

FLOWABLE = """<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL"
  xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:flowable="http://flowable.org/bpmn"
  xmlns:xsd="http://www.w3.org/2001/XMLSchema" typeLanguage="http://www.w3.org/2001/XMLSchema"
  expressionLanguage="http://www.w3.org/1999/XPath" targetNamespace="http://www.flowable.org/processdef">
  <process id="p" name="p" isExecutable="true">
    <extensionElements><flowable:eventListener events="X" delegateExpression="${y}"/></extensionElements>
    <startEvent id="s" flowable:formFieldValidation="true"/>
    <sequenceFlow id="f1" sourceRef="s" targetRef="a"/>
    <userTask id="a" name="a" flowable:candidateGroups="g"><extensionElements>
      <modeler:x xmlns:modeler="http://flowable.org/modeler"><![CDATA[false]]></modeler:x></extensionElements></userTask>
    <sequenceFlow id="f2" sourceRef="a" targetRef="g"/>
    <exclusiveGateway id="g" default="f4"/>
    <sequenceFlow id="f3" sourceRef="g" targetRef="a">
      <conditionExpression xsi:type="tFormalExpression"><![CDATA[${again}]]></conditionExpression></sequenceFlow>
    <sequenceFlow id="f4" sourceRef="g" targetRef="e"/>
    <endEvent id="e"/>
  </process></definitions>"""

ACTIVITI = FLOWABLE.replace("flowable", "activiti")

SIGNAVIO = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:signavio="http://www.signavio.com"
  xmlns:bpmndi="http://www.omg.org/spec/BPMN/20100524/DI" exporter="Signavio Process Editor" id="sid-1"
  targetNamespace="http://www.signavio.com/bpmn20">
  <process id="p" processType="None" isClosed="false" isExecutable="false">
    <extensionElements/>
    <laneSet id="sid-2"><extensionElements><signavio:signavioMetaData metaKey="vendor" metaValue="x"/></extensionElements>
      <lane id="sid-3"><flowNodeRef>s</flowNodeRef><flowNodeRef>a</flowNodeRef><flowNodeRef>e</flowNodeRef></lane></laneSet>
    <startEvent id="s" name=""><extensionElements><signavio:signavioMetaData metaKey="bgcolor" metaValue="#fff"/>
      </extensionElements><outgoing>f1</outgoing></startEvent>
    <userTask completionQuantity="1" id="a" implementation="webService" isForCompensation="false" startQuantity="1">
      <incoming>f1</incoming><outgoing>f2</outgoing></userTask>
    <endEvent id="e"><incoming>f2</incoming></endEvent>
    <sequenceFlow id="f1" sourceRef="s" targetRef="a" isImmediate="true"/>
    <sequenceFlow id="f2" sourceRef="a" targetRef="e"/>
  </process>
  <bpmndi:BPMNDiagram/><bpmndi:BPMNDiagram/>
</definitions>"""

BIZAGI = """<?xml version="1.0" encoding="utf-8"?>
<definitions xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL"
  targetNamespace="http://www.bizagi.com/definitions/1" exporter="BizAgi Process Modeler">
  <process id="p" name="p"><documentation/><extensionElements>
      <bizagi:BizagiExtensions xmlns:bizagi="http://www.bizagi.com/bpmn20"><bizagi:BizagiProperties>
        <bizagi:BizagiProperty name="bgColor" value="White"/></bizagi:BizagiProperties></bizagi:BizagiExtensions>
    </extensionElements>
    <startEvent id="s"><extensionElements/><outgoing>f1</outgoing></startEvent>
    <userTask id="a"><incoming>f1</incoming><outgoing>f2</outgoing></userTask>
    <endEvent id="e"><incoming>f2</incoming></endEvent>
    <sequenceFlow id="f1" sourceRef="s" targetRef="a"/><sequenceFlow id="f2" sourceRef="a" targetRef="e"/>
  </process></definitions>"""

IBM = """<ns1:definitions xmlns:ns1="http://www.omg.org/spec/BPMN/20100524/MODEL"
  xmlns:ns2="http://www.ibm.com/xmlns/prod/bpm/bpmn/ext/process/blueworkslive" targetNamespace="t">
  <ns1:process id="p" isExecutable="true"><ns1:extensionElements><ns2:x/></ns1:extensionElements>
    <ns1:ioSpecification><ns1:inputSet/><ns1:outputSet/></ns1:ioSpecification>
    <ns1:startEvent id="s" isInterrupting="true" parallelMultiple="false"/>
    <ns1:userTask id="a" ns2:x="1"/><ns1:endEvent id="e"/>
    <ns1:sequenceFlow sourceRef="s" targetRef="a"/><ns1:sequenceFlow sourceRef="a" targetRef="e"/>
  </ns1:process></ns1:definitions>"""

JBPM = """<bpmn2:definitions xmlns:bpmn2="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:drools="http://www.jboss.org/drools"
  targetNamespace="http://www.omg.org/bpmn20">
  <bpmn2:itemDefinition id="_x" structureRef="String"/>
  <bpmn2:process id="p" drools:packageName="a" drools:version="1.0" isExecutable="true">
    <bpmn2:property id="x" itemSubjectRef="_x"/>
    <bpmn2:startEvent id="s"><bpmn2:extensionElements><drools:metaData name="elementname"><drools:metaValue><![CDATA[s]]>
      </drools:metaValue></drools:metaData></bpmn2:extensionElements></bpmn2:startEvent>
    <bpmn2:userTask id="a"><bpmn2:ioSpecification><bpmn2:dataInput id="i" drools:dtype="String" name="TaskName"/>
      <bpmn2:inputSet><bpmn2:dataInputRefs>i</bpmn2:dataInputRefs></bpmn2:inputSet></bpmn2:ioSpecification></bpmn2:userTask>
    <bpmn2:endEvent id="e"/>
    <bpmn2:sequenceFlow id="f1" sourceRef="s" targetRef="a"/><bpmn2:sequenceFlow id="f2" sourceRef="a" targetRef="e"/>
  </bpmn2:process></bpmn2:definitions>"""


@pytest.mark.parametrize(
    "data",
    [CAMUNDA, ZEEBE, FLOWABLE, ACTIVITI, SIGNAVIO, BIZAGI, IBM, JBPM],
    ids=["camunda", "zeebe", "flowable", "activiti", "signavio", "bizagi", "ibm", "jbpm"],
)
def test_diagrams_of_every_make_run(data: str) -> None:
    result = run(data.encode(), *done("a"), again=False)
    assert result.state == "completed"


def test_prefixes_order_and_missing_ids_make_no_difference() -> None:
    plain = run(PLAIN.encode(), *done("a"))
    anonymous = PLAIN
    for flow in ("f1", "f2"):
        anonymous = anonymous.replace(f' id="{flow}"', "")
    moved = PLAIN.replace('<userTask id="a" name="受理"></userTask>', "").replace(
        "</process>", '<userTask id="a" name="受理"></userTask></process>'
    )
    prefixed = PLAIN.replace("xmlns=", "xmlns:öß=")
    for tag in ["definitions", "process", "startEvent", "userTask", "endEvent", "sequenceFlow"]:
        prefixed = prefixed.replace(f"<{tag}", f"<öß:{tag}").replace(f"</{tag}", f"</öß:{tag}")
    for data in (anonymous, moved, prefixed):
        assert data != PLAIN
        assert run(data.encode(), *done("a")).trace == plain.trace


def test_nothing_but_a_bare_process_is_needed() -> None:
    bare = f'<definitions xmlns="{MODEL}"><process><userTask/></process></definitions>'.encode()
    (task,) = net_of(bare).scopes["process~1"].nodes
    assert run(bare, *done(task)).state == "completed"


def test_of_several_pools_the_executable_one_runs() -> None:
    other = PLAIN.replace('id="p"', 'id="q"').replace('isExecutable="true"', 'isExecutable="false"')
    inner = other[other.index("<process ") : other.index("</definitions>")]
    for name in ("s", "a", "e", "f1", "f2"):
        inner = inner.replace(f'"{name}"', f'"{name}q"')
    collaborations = """<collaboration id="c1"><participant id="pa" processRef="p"/><participant id="pb"
        processRef="q"/><participant id="pc"/><messageFlow id="m" sourceRef="a" targetRef="aq"/></collaboration>
        <collaboration id="c2"/>"""
    both = PLAIN.replace("<process ", f"{collaborations}{inner}<process ")
    assert run(both.encode(), *done("a")).state == "completed"
    undecided = both.replace('isExecutable="true"', "").replace('isExecutable="false"', "")
    assert "p, q" in str(refused(undecided.encode())[0].found) or "q, p" in str(
        refused(undecided.encode())[0].found
    )


# --- what is drawn wrong


@pytest.mark.parametrize(
    ("data", "element"),
    [
        (PLAIN.replace('id="e"', 'id="a"'), "a"),
        (PLAIN.replace('targetRef="e"', 'targetRef="gone"'), "f2"),
        (PLAIN.replace('sourceRef="a" ', ""), "f2"),
        (PLAIN.replace('targetRef="e"', 'targetRef="f1"'), "f2"),
        (PLAIN.replace('targetRef="e"', 'targetRef="p"'), "f2"),
        (PLAIN.replace('id="a"', 'id="a" default="f1"'), "a"),
        (PLAIN.replace('id="a"', 'id="a b"'), "a b"),
        (PLAIN.replace('<userTask id="a"', '<nonsense id="a"').replace("</userTask>", "</nonsense>"), "a"),
        (PLAIN.replace("<startEvent", '<boundaryEvent id="b" attachedToRef="gone"/><startEvent'), "b"),
        (PLAIN.replace("<startEvent", "<userTask><complexGateway/></userTask><startEvent"), "userTask~1"),
        (PLAIN.replace("<startEvent", "<userTask><nonsense/></userTask><startEvent"), "userTask~1"),
    ],
    ids=range(11),
)
def test_what_is_wrong_in_a_diagram_is_named(data: str, element: str) -> None:
    assert element in [problem.element for problem in refused(data.encode())]


# --- large and endless


def test_five_thousand_steps_in_a_row_are_read_and_run() -> None:
    many = range(5000)
    drawn = draw(
        "start s; user last; end e; " + "; ".join(f"script t{i} n = {i}" for i in many),
        " -> ".join(["s", *(f"t{i}" for i in many), "last", "e"]),
    )
    began = time.process_time()
    assert run(drawn, *done("last")).state == "completed"
    assert time.process_time() - began < 20


def test_two_thousand_branches_open_at_once_do_not_count_as_a_circle() -> None:
    many = range(2000)
    drawn = draw(
        "start s; and g; and j; user last; end e; " + "; ".join(f"user t{i}" for i in many),
        "; ".join(["s -> g", "j -> last -> e", *(f"g -> t{i} -> j" for i in many)]),
    )
    steps = done(*(f"t{i}" for i in range(600)))
    began = time.process_time()
    result = run(drawn, *steps)
    assert (result.state, len(result.open)) == ("running", 1400)
    assert time.process_time() - began < 30


def test_subprocesses_may_be_nested_thirty_deep() -> None:
    inner = "user x", "x"
    for depth in range(30):
        elements = f"start i{depth}; {inner[0]}; end o{depth}"
        inner = f"sub b{depth} {{ {elements} | i{depth} -> {inner[1]} -> o{depth} }}", f"b{depth}"
    drawn = draw(f"start s; {inner[0]}; end e", f"s -> {inner[1]} -> e")
    assert run(drawn, *done("x")).state == "completed"


ENDLESS = {
    "self loop": ("start s; xor x; end e", "s -> x; x -> x if True; x -> e default"),
    "fork": ("start s; and x; xor m; end e", "s -> m -> x; x -> m; x -> m; x -> e"),
    "scripts": ("start s; xor m; script a n = n + 1; end e", "s -> m -> a -> m; a -> e"),
    "doubling": ("start s; xor m; script a t = t + t; end e", "s -> m -> a -> m; a -> e"),
    "signals": (
        "start s; and g; xor m; catch c signal x; throw t signal x; xor n; user a; end e",
        "s -> g; g -> m; m -> c -> t; t -> m; g -> n; n -> a -> e",
    ),
    "instances": ("start s; user a times 1000000000; end e", "s -> a -> e"),
    "instances of instances": (
        "start s; sub b times 800 { start i; script c n = 1; end o | i -> c -> o }; xor m; end e",
        "s -> m -> b -> m; b -> e",
    ),
    "timers": ("start s; xor m; catch c after PT1S; end e", "s -> m -> c -> m; c -> e"),
    "timers of no time": ("start s; xor m; catch c after PT0S; end e", "s -> m -> c -> m; c -> e"),
    "reminders": ("start s; user a; reminder c a every R/PT1S; end e; end f", "s -> a -> e; c -> f"),
    "inclusive": ("start s; or m; or x; end e", "s -> m -> x; x -> m if True; x -> e default"),
    "subprocess": (
        "start s; xor m; sub b { start i; end o | i -> o }; end e",
        "s -> m -> b -> m; b -> e",
    ),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_what_never_comes_to_rest_is_stopped_soon_and_named(name: str) -> None:
    began = time.process_time()
    result = run(
        draw(*ENDLESS[name]),
        {"signal": "x"} if name == "signals" else {"advance_to": "2027-03-02"},
        n=0,
        t="ab",
    )
    assert time.process_time() - began < 10
    if result.state == "error":
        assert result.problem is not None
        assert result.element
        assert str(result.problem.remedy)
    else:
        assert name == "signals"


@pytest.mark.parametrize("kind", ["complete", "message", "signal", "advance_to"])
@pytest.mark.parametrize("name", ["", " ", "gone", "a#2", "p", "\ud800", "x" * 10_000])
def test_a_step_that_makes_no_sense_is_refused_in_words(kind: str, name: str) -> None:
    result = run(PLAIN.encode(), {kind: name})
    assert result.state == "refused"
    assert result.problem is not None
    assert str(result.problem.remedy)


# --- damage


PIECE = 700
BATCHES = 3


@pytest.mark.parametrize("batch", range(BATCHES))
def test_damaged_diagrams_never_hang_and_are_refused_in_words(batch: int) -> None:
    """In a process of its own, so that a hang is seen from outside."""
    worker = subprocess.run(
        [sys.executable, __file__, str(batch)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert worker.returncode == 0, worker.stderr
    report = json.loads(worker.stdout)
    assert report["wrong"] == []
    assert report["slowest"] < 5
    assert report["refused"] > 0 < report["run"]


def _damage(case: Case, seed: int) -> tuple[str, list[str]]:
    """Whether the damaged diagram was refused or run, and what was not as promised."""
    net, problems = read({"diagram.bpmn": damaged(case.diagram.read_bytes(), seed)})
    wrong = []
    for problem in problems:
        if not str(problem.message).strip() or not str(problem.remedy).strip():
            wrong.append(f"{problem.code} says nothing")
        if problem.element is None and problem.severity == "error" and problem.code not in _OF_THE_FILE:
            wrong.append(f"{problem.code} names nothing")
    if net is None:
        if not any(problem.severity == "error" for problem in problems):
            wrong.append("refused without a reason")
        return "refused", wrong
    result = rehearse(net, {"start": START, "variables": case.variables, "steps": _inputs(case)})
    if result.state in ("error", "refused") and (result.problem is None or not result.element):
        wrong.append(f"{result.state} without a reason")
    json.dumps(result.as_dict())
    return "run", wrong


# The last of them may stand at something without an id at the top of the file.
_OF_THE_FILE = {"xml.unreadable", "xml.doctype", "bpmn.not_bpmn", "process.none", "bpmn.not_boolean"}


def _inputs(case: Case) -> list[dict[str, Any]]:
    keys = {"do": "complete", "advance": "advance_to"}
    return [
        {keys.get(step.what, step.what): step.name, **({} if step.what == "advance" else {"data": step.data})}
        for step in case.steps
        if step.what != "open"
    ]


def _worker(batch: int) -> dict[str, Any]:
    every = cases()
    report: dict[str, Any] = {"wrong": [], "slowest": 0.0, "refused": 0, "run": 0}
    for seed in range(batch * PIECE, (batch + 1) * PIECE):
        case = every[seed % len(every)]
        began = time.process_time()
        try:
            what, wrong = _damage(case, seed)
        except Exception as error:  # noqa: BLE001 - this is what must never happen
            report["wrong"].append(f"{case.id}, seed {seed}: {error!r}")
        else:
            report[what] += 1
            report["wrong"] += [f"{case.id}, seed {seed}: {what}" for what in wrong]
        report["slowest"] = max(report["slowest"], time.process_time() - began)
    return report


if __name__ == "__main__":
    print(json.dumps(_worker(int(sys.argv[1]))))
