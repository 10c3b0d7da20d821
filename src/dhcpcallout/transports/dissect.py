"""A captured frame down to the UDP datagram of a DHCP port that it carries, through whatever wraps it.

dpkt's frame classes build an object for every layer of every protocol they know, and fail in ways of their own on bytes
they do not expect. What is here only steps over headers until it meets a DHCP port: a long capture of other traffic is
gone through quickly, and any bytes at all give datagrams or nothing.
"""

from collections.abc import Callable
from ipaddress import IPv4Address
from struct import Struct
from typing import NamedTuple, TypeAlias

__all__ = ["DHCP_PORTS", "LINK_TYPES", "Datagram", "Dissector"]

DHCP_PORTS = frozenset((67, 68, 4011))
"""BOOTP server and client (RFC 2131 section 4.1), and the PXE boot server (PXE 2.1 section 2.2.1)."""

MAX_LAYERS = 32
MAX_PENDING = 64
"""Of how many IPv4 datagrams the fragments are kept at once; the oldest makes room for the newest."""
MAX_FRAGMENTS = 128
"""Of one datagram: 64 KiB in pieces of 512 bytes."""
MAX_DATAGRAM = 65535

_IPV4 = Struct("!BxHHHxBxxII")
_U16 = Struct("!H")
_U16X2 = Struct("!HH")
_U16X3 = Struct("!HHH")


class Datagram(NamedTuple):
    """A UDP datagram over IPv4 with a DHCP port on either side.

    Attributes:
        frame: The number of the frame that it came in, from 1; for fragments, that of the one that completed them, or
            of the first where they are not all there.
        time_s: When that frame was captured, in seconds since 1970 (UTC); None where the capture does not tell.
        src_int: The source address, a 32-bit integer.
        src_port: The source port.
        dst_int: The destination address, a 32-bit integer.
        dst_port: The destination port.
        payload: What the capture holds of the UDP payload.
        size: The payload's size by the UDP header, in bytes: more than ``len(payload)`` where the frame was cut.
    """

    frame: int
    time_s: float | None
    src_int: int
    src_port: int
    dst_int: int
    dst_port: int
    payload: bytes
    size: int

    @property
    def src(self) -> IPv4Address:
        """The source address."""
        return IPv4Address(self.src_int)

    @property
    def dst(self) -> IPv4Address:
        """The destination address."""
        return IPv4Address(self.dst_int)


class _ShortError(Exception):
    """The frame ends within a header."""


class _Fragments:
    """What was seen of one IPv4 datagram: each fragment's data by its offset, and where the datagram ends."""

    __slots__ = ("dst_int", "frame", "parts", "protocol", "size", "src_int", "time_s", "total")

    def __init__(self, src_int: int, dst_int: int, protocol: int) -> None:
        self.src_int = src_int
        self.dst_int = dst_int
        self.protocol = protocol
        self.parts: dict[int, bytes] = {}
        self.size = 0
        self.total: int | None = None
        self.frame = 0
        self.time_s: float | None = None

    def add(self, offset: int, data: bytes, last: bool) -> None:
        if offset not in self.parts:
            self.parts[offset] = data
            self.size += len(data)
        if last:
            self.total = offset + len(data)

    def join(self) -> bytes:
        """What there is without a gap from the datagram's begin."""
        whole = bytearray()
        for offset, data in sorted(self.parts.items()):
            if offset > len(whole):
                break
            whole += data[len(whole) - offset :]
        return bytes(whole)


_Pending: TypeAlias = dict[tuple[int, int, int, int], _Fragments]


class _Cursor:
    """Where a frame's dissection stands: the bytes from ``offset`` to ``end`` are still to be read."""

    __slots__ = ("data", "datagram", "dst_int", "end", "frame", "offset", "pending", "src_int", "time_s")

    def __init__(self, frame: int, time_s: float | None, data: bytes, pending: _Pending) -> None:
        self.frame = frame
        self.time_s = time_s
        self.data = data
        self.offset = 0
        self.end = len(data)
        self.pending = pending
        self.src_int: int | None = None
        self.dst_int = 0
        self.datagram: Datagram | None = None

    def take(self, size: int) -> int:
        """Step over ``size`` bytes and tell where they begin."""
        start = self.offset
        if start + size > self.end:
            raise _ShortError
        self.offset = start + size
        return start

    def u16(self, offset: int) -> int:
        """The 16 bits in network order at ``offset``."""
        value: int = _U16.unpack_from(self.data, offset)[0]
        return value


_Layer: TypeAlias = Callable[[_Cursor], "_Layer | None"]
"""Reads its own header, and tells which layer follows; None ends the dissection."""


class Dissector:
    """Finds the DHCP ports' datagrams in a capture's frames, and puts IPv4 fragments together on the way."""

    def __init__(self) -> None:
        self._pending: _Pending = {}

    def dissect(self, link_type: int, frame: int, time_s: float | None, data: bytes) -> tuple[Datagram, ...]:
        """The datagrams that a frame brings: none, one, or besides it one that is given up as incomplete.

        Args:
            link_type: The frame's LINKTYPE number; one that is not in ``LINK_TYPES`` brings nothing.
            frame: The frame's number, from 1.
            time_s: When it was captured.
            data: Its bytes, as far as they were captured.
        """
        layer = _LINK_LAYERS.get(link_type)
        datagram = self._follow(layer, _Cursor(frame, time_s, data, self._pending))
        found = () if datagram is None else (datagram,)
        if len(self._pending) <= MAX_PENDING:
            return found
        return self._give_up(next(iter(self._pending))) + found

    def finish(self) -> tuple[Datagram, ...]:
        """What is there of the datagrams whose last fragments never came."""
        return tuple(datagram for key in list(self._pending) for datagram in self._give_up(key))

    def _give_up(self, key: tuple[int, int, int, int]) -> tuple[Datagram, ...]:
        fragments = self._pending.pop(key)
        at = _Cursor(fragments.frame, fragments.time_s, fragments.join(), self._pending)
        at.src_int, at.dst_int = fragments.src_int, fragments.dst_int
        datagram = self._follow(_PROTOCOLS[fragments.protocol], at)
        return () if datagram is None else (datagram,)

    @staticmethod
    def _follow(layer: _Layer | None, at: _Cursor) -> Datagram | None:
        try:
            for _ in range(MAX_LAYERS):
                if layer is None:
                    break
                layer = layer(at)
        except _ShortError:
            return None
        return at.datagram


def _ethernet(at: _Cursor) -> _Layer | None:
    return _by_ethertype(at, at.take(14) + 12)


def _vlan(at: _Cursor) -> _Layer | None:
    return _by_ethertype(at, at.take(4) + 2)


def _by_ethertype(at: _Cursor, offset: int) -> _Layer | None:
    ethertype = at.u16(offset)
    return _llc if ethertype <= 1500 else _ETHERTYPES.get(ethertype)


def _llc(at: _Cursor) -> _Layer | None:
    start = at.take(8)
    if at.data[start : start + 6] != b"\xaa\xaa\x03\0\0\0":  # SNAP with an EtherType (RFC 1042)
        return None
    return _ETHERTYPES.get(at.u16(start + 6))


def _mpls(at: _Cursor) -> _Layer | None:
    while not at.data[at.take(4) + 2] & 1:  # the bottom of the stack (RFC 3032)
        pass
    layer = _raw_ip(at)
    if layer is None and at.data[at.offset] >> 4 == 0:  # a pseudowire's control word (RFC 4448)
        at.take(4)
        layer = _ethernet
    return layer


def _pppoe(at: _Cursor) -> _Layer | None:
    at.take(6)
    return _ppp


def _ppp(at: _Cursor) -> _Layer | None:
    start = at.take(2)
    if at.data[start : start + 2] == b"\xff\x03":  # address and control (RFC 1662)
        start = at.take(2)
    return {0x0021: _ipv4, 0x0057: _ipv6}.get(at.u16(start))


def _loopback(at: _Cursor) -> _Layer | None:
    # The address family is in the capturing machine's byte order, and IPv6's number differs from system to system.
    start = at.take(4)
    family = max(at.data[start], at.data[start + 3])
    return {2: _ipv4, 10: _ipv6, 24: _ipv6, 28: _ipv6, 30: _ipv6}.get(family)


def _raw_ip(at: _Cursor) -> _Layer | None:
    at.take(1)
    at.offset -= 1
    return {4: _ipv4, 6: _ipv6}.get(at.data[at.offset] >> 4)


def _cooked(at: _Cursor) -> _Layer | None:
    protocol = at.u16(at.take(16) + 14)
    return _llc if protocol == 4 else _ETHERTYPES.get(protocol)  # 4 stands for 802.2 (ETH_P_802_2)


def _cooked2(at: _Cursor) -> _Layer | None:
    protocol = at.u16(at.take(20))
    return _llc if protocol == 4 else _ETHERTYPES.get(protocol)


def _radiotap(at: _Cursor) -> _Layer | None:
    start = at.take(4)
    at.take(int.from_bytes(at.data[start + 2 : start + 4], "little") - 4)
    return _wlan


def _wlan(at: _Cursor) -> _Layer | None:
    start = at.take(24)
    control, flags = at.data[start], at.data[start + 1]
    if control & 0x0F != 0x08 and flags & 0x0F == 0x08:
        control, flags = flags, control  # some controllers swap the two on their way through CAPWAP
    if control & 0x4F != 0x08 or flags & 0x40:
        return None  # no data frame, one without data, or an encrypted one
    if flags & 0x03 == 0x03:
        at.take(6)  # a fourth address
    if control & 0x80:
        if at.data[at.take(2)] & 0x80:
            return None  # several frames in one (A-MSDU)
        if flags & 0x80:
            at.take(4)  # HT control
    return _llc


def _ipv4(at: _Cursor) -> _Layer | None:
    start = at.take(20)
    version, total, ident, fragment, protocol, src_int, dst_int = _IPV4.unpack_from(at.data, start)
    header = (version & 0x0F) * 4
    if version >> 4 != 4 or header < 20:
        return None
    at.take(header - 20)
    if total:  # 0: the network card was still to split it
        at.end = min(at.end, start + total)
    layer = _PROTOCOLS.get(protocol)
    at.src_int, at.dst_int = src_int, dst_int
    if layer is None or at.end < at.offset:
        return None
    if fragment & 0x3FFF:
        return _fragment(at, ident, fragment, protocol)
    return layer


def _fragment(at: _Cursor, ident: int, fragment: int, protocol: int) -> _Layer | None:
    assert at.src_int is not None
    offset, data = (fragment & 0x1FFF) * 8, at.data[at.offset : at.end]
    key = (at.src_int, at.dst_int, ident, protocol)
    fragments = at.pending.setdefault(key, _Fragments(at.src_int, at.dst_int, protocol))
    fragments.add(offset, data, last=not fragment & 0x2000)
    if offset == 0 or not fragments.frame:
        fragments.frame, fragments.time_s = at.frame, at.time_s
    if fragments.size <= MAX_DATAGRAM and len(fragments.parts) <= MAX_FRAGMENTS:
        if fragments.total is None or fragments.size < fragments.total:
            return None
        if len(fragments.join()) < fragments.total:
            return None
    del at.pending[key]
    at.data, at.offset = fragments.join(), 0
    at.end = len(at.data)
    return _PROTOCOLS[protocol]


def _ipv6(at: _Cursor) -> _Layer | None:
    start = at.take(40)
    following, size = at.data[start + 6], at.u16(start + 4)
    if size:
        at.end = min(at.end, at.offset + size)
    at.src_int = None
    while following in _IPV6_EXTENSIONS:
        start = at.take(8)
        following = at.data[start]
        at.take(at.data[start + 1] * 8)
    return _PROTOCOLS.get(following)


def _gre(at: _Cursor) -> _Layer | None:
    flags, ethertype = _U16X2.unpack_from(at.data, at.take(4))
    if flags & 0x4007:
        return None  # source routes, or not version 0 (RFC 2784)
    at.take(4 * (flags & 0xB000).bit_count())  # checksum, key and sequence number (RFC 2890)
    if ethertype == 0x88BE:  # ERSPAN; only its type II has a header, and then GRE a sequence number
        at.take(8 if flags & 0x1000 else 0)
        return _ethernet
    return _ETHERTYPES.get(ethertype)


def _udp(at: _Cursor) -> _Layer | None:
    src_port, dst_port, length = _U16X3.unpack_from(at.data, at.take(8))
    size = length - 8 if length else at.end - at.offset
    if size < 0:
        return None
    at.end = min(at.end, at.offset + size)
    if src_port not in DHCP_PORTS and dst_port not in DHCP_PORTS:
        return _UDP_TUNNELS.get(dst_port) or _UDP_TUNNELS.get(src_port)
    if at.src_int is not None:
        payload = at.data[at.offset : at.end]
        at.datagram = Datagram(at.frame, at.time_s, at.src_int, src_port, at.dst_int, dst_port, payload, size)
    return None


def _vxlan(at: _Cursor) -> _Layer | None:
    at.take(8)
    return _ethernet


def _geneve(at: _Cursor) -> _Layer | None:
    start = at.take(8)
    at.take((at.data[start] & 0x3F) * 4)
    return _ETHERTYPES.get(at.u16(start + 2))


def _capwap(at: _Cursor) -> _Layer | None:
    start = at.take(8)
    preamble, lengths, native, flags = at.data[start : start + 4]
    if preamble or flags & 0x80:
        return None  # encrypted, or a fragment (RFC 5415 section 4.3)
    at.take(max(0, (lengths >> 3) * 4 - 8))
    return _wlan if native & 0x01 else _ethernet


_ETHERTYPES: dict[int, _Layer] = {
    0x0800: _ipv4,
    0x6558: _ethernet,
    0x8100: _vlan,
    0x8847: _mpls,
    0x8848: _mpls,
    0x8864: _pppoe,
    0x86DD: _ipv6,
    0x88A8: _vlan,
    0x9100: _vlan,
    0x9200: _vlan,
}
_PROTOCOLS: dict[int, _Layer] = {4: _ipv4, 17: _udp, 41: _ipv6, 47: _gre}
_IPV6_EXTENSIONS = frozenset((0, 43, 60))
_UDP_TUNNELS: dict[int, _Layer] = {4789: _vxlan, 5247: _capwap, 6081: _geneve}
_LINK_LAYERS: dict[int, _Layer] = {
    0: _loopback,
    1: _ethernet,
    9: _ppp,
    12: _raw_ip,
    14: _raw_ip,
    101: _raw_ip,
    105: _wlan,
    108: _loopback,
    113: _cooked,
    127: _radiotap,
    228: _ipv4,
    276: _cooked2,
}
LINK_TYPES = frozenset(_LINK_LAYERS)
"""The LINKTYPE numbers (tcpdump.org/linktypes.html) of the frames that can be dissected."""
