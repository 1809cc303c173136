"""What an expression compares, without running it: for checks of a diagram before any case uses it.

The three dialects are read as far as they say the same thing; of anything else nothing is known, and nothing
is said. `verdict` is three-valued: True and False are certain, None is "it depends".
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from .dialects import translate
from .faults import Malformed
from .language import compile_expression

Path = tuple[str, ...]
"""A variable, or a key of one: `("intake", "outcome")`."""

Kind = Literal["path", "value", "values", "call", "unknown"]

_CONSTANTS = {"true": True, "false": False, "null": None}
_SIGNS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.In: "in",
    ast.NotIn: "not in",
}


@dataclass(frozen=True, slots=True)
class Operand:
    """One side of a comparison: the `path` of a variable, a `value`, a list of `values`, a `call`, or
    something else. `of` is the path, the value, the values or the function's name."""

    kind: Kind
    of: Any = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """`left sign right`."""

    left: Operand
    sign: str
    right: Operand


@dataclass(frozen=True, slots=True)
class Outline:
    """What an expression reads and compares. `paths` are those of variables, without those of `for`."""

    paths: frozenset[Path]
    comparisons: tuple[Comparison, ...]
    _tree: ast.expr
    _bound: frozenset[str]

    def verdict(self, values: Mapping[Path, Any]) -> bool | None:
        """Whether the condition holds where the variables have these `values`; None: it depends on others."""
        value = _value(self._tree, values, self._bound)
        return value if isinstance(value, bool) else None


@lru_cache(maxsize=1024)
def outline(source: str) -> Outline | None:
    """The outline of an expression; None for one that can't be read, or not in this way."""
    try:
        compile_expression(source)  # so that only what is allowed, and not too deep, is looked at
        if source.lstrip().startswith("="):
            text = _FEEL_EQUAL.sub(lambda found: found[1] or "==", source.replace("=", " ", 1).strip())
        else:
            text = translate(source).text.strip()
        tree = ast.parse(text, mode="eval").body
    except (Malformed, SyntaxError, ValueError, RecursionError):
        return None
    bound = frozenset(
        generator.target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.ListComp | ast.GeneratorExp)
        for generator in node.generators
        if isinstance(generator.target, ast.Name)
    )
    paths = frozenset(_paths(tree, bound))
    return Outline(paths, tuple(_comparisons(tree, bound)), tree, bound)


_FEEL_EQUAL = re.compile(r'("(?:[^"\\]|\\.)*")|(?<![<>!=])=(?!=)')


def _path(node: ast.AST, bound: frozenset[str]) -> Path | None:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id in bound or node.id in _CONSTANTS:
        return None
    return (node.id, *reversed(parts))


def _paths(node: ast.AST, bound: frozenset[str]) -> Iterator[Path]:
    """The longest paths; the names of functions are none."""
    path = _path(node, bound)
    if path is not None:
        yield path
        return
    for child in ast.iter_child_nodes(node):
        if not (isinstance(node, ast.Call) and child is node.func):
            yield from _paths(child, bound)


def _comparisons(tree: ast.AST, bound: frozenset[str]) -> Iterator[Comparison]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [_operand(side, bound) for side in (node.left, *node.comparators)]
            for left, op, right in zip(sides, node.ops, sides[1:], strict=False):
                if type(op) in _SIGNS:
                    yield Comparison(left, _SIGNS[type(op)], right)


def _operand(node: ast.expr, bound: frozenset[str]) -> Operand:
    literal = _literal(node)
    if literal is not _UNKNOWN:
        return Operand("values" if isinstance(literal, list) else "value", literal)
    path = _path(node, bound)
    if path is not None:
        return Operand("path", path)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return Operand("call", node.func.id)
    return Operand("unknown")


_UNKNOWN = object()


def _literal(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name) if name in _CONSTANTS:
            return _CONSTANTS[name]
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -value
        case ast.List(elts=elts) | ast.Tuple(elts=elts):
            values = [_literal(entry) for entry in elts]
            return _UNKNOWN if any(value is _UNKNOWN for value in values) else values
    return _UNKNOWN


def _value(node: ast.expr, values: Mapping[Path, Any], bound: frozenset[str]) -> Any:
    """The value of `node`, or `_UNKNOWN`."""
    literal = _literal(node)
    if literal is not _UNKNOWN:
        return literal
    path = _path(node, bound)
    if path is not None:
        return values.get(path, _UNKNOWN)
    match node:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            value = _value(operand, values, bound)
            return not value if isinstance(value, bool) else _UNKNOWN
        case ast.BoolOp(op=op, values=parts):
            decides = isinstance(op, ast.Or)
            found = [_value(part, values, bound) for part in parts]
            if any(value is decides for value in found):
                return decides
            return (not decides) if all(value is (not decides) for value in found) else _UNKNOWN
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _compared(op, _value(left, values, bound), _value(right, values, bound))
    return _UNKNOWN


def _compared(op: ast.cmpop, left: Any, right: Any) -> Any:
    if any(side is _UNKNOWN or side is None for side in (left, right)):  # what is left out, forms don't say
        return _UNKNOWN
    match op:
        case ast.Eq() | ast.NotEq():
            same = type(left) is type(right) and left == right
            if type(left) is not type(right) and {type(left), type(right)} <= {int, float}:
                same = left == right
            return same if isinstance(op, ast.Eq) else not same
        case ast.In() | ast.NotIn() if isinstance(right, list):
            inside = any(_compared(ast.Eq(), left, entry) for entry in right)
            return inside if isinstance(op, ast.In) else not inside
    return _UNKNOWN
