import pytest

from dhcpcallout.errors import EncodeError, WireError
from dhcpcallout.wire.types.base import Empty, shifted
from dhcpcallout.wire.types.integers import Integer
from dhcpcallout.wire.types.strings import Text


def test_presence_is_true_and_takes_no_bytes() -> None:
    empty = Empty()
    assert empty.decode(b"") is True
    assert empty.encode(True) == empty.encode("true") == empty.encode(b"") == b""
    assert empty.parse_text(empty.to_text(True)) is True


@pytest.mark.parametrize("value", [False, "false", None, 1])
def test_presence_cannot_be_anything_but_true(value: object) -> None:
    with pytest.raises(EncodeError, match="left out"):
        Empty().encode(value)


def test_bytes_are_what_stands_on_the_wire_already() -> None:
    assert Integer(16).encode(b"\1\2") == Integer(16).encode(bytearray(b"\1\2")) == b"\1\2"
    assert Text().encode(b"web\0") == b"web\0"


def test_bytes_that_cannot_be_read_back_are_refused() -> None:
    with pytest.raises(EncodeError, match="010203: byte 0: 3 bytes; uint16 has 2"):
        Integer(16).encode(b"\1\2\3")


def test_a_value_that_ends_by_itself_is_read_from_within() -> None:
    assert Integer(16).read(b"\0\1\2\3", 1) == (0x102, 3)
    with pytest.raises(WireError) as raised:
        Integer(16).read(b"\0\1\2", 2)
    assert raised.value.offset == 2


def test_a_value_that_goes_to_the_end_is_not_read_from_within() -> None:
    assert not Text().delimited
    with pytest.raises(TypeError, match="string"):
        Text().read(b"a", 0)


def test_an_inner_error_counts_from_the_outer_start() -> None:
    error = shifted(WireError("wrong", offset=3), 4)
    assert (error.message, error.offset, error.code) == ("wrong", 7, None)
