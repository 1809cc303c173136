"""Timers (§10.5.5): when they are due, and again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ...clock import (
    NotATime,
    Term,
    add_duration,
    due,
    parse_cycle,
    parse_instant,
    read_instant,
    read_term,
    write_instant,
)
from ...errors import Invalid, say
from ..marking import Timer, event_node, part_key, timer_id_of
from ..net import Event, Node, the
from .board import Board, Fault


def arm(board: Board, frame_id: str, visit_id: str, nodes: Iterable[Node]) -> None:
    """Begin to wait for the events `nodes` on the visit. Raises `Fault` for a timer that is none."""
    for node in nodes:
        event = the(node.event)
        for part, trigger in enumerate(event.parts) if event.parts else ((None, event),):
            if trigger.kind == "timer":
                timer = new_timer(board, frame_id, node, trigger)
                key = part_key(node, part)
                board.visit(frame_id, visit_id).setdefault("timers", {})[key] = timer
                note_armed(board, frame_id, visit_id, key)
            elif trigger.kind == "conditional":
                board.changed = True


def note_armed(board: Board, frame_id: str, visit_id: str, key: str) -> None:
    frame = board.frames[frame_id]
    visit = frame["live"][visit_id]
    timer = visit["timers"][key]
    scope, node = event_node(board.net, frame, visit, key)
    board.tell(
        "armed",
        scope,
        node,
        timer_id_of(visit_id, visit, key),
        due=timer.get("due"),
        clock=timer.get("clock"),
        provisional=timer.get("provisional", False),
    )


def new_timer(board: Board, frame_id: str, node: Node, event: Event) -> Timer:
    """When the timer is due first. Never before now: a date that has passed is due at once."""
    text = the(event.text)
    try:
        try:
            return _read(board, node, event.timer, text)
        except NotATime:
            value = board.evaluate(frame_id, text, node.id)
            if not isinstance(value, str):
                raise NotATime(str(value)) from None
            text = value
            return _read(board, node, event.timer, text)
    except NotATime as error:
        raise Fault(
            "timer.unreadable",
            say(
                "timer {element}: {text} is not an ISO 8601 {kind}",
                element=node.id,
                text=text,
                kind=event.timer,
            ),
        ) from error


def _read(board: Board, node: Node, kind: str | None, text: str) -> Timer:
    """The timer that `text` describes: an ISO 8601 literal, `clock:NAME`, or a term such as `5wd`."""
    zone = board.marking["zone"]
    if kind == "cycle":
        cycle = parse_cycle(text, zone)
        if cycle.times == 0:
            raise NotATime(text)
        timer = _after(board, node, board.now, cycle.every)
        if read_instant(timer["due"]) <= board.now:
            raise NotATime(text)
        if cycle.start is not None:
            timer = {"due": _not_before_now(board, cycle.start)}
        timer["every"] = cycle.every
        if cycle.times is not None:
            timer["left"] = cycle.times - 1
        return timer
    name = text.removeprefix("clock:")
    if name != text:
        if name not in board.almanac.clocks:
            raise Fault("clock.unknown", say("the item has no clock {clock}", clock=name))
        return {"clock": name}
    if kind == "date":
        return {"due": _not_before_now(board, parse_instant(text, zone))}
    return _after(board, node, board.now, text)


def _after(board: Board, node: Node, start: datetime, text: str) -> Timer:
    """A timer that is due so long after `start`: exact for an ISO 8601 duration, counted by the calendar
    of the node's lane for a term of law."""
    term = read_term(text)
    if term is None:
        return {"due": _not_before_now(board, add_duration(start, text, board.marking["zone"]))}
    if board.almanac.workdays is None and term.unit != "wd":
        exact = f"P{term.n}D" if term.unit == "d" else f"PT{term.n}H"
        return {"due": _not_before_now(board, add_duration(start, exact, board.marking["zone"]))}
    timer: Timer = {"term": text, "since": write_instant(start)}
    _count(board, node, timer, term)
    return timer


def _count(board: Board, node: Node, timer: Timer, term: Term) -> None:
    """Set when the term of `timer` ends, by the calendar as it is now."""
    if board.almanac.workdays is None:
        raise Fault("timer.calendar", say("no calendar is on record to count {term} by", term=term.text()))
    try:
        end = due(read_instant(timer["since"]), term, board.almanac.workdays(node.lane))
    except Invalid as refusal:
        raise Fault(refusal.code, refusal.message) from refusal
    timer["due"] = _not_before_now(board, end.at)
    timer.pop("provisional", None)
    if end.provisional:
        timer["provisional"] = True


def _not_before_now(board: Board, due: datetime) -> str:
    return write_instant(max(due, board.now))


def rearm(board: Board, frame_id: str, visit_id: str, key: str) -> None:
    """After a non-interrupting timer fired: the next time of its cycle, or none."""
    frame = board.frames[frame_id]
    visit = frame["live"][visit_id]
    timer = visit.get("timers", {}).pop(key, None)
    if timer is None or "every" not in timer or timer.get("left") == 0:
        return
    _, node = event_node(board.net, frame, visit, key)
    again = _after(board, node, read_instant(timer["due"]), timer["every"])
    again["every"] = timer["every"]
    if "left" in timer:
        again["left"] = timer["left"] - 1
    visit["timers"][key] = again
    note_armed(board, frame_id, visit_id, key)


def revise(board: Board) -> None:
    """Count every running term again. What would have ended before now ends now."""
    armed = [
        (visit["since"], *event_node(board.net, frame, visit, key), timer_id_of(visit_id, visit, key), timer)
        for frame in board.frames.values()
        for visit_id, visit in frame["live"].items()
        for key, timer in visit.get("timers", {}).items()
    ]
    for _, scope, node, timer_id, timer in sorted(armed, key=lambda a: (a[0], a[2].order, a[3])):
        term = read_term(timer.get("term", ""))
        if term is None:
            continue
        was = timer["due"], timer.get("provisional", False)
        _count(board, node, timer, term)
        if was != (timer["due"], timer.get("provisional", False)):
            board.tell(
                "moved",
                scope,
                node,
                timer_id,
                was=was[0],
                due=timer["due"],
                provisional=timer.get("provisional", False),
            )
