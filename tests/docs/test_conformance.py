"""Each row of docs/conformance.md names a test that there is, or says that its rule is not kept."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "conformance.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (RFC \d+).*?\n(.*?)(?=^## |\Z)", PAGE, flags=re.DOTALL | re.MULTILINE))
ROWS = [
    (rfc, *(cell.strip() for cell in line.strip("|").split("|")))
    for rfc, text in SECTIONS.items()
    for line in text.splitlines()
    if line.startswith("| ") and not line.startswith("| §")
]
EXPECTED = {2131, 2132, 1542, 3011, 3046, 3396, 3527, 4039, 4361, 4388, 5107, 6842, 8925}


@cache
def names(path: Path) -> frozenset[str]:
    """The tests of a file: ``test_it``, ``TestClass::test_it``."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        before = f"{node.name}::" if isinstance(node, ast.ClassDef) else ""
        found |= {before + one.name for one in inner if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}
    return frozenset(found)


@pytest.mark.parametrize("row", ROWS, ids=[f"{row[0]} {row[1]} {number}" for number, row in enumerate(ROWS)])
def test_a_row_names_a_test_that_there_is_or_says_what_is_not_done(row: tuple[str, ...]) -> None:
    _, _, strength, _, shown = row
    assert strength in {"M", "S"}
    named = re.findall(r"`([\w/]+\.py)::([\w:]+)`", shown)
    assert named or shown.startswith("*not done*: ")
    for file, name in named:
        assert name in names(TESTS / file)


def test_every_document_has_rows() -> None:
    assert {int(rfc.removeprefix("RFC ")) for rfc in SECTIONS} == EXPECTED
    assert {row[0] for row in ROWS} == set(SECTIONS)
