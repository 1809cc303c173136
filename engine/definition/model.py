"""What a published item is: the bytes it was made from, and the net that runs."""

from __future__ import annotations

import base64
import json
import tomllib
from collections.abc import Mapping
from datetime import date, datetime, time
from functools import cached_property
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from ..errors import Diverged, Text, say, titled
from ..events import canonical, digest
from ..flow.net import Net, Node, triggers
from ..forms import NO_FIELDS
from .clocks import Clock, read_clock

if TYPE_CHECKING:  # imported where an item has such sections
    from .review import Agent, Joint, Meeting, Notice, Separation

PACK_FORMAT = 1

ITEM = "item.toml"
DIAGRAM = "diagram.bpmn"

ENGINE_VARIABLES = frozenset({"loopCounter"}) | {
    prefix + name
    for prefix in ("nrOf", "numberOf")
    for name in ("Instances", "ActiveInstances", "CompletedInstances", "TerminatedInstances")
}
"""What a running loop says of itself."""


class Definition(Struct, frozen=True, dict=True):
    """An item as published: immutable, known by its `digest`.

    `files` maps the path of every file that the item reaches to its bytes: those of its own folder
    (`item.toml`, `examples/grant.toml`), the shared processes it calls (`shared/…`), the forms and
    templates it uses (`forms/…`). `item` is the content of `item.toml` as plain JSON data, dates as ISO
    text. `net` is the program, `net_bytes` its canonical JSON.
    """

    digest: str
    item: dict[str, Any]
    net: Net
    net_bytes: bytes
    files: dict[str, bytes]

    @property
    def code(self) -> str:
        """The item's code, e.g. `enterprise-startup`."""
        return str(self.item["code"])

    @property
    def effective(self) -> str:
        """The date from which it is in force, as ISO text."""
        return str(self.item["effective"])

    def title(self) -> Text:
        """The item's name."""
        return titled(self.item["name"]["zh"], self.item["name"]["en"])

    def names(self, element: str) -> dict[str, str]:
        """What a reader calls an element, `{zh, en}`: its name in the diagram, in English its property
        `name:en`; its id where it has no name."""
        node = self._nodes.get(element)
        name = node.name if node is not None and node.name else element
        return {"zh": name, "en": node.properties.get("name:en", name) if node is not None else name}

    def node(self, element: str) -> Node:
        """The element with this id. KeyError for none."""
        return self._nodes[element]

    @property
    def start(self) -> Node:
        """The event that opens a case."""
        return self._start

    def step_title(self, node: Node) -> Text:
        """What a reader calls the step."""
        return titled(**self.names(node.id))

    def message_element(self, message: str) -> str:
        """The id of the event that waits for `message`; the message's own name if none does."""
        for node in self._nodes.values():
            for event in triggers(node):
                if (event.kind, event.name) == ("message", message):
                    return node.id
        return message

    def performer(self, scope: str, node: Node) -> tuple[str, str]:
        """`(unit, post)` that `node` of scope `scope` belongs to by its lane; empty texts without one."""
        if node.lane is None:
            return "", ""
        unit, _, post = self.item["lanes"].get(node.lane, "").partition("/")
        return unit, post

    def opener(self) -> tuple[str, str]:
        """`(unit, post)` that may open a case: the lane of the start event."""
        return self.performer(self.net.process, self._start)

    def form(self, scope: str, node: Node) -> dict[str, Any] | None:
        """The JSON Schema for the answers of `node`; None when it asks nothing."""
        name = node.properties.get("form")
        return None if name is None else self._forms[form_path(name)]

    def form_at(self, element: str) -> dict[str, Any]:
        """The form of an element, whatever scope it is in; one without fields if it asks nothing."""
        for name, scope in self.net.scopes.items():
            if element in scope.nodes:
                return self.form(name, scope.nodes[element]) or NO_FIELDS
        return NO_FIELDS

    def start_form(self) -> dict[str, Any]:
        """The JSON Schema for the data that opens a case; a form without fields when the item names none."""
        return self.form(self.net.process, self._start) or NO_FIELDS

    def document(self, document: str) -> dict[str, Any]:
        """The entry of `document` in `item.toml`: `{template, name, series}`."""
        return dict(self.item["documents"][document])

    def outcome(self, end: str) -> dict[str, Any] | None:
        """`{name, kind}` of the outcome that end event `end` stands for; None when it stands for none."""
        found: dict[str, Any] | None = self.item["outcomes"].get(end)
        return found

    def outcome_names(self, end: str | None) -> dict[str, str]:
        """What a reader calls the outcome, `{zh, en}`; empty while there is none."""
        outcome = self.outcome(end) if end is not None else None
        return dict(outcome["name"]) if outcome is not None else {}

    @cached_property
    def clocks(self) -> dict[str, Clock]:
        """The clocks by id, in the order of `item.toml`. Where an entry names nobody, the lead authority
        answers for it, or else the unit that opens cases."""
        unit = str(self.item.get("lead", self.opener()[0]))
        entries = self.item.get("clocks", {})
        return {id: read_clock(id, entries, unit) for id in entries}

    @cached_property
    def joints(self) -> dict[str, Joint]:
        """The joint reviews by id, in the order of `item.toml`."""
        entries = self.item.get("joint")
        if not entries:
            return {}
        from .review import read_joint

        return {id: read_joint(id, entry, self.item.get("lead")) for id, entry in entries.items()}

    def joint_of(self, element: str) -> Joint | None:
        """The joint review in which `element` is a department's answer; None for any other element."""
        return next((joint for joint in self.joints.values() if element in joint.activities), None)

    def units_of(self, joint: Joint) -> dict[str, str]:
        """The unit of each activity of a joint review, by its lane."""
        scopes = self.net.scopes.items()
        return {
            element: self.performer(name, scope.nodes[element])[0]
            for element in joint.activities
            for name, scope in scopes
            if element in scope.nodes
        }

    def officers(self, element: str) -> int:
        """How many people have to sign what is entered in a step."""
        node = self._nodes.get(element)
        return int(node.properties.get("officers", "1")) if node is not None else 1

    @cached_property
    def follow_ups(self) -> frozenset[str]:
        """The clocks that run for what a department owes after its silence was taken for consent."""
        silences = [joint.silence for joint in self.joints.values()]
        return frozenset(silence.follow_up for silence in silences if silence and silence.follow_up)

    @cached_property
    def meeting_steps(self) -> frozenset[str]:
        """The steps whose answers say who is called to a meeting, and who replied."""
        return frozenset(
            step for meeting in self.meetings.values() for step in (meeting.convene, meeting.invite)
        )

    @cached_property
    def separations(self) -> tuple[Separation, ...]:
        """Which steps of a case nobody may do more than one of."""
        entries = self.item.get("separation")
        if not entries:
            return ()
        from .review import read_separation

        return tuple(map(read_separation, entries))

    @cached_property
    def notice(self) -> Notice | None:
        """The rule of the one-time notification; None for an item without one."""
        entry = self.item.get("notice")
        if entry is None:
            return None
        from .review import read_notice

        return read_notice(entry)

    @cached_property
    def engine_variables(self) -> frozenset[str]:
        """The variables that nobody but the engine sets: the results of joint reviews and meetings, and what
        loops say of themselves."""
        results = [joint.result for joint in self.joints.values()]
        results += [meeting.result for meeting in self.meetings.values()]
        return ENGINE_VARIABLES.union(result for result in results if result)

    @cached_property
    def meetings(self) -> dict[str, Meeting]:
        """The joint meetings by id, in the order of `item.toml`."""
        entries = self.item.get("meetings")
        if not entries:
            return {}
        from .review import read_meeting

        return {id: read_meeting(id, entry) for id, entry in entries.items()}

    @cached_property
    def agent(self) -> Agent | None:
        """The fields of the start form that tell of an agent; None where nobody files for others."""
        entry = self.item.get("agent")
        if entry is None:
            return None
        from .review import read_agent

        return read_agent(entry)

    @cached_property
    def parties(self) -> tuple[str, ...]:
        """The fields of the start form that name the parties."""
        return tuple(self.item.get("parties", ()))

    @cached_property
    def materials(self) -> dict[str, dict[str, Any]]:
        """The entries of `[[materials]]` that have an id, by it: `{id, name, source, required, purpose}`."""
        return {entry["id"]: entry for entry in self.item.get("materials", ()) if "id" in entry}

    @cached_property
    def templates(self) -> dict[str, bytes]:
        """The document templates by file name, `_base.j2` and the like included."""
        return templates_in(self.files)

    @cached_property
    def examples(self) -> dict[str, dict[str, Any]]:
        """The worked cases by path, as plain JSON data, instants as ISO text."""
        return {path: read_toml(self.files[path]) for path in sorted(self.files) if is_example(path)}

    @cached_property
    def sources(self) -> dict[str, str]:
        """The file in which each process is drawn."""
        from .folder import drawn_in  # reads XML, which a running case never does

        return drawn_in(self.files)

    @cached_property
    def _forms(self) -> dict[str, dict[str, Any]]:
        return {
            path: json.loads(content)
            for path, content in self.files.items()
            if path.startswith("forms/") and path.endswith(".schema.json")
        }

    @cached_property
    def _nodes(self) -> dict[str, Node]:
        """Nodes by id, those of the item's own process before those of called ones."""
        scopes = sorted(self.net.scopes.values(), key=lambda s: s.id.split("/")[0] != self.net.process)
        found: dict[str, Node] = {}
        for scope in scopes:
            for node in scope.nodes.values():
                found.setdefault(node.id, node)
        return found

    @property
    def _start(self) -> Node:
        scope = self.net.scopes[self.net.process]
        return scope.nodes[scope.starts[0]]


def form_path(name: str) -> str:
    """Where a definition keeps the form `name`."""
    return f"forms/{name}.schema.json"


def is_example(path: str) -> bool:
    """Whether the file is a worked case."""
    return path.startswith("examples/") and path.endswith(".toml")


def templates_in(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The document templates among an item's `files`, by file name."""
    return {
        path.removeprefix("forms/"): content
        for path, content in files.items()
        if path.startswith("forms/") and path.endswith(".j2")
    }


def read_toml(content: bytes) -> dict[str, Any]:
    """A TOML text as plain JSON data: dates, times and instants become ISO 8601 text.

    Raises `UnicodeDecodeError` or `tomllib.TOMLDecodeError` (both are ValueErrors).
    """
    return {key: _plain(value) for key, value in tomllib.loads(content.decode()).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    return value


def digest_of(files: Mapping[str, bytes]) -> str:
    """The digest of a definition: SHA-256 over the canonical JSON of `{path: SHA-256 of its bytes}`."""
    return digest(canonical({path: digest(content) for path, content in files.items()}))


def pack(definition: Definition) -> bytes:
    """All of `definition` in one text, the same bytes for the same definition."""
    return canonical(
        {
            "format": PACK_FORMAT,
            "digest": definition.digest,
            "files": {path: base64.b64encode(content).decode() for path, content in definition.files.items()},
            "net": definition.net.to_json(),
        }
    )


def unpack(content: bytes) -> Definition:
    """The inverse of `pack`; never reads a diagram.

    The definition's `digest` is computed from its files, so that it can be compared with the one asked
    for. Raises `Diverged` when the bytes are no packed definition, or not the one they say they are.
    """
    try:
        packed = json.loads(content)
        if packed["format"] != PACK_FORMAT:
            raise ValueError(f"format {packed['format']!r}, expected {PACK_FORMAT}")
        files = {path: base64.b64decode(text, validate=True) for path, text in packed["files"].items()}
        definition = Definition(
            digest_of(files),
            read_toml(files[ITEM]),
            Net.from_json(packed["net"]),
            canonical(packed["net"]),
            files,
        )
        said = packed["digest"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Diverged(
            "definition.unreadable",
            say("a stored definition is not one that lianban wrote"),
            expected=say("a packed definition of format {format}", format=PACK_FORMAT),
            found=say("{error}", error=repr(error)),
            remedy=say("compare the database with a backup or a sealed copy; somebody changed it"),
        ) from error
    if said != definition.digest:
        raise Diverged(
            "definition.changed",
            say("the stored definition of {item} is not the one that was published", item=definition.code),
            expected=say("digest {digest}", digest=said),
            found=say("digest {digest}", digest=definition.digest),
            rule=say("a case keeps its definition for life"),
            remedy=say("compare the database with a backup or a sealed copy; somebody changed it"),
        )
    return definition
