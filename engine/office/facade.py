"""The office's verbs: one verb is one transaction.

An act travels as ARCHITECTURE.md shows: load the case, let time pass on it, ask whether this person may
do this step now, fold the fact and its consequences, render the documents they call for, and write it
all at once. Two people at the same instant both succeed: the later one finds the history longer than
she read it, and the act is decided again on the settled case.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from .. import audit, commands
from ..access import administrator, identify
from ..case import EVERYWHERE, Case, workdays_of
from ..clock import Overlay, Workdays, Year, read_instant, shipped, write_instant
from ..commands import Command, Scene
from ..deadlines import find
from ..definition import Definition
from ..definition.clocks import Clock
from ..errors import Conflict, Diverged, Refusal, Unknown, say
from ..events import (
    OFFICE,
    CalendarApplied,
    CalendarRevised,
    CardAnswered,
    CardContested,
    CardWithdrawn,
    CaseOpened,
    ClockStruck,
    OfficeCreated,
    OrganisationRecorded,
    Record,
    SignalSent,
    TimerFired,
    canonical,
    digest,
    parse,
)
from ..flow.marking import element_of
from ..organisation import Organisation, Person, read_register
from ..steps import find_step
from ..store import DefinitionRow, DocumentRow, Head, Reader, Store, Transaction
from ..views import form_of
from . import desk
from .damage import naming
from .draft import SYSTEM, Done, Draft, append_office, not_backwards, state_of
from .library import (
    COUNTED,
    STANDING,
    Library,
    Standing,
    find_case,
    put_calendar,
    standing,
    standing_of,
)

if TYPE_CHECKING:  # few commands need these, and they take long to import
    from .. import scaffold
    from ..conform import Columns
    from ..delivery import Delivery
    from ..replay_page import Tell
    from ..seals import Seal
    from . import bulk
    from .backtesting import Wish as Backtested
    from .exporting import Wanted
    from .migrations import Wish
    from .post import Delivered
    from .publishing import Checked
    from .receipts import Proof
    from .rehearsing import Rehearsing
    from .sealing import Sealed

MOST_TRIES = 200
"""How often an act is decided again because somebody else was faster, before it is given up."""

Result = TypeVar("Result")


class Swept(Struct, frozen=True):
    """What a sweep did: cases on which time did something, how often it did, and refusals by case."""

    cases: list[str]
    fired: int
    refused: dict[str, Refusal]


class Office:
    """An open office. Close it when done; it is a context manager."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._library = Library()
        self.database = store.label
        # What is wrong here is told when it is asked for: the rest can be verified all the same.
        self._created: OfficeCreated | None = None
        with store.reading() as reader, suppress(Diverged, *audit.SENSELESS):
            _, body, _ = next(iter(reader.records(OFFICE)), (1, b"", ""))
            event = parse(OFFICE, 1, body).event
            if isinstance(event, OfficeCreated) and ZoneInfo(event.zone):
                self._created = event

    def _begun(self) -> OfficeCreated:
        if self._created is None:
            raise Diverged(
                "office.unreadable",
                say("the office's history does not begin with its creation"),
                remedy=say("run `lianban verify`; somebody changed the database"),
            )
        return self._created

    @property
    def readable(self) -> bool:
        """Whether its history begins with its creation; else there is nothing to do in it but `verify`."""
        return self._created is not None

    @property
    def rehearsal(self) -> bool:
        """Whether it is for demos, training and tests, for ever. Raises `Diverged`."""
        return self._begun().rehearsal

    @property
    def zone(self) -> str:
        """Its time zone. Raises `Diverged`."""
        return self._begun().zone

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

        It has the shipped organisation (or the given TOML text) with its zone, and the items of `folders`,
        all of it or nothing. Raises `Invalid` when there already is an office at `url`, or an item can't be
        published.
        """
        from ..definition import builtin
        from .publishing import publishable, put_in_force

        given = organisation if organisation is not None else builtin().organisation.read_bytes()
        register = read_register(given)
        text = canonical(register.as_json())
        described = register.on(now.astimezone(ZoneInfo(register.zone)).date())
        definitions = [publishable(folder, described) for folder in folders]
        store = Store.create(url)
        with store.transaction() as tx:
            tx.put_content(digest(text), text)
            calendar = put_calendar(tx, shipped())
            begun = Standing(((write_instant(now), digest(text)),), ((write_instant(now), calendar),))
            tx.set_meta(STANDING, begun.text())
            tx.set_meta(COUNTED, write_instant(now))
            append_office(
                tx,
                now,
                [
                    OfficeCreated(True, described.zone, described.division),
                    OrganisationRecorded(digest(text)),
                    CalendarApplied(calendar),
                ],
            )
            for definition in definitions:
                put_in_force(tx, definition, now, SYSTEM)
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
        """Bring the office's database to this program's schema, and what is derived from the histories to
        this program's form; whether there was anything to do. Run again, it goes on where it was interrupted.
        """
        from . import proofs

        newer = Store.upgrade(url)
        with Office(Store.open(url)) as office, office._store.transaction() as tx:
            settled = office._settle_in(tx)
            if newer or settled:
                proofs.rebuild(tx, office._library)
            return newer or settled

    @staticmethod
    def _settle_in(tx: Transaction) -> bool:
        """What an office from before calendars, or from before changes of the organisation, lacks: what is
        in force, and the setting that says so; whether it lacked any."""
        if (text := tx.meta(STANDING)) is not None and "earlier" in json.loads(text):
            return False
        first, last = (
            parse(OFFICE, *tx.records(OFFICE)[0][:2]).at,
            parse(OFFICE, *next(tx.backwards(OFFICE))).at,
        )
        if text is not None:  # from before changes of the organisation were on record
            said = json.loads(text)
            calendars = tuple((since, calendar) for since, calendar in said["calendars"])
            tx.set_meta(STANDING, Standing(((first, said["organisation"]),), calendars).text())
            return True
        calendar = put_calendar(tx, shipped())
        append_office(tx, read_instant(last), [CalendarApplied(calendar)])
        organisation = str(tx.meta("organisation"))
        tx.set_meta(STANDING, Standing(((first, organisation),), ((last, calendar),)).text())
        tx.set_meta(COUNTED, last)
        return True

    # --- items

    def check(self, folder: Path) -> Checked:
        """The item in `folder` with its problems, checked against this office and its examples played.

        An example that does not come out as it says is an error too.
        """
        from .publishing import check_folder

        with self._store.reading() as reader:
            return check_folder(folder, self._organisation(reader))

    def new_item(self, folder: Path, wish: scaffold.Wish) -> list[str]:
        """Write a new item into `folder`, for the units and people of this office; the paths of its files.

        See `scaffold.make` for what it raises; nothing is recorded, and the item is not yet published.
        """
        from .publishing import new_item

        with self._store.reading() as reader:
            return new_item(folder, wish, self._organisation(reader))

    def rehearsing(self, folder: Path) -> Rehearsing:
        """The item in `folder`, to be rehearsed with the people of this office. Raises `NotPublishable`."""
        from .rehearsing import Rehearsing

        with self._store.reading() as reader:
            return Rehearsing(folder, self._organisation(reader))

    def publish(self, folder: Path, now: datetime, who: str | None = None) -> DefinitionRow:
        """Check the item in `folder`, play its examples, and put it in force from its effective date.

        Publishing what is the latest version already changes nothing; an earlier version becomes a new
        one, so that a bad one can be taken back. `who` goes on record, if given. Raises `NotPublishable`
        with all problems.
        """
        from .publishing import publishable, put_in_force

        with self._store.reading() as reader:
            organisation = self._organisation(reader)
            by = self._by(reader, who, now)
        definition = publishable(folder, organisation)
        with self._store.transaction() as tx:
            return put_in_force(tx, definition, now, by)

    def items(self, now: datetime) -> list[dict[str, Any]]:
        """Published versions of all items: code, names, kind, version, effective date, digest, and how each
        stands on the day of `now`, as `publishing.statuses` says."""
        from .publishing import abolitions, statuses

        day = self._day(now)
        with self._looking(None) as reader:
            found = []
            organisation = self._organisation(reader)
            rows, abolished = reader.definitions(), abolitions(reader)
            standing_of_version = statuses(rows, abolished, day)
            for row in rows:
                definition = self._library.definition(reader, row.definition)
                item, end = definition.item, abolished.get(row.item)
                openers = [person.id for person in organisation.holders(*definition.opener())]
                found.append(
                    {
                        **row._asdict(),
                        "name": item["name"],
                        "kind": item["kind"],
                        "openers": openers,
                        **standing_of_version[row.item, row.version],
                        "abolished": end._asdict() if end and row.version <= end.versions else None,
                    }
                )
            return found

    def compare(
        self, old: str, new: str | None, lang: str, translate: Callable[[str], str]
    ) -> dict[str, Any]:
        """What one item, or version of it, does differently from another, in words and as a page: see
        `authoring.compared`. Raises `Unknown`, `Undrawable`, and `NotPublishable` for a folder that has
        errors."""
        from . import authoring

        with self._store.reading() as reader:
            find = partial(authoring.find_published, reader, self._library)
            return authoring.compared(old, new, find, lang, translate)

    def conform(
        self,
        what: str,
        log: tuple[str, bytes],
        columns: Columns,
        given: Mapping[str, str],
        *,
        ended: bool,
        strict: bool,
        progress: Callable[[int, int], None],
    ) -> dict[str, Any]:
        """Replay a log of another system on a published item (`ITEM`, `ITEM@1`), a folder or a diagram: see
        `conforming.check_log`."""
        from . import authoring, conforming

        with self._store.reading() as reader:
            find = partial(authoring.find_published, reader, self._library)
            return conforming.check_log(
                what,
                find,
                log,
                columns,
                given,
                ended=ended,
                strict=strict,
                zone=self.zone,
                progress=progress,
            )

    def abolish(
        self, who: str | None, item: str, since: date | None, reason: str, now: datetime
    ) -> dict[str, Any]:
        """Open no case of the item by what is published of it from the day `since` (None: today) on, as an
        administrator; where nobody is named, it is the operator of the machine. What is on record then, and
        whether it was before. Raises `Unknown`, `Invalid`, `NotAllowed`."""

        from .publishing import abolish

        def act(tx: Transaction) -> dict[str, Any]:
            today = now.astimezone(ZoneInfo(self.zone)).date()
            found, repeated = abolish(tx, item, since or today, reason, today, now, self._by(tx, who, now))
            return {"item": item, **found._asdict(), "repeated": repeated, "open": len(tx.open_of_item(item))}

        return self._write(act)

    def backtest(
        self, wish: Backtested, now: datetime, progress: Callable[[int, int], None] = lambda step, all: None
    ) -> dict[str, Any]:
        """What recorded cases would have come to under a draft (see `office.backtesting`); nothing is
        written. Raises `Unknown`, `Invalid`, and `NotPublishable` for a draft that has errors."""
        from . import backtesting

        with self._store.reading() as reader:
            return backtesting.Backtest(reader, self._library, wish, self.zone, now).report(progress)

    def plan_migration(
        self, wish: Wish, now: datetime, progress: Callable[[int, int], None] = lambda step, all: None
    ) -> dict[str, Any]:
        """Of each open case that the wish is about, whether it could go over at `now`, and why not (see
        `office.migrations`); nothing is written. Raises `Unknown` and `Invalid`."""
        from . import migrations

        lines = []
        with self._store.reading() as reader:
            order = migrations.order(reader, wish, self._day(now), write_instant(now))
            cases = migrations.concerned(reader, order)
            for line in migrations.plan(reader, self._library, order, cases, now):
                lines.append(line)
                progress(1, len(cases))
        return migrations.told(order, "", lines)

    def migrate(
        self,
        who: str | None,
        wish: Wish,
        now: Callable[[], datetime],
        progress: Callable[[int, int], None] = lambda step, all: None,
    ) -> dict[str, Any]:
        """Take open cases of an item over to another version, or back, each in a transaction of its own, as
        an administrator with a reason; `now` tells the time as it passes. What became of each (see
        `office.migrations`). Wished again with the same words, it goes on where it was interrupted. Raises
        `Unknown`, `Invalid` and `NotAllowed` before the first."""
        from . import migrations

        def act(case: str, command: migrations.Choose) -> Done:
            return self._act(partial(self._enter, who, case, now(), command))

        at = now()
        with self._store.reading() as reader:
            organisation = self._library.organisation(reader, standing(reader), at)
            by = administrator(organisation, identify(organisation, who).id)
            migrations.check_reason(wish)
            order = migrations.order(reader, wish, self._day(at), write_instant(at))
            cases = migrations.concerned(reader, order)
            lines = []
            for line in migrations.plan(reader, self._library, order, cases, at):
                lines.append(line)
                if line["state"] == "safe":
                    break
            else:  # nothing is ordered that can't be carried out in any case
                return migrations.told(order, "", lines)
        batch = self._write(lambda tx: migrations.begin(tx, order, at, by))
        lines = []
        for case, named in cases:
            lines.append(migrations.carry_out(order, batch, case, named, act))
            progress(1, len(cases))
        return migrations.told(order, batch, lines)

    def picture(self, item: str, version: int | None, file: str | None, now: datetime) -> dict[str, Any]:
        """A diagram of a published item as SVG (`version` None: the one in force; `file` None: its own
        diagram): see `drawings.picture`. Raises `Unknown`, `Undrawable`."""
        from . import drawings

        with self._store.reading() as reader:
            row, definition = self._published(reader, item, version, now)
            return {**drawings.about(row), **drawings.picture_of(definition, file)}

    def guide(
        self, item: str, version: int | None, lang: str, translate: Callable[[str], str], now: datetime
    ) -> dict[str, Any]:
        """The service guide of a published item as an HTML page: see `drawings.guide_page`. Raises `Unknown`,
        `Undrawable`."""
        from . import drawings

        with self._store.reading() as reader:
            row, definition = self._published(reader, item, version, now)
            organisation = self._library.organisation(reader, standing(reader), now)
            return drawings.guide_page(definition, organisation, row.version, lang, translate)

    def guide_of_folder(
        self, folder: Path, lang: str, translate: Callable[[str], str], now: datetime
    ) -> dict[str, Any]:
        """The guide that the item in `folder` would have in this office. Raises `NotPublishable`."""
        from . import drawings

        with self._store.reading() as reader:
            organisation = self._library.organisation(reader, standing(reader), now)
        return drawings.guide_of_folder(folder, lang, translate, organisation)

    # --- acts

    def open_case(self, who: str | None, item: str, data: dict[str, Any], now: datetime) -> Done:
        """Open a case of `item` with the version in force on the day. Raises `Unknown`, `Invalid`,
        `NotAllowed`."""

        def act(tx: Transaction) -> Done:
            in_force = standing(tx)
            organisation = self._library.organisation(tx, in_force, now)
            person = identify(organisation, who)
            definition = self._definition_in_force(tx, item, now)
            calendar = in_force.calendar_at(now)
            opened = CaseOpened(
                definition.code, definition.digest, self.zone, calendar, organisation.closing, data
            )
            by = commands.open_case(definition, organisation, person, opened)
            year = now.astimezone(ZoneInfo(self.zone)).year
            series = f"{organisation.division}-{definition.item['serial_code']}-{year}"
            number = f"{series}-{tx.next_number(series):05d}"
            draft = Draft(tx, self._library, in_force, self.zone, number, definition, None, now)
            draft.course.enter(now, {**by, "org": draft.version}, opened)
            draft.settle(now)
            return self._written(tx, draft, now)

        return self._act(act)

    def do(self, who: str | None, case: str, task: str, data: dict[str, Any], now: datetime) -> Done:
        """Do the open step `task` of `case` with these answers; of a referral, give the department's opinion.

        Timers that are due fire first, and stay fired even if the act is then refused. Doing again what
        the same person has done with the same content succeeds and changes nothing. Raises `Unknown`,
        `Invalid`, `NotAllowed`, `Conflict`; so do all acts below.
        """
        return self.act(who, case, commands.Do(task, data), now)

    def sign(self, who: str | None, case: str, task: str, now: datetime) -> Done:
        """Sign for the receipt of a referral, or of an invitation to a meeting."""
        return self.act(who, case, commands.Sign(task), now)

    def confirm(self, who: str | None, case: str, task: str, now: datetime) -> Done:
        """Put one's name under what somebody else entered: as the department's leader, or the other
        officer."""
        return self.act(who, case, commands.Confirm(task), now)

    def give_back(self, who: str | None, case: str, task: str, reason: str, now: datetime) -> Done:
        """Send what somebody else entered back to her."""
        return self.act(who, case, commands.GiveBack(task, reason), now)

    def withdraw_department(self, who: str | None, case: str, task: str, reason: str, now: datetime) -> Done:
        """Keep a department out of a joint review, as its head."""
        return self.act(who, case, commands.Withdraw(task, reason), now)

    def recuse(self, who: str | None, case: str, task: str, reason: str, now: datetime) -> Done:
        """Say that one is not impartial in `case`; `task` ("" for none) stands still until that is
        decided."""
        return self.act(who, case, commands.Recuse(task, reason), now)

    def challenge(
        self, who: str | None, case: str, task: str, person: str, party: str, reason: str, now: datetime
    ) -> Done:
        """Put on record that `party` challenges `person`; `task` ("" for none) stands still until that is
        decided."""
        return self.act(who, case, commands.Challenge(task, person, party, reason), now)

    def decide_recusal(
        self, who: str | None, case: str, recusal: str, upheld: bool, reason: str, now: datetime
    ) -> Done:
        """Decide whether somebody keeps out of `case`."""
        return self.act(who, case, commands.DecideRecusal(recusal, upheld, reason), now)

    def hand_over(self, who: str | None, case: str, task: str, to: str, reason: str, now: datetime) -> Done:
        """Let `to` answer for the step `task` from now on; "": have the first-contact responsibility for
        the case."""
        return self.act(who, case, commands.HandOver(task, to, reason), now)

    def allow_notice(self, who: str | None, case: str, reason: str, now: datetime) -> Done:
        """Allow one more notice of what is missing, as the office that may."""
        return self.act(who, case, commands.AllowNotice(reason), now)

    def retry(
        self, who: str | None, case: str, incident: str, data: dict[str, Any], reason: str, now: datetime
    ) -> Done:
        """Have what failed at `incident` tried again, after setting the variables `data` right, as an
        administrator."""
        return self.act(who, case, commands.Retry(incident, data, reason), now)

    def pause(
        self,
        who: str | None,
        case: str,
        clock: str | None,
        ground: str,
        expected: str,
        reason: str,
        now: datetime,
    ) -> Done:
        """Stop a clock of `case` (None: the only one with this ground) for `ground`; the applicant is told
        that it takes `expected`, a term."""

        def fits(clock: Clock) -> bool:
            return ground in clock.rule.grounds and clock.follows is None

        return self._act_on_clock(
            who, case, clock, fits, lambda id: commands.Pause(id, ground, expected, reason), now
        )

    def resume(
        self, who: str | None, case: str, clock: str | None, ground: str | None, reason: str, now: datetime
    ) -> Done:
        """Let a clock run on (None: the only one; ground None: the only pause)."""

        def fits(clock: Clock) -> bool:
            return bool(clock.rule.grounds) and clock.follows is None

        return self._act_on_clock(
            who, case, clock, fits, lambda id: commands.Resume(id, ground or "", reason), now
        )

    def extend(
        self, who: str | None, case: str, clock: str | None, by: str, reason: str, now: datetime
    ) -> Done:
        """Extend a clock (None: the only one that may be) by the term `by`, as the office that the law
        names."""

        def fits(clock: Clock) -> bool:
            return clock.rule.extension is not None

        return self._act_on_clock(who, case, clock, fits, lambda id: commands.Extend(id, by, reason), now)

    def treat_card(
        self, who: str | None, case: str, act: CardAnswered | CardContested | CardWithdrawn, now: datetime
    ) -> Done:
        """Answer, contest or withdraw a card of `case`."""
        return self.act(who, case, commands.TreatCard(act), now)

    def _act_on_clock(
        self,
        who: str | None,
        case: str,
        clock: str | None,
        fits: Callable[[Clock], bool],
        command: Callable[[str], Command],
        now: datetime,
    ) -> Done:
        """An act on the clock `clock`, or on the only running one that `fits`."""

        from . import acts

        def chosen(draft: Draft, person: Person) -> Command:
            course = draft.course
            if clock is not None:
                return command(find(course.case.deadlines, course.definition.clocks, clock)[0])
            return command(acts.only_clock(course.case, course.definition, fits, person))

        return self._act(partial(self._enter, who, case, now, chosen))

    def act(self, who: str | None, case: str, command: Command, now: datetime) -> Done:
        """Do what `command` says: the verbs above are such commands."""
        return self._act(partial(self._enter, who, case, now, lambda draft, person: command))

    def try_act(self, who: str | None, case: str, command: Command, now: datetime) -> Done:
        """What `act` would do; nothing is written, not even what time did meanwhile."""
        tried: list[Done | Refusal] = []

        def act(tx: Transaction) -> None:
            tried.append(self._enter(who, case, now, lambda draft, person: command, tx))
            raise _Tried

        with suppress(_Tried):
            self._write(act)
        if isinstance(tried[-1], Refusal):
            raise tried[-1]
        return tried[-1]

    def _enter(
        self,
        who: str | None,
        case: str,
        now: datetime,
        chosen: Callable[[Draft, Person], Command],
        tx: Transaction,
    ) -> Done | Refusal:
        """Settle the case and enter the facts that this person may enter now. What the settling did stays
        even if the act is refused; who did the very same before is not refused."""
        with naming(tx, case):
            return self._entered(who, case, now, chosen, tx)

    def _entered(
        self,
        who: str | None,
        case: str,
        now: datetime,
        chosen: Callable[[Draft, Person], Command],
        tx: Transaction,
    ) -> Done | Refusal:
        from . import acts

        draft = self._draft(tx, case, now)
        person = identify(draft.organisation, who)
        course = draft.course
        not_backwards(course.case, now)
        draft.settle(now)
        command = None
        try:
            command = chosen(draft, person)
            scene = Scene(
                course.case,
                course.definition,
                draft.organisation,
                now,
                course.calendar_of,
                course.definition_of,
            )
            by, facts = commands.decide(scene, person, command)
        except Refusal as refusal:
            done = self._written(tx, draft, now)
            if command is not None and acts.was_done(draft, person, command):
                return replace(done, repeated=True)
            return refusal
        for fact in facts:
            course.enter(now, {**by, "org": draft.version}, fact)
        draft.settle(now)
        return self._written(tx, draft, now)

    def _written(self, tx: Transaction, draft: Draft, now: datetime) -> Done:
        """The act on record, and the signals it sends in the cases that wait for them."""
        done = draft.write(now)
        if any(isinstance(record.event, SignalSent) for record in done.events):
            from .signals import spread

            spread(tx, self._library, lambda case: self._reached(tx, case, now), done.events)
        return done

    # --- many at once

    def draft_plan(self, who: str | None, kind: bulk.Kind, now: datetime, lang: str) -> tuple[bytes, int]:
        """A plan file (`office.bulk`) of every open referral that `who` may sign for or answer, with names in
        `lang`, and how many there are."""
        from . import bulk

        with self._store.reading() as reader:
            return bulk.draft(reader, self._library, who, now, kind, lang, self.zone)

    def work_plan(
        self,
        who: str | None,
        kind: bulk.Kind,
        content: bytes,
        file: str,
        now: Callable[[], datetime],
        progress: Callable[[int, int], None] = lambda step, all: None,
        *,
        dry_run: bool = False,
    ) -> Iterator[bulk.Worked]:
        """Sign for or answer every line of a plan file, each in a transaction of its own (`dry_run`: only say
        what would be done): what became of each. Raises `Invalid` before the first for what is no plan, and
        `Unknown` when there is no `who`."""
        from . import bulk

        lines = bulk.read(content, file)
        bulk.check_columns(lines, self.form, file)
        self._known(who, now())

        def act(case: str, command: Command) -> tuple[str, bool, list[Record]]:
            done = (self.try_act if dry_run else self.act)(who, case, command, now())
            return done.case, done.repeated, done.events

        return bulk.work(lines, kind, self.form, act, self.zone, progress, dry_run=dry_run)

    def hand_over_all(
        self,
        who: str | None,
        to: str,
        reason: str,
        now: Callable[[], datetime],
        progress: Callable[[int, int], None] = lambda step, all: None,
    ) -> list[tuple[str, str, Refusal | None]]:
        """Let `to` answer for all that `who` answers for: each case and step ("" for the first-contact
        responsibility), with the refusal of what had to be left. Raises `Unknown` when there is no `to`."""
        from . import people

        person = self._known(who, now()).id
        self._known(to, now())
        with self._store.reading() as reader:
            held = people.in_hands(reader, person)
        found: list[tuple[str, str, Refusal | None]] = []
        for case, task in held:
            refused: Refusal | None = None
            try:
                self.hand_over(who, case, task, to, reason, now())
            except Refusal as refusal:
                refused = refusal
            found.append((case, task, refused))
            progress(1, len(held))
        return found

    def _known(self, who: str | None, now: datetime) -> Person:
        with self._store.reading() as reader:
            return identify(self._library.organisation(reader, standing(reader), now), who)

    # --- meetings

    def meetings(self, case: str, now: datetime) -> dict[str, Any]:
        """The joint meetings of a case as they stand at `now`: `{case, meetings}` (`office.conference`)."""
        from . import conference

        with self._looking(None, case) as reader:
            number, lines = conference.meetings(reader, self._library, case, now)
            return {"case": number, "meetings": lines}

    def meeting_step(
        self, who: str | None, case: str, role: str, now: datetime, meeting: str | None = None
    ) -> str:
        """The open step of a case that is the `convene`, `invite` or `hold` of its meeting. Raises
        `Invalid`."""
        from . import conference

        found = self.meetings(case, now)
        return conference.step_of(found["case"], found["meetings"], role, who, meeting)

    # --- the organisation

    def organisation(self, now: datetime, unit: str | None = None) -> dict[str, Any]:
        """The organisation as it stands at `now`, or of it the tree below `unit`, as plain data: see
        `office.people.told`. Raises `Unknown` when there is no such unit."""
        from . import people

        with self._store.reading() as reader:
            whole = people.told(self._library.organisation(reader, standing(reader), now))
        return whole if unit is None else people.below(whole, unit)

    def change_organisation(
        self, who: str | None, change: Mapping[str, Any], now: datetime
    ) -> dict[str, Any]:
        """Record a change (`engine.organisation.changes`) as an administrator, or of one's own delegations
        and interests as oneself; where nobody is named, it is the operator of the machine. What changed.
        Raises `Invalid`, `NotAllowed`, `Unknown`."""
        from . import people

        return self._write(lambda tx: people.change(tx, self._library, who, change, now))

    def plan_change(self, who: str | None, change: Mapping[str, Any], now: datetime) -> list[dict[str, Any]]:
        """What `change_organisation` would change, entry by entry (`office.bulk.differences`); nothing is
        written. Raises as that does."""
        from . import bulk, people

        found: list[list[dict[str, Any]]] = []

        def act(tx: Transaction) -> None:
            before = standing(tx).organisations[-1][1]
            people.change(tx, self._library, who, change, now)
            after = standing(tx).organisations[-1][1]
            registers = [self._library.register(tx, named).as_json() for named in (before, after)]
            found.append(bulk.differences(*registers))
            raise _Tried

        with suppress(_Tried):
            self._write(act)
        return found[-1]

    # --- time

    def sweep(self, now: datetime, progress: Callable[[int], None] = lambda count: None) -> Swept:
        """Let time pass: every timer and clock due by `now` acts at its own instant, the earliest first. One
        transaction takes one case as far as the next one that is due, so that papers are numbered as if
        somebody had always swept. A change of the calendar that did not reach every case yet reaches the
        rest first.

        Running it twice, late or from several processes changes nothing: on PostgreSQL they pass over the
        cases that others hold. A case that refuses is reported and left as it was; the others go on.
        """
        refused: dict[str, Refusal] = {}
        acted: dict[str, int] = {}

        def note(done: Done) -> None:
            count = sum(isinstance(record.event, TimerFired | ClockStruck) for record in done.events)
            if count:
                acted[done.case] = acted.get(done.case, 0) + count
            progress(1)

        self._settle_all(now, refused, note)
        return Swept(list(acted), sum(acted.values()), refused)

    def _settle_all(self, now: datetime, refused: dict[str, Refusal], note: Callable[[Done], None]) -> None:
        """Let time pass in every case; each act of it is told to `note`, each refusal kept in `refused`."""
        self._catch_up(now, refused, note)
        after = ("", "")
        while True:
            claimed: list[str] = []
            try:
                with self._store.transaction() as tx:
                    found = tx.next_due(write_instant(now), after)
                    if found is None:
                        return
                    if found[1] in refused:
                        after = found
                        continue
                    claimed.append(found[1])
                    draft = self._draft(tx, found[1], now)
                    draft.settle(_turn(found, tx.next_due(write_instant(now), found), now))
                    done = draft.write(now)
            except Conflict as conflict:
                if conflict.code != "case.moved":
                    raise
                continue  # a clerk was faster; the case may still be due
            except Refusal as refusal:
                if not claimed:
                    raise
                refused[claimed[0]] = refusal
            else:
                if not done.events:
                    refused[done.case] = _never_due(done.case)
                note(done)

    def _catch_up(self, now: datetime, refused: dict[str, Refusal], note: Callable[[Done], None]) -> None:
        """Bring every open case to the calendar in force."""
        from . import calendars

        with self._store.reading() as reader:
            since = standing(reader).changed_at(now)
            if (reader.meta(COUNTED) or "") >= since:
                return
            cases = list(calendars.open_cases(reader))
        reached = 0
        for case in cases:
            try:
                done = self._act(partial(self._settle, case, now))
            except Refusal as refusal:
                refused[case] = refusal
            else:
                reached += bool(done.events)
                note(done)
        # Who opened a case while this went on may have read what was in force before. So only a pass that
        # finds nothing to do makes an end of it.
        if not reached and not refused:
            with self._store.transaction() as tx:
                tx.set_meta(COUNTED, since)

    def deliver(
        self,
        delivery: Delivery,
        now: Callable[[], datetime],
        translate: Callable[[str], str] = lambda msgid: msgid,
    ) -> Delivered:
        """Let the reminders and cards that wait go out, in the language of `translate`; `now` tells the time
        as it passes. What can't be delivered is tried again later."""
        from .post import deliver_all

        return deliver_all(self._store, self._library, self.zone, delivery, now, translate)

    def outbox(self, *, pending: bool = False) -> list[dict[str, Any]]:
        """Reminders and cards, and how their delivery goes; those that still wait, if asked."""
        with self._looking(None) as reader:
            return [row._asdict() for row in reader.outbox(pending=pending)]

    # --- calendars

    def import_calendar(
        self,
        change: Year | Mapping[str, Mapping[date, Overlay | None]],
        note: str,
        now: datetime,
        who: str | None = None,
        *,
        instead: bool = False,
    ) -> str:
        """Put a calendar forward with a new or amended year, or with local days by unit (`*`: the whole
        county): on top of the one put forward before, or (if there is none, or `instead` of it) of the one in
        force. Its digest. Raises `Invalid`, and `Unknown` when there is no `who`."""

        from . import calendars

        def act(tx: Transaction) -> str:
            head = tx.head(OFFICE)
            by = self._by(tx, who, now)
            waiting, in_force = calendars.proposal(tx), standing(tx).calendars[-1][1]
            base = in_force if instead else waiting or in_force
            calendar = calendars.changed(self._library.calendar(tx, base), change, self._organisation(tx))
            return calendars.propose(tx, head, waiting or in_force, calendar, note, now, by)

        return self._write(act)

    def plan_calendar(self, now: datetime) -> dict[str, Any]:
        """What applying the calendar put forward would do: its digest, what it says otherwise than the one in
        force, how many cases are open, and each due date that would move. Raises `Invalid` when none is put
        forward."""
        from . import calendars

        with self._store.reading() as reader:
            in_force = standing(reader)
            calendar = calendars.chosen(calendars.proposal(reader), in_force.calendars[-1][1], None)
            changes = calendars.differences(
                self._library.calendar(reader, in_force.calendars[-1][1]),
                self._library.calendar(reader, calendar),
            )
            cases, moves = 0, []
            for _, moved in calendars.plan(reader, self._library, in_force, calendar, now):
                cases += 1
                moves += [move._asdict() for move in moved]
        return {
            "calendar": calendar,
            "in_force": in_force.calendars[-1][1],
            "changes": changes,
            "cases": cases,
            "moves": moves,
        }

    def apply_calendar(
        self,
        calendar: str,
        now: datetime,
        who: str | None = None,
        progress: Callable[[int], None] = lambda count: None,
    ) -> dict[str, Any]:
        """Count by the calendar put forward, whose digest begins with `calendar`, from `now` on, in every
        open case: its digest, how many cases it reached, and refusals by case. Run again, it goes on where it
        was interrupted; what it does not reach, the next sweep or act does, as if reached now. Raises
        `Invalid`."""

        from . import calendars

        def act(tx: Transaction) -> None:
            head = tx.head(OFFICE)
            # On PostgreSQL each question is answered as of its own moment. Asked in this order, a calendar
            # that somebody applies meanwhile is found waiting, in force, or both, but never neither.
            waiting, in_force = calendars.proposal(tx), standing(tx)
            wanted = calendars.chosen(waiting, in_force.calendars[-1][1], named)
            calendars.put_in_force(tx, head, in_force, wanted, now, self._by(tx, who, now))

        refused: dict[str, Refusal] = {}
        reached: set[str] = set()

        def note(done: Done) -> None:
            for record in done.events:
                if isinstance(record.event, CalendarRevised) and record.event.calendar == named:
                    reached.add(done.case)

        def note_progress(done: Done) -> None:
            note(done)
            progress(1)

        with self._store.reading() as reader:
            named = calendars.chosen(calendars.proposal(reader), standing(reader).calendars[-1][1], calendar)
        self._settle_all(now, refused, note)  # so that papers due before are numbered in order of time
        refused.clear()  # who refused gets the calendar all the same, or refuses again
        self._write(act)
        self._catch_up(now, refused, note_progress)
        return {"calendar": named, "cases": len(reached), "refused": refused}

    def _settle(self, case: str, now: datetime, tx: Transaction) -> Done:
        draft = self._reached(tx, case, now)
        draft.settle(draft.now)
        return self._written(tx, draft, draft.now)

    def _act(self, act: Callable[[Transaction], Done | Refusal]) -> Done:
        """Decide and write; what is written stays even if the act is refused."""
        done = self._write(act)
        if isinstance(done, Refusal):
            raise done
        return done

    def _write(self, act: Callable[[Transaction], Result]) -> Result:
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
            return done
        raise RuntimeError("the loop ends by returning or raising")

    # --- looking

    @contextmanager
    def _looking(self, as_of: datetime | None, case: str | None = None) -> Iterator[Reader]:
        """The office at present, or as it was at an instant, from its histories alone. Where `case` (None:
        what is looked at) is not as it was written, the block raises a `Diverged` that says so."""
        with self._store.reading() as reader, naming(reader, case):
            if as_of is None:
                yield reader
                return
            from .past import Past

            try:
                yield Past(reader, self._library, as_of)
            except Unknown as unknown:
                if unknown.code != "case.unknown" or case is None:
                    raise
                raise _not_opened(find_case(reader, case), as_of) from unknown

    def inbox(
        self,
        who: str | None,
        now: datetime | None = None,
        *,
        everybody: bool = False,
        unit: str | None = None,
        post: str | None = None,
        mine: bool = False,
        as_of: datetime | None = None,
    ) -> list[dict[str, Any]]:
        """The open steps that `who` may do (or all of them), those at the greatest legal risk at `now` first
        (None: each case as at its latest event): only those of a `unit` or a `post`, or those that she signed
        for (`mine`). With `as_of`, as they were at that instant."""
        with self._looking(as_of) as reader:
            lines = desk.inbox(reader, self._library, who, now, everybody=everybody, place=(unit, post))
        return [
            line
            for line in lines
            if unit in (None, line["unit"], line["standing"])
            and post in (None, line["post"])
            and (not mine or line["assignee"] == who)
        ]

    def show(
        self, case: str, now: datetime | None = None, *, as_of: datetime | None = None
    ) -> dict[str, Any]:
        """Where a case stands: what was done by whom, what is open and whose it is, what it waits for, and
        what its clocks show at `now` (None: at its latest event). With `as_of`, where it stood at that
        instant."""
        with self._looking(as_of, case) as reader:
            return desk.show(reader, self._library, case, now)

    def form(self, case: str, task: str) -> dict[str, Any]:
        """The form of a step, open or not; one without fields when it asks nothing. Raises `Unknown` for no
        case, and `Invalid` for what is no step of its item."""
        with self._looking(None, case) as reader:
            head = find_case(reader, case)
            definition = self._library.definition(reader, head.definition)
            element = element_of(task)
            if not any(element in scope.nodes for scope in definition.net.scopes.values()):
                find_step(state_of(head), definition, task)
            return form_of(definition, element)

    def opening_form(self, item: str, now: datetime) -> dict[str, Any]:
        """The form that opening a case of `item` asks for; one without fields when it asks nothing."""
        with self._store.reading() as reader:
            return self._definition_in_force(reader, item, now).start_form()

    def document(self, case: str, document: str | None) -> tuple[DocumentRow, bytes]:
        """The latest document of `case` with this id or number (None: the latest of all), and its bytes."""
        with self._looking(None, case) as reader:
            return desk.document(reader, case, document)

    def case_file(
        self,
        case: str,
        lang: str,
        translate: Callable[[str], str],
        tell: Callable[[Mapping[str, Any]], tuple[str, str]],
        now: datetime,
    ) -> dict[str, Any]:
        """All that there is of a case, as one page in `lang` (`content`, HTML): `case`, `documents` (their
        numbers), `events`, `findings` of verifying it, `seal` (the number of the one over it, or None).
        `tell` says of an event who and what. Raises `Unknown`, and `Diverged` where it can't be shown."""
        from . import filing

        with self._looking(None, case) as reader:
            return filing.case_file(reader, self._library, case, lang, translate, tell, now, self.zone)

    def explain(
        self, case: str, clock: str | None, now: datetime, *, as_of: datetime | None = None
    ) -> list[dict[str, Any]]:
        """How the due dates of a case come about at `now`, day by day: for one clock or timer, or for all.
        Each has its `lines` (texts) and its `certificate`, from which another program can recompute it.
        With `as_of`, as they stood then. Raises `Invalid` for a clock or timer that the case lacks."""
        with self._looking(as_of, case) as reader:
            return desk.explain(reader, self._library, case, clock, now)

    def workdays(self, unit: str | None, now: datetime) -> Workdays:
        """The working days of `unit` (None: of the county) by the calendar in force at `now`."""
        with self._store.reading() as reader:
            in_force = standing(reader)
            calendar = self._library.calendar(reader, in_force.calendar_at(now))
            closing = self._library.organisation(reader, in_force, now).closing
            return workdays_of(calendar, unit or EVERYWHERE, self.zone, closing)

    def accountability(
        self, case: str | None, now: datetime, *, as_of: datetime | None = None
    ) -> dict[str, Any]:
        """Whose each moment of a case was, up to `now` (case None: of every case), from its replay: see
        `accountability.report`. With `as_of`, of what had happened by then. Raises `Unknown`, and `Diverged`
        for a history that does not replay."""
        from . import proofs

        with self._looking(as_of, case) as reader:
            return proofs.accountability(reader, self._library, case, now)

    def findings(
        self, case: str | None, now: datetime, *, as_of: datetime | None = None
    ) -> list[dict[str, Any]]:
        """What somebody will have to answer for, in one case or in all, in order of time; with `as_of`, what
        was known then. Raises `Unknown`, and `Diverged` for a history that is not as it was written."""
        with self._looking(as_of, case) as reader:
            return desk.findings(reader, self._library, case, now)

    def latest(self, case: str | None) -> datetime:
        """When the last event of a case (or of `office`) took effect; of all that there is for None. Raises
        `Unknown`."""
        with self._looking(None, case) as reader:
            case = case if case in (None, OFFICE) else find_case(reader, case).case
            streams = reader.streams() if case is None else [case]
            ends = [(stream, *next(reader.backwards(stream))) for stream in streams]
            return max(read_instant(parse(*end).at) for end in ends)

    # --- proving

    def history(self, case: str, *, as_of: datetime | None = None) -> list[Record]:
        """All events of a case, in order; with `as_of`, those up to that instant. `office` names the office's
        own history."""
        from . import proofs

        with self._looking(as_of, case) as reader:
            return proofs.history(reader, case)

    def told(self, case: str, history: Sequence[Record]) -> list[dict[str, Any]]:
        """Records of `case` (or of `office`) as plain data, with what their codes are called."""
        with self._looking(None, case) as reader:
            return desk.told(reader, self._library, case, history)

    def replay(self, case: str) -> list[tuple[Record, Case]]:
        """Run the history again by its pinned definition: each event with the case after it. Raises
        `Diverged` at the first event that does not follow."""
        from . import proofs

        with self._looking(None, case) as reader:
            return list(proofs.replay(reader, self._library, find_case(reader, case).case))

    def retrace(self, case: str, to: int | datetime | None = None) -> dict[str, Any]:
        """Run the history again as far as `to` (an event's number, an instant, or None for its end): as
        `retracing.Retraced.as_data`. Raises `Unknown` and `Diverged`."""
        from .retracing import Retraced

        with self._looking(None, case) as reader:
            return Retraced(reader, self._library, case, to).as_data()

    def retraced_picture(self, case: str, to: int | datetime | None, file: str | None) -> dict[str, Any]:
        """The marking at that point on the diagram, or on the `file` of the item: as
        `retracing.Retraced.picture`. Raises `Unknown` and `Diverged`."""
        from .retracing import Retraced

        with self._looking(None, case) as reader:
            return Retraced(reader, self._library, case, to).picture(file)

    def replay_all(
        self,
        item: str | None = None,
        workers: int | None = None,
        scheduler: str | None = None,
        report: Path | None = None,
        progress: Callable[[int, int], None] = lambda step, all: None,
    ) -> dict[str, Any]:
        """Run every history of the office again (or those of one item) in other processes: as
        `replaying.replay_all`."""
        from .replaying import replay_all

        return replay_all(self._store, item, workers, scheduler, report, progress)

    def why(
        self, case: str, what: str | None, now: datetime, *, as_of: datetime | None = None
    ) -> dict[str, Any]:
        """Why something in a case is as it is, from its replay back to the opening: see `causes.why`. With
        `as_of`, as it was then. Raises `Unknown`, and `Diverged` for a history that does not replay."""
        from . import proofs

        with self._looking(as_of, case) as reader:
            return proofs.why(reader, self._library, case, what, now)

    def replay_page(
        self,
        case: str,
        now: datetime,
        lang: str,
        translate: Callable[[str], str],
        tell: Tell,
        progress: Callable[[int], None] = lambda count: None,
    ) -> dict[str, Any]:
        """The replay of a case as one HTML file in `content`, checked at `now`, with the `findings` (see
        `replay_page.page` for the rest). `tell` says each event in words. Raises `Unknown`, `Undrawable`, and
        `Diverged` for a history that does not replay: there is nothing to look at then."""
        from . import pages

        with self._looking(None, case) as reader:
            return pages.replay_page(reader, self._library, case, now, lang, translate, tell, progress)

    def export(
        self,
        wanted: Wanted,
        stream: BinaryIO,
        progress: Callable[[int], None] = lambda count: None,
        *,
        as_of: datetime | None = None,
    ) -> dict[str, Any]:
        """Write histories to `stream` as other tools read them: what was written. With `as_of`, as they
        were at that instant. Raises `Unknown` for no such item, and `Diverged` for a broken history."""
        from . import exporting

        with self._looking(as_of) as reader:
            return exporting.export(reader, self._library, wanted, stream, progress)

    def verify(
        self,
        case: str | None = None,
        progress: Callable[[int], None] = lambda count: None,
        *,
        copy: bytes | None = None,
        key: str = "",
        checked: Counter[str] | None = None,
    ) -> tuple[int, list[Diverged]]:
        """Check one case, or everything in the office: how many histories were read, and the findings.
        `checked` is told how much of what was looked at (`proofs.CHECKED`).

        `copy` is one of the seals that was exported before, `key` the public key that signed them: without
        either, who can write the database can make other seals too. Raises `Invalid` for a copy that is none.
        """
        from . import proofs

        with self._store.reading() as reader:
            return proofs.verify(reader, case, progress, copy, key, Counter() if checked is None else checked)

    def verify_export(
        self,
        stream: BinaryIO,
        progress: Callable[[int], None] = lambda count: None,
        *,
        checked: Counter[str] | None = None,
    ) -> list[Diverged]:
        """What of an export in XES that was kept elsewhere is not in the office as it was then: of each case
        the first difference, in a record or in what stands beside it. `checked` is told how many cases and
        events were compared, and how many of them without persons and answers. Raises `Invalid` for a file
        that is none."""
        from . import exporting

        with self._looking(None) as reader:
            return exporting.compare(
                reader, self._library, stream, progress, Counter() if checked is None else checked
            )

    def seal(self, now: datetime, key: bytes | None, passphrase: bytes | None, who: str | None) -> Sealed:
        """Seal all histories as they stand, signed with the private key in `key` if there is one. Where
        nothing has moved since the last seal, that one stands. Raises `Invalid`, `NotAllowed`, and `Diverged`
        where the office's own history is broken."""
        from ..seals import read_key
        from . import sealing

        signer = read_key(key, passphrase) if key is not None else None
        return self._write(lambda tx: sealing.make(tx, now, signer, self._by(tx, who, now)))

    def seals(self) -> list[Seal]:
        """Every seal, in order. Raises `Diverged` where the office's own history is broken."""
        from ..sealed import seals_of
        from . import proofs

        with self._looking(None) as reader:
            return seals_of(proofs.history(reader, OFFICE))

    def seal_copy(self) -> bytes:
        """All seals with what they seal, to be kept elsewhere. Raises `Diverged`."""
        from . import sealing

        with self._looking(None) as reader:
            return sealing.copy_of(reader)

    def receipt(self, case: str, to: int | None = None) -> Proof:
        """The receipt of a case, bound to seal `to` (None: the newest): all that happened, the definitions,
        calendars and documents it names, and the proof that it is sealed. Raises `Unknown`, `Invalid` where
        nothing of the case is sealed, and `Diverged` where it is not as it was."""
        from . import receipts

        with self._looking(None, case) as reader:
            return receipts.make_receipt(reader, self._library, case, to)

    def extract(
        self,
        case: str,
        to: int | None = None,
        show: Sequence[str] = (),
        page: tuple[str, Callable[[str], str]] | None = None,
    ) -> Proof:
        """What the public may see of a case (`engine.extracts`) and of the values at the paths in `show`,
        proven against seal `to`; with `page` (a language and its translation) as a page. Raises as
        `receipt`, and `Invalid` for a path that there is not."""
        from . import receipts

        as_page = None if page is None else (self.zone, *page)
        with self._looking(None, case) as reader:
            return receipts.make_extract(reader, self._library, case, to, show, as_page)

    def prove_seals(self, older: int, newer: int | None = None) -> Proof:
        """That from seal `older` to seal `newer` (None: the newest) the log was only added to. Raises
        `Unknown`, `Invalid`, `Diverged`."""
        from . import receipts

        with self._looking(None) as reader:
            return receipts.prove_seals(reader, older, newer)

    def rebuild(self) -> int:
        """Throw away every head and projection and derive them again from the histories alone; how many
        cases there are."""
        from . import proofs

        with self._store.transaction() as tx:
            return proofs.rebuild(tx, self._library)

    # --- inside

    def _organisation(self, reader: Reader) -> Organisation:
        return self._library.latest(reader, standing(reader))

    def _by(self, reader: Reader, who: str | None, now: datetime) -> dict[str, Any]:
        """Who goes on the office's own record for an act of administration. Raises `NotAllowed` for whoever
        is no administrator; where nobody is named, it is the operator of the machine."""
        if who is None:
            return SYSTEM
        return administrator(self._library.organisation(reader, standing(reader), now), who)

    def _day(self, now: datetime) -> str:
        return now.astimezone(ZoneInfo(self.zone)).date().isoformat()

    def _published(
        self, reader: Reader, item: str, version: int | None, now: datetime
    ) -> tuple[DefinitionRow, Definition]:
        """A version of an item (None: the one in force) and where it is listed."""
        rows = reader.definitions(item)
        if version is None or not rows:
            definition = self._definition_in_force(reader, item, now)
            return next(row for row in reversed(rows) if row.definition == definition.digest), definition
        found = next((row for row in rows if row.version == version), None)
        if found is None:
            raise Unknown(
                "item.no_version",
                say("{item} has no version {version}", item=item, version=version),
                expected=say("one of: {names}", names=", ".join(str(row.version) for row in rows)),
                found=say("{version}", version=version),
                remedy=say("see `lianban item list`"),
            )
        return found, self._library.definition(reader, found.definition)

    def _definition_in_force(self, reader: Reader, item: str, now: datetime) -> Definition:
        from .publishing import abolished, abolitions, refuse_abolished

        day = self._day(now)
        row = reader.definition_for(item, day, write_instant(now))
        if row is None:
            known = sorted({published.item for published in reader.definitions()})
            raise Unknown(
                "item.unknown",
                say("no item {item} is in force on {day}", item=item, day=day),
                expected=say("one of: {items}", items=", ".join(known) or "—"),
                found=say("{item}", item=item),
                remedy=say("see `lianban item list`; an administrator publishes items"),
            )
        end = abolished(row, abolitions(reader), day)
        if end is not None:
            raise refuse_abolished(item, end)
        return self._library.definition(reader, row.definition)

    def _draft(self, tx: Transaction, case: str, now: datetime) -> Draft:
        text, head = tx.meta_and_head(STANDING, case)
        if head is None or case == OFFICE:
            found = find_case(tx, case)
            head = tx.meta_and_head(STANDING, found.case)[1] or found
        state = state_of(head)
        definition = self._library.definition(tx, head.definition)
        in_force = standing_of(text)
        return Draft(tx, self._library, in_force, self.zone, head.case, definition, (head, state), now)

    def _reached(self, tx: Transaction, case: str, now: datetime) -> Draft:
        """An act in a case that is not left out where it has gone further than `now`, by the clock of another
        machine: it happens where the case stands then."""
        draft = self._draft(tx, case, now)
        at = max(now, read_instant(draft.course.case.at))
        return draft if at == now else self._draft(tx, case, at)


class _Tried(Exception):
    """Ends a transaction that was only to show what would happen."""


def _turn(found: tuple[str, str], following: tuple[str, str] | None, now: datetime) -> datetime:
    """How far the case `found` may go before the turn of `following`, both (due instant, case)."""
    if following is None:
        return now
    # At one instant cases take turns in the order of their numbers.
    return read_instant(following[0]) - timedelta(microseconds=following[1] < found[1])


def _not_opened(head: Head, as_of: datetime) -> Unknown:
    return Unknown(
        "case.not_opened",
        say("case {case} was not opened by then", case=head.case),
        expected=say("an instant not before {at}", at=head.opened_at),
        found=say("{at}", at=write_instant(as_of)),
        remedy=say("name a later instant; a date alone is the beginning of that day"),
    )


def _never_due(case: str) -> Diverged:
    return Diverged(
        "timer.stale",
        say("case {case} is listed with a timer that its history does not have", case=case),
        expected=say("that the list of armed timers follows from the histories"),
        remedy=say("run `lianban verify`"),
    )
