"""The package on Windows, and Windows callouts on this system, by Wine: servers, clients and DLLs as processes."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest

from dhcpcallout import Client, Server, Subnet
from dhcpcallout.loaders import IsolatedCallout, Isolation, Registry, load_callouts

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[1] / "examples" / "callouts"
NATIVE = HERE.parent / "native"
SUBNET = """
[[subnet]]
network = "10.0.0.0/24"
pools = ["10.0.0.10-10.0.0.99"]
lease-time = 4000
"""
pytestmark = pytest.mark.timeout(300)  # a prefix is made for Wine first, on whatever machine
KEY = r"SYSTEM\CurrentControlSet\Services\DHCPServer\Parameters"
REFUSED = "00:0c:01:0b:ad:01"  # on the list of mac_filter.c

CompileDll = Callable[..., Path]


class WindowsPython(Protocol):
    """What conftest.py gives."""

    environment: dict[str, str]
    command: list[str]

    def run(self, *arguments: str, timeout_s: float = 60) -> subprocess.CompletedProcess[str]: ...
    def start(self, *arguments: str) -> "subprocess.Popen[str]": ...
    def path(self, path: Path) -> str: ...


class Serving:
    """A server process that listens, and what it has logged."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.log = ""
        assert process.stdout is not None
        for line in process.stdout:
            self.log += line
            ready = re.search(r"ready: listening on (127\.0\.0\.1:\d+)$", line)
            if ready:
                self.address = ready[1]
                return
        pytest.fail(f"the server did not start:\n{self.log}")

    def stop(self, say: str = "") -> int:
        """Tell it to stop, by what it reads or by SIGTERM; its exit status."""
        if not say:
            self.process.terminate()
        self.log += self.process.communicate(say or None, timeout=30)[0]
        return self.process.returncode


@contextmanager
def serving(process: "subprocess.Popen[str]") -> Iterator[Serving]:
    try:
        yield Serving(process)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


@contextmanager
def serving_on_windows(python: WindowsPython, config: Path) -> Iterator[Serving]:
    """A server in a console under Wine; a line to its input presses Ctrl-C there."""
    arguments = (python.path(HERE / "console.py"), "-m", "dhcpcallout", "serve", "-c", python.path(config))
    with serving(python.start(*arguments)) as server:
        yield server


@contextmanager
def serving_here(config: Path) -> Iterator[Serving]:
    command = [sys.executable, "-m", "dhcpcallout", "serve", "-c", str(config)]
    with serving(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)) as server:
        yield server


def request_here(server: Serving, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dhcpcallout", "request", server.address, "--json", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)


def leased(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    lease: dict[str, Any] = json.loads(done.stdout)
    return lease


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{name} = {toml(part)}' for name, part in value.items())} }}"
    return json.dumps(value)


def configuration(file: Path, **callouts: Any) -> Path:
    """Write a configuration file with these keys in [callouts]; its path."""
    keys = [f"{name.replace('_', '-')} = {toml(value)}" for name, value in callouts.items()]
    lines = ["[server]", 'listen = ["127.0.0.1:0"]', "[leases]", 'store = "sqlite:leases.db"', "[callouts]", *keys]
    file.write_text("\n".join(lines) + SUBNET)
    return file


def hooks_of(audit: Path) -> list[str]:
    """The names of the hooks that audit.c has written a line for, and what it says of them, without numbers."""
    return [" ".join(line.split()[1:]) for line in audit.read_text().splitlines()]


def test_a_server_on_windows_leases_to_a_client_on_windows_and_stops_at_ctrl_c(
    windows_python: WindowsPython, tmp_path: Path
) -> None:
    config = configuration(tmp_path / "dhcp.toml")
    mac = "02:00:00:00:00:0a"
    with serving_on_windows(windows_python, config) as server:
        request = ("-m", "dhcpcallout", "request", server.address, "--json", "--mac", mac, "--hostname", "pc")
        lease = leased(windows_python.run(*request))
        assert (lease["address"], lease["lease-time"]) == ("10.0.0.10", 4000)
        assert leased(request_here(server, "--release"))["address"] == "10.0.0.11"
        assert leased(request_here(server, "--mac", mac, "--renew", "10.0.0.10"))["address"] == "10.0.0.10"
        second = windows_python.run("-m", "dhcpcallout", "serve", "-c", windows_python.path(config))
        assert second.returncode == 1
        assert "in use by another server" in second.stderr
        assert server.stop(say="ctrl-c\n") == 0, server.log
    assert server.log.rstrip().endswith("stopped")
    assert "Traceback" not in server.log
    listed = windows_python.run("-m", "dhcpcallout", "leases", "list", "-c", windows_python.path(config))
    assert re.search(rf"10\.0\.0\.10 +{mac} +active .*pc", listed.stdout), listed.stderr


def test_the_windows_registry_names_the_dlls_that_a_server_on_windows_loads_or_has_a_worker_load(
    windows_python: WindowsPython, compile_dll: CompileDll, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit, refuse = compile_dll(EXAMPLES / "audit.c"), compile_dll(EXAMPLES / "mac_filter.c")
    log = tmp_path / "audit.log"
    monkeypatch.setenv("AUDIT_LOG", windows_python.path(log))
    dlls = [windows_python.path(dll) for dll in (refuse, audit)]
    write = f"""
import winreg
with winreg.CreateKey(winreg.HKEY_LOCAL_MACHINE, {KEY!r}) as key:
    winreg.SetValueEx(key, "CalloutDlls", 0, winreg.REG_MULTI_SZ, {dlls!r})
    winreg.SetValueEx(key, "CalloutEnabled", 0, winreg.REG_DWORD, 1)
"""
    remove = f"import winreg; winreg.DeleteKey(winreg.HKEY_LOCAL_MACHINE, {KEY!r})"
    config = configuration(tmp_path / "dhcp.toml", registry="windows", policy="all")
    with config.open("a") as file:
        file.write(f"[[callouts.entry]]\nname = {toml(dlls[0])}\nisolation = 'process'\n")
        file.write("worker-start-timeout = 60\ntimeout-ms = 5000\n")
    assert windows_python.run("-c", write).returncode == 0
    try:
        command = ("-m", "dhcpcallout", "callouts", "list", "-c", windows_python.path(config))
        listed = windows_python.run(*command)
        assert listed.returncode == 0, listed.stderr
        assert KEY in listed.stdout
        assert all(dll in listed.stdout for dll in dlls)
        with serving_on_windows(windows_python, config) as server:
            assert server.log.count("[1033]") == 2, server.log
            assert leased(request_here(server, "--mac", "02:00:00:00:00:0b", "--release"))["address"] == "10.0.0.10"
            assert request_here(server, "--mac", REFUSED, "--timeout", "0.1").returncode == 1
            assert server.stop(say="ctrl-c\n") == 0
            assert "ERROR" not in server.log
    finally:
        assert windows_python.run("-c", remove).returncode == 0
    assert hooks_of(log) == [
        "DhcpControlHook START",
        "DhcpNewPktHook packet 1: 300 bytes came to 127.0.0.1",
        "DhcpHandleOptionsHook packet 1: DISCOVER",
        "DhcpPktSendHook packet 1: a reply of 300 bytes",
        "DhcpPktDropHook packet 1: PROCESSED",
        "DhcpNewPktHook packet 2: 300 bytes came to 127.0.0.1",
        "DhcpHandleOptionsHook packet 2: REQUEST",
        "DhcpAddressOfferHook packet 2: 10.0.0.10 NEW, DHCP client, 4000 seconds",
        "DhcpPktSendHook packet 2: a reply of 300 bytes",
        "DhcpPktDropHook packet 2: PROCESSED",
        "DhcpNewPktHook packet 3: 300 bytes came to 127.0.0.1",
        "DhcpHandleOptionsHook packet 3: RELEASE",
        "DhcpAddressDelHook packet 3: 10.0.0.10 RELEASE",
        "DhcpDeleteClientHook 10.0.0.10 of DHCP client 02:00:00:00:00:0b",
        "DhcpPktDropHook packet 3: PROCESSED",
        # The other one refuses the next packets, one for each time that the client asks.
        *(
            line
            for packet in (4, 5, 6)
            for line in (
                f"DhcpNewPktHook packet {packet}: 300 bytes came to 127.0.0.1",
                f"DhcpPktDropHook packet {packet}: GEN_FAILURE",
                f"DhcpPktDropHook packet {packet}: PROCESSED",
            )
        ),
        "DhcpControlHook STOP",
    ]


def test_every_native_example_loads_on_windows(
    windows_python: WindowsPython, compile_dll: CompileDll, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "list").write_text("MAC_ACTION = {DENY}\n00:0c:01:0b:ad:01\n")
    monkeypatch.setenv("MAC_LIST", windows_python.path(tmp_path / "list"))
    monkeypatch.setenv("RELAY_INFO_LOG", windows_python.path(tmp_path / "relays"))
    dlls = [compile_dll(source) for source in sorted(EXAMPLES.glob("*.c*")) if source.stem != "chain"]
    paths = [windows_python.path(dll) for dll in dlls]
    load = f"""
import json
from dhcpcallout.loaders import Registry, load_callouts
loaded = load_callouts(Registry({paths!r}, 1, "all"))
print(json.dumps([[one.path, one.reason, one.callout and one.callout.name] for one in loaded.attempts]))
loaded.close()
"""
    loaded = windows_python.run("-c", load)
    assert json.loads(loaded.stdout) == [[path, "", dll.name] for path, dll in zip(paths, dlls, strict=True)]


def test_a_windows_machines_callouts_and_their_registry_serve_a_server_here(
    windows_python: WindowsPython, compile_dll: CompileDll, tmp_path: Path
) -> None:
    folder = tmp_path / "callouts"
    folder.mkdir()
    names = {"00_chain.dll": "chain.c", "audit.dll": "audit.c", "mac_filter.dll": "mac_filter.c"}
    for name, source in names.items():
        compile_dll(EXAMPLES / source).rename(folder / name)
    exported = "".join(f"C:\\Callouts\\{name}\0" for name in names) + "\0"
    (tmp_path / "callouts.reg").write_text(
        "Windows Registry Editor Version 5.00\r\n\r\n"
        f"[HKEY_LOCAL_MACHINE\\{KEY}]\r\n"
        f'"CalloutDlls"=hex(7):{exported.encode("utf-16-le").hex(",")}\r\n'
        '"CalloutEnabled"=dword:00000001\r\n',
        encoding="utf-16",
    )
    log = tmp_path / "audit.log"
    config = configuration(
        tmp_path / "dhcp.toml",
        registry="callouts.reg",
        path_map={'"C:\\\\Callouts"': str(folder)},
        isolation="process",
        worker_command=windows_python.command,
        worker_start_timeout=60,
        timeout_ms=5000,
        worker_environment=windows_python.environment | {"AUDIT_LOG": windows_python.path(log)},
    )
    with serving_here(config) as server:
        assert server.log.count("[1033]") == 1, server.log
        lease = leased(request_here(server, "--mac", "02:00:00:00:00:0b", "--release"))
        assert lease["address"] == "10.0.0.10"
        assert request_here(server, "--mac", REFUSED, "--timeout", "0.1").returncode == 1
        assert server.stop() == 0, server.log
    lines = hooks_of(log)
    assert lines[:2] == ["DhcpControlHook START", "DhcpNewPktHook packet 1: 300 bytes came to 127.0.0.1"]
    assert "DhcpAddressOfferHook packet 2: 10.0.0.10 NEW, DHCP client, 4000 seconds" in lines
    assert "DhcpDeleteClientHook 10.0.0.10 of DHCP client 02:00:00:00:00:0b" in lines
    assert "DhcpPktDropHook packet 4: GEN_FAILURE" in lines  # mac_filter.dll's doing, the last of the chain
    assert lines[-1] == "DhcpControlHook STOP"


def client_of(server: Server, last: int, hostname: str = "") -> Client:
    host, port = server.addresses[0]
    return Client(host, port, hardware_address=bytes((2, 0, 0, 0, 0, last)), hostname=hostname, timeout_s=20)


@pytest.mark.asyncio
async def test_a_windows_callout_finds_the_options_where_its_own_header_says(
    windows_python: WindowsPython, compile_dll: CompileDll, tmp_path: Path
) -> None:
    record = tmp_path / "record"
    environment = windows_python.environment | {"RECORD": windows_python.path(record)}
    isolation = Isolation(
        mode="process",
        worker_command=windows_python.command,
        start_timeout_s=60,
        environment=environment,
        timeout_ms=5000,
    )
    loaded = load_callouts(
        Registry([str(compile_dll(NATIVE / "options.c", "-include", "windows.h"))], 1, isolation=isolation)
    )
    subnet = Subnet(network="10.0.0.0/24", pools=["10.0.0.10-10.0.0.99"])
    async with Server([subnet], listen=["127.0.0.1:0"], callouts=loaded.callouts) as server:
        with client_of(server, 1, hostname="pc") as client:
            assert await asyncio.to_thread(client.lease)
    *lines, padding = record.read_text().splitlines()
    fields = dict(line.split(" ", 1) for line in lines)
    assert (fields["MessageType"], fields["SubnetMask"], fields["ClientHardwareAddress"]) == ("242", "-", "28")
    assert (fields["MachineNameLength"], fields["ClientHardwareAddressLength"]) == ("2", "6")
    assert (fields["sizeof"], padding) == ("176", "00000000")


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 # another process is waited for
            await asyncio.sleep(0.01)


@pytest.mark.asyncio
async def test_a_windows_callout_that_fails_ends_its_worker_alone(
    windows_python: WindowsPython, compile_dll: CompileDll, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in windows_python.environment.items():
        monkeypatch.setenv(name, value)  # a worker gets all that begins with WINE
    isolation = Isolation(
        mode="process", worker_command=windows_python.command, start_timeout_s=60, timeout_ms=3000, max_failures=100
    )
    registry = Registry([str(compile_dll(NATIVE / "ends.c"))], 1, isolation=isolation)
    (callout,) = load_callouts(registry).callouts
    assert isinstance(callout, IsolatedCallout)
    subnet = Subnet(network="10.0.0.0/24", pools=["10.0.0.10-10.0.0.99"])
    async with Server([subnet], listen=["127.0.0.1:0"], callouts=[callout]) as server:
        for failing in (0xE1, 0xE2, 0xE4):
            for last in (0x01, failing, 0x02):
                with client_of(server, last) as client:
                    assert await asyncio.to_thread(client.lease)
            await until(lambda: callout.pid is not None)
    assert len(callout.failures) >= 3
