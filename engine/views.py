"""Plain data for people and for documents (floor 5): where a case stands, what a template may say.

Names are `{"zh": …, "en": …}`; the front end picks the language.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from . import joint
from .access import may
from .case import CalendarOf, Case
from .commands import CERTIFICATE, claim_to_decide, claim_to_do, claim_to_follow_up
from .deadlines import OVERSTAYED, clock_of
from .definition import Definition
from .definition.clocks import Clock
from .docket import DEEMED, Entry, conditions_in, decision, entries_of, opinion_of, owing, round_of
from .errors import Text, titled
from .events import (
    AnswerConfirmed,
    AnswerEntered,
    AnswerReturned,
    CaseClosed,
    CaseMigrated,
    CaseOpened,
    DocumentIssued,
    Event,
    FindingRaised,
    IncidentRaised,
    IncidentRetried,
    JointCertain,
    JointDecided,
    MaterialReceived,
    MeetingAbsent,
    MeetingConvened,
    MeetingHeld,
    MessageReceived,
    Record,
    ReferralDeemed,
    ReferralFollowedUp,
    ReferralReportedUp,
    ReferralWithdrawn,
    TaskCancelled,
    TaskCompleted,
    TaskEnded,
    TaskMigrated,
    TaskOpened,
    TimerFired,
)
from .flow.marking import element_of, variables, visit_of_timer
from .flow.migrate import Names, renamed
from .forms import NO_FIELDS
from .forms.schema import choices_of, field_title, shape
from .organisation import Organisation
from .steps import steps
from .time_views import clocks_for_documents, notice_of

DefinitionOf = Callable[[str], Definition]
"""Gives a definition by its digest."""


def by_version(
    history: Sequence[Record], latest: str, definition_of: DefinitionOf
) -> Iterator[tuple[Record, Definition]]:
    """Each record with the definition that its case ran by after it; `latest` is the one that it runs by
    after all of them. They may begin anywhere in the history."""
    migrations = [record.event for record in history if isinstance(record.event, CaseMigrated)]
    named = migrations[0].was if migrations else latest
    for record in history:
        if isinstance(record.event, CaseMigrated):
            named = record.event.definition
        yield record, definition_of(named)


def step_lines(
    history: Sequence[Record],
    case: Case,
    definition_of: DefinitionOf,
    organisation: Organisation,
) -> list[dict[str, Any]]:
    """Every step the case has come to, in order of opening, and what it waits for now.

    `state` is `done`, `open`, `cancelled`, `deemed` (silence was taken for consent), `withdrawn` (the
    department keeps out), `fired` (a timer), `received` (a message), `failed` (the diagram's own expression
    did), `retried` (an administrator had that tried again) or `awaited` (a message that may come). Of an open
    step, `stage` says how far people have come with it, `assignee` who signed for it, `suspended` which
    recusal keeps it still; `confirmed` are those who signed what somebody else entered. The stage `owed` is
    that of a department that was silent and whose opinion is still to come; `late` is that opinion. `cause`
    is the number of the event that opened it: steps of one cause are open side by side. `answers` is what was
    entered and `said` the first choice among that, in words (of a timer: the step on whose edge it sits);
    `due` the first timer on it, `provisional` if its year's holidays were not announced; `people` may do it.
    """
    lines: dict[str, dict[str, Any]] = {}
    awaited: list[dict[str, Any]] = []
    cause = 0
    for record, definition in by_version(history, case.definition, definition_of):
        if record.event.fact:
            cause = record.seq
        match record.event:
            case TaskOpened(task=task, element=element, unit=unit, post=post):
                lines[task] = {
                    **_line(definition, organisation, task, element, unit, post),
                    "state": "open",
                    "cause": cause,
                    "opened_at": record.at,
                    "at": None,
                }
            case CaseMigrated(names=names):
                lines = {renamed(key, names): _moved(line, names, definition) for key, line in lines.items()}
            case TaskMigrated(task=task, unit=unit, post=post):
                unit_name = dict(organisation.units.get(unit, {}).get("name", {}))
                lines[task].update(unit=unit, unit_name=unit_name, post=post)
            case TaskCompleted(task=task, data=answers):
                line = lines[task]
                line.update(state="done", at=record.at, answers=answers, **_actor(organisation, record))
                line["said"] = _said(definition, line["element"], answers)
            case AnswerEntered(task=task, element=element, data=answers):
                said = _said(definition, element, answers)
                lines[task].update(answers=answers, said=said, **_actor(organisation, record))
            case AnswerConfirmed(task=task):
                signed = {key: _actor(organisation, record)[key] for key in ("by", "by_name")}
                lines[task]["confirmed"] = [*lines[task]["confirmed"], {**signed, "at": record.at}]
            case AnswerReturned(task=task):
                lines[task].update(by=None, by_name={}, answers={}, said={}, confirmed=[])
            case ReferralDeemed(task=task):
                lines[task].update(state="deemed", by=None, by_name={}, answers={}, said={})
            case ReferralFollowedUp(task=task, data=answers):
                said = _said(definition, lines[task]["element"], answers)
                late = {"answers": answers, "said": said, "at": record.at}
                lines[task]["late"] = {**late, **_actor(organisation, record)}
            case ReferralWithdrawn(task=task):
                lines[task].update(state="withdrawn", **_actor(organisation, record))
            case TaskEnded(task=task):
                lines[task]["at"] = record.at
                if lines[task]["state"] == "open":
                    lines[task]["state"] = "done"
            case TaskCancelled(task=task):
                lines[task].update(state="cancelled", at=record.at)
            case TimerFired(timer=timer, element=element):
                line = _line(definition, organisation, timer, element, "", "")
                line |= {"state": "fired", "cause": cause, "opened_at": record.at, "at": record.at}
                line["said"] = _timed(definition, timer)
                lines[f"{record.seq}"] = line
            case IncidentRaised(incident=task, element=element, message=message):
                line = _line(definition, organisation, task, element, "", "")
                line |= {"state": "failed", "cause": cause, "opened_at": record.at, "at": record.at}
                lines[f"{record.seq}"] = {**line, "said": {"zh": message, "en": message}}
            case IncidentRetried(incident=task):
                for line in lines.values():
                    if line["task"] == task and line["state"] == "failed":
                        line.update(state="retried", **_actor(organisation, record))
            case MessageReceived(name=name, data=answers):
                line = _line(definition, organisation, name, definition.message_element(name), "", "")
                line |= {"state": "received", "cause": cause, "opened_at": record.at, "at": record.at}
                line |= {"answers": answers, "said": _said(definition, line["element"], answers)}
                lines[f"{record.seq}"] = {**line, **_actor(organisation, record)}
    definition = definition_of(case.definition)
    for task, silent in case.docket.items():
        if task in lines and owing(silent) and not case.closed:
            claim = claim_to_follow_up(case, definition, organisation, task)
            lines[task].update(stage="owed", people=[person.id for person in may(organisation, claim)])
    for step in steps(case, definition):
        claim = claim_to_do(case, definition, organisation, step)
        people = [person.id for person in may(organisation, claim)]
        if step.message is None:
            entry = case.docket.get(step.task)
            stage = {key: entry.get(key, "") for key in ("stage", "assignee", "suspended")} if entry else {}
            lines[step.task].update(due=step.due, provisional=step.provisional, people=people, **stage)
            lines[step.task]["referral"] = entry is not None and "joint" in entry
            lines[step.task].update(
                post=step.post, assignee_name=person_name(organisation, lines[step.task]["assignee"])
            )
        else:
            line = _line(definition, organisation, step.task, step.node.id, step.unit, step.post)
            line |= {"state": "awaited", "cause": None, "opened_at": None, "at": None}
            awaited.append({**line, "due": step.due, "provisional": step.provisional, "people": people})
    return [*lines.values(), *awaited]


def _moved(line: dict[str, Any], names: Names, definition: Definition) -> dict[str, Any]:
    """The line of a step in a case that has gone over to another version, as the step is called there."""
    task, element = renamed(line["task"], names), names.get(line["element"], line["element"])
    known = any(element in scope.nodes for scope in definition.net.scopes.values())
    name = definition.names(element) if known else line["name"]
    return {**line, "task": task, "element": element, "name": name}


def _line(
    definition: Definition, organisation: Organisation, task: str, element: str, unit: str, post: str
) -> dict[str, Any]:
    return {
        "task": task,
        "element": element,
        "name": definition.names(element),
        "unit": unit,
        "unit_name": dict(organisation.units.get(unit, {}).get("name", {})),
        "post": post,
        "by": None,
        "by_name": {},
        "answers": {},
        "said": {},
        "due": None,
        "provisional": False,
        "people": [],
        "stage": "",
        "assignee": "",
        "assignee_name": {},
        "suspended": "",
        "confirmed": [],
        "late": {},
        "referral": False,
    }


def _said(definition: Definition, element: str, answers: dict[str, Any]) -> dict[str, str]:
    """The first choice among the answers, in words."""
    return next(
        (line["words"] for line in answer_lines(form_of(definition, element), answers) if line["words"]), {}
    )


def form_of(definition: Definition, element: str) -> dict[str, Any]:
    """The form of an element, whether or not it is open; a form without fields if it has none."""
    for name, scope in definition.net.scopes.items():
        if element in scope.nodes:
            return definition.form(name, scope.nodes[element]) or NO_FIELDS
    return NO_FIELDS


def answer_lines(form: dict[str, Any], answers: dict[str, Any]) -> list[dict[str, Any]]:
    """What was entered, in the form's order: `field`, its `title`, the `value`, and for a choice its
    `words`."""
    fields, _ = shape(form, form, None)
    lines = []
    for name in [
        *(name for name in fields if name in answers),
        *(name for name in answers if name not in fields),
    ]:
        field, value = fields.get(name, {}), answers[name]
        words = next((_both(choice.title) for choice in choices_of(form, field) if choice.value == value), {})
        title = _both(field_title(name, field))
        lines.append({"field": name, "title": title, "value": value, "words": words})
    return lines


def _both(title: Text) -> dict[str, str]:
    return {"zh": str(title.params["zh"]), "en": str(title.params["en"])}


def story_lines(
    told: Iterable[tuple[Record, Definition | None]], organisation: Organisation
) -> list[dict[str, Any]]:
    """A history for readers: each record (given with the definition of its time) with what its codes are
    called.

    `name` is what the event is about (step, timer, clock, document, joint review, meeting, outcome), `said`
    as in `step_lines`, and for a pause its ground; `clock_name` is the clock that the event names, and
    `of_name` the step that this clock is of; `mentions` are the names of the other people and units in it;
    `because` says why an outcome is certain. The office's own history has no definition.
    """
    lines = []
    for record, definition in told:
        data = record.event.payload()
        clock = _clock_of(definition, data)
        line = {
            "seq": record.seq,
            "at": record.at,
            "entered": record.entered,
            "by": record.by,
            "by_name": _actor(organisation, record)["by_name"],
            "unit_name": dict(organisation.units.get(data.get("unit", ""), {}).get("name", {})),
            "type": record.event.type,
            "fact": record.event.fact,
            "data": data,
            "name": _about(definition, record.event) if definition else {},
            "clock_name": dict(clock.name) if clock else {},
            "of_name": _clocked(definition, data),
            "said": {},
            "mentions": _mentions(organisation, {**data, "for": record.by.get("for")}),
            "because": certainty(record.event, organisation),
            "prev": record.prev,
            "hash": record.hash,
        }
        if definition and isinstance(record.event, _ANSWERS):
            line["said"] = _said(definition, element_of(record.event.task), record.event.data)
        if definition and isinstance(record.event, MessageReceived):
            element = definition.message_element(record.event.name)
            line["said"] = _said(definition, element, record.event.data)
        if definition and "timer" in data:
            line["said"] = _timed(definition, data["timer"])
        if clock:
            line["name"] = line["name"] or dict(clock.name)
            line["said"] = _ground(clock, data) or line["said"]
        lines.append(line)
    return lines


_ANSWERS = (TaskCompleted, AnswerEntered, ReferralReportedUp, ReferralFollowedUp)


_NAMED = ("unit", "to", "person", "for")
"""Fields of events that hold the code of a unit or a person."""


def _mentions(organisation: Organisation, data: dict[str, Any]) -> list[dict[str, Any]]:
    """The people and units that an event names by their codes, each with its name."""
    told: list[str] = [str(data[key]) for key in _NAMED if isinstance(data.get(key), str)]
    for key in ("dissent", "deemed", "departments", "present"):
        told += data[key] if isinstance(data.get(key), list) else []
    for condition in data.get("conditions", ()):
        told += condition["units"]
    units = {code: dict(unit["name"]) for code, unit in organisation.units.items() if code in told}
    people = {code: dict(organisation.people[code].name) for code in told if code in organisation.people}
    named = units | people
    return [{"code": code, "name": named[code]} for code in dict.fromkeys(told) if code in named]


def certainty(event: Event, organisation: Organisation) -> Text | None:
    """Why the outcome of a joint review is certain, from the certificate on record."""
    if not isinstance(event, JointCertain):
        return None
    told = dict(event.proof["rule"])
    need = told.pop("need")
    rule = joint.Rule(need=joint.parse_need(need) if need is not None else None, **told)
    answers = {
        seat: joint.Answer(**{**answer, "conditions": tuple(answer["conditions"])})
        for seat, answer in event.proof["answers"].items()
    }
    seats = [joint.Seat(**seat) for seat in event.proof["seats"]]
    return with_names(joint.decide(rule, seats, answers).proof.because, organisation)


def with_names(text: Text, organisation: Organisation) -> Text:
    """The text with the names of units in the place of their codes."""

    def named(key: str, value: Any) -> Any:
        if isinstance(value, Text):
            return with_names(value, organisation)
        known = organisation.units.get(value) if key in ("unit", "lead") else None
        return titled(known["name"].get("zh", ""), known["name"].get("en", "")) if known else value

    return Text(text.msgid, {key: named(key, value) for key, value in text.params.items()})


def unit_names(organisation: Organisation, unit: str) -> dict[str, str]:
    """The names of a unit (a code); nothing where none is called so."""
    return dict(organisation.units.get(unit, {}).get("name", {}))


def person_name(organisation: Organisation, person: str) -> dict[str, str]:
    """The names of a person (an id); nothing where nobody is called so."""
    return dict(organisation.people[person].name) if person in organisation.people else {}


def _clock_of(definition: Definition | None, data: dict[str, Any]) -> Clock | None:
    """The clock of the item that an event names; it names a running of it (`decision#2`)."""
    return definition.clocks.get(clock_of(str(data.get("clock") or ""))) if definition else None


def _clocked(definition: Definition | None, data: dict[str, Any]) -> dict[str, str]:
    """The step that a clock named in an event is of (`referral@tax_review`); nothing for a clock of the
    case."""
    _, _, step = str(data.get("clock") or "").partition("@")
    return definition.names(element_of(step)) if definition and step else {}


def _ground(clock: Clock, data: dict[str, Any]) -> dict[str, str]:
    """The name of the ground of a pause, also of one that lasts longer than was told."""
    named = data.get("ground") or str(data.get("rung", "")).removeprefix(OVERSTAYED)
    ground = clock.rule.grounds.get(named)
    return {"zh": ground.zh, "en": ground.en} if ground else {}


def _timed(definition: Definition, timer: str) -> dict[str, str]:
    """The step on whose edge a timer sits; nothing for a timer that is a step of its own."""
    visit = visit_of_timer(timer)
    return definition.names(element_of(visit)) if visit else {}


def _about(definition: Definition, event: Event) -> dict[str, str]:
    match event:
        case CaseOpened():
            return dict(definition.item["name"])
        case CaseClosed(outcome=outcome):
            return definition.outcome_names(outcome)
        case DocumentIssued(document=document):
            return dict(definition.document(document)["name"])
        case MessageReceived(name=name):
            return definition.names(definition.message_element(name))
        case JointCertain(joint=id) | JointDecided(joint=id):
            return dict(definition.joints[id].name)
        case MeetingConvened(meeting=id) | MeetingHeld(meeting=id) | MeetingAbsent(meeting=id):
            return dict(definition.meetings[id].name)
        case MaterialReceived(material=id):
            return {"zh": str(definition.materials.get(id, {}).get("name", id))}
    element = element_of(getattr(event, "element", "") or getattr(event, "task", ""))
    return definition.names(element) if element else {}


def _actor(organisation: Organisation, record: Record) -> dict[str, Any]:
    person = organisation.people.get(record.by.get("person", ""))
    unit = record.by.get("unit", "")
    return {
        "by": record.by.get("person"),
        "by_name": dict(person.name) if person else {},
        "unit": unit,
        "unit_name": dict(organisation.units.get(unit, {}).get("name", {})),
        "post": record.by.get("post", ""),
    }


def document_context(
    case: Case,
    definition: Definition,
    fact: Event | None,
    calendar_of: CalendarOf,
    organisation: Organisation,
    at: datetime,
    by: dict[str, Any],
    event: DocumentIssued,
    number: str,
    zone: str,
) -> dict[str, Any]:
    """What a template may say: the case as it stands at this moment, the step, the person, the number.

    `fact` is what the document follows from. All of it follows from the history: `verify` makes documents
    again, so what templates were told once they are told for ever.
    """
    person = organisation.people.get(by.get("person", ""))
    answers: dict[str, Any] = {}
    if fact is not None:
        # What was entered before others signed it, or is said by silence, stands in the docket.
        entry = case.docket.get(event.element)
        answers = fact.payload().get("data") or (entry.get("answer", {}) if entry else {})
    described = definition.item["documents"][event.document]
    return {
        "office": {"name": dict(organisation.name), "division": organisation.division, "zone": zone},
        "case": {"number": case.number, "item_code": case.item, "opened_at": case.opened_at},
        "item": definition.item,
        "data": variables(case.marking, _frame_of(case, event.element)),
        "answers": answers,
        "step": {"id": event.element, "name": definition.names(element_of(event.element))},
        "clocks": clocks_for_documents(case, definition, calendar_of, at),
        "deemed": [dict(deemed) for deemed in case.deemed],
        "joint": {
            line["joint"]: _on_paper({key: value for key, value in line.items() if key != "because"})
            for line in joint_lines(case, definition, organisation)
        },
        "materials": _on_paper(material_lines(case, definition, organisation)),
        "first_contact": _on_paper(contact_line(case, organisation)),
        "agent": agent_line(case, definition),
        "signers": _signers(case, organisation, event.element),
        "people": {id: someone.name["zh"] for id, someone in organisation.people.items()},
        "units": {code: organisation.unit_name(code, "zh") for code in organisation.units},
        "notice": notice_of(case, definition, event.element),
        "actor": {
            "name": dict(person.name) if person else {"zh": "", "en": ""},
            "unit": by.get("unit", ""),
            "unit_name": organisation.unit_name(by["unit"], "zh") if "unit" in by else "",
            "post": by.get("post", ""),
        },
        "document": {"id": event.document, "number": number, "name": described["name"]},
        "documents": {name: {"number": issued} for name, issued in case.documents.items()},
        "date": at.astimezone(ZoneInfo(zone)).date().isoformat(),
    }


def _signers(case: Case, organisation: Organisation, task: str) -> list[dict[str, str]]:
    """Whose names stand under a step, with the number of her certificate."""
    entry = case.docket.get(task)
    found = []
    for person, *_ in entry["actors"] if entry is not None else ():
        own = organisation.certificate_of(person, CERTIFICATE)
        name = organisation.people[person].name["zh"] if person in organisation.people else person
        found.append({"name": name, "certificate": own.number if own is not None else ""})
    return found


def _on_paper(told: Any) -> Any:
    """The same with the Chinese names of units and people, as papers are in Chinese."""
    if isinstance(told, list):
        return [_on_paper(one) for one in told]
    if isinstance(told, dict):
        return {
            key: value.get("zh", "") if key.endswith("name") and isinstance(value, dict) else _on_paper(value)
            for key, value in told.items()
        }
    return told


def _frame_of(case: Case, task: str) -> str:
    """The innermost running scope that a step lies in: a called process has variables of its own."""
    frame = task.rpartition("/")[0]
    while frame and frame not in case.marking["frames"]:
        frame = frame.rpartition("/")[0]
    return frame


# --- joint reviews, recusals, materials


def joint_lines(case: Case, definition: Definition, organisation: Organisation) -> list[dict[str, Any]]:
    """The latest round of each joint review: what it comes to so far, and each department's answer.

    `outcome` is None while it is open; `certain` says that no open answer can change it. A deemed answer has
    `deemed` true, the opinion `deemed`, the basis of the policy, and nobody's name.
    """
    lines = []
    for id, review in definition.joints.items():
        round = round_of(case.docket, id)
        if not round:
            continue
        made = decision(review, case.docket, round)
        lines.append(
            {
                "joint": id,
                "name": dict(review.name),
                "round": round,
                "outcome": made.outcome,
                "certain": made.certain,
                "because": with_names(made.proof.because, organisation),
                "conditions": [
                    {"text": one.text, "units": [organisation.unit_name(unit, "zh") for unit in one.units]}
                    for one in made.conditions
                ],
                "dissent": [organisation.unit_name(unit, "zh") for unit in made.dissent],
                "answers": [
                    _answer_line(task, entry, definition, organisation)
                    for task, entry in entries_of(case.docket, id, round).items()
                ],
            }
        )
    return lines


def _answer_line(
    task: str, entry: Entry, definition: Definition, organisation: Organisation
) -> dict[str, Any]:
    opinion = opinion_of(entry)
    answer = entry.get("answer", {}) if opinion not in ("", DEEMED) else {}
    silence = definition.joints[entry["joint"]].silence
    names = [organisation.people[one[0]].name for one in entry["actors"] if one[0] in organisation.people]
    spoken = [dict(name) for name in names] if opinion not in ("", DEEMED) else []
    return {
        "task": task,
        "unit": entry["unit"],
        "unit_name": dict(organisation.units.get(entry["unit"], {}).get("name", {})),
        "opinion": opinion,
        "words": OPINIONS.get(opinion, {}),
        "stage": entry["stage"],
        "deemed": opinion == DEEMED,
        "basis": silence.basis.as_json() if opinion == DEEMED and silence is not None else None,
        "reason": str(answer.get("reason", "")),
        "conditions": conditions_in(answer),
        "competent": str(answer.get("competent", "")),
        "by_name": spoken[0] if spoken else {},
        "confirmed_by_name": spoken[1] if len(spoken) > 1 else {},
        "at": entry.get("at"),
    }


OPINIONS = {
    "agree": {"zh": "同意", "en": "agrees"},
    "conditions": {"zh": "附条件同意", "en": "agrees on conditions"},
    "disagree": {"zh": "不同意", "en": "disagrees"},
    "not_concerned": {"zh": "不涉及本部门职责", "en": "is not concerned"},
    "abstain": {"zh": "弃权", "en": "abstains"},
    "deemed": {"zh": "视为同意（超时默认）", "en": "deemed to agree, by silence"},
    "recused": {"zh": "回避", "en": "keeps out"},
}
"""An opinion on record in words."""


TO_DECIDE = {"zh": "决定是否回避", "en": "Decision about a recusal"}
"""What the decision about a recusal is called among the open steps."""


def recusal_lines(case: Case, definition: Definition, organisation: Organisation) -> list[dict[str, Any]]:
    """Whose impartiality is or was in question, in order; `people` may decide about one that is open."""
    return [
        {
            "recusal": id,
            **recusal,
            "people": [
                person.id for person in may(organisation, claim_to_decide(case, definition, organisation, id))
            ]
            if recusal["state"] == "open" and not case.closed
            else [],
            "name": dict(organisation.people[recusal["person"]].name)
            if recusal["person"] in organisation.people
            else {},
        }
        for id, recusal in sorted(case.recusals.items(), key=lambda pair: pair[1]["n"])
    ]


def material_lines(case: Case, definition: Definition, organisation: Organisation) -> list[dict[str, Any]]:
    """The materials on file, in the order in which they came."""
    return [
        {
            "id": id,
            "name": str(definition.materials.get(id, {}).get("name", id)),
            "reference": filed["reference"],
            "unit": filed["unit"],
            "unit_name": dict(organisation.units.get(filed["unit"], {}).get("name", {})),
            "at": filed["at"],
        }
        for id, filed in sorted(case.materials.items(), key=lambda pair: pair[1]["n"])
    ]


def finding_lines(
    told: Iterable[tuple[Record, Definition]], organisation: Organisation
) -> list[dict[str, Any]]:
    """What in a history (each record with the definition of its time) somebody will have to answer for, in
    order: `finding` (a code), the step, `basis`, `at`, and by
    whose act it came to that (nobody's, where time did it)."""
    return [
        {
            "case": record.case,
            "finding": record.event.finding,
            "name": _about(definition, record.event),
            "basis": dict(record.event.basis),
            "at": record.at,
            "by": record.by.get("person"),
            "by_name": _actor(organisation, record)["by_name"],
        }
        for record, definition in told
        if isinstance(record.event, FindingRaised)
    ]


def contact_line(case: Case, organisation: Organisation) -> dict[str, Any]:
    """Who has first-contact responsibility; empty for a case from before that was on record."""
    if case.contact is None:
        return {}
    person, unit = case.contact["person"], case.contact["unit"]
    return {
        "person": person,
        "name": dict(organisation.people[person].name) if person in organisation.people else {},
        "unit": unit,
        "unit_name": dict(organisation.units.get(unit, {}).get("name", {})),
    }


def agent_line(case: Case, definition: Definition) -> dict[str, str]:
    """Who files for whom, and on what authorisation; empty where the applicant files himself."""
    fields = definition.agent
    root = case.marking["frames"][""].get("data", {}) if "" in case.marking["frames"] else {}
    if fields is None or not root.get(fields.agent):
        return {}
    return {
        "agent": str(root[fields.agent]),
        "principal": str(root.get(fields.principal, "")),
        "authorisation": str(root.get(fields.authorisation, "")),
    }
