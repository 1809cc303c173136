"""Two versions of an item side by side, as a page: what changed in words, and in the diagrams (floor 5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .definition import Definition
from .definition.differences import AUDIENCES, Difference
from .definition.model import DIAGRAM, ITEM
from .documents import render
from .drawing import draw
from .errors import Text, say

TEMPLATE = Path(__file__).with_name("comparison.j2")

_STYLE = """
.added .outline, .added .line { stroke: #1a7f37 !important; stroke-width: 3; }
.removed .outline, .removed .line { stroke: #b3261e !important; stroke-width: 3; stroke-dasharray: 7 4; }
.changed .outline, .changed .line { stroke: #b26a00 !important; stroke-width: 3; }
.renamed .outline, .renamed .line { stroke: #0b5cad !important; stroke-width: 3; }
"""
"""By colour and by line, so that it can be told without colours too."""

_MARKS = {"added": "+", "removed": "−", "changed": "~", "renamed": "="}


def page(
    old: Definition,
    new: Definition,
    names: tuple[str, str],
    found: Sequence[Difference],
    lang: str,
    translate: Callable[[str], str],
) -> bytes:
    """One HTML page for web and print; `names` are what the two are called, `found` what they differ in.
    Raises `drawing.Undrawable`."""
    pictures: dict[str, str] = {}
    charts = []
    files = dict.fromkeys(path for path in [*old.files, *new.files] if path.endswith(".bpmn"))
    for number, file in enumerate(sorted(files, key=lambda path: (path != DIAGRAM, path)), 1):
        sides, shown = [], False
        for side, definition in (("old", old), ("new", new)):
            if file not in definition.files:
                continue
            key = f"{side}{number}"
            marks = _marked(found, file, side)
            drawing = draw(definition.files[file], file=file, marks=marks, style=_STYLE, prefix=f"{key}-")
            pictures[key] = drawing.svg
            shown = shown or any(element in drawing.boxes or element in drawing.ways for element in marks)
            title = say("before") if side == "old" else say("after")
            sides.append({"key": key, "title": title.render(translate)})
        if shown:  # a diagram in which nothing is marked shows nothing
            charts.append({"file": file, "sides": sides})
    groups = [
        {
            "title": title.render(translate),
            "lines": [_line(one, translate) for one in found if one.audience == audience],
        }
        for audience, title in AUDIENCES.items()
    ]
    words: Mapping[str, Text] = {
        "title": say("What changes"),
        "nothing": say("Nothing is different."),
        "charts": say("In the diagram"),
        "legend": say("green: new · red, dashed: no more · orange: changed · blue: another id"),
        "digests": say("Digests"),
    }
    context = {
        "lang": "zh-CN" if lang == "zh" else "en",
        "name": new.title().render(translate),
        "words": {key: text.render(translate) for key, text in words.items()},
        "groups": [group for group in groups if group["lines"]],
        "charts": charts,
        "versions": [
            {"name": name, "digest": definition.digest, "effective": definition.effective}
            for name, definition in zip(names, (old, new), strict=True)
        ],
    }
    return render({"comparison.j2": TEMPLATE.read_bytes()}, "comparison.j2", context, pictures)


def _marked(found: Sequence[Difference], file: str, side: str) -> dict[str, str]:
    """Element → what became of it, on one side: there it is not what came only with the other."""
    elsewhere = "added" if side == "old" else "removed"
    marks: dict[str, str] = {}
    for one in found:
        if one.element is None or one.file not in (file, ITEM) or one.change == elsewhere:
            continue
        # An element under another id is found by the one that it has here.
        element = str(one.before) if one.change == "renamed" and side == "old" else one.element
        marks.setdefault(element, one.change)
    return marks


def _line(one: Difference, translate: Callable[[str], str]) -> dict[str, Any]:
    return {
        "change": one.change,
        "mark": _MARKS[one.change],
        "text": one.text.render(translate),
        "before": one.before.render(translate),
        "after": one.after.render(translate),
    }
