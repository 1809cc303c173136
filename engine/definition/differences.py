"""What two definitions of an item differ in, in the words of those whom it concerns.

Nothing is left out: whatever makes the digests differ is told, if only as "another byte in this file".
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import zip_longest
from typing import Any, Literal, NamedTuple

from msgspec.structs import fields

from ..clock import read_term
from ..errors import NOTHING, Text, say, titled
from ..flow.net import HUMAN, Event, Flow, Loop, Node, Scope, triggers
from ..forms.schema import choices_of, field_title, joined, shape
from .model import DIAGRAM, ITEM, Definition, is_example

Audience = Literal["applicants", "clerks", "clocks", "record"]
Change = Literal["added", "removed", "changed", "renamed"]

AUDIENCES: dict[Audience, Text] = {
    "applicants": say("For applicants"),
    "clerks": say("For clerks and departments"),
    "clocks": say("For clocks and due dates"),
    "record": say("On paper only"),
}
"""Whom a difference concerns, in the order in which they are told."""


class Difference(NamedTuple):
    """One thing that is not as it was.

    `file` has it, `element` is its id in the diagram or its place in item.toml (None: the file as a whole).
    `before` and `after` are the two values where there are such.
    """

    audience: Audience
    change: Change
    file: str
    element: str | None
    text: Text
    before: Text = NOTHING
    after: Text = NOTHING


def differences(old: Definition, new: Definition) -> list[Difference]:
    """Everything that makes `new` another definition than `old`, in the order of `AUDIENCES`. Empty if and
    only if both have the same digest."""
    found = [
        *_catalogue(old, new),
        *_routes(old, new),
        *_forms(old, new),
        *_decisions(old, new),
    ]
    found += _papers(old, new, {difference.file for difference in found})
    order = list(AUDIENCES)
    return sorted(found, key=lambda difference: order.index(difference.audience))


# --- item.toml


def _catalogue(old: Definition, new: Definition) -> Iterator[Difference]:
    for section in dict.fromkeys([*_SECTIONS, *old.item, *new.item]):
        if section == "lanes":
            yield from _lanes(old, new)
            continue
        audience, thing = _SECTIONS.get(section, ("record", titled(section)))
        before, after = _entries(old.item.get(section)), _entries(new.item.get(section))
        for id in [*before, *(id for id in after if id not in before)]:
            place = f"{section}.{id}" if id else section
            one, other = before.get(id), after.get(id)
            # What an entry is called is said in each sentence on it; an entry without a name is its own word.
            called = _called(one or other or {}, id)
            if one is None or other is None:
                text = _NEW[one is None]
                entry = other if one is None else one
                # An entry without a name is known by all that it says.
                value = _summary(entry) if isinstance(entry, Mapping) and "name" in entry else NOTHING
                value = _value(entry) if not id else value
                yield Difference(
                    audience,
                    "added" if one is None else "removed",
                    ITEM,
                    place,
                    say(text.msgid, thing=thing, name=called),
                    NOTHING if one is None else value,
                    value if one is None else NOTHING,
                )
                continue
            flat = _flat(one), _flat(other)
            for key in dict.fromkeys([*flat[0], *flat[1]]):
                values = flat[0].get(key), flat[1].get(key)
                if values[0] != values[1]:
                    field = _WORDS.get(key.rpartition(".")[2] if key not in _WORDS else key, titled(key))
                    yield Difference(
                        audience,
                        "changed",
                        ITEM,
                        f"{place}.{key}" if key else place,
                        say("{thing} “{name}”, {field}", thing=thing, name=called, field=field)
                        if id
                        else say("{thing}", thing=thing)
                        if not key
                        else say("{thing}, {field}", thing=thing, field=field),
                        _value(values[0]),
                        _value(values[1]),
                    )


_SECTIONS: dict[str, tuple[Audience, Text]] = {
    "name": ("applicants", say("the item's name")),
    "kind": ("applicants", say("kind of item")),
    "type": ("applicants", say("type of item")),
    "handling_mode": ("applicants", say("how it is handled")),
    "effective": ("applicants", say("in force from")),
    "lead": ("applicants", say("lead authority")),
    "max_visits": ("applicants", say("visits at most")),
    "bases": ("applicants", say("legal basis")),
    "terms": ("applicants", say("the guide's term")),
    "materials": ("applicants", say("material")),
    "fees": ("applicants", say("fee")),
    "outcomes": ("applicants", say("outcome")),
    "documents": ("applicants", say("document")),
    "parties": ("applicants", say("who counts as a party")),
    "agent": ("applicants", say("filing for others")),
    "notice": ("applicants", say("one-time notification")),
    "conclusion": ("clerks", say("after the decision")),
    "hearing": ("clerks", say("hearing")),
    "joint": ("clerks", say("joint review")),
    "meetings": ("clerks", say("joint meeting")),
    "separation": ("clerks", say("separation of duties")),
    "clocks": ("clocks", say("clock")),
    "code": ("record", say("the item's code")),
    "serial_code": ("record", say("code in case numbers")),
    "process": ("record", say("process that is run")),
}
"""Each section of item.toml: whom it concerns, and what one of its entries is called. Lanes are told with the
steps that lie in them."""

_NEW = {
    True: say("new: {thing} “{name}”"),
    False: say("no more: {thing} “{name}”"),
}

_WORDS: dict[str, Text] = {
    "term": say("term"),
    "tier": say("rank"),
    "starts": say("what starts it"),
    "stops": say("what stops it"),
    "each": say("steps that it measures"),
    "unit": say("who answers for it"),
    "follows": say("the clock that it follows"),
    "grounds": say("what may pause it"),
    "pauses": say("pauses by the process"),
    "pause_notice": say("notice of a pause"),
    "ladder": say("reminders and cards"),
    "effect.kind": say("what silence means"),
    "effect.to": say("where silence leads"),
    "extension.up_to": say("longest extension"),
    "extension.approver": say("who grants an extension"),
    "times": say("how often"),
    "basis": say("basis"),
    "name": say("name"),
    "source": say("where it comes from"),
    "required": say("required"),
    "purpose": say("what it is for"),
    "shared_by": say("who shares it"),
    "since": say("in force from"),
    "until": say("last day in force"),
    "delivery": say("delivery"),
    "publication": say("publication"),
    "register": say("public register"),
    "survey": say("rating by the applicant"),
    "hold": say("the chair's step"),
    "request": say("time to ask for a hearing"),
    "organise": say("time to hold the hearing"),
    "rule": say("rule"),
    "quorum": say("quorum"),
    "lead": say("who leads"),
    "veto": say("who can prevent it"),
    "dissent": say("what dissent leads to"),
    "activities": say("departments' steps"),
    "confirm": say("who confirms an answer"),
    "clock": say("its clock"),
    "steps": say("steps"),
    "template": say("template"),
    "series": say("series of numbers"),
    "kind": say("kind"),
    "article": say("article"),
    "law": say("law"),
    "level": say("rank"),
    "statutory": say("statutory"),
    "promised": say("promised"),
    "amount": say("amount"),
    "approver": say("approver"),
    "notice": say("notice"),
    "departments": say("departments"),
}


def _lanes(old: Definition, new: Definition) -> Iterator[Difference]:
    """Lanes that are bound to another post, or bound anew; those with steps in them are told with these."""
    before, after = old.item.get("lanes", {}), new.item.get("lanes", {})
    nodes = [node for scope in new.net.scopes.values() for node in scope.nodes.values()]
    for lane in dict.fromkeys([*before, *after]):
        told = any(node.lane == lane and (_is_done(node) or _is_timed(node)) for node in nodes)
        if before.get(lane) != after.get(lane) and not told:
            text = say("lane “{lane}”", lane=titled(lane))
            values = _value(before.get(lane)), _value(after.get(lane))
            yield Difference("record", "changed", ITEM, f"lanes.{lane}", text, *values)


def _is_done(node: Node) -> bool:
    """Whether a person does the element, or enters it."""
    return (
        node.kind in HUMAN
        or node.kind in ("start", "receive")
        or any(event.kind == "message" for event in triggers(node))
    )


def _is_timed(node: Node) -> bool:
    """Whether days are counted for the element, by the calendar of the unit in whose lane it lies."""
    return any(event.kind == "timer" for event in triggers(node))


def _entries(section: Any) -> dict[str, Any]:
    """The entries of a section by what they are known by; a single value is its own entry, `""`."""
    if section is None:
        return {}
    if isinstance(section, Mapping) and section and all(isinstance(v, Mapping) for v in section.values()):
        return dict(section)
    if isinstance(section, list) and section and all(isinstance(entry, Mapping) for entry in section):
        found: dict[str, Any] = {}
        for entry in section:
            names = entry.get("id") or _plainly(entry.get("name")) or _plainly(entry)
            while names in found:  # two entries that are called the same
                names += "′"
            found[names] = entry
        return found
    return {"": section}


def _called(entry: Any, id: str) -> Text:
    """What an entry is called: its name, with its id; else what it is known by."""
    name = entry.get("name") if isinstance(entry, Mapping) else None
    return _value(name) if name else titled(id)


def _flat(entry: Any, prefix: str = "") -> dict[str, Any]:
    """The values of an entry by dotted key. Names and bases are values."""
    if not isinstance(entry, Mapping) or _is_value(entry):
        return {prefix: entry}
    found: dict[str, Any] = {}
    for key, value in entry.items():
        found.update(_flat(value, f"{prefix}.{key}" if prefix else key))
    return found


def _is_value(entry: Mapping[str, Any]) -> bool:
    return entry.keys() <= {"zh", "en"} or {"law", "article"} <= entry.keys() <= {"law", "article", "level"}


def _value(value: Any) -> Text:
    """A value as a reader writes it."""
    if value is None:
        return say("nothing")
    if isinstance(value, bool):
        return say("yes") if value else say("no")
    if isinstance(value, Mapping):
        if value.keys() <= {"zh", "en"}:
            return titled(value.get("zh", ""), value.get("en", ""))
        if _is_value(value):
            return titled(f"《{value['law']}》{value['article']}", f"{value['law']} {value['article']}")
        return joined(", ", [say("{key}: {value}", key=key, value=_value(v)) for key, v in value.items()])
    if isinstance(value, list):
        parts = [_value(part) for part in value]
        nested = any(isinstance(part, Mapping) for part in value)
        return joined("; " if nested else ", ", parts) if parts else say("nothing")
    term = read_term(value) if isinstance(value, str) else None
    return term.text() if term is not None else titled(str(value))


def _plainly(value: Any) -> str:
    return str(_value(value)) if value else ""


def _summary(entry: Any) -> Text:
    """All that a new or removed entry says beside its name."""
    values = {key: value for key, value in _flat(entry).items() if key not in ("name", "id")}
    if "" in values:
        return _value(values[""])
    return joined(
        " · ",
        [
            say("{key}: {value}", key=_WORDS.get(key, titled(key)), value=_value(value))
            for key, value in values.items()
        ],
    )


# --- the diagram


def _routes(old: Definition, new: Definition) -> Iterator[Difference]:
    called = {scope.removeprefix(old.net.process): scope for scope in old.net.scopes}
    for id, scope in new.net.scopes.items():
        before = called.pop(id.removeprefix(new.net.process), None)
        yield from _scope(old, new, old.net.scopes[before] if before is not None else None, scope)
    for scope_id in called.values():
        yield from _scope(old, new, old.net.scopes[scope_id], None)


def _scope(old: Definition, new: Definition, one: Scope | None, other: Scope | None) -> Iterator[Difference]:
    """What differs in a process or subprocess (None: where it does not exist)."""
    before: dict[str, Node] = one.nodes if one is not None else {}
    after: dict[str, Node] = other.nodes if other is not None else {}
    renamed = renamings(one, other)
    for id, node in before.items():
        same = after.get(renamed.get(id, id))
        if same is None:
            yield _come_or_gone(old, one, node, "removed")
            continue
        if id in renamed:
            text = say("{step} has another id", step=old.step_title(node))
            yield Difference(
                "clerks", "renamed", _file(new, other), same.id, text, titled(node.id), titled(same.id)
            )
        yield from _node(old, new, one, other, node, same)
    for node in after.values():
        if node.id not in before and node.id not in renamed.values():
            yield _come_or_gone(new, other, node, "added")
    yield from _flows(old, new, one, other, renamed)


def renamings(one: Scope | None, other: Scope | None) -> dict[str, str]:
    """Old id → new id of the elements that seem to be the same under another id: of the same kind and name,
    with nothing else like it on either side."""
    if one is None or other is None:
        return {}

    def alone(nodes: Mapping[str, Node], others: Mapping[str, Node]) -> dict[tuple[str, str], str]:
        found: dict[tuple[str, str], list[str]] = {}
        for node in nodes.values():
            if node.id not in others and node.name:
                found.setdefault((node.kind, node.name), []).append(node.id)
        return {key: ids[0] for key, ids in found.items() if len(ids) == 1}

    before, after = alone(one.nodes, other.nodes), alone(other.nodes, one.nodes)
    return {before[key]: after[key] for key in before if key in after}


def _come_or_gone(
    definition: Definition, scope: Scope | None, node: Node, change: Literal["added", "removed"]
) -> Difference:
    """A whole element: what it is, whose, and between which others."""
    where: list[Text] = []
    if who := _performer(definition, scope, node):
        where.append(titled(who))
    if scope is not None:
        sources = [scope.nodes[scope.flows[flow].source] for flow in node.incoming]
        targets = [scope.nodes[scope.flows[flow].target] for flow in node.outgoing]
        if node.host is not None:
            where.append(say("on the edge of {step}", step=definition.step_title(scope.nodes[node.host])))
        if sources:
            where.append(say("after {steps}", steps=_steps(definition, sources)))
        if targets:
            where.append(say("before {steps}", steps=_steps(definition, targets)))
    if node.event is not None and node.event.text:
        where.append(titled(node.event.text))
    place = joined(" · ", where) if where else NOTHING
    timed = node.event is not None and node.event.timer is not None
    kind = _KINDS[node.kind]
    return Difference(
        "clocks" if timed else "clerks",
        change,
        _file(definition, scope),
        node.id,
        say("new: {kind} “{name}” ({id})", kind=kind, name=definition.step_title(node), id=node.id)
        if change == "added"
        else say("no more: {kind} “{name}” ({id})", kind=kind, name=definition.step_title(node), id=node.id),
        place if change == "removed" else NOTHING,
        place if change == "added" else NOTHING,
    )


def _node(
    old: Definition, new: Definition, one: Scope | None, other: Scope | None, node: Node, same: Node
) -> Iterator[Difference]:
    """What is different with one element."""

    drawn = _file(new, other)
    # The lane is the same, so that it is bound to another post.
    bound = ITEM if node.lane == same.lane else drawn

    def differs(audience: Audience, what: Text, before: Text, after: Text, file: str = drawn) -> Difference:
        text = say("{step}: {what}", step=old.step_title(node), what=what)
        return Difference(audience, "changed", file, same.id, text, before, after)

    if node.name != same.name:
        yield differs("clerks", say("name"), titled(node.name), titled(same.name))
    if node.kind != same.kind:
        yield differs("clerks", say("what it is"), _KINDS[node.kind], _KINDS[same.kind])
    who = _performer(old, one, node), _performer(new, other, same)
    if who[0] != who[1] and _is_done(same):
        yield differs("clerks", say("who does it"), titled(who[0] or "—"), titled(who[1] or "—"), bound)
    units = who[0].partition("/")[0], who[1].partition("/")[0]
    if units[0] != units[1] and _is_timed(same):
        what = say("whose calendar it is counted by")
        yield differs("clocks", what, titled(units[0] or "—"), titled(units[1] or "—"), bound)
    for name, (audience, what) in _ATTRIBUTES.items():
        values = getattr(node, name), getattr(same, name)
        if values[0] != values[1]:
            yield differs(audience, what, _attribute(values[0]), _attribute(values[1]))
    for key in dict.fromkeys([*node.properties, *same.properties]):
        values = node.properties.get(key), same.properties.get(key)
        if values[0] != values[1]:
            audience, what = _PROPERTIES.get(key, ("clerks", titled(key)))
            yield differs(audience, what, _value(values[0]), _value(values[1]))


_ATTRIBUTES: dict[str, tuple[Audience, Text]] = {
    "event": ("clocks", say("what triggers it, or what it throws")),
    "interrupting": ("clerks", say("whether it takes the step away")),
    "loop": ("clerks", say("how often it is done")),
    "script": ("clerks", say("what it calculates")),
    "expression": ("clerks", say("what it calculates")),
    "decision": ("clerks", say("the decision table that it asks")),
    "result": ("clerks", say("the variable of its result")),
    "host": ("clerks", say("the step on whose edge it is")),
    "body": ("clerks", say("the process that it runs")),
    "undo": ("clerks", say("what undoes it")),
    "compensation": ("clerks", say("whether it undoes another step")),
    "transaction": ("clerks", say("whether it is a transaction")),
    "outputs": ("clerks", say("the data that it sets")),
    "inputs": ("clerks", say("the data that it is given")),
}

_PROPERTIES: dict[str, tuple[Audience, Text]] = {
    "form": ("clerks", say("what it asks for")),
    "documents": ("applicants", say("documents that it issues")),
    "unit": ("clerks", say("the unit that does it")),
    "waits_for": ("clerks", say("who is to send it")),
    "power": ("clerks", say("the power that it needs")),
    "officers": ("clerks", say("how many officers sign")),
    "certificate": ("clerks", say("the certificate that it needs")),
    "term": ("clocks", say("time limit")),
    "result": ("clerks", say("the variable of its answers")),
    "receives": ("applicants", say("materials handed in")),
    "requests": ("applicants", say("materials asked for")),
}

_KINDS: dict[str, Text] = {
    "start": say("start event"),
    "end": say("end event"),
    "catch": say("intermediate catch event"),
    "throw": say("intermediate throw event"),
    "boundary": say("boundary event"),
    "task": say("task without a type"),
    "send": say("send task"),
    "receive": say("receive task"),
    "service": say("service task"),
    "user": say("user task"),
    "manual": say("manual task"),
    "script": say("script task"),
    "rule": say("business rule task"),
    "subprocess": say("subprocess"),
    "handler": say("event subprocess"),
    "call": say("call activity"),
    "xor": say("exclusive gateway"),
    "and": say("parallel gateway"),
    "or": say("inclusive gateway"),
    "race": say("event-based gateway"),
}


def _attribute(value: Any) -> Text:
    if isinstance(value, Event | Loop):
        named = [(field.name, getattr(value, field.name), field.default) for field in fields(value)]
        said = [_attribute(part) for _, part, usual in named if part != usual and not isinstance(part, bool)]
        said += [titled(name) for name, part, usual in named if part != usual and isinstance(part, bool)]
        return joined(" ", said) if said else say("nothing")
    if isinstance(value, tuple):
        parts = [" = ".join(part) if not isinstance(part, Event) else _attribute(part) for part in value]
        return joined("; ", [part if isinstance(part, Text) else titled(part) for part in parts])
    return _value(value)


def _flows(
    old: Definition, new: Definition, one: Scope | None, other: Scope | None, renamed: Mapping[str, str]
) -> Iterator[Difference]:
    """Which ways between elements that both have came or went, or are open on another condition."""
    if one is None or other is None:
        return
    back = {after: before for before, after in renamed.items()}
    before, after = _ways(one, {}), _ways(other, back)
    for way in [*before, *(way for way in after if way not in before)]:
        source, target = way
        ends = other.nodes.get(renamed.get(source, source)), other.nodes.get(renamed.get(target, target))
        if source not in one.nodes or target not in one.nodes or None in ends:
            continue  # told with the element that came or went
        left = joined(" → ", [old.step_title(one.nodes[source]), old.step_title(one.nodes[target])])
        for flow, same in zip_longest(before.get(way, ()), after.get(way, ())):
            change: Change
            if flow is None:
                text, change = say("new way: {way}", way=left), "added"
            elif same is None:
                text, change = say("no more way: {way}", way=left), "removed"
            elif _taken(one, flow) != _taken(other, same):
                text, change = say("when the way is taken: {way}", way=left), "changed"
            else:
                continue
            kept: Flow = same or flow
            was = _taken(one, flow) if flow is not None else NOTHING
            now = _taken(other, same) if same is not None else NOTHING
            yield Difference("clerks", change, _file(new, other), kept.id, text, was, now)
    for id, node in one.nodes.items():
        same_node = other.nodes.get(renamed.get(id, id))
        if node.kind == "xor" and same_node is not None:
            ways = [
                [back.get(scope.flows[flow].target, scope.flows[flow].target) for flow in gate.outgoing]
                for scope, gate in ((one, node), (other, same_node))
            ]
            if ways[0] != ways[1] and sorted(ways[0]) == sorted(ways[1]):
                text = say("{step}: the order in which its conditions are asked", step=old.step_title(node))
                yield Difference("clerks", "changed", _file(new, other), same_node.id, text)


def _ways(scope: Scope, back: Mapping[str, str]) -> dict[tuple[str, str], list[Flow]]:
    found: dict[tuple[str, str], list[Flow]] = {}
    for flow in scope.flows.values():
        way = back.get(flow.source, flow.source), back.get(flow.target, flow.target)
        found.setdefault(way, []).append(flow)
    return found


def _taken(scope: Scope, flow: Flow) -> Text:
    if scope.nodes[flow.source].default == flow.id:
        return say("otherwise")
    return titled(flow.condition) if flow.condition is not None else say("always")


def _steps(definition: Definition, nodes: Iterable[Node]) -> Text:
    return joined(", ", [definition.step_title(node) for node in nodes])


def _performer(definition: Definition, scope: Scope | None, node: Node) -> str:
    return "/".join(filter(None, definition.performer(scope.id if scope else "", node)))


def _file(definition: Definition, scope: Scope | None) -> str:
    """The file in which a scope is drawn."""
    process = scope.id.split("/")[0] if scope is not None else definition.net.process
    return definition.sources.get(process, DIAGRAM)


# --- forms, tables, papers


def _forms(old: Definition, new: Definition) -> Iterator[Difference]:
    """Field by field what is asked, in the forms that both have; a form that comes or goes is told with the
    step that asks it."""
    for path in sorted(old.files.keys() & new.files.keys()):
        if not path.endswith(".schema.json") or old.files[path] == new.files[path]:
            continue
        one, other = json.loads(old.files[path]), json.loads(new.files[path])
        audience: Audience = "applicants" if new.start_form() == other else "clerks"
        before, required = shape(one, one, None)
        after, needed = shape(other, other, None)
        title = titled(other.get("title", path), other.get("x-title-en", ""))
        told = False
        for name in [*before, *(name for name in after if name not in before)]:
            field, same = before.get(name), after.get(name)
            called = field_title(name, same if same is not None else before[name])
            change: Change = "changed"
            if field is None or same is None:
                change = "added" if field is None else "removed"
                text = say(_ASKED[change].msgid, form=title, field=called)
                told = True
                must = say("required") if name in (needed if field is None else required) else NOTHING
                yield Difference(audience, change, path, name, text, *_on_side(change, must))
                continue
            what = _asked(one, field, name in required), _asked(other, same, name in needed)
            for key in dict.fromkeys([*what[0], *what[1]]):
                values = what[0].get(key, NOTHING), what[1].get(key, NOTHING)
                if values[0] != values[1]:
                    word = _FIELD_WORDS.get(key, titled(key))
                    text = say("{form}, “{field}”: {what}", form=title, field=called, what=word)
                    told = True
                    yield Difference(audience, change, path, name, text, *values)
        if not told:
            text = say("{form}: texts or rules that go beyond single fields", form=title)
            yield Difference(audience, "changed", path, None, text, *_first_difference(old, new, path))


_ASKED = {
    "added": say("{form} also asks for “{field}”"),
    "removed": say("{form} no longer asks for “{field}”"),
}

_FIELD_WORDS = {
    "required": say("required"),
    "choices": say("choices"),
    "title": say("name"),
    "description": say("help"),
    "x-title-en": say("English name"),
    "x-description-en": say("English help"),
    "minimum": say("least"),
    "maximum": say("most"),
    "minLength": say("least length"),
    "maxLength": say("greatest length"),
}


def _asked(form: Mapping[str, Any], field: Mapping[str, Any], required: bool) -> dict[str, Text]:
    """What a field says of itself, as far as a reader can tell the difference."""
    choices = choices_of(form, field)
    said = {key: _value(value) for key, value in field.items() if key not in ("oneOf", "enum") or not choices}
    if choices:
        said["choices"] = joined(", ", [choice.title for choice in choices])
    return {"required": _value(required), **said}


def _on_side(change: Change, text: Text) -> tuple[Text, Text]:
    return (text, NOTHING) if change == "removed" else (NOTHING, text)


def _decisions(old: Definition, new: Definition) -> Iterator[Difference]:
    """Rule by rule what the decision tables answer."""
    for id in [*old.net.tables, *(id for id in new.net.tables if id not in old.net.tables)]:
        one, other = old.net.tables.get(id), new.net.tables.get(id)
        if one == other:
            continue
        name = titled((other or one or {}).get("name") or id)
        file = _table_file(new if other is not None else old, id)
        if one is None or other is None:
            text = say("new: decision table “{name}”", name=name)
            if other is None:
                text = say("no more: decision table “{name}”", name=name)
            yield Difference("clerks", "added" if one is None else "removed", file, id, text)
            continue
        before, after = _rules(one), _rules(other)
        matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
        for operation, start, end, first, last in matcher.get_opcodes():
            if operation == "equal":
                continue
            for rule, same in zip_longest(before[start:end], after[first:last], fillvalue=""):
                change: Change = "added" if not rule else "removed" if not same else "changed"
                text = say("decision table “{name}”: a rule", name=name)
                yield Difference("clerks", change, file, id, text, titled(rule), titled(same))
        if {**one, "rules": 0} != {**other, "rules": 0}:
            for key in dict.fromkeys([*one, *other]):
                if key != "rules" and one.get(key) != other.get(key):
                    text = say("decision table “{name}”: {what}", name=name, what=titled(key))
                    values = _value(one.get(key)), _value(other.get(key))
                    yield Difference("clerks", "changed", file, id, text, *values)


def _rules(table: Mapping[str, Any]) -> list[str]:
    return [
        " · ".join(rule["tests"]) + " → " + " · ".join(rule["outputs"]) for rule in table.get("rules", ())
    ]


def _table_file(definition: Definition, id: str) -> str:
    quoted = f'"{id}"'.encode()
    files = (
        path for path, content in definition.files.items() if path.endswith(".dmn") and quoted in content
    )
    return next(files, DIAGRAM)


def _papers(old: Definition, new: Definition, told: set[str]) -> Iterator[Difference]:
    """Every file whose bytes differ although nothing has been said of it yet."""
    for path in sorted(old.files.keys() | new.files.keys()):
        one, other = old.files.get(path), new.files.get(path)
        if one == other or path in told:
            continue
        change: Change = "added" if one is None else "removed" if other is None else "changed"
        audience, text = _paper(new if other is not None else old, path)
        values = (NOTHING, NOTHING) if change != "changed" else _first_difference(old, new, path)
        yield Difference(audience, change, path, None, text, *values)


def _paper(definition: Definition, path: str) -> tuple[Audience, Text]:
    """Whom a file concerns that is not what the engine runs, and what it is."""
    if is_example(path):
        return "record", say("worked case {file}", file=path)
    if path.endswith(".j2"):
        name = path.removeprefix("forms/")
        users = [d["name"] for d in definition.item.get("documents", {}).values() if d["template"] == name]
        if users:
            named = joined(", ", [_value(user) for user in users])
            return "applicants", say("the text of: {documents}", documents=named)
        return "applicants", say("what documents have in common: {file}", file=path)
    if path.endswith((".bpmn", ".dmn")):
        return "record", say("{file}: only how it is drawn, or notes; the process is the same", file=path)
    if path == ITEM:
        return "record", say("{file}: sections or notes that nothing else here tells of", file=path)
    if path.endswith(".schema.json"):
        return "clerks", say("form {file}", file=path)
    return "record", say("file {file}", file=path)


def _first_difference(old: Definition, new: Definition, path: str) -> tuple[Text, Text]:
    """The first line that is another, before and after."""
    lines = [d.files[path].decode(errors="replace").splitlines() for d in (old, new)]
    for one, other in zip_longest(*lines, fillvalue=""):
        if one != other:
            return titled(_cut(one)), titled(_cut(other))
    return NOTHING, NOTHING


def _cut(line: str) -> str:
    line = line.strip()
    return line if len(line) <= 100 else line[:99] + "…"
