import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from dhcpcallout.config import parse_config
from dhcpcallout.config.reference import reference
from dhcpcallout.config.schema import Document, Table, as_toml, fields, table_of
from dhcpcallout.errors import ConfigError

ROOT = Path(__file__).parents[2]
EXAMPLES = re.findall(r"```toml\n(.*?)```", reference(), re.DOTALL)


def keys_of(table: type[Table], above: str = "") -> list[str]:
    keys: list[str] = []
    for name, field in fields(table).items():
        kind = table_of(field)
        keys += [above + name] if kind is None else keys_of(kind, f"{above}{name}.")
    return keys


def completed(example: str) -> str:
    """A whole configuration with what an example holds, and what every configuration needs."""
    data: dict[str, Any] = tomllib.loads(example)
    data.setdefault("server", {}).setdefault("listen", ["127.0.0.1:6767"])
    subnet = data.setdefault("subnet", {})
    data["subnet"] = subnets = subnet if isinstance(subnet, list) else [subnet]
    for table in subnets:
        table.setdefault("network", "10.0.0.0/8")
        for reservation in table.get("reservation", []):
            reservation.setdefault("hardware-address", "00:0c:01:02:03:04")
            reservation.setdefault("address", "10.0.0.9")
    return "".join(f"{key} = {as_toml(value)}\n" for key, value in data.items())


def test_the_page_is_what_the_schema_and_the_option_registry_say() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert page == reference(), "what the page describes has changed: run make docs"


@pytest.mark.parametrize("key", keys_of(Document))
def test_every_key_has_its_example(key: str) -> None:
    table, _, name = key.rpartition(".")
    assert any(re.search(rf"\A\[+{table or name}\]+\n{name if table else ''}", example) for example in EXAMPLES)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_loads(example: str) -> None:
    parse_config(completed(example), base_directory="/etc/dhcp")


def test_the_mistakes_on_the_page_are_what_is_reported() -> None:
    text = EXAMPLES[0].replace("listen", "lisen").replace("10.200.255.254", "11.0.0.9")
    with pytest.raises(ConfigError) as raised:
        parse_config(text, base_directory="/etc/dhcp")
    assert f"```text\n{raised.value}\n```" in reference()
