"""The example in docs/verify.md prints what the page says, and the page names what there is."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dhcpcallout.cli import app
from dhcpcallout.verify import KINDS, SCENARIOS, Report

PAGE = (Path(__file__).parents[2] / "docs" / "verify.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)
    return str(found)


def table(header: str) -> list[list[str]]:
    rows = PAGE[PAGE.index(header) :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def masked(text: str) -> str:
    """A report without what differs from machine to machine: paths and numbers of two or more digits."""
    text = re.sub(r"/\S*/greeter", "/greeter", text)
    text = re.sub(r"[+-]?\b[0-9][0-9,.]*( (us|ms|bytes a packet))?\b|[+-]0\b", "N", text)
    return re.sub(" +", " ", text)


def test_the_example_prints_what_the_page_says(
    compile_callout: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "greeter.c"
    source.write_text(block("c"), encoding="utf-8")
    result = CliRunner().invoke(app, ["callouts", "verify", str(compile_callout(source)), "--packets", "500"])

    assert result.exit_code == 1
    assert masked(result.stdout) == masked(block("text"))


def test_the_page_names_every_kind_of_finding_with_its_severity() -> None:
    rows = table("| kind | | the callout |")
    assert [(row[0], row[1]) for row in rows] == [(f"`{name}`", str(kind.severity)) for name, kind in KINDS.items()]
    for row, kind in zip(rows, KINDS.values(), strict=True):
        assert row[2].replace("`", "")[:12] == kind.meaning[:12]


def test_the_page_names_every_scenario() -> None:
    assert [row[0] for row in table("| scenario | what happens |")] == [f"`{name}`" for name in SCENARIOS]


def test_the_page_names_every_key_of_the_json() -> None:
    last = PAGE[PAGE.index("`--json` prints one object") :]
    assert re.findall(r"`([a-z]+)`", last) == list(Report("").to_dict())
