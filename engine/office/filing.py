"""The file of a case: all that the office has of it, on one page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from .. import audit
from ..clock import write_instant
from ..errors import Diverged
from ..events import OFFICE
from ..sealed import seals_of
from ..seals import Seal
from ..store import Reader
from . import desk, proofs
from .library import Library, find_case, standing

Tell = Callable[[Mapping[str, Any]], tuple[str, str]]


def case_file(
    reader: Reader,
    library: Library,
    case: str,
    lang: str,
    translate: Callable[[str], str],
    tell: Tell,
    now: datetime,
    zone: str,
) -> dict[str, Any]:
    """As `Office.case_file`."""
    from .. import casefile

    number = find_case(reader, case).case
    organisation = library.organisation(reader, standing(reader), now)
    shown = desk.show(reader, library, number, now)
    history = proofs.history(reader, number)
    told = desk.told(reader, library, number, history)
    contents = [desk.document(reader, number, line["number"])[1] for line in shown["documents"]]
    _, findings = proofs.verify(reader, number, lambda count: None, None, "", Counter())
    seal, sealed = _seal_over(reader, number)
    parts = casefile.Parts(
        shown,
        told,
        contents,
        casefile.Proof(findings, seal, sealed),
        organisation.name.get(lang) or organisation.name["zh"],
        zone,
        write_instant(now),
    )
    content = casefile.page(parts, lang, translate, tell)
    return {
        "case": number,
        "documents": [line["number"] for line in shown["documents"]],
        "events": len(history),
        "findings": [finding.as_dict(translate) for finding in findings],
        "seal": seal.number if seal is not None else None,
        "content": content.decode(),
    }


def _seal_over(reader: Reader, number: str) -> tuple[Seal | None, int | None]:
    """The first seal over the latest sealed event of a case, and the number of that event."""
    leaves = reader.leaves(number)
    try:
        seals = seals_of(audit.records(OFFICE, reader.records(OFFICE)))
    except Diverged:
        seals = []  # that is among the findings
    for leaf in reversed(leaves):
        for seal in seals:
            if seal.size > leaf.position:
                return seal, leaf.seq
    return None, None
