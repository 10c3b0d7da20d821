"""The callout ABI of ``dhcpssdk.h`` as data: one row a hook, the entry point, ``DHCP_SERVER_OPTIONS``.

Nothing here calls anything foreign; ``native`` does, driven by these rows.
"""

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import attrgetter
from struct import Struct
from typing import Any, Protocol

from .. import hooks
from ..errors import WireError
from ..wire import scan

__all__ = [
    "BUFFER_SIZE",
    "DECLARATIONS",
    "ENTRY_POINT",
    "ROWS",
    "SERVER_OPTIONS_SIZE",
    "Frame",
    "Row",
    "multi_sz",
    "server_options",
]

ENTRY_POINT = "DhcpServerCalloutEntry"
BUFFER_SIZE = 4096
"""What a hook may write to behind its ``Packet`` pointer, in bytes."""


class Frame(Protocol):
    """The memory of one call, filled before it: what a row's arguments are made of.

    Attributes:
        null: NULL.
        packet: The buffer, and ``size`` the bytes in it that count.
        packet_ref: Where a pointer to the buffer is, for hooks that may point it elsewhere.
        size_ref: Where ``size`` is, for hooks that may change it.
        context_ref: Where NewPkt leaves its PktContext.
        process_ref: Where NewPkt leaves its ProcessIt.
    """

    null: Any
    packet: Any
    size: int
    packet_ref: Any
    size_ref: Any
    context_ref: Any
    process_ref: Any

    def context(self, event: Any) -> Any:
        """The PktContext that NewPkt left for this event's packet."""

    def options(self, event: Any) -> Any:
        """``DHCP_SERVER_OPTIONS`` of the message in the buffer."""


@dataclass(frozen=True, slots=True)
class Row:
    """One hook.

    Attributes:
        slot: Its slot.
        parameters: Its parameters in C.
        arguments: What to call it with, from the memory of the call and the event.
        content: The bytes of the event that go into the buffer.
        by_reference: Whether it may move the packet and change its size. What becomes of that is the slot's
            matter: where it takes no answer, a dropped packet stays as it was.
        begins: Whether it begins a packet: sets its PktContext, and may refuse it by ProcessIt.
    """

    slot: hooks.Slot[Any]
    parameters: str
    arguments: Callable[[Frame, Any], tuple[Any, ...]]
    content: Callable[[Any], bytes] = attrgetter("data")
    by_reference: bool = False
    begins: bool = False

    @property
    def member(self) -> str:
        """Its member of ``DHCP_CALLOUT_TABLE``."""
        return str(self.slot.abi_name)


_DROP_SEND = "LPBYTE *Packet, DWORD *PacketSize, DWORD ControlCode, DWORD IpAddress, LPVOID Reserved, LPVOID PktContext"

ROWS = (
    Row(
        hooks.CONTROL,
        "DWORD dwControlCode, LPVOID lpReserved",
        lambda frame, event: (event.code, frame.null),
        content=lambda _event: b"",
    ),
    Row(
        hooks.NEW_PACKET,
        "LPBYTE *Packet, DWORD *PacketSize, DWORD IpAddress, LPVOID Reserved, LPVOID *PktContext, LPBOOL ProcessIt",
        lambda frame, event: (
            frame.packet_ref, frame.size_ref, event.server_address_int, frame.null, frame.context_ref,
            frame.process_ref,
        ),
        by_reference=True,
        begins=True,
    ),
    Row(
        hooks.PACKET_DROP,
        _DROP_SEND,
        lambda frame, event: (
            frame.packet_ref, frame.size_ref, event.reason, event.server_address_int, frame.null, frame.context(event),
        ),
        by_reference=True,
    ),
    Row(
        hooks.PACKET_SEND,
        _DROP_SEND,
        lambda frame, event: (
            frame.packet_ref, frame.size_ref, event.code, event.server_address_int, frame.null, frame.context(event),
        ),
        by_reference=True,
    ),
    Row(
        hooks.ADDRESS_DELETE,
        "LPBYTE Packet, DWORD PacketSize, DWORD ControlCode, DWORD IpAddress, DWORD AltAddress, LPVOID Reserved, "
        "LPVOID PktContext",
        lambda frame, event: (
            frame.packet, frame.size, event.reason, event.server_address_int, event.address_int, frame.null,
            frame.context(event),
        ),
    ),
    Row(
        hooks.ADDRESS_OFFER,
        "LPBYTE Packet, DWORD PacketSize, DWORD ControlCode, DWORD IpAddress, DWORD AltAddress, DWORD AddrType, "
        "DWORD LeaseTime, LPVOID Reserved, LPVOID PktContext",
        lambda frame, event: (
            frame.packet, frame.size, event.given, event.server_address_int, event.address_int, event.address_type,
            event.lease_time_s, frame.null, frame.context(event),
        ),
    ),
    Row(
        hooks.HANDLE_OPTIONS,
        "LPBYTE Packet, DWORD PacketSize, LPVOID Reserved, LPVOID PktContext, LPVOID ServerOptions",
        lambda frame, event: (frame.packet, frame.size, frame.null, frame.context(event), frame.options(event)),
    ),
    Row(
        hooks.DELETE_CLIENT,
        "DWORD IpAddress, LPBYTE HwAddress, ULONG HwAddressLength, DWORD Reserved, DWORD ClientType",
        lambda frame, event: (event.address_int, frame.packet, frame.size, 0, event.address_type),
        content=attrgetter("hardware_address"),
    ),
)  # fmt: skip
"""The eight hooks, in the table's order."""

DECLARATIONS = "\n".join(
    (
        # Fixed widths, so that they are the same where long has 64 bits; __stdcall counts on 32-bit Windows only.
        "typedef uint8_t *LPBYTE;",
        "typedef uint32_t DWORD;",
        "typedef uint32_t ULONG;",
        "typedef int32_t *LPBOOL;",
        "typedef uint16_t *LPWSTR;",
        "typedef void *LPVOID;",
        "typedef struct {",
        *(f"    DWORD (__stdcall *{row.member})({row.parameters});" for row in ROWS),
        "    LPVOID DhcpExtensionHook;",
        "    LPVOID DhcpReservedHook;",
        "} DHCP_CALLOUT_TABLE;",
        f"DWORD __stdcall {ENTRY_POINT}(LPWSTR ChainDlls, DWORD CalloutVersion, DHCP_CALLOUT_TABLE *CalloutTbl);",
    )
)
"""The table and the entry point in C."""


def multi_sz(names: Iterable[str]) -> bytes:
    """Names as a REG_MULTI_SZ: UTF-16 in this machine's byte order, a NUL after each, and an empty name at the end.

    Two NULs where there is no name at all.
    """
    text = "".join(f"{name}\0" for name in names) or "\0"
    return f"{text}\0".encode("utf-16-le" if sys.byteorder == "little" else "utf-16-be", "surrogatepass")


_FIELDS = (
    ("MessageType", "P"),
    ("SubnetMask", "P"),
    ("RequestedAddress", "P"),
    ("RequestLeaseTime", "P"),
    ("OverlayFields", "P"),
    ("RouterAddress", "P"),
    ("Server", "P"),
    ("ParameterRequestList", "P"),
    ("ParameterRequestListLength", "I"),
    ("MachineName", "P"),
    ("MachineNameLength", "I"),
    ("ClientHardwareAddressType", "B"),
    ("ClientHardwareAddressLength", "B"),
    ("ClientHardwareAddress", "P"),
    ("ClassIdentifier", "P"),
    ("ClassIdentifierLength", "I"),
    ("VendorClass", "P"),
    ("VendorClassLength", "I"),
    ("DNSFlags", "I"),
    ("DNSNameLength", "I"),
    ("DNSName", "P"),
    ("DSDomainNameRequested", "B"),
    ("DSDomainName", "P"),
    ("DSDomainNameLen", "I"),
    ("ScopeId", "P"),
)
# The native layout is the C compiler's, and packing zeroes the padding.
_STRUCT = Struct("@" + "".join(letter for _, letter in _FIELDS))
_PLACE = {name: place for place, (name, _) in enumerate(_FIELDS)}
SERVER_OPTIONS_SIZE = _STRUCT.size
"""``sizeof(DHCP_SERVER_OPTIONS)`` here: 176 where pointers have eight bytes, 96 where they have four."""

_SIMPLE = {
    code: (_PLACE[name], least, _PLACE.get(f"{name}Length"))
    for code, name, least in (
        (1, "SubnetMask", 4),
        (3, "RouterAddress", 4),
        (12, "MachineName", 0),
        (50, "RequestedAddress", 4),
        (51, "RequestLeaseTime", 4),
        (52, "OverlayFields", 1),
        (53, "MessageType", 1),
        (54, "Server", 4),
        (55, "ParameterRequestList", 0),
        (60, "VendorClass", 0),
        (77, "ClassIdentifier", 0),
    )
}
"""An option's pointer, the least bytes that whoever follows it reads, and its length's field."""

_HTYPE, _HLEN, _CHADDR = _PLACE["ClientHardwareAddressType"], _PLACE["ClientHardwareAddressLength"], 28
_HARDWARE_ADDRESS = _PLACE["ClientHardwareAddress"]
_DNS_FLAGS, _DNS_LENGTH, _DNS_NAME = _PLACE["DNSFlags"], _PLACE["DNSNameLength"], _PLACE["DNSName"]


def server_options(data: bytes, base: int) -> bytes:
    """``DHCP_SERVER_OPTIONS`` of a message: an image of the structure, its padding zero.

    An option that the message repeats counts where it stands first, which is also all that a pointer can show of
    a long one (RFC 3396). One that is cut short, or too short for its field, counts as absent.

    Args:
        data: The message.
        base: The address of the buffer that holds the same bytes, which the pointers point into.
    """
    values = [0] * len(_FIELDS)
    try:
        message = scan(data)
    except WireError:
        return _STRUCT.pack(*values)
    values[_HTYPE] = message.htype
    values[_HLEN] = message.hlen
    if message.hlen:
        values[_HARDWARE_ADDRESS] = base + _CHADDR
    seen = set()
    for option in message.options:
        code = option.code
        if option.cut or code in seen:
            continue
        seen.add(code)
        size = len(option.data)
        address = base + option.offset + 2
        if code in _SIMPLE:
            pointer, least, length = _SIMPLE[code]
            if size >= least:
                values[pointer] = address
                if length is not None:
                    values[length] = size
        elif code == 61 and size >= 2:
            values[_HTYPE] = option.data[0]
            values[_HLEN] = size - 1
            values[_HARDWARE_ADDRESS] = address + 1
        elif code == 81 and size >= 3:
            # Flags, and two bytes of obsolete result codes before the name (RFC 4702 section 2).
            values[_DNS_FLAGS] = option.data[0]
            values[_DNS_LENGTH] = size - 3
            values[_DNS_NAME] = address + 3
    return _STRUCT.pack(*values)
