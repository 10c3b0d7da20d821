"""The tests, packets, mistakes and code in docs/classes.md are as the page says."""

import re
import tomllib
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from dhcpcallout.engine.classes import ClassTable, compile_classes
from dhcpcallout.engine.conditions import compile_condition
from dhcpcallout.engine.model import ClientClass
from dhcpcallout.engine.subjects import FIELDS
from dhcpcallout.wire import REGISTRY, Packet, decode, encode

PAGE = (Path(__file__).parents[2] / "docs" / "classes.md").read_text(encoding="utf-8")
KNOWN = ("a client with a reservation", "a client without a reservation")


def rows(header: str) -> list[list[str]]:
    """The cells of all tables with a header."""
    tables = re.findall(rf"\n\| {re.escape(header)}.*\|\n\|[-|]+\|\n((?:\|.*\|\n)+)", PAGE)
    lines = [line for table in tables for line in table.splitlines()]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return [[cell.replace("\\|", "|") for cell in row] for row in cells]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


def packet_of(cell: str) -> Packet:
    """A packet with the one option or field that a cell gives."""
    name, _, value = cell.strip("`").partition("=")
    packet = Packet()
    if name == "chaddr":
        packet.chaddr = bytes.fromhex(value.replace(":", ""))
    elif name == "giaddr":
        packet.giaddr_int = int(IPv4Address(value))
    elif name == "flags":
        packet.flags = int(value)
    else:
        option = REGISTRY.parse_text(name, value)
        packet.options[option.code] = option.data
    return decode(encode(packet).data)


def classes_of(text: str) -> ClassTable:
    problems: list[tuple[str, str]] = []
    described = [
        ClientClass(
            **{key.replace("-", "_").replace("lease_time", "lease_time_s"): value for key, value in row.items()}
        )
        for row in tomllib.loads(text)["class"]
    ]
    table = compile_classes(described, "class", lambda key, problem: problems.append((key, problem)))
    assert problems == []
    return table


EXAMPLES = rows("a test")


@pytest.mark.parametrize(("test", "holds", "fails"), EXAMPLES, ids=[row[0] for row in EXAMPLES])
def test_an_example_holds_for_the_one_packet_and_not_for_the_other(test: str, holds: str, fails: str) -> None:
    problems: list[tuple[str, str]] = []
    table = tomllib.loads(f"test = {test.strip('`')}")["test"]
    condition = compile_condition(
        table, "test", lambda key, problem: problems.append((key, problem)), known_classes=("KNOWN", "UNKNOWN")
    )
    assert condition is not None, problems
    for cell, answer in ((holds, True), (fails, False)):
        members = ("UNKNOWN",) if cell == KNOWN[1] else ("KNOWN",) if cell == KNOWN[0] else ()
        packet = Packet() if members else packet_of(cell)
        assert condition(packet, members) is answer, condition.explain(packet, members)


FROM_KEA = rows("in Kea")


@pytest.mark.parametrize("test", [row[1] for row in FROM_KEA])
def test_what_stands_for_a_test_of_kea_is_a_test(test: str) -> None:
    table = tomllib.loads(f"test = {test.strip('`')}")["test"]
    assert compile_condition(table, "test", lambda key, text: pytest.fail(f"{key}: {text}"), known_classes=["KNOWN"])


def test_every_operator_and_field_has_an_example() -> None:
    shown = " ".join(row[0] for row in EXAMPLES)
    words = ("option", "field", "member", "all", "any", "not", "suboption", "enterprise", "equals", "in", "prefix")
    for word in (*words, "suffix", "contains", "substring", "matches", "exists"):
        assert f"{word} =" in shown
    assert [name for row in rows("field") for name in re.findall("`([a-z-]+)`", row[0])] == list(FIELDS)


def test_the_classes_of_the_configuration_take_who_they_say() -> None:
    table = classes_of(blocks("toml")[0])

    def classes(**fields: Any) -> tuple[str, ...]:
        return table.classify(Packet(**fields), known=False)[2:]

    assert classes(options={93: b"\0\7"}) == ("pxe-uefi",)
    assert classes(options={93: b"\0\7", 77: b"iPXE"}) == ("pxe-uefi", "ipxe")
    assert classes(options={60: b"Cisco Systems, Inc. IP Phone"}) == ("telephones",)
    assert classes(options={60: b"Cisco Systems, Inc. IP Phone", 12: b"lab-1"}) == ()
    assert table.dropping(classes(chaddr=bytes.fromhex("deadbe010203"))) == "unwanted"


def test_the_mistakes_are_reported_in_the_words_of_the_page() -> None:
    option, field = {"option": "host-name"}, {"field": "giaddr"}
    reported: list[str] = []
    for test in (
        {**option, "prefx": "a"},
        {"option": "hostnam", "equals": "a"},
        {"field": "gateway", "exists": True},
        {**option, "equals": "a", "prefix": "b"},
        {**field, "in": []},
        {"member": "later"},
    ):
        described = [ClientClass(name="first", test=test), ClientClass(name="later")]
        compile_classes(described, "class", lambda key, problem: reported.append(f"{key}: {problem}"))
    assert blocks("text")[0].splitlines() == reported


def test_the_function_takes_even_ports() -> None:
    names: dict[str, Any] = {}
    exec(blocks("python")[0], names)
    table = compile_classes([names["even_ports"]], "class", lambda key, problem: pytest.fail(f"{key}: {problem}"))
    for circuit, member in ((b"\1\6eth0/2", True), (b"\1\6eth0/3", False), (b"\1\0", False)):
        assert ("even-ports" in table.classify(Packet(options={82: circuit}), known=False)) is member
    assert table.faults.total() == 0
