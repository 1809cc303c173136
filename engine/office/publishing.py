"""From a folder to a version in force."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from .. import clock
from ..clock import write_instant
from ..definition import Definition, builtin, examine_folder, pack
from ..errors import NOTHING, Invalid, Problem, say
from ..events import DefinitionPublished, digest
from ..organisation import Organisation, read_register
from ..problems import Excerpt, in_order
from ..store import DefinitionRow, Transaction
from .draft import append_office


@dataclass(frozen=True)
class Checked:
    """All that was found in an item's folder, in the order of its files and their lines.

    `problems` come with what stands in their line, if they have one; `definition` is None if and only if one
    of them is an error; `played` is how many worked cases were played.
    """

    definition: Definition | None
    problems: list[tuple[Problem, Excerpt | None]]
    played: int


def check_folder(folder: Path, organisation: Organisation | None = None) -> Checked:
    """`Office.check` where there is no office: against the shipped organisation."""
    from ..documents import check
    from ..examples import play_all

    if organisation is None:
        register = read_register(builtin().organisation.read_bytes())
        organisation = register.on(clock.now().astimezone(ZoneInfo(register.zone)).date())
    examined = examine_folder(folder, organisation=organisation)
    problems = list(examined.problems)
    found = check(examined.templates, *examined.issued)
    problems += [replace(problem, file=f"forms/{problem.file}") for problem in found]
    playable = examined.playable
    if any(problem.code == "document.template" for problem in problems):
        playable = None  # an act that can't be documented is not done
    if playable is not None:
        problems += play_all(playable, organisation)
    return Checked(
        None if _errors(problems) else playable,
        in_order(examined.files, problems),
        0 if playable is None else len(playable.examples),
    )


def _errors(problems: Iterable[Problem]) -> list[Problem]:
    return [problem for problem in problems if problem.severity == "error"]


def publishable(folder: Path, organisation: Organisation) -> Definition:
    """The item in `folder`. Raises `NotPublishable` with all its problems."""
    checked = check_folder(folder, organisation)
    if checked.definition is None:
        raise NotPublishable(folder.name, _errors(problem for problem, _ in checked.problems))
    return checked.definition


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
