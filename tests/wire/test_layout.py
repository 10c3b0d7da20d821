import pytest

from dhcpcallout.wire.layout import Layout, encode_option, fit


def test_a_value_is_cut_at_255_bytes() -> None:
    assert encode_option(12, b"") == b"\x0c\x00"
    assert encode_option(12, bytes(255)) == b"\x0c\xff" + bytes(255)
    assert encode_option(12, bytes(256)) == b"\x0c\xff" + bytes(255) + b"\x0c\x01\x00"


def test_all_room_of_all_fields_can_be_used() -> None:
    # 53, 52 and the three ends take 9 bytes; each of three parts two more.
    room = 60
    size = room + 128 + 64 - 3 - 3 - 3 - 3 * 2
    layout = fit([(53, b"\5"), (43, bytes(size))], room, file=True, sname=True)
    assert layout.omitted == ()
    assert (len(layout.options), len(layout.file or b""), len(layout.sname or b"")) == (60, 128, 64)
    assert fit([(53, b"\5"), (43, bytes(size + 1))], room, file=True, sname=True).omitted == (43,)


def test_an_option_is_kept_whole_where_a_field_can_hold_it() -> None:
    layout = fit([(53, b"\5"), (43, b"a" * 30), (60, b"b" * 30)], 60, file=True, sname=True)
    assert layout == Layout(
        b"\x35\x01\x05\x34\x01\x01" + b"\x2b\x1e" + b"a" * 30 + b"\xff", b"\x3c\x1e" + b"b" * 30 + b"\xff", None, ()
    )


@pytest.mark.parametrize("size", [0, 1, 253, 254, 255, 256, 257, 509, 510, 511, 512, 765])
def test_an_option_fits_exactly_the_room_that_it_takes(size: int) -> None:
    option = (12, bytes(size))
    needed = len(encode_option(*option)) + 1
    assert fit([option], needed, file=False, sname=False).omitted == ()
    assert fit([option], needed - 1, file=False, sname=False).omitted == (12,)


def test_an_option_that_fills_a_field_is_kept_whole_there() -> None:
    layout = fit([(53, b"\5"), (43, b"a" * 125)], 40, file=True, sname=True)
    assert layout.file == b"\x2b\x7d" + b"a" * 125 + b"\xff"
    assert layout.sname is None
    assert layout.options == b"\x35\x01\x05\x34\x01\x01\xff"


def test_the_overload_comes_first_where_there_is_no_message_type() -> None:
    layout = fit([(1, bytes(4)), (43, b"a" * 100)], 20, file=True, sname=False)
    assert layout.options == b"\x34\x01\x01\x01\x04\0\0\0\0\xff"
    assert fit([], 4, file=True, sname=True) == Layout(b"\xff", None, None, ())


def test_option_52_is_never_left_out_of_an_overloaded_message() -> None:
    for room in range(1, 8):
        layout = fit([(53, b"\5"), (43, b"a" * 100)], room, file=True, sname=True)
        assert len(layout.options) <= room
        assert (layout.file is None) == (b"\x34\x01" not in layout.options)


@pytest.mark.parametrize("code", [53, 82, 54, 51, 50, 61, 80, 118, 90])
def test_what_a_message_needs_is_placed_before_what_it_may_have(code: int) -> None:
    layout = fit([(1, bytes(4)), (code, bytes(4)), (6, bytes(4))], 13, file=False, sname=False)
    assert layout.omitted == (6,)
    assert fit([(1, bytes(4)), (code, bytes(4))], 7, file=False, sname=False).omitted == (1,)


def test_room_of_a_single_byte_is_no_room() -> None:
    # 7 bytes after 53, 52 and the end are one too few for the six of a value and its code and length.
    layout = fit([(53, b"\5"), (43, bytes(255))], 8, file=True, sname=False)
    assert layout.omitted == (43,)
    assert len(layout.options) <= 8
