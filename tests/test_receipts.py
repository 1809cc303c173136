"""Receipts, extracts and proofs of consistency, by attack: what the checker says holds against whoever made
the file, and what is hidden in an extract stays hidden."""

from __future__ import annotations

import ast
import hashlib
import html
import json
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from databases import ask, unguard
from drawing import draw
from items import HOUR, NOON, make_item, organisation
from markupsafe import escape
from terminal import lianban
from test_seals import KEY, public

from engine import extracts
from engine import receipt_checker as checker
from engine.definition import read_folder
from engine.errors import Diverged, Invalid, Refusal
from engine.events import canonical, digest
from engine.forms import check_schema, is_public
from engine.office import Office
from engine.receipts import CHECKER
from engine.seals import leaf_hash
from engine.verbs.frame import catalogue

ROOT = Path(__file__).parent.parent
TITLED = {"title": "名", "x-title-en": "name"}
FORM: dict[str, Any] = {
    "type": "object",
    "properties": {
        "applicant": {"type": "string", **TITLED},
        "opinion": {"enum": ["yes", "no"], **TITLED},
        "place": {"type": "string", "x-public": True, **TITLED},
        "site": {
            "type": "object",
            **TITLED,
            "x-public": True,
            "properties": {
                "area": {"type": "number", **TITLED},
                "owner": {"type": "string", "x-public": False, **TITLED},
            },
        },
        "witnesses": {"type": "array", **TITLED, "items": {"type": "string"}},
    },
}
SECRETS = {
    "applicant": "卓玛央金 证号 zzyx-qrst",
    "opinion": "no",
    "site": {"area": 62.5, "owner": "扎西顿珠的表弟"},
    "witnesses": ["Pemba & Dolma", "旺堆平措"],
}
PLACE = "幸福路 </pre><td data-value='1'>12</td> 号"


@dataclass
class County:
    """An office with three seals: `case` was sealed when it waited for delivery (1), when it was closed (2);
    `late` has an event behind the last seal, `young` none before it."""

    folder: Path
    case: str
    late: str
    young: str

    def office(self) -> Office:
        return Office.open(str(self.folder / "lianban.db"))

    def made(self, what: Callable[[Office], Any]) -> Any:
        with self.office() as office:
            return json.loads(what(office).content)

    def receipt(self, to: int | None = None) -> Any:
        return self.made(lambda office: office.receipt(self.case, to))

    def extract(self, *show: str) -> Any:
        return self.made(lambda office: office.extract(self.case, show=show))

    def page(self, lang: str = "zh") -> str:
        with self.office() as office:
            content: bytes = office.extract(self.case, page=(lang, catalogue(lang).gettext)).content
        return content.decode()

    def copy(self) -> bytes:
        with self.office() as office:
            return office.seal_copy()

    def digest(self, number: int) -> str:
        with self.office() as office:
            return office.seals()[number - 1].digest


def furnish(folder: Path) -> County:
    now = NOON
    with Office.create_rehearsal(str(folder / "lianban.db"), now, organisation()) as office:
        diagram = draw("start s; user decide; user deliver; end e", "s -> decide -> deliver -> e")
        item = make_item(
            folder,
            diagram,
            forms={"decide": FORM},
            documents={"deliver": "licence"},
            template="{{ document.number }}",
        )
        office.publish(item, now)
        case, late = (office.open_case("clerk", "item", {}, now).case for _ in range(2))
        office.do("clerk", case, "decide", {**SECRETS, "place": PLACE}, now + HOUR)
        office.seal(now + 2 * HOUR, KEY, None, None)
        office.do("colleague", case, "deliver", {}, now + 3 * HOUR)
        office.seal(now + 4 * HOUR, KEY, None, None)
        office.do("clerk", late, "decide", {"opinion": "yes"}, now + 5 * HOUR)
        office.seal(now + 6 * HOUR, KEY, None, None)
        office.do("clerk", late, "deliver", {}, now + 7 * HOUR)
        young = office.open_case("clerk", "item", {}, now + 7 * HOUR).case
    return County(folder, case, late, young)


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> County:
    return furnish(tmp_path_factory.mktemp("county"))


@pytest.fixture(scope="module")
def given() -> checker.Given:
    return checker.Given(public(KEY))


def wrong(proof: Any, given: checker.Given, **more: bool) -> list[str]:
    content = proof if isinstance(proof, bytes) else json.dumps(proof, ensure_ascii=False).encode()
    return [en for _, en in checker.check(content, given, **more).wrong]


# --- the checker is a program of its own


def test_the_checker_needs_nothing_but_the_standard_library_of_python_3_9() -> None:
    tree = ast.parse(CHECKER.read_text(encoding="utf-8"), feature_version=(3, 9))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
        )
    }
    assert imported and imported <= set(sys.stdlib_module_names)
    house = [*ROOT.glob("engine/**/*.py"), ROOT / "cli.py"]
    assert not [path for path in house if "import receipt_checker" in path.read_text("utf-8")]


def bare(folder: Path, *words: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-I", "-S", "check.py", *words],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout + done.stderr


def test_an_auditor_checks_all_three_kinds_in_a_bare_folder(county: County, tmp_path: Path) -> None:
    bench = tmp_path / "bench"
    bench.mkdir()
    (bench / "key.pub").write_text(public(KEY) + " seal of the county", encoding="utf-8")
    for words in (
        ["receipt", "--checker", "-o", bench / "check.py"],
        ["receipt", county.case[-1], "-o", bench / "receipt.json"],
        ["--lang", "zh", "extract", county.case, "-o", bench / "extract.html"],
    ):
        ran = lianban(county.folder, *map(str, words))
        assert (ran.code, ran.err) == (0, "")
    with county.office() as office:
        (bench / "extract.json").write_bytes(office.extract(county.case).content)
        (bench / "days.json").write_bytes(office.prove_seals(1).content)
        (bench / "seals.json").write_bytes(office.seal_copy())
    files = ["receipt.json", "extract.json", "extract.html", "days.json"]
    code, said = bare(bench, *files, "--key", "key.pub", "--seals", "seals.json")
    assert (code, said.count("GOOD")) == (0, 4), said
    assert max(map(len, said.splitlines())) < 200
    code, said = bare(bench, *files, "--seal-digest", county.digest(3), "--lang", "zh")
    assert (code, said.count("核验通过")) == (0, 4), said
    code, said = bare(bench, *files)
    assert (code, said.count("CONSISTENT IN ITSELF")) == (0, 4), said
    assert bare(bench, "receipt.json", "--seal-digest", "0" * 64)[0] == 1
    assert bare(bench, "receipt.json", "--key", "extract.json")[0] == 2  # a wrong command line


# --- Ed25519 without a library

VECTORS = [  # RFC 8032 §7.1, tests 1 to 3: public key, message, signature
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd"
        "25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c3"
        "87b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594"
        "a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize(("key", "message", "signature"), VECTORS)
def test_the_signatures_of_the_standard_are_good(key: str, message: str, signature: str) -> None:
    assert checker.is_signed(*map(bytes.fromhex, (key, message, signature)))


def by_the_library(key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def flipped(content: bytes, chance: random.Random) -> bytes:
    bit = chance.randrange(len(content) * 8)
    return bytes(one ^ (1 << bit % 8 if n == bit // 8 else 0) for n, one in enumerate(content))


def test_signatures_are_judged_as_the_library_judges_them() -> None:
    chance = random.Random(8032)
    for _ in range(25):
        owner = Ed25519PrivateKey.from_private_bytes(chance.randbytes(32))
        key, message = owner.public_key().public_bytes_raw(), chance.randbytes(1 + chance.randrange(200))
        signature = owner.sign(message)
        assert checker.is_signed(key, message, signature)
        for tried in (
            (flipped(key, chance), message, signature),
            (key, flipped(message, chance), signature),
            (key, message, flipped(signature, chance)),
            (chance.randbytes(32), message, signature),
        ):
            assert checker.is_signed(*tried) == by_the_library(*tried) is False


def test_a_signature_has_one_spelling_and_a_bad_point_signs_nothing() -> None:
    owner = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    key, message = owner.public_key().public_bytes_raw(), b"statement"
    signature = owner.sign(message)
    larger = int.from_bytes(signature[32:], "little") + checker._L
    assert not checker.is_signed(key, message, signature[:32] + larger.to_bytes(32, "little"))
    for length in (0, 32, 63, 65):
        assert not checker.is_signed(key, message, (signature + b"x")[:length])
    # The neutral element as key and R, with S = 0: by the bare equation a signature under every message.
    neutral = (1).to_bytes(32, "little")
    assert not checker.is_signed(neutral, message, neutral + bytes(32))
    p = checker._P
    for bad in (p, p + 1, 2**255 - 1, 2, 1 | 1 << 255, p - 1):  # not canonical, on no curve, -0, small order
        assert not checker.is_signed(bad.to_bytes(32, "little"), message, signature), bad
    assert not checker.is_signed(key[:31], message, signature)


# --- receipts


def test_a_receipt_is_good_and_says_what_it_does_not_prove(county: County, given: checker.Given) -> None:
    report = checker.check(json.dumps(county.receipt()).encode(), given)
    assert not report.wrong and report.anchored
    said = " ".join(en for _, en in report.open)
    for limit in (
        "did it themselves",
        "the instants are what the office says",
        "did not go on",
        "running it again",
    ):
        assert limit in said


def leaves(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if isinstance(value, dict | list) and value:
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(inner, (*way, key))
    else:
        yield way, value


def changed(proof: Any, way: tuple[Any, ...], value: Any) -> Any:
    proof = deepcopy(proof)
    place = proof
    for key in way[:-1]:
        place = place[key]
    place[way[-1]] = value
    return proof


def otherwise(value: Any, chance: random.Random) -> Any:
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case str() if value:
            place = chance.randrange(len(value))
            other = next(c for c in "0a1bZ" if c.lower() != value[place].lower())
            return value[:place] + other + value[place + 1 :]
    return "x"


def test_no_value_of_a_receipt_can_be_another_one(county: County, given: checker.Given) -> None:
    chance = random.Random(7)
    receipt = county.receipt()
    every = [way for way in leaves(receipt) if way[0][0] != "salts"]
    salts = [way for way in leaves(receipt) if way[0][0] == "salts"]
    unnoticed = {
        way[0]
        for way, value in [*every, *chance.sample(salts, 8)]
        if not wrong(changed(receipt, way, otherwise(value, chance)), given)
    }
    assert unnoticed == {"organisations"}  # of which the checker says that it does not prove them


def test_nothing_can_be_taken_from_a_receipt_or_added_to_it(county: County, given: checker.Given) -> None:
    receipt = county.receipt()
    for key, value in receipt.items():
        assert wrong({name: one for name, one in receipt.items() if name != key}, given), key
        if isinstance(value, dict):
            for inner in value:
                assert wrong({**receipt, key: {k: v for k, v in value.items() if k != inner}}, given), (
                    key,
                    inner,
                )
            assert wrong({**receipt, key: {**value, "note": "0" * 64}}, given), key
    assert wrong({**receipt, "note": "the applicant is right"}, given)
    for n in range(len(receipt["records"])):
        assert wrong({**receipt, "records": receipt["records"][:n] + receipt["records"][n + 1 :]}, given)
    swapped = [*receipt["records"]]
    swapped[2], swapped[3] = swapped[3], swapped[2]
    assert wrong({**receipt, "records": swapped}, given)


def rewritten(records: list[dict[str, str]], edit: Callable[[int, Any], None]) -> list[dict[str, str]]:
    """The history as whoever can write the database would write it anew, hashes and all."""
    prev, found = "0" * 64, []
    for seq, record in enumerate(records, 1):
        body = json.loads(record["body"])
        edit(seq, body)
        body["prev"] = prev
        prev = digest(canonical(body))
        found.append({"body": canonical(body).decode(), "hash": prev})
    return found


def test_a_history_written_anew_from_some_event_on_is_not_the_sealed_one(
    county: County, given: checker.Given
) -> None:
    receipt = county.receipt()

    def edit(seq: int, body: Any) -> None:
        if body["type"] == "task.completed" and "opinion" in body["data"]["data"]:
            body["data"]["data"]["opinion"] = "yes"

    records = rewritten(receipt["records"], edit)
    assert records != receipt["records"]
    for hash in (receipt["hash"], records[-1]["hash"]):
        found = wrong({**receipt, "records": records, "hash": hash}, given)
        assert found == ["what was sealed is not the history in this file"]


def test_events_behind_the_seal_are_never_passed_off_as_sealed(county: County, given: checker.Given) -> None:
    receipt = county.made(lambda office: office.receipt(county.late))
    assert wrong(receipt, given) and not wrong(receipt, given, unsealed=True)
    forged = county.receipt()
    body = {**json.loads(forged["records"][-1]["body"]), "prev": forged["records"][-1]["hash"]}
    body |= {"seq": len(forged["records"]) + 1, "type": "case.deemed"}
    forged["records"].append({"body": canonical(body).decode(), "hash": digest(canonical(body))})
    (found,) = wrong(forged, given)
    assert "not sealed yet" in found


def test_a_receipt_can_be_bound_to_the_seal_that_was_published(county: County) -> None:
    receipt = county.receipt(1)
    published = checker.Given(digests=[county.digest(1).upper()])
    assert receipt["sealed"]["newest"]["number"] == 1
    assert not wrong(receipt, published, unsealed=True)
    assert wrong(receipt, published)  # what came after that seal
    assert not wrong(county.receipt(), checker.Given(digests=[county.digest(2)]))
    assert wrong(receipt, checker.Given(digests=[county.digest(2)]), unsealed=True)


def test_a_receipt_of_yesterday_is_found_by_a_copy_of_the_seals(county: County) -> None:
    yesterday = county.receipt(1)
    yesterday["records"] = yesterday["records"][: yesterday["sealed"]["leaf"]["seq"]]
    for kind in ("calendars", "documents"):  # what the events left say nothing of is taken out as well
        named = "".join(record["body"] for record in yesterday["records"])
        yesterday[kind] = {key: one for key, one in yesterday[kind].items() if key in named}
    assert not wrong(yesterday, checker.Given(public(KEY)))
    found = wrong(yesterday, checker.Given(copy=county.copy()))
    assert len(found) == 1 and "the case went on" in found[0]


def test_a_made_up_office_is_right_in_itself_and_found_by_anything_from_outside(
    county: County, tmp_path: Path
) -> None:
    forged = furnish(tmp_path).receipt()
    for seal in (forged["sealed"]["seal"], forged["sealed"]["newest"]):
        seal["key"] = seal["signature"] = ""
    forged["sealed"]["newest"], forged["sealed"]["consistency"] = forged["sealed"]["seal"], []
    report = checker.check(json.dumps(forged).encode(), checker.Given())
    assert not report.wrong and not report.anchored
    assert wrong(forged, checker.Given(public(KEY)))
    assert wrong(forged, checker.Given(digests=[county.digest(2)]))
    assert wrong(forged, checker.Given(copy=county.copy()))


def test_the_instant_of_an_older_seal_is_not_vouched_for_by_a_newer_one(county: County) -> None:
    """Consistency binds what a seal holds, not what it says of itself."""
    extract = county.made(lambda office: office.extract(county.late, to=1))
    with county.office() as office:
        newest = office.seals()[2]
        path = json.loads(office.prove_seals(1, 3).content)["consistency"]
    extract["sealed"] |= {"newest": newest._asdict(), "consistency": path}
    extract["sealed"]["seal"] |= {"at": "2020-01-01T00:00:00.000000Z", "key": "", "signature": ""}
    report = checker.check(json.dumps(extract).encode(), checker.Given(digests=[county.digest(3)]))
    assert not report.wrong
    assert any("it says that it is seal 1 of 2020-01-01" in en for _, en in report.open)
    assert not any("seal 1" in en or "2020" in en for _, en in report.proven)
    assert wrong(extract, checker.Given(public(KEY)))


@pytest.mark.parametrize("kind", ["receipt", "extract", "days"])
def test_a_newest_seal_that_was_made_up_proves_nothing_but_its_log(county: County, kind: str) -> None:
    """Number, instant and secret can be anything where only the seal before is compared."""
    invented = {
        "number": 6,
        "at": "2099-12-31T00:00:00.000000Z",
        "secret": "cd" * 32,
        "key": "",
        "signature": "",
    }
    if kind == "days":
        proof = county.made(lambda office: office.prove_seals(1, 2))
        proof["seals"][1] |= {**invented, "number": 2}
        root = proof["seals"][1]["root"]
    else:
        proof = county.receipt() if kind == "receipt" else county.extract()
        proof["sealed"]["newest"] |= {**invented, "previous": "ab" * 32}
        root = proof["sealed"]["newest"]["root"]
    with county.office() as office:
        first = office.seals()[0 if kind == "days" else 1]
    for given in (checker.Given(digests=[first.digest]), checker.Given()):
        report = checker.check(json.dumps(proof).encode(), given)
        assert not report.wrong
        proven = " ".join(zh + en for zh, en in report.proven)
        assert "2099" not in proven and f"with the root {root}" in proven
        assert any("2099-12-31" in en and "compared with nothing from outside" in en for _, en in report.open)
        assert any("2099-12-31" in zh for zh, _ in report.open)
    # Compared itself, an honest newest seal is called by its number.
    honest = checker.check(json.dumps(county.receipt()).encode(), checker.Given(digests=[county.digest(3)]))
    assert any("to the log under seal 3 of" in en for _, en in honest.proven)


ODD: list[tuple[tuple[Any, ...], Any, str]] = [
    (("sealed", "newest", "number"), 10**200, "expected a whole number"),
    (("sealed", "newest", "number"), 10**400, "a number of 401 digits"),
    (("sealed", "newest", "number"), 4.0, "expected a whole number from 0 on, below 2^53, found 4.0"),
    (("sealed", "newest", "size"), True, "found true"),
    (("sealed", "position"), 2**53, "found 9007199254740992"),
    (
        ("sealed", "newest", "at"),
        "soon",
        'expected an instant like 2026-03-01T01:00:00.000000Z, found "soon"',
    ),
    (("sealed", "newest", "at"), "2026-02-30T00:00:00.000000Z", "an instant that the calendar has"),
    (("sealed", "seal", "root"), "ab", "expected 64 hex digits"),
    (("sealed", "leaf"), None, "expected an object with case, seq, history, disclosure, found null"),
    (("sealed", "note"), "x", 'an object has besides ["note"]'),
    (("sealed", "inclusion"), {}, "expected a list, found {}"),
    (("format",), 1.0, "expected a proof of lianban in format 1, found 1.0"),
    (("lianban",), "letter", "expected a receipt, an extract or a proof of consistency"),
    (("case",), "\ud800", ""),
    (("definitions",), {"a": {"b": "?"}}, "expected Base64"),
]


@pytest.mark.parametrize(("way", "value", "said"), ODD, ids=range(len(ODD)))
def test_what_is_odd_is_refused_in_plain_words(county: County, way: Any, value: Any, said: str) -> None:
    report = checker.check(json.dumps(changed(county.receipt(), way, value)).encode(), checker.Given())
    ((zh, en),) = report.wrong
    assert said in en and re.search("[\u4e00-\u9fff]", zh)
    assert not re.search("Error|Traceback|NoneType|<class", zh + en)


def test_a_case_that_no_seal_holds_has_no_receipt(county: County) -> None:
    ran = lianban(county.folder, "receipt", county.young, "-o", "x.json")
    assert (ran.code, "lianban seal make" in ran.err, "none of them sealed" in ran.err) == (1, True, True)
    late = lianban(county.folder, "receipt", county.late, "-o", "late.json")
    assert (late.code, "not sealed yet" in late.err) == (0, True)
    with county.office() as office, pytest.raises(Refusal) as refused:
        office.extract(county.young)
    assert refused.value.code == "receipt.unsealed"


def test_an_office_that_sealed_nothing_says_so(tmp_path: Path) -> None:
    with Office.create_rehearsal(str(tmp_path / "o.db"), NOON, organisation()) as office:
        with pytest.raises(Refusal) as refused:
            office.prove_seals(1)
        assert refused.value.code == "seal.none"


def test_no_proof_is_handed_out_of_a_case_that_is_not_as_it_was_sealed(
    county: County, tmp_path: Path
) -> None:
    path = str(tmp_path / "lianban.db")
    ask(str(county.folder / "lianban.db"), "PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(county.folder / "lianban.db", path)
    unguard(path)
    ask(path, "UPDATE meta SET value = '00' WHERE name = 'secret'")
    with Office.open(path) as office:
        proofs: list[Callable[[], object]] = [
            lambda: office.receipt(county.case),
            lambda: office.extract(county.case),
            lambda: office.prove_seals(1),
            office.seal_copy,
        ]
        for proof in proofs:
            with pytest.raises(Diverged):
                proof()


JUNK = [
    b"",
    b"{}",
    b"[]",
    b"\xff\xfe",
    b"null",
    b"<html>",
    b"<pre id=lianban-proof>{}</pre>",
    b'{"lianban":"receipt","format":1}',
    b'{"lianban":"receipt","format":true}',
    b'{"lianban":"extract","format":1,"case":NaN}',
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b"1" * 10_000,
]


@pytest.mark.parametrize("content", JUNK, ids=range(len(JUNK)))
def test_what_is_no_proof_is_refused_in_words(content: bytes) -> None:
    (said,) = wrong(content, checker.Given())
    assert "Error" not in said and "Exceeds" not in said


def test_a_key_that_stands_twice_is_refused(county: County, given: checker.Given) -> None:
    content = json.dumps(county.receipt()).encode()
    twice = content.replace(b"{", b'{"case": "another", ', 1)
    assert not wrong(content, given) and wrong(twice, given)


# --- two days


def test_two_days_are_consistent_and_no_part_of_the_proof_can_be_another(
    county: County, given: checker.Given
) -> None:
    chance = random.Random(3)
    days = county.made(lambda office: office.prove_seals(1, 3))
    assert [seal["number"] for seal in days["seals"]] == [1, 2, 3]
    assert not wrong(days, given)
    for way, value in leaves(days):
        assert wrong(changed(days, way, otherwise(value, chance)), given), way
    for seals in (days["seals"][::-1], [days["seals"][0], days["seals"][2]], []):
        assert wrong({**days, "seals": seals}, given)
    assert wrong({**days, "consistency": []}, given)
    same = county.made(lambda office: office.prove_seals(2, 2))
    assert not wrong(same, given)


@pytest.mark.parametrize(("older", "newer", "code"), [(3, 1, "seal.order"), (1, 9, "seal.unknown")])
def test_an_impossible_pair_of_seals_is_refused(county: County, older: int, newer: int, code: str) -> None:
    with county.office() as office, pytest.raises(Refusal) as refused:
        office.prove_seals(older, newer)
    assert refused.value.code == code and str(refused.value.remedy)


# --- extracts


def hidden_texts(county: County, extract: Any) -> set[str]:
    """Everything that the history has as text and the extract does not show as such."""
    shown = {canonical(one["value"]) for one in extract["values"] if isinstance(one, dict)}
    found = set()
    for record in county.receipt()["records"]:
        for _, value in checker.flat(json.loads(record["body"])):
            if isinstance(value, str) and len(value) > 3 and canonical(value) not in shown:
                found.add(value)
        found.add(record["hash"])
    return found


def test_an_extract_shows_what_is_public_and_not_a_piece_of_anything_else(
    county: County, given: checker.Given
) -> None:
    extract = county.extract()
    assert not wrong(extract, given)
    page = html.unescape(re.sub("<style>.*</style>", "", county.page(), flags=re.DOTALL))
    text = json.dumps(extract, ensure_ascii=False)
    hidden = hidden_texts(county, extract)
    assert {SECRETS["applicant"], "扎西顿珠的表弟", "旺堆平措"} <= hidden and len(hidden) > 12
    for secret in hidden:
        width = min(len(secret), 12 if re.fullmatch("[0-9a-f]{64}", secret) else 4)
        pieces = {secret[n : n + width] for n in range(len(secret) - width + 1)}
        assert not {piece for piece in pieces if piece in text or piece in page}, secret
    shown = {(one["path"], canonical(one["value"])) for one in extract["values"] if isinstance(one, dict)}
    assert ("/data/data/place", canonical(PLACE)) in shown
    assert ("/data/data/site/area", b"62.5") in shown
    paths = {path for path, _ in shown}
    assert not paths & {"/by/person", "/by/org", "/prev", "/data/content", "/data/data/opinion"}
    assert {"/type", "/at", "/by/unit", "/data/number", "/data/outcome"} <= paths


def test_whoever_knows_all_the_rest_still_cannot_guess_a_hidden_yes_or_no(county: County) -> None:
    extract = county.extract()
    receipt = county.receipt()
    (place,) = [
        n
        for n, record in enumerate(receipt["records"], 1)
        if json.loads(record["body"])["data"].get("element") == "decide"
        and json.loads(record["body"])["type"] == "task.completed"
    ]
    text = json.dumps(extract)
    salts = [one["salt"] for one in extract["values"] if isinstance(one, dict)]
    known = {
        (seq, path): salt
        for (seq, path), salt in zip(
            [
                (seq, p)
                for seq, r in enumerate(receipt["records"], 1)
                for p, _ in checker.flat(json.loads(r["body"]))
            ],
            receipt["salts"],
            strict=True,
        )
    }

    def hits(salts: list[str], guess: str) -> bool:
        """Whether anything in the extract answers to the guess."""

        def edit(seq: int, body: Any) -> None:
            if seq == place:
                body["data"]["data"]["opinion"] = guess

        hashes = [record["hash"] for record in rewritten(receipt["records"], edit)]
        tries = [*hashes]
        for salt in salts:
            tries.append(digest(canonical([hashes[-1], salt])))
            tries.append(leaf_hash(checker.canonical(
                {"seq": place, "path": "/data/data/opinion", "value": guess, "salt": salt}
            )).hex())  # fmt: skip
        return any(one in text for one in tries)

    for guess in ("yes", "no"):
        assert not hits([*salts, "", "0" * 32], guess)
    # Who has the salts finds it, and only the right one: the receipt is not for the public.
    assert hits([known[place, "/data/data/opinion"]], "no") and hits([receipt["salt"]], "no")
    assert not hits([known[place, "/data/data/opinion"], receipt["salt"]], "yes")


def test_no_value_hash_or_place_in_an_extract_can_be_another(county: County, given: checker.Given) -> None:
    chance = random.Random(5)
    extract = county.extract()
    for way, value in leaves(extract):
        assert wrong(changed(extract, way, otherwise(value, chance)), given), way
    values = extract["values"]
    for n in range(len(values) - 1):
        swapped = [*values[:n], values[n + 1], values[n], *values[n + 2 :]]
        assert wrong({**extract, "values": swapped}, given)
        assert wrong({**extract, "values": values[:n] + values[n + 1 :]}, given)
        assert wrong({**extract, "values": [*values[:n], values[n], *values[n:]]}, given)


def test_two_hidden_values_cannot_pass_for_one(county: County, given: checker.Given) -> None:
    """An inner node of the tree looks like a hidden value: their number is sealed as well."""
    extract = county.extract()
    hashed = [
        bytes.fromhex(one)
        if isinstance(one, str)
        else checker.value_hash(one["seq"], one["path"], one["value"], one["salt"])
        for one in extract["values"]
    ]
    pairs = [
        hashlib.sha256(b"\x01" + hashed[n] + hashed[n + 1]).digest() for n in range(0, len(hashed) - 1, 2)
    ] + hashed[len(hashed) & ~1 :]
    assert checker.root_of(pairs) == checker.root_of(hashed)
    assert wrong({**extract, "values": [one.hex() for one in pairs]}, given)
    # Hiding more is nobody's lie: the checker says that it does not prove that all is shown.
    assert not wrong({**extract, "values": [one.hex() for one in hashed]}, given)


def test_the_extract_of_one_case_is_no_extract_of_another(county: County, given: checker.Given) -> None:
    extract = county.extract()
    other = county.made(lambda office: office.extract(county.late))
    assert not wrong(other, given)
    assert wrong({**extract, "case": county.late}, given)
    assert wrong({**extract, "sealed": other["sealed"]}, given)
    assert wrong({**extract, "values": other["values"]}, given)


def test_a_page_that_says_otherwise_than_its_proof_is_found(county: County, given: checker.Given) -> None:
    page = county.page()
    assert not wrong(page.encode(), given)
    assert "</pre><td data-value='1'>" not in page  # what people typed stays text
    cells = re.findall(r'<td data-value="(\d+)">([^<]*)</td>', page)
    assert len(cells) > 30
    for index, text in random.Random(2).sample(cells, 6):
        cell = f'<td data-value="{index}">{text}</td>'
        for forged in (
            f'<td data-value="{index}">{text}0</td>',
            f'<td data-value="{index}9">{text}</td>',
            cell + cell,
        ):
            assert wrong(page.replace(cell, forged, 1).encode(), given), (index, forged)
    other = re.search(r'<pre id="lianban-proof">.*?</pre>', page, re.DOTALL)
    assert other is not None
    assert wrong(page.replace("</main>", f"{other[0]}</main>").encode(), given)
    assert wrong(page.replace(other[0], "").encode(), given)


ROW = re.compile(r'<tr><th title="/at">[^<]*</th><td data-value="0">[^<]*</td><td>[^<]*</td></tr>')
CELL = re.compile(r'<td data-value="0">([^<]*)</td>')


def beside(markup: str) -> Callable[[str], str]:
    return lambda page: ROW.sub(lambda row: row[0] + markup, page, count=1)


def around(before: str, after: str) -> Callable[[str], str]:
    return lambda page: ROW.sub(lambda row: before + row[0] + after, page, count=1)


def instead(cell: str) -> Callable[[str], str]:
    return lambda page: CELL.sub(lambda found: cell.format(found[1]), page, count=1)


def put(text: str, before: str) -> Callable[[str], str]:
    return lambda page: page.replace(before, text + before, 1)


FORGED: dict[str, Callable[[str], str]] = {
    "a row more": beside("<tr><th>Opinion</th><td>disagree</td><td></td></tr>"),
    "a row that names a person": beside(
        '<tr><th title="/by/person">who</th><td>zhang.san</td><td></td></tr>'
    ),
    "a row twice": lambda page: ROW.sub(lambda row: row[0] * 2, page, count=1),
    "a row less": lambda page: ROW.sub("", page, count=1),
    "a row as a comment": around("<!--", "-->"),
    "a row as a template": around("<template>", "</template>"),
    "a row without scripts": around("</table><noscript><table>", "</table></noscript><table>"),
    "a value by style sheet": put(
        "td[data-value='0'] { font-size: 0 } td[data-value='0']::before { content: '2020-01-01' }", "</style>"
    ),
    "a second style sheet": put("<style>td { display: none }</style>", "</head>"),
    "a style sheet from elsewhere": put("<link rel='stylesheet' href='x.css'>", "</head>"),
    "a script": put("<script>document.body.innerHTML = 'x'</script>", "</body>"),
    "a script in the head": put("<script src='https://example.com/x.js'></script>", "</head>"),
    "a picture": put("<img src=x onerror='alert(1)'>", "</body>"),
    "a frame": put("<iframe src='https://example.com'></iframe>", "</body>"),
    "another page": put("<meta http-equiv='refresh' content='0;url=https://example.com'>", "<title>"),
    "another base": put("<base href='https://example.com'>", "<title>"),
    "a comment": put("<!-- x -->", "</main>"),
    "a link": put("<a href='https://example.com'>x</a>", "</main>"),
    "a handler": lambda page: page.replace("<body>", "<body onload='alert(1)'>", 1),
    "a value struck out": instead('<td data-value="0"><s>{}</s></td>'),
    "a value hidden": instead('<td hidden data-value="0">{}</td>'),
    "a value not displayed": instead('<td style="display:none" data-value="0">{}</td>'),
    "a value with a note": instead('<td data-value="0">{} (corrected)</td>'),
    "a value turned round": instead('<td data-value="0">\u202e{}</td>'),
    "a value spelled otherwise": lambda page: CELL.sub(lambda found: found[0].replace("Z", "&#90;"), page, 1),
    "another index": instead('<td data-value="1">{}</td>'),
    "another time of the place": lambda page: ROW.sub(lambda row: row[0].replace(":00<", ":59<"), page, 1),
    "another time of an event": lambda page: re.sub(
        r"<small>[^<]*", "<small>2020-01-01 08:00", page, count=1
    ),
    "another event": lambda page: re.sub(r"<h2>1 · [^<]*", "<h2>1 · refused ", page, count=1),
    "another label": lambda page: re.sub(r'(<th title="/at">)[^<]*', r"\1due", page, count=1),
    "words beside a number": lambda page: re.sub(
        r'(<th title="/data/number">.*?<td>)</td></tr>', r"\1withdrawn</td></tr>", page, count=1
    ),
    "another path": lambda page: page.replace('title="/at"', 'title="/by/person"', 1),
    "another number of hidden values": lambda page: re.sub(
        r"(<p>\D*\d+\D+)\d+(\D+</p>\n</header>)", r"\g<1>0\2", page
    ),
    "another seal": lambda page: re.sub("[0-9a-f]{64}", "0" * 64, page, count=1),
    "another advice": lambda page: page.replace("`python3 check.py", "`python3 other.py", 1),
    "another case": lambda page: re.sub(r"<p>([^<]*)-00001</p>", r"<p>\1-00002</p>", page, count=1),
    "markup in a name": lambda page: page.replace("<h1>", "<h1><b>refused</b>", 1),
    "a heading more": put("<h2>Refused</h2>", "<table>"),
    "another language": lambda page: re.sub('lang="[^"]*"', 'lang="fr"', page, count=1),
    "something before": lambda page: "<p>Refused</p>" + page,
    "something behind": lambda page: page + "<p>Refused</p>",
    "a blank": lambda page: page.replace("<tr>", "<tr> ", 1),
    "the proof spelled otherwise": lambda page: page.replace('{"case":', '{ "case":', 1),
    "half of it": lambda page: page[: len(page) // 2],
}


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("forgery", FORGED)
def test_a_page_is_as_lianban_writes_it_or_is_refused(
    county: County, given: checker.Given, forgery: str, lang: str
) -> None:
    page = county.page(lang)
    forged = FORGED[forgery](page)
    assert forged != page
    report = checker.check(forged.encode(), given)
    ((zh, en),) = report.wrong
    assert not any("character by character" in line for _, line in report.proven)
    if forgery != "half of it":
        assert "not as lianban writes it" in en and "不是联办系统写的样子" in zh
        assert any('/data/number "' in line for _, line in report.about)  # the values are told all the same


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_no_character_of_a_page_can_be_another_but_in_names_that_are_told(
    county: County, given: checker.Given, lang: str
) -> None:
    page, chance = county.page(lang), random.Random(11)
    honest = checker.check(page.encode(), given)
    assert not honest.wrong and honest.anchored
    end = page.index('<pre id="lianban-proof">')
    accepted = 0
    words = [found.start(1) for found in re.finditer("</td><td>([^<]+)", page)]
    for place in [*chance.sample(range(page.index("</style>"), end), 100), *words]:
        for forged in (page[:place] + page[place + 1 :], page[:place] + "永" + page[place + 1 :]):
            report = checker.check(forged.encode(), given)
            if not report.wrong:
                accepted += 1
                assert report.open != honest.open and report.proven == honest.proven
    assert 0 < accepted < 100


def test_a_forged_name_is_told_as_not_proven(county: County, given: checker.Given) -> None:
    page = county.page("en")
    forged = re.sub(r"(<td data-value=\"\d+\">decide</td><td>)[^<]*", r"\1Refused &lt;on 1 May&gt;", page)
    assert forged != page
    report = checker.check(forged.encode(), given)
    assert not report.wrong
    (told,) = [en for _, en in report.open if en.startswith("the names in the page")]
    assert "decide = Refused <on 1 May>" in told and "what counts are the values printed here" in told


def test_where_the_time_zone_is_unknown_local_times_are_not_proven(
    county: County, given: checker.Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checker, "zone_of", lambda name: None)
    report = checker.check(county.page().encode(), given)
    assert not report.wrong and any("local times" in en for _, en in report.open)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_checker_expects_every_row_as_the_page_writes_it(county: County, lang: str) -> None:
    """Of every field of every event that may be shown, which no one case has."""
    with county.office() as office:
        record = office.history(county.case)[0]
    definition, _ = read_folder(county.folder / "processes" / "item", county.folder / "forms")
    assert definition is not None
    names = extracts.Names([], {}, "Asia/Shanghai", lang, catalogue(lang).gettext)
    side, zone = ("zh", "en").index(lang), checker.zone_of("Asia/Shanghai")
    assert zone is not None
    fields = {field for shown in extracts.SHOWN.values() for field in shown} - {"document"}
    paths = {*extracts.COMMON, *(f"/data/{field}" for field in fields), "/data/departments/0", "/by/person"}
    for path in sorted(paths - {"/format", "/case", "/seq"}):
        timely = path.rsplit("/", 1)[-1] in ("at", "entered", "due", "since", "as_of", "begins")
        for value in ("2026-03-02T04:00:00.000000Z", True, 3, *([] if timely else ["x", "a & 'b' \"c\""])):
            label, words = extracts._told(path, value, record, definition, names)
            written = value if isinstance(value, str) else json.dumps(value)
            row = (
                f'<tr><th title="{path}">{escape(label)}</th><td data-value="7">{escape(written)}</td>'
                f"<td>{escape(words)}</td></tr>\n"
            )
            page = checker._Page(row)

            def time(at: str, page: Any = page) -> None:
                page.has(checker.local(at, zone, side))

            checker.check_row(page, path, 7, value, record.event.type, side, time)
            assert page.place == len(row), row


def test_the_checker_knows_the_words_and_the_style_of_the_page() -> None:
    """It imports nothing of the house, so it has them once more."""
    zh = catalogue("zh").gettext

    def both(texts: Any) -> dict[str, tuple[str, str]]:
        return {key: (text.render(zh), text.render(str)) for key, text in texts.items()}

    assert both(extracts.EVENTS) == checker.EVENTS
    assert both(extracts.FIELDS) == checker.FIELDS
    assert both(extracts.ACTOR) == checker.ACTOR
    style = re.search("<style>\n(.*?)</style>", extracts.TEMPLATE.read_text(encoding="utf-8"), re.DOTALL)
    assert style is not None and digest(style[1].encode()) in checker.STYLES


def test_more_is_shown_where_somebody_answers_for_it(county: County, given: checker.Given) -> None:
    extract = county.extract("/data/data/witnesses", "1:/by/person")
    shown = {(one["seq"], one["path"]) for one in extract["values"] if isinstance(one, dict)}
    assert {path for _, path in shown} >= {"/data/data/witnesses/0", "/data/data/witnesses/1"}
    assert {seq for seq, path in shown if path == "/by/person"} == {1}
    assert not wrong(extract, given)


@pytest.mark.parametrize(
    "path", ["/data/data/nothing", "99:/type", "opinion", "x:/type", "0:/type", "/prev", "3:/prev", ""]
)
def test_what_cannot_be_shown_is_refused(county: County, path: str) -> None:
    with pytest.raises(Invalid) as refused:
        county.extract(path)
    assert refused.value.code == ("extract.never" if "prev" in path else "extract.path")
    assert str(refused.value.remedy)


def test_the_commands_say_what_they_wrote(county: County) -> None:
    documented = set(re.findall(r"`([a-z_]+)`", (ROOT / "docs" / "json.md").read_text(encoding="utf-8")))
    for words in (["extract", "1"], ["seal", "prove", "--from", "1"], ["receipt", "--checker"]):
        said = lianban(county.folder, *words, "--json").json
        assert said["content"] and said.keys() <= documented
        assert words[0] != "extract" or (said["events"], said["unsealed"], said["hidden"] > 10) == (
            7,
            0,
            True,
        )


# --- what a form says is public

PUBLIC = {"type": "string", "x-public": True}
FORMS: dict[str, tuple[dict[str, Any], str, bool]] = {
    "not said": ({"properties": {"a": {}}}, "a", False),
    "said": ({"properties": {"a": PUBLIC}}, "a", True),
    "said of another": ({"properties": {"a": {}, "b": PUBLIC}}, "a", False),
    "an unknown field": ({"properties": {"b": PUBLIC}}, "a", False),
    "no yes or no": ({"properties": {"a": {"x-public": "true"}}}, "a", False),
    "the whole form": ({"x-public": True}, "a/b", True),
    "a part": ({"properties": {"a": {"x-public": True, "properties": {"b": {}}}}}, "a/b", True),
    "all but a part": (
        {"properties": {"a": {"x-public": True, "properties": {"b": {"x-public": False}}}}},
        "a/b",
        False,
    ),
    "entries": ({"properties": {"a": {"items": PUBLIC}}}, "a/3", True),
    "records": ({"properties": {"a": {"items": {"properties": {"b": PUBLIC}}}}}, "a/0/b", True),
    "the first entry not": (
        {"properties": {"a": {"x-public": True, "prefixItems": [{"x-public": False}]}}},
        "a/0",
        False,
    ),
    "by reference": ({"$defs": {"p": PUBLIC}, "properties": {"a": {"$ref": "#/$defs/p"}}}, "a", True),
    "in a condition": ({"if": {}, "then": {"properties": {"a": PUBLIC}}}, "a", True),
    "and not in another": (
        {"properties": {"a": PUBLIC}, "allOf": [{"properties": {"a": {"x-public": False}}}]},
        "a",
        False,
    ),
    "by pattern": ({"x-public": True, "patternProperties": {"^a": {"x-public": False}}}, "ab", False),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_field_is_public_where_its_form_says_so_and_nothing_says_the_contrary(name: str) -> None:
    form, where, expected = FORMS[name]
    assert is_public(form, where.split("/")) is expected


def test_a_form_that_is_neither_sure_nor_not_is_found() -> None:
    form = {"type": "object", "properties": {"a": {"type": "string", **TITLED, "x-public": "yes"}}}
    (problem,) = check_schema(form, "forms/a.schema.json")
    assert (problem.severity, problem.element) == ("error", "properties.a")
    form["properties"]["a"]["x-public"] = True  # type: ignore[index]
    assert check_schema(form, "forms/a.schema.json") == []
