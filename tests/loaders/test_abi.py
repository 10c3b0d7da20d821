import struct
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpcallout import hooks
from dhcpcallout.loaders.abi import DECLARATIONS, ROWS, SERVER_OPTIONS_SIZE, ServerOptions, multi_sz, server_options
from dhcpcallout.testing.strategies import packets
from dhcpcallout.wire import Packet, encode, scan

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


FIELDS = {
    "MessageType": "P", "SubnetMask": "P", "RequestedAddress": "P", "RequestLeaseTime": "P", "OverlayFields": "P",
    "RouterAddress": "P", "Server": "P", "ParameterRequestList": "P", "ParameterRequestListLength": "I",
    "MachineName": "P", "MachineNameLength": "I", "ClientHardwareAddressType": "B", "ClientHardwareAddressLength": "B",
    "ClientHardwareAddress": "P", "ClassIdentifier": "P", "ClassIdentifierLength": "I", "VendorClass": "P",
    "VendorClassLength": "I", "DNSFlags": "I", "DNSNameLength": "I", "DNSName": "P", "DSDomainNameRequested": "B",
    "DSDomainName": "P", "DSDomainNameLen": "I", "ScopeId": "P",
}  # fmt: skip


def read(image: bytes, name: str) -> int:
    """A field by the C compiler's layout."""
    names = list(FIELDS)
    number: int = struct.unpack_from("@" + "".join(FIELDS.values()), image)[names.index(name)]
    return number


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


options_fields = st.lists(
    st.one_of(
        st.just(b"\0"),
        st.just(b"\xff"),
        st.sampled_from([b"\x34\x01\x01", b"\x34\x01\x02", b"\x34\x01\x03", b"\x34\x00"]),
        st.builds(
            lambda code, value, lie: bytes((code, (len(value) + lie) & 0xFF)) + value,
            st.sampled_from([1, 3, 12, 50, 51, 53, 54, 55, 60, 61, 77, 81, 224]),
            st.binary(max_size=8),
            st.sampled_from([0, 0, 0, 0, 0, 0, 1, -1]),
        ),
        st.binary(max_size=3),
    ),
    max_size=12,
).map(b"".join)
"""Options with every kind of damage, most of them of interest to the structure."""

messages = st.builds(
    lambda header, sname, file, cookie, options: (
        bytes(header) + bytes(40) + sname[:64].ljust(64, b"\0") + file[:128].ljust(128, b"\0") + cookie + options
    ),
    st.tuples(st.just(1), st.integers(0, 255), st.integers(0, 18), st.just(0)),
    options_fields,
    options_fields,
    st.sampled_from([b"\x63\x82\x53\x63"] * 5 + [b"", b"\x63\x82\x53\x64"]),
    options_fields,
)


@given(messages | packets().map(Packet.encode))
def test_the_structure_says_what_the_wires_scan_says(data: bytes) -> None:
    image = server_options(data, BASE)
    if data[2] > 16:
        assert image == bytes(SERVER_OPTIONS_SIZE)
        return
    first: dict[int, tuple[int, bytes]] = {}
    for option in scan(data).options:
        if not option.cut:
            first.setdefault(option.code, (option.offset, option.data))
    values = dict.fromkeys(FIELDS, 0)
    values["ClientHardwareAddressType"], values["ClientHardwareAddressLength"] = data[1], data[2]
    values["ClientHardwareAddress"] = BASE + 28 if data[2] else 0
    for code, name, least, length in (
        (1, "SubnetMask", 4, None),
        (3, "RouterAddress", 4, None),
        (12, "MachineName", 0, "MachineNameLength"),
        (50, "RequestedAddress", 4, None),
        (51, "RequestLeaseTime", 4, None),
        (52, "OverlayFields", 1, None),
        (53, "MessageType", 1, None),
        (54, "Server", 4, None),
        (55, "ParameterRequestList", 0, "ParameterRequestListLength"),
        (60, "VendorClass", 0, "VendorClassLength"),
        (77, "ClassIdentifier", 0, "ClassIdentifierLength"),
    ):
        if code in first and len(first[code][1]) >= least:
            values[name] = BASE + first[code][0] + 2
            if length is not None:
                values[length] = len(first[code][1])
    for code, least, pointer, length, number in (
        (61, 2, "ClientHardwareAddress", "ClientHardwareAddressLength", "ClientHardwareAddressType"),
        (81, 3, "DNSName", "DNSNameLength", "DNSFlags"),
    ):
        if code in first and len(first[code][1]) >= least:
            before = 1 if code == 61 else 3
            offset, value = first[code]
            values[pointer], values[length], values[number] = BASE + offset + 2 + before, len(value) - before, value[0]
    assert {name: read(image, name) for name in FIELDS} == values


def laid_out(options: bytes, file: bytes = b"", sname: bytes = b"") -> bytes:
    return HEADER[:44] + sname.ljust(64, b"\0") + file.ljust(128, b"\0") + HEADER[236:] + options


@pytest.mark.parametrize(
    "message",
    [
        laid_out(b"\x35\x01\x01\x3d\x03\x01ab\0\0\x51\x04\x01\0\0h\xff\0\0"),
        laid_out(b"\x34\x01\x03\x0c\x01a\xff", b"\x0c\x01b\x3c\x01m\xff", b"\x03\x04\x0a\0\0\1\xff"),
        laid_out(b"\x34\0\x34\x01\x01\x37\x09ab", b"\x3d\x02\x01a\xff"),
        HEADER[:238],
    ],
    ids=["plain", "overloaded", "cut short", "no options"],
)
def test_what_is_remembered_of_a_layout_is_what_is_read_of_the_message(message: bytes) -> None:
    remembering = ServerOptions(BASE)
    for at in range(len(message)):
        for byte in (0, 1, 2, 12, 52, 53, 255, message[at] ^ 1):
            changed = message[:at] + bytes((byte,)) + message[at + 1 :]
            for data in (message, changed):
                assert remembering.image(data) == server_options(data, BASE)


def test_a_flood_of_layouts_is_not_remembered_for_good() -> None:
    remembering = ServerOptions(BASE)
    for size in range(300):
        data = HEADER + b"\x35\x01\x01\x0c" + bytes((size % 256,)) + bytes(size) + b"\xff"
        assert remembering.image(data) == server_options(data, BASE)
    assert len(remembering._layouts) <= 64
    long = HEADER + bytes(3000) + b"\x35\x01\x01\xff"
    assert remembering.image(long) == remembering.image(long) == server_options(long, BASE)
    assert all(len(layout) < 3000 for layout in remembering._layouts)
