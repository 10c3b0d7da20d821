"""Bytes to ``Packet`` and back: the BOOTP/DHCP message format, and the options as one table of data."""

from .packet import Encoded, Packet, check, decode, encode
from .registry import REGISTRY, Option, OptionDefinition, OptionRegistry, OptionSpec
from .scan import Area, RawOption, Scan, scan

__all__ = [
    "REGISTRY",
    "Area",
    "Encoded",
    "Option",
    "OptionDefinition",
    "OptionRegistry",
    "OptionSpec",
    "Packet",
    "RawOption",
    "Scan",
    "check",
    "decode",
    "encode",
    "scan",
]
