"""Cold start of `lianban inbox --json` on a small office, against `python -c "import click, sqlalchemy"`.

Both are whole processes, run by turns; the figures are medians. What the second does is what any
program with these two libraries pays before it does anything.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from acts import DEPARTMENTS, DIAGRAM, FORMS, ITEM, organisation, write_item

from engine.office import Office

TARGET = 1.5
BEGIN = datetime(2026, 3, 2, 1, tzinfo=UTC)


def small_office(where: Path, cases: int) -> None:
    """An office in which every one of 26 people has `cases` tasks."""
    folder = write_item(where, DIAGRAM, ITEM, FORMS)
    with Office.create_rehearsal(str(where / "office.db"), BEGIN, organisation(DEPARTMENTS)) as office:
        office.publish(folder, BEGIN)
        for number in range(cases):
            data = {"applicant": f"示例有限公司{number}", "departments": DEPARTMENTS}
            office.open_case("clerk", "joint", data, BEGIN)


def environment(where: Path) -> dict[str, str]:
    """As on a clerk's machine: byte code is kept, also where the one who measures keeps none."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(where / "bytecode")}


def seconds(command: list[str], env: dict[str, str]) -> float:
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=env)
    return time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--small", action="store_true", help="two runs of each, to see that it works")
    options = parser.parse_args()
    rounds = 2 if options.small else 60
    with tempfile.TemporaryDirectory() as temporary:
        small_office(Path(temporary), 10)
        database = str(Path(temporary) / "office.db")
        program = "import sys, cli; sys.exit(cli.main())"  # what the console script does
        inbox = [sys.executable, "-c", program, "--db", database, "--as", "p.d07", "--json", "inbox"]
        imports = [sys.executable, "-c", "import click, sqlalchemy"]
        bare = [sys.executable, "-c", "pass"]
        spent: dict[str, list[float]] = {"inbox": [], "imports": [], "bare": []}
        env = environment(Path(temporary))
        for command in (inbox, imports, bare):
            seconds(command, env)  # byte code and disk cache
        for _ in range(rounds):
            spent["inbox"].append(seconds(inbox, env))
            spent["imports"].append(seconds(imports, env))
            spent["bare"].append(seconds(bare, env))
    inbox_ms, imports_ms, bare_ms = (statistics.median(times) * 1000 for times in spent.values())
    print(
        f"inbox {inbox_ms:.0f} ms   import click, sqlalchemy {imports_ms:.0f} ms   "
        f"bare python {bare_ms:.0f} ms   ratio {inbox_ms / imports_ms:.2f} ({rounds} runs)   target {TARGET}"
    )


if __name__ == "__main__":
    main()
