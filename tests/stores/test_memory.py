"""What is the memory store's own; its contract is tested in test_contract.py."""

from dhcpcallout.leases import Lease, LeaseChange
from dhcpcallout.stores import MemoryStore

ROW = Lease(0x0A000001, b"\1\0\x0c\1\2\3\4", 1, b"\0\x0c\1\2\3\4", 0, 1000, 5000)


def test_two_stores_share_nothing() -> None:
    first, second = MemoryStore(), MemoryStore()
    first.commit([LeaseChange(None, ROW)])
    assert list(second.load()) == []


def test_the_rows_are_the_objects_that_were_committed() -> None:
    store = MemoryStore()
    store.commit([LeaseChange(None, ROW)])
    assert next(store.load()) is ROW
