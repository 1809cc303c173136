"""`make conformance`: the corpus on lianban and on stock SpiffWorkflow → docs/conformance.md."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import version
from itertools import groupby
from pathlib import Path

from conformance_lianban import verdict
from conformance_spiff import PATIENCE, Stock
from corpus import Case, cases

PAGE = Path(__file__).parent.parent / "docs" / "conformance.md"

HEAD = """# BPMN 2.0.2, case by case

What a diagram says is what happens: an element runs as the standard says, or publishing refuses it by name
and says what to draw instead. This page is measured, not written: `make conformance` runs the {count} cases
of `tests/conformance` here and on stock SpiffWorkflow {version}, whose parser this engine reads with.

| | right | refused | refused, though it should run | wrong | hangs |
|---|--:|--:|--:|--:|--:|
{totals}

**How it was measured.** What is expected was derived from the text of the standard (the section stands
beside each case), not from an engine: which tasks are completed and how often, in which order where the
standard gives one, which are open at which point, whether the process has ended. The cases are in
`tests/conformance/*/cases.toml`, the key to them in `tests/corpus.py`.

lianban runs each case by `item rehearse`; `tests/test_conformance.py` also runs it with net and marking
written to JSON and read back at every step, and in other interpreters: all print the same bytes. *refused*
means that publishing names the element and a remedy: what is not BPMN, and the few things left out here.

The library runs each case through `BpmnParser`, `BpmnWorkflow` and `send_event`, in a process of its own
with {patience:g} seconds' patience, once as it is and once through `BpmnWorkflowSerializer` after every step.
What it can't be blamed for is done for it: constant times are written as the Python texts that its dialect
wants, ids of data are their names, its clock is set to each timer's moment, correlation keys are calculated,
tasks without a type are completed on arrival. *refused* means that its parser raises an exception.

{random}
"""

RANDOM = """**Random diagrams.** `tests/test_differential.py` draws processes of sequences, exclusive and
parallel blocks, loops, subprocesses, user and script tasks, and runs them on both engines with the same
random order of work: the tasks open after every step and those done in the end agree. With inclusive blocks
they don't always: the library's join may fire while a branch of its block still runs (found in 5 of 500
diagrams). The standard decides against it: a join waits as long as a token can reach it by a flow on which
none has come (13.4.3); “under way” below is the smallest such diagram."""


def page(here: dict[str, str], stock: dict[str, str]) -> str:
    """The page of these verdicts by case."""
    every = cases()
    text = HEAD.format(
        count=len(every),
        version=version("SpiffWorkflow"),
        totals="\n".join((_total("lianban", here), _total("SpiffWorkflow", stock))),
        patience=PATIENCE,
        random=RANDOM,
    )
    for _, group in groupby(every, key=lambda case: case.area):
        of_area = list(group)
        text += f"\n## {of_area[0].title}\n\n| | § | lianban | SpiffWorkflow |\n|---|---|---|---|\n"
        text += "".join(
            f"| {case.name} | {case.section} | {here[case.id]} | {stock[case.id]} |\n" for case in of_area
        )
    return text


def _total(name: str, verdicts: dict[str, str]) -> str:
    counts = Counter(verdict.partition(",")[0] for verdict in verdicts.values())
    broken = sum("once saved" in verdict for verdict in verdicts.values())
    right = f"{counts['right']}" + (f" ({broken} of them not once saved and loaded)" if broken else "")
    later = sum(verdict == NOT_YET for verdict in verdicts.values())
    refused = counts["refused"] - later
    return f"| {name} | {right} | {refused} | {later or ''} | {counts['wrong']} | {counts['hangs']} |"


NOT_YET = "refused, should run"


def measure_here() -> dict[str, str]:
    return {case.id: _here(case) for case in cases()}


def _here(case: Case) -> str:
    found = verdict(case)[0]
    if found == "refused" and case.refused is None:
        return NOT_YET
    return {"runs": "right"}.get(found, found)


def measure_stock() -> dict[str, str]:
    with Stock() as stock:
        return {case.id: _stock(stock, case) for case in cases()}


def _stock(stock: Stock, case: Case) -> str:
    found, again = stock.verdict(case)[0], stock.verdict(case, saved=True)[0]
    return f"right, {again} once saved" if found == "right" != again else found


def on_page() -> tuple[dict[str, str], dict[str, str]]:
    """The verdicts that the page shows."""
    rows = list(_rows(PAGE.read_text(encoding="utf-8")))
    every = cases()
    return (
        {case.id: here for case, (_, here, _) in zip(every, rows, strict=True)},
        {case.id: stock for case, (_, _, stock) in zip(every, rows, strict=True)},
    )


def _rows(text: str) -> Iterator[tuple[str, str, str]]:
    areas = text.partition("\n## ")[2]
    yield from re.findall(r"^\| (.+) \| \d.*? \| (\S.*) \| (\S.*) \|$", areas, re.M)


if __name__ == "__main__":
    PAGE.write_text(page(measure_here(), measure_stock()), encoding="utf-8")
    print(PAGE.read_text(encoding="utf-8").split("\n\n")[2])
