"""Servers and services: SIP (120), SLP (78, 79), encrypted DNS (162), RDNSS selection (146), 6rd (212) and others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Self

from ...errors import EncodeError, WireError
from . import notation
from .addresses import Address
from .base import ValueType, shifted
from .composite import Array, LengthPrefixed, Record
from .integers import Integer
from .names import DomainName

__all__ = [
    "Authentication",
    "EncryptedDns",
    "EncryptedDnsServer",
    "Isns",
    "NamesOrAddresses",
    "PortParameters",
    "RdnssPreference",
    "RdnssSelection",
    "RelayAuthentication",
    "Servers",
    "SixRd",
    "SlpDirectoryAgent",
    "SlpServiceScope",
    "Status",
]


@dataclass(frozen=True, slots=True)
class Servers:
    """Servers by name or by address: one of the two is empty.

    Attributes:
        names: Domain names.
        addresses: Addresses.
    """

    names: tuple[str, ...] = ()
    addresses: tuple[IPv4Address, ...] = ()


class NamesOrAddresses(Record[Servers]):
    """A byte that tells names (0) from addresses (1), then these (RFC 3361, RFC 3495).

    A list of either is read too, as a text or from a configuration.

    Args:
        single: Whether there is exactly one.
    """

    def __init__(self, *, single: bool = False) -> None:
        self._names = Array(DomainName())
        self._addresses = Array(Address())
        self.single = single
        lists: list[tuple[str, ValueType[Any]]] = [("names", self._names), ("addresses", self._addresses)]
        super().__init__(Servers, lists, defaults={"names": (), "addresses": ()})

    def decode(self, data: bytes) -> Servers:
        if not data or data[0] > 1:
            raise WireError("the first byte tells what follows: 0 names, 1 addresses", offset=0)
        try:
            servers = (
                Servers(addresses=self._addresses.decode(data[1:]))
                if data[0]
                else Servers(self._names.decode(data[1:]))
            )
        except WireError as error:
            raise shifted(error, 1) from None
        if self.single and len(servers.names) + len(servers.addresses) > 1:
            raise WireError("more than one server", offset=1)
        return servers

    def parse_text(self, text: str) -> Servers:
        if text.startswith(("names=", "addresses=")):
            return super().parse_text(text)
        servers = self._told_apart(notation.split_list(text))
        self.pack(servers)
        return servers

    def pack(self, value: Any) -> bytes:
        return super().pack(self._told_apart(value) if isinstance(value, list | tuple) else value)

    def _told_apart(self, items: Sequence[Any]) -> Servers:
        try:
            return Servers(addresses=tuple(IPv4Address(self._addresses.of.encode(item)) for item in items))
        except EncodeError:
            return Servers(tuple(map(self._names.of.parse_item, map(str, items))))

    def _pack_fields(self, values: Sequence[Any]) -> bytes:
        names, addresses = values
        if bool(names) == bool(addresses):
            raise EncodeError("either names or addresses are needed")
        data = b"\1" + self._addresses.encode(addresses) if addresses else b"\0" + self._names.encode(names)
        try:
            self.decode(data)
        except WireError as error:
            raise EncodeError(error.message) from None
        return data


@dataclass(frozen=True, slots=True)
class SlpDirectoryAgent:
    """SLP directory agents (option 78, RFC 2610 section 3).

    Attributes:
        mandatory: Whether the client may use no other.
        addresses: The agents.
    """

    mandatory: bool
    addresses: tuple[IPv4Address, ...]


@dataclass(frozen=True, slots=True)
class SlpServiceScope:
    """SLP scopes (option 79, RFC 2610 section 4).

    Attributes:
        mandatory: Whether they override the client's own configuration.
        scopes: A list with commas, as SLP writes it; "" for the client's own.
    """

    mandatory: bool
    scopes: str


@dataclass(frozen=True, slots=True)
class Isns:
    """iSNS servers (option 83, RFC 4174 section 2).

    Attributes:
        functions, dd_access, administration: Bits of 16: what iSNS is used for, what may be done.
        security: Bits of 32: how the servers are secured.
        addresses: The servers, the first preferred.
    """

    functions: int
    dd_access: int
    administration: int
    security: int
    addresses: tuple[IPv4Address, ...]


@dataclass(frozen=True, slots=True)
class Status:
    """A status (option 151, RFC 6926 section 6.2.2).

    Attributes:
        code: See ``codes.StatusCode``.
        message: A text for people.
    """

    code: int
    message: str


@dataclass(frozen=True, slots=True)
class PortParameters:
    """A set of ports of a shared address (option 159, RFC 7618 section 9).

    Attributes:
        offset: Bits before the PSID in a port, 0 to 15.
        psid_length: Bits of the PSID, 0 to 16.
        psid: The port set identifier, in the field's first bits.
    """

    offset: int
    psid_length: int
    psid: int


@dataclass(frozen=True, slots=True)
class SixRd:
    """A 6rd domain (option 212, RFC 5969 section 7.1.1).

    Attributes:
        ipv4_mask_length: High bits that all the domain's IPv4 addresses have in common.
        prefix_length: Bits of the 6rd prefix.
        prefix: The 6rd prefix.
        border_relays: At least one.
    """

    ipv4_mask_length: int
    prefix_length: int
    prefix: IPv6Address
    border_relays: tuple[IPv4Address, ...]


class RdnssPreference(IntEnum):
    """The preference of option 146's servers (RFC 6731 section 4.3)."""

    MEDIUM = 0
    HIGH = 1
    LOW = 3


@dataclass(frozen=True, slots=True)
class RdnssSelection:
    """Which names to ask a recursive DNS server for (option 146, RFC 6731 section 4.3).

    Attributes:
        preference: See ``RdnssPreference``.
        primary, secondary: The servers; 0.0.0.0 for no secondary.
        domains: The domains and networks that they know; the root is all.
    """

    preference: int
    primary: IPv4Address
    secondary: IPv4Address
    domains: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Authentication:
    """Authentication (option 90, RFC 3118 section 2).

    Attributes:
        protocol: 0 a token, 1 delayed authentication, 3 a reconfigure key (RFC 6704).
        algorithm: The protocol's; 1 HMAC-MD5.
        replay_detection_method: 0 a counter that grows.
        replay_detection: The counter.
        information: The protocol's bytes.
    """

    protocol: int
    algorithm: int
    replay_detection_method: int
    replay_detection: int
    information: bytes


@dataclass(frozen=True, slots=True)
class RelayAuthentication:
    """Authentication by a relay agent (sub-option 8, RFC 4030).

    Attributes:
        algorithm: 1 HMAC-SHA1.
        replay_detection_method: 0 a counter that grows.
        replay_detection: The counter.
        relay_identifier: Chosen by the relay agent.
        information: The algorithm's bytes.
    """

    algorithm: int
    replay_detection_method: int
    replay_detection: int
    relay_identifier: int
    information: bytes


@dataclass(frozen=True, slots=True)
class EncryptedDns:
    """An encrypted DNS resolver (option 162, RFC 9463 section 5).

    Attributes:
        priority: The lower, the more preferred.
        name: The name that its certificate has to show.
        addresses: Its addresses; none where the client looks the name up itself.
        parameters: Service parameters (RFC 9460 section 14.3.2), as sub-options: ``alpn``, ``port``, ``dohpath``.
    """

    priority: int
    name: str
    addresses: tuple[IPv4Address, ...] = ()
    parameters: Sequence[Any] = ()


class EncryptedDnsServer(Record[EncryptedDns]):
    """A DNR instance (RFC 9463 section 5), without the length before it.

    Priority, and name after its length; then, unless only the name counts, addresses after their length, and service
    parameters.

    Args:
        parameters: The type of the service parameters.
    """

    def __init__(self, parameters: ValueType[Any]) -> None:
        addresses = LengthPrefixed(Array(Address(), min_items=0))
        super().__init__(
            EncryptedDns,
            [
                ("priority", Integer(16)),
                ("name", LengthPrefixed(DomainName())),
                ("addresses", addresses),
                ("parameters", parameters),
            ],
            defaults={"addresses": (), "parameters": ()},
        )

    def decode(self, data: bytes) -> EncryptedDns:
        priority, at = self._types[0].read(data, 0)
        name, at = self._types[1].read(data, at)
        if at == len(data):
            return EncryptedDns(priority, name)
        return super().decode(data)

    def _pack_fields(self, values: Sequence[Any]) -> bytes:
        addresses, parameters = (kind.encode(value) for kind, value in zip(self._types[2:], values[2:], strict=True))
        head = self._types[0].encode(values[0]) + self._types[1].encode(values[1])
        return head if addresses == b"\0" and not parameters else head + addresses + parameters

    def bind(self, spaces: Mapping[str, Any]) -> Self:
        return type(self)(self._types[3].bind(spaces))
