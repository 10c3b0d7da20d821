"""Who a client is: its key, its hardware, and what is reserved for it."""

from ..codes import OptionCode
from ..wire import Packet

__all__ = ["client_key", "hardware_key", "parse_hardware_address"]

_CLIENT_IDENTIFIER = int(OptionCode.DHCP_CLIENT_IDENTIFIER)
_SHORTEST = 2
_LONGEST = 1024
"""The bytes that a client identifier has at least (RFC 2132 section 9.14), and at most if a lease is to keep it."""


def hardware_key(hardware_type: int, hardware_address: bytes) -> bytes:
    """What identifies a client by its hardware: one byte of ``htype``, then ``chaddr``'s ``hlen`` bytes.

    It is also the form of a client identifier (option 61) that holds a hardware address (RFC 2132 section 9.14), so a
    client is the same with and without one.
    """
    return bytes((hardware_type,)) + hardware_address


def client_key(packet: Packet, match_client_id: bool = True) -> bytes:
    """What identifies the client that sent a packet (RFC 2131 section 4.2).

    It is the client identifier (option 61), whose bytes mean nothing to the server, whether they are made as RFC 4361
    says or otherwise; without one, the hardware key. A client identifier of less than two bytes is malformed and counts
    for none.

    Args:
        packet: The packet.
        match_client_id: Without, the hardware key comes first, and the client identifier counts only for a client that
            has no hardware address.

    Returns:
        The key; b"" where the packet does not tell who sent it, or with an identifier that is too long to be kept.
    """
    hardware_address = packet.chaddr
    if match_client_id or not hardware_address:
        identifier = packet.options.get(_CLIENT_IDENTIFIER, b"")
        if len(identifier) >= _SHORTEST:
            return identifier if len(identifier) <= _LONGEST else b""
    return hardware_key(packet.htype, hardware_address) if hardware_address else b""


def parse_hardware_address(text: str | bytes) -> bytes:
    """A hardware address from its text: ``00:0c:01:02:03:04``, with ``-`` or ``.`` or nothing between as well.

    Raises:
        ValueError: It is not 1 to 16 bytes in hexadecimal.
    """
    try:
        value = text if isinstance(text, bytes) else bytes.fromhex("".join(c for c in text if c not in ":-."))
    except ValueError:
        raise ValueError(f"{text!r} is not a hardware address such as 00:0c:01:02:03:04") from None
    if not 1 <= len(value) <= 16:
        raise ValueError(f"{text!r} has {len(value)} bytes; a hardware address has 1 to 16")
    return value
