from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpcallout.errors import EncodeError, WireError
from dhcpcallout.wire.types.composite import Array
from dhcpcallout.wire.types.routes import ClasslessRoute, Route

ROUTE = Route(IPv4Network("192.0.2.0/24"), IPv4Address("192.0.2.1"))
DATA = b"\x18\xc0\0\2\xc0\0\2\1"


@pytest.mark.parametrize(
    "value",
    [
        ROUTE,
        "192.0.2.0/24 via 192.0.2.1",
        "192.0.2.0/24 192.0.2.1",
        "192.0.2.0/255.255.255.0 via 192.0.2.1",
        ["192.0.2.0/24", "192.0.2.1"],
        (ROUTE.destination, ROUTE.router),
        {"destination": "192.0.2.0/24", "router": "192.0.2.1"},
        DATA,
    ],
)
def test_a_route_is_taken_as_value_text_pair_or_table(value: object) -> None:
    assert ClasslessRoute().encode(value) == DATA
    assert ClasslessRoute().decode(DATA) == ROUTE


def test_the_default_route_has_its_word() -> None:
    assert ClasslessRoute().encode("default via 192.0.2.1") == b"\0\xc0\0\2\1"
    assert Array(ClasslessRoute()).encode("default 192.0.2.1, 10.0.0.0/8 192.0.2.2")[:6] == b"\0\xc0\0\2\1\x08"


@pytest.mark.parametrize(
    "value",
    [
        "192.0.2.0/24",
        "192.0.2.0/24 over 192.0.2.1",
        "192.0.2.1/24 via 192.0.2.1",
        "a via b",
        "",
        5,
        None,
        {"router": "192.0.2.1"},
    ],
)
def test_what_is_no_route_is_told(value: object) -> None:
    with pytest.raises(EncodeError, match=r"10\.0\.0\.0/8 via 10\.0\.0\.1"):
        ClasslessRoute().encode(value)


@given(st.integers(0, 32), st.integers(0, 0xFFFFFFFF))
def test_a_destination_takes_the_bytes_that_its_prefix_fills(width: int, address: int) -> None:
    route = Route(IPv4Network((address, width), strict=False), IPv4Address("192.0.2.1"))
    data = ClasslessRoute().encode(route)
    assert len(data) == 1 + -(-width // 8) + 4
    assert ClasslessRoute().decode(data) == route
    assert ClasslessRoute().parse_text(ClasslessRoute().to_text(route)) == route


@pytest.mark.parametrize(("data", "offset"), [(b"", 0), (b"\x21" + bytes(9), 0), (DATA[:-1], 0), (DATA + b"\0", 8)])
def test_a_malformed_route_is_told_where(data: bytes, offset: int) -> None:
    with pytest.raises(WireError) as raised:
        ClasslessRoute().decode(data)
    assert raised.value.offset == offset
