from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any

import pytest

from dhcpcallout.errors import EncodeError, WireError
from dhcpcallout.wire.types.addresses import Address
from dhcpcallout.wire.types.composite import Array, LengthPrefixed, Record, plain_tuple
from dhcpcallout.wire.types.integers import Integer
from dhcpcallout.wire.types.strings import Opaque, Text

ADDRESSES = (IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2"))
ADDRESS_BYTES = b"\xc0\0\2\1\xc0\0\2\2"


@dataclass(frozen=True)
class Point:
    far_x: int
    y: int
    label: str = ""


POINT = Record(Point, [("far_x", Integer(8)), ("y", Integer(16)), ("label", Text(min_size=0))], defaults={"label": ""})
PAIR = Record(plain_tuple, [("", Integer(8)), ("", Integer(8))], named=False)


@pytest.mark.parametrize(
    "value",
    [
        ADDRESSES,
        list(ADDRESSES),
        ["192.0.2.1", "192.0.2.2"],
        "192.0.2.1, 192.0.2.2",
        "192.0.2.1,192.0.2.2",
        ADDRESS_BYTES,
    ],
)
def test_a_list_is_taken_as_a_list_or_a_text(value: object) -> None:
    assert Array(Address()).encode(value) == ADDRESS_BYTES
    assert Array(Address()).decode(ADDRESS_BYTES) == ADDRESSES


@pytest.mark.parametrize("value", ["192.0.2.1", IPv4Address("192.0.2.1"), 0xC0000201])
def test_one_value_is_a_list_of_one(value: object) -> None:
    assert Array(Address()).encode(value) == ADDRESS_BYTES[:4]


def test_a_list_needs_the_items_that_it_needs() -> None:
    empties: tuple[Any, ...] = ("", [], ())
    for empty in empties:
        with pytest.raises(EncodeError, match="at least 1"):
            Array(Address()).encode(empty)
        assert Array(Address(), min_items=0).encode(empty) == b""
    with pytest.raises(WireError, match="at least 1"):
        Array(Address()).decode(b"")


def test_no_list_can_be_made_of_what_has_no_end() -> None:
    with pytest.raises(TypeError, match="does not end by itself"):
        Array(Text())


@pytest.mark.parametrize(
    "value",
    [
        Point(1, 2),
        (1, 2, ""),
        {"far_x": 1, "y": 2},
        {"far-x": "1", "y": 2, "label": ""},
        "1 2",
        '1 2 ""',
        "far-x=1 y=2",
        "y=2 far-x=1",
        "far-x=1 2",
        b"\1\0\2",
    ],
)
def test_a_record_is_taken_as_value_list_table_or_text(value: object) -> None:
    assert POINT.encode(value) == b"\1\0\2"
    assert POINT.decode(b"\1\0\2") == Point(1, 2)


def test_a_record_names_its_fields_and_leaves_out_defaults() -> None:
    assert POINT.to_text(Point(1, 2)) == "far-x=1 y=2"
    assert POINT.to_text(Point(1, 2, "a b")) == 'far-x=1 y=2 label="a b"'
    assert POINT.parse_text('far-x=1 y=2 label="a b"') == Point(1, 2, "a b")
    assert PAIR.to_text((1, 2)) == "1 2"
    assert PAIR.parse_text("1 2") == (1, 2)


@pytest.mark.parametrize(
    "value", ["1", "1 2 3 4", "far-x=1 far-x=2", "1 y=2 y=3", {"far_x": 1}, {"z": 1}, (1, 2), 5, None]
)
def test_what_is_no_such_record_is_answered_with_its_fields(value: object) -> None:
    with pytest.raises(EncodeError, match=r"far-x \(uint8\), y \(uint16\), label \(string\)"):
        POINT.encode(value)


@pytest.mark.parametrize(("data", "offset"), [(b"", 0), (b"\1", 1), (b"\1\0", 1)])
def test_a_record_cut_short_is_malformed_where_it_ends(data: bytes, offset: int) -> None:
    with pytest.raises(WireError) as raised:
        POINT.decode(data)
    assert raised.value.offset == offset


def test_records_in_a_list_end_by_themselves() -> None:
    kind = Array(PAIR)
    assert kind.decode(b"\1\2\3\4") == ((1, 2), (3, 4))
    assert kind.encode([(1, 2), "3 4"]) == b"\1\2\3\4"
    assert kind.to_text(((1, 2), (3, 4))) == "1 2, 3 4"
    assert not POINT.delimited
    with pytest.raises(WireError) as raised:
        kind.decode(b"\1\2\3")
    assert raised.value.offset == 3


def test_a_length_stands_before_a_value() -> None:
    kind = Array(LengthPrefixed(Text()))
    assert kind.decode(b"\1a\2bc") == ("a", "bc")
    assert kind.encode(["a", b"bc"]) == b"\1a\2bc"
    assert LengthPrefixed(Text(), length_size=2).encode("a") == b"\0\1a"
    assert LengthPrefixed(Opaque(), counted=2).encode(b"a") == b"\3a"
    assert LengthPrefixed(Array(Address()), unit=4).encode(ADDRESSES) == b"\2" + ADDRESS_BYTES
    assert LengthPrefixed(Array(Address()), unit=4).decode(b"\2" + ADDRESS_BYTES) == ADDRESSES


@pytest.mark.parametrize(("data", "offset"), [(b"", 0), (b"\2a", 0), (b"\1ab", 2), (b"\0", 1)])
def test_a_wrong_length_is_malformed(data: bytes, offset: int) -> None:
    with pytest.raises(WireError) as raised:
        LengthPrefixed(Text()).decode(data)
    assert raised.value.offset == offset


def test_a_length_that_does_not_count_what_it_must_is_malformed() -> None:
    with pytest.raises(WireError):
        LengthPrefixed(Opaque(), counted=2).decode(b"\1")


def test_a_value_too_long_for_its_length_is_told() -> None:
    assert len(LengthPrefixed(Text()).encode("a" * 255)) == 256
    with pytest.raises(EncodeError, match="at most 255"):
        LengthPrefixed(Text()).encode("a" * 256)
    with pytest.raises(EncodeError, match="at most 253"):
        LengthPrefixed(Opaque(), counted=2).encode(bytes(254))


def test_nothing_is_rebuilt_where_no_sub_options_are() -> None:
    spaces: dict[str, Any] = {}
    for kind in (Array(Address()), POINT, LengthPrefixed(Text())):
        assert kind.bind(spaces) is kind
