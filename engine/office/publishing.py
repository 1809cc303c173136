"""From a folder to a version in force, and to its end: superseded by another one, or abolished.

Of the versions of an item, the one with the latest effective date that has come is in force; of two with the
same date, the one that was published later. A version that is abolished opens no case any more; one that is
published after that does.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from .. import audit, clock
from ..clock import write_instant
from ..definition import Definition, Examined, builtin, examine_folder, pack
from ..errors import NOTHING, Diverged, Invalid, Problem, Unknown, say
from ..events import DefinitionPublished, ItemAbolished, canonical, digest
from ..organisation import Organisation, read_register
from ..problems import Excerpt, in_order
from ..store import DefinitionRow, Reader, Transaction
from .draft import append_office

if TYPE_CHECKING:  # imported where it is used: a running case needs none of it
    from ..scaffold import Wish


@dataclass(frozen=True)
class Checked:
    """All that was found in an item's folder, in the order of its files and their lines.

    `problems` come with what stands in their line, if they have one; `definition` is None if and only if one
    of them is an error; `played` is how many worked cases were played. What could not be looked at because of
    errors that come before it is `left`: `soundness`, `examples`.
    """

    definition: Definition | None
    problems: list[tuple[Problem, Excerpt | None]]
    played: int
    left: list[str]


def check_folder(folder: Path, organisation: Organisation | None = None) -> Checked:
    """`Office.check` where there is no office: against the shipped organisation."""
    from ..examples import play_all

    organisation = organisation or shipped_organisation()
    examined, problems, playable = _examined(folder, organisation)
    if playable is not None:
        problems += play_all(playable, organisation)
    return Checked(
        None if _errors(problems) else playable,
        in_order(examined.files, problems),
        0 if playable is None else len(playable.examples),
        [*([] if examined.explored else ["soundness"]), *([] if playable else ["examples"])],
    )


def _examined(folder: Path, organisation: Organisation) -> tuple[Examined, list[Problem], Definition | None]:
    """What is in `folder`, what is wrong with it apart from its worked cases, and what these can be played
    on."""
    from ..documents import check

    examined = examine_folder(folder, organisation=organisation)
    problems = list(examined.problems)
    found = check(examined.templates, *examined.issued)
    problems += [replace(problem, file=f"forms/{problem.file}") for problem in found]
    if any(problem.code == "document.template" for problem in problems):
        return examined, problems, None  # an act that can't be documented is not done
    return examined, problems, examined.playable


def new_item(folder: Path, wish: Wish, organisation: Organisation | None = None) -> list[str]:
    """`Office.new_item` where there is no office: for the shipped organisation."""
    from ..scaffold import make

    return make(folder, wish, organisation or shipped_organisation())


def shipped_organisation() -> Organisation:
    """The shipped example organisation as it stands today."""
    register = read_register(builtin().organisation.read_bytes())
    return register.on(clock.now().astimezone(ZoneInfo(register.zone)).date())


def _errors(problems: Iterable[Problem]) -> list[Problem]:
    return [problem for problem in problems if problem.severity == "error"]


def publishable(folder: Path, organisation: Organisation) -> Definition:
    """The item in `folder`. Raises `NotPublishable` with all its problems."""
    checked = check_folder(folder, organisation)
    if checked.definition is None:
        raise NotPublishable(folder.name, _errors(problem for problem, _ in checked.problems))
    return checked.definition


def readable(folder: Path, organisation: Organisation) -> Definition:
    """The item in `folder`, whether or not its examples come out. Raises `NotPublishable` with all its other
    problems."""
    _, problems, playable = _examined(folder, organisation)
    if playable is None or _errors(problems):
        raise NotPublishable(folder.name, _errors(problems))
    return playable


def put_in_force(tx: Transaction, definition: Definition, now: datetime, by: dict[str, Any]) -> DefinitionRow:
    """Make it the latest version of its item, unless it is that already and was not abolished."""
    rows = tx.definitions(definition.code)
    if rows and rows[-1].definition == definition.digest:
        abolished = abolitions(tx).get(definition.code)
        if abolished is None or abolished.versions < rows[-1].version:
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


ABOLISHED = "abolished"
"""The office's setting that says which items are abolished."""


class Abolition(NamedTuple):
    """No case is opened by the first `versions` versions of an item from the day `since` on: `by` whom that
    was ordered ("" for the operator of the machine), when and why."""

    since: str
    versions: int
    reason: str
    by: str
    at: str


def abolitions(reader: Reader) -> dict[str, Abolition]:
    """The latest abolition of each item that has one. Raises `Diverged` when the setting says nothing that
    lianban wrote."""
    try:
        said = json.loads(reader.meta(ABOLISHED) or "{}")
        return {item: Abolition(**entry) for item, entry in said.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise Diverged(
            "office.abolished",
            say("which items are abolished can't be read"),
            found=say("{error}", error=repr(error)),
            remedy=audit.REMEDY,
        ) from error


def abolish(
    tx: Transaction, item: str, since: date, reason: str, today: date, now: datetime, by: dict[str, Any]
) -> tuple[Abolition, bool]:
    """Abolish what is published of the item from the day `since` on; whether just that was on record before.
    Raises `Unknown`, and `Invalid` for a day that has gone by or a reason that is none."""
    rows = tx.definitions(item)
    if not rows:
        raise unknown_item(tx, item)
    if not reason.strip():
        raise Invalid(
            "item.no_reason",
            say("say why {item} is abolished", item=item),
            expected=say("a reason"),
            rule=say("what departs from the ordinary course is put on record with its reason"),
            remedy=say("add --reason"),
        )
    known = abolitions(tx)
    found = Abolition(since.isoformat(), len(rows), reason, str(by.get("person", "")), write_instant(now))
    before = known.get(item)
    if before is not None and before[:3] == found[:3]:
        return before, True
    if since < today:
        raise Invalid(
            "item.backdated",
            say("{item} can't be abolished from {since}: that day has gone by", item=item, since=str(since)),
            expected=say("{today} or later", today=str(today)),
            rule=say("what was opened under an item in force stays opened"),
            remedy=say("choose a day from today on"),
        )
    append_office(tx, now, [ItemAbolished(item, found.since, found.versions, reason)], by)
    said = {code: entry._asdict() for code, entry in {**known, item: found}.items()}
    tx.set_meta(ABOLISHED, canonical(said).decode())
    return found, False


def abolished(row: DefinitionRow, known: Mapping[str, Abolition], day: str) -> Abolition | None:
    """The abolition by which this version opens no case on the day; None if there is none."""
    found = known.get(row.item)
    return found if found is not None and row.version <= found.versions and found.since <= day else None


def refuse_abolished(item: str, found: Abolition) -> Invalid:
    """The refusal of a case of an abolished item."""
    return Invalid(
        "item.abolished",
        say(
            "{item} is abolished from {since} on: {reason}", item=item, since=found.since, reason=found.reason
        ),
        expected=say("an item in force"),
        found=say("abolished by {person} at {at}", person=found.by, at=found.at)
        if found.by
        else say("abolished by the operator of the machine at {at}", at=found.at),
        rule=say("no case of an abolished item is opened; those that are open go on"),
        remedy=say("see `lianban item list`; publishing a later version puts the item in force again"),
    )


def unknown_item(reader: Reader, item: str) -> Unknown:
    """The refusal of an item that was never published."""
    known = sorted({row.item for row in reader.definitions()})
    return Unknown(
        "item.unknown",
        say("there is no item {item}", item=item),
        expected=say("one of: {items}", items=", ".join(known) or "—"),
        found=say("{item}", item=item),
        remedy=say("see `lianban item list`; an administrator publishes items"),
    )


def statuses(
    rows: Sequence[DefinitionRow], known: Mapping[str, Abolition], day: str
) -> dict[tuple[str, int], dict[str, Any]]:
    """How each version stands on the day: its `status` (`in_force`, `coming`, `superseded`, `abolished`), and
    `until`, the first day on which it is not in force any more (None: no end is known)."""
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for row in rows:
        others = [other for other in rows if other.item == row.item and other is not row]
        ends = [
            max(other.effective, row.effective)
            for other in others
            if (other.effective, other.version) > (row.effective, row.version)
        ]
        end = known.get(row.item)
        gone = end is not None and row.version <= end.versions
        until = min(
            [*ends, *([max(end.since, row.effective)] if end is not None and gone else [])], default=None
        )
        if until is not None and until <= max(day, row.effective):
            over = end is not None and gone and end.since <= until and until not in ends
            status = "abolished" if over else "superseded"
        else:
            status = "in_force" if row.effective <= day else "coming"
        found[row.item, row.version] = {"status": status, "until": until}
    return found


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
