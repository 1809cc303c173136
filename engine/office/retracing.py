"""One history run again, act by act, to any event or instant, and its marking on the diagram."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from .. import audit
from ..clock import read_instant, write_instant
from ..errors import Unknown, say
from ..events import Record
from ..flow.marking import open_tasks
from ..retrace import STYLE, Act, act_lines, marks_of, retrace
from ..store import Reader
from ..views import by_version, story_lines
from .drawings import diagram_of
from .library import Library, find_case, standing

if TYPE_CHECKING:
    from ..drawing import Drawing


class Retraced:
    """A history run again as far as `to`: an event's number, an instant, or None for its end.

    Raises `Unknown` for a case, an event or an instant that there is not, and `Diverged` for a history that
    is not as it was written, or that does not follow up to there.
    """

    def __init__(self, reader: Reader, library: Library, case: str, to: int | datetime | None) -> None:
        self.number = find_case(reader, case).case
        self._history = audit.records(self.number, reader.records(self.number))
        self.last = _last(self.number, self._history, to)
        self._calendar_of = partial(library.calendar, reader)
        self._definition_of = partial(library.definition, reader)
        self._organisation = library.latest(reader, standing(reader))
        self.acts: list[Act] = list(
            retrace(self.number, self._history, self.last, self._definition_of, self._calendar_of)
        )
        self._now = to if isinstance(to, datetime) else self.acts[-1].at

    def as_data(self) -> dict[str, Any]:
        """`{case, agrees, to, count, events, acts}`: as far as event `to` of `count`; the events as `told`,
        each with the `state` and the `open` tasks after it; the acts as `act_lines`."""
        history = self._history[: self.last]
        latest = self.acts[-1].case.definition
        events = story_lines(by_version(history, latest, self._definition_of), self._organisation)
        after = {record.seq: act.case for act in self.acts for record in act.records}
        for line in events:
            marking = after[line["seq"]].marking
            line |= {"state": marking["state"], "open": [task.id for task in open_tasks(marking)]}
        return {
            "case": self.number,
            "agrees": True,
            "to": self.last,
            "count": len(self._history),
            "events": events,
            "acts": list(act_lines(self.acts, self._calendar_of, self._now)),
        }

    def picture(self, file: str | None) -> dict[str, Any]:
        """`{case, to, diagram, marks, content}`: the diagram that the case runs by, or a `file` of its item,
        as SVG in `content`, with `marks` as `marks_of` gives them. Raises `Unknown`, `Undrawable`."""
        from ..drawing import draw

        act = self.acts[-1]
        name, content = diagram_of(act.definition, file)
        marks = marks_of(act, self._calendar_of, self._now)
        title = f"{self.number} · {self.last} · {write_instant(self._now)}"
        drawing: Drawing = draw(content, file=name, marks=marks, style=STYLE, title=title)
        there = drawing.boxes.keys() | drawing.ways.keys()
        return {
            "case": self.number,
            "to": self.last,
            "diagram": name,
            "marks": {element: mark.split() for element, mark in marks.items() if element in there},
            "content": drawing.svg,
        }


def _last(number: str, history: list[Record], to: int | datetime | None) -> int:
    """The number of the last event up to `to`."""
    if to is None:
        return len(history)
    if isinstance(to, datetime):
        last = 0
        for record in history:
            if read_instant(record.at) > to:
                break
            last = record.seq
        if last:
            return last
        raise Unknown(
            "replay.before",
            say("case {case} was not opened by then", case=number),
            expected=say("an instant not before {at}", at=history[0].at),
            found=say("{at}", at=write_instant(to)),
            remedy=say("name a later instant, or the number of an event"),
        )
    if 1 <= to <= len(history):
        return to
    raise Unknown(
        "replay.no_event",
        say("case {case} has no event {seq}", case=number, seq=to),
        expected=say("an event from 1 to {count}", count=len(history)),
        found=say("{seq}", seq=to),
        remedy=say("the numbers are those of `lianban history {case}`", case=number),
    )
