"""Values of sub-options, of relay agents and of vendors."""

from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address

__all__ = [
    "BootItem",
    "BootMenuItem",
    "BootPrompt",
    "BootServers",
    "KerberosBackoff",
    "RadiusAttribute",
    "Subnet",
    "SubnetInformation",
    "SubnetRequest",
    "VendorClass",
    "VirtualSubnet",
    "VirtualSubnetType",
]


@dataclass(frozen=True, slots=True)
class VendorClass:
    """A vendor's class (option 124, RFC 3925 section 3).

    Attributes:
        enterprise: The vendor's private enterprise number (IANA).
        data: The vendor's bytes.
    """

    enterprise: int
    data: bytes


@dataclass(frozen=True, slots=True)
class RadiusAttribute:
    """A RADIUS attribute (sub-option 7 of option 82, RFC 4014).

    Attributes:
        type: RADIUS's number, 1 for User-Name.
        value: Its bytes.
    """

    type: int
    value: bytes


class VirtualSubnetType(IntEnum):
    """How a virtual subnet is named (RFC 6607 section 3)."""

    VPN_NAME = 0
    VPN_ID = 1
    GLOBAL = 255


@dataclass(frozen=True, slots=True)
class VirtualSubnet:
    """The virtual network that a client is in (option 221, sub-option 151 of option 82, RFC 6607 section 3).

    Attributes:
        type: See ``VirtualSubnetType``.
        information: An ASCII name, an RFC 2685 VPN-ID of 7 bytes, or nothing for the global one.
    """

    type: int
    information: bytes


@dataclass(frozen=True, slots=True)
class SubnetRequest:
    """A request for a subnet (sub-option 1 of option 220, RFC 6656).

    Attributes:
        flags: 2 for subnets that the client has (i), 1 for a hierarchical request (h).
        prefix_length: Wanted; 0 for the server's choice.
    """

    flags: int
    prefix_length: int


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet of ``SubnetInformation``.

    Attributes:
        network: Its address.
        prefix_length: Its mask's bits.
        flags: 2 for hierarchical use (h), 1 for deprecated (d).
        statistics: Addresses at most in use, now in use, unusable; as many of these as were sent.
    """

    network: IPv4Address
    prefix_length: int
    flags: int
    statistics: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SubnetInformation:
    """Subnets that a server gives, or a client has (sub-option 2 of option 220, RFC 6656).

    Attributes:
        flags: 2 for a client's request (c), 1 for a server's information alone (s).
        subnets: At least one.
    """

    flags: int
    subnets: tuple[Subnet, ...]


@dataclass(frozen=True, slots=True)
class KerberosBackoff:
    """Timeouts of a Kerberos exchange (sub-options 4 and 5 of option 122, RFC 3495).

    Attributes:
        nominal_timeout_ms: Milliseconds.
        maximum_timeout_s: Seconds.
        maximum_retries: How often.
    """

    nominal_timeout_ms: int
    maximum_timeout_s: int
    maximum_retries: int


@dataclass(frozen=True, slots=True)
class BootServers:
    """PXE boot servers of one type (PXE 2.1, tag 8).

    Attributes:
        type: The boot server's type; 0 for PXE bootstrap.
        addresses: The servers.
    """

    type: int
    addresses: tuple[IPv4Address, ...]


@dataclass(frozen=True, slots=True)
class BootMenuItem:
    """A line of the PXE boot menu (PXE 2.1, tag 9).

    Attributes:
        type: The boot server's type; 0 for a local boot.
        description: The line's text.
    """

    type: int
    description: str


@dataclass(frozen=True, slots=True)
class BootPrompt:
    """The PXE boot menu's prompt (PXE 2.1, tag 10).

    Attributes:
        timeout_s: Seconds until the first item is chosen; 0 at once, 255 never.
        prompt: The text.
    """

    timeout_s: int
    prompt: str


@dataclass(frozen=True, slots=True)
class BootItem:
    """The item of the PXE boot menu that was chosen (PXE 2.1, tag 71).

    Attributes:
        type: The boot server's type.
        layer: The layer; the highest bit asks for credentials.
    """

    type: int
    layer: int
