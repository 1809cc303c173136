"""The words of a FEEL text (DMN 1.3 §10.3.1.2): names may have spaces, and any sign if they are declared."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from ...errors import Text, say
from ..dialects import refuse
from .functions import FUNCTIONS
from .values import KINDS

_TOKEN = re.compile(
    r"""(?P<space>(?:\s|//[^\n]*|/\*.*?\*/)+)
      | (?P<string>"(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*')
      | (?P<name>[^\W\d]\w*(?:（\w+）\w*)*)
      | (?P<range>\.\.)
      | (?P<number>(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?)
      | (?P<sign>\*\*|==|!=|<=|>=|[-+*/%<>=?:.,()\[\]{}@])""",
    re.VERBOSE | re.DOTALL,
)
_WIDE = dict(zip("“”‘’，（）［］：＜＞＝－", "\"\"'',()[]:<>=-", strict=True))
"""Signs of a Chinese keyboard, and those that are meant."""
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{6})|(.))", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
_KEYWORDS = frozenset(
    {
        *("and", "or", "in", "between", "if", "then", "else", "for", "return", "some", "every"),
        *("satisfies", "instance", "true", "false", "null"),
    }
)


class Token(NamedTuple):
    """A word of the source, `at` an offset."""

    kind: str
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Declared:
    """What a model declares beside the text: names that are no plain words, its knowledge models with their
    parameters, and what the input of this column is called beside `?`."""

    names: tuple[str, ...] = ()
    functions: tuple[tuple[str, tuple[str, ...]], ...] = ()
    input: str = ""


NOTHING_DECLARED = Declared()


def words(text: str, declared: Declared) -> list[Token]:
    """The words of `text`, names of several words joined into one. Raises `Malformed`."""
    found: list[Token] = []
    quoting = _quoting(declared)
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if quoting is not None and match is not None and match.lastgroup == "name":
            match = quoting.match(text, at) or match
        if match is None:
            what = say("“{sign}” has no meaning here", sign=text[at])
            if text[at] in "\"'":
                what = say("the quotation mark is not closed")
            elif text[at] in _WIDE:
                what = _type_plain(text[at])
            refuse(text, at, what)
        called, bracket, _ = match.group().partition("（")
        if match.lastgroup == "name" and bracket and called in FUNCTIONS:
            refuse(text, at + len(called), _type_plain(bracket))
        if match.lastgroup != "space":
            found.append(Token(str(match.lastgroup), match.group(), at))
        at = match.end()
    return _joined(found, _phrases(declared))


def _type_plain(sign: str) -> Text:
    return say("“{sign}” has no meaning here: type “{plain}”", sign=sign, plain=_WIDE[sign])


def _joined(words: list[Token], phrases: _Phrases) -> list[Token]:
    joined: list[Token] = []
    place = 0
    while place < len(words):
        word = words[place]
        for phrase, name in phrases.get(word.text, ()):
            if tuple(w.text for w in words[place : place + len(phrase)]) == phrase:
                joined.append(Token("name", name, word.at))
                place += len(phrase)
                break
        else:
            place += 1
            last = joined[-1] if joined else None
            if last is not None and last.kind == word.kind == "name" and word.text not in _KEYWORDS:
                joined[-1] = Token("name", f"{last.text} {word.text}", last.at)
            elif word.kind == "name" and word.text in _KEYWORDS and not _is_called(words, place):
                joined.append(Token("keyword", *word[1:]))
            else:
                joined.append(word)
    return joined


def _is_called(words: list[Token], after: int) -> bool:
    """Whether `every` is the house's function there."""
    return words[after - 1].text == "every" and after < len(words) and words[after].text == "("


@lru_cache(maxsize=512)
def _quoting(declared: Declared) -> re.Pattern[str] | None:
    """Finds the declared names with a quotation mark in them, which is none of a text, or another sign that
    only a name can have."""
    odd = (name for name in declared.names if "'" in name or any(sign in name for sign in _WIDE))
    names = sorted(odd, key=lambda name: -len(name))
    return re.compile(f"(?P<name>{'|'.join(map(re.escape, names))})(?!\\w)") if names else None


_Phrases = dict[str, list[tuple[tuple[str, ...], str]]]


@lru_cache(maxsize=512)
def _phrases(declared: Declared) -> _Phrases:
    """The names that are more than a word, by their first word; as words, the longest first."""
    named = {*declared.names, *(name for name, _ in declared.functions), *FUNCTIONS, *KINDS}
    found: _Phrases = {}
    for name in sorted(name for name in named if not re.fullmatch(r"\w+", name)):
        matches = [match for match in _TOKEN.finditer(name) if match.lastgroup != "space"]
        phrase = tuple(match.group() for match in matches)
        if matches and matches[0].lastgroup == "name" and "".join(phrase) == re.sub(r"\s", "", name):
            found.setdefault(phrase[0], []).append((phrase, name))
    for phrases in found.values():
        phrases.sort(key=lambda pair: -len(pair[0]))
    return found


def unescaped(quoted: str) -> str:
    """What a text in quotes says."""

    def one(found: re.Match[str]) -> str:
        code = found[1] or found[2]
        if code:
            return chr(int(code, 16)) if int(code, 16) <= 0x10FFFF else found[0]
        if found[3] in "\"'\\":
            return found[3]
        return _ESCAPES.get(found[3], found[0])

    return _ESCAPE.sub(one, quoted[1:-1])
