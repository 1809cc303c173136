"""Each code that a check can give has a page, and the page is right: its example gives just this code."""

from __future__ import annotations

import ast
import re
from datetime import date
from pathlib import Path
from typing import get_args

import pytest
from problem_pages import INDEX, check_shown, index, shown

from engine.definition import builtin
from engine.definition.wording import Kind
from engine.organisation import Organisation, read_register
from engine.problems import Page, pages

ROOT = Path(__file__).parent.parent
PAGES = pages()
MENDED = "\n## Mended\n"

MAKERS = {"Problem", "fault", "unknown", "Findings"}
"""Names that a module imports, or gives, which makes problems."""
REFUSALS = {"Invalid", "Unknown", "NotAllowed", "Conflict", "Diverged", "__init__"}
"""What a code given to one of them is told by: not a problem of a definition."""
TOLD_OF = {"clock.rule": "engine/clock/ledger.py", "example.failed": "engine/examples.py"}
"""Codes of refusals that become problems, and where they are raised."""
PLACES = {"extension.approver", "extension.notice", "notice.approver", "conclusion.survey", "hearing.hold"}
"""Not codes, though written like them: paths of keys in item.toml."""
OTHERS = {
    "refusal.remedies": "of another rule than refusal.document rests on for a licence",
    "office.missing": "of a refusal, which a command may do without",
} | dict.fromkeys(
    ("flow.none", "error.uncaught"), "of an incident in a running case, which a check looks for"
)
"""Not codes of problems: names."""
ENDINGS = {"unknown": get_args(Kind), "invalid": ("item", "example")}
"""Codes that are put together: their ends, and what comes before."""
CODE = re.compile(r"[a-z_]+\.(?!toml|bpmn|dmn|json|j2)[a-z_]+")


@pytest.fixture(scope="module")
def county() -> Organisation:
    return read_register(builtin().organisation.read_bytes()).on(date(2026, 3, 2))


def parts(page: Page) -> tuple[str, str]:
    """The page up to where it is mended, and from there."""
    example, _, mended = page.text.partition(MENDED)
    return example, mended


def codes_given() -> dict[str, str]:
    """Every code that stands in a module that makes problems, and where."""
    found = dict(TOLD_OF)
    for path in sorted(ROOT.glob("engine/**/*.py")):
        source = path.read_text(encoding="utf-8")
        nodes = [*ast.walk(ast.parse(source))] if any(maker in source for maker in MAKERS) else []
        imported = [node.names for node in nodes if isinstance(node, ast.ImportFrom)]
        if not MAKERS.intersection(alias.name for names in imported for alias in names):
            continue
        first = [(_called(node), node.args[0]) for node in nodes if isinstance(node, ast.Call) and node.args]
        refused = {id(argument) for called, argument in first if called in REFUSALS}
        for node in nodes:
            text = node.value if isinstance(node, ast.Constant) and id(node) not in refused else None
            if isinstance(text, str) and CODE.fullmatch(text) and text not in PLACES | OTHERS.keys():
                found.setdefault(text, f"{path.relative_to(ROOT)}:{node.lineno}")
        for called, argument in first:
            if called in MAKERS | {"error", "warning"} and isinstance(argument, ast.JoinedStr):
                where, ending = f"{path.relative_to(ROOT)}:{argument.lineno}", ast.unparse(argument)
                ending = ending.rstrip("'\"").rpartition(".")[2]
                assert ending in ENDINGS, f"{where}: a code that this test can't put together"
                found |= {f"{kind}.{ending}": where for kind in ENDINGS[ending]}
    return found


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def test_every_code_that_a_check_gives_has_a_page_and_every_page_is_of_such_a_code() -> None:
    given, documented = codes_given(), {page.code for page in PAGES}
    assert {code: where for code, where in given.items() if code not in documented} == {}
    assert documented - given.keys() == set()
    for code, where in TOLD_OF.items():
        assert f'"{code}"' in (ROOT / where).read_text(encoding="utf-8")


def test_the_index_lists_every_page() -> None:
    assert INDEX.read_text(encoding="utf-8") == index(), "write it anew: python tests/problem_pages.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.code)
def test_a_page_has_all_its_parts(page: Page) -> None:
    assert page.head.keys() <= {"title", "zh", "severity", "rule", "rule_zh", "also", "untried"}
    assert page.head["severity"] in ("error", "warning")
    assert page.text.startswith(f"# {page.head['title']}\n")
    assert ("rule" in page.head) is ("rule_zh" in page.head)
    assert all(part.strip() for part in parts(page))


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
