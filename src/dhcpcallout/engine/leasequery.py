"""Answers to those who ask who has which lease: relay agents and access routers, by leasequeries (RFC 4388)."""

from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from ..codes import INFINITE, DropReason, MessageType, OptionCode
from ..leases import Lease, LeaseState
from ..wire import Packet
from .clients import hardware_key
from .exchange import Arrival, Reply
from .networks import Selection
from .situation import Situation

if TYPE_CHECKING:
    from .judge import Judge

__all__ = ["HardwareIndex", "Requesters", "answer_query", "compile_requesters"]

_LEASE_TIME = int(OptionCode.DHCP_LEASE_TIME)
_REQUEST_LIST = int(OptionCode.DHCP_PARAMETER_REQUEST_LIST)
_CLIENT_IDENTIFIER = int(OptionCode.DHCP_CLIENT_IDENTIFIER)
_AGENT_OPTIONS = int(OptionCode.DHCP_AGENT_OPTIONS)
_LAST_TRANSACTION = int(OptionCode.CLIENT_LAST_TRANSACTION_TIME)
_ASSOCIATED = int(OptionCode.ASSOCIATED_IP)

_MOST_ASSOCIATED = 63
"""How many leases of one client are looked at: as many addresses as one option holds."""

_NOWHERE = Selection(None, None, "it asks about a client, and is from none")

Requesters = tuple[tuple[int, int], ...]
"""Networks that leasequeries are answered to: their addresses and masks, 32-bit integers."""


def compile_requesters(
    requesters: Sequence[str | IPv4Address | IPv4Network], key: str, problem: Callable[[str, str], None]
) -> Requesters:
    """Check a list of those who may send leasequeries.

    Args:
        requesters: Their addresses, or networks that hold these, as the user gives them.
        key: The list's key in the configuration file.
        problem: Called with the key and the text of every mistake; what is wrong is left out.
    """
    found = []
    for number, one in enumerate(requesters):
        try:
            network = IPv4Network(one)
        except ValueError as error:
            problem(f"{key}[{number}]", f"{error}; give an address such as 10.0.0.1, or a network such as 10.0.0.0/24")
        else:
            found.append((int(network.network_address), int(network.netmask)))
    return tuple(found)


class HardwareIndex:
    """The addresses that each hardware address has active leases of.

    It is kept only where leasequeries are answered: an entry takes some 100 bytes beside the lease's row, and putting
    a row takes the time to read the row that was there, and of two dictionary accesses.
    """

    __slots__ = ("_addresses",)

    def __init__(self) -> None:
        # Nearly all hardware addresses have one lease; a dictionary's keys are in the order in which they came.
        self._addresses: dict[bytes, int | dict[int, None]] = {}

    def note(self, before: Lease | None, after: Lease | None) -> None:
        """Note that the row of an address changes."""
        if before is not None and before.state == LeaseState.ACTIVE:
            self._remove(hardware_key(before.hardware_type, before.hardware_address), before.address_int)
        if after is not None and after.state == LeaseState.ACTIVE and after.hardware_address:
            self._add(hardware_key(after.hardware_type, after.hardware_address), after.address_int)

    def find(self, hardware: bytes, limit: int) -> list[int]:
        """The addresses of a hardware key's active leases, the last noted first; those beyond ``limit`` are left out.

        The time of some may be over.
        """
        held = self._addresses.get(hardware)
        if held is None:
            return []
        return [held] if isinstance(held, int) else list(islice(reversed(held), limit))

    def _add(self, hardware: bytes, address_int: int) -> None:
        held = self._addresses.get(hardware)
        if held is None:
            self._addresses[hardware] = address_int
        elif isinstance(held, int):
            self._addresses[hardware] = {held: None, address_int: None}
        else:
            held[address_int] = None

    def _remove(self, hardware: bytes, address_int: int) -> None:
        held = self._addresses.get(hardware)
        if isinstance(held, dict):
            held.pop(address_int, None)
        if held == address_int or held == {}:
            del self._addresses[hardware]


class _Finding(NamedTuple):
    """What is known of what a leasequery asks about.

    Attributes:
        kind: The message type that tells it.
        leases: The client's active leases, that first which the reply is about; none unless ``kind`` is LEASEACTIVE.
    """

    kind: MessageType
    leases: tuple[Lease, ...] = ()


def answer_query(judge: "Judge", packet: Packet, arrival: Arrival, now: float) -> Reply | DropReason:
    """The reply to a leasequery, or why there is none.

    It goes to giaddr, whatever it came from: so it is giaddr that has to be listed.
    """
    giaddr_int = packet.giaddr_int
    if not giaddr_int:
        return DropReason.INVALID
    if not any(giaddr_int & mask_int == network_int for network_int, mask_int in judge.plan.leasequery_relays):
        return DropReason.UNAUTH
    finding = _find(judge, packet, now)
    if finding is None:
        return DropReason.INVALID
    lease = finding.leases[0] if finding.leases else None
    server_int = arrival.server_address_int
    answer = judge.answers.about_lease(packet, finding.kind, server_int, lease, _options(packet, finding.leases, now))
    return Reply(answer, Situation(packet, arrival, packet.message_type, server_int, b"", _NOWHERE, None, (), ()))


def _find(judge: "Judge", packet: Packet, now: float) -> _Finding | None:
    """What is known of an address, or else of a client identifier, or else of a hardware address (RFC 4388)."""
    rows = judge.rows
    client_id = packet.options.get(_CLIENT_IDENTIFIER, b"")
    address_int = packet.ciaddr_int
    if address_int:
        lease = rows.get(address_int)
        if lease is None or not lease.is_active(now):
            return _Finding(MessageType.LEASEUNASSIGNED if _is_ours(judge, address_int) else MessageType.LEASEUNKNOWN)
        others = _leases(judge, _addresses_of_client(judge, lease.client_key), now)
        return _Finding(MessageType.LEASEACTIVE, (lease, *(one for one in others if one.address_int != address_int)))
    if client_id:
        leases = _leases(judge, _addresses_of_client(judge, client_id), now)
    elif packet.chaddr:
        found = judge.holders.find(hardware_key(packet.htype, packet.chaddr), _MOST_ASSOCIATED)
        leases = _leases(judge, found, now)
    else:
        return None
    return _Finding(MessageType.LEASEACTIVE, leases) if leases else _Finding(MessageType.LEASEUNKNOWN)


def _addresses_of_client(judge: "Judge", client_key: bytes) -> Iterable[int]:
    """The address that a client had last in each subnet: a question to each, however many leases there are."""
    clients = (place.clients.get(client_key) for place in judge.places.values())
    return islice((address_int for address_int in clients if address_int is not None), _MOST_ASSOCIATED)


def _leases(judge: "Judge", addresses: Iterable[int], now: float) -> tuple[Lease, ...]:
    """Those leases of addresses that have not ended, that first whose client was heard of last."""
    rows = map(judge.rows.get, addresses)
    active = (lease for lease in rows if lease is not None and lease.is_active(now))
    return tuple(sorted(active, key=lambda lease: lease.starts_s, reverse=True))


def _is_ours(judge: "Judge", address_int: int) -> bool:
    """Whether this server may lease an address, or has leased it."""
    place = judge.place_of(address_int)
    if place is None:
        return False
    reservations = (place.subnet.reservations, judge.plan.reservations)
    is_reserved = any(address_int in table.addresses for table in reservations)
    return is_reserved or address_int in judge.rows or place.pool_of(address_int) is not None


def _options(packet: Packet, leases: Sequence[Lease], now: float) -> dict[int, bytes]:
    """What a leasequery asks for (option 55) of a client's leases."""
    if not leases:
        return {}
    lease = leases[0]
    known = {
        _LEASE_TIME: _uint32(INFINITE if lease.expires_s == INFINITE else lease.expires_s - int(now)),
        _LAST_TRANSACTION: _uint32(int(now) - lease.starts_s),
        _ASSOCIATED: b"".join(_uint32(one.address_int) for one in leases[:_MOST_ASSOCIATED]),
    }
    # A client key of hardware type and address may be what the server made up for a client without an identifier.
    made_up = lease.client_key == hardware_key(lease.hardware_type, lease.hardware_address)
    if not made_up or packet.options.get(_CLIENT_IDENTIFIER) == lease.client_key:
        known[_CLIENT_IDENTIFIER] = lease.client_key
    if lease.relay_information:
        known[_AGENT_OPTIONS] = lease.relay_information
    wanted = packet.options.get(_REQUEST_LIST, b"")
    return {code: value for code, value in known.items() if code in wanted}


def _uint32(value: int) -> bytes:
    return min(max(value, 0), INFINITE).to_bytes(4, "big")
