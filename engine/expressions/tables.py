"""Decision tables of business rule tasks (DMN 1.3 §8), from plain data.

A table is `{"id", "name", "hit", "aggregation", "inputs": [{"expression", "values"}],
"outputs": [{"name", "values"}], "rules": [{"tests": […], "outputs": […]}]}`. `hit` is a hit policy in
full (`"RULE ORDER"`); `aggregation` is null, SUM, MIN, MAX or COUNT, with COLLECT only. All texts are
FEEL as the modeler writes it into the cell: tests are unary tests (empty, `-`, values, `< 5`, `[1..5]`,
lists with commas, `not(…)`, a condition on `?`), outputs are expressions. `values` is null or a list of
such texts, `["\\"high\\"", "\\"low\\""]` or `["\\"high\\",\\"low\\""]`: of an input, what it may be
(unary tests); of an output, what it may be, in order of priority (literals).

What of FEEL this can't do is refused, naming the cell.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NoReturn

from ..errors import Text, say
from . import runtime
from .dialects import INPUT, Token, check_length, refuse, tokens
from .faults import Failed, Malformed
from .language import Expression, compile_cell, compile_expression

HIT_POLICIES = ("UNIQUE", "FIRST", "ANY", "PRIORITY", "RULE ORDER", "OUTPUT ORDER", "COLLECT")
AGGREGATIONS = ("SUM", "MIN", "MAX", "COUNT")

_Evaluate = Callable[[Expression], Any]
_Test = Callable[[Any, _Evaluate], bool]
"""A unary test: the input's value, and how to evaluate an expression beside it → does it match?"""

_ORDERINGS = {
    "<": runtime.less,
    "<=": runtime.less_equal,
    ">": runtime.greater,
    ">=": runtime.greater_equal,
}


class Table:
    """A checked decision table. `names` are the variables it reads."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        self.id = str(spec["id"])
        self.hit: str = spec["hit"]
        self.aggregation: str | None = spec["aggregation"]
        self._names: set[str] = set()
        self._inputs = [
            self._checked(say("input {input}", input=i), _input_expression, entry["expression"])
            for i, entry in enumerate(spec["inputs"], 1)
        ]
        self._allowed = [
            self._allowed_input(say("values of input {input}", input=i), entry["values"])
            for i, entry in enumerate(spec["inputs"], 1)
        ]
        self._outputs = [str(entry["name"]) for entry in spec["outputs"]]
        self._ranks = [
            self._literals(say("values of output {output}", output=i), entry["values"])
            for i, entry in enumerate(spec["outputs"], 1)
        ]
        self._rules = [self._rule(number, rule) for number, rule in enumerate(spec["rules"], 1)]
        self._check()
        self.names = frozenset(self._names - {INPUT})

    def evaluate(self, data: Mapping[str, Any], now: datetime, zone: str) -> Any:
        """The decision on `data`; arguments as for `Expression.evaluate`.

        One output gives its value, several give a record by output name; RULE ORDER, OUTPUT ORDER and
        COLLECT give a list of those, or their aggregation. No matching rule gives None (COUNT: 0).
        Raises `Failed`: where the hit policy forbids what matched (UNIQUE with two rules, ANY with
        different outputs), where a value is not among `values`, or where a cell fails.
        """
        outside = _evaluator(data, now, zone)
        inputs: list[tuple[Any, _Evaluate]] = []
        for number, (expression, allowed) in enumerate(zip(self._inputs, self._allowed, strict=True), 1):
            place = say("input {input}", input=number)
            value = self._at(place, outside, expression)
            inside = _evaluator({**data, INPUT: value}, now, zone)
            if allowed is not None and not self._at(place, allowed, value, inside):
                raise self._not_among(place, value)
            inputs.append((value, inside))
        hits = []
        for number, (tests, outputs) in enumerate(self._rules, 1):
            if self._matches(number, tests, inputs):
                hits.append((number, self._results(number, outputs, outside)))
                if self.hit == "FIRST":
                    break
        try:
            return self._decide(hits)
        except Failed as error:
            raise self._failed(error.code, error.message) from error

    def _matches(self, number: int, tests: list[_Test], inputs: list[tuple[Any, _Evaluate]]) -> bool:
        for column, (test, (value, inside)) in enumerate(zip(tests, inputs, strict=True), 1):
            place = say("rule {rule}, input {input}", rule=number, input=column)
            if not self._at(place, test, value, inside):
                return False
        return True

    def _results(self, number: int, outputs: list[Expression | None], outside: _Evaluate) -> list[Any]:
        results = []
        for column, (output, ranks) in enumerate(zip(outputs, self._ranks, strict=True), 1):
            place = say("rule {rule}, output {output}", rule=number, output=column)
            value = None if output is None else self._at(place, outside, output)
            if ranks is not None and not runtime.within(value, ranks):
                raise self._not_among(place, value)
            results.append(value)
        return results

    def _decide(self, hits: list[tuple[int, list[Any]]]) -> Any:
        """The hit policy (DMN 1.3 §8.2.10)."""
        if self.aggregation == "COUNT":
            return len(hits)
        if not hits:
            return None
        rules = ", ".join(str(number) for number, _ in hits)
        if self.hit == "UNIQUE" and len(hits) > 1:
            raise Failed("table.unique", say("rules {rules} all match, only one may (UNIQUE)", rules=rules))
        if self.hit == "ANY" and not all(runtime.equal(hits[0][1], result) for _, result in hits):
            raise Failed("table.any", say("rules {rules} match and differ, none may (ANY)", rules=rules))
        if self.hit in ("PRIORITY", "OUTPUT ORDER"):
            hits.sort(key=lambda hit: self._rank(hit[1]))
        results = [self._shape(result) for _, result in hits]
        if self.hit in ("RULE ORDER", "OUTPUT ORDER") or (self.hit, self.aggregation) == ("COLLECT", None):
            return results
        if self.aggregation is not None:
            return runtime.FUNCTIONS[self.aggregation.lower()](results)
        return results[0]

    def _rank(self, result: list[Any]) -> list[int]:
        pairs = zip(result, self._ranks, strict=True)
        return [ranks.index(value) for value, ranks in pairs if ranks is not None]

    def _shape(self, result: list[Any]) -> Any:
        return result[0] if len(result) == 1 else dict(zip(self._outputs, result, strict=True))

    def _at(self, place: Text, evaluate: Callable[..., Any], *args: Any) -> Any:
        try:
            return evaluate(*args)
        except Failed as error:
            what = say("{place}: {what}", place=place, what=error.message)
            raise self._failed(error.code, what) from error

    def _not_among(self, place: Text, value: Any) -> Failed:
        what = say("{place}: {value} is not among its values", place=place, value=_shown(value))
        return self._failed("table.value", what)

    def _failed(self, code: str, what: Text) -> Failed:
        return Failed(code, say("decision table {table}: {what}", table=self.id, what=what))

    # --- compiling

    def _malformed(self, what: Text) -> Malformed:
        return Malformed("table.malformed", say("decision table {table}: {what}", table=self.id, what=what))

    def _checked(self, place: Text, build: Callable[[str], Any], text: str) -> Any:
        try:
            built = build(text)
        except Malformed as error:
            what = say("{place}, “{text}”: {what}", place=place, text=text, what=error.message)
            raise self._malformed(what) from error
        if isinstance(built, Expression):
            self._names |= built.names
        return built

    def _test(self, place: Text, text: str) -> _Test:
        test, names = self._checked(place, compile_test, text)
        self._names |= names
        return test  # type: ignore[no-any-return]

    def _rule(self, number: int, rule: Mapping[str, Any]) -> tuple[list[_Test], list[Expression | None]]:
        if len(rule["tests"]) != len(self._inputs) or len(rule["outputs"]) != len(self._outputs):
            raise self._malformed(say("rule {rule} has not one cell for each column", rule=number))
        for i, (text, ranks) in enumerate(zip(rule["outputs"], self._ranks, strict=True), 1):
            if ranks is not None and not text.strip():
                raise self._malformed(
                    say(
                        "rule {rule}, output {output}: empty, expected one of its values",
                        rule=number,
                        output=i,
                    )
                )
        tests = [
            self._test(say("rule {rule}, input {input}", rule=number, input=i), text)
            for i, text in enumerate(rule["tests"], 1)
        ]
        outputs = [
            self._checked(say("rule {rule}, output {output}", rule=number, output=i), compile_cell, text)
            if text.strip()
            else None
            for i, text in enumerate(rule["outputs"], 1)
        ]
        return tests, outputs

    def _allowed_input(self, place: Text, values: list[str] | None) -> _Test | None:
        if values is None:
            return None
        return self._test(place, ",".join(values))

    def _literals(self, place: Text, values: list[str] | None) -> list[Any] | None:
        if values is None:
            return None
        return self._checked(place, _literal_list, ",".join(values))  # type: ignore[no-any-return]

    def _check(self) -> None:
        """What holds between the parts of the table."""
        if self.hit not in HIT_POLICIES:
            known = ", ".join(HIT_POLICIES)
            raise self._malformed(say("unknown hit policy {hit} (known: {known})", hit=self.hit, known=known))
        if not self._outputs:
            raise self._malformed(say("it has no output"))
        if len(self._outputs) > 1 and ("" in self._outputs or len(set(self._outputs)) < len(self._outputs)):
            raise self._malformed(say("several outputs need names that differ"))
        if self.hit in ("PRIORITY", "OUTPUT ORDER") and not any(self._ranks):
            raise self._malformed(say("{hit} needs the list of output values, best first", hit=self.hit))
        if self.aggregation is not None and (
            self.aggregation not in AGGREGATIONS or self.hit != "COLLECT" or len(self._outputs) > 1
        ):
            raise self._malformed(
                say("SUM, MIN, MAX and COUNT go with the hit policy COLLECT and one output")
            )


def compile_table(spec: Mapping[str, Any]) -> Table:
    """Check and compile a table (see this module's text). Raises `Malformed`, which names the cell."""
    try:
        return _compile(json.dumps(spec, ensure_ascii=False))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise Malformed(
            "table.malformed", say("this is not a decision table ({error})", error=repr(error))
        ) from error


@lru_cache(maxsize=256)
def _compile(spec: str) -> Table:
    return Table(json.loads(spec))


def _evaluator(data: Mapping[str, Any], now: datetime, zone: str) -> _Evaluate:
    return lambda expression: expression.evaluate(data, now, zone)


def _input_expression(text: str) -> Expression:
    check_length(text)
    if text.lstrip().startswith(("${", "#{", "=")):
        return compile_expression(text)
    return compile_cell(text)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else text[:39] + "…"


def _literal_list(text: str) -> list[Any]:
    """The values of `"high", "low", 3`."""
    check_length(text)
    found = compile_cell(f"[{text}]")
    if found.names:
        refuse(text, 0, say("expected literals, with texts in quotes"))
    try:
        values: list[Any] = found.evaluate({}, datetime(2000, 1, 1, tzinfo=UTC), "UTC")
    except Failed as error:
        refuse(text, 0, error.message)
    return values


# --- unary tests (DMN 1.3 §7.3.1, grammar rules 7 and 12 to 17)


@lru_cache(maxsize=4096)
def compile_test(text: str) -> tuple[_Test, frozenset[str]]:
    """A condition cell as a test, and the names it reads. Raises `Malformed`."""
    if not isinstance(text, str):
        raise Malformed("expression.malformed", say("a cell is a text"))
    if text.strip() in ("", "-"):
        return (lambda value, evaluate: True), frozenset()
    check_length(text)
    return _Cell(text).tests()


class _Cell:
    """Reads one condition cell from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.words = tokens(text, 0, len(text))
        self.names: frozenset[str] = frozenset()

    def tests(self) -> tuple[_Test, frozenset[str]]:
        words = self.words
        if [word.text for word in words[:2]] == ["not", "("] and self.closing(1) == len(words) - 1:
            inner = self.alternatives(2, len(words) - 1)
            return (lambda value, evaluate: not inner(value, evaluate)), self.names
        return self.alternatives(0, len(words)), self.names

    def closing(self, opening: int) -> int | None:
        depth = 0
        for place in range(opening, len(self.words)):
            depth += self.bracket(place, "([{", ")]}")
            if depth == 0:
                return place
        return None

    def bracket(self, place: int, opening: str, closing: str) -> int:
        text = self.words[place].text
        return (text in opening) - (text in closing) if len(text) == 1 else 0

    def alternatives(self, start: int, end: int) -> _Test:
        """Tests with commas between them: one of them holds."""
        found: list[_Test] = []
        while True:
            range_end = self.range_end(start, end)
            stop = range_end + 1 if range_end is not None else self.comma(start, end)
            if start >= stop:
                self.refuse(start, say("a value or a test is missing"))
            found.append(self.interval(start, stop) if range_end is not None else self.single(start, stop))
            if stop >= end:
                break
            if self.words[stop].text != ",":
                self.refuse(stop, say("expected a comma"))
            start = stop + 1
        return lambda value, evaluate: any(test(value, evaluate) for test in found)

    def comma(self, start: int, end: int) -> int:
        depth = 0
        for place in range(start, end):
            depth += self.bracket(place, "([{", ")]}")
            if depth == 0 and self.words[place].text == ",":
                return place
        return end

    def range_end(self, start: int, end: int) -> int | None:
        """The last word of the interval that begins at `start`: `]1..5[` closes as it pleases, so only
        round brackets within it are counted."""
        if start >= end or self.words[start].text not in ("[", "(", "]"):
            return None
        depth, dots = 0, False
        for place in range(start + 1, end):
            text = self.words[place].text
            if depth == 0 and dots and text in ("]", ")", "["):
                return place
            depth += self.bracket(place, "(", ")")
            if depth < 0 or (depth == 0 and text == "," and not dots):
                return None
            dots = dots or (depth == 0 and text == "..")
        return None

    def interval(self, start: int, stop: int) -> _Test:
        dots = next(i for i in range(start, stop) if self.words[i].text == "..")
        low, high = self.endpoint(start + 1, dots), self.endpoint(dots + 1, stop - 1)
        above = runtime.greater_equal if self.words[start].text == "[" else runtime.greater
        below = runtime.less_equal if self.words[stop - 1].text == "]" else runtime.less

        def test(value: Any, evaluate: _Evaluate) -> bool:
            return value is not None and above(value, evaluate(low)) and below(value, evaluate(high))

        return test

    def single(self, start: int, stop: int) -> _Test:
        words = self.words[start:stop]
        if any(word.text == "?" for word in words):
            condition = self.endpoint(start, stop)
            return lambda value, evaluate: runtime.truth(evaluate(condition))
        if words[0].text in _ORDERINGS:
            ordering, limit = _ORDERINGS[words[0].text], self.endpoint(start + 1, stop)
            # null is in no order with anything (FEEL: null, which is no match)
            return lambda value, evaluate: value is not None and ordering(value, evaluate(limit))
        if any(_is_condition(word) for word in words):
            self.refuse(start, say("a condition in a cell is about “?”, the input's value: write ? > 5"))
        wanted = self.endpoint(start, stop)

        def test(value: Any, evaluate: _Evaluate) -> bool:
            found = evaluate(wanted)
            if isinstance(found, list) and not isinstance(value, list):
                return runtime.within(value, found)
            return runtime.equal_kinds(value, found)

        return test

    def endpoint(self, start: int, stop: int) -> Expression:
        if start >= stop:
            self.refuse(start, say("a value is missing"))
        last = self.words[stop - 1]
        expression = compile_cell(self.text[self.words[start].at : last.at + len(last.text)], True)
        self.names |= expression.names
        return expression

    def refuse(self, place: int, what: Text) -> NoReturn:
        at = self.words[place].at if place < len(self.words) else len(self.text)
        refuse(self.text, at, what)


def _is_condition(word: Token) -> bool:
    return word.kind != "string" and word.text in (
        "=",
        "!=",
        "==",
        "<",
        "<=",
        ">",
        ">=",
        "and",
        "or",
        "not",
        "in",
    )
