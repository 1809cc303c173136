"""The console script, run as people and programs run it."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCRIPT = Path(sys.executable).with_name("lianban")


@dataclass
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def environment(**more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("LIANBAN", "LC_", "LANG"))}
    return {**kept, "PYTHONUTF8": "1", "COLUMNS": "80", **more}


def lianban(folder: Path, *words: str, stdin: str = "", **env: str) -> Ran:
    done = subprocess.run(
        [SCRIPT, *words],
        cwd=folder,
        env=environment(**env),
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Ran(done.returncode, done.stdout, done.stderr)


def on_terminal(folder: Path, words: Sequence[str], typed: Sequence[str], **env: str) -> tuple[int, str]:
    """Run on a terminal, typing a line whenever the program waits; its exit code and all that is seen."""
    pid, terminal = pty.fork()
    if pid == 0:  # pragma: no cover - another process
        os.chdir(folder)
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # as a shell has it; tests in the background ignore it
        os.execve(SCRIPT, [str(SCRIPT), *words], environment(TERM="xterm-256color", **env))
    seen = b""
    lines = list(typed)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                seen += os.read(terminal, 65536)
            except OSError:  # the other end is closed
                break
        elif lines and re.search(rb"(: |\]: |\? )$", seen):
            line = lines.pop(0)
            if line == "^C":
                os.write(terminal, b"\x03")
            else:
                os.write(terminal, line.encode() + b"\n")
                seen += b"\n"
    else:
        os.kill(pid, signal.SIGKILL)  # it waits for an answer that nobody thought of
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), seen.decode()
