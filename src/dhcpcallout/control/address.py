"""The path of a control socket, and what the system takes for it."""

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["HAS_UNIX_SOCKETS", "control_path", "short_enough"]

HAS_UNIX_SOCKETS = hasattr(socket, "AF_UNIX")
"""Whether there can be a control socket on this system, as Python has it."""

_LONGEST = 103  # macOS'; Linux takes four more
_OPEN_FILES = Path("/proc/self/fd")


def control_path(store: str | os.PathLike[str]) -> Path:
    """Where the control socket of the server is that has a lease file, unless its configuration says otherwise."""
    path = Path(os.path.realpath(store))
    return path.with_name(path.name + "-control")


@contextmanager
def short_enough(path: Path) -> Iterator[str]:
    """A name of a socket that is no longer than the system takes; it is good as long as the context lasts.

    Raises:
        OSError: There is none; or the folder cannot be opened.
    """
    if len(os.fsencode(path)) <= _LONGEST:
        yield str(path)
        return
    if not _OPEN_FILES.is_dir():
        raise OSError(errno.ENAMETOOLONG, f"the path of a socket may have {_LONGEST} bytes here")
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        yield f"{_OPEN_FILES}/{folder}/{path.name}"
    finally:
        os.close(folder)
