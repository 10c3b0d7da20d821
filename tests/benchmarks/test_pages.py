"""Figures find their place in a page."""

from pathlib import Path

import pytest
from benchmarks.pages import paste


def test_figures_replace_those_in_their_place_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- figures: x -->\nold\n<!-- end -->\nb\n<!-- figures: y -->\nkept\n<!-- end -->\n")
    for _ in range(2):
        paste(page, "x", "| new \\1 |\n")
    assert page.read_text() == (
        "a\n<!-- figures: x -->\n\n| new \\1 |\n\n<!-- end -->\nb\n<!-- figures: y -->\nkept\n<!-- end -->\n"
    )


@pytest.mark.parametrize("text", ["nothing", "<!-- figures: x -->\n<!-- end -->\n" * 2])
def test_a_page_without_just_one_place_is_refused(tmp_path: Path, text: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises(ValueError, match="places for x"):
        paste(page, "x", "new")
    assert page.read_text() == text
