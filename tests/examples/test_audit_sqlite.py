"""The audit in SQLite."""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from dhcpcallout import Callout
from dhcpcallout.codes import ControlCode
from dhcpcallout.errors import CalloutLoadError
from dhcpcallout.testing import SimulatedNetwork

Load = Callable[[str], Callout]


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "audit.db"
    monkeypatch.setenv("AUDIT_DB", str(path))
    return path


def rows(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("select * from audit order by rowid").fetchall()


def test_a_leases_life_is_in_the_database_when_the_service_has_stopped(database: Path, load_example: Load) -> None:
    before = time.time()
    network = SimulatedNetwork(callouts=[load_example("audit_sqlite.py")])
    client = network.client("02:00:00:00:00:01")
    client.lease()
    client.renew()
    client.release()
    other = network.client("02:00:00:00:00:02")
    assert str(other.lease()) == "10.0.0.11"
    other.decline()
    network.restart()
    found = rows(database)
    assert [row[1:] for row in found] == [
        ("NEW", "10.0.0.10", "02:00:00:00:00:01", "for 3600 s"),
        ("OLD", "10.0.0.10", "02:00:00:00:00:01", "for 3600 s"),
        ("RELEASE", "10.0.0.10", "02:00:00:00:00:01", ""),
        ("DELETED", "10.0.0.10", "02:00:00:00:00:01", ""),
        ("NEW", "10.0.0.11", "02:00:00:00:00:02", "for 3600 s"),
        ("DECLINE", "10.0.0.11", "02:00:00:00:00:02", ""),
    ]
    assert all(isinstance(row[0], float) and before <= row[0] <= time.time() for row in found)
    assert sum(network.engine.hooks.faults) == 0
    # After the restart it goes on in the same table.
    network.client("02:00:00:00:00:03").lease()
    network.engine.control(ControlCode.STOP)
    assert len(rows(database)) == 7


def test_rows_that_the_disk_cannot_take_are_counted_and_nobody_waits(
    database: Path, load_example: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    callout = load_example("audit_sqlite.py")
    module = callout.functions["address_offer"][0].__globals__
    monkeypatch.setitem(module, "MOST_WAITING", 2)
    network = SimulatedNetwork(callouts=[callout])
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("begin exclusive")  # The writer waits for it; the clients do not.
        for _ in range(12):
            assert network.client().lease() is not None
        other.execute("rollback")
    network.engine.control(ControlCode.STOP)
    found = rows(database)
    lost = sum(int(str(row[4]).split()[0]) for row in found if row[1] == "LOST")
    assert lost > 0
    assert lost + sum(row[1] == "NEW" for row in found) == 12


def test_a_database_that_cannot_be_opened_keeps_it_from_being_loaded(
    database: Path, load_example: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDIT_DB", str(database / "nowhere"))
    with pytest.raises(CalloutLoadError, match="unable to open database"):
        load_example("audit_sqlite.py")
