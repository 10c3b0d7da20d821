"""What a configuration file says, checked: plain values for who starts a server, and for who only asks."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..engine import Subnet
from ..loaders import Registry

__all__ = ["Settings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """A configuration without mistakes.

    Attributes:
        file: The file's name as the user gave it.
        base_directory: What relative paths are relative to: the file's folder, absolute.
        interfaces: Interfaces whose clients are served on port 67.
        listen: Addresses and ports to listen on.
        authoritative: Whether no other server knows this network's clients.
        store: The lease store's URL; a path in it is absolute.
        callouts: Which callouts are loaded; their paths are relative to ``base_directory``.
        options: What the clients of every subnet are told, by registry name or code.
        subnets: The networks to serve, in the file's order.
    """

    file: str
    base_directory: Path
    interfaces: tuple[str, ...]
    listen: tuple[tuple[str, int], ...]
    authoritative: bool
    store: str
    callouts: Registry
    options: Mapping[str | int, Any]
    subnets: tuple[Subnet, ...]
