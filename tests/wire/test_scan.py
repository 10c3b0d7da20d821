from typing import Any

import pytest

from dhcpcallout.errors import WireError
from dhcpcallout.wire import Packet, encode, scan


def test_each_vector_has_the_size_and_the_provenance_that_it_says(vector: Any) -> None:
    assert len(vector.data) == vector.expected["size"]
    assert "RFC" in vector.expected["source"]


def test_the_header_is_read_field_by_field(message: Any) -> None:
    scanned = scan(message.data)
    assert {name: getattr(scanned, name) for name in message.header} == message.header


def test_options_are_listed_as_they_stand_with_their_area_and_offset(message: Any) -> None:
    assert list(map(tuple, scan(message.data).options)) == message.wire


def test_an_offset_points_at_the_code_in_the_message(message: Any) -> None:
    for option in scan(message.data).options:
        assert message.data[option.offset] == option.code
        assert message.data[option.offset + 2 :].startswith(option.data)


def test_what_is_wrong_is_listed_with_code_and_offset(message: Any) -> None:
    assert [(error.code, error.offset) for error in scan(message.data).errors] == message.errors


def test_what_is_no_message_raises_at_its_offset(no_message: Any) -> None:
    with pytest.raises(WireError) as caught:
        scan(no_message.data)
    assert caught.value.offset == no_message.expected["fatal_offset"]


def test_the_cookie_is_told_from_an_opaque_vendor_area() -> None:
    data = encode(Packet()).data
    assert scan(data).cookie
    assert not scan(data[:236] + bytes(64)).cookie
    assert not scan(data[:239]).cookie


def test_any_bytes_like_object_is_read() -> None:
    data = encode(Packet(options={53: b"\1"})).data
    assert scan(bytearray(data)) == scan(memoryview(data)) == scan(data)


def test_addresses_are_given_as_addresses_too() -> None:
    scanned = scan(encode(Packet(ciaddr="10.0.0.1", yiaddr="10.0.0.2", siaddr="10.0.0.3", giaddr="10.0.0.4")).data)
    addresses = (scanned.ciaddr, scanned.yiaddr, scanned.siaddr, scanned.giaddr)
    assert tuple(map(str, addresses)) == ("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4")
