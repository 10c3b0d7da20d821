"""Isolated callouts: loaded and called in a worker process, so that what they do wrong ends that process and no more.

The functions of an isolated callout send their event to the worker (``worker``), wait a short while for the answer
and give that back. A worker that crashes, hangs or says what it must not is ended and replaced.
"""

import asyncio
import logging
import subprocess
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from ..codes import ControlCode, EventId
from ..errors import CalloutFault, CalloutInitError, CalloutLoadError
from ..events import Context, PacketEvent
from ..hooks import NEW_PACKET, PACKET_SEND, SLOTS, Callout, CalloutEntry, Drop, Slot
from . import limits
from .channel import Closed, Late
from .frames import ROWS, FrameError, Kind, frame
from .isolation import Isolation, Mode, OnFailure
from .process import Failed, Overrun, Refused, Worker, answer_of

__all__ = ["Failure", "IsolatedCallout", "IsolatedLoader", "Isolation", "Mode", "OnFailure"]

_log = logging.getLogger(__name__)

_SLOTS = {slot.name: slot for slot in SLOTS}
_WINDOW_S = 60.0
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 10.0
_END_S = 2.0
"""How long a worker may take to end when it is told to."""
_KEPT_FAILURES = 100
_PACKET = "packet"
"""Where the server's side of a packet's context keeps what the worker knows the packet by."""


@dataclass(frozen=True, slots=True)
class Failure:
    """How a worker failed, once.

    Attributes:
        reason: What it did.
        slot: The slot whose function it was to call; "" where it was none.
        at_s: When, on the callout's clock, in seconds.
    """

    reason: str
    slot: str
    at_s: float


class _Loader(Protocol):
    name: str

    def accepts(self, entry: str) -> bool: ...


class IsolatedLoader:
    """Loads what another loader accepts, in a worker process of its own.

    Args:
        loader: The other loader, which says which entries it accepts; the worker has its own one of each kind.
        isolation: How.
        base_directory: As for ``PythonLoader``.
        clock: Tells how much time has passed, in seconds.
    """

    def __init__(
        self,
        loader: _Loader,
        isolation: Isolation,
        base_directory: Path,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = loader.name
        self._loader = loader
        self._isolation = isolation
        self._base_directory = base_directory
        self._clock = clock

    def accepts(self, entry: str) -> bool:
        """Whether the other loader does."""
        return self._loader.accepts(entry)

    def load(self, entry: str, call: CalloutEntry) -> "IsolatedCallout":
        """Start a worker, and have it load the callout.

        Raises:
            CalloutInitError: The callout's own code raised something, crashed or took too long.
            CalloutLoadError: It cannot be loaded, or no worker can be started.
        """
        return IsolatedCallout(entry, call, self._isolation, self._base_directory, clock=self._clock)


class _Packet:
    """What a worker knows a packet by; the worker is told when this, and so the packet, is gone.

    Args:
        worker: The worker.
        token: The packet's number there.
    """

    __slots__ = ("token", "worker")

    def __init__(self, worker: "Worker | None", token: int) -> None:
        self.worker = worker
        self.token = token

    def __del__(self) -> None:
        if self.worker is not None:
            self.worker.forgotten.append(self.token)


class IsolatedCallout(Callout):
    """A callout in a worker process.

    Everything here happens in one thread, the server's; nothing waits for a worker that starts.

    Args:
        entry: Its entry; a path is absolute.
        call: What it is told when it is loaded, each time that a worker loads it.
        isolation: How it is kept apart.
        base_directory: As for ``PythonLoader``.
        clock: Tells how much time has passed, in seconds.

    Raises:
        CalloutInitError: The callout's own code raised something, crashed or took too long.
        CalloutLoadError: It cannot be loaded, or no worker can be started.
    """

    def __init__(
        self,
        entry: str,
        call: CalloutEntry,
        isolation: Isolation,
        base_directory: Path,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._isolation = isolation
        self._clock = clock
        self._timeout_s = isolation.timeout_ms / 1000
        self._load = {
            "entry": entry,
            "base_directory": str(base_directory),
            "chain": call.chain,
            "path": [str(path) for path in sys.path] if isolation.worker_command is None else [],
            "user": isolation.user,
            "limits": {name: getattr(isolation, name) for name in limits.NAMES},
        }
        self._control: tuple[ControlCode, ...] = ()
        self._failures: deque[Failure] = deque(maxlen=max(_KEPT_FAILURES, isolation.max_failures))
        self._worker: Worker | None = None
        self._starting: Worker | None = None
        self._start_by_s = 0.0
        self._again_s: float | None = None
        self._dying: list[subprocess.Popen[bytes]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._looked_for_loop = False
        self._calls = 0
        self._closed = False
        name, self._filled = self._first_start(entry)
        super().__init__(name)
        self._register()

    @property
    def pid(self) -> int | None:
        """The number of the process that the functions are called in; None while there is none."""
        return self._worker.process.pid if self._worker is not None else None

    @property
    def filled(self) -> tuple[str, ...]:
        """The slots that the callout itself has functions on: one name a function."""
        return self._filled

    @property
    def failures(self) -> tuple[Failure, ...]:
        """The last failures of its workers, the oldest first."""
        return tuple(self._failures)

    @property
    def taken_out(self) -> bool:
        """Whether it has failed too often, and is not started again."""
        return not self._closed and self._worker is None and self._starting is None and self._again_s is None

    # Starting a worker, and starting another

    def _first_start(self, entry: str) -> tuple[str, tuple[str, ...]]:
        try:
            worker = Worker(self._isolation, {**self._load, "control": ()})
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            raise CalloutLoadError(f"{entry}: its worker cannot be started: {error}") from error
        try:
            deadline_s = time.monotonic() + self._isolation.start_timeout_s
            try:
                ready = None
                while ready is None:
                    ready = worker.take_start(*worker.channel.receive(deadline_s))
            except Refused as refused:
                raise (CalloutInitError if refused.raised else CalloutLoadError)(refused.reason) from None
            except Late:
                reason = f"it was not ready within {self._isolation.start_timeout_s:g} seconds"
            except Closed:
                reason = worker.how_it_ended()
            except FrameError as error:
                reason = f"it sent {error}"
            else:
                self._worker = worker
                return ready
            if worker.greeted:
                raise CalloutInitError(f"{entry}: its worker failed while it was loaded: {reason}")
            command = " ".join(worker.process.args) if isinstance(worker.process.args, list) else ""
            raise CalloutLoadError(f"{entry}: its worker failed before it could load anything: {reason} ({command})")
        finally:
            if self._worker is None:
                worker.kill()
                with suppress(subprocess.TimeoutExpired):
                    worker.process.wait(_END_S)

    def attend(self) -> None:
        """Do what is due: take up a worker that is ready, or start one. An event loop that runs calls this in time."""
        self._dying = [process for process in self._dying if process.poll() is None]
        if self._starting is not None:
            self._take_up(self._starting)
        elif self._again_s is not None and self._clock() >= self._again_s:
            self._start_again()

    def _start_again(self) -> None:
        self._again_s = None
        try:
            worker = Worker(self._isolation, {**self._load, "control": self._control})
        except (OSError, subprocess.SubprocessError) as error:
            self._failed(None, f"it cannot be started: {error}")
            return
        self._starting = worker
        self._start_by_s = self._clock() + self._isolation.start_timeout_s
        self._watch(worker)
        self._call_later(self._isolation.start_timeout_s)

    def _take_up(self, worker: Worker) -> None:
        try:
            ready = None
            while ready is None:
                received = worker.channel.receive_now()
                if received is None:
                    if self._clock() >= self._start_by_s:
                        self._failed(worker, f"it was not ready within {self._isolation.start_timeout_s:g} seconds")
                    return
                ready = worker.take_start(*received)
        except Refused as refused:
            self._failed(worker, f"the callout was not loaded again: {refused.reason}")
        except Closed:
            self._failed(worker, f"{worker.how_it_ended()} while the callout was loaded again")
        except FrameError as error:
            self._failed(worker, f"it sent {error}")
        else:
            if ready[1] != self._filled:
                self._failed(worker, "the callout has other functions than before")
                return
            self._starting = None
            self._worker = worker
            _log.info("callout %s: a new worker process, %d, serves it", self.name, worker.process.pid)

    def _failed(self, worker: Worker | None, reason: str, slot: str = "") -> None:
        """End a worker that failed, and have another one started, or none any more."""
        now_s = self._clock()
        self._worker = self._starting = None
        if worker is not None:
            worker.kill()
            if worker.process.returncode is None:
                self._dying.append(worker.process)
        self._failures.append(Failure(reason, slot, now_s))
        recent = sum(failure.at_s > now_s - _WINDOW_S for failure in self._failures)
        out = recent >= self._isolation.max_failures
        outcome = "go on without it" if self._isolation.on_failure == "continue" else "are dropped"
        _log.error(
            "callout %s: its worker process failed%s: %s; packets %s %s",
            self.name,
            f" in {slot}" if slot else "",
            reason,
            outcome,
            "from now on" if out else "until there is another",
            extra={"event_id": int(EventId.CALLOUT_EXCEPTION)},
        )
        if out:
            _log.error(
                "callout %s is taken out until the server is started again: its worker failed %d times in a minute",
                self.name,
                recent,
                extra={"event_id": int(EventId.CALLOUT_EXCEPTION)},
            )
            return
        pause_s = min(_FIRST_PAUSE_S * 2 ** min(recent - 1, 10), _LONGEST_PAUSE_S)
        self._again_s = now_s + pause_s
        self._find_loop()
        self._call_later(pause_s)

    # The event loop, where there is one

    def _find_loop(self) -> None:
        self._looked_for_loop = True
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        if loop is not self._loop:
            self._loop = loop
            for worker in (self._worker, self._starting):
                if worker is not None:
                    self._watch(worker)

    def _watch(self, worker: Worker) -> None:
        if self._loop is not None and not self._loop.is_closed():
            worker.channel.watch(self._loop, partial(self._readable, worker))

    def _call_later(self, seconds: float) -> None:
        if self._loop is not None and not self._loop.is_closed():
            # A little later: a timer may go off early by its resolution.
            self._loop.call_later(seconds + 0.001, self.attend)

    def _readable(self, worker: Worker) -> None:
        """Take what a worker says while no function waits for it: that it is ready, that it ended, what it awaited."""
        if worker is self._starting:
            self.attend()
        elif worker is self._worker:
            try:
                while (received := worker.channel.receive_now()) is not None:
                    worker.settle(*received)
            except (Closed, FrameError, Overrun) as error:
                self._failed(worker, self._why(worker, error))

    # Calling a function

    def _register(self) -> None:
        for number, name in enumerate(self._filled):
            slot = _SLOTS[name]
            encode = ROWS[name].encoder(number)
            if issubclass(slot.event, PacketEvent):
                self.register(name, self._hook_of_packet(slot, encode))
            else:
                self.register(name, self._hook(slot, encode))
        if self._isolation.on_failure == "drop":
            # A packet that failed where no answer is possible is dropped where one is.
            for slot in (NEW_PACKET, PACKET_SEND):
                if slot.name not in self._filled:
                    self.register(slot.name, self._drop_the_lost)

    def _hook(self, slot: Slot[Any], encode: "_Encode") -> Callable[[Any], Any]:
        def hook(event: Any) -> Any:
            timeout_s = self._timeout_s
            if slot.name == "control":
                self._note_control(event.code)
                if event.code in (ControlCode.START, ControlCode.STOP):
                    timeout_s = self._isolation.start_timeout_s
            worker = self._worker or self._present()
            if worker is None:
                return None
            with suppress(Failed):
                return self._call(worker, slot, encode, 0, event, timeout_s)
            return None

        return hook

    def _hook_of_packet(self, slot: Slot[Any], encode: "_Encode") -> Callable[[Any], Any]:
        instead = self._instead(slot)

        def hook(event: Any) -> Any:
            worker = self._worker or self._present()
            context = event.context
            packet = context.get(_PACKET)
            if packet is None:
                if worker is None:
                    context[_PACKET] = _LOST
                    return instead
                worker.packets += 1
                packet = context[_PACKET] = _Packet(worker, worker.packets)
            elif packet.worker is not worker or worker is None:
                # A worker that has not seen a packet's first hooks sees none of it.
                return instead
            try:
                return self._call(worker, slot, encode, packet.token, event, self._timeout_s)
            except Failed:
                context[_PACKET] = _LOST
                return instead

        return hook

    def _instead(self, slot: Slot[Any]) -> Drop | None:
        """What a function answers that the worker cannot."""
        return Drop() if self._isolation.on_failure == "drop" and Drop in slot.answers else None

    def _drop_the_lost(self, event: PacketEvent) -> Drop | None:
        worker = self._worker or self._present()
        packet = event.context.get(_PACKET)
        if packet is None and worker is not None:
            return None
        if packet is None:
            event.context[_PACKET] = _LOST
        return None if packet is not None and worker is not None and packet.worker is worker else Drop()

    def _present(self) -> Worker | None:
        """The worker, if there is one by now."""
        if self._closed:
            raise CalloutFault(f"{self.name} was called after the callout was closed")
        self.attend()
        return self._worker

    def _call(
        self, worker: Worker, slot: Slot[Any], encode: "_Encode", token: int, event: Any, timeout_s: float
    ) -> Any:
        if not self._looked_for_loop:
            self._find_loop()
        channel = worker.channel
        deadline_s = time.monotonic() + timeout_s
        call = self._calls = self._calls % 0xFFFFFFFF + 1
        try:
            if token:
                worker.forget(deadline_s)
                worker.know_options(event.registry, deadline_s)
            channel.send(encode(call, token, event), deadline_s)
            kind, answered, payload = channel.receive(deadline_s)
            while answered != call:
                worker.settle(kind, answered, payload)
                kind, answered, payload = channel.receive(deadline_s)
            if kind == Kind.PENDING and token and not payload:
                return self._await(worker, call, slot, event.context)
            return answer_of(slot, kind, payload)
        except (Closed, Late, FrameError, Overrun) as error:
            self._failed(worker, self._why(worker, error, timeout_s, deadline_s), slot.name)
            raise Failed from None

    def _await(self, worker: Worker, call: int, slot: Slot[Any], context: Context) -> Awaitable[Any]:
        async def answer() -> Any:
            self._find_loop()
            future = asyncio.get_running_loop().create_future()
            try:
                if worker is not self._worker:
                    raise Failed
                worker.pending[call] = (slot, future)
                self._send(worker, Kind.BEGIN, call)
                return await future
            except Failed:
                context[_PACKET] = _LOST
                return self._instead(slot)
            finally:
                if worker.pending.pop(call, None) is not None and worker is self._worker:
                    worker.cancelled.add(call)
                    with suppress(Failed):
                        self._send(worker, Kind.CANCEL, call)

        return answer()

    def _send(self, worker: Worker, kind: Kind, call: int) -> None:
        try:
            worker.channel.send(frame(kind, call), time.monotonic() + self._timeout_s)
        except (Closed, Late) as error:
            self._failed(worker, self._why(worker, error))
            raise Failed from None

    def _why(self, worker: Worker, error: Exception, timeout_s: float | None = None, deadline_s: float = 0) -> str:
        if isinstance(error, Late) and worker.process.poll() is None:
            return f"it did not answer within {(timeout_s or self._timeout_s) * 1000:.0f} ms"
        if isinstance(error, Closed | Late):  # late, as its children have the pipe still
            return worker.how_it_ended(deadline_s)
        return str(error) if isinstance(error, Overrun) else f"it sent {error}"

    def _note_control(self, code: ControlCode) -> None:
        """Note what a worker that is started later has to be told first."""
        self._find_loop()
        if code == ControlCode.STOP:
            self._control = ()
        elif code == ControlCode.PAUSE:
            self._control = (ControlCode.START, ControlCode.PAUSE)
        else:
            self._control = (ControlCode.START,)

    def close(self) -> None:
        """End the worker: it closes the callout, and is killed if that takes too long."""
        if self._closed:
            return
        self._closed = True
        self._again_s = None
        if self._starting is not None:
            self._starting.kill()
            self._dying.append(self._starting.process)
        worker, self._worker, self._starting = self._worker, None, None
        if worker is not None:
            worker.channel.close_writing()
            with suppress(subprocess.TimeoutExpired):
                worker.process.wait(_END_S)
            worker.kill()
            self._dying.append(worker.process)
        for process in self._dying:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_END_S)
        self._dying.clear()


_Encode = Callable[[int, int, Any], bytes]

_LOST = _Packet(None, 0)
"""A packet that a worker failed at, or of which no worker saw the first hooks."""
