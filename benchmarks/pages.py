"""Put a benchmark's figures into a page of the documentation."""

import re
from pathlib import Path

__all__ = ["paste"]


def paste(page: Path, name: str, text: str) -> None:
    """Replace what is between ``<!-- figures: NAME -->`` and ``<!-- end -->`` in a page.

    Raises:
        ValueError: The page has no such place, or several.
    """
    before = page.read_text()
    place = re.compile(rf"(<!-- figures: {re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL)
    after, number = place.subn(lambda found: f"{found[1]}\n{text.strip()}\n\n{found[2]}", before)
    if number != 1:
        raise ValueError(f"{page}: {number} places for {name}")
    page.write_text(after)
