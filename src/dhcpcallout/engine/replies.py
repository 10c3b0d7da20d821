"""What goes into a reply (RFC 2131 section 4.3)."""

from ..codes import (
    BOOTREPLY,
    BROADCAST_FLAG,
    INFINITE,
    MessageType,
    OptionCode,
)
from ..wire import Packet, encode
from .exchange import Arrival
from .networks import PlannedSubnet

__all__ = ["build_reply", "encode_reply"]

_MINIMUM_MAXIMUM = 576  # bytes of an IP datagram that every client takes (RFC 2131 section 2)
_IP_AND_UDP = 28

_MESSAGE_TYPE = int(OptionCode.DHCP_MESSAGE_TYPE)
_SERVER_IDENTIFIER = int(OptionCode.DHCP_SERVER_IDENTIFIER)
_LEASE_TIME = int(OptionCode.DHCP_LEASE_TIME)
_RENEWAL_TIME = int(OptionCode.DHCP_RENEWAL_TIME)
_REBINDING_TIME = int(OptionCode.DHCP_REBINDING_TIME)
_REQUEST_LIST = int(OptionCode.DHCP_PARAMETER_REQUEST_LIST)
_AGENT_OPTIONS = int(OptionCode.DHCP_AGENT_OPTIONS)
_CLIENT_IDENTIFIER = int(OptionCode.DHCP_CLIENT_IDENTIFIER)
_MAXIMUM_SIZE = int(OptionCode.DHCP_MAX_MESSAGE_SIZE)
_SUBNET_MASK = int(OptionCode.SUBNET_MASK)


def build_reply(
    request: Packet,
    arrival: Arrival,
    message_type: MessageType,
    *,
    address_int: int = 0,
    subnet: PlannedSubnet | None = None,
    lease_time_s: int | None = None,
) -> Packet:
    """A reply to a request.

    Args:
        request: What is answered.
        arrival: How it came in.
        message_type: OFFER, ACK or NAK.
        address_int: ``yiaddr``, a 32-bit integer.
        subnet: Whose options the client gets; None for a NAK, which carries none (RFC 2131 table 3).
        lease_time_s: The lease time in seconds; None for an INFORM's ACK (RFC 2131 section 4.3.5).
    """
    options = {
        _MESSAGE_TYPE: bytes((message_type,)),
        _SERVER_IDENTIFIER: arrival.server_address_int.to_bytes(4, "big"),
    }
    if lease_time_s is not None:
        options[_LEASE_TIME] = lease_time_s.to_bytes(4, "big")
        if lease_time_s != INFINITE:
            options[_RENEWAL_TIME] = (lease_time_s // 2).to_bytes(4, "big")
            options[_REBINDING_TIME] = (lease_time_s * 7 // 8).to_bytes(4, "big")
    if subnet is not None:
        wanted = request.options.get(_REQUEST_LIST)
        configured = subnet.options
        if wanted is None:
            options.update(configured)
        else:
            options[_SUBNET_MASK] = configured[_SUBNET_MASK]
            for code in wanted:
                if code in configured:
                    options[code] = configured[code]
    for echoed in (_CLIENT_IDENTIFIER, _AGENT_OPTIONS):  # RFC 6842 section 3, RFC 3046 section 2.2
        value = request.options.get(echoed)
        if value is not None:
            options[echoed] = value
    flags = request.flags
    if message_type == MessageType.NAK and request.giaddr_int:
        flags |= BROADCAST_FLAG  # RFC 2131 section 4.3.2: the client may have no address on the relay's net
    return Packet(
        op=BOOTREPLY,
        htype=request.htype,
        xid=request.xid,
        flags=flags,
        ciaddr=request.ciaddr_int if message_type == MessageType.ACK else 0,
        yiaddr=address_int,
        giaddr=request.giaddr_int,
        chaddr=request.chaddr,
        options=options,
    )


def encode_reply(request: Packet, reply: Packet) -> bytes:
    """The reply's bytes, in the order and within the size that the client asked for."""
    size = int.from_bytes(request.options.get(_MAXIMUM_SIZE, b"\0")[:2], "big")
    return encode(
        reply,
        order=request.options.get(_REQUEST_LIST, b""),
        max_size=max(size, _MINIMUM_MAXIMUM) - _IP_AND_UDP,
    ).data
