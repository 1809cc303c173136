"""Names of a package that are imported when first asked for (PEP 562).

Most of a short command's time is imports, and it needs few of a room's corners. A package that says
`__getattr__ = late(__name__, {"folder": "builtin read_folder"})` has `builtin` like any other name, and the
module `folder` is imported with it; type checkers read the same import under `TYPE_CHECKING`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def late(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """The `__getattr__` of `package`: `modules` names by module what is imported from it."""
    home = {name: module for module, names in modules.items() for name in names.split()}

    def get(name: str) -> Any:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(f".{home[name]}", package), name)
        setattr(sys.modules[package], name, value)  # from now on found without asking here
        return value

    return get
