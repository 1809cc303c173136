"""From a folder to a version in force."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from .. import clock
from ..clock import write_instant
from ..definition import Definition, builtin, pack, read_folder
from ..errors import NOTHING, Invalid, Problem, say
from ..events import DefinitionPublished, digest
from ..organisation import Organisation, read_register
from ..store import DefinitionRow, Transaction
from .draft import append_office


def check_folder(
    folder: Path, organisation: Organisation | None = None
) -> tuple[Definition | None, list[Problem]]:
    """`Office.check` where there is no office: against the shipped organisation."""
    from ..examples import play_all

    organisation = organisation or shipped_organisation()
    definition, problems = read_item(folder, organisation)
    if definition is not None:
        problems += play_all(definition, organisation)
    return None if _errors(problems) else definition, problems


def shipped_organisation() -> Organisation:
    """The shipped example organisation as it stands today."""
    register = read_register(builtin().organisation.read_bytes())
    return register.on(clock.now().astimezone(ZoneInfo(register.zone)).date())


def read_item(folder: Path, organisation: Organisation) -> tuple[Definition | None, list[Problem]]:
    """The item in `folder` with its problems, its examples not played yet."""
    from ..documents import check

    definition, problems = read_folder(folder, organisation=organisation)
    if definition is not None:
        for described in definition.item.get("documents", {}).values():
            problems += check(definition.templates, described["template"])
    return None if _errors(problems) else definition, problems


def _errors(problems: Iterable[Problem]) -> list[Problem]:
    return [problem for problem in problems if problem.severity == "error"]


def publishable(folder: Path, organisation: Organisation) -> Definition:
    """The item in `folder`. Raises `NotPublishable` with all its problems."""
    definition, problems = check_folder(folder, organisation)
    if definition is None:
        raise NotPublishable(folder.name, _errors(problems))
    return definition


def readable(folder: Path, organisation: Organisation) -> Definition:
    """The item in `folder`, whether or not its examples come out. Raises `NotPublishable` with all its other
    problems."""
    definition, problems = read_item(folder, organisation)
    if definition is None:
        raise NotPublishable(folder.name, _errors(problems))
    return definition


def put_in_force(tx: Transaction, definition: Definition, now: datetime, by: dict[str, Any]) -> DefinitionRow:
    """Make it the latest version of its item, unless it is that already."""
    rows = tx.definitions(definition.code)
    if rows and rows[-1].definition == definition.digest:
        return rows[-1]
    row = DefinitionRow(
        item=definition.code,
        version=len(rows) + 1,
        definition=definition.digest,
        net=digest(definition.net_bytes),
        effective=definition.effective,
        published_at=write_instant(now),
    )
    tx.put_content(definition.digest, pack(definition))
    tx.add_definition(row)
    append_office(tx, now, [DefinitionPublished(row.item, row.definition, row.net, row.effective)], by)
    return row


class NotPublishable(Invalid):
    """The definition has errors; `problems` lists all of them."""

    def __init__(self, item: str, problems: list[Problem]) -> None:
        super().__init__(
            "definition.problems",
            say("{item} can't be published: {count} problems", item=item, count=len(problems)),
            expected=say("a definition without errors"),
            found=say("{first}", first=problems[0].message if problems else NOTHING),
            remedy=say("see all of them with `lianban item check {item}`", item=item),
        )
        self.problems = problems
