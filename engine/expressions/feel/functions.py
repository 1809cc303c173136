"""The functions of FEEL (DMN 1.3 §10.3.4), and beside them those of the house that FEEL has no word for.

Left out (`LEFT_OUT` says why) are those that take a pattern, which can run for ever, and those that take a
function. Those between ranges and points are in `intervals`.
"""

from __future__ import annotations

import decimal
import functools
import inspect
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from ...errors import Text, say
from .. import runtime
from ..faults import Failed
from ..runtime import Run, too_large
from . import values
from .intervals import INTERVALS
from .values import NUMBERS, Months, Range, expected, given, taken

# --- what arguments must be


def _number(value: Any) -> Decimal:
    if not isinstance(value, Decimal):
        raise expected(say("a number"), value)
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise expected(say("a text"), value)
    return value


def _list(value: Any) -> list[Any]:
    """A single value stands for a list of one (§10.3.2.9.4)."""
    return value if isinstance(value, list) else [] if value is None else [value]


def _each(items: tuple[Any, ...]) -> list[Any]:
    """`f(list)` and `f(a, b, c)` alike."""
    return _list(items[0]) if len(items) == 1 else list(items)


# --- numbers


def _rounding(mode: str) -> Callable[..., Any]:
    def rounded(run: Run, n: Any, scale: Any = Decimal(0), /) -> Any:
        if n is None or scale is None:
            return None
        places = values.whole(scale)
        if not -18 <= places <= 18:
            raise Failed("expression.value", say("a number is rounded to -18 to 18 digits"))
        try:
            return _number(n).quantize(Decimal(1).scaleb(-places), rounding=mode, context=NUMBERS)
        except decimal.InvalidOperation as error:
            raise too_large() from error

    return rounded


def _abs(run: Run, n: Any, /) -> Any:
    if isinstance(n, timedelta):
        return abs(n)
    if isinstance(n, Months):
        return Months(abs(n.count))
    return None if n is None else NUMBERS.abs(_number(n))


def _sqrt(run: Run, number: Any, /) -> Any:
    return None if number is None or _number(number) < 0 else NUMBERS.sqrt(number)


def _odd(run: Run, number: Any, /) -> Any:
    return None if number is None else values.whole(number) % 2 == 1


def _even(run: Run, number: Any, /) -> Any:
    return None if number is None else values.whole(number) % 2 == 0


def _exp(run: Run, number: Any, /) -> Any:
    return None if number is None else NUMBERS.exp(_number(number))


def _log(run: Run, number: Any, /) -> Any:
    return None if number is None or _number(number) <= 0 else NUMBERS.ln(number)


def _to_number(run: Run, text: Any, grouping: Any = None, point: Any = None, /) -> Any:
    """`number("1 234,5", " ", ",")`: the number that a text writes, with these separators (table 71)."""
    if text is None:
        return None
    if grouping not in (None, " ", ",", ".") or point not in (None, ",", ".") or grouping == (point or "."):
        what = say(
            "number() groups digits with a space, “,” or “.”, and has another sign, “,” or “.”, for the point"
        )
        raise Failed("expression.value", what)
    text = _text(text).replace(grouping or "", "").replace(point or ".", ".")
    if not re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?", _text(text)):
        raise Failed("expression.value", say("“{value}” is not a number", value=text[:40]))
    return NUMBERS.create_decimal(text)


# --- texts


def _string(run: Run, value: Any, /) -> Any:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, values.TEMPORAL):
        return values.written(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, bool):
        return "true" if value else "false"
    return _literal(value, run)


def _literal(value: Any, run: Run) -> str:
    """A value as FEEL writes it within a list, a record or a range: texts stand in quotes there."""
    if value is None:
        found = "null"
    elif isinstance(value, str):
        found = json.dumps(value, ensure_ascii=False)
    elif isinstance(value, list):
        found = "[" + ", ".join(_literal(item, run) for item in value) + "]"
    elif isinstance(value, dict):
        keys = (key if re.fullmatch(r"[^\W\d]\w*", key) else _literal(key, run) for key in value)
        parts = zip(keys, value.values(), strict=True)
        found = "{" + ", ".join(f"{key}: {_literal(item, run)}" for key, item in parts) + "}"
    elif isinstance(value, Range):
        opening, closing = "[" if value.from_low else "(", "]" if value.to_high else ")"
        found = f"{opening}{_literal(value.low, run)}..{_literal(value.high, run)}{closing}"
    else:
        found = _string(run, value)
    values.spent(found, run)
    return found


def _string_join(run: Run, list_: Any, delimiter: Any = None, /) -> Any:
    """The texts of a list in one, null left out."""
    if list_ is None:
        return None
    between = "" if delimiter is None else _text(delimiter)
    return between.join(_text(item) for item in _list(list_) if item is not None)


def _substring(run: Run, string: Any, start: Any, length: Any = None, /) -> Any:
    if string is None or start is None:
        return None
    text, begin = _text(string), values.whole(start)
    begin = begin - 1 if begin > 0 else len(text) + begin
    if begin < 0:
        return ""
    return text[begin:] if length is None else text[begin : begin + max(values.whole(length), 0)]


def _before(run: Run, string: Any, match: Any, /) -> Any:
    if string is None or match is None:
        return None
    return _text(string)[: max(string.find(_text(match)), 0)]


def _after(run: Run, string: Any, match: Any, /) -> Any:
    if string is None or match is None:
        return None
    place = _text(string).find(_text(match))
    return "" if place < 0 else string[place + len(match) :]


def _of_text(compute: Callable[..., Any], count: int) -> Callable[..., Any]:
    """A function of so many texts; null if one of them is."""

    def one(run: Run, string: Any, /) -> Any:
        return None if string is None else compute(_text(string))

    def two(run: Run, string: Any, match: Any, /) -> Any:
        return None if string is None or match is None else compute(_text(string), _text(match))

    return one if count == 1 else two


def _contains(run: Run, string: Any, match: Any, /) -> Any:
    """FEEL's, of texts; the house's, of lists and records."""
    if isinstance(string, list):
        return _list_contains(run, string, match)
    if string is None or match is None:
        return None
    return runtime.within(match, string)


# --- lists


def _list_contains(run: Run, list_: Any, element: Any, /) -> Any:
    if list_ is None:
        return None
    return any(same(item, element, run) for item in _list(list_))


def same(a: Any, b: Any, run: Run) -> bool:
    """Equality that takes values of different kinds for different, as among the items of a list."""
    try:
        return values.equal(a, b, run)
    except Failed:
        return False


def _count(run: Run, list_: Any, /, *value: Any) -> Any:
    if len(value) > 1:
        raise Failed("expression.value", say("count takes a list and, at most, one value"))
    return Decimal(sum(1 for item in _list(list_) if not value or same(item, value[0], run)))


def _extreme(sign: str) -> Callable[..., Any]:
    def extreme(run: Run, /, *items: Any) -> Any:
        best = None
        for number, item in enumerate(_each(items)):
            better = values.ordered(sign, item, item if number == 0 else best, run)
            if better is None:
                return None
            if number == 0 or better:
                best = item
        return best

    return extreme


def _sum(run: Run, /, *items: Any) -> Any:
    numbers = _each(items)
    if not numbers:
        return None
    found = Decimal(0) if isinstance(numbers[0], Decimal) else None
    for item in numbers:
        found = item if found is None else values.add(found, item, run)
        if found is None or isinstance(found, str):
            raise expected(say("a number"), item)
    return found


def _mean(run: Run, /, *items: Any) -> Any:
    return values.divide(_sum(run, *items), Decimal(len(_each(items))), run)


def _median(run: Run, /, *items: Any) -> Any:
    numbers = sorted(_number(item) for item in _each(items))
    if not numbers:
        return None
    low, high = numbers[(len(numbers) - 1) // 2], numbers[len(numbers) // 2]
    return NUMBERS.divide(NUMBERS.add(low, high), Decimal(2))


def _all(run: Run, /, *items: Any) -> Any:
    return _three_valued(_each(items), False)


def _any(run: Run, /, *items: Any) -> Any:
    return _three_valued(_each(items), True)


def _product(run: Run, /, *items: Any) -> Any:
    numbers = [_number(item) for item in _each(items)]
    return functools.reduce(NUMBERS.multiply, numbers) if numbers else None


def _stddev(run: Run, /, *items: Any) -> Any:
    """The deviation of a sample (table 75); null of less than two numbers."""
    numbers = [_number(item) for item in _each(items)]
    if len(numbers) < 2:
        return None
    count = Decimal(len(numbers))
    mean = NUMBERS.divide(functools.reduce(NUMBERS.add, numbers), count)
    squares = [NUMBERS.power(NUMBERS.subtract(number, mean), 2) for number in numbers]
    return NUMBERS.sqrt(NUMBERS.divide(functools.reduce(NUMBERS.add, squares), count - 1))


def _mode(run: Run, /, *items: Any) -> Any:
    """The numbers that are there most often, in order."""
    counts = Counter(_number(item) for item in _each(items))
    most = max(counts.values(), default=0)
    return sorted(number for number, count in counts.items() if count == most)


def _three_valued(items: list[Any], decisive: bool) -> bool | None:
    found = [values.condition(item) for item in items]
    if decisive in found:
        return decisive
    return None if None in found else not decisive


def _not(run: Run, negand: Any, /) -> Any:
    found = values.condition(negand)
    return None if found is None else not found


def _append(run: Run, list_: Any, /, *items: Any) -> Any:
    return _joined([_list(list_), list(items)])


def _concatenate(run: Run, /, *lists: Any) -> Any:
    return _joined([_list(each) for each in lists])


def _joined(lists: list[list[Any]]) -> list[Any]:
    return [item for each in lists for item in each]


def _distinct(run: Run, list_: Any, /) -> Any:
    found: list[Any] = []
    runtime.each(run, _list(list_))
    for item in _list(list_):
        if not any(same(item, other, run) for other in found):
            found.append(item)
    return found


def _union(run: Run, /, *lists: Any) -> Any:
    return _distinct(run, _concatenate(run, *lists))


def _flatten(run: Run, list_: Any, /) -> Any:
    return _joined([_flatten(run, item) if isinstance(item, list) else [item] for item in _list(list_)])


def _index_of(run: Run, list_: Any, match: Any, /) -> Any:
    if list_ is None:
        return None
    return [Decimal(place) for place, item in enumerate(_list(list_), 1) if same(item, match, run)]


def _reverse(run: Run, list_: Any, /) -> Any:
    return _list(list_)[::-1]


def _sublist(run: Run, list_: Any, start: Any, length: Any = None, /) -> Any:
    items, begin = _list(list_), values.whole(start)
    begin = begin - 1 if begin > 0 else len(items) + begin
    if not 0 <= begin < len(items):
        return None
    return items[begin:] if length is None else items[begin : begin + max(values.whole(length), 0)]


def _place(items: list[Any], position: Any) -> int | None:
    """The index of a position, from 1, or from the end if negative; None if there is none."""
    place = values.whole(position)
    return place - 1 if 1 <= place <= len(items) else len(items) + place if -len(items) <= place < 0 else None


def _changed(change: Callable[[list[Any], int, Any], list[Any]]) -> Callable[..., Any]:
    """A function that gives a list with something else at a position; null if it has no such position."""

    def changed(run: Run, list_: Any, position: Any, new: Any = None, /) -> Any:
        if list_ is None or position is None:
            return None
        items = _list(list_)
        place = _place(items, position)
        return None if place is None else change(items, place, new)

    return changed


_insert_before = _changed(lambda items, place, new: [*items[:place], new, *items[place:]])
_list_replace = _changed(lambda items, place, new: [*items[:place], new, *items[place + 1 :]])
_remove_at = _changed(lambda items, place, _: [*items[:place], *items[place + 1 :]])


def _remove(run: Run, list_: Any, position: Any, /) -> Any:
    return _remove_at(run, list_, position)


# --- contexts


def _record(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise expected(say("a record"), value)
    return value


def _get_entries(run: Run, m: Any, /) -> Any:
    return None if m is None else [{"key": key, "value": value} for key, value in _record(m).items()]


def _context(run: Run, entries: Any, /) -> Any:
    """A record of `{key, value}` entries; a key twice is a mistake."""
    if entries is None:
        return None
    found: dict[str, Any] = {}
    for entry in _list(entries):
        key = _text(values.part(_record(entry), "key"))
        if key in found:
            raise Failed("expression.value", say("the key “{key}” is there twice", key=key))
        found[key] = values.part(entry, "value")
    return found


def _context_put(run: Run, context: Any, key: Any, value: Any, /) -> Any:
    """The record with another value at `key`, or at a way of keys."""
    if context is None or key is None:
        return None
    first, *others = [_text(name) for name in _list(key)] or [""]
    record = _record(context)
    return {**record, first: _context_put(run, record.get(first, {}), others, value) if others else value}


def _context_merge(run: Run, contexts: Any, /) -> Any:
    """One record of several, the later ones over the earlier."""
    return None if contexts is None else {k: v for one in _list(contexts) for k, v in _record(one).items()}


def _is(run: Run, value1: Any, value2: Any, /) -> Any:
    """Whether both are of one kind and equal: a text is no date here."""
    return type(value1) is type(value2) and same(value1, value2, run)


def _get_value(run: Run, m: Any, key: Any, /) -> Any:
    return m.get(key) if isinstance(m, dict) else None


# --- dates, times, durations


def _today(run: Run, /) -> Any:
    return run.now.astimezone(ZoneInfo(run.zone)).date()


def _now(run: Run, /) -> Any:
    return run.now.astimezone(ZoneInfo(run.zone))


def _date(run: Run, first: Any, month: Any = None, day: Any = None, /) -> Any:
    """`date("2026-03-01")`, `date(2026, 3, 1)`, or the day of a date and time."""
    if first is None:
        return None
    if isinstance(first, datetime):
        return first.date()
    if isinstance(first, date):
        return first
    if isinstance(first, str):
        return values.read_date(first, run)
    return _made(lambda: date(values.whole(first), values.whole(month), values.whole(day)))


def _time(run: Run, first: Any, minute: Any = None, second: Any = None, offset: Any = None, /) -> Any:
    """`time("09:30:00")`, `time(9, 30, 0)`, or the time of a date and time."""
    if first is None:
        return None
    if isinstance(first, datetime):
        return first.timetz()
    if isinstance(first, time):
        return first
    if isinstance(first, str):
        return values.read_time(first)
    if offset is not None:
        raise Failed("expression.value", say("a time's offset stands in its text: “09:30:00+08:00”"))
    return _made(lambda: time(values.whole(first), values.whole(minute), values.whole(second)))


def _made(make: Callable[[], Any]) -> Any:
    try:
        return make()
    except (ValueError, OverflowError) as error:
        raise Failed("expression.value", say("this has no value ({error})", error=str(error))) from error


def _date_and_time(run: Run, first: Any, second: Any = None, /) -> Any:
    """`date and time("2026-03-01T09:30:00")`, or of a date and a time."""
    if first is None:
        return None
    if second is None and isinstance(first, str):
        return values.read_moment(first, run)
    day, clock = _date(run, first), _time(run, second)
    if not isinstance(day, date) or not isinstance(clock, time):
        raise values.mismatch("date and time", first, second)
    return datetime.combine(day, clock, clock.tzinfo or ZoneInfo(run.zone))


def _duration(run: Run, text: Any, /) -> Any:
    return None if text is None else values.read_duration(_text(text))


def _months_between(run: Run, start: Any, end: Any, /) -> Any:
    """Full months from one date to another."""
    if start is None or end is None:
        return None
    first, last = _date(run, start), _date(run, end)
    if last < first:
        return Months(-_months_between(run, last, first).count)
    count = (last.year - first.year) * 12 + last.month - first.month
    return Months(count - (last.day < first.day))


_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


def _of_day(compute: Callable[[date], Any]) -> Callable[..., Any]:
    def of_day(run: Run, date_: Any, /) -> Any:
        return None if date_ is None else taken(compute(_date(run, date_)))

    return of_day


def _house(function: Callable[..., Any], need_run: bool) -> Callable[..., Any]:
    """A function of the language itself, on FEEL's values."""

    def called(run: Run, /, *args: Any) -> Any:
        plain = [given(arg, run) for arg in args]
        return taken(function(run, *plain) if need_run else function(*plain))

    signature = inspect.signature(function)
    called.__signature__ = signature if need_run else _with_run(signature)  # type: ignore[attr-defined]
    return called


def _with_run(signature: inspect.Signature) -> inspect.Signature:
    run = inspect.Parameter("run", inspect.Parameter.POSITIONAL_ONLY)
    return signature.replace(parameters=[run, *signature.parameters.values()])


_OWN: dict[str, Callable[..., Any]] = {
    "abs": _abs,
    "all": _all,
    "any": _any,
    "append": _append,
    "ceiling": _rounding(decimal.ROUND_CEILING),
    "concatenate": _concatenate,
    "context": _context,
    "context merge": _context_merge,
    "context put": _context_put,
    "contains": _contains,
    "count": _count,
    "date": _date,
    "date and time": _date_and_time,
    "day of week": _of_day(lambda day: _WEEKDAYS[day.weekday()]),
    "day of year": _of_day(lambda day: day.timetuple().tm_yday),
    "decimal": _rounding(decimal.ROUND_HALF_EVEN),
    "distinct values": _distinct,
    "duration": _duration,
    "ends with": _of_text(str.endswith, 2),
    "even": _even,
    "exp": _exp,
    "flatten": _flatten,
    "floor": _rounding(decimal.ROUND_FLOOR),
    "get entries": _get_entries,
    "get value": _get_value,
    "index of": _index_of,
    "insert before": _insert_before,
    "is": _is,
    "list contains": _list_contains,
    "list replace": _list_replace,
    "log": _log,
    "lower case": _of_text(str.lower, 1),
    "max": _extreme(">"),
    "mean": _mean,
    "median": _median,
    "min": _extreme("<"),
    "mode": _mode,
    "modulo": lambda run, dividend, divisor, /: values.modulo(dividend, divisor, run),
    "month of year": _of_day(lambda day: _MONTHS[day.month - 1]),
    "not": _not,
    "now": _now,
    "number": _to_number,
    "odd": _odd,
    "product": _product,
    "remove": _remove,
    "reverse": _reverse,
    "round": _rounding(decimal.ROUND_HALF_UP),
    "round down": _rounding(decimal.ROUND_DOWN),
    "round half down": _rounding(decimal.ROUND_HALF_DOWN),
    "round half up": _rounding(decimal.ROUND_HALF_UP),
    "round up": _rounding(decimal.ROUND_UP),
    "sqrt": _sqrt,
    "starts with": _of_text(str.startswith, 2),
    "stddev": _stddev,
    "string": _string,
    "string join": _string_join,
    "string length": _of_text(lambda text: Decimal(len(text)), 1),
    "sublist": _sublist,
    "substring": _substring,
    "substring after": _after,
    "substring before": _before,
    "sum": _sum,
    "time": _time,
    "today": _today,
    "union": _union,
    "upper case": _of_text(str.upper, 1),
    "week of year": _of_day(lambda day: day.isocalendar().week),
    "years and months duration": _months_between,
}

FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    **{
        name: _house(function, name in runtime.NEED_RUN)
        for name, function in runtime.FUNCTIONS.items()
        if name not in _OWN
    },
    **INTERVALS,
    **_OWN,
}
"""By name; each takes the `Run` and then what stands in the brackets."""

WHOLE = frozenset({"years_between", "days_between", "count", "len", "int", "string length", "day of year"})
"""Functions whose value is a whole number."""

_ONE_LIST = ("all", "any", "count", "distinct values", "flatten", "max", "mean", "median", "min", "mode")
_OF_NUMBER = ("even", "exp", "log", "odd", "sqrt")
_OF_MATCH = ("contains", "ends with", "starts with", "substring after", "substring before")
_OF_DAY = ("day of week", "day of year", "month of year", "week of year")
_ROUNDED = ("round down", "round half down", "round half up", "round up", "ceiling", "decimal", "floor")

PARAMETERS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    **dict.fromkeys((*_ONE_LIST, "product", "reverse", "stddev", "sum"), (("list",),)),
    **dict.fromkeys(_OF_NUMBER, (("number",),)),
    **dict.fromkeys(_OF_MATCH, (("string", "match"),)),
    **dict.fromkeys(_OF_DAY, (("date",),)),
    **dict.fromkeys(_ROUNDED, (("n", "scale"),)),
    **dict.fromkeys(("lower case", "string length", "upper case"), (("string",),)),
    "abs": (("n",),),
    "context": (("entries",),),
    "context merge": (("contexts",),),
    "context put": (("context", "key", "value"), ("context", "keys", "value")),
    "date": (("from",), ("year", "month", "day")),
    "date and time": (("from",), ("date", "time")),
    "duration": (("from",),),
    "get entries": (("m",),),
    "get value": (("m", "key"),),
    "index of": (("list", "match"),),
    "insert before": (("list", "position", "newItem"),),
    "is": (("value1", "value2"),),
    "list contains": (("list", "element"),),
    "list replace": (("list", "position", "newItem"),),
    "modulo": (("dividend", "divisor"),),
    "not": (("negand",),),
    "number": (("from", "grouping separator", "decimal separator"),),
    "remove": (("list", "position"),),
    "string": (("from",),),
    "string join": (("list", "delimiter"),),
    "sublist": (("list", "start position", "length"),),
    "substring": (("string", "start position", "length"),),
    "time": (("from",), ("hour", "minute", "second", "offset")),
    "years and months duration": (("from", "to"),),
}
"""What the standard calls their values, so that they can be given by name: one order or several."""

_PATTERN = say(
    "it takes a pattern, which can run for ever; use contains(), starts with() or substring before()"
)
_FUNCTION = say("functions are only defined in the rows of a boxed context, or as knowledge models")
LEFT_OUT: Mapping[str, Text] = {
    **dict.fromkeys(("matches", "replace", "split"), _PATTERN),
    **dict.fromkeys(("function", "sort"), _FUNCTION),
}
"""Functions of the standard that are not here, and why."""
