"""The house stands as ARCHITECTURE.md says: floors, sole importers, one clock."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

ROOMS = [
    *["receipt_checker"],  # a program of its own: it imports nothing of the house, and nobody imports it
    *["errors", "late"],
    *["words", "clock", "events", "seals", "expressions", "forms", "joint", "organisation", "problems"],
    *["flow"],
    *["soundness", "definition", "access", "rehearsal", "scaffold", "conform"],
    *["deadlines", "docket", "meetings", "migration", "case", "steps", "course", "commands"],
    *[
        "drawing",
        "documents",
        "guide",
        "comparison",
        "casefile",
        "store",
        "projections",
        "audit",
        "sealed",
        "receipts",
        "extracts",
        "accountability",
        "export",
    ],
    *["time_views", "views", "causes", "replay_page", "retrace"],
    *["coverage", "backtest", "examples", "exploring", "delivery", "office", "screen"],
    *["verbs"],
    *["cli"],
]
"""From the ground up, a line a floor; a room imports only rooms that stand before it."""

SOLE_IMPORTERS = {
    "SpiffWorkflow": "engine/flow/read",
    "sqlalchemy": "engine/store",
    "alembic": "engine/store",
    "psycopg": "engine/store",
    "jinja2": "engine/documents.py",
    "cryptography": "engine/seals.py",
    "markupsafe": "engine/documents.py",
    "jsonschema": "engine/",
    "msgspec": "engine/",
    "click": ("cli.py", "engine/verbs"),
    "distributed": "engine/office/pools.py",
}


def modules() -> list[Path]:
    return sorted([*ROOT.glob("engine/**/*.py"), ROOT / "cli.py"])


def room(path: Path) -> str:
    relative = path.relative_to(ROOT)
    return relative.stem if len(relative.parts) <= 2 else relative.parts[1]


def imports(path: Path) -> Iterator[str]:
    """Absolute dotted names of what a module imports."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            prefix = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{prefix}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_imports_only_its_own_room_and_rooms_below(path: Path) -> None:
    own = room(path)
    if own == "__init__":
        return
    below = ROOMS[: ROOMS.index(own) + 1]
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "engine" and len(parts) > 1:
            assert parts[1] in below, f"{own} imports {parts[1]}"
        assert parts[0] != "cli", f"{own} imports the front end"


@pytest.mark.parametrize(("library", "home"), SOLE_IMPORTERS.items())
def test_each_library_is_known_in_one_place_only(library: str, home: str | tuple[str, str]) -> None:
    users = {
        str(path.relative_to(ROOT))
        for path in modules()
        if any(name.split(".")[0] == library for name in imports(path))
    }
    assert users, f"nothing imports {library}: take it off this list"
    assert all(user.startswith(home) for user in users), users


def test_the_clock_is_read_in_one_place() -> None:
    readers = {"now", "today", "utcnow", "time", "time_ns", "monotonic", "localtime", "gmtime"}
    found = []
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in readers
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id in ("datetime", "date", "time")
            ):
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert [place.split(":")[0] for place in found] == ["engine/clock/instants.py"], found


def test_imports_inside_the_engine_are_relative() -> None:
    offenders = []
    for path in ROOT.glob("engine/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.ImportFrom)
                and node.level == 0
                and (node.module or "").startswith("engine")
            ):
                offenders.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert not offenders
