"""Who has which address of a subnet, and which one is next: leases, offers and free addresses.

Nothing here is as large as a pool: a pool that nobody used takes no memory, and every question is answered in
constant or logarithmic time.
"""

from bisect import bisect_right
from collections.abc import Iterator
from heapq import heappop, heappush
from typing import NamedTuple

from ..codes import INFINITE
from ..leases import Lease, LeaseState
from .plan import PlannedSubnet

__all__ = ["Addresses", "Offer"]


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

    Attributes:
        leases: The row of every address that has one, by address.
        clients: The address that each client had last, by client key.
    """

    def __init__(self, subnet: PlannedSubnet, offer_time_s: float) -> None:
        self.subnet = subnet
        self.leases: dict[int, Lease] = {}
        self.clients: dict[bytes, int] = {}
        self._offer_time_s = offer_time_s
        self._offers: dict[int, Offer] = {}  # in the order in which they end
        self._offered_to: dict[bytes, int] = {}
        self._reserved_for = {address: key for key, address in subnet.reservations.items()}
        self._never_used = [first for first, _ in subnet.pools]  # the next candidate of each pool
        self._freed: dict[int, None] = {}  # longest free first
        self._ends: list[tuple[int, int]] = []  # heap of (when, address)
        self._queued: dict[int, int] = {}  # address to the time of its entry in the heap

    def put(self, address_int: int, lease: Lease | None) -> None:
        """Have an address' row be ``lease``, or none at all."""
        before = self.leases.get(address_int)
        if before is not None and self.clients.get(before.client_key) == address_int:
            del self.clients[before.client_key]
        self._freed.pop(address_int, None)
        if lease is None:
            self.leases.pop(address_int, None)
            self._free(address_int)
            return
        self.leases[address_int] = lease
        if lease.client_key and lease.state != LeaseState.DECLINED:
            self.clients[lease.client_key] = address_int
        if lease.state == LeaseState.RELEASED:
            self._free(address_int)
        elif lease.expires_s != INFINITE:
            self._queue(address_int, lease.expires_s)

    def offer(self, address_int: int, client_key: bytes, now: float) -> None:
        """Hold an address for a client, in the place of what was held for it before."""
        self.withdraw(client_key)
        lapsed = self._offers.pop(address_int, None)
        if lapsed is not None:
            del self._offered_to[lapsed.client_key]
        self._offers[address_int] = Offer(client_key, now + self._offer_time_s)
        self._offered_to[client_key] = address_int
        self._freed.pop(address_int, None)

    def withdraw(self, client_key: bytes) -> None:
        """Hold nothing for a client any longer."""
        address_int = self._offered_to.pop(client_key, None)
        if address_int is not None:
            del self._offers[address_int]
            if address_int not in self.leases or self.leases[address_int].state == LeaseState.RELEASED:
                self._free(address_int)

    def offered(self, client_key: bytes, now: float) -> int | None:
        """The address that is held for a client."""
        address_int = self._offered_to.get(client_key)
        return address_int if address_int is not None and self._offers[address_int].expires_s > now else None

    def reserved(self, hardware_key: bytes) -> int | None:
        """The address that is reserved for a client's hardware."""
        return self.subnet.reservations.get(hardware_key)

    def in_pool(self, address_int: int) -> bool:
        """Whether an address lies in one of the subnet's pools."""
        place = bisect_right(self.subnet.pools, (address_int, INFINITE)) - 1
        return place >= 0 and address_int <= self.subnet.pools[place][1]

    def may_have(self, address_int: int, client_key: bytes, hardware_key: bytes, now: float) -> bool:
        """Whether a client may have an address: it is the client's own or free, and for the likes of it."""
        reserved_for = self._reserved_for.get(address_int)
        if reserved_for != hardware_key and (reserved_for is not None or not self.in_pool(address_int)):
            return False
        return self._is_free(address_int, client_key, now)

    def choose(self, client_key: bytes, hardware_key: bytes, wished: int | None, now: float) -> int | None:
        """The address for a client: reserved; its own; held for it; what it wishes; never used; longest free.

        Args:
            client_key: The client.
            hardware_key: Its hardware (``plan.hardware_key``).
            wished: The address that it asks for, if any.
            now: Unix time, seconds.

        Returns:
            The address, or None where there is none to be had.
        """
        self._forget_offers(now)
        for address_int in (
            self.reserved(hardware_key),
            self.clients.get(client_key),
            self._offered_to.get(client_key),
            wished,
        ):
            if address_int is not None and self.may_have(address_int, client_key, hardware_key, now):
                return address_int
        return self._choose_unused(now)

    def ended(self, now: float, limit: int) -> Iterator[Lease]:
        """Take out the rows whose time is over, at most ``limit`` of them: leases and declined addresses.

        The caller puts what becomes of each.
        """
        self._forget_offers(now)
        while limit > 0 and self._ends and self._ends[0][0] <= now:
            when, address_int = heappop(self._ends)
            if self._queued.get(address_int) != when:
                continue
            del self._queued[address_int]
            lease = self.leases.get(address_int)
            if lease is None or lease.state == LeaseState.RELEASED or lease.expires_s == INFINITE:
                continue
            if lease.expires_s > now:
                self._queue(address_int, lease.expires_s)
                continue
            limit -= 1
            yield lease

    def next_end_s(self) -> float | None:
        """When the first lease, offer or rest may end, Unix time in seconds; None where nothing is to end."""
        ends: list[float] = [self._ends[0][0]] if self._ends else []
        ends.extend(offer.expires_s for offer in list(self._offers.values())[:1])
        return min(ends, default=None)

    def _queue(self, address_int: int, when: int) -> None:
        # A later end than the queued one waits its turn there, so that renewals do not make the heap grow.
        queued = self._queued.get(address_int)
        if queued is None or when < queued:
            self._queued[address_int] = when
            heappush(self._ends, (when, address_int))

    def _free(self, address_int: int) -> None:
        if self.in_pool(address_int) and address_int not in self._offers and address_int not in self._reserved_for:
            self._freed[address_int] = None

    def _is_free(self, address_int: int, client_key: bytes, now: float) -> bool:
        offer = self._offers.get(address_int)
        if offer is not None and offer.client_key != client_key and offer.expires_s > now:
            return False
        lease = self.leases.get(address_int)
        if lease is None or lease.state == LeaseState.RELEASED:
            return True
        if lease.expires_s != INFINITE and lease.expires_s <= now:
            return True
        return lease.state == LeaseState.ACTIVE and lease.client_key == client_key

    def _forget_offers(self, now: float) -> None:
        while self._offers:
            offer = next(iter(self._offers.values()))
            if offer.expires_s > now:
                return
            self.withdraw(offer.client_key)

    def _choose_unused(self, now: float) -> int | None:
        for place, (_, last) in enumerate(self.subnet.pools):
            candidate = self._never_used[place]
            while candidate <= last and (
                candidate in self.leases or candidate in self._offers or candidate in self._reserved_for
            ):
                candidate += 1
            self._never_used[place] = candidate
            if candidate <= last:
                return candidate
        for address_int in self._freed:
            if self._is_free(address_int, b"", now):
                return address_int
        return None
