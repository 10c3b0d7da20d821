"""What the server makes of a packet: who sent it, where it is, and what it gets. Nothing here changes anything.

The engine carries out what is decided here, and asks the callouts on the way; explanations tell it.
"""

from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import replace
from enum import Enum
from functools import lru_cache
from itertools import groupby

from ..codes import BOOTREQUEST, INFINITE, DropReason, MessageType, OptionCode
from ..leases import Lease, LeaseState
from ..wire import Packet
from .addresses import Addresses
from .answers import Answer, Answers
from .classes import ClassTable
from .clients import client_key, hardware_key
from .exchange import Arrival, Reply
from .leasequery import HardwareIndex
from .networks import PlannedSubnet, Selection, server_identifier
from .plan import Plan
from .rows import LeaseRows
from .scopes import PlannedScope, Resolved, lease_time, resolve
from .situation import Lot, Situation

__all__ = ["Judge", "Ruling", "address_option"]

_REQUESTED_ADDRESS = int(OptionCode.DHCP_REQUESTED_ADDRESS)
_SERVER_IDENTIFIER = int(OptionCode.DHCP_SERVER_IDENTIFIER)
_LEASE_TIME = int(OptionCode.DHCP_LEASE_TIME)
_MESSAGE_TYPE = int(OptionCode.DHCP_MESSAGE_TYPE)
_AGENT_OPTIONS = int(OptionCode.DHCP_AGENT_OPTIONS)
_CLIENT_IDENTIFIER = int(OptionCode.DHCP_CLIENT_IDENTIFIER)

_REFUSED = b"the requested address is not available"

_MOST_RESOLVED = 32768
"""For how many combinations of scopes it is kept what they add up to."""


class Ruling(Enum):
    """What becomes of a REQUEST (RFC 2131 section 4.3.2)."""

    GRANTED = "the client may have the address"
    REFUSED = "the client may not have the address"
    LEFT_ALONE = "another server may know this client better"
    NOT_OURS = "the client selected another server"
    MALFORMED = "no address is requested"


class Judge:
    """Decides by what is configured and what is leased.

    Args:
        plan: What is configured.
        authoritative: See ``Engine``.
        offer_time_s: See ``Engine``.

    Attributes:
        plan: The same.
        rows: The rows of all leases.
        holders: Their addresses by hardware address, where leasequeries are answered; else empty.
        places: The addresses of each subnet.
        server_addresses: All addresses of this server, 32-bit integers.
        answers: What makes the replies.
    """

    def __init__(self, plan: Plan, *, authoritative: bool, offer_time_s: float) -> None:
        self.plan = plan
        self.holders = HardwareIndex()
        self.rows = LeaseRows(self.holders.note if plan.leasequery_relays else None)
        self.server_addresses: frozenset[int] = frozenset()
        self.answers = Answers()
        self._authoritative = authoritative
        everywhere: dict[PlannedSubnet | None, set[int]] = {}
        for address_int in plan.reservations.addresses:
            everywhere.setdefault(plan.networks.subnet_of(address_int), set()).add(address_int)
        self.places = {
            subnet: Addresses(
                subnet,
                offer_time_s,
                self.rows,
                {*subnet.reservations.addresses, *everywhere.get(subnet, ())},
            )
            for subnet in plan.networks.subnets
        }
        self._reserves = bool(plan.reservations) or any(map(len, (one.reservations for one in self.places)))
        self._resolve = lru_cache(_MOST_RESOLVED)(resolve)

    def copy(self, classes: ClassTable) -> "Judge":
        """One that decides the same by the same leases, and whose leases and offers can be changed apart from these.

        Args:
            classes: What decides about classes in it.
        """
        other = copy(self)
        other.plan = replace(self.plan, classes=classes)
        other.rows = self.rows.copy()
        other.places = {subnet: place.copy(other.rows) for subnet, place in self.places.items()}
        return other

    def place_of(self, address_int: int) -> Addresses | None:
        """The subnet, with its addresses, that an address lies in."""
        subnet = self.plan.networks.subnet_of(address_int)
        return self.places[subnet] if subnet is not None else None

    def load(self, leases: Iterable[Lease]) -> None:
        """Take over rows of the lease store; those of no subnet are left alone."""
        subnet_of = self.plan.networks.subnet_of
        for subnet, rows in groupby(leases, lambda lease: subnet_of(lease.address_int)):
            if subnet is not None:
                self.places[subnet].load(rows)

    # Who and where

    def kind(self, packet: Packet) -> MessageType | DropReason | None:
        """A packet's message type; None for a BOOTP request; INVALID for what is not for a server."""
        if packet.op != BOOTREQUEST:
            return DropReason.INVALID
        if _MESSAGE_TYPE not in packet.options:
            return None
        return packet.message_type or DropReason.INVALID

    def situate(self, packet: Packet, arrival: Arrival, kind: MessageType | None) -> Situation | None:
        """Who sent a packet and where its client is; None where the packet does not tell who sent it."""
        client = client_key(packet)
        if not client:
            return None
        return self.situate_in(packet, arrival, kind, client, self.plan.networks.select(packet, arrival))

    def situate_in(
        self, packet: Packet, arrival: Arrival, kind: MessageType | None, client: bytes, selection: Selection
    ) -> Situation:
        """The situation of a client that is known to be in a network; with no places where it may be in no subnet."""
        reservation = None
        network = selection.network
        known = self._as_relayed(packet, client) if packet.ciaddr_int else packet
        if self._reserves:
            hardware = hardware_key(packet.htype, packet.chaddr) if packet.chaddr else b""
            client_id = packet.options.get(_CLIENT_IDENTIFIER, b"")
            tables = [one.reservations for one in network.subnets] if network is not None else []
            for table in (*tables, self.plan.reservations):
                reservation = table.find(known, hardware, client_id)
                if reservation is not None:
                    break
        classes = self.plan.classes.of_unreserved if reservation is None else None
        if classes is None:
            classes = self.plan.classes.classify(
                known,
                known=reservation is not None,
                reserved_classes=reservation.classes if reservation is not None else (),
            )
        server_int = server_identifier(packet, arrival) if packet.giaddr_int else arrival.server_address_int
        places: tuple[Addresses, ...] = ()
        if network is not None and _is_open(network.classes, classes):
            if len(network.subnets) == 1:
                subnet = network.subnets[0]
                if _is_open(subnet.classes, classes):
                    places = (self.places[subnet],)
            else:
                pointed_at = selection.subnet
                subnets = sorted(network.subnets, key=lambda one: one is not pointed_at)
                places = tuple(self.places[one] for one in subnets if _is_open(one.classes, classes))
        return Situation(packet, arrival, kind, server_int, client, selection, reservation, classes, places)

    def _as_relayed(self, packet: Packet, client: bytes) -> Packet:
        """A packet with the option 82 that its client's relay agent gave when the lease was made.

        A renewal comes past the relay agent, and its client is what it was all the same.
        """
        if packet.giaddr_int or _AGENT_OPTIONS in packet.options:
            return packet
        lease = self.rows.get(packet.ciaddr_int)
        if lease is None or not lease.relay_information or lease.client_key not in (client, client_key(packet, False)):
            return packet
        relayed = copy(packet)
        relayed.options = packet.options | {_AGENT_OPTIONS: lease.relay_information}
        return relayed

    # Which address

    def choose(self, situation: Situation, now: float) -> Lot | None:
        """The address for a client that asks for any."""
        wished = address_option(situation.packet, _REQUESTED_ADDRESS)
        places = situation.places
        for place in places if len(places) == 1 else self._by_claim(situation, wished, now):
            subnet = place.subnet
            if situation.kind is None and not self.may_use_bootp(situation, place, now):
                continue
            chosen = place.choose(situation.key(subnet), situation.reserved(subnet), wished, now, situation.classes)
            if chosen is not None:
                return Lot(place, chosen[0], chosen[1])
        return None

    def _by_claim(self, situation: Situation, wished: int | None, now: float) -> Sequence[Addresses]:
        """The places of a client, those first to which the client has a claim: reserved, its own, or asked for."""

        def claim(place: Addresses) -> int:
            subnet = place.subnet
            key = situation.key(subnet)
            if situation.reserved(subnet) is not None:
                return 0
            if key in place.clients:
                return 1
            if place.offered(key, now) is not None:
                return 2
            return 3 if wished is not None and wished in subnet else 4

        return sorted(situation.places, key=claim)

    def is_available(self, situation: Situation, place: Addresses, address_int: int, now: float) -> bool:
        """Whether a client may have an address of one of its places."""
        subnet = place.subnet
        return address_int in subnet and place.may_have(
            address_int, situation.key(subnet), situation.reserved(subnet), now, situation.classes
        )

    def request(self, situation: Situation, now: float) -> tuple[Ruling, Lot | None, int]:
        """What becomes of a REQUEST, by the client's state as RFC 2131 table 4 tells it.

        Returns:
            The ruling; what is granted; the address that the client asks for, a 32-bit integer, 0 for none.
        """
        packet = situation.packet
        selecting = _SERVER_IDENTIFIER in packet.options
        requested = address_option(packet, _REQUESTED_ADDRESS) or 0
        wanted = requested or packet.ciaddr_int if selecting else packet.ciaddr_int or requested
        if selecting and not self.is_ours(situation):
            return Ruling.NOT_OURS, None, wanted
        if not wanted:
            return Ruling.MALFORMED, None, wanted
        place = situation.place_of(wanted)
        available = place is not None and self.is_available(situation, place, wanted, now)
        if available and situation.reservation is not None:
            available = not self._is_reserved_elsewhere(situation, wanted, now)
        if selecting:
            return self._ruled(available, place, wanted, "the client selected it")
        records = list(self._records(situation, now))
        if records:
            return self._ruled(available and wanted in records, place, wanted, "the client is known to have it")
        if packet.ciaddr_int:  # RENEWING, REBINDING
            if not self._authoritative:
                return Ruling.LEFT_ALONE, None, wanted
            return self._ruled(available, place, wanted, "nothing is known of the client, and the address is free")
        if place is not None:  # INIT-REBOOT
            return Ruling.LEFT_ALONE, None, wanted
        return Ruling.REFUSED, None, wanted

    @staticmethod
    def _ruled(granted: bool, place: Addresses | None, wanted: int, why: str) -> tuple[Ruling, Lot | None, int]:
        if granted and place is not None:
            return Ruling.GRANTED, Lot(place, wanted, why), wanted
        return Ruling.REFUSED, None, wanted

    def _is_reserved_elsewhere(self, situation: Situation, wanted: int, now: float) -> bool:
        """Whether a client is to move to the address that is reserved for it, which it can have."""
        for place in situation.places:
            reserved = situation.reserved(place.subnet)
            if reserved is not None and reserved != wanted:
                return self.is_available(situation, place, reserved, now)
        return False

    def _records(self, situation: Situation, now: float) -> Iterator[int]:
        """The addresses that the server has on record for a client."""
        for place in situation.places:
            key = situation.key(place.subnet)
            for address_int in (
                situation.reserved(place.subnet),
                place.clients.get(key),
                place.offered(key, now),
            ):
                if address_int is not None:
                    yield address_int

    def why_not(self, situation: Situation, place: Addresses, address_int: int, now: float) -> str | None:
        """What keeps an address of a subnet from being given to a client; None if nothing does."""
        for table in (place.subnet.reservations, self.plan.reservations):
            owner = table.addresses.get(address_int)
            if owner is not None and owner is not situation.reservation:
                return "it is reserved for another client"
        reserved = situation.reserved(place.subnet)
        if place.may_have(address_int, situation.key(place.subnet), reserved, now, situation.classes):
            return None
        pool = place.pool_of(address_int)
        if address_int != reserved and (pool is None or not _is_open(pool.classes, situation.classes)):
            return "it is in no pool that the client may have addresses of"
        return "another client has it, or it rests"

    def may_use_bootp(self, situation: Situation, place: Addresses, now: float) -> bool:
        """Whether a BOOTP client may have an address of a subnet: any, or the one that is reserved for it."""
        reserved = situation.reserved(place.subnet)
        return place.subnet.bootp or (reserved is not None and self.is_available(situation, place, reserved, now))

    def given_up(self, situation: Situation, address_int: int | None) -> Lease | DropReason:
        """The lease that a client gives up, if it is the client's and this server's; else why the packet is dropped."""
        if _SERVER_IDENTIFIER in situation.packet.options and not self.is_ours(situation):
            return DropReason.WRONG_SERVER
        place = situation.place_of(address_int) if address_int is not None else None
        lease = self.rows.get(address_int) if address_int is not None else None
        if place is None or lease is None or lease.client_key != situation.key(place.subnet):
            return DropReason.INVALID
        return lease if lease.state == LeaseState.ACTIVE else DropReason.INVALID

    def is_ours(self, situation: Situation) -> bool:
        """Whether the server that a packet's option 54 names is this one."""
        selected = address_option(situation.packet, _SERVER_IDENTIFIER)
        return selected == situation.server_int or selected in self.server_addresses

    # What the client is told

    def resolved(self, situation: Situation, subnet: PlannedSubnet, address_int: int | None) -> Resolved:
        """What the scopes of a client add up to, the most telling first."""
        plan = self.plan
        scopes: list[PlannedScope] = []
        if situation.reservation is not None:
            scopes.append(situation.reservation.scope)
        if address_int is not None:
            pool = self.places[subnet].pool_of(address_int)
            if pool is not None:
                scopes.append(pool.scope)
        scopes.append(subnet.scope)
        if situation.selection.network is not None:
            scopes.append(situation.selection.network.scope)
        scopes += plan.classes.scopes(situation.classes)
        scopes.append(plan.defaults)
        scopes.append(plan.prefixes[subnet])
        return self._resolve(tuple(scopes))

    def lease_time_s(self, situation: Situation, resolved: Resolved) -> int:
        """For how long a client gets its address, in seconds."""
        if situation.kind is None:
            return INFINITE  # RFC 1534 section 2
        return lease_time(resolved, address_option(situation.packet, _LEASE_TIME))

    def answer(
        self,
        situation: Situation,
        lot: Lot,
        resolved: Resolved,
        lease_time_s: int,
        message_type: MessageType | None,
        *,
        rapid_commit: bool = False,
    ) -> Answer:
        """The reply that gives a client an address."""
        return self.answers.reply(
            situation.packet,
            message_type,
            resolved,
            situation.server_int,
            address_int=lot.address_int,
            lease_time_s=lease_time_s if message_type is not None else None,
            hostname=self._hostname(situation),
            rapid_commit=rapid_commit,
        )

    def inform(self, situation: Situation) -> Answer:
        """The reply to a client that has its address, an INFORM or a BOOTP request: options alone, from its subnet."""
        resolved = self.resolved(situation, situation.places[0].subnet, None)
        kind = MessageType.ACK if situation.kind is not None else None
        return self.answers.reply(
            situation.packet, kind, resolved, situation.server_int, hostname=self._hostname(situation)
        )

    def refusal(self, situation: Situation) -> Answer:
        """The NAK to a REQUEST, with a word on it (RFC 2131 table 3)."""
        places = situation.places
        never = self.resolved(situation, places[0].subnet, None).never if places else frozenset()
        return self.answers.refusal(situation.packet, situation.server_int, message=_REFUSED, never=never)

    def no_address(self, situation: Situation) -> Answer | None:
        """What a client is told for which there is no address, or None for nothing (RFC 2563)."""
        if situation.kind is not MessageType.DISCOVER or not situation.places:
            return None
        resolved = self.resolved(situation, situation.places[0].subnet, None)
        return self.answers.no_address(situation.packet, resolved, situation.server_int)

    def still_stands(self, reply: Reply, now: float) -> bool:
        """Whether a client still has what a reply that callouts held up gives it."""
        lot = reply.lot
        if lot is None:
            return True
        key = reply.situation.key(lot.place.subnet)
        if reply.lease is None:
            return lot.place.offered(key, now) == lot.address_int
        lease = self.rows.get(lot.address_int)
        return lease is not None and lease.client_key == key and lease.is_active(now)

    @staticmethod
    def _hostname(situation: Situation) -> str | None:
        return situation.reservation.hostname if situation.reservation is not None else None


def _is_open(guard: frozenset[str], classes: Iterable[str]) -> bool:
    return not guard or not guard.isdisjoint(classes)


def address_option(packet: Packet, code: int) -> int | None:
    """A four-byte option's value as an integer; None where it is absent or malformed."""
    value = packet.options.get(code)
    return int.from_bytes(value, "big") if value is not None and len(value) == 4 else None
