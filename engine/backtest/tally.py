"""Many cases against a draft, in sum."""

from __future__ import annotations

from collections import Counter
from statistics import mean, median
from typing import Any

from .comparison import Result
from .marks import CLASSES, KINDS


class Tally:
    """All cases in sum; it grows by a few numbers a case, whatever their histories hold."""

    def __init__(self) -> None:
        self.classes: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.lacks: Counter[tuple[str, str, tuple[str, ...]]] = Counter()
        self.names: dict[str, dict[str, str]] = {}
        self.outcomes: Counter[tuple[str | None, str | None]] = Counter()
        self.units: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
        self.overdue: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
        self.late = [0, 0]
        self.cards = [0, 0]
        self.days: list[tuple[int, int]] = []

    def add(self, result: Result) -> None:
        """Count one case."""
        line = result.line
        self.classes[line["class"]] += 1
        if line["class"] == "broken":
            return
        lack = line["unanswerable"]
        if lack is not None:
            self.lacks[lack["why"], lack["element"], tuple(lack["fields"])] += 1
            self.names[lack["element"]] = lack["name"]
            return
        self.kinds.update(line["differences"])
        self.outcomes[line["outcome"]["recorded"], line["outcome"]["draft"]] += 1
        for n, name in enumerate(("recorded", "draft")):
            self.units[n].update(result.units[n])
            self.overdue[n].update(line["overdue"][name])
            self.late[n] += bool(line["overdue"][name])
            self.cards[n] += result.cards[n]
        if line["days"] is not None:
            self.days.append((line["days"]["recorded"], line["days"]["draft"]))

    def report(self) -> dict[str, Any]:
        """The sum as plain data. All but `classes` and `lacking` is of the cases that can be answered."""
        all_ = sum(self.classes.values())
        answered = all_ - self.classes["unanswerable"] - self.classes["broken"]
        changes = [draft - recorded for recorded, draft in self.days]
        pairs = sorted(self.outcomes.items(), key=lambda one: (-one[1], str(one[0])))
        return {
            "cases": all_,
            "answered": answered,
            "percent": round(100 * answered / all_, 1) if all_ else None,
            "classes": {name: self.classes[name] for name in CLASSES if self.classes[name]},
            "differing": {kind: self.kinds[kind] for kind in KINDS if self.kinds[kind]},
            "lacking": [
                {
                    "why": why,
                    "element": element,
                    "name": self.names[element],
                    "fields": list(fields),
                    "cases": n,
                }
                for (why, element, fields), n in self.lacks.most_common()
            ],
            "outcomes": [
                {"recorded": recorded, "draft": draft, "cases": n} for (recorded, draft), n in pairs
            ],
            "units": _two(self.units, "unit"),
            "overdue": {
                "cases": {"recorded": self.late[0], "draft": self.late[1], "of": answered},
                "clocks": _two(self.overdue, "clock"),
                "cards": {"recorded": self.cards[0], "draft": self.cards[1]},
            },
            "days": {
                "of": len(changes),
                "mean": round(mean(changes), 2) if changes else None,
                "median": median(changes) if changes else None,
            },
        }


def _two(counts: tuple[Counter[str], Counter[str]], what: str) -> list[dict[str, Any]]:
    names = sorted(counts[0].keys() | counts[1].keys())
    return [{what: name, "recorded": counts[0][name], "draft": counts[1][name]} for name in names]
