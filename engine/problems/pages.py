"""The page of each code: `<code>.md` beside this module.

A page begins with its front matter, lines `key: value` between two lines `---`: `title` and `zh` (what it is
called in English and Chinese), `severity`, and where a law or standard asks for it `rule` and `rule_zh`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from ..errors import NOTHING, Text, Unknown, say, titled

_INDEX = "README"


@dataclass(frozen=True)
class Page:
    """What is documented of a code: `text` is Markdown, `head` what its front matter says."""

    code: str
    head: Mapping[str, str]
    text: str

    @property
    def title(self) -> Text:
        """What the code stands for, in a line."""
        return titled(self.head["zh"], self.head["title"])

    @property
    def rule(self) -> Text:
        """The law's article, or the part of the standard, that asks for it; empty where it is our own."""
        return titled(self.head.get("rule_zh", ""), self.head["rule"]) if "rule" in self.head else NOTHING


@cache
def page(code: str) -> Page | None:
    """The page of `code`, or None."""
    if not code.replace(".", "").replace("_", "").isalnum():
        return None
    file = resources.files(__package__).joinpath(f"{code}.md")
    if code == _INDEX or not file.is_file():
        return None
    head, _, text = file.read_text(encoding="utf-8").removeprefix("---\n").partition("\n---\n")
    pairs = (line.partition(": ") for line in head.splitlines())
    return Page(code, {key: value.strip() for key, _, value in pairs}, text.strip() + "\n")


def pages() -> list[Page]:
    """All pages, by code."""
    names = (file.name.removesuffix(".md") for file in resources.files(__package__).iterdir())
    return [found for name in sorted(names) if (found := page(name)) is not None]


def explain(code: str) -> Page:
    """The page of `code`. Raises `Unknown`, with the codes that are most like it."""
    found = page(code)
    if found is None:
        known = [page.code for page in pages()]
        close = difflib.get_close_matches(code, known, 3, 0.5)
        raise Unknown(
            "code.unknown",
            say("there is no problem with the code {code}", code=code),
            expected=say("a code such as {examples}", examples=", ".join(close or known[:3])),
            found=say("{code}", code=code),
            remedy=say("copy it from between the brackets of a problem that `item check` shows"),
        )
    return found
