"""The callout ABI of ``dhcpssdk.h`` as data: one row a hook, the entry point, ``DHCP_SERVER_OPTIONS``.

Nothing here calls anything foreign; ``native`` does, driven by these rows.
"""

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import attrgetter, itemgetter
from struct import Struct
from typing import Any, Literal, Protocol

from .. import hooks
from ..wire.header import (
    COOKIE,
    END,
    FILE_OFFSET,
    FILE_SIZE,
    HEADER,
    MAX_CHADDR,
    OPTIONS_OFFSET,
    OVERLOAD,
    PAD,
    SNAME_OFFSET,
    SNAME_SIZE,
)

__all__ = [
    "BUFFER_SIZE",
    "DECLARATIONS",
    "ENTRY_POINT",
    "ROWS",
    "SERVER_OPTIONS_SIZE",
    "Frame",
    "Row",
    "ServerOptions",
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
        context_key: Where in a packet's context its PktContext is kept for the later hooks.
        process_ref: Where NewPkt leaves its ProcessIt.
    """

    null: Any
    packet: Any
    size: int
    packet_ref: Any
    size_ref: Any
    context_ref: Any
    context_key: str
    process_ref: Any

    def options(self, event: Any) -> Any:
        """``DHCP_SERVER_OPTIONS`` of the message in the buffer."""


@dataclass(frozen=True, slots=True)
class Row:
    """One hook.

    Attributes:
        slot: Its slot.
        parameters: Its parameters in C.
        call: Calls it with what the memory of the call and the event have for its parameters.
        content: The bytes of the event that go into the buffer.
        shown: What these are: hooks that are shown the same share a buffer, which is then filled once a packet.
        by_reference: Whether it may move the packet and change its size. What becomes of that is the slot's
            matter: where it takes no answer, a dropped packet stays as it was.
        begins: Whether it begins a packet: sets its PktContext, and may refuse it by ProcessIt.
    """

    slot: hooks.Slot[Any]
    parameters: str
    call: Callable[[Callable[..., int], Frame, Any], int]
    content: Callable[[Any], bytes] = attrgetter("data")
    shown: Literal["nothing", "request", "reply", "hardware address"] = "request"
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
        lambda hook, frame, event: hook(event.code, frame.null),
        content=lambda _event: b"",
        shown="nothing",
    ),
    Row(
        hooks.NEW_PACKET,
        "LPBYTE *Packet, DWORD *PacketSize, DWORD IpAddress, LPVOID Reserved, LPVOID *PktContext, LPBOOL ProcessIt",
        lambda hook, frame, event: hook(
            frame.packet_ref, frame.size_ref, event.server_address_int, frame.null, frame.context_ref,
            frame.process_ref,
        ),
        by_reference=True,
        begins=True,
    ),
    Row(
        hooks.PACKET_DROP,
        _DROP_SEND,
        lambda hook, frame, event: hook(
            frame.packet_ref, frame.size_ref, event.reason, event.server_address_int, frame.null,
            event.context.get(frame.context_key, frame.null),
        ),
        by_reference=True,
    ),
    Row(
        hooks.PACKET_SEND,
        _DROP_SEND,
        lambda hook, frame, event: hook(
            frame.packet_ref, frame.size_ref, event.code, event.server_address_int, frame.null,
            event.context.get(frame.context_key, frame.null),
        ),
        shown="reply",
        by_reference=True,
    ),
    Row(
        hooks.ADDRESS_DELETE,
        "LPBYTE Packet, DWORD PacketSize, DWORD ControlCode, DWORD IpAddress, DWORD AltAddress, LPVOID Reserved, "
        "LPVOID PktContext",
        lambda hook, frame, event: hook(
            frame.packet, frame.size, event.reason, event.server_address_int, event.address_int, frame.null,
            event.context.get(frame.context_key, frame.null),
        ),
    ),
    Row(
        hooks.ADDRESS_OFFER,
        "LPBYTE Packet, DWORD PacketSize, DWORD ControlCode, DWORD IpAddress, DWORD AltAddress, DWORD AddrType, "
        "DWORD LeaseTime, LPVOID Reserved, LPVOID PktContext",
        lambda hook, frame, event: hook(
            frame.packet, frame.size, event.given, event.server_address_int, event.address_int, event.address_type,
            event.lease_time_s, frame.null,
            event.context.get(frame.context_key, frame.null),
        ),
    ),
    Row(
        hooks.HANDLE_OPTIONS,
        "LPBYTE Packet, DWORD PacketSize, LPVOID Reserved, LPVOID PktContext, LPVOID ServerOptions",
        lambda hook, frame, event: hook(
            frame.packet, frame.size, frame.null, event.context.get(frame.context_key, frame.null),
            frame.options(event),
        ),
    ),
    Row(
        hooks.DELETE_CLIENT,
        "DWORD IpAddress, LPBYTE HwAddress, ULONG HwAddressLength, DWORD Reserved, DWORD ClientType",
        lambda hook, frame, event: hook(event.address_int, frame.packet, frame.size, 0, event.address_type),
        content=attrgetter("hardware_address"),
        shown="hardware address",
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

_HTYPE, _HLEN, _CHADDR = _PLACE["ClientHardwareAddressType"], _PLACE["ClientHardwareAddressLength"], 28
_HARDWARE_ADDRESS = _PLACE["ClientHardwareAddress"]
_Options = dict[int, tuple[int, int, int, int | None, int | None]]
_OPTIONS: _Options = {
    code: (_PLACE[name], least, before, _PLACE.get(length or f"{name}Length"), _PLACE.get(first))
    for code, name, least, before, length, first in (
        (1, "SubnetMask", 4, 0, "", ""),
        (3, "RouterAddress", 4, 0, "", ""),
        (12, "MachineName", 0, 0, "", ""),
        (50, "RequestedAddress", 4, 0, "", ""),
        (51, "RequestLeaseTime", 4, 0, "", ""),
        (52, "OverlayFields", 1, 0, "", ""),
        (53, "MessageType", 1, 0, "", ""),
        (54, "Server", 4, 0, "", ""),
        (55, "ParameterRequestList", 0, 0, "", ""),
        (60, "VendorClass", 0, 0, "", ""),
        (61, "ClientHardwareAddress", 2, 1, "", "ClientHardwareAddressType"),
        (77, "ClassIdentifier", 0, 0, "", ""),
        # Flags, and two bytes of obsolete result codes before the name (RFC 4702 section 2).
        (81, "DNSName", 3, 3, "", "DNSFlags"),
    )
}
"""An option's pointer, the least bytes that whoever follows it reads, how many come before what it points to, its
length's field, and the field of its first byte."""


_END = bytes((END,))

_MOST_LAYOUTS = 64
"""How many layouts of messages are remembered; the most bytes that one may depend on is the same."""


class ServerOptions:
    """``DHCP_SERVER_OPTIONS`` of one message after the other in the same buffer.

    Where the options stand decides what is in the structure, and what they say hardly does. Most clients' options
    stand where another's did, so the structures of some layouts are remembered, each with the bytes of a message that
    it depends on: to compare these takes a fifth of the time that the structure does (``benchmarks/bench_hooks.py``).

    Args:
        base: The address of the buffer, which the pointers point into.
    """

    def __init__(self, base: int) -> None:
        self._base = base
        self._layouts: dict[tuple[int, int], tuple[Callable[[bytes], object], object, bytes]] = {}

    def image(self, data: bytes) -> bytes:
        """``server_options`` of a message in the buffer."""
        end = (len(data), data.rfind(_END))  # no more than a good guess which layout it has
        layout = self._layouts.get(end)
        if layout is not None:
            select, selected, image = layout
            if select(data) == selected:
                return image
        read: list[int] = []
        image = server_options(data, self._base, read)
        if 1 < len(read) <= _MOST_LAYOUTS:
            if len(self._layouts) >= _MOST_LAYOUTS:
                self._layouts.clear()
            select = itemgetter(*read)
            self._layouts[end] = select, select(data), image
        return image


def server_options(data: bytes, base: int, read: list[int] | None = None) -> bytes:
    """``DHCP_SERVER_OPTIONS`` of a message: an image of the structure, its padding zero.

    An option that the message repeats counts where it stands first, which is also all that a pointer can show of
    a long one (RFC 3396). One that is cut short, or too short for its field, counts as absent.

    Args:
        data: The message.
        base: The address of the buffer that holds the same bytes, which the pointers point into.
        read: Where to note which bytes of the message, by their offsets, the structure depends on besides its size.
    """
    values = [0] * len(_FIELDS)
    if len(data) < HEADER.size or data[2] > MAX_CHADDR:
        return _STRUCT.pack(*values)
    values[_HTYPE] = data[1]
    values[_HLEN] = data[2]
    if data[2]:
        values[_HARDWARE_ADDRESS] = base + _CHADDR
    if read is None:
        read = []
    read += (1, 2, *range(HEADER.size, min(len(data), OPTIONS_OFFSET)))
    if data[HEADER.size : OPTIONS_OFFSET] == COOKIE:
        options = _OPTIONS.copy()
        overload = _read_options(data, OPTIONS_OFFSET, len(data), base, options, values, read)
        fields = overload[0] if len(overload) == 1 and overload[0] <= 3 else 0
        if fields & 1:
            _read_options(data, FILE_OFFSET, FILE_OFFSET + FILE_SIZE, base, options, values, read)
        if fields & 2:
            _read_options(data, SNAME_OFFSET, SNAME_OFFSET + SNAME_SIZE, base, options, values, read)
    return _STRUCT.pack(*values)


def _read_options(
    data: bytes, at: int, end: int, base: int, options: _Options, values: list[int], read: list[int]
) -> bytes:
    """Enter the options of ``data[at:end]`` in the structure's values, and take them out of those to look for.

    It is ``wire.scan`` without what a structure of pointers has no use for, in a third of the time
    (``benchmarks/bench_hooks.py``).

    Returns:
        What option 52 says here: all its parts.
    """
    overload = b""
    while at < end:
        code = data[at]
        read.append(at)
        if code == PAD:
            at += 1
            continue
        if code == END or at + 1 == end:
            break
        read.append(at + 1)
        size = data[at + 1]
        after = at + 2 + size
        if after > end:
            break
        option = options.pop(code, None)
        if option is not None:
            pointer, least, before, length, first = option
            if size >= least:
                values[pointer] = base + at + 2 + before
                if length is not None:
                    values[length] = size - before
                if first is not None:
                    values[first] = data[at + 2]
                    read.append(at + 2)
        if code == OVERLOAD:
            overload += data[at + 2 : after]
            read += range(at + 2, after)
        at = after
    return overload
