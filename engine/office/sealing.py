"""Sealing all histories as they stand, and copies of the seals for others to keep."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from .. import audit
from ..clock import read_instant, write_instant
from ..errors import Diverged, say
from ..events import GENESIS, OFFICE, SealMade, digest
from ..sealed import exported, leaf_of, read_exported, seals_of, verify_seals
from ..seals import Leaf, Seal, SigningKey, disclosure, disclosure_root, leaf_hash, root_of, signed
from ..store import LeafRow, Reader, Transaction
from .draft import append_office

SECRET = "secret"  # noqa: S105 - the setting's name
"""The office's setting that holds the secret for salts, in hex."""


class Sealed(NamedTuple):
    """What sealing did: the latest seal, how many histories it sealed anew (none: nothing had moved since,
    and it is the seal from before), and the histories that it left out, as they are broken."""

    seal: Seal
    moved: int
    broken: dict[str, Diverged]


def make(tx: Transaction, now: datetime, key: SigningKey | None, by: dict[str, Any]) -> Sealed:
    """Seal every history that has moved since the last seal. A broken one is left out, and named."""
    head = tx.head(OFFICE)
    office = audit.records(OFFICE, tx.records(OFFICE))
    seals = seals_of(office)
    last = seals[-1] if seals else None
    moved = tx.moved()
    if last is not None and isinstance(office[-1].event, SealMade):
        moved = [row for row in moved if row[0] != OFFICE]  # by nothing but the last seal
    secret = secret_of(tx)
    if not secret:
        secret = secrets.token_bytes(32)
        tx.set_meta(SECRET, secret.hex())
    log = tx.leaves()
    rows: list[LeafRow] = []
    broken: dict[str, Diverged] = {}
    # Never before what it holds: in a rehearsal office, time may be told otherwise.
    at = max(now, read_instant(office[-1].at))
    for case, seq, stored in moved:
        try:
            history = audit.records(case, tx.records(case))
            if (history[-1].seq, history[-1].hash) != (seq, stored):
                raise _elsewhere(case)
        except Diverged as found:
            broken[case] = found
            continue
        at = max(at, read_instant(history[-1].entered))
        values = disclosure((record.body for record in history), secret)
        rows.append(LeafRow(len(log) + len(rows), case, seq, stored, disclosure_root(values)))
    if last is not None and not rows:
        return Sealed(last, 0, broken)
    hashes = [leaf_hash(leaf_of(row, secret).content()) for row in [*log, *rows]]
    seal = signed(
        Seal(
            office=office[0].hash,
            number=len(seals) + 1,
            at=write_instant(at),
            size=len(hashes),
            root=root_of(hashes).hex(),
            secret=digest(secret),
            previous=last.digest if last else GENESIS,
        ),
        key,
    )
    said = {name: value for name, value in seal._asdict().items() if name not in ("office", "at")}
    tx.add_leaves(rows)
    append_office(tx, at, [SealMade(**said)], by, head)
    return Sealed(seal, len(rows), broken)


def copy_of(reader: Reader) -> bytes:
    """A copy of all seals, to be kept where nobody who can write this database can. Raises `Diverged` for an
    office whose own history is broken, or whose secret for salts is gone."""
    seals = seals_of(audit.records(OFFICE, reader.records(OFFICE)))
    secret = secret_of(reader)
    if seals and seals[-1].secret != digest(secret):
        raise Diverged(
            "seal.secret",
            say("the office's secret for extracts is not the one that was sealed"),
            remedy=audit.REMEDY,
        )
    return exported(seals, reader.leaves(), secret)


def secret_of(reader: Reader) -> bytes:
    """The office's secret for salts; empty before the first seal, or where somebody removed it."""
    try:
        return bytes.fromhex(reader.meta(SECRET) or "")
    except ValueError:
        return b""


def verify(
    reader: Reader,
    cases: Sequence[str],
    whole: bool,
    copy: Copy | None,
    key: str,
    checked: Counter[str],
) -> Iterator[Diverged]:
    """What of these histories (the `whole` of what there is, or some) is not as it was sealed: see
    `sealed.verify_seals`."""
    try:
        seals = seals_of(audit.records(OFFICE, reader.records(OFFICE)))
    except (Diverged, *audit.SENSELESS):
        seals = []  # the office's own history has findings of its own
    checked["seals"] += len(seals)
    checked["copied"] += len(copy[0]) if copy else 0
    yield from verify_seals(
        seals, reader.leaves(), reader.records, secret_of(reader), cases, whole=whole, copy=copy, key=key
    )


Copy = tuple[list[Seal], list[Leaf]]


def read_copy(copy: bytes | None) -> Copy | None:
    """The seals that were exported, and what they seal. Raises `Invalid` for what is no such copy."""
    return read_exported(copy) if copy is not None else None


def _elsewhere(case: str) -> Diverged:
    return Diverged(
        "head.elsewhere",
        say("case {case}: the history ends elsewhere than its head", case=case),
        remedy=audit.REMEDY,
    )
