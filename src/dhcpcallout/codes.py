"""The numbers of the protocol (IANA, RFC 2131) and of the callout ABI (dhcpssdk.h), as enums."""

from enum import IntEnum

__all__ = [
    "BOOTREPLY",
    "BOOTREQUEST",
    "BROADCAST_FLAG",
    "CLIENT_PORT",
    "INFINITE",
    "MESSAGE_TYPES",
    "SERVER_PORT",
    "AddressDeleteReason",
    "AddressGiven",
    "AddressType",
    "ControlCode",
    "DropReason",
    "EventId",
    "MessageType",
    "SendCode",
]

BOOTREQUEST = 1
BOOTREPLY = 2
BROADCAST_FLAG = 0x8000
"""The B bit of ``flags`` (RFC 2131 figure 2)."""
SERVER_PORT = 67
CLIENT_PORT = 68
INFINITE = 0xFFFFFFFF
"""A lease time that never ends (RFC 2131 section 3.3)."""


class MessageType(IntEnum):
    """Values of option 53 (IANA, "DHCP Message Type 53 Values")."""

    DISCOVER = 1
    OFFER = 2
    REQUEST = 3
    DECLINE = 4
    ACK = 5
    NAK = 6
    RELEASE = 7
    INFORM = 8
    FORCERENEW = 9
    LEASEQUERY = 10
    LEASEUNASSIGNED = 11
    LEASEUNKNOWN = 12
    LEASEACTIVE = 13
    BULKLEASEQUERY = 14
    LEASEQUERYDONE = 15
    ACTIVELEASEQUERY = 16
    LEASEQUERYSTATUS = 17
    TLS = 18


MESSAGE_TYPES: tuple[MessageType | None, ...] = tuple(
    MessageType(value) if value in MessageType._value2member_map_ else None for value in range(256)
)
"""A byte to its message type, or None: one index instead of an enum call on the hot path."""


class ControlCode(IntEnum):
    """What the Control hook tells (``DHCP_CONTROL_*``)."""

    START = 1
    STOP = 2
    PAUSE = 3
    CONTINUE = 4


class DropReason(IntEnum):
    """Why a packet was dropped (``DHCP_DROP_*``); PROCESSED ends every packet's life."""

    DUPLICATE = 0x01
    NOMEM = 0x02
    INTERNAL_ERROR = 0x03
    TIMEOUT = 0x04
    UNAUTH = 0x05
    PAUSED = 0x06
    NO_SUBNETS = 0x07
    INVALID = 0x08
    WRONG_SERVER = 0x09
    NOADDRESS = 0x0A
    PROCESSED = 0x0B
    GEN_FAILURE = 0x100


class SendCode(IntEnum):
    """What the PktSend hook tells (``DHCP_SEND_PACKET``)."""

    SEND_PACKET = 0x10000000


class AddressDeleteReason(IntEnum):
    """Why an address was taken away (``DHCP_PROB_*``)."""

    CONFLICT = 0x20000001
    DECLINE = 0x20000002
    RELEASE = 0x20000003
    NACKED = 0x20000004


class AddressGiven(IntEnum):
    """How an address is given (``DHCP_GIVE_ADDRESS_*``).

    NEW: the client had no active lease of it. OLD: a renewal.
    """

    NEW = 0x30000001
    OLD = 0x30000002


class AddressType(IntEnum):
    """Which kind of client gets the address (``DHCP_CLIENT_*``)."""

    BOOTP = 0x30000003
    DHCP = 0x30000004


class EventId(IntEnum):
    """Microsoft DHCP Server's event log ids, which our log records carry too."""

    CALLOUT_EXCEPTION = 1031
    CALLOUT_LOAD_EXCEPTION = 1032
    CALLOUT_LOADED = 1033
    CALLOUT_LOAD_FAILED = 1034
