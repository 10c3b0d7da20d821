"""Every DHCP option as one table of data, and users' own options beside them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..codes import MessageType, OptionCode
from .option import Option, OptionSpace, OptionSpec
from .types.addresses import Address, Address6
from .types.base import Empty, ValueType
from .types.composite import Array, LengthPrefixed
from .types.integers import Boolean, Integer, Named
from .types.strings import Opaque, Text

__all__ = ["REGISTRY", "Option", "OptionDefinition", "OptionRegistry", "OptionSpec"]

DHCP4 = "dhcp4"
"""The name of the space that DHCP's own options share."""

_UNDELIMITED = {"binary": Opaque(), "string": Text()}
_TYPES: dict[str, ValueType[Any]] = {
    "boolean": Boolean(),
    "empty": Empty(),
    "int8": Integer(8, signed=True),
    "int16": Integer(16, signed=True),
    "int32": Integer(32, signed=True),
    "uint8": Integer(8),
    "uint16": Integer(16),
    "uint32": Integer(32),
    "uint64": Integer(64),
    "ipv4-address": Address(),
    "ipv6-address": Address6(),
    "tuple": LengthPrefixed(Text(min_size=0)),
    **_UNDELIMITED,
}


@dataclass(frozen=True, slots=True)
class OptionDefinition:
    """An option that a user defines.

    Attributes:
        code: Its number. An option that IANA has assigned can be defined anew.
        name: Small letters, digits and hyphens; not another option's.
        type: ``binary``, ``boolean``, ``empty``, ``fqdn`` (a domain name), ``int8``, ``int16``, ``int32``, ``uint8``,
            ``uint16``, ``uint32``, ``uint64``, ``ipv4-address``, ``ipv6-address``, ``string``, ``tuple`` (a text after
            its length) or ``record``.
        array: Whether the option holds one value of that type after the other.
        record: The types of a record's fields.
        space: The space that the code belongs to: "dhcp4", or that of sub-options.
        encapsulates: The space of the sub-options that make up the option's value; ``type`` is "empty" then.
    """

    code: int
    name: str
    type: str = "binary"
    array: bool = False
    record: tuple[str, ...] = ()
    space: str = DHCP4
    encapsulates: str = ""


class OptionRegistry(OptionSpace):
    """DHCP's options, and the spaces of sub-options: immutable."""

    def __init__(self, spaces: Mapping[str, Iterable[OptionSpec]]) -> None:
        bound: dict[str, OptionSpace] = {}
        for name, specs in spaces.items():
            rows = (replace(spec, type=spec.type.bind(bound)) for spec in specs)
            if name == DHCP4:
                super().__init__(name, rows)
                bound[name] = self
            else:
                bound[name] = OptionSpace(name, rows)
        self._spaces = bound


_ADDRESS = Address()
_ADDRESSES = Array(_ADDRESS)
_BINARY = Opaque()
_BOOLEAN = Boolean()
_INT32 = Integer(32, signed=True)
_TEXT = Text()
_UINT8 = Integer(8)
_UINT16 = Integer(16)
_UINT32 = Integer(32)
C = OptionCode

_ROWS: tuple[tuple[Any, ...], ...] = (
    (C.SUBNET_MASK, _ADDRESS, "RFC 2132 3.3"),
    (C.TIME_OFFSET, _INT32, "RFC 2132 3.4"),
    (C.ROUTERS, _ADDRESSES, "RFC 2132 3.5"),
    (C.DOMAIN_NAME_SERVERS, _ADDRESSES, "RFC 2132 3.8"),
    (C.NTP_SERVERS, _ADDRESSES, "RFC 2132 8.3"),
    (C.HOST_NAME, _TEXT, "RFC 2132 3.14"),
    (C.DOMAIN_NAME, _TEXT, "RFC 2132 3.17"),
    (C.INTERFACE_MTU, _UINT16, "RFC 2132 5.1"),
    (C.BROADCAST_ADDRESS, _ADDRESS, "RFC 2132 5.3"),
    (C.DHCP_REQUESTED_ADDRESS, _ADDRESS, "RFC 2132 9.1"),
    (C.DHCP_LEASE_TIME, _UINT32, "RFC 2132 9.2"),
    (C.DHCP_OPTION_OVERLOAD, _UINT8, "RFC 2132 9.3"),
    (C.DHCP_MESSAGE_TYPE, Named(MessageType), "RFC 2132 9.6"),
    (C.DHCP_SERVER_IDENTIFIER, _ADDRESS, "RFC 2132 9.7"),
    (C.DHCP_PARAMETER_REQUEST_LIST, Array(_UINT8), "RFC 2132 9.8"),
    (C.DHCP_MESSAGE, _TEXT, "RFC 2132 9.9"),
    (C.DHCP_MAX_MESSAGE_SIZE, _UINT16, "RFC 2132 9.10"),
    (C.DHCP_RENEWAL_TIME, _UINT32, "RFC 2132 9.11"),
    (C.DHCP_REBINDING_TIME, _UINT32, "RFC 2132 9.12"),
    (C.VENDOR_CLASS_IDENTIFIER, _TEXT, "RFC 2132 9.13"),
    (C.DHCP_CLIENT_IDENTIFIER, Opaque(min_size=2), "RFC 2132 9.14"),
    (C.TFTP_SERVER_NAME, _TEXT, "RFC 2132 9.4"),
    (C.BOOT_FILE_NAME, _TEXT, "RFC 2132 9.5"),
)


def _rows() -> Iterable[OptionSpec]:
    known = set()
    for code, value_type, reference in _ROWS:
        known.add(code)
        yield OptionSpec(int(code), code.name.lower().replace("_", "-"), value_type, reference)
    for code in OptionCode:
        if code not in known and code not in (C.PAD, C.END):
            yield OptionSpec(int(code), code.name.lower().replace("_", "-"), _BINARY)


REGISTRY = OptionRegistry({DHCP4: _rows()})
"""The options that IANA has assigned, and well-known private ones."""
