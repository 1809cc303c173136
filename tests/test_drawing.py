"""Diagrams as pictures: where the modeler put things, and where the file says nothing, laid out."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from drawing import draw as diagram
from lxml import etree

from engine.definition import builtin
from engine.drawing import Box, Drawing, Undrawable, draw
from engine.drawing.model import Model, read_model
from engine.drawing.text import fit, measure, wrap
from engine.flow.read.findings import Findings
from engine.flow.read.source import parse_diagram

ROOT = Path(__file__).parent.parent
SHIPPED = sorted(builtin().processes.glob("*/*.bpmn"))
CONFORMANCE = sorted((ROOT / "tests" / "conformance").glob("*/*.bpmn"))
SVG = "{http://www.w3.org/2000/svg}"
DI = "{http://www.omg.org/spec/BPMN/20100524/DI}"
DC = "{http://www.omg.org/spec/DD/20100524/DC}"


def model_of(content: bytes) -> Model:
    root = parse_diagram(content, Findings("diagram.bpmn", []))
    assert root is not None
    return read_model(root)


def without_picture(content: bytes) -> bytes:
    return re.sub(rb"<bpmndi:BPMNDiagram.*?</bpmndi:BPMNDiagram>", b"", content, flags=re.DOTALL)


def groups(drawing: Drawing) -> dict[str, etree._Element]:
    """The groups of the picture by element; each element must have one."""
    root = etree.fromstring(drawing.svg.encode())
    found = [group for group in root.iter(SVG + "g") if group.get("data-element")]
    ids = [str(group.get("data-element")) for group in found]
    assert len(ids) == len(set(ids))
    return dict(zip(ids, found, strict=True))


def faults(content: bytes, drawing: Drawing) -> list[str]:
    """What is wrong with a picture that was laid out here."""
    model = model_of(content)
    figures, found = model.figures, []
    nodes = {id: box for id, box in drawing.boxes.items() if figures[id].is_node}
    found += [f"{id} is missing" for id, figure in figures.items() if figure.is_node and id not in nodes]
    for id, line in model.lines.items():
        if line.kind == "sequenceFlow" and id not in drawing.ways:
            found.append(f"{id} is missing")

    def related(one: str, other: str) -> bool:
        first, second = figures[one], figures[other]
        hosts = {one, other, first.host, second.host}
        around = any(
            model.inside(figures[a], b) for a in hosts & figures.keys() for b in hosts & figures.keys()
        )
        return around or first.host == other or second.host == one

    for one, other in [(a, b) for a in nodes for b in nodes if a < b]:
        if nodes[one].meets(nodes[other]) and not related(one, other):
            found.append(f"{one} lies on {other}")
    for id, way in drawing.ways.items():
        line = model.lines[id]
        for other, box in nodes.items():
            if other in (line.source, line.target) or any(
                end in figures and related(end, other) for end in (line.source, line.target)
            ):
                continue
            if any(crosses(here, there, box.grown(-1)) for here, there in pairwise(way)):
                found.append(f"{id} runs through {other}")
    for id, figure in figures.items():
        if figure.is_node and figure.lane and id in nodes:
            lane, box = drawing.boxes[figure.lane], nodes[id]
            if not (
                lane.y <= box.y and box.bottom <= lane.bottom and lane.x < box.x and box.right < lane.right
            ):
                found.append(f"{id} is outside of its lane")
    return found


def crosses(here: tuple[float, float], there: tuple[float, float], box: Box) -> bool:
    return (
        min(here[0], there[0]) < box.right
        and max(here[0], there[0]) > box.x
        and min(here[1], there[1]) < box.bottom
        and max(here[1], there[1]) > box.y
    )


# --- where the modeler put it


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_element_of_a_shipped_diagram_is_drawn_once_where_the_modeler_put_it(path: Path) -> None:
    content = path.read_bytes()
    drawing = draw(content)
    assert not drawing.laid_out
    root = etree.fromstring(content)
    shapes = {str(e.get("bpmnElement")): e.find(DC + "Bounds") for e in root.iter(DI + "BPMNShape")}
    ways = {str(e.get("bpmnElement")): e for e in root.iter(DI + "BPMNEdge")}
    assert set(groups(drawing)) == set(shapes) | set(ways)
    assert set(drawing.boxes) == set(shapes)
    first = next(iter(shapes))
    shift = [drawing.boxes[first][n] - float(shapes[first].get("xy"[n])) for n in (0, 1)]
    for id, bounds in shapes.items():
        x, y, width, height = (float(bounds.get(name)) for name in ("x", "y", "width", "height"))
        assert drawing.boxes[id] == pytest.approx((x + shift[0], y + shift[1], width, height)), id
    for id, edge in ways.items():
        points = [(float(p.get("x")) + shift[0], float(p.get("y")) + shift[1]) for p in edge if p.get("x")]
        assert [tuple(point) for point in drawing.ways[id]] == [pytest.approx(point) for point in points], id


def test_a_label_stands_where_the_modeler_put_it() -> None:
    content = (builtin().processes / "senior-card" / "diagram.bpmn").read_bytes()
    drawing, beside = draw(content), 0
    for shape in etree.fromstring(content).iter(DI + "BPMNShape"):
        id, label = str(shape.get("bpmnElement")), shape.find(f"{DI}BPMNLabel/{DC}Bounds")
        if label is None or "event" not in drawing.kinds[id].lower():
            continue
        bounds = shape.find(DC + "Bounds")
        shift = [drawing.boxes[id].x - float(bounds.get("x")), drawing.boxes[id].y - float(bounds.get("y"))]
        span = groups(drawing)[id].find(f"{SVG}text/{SVG}tspan")
        middle = float(label.get("x")) + float(label.get("width")) / 2 + shift[0]
        assert float(span.get("x")) == pytest.approx(middle, abs=0.02), id
        assert 0 < float(span.get("y")) - float(label.get("y")) - shift[1] < 14, id
        beside += abs(middle - drawing.boxes[id].centre.x) > 30
    assert beside


def test_the_picture_needs_nothing_from_outside() -> None:
    svg = draw(SHIPPED[0].read_bytes()).svg
    root = etree.fromstring(svg.encode())
    assert not re.search(r"url\(|href|@import|<image|<script|<style", svg)
    assert root.find(SVG + "title").text and root.find(SVG + "desc").text


def test_the_same_file_gives_the_same_bytes() -> None:
    for content in (SHIPPED[0].read_bytes(), without_picture(SHIPPED[0].read_bytes())):
        assert draw(content).svg == draw(content).svg


# --- laid out


@pytest.mark.parametrize("folder", sorted({path.parent.name for path in CONFORMANCE}))
def test_a_file_without_a_picture_is_laid_out_with_all_its_steps_and_flows(folder: str) -> None:
    for path in CONFORMANCE:
        if path.parent.name == folder:
            drawing = draw(path.read_bytes())
            assert drawing.laid_out
            assert faults(path.read_bytes(), drawing) == [], path.name
            groups(drawing)


@pytest.mark.parametrize(
    "path",
    [path for path in SHIPPED if path.parent.name != "homestead"],  # as much again, and it takes long
    ids=lambda path: f"{path.parent.name}/{path.stem}",
)
def test_a_shipped_diagram_is_laid_out_without_its_picture(path: Path) -> None:
    content = without_picture(path.read_bytes())
    assert faults(content, draw(content)) == []


def test_a_diagram_whose_picture_lacks_a_step_is_laid_out_anew() -> None:
    content = SHIPPED[0].read_bytes()
    shape = re.search(
        rb'<bpmndi:BPMNShape id="[^"]*" bpmnElement="refer".*?</bpmndi:BPMNShape>', content, re.S
    )
    shape = shape or re.search(rb"<bpmndi:BPMNShape (?:(?!lane|pool).)*?</bpmndi:BPMNShape>", content, re.S)
    assert shape
    lacking = content.replace(shape[0], b"")
    drawing = draw(lacking)
    assert drawing.laid_out
    assert faults(lacking, drawing) == []


def test_a_flow_without_a_way_is_led_around_what_stands_between() -> None:
    path = builtin().processes / "senior-card" / "diagram.bpmn"
    content = re.sub(rb"<bpmndi:BPMNEdge.*?</bpmndi:BPMNEdge>", b"", path.read_bytes(), flags=re.S)
    whole, led = draw(path.read_bytes()), draw(content)
    assert led.laid_out
    assert faults(content, led) == []
    sizes = [(box.width, box.height) for box in whole.boxes.values()]
    assert sizes == [(box.width, box.height) for box in led.boxes.values()]


def test_the_inside_of_a_collapsed_subprocess_is_drawn_below() -> None:
    content = diagram("start s; sub sub { start i; user t; end j | i -> t -> j }; end e", "s -> sub -> e")
    place = """<bpmndi:BPMNDiagram xmlns:bpmndi="http://www.omg.org/spec/BPMN/20100524/DI"
      xmlns:dc="http://www.omg.org/spec/DD/20100524/DC"><bpmndi:BPMNPlane bpmnElement="p">
      <bpmndi:BPMNShape bpmnElement="s"><dc:Bounds x="0" y="0" width="36" height="36"/></bpmndi:BPMNShape>
      <bpmndi:BPMNShape bpmnElement="sub" isExpanded="false">
        <dc:Bounds x="90" y="0" width="100" height="80"/></bpmndi:BPMNShape>
      <bpmndi:BPMNShape bpmnElement="e"><dc:Bounds x="250" y="0" width="36" height="36"/></bpmndi:BPMNShape>
      </bpmndi:BPMNPlane></bpmndi:BPMNDiagram>"""
    drawing = draw(re.sub(rb"(</[\w:]*definitions>)", place.encode() + rb"\1", content))
    assert {"s", "sub", "e", "i", "t", "j"} <= set(drawing.boxes)
    assert drawing.boxes["t"].y > drawing.boxes["sub"].bottom


# --- for other pages


def test_marks_become_classes_and_a_style_goes_with_them() -> None:
    content = SHIPPED[0].read_bytes()
    id = next(id for id, kind in draw(content).kinds.items() if kind == "userTask")
    marked = draw(content, marks={id: "added now"}, style=".added .outline { stroke: green }", prefix="a-")
    group = groups(marked)[id]
    assert group.get("class") == "element userTask added now"
    assert group.get("id") == f"a-{id}"
    assert ".added .outline" in marked.svg
    ids = re.findall(r' id="([^"]*)"', marked.svg)
    assert len(ids) == len(set(ids)) and all(id.startswith("a-") for id in ids)


# --- texts


def test_chinese_breaks_anywhere_but_before_a_closing_mark() -> None:
    assert wrap("当场告知不符合条件", 88, 11) == ["当场告知不", "符合条件"]
    for width in range(24, 140, 7):
        for line in wrap("受理（形式审查）与一次性告知，补正后“重新”审查。", width, 12):
            assert not re.match(r"[，。）”]", line) and not re.search(r"[（“]$", line), (width, line)
            assert measure(line, 12) <= max(width, 36)


def test_latin_words_stay_whole_where_they_fit() -> None:
    assert wrap("Receipt and completeness check", 90, 12) == ["Receipt and", "completeness", "check"]


def test_a_text_too_long_for_its_box_ends_with_an_ellipsis() -> None:
    lines, size = fit("审" * 500, 86, 70)
    assert size == 10 and lines[-1].endswith("…") and len(lines) * size * 1.25 <= 70


# --- hostile and broken files


def test_hostile_names_are_only_text() -> None:
    name = "&lt;script&gt;alert(1)&lt;/script&gt; &quot;x&quot; &amp;amp;"
    content = diagram("start s; user t; end e", "s -> t -> e").replace(
        b'id="t"', f'id="t" name="{name}"'.encode()
    )
    drawing = draw(content)
    assert "<script" not in drawing.svg
    assert groups(drawing)["t"].find(SVG + "title").text == '<script>alert(1)</script> "x" &amp;'


@pytest.mark.parametrize("colour", ["url(https://example.org/x)", "red;background:url(x)", 'x" onload="y'])
def test_a_colour_that_is_none_is_left_out(colour: str) -> None:
    content = SHIPPED[-1].read_bytes()
    first = re.search(rb"<bpmndi:BPMNShape ", content)
    assert first
    value = colour.replace('"', "&quot;").encode()
    coloured = content.replace(
        first[0],
        first[0] + b'xmlns:bioc="http://bpmn.io/schema/bpmn/biocolor/1.0" bioc:stroke="' + value + b'" ',
        1,
    )
    assert colour[:5] not in draw(coloured).svg.replace("red", "") or colour not in draw(coloured).svg
    assert "url(" not in draw(coloured).svg and "onload" not in draw(coloured).svg


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "xml.unreadable"),
        (b"<html><body>", "bpmn.not_bpmn"),
        (b"<a/>", "bpmn.not_bpmn"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "xml.doctype"),
        (b"<" * 20_000_001, "xml.too_big"),
        (b'<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL"/>', "drawing.empty"),
    ],
    ids=["empty", "web page", "other XML", "entities", "huge", "nothing in it"],
)
def test_what_is_no_diagram_is_refused_with_the_reason(content: bytes, code: str) -> None:
    with pytest.raises(Undrawable) as refused:
        draw(content, file="x.bpmn")
    assert refused.value.code == "drawing.unreadable"
    assert refused.value.problems[0].code == code
    assert "x.bpmn" in str(refused.value) and str(refused.value.remedy)


def test_a_file_with_very_many_steps_is_drawn_only_with_its_picture() -> None:
    steps = [f"task t{n}" for n in range(1_501)]
    with pytest.raises(Undrawable) as refused:
        draw(diagram("; ".join(["start s", *steps, "end e"]), "s -> t0 -> e"))
    assert refused.value.problems[0].code == "drawing.too_many"


def test_places_that_are_no_numbers_count_as_none() -> None:
    content = builtin().processes.joinpath("senior-card", "diagram.bpmn").read_bytes()
    for bad in (b"NaN", b"1e400", b"-inf", b"9999999999", b"x"):
        broken = re.sub(rb'(<dc:Bounds x=")[^"]*', rb"\g<1>" + bad, content)
        drawing = draw(broken)
        assert drawing.laid_out and drawing.width < 5000
