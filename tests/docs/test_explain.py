"""The example in docs/explain.md prints what the page says, and the page names every key of the JSON."""

import re
import shlex
from dataclasses import fields
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dhcpcallout.cli import app
from dhcpcallout.engine.explanation import Explanation

PAGE = (Path(__file__).parents[2] / "docs" / "explain.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)
    return str(found)


def test_the_example_prints_what_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dhcp.toml").write_text(block("toml"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    program, *arguments = shlex.split(block("sh"))
    assert program == "dhcpcallout"
    result = CliRunner().invoke(app, arguments)
    assert (result.exit_code, result.stdout) == (0, block("text"))


def test_the_page_names_every_key_in_order() -> None:
    table = PAGE[PAGE.index("| key | value |") :]
    named = re.findall(r"^\| `([a-z-]+)` \|", table, flags=re.MULTILINE)
    assert named == [one.name.replace("_", "-") for one in fields(Explanation)]
