"""The two ways in which an expression goes wrong: as it is written, or on the data it meets."""

from __future__ import annotations

from ..errors import NOTHING, Text


class Fault(Exception):
    """`code` is stable and dotted; `message` is for the person who drew the diagram."""

    def __init__(self, code: str, message: Text) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return str(self.message)


class Malformed(Fault):
    """The text is not an expression, script or table that lianban runs. Raised when it is compiled. Of a
    cell it says what was `expected` in it, and what was `found`; of a table, its id."""

    table = ""
    expected: Text = NOTHING
    found: Text = NOTHING

    def about(self, expected: Text, found: Text) -> Malformed:
        """This, with both said."""
        self.expected, self.found = expected, found
        return self


class Failed(Fault):
    """The expression is well formed but has no value on this data. Raised when it is evaluated."""
