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


def test_room_of_a_single_byte_is_no_room() -> None:
    # 7 bytes after 53, 52 and the end are one too few for the six of a value and its code and length.
    layout = fit([(53, b"\5"), (43, bytes(255))], 8, file=True, sname=False)
    assert layout.omitted == (43,)
    assert len(layout.options) <= 8
