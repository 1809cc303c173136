"""The transcripts in `tests/stories/`, `docs/` and the README are run, and say what they say.

A block ```` ```console ```` holds commands (`$ …`, continued by `> …`), each with its output, both streams
together; `[4]` is an exit code other than 0, `…` stands for anything. The blocks of one file share a folder,
in which the files of `tests/stories/files` lie, and a rehearsal office of 5 January 2026 unless the story
sets one up itself. `python tests/test_stories.py FILE…` tells stories anew.
"""

from __future__ import annotations

import doctest
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

ROOT = Path(__file__).parent.parent
STORIES = [
    path
    for path in (
        *sorted((ROOT / "tests" / "stories").glob("*.md")),
        *sorted((ROOT / "docs").glob("*.md")),
        ROOT / "README.md",
    )
    if "```console\n" in path.read_text(encoding="utf-8")
]


BLOCK = re.compile(r"(?<=^```console\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ (.*\n(?:> .*\n)*)((?:(?!\$ ).*\n)*)", re.MULTILINE)


def commands(story: Path) -> Iterator[tuple[int, str, str]]:
    """Line number, command and expected output of everything that a story runs."""
    text = story.read_text(encoding="utf-8")
    for block in BLOCK.finditer(text):
        for found in COMMAND.finditer(block[0]):
            line = text.count("\n", 0, block.start() + found.start()) + 1
            yield line, typed(found[1]), found[2]


def set_up(folder: Path) -> None:
    """Put a rehearsal office into `folder`."""
    found = run("lianban init --rehearsal --now 2026-01-05T09:00 --json > /dev/null", folder)
    assert found == "", found


def furnish(story: Path, folder: Path, office: Path) -> None:
    """Put into `folder` what `story` finds there; `office` is a folder with an office in it."""
    shutil.copytree(ROOT / "tests" / "stories" / "files", folder, dirs_exist_ok=True)
    if not any(command.startswith("lianban") and " init " in command for _, command, _ in commands(story)):
        shutil.copytree(office, folder, dirs_exist_ok=True)


def typed(lines: str) -> str:
    """The command of its lines in a transcript."""
    return lines.replace("\n> ", "\n").rstrip("\n")


def run(command: str, folder: Path) -> str:
    """What a terminal of 80 columns would show, with the exit code if it is not 0."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("LIANBAN", "LC_", "LANG"))
    }
    environment |= {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "80",
        "PYTHONUTF8": "1",
    }
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    return done.stdout + (f"[{done.returncode}]\n" if done.returncode else "")


def agrees(expected: str, found: str) -> bool:
    """Whether the output is the expected one, `…` standing for anything."""
    return doctest.OutputChecker().check_output(expected.replace("…", "..."), found, doctest.ELLIPSIS)


@pytest.fixture(scope="session")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("office")
    set_up(folder)
    return folder


@pytest.mark.parametrize("story", STORIES, ids=lambda path: path.name)
def test_a_story_comes_out_as_it_is_told(story: Path, tmp_path: Path, office: Path) -> None:
    furnish(story, tmp_path, office)
    for line, command, expected in commands(story):
        found = run(command, tmp_path)
        assert agrees(expected, found), (
            f"{story.name}:{line}: {command}\n--- expected\n{expected}--- found\n{found}"
        )


def test_a_story_that_differs_is_noticed(tmp_path: Path) -> None:
    story = tmp_path / "story.md"
    story.write_text(
        "```console\n$ echo one &&\n>   echo two\none\n…\n$ exit 4\n[4]\n```\n", encoding="utf-8"
    )
    told = list(commands(story))
    assert [(line, command) for line, command, _ in told] == [(2, "echo one &&\n  echo two"), (6, "exit 4")]
    assert run(told[0][1], tmp_path) == "one\ntwo\n"
    assert agrees(told[0][2], "one\ntwo\n")
    assert not agrees(told[0][2], "other\ntwo\n")
    assert run(told[1][1], tmp_path) == told[1][2]
    assert not agrees(told[1][2], "[3]\n")


def tell(story: Path, office: Path) -> None:
    """Put what the commands of `story` say now in the place of what they no longer say."""
    with TemporaryDirectory() as folder:
        furnish(story, Path(folder), office)

        def again(found: re.Match[str]) -> str:
            output = run(typed(found[1]), Path(folder))
            return f"$ {found[1]}{found[2] if agrees(found[2], output) else output}"

        text = story.read_text(encoding="utf-8")
        text = BLOCK.sub(lambda block: COMMAND.sub(again, block[0]), text)
    story.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        set_up(Path(folder))
        for name in sys.argv[1:]:
            tell(Path(name), Path(folder))
