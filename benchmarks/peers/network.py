"""Two network namespaces and the veth pair between them: the server's, and that of its clients' relay agent."""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

__all__ = ["CLIENT", "INTERFACE", "SERVER", "Network"]

SERVER, CLIENT = "10.0.0.1", "10.0.0.2"
INTERFACE = "dcbench0"
_PREFIX = "dcbench"
_PRIORITY = -15
"""As for ``nice``: the machine's other work must not decide how fast a server is."""


_RECEIVE_BUFFER = 4 << 20
_SOCKET_S = 1.0


class Network:
    """The two namespaces, as long as the context lasts. Their names hold this process's id.

    Attributes:
        server: The name of the server's namespace, whose ``INTERFACE`` has the address ``SERVER``.
        client: The name of the other.
    """

    def __init__(self) -> None:
        self.server = f"{_PREFIX}-{os.getpid()}-srv"
        self.client = f"{_PREFIX}-{os.getpid()}-cli"

    def __enter__(self) -> Self:
        _remove_left_over()
        try:
            for name in (self.server, self.client):
                _ip("netns", "add", name)
            ends = ["name", INTERFACE, "netns", self.server, "type", "veth"]
            _ip("link", "add", *ends, "peer", "name", INTERFACE, "netns", self.client)
            for name, address in ((self.server, SERVER), (self.client, CLIENT)):
                with suppress(subprocess.CalledProcessError):  # there may be no IPv6 to keep quiet
                    _ip("-n", name, "link", "set", INTERFACE, "addrgenmode", "none")
                _ip("-n", name, "address", "add", f"{address}/8", "broadcast", "+", "dev", INTERFACE)
                for interface in ("lo", INTERFACE):
                    _ip("-n", name, "link", "set", interface, "up")
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._remove()

    def start(self, name: str, core: int, command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
        """Start a program in one of the namespaces, on one core, before all else that wants to run there.

        Args:
            name: The namespace.
            core: The core's number.
            command: The program and its arguments.
            options: As for ``subprocess.Popen``.
        """
        within = ["ip", "netns", "exec", name, "taskset", "-c", str(core), *command]
        process = subprocess.Popen(within, start_new_session=True, **options)
        with suppress(OSError):  # not allowed, or over already
            os.setpriority(os.PRIO_PROCESS, process.pid, _PRIORITY)
            # Where every session is a scheduling group, a priority counts only within it
            Path("/proc", str(process.pid), "autogroup").write_text(str(_PRIORITY))
        return process

    def start_client(self, core: int, command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
        """Start a program that binds UDP port 67 of ``CLIENT``, with room for what comes in bursts; see ``start``.

        A program that does not ask for a receive buffer has one for some 270 packets, and what a server answers at
        once may be more. The default is that of all namespaces, so it is changed until the socket is there.
        """
        default = Path("/proc/sys/net/core/rmem_default")
        with default.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # another run must not take the changed value for the system's
            before = default.read_text()
            try:
                with suppress(OSError):
                    default.write_text(str(_RECEIVE_BUFFER))
                process = self.start(self.client, core, command, **options)
                end_s = time.monotonic() + _SOCKET_S
                while process.poll() is None and not _has_socket(process.pid) and time.monotonic() < end_s:
                    time.sleep(0.001)
            finally:
                with suppress(OSError):
                    default.write_text(before)
        return process

    def _remove(self) -> None:
        for name in (self.server, self.client):
            with suppress(subprocess.CalledProcessError):
                _ip("netns", "delete", name)


def _has_socket(pid: int) -> bool:
    """Whether some program in a process's namespace has bound the clients' address and port 67."""
    local = f"{int.from_bytes(socket.inet_aton(CLIENT), sys.byteorder):08X}:{67:04X}"
    with suppress(OSError):
        return local in Path("/proc", str(pid), "net/udp").read_text()
    return False


def _remove_left_over() -> None:
    """Remove the namespaces of runs that were killed, and end what runs there."""
    for path in Path("/run/netns").glob(f"{_PREFIX}-*-*"):
        if not Path("/proc", path.name.split("-")[1]).exists():
            for pid in _ip("netns", "pids", path.name).split():
                with suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            _ip("netns", "delete", path.name)


def _ip(*arguments: str) -> str:
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True).stdout
