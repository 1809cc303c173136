"""FEEL, the language of decisions (DMN 1.3 §10.3): a text becomes a tree of small functions.

Why it is safe: the text is read sign by sign into the few kinds of nodes below, each a function written
here; nothing of Python can be named. Depth, length, rounds of loops and sizes are bounded.

`words` knows the words, `reader` the grammar, `tree` what comes of it, `values` and `functions` what it works
on. Read are: literals, names (with spaces, and with whatever signs if they are declared), `.` `[ ]` `( )`,
arithmetic, comparison, `between`, `in`, `and or` (three-valued), `if`, `for`, `some`/`every`, lists,
contexts, ranges of all brackets, `@"2026-03-01"`, `instance of`, calls of `FUNCTIONS` and of the knowledge
models that are declared; and unary tests. Not read: functions within a text, patterns.
"""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache

from ...errors import say
from ..dialects import check_length
from ..faults import Malformed
from .reader import Parser
from .tree import Env, Feel, Single, Tests, member
from .words import NOTHING_DECLARED, Declared

__all__ = ["Declared", "Env", "Feel", "Single", "Tests", "compile_feel", "compile_tests", "member"]


@lru_cache(maxsize=4096)
def compile_feel(text: str, declared: Declared = NOTHING_DECLARED) -> Feel:
    """Check and compile an expression. Raises `Malformed`, which names the place."""
    check_length(text)
    parser = Parser(text, declared, input_allowed=False)
    node = parser.expression()
    parser.end()
    return parser.made(text, node)


@lru_cache(maxsize=4096)
def compile_tests(text: str, declared: Declared = NOTHING_DECLARED) -> Tests:
    """Check and compile a condition cell. Raises `Malformed`, which names the place."""
    if not isinstance(text, str):
        raise Malformed("expression.malformed", say("a cell is a text"))
    if text.strip() in ("", "-"):
        return Tests((), False, frozenset())
    check_length(text)
    parser = Parser(text, declared, input_allowed=True)
    if not parser.begins_with_not():
        return _tests(parser, False)
    try:
        return _tests(parser, True)
    except Malformed as error:
        with suppress(Malformed):  # `not(a) and b` is a condition
            return _tests(Parser(text, declared, input_allowed=True), False)
        raise error


def _tests(parser: Parser, denied: bool) -> Tests:
    """The whole cell, which is `not( … )` if `denied`."""
    if denied:
        parser.place += 2
    alternatives = parser.alternatives()
    if denied:
        parser.take(")")
    parser.end()
    return Tests(tuple(alternatives), denied, frozenset(parser.names))
