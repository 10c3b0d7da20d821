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

DHCPD_LAST = "10.1.127.255"
"""ISC dhcpd makes a record of every address of its pool when it starts: a /8 takes it minutes and gigabytes."""

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
        command: Writes what it needs into a folder, and gives the command that serves in the foreground.
        program: What has to be installed; "" for nothing.
        package: The Debian package that has it.
        environment: What its environment has besides this process's; ``{folder}`` stands for that folder.
        silent: Whether it logs nothing when it starts, unless it does not do what it was configured for.
        first_rate: The exchanges a second to try first.
    """

    name: str
    title: str
    command: Callable[[Path], list[str]]
    program: str = ""
    package: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    silent: bool = False
    first_rate: int = 5000


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


def _hooks(folder: Path, more: str = "") -> list[str]:
    sdk, source = ROOT / "src" / "dhcpcallout" / "sdk", ROOT / "benchmarks" / "hooks.c"
    library = folder / "hooks.so"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", f"-I{sdk}", "-o", str(library), str(source)], check=True)
    callouts = f'[callouts]\nCalloutEnabled = 1\nCalloutDlls = ["{library}"]\n{more}\n'
    return _ours(folder, "sqlite:leases.db", callouts)


def _isolated(folder: Path) -> list[str]:
    return _hooks(folder, 'isolation = "process"\n')


# dnsmasq, ISC dhcpd, coredhcp, pydhcp


def _dnsmasq(folder: Path) -> list[str]:
    return [
        "dnsmasq",
        "--keep-in-foreground",
        "--conf-file=/dev/null",
        "--user=root",
        f"--pid-file={folder / 'pid'}",
        "--port=0",
        f"--interface={INTERFACE}",
        "--bind-interfaces",
        f"--dhcp-range={FIRST},{LAST},255.0.0.0,{LEASE_S}",
        "--dhcp-lease-max=20000000",
        f"--dhcp-leasefile={folder / 'leases'}",
        "--dhcp-authoritative",
        "--no-ping",
        "--quiet-dhcp",
    ]


def _dhcpd(folder: Path) -> list[str]:
    path, leases = folder / "dhcpd.conf", folder / "leases"
    path.write_text(
        f"authoritative;\nping-check false;\ndefault-lease-time {LEASE_S};\nmax-lease-time {LEASE_S};\n"
        f"subnet 10.0.0.0 netmask 255.0.0.0 {{ range {FIRST} {DHCPD_LAST}; }}\n"
    )
    leases.touch()
    files = ["-cf", str(path), "-lf", str(leases), "-pf", str(folder / "pid")]
    return ["dhcpd", "-4", "-f", "-q", "-user", "root", "-group", "root", *files, INTERFACE]


def _coredhcp(folder: Path) -> list[str]:
    path = folder / "coredhcp.yml"
    path.write_text(
        f"server4:\n  listen:\n    - '{SERVER}:67'\n  plugins:\n    - server_id: {SERVER}\n"
        f"    - netmask: 255.0.0.0\n    - range: {folder / 'leases.txt'} {FIRST} {LAST} {LEASE_S}s\n"
    )
    return ["coredhcp", "--conf", str(path), "--loglevel", "error"]


def _pydhcp(_folder: Path) -> list[str]:
    environment = ROOT / "build" / "peers" / "venv"
    if not (environment / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", environment], check=True)
        subprocess.run([environment / "bin" / "pip", "install", "-qq", "pydhcp"], check=True)
        (environment / "ready").touch()
    return [str(environment / "bin" / "python"), str(Path(__file__).with_name("pydhcp_server.py"))]


# What no server can be faster than


def _bare_loop(_folder: Path) -> list[str]:
    return [sys.executable, "-m", f"{__package__}.bare_loop"]


SERVERS = (
    Server(
        "kea",
        "Kea, memfile, one thread",
        program="kea-dhcp4",
        package="kea-dhcp4-server",
        command=_kea_single,
        environment=_KEA_FOLDERS,
        first_rate=10000,
    ),
    Server(
        "kea-mt",
        "Kea, memfile, threads",
        program="kea-dhcp4",
        package="kea-dhcp4-server",
        command=_kea_multi,
        environment=_KEA_FOLDERS,
        first_rate=10000,
    ),
    Server("ours-memory", "dhcpcallout, memory", _memory, silent=True),
    Server("ours-sqlite", "dhcpcallout, SQLite FULL", _sqlite, silent=True),
    Server("ours-hooks", "dhcpcallout, SQLite FULL, native callout", _hooks, "cc", "gcc libc6-dev", silent=True),
    Server("ours-isolated", "the same, isolated", _isolated, "cc", "gcc libc6-dev", silent=True, first_rate=2000),
    Server("dnsmasq", "dnsmasq", _dnsmasq, "dnsmasq", "dnsmasq-base", first_rate=300),
    Server("dhcpd", "ISC dhcpd", _dhcpd, "dhcpd", "isc-dhcp-server", first_rate=1000),
    Server("coredhcp", "coredhcp", _coredhcp, "coredhcp", "coredhcp-server", first_rate=1000),
    Server("pydhcp", "pydhcp, memory", _pydhcp, first_rate=1500),
    Server("bare-loop", "a bare loop in Python", _bare_loop, environment={"PYTHONPATH": str(ROOT)}, first_rate=20000),
)

BASELINE = "kea"
"""The server that the others are compared with."""


class Running:
    """A server that runs.

    Attributes:
        process: Its process.
        start_s: How long it took until it made its first offer.
    """

    def __init__(self, process: subprocess.Popen[bytes], start_s: float) -> None:
        self.process = process
        self.start_s = start_s
        self._folder = Path("/proc", str(process.pid))

    def cpu_s(self) -> tuple[float, float]:
        """The processor's time that it and its children have had so far, and what of that was spent in the kernel."""
        times = [self._cpu_s(folder) for folder in self._tree()]
        return sum(user_s + kernel_s for user_s, kernel_s in times), sum(kernel_s for _, kernel_s in times)

    @property
    def resident_bytes(self) -> int:
        """What of it and its children is in RAM; what they share counts once for each."""
        pages = sum(int((folder / "statm").read_text().split()[1]) for folder in self._tree())
        return pages * os.sysconf("SC_PAGE_SIZE")

    @property
    def peak_bytes(self) -> int:
        """The most memory of it, without its children, that was ever in RAM."""
        status = (self._folder / "status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024

    def packets(self) -> tuple[int, int]:
        """How many packets the server's namespace has received and sent."""
        for line in (self._folder / "net/dev").read_text().splitlines():
            name, _, numbers = line.partition(":")
            if name.strip() == INTERFACE:
                values = numbers.split()
                return int(values[1]), int(values[9])
        raise ServerError(f"{INTERFACE} is gone")

    @staticmethod
    def _cpu_s(folder: Path) -> tuple[float, float]:
        after_name = (folder / "stat").read_text().rpartition(")")[2].split()
        return int(after_name[11]) / _TICKS, int(after_name[12]) / _TICKS

    def _tree(self) -> Iterator[Path]:
        waiting = [self._folder]
        while waiting:
            folder = waiting.pop()
            yield folder
            for children in (folder / "task").glob("*/children"):
                waiting += [Path("/proc", pid) for pid in children.read_text().split()]


@contextmanager
def serving(
    server: Server, network: Network, core: int, folder: Path, prepare: Callable[[Path], None] | None = None
) -> Iterator[Running]:
    """Start a server on one core and wait until it makes an offer; stop it in the end.

    Args:
        server: The server.
        network: Where it serves.
        core: The core that it has.
        folder: Its folder, which is emptied first.
        prepare: Puts leases into the folder, where it is not to start without any.

    Raises:
        ServerError: It makes none. The message has the end of its log.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if prepare is not None:
        prepare(folder)
    command = server.command(folder)
    environment = {name: text.format(folder=folder) for name, text in server.environment.items()}
    log = folder / "log"
    # Begun before the server, so that its own start is over by the time that a quick one is ready
    knock = [sys.executable, "-m", f"{__package__}.knock", CLIENT, SERVER, str(START_S)]
    knocking = subprocess.Popen(["ip", "netns", "exec", network.client, *knock], cwd=ROOT, stdout=subprocess.PIPE)
    with knocking, log.open("wb") as out:
        began_s = time.monotonic()
        process = network.start(
            network.server, core, command, cwd=folder, env={**os.environ, **environment}, stdout=out, stderr=out
        )
        try:
            while knocking.poll() is None:
                if process.poll() is not None:
                    knocking.kill()
                time.sleep(0.01)
            if knocking.returncode or process.poll() is not None:
                raise ServerError(f"{server.title} makes no offer: {_end(log)}")
            if server.silent and log.stat().st_size:
                raise ServerError(f"{server.title} does not serve as configured: {_end(log)}")
            assert knocking.stdout is not None
            yield Running(process, float(knocking.stdout.read()) - began_s)
        finally:
            knocking.kill()
            _stop(process)


def _end(log: Path) -> str:
    return log.read_text(errors="replace").strip()[-1000:]


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
