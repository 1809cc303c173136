"""Cost of one act when the case has 10, 100 and 1,000 events behind it.

A rework loop: drafting and checking go round until the check says it is good. The case grows as it is
worked on; the few acts timed follow each length, by turns on a dozen cases of every length. An act at
1,000 should cost at most 1.2 times one at 10.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from acts import organisation, postgres, write_item

from engine.office import Office

BEGIN = datetime(2026, 3, 2, 1, tzinfo=UTC)
TARGET = 1.2
ACTS = 4
"""Acts timed on each case; each writes two events, so that a short case stays short."""

DIAGRAM = """<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL"
    xmlns:camunda="http://camunda.org/schema/1.0/bpmn" targetNamespace="bench">
  <process id="rework" isExecutable="true">
    <laneSet id="lanes">
      <lane id="lane_hall" name="hall">
        <flowNodeRef>start</flowNodeRef><flowNodeRef>again</flowNodeRef><flowNodeRef>draft</flowNodeRef>
        <flowNodeRef>check</flowNodeRef><flowNodeRef>good</flowNodeRef><flowNodeRef>done</flowNodeRef>
      </lane>
    </laneSet>
    <startEvent id="start"/>
    <exclusiveGateway id="again"/>
    <userTask id="draft" name="draft"/>
    <userTask id="check" name="check">
      <extensionElements><camunda:properties>
        <camunda:property name="form" value="verdict"/>
      </camunda:properties></extensionElements>
    </userTask>
    <exclusiveGateway id="good" default="f6"/>
    <endEvent id="done"/>
    <sequenceFlow id="f1" sourceRef="start" targetRef="again"/>
    <sequenceFlow id="f2" sourceRef="again" targetRef="draft"/>
    <sequenceFlow id="f3" sourceRef="draft" targetRef="check"/>
    <sequenceFlow id="f4" sourceRef="check" targetRef="good"/>
    <sequenceFlow id="f5" sourceRef="good" targetRef="done">
      <conditionExpression>good</conditionExpression>
    </sequenceFlow>
    <sequenceFlow id="f6" sourceRef="good" targetRef="again"/>
  </process>
</definitions>
"""

ITEM = """
code = "rework"
serial_code = "SC-LB0027"
kind = "committed"
handling_mode = "single"
process = "rework"
effective = 2026-01-01
name = { zh = "返工", en = "Rework" }
lanes = { hall = "hall/clerk" }
[[bases]]
law = "中华人民共和国行政许可法"
article = "第三十四条"
level = "law"
[outcomes.done]
name = { zh = "准予", en = "Granted" }
kind = "grant"
"""

FORM = """{
  "type": "object", "title": "意见", "x-title-en": "Verdict", "additionalProperties": false,
  "required": ["good"],
  "properties": {"good": {"type": "boolean", "title": "合格", "x-title-en": "Good"}}
}
"""


class Loop:
    """One case going round; each act writes two events."""

    def __init__(self, office: Office, number: int) -> None:
        self.office = office
        self.now = BEGIN + timedelta(days=number)
        done = office.open_case("clerk", "rework", {}, self.now)
        self.case, self.open, self.events = done.case, done.open, len(done.events)

    def act(self) -> float:
        """Seconds that the next act takes."""
        self.now += timedelta(minutes=1)
        (task,) = self.open
        data = {"good": False} if task.startswith("check") else {}
        begin = time.perf_counter()
        done = self.office.do("clerk", self.case, task, data, self.now)
        spent = time.perf_counter() - begin
        self.open, self.events = done.open, self.events + len(done.events)
        return spent


def measure(url: str, folder: Path, lengths: list[int], count: int) -> None:
    """Grow `count` cases to each length, then act on all of them by turns."""
    with Office.create_rehearsal(url, BEGIN, organisation([])) as office:
        office.publish(folder, BEGIN)
        cases = [(length, Loop(office, number)) for number in range(count) for length in lengths]
        for length, case in cases:
            while case.events < length:
                case.act()
        spent: dict[int, list[float]] = {length: [] for length in lengths}
        for _ in range(ACTS):
            for length, case in cases:
                spent[length].append(case.act())
    middle = {length: statistics.median(times) * 1000 for length, times in spent.items()}
    name = "postgresql" if url.startswith("postgresql") else "sqlite"
    told = "   ".join(f"{length} events {ms:.2f} ms" for length, ms in middle.items())
    print(f"{name:<10} {told}   ratio {middle[lengths[-1]] / middle[lengths[0]]:.2f}   target {TARGET}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--small", action="store_true", help="short histories, to see that it runs")
    options = parser.parse_args()
    lengths, count = ([10, 20], 2) if options.small else ([10, 100, 1000], 12)
    with tempfile.TemporaryDirectory() as temporary:
        folder = write_item(Path(temporary), DIAGRAM, ITEM, {"verdict": FORM})
        measure(str(Path(temporary) / "history.db"), folder, lengths, count)
        with postgres() as create:
            measure(create("history"), folder, lengths, count)


if __name__ == "__main__":
    main()
