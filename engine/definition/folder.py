"""From a folder on disk to a `Definition`, or to everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import Problem, say
from ..events import canonical
from ..flow.net import Net
from .model import DIAGRAM, ITEM, Definition, digest_of, form_path, read_toml, templates_in

if TYPE_CHECKING:  # the checks are imported where they are done: a running case needs none of them
    from .checks import Organisation

_ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Builtin:
    """What lianban ships, in a checkout as in an installed copy: folders, and the organisation file."""

    processes: Path
    forms: Path
    organisation: Path

    def items(self) -> dict[str, Path]:
        """The folders of the shipped items by code."""
        return {path.parent.name: path.parent for path in sorted(self.processes.glob(f"*/{ITEM}"))}


def builtin() -> Builtin:
    """Where the shipped items, forms and the example organisation are."""
    processes = _ROOT / "processes"
    return Builtin(processes, _ROOT / "forms", processes / "organisation.toml")


def read_folder(
    folder: Path,
    forms: Path | None = None,
    shared: Path | None = None,
    organisation: Organisation | None = None,
) -> tuple[Definition | None, list[Problem]]:
    """The item in `folder`, and every problem found, each with its file and element.

    `forms` holds the forms and templates, `shared` the diagrams of called processes; left out, they are
    those beside the folder (`../../forms`, `../shared`) or else the shipped ones. What the item has in a
    folder `forms` of its own goes before. Units are checked against `organisation` if there is one. The
    definition is None if and only if a problem is an error.
    """
    examined = examine_folder(folder, forms, shared, organisation)
    return examined.definition, examined.problems


def recompiled(
    definition: Definition, changed: Mapping[str, bytes]
) -> tuple[Definition | None, list[Problem]]:
    """`definition` with other bytes in the files `changed` (by path), its diagrams and tables compiled anew,
    and the problems found in these. The definition is None if and only if a problem is an error."""
    from ..flow.read import read

    files = {**definition.files, **changed}
    diagrams = {name: content for name, content in files.items() if name.endswith((".bpmn", ".dmn"))}
    net, problems = read(diagrams, definition.net.process)
    if net is None:
        return None, problems
    files = dict(sorted(files.items()))
    return Definition(
        digest_of(files), read_toml(files[ITEM]), net, canonical(net.to_json()), files
    ), problems


@dataclass(frozen=True)
class Examined:
    """What came of reading an item's folder: all `problems`, and the `files` that they are in.

    `playable` is what the worked cases can be played with: there also when the only errors are such that
    they change nothing of how a case runs (`PLAYABLE`), or are in examples, which it then lacks. `definition`
    is that if nothing is wrong at all. `explored` says whether the diagram's soundness was looked at.
    """

    playable: Definition | None
    problems: list[Problem]
    files: dict[str, bytes]
    explored: bool

    @property
    def templates(self) -> dict[str, bytes]:
        """The document templates by file name."""
        return templates_in(self.files)

    @property
    def issued(self) -> list[str]:
        """The templates that documents name and that are there."""
        try:
            documents = read_toml(self.files[ITEM]).get("documents")
        except (KeyError, ValueError):
            return []
        entries = documents.values() if isinstance(documents, dict) else ()
        named = {str(entry.get("template")) for entry in entries if isinstance(entry, dict)}
        return sorted(named & self.templates.keys())

    @property
    def definition(self) -> Definition | None:
        """None if and only if a problem is an error."""
        return None if any(problem.severity == "error" for problem in self.problems) else self.playable


PLAYABLE = frozenset({"item.basis", "item.lead", "clock.promise", "separation.hearing"})
"""Errors that forbid an item in law and leave open how its cases run."""


def examine_folder(
    folder: Path,
    forms: Path | None = None,
    shared: Path | None = None,
    organisation: Organisation | None = None,
) -> Examined:
    """As `read_folder`, with all that came of it."""
    reading = _Reading(
        folder,
        (folder / "forms", forms or _existing(folder.resolve().parent.parent / "forms", builtin().forms)),
        shared or _existing(folder.resolve().parent / "shared", builtin().processes / "shared"),
    )
    definition = reading.definition(organisation)
    return Examined(definition, reading.problems, reading.files, reading.explored)


def _existing(wanted: Path, otherwise: Path) -> Path:
    return wanted if wanted.is_dir() else otherwise


class _Reading:
    """One run of `read_folder`: the files reached so far and the problems found so far."""

    def __init__(self, folder: Path, forms: tuple[Path, ...], shared: Path) -> None:
        self.folder, self.forms, self.shared = folder, forms, shared
        self.files: dict[str, bytes] = {}
        self.problems: list[Problem] = []
        self.explored = False

    def definition(self, organisation: Organisation | None) -> Definition | None:
        from .acting_checks import check_acting
        from .checks import check_examples, check_item, check_net
        from .clock_checks import check_clocks
        from .condition_checks import check_conditions
        from .drawn import Drawn, certain, well_shaped
        from .law_checks import LAW, check_catalogue, check_law
        from .reference_checks import check_references
        from .review_checks import check_review
        from .sound_checks import check_sound
        from .term_checks import check_terms

        missing = not self.folder.is_dir()
        if missing or not any((self.folder / name).exists() for name in (ITEM, DIAGRAM)):
            message = say("there is no folder {folder}", folder=str(self.folder))
            if not missing:
                message = say("the folder {folder} holds no item", folder=str(self.folder))
            remedy = say("name the folder that holds {item} and {diagram}", item=ITEM, diagram=DIAGRAM)
            self.problems.append(
                Problem("definition.missing", "error", str(self.folder), None, message, remedy=remedy)
            )
            return None
        for path in [
            self.folder / ITEM,
            self.folder / DIAGRAM,
            *sorted(self.folder.glob("*.bpmn")),
            *sorted(self.folder.glob("*.dmn")),
            *sorted(self.folder.glob("examples/*.toml")),
            *self.folder.glob("README.md"),
        ]:
            self.take(path, path.relative_to(self.folder).as_posix())
        item, found = check_item(self.files.get(ITEM))
        self.problems += found
        if item:
            self.problems += check_catalogue(item, found, organisation.day if organisation else None)
        net, sketch, unread = None, None, frozenset[str]()
        if DIAGRAM in self.files:
            net, sketch, unread = self.read_net(str(item.get("process", "")))
        shaped, unclear = well_shaped(item, found)
        told: list[Problem] = []
        self.read_templates(shaped.get("documents", {}))
        if sketch is not None:
            usable = self.read_forms(sketch)
            if item:  # else there is nothing to compare the diagram with, and that has been said
                told += check_net(shaped, sketch, usable, self.sources(), organisation)
                told += check_clocks(shaped, sketch, self.sources(), organisation, found)
                drawn = Drawn(shaped, sketch, usable, self.sources(), organisation, found)
                told += check_review(drawn) + check_acting(drawn)
                told += check_law(drawn, self.templates()) + check_terms(drawn)
                told += check_references(drawn) + check_conditions(drawn)
        nowhere = {problem.element for problem in told if problem.code == "outcome.missing"}
        examples = check_examples(shaped, sketch, self.files)
        told += [
            p for p in examples if p.code != "outcome.unknown" or p.message.params["name"] not in nowhere
        ]
        self.problems += [problem for problem in told if certain(problem, sketch, unread, unclear)]
        errors = {problem.code for problem in self.problems if problem.severity == "error"}
        # What the law finds fault with changes nothing of where a case can go; other errors may. Who waits in
        # a circle has been told so.
        if net is not None and errors <= LAW.keys() - {"prerequisite.cycle"}:
            self.problems = check_sound(drawn, self.problems)
            self.explored = True
        if net is None or any(map(_forbids_playing, self.problems)):
            return None
        wrong = {problem.file for problem in self.problems if problem.severity == "error"} - {ITEM}
        files = {name: content for name, content in sorted(self.files.items()) if name not in wrong}
        return Definition(digest_of(files), read_toml(files[ITEM]), net, canonical(net.to_json()), files)

    def take(self, path: Path, name: str) -> bool:
        """Keep the bytes of `path` as file `name`; a problem if that can't be done."""
        if name in self.files:
            return True
        try:
            self.files[name] = path.read_bytes()
        except OSError as error:
            message = say("{file} can't be read: {error}", file=name, error=error.strerror or repr(error))
            remedy = say("put the file there: {path}", path=str(path))
            self.problems.append(Problem("file.unreadable", "error", name, None, message, remedy=remedy))
            return False
        return True

    def read_net(self, process: str) -> tuple[Net | None, Net | None, frozenset[str]]:
        """Compile the diagram with the shared processes that it reaches: what can be run, what can be
        checked, and the elements of which that shows too little."""
        # Here, because only reading diagrams needs SpiffWorkflow, and it takes long to import.
        from ..flow.read import examine

        self.take_shared()
        diagrams = {name: content for name, content in self.files.items() if name.endswith((".bpmn", ".dmn"))}
        reading = examine(diagrams, process or None)
        self.problems += reading.problems
        return reading.net, reading.sketch, reading.unread

    def take_shared(self) -> None:
        """Take from the shared folder every file that defines what a file already taken refers to."""
        if not self.shared.is_dir():
            return
        candidates = {
            path: _references(path.read_bytes())
            for path in sorted(self.shared.iterdir())
            if path.suffix in (".bpmn", ".dmn") and path.is_file()
        }
        wanted: set[str] = set()
        defined: set[str] = set()
        for name, content in self.files.items():
            if name.endswith((".bpmn", ".dmn")):
                here, there = _references(content)
                defined |= here
                wanted |= there
        while True:
            path = next((p for p, (here, _) in candidates.items() if here & (wanted - defined)), None)
            if path is None:
                return
            here, there = candidates.pop(path)
            defined |= here
            wanted |= there
            self.take(path, f"shared/{path.name}")

    def sources(self) -> dict[str, str]:
        """The file in which each process is drawn."""
        return drawn_in(self.files)

    def read_forms(self, net: Net) -> dict[str, Mapping[str, Any]]:
        """Take the forms that the steps of `net` use; those that are usable, by name."""
        from .checks import check_form

        usable: dict[str, Mapping[str, Any]] = {}
        users: dict[str, tuple[str, str]] = {}
        sources = self.sources()
        for scope in net.scopes.values():
            for node in scope.nodes.values():
                if "form" in node.properties:
                    file = sources.get(scope.id.split("/")[0], DIAGRAM)
                    users.setdefault(node.properties["form"], (file, node.id))
        for name, (file, element) in users.items():
            path, where = form_path(name), self.find_form(f"{name}.schema.json")
            if where is None:
                self.unknown("form.unknown", file, element, path)
            elif self.take(where, path):
                form, found = check_form(self.files[path], path)
                self.problems += found
                if form is not None:
                    usable[name] = form
        return usable

    def read_templates(self, documents: object) -> None:
        """Take the templates of the documents, and the base templates that they may extend."""
        if not isinstance(documents, dict) or not documents:
            return
        for document, entry in documents.items():
            template = entry.get("template") if isinstance(entry, Mapping) else None
            if not isinstance(template, str):
                continue  # check_item has said so
            where = self.find_form(template)
            if where is None:
                self.unknown("template.unknown", ITEM, f"documents.{document}.template", f"forms/{template}")
            else:
                self.take(where, f"forms/{template}")
        for forms in self.forms:  # what was taken from the first is not taken again
            for path in sorted(forms.glob("_*.j2")):
                self.take(path, f"forms/{path.name}")

    def find_form(self, name: str) -> Path | None:
        """Where a form or template lies: in the item's own folder, or in that of all items."""
        places = [forms / name for forms in self.forms if _plain_name(name)]
        return next((path for path in places if path.is_file()), None)

    def templates(self) -> dict[str, str]:
        """The texts of the templates taken so far, by file name."""
        return {
            name.removeprefix("forms/"): content.decode(errors="replace")
            for name, content in self.files.items()
            if name.startswith("forms/") and name.endswith(".j2")
        }

    def unknown(self, code: str, file: str, element: str, path: str) -> None:
        message = say("there is no file {path}", path=path)
        remedy = say("correct the name, or add the file to {folder}", folder=str(self.forms[0]))
        self.problems.append(Problem(code, "error", file, element, message, remedy=remedy))


def drawn_in(files: Mapping[str, bytes]) -> dict[str, str]:
    """The file in which each process is drawn."""
    return {
        process: name
        for name, content in files.items()
        if name.endswith(".bpmn")
        for process in _references(content)[0]
    }


def _forbids_playing(problem: Problem) -> bool:
    return (
        problem.severity == "error"
        and problem.code not in PLAYABLE
        and not problem.file.startswith("examples/")
    )


def _plain_name(name: str) -> bool:
    """Whether `name` stays inside its folder."""
    return bool(name) and Path(name).name == name and not name.startswith(".")


_DEFINING = frozenset({"process", "decision"})
_REFERRING = frozenset({"calledElement", "decisionRef", "decisionId", "processId", "calledDecisionId"})


def _references(content: bytes) -> tuple[set[str], set[str]]:
    """Ids of the processes and decisions that a file defines, and of those that it refers to.

    Nothing for a file that is no XML: whether that matters is for `flow.read` to say.
    """
    from lxml import etree

    try:
        root = etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError:
        return set(), set()
    elements: Iterable[etree._Element] = root.iter("*")
    defined: set[str] = set()
    referred: set[str] = set()
    for element in elements:
        name = etree.QName(element).localname
        if name in _DEFINING:
            defined.add(element.get("id", ""))
        if name in _REFERRING and element.text:
            referred.add(element.text.strip())
        for key, value in element.attrib.items():
            if etree.QName(key).localname in _REFERRING:
                referred.add(str(value).rpartition(":")[2])
    return defined, referred - {""}
