"""Files that commands write: whose they are, and what is never written over."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from drawing import draw
from items import NOON, organisation, publish
from terminal import lianban

from engine.errors import Invalid
from engine.office import Office
from engine.verbs.streams import write_file, written


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sealed office with one case, in a folder of its own."""
    folder = tmp_path_factory.mktemp("outputs")
    with Office.create_rehearsal(str(folder / "lianban.db"), NOON, organisation(1)) as office:
        publish(office, folder, draw("start s; user a; end e", "s -> a -> e"))
        office.open_case("clerk", "item", {}, NOON)
        office.seal(NOON, None, None, None)
    return folder


def mode(file: Path) -> int:
    return file.stat().st_mode & 0o777


@contextmanager
def output(folder: Path, name: str) -> Iterator[Path]:
    file = folder / name
    yield file
    file.unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["receipt", "1", "-o"], 0o600),
        (["extract", "1", "-o"], 0o600),
        (["page", "1", "-o"], 0o600),
        (["export", "xes", "-o"], 0o600),
        (["seal", "export"], 0o644),
        (["receipt", "--checker", "-o"], 0o644),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else oct(words),
)
def test_what_holds_persons_is_for_its_owner_and_what_is_public_for_everybody(
    county: Path, words: list[str], expected: int
) -> None:
    with output(county, "out") as file:
        assert lianban(county, *words, "out").code == 0
        assert mode(file) == expected
        file.chmod(0o640)
        assert lianban(county, *words, "out").code == 0  # an earlier output, as somebody set it
        assert mode(file) == 0o640


OTHERS = {
    "settings": b'title = "mine"\n',
    "a private key": b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjE\n",
    "a photo": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
    "JSON of another program": b'{\n  "name": "package"\n}',
    "a database": b"SQLite format 3\0" + bytes(84),
    "another kind of output": b"<!DOCTYPE html><html></html>",
}


@pytest.mark.parametrize("what", OTHERS)
def test_a_file_that_is_no_earlier_output_is_never_written_over(tmp_path: Path, what: str) -> None:
    file = tmp_path / "mine"
    file.write_bytes(OTHERS[what])
    for content in (b'{"calendars":{}}', b"case,seq\n", b"<?xml version='1.0'?><log/>"):
        for write in (write_file, _streamed):
            with pytest.raises(Invalid) as refused:
                write(str(file), content)
            assert refused.value.code == "file.source" and "delete" in str(refused.value.remedy)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("mine", OTHERS[what])]


def _streamed(file: str, content: bytes) -> None:
    with written(file) as stream:
        stream.write(content)


def test_the_command_says_what_to_do_instead(county: Path) -> None:
    with output(county, "key") as file:
        file.write_bytes(OTHERS["a private key"])
        ran = lianban(county, "receipt", "1", "-o", "key", "--json")
        told = json.loads(ran.err)
        assert (ran.code, told["code"]) == (1, "file.source")
        assert "BEGIN OPENSSH PRIVATE KEY" in told["found"] and "another file" in told["remedy"]
        assert file.read_bytes() == OTHERS["a private key"]


def test_an_earlier_output_and_an_empty_file_are_replaced_and_a_source_never_is(tmp_path: Path) -> None:
    pairs = [
        (b'{"case":"1","a":2}', b'{ "case": "2"}'),
        (b"<!DOCTYPE html>\n<p>a</p>", b"<!doctype html><html>"),
        (b"<?xml version='1.0'?>\n<log a='1'/>", b'<?xml version="1.0" encoding="utf-8"?><log/>'),
        (b"<svg xmlns='x'/>", b"<svg/>"),
        ("\ufeffcase,seq\n1,2".encode(), b"case,seq\n"),
        (b"", b"anything"),
    ]
    for earlier, later in pairs:
        file = tmp_path / "out"
        file.write_bytes(earlier)
        write_file(str(file), later)
        assert file.read_bytes() == later
    source = tmp_path / "letter.j2"
    source.write_bytes(b"<!DOCTYPE html>")
    with pytest.raises(Invalid):
        write_file(str(source), b"<!DOCTYPE html><p>")
    with pytest.raises(Invalid), written(str(source)) as stream:
        stream.write(b"<!DOCTYPE html><p>")
    assert source.read_bytes() == b"<!DOCTYPE html>"
