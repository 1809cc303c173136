"""What the forms could be answered with, so that every condition goes each way."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ..clock import OFFICE_ZONE, Workdays, parse_instant
from ..definition import Definition
from ..errors import Refusal
from ..expressions import Failed, Malformed, compile_expression
from ..flow.marking import element_of
from ..flow.net import Node, triggers
from ..forms import check
from ..forms.schema import choices_of, kind_of, resolved, shape, type_of

MOST_MADE = 120
"""Ways to answer one form that are made."""

MOST_CANDIDATES = 16
"""Of these, ways that are tried at one step."""

_TEXT = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'")
_WORD = re.compile(r"[^\W\d]\w*")
_NUMBER = re.compile(r"(?<![\w.])[0-9]+(?:\.[0-9]+)?")
_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")

_SAMPLES = (
    *("示例", "A-2026-0001", "2026-0001", "0876-5550101", "13900000101", "539901198506150031"),
    *("91539901MA6KA00125", "09:00", "5wd", "zhang.ming", "1", "a", "示例县示例路1号", "a@example.cn"),
)
"""Texts of the kinds that forms ask for, tried where a form wants a pattern."""


@dataclass(frozen=True)
class Said:
    """An expression of the diagram or a table, taken apart: names, texts and numbers in it."""

    source: str
    words: frozenset[str]
    texts: tuple[str, ...]
    numbers: tuple[float | int, ...]


def read(source: str) -> Said:
    """Take an expression of any dialect apart."""
    texts = tuple(part[1:-1] for part in _TEXT.findall(source))
    rest = _TEXT.sub(" ", source)
    numbers = tuple(float(n) if "." in n else int(n) for n in _NUMBER.findall(rest))
    return Said(source, frozenset(_WORD.findall(rest)), texts, numbers)


def _conditions(definition: Definition) -> Iterator[str]:
    """What is true or false."""
    for scope in definition.net.scopes.values():
        yield from (flow.condition for flow in scope.flows.values() if flow.condition)
        for node in scope.nodes.values():
            yield from (event.text for event in triggers(node) if event.kind == "conditional" and event.text)


def _calculations(definition: Definition) -> Iterator[str]:
    """What gives a value."""
    for scope in definition.net.scopes.values():
        for node in scope.nodes.values():
            given = (node.script, node.expression, node.properties.get("unit"), node.properties.get("term"))
            yield from filter(None, given)
            yield from (source for _, source in node.outputs)
            yield from (event.text for event in triggers(node) if event.kind == "timer" and event.text)
            if node.loop is not None:
                loop = node.loop
                parts = (loop.cardinality, loop.collection, loop.until, loop.condition)
                yield from filter(None, parts)
    for table in definition.net.tables.values():
        yield json.dumps(table, ensure_ascii=False).replace('\\"', "'")
        yield from _cells(table)


def _cells(part: Any) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    elif isinstance(part, Mapping):
        for inner in part.values():
            yield from _cells(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _cells(inner)


@dataclass(frozen=True)
class Seed:
    """Answers that an example gives, who gave them, and on which day."""

    data: dict[str, Any]
    by: str
    day: date


@dataclass
class Answers:
    """Ways to answer the forms of an item: as its examples do, and as its conditions ask for."""

    definition: Definition
    hours: Workdays
    said: list[Said] = field(init=False)
    words: frozenset[str] = field(init=False)
    seeds: dict[str, list[Seed]] = field(init=False)

    def __post_init__(self) -> None:
        self.conditions = [read(source) for source in dict.fromkeys(_conditions(self.definition))]
        calculations = [read(source) for source in dict.fromkeys(_calculations(self.definition))]
        self.said = self.conditions + calculations
        self.words = frozenset(word for one in self.said for word in one.words)
        self.calculating = frozenset(word for one in calculations for word in one.words)
        self.made: dict[tuple[str, date, str], list[dict[str, Any]]] = {}
        self.seeds = {}
        for example in self.definition.examples.values():
            day = _day_of(example["start"])
            opened = Seed(example.get("data", {}), example["by"], day)
            self.seeds.setdefault(self.definition.start.id, []).append(opened)
            for entry in example.get("steps", ()):
                if "do" in entry:
                    seed = Seed(entry.get("data", {}), entry["by"], _day_of(entry["at"]))
                    self.seeds.setdefault(element_of(entry["do"]), []).append(seed)
        self.units = list(
            dict.fromkeys(binding.partition("/")[0] for binding in self.definition.item["lanes"].values())
        )
        joints = self.definition.joints.values()
        self.reviewing = {element for joint in joints for element in joint.activities}
        self.meeting = {
            step
            for meeting in self.definition.meetings.values()
            for step in (meeting.invite, meeting.hold, meeting.duty)
            if step is not None
        }

    def decisive(self, node: Node, name: str, form: Mapping[str, Any]) -> bool:
        """Whether the answer to a field may decide where the case goes."""
        if node.id in self.reviewing and name == "opinion":
            return True
        kind = kind_of(form, shape(form, form, None)[0].get(name, {}))
        return name in self.words or (node.id in self.meeting and kind in ("choice", "yes-no"))

    def of(
        self,
        node: Node,
        form: Mapping[str, Any],
        at: datetime,
        seen: Mapping[str, Any],
        given: Mapping[str, Any] | None = None,
    ) -> list[dict[str, Any]]:
        """Ways to fill in the form of `node` at an instant, where the variables `seen` are there: the most
        ordinary first, none that the form refuses, and no two that no condition tells apart. `given` is what
        only the case knows, such as who was called to a meeting; examples know it too."""
        today = self.hours.date_of(at)
        key = (node.id, today, json.dumps(given or {}))
        if key not in self.made:
            self.made[key] = self._made(node, form, today, given or {})
        found: dict[str, dict[str, Any]] = {}
        for answers in self.made[key]:
            found.setdefault(self._told_apart(node, form, answers, at, seen), answers)
            if len(found) == MOST_CANDIDATES:
                break
        return list(found.values())

    def _told_apart(
        self,
        node: Node,
        form: Mapping[str, Any],
        answers: dict[str, Any],
        at: datetime,
        seen: Mapping[str, Any],
    ) -> str:
        """What the conditions that mention the answers come to; where one can't be evaluated yet, the answers
        that it mentions."""
        if node.id in self.meeting or node.id in self.reviewing or node.id == self.definition.start.id:
            return self._print(node, form, answers)
        result = node.properties.get("result")
        written = {result: answers} if result else answers
        told: list[Any] = [
            {name: answers[name] for name in answers if name in self.calculating and name in self.words}
        ]
        for one in self.conditions:
            if not one.words.isdisjoint(written):
                try:
                    value = compile_expression(one.source).evaluate({**seen, **written}, at, OFFICE_ZONE)
                except (Failed, Malformed):
                    value = {name: answers[name] for name in answers if name in one.words}
                told.append(value)
            elif result and result in self.calculating:
                told.append({name: answers[name] for name in answers if name in one.words})
        return json.dumps(told, sort_keys=True, default=str)

    def _made(
        self, node: Node, form: Mapping[str, Any], today: date, given: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        seeds = [self._moved(seed, form, today) for seed in self.seeds.get(node.id, ())]
        usable = [seed for seed in seeds if _fits(form, seed)]
        base = usable[0] if usable else self._completed(form, given, {}, today)
        if base is None:
            return []
        found: dict[str, dict[str, Any]] = {}
        for answers in self._each(node, form, base, usable, today, given):
            if answers is not None and _fits(form, answers):
                found.setdefault(self._print(node, form, answers), answers)
                if len(found) == MOST_MADE:
                    break
        return list(found.values())

    def who(self, element: str) -> list[str]:
        """Who does the step in the examples, the most frequent first."""
        names = [seed.by for seed in self.seeds.get(element, ())]
        return sorted(set(names), key=lambda name: (-names.count(name), name))

    def lacking(self, form: Mapping[str, Any]) -> list[str]:
        """The required fields that no sample fits."""
        fields, required = shape(form, form, {})
        day = date(2026, 3, 2)
        return sorted(
            name for name in required if self._sample(form, name, fields.get(name, {}), day) is None
        )

    # --- candidates

    def _each(
        self,
        node: Node,
        form: Mapping[str, Any],
        base: dict[str, Any],
        seeds: list[dict[str, Any]],
        today: date,
        given: Mapping[str, Any],
    ) -> Iterator[dict[str, Any] | None]:
        yield base
        yield from seeds
        fields, _ = shape(form, form, None)
        for name, described in fields.items():
            if self.decisive(node, name, form):
                for value in self._values(form, name, described, base, today):
                    yield self._completed(form, {**given, name: value}, base, today)
                    yield {**base, name: value}

    def _print(self, node: Node, form: Mapping[str, Any], answers: Mapping[str, Any]) -> str:
        """What conditions can see of the answers."""
        whole = node.id in self.meeting  # who was there, and what was agreed
        seen = {name: answers[name] for name in answers if whole or self.decisive(node, name, form)}
        return json.dumps(seen, sort_keys=True, default=str)

    def _completed(
        self, form: Mapping[str, Any], given: Mapping[str, Any], base: Mapping[str, Any], today: date
    ) -> dict[str, Any] | None:
        """`given` with what the form then requires, as `base` or else a sample has it."""
        answers = dict(given)
        for _ in range(20):
            fields, required = shape(form, form, answers)
            missing = [name for name in fields if name in required and name not in answers]
            if not missing:
                return {name: answers[name] for name in fields if name in answers}
            for name in missing:
                value = base.get(name)
                if value is None:
                    value = self._sample(form, name, fields[name], today)
                if value is None:
                    return None
                answers[name] = value
        return None

    def _values(
        self,
        form: Mapping[str, Any],
        name: str,
        described: Mapping[str, Any],
        base: Mapping[str, Any],
        today: date,
    ) -> Iterator[Any]:
        """The values of a field that could make a difference."""
        about = [one for one in self.said if name in one.words]
        match kind_of(form, described):
            case "choice":
                yield from (choice.value for choice in choices_of(form, described))
            case "yes-no":
                yield from (True, False)
            case "choices":
                listed = [choice.value for choice in choices_of(form, resolved(form, described["items"]))]
                yield from ([value] for value in listed)
                yield listed
            case "list":
                yield self.units[:1]
                yield self.units[:2]
            case "integer" | "number" as kind:
                marks: list[float | int] = [number for one in about for number in one.numbers]
                marks += [value for key, value in base.items() if key != name and _is_number(value)]
                near = [value for mark in marks for value in (mark, mark - 1, mark + 1)]
                numbers = [*near, 0]
                yield from dict.fromkeys(int(v) if kind == "integer" else v for v in numbers)
            case "date":
                yield from _dates(about, today)
            case "text":
                yield from dict.fromkeys(text for one in about for text in one.texts)

    def _sample(self, root: Mapping[str, Any], name: str, described: Mapping[str, Any], today: date) -> Any:
        """A value that the field takes; None if none can be guessed."""
        for value in self._guesses(root, name, described, today):
            if _fits({"$defs": root.get("$defs", {}), "properties": {name: described}}, {name: value}):
                return value
        return None

    def _guesses(
        self, root: Mapping[str, Any], name: str, described: Mapping[str, Any], today: date
    ) -> Iterator[Any]:
        yield from (described[key] for key in ("const", "default") if key in described)
        yield from described.get("examples", ())
        if type_of(described) == "object":
            yield self._completed({**described, "$defs": root.get("$defs", {})}, {}, {}, today)
            return
        kind = kind_of(root, described)
        match kind:
            case "choice":
                yield from (choice.value for choice in choices_of(root, described))
            case "yes-no":
                yield from (True, False)
            case "integer" | "number":
                low = described.get("minimum", described.get("exclusiveMinimum", 0))
                high = described.get("maximum", described.get("exclusiveMaximum", 100))
                yield from (10, 100, low, low + 1, (low + high) / 2, high, high - 1)
            case "date":
                yield today.isoformat()
            case "date-time":
                yield f"{today.isoformat()}T10:00:00+08:00"
            case "choices" | "list" | "records":
                items = resolved(root, described.get("items", {}))
                one = self._sample(root, name, items, today)
                yield from ([] if one is None else [one], [])
                yield self.units[:1]
                words = _words_of(items.get("pattern", ""))
                yield from ([word] for word in words)
                yield words
            case _:
                title = str(described.get("title") or name)
                yield f"{title}（示例）"[: described.get("maxLength")]
                yield from _SAMPLES
                yield from self.units
                yield from _words_of(described.get("pattern", ""))
                yield "示" * int(described.get("minLength", 1))

    # --- what examples say

    def _moved(self, seed: Seed, form: Mapping[str, Any], today: date) -> dict[str, Any]:
        """The answers of an example as they would be today: days from its own day on are as far away."""
        fields, _ = shape(form, form, None)
        moved = dict(seed.data)
        for name, value in seed.data.items():
            if not isinstance(value, str) or not _DAY.fullmatch(value) or name not in fields:
                continue
            day = date.fromisoformat(value)
            if day >= seed.day:
                later = today + (day - seed.day)
                while day > seed.day and not self.hours.day(later).works:
                    later += timedelta(days=1)
                moved[name] = later.isoformat()
        return moved


def _day_of(text: str) -> date:
    return parse_instant(text, OFFICE_ZONE).astimezone(ZoneInfo(OFFICE_ZONE)).date()


def _fits(form: Mapping[str, Any], answers: Any) -> bool:
    try:
        check(form, answers)
    except Refusal:
        return False
    return True


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _dates(about: Sequence[Said], today: date) -> Iterator[str]:
    """Days at both sides of what the expressions ask for: an age of so many years, so many days ago."""
    for one in about:
        for text in one.texts:
            if _DAY.fullmatch(text):
                day = date.fromisoformat(text)
                yield from (shifted.isoformat() for shifted in _around(day))
        for number in one.numbers:
            if not 0 <= number <= 150 or number != int(number):
                continue
            if "years_between" in one.words or "years" in one.source:
                day = today.replace(year=today.year - int(number), day=min(today.day, 28))
            else:
                day = today - timedelta(days=int(number))
            yield from (shifted.isoformat() for shifted in _around(day))


def _around(day: date) -> Iterable[date]:
    return (day, day + timedelta(days=1), day - timedelta(days=1))


def _words_of(pattern: str) -> list[str]:
    """The words that a pattern such as `^(plan|deed)(:.+)?$` names."""
    return re.findall("[A-Za-z0-9][A-Za-z0-9_.-]*", pattern)
