"""A server and its clients without sockets: the engine, a clock that is a number, and the hooks as they fired."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from types import FrameType
from typing import Any

import pytest

from dhcpcallout.codes import MessageType, OptionCode
from dhcpcallout.engine import Arrival, Engine, Outgoing, Subnet
from dhcpcallout.hooks import ABI_SLOTS, Callout, HookTable
from dhcpcallout.leases import Lease
from dhcpcallout.wire import Packet, decode, encode

SERVER_INT = 0x0A000001  # 10.0.0.1
ARRIVAL = Arrival(source_int=0, source_port=68, server_address_int=SERVER_INT, interface="lan")


def recorder(fired: list[str]) -> Callout:
    """A callout that writes down what fires, as the callout ABI names it."""
    callout = Callout("recorder")

    def record(slot: str) -> Callable[[Any], None]:
        def function(event: Any) -> None:
            detail = next((getattr(event, name) for name in ("reason", "given") if hasattr(event, name)), None)
            fired.append(slot if detail is None else f"{slot}({detail.name})")

        return function

    for slot in ABI_SLOTS:
        callout.register(slot.name, record(slot.name))
    return callout


@dataclass
class Lab:
    """One engine, driven packet by packet, and a lease store that is a dict."""

    engine: Engine
    fired: list[str]
    now: float = 1_000_000.0
    stored: dict[int, Lease] = field(default_factory=dict)
    outgoing: Outgoing | None = None

    def send(self, packet: Packet, arrival: Arrival = ARRIVAL) -> Packet | None:
        """Have the engine answer a packet; the changes are stored before it does."""
        return self.send_bytes(encode(packet).data, arrival)

    def send_bytes(self, data: bytes, arrival: Arrival = ARRIVAL) -> Packet | None:
        exchange = self.engine.receive(data, arrival, self.now)
        for change in exchange.changes:
            self.store(change.address_int, change.before, change.after)
        self.outgoing = self.engine.finish(exchange, self.now)
        return decode(self.outgoing.data, strict=True) if self.outgoing is not None else None

    def store(self, address_int: int, before: Lease | None, after: Lease | None) -> None:
        assert self.stored.get(address_int) == before
        if after is None:
            self.stored.pop(address_int, None)
        else:
            self.stored[address_int] = after

    def expire(self) -> None:
        for change in self.engine.expire(self.now):
            self.store(change.address_int, change.before, change.after)

    def lease(self, client: int) -> IPv4Address | None:
        """A whole DISCOVER, OFFER, REQUEST, ACK."""
        offer = self.send(message(MessageType.DISCOVER, client))
        if offer is None:
            return None
        ack = self.send(selecting(client, offer.yiaddr))
        return ack.yiaddr if ack is not None and ack.message_type is MessageType.ACK else None


def message(kind: MessageType, client: int, **fields: Any) -> Packet:
    """A client's message; ``client`` is a number that its hardware address is made of."""
    options = {int(OptionCode.DHCP_MESSAGE_TYPE): bytes((kind,))} | fields.pop("options", {})
    return Packet(xid=client, chaddr=b"\x02\0" + client.to_bytes(4, "big"), options=options, **fields)


def selecting(client: int, address: IPv4Address | str, server_int: int = SERVER_INT) -> Packet:
    options = {
        int(OptionCode.DHCP_REQUESTED_ADDRESS): IPv4Address(address).packed,
        int(OptionCode.DHCP_SERVER_IDENTIFIER): server_int.to_bytes(4, "big"),
    }
    return message(MessageType.REQUEST, client, options=options)


def init_reboot(client: int, address: str) -> Packet:
    options = {int(OptionCode.DHCP_REQUESTED_ADDRESS): IPv4Address(address).packed}
    return message(MessageType.REQUEST, client, options=options)


@pytest.fixture
def make_lab() -> Callable[..., Lab]:
    """Make a lab whose engine serves 10.0.0.0/24 from 10.0.0.10 to 10.0.0.12, unless told otherwise."""

    def make(*subnets: Subnet, **arguments: Any) -> Lab:
        fired: list[str] = []
        default = Subnet(
            network="10.0.0.0/24",
            pools=["10.0.0.10-10.0.0.12"],
            lease_time_s=1000,
            options={"routers": ["10.0.0.1"]},
        )
        return Lab(Engine(subnets or [default], hooks=HookTable([recorder(fired)]), **arguments), fired)

    return make


@dataclass(frozen=True)
class Messages:
    """The builders above, for tests to use."""

    message: Callable[..., Packet]
    selecting: Callable[..., Packet]
    init_reboot: Callable[..., Packet]


@pytest.fixture
def messages() -> Messages:
    return Messages(message, selecting, init_reboot)


@pytest.fixture
def count_operations() -> Callable[[Callable[[], object]], int]:
    """Count the bytecodes that a call executes: what it costs in Python, whatever else the machine is doing."""

    def count(function: Callable[[], object]) -> int:
        operations = 0

        def trace(frame: FrameType, event: str, argument: Any) -> Any:
            nonlocal operations
            frame.f_trace_opcodes = True
            operations += event == "opcode"
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            function()
        finally:
            sys.settrace(before)
        assert operations
        return operations

    return count
