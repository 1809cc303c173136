"""An item on virtual time, before it is in force: its examples, step by step; what they leave out; a case
played by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from .. import clock
from ..clock import OFFICE_ZONE, NotATime, parse_instant, write_instant
from ..coverage import Target, named, short, summary
from ..definition import Definition
from ..definition.checks import misshapen
from ..errors import Invalid, Refusal, Text, say
from ..events import CardRaised, ClockExpired, DocumentIssued, Event, ReferralDeemed, TimerFired
from ..examples import Stage, as_toml, filled, play
from ..exploring import Found, explore
from ..flow.marking import element_of
from ..forms import NO_FIELDS
from ..organisation import Organisation
from ..steps import DatedStep, steps
from ..time_views import LIVE, clock_lines
from ..views import answer_lines, form_of, person_name, unit_names
from .publishing import readable, shipped_organisation

Translate = Callable[[str], str]


class Rehearsing:
    """The item in `folder`, in this organisation (None: the shipped one). Raises `NotPublishable` with all
    that is wrong with it, its examples aside."""

    def __init__(self, folder: Path, organisation: Organisation | None = None) -> None:
        self.folder = folder
        self.organisation = organisation or shipped_organisation()
        self.definition = readable(folder, self.organisation)

    def examples(self, only: str | None = None, *, step_by_step: bool = False) -> dict[str, Any]:
        """Every example, or the one called `only`, with what came of it, and the ways that they take.

        Raises `Invalid` where there is no example of that name.
        """
        definition = self.definition
        paths = [path for path in definition.examples if only is None or _name(path) == only]
        if only is not None and not paths:
            raise Invalid(
                "example.unknown",
                say("the item has no example {name}", name=only),
                expected=say("one of: {names}", names=", ".join(map(_name, definition.examples)) or "—"),
                remedy=say("name a file of examples/ without .toml, or leave --example out"),
            )
        reached: set[Target] = set()
        lines = []
        for path in paths:
            stage = Stage(definition, self.organisation, path)
            lines.append(self._played(stage, path, step_by_step=step_by_step))
            reached |= stage.reached
        return {
            "folder": str(self.folder),
            "item": definition.code,
            "examples": lines,
            "coverage": _covered(definition, reached),
        }

    def _played(self, stage: Stage, path: str, *, step_by_step: bool) -> dict[str, Any]:
        example = self.definition.examples[path]
        teller = Teller(stage)
        told: list[dict[str, Any]] = []
        difference = None
        try:
            for entry in play(stage, example):
                told.append(teller.tell(entry))
        except Refusal as refusal:
            cause = refusal.__cause__ if isinstance(refusal.__cause__, Refusal) else refusal
            number = len(told) - (cause.code == "example.differs")
            entry = example["steps"][number - 1] if number else example
            difference = {
                "step": number,
                "at": write_instant(parse_instant(entry.get("at", example["start"]), OFFICE_ZONE)),
                "message": cause.message,
                "expected": cause.expected,
                "found": cause.found,
            }
        outcome = stage.course.state.outcome if stage.course.state is not None else None
        return {
            "name": _name(path),
            "title": example["title"],
            "ok": difference is None,
            "difference": difference,
            "outcome": outcome,
            "outcome_name": self.definition.outcome_names(outcome),
            "steps": told if step_by_step else [],
        }

    def explore(self, translate: Translate, lang: str) -> dict[str, Any]:
        """What could be examples for the ways that none takes yet, with the text of each file."""
        definition = self.definition
        result = explore(definition, self.organisation, [_name(path) for path in definition.examples])
        proposed = []
        for found in result.found:
            new = short([named(definition, target) for target in found.new]) or [
                named(definition, target) for target in found.new[:1]
            ]
            title = self._title(found, new, lang).render(translate)
            example = {**found.example, "title": title}
            head = [text.render(translate) for text in (*_HEAD, say("It is the first that takes:"))]
            head += [f"- {line['id']}  {line['name'][lang]}" for line in new]
            proposed.append(
                {
                    "name": found.name,
                    "title": title,
                    "steps": len(example["steps"]),
                    "outcome": example["outcome"],
                    "outcome_name": definition.outcome_names(example["outcome"]),
                    "new": new,
                    "file": f"examples/{found.name}.toml",
                    "content": as_toml(example, head),
                    "written": False,
                }
            )
        return {
            "folder": str(self.folder),
            "item": definition.code,
            "proposed": proposed,
            "unreached": [
                {**named(definition, one.target), "why": one.why.render(translate)}
                for one in result.unreached
            ],
            "stuck": [
                {
                    "element": element,
                    "name": definition.names(element),
                    "why": told.render(translate),
                }
                for element, told in result.stuck.items()
            ],
            "acts": result.acts,
            "before": _covered(definition, result.before),
            "after": _covered(definition, result.after),
        }

    def _title(self, found: Found, new: Sequence[Mapping[str, Any]], lang: str) -> Text:
        outcome = self.definition.outcome_names(found.example["outcome"]).get(lang, "")
        first = new[0]
        if first["kind"] == "outcome" or not first["name"].get(lang):
            return say("Explored: {outcome}", outcome=outcome)
        return say("Explored: {way}; {outcome}", way=first["name"][lang], outcome=outcome)

    def by_hand(self) -> ByHand:
        """A case to be played by hand."""
        return ByHand(self)


_HEAD = (
    say("Generated by `lianban item rehearse --explore`: nobody who knows the law has read it yet."),
    say("What it expects is what the engine did, not what the law wants. Read it, correct it, rename it."),
)


def _covered(definition: Definition, reached: Iterable[Target]) -> dict[str, Any]:
    told = summary(definition, set(reached))
    return {**told, "missing": short(told["missing"])}


def _name(path: str) -> str:
    return Path(path).stem


# --- one act after the other


ACTS = (
    *("do", "sign", "confirm", "give_back", "recuse", "challenge", "decide_recusal", "hand_over"),
    *("allow_notice", "pause", "resume", "extend", "advance"),
)
"""What a step of an example can be."""


class Teller:
    """Tells of each act on a stage what it did to the case."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.open: dict[str, dict[str, Any]] = {}
        self.seen = 0
        self.number = -1

    def tell(self, entry: Mapping[str, Any] | None) -> dict[str, Any]:
        """The act that was just done (None: the opening of the case) as plain data: `number`, `at`, `act`,
        `step`, who, with which `answers`; what it `opened` and `closed`, the `documents` and cards that came
        of it, the timers that `fired`, the `deemed`, and how the `clocks` that run stand then."""
        stage, definition = self.stage, self.stage.definition
        self.number += 1
        today = stage.organisation_on(stage.at)
        act = "open" if entry is None else next(name for name in ACTS if name in entry)
        step = definition.start.id if entry is None else str(entry[act]) if act != "advance" else ""
        data = stage.course.entries[0][2].payload()["data"] if entry is None else entry.get("data", {})
        element = element_of(step)
        before, self.open = self.open, self._open_now(today)
        events = [event for _, _, event in stage.course.entries[self.seen :]]
        self.seen = len(stage.course.entries)
        person = str(stage.by.get("person", ""))
        outcome = stage.case.outcome
        clocks = clock_lines(stage.case, definition, stage.course.calendar_of, stage.at)
        return {
            "number": self.number,
            "at": write_instant(stage.at),
            "act": act,
            "step": step,
            "name": definition.names(element) if step else {},
            "by": person or None,
            "by_name": person_name(today, person),
            "answers": answer_lines(form_of(definition, element), data),
            "opened": [line for task, line in self.open.items() if task not in before],
            "closed": [line for task, line in before.items() if task not in self.open],
            "documents": [
                {
                    "document": event.document,
                    "name": dict(definition.document(event.document)["name"]),
                    "number": event.number,
                }
                for event in events
                if isinstance(event, DocumentIssued)
            ],
            "cards": [
                {"card": event.card, "colour": event.colour, "unit_name": unit_names(today, event.unit)}
                for event in events
                if isinstance(event, CardRaised)
            ],
            "fired": [definition.names(event.element) for event in events if isinstance(event, TimerFired)],
            "deemed": [effect for effect in map(_effect_of, events) if effect],
            "clocks": [line for line in clocks if line["state"] in LIVE],
            "outcome": outcome,
            "outcome_name": definition.outcome_names(outcome),
        }

    def _open_now(self, today: Organisation) -> dict[str, dict[str, Any]]:
        return {
            step.task: step_line(self.stage.definition, today, step)
            for step in steps(self.stage.case, self.stage.definition)
        }


def _effect_of(event: Event) -> str:
    match event:
        case ClockExpired(effect=effect) if effect != "flag":
            return effect
        case ReferralDeemed():
            return "deemed_consent"
    return ""


def step_line(definition: Definition, organisation: Organisation, step: DatedStep) -> dict[str, Any]:
    """What can be done now: `task`, its `name`, whose it is, until when."""
    return {
        "task": step.task,
        "name": definition.names(step.node.id),
        "unit": step.unit,
        "unit_name": unit_names(organisation, step.unit),
        "due": step.due,
        "message": step.message is not None,
    }


# --- by hand


class ByHand:
    """A case that somebody plays, on virtual time. Each move is a step of an example; what it leaves out is
    filled in: `at`, soon after what was before it; `by`, who may do it."""

    def __init__(self, item: Rehearsing) -> None:
        self.definition = item.definition
        self.folder = item.folder
        self.stage = Stage(item.definition, item.organisation, "by-hand")
        self.teller = Teller(self.stage)
        self.told: list[dict[str, Any]] = []
        self.moves: list[dict[str, Any]] = []
        self.start: dict[str, Any] = {}

    @property
    def closed(self) -> bool:
        """Whether the case is closed."""
        return self.stage.course.state is not None and self.stage.case.closed

    def opening_form(self) -> dict[str, Any]:
        """The form that opens the case."""
        return self.definition.start_form()

    def open(self, at: datetime, who: str, data: dict[str, Any]) -> dict[str, Any]:
        """Open the case; what came of it. Raises a `Refusal`."""
        stage = self.stage
        start = {"start": _written(at), "by": who, "data": data}
        _check_shape(start, [])
        stage.open(at, who, data)
        self.start = start
        self.told.append(self.teller.tell(None))
        return self.told[-1]

    def who_opens(self, at: datetime) -> list[str]:
        """Who may open a case of the item."""
        unit, post = self.definition.opener()
        return [person.id for person in self.stage.organisation_on(at).holders(unit, post)]

    def choices(self) -> list[dict[str, Any]]:
        """What can be done now (as in `opened`), with the `people` who may."""
        stage = self.stage
        at = stage.soon()
        today = stage.organisation_on(at)
        return [
            {
                **step_line(self.definition, today, step),
                "people": [person.id for person in stage.able(step, at)],
                "confirm": self._waits_to_be_signed(step.task),
            }
            for step in steps(stage.case, self.definition)
        ]

    def form(self, task: str) -> dict[str, Any]:
        """The form of an open step; one without fields where it asks nothing."""
        for step in steps(self.stage.case, self.definition):
            if step.task == task:
                return self.definition.form(step.scope, step.node) or NO_FIELDS
        return NO_FIELDS

    def move(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        """Do a step of an example, what it leaves out filled in; what came of it. Raises a `Refusal`, and
        then nothing has happened but that time has passed."""
        if self.closed:
            raise Invalid(
                "case.closed",
                say("the case is closed; nothing can be done in it any more"),
                found=say("closed with outcome {outcome}", outcome=self.stage.case.outcome or "—"),
                remedy=say("leave out what follows"),
            )
        acts = [name for name in ACTS if name in entry]
        if len(acts) != 1 or not isinstance(entry[acts[0]], str | bool):
            raise Invalid(
                "play.step",
                say("a step needs exactly one of: {acts}", acts=", ".join(ACTS)),
                found=say("{acts}", acts=", ".join(acts) or "—"),
                remedy=say("see processes/README.md, Worked cases"),
            )
        filled_in = dict(entry)
        if acts[0] == "advance":
            filled_in = {"at": entry.get("at") or self._next_due(), "advance": True}
        else:
            if acts[0] == "do" and self._waits_to_be_signed(entry["do"]):
                filled_in = {**filled_in, "confirm": filled_in.pop("do")}
            filled_in.setdefault("at", _written(self.stage.soon()))
            if "by" not in filled_in:
                filled_in["by"] = self._somebody(str(entry[acts[0]]), _instant(filled_in["at"]))
            order = ("at", "by", *ACTS)
            filled_in = dict(
                sorted(filled_in.items(), key=lambda p: order.index(p[0]) if p[0] in order else len(order))
            )
        _check_shape(self.start, [filled_in])
        self.stage.do(filled_in)
        self.moves.append(filled_in)
        self.told.append(self.teller.tell(filled_in))
        return self.told[-1]

    def _waits_to_be_signed(self, task: str) -> bool:
        entry = self.stage.case.docket.get(task)
        return entry is not None and entry["stage"] == "entered"

    def _next_due(self) -> str:
        due = self.stage.next_due()
        if due is None:
            raise Invalid(
                "play.nothing_due",
                say("nothing is due any more; time alone does nothing in this case"),
                expected=say("a step that somebody does"),
                remedy=say("do one of: {steps}", steps=", ".join(self.stage.open_tasks()) or "—"),
            )
        return _written(due)

    def _somebody(self, task: str, at: datetime) -> str:
        for step in steps(self.stage.case, self.definition):
            if step.task == task:
                able = self.stage.able(step, at)
                if able:
                    return min(able, key=lambda person: len(person.posts)).id
                raise Invalid(
                    "play.nobody",
                    say("nobody may do {step}", step=task),
                    expected=say("somebody who holds the post {post}", post=f"{step.unit}/{step.post}"),
                    remedy=say("give the post to somebody, or name who does it: by"),
                )
        raise Invalid(
            "step.closed",
            say("step {step} is not open", step=task),
            expected=say("one of the open steps: {steps}", steps=", ".join(self.stage.open_tasks()) or "—"),
            found=say("{step}", step=task),
            remedy=say("do one of these, or say who acts: by"),
        )

    def play(self, script: Any) -> None:
        """Open the case and do all the steps of a script, `{"start", "by", "data", "steps": [...]}`, in which
        `start`, `by` and what `move` fills in may be left out. Raises a `Refusal` naming the step."""
        if not isinstance(script, dict) or not isinstance(script.get("steps", []), list):
            raise Invalid(
                "play.script",
                say("the moves are not a JSON object with a list of steps"),
                expected=say("{shape}", shape='{"data": {…}, "steps": [{"do": STEP, "data": {…}}, …]}'),
                remedy=say("correct the file; an example of the item, as JSON, is one"),
            )
        try:
            at = _instant(script.get("start") or _written(self.first_day()))
            who = script.get("by") or next(iter(self.who_opens(at)), "")
            self.open(at, who, script.get("data", {}))
        except Refusal as refusal:
            raise _at_step(0, refusal) from refusal
        for number, entry in enumerate(script.get("steps", []), 1):
            try:
                if not isinstance(entry, dict):
                    raise Invalid("play.step", say("step {number} is not a JSON object", number=number))
                self.move({key: entry[key] for key in entry if not key.startswith("expect_")})
            except Refusal as refusal:
                raise _at_step(number, refusal) from refusal

    def first_day(self) -> datetime:
        """When a case is opened unless somebody says when: as in the first example, or at the present."""
        for example in self.definition.examples.values():
            return _instant(example["start"])
        return clock.now().replace(microsecond=0)

    def result(self, title: str, comments: Iterable[str]) -> dict[str, Any]:
        """What was played, as `example` with its expectations filled in; `content` is the text of its file,
        None while the case is open, since an example has an outcome."""
        example = filled(
            Stage(self.definition, self.stage.organisation, "by-hand"),
            {"title": title, **self.start, "steps": self.moves},
        )
        outcome = self.stage.case.outcome
        return {
            "folder": str(self.folder),
            "item": self.definition.code,
            "steps": self.told,
            "outcome": outcome,
            "outcome_name": self.definition.outcome_names(outcome),
            "open": self.stage.open_tasks(),
            "content": as_toml(example, comments) if outcome else None,
            "coverage": _covered(self.definition, self.stage.reached),
        }


PLAYED = (
    say("Played by hand with `lianban item rehearse --play`; what it expects is what the engine did."),
    say("Read it as somebody who knows the law, and correct it where the law wants something else."),
)
"""What stands above an example that was played by hand."""


def _check_shape(start: Mapping[str, Any], moves: list[dict[str, Any]]) -> None:
    """Raise `Invalid` for what could not stand in an example."""
    for fault in misshapen({"title": "-", **start, "outcome": "-", "steps": moves}, "--data"):
        raise Invalid(
            "play.step", fault.message, expected=fault.expected, found=fault.found, remedy=fault.remedy
        )


def _at_step(number: int, refusal: Refusal) -> Invalid:
    return Invalid(
        refusal.code,
        say("step {number}: {reason}", number=number, reason=refusal.message),
        expected=refusal.expected,
        found=refusal.found,
        rule=refusal.rule,
        remedy=refusal.remedy,
    )


def _written(at: datetime) -> str:
    return at.astimezone(ZoneInfo(OFFICE_ZONE)).isoformat()


def _instant(text: Any) -> datetime:
    try:
        return parse_instant(text, OFFICE_ZONE)
    except (NotATime, AttributeError, TypeError) as error:
        raise Invalid(
            "instant.invalid",
            say("{text} is not an instant", text=text),
            expected=say("an ISO 8601 date or date-time, such as 2026-03-02T09:00:00+08:00"),
            remedy=say("correct it; without an offset it is read as office time"),
        ) from error
