"""An item's picture and its service guide, of a published version or of a folder that is being written."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from .. import clock
from ..definition import Definition, builtin, read_folder
from ..errors import Invalid, Unknown, say
from ..organisation import Organisation, read_register
from ..store import DefinitionRow
from .publishing import NotPublishable

if TYPE_CHECKING:  # imported where something is drawn: it takes the diagram reader along
    from ..drawing import Drawing

DIAGRAM = "diagram.bpmn"
MOST_BYTES = 20_000_000
"""Largest diagram that is read."""


def picture(content: bytes, file: str) -> dict[str, Any]:
    """`{diagram, width, height, elements, laid_out, content}` of a BPMN file: `content` is its SVG,
    `elements` the ids that are in it, `laid_out` whether any of it had no place in the file. Raises
    `Undrawable`."""
    from ..drawing import draw

    drawing: Drawing = draw(content, file=file)
    return {
        "diagram": file,
        "width": drawing.width,
        "height": drawing.height,
        "elements": [*drawing.boxes, *drawing.ways],
        "laid_out": drawing.laid_out,
        "content": drawing.svg,
    }


def picture_of(definition: Definition, file: str | None) -> dict[str, Any]:
    """`picture` of a diagram of a definition: its own, or the `file` named."""
    name, content = diagram_of(definition, file)
    return picture(content, name)


def diagram_of(definition: Definition, file: str | None) -> tuple[str, bytes]:
    """The name and the bytes of a diagram of a definition: its own, or the `file` named. Raises `Unknown`."""
    name = file or DIAGRAM
    known = sorted(path for path in definition.files if path.endswith(".bpmn"))
    if name not in known:
        raise _no_diagram(name, known)
    return name, definition.files[name]


def picture_of_folder(folder: Path, file: str | None) -> dict[str, Any]:
    """`picture` of a diagram in a folder, whatever else is wrong with the item. Raises `Unknown` too."""
    name = file or DIAGRAM
    path = folder / name
    if not path.is_file():
        raise _no_diagram(name, sorted(found.name for found in folder.glob("*.bpmn")))
    return picture(read_diagram(path), name)


def read_diagram(path: Path) -> bytes:
    """The bytes of a diagram's file. Raises `Invalid`."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise Invalid(
                "file.too_big",
                say("{file} is larger than {most} bytes", file=str(path), most=MOST_BYTES),
                remedy=say("split the process into called processes"),
            )
        return path.read_bytes()
    except OSError as error:
        raise Invalid(
            "file.unreadable",
            say("{file} can't be read: {error}", file=str(path), error=error.strerror or repr(error)),
            remedy=say("put the file there: {path}", path=str(path)),
        ) from error


def about(row: DefinitionRow) -> dict[str, Any]:
    """Which published version it is: `{item, version, definition}`."""
    return {"item": row.item, "version": row.version, "definition": row.definition}


def guide_page(
    definition: Definition,
    organisation: Organisation,
    version: int | None,
    lang: str,
    translate: Callable[[str], str],
) -> dict[str, Any]:
    """`{item, version, definition, effective, not_stated, charts, content}`: the guide as HTML in `content`,
    the files of its flow charts, and what the law wants published that the definition does not say
    (`{field, name}`). `version` is None for what is not published."""
    from ..guide import OBLIGED, charts, guide, page

    said = guide(definition, organisation, version)
    drawings = charts(definition, translate)
    html = page(said, drawings, lang, translate)
    return {
        **{key: said[key] for key in ("item", "version", "definition", "effective")},
        "not_stated": [{"field": name, "name": OBLIGED[name]} for name in said["not_stated"]],
        "charts": list(drawings),
        "content": html.decode(),
    }


def guide_of_folder(
    folder: Path,
    lang: str,
    translate: Callable[[str], str],
    organisation: Organisation | None = None,
) -> dict[str, Any]:
    """`guide_page` of the item in `folder`, by `organisation` or else the shipped one; its worked cases are
    not played. Raises `NotPublishable` with its problems."""
    if organisation is None:
        register = read_register(builtin().organisation.read_bytes())
        today: datetime = clock.now().astimezone(ZoneInfo(register.zone))
        organisation = register.on(today.date())
    definition, problems = read_folder(folder, organisation=organisation)
    if definition is None:
        errors = [problem for problem in problems if problem.severity == "error"]
        raise NotPublishable(folder.name, errors)
    return guide_page(definition, organisation, None, lang, translate)


def _no_diagram(name: str, known: list[str]) -> Unknown:
    return Unknown(
        "drawing.no_diagram",
        say("there is no diagram {name}", name=name),
        expected=say("one of: {names}", names=", ".join(known) or "—"),
        found=say("{name}", name=name),
        remedy=say("name one of them with --file"),
    )
