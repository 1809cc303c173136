"""Which clock an act means, by which article, and whether it was done before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..access import Person
from ..case import Case, Course
from ..deadlines import runs
from ..definition import Definition
from ..definition.clocks import Clock
from ..errors import Invalid, Text, say
from ..events import Event, ExtensionGranted, MessageReceived, TaskCompleted, parse
from ..time_views import TIERS
from .draft import Draft


def only_clock(case: Case, definition: Definition, fits: Callable[[Clock], bool], person: Person) -> str:
    """The running clock that fits: the one that `person` decides on, or else the only one of the highest tier
    that has any. Raises `Invalid` naming those there are."""
    running = {id: definition.clocks[d["clock"]] for id, d in case.deadlines.items() if runs(d)}
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


def basis_of(course: Course, event: Event) -> Text:
    """The article that says who may do this to the clock."""
    rule = course.definition.clocks[course.case.deadlines[event.payload()["clock"]]["clock"]].rule
    if isinstance(event, ExtensionGranted) and rule.extension:
        return rule.extension.basis.text()
    return rule.basis.text()


def did_step(draft: Draft, task: str, person: Person, data: dict[str, Any]) -> bool:
    """Whether the latest doing of `task` was by this person with this content."""
    net = draft.course.definition.net
    catchers = (scope.nodes[task] for scope in net.scopes.values() if task in scope.nodes)
    caught = {node.event.name for node in catchers if node.event and node.event.kind == "message"}
    for seq, body in draft.tx.backwards(draft.number):
        event = (record := parse(draft.number, seq, body)).event
        match event:
            case TaskCompleted(task=name, data=entered) if name == task:
                return record.by.get("person") == person.id and entered == data
            case MessageReceived(name=name, data=entered) if name in caught:
                return record.by.get("person") == person.id and entered == data
    return False


def did_last(draft: Draft, person: Person, wanted: Event, about: str) -> bool:
    """Whether the latest thing that a person did to this clock or card (`about`) is just that, by her."""
    subject = wanted.payload()[about]
    for seq, body in draft.tx.backwards(draft.number):
        record = parse(draft.number, seq, body)
        said = record.event.payload()
        if record.event.fact and "person" in record.by and said.get(about) == subject:
            # Which of the pauses ended may have been left open.
            same = {key: value for key, value in wanted.payload().items() if value != ""}
            return (
                type(record.event) is type(wanted)
                and record.by["person"] == person.id
                and said.items() >= same.items()
            )
    return False
