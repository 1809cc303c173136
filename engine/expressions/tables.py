"""Decisions of business rule tasks (DMN 1.3 §8 and, of §6 and §7, what lies around a table), from plain data.

A table is `{"id", "name", "hit", "aggregation", "inputs": [{"expression", "values"}],
"outputs": [{"name", "values"}], "rules": [{"tests": […], "outputs": […]}]}`. `hit` is a hit policy in
full (`"RULE ORDER"`); `aggregation` is null, SUM, MIN, MAX or COUNT, with COLLECT only. All texts are
FEEL as the modeler writes it into the cell: tests are unary tests (empty, `-`, values, `< 5`, `[1..5]`,
lists with commas, `not(…)`, a condition on `?`), outputs are expressions. `values` is null or a list of
such texts, `["\\"high\\"", "\\"low\\""]` or `["\\"high\\",\\"low\\""]`: of an input, what it may be
(unary tests); of an output, what it may be, in order of priority (literals).

Where there is need of them, a table has more: an input its `"type"` (`"date"`, `"time"`,
`"date and time"`, `"duration"`: texts of the data are read as that) and its `"variable"` (what cells may
call it beside `?`), an output its `"default"`, the whole `"names"` (variables whose names are no plain
words) and `"requires"`: the decisions that it asks, each after those that it asks itself,
`{"name", "table"}`, and the knowledge models that it calls, `{"name", "parameters", "table"}`. `"also"`
are further names of what it asks: `{"season": ["Season decision", null]}`, or with an output's name the part
of a record. A decision that is one expression is a table of one rule without inputs; if it is a boxed one,
that is in `"boxed"` (see `boxed`), and the rule's text only shows it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from ..errors import Text, say
from .boxed import Box, compile_box
from .dialects import check_length
from .faults import Failed, Malformed
from .feel import Declared, Env, Feel, Tests, compile_feel, compile_tests, member, values
from .feel.functions import FUNCTIONS, same
from .language import Expression, compile_expression
from .runtime import Run

HIT_POLICIES = ("UNIQUE", "FIRST", "ANY", "PRIORITY", "RULE ORDER", "OUTPUT ORDER", "COLLECT")
LISTS = ("RULE ORDER", "OUTPUT ORDER", "COLLECT")
"""The policies under which several rules count."""
AGGREGATIONS = ("SUM", "MIN", "MAX", "COUNT")

_READERS: Mapping[str, Callable[[str, Run], Any]] = {
    # Camunda 7 calls an instant a date, too: it stays a text, which each cell reads as it needs it.
    "date": lambda text, run: values.read_date(text, run) if len(text.strip()) <= 10 else text,
    "date and time": values.read_moment,
    "time": lambda text, run: values.read_time(text),
    "duration": lambda text, run: values.read_duration(text),
}


class Column:
    """An input: its expression, what it may be (None: anything), how a text of the data is read, and what
    its cells may call it beside `?`."""

    def __init__(
        self, source: str, expression: Feel | Expression, allowed: Tests | None, type_: str, variable: str
    ) -> None:
        self.source = source
        self.expression = expression
        self.allowed = allowed
        self.type = type_
        self.variable = variable

    def value(self, env: Env) -> Any:
        """The input's value."""
        if isinstance(self.expression, Expression):
            found = values.taken(self.expression.evaluate(env.data, env.run.now, env.run.zone))
        else:
            found = self.expression.evaluate(env)
        if isinstance(found, str) and self.type in _READERS:
            return _READERS[self.type](found, env.run)
        return found


class Table:
    """A checked decision. `names` are the variables it reads; `own`, the names in its own cells."""

    def __init__(
        self,
        spec: Mapping[str, Any],
        around: Declared | None = None,
        before: Mapping[str, Table] | None = None,
    ) -> None:
        self.id = str(spec["id"])
        self.hit: str = spec["hit"]
        self.aggregation: str | None = spec["aggregation"]
        self.names: frozenset[str] = frozenset()
        self._names: set[str] = set()
        self._requires: list[tuple[str, tuple[str, ...] | None, Table]] = []
        needed: set[str] = set()
        self._before = dict(before or {})  # the decisions that are made before this one
        self._declared = around or _declared(spec)
        for entry in spec.get("requires", ()):
            parameters = tuple(entry["parameters"]) if "parameters" in entry else None
            required = Table(entry["table"], self._declared, self._before)
            if parameters is None:
                self._before[entry["name"]] = required
            known = {name for name, _, _ in self._requires} | set(parameters or ())
            needed |= required.names - known
            self._requires.append((entry["name"], parameters, required))
        self._also: dict[str, tuple[str, str | None]] = {
            alias: (name, part) for alias, (name, part) in spec.get("also", {}).items()
        }
        self._inner: list[Table] = []
        self._boxed = self._box(spec["boxed"]) if "boxed" in spec else None
        self.columns = [self._column(number, entry) for number, entry in enumerate(spec["inputs"], 1)]
        self.outputs = [str(entry["name"]) for entry in spec["outputs"]]
        self._ranks = [
            self._literals(say("values of output {output}", output=i), entry["values"])
            for i, entry in enumerate(spec["outputs"], 1)
        ]
        self.defaults = [
            self._output(say("default of output {output}", output=i), entry.get("default", ""))
            for i, entry in enumerate(spec["outputs"], 1)
        ]
        self.rules = [self._rule(number, rule) for number, rule in enumerate(spec["rules"], 1)]
        self._check()
        self.decided = frozenset({*(name for name, _, _ in self._requires), *self._also})
        self.own = frozenset(self._names)
        needed |= {self._also[name][0] if name in self._also else name for name in self._names}
        self.names = frozenset(needed - {name for name, _, _ in self._requires})

    def parts(self) -> Iterator[Table]:
        """All tables that are evaluated for this one, itself the last."""
        for table in (*(table for _, _, table in self._requires), *self._inner):
            yield from table.parts()
        yield self

    def decided_values(self, column: Column) -> list[Any] | None:
        """What the input may be, beside null, if it is what another decision gives and that gives nothing but
        texts, numbers and yes or no as they are written there; else None."""
        name, part = self._also.get(column.source.strip(), (column.source.strip(), None))
        other = self._before.get(name)
        if other is None or other.hit in LISTS or other._boxed is not None:
            return None
        if part is None and len(other.outputs) > 1:
            return None
        place = 0 if part is None else other.outputs.index(part)
        cells = [outputs[place] for _, outputs in other.rules] + [other.defaults[place]]
        env = Env(Run(datetime(2000, 1, 1, tzinfo=UTC), "UTC"), {}, {}, {})
        try:
            found = [cell.evaluate(env) if cell.constant else () for cell in cells if cell is not None]
        except Failed:
            return None
        return found if all(isinstance(value, str | Decimal | bool | None) for value in found) else None

    def mistakes(self, zone: str) -> Iterator[Text]:
        """The cells that can only fail, whatever the data: a date that is none, `not([1..5])` in a list. The
        work is bounded for all cells together; what is too much for that is no mistake."""
        env = Env(Run(datetime(2000, 1, 1, tzinfo=UTC), zone), {}, {}, {})
        for number, (tests, outputs) in enumerate(self.rules, 1):
            cells = [
                (say("rule {rule}, input {input}", rule=number, input=i), single.operand)
                for i, test in enumerate(tests, 1)
                for single in test.alternatives
            ]
            cells += [(self._output_place(number, i), o) for i, o in enumerate(outputs, 1) if o is not None]
            for place, feel in cells:
                try:
                    if feel.constant:
                        self._at(place, feel.evaluate, env)
                except Failed as error:
                    if error.code not in ("expression.too_long", "expression.too_large"):
                        yield error.message

    def evaluate(self, data: Mapping[str, Any], now: datetime, zone: str) -> Any:
        """The decision on `data` at the aware instant `now`, local dates in `zone`; plain JSON data.

        One output gives its value, several give a record by output name; RULE ORDER, OUTPUT ORDER and
        COLLECT give a list of those, or their aggregation. No matching rule gives the default output, else
        None (COUNT: 0). Raises `Failed`: where the hit policy forbids what matched (UNIQUE with two rules,
        ANY with different outputs), where a value is not among `values`, or where a cell fails.
        """
        found = self.decided_in(Env(Run(now, zone), data, {}, {}))
        try:
            return values.given(found, Run(now, zone))
        except Failed as error:
            raise self._failed(error.code, error.message) from error

    def decided_in(self, env: Env) -> Any:
        """The decision after those that it requires (§6.3.1), as one of FEEL's values. Raises as
        `evaluate`."""
        env, _, hits = self._found(env)
        if not hits and any(default is not None for default in self.defaults):
            return self._shape([self._default(i, env) for i in range(len(self.outputs))])
        try:
            return self._decide(hits, env.run)
        except Failed as error:
            raise self._failed(error.code, error.message) from error

    def applied(
        self, data: Mapping[str, Any], now: datetime, zone: str
    ) -> tuple[list[tuple[str, Any]], list[int]]:
        """Each input's expression with its value on `data`, and the numbers of the rules that match (with the
        hit policy FIRST: the first of them). Raises `Failed` as `evaluate` does."""
        run = Run(now, zone)
        _, inputs, hits = self._found(Env(run, data, {}, {}))
        told = [
            (column.source, values.given(value, run))
            for column, value in zip(self.columns, inputs, strict=True)
        ]
        return told, [number for number, _ in hits]

    def _found(self, env: Env) -> tuple[Env, list[Any], list[tuple[int, list[Any]]]]:
        """What the table sees after the decisions that it requires, its inputs, and the rules that match with
        their results."""
        for name, parameters, table in self._requires:
            if parameters is None:
                env = Env(env.run, env.data, {**env.scope, name: table.decided_in(env)}, env.functions)
            else:
                env = Env(env.run, env.data, env.scope, {**env.functions, name: _model(table, env)})
        env = env.inside({alias: self._called(alias, env) for alias in self._also}) if self._also else env
        inputs = []
        for number, column in enumerate(self.columns, 1):
            place = say("input {input}", input=number)
            inputs.append(self._at(place, self._input, column, _fresh(env), place))
        hits = []
        for number, (tests, outputs) in enumerate(self.rules, 1):
            inner = _fresh(env)
            if self._matches(number, tests, inputs, inner):
                hits.append((number, self._results(number, outputs, inner)))
                if self.hit == "FIRST":
                    break
        return env, inputs, hits

    def _called(self, alias: str, env: Env) -> Any:
        """What is called `alias` of the decisions that this one asks."""
        name, part = self._also[alias]
        value = env.read(name)
        return value if part is None else values.part(value, part)

    def _input(self, column: Column, env: Env, place: Text) -> Any:
        value = column.value(env)
        if column.allowed is not None and not column.allowed.hold(env.about(value)):
            raise _not_among(value, env.run)
        return value

    def _matches(self, number: int, tests: list[Tests], inputs: list[Any], env: Env) -> bool:
        for column, (test, value) in enumerate(zip(tests, inputs, strict=True), 1):
            place = say("rule {rule}, input {input}", rule=number, input=column)
            if not self._at(place, test.hold, env.about(value)):
                return False
        return True

    def _results(self, number: int, outputs: list[Feel | None], env: Env) -> list[Any]:
        return [
            self._at(self._output_place(number, i), self._result, i - 1, output, env)
            for i, output in enumerate(outputs, 1)
        ]

    def _result(self, column: int, output: Feel | None, env: Env) -> Any:
        logic = self._boxed or output
        value = None if logic is None else logic.evaluate(env)
        ranks = self._ranks[column]
        if ranks is not None and not member(value, ranks, env.run):
            raise _not_among(value, env.run)
        return value

    def _output_place(self, rule: int, output: int) -> Text:
        if not self.columns:
            return say("its expression")
        return say("rule {rule}, output {output}", rule=rule, output=output)

    def _default(self, column: int, env: Env) -> Any:
        default = self.defaults[column]
        place = say("default of output {output}", output=column + 1)
        return None if default is None else self._at(place, default.evaluate, env)

    def _decide(self, hits: list[tuple[int, list[Any]]], run: Run) -> Any:
        """The hit policy (§8.2.10)."""
        if self.aggregation == "COUNT":
            return len(hits)
        if not hits:
            return None
        rules = ", ".join(str(number) for number, _ in hits)
        if self.hit == "UNIQUE" and len(hits) > 1:
            raise Failed("table.unique", say("rules {rules} all match, only one may (UNIQUE)", rules=rules))
        if self.hit == "ANY" and not all(same(hits[0][1], result, run) for _, result in hits):
            raise Failed("table.any", say("rules {rules} match and differ, none may (ANY)", rules=rules))
        if self.hit in ("PRIORITY", "OUTPUT ORDER"):
            hits.sort(key=lambda hit: self._rank(hit[1]))
        results = [self._shape(result) for _, result in hits]
        if self.aggregation is not None:
            return FUNCTIONS[self.aggregation.lower()](run, results)
        return results if self.hit in LISTS else results[0]

    def _rank(self, result: list[Any]) -> list[int]:
        pairs = zip(result, self._ranks, strict=True)
        return [ranks.index(value) for value, ranks in pairs if ranks is not None]

    def _shape(self, result: list[Any]) -> Any:
        return result[0] if len(result) == 1 else dict(zip(self.outputs, result, strict=True))

    def _at(self, place: Text, evaluate: Callable[..., Any], *args: Any) -> Any:
        try:
            return evaluate(*args)
        except Failed as error:
            what = say("{place}: {what}", place=place, what=error.message)
            raise self._failed(error.code, what) from error

    def _failed(self, code: str, what: Text) -> Failed:
        return Failed(code, say("decision table {table}: {what}", table=self.id, what=what))

    # --- compiling

    def _malformed(self, what: Text) -> Malformed:
        error = Malformed("table.malformed", say("decision table {table}: {what}", table=self.id, what=what))
        error.table = self.id
        return error

    def _checked(self, place: Text, wanted: Text, build: Callable[..., Any], text: str, *more: Any) -> Any:
        try:
            built = build(text, *more)
        except Malformed as error:
            what = say("{place}, “{text}”: {what}", place=place, text=text, what=error.message)
            raise self._malformed(what).about(wanted, say("“{text}”", text=text)) from error
        if isinstance(built, Feel | Expression | Tests):
            self._names |= built.names
        return built

    def _column(self, number: int, entry: Mapping[str, Any]) -> Column:
        place = say("input {input}", input=number)
        wanted = say("an expression, such as the name of a variable")
        expression = self._checked(place, wanted, _input_expression, entry["expression"], self._declared)
        place = say("values of input {input}", input=number)
        allowed = None if entry["values"] is None else self._test(place, ",".join(entry["values"]))
        return Column(
            entry["expression"], expression, allowed, entry.get("type", ""), entry.get("variable", "")
        )

    def _test(self, place: Text, text: str, variable: str = "") -> Tests:
        wanted = say("a test: “-”, a value, < 5, [1..5], several with commas, not(…), or a condition on “?”")
        declared = replace(self._declared, input=variable) if variable else self._declared
        return self._checked(place, wanted, compile_tests, text, declared)  # type: ignore[no-any-return]

    def _output(self, place: Text, text: str) -> Feel | None:
        if not text.strip():
            return None
        wanted = say("an expression; texts stand in quotes")
        return self._checked(place, wanted, compile_feel, text, self._declared)  # type: ignore[no-any-return]

    def _rule(self, number: int, rule: Mapping[str, Any]) -> tuple[list[Tests], list[Feel | None]]:
        if len(rule["tests"]) != len(self.columns) or len(rule["outputs"]) != len(self.outputs):
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
            self._test(
                say("rule {rule}, input {input}", rule=number, input=i), text, self.columns[i - 1].variable
            )
            for i, text in enumerate(rule["tests"], 1)
        ]
        if self._boxed is not None:
            return tests, [None]
        outputs = [
            self._output(self._output_place(number, i), text) for i, text in enumerate(rule["outputs"], 1)
        ]
        return tests, outputs

    def _box(self, drawn: Any) -> Box:
        """A boxed expression; the tables in it are this one's parts."""

        def build(spec: Mapping[str, Any], declared: Declared) -> Table:
            self._inner.append(Table(spec, declared, self._before))
            return self._inner[-1]

        try:
            box = compile_box(drawn, self._declared, build)
        except Malformed as error:
            raise error if error.table else self._malformed(error.message) from error
        self._names |= box.names
        return box

    def _literals(self, place: Text, texts: list[str] | None) -> list[Any] | None:
        if texts is None:
            return None
        wanted = say("literals, with texts in quotes")
        return self._checked(place, wanted, _literal_list, ",".join(texts))  # type: ignore[no-any-return]

    def _check(self) -> None:
        """What holds between the parts of the table."""
        if self.hit not in HIT_POLICIES:
            known = ", ".join(HIT_POLICIES)
            raise self._malformed(say("unknown hit policy {hit} (known: {known})", hit=self.hit, known=known))
        if not self.outputs:
            raise self._malformed(say("it has no output"))
        if len(self.outputs) > 1 and ("" in self.outputs or len(set(self.outputs)) < len(self.outputs)):
            raise self._malformed(say("several outputs need names that differ"))
        if self.hit in ("PRIORITY", "OUTPUT ORDER") and not any(self._ranks):
            raise self._malformed(say("{hit} needs the list of output values, best first", hit=self.hit))
        if self.aggregation is not None and (
            self.aggregation not in AGGREGATIONS or self.hit != "COLLECT" or len(self.outputs) > 1
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


def _declared(spec: Mapping[str, Any]) -> Declared:
    """What the texts of the table and of all that it requires may name."""
    requires = spec.get("requires", ())
    return Declared(
        tuple(sorted({*spec.get("names", ()), *(entry["name"] for entry in requires)})),
        tuple((entry["name"], tuple(entry["parameters"])) for entry in requires if "parameters" in entry),
    )


def _model(table: Table, env: Env) -> Callable[[Run, Mapping[str, Any]], Any]:
    """A business knowledge model (§6.3.9): it sees its parameters, and the models before it."""
    return lambda run, arguments: table.decided_in(Env(run, {}, arguments, env.functions))


def _fresh(env: Env) -> Env:
    """The same with all its rounds still to spend."""
    return Env(Run(env.run.now, env.run.zone), env.data, env.scope, env.functions)


def _input_expression(text: str, declared: Declared) -> Feel | Expression:
    check_length(text)
    if text.lstrip().startswith(("${", "#{")):
        return compile_expression(text)
    return compile_feel(text.lstrip().removeprefix("="), declared)


def _not_among(value: Any, run: Run) -> Failed:
    text = json.dumps(values.given(value, run), ensure_ascii=False)
    shown = text if len(text) <= 40 else text[:39] + "…"
    return Failed("table.value", say("{value} is not among its values", value=shown))


def _literal_list(text: str) -> list[Any]:
    """The values of `"high", "low", 3`."""
    check_length(text)
    found = compile_feel(f"[{text}]")
    if not found.constant:
        raise Malformed("expression.malformed", say("expected literals, with texts in quotes"))
    try:
        literals: list[Any] = found.evaluate(Env(Run(datetime(2000, 1, 1, tzinfo=UTC), "UTC"), {}, {}, {}))
    except Failed as error:
        raise Malformed(error.code, error.message) from error
    return literals
