"""Refusals and problems: what the product says when something can't be done (floor 0).

A `Refusal` answers an act; a `Problem` is a finding in a definition. Both say what was expected,
what was found, which rule says so, and what to do next. Texts are English message ids with named
parameters, put into the reader's language only where they are shown (`Text.render`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal

from msgspec import Struct, field


class Text(Struct, frozen=True):
    """A message id with its parameters; `render` puts it into a language, `str` into English."""

    msgid: str
    params: dict[str, Any] = field(default_factory=dict)

    def render(self, translate: Callable[[str], str]) -> str:
        """The text in the language of `translate` (a gettext function); nested texts included."""
        if not self.msgid:
            return ""
        params = {k: v.render(translate) if isinstance(v, Text) else v for k, v in self.params.items()}
        return translate(self.msgid).format(**params) if params else translate(self.msgid)

    def __str__(self) -> str:
        return self.render(lambda msgid: msgid)


def say(msgid: str, /, **params: Any) -> Text:
    """Mark `msgid` for translation and bind its parameters (the extraction keyword of the catalogues)."""
    return Text(msgid, params)


def titled(zh: str, en: str = "") -> Text:
    """A title that a definition gives as data, in both languages; the other one where one is missing.

    Data is in no catalogue, so the choice is: Chinese translates the msgid `{en}` to `{zh}`.
    """
    return say("{en}", zh=zh or en, en=en or zh)


NOTHING = Text("")


class Refusal(Exception):
    """An act that is not done, with the reason and the remedy. Nothing was changed.

    `code` is stable and dotted (`step.closed`); `expected`, `found`, `rule` and `remedy` are `Text`s.
    Raise one of the kinds below; the front end gives each kind its exit code.
    """

    kind: ClassVar[str] = "refused"

    def __init__(
        self,
        code: str,
        message: Text,
        *,
        expected: Text = NOTHING,
        found: Text = NOTHING,
        rule: Text = NOTHING,
        remedy: Text = NOTHING,
    ) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.expected = expected
        self.found = found
        self.rule = rule
        self.remedy = remedy

    def __str__(self) -> str:
        return str(self.message)

    def as_dict(self, translate: Callable[[str], str] = lambda msgid: msgid) -> dict[str, str]:
        """`{code, message, expected, found, rule, remedy}` in the language of `translate`."""
        return {
            "code": self.code,
            "message": self.message.render(translate),
            "expected": self.expected.render(translate),
            "found": self.found.render(translate),
            "rule": self.rule.render(translate),
            "remedy": self.remedy.render(translate),
        }


class Unknown(Refusal):
    """What was named does not exist here."""

    kind = "unknown"


class Invalid(Refusal):
    """The input, or the state of the case, does not allow the act."""

    kind = "invalid"


class NotAllowed(Refusal):
    """The person may not do this."""

    kind = "not_allowed"


class Conflict(Refusal):
    """Somebody else was faster, or the database is busy; trying again may succeed."""

    kind = "conflict"


class Diverged(Refusal):
    """The record does not agree with itself or with its replay: an integrity failure."""

    kind = "diverged"


class Problem(Struct, frozen=True):
    """A finding in a definition. `error` forbids publishing, `warning` does not.

    `element` says where in `file`: the id of an element, or the path of a key. `line` and `column`, counted
    from 1, are given where whoever found it knows them; else `engine.problems` finds them by the element.
    `trace` is the shortest way in which a case gets there, step by step, for findings that have one.
    """

    code: str
    severity: Literal["error", "warning"]
    file: str
    element: str | None
    message: Text
    expected: Text = NOTHING
    found: Text = NOTHING
    remedy: Text = NOTHING
    line: int | None = None
    column: int | None = None
    trace: tuple[Text, ...] = ()

    def as_dict(self, translate: Callable[[str], str] = lambda msgid: msgid) -> dict[str, Any]:
        """The finding with stable keys, its texts in the language of `translate`."""
        return {
            "code": self.code,
            "severity": self.severity,
            "file": self.file,
            "line": self.line,
            "element": self.element,
            "message": self.message.render(translate),
            "expected": self.expected.render(translate),
            "found": self.found.render(translate),
            "remedy": self.remedy.render(translate),
            "trace": [text.render(translate) for text in self.trace],
        }
