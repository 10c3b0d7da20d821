"""Rows come out as they went in, small, and end when they say."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpcallout.codes import INFINITE
from dhcpcallout.engine.rows import AddressQueue, LeaseRows
from dhcpcallout.leases import Lease, LeaseState

HARDWARE = b"\x02\0\0\0\0\1"
ROW = Lease(10, b"\1" + HARDWARE, 1, HARDWARE, LeaseState.ACTIVE, 1_700_000_000, 1_700_003_600)

rows = st.builds(
    Lease,
    address_int=st.integers(0, 0xFFFFFFFF),
    client_key=st.binary(max_size=20) | st.just(b"\x06" + HARDWARE),
    hardware_type=st.sampled_from([1, 6]) | st.integers(0, 255),
    hardware_address=st.binary(max_size=16) | st.just(HARDWARE),
    state=st.sampled_from(LeaseState),
    starts_s=st.integers(0, 0xFFFFFFFF),
    expires_s=st.integers(-5, 0x1FFFFFFFF),
    hostname=st.text(st.characters(), max_size=9),
    relay_information=st.binary(max_size=9),
)


@given(st.lists(rows, max_size=5))
def test_rows_come_out_as_they_went_in(given_rows: list[Lease]) -> None:
    table = LeaseRows()
    expected = {}
    for row in given_rows:
        table.put(row.address_int, row)
        expected[row.address_int] = row
    assert list(table.values()) == list(expected.values())
    assert len(table) == len(expected)
    for address_int, row in expected.items():
        assert address_int in table
        assert table[address_int] == table.get(address_int) == row


@pytest.mark.parametrize(
    "row",
    [
        ROW._replace(client_key=b"k" * 1024, hostname="h" * 4096, relay_information=b"r" * 100_000),
        ROW._replace(client_key=b"", hardware_address=b"", hardware_type=0),
    ],
)
def test_rows_may_be_long_and_empty(row: Lease) -> None:
    table = LeaseRows()
    table.put(10, row)
    assert table.get(10) == row


@pytest.mark.parametrize(
    "fields",
    [
        {"hardware_type": 256},
        {"hardware_type": -1},
        {"hardware_address": bytes(256)},
        {"client_key": bytes(65536)},
        {"hostname": "x" * 65536},
        {"state": 64},
        {"state": -1},
        {"starts_s": 1 << 32},
    ],
)
def test_what_no_lease_has_is_refused(fields: dict[str, object]) -> None:
    table = LeaseRows()
    with pytest.raises(ValueError, match="address 0x0000000a has what no lease has"):
        table.put(10, Lease(**(ROW._asdict() | fields)))
    assert 10 not in table


def test_a_row_that_is_taken_away_is_gone() -> None:
    table = LeaseRows()
    table.put(10, ROW)
    table.put(10, None)
    table.put(11, None)
    assert (table.get(10), 10 in table, len(table), list(table.values())) == (None, False, 0, [])
    assert table.ended(ROW.expires_s, 9) == []


def test_rows_end_once_in_the_order_of_their_ends() -> None:
    table = LeaseRows()
    ends = {10: 300, 11: 100, 12: 200, 13: 200}
    for address_int, end_s in ends.items():
        table.put(address_int, ROW._replace(address_int=address_int, expires_s=end_s))
    assert table.next_end_s() == 100
    assert table.ended(99.9, 9) == []
    assert [row.address_int for row in table.ended(200, 9)] == [11, 12, 13]
    assert table.ended(200, 9) == []
    assert table.next_end_s() == 300


def test_declined_rows_end_but_released_and_infinite_ones_do_not() -> None:
    table = LeaseRows()
    for address_int, state, end_s in (
        (10, LeaseState.DECLINED, 100),
        (11, LeaseState.RELEASED, 100),
        (12, LeaseState.ACTIVE, INFINITE),
    ):
        table.put(address_int, ROW._replace(address_int=address_int, state=state, expires_s=end_s))
    assert [row.address_int for row in table.ended(INFINITE - 1, 9)] == [10]
    assert table.next_end_s() is None


def test_a_lease_that_was_given_back_or_made_infinite_no_longer_ends() -> None:
    table = LeaseRows()
    for address_int in (10, 11):
        table.put(address_int, ROW._replace(address_int=address_int, expires_s=100))
    table.put(10, ROW._replace(state=LeaseState.RELEASED, expires_s=50))
    table.put(11, ROW._replace(address_int=11, expires_s=INFINITE))
    assert table.ended(1000, 9) == []
    assert table.next_end_s() is None


def test_a_renewal_is_no_work_until_the_old_end_and_the_queue_does_not_grow() -> None:
    table = LeaseRows()
    for end_s in range(100, 5000):
        table.put(10, ROW._replace(expires_s=end_s))
    assert len(table._ends) == 1
    assert table.next_end_s() == 100
    assert table.ended(4998, 9) == []
    assert table.next_end_s() == 4999
    assert table.ended(4999, 9) == [ROW._replace(expires_s=4999)]


def test_a_shortened_lease_ends_at_its_new_end() -> None:
    table = LeaseRows()
    table.put(10, ROW._replace(expires_s=1000))
    table.put(10, ROW._replace(state=LeaseState.RELEASED, expires_s=10))
    table.put(10, ROW._replace(expires_s=50))
    assert table.ended(50, 9) == [ROW._replace(expires_s=50)]
    table.put(10, ROW._replace(expires_s=2000))
    assert table.ended(1999, 9) == []
    assert table.ended(2000, 9) == [ROW._replace(expires_s=2000)]


def test_ever_shorter_leases_do_not_make_the_queue_grow_without_bound() -> None:
    table = LeaseRows()
    for address_int in (11, 12):
        table.put(address_int, ROW._replace(address_int=address_int, expires_s=30_000))
    table.put(12, None)
    for end_s in range(20_000, 100, -1):
        table.put(10, ROW._replace(expires_s=end_s))
        assert table.next_end_s() == end_s
    assert len(table._ends) < 2000
    assert [row.expires_s for row in table.ended(40_000, 5000)] == [101, 30_000]
    table.put(12, ROW._replace(address_int=12, expires_s=50_000))
    assert [row.address_int for row in table.ended(50_000, 9)] == [12]


def test_rows_that_come_and_go_do_not_make_the_queue_grow() -> None:
    table = LeaseRows()
    for end_s in range(1000, 5000):
        table.put(10, ROW._replace(expires_s=end_s))
        table.put(10, None)
    assert len(table._ends) == 1
    assert table.ended(6000, 9) == []
    assert (len(table._ends), table._deleted) == (0, {})
    table.put(10, ROW._replace(expires_s=7000))
    assert table.ended(7000, 9) == [ROW._replace(expires_s=7000)]


def test_no_more_is_looked_at_than_allowed() -> None:
    table = LeaseRows()
    for address_int in range(100):
        table.put(address_int, ROW._replace(address_int=address_int, expires_s=100))
        if address_int % 2:
            table.put(address_int, ROW._replace(address_int=address_int, expires_s=500))
    found = [len(table.ended(200, 10)) for _ in range(12)]
    assert found == [5] * 10 + [0] * 2
    assert table.next_end_s() == 500


def test_the_holder_of_an_address_may_have_it_and_others_once_it_is_over() -> None:
    table = LeaseRows()
    holder = ROW.client_key
    assert table.is_free(10, b"other", 0)
    table.put(10, ROW._replace(expires_s=100))
    assert [table.is_free(10, key, now) for key, now in ((holder, 99), (b"other", 99), (b"other", 100))] == [
        True,
        False,
        True,
    ]
    table.put(10, ROW._replace(expires_s=INFINITE))
    assert not table.is_free(10, b"other", INFINITE + 1)
    table.put(10, ROW._replace(client_key=b"", state=LeaseState.DECLINED, expires_s=100))
    assert not table.is_free(10, b"", 99)
    assert table.is_free(10, b"other", 100)
    table.put(10, ROW._replace(state=LeaseState.RELEASED, expires_s=500))
    assert table.is_free(10, b"other", 99)


@given(st.lists(st.tuples(st.integers(-(2**33), 2**33), st.integers(0, 0xFFFFFFFF)), max_size=20))
def test_a_queue_gives_addresses_by_time_whatever_the_times(entries: list[tuple[int, int]]) -> None:
    queue = AddressQueue()
    for when, address_int in entries:
        queue.push(when, address_int)
    found = []
    while (first := queue.first()) is not None:
        found.append(first)
        queue.pop()
    assert found == sorted(entries)


def test_a_row_takes_little_memory() -> None:
    table = LeaseRows()
    number = 20_000
    tracemalloc.start()
    try:
        for client in range(number):
            hardware = client.to_bytes(6, "big")
            row = Lease(client, b"\1" + hardware, 1, hardware, LeaseState.ACTIVE, ROW.starts_s, ROW.expires_s + client)
            table.put(client, row)
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size / number < 220
