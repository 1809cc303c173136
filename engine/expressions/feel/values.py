"""The values of FEEL and what its operators do with them (DMN 1.3 §10.3.2).

Plain JSON data come in (`taken`) and go out (`given`); in between numbers are decimals of 34 digits
(§10.3.2.3.1), so money is exact, and dates, times and durations are values of their own. null where the
standard says null: an operand that is null, a division by zero. Where the standard makes null of a
*mistake* (`1 + "a"`, a date that is none, a key that is not there) it is `Failed`: the case stops and says
so, rather than go on with a decision that nobody took.

Data know dates only as texts: beside a date, a time or a duration a text is read as one.
"""

from __future__ import annotations

import decimal
import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from ...clock import NotATime, parse_instant, write_instant
from ...errors import Text, say
from .. import runtime
from ..faults import Failed
from ..runtime import MAX_NUMBER, Run, too_large

NUMBERS = decimal.Context(
    prec=34,
    rounding=decimal.ROUND_HALF_EVEN,
    Emin=-6143,
    Emax=6144,
    traps=[decimal.InvalidOperation, decimal.Overflow],
)
"""IEEE 754 decimal128."""


@dataclass(frozen=True, slots=True)
class Months:
    """A years and months duration."""

    count: int


@dataclass(frozen=True, slots=True)
class Range:
    """What lies between `low` and `high`, with them where `from_low` and `to_high` say so."""

    low: Any
    high: Any
    from_low: bool
    to_high: bool


TEMPORAL = (date, time, timedelta, Months)
"""(A `datetime` is a `date`, too.)"""

# --- what things are


def kind(value: Any) -> Text:
    """What sort of value this is, in words."""
    if isinstance(value, Decimal):
        return say("a number")
    if isinstance(value, datetime):
        return say("a date and time")
    if isinstance(value, date):
        return say("a date")
    if isinstance(value, time):
        return say("a time of day")
    if isinstance(value, timedelta | Months):
        return say("a duration")
    if isinstance(value, Range):
        return say("a range")
    return runtime.kind(value)


def mismatch(sign: str, a: Any, b: Any) -> Failed:
    """The failure of an operator between values it does not know."""
    return Failed(
        "expression.type",
        say("“{sign}” does not work between {a} and {b}", sign=sign, a=kind(a), b=kind(b)),
    )


def expected(what: Text, value: Any) -> Failed:
    """The failure of what wants another kind of value."""
    return Failed("expression.type", say("expected {what}, found {found}", what=what, found=kind(value)))


def whole(value: Any) -> int:
    """A whole number. Raises `Failed` for anything else."""
    if isinstance(value, Decimal) and value == value.to_integral_value() and abs(value) <= MAX_NUMBER:
        return int(value)
    raise expected(say("a whole number"), value)


# --- in and out


def taken(value: Any) -> Any:
    """FEEL's value for plain JSON data."""
    if value is None or isinstance(value, bool | str | Decimal):
        return value
    if isinstance(value, int):
        return NUMBERS.create_decimal(value) if abs(value) <= MAX_NUMBER else _refuse_size()
    if isinstance(value, float):
        return NUMBERS.create_decimal(repr(value)) if math.isfinite(value) else _refuse_size()
    if isinstance(value, list):
        return [taken(item) for item in value]
    if isinstance(value, Mapping):
        return {key: taken(item) for key, item in value.items()}
    raise Failed("expression.type", say("the result is {found}", found=kind(value)))


def given(value: Any, run: Run) -> Any:
    """Plain JSON data for FEEL's value; dates, times and durations as ISO 8601 writes them."""
    return runtime.plain(bare(value, run), run)


def bare(value: Any, run: Run) -> Any:
    """`given`, sizes not yet checked."""
    if isinstance(value, Decimal):
        return _bare_number(value)
    if isinstance(value, TEMPORAL):
        return written(value)
    if isinstance(value, list | dict):
        run.room -= len(value)
        if run.room < 0:
            raise too_large()
    if isinstance(value, list):
        return [bare(item, run) for item in value]
    if isinstance(value, dict):
        return {key: bare(item, run) for key, item in value.items()}
    if isinstance(value, Range):
        raise Failed("expression.type", say("the result is {found}", found=kind(value)))
    return value


def _bare_number(value: Decimal) -> int | float:
    """The number in JSON. A fraction there is a binary one of 15 to 17 digits: what that rounds away must
    not be money, so a number whose hundredths would change is refused."""
    if abs(value) > MAX_NUMBER:
        raise too_large()
    if value == value.to_integral_value():
        return int(value)
    found = float(value)
    if abs(Decimal(repr(found)) - value) >= Decimal("0.001"):
        raise Failed(
            "expression.too_precise",
            say("{value} has more digits than can be kept: round it", value=format(value, "f")),
        )
    return found


def written(value: Any) -> str:
    """A date, time or duration as text."""
    match value:
        case datetime(tzinfo=None):
            return value.isoformat()
        case datetime():
            return write_instant(value)
        case date() | time():
            return value.isoformat()
        case Months(count=count):
            years, months = divmod(abs(count), 12)
            sign = "-" if count < 0 else ""
            parts = (f"{years}Y" if years else "") + (f"{months}M" if months or not years else "")
            return f"{sign}P{parts}"
    assert isinstance(value, timedelta)  # noqa: S101
    sign, span = ("-", -value) if value < timedelta(0) else ("", value)
    hours, rest = divmod(span.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    clock = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
    if seconds or span.microseconds:
        fraction = f".{span.microseconds:06}".rstrip("0") if span.microseconds else ""
        clock += f"{seconds}{fraction}S"
    days = f"{span.days}D" if span.days else ""
    if not days and not clock:
        return "PT0S"
    return f"{sign}P{days}" + (f"T{clock}" if clock else "")


def spent(made: Any, run: Run) -> Any:
    """`made`, counted: all texts and lists that one rule makes together are bounded."""
    if isinstance(made, str | list):
        run.room -= len(made)
        if run.room < 0:
            raise too_large()
    return made


def _refuse_size() -> Any:
    raise too_large()


# --- texts as dates, times, durations (§10.3.4.1)

_DURATION = re.compile(
    r"(?P<sign>-?)P(?:(?P<years>\d{1,9})Y)?(?:(?P<months>\d{1,9})M)?(?:(?P<days>\d{1,9})D)?"
    r"(?P<clock>T(?:(?P<hours>\d{1,9})H)?(?:(?P<minutes>\d{1,9})M)?(?:(?P<seconds>\d{1,9}(?:\.\d{1,9})?)S)?)?"
)


def read_date(text: str, run: Run) -> date:
    """`2026-03-01`; of an instant, its day in the office's zone."""
    try:
        if len(text.strip()) == 10:
            return date.fromisoformat(text.strip())
        return parse_instant(text, run.zone).astimezone(ZoneInfo(run.zone)).date()
    except (NotATime, ValueError, OverflowError) as error:
        raise Failed(
            "expression.value",
            say("“{value}” is not a date (expected 2026-03-01)", value=text[:40]),
        ) from error


def first_moment(day: date, run: Run) -> datetime:
    """When the day begins in the office's zone."""
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(run.zone))


def read_moment(text: str, run: Run) -> datetime:
    """`2026-03-01T09:00:00`, in the office's zone if it has no offset; of a date, its first moment."""
    try:
        return parse_instant(text, run.zone).astimezone(ZoneInfo(run.zone))
    except (NotATime, OverflowError) as error:
        raise Failed(
            "expression.value",
            say("“{value}” is not a date and time (expected 2026-03-01T09:00:00)", value=text[:40]),
        ) from error


def read_time(text: str) -> time:
    """`09:30:00`."""
    try:
        return time.fromisoformat(text.strip().removeprefix("T"))
    except ValueError as error:
        raise Failed(
            "expression.value",
            say("“{value}” is not a time of day (expected 09:30:00)", value=text[:40]),
        ) from error


def read_duration(text: str) -> timedelta | Months:
    """`P30D`, `PT2H`, or `P1Y6M`."""
    found = _DURATION.fullmatch(text.strip())
    parts = {} if found is None else {k: v for k, v in found.groupdict().items() if v and k != "sign"}
    clock = parts.pop("clock", "")
    months = {k: int(parts.pop(k)) for k in ("years", "months") if k in parts}
    if found is None or bool(parts) == bool(months) or clock == "T":
        raise Failed(
            "expression.value",
            say("“{value}” is not a duration (expected P30D, PT2H or P1Y6M)", value=text[:40]),
        )
    sign = -1 if found["sign"] else 1
    if months:
        return Months(sign * (months.get("years", 0) * 12 + months.get("months", 0)))
    seconds = Decimal(parts.pop("seconds", "0"))
    try:
        return sign * timedelta(
            **{name: int(number) for name, number in parts.items()},
            microseconds=int(seconds * 1_000_000),
        )
    except OverflowError as error:
        raise too_large() from error


def read_like(text: str, other: Any, run: Run) -> Any:
    """`text` as a value of the kind of `other`."""
    if isinstance(other, datetime):
        return read_moment(text, run)
    if isinstance(other, date):
        return read_date(text, run)
    if isinstance(other, time):
        return read_time(text)
    return read_duration(text)


# --- comparing (§10.3.2.13)


def alike(sign: str, a: Any, b: Any, run: Run) -> tuple[Any, Any]:
    """Both values, not null, as of one kind that can be compared."""
    if isinstance(a, str) and isinstance(b, TEMPORAL):
        a = read_like(a, b, run)
    elif isinstance(b, str) and isinstance(a, TEMPORAL):
        b = read_like(b, a, run)
    if isinstance(a, datetime) and type(b) is date:
        b = first_moment(b, run)
    elif isinstance(b, datetime) and type(a) is date:
        a = first_moment(a, run)
    if type(a) is not type(b):
        raise mismatch(sign, a, b)
    if isinstance(a, datetime | time) and (a.tzinfo is None) != (b.tzinfo is None):
        a, b = (x if x.tzinfo else x.replace(tzinfo=ZoneInfo(run.zone)) for x in (a, b))
    return a, b


def equal(a: Any, b: Any, run: Run) -> bool:
    """`a = b`: null equals null only."""
    if a is None or b is None:
        return a is b
    a, b = alike("=", a, b, run)
    return runtime.equal(a, b)


_ORDERINGS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def ordered(sign: str, a: Any, b: Any, run: Run) -> bool | None:
    """`a < b` and the like; null beside null."""
    if a is None or b is None:
        return None
    a, b = alike(sign, a, b, run)
    if isinstance(a, Months):
        a, b = a.count, b.count
    elif not isinstance(a, Decimal | str | date | time | timedelta):
        raise mismatch(sign, a, b)
    return _ORDERINGS[sign](a, b)


def inside(value: Any, span: Range, run: Run) -> bool | None:
    """Whether the value lies in the range."""
    above = ordered(">=" if span.from_low else ">", value, span.low, run)
    if above is False:
        return False
    below = ordered("<=" if span.to_high else "<", value, span.high, run)
    return both(above, below)


def both(a: bool | None, b: bool | None) -> bool | None:
    """Three-valued “and” (table 50)."""
    if a is False or b is False:
        return False
    return None if a is None or b is None else True


def condition(value: Any) -> bool | None:
    """The value where true, false or null is wanted."""
    if value is None or isinstance(value, bool):
        return value
    raise expected(say("a yes/no value"), value)


# --- calculating (§10.3.2.11)


def add(a: Any, b: Any, run: Run) -> Any:
    """`a + b`: numbers, texts, durations, a date and a duration."""
    match a, b:
        case (None, _) | (_, None):
            return None
        case Decimal(), Decimal():
            return NUMBERS.add(a, b)
        case str(), str():
            return spent(a + b, run)
        case Months(), Months():
            return Months(a.count + b.count)
        case (timedelta(), timedelta()) | (datetime(), timedelta()):
            return a + b
        case date(), timedelta():
            return (datetime(a.year, a.month, a.day) + b).date()  # noqa: DTZ001
        case time(), timedelta():
            moved = datetime(2000, 1, 1, a.hour, a.minute, a.second, a.microsecond) + b  # noqa: DTZ001
            return moved.time().replace(tzinfo=a.tzinfo)
        case date(), Months():
            return _months_later(a, b.count)
        case (timedelta() | Months(), date()) | (timedelta(), time()):
            return add(b, a, run)
    raise mismatch("+", a, b)


def subtract(a: Any, b: Any, run: Run) -> Any:
    """`a - b`: as `add`; between two dates or times, the duration from the second to the first."""
    match a, b:
        case (None, _) | (_, None):
            return None
        case Decimal(), Decimal():
            return NUMBERS.subtract(a, b)
        case Months(), Months():
            return Months(a.count - b.count)
        case (date() | time() | timedelta(), timedelta()) | (date(), Months()):
            return add(a, negated(b), run)
        case (date(), date() | str()) | (str(), date()):
            a, b = alike("-", a, b, run)
            return a - b
        case time(), time():
            a, b = alike("-", a, b, run)
            day = date(2000, 1, 1)
            return datetime.combine(day, a) - datetime.combine(day, b)
    raise mismatch("-", a, b)


def multiply(a: Any, b: Any, run: Run) -> Any:
    """`a * b`: numbers, or a duration and a number."""
    match a, b:
        case (None, _) | (_, None):
            return None
        case Decimal(), Decimal():
            return NUMBERS.multiply(a, b)
        case Months(), Decimal():
            return Months(int(NUMBERS.multiply(Decimal(a.count), b)))
        case timedelta(), Decimal():
            return timedelta(microseconds=int(NUMBERS.multiply(Decimal(a // _TICK), b)))
        case Decimal(), Months() | timedelta():
            return multiply(b, a, run)
    raise mismatch("*", a, b)


def divide(a: Any, b: Any, run: Run) -> Any:
    """`a / b`: as `multiply`, or two durations; null if `b` is nothing."""
    match a, b:
        case (None, _) | (_, None):
            return None
        case Decimal(), Decimal():
            return NUMBERS.divide(a, b) if b else None
        case Months() | timedelta(), Decimal():
            return multiply(a, NUMBERS.divide(Decimal(1), b), run) if b else None
        case Months(), Months():
            return divide(Decimal(a.count), Decimal(b.count), run)
        case timedelta(), timedelta():
            return divide(Decimal(a // _TICK), Decimal(b // _TICK), run)
    raise mismatch("/", a, b)


def power(a: Any, b: Any, run: Run) -> Any:
    """`a ** b`; null if there is no such number."""
    if a is None or b is None:
        return None
    if isinstance(a, Decimal) and isinstance(b, Decimal):
        try:
            return NUMBERS.power(a, b) if a or b > 0 else None
        except decimal.InvalidOperation:  # a root of a negative number
            return None
    raise mismatch("**", a, b)


def modulo(a: Any, b: Any, run: Run) -> Any:
    """What is left of `a`, with the sign of `b` (§10.3.4.5); null if `b` is 0."""
    if a is None or b is None:
        return None
    if not (isinstance(a, Decimal) and isinstance(b, Decimal)):
        raise mismatch("%", a, b)
    if not b:
        return None
    rest = NUMBERS.remainder(a, b)
    return NUMBERS.add(rest, b) if rest and (rest < 0) != (b < 0) else rest


def negated(value: Any) -> Any:
    """`-value`."""
    if value is None:
        return None
    if isinstance(value, Decimal):
        return NUMBERS.minus(value)
    if isinstance(value, timedelta):
        return -value
    if isinstance(value, Months):
        return Months(-value.count)
    raise expected(say("a number"), value)


_TICK = timedelta(microseconds=1)


def _months_later(day: date, count: int) -> Any:
    """The same day of the month, or its last one."""
    years, month = divmod(day.year * 12 + day.month - 1 + count, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return day.replace(year=years, month=month + 1, day=min(day.day, last))
        except (ValueError, OverflowError):
            continue
    raise too_large()


# --- parts (table 53)

_DURATION_PARTS: dict[str, Callable[[timedelta], int]] = {
    "days": lambda span: span.days,
    "hours": lambda span: span.seconds // 3600,
    "minutes": lambda span: span.seconds // 60 % 60,
    "seconds": lambda span: span.seconds % 60,
}


def part(value: Any, name: str) -> Any:
    """`value.name`: a key of a record, of each record of a list, or a part of a date, time or duration."""
    if value is None:
        return None
    if isinstance(value, list):
        return [part(item, name) for item in value]
    if isinstance(value, dict):
        return runtime.key(value, name)
    found: Any = None
    if isinstance(value, Months):
        whole = Months(abs(value.count))
        found = {"years": whole.count // 12, "months": whole.count % 12}.get(name)
        found = None if found is None else (found if value.count >= 0 else -found)
    elif isinstance(value, timedelta) and name in _DURATION_PARTS:
        found = _DURATION_PARTS[name](abs(value)) * (1 if value >= timedelta(0) else -1)
    elif isinstance(value, date) and name in ("year", "month", "day", "weekday"):
        found = value.isoweekday() if name == "weekday" else getattr(value, name)
    elif isinstance(value, datetime | time) and name in ("hour", "minute", "second"):
        found = getattr(value, name)
    if found is None:
        raise Failed(
            "expression.type",
            say("“.{name}” is asked of {found}, not of a record", name=name, found=kind(value)),
        )
    return Decimal(found)


KINDS: dict[str, Callable[[Any], bool]] = {
    "number": lambda value: isinstance(value, Decimal),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "date": lambda value: isinstance(value, date) and not isinstance(value, datetime),
    "time": lambda value: isinstance(value, time),
    "date and time": lambda value: isinstance(value, datetime),
    "days and time duration": lambda value: isinstance(value, timedelta),
    "years and months duration": lambda value: isinstance(value, Months),
    "list": lambda value: isinstance(value, list),
    "context": lambda value: isinstance(value, dict),
}
"""The types that `instance of` knows."""
