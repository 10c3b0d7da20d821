"""From what a user said of the networks to what the engine works with, with every mistake found on the way."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from ..errors import ConfigError, Problem
from ..wire import REGISTRY, OptionRegistry
from .classes import ClassTable, compile_classes
from .clients import ReservationTable, compile_reservations
from .leasequery import Requesters, compile_requesters
from .model import ClientClass, Reservation, Scope, SharedNetwork, Subnet
from .networks import Network, NetworkTable, PlannedSubnet, compile_networks, compile_relays
from .pools import compile_pools
from .scopes import PlannedScope, compile_scope, prefix_scope

__all__ = ["Plan", "plan"]


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that was configured for the engine, checked.

    Attributes:
        networks: The networks to serve.
        classes: The kinds of clients.
        reservations: What is kept for single clients, whatever their subnet.
        defaults: What all clients are told.
        prefixes: What each subnet's prefix says by itself.
        leasequery_relays: To whom leasequeries are answered.
    """

    networks: NetworkTable
    classes: ClassTable
    reservations: ReservationTable
    defaults: PlannedScope
    prefixes: dict[PlannedSubnet, PlannedScope]
    leasequery_relays: Requesters = ()


def plan(
    networks: Sequence[Subnet | SharedNetwork],
    *,
    defaults: Scope | None = None,
    classes: Sequence[ClientClass] = (),
    reservations: Sequence[Reservation] = (),
    leasequery_relays: Sequence[str | IPv4Address | IPv4Network] = (),
    registry: OptionRegistry = REGISTRY,
) -> Plan:
    """Check a configuration and put it into the engine's units.

    Args:
        networks: The networks to serve.
        defaults: What all clients are told.
        classes: The kinds of clients.
        reservations: What is kept for single clients, whatever their subnet.
        leasequery_relays: To whom leasequeries are answered: addresses, or networks that hold these.
        registry: Where option names are looked up.

    Raises:
        ConfigError: With every mistake; keys are those of the configuration file, ``subnet[0].pools[1]``.
    """
    return _Planner(registry).plan(networks, defaults or Scope(), classes, reservations, leasequery_relays)


class _Planner:
    def __init__(self, registry: OptionRegistry) -> None:
        self._registry = registry
        self._problems: list[Problem] = []
        self._taken: dict[int, str] = {}
        self._classes = ClassTable()

    def plan(
        self,
        networks: Sequence[Subnet | SharedNetwork],
        defaults: Scope,
        classes: Sequence[ClientClass],
        reservations: Sequence[Reservation],
        leasequery_relays: Sequence[str | IPv4Address | IPv4Network],
    ) -> Plan:
        scope = compile_scope(defaults, "what all clients are told", "", self._problem, registry=self._registry)
        self._classes = compile_classes(classes, "class", self._problem, registry=self._registry)
        planned: list[Network] = []
        subnets = shared = 0
        for one in networks:
            if isinstance(one, SharedNetwork):
                network = self._shared(one, f"shared-network[{shared}]")
                shared += 1
            else:
                subnet = self._subnet(one, f"subnet[{subnets}]")
                network = Network.of(subnet) if subnet is not None else None
                subnets += 1
            if network is not None:
                planned.append(network)
        table = compile_networks(planned, self._problem)
        everywhere = self._reservations(reservations, "reservation", None)
        requesters = compile_requesters(leasequery_relays, "server.leasequery-relays", self._problem)
        if self._problems:
            raise ConfigError(self._problems)
        prefixes = {subnet: prefix_scope(subnet.mask_int) for subnet in table.subnets}
        return Plan(table, self._classes, everywhere, scope, prefixes, requesters)

    def _problem(self, key: str, text: object) -> None:
        self._problems.append(Problem("", None, key, str(text)))

    def _shared(self, one: SharedNetwork, key: str) -> Network | None:
        scope = compile_scope(one, f"shared network {one.name}", key, self._problem, registry=self._registry)
        if not one.subnets:
            self._problem(f"{key}.subnet", "a shared network has at least one subnet")
        subnets = (self._subnet(subnet, f"{key}.subnet[{number}]") for number, subnet in enumerate(one.subnets))
        planned = tuple(subnet for subnet in subnets if subnet is not None)
        relays = compile_relays(one.relays, f"{key}.relays", self._problem)
        classes = self._classes.checked(one.classes, f"{key}.classes", self._problem)
        return Network(one.name, planned, scope, one.interface, relays, classes, key) if planned else None

    def _subnet(self, one: Subnet, key: str) -> PlannedSubnet | None:
        network = self._network(f"{key}.network", one.network)
        scope = compile_scope(one, f"subnet {one.network}", key, self._problem, registry=self._registry)
        pools = compile_pools(
            one.pools,
            one.exclude,
            network,
            key,
            self._problem,
            registry=self._registry,
            known_classes=self._classes.names,
        )
        reservations = self._reservations(one.reservations, f"{key}.reservation", network)
        relays = compile_relays(one.relays, f"{key}.relays", self._problem)
        classes = self._classes.checked(one.classes, f"{key}.classes", self._problem)
        if network is None:
            return None
        return PlannedSubnet(
            network_int=int(network.network_address),
            mask_int=int(network.netmask),
            pools=pools,
            reservations=reservations,
            interface=one.interface,
            relays=relays,
            classes=classes,
            scope=scope,
            match_client_id=one.match_client_id,
            rapid_commit=one.rapid_commit,
            bootp=one.bootp,
            key=key,
        )

    def _network(self, key: str, network: str | IPv4Network) -> IPv4Network | None:
        try:
            return IPv4Network(network)
        except ValueError as error:
            self._problem(key, f"{error}; a network is written as 10.0.0.0/8")
            return None

    def _reservations(
        self, reservations: Sequence[Reservation], key: str, network: IPv4Network | None
    ) -> ReservationTable:
        return compile_reservations(
            reservations,
            key,
            self._problem,
            network,
            registry=self._registry,
            known_classes=self._classes.names,
            taken=self._taken,
        )
