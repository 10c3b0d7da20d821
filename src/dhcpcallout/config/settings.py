"""What a configuration file says, checked: plain values for who starts a server, and for who only asks."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..engine import ClientClass, Reservation, Scope, SharedNetwork, Subnet
from ..engine.parking import OnTimeout
from ..engine.plan import Plan, plan
from ..loaders import Registry
from ..wire import OptionRegistry

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
        offer_time_s: For how long an offered address is held, in seconds.
        decline_time_s: For how long a declined address rests, in seconds.
        leasequery_relays: The relay agents that are told who has which lease.
        max_parked: How many packets may wait for async functions of callouts.
        parked_timeout_s: For how long a packet may wait for them, in seconds.
        on_timeout: What becomes of it then.
        store: The lease store's URL; a path in it is absolute.
        control: Where the control socket is, absolute; None where there is none.
        callouts: Which callouts are loaded; their paths are relative to ``base_directory``.
        networks: The networks to serve: the subnets, then the shared networks, each in the file's order.
        defaults: What all clients are told.
        classes: The kinds of clients, in the file's order.
        reservations: What is kept for single clients, whatever their subnet.
        registry: All options, those that the file defines among them.
    """

    file: str
    base_directory: Path
    interfaces: tuple[str, ...]
    listen: tuple[tuple[str, int], ...]
    authoritative: bool
    offer_time_s: int
    decline_time_s: int
    leasequery_relays: tuple[str, ...]
    max_parked: int
    parked_timeout_s: float
    on_timeout: OnTimeout
    store: str
    control: Path | None
    callouts: Registry
    networks: Sequence[Subnet | SharedNetwork]
    defaults: Scope
    classes: Sequence[ClientClass]
    reservations: Sequence[Reservation]
    registry: OptionRegistry

    def plan(self) -> Plan:
        """What the engine makes of it.

        Raises:
            ConfigError: With every mistake in what these attributes say.
        """
        return plan(
            self.networks,
            defaults=self.defaults,
            classes=self.classes,
            reservations=self.reservations,
            leasequery_relays=self.leasequery_relays,
            registry=self.registry,
        )
