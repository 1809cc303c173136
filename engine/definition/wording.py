"""How the checks of a definition word what they find."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any, Literal

from ..errors import NOTHING, Problem, Text, say
from .model import ITEM


def fault(
    code: str,
    file: str,
    element: str | None,
    message: Text,
    *,
    expected: Text = NOTHING,
    found: Text = NOTHING,
    remedy: Text = NOTHING,
) -> Problem:
    """A problem that forbids publishing."""
    return Problem(code, "error", file, element, message, expected, found, remedy)


Kind = Literal["outcome", "step", "document", "unit", "end", "clock", "ground", "joint", "field", "material"]
"""What a name in a definition may stand for."""


def unknown(kind: Kind, file: str, element: str, name: str, known: Iterable[str]) -> Problem:
    """The problem `<kind>.unknown`: `name` is none of the `known` ones."""
    messages = {
        "outcome": say("there is no outcome {name}", name=name),
        "step": say("the diagram has no step {name}", name=name),
        "document": say("{item} has no document {name}", item=ITEM, name=name),
        "unit": say("the organisation has no unit {name}", name=name),
        "end": say("the diagram has no end event {name}", name=name),
        "clock": say("{item} has no clock {name}", item=ITEM, name=name),
        "ground": say("{name} is none of the grounds of this clock", name=name),
        "joint": say("{item} has no joint review {name}", item=ITEM, name=name),
        "field": say("the form has no field {name}", name=name),
        "material": say("no entry of [[materials]] has the id {name}", name=name),
    }
    known = sorted(known)
    expected = one_of(known)
    if len(known) > _MOST_LISTED:  # a county's units, say: those that look most alike
        alike = sorted(difflib.get_close_matches(str(name), known, _LISTED_OF_MANY, 0))
        expected = say("one of {count}, such as {names}", count=len(known), names=", ".join(alike))
    return fault(
        f"{kind}.unknown", file, element, messages[kind], expected=expected, remedy=near(name, known)
    )


_MOST_LISTED, _LISTED_OF_MANY = 24, 8


def one_of(known: Iterable[Any]) -> Text:
    """The choice that there was."""
    return say("one of: {names}", names=", ".join(map(str, known)) or "—")


def near(name: Any, known: Iterable[str], otherwise: Text = NOTHING) -> Text:
    """The known name that was probably meant, or else `otherwise`."""
    close = difflib.get_close_matches(str(name), [str(k) for k in known], 1)
    return say("did you mean {name}?", name=close[0]) if close else otherwise
