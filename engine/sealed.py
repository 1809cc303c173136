"""What seals prove against a database (floor 5): that every history still has what it had when it was sealed.

Whoever rewrites a history from some event on, head, projections and documents included, can't rewrite what
was sealed and is kept elsewhere: an exported copy of the seals, or the key that signs them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from .audit import REMEDY, SENSELESS, SKEW, Rows
from .clock import read_instant
from .errors import Diverged, Invalid, Text, say
from .events import GENESIS, OFFICE, Record, SealMade, canonical, digest
from .seals import Leaf, Seal, Value, disclosure, disclosure_root, is_signed, leaf_hash, leaf_salt, root_of
from .store import LeafRow

FORMAT = 2
"""Version of the exported copy. 2: each leaf with its salt."""


def seals_of(history: Iterable[Record]) -> list[Seal]:
    """The seals on the office's own record, in order."""
    office = ""
    found = []
    for record in history:
        office = office or record.hash
        if isinstance(record.event, SealMade):
            found.append(seal_of(office, record, record.event))
    return found


def seal_of(office: str, record: Record, made: SealMade) -> Seal:
    """The seal that a record of the office (whose first event has the hash `office`) says was made."""
    return Seal(
        office,
        made.number,
        record.at,
        made.size,
        made.root,
        made.secret,
        made.previous,
        made.key,
        made.signature,
    )


def leaf_of(row: LeafRow, secret: bytes) -> Leaf:
    """What a stored leaf says, in the office with this secret for salts."""
    return Leaf(row.case, row.seq, row.hash, row.disclosure, leaf_salt(row.case, row.seq, secret))


def exported(seals: Sequence[Seal], leaves: Sequence[LeafRow], secret: bytes) -> bytes:
    """A copy to keep elsewhere: every seal, and the log up to the last one."""
    size = seals[-1].size if seals else 0
    return canonical(
        {
            "format": FORMAT,
            "seals": [seal._asdict() for seal in seals],
            "leaves": [list(leaf_of(row, secret)) for row in leaves[:size]],
        }
    )


def read_exported(content: bytes) -> tuple[list[Seal], list[Leaf]]:
    """The inverse of `exported`. Raises `Invalid` for anything else, a copy whose own parts do not agree
    included."""
    try:
        said = json.loads(content, object_pairs_hook=_once)
        if said["format"] != FORMAT:
            raise ValueError(f"format {said['format']!r}")
        for one, known in (
            (said, {"format", "seals", "leaves"}),
            *((seal, _KINDS) for seal in said["seals"]),
        ):
            if more := one.keys() - known:
                raise ValueError(f"{min(more)!r}, which no such copy says")
        seals = [
            Seal(**{key: _of(kind, seal[key]) for key, kind in _KINDS.items()}) for seal in said["seals"]
        ]
        leaves = [
            Leaf(_of(str, case), _of(int, seq), _of(str, hash), _of(str, root), _of(str, salt))
            for case, seq, hash, root, salt in said["leaves"]
        ]
    except SENSELESS as error:
        raise _no_copy(repr(error)) from error
    if not seals:
        raise _no_copy("no seals")  # compared with nothing, everything would be right
    for fault in _faults(seals, leaves):
        raise _no_copy(str(fault.message))
    return seals, leaves


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object in which no key stands twice: one program would read the first, another one the last."""
    said = dict(pairs)
    if len(said) < len(pairs):
        raise ValueError("a key that stands twice")
    return said


_KINDS: dict[str, type] = {name: int if name in ("number", "size") else str for name in Seal._fields}


def _of(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise TypeError(repr(value))
    return value


def _no_copy(found: str) -> Invalid:
    return Invalid(
        "seal.copy",
        say("the file is no copy of an office's seals, or it was changed"),
        expected=say("a file as `lianban seal export` writes it"),
        found=say("{found}", found=found),
        remedy=say("take another copy, from where nobody could change it"),
    )


def verify_seals(
    seals: Sequence[Seal],
    rows: Sequence[LeafRow],
    rows_of: Callable[[str], Rows],
    secret: bytes,
    cases: Sequence[str],
    *,
    whole: bool,
    copy: tuple[Sequence[Seal], Sequence[Leaf]] | None = None,
    key: str = "",
) -> Iterator[Diverged]:
    """Everything that is not as it was sealed, in `cases`; if these are the `whole` of the database, also in
    those that are gone from it.

    `seals` and `rows` are those of the database; `copy` those that were exported before, `key` the public key
    that must have signed every seal: with one of the two, nobody who can write the database can make other
    seals instead. `secret` is the office's, for salts.
    """
    # A row that can't be a leaf is told elsewhere; here it keeps its place, and is nobody's.
    log = [leaf_of(row if _is_leaf(row) else LeafRow(row.position, "", 0, "", ""), secret) for row in rows]
    if [row.position for row in rows] != list(range(len(rows))):
        yield _finding("seal.log", say("the log of seals has gaps"))
    yield from _faults(seals, log)
    yield from _signatures(seals, key)
    if seals and seals[-1].secret != digest(secret):
        yield _finding("seal.secret", say("the office's secret for extracts is not the one that was sealed"))
    if copy is not None:
        yield from _against(seals, log, *copy)
        # What was exported is what counts; what came after, the database alone can say.
        log = [*copy[1], *log[len(copy[1]) :]]
    by_case: dict[str, list[tuple[int, Leaf]]] = {case: [] for case in cases}
    for position, leaf in enumerate(log):
        if leaf.case and (whole or leaf.case in by_case):
            by_case.setdefault(leaf.case, []).append((position, leaf))
    copied = copy[0] if copy is not None else ()
    known = [*copied, *seals[len(copied) :]]
    for case, leaves in by_case.items():
        history = rows_of(case)
        yield from _case(case, leaves, history, secret, known)
        yield from _behind(case, leaves, history, known)


def _is_leaf(row: LeafRow) -> bool:
    kinds = (row.case, str), (row.seq, int), (row.hash, str), (row.disclosure, str)
    return all(type(value) is kind for value, kind in kinds) and row.seq > 0


def _faults(seals: Sequence[Seal], log: Sequence[Leaf]) -> Iterator[Diverged]:
    """Where seals do not follow from one another and from the log."""
    hashes = [leaf_hash(leaf.content()) for leaf in log]
    before: Seal | None = None
    for number, seal in enumerate(seals, 1):
        follows = (
            seal.number == number
            and seal.previous == (before.digest if before else GENESIS)
            and (before is None or (before.office == seal.office and before.size <= seal.size))
            and (before is None or before.at <= seal.at)
        )
        if not follows:
            yield _finding(
                "seal.chain", say("seal {number} does not follow the one before it", number=seal.number)
            )
        if seal.size > len(hashes) or root_of(hashes[: seal.size]).hex() != seal.root:
            yield _finding(
                "seal.root",
                say(
                    "seal {number} of {at}: the log of what was sealed is not the one under the seal",
                    number=seal.number,
                    at=seal.at,
                ),
            )
        before = seal
    if len(log) > (seals[-1].size if seals else 0):
        yield _finding("seal.log", say("the log of seals goes on behind the last seal"))


def _signatures(seals: Sequence[Seal], key: str) -> Iterator[Diverged]:
    expected = " ".join(key.split()[:2])
    if expected and not seals:
        yield _finding("seal.missing", say("nothing is sealed with that key"), say("no seal"))
    for seal in seals:
        signer = seal.key
        if expected and signer != expected:
            message = say("seal {number} is not signed with that key", number=seal.number)
            yield _finding("seal.signature", message, say("{key}", key=signer or "—"))
        elif signer and not is_signed(seal):
            yield _finding(
                "seal.signature", say("the signature under seal {number} is not its own", number=seal.number)
            )


def _against(
    seals: Sequence[Seal], log: Sequence[Leaf], copied: Sequence[Seal], leaves: Sequence[Leaf]
) -> Iterator[Diverged]:
    """Where the database's seals are not those of a copy."""
    for number, seal in enumerate(copied):
        if number >= len(seals):
            yield _finding(
                "seal.missing",
                say(
                    "seal {number} of {at} is in the copy, not in the database",
                    number=seal.number,
                    at=seal.at,
                ),
            )
        elif seals[number] != seal:
            yield _finding(
                "seal.rewritten",
                say(
                    "seal {number} of {at} is another one in the database than in the copy",
                    number=seal.number,
                    at=seal.at,
                ),
            )
    if list(log[: len(leaves)]) != list(leaves):
        yield _finding("seal.log", say("what was sealed is not in the database as in the copy"))


def _case(
    case: str, leaves: Sequence[tuple[int, Leaf]], rows: Rows, secret: bytes, seals: Sequence[Seal]
) -> Iterator[Diverged]:
    """Whether a history still has what was sealed of it. Only the first difference is told: what follows it
    differs as well."""
    bodies = [body for _, body, _ in rows]
    values: list[list[Value]] = []
    for position, leaf in leaves:
        sealed = next((seal for seal in seals if position < seal.size), None)
        at = sealed.at if sealed else ""
        if len(bodies) < leaf.seq:
            yield _finding(
                "seal.truncated",
                say(
                    "{case} had {sealed} events when it was sealed at {at}, and has {count} now",
                    case=_named(case),
                    sealed=leaf.seq,
                    at=at,
                    count=len(bodies),
                ),
            )
            return
        if digest(bodies[leaf.seq - 1]) != leaf.hash:
            yield _finding(
                "seal.differs",
                say(
                    "{case}: its history up to event {seq} is not the one that was sealed at {at}",
                    case=_named(case),
                    seq=leaf.seq,
                    at=at,
                ),
            )
            return
        try:
            values += [disclosure([body], secret) for body in bodies[len(values) : leaf.seq]]
        except SENSELESS:
            return  # the history's own findings say what is wrong with it
        if disclosure_root(value for group in values[: leaf.seq] for value in group) != leaf.disclosure:
            yield _finding(
                "seal.disclosure",
                say(
                    "{case}: extracts from it can't be proven against the seal of {at}",
                    case=_named(case),
                    at=at,
                ),
            )
            return


def _behind(
    case: str, leaves: Sequence[tuple[int, Leaf]], rows: Rows, seals: Sequence[Seal]
) -> Iterator[Diverged]:
    """Whether what a seal did not have yet was entered after it: a seal takes in every history as it stands,
    but for itself. Only the first record that was not is told."""
    taken_in = [
        (leaf.seq, next((n for n, seal in enumerate(seals) if position < seal.size), len(seals)))
        for position, leaf in leaves
    ]
    for seq, body, _ in rows:
        if type(seq) is not int:
            return  # the history's own findings say what is wrong with it
        taken = next((seal for last, seal in taken_in if seq <= last), len(seals))
        before = seals[taken - 1] if taken else None
        try:
            said = json.loads(body)
            made = case == OFFICE and said["type"] == SealMade.type
            if before is None or made or read_instant(said["entered"]) >= read_instant(before.at) - SKEW:
                continue
        except SENSELESS:
            return  # the history's own findings say what is wrong with it
        yield Diverged(
            "seal.backdated",
            say(
                "{case}, event {seq}: it says it was entered before seal {number}, which did not have it",
                case=_named(case),
                seq=seq,
                number=before.number,
            ),
            expected=say("an entry after {at}", at=before.at),
            found=say("{at}", at=said["entered"]),
            rule=say("a seal takes in every history as it stands"),
            remedy=say(
                "ask who entered it; in a rehearsal office, whether --now was set back, else whose clock was "
                "wrong"
            ),
        )
        return


def _named(case: str) -> Text:
    return say("the office's own history") if case == OFFICE else say("case {case}", case=case)


def _finding(code: str, message: Text, found: Text | None = None) -> Diverged:
    return Diverged(
        code,
        message,
        expected=say("what was sealed, for ever"),
        found=found or say("something else"),
        rule=say("a log of seals only grows, and each seal carries the one before"),
        remedy=REMEDY,
    )
