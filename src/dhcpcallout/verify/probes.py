"""What a process can tell of itself: memory, file descriptors, threads, signals. None is for what it cannot."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

__all__ = [
    "RunDelay",
    "Usage",
    "allocated_bytes",
    "describe_process",
    "limit_memory",
    "usage",
]

_MALLINFO = """
    typedef struct {
        size_t arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost;
    } mallinfo_result;
    mallinfo_result mallinfo2(void);
"""


class Usage(NamedTuple):
    """What a process uses.

    Attributes:
        resident_bytes: Its memory.
        allocated_bytes: What malloc has given out and not got back: glibc alone counts it.
        python_blocks: What Python's own allocator has given out, in blocks.
        descriptors: Open files.
        threads: Threads, those of other languages too where the system tells.
    """

    resident_bytes: int | None
    allocated_bytes: int | None
    python_blocks: int
    descriptors: int | None
    threads: int


def usage() -> Usage:
    """What this process uses now."""
    return Usage(_resident_bytes(), allocated_bytes(), sys.getallocatedblocks(), _descriptors(), _threads())


def allocated_bytes() -> int | None:
    """What malloc has given out, in all arenas."""
    mallinfo = _mallinfo()
    if mallinfo is None:
        return None
    info = mallinfo()
    return int(info.uordblks) + int(info.hblkhd)


@cache
def _mallinfo() -> Callable[[], Any] | None:
    if sys.platform != "linux":
        return None
    from cffi import FFI

    ffi = FFI()
    ffi.cdef(_MALLINFO)
    try:
        library = ffi.dlopen(None)
        function: Callable[[], Any] = getattr(library, "mallinfo2")  # noqa: B009 -- cffi's libraries have no type
    except (AttributeError, OSError):  # another C library, or an older one
        return None
    return function


def _resident_bytes() -> int | None:
    if sys.platform != "linux":
        return None
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return None


def _descriptors() -> int | None:
    folder = {"linux": "/proc/self/fd", "darwin": "/dev/fd"}.get(sys.platform)
    try:
        return len(os.listdir(folder)) if folder else None
    except OSError:
        return None


def _threads() -> int:
    if sys.platform != "linux":
        return threading.active_count()
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return threading.active_count()


class RunDelay:
    """How long the thread that made this was ready to run, and others ran: time that it neither waited nor computed."""

    def __init__(self) -> None:
        self._file: int | None = None
        if sys.platform == "linux":
            with contextlib.suppress(OSError):
                self._file = os.open("/proc/thread-self/schedstat", os.O_RDONLY)

    @property
    def is_told(self) -> bool:
        """Whether the system tells."""
        return self._file is not None

    def read_ns(self) -> int:
        """So far, in nanoseconds; 0 where the system does not tell."""
        if sys.platform == "win32" or self._file is None:
            return 0
        try:
            return int(os.pread(self._file, 100, 0).split()[1])
        except (OSError, ValueError, IndexError):  # it was closed, and may be another file by now
            self._file = None
            return 0

    def close(self) -> None:
        """Close the file behind it."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def describe_process() -> dict[str, str]:
    """What a callout shares with its server and should leave alone: directory, umask, the handling of signals."""
    umask = os.umask(0o077)
    os.umask(umask)
    try:
        directory = os.getcwd()
    except OSError:  # it is no more
        directory = "none"
    told = {"the current directory": directory, "the umask": f"{umask:03o}"}
    masks: dict[str, int] = {}
    if sys.platform == "linux":
        with open("/proc/self/status", encoding="ascii", errors="replace") as file:
            for line in file:
                name, _, value = line.partition(":")
                if name in ("SigBlk", "SigIgn", "SigCgt"):
                    masks[name] = int(value, 16)
    for number in sorted(signal.valid_signals()):
        if number >= 32:  # the C library's own
            break
        words = {"SigBlk": "blocked", "SigIgn": "ignored", "SigCgt": "handled"}
        states = [word for name, word in words.items() if masks.get(name, 0) >> (number - 1) & 1]
        handler = signal.getsignal(number)
        told[signal.Signals(number).name] = f"{' and '.join(states) or 'left alone'} ({handler!r})"
    return told


def limit_memory(limit_bytes: int) -> None:
    """Let this process have so much more memory than it has now; where it cannot be limited, nothing happens."""
    if sys.platform != "linux":
        return
    import resource

    with open("/proc/self/statm", "rb") as file:
        now = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (now + limit_bytes, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
