"""Plain data for people and for documents (floor 5): where a case stands, what a template may say.

Names are `{"zh": …, "en": …}`; the front end picks the language.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from .access import Organisation
from .case import Case, Course, steps
from .deadlines import OVERSTAYED
from .definition import Definition
from .definition.clocks import Clock
from .errors import Text
from .events import (
    CaseClosed,
    CaseOpened,
    DocumentIssued,
    Event,
    IncidentRaised,
    MessageReceived,
    Record,
    TaskCancelled,
    TaskCompleted,
    TaskOpened,
    TimerFired,
)
from .flow.marking import element_of, variables
from .forms import NO_FIELDS
from .forms.schema import choices_of, field_title, shape
from .time_views import clocks_for_documents, notice_of


def step_lines(
    history: Iterable[Record], case: Case, definition: Definition, organisation: Organisation
) -> list[dict[str, Any]]:
    """Every step the case has come to, in order of opening, and what it waits for now.

    `state` is `done`, `open`, `cancelled`, `fired` (a timer), `received` (a message), `failed` (the
    diagram's own expression did) or `awaited` (a message that may come). `cause` is the number of the
    event that opened it: steps of one cause are open side by side. `answers` is what was entered and
    `said` the first choice among that, in words (of a timer: the step on whose edge it sits); `due` the
    first timer on it, `provisional` if its year's holidays were not announced; `people` may do it.
    """
    lines: dict[str, dict[str, Any]] = {}
    awaited: list[dict[str, Any]] = []
    cause = 0
    for record in history:
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
            case TaskCompleted(task=task, data=answers):
                line = lines[task]
                line.update(state="done", at=record.at, answers=answers, **_actor(organisation, record))
                line["said"] = _said(definition, line["element"], answers)
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
            case MessageReceived(name=name, data=answers):
                line = _line(definition, organisation, name, definition.message_element(name), "", "")
                line |= {"state": "received", "cause": cause, "opened_at": record.at, "at": record.at}
                line |= {"answers": answers, "said": _said(definition, line["element"], answers)}
                lines[f"{record.seq}"] = {**line, **_actor(organisation, record)}
    for step in steps(case, definition):
        people = [person.id for person in organisation.holders(step.unit, step.post)]
        if step.message is None:
            lines[step.task].update(due=step.due, provisional=step.provisional, people=people)
        else:
            line = _line(definition, organisation, step.task, step.node.id, step.unit, step.post)
            line |= {"state": "awaited", "cause": None, "opened_at": None, "at": None}
            awaited.append({**line, "due": step.due, "provisional": step.provisional, "people": people})
    return [*lines.values(), *awaited]


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
    history: Iterable[Record], definition: Definition | None, organisation: Organisation
) -> list[dict[str, Any]]:
    """A history for readers: each record with what its codes are called.

    `name` is what the event is about (step, timer, clock, document, outcome), `said` as in `step_lines`, and
    for a pause its ground; `clock_name` is the clock that the event names. The office's own history has no
    definition.
    """
    lines = []
    for record in history:
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
            "said": {},
            "prev": record.prev,
            "hash": record.hash,
        }
        if definition and isinstance(record.event, TaskCompleted):
            line["said"] = _said(definition, record.event.element, record.event.data)
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


def _clock_of(definition: Definition | None, data: dict[str, Any]) -> Clock | None:
    """The clock of the item that an event names; it names a running of it (`decision#2`)."""
    name = str(data.get("clock") or "").partition("#")[0]
    return definition.clocks.get(name) if definition else None


def _ground(clock: Clock, data: dict[str, Any]) -> dict[str, str]:
    """The name of the ground of a pause, also of one that lasts longer than was told."""
    named = data.get("ground") or str(data.get("rung", "")).removeprefix(OVERSTAYED)
    ground = clock.rule.grounds.get(named)
    return {"zh": ground.zh, "en": ground.en} if ground else {}


def _timed(definition: Definition, timer: str) -> dict[str, str]:
    """The step on whose edge a timer sits; nothing for a timer that is a step of its own."""
    visit, _, edge = timer.partition("!")
    return definition.names(element_of(visit)) if edge else {}


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
    element = getattr(event, "element", None)
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
    course: Course,
    organisation: Organisation,
    at: datetime,
    by: dict[str, Any],
    event: DocumentIssued,
    number: str,
    zone: str,
) -> dict[str, Any]:
    """What a template may say: the case as it stands at this moment, the step, the person, the number."""
    case, definition = course.case, course.definition
    person = organisation.people.get(by.get("person", ""))
    answers: dict[str, Any] = {}
    for _, _, entered in reversed(course.entries):
        if entered.fact:
            answers = entered.payload().get("data", {})
            break
    described = definition.item["documents"][event.document]
    return {
        "office": {"name": dict(organisation.name), "division": organisation.division, "zone": zone},
        "case": {"number": case.number, "item_code": case.item, "opened_at": case.opened_at},
        "item": definition.item,
        "data": variables(case.marking),
        "answers": answers,
        "step": {"id": event.element, "name": definition.names(element_of(event.element))},
        "clocks": clocks_for_documents(case, definition, course.calendar_of, at),
        "deemed": [dict(deemed) for deemed in case.deemed],
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
