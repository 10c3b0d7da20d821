"""What every ``LeaseStore`` must do, run over each that claims to be one."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dhcpcallout.codes import INFINITE
from dhcpcallout.leases import Lease, LeaseChange, LeaseQuery, LeaseState, LeaseStore
from dhcpcallout.stores import MemoryStore, SqliteStore

ROW = Lease(
    address_int=0xC0A80001,
    client_key=b"\1\0\x0c\1\2\3\4",
    hardware_type=1,
    hardware_address=b"\0\x0c\1\2\3\4",
    state=LeaseState.ACTIVE,
    starts_s=1_700_000_000,
    expires_s=1_700_004_000,
    hostname="printer",
    relay_information=b"\1\3abc",
)

Reopen = Callable[[], LeaseStore]
"""Close the store and open what it kept: for a store that ends with its object, the same object."""


@contextmanager
def _memory() -> Iterator[Reopen]:
    store = MemoryStore()

    def reopen() -> LeaseStore:
        store.close()
        return store

    yield reopen


@contextmanager
def _sqlite() -> Iterator[Reopen]:
    with TemporaryDirectory() as folder:
        store: SqliteStore | None = None

        def reopen() -> LeaseStore:
            nonlocal store
            if store is not None:
                store.close()
            store = SqliteStore(Path(folder, "leases.db"))
            return store

        try:
            yield reopen
        finally:
            if store is not None:
                store.close()


KINDS = {"memory": _memory, "sqlite": _sqlite}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def reopen(kind: str) -> Iterator[Reopen]:
    with KINDS[kind]() as reopen:
        yield reopen


def put(*rows: Lease) -> list[LeaseChange]:
    return [LeaseChange(None, row) for row in rows]


def at(address: int, **fields: object) -> Lease:
    return Lease._make((ROW._asdict() | fields | {"address_int": address}).values())


rows = st.builds(
    Lease,
    address_int=st.integers(0, 0xFFFFFFFF),
    client_key=st.binary(max_size=255),
    hardware_type=st.integers(0, 255),
    hardware_address=st.binary(max_size=16),
    state=st.sampled_from(LeaseState) | st.sampled_from([0, 1, 2]),
    starts_s=st.integers(0, 0xFFFFFFFF),
    expires_s=st.integers(0, 0xFFFFFFFF),
    hostname=st.text(st.characters(), max_size=255)
    | st.binary(max_size=9).map(lambda b: b.decode(errors="surrogateescape")),
    relay_information=st.binary(max_size=255),
)


def test_it_is_a_lease_store(reopen: Reopen) -> None:
    assert isinstance(reopen(), LeaseStore)


def test_a_new_store_is_empty(reopen: Reopen) -> None:
    store = reopen()
    assert list(store.load()) == []
    assert list(store.snapshot()) == []


@pytest.mark.parametrize(
    "row",
    [
        ROW,
        Lease(0, b"", 0, b"", LeaseState.DECLINED, 0, 0),
        Lease(0xFFFFFFFF, b"\xff" * 255, 255, b"\xff" * 16, 2, 0xFFFFFFFF, INFINITE, "x" * 255, b"\xff" * 255),
        ROW._replace(client_key=bytes(range(256)), hardware_address=bytes(16), relay_information=bytes(range(256))),
    ],
)
def test_what_was_committed_is_there_when_reopened(reopen: Reopen, row: Lease) -> None:
    assert not reopen().commit(put(row))
    assert list(reopen().load()) == [row]


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.text(st.characters(), max_size=255), max_size=5))
@example(["plain", "nul\0in it", "\0", "\udcff\udcfe", "\udcc3\udca9", "\ud83d\ude00"])
@example(["plain", "😀 é \u202e", "'; DROP TABLE lease; --"])
def test_any_hostname_is_kept(reopen: Reopen, hostnames: list[str]) -> None:
    leases = [at(address, hostname=hostname) for address, hostname in enumerate(hostnames)]
    store = reopen()
    store.commit([LeaseChange(row, None) for row in store.load()] + put(*leases))
    assert sorted(reopen().load()) == leases


def test_a_later_row_of_an_address_replaces_the_earlier(reopen: Reopen) -> None:
    store = reopen()
    store.commit(put(ROW))
    later = Lease(ROW.address_int, b"other", 6, b"\1\2", LeaseState.RELEASED, 7, 8, "", b"")
    store.commit([LeaseChange(ROW, later)])
    assert list(store.load()) == [later]
    assert list(reopen().load()) == [later]


def test_a_deleted_row_is_gone_and_the_others_stay(reopen: Reopen) -> None:
    store = reopen()
    store.commit(put(at(1), at(2), at(3)))
    store.commit([LeaseChange(at(2), None)])
    assert sorted(store.load()) == [at(1), at(3)]
    assert sorted(reopen().load()) == [at(1), at(3)]


def test_deleting_what_is_not_there_does_no_harm(reopen: Reopen) -> None:
    store = reopen()
    assert not store.commit([LeaseChange(at(2), None), *put(at(1))])
    assert list(store.load()) == [at(1)]


def test_changes_of_one_turn_hold_in_their_order(reopen: Reopen) -> None:
    store = reopen()
    store.commit(
        [
            LeaseChange(None, at(1, starts_s=1)),
            LeaseChange(at(1, starts_s=1), at(1, starts_s=2)),
            LeaseChange(None, at(2)),
            LeaseChange(at(2), None),
            LeaseChange(at(3), None),
            LeaseChange(None, at(3)),
        ]
    )
    assert sorted(store.load()) == [at(1, starts_s=2), at(3)]


def test_a_turn_without_changes_does_nothing(reopen: Reopen) -> None:
    store = reopen()
    store.commit(put(ROW))
    assert not store.commit([])
    assert list(store.load()) == [ROW]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_any_turns_leave_what_a_dict_would(kind: str, data: st.DataObject) -> None:
    addresses = st.sampled_from([0, 1, 2, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
    change = st.tuples(addresses, rows | st.none())
    with KINDS[kind]() as reopen:
        store, model = reopen(), dict[int, Lease]()
        for turn in data.draw(st.lists(st.lists(change, max_size=8), max_size=6)):
            changes = []
            for address, row in turn:
                before = model.pop(address, None)
                if row is not None:
                    model[address] = row._replace(address_int=address)
                if before or row:
                    changes.append(LeaseChange(before, model.get(address)))
            assert not store.commit(changes)
            if data.draw(st.booleans()):
                store = reopen()
            assert list(store.snapshot()) == [row for _, row in sorted(model.items())]
        assert sorted(store.load()) == sorted(model.values())


def test_a_snapshot_is_by_address(reopen: Reopen) -> None:
    store = reopen()
    store.commit(put(at(0x80000000), at(3), at(0xFFFFFFFF), at(0)))
    store.commit(put(at(2)))
    assert [row.address_int for row in store.snapshot()] == [0, 2, 3, 0x80000000, 0xFFFFFFFF]


@pytest.mark.parametrize(
    ("query", "addresses"),
    [
        (LeaseQuery(), [1, 2, 3, 0xFFFFFFFF]),
        (LeaseQuery(address_int=2), [2]),
        (LeaseQuery(address_int=4), []),
        (LeaseQuery(hardware_address=b"\1\2"), [1, 2]),
        (LeaseQuery(hardware_address=b""), [0xFFFFFFFF]),
        (LeaseQuery(hardware_address=b"\1\2", client_key=b"b"), [2]),
        (LeaseQuery(hostname="pRINTER-é"), [1, 3]),
        (LeaseQuery(hostname="printer-É"), []),
        (LeaseQuery(hostname="nul\0a"), [2]),
        (LeaseQuery(hostname="\udcff"), [0xFFFFFFFF]),
        (LeaseQuery(hostname=""), []),
        (LeaseQuery(after_int=0), [1, 2, 3, 0xFFFFFFFF]),
        (LeaseQuery(after_int=2), [3, 0xFFFFFFFF]),
        (LeaseQuery(after_int=2, hostname="Printer-é"), [3]),
        (LeaseQuery(after_int=0xFFFFFFFF), []),
    ],
)
def test_a_snapshot_has_what_is_asked_for_alone(reopen: Reopen, query: LeaseQuery, addresses: list[int]) -> None:
    store = reopen()
    store.commit(
        put(
            at(3, hostname="PRINTER-é"),
            at(2, hardware_address=b"\1\2", client_key=b"b", hostname="nul\0a"),
            at(1, hardware_address=b"\1\2", client_key=b"a", hostname="Printer-é"),
            at(0xFFFFFFFF, hardware_address=b"", hostname="\udcff"),
        )
    )
    assert [row.address_int for row in store.snapshot(query)] == addresses


def test_a_snapshot_stays_as_it_was_when_taken(reopen: Reopen) -> None:
    store = reopen()
    store.commit(put(at(1), at(2), at(3)))
    before = iter(store.snapshot())
    store.commit([LeaseChange(at(2), None), *put(at(3, starts_s=7), at(4))])
    after = iter(store.snapshot())
    assert next(before) == at(1)
    store.commit([LeaseChange(at(1), None)])
    assert list(before) == [at(2), at(3)]
    assert list(after) == [at(1), at(3, starts_s=7), at(4)]


def test_a_snapshot_that_is_dropped_does_no_harm(reopen: Reopen) -> None:
    store = reopen()
    store.commit(put(at(1), at(2)))
    store.snapshot()
    started = iter(store.snapshot())
    next(started)
    del started
    store.commit(put(at(3)))
    assert sorted(reopen().load()) == [at(1), at(2), at(3)]


def test_snapshots_of_another_thread_see_whole_turns_alone(reopen: Reopen) -> None:
    store = reopen()
    store.commit(put(*(at(address, starts_s=0) for address in range(40))))
    seen: list[list[int]] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.append([row.starts_s for row in store.snapshot()])

    reader = threading.Thread(target=read)
    reader.start()
    for turn in range(1, 150):
        # A turn has all rows carry its number, with one row less or one more than before.
        changes = put(*(at(address, starts_s=turn) for address in range(39)))
        store.commit([*changes, *(put(at(39, starts_s=turn)) if turn % 2 == 0 else [LeaseChange(at(39), None)])])
    done.set()
    reader.join()
    seen.append([row.starts_s for row in store.snapshot()])
    assert all(len(set(turns)) == 1 and len(turns) == 40 - turns[0] % 2 for turns in seen)
    assert [turns[0] for turns in seen] == sorted(turns[0] for turns in seen)


def test_another_thread_than_the_one_that_opened_it_may_commit(reopen: Reopen) -> None:
    store = reopen()
    writer = threading.Thread(target=store.commit, args=(put(ROW),))
    writer.start()
    writer.join()
    assert list(store.load()) == [ROW]


def test_closing_twice_does_no_harm(reopen: Reopen) -> None:
    store = reopen()
    store.commit(put(ROW))
    store.close()
    store.close()
    with closing(reopen()) as store:
        assert list(store.load()) == [ROW]
