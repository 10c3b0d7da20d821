"""What a worker process takes from itself, for good, before and after it loads a callout that is not trusted."""

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import CalloutLoadError

try:
    # Now, for whoever becomes another user may not be able to read it any more.
    import resource
except ImportError:  # Windows
    HAS_LIMITS = False
else:
    HAS_LIMITS = True

__all__ = ["NAMES", "apply", "become", "lock"]

NAMES = ("memory_mib", "cpu_s", "open_files", "no_new_files", "no_new_processes")
"""The limits that there are: ``Isolation``'s attributes."""

_NO_NEW_PRIVILEGES = 38
_AMBIENT, _CLEAR_ALL = 47, 4
_CAPABILITY_VERSION = 0x20080522


def become(user: str | int) -> None:
    """Take another user's identity, and keep no right of the one before.

    Args:
        user: The user's name or number.

    Raises:
        CalloutLoadError: There is no such user, this process may not, or this system has no users.
    """
    try:
        import pwd
    except ImportError:
        raise CalloutLoadError("a worker of this system cannot have another user's rights") from None
    try:
        entry = pwd.getpwnam(user) if isinstance(user, str) else pwd.getpwuid(user)
    except KeyError:
        raise CalloutLoadError(f"worker-user: there is no user {user!r}") from None
    os.environ.update(HOME=entry.pw_dir, USER=entry.pw_name, LOGNAME=entry.pw_name)
    drop_capabilities = _capability_dropper() if sys.platform == "linux" else None
    try:
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
        if drop_capabilities is not None:
            drop_capabilities()
    except OSError as error:
        raise CalloutLoadError(
            f"worker-user: the rights of {user!r} cannot be taken: {error.strerror}; "
            "the server needs root, or CAP_SETUID, CAP_SETGID and CAP_KILL"
        ) from error


def _capability_dropper() -> Callable[[], None]:
    """What gives up the capabilities that a service manager may have given to the server, and all from setuid files."""
    from cffi import FFI

    ffi = FFI()
    ffi.cdef("int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long); int capset(void *, void *);")
    libc: Any = ffi.dlopen(None)
    header = ffi.new("uint32_t[2]", [_CAPABILITY_VERSION, 0])
    sets = ffi.new("uint32_t[6]")

    def drop() -> None:
        if (
            libc.prctl(_AMBIENT, _CLEAR_ALL, 0, 0, 0) != 0
            or libc.capset(header, sets) != 0
            or libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0
        ):
            raise OSError(ffi.errno, os.strerror(ffi.errno))

    return drop


def apply(limits: Mapping[str, int | None]) -> None:
    """Set the limits that hold while the callout is loaded, too; and, on Linux, be the first to go without memory.

    Raises:
        CalloutLoadError: This system has no limits, or not these.
    """
    with suppress(OSError):  # there is none, or another policy forbids it
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    if not HAS_LIMITS:
        if not any(limits.values()):
            return
        raise CalloutLoadError(
            "this worker's system has no resource limits; set them around it in worker-command, or not at all"
        )
    wanted = (
        (resource.RLIMIT_AS, limits["memory_mib"], 1 << 20),
        (resource.RLIMIT_CPU, limits["cpu_s"], 1),
        (resource.RLIMIT_CORE, 0, 1),
        (resource.RLIMIT_NOFILE, limits["open_files"], 1),
        (resource.RLIMIT_FSIZE, 0 if limits["no_new_files"] else None, 1),
    )
    for what, value, unit in wanted:
        if value is not None:
            # One second more, so that the signal of the lesser one, SIGXCPU, tells why the worker ends.
            _set(what, value * unit, beyond=1 if what == resource.RLIMIT_CPU else 0)


def lock(limits: Mapping[str, int | None]) -> None:
    """Set the limits that nothing could be loaded under.

    Raises:
        CalloutLoadError: They cannot be set.
    """
    if limits["no_new_files"]:
        # The lowest number that is free: what is open stays open, and nothing else can be.
        free = os.open(os.devnull, os.O_RDONLY)
        os.close(free)
        _set(resource.RLIMIT_NOFILE, free)
    if limits["no_new_processes"]:
        _set(resource.RLIMIT_NPROC, 0)


def _set(what: int, value: int, beyond: int = 0) -> None:
    _, hard = resource.getrlimit(what)
    if hard == resource.RLIM_INFINITY or hard > value + beyond:
        hard = value + beyond
    try:
        resource.setrlimit(what, (min(value, hard), hard))
    except (OSError, ValueError) as error:
        raise CalloutLoadError(f"a resource limit cannot be set: {error}") from error
