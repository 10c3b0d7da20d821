"""Frames to clients without an address, read back by an independent eye."""

import struct
from ipaddress import IPv4Address

import dpkt
from hypothesis import given
from hypothesis import strategies as st

from dhcpcallout.engine import Arrival, Delivery, Outgoing
from dhcpcallout.transports.frames import FrameSender, build_frame

CLIENT, SERVER = bytes.fromhex("020000000001"), bytes.fromhex("0200000000fe")


def ones_complement_sum(data: bytes) -> int:
    """RFC 1071, as it is written there."""
    data += b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


@given(payload=st.binary(min_size=0, max_size=1400))
def test_a_frame_carries_the_reply_with_right_lengths_and_checksums(payload: bytes) -> None:
    arrival = Arrival(0, 68, int(IPv4Address("10.0.0.1")))
    outgoing = Outgoing(payload, Delivery.HARDWARE, int(IPv4Address("10.0.0.10")), 68, CLIENT, arrival)
    frame = build_frame(outgoing, SERVER)
    assert frame[:14] == CLIENT + SERVER + b"\x08\x00"
    ip, udp = frame[14:34], frame[34:]
    assert ip[0] == 0x45
    assert struct.unpack("!H", ip[2:4]) == (20 + 8 + len(payload),)
    assert ip[9] == 17
    assert ip[12:] == IPv4Address("10.0.0.1").packed + IPv4Address("10.0.0.10").packed
    assert ones_complement_sum(ip) == 0xFFFF
    assert struct.unpack("!HHH", udp[:6]) == (67, 68, 8 + len(payload))
    assert udp[8:] == payload
    pseudo_header = ip[12:] + struct.pack("!HH", 17, len(udp))
    assert ones_complement_sum(pseudo_header + udp) == 0xFFFF


@given(payload=st.binary(max_size=600), source=st.integers(0, 2**32 - 1), destination=st.integers(0, 2**32 - 1))
def test_a_frame_is_the_one_that_dpkt_builds(payload: bytes, source: int, destination: int) -> None:
    outgoing = Outgoing(payload, Delivery.HARDWARE, destination, 68, CLIENT, Arrival(0, 68, source))
    udp = dpkt.udp.UDP(sport=67, dport=68, data=payload)
    udp.ulen = len(udp)
    addresses = {"src": source.to_bytes(4, "big"), "dst": destination.to_bytes(4, "big")}
    ip = dpkt.ip.IP(p=dpkt.ip.IP_PROTO_UDP, ttl=64, data=udp, **addresses)
    ip.len = len(ip)
    assert build_frame(outgoing, SERVER) == bytes(dpkt.ethernet.Ethernet(dst=CLIENT, src=SERVER, data=ip))


def test_an_interface_without_ethernet_addresses_gets_no_frames() -> None:
    assert FrameSender.on("nonesuch0") is None
