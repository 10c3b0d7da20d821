"""What happened, one frozen dataclass a fact: what the functions of a callout get.

Every event of a packet carries the bytes of the DHCP message (no IP or UDP header), the server's address
and the packet's ``context``: a dict that is this callout's own, empty at ``PacketReceived``, and the same dict in
every later event of that packet. Addresses ending in ``_int`` are 32-bit integers (192.168.0.1 is
0xC0A80001); the properties beside them give ``ipaddress.IPv4Address``.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from ipaddress import IPv4Address, IPv4Network
from typing import Any, ClassVar, TypeVar

from .codes import AddressDeleteReason, AddressGiven, AddressType, ControlCode, DropReason, SendCode
from .errors import WireError
from .leases import Lease
from .wire import REGISTRY, OptionRegistry, Packet, decode

__all__ = [
    "AddressDeleted",
    "AddressOffered",
    "AddressSelected",
    "ClientDeleted",
    "Context",
    "Event",
    "LeaseCommitted",
    "LeaseExpired",
    "OptionsParsed",
    "PacketDropped",
    "PacketEvent",
    "PacketReceived",
    "ReplyBuilt",
    "ReplyPrepared",
    "ServiceControlled",
    "SubnetSelected",
    "maker",
]

Context = dict[str, Any]
"""A callout's own notes about one packet."""


@dataclass(frozen=True, slots=True)
class ServiceControlled:
    """The service started, stopped, paused or continued (slot ``control``).

    START comes before every other event of a callout, STOP after every other.

    Attributes:
        code: What happened to the service.
    """

    code: ControlCode


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketEvent:
    """What the events of a packet have in common.

    Attributes:
        data: The DHCP message that the client sent (for ``ReplyBuilt``: that the server is about to send), as bytes.
        server_address_int: The address of the socket that received the packet, a 32-bit integer.
        context: This callout's own dict for this packet.
        registry: What the options of its packets are looked up in: the server's, with the user's own options.
    """

    data: bytes
    server_address_int: int
    context: Context
    registry: OptionRegistry = field(default=REGISTRY, repr=False, compare=False)
    _decoded: Packet | WireError | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def packet(self) -> Packet | None:
        """``data``, decoded leniently when first asked for; None where it is no DHCP message at all.

        The packet is a copy of the server's: changing it changes nothing (return ``Replace`` for that).
        """
        decoded = self._decoded
        if decoded is None:
            try:
                decoded = decode(self.data, registry=self.registry)
            except WireError as error:
                decoded = error.with_traceback(None)
            object.__setattr__(self, "_decoded", decoded)
        return None if isinstance(decoded, WireError) else decoded

    @property
    def server_address(self) -> IPv4Address:
        """The address of the socket that received the packet."""
        return IPv4Address(self.server_address_int)


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketReceived(PacketEvent):
    """A packet slated for processing arrived (slot ``new_packet``); it need not be well-formed.

    May be answered with ``Drop`` or ``Replace``.

    Attributes:
        source_int: The IP source address, a 32-bit integer.
        source_port: The UDP source port.
        interface: The name of the interface that it arrived on, or "" where the socket cannot tell.
    """

    source_int: int
    source_port: int
    interface: str

    @property
    def source(self) -> IPv4Address:
        """The IP source address."""
        return IPv4Address(self.source_int)


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketDropped(PacketEvent):
    """A packet was dropped, or (PROCESSED, every packet's last event) is done with (slot ``packet_drop``).

    Attributes:
        reason: Why.
    """

    reason: DropReason


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyBuilt(PacketEvent):
    """A response is about to be sent (slot ``packet_send``); ``data`` and ``packet`` are the response.

    May be answered with ``Drop`` or ``Replace``.

    Attributes:
        request_data: The message that is answered, as bytes.
    """

    code: ClassVar[SendCode] = SendCode.SEND_PACKET

    request_data: bytes

    @property
    def request(self) -> Packet:
        """The message that is answered, decoded leniently at each call.

        Raises:
            WireError: Never for an event that the server made: it answers what it could decode.
        """
        return decode(self.request_data, registry=self.registry)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressDeleted(PacketEvent):
    """An address was taken from a client (slot ``address_delete``): in conflict, declined, released or refused.

    Attributes:
        address_int: The address in question, a 32-bit integer.
        reason: Why.
    """

    address_int: int
    reason: AddressDeleteReason

    @property
    def address(self) -> IPv4Address:
        """The address in question."""
        return IPv4Address(self.address_int)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressOffered(PacketEvent):
    """An address is about to be acknowledged to a client (slot ``address_offer``); its lease is durable by now.

    Attributes:
        address_int: The address, a 32-bit integer.
        given: NEW, or OLD for a renewal.
        address_type: Whether a DHCP or a BOOTP client gets it.
        lease_time_s: For how long, in seconds; 0xFFFFFFFF is for ever.
    """

    address_int: int
    given: AddressGiven
    address_type: AddressType
    lease_time_s: int

    @property
    def address(self) -> IPv4Address:
        """The address."""
        return IPv4Address(self.address_int)


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionsParsed(PacketEvent):
    """A packet's options were parsed (slot ``handle_options``): read them from ``packet``."""


@dataclass(frozen=True, slots=True)
class ClientDeleted:
    """A lease is about to leave the active database (slot ``delete_client``): released, expired or deleted.

    Attributes:
        address_int: The address, a 32-bit integer.
        hardware_address: The client's ``chaddr``, ``hlen`` bytes.
        address_type: Whether a DHCP or a BOOTP client had it.
    """

    address_int: int
    hardware_address: bytes
    address_type: AddressType

    @property
    def address(self) -> IPv4Address:
        """The address."""
        return IPv4Address(self.address_int)


# What only Python callouts are told


@dataclass(frozen=True, slots=True, kw_only=True)
class SubnetSelected(PacketEvent):
    """The server knows which subnet a client is in (slot ``select_subnet``).

    May be answered with ``UseSubnet`` or ``Drop``.

    Attributes:
        subnet: The subnet, as those asked before left it, or None: it is in none that is served, and its packet is
            dropped (NO_SUBNETS) unless a function answers with one.
        subnets: The subnets that may be answered with: all that are served.
    """

    subnet: IPv4Network | None
    subnets: tuple[IPv4Network, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressSelected(PacketEvent):
    """The server chose an address for a client that asks for any (slot ``select_address``); nobody else gets it now.

    A client that asks to keep the address that it has is not asked about. May be answered with ``UseAddress``,
    ``InUse`` or ``Drop``.

    Attributes:
        address_int: The address, as those asked before left it, a 32-bit integer.
        subnet: The subnet that it is in.
        why: Why this one, in words.
    """

    address_int: int
    subnet: IPv4Network
    why: str

    @property
    def address(self) -> IPv4Address:
        """The address."""
        return IPv4Address(self.address_int)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyPrepared(PacketEvent):
    """The server has a reply, not yet encoded (slot ``build_reply``).

    May be answered with ``Replace`` or ``Drop``, or by changing ``reply``. Options and boot parameters may be changed,
    but not whose reply it is, of what type, from which server, nor which address it gives and for how long: the lease
    is durable by now.

    Attributes:
        reply_data: The reply to be, as those asked before left it, as bytes.
    """

    reply_data: bytes
    _reply: Packet | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def reply(self) -> Packet:
        """``reply_data``, decoded when first asked for: what is changed in it until the function returns counts."""
        reply = self._reply
        if reply is None:
            reply = decode(self.reply_data, registry=self.registry)
            object.__setattr__(self, "_reply", reply)
        return reply


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseCommitted(PacketEvent):
    """A lease is durable, and its client is about to be told (slot ``lease_committed``).

    May be answered with ``Drop``: the lease stays, the client is not told.

    Attributes:
        lease: The row of the lease store.
        given: NEW, or OLD for a renewal.
    """

    lease: Lease
    given: AddressGiven

    @property
    def address(self) -> IPv4Address:
        """The address."""
        return self.lease.address


@dataclass(frozen=True, slots=True)
class LeaseExpired:
    """A lease's time is over (slot ``lease_expired``); ``ClientDeleted`` follows.

    May be answered with ``Extend``.

    Attributes:
        lease: The row of the lease store.
    """

    lease: Lease

    @property
    def address(self) -> IPv4Address:
        """The address."""
        return self.lease.address


Event = ServiceControlled | PacketEvent | ClientDeleted | LeaseExpired

E = TypeVar("E", bound=PacketEvent)

_NOT_OF_THE_PACKET = ("context", "registry")


def maker(event: type[E]) -> Callable[[tuple[Any, ...], Context, OptionRegistry], E]:
    """What makes events of a packet: of the values of all other fields in their order, a context and a registry.

    A frozen dataclass sets each field by a call, which for a packet's events takes longer than the rest of a hook
    (``benchmarks/bench_hooks.py``). So the object is one of a subclass that is not frozen until it has its values.
    """
    values = [one.name for one in fields(event) if one.init and one.name not in _NOT_OF_THE_PACKET]
    others = [one.name for one in fields(event) if not one.init]
    lines = (
        "def make(values, context, registry):",
        "    self = new(Thawed)",
        f"    {', '.join(f'self.{name}' for name in values)}, = values",
        "    self.context, self.registry = context, registry",
        *(f"    self.{name} = None" for name in others),
        "    self.__class__ = event",
        "    return self",
    )
    # Both, for they share a slot in a type: the interpreter then knows that they are the ordinary ones.
    ordinary = {"__slots__": (), "__setattr__": object.__setattr__, "__delattr__": object.__delattr__}
    names: dict[str, Any] = {"new": object.__new__, "Thawed": type(event.__name__, (event,), ordinary), "event": event}
    exec("\n".join(lines), names)  # noqa: S102 - of nothing but our own classes' fields, as dataclasses does it
    make: Callable[[tuple[Any, ...], Context, OptionRegistry], E] = names["make"]
    return make
