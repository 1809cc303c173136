"""A case goes over to another version of its item (floor 4): what becomes of it, and whether that may be.

`move` is the pure rewriting that the fold does, live and at replay: the marking (`flow.migrate`), the clocks,
and what people did with its steps. A clock on record keeps the law under which it began: nobody's term is
changed while it runs (Legislation Law art. 104: no law reaches back); the version's own terms are for clocks
that start from then on. `assess` says what stands in the way, and what will be otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from msgspec.structs import replace

from .clock.ledger import Rule
from .deadlines import Card, Deadline, Deemed, clock_of, rule_of, runs, unit_of
from .definition import Definition
from .definition.clocks import Clock
from .definition.review import Joint, Meeting
from .docket import ENDED, Entry, Recusal, answerable, in_order, owing, signer
from .errors import Invalid, Text, say, titled
from .events import ClockMigrated, Event, TaskMigrated, TimerArmed, TimerStopped
from .flow.marking import Due, Marking, Waiting, bound_timers, open_tasks, timers, variables
from .flow.migrate import Hindrance, Names, called, check_names, renamed, rewrite
from .flow.net import Node, Scope
from .flow.prospect import Prospect, elements_ahead, prospect
from .forms import NO_FIELDS, check


class Parts(NamedTuple):
    """What a case is made of, as far as it is told in the words of its definition."""

    marking: Marking
    deadlines: Mapping[str, Deadline]
    cards: Mapping[str, Card]
    deemed: tuple[Deemed, ...]
    docket: Mapping[str, Entry]
    recusals: Mapping[str, Recusal]
    veterans: Mapping[str, list[list[str]]]


class Difference(NamedTuple):
    """Something that will be otherwise for the case, about `element` (or clock)."""

    code: str
    element: str
    message: Text


class Assessment(NamedTuple):
    """Whether the case may go over: what stands in the way (nothing: it may), what was in the way and is
    `accepted`, and what will be otherwise."""

    hindrances: list[Hindrance]
    accepted: list[Hindrance]
    differences: list[Difference]


# --- the rewriting


def move(
    old: Definition, new: Definition, parts: Parts, names: Names
) -> tuple[Parts, list[Event], list[Hindrance]]:
    """The parts in terms of `new`, what goes on record for that, and what has no place there; only without
    hindrances does the rest mean anything."""
    marking, hindrances = rewrite(old.net, new.net, parts.marking, names)
    gone = {d["clock"]: None for d in parts.deadlines.values() if d["clock"] not in new.clocks}
    hindrances += [_clock_gone(old, clock) for clock in gone]
    if any(not one.acceptable for one in hindrances):
        return parts, [], hindrances
    docket = {renamed(task, names): _entry(entry, names) for task, entry in parts.docket.items()}
    waiting = {renamed(one.id, names): one for one in open_tasks(parts.marking)}
    for one in open_tasks(marking):
        entry = docket.get(one.id)
        if entry is not None and (entry["unit"], entry["post"]) == _performer(old, waiting[one.id]):
            entry["unit"], entry["post"] = _performer(new, one)
    moved = Parts(
        marking,
        {
            _clock_id(id, names): _deadline(deadline, old, new, names)
            for id, deadline in parts.deadlines.items()
        },
        {id: {**card, "clock": _clock_id(card["clock"], names)} for id, card in parts.cards.items()},
        tuple({**one, "clock": _clock_id(one["clock"], names)} for one in parts.deemed),
        docket,
        {id: {**one, "task": renamed(one["task"], names)} for id, one in parts.recusals.items()},
        {names.get(element, element): people for element, people in parts.veterans.items()},
    )
    return moved, list(_recorded(old, new, parts, moved, names)), hindrances


def _clock_id(id: str, names: Names) -> str:
    name, at, task = id.partition("@")
    return name + at + renamed(task, names)


def _entry(entry: Entry, names: Names) -> Entry:
    return {**entry, "element": names.get(entry["element"], entry["element"])}


def _deadline(deadline: Deadline, old: Definition, new: Definition, names: Names) -> Deadline:
    """The running with the law and the unit that it has had, said where the new version says otherwise."""
    before, after = old.clocks[deadline["clock"]], new.clocks[deadline["clock"]]
    moved: Deadline = {**deadline}
    law = Rule.from_json(deadline["rule"]) if "rule" in deadline else before.rule
    effect = replace(law.effect, to=names.get(law.effect.to, law.effect.to))
    law = replace(law, starts=after.rule.starts, effect=effect)
    moved.pop("rule", None)
    if law != after.rule:
        moved["rule"] = law.as_json()
    unit = unit_of(before, deadline)
    if "of" in deadline:
        moved["of"] = renamed(deadline["of"], names)
    else:
        moved.pop("unit", None)
        if unit != after.unit:
            moved["unit"] = unit
    return moved


def _performer(definition: Definition, waiting: Waiting) -> tuple[str, str]:
    node = definition.net.scopes[waiting.scope].nodes[waiting.element]
    unit, post = definition.performer(waiting.scope, node)
    return waiting.unit or unit, post


def _recorded(old: Definition, new: Definition, before: Parts, after: Parts, names: Names) -> Iterator[Event]:
    """What is called otherwise from now on: steps, timers and clocks."""
    rows = _rows(new, after)
    for task, row in _rows(old, before).items():
        now = renamed(task, names)
        if (now, *rows[now]) != (task, *row):
            entry = after.docket.get(now)
            since = "" if entry is None else entry["at"] if owing(entry) else entry["opened"]
            yield TaskMigrated(task, now, *rows[now], since)
    armed = {due.timer: due for due in _armed(new, after.marking)}
    moved = [
        (due, armed[renamed(due.timer, names)])
        for due in _armed(old, before.marking)
        if (due.timer, due.element) != (renamed(due.timer, names), armed[renamed(due.timer, names)].element)
    ]
    for due, _ in moved:
        yield TimerStopped(due.timer, due.element)
    for _, due in moved:
        yield TimerArmed(due.timer, due.element, due.due or None, due.clock or None, due.provisional)
    for id in sorted(before.deadlines):  # a stored case has them in another order than a replayed one
        if _clock_id(id, names) != id:
            yield ClockMigrated(id, _clock_id(id, names))


def _armed(definition: Definition, marking: Marking) -> list[Due]:
    return [*timers(definition.net, marking), *bound_timers(definition.net, marking)]


def _rows(definition: Definition, parts: Parts) -> dict[str, tuple[str, str, str]]:
    """What waits for people: element, unit and post of each open step, and of each opinion that is owed."""
    rows: dict[str, tuple[str, str, str]] = {}
    for waiting in open_tasks(parts.marking):
        entry = parts.docket.get(waiting.id)
        unit, post = _performer(definition, waiting)
        if entry is not None:
            unit, post = entry["unit"], entry["post"]
            post = signer(definition, entry) if entry["stage"] == "entered" else post
        rows[waiting.id] = waiting.element, unit, post
    for task, entry in in_order(parts.docket):
        if owing(entry):
            rows[task] = entry["element"], entry["unit"], answerable(definition, entry)
    return rows


# --- whether it may be


def assess(
    old: Definition, new: Definition, parts: Parts, names: Names, accepted: Iterable[str]
) -> Assessment:
    """Whether the case may go over from `old` to `new`, where `names` says what is called otherwise and
    somebody answers for the elements `accepted`."""
    found = list(check_names(old.net, new.net, names))
    if found:
        return Assessment(found, [], [])
    moved, _, found = move(old, new, parts, names)
    if any(not one.acceptable for one in found):
        return _assessed(found, accepted, [])
    look = _Look(old, new, parts, moved, names)
    seen = prospect(old.net, new.net, parts.marking, moved.marking, names)
    found = [*found, *seen.hindrances, *look.hindrances(seen)]
    return _assessed(found, accepted, list(look.differences(seen)))


def _assessed(found: list[Hindrance], accepted: Iterable[str], differences: list[Difference]) -> Assessment:
    allowed = set(accepted)
    taken = [one for one in found if one.acceptable and one.element in allowed]
    return Assessment([one for one in found if one not in taken], taken, differences)


class _Look:
    """One case between two versions."""

    def __init__(self, old: Definition, new: Definition, before: Parts, after: Parts, names: Names) -> None:
        self.old = old
        self.new = new
        self.before = before
        self.after = after
        self.names = names
        self.back = {new: old for old, new in names.items()}

    def hindrances(self, seen: Prospect) -> Iterator[Hindrance]:
        yield from self._clocks()
        yield from self._timers()
        yield from self._steps()
        yield from self._reviews()
        yield from self._variables()

    # --- clocks

    def _clocks(self) -> Iterator[Hindrance]:
        ahead = None
        for deadline in self.before.deadlines.values():
            if not runs(deadline):
                continue
            id = deadline["clock"]
            before, after = self.old.clocks[id], self.new.clocks[id]
            if "of" in deadline and id not in self.old.follow_ups:
                yield from self._each(deadline, before, after)
            if before.begins != after.begins and rule_of(before, deadline).effect.kind != "flag":
                yield Hindrance(
                    "clock.begins",
                    id,
                    say(
                        "the clock {clock} runs, and begins other clocks when it runs out",
                        clock=_clock(before),
                    ),
                )
            stops = {self._trigger(trigger) for trigger in before.stops}
            if stops != set(after.stops) and stops:
                ahead = elements_ahead(self.new.net, self.after.marking) if ahead is None else ahead
                if not {trigger.partition(":")[0] for trigger in after.stops} & ahead:
                    yield Hindrance(
                        "clock.stops",
                        id,
                        say(
                            "the clock {clock} runs, and what stops it now lies behind where the case stands",
                            clock=_clock(before),
                        ),
                    )

    def _each(self, deadline: Deadline, before: Clock, after: Clock) -> Iterator[Hindrance]:
        elements = {self.names.get(element, element) for element in before.each}
        waiting = {one.id: one.element for one in open_tasks(self.before.marking)}
        element = waiting.get(deadline.get("of", ""))
        if element is not None and self.names.get(element, element) not in set(after.each) & elements:
            yield Hindrance(
                "clock.each",
                deadline["clock"],
                say(
                    "the clock {clock} runs for {step}, and does not in the new version",
                    clock=_clock(before),
                    step=self.old.step_title(self.old.node(element)),
                ),
            )

    def _trigger(self, trigger: str) -> str:
        element, colon, opened = trigger.partition(":")
        return self.names.get(element, element) + colon + opened

    def _timers(self) -> Iterator[Hindrance]:
        for due in bound_timers(self.new.net, self.after.marking):
            if due.clock not in self.new.clocks:
                yield Hindrance(
                    "clock.gone",
                    due.clock,
                    say(
                        "{timer} waits for the clock {clock}, which is not in the new version",
                        timer=due.element,
                        clock=due.clock,
                    ),
                )

    # --- open steps

    def _steps(self) -> Iterator[Hindrance]:
        for waiting in open_tasks(self.after.marking):
            entry = self.after.docket.get(waiting.id)
            node = self.new.net.scopes[waiting.scope].nodes[waiting.element]
            was = next(e for t, e in self._open_before() if renamed(t, self.names) == waiting.id)
            now = self.new.joint_of(waiting.element)
            if entry is None:
                if (waiting.id, _performer(self.new, waiting)) != (was.id, self._was(was)):
                    yield Hindrance(
                        "step.unrecorded",
                        waiting.element,
                        say("{step} was opened before whose it is was on record", step=called(node)),
                    )
                continue
            if (now.id if now is not None else None) != entry.get("joint"):
                yield Hindrance(
                    "joint.step",
                    waiting.element,
                    say("{step} is open, and belongs to another joint review now", step=called(node)),
                )
            taken = entry["stage"] != "open" or entry.get("assignee") or "joint" in entry
            if _performer(self.new, waiting)[0] != self._was(was)[0] and taken:
                yield Hindrance(
                    "step.taken",
                    waiting.element,
                    say(
                        "{step} is in the hands of {unit}, and another unit does it now",
                        step=called(node),
                        unit=self._was(was)[0],
                    ),
                )
            if entry["stage"] in ("entered", "reported") and "answer" in entry:
                try:
                    check(self.new.form_at(waiting.element), entry["answer"])
                except Invalid as refusal:
                    yield Hindrance(
                        "form.answers",
                        waiting.element,
                        say(
                            "what was entered in {step} does not fit its new form: {reason}",
                            step=called(node),
                            reason=refusal.message,
                        ),
                    )
        for task, entry in self.after.docket.items():
            if owing(entry) and not _has(self.new, entry["element"]):
                yield Hindrance(
                    "element.gone",
                    entry["element"],
                    say(
                        "the opinion asked for in {step} is still owed, and that is not in the new version",
                        step=task,
                    ),
                )

    def _open_before(self) -> list[tuple[str, Waiting]]:
        return [(waiting.id, waiting) for waiting in open_tasks(self.before.marking)]

    def _was(self, waiting: Waiting) -> tuple[str, str]:
        return _performer(self.old, waiting)

    # --- several departments

    def _reviews(self) -> Iterator[Hindrance]:
        for id in {entry["joint"]: None for entry in self.before.docket.values() if "joint" in entry}:
            entries = [entry for entry in self.before.docket.values() if entry.get("joint") == id]
            review = self.new.joints.get(id)
            if review is None:
                yield Hindrance(
                    "joint.gone",
                    id,
                    say("the joint review {joint} is on record, and not in the new version", joint=id),
                )
                continue
            live = any(entry["stage"] not in ENDED or owing(entry) for entry in entries)
            if live and self._joint(self.old.joints[id]) != replace_name(review):
                yield Hindrance(
                    "joint.differs",
                    id,
                    say(
                        "the joint review {joint} is under way, and is decided in another way now",
                        joint=titled(**review.name),
                    ),
                )
        elements = {entry["element"] for entry in self.before.docket.values()}
        for id, meeting in self.old.meetings.items():
            if not {meeting.convene, meeting.invite, meeting.hold} & elements:
                continue
            other = self.new.meetings.get(id)
            if other is None or self._meeting(meeting) != other._replace(name={}):
                yield Hindrance(
                    "meeting.differs",
                    id,
                    say(
                        "the meeting {meeting} is under way, and is not the same in the new version",
                        meeting=titled(**meeting.name),
                    ),
                )

    def _joint(self, review: Joint) -> Joint:
        activities = tuple(self.names.get(element, element) for element in review.activities)
        return replace_name(review)._replace(activities=activities)

    def _meeting(self, meeting: Meeting) -> Meeting:
        steps = {
            key: self.names.get(value, value)
            for key in ("convene", "invite", "hold", "carry_out", "duty")
            if (value := getattr(meeting, key)) is not None
        }
        return meeting._replace(name={}, **steps)

    # --- variables

    def _variables(self) -> Iterator[Hindrance]:
        """What is calculated ahead needs variables that the case has, or will get. What the old version would
        have lacked as well is no fault of the new one."""
        lacking = _lacking(self.new, self.after)
        if not lacking:
            return
        known = {name for name, _ in _lacking(self.old, self.before)}
        for name, element in lacking:
            if name not in known:
                node = self.new.node(element) if _has(self.new, element) else None
                yield Hindrance(
                    "variable.missing",
                    element,
                    say(
                        "{step} reads {name}, and nothing gives it in this case",
                        step=called(node) if node is not None else element,
                        name=name,
                    ),
                    acceptable=True,
                )

    # --- what will be otherwise

    def differences(self, seen: Prospect) -> Iterator[Difference]:
        for waiting in open_tasks(self.after.marking):
            node = self.new.net.scopes[waiting.scope].nodes[waiting.element]
            source = self.old.node(self.back.get(waiting.element, waiting.element))
            step = called(node)
            if node.id != source.id:
                yield Difference(
                    "step.renamed", node.id, say("{was} is now {step}", was=called(source), step=step)
                )
            elif node.name != source.name:
                yield Difference(
                    "step.named", node.id, say("{was} is now called {step}", was=called(source), step=step)
                )
            if self.new.form_at(node.id) != self.old.form_at(source.id):
                yield Difference("step.form", node.id, say("{step} asks by another form", step=step))
        for row, now in self._passed():
            yield Difference(
                "step.passed",
                now[0],
                say(
                    "{step} goes from {was} to {now}",
                    step=called(self.new.node(now[0])) if _has(self.new, now[0]) else now[0],
                    was="/".join(row[1:]),
                    now="/".join(now[1:]),
                ),
            )
        yield from self._clock_differences()
        for element, step in seen.coming:
            yield Difference("step.coming", element, say("{step} comes, which is new", step=step))
        for element, step in seen.gone:
            yield Difference("step.gone", element, say("{step} comes no longer", step=step))
        for element, step in seen.again:
            yield Difference("step.again", element, say("{step} was done, and comes again", step=step))
        yield from self._conditions()

    def _passed(self) -> Iterator[tuple[tuple[str, str, str], tuple[str, str, str]]]:
        rows = _rows(self.new, self.after)
        for task, row in _rows(self.old, self.before).items():
            now = rows[renamed(task, self.names)]
            if now[1:] != row[1:]:
                yield row, now

    def _clock_differences(self) -> Iterator[Difference]:
        told = set()
        for id, deadline in self.after.deadlines.items():
            clock = self.new.clocks[deadline["clock"]]
            if not runs(deadline) or "rule" not in deadline:
                continue
            kept = rule_of(clock, deadline)
            told.add(clock_of(id))
            if kept.term != clock.rule.term:
                yield Difference(
                    "clock.kept",
                    id,
                    say(
                        "the clock {clock} keeps its term of {term}; {other} is for clocks that start later",
                        clock=_clock(clock),
                        term=kept.term.text(),
                        other=clock.rule.term.text(),
                    ),
                )
            else:
                yield Difference(
                    "clock.kept",
                    id,
                    say("the clock {clock} keeps the rule under which it began", clock=_clock(clock)),
                )
        started = {deadline["clock"] for deadline in self.before.deadlines.values()}
        for id, clock in self.new.clocks.items():
            before = self.old.clocks.get(id)
            if before is None:
                yield Difference(
                    "clock.new",
                    id,
                    say(
                        "the clock {clock} is new; it runs if what starts it is still to come",
                        clock=_clock(clock),
                    ),
                )
            elif id not in started and before.rule.term != clock.rule.term:
                yield Difference(
                    "clock.term",
                    id,
                    say(
                        "the clock {clock}, not started yet, has the term {term} in place of {was}",
                        clock=_clock(clock),
                        term=clock.rule.term.text(),
                        was=before.rule.term.text(),
                    ),
                )

    def _conditions(self) -> Iterator[Difference]:
        """Expressions of what is ahead, or has failed, that are otherwise."""
        ahead = elements_ahead(self.new.net, self.after.marking)
        for scope, node in _nodes(self.new):
            source = self.back.get(node.id, node.id)
            if node.id not in ahead or not _has(self.old, source):
                continue
            was = self.old.node(source)
            before = next(one for one, other in _nodes(self.old) if other is was)
            if _said(scope, node, {}) != _said(before, was, self.names):
                yield Difference(
                    "step.otherwise",
                    node.id,
                    say("{step} decides or calculates otherwise", step=called(node)),
                )


def replace_name(review: Joint) -> Joint:
    """The joint review without its name, which decides nothing."""
    return review._replace(name={})


def _clock(clock: Clock) -> Text:
    return titled(**clock.name)


def _clock_gone(old: Definition, clock: str) -> Hindrance:
    return Hindrance(
        "clock.gone",
        clock,
        say(
            "the clock {clock} is on record in the case, and not in the new version",
            clock=_clock(old.clocks[clock]),
        ),
    )


def _has(definition: Definition, element: str) -> bool:
    return any(element in scope.nodes for scope in definition.net.scopes.values())


def _nodes(definition: Definition) -> Iterator[tuple[Scope, Node]]:
    for scope in definition.net.scopes.values():
        for node in scope.nodes.values():
            yield scope, node


def _said(scope: Scope, node: Node, names: Names) -> Any:
    """What an element calculates and decides by."""
    decided = {
        (names.get(flow.target, flow.target), flow.condition, flow.id == node.default)
        for flow in (scope.flows[flow] for flow in node.outgoing)
        if flow.condition is not None or flow.id == node.default
    }
    return node.expression, node.script, node.decision, node.result, node.outputs, decided


def _lacking(definition: Definition, parts: Parts) -> list[tuple[str, str]]:
    """`(name, element)` of every variable that is read ahead, and neither known nor written there."""
    from .definition.checks import needed, written

    ahead = elements_ahead(definition.net, parts.marking)
    known = set(definition.engine_variables)
    for frame_id in parts.marking["frames"]:
        known |= variables(parts.marking, frame_id).keys()
    forms = {
        node.properties["form"]: definition.form(scope.id, node) or NO_FIELDS
        for scope, node in _nodes(definition)
        if "form" in node.properties
    }
    found = []
    for _, node in _nodes(definition):
        if node.id in ahead:
            known |= set(written(node, definition.net, forms))
    for scope, node in _nodes(definition):
        if node.id in ahead:
            for _, _, names in needed(scope, node, definition.net):
                found += [(name, node.id) for name in sorted(names - known)]
    return list(dict.fromkeys(found))
