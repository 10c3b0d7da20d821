from ipaddress import IPv4Address, IPv6Address

import pytest

from dhcpcallout.errors import EncodeError, WireError
from dhcpcallout.wire.types.addresses import Address, Address6


@pytest.mark.parametrize("value", [IPv4Address("192.0.2.1"), "192.0.2.1", " 192.0.2.1 ", 0xC0000201, b"\xc0\0\2\1"])
def test_an_address_is_four_bytes(value: object) -> None:
    assert Address().encode(value) == b"\xc0\0\2\1"
    assert Address().decode(b"\xc0\0\2\1") == IPv4Address("192.0.2.1")


@pytest.mark.parametrize("value", ["192.0.2", "192.0.2.256", "host", True, None, -1, 1 << 32, IPv6Address("::1"), []])
def test_what_is_no_address_is_told(value: object) -> None:
    with pytest.raises(EncodeError, match=r"such as 10\.0\.0\.1"):
        Address().encode(value)


def test_addresses_of_another_size_are_malformed() -> None:
    with pytest.raises(WireError):
        Address().decode(bytes(5))
    with pytest.raises(WireError) as raised:
        Address().decode_many(bytes(7))
    assert raised.value.offset == 4
    with pytest.raises(WireError):
        Address6().decode(bytes(4))


@pytest.mark.parametrize("value", [IPv6Address("2001:db8::1"), "2001:db8::1", "2001:0DB8:0::1"])
def test_an_ipv6_address_is_sixteen_bytes(value: object) -> None:
    data = bytes.fromhex("20010db8000000000000000000000001")
    assert Address6().encode(value) == data
    assert Address6().decode(data) == IPv6Address("2001:db8::1")
    assert Address6().to_text(Address6().decode(data)) == "2001:db8::1"


@pytest.mark.parametrize("value", ["fe80::1%eth0", "192.0.2.1", "", None, 1])
def test_what_is_no_ipv6_address_is_told(value: object) -> None:
    with pytest.raises(EncodeError, match="2001:db8::1"):
        Address6().encode(value)
