"""The kinds of items that can be begun, and what a new item shall be."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal

from ..clock import Term
from ..errors import Text, titled

HERE = Path(__file__).parent / "data"
"""Where the kinds' files are."""


@dataclass(frozen=True)
class Kind:
    """A kind of item that can be begun. `days` are those of the law, `most` the longest term that it allows;
    both in working days, or in calendar days if `unit` is `d`. `promise` is in the same unit."""

    id: str
    title: Text
    summary: Text
    days: int
    most: int
    unit: Literal["wd", "d"]
    promise: int
    rule: Text
    about: Mapping[str, Any]

    @property
    def term(self) -> Term:
        """The law's term."""
        return Term(self.days, self.unit)


@dataclass(frozen=True)
class Wish:
    """What a new item shall be. What is left out is worked out from the kind and the organisation."""

    kind: str
    code: str
    name: str
    effective: date
    name_en: str = ""
    lead: str = ""
    window: str = ""
    units: tuple[str, ...] = ()
    days: int | None = None
    promise: int | None = None
    law: str = ""
    article: str = ""
    level: str = "law"


@cache
def kinds() -> dict[str, Kind]:
    """The kinds by id, in the order in which they are listed."""
    found = {}
    for path in sorted(HERE.glob("kinds/*/kind.toml")):
        about = tomllib.loads(path.read_text(encoding="utf-8"))
        found[path.parent.name] = Kind(
            path.parent.name,
            titled(**about["title"]),
            titled(**about["summary"]),
            about["days"],
            about["most"],
            about.get("unit", "wd"),
            about["promise"],
            titled(**about["rule"]),
            about,
        )
    return dict(sorted(found.items(), key=lambda entry: entry[1].about["order"]))


def terms(wish: Wish, kind: Kind) -> tuple[int, int]:
    """The law's term and the promised one."""
    days = kind.days if wish.days is None else wish.days
    return days, min(kind.promise, max(days, 1)) if wish.promise is None else wish.promise
