"""A message as it stands on the wire, option by option, before anything is joined: for tools and the callout ABI."""

from ipaddress import IPv4Address
from typing import Literal, NamedTuple

from ..errors import WireError
from .header import (
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

__all__ = ["Area", "RawOption", "Scan", "scan"]

Area = Literal["options", "file", "sname"]
"""Where an option stands: in the options field, or in a field that option 52 overloads with options."""


class RawOption(NamedTuple):
    """One code, length and value on the wire; a long option has several (RFC 3396).

    Attributes:
        code: 1 to 254.
        data: The value, or what there is of it where ``cut``.
        area: The field that it stands in.
        offset: Of its code byte, from the start of the message; the value begins two bytes after it.
        cut: Whether the field ends before the value does.
    """

    code: int
    data: bytes
    area: Area
    offset: int
    cut: bool


class Scan(NamedTuple):
    """A message as it stands on the wire.

    Attributes:
        op, htype, hlen, hops, xid, secs, flags: The header's numbers.
        ciaddr_int, yiaddr_int, siaddr_int, giaddr_int: Addresses, 32-bit integers.
        chaddr: The hardware address, ``hlen`` bytes.
        sname, file: The fields' bytes without the NULs at their end; None where overloaded with options.
        cookie: Whether the magic cookie is there; a BOOTP message without it has no options.
        options: Every option, pad and end left out, in the order in which RFC 2131 section 4.1 reads them:
            the options field, then file, then sname.
        errors: What is wrong with the framing, in the same order.
    """

    op: int
    htype: int
    hlen: int
    hops: int
    xid: int
    secs: int
    flags: int
    ciaddr_int: int
    yiaddr_int: int
    siaddr_int: int
    giaddr_int: int
    chaddr: bytes
    sname: bytes | None
    file: bytes | None
    cookie: bool
    options: tuple[RawOption, ...]
    errors: tuple[WireError, ...]

    @property
    def ciaddr(self) -> IPv4Address:
        """The client's address."""
        return IPv4Address(self.ciaddr_int)

    @property
    def yiaddr(self) -> IPv4Address:
        """The address given to the client ("your")."""
        return IPv4Address(self.yiaddr_int)

    @property
    def siaddr(self) -> IPv4Address:
        """The next server's address."""
        return IPv4Address(self.siaddr_int)

    @property
    def giaddr(self) -> IPv4Address:
        """The relay agent's address."""
        return IPv4Address(self.giaddr_int)


def scan(data: bytes | bytearray | memoryview) -> Scan:
    """Read a message as it stands on the wire, in time linear in its size.

    Args:
        data: The message: a UDP datagram's payload.

    Raises:
        WireError: It is no message: shorter than 236 bytes, or with a hardware address of more than 16.
    """
    data = bytes(data)
    if len(data) < HEADER.size:
        raise WireError(f"the message ends here; it has at least {HEADER.size} bytes", offset=len(data))
    header = HEADER.unpack_from(data)
    op, htype, hlen, hops, xid, secs, flags, ciaddr, yiaddr, siaddr, giaddr, chaddr, sname, file = header
    if hlen > MAX_CHADDR:
        raise WireError(f"hardware address length {hlen}; at most {MAX_CHADDR}", offset=2)
    cookie = data[HEADER.size : OPTIONS_OFFSET] == COOKIE
    options: list[RawOption] = []
    errors: list[WireError] = []
    overload = 0
    if cookie:
        _scan_area(data, "options", OPTIONS_OFFSET, len(data), options, errors)
        overload = _read_overload(options, errors)
        if overload & 1:
            _scan_area(data, "file", FILE_OFFSET, FILE_OFFSET + FILE_SIZE, options, errors)
        if overload & 2:
            _scan_area(data, "sname", SNAME_OFFSET, SNAME_OFFSET + SNAME_SIZE, options, errors)
    return Scan(
        op, htype, hlen, hops, xid, secs, flags, ciaddr, yiaddr, siaddr, giaddr, chaddr[:hlen],
        None if overload & 2 else sname.rstrip(b"\0"),
        None if overload & 1 else file.rstrip(b"\0"),
        cookie, tuple(options), tuple(errors),
    )  # fmt: skip


def _scan_area(
    data: bytes, area: Area, start: int, end: int, options: list[RawOption], errors: list[WireError]
) -> None:
    """Append the options and errors of one field, ``data[start:end]``."""
    at = start
    while at < end:
        code = data[at]
        if code == PAD:
            at += 1
            continue
        if code == END:
            return
        if at + 1 == end:
            options.append(RawOption(code, b"", area, at, True))
            errors.append(WireError(f"the {area} field ends before the option's length", offset=at, code=code))
            return
        after = at + 2 + data[at + 1]
        value = data[at + 2 : min(after, end)]
        options.append(RawOption(code, value, area, at, after > end))
        if after > end:
            message = f"length {data[at + 1]}, but the {area} field has {len(value)} bytes left"
            errors.append(WireError(message, offset=at, code=code))
            return
        at = after
    errors.append(WireError(f"the {area} field has no end option", offset=end))


def _read_overload(options: list[RawOption], errors: list[WireError]) -> int:
    """The fields that option 52 of the options field overloads: 1 file, 2 sname, 3 both, 0 none."""
    found = [option for option in options if option.code == OVERLOAD and not option.cut]
    if not found:
        return 0
    value = b"".join(option.data for option in found)
    if len(value) == 1 and 1 <= value[0] <= 3:
        return value[0]
    errors.append(WireError("the overload is one byte, 1 to 3", offset=found[0].offset, code=OVERLOAD))
    return 0
