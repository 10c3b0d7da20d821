"""What is the SQLite store's own: durability, other files, the lock; its contract is tested in test_contract.py."""

import inspect
import os
import resource
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from dhcpcallout.errors import CommitError, StoreError, StoreOpenError
from dhcpcallout.leases import Lease, LeaseChange
from dhcpcallout.stores import SqliteStore, sqlite
from dhcpcallout.stores.sqlite import APPLICATION_ID, read_leases_file

ROW = Lease(0x0A000001, b"\1\0\x0c\1\2\3\4", 1, b"\0\x0c\1\2\3\4", 0, 1000, 5000, "printer", b"\1\3abc")


def at(address: int) -> Lease:
    return ROW._replace(address_int=address)


def put(*rows: Lease) -> list[LeaseChange]:
    return [LeaseChange(None, row) for row in rows]


def files(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, bytes and all. Only while no store of this process is open in it."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "leases.db"


def make(path: Path, *rows: Lease) -> None:
    with closing(SqliteStore(path)) as store:
        store.commit(put(*rows))


def sql(path: Path, *statements: str) -> list[Any]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return [connection.execute(statement).fetchall() for statement in statements]


# The file


def test_rows_hold_the_fields_in_sqlite_types_that_any_tool_reads(path: Path) -> None:
    make(path, ROW, at(0xFFFFFFFF))
    with closing(sqlite3.connect(path)) as connection:
        cursor = connection.execute("SELECT * FROM lease")
        assert [column[0] for column in cursor.description] == list(Lease._fields)
        assert cursor.fetchall() == [tuple(ROW), tuple(at(0xFFFFFFFF))]


def test_the_file_says_whose_it_is_and_its_schema_version(path: Path) -> None:
    make(path)
    identity = sql(path, "PRAGMA application_id", "PRAGMA user_version", "PRAGMA journal_mode")
    assert identity == [[(APPLICATION_ID,)], [(1,)], [("wal",)]]


def test_files_are_for_the_owner_and_group_alone(path: Path) -> None:
    umask = os.umask(0)
    try:
        store = SqliteStore(path)
        store.commit(put(ROW))
    finally:
        os.umask(umask)
    modes = {file.name: oct(stat.S_IMODE(file.stat().st_mode)) for file in path.parent.iterdir()}
    store.close()
    assert modes == dict.fromkeys(["leases.db", "leases.db-lock", "leases.db-shm", "leases.db-wal"], "0o640")


def test_a_stricter_umask_holds(path: Path) -> None:
    umask = os.umask(0o077)
    try:
        make(path)
    finally:
        os.umask(umask)
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}


def test_closing_leaves_one_file_with_everything_and_the_empty_lock(path: Path) -> None:
    make(path, ROW)
    assert {file.name: file.stat().st_size > 0 for file in path.parent.iterdir()} == {
        "leases.db": True,
        "leases.db-lock": False,
    }


def test_an_empty_file_becomes_a_lease_file(path: Path) -> None:
    path.touch()
    make(path, ROW)
    assert list(read_leases_file(path)) == [ROW]


def test_a_start_that_was_cut_short_is_taken_up(path: Path) -> None:
    sql(path, "PRAGMA journal_mode = WAL")
    assert path.stat().st_size > 0
    make(path, ROW)
    assert list(read_leases_file(path)) == [ROW]


def test_older_schemas_are_brought_forward_with_their_rows(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(path, ROW)
    steps = (("ALTER TABLE lease ADD COLUMN note TEXT NOT NULL DEFAULT 'n'",), ("CREATE TABLE more (x)",))
    monkeypatch.setattr(sqlite, "_MIGRATIONS", (*sqlite._MIGRATIONS, *steps))
    make(path, at(2))
    assert list(read_leases_file(path)) == [ROW, at(2)][::-1]
    assert sql(path, "PRAGMA user_version", "SELECT note FROM lease", "SELECT * FROM more") == [
        [(3,)],
        [("n",), ("n",)],
        [],
    ]


def test_a_migration_that_fails_leaves_the_version_it_began_with(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(path, ROW)
    before = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(sqlite, "_MIGRATIONS", (*sqlite._MIGRATIONS, ("CREATE TABLE more (x)", "no SQL")))
        with pytest.raises(StoreOpenError, match="no"):
            SqliteStore(path)
    assert path.read_bytes() == before
    make(path, at(2))
    assert len(list(read_leases_file(path))) == 2


# Files that cannot be opened, or are not ours


def other_application(path: Path) -> None:
    sql(path, "PRAGMA application_id = 252006674", "CREATE TABLE lease (x)")


def other_tables(path: Path) -> None:
    sql(path, "CREATE TABLE host (name)", "INSERT INTO host VALUES ('a')")


def other_version(path: Path) -> None:
    sql(path, "PRAGMA user_version = 1")


def newer_schema(path: Path) -> None:
    make(path, ROW)
    sql(path, "PRAGMA user_version = 2")


def without_a_table(path: Path) -> None:
    make(path, ROW)
    sql(path, "DROP TABLE lease")


def damaged(path: Path) -> None:
    make(path, *map(at, range(2000)))
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\xa5" * 4096)


def truncated(path: Path) -> None:
    make(path, *map(at, range(2000)))
    os.truncate(path, path.stat().st_size // 2)


def damaged_at_the_head(path: Path) -> None:
    make(path, ROW)
    with path.open("r+b") as file:
        file.seek(100)
        file.write(bytes(200))


def damaged_schema(path: Path) -> None:
    make(path, ROW)
    sql(path, "PRAGMA writable_schema = ON", "UPDATE sqlite_master SET sql = 'CREATE TABLE lease ('")


def wal_without_its_database(path: Path) -> None:
    _beside(path, "-wal").write_bytes(b"x" * 5000)


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


REFUSED: list[tuple[Callable[[Path], object], str]] = [
    (lambda path: path.write_text("lease 10.0.0.1 {\n}\n" * 300), "not a lease file, nor any SQLite database"),
    (lambda path: path.write_bytes(b"x"), "not a lease file, nor any SQLite database"),
    (lambda path: path.write_bytes(b"SQLite format 3\0"), "not a lease file, nor any SQLite database"),
    (lambda path: path.write_bytes(bytes(8192)), "not a lease file, nor any SQLite database"),
    (Path.mkdir, "is a directory"),
    (os.mkfifo, "not a regular file"),
    (other_application, "another program's database"),
    (other_tables, "another program's database"),
    (other_version, "another program's database"),
    (newer_schema, r"newer version of this program \(schema 2; this one knows 1\)"),
    (without_a_table, "no such table"),
    (damaged, "is damaged"),
    (truncated, "is damaged"),
    (damaged_at_the_head, "is damaged"),
    (damaged_schema, "is damaged"),
    (wal_without_its_database, "leases.db-wal is not"),
]


@pytest.mark.parametrize("use", [SqliteStore, read_leases_file])
@pytest.mark.parametrize(("spoil", "problem"), REFUSED)
def test_a_file_that_is_not_ours_is_refused_and_left_alone(
    path: Path, spoil: Callable[[Path], object], problem: str, use: Callable[[Path], object]
) -> None:
    spoil(path)
    before = files(path.parent)
    with pytest.raises(StoreOpenError, match=problem) as caught:
        use(path)
    assert str(path) in str(caught.value)
    assert files(path.parent) == before


@pytest.mark.parametrize("use", [SqliteStore, read_leases_file])
@pytest.mark.parametrize("rows", [0, 20])
def test_another_programs_database_that_it_left_in_a_crash_is_refused_and_keeps_its_wal(
    tmp_path: Path, use: Callable[[Path], object], rows: int
) -> None:
    live, path = tmp_path / "live.db", tmp_path / "crashed" / "leases.db"
    path.parent.mkdir()
    with closing(sqlite3.connect(live, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE host (name)")
        connection.executemany("INSERT INTO host VALUES (?)", [(row,) for row in range(rows)])
        for suffix in ("", "-wal", "-shm"):
            shutil.copyfile(_beside(live, suffix), _beside(path, suffix))
    before = files(path.parent)
    with pytest.raises(StoreOpenError, match="another program's database"):
        use(path)
    after = files(path.parent)
    assert (after["leases.db"], after["leases.db-wal"]) == (before["leases.db"], before["leases.db-wal"])
    assert after.keys() == before.keys()
    assert sql(path, "SELECT count(*) FROM host") == [[(rows,)]]


def test_a_newer_schema_that_only_the_wal_tells_of_is_refused(path: Path) -> None:
    live = path.with_name("live.db")
    make(live, ROW)
    with closing(sqlite3.connect(live, isolation_level=None)) as connection:
        connection.execute("PRAGMA user_version = 9")
        for suffix in ("", "-wal", "-shm"):
            shutil.copyfile(_beside(live, suffix), _beside(path, suffix))
    before = files(path.parent)
    with pytest.raises(StoreOpenError, match="schema 9"):
        SqliteStore(path)
    after = files(path.parent)
    assert (after["leases.db"], after["leases.db-wal"]) == (before["leases.db"], before["leases.db-wal"])
    assert after.keys() == before.keys()


@pytest.mark.parametrize("use", [SqliteStore, read_leases_file])
def test_a_missing_folder_is_named_and_not_made(tmp_path: Path, use: Callable[[Path], object]) -> None:
    with pytest.raises(StoreOpenError, match=r"no folder .*missing; make it first"):
        use(tmp_path / "missing" / "leases.db")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("use", [SqliteStore, read_leases_file])
@pytest.mark.parametrize("name", ["a\0b", "x" * 300, "loop", "file/leases.db"])
def test_a_path_that_cannot_be_is_refused(tmp_path: Path, name: str, use: Callable[[Path], object]) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").touch()
    with pytest.raises(StoreOpenError):
        use(tmp_path / name)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file", "loop"]


def test_there_is_nothing_to_read_before_a_server_ran(path: Path) -> None:
    for _ in range(2):
        with pytest.raises(StoreOpenError, match="no server has made the file yet"):
            read_leases_file(path)
    assert not path.exists()
    path.touch()
    with pytest.raises(StoreOpenError, match="no server has made the file yet"):
        read_leases_file(path)
    assert path.stat().st_size == 0


@contextmanager
def unprivileged(folder: Path) -> Iterator[None]:
    """Be a user whom permissions bind; root becomes ``nobody``."""
    if os.geteuid() != 0:
        yield
        return
    shutil.chown(folder, 65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder under which every user can be given access: ``tmp_path`` lies in one that is its user's alone."""
    with TemporaryDirectory() as folder:
        yield Path(folder)


def test_a_file_without_permission_is_refused_and_left_alone(open_folder: Path) -> None:
    path = open_folder / "leases.db"
    make(path, ROW)
    path.chmod(0o444)
    before = files(open_folder)
    with unprivileged(open_folder):
        with pytest.raises(StoreOpenError, match="no permission to read and write it"):
            SqliteStore(path)
        assert list(read_leases_file(path)) == [ROW]
    path.chmod(0)
    with unprivileged(open_folder), pytest.raises(StoreOpenError, match="no permission to read it"):
        read_leases_file(path)
    path.chmod(0o600)
    assert {name: data for name, data in files(open_folder).items() if data} == {"leases.db": before["leases.db"]}


def test_a_folder_in_which_nothing_can_be_made_is_refused_but_its_leases_can_be_read(open_folder: Path) -> None:
    path = open_folder / "leases.db"
    make(path, ROW)
    path.chmod(0o666)
    before = files(open_folder)
    with unprivileged(open_folder):
        open_folder.chmod(0o500)
        with pytest.raises(StoreOpenError, match="no permission to make files in"):
            SqliteStore(path)
        with pytest.raises(StoreOpenError, match="no permission to make files in"):
            SqliteStore(open_folder / "new.db")
        assert list(read_leases_file(path)) == [ROW]
        open_folder.chmod(0)
        with pytest.raises(StoreOpenError, match="Permission denied"):
            SqliteStore(path)
        with pytest.raises(StoreOpenError, match="Permission denied"):
            read_leases_file(path)
        open_folder.chmod(0o700)
    assert files(open_folder) == before


def test_reading_a_stopped_servers_leases_leaves_no_trace(path: Path) -> None:
    make(path, ROW)
    before = files(path.parent)
    assert list(read_leases_file(path)) == [ROW]
    assert files(path.parent) == before


def test_reading_goes_on_when_a_server_starts_and_fails_when_it_writes_to_the_file_meanwhile(path: Path) -> None:
    make(path, *map(at, range(5000)))
    beside, overtaken = iter(read_leases_file(path)), iter(read_leases_file(path))
    assert next(beside) == next(overtaken) == at(0)
    store = SqliteStore(path)
    store.commit([LeaseChange(at(4999), None)])
    assert list(beside) == list(map(at, range(1, 5000)))
    store.close()
    with pytest.raises(StoreError, match="while they were read; read again"):
        list(overtaken)


# One server at a time


def test_a_second_store_on_a_file_is_refused_and_the_first_goes_on(path: Path) -> None:
    with closing(SqliteStore(path)) as first:
        first.commit(put(at(1)))
        for _ in range(2):
            with pytest.raises(StoreOpenError, match=r"in use by another server, which holds leases\.db-lock"):
                SqliteStore(path)
        first.commit(put(at(2)))
    assert len(list(read_leases_file(path))) == 2


def test_another_name_of_the_same_file_is_refused_too(path: Path) -> None:
    link = path.with_name("link.db")
    link.symlink_to(path.name)
    with closing(SqliteStore(path)), pytest.raises(StoreOpenError, match="in use by another server"):
        SqliteStore(link)


OPEN = "import sys; from dhcpcallout.stores import SqliteStore; store = SqliteStore(sys.argv[1])"


def test_another_process_is_refused_until_the_store_is_closed(path: Path) -> None:
    command = [sys.executable, "-c", OPEN, str(path)]
    with closing(SqliteStore(path)):
        refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "StoreInUseError" in refused.stderr
    assert "is in use by another server" in refused.stderr
    subprocess.run(command, check=True)


def test_the_refused_opening_of_another_store_takes_no_lock_away(path: Path) -> None:
    command = [sys.executable, "-c", OPEN, str(path)]
    with closing(SqliteStore(path)):
        with pytest.raises(StoreOpenError):
            SqliteStore(path)
        assert b"is in use by another server" in subprocess.run(command, capture_output=True, check=False).stderr


# Commits that fail


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    with closing(SqliteStore(path)) as store:
        store.commit(put(at(1)))
        yield store


@contextmanager
def locked(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def full(_: Path) -> Iterator[None]:
    """Let no file of this process grow beyond 64 KiB, as a full disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0x10000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(("trouble", "problem"), [(locked, "locked"), (full, r"full|I/O")])
def test_a_commit_that_fails_writes_nothing_and_a_later_one_succeeds(
    store: SqliteStore,
    path: Path,
    trouble: Callable[[Path], Any],
    problem: str,
) -> None:
    turn = [*put(*map(at, range(2, 2000))), LeaseChange(at(1), None)]
    store._connection.execute("PRAGMA busy_timeout = 0")
    with trouble(path):
        for _ in range(3):
            with pytest.raises(CommitError, match=problem):
                store.commit(turn)
        assert list(store.snapshot()) == [at(1)]
    assert list(store.snapshot()) == [at(1)]
    store.commit(turn)
    assert list(store.snapshot()) == list(map(at, range(2, 2000)))
    store.close()
    make(path)
    assert list(read_leases_file(path)) == list(map(at, range(2, 2000)))


def test_small_turns_go_on_until_the_disk_is_full_and_again_when_it_is_not(store: SqliteStore, path: Path) -> None:
    done = [1]
    with full(path), suppress(CommitError):
        for address in range(2, 1000):
            store.commit(put(at(address)))
            done.append(address)
    assert 2 < len(done) < 900
    assert [row.address_int for row in store.snapshot()] == done
    store.commit(put(at(5000)))
    store.close()
    assert [row.address_int for row in read_leases_file(path)] == [*done, 5000]


@pytest.mark.parametrize(
    ("field", "error"), [({"expires_s": 1 << 64}, OverflowError), ({"hostname": None}, CommitError)]
)
def test_a_row_that_sqlite_cannot_hold_takes_its_whole_turn_back(
    store: SqliteStore, field: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        store.commit(put(at(2), at(3)._replace(**field)))
    store.commit(put(at(4)))
    assert list(store.snapshot()) == [at(1), at(4)]


def test_a_closed_store_commits_nothing(path: Path) -> None:
    store = SqliteStore(path)
    store.close()
    with pytest.raises(CommitError, match="closed"):
        store.commit(put(ROW))


def test_a_file_that_is_spoilt_while_it_is_read_ends_in_a_store_error(store: SqliteStore, path: Path) -> None:
    sql(path, "UPDATE lease SET hostname = CAST(x'ff' AS TEXT)")
    with pytest.raises(StoreError, match="cannot be read"):
        list(store.load())


# Processes that are killed


def turn(number: int) -> list[LeaseChange]:
    """The changes of a turn: some of 500 rows written with the turn's number, some deleted."""
    changes = []
    for address in ((number * 37 + step * 7) % 500 for step in range(40)):
        after = Lease(address, b"k", 1, b"a", 0, number, number) if (number + address) % 4 else None
        changes.append(LeaseChange(None if after else Lease(address, b"k", 1, b"a", 0, 0, 0), after))
    return changes


def state_after(last: int) -> dict[int, Lease]:
    rows: dict[int, Lease] = {}
    for number in range(1, last + 1):
        for change in turn(number):
            rows.pop(change.address_int, None)
            if change.after is not None:
                rows[change.address_int] = change.after
    return rows


WRITER = (
    "import os, sys\nfrom dhcpcallout.leases import Lease, LeaseChange\nfrom dhcpcallout.stores import SqliteStore\n\n"
    + inspect.getsource(turn)
    + """
store, number = SqliteStore(sys.argv[1]), int(sys.argv[2])
while True:
    store.commit(turn(number))
    os.write(1, b"%d\\n" % number)
    number += 1
"""
)


@contextmanager
def writing(path: Path, first: int) -> Iterator[subprocess.Popen[bytes]]:
    """A process that commits turns without end and prints each one's number when it is durable."""
    command = [sys.executable, "-c", WRITER, str(path), str(first)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGKILL)


def test_what_a_killed_process_said_it_committed_is_there(path: Path) -> None:
    last = 0
    for turns in (1, 2, 3, 17, 50, 120, 300):
        with writing(path, last + 1) as process:
            assert process.stdout is not None
            for _ in range(turns):
                process.stdout.readline()
            process.kill()
            said = last + turns + len(process.stdout.read().splitlines())
        with closing(SqliteStore(path)) as store:
            there = {row.address_int: row for row in store.load()}
        last = said if there == state_after(said) else said + 1
        assert there == state_after(last)


def test_a_killed_process_holds_no_lock_and_its_leases_can_be_read_before_the_next_start(path: Path) -> None:
    with writing(path, 1) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(StoreOpenError, match="in use"):
            SqliteStore(path)
        process.kill()
        process.wait()
        said = 1 + len(process.stdout.read().splitlines())
    before = files(path.parent)
    there = {row.address_int: row for row in read_leases_file(path)}
    assert there in (state_after(said), state_after(said + 1))
    after = files(path.parent)
    assert (after["leases.db"], after["leases.db-wal"]) == (before["leases.db"], before["leases.db-wal"])
    SqliteStore(path).close()


def test_readers_of_another_process_see_whole_turns_alone(path: Path) -> None:
    with writing(path, 1) as process:
        assert process.stdout is not None
        seen = []
        for _ in range(25):
            process.stdout.readline()
            rows = list(read_leases_file(path))
            assert rows == sorted(rows)
            seen.append((max(row.starts_s for row in rows), {row.address_int: row for row in rows}))
    numbers = [number for number, _ in seen]
    assert numbers == sorted(numbers)
    assert all(there == state_after(number) for number, there in seen)


def test_a_commit_returns_after_the_wal_is_on_the_disk(
    path: Path, tmp_path: Path, require_system: Callable[..., None]
) -> None:
    require_system("strace")
    if subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True, check=False).returncode != 0:
        require_system(reason="strace may not trace here")
    script = WRITER.replace("while True", "while number < 6")
    trace = tmp_path / "trace"
    calls = "trace=write,pwrite64,fsync,fdatasync"
    command = ["strace", "-f", "-y", "-o", str(trace), "-e", calls, sys.executable, "-c", script, str(path), "1"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    turns = 0
    written = synced = False
    for line in trace.read_text().splitlines():
        if "pwrite64(" in line and "leases.db-wal>" in line:
            written, synced = True, False
        elif "sync(" in line and "leases.db-wal>" in line:
            synced = True
        elif "write(1<" in line:
            assert written
            assert synced
            turns += 1
            written = False
    assert turns == 5
