"""Capture files of each format: those that dpkt writes, those written by hand, and damaged ones."""

import io
import struct
import tracemalloc
from collections.abc import Iterator
from typing import Any, BinaryIO

import dpkt
import dpkt.snoop
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpcallout.errors import CaptureError
from dhcpcallout.transports.capture import MAX_BLOCK, MAX_INTERFACES, MAX_RECORD, Capture
from dhcpcallout.transports.dissect import Datagram

TIMES = (1_700_000_000.25, 1_700_000_001.5, 1_700_000_002.75)
ETHERNET, COOKED, USB = 1, 113, 220


def frame(payload: bytes, src_port: int = 68, dst_port: int = 67) -> bytes:
    udp = dpkt.udp.UDP(sport=src_port, dport=dst_port, ulen=8 + len(payload), data=payload)
    ip = dpkt.ip.IP(src=bytes(4), dst=b"\xff" * 4, p=17, len=28 + len(payload), data=udp)
    return bytes(dpkt.ethernet.Ethernet(src=b"\x02" * 6, dst=b"\xff" * 6, data=ip))


FRAMES = (frame(b"first"), frame(b"of other ports", 1024, 53), frame(b"third, with an odd length"))


def read(data: bytes) -> list[Datagram]:
    return list(Capture(io.BytesIO(data)))


def read_as_far_as_possible(data: bytes) -> tuple[list[Datagram], str]:
    found: list[Datagram] = []
    try:
        found.extend(Capture(io.BytesIO(data)))
    except CaptureError as error:
        return found, str(error)
    return found, ""


def seen(data: bytes) -> list[tuple[int, float | None, bytes]]:
    return [(found.frame, found.time_s, found.payload) for found in read(data)]


EXPECTED = [(1, TIMES[0], b"first"), (3, TIMES[2], b"third, with an odd length")]


def pcap(magic: int = 0xA1B2C3D4, order: str = "<", unit: int = 10**6, extra: int = 0, link_type: int = 1) -> bytes:
    data = struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 65535, link_type)
    for time_s, body in zip(TIMES, FRAMES, strict=True):
        seconds, fraction = int(time_s), int(time_s % 1 * unit)
        data += struct.pack(f"{order}IIII", seconds, fraction, len(body), len(body)) + bytes(extra) + body
    return data


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    body += bytes(-len(body) % 4)
    size = struct.pack(f"{order}I", len(body) + 12)
    return struct.pack(f"{order}I", kind) + size + body + size


def section(order: str = "<") -> bytes:
    return block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(link_type: int = 1, snap_length: int = 0, options: bytes = b"", order: str = "<") -> bytes:
    return block(1, struct.pack(f"{order}HHI", link_type, 0, snap_length) + options, order)


def enhanced(number: int, ticks: int, data: bytes, order: str = "<", size: int | None = None) -> bytes:
    header = struct.pack(f"{order}IIII", number, ticks >> 32, ticks & 0xFFFFFFFF, len(data) if size is None else size)
    return block(6, header + struct.pack(f"{order}I", len(data)) + data, order)


def pcapng(order: str = "<") -> bytes:
    packets = (enhanced(0, int(t * 1e6), data, order) for t, data in zip(TIMES, FRAMES, strict=True))
    return section(order) + interface(order=order) + b"".join(packets)


def snoop(link_type: int = 4, version: int = 2) -> bytes:
    data = b"snoop\0\0\0" + struct.pack(">II", version, link_type)
    for time_s, body in zip(TIMES, FRAMES, strict=True):
        pad = bytes(-len(body) % 4)
        header = (len(body), len(body), 24 + len(body) + len(pad), 0, int(time_s), int(time_s % 1 * 10**6))
        data += struct.pack(">6I", *header) + body + pad
    return data


def written_by_dpkt(writer: Any) -> bytes:
    file = io.BytesIO()
    opened = writer(file)
    for time_s, body in zip(TIMES, FRAMES, strict=True):
        opened.writepkt(body, time_s)
    return file.getvalue()


FILES = {
    "pcap": pcap(),
    "pcap, big-endian": pcap(order=">"),
    "pcap, nanoseconds": pcap(0xA1B23C4D, unit=10**9),
    "pcap, nanoseconds, big-endian": pcap(0xA1B23C4D, order=">", unit=10**9),
    "pcap, modified": pcap(0xA1B2CD34, extra=8),
    "pcap, modified, big-endian": pcap(0xA1B2CD34, order=">", extra=8),
    "pcap, length of the check sequence in the link type": pcap(link_type=0x04000001),
    "pcapng": pcapng(),
    "pcapng, big-endian": pcapng(">"),
    "snoop": snoop(),
    "snoop, 802.3": snoop(0),
    "dpkt's pcap": written_by_dpkt(dpkt.pcap.Writer),
    "dpkt's pcapng": written_by_dpkt(dpkt.pcapng.Writer),
    "dpkt's snoop": written_by_dpkt(dpkt.snoop.Writer),
}


@pytest.mark.parametrize("data", FILES.values(), ids=FILES)
def test_reads_every_format(data: bytes) -> None:
    assert seen(data) == EXPECTED


@pytest.mark.parametrize("data", FILES.values(), ids=FILES)
def test_a_cut_file_gives_what_is_there_and_then_says_so(data: bytes) -> None:
    whole = read(data)
    for size in range(len(data)):
        found, error = read_as_far_as_possible(data[:size])
        assert found == whole[: len(found)]
        assert "cut off" in error or (size < 8 and "not a capture" in error) or not error
    assert read_as_far_as_possible(data[:-5]) == (whole[:1], f"cut off at byte {len(data) - 5}, after 2 whole frames")


def test_reads_a_pipe() -> None:
    class Pipe(io.BytesIO):
        def seek(self, *_: object) -> int:
            raise OSError("not seekable")

        tell = seek

    assert len(list(Capture(io.BufferedReader(Pipe(pcapng()))))) == 2


def test_counts_the_frames_it_read() -> None:
    capture = Capture(io.BytesIO(pcap()))
    datagrams = iter(capture)

    assert capture.frames == 0
    next(datagrams)
    assert capture.frames == 1
    assert len(list(datagrams)) == 1
    assert capture.frames == 3


def test_counts_the_frames_of_unknown_link_types() -> None:
    data = section() + interface(USB) + interface() + enhanced(0, 0, b"urb") * 2 + enhanced(1, 0, FRAMES[0])
    capture = Capture(io.BytesIO(data))

    assert [found.frame for found in capture] == [3]
    assert capture.unread == {USB: 2}


def test_pcapng_interfaces_have_link_types_and_clocks_of_their_own() -> None:
    name = struct.pack("<HH4s", 2, 4, b"eth0")
    nanoseconds = name + struct.pack("<HHB3x", 9, 1, 9) + struct.pack("<HHq", 14, 8, 1000)
    halves = struct.pack("<HHB3x", 9, 1, 0x81) + struct.pack("<HH", 0, 0) + struct.pack("<HHB3x", 9, 1, 9)
    data = (
        section()
        + interface(COOKED, options=nanoseconds)
        + interface(options=halves)
        + enhanced(0, 2_500_000_000, bytes(14) + b"\x08\0" + FRAMES[0][14:])
        + enhanced(1, 7, FRAMES[0])
    )

    assert seen(data) == [(1, 1002.5, b"first"), (2, 3.5, b"first")]


def test_pcapng_sections_begin_anew_in_their_own_byte_order() -> None:
    data = pcapng() + section(">") + interface(order=">") + enhanced(0, 5_000_000, FRAMES[0], ">")

    assert seen(data) == [*EXPECTED, (4, 5.0, b"first")]


def test_pcapng_simple_packets_have_no_time_and_end_at_the_snap_length() -> None:
    short = 14 + 28 + 2
    data = (
        section()
        + interface(snap_length=short)
        + block(3, struct.pack("<I", len(FRAMES[0])) + FRAMES[0][:short])
        + section()
        + interface()
        + block(3, struct.pack("<I", len(FRAMES[0])) + FRAMES[0])
    )

    found = read(data)

    assert [(d.time_s, d.payload, d.size) for d in found] == [(None, b"fi", 5), (None, b"first", 5)]


def test_pcapng_obsolete_packets_and_unknown_blocks() -> None:
    header = struct.pack("<HHIIII", 0, 9, 0, 5_000_000, len(FRAMES[0]), len(FRAMES[0]))
    data = (
        section()
        + block(5, b"statistics")
        + interface()
        + block(0x0BAD, b"")
        + block(0x0BAD, bytes(200_000))
        + block(2, header + FRAMES[0])
    )

    assert seen(data) == [(1, 5.0, b"first")]


DAMAGED = {
    "empty": (b"", "not a capture"),
    "text": (b"Dear reader", "not a capture"),
    "gzip": (b"\x1f\x8b\x08\0rest", "gunzip"),
    "pcap frame too large": (pcap()[:24] + struct.pack("<IIII", 0, 0, MAX_RECORD + 1, 9), "a frame of 262145 bytes"),
    "pcap frame immense": (pcap()[:24] + b"\xff" * 16, "a frame of 4294967295 bytes"),
    "snoop version": (snoop(version=3), "version 3"),
    "snoop link type": (snoop(link_type=8), "link type 8"),
    "snoop in name only": (b"snoopy\0\0", "not a capture"),
    "snoop frame immense": (snoop()[:16] + struct.pack(">6I", 9, 2**31, 2**32 - 1, 0, 0, 0), "a frame of 2147483648"),
    "snoop record too small": (snoop()[:16] + struct.pack(">6I", 9, 9, 32, 0, 0, 0), "in a record of 32"),
    "snoop record never ends": (snoop()[:16] + struct.pack(">6I", 0, 0, 2**32 - 1, 0, 0, 0), "cut off"),
    "no byte order": (section()[:8] + bytes(20), "byte order"),
    "block too small": (section() + struct.pack("<II", 6, 8), "a block of 8 bytes"),
    "block of an odd size": (section() + struct.pack("<II", 6, 33), "a block of 33 bytes"),
    "block too large": (section() + struct.pack("<II", 6, MAX_BLOCK + 4), f"a block of {MAX_BLOCK + 4} bytes"),
    "block immense": (section() + struct.pack("<II", 6, 2**32 - 4), "a block of 4294967292 bytes"),
    "unknown block immense": (section() + struct.pack("<II", 0xBAD, 2**32 - 4), "cut off"),
    "sizes differ": (section() + interface()[:-4] + bytes(4), "two sizes differ"),
    "interface cut": (section() + block(1, b"\1\0\0\0"), "without a link type"),
    "frame before any interface": (section() + enhanced(0, 0, b""), "of interface 0, and there are 0"),
    "frame of no interface": (section() + interface() + enhanced(1, 0, b""), "of interface 1, and there are 1"),
    "frame header cut": (section() + interface() + block(6, bytes(8)), "ends within its header"),
    "frame larger than its block": (section() + interface() + enhanced(0, 0, b"four", size=5), "a frame of 5 bytes"),
    "too many interfaces": (section() + interface() * (MAX_INTERFACES + 1), "more than 4096 interfaces"),
}


@pytest.mark.parametrize(("data", "message"), DAMAGED.values(), ids=DAMAGED)
def test_damage_is_one_clear_error(data: bytes, message: str) -> None:
    with pytest.raises(CaptureError, match=message):
        read(data)


def test_a_file_that_cannot_be_read_is_the_same_error() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(CaptureError, match="Input/output error"):
        Capture(Broken())


def test_one_record_is_in_memory_at_a_time() -> None:
    class Endless(io.RawIOBase):
        """A capture of 64 MiB that is made while it is read."""

        def __init__(self) -> None:
            self.chunks = self.generate()
            self.rest = b""

        def generate(self) -> Iterator[bytes]:
            yield pcap()[:24]
            body = FRAMES[1] + bytes(65_536)
            for _ in range(1024):
                yield struct.pack("<IIII", 0, 0, len(body), len(body)) + body

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            self.rest = self.rest or next(self.chunks, b"")
            size = min(len(buffer), len(self.rest))
            buffer[:size], self.rest = self.rest[:size], self.rest[size:]
            return size

    file: BinaryIO = io.BufferedReader(Endless())
    capture = Capture(file)
    tracemalloc.start()
    try:
        assert list(capture) == []
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert capture.frames == 1024
    assert peak < 2**21


@given(
    start=st.sampled_from([b"", *(data[:size] for data in FILES.values() for size in (4, 24, 48, 100))]),
    rest=st.binary(max_size=400),
)
def test_any_bytes_give_datagrams_or_a_documented_error(start: bytes, rest: bytes) -> None:
    _, error = read_as_far_as_possible(start + rest)

    assert "\n" not in error


@given(
    name=st.sampled_from(sorted(FILES)),
    changes=st.lists(st.tuples(st.integers(0, 500), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_a_damaged_file_gives_datagrams_or_a_documented_error(name: str, changes: list[tuple[int, int]]) -> None:
    damaged = bytearray(FILES[name])
    for offset, value in changes:
        damaged[offset % len(damaged)] = value

    read_as_far_as_possible(bytes(damaged))
