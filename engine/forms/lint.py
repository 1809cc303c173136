"""What is wrong with a form itself, for its author."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any, Literal

from ..errors import NOTHING, Problem, Text, say
from .check import nearest
from .schema import FORMATS, PUBLIC, Schema, resolved, shape, target, validator

_ONE = ("not", "if", "then", "else", "items", "contains", "additionalProperties", "propertyNames")
_MANY = ("allOf", "anyOf", "oneOf", "prefixItems")
_NAMED = ("properties", "patternProperties", "dependentSchemas", "$defs")
_OTHERS = ("$schema", "$id", "$comment", "$defs", "title", "description", "default", "examples", "deprecated")


def check_schema(schema: Any, file: str) -> list[Problem]:
    """What is wrong with a form, each finding with its place in `file`. An empty list: it can be used.

    Beyond the draft's own rules: the root is an object, nothing is fetched and nothing refers to
    itself, every keyword and format is one that is obeyed here, field names can stand in a
    condition, what is required can be answered, defaults fit; fields should have both titles.
    """
    from jsonschema import Draft202012Validator

    kind = Draft202012Validator
    draft = kind(kind.META_SCHEMA, format_checker=kind.FORMAT_CHECKER)
    problems = [
        _problem(file, error.json_path.removeprefix("$").lstrip("."), say("{reason}", reason=error.message))
        for error in draft.iter_errors(schema)
    ]
    if not problems and (not isinstance(schema, dict) or schema.get("type") != "object"):
        problems.append(_problem(file, "", say('a form is an object: write "type": "object" at its root')))
    problems = problems or list(_references(schema, file))
    return problems or list(_examined(schema, schema, file, ""))


def _problem(
    file: str,
    place: str,
    message: Text,
    severity: Literal["error", "warning"] = "error",
    remedy: Text = NOTHING,
) -> Problem:
    return Problem("form.schema", severity, file, place or None, message, remedy=remedy)


def _parts(node: Any) -> Iterator[tuple[str, Any]]:
    """The schemas directly inside `node`, with their places."""
    if isinstance(node, Mapping):
        for key in _ONE:
            if key in node:
                yield key, node[key]
        for key in _MANY:
            yield from ((f"{key}.{index}", part) for index, part in enumerate(node.get(key, ())))
        for key in _NAMED:
            yield from ((f"{key}.{name}", part) for name, part in node.get(key, {}).items())


def _references(root: Schema, file: str) -> Iterator[Problem]:
    """References that lead nowhere, elsewhere, or back to themselves."""
    graph: dict[str, set[str]] = {}
    rest = {key: part for key, part in root.items() if key != "$defs"}
    for start, node in {**root.get("$defs", {}), "": rest}.items():
        leads = graph.setdefault(start, set())
        stack = [node]
        while stack:
            part = stack.pop()
            stack += [inner for _, inner in _parts(part)]
            reference = part.get("$ref") if isinstance(part, Mapping) else None
            if reference is not None and target(root, reference) is None:
                message = say("the reference {reference} leads nowhere", reference=reference)
                remedy = say("refer to a part of this file: #/$defs/NAME")
                yield _problem(file, f"$defs.{start}" if start else "", message, remedy=remedy)
            elif reference is not None:
                leads.add(reference.removeprefix("#/$defs/"))
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as circle:
        name = circle.args[1][0]
        yield _problem(file, f"$defs.{name}", say("{name} refers to itself", name=name))


def _examined(root: Schema, node: Any, file: str, place: str) -> Iterator[Problem]:
    from jsonschema import Draft202012Validator

    if not isinstance(node, Mapping):
        return
    known = sorted({*Draft202012Validator.VALIDATORS, *_ONE, *_OTHERS} - {"$dynamicRef"})
    for key in node:
        if key not in known and not key.startswith("x-"):
            message = say("the keyword {key} is not known, so nothing would obey it", key=key)
            remedy = nearest(key, known, say("remove it, or begin it with x- if it is a note"))
            yield _problem(file, place, message, remedy=remedy)
    if PUBLIC in node and not isinstance(node[PUBLIC], bool):
        message = say("{key} is neither true nor false", key=PUBLIC)
        yield _problem(file, place, message, remedy=say("write true if everybody may see it, or remove it"))
    if (form := node.get("format")) is not None and form not in FORMATS:
        message = say("the format {format} is not checked by anything", format=form)
        remedy = say("use one of {formats}, or a pattern", formats=", ".join(FORMATS))
        yield _problem(file, place, message, remedy=remedy)
    if "default" in node and not validator(root).evolve(schema=node).is_valid(node["default"]):
        yield _problem(file, place, say("the default does not fit the field itself"))
    yield from _examined_fields(root, node, file, place)
    for step, part in _parts(node):
        yield from _examined(root, part, file, f"{place}.{step}" if place else step)


def _examined_fields(root: Schema, node: Schema, file: str, place: str) -> Iterator[Problem]:
    inside = f"{place}." if place else ""
    for name, field in node.get("properties", {}).items():
        if not name.isidentifier():
            message = say("the field name {name} can't stand in a condition", name=name)
            remedy = say("use letters, digits and _, beginning with a letter")
            yield _problem(file, f"{inside}properties.{name}", message, remedy=remedy)
        whole = resolved(root, field)
        described = "if" not in place.split(".") and whole.keys() & {"type", "oneOf", "enum"}
        if described and not (whole.get("title") and whole.get("x-title-en")):
            message = say("the field {name} has no title in both languages", name=name)
            remedy = say("add title (Chinese) and x-title-en (English)")
            yield _problem(file, f"{inside}properties.{name}", message, "warning", remedy)
    if node.get("type") == "object":
        fields, required = shape(root, node, None)
        for name in sorted(required - fields.keys()):
            message = say("{name} is required, but the form has no such field", name=name)
            yield _problem(file, place, message, remedy=nearest(name, fields))
