"""Leases in an SQLite file: one writer, one durable transaction a turn, readers at any time."""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any

from ..errors import CommitError, StoreError, StoreInUseError, StoreOpenError
from ..leases import EVERY_LEASE, Lease, LeaseChange, LeaseQuery, Refusal

__all__ = ["APPLICATION_ID", "SqliteStore", "has_leases", "read_leases_file"]

APPLICATION_ID = int.from_bytes(b"dcLs")
"""What ``PRAGMA application_id`` says in a lease file."""

_MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        f"PRAGMA application_id = {APPLICATION_ID}",
        """
        CREATE TABLE lease (
            address_int INTEGER PRIMARY KEY,
            client_key BLOB NOT NULL,
            hardware_type INTEGER NOT NULL,
            hardware_address BLOB NOT NULL,
            state INTEGER NOT NULL,
            starts_s INTEGER NOT NULL,
            expires_s INTEGER NOT NULL,
            hostname TEXT NOT NULL,
            relay_information BLOB NOT NULL
        )
        """,
    ),
)
"""The statements that lead from each schema version (``PRAGMA user_version``) to the next; 0 is an empty file."""

_COLUMNS = ", ".join(Lease._fields)
_SELECT = f"SELECT {_COLUMNS} FROM lease"  # noqa: S608
_CONDITIONS = {
    "address_int": "address_int = ?",
    "hardware_address": "hardware_address = ?",
    "client_key": "client_key = ?",
    "hostname": "hostname = ? COLLATE NOCASE",
    "after_int": "address_int > ?",
}
"""What each part of a ``LeaseQuery`` asks of a row."""
_UPSERT = f"INSERT OR REPLACE INTO lease ({_COLUMNS}) VALUES ({', '.join('?' * len(Lease._fields))})"  # noqa: S608
_DELETE = "DELETE FROM lease WHERE address_int = ?"

_FILE_MODE = 0o640
"""Leases tell who is in the network: for the server's user and group alone."""

_LEAST_SIZE = 512
"""The bytes of the smallest SQLite database. SQLite itself takes a file of one byte for an empty one."""

_FOREIGN = "is not a lease file, nor any SQLite database"
_DAMAGED = "is damaged: restore it from a backup, or move it away to start without leases"

_BUSY_TIMEOUT_S = 1.0
"""How long to wait for a lock of another program's; a reader's start, or a backup, holds one for milliseconds."""


class SqliteStore:
    """A ``LeaseStore`` in an SQLite file, which it makes where there is none. It never refuses a change.

    The file is in WAL mode with synchronous=FULL. As long as the store is open it holds the lock of a second,
    empty file, ``PATH-lock``, which the system releases however the process ends; a second store on the same
    file is refused. Readers are never blocked and never block.

    Args:
        path: The file. Its folder must exist.

    Raises:
        StoreOpenError: The file cannot be opened, is in use by another server, is not a lease file, is damaged,
            or is newer than this version; nothing was changed.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = path = _real(path)
        lock = _beside(path, "-lock")
        with _opening(path), ExitStack() as stack:
            # A lock file is made only beside a file found to be ours, and, once made, stays: where there is none,
            # no server runs.
            if not lock.exists():
                _inspect(path, write=True)
                _create(lock)
            stack.enter_context(closing(_lock(path, lock)))
            _inspect(path, write=True)
            _create(path)
            self._connection = stack.enter_context(closing(_connect(path, "mode=rw")))
            _prepare(self._connection)
            self._resources = stack.pop_all()

    def load(self) -> Iterator[Lease]:
        """Every row, by address.

        Raises:
            StoreError: The rows cannot be read; also while they are iterated over.
        """
        return self.snapshot()

    def commit(self, changes: Sequence[LeaseChange]) -> Sequence[Refusal]:
        """Write a turn's changes, in order, in one transaction that is on the disk when this returns.

        Any thread may call it, one at a time.

        Raises:
            CommitError: Nothing was written; a later commit may succeed.
        """
        rows = {change.address_int: change.after for change in changes}
        upserts = [row for row in rows.values() if row is not None]
        deletes = [(address,) for address, row in rows.items() if row is None]
        if not rows:
            return ()
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            if upserts:
                try:
                    connection.executemany(_UPSERT, upserts)
                except UnicodeEncodeError:
                    connection.executemany(_UPSERT, map(_with_encoded_hostname, upserts))
            if deletes:
                connection.executemany(_DELETE, deletes)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            raise CommitError(f"{self._path}: {error}; the turn's leases were not written") from error
        except BaseException:
            self._roll_back()
            raise
        return ()

    def snapshot(self, query: LeaseQuery = EVERY_LEASE) -> Iterator[Lease]:
        """The rows that are durable now, by address, read through a connection of its own; from any thread.

        The rows are read as they are iterated over; until that ends, the file's WAL cannot be shortened.

        Args:
            query: Which of them.

        Raises:
            StoreError: The rows cannot be read; also while they are iterated over.
        """
        return _rows(self._path, "mode=ro", query)

    def close(self) -> None:
        """Fold the WAL into the file, and let another server have it."""
        self._resources.close()

    def _roll_back(self) -> None:
        with suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")


def read_leases_file(path: str | os.PathLike[str], query: LeaseQuery = EVERY_LEASE) -> Iterable[Lease]:
    """The rows of a lease file, by address, whether or not a server runs on it; no row is ever changed.

    Args:
        path: The file.
        query: Which rows.

    Raises:
        StoreError: The file is not a lease file, or the rows cannot be read; also while they are iterated over.
    """
    path = _real(path)
    with _opening(path):
        if not _inspect(path, write=False):
            raise StoreOpenError(f"{path}: there are no leases: no server has made the file yet")
        before = path.stat()
        running = _beside(path, "-wal").exists()
    if running:
        return _rows(path, "mode=ro", query)
    # A connection that may see a WAL makes one where there is none, and leaves it there: a -wal of this user's, which
    # the server's may not be able to write to.
    return _unless_changed(path, before, _rows(path, "mode=ro&immutable=1", query))


def has_leases(path: str | os.PathLike[str]) -> bool:
    """Whether there is a lease file, though it may have no row; where there is none, one may be made.

    Raises:
        StoreOpenError: There is a file that is not a lease file, or the folder is missing.
    """
    path = _real(path)
    with _opening(path):
        return _inspect(path, write=False)


def _unless_changed(path: Path, before: os.stat_result, rows: Iterable[Lease]) -> Iterator[Lease]:
    yield from rows
    after = path.stat()
    if (after.st_mtime_ns, after.st_size) != (before.st_mtime_ns, before.st_size):
        raise StoreError(f"{path}: a server that has just started changed the leases while they were read; read again")


def _rows(path: Path, parameters: str, query: LeaseQuery) -> Iterator[Lease]:
    """The rows as they are at the call: the read transaction begins with the first of them."""
    rows = _stream(path, parameters, query)
    first = next(rows, None)
    return rows if first is None else chain((first,), rows)


def _stream(path: Path, parameters: str, query: LeaseQuery) -> Iterator[Lease]:
    wanted = {name: value for name, value in query._asdict().items() if value is not None}
    if query.hostname is not None:
        wanted["hostname"] = _encoded_hostname(query.hostname)
    condition = " AND ".join(_CONDITIONS[name] for name in wanted)
    try:
        with closing(_connect(path, parameters)) as connection:
            for row in connection.execute(f"{_SELECT} WHERE {condition} ORDER BY address_int", (*wanted.values(),)):
                lease = Lease._make(row if row[7].__class__ is str else _with_decoded_hostname(row))
                if query.hostname is None or query.matches(lease):  # SQLite compares no further than to a NUL
                    yield lease
    except sqlite3.Error as error:
        raise StoreError(f"{path}: the leases cannot be read: {error}") from error


# A hostname may hold what UTF-8 has no form for: lone surrogates, which stand for bytes of the network that are
# not UTF-8. SQLite's TEXT cannot keep those, so such a row keeps its hostname as a BLOB.


def _encoded_hostname(hostname: str) -> str | bytes:
    try:
        hostname.encode()
    except UnicodeEncodeError:
        return hostname.encode(errors="surrogatepass")
    return hostname


def _with_encoded_hostname(lease: Lease) -> tuple[Any, ...]:
    return (*lease[:7], _encoded_hostname(lease.hostname), lease.relay_information)


def _with_decoded_hostname(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return (*row[:7], row[7].decode(errors="surrogatepass"), row[8])


# Opening. Nothing but SQLite may open and close the file, or its lock file: when any descriptor of a file is closed,
# POSIX takes all locks on it from the process, those of a store that is open in it too (sqlite.org/howtocorrupt.html).


def _real(path: str | os.PathLike[str]) -> Path:
    """The path that all names of a file share, links followed, so that all share one lock."""
    if "\0" in os.fspath(path):
        raise StoreOpenError(f"{os.fspath(path)!r} is not a path: it has a NUL in it")
    return Path(os.path.realpath(path))


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _has(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


def _may(path: Path, access: int) -> bool:
    return os.access(path, access, effective_ids=os.access in os.supports_effective_ids)


@contextmanager
def _opening(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreOpenError(f"{path}: {error.strerror or error}") from error
    except sqlite3.DatabaseError as error:
        reason = {
            sqlite3.SQLITE_NOTADB: _FOREIGN,
            sqlite3.SQLITE_CORRUPT: _DAMAGED,
        }.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
        raise StoreOpenError(f"{path}: {reason or 'cannot be opened'} ({error})") from error


def _connect(path: Path, parameters: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.as_uri()}?{parameters}",
        uri=True,
        timeout=_BUSY_TIMEOUT_S,
        isolation_level=None,
        check_same_thread=False,
    )


def _create(path: Path) -> None:
    """Make an empty file where there is none; an existing one is not opened."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, _FILE_MODE))


def _lock(path: Path, lock: Path) -> sqlite3.Connection:
    """Hold the lock file, by SQLite's own means: they work on every system and within one process too."""
    connection = _connect(lock, "mode=rw")
    try:
        connection.execute("PRAGMA busy_timeout = 0")
        connection.execute("PRAGMA journal_mode = MEMORY")
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        connection.close()
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
            raise StoreInUseError(f"{path}: is in use by another server, which holds {lock.name}") from error
        raise StoreOpenError(f"{lock}: cannot be locked ({error})") from error
    return connection


def _inspect(path: Path, *, write: bool) -> bool:
    """Whether there are leases, in a whole file of ours, or False where one may be made. Changes nothing.

    The last server's end may have left a WAL: SQLite then rebuilds ``PATH-shm``, its index of the WAL, which is
    no data. Without a WAL the file is read as it stands, and no other file is touched.

    Raises:
        StoreOpenError: The file is neither.
    """
    folder, wal = path.parent, _beside(path, "-wal")
    if not folder.is_dir():
        raise StoreOpenError(f"{path}: there is no folder {folder}; make it first")
    if write and not _may(folder, os.W_OK | os.X_OK):
        raise StoreOpenError(f"{path}: no permission to make files in {folder}")
    if path.is_symlink():
        raise StoreOpenError(f"{path}: is a link that leads back to itself")
    if path.exists():
        if not path.is_file():
            raise StoreOpenError(f"{path}: is {'a directory' if path.is_dir() else 'not a regular file'}")
        if not _may(path, os.R_OK | os.W_OK if write else os.R_OK):
            raise StoreOpenError(f"{path}: no permission to read{' and write' if write else ''} it")
        if 0 < path.stat().st_size < _LEAST_SIZE:
            raise StoreOpenError(f"{path}: {_FOREIGN}")
    if not _has(path):
        # SQLite would delete the WAL.
        if _has(wal):
            raise StoreOpenError(f"{path}: is missing or empty, but {wal.name} is not; restore it, or move that away")
        return False
    with closing(_connect(path, "mode=ro" if _has(wal) else "mode=ro&immutable=1")) as connection:
        return _recognise(path, connection)


def _recognise(path: Path, connection: sqlite3.Connection) -> bool:
    newest = len(_MIGRATIONS)
    application_id, version, tables = connection.execute(
        "SELECT * FROM pragma_application_id, pragma_user_version, (SELECT count(*) FROM sqlite_master)"
    ).fetchone()
    if application_id == version == tables == 0:
        return False
    if application_id != APPLICATION_ID:
        raise StoreOpenError(f"{path}: is not a lease file, but another program's database")
    if version > newest:
        raise StoreOpenError(
            f"{path}: was written by a newer version of this program (schema {version}; this one knows {newest})"
        )
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise StoreOpenError(f"{path}: {_DAMAGED} ({verdict})")
    if version == newest:
        connection.execute(f"{_SELECT} LIMIT 0")
    return True


def _prepare(connection: sqlite3.Connection) -> None:
    """Set what the connection's commits rest on, and bring the schema up to date."""
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise sqlite3.OperationalError(f"WAL mode is refused; the journal mode is {mode}")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA fullfsync = ON")  # macOS: fsync alone leaves the data in the drive's cache
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    for number, statements in enumerate(_MIGRATIONS[version:], version + 1):
        connection.execute("BEGIN IMMEDIATE")
        for statement in statements:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")
