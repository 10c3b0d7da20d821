"""Where a reply goes, as a table: RFC 2131 section 4.1, RFC 1542 section 5.4, RFC 8357, RFC 4388."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ..codes import BROADCAST_FLAG, CLIENT_PORT, SERVER_PORT, AgentSubOption, MessageType, OptionCode
from ..wire import Packet
from .exchange import Arrival, Delivery
from .relay import agent_suboption

if TYPE_CHECKING:
    from .networks import PlannedSubnet

__all__ = [
    "BROADCAST_INT",
    "ROWS",
    "Answered",
    "Case",
    "Destination",
    "Row",
    "find_destination",
    "is_destination",
    "is_loopback",
    "is_unicast",
]

BROADCAST_INT = 0xFFFFFFFF

_MESSAGE_TYPE = int(OptionCode.DHCP_MESSAGE_TYPE)
_RELAY_PORT = int(AgentSubOption.RELAY_PORT)
_LOOPBACK = 127
_NO_BROADCAST = 0xFFFFFFFE  # the mask from which on a prefix has no broadcast address (RFC 3021)

_INFORM = bytes((MessageType.INFORM,))
_LEASE_QUERY_REPLIES = (MessageType.LEASEUNASSIGNED, MessageType.LEASEUNKNOWN, MessageType.LEASEACTIVE)

SubnetOf = Callable[[int], "PlannedSubnet | None"]
"""Gives the subnet that an address, a 32-bit integer, lies in."""


class Answered(Protocol):
    """What has to be known of a reply: a ``Packet`` will do."""

    @property
    def message_type(self) -> MessageType | None:
        """Its option 53."""

    @property
    def yiaddr_int(self) -> int:
        """The client's address, a 32-bit integer; 0 for none."""


class Case:
    """What decides where a reply goes.

    Args:
        subnet_of: Gives the subnet that an address lies in, which tells a broadcast address.

    Attributes:
        request: What is answered.
        reply: The answer.
        arrival: How the request came in.
        giaddr_int, ciaddr_int: The request's, 32-bit integers; 0 where they are not the address of a single host.
    """

    __slots__ = ("_subnet_of", "arrival", "ciaddr_int", "giaddr_int", "reply", "request")

    def __init__(self, request: Packet, reply: Answered, arrival: Arrival, subnet_of: SubnetOf) -> None:
        self.request = request
        self.reply = reply
        self.arrival = arrival
        self._subnet_of = subnet_of
        giaddr_int, ciaddr_int = request.giaddr_int, request.ciaddr_int
        self.giaddr_int = giaddr_int if giaddr_int and is_destination(giaddr_int, arrival, subnet_of) else 0
        self.ciaddr_int = ciaddr_int if ciaddr_int and is_destination(ciaddr_int, arrival, subnet_of) else 0

    def has_source(self) -> bool:
        """Whether the request came from the address of a single host."""
        return is_destination(self.arrival.source_int, self.arrival, self._subnet_of)


class Destination(NamedTuple):
    """Where a reply goes.

    Attributes:
        delivery: How it is sent; None where it cannot be, for what the client or its relay agent wrote is nobody's
            address: nothing is sent then.
        address_int: The IP destination, a 32-bit integer.
        port: The UDP destination port.
        reason: Why, for explanations.
    """

    delivery: Delivery | None
    address_int: int
    port: int
    reason: str


class Row(NamedTuple):
    """A row of the table.

    Attributes:
        reason: What it is about, with its source.
        applies: Whether a reply goes by this row; the rows above it did not apply.
        delivery: How the reply is sent; None where it is not.
        address: The IP destination.
        port: The UDP destination port.
    """

    reason: str
    applies: Callable[[Case], bool]
    delivery: Delivery | None
    address: Callable[[Case], int]
    port: Callable[[Case], int]


def is_loopback(address_int: int) -> bool:
    """Whether an address is in 127.0.0.0/8."""
    return address_int >> 24 == _LOOPBACK


def is_unicast(address_int: int) -> bool:
    """Whether an address can be a single host's, as far as the address alone tells: not 0.0.0.0/8, not multicast."""
    first = address_int >> 24
    return first != 0 and not 224 <= first <= 239 and address_int != BROADCAST_INT


def is_destination(address_int: int, arrival: Arrival, subnet_of: SubnetOf) -> bool:
    """Whether a reply may be sent to an address that stands in a request.

    Anybody can write anything there. It must not make the server broadcast, send to a group, or talk to itself: a
    loopback address is for what came in from one.

    Args:
        address_int: The address, a 32-bit integer.
        arrival: How the request came in.
        subnet_of: Gives the subnet that an address lies in, of which the first and the last address are no host's.
    """
    if not is_unicast(address_int):
        return False
    if is_loopback(address_int):
        return is_loopback(arrival.source_int)
    subnet = subnet_of(address_int)
    if subnet is None or subnet.mask_int >= _NO_BROADCAST:
        return True
    return address_int not in (subnet.network_int, subnet.last_int)


def find_destination(request: Packet, reply: Answered, arrival: Arrival, subnet_of: SubnetOf) -> Destination:
    """Where a reply goes: by the first row that applies.

    Args:
        request: What is answered.
        reply: The answer.
        arrival: How the request came in.
        subnet_of: Gives the subnet that an address (a 32-bit integer) lies in, or None.
    """
    case = Case(request, reply, arrival, subnet_of)
    rows = _ON_PORT_67 if arrival.server_port == SERVER_PORT else _ON_ANOTHER_PORT
    for reason, applies, delivery, address, port in rows:
        if applies(case):
            return Destination(delivery, address(case), port(case), reason)
    raise AssertionError("the last row applies to every reply")


def _always(case: Case) -> bool:  # noqa: ARG001
    return True


def _can_take_a_frame(case: Case) -> bool:
    request = case.request
    return case.reply.yiaddr_int != 0 and not request.flags & BROADCAST_FLAG and request.chaddr != b""


def _source(case: Case) -> int:
    return case.arrival.source_int


def _ciaddr(case: Case) -> int:
    return case.request.ciaddr_int


def _giaddr(case: Case) -> int:
    return case.request.giaddr_int


def _yiaddr(case: Case) -> int:
    return case.reply.yiaddr_int


def _everybody(case: Case) -> int:  # noqa: ARG001
    return BROADCAST_INT


def _source_port(case: Case) -> int:
    return case.arrival.source_port


def _server_port(case: Case) -> int:  # noqa: ARG001
    return SERVER_PORT


def _client_port(case: Case) -> int:  # noqa: ARG001
    return CLIENT_PORT


# A server that is not on port 67 is tried out: those who ask it cannot listen on the well-known ports either.
_ON_ANOTHER_PORT = (
    Row(
        "the server is on another port than 67, and source port 0 takes no answer (RFC 768)",
        lambda case: case.arrival.source_port == 0,
        None,
        _source,
        _source_port,
    ),
    Row(
        "the server is on another port than 67: to where the request came from",
        Case.has_source,
        Delivery.UNICAST,
        _source,
        _source_port,
    ),
    Row(
        "the server is on another port than 67, and the request came from no address: to all, on its source port",
        _always,
        Delivery.BROADCAST,
        _everybody,
        _source_port,
    ),
)

_ON_PORT_67 = (
    Row(
        "a BOOTP client that can answer at ciaddr, whether relayed or not (RFC 1542 section 5.4)",
        lambda case: case.ciaddr_int != 0 and _MESSAGE_TYPE not in case.request.options,
        Delivery.UNICAST,
        _ciaddr,
        _client_port,
    ),
    Row(
        "a relay agent that asks for the answer at its source port (RFC 8357)",
        lambda case: (
            case.giaddr_int != 0
            and case.arrival.source_port != 0
            and agent_suboption(case.request, _RELAY_PORT) is not None
        ),
        Delivery.UNICAST,
        _giaddr,
        _source_port,
    ),
    Row(
        "a relay agent (RFC 2131 section 4.1, RFC 1542 section 5.4) or who asks about a lease (RFC 4388), at giaddr",
        lambda case: case.giaddr_int != 0,
        Delivery.UNICAST,
        _giaddr,
        _server_port,
    ),
    Row(
        "giaddr is not the address of a single host",
        lambda case: case.request.giaddr_int != 0,
        None,
        _giaddr,
        _server_port,
    ),
    Row(
        "who asks about a lease has to say in giaddr where the answer goes (RFC 4388); ciaddr is what it asks about",
        lambda case: case.reply.message_type in _LEASE_QUERY_REPLIES,
        None,
        _giaddr,
        _server_port,
    ),
    Row(
        "a refusal, whose client may not use the address that it has (RFC 2131 section 4.1)",
        lambda case: case.reply.message_type is MessageType.NAK,
        Delivery.BROADCAST,
        _everybody,
        _client_port,
    ),
    Row(
        "a client that has an address, ciaddr (RFC 2131 section 4.1)",
        lambda case: case.ciaddr_int != 0,
        Delivery.UNICAST,
        _ciaddr,
        _client_port,
    ),
    # RFC 2131 section 4.3.5 wants ciaddr filled in, but there are clients that leave it out.
    Row(
        "a client that asks for options (INFORM) from its address without saying it in ciaddr",
        lambda case: case.request.options.get(_MESSAGE_TYPE) == _INFORM and case.has_source(),
        Delivery.UNICAST,
        _source,
        _client_port,
    ),
    Row(
        "a client that takes a frame before it has an address (RFC 2131 section 4.1, RFC 1542 section 5.4)",
        _can_take_a_frame,
        Delivery.HARDWARE,
        _yiaddr,
        _client_port,
    ),
    Row(
        "a client that asks for broadcast, or cannot be reached otherwise (RFC 2131 section 4.1, RFC 1542 section 5.4)",
        _always,
        Delivery.BROADCAST,
        _everybody,
        _client_port,
    ),
)

ROWS = (*_ON_ANOTHER_PORT, *_ON_PORT_67)
"""Where replies go, the first row that applies; the first three are for a server that is not on port 67."""
