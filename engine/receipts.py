"""Proofs that leave the office (floor 5): case receipts, extracts for publication, consistency of two seals.

Each is one JSON text that `engine/receipt_checker.py` checks without lianban; docs/proofs.md says what each
of them proves to whom. The checker is a program of its own, which nothing imports: here it is only handed
out.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .events import Record, canonical
from .seals import Leaf, Seal, Value, consistency, inclusion, leaf_hash

FORMAT = 1
"""Version of the three formats."""

CHECKER = Path(__file__).with_name("receipt_checker.py")
"""The program that checks them."""


class Sealed(NamedTuple):
    """What the log of seals has of a case: its `leaf` number `position`, under `seal`, the first that has it,
    and under `newest`, to which it is bound. `log` are the leaves up to that one."""

    leaf: Leaf
    position: int
    seal: Seal
    newest: Seal
    log: Sequence[Leaf]


def sealed_at(case: str, log: Sequence[Leaf], seals: Sequence[Seal], newest: Seal) -> Sealed | None:
    """The latest that `newest` holds of the case; None for nothing."""
    within = log[: newest.size]
    position = next((n for n in reversed(range(len(within))) if within[n].case == case), None)
    if position is None:
        return None
    first = next(seal for seal in seals if position < seal.size)
    return Sealed(within[position], position, first, newest, within)


def _proof(sealed: Sealed) -> dict[str, Any]:
    """The part that receipts and extracts have in common: nothing in it tells what the history says."""
    hashes = [leaf_hash(leaf.content()) for leaf in sealed.log]
    first = sealed.seal.size
    return {
        "leaf": sealed.leaf.sealed(),
        "position": sealed.position,
        "seal": sealed.seal._asdict(),
        "inclusion": [one.hex() for one in inclusion(hashes[:first], sealed.position)],
        "newest": sealed.newest._asdict(),
        "consistency": [one.hex() for one in consistency(hashes, first)],
    }


class Contents(NamedTuple):
    """What the events of a case name by digest: `definitions` with their files, `calendars` and `documents`
    as stored; and the digests of the versions of the `organisation`, by number."""

    definitions: Mapping[str, Mapping[str, bytes]]
    calendars: Mapping[str, bytes]
    documents: Mapping[str, bytes]
    organisations: Mapping[str, str]


def receipt(
    history: Sequence[Record], sealed: Sealed, contents: Contents, values: Iterable[Value]
) -> dict[str, Any]:
    """The receipt of a case: all of its history, what it names, and what is sealed of it. `values` are those
    of the sealed part, whose salts show that extracts are taken from it."""

    def text(content: bytes) -> str:
        return base64.b64encode(content).decode()

    return {
        "lianban": "receipt",
        "format": FORMAT,
        "case": sealed.leaf.case,
        "records": [{"body": record.body.decode(), "hash": record.hash} for record in history],
        "hash": sealed.leaf.hash,
        "salt": sealed.leaf.salt,
        "salts": [value.salt for value in values],
        "sealed": _proof(sealed),
        "definitions": {
            named: {path: text(content) for path, content in sorted(files.items())}
            for named, files in contents.definitions.items()
        },
        "calendars": {named: content.decode() for named, content in contents.calendars.items()},
        "documents": {named: text(content) for named, content in contents.documents.items()},
        "organisations": dict(contents.organisations),
    }


def extract(sealed: Sealed, values: Iterable[Value], shown: Callable[[Value], bool]) -> dict[str, Any]:
    """An extract: of the values in `values` those that `shown` says, with their salts, of the others only
    hashes under salts that nobody is told."""
    return {
        "lianban": "extract",
        "format": FORMAT,
        "case": sealed.leaf.case,
        "sealed": _proof(sealed),
        "values": [value._asdict() if shown(value) else leaf_hash(value.content()).hex() for value in values],
    }


def consistent(seals: Sequence[Seal], log: Sequence[Leaf]) -> dict[str, Any]:
    """That the log under the last of `seals`, which follow one another, only adds to that under the first."""
    hashes = [leaf_hash(leaf.content()) for leaf in log[: seals[-1].size]]
    return {
        "lianban": "consistency",
        "format": FORMAT,
        "seals": [seal._asdict() for seal in seals],
        "consistency": [one.hex() for one in consistency(hashes, seals[0].size)],
    }


def written(proof: Mapping[str, Any]) -> bytes:
    """The bytes of a proof's file: the same for the same proof."""
    return canonical(proof)
