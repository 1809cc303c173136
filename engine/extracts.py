"""What the public may see of a case, and the page on which it does (floor 5).

What is not named here stays hidden: answers, reasons and other free text, whoever acted, and every digest or
number that something hidden could be guessed from. Of answers those fields are shown that their form marks
`"x-public": true`, and of everything what whoever makes the extract asks for.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from .clock import read_instant
from .definition import Definition
from .documents import date_zh, render
from .errors import Invalid, Text, say
from .events import Record, canonical
from .flow.marking import element_of
from .forms import is_public, title_at
from .seals import Seal, Value

TEMPLATE = Path(__file__).with_name("extract.j2")

COMMON = frozenset(
    (
        *("/format", "/case", "/seq", "/type", "/at", "/entered"),
        *("/by/unit", "/by/post", "/by/clock", "/by/signal", "/by/system"),
    )
)
"""What is shown of every record."""

NEVER = frozenset({"/prev"})
"""What nobody may ask for: the hash of a record that holds hidden values lets them be tried out."""


def _named(names: str) -> frozenset[str]:
    return frozenset(names.split())


SHOWN: Mapping[str, frozenset[str]] = {
    "answer.confirmed": _named("task"),
    "answer.entered": _named("task element"),
    "answer.returned": _named("task"),
    "calendar.revised": _named("calendar"),
    "case.closed": _named("outcome"),
    "case.deemed": _named("effect clock as_of basis"),
    "case.migrated": _named("was definition"),
    "case.opened": _named("item definition zone calendar closing"),
    "clock.expired": _named("clock effect basis"),
    "clock.extended": _named("clock by due provisional"),
    "clock.migrated": _named("was clock"),
    "clock.paused": _named("clock ground expected"),
    "clock.reprojected": _named("clock was due provisional"),
    "clock.restarted": _named("clock due provisional"),
    "clock.resumed": _named("clock ground due provisional"),
    "clock.started": _named("clock since due provisional"),
    "clock.stopped": _named("clock late"),
    "clock.struck": _named("clock rung"),
    "document.issued": _named("document element number"),
    "extension.granted": _named("clock by"),
    "joint.certain": _named("joint round outcome"),
    "joint.decided": _named("joint round outcome"),
    "meeting.absent": _named("meeting unit"),
    "meeting.convened": _named("meeting begins departments"),
    "meeting.held": _named("meeting outcome"),
    "message.received": _named("name"),
    "message.sent": _named("element name"),
    "pause.ordered": _named("clock ground expected"),
    "recusal.challenged": _named("task"),
    "recusal.declared": _named("task"),
    "referral.deemed": _named("task joint unit basis"),
    "referral.followed_up": _named("task"),
    "referral.reported_up": _named("task"),
    "referral.sent": _named("task joint round unit"),
    "referral.signed": _named("task"),
    "referral.withdrawn": _named("task"),
    "reminder.raised": _named("clock rung unit due"),
    "resume.ordered": _named("clock ground"),
    "signal.received": _named("name"),
    "signal.sent": _named("element name"),
    "silence.noted": _named("task joint unit"),
    "task.cancelled": _named("task element"),
    "task.completed": _named("task element"),
    "task.ended": _named("task element"),
    "task.handed_over": _named("task"),
    "task.migrated": _named("was task element unit post since"),
    "task.opened": _named("task element unit post"),
    "task.passed": _named("task unit post"),
    "task.reinstated": _named("task"),
    "task.suspended": _named("task"),
    "timer.armed": _named("timer element due clock provisional"),
    "timer.fired": _named("timer element"),
    "timer.moved": _named("timer element was due provisional"),
    "timer.stopped": _named("timer element"),
}
"""Which of its own fields are shown of an event, by type; of any other type none."""

_ANSWERED = frozenset({"case.opened", "task.completed", "answer.entered", "message.received"})
"""Events whose `data` are the answers to a form."""


class Wanted(NamedTuple):
    """More that is to be shown: the value at `path` and those below it, of event `seq`, or (0) of each."""

    seq: int
    path: str

    def has(self, value: Value) -> bool:
        """Whether this value is meant."""
        inside = value.path == self.path or value.path.startswith(f"{self.path}/")
        return inside and self.seq in (0, value.seq)


def read_wanted(text: str) -> Wanted:
    """`7:/data/data/opinion`, or without the number for every event. Raises `Invalid`."""
    number, mark, path = text.partition(":")
    if not mark:
        number, path = "0", text
    if not (number.isascii() and number.isdecimal() and path.startswith("/")) or (mark and not int(number)):
        raise Invalid(
            "extract.path",
            say("{path} names no value of a history", path=text),
            expected=say("a path as in `history --json`, after the event's number: 7:/data/data/opinion"),
            found=say("{path}", path=text),
            remedy=say("write SEQ:PATH, or PATH alone for every event"),
        )
    if path in NEVER:
        raise Invalid(
            "extract.never",
            say("{path} is never shown", path=path),
            expected=say("another path"),
            found=say("{path}", path=text),
            rule=say("whoever has the hash of a record can try out what is hidden in it"),
            remedy=say("leave it out; the extract is proven without it"),
        )
    return Wanted(int(number), path)


def policy(
    story: Sequence[tuple[Record, Definition]], values: Sequence[Value], wanted: Sequence[Wanted]
) -> Callable[[Value], bool]:
    """Whether a value is shown. `story` are the sealed records, each with the definition that the case ran by
    after it. Raises `Invalid` for something wanted that there is not."""
    by_seq = {record.seq: (record, definition) for record, definition in story}
    for one in wanted:
        if not any(one.has(value) for value in values if value.path not in NEVER):
            named = f"{one.seq}:{one.path}" if one.seq else one.path
            raise Invalid(
                "extract.path",
                say("{path} names no value of a history", path=named),
                expected=say("a path as in `history --json`, after the event's number: 7:/data/data/opinion"),
                found=say("nothing there, or not sealed yet"),
                remedy=say("look the path up in what `lianban history CASE --json` prints"),
            )

    def shown(value: Value) -> bool:
        if value.path in NEVER:
            return False
        return any(one.has(value) for one in wanted) or _is_public(value, *by_seq[value.seq])

    return shown


def _is_public(value: Value, record: Record, definition: Definition) -> bool:
    if value.path in COMMON:
        return True
    _, top, *rest = (part.replace("~1", "/").replace("~0", "~") for part in value.path.split("/"))
    if top != "data" or not rest:
        return False
    kind = record.event.type
    if rest[0] in SHOWN.get(kind, ()):
        return True
    if kind not in _ANSWERED or rest[0] != "data" or len(rest) < 2:
        return False
    return is_public(_form(record, definition), rest[1:])


def _form(record: Record, definition: Definition) -> Mapping[str, Any]:
    """The form that the answers in a record answer."""
    payload = record.event.payload()
    match record.event.type:
        case "case.opened":
            return definition.start_form()
        case "message.received":
            return definition.form_at(definition.message_element(payload["name"]))
    return definition.form_at(payload["element"])


# --- the page


class Names(NamedTuple):
    """What a page needs beside the extract: the sealed `story` (each record with the definition that the case
    ran by after it), the names of `units` by code, the office's zone, and the reader's language."""

    story: Sequence[tuple[Record, Definition]]
    units: Mapping[str, Mapping[str, str]]
    zone: str
    lang: str
    translate: Callable[[str], str]

    def say(self, text: Text) -> str:
        """`text` in the reader's language."""
        return text.render(self.translate)

    def when(self, at: str) -> str:
        """An instant as a public notice writes it."""
        local = read_instant(at).astimezone(ZoneInfo(self.zone))
        day = date_zh(local.date()) if self.lang == "zh" else local.date().isoformat()
        return f"{day} {local:%H:%M}"


def page(proof: Mapping[str, Any], seal: Seal, names: Names) -> bytes:
    """The extract `proof` under `seal` as a page for the public, with the proof in it. The checker writes the
    page anew from that, by itself, and takes no other: what is changed here or in the template, its part on
    pages has to follow."""
    rows: dict[int, list[dict[str, str]]] = {}
    story = {record.seq: definition for record, definition in names.story}
    kinds = {record.seq: record for record, _ in names.story}
    shown = 0
    for index, value in enumerate(proof["values"]):
        if isinstance(value, str):
            continue
        shown += 1
        seq, path, content = value["seq"], value["path"], value["value"]
        if path in _HEADING or content is None or content is False:
            continue
        if path == "/entered" and content == kinds[seq].at:
            continue
        label, words = _told(path, content, kinds[seq], story[seq], names)
        written = content if isinstance(content, str) else canonical(content).decode()
        row = {"index": str(index), "path": path, "label": label, "value": written, "words": words}
        rows.setdefault(seq, []).append(row)
    definition = names.story[-1][1]
    told: Mapping[str, Text] = {
        "title": say("Extract from the record of a case"),
        "case": say("Case"),
        "seal": say(
            "Seal {number} of {at}, digest {digest}",
            number=seal.number,
            at=names.when(seal.at),
            digest=seal.digest,
        ),
        "hidden": say(
            "{shown} values of the record are published here; {hidden} are not (answers, names, reasons).",
            hidden=len(proof["values"]) - shown,
            shown=shown,
        ),
        "what": say("what"),
        "recorded": say("on record"),
        "words": say("in words"),
        "proof": say("The proof"),
        "check": say(
            "To check this page, save it and run `python3 check.py FILE`; what counts is what the program "
            "prints. The program is free and public: `lianban receipt --checker -o check.py`."
        ),
    }
    context = {
        "lang": "zh-CN" if names.lang == "zh" else "en",
        "name": names.say(definition.title()),
        "case": proof["case"],
        "words": {key: names.say(text) for key, text in told.items()},
        "events": [
            {
                "seq": record.seq,
                "title": names.say(EVENTS.get(record.event.type, say("{name}", name=record.event.type))),
                "at": names.when(record.at),
                "rows": rows.get(record.seq, []),
            }
            for record, _ in names.story
        ],
    }
    rendered = render({"extract.j2": TEMPLATE.read_bytes()}, "extract.j2", context)
    # Not by the template: it would write every quotation mark as five characters, and a page has an end. No
    # value can look like the place: the template escapes them.
    place = b'<pre id="lianban-proof">'
    return rendered.replace(place, place + html.escape(canonical(proof).decode(), quote=False).encode())


_HEADING = frozenset({"/format", "/case", "/seq"})
"""What the heading of an event says already. The page may leave things out: they stand in the proof."""


def _told(path: str, value: Any, record: Record, definition: Definition, names: Names) -> tuple[str, str]:
    """What a value is called, and what it means in words ("" where it says so itself)."""
    field = path.rsplit("/", 1)[-1]
    fields = path.split("/")
    if path.startswith("/data/data/"):
        title = title_at(_form(record, definition), fields[3:])
        return names.say(title) if title else "/".join(fields[3:]), ""
    inner = fields[2:] if path.startswith("/by/") else fields  # who acted; a term has a field `by`, too
    group = next((one for one in reversed(inner) if one in FIELDS), field)
    label = names.say(ACTOR.get(path) or FIELDS.get(group, say("{name}", name=group)))
    code = str(value)
    meant: Mapping[str, str] = {}
    match group:
        case "unit" | "departments":
            meant = names.units.get(code, {})
        case "element" | "task" | "timer" | "joint" | "meeting":
            meant = definition.names(element_of(code))
        case "outcome" if record.event.type == "case.closed":
            meant = definition.outcome_names(code)
        case "clock" if isinstance(value, str) and (
            clock := definition.clocks.get(re.split("[:#]", code)[0])
        ):
            meant = clock.name
        case "document":
            meant = definition.document(code)["name"]
        case _ if value is True:
            return label, names.say(say("yes"))
        case "item":
            return label, names.say(definition.title())
        case "at" | "entered" | "due" | "since" | "as_of" | "begins" if isinstance(value, str):
            return label, names.when(code)
    words = meant.get(names.lang) or meant.get("zh", "")
    return label, "" if words == code else words


FIELDS: Mapping[str, Text] = {
    "as_of": say("as of"),
    "at": say("took effect"),
    "basis": say("legal basis"),
    "begins": say("begins"),
    "by": say("by how much"),
    "calendar": say("calendar (digest)"),
    "clock": say("clock"),
    "closing": say("closing time"),
    "definition": say("definition (digest)"),
    "departments": say("department"),
    "document": say("document"),
    "due": say("due date"),
    "effect": say("effect"),
    "element": say("step"),
    "entered": say("written"),
    "expected": say("expected to take"),
    "ground": say("ground"),
    "item": say("item"),
    "joint": say("joint review"),
    "late": say("after its term"),
    "meeting": say("meeting"),
    "number": say("number"),
    "outcome": say("outcome"),
    "post": say("post"),
    "provisional": say("the date is not certain yet"),
    "round": say("round"),
    "rung": say("rung"),
    "since": say("since"),
    "task": say("open step"),
    "timer": say("timer"),
    "type": say("kind of event"),
    "unit": say("unit"),
    "was": say("was before"),
    "zone": say("time zone"),
}
"""What the fields of events are called."""

ACTOR: Mapping[str, Text] = {"/by/unit": say("acted for the unit"), "/by/post": say("acted in the post")}
"""The same where they say who acted."""

EVENTS: Mapping[str, Text] = {
    "answer.confirmed": say("answers confirmed"),
    "answer.entered": say("answers entered"),
    "answer.returned": say("answers returned"),
    "calendar.revised": say("calendar changed"),
    "case.closed": say("case closed"),
    "case.deemed": say("silence counts as an answer"),
    "case.migrated": say("taken over to another version"),
    "case.opened": say("case opened"),
    "clock.expired": say("a clock ran out"),
    "clock.extended": say("a clock was extended"),
    "clock.paused": say("a clock stands still"),
    "clock.reprojected": say("a due date moved"),
    "clock.restarted": say("a term began anew"),
    "clock.resumed": say("a clock runs on"),
    "clock.started": say("a clock started"),
    "clock.stopped": say("a clock stopped"),
    "clock.struck": say("a clock struck"),
    "document.issued": say("document issued"),
    "extension.granted": say("extension granted"),
    "joint.certain": say("the outcome of the joint review is certain"),
    "joint.decided": say("joint review decided"),
    "meeting.convened": say("joint meeting convened"),
    "meeting.held": say("joint meeting held"),
    "message.received": say("message received"),
    "pause.ordered": say("pause ordered"),
    "referral.deemed": say("silence taken for consent"),
    "referral.sent": say("department asked for its opinion"),
    "referral.signed": say("department signed for receipt"),
    "resume.ordered": say("pause ended"),
    "silence.noted": say("silence noted"),
    "task.cancelled": say("step no longer wanted"),
    "task.completed": say("step done"),
    "task.ended": say("step ended"),
    "task.opened": say("step opened"),
    "timer.armed": say("timer set"),
    "timer.fired": say("time is up"),
    "timer.stopped": say("timer stopped"),
}
"""What the public calls what happened; other events by their type."""
