"""Whether a log of somebody else's system follows a diagram (floor 3): each of its cases is replayed by the
`step` that runs live cases.

`log` reads XES and CSV, `field` makes of a net one that asks nobody what no log tells, `align` finds for a
case the way through it with the fewest deviations, `check` does so for a whole log. docs/exports.md has it
in words.
"""

from __future__ import annotations

from .check import conform
from .log import Columns, Log, read_log

__all__ = ["Columns", "Log", "conform", "read_log"]
