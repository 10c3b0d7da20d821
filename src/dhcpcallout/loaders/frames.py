"""What a server and the worker process of an isolated callout say to each other: frames, events and answers as bytes.

Little-endian whatever the machine, as the two ends may be different Pythons. A frame is a ``HEADER`` and its payload.
Nothing that the worker says is trusted: what is not exactly as written here raises ``FrameError``.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address, IPv4Network
from struct import Struct
from struct import error as StructError  # noqa: N812 # it is an exception's name
from typing import Any

from .. import hooks
from ..codes import INFINITE, AddressDeleteReason, AddressGiven, AddressType, ControlCode, DropReason
from ..errors import CalloutFault
from ..events import Context, PacketEvent
from ..hooks import Drop, Extend, InUse, Replace, Slot, UseAddress, UseSubnet
from ..leases import Lease
from ..wire import OptionRegistry, Packet

__all__ = [
    "HEADER",
    "MAX_ANSWER",
    "MAX_CALL",
    "PROTOCOL",
    "ROWS",
    "Answer",
    "FrameError",
    "Kind",
    "Reader",
    "Row",
    "call_of",
    "decode_answer",
    "decode_json",
    "decode_text",
    "encode_answer",
    "encode_json",
    "encode_text",
    "frame",
    "tokens_frame",
    "tokens_of",
]

PROTOCOL = 1
"""What both ends must agree on."""
HEADER = Struct("<IBI")
"""The payload's length in bytes, the kind of frame, and the number of the call that it is about (0: of none)."""
MAX_ANSWER = 1 << 16
"""The longest payload that a worker may send, in bytes."""
MAX_CALL = 1 << 26
"""The longest payload that a server sends, in bytes: an event with all of many subnets."""
Answer = tuple[int, int, bytes]
"""A frame: its kind, its call and its payload."""
_MAX_REPLACEMENT = 0xFFFF
_MAX_TEXT = 8192


class FrameError(Exception):
    """Bytes that are no frame of ours."""


class Kind(IntEnum):
    """What a frame is for.

    To the worker: LOAD (JSON) a callout; OPTIONS (JSON), the options that the site defines; CALL a function; BEGIN, or
    CANCEL, the async function of an earlier call; FORGET what is kept for packets that are done with.

    From the worker: HELLO (JSON) comes first; READY or REFUSED (JSON) answer LOAD; PENDING says that a function
    awaits; the others are answers of functions.
    """

    LOAD = 1
    OPTIONS = 2
    CALL = 3
    BEGIN = 4
    CANCEL = 5
    FORGET = 6

    HELLO = 31
    READY = 32
    REFUSED = 33
    PENDING = 34
    OVERRUN = 35
    FAULT = 36
    NOTHING = 64
    DROP = 65
    REPLACE = 66
    USE_SUBNET = 67
    USE_ADDRESS = 68
    IN_USE = 69
    EXTEND = 70


def frame(kind: Kind, call: int = 0, payload: bytes = b"") -> bytes:
    """A whole frame."""
    return HEADER.pack(len(payload), kind, call) + payload


class Reader:
    """Cuts what arrives into frames.

    Args:
        most: The longest payload that there may be, in bytes.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[tuple[int, int, bytes]]:
        """Take what has arrived.

        Yields:
            Each frame that is complete: its kind, its call and its payload.

        Raises:
            FrameError: A frame is longer than may be.
        """
        self._rest += data
        while len(self._rest) >= HEADER.size:
            size, kind, call = HEADER.unpack_from(self._rest)
            if size > self._most:
                raise FrameError(f"a frame of {size} bytes; {self._most} is the most")
            end = HEADER.size + size
            if len(self._rest) < end:
                return
            payload, self._rest = self._rest[HEADER.size : end], self._rest[end:]
            yield kind, call, payload


def encode_json(value: Any) -> bytes:
    """Some JSON as a payload."""
    return json.dumps(value).encode()


def decode_json(payload: bytes) -> dict[str, Any]:
    """A payload that is a JSON object.

    Raises:
        FrameError: It is none.
    """
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise FrameError(f"{len(payload)} bytes that are no JSON") from error
    if not isinstance(value, dict):
        raise FrameError("JSON that is no object")
    return value


# Events. A function's row packs the event's numbers behind the head of a call, and then what has no fixed length.

_CALL = "<IBIHQ"
_CALL_BODY = Struct("<HQ")
"""Which function, counted from 0 as READY lists them, and which packet it is about (0: none)."""


@dataclass(frozen=True, slots=True)
class Row:
    """How the events of one slot are written.

    Attributes:
        slot: The slot.
        numbers: Their format, in ``struct``'s letters.
        pack: The numbers of an event, and the bytes that follow them.
        unpack: The values of the event's fields, in their order, from these; but for a packet's context and options.
    """

    slot: Slot[Any]
    numbers: str
    pack: Callable[[Any], tuple[Sequence[int], bytes]]
    unpack: Callable[[Sequence[int], bytes], tuple[Any, ...]]

    def encoder(self, function: int) -> Callable[[int, int, Any], bytes]:
        """What makes a CALL frame, of the call's number, the packet's token and the event."""
        head = Struct(_CALL + self.numbers)
        pack_head, pack, fixed, call_kind = head.pack, self.pack, head.size - HEADER.size, int(Kind.CALL)

        def encode(call: int, token: int, event: Any) -> bytes:
            numbers, tail = pack(event)
            return pack_head(fixed + len(tail), call_kind, call, function, token, *numbers) + tail

        return encode

    def decoder(self) -> Callable[[bytes, Context | None, OptionRegistry], Any]:
        """What makes the event of a CALL's payload, with the packet's context and the options."""
        head = Struct(f"<{self.numbers}")
        make, unpack = self.slot.make, self.unpack
        of_packet = issubclass(self.slot.event, PacketEvent)

        def decode(payload: bytes, context: Context | None, registry: OptionRegistry) -> Any:
            numbers = head.unpack_from(payload, _CALL_BODY.size)
            values = unpack(numbers, payload[_CALL_BODY.size + head.size :])
            return make(values, context, registry) if of_packet else make(*values)

        return decode


def call_of(payload: bytes) -> tuple[int, int]:
    """Which function a CALL is for, and the token of its packet."""
    function, token = _CALL_BODY.unpack_from(payload)
    return function, token


def tokens_frame(tokens: Sequence[int]) -> bytes:
    """A FORGET frame."""
    return frame(Kind.FORGET, payload=Struct(f"<{len(tokens)}Q").pack(*tokens))


def tokens_of(payload: bytes) -> tuple[int, ...]:
    """The tokens in a FORGET frame."""
    return tuple(token for (token,) in Struct("<Q").iter_unpack(payload))


_LEASE = Struct("<IBBqqHBHH")


def _pack_lease(lease: Lease) -> bytes:
    hostname = lease.hostname.encode(errors="surrogatepass")
    parts = (lease.client_key, lease.hardware_address, hostname, lease.relay_information)
    numbers = (lease.address_int, lease.hardware_type, lease.state, lease.starts_s, lease.expires_s)
    return _LEASE.pack(*numbers, *map(len, parts)) + b"".join(parts)


def _unpack_lease(data: bytes) -> Lease:
    address, hardware_type, state, starts_s, expires_s, *sizes = _LEASE.unpack_from(data)
    parts, at = [], _LEASE.size
    for size in sizes:
        parts.append(data[at : at + size])
        at += size
    key, hardware_address, hostname, relay = parts
    return Lease(
        address, key, hardware_type, hardware_address, state, starts_s, expires_s,
        hostname.decode(errors="surrogatepass"), relay,
    )  # fmt: skip


_NETWORK = Struct("<IB")
_NO_NETWORK = 0xFF


def _pack_network(network: IPv4Network | None) -> bytes:
    return _NETWORK.pack(int(network.network_address), network.prefixlen) if network is not None else b"\0\0\0\0\xff"


def _unpack_networks(data: bytes) -> tuple[IPv4Network | None, ...]:
    return tuple(
        IPv4Network((address, size)) if size != _NO_NETWORK else None for address, size in _NETWORK.iter_unpack(data)
    )


def _pack_received(event: Any) -> tuple[Sequence[int], bytes]:
    interface = event.interface.encode(errors="surrogateescape")
    return (event.server_address_int, event.source_int, event.source_port, len(interface)), interface + event.data


def _unpack_received(numbers: Sequence[int], tail: bytes) -> tuple[Any, ...]:
    server, source, port, size = numbers
    return tail[size:], server, source, port, tail[:size].decode(errors="surrogateescape")


def _pack_selected_subnet(event: Any) -> tuple[Sequence[int], bytes]:
    networks = b"".join(map(_pack_network, (event.subnet, *event.subnets)))
    return (event.server_address_int, len(networks)), networks + event.data


def _unpack_selected_subnet(numbers: Sequence[int], tail: bytes) -> tuple[Any, ...]:
    server, size = numbers
    subnet, *subnets = _unpack_networks(tail[:size])
    return tail[size:], server, subnet, tuple(subnets)


def _pack_selected_address(event: Any) -> tuple[Sequence[int], bytes]:
    why = event.why.encode()
    network = event.subnet
    numbers = (event.server_address_int, event.address_int, int(network.network_address), network.prefixlen, len(why))
    return numbers, why + event.data


def _unpack_selected_address(numbers: Sequence[int], tail: bytes) -> tuple[Any, ...]:
    server, address, network, prefix, size = numbers
    return tail[size:], server, address, IPv4Network((network, prefix)), tail[:size].decode()


def _pack_committed(event: Any) -> tuple[Sequence[int], bytes]:
    lease = _pack_lease(event.lease)
    return (event.server_address_int, event.given, len(lease)), lease + event.data


ROWS: dict[str, Row] = {
    row.slot.name: row
    for row in (
        Row(
            hooks.CONTROL,
            "I",
            lambda event: ((event.code,), b""),
            lambda numbers, _tail: (ControlCode(numbers[0]),),
        ),
        Row(hooks.NEW_PACKET, "IIHH", _pack_received, _unpack_received),
        Row(
            hooks.PACKET_DROP,
            "II",
            lambda event: ((event.server_address_int, event.reason), event.data),
            lambda numbers, tail: (tail, numbers[0], DropReason(numbers[1])),
        ),
        Row(
            hooks.PACKET_SEND,
            "II",
            lambda event: ((event.server_address_int, len(event.request_data)), event.request_data + event.data),
            lambda numbers, tail: (tail[numbers[1] :], numbers[0], tail[: numbers[1]]),
        ),
        Row(
            hooks.ADDRESS_DELETE,
            "III",
            lambda event: ((event.server_address_int, event.address_int, event.reason), event.data),
            lambda numbers, tail: (tail, numbers[0], numbers[1], AddressDeleteReason(numbers[2])),
        ),
        Row(
            hooks.ADDRESS_OFFER,
            "IIIII",
            lambda event: (
                (event.server_address_int, event.address_int, event.given, event.address_type, event.lease_time_s),
                event.data,
            ),
            lambda numbers, tail: (
                tail, numbers[0], numbers[1], AddressGiven(numbers[2]), AddressType(numbers[3]), numbers[4],
            ),
        ),
        Row(
            hooks.HANDLE_OPTIONS,
            "I",
            lambda event: ((event.server_address_int,), event.data),
            lambda numbers, tail: (tail, numbers[0]),
        ),
        Row(
            hooks.DELETE_CLIENT,
            "II",
            lambda event: ((event.address_int, event.address_type), event.hardware_address),
            lambda numbers, tail: (numbers[0], tail, AddressType(numbers[1])),
        ),
        Row(hooks.SELECT_SUBNET, "II", _pack_selected_subnet, _unpack_selected_subnet),
        Row(hooks.SELECT_ADDRESS, "IIIBI", _pack_selected_address, _unpack_selected_address),
        Row(
            hooks.BUILD_REPLY,
            "II",
            lambda event: ((event.server_address_int, len(event.reply_data)), event.reply_data + event.data),
            lambda numbers, tail: (tail[numbers[1] :], numbers[0], tail[: numbers[1]]),
        ),
        Row(
            hooks.LEASE_COMMITTED,
            "III",
            _pack_committed,
            lambda numbers, tail: (
                tail[numbers[2] :], numbers[0], _unpack_lease(tail[: numbers[2]]), AddressGiven(numbers[1]),
            ),
        ),
        Row(
            hooks.LEASE_EXPIRED,
            "",
            lambda event: ((), _pack_lease(event.lease)),
            lambda _numbers, tail: (_unpack_lease(tail),),
        ),
    )
}  # fmt: skip
"""How the events of each slot are written, by the slot's name."""


# Answers

_DWORD = Struct("<I")
_KIND_OF: dict[type, Kind] = {
    Drop: Kind.DROP,
    Replace: Kind.REPLACE,
    UseSubnet: Kind.USE_SUBNET,
    UseAddress: Kind.USE_ADDRESS,
    InUse: Kind.IN_USE,
    Extend: Kind.EXTEND,
}


def encode_answer(slot: Slot[Any], answer: object) -> tuple[Kind, bytes]:
    """What a function answered, as a kind of frame and its payload.

    Raises:
        CalloutFault: Its slot has no such answers, or it is none that can be.
        ValueError: The same, as the network, address or message itself says it.
    """
    if answer is None:
        return Kind.NOTHING, b""
    if not isinstance(answer, slot.answers):
        allowed = ", ".join(kind.__name__ for kind in slot.answers) or "nothing"
        raise CalloutFault(f"{slot.name} answered {answer!r}; it may answer None, or {allowed}")
    if isinstance(answer, Drop):
        return Kind.DROP, _DWORD.pack(DropReason(answer.reason))
    if isinstance(answer, Replace):
        message = answer.message
        data = message.encode() if isinstance(message, Packet) else bytes(memoryview(message))
        if len(data) > _MAX_REPLACEMENT:
            raise CalloutFault(f"the message was replaced by {len(data)} bytes")
        return Kind.REPLACE, data
    if isinstance(answer, UseSubnet):
        return Kind.USE_SUBNET, str(IPv4Network(answer.network)).encode("ascii")
    if isinstance(answer, UseAddress):
        return Kind.USE_ADDRESS, _DWORD.pack(int(IPv4Address(answer.address)))
    if isinstance(answer, InUse):
        return Kind.IN_USE, b""
    seconds = answer.lease_time_s if isinstance(answer, Extend) else None
    if isinstance(seconds, bool) or not isinstance(seconds, int) or not 1 <= seconds <= INFINITE:
        raise CalloutFault(f"a lease was extended by {seconds!r} seconds; from 1 to {INFINITE} is possible")
    return Kind.EXTEND, _DWORD.pack(seconds)


def decode_answer(slot: Slot[Any], kind: int, payload: bytes) -> Any:
    """The answer in a frame from a worker.

    Raises:
        CalloutFault: The function failed; the fault says how.
        FrameError: It is no answer of this slot's.
    """
    if kind == Kind.NOTHING and not payload:
        return None
    if kind == Kind.FAULT:
        raise _fault(payload)
    try:
        answer = _answer(kind, payload)
    except (StructError, ValueError) as error:
        raise FrameError(f"an answer to {slot.name} of {len(payload)} bytes that are wrong") from error
    if not isinstance(answer, slot.answers):
        raise FrameError(f"a frame of kind {kind} as the answer to {slot.name}")
    return answer


def _answer(kind: int, payload: bytes) -> Any:
    if kind == Kind.DROP:
        return Drop(DropReason(*_DWORD.unpack(payload)))
    if kind == Kind.REPLACE:
        return Replace(payload)
    if kind == Kind.USE_SUBNET:
        return UseSubnet(IPv4Network(payload.decode("ascii")))
    if kind == Kind.USE_ADDRESS:
        return UseAddress(*_DWORD.unpack(payload))
    if kind == Kind.IN_USE and not payload:
        return InUse()
    if kind == Kind.EXTEND:
        return Extend(*_DWORD.unpack(payload))
    return None


def encode_text(text: str) -> bytes:
    """A text for people, its end cut where it is too long."""
    return text.encode(errors="backslashreplace")[:_MAX_TEXT]


def decode_text(payload: bytes) -> str:
    """A text for people, with whatever else than printable characters and line ends escaped."""
    text = payload[:_MAX_TEXT].decode(errors="backslashreplace")
    return "".join(char if char.isprintable() or char == "\n" else ascii(char)[1:-1] for char in text)


def _fault(payload: bytes) -> CalloutFault:
    said, _, trace = decode_text(payload).partition("\n")
    fault = CalloutFault(said)
    if trace:
        fault.add_note(f"In the worker:\n{trace}")
    return fault
