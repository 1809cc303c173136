"""A log of another system, replayed on an item's diagram."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..clock import OFFICE_ZONE
from ..conform import Columns, conform, read_log
from ..flow.net import Net
from .authoring import Named, read_draft
from .publishing import NotPublishable

Progress = Callable[[int, int], None]


def check_log(
    what: str,
    published: Callable[[str], Named] | None,
    log: tuple[str, bytes],
    columns: Columns,
    given: Mapping[str, str],
    *,
    ended: bool,
    strict: bool,
    zone: str = OFFICE_ZONE,
    progress: Progress = lambda done, all: None,
) -> dict[str, Any]:
    """What `conform` says of `log` (its name and bytes) on `what`: a folder, a file .bpmn, or what
    `published` finds under that name. Adds `diagram` (as it was named), `definition` (digest; None of a
    file), `log`. Raises `Invalid`, `Unknown`, and `NotPublishable` for a diagram that can't be run."""
    net, digest = _net_of(what, published)
    name, content = log
    told = conform(
        net, read_log(content, name, columns, zone), given, ended=ended, strict=strict, progress=progress
    )
    return {"diagram": what, "definition": digest, "log": name, **told}


def is_drawn(what: str) -> bool:
    """Whether `what` is a folder or a file, so that no office is needed."""
    return Path(what).is_dir() or what.endswith(".bpmn")


def _net_of(what: str, published: Callable[[str], Named] | None) -> tuple[Net, str | None]:
    path = Path(what)
    if what.endswith(".bpmn") and not path.is_dir():
        from ..flow.read import read
        from .drawings import read_diagram

        files = {file.name: read_diagram(file) for file in (path, *sorted(path.parent.glob("*.dmn")))}
        net, problems = read(files)
        if net is None:
            raise NotPublishable(path.name, [problem for problem in problems if problem.severity == "error"])
        return net, None
    named = read_draft(path) if path.is_dir() or published is None else published(what)
    return named.definition.net, named.definition.digest
