"""What `read_folder` checks of conditions against the forms whose answers they read: keys that no form has,
values that a field never has, kinds that don't compare; and what follows for a gateway: flows that are never
taken, answers for which there is no flow.

Only what is certain is said. A variable that a script or another process's data may also set is not judged.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import Problem, say
from ..expressions.outline import Comparison, Operand, Outline, Path, outline
from ..flow.net import Node, Scope
from ..forms.schema import Schema, choices_of, kind_of, resolved, shape, type_of
from ..joint import OUTCOMES
from .checks import sources_of, written
from .drawn import Drawn, fields_of
from .wording import fault, near, one_of

MOST_CASES = 5_000
"""Most combinations of answers that are gone through at one gateway."""

_OF_CALLS: Mapping[str, str] = {
    **dict.fromkeys(("today", "date"), "date"),
    **dict.fromkeys(
        ("years_between", "days_between", "len", "count", "sum", "int", "float", "round"), "number"
    ),
    **dict.fromkeys(("str", "upper", "lower"), "text"),
    **dict.fromkeys(("any", "all", "empty", "contains", "bool"), "yes-no"),
}
"""The kinds of what functions give."""


@dataclass
class Known:
    """What is known of a variable or a key: the `kinds` of its fields, all their `values` where they are a
    choice, and of a record the names of its `keys` (None: any). Not `sure` when something else may set it."""

    kinds: set[str] = field(default_factory=set)
    values: list[Any] | None = None
    entries: list[Any] | None = None
    keys: set[str] | None = None
    sure: bool = True


def check_conditions(drawn: Drawn) -> list[Problem]:
    """What is wrong with the conditions, and with the gateways that have them."""
    known = _known(drawn)
    problems: list[Problem] = []
    for scope in drawn.net.scopes.values():
        file = drawn.file(scope)
        for node in scope.nodes.values():
            wrong: set[str] = set()
            for element, source in sources_of(scope, node):
                read = outline(source)
                if read is not None:
                    found = [
                        *_check_keys(file, element, read, known),
                        *_check_values(file, element, read, known),
                    ]
                    problems += (problem for problem in found if problem not in problems)
                    wrong |= {element for problem in found if problem.severity == "error"}
            if node.kind in ("xor", "or"):
                problems += _check_gateway(file, scope, node, known, wrong)
    return problems


# --- what the forms say


def _known(drawn: Drawn) -> dict[Path, Known]:
    """What is known of every variable, and of the keys of those that hold the answers of a form."""
    found: dict[Path, Known] = {}
    unsure: set[str] = set()
    anything = False
    for node in (node for scope in drawn.net.scopes.values() for node in scope.nodes.values()):
        names = set(written(node, drawn.net, drawn.forms))
        form = drawn.form(node) if "form" in node.properties else None
        result = node.result or node.properties.get("result")
        if form is None:
            unsure |= names
            anything = anything or "form" in node.properties
        elif result is not None:
            unsure |= names - {result}
            _add(found, (result,), form, form)
        else:
            fields = fields_of(form)
            unsure |= names - fields.keys()
            anything = anything or form.get("additionalProperties", True) is not False
            for name, schema in fields.items():
                _add(found, (name,), form, schema)
    for section, more in (("joint", ()), ("meetings", ("unresolved",))):
        for entry in drawn.entries(section).values():
            outcome = (str(entry["result"]), "outcome")
            found.setdefault(outcome, Known({"choice"}, [*OUTCOMES, *more]))
            flag = "certain" if section == "joint" else "unresolved"
            found.setdefault((str(entry["result"]), flag), Known({"yes-no"}, [True, False]))
    for path, about in found.items():
        about.sure = path[0] not in unsure and not (anything and len(path) == 1)
    return found


def _add(found: dict[Path, Known], path: Path, root: Schema, schema: Schema) -> None:
    """Note what `schema` says of `path`, beside what other forms have said."""
    schema = resolved(root, schema)
    fields, _ = shape(root, schema, None) if type_of(schema) == "object" else ({}, set())
    record = type_of(schema) == "object"
    kind = "record" if record else kind_of(root, schema)
    values: list[Any] | None = [choice.value for choice in choices_of(root, schema)] or None
    if kind == "yes-no":
        values = [True, False]
    entries = [choice.value for choice in choices_of(root, resolved(root, schema.get("items", {})))] or None
    closed = record and schema.get("additionalProperties", True) is False
    keys = set(fields) if closed else None
    before = found.get(path)
    if before is None:
        found[path] = Known({kind}, values, entries, keys)
    else:
        before.kinds.add(kind)
        before.values = _union(before.values, values)
        before.entries = _union(before.entries, entries)
        before.keys = before.keys | keys if before.keys is not None and keys is not None else None
    for name, inner in fields.items():
        _add(found, (*path, name), root, inner)


def _union(one: list[Any] | None, other: list[Any] | None) -> list[Any] | None:
    return None if one is None or other is None else one + [value for value in other if value not in one]


# --- one expression


def _check_keys(file: str, element: str, read: Outline, known: Mapping[Path, Known]) -> Iterator[Problem]:
    for path in sorted(read.paths):
        for depth in range(1, len(path)):
            about = known.get(path[:depth])
            if about is None or not about.sure or about.keys is None or path[depth] in about.keys:
                continue
            yield Problem(
                "variable.unknown",
                "warning",
                file,
                element,
                say("no form gives {name} a key {key}", name=".".join(path[:depth]), key=path[depth]),
                one_of(sorted(about.keys)),
                remedy=near(path[depth], about.keys, say("correct the name, or add the field to a form")),
            )
            break


def _check_values(file: str, element: str, read: Outline, known: Mapping[Path, Known]) -> Iterator[Problem]:
    for comparison in read.comparisons:
        yield from _check_comparison(file, element, comparison, known)


def _check_comparison(
    file: str, element: str, comparison: Comparison, known: Mapping[Path, Known]
) -> Iterator[Problem]:
    left, right, sign = comparison.left, comparison.right, comparison.sign
    if sign in ("in", "not in"):
        listed, item = (right, left)
        if listed.kind == "values" and item.kind == "path":
            for value in listed.of:
                yield from _check_pair(file, element, item, Operand("value", value), known)
        elif listed.kind == "path" and item.kind == "value":
            about = known.get(listed.of)
            if about is not None and about.sure and about.entries and item.of not in about.entries:
                yield _never(file, element, listed.of, item.of, about.entries)
        return
    yield from _check_pair(file, element, left, right, known)


def _check_pair(
    file: str, element: str, left: Operand, right: Operand, known: Mapping[Path, Known]
) -> Iterator[Problem]:
    for one, other in ((left, right), (right, left)):
        if one.kind == "path" and other.kind == "value" and other.of is not None:
            about = known.get(one.of)
            if about is None or not about.sure:
                continue
            fits = {kind for kind in about.kinds if _fits(kind, other.of)}
            if not fits:
                yield _unlike(file, element, one.of, about.kinds, _quoted(other.of))
            elif about.values is not None and other.of not in about.values:
                yield _never(file, element, one.of, other.of, about.values)
            return
    kinds = [_kinds(operand, known) for operand in (left, right)]
    named = left.kind == "path" and right.kind in ("path", "call") and all(kinds)
    if named and _families(kinds[0]).isdisjoint(_families(kinds[1])):
        shown = ".".join(right.of) if right.kind == "path" else f"{right.of}()"
        yield _unlike(file, element, left.of, kinds[0], shown)


def _kinds(operand: Operand, known: Mapping[Path, Known]) -> set[str]:
    if operand.kind == "call":
        return {_OF_CALLS[operand.of]} if operand.of in _OF_CALLS else set()
    about = known.get(operand.of) if operand.kind == "path" else None
    return about.kinds if about is not None and about.sure else set()


_FAMILY = {"integer": "number", "choice": "text", "date-time": "date", "list": "list", "choices": "list"}


def _families(kinds: set[str]) -> set[str]:
    return {_FAMILY.get(kind, kind) for kind in kinds}


_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _fits(kind: str, value: Any) -> bool:
    """Whether a field of this kind can be compared with the literal `value`."""
    match _FAMILY.get(kind, kind):
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "yes-no":
            return isinstance(value, bool)
        case "date":
            return isinstance(value, str) and (value == "" or _DAY.match(value) is not None)
        case "text":
            return kind == "choice" or isinstance(value, str)
    return False  # a list or a record is compared with no single value


_WORDS = {
    "number": say("a number"),
    "yes-no": say("yes or no"),
    "date": say("a date"),
    "text": say("a text"),
    "list": say("a list"),
    "records": say("a list"),
    "record": say("a group of fields"),
}


def _unlike(file: str, element: str, path: Path, kinds: set[str], other: str) -> Problem:
    name = ".".join(path)
    word = _WORDS[sorted(_families(kinds))[0]]
    return fault(
        "condition.type",
        file,
        element,
        say("{name} is {kind} and can't be compared with {other}", name=name, kind=word, other=other),
        expected=word,
        found=say("{found}", found=other),
        remedy=say(
            "compare it with {kind}: texts stand in quotes, numbers and true, false without", kind=word
        ),
    )


def _never(file: str, element: str, path: Path, value: Any, values: Sequence[Any]) -> Problem:
    return fault(
        "condition.value",
        file,
        element,
        say("{name} is never {value}", name=".".join(path), value=_quoted(value)),
        expected=one_of(list(map(_quoted, values))),
        remedy=near(value, map(str, values), say("correct the condition, or add the choice to the form")),
    )


def _quoted(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


# --- a gateway


def _check_gateway(
    file: str, scope: Scope, node: Node, known: Mapping[Path, Known], wrong: set[str]
) -> Iterator[Problem]:
    """Which flows can be taken at all, and whether there is always one."""
    flows = [scope.flows[flow] for flow in node.outgoing if flow != node.default]
    if len(node.outgoing) < 2 or any(flow.condition is None for flow in flows):
        return
    conditions = {flow.id: outline(flow.condition or "") for flow in flows}
    paths = sorted({path for read in conditions.values() if read is not None for path in read.paths})
    finite = [path for path in paths if path in known and known[path].sure and known[path].values]
    if math.prod(len(known[path].values or ()) for path in finite) > MOST_CASES:
        return
    taken: set[str] = set()
    fallen: dict[Path, Any] | None = None
    for values in itertools.product(*(known[path].values or () for path in finite)):
        answers = dict(zip(finite, values, strict=True))
        certain = False
        possible = False
        for id, read in conditions.items():
            verdict = read.verdict(answers) if read is not None else None
            if verdict is not False and not (certain and node.kind == "xor"):
                taken.add(id)
            possible = possible or verdict is not False
            certain = certain or verdict is True
        if not possible and fallen is None:
            fallen = answers
    for flow in flows:
        if flow.id not in taken and flow.id not in wrong:
            yield Problem(
                "condition.unreachable",
                "warning",
                file,
                flow.id,
                say("the flow to {step} is never taken", step=flow.target),
                say("a condition that is met by some answer which no earlier flow takes"),
                say("{source}", source=flow.condition),
                say("correct the condition, or remove the flow"),
            )
    if fallen is not None and node.default is None:
        shown = ", ".join(f"{'.'.join(path)} = {_quoted(value)}" for path, value in fallen.items())
        yield Problem(
            "condition.gap",
            "warning",
            file,
            node.id,
            say("no flow leads on from {step} for {answers}", step=node.name or node.id, answers=shown),
            say("a flow for each answer, or a default flow"),
            remedy=say(
                "add the condition that is missing, or mark one flow as the default flow; otherwise such a "
                "case stops here until an administrator steps in"
            ),
        )
