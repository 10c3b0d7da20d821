"""Real DHCP clients, a relay and testers over an Ethernet link: network namespaces joined by veth pairs."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import pytest

DHCPCALLOUT = [sys.executable, "-m", "dhcpcallout"]
PATIENCE_S = 25
FIRST, ELSEWHERE = "10.99.0.100", "10.98.0.100"
Require = Callable[..., None]


def ip(*arguments: str, check: bool = True) -> None:
    subprocess.run(["ip", *arguments], check=check, capture_output=True, text=True)


def run_in(namespace: str, *command: str, timeout_s: float = 40) -> subprocess.CompletedProcess[str]:
    """Run a command in a network namespace to its end; its output and errors together."""
    return subprocess.run(
        ["ip", "netns", "exec", namespace, *command],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout_s,
    )


def kill_all_in(namespace: str) -> None:
    """Kill every process in a network namespace."""
    pids = subprocess.run(["ip", "netns", "pids", namespace], check=False, capture_output=True, text=True)
    for pid in pids.stdout.split():
        with suppress(ProcessLookupError):  # it ended with its parent
            os.kill(int(pid), signal.SIGKILL)


class Process:
    """A command that runs in a network namespace, and what it prints."""

    started: ClassVar[list["Process"]] = []

    def __init__(self, namespace: str, *command: str) -> None:
        self._process = subprocess.Popen(
            ["ip", "netns", "exec", namespace, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.printed = ""
        self.started.append(self)

    def wait_for(self, pattern: str) -> str:
        """Read on to the first line that has the pattern; a process that does not print one in time is killed."""
        assert self._process.stdout is not None
        too_late = threading.Timer(PATIENCE_S, self._process.kill)
        too_late.start()
        try:
            for line in self._process.stdout:
                self.printed += line
                if re.search(pattern, line):
                    return line
        finally:
            too_late.cancel()
        raise AssertionError(f"no line has {pattern!r} in:\n{self.printed}")

    def tell(self, number: int) -> None:
        self._process.send_signal(number)

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; the exit status."""
        self._process.send_signal(number)
        status = self._process.wait(timeout=20)
        self.close()
        return status

    def close(self) -> None:
        """Kill it if it still runs, and read no more of it: a child of its own may keep the pipe open."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


class Server:
    """A server on the first namespace's end of the link."""

    def __init__(self, namespace: str, folder: Path) -> None:
        self._namespace = namespace
        self.file = folder / "dhcp.toml"
        self.network("10.99.0")

    def network(self, prefix: str, renew_time_s: int = 300) -> None:
        """Serve another network from the next start on."""
        self.file.write_text(
            f"""
[server]
interfaces = ["veth-srv"]
authoritative = true
[leases]
store = "sqlite:leases-{prefix}.db"
[[subnet]]
network = "{prefix}.0/24"
interface = "veth-srv"
pools = ["{prefix}.100-{prefix}.150"]
lease-time = 600
renew-time = {renew_time_s}
options = {{ routers = ["{prefix}.1"], domain-name-servers = ["{prefix}.53"] }}
[[subnet]]
network = "10.97.0.0/24"
pools = ["10.97.0.100-10.97.0.150"]
options = {{ routers = ["10.97.0.1"] }}
"""
        )

    def start(self, *through: str) -> None:
        """Start it, through another program if one is named."""
        self._process = Process(self._namespace, *through, *DHCPCALLOUT, "serve", "-c", str(self.file))
        self._process.wait_for(" ready: ")

    def stop(self) -> None:
        assert self._process.end() == 0, self._process.printed

    def restart(self, number: int = signal.SIGTERM) -> None:
        self._process.end(number)
        self.start()

    def leases(self) -> dict[str, str]:
        """The state of each address on disk."""
        command = [*DHCPCALLOUT, "leases", "list", "-c", str(self.file), "--json"]
        listed = subprocess.run(command, check=True, capture_output=True, text=True)
        rows = map(json.loads, listed.stdout.splitlines())
        return {row["address"]: row["state"] for row in rows}


@pytest.fixture
def namespaces(require_system: Require) -> Iterator[tuple[str, str]]:
    """Two network namespaces with a link between them: 10.99.0.1 on the server's end, nothing on the client's."""
    require_system("ip", root=True)
    server, client = (f"dhcpcallout-{name}-{os.getpid()}" for name in ("srv", "cli"))
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
        for process in Process.started:
            process.close()
        Process.started.clear()
        kill_all_in(server)
        kill_all_in(client)
        ip("netns", "del", server)
        ip("netns", "del", client, check=False)


@pytest.fixture
def server(namespaces: tuple[str, str], tmp_path: Path) -> Iterator[Server]:
    """A server that serves 10.99.0.0/24 on the link, and relayed clients from 10.97.0.0/24."""
    serving = Server(namespaces[0], tmp_path)
    serving.start()
    yield serving
    serving.stop()


def test_udhcpc_leases_renews_over_a_killed_servers_restart_and_releases(
    namespaces: tuple[str, str], server: Server, require_system: Require, tmp_path: Path
) -> None:
    require_system("udhcpc")
    script = tmp_path / "script"
    # The address must be there for the client to hear a unicast answer to its renewal.
    script.write_text(
        '#!/bin/sh\n[ -z "$ip" ] || ip addr replace $ip/24 dev $interface\n'
        'echo "$1 ip=$ip router=$router dns=$dns lease=$lease"\n'
    )
    script.chmod(0o755)
    client = Process(namespaces[1], "udhcpc", "-i", "veth-cli", "-f", "-t", "3", "-T", "2", "-s", str(script))
    client.wait_for("^bound ip=10.99.0.100 router=10.99.0.1 dns=10.99.0.53 lease=600")
    assert server.leases() == {FIRST: "active"}
    server.restart(signal.SIGKILL)
    client.tell(signal.SIGUSR1)
    client.wait_for("^renew ip=10.99.0.100 ")
    client.tell(signal.SIGUSR2)
    client.wait_for("^deconfig ")
    client.end()
    server.stop()
    assert server.leases() == {FIRST: "released"}
    server.start()


def test_without_a_raw_socket_a_client_is_answered_by_broadcast(
    namespaces: tuple[str, str], server: Server, require_system: Require
) -> None:
    require_system("udhcpc", "setpriv")
    server.stop()
    server.start("setpriv", "--bounding-set=-net_raw")
    got = run_in(namespaces[1], "udhcpc", "-i", "veth-cli", "-f", "-n", "-q", "-t", "3", "-T", "2", "-s", "/bin/true")
    assert "lease of 10.99.0.100 obtained" in got.stdout, got.stdout


def test_dhclient_leases_renews_releases_and_is_refused_a_wrong_address(
    namespaces: tuple[str, str], server: Server, require_system: Require, tmp_path: Path
) -> None:
    require_system("dhclient")
    server.network("10.99.0", renew_time_s=2)
    server.restart()
    database, pid = tmp_path / "client.leases", tmp_path / "client.pid"
    database.touch()
    # dhclient configures through its script; the address must be there for it to renew by unicast.
    script = tmp_path / "script"
    script.write_text('#!/bin/sh\n[ -z "$new_ip_address" ] || ip addr replace $new_ip_address/24 dev $interface\n')
    script.chmod(0o755)
    files = ["-lf", str(database), "-pf", str(pid), "-cf", "/dev/null", "-sf", str(script)]
    client = Process(namespaces[1], "dhclient", "-d", *files, "veth-cli")
    client.wait_for("DHCPACK of 10.99.0.100 from 10.99.0.1")
    client.wait_for("bound to 10.99.0.100")
    client.wait_for("DHCPACK of 10.99.0.100 from 10.99.0.1")
    client.end()
    server.network("10.98.0")
    server.restart()
    client = Process(namespaces[1], "dhclient", "-d", *files, "veth-cli")
    client.wait_for("DHCPREQUEST for 10.99.0.100 on veth-cli to 255.255.255.255")
    client.wait_for("DHCPNAK from 10.99.0.1")
    client.wait_for("DHCPACK of 10.98.0.100 from 10.99.0.1")
    client.wait_for("bound to 10.98.0.100")
    client.end()
    assert server.leases() == {ELSEWHERE: "active"}
    ip("-n", namespaces[1], "route", "add", "10.99.0.1", "dev", "veth-cli", check=False)
    ip("-n", namespaces[0], "route", "add", "10.98.0.0/24", "dev", "veth-srv")
    released = run_in(namespaces[1], "dhclient", "-r", "-v", *files, "veth-cli")
    assert "DHCPRELEASE of 10.98.0.100" in released.stdout


def test_dhcpcd_leases_renews_releases_and_is_refused_a_wrong_address(
    namespaces: tuple[str, str], server: Server, require_system: Require, tmp_path: Path
) -> None:
    require_system("dhcpcd")
    configuration = tmp_path / "dhcpcd.conf"
    configuration.write_text("hostname dhcpcd-test\nduid\n")
    command = ["dhcpcd", "-4", "-d", "--noarp", "-f", str(configuration), "-c", "/bin/true", "veth-cli"]
    lease_file = Path("/var/lib/dhcpcd/veth-cli.lease")
    try:
        server.network("10.99.0", renew_time_s=2)
        server.restart()
        client = Process(namespaces[1], *command, "-B")
        client.wait_for("leased 10.99.0.100 for 600 seconds")
        client.wait_for("renewing lease of 10.99.0.100")
        client.wait_for("acknowledged 10.99.0.100 from 10.99.0.1")
        kill_all_in(namespaces[1])  # dhcpcd gives its processes up slowly otherwise
        server.restart()
        client = Process(namespaces[1], *command, "-B")
        client.wait_for("rebinding lease of 10.99.0.100")
        client.wait_for("acknowledged 10.99.0.100 from 10.99.0.1")
        kill_all_in(namespaces[1])
        server.network("10.98.0")
        server.restart()
        client = Process(namespaces[1], *command, "-B")
        client.wait_for("NAK.* from 10.99.0.1")
        client.wait_for("leased 10.98.0.100 for 600 seconds")
        ip("-n", namespaces[1], "route", "add", "10.99.0.1", "dev", "veth-cli", check=False)
        ip("-n", namespaces[0], "route", "add", "10.98.0.0/24", "dev", "veth-srv")
        client.tell(signal.SIGALRM)
        client.wait_for("sending RELEASE")
        server.stop()
        assert server.leases() == {ELSEWHERE: "released"}
        server.start()
    finally:
        lease_file.unlink(missing_ok=True)


def test_nmap_finds_the_server(namespaces: tuple[str, str], server: Server, require_system: Require) -> None:
    require_system("nmap")
    ip("-n", namespaces[1], "addr", "add", "10.99.0.2/24", "dev", "veth-cli")  # nmap uses no interface without
    script = ["--script", "broadcast-dhcp-discover", "--script-args", "broadcast-dhcp-discover.timeout=3"]
    found = run_in(namespaces[1], "nmap", "-e", "veth-cli", *script)
    for line in ("IP Offered: 10.99.0.100", "DHCPOFFER", "Router: 10.99.0.1", "Server Identifier: 10.99.0.1"):
        assert line in found.stdout, found.stdout


def test_perfdhcp_gets_its_exchanges(namespaces: tuple[str, str], server: Server, require_system: Require) -> None:
    require_system("perfdhcp")
    ip("-n", namespaces[1], "addr", "add", "10.99.0.2/24", "dev", "veth-cli")
    told = run_in(namespaces[1], "perfdhcp", "-4", "-l", "veth-cli", "-r", "20", "-R", "20", "-n", "20", "10.99.0.1")
    received = [int(number) for number in re.findall(r"received packets: (\d+)", told.stdout)]
    assert len(received) == 2, told.stdout
    assert min(received) >= 18, told.stdout
    assert len(server.leases()) == received[1]


def test_dhcrelay_passes_a_client_of_another_segment_on(
    namespaces: tuple[str, str], server: Server, require_system: Require, tmp_path: Path
) -> None:
    require_system("dhcrelay", "udhcpc")
    far = f"dhcpcallout-far-{os.getpid()}"
    ip("netns", "add", far)
    try:
        middle = namespaces[1]
        ip("-n", middle, "addr", "add", "10.99.0.2/24", "dev", "veth-cli")
        ip("-n", middle, "link", "add", "veth-mid", "type", "veth", "peer", "name", "veth-far", "netns", far)
        ip("-n", middle, "addr", "add", "10.97.0.1/24", "dev", "veth-mid")
        ip("-n", middle, "link", "set", "veth-mid", "up")
        ip("-n", middle, "link", "set", "lo", "up")
        ip("-n", far, "link", "set", "veth-far", "up")
        ip("-n", namespaces[0], "route", "add", "10.97.0.0/24", "via", "10.99.0.2")
        relay = Process(middle, "dhcrelay", "-4", "-d", "-a", "-id", "veth-mid", "-iu", "veth-cli", "10.99.0.1")
        relay.wait_for("Sending on   Socket/fallback")
        script = tmp_path / "script"
        script.write_text('#!/bin/sh\necho "$1 ip=$ip router=$router"\n')
        script.chmod(0o755)
        got = run_in(far, "udhcpc", "-i", "veth-far", "-f", "-n", "-q", "-t", "3", "-T", "2", "-s", str(script))
        relay.end()
        assert "bound ip=10.97.0.100 router=10.97.0.1" in got.stdout, got.stdout + relay.printed
    finally:
        ip("netns", "del", far)


def test_the_projects_own_client_leases_on_the_standard_ports(namespaces: tuple[str, str], server: Server) -> None:
    ip("-n", namespaces[1], "addr", "add", "10.99.0.2/24", "dev", "veth-cli")
    got = run_in(namespaces[1], *DHCPCALLOUT, "request", "10.99.0.1", "--mac", "02:00:00:00:00:07", "--json")
    assert json.loads(got.stdout)["address"] == FIRST
    assert server.leases() == {FIRST: "active"}
