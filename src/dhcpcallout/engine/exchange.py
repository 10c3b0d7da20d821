"""One packet on its way through the engine: how it arrived, what became of it, and where its reply goes."""

from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, NamedTuple

from ..codes import SERVER_PORT, AddressGiven, DropReason
from ..events import Context
from ..leases import Lease

if TYPE_CHECKING:
    from ..hooks import Pending, Steps
    from ..leases import LeaseChange
    from ..wire import Packet
    from .answers import Answer
    from .situation import Lot, Situation

__all__ = ["Arrival", "Delivery", "Exchange", "Outgoing", "Reply", "Stage"]


class Arrival(NamedTuple):
    """Where a datagram came from and how it came in. Addresses are 32-bit integers.

    Attributes:
        source_int: The IP source address.
        source_port: The UDP source port.
        server_address_int: The address of ours that it reached; the server identifier of the reply.
        server_port: The UDP port of ours that it reached. On any other than 67 the server answers to where the datagram
            came from: clients of such a server cannot listen on port 68 either.
        interface: The name of the interface, or "" where the socket cannot tell.
    """

    source_int: int
    source_port: int
    server_address_int: int
    server_port: int = SERVER_PORT
    interface: str = ""

    @property
    def source(self) -> IPv4Address:
        """The IP source address."""
        return IPv4Address(self.source_int)


class Delivery(IntEnum):
    """How a reply reaches its client (RFC 2131 section 4.1).

    UNICAST: an ordinary datagram. BROADCAST: a datagram to 255.255.255.255. HARDWARE: a frame to the client's
    hardware address, for it cannot answer ARP yet; where no frame can be sent, broadcast.
    """

    UNICAST = 0
    BROADCAST = 1
    HARDWARE = 2


class Outgoing(NamedTuple):
    """A reply, ready to be sent. Addresses are 32-bit integers.

    Attributes:
        data: The DHCP message.
        delivery: How it is to be sent.
        address_int: The IP destination.
        port: The UDP destination port.
        hardware_address: The client's ``chaddr``, for HARDWARE.
        arrival: How the request came in: the reply leaves by the same interface, from the same address.
    """

    data: bytes
    delivery: Delivery
    address_int: int
    port: int
    hardware_address: bytes
    arrival: Arrival

    @property
    def address(self) -> IPv4Address:
        """The IP destination."""
        return IPv4Address(self.address_int)


@dataclass(slots=True)
class Reply:
    """A reply that was decided on, before hooks and encoding.

    Attributes:
        answer: What it says.
        situation: Whom it answers.
        lot: The address that it offers or gives, or None.
        given: For an address that is given: whether it is new to the client; else None.
        lease: The same: the row that is to be durable before.
        lease_time_s: The same: for how long, in seconds.
        refused: For a NAK: the address that is refused, a 32-bit integer; else None.
    """

    answer: "Answer"
    situation: "Situation"
    lot: "Lot | None" = None
    given: AddressGiven | None = None
    lease: Lease | None = None
    lease_time_s: int = 0
    refused: int | None = None


class Stage(IntEnum):
    """How far an exchange has come.

    DECIDING: nothing of it is durable. ANSWERING: its changes are. ENDING: it is answered or dropped, and only the
    callouts' last hooks are left. ENDED: nothing is left.
    """

    DECIDING = 0
    ANSWERING = 1
    ENDING = 2
    ENDED = 3


class Exchange:
    """A received datagram and what the engine decided about it; the caller passes it back to ``finish``.

    Attributes:
        datagram: The datagram, as it came in.
        data: The same, as the NewPkt hook left it.
        arrival: How it came in.
        now: The time that its steps go by, Unix time in seconds: a step that follows an await must read it anew.
        packet: The decoded message, or None where it could not be decoded.
        contexts: The callouts' contexts of this packet.
        changes: The rows to commit before ``finish`` is called.
        reply: The reply to be, or None.
        drop: Why there is none, or None where the packet asked for none (a DECLINE or a RELEASE that was carried out).
        parked: What an async function has the exchange wait for, or None: await it, and pass the result to ``resume``.
        steps: What is left to do before the engine next returns it.
        outgoing: The reply that a step has made and that is still to be returned to the caller.
        stage: How far it has come.
        deadline_s: Until when it may be parked, Unix time in seconds; None for one that has not been.
    """

    __slots__ = (
        "arrival",
        "changes",
        "contexts",
        "data",
        "datagram",
        "deadline_s",
        "drop",
        "now",
        "outgoing",
        "packet",
        "parked",
        "reply",
        "stage",
        "steps",
    )

    def __init__(self, datagram: bytes, arrival: Arrival, contexts: tuple[Context, ...], now: float) -> None:
        self.datagram = self.data = datagram
        self.arrival = arrival
        self.contexts = contexts
        self.now = now
        self.packet: Packet | None = None
        self.changes: list[LeaseChange] = []
        self.reply: Reply | None = None
        self.drop: DropReason | None = None
        self.parked: Pending | None = None
        self.steps: Steps[None] | None = None
        self.outgoing: Outgoing | None = None
        self.stage = Stage.DECIDING
        self.deadline_s: float | None = None

    def take_changes(self) -> "list[LeaseChange]":
        """What stands in ``changes`` of an exchange that is parked while it is decided about, and stands on its own."""
        if self.stage is not Stage.DECIDING:
            return []
        changes, self.changes = self.changes, []
        return changes
