"""An item with its diagram, as the checks of its sections look at it; and what several of them check."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from ..errors import Problem
from ..flow.net import ACTIVITIES, Net, Node, Scope
from ..forms import NO_FIELDS
from ..forms.schema import Schema, shape
from .checks import Organisation
from .clock_checks import bound_timers, readable_clocks
from .model import DIAGRAM, ITEM, form_path
from .wording import unknown


class Drawn:
    """An item with its diagram, and what the checks keep asking about it.

    `forms` are the usable forms by name, `sources` the file of each process; `found` what `check_item` said.
    """

    def __init__(
        self,
        item: Mapping[str, Any],
        net: Net,
        forms: Mapping[str, Mapping[str, Any]],
        sources: Mapping[str, str],
        organisation: Organisation | None,
        found: Sequence[Problem],
    ) -> None:
        self.item, self.net, self.forms, self.sources = item, net, forms, sources
        self.organisation = organisation
        self.faulty = [(problem.element or "").split(".") for problem in found]
        clocks = item.get("clocks", {})
        self.clock_entries: Mapping[str, Any] = clocks if isinstance(clocks, Mapping) else {}
        self.clocks, _ = readable_clocks(self.clock_entries, found)
        documents = item.get("documents", {})
        self.documents: Mapping[str, Any] = documents if isinstance(documents, Mapping) else {}

    def section(self, name: str) -> Any:
        """The section of item.toml; None if there is none, or its shape is wrong."""
        return None if any(place[0] == name for place in self.faulty) else self.item.get(name)

    def entries(self, name: str) -> dict[str, Mapping[str, Any]]:
        """The sections `[<name>.<id>]` whose shape is right."""
        section = self.item.get(name)
        if not isinstance(section, Mapping) or [name] in self.faulty:
            return {}
        faulty = {place[1] for place in self.faulty if place[0] == name and len(place) > 1}
        return {id: entry for id, entry in section.items() if id not in faulty}

    @cached_property
    def nodes(self) -> dict[str, tuple[Scope, Node]]:
        """Every element with its scope, those of the item's own process before those of called ones."""
        found: dict[str, tuple[Scope, Node]] = {}
        for scope in sorted(self.net.scopes.values(), key=lambda s: process_of(s) != self.net.process):
            for node in scope.nodes.values():
                found.setdefault(node.id, (scope, node))
        return found

    def file(self, scope: Scope) -> str:
        """The file in which `scope` is drawn."""
        return self.sources.get(process_of(scope), DIAGRAM)

    def around(self, scope: Scope) -> list[tuple[Scope, Node]]:
        """The subprocesses and call activities that `scope` runs in, with the scopes these lie in."""
        found: list[tuple[Scope, Node]] = []
        bodies = [scope.id]
        for body in bodies:
            for outer in self.net.scopes.values():
                for node in outer.nodes.values():
                    if node.body == body and (outer, node) not in found:
                        found.append((outer, node))
                        bodies.append(outer.id)
        return found

    def waited_for(self, clock: str) -> bool:
        """Whether a timer event of the diagram waits until the clock runs out."""
        return bool(bound_timers(self.net).get(clock))

    def performer(self, node: Node) -> str | None:
        """`unit/post` that does `node` by its lane; None where it is worked out in the case, or unknown."""
        if node.lane is None or node.loop is not None or "unit" in node.properties:
            return None
        bound = self.item.get("lanes", {}).get(node.lane)
        return None if bound is None else str(bound)

    def form(self, node: Node) -> Schema | None:
        """What `node` asks; None for a form that can't be used, which has been reported."""
        name = node.properties.get("form")
        return NO_FIELDS if name is None else self.forms.get(name)

    def form_place(self, scope: Scope, node: Node) -> tuple[str, str | None]:
        """File and element of what is wrong with the form of `node`."""
        name = node.properties.get("form")
        return (self.file(scope), node.id) if name is None else (form_path(name), "properties")


def well_shaped(item: Mapping[str, Any], found: Sequence[Problem]) -> tuple[dict[str, Any], frozenset[str]]:
    """`item` with its sections at least tables, and the names of those that say too little of what was meant:
    `found`, which `check_item` said, is about the section as a whole."""
    broken = {name for name in _TABLES if not isinstance(item.get(name, {}), Mapping)}
    unclear = broken | {problem.element for problem in found if problem.element in _TABLES}
    shaped = {name: entry for name, entry in item.items() if name not in broken}
    return shaped, frozenset(unclear) if item else frozenset(_TABLES)


_TABLES = ("lanes", "outcomes", "documents", "clocks")


def certain(
    problem: Problem, net: Net | None, unread: Collection[str] = (), unclear: Collection[str] = ()
) -> bool:
    """Whether `problem` stands by itself, or only follows from one that has been told.

    It was found in a sketch of the diagram (`net`) that shows of the elements `unread` too little, and in an
    item whose sections `unclear` say too little. If it is still there once these are mended, it is told then.
    """
    if _OF_A_SECTION.get(problem.code) in unclear:
        return False
    if net is None or not unread or problem.code in _OF_THE_ELEMENT_ALONE:
        return True
    unknown = [node for scope in net.scopes.values() for id, node in scope.nodes.items() if id in unread]
    if problem.code in _WHERE_NO_EVENT and any(node.kind in _WAITING for node in unknown):
        return False
    if problem.code == "variable.unknown" and any(node.kind in ACTIVITIES for node in unknown):
        return False
    named = [problem.element, *(value for value in problem.message.params.values() if isinstance(value, str))]
    return not any(name in unread for name in named)


_OF_A_SECTION = {
    "lane.unbound": "lanes",
    "outcome.missing": "outcomes",
    "outcome.unknown": "outcomes",
    "document.unknown": "documents",
    "clock.unknown": "clocks",
}
"""What is said of a name because a section of item.toml lacks it."""
_OF_THE_ELEMENT_ALONE = frozenset({"step.performer", "form.unknown", "document.unknown", "step.officers"})
"""What is said of an element by its lane and its properties, which can be seen anyway."""
_WHERE_NO_EVENT = frozenset({"clock.no_timer", "clock.route"})
_WAITING = frozenset({"start", "catch", "boundary"})


def process_of(scope: Scope) -> str:
    """The id of the process that `scope` is a part of."""
    return scope.id.split("/")[0]


def fields_of(form: Schema, answers: Mapping[str, Any] | None = None) -> dict[str, Schema]:
    """The fields of a form, those of all its branches, or those it has given `answers`."""
    return shape(form, form, answers)[0]


def check_unit(drawn: Drawn, place: str, unit: str) -> Iterator[Problem]:
    """A problem unless the organisation has `unit`, named at `place` of item.toml."""
    if drawn.organisation is not None and unit not in drawn.organisation.units:
        yield unknown("unit", ITEM, place, unit, drawn.organisation.units)


def check_document(drawn: Drawn, place: str, document: str | None) -> Iterator[Problem]:
    """A problem unless the item has `document`, named at `place` of item.toml."""
    if document is not None and document not in drawn.documents:
        yield unknown("document", ITEM, place, document, drawn.documents)


def quoted(names: Iterable[str]) -> str:
    """A list as TOML has it."""
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"
