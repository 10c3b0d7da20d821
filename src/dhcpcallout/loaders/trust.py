"""Whom a callout's file is trusted to come from: nobody but root and the server's own user may have put it there.

On Windows, where a mode says nothing of who may write, files are hashed and no more.
"""

import errno
import hashlib
import os
import stat
import sys
from collections import deque
from collections.abc import Iterator
from pathlib import PurePosixPath

from ..errors import CalloutLoadError

if sys.platform != "win32":
    import grp
    import pwd

__all__ = ["check_file", "check_folder", "sha256_of"]

_MOST_LINKS = 40
"""How many symbolic links a path may lead through, as in Linux."""


def check_file(path: str) -> None:
    """Look who may change a file, put another in its place, or lead its path elsewhere.

    Every folder on the way is looked at, from the root, both those of the path and those that symbolic links lead
    through. Each, the links and the file itself must be owned by root or by the user of this process. Nobody else may
    write to any: neither all others, nor a group, but for the process's own primary group where nobody else is in it.
    A folder with the sticky bit may be writable, since nobody can replace what another owns in it.

    Args:
        path: The file's absolute path.

    Raises:
        CalloutLoadError: Somebody else may, or it is no regular file.
        FileNotFoundError: There is no such file; as far as there are folders, they are all right.
    """
    if os.name == "posix":
        *_, (name, status) = _checked(path)
        if not stat.S_ISREG(status.st_mode):
            raise CalloutLoadError(f"{path}: is refused: {name} is no regular file")


def check_folder(path: str) -> None:
    """Look who may put files into a folder, as ``check_file`` does; a sticky bit does not help here.

    Raises:
        CalloutLoadError: Somebody else may.
        FileNotFoundError: There is no such folder.
    """
    if os.name == "posix":
        *_, (name, status) = _checked(path)
        problem = _writable_by_others(name, status)
        if problem:
            raise CalloutLoadError(f"{path}: is refused: {problem}")


def sha256_of(path: str) -> str:
    """The SHA-256 of a file, in hexadecimal.

    Raises:
        CalloutLoadError: It cannot be read, or is no regular file.
    """
    try:
        # Without waiting, should it have become a pipe.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise CalloutLoadError(f"{path}: is refused: it is no regular file")
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise CalloutLoadError(f"{path}: cannot be read: {error.strerror or error}") from error


def _checked(path: str) -> Iterator[tuple[str, os.stat_result]]:
    """What a path leads through, each found to be nobody else's to change, and last what it leads to.

    Raises:
        CalloutLoadError: One is not.
        FileNotFoundError: There is nothing.
    """
    try:
        for name, status in _steps(path):
            problem = _owned_by_another(name, status)
            if not problem and not stat.S_ISLNK(status.st_mode) and not _is_sticky_folder(status):
                problem = _writable_by_others(name, status)
            if problem:
                raise CalloutLoadError(f"{path}: is refused: {problem}")
            yield name, status
    except FileNotFoundError:
        raise
    except OSError as error:
        raise CalloutLoadError(f"{path}: cannot be looked at: {error.strerror or error}") from error
    except ValueError as error:  # a NUL, or half a surrogate pair
        raise CalloutLoadError(f"{path!r} is no path: {error}") from error


def _steps(path: str) -> Iterator[tuple[str, os.stat_result]]:
    """Each folder, symbolic link and at last file that the system looks at to open a path, in its order."""
    here = "/"
    yield here, os.lstat(here)
    parts = deque(PurePosixPath(path).parts[1:])
    links = 0
    while parts:
        part = parts.popleft()
        if part == "..":
            here = os.path.dirname(here)
            continue
        name = os.path.join(here, part)
        status = os.lstat(name)
        yield name, status
        if not stat.S_ISLNK(status.st_mode):
            here = name
            continue
        links += 1
        if links > _MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        target = PurePosixPath(os.readlink(name))
        if target.is_absolute():
            here = "/"
        parts.extendleft(reversed(target.parts[1:] if target.is_absolute() else target.parts))


def _owned_by_another(name: str, status: os.stat_result) -> str:
    if sys.platform == "win32" or status.st_uid in (0, os.geteuid()):
        return ""
    ours = " or ".join(f"{user}'s" for user in dict.fromkeys(("root", _user(os.geteuid()))))
    return (
        f"{name} is owned by {_user(status.st_uid)}, who may change it; it must be {ours}: "
        f"chown {'-h ' if stat.S_ISLNK(status.st_mode) else ''}root {name}"
    )


def _writable_by_others(name: str, status: os.stat_result) -> str:
    if status.st_mode & stat.S_IWOTH:
        return f"everybody may write to {name}: chmod go-w {name}"
    if status.st_mode & stat.S_IWGRP and not _is_own_group(name, status.st_gid):
        return f"the group {_group(status.st_gid)} may write to {name}: chmod g-w {name}"
    return ""


def _is_sticky_folder(status: os.stat_result) -> bool:
    return stat.S_ISDIR(status.st_mode) and bool(status.st_mode & stat.S_ISVTX)


def _is_own_group(name: str, gid: int) -> bool:
    """Whether a group is this process's own alone; a file of it is writable by it where the umask is 002."""
    if sys.platform == "win32" or gid != os.getegid() or not _is_alone_in(gid, os.geteuid()):
        return False
    # With an access control list, the group's permission is that of all whom the list names.
    return sys.platform != "linux" or "system.posix_acl_access" not in os.listxattr(name)


def _is_alone_in(gid: int, uid: int) -> bool:
    """Whether nobody but root and one user is in a group."""
    try:
        members = {pwd.getpwnam(name).pw_uid for name in grp.getgrgid(gid).gr_mem}
    except KeyError:  # no such group, or no such user any more
        return False
    return members | {user.pw_uid for user in pwd.getpwall() if user.pw_gid == gid} <= {0, uid}


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
