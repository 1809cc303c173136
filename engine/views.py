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
from .definition import Definition
from .events import (
    DocumentIssued,
    MessageReceived,
    Record,
    TaskCancelled,
    TaskCompleted,
    TaskOpened,
    TimerFired,
)
from .flow.marking import variables


def step_lines(
    history: Iterable[Record], case: Case, definition: Definition, organisation: Organisation
) -> list[dict[str, Any]]:
    """Every step the case has come to, in order of opening, and what it waits for now.

    `state` is `done`, `open`, `cancelled`, `fired` (a timer), `received` (a message) or `awaited` (a
    message that may come); `answers` what was entered, `due` the first timer on it.
    """
    lines: dict[str, dict[str, Any]] = {}
    fired: list[dict[str, Any]] = []
    for record in history:
        match record.event:
            case TaskOpened(task=task, element=element, unit=unit, post=post):
                lines[task] = {
                    **_line(definition, organisation, task, element, unit, post),
                    "state": "open",
                    "opened_at": record.at,
                    "at": None,
                }
            case TaskCompleted(task=task, data=answers):
                lines[task].update(
                    state="done", at=record.at, answers=answers, **_actor(organisation, record)
                )
            case TaskCancelled(task=task):
                lines[task].update(state="cancelled", at=record.at)
            case TimerFired(timer=timer, element=element):
                line = _line(definition, organisation, timer, element, "", "")
                lines[f"{record.seq}"] = {**line, "state": "fired", "opened_at": record.at, "at": record.at}
            case MessageReceived(name=name, data=answers):
                line = _line(definition, organisation, name, definition.message_element(name), "", "")
                line |= {"state": "received", "opened_at": record.at, "at": record.at, "answers": answers}
                lines[f"{record.seq}"] = {**line, **_actor(organisation, record)}
    for step in steps(case, definition):
        if step.message is None:
            lines[step.task]["due"] = step.due
        else:
            line = _line(definition, organisation, step.task, step.node.id, step.unit, step.post)
            fired.append({**line, "state": "awaited", "opened_at": None, "at": None, "due": step.due})
    return [*lines.values(), *fired]


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
        "due": None,
    }


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
    step_element = event.element.rpartition("/")[2].partition("#")[0].partition(":")[0]
    person = organisation.people.get(by.get("person", ""))
    answers: dict[str, Any] = {}
    for _, _, entered in reversed(course.entries):
        if entered.fact:
            answers = entered.payload().get("data", {})
            break
    described = definition.item["documents"][event.document]
    return {
        "office": {"name": dict(organisation.name), "division": organisation.division},
        "case": {"number": case.number, "item_code": case.item, "opened_at": case.opened_at},
        "item": definition.item,
        "data": variables(case.marking),
        "answers": answers,
        "step": {"id": event.element, "name": definition.names(step_element)},
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
