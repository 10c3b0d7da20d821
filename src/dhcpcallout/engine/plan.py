"""From what a user said of the networks to what the engine works with, with every mistake found on the way."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from ..codes import INFINITE, OptionCode
from ..errors import ConfigError, EncodeError, Problem
from ..wire import REGISTRY, OptionRegistry
from .clients import hardware_key, parse_hardware_address
from .model import OptionValues, Reservation, Subnet
from .networks import AddressRange, PlannedSubnet

__all__ = ["Plan", "PlannedSubnet", "hardware_key", "parse_hardware_address", "plan"]

DEFAULT_LEASE_TIME_S = 3600

_SET_BY_THE_ENGINE = frozenset(
    {
        OptionCode.DHCP_REQUESTED_ADDRESS,
        OptionCode.DHCP_LEASE_TIME,
        OptionCode.DHCP_OPTION_OVERLOAD,
        OptionCode.DHCP_MESSAGE_TYPE,
        OptionCode.DHCP_SERVER_IDENTIFIER,
        OptionCode.DHCP_PARAMETER_REQUEST_LIST,
        OptionCode.DHCP_AGENT_OPTIONS,
    }
)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that was configured for the engine, checked.

    Attributes:
        subnets: In the configuration's order.
    """

    subnets: tuple[PlannedSubnet, ...]


def plan(
    subnets: Sequence[Subnet], options: OptionValues | None = None, *, registry: OptionRegistry = REGISTRY
) -> Plan:
    """Check a configuration and put it into the engine's units.

    Args:
        subnets: The networks to serve.
        options: What the clients of every subnet are told.
        registry: Where option names are looked up.

    Raises:
        ConfigError: With every mistake; keys are those of the configuration file, ``subnet[0].pools[1]``.
    """
    return _Planner(registry).plan(subnets, options or {})


class _Planner:
    def __init__(self, registry: OptionRegistry) -> None:
        self._registry = registry
        self._problems: list[Problem] = []

    def _problem(self, key: str, text: object) -> None:
        self._problems.append(Problem("", None, key, str(text)))

    def plan(self, subnets: Sequence[Subnet], options: OptionValues) -> Plan:
        common = self._options("options", options)
        planned: list[PlannedSubnet] = []
        for number, subnet in enumerate(subnets):
            key = f"subnet[{number}]"
            network = self._network(f"{key}.network", subnet.network)
            if network is None:
                continue
            one = self._subnet(key, subnet, network, common)
            for earlier in planned:
                if one.network.overlaps(earlier.network):
                    self._problem(f"{key}.network", f"{one.network} overlaps {earlier.network}, given before")
            planned.append(one)
        if self._problems:
            raise ConfigError(self._problems)
        return Plan(tuple(planned))

    def _network(self, key: str, network: str | IPv4Network) -> IPv4Network | None:
        try:
            return IPv4Network(network)
        except ValueError as error:
            self._problem(key, f"{error}; a network is written as 10.0.0.0/8")
            return None

    def _subnet(self, key: str, subnet: Subnet, network: IPv4Network, common: dict[int, bytes]) -> PlannedSubnet:
        mask = {int(OptionCode.SUBNET_MASK): network.netmask.packed}
        lease_time_s = DEFAULT_LEASE_TIME_S if subnet.lease_time_s is None else subnet.lease_time_s
        if not 1 <= lease_time_s <= INFINITE:
            self._problem(f"{key}.lease-time", f"{lease_time_s} is not 1 to {INFINITE} seconds")
        return PlannedSubnet(
            network_int=int(network.network_address),
            mask_int=int(network.netmask),
            pools=tuple(
                sorted(
                    self._pools(
                        f"{key}.pools",
                        [pool if isinstance(pool, str) else pool.range for pool in subnet.pools],
                        network,
                    )
                )
            ),
            lease_time_s=lease_time_s,
            options=mask | common | self._options(f"{key}.options", subnet.options),
            reservations=self._reservations(f"{key}.reservation", subnet.reservations, network),
            interface=subnet.interface,
        )

    def _options(self, key: str, options: OptionValues) -> dict[int, bytes]:
        encoded: dict[int, bytes] = {}
        for name, value in options.items():
            try:
                spec = self._registry.spec(name)
                if spec.code in _SET_BY_THE_ENGINE:
                    self._problem(f"{key}.{name}", "the server sets this option by itself")
                    continue
                encoded[spec.code] = spec.encode(value)
            except (EncodeError, LookupError, ValueError) as error:
                self._problem(f"{key}.{name}", error.args[0] if isinstance(error, LookupError) else error)
        return encoded

    def _pools(self, key: str, pools: Sequence[str], network: IPv4Network) -> Iterator[AddressRange]:
        taken: list[tuple[AddressRange, str]] = []
        for number, text in enumerate(pools):
            place = f"{key}[{number}]"
            try:
                first, last = _parse_range(text)
            except ValueError as error:
                self._problem(place, f"{error}; a pool is written as 10.1.0.0-10.1.0.255 or 10.1.0.0/24")
                continue
            if first > last:
                self._problem(place, f"{text} ends before it begins")
            elif IPv4Address(first) not in network or IPv4Address(last) not in network:
                self._problem(place, f"{text} is not within {network}")
            else:
                for (other_first, other_last), other in taken:
                    if first <= other_last and other_first <= last:
                        self._problem(place, f"{text} overlaps {other}")
                taken.append(((first, last), text))
                yield _usable(first, last, network)

    def _reservations(self, key: str, reservations: Sequence[Reservation], network: IPv4Network) -> dict[bytes, int]:
        reserved: dict[bytes, int] = {}
        places: dict[Any, str] = {}
        for number, one in enumerate(reservations):
            place = f"{key}[{number}]"
            try:
                client = hardware_key(one.hardware_type, parse_hardware_address(one.hardware_address or b""))
            except ValueError as error:
                self._problem(f"{place}.hardware-address", error)
                continue
            try:
                address = IPv4Address(one.address or "")
            except ValueError as error:
                self._problem(f"{place}.address", error)
                continue
            if address not in network:
                self._problem(f"{place}.address", f"{address} is not within {network}")
            if client in places:
                self._problem(f"{place}.hardware-address", f"{one.hardware_address!s} has {places[client]} already")
            if address in places:
                self._problem(f"{place}.address", f"{address} is reserved by {places[address]} already")
            places.setdefault(client, place)
            places.setdefault(address, place)
            reserved[client] = int(address)
        return reserved


def _parse_range(text: str) -> AddressRange:
    if "/" in text:
        network = IPv4Network(text)
        return int(network.network_address), int(network.broadcast_address)
    first, dash, last = text.partition("-")
    if not dash:
        last = first
    return int(IPv4Address(first.strip())), int(IPv4Address(last.strip()))


def _usable(first: int, last: int, network: IPv4Network) -> AddressRange:
    """A range without the network's own address and its broadcast address, which no client may have."""
    if network.prefixlen >= 31:
        return first, last
    return max(first, int(network.network_address) + 1), min(last, int(network.broadcast_address) - 1)
