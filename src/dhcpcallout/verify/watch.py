"""Watches a callout at work: each call timed, each answer noted, each packet compared with what it was."""

import contextlib
import inspect
import os
import socket
import time
import traceback
from array import array
from collections import Counter
from collections.abc import Awaitable, Callable, Generator
from typing import Any

from ..codes import DropReason, MessageType
from ..errors import CalloutFault, WireError
from ..events import PacketReceived, ReplyBuilt, ReplyPrepared
from ..hooks import SLOTS, Callout, Drop, HookTable, Slot
from ..wire import REGISTRY, Packet, check, decode
from .probes import RunDelay, describe_process
from .report import Finding

__all__ = ["LOST", "Watch", "WatchedTable", "describe"]

LOST = 97
"""The exit status of a process whose callout has closed what it reports by."""

SAMPLES = 8192
"""How many calls of a slot are timed in a scenario: the last ones."""
MOST_FINDINGS = 30
"""In a scenario, so that a callout that fails each time in other words fills no memory."""
MOST_CONTEXTS = 256
"""As many different ones are told apart."""
SMALLEST_LIMIT = 548
"""What every client takes, in bytes: 576 less the headers of IP and UDP (RFC 2131 section 2)."""

_HEADER = ("op", "htype", "hops", "xid", "secs", "flags", "ciaddr", "yiaddr", "siaddr", "giaddr", "chaddr", "sname",
           "file")  # fmt: skip
_DECIDED = {"op", "htype", "xid", "yiaddr", "giaddr", "chaddr", "option 51 (dhcp-lease-time)",
            "option 53 (dhcp-message-type)", "option 54 (dhcp-server-identifier)"}  # fmt: skip
"""What of a reply only the server can decide: whose it is, from whom, of what type, which address for how long."""


class _Samples:
    """The times of the last calls of a slot, in memory that is taken once: a watch must not grow with the packets."""

    def __init__(self) -> None:
        self.count = 0
        self._wall, self._cpu, self._waits = (array("Q", bytes(8 * SAMPLES)) for _ in range(3))

    def add(self, wall_ns: int, cpu_ns: int, wait_ns: int) -> None:
        at = self.count % SAMPLES
        self._wall[at], self._cpu[at], self._waits[at] = wall_ns, cpu_ns, wait_ns
        self.count += 1

    def to_dict(self) -> dict[str, list[int]]:
        kept = min(self.count, SAMPLES)
        return {
            name: column[:kept].tolist()
            for name, column in (("wall", self._wall), ("cpu", self._cpu), ("waits", self._waits))
        }


class _Observed:
    """What was seen of a slot in a scenario."""

    def __init__(self) -> None:
        self.samples = _Samples()
        self.faults = 0
        self.answers: Counter[str] = Counter()
        self.changes: Counter[str] = Counter()

    def to_dict(self) -> dict[str, Any]:
        return {
            "calls": self.samples.count,
            "faults": self.faults,
            "answers": self.answers,
            "changes": self.changes,
            **self.samples.to_dict(),
        }


class _Belongings:
    """File descriptors that are a server's: the standard streams, and sockets."""

    def __init__(self, *others: int) -> None:
        self._sockets = socket.socketpair()
        numbers = (0, 1, 2, *others, *(one.fileno() for one in self._sockets))
        self._known = {number: identity for number in numbers if (identity := _identify(number)) is not None}

    def missing(self) -> list[int]:
        """Those that were closed or replaced since it was last asked."""
        missing = [number for number, identity in self._known.items() if _identify(number) != identity]
        for number in missing:
            del self._known[number]
        return missing

    def close(self) -> None:
        for one in self._sockets:
            if one.fileno() in self._known:
                one.close()
            else:
                one.detach()  # it is closed already, or somebody else's by now


def _identify(number: int) -> tuple[int, int, int] | None:
    try:
        status = os.fstat(number)
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_mode


class Watch:
    """What a callout does, scenario by scenario.

    Args:
        mark: Called with a text before and after each call, so that it is known where a process ended.
        report: Called with each finding, once a scenario, as soon as there is one.
        descriptors: Those that are the verifier's own.

    Attributes:
        scenario: The scenario that is run.
        answered: How many packets were answered so far.
        raised: What a function raised last.
        broken: Whether the process is of no more use: what closed a server's descriptors has closed the verifier's too.
        late: Whether the fault that comes next is that an async function was not done in time, which is known.
    """

    def __init__(
        self, mark: Callable[[str], None], report: Callable[[Finding], None], descriptors: tuple[int, ...] = ()
    ) -> None:
        self._mark = mark
        self._report = report
        self._descriptors = descriptors
        self._process_id = os.getpid()
        self._belongings: _Belongings | None = None
        self._delay = RunDelay()
        self.raised: BaseException | None = None
        self.broken = False
        self.late = False
        self.begin("")

    def begin(self, scenario: str) -> None:
        """Forget what was seen before."""
        self.scenario = scenario
        self.answered = 0
        self._slots: dict[str, _Observed] = {}
        self._drops: Counter[str] = Counter()
        self._contexts: Counter[str] = Counter()
        self._pointers: set[Any] = set()
        self._statuses: dict[str, int] = {}
        self._growth: dict[str, int | None] = {}
        self._found: set[tuple[str, str, str]] = set()
        self._before: dict[str, bytes] = {}
        self._packet = b""
        if scenario:
            self._belongings = _Belongings(*self._descriptors)
        self._process = describe_process()

    def end(self) -> dict[str, Any]:
        """What was seen since ``begin``, for JSON."""
        self._look_at_process()
        if self._belongings is not None:
            self._belongings.close()
        if self._pointers:
            self._contexts["distinct"] = len(self._pointers)
        return {
            "answered": self.answered,
            "delay_is_told": self._delay.is_told,
            "slots": {name: observed.to_dict() for name, observed in self._slots.items()},
            "drops": self._drops,
            "contexts": self._contexts,
            "statuses": self._statuses,
            "growth": self._growth,
        }

    def close(self) -> None:
        """Close what it has open."""
        self._delay.close()

    def find(self, kind: str, text: str, slot: str = "") -> None:
        """Report a finding, unless this scenario has it already."""
        finding = Finding(kind, text, slot, self.scenario, self._packet.hex())
        if finding.key not in self._found and len(self._found) < MOST_FINDINGS:
            self._found.add(finding.key)
            self._report(finding)

    def packet(self, name: str, data: bytes) -> None:
        """Say which datagram comes next: it is told with what is found from now on."""
        self._packet = data if len(data) <= 4096 else b""
        self._mark(f"@{name}|{self._packet.hex()}")

    def grew(self, growth: dict[str, int | None]) -> None:
        """Note what grew with the packets."""
        self._growth = growth

    def status(self, slot: str, status: int) -> None:
        """Note what a native hook returned that is not 0."""
        self._statuses.setdefault(slot, status)

    def doing(self, what: str) -> None:
        """Say that the callout's code is called otherwise than by a slot: ``load``, ``unload``, ...; "" is done."""
        self._mark(f">{what}" if what else "<")

    def fault(self, slot: str, error: BaseException) -> None:
        """Note a fault as the hook table sees it."""
        self._slot(slot).faults += 1
        if not self.late:
            self.find("fault", describe(error), slot)

    def timed_out(self, slot: str, timeout_s: float) -> None:
        """Note that an async function was not done in time."""
        self.find("timeout", f"its packet had waited for {timeout_s:g} s, and it was not done", slot)

    def callout(self, callout: Callout) -> Callout:
        """The callout with each of its functions watched."""
        watched = Callout(callout.name)
        for slot in SLOTS:
            for function in callout.functions.get(slot.name, ()):
                watched.register(slot.name, self._watch(slot, function))
        return watched

    def witness(self) -> Callout:
        """A callout to come directly after the watched one: it sees what that has made of each message."""
        witness = Callout("witness")
        witness.register("new_packet", self._compare_request)
        witness.register("packet_send", self._compare_reply)
        witness.register("build_reply", self._compare_reply_to_be)
        return witness

    def _slot(self, name: str) -> _Observed:
        if name not in self._slots:
            self._slots[name] = _Observed()
        return self._slots[name]

    def _watch(self, slot: Slot[Any], function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        name = slot.name
        keeps_data = name in ("new_packet", "packet_send")
        begins, ends = name == "new_packet", name == "packet_drop"

        def watched(event: Any) -> Any:
            observed = self._slot(name)
            if keeps_data:
                self._before[name] = event.data
            elif name == "build_reply":
                self._before[name] = event.reply_data
            clock = _Clock(self._delay)
            answer = self._call(name, clock, lambda: function(event))
            if slot.may_be_async and isinstance(answer, Awaitable):
                return _TimedAwaitable(self, observed, slot, event, answer, clock)
            self._note(observed, event, answer, clock)
            if begins:
                self._note_context(event)
            elif ends and event.reason is DropReason.PROCESSED and any(_pointers(event)):
                self._contexts["returned"] += 1
            return answer

        return watched

    def _call(self, name: str, clock: "_Clock", call: Callable[[], Any]) -> Any:
        self._mark(f">{name}")
        clock.start()
        try:
            answer = call()
        except BaseException as error:
            clock.stop()
            self.raised = error
            if not isinstance(error, StopIteration):
                self._slot(name).samples.add(*clock.times())
            raise
        else:
            clock.stop()
        finally:
            self._look_around(name)
            self._mark("<")
        return answer

    def _note(self, observed: _Observed, event: Any, answer: object, clock: "_Clock") -> None:
        observed.samples.add(*clock.times())
        if answer is None:
            return
        observed.answers[type(answer).__name__] += 1
        if isinstance(answer, Drop):
            packet = event.packet
            kind = packet.message_type if packet is not None else None
            name = "unreadable" if packet is None else kind.name if kind is not None else "no type"
            self._drops[name] += 1

    def _note_context(self, event: Any) -> None:
        for pointer in _pointers(event):
            self._contexts["set"] += 1
            if len(self._pointers) < MOST_CONTEXTS:
                self._pointers.add(pointer)

    def _look_around(self, slot: str) -> None:
        if os.getpid() != self._process_id:
            self.find("fork", "it returned in a process that it had forked, which is another server now", slot)
            os._exit(0)
        for number in self._belongings.missing() if self._belongings is not None else ():
            if number in self._descriptors:
                os._exit(LOST)
            self.broken = True
            name = {0: "standard input", 1: "standard output", 2: "standard error"}.get(number, "a socket")
            self.find("descriptors", f"it closed, or replaced, {name} of the server", slot)

    def _look_at_process(self) -> None:
        for name, after in describe_process().items():
            before = self._process[name]
            if before == after:
                continue
            if name in ("SIGTERM", "SIGINT"):
                self.find("signals", f"{name} was {before}, and is {after} now")
            else:
                self.find("process", f"{name} was {before}, and is {after} now")

    # What was changed

    def _compare_request(self, event: PacketReceived) -> None:
        before, after = self._before.get("new_packet"), event.data
        if before is None or before == after:
            return
        self._slot("new_packet").changes.update(_differences(before, after))
        if _is_readable(before) and not _is_readable(after):
            self.find("request", "what it left is no DHCP message", "new_packet")

    def _compare_reply(self, event: ReplyBuilt) -> None:
        before, after = self._before.get("packet_send"), event.data
        if before is None or before == after:
            return
        changes = _differences(before, after)
        self._slot("packet_send").changes.update(changes)
        errors = _errors(after)
        if errors and not _errors(before):
            self.find("reply", f"what it left is malformed: {errors[0]}", "packet_send")
        for name in sorted(_DECIDED & changes):
            self.find("reply", f"it changed {name}, which is decided by then", "packet_send")
        limit = SMALLEST_LIMIT
        with contextlib.suppress(WireError):
            limit = max(limit, (event.request.max_message_size or 0) - 28)
        if len(before) <= limit < len(after):
            self.find("size", f"a reply has {len(after)} bytes; its client takes {limit}", "packet_send")

    def _compare_reply_to_be(self, event: ReplyPrepared) -> None:
        before, after = self._before.get("build_reply"), event.reply_data
        if before is not None and before != after:
            self._slot("build_reply").changes.update(_differences(before, after))


class WatchedTable(HookTable):
    """A hook table that tells the watch of the faults of one of its callouts, in the place of the log.

    Args:
        callouts: The callouts.
        place: Which of them is watched, counted from 0.
        watch: Who watches it.
    """

    __slots__ = ("_place", "_watch")

    def __init__(self, callouts: tuple[Callout, ...], place: int, watch: Watch) -> None:
        super().__init__(callouts)
        self._place = place
        self._watch = watch

    def fault(self, slot: str, place: int, error: BaseException, outcome: str = "") -> None:
        """Tell the watch.

        Raises:
            BaseException: ``error``, where the callout is one of the verifier's own.
        """
        self.faults[place] += 1
        if place != self._place:
            raise RuntimeError(f"the verifier failed in {slot} {outcome}") from error
        self._watch.fault(slot, error)


class _Clock:
    """Adds up what calls take: time on the clock, time of the processor, and time waited for by sleeping."""

    __slots__ = ("_cpu", "_delay", "_delayed", "_wall", "cpu_ns", "wait_ns", "wall_ns")

    def __init__(self, delay: RunDelay) -> None:
        self._delay = delay
        self.wall_ns = self.cpu_ns = self.wait_ns = 0

    def start(self) -> None:
        self._delayed = self._delay.read_ns()
        self._cpu = time.thread_time_ns()
        self._wall = time.perf_counter_ns()

    def stop(self) -> None:
        wall = time.perf_counter_ns() - self._wall
        cpu = time.thread_time_ns() - self._cpu
        delayed = self._delay.read_ns() - self._delayed
        self.wall_ns += wall
        self.cpu_ns += min(cpu, wall)
        self.wait_ns += max(wall - cpu - max(delayed, 0), 0)

    def times(self) -> tuple[int, int, int]:
        return self.wall_ns, self.cpu_ns, self.wait_ns


class _TimedAwaitable:
    """What an async function has begun, each of its steps timed: what is between them holds up nobody."""

    def __init__(
        self, watch: Watch, observed: _Observed, slot: Slot[Any], event: Any, awaitable: Awaitable[Any], clock: _Clock
    ) -> None:
        self._watch, self._observed, self._slot, self._event = watch, observed, slot, event
        self._awaitable, self._clock = awaitable, clock
        self._begun = False

    def __del__(self) -> None:
        if not self._begun and inspect.iscoroutine(self._awaitable):  # else Python warns that it was never awaited
            self._awaitable.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        self._begun = True
        iterator = self._awaitable.__await__()
        step: Callable[[], Any] = lambda: next(iterator)  # noqa: E731 -- it is another one after each step
        while True:
            try:
                waited_for = self._watch._call(self._slot.name, self._clock, step)
            except StopIteration as stop:
                self._watch._note(self._observed, self._event, stop.value, self._clock)
                return stop.value
            try:
                sent = yield waited_for
            except BaseException as error:
                step = _throw(iterator, error)
            else:
                step = _send(iterator, sent)


def _throw(iterator: Any, error: BaseException) -> Callable[[], Any]:
    def step() -> Any:
        if hasattr(iterator, "throw"):
            return iterator.throw(error)
        raise error

    return step


def _send(iterator: Any, value: object) -> Callable[[], Any]:
    return lambda: iterator.send(value) if hasattr(iterator, "send") else next(iterator)


def describe(error: BaseException) -> str:
    """An error in words: what it says, and where in the callout's own code it was raised."""
    if isinstance(error, CalloutFault):
        return str(error)
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(
            (package + os.sep, "<frozen", os.path.dirname(os.__file__) + os.sep + "asyncio")
        )
    ]
    where = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{where}"


def _pointers(event: Any) -> list[Any]:
    """The PktContext of a native callout that is not NULL; its loader keeps it in the event's dict."""
    return [value for value in event.context.values() if type(value).__module__ == "_cffi_backend" and value]


def _read(data: bytes) -> Packet | None:
    try:
        return decode(data)
    except WireError:
        return None


def _is_readable(data: bytes) -> bool:
    packet = _read(data)
    return packet is not None and (packet.message_type in MessageType if packet.message_type else True)


def _errors(data: bytes) -> tuple[WireError, ...]:
    try:
        return check(data)
    except WireError as error:
        return (error,)


def _differences(before: bytes, after: bytes) -> set[str]:
    """What differs between two messages: fields of the header, and options by code and name."""
    one, other = _read(before), _read(after)
    if one is None or other is None:
        return {"bytes that are no DHCP message"}
    changes = {name for name in _HEADER if getattr(one, name) != getattr(other, name)}
    for code in {*one.options, *other.options}:
        if one.options.get(code) != other.options.get(code):
            changes.add(f"option {code} ({REGISTRY.spec(code).name})")
    return changes or {"the layout alone"}
