"""The hook table: which functions of which callouts are called when something happens.

A ``Callout`` is what a loader makes and what a Python callout is written with: functions on slots. A
``HookTable`` merges callouts, in order; each of its slots is None, or a tuple that is walked when the slot's event
happens. A function that raises is a fault of its callout: logged, counted, and the packet goes on.

A function on a slot of a packet may be ``async``. Nothing here runs an event loop: the steps that call the functions
are generators that hand out what is to be awaited, as a ``Pending``, and are sent its result.
"""

import inspect
import logging
from collections.abc import Awaitable, Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from .codes import DropReason, EventId
from .errors import CalloutFault
from .events import (
    AddressDeleted,
    AddressOffered,
    ClientDeleted,
    Context,
    OptionsParsed,
    PacketDropped,
    PacketReceived,
    ReplyBuilt,
    ServiceControlled,
)
from .wire import Packet

__all__ = [
    "SLOTS",
    "Callout",
    "CalloutEntry",
    "Drop",
    "HookTable",
    "Pending",
    "Replace",
    "Slot",
    "Steps",
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
        abi_name: The member of ``DHCP_CALLOUT_TABLE``.
        event: The class of what its functions get.
        may_answer: Whether its functions may return a ``Verdict``.
    """

    name: str
    abi_name: str
    event: type[E]
    may_answer: bool = False


CONTROL = Slot("control", "DhcpControlHook", ServiceControlled)
NEW_PACKET = Slot("new_packet", "DhcpNewPktHook", PacketReceived, may_answer=True)
PACKET_DROP = Slot("packet_drop", "DhcpPktDropHook", PacketDropped)
PACKET_SEND = Slot("packet_send", "DhcpPktSendHook", ReplyBuilt, may_answer=True)
ADDRESS_DELETE = Slot("address_delete", "DhcpAddressDelHook", AddressDeleted)
ADDRESS_OFFER = Slot("address_offer", "DhcpAddressOfferHook", AddressOffered)
HANDLE_OPTIONS = Slot("handle_options", "DhcpHandleOptionsHook", OptionsParsed)
DELETE_CLIENT = Slot("delete_client", "DhcpDeleteClientHook", ClientDeleted)

SLOTS: tuple[Slot[Any], ...] = (
    CONTROL,
    NEW_PACKET,
    PACKET_DROP,
    PACKET_SEND,
    ADDRESS_DELETE,
    ADDRESS_OFFER,
    HANDLE_OPTIONS,
    DELETE_CLIENT,
)
"""The eight slots, in the order of ``DHCP_CALLOUT_TABLE``."""

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
        if slot not in {row.name for row in SLOTS}:
            raise ValueError(f"no slot {slot!r}; there are {', '.join(row.name for row in SLOTS)}")
        _check(slot, function, may_be_async=slot not in ("control", "delete_client"))
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

    def control(self, function: Callable[[ServiceControlled], None]) -> Callable[[ServiceControlled], None]:
        """Have ``function`` called when the service starts, stops, pauses and continues."""
        self.register("control", function)
        return function

    def new_packet(
        self, function: Callable[[PacketReceived], Verdict | None]
    ) -> Callable[[PacketReceived], Verdict | None]:
        """Have ``function`` called with each packet that arrives; it may drop or replace it."""
        self.register("new_packet", function)
        return function

    def packet_drop(self, function: Callable[[PacketDropped], None]) -> Callable[[PacketDropped], None]:
        """Have ``function`` called for each drop, and once when a packet is done with (PROCESSED)."""
        self.register("packet_drop", function)
        return function

    def packet_send(self, function: Callable[[ReplyBuilt], Verdict | None]) -> Callable[[ReplyBuilt], Verdict | None]:
        """Have ``function`` called with each response about to be sent; it may drop or replace it."""
        self.register("packet_send", function)
        return function

    def address_delete(self, function: Callable[[AddressDeleted], None]) -> Callable[[AddressDeleted], None]:
        """Have ``function`` called when an address is declined, released, refused or found in use."""
        self.register("address_delete", function)
        return function

    def address_offer(self, function: Callable[[AddressOffered], None]) -> Callable[[AddressOffered], None]:
        """Have ``function`` called directly before an address is acknowledged."""
        self.register("address_offer", function)
        return function

    def handle_options(self, function: Callable[[OptionsParsed], None]) -> Callable[[OptionsParsed], None]:
        """Have ``function`` called when a packet's options were parsed."""
        self.register("handle_options", function)
        return function

    def delete_client(self, function: Callable[[ClientDeleted], None]) -> Callable[[ClientDeleted], None]:
        """Have ``function`` called directly before a lease leaves the active database."""
        self.register("delete_client", function)
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

    Attributes:
        callouts: The same, as a tuple.
        faults: How often each callout's functions failed, in the callouts' order.
    """

    __slots__ = ("callouts", "faults", *(slot.name for slot in SLOTS))

    control: tuple[_Entry, ...] | None
    new_packet: tuple[_Entry, ...] | None
    packet_drop: tuple[_Entry, ...] | None
    packet_send: tuple[_Entry, ...] | None
    address_delete: tuple[_Entry, ...] | None
    address_offer: tuple[_Entry, ...] | None
    handle_options: tuple[_Entry, ...] | None
    delete_client: tuple[_Entry, ...] | None

    def __init__(self, callouts: Iterable[Callout] = ()) -> None:
        self.callouts = tuple(callouts)
        self.faults = [0] * len(self.callouts)
        for slot in SLOTS:
            entries = tuple(
                (place, function)
                for place, callout in enumerate(self.callouts)
                for function in callout.functions.get(slot.name, ())
            )
            setattr(self, slot.name, entries or None)

    def contexts(self) -> tuple[Context, ...]:
        """A new packet's contexts, one for each callout."""
        return tuple({} for _ in self.callouts)

    def announce(self, slot: Slot[Any], event: ServiceControlled | ClientDeleted) -> None:
        """Call a slot's functions with an event that belongs to no packet; nothing is awaited."""
        for place, function in getattr(self, slot.name) or ():
            try:
                answer = function(event)
                if answer is not None:
                    _discard(answer)
                    self._verdict(slot, answer)
            except (Exception, SystemExit) as error:  # a callout that calls sys.exit() must not end the server
                self.fault(slot.name, place, error)

    def notify_steps(self, slot: Slot[Any], contexts: tuple[Context, ...], **fields: Any) -> Steps[None]:
        """Call a slot's functions, each with an event of its own made of ``fields`` and its callout's context."""
        for place, function in getattr(self, slot.name) or ():
            try:
                answer = function(slot.event(**fields, context=contexts[place]))
                if answer is not None:
                    if isinstance(answer, Awaitable):
                        answer = yield Pending(answer, slot.name, place)
                    if answer is not None:
                        self._verdict(slot, answer)
            except (Exception, SystemExit) as error:
                self.fault(slot.name, place, error)

    def ask_steps(
        self, slot: Slot[Any], contexts: tuple[Context, ...], data: bytes, **fields: Any
    ) -> Steps[bytes | Drop]:
        """Call a slot's functions in turn, each with what those before it made of ``data``.

        Returns:
            What became of the message, or the ``Drop`` that ended it; functions after a ``Drop`` are not called.
        """
        for place, function in getattr(self, slot.name) or ():
            try:
                answer = function(slot.event(data=data, **fields, context=contexts[place]))
                if answer is None:
                    continue
                if isinstance(answer, Awaitable):
                    answer = yield Pending(answer, slot.name, place)
                    if answer is None:
                        continue
                verdict = self._verdict(slot, answer)
            except (Exception, SystemExit) as error:
                self.fault(slot.name, place, error)
                continue
            if isinstance(verdict, Drop):
                return verdict
            data = verdict
        return data

    def notify(self, slot: Slot[Any], contexts: tuple[Context, ...], **fields: Any) -> None:
        """``notify_steps`` at once, for callers who cannot await: an async function is a fault."""
        _at_once(self.notify_steps(slot, contexts, **fields))

    def ask(self, slot: Slot[Any], contexts: tuple[Context, ...], data: bytes, **fields: Any) -> bytes | Drop:
        """``ask_steps`` at once, for callers who cannot await: an async function is a fault."""
        return _at_once(self.ask_steps(slot, contexts, data, **fields))

    @staticmethod
    def _verdict(slot: Slot[Any], answer: object) -> bytes | Drop:
        if not slot.may_answer:
            raise CalloutFault(f"{slot.name} answered {answer!r}, but this slot's functions return nothing")
        if isinstance(answer, Drop):
            return Drop(DropReason(answer.reason))
        if not isinstance(answer, Replace):
            raise CalloutFault(f"{slot.name} answered {answer!r}, which is neither Drop(...) nor Replace(...)")
        message = answer.message
        data = message.encode() if isinstance(message, Packet) else bytes(memoryview(message))
        if len(data) > MAX_REPLACEMENT:
            raise CalloutFault(f"{slot.name} replaced the message by {len(data)} bytes; {MAX_REPLACEMENT} is the most")
        return data

    def fault(self, slot: str, place: int, error: BaseException) -> None:
        """Count a fault, and log it: the first ten of a callout, then each time their number has doubled.

        Args:
            slot: The name of the slot whose function failed.
            place: Its callout's place in the table.
            error: How it failed.
        """
        self.faults[place] += 1
        count = self.faults[place]
        if count <= 10 or count.bit_count() == 1:
            _log.error(
                "callout %s failed in %s (fault %d); its answer is ignored and the packet goes on",
                self.callouts[place].name,
                slot,
                count,
                exc_info=error,
                extra={"event_id": int(EventId.CALLOUT_EXCEPTION)},
            )


def _at_once(steps: Steps[T]) -> T:
    try:
        pending = next(steps)
        while True:
            pending.discard()
            pending = steps.throw(CalloutFault(f"{pending.slot} answered with what cannot be awaited here"))
    except StopIteration as stop:
        result: T = stop.value
        return result
