"""Frames of every link type and tunnel, built with dpkt or by hand, down to the datagram within."""

import struct
from ipaddress import IPv4Address

import dpkt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpcallout.transports.dissect import LINK_TYPES, MAX_FRAGMENTS, MAX_PENDING, Datagram, Dissector

PAYLOAD = bytes(range(256)) + b"a message's bytes"
SRC, DST = IPv4Address("192.0.2.1"), IPv4Address("198.51.100.2")
MAC = bytes(range(1, 7))
ETHERNET, RAW_IP = 1, 101


def udp(payload: bytes = PAYLOAD, src_port: int = 68, dst_port: int = 67) -> bytes:
    return struct.pack("!HHHH", src_port, dst_port, 8 + len(payload), 0) + payload


def ip(data: bytes, protocol: int = 17, **fields: int) -> bytes:
    return bytes(dpkt.ip.IP(src=SRC.packed, dst=DST.packed, p=protocol, len=20 + len(data), data=data, **fields))


def ip6(data: bytes, protocol: int) -> bytes:
    return struct.pack("!IHBB", 6 << 28, len(data), protocol, 64) + bytes(range(32)) + data


def ethernet(data: bytes, ethertype: int = 0x0800) -> bytes:
    return MAC + MAC[::-1] + struct.pack("!H", ethertype) + data


def wlan(control: int = 0x08, flags: int = 0x01, extra: bytes = b"", data: bytes | None = None) -> bytes:
    snap = b"\xaa\xaa\x03\0\0\0\x08\0" + ip(udp())
    return bytes((control, flags)) + bytes(22) + extra + (snap if data is None else data)


def dissect(link_type: int, *frames: bytes) -> list[Datagram]:
    dissector = Dissector()
    found = [
        datagram
        for number, frame in enumerate(frames, 1)
        for datagram in dissector.dissect(link_type, number, float(number), frame)
    ]
    return found + list(dissector.finish())


IP = ip(udp())
WRAPPED = {
    "ethernet": (ETHERNET, ethernet(IP)),
    "ethernet, padded": (ETHERNET, ethernet(IP) + bytes(18)),
    "802.3 with SNAP": (ETHERNET, ethernet(b"\xaa\xaa\x03\0\0\0\x08\0" + IP, 8 + len(IP))),
    **{
        f"VLAN as {ethertype:04x}": (ETHERNET, ethernet(b"\x20\x05\x08\0" + IP, ethertype))
        for ethertype in (0x8100, 0x88A8, 0x9100, 0x9200)
    },
    "VLAN in VLAN": (ETHERNET, ethernet(b"\0\x07\x81\0\0\x05\x08\0" + IP, 0x88A8)),
    "MPLS": (ETHERNET, ethernet(b"\0\x01\x20\x40\0\x02\x01\x40" + IP, 0x8847)),
    "MPLS, multicast": (ETHERNET, ethernet(b"\0\x02\x01\x40" + IP, 0x8848)),
    "MPLS pseudowire": (ETHERNET, ethernet(b"\0\x02\x01\x40\0\0\0\0" + ethernet(IP), 0x8847)),
    "PPPoE": (ETHERNET, ethernet(b"\x11\0\0\x01\x01\x22\0\x21" + IP, 0x8864)),
    "PPP": (9, b"\xff\x03\0\x21" + IP),
    "PPP, IPv6": (9, b"\0\x57" + ip6(IP, 4)),
    **{f"null, IPv6 as {family}": (0, bytes((family, 0, 0, 0)) + ip6(IP, 4)) for family in (10, 24, 28, 30)},
    "null, little-endian": (0, b"\x02\0\0\0" + IP),
    "null, big-endian": (0, b"\0\0\0\x02" + IP),
    "loopback": (108, b"\0\0\0\x02" + IP),
    "raw IP": (RAW_IP, IP),
    "raw IP, BSD's number": (12, IP),
    "raw IP, OpenBSD's number": (14, IP),
    "raw IPv4": (228, IP),
    "cooked": (113, bytes(14) + b"\x08\0" + IP),
    "cooked, 802.2": (113, bytes(14) + b"\0\x04\xaa\xaa\x03\0\0\0\x08\0" + IP),
    "cooked, VLAN": (113, bytes(14) + b"\x81\0\0\x05\x08\0" + IP),
    "cooked v2": (276, b"\x08\0" + bytes(18) + IP),
    "cooked v2, 802.2": (276, b"\0\x04" + bytes(18) + b"\xaa\xaa\x03\0\0\0\x08\0" + IP),
    "802.11": (105, wlan()),
    "802.11, QoS": (105, wlan(0x88, 0x01, bytes(2))),
    "802.11, QoS and HT control": (105, wlan(0x88, 0x81, bytes(6))),
    "802.11, four addresses": (105, wlan(0x08, 0x03, bytes(6))),
    "radiotap": (127, b"\0\0\x0c\0" + b"\xff" * 8 + wlan()),
    "IP options": (RAW_IP, b"\x46" + IP[1:2] + struct.pack("!H", len(IP) + 4) + IP[4:20] + bytes(4) + IP[20:]),
    "IP without a length": (RAW_IP, IP[:2] + b"\0\0" + IP[4:]),
    "UDP without a length": (RAW_IP, IP[:24] + b"\0\0" + IP[26:]),
    "IP in IP": (RAW_IP, ip(IP, 4)),
    "IPv4 in IPv6": (RAW_IP, ip6(IP, 4)),
    "IPv4 in IPv6 in IPv4": (RAW_IP, ip(ip6(IP, 4), 41)),
    **{
        f"IPv6 with extension header {number}": (RAW_IP, ip6(b"\x04\x01" + bytes(14) + IP, number))
        for number in (0, 43, 60)
    },
    "IPv4 in IPv6 in Ethernet, padded": (ETHERNET, ethernet(ip6(IP, 4), 0x86DD) + bytes(9)),
    "GRE": (RAW_IP, ip(b"\0\0\x08\0" + IP, 47)),
    "GRE with everything": (RAW_IP, ip(b"\xb0\0\x08\0" + bytes(12) + IP, 47)),
    "GRE, Ethernet within": (RAW_IP, ip(b"\0\0\x65\x58" + ethernet(IP), 47)),
    "ERSPAN I": (RAW_IP, ip(b"\0\0\x88\xbe" + ethernet(IP), 47)),
    "ERSPAN II": (RAW_IP, ip(b"\x10\0\x88\xbe" + bytes(4) + bytes(8) + ethernet(IP), 47)),
    "VXLAN": (ETHERNET, ethernet(ip(udp(b"\x08\0\0\0\0\0\x01\0" + ethernet(IP), 50000, 4789)))),
    "Geneve": (RAW_IP, ip(udp(b"\x01\0\x65\x58\0\0\x01\0" + bytes(4) + ethernet(IP), 50000, 6081))),
    "CAPWAP, 802.3": (RAW_IP, ip(udp(b"\0\x10\x02\0\0\0\0\0" + ethernet(IP), 50000, 5247))),
    "CAPWAP, 802.11": (RAW_IP, ip(udp(b"\0\x10\x03\0\0\0\0\0" + wlan(), 5247, 50000))),
    "CAPWAP, bytes swapped": (RAW_IP, ip(udp(b"\0\x18\x03\0" + bytes(8) + wlan(0x01, 0x08), 50000, 5247))),
}


@pytest.mark.parametrize(("link_type", "frame"), WRAPPED.values(), ids=WRAPPED)
def test_finds_the_datagram_in_every_wrapping(link_type: int, frame: bytes) -> None:
    expected = Datagram(1, 1.0, int(SRC), 68, int(DST), 67, PAYLOAD, len(PAYLOAD))

    found = dissect(link_type, frame)

    assert found == [expected]
    assert (found[0].src, found[0].dst) == (SRC, DST)


@pytest.mark.parametrize(("link_type", "frame"), WRAPPED.values(), ids=WRAPPED)
def test_a_cut_frame_gives_the_payload_that_is_there_or_nothing(link_type: int, frame: bytes) -> None:
    for size in range(len(frame)):
        for datagram in dissect(link_type, frame[:size]):
            assert PAYLOAD.startswith(datagram.payload)
            assert datagram.size in (len(PAYLOAD), len(datagram.payload))


@pytest.mark.parametrize("ports", [(67, 67), (67, 68), (68, 67), (4011, 1024), (1024, 4011), (9, 68)])
def test_a_dhcp_port_on_either_side_is_enough(ports: tuple[int, int]) -> None:
    (found,) = dissect(RAW_IP, ip(udp(PAYLOAD, *ports)))

    assert (found.src_port, found.dst_port) == ports


@pytest.mark.parametrize(
    ("link_type", "frame"),
    {
        "other ports": (RAW_IP, ip(udp(PAYLOAD, 53, 1024))),
        "TCP": (RAW_IP, ip(udp(), 6)),
        "over IPv6": (RAW_IP, ip6(udp(), 17)),
        "IPv4 header too small": (RAW_IP, b"\x44" + IP[1:]),
        "IPv4 in name only": (228, b"\x65" + IP[1:]),
        "neither IPv4 nor IPv6": (RAW_IP, b"\x75" + IP[1:]),
        "IPv4 length within the header": (RAW_IP, IP[:2] + b"\0\x10" + IP[4:]),
        "UDP length within the header": (RAW_IP, IP[:24] + b"\0\x07" + IP[26:]),
        "ARP": (ETHERNET, ethernet(IP, 0x0806)),
        "802.3 without SNAP": (ETHERNET, ethernet(b"\x42\x42\x03\0\0\0\x08\0" + IP, 8 + len(IP))),
        "GRE version 1": (RAW_IP, ip(b"\0\x01\x08\0" + IP, 47)),
        "encrypted 802.11": (105, wlan(flags=0x41)),
        "802.11 beacon": (105, wlan(0x80)),
        "802.11 without data": (105, wlan(0x48)),
        "802.11 A-MSDU": (105, wlan(0x88, 0x01, b"\x80\0")),
        "encrypted CAPWAP": (RAW_IP, ip(udp(b"\x01\0\0\0\0\0\0\0" + ethernet(IP), 50000, 5247))),
        "CAPWAP fragment": (RAW_IP, ip(udp(b"\0\x10\0\x80\0\0\0\0" + ethernet(IP), 50000, 5247))),
        "other PPP": (9, b"\xc0\x21" + IP),
        "more tags than any network has": (ETHERNET, ethernet(b"\0\x05\x81\0" * 40 + b"\0\x05\x08\0" + IP, 0x8100)),
        "unknown link type": (147, ethernet(IP)),
    }.values(),
)
def test_other_frames_bring_nothing(link_type: int, frame: bytes) -> None:
    assert dissect(link_type, frame) == []


def test_a_udp_length_beyond_the_frame_is_told() -> None:
    (found,) = dissect(RAW_IP, ip(struct.pack("!HHHH", 68, 67, 1008, 0) + PAYLOAD))

    assert (found.payload, found.size) == (PAYLOAD, 1000)


def fragments(data: bytes, size: int, ident: int = 7) -> list[bytes]:
    return [
        ip(data[at : at + size], id=ident, mf=int(at + size < len(data)), offset=at // 8)
        for at in range(0, len(data), size)
    ]


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (0, 2, 1, 1, 3), (2, 0, 3, 0, 1)])
def test_fragments_are_put_together_in_whatever_order_they_come(order: tuple[int, ...]) -> None:
    payload = PAYLOAD * 6
    pieces = fragments(udp(payload), 520)
    assert len(pieces) == 4

    (found,) = dissect(RAW_IP, *(pieces[number] for number in order))

    assert (found.frame, found.payload, found.size) == (len(order), payload, len(payload))


def test_a_64_kib_message_comes_together() -> None:
    payload = bytes(range(256)) * 255
    (found,) = dissect(RAW_IP, *fragments(udp(payload), 1480))

    assert found.payload == payload


def test_what_is_there_of_a_fragmented_message_is_told_at_the_end() -> None:
    payload = PAYLOAD * 6
    first, _, third, last = fragments(udp(payload), 512)
    whole = ethernet(ip(udp()))[14:]

    found = dissect(RAW_IP, first, third, last, whole)

    assert [(datagram.frame, datagram.payload, datagram.size) for datagram in found] == [
        (4, PAYLOAD, len(PAYLOAD)),
        (1, payload[: 512 - 8], len(payload)),
    ]


def test_an_incomplete_message_has_the_number_of_the_frame_that_began_it() -> None:
    first, second, third, _ = fragments(udp(PAYLOAD * 6), 512)

    (found,) = dissect(RAW_IP, third, first, second)

    assert (found.frame, found.time_s) == (2, 2.0)


def test_an_empty_datagram_is_told_too() -> None:
    (found,) = dissect(RAW_IP, ip(udp(b"")))

    assert (found.payload, found.size) == (b"", 0)


def test_fragments_without_the_first_one_bring_nothing() -> None:
    assert dissect(RAW_IP, *fragments(udp(PAYLOAD * 6), 512)[1:]) == []


def test_fragments_of_different_datagrams_do_not_mix() -> None:
    one, other = fragments(udp(b"\x01" * 700), 512, ident=1), fragments(udp(b"\x02" * 700), 512, ident=2)

    found = dissect(RAW_IP, one[0], other[0], other[1], one[1])

    assert [datagram.payload for datagram in found] == [b"\x02" * 700, b"\x01" * 700]


def test_overlapping_fragments_do_not_grow_the_datagram() -> None:
    data = udp(b"\x01" * 1016)
    pieces = [ip(data[:512], id=7, mf=1), ip(data[256:768], id=7, mf=1, offset=32), ip(data[768:], id=7, offset=96)]

    (found,) = dissect(RAW_IP, *pieces)

    assert found.payload == data[8:]


def test_the_fragments_kept_are_bounded_and_the_oldest_is_told() -> None:
    firsts = [fragments(udp(PAYLOAD * 6), 512, ident)[0] for ident in range(MAX_PENDING + 3)]
    dissector = Dissector()

    told = [d.frame for number, first in enumerate(firsts, 1) for d in dissector.dissect(RAW_IP, number, None, first)]

    assert told == [1, 2, 3]
    assert [d.frame for d in dissector.finish()] == list(range(4, MAX_PENDING + 4))


@pytest.mark.parametrize(
    "pieces",
    {
        "too many": fragments(udp(bytes(9000)), 8)[: MAX_FRAGMENTS + 1],
        "too large": [ip(udp(bytes(40_000)), id=7, mf=1, offset=offset) for offset in (0, 1)],
    }.values(),
)
def test_a_flood_of_fragments_is_given_up_with_what_is_there(pieces: list[bytes]) -> None:
    dissector = Dissector()

    told = [d.frame for number, piece in enumerate(pieces, 1) for d in dissector.dissect(RAW_IP, number, None, piece)]

    assert told == [len(pieces)]
    assert dissector.finish() == ()


def test_nesting_without_an_end_brings_nothing() -> None:
    deep = IP
    for _ in range(400):
        deep = ip(deep, 4)

    assert dissect(RAW_IP, deep) == []


@given(link_type=st.sampled_from(sorted(LINK_TYPES)), frames=st.lists(st.binary(max_size=300), max_size=4))
def test_any_bytes_give_datagrams_or_nothing(link_type: int, frames: list[bytes]) -> None:
    for datagram in dissect(link_type, *frames):
        assert len(datagram.payload) <= 300


@given(
    wrapped=st.sampled_from(sorted(WRAPPED)),
    changes=st.lists(st.tuples(st.integers(0, 120), st.integers(0, 255)), min_size=1, max_size=8),
)
def test_a_damaged_frame_gives_datagrams_or_nothing(wrapped: str, changes: list[tuple[int, int]]) -> None:
    link_type, frame = WRAPPED[wrapped]
    damaged = bytearray(frame)
    for offset, value in changes:
        damaged[offset % len(frame)] = value

    for datagram in dissect(link_type, bytes(damaged)):
        assert len(datagram.payload) <= min(datagram.size, len(frame))
