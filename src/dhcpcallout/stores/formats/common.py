"""What the formats have in common: entries, numbered lines, and the limits of what a lease may hold."""

from collections.abc import Callable, Iterator
from ipaddress import IPv4Address
from typing import BinaryIO, NamedTuple

from ...codes import INFINITE
from ...leases import Lease, LeaseState

__all__ = ["MOST_TIME_S", "Entry", "Report", "checked", "client_key_of", "numbered_lines", "parse_address", "parse_hex"]

MOST_TIME_S = 1 << 34
"""The latest time that is believed, Unix time in seconds: in the year 2514."""

_LONGEST_LINE = 1 << 16
_LONGEST_HARDWARE_ADDRESS = 20
_LONGEST_CLIENT_KEY = 1024
_LONGEST_RELAY_INFORMATION = 1024
_LONGEST_HOSTNAME = 4096
"""The engine keeps 1024 bytes, each of which may have become four characters."""


class Entry(NamedTuple):
    """What a file says about an address; what a later entry says about the same address replaces it.

    Attributes:
        line: The line where it stands, from 1.
        address_int: The address, a 32-bit integer.
        lease: The address' row, or None where there is none any more.
    """

    line: int
    address_int: int
    lease: Lease | None


Report = Callable[[int, str], None]
"""Called with the line and the text of each thing that is wrong; what is wrong makes no entry."""


def numbered_lines(stream: BinaryIO, report: Report) -> Iterator[tuple[int, bytes]]:
    """The lines of a file with their numbers, without what ends them. One that is too long is reported."""
    number = 0
    while line := stream.readline(_LONGEST_LINE):
        number += 1
        if len(line) == _LONGEST_LINE and not line.endswith(b"\n"):
            report(number, f"the line has more than {_LONGEST_LINE - 1} bytes")
            while line and not line.endswith(b"\n"):
                line = stream.readline(_LONGEST_LINE)
            continue
        yield number, line.rstrip(b"\r\n")


def parse_address(text: str) -> int:
    """An IPv4 address as a 32-bit integer.

    Raises:
        ValueError: It is none.
    """
    try:
        return int(IPv4Address(text))
    except ValueError:
        raise ValueError(f"{text!r} is not an IPv4 address") from None


def parse_hex(text: str) -> bytes:
    """Bytes in hexadecimal: two digits each, or with colons between them one digit or two.

    Raises:
        ValueError: The text is something else.
    """
    try:
        try:
            return bytes.fromhex(text.replace(":", " "))
        except ValueError:
            return bytes(int(part, 16) for part in text.split(":"))
    except ValueError:
        raise ValueError(f"{text[:80]!r} is not hexadecimal") from None


def client_key_of(client_id: bytes, hardware_type: int, hardware_address: bytes) -> bytes:
    """Who a client is: its client identifier, else its hardware type and address; empty where there is neither.

    Raises:
        ValueError: The type is no byte.
    """
    if client_id or not hardware_address:
        return client_id
    if not 0 <= hardware_type <= 255:
        raise ValueError(f"hardware type {hardware_type} is not 0 to 255")
    return bytes((hardware_type,)) + hardware_address


def checked(lease: Lease) -> Lease:
    """A lease, as it is.

    Raises:
        ValueError: It has what no lease can have.
    """
    if not 0 <= lease.hardware_type <= 255:
        raise ValueError(f"hardware type {lease.hardware_type} is not 0 to 255")
    if len(lease.hardware_address) > _LONGEST_HARDWARE_ADDRESS:
        raise ValueError(f"the hardware address has more than {_LONGEST_HARDWARE_ADDRESS} bytes")
    if len(lease.client_key) > _LONGEST_CLIENT_KEY:
        raise ValueError(f"the client's identifier has more than {_LONGEST_CLIENT_KEY} bytes")
    if not lease.client_key and lease.state == LeaseState.ACTIVE:
        raise ValueError("there is neither a client identifier nor a hardware address")
    if not 0 <= lease.starts_s <= INFINITE:
        raise ValueError(f"the lease starts at {lease.starts_s}, which is not Unix time")
    if not 0 <= lease.expires_s <= MOST_TIME_S:
        raise ValueError(f"the lease ends at {lease.expires_s}, which is not Unix time")
    if len(lease.hostname) > _LONGEST_HOSTNAME:
        raise ValueError(f"the hostname has more than {_LONGEST_HOSTNAME} characters")
    if len(lease.relay_information) > _LONGEST_RELAY_INFORMATION:
        raise ValueError(f"the relay agent's information has more than {_LONGEST_RELAY_INFORMATION} bytes")
    return lease
