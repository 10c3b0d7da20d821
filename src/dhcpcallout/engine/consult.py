"""What Python callouts are asked on a packet's way through the engine, and which of their answers can be.

Each function is called where its slot has listeners, and is used with ``yield from``: a function may be async.
"""

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from .. import hooks as slots
from ..codes import AddressGiven, OptionCode
from ..errors import CalloutFault
from ..events import AddressSelected, LeaseCommitted, ReplyPrepared, SubnetSelected
from ..hooks import Drop, HookTable, InUse, Replace, Steps, UseAddress, UseSubnet
from ..leases import Lease
from ..wire import Packet, decode
from .exchange import Exchange
from .networks import PlannedSubnet

__all__ = ["Conflict", "ask_address", "ask_reply", "ask_subnet", "tell_committed"]

_FIXED_FIELDS = ("op", "htype", "chaddr", "xid", "yiaddr_int", "giaddr_int")
_FIXED_OPTIONS = (OptionCode.DHCP_MESSAGE_TYPE, OptionCode.DHCP_SERVER_IDENTIFIER, OptionCode.DHCP_LEASE_TIME)


@dataclass(frozen=True, slots=True)
class Conflict(InUse):
    """An address that a function found in use: the engine's choice, or what another function answered with.

    Attributes:
        address_int: The address, a 32-bit integer.
    """

    address_int: int


def ask_subnet(
    hooks: HookTable,
    exchange: Exchange,
    subnet: PlannedSubnet | None,
    prefixes: tuple[IPv4Network, ...],
    subnet_of: Callable[[int], PlannedSubnet | None],
) -> Steps[PlannedSubnet | Drop | None]:
    """Ask whether a client is in the subnet that the engine has found for it.

    Args:
        hooks: Whom to ask.
        exchange: The client's packet.
        subnet: The subnet, or None.
        prefixes: The prefixes of all subnets.
        subnet_of: Finds the subnet of an address, a 32-bit integer.

    Returns:
        The subnet that it is in, None where it is in none, or how it is dropped.
    """

    def settle(event: SubnetSelected, answer: UseSubnet | None) -> IPv4Network | None:
        if answer is None:
            return event.subnet
        network = IPv4Network(answer.network)
        found = subnet_of(int(network.network_address))
        if found is None or found.network != network:
            raise CalloutFault(f"select_subnet answered {network}, which is no subnet of this server")
        return network

    selected = yield from hooks.ask_steps(
        slots.SELECT_SUBNET,
        exchange.contexts,
        subnet.network if subnet is not None else None,
        settle,
        data=exchange.data,
        server_address_int=exchange.arrival.server_address_int,
        subnets=prefixes,
    )
    return selected if selected is None or isinstance(selected, Drop) else subnet_of(int(selected.network_address))


def ask_address(
    hooks: HookTable,
    exchange: Exchange,
    subnet: PlannedSubnet,
    address_int: int,
    why: str,
    why_not: Callable[[int], str | None],
) -> Steps[int | Conflict | Drop]:
    """Ask whether a client gets the address that the engine has chosen for it, and holds.

    Args:
        hooks: Whom to ask.
        exchange: The client's packet.
        subnet: The subnet of the address.
        address_int: The address, a 32-bit integer.
        why: Why the engine chose it, in words.
        why_not: Says what keeps another address of the subnet from being given to the client; None if nothing does.

    Returns:
        The address that it gets, a 32-bit integer, or one that is in use, or how it is dropped.
    """

    def settle(event: AddressSelected, answer: UseAddress | InUse | None) -> int | Conflict:
        if isinstance(answer, InUse):
            return Conflict(event.address_int)
        if answer is None:
            return event.address_int
        other = IPv4Address(answer.address)
        if int(other) == address_int:
            return address_int
        reason = why_not(int(other)) if int(other) in subnet else f"it is not in {subnet.network}"
        if reason is not None:
            raise CalloutFault(f"select_address answered {other}, but {reason}")
        return int(other)

    return hooks.ask_steps(
        slots.SELECT_ADDRESS,
        exchange.contexts,
        address_int,
        settle,
        data=exchange.data,
        server_address_int=exchange.arrival.server_address_int,
        subnet=subnet.network,
        why=why,
    )


def ask_reply(hooks: HookTable, exchange: Exchange, reply: Packet) -> Steps[Packet | Drop]:
    """Ask whether a reply may go out as it is. The functions get copies alone.

    Returns:
        The reply as the functions changed it, or how it is dropped.
    """

    def settle(event: ReplyPrepared, answer: Replace | None) -> bytes:
        message = event.reply if answer is None else answer.message
        data = message.encode() if isinstance(message, Packet) else bytes(memoryview(message))
        changed = decode(data, registry=reply.registry)
        if changed.errors:
            raise changed.errors[0]
        for name in _FIXED_FIELDS:
            if getattr(changed, name) != getattr(reply, name):
                raise CalloutFault(f"build_reply changed {name.removesuffix('_int')}, which is not for it to say")
        for code in _FIXED_OPTIONS:
            if changed.options.get(code) != reply.options.get(code):
                raise CalloutFault(f"build_reply changed option {int(code)}, which is not for it to say")
        return data

    before = reply.encode()
    after = yield from hooks.ask_steps(
        slots.BUILD_REPLY,
        exchange.contexts,
        before,
        settle,
        data=exchange.data,
        server_address_int=exchange.arrival.server_address_int,
    )
    if isinstance(after, Drop):
        return after
    return reply if after == before else decode(after, registry=reply.registry)


def tell_committed(hooks: HookTable, exchange: Exchange, lease: Lease, given: AddressGiven) -> Steps[Lease | Drop]:
    """Tell of a lease that is durable, whose client is about to be told.

    Returns:
        The lease, or how the reply is dropped.
    """

    def settle(event: LeaseCommitted, _answer: None) -> Lease:
        return event.lease

    return hooks.ask_steps(
        slots.LEASE_COMMITTED,
        exchange.contexts,
        lease,
        settle,
        data=exchange.data,
        server_address_int=exchange.arrival.server_address_int,
        given=given,
    )
