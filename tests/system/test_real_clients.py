"""Real DHCP clients lease over an Ethernet link: network namespaces joined by a veth pair."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

NAMES = ("dhcpcallout-srv", "dhcpcallout-cli")
CONFIGURATION = """
[server]
interfaces = ["veth-srv"]
authoritative = true
[leases]
store = "sqlite:leases.db"
[[subnet]]
network = "10.99.0.0/24"
pools = ["10.99.0.100-10.99.0.110"]
lease-time = 600
options = { routers = ["10.99.0.1"], domain-name-servers = ["10.99.0.53"] }
"""


def ip(*arguments: str, check: bool = True) -> str:
    done = subprocess.run(["ip", *arguments], check=check, capture_output=True, text=True)
    return done.stdout


def in_namespace(name: str, *command: str, timeout_s: float = 30) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["ip", "netns", "exec", name, *command], check=False, capture_output=True, text=True, timeout=timeout_s
    )


@pytest.fixture
def namespaces(require_system: Callable[..., None]) -> Iterator[tuple[str, str]]:
    """Two network namespaces with a link between them: 10.99.0.1 on the server's end, nothing on the client's."""
    require_system("ip", root=True)
    server, client = (f"{name}-{os.getpid()}" for name in NAMES)
    made = subprocess.run(["ip", "netns", "add", server], check=False, capture_output=True, text=True)
    if made.returncode:
        require_system(reason=f"no network namespaces here: {made.stderr.strip()}")
    try:
        ip("netns", "add", client)
        ip("-n", server, "link", "add", "veth-srv", "type", "veth", "peer", "name", "veth-cli", "netns", client)
        ip("-n", server, "addr", "add", "10.99.0.1/24", "dev", "veth-srv")
        ip("-n", server, "link", "set", "veth-srv", "up")
        ip("-n", server, "link", "set", "lo", "up")
        ip("-n", client, "link", "set", "veth-cli", "up")
        yield server, client
    finally:
        ip("netns", "del", server)
        ip("netns", "del", client, check=False)


@pytest.fixture
def serving(namespaces: tuple[str, str], tmp_path: Path) -> Iterator[Path]:
    """A server in the first namespace; its configuration file."""
    file = tmp_path / "dhcp.toml"
    file.write_text(CONFIGURATION)
    command = ["ip", "netns", "exec", namespaces[0], sys.executable, "-m", "dhcpcallout", "serve", "-c", str(file)]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    try:
        assert any(" ready: " in line for line in server.stderr), "the server did not start"
        yield file
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=20)
    assert server.returncode == 0


def leases(file: Path) -> list[dict[str, object]]:
    command = [sys.executable, "-m", "dhcpcallout", "leases", "list", "-c", str(file), "--json"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True)
    return [json.loads(line) for line in listed.stdout.splitlines()]


def test_udhcpc_leases_and_releases(
    namespaces: tuple[str, str], serving: Path, require_system: Callable[..., None], tmp_path: Path
) -> None:
    require_system("udhcpc")
    script = tmp_path / "script"
    script.write_text('#!/bin/sh\necho "$1 ip=$ip router=$router dns=$dns lease=$lease"\n')
    script.chmod(0o755)
    done = in_namespace(
        namespaces[1], "udhcpc", "-i", "veth-cli", "-f", "-n", "-q", "-R", "-t", "3", "-T", "2", "-s", str(script)
    )
    assert done.returncode == 0, done.stderr
    assert "bound ip=10.99.0.100 router=10.99.0.1 dns=10.99.0.53 lease=600" in done.stdout
    assert [lease["address"] for lease in leases(serving)] == ["10.99.0.100"]


def test_dhclient_leases_and_is_refused_a_wrong_address(
    namespaces: tuple[str, str], serving: Path, require_system: Callable[..., None], tmp_path: Path
) -> None:
    require_system("dhclient")
    database, pid = tmp_path / "client.leases", tmp_path / "client.pid"
    database.touch()
    files = ["-lf", str(database), "-pf", str(pid), "-cf", "/dev/null", "-sf", "/bin/true"]
    done = in_namespace(namespaces[1], "dhclient", "-1", "-v", *files, "veth-cli")
    assert "DHCPACK of 10.99.0.100 from 10.99.0.1" in done.stderr
    assert "fixed-address 10.99.0.100;" in database.read_text()
    os.kill(int(pid.read_text()), signal.SIGKILL)
    database.write_text(database.read_text().replace("10.99.0.100", "192.0.2.7"))
    done = in_namespace(namespaces[1], "dhclient", "-1", "-v", *files, "veth-cli")
    assert "DHCPNAK from 10.99.0.1" in done.stderr
    assert "DHCPACK of 10.99.0.100 from 10.99.0.1" in done.stderr
    done = in_namespace(namespaces[1], "dhclient", "-r", "-v", *files, "veth-cli")
    assert "DHCPRELEASE of 10.99.0.100" in done.stderr


def test_the_projects_own_client_leases_on_the_standard_ports(namespaces: tuple[str, str], serving: Path) -> None:
    ip("-n", namespaces[1], "addr", "add", "10.99.0.2/24", "dev", "veth-cli")
    request = [sys.executable, "-m", "dhcpcallout", "request", "10.99.0.1", "--mac", "02:00:00:00:00:07", "--json"]
    done = in_namespace(namespaces[1], *request)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["address"] == "10.99.0.100"
    assert [lease["hardware-address"] for lease in leases(serving)] == ["02:00:00:00:00:07"]
