"""Data associations (BPMN 2.0.2 §10.4.2): what a node is given, and where what it gives is put.

All steps of a process see its variables, so an association as most modelers draw it, between a step and a
data object and no more, has nothing to do. One that leads from or to a named input or output of the step
copies, or calculates: an input when the step begins, an output when it is done.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lxml import etree

from ...errors import say
from .findings import BPMN, Findings, child, label, local, refuse, text_of

_LOOPS = ("multiInstanceLoopCharacteristics", "standardLoopCharacteristics")
_SENDS = frozenset({"endEvent", "intermediateThrowEvent"})
_HUMAN = frozenset({"userTask", "manualTask"})


class Associations:
    """Those of flow node `node`; `data` are the names of data objects by id."""

    def __init__(self, node: etree._Element, data: Mapping[str, str], findings: Findings) -> None:
        self.node = node
        self.data = data
        self.findings = findings
        root = node.getroottree().getroot()
        self.stores = {store.get("id") for store in root.iter(BPMN + "dataStoreReference")}

    def inputs(self) -> tuple[tuple[str, str], ...]:
        """What the activity sees besides, `(name, expression)`: mostly another name for a variable."""
        if (loop := child(self.node, _LOOPS[0])) is not None:
            self._check_store(
                *(text_of(child(loop, ref)) for ref in ("loopDataInputRef", "loopDataOutputRef"))
            )
        found: list[tuple[str, str]] = []
        for part in self.node.iterfind(BPMN + "dataInputAssociation"):
            if _is_calculated(part):
                found += self._given(part)
                continue
            copied = self._copied(part, "dataInput", "targetRef", "sourceRef")
            if copied is None:
                continue
            if local(self.node) in _SENDS:
                self._warn(part, copied[0])
            else:
                found.append(copied)
        return tuple(found)

    def outputs(self, answered: str | None) -> tuple[tuple[str, str], ...]:
        """The assignments `(variable, expression)` when the node is done; its answers are in the variable
        `answered`, if that is given."""
        found: list[tuple[str, str]] = []
        for part in self.node.iterfind(BPMN + "dataOutputAssociation"):
            if _is_calculated(part):
                looped = child(self.node, _LOOPS[0]) is not None
                if looped or local(self.node) == "endEvent":
                    self._refuse_calculated()
                found += [(self.data.get(to, to), source) for to, source in self._calculated(part)]
                continue
            copied = self._copied(part, "dataOutput", "sourceRef", "targetRef")
            if copied is None:
                continue
            if any(child(self.node, loop) is not None for loop in _LOOPS):
                refuse(
                    self.node,
                    self.findings,
                    say("data output {name} of one of many instances", name=copied[0]),
                    say("name it as the loop's output, or draw a script task behind it"),
                )
            name, variable = copied
            found.append((variable, name if answered in (None, name) else f"{answered}.{name}"))
        return tuple(found)

    def _given(self, part: etree._Element) -> Iterator[tuple[str, str]]:
        """The inputs that an association calculates. A person's task needs none: its form shows variables."""
        self._check_store(*(text_of(source) for source in part.iterfind(BPMN + "sourceRef")))
        for target, source in self._calculated(part):
            own = self._own("dataInput").get(target)
            name = "" if own is None else own.get("name", "")
            looped = any(child(self.node, loop) is not None for loop in _LOOPS)
            if self._is_of_loop(target) or (looped and local(self.node) not in _HUMAN):
                self._refuse_calculated()
            elif local(self.node) in _SENDS | _HUMAN or not name.isidentifier():
                self._warn(part, name or target)
            else:
                yield name, source

    def _calculated(self, part: etree._Element) -> Iterator[tuple[str, str]]:
        target = text_of(child(part, "targetRef"))
        self._check_store(target)
        if (transformation := text_of(child(part, "transformation"))) != "":
            yield target, transformation
        for assignment in part.iterfind(BPMN + "assignment"):
            to = text_of(child(assignment, "to"))
            self._check_store(to)
            yield to, text_of(child(assignment, "from"))

    def _copied(self, part: etree._Element, tag: str, inner: str, outer: str) -> tuple[str, str] | None:
        """The names of the input or output that an association without calculation copies, and of the data
        object; None if it copies nothing."""
        ends = {name: [text_of(end) for end in part.iterfind(BPMN + name)] for name in (inner, outer)}
        if not all(any(refs) for refs in ends.values()):
            return None  # as bpmn.io draws it: one end only, or (below) a property that stands for the step
        within = self._own(tag).get(ends[inner][0])
        if within is None:
            return None
        name = within.get("name", "")
        of_loop = self._is_of_loop(ends[inner][0])
        if of_loop or name.isidentifier():
            self._check_store(*ends[outer])
        if of_loop:
            return None
        if len(ends[outer]) > 1:
            refuse(
                self.node,
                self.findings,
                say("data association from several sources"),
                say("draw one data association for each of them"),
            )
            return None
        variable = self.data.get(ends[outer][0], ends[outer][0])
        if not name.isidentifier() or not variable.isidentifier():
            self._warn(part, name or ends[inner][0])
            return None
        return None if name == variable else (name, variable)

    def _own(self, tag: str) -> dict[str, etree._Element]:
        return {e.get("id", ""): e for e in self.node.iterfind(f".//{BPMN}{tag}") if self._is_own(e)}

    def _is_own(self, end: etree._Element) -> bool:
        """Whether an input or output is of this node itself and not of something inside it."""
        around = end.getparent()
        if around is not None and local(around) == "ioSpecification":
            around = around.getparent()
        return around is self.node

    def _is_of_loop(self, id: str) -> bool:
        loop = child(self.node, _LOOPS[0])
        if loop is None:
            return False
        return id in (text_of(child(loop, "loopDataInputRef")), text_of(child(loop, "loopDataOutputRef")))

    def _check_store(self, *ends: str) -> None:
        """A data store keeps nothing here, so nothing may depend on it."""
        if self.stores.intersection(ends):
            refuse(
                self.node,
                self.findings,
                say("reading or writing a data store"),
                say("draw a data object, or say it in a text annotation"),
            )

    def _refuse_calculated(self) -> None:
        refuse(
            self.node,
            self.findings,
            say("data association with a transformation or assignment"),
            say("draw a script task that sets the variable"),
        )

    def _warn(self, part: etree._Element, name: str) -> None:
        self.findings.warning(
            "association.not_executed",
            self.node,
            say(
                "{element}: its data association with {name} copies nothing",
                element=label(self.node),
                name=name,
            ),
            remedy=say("give both ends names that an expression can read, or leave it as documentation"),
        )


def _is_calculated(part: etree._Element) -> bool:
    return child(part, "transformation") is not None or child(part, "assignment") is not None
