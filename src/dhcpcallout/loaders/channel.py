"""The server's two pipes to a worker process, written and read with a deadline."""

import asyncio
import os
import select
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, Full, Queue, SimpleQueue
from typing import IO, TYPE_CHECKING

from .frames import HEADER, MAX_ANSWER, Answer, Reader

if TYPE_CHECKING:
    import subprocess

__all__ = ["Channel", "Closed", "Late", "open_channel"]

_SPIN_S = 0.0001
_CHUNK = HEADER.size + MAX_ANSWER
_MOST_UNWRITTEN = 64


class Closed(Exception):
    """The worker has closed its end, or is gone."""


class Late(Exception):
    """The worker did not answer, or did not read, until the deadline."""


class Channel(ABC):
    """Pipes of which reading and writing can be waited for.

    Args:
        stdin: What the worker reads.
        stdout: What the worker writes.
    """

    def __init__(self, stdin: IO[bytes], stdout: IO[bytes]) -> None:
        self._stdin = stdin
        self._stdout = stdout
        self._reader = Reader(MAX_ANSWER)
        self._frames: deque[Answer] = deque()

    @abstractmethod
    def send(self, frame: bytes, deadline_s: float) -> None:
        """Write a frame.

        Args:
            frame: The whole frame.
            deadline_s: Until when, on ``time.monotonic``'s clock.

        Raises:
            Closed: Nobody reads any more.
            Late: The pipe is full, and stays so.
        """

    def receive(self, deadline_s: float) -> Answer:
        """Wait for the next frame.

        Raises:
            Closed: The worker wrote its last.
            FrameError: What it wrote is no frame.
            Late: There is none by the deadline.
        """
        while not self._frames:
            self._frames.extend(self._reader.feed(self._wait(deadline_s)))
        return self._frames.popleft()

    def receive_now(self) -> Answer | None:
        """The next frame, if it has come already; raises as ``receive`` does."""
        if not self._frames:
            self._frames.extend(self._reader.feed(self._read() or b""))
        return self._frames.popleft() if self._frames else None

    @abstractmethod
    def _read(self) -> bytes | None:
        """What has come; None where nothing has."""

    @abstractmethod
    def _wait(self, deadline_s: float) -> bytes:
        """Wait for what comes next."""

    @abstractmethod
    def watch(self, loop: asyncio.AbstractEventLoop, readable: Callable[[], None]) -> None:
        """Have an event loop call a function when there may be something to receive."""

    @abstractmethod
    def unwatch(self) -> None:
        """End ``watch``."""

    def close_writing(self) -> None:
        """Tell the worker that nothing comes any more."""
        _close(self._stdin)

    def close(self) -> None:
        """Close both pipes; twice does no harm."""
        self.unwatch()
        _close(self._stdin)
        _close(self._stdout)


class _PollChannel(Channel):
    def __init__(self, stdin: IO[bytes], stdout: IO[bytes]) -> None:
        super().__init__(stdin, stdout)
        self._write_fd = stdin.fileno()
        self._read_fd = stdout.fileno()
        for descriptor in (self._write_fd, self._read_fd):
            os.set_blocking(descriptor, False)
        self._readable = select.poll()
        self._readable.register(self._read_fd, select.POLLIN)
        self._loop: asyncio.AbstractEventLoop | None = None

    def send(self, frame: bytes, deadline_s: float) -> None:
        written = self._write(frame)
        if written == len(frame):
            return
        writable = select.poll()
        writable.register(self._write_fd, select.POLLOUT)
        while written < len(frame):
            if not writable.poll(_milliseconds_to(deadline_s)):
                raise Late
            written += self._write(frame[written:])

    def _write(self, data: bytes) -> int:
        try:
            return os.write(self._write_fd, data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise Closed from error

    def _read(self) -> bytes | None:
        try:
            chunk = os.read(self._read_fd, _CHUNK)
        except BlockingIOError:
            return None
        except OSError as error:
            raise Closed from error
        if not chunk:
            raise Closed
        return chunk

    def _wait(self, deadline_s: float) -> bytes:
        # To be woken on another processor takes longer than all else that a call of a hook takes
        # (benchmarks/bench_hooks.py); who only yields for a moment is spared that, and a worker that needs this very
        # processor gets it.
        spin_until_s = time.monotonic() + _SPIN_S
        while (chunk := self._read()) is None:
            if time.monotonic() < spin_until_s:
                _yield()
            elif not self._readable.poll(_milliseconds_to(deadline_s)):
                raise Late
        return chunk

    def watch(self, loop: asyncio.AbstractEventLoop, readable: Callable[[], None]) -> None:
        self.unwatch()
        self._loop = loop
        loop.add_reader(self._read_fd, readable)

    def unwatch(self) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._read_fd)
        self._loop = None


class _ThreadChannel(Channel):
    """Where pipes can only be waited for by a thread that blocks: Windows."""

    def __init__(self, stdin: IO[bytes], stdout: IO[bytes]) -> None:
        super().__init__(stdin, stdout)
        self._chunks: SimpleQueue[bytes] = SimpleQueue()
        self._unwritten: Queue[bytes] = Queue(_MOST_UNWRITTEN)
        self._watcher: tuple[asyncio.AbstractEventLoop, Callable[[], None]] | None = None
        for work in (self._read_all, self._write_all):
            threading.Thread(target=work, name="dhcpcallout-worker-pipe", daemon=True).start()

    def _read_all(self) -> None:
        chunk = b"-"
        while chunk:
            try:
                chunk = os.read(self._stdout.fileno(), _CHUNK)
            except (OSError, ValueError):  # closed, here or there
                chunk = b""
            self._chunks.put(chunk)
            if self._watcher is not None:
                loop, readable = self._watcher
                try:
                    loop.call_soon_threadsafe(readable)
                except RuntimeError:  # the loop is closed
                    self._watcher = None
        # Not before, and not by another thread: to close what is being read would wait for it.
        _close(self._stdout)

    def _write_all(self) -> None:
        while frame := self._unwritten.get():
            try:
                self._stdin.write(frame)
                self._stdin.flush()
            except (OSError, ValueError):  # nobody reads any more
                break
        _close(self._stdin)

    def send(self, frame: bytes, deadline_s: float) -> None:
        try:
            self._unwritten.put(frame, timeout=max(deadline_s - time.monotonic(), 0))
        except Full:
            raise Late from None

    def _read(self) -> bytes | None:
        try:
            return self._taken(self._chunks.get_nowait())
        except Empty:
            return None

    def _wait(self, deadline_s: float) -> bytes:
        try:
            return self._taken(self._chunks.get(timeout=max(deadline_s - time.monotonic(), 0)))
        except Empty:
            raise Late from None

    def _taken(self, chunk: bytes) -> bytes:
        if not chunk:
            self._chunks.put(chunk)  # for whoever asks again
            raise Closed
        return chunk

    def watch(self, loop: asyncio.AbstractEventLoop, readable: Callable[[], None]) -> None:
        self._watcher = (loop, readable)

    def unwatch(self) -> None:
        self._watcher = None

    def close_writing(self) -> None:
        with suppress(Full):  # the worker does not read, and will be ended
            self._unwritten.put_nowait(b"")

    def close(self) -> None:
        # The worker is gone by now, and with it what the threads wait for: they close the pipes.
        self.unwatch()
        self.close_writing()


def open_channel(process: "subprocess.Popen[bytes]") -> Channel:
    """The channel to a process whose standard input and output are pipes, of this system's kind."""
    assert process.stdin is not None
    assert process.stdout is not None
    kind = _PollChannel if hasattr(select, "poll") else _ThreadChannel
    return kind(process.stdin, process.stdout)


def _close(file: IO[bytes]) -> None:
    with suppress(OSError):  # what was not written yet is for nobody
        file.close()


def _milliseconds_to(deadline_s: float) -> int:
    # Rounded up: poll would otherwise be called in vain in the last millisecond.
    return max(int((deadline_s - time.monotonic()) * 1000) + 1, 0)


_yield: Callable[[], None] = getattr(os, "sched_yield", lambda: None)
