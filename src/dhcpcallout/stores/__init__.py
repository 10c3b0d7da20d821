"""Where leases are kept: in memory, or in an SQLite file. Each is a ``leases.LeaseStore``; a URL names one."""

import os
from collections.abc import Iterable
from pathlib import Path

from ..errors import StoreOpenError
from ..leases import EVERY_LEASE, Lease, LeaseQuery, LeaseStore
from .memory import MemoryStore
from .sqlite import SqliteStore, read_leases_file

__all__ = ["URL_FORMS", "MemoryStore", "SqliteStore", "open_store", "read_leases"]

URL_FORMS = ("memory:", "sqlite:PATH")
"""The forms of a store's URL."""


def open_store(url: str, folder: str | os.PathLike[str] = "") -> LeaseStore:
    """Open the store that a URL names, as the one server that writes to it.

    Args:
        url: ``memory:``, or ``sqlite:PATH``.
        folder: What a relative path is relative to; by default the process's own folder.

    Raises:
        StoreOpenError: The URL is of none of these forms, or the store cannot be opened; nothing was changed.
    """
    path = _sqlite_path(url)
    return SqliteStore(Path(folder, path)) if path is not None else MemoryStore()


def read_leases(url: str, folder: str | os.PathLike[str] = "", query: LeaseQuery = EVERY_LEASE) -> Iterable[Lease]:
    """The rows of the store that a URL names, by address, whether or not a server runs on it.

    Args:
        url: ``sqlite:PATH``; what is in ``memory:`` only its own process can read.
        folder: What a relative path is relative to; by default the process's own folder.
        query: Which rows.

    Raises:
        StoreError: The URL names no such store, or the rows cannot be read; also while they are iterated over.
    """
    path = _sqlite_path(url)
    if path is None:
        raise StoreOpenError(f"{url} is in the memory of the server's own process: there is no file to read")
    return read_leases_file(Path(folder, path), query)


def _sqlite_path(url: str) -> str | None:
    """The path in an SQLite store's URL, or None for ``memory:``."""
    scheme, colon, path = url.partition(":")
    if scheme == "sqlite" and path:
        return path
    if scheme == "memory" and colon and not path:
        return None
    raise StoreOpenError(f"{url!r} is not the URL of a lease store; its form is {' or '.join(URL_FORMS)}")
