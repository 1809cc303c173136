"""The measuring scripts still run. No figure is checked here: this machine may be busy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LOG = ROOT.parent / "shared" / "data" / "receipt.csv"


def run(script: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "bench" / f"{script}.py"), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.parametrize(
    ("script", "lines"),
    [("acts", ["sqlite", "postgresql"]), ("history", ["sqlite", "postgresql"]), ("cold_start", ["inbox"])],
)
def test_a_measurement_prints_its_ratios(script: str, lines: list[str]) -> None:
    done = run(script, "--small")
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == lines
    assert all(" ratio " in line and " target " in line for line in done.stdout.splitlines())


def test_the_office_is_replayed_by_one_process_and_by_two() -> None:
    done = run("replay", "--small")
    assert done.returncode == 0, done.stderr
    assert "cases      4, acts 108, events 424\n" in done.stdout
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["cases", "1", "2", "ratio"]


@pytest.mark.skipif(not LOG.is_file(), reason="the log stays where it is, and it is not here")
def test_the_first_cases_of_the_real_log_replay_exactly_and_verify() -> None:
    done = run("receipt", str(LOG), "--small")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "cases      40, replayed exactly 40 " in done.stdout
    assert "deadlines  30 of 40 reproduced to the day by the term of eight weeks alone" in done.stdout
    assert "0 across the change to summer time, 30 across the one back" in done.stdout
    assert "39 with extensions of up to six weeks (9) and suspensions" in done.stdout
    assert "0 findings" in done.stdout


def test_without_the_log_the_script_says_so_in_a_line() -> None:
    done = run("receipt", "nowhere.csv")
    assert done.returncode == 2
    assert done.stderr == "there is no file nowhere.csv; give the path of receipt.csv\n"
