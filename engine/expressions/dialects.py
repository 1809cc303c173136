"""How stock modelers write expressions, brought to the one syntax of `language`.

- `${…}` or `#{…}` is JUEL, as Camunda 7 has it: `&& || !`, `eq ne lt gt le ge div mod`, `empty x`,
  `a ? b : c`.
- Anything else is the language itself. (A leading `=` is FEEL, which has a reader of its own: `feel`.)

Only signs and words change here; what an expression may say is checked afterwards, on its tree.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import Literal, NamedTuple, NoReturn

from ..errors import Text, say
from .faults import Malformed
from .runtime import FUNCTIONS

Dialect = Literal["own", "juel"]

MAX_SOURCE = 10_000
MAX_NESTING = 40
"""Brackets within brackets."""

_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<string>"(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*')
      | (?P<number>(?:\d+(?:\.\d+)?|(?<!\.)\.\d+)(?:[eE][+-]?\d+)?)
      | (?P<name>[^\W\d]\w*)
      | (?P<sign>\.\.|&&|\|\||==|!=|<=|>=|\*\*|//|[-+*/%<>=!?:.,()\[\]{}])""",
    re.VERBOSE,
)
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_JUEL_WORDS = {
    "&&": "and",
    "||": "or",
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "gt": ">",
    "le": "<=",
    "ge": ">=",
    "div": "/",
    "mod": "%",
}


class Token(NamedTuple):
    """A word of the source, `at` an offset."""

    kind: str
    text: str
    at: int


class _Group(NamedTuple):
    """A pair of brackets and what is in them."""

    open: Token
    items: list[Token | _Group]
    close: Token


_Item = Token | _Group
_Piece = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Translation:
    """`text` is one line in the language's own syntax; `origin` leads back to the source."""

    text: str
    dialect: Dialect
    starts: list[int]
    sources: list[int]

    def origin(self, offset: int) -> int:
        """The offset in the source of what stands at `offset` in `text`."""
        place = max(bisect_right(self.starts, offset) - 1, 0)
        if self.dialect == "own":
            return self.sources[place] + offset - self.starts[place]
        return self.sources[place]


def refuse(source: str, offset: int, what: Text) -> NoReturn:
    """Raise `Malformed` for the place `offset` in `source`."""
    before = source[:offset]
    refuse_at(before.count("\n") + 1, offset - before.rfind("\n"), what)


def refuse_at(line: int, column: int, what: Text) -> NoReturn:
    """Raise `Malformed` for a place (both from 1)."""
    raise Malformed(
        "expression.malformed",
        say("line {line}, column {column}: {what}", line=line, column=column, what=what),
    )


def allowed() -> Text:
    """What an expression may consist of."""
    return say(
        "allowed are names, dotted keys, literals, comparisons (== != < <= > >= in), and, or, not,"
        " + - * / // % **, “a if c else b”, lists, records, “for” in lists, and the functions {functions}",
        functions=", ".join(FUNCTIONS),
    )


def check_length(source: str) -> None:
    """Raise `Malformed` for an empty or an overlong source."""
    if not isinstance(source, str) or not source.strip():
        raise Malformed("expression.malformed", say("the expression is empty"))
    if len(source) > MAX_SOURCE:
        raise Malformed(
            "expression.malformed",
            say("longer than {limit} characters", limit=MAX_SOURCE),
        )


def tokens(source: str, start: int, end: int) -> list[Token]:
    """The words of a part of `source`, spaces left out."""
    found = []
    while start < end:
        match = _TOKEN.match(source, start, end)
        if match is None:
            what = say("“{sign}” has no meaning here; {allowed}", sign=source[start], allowed=allowed())
            refuse(source, start, what)
        if match.lastgroup != "space":
            found.append(Token(str(match.lastgroup), match.group(), start))
        start = match.end()
    return found


def translate(source: str) -> Translation:
    """`source` in the language's own syntax; its first sign says what it is written in."""
    check_length(source)
    end = len(source.rstrip())
    start = len(source) - len(source.lstrip())
    if source.startswith(("${", "#{"), start):
        if source[end - 1] != "}":
            refuse(source, end - 1, say("expected “}}” to close “{open}”", open=source[start : start + 2]))
        return _rewrite(source, start + 2, end - 1)
    found = tokens(source, start, end)
    text = re.sub(r"\s", " ", source[start:end])
    return Translation(text, "own", [0], [found[0].at])


def _rewrite(
    source: str,
    start: int,
    end: int,
) -> Translation:
    items = _tree(source, tokens(source, start, end))
    if not items:
        refuse(source, start, say("the expression is empty"))
    text, starts, sources = "", [], []
    for piece, at in _segments(source, items):
        starts.append(len(text))
        sources.append(at)
        text += piece + " "
    return Translation(text.rstrip(), "juel", starts, sources)


def _tree(source: str, found: list[Token]) -> list[_Item]:
    root: list[_Item] = []
    here = root
    opened: list[tuple[Token, list[_Item]]] = []
    for token in found:
        if token.text in _CLOSING:
            if len(opened) >= MAX_NESTING:
                refuse(source, token.at, say("too many brackets within brackets"))
            opened.append((token, here))
            here = []
        elif token.text in _CLOSING.values():
            if not opened or _CLOSING[opened[-1][0].text] != token.text:
                refuse(source, token.at, say("“{sign}” closes nothing", sign=token.text))
            group_open, outer = opened.pop()
            outer.append(_Group(group_open, here, token))
            here = outer
        else:
            here.append(token)
    if opened:
        refuse(source, opened[-1][0].at, say("“{sign}” is not closed", sign=opened[-1][0].text))
    return root


def _segments(
    source: str,
    items: list[_Item],
) -> list[_Piece]:
    """Rewrite each part between commas by itself."""
    pieces: list[_Piece] = []
    part: list[_Item] = []
    for item in items:
        if isinstance(item, Token) and item.text == ",":
            pieces += [*_juel(source, part), (",", item.at)]
            part = []
        else:
            part.append(item)
    return pieces + _juel(source, part)


def _is(item: _Item, *texts: str) -> bool:
    return isinstance(item, Token) and item.kind != "string" and item.text in texts


def _at(item: _Item) -> int:
    return item.at if isinstance(item, Token) else item.open.at


def _wrapped(
    source: str,
    before: str,
    items: list[_Item],
    after: str,
    at: int,
) -> list[_Piece]:
    """`items`, rewritten, between brackets; nothing between brackets would be an empty list."""
    if not items:
        refuse(source, at, say("something is missing here"))
    return [(before, at), *_juel(source, items), (after, at)]


def _split(items: list[_Item], opening: str, closing: str, start: int) -> int | None:
    """Where the `closing` stands that belongs to an `opening` before `start`."""
    depth = 0
    for place in range(start, len(items)):
        if _is(items[place], opening):
            depth += 1
        elif _is(items[place], closing):
            if depth == 0:
                return place
            depth -= 1
    return None


def _choice(
    source: str,
    parts: tuple[list[_Item], list[_Item], list[_Item]],
    at: int,
) -> list[_Piece]:
    condition, yes, no = parts
    return [
        *_wrapped(source, "((", yes, ")", at),
        *_wrapped(source, "if (", condition, ")", at),
        *_wrapped(source, "else (", no, "))", at),
    ]


def _juel(source: str, items: list[_Item]) -> list[_Piece]:
    question = next((i for i, item in enumerate(items) if _is(item, "?")), None)
    if question is not None:
        at = _at(items[question])
        colon = _split(items, "?", ":", question + 1)
        if colon is None:
            refuse(source, at, say("“?” without “:”"))
        parts = (items[:question], items[question + 1 : colon], items[colon + 1 :])
        return _choice(source, parts, at)
    pieces: list[_Piece] = []
    i = 0
    while i < len(items):
        item = items[i]
        i += 1
        if isinstance(item, _Group):
            pieces += [
                (item.open.text, item.open.at),
                *_segments(source, item.items),
                (item.close.text, item.close.at),
            ]
        elif item.kind == "string" or (i > 1 and _is(items[i - 2], ".")):
            pieces.append((item.text, item.at))
        elif item.text in ("!", "not") or (item.text == "empty" and not _called(items, i)):
            end = _operand_end(items, i)
            before, after = ("empty (", ")") if item.text == "empty" else ("(not (", "))")
            pieces += _wrapped(source, before, items[i:end], after, item.at)
            i = end
        else:
            pieces.append((_JUEL_WORDS.get(item.text, item.text), item.at))
    return pieces


def _called(items: list[_Item], i: int) -> bool:
    return i < len(items) and isinstance(items[i], _Group) and _operand_end(items, i) == i + 1


def _operand_end(items: list[_Item], i: int) -> int:
    """Where the operand of a prefix sign ends: `!a.b[0] && c` denies `a.b[0]`."""
    while i < len(items) and _is(items[i], "!", "not", "empty", "-"):
        i += 1
    i += 1
    while i < len(items):
        item = items[i]
        if isinstance(item, _Group):
            i += 1
        elif item.text == ".":
            i += 2
        else:
            break
    return min(i, len(items))
