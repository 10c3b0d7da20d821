import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpcallout import hooks
from dhcpcallout.loaders.abi import DECLARATIONS, ROWS, SERVER_OPTIONS_SIZE, multi_sz, server_options
from dhcpcallout.wire import Packet, encode

POINTER = 8 if sys.maxsize > 1 << 32 else 4
BASE = 1 << 20
HEADER = bytes([1, 1, 6, 0]) + bytes(232) + b"\x63\x82\x53\x63"
# Offsets of x64 and x86 from the documentation of DHCP_SERVER_OPTIONS.
OFFSETS = {
    "MessageType": (0, 0),
    "MachineName": (72, 36),
    "MachineNameLength": (80, 40),
    "ClientHardwareAddressType": (84, 44),
    "ClientHardwareAddressLength": (85, 45),
    "ClientHardwareAddress": (88, 48),
    "RouterAddress": (40, 20),
    "DNSFlags": (124, 68),
    "DNSNameLength": (128, 72),
    "DNSName": (136, 76),
}


def field(image: bytes, name: str, size: int = POINTER) -> int:
    offset = OFFSETS[name][0 if POINTER == 8 else 1]
    return int.from_bytes(image[offset : offset + size], sys.byteorder)


def test_there_is_a_row_for_each_slot_in_the_tables_order() -> None:
    assert tuple(row.slot for row in ROWS) == hooks.ABI_SLOTS


def test_the_declared_table_has_ten_members_in_order() -> None:
    names = [row.member for row in ROWS] + ["DhcpExtensionHook", "DhcpReservedHook"]
    places = [DECLARATIONS.index(name) for name in names]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ((), "\0\0"),
        (("a.dll",), "a.dll\0\0"),
        (("a.dll", "b.dll"), "a.dll\0b.dll\0\0"),
        (("ü𝄞",), "ü𝄞\0\0"),
    ],
)
def test_names_become_a_multi_sz(names: tuple[str, ...], text: str) -> None:
    assert multi_sz(names) == text.encode("utf-16")[2:]


@given(st.lists(st.text(st.characters(exclude_characters="\0"), min_size=1)))
def test_a_multi_sz_reads_back(names: list[str]) -> None:
    text = multi_sz(names).decode("utf-16-le" if sys.byteorder == "little" else "utf-16-be", "surrogatepass")
    assert text.endswith("\0\0")
    assert [name for name in text.split("\0") if name] == names


def test_a_name_with_a_lone_surrogate_is_carried() -> None:
    assert multi_sz(["\udcff"]) == 0xDCFF.to_bytes(2, sys.byteorder) + bytes(4)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(b"", id="no end option"),
        pytest.param(b"\x0c\x09host\xff", id="cut short"),
        pytest.param(b"\x03\x03\x0a\x00\x00\xff", id="router of three bytes"),
        pytest.param(b"\x3d\x01\x01\xff", id="client identifier of one byte"),
        pytest.param(b"\x51\x02\x00\x00\xff", id="client FQDN of two bytes"),
        pytest.param(b"\x35\x00\xff", id="message type of no byte"),
    ],
)
def test_a_malformed_option_counts_as_absent(options: bytes) -> None:
    assert server_options(HEADER + options, BASE) == server_options(HEADER + b"\xff", BASE)


@pytest.mark.parametrize("data", [b"", bytes(235), b"\x01\x01\x11" + bytes(300)])
def test_what_is_no_message_has_no_options(data: bytes) -> None:
    assert server_options(data, BASE) == bytes(SERVER_OPTIONS_SIZE)


def test_the_first_of_a_repeated_option_counts() -> None:
    image = server_options(HEADER + b"\x0c\x03one\x0c\x05three\xff", BASE)
    assert field(image, "MachineName") == BASE + 242
    assert field(image, "MachineNameLength", 4) == 3


def test_an_empty_option_has_a_pointer_and_no_length() -> None:
    image = server_options(HEADER + b"\x0c\x00\xff", BASE)
    assert field(image, "MachineName") == BASE + 242
    assert field(image, "MachineNameLength", 4) == 0


def test_an_option_in_an_overloaded_field_is_pointed_to_there() -> None:
    message = bytearray(HEADER + b"\x34\x01\x03\xff")
    message[108:116] = b"\x03\x04\x0a\x00\x00\x01\xff\x00"
    message[44:52] = b"\x0c\x04host\xff\x00"
    image = server_options(bytes(message), BASE)
    assert field(image, "RouterAddress") == BASE + 110
    assert field(image, "MachineName") == BASE + 46


def test_a_hardware_address_of_no_bytes_is_null() -> None:
    image = server_options(encode(Packet(chaddr=b"", options={53: b"\x01"})).data, BASE)
    assert field(image, "ClientHardwareAddress") == 0
    assert field(image, "ClientHardwareAddressType", 1) == 1


@given(st.binary(max_size=300))
def test_every_pointer_points_into_the_message(tail: bytes) -> None:
    data = HEADER + tail
    image = server_options(data, BASE)
    for name in ("MessageType", "MachineName", "RouterAddress", "DNSName", "ClientHardwareAddress"):
        assert field(image, name) == 0 or BASE <= field(image, name) <= BASE + len(data)
    for pointer, length in (("MachineName", "MachineNameLength"), ("DNSName", "DNSNameLength")):
        assert field(image, pointer) + field(image, length, 4) <= BASE + len(data)
