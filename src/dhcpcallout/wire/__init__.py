"""Bytes to ``Packet`` and back: the BOOTP/DHCP message format, and the options as one table of data."""

from .packet import Encoded, Packet, decode, encode

__all__ = ["Encoded", "Packet", "decode", "encode"]
