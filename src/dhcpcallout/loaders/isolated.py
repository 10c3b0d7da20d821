"""Isolated callouts: loaded and called in a worker process, so that what they do wrong ends that process and no more.

The functions of an isolated callout send their event to the worker (``worker``), wait a short while for the answer
and give that back. A worker that crashes, hangs or says what it must not is ended and replaced.
"""

import asyncio
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any, Literal, Protocol

from ..codes import ControlCode, EventId
from ..errors import CalloutFault, CalloutInitError, CalloutLoadError
from ..events import Context, PacketEvent
from ..hooks import NEW_PACKET, PACKET_SEND, SLOTS, Callout, CalloutEntry, Drop, Slot
from ..wire import REGISTRY, OptionRegistry
from . import limits
from .channel import Closed, Late, open_channel
from .frames import (
    PROTOCOL,
    ROWS,
    FrameError,
    Kind,
    decode_answer,
    decode_json,
    decode_text,
    encode_json,
    frame,
    tokens_frame,
)

__all__ = ["Failure", "IsolatedCallout", "IsolatedLoader", "Isolation", "Mode", "OnFailure"]

_log = logging.getLogger(__name__)

_SLOTS = {slot.name: slot for slot in SLOTS}
_MOST_FUNCTIONS = 1000
_WINDOW_S = 60.0
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 10.0
_END_S = 2.0
"""How long a worker may take to end when it is told to."""
_REASON_S = 0.02
"""How long one that has closed its pipe may take at least, so that its exit status can be told."""
_MOST_FORGOTTEN = 64
_KEPT_FAILURES = 100
_INHERITED = re.compile(
    "PATH|HOME|USER|LOGNAME|LANG|LANGUAGE|LC_.*|TZ|TMPDIR|TEMP|TMP|LD_LIBRARY_PATH|DYLD_LIBRARY_PATH|"
    "PYTHONPATH|PYTHONHOME|WINE.*|SYSTEMROOT|SYSTEMDRIVE|WINDIR|COMSPEC|PATHEXT",
    re.IGNORECASE,
)
"""The environment variables that a worker gets of the server's."""
_PACKET = "packet"
"""Where the server's side of a packet's context keeps what the worker knows the packet by."""


Mode = Literal["none", "process"]
"""Where a callout is loaded: into the server itself, or into a worker process."""
OnFailure = Literal["continue", "drop"]
"""What becomes of a packet that a worker fails at."""


@dataclass(frozen=True, slots=True)
class Isolation:
    """Whether, and how, a callout is kept apart from the server.

    Attributes:
        mode: ``none`` loads it into the server itself, ``process`` into a worker process.
        timeout_ms: How long the worker may take to answer a hook, in milliseconds.
        on_failure: What becomes of a packet that the worker fails at, or arrives while there is none: it goes on as
            if the callout were not there, or is dropped.
        max_failures: So many failures within a minute, and the callout is taken out: no worker is started any more.
        worker_command: What starts the Python that is the worker, with its arguments; ``-m`` and the module's name
            are added. The server's own Python by default. It needs this package.
        memory_mib: How much memory the worker may have, in MiB of address space.
        cpu_s: How many seconds of a processor it may use in its life.
        open_files: How many files it may have open.
        no_new_files: Whether, once the callout is loaded, it may open nothing, and never write to a file.
        no_new_processes: Whether, once the callout is loaded, it may start no process and no thread. For an ordinary
            user only: root may.
        user: Whose rights it has, and no others: a user's name or number. The server must be root, or have the
            capabilities ``CAP_SETUID``, ``CAP_SETGID`` and ``CAP_KILL``.
        environment: Environment variables that it gets besides those that every worker gets.
        start_timeout_s: How long it may take to start and load the callout, and to start or stop the service (the
            control hook), in seconds.
    """

    mode: Mode = "none"
    timeout_ms: int = 250
    on_failure: OnFailure = "continue"
    max_failures: int = 5
    worker_command: Sequence[str] | None = None
    memory_mib: int | None = None
    cpu_s: int | None = None
    open_files: int | None = None
    no_new_files: bool = False
    no_new_processes: bool = False
    user: str | int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    start_timeout_s: float = 10.0


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


class _Failed(Exception):
    """The worker failed at a call; that has been told, and it has been ended."""


class _Packet:
    """What a worker knows a packet by; the worker is told when this, and so the packet, is gone.

    Args:
        worker: The worker.
        token: The packet's number there.
    """

    __slots__ = ("token", "worker")

    def __init__(self, worker: "_Worker | None", token: int) -> None:
        self.worker = worker
        self.token = token

    def __del__(self) -> None:
        if self.worker is not None:
            self.worker.forgotten.append(self.token)


class _Worker:
    """A worker process.

    Args:
        isolation: How it is started.
        load: What it is to load.

    Attributes:
        process: The process.
        channel: The pipes to it.
        packets: How many packets it has seen.
        forgotten: The tokens of packets that are gone, which it has not been told of.
        registry: The options that it knows.
        pending: The calls whose async functions it has begun: the slot, and who waits.
        cancelled: Those of which it may still answer, though nobody waits.
        greeted: Whether it has said that it is a worker.

    Raises:
        OSError: It cannot be started.
    """

    def __init__(self, isolation: Isolation, load: Mapping[str, Any]) -> None:
        self.process = _spawn(isolation)
        self.channel = open_channel(self.process)
        self.packets = 0
        self.forgotten: list[int] = []
        self.registry: OptionRegistry = REGISTRY
        self.pending: dict[int, tuple[Slot[Any], asyncio.Future[Any]]] = {}
        self.cancelled: set[int] = set()
        self.greeted = False
        with suppress(Closed, Late):  # whoever asks next whether it is ready is told
            self.channel.send(frame(Kind.LOAD, payload=encode_json(load)), time.monotonic() + 1)

    def kill(self) -> None:
        """End it and what it has started, at once; it may stay to be waited for."""
        _kill(self.process)
        self.channel.close()
        self.process.poll()
        for _, future in self.pending.values():
            with suppress(RuntimeError):  # nobody waits in a loop that is closed
                if not future.done():
                    future.set_exception(_Failed())
        self.pending.clear()

    def how_it_ended(self, deadline_s: float = 0) -> str:
        """What became of a worker that has closed its pipe; it may have until the deadline to end."""
        try:
            status = self.process.wait(max(deadline_s - time.monotonic(), _REASON_S))
        except subprocess.TimeoutExpired:
            return "it closed the pipe to the server"
        if status >= 0:
            return f"it exited with status {status if status < 256 else hex(status)}"
        try:
            return f"it was ended by {signal.Signals(-status).name}"
        except ValueError:
            return f"it was ended by signal {-status}"


def _spawn(isolation: Isolation) -> "subprocess.Popen[bytes]":
    command = isolation.worker_command or (sys.executable, "-P")
    environment = {name: value for name, value in os.environ.items() if _INHERITED.fullmatch(name)}
    arguments: dict[str, Any] = {"process_group": 0} if os.name == "posix" else {}
    process: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603 # the command is the administrator's
        [*command, "-m", "dhcpcallout.loaders.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if isolation.worker_command else None,
        env={**environment, **isolation.environment},
        **arguments,
    )
    if process.stderr is not None:
        # Under Wine, a Windows Python cannot start where standard error is a file, which ours may be.
        copying = threading.Thread(target=_pass_on, args=(process.stderr,), name="dhcpcallout-worker-log", daemon=True)
        copying.start()
    return process


def _pass_on(pipe: IO[bytes]) -> None:
    """Copy what a worker says to standard error, until it and all that it started have closed it."""
    with pipe, suppress(OSError):
        while said := os.read(pipe.fileno(), 1 << 16):
            os.write(2, said)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    if sys.platform == "win32":
        process.kill()
        return
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    except PermissionError:
        # Some systems say so of a group of which only zombies are left.
        if process.poll() is None:
            _log.error("the worker process %d cannot be ended: CAP_KILL is needed", process.pid)


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
            "path": sys.path if isolation.worker_command is None else [],
            "user": isolation.user,
            "limits": {name: getattr(isolation, name) for name in limits.NAMES},
        }
        self._control: tuple[ControlCode, ...] = ()
        self._failures: deque[Failure] = deque(maxlen=max(_KEPT_FAILURES, isolation.max_failures))
        self._worker: _Worker | None = None
        self._starting: _Worker | None = None
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
            worker = _Worker(self._isolation, {**self._load, "control": ()})
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            raise CalloutLoadError(f"{entry}: its worker cannot be started: {error}") from error
        try:
            deadline_s = time.monotonic() + self._isolation.start_timeout_s
            try:
                ready = None
                while ready is None:
                    ready = _take_start(worker, *worker.channel.receive(deadline_s))
            except _Refused as refused:
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
            worker = _Worker(self._isolation, {**self._load, "control": self._control})
        except (OSError, subprocess.SubprocessError) as error:
            self._failed(None, f"it cannot be started: {error}")
            return
        self._starting = worker
        self._start_by_s = self._clock() + self._isolation.start_timeout_s
        self._watch(worker)
        self._call_later(self._isolation.start_timeout_s)

    def _take_up(self, worker: _Worker) -> None:
        try:
            ready = None
            while ready is None:
                received = worker.channel.receive_now()
                if received is None:
                    if self._clock() >= self._start_by_s:
                        self._failed(worker, f"it was not ready within {self._isolation.start_timeout_s:g} seconds")
                    return
                ready = _take_start(worker, *received)
        except _Refused as refused:
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

    def _failed(self, worker: _Worker | None, reason: str, slot: str = "") -> None:
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
        pause_s = min(_FIRST_PAUSE_S * 2 ** (recent - 1), _LONGEST_PAUSE_S)
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

    def _watch(self, worker: _Worker) -> None:
        if self._loop is not None and not self._loop.is_closed():
            worker.channel.watch(self._loop, partial(self._readable, worker))

    def _call_later(self, seconds: float) -> None:
        if self._loop is not None and not self._loop.is_closed():
            # A little later: a timer may go off early by its resolution.
            self._loop.call_later(seconds + 0.001, self.attend)

    def _readable(self, worker: _Worker) -> None:
        """Take what a worker says while no function waits for it: that it is ready, that it ended, what it awaited."""
        if worker is self._starting:
            self.attend()
        elif worker is self._worker:
            try:
                while (received := worker.channel.receive_now()) is not None:
                    _settle(worker, *received)
            except (Closed, FrameError, _Overrun) as error:
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
            with suppress(_Failed):
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
            except _Failed:
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

    def _present(self) -> _Worker | None:
        """The worker, if there is one by now."""
        if self._closed:
            raise CalloutFault(f"{self.name} was called after the callout was closed")
        self.attend()
        return self._worker

    def _call(
        self, worker: _Worker, slot: Slot[Any], encode: "_Encode", token: int, event: Any, timeout_s: float
    ) -> Any:
        if not self._looked_for_loop:
            self._find_loop()
        channel = worker.channel
        deadline_s = time.monotonic() + timeout_s
        call = self._calls = self._calls % 0xFFFFFFFF + 1
        try:
            if token:
                if len(worker.forgotten) > _MOST_FORGOTTEN:
                    self._forget(worker, deadline_s)
                if event.registry is not worker.registry:
                    self._tell_options(worker, event.registry, deadline_s)
            channel.send(encode(call, token, event), deadline_s)
            kind, answered, payload = channel.receive(deadline_s)
            while answered != call:
                _settle(worker, kind, answered, payload)
                kind, answered, payload = channel.receive(deadline_s)
            if kind == Kind.PENDING and token and not payload:
                return self._await(worker, call, slot, event.context)
            return _answer(slot, kind, payload)
        except (Closed, Late, FrameError, _Overrun) as error:
            self._failed(worker, self._why(worker, error, timeout_s, deadline_s), slot.name)
            raise _Failed from None

    def _forget(self, worker: _Worker, deadline_s: float) -> None:
        forgotten, worker.forgotten = worker.forgotten, []
        worker.channel.send(tokens_frame(forgotten), deadline_s)

    def _tell_options(self, worker: _Worker, registry: OptionRegistry, deadline_s: float) -> None:
        """Tell a worker the options that the site defines, which events' packets are read with."""
        definitions = [
            {name: getattr(one, name) for name in type(one).__dataclass_fields__} for one in registry.definitions
        ]
        worker.channel.send(frame(Kind.OPTIONS, payload=encode_json({"definitions": definitions})), deadline_s)
        worker.registry = registry

    def _await(self, worker: _Worker, call: int, slot: Slot[Any], context: Context) -> Awaitable[Any]:
        async def answer() -> Any:
            self._find_loop()
            future = asyncio.get_running_loop().create_future()
            try:
                if worker is not self._worker:
                    raise _Failed
                worker.pending[call] = (slot, future)
                self._send(worker, Kind.BEGIN, call)
                return await future
            except _Failed:
                context[_PACKET] = _LOST
                return self._instead(slot)
            finally:
                if worker.pending.pop(call, None) is not None and worker is self._worker:
                    worker.cancelled.add(call)
                    with suppress(_Failed):
                        self._send(worker, Kind.CANCEL, call)

        return answer()

    def _send(self, worker: _Worker, kind: Kind, call: int) -> None:
        try:
            worker.channel.send(frame(kind, call), time.monotonic() + self._timeout_s)
        except (Closed, Late) as error:
            self._failed(worker, self._why(worker, error))
            raise _Failed from None

    def _why(self, worker: _Worker, error: Exception, timeout_s: float | None = None, deadline_s: float = 0) -> str:
        if isinstance(error, Late) and worker.process.poll() is None:
            return f"it did not answer within {(timeout_s or self._timeout_s) * 1000:.0f} ms"
        if isinstance(error, Closed | Late):  # late, as its children have the pipe still
            return worker.how_it_ended(deadline_s)
        return str(error) if isinstance(error, _Overrun) else f"it sent {error}"

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


class _Overrun(Exception):
    """A hook of a native callout wrote behind its buffer, and nobody knows what else."""


class _Refused(Exception):
    def __init__(self, raised: bool, reason: str) -> None:
        super().__init__(raised, reason)
        self.raised = raised
        self.reason = reason


def _answer(slot: Slot[Any], kind: int, payload: bytes) -> Any:
    if kind == Kind.OVERRUN:
        raise _Overrun(decode_text(payload).partition("\n")[0])
    return decode_answer(slot, kind, payload)


def _settle(worker: _Worker, kind: int, call: int, payload: bytes) -> None:
    """Give an answer that comes later than others to who waits for it.

    Raises:
        FrameError: Nobody does.
    """
    slot, future = worker.pending.get(call, (None, None))
    if slot is None or future is None:
        if call not in worker.cancelled:
            raise FrameError(f"a frame of kind {kind} for a call that there is not")
        worker.cancelled.discard(call)
        return
    try:
        answer = _answer(slot, kind, payload)
    except CalloutFault as fault:
        del worker.pending[call]
        if not future.done():
            future.set_exception(fault)
    else:
        del worker.pending[call]
        if not future.done():
            future.set_result(answer)


def _take_start(worker: _Worker, kind: int, call: int, payload: bytes) -> tuple[str, tuple[str, ...]] | None:
    """Take what a worker says while it starts.

    Returns:
        The callout's name and the slots of its functions, once it is ready.

    Raises:
        FrameError: It says something else.
        _Refused: The callout cannot be loaded.
    """
    if call or kind not in (Kind.HELLO, Kind.READY, Kind.REFUSED) or (kind != Kind.HELLO) != worker.greeted:
        raise FrameError(f"a frame of kind {kind} instead of saying that it is ready")
    said = decode_json(payload)
    if kind == Kind.HELLO:
        if said.get("protocol") != PROTOCOL:
            raise FrameError(f"that it is of another version of this package ({said.get('protocol')!r})")
        worker.greeted = True
        return None
    if kind == Kind.REFUSED:
        raise _Refused(said.get("raised") is True, decode_text(str(said.get("reason")).encode(errors="replace")))
    name, slots = said.get("name"), said.get("slots")
    if not isinstance(name, str) or not isinstance(slots, list) or len(slots) > _MOST_FUNCTIONS:
        raise FrameError("that it is ready, but not with what")
    order = [slot.name for slot in SLOTS]
    if not all(isinstance(slot, str) and slot in order for slot in slots) or slots != sorted(slots, key=order.index):
        raise FrameError("slots that there are not")
    return decode_text(name.encode(errors="replace")).replace("\n", " "), tuple(slots)
