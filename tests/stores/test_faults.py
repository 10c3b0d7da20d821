"""The SQLite store fails, or is killed, at each system call of its opening and its commits.

A process under strace, which has every process fail at its so-manyth call of one kind, forks a child for each place:
the children make so many such calls for nothing before they open a store of their own that each fails one call earlier
than the child before it. EVERY=1 in the environment walks over all calls and all faults; otherwise a part of them is.
"""

import inspect
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from dhcpcallout.leases import Lease, LeaseChange
from dhcpcallout.stores import SqliteStore

TURNS = 4
ALL = os.environ.get("EVERY") == "1"

IDLE_CALLS = {
    "pwrite64": "os.pwrite(file, b'', 0)",
    "pread64": "os.pread(file, 1, 0)",
    "fdatasync": "os.fdatasync(file)",
    "ftruncate": "os.ftruncate(file, 0)",
    "fcntl": "fcntl.fcntl(file, fcntl.F_GETFD)",
    "openat": "os.close(os.open('/dev/null', os.O_RDONLY))",
    "unlink": "unlink_nothing()",
}
"""What makes a call of a kind for nothing."""

FAULTS = [
    ("pwrite64", "error=EIO"),
    ("pwrite64", "error=ENOSPC"),
    ("pwrite64", "signal=KILL"),
    ("fdatasync", "error=EIO"),
    ("fdatasync", "signal=KILL"),
    *(
        [
            ("pread64", "error=EIO"),
            ("pread64", "signal=KILL"),
            ("ftruncate", "error=EIO"),
            ("ftruncate", "signal=KILL"),
            ("fcntl", "error=EIO"),
            ("fcntl", "error=ENOLCK"),
            ("fcntl", "signal=KILL"),
            ("openat", "error=EMFILE"),
            ("openat", "signal=KILL"),
            ("unlink", "error=EIO"),
            ("unlink", "signal=KILL"),
        ]
        if ALL
        else []
    ),
]


def turn(number: int) -> list[LeaseChange]:
    """The changes of a turn: a row of its own, some that all turns write, and one that every second turn deletes."""
    rows = [Lease(number, b"k", 1, b"a", 0, number, number, relay_information=bytes(900))]
    rows += [Lease(100 + address, b"k", 1, b"a", 0, number, number) for address in range(20)]
    last = Lease(200, b"k", 1, b"a", 0, number, number)
    return [LeaseChange(None, row) for row in rows] + [LeaseChange(last, None if number % 2 else last)]


def state_after(turns: list[int]) -> dict[int, Lease]:
    rows: dict[int, Lease] = {}
    for number in turns:
        for change in turn(number):
            rows.pop(change.address_int, None)
            if change.after is not None:
                rows[change.address_int] = change.after
    return rows


PROGRAM = (
    "import fcntl, os, sys\n"
    "from contextlib import suppress\n"
    "from dhcpcallout.errors import StoreError\n"
    "from dhcpcallout.leases import Lease, LeaseChange\n"
    "from dhcpcallout.stores import SqliteStore\n\n"
    + inspect.getsource(turn)
    + """
def unlink_nothing():
    with suppress(FileNotFoundError):
        os.unlink('/nothing')

def child(folder, idle):
    log = os.open(folder + '/log', os.O_WRONLY | os.O_APPEND)
    file = os.open(folder + '/idle', os.O_RDWR)
    for _ in range(idle):
        CALL
    try:
        store = SqliteStore(folder + '/leases.db')
        for number in range(2, 2 + TURNS):
            try:
                store.commit(turn(number))
                os.write(log, b'done %d\\n' % number)
            except StoreError as error:
                os.write(log, b'failed %d %s\\n' % (number, str(error).encode()))
        store.close()
        os.write(log, b'closed\\n')
    except StoreError as error:
        os.write(log, b'not opened %s\\n' % str(error).encode())
    os._exit(0)

place, folders = int(sys.argv[1]), sys.argv[2:]
for folder in folders:
    folder, _, number = folder.partition('=')
    pid = os.fork()
    if pid == 0:
        child(folder, place - 1 - int(number or 0))
    os.waitpid(pid, 0)
"""
)


@pytest.fixture
def strace(require_system: Callable[..., None]) -> list[str]:
    require_system("strace")
    if subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True, check=False).returncode != 0:
        require_system(reason="strace may not trace here")
    return ["strace", "-f"]


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """A folder with a store that has a turn's rows, and a WAL, as a server that was killed leaves it."""
    folder = tmp_path / "template"
    folder.mkdir()
    (folder / "log").touch()
    (folder / "idle").touch()
    program = "import os, sys\nfrom dhcpcallout.leases import Lease, LeaseChange\n"
    program += "from dhcpcallout.stores import SqliteStore\n" + inspect.getsource(turn)
    program += "SqliteStore(sys.argv[1]).commit(turn(1))\nos._exit(0)\n"
    subprocess.run([sys.executable, "-c", program, str(folder / "leases.db")], check=True)
    assert (folder / "leases.db-wal").stat().st_size > 0
    return folder


def numbers_of_calls(strace: list[str], kind: str, program: str, folder: Path) -> tuple[int, int]:
    """How many calls of a kind a child that meets no fault makes, and how many its parent makes."""
    trace = folder / "trace"
    command = [*strace, "-o", str(trace), "-e", f"trace={kind}", sys.executable, "-c", program, "1", str(folder)]
    subprocess.run(command, check=True)
    assert (folder / "log").read_text().endswith("closed\n")
    lines = [line.split(maxsplit=1) for line in trace.read_text().splitlines()]
    ended = [process for process, text in lines if text.startswith("+++ exited")]
    calls = [process for process, text in lines if text.startswith(f"{kind}(")]
    return calls.count(ended[0]), calls.count(ended[-1])


def check(folder: Path) -> tuple[bool, bool]:
    """Look whether a store has what was acknowledged, and can be written to.

    Returns:
        Whether its process was told that something failed, or killed, and whether it came to its end.
    """
    log = [line.split() for line in (folder / "log").read_text().splitlines()]
    done = [1, *(int(words[1]) for words in log if words[0] == "done")]
    failed = [int(words[1]) for words in log if words[0] == "failed"]
    ended = any(words[0] in ("closed", "not") for words in log)
    with closing(SqliteStore(folder / "leases.db")) as store:  # which has it checked: PRAGMA quick_check
        there = {row.address_int: row for row in store.load()}
        # The turn at which a process was killed may be durable, or not.
        begun = max(done + failed) + 1
        assert there == state_after(done) or (not ended and there == state_after([*done, begun])), log
        assert not store.commit(turn(90))
        assert {row.address_int for row in store.load()} >= {90, 100}
    return bool(failed) or log[-1:] != [["closed"]], ended


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("kind", "fault"), FAULTS)
def test_what_was_acknowledged_stays_wherever_a_call_fails(
    kind: str, fault: str, strace: list[str], template: Path, tmp_path: Path
) -> None:
    program = PROGRAM.replace("CALL", IDLE_CALLS[kind]).replace("TURNS", str(TURNS))
    shutil.copytree(template, tmp_path / "counted")
    calls, of_parent = numbers_of_calls(strace, kind, program, tmp_path / "counted")
    folders = [tmp_path / str(number) for number in range(0, calls, 1 if ALL else max(1, calls // 8))]
    for folder in folders:
        shutil.copytree(template, folder)
    # The parent must not meet the fault itself.
    place = max(calls, of_parent) + 10
    command = [*strace, "-o", os.devnull, "-e", f"trace={kind}", "-e", f"inject={kind}:{fault}:when={place}"]
    command += [sys.executable, "-c", program, str(place), *(f"{folder}={folder.name}" for folder in folders)]
    subprocess.run(command, check=True)
    results = [check(folder) for folder in folders]
    if fault == "signal=KILL":
        assert not any(ended for _, ended in results)
    # A file that cannot be taken away harms nothing.
    assert any(told for told, _ in results) or kind == "unlink"
