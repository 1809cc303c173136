"""The language of conditions and scripts: a small part of Python's syntax with its own meaning.

Why it is safe: a text is parsed (never run), each node of its tree must be one of the few kinds below,
and from them a *new* tree is built. In that tree variables are keys of the data or comprehension
variables under a prefix; every operator and function is a guarded one of `runtime`; there is no
attribute, no import, no builtin. A kind of node that is not named below can't get through.

An expression has: names and dotted keys (`applicant.age` reads the key "age" of a record), literals,
comparisons, `and or not`, arithmetic, `a if c else b`, lists, records with quoted keys, `x[i]`, list
comprehensions (as generators too, as the only argument of a function), calls of `FUNCTIONS`. Functions
and variables live apart: a variable may have a function's name, and no call notices.

A script has: assignment and augmented assignment to a name or to a place in a record or list,
`if/elif/else`, `pass`.
"""

from __future__ import annotations

import ast
import inspect
import math
import textwrap
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from difflib import get_close_matches
from functools import lru_cache
from types import CodeType, FunctionType
from typing import Any, NoReturn, TypeVar

from ..errors import Text, say
from . import runtime
from .dialects import (
    Dialect,
    Translation,
    allowed,
    check_length,
    refuse,
    refuse_at,
    translate,
)
from .faults import Failed, Malformed
from .feel import compile_feel

MAX_DEPTH = 100
"""Levels of the syntax tree."""

_Made = TypeVar("_Made")

_FILE = "<expression>"
_CONSTANTS = {"true": True, "false": False, "null": None}
_TYPES = (str, bool, int, float, type(None))

_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "equal",
    ast.NotEq: "unequal",
    ast.Lt: "less",
    ast.LtE: "less_equal",
    ast.Gt: "greater",
    ast.GtE: "greater_equal",
    ast.In: "within",
    ast.NotIn: "not_within",
}
_ARITHMETIC: dict[type[ast.operator], str] = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
    ast.FloorDiv: "floor_divide",
    ast.Mod: "modulo",
    ast.Pow: "power",
}
# Where JUEL means something else by the same sign (see `runtime`).
_JUEL_SIGNS = {
    "add": "add_numbers",
    "modulo": "remainder",
    "equal": "equal_kinds",
    "unequal": "unequal_kinds",
}

_HELPERS = (
    *_COMPARISONS.values(),
    *_ARITHMETIC.values(),
    *_JUEL_SIGNS.values(),
    *("chain", "truth", "key", "item", "each", "put"),
)
_GLOBALS: dict[str, Any] = {
    "__builtins__": {},
    **{f"_{name}": getattr(runtime, name) for name in _HELPERS},
    **{f"_call_{name}": function for name, function in runtime.FUNCTIONS.items()},
}


class Expression:
    """A checked expression. `names` are the variables it reads, `clocks` the clocks it names."""

    __slots__ = ("_function", "clocks", "names", "source")

    def __init__(
        self, source: str, names: frozenset[str], clocks: frozenset[str], function: Callable[..., Any]
    ) -> None:
        self.source = source
        self.names = names
        self.clocks = clocks
        self._function = function

    def evaluate(self, data: Mapping[str, Any], now: datetime, zone: str) -> Any:
        """Its value on `data` at the aware instant `now`, local dates in `zone`; plain JSON data that
        shares nothing with `data`. Raises `Failed` and nothing else."""
        run = runtime.Run(now, zone)
        try:
            return runtime.plain(self._function(data, run), run)
        except _FAILURES as error:
            failure = _failure(error, data)
            source = self.source.strip()
            raise Failed(
                failure.code, say("{what}, in “{source}”", what=failure.message, source=_short(source))
            ) from error


class Script:
    """A checked script. `names` are the variables it may need, `assigns` those it may set."""

    __slots__ = ("_function", "assigns", "names", "source")

    def __init__(
        self, source: str, names: frozenset[str], assigns: frozenset[str], function: Callable[..., Any]
    ) -> None:
        self.source = source
        self.names = names
        self.assigns = assigns
        self._function = function

    def run(self, data: Mapping[str, Any], now: datetime, zone: str) -> dict[str, Any]:
        """The variables that were set, with their values; `data` stays as it is. Raises `Failed` and
        nothing else."""
        run = runtime.Run(now, zone)
        scope = dict(data)
        try:
            self._function(scope, run)
        except _FAILURES as error:
            failure = _failure(error, scope)
            line = _line(error)
            text = _lines(self.source)[line - 1].strip()
            raise Failed(
                failure.code,
                say(
                    "{what}, in line {line}: “{source}”",
                    what=failure.message,
                    line=line,
                    source=_short(text),
                ),
            ) from error
        return {name: scope[name] for name in run.written}


# RecursionError and MemoryError: data may be nested deeper than Python's stack.
_FAILURES = (Failed, ArithmeticError, LookupError, TypeError, ValueError, RecursionError, MemoryError)


def _failure(error: BaseException, data: Mapping[str, Any]) -> Failed:
    """What went wrong, said by the operator or function, or here for what Python noticed."""
    if isinstance(error, Failed):
        return error
    if type(error) is KeyError and error.args[0] not in data:
        return runtime.unknown_name(str(error.args[0]), data)
    if isinstance(error, ZeroDivisionError):
        return Failed("expression.division_by_zero", say("division by zero"))
    if isinstance(error, OverflowError | RecursionError | MemoryError):
        return runtime.too_large()
    return Failed("expression.value", say("this has no value ({error})", error=str(error)))


def _line(error: BaseException) -> int:
    line, trace = 1, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == _FILE:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _lines(source: str) -> list[str]:
    """Lines as Python's parser counts them (`splitlines` knows more ends of lines)."""
    return source.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _short(source: str) -> str:
    return source if len(source) <= 80 else source[:79] + "…"


@lru_cache(maxsize=4096)
def compile_expression(source: str) -> Expression:
    """Check and compile an expression, in the language itself, JUEL (`${…}`) or FEEL (`=…`).

    Raises `Malformed`, which names the place and says what is allowed.
    """
    check_length(source)
    if source.lstrip().startswith("="):
        feel = _guarded(lambda: compile_feel(source.replace("=", " ", 1)))
        return Expression(source, feel.names, feel.clocks, feel.plain)
    return _compile_translated(source, _guarded(lambda: translate(source)))


@lru_cache(maxsize=1024)
def compile_script(source: str) -> Script:
    """Check and compile a script. Raises `Malformed`, which names the place and says what is allowed."""
    check_length(source)
    text = textwrap.dedent(source)
    lines = _lines(text)

    def fail(line: int, column: int, what: Text) -> NoReturn:
        indent = len(_lines(source)[line - 1]) - len(lines[line - 1])
        refuse_at(line, column + 1 + indent, what)

    tree = _parse(text, "exec", fail)
    compiler = _Compiler("own", lambda node, what: fail(node.lineno, _characters(lines, node), what))
    if not tree.body:
        raise Malformed("expression.malformed", say("the script is empty"))
    function = _guarded(lambda: _function(compiler.statements(tree.body)))
    return Script(source, frozenset(compiler.names), frozenset(compiler.assigns), function)


def _compile_translated(source: str, translation: Translation) -> Expression:
    def fail(_line: int, column: int, what: Text) -> NoReturn:
        refuse(source, translation.origin(column), what)

    tree = _parse(translation.text, "eval", fail)
    lines = [translation.text]
    compiler = _Compiler(translation.dialect, lambda node, what: fail(1, _characters(lines, node), what))
    function = _guarded(lambda: _function([ast.Return(compiler.expression(tree.body))]))
    return Expression(source, frozenset(compiler.names), frozenset(compiler.clocks), function)


def _parse(text: str, mode: str, fail: Callable[[int, int, Text], NoReturn]) -> Any:
    """The syntax tree of `text`, no deeper than `MAX_DEPTH`."""
    try:
        with _without_advice():
            tree = ast.parse(text, mode=mode)
    except SyntaxError as error:
        what = say("{error}; {allowed}", error=error.msg, allowed=allowed())
        fail(error.lineno or 1, max((error.offset or 1) - 1, 0), what)
    except (ValueError, RecursionError, MemoryError):
        fail(1, 0, say("this can't be read; {allowed}", allowed=allowed()))
    level: list[ast.AST] = [tree]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return tree
    raise _too_deep()


@contextmanager
def _without_advice() -> Iterator[None]:
    """Python's own advice about `1and 2` is for programmers, and differs from version to version."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _too_deep() -> Malformed:
    return Malformed("expression.malformed", say("too deeply nested: write it in several steps"))


def _guarded(build: Callable[[], _Made]) -> _Made:
    try:
        return build()
    except (RecursionError, MemoryError) as error:  # the caller may stand deep in the stack already
        raise _too_deep() from error


def _characters(lines: list[str], node: ast.expr | ast.stmt | ast.keyword) -> int:
    """The column of `node` in characters: the parser counts in bytes of UTF-8."""
    return len(lines[node.lineno - 1].encode()[: node.col_offset].decode(errors="ignore"))


def _function(body: list[ast.stmt]) -> Callable[..., Any]:
    """A function of (data, run) made of checked nodes. Nothing runs here."""
    module = ast.parse("def compiled(_data, _run): pass")
    definition = module.body[0]
    assert isinstance(definition, ast.FunctionDef)  # noqa: S101
    definition.body = body
    with _without_advice():
        code = compile(ast.fix_missing_locations(module), _FILE, "exec")
    inner = next(const for const in code.co_consts if isinstance(const, CodeType))
    return FunctionType(inner, _GLOBALS)


def _name(name: str) -> ast.expr:
    return ast.Name(name, ast.Load())


def _helper(name: str, *args: ast.expr) -> ast.expr:
    return ast.Call(_name(f"_{name}"), list(args), [])


def _list(items: list[ast.expr]) -> ast.expr:
    return ast.List(items, ast.Load())


class _Compiler:
    """Builds the new tree. `names` and `assigns` gather what is read and set, `clocks` what is named."""

    def __init__(self, dialect: Dialect, refuse_node: Callable[[Any, Text], NoReturn]) -> None:
        self.refuse = refuse_node
        self.strict = dialect == "juel"
        self.signs = _JUEL_SIGNS if self.strict else {}
        self.names: set[str] = set()
        self.assigns: set[str] = set()
        self.clocks: set[str] = set()
        self.known: frozenset[str] = frozenset()  # surely assigned by the script before this place

    # --- expressions; `bound` are the comprehension variables in sight

    def expression(self, node: ast.expr, bound: frozenset[str] = frozenset()) -> ast.expr:
        """The guarded counterpart of `node`."""
        match node:
            case ast.Constant():
                return self.constant(node)
            case ast.Name(id=name):
                return self.variable(node, name, bound)
            case ast.Attribute(value=value, attr=attr):
                self.check_name(node, attr)
                return _helper("key", self.expression(value, bound), ast.Constant(attr))
            case ast.Subscript(value=value, slice=index) if not isinstance(index, ast.Slice):
                return _helper("item", self.expression(value, bound), self.expression(index, bound))
            case ast.BoolOp(op=op, values=values):
                return ast.BoolOp(op, [self.condition(value, bound) for value in values])
            case ast.UnaryOp(op=ast.Not() as op, operand=operand):
                return ast.UnaryOp(op, self.condition(operand, bound))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return _helper("subtract", ast.Constant(0), self.expression(operand, bound))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
                if self.strict and isinstance(op, ast.Pow | ast.FloorDiv):
                    self.refuse(node, say("“**” and “//” have no place in JUEL: use * or /"))
                name = _ARITHMETIC[type(op)]
                helper = self.signs.get(name, name)
                return _helper(helper, self.expression(left, bound), self.expression(right, bound))
            case ast.Compare():
                return self.comparison(node, bound)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                yes, no = self.expression(body, bound), self.expression(orelse, bound)
                return ast.IfExp(self.condition(test, bound), yes, no)
            case ast.List(elts=elts) | ast.Tuple(elts=elts):
                return _list([self.expression(item, bound) for item in elts])
            case ast.Dict(keys=keys, values=values):
                return self.record(node, keys, values, bound)
            case ast.ListComp(elt=elt, generators=generators):
                return self.comprehension(elt, generators, bound)
            case ast.Call():
                return self.call(node, bound)
        return self.refuse(node, say("this is not part of the language; {allowed}", allowed=allowed()))

    def condition(self, node: ast.expr, bound: frozenset[str]) -> ast.expr:
        """`node` where a yes or no is wanted."""
        made = self.expression(node, bound)
        return _helper("truth", made) if self.strict else made

    def check_name(self, node: ast.AST, name: str) -> None:
        if name.startswith("_"):
            self.refuse(node, say("“{name}”: a name can't begin with “_”", name=name))

    def constant(self, node: ast.Constant) -> ast.expr:
        value = node.value
        if type(value) not in _TYPES:
            self.refuse(node, say("this is not part of the language; {allowed}", allowed=allowed()))
        if isinstance(value, int | float) and not (math.isfinite(value) and abs(value) <= runtime.MAX_NUMBER):
            self.refuse(node, say("the number is too large"))
        return ast.Constant(value)

    def variable(self, node: ast.expr, name: str, bound: frozenset[str]) -> ast.expr:
        if name in _CONSTANTS:
            return ast.Constant(_CONSTANTS[name])
        self.check_name(node, name)
        if name in bound:
            return _name(f"_each_{name}")
        if name not in self.known:
            self.names.add(name)
        return ast.Subscript(_name("_data"), ast.Constant(name), ast.Load())

    def comparison(self, node: ast.Compare, bound: frozenset[str]) -> ast.expr:
        helpers = []
        for op in node.ops:
            if type(op) not in _COMPARISONS:
                self.refuse(
                    node,
                    say("“is” is not part of the language: write == or !=; {allowed}", allowed=allowed()),
                )
            name = _COMPARISONS[type(op)]
            helpers.append(self.signs.get(name, name))
        values = [self.expression(value, bound) for value in (node.left, *node.comparators)]
        if len(helpers) == 1:
            return _helper(helpers[0], *values)
        if self.strict:
            self.refuse(node, say("comparisons can't be chained here: join them with “and”"))
        return _helper("chain", _list([_name(f"_{name}") for name in helpers]), _list(values))

    def record(
        self, node: ast.Dict, keys: list[ast.expr | None], values: list[ast.expr], bound: frozenset[str]
    ) -> ast.expr:
        for key in keys:
            if not (isinstance(key, ast.Constant) and isinstance(key.value, str)):
                self.refuse(key or node, say("the keys of a record must be quoted texts"))
        return ast.Dict(list(keys), [self.expression(value, bound) for value in values])

    def comprehension(
        self, element: ast.expr, generators: list[ast.comprehension], bound: frozenset[str]
    ) -> ast.expr:
        made = []
        for generator in generators:
            target = generator.target
            if not isinstance(target, ast.Name) or target.id in _CONSTANTS or generator.is_async:
                self.refuse(target, say("“for” goes with one name"))
            self.check_name(target, target.id)
            source = _helper("each", _name("_run"), self.expression(generator.iter, bound))
            bound |= {target.id}
            tests = [self.condition(test, bound) for test in generator.ifs]
            variable = ast.Name(f"_each_{target.id}", ast.Store())
            made.append(ast.comprehension(variable, source, tests, 0))
        return ast.ListComp(self.expression(element, bound), made)

    def call(self, node: ast.Call, bound: frozenset[str]) -> ast.expr:
        if not isinstance(node.func, ast.Name):
            self.refuse(node, say("only these functions can be called: {functions}", functions=_functions()))
        name = node.func.id
        function = runtime.FUNCTIONS.get(name)
        if function is None:
            near = get_close_matches(name, runtime.FUNCTIONS, n=1) or [_functions()]
            what = say("there is no function “{name}” (nearest: {near})", name=name, near=", ".join(near))
            self.refuse(node, what)
        if name == "clock":
            self.name_clock(node)
        args: list[ast.expr] = [_name("_run")] if name in runtime.NEED_RUN else []
        for argument in node.args:
            if isinstance(argument, ast.GeneratorExp) and len(node.args) == 1:
                args.append(self.comprehension(argument.elt, argument.generators, bound))
            else:
                args.append(self.expression(argument, bound))
        keywords = []
        for keyword in node.keywords:
            if keyword.arg is None:
                self.refuse(keyword, say("“**” is not part of the language"))
            keywords.append(ast.keyword(keyword.arg, self.expression(keyword.value, bound)))
        try:
            inspect.signature(function).bind(*args, **{str(k.arg): None for k in keywords})
        except TypeError as error:
            self.refuse(node, say("{name}(): {error}", name=name, error=str(error)))
        return ast.Call(_name(f"_call_{name}"), args, keywords)

    def name_clock(self, node: ast.Call) -> None:
        """Note the clock; a literal, so that whoever publishes the diagram knows which clocks drive it."""
        match node.args:
            case [ast.Constant(value=str(clock))]:
                self.clocks.add(clock)
            case _:
                self.refuse(node, say("a clock is named by its id in quotes: clock('decision')"))

    # --- statements of scripts

    def statements(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """The guarded counterparts of `body`."""
        return [ast.copy_location(self.statement(node), node) for node in body]

    def statement(self, node: ast.stmt) -> ast.stmt:
        match node:
            case ast.Assign(targets=[target], value=value):
                return self.assignment(target, self.expression(value))
            case ast.AugAssign(target=target, op=op, value=value) if type(op) in _ARITHMETIC:
                before = self.expression(target)
                sum_ = _helper(_ARITHMETIC[type(op)], before, self.expression(value))
                return self.assignment(target, sum_)
            case ast.If(test=test, body=body, orelse=orelse):
                condition = self.expression(test)
                before_branches = self.known
                yes = self.statements(body)
                after_yes, self.known = self.known, before_branches
                no = self.statements(orelse)
                self.known &= after_yes
                return ast.If(condition, yes, no)
            case ast.Pass():
                return ast.Pass()
        return self.refuse(
            node,
            say("a script consists of assignments (name = expression), if/elif/else and pass"),
        )

    def assignment(self, target: ast.expr, value: ast.expr) -> ast.stmt:
        path: list[ast.expr] = []
        place = target
        while not isinstance(place, ast.Name):
            match place:
                case ast.Attribute(value=inner, attr=attr):
                    self.check_name(place, attr)
                    path.append(ast.Constant(attr))
                case ast.Subscript(value=inner, slice=index) if not isinstance(index, ast.Slice):
                    path.append(self.expression(index))
                case _:
                    self.refuse(
                        target, say("only a name, or a place in a record or list, can be assigned to")
                    )
            place = inner
        if place.id in _CONSTANTS:
            self.refuse(place, say("“{name}” is a constant", name=place.id))
        self.check_name(place, place.id)
        if path:
            self.variable(place, place.id, frozenset())  # changing a part reads the whole
        self.assigns.add(place.id)
        self.known |= {place.id}
        path.reverse()
        put = _helper("put", _name("_run"), _name("_data"), ast.Constant(place.id), _list(path), value)
        return ast.Expr(put)


def _functions() -> str:
    return ", ".join(runtime.FUNCTIONS)
