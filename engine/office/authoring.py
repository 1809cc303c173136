"""Items as people name them: a folder that is being worked on, or a published version; and two of them
side by side."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from ..definition import Definition, read_folder
from ..definition.differences import differences, renamings
from ..errors import Unknown, say
from ..store import Reader
from .library import Library
from .publishing import NotPublishable


class Named(NamedTuple):
    """An item under the name that somebody gave for it; `version` is None for a folder."""

    name: str
    version: int | None
    definition: Definition


def read_draft(folder: Path) -> Named:
    """The item in `folder`, as far as it can be read without an office. Raises `NotPublishable`."""
    definition, problems = read_folder(folder)
    if definition is None:
        raise NotPublishable(folder.name, [problem for problem in problems if problem.severity == "error"])
    return Named(str(folder), None, definition)


def find_published(reader: Reader, library: Library, name: str) -> Named:
    """The published item that `name` means: `ITEM` (its latest version) or `ITEM@VERSION`. Raises
    `Unknown`."""
    item, _, wanted = name.partition("@")
    rows = reader.definitions(item)
    if not rows:
        known = sorted({row.item for row in reader.definitions()})
        raise Unknown(
            "item.unknown",
            say("there is no folder and no published item {item}", item=name),
            expected=say("a folder, or one of: {items}", items=", ".join(known) or "—"),
            found=say("{item}", item=name),
            remedy=say("see `lianban item list`; a version is named as {sample}", sample=f"{item}@1"),
        )
    versions = {str(row.version): row for row in rows}
    if wanted and wanted not in versions:
        raise Unknown(
            "item.version",
            say("{item} has no version {version}", item=item, version=wanted),
            expected=say("one of: {versions}", versions=", ".join(versions)),
            found=say("{version}", version=wanted),
            remedy=say("see `lianban item list`; a version is named as {sample}", sample=f"{item}@1"),
        )
    row = versions[wanted] if wanted else rows[-1]
    return Named(f"{item}@{row.version}", row.version, library.definition(reader, row.definition))


def compared(
    old: str,
    new: str | None,
    published: Callable[[str], Named],
    lang: str,
    translate: Callable[[str], str],
) -> dict[str, Any]:
    """What `new` (None: the folder `old` itself, against what is published) does differently from `old`.

    Each is a folder or a published item, as `find_published` reads it. Plain data: `old`, `new`,
    `differences`, `renamed` (old id → new id of elements that seem to be the same), and in `content` all of
    it as a page (HTML) with the diagrams. Raises `Unknown`, `NotPublishable`, `Undrawable`.
    """
    from ..comparison import page

    def find(name: str) -> Named:
        return read_draft(Path(name)) if Path(name).is_dir() else published(name)

    other = find(old if new is None else new)
    one = published(other.definition.code) if new is None else find(old)
    scopes = one.definition.net.scopes
    renamed: dict[str, str] = {}
    for id, scope in other.definition.net.scopes.items():
        root = other.definition.net.process
        renamed |= renamings(scopes.get(one.definition.net.process + id.removeprefix(root)), scope)
    found = differences(one.definition, other.definition)
    content = page(one.definition, other.definition, (one.name, other.name), found, lang, translate)
    return {
        "old": _described(one),
        "new": _described(other),
        "differences": [difference._asdict() for difference in found],
        "renamed": renamed,
        "content": content.decode(),
    }


def _described(named: Named) -> dict[str, Any]:
    definition = named.definition
    return {
        "named": named.name,
        "item": definition.code,
        "version": named.version,
        "definition": definition.digest,
        "effective": definition.effective,
        "name": definition.item["name"],
    }
