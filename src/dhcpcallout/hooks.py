"""The hook table: which functions of which callouts are called when something happens.

A ``Callout`` is what a loader makes and what a Python callout is written with: functions on slots. A
``HookTable`` merges callouts, in order; each of its slots is None, or a tuple that is walked when the slot's event
happens. A function that raises is a fault of its callout: logged, counted, and the packet goes on.

A function on a slot of a packet may be ``async``. Nothing here runs an event loop: the steps that call the functions
are generators that hand out what is to be awaited, as a ``Pending``, and are sent its result.
"""

import inspect
import logging
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from ipaddress import IPv4Address, IPv4Network
from typing import Any, Generic, NamedTuple, TypeVar

from .codes import INFINITE, DropReason, EventId
from .errors import CalloutFault
from .events import (
    AddressDeleted,
    AddressOffered,
    AddressSelected,
    ClientDeleted,
    Context,
    LeaseCommitted,
    LeaseExpired,
    OptionsParsed,
    PacketDropped,
    PacketEvent,
    PacketReceived,
    ReplyBuilt,
    ReplyPrepared,
    ServiceControlled,
    SubnetSelected,
    maker,
)
from .wire import REGISTRY, OptionRegistry, Packet

__all__ = [
    "ABI_SLOTS",
    "SLOTS",
    "Callout",
    "CalloutEntry",
    "Drop",
    "Extend",
    "HookTable",
    "InUse",
    "Pending",
    "Replace",
    "Slot",
    "Steps",
    "UseAddress",
    "UseSubnet",
    "Verdict",
]

_log = logging.getLogger(__name__)

MAX_REPLACEMENT = 4096
"""The largest message a callout may put in a packet's place, in bytes: the callout ABI's buffer."""


@dataclass(frozen=True, slots=True)
class Drop:
    """A verdict: the packet (or the reply) goes no further.

    Attributes:
        reason: What ``PacketDropped`` then says.
    """

    reason: DropReason = DropReason.GEN_FAILURE


@dataclass(frozen=True, slots=True)
class Replace:
    """A verdict: the packet (or the reply) is this message from here on.

    Attributes:
        message: The whole DHCP message, as bytes (at most 4096) or as a ``Packet``, which is encoded.
    """

    message: bytes | Packet


Verdict = Drop | Replace


@dataclass(frozen=True, slots=True)
class UseSubnet:
    """An answer to ``SubnetSelected``: the client is in this subnet.

    Attributes:
        network: One of the event's ``subnets``, or its text: ``"10.0.7.0/24"``.
    """

    network: IPv4Network | str


@dataclass(frozen=True, slots=True)
class UseAddress:
    """An answer to ``AddressSelected``: the client gets this address.

    Attributes:
        address: The address: free, and in a pool of the event's subnet that the client may use, or reserved for it.
    """

    address: IPv4Address | str | int


@dataclass(frozen=True, slots=True)
class InUse:
    """An answer to ``AddressSelected``: something uses this address already.

    It rests as a declined one does, ``AddressDeleted`` says so (CONFLICT), and the server chooses another.
    """


@dataclass(frozen=True, slots=True)
class Extend:
    """An answer to ``LeaseExpired``: the lease does not end yet.

    Attributes:
        lease_time_s: For how long it goes on, in whole seconds from now; at least 1.
    """

    lease_time_s: int


@dataclass(frozen=True, slots=True)
class CalloutEntry:
    """What a callout is told when it is loaded (``DhcpServerCalloutEntry``'s arguments).

    Attributes:
        chain: The names that come after this callout's in the list: with policy ``first`` nobody else loads them.
        version: The version of the callout ABI; 0 is the only one.
    """

    chain: tuple[str, ...]
    version: int = 0


E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Slot(Generic[E]):
    """One row of the table of hooks.

    Attributes:
        name: The slot's name here, and that of the decorator on ``Callout``.
        abi_name: The member of ``DHCP_CALLOUT_TABLE``; None for a slot that only Python callouts have.
        event: The class of what its functions get.
        answers: The classes of what its functions may return besides None.
        subject: The field of the event that an answer is about: those asked later find it as it was answered.
        make: Makes an event; for one of a packet see ``events.maker``.
    """

    name: str
    abi_name: str | None
    event: type[E]
    answers: tuple[type, ...] = ()
    subject: str = ""
    make: Callable[..., E] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        make = maker(self.event) if issubclass(self.event, PacketEvent) else self.event
        object.__setattr__(self, "make", make)

    @property
    def may_answer(self) -> bool:
        """Whether its functions may return anything."""
        return bool(self.answers)

    @property
    def may_be_async(self) -> bool:
        """Whether its functions may be ``async``: there is a packet, which can wait for them."""
        return issubclass(self.event, PacketEvent)


CONTROL = Slot("control", "DhcpControlHook", ServiceControlled)
NEW_PACKET = Slot("new_packet", "DhcpNewPktHook", PacketReceived, (Drop, Replace), "data")
PACKET_DROP = Slot("packet_drop", "DhcpPktDropHook", PacketDropped)
PACKET_SEND = Slot("packet_send", "DhcpPktSendHook", ReplyBuilt, (Drop, Replace), "data")
ADDRESS_DELETE = Slot("address_delete", "DhcpAddressDelHook", AddressDeleted)
ADDRESS_OFFER = Slot("address_offer", "DhcpAddressOfferHook", AddressOffered)
HANDLE_OPTIONS = Slot("handle_options", "DhcpHandleOptionsHook", OptionsParsed)
DELETE_CLIENT = Slot("delete_client", "DhcpDeleteClientHook", ClientDeleted)
SELECT_SUBNET = Slot("select_subnet", None, SubnetSelected, (Drop, UseSubnet), "subnet")
SELECT_ADDRESS = Slot("select_address", None, AddressSelected, (Drop, UseAddress, InUse), "address_int")
BUILD_REPLY = Slot("build_reply", None, ReplyPrepared, (Drop, Replace), "reply_data")
LEASE_COMMITTED = Slot("lease_committed", None, LeaseCommitted, (Drop,), "lease")
LEASE_EXPIRED = Slot("lease_expired", None, LeaseExpired, (Extend,), "lease")

ABI_SLOTS: tuple[Slot[Any], ...] = (
    CONTROL,
    NEW_PACKET,
    PACKET_DROP,
    PACKET_SEND,
    ADDRESS_DELETE,
    ADDRESS_OFFER,
    HANDLE_OPTIONS,
    DELETE_CLIENT,
)
"""The eight slots of the callout ABI, in the order of ``DHCP_CALLOUT_TABLE``."""

SLOTS: tuple[Slot[Any], ...] = (
    *ABI_SLOTS,
    SELECT_SUBNET,
    SELECT_ADDRESS,
    BUILD_REPLY,
    LEASE_COMMITTED,
    LEASE_EXPIRED,
)
"""All slots: those of the callout ABI, and those that only Python callouts have."""

_SLOTS = {slot.name: slot for slot in SLOTS}

_OF_ALL = frozenset(one.name for one in fields(PacketEvent))

Function = Callable[[Any], Any]


class Pending(NamedTuple):
    """What an async function has begun: its answer is to be awaited, and sent to the steps that handed this out.

    Attributes:
        awaitable: What to await, once.
        slot: The name of the slot that the function is on.
        place: Which callout of the table it belongs to, counted from 0.
    """

    awaitable: Awaitable[Any]
    slot: str
    place: int

    def discard(self) -> None:
        """Do not await it: a function that has not begun to run never does."""
        _discard(self.awaitable)


T = TypeVar("T")
Steps = Generator[Pending, Any, T]
"""Work that stops at each ``Pending``, and goes on with its result, or with the exception that it ended with."""


def _discard(answer: object) -> None:
    if inspect.iscoroutine(answer):  # else Python warns that it was never awaited
        answer.close()


def _check(slot: str, function: Function, may_be_async: bool = False) -> None:
    if inspect.iscoroutinefunction(function) and not may_be_async:
        raise TypeError(f"{slot}: {function!r} is an async function; what belongs to no packet is called, not awaited")
    if not callable(function):
        raise TypeError(f"{slot}: {function!r} cannot be called")


_Nothing = Awaitable[None] | None
_Answer = Verdict | Awaitable[Verdict | None] | None
# A decorator gives the function back as what it is, and takes only what fits its slot.
_OnControl = TypeVar("_OnControl", bound=Callable[[ServiceControlled], None])
_OnNewPacket = TypeVar("_OnNewPacket", bound=Callable[[PacketReceived], _Answer])
_OnPacketDrop = TypeVar("_OnPacketDrop", bound=Callable[[PacketDropped], _Nothing])
_OnPacketSend = TypeVar("_OnPacketSend", bound=Callable[[ReplyBuilt], _Answer])
_OnAddressDelete = TypeVar("_OnAddressDelete", bound=Callable[[AddressDeleted], _Nothing])
_OnAddressOffer = TypeVar("_OnAddressOffer", bound=Callable[[AddressOffered], _Nothing])
_OnHandleOptions = TypeVar("_OnHandleOptions", bound=Callable[[OptionsParsed], _Nothing])
_OnDeleteClient = TypeVar("_OnDeleteClient", bound=Callable[[ClientDeleted], None])
_SubnetAnswer = UseSubnet | Drop | None
_OnSelectSubnet = TypeVar("_OnSelectSubnet", bound=Callable[[SubnetSelected], _SubnetAnswer | Awaitable[_SubnetAnswer]])
_AddressAnswer = UseAddress | InUse | Drop | None
_OnSelectAddress = TypeVar(
    "_OnSelectAddress", bound=Callable[[AddressSelected], _AddressAnswer | Awaitable[_AddressAnswer]]
)
_OnBuildReply = TypeVar("_OnBuildReply", bound=Callable[[ReplyPrepared], _Answer])
_OnLeaseCommitted = TypeVar("_OnLeaseCommitted", bound=Callable[[LeaseCommitted], Drop | Awaitable[Drop | None] | None])
_OnLeaseExpired = TypeVar("_OnLeaseExpired", bound=Callable[[LeaseExpired], Extend | None])


class Callout:
    r"""Functions registered on slots: what a Python callout is written with, and what every loader makes.

    Register with the decorators, one a slot; a slot that is given several functions calls them in turn::

        callout = Callout("policy")

        @callout.new_packet
        def only_ours(event: PacketReceived) -> Verdict | None:
            packet = event.packet
            if packet is not None and packet.chaddr.startswith(b"\x00\x0c\x01"):
                return None
            return Drop()

    Args:
        name: What log records call it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._functions: dict[str, list[Function]] = {}
        self._on_load: Callable[[CalloutEntry], None] | None = None
        self._loaded = False

    def __repr__(self) -> str:
        return f"<Callout {self.name!r}: {', '.join(self.functions) or 'no slots'}>"

    @property
    def functions(self) -> Mapping[str, tuple[Function, ...]]:
        """The functions of each slot that has any, by the slot's name, in the order of ``SLOTS``."""
        return {slot.name: tuple(self._functions[slot.name]) for slot in SLOTS if slot.name in self._functions}

    def register(self, slot: str, function: Function) -> None:
        """Register a function on a slot by the slot's name; the decorators below are the typed way.

        Raises:
            ValueError: There is no such slot.
            TypeError: The function cannot be called, or is ``async`` where no packet can wait for it.
        """
        if slot not in _SLOTS:
            raise ValueError(f"no slot {slot!r}; there are {', '.join(_SLOTS)}")
        _check(slot, function, _SLOTS[slot].may_be_async)
        self._functions.setdefault(slot, []).append(function)

    def load(self, entry: CalloutEntry) -> None:
        """Call the function that ``on_load`` registered, once; whatever it raises means "not loaded"."""
        if not self._loaded and self._on_load is not None:
            self._on_load(entry)
        self._loaded = True

    def on_load(self, function: Callable[[CalloutEntry], None]) -> Callable[[CalloutEntry], None]:
        """Have ``function`` called once when the callout is loaded; raise in it to refuse."""
        _check("on_load", function)
        self._on_load = function
        return function

    def close(self) -> None:
        """Release what its loader holds for it; no function of it is called any more. Twice does no harm."""

    def control(self, function: _OnControl) -> _OnControl:
        """Have ``function`` called when the service starts, stops, pauses and continues."""
        self.register("control", function)
        return function

    def new_packet(self, function: _OnNewPacket) -> _OnNewPacket:
        """Have ``function`` called with each packet that arrives; it may drop or replace it."""
        self.register("new_packet", function)
        return function

    def packet_drop(self, function: _OnPacketDrop) -> _OnPacketDrop:
        """Have ``function`` called for each drop, and once when a packet is done with (PROCESSED)."""
        self.register("packet_drop", function)
        return function

    def packet_send(self, function: _OnPacketSend) -> _OnPacketSend:
        """Have ``function`` called with each response about to be sent; it may drop or replace it."""
        self.register("packet_send", function)
        return function

    def address_delete(self, function: _OnAddressDelete) -> _OnAddressDelete:
        """Have ``function`` called when an address is declined, released, refused or found in use."""
        self.register("address_delete", function)
        return function

    def address_offer(self, function: _OnAddressOffer) -> _OnAddressOffer:
        """Have ``function`` called directly before an address is acknowledged."""
        self.register("address_offer", function)
        return function

    def handle_options(self, function: _OnHandleOptions) -> _OnHandleOptions:
        """Have ``function`` called when a packet's options were parsed."""
        self.register("handle_options", function)
        return function

    def delete_client(self, function: _OnDeleteClient) -> _OnDeleteClient:
        """Have ``function`` called directly before a lease leaves the active database."""
        self.register("delete_client", function)
        return function

    def select_subnet(self, function: _OnSelectSubnet) -> _OnSelectSubnet:
        """Have ``function`` called with the subnet that a client is in; it may answer with another."""
        self.register("select_subnet", function)
        return function

    def select_address(self, function: _OnSelectAddress) -> _OnSelectAddress:
        """Have ``function`` called with the address that the server chose; it may answer with another."""
        self.register("select_address", function)
        return function

    def build_reply(self, function: _OnBuildReply) -> _OnBuildReply:
        """Have ``function`` called with the reply to be; it may change it."""
        self.register("build_reply", function)
        return function

    def lease_committed(self, function: _OnLeaseCommitted) -> _OnLeaseCommitted:
        """Have ``function`` called when a lease is durable, before its client is told."""
        self.register("lease_committed", function)
        return function

    def lease_expired(self, function: _OnLeaseExpired) -> _OnLeaseExpired:
        """Have ``function`` called when the time of a lease is over; it may extend it."""
        self.register("lease_expired", function)
        return function


_Entry = tuple[int, Function]
"""Which callout (its place in the table), and its function."""


class HookTable:
    """The functions to call for each slot, of all callouts, resolved once.

    A slot is an attribute of the slot's name: None where nobody listens, else a tuple. Look before building
    anything for it::

        if hooks.address_offer is not None:
            hooks.notify(ADDRESS_OFFER, contexts, data=..., ...)

    Args:
        callouts: In the order in which they are called.
        registry: What the options of events' packets are looked up in.

    Attributes:
        callouts, registry: The same, the callouts as a tuple.
        faults: How often each callout's functions failed, in the callouts' order.
    """

    __slots__ = ("_contexts", "callouts", "faults", "registry", *(slot.name for slot in SLOTS))

    control: tuple[_Entry, ...] | None
    new_packet: tuple[_Entry, ...] | None
    packet_drop: tuple[_Entry, ...] | None
    packet_send: tuple[_Entry, ...] | None
    address_delete: tuple[_Entry, ...] | None
    address_offer: tuple[_Entry, ...] | None
    handle_options: tuple[_Entry, ...] | None
    delete_client: tuple[_Entry, ...] | None
    select_subnet: tuple[_Entry, ...] | None
    select_address: tuple[_Entry, ...] | None
    build_reply: tuple[_Entry, ...] | None
    lease_committed: tuple[_Entry, ...] | None
    lease_expired: tuple[_Entry, ...] | None

    def __init__(self, callouts: Iterable[Callout] = (), *, registry: OptionRegistry = REGISTRY) -> None:
        self.callouts = tuple(callouts)
        self.registry = registry
        self.faults = [0] * len(self.callouts)
        for slot in SLOTS:
            entries = tuple(
                (place, function)
                for place, callout in enumerate(self.callouts)
                for function in callout.functions.get(slot.name, ())
            )
            setattr(self, slot.name, entries or None)
        self._contexts = len(self.callouts) if any(getattr(self, slot.name) for slot in SLOTS) else 0

    def contexts(self) -> tuple[Context, ...]:
        """A new packet's contexts, one for each callout; none where no function is called anyway."""
        # A comprehension of one takes six times as long: benchmarks/bench_hooks.py.
        return ({},) if self._contexts == 1 else tuple([{} for _ in range(self._contexts)])

    def announce(self, slot: Slot[Any], event: ServiceControlled | ClientDeleted | LeaseExpired) -> Extend | None:
        """Call a slot's functions with an event that belongs to no packet; nothing is awaited.

        Returns:
            The first answer; functions after it are not called.
        """
        for place, function in getattr(self, slot.name) or ():
            try:
                answer = function(event)
                if answer is not None:
                    _discard(answer)
                    _check_answer(slot, answer)
                    return Extend(_seconds(answer.lease_time_s))
            except (Exception, SystemExit) as error:  # a callout that calls sys.exit() must not end the server
                self.fault(slot.name, place, error)
        return None

    def notify_steps(
        self,
        slot: Slot[Any],
        contexts: tuple[Context, ...],
        *values: Any,
        entries: Iterator[_Entry] | None = None,
    ) -> Steps[None] | tuple[()]:
        """Call a slot's functions, each with an event of its own that has its callout's context.

        Where no function answers, as nearly always, all have been called when this returns, and no steps are left:
        that saves a generator (``benchmarks/bench_hooks.py``).

        Args:
            slot: The slot.
            contexts: The packet's contexts.
            values: The values of the events' fields in their order, without ``context`` and ``registry``: ``data``,
                ``server_address_int``, and those that only events of this class have.
            entries: Whom to call, where not all of the slot's functions.
        """
        if entries is None:
            entries = iter(getattr(self, slot.name) or ())
        for place, function in entries:
            try:
                answer = function(slot.make(values, contexts[place], self.registry))
            except (Exception, SystemExit) as error:  # a callout that calls sys.exit() must not end the server
                self.fault(slot.name, place, error)
                continue
            if answer is not None:
                return self._notify_on(answer, place, entries, slot, contexts, values)
        return ()

    def _notify_on(
        self,
        answer: Any,
        place: int,
        entries: Iterator[_Entry],
        slot: Slot[Any],
        contexts: tuple[Context, ...],
        values: tuple[Any, ...],
    ) -> Steps[None]:
        """See to what a function answered, and call those after it."""
        try:
            if isinstance(answer, Awaitable):
                answer = yield Pending(answer, slot.name, place)
            if answer is not None:
                _check_answer(slot, answer)
        except (Exception, SystemExit) as error:
            self.fault(slot.name, place, error)
        yield from self.notify_steps(slot, contexts, *values, entries=entries)

    def submit(
        self,
        slot: Slot[Any],
        contexts: tuple[Context, ...],
        *values: Any,
        entries: Iterator[_Entry] | None = None,
    ) -> bytes | Drop | Steps[bytes | Drop]:
        """Call a slot's functions in turn, each with the message that those before it made of ``data``.

        Args:
            slot: The slot: one whose answers are ``Drop`` and ``Replace``, and its subject ``data``.
            contexts: The packet's contexts.
            values: As for ``notify_steps``.
            entries: As for ``notify_steps``.

        Returns:
            The message, or the ``Drop`` that ended it, after which no function is called; where a function answered,
            the steps that lead to it.
        """
        if entries is None:
            entries = iter(getattr(self, slot.name) or ())
        for place, function in entries:
            try:
                answer = function(slot.make(values, contexts[place], self.registry))
            except (Exception, SystemExit) as error:
                self.fault(slot.name, place, error)
                continue
            if answer is not None:
                return self._submit_on(answer, place, entries, slot, contexts, *values)
        data: bytes = values[0]
        return data

    def _submit_on(
        self,
        answer: Any,
        place: int,
        entries: Iterator[_Entry],
        slot: Slot[Any],
        contexts: tuple[Context, ...],
        data: bytes,
        *rest: Any,
    ) -> Steps[bytes | Drop]:
        """Do what a function answered, and call those after it."""
        try:
            if isinstance(answer, Awaitable):
                answer = yield Pending(answer, slot.name, place)
            if answer is not None:
                _check_answer(slot, answer)
                if isinstance(answer, Drop):
                    return Drop(DropReason(answer.reason))
                data = _message(answer)
        except (Exception, SystemExit) as error:
            self.fault(slot.name, place, error)
        left = self.submit(slot, contexts, data, *rest, entries=entries)
        return left if isinstance(left, bytes | Drop) else (yield from left)

    def ask_steps(
        self,
        slot: Slot[Any],
        contexts: tuple[Context, ...],
        subject: T,
        settle: Callable[[Any, Any], T],
        **fields: Any,
    ) -> Steps[T | Drop]:
        """Call a slot's functions in turn, each with what those before it made of the event's subject.

        Args:
            slot: The slot.
            contexts: The packet's contexts.
            subject: The value of the event's field ``slot.subject``.
            settle: What makes the next subject of the event and its answer, which may be None, and raises where that
                cannot be.
            fields: The event's other fields.

        Returns:
            What became of the subject, or the ``Drop`` that ended it; functions after a ``Drop``, or after a subject
            that is ``InUse``, are not called.
        """
        for place, function in getattr(self, slot.name) or ():
            try:
                fields[slot.subject] = subject
                event = slot.event(**fields, context=contexts[place], registry=self.registry)
                answer = function(event)
                if isinstance(answer, Awaitable):
                    answer = yield Pending(answer, slot.name, place)
                if answer is not None:
                    _check_answer(slot, answer)
                    if isinstance(answer, Drop):
                        return Drop(DropReason(answer.reason))
                subject = settle(event, answer)
            except (Exception, SystemExit) as error:
                self.fault(slot.name, place, error)
                continue
            if isinstance(subject, InUse):
                break
        return subject

    def notify(
        self, slot: Slot[Any], contexts: tuple[Context, ...], *, data: bytes, server_address_int: int, **fields: Any
    ) -> None:
        """``notify_steps`` at once, for callers who cannot await: an async function is a fault."""
        steps = self.notify_steps(slot, contexts, data, server_address_int, *_in_order(slot, fields))
        if steps:
            _at_once(steps)

    def ask(
        self, slot: Slot[Any], contexts: tuple[Context, ...], data: bytes, *, server_address_int: int, **fields: Any
    ) -> bytes | Drop:
        """``submit`` at once, for callers who cannot await: an async function is a fault."""
        answer = self.submit(slot, contexts, data, server_address_int, *_in_order(slot, fields))
        return answer if isinstance(answer, bytes | Drop) else _at_once(answer)

    def fault(
        self,
        slot: str,
        place: int,
        error: BaseException,
        outcome: str = "its answer is ignored and the packet goes on",
    ) -> None:
        """Count a fault, and log it: the first ten of a callout, then each time their number has doubled.

        Args:
            slot: The name of the slot whose function failed.
            place: Its callout's place in the table.
            error: How it failed.
            outcome: What that means for the packet.
        """
        self.faults[place] += 1
        count = self.faults[place]
        if count <= 10 or count.bit_count() == 1:
            _log.error(
                "callout %s failed in %s (fault %d); %s",
                self.callouts[place].name,
                slot,
                count,
                outcome,
                exc_info=error,
                extra={"event_id": int(EventId.CALLOUT_EXCEPTION)},
            )


def _check_answer(slot: Slot[Any], answer: object) -> None:
    if not isinstance(answer, slot.answers):
        allowed = " nor ".join(f"{kind.__name__}(...)" for kind in slot.answers)
        raise CalloutFault(
            f"{slot.name} answered {answer!r}, which is neither None nor {allowed}"
            if slot.answers
            else f"{slot.name} answered {answer!r}, but this slot's functions return nothing"
        )


def _message(answer: Replace) -> Any:
    message = answer.message
    data = message.encode() if isinstance(message, Packet) else bytes(memoryview(message))
    if len(data) > MAX_REPLACEMENT:
        raise CalloutFault(f"the message was replaced by {len(data)} bytes; {MAX_REPLACEMENT} is the most")
    return data


def _seconds(lease_time_s: int) -> int:
    if isinstance(lease_time_s, bool) or not isinstance(lease_time_s, int) or not 1 <= lease_time_s <= INFINITE:
        raise CalloutFault(f"a lease was extended by {lease_time_s!r} seconds; from 1 to {INFINITE} is possible")
    return lease_time_s


def _in_order(slot: Slot[Any], named: dict[str, Any]) -> Iterator[Any]:
    """The values of the fields that only a slot's events have."""
    own = [one.name for one in fields(slot.event) if one.init and one.name not in _OF_ALL]
    if named.keys() != set(own):
        raise TypeError(f"{slot.event.__name__} has the fields {', '.join(own)}; got {', '.join(named)}")
    return (named[name] for name in own)


def _at_once(steps: Steps[T]) -> T:
    try:
        pending = next(steps)
        while True:
            pending.discard()
            pending = steps.throw(CalloutFault(f"{pending.slot} answered with what cannot be awaited here"))
    except StopIteration as stop:
        result: T = stop.value
        return result
