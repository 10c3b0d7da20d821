"""A DHCP message: the 236 bytes of BOOTP and the options behind the magic cookie."""

import struct
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Address
from typing import Any, Generic, NamedTuple, TypeVar

from ..codes import BOOTREQUEST, MESSAGE_TYPES, MessageType, OptionCode
from ..errors import EncodeError, WireError
from .header import COOKIE, END, FILE_SIZE, HEADER, MAX_CHADDR, MAX_PART, OPTIONS_OFFSET, OVERLOAD, PAD, SNAME_SIZE
from .layout import arrange, encode_option, fit
from .option import Option
from .registry import REGISTRY, OptionRegistry
from .scan import RawOption, Scan, scan
from .suboptions import SubOptions
from .types.client import ClientFqdn, UserClass

__all__ = ["MIN_SIZE", "Encoded", "Packet", "check", "decode", "encode"]

T = TypeVar("T")

MIN_SIZE = 300
"""Bytes that a message has at least: BOOTP's 64-byte vendor area (RFC 951 section 3, RFC 1542 section 2.1)."""

_HEADER_AND_COOKIE = struct.Struct(f"{HEADER.format}{len(COOKIE)}s")


class Encoded(NamedTuple):
    """An encoded message.

    Attributes:
        data: The message's bytes.
        omitted: The codes of the options that did not fit, in the order in which they were tried.
    """

    data: bytes
    omitted: tuple[int, ...]


class _Address:
    """An ``IPv4Address`` view of the integer attribute whose name ends in ``_int``."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._attribute = f"{name}_int"

    def __get__(self, packet: "Packet", owner: type) -> IPv4Address:
        return IPv4Address(getattr(packet, self._attribute))

    def __set__(self, packet: "Packet", value: IPv4Address | str | int) -> None:
        setattr(packet, self._attribute, _address_int(value))


class _Option(Generic[T]):
    """An option's typed value: ``Packet.get`` and ``Packet.set`` of one code."""

    def __init__(self, code: OptionCode) -> None:
        self._code = int(code)

    def __get__(self, packet: "Packet", owner: type) -> T | None:
        value: T | None = packet.get(self._code)
        return value

    def __set__(self, packet: "Packet", value: object) -> None:
        packet.set(self._code, value)


class Packet:
    """A DHCP message.

    Packets are equal when they say the same: the header and every option's whole value. The options' order, option
    52 and ``errors`` tell how a message was laid out on the wire, not what it says, and do not count.

    Attributes:
        op, htype, hops, xid, secs, flags: The header's numbers.
        ciaddr_int, yiaddr_int, siaddr_int, giaddr_int: Addresses, 32-bit integers; ``ciaddr`` and so on are the
            same as ``IPv4Address``.
        chaddr: The hardware address, at most 16 bytes; its length is ``hlen``.
        sname, file: The fields' bytes without the NULs at their end; b"" where overloaded with options.
        options: Each option's code and its whole value (RFC 3396 parts joined), in the order of the wire.
            ``encode`` makes option 52 itself, and ignores one that is here.
        errors: What a lenient decoding found wrong with the message's framing; ``check`` looks at the values too.
        registry: Knows the options' names and types: ``REGISTRY``, or one with a user's own options.

    The attributes from ``subnet_mask`` on are typed values of single options. Each is None where the option is absent,
    raises ``WireError`` where it is malformed, and can be set (None takes the option out).
    """

    __slots__ = (
        "chaddr", "ciaddr_int", "errors", "file", "flags", "giaddr_int", "hops", "htype", "op", "options", "registry",
        "secs", "siaddr_int", "sname", "xid", "yiaddr_int",
    )  # fmt: skip

    ciaddr = _Address()
    yiaddr = _Address()
    siaddr = _Address()
    giaddr = _Address()

    subnet_mask = _Option[IPv4Address](OptionCode.SUBNET_MASK)
    routers = _Option[tuple[IPv4Address, ...]](OptionCode.ROUTERS)
    domain_name_servers = _Option[tuple[IPv4Address, ...]](OptionCode.DOMAIN_NAME_SERVERS)
    hostname = _Option[str](OptionCode.HOST_NAME)
    domain_name = _Option[str](OptionCode.DOMAIN_NAME)
    requested_address = _Option[IPv4Address](OptionCode.DHCP_REQUESTED_ADDRESS)
    lease_time_s = _Option[int](OptionCode.DHCP_LEASE_TIME)
    renewal_time_s = _Option[int](OptionCode.DHCP_RENEWAL_TIME)
    rebinding_time_s = _Option[int](OptionCode.DHCP_REBINDING_TIME)
    server_identifier = _Option[IPv4Address](OptionCode.DHCP_SERVER_IDENTIFIER)
    parameter_request_list = _Option[tuple[int, ...]](OptionCode.DHCP_PARAMETER_REQUEST_LIST)
    message = _Option[str](OptionCode.DHCP_MESSAGE)
    max_message_size = _Option[int](OptionCode.DHCP_MAX_MESSAGE_SIZE)
    vendor_class = _Option[str](OptionCode.VENDOR_CLASS_IDENTIFIER)
    user_class = _Option[UserClass](OptionCode.USER_CLASS)
    client_identifier = _Option[bytes](OptionCode.DHCP_CLIENT_IDENTIFIER)
    client_fqdn = _Option[ClientFqdn](OptionCode.FQDN)
    relay_information = _Option[SubOptions](OptionCode.DHCP_AGENT_OPTIONS)

    def __init__(
        self,
        *,
        op: int = BOOTREQUEST,
        htype: int = 1,
        hops: int = 0,
        xid: int = 0,
        secs: int = 0,
        flags: int = 0,
        ciaddr: IPv4Address | str | int = 0,
        yiaddr: IPv4Address | str | int = 0,
        siaddr: IPv4Address | str | int = 0,
        giaddr: IPv4Address | str | int = 0,
        chaddr: bytes = b"",
        sname: bytes = b"",
        file: bytes = b"",
        options: Mapping[int, bytes] | None = None,
        registry: OptionRegistry = REGISTRY,
    ) -> None:
        self.op = op
        self.htype = htype
        self.hops = hops
        self.xid = xid
        self.secs = secs
        self.flags = flags
        self.ciaddr_int = _address_int(ciaddr)
        self.yiaddr_int = _address_int(yiaddr)
        self.siaddr_int = _address_int(siaddr)
        self.giaddr_int = _address_int(giaddr)
        self.chaddr = chaddr
        self.sname = sname
        self.file = file
        self.options = dict(options or {})
        self.errors: tuple[WireError, ...] = ()
        self.registry = registry

    @property
    def hlen(self) -> int:
        """The length of ``chaddr``."""
        return len(self.chaddr)

    @property
    def message_type(self) -> MessageType | None:
        """Option 53, or None where it is absent or no known type."""
        value = self.options.get(53)
        return MESSAGE_TYPES[value[0]] if value is not None and len(value) == 1 else None

    def raw(self, code_or_name: int | str) -> bytes | None:
        """An option's whole value as bytes, or None where it is absent.

        Raises:
            UnknownOptionError: No option has that name.
        """
        return self.options.get(self._code(code_or_name))

    def option(self, code_or_name: int | str) -> Option | None:
        """An option with its name, bytes, typed value and text, or None where it is absent.

        Raises:
            UnknownOptionError: No option has that name.
        """
        spec = self.registry.spec(code_or_name)
        data = self.options.get(spec.code)
        return None if data is None else Option(spec.code, data, spec)

    def get(self, code_or_name: int | str) -> Any:
        """An option's typed value, or None where it is absent.

        Raises:
            UnknownOptionError: No option has that name.
            WireError: It is malformed; the offset counts from the start of its value. ``raw`` has the bytes.
        """
        spec = self.registry.spec(code_or_name)
        data = self.options.get(spec.code)
        return None if data is None else spec.decode(data)

    def set(self, code_or_name: int | str, value: Any) -> None:
        """Give an option a typed value, or take it out with None.

        Args:
            code_or_name: The option.
            value: What ``get`` returns, or what a configuration file may have in its place; ``bytes`` are what stands
                on the wire already.

        Raises:
            UnknownOptionError: No option has that name.
            EncodeError: The option cannot have that value.
        """
        if value is None:
            self.options.pop(self._code(code_or_name), None)
        else:
            code, data = self.registry.encode_value(code_or_name, value)
            self.options[code] = data

    def encode(
        self,
        *,
        order: Iterable[int] = b"",
        max_size: int | None = None,
        min_size: int = MIN_SIZE,
        overload: bool = True,
    ) -> bytes:
        """The message's bytes; the function ``encode`` takes the same arguments, and also tells what did not fit."""
        return encode(self, order=order, max_size=max_size, min_size=min_size, overload=overload).data

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Packet):
            return NotImplemented
        return self._content() == other._content()

    __hash__ = None  # type: ignore[assignment] # a packet can be changed

    def __repr__(self) -> str:
        kind = self.message_type.name if self.message_type is not None else f"op {self.op}"
        addresses = "".join(
            f" {name}={getattr(self, name)}"
            for name in ("ciaddr", "yiaddr", "siaddr", "giaddr")
            if getattr(self, f"{name}_int")
        )
        codes = ",".join(map(str, self.options))
        return f"<Packet {kind} xid={self.xid:#010x} chaddr={self.chaddr.hex(':')}{addresses} options={codes}>"

    def _code(self, code_or_name: int | str) -> int:
        return code_or_name if isinstance(code_or_name, int) else self.registry.spec(code_or_name).code

    def _content(self) -> tuple[object, ...]:
        return (
            self.op, self.htype, self.hops, self.xid, self.secs, self.flags, self.ciaddr_int, self.yiaddr_int,
            self.siaddr_int, self.giaddr_int, self.chaddr, self.sname, self.file,
            {code: value for code, value in self.options.items() if code != OVERLOAD},
        )  # fmt: skip


def decode(
    data: bytes | bytearray | memoryview, *, strict: bool = False, registry: OptionRegistry = REGISTRY
) -> Packet:
    """Decode a message, in time linear in its size.

    Args:
        data: The message: a UDP datagram's payload.
        strict: Raise the first of what ``check`` finds, instead of keeping what is right.
        registry: What the packet's options are looked up in.

    Raises:
        WireError: It is no message: shorter than 236 bytes, or with a hardware address of more than 16. With
            ``strict``, also whatever else is wrong.
    """
    data = bytes(data)
    if strict:
        errors = check(data, registry=registry)
        if errors:
            raise errors[0]
    packet = Packet.__new__(Packet)
    packet.registry = registry
    # Speed bends the style here: benchmarks/bench_wire.py. Whatever is rare (repeated, long and cut options, overloaded
    # fields, no end option, no message at all) is left to scan().
    try:
        (
            packet.op, packet.htype, hlen, packet.hops, packet.xid, packet.secs, packet.flags, packet.ciaddr_int,
            packet.yiaddr_int, packet.siaddr_int, packet.giaddr_int, chaddr, sname, file, cookie,
        ) = _HEADER_AND_COOKIE.unpack_from(data)  # fmt: skip
        options: dict[int, bytes] = {}
        count = 0
        if cookie == COOKIE:
            at = OPTIONS_OFFSET
            while (code := data[at]) != END:
                if code:
                    start = at + 2
                    at = start + data[at + 1]
                    options[code] = data[start:at]
                    count += 1
                else:
                    at += 1
    except (struct.error, IndexError):
        return _decode_scanned(packet, data)
    if len(options) != count or hlen > MAX_CHADDR or OVERLOAD in options:
        return _decode_scanned(packet, data)
    packet.chaddr = chaddr[:hlen]
    packet.sname = sname.rstrip(b"\0")
    packet.file = file.rstrip(b"\0")
    packet.options = options
    packet.errors = ()
    return packet


def check(data: bytes | bytearray | memoryview, *, registry: OptionRegistry = REGISTRY) -> tuple[WireError, ...]:
    """Everything that is wrong with a message: its framing first, then the values of the options that are known.

    Returns:
        What is wrong, with offsets from the start of the message; () for a well-formed one.

    Raises:
        WireError: It is no message at all: see ``decode``.
    """
    message = scan(data)
    errors = [*message.errors]
    for code, parts in _parts(message).items():
        if code == OVERLOAD:
            continue  # part of the framing, as far as it counts for anything
        try:
            registry.spec(code).decode(b"".join(part.data for part in parts))
        except WireError as error:
            errors.append(WireError(error.message, offset=_place(parts, error.offset), code=code))
    return tuple(errors)


def _decode_scanned(packet: Packet, data: bytes) -> Packet:
    """Fill a packet in from what stands on the wire, whatever that is."""
    message = scan(data)
    for name in ("op", "htype", "hops", "xid", "secs", "flags", "chaddr"):
        setattr(packet, name, getattr(message, name))
    for name in ("ciaddr_int", "yiaddr_int", "siaddr_int", "giaddr_int"):
        setattr(packet, name, getattr(message, name))
    packet.sname = message.sname or b""
    packet.file = message.file or b""
    packet.options = {code: b"".join(part.data for part in parts) for code, parts in _parts(message).items()}
    packet.errors = message.errors
    return packet


def _parts(message: Scan) -> dict[int, list[RawOption]]:
    """The parts of each option that is there in full.

    They are joined only when all are known: adding up thousands of parts of one code would take quadratic time.
    """
    parts: dict[int, list[RawOption]] = {}
    for option in message.options:
        parts.setdefault(option.code, []).append(option)
    for option in message.options:
        if option.cut:
            # What is left of a value says something else than the value did.
            parts.pop(option.code, None)
    return parts


def _place(parts: Sequence[RawOption], offset: int) -> int:
    """Where in the message a byte of an option's joined value stands."""
    for part in parts:
        if offset < len(part.data):
            break
        offset -= len(part.data)
    else:
        offset += len(part.data)
    return part.offset + 2 + offset


def encode(
    packet: Packet,
    *,
    order: Iterable[int] = b"",
    max_size: int | None = None,
    min_size: int = MIN_SIZE,
    overload: bool = True,
) -> Encoded:
    """Encode a message, always the same bytes for the same arguments.

    The message type comes first, option 82 last in the options field (RFC 3046 section 2.2), the rest in ``order`` and
    then in the packet's own; the subnet mask always comes before the routers (RFC 2132 section 3.3). What does not
    fit ``max_size`` goes to ``file`` and ``sname`` if they are free (RFC 2131 section 4.1), whole if possible, else
    split (RFC 3396). Where that is not enough, the options at the end of the order are omitted first and those that RFC
    2131 demands of a message last.

    Args:
        packet: The message.
        order: The codes of the client's parameter request list.
        max_size: The most bytes that the message may have, at least 241; option 57 less the 28 bytes of IP and UDP.
        min_size: The fewest that it has, as far as ``max_size`` allows; zeros make up for what lacks.
        overload: Whether options may go to ``file`` and ``sname``, where a BOOTP client does not look for them.

    Raises:
        EncodeError: A field has a value that does not fit it, or ``max_size`` is less than 241.
    """
    sname, file, chaddr = packet.sname, packet.file, packet.chaddr
    if len(sname) > SNAME_SIZE or len(file) > FILE_SIZE or len(chaddr) > MAX_CHADDR:
        raise _why_not(packet)
    if PAD in packet.options or END in packet.options:
        raise _why_not(packet)
    arranged = arrange(packet.options, order)
    omitted: tuple[int, ...] = ()
    # Speed bends the style here: benchmarks/bench_wire.py. A layout is made only where the options field is too small.
    try:
        out = bytearray(_pack_header(packet, sname, file))
        for code, value in arranged:
            size = len(value)
            if size <= MAX_PART:
                out.append(code)
                out.append(size)
                out += value
            else:
                out += encode_option(code, value)
    except (struct.error, TypeError, ValueError):
        raise _why_not(packet) from None
    out.append(END)
    if max_size is not None and len(out) > max_size:
        if max_size <= OPTIONS_OFFSET:
            raise EncodeError(f"a message of {max_size} bytes; one without any option has {OPTIONS_OFFSET + 1}")
        layout = fit(arranged, max_size - OPTIONS_OFFSET, file=overload and not file, sname=overload and not sname)
        header = _pack_header(packet, layout.sname or sname, layout.file or file)
        out = bytearray(header + layout.options)
        omitted = layout.omitted
    if max_size is not None and min_size > max_size:
        min_size = max_size
    if len(out) < min_size:
        out += bytes(min_size - len(out))
    return Encoded(bytes(out), omitted)


def _pack_header(packet: Packet, sname: bytes, file: bytes) -> bytes:
    return _HEADER_AND_COOKIE.pack(
        packet.op, packet.htype, len(packet.chaddr), packet.hops, packet.xid, packet.secs, packet.flags,
        packet.ciaddr_int, packet.yiaddr_int, packet.siaddr_int, packet.giaddr_int, packet.chaddr, sname, file, COOKIE,
    )  # fmt: skip


_LIMITS = {
    "op": 0xFF, "htype": 0xFF, "hops": 0xFF, "xid": 0xFFFFFFFF, "secs": 0xFFFF, "flags": 0xFFFF,
    "ciaddr_int": 0xFFFFFFFF, "yiaddr_int": 0xFFFFFFFF, "siaddr_int": 0xFFFFFFFF, "giaddr_int": 0xFFFFFFFF,
}  # fmt: skip


def _why_not(packet: Packet) -> EncodeError:
    """What keeps a packet from being encoded, found after the fact so that a good one need not be checked."""
    for name, limit in _LIMITS.items():
        number: object = getattr(packet, name)
        if not isinstance(number, int) or not 0 <= number <= limit:
            return EncodeError(f"{name} is {number!r}; it is an integer from 0 to {limit}")
    for name, limit in (("chaddr", MAX_CHADDR), ("sname", SNAME_SIZE), ("file", FILE_SIZE)):
        field: object = getattr(packet, name)
        if not isinstance(field, bytes | bytearray):
            return EncodeError(f"{name} is of type {type(field).__name__}; it is bytes")
        if len(field) > limit:
            return EncodeError(f"{name} has {len(field)} bytes; at most {limit}")
    options: dict[Any, Any] = {**packet.options}
    for code in options:
        if not isinstance(code, int) or not PAD < code < END:
            return EncodeError(f"an option's code is {code!r}; it is an integer from {PAD + 1} to {END - 1}")
    wrong = next((code for code, value in options.items() if not isinstance(value, bytes)), None)
    return EncodeError("the value here is bytes; set() takes a typed one", code=wrong)


def _address_int(address: IPv4Address | str | int) -> int:
    return address if type(address) is int else int(IPv4Address(address))
