"""Proofs over histories (floor 5): replay and verify, pure functions of what is on record.

Nothing here trusts a projection: a history is read from its own bytes, run again by the definition it
names, and compared; then the head and the other things that are kept for speed are compared with it.

What is found is every edit that does not rewrite a history from some event on together with all that
is kept beside it, and of those that do, what could not have been so: an act that was not hers, a clock that
was passed over, a document that its template does not make. docs/threat-model.md says what each attack is
found by, and against what a copy of the seals elsewhere is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..late import late
from .chain import REMEDY, SENSELESS, Rows, guarded, records, unfit

if TYPE_CHECKING:  # whoever only reads a history as it was written needs none of it
    from .authority import OrganisationOf
    from .cases import Archive, Kept, verify_case
    from .office import contents_named, verify_contents, verify_numbers, verify_office, verify_strays
    from .papers import Made
    from .publications import SKEW, Publications
    from .rerun import replay

__getattr__ = late(
    __name__,
    {
        "authority": "OrganisationOf",
        "cases": "Archive Kept verify_case",
        "office": "contents_named verify_contents verify_numbers verify_office verify_strays",
        "papers": "Made",
        "publications": "SKEW Publications",
        "rerun": "replay",
    },
)

__all__ = [
    "REMEDY",
    "SENSELESS",
    "SKEW",
    "Archive",
    "Kept",
    "Made",
    "OrganisationOf",
    "Publications",
    "Rows",
    "contents_named",
    "guarded",
    "records",
    "replay",
    "unfit",
    "verify_case",
    "verify_contents",
    "verify_numbers",
    "verify_office",
    "verify_strays",
]
