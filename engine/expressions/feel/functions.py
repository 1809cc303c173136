"""The functions of FEEL (DMN 1.3 §10.3.4), and beside them those of the house that FEEL has no word for.

Left out are those that take a pattern (`matches`, `replace`, `split`): a pattern can run for ever.
"""

from __future__ import annotations

import decimal
import inspect
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from ...errors import say
from .. import runtime
from ..faults import Failed
from ..runtime import Run, too_large
from . import values
from .values import NUMBERS, Months, expected, given, taken

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


def _to_number(run: Run, text: Any, /) -> Any:
    if text is None:
        return None
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
    return runtime.FUNCTIONS["str"](given(value, run))


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
    "flatten": _flatten,
    "floor": _rounding(decimal.ROUND_FLOOR),
    "get value": _get_value,
    "index of": _index_of,
    "list contains": _list_contains,
    "lower case": _of_text(str.lower, 1),
    "max": _extreme(">"),
    "mean": _mean,
    "median": _median,
    "min": _extreme("<"),
    "modulo": lambda run, dividend, divisor, /: values.modulo(dividend, divisor, run),
    "month of year": _of_day(lambda day: _MONTHS[day.month - 1]),
    "not": _not,
    "now": _now,
    "number": _to_number,
    "odd": _odd,
    "reverse": _reverse,
    "round": _rounding(decimal.ROUND_HALF_UP),
    "round down": _rounding(decimal.ROUND_DOWN),
    "round half down": _rounding(decimal.ROUND_HALF_DOWN),
    "round half up": _rounding(decimal.ROUND_HALF_UP),
    "round up": _rounding(decimal.ROUND_UP),
    "sqrt": _sqrt,
    "starts with": _of_text(str.startswith, 2),
    "string": _string,
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
    **_OWN,
}
"""By name; each takes the `Run` and then what stands in the brackets."""

WHOLE = frozenset({"years_between", "days_between", "count", "len", "int", "string length", "day of year"})
"""Functions whose value is a whole number."""
