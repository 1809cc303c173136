"""What a condition looks at: the variables it compares, and with what; and the values that stand for all."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from ..expressions import Malformed, compile_expression
from ..expressions.dialects import translate
from ..forms.schema import Schema, choices_of, type_of, validator

Path = tuple[str, ...]
"""`("decision", "outcome")` for `decision.outcome`."""

_CONSTANTS = {"true": True, "false": False, "null": None}
_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod)
_FEEL_EQUAL = re.compile(r"(?<![<>!=])=(?!=)")


@dataclass
class Reading:
    """The paths that an expression reads, each with the constants it is compared with. `exact`: it compares
    single variables with constants only, so that one value of each class stands for all of the class."""

    paths: dict[Path, set[Any]] = field(default_factory=dict)
    exact: bool = True


class _OpaqueError(Exception):
    """The expression does more than compare."""


def read_condition(source: str) -> Reading | None:
    """What a condition compares; None if it does more than that (calls a function, goes through a list)."""
    try:
        names = compile_expression(source).names
        feel = source.lstrip().startswith("=")
        text = _FEEL_EQUAL.sub("==", source.replace("=", " ", 1)) if feel else translate(source).text
        tree = ast.parse(text.strip(), mode="eval")
        reading = Reading()
        _truth(tree.body, reading)
    except (Malformed, SyntaxError, ValueError, RecursionError, _OpaqueError):
        return None
    return reading if {path[0] for path in reading.paths} == names else None


def _truth(node: ast.expr, reading: Reading) -> None:
    match node:
        case ast.BoolOp(values=values):
            for value in values:
                _truth(value, reading)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            _truth(operand, reading)
        case ast.Compare(left=left, comparators=others):
            paths: list[Path] = []
            constants: set[Any] = set()
            calculated = [_operand(part, paths, constants) for part in (left, *others)]
            reading.exact &= len(set(paths)) <= 1 and not any(calculated)
            for path in paths:
                reading.paths.setdefault(path, set()).update(constants)
        case ast.Constant(value=bool()):
            pass
        case _:
            asked = _path(node)
            if asked is None:
                raise _OpaqueError
            if asked:
                reading.paths.setdefault(asked, set()).update((True, False))


def _operand(node: ast.expr, paths: list[Path], constants: set[Any]) -> bool:
    """Gather what one side of a comparison is made of; whether it is calculated."""
    path = _path(node)
    match node:
        case _ if path is not None:
            if path:
                paths.append(path)
            else:
                constants.add(_CONSTANTS[node.id] if isinstance(node, ast.Name) else None)
            return False
        case ast.Constant(value=value) if isinstance(value, str | bool | int | float | None):
            constants.add(value)
            return False
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            constants.add(-value)
            return False
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            calculated = [_operand(part, paths, constants) for part in parts]  # all are to be gathered
            return any(calculated)
        case ast.BinOp(left=left, op=op, right=right) if isinstance(op, _OPERATORS):
            _operand(left, paths, constants)
            _operand(right, paths, constants)
            return True
    raise _OpaqueError


def _path(node: ast.expr) -> Path | None:
    """The variable that is read; an empty path for the constants that look like one."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    if node.id in _CONSTANTS:
        return () if not parts else None
    return (node.id, *reversed(parts))


# --- values


def assumed_values(constants: Iterable[Any]) -> list[Any]:
    """Values that nothing is known of but what they are compared with: each constant, and another one."""
    return _distinct(_around(constants))


def form_values(root: Schema, shape: Schema, constants: Iterable[Any]) -> list[Any] | None:
    """The values of a form's field that stand for all it allows; None if that can't be said."""
    named = set(constants)
    choices = [choice.value for choice in choices_of(root, shape)]
    if choices:
        others = [value for value in choices if value not in named]
        return [value for value in choices if value in named] + others[:1]
    kind = type_of(shape)
    if kind == "boolean":
        return [True, False]
    if kind not in ("integer", "number", "string"):
        return None
    bounds = [shape[key] for key in ("minimum", "maximum") if key in shape]
    found = _around([*named, *bounds] if kind != "string" else named)
    if kind == "string" and shape.get("format") == "date":
        found += _days(named)
    if kind == "integer":
        found = [value for value in found if isinstance(value, int)]
    check = validator({**root, **shape} if "$ref" in str(shape) else shape)
    return _distinct(value for value in found if check.is_valid(value)) or None


def _around(constants: Iterable[Any]) -> list[Any]:
    """The constants, what lies beside and between them, and something else."""
    found = sorted(set(constants), key=lambda value: (str(type(value)), str(value)))
    numbers = sorted(value for value in found if isinstance(value, int | float) and value is not True)
    numbers = [value for value in numbers if value is not False]
    out = [*found]
    for value in numbers:
        out += [value - 1, value + 1]
    out += [(low + high) / 2 for low, high in pairwise(numbers)]
    if any(isinstance(value, bool) for value in found):
        out += [True, False]
    if any(isinstance(value, str) for value in found) or not out:
        out.append("other")
    return out


def _days(named: Iterable[Any]) -> list[str]:
    found = ["2026-03-02"]
    for value in named:
        try:
            day = date.fromisoformat(value)
        except (TypeError, ValueError):
            continue
        found += [(day + timedelta(step)).isoformat() for step in (-1, 1)]
    return sorted(found)


def _distinct(values: Iterable[Any]) -> list[Any]:
    found: dict[tuple[str, str], Any] = {}
    for value in values:
        found.setdefault((str(type(value)), str(value)), value)
    return list(found.values())


# --- records


def put(record: dict[str, Any], path: Path, value: Any) -> None:
    """Set the value at `path` of nested records."""
    for part in path[:-1]:
        record = record.setdefault(part, {})
    record[path[-1]] = value


MISSING = object()


def get(record: Mapping[str, Any], path: Path) -> Any:
    """The value at `path`, or `MISSING`."""
    value: Any = record
    for part in path:
        if not isinstance(value, Mapping) or part not in value:
            return MISSING
        value = value[part]
    return value
