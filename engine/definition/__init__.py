"""A folder → an immutable `Definition` under one digest (floor 3).

`read_folder` checks everything that makes up a service item and says all that is wrong at once; only
it needs SpiffWorkflow. `pack` and `unpack` carry a definition through the database, its compiled net
included, so that running a case never reads a diagram again.

Each kind of rule is checked in one room: `law_checks` (what the law asks, with the article of each finding),
`term_checks` (how long things may take), `clock_checks`, `review_checks` (joint review, meetings),
`acting_checks` (who may act, what is handed in), `condition_checks` (conditions against forms),
`reference_checks` (names that lead nowhere), `checks` (files against schemas, diagram against the entry,
worked cases).
"""

from typing import TYPE_CHECKING

from ..late import late
from .model import Definition, pack, unpack

if TYPE_CHECKING:
    from .folder import Builtin, Examined, builtin, examine_folder, read_folder, recompiled

__getattr__ = late(__name__, {"folder": "Builtin Examined builtin examine_folder read_folder recompiled"})

__all__ = [
    "Builtin",
    "Definition",
    "Examined",
    "builtin",
    "examine_folder",
    "pack",
    "read_folder",
    "recompiled",
    "unpack",
]
