"""Whether what people entered is what they were asked for, under as many signatures as the step takes."""

from __future__ import annotations

from collections.abc import Callable

from ..case import Case
from ..definition import Definition
from ..docket import signatures
from ..errors import Diverged, Invalid, Text, say
from ..events import (
    AnswerEntered,
    CaseOpened,
    MessageReceived,
    Record,
    ReferralFollowedUp,
    ReferralReportedUp,
    TaskCompleted,
)
from ..forms import check
from ..steps import steps
from .chain import REMEDY

SIGNED = say("what several people answer for stands when all of them have signed it")


class Answers:
    """A witness: answers fit the form of the case's own definition, and nobody answers alone for several."""

    def __init__(self, definition_of: Callable[[str], Definition]) -> None:
        self._definition_of = definition_of

    def __call__(self, before: Case | None, record: Record, case: Case) -> None:
        """Raises `Diverged` for answers that could not be entered."""
        event = record.event
        definition = self._definition_of((before or case).definition)
        try:
            match event:
                case CaseOpened(data=data):
                    check(definition.start_form(), data)
                case (
                    TaskCompleted(task=task, data=data)
                    | AnswerEntered(task=task, data=data)
                    | ReferralReportedUp(task=task, data=data)
                    | ReferralFollowedUp(task=task, data=data)
                ) if before is not None:
                    entry = before.docket.get(task)
                    element = event.element if isinstance(event, TaskCompleted | AnswerEntered) else None
                    check(definition.form_at(element or before.docket[task]["element"]), data)
                    if isinstance(event, TaskCompleted) and entry and signatures(definition, entry) > 1:
                        expected = say("{count} signatures", count=signatures(definition, entry))
                        raise _unfit("replay.signatures", record, expected, say("one"), SIGNED)
                case MessageReceived(name=name, data=data) if before is not None:
                    for step in [step for step in steps(before, definition) if step.message == name][:1]:
                        check(definition.form_at(step.node.id), data)
        except Invalid as refusal:
            raise _unfit(
                "replay.answers", record, refusal.expected, refusal.message, refusal.rule
            ) from refusal


def _unfit(code: str, record: Record, expected: Text, found: Text, rule: Text) -> Diverged:
    return Diverged(
        code,
        say("{type} is not what the step asks for", type=record.event.type),
        expected=expected,
        found=found,
        rule=rule,
        remedy=REMEDY,
    )
