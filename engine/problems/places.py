"""Where in a file a problem is: its line, and the text to point at.

Checks name an element or a key (`psb_review`, `clocks.decision.term`, `steps.3.do`); people look for a line.
The files have been read before, so each is only gone through once more for positions, in its own syntax.
"""

from __future__ import annotations

import html
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from msgspec.structs import replace

from ..errors import Problem

ITEM, DIAGRAM = "item.toml", "diagram.bpmn"

LONGEST = 160
"""Characters of a line that are shown; modelers write some that are longer than a page."""

BEFORE = 24
"""How many of them come before what is meant, if not all can be shown."""


@dataclass(frozen=True)
class Excerpt:
    """A line of a file, shortened with `…`; what is meant are its characters `start` to `end`."""

    text: str
    start: int
    end: int

    def as_dict(self) -> dict[str, str | int]:
        """Plain data: `text`, `from`, `to`."""
        return {"text": self.text, "from": self.start, "to": self.end}


def locate(files: Mapping[str, bytes], problem: Problem) -> tuple[int | None, Excerpt | None]:
    """The line (from 1) that `problem` is about, and what it says there; None where there is none.

    What is missing is at what it is missing from: a key at its table.
    """
    content = files.get(problem.file)
    if content is None:
        return None, None
    text = _decoded(content)
    if problem.line is not None:
        start = _offset(text, problem.line, problem.column or 1)
        found: tuple[int, int] | None = (start, start + (1 if problem.column else 0))
    else:
        found = _find(text, problem)
    if found is None:
        return None, None
    return text.count("\n", 0, found[0]) + 1, _excerpt(text, *found)


def in_order(files: Mapping[str, bytes], problems: Sequence[Problem]) -> list[tuple[Problem, Excerpt | None]]:
    """`problems` as a reader goes through them: file by file, from top to bottom, each only once; with their
    lines and what these say."""
    found: list[tuple[Problem, Excerpt | None]] = []
    for problem in problems:
        line, excerpt = locate(files, problem)
        entry = (replace(problem, line=line if problem.line is None else problem.line), excerpt)
        if entry not in found:
            found.append(entry)
    return sorted(found, key=lambda entry: _rank(entry[0]))


def _rank(problem: Problem) -> tuple[int, str, int, bool]:
    """The entry first, then its diagram, then the rest by name; in a line errors first."""
    file = problem.file
    place = [ITEM, DIAGRAM].index(file) if file in (ITEM, DIAGRAM) else 2
    return place, file, problem.line or 0, problem.severity != "error"


def _decoded(content: bytes) -> str:
    """The text, good enough to be looked at: what is not in the encoding it should be in is most often
    Chinese in an older one."""
    declared = re.match(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.-]+)", content)
    name = declared[1].decode("ascii").lower() if declared else "utf-8"
    text = content.decode("utf-8", "replace")
    for encoding in (name, "gb18030"):
        try:
            text = content.decode(encoding)
            break
        except (LookupError, UnicodeDecodeError):
            continue
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _offset(text: str, line: int, column: int) -> int:
    at = 0
    for _ in range(line - 1):
        at = text.find("\n", at) + 1
        if not at:
            return len(text)
    return min(at + column - 1, len(text))


def _excerpt(text: str, start: int, end: int) -> Excerpt:
    first = text.rfind("\n", 0, start) + 1
    last = text.find("\n", first)
    last = len(text) if last < 0 else last
    line, start, end = text[first:last], start - first, min(end, last) - first
    indent = len(line) - len(line.lstrip())
    cut = indent if len(line) - indent <= LONGEST else max(indent, start - BEFORE)
    shown = line[cut:].rstrip()[:LONGEST]
    before, after = "…" if cut > indent else "", "…" if cut + len(shown) < len(line.rstrip()) else ""
    moved = len(before) - cut
    start, end = start + moved, min(end + moved, len(before) + len(shown))
    return Excerpt(f"{before}{shown}{after}".replace("\t", " "), min(start, end), end)


def _find(text: str, problem: Problem) -> tuple[int, int] | None:
    """Start and end of what `problem.element` names."""
    if problem.element is None:
        return None
    if problem.file.endswith((".bpmn", ".dmn")):
        return _find_tag(text, problem)
    if problem.file.endswith(".toml"):
        known = _toml_keys(text)
    elif problem.file.endswith(".json"):
        known = _json_keys(text)
    else:
        return None
    parts = re.sub(r"\[(\d+)\]", r".\1", problem.element).split(".")
    for length in range(len(parts), 0, -1):
        if (found := known.get(".".join(parts[:length]))) is not None:
            return found
    return None


# --- XML

_TAG = re.compile(
    r"""<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>"""
    r"""|<(?P<name>[^\W\d][\w:.-]*)(?P<attributes>(?:[^<>"']|"[^"]*"|'[^']*')*)>""",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(r"""([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")


@dataclass(frozen=True)
class _Tag:
    name: str
    attributes: Mapping[str, str]
    start: int
    end: int


@lru_cache(maxsize=8)
def _tags(text: str) -> tuple[_Tag, ...]:
    """Every start tag, in the order of the file; `end` is that of its id if that stands on the same line."""
    found = []
    for tag in _TAG.finditer(text):
        if tag["name"] is None:
            continue
        attributes, start, end = {}, tag.start(), tag.end("name")
        for attribute in _ATTRIBUTE.finditer(text, tag.end("name"), tag.end("attributes")):
            attributes[attribute[1]] = html.unescape(attribute[2] or attribute[3] or "").strip()
            if attribute[1] == "id" and "\n" not in text[start : attribute.end()]:
                end = attribute.end()
        found.append(_Tag(tag["name"], attributes, start, end))
    return tuple(found)


def _find_tag(text: str, problem: Problem) -> tuple[int, int] | None:
    """The element with that id; else the nth of its kind (ids that `flow.read` gave); else that name."""
    tags, wanted = _tags(text), problem.element
    same = [tag for tag in tags if tag.attributes.get("id") == wanted]
    if same:
        tag = same[1] if problem.code == "bpmn.duplicate_id" and len(same) > 1 else same[0]
        return tag.start, tag.end
    kind, mark, number = (wanted or "").rstrip("~").partition("~")
    if mark and number.isdigit() and tags:
        prefix = tags[0].name.rpartition(":")[0]
        of_kind = [tag for tag in tags if tag.name == (f"{prefix}:{kind}" if prefix else kind)]
        if int(number) <= len(of_kind):
            tag = of_kind[int(number) - 1]
            return tag.start, tag.end
    named = next((tag for tag in tags if wanted and tag.attributes.get("name") == wanted), None)
    return None if named is None else (named.start, named.end)


# --- TOML and JSON: where each key is, by its path

_STRING = r'"""(?:\\.|[^\\])*?"{3,5}|' r"'''.*?'{3,5}" r'|"(?:\\.|[^"\\\n])*"|' r"'[^'\n]*'"
_TOML = re.compile(
    rf"(?P<string>{_STRING})|(?P<comment>\#[^\n]*)|(?P<newline>\n)|(?P<mark>[\[\]{{}}=,.])|(?P<word>[^\s\[\]{{}}=,.#\"']+)",
    re.DOTALL,
)
_JSON = re.compile(r'(?P<string>"(?:\\.|[^"\\])*")|(?P<mark>[\[\]{},:])|(?P<word>[^\s\[\]{},:"]+)')


@lru_cache(maxsize=64)
def _toml_keys(text: str) -> dict[str, tuple[int, int]]:
    """The place of every key of a TOML text by its path, entries of arrays counted from 1: that of the key,
    of the header of a table, or of the value in an array."""
    return dict(reversed([*_TomlWalk(text).walk()]))  # the first place counts


class _TomlWalk:
    """Once through a TOML text, token by token."""

    def __init__(self, text: str) -> None:
        self.tokens = [token for token in _TOML.finditer(text) if token.lastgroup != "comment"]
        self.at = 0
        self.entries: dict[tuple[str, ...], int] = {}
        """How many entries each array of tables has so far."""

    def walk(self) -> Iterator[tuple[str, tuple[int, int]]]:
        table: tuple[str, ...] = ()
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            if token.lastgroup == "newline":
                self.at += 1
            elif token[0] == "[":
                several = self._next_is("[", 1)
                self.at += 2 if several else 1
                place = token.start()
                table, end = self._key(())
                self.at += 2 if several else 1
                table = self._counted(table, several)
                for length in range(1, len(table) + 1):
                    yield ".".join(table[:length]), (place, end + (2 if several else 1))
            else:
                yield from self._pair(table)

    def _next_is(self, mark: str, ahead: int = 0) -> bool:
        return self.at + ahead < len(self.tokens) and self.tokens[self.at + ahead][0] == mark

    def _counted(self, path: tuple[str, ...], several: bool) -> tuple[str, ...]:
        """`path` with the numbers of the entries it is in."""
        counted: tuple[str, ...] = ()
        for depth, part in enumerate(path):
            counted = (*counted, part)
            if several and depth == len(path) - 1:
                self.entries[counted] = self.entries.get(counted, 0) + 1
            if counted in self.entries:
                counted = (*counted, str(self.entries[counted]))
        return counted

    def _key(self, around: tuple[str, ...]) -> tuple[tuple[str, ...], int]:
        """A dotted key and where it ends."""
        parts, end = list(around), 0
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            if token.lastgroup == "string":
                parts.append(str(tomllib.loads(f"x = {token[0]}")["x"]))
            elif token.lastgroup == "word":
                parts.append(token[0])
            elif token[0] != ".":
                break
            end = token.end()
            self.at += 1
        return tuple(parts), end

    def _pair(self, around: tuple[str, ...]) -> Iterator[tuple[str, tuple[int, int]]]:
        start = self.tokens[self.at].start()
        before = self.at
        path, end = self._key(around)
        for length in range(len(around) + 1, len(path) + 1):
            yield ".".join(path[:length]), (start, end)
        if self._next_is("="):
            self.at += 1
            yield from self._value(path)
        self.at = max(self.at, before + 1)  # whatever it is, go on

    def _value(self, path: tuple[str, ...]) -> Iterator[tuple[str, tuple[int, int]]]:
        if self._next_is("{"):
            self.at += 1
            while self.at < len(self.tokens) and not self._next_is("}"):
                if self._next_is(",") or self.tokens[self.at].lastgroup == "newline":
                    self.at += 1
                else:
                    yield from self._pair(path)
            self.at += 1
        elif self._next_is("["):
            self.at += 1
            number = 0
            while self.at < len(self.tokens) and not self._next_is("]"):
                if self._next_is(",") or self.tokens[self.at].lastgroup == "newline":
                    self.at += 1
                    continue
                number += 1
                first = self.at
                inner = [*self._value((*path, str(number)))]
                self.at = max(self.at, first + 1)
                place = self.tokens[first].start(), self.tokens[self.at - 1].end()
                yield ".".join((*path, str(number))), place
                yield from inner
            self.at += 1
        else:  # a date or a number may be several tokens
            while self.at < len(self.tokens):
                token = self.tokens[self.at]
                if token.lastgroup == "newline" or token[0] in ",]}":
                    return
                self.at += 1


@lru_cache(maxsize=64)
def _json_keys(text: str) -> dict[str, tuple[int, int]]:
    """The place of every key of a JSON text by its path, entries of lists counted from 0."""
    found: dict[str, tuple[int, int]] = {}
    path: list[str] = []
    tokens = [*_JSON.finditer(text)]
    open_lists: list[bool] = []
    for number, token in enumerate(tokens):
        if token[0] in "{[":
            open_lists.append(token[0] == "[")
            path.append("0" if token[0] == "[" else "")
        elif token[0] in "}]" and path:
            path.pop()
            open_lists.pop()
        elif token[0] == "," and path and open_lists[-1]:
            path[-1] = str(int(path[-1]) + 1)
        elif (
            token.lastgroup == "string" and number + 1 < len(tokens) and tokens[number + 1][0] == ":" and path
        ):
            path[-1] = token[0][1:-1]
        if path and token[0] not in "}],:" and (open_lists[-1] or token.lastgroup == "string"):
            found.setdefault(".".join(filter(None, path)), token.span())
    return found
