from ipaddress import IPv4Address

import pytest

from dhcpcallout.errors import EncodeError, WireError
from dhcpcallout.wire.registry import REGISTRY
from dhcpcallout.wire.suboptions import Encapsulated, SubnetAllocation, SubOptions, VendorOptions

AGENT = REGISTRY.spec("dhcp-agent-options")
VENDOR = REGISTRY.spec("vendor-encapsulated-options")
IDENTIFIED = REGISTRY.spec("vivso-suboptions")
DATA = b"\1\4eth0\5\4\xc0\0\2\1"


def test_sub_options_are_found_by_code_and_name() -> None:
    value = AGENT.decode(DATA)
    assert [option.name for option in value] == ["circuit-id", "link-selection"]
    assert value.get("circuit-id") is value[0]
    assert value.get(5).value == IPv4Address("192.0.2.1")
    assert value.get("remote-id") is None
    assert repr(value) == "SubOptions(circuit-id=65746830, link-selection=c0000201)"


def test_a_malformed_sub_option_hides_no_other() -> None:
    value = AGENT.decode(b"\5\1\xc0\1\1a")
    assert value.get("circuit-id").value == b"a"
    with pytest.raises(WireError, match="option 5"):
        _ = value[0].value
    assert value[0].data == b"\xc0"
    assert AGENT.to_text(value) == 'link-selection:c0, circuit-id="a"'


@pytest.mark.parametrize(
    "value",
    [
        {"circuit-id": '"eth0"', "link-selection": "192.0.2.1"},
        {1: b"eth0", "5": IPv4Address("192.0.2.1")},
        "circuit-id=65746830, link-selection=192.0.2.1",
        '1="eth0", link_selection:c0000201',
        DATA,
    ],
)
def test_sub_options_are_taken_as_table_or_text(value: object) -> None:
    assert AGENT.encode(value) == DATA
    assert AGENT.encode(AGENT.decode(DATA)) == DATA


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"circuit": "00"}, "circuit: there is no option 'circuit'; is 'circuit-id' meant"),
        ({"link-selection": "here"}, "link-selection: 'here' is not an IPv4 address"),
        ("circuit-id", "name=value"),
        ("link-selection=here", "link-selection: 'here' is not"),
        ("circuit-id:0g", "hexadecimal digits"),
        ({"circuit-id": bytes(256)}, "at most 255 fit"),
        ({300: b""}, "codes are 0 to 255"),
        ([1, 2], "not a table"),
        (5, "not a table"),
    ],
)
def test_what_is_no_sub_option_is_told(value: object, problem: str) -> None:
    with pytest.raises(EncodeError) as raised:
        AGENT.encode(value)
    assert problem in str(raised.value)


def test_a_code_of_two_bytes_reaches_further() -> None:
    kind = Encapsulated("svc-params", number_size=2)
    assert kind.encode({300: b"ab"}) == b"\x01\x2c\0\2ab"
    assert kind.decode(b"\x01\x2c\0\2ab")[0].code == 300
    with pytest.raises(WireError):
        kind.decode(b"\x01\x2c\0")


def test_the_relay_agents_numbers_0_and_255_are_no_marks() -> None:
    assert [option.code for option in AGENT.decode(b"\0\1a\xff\0")] == [0, 255]


def test_a_vendors_pads_and_end_are_no_sub_options() -> None:
    assert [option.code for option in VENDOR.decode(b"\0\1\1a\0\xff\0\0")] == [1]
    for code in (0, 255):
        with pytest.raises(EncodeError, match="pad and end"):
            VENDOR.encode({code: b""})


def test_a_vendors_own_bytes_stay_bytes() -> None:
    assert VENDOR.decode(b"192.0.2.1") == b"192.0.2.1"
    assert VENDOR.parse_text("0x3139") == b"19"
    assert VENDOR.parse_text("0x010161") == VENDOR.decode(b"\1\1a")
    assert VENDOR.encode(b"any") == b"any"
    with pytest.raises(EncodeError, match="after 0x"):
        VENDOR.parse_text("0x3")


@pytest.mark.parametrize(
    "value",
    [
        [{"enterprise": 3561, "options": {"serial-number": "1"}}],
        [[3561, {"serial-number": "1"}]],
        ["3561 serial-number=1"],
        "3561 {serial-number=1}",
        "3561 2=1",
    ],
)
def test_a_vendors_options_are_taken_with_its_number(value: object) -> None:
    assert IDENTIFIED.encode(value) == b"\0\0\x0d\xe9\3\2\x011"
    (vendor,) = IDENTIFIED.decode(b"\0\0\x0d\xe9\3\2\x011")
    assert isinstance(vendor, VendorOptions)
    assert isinstance(vendor.options, SubOptions)
    assert vendor.options.get("serial-number").value == "1"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "value", [5, "3561", "x 1=00", [{"enterprise": 1}], [[1 << 32, {}]], [[1]], [[9, {1: bytes(254)}]]]
)
def test_what_is_no_vendors_options_is_told(value: object) -> None:
    with pytest.raises(EncodeError):
        IDENTIFIED.encode(value)


def test_an_allocation_holds_sub_options() -> None:
    value = REGISTRY.spec("subnet-allocation").decode(b"\0\3\3lab")
    assert isinstance(value, SubnetAllocation)
    assert value.options[0].value == "lab"
