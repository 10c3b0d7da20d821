"""``dhcpcallout leases list``."""

import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from dhcpcallout.cli import app
from dhcpcallout.codes import INFINITE
from dhcpcallout.leases import Lease, LeaseChange, LeaseState
from dhcpcallout.stores import SqliteStore

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


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["leases", "list", *arguments])


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
