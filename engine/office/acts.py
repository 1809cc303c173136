"""Which clock an act means, and whether the same was done before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec.structs import asdict, replace

from ..case import Case
from ..commands import (
    AllowNotice,
    Challenge,
    Command,
    Confirm,
    DecideRecusal,
    Do,
    Extend,
    GiveBack,
    HandOver,
    Migrate,
    Pause,
    Recuse,
    Resume,
    Retry,
    Sign,
    TreatCard,
    Withdraw,
)
from ..deadlines import rule_of, runs
from ..definition import Definition
from ..definition.clocks import Clock
from ..docket import visit_of
from ..errors import Invalid, say
from ..events import Event, parse
from ..flow.marking import element_of
from ..organisation import Person
from ..steps import step_names
from ..time_views import TIERS
from .draft import Draft


def only_clock(case: Case, definition: Definition, fits: Callable[[Clock], bool], person: Person) -> str:
    """The running clock that fits: the one that `person` decides on, or else the only one of the highest tier
    that has any. Raises `Invalid` naming those there are."""
    known = {id: (definition.clocks[d["clock"]], d) for id, d in case.deadlines.items() if runs(d)}
    running = {id: replace(clock, rule=rule_of(clock, deadline)) for id, (clock, deadline) in known.items()}
    leading = [id for id, clock in running.items() if clock.follows is None]
    fitting = [id for id, clock in running.items() if fits(clock)]
    own = [id for id in fitting if _approver(running[id]) in person.posts]
    # Where none fits, the law of the one that comes nearest says why not.
    candidates = own or [id for id in fitting if id in leading] or fitting
    candidates = candidates or [id for id in leading if running[id].rule.grounds] or leading
    highest = min((TIERS.index(running[id].rule.tier) for id in candidates), default=0)
    candidates = [id for id in candidates if TIERS.index(running[id].rule.tier) == highest]
    if len(candidates) == 1:
        return candidates[0]
    raise Invalid(
        "clock.which",
        say("name the clock") if running else say("no clock of the case runs now"),
        expected=say("one of: {clocks}", clocks=", ".join(candidates) or "—"),
        remedy=say("add --clock; `lianban show` lists the clocks of the case"),
    )


def _approver(clock: Clock) -> tuple[str, str]:
    unit, _, post = clock.rule.extension.approver.partition("/") if clock.rule.extension else ("", "", "")
    return unit, post


_STEP = ("task.completed", "answer.entered", "referral.reported_up", "referral.followed_up")

_RECORDS: Mapping[type, tuple[tuple[str, ...], tuple[str, ...]]] = {
    Sign: (("referral.signed",), ("task",)),
    Confirm: (("answer.confirmed",), ("task",)),
    GiveBack: (("answer.returned",), ("task",)),
    Withdraw: (("referral.withdrawn",), ("task",)),
    Recuse: (("recusal.declared",), ("task",)),
    Challenge: (("recusal.challenged",), ("task", "person")),
    DecideRecusal: (("recusal.decided",), ("recusal",)),
    HandOver: (("task.handed_over",), ("task",)),
    AllowNotice: (("notice.allowed",), ()),
    Retry: (("incident.retried",), ("incident",)),
    Migrate: (("case.migrated",), ("definition",)),
    Pause: (("pause.ordered", "resume.ordered", "extension.granted"), ("clock",)),
    Resume: (("pause.ordered", "resume.ordered", "extension.granted"), ("clock",)),
    Extend: (("pause.ordered", "resume.ordered", "extension.granted"), ("clock",)),
}
"""Command → the facts that are about the same thing, and the fields that say which thing."""

_OWN: Mapping[type, str] = {Pause: "pause.ordered", Resume: "resume.ordered", Extend: "extension.granted"}


def was_done(draft: Draft, person: Person, command: Command) -> bool:
    """Whether the latest that was done about the same thing is just this, by her."""
    if isinstance(command, Do):
        return _did_step(draft, person, command)
    if isinstance(command, TreatCard):
        about: dict[str, Any] = command.act.payload()
        kinds: tuple[str, ...]
        keys: tuple[str, ...]
        kinds, keys = ("card.answered", "card.contested", "card.withdrawn"), ("card",)
        own = command.act.type
    else:
        about = asdict(command)
        kinds, keys = _RECORDS[type(command)]
        own = _OWN.get(type(command), kinds[0])
        if isinstance(command, HandOver) and not command.task:
            kinds, keys, own = ("contact.handed_over",), (), "contact.handed_over"
            del about["task"]
    for by, event in _facts(draft):
        said = event.payload()
        if event.type in kinds and all(said.get(key) == about[key] for key in keys):
            # Which of the pauses ended may have been left open.
            same = {key: value for key, value in about.items() if key != "ground" or value != ""}
            done = event.type == own and by == person.id and said.items() >= same.items()
            return done and (not isinstance(command, HandOver) or _still_has_it(draft.course.case, command))
    return False


def _still_has_it(case: Case, command: HandOver) -> bool:
    """Whether what was handed over is still with the one it was handed to."""
    if command.task:
        return command.task in case.docket and case.docket[command.task].get("assignee") == command.to
    return case.contact is not None and case.contact["person"] == command.to


def _did_step(draft: Draft, person: Person, command: Do) -> bool:
    course = draft.course
    come_back_to = any(
        element_of(step) == element_of(command.task) and visit_of(step) != visit_of(command.task)
        for step in step_names(course.case, course.definition)
    )
    net = course.definition.net
    catchers = (scope.nodes[command.task] for scope in net.scopes.values() if command.task in scope.nodes)
    caught = {node.event.name for node in catchers if node.event and node.event.kind == "message"}
    for by, event in _facts(draft):
        said = event.payload()
        if event.type == "answer.returned" and said["task"] == command.task:
            return False  # it counts as not entered
        step = event.type in _STEP and said["task"] == command.task
        if step or (event.type == "message.received" and said["name"] in caught):
            return bool(by == person.id and said["data"] == command.data)
        if come_back_to:
            return False  # the step is open under another name now: only who says it twice at once repeats
    return False


def _facts(draft: Draft) -> Iterator[tuple[str, Event]]:
    """What people entered, the latest first: who, and what."""
    for seq, body in draft.tx.backwards(draft.number):
        record = parse(draft.number, seq, body)
        if record.event.fact and "person" in record.by:
            yield record.by["person"], record.event
