"""Taking over leases from files, however many: what the files say is staged, then compared with what is there."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self, TypeVar

from ..leases import Lease, LeaseChange, LeaseState
from .formats import Entry
from .sqlite import SqliteStore

__all__ = ["Staging", "Tally", "in_batches", "merge"]

_BATCH = 5000
_T = TypeVar("_T")


@dataclass(slots=True)
class Tally:
    """What became of the leases that files hold.

    Attributes:
        read: How many there are; each address counts once.
        added: To addresses that had none.
        replaced: In the place of others.
        unchanged: The same is there already.
        later: The same client has a later lease of the address already.
        kept: The address is in use by another client, or another one had it later: that one's lease stays.
        outside: The address is in no subnet of the configuration.
        refused: The running server refused it for another reason.
        problems: Some of those reasons.
    """

    read: int = 0
    added: int = 0
    replaced: int = 0
    unchanged: int = 0
    later: int = 0
    kept: int = 0
    outside: int = 0
    refused: int = 0
    problems: list[str] = field(default_factory=list)


class Staging:
    """Holds what files say, in a lease file of its own that is deleted in the end; a context manager.

    Memory is bounded, however many leases there are.
    """

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            folder = stack.enter_context(TemporaryDirectory(prefix="dhcpcallout-"))
            self._store = SqliteStore(Path(folder, "leases.db"))
            stack.callback(self._store.close)
            self._resources = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    def add(self, entries: Iterable[Entry]) -> None:
        """Take entries in; the last of an address counts."""
        for batch in in_batches(entries, _BATCH):
            self._store.commit([_change(entry) for entry in batch])

    def leases(self) -> Iterator[Lease]:
        """What there is, by address."""
        return self._store.load()


def _change(entry: Entry) -> LeaseChange:
    before = Lease(entry.address_int, b"", 0, b"", LeaseState.RELEASED, 0, 0) if entry.lease is None else None
    return LeaseChange(before, entry.lease)


def in_batches(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """Items in lists of a size; the last may be shorter."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def merge(
    leases: Iterable[Lease],
    existing: Iterable[Lease],
    tally: Tally,
    *,
    now: float,
    replace: bool,
    is_inside: Callable[[int], bool],
) -> Iterator[LeaseChange]:
    """The changes that take leases over into a store, by address.

    Args:
        leases: What is to be taken over, by address.
        existing: What is there, by address.
        tally: Where to count.
        now: Unix time, seconds.
        replace: Whether what is there gives way to everything.
        is_inside: Whether an address is to have a lease at all.
    """
    rows = iter(existing)
    row = next(rows, None)
    for lease in leases:
        tally.read += 1
        while row is not None and row.address_int < lease.address_int:
            row = next(rows, None)
        before = row if row is not None and row.address_int == lease.address_int else None
        if not is_inside(lease.address_int):
            tally.outside += 1
        elif before == lease:
            tally.unchanged += 1
        elif before is None:
            tally.added += 1
            yield LeaseChange(None, lease)
        elif replace or before.gives_way_to(lease, now):
            tally.replaced += 1
            yield LeaseChange(before, lease)
        elif before.client_key == lease.client_key:
            tally.later += 1
        else:
            tally.kept += 1
