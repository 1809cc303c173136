"""Reads a FEEL text from left to right; the rules' names are those of the standard's grammar (§10.3.1.2)."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, NoReturn

from ...errors import Text, say
from .. import runtime
from ..dialects import MAX_NESTING, refuse
from ..faults import Failed
from ..runtime import Run
from . import values
from .functions import FUNCTIONS, LEFT_OUT, PARAMETERS, WHOLE
from .tree import Env, Evaluate, Feel, Node, Single, Tests
from .values import KINDS, Range
from .words import Declared, Token, unescaped, words

MAX_DEPTH = 100
"""Levels of the tree."""

_COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")
_ORDERINGS = ("<", "<=", ">", ">=")


class Parser:
    """One text on its way to a tree."""

    def __init__(self, text: str, declared: Declared, input_allowed: bool) -> None:
        self.text = text
        self.functions = dict(declared.functions)
        self.input = declared.input
        self.input_allowed = input_allowed
        self.words = words(text, declared)
        self.place = 0
        self.nesting = 0
        self.bound: list[str] = []  # what `for`, a context and the like put in sight
        self.filters = 0  # filters around this place: there any name may be a key of the item
        self.closing_range = False  # whether `[` ends a range here, rather than begin a filter
        self.names: set[str] = set()
        self.clocks: set[str] = set()
        self.variable = False  # whether anything but constants was met
        self.asks_input = False

    # --- words

    def peek(self, ahead: int = 0) -> Token:
        place = self.place + ahead
        return self.words[place] if place < len(self.words) else Token("end", "", len(self.text))

    def sees(self, *texts: str) -> bool:
        word = self.peek()
        return word.kind in ("sign", "range", "keyword") and word.text in texts

    def next(self) -> Token:
        word = self.peek()
        self.place += 1
        return word

    def take(self, *texts: str) -> Token:
        if not self.sees(*texts):
            self.refuse(say("expected “{wanted}” here", wanted="” / “".join(texts)))
        return self.next()

    def end(self) -> None:
        if self.peek().kind != "end":
            self.refuse(say("“{word}” is one word too many", word=self.peek().text))

    def refuse(self, what: Text, at: Token | None = None) -> NoReturn:
        refuse(self.text, (at or self.peek()).at, what)

    def node(self, evaluate: Evaluate, *parts: Node, whole: bool = False, decides: bool = False) -> Node:
        depth = 1 + max((part.depth for part in parts), default=0)
        if depth > MAX_DEPTH:
            self.refuse(say("too deeply nested: write it in several steps"))
        return Node(evaluate, depth, whole, decides)

    def made(self, text: str, node: Node) -> Feel:
        return Feel(text, frozenset(self.names), frozenset(self.clocks), node, not self.variable)

    # --- unary tests

    def begins_with_not(self) -> bool:
        """Whether the cell may be `not( … )`, as a whole."""
        return self.peek().kind == "name" and [word.text for word in self.words[:2]] == ["not", "("]

    def alternatives(self) -> list[Single]:
        """Tests with commas between them."""
        found = [self.single()]
        while self.sees(","):
            self.next()
            found.append(self.single())
        return found

    def single(self) -> Single:
        start = self.peek()
        outer = (self.names, self.variable, self.asks_input)
        self.names, self.variable, self.asks_input = set(), False, False
        sign = "in"
        alone = not self.sees(*_COMPARISONS, "==")
        if self.sees(*_ORDERINGS, "!="):
            sign = self.next().text
        elif not alone:
            self.next()
        first = self.peek()
        operand = self.expression()
        source = self.text[first.at : self.peek().at].strip()
        made = self.made(source, operand)
        if alone and (self.asks_input or operand.decides):
            sign = "?"
        elif operand.decides and not self.asks_input:
            self.refuse(say("a condition stands alone in its cell: write ? > 5 and ? < 8"), start)
        names, variable, asks = outer
        self.names |= names
        self.variable |= variable
        self.asks_input |= asks
        return Single(sign, made)

    # --- expressions, from the weakest binding to the strongest

    def expression(self) -> Node:
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            self.refuse(say("too many brackets within brackets"))
        outer, self.closing_range = self.closing_range, False
        if self.sees("if"):
            found = self.choice()
        elif self.sees("for"):
            found = self.iteration()
        elif self.sees("some", "every"):
            found = self.quantified()
        else:
            found = self.disjunction()
        self.closing_range = outer
        self.nesting -= 1
        return found

    def choice(self) -> Node:
        """`if a then b else c`; null is not true (§10.3.2.15, table 58)."""
        self.take("if")
        test = self.expression()
        self.take("then")
        yes = self.expression()
        self.take("else")
        no = self.expression()

        def evaluate(env: Env) -> Any:
            return (yes if values.condition(test.evaluate(env)) else no).evaluate(env)

        return self.node(evaluate, test, yes, no, whole=yes.whole and no.whole)

    def iterators(self) -> list[tuple[str, Node]]:
        """`x in list, y in 1..3`; each is in sight of the next ones. The caller takes them off `bound`."""
        found = []
        while True:
            self.next()
            word = self.next()
            if word.kind != "name":
                self.refuse(say("expected a name here"), word)
            self.take("in")
            found.append((word.text, self.span()))
            self.bound.append(word.text)
            if not self.sees(","):
                return found

    def span(self) -> Node:
        """What a `for` goes through: a list, or whole numbers from one to another."""
        low = self.expression()
        if not self.sees(".."):
            return low
        self.next()
        high = self.expression()

        def evaluate(env: Env) -> Any:
            first, last = (values.whole(part.evaluate(env)) for part in (low, high))
            step = 1 if first <= last else -1
            if abs(last - first) >= runtime.MAX_ROUNDS:
                raise runtime.too_large()
            return [Decimal(number) for number in range(first, last + step, step)]

        return self.node(evaluate, low, high)

    def iteration(self) -> Node:
        """`for x in list return …` (§10.3.2.14)."""
        iterators = self.iterators()
        self.take("return")
        outer, self.names = self.names, set()
        result = self.expression()
        looks_back = "partial" in self.names
        self.names = outer | self.names - {"partial"}
        del self.bound[-len(iterators) :]

        def evaluate(env: Env) -> Any:
            found: list[Any] = []
            for inner in _rounds(env, iterators):
                if looks_back:  # `partial`: what there is so far
                    inner = inner.inside({"partial": values.spent(found.copy(), env.run)})
                found.append(result.evaluate(inner))
            return found

        return self.node(evaluate, result, *(node for _, node in iterators))

    def quantified(self) -> Node:
        """`some x in list satisfies …`, `every …`."""
        decisive = self.peek().text == "some"
        iterators = self.iterators()
        self.take("satisfies")
        test = self.expression()
        del self.bound[-len(iterators) :]

        def evaluate(env: Env) -> Any:
            found: bool | None = not decisive
            for inner in _rounds(env, iterators):
                holds = values.condition(test.evaluate(inner))
                if holds is decisive:
                    return decisive
                found = None if holds is None else found
            return found

        return self.node(evaluate, test, *(node for _, node in iterators), decides=True)

    def disjunction(self) -> Node:
        return self.logic("or", True, self.conjunction)

    def conjunction(self) -> Node:
        return self.logic("and", False, self.comparison)

    def logic(self, word: str, decisive: bool, operand: Callable[[], Node]) -> Node:
        """Three-valued “and” and “or” (table 50)."""
        parts = [operand()]
        while self.sees(word):
            self.next()
            parts.append(operand())
        if len(parts) == 1:
            return parts[0]

        def evaluate(env: Env) -> bool | None:
            found: bool | None = not decisive
            for part in parts:
                value = values.condition(part.evaluate(env))
                if value is decisive:
                    return decisive
                found = None if value is None else found
            return found

        return self.node(evaluate, *parts, decides=True)

    def comparison(self) -> Node:
        left = self.sum()
        if self.sees(*_COMPARISONS, "=="):
            found = self.compared(left, self.next().text)
        elif self.sees("between"):
            found = self.between(left)
        elif self.sees("in"):
            found = self.within(left)
        elif self.sees("instance"):
            found = self.instance(left)
        else:
            return left
        if self.sees(*_COMPARISONS, "==", "between", "in", "instance"):
            self.refuse(say("comparisons can't be chained here: join them with “and”"))
        return found

    def compared(self, left: Node, sign: str) -> Node:
        right = self.sum()

        def evaluate(env: Env) -> bool | None:
            a, b = left.evaluate(env), right.evaluate(env)
            if sign in _ORDERINGS:
                return values.ordered(sign, a, b, env.run)
            return values.equal(a, b, env.run) is (sign != "!=")

        return self.node(evaluate, left, right, decides=True)

    def between(self, value: Node) -> Node:
        self.take("between")
        low = self.sum()
        self.take("and")
        high = self.sum()

        def evaluate(env: Env) -> bool | None:
            span = Range(low.evaluate(env), high.evaluate(env), True, True)
            return values.inside(value.evaluate(env), span, env.run)

        return self.node(evaluate, value, low, high, decides=True)

    def within(self, value: Node) -> Node:
        """`a in b`, `a in (1, > 5, [7..9])`."""
        self.take("in")
        asks, allowed = self.asks_input, self.input_allowed
        self.input_allowed = True
        if self.sees("(") and not self.range_ahead():
            self.next()
            tests = self.alternatives()
            self.take(")")
        elif self.sees(*_ORDERINGS):
            tests = [self.single()]
        else:
            operand = self.sum()
            tests = [Single("in", self.made("", operand))]
        self.asks_input, self.input_allowed = asks, allowed
        either = Tests(tuple(tests), False, frozenset())

        def evaluate(env: Env) -> bool | None:
            return either.hold(env.about(value.evaluate(env)))

        return self.node(evaluate, value, *(test.operand.node for test in tests), decides=True)

    def range_ahead(self) -> bool:
        """Whether the bracket here opens a range, rather than a list of tests."""
        depth = 0
        for word in self.words[self.place + 1 :]:
            if depth == 0 and word.text in ("..", ",", "[", "]"):
                return word.text == ".."
            if word.kind == "sign":
                depth += (word.text in "({") - (word.text in ")}")
            if depth < 0:
                return False
        return False

    def instance(self, value: Node) -> Node:
        """`a instance of number`."""
        self.take("instance")
        word = self.next()
        if word.text == "of":
            word = self.next()
        name = word.text.removeprefix("of ")
        if name not in KINDS:
            known = ", ".join(KINDS)
            self.refuse(say("there is no type “{name}” (known: {known})", name=name, known=known), word)
        is_one = KINDS[name]
        return self.node(lambda env: is_one(value.evaluate(env)), value, decides=True)

    def sum(self) -> Node:
        return self.calculation({"+": values.add, "-": values.subtract}, self.product)

    def product(self) -> Node:
        signs = {"*": values.multiply, "/": values.divide, "%": values.modulo}
        return self.calculation(signs, self.exponentiation)

    def exponentiation(self) -> Node:
        return self.calculation({"**": values.power}, self.negation)

    def calculation(self, signs: Mapping[str, Callable[..., Any]], operand: Callable[[], Node]) -> Node:
        """Operands with signs between them, from left to right."""
        found = operand()
        while self.sees(*signs):
            sign = self.next().text
            compute, right = signs[sign], operand()
            stays_whole = sign in "+-*" and found.whole and right.whole
            found = self.node(_computed(compute, found, right), found, right, whole=stays_whole)
        return found

    def negation(self) -> Node:
        """`-a`, which binds more tightly than `**` (grammar rule 4)."""
        if not self.sees("-"):
            return self.postfix()
        self.next()
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            self.refuse(say("too many brackets within brackets"))
        operand = self.negation()
        self.nesting -= 1
        return self.node(lambda env: values.negated(operand.evaluate(env)), operand, whole=operand.whole)

    def postfix(self) -> Node:
        found = self.primary()
        while True:
            if self.sees("."):
                self.next()
                found = self.key(found)
            elif self.sees("[") and not self.closing_range:
                found = self.filter(found)
            else:
                return found

    def key(self, record: Node) -> Node:
        word = self.next()
        if word.kind not in ("name", "keyword"):
            self.refuse(say("expected a name here"), word)
        self.check_name(word)
        return self.node(lambda env: values.part(record.evaluate(env), word.text), record)

    def check_name(self, word: Token) -> None:
        if word.text.startswith("_"):
            self.refuse(say("“{name}”: a name can't begin with “_”", name=word.text), word)

    def filter(self, source: Node) -> Node:
        """`list[2]`, from 1, or from the end if negative; `list[item > 5]`, `list[key = "a"]` (§10.3.2.5)."""
        self.take("[")
        self.filters += 1
        self.bound.append("item")
        test = self.expression()
        self.bound.pop()
        self.filters -= 1
        self.take("]")

        def evaluate(env: Env) -> Any:
            value = source.evaluate(env)
            items = value if isinstance(value, list) else [] if value is None else [value]
            runtime.each(env.run, items)
            found = []
            for item in items:
                keys = item if isinstance(item, dict) else {}
                holds = test.evaluate(env.inside({**keys, "item": item}))
                if isinstance(holds, Decimal):
                    place = values.whole(holds)
                    within = 1 <= abs(place) <= len(items)
                    return items[place - 1 if place > 0 else place] if within else None
                if values.condition(holds):
                    found.append(item)
            return found

        return self.node(evaluate, source, test)

    def primary(self) -> Node:
        word = self.peek()
        if word.kind == "number":
            return self.number()
        if word.kind == "string":
            return self.constant(unescaped(self.next().text))
        if word.kind == "name":
            return self.called_or_read()
        if self.sees("true", "false", "null"):
            return self.constant({"true": True, "false": False, "null": None}[self.next().text])
        if self.sees("?"):
            return self.asked()
        if self.sees("@"):
            return self.at_literal()
        if self.sees("("):
            return self.bracket()
        if self.sees("[", "]"):
            return self.list_or_range()
        if self.sees("{"):
            return self.context()
        if word.kind == "end":
            self.refuse(say("a value is missing"))
        return self.refuse(say("“{word}” can't stand here", word=word.text))

    def constant(self, value: Any, whole: bool = False) -> Node:
        return self.node(lambda env: value, whole=whole)

    def number(self) -> Node:
        value = Decimal(self.next().text)
        if abs(value) > runtime.MAX_NUMBER or len(value.as_tuple().digits) > 34:
            self.refuse(say("the number is too large"), self.peek(-1))
        return self.constant(value, whole=value == value.to_integral_value())

    def asked(self) -> Node:
        word = self.next()
        if not self.input_allowed:
            self.refuse(say("“?” only stands in the condition cells of a decision table"), word)
        self.asks_input = self.variable = True
        return self.node(lambda env: env.input)

    def at_literal(self) -> Node:
        """`@"2026-03-01"`, `@"P1D"` (grammar rule 62)."""
        self.take("@")
        word = self.next()
        if word.kind != "string":
            self.refuse(say("expected a text in quotes here"), word)
        text = unescaped(word.text)
        if text.lstrip("-").startswith("P"):
            return self.constant(self.valid(word, lambda: values.read_duration(text)))
        if re.match(r"T?\d\d:", text):
            return self.constant(self.valid(word, lambda: values.read_time(text)))
        read = values.read_moment if "T" in text else values.read_date
        self.valid(word, lambda: read(text, _ANY_RUN))
        return self.node(lambda env: read(text, env.run))

    def valid(self, word: Token, read: Callable[[], Any]) -> Any:
        try:
            return read()
        except Failed as error:
            self.refuse(error.message, word)

    def bracket(self) -> Node:
        """`(a)`, or the range `(1..5]`."""
        self.take("(")
        inner = self.expression()
        if self.sees(".."):
            return self.range(inner, False)
        self.take(")")
        return inner

    def list_or_range(self) -> Node:
        """`[a, b]`, `[1..5]`, `]1..5[`."""
        opening = self.next().text
        items: list[Node] = []
        if opening == "[" and self.sees("]"):
            self.next()
            return self.node(lambda env: [])
        items.append(self.expression())
        if opening == "]" or self.sees(".."):
            return self.range(items[0], opening == "[")
        while self.sees(","):
            self.next()
            items.append(self.expression())
        self.take("]")
        return self.node(lambda env: [item.evaluate(env) for item in items], *items)

    def range(self, low: Node, from_low: bool) -> Node:
        self.take("..")
        outer, self.closing_range = self.closing_range, True
        high = self.sum()
        self.closing_range = outer
        to_high = self.take("]", ")", "[").text == "]"

        def evaluate(env: Env) -> Range:
            return Range(low.evaluate(env), high.evaluate(env), from_low, to_high)

        return self.node(evaluate, low, high)

    def context(self) -> Node:
        """`{key: value, "other key": value}`; a value may use the keys before it (§10.3.2.6)."""
        self.take("{")
        entries: list[tuple[str, Node]] = []
        while not self.sees("}"):
            if entries:
                self.take(",")
            word = self.next()
            if word.kind not in ("name", "string"):
                self.refuse(say("expected a key here"), word)
            name = unescaped(word.text) if word.kind == "string" else word.text
            self.take(":")
            entries.append((name, self.expression()))
            self.bound.append(name)
        self.take("}")
        del self.bound[len(self.bound) - len(entries) :]

        def evaluate(env: Env) -> Any:
            found: dict[str, Any] = {}
            for name, node in entries:
                found[name] = node.evaluate(env.inside(found))
            return found

        return self.node(evaluate, *(node for _, node in entries))

    def called_or_read(self) -> Node:
        word = self.next()
        name = word.text
        self.check_name(word)
        if self.sees("("):
            return self.call(word)
        self.variable = True
        if name == self.input and self.input_allowed and name not in self.bound:
            self.asks_input = True
            return self.node(lambda env: env.input)
        way = name.split(".")  # a parameter may be called `Person.Age`, of which the caller knows `Person`
        if name not in self.bound and not self.filters:
            self.names.add(way[0])
        if len(way) > 1:
            return self.node(lambda env: env.read(name) if env.knows(name) else _along(way, env))
        return self.node(lambda env: env.read(name))

    def call(self, word: Token) -> Node:
        self.take("(")
        args: list[tuple[str | None, Node]] = []
        while not self.sees(")"):
            if args:
                self.take(",")
            named = self.peek().kind == "name" and self.peek(1).text == ":"
            name = self.next().text if named else None
            if named:
                self.next()
            args.append((name, self.expression()))
        self.take(")")
        if word.text in self.functions:
            return self.call_model(word, args)
        if word.text in LEFT_OUT:
            what = say("{name}() is not read here: {why}", name=word.text, why=LEFT_OUT[word.text])
            self.refuse(what, word)
        if word.text not in FUNCTIONS:
            near = get_close_matches(word.text, FUNCTIONS, n=1) or [", ".join(FUNCTIONS)]
            what = say(
                "there is no function “{name}” (nearest: {near})", name=word.text, near=", ".join(near)
            )
            self.refuse(what, word)
        if any(name is not None for name, _ in args):
            args = self.in_order(word, args)
        if word.text == "clock":
            self.clocks.add(self.clock())
        function = FUNCTIONS[word.text]
        nodes = [node for _, node in args]
        try:
            inspect.signature(function).bind(None, *nodes)
        except TypeError as error:
            self.refuse(say("{name}(): {error}", name=word.text, error=str(error)), word)
        self.variable |= word.text in ("today", "now")
        return self.node(
            lambda env: values.spent(function(env.run, *[node.evaluate(env) for node in nodes]), env.run),
            *nodes,
            whole=word.text in WHOLE,
        )

    def in_order(self, word: Token, args: list[tuple[str | None, Node]]) -> list[tuple[str | None, Node]]:
        """Values given by name, as their function takes them (§10.3.2.13)."""
        given = dict(args)
        for order in PARAMETERS.get(word.text, ()):
            if len(given) == len(args) and set(given) == set(order[: len(args)]):
                return [(None, given[name]) for name in order[: len(args)]]
        wanted = " / ".join(", ".join(order) for order in PARAMETERS.get(word.text, ()))
        if not wanted:
            self.refuse(say("{name}() takes its values by place, without names", name=word.text), word)
        return self.refuse(say("{name}() takes {parameters}", name=word.text, parameters=wanted), word)

    def clock(self) -> str:
        """The clock named just before; a literal, so that whoever publishes the diagram knows which."""
        inside = self.words[self.place - 3 : self.place]
        if [word.kind for word in inside] != ["sign", "string", "sign"]:
            self.refuse(say("a clock is named by its id in quotes: clock('decision')"))
        return unescaped(inside[1].text)

    def call_model(self, word: Token, args: list[tuple[str | None, Node]]) -> Node:
        """The call of a business knowledge model, by place or by name."""
        name, parameters = word.text, self.functions[word.text]
        by_name = [key for key, _ in args if key is not None]
        if by_name and len(by_name) < len(args):
            self.refuse(say("{name}(): either all values have names, or none has", name=name), word)
        given = by_name or list(parameters[: len(args)])
        if len(args) != len(parameters) or set(given) != set(parameters):
            wanted = ", ".join(parameters)
            self.refuse(say("{name}() takes {parameters}", name=name, parameters=wanted), word)
        self.variable = True
        nodes = [node for _, node in args]

        def evaluate(env: Env) -> Any:
            found = {key: node.evaluate(env) for key, node in zip(given, nodes, strict=True)}
            return env.functions[name](env.run, found)

        return self.node(evaluate, *nodes)


_ANY_RUN = Run(datetime.fromisoformat("2000-01-01T00:00:00+00:00"), "UTC")
"""For reading what is no instant."""


def _computed(compute: Callable[..., Any], left: Node, right: Node) -> Evaluate:
    return lambda env: compute(left.evaluate(env), right.evaluate(env), env.run)


def _along(way: list[str], env: Env) -> Any:
    return functools.reduce(values.part, way[1:], env.read(way[0]))


def _rounds(env: Env, iterators: list[tuple[str, Node]]) -> Any:
    """The scopes that `for` goes through, the last iterator the fastest."""
    if not iterators:
        yield env
        return
    (name, source), *others = iterators
    found = source.evaluate(env)
    items = found if isinstance(found, list) else [] if found is None else [found]
    for item in runtime.each(env.run, items):
        yield from _rounds(env.inside({name: item}), others)
