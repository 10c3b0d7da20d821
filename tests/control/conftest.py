"""A raw peer of a control socket."""

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dhcpcallout.control.address import short_enough


class Peer:
    """Sends bytes, and reads answers."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        with short_enough(path) as name:
            self.socket.connect(name)
        self.file = self.socket.makefile("rb")

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def answer(self) -> Any:
        line = self.file.readline()
        return json.loads(line) if line else None

    def ask(self, data: bytes) -> Any:
        self.send(data)
        return self.answer()

    def close(self) -> None:
        self.file.close()
        self.socket.close()


@pytest.fixture
def connect() -> Iterator[Callable[[Path], Peer]]:
    """Connect to a control socket; connections are closed at the end."""
    peers: list[Peer] = []

    def make(path: Path) -> Peer:
        peers.append(Peer(path))
        return peers[-1]

    yield make
    for peer in peers:
        peer.close()
