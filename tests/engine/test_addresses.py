"""Who has which address: the allocator against a plain model of it."""

from ipaddress import IPv4Address

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from dhcpcallout.engine import Subnet
from dhcpcallout.engine.addresses import Addresses
from dhcpcallout.engine.plan import plan
from dhcpcallout.leases import Lease, LeaseState

FIRST = int(IPv4Address("10.0.0.10"))
OFFER_S, LEASE_S = 30, 100


def addresses(*pools: str) -> Addresses:
    (subnet,) = plan([Subnet(network="10.0.0.0/8", pools=pools)]).networks.subnets
    return Addresses(subnet, OFFER_S)


def choose(table: Addresses, client: bytes, wish: int | None, now: float) -> int | None:
    chosen = table.choose(client, None, wish, now)
    return chosen[0] if chosen is not None else None


def lease(address_int: int, client: bytes, now: int, state: LeaseState = LeaseState.ACTIVE) -> Lease:
    return Lease(address_int, client, 1, client, int(state), now, now + LEASE_S)


def test_never_used_addresses_come_first_lowest_first_across_pools() -> None:
    table = addresses("10.0.0.20-10.0.0.21", "10.0.0.10-10.0.0.11")
    got = []
    for client in (b"a", b"b", b"c", b"d"):
        address_int = choose(table, client, None, 0)
        assert address_int is not None
        table.offer(address_int, client, 0)
        got.append(str(IPv4Address(address_int)))
    assert got == ["10.0.0.10", "10.0.0.11", "10.0.0.20", "10.0.0.21"]
    assert choose(table, b"e", None, 0) is None


def test_then_the_longest_free_one_comes() -> None:
    table = addresses("10.0.0.10-10.0.0.12")
    for address_int in (FIRST, FIRST + 1, FIRST + 2):
        table.put(address_int, lease(address_int, bytes([address_int & 255]), 0))
    for now, address_int in enumerate((FIRST + 1, FIRST, FIRST + 2)):
        table.put(address_int, lease(address_int, bytes([address_int & 255]), now, LeaseState.RELEASED))
    assert choose(table, b"x", None, 0) == FIRST + 1


def test_a_huge_pool_takes_no_memory_until_it_is_used() -> None:
    table = addresses("10.0.0.0/8")
    assert choose(table, b"a", None, 0) == int(IPv4Address("10.0.0.1"))
    assert table.may_have(int(IPv4Address("10.255.255.254")), b"a", None, 0)
    assert not table.may_have(int(IPv4Address("10.255.255.255")), b"a", None, 0)
    assert not table.leases


def test_renewals_do_not_make_the_queue_of_ends_grow() -> None:
    table = addresses("10.0.0.10-10.0.0.12")
    for now in range(1000):
        table.put(FIRST, lease(FIRST, b"a", now))
    assert list(table.leases.ended(LEASE_S + 1, 10)) == []
    assert list(table.leases.ended(999 + LEASE_S, 10)) == [lease(FIRST, b"a", 999)]


class AddressesAgainstAModel(RuleBasedStateMachine):
    """Four clients and three addresses: whatever happens, nobody is given what another holds."""

    clients = st.sampled_from([b"a", b"b", b"c", b"d"])

    def __init__(self) -> None:
        super().__init__()
        self.table = addresses("10.0.0.10-10.0.0.12")
        self.now = 0
        self.held: dict[int, tuple[bytes, int]] = {}  # leased: address to client and end
        self.rests: dict[int, int] = {}  # declined: address to end
        self.offers: dict[int, tuple[bytes, int]] = {}

    def holder(self, address_int: int) -> bytes | None:
        if self.rests.get(address_int, 0) > self.now:
            return b"nobody"
        for claims in (self.held, self.offers):
            client, until = claims.get(address_int, (b"", 0))
            if until > self.now:
                return client
        return None

    @rule(client=clients, wish=st.none() | st.integers(FIRST - 1, FIRST + 3))
    def discover(self, client: bytes, wish: int | None) -> None:
        chosen = choose(self.table, client, wish, self.now)
        if chosen is None:
            list(self.table_ended())
            chosen = choose(self.table, client, wish, self.now)
        if chosen is None:
            assert all(self.holder(a) not in (None, client) for a in range(FIRST, FIRST + 3))
            return
        assert FIRST <= chosen <= FIRST + 2
        assert self.holder(chosen) in (None, client)
        self.table.offer(chosen, client, self.now)
        self.offers = {a: o for a, o in self.offers.items() if o[0] != client}
        self.offers[chosen] = (client, self.now + OFFER_S)

    def table_ended(self) -> list[Lease]:
        ended = list(self.table.leases.ended(self.now, 100))
        for one in ended:
            self.table.put(one.address_int, one._replace(state=int(LeaseState.RELEASED)))
            self.held.pop(one.address_int, None)
            self.rests.pop(one.address_int, None)
        return ended

    @rule(client=clients, address_int=st.integers(FIRST, FIRST + 2))
    def request(self, client: bytes, address_int: int) -> None:
        allowed = self.table.may_have(address_int, client, None, self.now)
        assert allowed == (self.holder(address_int) in (None, client))
        if allowed:
            for other, (holder, _) in list(self.held.items()):
                if holder == client and other != address_int:
                    self.release(client)
            self.table.withdraw(client)
            self.table.put(address_int, lease(address_int, client, self.now))
            self.offers = {a: o for a, o in self.offers.items() if o[0] != client and a != address_int}
            self.rests.pop(address_int, None)
            self.held[address_int] = (client, self.now + LEASE_S)

    @rule(client=clients)
    def release(self, client: bytes) -> None:
        for address_int, (holder, _) in list(self.held.items()):
            if holder == client:
                self.table.put(address_int, lease(address_int, client, self.now, LeaseState.RELEASED))
                del self.held[address_int]

    @rule(client=clients)
    def decline(self, client: bytes) -> None:
        for address_int, (holder, _) in list(self.held.items()):
            if holder == client:
                self.table.put(address_int, lease(address_int, b"", self.now, LeaseState.DECLINED))
                del self.held[address_int]
                self.rests[address_int] = self.now + LEASE_S

    @rule(seconds=st.integers(1, 120))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @rule()
    def reclaim(self) -> None:
        for one in self.table_ended():
            assert one.expires_s <= self.now

    @invariant()
    def an_end_is_foretold_while_anything_is_to_end(self) -> None:
        ends = [until for _, until in self.held.values()] + list(self.rests.values())
        if ends:
            foretold = self.table.leases.next_end_s()
            assert foretold is not None
            assert foretold <= min(ends)


TestAddressesAgainstAModel = AddressesAgainstAModel.TestCase
TestAddressesAgainstAModel.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
