"""A folder → an immutable `Definition` under one digest (floor 3).

`read_folder` checks everything that makes up a service item and says all that is wrong at once; only
it needs SpiffWorkflow. `pack` and `unpack` carry a definition through the database, its compiled net
included, so that running a case never reads a diagram again.
"""

from .folder import Builtin, Examined, builtin, examine_folder, read_folder
from .model import Definition, pack, unpack

__all__ = [
    "Builtin",
    "Definition",
    "Examined",
    "builtin",
    "examine_folder",
    "pack",
    "read_folder",
    "unpack",
]
