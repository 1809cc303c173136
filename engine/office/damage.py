"""Looking at what somebody changed behind the engine's back: a refusal that names it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from .. import audit
from ..errors import Diverged, Refusal, Text, say
from ..events import OFFICE
from ..store import Reader


@contextmanager
def naming(reader: Reader, case: str | None) -> Iterator[None]:
    """Whatever goes wrong in the block for what is stored of `case` (None: of the office) is a `Diverged`
    that names it and `lianban verify`. What goes wrong although `verify` finds nothing is a fault of the
    engine, and stays what it is."""
    try:
        yield
    except Diverged as found:
        raise _remedied(found, case) from found
    except Refusal:
        raise
    except Exception as error:
        first = _first(reader, case)
        if first is None:
            raise
        raise Diverged(
            "case.unreadable",
            say("{case} can't be read, as somebody changed the database", case=case or say("the office")),
            found=first.message,
            remedy=_remedy(case),
        ) from error


def _first(reader: Reader, case: str | None) -> Diverged | None:
    """The first that `verify` finds; of the office, only what can't be read at all."""
    from .proofs import verify

    try:
        if case not in (None, OFFICE):
            findings: Iterable[Diverged] = verify(reader, case, lambda count: None, None, "", Counter())[1]
        else:
            findings = audit.unfit(reader.unfit())
        return next(iter(findings), None)
    except Diverged as found:
        return found


def _remedied(found: Diverged, case: str | None) -> Diverged:
    if found.remedy != audit.REMEDY:
        return found
    return Diverged(
        found.code,
        found.message,
        expected=found.expected,
        found=found.found,
        rule=found.rule,
        remedy=_remedy(case),
    )


def _remedy(case: str | None) -> Text:
    if case in (None, OFFICE):
        return say(
            "run `lianban verify`, which says all that is wrong; compare the database with a backup or a "
            "sealed copy"
        )
    return say(
        "run `lianban verify {case}`, which says all that is wrong; compare the database with a backup or a "
        "sealed copy",
        case=case,
    )
