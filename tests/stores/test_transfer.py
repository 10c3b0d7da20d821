"""Leases from files, staged and compared with what is there."""

import os
from pathlib import Path
from tempfile import gettempdir

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpcallout.leases import Lease, LeaseChange, LeaseState
from dhcpcallout.stores.formats import Entry
from dhcpcallout.stores.transfer import Staging, Tally, in_batches, merge

NOW = 1000


def row(address: int, client: bytes = b"a", state: int = 0, starts_s: int = 900, expires_s: int = 2000) -> Lease:
    return Lease(address, client, 1, b"\2", state, starts_s, expires_s)


def merged(
    leases: list[Lease], existing: list[Lease], *, replace: bool = False, outside: int | None = None
) -> tuple[list[LeaseChange], Tally]:
    tally = Tally()
    changes = merge(leases, existing, tally, now=NOW, replace=replace, is_inside=lambda address: address != outside)
    return list(changes), tally


def test_the_last_entry_of_an_address_counts() -> None:
    with Staging() as staging:
        staging.add([Entry(1, 2, row(2)), Entry(2, 1, row(1)), Entry(3, 2, row(2, b"b")), Entry(4, 3, row(3))])
        staging.add([Entry(1, 3, None), Entry(2, 9, None)])
        assert list(staging.leases()) == [row(1), row(2, b"b")]


def test_nothing_is_left_of_what_was_staged() -> None:
    before = set(os.listdir(gettempdir()))
    with Staging() as staging:
        staging.add([Entry(1, 1, row(1))])
        assert any(name.startswith("dhcpcallout-") for name in set(os.listdir(gettempdir())) - before)
    assert not [
        name for name in set(os.listdir(gettempdir())) - before if Path(gettempdir(), name, "leases.db").exists()
    ]


def test_what_nobody_has_is_added_and_what_is_the_same_is_not_touched() -> None:
    changes, tally = merged([row(1), row(2), row(5)], [row(0), row(2), row(3)])
    assert changes == [LeaseChange(None, row(1)), LeaseChange(None, row(5))]
    assert tally == Tally(read=3, added=2, unchanged=1)


@pytest.mark.parametrize(
    ("there", "given_row", "gives_way"),
    [
        (row(1, b"a"), row(1, b"b"), False),
        (row(1, b"a"), row(1, b"b", starts_s=950), False),
        (row(1, b"a"), row(1, b"a", starts_s=950), True),
        (row(1, b"a"), row(1, b"a", starts_s=850), False),
        (row(1, b"", LeaseState.DECLINED), row(1, b"b"), False),
        (row(1, b"a", expires_s=999), row(1, b"b", starts_s=100), True),
        (row(1, b"a", LeaseState.RELEASED), row(1, b"b", starts_s=100), True),
        (row(1, b"a", LeaseState.RELEASED), row(1, b"b", LeaseState.RELEASED, starts_s=100), False),
        (row(1, b"a", LeaseState.RELEASED), row(1, b"b", LeaseState.RELEASED, starts_s=950), True),
    ],
)
def test_nobody_loses_an_address_by_an_import_unless_it_is_to_replace(
    there: Lease, given_row: Lease, gives_way: bool
) -> None:
    changes, tally = merged([given_row], [there])
    assert changes == ([LeaseChange(there, given_row)] if gives_way else [])
    same = there.client_key == given_row.client_key
    assert tally == Tally(
        read=1, replaced=int(gives_way), later=int(not gives_way and same), kept=int(not gives_way and not same)
    )
    assert merged([given_row], [there], replace=True) == ([LeaseChange(there, given_row)], Tally(read=1, replaced=1))


def test_what_is_in_no_subnet_is_left_out() -> None:
    changes, tally = merged([row(1), row(2)], [], outside=1)
    assert changes == [LeaseChange(None, row(2))]
    assert tally == Tally(read=2, added=1, outside=1)


rows = st.builds(
    row, st.integers(0, 9), st.sampled_from([b"a", b"b"]), st.sampled_from([0, 1, 2]), st.integers(800, 1000),
    st.integers(900, 1100),
)  # fmt: skip
tables = st.lists(rows, unique_by=lambda lease: lease.address_int).map(sorted)


@given(tables, tables, st.booleans())
def test_every_lease_is_counted_once_and_no_held_one_of_another_client_is_lost(
    leases: list[Lease], existing: list[Lease], replace: bool
) -> None:
    changes, tally = merged(leases, existing, replace=replace, outside=5)
    assert (
        tally.read
        == len(leases)
        == tally.added + tally.replaced + tally.unchanged + tally.later + tally.kept + tally.outside
    )
    assert len(changes) == tally.added + tally.replaced
    there = {lease.address_int: lease for lease in existing}
    for change in changes:
        assert change.before == there.get(change.address_int)
        assert change.after in leases
        if change.before is not None and change.after is not None and not replace and change.before.is_held(NOW):
            assert change.before.client_key == change.after.client_key


def test_batches_are_of_their_size_and_leave_nothing_out() -> None:
    assert list(in_batches(range(7), 3)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert list(in_batches([], 3)) == []
