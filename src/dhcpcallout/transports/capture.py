"""Capture files: the datagrams of the DHCP ports in a pcap, pcapng or snoop file, one record in memory at a time.

dpkt's readers take whatever length a record claims, know one interface a file and hide where a file was cut; a file
that somebody sent may be none of that kind, so the three formats are read here.
"""

from collections import Counter
from collections.abc import Iterator
from struct import Struct
from typing import BinaryIO, NamedTuple

from ..errors import CaptureError
from .dissect import LINK_TYPES, Datagram, Dissector

__all__ = ["Capture"]

MAX_RECORD = 262_144
"""Of a frame, in bytes: the largest that tcpdump writes."""
MAX_BLOCK = MAX_RECORD + 65_536
"""Of a pcapng block that is read as a whole: a frame and its options."""
MAX_INTERFACES = 4096

ETHERNET = 1
SNOOP_LINK_TYPES = {0: ETHERNET, 4: ETHERNET}  # RFC 1761: IEEE 802.3, Ethernet

_PCAP_MAGICS: dict[bytes, tuple[str, float, int]] = {
    # Byte order, seconds a unit of the timestamps' fraction, size of a record's header (Kuznetzov's has 8 more).
    b"\xa1\xb2\xc3\xd4": (">", 1e-6, 16),
    b"\xd4\xc3\xb2\xa1": ("<", 1e-6, 16),
    b"\xa1\xb2\x3c\x4d": (">", 1e-9, 16),
    b"\x4d\x3c\xb2\xa1": ("<", 1e-9, 16),
    b"\xa1\xb2\xcd\x34": (">", 1e-6, 24),
    b"\x34\xcd\xb2\xa1": ("<", 1e-6, 24),
}
_PCAPNG_MAGIC = b"\x0a\x0d\x0d\x0a"
_SNOOP_MAGIC = b"snoop\0\0\0"
_GZIP_MAGIC = b"\x1f\x8b"

_INTERFACE, _PACKET, _SIMPLE_PACKET, _ENHANCED_PACKET = 1, 2, 3, 6
_OPTION_TSRESOL, _OPTION_TSOFFSET = 9, 14


class _Record(NamedTuple):
    """A frame as the file holds it."""

    link_type: int
    time_s: float | None
    data: bytes


class _Interface(NamedTuple):
    """An interface of a pcapng section: ``units`` a second and the offset make a time of a timestamp."""

    link_type: int
    snap_length: int
    units: int
    offset_s: int


class _Source:
    """Reads a file forward, and knows where it stands; the file need not be seekable."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.position = 0
        self.frames = 0

    def read(self, size: int, *, may_end: bool = False) -> bytes:
        """``size`` bytes; b"" at the file's end where ``may_end``.

        Raises:
            CaptureError: The file ends before, or cannot be read.
        """
        try:
            data = self._file.read(size)
        except OSError as error:
            raise CaptureError(f"byte {self.position}: cannot be read: {error.strerror or error}") from error
        self.position += len(data)
        if len(data) < size and not (may_end and not data):
            raise CaptureError(f"cut off at byte {self.position}, after {self.frames} whole frames")
        return data

    def skip(self, size: int) -> None:
        while size > 0:
            size -= len(self.read(min(size, 65_536)))

    def damaged(self, what: str) -> CaptureError:
        return CaptureError(f"damaged before byte {self.position}, after {self.frames} whole frames: {what}")


class Capture:
    """The datagrams from and to the DHCP ports in a capture file, in its order.

    Iterate over it once. The file is read forward only, so that it may be a pipe.

    Args:
        file: The open file, binary and buffered.

    Attributes:
        unread: How many frames were not looked into so far, by their link type: it is none of those that are known.

    Raises:
        CaptureError: The file is no capture; or, from the iteration, it is damaged or cut.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._source = _Source(file)
        self.unread: Counter[int] = Counter()
        magic = self._source.read(4, may_end=True)
        if magic in _PCAP_MAGICS:
            self._records = _read_pcap(self._source, *_PCAP_MAGICS[magic])
        elif magic == _PCAPNG_MAGIC:
            self._records = _read_pcapng(self._source)
        elif magic == _SNOOP_MAGIC[:4] and self._source.read(4) == _SNOOP_MAGIC[4:]:
            self._records = _read_snoop(self._source)
        elif magic[:2] == _GZIP_MAGIC:
            raise CaptureError("compressed: run it through gunzip first")
        else:
            raise CaptureError("not a capture file: neither pcap nor pcapng nor snoop")

    @property
    def frames(self) -> int:
        """How many frames were read so far, of any kind."""
        return self._source.frames

    def __iter__(self) -> Iterator[Datagram]:
        dissector = Dissector()
        try:
            for link_type, time_s, data in self._records:
                self._source.frames += 1
                if link_type in LINK_TYPES:
                    yield from dissector.dissect(link_type, self._source.frames, time_s, data)
                else:
                    self.unread[link_type] += 1
        except CaptureError:
            yield from dissector.finish()
            raise
        yield from dissector.finish()


def _read_pcap(source: _Source, order: str, unit_s: float, header_size: int) -> Iterator[_Record]:
    link_type = Struct(f"{order}16xI").unpack(source.read(20))[0] & 0xFFFF  # what is above tells of a checksum
    header = Struct(f"{order}III")
    while data := source.read(header_size, may_end=True):
        seconds, fraction, size = header.unpack_from(data)
        if size > MAX_RECORD:
            raise source.damaged(f"a frame of {size} bytes")
        yield _Record(link_type, seconds + fraction * unit_s, source.read(size))


def _read_snoop(source: _Source) -> Iterator[_Record]:
    version, snoop_type = Struct(">II").unpack(source.read(8))
    if version != 2 or snoop_type not in SNOOP_LINK_TYPES:
        raise CaptureError(
            f"a snoop file of version {version} and link type {snoop_type}; version 2 and Ethernet is read"
        )
    header = Struct(">4xII4xII")
    while data := source.read(24, may_end=True):
        size, record_size, seconds, microseconds = header.unpack(data)
        if size > MAX_RECORD or record_size < 24 + size:
            raise source.damaged(f"a frame of {size} bytes in a record of {record_size}")
        frame = source.read(size)
        source.skip(record_size - 24 - size)
        yield _Record(SNOOP_LINK_TYPES[snoop_type], seconds + microseconds * 1e-6, frame)


def _read_pcapng(source: _Source) -> Iterator[_Record]:
    order = ""
    interfaces: list[_Interface] = []
    kind_bytes = _PCAPNG_MAGIC
    while kind_bytes:
        if kind_bytes == _PCAPNG_MAGIC:
            size_bytes, order = _read_section_order(source)
            interfaces = []
            head = 12
        else:
            size_bytes = source.read(4)
            head = 8
        kind, size = Struct(f"{order}II").unpack(kind_bytes + size_bytes)
        body_size = size - head - 4
        if body_size < 0 or size % 4:
            raise source.damaged(f"a block of {size} bytes")
        if kind in (_INTERFACE, _PACKET, _SIMPLE_PACKET, _ENHANCED_PACKET):
            if size > MAX_BLOCK:
                raise source.damaged(f"a block of {size} bytes")
            body = source.read(body_size)
        else:
            source.skip(body_size)
        if Struct(f"{order}I").unpack(source.read(4))[0] != size:
            raise source.damaged(f"a block whose two sizes differ, {size} first")
        if kind == _INTERFACE:
            if len(interfaces) == MAX_INTERFACES:
                raise source.damaged(f"more than {MAX_INTERFACES} interfaces")
            interfaces.append(_read_interface(source, order, body))
        elif kind in (_PACKET, _SIMPLE_PACKET, _ENHANCED_PACKET):
            yield _read_packet(source, order, kind, body, interfaces)
        kind_bytes = source.read(4, may_end=True)


def _read_section_order(source: _Source) -> tuple[bytes, str]:
    """A section header's size, still as bytes, and the byte order of the section."""
    size, magic = source.read(4), source.read(4)
    if magic == b"\x1a\x2b\x3c\x4d":
        return size, ">"
    if magic == b"\x4d\x3c\x2b\x1a":
        return size, "<"
    raise source.damaged("a section without a byte order")


def _read_interface(source: _Source, order: str, body: bytes) -> _Interface:
    if len(body) < 8:
        raise source.damaged("an interface without a link type")
    link_type, snap_length = Struct(f"{order}HxxI").unpack_from(body)
    units, offset_s, at = 10**6, 0, 8
    option = Struct(f"{order}HH")
    while at + 4 <= len(body):
        code, size = option.unpack_from(body, at)
        value = body[at + 4 : at + 4 + size]
        if code == _OPTION_TSRESOL and len(value) == 1:
            base, exponent = (2, value[0] & 0x7F) if value[0] & 0x80 else (10, value[0])
            units = base**exponent
        elif code == _OPTION_TSOFFSET and len(value) == 8:
            offset_s = int.from_bytes(value, "big" if order == ">" else "little", signed=True)
        elif code == 0:
            break
        at += 4 + (size + 3) // 4 * 4
    return _Interface(link_type, snap_length, units, offset_s)


def _read_packet(source: _Source, order: str, kind: int, body: bytes, interfaces: list[_Interface]) -> _Record:
    header = Struct(order + {_PACKET: "HxxIIIxxxx", _SIMPLE_PACKET: "I", _ENHANCED_PACKET: "IIIIxxxx"}[kind])
    if len(body) < header.size:
        raise source.damaged("a frame's block that ends within its header")
    number, time_high, time_low, size = (
        (0, 0, 0, *header.unpack_from(body)) if kind == _SIMPLE_PACKET else header.unpack_from(body)
    )
    if number >= len(interfaces):
        raise source.damaged(f"a frame of interface {number}, and there are {len(interfaces)}")
    interface = interfaces[number]
    if kind == _SIMPLE_PACKET:  # its size is the one on the network
        size = min(size, interface.snap_length or size, len(body) - header.size)
    if size > min(MAX_RECORD, len(body) - header.size):
        raise source.damaged(f"a frame of {size} bytes in a block of {len(body) + 12}")
    time_s = None
    if kind != _SIMPLE_PACKET:
        time_s = interface.offset_s + (time_high << 32 | time_low) / interface.units
    return _Record(interface.link_type, time_s, body[header.size : header.size + size])
