"""Checked FEEL: small functions, and what they are evaluated on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ...errors import say
from .. import runtime
from ..faults import Failed
from ..runtime import Run
from . import values
from .functions import same
from .values import Range

Evaluate = Callable[["Env"], Any]


@dataclass(frozen=True, slots=True)
class Env:
    """What an expression is evaluated on. `scope` has FEEL's values; `data`, plain JSON, lies behind it."""

    run: Run
    data: Mapping[str, Any]
    scope: Mapping[str, Any]
    functions: Mapping[str, Callable[[Run, Mapping[str, Any]], Any]]
    input: Any = None

    def inside(self, names: Mapping[str, Any]) -> Env:
        """The same with more names in sight."""
        return Env(self.run, self.data, {**self.scope, **names}, self.functions, self.input)

    def about(self, value: Any) -> Env:
        """The same with `value` for `?`."""
        return Env(self.run, self.data, self.scope, self.functions, value)

    def knows(self, name: str) -> bool:
        """Whether there is such a variable."""
        return name in self.scope or name in self.data

    def read(self, name: str) -> Any:
        """A variable's value. KeyError if there is none."""
        return self.scope[name] if name in self.scope else values.taken(self.data[name])


class Node(NamedTuple):
    """A checked part of a text. `whole`: if it has a value, then a whole number; `decides`: it compares."""

    evaluate: Evaluate
    depth: int
    whole: bool = False
    decides: bool = False


@dataclass(frozen=True, slots=True)
class Feel:
    """A checked expression. `names` are the variables it reads, `clocks` the clocks it names; `constant`: it
    reads nothing at all."""

    source: str
    names: frozenset[str]
    clocks: frozenset[str]
    node: Node
    constant: bool

    def plain(self, data: Mapping[str, Any], run: Run) -> Any:
        """Its value on plain JSON data, as such. May raise what Python raises, too."""
        return values.bare(self.node.evaluate(Env(run, data, {}, {})), run)

    def evaluate(self, env: Env) -> Any:
        """Its value, one of FEEL's. Raises `Failed` and nothing else."""
        try:
            return self.node.evaluate(env)
        except _FAILURES as error:
            failure = _failure(error, env)
            source = self.source.strip()
            raise Failed(
                failure.code,
                say(
                    "{what}, in “{source}”",
                    what=failure.message,
                    source=source if len(source) <= 80 else source[:79] + "…",
                ),
            ) from error


_FAILURES = (Failed, ArithmeticError, LookupError, TypeError, ValueError, RecursionError, MemoryError)


def _failure(error: BaseException, env: Env) -> Failed:
    if isinstance(error, Failed):
        return error
    if type(error) is KeyError and error.args[0] not in env.data:
        return runtime.unknown_name(str(error.args[0]), [*env.scope, *env.data])
    if isinstance(error, ArithmeticError | RecursionError | MemoryError):
        return runtime.too_large()
    return Failed("expression.value", say("this has no value ({error})", error=str(error)))


# --- unary tests (§7.3.1, grammar rules 7 and 12 to 17)


@dataclass(frozen=True, slots=True)
class Single:
    """One alternative of a condition cell: `sign` is an ordering, "!=", "in" (a value, list or range), or "?"
    (a condition, which holds or not)."""

    sign: str
    operand: Feel

    def holds(self, env: Env) -> bool | None:
        """Whether it holds for `env.input`."""
        found = self.operand.evaluate(env)
        if self.sign == "?":
            return values.condition(found)
        if self.sign == "in":
            if isinstance(found, bool) and not self.operand.constant and not isinstance(env.input, bool):
                return found  # a condition that does not look like one: a variable, a call (§7.3.1)
            return member(env.input, found, env.run)
        if self.sign == "!=":
            return not values.equal(env.input, found, env.run)
        return values.ordered(self.sign, env.input, found, env.run)


@dataclass(frozen=True, slots=True)
class Tests:
    """A condition cell: one of the alternatives holds, or with `denied` none. None at all: anything goes."""

    alternatives: tuple[Single, ...]
    denied: bool
    names: frozenset[str]

    def hold(self, env: Env) -> bool | None:
        """Whether `env.input` passes (three-valued). What fails counts only if nothing holds."""
        if not self.alternatives:
            return True
        found: bool | None = False
        failure: Failed | None = None
        for single in self.alternatives:
            try:
                holds = single.holds(env)
            except Failed as error:
                failure = failure or error
                continue
            if holds:
                return not self.denied
            found = None if holds is None else found
        if failure is not None:
            raise failure
        return found if found is None else self.denied


def member(value: Any, found: Any, run: Run) -> bool | None:
    """`value in found`: equal to it, in the range, or to one of the list."""
    if isinstance(found, Range):
        return values.inside(value, found, run)
    if isinstance(found, list) and not isinstance(value, list):
        return any(
            values.inside(value, item, run) if isinstance(item, Range) else same(value, item, run)
            for item in found
        )
    return values.equal(value, found, run)
