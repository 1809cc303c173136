"""The office (floor 6): one verb is one transaction. Every front end calls only this.

An act travels as ARCHITECTURE.md shows: load the case, let time pass on it, ask whether this person may
do this step now, fold the fact and its consequences, render the documents they call for, and write it
all at once. Two people at the same instant both succeed: the later one finds the history longer than
she read it, and the act is decided again on the settled case.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from . import audit
from .access import Organisation, Person, identify, permit, read_organisation
from .case import Case, Course, check_opening, decide, document_number, find_step, step_names
from .clock import OFFICE_ZONE, write_instant
from .definition import Definition, builtin, pack, read_folder, unpack
from .errors import NOTHING, Conflict, Diverged, Invalid, Problem, Refusal, Unknown, say
from .events import (
    GENESIS,
    OFFICE,
    CaseOpened,
    DefinitionPublished,
    DocumentIssued,
    Event,
    MessageReceived,
    OfficeCreated,
    OrganisationRecorded,
    Record,
    TaskCompleted,
    TimerFired,
    canonical,
    chain,
    digest,
    parse,
)
from .flow.marking import timers, variables
from .projections import changes_of, derive, head_of
from .store import Changes, DefinitionRow, DocumentRow, Head, Reader, Store, TaskRow, Transaction
from .views import (
    answer_lines,
    document_context,
    element_of,
    form_of,
    step_lines,
    story_lines,
)

MOST_TRIES = 200
"""How often an act is decided again because somebody else was faster, before it is given up."""

SWEEP_BATCH = 200
"""Cases that a sweep looks up at a time."""

SYSTEM = {"system": True}
"""Who acts when an office is set up or an item is published from the command line."""


@dataclass(frozen=True, slots=True)
class Done:
    """What an act did: the case, whether it had been done before, its events, and what is open now."""

    case: str
    repeated: bool
    events: list[Record]
    open: list[str]
    outcome: str | None


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep did: cases on which timers fired, how many fired, and refusals by case."""

    cases: list[str]
    fired: int
    refused: dict[str, Refusal]


class Office:
    """An open office. Close it when done; it is a context manager."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._definitions: dict[str, Definition] = {}
        self._organisations: dict[str, Organisation] = {}
        with store.reading() as reader:
            first = [parse(OFFICE, 1, body).event for _, body, _ in reader.records(OFFICE)[:1]]
        if not first or not isinstance(created := first[0], OfficeCreated):
            raise Diverged(
                "office.unreadable",
                say("the office's history does not begin with its creation"),
                remedy=audit.REMEDY,
            )
        self.database = store.label
        self.rehearsal = created.rehearsal
        self.zone = created.zone

    # --- setting up

    @classmethod
    def create_rehearsal(
        cls,
        url: str | None,
        now: datetime,
        organisation: bytes | None = None,
        folders: Iterable[Path] = (),
    ) -> Office:
        """A new office for demos, training and tests, for ever marked as such.

        It has the shipped organisation (or the given TOML text) and the items of `folders`, all of it or
        nothing. Raises `Invalid` when there already is an office at `url`, or an item can't be published.
        """
        text = organisation if organisation is not None else builtin().organisation.read_bytes()
        described = read_organisation(text)
        definitions = [_publishable(folder, described) for folder in folders]
        store = Store.create(url)
        with store.transaction() as tx:
            tx.put_content(digest(text), text)
            tx.set_meta("organisation", digest(text))
            _append_office(
                tx,
                now,
                [
                    OfficeCreated(True, OFFICE_ZONE, described.division),
                    OrganisationRecorded(digest(text)),
                ],
            )
            for definition in definitions:
                _put_in_force(tx, definition, now, SYSTEM)
        return cls(store)

    @classmethod
    def open(cls, url: str | None) -> Office:
        """The office at `url`. Raises `Unknown` when there is none, `Invalid` when it can't be used."""
        return cls(Store.open(url))

    def close(self) -> None:
        """Give the database connection back."""
        self._store.close()

    def __enter__(self) -> Office:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @staticmethod
    def upgrade(url: str | None) -> bool:
        """Bring the office's database to this program's schema; whether there was anything to do."""
        return Store.upgrade(url)

    # --- items

    def check(self, folder: Path) -> tuple[Definition | None, list[Problem]]:
        """The item in `folder` with its problems, checked against this office and its examples played.

        The definition is None if a problem is an error, an example that does not come out as it says
        included.
        """
        with self._store.reading() as reader:
            return check_folder(folder, self._organisation(reader))

    def publish(self, folder: Path, now: datetime, who: str | None = None) -> DefinitionRow:
        """Check the item in `folder`, play its examples, and put it in force from its effective date.

        Publishing what is the latest version already changes nothing; an earlier version becomes a new
        one, so that a bad one can be taken back. `who` goes on record, if given. Raises `NotPublishable`
        with all problems.
        """
        with self._store.reading() as reader:
            organisation = self._organisation(reader)
        by = {"person": identify(organisation, who).id} if who is not None else SYSTEM
        definition = _publishable(folder, organisation)
        with self._store.transaction() as tx:
            return _put_in_force(tx, definition, now, by)

    def items(self) -> list[dict[str, Any]]:
        """Published versions of all items: code, names, kind, version, effective date, digest."""
        with self._store.reading() as reader:
            found = []
            for row in reader.definitions():
                definition = self._definition(reader, row.definition)
                item = definition.item
                openers = [person.id for person in self._organisation(reader).holders(*definition.opener())]
                found.append(
                    {**row._asdict(), "name": item["name"], "kind": item["kind"], "openers": openers}
                )
            return found

    # --- acts

    def open_case(self, who: str | None, item: str, data: dict[str, Any], now: datetime) -> Done:
        """Open a case of `item` with the version in force on the day. Raises `Unknown`, `Invalid`,
        `NotAllowed`."""

        def act(tx: Transaction) -> Done:
            organisation = self._organisation(tx)
            person = identify(organisation, who)
            definition = self._definition_in_force(tx, item, now)
            by = permit(organisation, person, *definition.opener(), definition.title())
            check_opening(definition, data)
            year = now.astimezone(ZoneInfo(self.zone)).year
            series = f"{organisation.division}-{definition.item['serial_code']}-{year}"
            number = f"{series}-{tx.next_number(series):05d}"
            draft = _Draft(self, tx, organisation, number, definition, None)
            draft.course.enter(now, by, CaseOpened(definition.code, definition.digest, self.zone, data))
            draft.course.settle(now)
            return draft.write(now)

        return self._act(act)

    def do(self, who: str | None, case: str, task: str, data: dict[str, Any], now: datetime) -> Done:
        """Do the open step `task` of `case` with these answers.

        Timers that are due fire first, and stay fired even if the act is then refused. Doing again what
        the same person has done with the same content succeeds and changes nothing. Raises `Unknown`,
        `Invalid`, `NotAllowed`, `Conflict`.
        """

        def act(tx: Transaction) -> Done | Refusal:
            draft = self._draft(tx, case)
            organisation = draft.organisation
            person = identify(organisation, who)
            course, definition = draft.course, draft.course.definition
            _not_backwards(course.case, now)
            course.settle(now)
            try:
                target = find_step(course.case, definition, task)
                by = permit(
                    organisation, person, target.unit, target.post, definition.step_title(target.node)
                )
                fact = decide(course.case, definition, target, data)
            except Refusal as refusal:
                done = draft.write(now)
                return replace(done, repeated=True) if _did(tx, draft, task, person, data) else refusal
            course.enter(now, by, fact)
            course.settle(now)
            return draft.write(now)

        return self._act(act)

    def sweep(self, now: datetime, progress: Callable[[int], None] = lambda count: None) -> Swept:
        """Let time pass: fire every timer due by `now`, one transaction a case, each at its own instant.

        Running it twice, late or from several processes changes nothing. A case that refuses is reported
        and left as it was; the others go on.
        """
        fired: list[str] = []
        count = 0
        refused: dict[str, Refusal] = {}
        idle: set[str] = set()
        while True:
            with self._store.reading() as reader:
                due = reader.due_cases(write_instant(now), SWEEP_BATCH + len(refused))
            # Somebody else may have swept a case meanwhile, but then it is not due any more.
            refused |= {case: _never_due(case) for case in due if case in idle}
            due = [case for case in due if case not in refused]
            if not due:
                return Swept(fired, count, refused)
            for case in due:
                try:
                    done = self._act(partial(self._settle, case, now))
                except Refusal as refusal:
                    refused[case] = refusal
                else:
                    timers_fired = sum(isinstance(record.event, TimerFired) for record in done.events)
                    count += timers_fired
                    if timers_fired:
                        fired.append(case)
                    else:
                        idle.add(case)
                progress(1)

    def _settle(self, case: str, now: datetime, tx: Transaction) -> Done:
        draft = self._draft(tx, case)
        draft.course.settle(now)
        return draft.write(now)

    def _act(self, act: Callable[[Transaction], Done | Refusal]) -> Done:
        """Decide and write in one transaction; when somebody else was faster, decide again."""
        for attempt in range(MOST_TRIES):
            try:
                with self._store.transaction() as tx:
                    done = act(tx)
            except Conflict as conflict:
                if conflict.code != "case.moved" or attempt == MOST_TRIES - 1:
                    raise
                time.sleep(min(attempt, 20) / 1000)
                continue
            if isinstance(done, Refusal):
                raise done
            return done
        raise RuntimeError("the loop ends by returning or raising")

    # --- looking

    def inbox(self, who: str | None, *, everybody: bool = False) -> list[dict[str, Any]]:
        """The open steps that `who` may do (or all of them), most urgent first."""
        with self._store.reading() as reader:
            organisation = self._organisation(reader)
            posts = None if everybody else list(identify(organisation, who).posts)
            return [self._inbox_row(reader, organisation, row) for row in reader.inbox(posts)]

    def _inbox_row(self, reader: Reader, organisation: Organisation, row: TaskRow) -> dict[str, Any]:
        head = _head(reader, row.case)
        definition = self._definition(reader, head.definition)
        return {
            "case": row.case,
            "task": row.task,
            "name": definition.names(row.element),
            "item": row.item,
            "item_name": definition.item["name"],
            "unit": row.unit,
            "unit_name": organisation.units.get(row.unit, {}).get("name", {}),
            "post": row.post,
            "opened_at": row.opened_at,
            "due": row.due,
            "people": [person.id for person in organisation.holders(row.unit, row.post)],
        }

    def show(self, case: str) -> dict[str, Any]:
        """Where a case stands: what was done by whom, what is open and whose it is, what it waits for."""
        with self._store.reading() as reader:
            head = self._find(reader, case)
            number = head.case
            definition = self._definition(reader, head.definition)
            organisation = self._organisation(reader)
            state = _state(head)
            history = audit.records(number, list(reader.records(number)))
            lines = step_lines(history, state, definition, organisation)
            # A step keeps the date it was due by when the timer on it has fired: it is late, not free.
            dues = {row.task: row.due for row in reader.tasks(number)}
            for line in lines:
                if line["state"] == "open" and line["due"] is None:
                    line["due"] = dues.get(line["task"])
            return {
                "case": number,
                "item": definition.code,
                "item_name": definition.item["name"],
                "definition": head.definition,
                "status": head.status,
                "outcome": state.outcome,
                "outcome_name": definition.outcome_names(state.outcome),
                "opened_at": head.opened_at,
                "closed_at": head.closed_at,
                "steps": lines,
                "timers": [
                    {
                        "timer": timer.timer,
                        "element": timer.element,
                        "name": definition.names(timer.element),
                        "step": definition.names(element_of(timer.timer.partition("!")[0])),
                        "due": timer.due,
                    }
                    for timer in timers(definition.net, state.marking)
                ],
                "documents": [
                    {
                        **row._asdict(),
                        "name": definition.document(row.document)["name"],
                        "at": history[row.seq - 1].at,
                    }
                    for row in reader.documents(number)
                ],
                "application": answer_lines(definition.start_form(), history[0].event.payload()["data"]),
                "data": variables(state.marking),
            }

    def form(self, case: str, task: str) -> dict[str, Any]:
        """The form of a step, open or not; one without fields when it asks nothing. Raises `Unknown`."""
        with self._store.reading() as reader:
            head = self._find(reader, case)
            return form_of(self._definition(reader, head.definition), element_of(task))

    def opening_form(self, item: str, now: datetime) -> dict[str, Any]:
        """The form that opening a case of `item` asks for; one without fields when it asks nothing."""
        with self._store.reading() as reader:
            return self._definition_in_force(reader, item, now).start_form()

    def document(self, case: str, document: str | None) -> tuple[DocumentRow, bytes]:
        """The latest document of `case` with this id or number (None: the latest of all), and its bytes."""
        with self._store.reading() as reader:
            number = self._find(reader, case).case
            rows = reader.documents(number)
            for row in reversed(rows):
                if document in (None, row.document, row.number):
                    content = reader.content(row.digest)
                    if content is None or digest(content) != row.digest:
                        raise Diverged(
                            "document.differs",
                            say("document {document} is not the one that was issued", document=row.number),
                            remedy=audit.REMEDY,
                        )
                    return row, content
            raise Unknown(
                "document.unknown",
                say("case {case} has no document {document}", case=number, document=document or "—"),
                expected=say("one of: {documents}", documents=", ".join(row.document for row in rows) or "—"),
                remedy=say("documents are issued when the step that calls for them is done"),
            )

    # --- proving

    def history(self, case: str) -> list[Record]:
        """All events of a case, in order. `office` names the office's own history."""
        with self._store.reading() as reader:
            number = case if case == OFFICE else self._find(reader, case).case
            return audit.records(number, list(reader.records(number)))

    def told(self, case: str, history: Sequence[Record]) -> list[dict[str, Any]]:
        """Records of `case` (or of `office`) as plain data, with what their codes are called."""
        with self._store.reading() as reader:
            organisation = self._organisation(reader)
            if case == OFFICE:
                return story_lines(history, None, organisation)
            definition = self._find(reader, case).definition
            return story_lines(history, self._definition(reader, definition), organisation)

    def replay(self, case: str) -> list[tuple[Record, Case]]:
        """Run the history again by its pinned definition: each event with the case after it. Raises
        `Diverged` at the first event that does not follow."""
        with self._store.reading() as reader:
            number = self._find(reader, case).case
            history = audit.records(number, list(reader.records(number)))
            return list(audit.replay(number, history, partial(self._definition, reader)))

    def verify(
        self, case: str | None = None, progress: Callable[[int], None] = lambda count: None
    ) -> tuple[int, list[Diverged]]:
        """Check one case, or everything in the office: how many histories were read, and the findings."""
        findings: list[Diverged] = []
        issued: list[str] = []
        with self._store.reading() as reader:
            try:
                organisation = self._organisation(reader)
            except Refusal:
                organisation = None  # what is wrong with it, the office's own history tells
            # Not those in memory: what is to be checked is what the database holds.
            definition_of = cache(partial(self._load_definition, reader))
            numbers = [self._find(reader, case).case] if case is not None else list(reader.streams())
            for number in numbers:
                rows = reader.records(number)
                head = reader.head(number)
                if number == OFFICE:
                    findings += audit.verify_office(
                        rows,
                        head,
                        reader.definitions(),
                        reader.meta("organisation"),
                        definition_of,
                        reader.content,
                    )
                else:
                    documents = reader.documents(number)
                    kept = audit.Kept(head, reader.tasks(number), reader.timers(number), documents)
                    findings += audit.verify_case(
                        number, rows, kept, definition_of, reader.content, organisation
                    )
                    issued += [row.number for row in documents]
                progress(1)
            if case is None:
                findings += audit.verify_numbers(numbers, issued, reader.numbers())
        return len(numbers), findings

    def rebuild(self) -> int:
        """Throw away every head and projection and derive them again from the histories alone; how many
        cases there are."""
        with self._store.transaction() as tx:
            tx.drop_projections()
            numbers = list(tx.streams())
            definition_of = partial(self._definition, tx)
            for number in numbers:
                history = audit.records(number, tx.records(number))
                if number == OFFICE:
                    tx.rebuild(_office_head(history[-1]), (), ())
                else:
                    head, lists = derive(audit.replay(number, history, definition_of), definition_of)
                    tx.rebuild(head, lists.opened, lists.armed)
            return len(numbers) - 1

    # --- inside

    def _organisation(self, reader: Reader) -> Organisation:
        return self._organisation_named(reader, reader.meta("organisation"))

    def _organisation_named(self, reader: Reader, named: str | None) -> Organisation:
        if named is None:
            raise Diverged(
                "organisation.missing", say("the office has no organisation on record"), remedy=audit.REMEDY
            )
        if named not in self._organisations:
            content = reader.content(named)
            if content is None or digest(content) != named:
                raise Diverged(
                    "organisation.differs",
                    say("the organisation on record is missing or changed"),
                    remedy=audit.REMEDY,
                )
            self._organisations[named] = read_organisation(content)
        return self._organisations[named]

    def _definition(self, reader: Reader, named: str) -> Definition:
        if named not in self._definitions:
            self._definitions[named] = self._load_definition(reader, named)
        return self._definitions[named]

    def _load_definition(self, reader: Reader, named: str) -> Definition:
        packed = reader.content(named)
        if packed is None:
            raise Diverged(
                "definition.missing",
                say("definition {definition} is not in the database", definition=named[:12]),
                remedy=audit.REMEDY,
            )
        definition = unpack(packed)
        if definition.digest != named:
            raise Diverged(
                "definition.differs",
                say("definition {definition} is not what was published", definition=named[:12]),
                remedy=audit.REMEDY,
            )
        return definition

    def _definition_in_force(self, reader: Reader, item: str, now: datetime) -> Definition:
        day = now.astimezone(ZoneInfo(self.zone)).date().isoformat()
        row = reader.definition_for(item, day)
        if row is None:
            known = sorted({published.item for published in reader.definitions()})
            raise Unknown(
                "item.unknown",
                say("no item {item} is in force on {day}", item=item, day=day),
                expected=say("one of: {items}", items=", ".join(known) or "—"),
                found=say("{item}", item=item),
                remedy=say("see `lianban item list`; an administrator publishes items"),
            )
        return self._definition(reader, row.definition)

    def _find(self, reader: Reader, case: str) -> Head:
        """Where a case stands, found by its number or the end of it."""
        if case != OFFICE and (head := reader.head(case)) is not None:
            return head
        found = reader.find_cases(case)
        if len(found) == 1:
            return _head(reader, found[0])
        if found:
            raise Invalid(
                "case.ambiguous",
                say("several cases end with {case}", case=case),
                expected=say("one of: {cases}", cases=", ".join(found[:10])),
                remedy=say("type more of the number"),
            )
        raise Unknown(
            "case.unknown",
            say("there is no case {case}", case=case),
            expected=say("a case number, or the last digits of one"),
            found=say("{case}", case=case),
            remedy=say("look for it with `lianban inbox --all`"),
        )

    def _draft(self, tx: Transaction, case: str) -> _Draft:
        named, head = tx.meta_and_head("organisation", case)
        organisation = self._organisation_named(tx, named)
        if head is None or case == OFFICE:
            found = self._find(tx, case)
            head = tx.meta_and_head("organisation", found.case)[1] or found
        state = _state(head)
        definition = self._definition(tx, head.definition)
        return _Draft(self, tx, organisation, head.case, definition, (head, state))


def check_folder(
    folder: Path, organisation: Organisation | None = None
) -> tuple[Definition | None, list[Problem]]:
    """`Office.check` where there is no office: against the shipped organisation."""
    from .documents import check
    from .examples import play_all

    organisation = organisation or read_organisation(builtin().organisation.read_bytes())
    definition, problems = read_folder(folder, organisation=organisation)
    if definition is not None:
        for described in definition.item.get("documents", {}).values():
            problems += check(definition.templates, described["template"])
    if definition is not None and not _errors(problems):
        problems += play_all(definition, organisation)
    return None if _errors(problems) else definition, problems


def _errors(problems: Iterable[Problem]) -> list[Problem]:
    return [problem for problem in problems if problem.severity == "error"]


def _publishable(folder: Path, organisation: Organisation) -> Definition:
    definition, problems = check_folder(folder, organisation)
    if definition is None:
        raise NotPublishable(folder.name, _errors(problems))
    return definition


def _put_in_force(
    tx: Transaction, definition: Definition, now: datetime, by: dict[str, Any]
) -> DefinitionRow:
    rows = tx.definitions(definition.code)
    if rows and rows[-1].definition == definition.digest:
        return rows[-1]
    row = DefinitionRow(
        item=definition.code,
        version=len(rows) + 1,
        definition=definition.digest,
        net=digest(definition.net_bytes),
        effective=definition.effective,
        published_at=write_instant(now),
    )
    tx.put_content(definition.digest, pack(definition))
    tx.add_definition(row)
    _append_office(tx, now, [DefinitionPublished(row.item, row.definition, row.net, row.effective)], by)
    return row


class NotPublishable(Invalid):
    """The definition has errors; `problems` lists all of them."""

    def __init__(self, item: str, problems: list[Problem]) -> None:
        super().__init__(
            "definition.problems",
            say("{item} can't be published: {count} problems", item=item, count=len(problems)),
            expected=say("a definition without errors"),
            found=say("{first}", first=problems[0].message if problems else NOTHING),
            remedy=say("see all of them with `lianban item check {item}`", item=item),
        )
        self.problems = problems


class _Draft:
    """One act before it is written: its course, and the documents it issues."""

    def __init__(
        self,
        office: Office,
        tx: Transaction,
        organisation: Organisation,
        number: str,
        definition: Definition,
        before: tuple[Head, Case] | None,
    ) -> None:
        self.office = office
        self.tx = tx
        self.organisation = organisation
        self.number = number
        self.head = before[0] if before else None
        self.course = Course(number, before[1] if before else None, definition, self.issue)
        self.documents: list[bytes] = []

    def issue(
        self, course: Course, at: datetime, by: dict[str, Any], event: DocumentIssued
    ) -> DocumentIssued:
        """Number the document and render it; the number is given back if the act fails."""
        from .documents import render

        local = at.astimezone(ZoneInfo(self.office.zone))
        definition = course.definition
        described = definition.item["documents"][event.document]
        serial = self.tx.next_number(f"{described['series']}/{local.year}")
        number = document_number(described["series"], local.year, serial)
        context = document_context(course, self.organisation, at, by, event, number, self.office.zone)
        content = render(definition.templates, described["template"], context)
        issued = replace(event, number=number, content=digest(content))
        self.documents.append(content)
        return issued

    def write(self, now: datetime) -> Done:
        """Put the act on record, whole. An act in which nothing happened writes nothing."""
        case = self.course.case
        if self.course.entries:
            before = (self.head.seq, self.head.hash) if self.head else (0, GENESIS)
            records = chain(self.number, *before, now, self.course.entries)
            changes = changes_of(case, records, self.course.dues, self.filed(records))
            self.tx.append(head_of(case, records[-1]), records, changes)
        else:
            records = []
        return Done(
            case=self.number,
            repeated=False,
            events=records,
            open=step_names(case, self.course.definition),
            outcome=case.outcome,
        )

    def filed(self, records: Sequence[Record]) -> list[tuple[DocumentRow, bytes]]:
        """The rendered documents under the events that issued them."""
        issued = [record for record in records if isinstance(record.event, DocumentIssued)]
        rows = []
        for record, content in zip(issued, self.documents, strict=True):
            event: Any = record.event
            name = self.course.definition.item["documents"][event.document]["name"]["zh"]
            rows.append(
                (
                    DocumentRow(
                        self.number,
                        record.seq,
                        event.document,
                        event.number,
                        name,
                        event.content,
                        "text/html",
                    ),
                    content,
                )
            )
        return rows


def _head(reader: Reader, number: str) -> Head:
    head = reader.head(number)
    if head is None:
        raise Diverged(
            "head.missing",
            say("case {case} has a history but no head", case=number),
            remedy=audit.REMEDY,
        )
    return head


def _never_due(case: str) -> Diverged:
    return Diverged(
        "timer.stale",
        say("case {case} is listed with a timer that its history does not have", case=case),
        expected=say("that the list of armed timers follows from the histories"),
        remedy=say("run `lianban verify`"),
    )


def _office_head(last: Record) -> Head:
    return Head(OFFICE, last.seq, last.hash, canonical({}), "", "", "open", last.at)


def _state(head: Head) -> Case:
    """The case that a head's state holds. Raises `Diverged` when it holds none."""
    try:
        return Case.from_json(json.loads(head.state))
    except (ValueError, TypeError) as error:
        raise Diverged(
            "head.unreadable",
            say("the stored state of case {case} can't be read", case=head.case),
            found=say("{error}", error=repr(error)),
            remedy=audit.REMEDY,
        ) from error


def _append_office(
    tx: Transaction, now: datetime, events: Sequence[Event], by: dict[str, Any] = SYSTEM
) -> None:
    head = tx.head(OFFICE)
    before = (head.seq, head.hash) if head else (0, GENESIS)
    records = chain(OFFICE, *before, now, [(now, by, event) for event in events])
    tx.append(_office_head(records[-1]), records, Changes())


def _not_backwards(case: Case, now: datetime) -> None:
    if write_instant(now) < case.at:
        raise Invalid(
            "clock.backwards",
            say("the case has gone further than {now}", now=write_instant(now)),
            expected=say("an instant not before {at}, its latest event", at=case.at),
            found=say("{now}", now=write_instant(now)),
            rule=say("a history is written in the order of time"),
            remedy=say("check --now, or the clock of this machine"),
        )


def _did(tx: Transaction, draft: _Draft, task: str, person: Person, data: dict[str, Any]) -> bool:
    """Whether the latest doing of `task` was by this person with this content."""
    net = draft.course.definition.net
    catchers = (scope.nodes[task] for scope in net.scopes.values() if task in scope.nodes)
    caught = {node.event.name for node in catchers if node.event and node.event.kind == "message"}
    for seq, body in tx.backwards(draft.number):
        event = (record := parse(draft.number, seq, body)).event
        match event:
            case TaskCompleted(task=name, data=entered) if name == task:
                return record.by.get("person") == person.id and entered == data
            case MessageReceived(name=name, data=entered) if name in caught:
                return record.by.get("person") == person.id and entered == data
    return False
