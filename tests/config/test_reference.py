import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from dhcpcallout.config import parse_config
from dhcpcallout.config.reference import example_of, reference
from dhcpcallout.config.schema import (
    CalloutsTable,
    Document,
    IsolationTable,
    ScopeTable,
    Table,
    as_toml,
    fields,
    table_of,
)
from dhcpcallout.errors import ConfigError

ROOT = Path(__file__).parents[2]
EXAMPLES = re.findall(r"```toml\n(.*?)```", reference(), re.DOTALL)
SCOPES = ["", "subnet", "subnet.pool", "subnet.reservation", "shared-network", "class", "reservation"]
OTHER_PAGES = [
    block
    for page in sorted((ROOT / "docs").glob("*.md"))
    if page.name != "configuration.md"
    for block in re.findall(r"```toml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
]


def described_keys() -> list[str]:
    """The keys that are to have a section: those of a kind of table, and those of scopes, where they first stand."""
    keys: list[str] = []
    described: set[type[Table]] = set()

    def look(table: type[Table], above: str) -> None:
        described.add(table)
        for name, field in fields(table).items():
            kind = table_of(field)
            elsewhere = name in fields(ScopeTable) and table is not Document
            elsewhere |= name in fields(IsolationTable) and table is not CalloutsTable
            if kind is None and not elsewhere:
                keys.append(above + name)
            elif kind is not None and kind not in described:
                look(kind, f"{above}{name}.")

    look(Document, "")
    return keys


def completed(data: dict[str, Any]) -> str:
    """A whole configuration with what an example holds, and what every configuration needs."""
    data.setdefault("server", {}).setdefault("listen", ["127.0.0.1:6767"])
    for name in ("subnet", "shared-network"):
        data[name] = listed(data.get(name, []))
    for table in data["shared-network"]:
        table.setdefault("name", "hall")
        table.setdefault("subnet", [{}])
    data["subnet"] = data["subnet"] or [{}]
    subnets = [*data["subnet"], *(subnet for table in data["shared-network"] for subnet in table["subnet"])]
    for number, table in enumerate(subnets):
        table.setdefault("network", f"{10 + number}.0.0.0/8")
        for name in ("pool", "reservation"):
            table[name] = listed(table.get(name, []))
        for pool in table["pool"]:
            pool.setdefault("range", "10.2.0.0/24")
    data["class"] = listed(data.get("class", []))
    for table in data["class"]:
        table.setdefault("name", "any")
    for entry in listed(data.get("callouts", {}).get("entry", [])):
        data["callouts"].setdefault("CalloutDlls", []).append(entry["name"])
    given = {table["name"] for table in data["class"]}
    data["class"] += [{"name": name} for name in ("staff", "telephones") if name not in given]
    data["reservation"] = listed(data.get("reservation", []))
    for table in [*data["reservation"], *(one for subnet in subnets for one in subnet["reservation"])]:
        if not table.keys() & {"hardware-address", "client-id", "circuit-id", "remote-id", "option"}:
            table["hardware-address"] = "00:0c:01:02:03:04"
    return "".join(f"{key} = {as_toml(value)}\n" for key, value in data.items())


def listed(tables: Any) -> list[dict[str, Any]]:
    return tables if isinstance(tables, list) else [tables]


def load(data: dict[str, Any], folder: Path) -> None:
    (folder / "site_kiosks.py").write_text("def is_kiosk(packet):\n    return False\n")
    if "registry" in data.get("callouts", {}):  # a file, or the registry, of another machine
        data["callouts"]["registry"] = str(ROOT / "tests" / "data" / "registry" / "regedit4.reg")
    text = completed(data).replace("python:kiosks:", "python:site_kiosks:")
    parse_config(text, base_directory=folder)


def test_the_page_is_what_the_schema_and_the_option_registry_say() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert page == reference(), "what the page describes has changed: run make docs"


@pytest.mark.parametrize("key", described_keys())
def test_every_key_has_its_example(key: str) -> None:
    table, _, name = key.rpartition(".")
    header = rf"\[+{table}\]+\n(?:.*\n)*" if table else ""
    assert f"### `{key}`\n" in reference()
    assert any(re.match(rf"{header}{name} = ", example) for example in EXAMPLES)


@pytest.mark.parametrize("example", [*EXAMPLES, *OTHER_PAGES])
def test_every_example_loads(example: str, tmp_path: Path) -> None:
    load(tomllib.loads(example), tmp_path)


@pytest.mark.parametrize("key", fields(ScopeTable))
@pytest.mark.parametrize("table", SCOPES)
def test_what_clients_are_told_can_be_said_in_every_scope(table: str, key: str, tmp_path: Path) -> None:
    example = example_of(ScopeTable, key)
    for name in reversed(table.split(".") if table else []):
        example = {name: [example]}
    load(example, tmp_path)


def test_the_scopes_are_the_tables_that_have_these_keys() -> None:
    def scopes(table: type[Table], above: str) -> set[str]:
        found = {above} if issubclass(table, ScopeTable) else set()
        for name, field in fields(table).items():
            kind = table_of(field)
            if kind is not None:
                found |= scopes(kind, f"{above}.{name}".removeprefix("."))
        return found

    assert {name for name in scopes(Document, "") if not name.startswith("shared-network.")} == set(SCOPES)


def test_the_mistakes_on_the_page_are_what_is_reported() -> None:
    text = EXAMPLES[0].replace("listen", "lisen").replace("10.200.255.254", "11.0.0.9")
    with pytest.raises(ConfigError) as raised:
        parse_config(text, base_directory="/etc/dhcp")
    assert f"```text\n{raised.value}\n```" in reference()
