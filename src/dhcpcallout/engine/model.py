"""What a user says of the networks to serve: plain descriptions, the same in code and in a configuration file.

Addresses and networks are texts or ``ipaddress`` objects, as is pleasant to write; ``plan`` checks them, all at
once, and makes of them what the engine works with.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from typing import Any

__all__ = ["OptionValues", "Reservation", "Subnet"]

OptionValues = Mapping[str | int, Any]
"""Options by registry name (``"routers"``) or code; a value is what the option's type takes, or its text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """An address that is kept for one client.

    Attributes:
        hardware_address: The client's ``chaddr``: ``"00:0c:01:02:03:04"`` or the bytes themselves.
        address: The address, within the subnet; in its pools or not.
        hardware_type: ``htype``, IANA's number; 1 is Ethernet.
    """

    hardware_address: str | bytes
    address: str | IPv4Address
    hardware_type: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Subnet:
    """A network whose clients get addresses.

    Attributes:
        network: The prefix: ``"10.0.0.0/8"``.
        pools: Ranges that are given out, ends included: ``"10.1.0.0-10.1.0.255"``, or prefixes: ``"10.1.0.0/24"``.
        lease_time_s: For how long an address is leased, in seconds; 0xFFFFFFFF is for ever.
        options: What clients of this subnet are told, before what all clients are told.
        reservations: Addresses kept for single clients.
        interface: The interface whose clients are of this subnet whatever the interface's own addresses are.
    """

    network: str | IPv4Network
    pools: Sequence[str] = ()
    lease_time_s: int = 3600
    options: OptionValues = field(default_factory=dict)
    reservations: Sequence[Reservation] = ()
    interface: str = ""
