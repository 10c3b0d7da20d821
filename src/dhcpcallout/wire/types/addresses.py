"""IPv4 and IPv6 addresses."""

from ipaddress import IPv4Address, IPv6Address
from struct import unpack
from typing import Any

from ...errors import EncodeError, WireError
from .base import ValueType

__all__ = ["Address", "Address6"]


class Address(ValueType[IPv4Address]):
    """An IPv4 address, four bytes."""

    name = "ipv4-address"
    size = 4

    def decode(self, data: bytes) -> IPv4Address:
        if len(data) != 4:
            raise WireError(f"{len(data)} bytes; an IPv4 address has 4", offset=0)
        return IPv4Address(data)

    def decode_many(self, data: bytes) -> tuple[IPv4Address, ...]:
        count, rest = divmod(len(data), 4)
        if rest:
            raise WireError(f"{len(data)} bytes; IPv4 addresses have a multiple of 4", offset=len(data) - rest)
        return tuple(map(IPv4Address, unpack(f"!{count}I", data)))

    def pack(self, value: Any) -> bytes:
        return self._checked(value).packed

    def to_text(self, value: Any) -> str:
        return str(value)

    def parse_text(self, text: str) -> IPv4Address:
        return self._checked(text)

    def _checked(self, value: Any) -> IPv4Address:
        try:
            if not isinstance(value, bool):
                return IPv4Address(value.strip() if isinstance(value, str) else value)
        except ValueError:
            pass
        raise EncodeError(f"{value!r} is not an IPv4 address such as 10.0.0.1")


class Address6(ValueType[IPv6Address]):
    """An IPv6 address, 16 bytes."""

    name = "ipv6-address"
    size = 16

    def decode(self, data: bytes) -> IPv6Address:
        if len(data) != 16:
            raise WireError(f"{len(data)} bytes; an IPv6 address has 16", offset=0)
        return IPv6Address(data)

    def pack(self, value: Any) -> bytes:
        return self.parse_text(str(value)).packed

    def to_text(self, value: Any) -> str:
        return str(value)

    def parse_text(self, text: str) -> IPv6Address:
        try:
            address = IPv6Address(text.strip())
        except ValueError:
            address = None
        if address is None or address.scope_id is not None:
            raise EncodeError(f"{text!r} is not an IPv6 address such as 2001:db8::1")
        return address
