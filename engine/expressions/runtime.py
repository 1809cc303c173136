"""What compiled expressions may call: guarded operators, and the functions of the language.

Everything here takes and returns plain JSON values, raises `Failed` on a wrong kind of value, and is
bounded: whole numbers by `MAX_NUMBER`, texts and structures by `MAX_SIZE`, loops by `MAX_ROUNDS`.
"""

from __future__ import annotations

import json
import math
import operator
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from difflib import get_close_matches
from functools import reduce
from typing import Any
from zoneinfo import ZoneInfo

from ..clock import NotATime, Term, parse_cycle, parse_instant, write_instant
from ..errors import Text, say
from .faults import Failed

MAX_NUMBER = 10**18
MAX_SIZE = 1_000_000
"""Values and characters of text in one result, or written by one script."""
MAX_ROUNDS = 10_000
"""Rounds of all comprehensions in one evaluation together."""
MAX_SPAN = 9999
"""Units of a term, and times of a repetition."""

NUMBERS = frozenset({int, float})


class Run:
    """One evaluation: its instant and zone, what it may still spend, what a script has written."""

    __slots__ = ("now", "room", "rounds", "written", "zone")

    def __init__(self, now: datetime, zone: str) -> None:
        self.now = now
        self.zone = zone
        self.rounds = MAX_ROUNDS
        self.room = MAX_SIZE
        self.written: dict[str, None] = {}


# --- kinds of values


def kind(value: Any) -> Text:
    """What sort of value this is, in words."""
    if value is None:
        return say("nothing (null)")
    if isinstance(value, bool):
        return say("a yes/no value")
    if isinstance(value, int | float):
        return say("a number")
    if isinstance(value, str):
        return say("a text")
    if isinstance(value, list):
        return say("a list")
    if isinstance(value, dict):
        return say("a record")
    return say("a value that is not JSON ({type})", type=type(value).__name__)


def _expected(what: Text, value: Any) -> Failed:
    return Failed("expression.type", say("expected {what}, found {found}", what=what, found=kind(value)))


def _mismatch(sign: str, a: Any, b: Any) -> Failed:
    return Failed(
        "expression.type",
        say("“{sign}” does not work between {a} and {b}", sign=sign, a=kind(a), b=kind(b)),
    )


def too_large() -> Failed:
    """The failure of whatever outgrows the bounds of this module."""
    return Failed("expression.too_large", say("the result is too large"))


def unknown_name(name: str, known: Iterable[Any]) -> Failed:
    """The failure of reading a variable that the data does not have."""
    return Failed(
        "expression.unknown_name",
        say("there is no variable “{name}” {nearest}", name=name, nearest=_nearest(name, known)),
    )


def _nearest(name: str, known: Iterable[Any]) -> Text:
    names = sorted(key for key in known if isinstance(key, str) and not key.startswith("_"))
    close = get_close_matches(name, names, n=3) or names[:5]
    if not close:
        return say("(there are none)")
    return say("(nearest: {names})", names=", ".join(close))


# --- results


def plain(value: Any, run: Run) -> Any:
    """`value` as JSON data that shares nothing with where it came from."""
    if value is None or type(value) in (bool, int):
        return value
    if type(value) is str:
        run.room -= len(value)
    elif type(value) is float:
        if not math.isfinite(value):
            raise too_large()
    elif isinstance(value, list | dict):
        run.room -= 1 + len(value)
    else:
        raise Failed("expression.type", say("the result is {found}", found=kind(value)))
    if run.room < 0:
        raise too_large()
    if isinstance(value, list):
        return [plain(item, run) for item in value]
    if isinstance(value, dict):
        if not all(type(key) is str for key in value):
            raise Failed("expression.type", say("the keys of a record must be texts"))
        return {key: plain(item, run) for key, item in value.items()}
    return value


def _number(value: Any) -> Any:
    if type(value) is int:
        if -MAX_NUMBER <= value <= MAX_NUMBER:
            return value
    elif type(value) is float and math.isfinite(value):
        return value
    raise too_large()


# --- operators


def add(a: Any, b: Any) -> Any:
    """Sum of numbers; texts or lists joined."""
    if type(a) in NUMBERS and type(b) in NUMBERS:
        return _number(a + b)
    if type(a) is type(b) and type(a) in (str, list):
        if len(a) + len(b) > MAX_SIZE:
            raise too_large()
        return a + b
    raise _mismatch("+", a, b)


def _arithmetic(sign: str, compute: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def run(a: Any, b: Any) -> Any:
        if type(a) in NUMBERS and type(b) in NUMBERS:
            return _number(compute(a, b))
        raise _mismatch(sign, a, b)

    return run


def _power(a: Any, b: Any) -> Any:
    if type(a) is int and type(b) is int and a.bit_length() * b > 64:
        raise too_large()
    return a**b


def _remainder(a: Any, b: Any) -> Any:
    """As Java computes it, with the sign of `a`."""
    rest = abs(a) % abs(b)
    return rest if a >= 0 else -rest


add_numbers = _arithmetic("+", operator.add)
subtract = _arithmetic("-", operator.sub)
multiply = _arithmetic("*", operator.mul)
divide = _arithmetic("/", operator.truediv)
floor_divide = _arithmetic("//", operator.floordiv)
modulo = _arithmetic("%", operator.mod)
remainder = _arithmetic("%", _remainder)
power = _arithmetic("**", _power)


def equal(a: Any, b: Any) -> bool:
    """Whether two values are the same, as Python sees it (so `1 == 1.0`)."""
    if isinstance(a, list | dict) and isinstance(b, list | dict):
        return _same(a, b, [MAX_SIZE])
    return bool(a == b)


def _same(a: Any, b: Any, room: list[int]) -> bool:
    # Counted, because a small text can nest one list into itself many times over.
    room[0] -= 1
    if room[0] < 0:
        raise too_large()
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_same(x, y, room) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[key], b[key], room) for key in a)
    return bool(a == b)


def unequal(a: Any, b: Any) -> bool:
    """The contrary of `equal`."""
    return not equal(a, b)


def equal_kinds(a: Any, b: Any) -> bool:
    """Equality in JUEL and FEEL: they convert between kinds, each in its own way, so only values of one
    kind (or null) are compared here."""
    if a is None or b is None or type(a) is type(b) or (type(a) in NUMBERS and type(b) in NUMBERS):
        return equal(a, b)
    raise _mismatch("=", a, b)


def unequal_kinds(a: Any, b: Any) -> bool:
    """The contrary of `equal_kinds`."""
    return not equal_kinds(a, b)


def _ordering(sign: str, compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def run(a: Any, b: Any) -> bool:
        if (type(a) in NUMBERS and type(b) in NUMBERS) or (type(a) is str and type(b) is str):
            return compare(a, b)
        raise _mismatch(sign, a, b)

    return run


less = _ordering("<", operator.lt)
less_equal = _ordering("<=", operator.le)
greater = _ordering(">", operator.gt)
greater_equal = _ordering(">=", operator.ge)


def within(item: Any, container: Any) -> bool:
    """`item in container`: a value of a list, a key of a record, a part of a text."""
    if isinstance(container, list):
        return any(equal(item, other) for other in container)
    if isinstance(container, dict):
        return type(item) is str and item in container
    if isinstance(container, str) and isinstance(item, str):
        return item in container
    raise _mismatch("in", item, container)


def not_within(item: Any, container: Any) -> bool:
    """The contrary of `within`."""
    return not within(item, container)


def chain(comparisons: list[Callable[[Any, Any], bool]], values: list[Any]) -> bool:
    """`a < b <= c`: every comparison holds between its neighbours."""
    return all(compare(a, b) for compare, a, b in zip(comparisons, values, values[1:], strict=False))


def truth(value: Any) -> bool:
    """A condition in JUEL or FEEL. JUEL takes the text "false" for false and Python takes it for true:
    so only yes/no values are conditions there."""
    if isinstance(value, bool):
        return value
    raise _expected(say("a yes/no value"), value)


# --- parts of values


def key(record: Any, name: str) -> Any:
    """`record.name`: the value under a key, never an attribute."""
    if not isinstance(record, dict):
        raise Failed(
            "expression.type",
            say("“.{name}” is asked of {found}, not of a record", name=name, found=kind(record)),
        )
    if name not in record:
        raise Failed(
            "expression.unknown_key",
            say("there is no key “{name}” {nearest}", name=name, nearest=_nearest(name, record)),
        )
    return record[name]


def item(value: Any, index: Any) -> Any:
    """`value[index]`: under a key of a record, or at a place (from 0; -1 is the last) of a list or text."""
    if isinstance(value, dict) and isinstance(index, str):
        return key(value, index)
    if isinstance(value, list | str) and type(index) is int:
        _check_place(value, index)
        return value[index]
    raise _mismatch("[ ]", value, index)


def _check_place(value: list[Any] | str, index: int) -> None:
    if not -len(value) <= index < len(value):
        raise Failed(
            "expression.unknown_key",
            say("there is no place {index} among {count}", index=index, count=len(value)),
        )


def each(run: Run, value: Any) -> Any:
    """What a comprehension goes through: a list, or the keys of a record."""
    if not isinstance(value, list | dict):
        raise _expected(say("a list"), value)
    run.rounds -= len(value)
    if run.rounds < 0:
        raise Failed("expression.too_long", say("more than {limit} rounds of “for”", limit=MAX_ROUNDS))
    return value


def put(run: Run, scope: dict[str, Any], name: str, path: list[Any], value: Any) -> None:
    """A script's assignment to `name`, or to the place `path` within it. Copies before it changes."""
    value = plain(value, run)
    if not path:
        scope[name] = value
    else:
        if name not in run.written:
            scope[name] = plain(scope[name], run)
        target = scope[name]
        for step in path[:-1]:
            target = item(target, step)
        last = path[-1]
        if isinstance(target, dict) and type(last) is str:
            target[last] = value
        elif isinstance(target, list) and type(last) is int:
            _check_place(target, last)
            target[last] = value
        else:
            raise _mismatch("[ ] =", target, last)
    run.written[name] = None


# --- functions of the language; a leading `run` is passed by the compiler, not written in the text


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise _expected(say("a list"), value)
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _expected(say("a text"), value)
    return value


def _len(value: Any, /) -> int:
    if not isinstance(value, list | dict | str):
        raise _expected(say("a list"), value)
    return len(value)


_NO_DEFAULT = object()


def _extreme(better: Callable[[Any, Any], bool], values: tuple[Any, ...], default: Any) -> Any:
    items = _list(values[0]) if len(values) == 1 else list(values)
    if not items:
        if default is _NO_DEFAULT:
            raise Failed("expression.value", say("min and max of an empty list need default=…"))
        return default
    better(items[0], items[0])  # refuses a lone value that has no order
    return reduce(lambda a, b: b if better(b, a) else a, items)


def _min(first: Any, /, *rest: Any, default: Any = _NO_DEFAULT) -> Any:
    return _extreme(less, (first, *rest), default)


def _max(first: Any, /, *rest: Any, default: Any = _NO_DEFAULT) -> Any:
    return _extreme(greater, (first, *rest), default)


def _sum(items: Any, /) -> Any:
    # Added one by one: Python's own sum() of floats changed in 3.12, and a history must not.
    return reduce(add_numbers, (int(x) if isinstance(x, bool) else x for x in _list(items)), 0)


def _abs(value: Any, /) -> Any:
    return value if greater_equal(value, 0) else subtract(0, value)


def _round(value: Any, digits: Any = None, /) -> Any:
    """Half away from zero (四舍五入), on the number as it is written: `round(2.675, 2)` is 2.68."""
    if type(value) not in NUMBERS:
        raise _expected(say("a number"), value)
    places = 0 if digits is None else digits
    if type(places) is not int or not -18 <= places <= 18:
        raise Failed("expression.value", say("a number is rounded to -18 to 18 digits"))
    if type(value) is float and abs(value) > MAX_NUMBER:
        raise too_large()
    rounded = Decimal(repr(value)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    return _number(int(rounded) if digits is None or type(value) is int else float(rounded))


def _int(value: Any, /) -> int:
    if not isinstance(value, int | float | str):
        raise _expected(say("a number"), value)
    try:
        return _number(int(value))  # type: ignore[no-any-return]
    except ValueError as error:
        raise _not_a_number(value) from error


def _float(value: Any, /) -> float:
    if not isinstance(value, int | float | str):
        raise _expected(say("a number"), value)
    try:
        return _number(float(value))  # type: ignore[no-any-return]
    except ValueError as error:
        raise _not_a_number(value) from error


def _not_a_number(value: Any) -> Failed:
    return Failed("expression.value", say("“{value}” is not a number", value=value))


def _str(value: Any, /) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list | dict):
        raise _expected(say("a single value"), value)
    return json.dumps(value)


def _bool(value: Any, /) -> bool:
    if isinstance(value, str):
        if value not in ("true", "false"):
            raise Failed("expression.value", say("“{value}” is neither true nor false", value=value))
        return value == "true"
    return bool(value)


def _any(items: Any, /) -> bool:
    return any(_list(items))


def _all(items: Any, /) -> bool:
    return all(_list(items))


def _sorted(items: Any, /, *, reverse: Any = False) -> list[Any]:
    values = _list(items)
    for value in values:
        less(values[0], value)  # refuses values of different kinds, and those without an order
    return sorted(values, reverse=truth(reverse))


def _count(items: Any, /, *value: Any) -> int:
    if len(value) > 1:
        raise Failed("expression.value", say("count takes a list and, at most, one value"))
    return sum(1 for other in _list(items) if not value or equal(other, value[0]))


def _empty(value: Any, /) -> bool:
    return value is None or (isinstance(value, str | list | dict) and not value)


def _contains(container: Any, item: Any, /) -> bool:
    return within(item, container)


def _upper(value: Any, /) -> str:
    return _text(value).upper()


def _lower(value: Any, /) -> str:
    return _text(value).lower()


def _today(run: Run, /) -> str:
    return run.now.astimezone(ZoneInfo(run.zone)).date().isoformat()


def _now(run: Run, /) -> str:
    return write_instant(run.now)


def _day(run: Run, value: Any) -> date:
    text = _text(value)
    try:
        return parse_instant(text, run.zone).astimezone(ZoneInfo(run.zone)).date()
    except (NotATime, OverflowError) as error:
        raise Failed(
            "expression.value",
            say("“{value}” is not a date (expected 2026-03-01)", value=text[:40]),
        ) from error


def _date(run: Run, value: Any, /) -> str:
    return _day(run, value).isoformat()


def _years_between(run: Run, start: Any, end: Any, /) -> int:
    """Full years from `start` to `end`, negative if `end` is earlier. Who is born on 29 February
    completes a year on 28 February of a common year: without a corresponding day, a period of years
    ends on the month's last day (Civil Code art. 202)."""
    first, last = _day(run, start), _day(run, end)
    if last < first:
        return -_full_years(last, first)
    return _full_years(first, last)


def _full_years(first: date, last: date) -> int:
    try:
        anniversary = first.replace(year=last.year)
    except ValueError:
        anniversary = date(last.year, 2, 28)
    return last.year - first.year - (last < anniversary)


def _days_between(run: Run, start: Any, end: Any, /) -> int:
    return (_day(run, end) - _day(run, start)).days


def _whole(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= MAX_SPAN:
        raise Failed(
            "expression.value", say("a time span is a whole number from 1 to {limit}", limit=MAX_SPAN)
        )
    return value


def _workdays(number: Any, /) -> str:
    return str(Term(_whole(number), "wd"))


def _days(number: Any, /) -> str:
    return str(Term(_whole(number), "d"))


def _hours(number: Any, /) -> str:
    return str(Term(_whole(number), "h"))


def _clock(name: Any, /) -> str:
    return f"clock:{_text(name)}"


def _every(span: Any, /, *times: Any) -> str:
    """A cycle: for ever, or so many times."""
    if len(times) > 1:
        raise Failed("expression.value", say("every takes a time span and, at most, how many times"))
    text = _text(span)
    cycle = f"R{_whole(times[0]) if times else ''}/{text}"
    try:
        if parse_cycle(cycle).every != text:  # a start before the time span
            raise NotATime(text)
    except NotATime as error:
        raise Failed(
            "expression.value",
            say(
                "“{value}” is not a time span (expected workdays(5), days(5), hours(5) or P5D)",
                value=text[:40],
            ),
        ) from error
    return cycle


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "abs": _abs,
    "all": _all,
    "any": _any,
    "bool": _bool,
    "clock": _clock,
    "contains": _contains,
    "count": _count,
    "date": _date,
    "days": _days,
    "days_between": _days_between,
    "empty": _empty,
    "every": _every,
    "float": _float,
    "hours": _hours,
    "int": _int,
    "len": _len,
    "lower": _lower,
    "max": _max,
    "min": _min,
    "now": _now,
    "round": _round,
    "sorted": _sorted,
    "str": _str,
    "sum": _sum,
    "today": _today,
    "upper": _upper,
    "workdays": _workdays,
    "years_between": _years_between,
}

NEED_RUN = frozenset({"date", "days_between", "now", "today", "years_between"})
"""The functions that get the `Run` as their first argument."""
