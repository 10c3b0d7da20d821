"""Hypothesis strategies for DHCP messages: well-formed ones of every type, and bytes that only look like one."""

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from ...codes import BOOTREPLY, BOOTREQUEST, BROADCAST_FLAG, MessageType, OptionCode
from ...wire import Packet, encode
from .values import option_data, options

__all__ = ["any_packets", "bootp_packets", "hostile_bytes", "packets"]

_CLIENT_SENDS: tuple[int, ...] = (12, 50, 51, 55, 57, 60, 61, 77, 80, 81, 82, 93, 94, 97, 118, 124, 125, 145)
_SERVER_SENDS: tuple[int, ...] = (
    1, 2, 3, 6, 12, 15, 26, 28, 33, 42, 43, 44, 58, 59, 60, 61, 66, 67, 80, 81, 82, 100, 108, 114, 119, 120, 121, 125,
    150, 162, 212, 249,
)  # fmt: skip

_TYPES: dict[MessageType, tuple[int, tuple[int, ...], tuple[int, ...]]] = {
    MessageType.DISCOVER: (BOOTREQUEST, (), _CLIENT_SENDS),
    MessageType.OFFER: (BOOTREPLY, (51, 54), _SERVER_SENDS),
    MessageType.REQUEST: (BOOTREQUEST, (), (*_CLIENT_SENDS, 54)),
    MessageType.DECLINE: (BOOTREQUEST, (50, 54), (56, 61, 82)),
    MessageType.ACK: (BOOTREPLY, (54,), (*_SERVER_SENDS, 51)),
    MessageType.NAK: (BOOTREPLY, (54,), (56, 61, 82)),
    MessageType.RELEASE: (BOOTREQUEST, (54,), (56, 61, 82)),
    MessageType.INFORM: (BOOTREQUEST, (), (12, 55, 57, 60, 61, 77, 82, 93)),
    MessageType.FORCERENEW: (BOOTREPLY, (54,), (90,)),
    MessageType.LEASEQUERY: (BOOTREQUEST, (), (55, 61, 82)),
    MessageType.LEASEUNASSIGNED: (BOOTREPLY, (54,), (82,)),
    MessageType.LEASEUNKNOWN: (BOOTREPLY, (54,), (61, 82)),
    MessageType.LEASEACTIVE: (BOOTREPLY, (54,), (51, 58, 59, 61, 82, 91, 92)),
    MessageType.BULKLEASEQUERY: (BOOTREQUEST, (), (61, 82, 153, 154)),
    MessageType.LEASEQUERYDONE: (BOOTREPLY, (), (151,)),
    MessageType.ACTIVELEASEQUERY: (BOOTREQUEST, (), (153, 154)),
    MessageType.LEASEQUERYSTATUS: (BOOTREPLY, (), (151, 152)),
    MessageType.TLS: (BOOTREQUEST, (), ()),
}
"""Who sends a type, the options it always has and those it may have (RFC 2131 tables 3 and 5; RFC 4388, 6926, 7724)."""

_uint8 = st.integers(0, 0xFF)
_uint16 = st.integers(0, 0xFFFF)
_uint32 = st.integers(0, 0xFFFFFFFF)
_addresses = st.sampled_from((0, 0x0A000001, 0xC0A80101, 0xFFFFFFFF)) | _uint32


def _field(size: int) -> SearchStrategy[bytes]:
    """What ``sname`` or ``file`` may hold: anything that does not end in the NULs which pad it."""
    return st.binary(max_size=size).map(lambda text: text.rstrip(b"\0"))


@st.composite
def packets(draw: DrawFn, message_type: MessageType | None = None) -> Packet:
    """DHCP messages, with the options that their type usually has, all of them well-formed.

    Args:
        draw: Supplied by hypothesis.
        message_type: Which messages; None for every type.
    """
    if message_type is None:
        message_type = draw(st.sampled_from(MessageType))
    op, always, usual = _TYPES[message_type]
    codes = [*always, *draw(st.lists(st.sampled_from(usual), unique=True, max_size=12))] if usual else [*always]
    options = {53: bytes((message_type,))}
    options.update((code, draw(option_data(code))) for code in codes)
    return draw(_packets(op, options))


@st.composite
def bootp_packets(draw: DrawFn) -> Packet:
    """BOOTP messages: no message type, and at most the vendor extensions of RFC 1497."""
    codes = draw(st.lists(st.sampled_from((1, 2, 3, 4, 6, 12, 13, 15, 17, 28)), unique=True))
    options = {code: draw(option_data(code)) for code in codes}
    return draw(_packets(draw(st.sampled_from((BOOTREQUEST, BOOTREPLY))), options))


@st.composite
def any_packets(draw: DrawFn) -> Packet:
    """Everything that can be encoded: any number in any field, any option code with any bytes, up to thousands of them.

    Decoding what ``encode`` makes of one gives an equal packet.
    """
    octets = st.binary(max_size=40) | st.builds(_repeated, st.binary(min_size=1, max_size=3), st.integers(200, 2000))
    codes = st.integers(1, 254).filter(lambda code: code != OptionCode.DHCP_OPTION_OVERLOAD)
    chosen = draw(st.dictionaries(codes, octets, max_size=20))
    if draw(st.booleans()):
        chosen[OptionCode.DHCP_MESSAGE_TYPE] = bytes((draw(st.sampled_from(MessageType)),))
    for option in draw(st.lists(options(), max_size=4)):
        chosen[option.code] = option.data
    chosen.pop(OptionCode.DHCP_OPTION_OVERLOAD, None)
    return Packet(
        op=draw(_uint8),
        htype=draw(_uint8),
        hops=draw(_uint8),
        xid=draw(_uint32),
        secs=draw(_uint16),
        flags=draw(_uint16),
        ciaddr=draw(_uint32),
        yiaddr=draw(_uint32),
        siaddr=draw(_uint32),
        giaddr=draw(_uint32),
        chaddr=draw(st.binary(max_size=16)),
        sname=draw(_field(64)),
        file=draw(_field(128)),
        options=chosen,
    )


@st.composite
def hostile_bytes(draw: DrawFn, max_size: int = 4096) -> bytes:
    """Bytes as an attacker, a broken client or a bad line would send them; some are well-formed all the same.

    Among them: noise, messages with bytes changed, cut out, put in or cut off, overloaded fields full of noise, lengths
    that lie, and datagrams filled up with one short piece of an option.

    Args:
        draw: Supplied by hypothesis.
        max_size: The most bytes; a UDP datagram can carry 65507.
    """
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=min(max_size, 600)))
    packet = draw(any_packets() | packets())
    data = bytearray(encode(packet, max_size=draw(st.none() | st.integers(241, 700)), min_size=0).data)
    if draw(st.booleans()):
        # Options that are noise, in the fields that option 52 says.
        overload = draw(st.integers(0, 4))
        data[44:236] = draw(st.binary(max_size=192)).ljust(192, b"\xff")
        data[240:] = bytes((52, 1, overload)) + draw(st.binary(max_size=100))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(data)) | st.integers(236, 260))
        damage = draw(st.sampled_from(("change", "put in", "cut out", "cut off", "fill up", "lie")))
        if damage == "change":
            data[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
        elif damage == "put in":
            data[at:at] = draw(st.binary(max_size=8))
        elif damage == "cut out":
            del data[at : at + draw(st.integers(1, 8))]
        elif damage == "cut off":
            del data[at:]
        elif damage == "lie":
            data[2:3] = bytes((draw(st.integers(7, 255)),))
        else:
            piece = draw(st.sampled_from((b"\x0c\x01a", b"\x0c\x00", b"\x00", b"\x52\x02\x01\x00")))
            data[at:] = piece * draw(st.integers(0, max_size // len(piece)))
    return bytes(data[:max_size])


@st.composite
def _packets(draw: DrawFn, op: int, options: dict[int, bytes]) -> Packet:
    """The header that goes with a message's options."""
    is_reply = op == BOOTREPLY
    return Packet(
        op=op,
        hops=draw(st.integers(0, 16)),
        xid=draw(_uint32),
        secs=draw(_uint16),
        flags=draw(st.sampled_from((0, BROADCAST_FLAG))),
        ciaddr=draw(_addresses),
        yiaddr=draw(_addresses) if is_reply else 0,
        siaddr=draw(_addresses) if is_reply else 0,
        giaddr=draw(_addresses),
        chaddr=draw(st.binary(min_size=6, max_size=6)),
        sname=draw(_field(64)) if is_reply else b"",
        file=draw(_field(128)) if is_reply else b"",
        options=options,
    )


def _repeated(piece: bytes, size: int) -> bytes:
    return (piece * (size // len(piece) + 1))[:size]
