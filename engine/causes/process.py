"""Why of the process: how a case ended or where it waits, what became of its visits, and which way they
went.

In: an `Inquiry` and a visit, element or sequence flow. Out: causes. What a visit came from is found in
`ways`; what a condition came to is told in `values`.
"""

from __future__ import annotations

from typing import Any

from ..errors import say
from ..events import (
    CaseClosed,
    CaseMigrated,
    IncidentRaised,
    IncidentRetried,
    SignalReceived,
    TimerArmed,
    TimerFired,
)
from ..flow.marking import element_of, visit_of_timer
from ..flow.net import HUMAN, Flow, Node, triggers
from ..flow.run.board import Asked, Effect
from ..forms.schema import joined as joined_texts
from . import people, ways
from .links import Cause, Inquiry, Key, element_name, flow_name, name_at, named
from .trace import Act, Trace, frame_of

# --- the case


def outcome(inquiry: Inquiry) -> Cause:
    """How the case ended."""
    trace = inquiry.trace
    record = next(r for r in reversed(trace.records) if isinstance(r.event, CaseClosed))
    closed: Any = record.event
    names = trace.definition.outcome_names(closed.outcome)
    reached = [id for id, places in trace.completed.items() if element_of(id) == closed.outcome and places]
    outermost = [id for id in reached if not frame_of(id)]
    ends = outermost or reached
    return Cause(
        "outcome",
        say(
            "the case ended with “{outcome}” ({element})",
            outcome=named(names, closed.outcome),
            element=closed.outcome or "—",
        ),
        record.seq,
        _migrations(trace),
        [("end", ends[-1])] if ends else [("event", trace.act_of[record.seq].fact.seq)],
        {"element": closed.outcome, "name": names},
    )


def standing(inquiry: Inquiry) -> Cause:
    """Where the case waits."""
    trace = inquiry.trace
    because: list[Key] = []
    for frame in trace.case.marking["frames"].values():
        for id, visit in frame["live"].items():
            if visit["wait"] == "task":
                because.append(("step", id))
            elif visit["wait"] == "incident":
                because.append(("incident", id))
            elif visit["wait"] in ("event", "race") and id in trace.entered:
                because.append(("reached", id))
            elif "multi" in visit:
                because += [("step", f"{id}:{index}") for index in visit["multi"]["waiting"]]
    many = say("the case is open; it waits at {count} places", count=len(because))
    return Cause(
        "standing",
        say("the case is open; it waits at one place") if len(because) == 1 else many,
        trace.records[-1].seq,
        _migrations(trace),
        because,
    )


def _migrations(trace: Trace) -> list[Key]:
    """That the case went over to other versions; names are told as the last one has them."""
    return [("event", r.seq) for r in trace.records if isinstance(r.event, CaseMigrated)]


def opening(inquiry: Inquiry) -> Cause:
    """Where everything began."""
    record = inquiry.trace.opening
    return Cause(
        "opened",
        say("the case was opened by {who}", who=people.who(inquiry, record)),
        record.seq,
        people.grants(record),
        more=people.actor(inquiry, record),
    )


# --- visits


def end(inquiry: Inquiry, id: str) -> Cause:
    """An end event was reached."""
    trace = inquiry.trace
    place = trace.completed[id][-1]
    return Cause(
        "end",
        say("end event {element} was reached", element=name_at(trace, place)),
        trace.seq_at(place),
        because=ways.came(trace, id, place),
        more=_of(trace, id, place),
    )


def reached(inquiry: Inquiry, id: str) -> Cause:
    """A place that a token has come to."""
    trace = inquiry.trace
    if trace.last(trace.completed, id) in trace.joined:
        return joined(inquiry, id)
    place = (trace.entered.get(id) or trace.fired[id])[-1]
    facts: list[Key] = [
        ("timer", timer)
        for timer in trace.about
        if id in (timer, visit_of_timer(timer)) and trace.latest(timer, TimerArmed) is not None
    ]
    return Cause(
        "reached",
        say("{element} was reached", element=name_at(trace, place)),
        trace.seq_at(place),
        facts,
        ways.came(trace, id),
        _of(trace, id, place),
    )


def joined(inquiry: Inquiry, id: str) -> Cause:
    """Tokens waited for each other."""
    trace = inquiry.trace
    place = trace.completed[id][-1]
    told: dict[str, Any] = {"element": name_at(trace, place), "count": len(trace.joined[place])}
    if trace.node_at(place).kind == "or":
        text = say("{element} waited as long as more could come; {count} came in", **told)
    else:
        text = say("{element} waited for all {count} ways", **told)
    return Cause(
        "joined",
        text,
        trace.seq_at(place),
        because=ways.arrived(trace, place),
        more=_of(trace, id, place),
    )


def instances(inquiry: Inquiry, id: str) -> Cause:
    """An activity that was done more than once."""
    trace = inquiry.trace
    ones = [one for one in trace.entered if one.rpartition(":")[0] == id and one.rpartition(":")[2].isdigit()]
    ones.sort(key=lambda one: trace.entered[one][0])
    place = trace.entered[ones[-1] if ones else id][-1]
    node = trace.node_at(place)
    kind = "step" if node.kind in HUMAN else "finished" if node.body else "work"
    taken = trace.last(trace.taken, id)
    name = name_at(trace, place)
    many = say("{element} was done {count} times", element=name, count=len(ones))
    return Cause(
        "instances",
        say("{element} was done once", element=name) if len(ones) == 1 else many,
        trace.seq_at(taken if taken is not None else place),
        [(kind, one) for one in ones],
        ways.came(trace, id if id in trace.entered else ones[0]),
        _of(trace, id, place),
    )


def finished(inquiry: Inquiry, id: str) -> Cause:
    """A subprocess or called process came to its end."""
    trace = inquiry.trace
    place = trace.last(trace.completed, id)
    entered = trace.entered[id][-1]
    inside = [
        (places[-1], one)
        for one, places in trace.completed.items()
        if frame_of(one) == id and trace.node_at(places[-1]).kind == "end"
    ]
    because = ways.came(trace, id)
    if inside and place is not None:
        at, one = max(inside)
        because = ways.came(trace, one, at)
    return Cause(
        "finished",
        say("{element} came to its end", element=name_at(trace, entered)),
        trace.seq_at(place if place is not None else entered),
        because=because,
        more=_of(trace, id, entered),
    )


def work(inquiry: Inquiry, id: str) -> Cause:
    """What the engine did by itself."""
    trace = inquiry.trace
    place = trace.last(trace.completed, id)
    entered = trace.entered[id][0]
    done = place if place is not None else entered
    asked = trace.asked.get(trace.element_at(done), ())
    return Cause(
        "work",
        say("{element} was done by the engine", element=name_at(trace, done)),
        trace.seq_at(done),
        [*_failures(trace, id), *(("calculated", at) for at in asked if entered <= at <= done)],
        ways.came(trace, id, done),
        _of(trace, id, done),
    )


def incident(inquiry: Inquiry, id: str) -> Cause:
    """A visit failed, and stood still until somebody set it right."""
    trace = inquiry.trace
    place = trace.incidents[id][-1]
    effect = trace.effect(place)
    record = next(r for r in reversed(trace.about[id]) if isinstance(r.event, IncidentRaised))
    faults: list[Key] = [
        ("calculated", at)
        for at in range(trace.act_at(place).first, place)
        if isinstance(glimpse := trace.glimpses[at], Asked) and glimpse.fault is not None
    ]
    # The record has it in English; who looked on was told it as a text of every language.
    told = (trace.asked_at(at).fault for _, at in reversed(faults))
    message = effect.info["message"]
    fault = next((text for text in told if str(text) == str(message)), message)
    retried: list[Key] = [("event", r.seq) for r in trace.about[id] if isinstance(r.event, IncidentRetried)]
    return Cause(
        "incident",
        say("{element} failed: {fault}", element=name_at(trace, place), fault=fault),
        record.seq,
        [*faults[-1:], *retried],
        ways.came(trace, id, place),
        {"task": id, "element": trace.element_at(place), "code": effect.info["code"]},
    )


def _failures(trace: Trace, id: str) -> list[Key]:
    """That a visit once stood still as an incident."""
    return [("incident", id)] if trace.incidents.get(id) else []


def _of(trace: Trace, id: str, place: int) -> dict[str, Any]:
    return {"id": id, "element": trace.element_at(place)}


# --- events


def caught(inquiry: Inquiry, id: str) -> Cause:
    """An event that a token, an activity or a scope waited for."""
    trace = inquiry.trace
    place = trace.fired[id][-1]
    node, act = trace.node_at(place), trace.act_at(place)
    event, seq = act.fact.event, act.fact.seq
    name = name_at(trace, place)
    facts: list[Key] = []
    more = _of(trace, id, place)
    kinds = {part.kind for part in triggers(node)}
    if place in trace.messages:
        record = trace.record(trace.messages[place])
        who = people.who(inquiry, record)
        text = say("{element}: the message came in, entered by {who}", element=name, who=who)
        seq = record.seq
        facts += people.grants(record)
        more |= people.actor(inquiry, record)
    elif "timer" in kinds and isinstance(event, TimerFired) and event.element == node.id:
        text = say("{element}: the timer ran out", element=name)
        facts.append(("timer", trace.named(act.fact, "timer")))
    elif "signal" in kinds and isinstance(event, SignalReceived):
        text = say(
            "{element}: the signal {name} came from case {case}, event {seq}",
            element=name,
            name=event.name,
            case=event.case,
            seq=event.seq,
        )
        more |= {"signal": {"case": event.case, "seq": event.seq}}
    elif "conditional" in kinds:
        text = say("{element}: its condition became true", element=name)
        asked = trace.asked.get(trace.element_at(place), ())
        held = [at for at in asked if at < place and trace.asked_at(at).value is True]
        facts += [("asked", at) for at in held[-1:]]
    elif kinds & {"error", "escalation"}:
        text = say("{element}: what was thrown inside was caught", element=name)
        facts += _thrown(trace, place, act)
    elif "compensate" in kinds:
        text = say("{element}: what was done was to be undone", element=name)
    else:
        text = say("{element} was triggered", element=name)
    return Cause("event", text, seq, facts, ways.waited(trace, id, node, place), more)


def _thrown(trace: Trace, place: int, act: Act) -> list[Key]:
    """The error end event, or the failed expression, right before an event caught it."""
    for at in range(place - 1, act.first - 1, -1):
        glimpse = trace.glimpses[at]
        if isinstance(glimpse, Asked) and glimpse.fault is not None:
            return [("calculated", at)]
        done = isinstance(glimpse, Effect) and glimpse.kind == "completed"
        kind = trace.node_at(at).kind if done else ""
        if kind in ("end", "throw"):
            return [("end" if kind == "end" else "reached", trace.visit_at(at))]
    return []


# --- routes


def left(inquiry: Inquiry, id: str) -> Cause:
    """Which way, or ways, a node went on."""
    trace = inquiry.trace
    places = trace.taken[id]
    last = places[-1]
    act, node = trace.act_at(last), trace.node_at(last)
    flows = [trace.effect(place).info["flow"] for place in places if trace.act_at(place) is act]
    scope = act.definition.net.scopes[trace.effect(last).scope]
    names = [element_name(trace, scope.flows[flow].target, act) for flow in flows]
    told: dict[str, Any] = {"element": name_at(trace, last), "ways": joined_texts(", ", names)}
    if node.kind == "and":
        text = say("{element} opened {count} ways side by side", count=len(flows), **told)
    elif not any(scope.flows[flow].condition for flow in node.outgoing):
        text = say("{element} went on to {ways}, as it always does", **told)
    elif flows == [node.default]:
        text = say("{element} went on to {ways} by default: no other condition held", **told)
    elif node.kind == "xor":
        text = say("{element} went on to {ways}: the first condition that held", **told)
    else:
        text = say("{element} went on to {ways}: these conditions held", **told)
    done = trace.last(trace.completed, id, places[0])
    if done is not None and done in trace.joined:
        because = ways.arrived(trace, done)
    elif node.kind in ("xor", "and", "or"):
        because = ways.came(trace, id, last)
    else:
        because = ways.done(trace, id, node, last)
    asked = _conditions(trace, id, node, act, before=places[0])
    return Cause(
        "route",
        text,
        act.fact.seq,
        [*_failures(trace, id), *(("asked", place) for place in asked)],
        because,
        _of(trace, id, last) | {"flows": flows},
    )


def _conditions(trace: Trace, id: str, node: Node, act: Act, before: int) -> list[int]:
    """Where the conditions of the node's ways were asked, for this visit to it."""
    begun = max(trace.last(trace.completed, id, before) or 0, act.first)
    frame = frame_of(trace.effect(before).id)
    return sorted(
        place
        for flow in node.outgoing
        for place in trace.asked.get(flow, ())
        if begun <= place <= before and trace.asked_at(place).frame == frame
    )


def way(inquiry: Inquiry, scope: str, flow: str) -> Cause:
    """A sequence flow, whether or not it was taken."""
    trace = inquiry.trace
    around = trace.definition.net.scopes[scope]
    drawn = around.flows[flow]
    more: dict[str, Any] = {"element": flow, "flow": flow, "condition": drawn.condition}
    name = flow_name(trace, around, flow)
    along = [place for places in trace.taken.values() for place in places if _is_along(trace, place, drawn)]
    if along:
        place = max(along)
        because = ways.left_by(trace, place)
        text = say("the way “{flow}” was taken", flow=name)
        return Cause("way", text, trace.seq_at(place), because=because, more=more | {"taken": True})
    left = [id for id in trace.visits(drawn.source) if id in trace.taken]
    if left:
        text = say("the way “{flow}” was never taken; each time another was", flow=name)
        because = [("left", id) for id in reversed(left)]
    else:
        text = say("the way “{flow}” was not taken: nothing went on from there", flow=name)
        because = [ways.of_element(trace, drawn.source)]
    return Cause("way", text, trace.records[-1].seq, because=because, more=more | {"taken": False})


def _is_along(trace: Trace, place: int, drawn: Flow) -> bool:
    """Whether a token went along this flow at the place: by the version of that time, the flow of this name
    between the same elements; where it has none of this name there, any between them. A version may give a
    name that another flow had."""
    scope = trace.act_at(place).definition.net.scopes[trace.effect(place).scope]
    taken = trace.effect(place).info["flow"]

    def is_between(flow: Flow) -> bool:
        ends = (trace.called(flow.source, place), trace.called(flow.target, place))
        return ends == (drawn.source, drawn.target)

    named = scope.flows.get(drawn.id)
    if named is not None and is_between(named):
        return bool(taken == drawn.id)
    return is_between(scope.flows[taken])


def never(inquiry: Inquiry, element: str) -> Cause:
    """An element that no token came to: because the ways to it were not taken."""
    trace = inquiry.trace
    scope = next(scope for scope in trace.definition.net.scopes.values() if element in scope.nodes)
    node = scope.nodes[element]
    because: list[Key] = [("way", scope.id, flow) for flow in node.incoming]
    if node.host is not None:
        because = [ways.of_element(trace, node.host)]
    return Cause(
        "never",
        say("{element} was not reached", element=element_name(trace, element)),
        trace.records[-1].seq,
        because=because,
        more={"element": element},
    )
