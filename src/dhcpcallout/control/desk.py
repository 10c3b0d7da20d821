"""Changing leases, whether or not a server runs: through the server that has the store, else in the store itself."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

from ..errors import ControlError, StoreInUseError
from ..leases import Lease, LeaseChange, LeaseQuery, LeaseStore
from ..stores import open_store, read_leases
from ..stores.formats import to_json
from ..stores.transfer import Tally, in_batches
from . import Result
from .client import ControlClient

__all__ = ["Desk", "open_desk"]

_MEMORY = "memory:"
_BATCH = 5000
_MOST_OF_A_BATCH = 100_000
"""How many bytes of leases are sent to a server at once, about."""
_MOST_TOLD = 5


class Desk(Protocol):
    """Where leases are changed. What a method did is durable when it returns."""

    @abstractmethod
    def leases(self) -> Iterable[Lease]:
        """What there is, by address, where it can be read: what is in a server's memory alone is not told."""

    @abstractmethod
    def add(self, lease: Lease, now: float, *, replace: bool) -> bool:
        """Have an address have a lease; whether it does.

        Args:
            lease: The lease.
            now: Unix time, seconds.
            replace: Whether an address that is in use is taken from whom it is leased to.
        """

    @abstractmethod
    def delete(self, address_int: int) -> bool:
        """Have an address have no lease; whether it had any."""

    @abstractmethod
    def apply(self, changes: Iterable[LeaseChange], tally: Tally, *, replace: bool) -> None:
        """Make many changes.

        Args:
            changes: What to change, as ``stores.transfer.merge`` gives it.
            tally: What ``merge`` has counted as done, and is not, is counted as what it is.
            replace: As for ``merge``.
        """


@contextmanager
def open_desk(store: str, control: Path | None) -> Iterator[Desk]:
    """Change leases.

    Args:
        store: The store's URL.
        control: Where the control socket of its server is, if it has one.

    Raises:
        StoreError: The store cannot be opened, or a change cannot be made.
        ControlError: The running server cannot be asked, or refuses; now, or by the methods.
    """
    try:
        opened = open_store(store) if store != _MEMORY else None
    except StoreInUseError as error:
        if control is None:
            raise ControlError(f"{error}; its control socket is off: stop it first") from error
        opened = None
    if opened is not None:
        with closing(opened):
            yield _Direct(opened)
    elif control is None:
        raise ControlError("memory: is in the server's own process, and its control socket is off")
    else:
        with ControlClient(control) as client:
            yield _Asked(client, store)


class _Direct(Desk):
    def __init__(self, store: LeaseStore) -> None:
        self._store = store

    def leases(self) -> Iterable[Lease]:
        return self._store.snapshot()

    def add(self, lease: Lease, now: float, *, replace: bool) -> bool:
        before = self._lease_of(lease.address_int)
        if before is not None and before.is_held(now) and not replace:
            return False
        self._store.commit([LeaseChange(before, lease)])
        return True

    def delete(self, address_int: int) -> bool:
        before = self._lease_of(address_int)
        if before is not None:
            self._store.commit([LeaseChange(before, None)])
        return before is not None

    def apply(self, changes: Iterable[LeaseChange], tally: Tally, *, replace: bool) -> None:  # noqa: ARG002
        for batch in in_batches(changes, _BATCH):
            self._store.commit(batch)

    def _lease_of(self, address_int: int) -> Lease | None:
        return next(iter(self._store.snapshot(LeaseQuery(address_int=address_int))), None)


class _Asked(Desk):
    def __init__(self, client: ControlClient, store: str) -> None:
        self._client = client
        self._url = store

    def leases(self) -> Iterable[Lease]:
        return read_leases(self._url) if self._url != _MEMORY else ()

    def add(self, lease: Lease, now: float, *, replace: bool) -> bool:  # noqa: ARG002
        command = "lease4-update" if replace else "lease4-add"
        named = {name.replace("-", "_"): value for name, value in to_json(lease, 0).items()}
        answer = self._client.ask(command, **named, **({"force_create": True} if replace else {}))
        if answer["result"] == Result.CONFLICT:
            return False
        _expect_success(answer)
        return True

    def delete(self, address_int: int) -> bool:
        answer = self._client.ask("lease4-del", ip_address=str(Lease(address_int, b"", 0, b"", 0, 0, 0).address))
        if answer["result"] == Result.EMPTY:
            return False
        _expect_success(answer)
        return True

    def apply(self, changes: Iterable[LeaseChange], tally: Tally, *, replace: bool) -> None:
        for batch in _frames(changes):
            leases = [to_json(change.after, 0) for change in batch if change.after is not None]
            answer = self._client.ask("lease4-bulk-apply", leases=leases, replace=replace)
            _expect_success(answer)
            had_none = {str(change.after.address) for change in batch if change.after and change.before is None}
            for failed in answer["arguments"]["failed-leases"]:
                if failed["ip-address"] in had_none:
                    tally.added -= 1
                else:
                    tally.replaced -= 1
                if failed["result"] == Result.CONFLICT:
                    tally.kept += 1
                else:
                    tally.refused += 1
                    tally.problems.append(f"{failed['ip-address']}: {failed['error-message']}")
                    del tally.problems[_MOST_TOLD:]


def _frames(changes: Iterable[LeaseChange]) -> Iterator[list[LeaseChange]]:
    """Changes in lists that a server takes at once."""
    batch: list[LeaseChange] = []
    size = 0
    for change in changes:
        lease = change.after
        if lease is not None:  # at the most, with what JSON makes of the bytes
            size += 400 + 24 * len(lease.hostname) + 2 * len(lease.relay_information) + 5 * len(lease.client_key)
        batch.append(change)
        if size >= _MOST_OF_A_BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _expect_success(answer: dict[str, Any]) -> None:
    if answer["result"] != Result.SUCCESS:
        raise ControlError(f"the server refused: {answer['text']}", Result(answer["result"]))
