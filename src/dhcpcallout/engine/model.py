"""What a user says of the networks to serve: plain descriptions, the same in code and in a configuration file.

Addresses and networks are texts or ``ipaddress`` objects, as is pleasant to write; ``plan`` checks them, all at
once, and makes of them what the engine works with.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from ..wire import Packet

__all__ = [
    "ClientClass",
    "OptionValues",
    "Pool",
    "Reservation",
    "Scope",
    "SharedNetwork",
    "Subnet",
]

OptionValues = Mapping[str, Any] | Mapping[int, Any] | Mapping[str | int, Any]
"""Options by registry name (``"routers"``) or code; a value is what the option's type takes, or its text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What clients are told, and for how long, by one of the things that they belong to.

    A client belongs, the most telling first, to its reservation, the pool of its address, its subnet, its shared
    network, its classes in their order, and to all clients. Each thing is taken from the first scope that says it,
    and the bounds of the lease time from a scope at least as telling as the one that says the lease time itself.

    Attributes:
        options: Options to tell.
        always_send: Options, by name or code, to send whether the client asks for them or not.
        never_send: Options not to send even if the client asks for them.
        lease_time_s: The lease time of a client that asks for none, in seconds; 0xFFFFFFFF is for ever.
        min_lease_time_s, max_lease_time_s: Between which a client may choose by asking (option 51), in seconds.
        renew_time_s, rebind_time_s: T1 and T2 (options 58 and 59), in seconds; else half and 7/8 of the lease time.
        next_server: The address of the boot server (``siaddr``).
        server_name: Its name (``sname``).
        boot_file_name: The boot file (``file``).
    """

    options: OptionValues = field(default_factory=dict)
    always_send: Sequence[str | int] = ()
    never_send: Sequence[str | int] = ()
    lease_time_s: int | None = None
    min_lease_time_s: int | None = None
    max_lease_time_s: int | None = None
    renew_time_s: int | None = None
    rebind_time_s: int | None = None
    next_server: str | IPv4Address | None = None
    server_name: str | None = None
    boot_file_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation(Scope):
    """What is kept for one client, which is told by exactly one of the identifiers.

    Attributes:
        hardware_address: The client's ``chaddr``: ``"00:0c:01:02:03:04"`` or the bytes themselves.
        client_id: The value of option 61: hexadecimal text, or the bytes.
        circuit_id: Sub-option 1 of option 82: its text, or the bytes.
        remote_id: Sub-option 2 of option 82: its text, or the bytes.
        option: The name or code of any other option whose value tells the client; with ``option_value``.
        suboption: The name or code of the sub-option within ``option`` whose value it is instead.
        enterprise: The enterprise number of the vendor whose part of ``option`` (124, 125) it is.
        option_value: The option's value, as its type takes it.
        address: The address, within the subnet, in its pools or not; None where only the rest is kept.
        hardware_type: ``htype`` that goes with ``hardware_address``, IANA's number; 1 is Ethernet.
        hostname: The client's name (option 12), whatever it calls itself.
        classes: Names of classes that it belongs to besides those whose test it passes.
    """

    hardware_address: str | bytes | None = None
    client_id: str | bytes | None = None
    circuit_id: str | bytes | None = None
    remote_id: str | bytes | None = None
    option: str | int | None = None
    suboption: str | int | None = None
    enterprise: int | None = None
    option_value: Any = None
    address: str | IPv4Address | None = None
    hardware_type: int = 1
    hostname: str | None = None
    classes: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool(Scope):
    """Addresses that are given out.

    Attributes:
        range: Ends included: ``"10.1.0.0-10.1.0.255"``, or a prefix: ``"10.1.0.0/24"``.
        classes: If any, a client must belong to one of these to get an address from here.
    """

    range: str
    classes: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Subnet(Scope):
    """A network whose clients get addresses.

    Attributes:
        network: The prefix: ``"10.0.0.0/8"``.
        pools: What is given out.
        exclude: Ranges, prefixes or single addresses that are never given out of the pools.
        reservations: What is kept for single clients.
        interface: The interface whose clients are of this subnet whatever the interface's own addresses are.
        relays: Addresses of relay agents (``giaddr``), out of the prefix, whose clients are of this subnet.
        classes: If any, a client must belong to one of these to be in this subnet.
        match_client_id: Whether a client is told by its client identifier (option 61) before its hardware address.
        rapid_commit: Whether a DISCOVER with option 80 is acknowledged at once (RFC 4039).
        bootp: Whether BOOTP clients without a reservation get addresses, for ever (RFC 1534).
    """

    network: str | IPv4Network
    pools: Sequence[str | Pool] = ()
    exclude: Sequence[str] = ()
    reservations: Sequence[Reservation] = ()
    interface: str = ""
    relays: Sequence[str | IPv4Address] = ()
    classes: Sequence[str] = ()
    match_client_id: bool = True
    rapid_commit: bool = False
    bootp: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedNetwork(Scope):
    """Several subnets on one link: a client of one gets an address of another where its own has none left.

    Attributes:
        name: What log records and explanations call it.
        subnets: In the order in which they are tried.
        interface: The interface whose clients are of this network.
        relays: Addresses of relay agents whose clients are of this network.
        classes: If any, a client must belong to one of these to be in this network.
    """

    name: str
    subnets: Sequence[Subnet]
    interface: str = ""
    relays: Sequence[str | IPv4Address] = ()
    classes: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientClass(Scope):
    """A kind of client.

    Attributes:
        name: What guards and other classes' tests call it. ``ALL``, ``KNOWN`` (has a reservation) and ``UNKNOWN`` exist
            by themselves.
        test: Which clients belong to it, as ``conditions`` describes; None where reservations alone say so.
        function: A function that says so, in the place of ``test``.
        drop: Whether what these clients send is dropped.
    """

    name: str
    test: Mapping[str, Any] | None = None
    function: Callable[[Packet], bool] | None = None
    drop: bool = False
