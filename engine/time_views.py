"""What a case's clocks show, as plain data for people and for documents (floor 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from .case import CalendarOf, Case, hours_of
from .clock import count, ledger, parse_term, read_instant, write_instant
from .clock.ledger import Ledger, Pause, Rule
from .deadlines import OVERSTAYED, Deadline, card_state, find, rule_of, runs, spent, unit_of
from .definition import Definition
from .errors import Invalid, Text, say
from .flow.marking import element_of, timers, visit_of_timer
from .organisation import Organisation
from .steps import dues

LIVE = frozenset({"running", "paused", "expired"})
"""States of a clock that still measures something."""

TIERS = ("statutory", "promised", "step")
"""From the highest down."""


def clock_lines(
    case: Case, definition: Definition, calendar_of: CalendarOf, now: datetime
) -> list[dict[str, Any]]:
    """Every running of every clock as it stands at `now`, those of the greatest risk first.

    `state` is `running`, `paused`, `expired` (and still measured), `stopped`, or `spent` (its running out had
    an effect, and that was its end). `colour` is the rung reached last. Amounts are in `count_unit`.
    """
    lines = []
    for id, deadline in case.deadlines.items():
        clock = definition.clocks[deadline["clock"]]
        book = Ledger.from_json(deadline["ledger"])
        rule, unit = rule_of(clock, deadline), unit_of(clock, deadline)
        hours = hours_of(case, deadline["calendar"], calendar_of)(unit)
        shown = ledger.read(rule, book, hours, now)
        # By the instant asked for, whether or not a sweep has been there; of a clock that stands still nobody
        # can say when it would reach what it has reached before.
        struck = [alarm.rung for alarm in shown.rungs if alarm.at <= now] or deadline["reached"]
        reached = [rung for rung in struck if not rung.startswith(OVERSTAYED)]
        lines.append(
            {
                "clock": id,
                "name": dict(clock.name),
                "of": deadline.get("of"),
                "tier": rule.tier,
                "unit": unit,
                "state": _state(deadline, shown),
                "term": str(rule.term),
                "basis": rule.basis.as_json(),
                "since": deadline["ledger"]["runs"][-1]["started"],
                "due": deadline["due"],
                "due_date": shown.due_date.isoformat() if shown.due_date else None,
                "expected": shown.expected.isoformat() if shown.expected else None,
                "provisional": shown.provisional,
                "total": shown.total,
                "used": shown.used,
                "left": shown.left,
                "over": shown.over,
                "count_unit": shown.unit,
                "colour": reached[-1] if reached else None,
                "paused": [_paused(pause, rule) for pause in book.run.pauses if pause.until is None],
                "late": deadline["expired"] is not None,
                "effect": rule.effect.kind,
            }
        )
    return sorted(lines, key=_pressing)


def _paused(pause: Pause, rule: Rule) -> dict[str, Any]:
    ground = rule.grounds[pause.ground]
    return {
        "ground": pause.ground,
        "name": {"zh": ground.zh, "en": ground.en},
        "since": write_instant(pause.since),
        "expected": str(pause.expected),
        "document": pause.document,
    }


def _state(deadline: Deadline, shown: ledger.Reading) -> str:
    if not runs(deadline):
        return "spent" if spent(deadline) else "stopped"
    if shown.expired:
        return "expired"
    return "paused" if shown.paused else "running"


def _pressing(line: Mapping[str, Any]) -> tuple[Any, ...]:
    """Legal risk as an order: live before done; exceeded by law, exceeded by promise or step, warned, calm;
    then the earlier due date, and the higher tier."""
    exceeded = line["state"] == "expired"
    if line["colour"] == "red" or (exceeded and line["tier"] == "statutory"):
        rank = 0
    elif line["colour"] == "yellow" or exceeded:
        rank = 1
    else:
        rank = 2 if line["colour"] else 3
    return (
        line["state"] not in LIVE,
        rank,
        line["due"] is None,
        line["due"] or "",
        TIERS.index(line["tier"]),
        line["clock"],
    )


def risk(line: Mapping[str, Any]) -> tuple[Any, ...]:
    """The order of the inbox: by the most pressing clock that concerns the step, then the step's own due
    date, then its age."""
    pressing = [_pressing(clock) for clock in line["clocks"]]
    calm = (False, 3, line["due"] is None, line["due"] or "", len(TIERS), "")
    own = (False, 1, *calm[2:]) if line["late"] else calm
    return (min([*pressing, own]), line["opened_at"], line["case"], line["task"])


def concerning(lines: Sequence[dict[str, Any]], unit: str, task: str) -> list[dict[str, Any]]:
    """The live clocks that concern the step `task` of `unit`: those of the case, and steps' clocks of its
    own."""
    return [
        line
        for line in lines
        if line["state"] in LIVE
        and (line["of"] == task if line["of"] is not None else line["tier"] != "step" or line["unit"] == unit)
    ]


def card_lines(case: Case, definition: Definition, organisation: Organisation) -> list[dict[str, Any]]:
    """The cards of the case, in order."""
    lines = []
    for id, card in sorted(case.cards.items(), key=lambda entry: entry[1]["n"]):
        clock = case.deadlines[card["clock"]]["clock"]
        lines.append(
            {
                "card": id,
                "colour": card["colour"],
                "clock": card["clock"],
                "name": dict(definition.clocks[clock].name),
                "unit": card["unit"],
                "unit_name": dict(organisation.units.get(card["unit"], {}).get("name", {})),
                "at": card["at"],
                "state": card_state(card),
                "acts": card["acts"],
            }
        )
    return lines


def timer_lines(case: Case, definition: Definition) -> list[dict[str, Any]]:
    """The armed timers of the diagram, next first."""
    return [
        {
            "timer": timer.timer,
            "element": timer.element,
            "name": definition.names(timer.element),
            "step": definition.names(element_of(visit_of_timer(timer.timer) or timer.timer)),
            "due": timer.due,
            "clock": timer.clock or None,
            "provisional": timer.provisional,
        }
        for timer in dues(case, definition)
    ]


# --- how a date comes about


def explanation(
    case: Case, definition: Definition, calendar_of: CalendarOf, name: str | None, now: datetime
) -> list[dict[str, Any]]:
    """For the clock or timer `name`, or for all: `clock`, `kind` (`clock`, `timer`), `name`, `lines` (texts)
    and `certificate`, as at `now`. Raises `Invalid` for one that the case does not have."""
    armed = {timer.timer: timer for timer in timers(definition.net, case.marking)}
    counted = {id: timer for id, timer in armed.items() if timer.term}
    if name is None:
        wanted = [*case.deadlines, *counted]
    elif name in armed:
        wanted = [name]
    else:
        wanted = [find(case.deadlines, definition.clocks, name)[0]]
    found: list[dict[str, Any]] = []
    for id in wanted:
        if id in case.deadlines:
            deadline = case.deadlines[id]
            clock = definition.clocks[deadline["clock"]]
            book = Ledger.from_json(deadline["ledger"])
            rule = rule_of(clock, deadline)
            workdays = hours_of(case, deadline["calendar"], calendar_of)(unit_of(clock, deadline))
            found.append(
                {
                    "clock": id,
                    "kind": "clock",
                    "name": dict(clock.name),
                    "lines": ledger.explain(rule, book, workdays, now),
                    "certificate": ledger.certificate(rule, book, workdays, now),
                }
            )
            continue
        timer = armed[id]
        if not timer.term:
            raise Invalid(
                "clock.exact",
                say("{timer} is an exact time: {due}", timer=id, due=timer.due),
                expected=say("a clock, or a timer that counts a term"),
            )
        lane = definition.net.scopes[timer.scope].nodes[timer.element].lane
        unit = str(definition.item["lanes"].get(lane or "", "")).partition("/")[0]
        workdays = hours_of(case, case.calendar, calendar_of)(unit)
        told = count(read_instant(timer.counted_from), parse_term(timer.term), workdays)
        lines: list[Text] = [row.text() for row in told.rows]
        found.append(
            {
                "clock": id,
                "kind": "timer",
                "name": definition.names(timer.element),
                "lines": lines,
                "certificate": ledger.term_certificate(told, workdays),
            }
        )
    return found


# --- for documents


def clocks_for_documents(
    case: Case, definition: Definition, calendar_of: CalendarOf, at: datetime
) -> dict[str, dict[str, Any]]:
    """The latest running of each clock of the case by its name, for templates; one that never started is
    missing, and so are those that run for each task."""
    found: dict[str, dict[str, Any]] = {}
    order = {id: deadline["n"] for id, deadline in case.deadlines.items()}
    lines = [line for line in clock_lines(case, definition, calendar_of, at) if line["of"] is None]
    for line in sorted(lines, key=lambda line: order[line["clock"]]):
        found[case.deadlines[line["clock"]]["clock"]] = line
    return found


def notice_of(case: Case, definition: Definition, element: str) -> dict[str, Any]:
    """What a notice about a clock tells of: the pause or extension that was just entered; empty for other
    documents. `element` as `deadlines.Book` names it."""
    if not element.startswith("clock:"):
        return {}
    id, _, kind = element.removeprefix("clock:").rpartition(":")
    deadline = case.deadlines[id]
    clock = definition.clocks[deadline["clock"]]
    entry = deadline["ledger"]["runs"][-1][kind][-1]
    told: dict[str, Any] = {"clock": deadline["clock"], "name": dict(clock.name), **entry}
    rule = rule_of(clock, deadline)
    if kind == "pauses":
        ground = rule.grounds[entry["ground"]]
        told["ground_name"] = {"zh": ground.zh, "en": ground.en}
        told["basis"] = ground.basis.as_json()
    elif rule.extension is not None:
        told["basis"] = rule.extension.basis.as_json()
    return told
