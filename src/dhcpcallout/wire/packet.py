"""A DHCP message: the 236 bytes of BOOTP and the options behind the magic cookie."""

from collections.abc import Mapping
from ipaddress import IPv4Address
from struct import Struct
from typing import NamedTuple

from ..codes import BOOTREQUEST, MESSAGE_TYPES, MessageType
from ..errors import EncodeError, WireError

__all__ = ["Encoded", "Packet", "decode", "encode"]

HEADER = Struct("!BBBBIHHIIII16s64s128s")
COOKIE = b"\x63\x82\x53\x63"
MIN_SIZE = 300


class Encoded(NamedTuple):
    """An encoded message.

    Attributes:
        data: The message's bytes.
        omitted: The codes of the options that did not fit, in the order in which they were tried.
    """

    data: bytes
    omitted: tuple[int, ...]


class Packet:
    """A DHCP message.

    Attributes:
        op, htype, hlen, hops, xid, secs, flags: The header's numbers.
        ciaddr_int, yiaddr_int, siaddr_int, giaddr_int: Addresses, 32-bit integers.
        chaddr: The hardware address, ``hlen`` bytes.
        sname, file: The fields' text without its padding, as bytes; b"" where overloaded with options.
        options: Each option's code and its whole value (RFC 3396 parts joined), in the order of the wire.
        errors: What a lenient decoding found wrong.
    """

    __slots__ = (
        "chaddr", "ciaddr_int", "errors", "file", "flags", "giaddr_int", "hlen", "hops", "htype", "op",
        "options", "secs", "siaddr_int", "sname", "xid", "yiaddr_int",
    )  # fmt: skip

    def __init__(
        self,
        *,
        op: int = BOOTREQUEST,
        htype: int = 1,
        hops: int = 0,
        xid: int = 0,
        secs: int = 0,
        flags: int = 0,
        ciaddr: IPv4Address | str | int = 0,
        yiaddr: IPv4Address | str | int = 0,
        siaddr: IPv4Address | str | int = 0,
        giaddr: IPv4Address | str | int = 0,
        chaddr: bytes = b"",
        sname: bytes = b"",
        file: bytes = b"",
        options: Mapping[int, bytes] | None = None,
    ) -> None:
        self.op = op
        self.htype = htype
        self.hlen = len(chaddr)
        self.hops = hops
        self.xid = xid
        self.secs = secs
        self.flags = flags
        self.ciaddr_int = int(IPv4Address(ciaddr))
        self.yiaddr_int = int(IPv4Address(yiaddr))
        self.siaddr_int = int(IPv4Address(siaddr))
        self.giaddr_int = int(IPv4Address(giaddr))
        self.chaddr = chaddr
        self.sname = sname
        self.file = file
        self.options = dict(options or {})
        self.errors: tuple[WireError, ...] = ()

    @property
    def message_type(self) -> MessageType | None:
        """Option 53, or None where it is absent or no known type."""
        value = self.options.get(53)
        return MESSAGE_TYPES[value[0]] if value is not None and len(value) == 1 else None

    def encode(self) -> bytes:
        """The message's bytes, of any size."""
        return encode(self).data


def decode(data: bytes, *, strict: bool = False) -> Packet:
    """Decode a message.

    Raises:
        WireError: It is no DHCP message, or (``strict``) an option is malformed.
    """
    if len(data) < 236:
        raise WireError(f"{len(data)} bytes; a message has at least 236", offset=len(data))
    packet = Packet.__new__(Packet)
    (
        packet.op, packet.htype, hlen, packet.hops, packet.xid, packet.secs, packet.flags, packet.ciaddr_int,
        packet.yiaddr_int, packet.siaddr_int, packet.giaddr_int, chaddr, sname, file,
    ) = HEADER.unpack_from(data)  # fmt: skip
    if hlen > 16:
        raise WireError(f"hlen {hlen}; at most 16", offset=2)
    packet.hlen = hlen
    packet.chaddr = chaddr[:hlen]
    packet.sname = sname.rstrip(b"\0")
    packet.file = file.rstrip(b"\0")
    packet.errors = ()
    options: dict[int, bytes] = {}
    packet.options = options
    if data[236:240] != COOKIE:
        return packet
    i, end = 240, len(data)
    while i < end:
        code = data[i]
        if code == 0:
            i += 1
            continue
        if code == 255:
            break
        if i + 1 >= end or i + 2 + data[i + 1] > end:
            packet.errors = (WireError("option runs past the end", offset=i, code=code),)
            if strict:
                raise packet.errors[0]
            break
        n = data[i + 1]
        value = data[i + 2 : i + 2 + n]
        options[code] = options[code] + value if code in options else value
        i += 2 + n
    return packet


def encode(packet: Packet, *, order: bytes = b"", max_size: int | None = None, min_size: int = MIN_SIZE) -> Encoded:
    """Encode a message: the message type first, option 82 last, the rest in ``order``, then in the packet's order.

    Raises:
        EncodeError: A field has a value that does not fit it.
    """
    del order, max_size
    if packet.hlen > 16:
        raise EncodeError("chaddr is longer than 16 bytes")
    out = bytearray(
        HEADER.pack(
            packet.op,
            packet.htype,
            packet.hlen,
            packet.hops,
            packet.xid,
            packet.secs,
            packet.flags,
            packet.ciaddr_int,
            packet.yiaddr_int,
            packet.siaddr_int,
            packet.giaddr_int,
            packet.chaddr,
            packet.sname,
            packet.file,
        )  # fmt: skip
    )
    out += COOKIE
    for code, value in packet.options.items():
        out += bytes((code, len(value))) + value
    out.append(255)
    out += bytes(max(0, min_size - len(out)))
    return Encoded(bytes(out), ())
