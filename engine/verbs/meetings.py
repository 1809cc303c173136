"""Joint meetings: convene, reply, hold."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from ..errors import say
from .answers import Answers, Given, answers_options, do_step, entries
from .frame import Settings, Wrong
from .table import F, verb

if TYPE_CHECKING:
    from ..office import Office


_meeting_option = click.option(
    "--meeting", "named", metavar="MEETING", help=say("Which, where the item has several.").msgid
)


def _meeting_options(function: F) -> F:
    return _meeting_option(answers_options(function))


def _dropped(**given: Any) -> Answers:
    """What was given, without what was not."""
    return {name: value for name, value in given.items() if value not in (None, "", [], ())}


@verb(
    "meeting/show",
    "lianban meeting show 42",
    say("The joint meetings of CASE: who was called, who came, what it came to, what can be done."),
)
@click.argument("case", metavar="CASE")
def meeting_show(settings: Settings, case: str) -> None:
    with settings.office() as office:
        data = office.meetings(case, settings.now(office.zone))
        settings.show(data, lambda screen, data: screen.meetings(data), office.zone)


@verb(
    "meeting/convene",
    "lianban meeting convene 42 --date 2026-03-10 --time 09:00 --place '…' --agenda '…' "
    "--departments samr,psb",
    say("Call the departments to the joint meeting of CASE."),
)
@click.argument("case", metavar="CASE")
@click.option("--date", metavar="DATE", help=say("The day, after the notice term.").msgid)
@click.option("--time", metavar="TIME", help=say("The hour: 09:00.").msgid)
@click.option("--place", metavar="TEXT", help=say("Where.").msgid)
@click.option("--agenda", metavar="TEXT", help=say("What about.").msgid)
@click.option("--departments", metavar="UNITS", help=say("Who is called: samr,psb.").msgid)
@_meeting_options
def meeting_convene(
    settings: Settings,
    case: str,
    date: str | None,
    time: str | None,
    place: str | None,
    agenda: str | None,
    departments: str | None,
    pairs: tuple[str, ...],
    data: str | None,
    named: str | None,
) -> None:
    units = entries(departments)
    answers = _dropped(date=date, time=time, place=place, agenda=agenda, departments=units)
    _do_meeting(settings, case, "convene", named, lambda *_: answers, pairs, data)


@verb(
    "meeting/reply",
    "lianban meeting reply 42 --substitute shi.lin",
    say("Reply to the invitation of your department, as its designated leader."),
)
@click.argument("case", metavar="CASE")
@click.argument("step", metavar="[STEP]", required=False)
@click.option("--coming", is_flag=True, help=say("You come yourself.").msgid)
@click.option("--substitute", metavar="PERSON", help=say("PERSON of your department comes for you.").msgid)
@click.option("--apology", metavar="REASON", help=say("Nobody can come, for this reason.").msgid)
@_meeting_options
def meeting_reply(
    settings: Settings,
    case: str,
    step: str | None,
    coming: bool,
    substitute: str | None,
    apology: str | None,
    pairs: tuple[str, ...],
    data: str | None,
    named: str | None,
) -> None:
    chosen = _dropped(coming=coming or None, substitute=substitute, apology=apology)
    if len(chosen) > 1:
        raise Wrong(say("choose one of --coming, --substitute and --apology"))
    answers = _dropped(reply=next(iter(chosen), None), substitute=substitute, reason=apology)
    _do_meeting(settings, case, "invite", named, lambda *_: answers, pairs, data, step)


@verb(
    "meeting/hold",
    "lianban meeting hold 42 --present samr=zhao.guoqiang --absent psb='…' --opinion samr=agree "
    "--conclude 'samr:5wd:…' --resolved",
    say("Enter the minutes of the joint meeting of CASE, once it was held."),
)
@click.argument("case", metavar="CASE")
@click.option("--present", multiple=True, metavar="UNIT=PERSON", help=say("Who came for UNIT.").msgid)
@click.option("--absent", multiple=True, metavar="UNIT[=REASON]", help=say("Nobody came for UNIT.").msgid)
@click.option(
    "--opinion",
    multiple=True,
    metavar="UNIT=OPINION[:TEXT]",
    help=say(
        "What UNIT said: agree, abstain, disagree:reason, not_concerned:reason, conditions:text (one each)."
    ).msgid,
)
@click.option(
    "--conclude", multiple=True, metavar="UNIT:TERM:TEXT", help=say("UNIT does this within TERM (5wd).").msgid
)
@click.option("--resolved/--unresolved", default=None, help=say("Whether the departments agreed.").msgid)
@_meeting_options
def meeting_hold(
    settings: Settings,
    case: str,
    present: tuple[str, ...],
    absent: tuple[str, ...],
    opinion: tuple[str, ...],
    conclude: tuple[str, ...],
    resolved: bool | None,
    pairs: tuple[str, ...],
    data: str | None,
    named: str | None,
) -> None:
    came = [_split(text, "[=＝]", 2) for text in present]
    stayed = [[*_split(text, "[=＝]", 1, 2), ""][:2] for text in absent]
    spoken = [_split(text, "[=＝]", 2) for text in opinion]
    concluded = [_split(text, "[:：]", 3) for text in conclude]

    def given(office: Office, now: datetime, step: str) -> Answers:
        return {
            **_attendance(office, case, now, came, stayed),
            **({} if data is not None and not spoken else {"opinions": _opinions(spoken)}),
            **({} if data is not None and not concluded else {"conclusions": _conclusions(concluded)}),
            **({} if resolved is None else {"resolved": resolved}),
        }

    _do_meeting(settings, case, "hold", named, given, pairs, data)


def _split(text: str, mark: str, *parts: int) -> list[str]:
    """The parts of an option's value, none of them blank; `mark` is a pattern."""
    found = [part.strip() for part in re.split(mark, text, maxsplit=max(parts) - 1)]
    if len(found) not in parts or not all(found):
        raise Wrong(say("{text} can't be read; see --help", text=text))
    return found


def _attendance(
    office: Office, case: str, now: datetime, came: list[list[str]], stayed: list[list[str]]
) -> Answers:
    """Who was there, and who should have been."""
    if not came and not stayed:
        return {}
    called = {
        line["unit"]: line["substitute"] or line["designated"]
        for told in office.meetings(case, now)["meetings"]
        for line in told["departments"]
    }
    attendance = [{"department": unit, "person": person, "present": True} for unit, person in came]
    attendance += [
        {
            "department": unit,
            "present": False,
            **_dropped(person=called.get(unit), reason=reason),
        }
        for unit, reason in stayed
    ]
    return {"attendance": attendance}


def _opinions(spoken: list[list[str]]) -> list[Answers]:
    """`[unit, "conditions:text"]` as the form has it; several conditions of one unit in one list."""
    found: dict[str, Answers] = {}
    for unit, said in spoken:
        opinion, *words = re.split("[:：]", said, maxsplit=1)
        text = "".join(words).strip()
        entry = found.setdefault(unit, {"department": unit, "opinion": opinion})
        if opinion == "conditions" and text:
            entry.setdefault("conditions", []).append(text)
        elif text:
            entry["reason"] = text
    return list(found.values())


def _conclusions(concluded: list[list[str]]) -> list[Answers]:
    return [{"department": unit, "term": term, "task": task} for unit, term, task in concluded]


def _do_meeting(
    settings: Settings,
    case: str,
    role: str,
    named: str | None,
    given: Given,
    pairs: tuple[str, ...],
    data: str | None,
    step: str | None = None,
) -> None:
    """Do the step of a meeting that has this role."""

    def find(office: Office, now: datetime) -> str:
        return step or office.meeting_step(settings.who, case, role, now, named)

    do_step(settings, case, find, given, pairs, data)
