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
import html.parser
import json
import re
import sys
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

GENESIS = "0" * 64
_HEX = re.compile("[0-9a-f]{64}")
_SALT = re.compile("[0-9a-f]{32}")


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
            raise ValueError("a key stands twice")
        return found

    def constant(name: str) -> Any:
        raise ValueError(name)

    return json.loads(content.decode("utf-8"), object_pairs_hook=once, parse_constant=constant)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def record(value: Any, *keys: str) -> dict[str, Any]:
    """A JSON object with exactly these keys: what nobody checks has no place in a proof."""
    if not isinstance(value, dict) or set(value) != set(keys):
        found = sorted(value) if isinstance(value, dict) else type(value).__name__
        raise ValueError("expected %s, found %s" % (sorted(keys), found))
    return value


def listed(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("a list")
    return value


def mapped(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("an object")
    return value


def text(value: Any, pattern: re.Pattern[str] | None = None) -> str:
    if type(value) is not str or (pattern is not None and not pattern.fullmatch(value)):
        raise ValueError(repr(value)[:80])
    return value


def whole(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(repr(value)[:80])
    return value


def hashes(value: Any) -> list[bytes]:
    return [bytes.fromhex(text(one, _HEX)) for one in listed(value)]


def unpacked(value: Any) -> bytes:
    return base64.b64decode(text(value), validate=True)


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
    blob = base64.b64decode(words[1], validate=True) if words[0] == "ssh-ed25519" else b""
    if not blob.startswith(head) or len(blob) != len(head) + 32:
        raise ValueError("no Ed25519 key")
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
        self.office, self.at, self.key = text(said["office"]), text(said["at"]), text(said["key"])
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
        except (ValueError, IndexError):
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
                raise ValueError("format %r" % said["format"])
            self.copied = [Seal(one) for one in listed(said["seals"])]
            self.leaves = [self._leaf(one) for one in listed(said["leaves"])]
            if not self.copied:
                raise ValueError("no seals")
            chain(self.copied)
            if len(self.leaves) != self.copied[-1].size:
                raise ValueError("leaves")
            self.tree = [leaf_hash(canonical(_sealed(*leaf))) for leaf in self.leaves]
            self.root_at(self.copied[-1])

    @staticmethod
    def _leaf(said: Any) -> list[Any]:
        case, seq, hash, disclosure, salt = listed(said)
        return [text(case), whole(seq), text(hash, _HEX), text(disclosure, _HEX), text(salt, _SALT)]

    def root_at(self, seal: Seal) -> None:
        if root_of(self.tree[: seal.size]) != seal.root:
            raise Wrong(
                "封印副本的日志与第 %d 号封印不符" % seal.number,
                "the copy's log is not the one under seal %d" % seal.number,
            )

    def compare(self, seals: Sequence[Seal], report: Report) -> None:
        """Compare the seals of a file with all that was given."""
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
            if anchored and seal.digest not in anchored:
                report.open.append(
                    (
                        "第 %d 号封印的编号和时间：它本身没有拿文件以外的东西比对过" % seal.number,
                        "number and instant of seal %d: it was itself compared with nothing from outside"
                        % seal.number,
                    )
                )
        report.open.append(
            (
                "事情发生在什么时候：时间由机关自己写明；封印的摘要何时公布，至多证明不晚于那时，什么也不能证明不早于何时",
                "when it happened: the instants are what the office says; a digest published on a day proves"
                " that it was no later, and nothing proves that it was no earlier",
            )
        )

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


def sealed_case(said: Any, case: str, report: Report) -> tuple[dict[str, Any], list[Seal]]:
    """The leaf of a case, proven to be under its seal, and that under the newest one."""
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
    report.proven.append(
        (
            "办件至第 %d 个事件为止，列入了 %s 的第 %d 号封印（摘要 %s）"
            % (leaf["seq"], seal.at, seal.number, seal.digest),
            "the case up to event %d is under seal %d of %s (digest %s)"
            % (leaf["seq"], seal.number, seal.at, seal.digest),
        )
    )
    grown(seal, newest, hashes(said["consistency"]))
    if newest.number != seal.number:
        report.proven.append(
            (
                "此后到 %s 的第 %d 号封印（摘要 %s），日志只增不改"
                % (newest.at, newest.number, newest.digest),
                "from there to seal %d of %s (digest %s) the log was only added to"
                % (newest.number, newest.at, newest.digest),
            )
        )
    return leaf, [seal] if newest.number == seal.number else [seal, newest]


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
    leaf, seals = sealed_case(said["sealed"], case, report)
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
    given.compare(seals, report)
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
    leaf, seals = sealed_case(said["sealed"], case, report)
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
        check_page(page, shown, report)
    given.compare(seals, report)
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


MARK = "lianban-proof"
"""The element of a page that holds the extract."""


class _Page(html.parser.HTMLParser):
    """The proof in a page, and the cells that show its values: `<td data-value="INDEX">`."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.proofs: list[str] = []
        self.cells: list[tuple[str, str]] = []
        self.into: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        about = dict(attrs)
        if tag == "pre" and about.get("id") == MARK:
            self.proofs.append("")
            self.into = tag
        elif "data-value" in about:
            self.cells.append((about["data-value"] or "", ""))
            self.into = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self.into:
            self.into = None

    def handle_data(self, data: str) -> None:
        if self.into == "pre":
            self.proofs[-1] += data
        elif self.into is not None:
            index, before = self.cells[-1]
            self.cells[-1] = index, before + data


def read_page(content: str) -> _Page:
    page = _Page()
    page.feed(content)
    page.close()
    if len(page.proofs) != 1:
        raise Wrong("网页中没有证明，或不止一份", "the page holds no proof, or more than one")
    return page


def check_page(content: str, shown: dict[int, tuple[int, str, Any]], report: Report) -> None:
    expected = {str(index): plain(value) for index, (_, _, value) in shown.items()}
    cells = read_page(content).cells
    order = [index for index in expected if index in dict(cells)]
    if cells != [(index, expected[index]) for index in order]:
        raise Wrong("网页上写的与所附证明不同", "the page shows other values than the proof in it")
    report.proven.append(
        (
            "网页表格中的值与证明逐字相同",
            "the values in the table of the page are those of the proof, word for word",
        )
    )
    report.open.append(
        (
            "网页的其余文字（标题、名称、说明）：以此处列出的为准",
            "the rest of the page (headings, names, notes): what counts is the list printed here",
        )
    )


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
    report.proven += [
        (
            "从 %s 的第 %d 号封印（摘要 %s）到 %s 的第 %d 号封印（摘要 %s），日志只增不改"
            % (first.at, first.number, first.digest, last.at, last.number, last.digest),
            "from seal %d of %s (digest %s) to seal %d of %s (digest %s) the log was only added to"
            % (first.number, first.at, first.digest, last.number, last.at, last.digest),
        ),
        (
            "其间的 %d 个封印一个承接一个，没有缺号" % len(seals),
            "the %d seals carry one another, and none is missing between" % len(seals),
        ),
    ]
    given.compare(seals, report)
    report.open.append(
        (
            "日志里记了什么、各办件是否属实：要看办件凭证，或用副本执行 lianban verify --seals",
            "what the log holds: see the receipt of a case, or run lianban verify --seals with a copy",
        )
    )


def check(content: bytes, given: Given, unsealed: bool = False) -> Report:
    """Check one file."""
    report = Report()
    try:
        page = None
        if content.lstrip()[:1] == b"<":
            page = content.decode("utf-8")
            content = read_page(page).proofs[0].encode()
        said = mapped(parse(content))
        kind, version = said.get("lianban"), said.get("format")
        if type(version) is not int or version != 1 or (page is not None and kind != "extract"):
            raise ValueError("format")
        if kind == "receipt":
            check_receipt(said, given, report, unsealed)
        elif kind == "extract":
            check_extract(said, given, report, page)
        elif kind == "consistency":
            check_consistency(said, given, report)
        else:
            raise ValueError("lianban")
    except Wrong as wrong:
        report.wrong.append(wrong.words)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        why = "%s: %s" % (type(error).__name__, error)
        report.wrong.append(
            ("文件不是联办系统写出的证明，或被改动过（%s）" % why, "no proof as lianban writes it (%s)" % why)
        )
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
        parser.error(str(error))
    for one in options.seal_digest:
        if not _HEX.fullmatch("".join(one.split()).lower()):
            parser.error("--seal-digest: 64 hex digits")
    try:
        if options.key and not key.split():
            raise ValueError("empty")
        given = Given(key, options.seal_digest, copy)
    except (Wrong, ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        parser.error("--key / --seals: %s" % error)
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
