"""What an explanation of a packet holds, and how it is told: as a page, or as what JSON takes."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from ipaddress import IPv4Address
from typing import Any

from ..codes import DropReason
from ..wire.types.notation import quote
from .classes import Membership
from .exchange import Delivery

__all__ = [
    "AddressReason",
    "ClientIdentity",
    "ExplainedField",
    "ExplainedOption",
    "ExplainedReply",
    "Explanation",
    "LeaseEffect",
    "LeaseTimes",
    "MessageSummary",
    "NetworkReason",
    "ReplyDestination",
    "ReservationFound",
    "SubnetGuard",
    "TimeReason",
    "UnaskedHook",
    "WithheldOption",
]


@dataclass(frozen=True, slots=True)
class MessageSummary:
    """What came in.

    Attributes:
        kind: ``DISCOVER``, ``BOOTP``; for what is no message to a server: ``reply``, ``unknown``, ``malformed``.
        xid: The transaction id; None where it is malformed, as with all that follows but for the arrival.
        hardware_address: ``chaddr``.
        ciaddr, giaddr: The client's address and its relay agent's, or None for none.
        requested_address: Option 50, or None.
        source, source_port: Where it came from.
        server_address, server_port: The address and port of ours that it reached.
        interface: The interface's name, or "".
        errors: What is malformed in it.
    """

    kind: str
    xid: int | None
    hardware_address: bytes
    ciaddr: IPv4Address | None
    giaddr: IPv4Address | None
    requested_address: IPv4Address | None
    source: IPv4Address
    source_port: int
    server_address: IPv4Address
    server_port: int
    interface: str
    errors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClientIdentity:
    """Who the client is.

    Attributes:
        key: What its leases are found by; b"" where the message does not tell who sent it.
        reason: What the key is made from.
    """

    key: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class SubnetGuard:
    """A subnet of the network that the client is in.

    Attributes:
        subnet: Its prefix.
        is_open: Whether the client may be in it.
        reason: Why, by the classes that guard it and its shared network.
    """

    subnet: str
    is_open: bool
    reason: str


@dataclass(frozen=True, slots=True)
class NetworkReason:
    """Where the client is.

    Attributes:
        network: The subnet's prefix or the shared network's name; None where it is in no network of this server.
        subnet: The prefix of the subnet that the message points at; None where it points at none.
        reason: By what it was found, or what failed to tell it.
        subnets: The network's subnets, in the order in which they are tried.
    """

    network: str | None
    subnet: str | None
    reason: str
    subnets: tuple[SubnetGuard, ...]


@dataclass(frozen=True, slots=True)
class ReservationFound:
    """What is reserved for the client.

    Attributes:
        name: ``reservation of hardware-address 00:0c:01:02:03:04``.
        key: Its key in the configuration file: ``subnet[0].reservation[3]``.
        address: The address, or None.
        hostname: The name, or None.
        classes: The classes that it makes the client belong to.
    """

    name: str
    key: str
    address: IPv4Address | None
    hostname: str | None
    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AddressReason:
    """Which address the message is about, or why there is none.

    Attributes:
        address: What the client would get, or have refused, or give up; None where no address could be found.
        subnet: The prefix of the subnet that it is in, or None.
        granted: Whether the client would be offered or given it.
        reason: Why.
    """

    address: IPv4Address | None
    subnet: str | None
    granted: bool
    reason: str


@dataclass(frozen=True, slots=True)
class TimeReason:
    """A time, and where it comes from.

    Attributes:
        seconds: How long; None is for ever.
        origin: The scope that says so, or other words.
    """

    seconds: int | None
    origin: str


@dataclass(frozen=True, slots=True)
class LeaseTimes:
    """For how long the client would have its address.

    Attributes:
        lease_time: The lease time.
        renew_time, rebind_time: T1 and T2; None where the client is not told them.
    """

    lease_time: TimeReason
    renew_time: TimeReason | None
    rebind_time: TimeReason | None


@dataclass(frozen=True, slots=True)
class ExplainedField:
    """A field of the reply's header that a scope fills in.

    Attributes:
        name: ``siaddr``, ``sname`` or ``file``.
        value: Its value as text.
        origin: The scope that says so.
    """

    name: str
    value: str
    origin: str


@dataclass(frozen=True, slots=True)
class ExplainedOption:
    """An option of the reply.

    Attributes:
        code: Its code.
        name: Its name.
        value: Its value as text; None where it is malformed, for it is the client's own.
        hex: Its bytes, in hexadecimal.
        origin: The scope that says so, or other words: ``the server``, ``the client's own ...``.
    """

    code: int
    name: str
    value: str | None
    hex: str
    origin: str


@dataclass(frozen=True, slots=True)
class WithheldOption:
    """An option that is configured for the client and does not go to it.

    Attributes:
        code: Its code.
        name: Its name.
        origin: The scope that says it.
        reason: Why it is withheld.
    """

    code: int
    name: str
    origin: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReplyDestination:
    """Where the reply would go.

    Attributes:
        delivery: How; None where it cannot be sent.
        address: The IP destination.
        port: The UDP destination port.
        reason: The row of the table in RFC 2131 section 4.1 and what adds to it, in words.
    """

    delivery: Delivery | None
    address: IPv4Address
    port: int
    reason: str


@dataclass(frozen=True, slots=True)
class ExplainedReply:
    """The reply that would be sent.

    Attributes:
        kind: ``OFFER``, ``ACK``, ``NAK``; ``BOOTREPLY`` to a BOOTP client.
        fields: What the scopes put into its header.
        options: Its options, in order.
        withheld: What is configured for the client and not among them.
        destination: Where it would go.
        data: The message's bytes; b"" where it cannot be sent.
    """

    kind: str
    fields: tuple[ExplainedField, ...]
    options: tuple[ExplainedOption, ...]
    withheld: tuple[WithheldOption, ...]
    destination: ReplyDestination
    data: bytes


@dataclass(frozen=True, slots=True)
class LeaseEffect:
    """A change to the leases that would be made, and be durable, before the reply is sent.

    Attributes:
        address: The address.
        before: What its row says now: ``active``, ``declined``, ``released``; None where it has none.
        after: What it would say.
        hardware_address: That of the client it would be for; b"" where it would be for none.
        hostname: The client's name, as it says, or "".
        expires_s: Until when that would hold, Unix time in seconds; None is for ever.
    """

    address: IPv4Address
    before: str | None
    after: str | None
    hardware_address: bytes
    hostname: str
    expires_s: int | None


@dataclass(frozen=True, slots=True)
class UnaskedHook:
    """A hook that would fire; its functions were not called, and might decide otherwise.

    Attributes:
        slot: The hook's name.
        callouts: The callouts that have functions on it, in the order in which they would be called.
    """

    slot: str
    callouts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What the server would do with a datagram, and why. ``str`` makes a page of it.

    What it tells is what happens without the callouts, which are not asked.

    Attributes:
        message: What came in.
        client: Who sent it; None where that was not looked at, for it was dropped before. The same goes for what
            follows.
        network: Where the client is.
        reservation: What is reserved for it.
        classes: Every class, whether the client belongs to it, and why.
        address: Which address the message is about.
        lease_times: For how long the client would have it.
        reply: The reply, or None where none would be sent.
        drop: Why there is none, as the hooks would see it; None where the message asks for none, or there is one.
        reason: In words: why the reply is what it is, or why there is none.
        changes: What would change of the leases.
        not_asked: The hooks that would fire, in order.
    """

    message: MessageSummary
    client: ClientIdentity | None
    network: NetworkReason | None
    reservation: ReservationFound | None
    classes: tuple[Membership, ...]
    address: AddressReason | None
    lease_times: LeaseTimes | None
    reply: ExplainedReply | None
    drop: DropReason | None
    reason: str
    changes: tuple[LeaseEffect, ...]
    not_asked: tuple[UnaskedHook, ...]

    def to_dict(self) -> dict[str, Any]:
        """The same as what ``json.dumps`` takes: attributes' names with ``-``, addresses as texts, bytes as hex."""
        plain: dict[str, Any] = _plain(self)
        return plain

    def __str__(self) -> str:
        return "\n".join(_lines(self))


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {one.name.replace("_", "-"): _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Membership):
        return dict(value._asdict())
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, bytes):
        return value.hex()
    return str(value) if isinstance(value, IPv4Address) else value


_MARGIN = 13


def _lines(told: Explanation) -> Iterator[str]:
    """The page, line by line."""
    yield from _message_lines(told.message)
    if told.client is not None:
        yield _line("client", f"{told.client.key.hex(':') or 'unknown'}: {told.client.reason}")
    if told.network is not None:
        yield from _network_lines(told.network)
        yield _line("reservation", _reservation(told.reservation))
    yield from _block(
        "classes", [f"{'in' if one.member else 'not in'} {one.name}: {one.reason}" for one in told.classes]
    )
    if told.address is not None:
        where = f" in {told.address.subnet}" if told.address.subnet is not None else ""
        yield _line("address", f"{told.address.address or 'none'}{where}: {told.address.reason}")
    if told.lease_times is not None:
        times = told.lease_times
        yield _line("lease time", _time(times.lease_time))
        for name, time in (("T1", times.renew_time), ("T2", times.rebind_time)):
            yield _line("", f"{name} {_time(time)}" if time is not None else f"{name} is not told")
    if told.reply is None:
        outcome = f"none, dropped as {told.drop.name}" if told.drop is not None else "none"
        yield _line("reply", f"{outcome}: {told.reason}")
    else:
        yield from _reply_lines(told.reply, told.reason)
    yield from _block("leases", [_effect(change) for change in told.changes] or ["nothing changes"])
    hooks = [f"{one.slot}: {', '.join(map(_shown, one.callouts))}" for one in told.not_asked]
    yield from _block("callouts", ["not asked; they may decide otherwise", *hooks] if hooks else [])


def _line(title: str, text: str) -> str:
    return f"{title:<{_MARGIN}}{text}"


def _block(title: str, lines: list[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        yield _line("" if number else title, line)


def _shown(text: str) -> str:
    """A text, in quotes and printable unless it is so by itself."""
    return text if text.isprintable() else quote(text)


def _message_lines(message: MessageSummary) -> Iterator[str]:
    sender = f" of {message.hardware_address.hex(':')}" if message.hardware_address else ""
    xid = f", xid 0x{message.xid:08x}" if message.xid is not None else ""
    yield _line("message", f"{message.kind}{sender}{xid}")
    named = {
        "ciaddr": message.ciaddr,
        "giaddr": message.giaddr,
        "asks for": message.requested_address,
    }
    told = [f"{name} {address}" for name, address in named.items() if address is not None]
    if told:
        yield _line("", ", ".join(told))
    interface = f" on {_shown(message.interface)}" if message.interface else ""
    source, server = f"{message.source}:{message.source_port}", f"{message.server_address}:{message.server_port}"
    yield _line("", f"from {source} at {server}{interface}")
    yield from _block("malformed", list(message.errors))


def _network_lines(found: NetworkReason) -> Iterator[str]:
    yield _line("network", f"{_shown(found.network) if found.network is not None else 'none'}: {found.reason}")
    for one in found.subnets:
        yield _line("", f"subnet {one.subnet} is {'open' if one.is_open else 'closed'}: {one.reason}")


def _reservation(found: ReservationFound | None) -> str:
    if found is None:
        return "none"
    told = [f"{found.name} ({found.key})"]
    if found.address is not None:
        told.append(f"address {found.address}")
    if found.hostname is not None:
        told.append(f"hostname {_shown(found.hostname)}")
    if found.classes:
        told.append(f"classes {', '.join(found.classes)}")
    return ", ".join(told)


def _time(time: TimeReason) -> str:
    return f"{'infinite' if time.seconds is None else f'{time.seconds} s'}: {time.origin}"


def _reply_lines(reply: ExplainedReply, reason: str) -> Iterator[str]:
    yield _line("reply", f"{reply.kind}: {reason}")
    goes = reply.destination
    how = {
        None: "nowhere, for",
        Delivery.UNICAST: f"to {goes.address}:{goes.port}:",
        Delivery.BROADCAST: f"broadcast to {goes.address}:{goes.port}:",
        Delivery.HARDWARE: f"in a frame of its own to {goes.address}:{goes.port}:",
    }[goes.delivery]
    yield _line("", f"{how} {goes.reason}")
    yield from _block("fields", [f"{one.name} {one.value} ({one.origin})" for one in reply.fields])
    width = max((len(one.name) for one in reply.options), default=0)
    values = [
        f"{one.code:>3} {one.name:<{width}}  {f'0x{one.hex}' if one.value is None else one.value}  ({one.origin})"
        for one in reply.options
    ]
    yield from _block("options", values)
    yield from _block("withheld", [f"{one.code:>3} {one.name} ({one.origin}): {one.reason}" for one in reply.withheld])


def _effect(change: LeaseEffect) -> str:
    owner = f" of {change.hardware_address.hex(':')}" if change.hardware_address else ""
    name = f" {_shown(change.hostname)}" if change.hostname else ""
    until = (
        "for ever" if change.expires_s is None else f"until {datetime.fromtimestamp(change.expires_s, UTC):%F %T} UTC"
    )
    return f"{change.address}: {change.before or 'no row'} becomes {change.after or 'no row'} {until}{owner}{name}"
