import tomllib
from pathlib import Path
from typing import Any

import pytest

from dhcpcallout.errors import WireError
from dhcpcallout.wire.registry import REGISTRY

GOLDEN = sorted((Path(__file__).parents[1] / "data" / "options").glob("*.toml"))


def rows(kind: str) -> list[Any]:
    return [
        pytest.param(row, id=f"{path.stem}-{row['option']}-{row['hex'][:24]}")
        for path in GOLDEN
        for row in tomllib.loads(path.read_text("utf-8"))[kind]
    ]


@pytest.mark.parametrize("row", rows("pairs"))
def test_golden_bytes_and_texts_stand_for_each_other(row: dict[str, Any]) -> None:
    data = bytes.fromhex(row["hex"])
    option = REGISTRY.option(row["option"], data)
    assert option.text == row["text"]
    parsed = REGISTRY.parse_text(row["option"], row["text"])
    assert parsed.data.hex() == row.get("encoded", row["hex"])
    assert parsed.value == option.value


@pytest.mark.parametrize("row", rows("malformed"))
def test_malformed_golden_bytes_raise_with_code_and_offset(row: dict[str, Any]) -> None:
    option = REGISTRY.option(row["option"], bytes.fromhex(row["hex"]))
    for read in (lambda: option.value, lambda: option.text):
        with pytest.raises(WireError) as raised:
            read()
        assert (raised.value.code, raised.value.offset) == (row["option"], row["offset"])


@pytest.mark.parametrize("row", rows("pairs"))
def test_every_truncation_of_golden_bytes_gives_a_value_or_a_wire_error(row: dict[str, Any]) -> None:
    data = bytes.fromhex(row["hex"])
    for size in range(len(data)):
        option = REGISTRY.option(row["option"], data[:size])
        try:
            value = option.value
        except WireError:
            continue
        assert option.spec.decode(option.spec.encode(value)) == value


def test_every_assigned_option_has_golden_bytes() -> None:
    golden = {row.values[0]["option"] for row in rows("pairs")}
    assert {spec.code for spec in REGISTRY} - golden == set()
