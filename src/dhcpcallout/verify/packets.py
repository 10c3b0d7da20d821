"""The datagrams that a callout is tried with, always the same ones: hostile, of every type, and of every size."""

import random
from collections.abc import Iterator

from ..codes import BOOTREPLY, BOOTREQUEST, MessageType
from ..wire import Packet, encode

__all__ = ["CLIENT_OPTIONS", "hostile", "mutants", "of_every_type", "reply_of", "request_of"]

_COOKIE = b"\x63\x82\x53\x63"
_HARDWARE_ADDRESS = bytes.fromhex("020000c0ffee")
_END = b"\xff"

CLIENT_OPTIONS: dict[str, bytes] = {
    "host_name": b"a-client",
    "dhcp_client_identifier": b"\x01\x02\x00\x00\xc0\xff\xee",
    "vendor_class_identifier": b"MSFT 5.0",
    "user_class": b"\x05staff",
    "fqdn": b"\x00\x00\x00a-client.example.org",
    "dhcp_parameter_request_list": bytes((1, 3, 6, 15, 31, 33, 43, 44, 46, 47, 51, 54, 58, 59, 119, 121, 249, 252)),
    "dhcp_max_message_size": b"\x05\xdc",
}
"""What a talkative client sends, by registry name with ``_`` for ``-``."""


def _message(options: bytes, *, op: int = BOOTREQUEST, hlen: int = 6, sname: bytes = b"", file: bytes = b"") -> bytes:
    header = bytearray(encode(Packet(op=op, xid=0x5EED, chaddr=_HARDWARE_ADDRESS), min_size=0).data[:236])
    header[2] = hlen
    header[44:108] = sname.ljust(64, b"\0")
    header[108:236] = file.ljust(128, b"\0")
    return bytes(header) + options


def _discover(options: bytes = b"", **fields: int | bytes) -> bytes:
    return _message(_COOKIE + b"\x35\x01\x01" + options + _END, **fields)  # type: ignore[arg-type]


def _option(code: int, value: bytes) -> bytes:
    return bytes((code, len(value))) + value


def of_every_type() -> Iterator[tuple[str, bytes]]:
    """A message of each type that there is, and of others; requests and replies, and of no type at all (BOOTP).

    Returns:
        A name, and the datagram.
    """
    names = {int(kind): kind.name for kind in MessageType}
    for op in (BOOTREQUEST, BOOTREPLY):
        kind_of = "reply" if op == BOOTREPLY else "request"
        for code in (*range(24), 0x7F, 0x80, 0xFF):
            yield (
                f"{names.get(code, f'type {code}')}, a {kind_of}",
                _message(_COOKIE + _option(53, bytes((code,))) + _option(54, b"\x0a\0\0\1") + _END, op=op),
            )
        yield f"BOOTP, a {kind_of}", _message(b"".ljust(64, b"\0"), op=op)


def hostile() -> Iterator[tuple[str, bytes]]:
    """Datagrams as an attacker, a broken client or a bad line would send them.

    Returns:
        A name, and the datagram.
    """
    whole = _discover(b"".join(_option(code, b"value") for code in (12, 60, 61, 77, 81)))
    for size in (0, 1, 2, 3, 28, 44, 108, 235, 236, 239, 240, 241, 242, 243, len(whole) - 1):
        yield f"cut off after {size} bytes", whole[:size]
    for filler in (0x00, 0x41, 0xFF):
        for size in (300, 576, 1500, 4096, 4097, 9000, 65507):
            yield f"{size} bytes of {filler:#04x}", bytes((filler,)) * size
    for hlen in (0, 1, 7, 15, 16, 17, 128, 255):
        yield f"a hardware address of {hlen} bytes", _discover(hlen=hlen)
    yield "another cookie", _message(b"\x63\x82\x53\x64\x35\x01\x01\xff")
    yield "no option at all", _message(_COOKIE + _END)
    yield "no end option", _message(_COOKIE + b"\x35\x01\x01")
    yield "nothing but padding", _message(_COOKIE + bytes(3000))
    for code in (1, 3, 12, 43, 50, 51, 52, 53, 54, 55, 57, 60, 61, 77, 81, 82, 90, 119, 121, 124, 125):
        for size in (0, 1, 2, 3, 5, 255):
            yield f"option {code} of {size} bytes", _discover(_option(code, b"\xff" * size))
        yield f"option {code} that claims more than there is", _discover(bytes((code, 255)) + b"short")
        yield f"option {code} a hundred times", _discover(_option(code, b"\x01\x02\x03\x04") * 100)
    for text in (b"%s%n%x%p" * 20, b"A\0B\0", b"\0" * 200, b"../../../etc/passwd", b"'; DROP TABLE leases; --",
                 "ÄÖÜ…😀".encode(), b"\xff\xfe\xfd", b"\x1b[2J\x07", b"\r\nforged: line\r\n", b"A" * 255):  # fmt: skip
        yield (
            f"names that are {text[:12]!r}...",
            _discover(_option(12, text) + _option(60, text) + _option(77, text) + _option(81, b"\0\0\0" + text[:252])),
        )
    for overload in (0, 1, 2, 3, 4, 255):
        inside = _option(12, b"in a field") + _END
        yield f"overload {overload}", _discover(_option(52, bytes((overload,))), sname=inside, file=inside)
        broken = b"\x0c\xff" + b"A" * 62
        yield f"overload {overload}, fields cut", _discover(_option(52, bytes((overload,))), sname=broken, file=broken)
    for value in (b"\x01\xff\x01", b"\x01\x00" * 60, b"\x52\x02\x52\x02", b"\xff" * 40, bytes(40)):
        yield f"relay information {value[:4].hex()}...", _discover(_option(82, value))
    yield "a name that points to itself", _discover(_option(119, b"\xc0\x00"))
    yield "options in 4,096 bytes", _discover(_option(224, bytes(200)) * 19)
    yield "options in 65,507 bytes", _discover(_option(224, bytes(253)) * 255)
    yield "30,000 options of no bytes", _discover(b"\x0c\x00" * 30000)


def mutants(count: int) -> Iterator[tuple[str, bytes]]:
    """Good messages in which bytes were changed, put in, cut out and cut off.

    Returns:
        A name, and the datagram.
    """
    rng = random.Random(20)  # noqa: S311 -- the same ones in every run
    options = b"".join(_option(code, rng.randbytes(rng.randrange(30))) for code in (12, 50, 55, 60, 61, 77, 81, 82))
    for number in range(count):
        data = bytearray(_message(_COOKIE + _option(53, bytes((rng.randrange(1, 9),))) + options + _END))
        for _ in range(rng.randrange(1, 6)):
            at = rng.randrange(len(data) + 1) if rng.random() < 0.5 else rng.randrange(236, 300)
            what = rng.randrange(4)
            if what == 0:
                data[at : at + 1] = rng.randbytes(1)
            elif what == 1:
                data[at:at] = rng.randbytes(rng.randrange(9))
            elif what == 2:
                del data[at : at + rng.randrange(9)]
            else:
                del data[rng.randrange(len(data) + 1) :]
        yield f"mutant {number}", bytes(data)


def _filled(start: bytes, size: int) -> bytes:
    """A message of exactly so many bytes, its last one the end option."""
    out = bytearray(start)
    while (left := size - 1 - len(out)) > 0:
        if left == 1:
            out.append(0)
        else:
            # Not so long that one byte remains, for which there is no option.
            part = min(left - 2, 255)
            out += bytes((224, part)) + bytes(part)
    return bytes(out) + _END


def request_of(size: int) -> bytes:
    """A DISCOVER of exactly ``size`` bytes, at least 244, of a client that takes replies of any size."""
    start = _message(_COOKIE + b"\x35\x01\x01")
    return _filled(start + (b"\x39\x02\xff\xff" if size >= len(start) + 5 else b""), size)


def reply_of(size: int) -> bytes:
    """An ACK of exactly ``size`` bytes, at least 250."""
    return _filled(_message(_COOKIE + b"\x35\x01\x05" + b"\x36\x04\x0a\0\0\1", op=BOOTREPLY), size)
