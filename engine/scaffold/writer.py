"""Fills the files of a kind in: values in the place of words, parts, and blocks for each unit."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

from ..clock import Term, Workdays, count, shipped
from ..definition import builtin
from ..organisation import Organisation
from .cast import Cast
from .kinds import HERE, Kind, Wish, terms
from .sketch import Sketch, draw, read_sketch

TEMPLATES = "camunda-7.json"
"""The element templates that fit the diagrams drawn here, in `element-templates` of the shipped processes."""


class Writer:
    """Fills the kind's files in for one wish."""

    def __init__(self, wish: Wish, kind: Kind, cast: Cast, organisation: Organisation) -> None:
        self.wish, self.kind, self.cast, self.organisation = wish, kind, cast, organisation
        self.folder = HERE / "kinds" / kind.id
        self.calendar = Workdays(shipped())
        self.words = self.values()
        self.lists: dict[str, list[dict[str, str]]] = {
            "unit": [self.of_unit(unit) for unit in cast.units],
        }

    def values(self) -> dict[str, str]:
        wish, kind, cast = self.wish, self.kind, self.cast
        days, promise = terms(wish, kind)
        # Not the code alone: a step of the diagram may be called like the item.
        process = f"process_{wish.code.replace('-', '_')}"
        words = {
            "kind": wish.kind,
            "code": wish.code,
            "process": process,
            "serial": f"XK-{wish.code.replace('-', '').upper()}",
            "name": wish.name,
            "name_en": wish.name_en or wish.name,
            "effective": wish.effective.isoformat(),
            "lead": cast.lead,
            "lead_lane": _identifier(cast.lead),
            "lead_name": self.organisation.unit_name(cast.lead, "zh"),
            "days": str(days),
            "promise": str(promise),
            "extension": str(min(kind.about["extension"], days)),
            "inspection_days": str(min(5, promise)),
            "unit_days": str(min(7, _referral(promise))),
            "referral": str(_referral(promise)),
            "law": wish.law or kind.about["law"],
            "article": wish.article or kind.about["article"],
            "level": wish.level if wish.law else kind.about.get("level", "law"),
            "head": cast.posts["leader"],
            "government_head": "/".join(self.organisation.head_of(cast.places["government"] or cast.lead)),
            "counter_unit": cast.posts["counter"].partition("/")[0],
            "cards": _cards(days, promise),
            **kind.about.get("words", {}),
        }
        for role, post in cast.posts.items():
            words[role] = post
            words[f"by_{role}"] = cast.people[role][0].id
            words[f"by_other_{role}"] = cast.people[role][-1].id
        return words

    def of_unit(self, unit: str) -> dict[str, str]:
        name = self.organisation.unit_name(unit, "zh").removeprefix(self.organisation.name["zh"])
        return {
            "unit": unit,
            "id": _identifier(unit),
            "unit_name": name,
            "unit_en": self.organisation.unit_name(unit, "en"),
            "by_unit": self.cast.people[f"unit:{unit}"][0].id,
            "unit_post": self.cast.posts[f"unit:{unit}"],
        }

    def files(self) -> dict[str, bytes]:
        """The files of the item by path."""
        units = self.lists["unit"]
        self.words["activities"] = ", ".join(f'"{entry["id"]}_review"' for entry in units)
        self.words["unit_choices"] = ",\n".join(
            f'        {{"const": "{e["unit"]}", "title": "{e["unit_name"]}", "x-title-en": "{e["unit_en"]}"}}'
            for e in units
        )
        if units:
            last = units[-1]
            self.words |= {"last_unit": last["unit"], "last_id": last["id"], "by_last_unit": last["by_unit"]}
            self.words["by_lead"] = next((e["by_unit"] for e in units if e["unit"] == self.cast.lead), "")
            self.lists["earlier"] = units[:-1]
            self.words["activities_but_last"] = ", ".join(f'"{e["id"]}_review"' for e in units[:-1])
        sketch = read_sketch(self.text("diagram.sketch"))
        self.lists["lane"] = [
            {"lane": lane, "lane_name": name, "lane_post": self.cast.posts.get(lane) or self.unit_post(lane)}
            for lane, (_, name) in sketch.lanes.items()
        ]
        self.lists["step"] = self.steps(sketch)
        examples = {Path(name).name: name for name in self.kind.about["examples"]}
        files = {
            "diagram.bpmn": draw(sketch, self.words["process"], self.wish.name),
            "item.toml": self.text("item.toml").encode(),
        }
        for name in self.kind.about["forms"]:
            files[f"forms/{name.partition(' = ')[0]}"] = self.form(name)
        for name, source in examples.items():
            files[f"examples/{name}.toml"] = self.text(f"{source}.toml").encode()
        self.lists["outcome"] = self.outcomes(files)
        files["README.md"] = self.text("README.md").encode()
        templates = builtin().processes / "element-templates" / TEMPLATES
        files[f".camunda/element-templates/{TEMPLATES}"] = templates.read_bytes()
        return files

    def unit_post(self, lane: str) -> str:
        """The post of a unit's own lane; that of the first one where the case chooses the unit."""
        units = {entry["id"]: entry["unit_post"] for entry in self.lists["unit"]}
        return units.get(lane, next(iter(units.values())))

    def steps(self, sketch: Sketch) -> list[dict[str, str]]:
        """What people do, in the order of the drawing."""
        lanes = {entry["lane"]: entry for entry in self.lists["lane"]}
        return [
            {"step": element.id, "step_name": element.zh, "step_en": element.en, **lanes[element.lane]}
            for element in sorted(sketch.elements.values(), key=lambda element: element.column)
            if element.kind in ("start", "user") or "message" in element.said
        ]

    def outcomes(self, files: Mapping[str, bytes]) -> list[dict[str, str]]:
        item = tomllib.loads(files["item.toml"].decode())
        shown: dict[str, list[str]] = {outcome: [] for outcome in item["outcomes"]}
        for name, content in files.items():
            if name.startswith("examples/"):
                shown[tomllib.loads(content.decode())["outcome"]].append(Path(name).stem)
        return [
            {
                "outcome": outcome,
                "outcome_name": item["outcomes"][outcome]["name"]["zh"],
                "outcome_en": item["outcomes"][outcome]["name"]["en"],
                "shown": ", ".join(f"`{name}`" for name in names),
            }
            for outcome, names in shown.items()
        ]

    def form(self, name: str) -> bytes:
        """A form or template, ours or a shipped one, perhaps under another name (`OWN = NAME`)."""
        own, _, source = name.partition(" = ")
        source = source or own
        path = HERE / "forms" / source
        text = (path if path.is_file() else builtin().forms / source).read_text(encoding="utf-8")
        text = text.replace(f'"{source}"', f'"{own}"')
        return (text if own.endswith(".j2") else self.filled(text, self.words, "day", 0)).encode()

    # --- text

    def text(self, name: str) -> str:
        """A file of the kind, or a part, filled in."""
        return self.filled(self.find(name).read_text(encoding="utf-8"), self.words, "day", 0)

    def find(self, name: str) -> Path:
        """The file of the kind, or else the part."""
        own = self.folder / name
        return own if own.is_file() else HERE / "parts" / name

    def filled(self, text: str, words: Mapping[str, str], base: str, by: int) -> str:
        """`text` with its words and directives filled in; `day` and `col` in it are `base`, `by` further."""
        lines = iter(text.splitlines())
        return "".join(f"{line}\n" for line in self.lines(lines, words, base, by))

    def lines(self, lines: Iterator[str], words: Mapping[str, str], base: str, by: int) -> Iterator[str]:
        for line in lines:
            if found := re.fullmatch(r"#include ([\w/-]+)(\.\w+)?(\?)? ?(\w+)?(?:\+(\d+))?", line):
                part, kind, optional, onto, further = found.groups()
                path = self.find(f"{part}{kind or '.toml'}")
                if optional and not path.is_file():
                    continue
                inner = iter(path.read_text(encoding="utf-8").splitlines())
                moved = int(further or 0) + (by if onto in (None, "day", "col") else 0)
                at = base if onto in (None, "day", "col") else onto
                yield from self.lines(inner, words, at, moved)
            elif found := re.fullmatch(r"#each (\w+)", line):
                block = []
                while (inside := next(lines)) != "#end":
                    block.append(inside)
                for entry in self.lists[found[1]]:
                    yield from self.lines(iter(block), {**words, **entry}, base, by)
            else:
                yield self.replaced(line, words, base, by)

    def replaced(self, line: str, words: Mapping[str, str], base: str, by: int) -> str:
        """A line with values in the place of its words; a word may be made of others."""
        return re.sub(
            r"\$\{(\w+)(?:\+(\d+))?\}",
            lambda found: self.replaced(self.value(words, found[1], found[2], base, by), words, base, by),
            line,
        )

    def value(self, words: Mapping[str, str], name: str, further: str | None, base: str, by: int) -> str:
        if further is None:
            return words[name]
        steps = int(further)
        if name == "col":
            return str(steps + by)
        if name == "day":
            name, steps = base, steps + by
        return self.day(name, steps).isoformat()

    # --- days of the worked cases

    def day(self, name: str, further: int) -> date:
        """A day of a worked case: working days after the first one (`day`), after the law's term from the
        first day on (`late`), after a department's (`silent`), or after the applicant's thirty days
        (`lapsed`)."""
        first = self.after(self.wish.effective, 0)
        days, promise = terms(self.wish, self.kind)
        if name == "late":
            began = self.after(first, self.kind.about.get("from", 0))
            first = self.end(began, Term(days, self.kind.unit))
        elif name == "silent":
            first = self.end(first, Term(_referral(promise), "wd"))
        elif name == "lapsed":
            first = self.end(first, Term(30, "d"))
        return self.after(first, further)

    def after(self, day: date, steps: int) -> date:
        """The working day `steps` after `day`; with 0 the day itself, or the next that is worked."""
        if steps:
            return self.end(day, Term(steps, "wd"))
        return day if self.calendar.day(day).works else self.end(day, Term(1, "wd"))

    def end(self, day: date, term: Term) -> date:
        began = datetime.combine(day, time(9), ZoneInfo(self.calendar.zone))
        return count(began, term, self.calendar).rows[-1].day.date


def _referral(promise: int) -> int:
    """A department's part of the promised term, in working days."""
    return max(1, promise // 3)


def _identifier(unit: str) -> str:
    """The code of a unit as a name in expressions."""
    return unit.replace("-", "_")


def _cards(days: int, promise: int) -> str:
    """The cards of a case that is not decided until the law's term is over: for the promise and for the term,
    whichever ends first."""
    return '"yellow-1", "red-2"' if promise < days else '"red-1", "yellow-2"'
