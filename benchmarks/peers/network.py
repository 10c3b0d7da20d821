"""Two network namespaces and the veth pair between them: the server's, and that of its clients' relay agent."""

import os
import subprocess
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["CLIENT", "INTERFACE", "SERVER", "Network"]

SERVER, CLIENT = "10.0.0.1", "10.0.0.2"
INTERFACE = "dcbench0"
_PREFIX = "dcbench"


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
                _ip("netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
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

    def _remove(self) -> None:
        for name in (self.server, self.client):
            with suppress(subprocess.CalledProcessError):
                _ip("netns", "delete", name)


def _remove_left_over() -> None:
    """Remove the namespaces of runs that were killed."""
    for path in Path("/run/netns").glob(f"{_PREFIX}-*-*"):
        if not Path("/proc", path.name.split("-")[1]).exists():
            _ip("netns", "delete", path.name)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, stderr=subprocess.PIPE)
