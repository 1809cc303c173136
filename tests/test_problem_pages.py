"""Each code that a check can give has a page, and the page is right: its example gives just this code."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import get_args

import pytest
from problem_pages import check_shown, shown

from engine.definition import builtin
from engine.definition.wording import Kind
from engine.organisation import Organisation, read_register
from engine.problems import Page, pages

ROOT = Path(__file__).parent.parent
PAGES = pages()
MENDED = "\n## Mended\n"

CODE = re.compile(r"[a-z_]+\.[a-z_]+")
FILE_ENDINGS = {"toml", "bpmn", "dmn", "md", "json", "j2"}
MAKERS = {"Problem", "fault", "unknown", "Findings"}
"""What a module imports that makes problems."""
REFUSALS = {"Invalid", "Unknown", "NotAllowed", "Conflict", "Diverged"}
NO_CODES = {
    "clocks.notice": "",
}
TOLD_OF = {"clock.rule": "engine/clock/ledger.py", "example.failed": "engine/examples.py"}
"""Refusals that become problems, and where they are raised."""
BY_SUFFIX = {"unknown": get_args(Kind), "invalid": ("item", "example")}
"""Codes that are put together: the end, and what comes before it."""


@pytest.fixture(scope="module")
def county() -> Organisation:
    return read_register(builtin().organisation.read_bytes()).on(date(2026, 3, 2))


def parts(page: Page) -> tuple[str, str]:
    """The page up to where it is mended, and from there."""
    example, _, mended = page.text.partition(MENDED)
    return example, mended


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.code)
def test_the_example_of_a_page_gives_its_code_and_mended_gives_none(
    page: Page, county: Organisation, tmp_path: Path
) -> None:
    example, mended = (list(shown(part)) for part in parts(page))
    assert bool(example) != ("untried" in page.head), "an example, or why there is none"
    also = set(page.head.get("also", "").split())
    if example or page.code == "example.none":
        found = {(p.code, p.severity) for p in check_shown(tmp_path / "example", example, county)}
        assert (page.code, page.head["severity"]) in found, found
        assert {code for code, _ in found} == {page.code, *also}
    if mended:
        problems = check_shown(tmp_path / "mended", mended, county)
        assert [str(p.message) for p in problems if p.severity == "error" or p.code == page.code] == []
