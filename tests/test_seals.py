"""Seals: what was on record on a day stays provable, whoever writes the database afterwards."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from databases import ask, unguard
from drawing import draw
from items import ANYTHING, DAY, HOUR, NOON, organisation, publish
from terminal import lianban

from engine import receipt_checker
from engine.clock import write_instant
from engine.errors import Invalid
from engine.events import GENESIS, OFFICE, canonical, digest
from engine.office import Office
from engine.seals import (
    Leaf,
    consistency,
    inclusion,
    is_consistent,
    is_included,
    leaf_hash,
    read_key,
    root_of,
)

KEY = b"""-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW
QyNTUxOQAAACD7lwZ3lMXA2uvWwsFB0nb5zdGzhk1x4mThKSF2Le1MhgAAAIijUNLfo1DS
3wAAAAtzc2gtZWQyNTUxOQAAACD7lwZ3lMXA2uvWwsFB0nb5zdGzhk1x4mThKSF2Le1Mhg
AAAED6q4rte1sRxwKhPaN5mXGC7Cl1nvikTsCnVvHt3R2/xvuXBneUxcDa69bCwUHSdvnN
0bOGTXHiZOEpIXYt7UyGAAAAAAECAwQF
-----END OPENSSH PRIVATE KEY-----
"""


FAR = "9999-12-31T23:59:59.000000Z"

# --- trees


def by_the_standard(leaves: list[bytes]) -> bytes:
    """RFC 9162 §2.1.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + by_the_standard(leaves[:k]) + by_the_standard(leaves[k:])).digest()


LEAVES = [leaf_hash(str(n).encode()) for n in range(40)]


@pytest.mark.parametrize("size", range(34))
def test_a_tree_is_that_of_the_standard_and_every_leaf_of_it_is_proven(size: int) -> None:
    leaves = LEAVES[:size]
    root = root_of(leaves)
    assert root == by_the_standard(leaves)
    for index in range(size):
        path = inclusion(leaves, index)
        assert is_included(root, size, index, leaves[index], path)
        assert not is_included(root, size, index, LEAVES[size], path)
        assert not is_included(root, size, index, leaves[index], path[1:]) or not path
        assert not any(is_included(root, size, n, leaves[index], path) for n in range(size) if n != index)


@pytest.mark.parametrize("size", range(34))
def test_a_log_that_only_grew_is_proven_and_a_rewritten_one_is_not(size: int) -> None:
    root = root_of(LEAVES[:size])
    for older in range(size + 1):
        path = consistency(LEAVES[:size], older)
        assert is_consistent(older, root_of(LEAVES[:older]), size, root, path)
        if 0 < older < size:
            assert not is_consistent(older, root_of(LEAVES[1 : older + 1]), size, root, path)
            assert not is_consistent(older, root_of(LEAVES[:older]), size, LEAVES[0], path)
            assert not is_consistent(older, root_of(LEAVES[:older]), size, root, path[1:])


# --- an office that seals, and what a hand on its database can do


class County:
    """A file with an office in it: two cases, of which `case` waits for a decision."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now = NOON
        with Office.create_rehearsal(str(path), NOON, organisation()) as office:
            diagram = draw("start s; user decide; user deliver; end e", "s -> decide -> deliver -> e")
            publish(office, path.parent, diagram, forms={"decide": ANYTHING})
            self.case = office.open_case("clerk", "item", {}, NOON).case
            self.other = office.open_case("clerk", "item", {}, NOON).case
        unguard(str(path))

    def decide(self, opinion: str) -> None:
        self.now += HOUR
        with Office.open(str(self.path)) as office:
            office.do("clerk", self.case, "decide", {"opinion": opinion}, self.now)

    def seal(self, key: bytes | None = None) -> int:
        self.now += HOUR
        with Office.open(str(self.path)) as office:
            return office.seal(self.now, key, None, None).moved

    def copy(self) -> bytes:
        with Office.open(str(self.path)) as office:
            return office.seal_copy()

    def found(self, *, case: str | None = None, copy: bytes | None = None, key: str = "") -> set[str]:
        with Office.open(str(self.path)) as office:
            return {finding.code for finding in office.verify(case, copy=copy, key=key)[1]}

    def keep(self) -> Path:
        ask(str(self.path), "PRAGMA wal_checkpoint(TRUNCATE)")
        return Path(shutil.copy(self.path, self.path.with_suffix(".kept")))

    def put_back(self, kept: Path) -> None:
        for suffix in ("-wal", "-shm"):
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)
        shutil.copy(kept, self.path)


@pytest.fixture
def county(tmp_path: Path) -> County:
    return County(tmp_path / "office.db")


def public(key: bytes) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return read_key(key).public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def test_a_seal_holds_every_history_and_the_next_one_only_what_has_moved(county: County) -> None:
    assert county.seal() == 3
    assert county.seal() == 0
    county.decide("grant")
    assert county.seal() == 1  # the office moved by nothing but the seal before, which this one carries
    assert county.seal() == 0
    said = json.loads(county.copy())
    assert [(seal["number"], seal["size"]) for seal in said["seals"]] == [(1, 3), (2, 4)]
    assert county.found(copy=county.copy()) == set()


def test_two_seals_of_an_office_are_consistent_and_each_case_is_included(county: County) -> None:
    county.seal()
    county.decide("grant")
    county.seal()
    said = json.loads(county.copy())
    leaves = [leaf_hash(Leaf(*leaf).content()) for leaf in said["leaves"]]
    first, second = said["seals"]
    roots = [bytes.fromhex(seal["root"]) for seal in (first, second)]
    assert is_consistent(
        first["size"], roots[0], second["size"], roots[1], consistency(leaves, first["size"])
    )
    place = next(n for n, leaf in enumerate(said["leaves"]) if leaf[:2] == [county.other, 2])
    assert is_included(roots[1], second["size"], place, leaves[place], inclusion(leaves, place))


def test_another_office_that_is_right_in_itself_is_found_by_a_copy_and_by_the_key(county: County) -> None:
    """The strongest forger: he lets the engine itself write the history that he wants, and seals it."""
    before = county.keep()
    county.decide("grant")
    county.seal(KEY)
    copy = county.copy()
    county.put_back(before)
    county.decide("refuse")
    county.seal()
    assert county.found() == set()  # the database alone can't tell
    assert county.found(copy=copy) >= {"seal.rewritten", "seal.log", "seal.differs"}
    assert county.found(case=county.case, copy=copy) >= {"seal.differs"}
    assert "seal.differs" not in county.found(case=county.other, copy=copy)
    assert county.found(key=public(KEY)) == {"seal.signature"}


def test_a_database_put_back_to_yesterday_is_found_by_the_seal_that_is_gone(county: County) -> None:
    county.seal(KEY)
    before = county.keep()
    county.decide("grant")
    county.seal(KEY)
    copy = county.copy()
    county.put_back(before)
    assert county.found(key=public(KEY)) == set()
    assert county.found(copy=copy) == {"seal.missing", "seal.log", "seal.truncated"}


EDITS = {
    "the hash of a leaf": ("UPDATE leaves SET hash = disclosure WHERE position = 0", {"seal.root"}),
    "a case exchanged": ("UPDATE leaves SET case_no = 'x' WHERE position = 0", {"seal.root"}),
    "a leaf removed": ("DELETE FROM leaves WHERE position = 1", {"seal.root", "seal.log"}),
    "a leaf added": ("INSERT INTO leaves VALUES (3, 'x', 1, 'x', 'x')", {"seal.log"}),
    "the secret exchanged": (
        "UPDATE meta SET value = '00' WHERE name = 'secret'",
        {"seal.secret", "seal.disclosure"},
    ),
    "the secret gone": ("DELETE FROM meta WHERE name = 'secret'", {"seal.secret", "seal.disclosure"}),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_of_what_seals_are_made_of_is_found(county: County, edit: str) -> None:
    county.seal()
    statement, expected = EDITS[edit]
    ask(str(county.path), statement)
    assert county.found() >= expected


def test_a_history_cut_off_with_all_that_is_kept_beside_it_is_found_by_its_leaf(county: County) -> None:
    county.decide("grant")
    county.seal()
    assert county.found() == set()
    ask(str(county.path), "DELETE FROM events WHERE case_no = ? AND seq > 2", county.case)
    with Office.open(str(county.path)) as office:
        office.rebuild()
    assert county.found() == {"seal.truncated"}


def test_a_broken_history_is_left_out_of_the_seal_and_named(county: County) -> None:
    ask(str(county.path), "UPDATE events SET hash = 'x' WHERE case_no = ? AND seq = 1", county.case)
    with Office.open(str(county.path)) as office:
        sealed = office.seal(NOON + DAY, None, None, None)
        assert list(sealed.broken) == [county.case]
        assert sealed.moved == 2
        assert {leaf[0] for leaf in json.loads(office.seal_copy())["leaves"]} == {county.other, OFFICE}


def test_an_instant_that_can_not_be_is_a_finding_of_its_case_and_hides_no_other(county: County) -> None:
    """Rechained, so that nothing but the instant is wrong."""
    path, prev = str(county.path), GENESIS
    rows = ask(path, "SELECT seq, body FROM events WHERE case_no = ? ORDER BY seq", county.case)
    for seq, body in rows:
        record = {**json.loads(body), "prev": prev, "at": FAR, "entered": FAR}
        prev = digest(canonical(record))
        ask(
            path,
            "UPDATE events SET body = ?, hash = ? WHERE case_no = ? AND seq = ?",
            canonical(record),
            prev,
            county.case,
            seq,
        )
    ask(path, "UPDATE events SET hash = 'x' WHERE case_no = ? AND seq = 1", county.other)
    with Office.open(path) as office:
        count, findings = office.verify()
    assert count == 3
    said = " ".join(str(finding.message) for finding in findings)
    assert county.case in said
    assert county.other in said


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"format":1,"seals":[{}],"leaves":[]}', b"\xff"])
def test_a_copy_that_is_none_is_refused(county: County, content: bytes) -> None:
    county.seal()
    with pytest.raises(Invalid) as refused:
        county.found(copy=content)
    assert refused.value.code == "seal.copy"


def test_a_copy_without_a_seal_compares_nothing_and_is_refused(county: County) -> None:
    county.seal()
    emptied = {**json.loads(county.copy()), "seals": [], "leaves": []}
    with pytest.raises(Invalid):
        county.found(copy=json.dumps(emptied).encode())


@pytest.mark.parametrize("place", ["copy", "seal", "twice"])
def test_a_copy_that_says_more_than_a_copy_is_refused_here_and_by_the_checker(
    county: County, place: str
) -> None:
    county.seal()
    said = json.loads(county.copy())
    receipt_checker.Given(copy=json.dumps(said).encode())
    (said if place == "copy" else said["seals"][0])["note"] = "approved"
    content = json.dumps(said).encode()
    if place == "twice":
        content = county.copy().replace(b'"format":2', b'"format":1,"format":2')
    with pytest.raises(Invalid) as refused:
        county.found(copy=content)
    assert refused.value.code == "seal.copy" and ("note" in str(refused.value.found)) == (place != "twice")
    with pytest.raises((receipt_checker.Wrong, ValueError)):
        receipt_checker.Given(copy=content)


def test_a_seal_is_never_dated_before_what_it_holds(county: County) -> None:
    county.decide("grant")
    decided = county.now
    with Office.open(str(county.path)) as office:
        assert office.seal(NOON - DAY, None, None, None).seal.at >= write_instant(decided)


def test_a_number_series_that_was_set_far_ahead_is_one_finding(county: County) -> None:
    ask(str(county.path), "INSERT INTO numbers VALUES ('note/2026', 1000000000000)")
    with Office.open(str(county.path)) as office:
        findings = office.verify()[1]
    assert {finding.code for finding in findings} == {"number.missing"}
    assert len(findings) < 2_000


def test_a_copy_that_somebody_changed_is_refused_for_itself(county: County) -> None:
    county.seal()
    said = json.loads(county.copy())
    said["leaves"][0][2] = "0" * 64
    with pytest.raises(Invalid):
        county.found(copy=json.dumps(said).encode())


def test_the_commands_seal_sign_export_and_verify(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(KEY)
    (tmp_path / "key.pub").write_text(public(KEY), encoding="utf-8")
    County(tmp_path / "lianban.db")
    made = lianban(tmp_path, "seal", "make", "--key", "key", "--json")
    assert (made.code, made.json["number"], made.json["key"]) == (0, 1, public(KEY))
    assert lianban(tmp_path, "seal", "export", "seals.json").code == 0
    assert lianban(tmp_path, "verify", "--seals", "seals.json", "--key", "key.pub").code == 0
    wrong = lianban(tmp_path, "seal", "make", "--key", "key.pub")
    assert (wrong.code, "ssh-keygen" in wrong.err) == (1, True)
    assert "2026" in lianban(tmp_path, "seal", "list").out
