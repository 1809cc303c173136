"""The safe expression language of diagrams and tables (floor 1).

`compile_expression`, `compile_script` and `compile_table` check a text once and raise `Malformed`;
what they return is evaluated over plain JSON data, gives plain JSON data, and raises only `Failed`.
`examine` finds the gaps and overlaps of a table.
Nothing a text can say reaches Python itself: see `language` for what is allowed and why that is safe.
"""

from __future__ import annotations

from .boxed import shown
from .coverage import Coverage, Example, examine
from .faults import Failed, Malformed
from .language import Expression, Script, compile_expression, compile_script
from .tables import Table, compile_table

__all__ = [
    "Coverage",
    "Example",
    "Expression",
    "Failed",
    "Malformed",
    "Script",
    "Table",
    "compile_expression",
    "compile_script",
    "compile_table",
    "examine",
    "shown",
]
