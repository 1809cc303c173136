"""Gaps and overlaps of a decision table (DMN 1.3 §8.2.10: complete, and disjoint where the policy says so).

The constants in a column's cells cut its values into classes: each constant, and what lies between two of
them. One value of each class stands for all of it, so the table's own tests can be asked; what they say of
it they say of the class. That holds of values, comparisons, ranges, lists and `not(…)` of these. A condition
on `?`, or a limit that is calculated, is no such test: a rule that has one may match anything when gaps are
sought, and nothing when overlaps are, so that whatever is found is there.

null is asked about only where a cell names it. The work is bounded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from ..clock import OFFICE_ZONE
from .faults import Failed
from .feel import Env, Feel, Single, Tests, values
from .feel.functions import same
from .feel.values import Months, Range
from .runtime import Run
from .tables import LISTS, Column, Table

MOST_ASKED = 500_000
"""Values that the cells of a table are asked about; with more, nothing is looked at."""
MOST_STEPS = 100_000
"""Combinations looked at in search of gaps; pairs of cells compared in search of overlaps."""
MOST_FINDINGS = 3
"""Gaps, and overlaps, of one table that are told."""

_RUN = Run(datetime(2000, 1, 1, tzinfo=UTC), OFFICE_ZONE)
_ENV = Env(_RUN, {}, {}, {})

Example = tuple[tuple[str, Any], ...]
"""Inputs, as their expressions are written, with plain values; an input that is not there may be anything."""


@dataclass(frozen=True)
class Overlap:
    """Two rules that match at once. `outputs`: "same", "different", or "unknown" before there are data."""

    rules: tuple[int, int]
    example: Example
    outputs: str


@dataclass(frozen=True)
class Coverage:
    """What was found. `opaque` are the rules that could not be looked through; `complete`: nothing was left
    out for the sheer size of the table. `related`: inputs hang together, so an example may be impossible."""

    gaps: tuple[Example, ...] = ()
    overlaps: tuple[Overlap, ...] = ()
    opaque: tuple[int, ...] = ()
    complete: bool = True
    related: bool = False


class _TooMuchError(Exception):
    """The bound of the work is reached."""


def examine(table: Table, whole: Sequence[bool]) -> Coverage:
    """Gaps of a table under which one rule at most counts and that has no default; overlaps where UNIQUE or
    ANY forbids them. `whole` says of each input whether it is known to be a whole number."""
    if table.hit in LISTS or not table.columns:
        return Coverage()
    try:
        return _Examination(table, whole).result()
    except _TooMuchError:
        return Coverage(complete=False)


class _Examination:
    def __init__(self, table: Table, whole: Sequence[bool]) -> None:
        self.table = table
        cells = [[tests[i] for tests, _ in table.rules] for i in range(len(table.columns))]
        self.axes = [
            _Axis(column, cells[i], whole[i] or _is_whole(column), table.decided_values(column))
            for i, column in enumerate(table.columns)
        ]
        if sum(axis.work for axis in self.axes) > MOST_ASKED:
            raise _TooMuchError
        for axis in self.axes:
            axis.ask()
        self.steps = MOST_STEPS

    def result(self) -> Coverage:
        complete = True
        gaps: list[Example] = []
        overlaps: list[Overlap] = []
        try:
            if all(default is None for default in self.table.defaults):
                self.covered(0, (1 << len(self.table.rules)) - 1, [], gaps, set())
        except _TooMuchError:
            complete = False
        self.steps = MOST_STEPS
        try:
            if self.table.hit in ("UNIQUE", "ANY"):
                overlaps.extend(self.overlaps())
        except _TooMuchError:
            complete = False
        opaque = sorted({rule for axis in self.axes for rule in axis.opaque})
        return Coverage(tuple(gaps), tuple(overlaps), tuple(opaque), complete, self.related())

    def step(self) -> None:
        self.steps -= 1
        if self.steps < 0:
            raise _TooMuchError

    def covered(
        self, place: int, alive: int, path: list[int], gaps: list[Example], done: set[tuple[int, int]]
    ) -> bool:
        """Whether every value of the inputs from `place` on meets a rule among `alive` (a bit a rule), all of
        which match what is chosen before; what meets none is added to `gaps`."""
        self.step()
        if not alive:
            gaps.append(self.example(path))
            return False
        if place == len(self.axes) or (place, alive) in done:
            return True
        covered, met = True, set()
        for index, possible in enumerate(self.axes[place].possible):
            left = alive & possible
            if left not in met and len(gaps) < MOST_FINDINGS:
                met.add(left)
                covered = self.covered(place + 1, left, [*path, index], gaps, done) and covered
        if covered:
            done.add((place, alive))
        return covered

    def overlaps(self) -> Iterator[Overlap]:
        found = 0
        count = len(self.table.rules)
        for second in range(count):
            for first in range(second):
                path = self.meeting(first, second)
                if path is None:
                    continue
                outputs = self.outputs(first, second)
                if self.table.hit == "ANY" and outputs == "same":
                    continue
                yield Overlap((first + 1, second + 1), self.example(path), outputs)
                found += 1
                if found == MOST_FINDINGS:
                    return

    def meeting(self, first: int, second: int) -> list[int] | None:
        """A class of each input that both rules match; None if there is none."""
        path = []
        for axis in self.axes:
            self.step()
            both = axis.sure[first] & axis.sure[second]
            if not both:
                return None
            path.append((both & -both).bit_length() - 1)
        return path

    def outputs(self, first: int, second: int) -> str:
        known = True
        for a, b in zip(self.table.rules[first][1], self.table.rules[second][1], strict=True):
            if a is None or b is None:
                if a is not b:
                    return "different"
            elif a.constant and b.constant:
                try:
                    if not same(a.evaluate(_ENV), b.evaluate(_ENV), _RUN):
                        return "different"
                except Failed:
                    known = False
            elif a.source.strip() != b.source.strip():
                known = False
        return "same" if known else "unknown"

    def example(self, path: list[int]) -> Example:
        return tuple(
            (axis.column.source, values.given(_local(axis.values[index]), Run(_RUN.now, _RUN.zone)))
            for axis, index in zip(self.axes, path, strict=False)
            if len(axis.values) > 1
        )

    def related(self) -> bool:
        """Whether two inputs read the same variable, or one what another decision makes of the data."""
        seen: set[str] = set(self.table.decided) if len(self.axes) > 1 else set()
        for axis in self.axes:
            names = axis.column.expression.names
            if names & seen:
                return True
            seen |= names
        return False


class _Axis:
    """A column: a value for each class, and which rules match it. `possible` has the rules (bits) for each
    class, `sure` the classes (bits) for each rule; they differ in the rules that are `opaque`."""

    def __init__(self, column: Column, cells: list[Tests], whole: bool, decided: list[Any] | None) -> None:
        self.column = column
        constants = [_constants(cell) for cell in cells]
        allowed = () if column.allowed is None else _constants(column.allowed)
        known = [*(c for cell in constants for c in cell or ()), *(allowed or ()), *(decided or ())]
        found = _classes(known, whole)
        if found is None:  # constants of several kinds: nothing is known of this column
            constants = [() if not cell.alternatives else None for cell in cells]
            found = [None]
        elif column.allowed is not None and allowed is not None:
            found = [value for value in found if _holds(column.allowed, value)] or [None]
        if decided is not None and known:
            found = [value for value in found if value is None or _is_among(value, decided)] or [None]
        self.values = found
        self.cells = [(cell, cut is not None) for cell, cut in zip(cells, constants, strict=True)]
        self.work = len(found) * len({id(cell) for cell in cells})
        self.opaque = [number for number, cell in enumerate(constants, 1) if cell is None]
        self.possible = [0] * len(found)
        self.sure = [0] * len(cells)

    def ask(self) -> None:
        """Ask each cell about each class; cells with the same text are one object, asked once."""
        told: dict[int, tuple[int, int]] = {}
        for rule, (cell, is_clear) in enumerate(self.cells):
            if id(cell) not in told:
                told[id(cell)] = self.answers(cell, is_clear)
            sure, possible = told[id(cell)]
            self.sure[rule] = sure
            for index in range(len(self.values)):
                self.possible[index] |= (possible >> index & 1) << rule

    def answers(self, cell: Tests, is_clear: bool) -> tuple[int, int]:
        """The classes that the cell surely matches, and those that it may match (a bit a class)."""
        if not is_clear:
            return 0, (1 << len(self.values)) - 1
        sure = possible = 0
        for index, value in enumerate(self.values):
            holds = _holds(cell, value)
            sure |= (holds is True) << index
            possible |= (holds is not False) << index
        return sure, possible


def _local(value: Any) -> Any:
    """An instant as cells and people write it: in the office's time, whatever its zone."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(ZoneInfo(OFFICE_ZONE)).replace(tzinfo=None)
    return value


def _holds(cell: Tests, value: Any) -> bool | None:
    """What the test says of the value; None if it can't be asked."""
    try:
        return bool(cell.hold(_ENV.about(value)))
    except Failed:
        return None


def _is_among(value: Any, values_: list[Any]) -> bool:
    return any(same(value, other, _RUN) for other in values_)


def _is_whole(column: Column) -> bool:
    return isinstance(column.expression, Feel) and column.expression.node.whole


def _constants(cell: Tests) -> tuple[Any, ...] | None:
    """The constants that a cell compares with; None if it does anything else."""
    found: list[Any] = []
    for single in cell.alternatives:
        value = _constant(single)
        if value is _NONE or not _spread(single.sign, value, found):
            return None
    return tuple(found)


_NONE = object()


def _constant(single: Single) -> Any:
    if single.sign == "?" or not single.operand.constant:
        return _NONE
    try:
        return single.operand.evaluate(_ENV)
    except Failed:
        return _NONE


def _spread(sign: str, value: Any, found: list[Any]) -> bool:
    """Add the constants in `value` to `found`; False if it is nothing that can be looked through."""
    if isinstance(value, list):
        return all(_spread("in", item, found) for item in value) and sign == "in"
    if isinstance(value, Range):
        ends = (value.low, value.high)
        return sign == "in" and all(_is_ordered(end) and _spread("<", end, found) for end in ends)
    found.append(value)
    return not isinstance(value, dict) if sign in ("in", "!=") else _is_ordered(value)


def _is_ordered(value: Any) -> bool:
    # Texts have an order too, but no value that lies between two of them would tell a reader anything.
    return isinstance(value, Decimal | date | time | timedelta | Months)


def _classes(constants: list[Any], whole: bool) -> list[Any] | None:
    """A value of each class; None if the constants are of several kinds."""
    kinds = {type(value) for value in constants if value is not None}
    null = [None] if None in constants else []
    if len(kinds) > 1:
        return None
    if not kinds:
        return [_ANYTHING, *null]
    known = _unlike([value for value in constants if value is not None])
    kind = kinds.pop()
    if kind is bool:
        return [True, False, *null]
    if kind is str:
        other = "…"
        while other in known:
            other += "…"
        return [*known, other, *null]
    known.sort(key=lambda value: value.count if isinstance(value, Months) else value)
    found = []
    for low, high in zip([None, *known], [*known, None], strict=True):
        between = _between(low, high, whole)
        found += [] if between is None else [between]
        found += [] if high is None else [high]
    return [*found, *null]


_ANYTHING = "…"


def _unlike(known: list[Any]) -> list[Any]:
    found: list[Any] = []
    for value in known:
        if value not in found:
            found.append(value)
    return found


def _between(low: Any, high: Any, whole: bool) -> Any:
    """A value above `low` and below `high` (None: no bound); None if there is none."""
    some = low if high is None else high
    if isinstance(some, Months):
        counts = [None if end is None else Decimal(end.count) for end in (low, high)]
        found = _between(counts[0], counts[1], True)
        return None if found is None else Months(int(found))
    if isinstance(some, time):
        return _moment_between(low, high)
    unit: Any = Decimal(1) if isinstance(some, Decimal) else timedelta(days=1)
    try:
        if low is None or high is None:
            return some + unit if high is None else some - unit
        if isinstance(some, Decimal):
            near = low.to_integral_value("ROUND_FLOOR") + 1
            return near if near < high else None if whole else (low + high) / 2
        if low + unit < high:
            return low + unit
        is_day = isinstance(some, date) and not isinstance(some, datetime)
        return None if is_day else low + (high - low) / 2
    except OverflowError:
        return None


def _moment_between(low: time | None, high: time | None) -> time | None:
    first, last = low or time.min, high or time.max
    for found in (first.replace(microsecond=0), last.replace(microsecond=0)):
        if (low is None or low < found) and (high is None or found < high):
            return found
    day = date(2000, 1, 1)
    begin = datetime.combine(day, first)
    found = (begin + (datetime.combine(day, last) - begin) / 2).timetz()
    return found if first < found < last else None
