"""Where on its diagrams a case can be: elements of the processes by chart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from lxml import etree

from ..definition import Definition
from ..drawing import Drawing, draw
from ..guide import diagrams

Place = str
"""`CHART:ELEMENT`, as the page finds it: the same id may be in several diagrams."""


class Chart(NamedTuple):
    """A diagram of a version that the case ran by: the `number`th of the page."""

    number: int
    definition: str
    file: str
    content: bytes
    drawing: Drawing
    elements: frozenset[str]


class Atlas:
    """The charts of all versions that the case ran by, each drawn once, as laying out takes time. `title`
    gives that of an item."""

    def __init__(self, title: Callable[[Definition], str]) -> None:
        self._title = title
        self.charts: list[Chart] = []
        self._by_process: dict[tuple[str, str], Chart] = {}
        self._of: dict[str, list[Chart]] = {}

    def charts_of(self, definition: Definition) -> list[Chart]:
        """The charts of a version, its own diagram first. Raises `drawing.Undrawable`."""
        known = self._of.get(definition.digest)
        if known is None:
            known = []
            for file, content in diagrams(definition):
                number = len(self.charts)
                title = self._title(definition) if file == "diagram.bpmn" else ""
                drawing = draw(content, file=file, prefix=f"c{number}-", title=title)
                elements = frozenset((*drawing.boxes, *drawing.ways))
                chart = Chart(number, definition.digest, file, content, drawing, elements)
                self.charts.append(chart)
                known.append(chart)
            self._of[definition.digest] = known
        return known

    def place(self, definition: Definition, scope: str, element: str) -> Place | None:
        """Where an element (or flow) of `scope` is; None for what is in no picture."""
        for chart in self._likely(definition, scope.partition("/")[0]):
            if element in chart.elements:
                return f"{chart.number}:{element}"
        return None

    def moved(
        self, places: Mapping[Place, int], names: Mapping[str, str], to: Definition
    ) -> dict[Place, int]:
        """The same places on the charts of the version `to`, where elements are called by `names`."""
        found: dict[Place, int] = {}
        for place, count in places.items():
            element = place.partition(":")[2]
            element = names.get(element, element)
            for chart in self.charts_of(to):
                if element in chart.elements:
                    found[f"{chart.number}:{element}"] = count
                    break
        return found

    def _likely(self, definition: Definition, process: str) -> Iterator[Chart]:
        """The charts of a version, the one that the process is in first."""
        charts = self.charts_of(definition)
        key = (definition.digest, process)
        if key not in self._by_process:
            named = f'id="{process}"'.encode()
            self._by_process[key] = next((chart for chart in charts if named in chart.content), charts[0])
        first = self._by_process[key]
        yield first
        yield from (chart for chart in charts if chart is not first)


def marked(svg: str, marks: Mapping[str, str]) -> str:
    """The picture with these classes on its elements."""
    root = etree.fromstring(svg)
    for group in root.iter("{*}g"):
        more = marks.get(group.get("data-element", ""))
        if more:
            group.set("class", f"{group.get('class')} {more}")
    return etree.tostring(root, encoding="unicode")
