from enum import IntEnum, IntFlag

import pytest

from dhcpcallout.codes import MessageType
from dhcpcallout.errors import EncodeError, WireError
from dhcpcallout.wire.types.integers import Boolean, Flags, Integer, Named


class Colour(IntEnum):
    DARK_RED = 1
    BLUE = 4


class Bits(IntFlag):
    FIRST = 1
    LAST_ONE = 0x80


@pytest.mark.parametrize(
    ("kind", "number", "data"),
    [
        (Integer(8), 255, b"\xff"),
        (Integer(16), 0x102, b"\1\2"),
        (Integer(32), 0x01020304, b"\1\2\3\4"),
        (Integer(64), 0x0102030405060708, b"\1\2\3\4\5\6\7\x08"),
        (Integer(8, signed=True), -2, b"\xfe"),
        (Integer(16, signed=True), -2, b"\xff\xfe"),
        (Integer(32, signed=True), -2, b"\xff\xff\xff\xfe"),
    ],
)
def test_numbers_are_in_network_byte_order(kind: Integer, number: int, data: bytes) -> None:
    assert kind.decode(data) == number
    assert kind.encode(number) == kind.encode(str(number)) == kind.encode(hex(number)) == data
    assert kind.parse_text(kind.to_text(number)) == number
    assert kind.decode_many(data * 2) == (number, number)


@pytest.mark.parametrize("value", [-1, 256, True, 1.5, "", "one", "1 2", None, []])
def test_what_is_no_number_of_that_width_is_told(value: object) -> None:
    with pytest.raises(EncodeError, match="from 0 to 255"):
        Integer(8).encode(value)


def test_numbers_of_another_size_are_malformed() -> None:
    with pytest.raises(WireError, match="3 bytes; uint32 has 4"):
        Integer(32).decode(bytes(3))
    with pytest.raises(WireError) as raised:
        Integer(16).decode_many(bytes(5))
    assert raised.value.offset == 4


def test_names_stand_for_numbers() -> None:
    kind = Named(Colour)
    assert kind.decode(b"\1") is Colour.DARK_RED
    assert kind.encode("dark-red") == kind.encode("DARK_RED") == kind.encode(Colour.DARK_RED) == kind.encode(1) == b"\1"
    assert kind.to_text(1) == "dark-red"
    assert kind.parse_text("blue") is Colour.BLUE
    assert kind.parse_text("4") is Colour.BLUE
    assert Named(MessageType).parse_text("NAK") is MessageType.NAK


def test_a_number_without_a_name_stays_a_number() -> None:
    kind = Named(Colour, bits=16)
    assert kind.decode(b"\1\0") == 256
    assert not isinstance(kind.decode(b"\1\0"), Colour)
    assert kind.to_text(256) == "256"
    assert kind.parse_text("256") == 256


def test_an_unknown_name_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(EncodeError, match="or one of dark-red, blue"):
        Named(Colour).encode("green")


def test_flags_are_words_joined_by_plus() -> None:
    kind = Flags(Bits)
    assert kind.decode(b"\x81") == Bits.FIRST | Bits.LAST_ONE
    assert kind.to_text(0x81) == "first+last-one"
    assert kind.parse_text("last-one + first") == 0x81
    assert kind.encode(Bits.LAST_ONE) == b"\x80"
    assert kind.to_text(0) == "0"


def test_bits_without_a_word_are_kept() -> None:
    kind = Flags(Bits)
    assert kind.to_text(kind.decode(b"\x07")) == "first+6"
    assert kind.parse_text("first+6") == 7
    assert kind.encode(kind.decode(b"\x7e")) == b"\x7e"
    assert kind.decode_many(b"\1\2") == (1, 2)


def test_an_unknown_flag_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(EncodeError, match=r"first \+ last-one"):
        Flags(Bits).encode("first+middle")


@pytest.mark.parametrize("value", [True, 1, "true", "Yes", "on", " 1 "])
def test_what_is_true(value: object) -> None:
    assert Boolean().encode(value) == b"\1"


@pytest.mark.parametrize("value", [False, 0, "false", "No", "off", "0"])
def test_what_is_false(value: object) -> None:
    assert Boolean().encode(value) == b"\0"


@pytest.mark.parametrize("value", [2, "maybe", None, ""])
def test_what_is_neither(value: object) -> None:
    with pytest.raises(EncodeError, match="true or false"):
        Boolean().encode(value)


def test_a_boolean_is_one_byte_0_or_1() -> None:
    assert Boolean().decode(b"\1") is True
    assert Boolean().decode(b"\0") is False
    for data in (b"", b"\2", b"\0\0"):
        with pytest.raises(WireError):
            Boolean().decode(data)
