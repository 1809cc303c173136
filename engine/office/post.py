"""Reminders and cards on their way to people: from the outbox to letters that go out once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from ..clock import read_instant, write_instant
from ..deadlines import clock_of
from ..definition import Definition
from ..delivery import Delivery, Letter, Undeliverable, retry_after
from ..errors import Refusal, Text, say, titled
from ..events import CardRaised, Event, ReminderRaised, parse
from ..organisation import Organisation
from ..store import OutboxRow, Reader, Store
from .library import Library, head_of_case, standing

LEASE = timedelta(minutes=10)
"""How long a worker may take for one letter before another one takes it over."""

Translate = Callable[[str], str]
Now = Callable[[], datetime]


@dataclass(slots=True)
class Delivered:
    """What went out, and what did not for which reason, by the letter's id."""

    sent: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


def deliver_all(
    store: Store, library: Library, zone: str, delivery: Delivery, now: Now, translate: Translate
) -> Delivered:
    """Let every letter that waits and is due go out, one transaction before and one after each.

    Several workers may do this at once. A letter that can't be delivered stays and is tried again later;
    one whose delivery was not recorded is delivered again as the same letter.
    """
    done = Delivered()
    after = ("", "", 0, "")
    begun = write_instant(now())
    while True:
        with store.transaction() as tx:
            row = tx.next_message(begun, after)
            if row is None:
                return done
            after = row.place
            tx.lease(row, write_instant(now() + LEASE))
        id = f"{row.case}.{row.seq}.{row.unit}"
        try:
            with store.reading() as reader:
                letter = _letter(reader, library, zone, id, row, translate)
            receipt = delivery.deliver(letter)
        except Refusal as failure:
            permanent = getattr(failure, "permanent", True)
            told = failure.reason if isinstance(failure, Undeliverable) else failure.message
            reason = told.render(translate)
            with store.transaction() as tx:
                tx.failed(row, reason, write_instant(now() + retry_after(row.attempts + 1, permanent)))
            done.failed[id] = reason
        else:
            with store.transaction() as tx:
                tx.delivered(row, write_instant(now()), receipt)
            done.sent.append(id)


def _letter(
    reader: Reader, library: Library, zone: str, id: str, row: OutboxRow, translate: Translate
) -> Letter:
    """The letter that the outbox's row asks for. Raises `Diverged` when its case can't be read."""
    head = head_of_case(reader, row.case)
    definition = library.definition(reader, head.definition)
    seq, body, _ = reader.records(row.case)[row.seq - 1]
    record = parse(row.case, seq, body)
    organisation = library.organisation(reader, standing(reader), read_instant(record.at))
    members = organisation.members(row.unit)
    people = [person for person in members if person.email] or members
    clock = definition.clocks[clock_of(record.event.payload()["clock"])]
    subject, text = _words(row, record.event, definition, organisation, titled(**clock.name), zone)
    return Letter(
        id=id,
        to=tuple(person.email for person in people if person.email),
        to_names=tuple(titled(**person.name).render(translate) for person in people),
        subject=subject.render(translate),
        body=text.render(translate) + "\n",
        at=record.at,
    )


def _words(
    row: OutboxRow, event: Event, definition: Definition, organisation: Organisation, clock: Text, zone: str
) -> tuple[Text, Text]:
    told = {"case": row.case, "item": definition.title(), "clock": clock}
    match event:
        case CardRaised(card=card, colour=colour):
            return (
                say("{colour} card: case {case}", colour=_colour(colour), **told),
                say(
                    "Case {case}, {item}: the clock {clock} has brought your unit the card {card}. "
                    "Sign for it and say what you do about it: lianban card answer {case} {card}",
                    card=card,
                    **told,
                ),
            )
        case ReminderRaised(due=str(due)):
            day = read_instant(due).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")
            return (
                say("Reminder: case {case}", **told),
                say("Case {case}, {item}: the clock {clock} runs out on {due}.", due=day, **told),
            )
    return (
        say("Reminder: case {case}", **told),
        say("Case {case}, {item}: the clock {clock} stands still longer than was told.", **told),
    )


def _colour(colour: str) -> Text:
    known = {"yellow": say("Yellow"), "red": say("Red")}
    return known.get(colour, say("{colour}", colour=colour))
