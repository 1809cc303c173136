"""Cost of a sweep in which 50 cases are due, when 200, 2,000 and 20,000 cases are open.

Every case has one clock. In each office 50 cases are late and get one more card each hour; the others are
not due for a month. Rounds, an hour apart, go by turns through the offices, because the machine's speed
drifts; the first one warms up. At 20,000 open cases a sweep should cost at most 1.2 times one at 200: it
finds what is due by an index.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

from acts import organisation, postgres, write_item

from engine.office import Office

BEGIN = datetime(2026, 3, 2, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
MONTH = timedelta(days=30)
TARGET = 1.2

DIAGRAM = """<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" targetNamespace="bench">
  <process id="waiting" isExecutable="true">
    <laneSet id="lanes">
      <lane id="lane_hall" name="hall">
        <flowNodeRef>start</flowNodeRef><flowNodeRef>decide</flowNodeRef><flowNodeRef>done</flowNodeRef>
      </lane>
    </laneSet>
    <startEvent id="start"/>
    <userTask id="decide" name="decide"/>
    <endEvent id="done"/>
    <sequenceFlow id="f1" sourceRef="start" targetRef="decide"/>
    <sequenceFlow id="f2" sourceRef="decide" targetRef="done"/>
  </process>
</definitions>
"""

ITEM = """
code = "waiting"
serial_code = "SC-LB0028"
kind = "committed"
handling_mode = "single"
process = "waiting"
effective = 2026-01-01
name = { zh = "等待", en = "Waiting" }
lanes = { hall = "hall/clerk" }
[[bases]]
law = "中华人民共和国行政许可法"
article = "第四十二条"
level = "law"
[outcomes.done]
name = { zh = "准予", en = "Granted" }
kind = "grant"
[clocks.decision]
name = { zh = "决定", en = "Decision" }
tier = "statutory"
term = "2h"
starts = ["start"]
stops = ["decide"]
basis = { law = "中华人民共和国行政许可法", article = "第四十二条" }
ladder = [ %s ]
"""


def item(rounds: int) -> str:
    """The item, with one more card for each hour that the clock is exceeded by."""
    return ITEM % ", ".join(f'{{ name = "card-{n}", over = {n}, card = true }}' for n in range(rounds + 1))


def fill(url: str, folder: Path, size: int, due: int) -> Office:
    """An office with `size` open cases: `due` of them have two hours left, the others a month more."""
    office = Office.create_rehearsal(url, BEGIN, organisation([]))
    office.publish(folder, BEGIN)
    for number in range(size):
        office.open_case("clerk", "waiting", {}, BEGIN if number < due else BEGIN + MONTH)
    return office


def measure(
    name: str, create: Callable[[int], str], folder: Path, sizes: list[int], rounds: int, due: int
) -> None:
    """Sweep the offices by turns; print the median cost of a sweep in each, and the ratios."""
    with ExitStack() as stack:
        offices = [stack.enter_context(fill(create(size), folder, size, due)) for size in sizes]
        spent: dict[int, list[float]] = {size: [] for size in sizes}
        for number in range(rounds + 1):
            for size, office in zip(sizes, offices, strict=True):
                begin = time.perf_counter()
                swept = office.sweep(BEGIN + (2 + number) * HOUR)
                spent[size].append(time.perf_counter() - begin)
                assert len(swept.cases) == due, f"{len(swept.cases)} cases were due"
        assert not offices[0].verify()[1]
    spent = {size: times[1:] for size, times in spent.items()}
    middle = {size: statistics.median(times) for size, times in spent.items()}
    told = "   ".join(f"{size:,} open {1000 * s:.1f} ms" for size, s in middle.items())
    ratio = statistics.median(
        large / small for large, small in zip(spent[sizes[-1]], spent[sizes[0]], strict=True)
    )
    rate = due / middle[sizes[-1]]
    print(f"{name:<10} {due} due of {told}   {rate:.0f} cases/s   ratio {ratio:.2f}   target {TARGET}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", choices=["sqlite", "postgresql"], help="one database only")
    parser.add_argument("--small", action="store_true", help="few cases, to see that it runs")
    options = parser.parse_args()
    sizes, rounds, due = ([10, 30], 2, 5) if options.small else ([200, 2_000, 20_000], 15, 50)
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        folder = write_item(root, DIAGRAM, item(rounds), {})
        if options.only != "postgresql":
            measure("sqlite", lambda size: str(root / f"{size}.db"), folder, sizes, rounds, due)
        if options.only != "sqlite":
            with postgres() as create:
                measure("postgresql", lambda size: create(f"sweep_{size}"), folder, sizes, rounds, due)


if __name__ == "__main__":
    main()
