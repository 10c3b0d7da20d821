import re
import tomllib
from pathlib import Path

import pytest

from dhcpcallout.wire import REGISTRY
from dhcpcallout.wire.reference import reference

PAGE = Path(__file__).parents[2] / "docs" / "options.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", reference(), re.DOTALL)


def test_the_page_is_what_the_registry_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference(), "what the page describes has changed: run make docs"


@pytest.mark.parametrize("code", blocks("python"))
def test_the_examples_in_python_hold(code: str) -> None:
    exec(compile(code, str(PAGE), "exec"), {})


def test_the_configured_values_can_be_encoded() -> None:
    (example,) = blocks("toml")
    options = tomllib.loads(example)["options"]
    assert len(options) >= 9
    for name, value in options.items():
        code, data = REGISTRY.encode_value(name, value)
        assert REGISTRY.option(code, data).text


def test_every_option_has_its_line() -> None:
    for spec in REGISTRY:
        assert re.search(rf"^\| {spec.code} \| `{spec.name}`", reference(), re.MULTILINE)


def test_no_cell_breaks_its_table() -> None:
    for line in reference().splitlines():
        if re.match(r"\| \d", line):
            assert len(re.findall(r"(?<!\\)\|", line)) == 6
