"""Files and standard streams: what comes in, and what goes out."""

from __future__ import annotations

import json
import os
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


def _replaceable(file: str) -> None:
    """Raise `Invalid` for a file that nobody means when they name an output: a database, or what an item is
    made of."""
    path = Path(file)
    source = path.suffix in (".bpmn", ".dmn", ".j2", ".db") or path.name.endswith(
        (".schema.json", "item.toml")
    )
    with suppress(OSError):
        with path.open("rb") as there:
            source = source or there.read(16) == b"SQLite format 3\0"
        if source:
            raise Invalid(
                "file.source",
                say("{file} is there already, and it is no output: it would be lost", file=file),
                expected=say("a new file, or an earlier output"),
                remedy=say("name another file with -o"),
            )


def write_file(file: str, content: bytes) -> None:
    _replaceable(file)
    try:
        Path(file).write_bytes(content)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise Invalid(
            "file.unwritable",
            say("{file} can't be written: {reason}", file=file, reason=reason),
            remedy=say("name another file with -o"),
        ) from error


@contextmanager
def written(file: str) -> Iterator[BinaryIO]:
    """A stream to `file`, which is there only once all is written."""
    _replaceable(file)
    part = Path(f"{file}.part")
    try:
        with part.open("wb") as stream:
            yield stream
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
