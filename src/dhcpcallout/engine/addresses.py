"""Who has which address of a subnet, and which one is next: leases, offers and free addresses.

Nothing here is as large as a pool: a pool that nobody used takes no memory, and every question is answered in
constant or logarithmic time, however many addresses are taken and whoever may have the others.
"""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Collection, Container, Iterable
from copy import copy
from enum import StrEnum
from heapq import heappop, heappush
from typing import NamedTuple

from ..codes import INFINITE
from ..leases import Lease, LeaseChange, LeaseState
from .networks import PlannedSubnet
from .pools import PlannedPool
from .rows import STATE, WAITS, AddressQueue, LeaseRows, client_of, expires_of

__all__ = ["Addresses", "Choice", "Offer"]

_ACTIVE = int(LeaseState.ACTIVE)
_DECLINED = int(LeaseState.DECLINED)
_RELEASED = int(LeaseState.RELEASED)

_FORGOTTEN_AT_ONCE = 8
"""How many offers that have ended a packet clears away, so that none has to clear away those of a flood."""
_MOST_FORGOTTEN_AT_ONCE = 1000
"""The same for a packet that finds no address otherwise."""


class Choice(StrEnum):
    """Why an address was chosen, in the order in which they are tried."""

    RESERVED = "reserved"
    CURRENT = "current lease"
    FORMER = "had before"
    OFFERED = "offered before"
    WISHED = "asked for"
    NEVER_USED = "never used"
    LONGEST_FREE = "longest free"


class Offer(NamedTuple):
    """An address that is held for a client until it asks for it.

    Attributes:
        client_key: The client.
        expires_s: Until when, Unix time in seconds.
    """

    client_key: bytes
    expires_s: float


class Addresses:
    """The addresses of one subnet.

    Args:
        subnet: The subnet.
        offer_time_s: For how long an offer is held, in seconds; the same for all, so that they end in order.
        leases: The rows of all subnets, which share them and the queue of their ends; new ones by default.
        reserved: Every address that is reserved for some client; by default those of the subnet's reservations.

    Attributes:
        leases: The rows of all subnets, to be read alone: ``put`` changes one.
        clients: The address of this subnet that each client had last, by client key.
    """

    def __init__(
        self,
        subnet: PlannedSubnet,
        offer_time_s: float,
        leases: LeaseRows | None = None,
        reserved: Collection[int] | None = None,
    ) -> None:
        self.subnet = subnet
        self.leases = leases if leases is not None else LeaseRows()
        self.clients: dict[bytes, int] = {}
        self._offer_time_s = offer_time_s
        self._offers: OrderedDict[int, Offer] = OrderedDict()  # in the order in which they end
        self._offered_to: dict[bytes, int] = {}
        self._reserved = frozenset(reserved if reserved is not None else subnet.reservations.addresses)
        supplies: dict[frozenset[str], _Supply] = {}
        places = sorted(
            (first, last, number) for number, pool in enumerate(subnet.pools) for first, last in pool.ranges
        )
        self._firsts = [first for first, _, _ in places]
        self._places: list[tuple[int, PlannedPool, _Supply]] = []
        for first, last, number in places:
            pool = subnet.pools[number]
            supply = supplies.setdefault(pool.classes, _Supply(pool.classes))
            supply.ranges.append((first, last))
            self._places.append((last, pool, supply))
        self._supplies = tuple(supplies.values())

    def copy(self, leases: LeaseRows) -> "Addresses":
        """The same clients, offers and free addresses, to be changed apart from these.

        Args:
            leases: A copy of the rows of all subnets.
        """
        other = copy(self)
        other.leases = leases
        other.clients = self.clients.copy()
        other._offers, other._offered_to = self._offers.copy(), self._offered_to.copy()
        supplies = {supply: supply.copy() for supply in self._supplies}
        other._supplies = tuple(supplies.values())
        other._places = [(last, pool, supplies[supply]) for last, pool, supply in self._places]
        return other

    # What is known

    def pool_of(self, address_int: int) -> PlannedPool | None:
        """The pool that an address lies in."""
        place = self._place_of(address_int)
        return None if place is None else place[1]

    def offered(self, client_key: bytes, now: float) -> int | None:
        """The address that is held for a client."""
        address_int = self._offered_to.get(client_key)
        return address_int if address_int is not None and self._offers[address_int].expires_s > now else None

    def may_have(
        self,
        address_int: int,
        client_key: bytes,
        reserved: int | None,
        now: float,
        classes: Collection[str] = (),
    ) -> bool:
        """Whether a client may have an address: it is the client's own or free, and for the likes of it.

        Args:
            address_int: The address.
            client_key: The client.
            reserved: The address that is reserved for the client, if any.
            now: Unix time, seconds.
            classes: The names of the classes that the client belongs to.
        """
        if address_int != reserved:
            if address_int in self._reserved:
                return False
            place = self._place_of(address_int)
            if place is None or not place[2].is_for(classes):
                return False
        offer = self._offers.get(address_int)
        if offer is not None and offer.client_key != client_key and offer.expires_s > now:
            return False
        return self.leases.is_free(address_int, client_key, now)

    def choose(
        self,
        client_key: bytes,
        reserved: int | None,
        wished: int | None,
        now: float,
        classes: Collection[str] = (),
    ) -> tuple[int, Choice] | None:
        """The address for a client; nothing is held for it yet.

        An address whose lease has ended is among the longest free once ``LeaseRows.ended`` has told so.

        Args:
            client_key: The client.
            reserved: The address that is reserved for the client, if any.
            wished: The address that it asks for, if any.
            now: Unix time, seconds.
            classes: The names of the classes that the client belongs to.

        Returns:
            The address and why it is this one, or None where there is none to be had.
        """
        self._forget_offers(now, _FORGOTTEN_AT_ONCE)
        if reserved is not None and self.may_have(reserved, client_key, reserved, now, classes):
            return reserved, Choice.RESERVED
        had = self.clients.get(client_key)
        if had is not None and self.may_have(had, client_key, reserved, now, classes):
            return had, Choice.CURRENT if self._is_current(had, now) else Choice.FORMER
        held = self._offered_to.get(client_key)
        if held is not None and self.may_have(held, client_key, reserved, now, classes):
            return held, Choice.OFFERED
        if wished is not None and self.may_have(wished, client_key, reserved, now, classes):
            return wished, Choice.WISHED
        found = self._choose_free(classes)
        if found is None and self._forget_offers(now, _MOST_FORGOTTEN_AT_ONCE):
            found = self._choose_free(classes)
        return found

    # What changes

    def put(self, address_int: int, lease: Lease | None) -> None:
        """Have an address' row be ``lease``, or none at all.

        Raises:
            ValueError: A number or a length is beyond what DHCP has.
        """
        packed = self.leases.packed.get(address_int)
        self.leases.put(address_int, lease)
        client_key = lease.client_key if lease is not None and lease.state != _DECLINED else b""
        clients = self.clients
        if packed is not None:
            before = client_of(packed)
            if before != client_key and clients.get(before) == address_int:
                del clients[before]
        if client_key and lease is not None and clients.get(client_key) != address_int:
            self._remember(client_key, lease)
        if lease is None or lease.state == _RELEASED:
            self._free(address_int)
        elif (offer := self._offers.pop(address_int, None)) is not None:  # its client will have it, or no longer can
            del self._offered_to[offer.client_key]

    def load(self, leases: Iterable[Lease]) -> None:
        """Take over rows of the lease store, all of this subnet, before the first packet."""
        rows, clients = self.leases, self.clients
        for lease in leases:
            address_int, client_key, state = lease.address_int, lease.client_key, lease.state
            if address_int in rows.packed:
                self.put(address_int, lease)
                continue
            rows.put(address_int, lease)
            if client_key and state != _DECLINED and clients.setdefault(client_key, address_int) != address_int:
                self._remember(client_key, lease)
            if state == _RELEASED:
                self._free(address_int)
        for supply in self._supplies:  # go past what was used once for all, and not while a client waits
            supply.never_used(self.leases.packed, self._offers, self._reserved)

    def offer(self, address_int: int, client_key: bytes, now: float) -> None:
        """Hold an address for a client, in the place of what was held for it before."""
        self.withdraw(client_key)
        lapsed = self._offers.pop(address_int, None)
        if lapsed is not None:
            del self._offered_to[lapsed.client_key]
        self._offers[address_int] = Offer(client_key, now + self._offer_time_s)
        self._offered_to[client_key] = address_int

    def withdraw(self, client_key: bytes) -> None:
        """Hold nothing for a client any longer."""
        address_int = self._offered_to.pop(client_key, None)
        if address_int is not None:
            del self._offers[address_int]
            self._free(address_int)

    def conflict(self, address_int: int, now: float, rest_s: int) -> LeaseChange:
        """Have an address rest that is in use by someone it was not given to: a client declined it, or a probe told.

        Args:
            address_int: The address.
            now: Unix time, seconds.
            rest_s: For how long it rests, in seconds.

        Returns:
            The change to commit; the hardware address stays that of the client that had the address.
        """
        before = self.leases.get(address_int)
        hardware = (before.hardware_type, before.hardware_address) if before is not None else (0, b"")
        after = Lease(address_int, b"", *hardware, _DECLINED, int(now), int(now) + rest_s)
        self.put(address_int, after)
        return LeaseChange(before, after)

    def _remember(self, client_key: bytes, lease: Lease) -> None:
        """Note that a client had an address last, unless it has another one, or had one later."""
        other_int = self.clients.get(client_key)
        other = self.leases.get(other_int) if other_int is not None else None
        if other is None or (lease.state == _ACTIVE, lease.starts_s) >= (other.state == _ACTIVE, other.starts_s):
            self.clients[client_key] = lease.address_int

    def _is_current(self, address_int: int, now: float) -> bool:
        """Whether the lease of a client that may have the address again has not ended."""
        packed = self.leases.packed[address_int]
        expires_s = expires_of(packed)
        return packed[0] & STATE == _ACTIVE and (expires_s == INFINITE or expires_s > now)

    def _forget_offers(self, now: float, limit: int) -> bool:
        """Clear away at most so many offers that have ended, and tell whether there were any."""
        offers = self._offers
        for number in range(limit):
            if not offers or (offer := next(iter(offers.values()))).expires_s > now:
                return number > 0
            self.withdraw(offer.client_key)
        return True

    # Free addresses

    def _place_of(self, address_int: int) -> "tuple[int, PlannedPool, _Supply] | None":
        number = bisect_right(self._firsts, address_int) - 1
        if number < 0:
            return None
        place = self._places[number]
        return place if address_int <= place[0] else None

    def _free(self, address_int: int) -> None:
        """Have an address be found again that an offer or a lease has left, if no other has it."""
        place = self._place_of(address_int)
        if place is None or address_int in self._reserved:
            return
        supply = place[2]
        packed = self.leases.packed.get(address_int)
        if packed is None:
            supply.pass_over(address_int)
        elif packed[0] & (STATE | WAITS) == _RELEASED:
            self.leases.set_waiting(address_int, True)
            supply.free.push(expires_of(packed), address_int)

    def _choose_free(self, classes: Collection[str]) -> tuple[int, Choice] | None:
        open_to = [supply for supply in self._supplies if supply.is_for(classes)]
        rows, lowest = self.leases.packed, None
        for supply in open_to:
            address_int = supply.never_used(rows, self._offers, self._reserved)
            if address_int is not None and (lowest is None or address_int < lowest):
                lowest = address_int
        if lowest is not None:
            return lowest, Choice.NEVER_USED
        longest = min(
            (first for supply in open_to if (first := supply.longest_free(self.leases, self._offers)) is not None),
            default=None,
        )
        return (longest[1], Choice.LONGEST_FREE) if longest is not None else None


class _Supply:
    """The free addresses of all pools with the same guard.

    Attributes:
        classes: The guard.
        ranges: The pools' addresses, ascending.
        free: Those that a client had, by when it had them last. Each has at most one entry, which may tell too early a
            time, or be of an address that is taken again: it counts when it comes first.
    """

    __slots__ = ("_next_int", "_passed", "_passed_heap", "_range", "classes", "free", "ranges")

    def __init__(self, classes: frozenset[str]) -> None:
        self.classes = classes
        self.ranges: list[tuple[int, int]] = []
        self.free = AddressQueue()
        self._range = 0
        self._next_int = 0  # before this, all was used or is in _passed
        self._passed: set[int] = set()
        self._passed_heap: list[int] = []

    def copy(self) -> "_Supply":
        other = copy(self)
        other.free = self.free.copy()
        other._passed, other._passed_heap = self._passed.copy(), self._passed_heap.copy()
        return other

    def is_for(self, classes: Collection[str]) -> bool:
        """Whether a client of these classes may have the addresses."""
        return not self.classes or not self.classes.isdisjoint(classes)

    def pass_over(self, address_int: int) -> None:
        """Note an address that nobody has had, though it was not free when it was its turn."""
        if address_int < self._next_int and address_int not in self._passed:
            self._passed.add(address_int)
            heappush(self._passed_heap, address_int)

    def never_used(self, rows: Container[int], offers: Container[int], reserved: Container[int]) -> int | None:
        """The lowest address that is free and nobody has had."""
        passed = self._passed_heap
        while passed:
            if passed[0] not in rows and passed[0] not in offers:
                return passed[0]
            self._passed.discard(heappop(passed))
        while self._range < len(self.ranges):
            first, last = self.ranges[self._range]
            candidate = max(first, self._next_int)
            while candidate <= last and (candidate in rows or candidate in offers or candidate in reserved):
                candidate += 1
            self._next_int = candidate
            if candidate <= last:
                return candidate
            self._range += 1
        return None

    def longest_free(self, leases: LeaseRows, offers: Container[int]) -> tuple[int, int] | None:
        """Since when which address is free that is so the longest, of those that clients have had."""
        free = self.free
        while (first := free.first()) is not None:
            when, address_int = first
            packed = leases.packed.get(address_int)
            if packed is None or packed[0] & STATE != _RELEASED or address_int in offers:
                free.pop()
                leases.set_waiting(address_int, False)
            elif (since := expires_of(packed)) > when:
                free.put_back(since)
            else:
                return first
        return None
