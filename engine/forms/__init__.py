"""Answers against a step's form (floor 1).

A form is a JSON Schema (draft 2020-12) whose root is an object: its properties are the fields. From
the one schema come the check of answers, the questions of a prompt and the reading of what a person
types. `title` is the Chinese title of a field and `x-title-en` the English one; `description` and
`x-description-en` are its help; a choice is `enum`, or `oneOf: [{const, title, x-title-en}, …]`.

A field inside a group is named with a dot, the entries of a list count from 1:
`applicant.name`, `shareholders.1.name`.
"""

from typing import TYPE_CHECKING, Any

from ..late import late

if TYPE_CHECKING:
    from .ask import Question, place, questions, read_field
    from .check import MAX_BYTES, MAX_DEPTH, check, faults, unasked
    from .lint import check_schema
    from .schema import Choice, is_public, title_at

__getattr__ = late(
    __name__,
    {
        "ask": "Question place questions read_field",
        "check": "MAX_BYTES MAX_DEPTH check faults unasked",
        "lint": "check_schema",
        "schema": "Choice is_public title_at",
    },
)

NO_FIELDS: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}
"""What a step without a form accepts: nothing but that it is done."""

__all__ = [
    "MAX_BYTES",
    "MAX_DEPTH",
    "NO_FIELDS",
    "Choice",
    "Question",
    "check",
    "check_schema",
    "faults",
    "is_public",
    "place",
    "questions",
    "read_field",
    "title_at",
    "unasked",
]
