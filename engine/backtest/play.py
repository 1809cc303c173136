"""The facts of a recorded case, taken by the engine under a draft."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple

from msgspec.structs import replace

from ..case import CalendarOf, Case, document_number
from ..clock import Calendar, read_instant, write_instant
from ..commands import Do, Scene, check_opening, facts_of_doing
from ..course import Course
from ..deadlines import clock_of, runs
from ..definition import Definition
from ..docket import owing, signatures
from ..errors import Diverged, Invalid, Refusal, Text, say
from ..events import (
    AnswerConfirmed,
    AnswerEntered,
    AnswerReturned,
    CalendarRevised,
    CardAnswered,
    CardContested,
    CardWithdrawn,
    CaseMigrated,
    CaseOpened,
    DocumentIssued,
    Event,
    ExtensionGranted,
    IncidentRetried,
    MessageReceived,
    PauseOrdered,
    Record,
    RecusalDecided,
    ReferralFollowedUp,
    ReferralReportedUp,
    ReferralSigned,
    ReferralWithdrawn,
    ResumeOrdered,
    TaskCompleted,
)
from ..flow.marking import element_of, incidents, open_tasks
from ..flow.migrate import Names, renamed
from ..forms import NO_FIELDS, faults, unasked
from ..organisation import Organisation
from ..steps import next_fact_of_time, step_called, steps
from .marks import Side, visit_of

OrganisationOf = Callable[[Record], Organisation]


class Draft(NamedTuple):
    """What recorded cases are put to: a `definition`. `calendar` gives for a calendar on record, by its
    digest, the one that takes its place, with its digest (None: each stays); `names` says what recorded
    elements are called (recorded id → draft id).
    """

    definition: Definition
    calendar: Callable[[str], tuple[str, Calendar]] | None = None
    names: Mapping[str, str] = {}


class Lack(NamedTuple):
    """Why a case can't be answered: at `at` the draft asks at `element` for what nobody recorded, as `why`
    says; `fields` are those of a form. `done` of the facts of people had a place by then."""

    why: str
    at: str
    element: str
    name: dict[str, str]
    fields: list[str]
    message: Text
    done: int


class Left(NamedTuple):
    """A recorded fact (or `fields` of its answers) for which the draft does not ask."""

    seq: int
    type: str
    why: Literal["gone", "not_asked", "closed", "fields"]
    element: str
    fields: list[str]


class _Unanswerable(Exception):
    def __init__(self, lack: Lack) -> None:
        super().__init__(lack)
        self.lack = lack


_COMPLETING = (TaskCompleted, AnswerEntered, ReferralReportedUp, ReferralFollowedUp, ReferralWithdrawn)


class Play:
    """The facts of a recorded case under the draft."""

    def __init__(
        self,
        number: str,
        draft: Draft,
        names: Names,
        recorded: Side,
        calendar_of: CalendarOf,
        organisation_of: OrganisationOf,
        now: datetime,
    ) -> None:
        self.draft, self.names, self.recorded, self.now = draft, names, recorded, now
        self.definition = draft.definition
        self.organisation_of = organisation_of
        self.calendars: dict[str, Calendar] = {}
        self.calendar_of = calendar_of

        self.side = Side(self.definition, {})
        self.course = Course(
            number, None, self.definition, self._issue, self._calendar, watch=self.side.watch
        )
        self.elements = {id for scope in self.definition.net.scopes.values() for id in scope.nodes}
        self.left: list[Left] = []
        self.facts: list[tuple[Record, Case | None]] = []
        self.done = 0
        self.papers = 0
        self.place = 0
        self.incidents = {mark.key for mark in recorded.marks if mark.key[0] == "incident"}
        self.checked = 0

    def _issue(
        self, course: Course, at: datetime, by: dict[str, Any], event: DocumentIssued
    ) -> DocumentIssued:
        """A number, and no paper: what papers say is not compared."""
        self.papers += 1
        series = self.definition.document(event.document)["series"]
        return replace(event, number=document_number(series, at.year, self.papers))

    def _calendar(self, named: str) -> Calendar:
        return self.calendars[named] if named in self.calendars else self.calendar_of(named)

    def _counted_by(self, named: str) -> str:
        """The calendar, by digest, in the place of one on record ("": there was none)."""
        if self.draft.calendar is None or not named:
            return named
        digest, calendar = self.draft.calendar(named)
        self.calendars[digest] = calendar
        return digest

    @property
    def case(self) -> Case:
        return self.course.case

    def run(
        self, facts: list[tuple[Record, Case | None]], last: Record, closed: bool
    ) -> tuple[Lack | None, int]:
        """Take all `facts` (each with the case before it), then let time pass as it did; why that came to no
        answer, and up to which record of the history the courses can be compared."""
        self.facts = facts
        for self.place, (record, _) in enumerate(facts):
            try:
                self._take(record)
            except _Unanswerable as found:
                return found.lack, record.seq - 1
        try:
            self._end(last, closed)
        except _Unanswerable as found:
            return found.lack, last.seq
        return None, last.seq

    # --- one fact

    def _take(self, record: Record) -> None:
        at, event = read_instant(record.at), record.event
        if isinstance(event, CaseOpened):
            self._open(record, event)
            return
        self._settle(at)
        if isinstance(event, CaseMigrated):
            return  # the draft is what it runs by
        if isinstance(event, CalendarRevised):
            if not self.case.closed:
                self._must(record, CalendarRevised(self._counted_by(event.calendar)))
            return
        if self.case.closed:
            self._leave(record, "closed", getattr(event, "task", ""))
            return
        match event:
            case TaskCompleted(task=task, data=data) | AnswerEntered(task=task, data=data):
                self._complete(record, task, data)
            case ReferralReportedUp(task=task, data=data) | ReferralFollowedUp(task=task, data=data):
                self._complete(record, task, data)
            case MessageReceived(name=name, data=data):
                self._message(record, name, data)
            case ReferralSigned(task=task):
                self._sign(record, task)
                return
            case AnswerConfirmed(task=task) | AnswerReturned(task=task) | ReferralWithdrawn(task=task):
                self._countersign(record, task)
            case PauseOrdered(clock=clock) | ResumeOrdered(clock=clock) | ExtensionGranted(clock=clock):
                self._clock(record, clock)
            case CardAnswered(card=id) | CardContested(card=id) | CardWithdrawn(card=id):
                self._if(record, id in self.case.cards)
            case RecusalDecided(recusal=id):
                self._if(record, id in self.case.recusals)
            case IncidentRetried(incident=id):
                self._if(record, renamed(id, self.names) in incidents(self.case.marking), incident=id)
            case _:
                self._other(record)
        self.done += 1
        self._settle(at)

    def _open(self, record: Record, event: CaseOpened) -> None:
        start = self.definition.start
        data = self._fitting(record, self.definition.start_form(), event.data, start.id)
        try:
            check_opening(self.definition, data)
        except Invalid as refusal:
            raise self._lack("refused", start.id, refusal.message, at=record.at) from refusal
        opened = replace(
            event,
            item=self.definition.code,
            definition=self.definition.digest,
            calendar=self._counted_by(event.calendar),
            data=data,
        )
        self._must(record, opened)
        self.done += 1
        self._settle(read_instant(record.at))

    def _complete(self, record: Record, task: str, data: dict[str, Any]) -> None:
        """Somebody did a step: whatever that means under the draft."""
        mapped = self._where(task)
        if mapped is None:
            self._out_of_place(record, renamed(task, self.names))
            return
        element = element_of(mapped)
        found = step_called(self.case, self.definition, mapped)
        form = self.definition.form_at(element)
        if found is not None:
            form = self.definition.form(found.scope, found.node) or NO_FIELDS
        data = self._fitting(record, form, data, element)
        scene = Scene(
            self.case,
            self.definition,
            self.organisation_of(record),
            read_instant(record.at),
            self.course.calendar_of,
        )
        try:
            entered = facts_of_doing(scene, Do(mapped, data))
        except Invalid as refusal:
            raise self._lack("refused", element, refusal.message) from refusal
        for fact in entered:
            self._must(record, fact)

    def _message(self, record: Record, name: str, data: dict[str, Any]) -> None:
        waiting = [one for one in steps(self.case, self.definition) if one.message == name]
        if not waiting:
            self._out_of_place(record, self.definition.message_element(name))
            return
        node = waiting[0].node
        form = self.definition.form(waiting[0].scope, node) or NO_FIELDS
        self._must(record, MessageReceived(name, self._fitting(record, form, data, node.id)))

    def _sign(self, record: Record, task: str) -> None:
        """A receipt that the draft does not ask for says nothing."""
        mapped = self._where(task)
        entry = self.case.docket.get(mapped) if mapped is not None else None
        if mapped is None or entry is None or entry["stage"] != "open":
            return
        invitations = {meeting.invite for meeting in self.definition.meetings.values()}
        if "joint" in entry or entry["element"] in invitations:
            self._must(record, ReferralSigned(mapped))
            self.done += 1

    def _countersign(self, record: Record, task: str) -> None:
        mapped = self._where(task)
        entry = self.case.docket.get(mapped) if mapped is not None else None
        withdrawing = isinstance(record.event, ReferralWithdrawn)
        if mapped is None or entry is None:
            done = self.case.docket.get(renamed(task, self.names))
            if withdrawing or done is None:
                self._out_of_place(record, renamed(task, self.names))
            else:
                self._leave(record, "not_asked", renamed(task, self.names))
        elif ("joint" in entry) if withdrawing else (entry["stage"] == "entered"):
            self._must(record, replace(record.event, task=mapped))
        else:
            self._out_of_place(record, mapped)

    def _clock(self, record: Record, clock: str) -> None:
        """An act on a clock: without one that runs, there is nothing to act on."""
        id = renamed(clock, self.names)
        deadline = self.case.deadlines.get(id)
        if deadline is None or not runs(deadline):
            self._leave(record, "not_asked" if clock_of(id) in self.definition.clocks else "gone", id)
        else:
            self._must(record, replace(record.event, clock=id))

    def _if(self, record: Record, known: bool, **renaming: str) -> None:
        """What is about something that is there under the draft too, or not."""
        if not known:
            self._leave(record, "not_asked", "")
            return
        self._must(record, replace(record.event, **{k: renamed(v, self.names) for k, v in renaming.items()}))

    def _other(self, record: Record) -> None:
        """What is about a step or about the whole case: recusals, hand-overs, signals."""
        event: Any = record.event
        task = getattr(event, "task", "")
        if task:
            mapped = self._where(task)
            if mapped is None:
                self._leave(record, "not_asked", renamed(task, self.names))
                return
            event = replace(event, task=mapped)
        try:
            self._enter(record, event)
        except Refusal:
            self._leave(record, "not_asked", renamed(task, self.names))

    # --- in the course

    def _enter(self, record: Record, event: Event) -> None:
        try:
            self.course.enter(read_instant(record.at), record.by, event)
        finally:
            self._note()

    def _must(self, record: Record, event: Event) -> None:
        """Enter what the draft has to take, or say why it does not."""
        try:
            self._enter(record, event)
        except Refusal as refusal:
            element = element_of(str(getattr(event, "task", getattr(event, "clock", ""))))
            raise self._lack("refused", element, _reason(refusal), at=record.at) from refusal

    def _settle(self, at: datetime) -> None:
        try:
            self.course.settle(at)
        except Refusal as refusal:
            raise self._lack("refused", "", _reason(refusal), at=write_instant(at)) from refusal
        finally:
            self._note()
        self._check_incidents()

    def _note(self) -> None:
        for at, _, event in self.course.entries:
            self.side.note(write_instant(at), event)
        self.course.entries.clear()
        if self.course.state is not None:
            self.side.stands(self.definition, self.course.state)

    def _check_incidents(self) -> None:
        """Raise where the draft's own condition or script fails, as it did not in the recorded course."""
        for mark in self.side.marks[self.checked :]:
            if mark.key[0] == "incident" and mark.key not in self.incidents:
                raise self._lack("incident", mark.subject, mark.text, at=mark.at)
        self.checked = len(self.side.marks)

    # --- what has no place

    def _where(self, task: str) -> str | None:
        """The open (or still owed) step of the draft that the recorded one is; None for none. Of a step that
        is done for many units, the one of the same unit."""
        id = renamed(task, self.names)
        waiting = {one.id: one for one in open_tasks(self.case.marking)}
        unit = self.recorded.unit_of.get(task, "")
        host, many, _ = id.rpartition(":")
        if id in waiting and (not many or self.side.unit_of.get(id, unit) == unit):
            return id
        owed = [one for one, entry in self.case.docket.items() if owing(entry)]
        if not many:
            return id if id in owed else None
        alike = [one for one in (*waiting, *owed) if one.rpartition(":")[0] == host]
        return next((one for one in alike if self.side.unit_of.get(one, unit) == unit), None)

    def _out_of_place(self, record: Record, task: str) -> None:
        """A fact for which the draft does not ask now: left out, unless the draft waits for something else
        that nobody recorded."""
        element = element_of(task)
        if element not in self.elements:
            self._leave(record, "gone", task)
            return
        self._check_waiting(_open_in(self.facts[self.place][1], self.names))
        self._leave(record, "not_asked", task)

    def _check_waiting(self, open_then: Iterable[str], before: str = "") -> None:
        """Raise where the draft waits for a step that nobody does later and that did not wait then
        (`open_then`) in the recorded course, if it was opened before the instant `before` ("": whenever)."""
        later, signed = set(), set()
        for record, _ in self.facts[self.place :]:
            event: Any = record.event
            if isinstance(event, _COMPLETING):
                later.add(self._key(event.task, self.names, self.recorded))
            elif isinstance(event, AnswerConfirmed):
                signed.add(self._key(event.task, self.names, self.recorded))
        for one in open_tasks(self.case.marking):
            key = self._key(one.id, {}, self.side)
            if before and self.side.opened.get(one.id, "") >= before:
                continue
            entry = self.case.docket.get(one.id)
            half = entry is not None and entry["stage"] == "entered"
            if half and key not in signed and key[0] not in open_then:
                count = signatures(self.definition, entry) if entry is not None else 0
                text = say("the draft wants {count} signatures here, and nobody recorded them", count=count)
                raise self._lack("signature", one.element, text)
            if not half and key not in later and key[0] not in open_then:
                text = say("the draft asks for a step that nobody recorded")
                raise self._lack("step", one.element, text)

    @staticmethod
    def _key(task: str, names: Names, side: Side) -> tuple[str, str]:
        id = renamed(task, names)
        return visit_of(id), side.unit_of.get(task, "") if visit_of(id) != id else ""

    def _fitting(
        self, record: Record, form: Mapping[str, Any], data: dict[str, Any], element: str
    ) -> dict[str, Any]:
        """The answers without those that the draft's form does not ask for. Raises where it asks for more."""
        gone = unasked(form, data)
        if gone:
            data = {name: value for name, value in data.items() if name not in gone}
            self.left.append(Left(record.seq, record.event.type, "fields", element, gone))
        found = faults(form, data)
        if found:
            fields = list(dict.fromkeys(fault.name for fault in found))
            expected, given = found[0].expected, found[0].found
            text = say(
                "{field}: the draft expects {expected}; recorded is {found}",
                field=found[0].title,
                expected=expected,
                found=given,
            )
            raise self._lack("field", element, text, fields, record.at)
        return data

    def _leave(self, record: Record, why: Literal["gone", "not_asked", "closed"], task: str) -> None:
        self.left.append(Left(record.seq, record.event.type, why, element_of(task), []))

    def _lack(
        self, why: str, element: str, message: Text, fields: list[str] | None = None, at: str = ""
    ) -> _Unanswerable:
        at = at or (self.course.state.at if self.course.state is not None else "")
        name = self.definition.names(element) if element else {}
        return _Unanswerable(Lack(why, at, element, name, fields or [], message, self.done))

    # --- the end

    def _end(self, last: Record, closed: bool) -> None:
        """Let time pass as far as it did, and where the recorded case was closed, on by itself."""
        self.place = len(self.facts)
        self._settle(read_instant(last.at))
        if not closed:
            acted = [record.at for record, _ in self.facts]
            if not self.case.closed:
                self._check_waiting(_open_in(self.recorded.case, self.names), acted[-1] if acted else "")
            return
        while not self.case.closed:
            self._check_waiting(())
            due = next_fact_of_time(self.case, self.definition, self.now)
            if due is None:
                break
            self._settle(due[0])
        waiting = [one for one in steps(self.case, self.definition) if one.message is not None]
        if not self.case.closed and waiting:
            text = say(
                "the draft waits for {message}, which nobody recorded", message=waiting[0].message or ""
            )
            raise self._lack("message", waiting[0].node.id, text)


def _open_in(case: Case | None, names: Names) -> set[str]:
    """The visits that wait for people, in the draft's names."""
    return (
        {visit_of(renamed(one.id, names)) for one in open_tasks(case.marking)} if case is not None else set()
    )


def _reason(refusal: Refusal) -> Text:
    """Why a fact can't be, without the words of an auditor."""
    inner = refusal.__cause__
    return inner.message if isinstance(refusal, Diverged) and isinstance(inner, Refusal) else refusal.message
