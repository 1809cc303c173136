"""The clocks of a case (floor 4): what starts, pauses and stops them, and what follows when they strike.

`clock.ledger` knows the law of one clock; here the item's clocks meet the case. A `Deadline` is one
running of a clock: its ledger, and what is derived from it by the case's calendar, kept so that a case
can be settled and listed without counting days. `Book` does the bookkeeping of one event: its verbs
change the deadlines and yield the consequences. Like `flow.step` it is pure: the same deadlines, calendar
and instant give the same events.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Literal, NotRequired, TypedDict

from msgspec.structs import replace

from .clock import Term, Workdays, due, ledger, parse_term, read_instant, write_instant
from .clock.ledger import Ledger, Rule
from .definition.clocks import Clock
from .errors import Invalid, say
from .events import (
    CardAnswered,
    CardContested,
    CardRaised,
    CardWithdrawn,
    CaseDeemed,
    ClockExpired,
    ClockExtended,
    ClockPaused,
    ClockReprojected,
    ClockRestarted,
    ClockResumed,
    ClockStarted,
    ClockStopped,
    DocumentIssued,
    Event,
    ReminderRaised,
)

RAN_OUT = ""
"""The rung at which a clock runs out."""

OVERSTAYED = "pause-over:"
"""Begins the rung at which a pause has lasted as long as the applicant was told it would."""


class Deadline(TypedDict):
    """The `n`th running of `clock`, as plain JSON data.

    A clock that runs for each of its tasks runs `of` a task, which `unit` answers for; the diagram may give
    it another `term`. Where the case has gone over to a version with another `rule` (or unit) for the clock,
    it keeps the one under which it began: nobody's term is changed while it runs.

    Derived from the ledger by `calendar` (a digest): `due` (None while it stands still) and `provisional`;
    `pending` are the rungs to come, `[instant, rung]` in order; `reached` those behind it; `expired` is the
    instant it ran out. What has run out or was stopped keeps the calendar of its time.
    """

    clock: str
    n: int
    calendar: str
    ledger: dict[str, Any]
    due: str | None
    provisional: bool
    pending: list[list[str]]
    reached: list[str]
    expired: str | None
    of: NotRequired[str]
    unit: NotRequired[str]
    term: NotRequired[str]
    rule: NotRequired[dict[str, Any]]


class Card(TypedDict):
    """A card that `unit` got for `clock` at `at`, and what was done about it, each at most once."""

    n: int
    colour: str
    clock: str
    unit: str
    at: str
    acts: list[str]


class Deemed(TypedDict):
    """What silence counts as, by which clock, from when on, and since when it is so."""

    effect: str
    clock: str
    as_of: str
    at: str
    basis: dict[str, str]


def card_state(card: Card) -> Literal["open", "answered", "contested", "withdrawn"]:
    """Where the card stands. A contest waits for the supervisor, whatever else was said."""
    if "withdrawn" in card["acts"]:
        return "withdrawn"
    if "contested" in card["acts"]:
        return "contested"
    return "answered" if card["acts"] else "open"


def clock_of(id: str) -> str:
    """The item's clock that a deadline with this id is a running of: `decision` for `decision#2`, `referral`
    for `referral@water_review#2`."""
    return id.partition("@")[0].partition("#")[0]


def rule_of(clock: Clock, deadline: Deadline) -> Rule:
    """The law of one running: that under which it began, with the term that the diagram gave it."""
    rule = Rule.from_json(deadline["rule"]) if "rule" in deadline else clock.rule
    term = deadline.get("term")
    return rule if term is None else replace(rule, term=parse_term(term))


def unit_of(clock: Clock, deadline: Deadline) -> str:
    """The unit that answers for one running."""
    return deadline.get("unit", clock.unit)


def current(
    deadlines: Mapping[str, Deadline], clock: str, of: str | None = None
) -> tuple[str, Deadline] | None:
    """The latest running of `clock` (`of` that task, for one that runs for each), with its id; None when it
    never started."""
    runnings = [(d["n"], id) for id, d in deadlines.items() if d["clock"] == clock and d.get("of") == of]
    if not runnings:
        return None
    id = max(runnings)[1]
    return id, deadlines[id]


def runs(deadline: Deadline) -> bool:
    """Whether the clock was not stopped yet; it may stand still, or have run out."""
    return deadline["ledger"]["stopped"] is None


def spent(deadline: Deadline) -> bool:
    """Whether running out was the clock's end: silence had an effect."""
    expired, stopped = deadline["expired"], deadline["ledger"]["stopped"]
    return expired is not None and stopped is not None and stopped <= expired


def ran_out(deadlines: Mapping[str, Deadline], clock: str) -> bool:
    """Whether the latest running of `clock` ran out before anything stopped it."""
    found = current(deadlines, clock)
    if found is None or found[1]["expired"] is None:
        return False
    return runs(found[1]) or spent(found[1])


def find(deadlines: Mapping[str, Deadline], clocks: Mapping[str, Clock], name: str) -> tuple[str, Deadline]:
    """The running called `name`, or the latest of the clock `name`. Raises `Invalid`."""
    if name in deadlines:
        return name, deadlines[name]
    found = current(deadlines, name)
    if found is not None:
        return found
    known = name in clocks
    raise Invalid(
        "clock.not_started" if known else "clock.unknown",
        say("the clock {clock} has not started in this case", clock=name)
        if known
        else say("the item has no clock {clock}", clock=name),
        expected=say("one of: {clocks}", clocks=", ".join(deadlines if deadlines else clocks) or "—"),
        found=say("{clock}", clock=name),
        remedy=say("look at the clocks of the case with `lianban show`"),
    )


class Book:
    """The deadlines of a case, open for the entries of one event at `now`.

    `workdays` gives the working days of a unit by a calendar (a digest); the case's is `calendar`. Clocks
    that are kept `apart` run for tasks, but not from their opening to their end. After the last entry,
    `deadlines`, `cards` and `deemed` are what they have become; those handed in are left as they were.
    """

    def __init__(
        self,
        clocks: Mapping[str, Clock],
        calendar: str,
        workdays: Callable[[str, str], Workdays],
        deadlines: Mapping[str, Deadline],
        cards: Mapping[str, Card],
        deemed: Sequence[Deemed],
        now: datetime,
        apart: Collection[str] = (),
    ) -> None:
        self.clocks = clocks
        self.calendar = calendar
        self.workdays = workdays
        self.deadlines = dict(deadlines)
        self.cards = dict(cards)
        self.deemed = list(deemed)
        self.now = now
        self.apart = apart

    # --- what the process does

    def reach(self, trigger: str) -> Iterator[Event]:
        """The process came past `trigger`: whatever it stops, pauses, restarts or starts, in this order."""
        for name, clock in self.clocks.items():
            if trigger in clock.stops:
                yield from self.stop(name)
            found = current(self.deadlines, name)
            if found is not None and runs(found[1]) and found[1]["expired"] is None:
                yield from self._drive(clock, *found, trigger)
        for name, clock in self.clocks.items():
            if trigger in clock.starts:
                yield from self.start(name, self.now)

    def _drive(self, clock: Clock, id: str, deadline: Deadline, trigger: str) -> Iterator[Event]:
        """Pauses and restarts that the diagram itself brings. One that the law does not allow (a second
        restart, say) does not happen: the clock runs on."""
        run = deadline["ledger"]["runs"][-1]
        paused = {pause["ground"] for pause in run["pauses"] if pause["until"] is None}
        for pause in clock.pauses:
            if trigger == pause.end and pause.ground in paused:
                yield from self.resume(id, pause.ground)
            elif trigger == pause.start and pause.ground not in paused:
                yield from self.pause(id, pause.ground, pause.expected)
        restart = self._rule(id).restart
        if trigger in clock.restarts and restart and len(deadline["ledger"]["runs"]) <= restart.times:
            yield from self.restart(id, trigger)

    def open_task(self, element: str, task: str, unit: str, term: str | None) -> Iterator[Event]:
        """A task of `unit` has opened: the clocks that run for each such task start, with `term` if the
        diagram gives one."""
        for name, clock in self.clocks.items():
            if element in clock.each and name not in self.apart:
                yield from self.start(name, self.now, task, unit, term)

    def end_task(self, element: str, task: str) -> Iterator[Event]:
        """The task is done or not wanted any more: its own clocks stop."""
        for name, clock in self.clocks.items():
            if element in clock.each and name not in self.apart:
                yield from self.stop(name, task)

    def close(self) -> Iterator[Event]:
        """The case is over: every clock stops."""
        for id in self._in_order():
            yield from self._stop(id)

    def start(
        self,
        name: str,
        since: datetime,
        of: str | None = None,
        unit: str | None = None,
        term: str | None = None,
    ) -> Iterator[Event]:
        """Start the clock as of `since`, unless it runs already; `of` a task of `unit` if it runs for
        each."""
        found = current(self.deadlines, name, of)
        if found is not None and runs(found[1]):
            return
        n = found[1]["n"] + 1 if found is not None else 1
        id = (name if of is None else f"{name}@{of}") + (f"#{n}" if n > 1 else "")
        own: dict[str, Any] = {"of": of, "unit": unit, "term": term}
        fresh: Any = {"clock": name, "n": n, "reached": [], "expired": None}
        fresh |= {key: value for key, value in own.items() if value is not None}
        deadline = self._put(id, fresh, ledger.start(since))
        yield ClockStarted(id, write_instant(since), _due(deadline), deadline["provisional"])
        leading = current(self.deadlines, self.clocks[name].follows or "")
        if leading is not None and runs(leading[1]):
            for pause in leading[1]["ledger"]["runs"][-1]["pauses"]:
                if pause["until"] is None:
                    told = parse_term(pause["expected"]), pause["document"]
                    yield from self.pause(id, pause["ground"], *told)

    def stop(self, name: str, of: str | None = None) -> Iterator[Event]:
        """Stop the clock (`of` that task), if it runs."""
        found = current(self.deadlines, name, of)
        if found is not None:
            yield from self._stop(found[0])

    def _stop(self, id: str) -> Iterator[Event]:
        deadline = self.deadlines[id]
        if not runs(deadline):
            return
        self._write(id, ledger.stop(self._rule(id), self._ledger(id), at=self.now))
        yield ClockStopped(id, deadline["expired"] is not None)

    # --- what time does

    def strike(self, id: str, rung: str, units: Sequence[str]) -> Iterator[Event]:
        """The next rung of the deadline is reached; `units` have open steps now.

        At the last moment of the term first come the rungs that lie there, then the clock runs out. Raises
        `Invalid` when `rung` is not the next.
        """
        deadline = self.deadlines.get(id)
        if deadline is None or [rung] != [name for _, name in deadline["pending"][:1]]:
            raise Invalid("clock.rung", say("the clock {clock} does not strike now", clock=id))
        clock, rule = self.clocks[deadline["clock"]], self._rule(id)
        self.deadlines[id] = {**deadline, "pending": deadline["pending"][1:]}
        if rung == RAN_OUT:
            yield from self._expire(id, clock)
            return
        self.deadlines[id]["reached"] = [*deadline["reached"], rung]
        # A step's own clock has one addressee; a case's clock concerns whoever has something to do in it.
        alone = rule.tier == "step" or "of" in deadline or not units
        addressees = [unit_of(clock, deadline)] if alone else units
        is_card = any(step.name == rung and step.card for step in rule.ladder)
        for unit in addressees:
            if is_card:
                n = len(self.cards) + 1
                card = f"{rung}-{n}"
                self.cards[card] = {
                    "n": n,
                    "colour": rung,
                    "clock": id,
                    "unit": unit,
                    "at": write_instant(self.now),
                    "acts": [],
                }
                yield CardRaised(card, rung, id, unit)
            else:
                yield ReminderRaised(id, rung, unit, deadline["due"])

    def _expire(self, id: str, clock: Clock) -> Iterator[Event]:
        """The clock runs out now: later than its last day only where that had gone by when the clock was
        started, or when the calendar changed. Nobody's silence counts before it could be known."""
        instant = write_instant(self.now)
        effect = self._rule(id).effect
        basis = effect.basis.as_json() if effect.basis else None
        self.deadlines[id]["expired"] = instant
        yield ClockExpired(id, effect.kind, basis)
        if effect.kind == "flag":
            return
        # What the law attaches to silence has happened: the clock is spent and measures nothing any more.
        book = self._ledger(id)
        self._write(id, ledger.stop(self._rule(id), book, at=read_instant(instant)))
        if basis is not None and effect.kind.startswith("deemed_"):
            accepted = effect.kind == "deemed_acceptance"
            as_of = write_instant(book.run.started) if accepted else instant
            self.deemed.append(
                {
                    "effect": effect.kind,
                    "clock": id,
                    "as_of": as_of,
                    "at": write_instant(self.now),
                    "basis": basis,
                }
            )
            yield CaseDeemed(effect.kind, id, as_of, basis)
            for name in clock.begins:
                yield from self.start(name, read_instant(as_of))

    # --- what people do

    def pause(self, id: str, ground: str, expected: Term, document: str = "") -> Iterator[Event]:
        """The clock stands still for `ground`; `document` is the notice, if that was issued before. Raises
        `Invalid` as `clock.ledger.pause` does."""
        clock = self._running(id)
        paused = ledger.pause(
            self._rule(id),
            self._ledger(id),
            self._hours(id),
            at=self.now,
            ground=ground,
            expected=expected,
            document=document,
        )
        self._write(id, paused)
        if clock.pause_notice is not None:
            yield DocumentIssued(clock.pause_notice, f"clock:{id}:pauses", "", "")
        yield ClockPaused(id, ground, str(expected))
        for follower in self._followers(id):
            with suppress(Invalid):  # one that has run out, or stands still for this ground anyway
                yield from self.pause(follower, ground, expected)

    def resume(self, id: str, ground: str) -> Iterator[Event]:
        """The pause for `ground` is over. Raises `Invalid` as `clock.ledger.resume` does."""
        deadline = self._write(
            id, ledger.resume(self._rule(id), self._ledger(id), at=self.now, ground=ground)
        )
        yield ClockResumed(id, ground, deadline["due"], deadline["provisional"])
        for follower in self._followers(id):
            with suppress(Invalid):
                yield from self.resume(follower, ground)

    def extend(self, id: str, by: Term, reason: str) -> Iterator[Event]:
        """The clock has more time, as its approver grants. Raises `Invalid` as `clock.ledger.extend` does."""
        clock = self._running(id, extending=True)
        extension = self._rule(id).extension
        extended = ledger.extend(
            self._rule(id),
            self._ledger(id),
            self._hours(id),
            at=self.now,
            by=by,
            approver=extension.approver if extension else "",
            reason=reason,
        )
        deadline = self._write(id, extended)
        if clock.extension_notice is not None:
            yield DocumentIssued(clock.extension_notice, f"clock:{id}:extensions", "", "")
        yield ClockExtended(id, str(by), deadline["due"], deadline["provisional"])

    def restart(self, id: str, reason: str) -> Iterator[Event]:
        """The term begins anew now. Raises `Invalid` as `clock.ledger.restart` does."""
        self._running(id)
        anew = ledger.restart(self._rule(id), self._ledger(id), self._hours(id), at=self.now, reason=reason)
        deadline = self._write(id, anew)
        yield ClockRestarted(id, _due(deadline), deadline["provisional"])

    def treat_card(self, act: CardAnswered | CardContested | CardWithdrawn) -> None:
        """Answer, contest or withdraw a card. Raises `Invalid` for one that is not there or was withdrawn."""
        card = self.cards.get(act.card)
        if card is None:
            raise Invalid(
                "card.unknown",
                say("the case has no card {card}", card=act.card),
                expected=say("one of: {cards}", cards=", ".join(self.cards) or "—"),
                found=say("{card}", card=act.card),
                remedy=say("look at the cards of the case with `lianban show`"),
            )
        if "withdrawn" in card["acts"]:
            raise Invalid(
                "card.withdrawn",
                say("the card {card} was withdrawn", card=act.card),
                rule=say("a withdrawn card stays on record and asks nothing any more"),
            )
        if not act.text.strip():
            raise Invalid(
                "card.no_text",
                say("say in words what there is to say about the card {card}", card=act.card),
                rule=say("a card is answered, contested or withdrawn with a reason"),
                remedy=say("add --reason"),
            )
        done = act.type.removeprefix("card.")
        if done in card["acts"]:
            raise Invalid(
                f"card.{done}",
                say("the card {card} was answered before", card=act.card)
                if done == "answered"
                else say("the card {card} was contested before", card=act.card),
                remedy=say("read what was said with `lianban history`"),
            )
        self.cards[act.card] = {**card, "acts": [*card["acts"], done]}

    def revise(self) -> Iterator[Event]:
        """The calendar has changed: every deadline that is still to come is counted again."""
        for id in self._in_order():
            before = self.deadlines[id]
            if not runs(before) or before["expired"] is not None:
                continue
            after = self._write(id, self._ledger(id))
            if after["due"] is not None:  # what would have ended before now ends now
                after["due"] = max(after["due"], write_instant(self.now))
            if (before["due"], before["provisional"]) != (after["due"], after["provisional"]):
                yield ClockReprojected(id, before["due"], after["due"], after["provisional"])

    # --- inside

    def _in_order(self) -> list[str]:
        """The deadlines by the place of their clocks in the item, then as they began."""
        order = list(self.clocks)

        def place(id: str) -> tuple[int, str, int]:
            deadline = self.deadlines[id]
            return order.index(deadline["clock"]), deadline.get("of", ""), deadline["n"]

        return sorted(self.deadlines, key=place)

    def _followers(self, id: str) -> list[str]:
        """The running clocks that stand still whenever this one does."""
        leader = self.deadlines[id]["clock"]
        return [
            other
            for other in self._in_order()
            if self.clocks[self.deadlines[other]["clock"]].follows == leader and runs(self.deadlines[other])
        ]

    def _rule(self, id: str) -> Rule:
        deadline = self.deadlines[id]
        return rule_of(self.clocks[deadline["clock"]], deadline)

    def _running(self, id: str, *, extending: bool = False) -> Clock:
        """The clock of a deadline that has not run out on record, whatever a later calendar would say. Raises
        `Invalid` as `clock.ledger` does for one that has."""
        deadline = self.deadlines[id]
        clock = self.clocks[deadline["clock"]]
        if deadline["expired"] is not None:
            extension = self._rule(id).extension if extending else None
            law = extension.basis.text() if extension else None
            expired = read_instant(deadline["expired"])
            ledger.refuse_expired(self._rule(id), expired, self.now, self._hours(id), law)
        return clock

    def _hours(self, id: str) -> Workdays:
        """The working days that a deadline is counted by."""
        known = self.deadlines[id]
        unit = unit_of(self.clocks[known["clock"]], known)
        return self.workdays(unit, self.calendar if known["expired"] is None else known["calendar"])

    def _ledger(self, id: str) -> Ledger:
        return Ledger.from_json(self.deadlines[id]["ledger"])

    def _write(self, id: str, book: Ledger) -> Deadline:
        return self._put(id, self.deadlines[id], book)

    def _put(self, id: str, known: Deadline, book: Ledger) -> Deadline:
        """Keep the ledger of a deadline with all that is derived from it at this moment."""
        self.deadlines[id] = known
        expired, reached = known["expired"], known["reached"]
        workdays = self._hours(id)
        shown = ledger.read(self._rule(id), book, workdays, self.now)
        alarms = [(alarm.at, alarm.rung) for alarm in shown.rungs]
        alarms += [
            (due(pause.since, pause.expected, workdays).at, OVERSTAYED + pause.ground)
            for pause in book.run.pauses
            if pause.until is None
        ]
        if expired is None:
            # An extension or a pause moves rungs that were reached back into the future: they strike again.
            moved = {rung for at, rung in alarms if at > self.now}
            reached = [rung for rung in reached if rung not in moved]
            if shown.due is not None:
                alarms.append((shown.due, RAN_OUT))
        if book.stopped is not None:
            alarms = []
        pending = sorted(
            (alarm for alarm in alarms if alarm[1] not in reached),
            key=lambda alarm: (alarm[0], alarm[1] == RAN_OUT),
        )
        self.deadlines[id] = {
            **known,
            "calendar": workdays.calendar.digest,
            "ledger": book.as_json(),
            "due": write_instant(shown.due) if shown.due is not None else None,
            "provisional": shown.provisional,
            "pending": [[write_instant(at), rung] for at, rung in pending],
            "reached": reached,
        }
        return self.deadlines[id]


def _due(deadline: Deadline) -> str:
    due_at = deadline["due"]
    assert due_at is not None  # noqa: S101 - a clock that just started does not stand still
    return due_at


def stamped(deadlines: Mapping[str, Deadline], element: str, number: str) -> dict[str, Deadline]:
    """The deadlines, with the number of the notice just issued on the pause or extension that it tells of.

    `element` is `clock:ID:pauses` or `clock:ID:extensions`, as `Book` names it.
    """
    told, _, kind = element.removeprefix("clock:").rpartition(":")
    since = deadlines[told]["ledger"]["runs"][-1][kind][-1]
    found = {}
    for id, deadline in deadlines.items():
        *before, run = deadline["ledger"]["runs"]
        # A clock that follows another one stands still by the same notice.
        if run[kind] and run[kind][-1] == since and (id == told or kind == "pauses"):
            run = {**run, kind: [*run[kind][:-1], {**since, "document": number}]}
            deadline = {**deadline, "ledger": {**deadline["ledger"], "runs": [*before, run]}}
        found[id] = deadline
    return found
