"""What a lease is, what a change to one is, and what a lease store must do."""

from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from ipaddress import IPv4Address
from string import ascii_lowercase, ascii_uppercase
from typing import NamedTuple, Protocol, runtime_checkable

from .codes import INFINITE

__all__ = ["EVERY_LEASE", "Lease", "LeaseChange", "LeaseQuery", "LeaseState", "LeaseStore", "Refusal", "fold_hostname"]

_TO_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


class LeaseState(IntEnum):
    """What became of an address; the numbers are what stores keep.

    ACTIVE: bound to its client until ``expires_s``. DECLINED: a client, or a probe, found it in use;
    it rests until ``expires_s``. RELEASED: given back, or run out; kept so that the client may have it again.
    """

    ACTIVE = 0
    DECLINED = 1
    RELEASED = 2


class Lease(NamedTuple):
    """One row of the lease database: an address and the client that has, or had, it.

    Attributes:
        address_int: The address, a 32-bit integer (192.168.0.1 is 0xC0A80001). The primary key.
        client_key: Who holds it: the value of option 61, else ``htype`` and ``chaddr`` (RFC 2131 section 4.2).
            Empty for an address that nobody holds (DECLINED after a probe).
        hardware_type: ``htype``, IANA's number.
        hardware_address: ``chaddr``, ``hlen`` bytes.
        state: A ``LeaseState``'s number.
        starts_s: When the client was last acknowledged, whole seconds of Unix time.
        expires_s: When the lease, or the rest of a declined address, ends, whole seconds of Unix time;
            ``codes.INFINITE`` (0xFFFFFFFF) never ends.
        hostname: What the client calls itself (option 12), or "".
        relay_information: The value of option 82 that came with the last REQUEST, or b"".
    """

    address_int: int
    client_key: bytes
    hardware_type: int
    hardware_address: bytes
    state: int
    starts_s: int
    expires_s: int
    hostname: str = ""
    relay_information: bytes = b""

    @property
    def address(self) -> IPv4Address:
        """The address."""
        return IPv4Address(self.address_int)

    def is_active(self, now: float) -> bool:
        """Whether the client holds the address at ``now`` (Unix time, seconds)."""
        return self.state == LeaseState.ACTIVE and (self.expires_s == INFINITE or self.expires_s > now)

    def is_held(self, now: float) -> bool:
        """Whether nobody else may have the address at ``now``: its client holds it, or it rests."""
        return self.state != LeaseState.RELEASED and (self.expires_s == INFINITE or self.expires_s > now)

    def gives_way_to(self, other: "Lease", now: float) -> bool:
        """Whether a row that comes from elsewhere may take this one's place and nobody loses an address by it.

        Args:
            other: That row, of the same address.
            now: Unix time, seconds.
        """
        if self.is_held(now):
            return self.client_key == other.client_key and self.starts_s < other.starts_s
        return other.is_held(now) or self.starts_s < other.starts_s


class LeaseChange(NamedTuple):
    """One row to be written, as the engine decided it.

    Attributes:
        before: The row on which the decision rests, or None where there was none. A store that others
            write to as well refuses the change when its row is another one.
        after: The row to be, or None to delete it. The two have the same address.
    """

    before: Lease | None
    after: Lease | None

    @property
    def address_int(self) -> int:
        """The address of the row, a 32-bit integer.

        Raises:
            ValueError: There is neither a row before nor one after.
        """
        row = self.after or self.before
        if row is None:
            raise ValueError("a change of nothing")
        return row.address_int


class Refusal(NamedTuple):
    """A change that lost to another server's.

    Attributes:
        change: The change as it was asked for; nothing of it was written.
        winner: The row that stands in the store instead, or None where the row is gone.
    """

    change: LeaseChange
    winner: Lease | None


class LeaseQuery(NamedTuple):
    """Which rows a reader wants: those that are as everything says that is not None.

    Attributes:
        address_int: The address, a 32-bit integer.
        hardware_address: Of any ``hardware_type``.
        client_key: As in ``Lease``.
        hostname: In small or capital letters.
        after_int: Rows of greater addresses alone.
    """

    address_int: int | None = None
    hardware_address: bytes | None = None
    client_key: bytes | None = None
    hostname: str | None = None
    after_int: int = -1

    def matches(self, lease: Lease) -> bool:
        """Whether a row is wanted."""
        return (
            lease.address_int > self.after_int
            and self.address_int in (None, lease.address_int)
            and self.hardware_address in (None, lease.hardware_address)
            and self.client_key in (None, lease.client_key)
            and (self.hostname is None or fold_hostname(self.hostname) == fold_hostname(lease.hostname))
        )


EVERY_LEASE = LeaseQuery()


def fold_hostname(name: str) -> str:
    """A name as it is compared: its ASCII letters small (RFC 4343)."""
    return name.translate(_TO_LOWER)


@runtime_checkable
class LeaseStore(Protocol):
    """Where leases are kept. One writer thread calls; only ``snapshot`` may be called from another."""

    def load(self) -> Iterator[Lease]:
        """Every row, in no particular order, once at start.

        Raises:
            StoreError: The rows cannot be read.
        """

    def commit(self, changes: Sequence[LeaseChange]) -> Sequence[Refusal]:
        """Write a turn's changes, in order; what is not refused is durable when this returns.

        Returns:
            The changes that were refused; empty for a store that no one else writes to.

        Raises:
            CommitError: Nothing was written. The store stays usable: a later commit may succeed.
        """

    def snapshot(self, query: LeaseQuery = EVERY_LEASE) -> Iterable[Lease]:
        """The rows that are durable now, by address, for a reader; safe beside the writer.

        Args:
            query: Which of them.

        Raises:
            StoreError: The rows cannot be read.
        """

    def close(self) -> None:
        """Release what the store holds. Calling it twice does no harm."""
