"""A deadline as a ledger: the law's rule for a clock, what happened to it, and what follows.

The `Rule` comes from the item; the `Ledger` holds the facts (start, pauses, extensions, restarts, stop);
`read` derives due date, what is used up and what is left, for any moment. Nothing derived is kept in
the ledger, so a calendar that changes moves the due date and not the record. All functions are pure:
an act gives a new ledger or raises `Invalid` with the article that forbids it.

Conventions, each of which a reader can follow by hand:
- a day is used up when the office closes, the day on which a pause begins from that moment on;
- `used` + `left` = the rule's term + extensions, always, in the clock's own whole units;
- a restart begins the term anew: earlier pauses and extensions stay on record and count no more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Literal, NoReturn

from msgspec import Struct
from msgspec.structs import replace

from ..errors import Invalid, Text, say, titled
from .calendar import Day
from .instants import read_instant, write_instant
from .terms import Count, Due, Standstill, Term, Workdays, amount, count, due, parse_term, standstills

Tier = Literal["statutory", "promised", "step"]
EffectKind = Literal[
    "flag",
    "deemed_acceptance",
    "deemed_consent",
    "deemed_renewal",
    "deemed_withdrawal",
    "deemed_refusal",
    "route",
]

CERTIFICATE = "lianban.clock/1"
"""The format of a clock's certificate."""

TERM_CERTIFICATE = "lianban.term/1"
"""The format of a certificate of a term that nothing interrupts."""


# --- the rule


class Basis(Struct, frozen=True):
    """The article of a law; both as the item's author writes them."""

    law: str
    article: str

    def text(self) -> Text:
        """Law and article."""
        return say("{law} {article}", law=self.law, article=self.article)

    def as_json(self) -> dict[str, str]:
        """`{law, article}`."""
        return {"law": self.law, "article": self.article}


class Ground(Struct, frozen=True):
    """A ground on which a clock may be paused, with its name and its article."""

    zh: str
    en: str
    basis: Basis

    def as_json(self) -> dict[str, Any]:
        """`{zh, en, basis}`."""
        return {"zh": self.zh, "en": self.en, "basis": self.basis.as_json()}


LICENSING_LAW = "中华人民共和国行政许可法"
_ART_45 = Basis(LICENSING_LAW, "第四十五条")

LICENSING_GROUNDS: Mapping[str, Ground] = {
    "hearing": Ground("听证", "hearing", _ART_45),
    "tender": Ground("招标", "tender", _ART_45),
    "auction": Ground("拍卖", "auction", _ART_45),
    "inspection": Ground("检验", "inspection", _ART_45),
    "testing": Ground("检测", "testing", _ART_45),
    "quarantine": Ground("检疫", "quarantine", _ART_45),
    "appraisal": Ground("鉴定", "appraisal", _ART_45),
    "expert-review": Ground("专家评审", "expert review", _ART_45),
}
"""The closed list of Administrative Licensing Law art. 45: no other ground pauses a licensing clock."""


class Extension(Struct, frozen=True):
    """What the law allows: at most `up_to`, granted by `approver` (a role), at most `times` times."""

    up_to: Term
    approver: str
    basis: Basis
    times: int = 1


class Restart(Struct, frozen=True):
    """The law lets the term begin anew (Open Government Information Regulations art. 30)."""

    basis: Basis
    times: int = 1


class Rung(Struct, frozen=True):
    """A step of the ladder, in the clock's own units.

    Reached when what is left is at most the larger of `left` units and `percent` of the whole, or, with
    `over`, when the clock has run out (0) or is exceeded by that many units. A rung with `card` raises a
    card under its name, which is answered for; any other is a reminder.
    """

    name: str
    left: int | None = None
    percent: int | None = None
    over: int | None = None
    card: bool = False

    def as_json(self) -> dict[str, Any]:
        """`{name, left?, percent?, over?, card?}`; `card` only where it is true."""
        fields = {
            "name": self.name,
            "left": self.left,
            "percent": self.percent,
            "over": self.over,
            "card": self.card or None,
        }
        return {key: value for key, value in fields.items() if value is not None}


LADDERS: Mapping[Tier, tuple[Rung, ...]] = {
    "statutory": (Rung("reminder", left=1, percent=20), Rung("red", over=0, card=True)),
    "promised": (Rung("reminder", left=1, percent=20), Rung("yellow", over=0, card=True)),
    "step": (Rung("reminder", left=1, percent=20), Rung("yellow", over=0, card=True)),
}
"""The ladders of a place that sets none; colours differ from place to place."""


class Effect(Struct, frozen=True):
    """What silence means when the clock runs out. Only a flag needs no legal basis; `to` is where
    `route` leads."""

    kind: EffectKind
    basis: Basis | None = None
    to: str = ""


class Rule(Struct, frozen=True):
    """A clock of an item: its term, the event that starts it, and all that may happen to it."""

    id: str
    tier: Tier
    term: Term
    starts: str
    basis: Basis
    grounds: Mapping[str, Ground]
    extension: Extension | None
    restart: Restart | None
    ladder: tuple[Rung, ...]
    effect: Effect

    def __post_init__(self) -> None:
        if self.extension and self.extension.up_to.unit != self.term.unit:
            raise Invalid(
                "clock.rule",
                say("The clock {clock} is extended in another unit than it counts in.", clock=self.id),
                expected=amount(self.extension.up_to.n, self.term.unit),
                found=self.extension.up_to.text(),
            )
        if self.effect.kind != "flag" and self.effect.basis is None:
            raise Invalid(
                "clock.rule",
                say("The effect of the clock {clock} has no legal basis.", clock=self.id),
                rule=say("Silence has an effect only where a law or a published policy gives it one."),
            )
        if self.effect.kind == "route" and not self.effect.to:
            raise Invalid("clock.rule", say("The clock {clock} routes to nowhere.", clock=self.id))
        for rung in self.ladder:
            if (rung.over is None) == (rung.left is None and rung.percent is None):
                raise Invalid(
                    "clock.rule",
                    say(
                        "The rung {rung} of the clock {clock} has no condition.",
                        rung=rung.name,
                        clock=self.id,
                    ),
                    expected=say("left or percent, or else over"),
                )

    def as_json(self) -> dict[str, Any]:
        """Plain data with the field names of these classes; a term is text (`20wd`)."""
        extension, restart, effect = self.extension, self.restart, self.effect
        return {
            "id": self.id,
            "tier": self.tier,
            "term": str(self.term),
            "starts": self.starts,
            "basis": self.basis.as_json(),
            "grounds": {key: ground.as_json() for key, ground in self.grounds.items()},
            "extension": extension
            and {
                "up_to": str(extension.up_to),
                "approver": extension.approver,
                "basis": extension.basis.as_json(),
                "times": extension.times,
            },
            "restart": restart and {"basis": restart.basis.as_json(), "times": restart.times},
            "ladder": [rung.as_json() for rung in self.ladder],
            "effect": {
                "kind": effect.kind,
                "basis": effect.basis.as_json() if effect.basis else None,
                "to": effect.to,
            },
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Rule:
        """The inverse of `as_json`; what may be absent: grounds, extension, restart, ladder (the tier's
        own), effect (a flag), and `times`, `to`, `basis` in them. Raises `Invalid` for a rule that
        cannot be; the shape is the caller's to have checked (KeyError, TypeError)."""
        extension, restart, effect = value.get("extension"), value.get("restart"), value.get("effect", {})
        return cls(
            value["id"],
            value["tier"],
            parse_term(value["term"]),
            value["starts"],
            Basis(**value["basis"]),
            {
                key: Ground(ground["zh"], ground["en"], Basis(**ground["basis"]))
                for key, ground in value.get("grounds", {}).items()
            },
            Extension(
                parse_term(extension["up_to"]),
                extension["approver"],
                Basis(**extension["basis"]),
                extension.get("times", 1),
            )
            if extension
            else None,
            Restart(Basis(**restart["basis"]), restart.get("times", 1)) if restart else None,
            tuple(Rung(**rung) for rung in value["ladder"]) if "ladder" in value else LADDERS[value["tier"]],
            Effect(
                effect.get("kind", "flag"),
                Basis(**effect["basis"]) if effect.get("basis") else None,
                effect.get("to", ""),
            ),
        )


# --- what happened


class Pause(Struct, frozen=True):
    """The clock stands still for `ground` from `since` to `until` (None: still); `expected` is the time
    the applicant was told, `document` the number of the written notice."""

    ground: str
    since: datetime
    until: datetime | None
    expected: Term
    document: str


class Extended(Struct, frozen=True):
    """An extension granted at `at` by a holder of `approver`."""

    at: datetime
    by: Term
    approver: str
    reason: str
    document: str


class Run(Struct, frozen=True):
    """One running of the term from its start; `reason` says why it began anew."""

    started: datetime
    reason: str = ""
    pauses: tuple[Pause, ...] = ()
    extensions: tuple[Extended, ...] = ()


class Ledger(Struct, frozen=True):
    """A clock's record: its runs (the last is the present one) and when it was stopped."""

    runs: tuple[Run, ...]
    stopped: datetime | None = None

    @property
    def run(self) -> Run:
        """The present run."""
        return self.runs[-1]

    def as_json(self) -> dict[str, Any]:
        """`{runs: [{started, reason, pauses, extensions}], stopped}`; instants in UTC, terms as text."""
        return {
            "runs": [
                {
                    "started": write_instant(run.started),
                    "reason": run.reason,
                    "pauses": [
                        {
                            "ground": pause.ground,
                            "since": write_instant(pause.since),
                            "until": pause.until and write_instant(pause.until),
                            "expected": str(pause.expected),
                            "document": pause.document,
                        }
                        for pause in run.pauses
                    ],
                    "extensions": [
                        {
                            "at": write_instant(extended.at),
                            "by": str(extended.by),
                            "approver": extended.approver,
                            "reason": extended.reason,
                            "document": extended.document,
                        }
                        for extended in run.extensions
                    ],
                }
                for run in self.runs
            ],
            "stopped": self.stopped and write_instant(self.stopped),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Ledger:
        """The inverse of `as_json`."""
        return cls(
            tuple(
                Run(
                    read_instant(run["started"]),
                    run["reason"],
                    tuple(
                        Pause(
                            pause["ground"],
                            read_instant(pause["since"]),
                            read_instant(pause["until"]) if pause["until"] else None,
                            parse_term(pause["expected"]),
                            pause["document"],
                        )
                        for pause in run["pauses"]
                    ),
                    tuple(
                        Extended(
                            read_instant(extended["at"]),
                            parse_term(extended["by"]),
                            extended["approver"],
                            extended["reason"],
                            extended["document"],
                        )
                        for extended in run["extensions"]
                    ),
                )
                for run in value["runs"]
            ),
            read_instant(value["stopped"]) if value["stopped"] else None,
        )


# --- the acts


def start(at: datetime) -> Ledger:
    """A clock started at `at`, which may lie in the past: who is deemed accepted is so as of receipt."""
    return Ledger((Run(at),))


def pause(
    rule: Rule,
    ledger: Ledger,
    workdays: Workdays,
    *,
    at: datetime,
    ground: str,
    expected: Term,
    document: str = "",
) -> Ledger:
    """The clock paused for `ground`. Refused for a ground outside the rule's list, for one that already
    pauses it, and for a clock that is stopped or has run out."""
    if ground not in rule.grounds:
        raise Invalid(
            "clock.ground",
            say("The clock {clock} cannot be paused for {ground}.", clock=rule.id, ground=ground),
            expected=_listed(rule.grounds),
            found=say("{ground}", ground=ground),
            rule=_bases(rule),
            remedy=say("Choose a ground of the law, or let the clock run."),
        )
    _running(rule, ledger, workdays, at)
    if _open(ledger.run, ground) is not None:
        raise Invalid(
            "clock.already_paused",
            say(
                "The clock {clock} is already paused for {ground}.", clock=rule.id, ground=_name(rule, ground)
            ),
            rule=rule.grounds[ground].basis.text(),
            remedy=say("Resume it first, or pause it on another ground."),
        )
    return _change(ledger, pauses=(*ledger.run.pauses, Pause(ground, at, None, expected, document)))


def resume(rule: Rule, ledger: Ledger, *, at: datetime, ground: str) -> Ledger:
    """The pause for `ground` ended at `at`; pauses on other grounds go on."""
    _not_stopped(rule, ledger)
    index = _open(ledger.run, ground)
    if index is None:
        raise Invalid(
            "clock.not_paused",
            say("The clock {clock} is not paused for {ground}.", clock=rule.id, ground=_name(rule, ground)),
            remedy=say("look at the clocks of the case with `lianban show`"),
        )
    pauses = list(ledger.run.pauses)
    _not_before(rule, pauses[index].since, at)
    pauses[index] = replace(pauses[index], until=at)
    return _change(ledger, pauses=tuple(pauses))


def extend(
    rule: Rule,
    ledger: Ledger,
    workdays: Workdays,
    *,
    at: datetime,
    by: Term,
    approver: str,
    reason: str,
    document: str = "",
) -> Ledger:
    """The term extended. Refused when the law allows none, for another approver, for more than it allows,
    a time too many, without a reason, and once the term has run out (Licensing Law art. 42)."""
    allowed = rule.extension
    if allowed is None:
        raise Invalid(
            "clock.no_extension",
            say("The clock {clock} cannot be extended.", clock=rule.id),
            rule=rule.basis.text(),
            remedy=say("Do what it waits for by the due date."),
        )
    law = allowed.basis.text()
    _running(rule, ledger, workdays, at, law)
    if approver != allowed.approver:
        raise Invalid(
            "clock.approver",
            say("The clock {clock} is extended by another office.", clock=rule.id),
            expected=say("{role}", role=allowed.approver),
            found=say("{role}", role=approver),
            rule=law,
        )
    if len(ledger.run.extensions) >= allowed.times:
        raise Invalid(
            "clock.extended_before",
            say("The clock {clock} cannot be extended again.", clock=rule.id),
            expected=say("at most {times} extensions", times=allowed.times),
            found=say("{times} already granted", times=len(ledger.run.extensions)),
            rule=law,
            remedy=say("Do what it waits for by the due date."),
        )
    if by.unit != allowed.up_to.unit or by.n > allowed.up_to.n:
        raise Invalid(
            "clock.extension_too_long",
            say("The clock {clock} cannot be extended by that much.", clock=rule.id),
            expected=say("at most {term}", term=allowed.up_to.text()),
            found=by.text(),
            rule=law,
            remedy=say("Ask for less, in the unit that the clock counts in."),
        )
    if not reason.strip():
        raise Invalid(
            "clock.no_reason",
            say("An extension needs a reason: the applicant is told it."),
            rule=law,
            remedy=say("add --reason"),
        )
    granted = Extended(at, by, approver, reason, document)
    return _change(ledger, extensions=(*ledger.run.extensions, granted))


def restart(rule: Rule, ledger: Ledger, workdays: Workdays, *, at: datetime, reason: str) -> Ledger:
    """The term begun anew at `at`; a pause that still lasts ends there. Refused when the law knows no
    restart, a time too many, and once the term has run out."""
    if rule.restart is None:
        raise Invalid(
            "clock.no_restart",
            say("The clock {clock} cannot begin anew.", clock=rule.id),
            rule=rule.basis.text(),
        )
    law = rule.restart.basis.text()
    _running(rule, ledger, workdays, at, law)
    if len(ledger.runs) > rule.restart.times:
        raise Invalid(
            "clock.restarted_before",
            say("The clock {clock} cannot begin anew again.", clock=rule.id),
            expected=say("at most {times} restarts", times=rule.restart.times),
            rule=law,
        )
    closed = _unpaused(ledger, at)
    return replace(closed, runs=(*closed.runs, Run(at, reason)))


def stop(rule: Rule, ledger: Ledger, *, at: datetime) -> Ledger:
    """The clock stopped for good, in time or late; a pause that still lasts ends there."""
    _not_stopped(rule, ledger)
    _not_before(rule, ledger.run.started, at)
    return replace(_unpaused(ledger, at), stopped=at)


def _unpaused(ledger: Ledger, at: datetime) -> Ledger:
    ended = tuple(replace(pause, until=pause.until or at) for pause in ledger.run.pauses)
    return _change(ledger, pauses=ended)


def _change(ledger: Ledger, **fields: Any) -> Ledger:
    return replace(ledger, runs=(*ledger.runs[:-1], replace(ledger.run, **fields)))


def _open(run: Run, ground: str) -> int | None:
    """The place of the pause for `ground` that still lasts."""
    lasting = (i for i, pause in enumerate(run.pauses) if pause.ground == ground and pause.until is None)
    return next(lasting, None)


def _running(rule: Rule, ledger: Ledger, workdays: Workdays, at: datetime, law: Text | None = None) -> None:
    """Refuse what is no use on a clock that is stopped or has run out, or before it started."""
    _not_stopped(rule, ledger)
    _not_before(rule, ledger.run.started, at)
    end = tally(rule, ledger, workdays).due
    if end and end.at <= at:
        refuse_expired(rule, end.at, at, workdays, law)


def refuse_expired(
    rule: Rule, end: datetime, at: datetime, workdays: Workdays, law: Text | None = None
) -> NoReturn:
    """Refuse an act at `at` on a clock that ran out at `end`."""
    raise Invalid(
        "clock.expired",
        say("The clock {clock} ran out before this act.", clock=rule.id),
        expected=say("an act before {due}", due=_wall(end, workdays)),
        found=say("{at}", at=_wall(at, workdays)),
        rule=law or rule.basis.text(),
        remedy=say("Nothing stops or moves it any more: do what it waits for."),
    )


def _not_stopped(rule: Rule, ledger: Ledger) -> None:
    if ledger.stopped:
        raise Invalid(
            "clock.stopped",
            say("The clock {clock} is stopped.", clock=rule.id),
            rule=rule.basis.text(),
            remedy=say("look at the clocks of the case with `lianban show`"),
        )


def _not_before(rule: Rule, earliest: datetime, at: datetime) -> None:
    if at < earliest:
        raise Invalid(
            "clock.order",
            say("This act on the clock {clock} lies before what it follows.", clock=rule.id),
            expected=say("not before {instant}", instant=write_instant(earliest)),
            found=say("{instant}", instant=write_instant(at)),
        )


# --- what follows


class Alarm(Struct, frozen=True):
    """A rung and the instant it is reached."""

    rung: str
    at: datetime

    def as_json(self) -> dict[str, str]:
        """`{rung, at}`."""
        return {"rung": self.rung, "at": write_instant(self.at)}


class Reading(Struct, frozen=True):
    """What a clock shows at a moment. Amounts are whole units of the clock.

    `due`, `due_date`: None while the clock is paused; then `expected` is the due date if the pauses last
    as long as the applicant was told; `provisional` speaks of whichever there is. `over`: units gone by since
    the due date. `paused`: the grounds.
    `expired` is also true of a clock that was stopped too late.
    """

    due: datetime | None
    due_date: date | None
    provisional: bool
    expected: date | None
    total: int
    used: int
    left: int
    over: int
    unit: str
    paused: tuple[str, ...]
    expired: bool
    stopped: datetime | None
    rungs: tuple[Alarm, ...]
    next_rung: Alarm | None

    def as_json(self) -> dict[str, Any]:
        """The fields as plain data; `due` is the date and `due_at` the instant."""
        return {
            "due": self.due_date.isoformat() if self.due_date else None,
            "due_at": write_instant(self.due) if self.due else None,
            "provisional": self.provisional,
            "expected": self.expected.isoformat() if self.expected else None,
            "total": self.total,
            "used": self.used,
            "left": self.left,
            "over": self.over,
            "unit": self.unit,
            "paused": list(self.paused),
            "expired": self.expired,
            "stopped": self.stopped and write_instant(self.stopped),
            "rungs": [alarm.as_json() for alarm in self.rungs],
            "next_rung": self.next_rung and self.next_rung.as_json(),
        }


def tally(rule: Rule, ledger: Ledger, workdays: Workdays) -> Count:
    """The present run counted, with its pauses and extensions."""
    pauses = standstills(Standstill(pause.since, pause.until) for pause in ledger.run.pauses)
    return count(ledger.run.started, rule.term, workdays, pauses, _total(rule, ledger))


def read(rule: Rule, ledger: Ledger, workdays: Workdays, now: datetime) -> Reading:
    """What the clock shows at `now`; a stopped clock shows what it showed when it was stopped."""
    now = min(now, ledger.stopped) if ledger.stopped else now
    counted = tally(rule, ledger, workdays)
    total, end, rungs = _total(rule, ledger), counted.due, _rungs(rule, ledger, workdays, counted)
    used = _used(ledger, workdays, counted, now)
    over = _over(rule, workdays, end.at, now) if end and end.at <= now else 0
    expected = _expected(rule, ledger, workdays, now) if end is None else None
    told = end or expected
    return Reading(
        due=end.at if end else None,
        due_date=end.date if end else None,
        provisional=bool(told and told.provisional),
        expected=expected.date if expected else None,
        total=total,
        used=used,
        left=total - used,
        over=over,
        unit=rule.term.unit,
        paused=tuple(
            pause.ground
            for pause in ledger.run.pauses
            if pause.since <= now and (pause.until is None or now < pause.until)
        ),
        expired=bool(end and end.at <= now),
        stopped=ledger.stopped,
        rungs=rungs,
        next_rung=None if ledger.stopped else next((alarm for alarm in rungs if alarm.at > now), None),
    )


def rungs_due(rule: Rule, ledger: Ledger, workdays: Workdays, after: datetime) -> tuple[Alarm, ...]:
    """The rungs that will be reached later than `after`, in order, as far as is known: none of a stopped
    clock, and of a paused one only what is sure before it resumes."""
    if ledger.stopped:
        return ()
    counted = tally(rule, ledger, workdays)
    return tuple(alarm for alarm in _rungs(rule, ledger, workdays, counted) if alarm.at > after)


def _total(rule: Rule, ledger: Ledger) -> int:
    return rule.term.n + sum(extended.by.n for extended in ledger.run.extensions)


def _used(ledger: Ledger, workdays: Workdays, counted: Count, now: datetime) -> int:
    if counted.term.unit == "h":
        return sum(at is not None and at <= now for at in counted.used[1:])
    begun = {workdays.date_of(pause.since) for pause in ledger.run.pauses if pause.since <= now}
    days = (row.day.date for row in counted.rows if row.note == "counted")
    return sum(on in begun or workdays.close(on) <= now for on in days)


def _over(rule: Rule, workdays: Workdays, end: datetime, now: datetime) -> int:
    if rule.term.unit == "h":
        return (now - end) // timedelta(hours=1)
    on, over = workdays.date_of(end), 0
    while workdays.close(on := on + timedelta(days=1)) <= now:
        over += rule.term.unit == "d" or workdays.day(on).works
    return over


def _rungs(rule: Rule, ledger: Ledger, workdays: Workdays, counted: Count) -> tuple[Alarm, ...]:
    total, alarms = _total(rule, ledger), []
    for rung in rule.ladder:
        at: datetime | None
        if rung.over is None:
            left = max(rung.left or 0, total * (rung.percent or 0) // 100)
            at = counted.used[max(total - left, 0)]
        elif counted.due is None:
            at = None
        elif rung.over == 0:
            at = counted.due.at
        else:
            at = count(counted.due.at, Term(rung.over, rule.term.unit), workdays).used[rung.over]
        if at is not None:
            alarms.append(Alarm(rung.name, at))
    return tuple(sorted(alarms, key=lambda alarm: alarm.at))


def _expected(rule: Rule, ledger: Ledger, workdays: Workdays, now: datetime) -> Due | None:
    pauses = tuple(
        replace(pause, until=pause.until or max(due(pause.since, pause.expected, workdays).at, now))
        for pause in ledger.run.pauses
    )
    return tally(rule, _change(ledger, pauses=pauses), workdays).due


# --- the explanation


def certificate(rule: Rule, ledger: Ledger, workdays: Workdays, now: datetime) -> dict[str, Any]:
    """All that an independent program needs to recompute what the clock shows at `now`, and the result.

    `{format, rule, ledger, office: {zone, closing, units}, now, calendar: {digest, weekend, notices},
    days, after, reading}`. `days` is the derivation of the due date; `after` the days beyond it that a
    clock in working days needs to tell by how much it is exceeded. `notices` has, for each year that
    these days rest on, `{status, sources, taken_from}`.
    """
    counted, reading = tally(rule, ledger, workdays), read(rule, ledger, workdays, now)
    after: list[Day] = []
    if reading.due and reading.due_date and rule.term.unit == "wd":
        last = max([now, *(alarm.at for alarm in reading.rungs)])
        beyond = (workdays.date_of(last) - reading.due_date).days
        after = [workdays.day(reading.due_date + timedelta(days=n + 1)) for n in range(beyond)]
    return {
        "format": CERTIFICATE,
        "rule": rule.as_json(),
        "ledger": ledger.as_json(),
        **_sources(workdays, [row.day for row in counted.rows] + after),
        "now": write_instant(now),
        "days": [row.as_json() for row in counted.rows],
        "after": [day.as_json() for day in after],
        "reading": reading.as_json(),
    }


def term_certificate(counted: Count, workdays: Workdays) -> dict[str, Any]:
    """All that an independent program needs to recompute the end of a term that nothing interrupts, and the
    result: `{format, start, term, due, due_at, provisional, days, office, calendar}`, as in `certificate`."""
    sources = _sources(workdays, [row.day for row in counted.rows])
    return {"format": TERM_CERTIFICATE, **counted.as_json(), **sources}


def _sources(workdays: Workdays, days: Sequence[Day]) -> dict[str, Any]:
    """The office whose hours these days are, and the notices that they rest on."""
    calendar = workdays.calendar
    years = sorted({int(day.source) for day in days if day.status != "local" and day.source})
    return {
        "office": {
            "zone": workdays.zone,
            "closing": workdays.closing.isoformat("seconds"),
            "units": list(workdays.units),
        },
        "calendar": {
            "digest": calendar.digest,
            "weekend": list(calendar.weekend),
            "notices": {str(year): calendar.years[year].citation() for year in years},
        },
    }


def explain(rule: Rule, ledger: Ledger, workdays: Workdays, now: datetime) -> list[Text]:
    """The derivation as lines: the rule, what happened, day by day, and what follows."""
    counted, reading = tally(rule, ledger, workdays), read(rule, ledger, workdays, now)
    lines = [
        say(
            "Clock {clock}: {term} ({basis})",
            clock=rule.id,
            term=rule.term.text(),
            basis=rule.basis.text(),
        )
    ]
    for run in ledger.runs[:-1]:
        lines.append(say("started {at}, later begun anew", at=_wall(run.started, workdays)))
    run = ledger.run
    if run.reason:
        lines.append(say("started anew {at}: {reason}", at=_wall(run.started, workdays), reason=run.reason))
    else:
        lines.append(say("started {at}", at=_wall(run.started, workdays)))
    lines += [_pause_line(rule, pause, workdays) for pause in run.pauses]
    lines += [_extension_line(rule, extended, workdays) for extended in run.extensions]
    lines += [row.text() for row in counted.rows]
    used = {"used": reading.used, "left": reading.left, "total": reading.total}
    lines.append(say("used {used}, left {left}, of {total}", **used))
    lines.append(_result(reading, workdays))
    lines.append(say("calendar {digest}", digest=workdays.calendar.digest))
    return lines


def _pause_line(rule: Rule, pause: Pause, workdays: Workdays) -> Text:
    shown = {
        "since": _wall(pause.since, workdays),
        "until": _wall(pause.until, workdays) if pause.until else say("now"),
        "ground": _name(rule, pause.ground),
        "basis": rule.grounds[pause.ground].basis.text(),
        "expected": pause.expected.text(),
    }
    if pause.document:
        return say(
            "paused {since} to {until}: {ground} ({basis}), expected {expected}, notice {document}",
            **shown,
            document=pause.document,
        )
    return say(
        "paused {since} to {until}: {ground} ({basis}), expected {expected}, without a written notice",
        **shown,
    )


def _extension_line(rule: Rule, extended: Extended, workdays: Workdays) -> Text:
    assert rule.extension  # noqa: S101 - `extend` grants none without
    return say(
        "extended {at} by {term}, approved by {approver} ({basis}): {reason}",
        at=_wall(extended.at, workdays),
        term=extended.by.text(),
        approver=extended.approver,
        basis=rule.extension.basis.text(),
        reason=extended.reason,
    )


def _result(reading: Reading, workdays: Workdays) -> Text:
    if reading.due is None:
        if reading.expected is None:
            return say("the clock stands still; no due date")
        shown = {"date": reading.expected.isoformat()}
        if reading.provisional:
            return say(
                "the clock stands still; due {date} if it resumes as expected, provisional: a year it needs "
                "is not announced",
                **shown,
            )
        return say("the clock stands still; due {date} if it resumes as expected", **shown)
    if reading.provisional:
        return say(
            "due {due}, provisional: a year it needs is not announced", due=_wall(reading.due, workdays)
        )
    return say("due {due}", due=_wall(reading.due, workdays))


def _wall(at: datetime, workdays: Workdays) -> str:
    """The instant as the office's wall clock shows it, to the minute."""
    return workdays.local(at).strftime("%Y-%m-%d %H:%M")


def _name(rule: Rule, ground: str) -> Text:
    known = rule.grounds.get(ground)
    return titled(known.zh, known.en) if known else say("{ground}", ground=ground)


def _listed(grounds: Mapping[str, Ground]) -> Text:
    """The grounds by id and name, as one text."""
    listed = say("no pause at all")
    for index, (key, ground) in enumerate(grounds.items()):
        entry = say("{key} ({name})", key=key, name=titled(ground.zh, ground.en))
        listed = say("{first}, {second}", first=listed, second=entry) if index else entry
    return listed


def _bases(rule: Rule) -> Text:
    """The articles that the list of grounds comes from; the clock's own where it has no grounds."""
    texts = [basis.text() for basis in dict.fromkeys(ground.basis for ground in rule.grounds.values())]
    listed = texts[0] if texts else rule.basis.text()
    for text in texts[1:]:
        listed = say("{first}; {second}", first=listed, second=text)
    return listed
