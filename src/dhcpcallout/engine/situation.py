"""What the engine knows of the client that sent a packet, and where it stands."""

from dataclasses import dataclass
from typing import NamedTuple

from ..codes import MessageType
from ..wire import Packet
from .addresses import Addresses
from .clients import PlannedReservation, client_key
from .exchange import Arrival
from .networks import PlannedSubnet, Selection

__all__ = ["Lot", "Situation"]


@dataclass(slots=True, eq=False)
class Situation:
    """A packet and its client.

    Attributes:
        packet: The packet.
        arrival: How it came in.
        kind: Its message type; None for a BOOTP request.
        server_int: The server identifier of the replies to it, a 32-bit integer.
        client: Who the client is where client identifiers count (``clients.client_key``).
        selection: The network that it is in, and why.
        reservation: What is kept for it, if anything.
        classes: The names of the classes that it belongs to.
        places: The subnets that it may be in, with their addresses, the one that the packet points at first.
    """

    packet: Packet
    arrival: Arrival
    kind: MessageType | None
    server_int: int
    client: bytes
    selection: Selection
    reservation: PlannedReservation | None
    classes: tuple[str, ...]
    places: tuple[Addresses, ...]

    def key(self, subnet: PlannedSubnet) -> bytes:
        """Who the client is in a subnet: what its leases there are found by."""
        return self.client if subnet.match_client_id else client_key(self.packet, False)

    def place_of(self, address_int: int) -> Addresses | None:
        """The one of ``places`` that an address, a 32-bit integer, lies in."""
        for place in self.places:
            if address_int in place.subnet:
                return place
        return None

    def reserved(self, subnet: PlannedSubnet) -> int | None:
        """The address that is reserved for the client in a subnet, a 32-bit integer."""
        reservation = self.reservation
        if reservation is None or reservation.address_int is None or reservation.address_int not in subnet:
            return None
        return reservation.address_int


class Lot(NamedTuple):
    """An address that falls to a client.

    Attributes:
        place: The subnet that it is in, with its addresses.
        address_int: The address, a 32-bit integer.
        why: Why this one, in words.
    """

    place: Addresses
    address_int: int
    why: str
