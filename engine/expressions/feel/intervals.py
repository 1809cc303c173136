"""How ranges and points lie to each other (DMN 1.3 §10.3.4.9, table 78): `before`, `meets`, `overlaps` …"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...errors import say
from ..runtime import Run
from . import values
from .values import Range, expected

_Ask = Callable[[Run, Range, Range], bool | None]


def _both(*answers: bool | None) -> bool | None:
    """Three-valued “and”."""
    return False if False in answers else None if None in answers else True


def _either(*answers: bool | None) -> bool | None:
    """Three-valued “or”."""
    return True if True in answers else None if None in answers else False


def _less(run: Run, a: Any, b: Any) -> bool | None:
    return values.ordered("<", a, b, run)


def _same(run: Run, a: Any, b: Any) -> bool | None:
    return None if a is None or b is None else values.equal(a, b, run)


def _before(run: Run, a: Range, b: Range) -> bool | None:
    """All of `a` lies before all of `b`."""
    apart = not (a.to_high and b.from_low)
    return _either(_less(run, a.high, b.low), _both(apart, _same(run, a.high, b.low)))


def _meets(run: Run, a: Range, b: Range) -> bool | None:
    return _both(a.to_high, b.from_low, _same(run, a.high, b.low))


def _starts_first(run: Run, a: Range, b: Range, together: bool) -> bool | None:
    """`a` begins before `b`, or (`together`) just when it does."""
    wide = a.from_low or not b.from_low if together else a.from_low and not b.from_low
    return _either(_less(run, a.low, b.low), _both(wide, _same(run, a.low, b.low)))


def _ends_first(run: Run, a: Range, b: Range) -> bool | None:
    """`a` ends before `b`, or just when it does."""
    wide = b.to_high or not a.to_high
    return _either(_less(run, a.high, b.high), _both(wide, _same(run, a.high, b.high)))


def _includes(run: Run, a: Range, b: Range) -> bool | None:
    return _both(_starts_first(run, a, b, True), _ends_first(run, b, a))


def _overlaps(run: Run, a: Range, b: Range) -> bool | None:
    apart = _either(_before(run, a, b), _before(run, b, a))
    return None if apart is None else not apart


def _overlaps_before(run: Run, a: Range, b: Range) -> bool | None:
    return _both(_overlaps(run, a, b), _starts_first(run, a, b, False), _ends_first(run, a, b))


def _starts(run: Run, a: Range, b: Range) -> bool | None:
    return _both(a.from_low == b.from_low, _same(run, a.low, b.low), _ends_first(run, a, b))


def _finishes(run: Run, a: Range, b: Range) -> bool | None:
    return _both(a.to_high == b.to_high, _same(run, a.high, b.high), _starts_first(run, b, a, True))


def _coincides(run: Run, a: Range, b: Range) -> bool | None:
    ends = (a.from_low, a.to_high) == (b.from_low, b.to_high)
    return _both(ends, _same(run, a.low, b.low), _same(run, a.high, b.high))


def _of(ask: _Ask, swapped: bool = False, points: str = "") -> Callable[..., Any]:
    """The function; `points` says which of its two values may be a point, which is a range of one."""

    def asked(run: Run, first: Any, second: Any, /) -> Any:
        if first is None or second is None:
            return None
        a, b = _range(first, "1" in points), _range(second, "2" in points)
        return ask(run, b, a) if swapped else ask(run, a, b)

    return asked


def _range(value: Any, point: bool) -> Range:
    if isinstance(value, Range):
        return value
    if not point:
        raise expected(say("a range"), value)
    return Range(value, value, True, True)


INTERVALS: Mapping[str, Callable[..., Any]] = {
    "after": _of(_before, swapped=True, points="12"),
    "before": _of(_before, points="12"),
    "coincides": _of(_coincides, points="12"),
    "during": _of(_includes, swapped=True, points="1"),
    "finished by": _of(_finishes, swapped=True, points="2"),
    "finishes": _of(_finishes, points="1"),
    "includes": _of(_includes, points="2"),
    "meets": _of(_meets),
    "met by": _of(_meets, swapped=True),
    "overlaps": _of(_overlaps),
    "overlaps after": _of(_overlaps_before, swapped=True),
    "overlaps before": _of(_overlaps_before),
    "started by": _of(_starts, swapped=True, points="2"),
    "starts": _of(_starts, points="1"),
}
"""By name."""
