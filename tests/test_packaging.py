"""What is installed is what was tested: everything the product needs travels in the wheel."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DATA = {".sketch", ".json", ".mo", ".bpmn", ".dmn", ".toml", ".md", ".j2", ".js", ".css"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)],
        check=True,
        capture_output=True,
    )
    (built,) = out.glob("*.whl")
    return built


def test_the_wheel_holds_the_engine_the_items_and_the_forms_and_nothing_else(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    tracked = subprocess.run(
        ["git", "ls-files", "engine", "processes", "forms", "cli.py"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        encoding="utf-8",
    ).stdout.splitlines()
    assert names == {name for name in tracked if not name.endswith((".po", ".pot"))}
    assert {Path(name).suffix for name in names} <= {".py", *DATA}


def test_an_installed_copy_sets_up_an_office_far_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    program = "import cli, engine, sys; assert engine.__file__.startswith(sys.argv.pop(1)); cli.main()"
    done = subprocess.run(
        [sys.executable, "-c", program, str(site), "--lang", "zh", "init", "--rehearsal"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(site), "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "企业设立联合审批" in done.stdout
