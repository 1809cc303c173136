"""Seals: what makes a whole office's record provable to somebody who has only a hash of it (floor 1).

A seal is the root of a Merkle tree over a log that only grows. A leaf says how far the history of a case
had come when it was sealed; each seal adds a leaf for each history that has moved since the seal before. Of
two seals one can prove that the later log only adds to the earlier (consistency), and of each leaf that it
is in the log (inclusion), with a few hashes and without anything else of the office. Trees and proofs are
those of Certificate Transparency (RFC 9162 §2.1), over SHA-256.

A seal carries the digest of the one before, and, where the office has a key, an Ed25519 signature over what
it says. `canonical` bytes are what is hashed and signed.

A leaf also commits to every single value of the history, each hidden by a salt of its own (`disclosure`), so
that an extract can show some of them, leave the others out, and be proven all the same.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from .errors import Invalid, say
from .events import GENESIS, canonical, digest

if TYPE_CHECKING:  # it takes long to import, and only signing and checking signatures needs it
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SigningKey: TypeAlias = "Ed25519PrivateKey"
"""The key that a seal is signed with."""

_LEAF, _NODE = b"\x00", b"\x01"


# --- trees (RFC 9162 §2.1)


def leaf_hash(content: bytes) -> bytes:
    """The hash of a leaf; another than that of any inner node."""
    return hashlib.sha256(_LEAF + content).digest()


def _node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(_NODE + left + right).digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root of the tree over these leaf hashes; of no leaves, the hash of nothing."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    level = list(leaves)
    while len(level) > 1:
        # A node without a neighbour rises: the same tree as the RFC's, which splits at powers of two.
        pairs = [_node_hash(level[n], level[n + 1]) for n in range(0, len(level) - 1, 2)]
        level = pairs + level[len(level) & ~1 :]
    return level[0]


def inclusion(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The proof that leaf `index` is in the tree over `leaves` (RFC 9162 §2.1.3)."""
    path, level = [], list(leaves)
    while len(level) > 1:
        if index ^ 1 < len(level):
            path.append(level[index ^ 1])
        pairs = [_node_hash(level[n], level[n + 1]) for n in range(0, len(level) - 1, 2)]
        level = pairs + level[len(level) & ~1 :]
        index >>= 1
    return path


def is_included(root: bytes, size: int, index: int, leaf: bytes, path: Sequence[bytes]) -> bool:
    """Whether `path` proves that `leaf` is number `index` of the `size` leaves under `root`."""
    if not 0 <= index < size:
        return False
    found, last, rest = leaf, size - 1, list(path)
    while last:
        if index & 1 or index < last:
            if not rest:
                return False
            beside = rest.pop(0)
            found = _node_hash(beside, found) if index & 1 else _node_hash(found, beside)
        index, last = index >> 1, last >> 1
    return not rest and found == root


def consistency(leaves: Sequence[bytes], older: int) -> list[bytes]:
    """The proof that the tree over `leaves` only adds to the tree over the first `older` of them
    (RFC 9162 §2.1.4)."""

    def sub(start: int, end: int, inner: int, whole: bool) -> list[bytes]:
        if inner == end - start:
            return [] if whole else [root_of(leaves[start:end])]
        split = start + (1 << (end - start - 1).bit_length() - 1)
        if inner <= split - start:
            return [*sub(start, split, inner, whole), root_of(leaves[split:end])]
        return [*sub(split, end, inner - (split - start), False), root_of(leaves[start:split])]

    return sub(0, len(leaves), older, True) if 0 < older <= len(leaves) else []


def is_consistent(older: int, older_root: bytes, size: int, root: bytes, path: Sequence[bytes]) -> bool:
    """Whether `path` proves that the tree of `size` leaves under `root` only adds to that of `older` leaves
    under `older_root`."""
    if not 0 <= older <= size:
        return False
    if older in (0, size):
        return not path and (older == 0 or older_root == root)
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
            old, new = _node_hash(beside, old), _node_hash(beside, new)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            new = _node_hash(new, beside)
        node, last = node >> 1, last >> 1
    return last == 0 and (old, new) == (older_root, root)


# --- what a leaf says


class Leaf(NamedTuple):
    """How far a history had come: its last event, that event's hash, and the root over all of its values
    (`disclosure`).

    The tree's leaf is made of what `sealed` says, which has the hash only under `salt` (hex): whoever is
    shown an extract could else try out histories until the hash fits, and so guess what is hidden from her.
    """

    case: str
    seq: int
    hash: str
    disclosure: str
    salt: str

    def sealed(self) -> dict[str, Any]:
        """What the leaf says to everybody: nothing that a hidden value could be guessed from."""
        history = digest(canonical([self.hash, self.salt]))
        return {"case": self.case, "seq": self.seq, "history": history, "disclosure": self.disclosure}

    def content(self) -> bytes:
        """The bytes that the tree's leaf is the hash of."""
        return canonical(self.sealed())


def leaf_salt(case: str, seq: int, secret: bytes) -> str:
    """The salt of a leaf, in hex: as those of the values, it follows from the office's `secret`."""
    return _salt([case, seq, "hash", ""], secret)  # four parts: the name of no value


def _salt(name: list[Any], secret: bytes) -> str:
    return hmac.digest(secret, canonical(name), "sha256")[:16].hex()


class Value(NamedTuple):
    """One value of a history: of event `seq`, at `path` in its record, hidden by `salt` (hex)."""

    seq: int
    path: str
    value: Any
    salt: str

    def content(self) -> bytes:
        """The bytes that its leaf is the hash of."""
        return canonical({"seq": self.seq, "path": self.path, "value": self.value, "salt": self.salt})


def disclosure(bodies: Iterable[bytes], secret: bytes) -> list[Value]:
    """Every value of the records `bodies`, in order. Salts follow from the office's `secret`, so that they
    need not be kept, and nobody without it can try out what a hidden value might be."""
    found: list[Value] = []
    for body in bodies:
        record = json.loads(body)
        for path, value in _flat(record, ""):
            salt = _salt([record["case"], record["seq"], path], secret)
            found.append(Value(record["seq"], path, value, salt))
    return found


def _flat(value: Any, path: str) -> Iterable[tuple[str, Any]]:
    """Each value that holds no others (an empty list or record is one), with its JSON pointer (RFC 6901)."""
    if isinstance(value, dict) and value:
        for key in sorted(value):
            yield from _flat(value[key], f"{path}/{key.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, list) and value:
        for index, inner in enumerate(value):
            yield from _flat(inner, f"{path}/{index}")
    else:
        yield path, value


def disclosure_root(values: Iterable[Value]) -> str:
    """What a leaf says of `values`, in hex: the hash of their number and the root over them. Without the
    number two hidden values could pass for one."""
    leaves = [leaf_hash(value.content()) for value in values]
    return digest(canonical([len(leaves), root_of(leaves).hex()]))


# --- seals


class Seal(NamedTuple):
    """A seal: the `size` leaves that the log of the office had at instant `at`, under `root` (hex).

    `office` is the hash of the office's first event, which tells offices apart; `number` counts from 1;
    `previous` is the digest of the seal before. `secret` is the digest of the office's secret for salts.
    `key` is the public key in OpenSSH's form and `signature` is base64, both empty where there is no key.
    """

    office: str
    number: int
    at: str
    size: int
    root: str
    secret: str
    previous: str = GENESIS
    key: str = ""
    signature: str = ""

    def statement(self) -> bytes:
        """What is signed, and what may be stamped elsewhere (RFC 3161): all but the signature."""
        said = self._asdict()
        del said["signature"]
        return canonical(said)

    @property
    def digest(self) -> str:
        """SHA-256 of the statement, in hex: what the next seal carries."""
        return digest(self.statement())


def signed(seal: Seal, key: SigningKey | None) -> Seal:
    """The seal under the signature of `key`, if there is one."""
    if key is None:
        return seal
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    seal = seal._replace(key=public)
    return seal._replace(signature=base64.b64encode(key.sign(seal.statement())).decode())


def is_signed(seal: Seal) -> bool:
    """Whether the seal's signature is that of its key over its statement."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key

    try:
        key = load_ssh_public_key(seal.key.encode())
        if not isinstance(key, Ed25519PublicKey):
            return False
        key.verify(base64.b64decode(seal.signature, validate=True), seal.statement())
    except (ValueError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def read_key(content: bytes, passphrase: bytes | None = None) -> SigningKey:
    """The private key in a file as `ssh-keygen -t ed25519` writes it, or in PEM. Raises `Invalid`."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_private_key

    load = load_ssh_private_key if b"OPENSSH PRIVATE KEY" in content else load_pem_private_key
    try:
        key = load(content, passphrase)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _no_key(str(error)) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_key(type(key).__name__)
    return key


def _no_key(found: str) -> Invalid:
    return Invalid(
        "seal.key",
        say("the file is no Ed25519 private key, or its passphrase is another one"),
        expected=say("a key as `ssh-keygen -t ed25519` makes it"),
        found=say("{found}", found=found),
        remedy=say("name the right file; keep it off the database's machine"),
    )
