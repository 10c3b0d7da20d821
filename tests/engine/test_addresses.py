"""Who has which address: the allocator by example, and against a plain model of it."""

import tracemalloc
from collections.abc import Collection, Sequence
from ipaddress import IPv4Address
from random import Random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from dhcpcallout.codes import INFINITE
from dhcpcallout.engine import Reservation, Subnet
from dhcpcallout.engine.addresses import Addresses, Choice
from dhcpcallout.engine.model import ClientClass, Pool
from dhcpcallout.engine.plan import plan
from dhcpcallout.leases import Lease, LeaseChange, LeaseState

FIRST = int(IPv4Address("10.0.0.10"))
OFFER_S, LEASE_S = 30, 100


def addresses(*pools: str | Pool, exclude: Sequence[str] = (), reserved: Sequence[int] = ()) -> Addresses:
    reservations = [
        Reservation(hardware_address=address_int.to_bytes(4, "big"), address=IPv4Address(address_int))
        for address_int in reserved
    ]
    subnet = Subnet(network="10.0.0.0/8", pools=pools, exclude=exclude, reservations=reservations)
    guards = sorted({name for pool in pools if isinstance(pool, Pool) for name in pool.classes})
    (planned,) = plan([subnet], classes=[ClientClass(name=name) for name in guards]).networks.subnets
    return Addresses(planned, OFFER_S)


def lease(address_int: int, client: bytes, now: int, state: LeaseState = LeaseState.ACTIVE) -> Lease:
    return Lease(address_int, client, 1, client, int(state), now, now + LEASE_S)


def released(address_int: int, client: bytes, now: int) -> Lease:
    return Lease(address_int, client, 1, client, int(LeaseState.RELEASED), 0, now)


def offer(
    table: Addresses, client: bytes, wished: int | None = None, now: float = 0, classes: Collection[str] = ()
) -> tuple[str, Choice] | None:
    """The address that a client is offered, and why."""
    chosen = table.choose(client, None, wished, now, classes)
    if chosen is None:
        return None
    table.offer(chosen[0], client, now)
    return str(IPv4Address(chosen[0])), chosen[1]


def test_never_used_addresses_come_first_lowest_first_across_pools() -> None:
    table = addresses("10.0.0.20-10.0.0.21", "10.0.0.10-10.0.0.11")
    got = [offer(table, client) for client in (b"a", b"b", b"c", b"d", b"e")]
    assert got == [*((f"10.0.0.{host}", Choice.NEVER_USED) for host in (10, 11, 20, 21)), None]


def test_then_the_longest_free_one_comes() -> None:
    table = addresses("10.0.0.10-10.0.0.12")
    for address_int in (FIRST, FIRST + 1, FIRST + 2):
        table.put(address_int, lease(address_int, bytes([address_int & 255]), 0))
    for now, address_int in enumerate((FIRST + 1, FIRST, FIRST + 2)):
        table.put(address_int, released(address_int, bytes([address_int & 255]), now))
    got = [offer(table, client) for client in (b"x", b"y", b"z")]
    assert got == [(f"10.0.0.{host}", Choice.LONGEST_FREE) for host in (11, 10, 12)]


def test_after_a_restart_the_longest_free_one_is_still_the_longest_free() -> None:
    table = addresses("10.0.0.10-10.0.0.12")
    table.load(released(FIRST + place, bytes([place]), now) for place, now in enumerate((70, 90, 80)))
    got = [offer(table, client) for client in (b"x", b"y", b"z")]
    assert got == [(f"10.0.0.{host}", Choice.LONGEST_FREE) for host in (10, 12, 11)]


def test_an_address_that_was_used_again_is_no_longer_the_longest_free() -> None:
    table = addresses("10.0.0.10-10.0.0.11")
    table.put(FIRST, released(FIRST, b"a", 10))
    table.put(FIRST + 1, released(FIRST + 1, b"b", 20))
    table.put(FIRST, lease(FIRST, b"a", 25))
    table.put(FIRST, released(FIRST, b"a", 30))
    assert offer(table, b"x") == ("10.0.0.11", Choice.LONGEST_FREE)


def test_an_offer_that_was_not_taken_leaves_an_address_as_it_was() -> None:
    table = addresses("10.0.0.10-10.0.0.12")
    table.put(FIRST + 2, released(FIRST + 2, b"c", 1))
    assert offer(table, b"a") == ("10.0.0.10", Choice.NEVER_USED)
    assert offer(table, b"b") == ("10.0.0.11", Choice.NEVER_USED)
    assert offer(table, b"d") == ("10.0.0.12", Choice.LONGEST_FREE)
    assert offer(table, b"h") is None
    table.put(FIRST + 1, released(FIRST + 1, b"b", 20))
    later = OFFER_S + 1
    assert offer(table, b"e", now=later) == ("10.0.0.10", Choice.NEVER_USED)
    assert offer(table, b"f", now=later) == ("10.0.0.12", Choice.LONGEST_FREE)
    assert offer(table, b"g", now=later) == ("10.0.0.11", Choice.LONGEST_FREE)
    assert offer(table, b"h", now=later) is None


def test_a_huge_pool_takes_no_memory_until_it_is_used() -> None:
    tracemalloc.start()
    try:
        table = addresses("10.0.0.0/8")
        assert table.choose(b"a", None, None, 0) == (int(IPv4Address("10.0.0.1")), Choice.NEVER_USED)
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size < 100_000
    assert table.may_have(int(IPv4Address("10.255.255.254")), b"a", None, 0)
    assert not table.may_have(int(IPv4Address("10.255.255.255")), b"a", None, 0)


def test_a_client_is_given_what_fits_it_best() -> None:
    table = addresses("10.0.0.10-10.0.0.19", reserved=[FIRST + 9])
    wished = FIRST + 5

    def choose(now: int, reserved: int | None = None) -> tuple[int, str] | None:
        return table.choose(b"a", reserved, wished, now)

    assert choose(0) == (wished, "asked for")
    table.offer(FIRST + 1, b"a", 0)
    assert choose(0) == (FIRST + 1, "offered before")
    table.put(FIRST + 2, lease(FIRST + 2, b"a", 0))
    assert choose(1) == (FIRST + 2, "current lease")
    table.put(FIRST + 2, lease(FIRST + 2, b"a", 1)._replace(expires_s=2))
    assert choose(2) == (FIRST + 2, "had before")
    table.put(FIRST + 2, released(FIRST + 2, b"a", 3))
    assert choose(3) == (FIRST + 2, "had before")
    assert choose(3, FIRST + 9) == (FIRST + 9, "reserved")
    table.put(FIRST + 9, lease(FIRST + 9, b"b", 3))
    assert choose(3, FIRST + 9) == (FIRST + 2, "had before")
    table.put(FIRST + 2, lease(FIRST + 2, b"b", 3))
    assert choose(3) == (FIRST + 1, "offered before")
    table.withdraw(b"a")
    assert choose(3) == (wished, "asked for")
    table.put(wished, lease(wished, b"b", 3))
    assert choose(3) == (FIRST, "never used")


def test_guards_decide_who_gets_addresses_of_a_pool() -> None:
    phones = Pool(range="10.0.0.10-10.0.0.11", classes=["voip"])
    both = Pool(range="10.0.0.12", classes=["voip", "staff"])
    table = addresses("10.0.0.13", phones, both)
    pool = table.pool_of(FIRST)
    assert pool is not None
    assert (pool.name, set(pool.classes)) == ("10.0.0.10-10.0.0.11", {"voip"})
    assert table.pool_of(FIRST - 1) is table.pool_of(FIRST + 4) is None
    assert table.may_have(FIRST, b"p", None, 0, ["voip"])
    assert not table.may_have(FIRST, b"p", None, 0, ["staff"])
    assert table.may_have(FIRST + 3, b"p", None, 0)
    assert offer(table, b"a", wished=FIRST) == ("10.0.0.13", Choice.NEVER_USED)
    assert offer(table, b"b") is None
    assert offer(table, b"c", classes=["staff"]) == ("10.0.0.12", Choice.NEVER_USED)
    assert offer(table, b"d", classes=["voip"]) == ("10.0.0.10", Choice.NEVER_USED)
    assert offer(table, b"e", classes=["staff", "voip"]) == ("10.0.0.11", Choice.NEVER_USED)
    for number, host in enumerate((12, 10, 13, 11)):
        address_int = FIRST - 10 + host
        table.put(address_int, released(address_int, b"", number))
    now = OFFER_S
    assert offer(table, b"f", now=now) == ("10.0.0.13", Choice.LONGEST_FREE)
    assert offer(table, b"g", now=now, classes=["voip"]) == ("10.0.0.12", Choice.LONGEST_FREE)
    assert offer(table, b"h", now=now, classes=["voip"]) == ("10.0.0.10", Choice.LONGEST_FREE)


def test_a_client_that_has_left_a_class_may_not_keep_an_address_of_its_pool() -> None:
    table = addresses(Pool(range="10.0.0.10", classes=["voip"]), "10.0.0.20")
    table.put(FIRST, lease(FIRST, b"a", 0))
    assert table.may_have(FIRST, b"a", None, 1, ["voip"])
    assert not table.may_have(FIRST, b"a", None, 1)
    assert table.choose(b"a", None, FIRST, 1) == (FIRST + 10, Choice.NEVER_USED)


def test_excluded_and_reserved_addresses_are_given_to_no_other() -> None:
    table = addresses("10.0.0.10-10.0.0.16", exclude=["10.0.0.10", "10.0.0.12-10.0.0.13"], reserved=[FIRST + 1])
    got = [offer(table, client, wished=FIRST + 1) for client in (b"a", b"b", b"c", b"d")]
    assert got == [*((f"10.0.0.{host}", Choice.NEVER_USED) for host in (14, 15, 16)), None]
    assert not table.may_have(FIRST, b"d", None, 0)
    assert table.choose(b"d", FIRST + 1, None, 0) == (FIRST + 1, Choice.RESERVED)


def test_a_reserved_address_that_its_owner_leaves_stays_reserved() -> None:
    table = addresses("10.0.0.10", reserved=[FIRST])
    table.put(FIRST, released(FIRST, b"a", 0))
    table.offer(FIRST, b"a", 0)
    table.withdraw(b"a")
    assert table.choose(b"b", None, FIRST, 1) is None


def test_addresses_behind_a_long_stretch_of_taken_ones_are_found() -> None:
    table = addresses("10.0.0.0/16", reserved=range(FIRST + 3000, FIRST + 4000))
    table.load(lease(FIRST + place, b"%d" % place, 0) for place in range(3000))
    assert [offer(table, b"x%d" % place) for place in (0, 8, 9)] == [
        ("10.0.0.1", Choice.NEVER_USED),
        ("10.0.0.2", Choice.NEVER_USED),
        ("10.0.0.3", Choice.NEVER_USED),
    ]
    for place in range(6):
        table.offer(FIRST - 6 + place, b"y%d" % place, 0)
    assert table.choose(b"z", None, None, 0) == (FIRST + 4000, Choice.NEVER_USED)


def test_offers_that_a_flood_left_behind_are_cleared_away_a_few_a_packet() -> None:
    table = addresses("10.0.0.0/16")
    for number in range(5000):
        table.offer(FIRST + number, b"%d" % number, 0)
    chosen = table.choose(b"x", None, None, OFFER_S)
    assert chosen == (int(IPv4Address("10.0.0.1")), Choice.NEVER_USED)
    assert 4900 < len(table._offers) < 5000
    assert table.offered(b"4000", OFFER_S) is None
    assert table.may_have(FIRST + 4000, b"x", None, OFFER_S)


def test_an_address_is_found_among_ended_offers_when_there_is_no_other() -> None:
    table = addresses(Pool(range="10.0.0.10-10.0.0.19", classes=["a"]), "10.0.1.10")
    for number in range(10):
        table.offer(FIRST + number, b"%d" % number, 0)
    table.offer(FIRST + 256, b"last", 0)
    assert table.choose(b"x", None, None, OFFER_S) == (FIRST + 256, Choice.NEVER_USED)


def test_a_new_offer_takes_the_place_of_the_old_one() -> None:
    table = addresses("10.0.0.10-10.0.0.12")
    table.offer(FIRST, b"a", 0)
    table.offer(FIRST + 1, b"a", 1)
    assert table.offered(b"a", 1) == FIRST + 1
    assert table.choose(b"b", None, None, 1) == (FIRST, Choice.NEVER_USED)
    table.offer(FIRST + 1, b"b", 1 + OFFER_S)
    assert (table.offered(b"a", 1), table.offered(b"b", 1 + OFFER_S)) == (None, FIRST + 1)


def test_an_address_in_use_rests_and_comes_back() -> None:
    table = addresses("10.0.0.10-10.0.0.11")
    before = lease(FIRST, b"a", 0)
    table.put(FIRST, before)
    table.offer(FIRST + 1, b"b", 0)
    of_a_client = table.conflict(FIRST, 1.5, 1000)
    of_nobody = table.conflict(FIRST + 1, 1.5, 1000)
    rest = Lease(FIRST, b"", 1, b"a", LeaseState.DECLINED, 1, 1001)
    assert of_a_client == LeaseChange(before, rest)
    assert of_nobody == LeaseChange(None, Lease(FIRST + 1, b"", 0, b"", LeaseState.DECLINED, 1, 1001))
    assert table.offered(b"b", 1) is None
    for client in (b"a", b"b"):
        assert table.choose(client, None, FIRST, 1000) is None
    assert table.choose(b"b", None, FIRST, 1001) == (FIRST, Choice.WISHED)
    ended = table.leases.ended(1001, 9)
    assert [row.address_int for row in ended] == [FIRST, FIRST + 1]
    for row in ended:
        table.put(row.address_int, row._replace(state=int(LeaseState.RELEASED)))
    assert table.choose(b"c", None, None, 1001) == (FIRST, Choice.LONGEST_FREE)


def test_of_several_rows_of_a_client_the_current_or_else_the_latest_counts() -> None:
    rows = [
        released(FIRST, b"a", 50)._replace(starts_s=40),
        lease(FIRST + 1, b"a", 60),
        released(FIRST + 2, b"a", 90)._replace(starts_s=80),
        released(FIRST + 3, b"b", 50)._replace(starts_s=30),
        released(FIRST + 4, b"b", 50)._replace(starts_s=20),
    ]
    for order in (rows, rows[::-1]):
        table = addresses("10.0.0.10-10.0.0.20")
        table.load(order)
        assert table.clients == {b"a": FIRST + 1, b"b": FIRST + 3}


def test_of_two_rows_of_an_address_the_latter_counts() -> None:
    table = addresses("10.0.0.10-10.0.0.20")
    table.load([lease(FIRST, b"a", 10), lease(FIRST, b"b", 20)])
    assert table.clients == {b"b": FIRST}


def test_addresses_that_come_and_go_leave_nothing_behind() -> None:
    table = addresses("10.0.0.0/16")
    (supply,) = table._supplies
    for number in range(500):
        for client in (b"a", b"b"):
            table.offer(FIRST, client, number)
            table.withdraw(client)
    assert offer(table, b"c", now=500) == ("10.0.0.1", Choice.NEVER_USED)
    for now in range(500):
        assert table.choose(b"d", None, None, now) is not None
        table.offer(FIRST - 9, b"c", now)
        table.withdraw(b"c")
        table.put(FIRST, lease(FIRST, b"a", now))
        table.put(FIRST, released(FIRST, b"a", now))
        table.put(FIRST, None)
    assert (len(supply.free), len(supply._passed_heap), len(supply._passed)) == (1, 1, 1)


def test_a_client_is_forgotten_where_another_got_its_address() -> None:
    table = addresses("10.0.0.10-10.0.0.20")
    table.put(FIRST, released(FIRST, b"a", 1))
    table.put(FIRST, lease(FIRST, b"b", 2))
    assert table.clients == {b"b": FIRST}
    table.put(FIRST, None)
    assert table.clients == {}
    assert table.choose(b"a", None, None, 3) == (FIRST, Choice.NEVER_USED)


def test_subnets_share_the_rows_of_their_leases() -> None:
    one = addresses("10.0.0.10")
    (other_subnet,) = plan([Subnet(network="192.0.2.0/24", pools=["192.0.2.0/24"])]).networks.subnets
    other = Addresses(other_subnet, OFFER_S, one.leases, reserved={0xC0000201})
    one.put(FIRST, lease(FIRST, b"a", 0))
    assert other.choose(b"b", None, None, 0) == (0xC0000202, Choice.NEVER_USED)
    other.put(0xC0000202, lease(0xC0000202, b"b", 10))
    assert [row.address_int for row in one.leases.ended(LEASE_S + 10, 9)] == [FIRST, 0xC0000202]


def test_a_lease_takes_little_memory_with_all_that_finds_it() -> None:
    number = 20_000
    table = addresses("10.0.0.0/8")
    tracemalloc.start()
    try:
        for client in range(number):
            hardware = client.to_bytes(6, "big")
            row = Lease(FIRST + client, b"\1" + hardware, 1, hardware, 0, 1_700_000_000, 1_700_000_000 + client)
            table.put(row.address_int, row)
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size / number < 320


NETWORK = int(IPv4Address("10.0.0.0"))
OWNERS = {b"r": NETWORK + 12, b"s": NETWORK + 40}
"""Clients with reserved addresses, in a pool and out of all."""
GUARDS = {
    **dict.fromkeys((NETWORK + 10, NETWORK + 12, NETWORK + 13), frozenset[str]()),
    **dict.fromkeys((NETWORK + 20, NETWORK + 21), frozenset({"x"})),
    NETWORK + 30: frozenset({"x", "y"}),
}
"""All addresses of the pools, and which classes they are for."""


class AddressesAgainstAModel(RuleBasedStateMachine):
    """Six clients and seven addresses: each gets what the rules say, and nobody what another holds."""

    clients = st.sampled_from([b"a", b"b", b"c", b"d", *OWNERS])
    places = st.sampled_from([*GUARDS, *OWNERS.values(), NETWORK + 11, NETWORK + 14])
    classes = st.sampled_from([(), ("x",), ("y",), ("x", "y")])

    def __init__(self) -> None:
        super().__init__()
        self.table = self.new_table()
        self.now = 1000
        self.rows: dict[int, Lease] = {}
        self.offers: dict[bytes, tuple[int, int]] = {}  # client to address and end
        self.last: dict[bytes, int] = {}  # client to address

    def new_table(self) -> Addresses:
        return addresses(
            "10.0.0.10-10.0.0.13",
            Pool(range="10.0.0.20-10.0.0.21", classes=["x"]),
            Pool(range="10.0.0.29-10.0.0.30", classes=["y", "x"]),
            exclude=["10.0.0.11", "10.0.0.29"],
            reserved=list(OWNERS.values()),
        )

    @initialize(since=st.none() | st.permutations(range(len(GUARDS))))
    def begin(self, since: list[int] | None) -> None:
        if since is not None:
            for address_int, now in zip(GUARDS, since, strict=True):
                self.put(address_int, released(address_int, b"", now))

    # The model

    def holder(self, address_int: int) -> bytes | None:
        """Who has an address now, be it nobody at all."""
        row = self.rows.get(address_int)
        if row is not None and row.state != LeaseState.RELEASED and row.expires_s > self.now:
            return row.client_key if row.state == LeaseState.ACTIVE else b"nobody"
        return next((c for c, (a, until) in self.offers.items() if a == address_int and until > self.now), None)

    def allowed(self, address_int: int, client: bytes, classes: Collection[str]) -> bool:
        if address_int in OWNERS.values():
            return OWNERS.get(client) == address_int
        guard = GUARDS.get(address_int)
        return guard is not None and (not guard or not guard.isdisjoint(classes))

    def may_have(self, address_int: int, client: bytes, classes: Collection[str]) -> bool:
        return self.allowed(address_int, client, classes) and self.holder(address_int) in (None, client)

    def expected(self, client: bytes, wish: int | None, classes: Collection[str]) -> tuple[int, Choice] | None:
        had = self.last.get(client)
        current = had is not None and self.rows[had].is_active(self.now)
        held, until = self.offers.get(client, (None, 0))
        for address_int, choice in (
            (OWNERS.get(client), Choice.RESERVED),
            (had, Choice.CURRENT if current else Choice.FORMER),
            (held if until > self.now else None, Choice.OFFERED),
            (wish, Choice.WISHED),
        ):
            if address_int is not None and self.may_have(address_int, client, classes):
                return address_int, choice
        offered = {address_int for address_int, until in self.offers.values() if until > self.now}
        free = [a for a in GUARDS if self.allowed(a, client, classes) and a not in {*offered, *OWNERS.values()}]
        never_used = [address_int for address_int in free if address_int not in self.rows]
        if never_used:
            return min(never_used), Choice.NEVER_USED
        used = [row for row in map(self.rows.__getitem__, free) if row.state == LeaseState.RELEASED]
        if used:
            return min((row.expires_s, row.address_int) for row in used)[1], Choice.LONGEST_FREE
        return None

    def remember(self, row: Lease) -> None:
        if row.client_key and row.state != LeaseState.DECLINED:
            other = self.rows.get(self.last.get(row.client_key, 0), row)
            if (row.state == LeaseState.ACTIVE, row.starts_s) >= (other.state == LeaseState.ACTIVE, other.starts_s):
                self.last[row.client_key] = row.address_int

    def put(self, address_int: int, row: Lease | None) -> None:
        self.table.put(address_int, row)
        self.note(address_int, row)

    def note(self, address_int: int, row: Lease | None) -> None:
        self.last = {client: a for client, a in self.last.items() if a != address_int}
        self.rows.pop(address_int, None)
        if row is not None:
            self.rows[address_int] = row
            self.remember(row)
            if row.state != LeaseState.RELEASED:
                self.offers = {client: held for client, held in self.offers.items() if held[0] != address_int}

    # What happens

    @rule(client=clients, wish=st.none() | places, classes=classes)
    def discover(self, client: bytes, wish: int | None, classes: Collection[str]) -> None:
        chosen = self.table.choose(client, OWNERS.get(client), wish, self.now, classes)
        assert chosen == self.expected(client, wish, classes)
        if chosen is None:
            self.reclaim()
            chosen = self.table.choose(client, OWNERS.get(client), wish, self.now, classes)
            assert chosen == self.expected(client, wish, classes)
        if chosen is None:
            assert not any(self.allowed(a, client, classes) and self.holder(a) is None for a in GUARDS)
            return
        address_int, _ = chosen
        assert self.may_have(address_int, client, classes)
        self.table.offer(address_int, client, self.now)
        self.offers[client] = address_int, self.now + OFFER_S

    @rule(client=clients, address_int=places, classes=classes)
    def request(self, client: bytes, address_int: int, classes: Collection[str]) -> None:
        allowed = self.table.may_have(address_int, client, OWNERS.get(client), self.now, classes)
        assert allowed == self.may_have(address_int, client, classes)
        if allowed:
            self.release(client)
            self.now += 1
            self.put(address_int, lease(address_int, client, self.now))
            self.table.withdraw(client)
            self.offers.pop(client, None)

    @rule(client=clients)
    def release(self, client: bytes) -> None:
        for address_int, row in list(self.rows.items()):
            if row.client_key == client and row.state == LeaseState.ACTIVE:
                self.put(address_int, row._replace(state=int(LeaseState.RELEASED), expires_s=self.now))

    @rule(address_int=places)
    def find_in_use(self, address_int: int) -> None:
        change = self.table.conflict(address_int, self.now, 2 * LEASE_S)
        assert change.before == self.rows.get(address_int)
        assert change.after is not None
        assert (change.after.state, change.after.expires_s) == (LeaseState.DECLINED, self.now + 2 * LEASE_S)
        self.note(address_int, change.after)

    @rule(address_int=places, client=clients)
    def another_server_decides(self, address_int: int, client: bytes) -> None:
        self.now += 1
        self.put(address_int, lease(address_int, client, self.now))

    @rule(address_int=places)
    def undo(self, address_int: int) -> None:
        self.put(address_int, None)

    @rule(seconds=st.integers(1, 120))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @rule()
    def reclaim(self) -> None:
        over = {a for a, row in self.rows.items() if row.state != LeaseState.RELEASED and row.expires_s <= self.now}
        ended = self.table.leases.ended(self.now, 1000)
        assert {row.address_int for row in ended} == over
        for row in ended:
            assert row == self.rows[row.address_int]
            self.put(row.address_int, row._replace(state=int(LeaseState.RELEASED)))

    @rule(order=st.randoms(use_true_random=False))
    def restart(self, order: Random) -> None:
        rows = list(self.rows.values())
        order.shuffle(rows)
        self.table = self.new_table()
        self.table.load(rows)
        self.rows, self.offers, self.last = {}, {}, {}
        for row in rows:
            self.note(row.address_int, row)

    # What always holds

    @invariant()
    def the_table_knows_what_the_model_knows(self) -> None:
        assert {row.address_int: row for row in self.table.leases.values()} == self.rows
        assert self.table.clients == self.last
        for client in (b"a", b"b", b"c", b"d", *OWNERS):
            held, until = self.offers.get(client, (None, 0))
            assert self.table.offered(client, self.now) == (held if until > self.now else None)

    @invariant()
    def no_queue_has_an_address_twice(self) -> None:
        for supply in self.table._supplies:
            addresses = [entry & 0xFFFFFFFF for entry in supply.free._heap]
            assert len(addresses) == len(set(addresses))
            assert set(supply._passed_heap) == supply._passed
            assert len(supply._passed_heap) == len(supply._passed)

    @invariant()
    def an_end_is_foretold_while_anything_is_to_end(self) -> None:
        ends = [row.expires_s for row in self.rows.values() if row.state != LeaseState.RELEASED]
        foretold = self.table.leases.next_end_s() or INFINITE
        assert foretold <= min(ends, default=INFINITE)


TestAddressesAgainstAModel = AddressesAgainstAModel.TestCase
TestAddressesAgainstAModel.settings = settings(max_examples=250, stateful_step_count=50, deadline=None)
