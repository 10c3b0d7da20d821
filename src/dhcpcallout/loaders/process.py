"""A worker process as the server has it: started, spoken to, and ended."""

import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import IO, TYPE_CHECKING, Any

from ..errors import CalloutFault
from ..hooks import SLOTS, Slot
from ..wire import REGISTRY, OptionRegistry
from .channel import Closed, Late, open_channel
from .frames import (
    PROTOCOL,
    FrameError,
    Kind,
    decode_answer,
    decode_json,
    decode_text,
    encode_json,
    frame,
    tokens_frame,
)
from .isolation import Isolation

if TYPE_CHECKING:
    import asyncio

__all__ = ["Failed", "Overrun", "Refused", "Worker", "answer_of"]

_log = logging.getLogger(__name__)

_ORDER = [slot.name for slot in SLOTS]
_MOST_FUNCTIONS = 1000
_MOST_FORGOTTEN = 64
_REASON_S = 0.02
"""How long a worker that has closed its pipe may take at least to end, so that its exit status can be told."""
_INHERITED = re.compile(
    "PATH|HOME|USER|LOGNAME|LANG|LANGUAGE|LC_.*|TZ|TMPDIR|TEMP|TMP|LD_LIBRARY_PATH|DYLD_LIBRARY_PATH|"
    "PYTHONPATH|PYTHONHOME|WINE.*|SYSTEMROOT|SYSTEMDRIVE|WINDIR|COMSPEC|PATHEXT",
    re.IGNORECASE,
)
"""The environment variables that a worker gets of the server's."""


class Failed(Exception):
    """The worker failed at a call; that has been told, and it has been ended."""


class Overrun(Exception):
    """A hook of a native callout wrote behind its buffer, and nobody knows what else."""


class Refused(Exception):
    """The callout was not loaded.

    Args:
        raised: Whether its own code raised something.
        reason: What, or why else.
    """

    def __init__(self, raised: bool, reason: str) -> None:
        super().__init__(raised, reason)
        self.raised = raised
        self.reason = reason


class Worker:
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
                    future.set_exception(Failed())
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

    def take_start(self, kind: int, call: int, payload: bytes) -> tuple[str, tuple[str, ...]] | None:
        """Take what it says while it starts.

        Returns:
            The callout's name and the slots of its functions, once it is ready.

        Raises:
            FrameError: It says something else.
            Refused: The callout cannot be loaded.
        """
        if call or kind not in (Kind.HELLO, Kind.READY, Kind.REFUSED) or (kind != Kind.HELLO) != self.greeted:
            raise FrameError(f"a frame of kind {kind} instead of saying that it is ready")
        said = decode_json(payload)
        if kind == Kind.HELLO:
            if said.get("protocol") != PROTOCOL:
                raise FrameError(f"that it is of another version of this package ({said.get('protocol')!r})")
            self.greeted = True
            return None
        if kind == Kind.REFUSED:
            raise Refused(said.get("raised") is True, decode_text(str(said.get("reason")).encode(errors="replace")))
        name, slots = said.get("name"), said.get("slots")
        if not isinstance(name, str) or not isinstance(slots, list) or len(slots) > _MOST_FUNCTIONS:
            raise FrameError("that it is ready, but not with what")
        if not all(isinstance(slot, str) and slot in _ORDER for slot in slots) or slots != sorted(
            slots, key=_ORDER.index
        ):
            raise FrameError("slots that there are not")
        return decode_text(name.encode(errors="replace")).replace("\n", " "), tuple(slots)

    def settle(self, kind: int, call: int, payload: bytes) -> None:
        """Give an answer that comes later than others to who waits for it.

        Raises:
            FrameError: Nobody does, or it is none.
            Overrun: The function wrote behind its buffer.
        """
        slot, future = self.pending.get(call, (None, None))
        if slot is None or future is None:
            if call not in self.cancelled:
                raise FrameError(f"a frame of kind {kind} for a call that there is not")
            self.cancelled.discard(call)
            return
        try:
            answer = answer_of(slot, kind, payload)
        except CalloutFault as fault:
            del self.pending[call]
            if not future.done():
                future.set_exception(fault)
        else:
            del self.pending[call]
            if not future.done():
                future.set_result(answer)

    def forget(self, deadline_s: float) -> None:
        """Tell it of the packets that are gone, if there are many; raises as ``Channel.send`` does."""
        if len(self.forgotten) > _MOST_FORGOTTEN:
            forgotten, self.forgotten = self.forgotten, []
            self.channel.send(tokens_frame(forgotten), deadline_s)

    def know_options(self, registry: OptionRegistry, deadline_s: float) -> None:
        """Tell it the options that the site defines, if it does not know them; raises as ``Channel.send`` does."""
        if registry is not self.registry:
            definitions = [asdict(one) for one in registry.definitions]
            self.channel.send(frame(Kind.OPTIONS, payload=encode_json({"definitions": definitions})), deadline_s)
            self.registry = registry


def answer_of(slot: Slot[Any], kind: int, payload: bytes) -> Any:
    """The answer in a frame.

    Raises:
        CalloutFault: The function failed; the fault says how.
        FrameError: It is no answer of this slot's.
        Overrun: The function wrote behind its buffer.
    """
    if kind == Kind.OVERRUN:
        raise Overrun(decode_text(payload).partition("\n")[0])
    return decode_answer(slot, kind, payload)


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
    try:
        if sys.platform != "win32":
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        process.kill()  # it may have left its group
    except PermissionError:
        # Some systems say so of a group of which only zombies are left.
        if process.poll() is None:
            _log.error("the worker process %d cannot be ended: CAP_KILL is needed", process.pid)
