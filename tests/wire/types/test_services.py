from ipaddress import IPv4Address

import pytest

from dhcpcallout.errors import EncodeError, WireError
from dhcpcallout.wire.registry import REGISTRY
from dhcpcallout.wire.types.services import EncryptedDns, NamesOrAddresses, Servers

ADDRESS = IPv4Address("192.0.2.1")
SIP = NamesOrAddresses()
ONE = NamesOrAddresses(single=True)


@pytest.mark.parametrize(
    "value", [Servers(addresses=(ADDRESS,)), ["192.0.2.1"], "192.0.2.1", {"addresses": "192.0.2.1"}]
)
def test_servers_are_given_by_address(value: object) -> None:
    assert SIP.encode(value) == ONE.encode(value) == b"\1\xc0\0\2\1"
    assert SIP.decode(b"\1\xc0\0\2\1") == Servers(addresses=(ADDRESS,))


@pytest.mark.parametrize("value", [Servers(("a.example",)), ["a.example"], "a.example", {"names": ["a.example"]}])
def test_servers_are_given_by_name(value: object) -> None:
    assert SIP.encode(value) == ONE.encode(value) == b"\0\1a\7example\0"
    assert SIP.decode(b"\0\1a\7example\0") == Servers(("a.example",))


@pytest.mark.parametrize("value", [Servers(), Servers(("a",), (ADDRESS,)), "", [], ["192.0.2.1", ""], 5])
def test_servers_are_names_or_addresses_and_not_both(value: object) -> None:
    with pytest.raises(EncodeError):
        SIP.encode(value)


def test_one_server_is_no_more_than_one() -> None:
    with pytest.raises(EncodeError, match="more than one"):
        ONE.encode(["a.example", "b.example"])
    with pytest.raises(WireError, match="more than one"):
        ONE.decode(b"\1" + ADDRESS.packed * 2)


def test_a_name_that_looks_like_an_address_stays_a_name() -> None:
    value = Servers(("192.0.2.1",))
    assert SIP.decode(SIP.encode(value)) == value
    assert SIP.parse_text(SIP.to_text(value)) == value


def test_an_encrypted_resolver_may_be_just_a_name() -> None:
    spec = REGISTRY.spec("v4-dnr")
    (resolver,) = spec.decode(b"\0\6\0\1\3\1a\0")
    assert resolver == EncryptedDns(1, "a")
    assert resolver.addresses == ()


def test_an_encrypted_resolver_has_service_parameters() -> None:
    spec = REGISTRY.spec("v4-dnr")
    table = {
        "priority": 1,
        "name": "dns.example",
        "addresses": ["192.0.2.1"],
        "parameters": {"alpn": ["dot"], "port": 853},
    }
    (resolver,) = spec.decode(spec.encode([table]))
    assert resolver.addresses == (ADDRESS,)
    assert resolver.parameters.get("alpn").value == ("dot",)
    assert resolver.parameters.get(3).value == 853
    assert resolver.parameters.get("ech") is None
