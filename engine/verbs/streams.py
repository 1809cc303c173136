"""Files and standard streams: what comes in, and what goes out."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from ..errors import Invalid, say

MOST_BYTES = 20_000_000
"""Largest file that is read."""
MOST_OF_A_LOG = 500_000_000
"""Largest log of another system."""


def write_new(path: Path, content: str) -> None:
    """Write a file that is not there yet. Raises `Invalid` where it is, or can't be written."""
    try:
        path.parent.mkdir(exist_ok=True)
        with path.open("x", encoding="utf-8") as stream:
            stream.write(content)
    except FileExistsError as error:
        raise Invalid(
            "file.exists",
            say("{file} is there already; nothing is written over it", file=str(path)),
            remedy=say("choose another name, or move the file away"),
        ) from error
    except OSError as error:
        raise Invalid(
            "file.unwritable",
            say("{file} can't be written: {reason}", file=str(path), reason=error.strerror or str(error)),
            remedy=say("check your permission to write there, or print it with --dry-run"),
        ) from error


def read_bytes(file: str, most: int = MOST_BYTES) -> bytes:
    """The bytes of a file of at most so many, or of standard input (`-`). Raises `Invalid`."""
    try:
        if file == "-":
            content = sys.stdin.buffer.read(most + 1)
        else:
            with Path(file).open("rb") as stream:
                content = stream.read(most + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise Invalid(
            "file.unreadable",
            say("{file} can't be read: {reason}", file=file, reason=reason),
            expected=say("a file that you may read"),
            found=say("{file}", file=file),
            remedy=say("check its name and your permission to read it"),
        ) from error
    if len(content) > most:
        raise Invalid(
            "file.too_large",
            say("{file} is too large", file=file),
            expected=say("at most {most} bytes", most=most),
            found=say("{file}", file=file),
            remedy=say("check that it is the right file"),
        )
    return content


def parse_json(content: bytes, file: str) -> Any:
    """The JSON in `content`. Raises `Invalid`."""

    def constant(name: str) -> NoReturn:
        raise ValueError(f"{name} is not JSON")

    try:
        return json.loads(content, parse_constant=constant)
    except (ValueError, RecursionError) as error:
        raise Invalid(
            "json.invalid",
            say("{file} is not JSON: {reason}", file=file, reason=str(error)),
            expected=say("JSON in UTF-8"),
            found=say("{file}", file=file),
            remedy=say("correct the file; nothing was recorded"),
        ) from error


_SOURCES = (".bpmn", ".dmn", ".j2", ".db", ".schema.json", "item.toml")
"""How files end that items are made of, and databases."""
_HEAD = 4_000
"""So many bytes of a file say what it is."""


def _replaceable(file: str, head: bytes) -> None:
    """Raise `Invalid` where `file` is there already and does not begin like `head`, the beginning of what is
    to be written: an earlier output may be replaced, and nothing else."""
    path = Path(file)
    with suppress(OSError, ValueError):
        if not path.is_file() or not path.stat().st_size:
            return
        with path.open("rb") as there:
            found = there.read(_HEAD)
        if path.name.endswith(_SOURCES) or _kind(found) != _kind(head[:_HEAD]):
            raise Invalid(
                "file.source",
                say(
                    "{file} is there already, and is no earlier output of this kind: it would be lost",
                    file=file,
                ),
                expected=say("a new file, or one that begins with {kind}", kind=_kind(head[:_HEAD])),
                found=say("one that begins with {kind}", kind=_kind(found)),
                remedy=say("name another file, or delete that one first if nobody needs it"),
            )


def _kind(head: bytes) -> str:
    """What tells outputs of one kind from everything else: the first key of JSON, the first element of HTML
    or XML, else what the first three columns of a table are called."""
    text = head.decode("utf-8-sig", "replace").lstrip()
    if found := re.match(r'\{\s*"[^"]*"', text):
        return "".join(found[0].split())
    if text[:14].lower().startswith(("<!doctype html", "<html")):
        return "<!DOCTYPE html>"
    if text.startswith("<") and (found := re.search(r"<[A-Za-z][\w.:-]*", text)):
        return found[0].lower()
    first = next(iter(text.splitlines()), "")[:200]
    columns = ",".join(first.split(",")[:3])
    return "".join(letter if letter.isprintable() else "?" for letter in columns)


def write_file(file: str, content: bytes, *, public: bool = False) -> None:
    """Write a file, or an earlier output again. A new one is for its owner only, unless it is `public`: most
    outputs hold persons. Raises `Invalid`."""
    _replaceable(file, content)
    try:
        with open(file, "wb", opener=None if public else _for_owner) as stream:
            stream.write(content)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise Invalid(
            "file.unwritable",
            say("{file} can't be written: {reason}", file=file, reason=reason),
            remedy=say("name another file with -o"),
        ) from error


def _for_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


@contextmanager
def written(file: str) -> Iterator[BinaryIO]:
    """A stream to `file`, which is there only once all is written, for its owner only unless it was another
    way before."""
    part = Path(f"{file}.part")
    try:
        with open(part, "wb", opener=_for_owner) as stream:
            yield stream
        with part.open("rb") as made:
            _replaceable(file, made.read(_HEAD))
        if Path(file).exists():
            part.chmod(Path(file).stat().st_mode)
        part.replace(file)
    except OSError as error:
        raise Invalid(
            "file.unwritable",
            say("{file} can't be written: {reason}", file=file, reason=error.strerror or str(error)),
            remedy=say("name another file with -o"),
        ) from error
    finally:
        part.unlink(missing_ok=True)


def as_json(data: Any) -> str:
    plain = sys.stdout.encoding.lower().replace("-", "") != "utf8"
    return json.dumps(data, ensure_ascii=plain) + "\n"


def write(output: str | bytes) -> None:
    """Print. Whoever stopped reading is not interested: what was done stays done."""
    try:
        if isinstance(output, bytes):
            sys.stdout.buffer.write(output)
        else:
            sys.stdout.write(output)
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise Invalid(
                "output.failed",
                say("the output can't be written: {reason}", reason=error.strerror),
                remedy=say("make room, or write to another place; what was done stays done"),
            ) from error
