import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpcallout.config.schema import Document, ScopeTable, as_key, as_toml, fields, table_of, tables_of
from dhcpcallout.transports import parse_listen

_TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXTS,
    lambda values: st.lists(values, max_size=3) | st.dictionaries(_TEXTS, values, max_size=3),
    max_leaves=8,
)


@given(_TEXTS, _VALUES)
def test_what_is_written_as_toml_is_read_back_the_same(key: str, value: Any) -> None:
    assert tomllib.loads(f"{as_key(key)} = {as_toml(value)}") == {key: value}


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("127.0.0.1:6767", ("127.0.0.1", 6767)),
        ("0.0.0.0", ("0.0.0.0", 67)),
        ("10.0.0.1:0", ("10.0.0.1", 0)),
        ("10.0.0.1:65535", ("10.0.0.1", 65535)),
    ],
)
def test_an_address_to_listen_on_may_have_a_port(text: str, pair: tuple[str, int]) -> None:
    assert parse_listen(text) == pair


@pytest.mark.parametrize(
    "text", ["", ":67", "10.0.0.1:", "10.0.0:67", "localhost", "::1", "[::1]:67", "10.0.0.1:67:68"]
)
def test_what_is_no_address_to_listen_on_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an address and a port"):
        parse_listen(text)


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_there_cannot_be_is_refused(port: int) -> None:
    with pytest.raises(ValueError, match=f"port {port} is not 0 to 65535"):
        parse_listen(f"10.0.0.1:{port}")


def test_the_schema_tells_tables_arrays_of_tables_and_other_values_apart() -> None:
    kinds = {
        name: (table_of(field) is not None, tables_of(field) is not None) for name, field in fields(Document).items()
    }
    assert kinds == {
        "server": (True, False),
        "leases": (True, False),
        "callouts": (True, False),
        "subnet": (True, True),
        "shared-network": (True, True),
        "class": (True, True),
        "reservation": (True, True),
        "option-definition": (True, True),
        **dict.fromkeys(fields(ScopeTable), (False, False)),
    }
