"""``dhcpcallout leases``, in this process and, beside a server under load, as processes."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from dhcpcallout import Client
from dhcpcallout.cli import app
from dhcpcallout.codes import INFINITE
from dhcpcallout.control.address import HAS_UNIX_SOCKETS
from dhcpcallout.leases import Lease, LeaseChange, LeaseState
from dhcpcallout.stores import SqliteStore, read_leases
from dhcpcallout.stores.formats import SubnetIds, write_csv

ROWS = [
    Lease(0x0A000001, b"\1\0\x0c\1\2\3\4", 1, b"\0\x0c\1\2\3\4", LeaseState.ACTIVE, 1_700_000_000, INFINITE, "printer"),
    Lease(0x0A000002, b"\xff\xfe", 6, b"\0\x0c\1\2\3\5", LeaseState.ACTIVE, 1_700_000_000, 1_700_004_000, "", b"\1\2"),
    Lease(0x0A000003, b"", 0, b"", LeaseState.DECLINED, 1_700_000_001, 4_000_000_000),
    Lease(0xFFFFFFFE, b"k", 1, b"\0\x0c\1\2\3\6", LeaseState.RELEASED, 0, 0, "\x1b[31m\udcff é\u202e[red]"),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "leases.db"
    with closing(SqliteStore(path)) as store:
        store.commit([LeaseChange(None, row) for row in ROWS])
    return path


def leases(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["leases", *arguments])


def run(*arguments: str) -> Result:
    return leases("list", *arguments)


def test_the_table_is_by_address_and_says_what_a_person_asks(path: Path) -> None:
    result = run("--store", f"sqlite:{path}")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "ADDRESS          HARDWARE ADDRESS   STATE     EXPIRES              HOSTNAME",
        "10.0.0.1         00:0c:01:02:03:04  active    never                printer",
        "10.0.0.2         00:0c:01:02:03:05  expired   2023-11-14 23:20:00",
        "10.0.0.3         -                  declined  2096-10-02 07:06:40",
        r"255.255.255.254  00:0c:01:02:03:06  released  1970-01-01 00:00:00  \x1b[31m\udcff é\u202e[red]",
    ]


def test_json_has_every_field_on_a_line_a_lease(path: Path) -> None:
    result = run("--store", f"sqlite:{path}", "--json")
    assert result.exit_code == 0
    printed = [json.loads(line) for line in result.stdout.splitlines()]
    assert printed[:2] == [
        {
            "address": "10.0.0.1",
            "state": "active",
            "hardware-type": 1,
            "hardware-address": "00:0c:01:02:03:04",
            "client-key": "01:00:0c:01:02:03:04",
            "hostname": "printer",
            "starts": 1700000000,
            "expires": None,
            "relay-information": "",
        },
        {
            "address": "10.0.0.2",
            "state": "active",
            "hardware-type": 6,
            "hardware-address": "00:0c:01:02:03:05",
            "client-key": "ff:fe",
            "hostname": "",
            "starts": 1700000000,
            "expires": 1700004000,
            "relay-information": "01:02",
        },
    ]
    assert [row["hostname"] for row in printed] == [row.hostname for row in ROWS]
    assert result.stdout.isascii()


def test_leases_of_a_running_server_are_listed_as_they_are_committed(path: Path) -> None:
    with closing(SqliteStore(path)) as store:
        assert len(run("--store", f"sqlite:{path}", "--json").stdout.splitlines()) == 4
        store.commit([LeaseChange(ROWS[0], None)])
        assert len(run("--store", f"sqlite:{path}", "--json").stdout.splitlines()) == 3
        store.commit([LeaseChange(None, ROWS[0])])


def test_a_terminal_that_knows_ascii_alone_gets_escapes(path: Path) -> None:
    command = [sys.executable, "-m", "dhcpcallout", "leases", "list", "--store", f"sqlite:{path}"]
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    printed = subprocess.run(command, capture_output=True, check=True, env=environment).stdout
    assert printed.endswith(b"\\x1b[31m\\udcff \\xe9\\u202e[red]\n")


def test_a_store_that_cannot_be_read_is_an_error_and_makes_no_file(tmp_path: Path) -> None:
    result = run("--store", f"sqlite:{tmp_path}/leases.db")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "no server has made the file yet" in result.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments", [[], ["-c", "dhcp.toml", "--store", "sqlite:leases.db"]])
def test_the_store_must_be_named_once(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert "either --config or --store" in result.stderr


def test_the_configuration_file_names_the_store_relative_to_its_own_folder(path: Path) -> None:
    config = path.with_name("dhcp.toml")
    config.write_text(
        'server.listen = ["127.0.0.1:6767"]\nleases.store = "sqlite:leases.db"\n'
        '[[subnet]]\nnetwork = "10.0.0.0/8"\npools = ["10.1.0.0-10.1.0.9"]\n'
    )
    result = run("-c", str(config))
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 5


def test_mistakes_in_the_configuration_file_end_with_status_2(tmp_path: Path) -> None:
    config = tmp_path / "dhcp.toml"
    config.write_text("leases.stroe = 'memory:'")
    result = run("--config", str(config))
    assert result.exit_code == 2
    assert f"{config}:1: leases.stroe" in result.stderr


# Commands other than list

DATA = Path(__file__).parents[1] / "data" / "leases"
CONFIGURATION = """
server.listen = ["127.0.0.1:0"]
leases.store = "sqlite:leases.db"
[[subnet]]
network = "10.0.0.0/8"
pools = ["10.1.0.0-10.2.255.254"]
lease-time = 4000
[[subnet]]
network = "192.0.2.0/24"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    config = tmp_path / "dhcp.toml"
    config.write_text(CONFIGURATION)
    return config


def printed(config: Path) -> list[dict[str, Any]]:
    result = leases("list", "-c", str(config), "--json")
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.parametrize(
    ("arguments", "addresses"),
    [
        (["10.0.0.2"], ["10.0.0.2"]),
        (["--hw-address", "00:0C:01:02:03:04"], ["10.0.0.1"]),
        (["--hw-address", "00-0c-01-02-03-05"], ["10.0.0.2"]),
        (["--client-id", "ff:fe"], ["10.0.0.2"]),
        (["--client-id", "01000c01020304"], ["10.0.0.1"]),
        (["--hostname", "PRINTER"], ["10.0.0.1"]),
        (["10.0.0.1", "--hostname", "printer", "--hw-address", "0:c:1:2:3:4"], ["10.0.0.1"]),
    ],
)
def test_get_finds_leases_by_what_they_have(arguments: list[str], addresses: list[str], path: Path) -> None:
    result = leases("get", *arguments, "--store", f"sqlite:{path}", "--json")
    assert result.exit_code == 0, result.stderr
    assert [json.loads(line)["address"] for line in result.stdout.splitlines()] == addresses
    table = leases("get", *arguments, "--store", f"sqlite:{path}")
    assert table.stdout.splitlines()[1].startswith(addresses[0])


def test_get_ends_with_1_where_there_is_nothing_and_with_2_where_nothing_is_asked(path: Path) -> None:
    nothing = leases("get", "10.0.0.9", "--store", f"sqlite:{path}")
    assert (nothing.exit_code, nothing.stdout, nothing.stderr) == (1, "", "dhcpcallout: there is no such lease\n")
    for wrong in ([], ["10.0.0"], ["--hw-address", "xx"], ["--client-id", "1:2:345"]):
        assert leases("get", *wrong, "--store", f"sqlite:{path}").exit_code == 2


def test_add_and_delete_change_the_store(config: Path) -> None:
    given = ["--hw-address", "02:00:00:00:00:01", "--hostname", "printer", "--lease-time", "never", "-c", str(config)]
    result = leases("add", "10.1.0.7", *given)
    assert (result.exit_code, result.stdout) == (0, "10.1.0.7 added\n"), result.stderr
    (lease,) = printed(config)
    assert (lease["hardware-address"], lease["client-key"]) == ("02:00:00:00:00:01", "01:02:00:00:00:00:01")
    assert (lease["hostname"], lease["expires"], lease["state"]) == ("printer", None, "active")
    again = leases("add", "10.1.0.7", "--client-id", "ff:01", "-c", str(config))
    assert (again.exit_code, "10.1.0.7 is in use" in again.stderr) == (1, True)
    assert leases("add", "10.1.0.7", "--client-id", "ff:01", "--replace", "-c", str(config)).exit_code == 0
    (lease,) = printed(config)
    assert (lease["hardware-type"], lease["client-key"], lease["expires"]) == (0, "ff:01", lease["starts"] + 3601)
    deleted = leases("delete", "10.1.0.7", "-c", str(config))
    assert (deleted.exit_code, deleted.stdout) == (0, "10.1.0.7 deleted\n")
    assert printed(config) == []
    gone = leases("delete", "10.1.0.7", "-c", str(config))
    assert (gone.exit_code, gone.stderr) == (1, "dhcpcallout: there is no lease of 10.1.0.7\n")


@pytest.mark.parametrize(
    ("arguments", "status", "problem"),
    [
        (["10.1.0.7"], 2, "whose lease is it to be"),
        (["10.1.0.777", "--client-id", "ff"], 2, "not an IPv4 address"),
        (["10.1.0.7", "--client-id", "zz"], 2, "not hexadecimal"),
        (["10.1.0.7", "--client-id", "ff", "--lease-time", "soon"], 2, "not a number of seconds"),
        (["10.1.0.7", "--client-id", "ff", "--lease-time", "0"], 2, "not a number of seconds"),
        (["10.1.0.7", "--hw-address", "00" * 17], 2, "at most 16 bytes"),
        (["172.16.0.1", "--client-id", "ff"], 1, "172.16.0.1 is in no subnet of the configuration"),
    ],
)
def test_add_refuses_what_is_no_lease(arguments: list[str], status: int, problem: str, config: Path) -> None:
    result = leases("add", *arguments, "-c", str(config))
    assert result.exit_code == status
    assert problem in result.stderr
    assert not config.with_name("leases.db").exists()


def test_a_server_that_cannot_be_asked_is_an_error_of_one_line(config: Path) -> None:
    path = config.with_name("leases.db")
    with closing(SqliteStore(path)):
        for arguments in (["add", "10.1.0.7", "--client-id", "ff"], ["delete", "10.1.0.7"], ["import", os.devnull]):
            result = leases(*arguments, "-c", str(config))
            assert result.exit_code == 1
            assert "cannot be asked" in result.stderr
            assert len(result.stderr.splitlines()) == 1
        config.write_text(CONFIGURATION.replace("leases.store", 'server.control = ""\nleases.store'))
        result = leases("delete", "10.1.0.7", "-c", str(config))
        assert (result.exit_code, "control socket is off" in result.stderr) == (1, True)


def test_what_is_exported_is_imported_the_same(path: Path, tmp_path: Path) -> None:
    for kind in ("kea-csv", "json"):
        file, copy = tmp_path / f"leases.{kind}", f"sqlite:{tmp_path / kind}.db"
        assert leases("export", str(file), "--format", kind, "--store", f"sqlite:{path}").exit_code == 0
        streamed = leases("export", "-", "--format", kind, "--store", f"sqlite:{path}")
        assert streamed.stdout_bytes == file.read_bytes()
        result = leases("import", str(file), "--store", copy)
        assert (result.exit_code, result.stdout) == (0, "4 leases: 4 added, 0 replaced, 0 unchanged\n"), result.stderr
        assert list(read_leases(copy)) == ROWS
        again = leases("import", str(file), "--store", copy)
        assert (again.exit_code, again.stdout) == (0, "4 leases: 0 added, 0 replaced, 4 unchanged\n")


def test_standard_input_is_imported(path: Path, tmp_path: Path) -> None:
    copy = f"sqlite:{tmp_path}/copy.db"
    exported = leases("export", "-", "--store", f"sqlite:{path}").stdout_bytes
    command = [sys.executable, "-m", "dhcpcallout", "leases", "import", "-", "--store", copy]
    done = subprocess.run(command, input=exported, capture_output=True, check=True)
    assert done.stdout == b"4 leases: 4 added, 0 replaced, 0 unchanged\n"
    assert list(read_leases(copy)) == ROWS


def test_subnets_have_the_ids_that_kea_has_for_them(config: Path) -> None:
    for address in ("10.1.0.7", "192.0.2.7"):
        assert leases("add", address, "--client-id", "ff:01", "-c", str(config)).exit_code == 0

    def ids(*arguments: str) -> list[str]:
        result = leases("export", "-", *arguments)
        assert result.exit_code == 0, result.stderr
        return [line.split(",")[5] for line in result.stdout.splitlines()[1:]]

    store = f"sqlite:{config.with_name('leases.db')}"
    assert ids("-c", str(config)) == ["1", "2"]
    assert ids("--store", store) == ["1", "1"]
    assert ids("--store", store, "--subnet-id", "10.0.0.0/8=5", "--subnet-id", "192.0.2.0/24=9") == ["5", "9"]
    for wrong in ("5", "10.0.0.0/8", "10.0.0.0/8=x", "10.0.0.1/8=5"):
        assert leases("export", "-", "--store", store, "--subnet-id", wrong).exit_code == 2


def test_a_file_that_cannot_be_written_or_read_is_an_error_of_one_line(path: Path, tmp_path: Path) -> None:
    store = f"sqlite:{path}"
    for arguments in (["export", str(tmp_path)], ["import", str(tmp_path)], ["import", str(tmp_path / "none")]):
        result = leases(*arguments, "--store", store)
        assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    foreign = tmp_path / "foreign"
    foreign.write_text("hello")
    result = leases("import", str(foreign), "--store", store)
    assert (result.exit_code, "like no file of leases" in result.stderr) == (1, True)


@pytest.mark.parametrize(
    ("file", "summary"),
    [
        ("kea-2.2.0.csv", "18 leases: 18 added, 0 replaced, 0 unchanged\n"),
        ("dhcpd-4.4.3.leases", "10 leases: 10 added, 0 replaced, 0 unchanged\n"),
        ("dhcpd-4.4.3-epoch.leases", "12 leases: 12 added, 0 replaced, 0 unchanged\n"),
    ],
)
def test_what_other_servers_wrote_is_imported(file: str, summary: str, config: Path) -> None:
    dry = leases("import", str(DATA / file), "--dry-run", "-c", str(config))
    assert (dry.exit_code, dry.stdout) == (0, summary.replace("added", "would be added")), dry.stderr
    assert not config.with_name("leases.db").exists()
    result = leases("import", str(DATA / file), "-c", str(config))
    assert (result.exit_code, result.stdout) == (0, summary), result.stderr
    assert len(printed(config)) == int(summary.split(maxsplit=1)[0])


def test_several_files_are_read_in_their_order(config: Path) -> None:
    older, newer = str(DATA / "dhcpd-4.4.3.leases"), str(DATA / "dhcpd-4.4.3-epoch.leases")
    result = leases("import", older, newer, "-c", str(config))
    assert result.stdout == "12 leases: 12 added, 0 replaced, 0 unchanged\n"


def test_nothing_is_imported_where_a_line_is_wrong_unless_it_may_be_left_out(config: Path, tmp_path: Path) -> None:
    file = tmp_path / "kea.csv"
    text = (DATA / "kea-2.2.0.csv").read_text()
    file.write_text(text + "10.9.9.999,02,,1,2,1,0,0,,0,\n" + "\x1b[31m\n" * 30)
    result = leases("import", str(file), "-c", str(config))
    assert result.exit_code == 1
    lines = result.stderr.splitlines()
    assert lines[0] == f"{file}:28: '10.9.9.999' is not an IPv4 address"
    assert lines[-2:] == [
        "and 11 more",
        "dhcpcallout: nothing is imported: 31 mistakes; --skip-invalid leaves them out",
    ]
    assert len(lines) == 22
    assert "\x1b" not in result.stderr
    assert not config.with_name("leases.db").exists()
    result = leases("import", str(file), "--skip-invalid", "-c", str(config))
    assert result.stdout == "18 leases: 18 added, 0 replaced, 0 unchanged, 31 mistakes in the files\n"
    assert result.exit_code == 1


def test_who_has_an_address_keeps_it_unless_it_is_to_be_replaced(config: Path) -> None:
    assert leases("add", "10.9.1.13", "--client-id", "ff:01", "-c", str(config)).exit_code == 0
    config.write_text(CONFIGURATION.replace("10.0.0.0/8", "10.9.1.0/24").replace("10.1.0.0-10.2.255.254", "10.9.1.2"))
    file = str(DATA / "kea-2.2.0.csv")
    result = leases("import", file, "-c", str(config))
    assert result.exit_code == 1
    assert result.stdout == (
        "18 leases: 15 added, 0 replaced, 0 unchanged, 1 in use by other clients, 2 in no subnet of the configuration\n"
    )
    update = ["10.9.1.12", "--client-id", "ff:00:00:01:02:22:71:75:6f:5c:74:65", "--replace", "-c", str(config)]
    assert leases("add", *update).exit_code == 0
    result = leases("import", file, "-c", str(config))
    assert result.stdout == (
        "18 leases: 0 added, 0 replaced, 14 unchanged, 1 later already, 1 in use by other clients, "
        "2 in no subnet of the configuration\n"
    )
    result = leases("import", file, "--replace", "-c", str(config))
    assert result.stdout == "18 leases: 0 added, 2 replaced, 14 unchanged, 2 in no subnet of the configuration\n"


# Beside a server


class Load(threading.Thread):
    """Clients that lease and renew without pause, and what they were told."""

    def __init__(self, host: str, port: int, first: int) -> None:
        super().__init__()
        self._server = host, port
        self._first = first
        self.stopping = threading.Event()
        self.leased: dict[str, str] = {}
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            for number in range(self._first, self._first + 5000):
                if self.stopping.is_set():
                    return
                hardware_address = b"\2\0" + number.to_bytes(4, "big")
                host, port = self._server
                with Client(host, port, hardware_address=hardware_address, timeout_s=5) as client:
                    lease = client.lease()
                    self.leased[str(lease.address)] = hardware_address.hex(":")
        except Exception as error:
            self.error = error


@pytest.fixture
def serving(config: Path) -> Iterator[tuple[str, int]]:
    command = [sys.executable, "-m", "dhcpcallout", "serve", "-c", str(config)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if ready := re.search(r"ready: listening on 127\.0\.0\.1:(\d+)$", line):
            break
    else:
        pytest.fail("the server did not start")
    try:
        yield "127.0.0.1", int(ready[1])
    finally:
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=20)
        assert process.returncode == 0
        assert "Traceback" not in log


@pytest.mark.skipif(not HAS_UNIX_SOCKETS, reason="this system has no Unix sockets")
def test_leases_are_changed_beside_a_server_under_load(config: Path, serving: tuple[str, int], tmp_path: Path) -> None:
    loads = [Load(*serving, first) for first in (100_000, 200_000)]
    for load in loads:
        load.start()
    mine = "02:ff:00:00:00:01"
    try:
        for turn in range(3):
            address = f"10.2.0.{turn}"
            added = leases("add", address, "--hw-address", mine, "--lease-time", "7200", "-c", str(config))
            assert (added.exit_code, added.stdout) == (0, f"{address} added\n"), added.stderr
            assert leases("add", address, "--client-id", "ff:01", "-c", str(config)).exit_code == 1
            found = leases("get", address, "--json", "-c", str(config))
            assert json.loads(found.stdout)["hardware-address"] == mine
            assert leases("delete", address, "-c", str(config)).exit_code == 0
            assert leases("get", address, "-c", str(config)).exit_code == 1
            assert leases("delete", address, "-c", str(config)).exit_code == 1
        refused = leases("add", "192.0.3.1", "--hw-address", mine, "--store", f"sqlite:{config.with_name('leases.db')}")
        assert (refused.exit_code, "is in no subnet" in refused.stderr) == (1, True)
        file = tmp_path / "many.csv"
        starts = int(time.time())
        many = [
            Lease(0x0A030000 + n, b"\1\2%d" % n, 1, b"\2\3", 0, starts, starts + 9999, f"n{n}") for n in range(3000)
        ]
        file.write_bytes(b"".join(write_csv([*many, many[0]._replace(address_int=0xC0000301)], SubnetIds({}))))
        result = leases("import", str(file), "--store", f"sqlite:{config.with_name('leases.db')}")
        assert result.stdout == "3001 leases: 3000 added, 0 replaced, 0 unchanged, 1 refused by the server\n"
        assert "192.0.3.1: 192.0.3.1 is in no subnet" in result.stderr
        again = leases("import", str(file), "-c", str(config))
        assert again.stdout == "3001 leases: 0 added, 0 replaced, 3000 unchanged, 1 in no subnet of the configuration\n"
    finally:
        for load in loads:
            load.stopping.set()
        for load in loads:
            load.join()
    assert [load.error for load in loads] == [None, None]
    stored = {lease["address"]: lease for lease in printed(config)}
    leased = loads[0].leased | loads[1].leased
    assert len(leased) == len(loads[0].leased) + len(loads[1].leased) > 2
    assert {address: stored[address]["hardware-address"] for address in leased} == leased
    assert stored["10.3.11.183"]["hostname"] == "n2999"
    assert len(stored) == len(leased) + 3000


@pytest.mark.skipif(not HAS_UNIX_SOCKETS, reason="this system has no Unix sockets")
def test_a_lease_that_is_added_beside_a_server_is_given_to_its_client(config: Path, serving: tuple[str, int]) -> None:
    mine = b"\2\xff\0\0\0\1"
    assert leases("add", "10.1.9.9", "--hw-address", mine.hex(), "-c", str(config)).exit_code == 0
    with Client(*serving, hardware_address=mine, timeout_s=5) as client:
        assert str(client.lease().address) == "10.1.9.9"


@pytest.mark.skipif(not HAS_UNIX_SOCKETS, reason="this system has no Unix sockets")
def test_a_server_that_keeps_leases_in_memory_is_asked_by_its_control_socket(config: Path) -> None:
    config.write_text(
        CONFIGURATION.replace('"sqlite:leases.db"', '"memory:"').replace(
            "leases.store", 'server.control = "c"\nleases.store'
        )
    )
    command = [sys.executable, "-m", "dhcpcallout", "serve", "-c", str(config)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        assert any("ready: " in line for line in process.stderr)
        assert leases("add", "10.1.9.9", "--client-id", "ff:01", "-c", str(config)).exit_code == 0
        assert leases("delete", "10.1.9.9", "-c", str(config)).exit_code == 0
        result = leases("import", str(DATA / "kea-2.2.0.csv"), "-c", str(config))
        assert result.stdout == "18 leases: 18 added, 0 replaced, 0 unchanged\n"
    finally:
        process.terminate()
        process.communicate(timeout=20)


@pytest.mark.skipif(not HAS_UNIX_SOCKETS, reason="this system has no Unix sockets")
def test_what_was_changed_beside_a_server_is_there_after_it_was_killed(config: Path) -> None:
    command = [sys.executable, "-m", "dhcpcallout", "serve", "-c", str(config)]
    for turn in range(2):
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        assert any("ready: " in line for line in process.stderr)
        added = leases("add", f"10.1.0.{turn}", "--client-id", "ff:01", "-c", str(config))
        process.kill()
        process.communicate(timeout=20)
        assert added.exit_code == 0, added.stderr
        assert len(printed(config)) == turn + 1
    assert config.with_name("leases.db-control").is_socket()  # which nobody listens on any more
    assert leases("delete", "10.1.0.0", "-c", str(config)).exit_code == 0
    assert [lease["address"] for lease in printed(config)] == ["10.1.0.1"]


@pytest.mark.parametrize("file", ["kea-2.2.0.csv", "dhcpd-4.4.3-epoch.leases"])
def test_clients_keep_the_addresses_that_another_server_gave_them(file: str, config: Path, tmp_path: Path) -> None:
    config.write_text(CONFIGURATION.replace("10.1.0.0-10.2.255.254", "10.9.1.0-10.9.1.250"))
    passed_s = int(time.time()) - 1795369500  # the server wrote the file just before
    text = (DATA / file).read_text()
    shifted = tmp_path / file
    shifted.write_text(re.sub(r"\b1795\d{6}\b", lambda found: str(int(found[0]) + passed_s), text))
    assert leases("import", str(shifted), "-c", str(config)).exit_code == 0
    command = [sys.executable, "-m", "dhcpcallout", "serve", "-c", str(config)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        ready = next(found for line in process.stderr if (found := re.search(r"ready: .*:(\d+)$", line)))
        for number, address in ((1, "10.9.1.10"), (5, "10.9.1.14"), (8, None)):
            with Client("127.0.0.1", int(ready[1]), hardware_address=b"\2\0\0\0\0" + bytes((number,))) as client:
                leased = client.lease()
                assert address in (None, str(leased.address))
                assert str(leased.address) != "10.9.1.16"  # which was declined
    finally:
        process.terminate()
        process.communicate(timeout=20)
