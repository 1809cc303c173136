"""Terms in one unit, so that they can be compared and added up when an item is checked."""

from __future__ import annotations

from fractions import Fraction

from ..clock import Term

_IN_DAYS = {"wd": Fraction(7, 5), "d": Fraction(1), "h": Fraction(1, 24)}


def in_unit(term: Term, unit: str) -> Fraction:
    """How many `unit`s (wd, d, h) the term comes to: 5 working days are 7 calendar days, 24 hours a day.

    Holidays make working days longer than that; a sum of this is for plans, never for a case."""
    return Fraction(term.n) if term.unit == unit else term.n * _IN_DAYS[term.unit] / _IN_DAYS[unit]
