#!/usr/bin/env python3
"""Checks case receipts, extracts and proofs of consistency of lianban.

    python3 check.py receipt.json --key seal.pub --seal-digest 3f6c… --seals seals.json

One file, Python 3.9 or later, its standard library, no network, nothing of lianban: read it before you
trust it. It prints what is proven, what is not, and what is wrong. Exit code 0: all that the file shows is
proven as far as the words printed say; 1: something is wrong, or not sealed; 2: a wrong command line.
核验联办系统的办件凭证、公开摘录与一致性证明。本程序只有一个文件，
仅用 Python 标准库（3.9 及以上），不联网，不依赖联办系统。
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import html
import json
import re
import sys
import unicodedata
import zoneinfo
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

GENESIS = "0" * 64
_HEX = re.compile("[0-9a-f]{64}")
_SALT = re.compile("[0-9a-f]{32}")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)


class Wrong(Exception):
    """What is wrong with a file, in Chinese and in English."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.words = zh, en


# --- JSON with one spelling


def canonical(value: Any) -> bytes:
    """Sorted keys, no spaces, UTF-8, no NaN."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def parse(content: bytes) -> Any:
    """JSON in which no key stands twice: of two, each reader could be shown another."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise Wrong("同一个键出现两次", "a key stands twice")
        return found

    def constant(name: str) -> Any:
        raise Wrong("%s 不是 JSON 数值" % name, "%s is no number in JSON" % name)

    def integer(digits: str) -> int:
        if len(digits) > 300:
            raise Wrong("有一个 %d 位的数" % len(digits), "a number of %d digits" % len(digits))
        return int(digits)

    try:
        return json.loads(
            content.decode("utf-8"), object_pairs_hook=once, parse_constant=constant, parse_int=integer
        )
    except UnicodeDecodeError:
        raise Wrong("文件不是 UTF-8 文本", "the file is no text in UTF-8") from None
    except RecursionError:
        raise Wrong("文件的层次太深", "the file is nested too deep") from None
    except ValueError:
        raise Wrong("文件不是 JSON，或不完整", "the file is no JSON, or not all of it") from None


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def quoted(value: Any) -> str:
    """What was found, short, as JSON."""
    try:
        found = json.dumps(value, ensure_ascii=False, sort_keys=True)
    except RecursionError:
        found = "…"
    return found if len(found) <= 60 else found[:60] + "…"


def expected(zh: str, en: str, value: Any) -> Wrong:
    """That something else was expected than `value`."""
    return Wrong("应为%s，实为 %s" % (zh, quoted(value)), "expected %s, found %s" % (en, quoted(value)))


def record(value: Any, *keys: str) -> dict[str, Any]:
    """A JSON object with exactly these keys: what nobody checks has no place in a proof."""
    if not isinstance(value, dict):
        raise expected("含 %s 的对象" % "、".join(keys), "an object with %s" % ", ".join(keys), value)
    if set(value) != set(keys):
        lacks, extra = sorted(set(keys) - set(value)), sorted(set(value) - set(keys))
        zh = [("缺少", lacks), ("多出", extra)]
        en = [("lacks", lacks), ("has besides", extra)]
        raise Wrong(
            "对象" + "，".join("%s %s" % (word, quoted(names)) for word, names in zh if names),
            "an object " + " and ".join("%s %s" % (word, quoted(names)) for word, names in en if names),
        )
    return value


def listed(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise expected("列表", "a list", value)
    return value


def mapped(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise expected("对象", "an object", value)
    return value


def text(value: Any, pattern: re.Pattern[str] | None = None) -> str:
    if type(value) is not str:
        raise expected("文本", "a text", value)
    if pattern is not None and not pattern.fullmatch(value):
        zh, en = _PATTERNS[pattern]
        raise expected(zh, en, value)
    return value


_PATTERNS = {
    _HEX: ("64 位十六进制数字", "64 hex digits"),
    _SALT: ("32 位十六进制数字", "32 hex digits"),
    _INSTANT: ("UTC 时间", "an instant like 2026-03-01T01:00:00.000000Z"),
}


def whole(value: Any) -> int:
    """A number that counts something: no office has 2⁵³ of anything."""
    if type(value) is not int or not 0 <= value < 2**53:
        raise expected("从 0 起的整数", "a whole number from 0 on, below 2^53", value)
    return value


def instant(value: Any) -> datetime:
    """An instant as lianban writes it."""
    try:
        return datetime.strptime(text(value, _INSTANT)[:-1] + "+0000", "%Y-%m-%dT%H:%M:%S.%f%z")
    except ValueError:
        raise expected("历法中有的时间", "an instant that the calendar has", value) from None


def hashes(value: Any) -> list[bytes]:
    return [bytes.fromhex(text(one, _HEX)) for one in listed(value)]


def unpacked(value: Any) -> bytes:
    try:
        return base64.b64decode(text(value), validate=True)
    except ValueError:
        raise expected("Base64 编码", "Base64", value) from None


# --- Ed25519 (RFC 8032 §5.1.7)

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_ROOT = pow(2, (_P - 1) // 4, _P)
Point = tuple[int, int, int, int]
_ZERO: Point = (0, 1, 1, 0)


def _add(a: Point, b: Point) -> Point:
    w, x = (a[1] - a[0]) * (b[1] - b[0]) % _P, (a[1] + a[0]) * (b[1] + b[0]) % _P
    y, z = 2 * a[3] * b[3] * _D % _P, 2 * a[2] * b[2] % _P
    e, f, g, h = x - w, z - y, z + y, x + w
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(n: int, point: Point) -> Point:
    found = _ZERO
    while n:
        if n & 1:
            found = _add(found, point)
        point, n = _add(point, point), n >> 1
    return found


def _is_zero(point: Point) -> bool:
    return point[0] % _P == 0 and (point[1] - point[2]) % _P == 0


def _point(encoded: bytes) -> Point | None:
    """The point that 32 bytes say; None for none, and for one spelled otherwise than it should be."""
    number = int.from_bytes(encoded, "little")
    sign, y = number >> 255, number & ((1 << 255) - 1)
    if len(encoded) != 32 or y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _ROOT % _P
    if (x * x - square) % _P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = _P - x
    return x, y, 1, x * y % _P


def _encoded(point: Point) -> bytes:
    inverse = pow(point[2], _P - 2, _P)
    x, y = point[0] * inverse % _P, point[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


_BASE = _point((4 * pow(5, _P - 2, _P) % _P).to_bytes(32, "little")) or _ZERO


def is_signed(key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether `signature` is that of the Ed25519 public `key` over `message`. A key of small order, under
    which one signature fits many messages, signs nothing."""
    owner = _point(key)
    if owner is None or len(signature) != 64 or _is_zero(_times(8, owner)):
        return False
    first, second = signature[:32], int.from_bytes(signature[32:], "little")
    if second >= _L:
        return False
    challenge = int.from_bytes(hashlib.sha512(first + key + message).digest(), "little") % _L
    minus: Point = (-owner[0] % _P, owner[1], 1, -owner[3] % _P)
    return _encoded(_add(_times(second, _BASE), _times(challenge, minus))) == first


def ssh_key(line: str) -> bytes:
    """The 32 bytes in `ssh-ed25519 AAAA… comment`."""
    words = line.split()
    head = b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20"
    blob = unpacked(words[1]) if len(words) > 1 and words[0] == "ssh-ed25519" else b""
    if not blob.startswith(head) or len(blob) != len(head) + 32:
        raise expected("Ed25519 公钥（ssh-ed25519 AAAA…）", "a public key: ssh-ed25519 AAAA…", line)
    return blob[len(head) :]


# --- Merkle trees (RFC 9162 §2.1)


def leaf_hash(content: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + content).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    level = list(leaves)
    while len(level) > 1:
        pairs = [_node(level[n], level[n + 1]) for n in range(0, len(level) - 1, 2)]
        level = pairs + level[len(level) & ~1 :]
    return level[0] if level else hashlib.sha256(b"").digest()


def is_included(root: bytes, size: int, index: int, leaf: bytes, path: Sequence[bytes]) -> bool:
    if not 0 <= index < size:
        return False
    found, last, rest = leaf, size - 1, list(path)
    while last:
        if index & 1 or index < last:
            if not rest:
                return False
            beside = rest.pop(0)
            found = _node(beside, found) if index & 1 else _node(found, beside)
        index, last = index >> 1, last >> 1
    return not rest and found == root


def is_consistent(older: int, older_root: bytes, size: int, root: bytes, path: Sequence[bytes]) -> bool:
    if not 0 < older <= size:
        return False
    if older == size:
        return not path and older_root == root
    rest = list(path)
    if older & (older - 1) == 0:
        rest.insert(0, older_root)
    if not rest:
        return False
    node, last = older - 1, size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old = new = rest.pop(0)
    for beside in rest:
        if last == 0:
            return False
        if node & 1 or node == last:
            old, new = _node(beside, old), _node(beside, new)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            new = _node(new, beside)
        node, last = node >> 1, last >> 1
    return last == 0 and (old, new) == (older_root, root)


# --- seals

_SEAL = ("office", "number", "at", "size", "root", "secret", "previous", "key", "signature")


class Seal:
    """A seal, read strictly."""

    def __init__(self, said: Any) -> None:
        self.said = record(said, *_SEAL)
        for name in ("office", "root", "secret", "previous"):
            text(said[name], _HEX)
        self.number, self.size = whole(said["number"]), whole(said["size"])
        instant(said["at"])
        self.office, self.at, self.key = said["office"], said["at"], text(said["key"])
        self.root, self.previous = bytes.fromhex(said["root"]), text(said["previous"])
        self.signature = text(said["signature"])
        self.statement = canonical({name: said[name] for name in _SEAL if name != "signature"})
        self.digest = sha256(self.statement)
        if self.number == 0 or (self.number == 1) != (self.previous == GENESIS):
            raise Wrong("封印编号与其所承接的封印不符", "a seal's number does not fit the seal before it")

    def signed(self) -> bool:
        """Whether its signature is that of its own key."""
        try:
            return is_signed(ssh_key(self.key), self.statement, unpacked(self.signature))
        except Wrong:
            return False


class Report:
    """What came of checking one file. Each line is in Chinese and in English."""

    def __init__(self) -> None:
        self.about: list[tuple[str, str]] = []
        self.proven: list[tuple[str, str]] = []
        self.open: list[tuple[str, str]] = []
        self.wrong: list[tuple[str, str]] = []
        self.anchored = False
        """Whether anything was compared with what the auditor has from elsewhere."""

    def told(self, lang: str) -> dict[str, Any]:
        side = 0 if lang == "zh" else 1
        told: dict[str, Any] = {"ok": not self.wrong, "anchored": self.anchored and not self.wrong}
        for name in ("about", "proven", "open", "wrong"):
            told[name] = [line[side] for line in getattr(self, name)]
        return told


class Given:
    """What the auditor has from elsewhere: the office's key, digests as published, a copy of the seals."""

    def __init__(self, key: str = "", digests: Sequence[str] = (), copy: bytes | None = None) -> None:
        self.key = " ".join(key.split()[:2])
        if key:
            ssh_key(key)
        self.digests = ["".join(one.split()).lower() for one in digests]
        self.copied: list[Seal] | None = None
        self.leaves: list[list[Any]] = []
        if copy is not None:
            said = record(parse(copy), "format", "seals", "leaves")
            if said["format"] != 2:
                raise expected("封印副本的格式 2", "a copy of the seals in format 2", said["format"])
            self.copied = [Seal(one) for one in listed(said["seals"])]
            self.leaves = [self._leaf(one) for one in listed(said["leaves"])]
            if not self.copied:
                raise Wrong("副本中没有封印", "the copy has no seals")
            chain(self.copied)
            if len(self.leaves) != self.copied[-1].size:
                raise Wrong("副本的日志不完整", "the copy's log is not as long as its newest seal says")
            self.tree = [leaf_hash(canonical(_sealed(*leaf))) for leaf in self.leaves]
            self.root_at(self.copied[-1])

    @staticmethod
    def _leaf(said: Any) -> list[Any]:
        if len(listed(said)) != 5:
            raise expected("含五项的列表", "a list of five", said)
        case, seq, hash, disclosure, salt = said
        return [text(case), whole(seq), text(hash, _HEX), text(disclosure, _HEX), text(salt, _SALT)]

    def root_at(self, seal: Seal) -> None:
        if root_of(self.tree[: seal.size]) != seal.root:
            raise Wrong(
                "封印副本的日志与第 %d 号封印不符" % seal.number,
                "the copy's log is not the one under seal %d" % seal.number,
            )

    def compare(self, seals: Sequence[Seal], report: Report) -> set[str]:
        """Compare the seals of a file with all that was given; the digests of those that are vouched for by
        something from outside, and so with all that they say of themselves."""
        anchored = set()
        if self.copied is not None:
            anchored = self._compare_copy(seals, self.copied, report)
        for wanted in self.digests:
            found = [seal for seal in seals if seal.digest == wanted]
            if not found:
                report.wrong.append(
                    (
                        "公布的封印摘要 %s 不是本文件中任何一个封印的摘要" % wanted[:16],
                        "the digest %s as published is that of no seal in this file" % wanted[:16],
                    )
                )
            for seal in found:
                anchored.add(seal.digest)
                report.proven.append(
                    (
                        "第 %d 号封印的摘要与公布的一致：本文件的内容在公布之前已经存在" % seal.number,
                        "seal %d has the digest that was published: what it seals was there before that"
                        % seal.number,
                    )
                )
        for seal in {seal.digest: seal for seal in seals}.values():
            if self.key and " ".join(seal.key.split()[:2]) != self.key:
                report.wrong.append(
                    (
                        "第 %d 号封印不是用所给密钥签的" % seal.number,
                        "seal %d is not signed with the key given" % seal.number,
                    )
                )
            elif (seal.key or seal.signature) and not seal.signed():
                report.wrong.append(
                    (
                        "第 %d 号封印的签名不成立" % seal.number,
                        "the signature under seal %d is not its key's" % seal.number,
                    )
                )
            elif self.key:
                anchored.add(seal.digest)
                report.proven.append(
                    (
                        "第 %d 号封印由所给密钥的持有者签名" % seal.number,
                        "seal %d was signed by whoever holds the key given" % seal.number,
                    )
                )
        for before, seal in reversed(list(zip(seals, seals[1:]))):
            if seal.digest in anchored and seal.previous == before.digest:
                anchored.add(before.digest)
        report.anchored = bool(anchored)
        if not anchored:
            report.open.append(
                (
                    "封印是否出自该机关：没有拿文件以外的任何东西比对，整个文件可能全是编造的；"
                    "请用 --key（机关公钥）、--seal-digest（公布的摘要）或 --seals（留存的副本）再核一次",
                    "that the seals are the office's: nothing from outside was compared, and whoever made"
                    " the file could have made up all of it; give --key, --seal-digest (as published) or"
                    " --seals (a copy kept elsewhere)",
                )
            )
        for seal in seals:
            if seal.digest not in anchored:
                report.open.append(
                    (
                        "摘要为 %s… 的封印自称第 %d 号、时间 %s：它本身没有拿文件以外的东西比对过"
                        % (seal.digest[:16], seal.number, seal.at),
                        "number and instant of the seal with the digest %s…: it says that it is seal %d of"
                        " %s, and was itself compared with nothing from outside"
                        % (seal.digest[:16], seal.number, seal.at),
                    )
                )
        report.open.append(
            (
                "事情发生在什么时候：时间由机关自己写明；封印的摘要何时公布，至多证明不晚于那时，什么也不能证明不早于何时",
                "when it happened: the instants are what the office says; a digest published on a day proves"
                " that it was no later, and nothing proves that it was no earlier",
            )
        )
        return anchored

    def _compare_copy(self, seals: Sequence[Seal], copied: Sequence[Seal], report: Report) -> set[str]:
        """The digests of those that are in the copy."""
        same = set()
        for seal in seals:
            if seal.number > len(copied):
                report.open.append(
                    (
                        "第 %d 号封印比副本新，无从比对" % seal.number,
                        "seal %d is newer than the copy, which can't say anything of it" % seal.number,
                    )
                )
            elif seal.said != copied[seal.number - 1].said:
                report.wrong.append(
                    (
                        "第 %d 号封印与副本中的不是同一个" % seal.number,
                        "seal %d is another one than in the copy" % seal.number,
                    )
                )
            else:
                self.root_at(seal)
                same.add(seal.digest)
                report.proven.append(
                    (
                        "第 %d 号封印与留存的副本一致" % seal.number,
                        "seal %d is the one in the copy" % seal.number,
                    )
                )
        return same


def chain(seals: Sequence[Seal]) -> None:
    """Whether seals follow from one another."""
    for before, seal in zip(seals, seals[1:]):
        follows = seal.number == before.number + 1 and seal.previous == before.digest
        if not follows or seal.office != before.office or seal.size < before.size or seal.at < before.at:
            raise Wrong(
                "第 %d 号封印没有承接前一个封印" % seal.number,
                "seal %d does not follow the one before it" % seal.number,
            )


def called(seal: Seal, anchored: set[str]) -> tuple[str, str]:
    """What can be said of a seal: its number and instant only where it was compared with something from
    outside; else the log that it seals."""
    if seal.digest in anchored:
        return (
            "%s 的第 %d 号封印（摘要 %s）" % (seal.at, seal.number, seal.digest),
            "the log under seal %d of %s (digest %s)" % (seal.number, seal.at, seal.digest),
        )
    return (
        "有 %d 条、根为 %s 的日志" % (seal.size, seal.root.hex()),
        "a log of %d entries with the root %s" % (seal.size, seal.root.hex()),
    )


def grown(older: Seal, newer: Seal, path: Sequence[bytes]) -> None:
    """Whether the log under `newer` only adds to that under `older`."""
    ordered = older.number <= newer.number and older.at <= newer.at and older.office == newer.office
    same = older.number == newer.number
    if not ordered or (same and older.said != newer.said):
        raise Wrong("两个封印前后不符", "the two seals do not come one after the other")
    if older.number + 1 == newer.number and newer.previous != older.digest:
        raise Wrong("后一个封印没有承接前一个", "the newer seal does not carry the older one")
    if not is_consistent(older.size, older.root, newer.size, newer.root, path):
        raise Wrong(
            "一致性证明不成立：后来的日志不是只在先前的日志后面增加",
            "the proof of consistency fails: the later log does not just add to the earlier one",
        )


# --- what is sealed of a case


def _sealed(case: str, seq: int, hash: str, disclosure: str, salt: str) -> dict[str, Any]:
    return {"case": case, "seq": seq, "history": sha256(canonical([hash, salt])), "disclosure": disclosure}


def sealed_case(said: Any, case: str, given: Given, report: Report) -> tuple[dict[str, Any], Seal]:
    """The leaf of a case, proven to be under its seal, and that under the newest one, which comes along."""
    said = record(said, "leaf", "position", "seal", "inclusion", "newest", "consistency")
    leaf = record(said["leaf"], "case", "seq", "history", "disclosure")
    text(leaf["history"], _HEX)
    text(leaf["disclosure"], _HEX)
    if text(leaf["case"]) != case or whole(leaf["seq"]) == 0:
        raise Wrong("封印中的叶子属于另一个办件", "what is sealed is another case")
    seal, newest = Seal(said["seal"]), Seal(said["newest"])
    found = leaf_hash(canonical(leaf))
    if not is_included(seal.root, seal.size, whole(said["position"]), found, hashes(said["inclusion"])):
        raise Wrong(
            "包含证明不成立：办件不在该封印之下",
            "the proof of inclusion fails: the case is not under the seal",
        )
    grown(seal, newest, hashes(said["consistency"]))
    seals = [seal] if newest.number == seal.number else [seal, newest]
    anchored = given.compare(seals, report)
    (zh, en), later = called(seal, anchored), called(newest, anchored)
    report.proven.append(
        (
            "办件至第 %d 个事件为止，列入了%s" % (leaf["seq"], zh),
            "the case up to event %d stands in %s" % (leaf["seq"], en),
        )
    )
    if newest.number != seal.number:
        report.proven.append(
            ("此后到%s，日志只增不改" % later[0], "from there to %s the log was only added to" % later[1])
        )
    return leaf, newest


def complete(given: Given, leaf: dict[str, Any], known: list[str] | None, report: Report) -> None:
    """Whether the copy has nothing else of this case: another history of it, or a later state."""
    if given.copied is None:
        report.open.append(
            (
                "办件后来有没有新的事件、日志中有没有同一办件的另一份历史：要有全部封印的副本（--seals）才能回答",
                "that the case did not go on, and that the log holds no other history of it: only a copy of"
                " all seals (--seals) can tell",
            )
        )
        return
    own = [one for one in given.leaves if one[0] == leaf["case"]]
    if leaf not in [_sealed(*one) for one in own]:
        report.open.append(
            (
                "副本早于本办件的封印，不能证明办件是否完整",
                "the copy is older than the seal of this case, so it can't tell whether it is complete",
            )
        )
    last = max([one[1] for one in own], default=0)
    for _, seq, hash, _, _ in own:
        if known is not None and seq <= len(known) and known[seq - 1] != hash:
            report.wrong.append(
                (
                    "副本中封存的第 %d 个事件与本文件的不同" % seq,
                    "event %d in this file is not the one that the copy has sealed" % seq,
                )
            )
    if last > leaf["seq"]:
        report.wrong.append(
            (
                "办件后来又有事件被封存，直到第 %d 个：本文件只到第 %d 个，不是全部" % (last, leaf["seq"]),
                "the case went on: events up to %d were sealed, and this file proves those up to %d only"
                % (last, leaf["seq"]),
            )
        )
    elif leaf in [_sealed(*one) for one in own]:
        report.proven.append(
            (
                "到副本的最后一个封印为止，本办件没有别的封存内容",
                "up to the copy's last seal nothing else of this case was sealed",
            )
        )


# --- values, each under its salt


def flat(value: Any, path: str = "") -> list[tuple[str, Any]]:
    """Each value that holds no others, with its JSON pointer."""
    found: list[tuple[str, Any]] = []
    if isinstance(value, dict) and value:
        for key in sorted(value):
            found += flat(value[key], path + "/" + key.replace("~", "~0").replace("/", "~1"))
    elif isinstance(value, list) and value:
        for index, inner in enumerate(value):
            found += flat(inner, "%s/%d" % (path, index))
    else:
        found.append((path, value))
    return found


def disclosure(leaves: Sequence[bytes]) -> str:
    """What a leaf says of the values with these hashes; their number counts, or two could pass for one."""
    return sha256(canonical([len(leaves), root_of(leaves).hex()]))


def value_hash(seq: int, path: str, value: Any, salt: str) -> bytes:
    return leaf_hash(canonical({"seq": seq, "path": path, "value": value, "salt": salt}))


# --- the three kinds of file


def check_receipt(said: dict[str, Any], given: Given, report: Report, unsealed: bool) -> None:
    record(
        said,
        "lianban",
        "format",
        "case",
        "records",
        "hash",
        "salt",
        "salts",
        "sealed",
        "definitions",
        "calendars",
        "documents",
        "organisations",
    )
    case = text(said["case"])
    report.about.append(("办件凭证：%s" % case, "case receipt: %s" % case))
    bodies = read_chain(said["records"], case)
    known = [sha256(body) for body, _ in bodies]
    report.proven.append(
        (
            "%d 个事件首尾相接，没有一个被改动、抽走、调换或插入" % len(bodies),
            "%d events in one unbroken chain: none changed, removed, swapped or inserted" % len(bodies),
        )
    )
    leaf, _ = sealed_case(said["sealed"], case, given, report)
    last = leaf["seq"]
    if last > len(bodies) or known[last - 1] != text(said["hash"], _HEX):
        raise Wrong("封存的历史不是本文件中的历史", "what was sealed is not the history in this file")
    if leaf["history"] != sha256(canonical([said["hash"], text(said["salt"], _SALT)])):
        raise Wrong("封存的历史不是本文件中的历史", "what was sealed is not the history in this file")
    salts = [text(salt, _SALT) for salt in listed(said["salts"])]
    values = [(seq, *one) for seq, (_, body) in enumerate(bodies[:last], 1) for one in flat(body)]
    if len(values) != len(salts):
        raise Wrong("摘录用的盐值个数不符", "there is not one salt for each value")
    found = [value_hash(*value, salt) for value, salt in zip(values, salts)]
    if disclosure(found) != leaf["disclosure"]:
        raise Wrong(
            "公开摘录所依据的数值不是这份历史的数值",
            "extracts would be proven against other values than these",
        )
    report.proven.append(
        ("从本封印出的公开摘录，所依据的正是这份历史", "extracts under this seal are taken from this history")
    )
    if last < len(bodies):
        line = (
            "第 %d 至 %d 个事件还没有封存，任何人都可能改过" % (last + 1, len(bodies)),
            "events %d to %d are not sealed yet: anybody may have made them up" % (last + 1, len(bodies)),
        )
        (report.open if unsealed else report.wrong).append(line)
    check_contents(said, bodies, report)
    complete(given, leaf, known, report)
    report.open += [
        (
            "记录中的人是否亲自办理、填写的内容是否属实：凭证只证明当时记下了什么",
            "that the people named did it themselves, and that what they entered is true: it only proves what"
            " was put on record",
        ),
        (
            "期限、条件和职权是否合法：要用所附定义和日历重演（lianban replay、lianban verify）才能证明",
            "that dates, decisions and powers follow the rules: that takes running it again by the definition"
            " and calendars here (lianban replay, lianban verify)",
        ),
    ]


def read_chain(said: Any, case: str) -> list[tuple[bytes, dict[str, Any]]]:
    """The records of a history, each as bytes and as data."""
    bodies: list[tuple[bytes, dict[str, Any]]] = []
    previous = GENESIS
    for seq, one in enumerate(listed(said), 1):
        one = record(one, "body", "hash")
        body = text(one["body"]).encode()
        content = mapped(parse(body))
        if canonical(content) != body:
            raise Wrong("第 %d 个事件不是规范写法" % seq, "event %d is not in canonical form" % seq)
        if text(content["case"]) != case or type(content["seq"]) is not int or content["seq"] != seq:
            raise Wrong("第 %d 个事件不属于此处" % seq, "event %d does not belong here" % seq)
        if content["prev"] != previous:
            raise Wrong(
                "第 %d 个事件没有承接前一个" % seq, "event %d does not follow the one before it" % seq
            )
        previous = sha256(body)
        if one["hash"] != previous:
            raise Wrong("第 %d 个事件的哈希不符" % seq, "event %d does not have the hash beside it" % seq)
        bodies.append((body, content))
    if not bodies:
        raise Wrong("没有任何事件", "there are no events")
    return bodies


def check_contents(
    said: dict[str, Any], bodies: Sequence[tuple[bytes, dict[str, Any]]], report: Report
) -> None:
    """Whether the definitions, calendars and documents are those that the events name, each and no other."""
    wanted: dict[str, Any] = {"definitions": set(), "calendars": set(), "documents": set()}
    versions = set()
    for _, body in bodies:
        data = mapped(body["data"])
        if body["type"] in ("case.opened", "case.migrated"):
            wanted["definitions"].add(data["definition"])
        if body["type"] in ("case.opened", "calendar.revised"):
            wanted["calendars"].add(data.get("calendar") or None)
        if body["type"] == "document.issued":
            wanted["documents"].add(data["content"])
        if "org" in body["by"]:
            versions.add(str(body["by"]["org"]))
    named = {
        "definitions": ("事项定义", "definitions"),
        "calendars": ("工作日历", "calendars"),
        "documents": ("文书", "documents"),
    }
    for kind, (zh, en) in named.items():
        found = {}
        for digest, content in mapped(said[kind]).items():
            if kind == "definitions":
                files = {path: unpacked(file) for path, file in mapped(content).items()}
                found[digest] = sha256(canonical({path: sha256(file) for path, file in files.items()}))
            else:
                found[digest] = sha256(text(content).encode() if kind == "calendars" else unpacked(content))
        if any(digest != computed for digest, computed in found.items()):
            raise Wrong("所附%s被改动过" % zh, "the %s are not what their digests say" % en)
        if set(found) != wanted[kind] - {None}:
            raise Wrong("所附%s不是事件所指的那些" % zh, "the %s are not those that the events name" % en)
        report.proven.append(
            (
                "所附%s（%d 份）逐字节就是事件所指的" % (zh, len(found)),
                "the %s here (%d) are those that the events name, byte for byte" % (en, len(found)),
            )
        )
    organisations = mapped(said["organisations"])
    if set(organisations) != versions or not all(_HEX.fullmatch(text(one)) for one in organisations.values()):
        raise Wrong(
            "机构版本不是事件所指的", "the versions of the organisation are not those that the events name"
        )
    if versions:
        report.open.append(
            (
                "机构和人员的版本（%s）：这里只有机关自报的摘要" % "、".join(sorted(versions, key=len)),
                "the versions of the organisation (%s): here are only digests, as the office says"
                % ", ".join(sorted(versions, key=len)),
            )
        )


def check_extract(said: dict[str, Any], given: Given, report: Report, page: str | None) -> None:
    record(said, "lianban", "format", "case", "sealed", "values")
    case = text(said["case"])
    report.about.append(("公开摘录：%s" % case, "extract for publication: %s" % case))
    leaf, newest = sealed_case(said["sealed"], case, given, report)
    leaves: list[bytes] = []
    shown: dict[int, tuple[int, str, Any]] = {}
    for index, one in enumerate(listed(said["values"])):
        if isinstance(one, str):
            leaves.append(bytes.fromhex(text(one, _HEX)))
            continue
        one = record(one, "seq", "path", "value", "salt")
        shown[index] = whole(one["seq"]), text(one["path"]), one["value"]
        leaves.append(value_hash(*shown[index], text(one["salt"], _SALT)))
    if disclosure(leaves) != leaf["disclosure"]:
        raise Wrong("摘录不是从封存的办件中取出的", "the extract is not taken from the case as it was sealed")
    for seq, path, value in shown.values():
        if not 0 < seq <= leaf["seq"] or {"/case": case, "/seq": seq}.get(path, value) != value:
            raise Wrong("摘录中有别处的内容", "the extract shows something from elsewhere")
    report.proven.append(
        (
            "公开的 %d 项内容都出自封存的办件，一字未改；另有 %d 项未公开"
            % (len(shown), len(leaves) - len(shown)),
            "the %d values shown stand in the sealed case, unchanged and in this order; %d more are hidden"
            % (len(shown), len(leaves) - len(shown)),
        )
    )
    if page is not None:
        try:
            check_page(page, said, newest, report)
        except Wrong as wrong:
            report.wrong.append(wrong.words)  # and the values are printed all the same
    complete(given, leaf, None, report)
    report.open += [
        (
            "未公开的内容是什么，以及该公开的是否都公开了",
            "what the hidden values are, and whether all is shown that ought to be",
        ),
        (
            "摘录所据数值就是办件历史本身：由审计人员用办件凭证核验，凭证与摘录的封印相同",
            "that the values are those of the history itself: the receipt of the case under the same seal"
            " proves it to an auditor",
        ),
    ]
    events: dict[int, list[str]] = {}
    for seq, path, value in shown.values():
        if path not in ("/case", "/seq"):
            events.setdefault(seq, []).append("%s %s" % (path, canonical(value).decode()))
    for seq, parts in events.items():
        line = "%d  %s" % (seq, "  ".join(parts))
        report.about.append((line, line))


def plain(value: Any) -> str:
    """A value as a page shows it."""
    return value if isinstance(value, str) else canonical(value).decode()


# --- an extract as a page
#
# Nothing is taken out of a page: it is written anew from the proof in it, as lianban writes it, and must be
# the same to the last character. So nothing can stand in it, hide in it or run in it that lianban did not
# write. Only names are taken as they are, which are in no proof: of the item, units, steps, outcomes and
# fields. They are plain text, in their places, and all are printed.

_OPEN, _CLOSE = '<pre id="lianban-proof">', "</pre>"

STYLES = {"6259f8cc5743e0434494ce47d111db44f59953d283113cf9c6a77818ebf9dd9e"}
"""SHA-256 of the style sheets that lianban writes."""

WORDS = {
    "title": ("办件记录公开摘录", "Extract from the record of a case"),
    "case": ("办件", "Case"),
    "seal": ("{at}第 {number} 号封存，摘要 {digest}", "Seal {number} of {at}, digest {digest}"),
    "hidden": (
        "本页公开记录中的 {shown} 项内容；另有 {hidden} 项（填报内容、姓名、理由等）不予公开。",
        "{shown} values of the record are published here; {hidden} are not (answers, names, reasons).",
    ),
    "yes": ("是", "yes"),
    "proof": ("证明", "The proof"),
    "check": (
        "核验本页：保存网页，运行 `python3 check.py 文件名 --lang zh`，以程序显示的内容为准。核验程序公开、"
        "免费：`lianban receipt --checker -o check.py`。",
        "To check this page, save it and run `python3 check.py FILE`; what counts is what the program prints."
        " The program is free and public: `lianban receipt --checker -o check.py`.",
    ),
}
"""What a page says in words of lianban's own."""

EVENTS = {
    "answer.confirmed": ("填报内容经确认", "answers confirmed"),
    "answer.entered": ("填报内容已录入", "answers entered"),
    "answer.returned": ("填报内容被退回", "answers returned"),
    "calendar.revised": ("工作日历变更", "calendar changed"),
    "case.closed": ("办件办结", "case closed"),
    "case.deemed": ("逾期视为答复", "silence counts as an answer"),
    "case.migrated": ("转入另一版本", "taken over to another version"),
    "case.opened": ("办件收件", "case opened"),
    "clock.expired": ("时限届满", "a clock ran out"),
    "clock.extended": ("时限延长", "a clock was extended"),
    "clock.paused": ("时限中止计算", "a clock stands still"),
    "clock.reprojected": ("到期日变动", "a due date moved"),
    "clock.restarted": ("期限重新起算", "a term began anew"),
    "clock.resumed": ("时限继续计算", "a clock runs on"),
    "clock.started": ("时限起算", "a clock started"),
    "clock.stopped": ("时限终止", "a clock stopped"),
    "clock.struck": ("时限到点", "a clock struck"),
    "document.issued": ("出具文书", "document issued"),
    "extension.granted": ("准予延期", "extension granted"),
    "joint.certain": ("联合审查结果已定", "the outcome of the joint review is certain"),
    "joint.decided": ("联合审查有结果", "joint review decided"),
    "meeting.convened": ("召集联席会议", "joint meeting convened"),
    "meeting.held": ("召开联席会议", "joint meeting held"),
    "message.received": ("收到材料或消息", "message received"),
    "pause.ordered": ("决定中止", "pause ordered"),
    "referral.deemed": ("逾期视为同意", "silence taken for consent"),
    "referral.sent": ("征求部门意见", "department asked for its opinion"),
    "referral.signed": ("部门签收", "department signed for receipt"),
    "resume.ordered": ("中止结束", "pause ended"),
    "silence.noted": ("记录逾期未答复", "silence noted"),
    "task.cancelled": ("环节不再需要", "step no longer wanted"),
    "task.completed": ("环节办毕", "step done"),
    "task.ended": ("环节结束", "step ended"),
    "task.opened": ("环节开始", "step opened"),
    "timer.armed": ("设定定时", "timer set"),
    "timer.fired": ("时限已到", "time is up"),
    "timer.stopped": ("停止定时", "timer stopped"),
}
"""What kinds of events are called; others by their type."""

FIELDS = {
    "as_of": ("自何时起", "as of"),
    "at": ("生效时间", "took effect"),
    "basis": ("法定依据", "legal basis"),
    "begins": ("开始时间", "begins"),
    "by": ("延长多少", "by how much"),
    "calendar": ("工作日历（摘要）", "calendar (digest)"),
    "clock": ("时限", "clock"),
    "closing": ("下班时间", "closing time"),
    "definition": ("事项定义（摘要）", "definition (digest)"),
    "departments": ("部门", "department"),
    "document": ("文书", "document"),
    "due": ("到期日", "due date"),
    "effect": ("届满效果", "effect"),
    "element": ("环节", "step"),
    "entered": ("记录时间", "written"),
    "expected": ("预计用时", "expected to take"),
    "ground": ("事由", "ground"),
    "item": ("事项", "item"),
    "joint": ("联合审查", "joint review"),
    "late": ("已逾期", "after its term"),
    "meeting": ("会议", "meeting"),
    "number": ("编号", "number"),
    "outcome": ("办理结果", "outcome"),
    "post": ("岗位", "post"),
    "provisional": ("日期尚未确定", "the date is not certain yet"),
    "round": ("轮次", "round"),
    "rung": ("节点", "rung"),
    "since": ("起算时间", "since"),
    "task": ("办理环节", "open step"),
    "timer": ("定时", "timer"),
    "type": ("事件类型", "kind of event"),
    "unit": ("单位", "unit"),
    "was": ("原为", "was before"),
    "zone": ("时区", "time zone"),
}
"""What the values of events are called; others by their name."""

ACTOR = {
    "/by/unit": ("经办单位", "acted for the unit"),
    "/by/post": ("经办岗位", "acted in the post"),
}
"""The same where they say who acted."""

_NAMED = {
    *("unit", "departments", "element", "task", "timer", "joint", "meeting", "clock", "document", "item"),
}
"""Values beside which the page gives a name."""

_TIMES = {"at", "entered", "due", "since", "as_of", "begins"}
"""Values beside which the page gives the time of the place."""

_NAME = re.compile("(?:[^<>&\"'\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]|&(?:amp|lt|gt|#34|#39);)*")
"""Text without markup, and without what turns the direction of writing."""

_LOCAL = re.compile(r"(?:\d+年\d+月\d+日|\d{4}-\d\d-\d\d) \d\d:\d\d", re.ASCII)


def escaped(value: str) -> str:
    """A text as a page writes it."""
    return html.escape(value, quote=False).replace('"', "&#34;").replace("'", "&#39;")


def read_page(content: bytes) -> tuple[str, bytes]:
    """A page, and the extract in it."""
    try:
        page = content.decode("utf-8")
    except UnicodeDecodeError:
        raise Wrong("文件不是 UTF-8 文本", "the file is no text in UTF-8") from None
    if page.count(_OPEN) != 1:
        raise Wrong("网页中没有证明，或不止一份", "the page holds no proof, or more than one")
    proof, end, _ = page.partition(_OPEN)[2].partition(_CLOSE)
    if not end:
        raise Wrong("网页不完整", "the page has no end")
    return page, html.unescape(proof).encode("utf-8", "replace")


class _Page:
    """A page, read from its beginning to its end."""

    def __init__(self, content: str) -> None:
        self.content, self.place = content, 0
        self.names: list[tuple[str, str]] = []

    def has(self, wanted: str) -> None:
        """This and nothing else comes next."""
        if self.content.startswith(wanted, self.place):
            self.place += len(wanted)
            return
        found = self.content[self.place : self.place + len(wanted)]
        same = next((n for n, (a, b) in enumerate(zip(found, wanted)) if a != b), len(found))
        shown = max(0, same - 15)  # a little of what is still right, to find the place by
        self.fail(wanted[shown:], self.place + shown)

    def fail(self, wanted: str, place: int) -> None:
        line = self.content.count("\n", 0, place) + 1
        wanted, found = (part[:50].replace("\n", "⏎") or "∅" for part in (wanted, self.content[place:]))
        raise Wrong(
            "网页不是联办系统写的样子：第 %d 行应为“%s”，实为“%s”；请看本程序列出的值，不要看网页"
            "（由另一版本写出的网页，要用那一版本的核验程序）" % (line, wanted, found),
            "this page is not as lianban writes it: in line %d expected “%s”, found “%s”; read the values"
            " printed here instead (a page by another version of lianban needs that version's checker)"
            % (line, wanted, found),
        )

    def name(self, of: str, before: str = "") -> str:
        """A name `of` something comes next, and `before` ends it; the name as it is written in the page."""
        match = _NAME.match(self.content, self.place)
        found = match.group() if match else ""
        if not found.endswith(before):
            self.fail(before, self.place)
        found = found[: len(found) - len(before)]
        self.place += len(found) + len(before)
        if found and (of, html.unescape(found)) not in self.names:
            self.names.append((of, html.unescape(found)))
        return found

    def some_time(self) -> None:
        """The time of some place comes next."""
        match = _LOCAL.match(self.content, self.place)
        if not match:
            self.fail("2026-03-01 09:00", self.place)
        else:
            self.place = match.end()

    def style(self) -> None:
        end = self.content.find("</style>", self.place)
        if sha256(self.content[self.place : end].encode("utf-8", "replace")) not in STYLES:
            self.fail(":root { --ink: …", self.place)
        self.place = end


def zone_of(name: Any) -> zoneinfo.ZoneInfo | None:
    """The zone in which a page gives times; None for one that this computer doesn't know."""
    if not isinstance(name, str):
        raise Wrong(
            "网页不是联办系统写的样子：没有公开时区",
            "this page is not as lianban writes it: it hides the time zone",
        )
    try:
        return zoneinfo.ZoneInfo(name)
    except (OSError, ValueError, zoneinfo.ZoneInfoNotFoundError):
        return None


def local(at: str, zone: zoneinfo.ZoneInfo, side: int) -> str:
    """An instant as a page writes it."""
    when = instant(at).astimezone(zone)
    day = "%d年%d月%d日" % (when.year, when.month, when.day) if side == 0 else when.date().isoformat()
    return "%s %02d:%02d" % (day, when.hour, when.minute)


def check_page(content: str, said: dict[str, Any], newest: Seal, report: Report) -> None:
    """Whether a page is what lianban writes of the extract `said`."""
    page, case = _Page(content), escaped(said["case"])
    side = 0 if content.startswith('<!doctype html>\n<html lang="zh-CN">') else 1
    words = {key: both[side] for key, both in WORDS.items()}
    events: dict[int, dict[str, tuple[int, Any]]] = {}
    for index, one in enumerate(said["values"]):
        if isinstance(one, dict):
            events.setdefault(one["seq"], {})[one["path"]] = index, one["value"]
    zone = zone_of(events.get(1, {}).get("/data/zone", (0, None))[1])

    def time(at: str) -> None:
        if zone is None:
            page.some_time()
        else:
            page.has(local(at, zone, side))

    page.has('<!doctype html>\n<html lang="%s">\n<head>\n<meta charset="utf-8">\n' % ("zh-CN", "en")[side])
    page.has('<meta name="viewport" content="width=device-width, initial-scale=1">\n')
    page.has('<meta name="generator" content="lianban">\n<title>')
    item = page.name(("标题", "title")[side], " · %s · %s" % (case, words["title"]))
    page.has("</title>\n<style>\n")
    page.style()
    page.has("</style>\n</head>\n<body>\n<main>\n<header>\n<p>%s</p>\n<h1>%s</h1>\n" % (words["title"], item))
    page.has("<p>%s %s</p>\n<p>" % (words["case"], case))
    before, after = words["seal"].split("{at}")
    page.has(before.format(number=newest.number))
    time(newest.at)
    page.has(after.format(number=newest.number, digest=newest.digest))
    shown = sum(map(len, events.values()))
    page.has("</p>\n<p>%s</p>\n" % words["hidden"].format(shown=shown, hidden=len(said["values"]) - shown))
    page.has("</header>\n")
    for seq in range(1, said["sealed"]["leaf"]["seq"] + 1):
        values = events.get(seq, {})
        if not values.keys() >= {"/at", "/type"}:
            raise Wrong(
                "网页不是联办系统写的样子：第 %d 个事件的类型和时间没有公开" % seq,
                "this page is not as lianban writes it: it hides kind and time of event %d" % seq,
            )
        at, kind = values["/at"][1], values["/type"][1]
        page.has("<h2>%d · %s <small>" % (seq, escaped(EVENTS.get(kind, (kind, kind))[side])))
        time(at)
        page.has("</small></h2>\n<table>\n")
        for path, (index, value) in values.items():
            if path in ("/format", "/case", "/seq") or value is None or value is False:
                continue
            if path != "/entered" or value != at:
                check_row(page, path, index, value, kind, side, time)
        page.has("</table>\n")
    page.has("<h2>%s</h2>\n<p>%s</p>\n" % (words["proof"], words["check"]))
    page.has("<details>\n<summary>JSON</summary>\n" + _OPEN)
    page.has(html.escape(canonical(said).decode(), quote=False) + _CLOSE)
    page.has("\n</details>\n</main>\n</body>\n</html>")
    if page.place != len(content):
        page.fail("", page.place)
    report.proven.append(
        (
            "网页的每个字符都是联办系统据所附证明写的，没有增减；只有列在“未证明”中的名称除外",
            "the page is character by character what lianban writes of the proof in it, no more and no less,"
            " but for the names listed under “Not proven”",
        )
    )
    if zone is None:
        report.open.append(
            (
                "网页中的当地时间：本机没有该时区的资料；以本程序列出的世界时为准",
                "the page's local times: this computer does not know the time zone; what counts are the"
                " instants printed here, in UTC",
            )
        )
    names = ["%s = %s" % pair for pair in page.names]
    report.open.append(
        (
            "网页中的名称，由网页自带，谁都可以改写；以本程序列出的值为准：" + "；".join(names),
            "the names in the page, which anybody could have changed; what counts are the values printed"
            " here: " + "; ".join(names),
        )
    )


def check_row(
    page: _Page, path: str, index: int, value: Any, kind: str, side: int, time: Callable[[str], None]
) -> None:
    """The row of a value: what it is called, the value, and what it means."""
    parts = path.split("/")
    inner = parts[2:] if path.startswith("/by/") else parts
    group = next((part for part in reversed(inner) if part in FIELDS), parts[-1])
    page.has('<tr><th title="%s">' % escaped(path))
    answer = path.startswith("/data/data/")
    if answer:
        page.name(path)
    else:
        page.has(escaped((ACTOR.get(path) or FIELDS.get(group, (group, group)))[side]))
    page.has('</th><td data-value="%d">%s</td><td>' % (index, escaped(plain(value))))
    if not answer:
        if value is True and group in ("clock", "item"):
            page.has(WORDS["yes"][side])
        elif group in _NAMED or (group, kind) == ("outcome", "case.closed"):
            page.name(plain(value))
        elif value is True:
            page.has(WORDS["yes"][side])
        elif group in _TIMES and isinstance(value, str):
            time(value)
    page.has("</td></tr>\n")


def check_consistency(said: dict[str, Any], given: Given, report: Report) -> None:
    record(said, "lianban", "format", "seals", "consistency")
    seals = [Seal(one) for one in listed(said["seals"])]
    if not seals:
        raise Wrong("没有封印", "there is no seal")
    chain(seals)
    first, last = seals[0], seals[-1]
    grown(first, last, hashes(said["consistency"]))
    report.about.append(
        (
            "第 %d 号至第 %d 号封印的一致性" % (first.number, last.number),
            "consistency of seal %d with seal %d" % (first.number, last.number),
        )
    )
    anchored = given.compare(seals, report)
    old, new = called(first, anchored), called(last, anchored)
    report.proven += [
        (
            "从%s到%s，日志只增不改" % (old[0], new[0]),
            "from %s to %s the log was only added to" % (old[1], new[1]),
        ),
        (
            "其间的 %d 个封印一个承接一个，没有缺号" % len(seals),
            "the %d seals carry one another, and none is missing between" % len(seals),
        ),
    ]
    report.open.append(
        (
            "日志里记了什么、各办件是否属实：要看办件凭证，或用副本执行 lianban verify --seals",
            "what the log holds: see the receipt of a case, or run lianban verify --seals with a copy",
        )
    )


_UNREADABLE = (
    "文件不是联办系统写出的证明：有的部分缺失，或不是应有的内容",
    "no proof as lianban writes it: a part is missing, or is not what belongs there",
)


def check(content: bytes, given: Given, unsealed: bool = False) -> Report:
    """Check one file."""
    report = Report()
    try:
        page = None
        if content.lstrip()[:1] == b"<":
            page, content = read_page(content)
        said = mapped(parse(content))
        kind, version = said.get("lianban"), said.get("format")
        if type(version) is not int or version != 1:
            raise expected("格式 1", "a proof of lianban in format 1", version)
        if kind == "receipt" and page is None:
            check_receipt(said, given, report, unsealed)
        elif kind == "extract":
            check_extract(said, given, report, page)
        elif kind == "consistency" and page is None:
            check_consistency(said, given, report)
        else:
            raise expected("凭证、摘录或一致性证明", "a receipt, an extract or a proof of consistency", kind)
    except Wrong as wrong:
        report.wrong.append(wrong.words)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        report.wrong.append(_UNREADABLE)
    return report


# --- at the terminal


def wrapped(line: str, width: int, indent: str) -> str:
    """`line` broken at `width` columns; a Chinese character takes two, and may stand at any end."""
    lines, now, room = [], "", width - len(indent)

    def columns(part: str) -> int:
        return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in part)

    for part in re.findall(r"[^\u2e80-\uffef ]+ ?| |[\u2e80-\uffef]", line):
        while columns(now + part.rstrip()) > room:
            if now:
                lines.append(now.rstrip())
                now = ""
            else:
                lines.append(part[:room])
                part = part[room:]
        now += part
    lines.append(now.rstrip())
    return ("\n" + indent).join(lines)


def printable(line: str) -> str:
    """Without what would move the cursor."""
    return "".join(c if unicodedata.category(c)[0] != "C" else "\ufffd" for c in line)


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description="核验办件凭证、公开摘录、一致性证明 · Check receipts, extracts, proofs of consistency"
    )
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="receipt, extract (.json, .html), seal proof"
    )
    parser.add_argument("--key", metavar="FILE.pub", help="机关封印公钥 · the office's public key")
    parser.add_argument(
        "--seal-digest", action="append", default=[], metavar="HEX", help="公布的封印摘要 · as published"
    )
    parser.add_argument(
        "--seals", metavar="FILE", help="留存的封印副本 · a copy of all seals, kept elsewhere"
    )
    parser.add_argument("--unsealed", action="store_true", help="接受未封存的事件 · accept unsealed events")
    parser.add_argument("--lang", choices=["zh", "en"], default="en")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(words)
    try:
        key = Path(options.key).read_text(encoding="utf-8") if options.key else ""
        copy = Path(options.seals).read_bytes() if options.seals else None
        contents = [Path(name).read_bytes() for name in options.files]
    except (OSError, ValueError) as error:
        named = "%s: %s" % (error.filename, error.strerror) if isinstance(error, OSError) else "no UTF-8"
        parser.error(named)
    for one in options.seal_digest:
        if not _HEX.fullmatch("".join(one.split()).lower()):
            parser.error("--seal-digest: 64 hex digits")
    try:
        if options.key and not key.split():
            raise Wrong("文件是空的", "the file is empty")
        given = Given(key, options.seal_digest, copy)
    except Wrong as wrong:
        parser.error("--key / --seals: %s" % wrong.words[0 if options.lang == "zh" else 1])
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        parser.error("--key / --seals: %s" % _UNREADABLE[0 if options.lang == "zh" else 1])
    reports = [check(content, given, options.unsealed).told(options.lang) for content in contents]
    told = [dict(report, file=name) for name, report in zip(options.files, reports)]
    output = (
        json.dumps(told, ensure_ascii=False) if options.json else "\n".join(map(_said(options.lang), told))
    )
    sys.stdout.buffer.write((output + "\n").encode("utf-8", "replace"))
    return 0 if all(report["ok"] for report in told) else 1


def _said(lang: str) -> Any:
    words = {
        "proven": ("已证明：", "Proven:"),
        "held": ("仅就其本身无误：", "Right in itself:"),
        "open": ("未证明：", "Not proven:"),
        "wrong": ("不成立：", "Wrong:"),
    }
    ends = {
        (False, False): ("不予采信：有问题，见上", "NOT PROVEN: something is wrong, see above"),
        (True, False): (
            "自身前后一致，但没有与文件以外的任何东西比对：对制作文件的人什么也没有证明",
            "CONSISTENT IN ITSELF, compared with nothing from outside: against whoever made the file it"
            " proves nothing",
        ),
        (True, True): (
            "核验通过：以“已证明”所列为限",
            "GOOD, as far as “Proven” says and no further",
        ),
    }
    side = 0 if lang == "zh" else 1

    def told(report: dict[str, Any]) -> str:
        lines = [printable(report["file"])]
        lines += ["  " + wrapped(printable(line), 78, "    ") for line in report["about"]]
        for name, mark in (("proven", "+"), ("open", "?"), ("wrong", "!")):
            if report[name]:
                title = "held" if name == "proven" and not report["anchored"] else name
                lines.append(words[title][side])
            lines += ["  %s %s" % (mark, wrapped(printable(line), 78, "    ")) for line in report[name]]
        end = ends[report["ok"], report["anchored"]][side]
        return "\n".join([*lines, wrapped(end, 78, ""), ""])

    return told


if __name__ == "__main__":
    sys.exit(main())
