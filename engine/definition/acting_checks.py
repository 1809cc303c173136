"""What `read_folder` checks of who may act on an item and what is handed in: `[[separation]]`, `[notice]`,
`[agent]`, `parties`, the ids of `[[materials]]`, and the extension properties that go with them. A section
that `check_item` found fault with is not looked into here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..errors import Problem, say
from ..expressions import Malformed, compile_expression
from ..flow.net import HUMAN, Node, Scope
from ..forms.schema import choices_of, kind_of, resolved
from ..organisation import POWERS
from .drawn import Drawn, check_document, check_unit, fields_of, quoted
from .model import ITEM
from .wording import fault, near, one_of, unknown


def check_acting(drawn: Drawn) -> list[Problem]:
    """What is wrong with these sections, and with the properties of the diagram's elements."""
    problems = [
        *_check_separations(drawn),
        *_check_notice(drawn),
        *_check_start_fields(drawn),
        *_check_materials(drawn),
    ]
    for scope in drawn.net.scopes.values():
        for node in scope.nodes.values():
            problems += _check_properties(drawn, scope, node)
    return problems


# --- who may not do both; who is told once


def _check_separations(drawn: Drawn) -> Iterator[Problem]:
    for number, entry in enumerate(drawn.section("separation") or (), 1):
        place = f"separation.{number}.steps"
        steps = entry["steps"]
        if len(set(steps)) < 2:
            yield fault(
                "separation.steps",
                ITEM,
                place,
                say("fewer than two steps are kept apart"),
                expected=say("the ids of two steps or more"),
                remedy=say("name them, or remove the entry"),
            )
        for index, step in enumerate(steps, 1):
            if step not in drawn.nodes:
                yield unknown("step", ITEM, f"{place}.{index}", step, drawn.nodes)
            elif drawn.nodes[step][1].kind not in HUMAN:
                yield fault(
                    "separation.steps",
                    ITEM,
                    f"{place}.{index}",
                    say("nobody does {step}: it is no task of a person", step=step),
                    expected=say("user tasks and manual tasks"),
                    remedy=say("name the task"),
                )
        if entry["kind"] == "hearing-chair" and all(step in drawn.nodes for step in steps):
            posts = [drawn.performer(drawn.nodes[step][1]) for step in steps]
            for step, post in zip(steps[1:], posts[1:], strict=True):
                if post is not None and post == posts[0] and step != steps[0]:
                    yield fault(
                        "separation.hearing",
                        ITEM,
                        place,
                        say("{post} chairs the hearing and does {step}", post=post, step=step),
                        expected=say("a chair who did not review (Administrative Licensing Law art. 48)"),
                        remedy=say("draw the hearing, the first of the steps, into another lane"),
                    )


def _check_notice(drawn: Drawn) -> Iterator[Problem]:
    entry = drawn.section("notice")
    if entry is None:
        return
    issued = {
        document
        for _, node in drawn.nodes.values()
        for document in node.properties.get("documents", "").split()
    }
    for number, document in enumerate(entry["documents"], 1):
        place = f"notice.documents.{number}"
        yield from check_document(drawn, place, document)
        if document in drawn.documents and document not in issued:
            yield fault(
                "notice.document",
                ITEM,
                place,
                say("no step issues {document}", document=document),
                expected=one_of(sorted(issued & set(drawn.documents))),
                remedy=say("name it in the property documents of the step that tells the applicant"),
            )
    yield from check_unit(drawn, "notice.approver", entry["approver"].partition("/")[0])


# --- the start form, and what is handed in


def _check_start_fields(drawn: Drawn) -> Iterator[Problem]:
    process = drawn.net.scopes[drawn.net.process]
    form = drawn.form(process.nodes[process.starts[0]]) if process.starts else None
    if form is None:
        return
    named = {f"agent.{key}": field for key, field in (drawn.section("agent") or {}).items()}
    parties = drawn.section("parties") or ()
    named |= {f"parties.{number}": field for number, field in enumerate(parties, 1)}
    fields = fields_of(form)
    for place, field in named.items():
        if field not in fields:
            yield unknown("field", ITEM, place, field, fields)


def _check_materials(drawn: Drawn) -> Iterator[Problem]:
    seen: set[str] = set()
    for number, entry in enumerate(drawn.section("materials") or (), 1):
        id = entry.get("id")
        if id in seen:
            yield fault(
                "material.twice",
                ITEM,
                f"materials.{number}.id",
                say("two materials have the id {name}", name=id),
                remedy=say("choose another one"),
            )
        elif id is not None:
            seen.add(id)


# --- extension properties


def _check_properties(drawn: Drawn, scope: Scope, node: Node) -> Iterator[Problem]:
    file = drawn.file(scope)
    if "officers" in node.properties:
        yield from _check_officers(file, node, node.properties["officers"])
    if "power" in node.properties:
        yield from _check_power(file, node, node.properties["power"])
    if "term" in node.properties:
        yield from _check_term(drawn, file, node, node.properties["term"])
    for name in ("receives", "requests"):
        if name in node.properties:
            yield from _check_handed(drawn, scope, node, name)


def _check_officers(file: str, node: Node, value: str) -> Iterator[Problem]:
    if node.kind != "user" or not re.fullmatch("[2-5]", value.strip()):
        yield fault(
            "step.officers",
            file,
            node.id,
            say("{value} officers can't sign what {step} records", value=value, step=node.name or node.id),
            expected=say("a number from 2 to 5, on a user task"),
            remedy=say("write 2 (Administrative Licensing Law art. 34: two or more officials)"),
        )


def _check_power(file: str, node: Node, value: str) -> Iterator[Problem]:
    if value not in POWERS:
        yield fault(
            "step.power",
            file,
            node.id,
            say("there is no power {value}", value=value),
            expected=one_of(POWERS),
            remedy=near(value, POWERS),
        )


def _check_term(drawn: Drawn, file: str, node: Node, value: str) -> Iterator[Problem]:
    try:
        compile_expression(value)
    except Malformed as error:
        message = say("the term of {step} can't be read: {error}", step=node.id, error=str(error))
        yield fault("step.term", file, node.id, message, remedy=say("write an expression: conclusion.term"))
    misread = len(drawn.clocks) < len(drawn.clock_entries)
    if not misread and not any(node.id in clock.each for clock in drawn.clocks.values()):
        yield Problem(
            "step.term",
            "warning",
            file,
            node.id,
            say("no clock runs for each task of {step}: its term limits nothing", step=node.id),
            remedy=say("add a clock with each = {steps}", steps=quoted([node.id])),
        )


def _check_handed(drawn: Drawn, scope: Scope, node: Node, name: str) -> Iterator[Problem]:
    """The field lists materials by their ids in item.toml."""
    form, field = drawn.form(node), node.properties[name]
    materials = [entry["id"] for entry in drawn.section("materials") or () if "id" in entry]
    if not materials and not any(place[0] == "materials" for place in drawn.faulty):
        yield fault(
            "material.none",
            ITEM,
            "materials",
            say("{step} lists materials, and none has an id", step=node.id),
            expected=say("an id for each of [[materials]]"),
            remedy=say('add id = "…" to them'),
        )
    if form is None:
        return
    fields = fields_of(form)
    if field not in fields:
        yield unknown("field", drawn.file(scope), node.id, field, fields)
    elif kind_of(form, fields[field]) not in ("list", "choices"):
        yield fault(
            "material.field",
            drawn.file(scope),
            node.id,
            say("the field {name} is no list", name=field),
            expected=say("a list of texts or choices, the ids of materials"),
            remedy=say("correct the form, or name another field"),
        )
    else:
        for choice in choices_of(form, resolved(form, fields[field].get("items", {}))):
            if materials and choice.value not in materials:
                file, _ = drawn.form_place(scope, node)
                yield unknown("material", file, f"properties.{field}", str(choice.value), materials)
