"""A process means the same wherever it stands: cases of the corpus again, in other surroundings."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from conformance_lianban import net_of, refusals, run, wrong
from corpus import Case, Step, cases
from lxml import etree

MODEL = "http://www.omg.org/spec/BPMN/20100524/MODEL"
B = f"{{{MODEL}}}"


def _suits(case: Case) -> bool:
    """Whether the process may stand inside another one: begun by nothing, and without lanes and partners."""
    root = etree.fromstring(case.diagram.read_bytes())
    process = root.find(f"{B}process[@id='p']")
    assert process is not None
    reached = {flow.get("targetRef") for flow in process.iter(B + "sequenceFlow")}
    begun = [part for start in process.findall(B + "startEvent") for part in start]
    return (
        case.refused is None
        and not any(part.tag.endswith("EventDefinition") for part in begun)
        and not any(e.get("instantiate") for e in process)
        and not any(e.get("id") not in reached for e in process.iter(B + "eventBasedGateway"))
        and not any(True for _ in root.iter(B + "laneSet", B + "collaboration"))
    )


_STAYS = {B + tag for tag in ("documentation", "extensionElements", "property")}


def _wrap(case: Case, inner: str, attributes: dict[str, str], more: str = "") -> etree._Element:
    """The process with all it holds inside an activity `wrap` between a start and an end event."""
    root = etree.fromstring(case.diagram.read_bytes())
    process = root.find(f"{B}process[@id='p']")
    assert process is not None
    parts = [part for part in process if part.tag not in _STAYS]
    around = _parts(
        '<startEvent id="wrap_s"/><endEvent id="wrap_e"/>'
        '<sequenceFlow id="wrap_1" sourceRef="wrap_s" targetRef="wrap"/>'
        '<sequenceFlow id="wrap_2" sourceRef="wrap" targetRef="wrap_e"/>'
    )
    wrap = etree.SubElement(process, B + inner, {"id": "wrap", **attributes})
    wrap.extend([*_parts(more), *parts])
    process.extend(around)
    return root


def _parts(xml: str) -> list[etree._Element]:
    return list(etree.fromstring(f'<x xmlns="{MODEL}">{xml}</x>'))


def in_a_subprocess(case: Case) -> tuple[etree._Element, Case]:
    return _wrap(case, "subProcess", {}), case


def in_a_transaction(case: Case) -> tuple[etree._Element, Case]:
    return _wrap(case, "transaction", {}), case


def in_the_only_instance(case: Case) -> tuple[etree._Element, Case]:
    one = "<loopCardinality>1</loopCardinality>"
    loop = f"<multiInstanceLoopCharacteristics>{one}</multiInstanceLoopCharacteristics>"
    return _wrap(case, "subProcess", {}, loop), case


def in_the_only_sequential_instance(case: Case) -> tuple[etree._Element, Case]:
    one = "<loopCardinality>1</loopCardinality>"
    loop = f'<multiInstanceLoopCharacteristics isSequential="true">{one}</multiInstanceLoopCharacteristics>'
    return _wrap(case, "subProcess", {}, loop), case


def in_the_only_round_of_a_loop(case: Case) -> tuple[etree._Element, Case]:
    return _wrap(case, "subProcess", {}, '<standardLoopCharacteristics loopMaximum="1"/>'), case


def in_a_called_process(case: Case) -> tuple[etree._Element, Case]:
    root = _wrap(case, "callActivity", {"calledElement": "wrap_called"})
    call = root.find(f".//{B}callActivity[@id='wrap']")
    assert call is not None
    called = etree.SubElement(root, B + "process", id="wrap_called", isExecutable="true")
    called.extend(list(call))
    return root, case


def in_an_event_subprocess(case: Case) -> tuple[etree._Element, Case]:
    """The process takes the place of another one, which waits for a person."""
    root = _wrap(case, "subProcess", {})
    process = root.find(f"{B}process[@id='p']")
    assert process is not None
    handler = etree.Element(B + "subProcess", id="wrap_h", triggeredByEvent="true")
    handler.extend([part for part in process if part.get("id", "").startswith("wrap")])
    start = handler.find(f"{B}startEvent[@id='wrap_s']")
    assert start is not None
    start.extend(_parts('<signalEventDefinition signalRef="wrap_signal"/>'))
    process.extend(_parts('<userTask id="wrap_task"/>'))
    process.append(handler)
    root.extend(_parts('<signal id="wrap_signal" name="wrap_signal"/>'))
    return root, replace(case, steps=(Step("signal", "wrap_signal"), *case.steps))


def beside_other_work(case: Case) -> tuple[etree._Element, Case]:
    """Another branch waits for a person, and goes on doing so."""
    root = _wrap(case, "subProcess", {})
    process = root.find(f"{B}process[@id='p']")
    assert process is not None
    flow = '<sequenceFlow id="wrap_3" sourceRef="wrap_s" targetRef="wrap_task"/>'
    process.extend(_parts(f'<userTask id="wrap_task"/>{flow}'))
    steps = tuple(replace(s, tasks=(*s.tasks, "wrap_task")) if s.what == "open" else s for s in case.steps)
    states = tuple("running" if state == "completed" else state for state in case.states)
    last = None if case.open is None else (*case.open, "wrap_task")
    return root, replace(case, steps=steps, open=last, states=states)


def told_in_another_order(case: Case) -> tuple[etree._Element, Case]:
    """Flows stand before the nodes, nodes say nothing of their flows, and flows have no ids."""
    root = etree.fromstring(case.diagram.read_bytes())
    for scope in [e for e in root.iter() if e.find(B + "sequenceFlow") is not None]:
        flows = scope.findall(B + "sequenceFlow")
        for flow in reversed(flows):
            scope.insert(0, flow)
    for element in list(root.iter(B + "incoming", B + "outgoing")):
        parent = element.getparent()
        assert parent is not None
        parent.remove(element)
    defaults = {element.get("default") for element in root.iter()}
    for flow in root.iter(B + "sequenceFlow"):
        if flow.get("id") not in defaults:
            del flow.attrib["id"]
    return root, case


def written_with_another_prefix(case: Case) -> tuple[etree._Element, Case]:
    old = etree.fromstring(case.diagram.read_bytes())
    root = etree.fromstring(f'<definitions xmlns="{MODEL}" targetNamespace="t"/>')
    root.extend(copy.deepcopy(list(old)))
    return root, case


SURROUNDINGS: tuple[Callable[[Case], tuple[etree._Element, Case]], ...] = (
    in_a_subprocess,
    in_a_transaction,
    in_the_only_instance,
    in_the_only_sequential_instance,
    in_the_only_round_of_a_loop,
    in_a_called_process,
    in_an_event_subprocess,
    beside_other_work,
    told_in_another_order,
    written_with_another_prefix,
)
SUITABLE = [case for case in cases() if _suits(case)]


@pytest.mark.parametrize("surrounding", SURROUNDINGS, ids=lambda surrounding: surrounding.__name__)
def test_a_process_means_the_same(
    surrounding: Callable[[Case], tuple[etree._Element, Case]], tmp_path: Path
) -> None:
    place = SURROUNDINGS.index(surrounding)
    for case in SUITABLE[place :: len(SURROUNDINGS)]:
        assert complaints(case, surrounding, tmp_path) == [], case.id


def complaints(
    case: Case, surrounding: Callable[[Case], tuple[etree._Element, Case]], folder: Path
) -> list[str]:
    root, meant = surrounding(case)
    diagram = folder / f"{case.area}-{SUITABLE.index(case)}-{surrounding.__name__}" / "diagram.bpmn"
    diagram.parent.mkdir()
    diagram.write_bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))
    for table in case.diagram.parent.glob("*.dmn"):
        (diagram.parent / table.name).write_bytes(table.read_bytes())
    meant = replace(meant, diagram=diagram)
    if net_of(meant) is None:
        return [f"refused: {problem.message}" for problem in refusals(meant)]
    return wrong(meant, run(meant)[0])
