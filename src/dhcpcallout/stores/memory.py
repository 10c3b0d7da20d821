"""Leases that end with the process: for tests, and where losing them does no harm."""

from collections.abc import Iterator, Sequence
from threading import Lock

from ..leases import EVERY_LEASE, Lease, LeaseChange, LeaseQuery, Refusal

__all__ = ["MemoryStore"]


class MemoryStore:
    """A ``LeaseStore`` in a dict. It never refuses a change, never fails, and outlives ``close``."""

    def __init__(self) -> None:
        self._rows: dict[int, Lease] = {}
        self._lock = Lock()

    def load(self) -> Iterator[Lease]:
        """Every row, by address."""
        return self.snapshot()

    def commit(self, changes: Sequence[LeaseChange]) -> Sequence[Refusal]:
        """Keep a turn's changes, in order."""
        with self._lock:
            for change in changes:
                if change.after is not None:
                    self._rows[change.after.address_int] = change.after
                else:
                    self._rows.pop(change.address_int, None)
        return ()

    def snapshot(self, query: LeaseQuery = EVERY_LEASE) -> Iterator[Lease]:
        """The rows as they are now, by address; from any thread."""
        with self._lock:
            rows = list(self._rows.values())
        rows.sort()
        return iter(rows) if query == EVERY_LEASE else filter(query.matches, rows)

    def close(self) -> None:
        """Do nothing: there is nothing to release."""
