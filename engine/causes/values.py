"""Why of values: what a condition, script or decision table came to, on which values, and whence these.

In: an `Inquiry` and a place at which something was calculated, with the path of a variable. Out: causes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from ..clock import read_instant
from ..errors import Text, say
from ..events import AnswerEntered, ClockStruck, Record, ReferralDeemed, ReferralSent, TaskCompleted
from ..expressions import Malformed, compile_expression, compile_script, compile_table
from ..expressions.outline import outline
from ..flow.net import HUMAN
from ..flow.run.board import Asked, Effect
from ..forms.schema import choices_of, field_at, title_of
from ..views import form_of
from . import people
from .links import Cause, Inquiry, Key
from .trace import Act, Trace, frame_of

Path = tuple[str, ...]
"""A variable, or how far into it an expression reads."""

_MOST = 60
"""Characters of a value that a text shows; the data have all of it."""

# --- what was calculated


def asked(inquiry: Inquiry, place: int) -> Cause:
    """Something that was calculated, with the values it was calculated on."""
    trace = inquiry.trace
    asked = trace.asked_at(place)
    paths = _paths(asked.source, asked.seen)
    values = [{"name": ".".join(path), "value": _at(asked.seen, path)} for path in paths]
    told: dict[str, Any] = {
        "source": " ".join(asked.source.split()),
        "values": _listed(values),
    }
    kind = "condition" if isinstance(asked.value, bool) else "expression"
    if asked.fault is not None:
        kind = "fault"
        text = say("“{source}” failed: {fault} ({values})", fault=asked.fault, **told)
    elif asked.value is True:
        text = say("“{source}” holds ({values})", **told)
    elif asked.value is False:
        text = say("“{source}” does not hold ({values})", **told)
    else:
        text = say("“{source}” gives {value} ({values})", value=_short(asked.value), **told)
    facts = [_value_key(inquiry, place, path) for path in paths]
    return Cause(kind, text, trace.seq_at(place), facts, more=_as_data(trace, place, values))


def _listed(values: Iterable[Mapping[str, Any]]) -> str:
    return ", ".join(f"{one['name']} = {_short(one['value'])}" for one in values) or "—"


def _as_data(trace: Trace, place: int, values: list[dict[str, Any]]) -> dict[str, Any]:
    asked = trace.asked_at(place)
    of = trace.called(asked.of, place)
    return {"of": of, "expression": asked.source, "value": asked.value, "values": values}


def calculated(inquiry: Inquiry, place: int) -> Cause:
    """A script, an expression or a decision table."""
    trace = inquiry.trace
    told, act = trace.asked_at(place), trace.act_at(place)
    drawn = act.definition.net.tables.get(told.source)
    if drawn is None:
        return asked(inquiry, place)
    table = compile_table(drawn)
    names = sorted(table.names & told.seen.keys())
    facts = [_value_key(inquiry, place, (name,)) for name in names]
    if told.fault is not None:  # which names the table
        values = [{"name": name, "value": told.seen[name]} for name in names]
        text = say("{fault} ({values})", fault=told.fault, values=_listed(values))
        return Cause("fault", text, act.fact.seq, facts, more=_as_data(trace, place, values))
    more: dict[str, Any] = {"decision": told.source, "value": told.value}
    zone = trace.opening.event.payload()["zone"]
    inputs, numbers = table.applied(told.seen, read_instant(act.fact.at), zone)
    rules = [(number, drawn["rules"][number - 1]) for number in numbers]
    more |= {
        "inputs": [{"expression": source, "value": value} for source, value in inputs],
        "rules": [
            {"number": number, "tests": rule["tests"], "outputs": rule["outputs"]} for number, rule in rules
        ],
    }
    rows = [f"{number}: {' | '.join(test or '-' for test in rule['tests'])}" for number, rule in rules]
    text = say(
        "decision table {table}, {inputs}: rule {rules} gives {value}",
        table=told.source,
        inputs=", ".join(f"{source} = {_short(value)}" for source, value in inputs) or "—",
        rules="; ".join(rows) or "—",
        value=_short(told.value),
    )
    return Cause("decision", text, act.fact.seq, facts, more=more)


# --- where a value came from


def _value_key(inquiry: Inquiry, place: int, path: Path) -> Key:
    """The value that was read at the place: one cause, however often it was read as it was written."""
    trace = inquiry.trace
    at = _written(trace, place, path[0])
    known = (at, path, json.dumps(_at(trace.asked_at(place).seen, path)))
    return inquiry.read.setdefault(known, ("value", place, path, at))


def value(inquiry: Inquiry, place: int, path: Path, at: int | None) -> Cause:
    """A variable as it was read at `place`, and where it had been written last, `at`."""
    trace = inquiry.trace
    read = _at(trace.asked_at(place).seen, path)
    name = ".".join(path)
    told: dict[str, Any] = {"name": name, "value": _short(read)}
    more: dict[str, Any] = {"name": name, "value": read, "how": None, "field": None}
    if at is None:
        text = say("{name} = {value}; where that was written can't be told from this record", **told)
        return Cause("value", text, trace.seq_at(place), more=more)
    act = trace.act_at(at)
    if isinstance(asked := trace.glimpses[at], Asked):
        more["how"] = "given"
        text = say("{name} = {value}: calculated for {element}", element=trace.called(asked.of, at), **told)
        return Cause("value", text, act.fact.seq, [("asked", at)], more=more)
    wrote = trace.wrote_at(at)
    path = (wrote.name, *path[1:])  # an activity may have been given it under another name
    more["how"] = wrote.how
    of = trace.called(wrote.of, at)
    record = act.fact
    facts: list[Key] = []
    match wrote.how:
        case "opening":
            told["field"] = _field(act, "", path, more)
            facts = [("opening",)]
            text = say("{name} = {value}: “{field}”, given when the case was opened", **told)
        case "answers":
            text, record, facts = _from_answers(inquiry, at, path, told, more)
        case "beside":
            facts = _from_review(trace, act, path[0])
            text = say("{name} = {value}: what the answers had come to", **told)
        case "made":
            visit = _visit_before(trace, at, "entered", wrote.of)
            text = say("{name} = {value}: calculated by {element}", element=of, **told)
            facts = [("work", visit)] if visit else []
        case "gathered":
            text = say("{name} = {value}: gathered from {element}", element=of, **told)
            facts = [("instances", trace.called(wrote.inside, at))]
        case "retried":
            text = say("{name} = {value}: set right by {who}", who=people.who(inquiry, record), **told)
            facts = [("event", record.seq)]
        case "output":
            source = dict(act.definition.node(wrote.of).outputs)[wrote.name]
            calculated = _asked_for(trace, wrote.of, source, at)
            text = say("{name} = {value}: an output of {element}", element=of, **told)
            facts = [("asked", calculated)] if calculated is not None else []
        case "caught":
            fired = _visit_before(trace, at, "fired", wrote.of)
            text = say("{name} = {value}: what {element} caught", element=of, **told)
            facts = [("caught", fired)] if fired else []
        case _:
            text = say("{name} = {value}: given to {element}", element=of, **told)
            loop = act.definition.node(wrote.of).loop
            if loop is not None and loop.collection is not None and loop.item == path[0]:
                among = _asked_for(trace, wrote.of, loop.collection, at)
                facts = [("asked", among)] if among is not None else []
    return Cause("value", text, record.seq, facts, more=more | people.actor(inquiry, record))


def _from_answers(
    inquiry: Inquiry, at: int, path: Path, told: dict[str, Any], more: dict[str, Any]
) -> tuple[Text, Record, list[Key]]:
    """A value of a form: of a message's, or of a step's, or what a silence was taken for."""
    trace = inquiry.trace
    act, of = trace.act_at(at), trace.wrote_at(at).of
    inner = path[1:] if act.definition.node(of).properties.get("result") == path[0] else path
    told["field"] = _field(act, of, inner, more)
    if act.definition.node(of).kind not in HUMAN:
        text = say("{name} = {value}: “{field}”, brought by the message", **told)
        message = _message_before(trace, at)
        return text, message, [("event", message.seq)]
    event = act.fact.event
    task = trace.named(act.fact, "task") if "task" in event.payload() else ""
    if not task and isinstance(event, ClockStruck):
        task = str(trace.case.deadlines[trace.named(act.fact, "clock")].get("of", ""))
    about = trace.about.get(task, ())
    entered = [
        r for r in about if isinstance(r.event, TaskCompleted | AnswerEntered) and r.seq <= act.fact.seq
    ]
    silent = [r for r in about if isinstance(r.event, ReferralDeemed)]
    record = (entered or silent or [act.fact])[-1]
    facts: list[Key] = [("step", task)] if trace.is_step(task) else [("event", record.seq)]
    if silent and not entered:
        return say("{name} = {value}: by the silence on step {step}", step=task, **told), record, facts
    text = say(
        "{name} = {value}: “{field}” of step {step}, entered by {who}",
        step=task,
        who=people.who(inquiry, record),
        **told,
    )
    return text, record, facts


def _from_review(trace: Trace, act: Act, variable: str) -> list[Key]:
    """The joint review, or the step of a meeting, that set a variable beside the answers."""
    seq = act.fact.seq
    for review in act.definition.joints.values():
        if review.result == variable:
            rounds = [
                record.event.round
                for record in trace.records[:seq]
                if isinstance(record.event, ReferralSent) and record.event.joint == review.id
            ]
            return [("joint", review.id, rounds[-1], seq)] if rounds else []
    return [("event", seq)]


def _message_before(trace: Trace, at: int) -> Record:
    """The record of the message whose content an event wrote here."""
    first = trace.act_at(at).first
    last = max((place for place in trace.messages if first <= place < at), default=None)
    return trace.act_at(at).fact if last is None else trace.record(trace.messages[last])


def _visit_before(trace: Trace, at: int, kind: str, element: str) -> str | None:
    """The visit to the element that was `entered`, or had `fired`, last before a place, in its act."""
    for place in range(at - 1, trace.act_at(at).first - 1, -1):
        glimpse = trace.glimpses[place]
        if isinstance(glimpse, Effect) and (glimpse.kind, glimpse.element) == (kind, element):
            return trace.visit_at(place)
    return None


def _field(act: Act, element: str, path: Path, more: dict[str, Any]) -> Text:
    """What the form calls the field; what it calls the value goes to `more`."""
    form = form_of(act.definition, element) if element else act.definition.start_form()
    title = say("{name}", name=".".join(path))
    with suppress(KeyError, TypeError, IndexError, ValueError):
        title = title_of(form, path) if path else title
        for choice in choices_of(form, field_at(form, path)):
            if choice.value == more["value"]:
                more["words"] = choice.title
    more["field"] = ".".join(path)
    return title


# --- where it was written


def _written(trace: Trace, place: int, name: str) -> int | None:
    """Where the variable, as it was read at the place, had been written, or calculated for who read it;
    through the frames that only passed it on."""
    asked = trace.asked_at(place)
    home = asked.homes.get(name)
    if home == "?":
        return _given(trace, asked.of, asked.frame, name, place)
    if home is None:
        return None
    return _followed(trace, _last_write(trace, trace.called(home, place), name, place), name)


def _followed(trace: Trace, at: int | None, name: str) -> int | None:
    """Where the variable came from that was written at the place."""
    while at is not None:
        wrote = trace.wrote_at(at)
        if wrote.how == "passed":
            at = _last_write(trace, trace.called(wrote.inside, at), name, at)
        elif wrote.how == "given" and name in dict(trace.act_at(at).definition.node(wrote.of).inputs):
            return _given(trace, wrote.of, wrote.inside, name, at)
        else:
            return at
    return None


def _given(trace: Trace, of: str, frame: str, name: str, place: int) -> int | None:
    """Where the input of the activity `of` in the frame came from: a variable, or a calculation."""
    source = dict(trace.act_at(place).definition.node(of).inputs).get(name, name)
    holder = _holder(trace, frame, source, place)
    if holder is None:
        return _asked_for(trace, of, source, place)
    return _followed(trace, _last_write(trace, holder, source, place), source)


def _asked_for(trace: Trace, of: str, source: str, before: int) -> int | None:
    """Where the flow or element had the expression calculated last."""
    places = trace.asked.get(trace.called(of, before), ())
    return next((at for at in reversed(places) if at < before and trace.asked_at(at).source == source), None)


def _holder(trace: Trace, frame: str, name: str, place: int) -> str | None:
    """The nearest frame from `frame` outwards in which the variable was written."""
    frame = trace.called(frame, place)
    while _last_write(trace, frame, name, place) is None:
        if not frame:
            return None
        frame = frame_of(frame)
    return frame


def _last_write(trace: Trace, home: str, name: str, before: int) -> int | None:
    places = trace.wrote.get((home, name), ())
    return next((at for at in reversed(places) if at < before), None)


def _paths(source: str, seen: Mapping[str, Any]) -> list[Path]:
    """What an expression or script reads of the variables, as far in as its text says."""
    drawn = outline(source)
    if drawn is not None:
        return sorted(path for path in drawn.paths if path[0] in seen)
    names: Iterable[str] = ()
    for compile_ in (compile_expression, compile_script):
        with suppress(Malformed):
            names = compile_(source).names
            break
    return sorted((name,) for name in names if name in seen)


def _at(seen: Mapping[str, Any], path: Path) -> Any:
    value: Any = seen.get(path[0])
    for name in path[1:]:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MOST else text[: _MOST - 1] + "…"
