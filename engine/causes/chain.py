"""The chain of causes of one thing in a case, as plain data with texts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from ..clock import read_instant
from ..deadlines import clock_of, rule_of
from ..errors import Text, Unknown, say, titled
from ..events import (
    AnswerConfirmed,
    AnswerEntered,
    AnswerReturned,
    CaseClosed,
    CaseDeemed,
    CaseMigrated,
    CaseOpened,
    ClockExpired,
    ClockExtended,
    ClockPaused,
    ClockReprojected,
    ClockRestarted,
    ClockResumed,
    ClockStarted,
    ClockStopped,
    ClockStruck,
    ContactHandedOver,
    DocumentIssued,
    ExtensionGranted,
    FindingRaised,
    IncidentRaised,
    IncidentRetried,
    JointCertain,
    JointDecided,
    MessageReceived,
    NoticeAllowed,
    PauseOrdered,
    Record,
    RecusalChallenged,
    RecusalDecided,
    RecusalDeclared,
    ReferralDeemed,
    ReferralFollowedUp,
    ReferralReportedUp,
    ReferralSent,
    ReferralSigned,
    ReferralWithdrawn,
    ReminderRaised,
    ResumeOrdered,
    SignalReceived,
    SilenceNoted,
    TaskCancelled,
    TaskCompleted,
    TaskEnded,
    TaskHandedOver,
    TaskOpened,
    TimerArmed,
    TimerFired,
)
from ..expressions import Failed, Malformed, compile_expression, compile_script, compile_table
from ..expressions.outline import outline
from ..flow.marking import element_of, timers, visit_of_timer
from ..flow.net import HUMAN, Node, Scope, triggers
from ..flow.run.board import Asked, Effect, Wrote
from ..flow.run.moves import is_trigger
from ..forms.schema import choices_of, field_at, joined, title_of
from ..organisation import Organisation
from ..views import answer_lines, certainty, form_of
from ..words import EFFECTS, FINDINGS, LEVELS, OUTCOMES, SILENCES
from .trace import Act, Trace, frame_of

Key = tuple[Any, ...]
"""Names a cause: its kind, and what it is about."""

OUTCOME = "outcome"

_MOST = 60
"""Characters of a value that a text shows; the data have all of it."""


@dataclass(slots=True)
class Cause:
    """One link. `facts` are what it rests on beside what came `because` of which; both are keys of others."""

    kind: str
    text: Text
    event: int
    facts: list[Key] = field(default_factory=list)
    because: list[Key] = field(default_factory=list)
    more: dict[str, Any] = field(default_factory=dict)


def why(trace: Trace, organisation: Organisation, what: str | None) -> dict[str, Any]:
    """The chain of causes of `what` (None: of where the case stands or how it ended): a step, element,
    sequence flow, document, clock, timer, joint review, `outcome`, or the number of an event.

    `causes` are the links in the order in which they are told: `n`, `kind`, `text`, `event` (the record that
    shows it), `at`, `by`, `facts` and `because` (the `n` of others: what it rests on, and what it came from,
    the nearest first) and what their kind adds; `lines` says how they are laid out: `cause`, `depth`, `role`
    (`root`, `fact`, `because`) and whether it was told before (`again`). Raises `Unknown` for what the case
    does not have.
    """
    chain = _Chain(trace, organisation)
    roots = chain.roots(what or OUTCOME)
    found = chain.follow(roots)
    lines = _laid_out(found, roots)
    numbers: dict[Key, int] = {}
    for key, _, _, again in lines:
        if not again:
            numbers[key] = len(numbers) + 1
    causes = []
    for key, n in numbers.items():
        cause = found[key]
        record = trace.record(cause.event)
        causes.append(
            {
                "n": n,
                "kind": cause.kind,
                "text": cause.text,
                "event": cause.event,
                "at": record.at,
                "by": record.by,
                "facts": [numbers[other] for other in cause.facts],
                "because": [numbers[other] for other in cause.because],
                **cause.more,
            }
        )
    told = [
        {"cause": numbers[key], "depth": depth, "role": role, "again": again}
        for key, depth, role, again in lines
    ]
    return {"case": trace.number, "what": what or OUTCOME, "causes": causes, "lines": told}


_CALCULATIONS = ("value", "condition", "expression", "fault", "decision", "work")
"""What rests on values: where these came from is told once."""

Line = tuple[Key, int, str, bool]


def _laid_out(found: Mapping[Key, Cause], roots: list[Key]) -> list[Line]:
    """The order of telling: a line of causes runs back as far as it is new, and what its links rest on is
    told below each, further in. A cause is told on the longest line that reaches it first: what a fact
    shares with the line itself is told there."""
    owner: dict[Key, bool] = {}
    lines: list[Line] = []
    # (key, depth, role): a line still to be told, begun by this cause.
    for root in roots:
        if root in owner:
            continue
        lines += _one_line(found, root, 0, "root", owner)
    return lines


def _one_line(
    found: Mapping[Key, Cause], root: Key, depth: int, role: str, owner: dict[Key, bool]
) -> list[Line]:
    spine: list[tuple[Key, str]] = []
    key, part = root, role
    while key not in owner:
        owner[key] = True
        spine.append((key, part))
        if not found[key].because:
            break
        key, part = found[key].because[0], "because"
    lines: list[Line] = []
    end = key if not spine or key != spine[-1][0] else None
    for key, part in spine:
        lines.append((key, depth, part, False))
        cause = found[key]
        for other, kind in [
            *((fact, "fact") for fact in cause.facts),
            *((further, "because") for further in cause.because[1:]),
        ]:
            if other in owner:
                if kind == "because" or cause.kind not in _CALCULATIONS:
                    lines.append((other, depth + 1, kind, True))
            else:
                lines += _one_line(found, other, depth + 1, kind, owner)
    if end is not None and spine and role != "fact":  # what a fact came from is told where that is
        lines.append((end, depth, "because", True))
    return lines


class _Chain:
    def __init__(self, trace: Trace, organisation: Organisation) -> None:
        self.trace = trace
        self.organisation = organisation
        self._values: dict[tuple[Any, ...], Key] = {}

    def follow(self, roots: list[Key]) -> dict[Key, Cause]:
        """All causes that the roots rest on."""
        found: dict[Key, Cause] = {}
        waiting = list(roots)
        while waiting:
            key = waiting.pop()
            if key in found:
                continue
            cause = getattr(self, f"_{key[0]}")(*key[1:])
            cause.because = list(dict.fromkeys(cause.because))
            cause.facts = [fact for fact in dict.fromkeys(cause.facts) if fact not in cause.because]
            found[key] = cause
            waiting += [*cause.facts, *cause.because]
        return found

    # --- what is asked about

    def roots(self, what: str) -> list[Key]:
        """What is asked about: the first of the kinds below that has something of this name; a name may say
        its kind, `clock:reply`. Raises `Unknown`."""
        trace = self.trace
        if what == OUTCOME:
            return [("outcome",)] if trace.case.closed else [("standing",)]
        if what.isascii() and what.isdigit() and 1 <= int(what) <= len(trace.records):
            return [("event", int(what), True)]
        kinds = {
            "step": self._step_called,
            "clock": self._clock_called,
            "timer": self._timer_called,
            "joint": self._joint_called,
            "recusal": self._recusal_called,
            "document": self._document_called,
            "element": self._element_called,
        }
        kind, colon, name = what.partition(":")
        finders = [kinds[kind]] if colon and kind in kinds else list(kinds.values())
        for find in finders:
            found = find(name if len(finders) == 1 else what)
            if found is not None:
                return [found]
        raise self._unknown(what)

    def _step_called(self, name: str) -> Key | None:
        return ("step", name) if self._is_step(name) else None

    def _clock_called(self, name: str) -> Key | None:
        deadlines = self.trace.case.deadlines
        if name in deadlines:
            return ("clock", name)
        runnings = [id for id in deadlines if clock_of(id) == name]
        return ("clock", runnings[-1]) if runnings else None

    def _timer_called(self, name: str) -> Key | None:
        return ("timer", name) if self._armed(name) is not None else None

    def _joint_called(self, name: str) -> Key | None:
        for record in reversed(self.trace.records):
            match record.event:
                case JointDecided(joint=joint, round=round) | JointCertain(joint=joint, round=round) if (
                    joint == name
                ):
                    return ("joint", joint, round, record.seq)
                case ReferralSent(joint=joint, round=round) if joint == name:
                    return ("joint", joint, round, len(self.trace.records))
        return None

    def _recusal_called(self, name: str) -> Key | None:
        found = [r.seq for r in self.trace.about.get(name, ()) if isinstance(r.event, _RECUSALS)]
        named = [seq for seq in found if self.trace.record(seq).event.payload()["recusal"] == name]
        return ("event", named[-1]) if named else None

    def _document_called(self, name: str) -> Key | None:
        for record in reversed(self.trace.records):
            match record.event:
                case DocumentIssued(document=document, number=number) if name in (document, number):
                    return ("document", record.seq)
        return None

    def _element_called(self, name: str) -> Key | None:
        """An element or sequence flow of the diagram, or a visit to one; of an element the latest visit where
        its own name is not that of the first."""
        trace = self.trace
        scopes = trace.definition.net.scopes.values()
        for scope in scopes:
            if name in scope.flows:
                return ("way", scope.id, name)
        visits = trace.visits(element_of(name))
        if name in visits:
            return self._visit(name)
        if name == element_of(name) and visits:
            return self._visit(visits[-1])
        return ("never", name) if any(name in scope.nodes for scope in scopes) else None

    def _visit(self, id: str) -> Key:
        trace = self.trace
        place = trace.last(trace.fired, id)
        if place is None:
            place = trace.entered[id][-1]
        node = trace.node(trace.effect(place), trace.act_at(place))
        if trace.incidents.get(id) and trace.last(trace.completed, id) is None:
            return ("incident", id)
        if node.kind in HUMAN and self._is_step(id):
            return ("step", id)
        if node.kind == "end":
            return ("end", id)
        if node.loop is not None and not id.rpartition(":")[2].isdigit():
            return ("instances", id)
        if id in trace.taken and self._chooses(node):
            return ("left", id)
        keys = self._done(id, node, len(trace.glimpses)) if trace.completed.get(id) else []
        return keys[0] if keys and keys[0][1:] == (id,) else ("reached", id)

    def _unknown(self, what: str) -> Unknown:
        trace = self.trace
        net = trace.definition.net
        known = [
            OUTCOME,
            *(r.event.task for r in trace.records if isinstance(r.event, TaskOpened)),
            *trace.case.deadlines,
            *trace.definition.joints,
            *trace.case.documents,
            *(node for scope in net.scopes.values() for node in scope.nodes),
            *(flow for scope in net.scopes.values() for flow in scope.flows),
        ]
        near = get_close_matches(what, known, 6) or list(dict.fromkeys(known))[:6]
        return Unknown(
            "why.unknown",
            say("case {case} has nothing that is called {what}", case=trace.number, what=what),
            expected=say(
                "a step, an element or sequence flow of the diagram, a document, a clock or timer, a joint "
                "review, the number of an event, or “outcome”: {near} …",
                near=", ".join(near),
            ),
            found=say("{what}", what=what),
            remedy=say("look for it with `lianban history {case}`", case=trace.number),
        )

    # --- ways back

    def _came(self, id: str, before: int) -> list[Key]:
        """What led to a token's being at the visit."""
        trace = self.trace
        places = [at for at in trace.entered.get(id, ()) if at <= before]
        parent = next((trace.parents[at] for at in places if at in trace.parents), None)
        if parent is not None:
            return self._left_by(parent)
        frame = frame_of(id)
        if not frame:
            return [("opening",)]
        if frame in trace.entered:
            place = trace.entered[frame][0]
            node = trace.node(trace.effect(place), trace.act_at(place))
            if node.kind == "handler":
                return [("caught", self._start_of(frame, place))]
            return self._came(frame, before)
        return [("opening",)]

    def _start_of(self, handler: str, place: int) -> str:
        """The start event whose firing began the event subprocess."""
        fired = [id for id in self.trace.fired if frame_of(id) == handler and self.trace.fired[id][0] < place]
        return fired[0]

    def _left_by(self, taken: int) -> list[Key]:
        """What a token on a sequence flow comes from."""
        trace = self.trace
        effect = trace.effect(taken)
        id, node = trace.called(effect.id, taken), trace.node(effect, trace.act_at(taken))
        if effect.kind == "signalled":
            return self._came(id, taken)
        return [("left", id)] if self._chooses(node) else self._done(id, node, taken)

    def _chooses(self, node: Node) -> bool:
        """Whether it is for the node to say which way it goes on, or to open several."""
        return node.kind != "race" and len(node.outgoing) > 1

    def _done(self, id: str, node: Node, before: int) -> list[Key]:
        """How the visit to the node was done."""
        trace = self.trace
        if node.loop is not None and not id.rpartition(":")[2].isdigit():
            return [("instances", id)]
        place = trace.last(trace.completed, id, before)
        if node.kind in HUMAN:
            return [("step", id)]
        if node.kind in ("catch", "receive", "boundary") and id in trace.fired:
            return [("caught", id)]
        if node.kind == "start" and frame_of(id) and id in trace.fired:
            return [("caught", id)]
        if node.kind == "start" and is_trigger(node) and id in trace.fired:
            return [("caught", id)]
        if node.kind in ("script", "service", "rule", "send"):
            return [("work", id)]
        if node.kind in ("subprocess", "call", "handler"):
            return [("finished", id)]
        if place is not None and place in trace.joined:
            return [("joined", id)]
        return self._came(id, before)

    # --- links: the process

    def _outcome(self) -> Cause:
        trace = self.trace
        record = next(r for r in reversed(trace.records) if isinstance(r.event, CaseClosed))
        closed: Any = record.event
        names = trace.definition.outcome_names(closed.outcome)
        name = titled(names.get("zh", closed.outcome), names.get("en", closed.outcome))
        ends = [
            id
            for id, places in trace.completed.items()
            if element_of(id) == closed.outcome and not frame_of(id) and places
        ]
        because: list[Key] = [("end", ends[-1])] if ends else [("event", trace.act_of[record.seq].fact.seq)]
        handlers = [id for id in trace.completed if element_of(id) == closed.outcome]
        if not ends and handlers:
            because = [("end", handlers[-1])]
        return Cause(
            "outcome",
            say("the case ended with “{outcome}” ({element})", outcome=name, element=closed.outcome or "—"),
            record.seq,
            facts=self._migrations(),
            because=because,
            more={"element": closed.outcome, "name": names},
        )

    def _standing(self) -> Cause:
        """Where the case waits."""
        trace = self.trace
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
        return Cause(
            "standing",
            say("the case is open; it waits at {count} places", count=len(because)),
            trace.records[-1].seq,
            self._migrations(),
            because,
        )

    def _migrations(self) -> list[Key]:
        """That the case went over to other versions; names are told as the last one has them."""
        return [("event", r.seq) for r in self.trace.records if isinstance(r.event, CaseMigrated)]

    def _failures(self, id: str) -> list[Key]:
        """That a visit once stood still as an incident."""
        return [("incident", id)] if self.trace.incidents.get(id) else []

    def _end(self, id: str) -> Cause:
        place = self.trace.completed[id][-1]
        node = self._node(place)
        return Cause(
            "end",
            say("end event {element} was reached", element=self._name(place)),
            self._seq(place),
            because=self._came(id, place),
            more=self._of(id, node),
        )

    def _reached(self, id: str) -> Cause:
        """A place that a token has come to."""
        trace = self.trace
        place = (trace.entered.get(id) or trace.fired[id])[-1]
        node = self._node(place)
        timers_on = [t for t in trace.about if visit_of_timer(t) == id or t == id]
        facts: list[Key] = [("timer", t) for t in timers_on if self._armed(t) is not None]
        done = trace.completed.get(id)
        text = say("{element} was reached", element=self._name(place))
        if done and done[-1] in trace.joined:
            return self._joined(id)
        return Cause(
            "reached", text, self._seq(place), facts, self._came(id, len(trace.glimpses)), self._of(id, node)
        )

    def _joined(self, id: str) -> Cause:
        """Tokens waited for each other."""
        place = self.trace.completed[id][-1]
        arrivals = self.trace.joined[place]
        because = [key for arrival in reversed(arrivals) for key in self._left_by(arrival)]
        text = say("{element} waited for all {count} ways", element=self._name(place), count=len(arrivals))
        if self._node(place).kind == "or":
            text = say(
                "{element} waited as long as more could come; {count} came in",
                element=self._name(place),
                count=len(arrivals),
            )
        return Cause(
            "joined",
            text,
            self._seq(place),
            because=because,
            more=self._of(id, self._node(place)),
        )

    def _left(self, id: str) -> Cause:
        """Which way, or ways, a node went on."""
        trace = self.trace
        places = trace.taken[id]
        last = places[-1]
        act, node = trace.act_at(last), self._node(last)
        flows = [trace.effect(place).info["flow"] for place in places if trace.act_at(place) is act]
        asked = self._conditions(id, node, act, before=places[0])
        scope = act.definition.net.scopes[trace.effect(last).scope]
        ways = joined(", ", [_called(trace, scope.flows[flow].target, act) for flow in flows])
        told: dict[str, Any] = {"element": self._name(last), "ways": ways}
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
            because = [key for place in reversed(trace.joined[done]) for key in self._left_by(place)]
        elif node.kind in ("xor", "and", "or"):
            because = self._came(id, last)
        else:
            because = self._done(id, node, last)
        more = self._of(id, node) | {"flows": flows}
        return Cause(
            "route",
            text,
            act.fact.seq,
            [*self._failures(id), *(("asked", place) for place in asked)],
            because,
            more,
        )

    def _conditions(self, id: str, node: Node, act: Act, before: int) -> list[int]:
        """Where the conditions of the node's ways were asked, for this visit to it."""
        trace = self.trace
        begun = max(trace.last(trace.completed, id, before) or 0, act.first)
        return sorted(
            place
            for flow in node.outgoing
            for place in trace.asked.get(flow, ())
            if begun <= place <= before
            and self._asked_at(place).frame == trace.effect(before).id.rpartition("/")[0]
        )

    def _way(self, scope: str, flow: str) -> Cause:
        """A sequence flow, whether or not it was taken."""
        trace = self.trace
        drawn = trace.definition.net.scopes[scope].flows[flow]
        source = drawn.source
        by = [
            id
            for id, places in trace.taken.items()
            if any(trace.effect(place).info["flow"] == flow for place in places)
        ]
        label = _label(trace, trace.definition.net.scopes[scope], flow)
        more: dict[str, Any] = {"element": flow, "flow": flow, "condition": drawn.condition}
        if by:
            last = max(by, key=lambda id: trace.taken[id][-1])
            place = trace.taken[last][-1]
            node = trace.definition.net.scopes[scope].nodes[source]
            because = [("left", last)] if self._chooses(node) else self._done(last, node, place)
            text = say("the way “{flow}” was taken", flow=label)
            return Cause("way", text, self._seq(place), because=because, more=more | {"taken": True})
        left = [id for id in trace.visits(source) if id in trace.taken]
        more |= {"taken": False}
        end = trace.records[-1].seq
        if left:
            text = say("the way “{flow}” was never taken; each time another was", flow=label)
            return Cause("way", text, end, because=[("left", id) for id in reversed(left)], more=more)
        text = say("the way “{flow}” was not taken: nothing went on from there", flow=label)
        visits = trace.visits(source)
        return Cause(
            "way", text, end, because=[self._visit(visits[-1]) if visits else ("never", source)], more=more
        )

    def _never(self, element: str) -> Cause:
        """An element that no token came to: because the ways to it were not taken."""
        trace = self.trace
        scopes = trace.definition.net.scopes
        scope = next(scope for scope in scopes.values() if element in scope.nodes)
        node = scope.nodes[element]
        ways: list[Key] = [("way", scope.id, flow) for flow in node.incoming]
        if node.host is not None:
            visits = trace.visits(node.host)
            ways = [self._visit(visits[-1]) if visits else ("never", node.host)]
        return Cause(
            "never",
            say("{element} was not reached", element=_called(trace, element)),
            trace.records[-1].seq,
            because=ways,
            more={"element": element},
        )

    def _opening(self) -> Cause:
        record = self.trace.opening
        return Cause(
            "opened",
            say("the case was opened by {who}", who=self._who(record)),
            record.seq,
            facts=self._grants(record),
            more=self._person(record),
        )

    def _instances(self, id: str) -> Cause:
        """An activity that was done more than once."""
        trace = self.trace
        ones = [
            one for one in trace.entered if one.rpartition(":")[0] == id and one.rpartition(":")[2].isdigit()
        ]
        ones.sort(key=lambda one: trace.entered[one][0])
        place = trace.entered[ones[-1] if ones else id][-1]
        node = self._node(place)
        taken = trace.last(trace.taken, id)
        facts: list[Key] = [
            ("step", one) if node.kind in HUMAN else ("finished", one) if node.body else ("work", one)
            for one in ones
        ]
        return Cause(
            "instances",
            say("{element} was done {count} times", element=self._name(place), count=len(ones)),
            self._seq(taken if taken is not None else place),
            facts,
            self._came(id if id in trace.entered else ones[0], len(trace.glimpses)),
            self._of(id, node),
        )

    def _finished(self, id: str) -> Cause:
        """A subprocess or called process came to its end."""
        trace = self.trace
        place = trace.last(trace.completed, id)
        entered = trace.entered[id][-1]
        inside = [
            (places[-1], one)
            for one, places in trace.completed.items()
            if frame_of(one) == id and self._node(places[-1]).kind == "end"
        ]
        because = self._came(id, len(trace.glimpses))
        if inside and place is not None:
            at, one = max(inside)
            because = self._came(one, at)
        return Cause(
            "finished",
            say("{element} came to its end", element=self._name(entered)),
            self._seq(place if place is not None else entered),
            because=because,
            more=self._of(id, self._node(entered)),
        )

    def _work(self, id: str) -> Cause:
        """What the engine did by itself."""
        trace = self.trace
        place = trace.last(trace.completed, id)
        entered = trace.entered[id][0]
        done = place if place is not None else entered
        node, act = self._node(done), trace.act_at(done)
        asked = [at for at in trace.asked.get(node.id, ()) if entered <= at <= done]
        facts: list[Key] = [("calculated", at) for at in asked]
        return Cause(
            "work",
            say("{element} was done by the engine", element=self._name(done)),
            act.fact.seq,
            [*self._failures(id), *facts],
            self._came(id, done),
            self._of(id, node),
        )

    def _calculated(self, place: int) -> Cause:
        """A script, an expression or a decision table."""
        trace = self.trace
        asked, act = self._asked_at(place), trace.act_at(place)
        table = act.definition.net.tables.get(asked.source)
        if table is None:
            return self._asked(place)
        facts: list[Key] = [
            self._value_key(place, (name,)) for name in sorted(compile_table(table).names & asked.seen.keys())
        ]
        more: dict[str, Any] = {"decision": asked.source, "value": asked.value}
        try:
            inputs, rules = compile_table(table).applied(
                asked.seen, read_instant(act.fact.at), trace.opening.event.payload()["zone"]
            )
        except Failed as failed:
            text = say("decision table {table} failed: {fault}", table=asked.source, fault=failed.message)
            return Cause("decision", text, act.fact.seq, facts, more=more)
        more |= {
            "inputs": [{"expression": source, "value": value} for source, value in inputs],
            "rules": [
                {
                    "number": number,
                    "tests": table["rules"][number - 1]["tests"],
                    "outputs": table["rules"][number - 1]["outputs"],
                }
                for number in rules
            ],
        }
        row = "; ".join(
            f"{number}: {' | '.join(test or '-' for test in table['rules'][number - 1]['tests'])}"
            for number in rules
        )
        text = say(
            "decision table {table}, {inputs}: rule {rules} gives {value}",
            table=asked.source,
            inputs=", ".join(f"{source} = {_short(value)}" for source, value in inputs) or "—",
            rules=row or "—",
            value=_short(asked.value),
        )
        return Cause("decision", text, act.fact.seq, facts, more=more)

    # --- links: steps and events

    def _step(self, id: str) -> Cause:
        """A step: why it was open, who did it, and what else happened with it."""
        trace = self.trace
        about = trace.about.get(id, [])
        opened = next(r for r in about if isinstance(r.event, TaskOpened))
        name = self._called(opened)
        record, text, kind = opened, say("step {step} is open", step=name), "open"
        facts: list[Key] = []
        more: dict[str, Any] = {"task": id, "element": element_of(id), "answers": []}
        for one in about:
            event = one.event
            match event:
                case TaskCompleted(data=data):
                    record, kind = one, "done"
                    text = say("step {step} was done by {who}", step=name, who=self._who(one))
                    more["answers"] = self._answers(one, element_of(id), data)
                case AnswerConfirmed():
                    record, kind = one, "done"
                    text = say("step {step} was signed by {who}", step=name, who=self._who(one))
                    facts += self._grants(one)
                case AnswerEntered(data=data):
                    record, kind = one, "entered"
                    text = say("step {step} waits for a signature", step=name)
                    more["answers"] = self._answers(one, element_of(id), data)
                    facts.append(("event", one.seq))
                case AnswerReturned():
                    record, kind = one, "open"
                    text = say("step {step} is open again", step=name)
                    facts.append(("event", one.seq))
                case ReferralDeemed(basis=basis, level=level, unit=unit):
                    record, kind = one, "deemed"
                    text = say(
                        "the silence of {unit} on {step} was taken for consent, by {law} {article} ({level})",
                        unit=self._unit(unit),
                        step=name,
                        level=LEVELS.get(level, level),
                        **basis,
                    )
                    more |= {"basis": basis, "level": level}
                case ReferralWithdrawn(reason=reason):
                    record, kind = one, "withdrawn"
                    text = say("the department kept out of {step}: {reason}", step=name, reason=reason)
                case TaskCancelled():
                    record, kind = one, "cancelled"
                    text = say("step {step} was taken away", step=name)
                    facts.append(("event", trace.act_of[one.seq].fact.seq))
                case (
                    ReferralSigned()
                    | RecusalDeclared()
                    | RecusalChallenged()
                    | RecusalDecided()
                    | TaskHandedOver()
                    | ReferralReportedUp()
                    | ReferralFollowedUp()
                    | SilenceNoted()
                ):
                    facts.append(("event", one.seq))
        if kind == "deemed":
            facts += self._silence(id, record.seq)
        if kind in ("done", "deemed", "withdrawn"):  # what came afterwards is no cause of it
            facts = [fact for fact in facts if fact[1] <= record.seq]
        if isinstance(record.event, TaskCompleted | ReferralWithdrawn):
            facts = [*self._grants(record), *facts]
        more |= {"state": kind} | (self._person(record) if "person" in record.by and kind != "open" else {})
        said = _words(more["answers"])
        if said is not None and kind == "done":
            text = say("{text}: {said}", text=text, said=said)
        stated = next((one["value"] for one in more["answers"] if one["field"] == "reason"), None)
        if stated and kind == "done":
            text = say("{text}; reason: {reason}", text=text, reason=stated)
        return Cause("step", text, record.seq, facts, self._came(id, len(trace.glimpses)), more)

    def _silence(self, id: str, until: int) -> list[Key]:
        """What had to be so before a silence counts: the receipt (told already), the reminder, the term."""
        trace = self.trace
        clocks = [clock for clock in trace.case.deadlines if clock.partition("@")[2] == id]
        return [
            ("event", record.seq)
            for clock in clocks
            for record in trace.about.get(clock, ())
            if isinstance(record.event, ClockStarted | ReminderRaised | ClockStruck) and record.seq < until
        ]

    def _caught(self, id: str) -> Cause:
        """An event that a token, an activity or a scope waited for."""
        trace = self.trace
        place = trace.fired[id][-1]
        node, act = self._node(place), trace.act_at(place)
        fact = act.fact
        name = self._name(place)
        facts: list[Key] = []
        more = self._of(id, node)
        kinds = {part.kind for part in triggers(node)}
        seq = fact.seq
        if place in trace.messages:
            record = trace.record(trace.messages[place])
            text = say(
                "{element}: the message came in, entered by {who}", element=name, who=self._who(record)
            )
            seq = record.seq
            facts += self._grants(record)
            more |= self._person(record)
        elif "timer" in kinds and isinstance(fact.event, TimerFired) and fact.event.element == node.id:
            text = say("{element}: the timer ran out", element=name)
            facts.append(("timer", fact.event.timer))
        elif "signal" in kinds and isinstance(fact.event, SignalReceived):
            text = say(
                "{element}: the signal {name} came from case {case}, event {seq}",
                element=name,
                name=fact.event.name,
                case=fact.event.case,
                seq=fact.event.seq,
            )
            more |= {"signal": {"case": fact.event.case, "seq": fact.event.seq}}
        elif "conditional" in kinds:
            text = say("{element}: its condition became true", element=name)
            held = [
                at for at in trace.asked.get(node.id, ()) if at < place and self._asked_at(at).value is True
            ]
            facts += [("asked", held[-1])] if held else []
        elif kinds & {"error", "escalation"}:
            text = say("{element}: what was thrown inside was caught", element=name)
            facts += self._thrown(place, act)
        else:
            text = say("{element} was triggered", element=name)
        because = self._waited(id, node, place)
        return Cause("event", text, seq, facts, because, more)

    def _thrown(self, place: int, act: Act) -> list[Key]:
        """The error end event, or the failed expression, right before an event caught it."""
        for at in range(place - 1, act.first - 1, -1):
            glimpse = self.trace.glimpses[at]
            if isinstance(glimpse, Asked) and glimpse.fault is not None:
                return [("asked", at)]
            if isinstance(glimpse, Effect) and glimpse.kind == "completed":
                node = self._node(at)
                if node.kind in ("end", "throw"):
                    return [("end", self.trace.called(glimpse.id, at))]
        return []

    def _waited(self, id: str, node: Node, place: int) -> list[Key]:
        """How it came that the event was waited for."""
        trace = self.trace
        if id in trace.hosts:
            host = trace.hosts[id]
            return self._came(host, place)
        if place in trace.parents and trace.effect(trace.parents[place]).kind == "taken":
            race = trace.parents[place]
            return self._came(trace.called(trace.effect(race).id, race), race)
        if node.kind == "start":
            frame = frame_of(id)
            around = frame_of(frame)
            return self._came(around, place) if around in trace.entered else [("opening",)]
        return self._came(id, place)

    def _incident(self, id: str) -> Cause:
        trace = self.trace
        place = trace.incidents[id][-1]
        effect = trace.effect(place)
        record = next(r for r in reversed(trace.about[id]) if isinstance(r.event, IncidentRaised))
        asked = [
            at
            for at in range(trace.act_at(place).first, place)
            if isinstance(glimpse := trace.glimpses[at], Asked) and glimpse.fault is not None
        ]
        retried: list[Key] = [
            ("event", r.seq) for r in trace.about[id] if isinstance(r.event, IncidentRetried)
        ]
        return Cause(
            "incident",
            say("{element} failed: {fault}", element=self._name(place), fault=effect.info["message"]),
            record.seq,
            [*(("asked", at) for at in asked[-1:]), *retried],
            self._came(id, place),
            {"task": id, "element": effect.element, "code": effect.info["code"]},
        )

    # --- links: conditions and values

    def _asked(self, place: int) -> Cause:
        """Something that was calculated, with the values it was calculated on."""
        trace = self.trace
        asked, act = self._asked_at(place), trace.act_at(place)
        paths = _paths(asked.source, asked.seen)
        values = [{"name": ".".join(path), "value": _at(asked.seen, path)} for path in paths]
        told: dict[str, Any] = {
            "source": " ".join(asked.source.split()),
            "values": ", ".join(f"{one['name']} = {_short(one['value'])}" for one in values) or "—",
        }
        if asked.fault is not None:
            text = say("“{source}” failed: {fault} ({values})", fault=asked.fault, **told)
        elif asked.value is True:
            text = say("“{source}” holds ({values})", **told)
        elif asked.value is False:
            text = say("“{source}” does not hold ({values})", **told)
        else:
            text = say("“{source}” gives {value} ({values})", value=_short(asked.value), **told)
        more = {
            "of": trace.called(asked.of, place),
            "expression": asked.source,
            "value": asked.value,
            "values": values,
        }
        facts = [self._value_key(place, path) for path in paths]
        kind = "condition" if isinstance(asked.value, bool) else "expression"
        if asked.fault is not None:
            kind = "fault"
        return Cause(kind, text, act.fact.seq, facts, more=more)

    def _value_key(self, place: int, path: tuple[str, ...]) -> Key:
        """The value that was read at the place: one cause, however often it was read as it was written."""
        at = self._written(place, path[0])
        known = (at, path, json.dumps(_at(self._asked_at(place).seen, path)))
        return self._values.setdefault(known, ("value", place, path))

    def _value(self, place: int, path: tuple[str, ...]) -> Cause:
        """A variable as it was read, and where it had been written last."""
        trace = self.trace
        asked = self._asked_at(place)
        value = _at(asked.seen, path)
        name = ".".join(path)
        told: dict[str, Any] = {"name": name, "value": _short(value)}
        more: dict[str, Any] = {"name": name, "value": value, "how": None, "field": None}
        at = self._written(place, path[0])
        if at is None:
            text = say("{name} = {value}; where that was written can't be told from this record", **told)
            return Cause("value", text, trace.act_at(place).fact.seq, more=more)
        wrote, act = trace.glimpses[at], trace.act_at(at)
        assert isinstance(wrote, Wrote)  # noqa: S101
        more["how"] = wrote.how
        record = act.fact
        facts: list[Key] = []
        match wrote.how:
            case "opening":
                title = self._field(act, "", path, more)
                facts = [("opening",)]
                text = say("{name} = {value}: “{field}”, given when the case was opened", field=title, **told)
            case "answers":
                fired = self._message_before(at)
                node = act.definition.node(wrote.of)
                inner = path[1:] if node.properties.get("result") == path[0] else path
                title = self._field(act, wrote.of, inner, more)
                told["field"] = title
                if fired is not None:
                    record = trace.record(fired)
                    text = say("{name} = {value}: “{field}”, brought by the message", **told)
                    facts = [("event", record.seq)]
                else:
                    task = str(record.event.payload().get("task", ""))
                    if not task and isinstance(record.event, ClockStruck):
                        task = str(trace.case.deadlines[record.event.clock].get("of", ""))
                    task = trace.called(task, at)
                    entered = [
                        r
                        for r in trace.about.get(task, ())
                        if isinstance(r.event, TaskCompleted | AnswerEntered) and r.seq <= record.seq
                    ]
                    silent = [r for r in trace.about.get(task, ()) if isinstance(r.event, ReferralDeemed)]
                    record = entered[-1] if entered else silent[-1] if silent else record
                    facts = [("step", task)] if self._is_step(task) else [("event", record.seq)]
                    if silent and not entered:
                        text = say("{name} = {value}: by the silence on step {step}", step=task, **told)
                        return Cause("value", text, record.seq, facts, more=more)
                    text = say(
                        "{name} = {value}: “{field}” of step {step}, entered by {who}",
                        step=task,
                        who=self._who(record),
                        **told,
                    )
            case "beside":
                facts = self._reviewed(act, path[0])
                text = say("{name} = {value}: what the answers had come to", **told)
            case "made":
                visit = self._visit_at(at, wrote.of)
                text = say("{name} = {value}: calculated by {element}", element=wrote.of, **told)
                facts = [("work", visit)] if visit else []
            case "gathered":
                text = say("{name} = {value}: gathered from {element}", element=wrote.of, **told)
                inside = trace.called(wrote.inside, at)
                facts = [("instances", inside)]
            case "retried":
                text = say("{name} = {value}: set right by {who}", who=self._who(record), **told)
                facts = [("event", record.seq)]
            case "output":
                asks = [p for p in trace.asked.get(wrote.of, ()) if p < at]
                text = say("{name} = {value}: an output of {element}", element=wrote.of, **told)
                facts = [("asked", asks[-1])] if asks else []
            case "caught":
                text = say("{name} = {value}: what {element} caught", element=wrote.of, **told)
            case _:
                text = say("{name} = {value}: given to {element}", element=wrote.of, **told)
        more |= self._person(record) if "person" in record.by else {}
        return Cause("value", text, record.seq, facts, more=more)

    def _written(self, place: int, name: str) -> int | None:
        """Where the variable, as it was read at the place, had been written; through the frames that only
        passed it on."""
        trace = self.trace
        asked = self._asked_at(place)
        home = asked.homes.get(name)
        if home == "?":
            node = trace.act_at(place).definition.node(asked.of)
            name = dict(node.inputs).get(name, name)
            home = self._holder(asked.frame, name, place)
        if home is None:
            return None
        at = self._last_write(trace.called(home, place), name, place)
        for _ in range(100):
            if at is None:
                return None
            wrote = trace.glimpses[at]
            assert isinstance(wrote, Wrote)  # noqa: S101
            if wrote.how == "passed":
                further = self._last_write(trace.called(wrote.inside, at), name, at)
            elif wrote.how == "given":
                inputs = dict(trace.act_at(at).definition.node(wrote.of).inputs)
                if name not in inputs:
                    return at
                name = inputs[name]
                holder = self._holder(wrote.inside, name, at)
                further = None if holder is None else self._last_write(holder, name, at)
            else:
                return at
            at = further
        return None

    def _holder(self, frame: str, name: str, place: int) -> str | None:
        """The nearest frame from `frame` outwards in which the variable was written."""
        frame = self.trace.called(frame, place)
        while self._last_write(frame, name, place) is None:
            if not frame:
                return None
            frame = frame_of(frame)
        return frame

    def _last_write(self, home: str, name: str, before: int) -> int | None:
        places = self.trace.wrote.get((home, name), ())
        return next((at for at in reversed(places) if at < before), None)

    def _message_before(self, at: int) -> int | None:
        """The record of the message whose content was written here; None where no message was taken."""
        trace = self.trace
        act = trace.act_at(at)
        fired = [p for p in trace.messages if act.first <= p < at]
        if not fired:
            return None
        last = max(fired)
        between = trace.glimpses[last + 1 : at]
        return trace.messages[last] if all(isinstance(g, Wrote) for g in between) else None

    def _reviewed(self, act: Act, variable: str) -> list[Key]:
        """The joint review, or the step of a meeting, that set a variable beside the answers."""
        seq = act.fact.seq
        for review in act.definition.joints.values():
            if review.result == variable:
                rounds = [
                    record.event.round
                    for record in self.trace.records
                    if isinstance(record.event, ReferralSent)
                    and record.event.joint == review.id
                    and record.seq <= seq
                ]
                return [("joint", review.id, rounds[-1], seq)] if rounds else []
        return [("event", seq)]

    def _visit_at(self, at: int, element: str) -> str | None:
        """The visit to an automatic element under way at a place: the latest that was entered before it."""
        trace = self.trace
        for place in range(at - 1, trace.act_at(at).first - 1, -1):
            glimpse = trace.glimpses[place]
            if isinstance(glimpse, Effect) and (glimpse.kind, glimpse.element) == ("entered", element):
                return trace.called(glimpse.id, place)
        return None

    def _field(self, act: Act, element: str, path: tuple[str, ...], more: dict[str, Any]) -> Text:
        """What the form calls the field."""
        form = form_of(act.definition, element) if element else act.definition.start_form()
        title = say("{name}", name=".".join(path))
        with suppress(KeyError, TypeError, IndexError, ValueError):
            title = title_of(form, path) if path else title
            field = field_at(form, path)
            for choice in choices_of(form, field):
                if choice.value == more["value"]:
                    more["words"] = choice.title
        more["field"] = ".".join(path)
        return title

    # --- links: joint reviews, clocks, documents, records

    def _joint(self, id: str, round: int, seq: int) -> Cause:
        """What a joint review had come to, with each department's answer."""
        trace = self.trace
        act = trace.act_of[seq]
        review = act.definition.joints[id]
        within = [r for r in trace.records if trace.act_of[r.seq] is act]
        made = next(
            (
                r
                for r in within
                if isinstance(r.event, JointDecided) and (r.event.joint, r.event.round) == (id, round)
            ),
            None,
        )
        certain = next(
            (
                r
                for r in trace.records
                if isinstance(r.event, JointCertain)
                and (r.event.joint, r.event.round) == (id, round)
                and r.seq <= within[-1].seq
            ),
            None,
        )
        tasks = [
            r.event.task
            for r in trace.records
            if isinstance(r.event, ReferralSent)
            and (r.event.joint, r.event.round) == (id, round)
            and r.seq <= within[-1].seq
        ]
        name = titled(review.name.get("zh", id), review.name.get("en", ""))
        told: dict[str, Any] = {"joint": name, "round": round, "rule": _rule_words(review)}
        more: dict[str, Any] = {"joint": id, "round": round, "rule": review.kind, "veto": list(review.veto)}
        facts: list[Key] = [("step", task) for task in tasks if self._is_step(task)]
        because = self._came(tasks[0], len(trace.glimpses)) if tasks and tasks[0] in trace.entered else []
        if certain is not None:
            facts = [("event", certain.seq), *facts]
        if made is not None:
            decided: Any = made.event
            more |= {"outcome": decided.outcome}
            text = say(
                "joint review “{joint}”, round {round}, came to {outcome} ({rule})",
                outcome=OUTCOMES.get(decided.outcome, decided.outcome),
                **told,
            )
            return Cause("joint", text, made.seq, facts, because, more)
        text = say("joint review “{joint}”, round {round}, was still open ({rule})", **told)
        return Cause("joint", text, act.fact.seq, facts, because, more | {"outcome": None})

    def _clock(self, id: str) -> Cause:
        """A running of a clock: its term and article, what started it, and each pause and extension."""
        trace = self.trace
        deadline = trace.case.deadlines[id]
        clock = trace.definition.clocks[deadline["clock"]]
        rule = rule_of(clock, deadline)
        name = titled(clock.name.get("zh", id), clock.name.get("en", ""))
        about = trace.about.get(id, [])
        started = next((r for r in about if isinstance(r.event, ClockStarted)), trace.opening)
        told: dict[str, Any] = {"clock": name, "id": id, "due": deadline["due"] or "—"}
        told |= {"term": str(rule.term), "law": rule.basis.law, "article": rule.basis.article}
        if deadline["expired"] is not None:
            text = say("clock “{clock}” ({id}) ran out; term {term} by {law} {article}", **told)
        elif deadline["ledger"]["stopped"] is not None:
            text = say("clock “{clock}” ({id}) was met; term {term} by {law} {article}", **told)
        elif deadline["due"] is None:
            text = say("clock “{clock}” ({id}) stands still; term {term} by {law} {article}", **told)
        else:
            text = say("clock “{clock}” ({id}) is due {due}; term {term} by {law} {article}", **told)
        facts: list[Key] = [
            ("event", r.seq)
            for r in about
            if isinstance(r.event, (*_OF_CLOCKS, PauseOrdered, ResumeOrdered, ExtensionGranted))
        ]
        facts.append(("days", id))
        more: dict[str, Any] = {"clock": id, "due": deadline["due"], "provisional": deadline["provisional"]}
        more |= {"term": str(rule.term), "basis": rule.basis.as_json()}
        shown = about[-1].seq if about else trace.records[-1].seq
        return Cause("clock", text, shown, facts, self._started(started, clock, deadline), more)

    def _started(self, started: Record, clock: Any, deadline: Any) -> list[Key]:
        """What made a clock start."""
        trace = self.trace
        act = trace.act_of[started.seq]
        if deadline.get("of"):
            return [("step", deadline["of"])] if self._is_step(deadline["of"]) else []
        for record in trace.records:
            if trace.act_of[record.seq] is act and isinstance(record.event, CaseDeemed):
                return [("event", record.seq)]
        for place in range(act.first, len(trace.glimpses)):
            if trace.act_at(place) is not act:
                break
            effect = trace.glimpses[place]
            if not isinstance(effect, Effect):
                continue
            trigger = {"completed": effect.element, "entered": f"{effect.element}:opened"}.get(effect.kind)
            if trigger in clock.starts:
                id = trace.called(effect.id, place)
                node = self._node(place)
                return self._done(id, node, place) if effect.kind == "completed" else self._came(id, place)
        return self._by_fact(act)

    def _days(self, id: str) -> Cause:
        """Where the due date is derived day by day."""
        trace = self.trace
        return Cause(
            "days",
            say("day by day: lianban clock explain {case} {clock}", case=trace.number, clock=id),
            trace.records[-1].seq,
            more={"clock": id},
        )

    def _armed(self, id: str) -> Record | None:
        about = self.trace.about.get(id, ())
        return next((r for r in reversed(about) if isinstance(r.event, TimerArmed)), None)

    def _timer(self, id: str) -> Cause:
        """A timer of the diagram: what it says, since when, and until when."""
        trace = self.trace
        record = self._armed(id) or trace.opening
        event: Any = record.event
        act = trace.act_of[record.seq]
        armed = any(t.timer == id for t in timers(trace.definition.net, trace.case.marking))
        node = act.definition.node(event.element)
        said = next((str(part.text) for part in triggers(node) if part.kind == "timer"), "")
        told = {"element": _called(trace, event.element, act), "term": said}
        if event.clock:
            text = say("timer {element} fires when clock {clock} runs out", clock=event.clock, **told)
            facts: list[Key] = [("clock", c) for c in trace.case.deadlines if clock_of(c) == event.clock][-1:]
        else:
            due = next(
                (r.event.payload()["due"] for r in reversed(trace.about[id]) if "due" in r.event.payload()),
                event.due,
            )
            text = say("timer {element}, {term}: due {due}", due=due, **told)
            facts = [("event", r.seq) for r in trace.about[id] if r.event.type == "timer.moved"]
        visit = visit_of_timer(id) or id
        because = (
            self._came(visit, len(trace.glimpses)) if visit in trace.entered else [("event", act.fact.seq)]
        )
        more = {"timer": id, "element": event.element, "due": event.due, "clock": event.clock, "armed": armed}
        return Cause("timer", text, record.seq, facts, because, more)

    def _document(self, seq: int) -> Cause:
        trace = self.trace
        record = trace.record(seq)
        event: Any = record.event
        act = trace.act_of[seq]
        name = act.definition.document(event.document)["name"]
        id = event.element
        because = self._by_fact(act)
        if self._is_step(id):
            because = [("step", id)]
        elif trace.completed.get(id):
            place = trace.completed[id][-1]
            node = self._node(place)
            because = [("end", id)] if node.kind == "end" else self._done(id, node, place)
        return Cause(
            "document",
            say(
                "document “{document}” {number} was issued at {element}",
                document=titled(name["zh"], name.get("en", "")),
                number=event.number,
                element=id,
            ),
            seq,
            because=because,
            more={"document": event.document, "number": event.number, "element": id},
        )

    def _event(self, seq: int, asked: bool = False) -> Cause:
        """Any record: what it says, who entered it, and what it follows from. Of a clock's own record the
        latter is told at length only where it is `asked` about."""
        trace = self.trace
        record = trace.record(seq)
        act = trace.act_of[seq]
        text, more = self._words(record)
        facts: list[Key] = self._grants(record) if record.event.fact else []
        because: list[Key] = []
        if isinstance(record.event, _OF_CLOCKS) and not asked:
            more["cause"] = act.fact.seq
            if not isinstance(act.fact.event, ClockStruck | PauseOrdered | ResumeOrdered | ExtensionGranted):
                text = say("{text} (through event {cause})", text=text, cause=act.fact.seq)
        elif not record.event.fact:
            because = [key for key in self._richer(record) if key[0] != "event"] or self._by_fact(act)
        elif isinstance(record.event, CaseOpened):
            because = [("opening",)]
        elif isinstance(record.event, RecusalDecided):
            questioned = trace.about[record.event.recusal][0]
            because = [("event", questioned.seq)]
        elif isinstance(record.event, _ON_STEPS):
            because = self._came_to(str(record.event.payload()["task"]))
        if record.event.fact and "person" in record.by:
            more |= self._person(record)
        return Cause("record", text, seq, facts, because, {"type": record.event.type, **more})

    def _by_fact(self, act: Act) -> list[Key]:
        """The fact of an act, as its step where it ended one."""
        match act.fact.event:
            case TaskCompleted(task=task) | AnswerConfirmed(task=task) | ReferralWithdrawn(task=task):
                return [("step", task)] if self._is_step(task) else [("event", act.fact.seq)]
            case CaseOpened():
                return [("opening",)]
        return [("event", act.fact.seq)]

    def _came_to(self, task: str) -> list[Key]:
        trace = self.trace
        return self._came(task, len(trace.glimpses)) if task in trace.entered else []

    def _richer(self, record: Record) -> list[Key]:
        """Where the thing that a consequence is about is explained."""
        trace = self.trace
        match record.event:
            case CaseClosed():
                return [("outcome",)]
            case TaskOpened(task=task) | ReferralSent(task=task):
                return self._came_to(task)
            case TaskCancelled(task=task) | TaskEnded(task=task) | ReferralDeemed(task=task):
                return [("step", task)] if self._is_step(task) else []
            case DocumentIssued():
                return [("document", record.seq)]
            case TimerArmed(timer=timer):
                return [("timer", timer)] if timer in trace.about else []
            case JointDecided(joint=joint, round=round):
                return [("joint", joint, round, trace.act_of[record.seq].fact.seq)]
            case IncidentRaised(incident=id):
                return [("incident", id)] if id in trace.incidents else []
        return []

    # --- words

    def _words(self, record: Record) -> tuple[Text, dict[str, Any]]:
        """A record in a line, with what it adds."""
        who = self._who(record)
        event: Any = record.event
        definition = self.trace.act_of[record.seq].definition
        data = event.payload()
        more: dict[str, Any] = {}
        if isinstance(data.get("basis"), dict):
            more["basis"] = data["basis"]
        clock = str(data.get("clock") or "")
        rule = definition.clocks[clock_of(clock)].rule if clock_of(clock) in definition.clocks else None
        match event:
            case ReferralSigned():
                return say("receipt signed by {who}", who=who), more
            case AnswerEntered():
                return say("answers entered by {who}", who=who), more
            case AnswerReturned(reason=reason):
                return say("answers sent back by {who}: {reason}", who=who, reason=reason), more
            case RecusalDeclared(reason=reason):
                return say("{who} declared a recusal: {reason}", who=who, reason=reason), more
            case RecusalChallenged(person=person, party=party, reason=reason):
                return say(
                    "{party} challenged {person}: {reason}; entered by {who}",
                    party=party,
                    person=self._called_person(person),
                    reason=reason,
                    who=who,
                ), more
            case RecusalDecided(upheld=True, reason=reason):
                return say("recusal upheld by {who}: {reason}", who=who, reason=reason), more
            case RecusalDecided(reason=reason):
                return say("recusal rejected by {who}: {reason}", who=who, reason=reason), more
            case TaskHandedOver(to=to, reason=reason) | ContactHandedOver(to=to, reason=reason):
                return say(
                    "handed over to {to} by {who}: {reason}",
                    to=self._called_person(to),
                    who=who,
                    reason=reason,
                ), more
            case ReferralReportedUp():
                return say("reported to a higher organ by {who}", who=who), more
            case ReferralFollowedUp():
                return say("opinion given late by {who}", who=who), more
            case SilenceNoted(unit=unit, why=why):
                return say(
                    "the silence of {unit} has no effect ({why})",
                    unit=self._unit(unit),
                    why=SILENCES.get(why, why),
                ), more
            case ReminderRaised(unit=unit):
                return say("{unit} was reminded", unit=self._unit(unit)), more
            case ClockStruck(rung=rung):
                if rung:
                    return say("clock {clock} reached “{rung}”", clock=clock, rung=rung), more
                return say("clock {clock} ran out", clock=clock), more
            case ClockStarted(since=since, due=due):
                return say(
                    "clock {clock} runs since {since}; due {due}", clock=clock, since=since, due=due
                ), more
            case PauseOrdered(ground=ground, reason=reason):
                return say("pause ordered by {who}: {reason}", who=who, reason=reason), more | {
                    "ground": ground
                }
            case ResumeOrdered(reason=reason):
                return say("pause ended by {who}: {reason}", who=who, reason=reason), more
            case ClockPaused(ground=ground, expected=expected):
                found = rule.grounds.get(ground) if rule is not None else None
                told: dict[str, Any] = {"ground": titled(found.zh, found.en) if found else ground}
                told |= (
                    {"law": found.basis.law, "article": found.basis.article}
                    if found
                    else {"law": "", "article": ""}
                )
                if found is not None:
                    more["basis"] = found.basis.as_json()
                return say(
                    "paused for {ground}, by {law} {article}; expected to take {expected}",
                    expected=expected,
                    **told,
                ), more | {"ground": ground}
            case ClockResumed(due=due):
                return say("runs on; due {due}", due=due or "—"), more
            case ExtensionGranted(by=by, reason=reason):
                return say(
                    "extension of {by} granted by {who}: {reason}", by=by, who=who, reason=reason
                ), more
            case ClockExtended(by=by, due=due):
                extension = rule.extension if rule is not None else None
                basis = extension.basis if extension is not None else None
                if basis is not None:
                    more["basis"] = basis.as_json()
                return say(
                    "extended by {by}, by {law} {article}; due {due}",
                    by=by,
                    due=due or "—",
                    law=basis.law if basis else "—",
                    article=basis.article if basis else "",
                ), more
            case ClockRestarted(due=due):
                return say("began anew; due {due}", due=due), more
            case ClockReprojected(was=was, due=due):
                return say("moved by the calendar from {was} to {due}", was=was or "—", due=due or "—"), more
            case ClockExpired(effect=effect, basis=basis):
                if effect == "flag":
                    return say("ran out"), more
                law = f"{basis['law']} {basis['article']}" if basis else "—"
                return say("ran out: {effect}, by {law}", effect=EFFECTS.get(effect, effect), law=law), more
            case ClockStopped(late=late):
                return (say("met, but late") if late else say("met in time")), more
            case CaseDeemed(effect=effect, basis=basis, as_of=as_of):
                return say(
                    "silence counts as {effect} as of {as_of}, by {law} {article}",
                    effect=EFFECTS.get(effect, effect),
                    as_of=as_of,
                    **basis,
                ), more
            case JointCertain(outcome=outcome):
                return say(
                    "certain from here on: {outcome}, because {because}",
                    outcome=OUTCOMES.get(outcome, outcome),
                    because=certainty(event, self.organisation) or "—",
                ), more
            case MessageReceived(name=name):
                return say("message {name} came in, entered by {who}", name=name, who=who), more
            case IncidentRetried(reason=reason):
                return say("tried again by {who}: {reason}", who=who, reason=reason), more
            case CaseMigrated(was=was, definition=to, reason=reason):
                return say(
                    "the case went over from definition {was} to {to}: {reason}",
                    was=was[:12],
                    to=to[:12],
                    reason=reason,
                ), more | {"was": was, "definition": to}
            case NoticeAllowed(reason=reason):
                return say("one more notice was allowed by {who}: {reason}", who=who, reason=reason), more
            case FindingRaised(finding=finding, basis=basis):
                return say(
                    "finding: {finding}, by {law} {article}",
                    finding=FINDINGS.get(finding, finding),
                    **basis,
                ), more
            case TimerFired(timer=timer):
                return say("timer {timer} ran out", timer=timer), more
            case TaskCompleted(task=task):
                return say("step {step} was done by {who}", step=task, who=who), more
            case AnswerConfirmed(task=task):
                return say("step {step} was signed by {who}", step=task, who=who), more
        if event.fact:
            return say("{type}, by {who}", type=event.type, who=who), more
        return say("{type}", type=event.type), more

    def _who(self, record: Record) -> Text:
        """Who acted, and for whom."""
        by = record.by
        if "person" not in by:
            return (
                say("time")
                if "clock" in by
                else say("another case")
                if "signal" in by
                else say("administrator")
            )
        told: dict[str, Any] = {
            "person": self._called_person(str(by["person"])),
            "post": f"{by['unit']}/{by['post']}",
        }
        if "for" not in by:
            return say("{person} ({post})", **told)
        told["principal"] = self._called_person(str(by["for"]))
        if by.get("as") == "stand_in":
            return say("{person} ({post}, standing in for {principal})", **told)
        return say("{person} ({post}, delegated by {principal})", **told)

    def _is_step(self, task: str) -> bool:
        return any(isinstance(record.event, TaskOpened) for record in self.trace.about.get(task, ()))

    def _person(self, record: Record) -> dict[str, Any]:
        person = self.organisation.people.get(str(record.by.get("person")))
        return {"actor": record.by, "actor_name": dict(person.name) if person is not None else {}}

    def _grants(self, record: Record) -> list[Key]:
        return [("grant", record.seq)] if "for" in record.by else []

    def _grant(self, seq: int) -> Cause:
        """The delegation, or the standing in, by which somebody acted for another."""
        record = self.trace.record(seq)
        by = record.by
        id = by.get("delegation")
        granted = next((d for d in self.organisation.all_delegations if d.id == id), None)
        told: dict[str, Any] = {
            "person": self._called_person(str(by["person"])),
            "principal": self._called_person(str(by["for"])),
        }
        told["version"] = str(by.get("org", "—"))
        more: dict[str, Any] = {"delegation": id, "for": by["for"]}
        if granted is None:
            text = say("{person} stood in for {principal} (organisation, version {version})", **told)
            return Cause("grant", text, seq, more=more)
        more |= {"since": str(granted.since), "until": str(granted.until)}
        text = say(
            "delegation {delegation} of {principal} to {person}: {powers} for {items}, {since} to {until} "
            "(organisation, version {version})",
            delegation=granted.id,
            powers=", ".join(granted.powers),
            items=", ".join(granted.items),
            since=str(granted.since),
            until=str(granted.until),
            **told,
        )
        return Cause("grant", text, seq, more=more)

    def _answers(self, record: Record, element: str, data: dict[str, Any]) -> list[dict[str, Any]]:
        definition = self.trace.act_of[record.seq].definition
        return answer_lines(form_of(definition, element), data)

    def _called_person(self, id: str) -> Text:
        person = self.organisation.people.get(id)
        if person is None:
            return say("{person}", person=id)
        return titled(person.name.get("zh", id), person.name.get("en", "") or person.name.get("zh", id))

    def _unit(self, unit: str) -> Text:
        name = dict(self.organisation.units.get(unit, {}).get("name", {}))
        return titled(name.get("zh", unit), name.get("en", unit))

    def _called(self, opened: Record) -> Text:
        event: Any = opened.event
        act = self.trace.act_of[opened.seq]
        return say(
            "{name} ({element})", name=titled(**act.definition.names(event.element)), element=event.task
        )

    def _name(self, place: int) -> Text:
        effect = self.trace.effect(place)
        act = self.trace.act_at(place)
        return _called(self.trace, effect.element, act)

    def _of(self, id: str, node: Node) -> dict[str, Any]:
        return {"id": id, "element": node.id}

    def _node(self, place: int) -> Node:
        return self.trace.node(self.trace.effect(place), self.trace.act_at(place))

    def _asked_at(self, place: int) -> Asked:
        asked = self.trace.glimpses[place]
        assert isinstance(asked, Asked)  # noqa: S101
        return asked

    def _seq(self, place: int) -> int:
        return self.trace.act_at(place).fact.seq


_OF_CLOCKS = (
    ClockStarted,
    ClockPaused,
    ClockResumed,
    ClockExtended,
    ClockRestarted,
    ClockReprojected,
    ClockExpired,
    ClockStopped,
)

_RECUSALS = (RecusalDeclared, RecusalChallenged, RecusalDecided)

_ON_STEPS = (
    TaskCompleted,
    AnswerConfirmed,
    AnswerEntered,
    ReferralWithdrawn,
    RecusalDeclared,
    RecusalChallenged,
    TaskHandedOver,
)
"""Facts about a step that was open: they are so because it was."""


def _rule_words(review: Any) -> Text:
    kind = {
        "all": say("rule: all"),
        "lead": say("rule: the lead authority decides"),
        "majority": say("rule: a majority"),
        "quorum": say("rule: a quorum"),
    }[review.kind]
    return say("{rule}; veto: {units}", rule=kind, units=", ".join(review.veto)) if review.veto else kind


def _called(trace: Trace, element: str, act: Act | None = None) -> Text:
    """What a reader calls an element: its name with its id, or the id alone."""
    names = (act.definition if act is not None else trace.definition).names(element)
    if names["zh"] == element:
        return say("{element}", element=element)
    return say("{name} ({element})", name=titled(**names), element=element)


def _label(trace: Trace, scope: Scope, flow: str) -> Text:
    """What a reader calls a sequence flow: its id, and from where to where it leads."""
    drawn = scope.flows[flow]
    return say(
        "{flow}, from {source} to {target}",
        flow=flow,
        source=_called(trace, drawn.source),
        target=_called(trace, drawn.target),
    )


def _words(answers: Iterable[Mapping[str, Any]]) -> Text | None:
    """The first choice among the answers."""
    for line in answers:
        if line["words"]:
            title, words = line["title"], line["words"]
            return say("{field} “{words}”", field=titled(**title), words=titled(**words))
    return None


def _paths(source: str, seen: Mapping[str, Any]) -> list[tuple[str, ...]]:
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


def _at(seen: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = seen.get(path[0])
    for name in path[1:]:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MOST else text[: _MOST - 1] + "…"
