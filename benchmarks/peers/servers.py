"""The servers: how each is configured and started, and what the kernel tells of it while it runs."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from .network import CLIENT, INTERFACE, SERVER, Network

__all__ = ["BASELINE", "SERVERS", "Running", "Server", "ServerError", "serving"]

ROOT = Path(__file__).parents[2]

FIRST, LAST = "10.1.0.0", "10.200.255.254"
"""The pool, within 10.0.0.0/8."""

LEASE_S = 4000
START_S = 60.0
STOP_S = 60.0

_TICKS = os.sysconf("SC_CLK_TCK")


class ServerError(Exception):
    """A server does not serve."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server to measure.

    Attributes:
        name: What the command line calls it.
        title: What the table calls it.
        program: What has to be installed; "" for nothing.
        package: The Debian package that has it.
        command: Writes what it needs into a folder, and gives the command that serves in the foreground.
        environment: What its environment has besides this process's; ``{folder}`` stands for that folder.
    """

    name: str
    title: str
    program: str
    package: str
    command: Callable[[Path], list[str]]
    environment: Mapping[str, str] = field(default_factory=dict)


# ISC Kea, memfile


def _kea(folder: Path, *, threads: bool) -> list[str]:
    document = {
        "Dhcp4": {
            "interfaces-config": {"interfaces": [INTERFACE]},
            "lease-database": {
                "type": "memfile",
                "persist": True,
                "name": str(folder / "leases.csv"),
                "lfc-interval": 0,
            },
            "multi-threading": {"enable-multi-threading": threads},
            "valid-lifetime": LEASE_S,
            "subnet4": [{"id": 1, "subnet": "10.0.0.0/8", "pools": [{"pool": f"{FIRST}-{LAST}"}]}],
            "loggers": [{"name": "kea-dhcp4", "severity": "WARN", "output_options": [{"output": "stderr"}]}],
        }
    }
    path = folder / "kea.json"
    path.write_text(json.dumps(document, indent=1))
    return ["kea-dhcp4", "-c", str(path)]


def _kea_single(folder: Path) -> list[str]:
    return _kea(folder, threads=False)


def _kea_multi(folder: Path) -> list[str]:
    return _kea(folder, threads=True)


_KEA_FOLDERS = {"KEA_PIDFILE_DIR": "{folder}", "KEA_LOCKFILE_DIR": "{folder}"}


# dhcpcallout


def _ours(folder: Path, store: str, more: str = "") -> list[str]:
    path = folder / "dhcpcallout.toml"
    path.write_text(
        f'[server]\ninterfaces = ["{INTERFACE}"]\n\n[leases]\nstore = "{store}"\n\n{more}'
        f'[[subnet]]\nnetwork = "10.0.0.0/8"\npools = ["{FIRST}-{LAST}"]\nlease-time = {LEASE_S}\n'
    )
    return [sys.executable, "-m", "dhcpcallout", "serve", "-c", str(path), "--log-level", "warning"]


def _memory(folder: Path) -> list[str]:
    return _ours(folder, "memory:")


def _sqlite(folder: Path) -> list[str]:
    return _ours(folder, "sqlite:leases.db")


# What no server can be faster than


def _bare_loop(_folder: Path) -> list[str]:
    return [sys.executable, "-m", f"{__package__}.bare_loop"]


SERVERS = (
    Server("kea", "Kea, memfile, one thread", "kea-dhcp4", "kea-dhcp4-server", _kea_single, _KEA_FOLDERS),
    Server("kea-mt", "Kea, memfile, threads", "kea-dhcp4", "kea-dhcp4-server", _kea_multi, _KEA_FOLDERS),
    Server("ours-memory", "dhcpcallout, memory", "", "", _memory),
    Server("ours-sqlite", "dhcpcallout, SQLite FULL", "", "", _sqlite),
    Server("bare-loop", "a bare loop in Python", "", "", _bare_loop, {"PYTHONPATH": str(ROOT)}),
)

BASELINE = "kea"
"""The server that the others are compared with."""


class Running:
    """A server that runs."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self._folder = Path("/proc", str(process.pid))

    @property
    def cpu_s(self) -> float:
        """The processor's time that it and its children have had so far."""
        return sum(self._cpu_s(folder) for folder in self._tree())

    @property
    def resident_bytes(self) -> int:
        """What of it and its children is in RAM; what they share counts once for each."""
        pages = sum(int((folder / "statm").read_text().split()[1]) for folder in self._tree())
        return pages * os.sysconf("SC_PAGE_SIZE")

    def packets(self) -> tuple[int, int]:
        """How many packets the server's namespace has received and sent."""
        for line in (self._folder / "net/dev").read_text().splitlines():
            name, _, numbers = line.partition(":")
            if name.strip() == INTERFACE:
                values = numbers.split()
                return int(values[1]), int(values[9])
        raise RuntimeError(f"{INTERFACE} is gone")

    @staticmethod
    def _cpu_s(folder: Path) -> float:
        after_name = (folder / "stat").read_text().rpartition(")")[2].split()
        return (int(after_name[11]) + int(after_name[12])) / _TICKS

    def _tree(self) -> Iterator[Path]:
        waiting = [self._folder]
        while waiting:
            folder = waiting.pop()
            yield folder
            for children in (folder / "task").glob("*/children"):
                waiting += [Path("/proc", pid) for pid in children.read_text().split()]


@contextmanager
def serving(server: Server, network: Network, core: int, folder: Path) -> Iterator[Running]:
    """Start a server on one core, without any lease, and wait until it makes an offer; stop it in the end.

    Raises:
        ServerError: It makes none. The message has the end of its log.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    environment = {name: text.format(folder=folder) for name, text in server.environment.items()}
    environment |= os.environ
    log = folder / "log"
    with log.open("wb") as out:
        process = network.start(
            network.server, core, server.command(folder), cwd=folder, env=environment, stdout=out, stderr=out
        )
    try:
        knock = [sys.executable, "-m", f"{__package__}.knock", CLIENT, SERVER, str(START_S)]
        command = ["ip", "netns", "exec", network.client, *knock]
        knocking = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
        while knocking.poll() is None:
            if process.poll() is not None:
                knocking.kill()
            time.sleep(0.01)
        if knocking.returncode or process.poll() is not None:
            raise ServerError(f"{server.title} makes no offer: {log.read_text(errors='replace').strip()[-1000:]}")
        yield Running(process)
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
