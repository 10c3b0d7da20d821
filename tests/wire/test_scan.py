from dhcpcallout.wire import Packet, RawOption, encode, scan


def test_options_are_listed_one_by_one_with_their_offsets() -> None:
    data = encode(Packet(chaddr=b"\2\0\0\0\0\1", options={53: b"\1", 12: b"host"})).data
    assert scan(data).options == (
        RawOption(53, b"\1", "options", 240, False),
        RawOption(12, b"host", "options", 243, False),
    )
