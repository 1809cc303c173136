"""Acts per second that `replay --all` runs again, in one process and in two.

The office has finished joint cases only (a shipped example of the enterprise start-up, 106 events each). Each
round replays all of it with one worker and with two, by turns, because the machine's speed drifts; starting
the processes is counted too, since an auditor waits for it.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
import tomllib
from datetime import UTC, datetime
from pathlib import Path

from engine.definition import builtin
from engine.examples import command_of
from engine.office import Office

BEGIN = datetime(2026, 3, 2, 1, tzinfo=UTC)
ITEM, EXAMPLE = "enterprise-startup", "objection"


def set_up(url: str, cases: int) -> Office:
    """An office in which the example was played so often."""
    office = Office.create_rehearsal(url, BEGIN)
    folder = builtin().items()[ITEM]
    office.publish(folder, BEGIN)
    told = tomllib.loads((folder / "examples" / f"{EXAMPLE}.toml").read_text("utf-8"))
    for _ in range(cases):
        case = office.open_case(told["by"], ITEM, told.get("data", {}), told["start"]).case
        for step in told["steps"]:
            if "advance" in step:
                office.sweep(step["at"])
            else:
                office.act(step["by"], case, command_of(step), step["at"])
    return office


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true")
    small = parser.parse_args().small
    cases, rounds = (4, 1) if small else (60, 3)
    with tempfile.TemporaryDirectory() as folder, set_up(str(Path(folder) / "office.db"), cases) as office:
        rates: dict[int, list[float]] = {1: [], 2: []}
        events = 0
        for _ in range(rounds):
            for workers, found in rates.items():
                begun = time.perf_counter()
                done = office.replay_all(workers=workers)
                found.append(done["acts"] / (time.perf_counter() - begun))
                events = done["events"]
                if done["findings"]:
                    raise SystemExit(f"{len(done['findings'])} histories do not replay")
        one, two = (statistics.median(found) for found in rates.values())
        print(f"cases      {cases}, acts {done['acts']}, events {events}")
        print(f"1 process  {one:8.0f} acts/s  {one * events / done['acts']:8.0f} events/s")
        print(f"2          {two:8.0f} acts/s  {two * events / done['acts']:8.0f} events/s")
        print(f"ratio      {two / one:8.2f}")


if __name__ == "__main__":
    main()
