"""Whether each act was done by somebody who could do it then, in the capacity that is on record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..access import permit
from ..case import Case
from ..commands import claim_of, herself
from ..definition import Definition
from ..errors import Diverged, Refusal, Text, say
from ..events import CalendarRevised, ClockStruck, Record, RecusalDeclared, SignalReceived, TimerFired
from ..organisation import Organisation
from .chain import REMEDY

OrganisationOf = Callable[[Record], Organisation]
"""Gives the organisation that a record was judged by. Raises `Diverged` where it names one that was not in
force."""

BY_NOBODY: dict[type, dict[str, Any]] = {
    TimerFired: {"clock": True},
    ClockStruck: {"clock": True},
    SignalReceived: {"signal": True},
    CalendarRevised: {"system": True},
}
"""Facts that nobody enters, and what stands in the place of a person."""

NAMED = say("the record names who acted, by which version of the organisation, and so does all that follows")


class Authority:
    """A witness: every act was somebody's to do at its instant, and what nobody does is done by nobody."""

    def __init__(self, definition_of: Callable[[str], Definition], organisation_of: OrganisationOf) -> None:
        self._definition_of = definition_of
        self._organisation_of = organisation_of
        self._versions = False
        self.judged = 0
        """How many acts of people were judged."""

    def __call__(self, before: Case | None, record: Record, case: Case) -> None:
        """Raises `Diverged` for an act that could not be that person's."""
        if not record.event.fact:
            return  # whose it is, the replay has compared with its fact
        nobody = BY_NOBODY.get(type(record.event))
        if nobody is not None:
            if record.by != nobody:
                raise _unauthorised(record, say("{by}", by=str(nobody)), NAMED)
            return
        self._versions = self._versions or "org" in record.by  # from the first act that names one on, all do
        if self._versions and "org" not in record.by:
            raise _unauthorised(record, say("the version of the organisation"), NAMED)
        self.judged += 1
        definition = self._definition_of((before or case).definition)
        _check(record, before, definition, self._organisation_of(record))


def _check(record: Record, before: Case | None, definition: Definition, organisation: Organisation) -> None:
    acted = {key: value for key, value in record.by.items() if key != "org"}
    person = organisation.people.get(str(acted.get("person")))
    claim = claim_of(record.event, before, definition, organisation)
    if claim is None:
        # About herself anybody may speak; nothing else belongs to nobody.
        own = isinstance(record.event, RecusalDeclared) and person is not None
        if person is None or not own or herself(person) != acted:
            raise _unauthorised(record, say("somebody who works here"), say("nobody can speak for another"))
        return
    owners = ", ".join(f"{unit}/{post}" for unit, post in claim.owners)
    if person is None:
        raise _unauthorised(record, say("somebody who holds {posts}", posts=owners or "—"), claim.rule)
    try:
        allowed = permit(organisation, person, claim)
    except Refusal as refusal:
        raise _unauthorised(record, refusal.expected, refusal.rule) from refusal
    if allowed != acted:
        raise _unauthorised(record, say("{by}", by=str(allowed)), claim.rule)


def _unauthorised(record: Record, expected: Text, rule: Text) -> Diverged:
    return Diverged(
        "replay.authority",
        say(
            "{person} could not act for {post} in {unit}",
            person=str(record.by.get("person")),
            unit=str(record.by.get("unit")),
            post=str(record.by.get("post")),
        ),
        expected=expected,
        found=say("{found}", found=str(record.by)),
        rule=rule,
        remedy=REMEDY,
    )
