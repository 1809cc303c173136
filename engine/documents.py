"""Documents of a case from the definition's own templates (floor 5). The only importer of Jinja2.

A template sees plain data and nothing else: of a value only its keys and indices (no methods, no
attributes), a short list of filters, and the macros of its own files. So a form field named like a
method changes nothing, a template can neither reach into Python nor run for ever, and the same
template and data give the same bytes. What people typed is always escaped; a name that the data
lacks is an error, not a blank on a licence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from functools import wraps
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import (
    FunctionLoader,
    StrictUndefined,
    TemplateNotFound,
    TemplateSyntaxError,
    Undefined,
    meta,
    nodes,
    pass_context,
)
from jinja2.bccache import Bucket, BytecodeCache
from jinja2.compiler import CodeGenerator, Frame
from jinja2.environment import TemplateModule
from jinja2.exceptions import SecurityError, TemplateError
from jinja2.runtime import BlockReference, Context, LoopContext, Macro
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup

from .clock import OFFICE_ZONE, parse_instant
from .errors import NOTHING, Invalid, Problem, Text, say

MAX_OUTPUT = 2_000_000
"""Most characters of one document."""

MAX_VALUE = 250_000
"""Longest text or list that a template may build on the way."""

MAX_TURNS = 100_000
"""Most turns of loops and calls of macros in one document; also the longest range."""

CONTEXT = frozenset(
    (
        *("office", "case", "item", "data", "answers", "step", "clocks", "deemed", "notice"),
        *("actor", "document", "documents", "date", "joint", "materials", "first_contact", "agent"),
        *("people", "units", "signers"),
    )
)
"""The names that a template may use."""

_FILTERS = (
    *("abs", "count", "d", "default", "e", "escape", "first", "float", "groupby", "int", "items", "join"),
    *("last", "length", "list", "lower", "map", "max", "min", "reject", "rejectattr", "replace", "select"),
    *("selectattr", "sort", "string", "sum", "trim", "unique", "upper"),
)

_LARGEST = 10**30
_MOST_COMPILED = 1_000


def render(
    templates: Mapping[str, bytes],
    name: str,
    context: Mapping[str, Any],
    pictures: Mapping[str, str] | None = None,
    parts: Mapping[str, str] | None = None,
    most: int = MAX_OUTPUT,
) -> bytes:
    """The document `name` of `templates` (file name → UTF-8 text), as HTML in UTF-8.

    `context` is plain JSON data under the names of `CONTEXT`; `office.zone` is the zone of local
    dates. `pictures` are SVG texts of `engine.drawing`, which a page puts in as they are: `pictures[name]`;
    `parts` scripts, styles and data that our own code has made safe for their place: `parts[name]`. The
    document has `most` characters at most. Raises `Invalid` (`document.failed`) that names template and
    line for whatever goes wrong.
    """
    environment = _Environment(templates)
    if pictures is not None:
        # What our own painter wrote has been escaped there.
        context = {**context, "pictures": {key: Markup(svg) for key, svg in pictures.items()}}  # noqa: S704
    if parts is not None:
        context = {**context, "parts": {key: Markup(text) for key, text in parts.items()}}  # noqa: S704
    written: list[str] = []
    size = 0
    try:
        for piece in environment.get_template(name).generate(context):
            size += len(piece)
            if size > most:
                raise SecurityError(f"the document grows beyond {most} characters")
            written.append(piece)
        return "".join(written).encode()
    except Exception as error:  # a template is a program: whatever it raises is its failure
        raise _failed(templates, name, error) from error


def check(templates: Mapping[str, bytes], *names: str) -> list[Problem]:
    """What is wrong with the templates `names` and all that they include, before any case uses them:
    syntax, unknown filters, files that are not there, names that no case has."""
    environment = _Environment(templates)
    problems: list[Problem] = []
    open_names, seen = [*names], set()
    while open_names:
        file = open_names.pop()
        if file in seen:
            continue
        seen.add(file)
        try:
            source = environment.source(file)
            tree = environment.parse(source, file, file)
            environment.compile(source, file, file)
        except (TemplateError, UnicodeDecodeError, RecursionError) as error:
            problems.append(_problem(file, _where(templates, file, error)[1], _reason(error)))
            continue
        for other in meta.find_referenced_templates(tree):
            if other is None:
                problems.append(_problem(file, None, say("it takes another template by a computed name")))
            elif other not in templates:
                problems.append(_problem(file, None, say("there is no template {name}", name=other)))
            else:
                open_names.append(other)
        for node in tree.find_all((nodes.Filter, nodes.Test)):
            known = environment.filters if isinstance(node, nodes.Filter) else environment.tests
            if node.name not in known:
                problems.append(
                    _problem(file, node.lineno, say("there is no filter or test {name}", name=node.name))
                )
        for unknown in sorted(meta.find_undeclared_variables(tree) - CONTEXT - _declared(tree)):
            message = say("it uses {name}, which no document has", name=unknown)
            expected = say("one of: {names}", names=", ".join(sorted(CONTEXT)))
            problems.append(_problem(file, None, message, expected))
    return problems


def _declared(tree: nodes.Template) -> set[str]:
    """The names that a template gives itself; Jinja2's own list misses those used inside blocks."""
    names = {node.name for node in tree.find_all(nodes.Name) if node.ctx == "store"}
    names |= {node.name for node in tree.find_all(nodes.Macro)}
    names |= {node.target for node in tree.find_all(nodes.Import)}
    for node in tree.find_all(nodes.FromImport):
        names |= {name if isinstance(name, str) else name[1] for name in node.names}
    return names


def _problem(file: str, line: int | None, message: Text, expected: Text = NOTHING) -> Problem:
    element = f"line {line}" if line else None
    remedy = say("correct the template; processes/README.md lists what it may use")
    return Problem("document.template", "error", file, element, message, expected, remedy=remedy, line=line)


def _failed(templates: Mapping[str, bytes], name: str, error: Exception) -> Invalid:
    file, line = _where(templates, name, error)
    return Invalid(
        "document.failed",
        say("the document {name} can't be made from this case", name=name),
        expected=say("a template that the data of the case can fill"),
        found=say("{file}, line {line}: {reason}", file=file, line=line or "?", reason=_reason(error)),
        remedy=say("have the item's template corrected; nothing was issued, and the step is still open"),
    )


def _where(templates: Mapping[str, bytes], name: str, error: BaseException) -> tuple[str, int | None]:
    """The template and line where `error` arose: the innermost one on its way."""
    if isinstance(error, TemplateSyntaxError):
        return error.name or name, error.lineno
    place: tuple[str, int | None] = (name, None)
    trace = error.__traceback__
    while trace:
        if trace.tb_frame.f_code.co_filename in templates:
            place = trace.tb_frame.f_code.co_filename, trace.tb_lineno
        trace = trace.tb_next
    return place


def _reason(error: Exception) -> Text:
    match error:
        case TemplateNotFound():
            return say("there is no template {name}", name=error.name)
        case UnicodeDecodeError():
            return say("the file is not UTF-8 text")
        case RecursionError():
            return say("it is nested too deeply, or calls itself without end")
    return say("{reason}", reason=str(error) or type(error).__name__)


# --- the sandbox


class _Generator(CodeGenerator):
    """Generates code that counts its turns and measures what it builds."""

    def visit_For(self, node: nodes.For, frame: Frame) -> None:
        turn = nodes.Call(nodes.EnvironmentAttribute("turn"), [], [], None, None, lineno=node.lineno)
        node.body = [nodes.ExprStmt(turn, lineno=node.lineno), *node.body]
        if node.test:
            node.test = nodes.And(turn, node.test, lineno=node.lineno)
        super().visit_For(node, frame)

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:
        self.write("environment.bounded(")
        super().visit_Concat(node, frame)
        self.write(")")

    def visit_AssignBlock(self, node: nodes.AssignBlock, frame: Frame) -> None:
        self.fail("a set block can't be measured: write {% set name = … %}, or a macro", node.lineno)

    def visit_ScopedEvalContextModifier(self, node: nodes.ScopedEvalContextModifier, frame: Frame) -> None:
        self.fail("escaping can't be turned off", node.lineno)


class _Compiled(BytecodeCache):
    """Compiled templates of this process, by name and text: compiling takes longer than an act."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], Any] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give `bucket` its code, if it is known."""
        bucket.code = self._codes.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep the code of `bucket`."""
        if len(self._codes) >= _MOST_COMPILED:
            self._codes.clear()
        self._codes[bucket.key, bucket.checksum] = bucket.code


_COMPILED = _Compiled()


class _Environment(SandboxedEnvironment):
    """An environment for one document: plain data, chosen filters, bounded work."""

    code_generator_class = _Generator
    intercepted_binops = frozenset(("+", "*", "**", "%"))

    def __init__(self, templates: Mapping[str, bytes]) -> None:
        super().__init__(
            loader=FunctionLoader(self._load),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=_printed,
            trim_blocks=True,
            lstrip_blocks=True,
            bytecode_cache=_COMPILED,
        )
        self._templates = templates
        self._turns = 0
        self.filters = {name: self._measured(self.filters[name]) for name in _FILTERS} | _OWN_FILTERS
        self.globals = {"range": self._range}

    def source(self, name: str) -> str:
        """The text of the template `name`. Raises `TemplateNotFound`, UnicodeDecodeError."""
        if name not in self._templates:
            raise TemplateNotFound(name)
        return self._templates[name].decode()

    def _load(self, name: str) -> tuple[str, str, None]:
        return self.source(name), name, None

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`obj.attribute`, which of data is always the key, never a method."""
        return self.getitem(obj, attribute) if isinstance(obj, Mapping) else super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """`obj[argument]`."""
        if isinstance(obj, Mapping):
            return obj[argument] if argument in obj else self.undefined(obj=obj, name=argument)
        return super().getitem(obj, argument)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Attributes are for loops (`loop.index`) and imported macros; data has keys."""
        return isinstance(obj, LoopContext | TemplateModule) and super().is_safe_attribute(obj, attr, value)

    def is_safe_callable(self, obj: Any) -> bool:
        """What the template or this environment made, and nothing else."""
        made = isinstance(obj, Macro | BlockReference | LoopContext | Undefined)
        return made or isinstance(getattr(obj, "__self__", None), LoopContext | _Environment)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        """Call `__obj` from a template; each call is a turn."""
        __self._turns += 1
        if __self._turns > MAX_TURNS:
            raise SecurityError(f"more than {MAX_TURNS} turns of loops and calls of macros")
        return __self.bounded(super().call(__context, __obj, *args, **kwargs))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """`+` as ever; `*` and `%` of numbers only, since they also multiply and format texts; no `**`."""
        numbers = isinstance(left, int | float) and isinstance(right, int | float)
        if operator == "**" or (operator != "+" and not numbers):
            raise SecurityError(f"{operator} is for numbers only, and ** not at all")
        return self.bounded(super().call_binop(context, operator, left, right))

    def turn(self) -> bool:
        """One turn of a loop: `call` counts it."""
        return True

    def bounded(self, value: Any) -> Any:
        """`value`, unless it has grown too large."""
        if isinstance(value, str | list | tuple | dict) and len(value) > MAX_VALUE:
            raise SecurityError(f"a text or list grows beyond {MAX_VALUE}")
        if isinstance(value, int) and abs(value) > _LARGEST:
            raise SecurityError("a number grows beyond all use")
        return value

    def _measured(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def measured(*args: Any, **kwargs: Any) -> Any:
            result = function(*args, **kwargs)
            return self.bounded(list(result) if isinstance(result, Iterator) else result)

        return measured

    def _range(self, *bounds: int) -> range:
        numbers = range(*bounds)
        if len(numbers) > MAX_TURNS:
            raise SecurityError(f"a range of more than {MAX_TURNS}")
        return numbers


def _printed(value: Any) -> Any:
    """How data appears in a document: no `None`, no `True`, no `50.0`, and no list or group as Python
    writes them."""
    match value:
        case None:
            return ""
        case bool():
            return "是" if value else "否"
        case float() if value.is_integer():
            return int(value)
        case str() | int() | float() | Undefined():
            return value
    raise TypeError("only texts, numbers and yes or no can be printed; take a part, or loop over it")


# --- formal dates and amounts


def date_zh(day: date) -> str:
    """`2026年3月2日` (GB/T 9704—2012, 7.3.5.4: Arabic numerals, no leading zeros)."""
    return f"{day.year}年{day.month}月{day.day}日"


def date_words(day: date) -> str:
    """`二〇二六年三月二日`."""

    def small(number: int) -> str:
        tens, ones = divmod(number, 10)
        return ("" if tens < 2 else digits[tens]) + ("十" if tens else "") + (digits[ones] if ones else "")

    digits = "〇一二三四五六七八九"
    year = "".join(digits[int(figure)] for figure in f"{day.year:04}")
    return f"{year}年{small(day.month)}月{small(day.day)}日"


def yuan(amount: float) -> str:
    """An amount of yuan with thousands commas: `1,000.50元`."""
    exact = Decimal(str(amount)).quantize(Decimal("0.01"))
    return f"{exact:,.2f}元".replace(".00元", "元")


def yuan_words(amount: float) -> str:
    """An amount below 10¹² yuan in the capitals of cheques and licences: `壹佰万元整`. ValueError beyond."""
    cents = int((Decimal(str(amount)) * 100).to_integral_value())
    whole, rest = divmod(cents, 100)
    if cents < 0 or whole >= 10**12:
        raise ValueError(f"an amount from 0 to 999,999,999,999.99 yuan, not {amount}")
    digits = "零壹贰叁肆伍陆柒捌玖"
    text, gap, group = "", False, False
    for place, figure in zip(range(len(str(whole)) - 1, -1, -1), str(whole), strict=True):
        if figure == "0":
            gap = bool(text)
        else:
            text += ("零" if gap else "") + digits[int(figure)] + ("", "拾", "佰", "仟")[place % 4]
            gap, group = False, True
        if place % 4 == 0 and group:
            text, group = text + ("", "万", "亿")[place // 4], False
    text = f"{text or '零'}元" if whole or not rest else ""
    jiao, fen = divmod(rest, 10)
    if not rest:
        return text + "整"
    text += f"{digits[jiao]}角" if jiao else "零" if text else ""
    return text + (f"{digits[fen]}分" if fen else "整")


def _local(context: Context, value: str) -> date:
    """The date of an ISO date, or of an instant as it is in the office's zone."""
    if len(value) == len("2026-03-02"):
        return date.fromisoformat(value)
    zone = context.get("office", {}).get("zone", OFFICE_ZONE)
    return parse_instant(value, zone).astimezone(ZoneInfo(zone)).date()


@pass_context
def _date_zh(context: Context, value: str) -> str:
    return date_zh(_local(context, value))


@pass_context
def _date_words(context: Context, value: str) -> str:
    return date_words(_local(context, value))


_OWN_FILTERS: dict[str, Callable[..., Any]] = {
    "date_zh": _date_zh,
    "date_words": _date_words,
    "yuan": yuan,
    "yuan_words": yuan_words,
}
