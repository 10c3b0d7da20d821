"""Bytes to ``Packet`` and back: the BOOTP/DHCP message format, and the options as one table of data."""

from .packet import Encoded, Packet, decode, encode
from .scan import Area, RawOption, Scan, scan

__all__ = ["Area", "Encoded", "Packet", "RawOption", "Scan", "decode", "encode", "scan"]
