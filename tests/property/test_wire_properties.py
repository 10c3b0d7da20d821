"""The codec's promises, over messages of every kind and over bytes of every kind.

``check_message`` and ``check_value`` are also what tests/fuzz runs, so they import no more of the tests than this.
"""

import time
import timeit
from collections.abc import Callable
from typing import Any

import dpkt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpcallout.errors import WireError
from dhcpcallout.testing.strategies import any_packets, bootp_packets, hostile_bytes, option_values, packets
from dhcpcallout.wire import REGISTRY, Packet, check, decode, encode, scan


def outcome(call: Callable[[], Any]) -> tuple[Any, WireError | None]:
    """What a call returns, or the ``WireError`` that it raises."""
    try:
        return call(), None
    except WireError as error:
        return None, error


def check_message(data: bytes) -> None:
    """Any bytes give a packet or a ``WireError``, and all readers and the encoder agree on what it says."""
    packet, fatal = outcome(lambda: decode(data))
    if fatal is not None:
        assert 0 <= fatal.offset <= len(data)
        others = (outcome(lambda: scan(data)), outcome(lambda: check(data)), outcome(lambda: decode(data, strict=True)))
        assert [str(error) for _, error in others] == [str(fatal)] * 3
        return
    scanned = scan(data)
    assert (packet.xid, packet.chaddr, packet.errors) == (scanned.xid, scanned.chaddr, packet.errors)
    joined: dict[int, bytes] = {}
    for option in scanned.options:
        assert data[option.offset] == option.code
        assert data[option.offset + 2 : option.offset + 2 + len(option.data)] == option.data
        joined[option.code] = joined.get(option.code, b"") + option.data
    for option in scanned.options:
        if option.cut:
            joined.pop(option.code, None)
    assert packet.options == joined

    errors = check(data)
    assert [str(error) for error in errors[: len(packet.errors)]] == [str(error) for error in packet.errors]
    assert all(0 <= error.offset <= len(data) for error in errors)
    strict, first = outcome(lambda: decode(data, strict=True))
    assert str(first) == str(errors[0]) if errors else strict == packet

    encoded = encode(packet)
    again = decode(encoded.data)
    assert again == packet
    assert not again.errors
    assert encode(again) == encoded
    check_fitting(packet, 548)


def check_fitting(packet: Packet, max_size: int) -> None:
    """What fits is there, what does not is told, and the message type and option 82 are where they belong."""
    order = packet.options.get(55, b"")
    encoded = encode(packet, order=order, max_size=max_size)
    assert len(encoded.data) <= max_size
    decoded = decode(encoded.data)
    assert not decoded.errors
    wanted = {code: value for code, value in packet.options.items() if code not in (52, *encoded.omitted)}
    assert {code: value for code, value in decoded.options.items() if code != 52} == wanted
    assert set(encoded.omitted) <= packet.options.keys()
    codes = [option.code for option in scan(encoded.data).options if option.area == "options"]
    assert 53 not in codes[1:] or len(packet.options[53]) > 255
    assert 82 not in codes[:-1] or len(packet.options[82]) > 255
    listed = [code for code in codes if code in order and code not in (1, 52, 53, 82)]
    assert listed == sorted(listed, key=order.index)
    assert (decoded.sname, decoded.file) in (
        (packet.sname, packet.file),
        (packet.sname, b""),
        (b"", packet.file),
        (b"", b""),
    )
    assert packet.sname in (b"", decoded.sname)
    assert packet.file in (b"", decoded.file)


def check_value(code: int, data: bytes) -> None:
    """An option's bytes give a value that survives bytes and text, or a ``WireError`` with its code and offset."""
    spec = REGISTRY.spec(code)
    value, error = outcome(lambda: spec.decode(data))
    if error is not None:
        assert error.code == code
        assert 0 <= error.offset <= len(data)
        return
    assert spec.decode(spec.encode(value)) == value
    text = spec.to_text(value)
    assert text.isprintable()
    assert spec.parse_text(text) == value


@given(packets() | bootp_packets() | any_packets())
def test_what_is_encoded_is_what_is_decoded(packet: Packet) -> None:
    encoded = encode(packet)
    assert encoded.omitted == ()
    assert len(encoded.data) >= 300
    assert decode(encoded.data) == packet
    assert not decode(encoded.data).errors


@given(packets() | bootp_packets())
def test_well_formed_messages_pass_a_strict_decoding(packet: Packet) -> None:
    assert check(encode(packet).data) == ()


@given(packets() | any_packets(), st.integers(241, 1500))
def test_a_message_fits_its_maximum_and_tells_what_it_left_out(packet: Packet, max_size: int) -> None:
    check_fitting(packet, max_size)
    assert encode(packet, max_size=max_size) == encode(packet, max_size=max_size)


@given(packets())
def test_nothing_is_left_out_of_a_message_that_fits_576_bytes(packet: Packet) -> None:
    if len(encode(packet).data) <= 548:
        assert encode(packet, max_size=548) == encode(packet)


@given(st.data(), st.sampled_from([spec.code for spec in REGISTRY if spec.code != 52]))
def test_every_options_typed_value_survives_a_message(data: st.DataObject, code: int) -> None:
    value = data.draw(option_values(code))
    packet = Packet()
    packet.set(code, value)
    decoded = decode(encode(packet).data, strict=True)
    assert decoded.get(code) == value
    option = decoded.option(code)
    assert option is not None
    assert option.spec.parse_text(option.text) == value


@given(hostile_bytes(max_size=3000))
def test_any_bytes_give_a_packet_or_a_wire_error(data: bytes) -> None:
    check_message(data)


@given(st.integers(0, 255), st.binary(max_size=300))
def test_any_value_is_read_or_told_to_be_malformed(code: int, data: bytes) -> None:
    check_value(code, data)


@given(hostile_bytes(max_size=3000) | packets().map(lambda packet: encode(packet).data))
def test_dpkt_reads_the_same_where_it_can_read_at_all(data: bytes) -> None:
    try:
        theirs = dpkt.dhcp.DHCP(data)
    except (dpkt.UnpackError, IndexError):
        return
    try:
        ours = scan(data)
    except WireError:
        assert theirs.hln > 16
        return
    assert (theirs.op, theirs.hrd, theirs.hln, theirs.hops, theirs.xid, theirs.secs, theirs.flags) == ours[:7]
    assert (theirs.ciaddr, theirs.yiaddr, theirs.siaddr, theirs.giaddr, theirs.chaddr) == ours[7:12]
    if ours.sname is not None:
        assert theirs.sname.rstrip(b"\0") == ours.sname
    if ours.file is not None:
        assert theirs.file.rstrip(b"\0") == ours.file
    if ours.cookie:
        assert theirs.opts == [(option.code, option.data) for option in ours.options if option.area == "options"]


@given(any_packets())
def test_dpkt_reads_what_we_encode(packet: Packet) -> None:
    encoded = encode(packet)
    theirs = dpkt.dhcp.DHCP(encoded.data)
    joined: dict[int, bytes] = {}
    for code, value in theirs.opts:
        joined[code] = joined.get(code, b"") + value
    assert joined == packet.options


HEADER = encode(Packet(), min_size=0).data[:240]
SHAPES = {
    "empty options of one code": b"\x0c\x00",
    "one-byte options of one code": b"\x0c\x01a",
    "full options of one code": b"\x0c\xff" + bytes(255),
    "pads": b"\x00",
    "options of many codes": b"".join(bytes((code, 1, 7)) for code in range(1, 255) if code != 52),
    "overloads": b"\x34\x01\x03",
    "relay agent information": b"\x52\x04\x01\x02ab",
    "compressed names": b"\x77\x08\x03abc\x00\xc0\x00\xc0",
    "routes": b"\x79\x05\x00\x0a\x00\x00\x01",
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
@pytest.mark.parametrize(
    "read", [decode, scan, check, lambda data: encode(decode(data))], ids=["decode", "scan", "check", "encode"]
)
def test_time_is_linear_in_the_message(read: Callable[[bytes], object], shape: bytes) -> None:
    def seconds(size: int) -> float:
        data = (HEADER + shape * (size // len(shape)))[:size]
        # timeit keeps the garbage collector out, whose time depends on what the process holds besides.
        return min(timeit.repeat(lambda: read(data), timer=time.process_time, number=1, repeat=2))

    # Sizes beyond what a datagram holds, so that copying what was read so far for each option would show. Eight times
    # the bytes take 8 times as long if time is linear, and up to 64 times if not. What else the machine does can only
    # make a try look worse, so one good try of several will do.
    ratios = []
    for _ in range(6):
        ratios.append(seconds(1 << 18) / seconds(1 << 15))
        if ratios[-1] < 13:
            return
    pytest.fail(f"time grows by {ratios} when the size grows by 8")
