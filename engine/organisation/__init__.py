"""Units, posts and the people who hold them, with dates (floor 1).

A `Register` is everything on record; it never changes, a change makes a new one. `Register.on(day)` is the
`Organisation` as it stands on that day, and everybody who asks who may act asks that one. Dates are whole
days of the office's own zone; both ends count.

People write the register as TOML (processes/organisation.toml shows all of it), it is stored as JSON of the
same shape: dates `YYYY-MM-DD`, a post `unit/post`, or `{post, since?, until?}` where it is held for a time.

Nothing is taken out of a register, it ends. When a department is merged into another (`until` and
`successor`), its people, posts and open work are the successor's from the next day on. A post which the
successor does not have, or which nobody holds there, falls to the successor's head, so that a running case
always has somebody to go to; who was designated for its meetings is not designated for the successor.

- `view`: the organisation as it stands on a day;
- `register`: what is on record, how it is read, and what must hold in it;
- `changes`: each change of it, imported only when there is one.
"""

from __future__ import annotations

from .register import INTERESTS, KINDS, Register, read_register, told_posts
from .view import (
    ALL,
    DESIGNATED,
    HEAD,
    POWERS,
    Certificate,
    Delegation,
    Interest,
    Organisation,
    Person,
    Post,
    StandIn,
)

__all__ = [
    "ALL",
    "DESIGNATED",
    "HEAD",
    "INTERESTS",
    "KINDS",
    "POWERS",
    "Certificate",
    "Delegation",
    "Interest",
    "Organisation",
    "Person",
    "Post",
    "Register",
    "StandIn",
    "read_register",
    "told_posts",
]
