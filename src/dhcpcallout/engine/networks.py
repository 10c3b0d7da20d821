"""The networks that are served, and which of them a packet belongs to."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from ipaddress import IPv4Address, IPv4Network
from operator import itemgetter
from typing import NamedTuple, Self, TypeVar

from ..codes import AgentSubOption, MessageType, OptionCode
from ..wire import Packet
from .clients import ReservationTable
from .delivery import is_destination, is_loopback, is_unicast
from .exchange import Arrival
from .pools import PlannedPool
from .relay import agent_suboption
from .scopes import EMPTY_SCOPE, PlannedScope

__all__ = [
    "Network",
    "NetworkTable",
    "PlannedSubnet",
    "Selection",
    "compile_networks",
    "compile_relays",
    "server_identifier",
]

K = TypeVar("K")

_AGENT_OPTIONS = int(OptionCode.DHCP_AGENT_OPTIONS)
_SUBNET_SELECTION = int(OptionCode.SUBNET_SELECTION)
_MESSAGE_TYPE = int(OptionCode.DHCP_MESSAGE_TYPE)
_SERVER_IDENTIFIER = int(OptionCode.DHCP_SERVER_IDENTIFIER)
_LINK_SELECTION = int(AgentSubOption.LINK_SELECTION)
_SERVER_ID_OVERRIDE = int(AgentSubOption.SERVER_ID_OVERRIDE)

_REQUEST = bytes((MessageType.REQUEST,))
_RELEASE = bytes((MessageType.RELEASE,))
_INFORM = bytes((MessageType.INFORM,))


@dataclass(frozen=True, slots=True, eq=False)
class PlannedSubnet:
    """A subnet, checked and in the engine's units. Each is equal to itself alone.

    Attributes:
        network_int: The prefix's address, a 32-bit integer.
        mask_int: The subnet mask, a 32-bit integer.
        pools: What is given out, ascending, apart from each other.
        reservations: What is kept for single clients.
        interface: See ``Subnet.interface``.
        relays: The addresses of ``Subnet.relays``, 32-bit integers.
        classes: See ``Subnet.classes``.
        scope: What the subnet says to its clients.
        match_client_id, rapid_commit, bootp: See ``Subnet``.
        key: Its key in the configuration file: ``subnet[0]``, ``shared-network[0].subnet[1]``.
    """

    network_int: int
    mask_int: int
    pools: tuple[PlannedPool, ...] = ()
    reservations: ReservationTable = field(default_factory=ReservationTable)
    interface: str = ""
    relays: frozenset[int] = frozenset()
    classes: frozenset[str] = frozenset()
    scope: PlannedScope = EMPTY_SCOPE
    match_client_id: bool = True
    rapid_commit: bool = False
    bootp: bool = False
    key: str = ""

    def __contains__(self, address_int: int) -> bool:
        return address_int & self.mask_int == self.network_int

    @property
    def last_int(self) -> int:
        """The last address of the prefix, a 32-bit integer: the broadcast address, in a prefix that has one."""
        return self.network_int | ~self.mask_int & 0xFFFFFFFF

    @property
    def network(self) -> IPv4Network:
        """The prefix."""
        return IPv4Network((self.network_int, self.mask_int.bit_count()))


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """One link: a subnet by itself, or the subnets of a shared network. Each is equal to itself alone.

    Attributes:
        name: What explanations call it: the shared network's name, or the prefix.
        subnets: In the order in which they are tried; at least one.
        scope: What a shared network says to its clients.
        interface: See ``SharedNetwork.interface``; that of a subnet stands with the subnet.
        relays: The same for ``SharedNetwork.relays``, 32-bit integers.
        classes: The same for ``SharedNetwork.classes``.
        key: Its key in the configuration file: ``shared-network[0]``, or its only subnet's.
        is_shared: Whether it is a shared network, be it of one subnet.
    """

    name: str
    subnets: tuple[PlannedSubnet, ...]
    scope: PlannedScope = EMPTY_SCOPE
    interface: str = ""
    relays: frozenset[int] = frozenset()
    classes: frozenset[str] = frozenset()
    key: str = ""
    is_shared: bool = True

    @classmethod
    def of(cls, subnet: PlannedSubnet) -> Self:
        """The network of a subnet that shares its link with no other."""
        return cls(str(subnet.network), (subnet,), key=subnet.key, is_shared=False)


class Selection(NamedTuple):
    """What a packet says of where its client is.

    Attributes:
        network: The network, or None where it is none of ours.
        subnet: The subnet that the packet points at; None where it points at a shared network as a whole.
        reason: Why, for explanations.
    """

    network: Network | None
    subnet: PlannedSubnet | None
    reason: str


_LINK = "the link selection of its relay agent (option 82, sub-option 5, RFC 3527)"
_SELECTION = "its subnet selection (option 118, RFC 3011)"
_RELAY_LISTED = "its relay agent (giaddr), which is listed for the network"
_RELAY = "the address of its relay agent (giaddr), which is within the subnet"
_CIADDR = "its own address (ciaddr), which is within the subnet"
_SOURCE = "its source address, which is within the subnet"
_INTERFACE = "the interface where it arrived, which is listed for the network"
_ARRIVAL = "the address where it arrived, which is within the subnet"
_TRIAL = "it came over the loopback, where programs try the server out: the first network"

_NO_LINK = Selection(None, None, f"{_LINK} names no subnet of this server")
_NO_SELECTION = Selection(None, None, f"{_SELECTION} names no subnet of this server")
_NO_RELAY = Selection(None, None, "its relay agent (giaddr) is neither listed nor within a subnet")
_NOT_A_RELAY = Selection(None, None, "giaddr is not the address of a single host")
_NO_SUBNET = Selection(None, None, "its own address (ciaddr) is in no subnet of this server")
_NO_ARRIVAL = Selection(None, None, "neither the interface nor the address where it arrived belongs to a subnet")


class NetworkTable:
    """The networks, found by what a packet says, in time that grows with the logarithm of their number.

    Args:
        networks: The networks; ``compile_networks`` makes sure that their subnets are apart, and that no interface
            and no relay agent is listed for two of them.

    Attributes:
        networks: In the configuration's order.
    """

    def __init__(self, networks: Iterable[Network]) -> None:
        self.networks = tuple(networks)
        placed = sorted(
            ((subnet.network_int, subnet, network) for network in self.networks for subnet in network.subnets),
            key=itemgetter(0),
        )
        self._firsts = [first for first, _, _ in placed]
        self._subnets = [subnet for _, subnet, _ in placed]
        self._network_of = {subnet: network for _, subnet, network in placed}
        self._make_selection = lru_cache(None)(partial(_make_selection, self._network_of))
        self._relays: dict[int, Selection] = {}
        self._interfaces: dict[str, Selection] = {}
        for network in self.networks:
            for relay_int, subnet in _relays_of(network):
                _list(self._relays, relay_int, Selection(network, subnet, _RELAY_LISTED))
            for interface, subnet in _interfaces_of(network):
                _list(self._interfaces, interface, Selection(network, subnet, _INTERFACE))

    @property
    def subnets(self) -> tuple[PlannedSubnet, ...]:
        """All subnets, by address."""
        return tuple(self._subnets)

    def subnet_of(self, address_int: int) -> PlannedSubnet | None:
        """The subnet that an address, a 32-bit integer, lies in."""
        place = bisect_right(self._firsts, address_int) - 1
        if place < 0:
            return None
        subnet = self._subnets[place]
        return subnet if address_int & subnet.mask_int == subnet.network_int else None

    def network_of(self, subnet: PlannedSubnet) -> Network:
        """The network that one of the table's subnets belongs to."""
        return self._network_of[subnet]

    def select(self, packet: Packet, arrival: Arrival) -> Selection:
        """The network that a packet's client is in.

        By, in this order: its relay agent's link selection (RFC 3527), its subnet selection (RFC 3011), which yields to
        that one as RFC 3527 demands, its relay agent, its own address if it has one, and where it arrived.

        A link or a subnet selection that names none of our subnets selects none, for a server that knows these options
        must not offer an address that is not on that very link (RFC 3527, RFC 3011). One that is not four bytes long,
        or is 0.0.0.0, names nothing and is ignored: the packet is taken as by a server that does not know the option.
        """
        options = packet.options
        giaddr_int = packet.giaddr_int
        if giaddr_int and not is_destination(giaddr_int, arrival, self.subnet_of):
            return _NOT_A_RELAY  # no answer could be sent there: nothing is to be kept for its client either
        if _AGENT_OPTIONS in options:
            link_int = _address(agent_suboption(packet, _LINK_SELECTION))
            if link_int:
                return self._selection(link_int, _LINK) or _NO_LINK
        if _SUBNET_SELECTION in options:
            selected_int = _address(options[_SUBNET_SELECTION])
            if selected_int:
                return self._selection(selected_int, _SELECTION) or _NO_SELECTION
        if giaddr_int:
            return self._relays.get(giaddr_int) or self._selection(giaddr_int, _RELAY) or _NO_RELAY
        return self._by_own_address(packet, arrival) or self._by_arrival(arrival) or _NO_ARRIVAL

    def _selection(self, address_int: int, reason: str) -> Selection | None:
        subnet = self.subnet_of(address_int)
        return self._make_selection(subnet, reason) if subnet is not None else None

    def _by_own_address(self, packet: Packet, arrival: Arrival) -> Selection | None:
        """By the address that a client has: in a renewal, which may have come from anywhere, a RELEASE and an INFORM.

        A DISCOVER and the REQUEST that selects a server come from clients that have none (RFC 2131 tables 4 and 5).
        """
        kind = packet.options.get(_MESSAGE_TYPE)
        ciaddr_int = packet.ciaddr_int
        if kind == _INFORM:
            if not ciaddr_int:
                return self._selection(arrival.source_int, _SOURCE)
            # RFC 2131 section 4.3.5 wants its address checked for consistency: what another network's clients are told
            # is of no use to it.
            selection = self._selection(ciaddr_int, _CIADDR)
            return selection or (None if is_loopback(arrival.server_address_int) else _NO_SUBNET)
        has_address = (kind == _REQUEST and _SERVER_IDENTIFIER not in packet.options) or kind in (_RELEASE, None)
        return self._selection(ciaddr_int, _CIADDR) if has_address and ciaddr_int else None

    def _by_arrival(self, arrival: Arrival) -> Selection | None:
        selection = self._interfaces.get(arrival.interface) or self._selection(arrival.server_address_int, _ARRIVAL)
        if selection is None and is_loopback(arrival.server_address_int) and self.networks:
            network = self.networks[0]
            return Selection(network, network.subnets[0], _TRIAL)
        return selection


def _make_selection(networks: Mapping[PlannedSubnet, Network], subnet: PlannedSubnet, reason: str) -> Selection:
    return Selection(networks[subnet], subnet, reason)


def server_identifier(packet: Packet, arrival: Arrival) -> int:
    """The server identifier (option 54) of the replies to a packet, which is also how its client calls this server.

    It is the address where the packet arrived, unless its relay agent wants to be asked in the server's place (server
    identifier override, RFC 5107). That it may say only of itself or its like: where no relay agent has signed with
    giaddr, or what is named is not the address of a single host, it does not count.

    Returns:
        A 32-bit integer.
    """
    if packet.giaddr_int:
        override_int = _address(agent_suboption(packet, _SERVER_ID_OVERRIDE))
        if is_unicast(override_int):
            return override_int
    return arrival.server_address_int


def compile_relays(
    relays: Sequence[str | IPv4Address], key: str, problem: Callable[[str, str], None]
) -> frozenset[int]:
    """Check a list of relay agents.

    Args:
        relays: Their addresses, as the user gives them.
        key: The list's key in the configuration file: ``subnet[0].relays``.
        problem: Called with the key and the text of every mistake; what is wrong is left out.

    Returns:
        The addresses, 32-bit integers.
    """
    found = set()
    for number, relay in enumerate(relays):
        try:
            relay_int = int(IPv4Address(relay))
        except ValueError as error:
            problem(f"{key}[{number}]", f"{error}; a relay agent is given by its address, such as 10.0.0.1")
            continue
        if is_unicast(relay_int):
            found.add(relay_int)
        else:
            problem(f"{key}[{number}]", f"{relay} is not the address of a single host")
    return frozenset(found)


def compile_networks(networks: Sequence[Network], problem: Callable[[str, str], None]) -> NetworkTable:
    """Check that networks go together, and make the table of them.

    Args:
        networks: In the configuration's order.
        problem: Called with the key and the text of every mistake: overlaps, names, interfaces and relay agents of two
            networks, and networks of no subnet.

    Returns:
        The table, which is good only if there was no mistake.
    """
    places = {subnet: place for place, subnet in enumerate(s for network in networks for s in network.subnets)}
    for one, other in _overlaps(places):
        earlier, later = sorted((one, other), key=places.__getitem__)
        problem(f"{later.key}.network", f"{later.network} overlaps {earlier.network}, {earlier.key}.network")
    names: dict[str, Network] = {}
    relays: dict[int, tuple[Network, str]] = {}
    interfaces: dict[str, tuple[Network, str]] = {}
    for network in networks:
        if not network.subnets:
            problem(network.key, f"the shared network {network.name!r} has no subnet")
        if network.is_shared and names.setdefault(network.name, network) is not network:
            problem(f"{network.key}.name", f"{network.name!r} is the name of {names[network.name].key} already")
        for relay_int, subnet in sorted(_relays_of(network), key=itemgetter(0)):
            key = subnet.key if subnet is not None else network.key
            of, where = relays.setdefault(relay_int, (network, key))
            if of is not network:
                problem(f"{key}.relays", f"{IPv4Address(relay_int)} is a relay agent of {where} already")
        for interface, subnet in _interfaces_of(network):
            key = subnet.key if subnet is not None else network.key
            of, where = interfaces.setdefault(interface, (network, key))
            if of is not network:
                problem(f"{key}.interface", f"{interface!r} is the interface of {where} already")
    return NetworkTable(networks)


def _overlaps(subnets: Iterable[PlannedSubnet]) -> Iterator[tuple[PlannedSubnet, PlannedSubnet]]:
    """Each subnet that lies within another, with the smallest such: prefixes are within each other, or apart."""
    around: list[PlannedSubnet] = []
    for subnet in sorted(subnets, key=lambda subnet: (subnet.network_int, subnet.mask_int)):
        while around and around[-1].last_int < subnet.network_int:
            around.pop()
        if around:
            yield subnet, around[-1]
        around.append(subnet)


def _relays_of(network: Network) -> Iterator[tuple[int, PlannedSubnet | None]]:
    for relay_int in network.relays:
        yield relay_int, None
    for subnet in network.subnets:
        for relay_int in subnet.relays:
            yield relay_int, subnet


def _interfaces_of(network: Network) -> Iterator[tuple[str, PlannedSubnet | None]]:
    if network.interface:
        yield network.interface, None
    for subnet in network.subnets:
        if subnet.interface:
            yield subnet.interface, subnet


def _list(listed: dict[K, Selection], key: K, selection: Selection) -> None:
    """List a selection; two subnets of one network make it the network as a whole."""
    before = listed.setdefault(key, selection)
    if before.network is selection.network and before.subnet is not selection.subnet:
        listed[key] = before._replace(subnet=None)


def _address(value: bytes | None) -> int:
    """An address option's value, or 0 where it is absent or malformed."""
    return int.from_bytes(value, "big") if value is not None and len(value) == 4 else 0
