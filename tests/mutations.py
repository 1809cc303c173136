"""Seeded damage to diagrams, as hand-editing, merging and half-finished exports do it."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable

from lxml import etree

BPMN = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"
_ODD = (
    "",
    " ",
    "a b",
    "∅",
    "-1",
    "true",
    "p",
    "s",
    "x" * 300,
    "${x}",
    "=",
    "/",
    "a#2",
    "0",
    "{}",
    "R/P0D",
    "\t",
)


def damaged(diagram: bytes, seed: int) -> bytes:
    """`diagram` with one to four of its elements, attributes, texts or bytes changed at random."""
    pick = random.Random(seed)
    root = etree.fromstring(diagram)
    for _ in range(pick.choice((1, 1, 1, 2, 4))):
        elements = [e for e in root.iter(BPMN + "*") if e is not root]
        if elements:
            pick.choice(_DAMAGES)(pick, root, elements)
    data = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    if pick.random() < 0.1:
        at = pick.randrange(len(data))
        other = data[:at] + bytes([pick.randrange(256)]) + data[at + 1 :]
        data = pick.choice((data[:at], other, data + data[at:]))
    return data


def _drop_attribute(pick: random.Random, root: etree._Element, elements: list[etree._Element]) -> None:
    element = pick.choice(elements)
    if element.attrib:
        del element.attrib[pick.choice(sorted(element.attrib, key=str))]


def _odd_attribute(pick: random.Random, root: etree._Element, elements: list[etree._Element]) -> None:
    element = pick.choice(elements)
    if element.attrib:
        element.set(pick.choice(sorted(element.attrib, key=str)), pick.choice(_ODD))


def _swap_references(pick: random.Random, root: etree._Element, elements: list[etree._Element]) -> None:
    ids = [element.get("id", "") for element in elements if element.get("id")]
    referring = [
        (element, str(name))
        for element in elements
        for name in element.attrib
        if str(name).endswith(("Ref", "default", "calledElement"))
    ]
    if ids and referring:
        element, name = pick.choice(referring)
        element.set(name, pick.choice(ids))


def _duplicate_id(pick: random.Random, root: etree._Element, elements: list[etree._Element]) -> None:
    named = [element for element in elements if element.get("id")]
    if len(named) > 1:
        one, other = pick.sample(named, 2)
        one.set("id", other.get("id", ""))


def _remove(pick: random.Random, root: etree._Element, elements: list[etree._Element]) -> None:
    element = pick.choice(elements)
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)


def _copy(pick: random.Random, root: etree._Element, elements: list[etree._Element]) -> None:
    pick.choice(elements).append(copy.deepcopy(pick.choice(elements)))


def _move(pick: random.Random, root: etree._Element, elements: list[etree._Element]) -> None:
    element, target = pick.choice(elements), pick.choice([root, *elements])
    if element is not target and element not in list(target.iterancestors()):
        target.append(element)


def _odd_text(pick: random.Random, root: etree._Element, elements: list[etree._Element]) -> None:
    pick.choice(elements).text = pick.choice(_ODD)


def _retag(pick: random.Random, root: etree._Element, elements: list[etree._Element]) -> None:
    pick.choice(elements).tag = pick.choice(elements).tag


def _odd_tag(pick: random.Random, root: etree._Element, elements: list[etree._Element]) -> None:
    pick.choice(elements).tag = pick.choice(
        [BPMN + "nonsense", "plain", "{urn:other}userTask", BPMN + "definitions", BPMN + "complexGateway"]
    )


_Damage = Callable[[random.Random, etree._Element, list[etree._Element]], None]
_DAMAGES: tuple[_Damage, ...] = (
    _drop_attribute,
    _drop_attribute,
    _odd_attribute,
    _swap_references,
    _swap_references,
    _duplicate_id,
    _remove,
    _remove,
    _copy,
    _move,
    _odd_text,
    _retag,
    _odd_tag,
)
