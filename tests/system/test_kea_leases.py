"""Leases go to a real Kea and come back: it reads what is exported, and what it writes is imported."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from dhcpcallout.codes import INFINITE
from dhcpcallout.control.client import ControlClient
from dhcpcallout.leases import Lease, LeaseChange, LeaseState
from dhcpcallout.stores import SqliteStore, read_leases

COMMAND = [sys.executable, "-m", "dhcpcallout", "leases"]
NOW = int(time.time())


def row(last: int, **fields: Any) -> Lease:
    hardware = b"\2\0\0\0\0" + bytes((last,))
    plain = Lease(0x0A090000 + last, b"\1" + hardware, 1, hardware, 0, NOW, NOW + 3600, f"host-{last}")
    return plain._replace(**fields)


ROWS = [
    row(1),
    row(2, client_key=b"\xff\0\1\2", relay_information=b"\1\4eth0\2\2\xaa\xbb"),
    row(3, expires_s=INFINITE, hostname="a,b&c"),
    row(4, client_key=b"", hardware_type=0, hardware_address=b"", state=int(LeaseState.DECLINED), hostname=""),
    row(5, state=int(LeaseState.RELEASED), starts_s=NOW - 50, expires_s=NOW - 20),
    row(6, hardware_type=6, client_key=b"\6\2\0\0\0\0\6"),
    row(7, hostname="line\nend, \udcff and é"),
    row(8, starts_s=NOW - 7200, expires_s=NOW - 3600, hostname=""),
    row(9, client_key=b"\0text", hardware_type=0, hardware_address=b"", expires_s=NOW + 4_000_000_000 - NOW),
]


class Kea:
    """A kea-dhcp4 without interfaces, on a lease file, and its commands."""

    def __init__(self, folder: Path, hooks: Path, subnet_id: int) -> None:
        config = {
            "interfaces-config": {"interfaces": []},
            "control-socket": {"socket-type": "unix", "socket-name": str(folder / "kea.sock")},
            "hooks-libraries": [{"library": str(hooks / "libdhcp_lease_cmds.so")}],
            "lease-database": {"type": "memfile", "name": str(folder / "kea-leases4.csv"), "lfc-interval": 0},
            "expired-leases-processing": {"reclaim-timer-wait-time": 0, "flush-reclaimed-timer-wait-time": 0},
            "store-extended-info": True,
            "subnet4": [{"subnet": "10.9.0.0/16", "id": subnet_id}],
            "loggers": [{"name": "kea-dhcp4", "output_options": [{"output": "stdout"}], "severity": "DEBUG"}],
        }
        (folder / "kea.json").write_text(json.dumps({"Dhcp4": config}))
        self._socket = folder / "kea.sock"
        self.log = folder / "kea.log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                ["kea-dhcp4", "-c", str(folder / "kea.json")],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | {"KEA_PIDFILE_DIR": str(folder), "KEA_LOCKFILE_DIR": str(folder)},
            )
        deadline = time.monotonic() + 30
        while "DHCP4_STARTED" not in self.log.read_text():
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        with ControlClient(self._socket) as client:
            return client.ask(command, **arguments)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)


@pytest.fixture
def start_kea(require_system: Callable[..., None], tmp_path: Path) -> Iterator[Callable[[int], Kea]]:
    require_system("kea-dhcp4", "kea-lfc")
    hooks = next(iter(sorted(Path("/usr/lib").glob("**/kea/hooks"))), None)
    require_system(reason="" if hooks is not None else "Kea's hook libraries are not installed")
    assert hooks is not None
    started: list[Kea] = []

    def start(subnet_id: int) -> Kea:
        started.append(Kea(tmp_path, hooks, subnet_id))
        return started[-1]

    yield start
    for kea in started:
        kea.stop()


def run(*arguments: str) -> str:
    done = subprocess.run([*COMMAND, *arguments], check=True, capture_output=True, text=True)
    return done.stdout


def test_kea_takes_what_is_exported_and_it_comes_back_the_same(start_kea: Callable[[int], Kea], tmp_path: Path) -> None:
    store, file = f"sqlite:{tmp_path / 'leases.db'}", tmp_path / "kea-leases4.csv"
    with closing(SqliteStore(tmp_path / "leases.db")) as opened:
        opened.commit([LeaseChange(None, lease) for lease in ROWS])
    run("export", str(file), "--subnet-id", "10.9.0.0/16=7", "--store", store)

    kea = start_kea(7)
    log = kea.log.read_text()
    assert not re.search(r"^.*(?:ERROR|WARN).*(?:LEASE|ROW).*$", log, re.MULTILINE), log
    told = kea.ask("lease4-get-all")["arguments"]["leases"]
    assert {lease["ip-address"]: lease["state"] for lease in told} == {
        str(lease.address): {0: 0, 1: 1, 2: 2}[lease.state] for lease in ROWS
    }
    by_address = {lease["ip-address"]: lease for lease in told}
    assert by_address["10.9.0.1"] == {
        "ip-address": "10.9.0.1",
        "hw-address": "02:00:00:00:00:01",
        "hostname": "host-1",
        "subnet-id": 7,
        "valid-lft": 3600,
        "cltt": NOW,
        "state": 0,
        "fqdn-fwd": False,
        "fqdn-rev": False,
    }
    assert by_address["10.9.0.2"]["client-id"] == "ff:00:01:02"
    assert by_address["10.9.0.2"]["user-context"] == {"ISC": {"relay-agent-info": "0x0104657468300202AABB"}}
    assert (by_address["10.9.0.3"]["valid-lft"], by_address["10.9.0.3"]["hostname"]) == (INFINITE, "a,b&c")

    assert kea.ask("lease4-del", ip_address="10.9.0.1")["result"] == 0
    added = kea.ask("lease4-add", ip_address="10.9.0.99", hw_address="02:00:00:00:00:99", hostname="kea's own")
    assert added["result"] == 0, added
    kea.stop()

    back = f"sqlite:{tmp_path / 'back.db'}"
    assert run("import", str(file), "--store", back).startswith("9 leases: 9 added")
    rows = list(read_leases(back))
    assert rows[:-1] == ROWS[1:]
    assert (rows[-1].hostname, rows[-1].hardware_address) == ("kea's own", b"\2\0\0\0\0\x99")

    # Kea's cleanup of the file, which rewrites it whole, leaves the same leases.
    file.rename(tmp_path / "copy.1")
    names = {"-x": "previous.2", "-i": "copy.1", "-o": "output", "-f": "completed", "-p": "lfc.pid", "-c": "kea.json"}
    cleanup = ["kea-lfc", "-4", *(part for flag, name in names.items() for part in (flag, str(tmp_path / name)))]
    environment = os.environ | {"KEA_LOCKFILE_DIR": str(tmp_path), "KEA_LOGGER_DESTINATION": "stdout"}
    subprocess.run(cleanup, check=True, capture_output=True, env=environment)
    (cleaned,) = [tmp_path / name for name in ("completed", "previous.2") if (tmp_path / name).exists()]
    assert cleaned.read_text().count("\n") == 10
    assert run("import", str(cleaned), "--store", back) == "9 leases: 0 added, 0 replaced, 9 unchanged\n"


QUESTIONS: list[tuple[str, dict[str, Any]]] = [
    ("lease4-get", {"ip_address": "10.9.0.2"}),
    ("lease4-get", {"ip_address": "10.9.0.1"}),
    ("lease4-get", {"ip_address": "bogus"}),
    ("lease4-get-all", {}),
    ("lease4-get-all", {"subnets": [1]}),
    ("lease4-get-all", {"subnets": [2]}),
    ("lease4-get-all", {"subnets": "all"}),
    ("lease4-get-by-hw-address", {"hw_address": "02:00:00:00:00:01"}),
    ("lease4-get-by-hw-address", {"hw_address": "02:00:00:00:00:09"}),
    ("lease4-get-by-client-id", {"client_id": "ff:00:01"}),
    ("lease4-get-by-hostname", {"hostname": "PRINTER"}),
    ("lease4-get-page", {"from": "start", "limit": 2}),
    ("lease4-get-page", {"from": "10.9.0.1", "limit": 2}),
    ("lease4-get-page", {"from": "start", "limit": 0}),
    ("lease4-update", {"ip_address": "10.9.0.1", "hw_address": "02:00:00:00:00:02"}),
    ("lease4-del", {"ip_address": "10.9.0.1"}),
    ("lease4-del", {"ip_address": "10.9.0.1"}),
    ("lease4-add", {"ip_address": "192.0.2.1", "hw_address": "02:00:00:00:00:02"}),
    ("lease4-nonsense", {}),
]


def shape(value: Any) -> Any:
    """What a client that reads an answer relies on: results and the names and types of what is told, not the texts."""
    if isinstance(value, dict):
        return {name: value[name] if name == "result" else shape(value[name]) for name in sorted(value)}
    return [shape(one) for one in value] if isinstance(value, list) else type(value).__name__


def test_the_same_commands_have_answers_of_the_same_shape(start_kea: Callable[[int], Kea], tmp_path: Path) -> None:
    config = tmp_path / "dhcp.toml"
    config.write_text(
        'server.listen = ["127.0.0.1:0"]\nserver.control = "control"\n[[subnet]]\nnetwork = "10.9.0.0/16"\n'
    )
    serve = subprocess.Popen([*COMMAND[:-1], "serve", "-c", str(config)], stderr=subprocess.PIPE, text=True)
    try:
        assert serve.stderr is not None
        assert any("ready: " in line for line in serve.stderr)
        kea = start_kea(1)
        add = {"ip_address": "10.9.0.1", "hw_address": "02:00:00:00:00:01", "client_id": "ff:00:01"}
        add |= {"hostname": "printer", "user_context": {"ISC": {"relay-agent-info": "0x0101AA"}}}  # type: ignore[dict-item]
        with ControlClient(tmp_path / "control") as ours:
            for command, arguments in [("lease4-add", add), *QUESTIONS]:
                theirs, own = kea.ask(command, **arguments), ours.ask(command, **arguments)
                if command == "lease4-update":
                    assert (theirs["result"], own["result"]) == (0, 0)
                assert shape(own) == shape(theirs), (command, arguments, own, theirs)
    finally:
        serve.terminate()
        serve.communicate(timeout=20)
