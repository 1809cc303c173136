"""A case as a page to look back through: its replay, with what proves it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from .. import audit
from ..errors import Diverged
from ..events import OFFICE
from ..flow.step import Glimpse
from ..replay_page import Proof, Tell, page
from ..sealed import seals_of
from ..seals import Seal
from ..store import Reader
from . import proofs
from .library import Library, find_case, standing


def replay_page(
    reader: Reader,
    library: Library,
    case: str,
    now: datetime,
    lang: str,
    translate: Callable[[str], str],
    tell: Tell,
    progress: Callable[[int], None],
) -> dict[str, Any]:
    """As `Office.replay_page`."""
    number = find_case(reader, case).case
    definition_of = partial(library.definition, reader)
    calendar_of = partial(library.calendar, reader)
    _, findings = proofs.verify(reader, number, lambda _: None, None, "", Counter())
    seen: list[Glimpse] = []
    history = audit.records(number, reader.records(number))
    played = audit.replay(number, history, definition_of, calendar_of, seen.extend)

    def counted() -> Any:
        for step in played:
            progress(1)
            yield step

    proof = Proof(now, [finding.message for finding in findings], _seals(reader, number))
    organisation = library.latest(reader, standing(reader))
    made = page(counted(), seen, definition_of, calendar_of, organisation, proof, lang, translate, tell)
    return {**made, "findings": findings}


def _seals(reader: Reader, case: str) -> list[tuple[int, Seal]]:
    """How far the history was sealed, and by which seal first; nothing where the office's own record, on
    which the seals are, is broken."""
    try:
        seals = seals_of(audit.records(OFFICE, reader.records(OFFICE)))
    except Diverged:
        return []
    found = []
    for leaf in reader.leaves(case):
        covering = next((seal for seal in seals if leaf.position < seal.size), None)
        if covering is not None:
            found.append((leaf.seq, covering))
    return found
