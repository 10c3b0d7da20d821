"""The rows of all leases, packed small, and when each of them ends.

As ``Lease`` tuples a million rows would take twice the memory, and Python's garbage collector would go through all of
them again and again; packed ones it leaves alone. ``benchmarks/bench_engine.py`` measures what they take.
"""

from collections.abc import Callable, Iterator, Mapping
from heapq import heapify, heappop, heappush, heapreplace
from struct import Struct
from struct import error as StructError  # noqa: N812

from ..codes import INFINITE
from ..leases import Lease, LeaseState

__all__ = ["STATE", "WAITS", "AddressQueue", "LeaseRows", "client_of", "expires_of"]

# A packed row: state and flags, starts_s, expires_s, the time of its entry in the queue of ends (0: it has none),
# hardware_type, and the lengths of hardware_address, client_key and hostname; then these three, and relay_information.
_HEAD = Struct("<BIqIBBHH")
_HEAD_SIZE = _HEAD.size
_EXPIRES = Struct("<q")
_EXPIRES_AT = 5
_QUEUED = Struct("<I")
_QUEUED_AT = 13
_QUEUED_END = 17

STATE = 0x3F
"""The bits of a packed row's first byte that are its state."""
WAITS = 0x40
"""The bit of a packed row's first byte that says that its address has an entry in a queue of free ones."""
_OF_HARDWARE = 0x80
"""The bit that says that the client key is the hardware type and the hardware address, which is not repeated."""

_ACTIVE = int(LeaseState.ACTIVE)
_RELEASED = int(LeaseState.RELEASED)
_SPARE = 1024


class AddressQueue:
    """Addresses by time, the earliest first; of those of one time, the lowest first.

    Each entry is one integer of a heap, which Python keeps in 32 bytes as long as the times are within eight years.
    """

    __slots__ = ("_base_s", "_heap")

    def __init__(self) -> None:
        self._heap: list[int] = []
        self._base_s = 0

    def __len__(self) -> int:
        return len(self._heap)

    def push(self, when: int, address_int: int) -> None:
        """Add an entry, beside what the address may have already."""
        if not self._heap:
            self._base_s = when
        heappush(self._heap, (when - self._base_s) << 32 | address_int)

    def first(self) -> tuple[int, int] | None:
        """The earliest entry, a time and an address; None where the queue is empty."""
        if not self._heap:
            return None
        entry = self._heap[0]
        return (entry >> 32) + self._base_s, entry & 0xFFFFFFFF

    def pop(self) -> None:
        """Take the earliest entry out."""
        heappop(self._heap)

    def put_back(self, when: int) -> None:
        """Give the earliest entry another time."""
        heapreplace(self._heap, (when - self._base_s) << 32 | self._heap[0] & 0xFFFFFFFF)

    def copy(self) -> "AddressQueue":
        """A queue of the same entries."""
        other = AddressQueue()
        other._heap, other._base_s = self._heap.copy(), self._base_s
        return other

    def rebuild(self, times: Mapping[int, int]) -> None:
        """Have the entries be these and no others, a time for each address."""
        self._heap = [(when - self._base_s) << 32 | address_int for address_int, when in times.items()]
        heapify(self._heap)


class LeaseRows:
    """The row of every address that has one, by address, and the queue of their ends.

    Args:
        watch: Called with the row before and the row after for each one that is put, if given; a copy has none.

    Attributes:
        packed: The packed rows by address, to be read alone; this module's functions tell what is in one.
    """

    __slots__ = ("_deleted", "_ends", "_watch", "packed")

    def __init__(self, watch: Callable[[Lease | None, Lease | None], None] | None = None) -> None:
        self._watch = watch
        self.packed: dict[int, bytes] = {}
        # A renewal leaves the row's entry in the queue where it is; when its time comes it is put back to the row's
        # end. So renewals do not make the queue grow.
        self._ends = AddressQueue()
        self._deleted: dict[int, tuple[int, int]] = {}  # of rows that are gone: what _entries says, if anything

    def __len__(self) -> int:
        return len(self.packed)

    def __contains__(self, address_int: int) -> bool:
        return address_int in self.packed

    def __getitem__(self, address_int: int) -> Lease:
        return _unpack(address_int, self.packed[address_int])

    def get(self, address_int: int) -> Lease | None:
        """An address' row."""
        packed = self.packed.get(address_int)
        return None if packed is None else _unpack(address_int, packed)

    def values(self) -> Iterator[Lease]:
        """All rows."""
        return (_unpack(address_int, packed) for address_int, packed in self.packed.items())

    def copy(self) -> "LeaseRows":
        """The same rows and ends, to be changed apart from these; it takes a time that grows with their number."""
        other = LeaseRows()
        other.packed, other._deleted = self.packed.copy(), self._deleted.copy()
        other._ends = self._ends.copy()
        return other

    def put(self, address_int: int, lease: Lease | None) -> None:
        """Have an address' row be ``lease``, or none at all.

        Raises:
            ValueError: A number or a length is beyond what DHCP has.
        """
        if self._watch is not None:
            self._watch(self.get(address_int), lease)
        waits, queued_s = self._entries(address_int)
        if lease is None:
            self.packed.pop(address_int, None)
            self._note(address_int, waits, queued_s)
            return
        if self._deleted:
            self._deleted.pop(address_int, None)
        end_s = lease.expires_s
        if lease.state != _RELEASED and end_s != INFINITE:
            when = end_s if 1 <= end_s <= INFINITE else min(max(end_s, 1), INFINITE)
            if not queued_s or when < queued_s:
                queued_s = when
                self._push(when, address_int)
        self.packed[address_int] = _pack(lease, waits, queued_s)

    def is_free(self, address_int: int, client_key: bytes, now: float) -> bool:
        """Whether no other client has an address and it does not rest."""
        packed = self.packed.get(address_int)
        if packed is None:
            return True
        state = packed[0] & STATE
        if state == _RELEASED:
            return True
        expires_s = expires_of(packed)
        if expires_s != INFINITE and expires_s <= now:
            return True
        return state == _ACTIVE and client_of(packed) == client_key

    def set_waiting(self, address_int: int, waits: bool) -> None:
        """Note whether an address has an entry in a queue of free ones."""
        _, queued_s = self._entries(address_int)
        self._note(address_int, WAITS if waits else 0, queued_s)

    def ended(self, now: float, limit: int) -> list[Lease]:
        """Take the rows whose time is over out of the queue of ends: leases, and the rest of declined addresses.

        The caller puts what becomes of each; one that it leaves as it is does not come up again.

        Args:
            now: Unix time, seconds.
            limit: The most entries to look at. Some are of rows that were renewed and stay, so that there may be
                more to do, as ``next_end_s`` tells, though fewer rows are returned.
        """
        rows: list[Lease] = []
        ends = self._ends
        for _ in range(limit):
            first = ends.first()
            if first is None or first[0] > now:
                break
            when, address_int = first
            waits, queued_s = self._entries(address_int)
            if queued_s != when:
                ends.pop()
                continue
            packed = self.packed.get(address_int)
            end_s = expires_of(packed) if packed is not None and packed[0] & STATE != _RELEASED else INFINITE
            if now < end_s < INFINITE:
                ends.put_back(end_s)
                self._note(address_int, waits, end_s)
                continue
            ends.pop()
            self._note(address_int, waits, 0)
            if packed is not None and end_s != INFINITE:
                rows.append(_unpack(address_int, packed))
        return rows

    def next_end_s(self) -> int | None:
        """When ``ended`` has something to do next, Unix time in seconds; None where nothing is to end."""
        first = self._ends.first()
        return None if first is None else first[0]

    def _push(self, when: int, address_int: int) -> None:
        self._ends.push(when, address_int)
        # A client that asks for ever shorter leases leaves an entry behind each time.
        if len(self._ends) > 2 * len(self.packed) + _SPARE:
            times = {
                address_int: queued for address_int, packed in self.packed.items() if (queued := _queued_of(packed))
            }
            self._ends.rebuild(times | {address_int: when})
            self._deleted = {gone: (waits, 0) for gone, (waits, _) in self._deleted.items() if waits}

    def _entries(self, address_int: int) -> tuple[int, int]:
        """``WAITS`` if an address has an entry in a queue of free ones; the time of the one in the queue of ends."""
        packed = self.packed.get(address_int)
        if packed is None:
            return self._deleted.get(address_int, (0, 0))
        return packed[0] & WAITS, _queued_of(packed)

    def _note(self, address_int: int, waits: int, queued_s: int) -> None:
        packed = self.packed.get(address_int)
        if packed is not None:
            flags = bytes((packed[0] & ~WAITS | waits,))
            queued = _QUEUED.pack(queued_s)
            self.packed[address_int] = flags + packed[1:_QUEUED_AT] + queued + packed[_QUEUED_END:]
        elif waits or queued_s:
            self._deleted[address_int] = waits, queued_s
        else:
            self._deleted.pop(address_int, None)


def expires_of(packed: bytes) -> int:
    """``Lease.expires_s`` of a packed row."""
    expires_s: int = _EXPIRES.unpack_from(packed, _EXPIRES_AT)[0]
    return expires_s


def client_of(packed: bytes) -> bytes:
    """``Lease.client_key`` of a packed row."""
    flags, _, _, _, hardware_type, hardware_size, client_size, _ = _HEAD.unpack_from(packed)
    end = _HEAD_SIZE + hardware_size
    if flags & _OF_HARDWARE:
        return bytes((hardware_type,)) + packed[_HEAD_SIZE:end]
    return packed[end : end + client_size]


def _queued_of(packed: bytes) -> int:
    """The time of a packed row's entry in the queue of ends; 0 where it has none."""
    queued_s: int = _QUEUED.unpack_from(packed, _QUEUED_AT)[0]
    return queued_s


def _pack(lease: Lease, waits: int, queued_s: int) -> bytes:
    address_int, client_key, hardware_type, hardware_address, state, starts_s, expires_s, hostname, relay = lease
    flags = state | waits
    try:
        if state & ~STATE:
            raise StructError(f"state {state}")
        if client_key == bytes((hardware_type,)) + hardware_address:
            flags |= _OF_HARDWARE
            client_key = b""
        name = hostname.encode(errors="surrogatepass") if hostname else b""
        return (
            _HEAD.pack(
                flags, starts_s, expires_s, queued_s, hardware_type, len(hardware_address), len(client_key), len(name)
            )
            + hardware_address
            + client_key
            + name
            + relay
        )
    except (StructError, ValueError) as error:
        raise ValueError(f"the row of address 0x{address_int:08x} has what no lease has: {error}") from error


def _unpack(address_int: int, packed: bytes) -> Lease:
    flags, starts_s, expires_s, _, hardware_type, hardware_size, client_size, name_size = _HEAD.unpack_from(packed)
    end = _HEAD_SIZE + hardware_size
    hardware_address = packed[_HEAD_SIZE:end]
    if flags & _OF_HARDWARE:
        client_key = bytes((hardware_type,)) + hardware_address
    else:
        client_key = packed[end : end + client_size]
        end += client_size
    name = packed[end : end + name_size].decode(errors="surrogatepass") if name_size else ""
    return Lease(
        address_int,
        client_key,
        hardware_type,
        hardware_address,
        flags & STATE,
        starts_s,
        expires_s,
        name,
        packed[end + name_size :],
    )
