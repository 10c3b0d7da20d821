"""A simulated network: a server's engine and its callouts, clients and relays, without sockets or waiting.

The clock is a number that the test moves. Leases are kept in a dict, as durable as the test wants them to be.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any, NamedTuple, Self

from ..codes import BROADCAST_FLAG, CLIENT_PORT, SERVER_PORT, ControlCode, MessageType, OptionCode
from ..engine import Arrival, Delivery, Engine, Exchange, Outgoing, SharedNetwork, Subnet
from ..engine.clients import parse_hardware_address
from ..events import Event
from ..hooks import SLOTS, Callout, CalloutEntry, HookTable
from ..leases import Lease, LeaseChange
from ..wire import REGISTRY, OptionRegistry, Packet, decode, encode

__all__ = ["Fired", "SimulatedClient", "SimulatedNetwork", "SimulatedRelay"]

SUBNET = Subnet(
    network="10.0.0.0/24", pools=["10.0.0.10-10.0.0.99"], lease_time_s=3600, options={"routers": ["10.0.0.1"]}
)
"""What is served where a test says nothing."""

_SERVER = "10.0.0.1"
_INTERFACE = "lan"
_START_S = 1_700_000_000.0


class Fired(NamedTuple):
    """A hook that fired.

    Attributes:
        slot: The slot's name.
        event: What its functions got.
    """

    slot: str
    event: Event

    def __str__(self) -> str:
        """The slot, and what tells one such event from another: ``packet_drop(PROCESSED)``."""
        for name in ("reason", "given", "code"):
            detail = getattr(self.event, name, None)
            if detail is not None and self.slot != "packet_send":
                return f"{self.slot}({detail.name})"
        return self.slot


class SimulatedNetwork:
    """A link with a server on it.

    Args:
        subnets: The networks to serve; 10.0.0.0/24 from 10.0.0.10 on where none is given.
        callouts: The callouts under test, in order.
        server_address: The server's address on the link.
        start_s: Unix time at the start, in seconds.
        arguments: What else the ``Engine`` takes.

    Attributes:
        engine: The server's engine; another one after ``restart``.
        now: Unix time in seconds, for the test to move (``advance`` also ends what has run out by then).
        leases: The durable rows, by address as a 32-bit integer.
        registry: What options are looked up in.
        fired: Each hook that fired, in order, before the callouts under test saw it. Clear it as you like.
    """

    def __init__(
        self,
        subnets: Sequence[Subnet | SharedNetwork] = (),
        *,
        callouts: Iterable[Callout] = (),
        server_address: str = _SERVER,
        start_s: float = _START_S,
        **arguments: Any,
    ) -> None:
        self.server_address = IPv4Address(server_address)
        self.now = start_s
        self.leases: dict[int, Lease] = {}
        self.fired: list[Fired] = []
        self._callouts = tuple(callouts)
        self.registry: OptionRegistry = arguments.get("registry", REGISTRY)
        self._arguments = {"networks": subnets or [SUBNET], **arguments}
        for callout in self._callouts:
            callout.load(CalloutEntry(()))
        self._clients = 0
        self.engine = self._start()

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """The network that a configuration file describes, with its callouts, but with leases in memory alone.

        Raises:
            ConfigError: With every mistake in the file.
        """
        from ..config import load_config
        from ..loaders import load_callouts

        settings = load_config(path)
        loaded = load_callouts(settings.callouts, base_directory=settings.base_directory)
        first = settings.networks[0]
        subnet = first.subnets[0] if isinstance(first, SharedNetwork) else first
        return cls(
            settings.networks,
            callouts=loaded.callouts,
            server_address=str(IPv4Network(subnet.network).network_address + 1),
            defaults=settings.defaults,
            classes=settings.classes,
            reservations=settings.reservations,
            authoritative=settings.authoritative,
            offer_time_s=settings.offer_time_s,
            decline_time_s=settings.decline_time_s,
            leasequery_relays=settings.leasequery_relays,
            registry=settings.registry,
        )

    def _start(self) -> Engine:
        callouts = [self._recorder(), *self._callouts]
        engine = Engine(**self._arguments, hooks=HookTable(callouts, registry=self.registry))
        engine.load(self.leases.values())
        engine.control(ControlCode.START)
        return engine

    def _recorder(self) -> Callout:
        recorder = Callout("recorder")

        def record(slot: str) -> Callable[[Event], None]:
            return lambda event: self.fired.append(Fired(slot, event))

        for slot in SLOTS:
            recorder.register(slot.name, record(slot.name))
        return recorder

    @property
    def trace(self) -> list[str]:
        """``fired``, each as its text."""
        return list(map(str, self.fired))

    def client(self, hardware_address: str | bytes | None = None, **options: Any) -> "SimulatedClient":
        """A new client on the link.

        Args:
            hardware_address: Its ``chaddr``; one that no other has where None.
            options: Options that it sends with DISCOVER, REQUEST and INFORM, by registry name with ``_`` for ``-``.
        """
        self._clients += 1
        own = b"\x02\0\0" + self._clients.to_bytes(3, "big")
        address = own if hardware_address is None else parse_hardware_address(hardware_address)
        return SimulatedClient(self.deliver, address, options, self.registry)

    def relay(self, address: str, **agent_options: bytes) -> "SimulatedRelay":
        """A relay agent whose clients are on another link.

        Args:
            address: Its address there (``giaddr``).
            agent_options: ``circuit_id``, ``remote_id``: what it says in option 82.
        """
        return SimulatedRelay(self, IPv4Address(address), agent_options)

    def advance(self, seconds: float) -> None:
        """Let time pass, and end what has run out by then."""
        self.now += seconds
        while changes := self.engine.expire(self.now):
            self._commit(changes)

    def restart(self) -> None:
        """Stop the server and start it again with the leases that are durable."""
        self.engine.control(ControlCode.STOP)
        self.engine = self._start()

    def deliver(self, message: Packet | bytes, arrival: Arrival | None = None) -> Outgoing | None:
        """Have the server take in a message that was broadcast on its link, or that came in as ``arrival`` says.

        Returns:
            The reply, or None.
        """
        data = message if isinstance(message, bytes) else encode(message).data
        if arrival is None:
            arrival = Arrival(0, CLIENT_PORT, int(self.server_address), interface=_INTERFACE)
        exchange = self.engine.receive(data, arrival, self.now)
        self._await_hooks(exchange)
        self._commit(exchange.changes)
        return self.engine.finish(exchange, self.now) or self._await_hooks(exchange)

    def _await_hooks(self, exchange: Exchange) -> Outgoing | None:
        """Let the async functions of callouts come to their end, each in an event loop of its own."""
        outgoing = None
        while exchange.parked is not None:
            answer, error = None, None
            try:
                with ThreadPoolExecutor(1) as elsewhere:  # a test may itself run in an event loop
                    answer = elsewhere.submit(asyncio.run, _result_of(exchange.parked.awaitable)).result()
            except Exception as raised:
                error = raised
            outgoing = self.engine.resume(exchange, self.now, answer, error) or outgoing
        return outgoing

    def _commit(self, changes: Iterable[LeaseChange]) -> None:
        for change in changes:
            if change.after is None:
                self.leases.pop(change.address_int, None)
            else:
                self.leases[change.address_int] = change.after


async def _result_of(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


_Deliver = Callable[[Packet], Outgoing | None]


class SimulatedRelay:
    """A relay agent (RFC 1542, RFC 3046): it passes on its clients' messages, and the replies to them."""

    def __init__(self, network: SimulatedNetwork, address: IPv4Address, agent_options: Mapping[str, bytes]) -> None:
        self._network = network
        self.address = address
        self._agent_options = agent_options
        self._clients = 0

    def client(self, hardware_address: str | bytes | None = None, **options: Any) -> "SimulatedClient":
        """A new client on the relay's link; see ``SimulatedNetwork.client``."""
        client = self._network.client(hardware_address, **options)
        client.link(self._relay)
        return client

    def _relay(self, message: Packet) -> Outgoing | None:
        relayed = decode(encode(message).data)
        relayed.giaddr_int = int(self.address)
        relayed.hops += 1
        codes = {"circuit_id": 1, "remote_id": 2}
        if self._agent_options:
            relayed.options[OptionCode.DHCP_AGENT_OPTIONS] = b"".join(
                bytes((codes[name], len(value))) + value for name, value in self._agent_options.items()
            )
        arrival = Arrival(int(self.address), SERVER_PORT, int(self._network.server_address))
        reply = self._network.deliver(relayed, arrival)
        if reply is None or (reply.address, reply.port) != (self.address, SERVER_PORT):
            return None
        packet = decode(reply.data)
        if self._agent_options and packet.options.pop(OptionCode.DHCP_AGENT_OPTIONS, None) is None:
            return None
        broadcast = Delivery.BROADCAST if packet.flags & BROADCAST_FLAG else Delivery.HARDWARE
        return reply._replace(data=encode(packet).data, delivery=broadcast, hardware_address=packet.chaddr)


class SimulatedClient:
    """A client (RFC 2131 section 4.4) that does one thing at a time, when the test says so.

    Attributes:
        hardware_address: Its ``chaddr``.
        address: The address that it holds, or None.
        server: The identifier of the server that it has its lease from, or None.
        reply: The last reply that reached it, or None where there was none.
    """

    def __init__(
        self,
        deliver: _Deliver,
        hardware_address: bytes,
        options: Mapping[str, Any],
        registry: OptionRegistry = REGISTRY,
    ) -> None:
        self._deliver = deliver
        self._registry = registry
        self._options = options
        self._xid = int.from_bytes(hardware_address[-4:], "big")
        self.hardware_address = hardware_address
        self.address: IPv4Address | None = None
        self.server: IPv4Address | None = None
        self.reply: Packet | None = None

    def link(self, deliver: _Deliver) -> None:
        """Move the client to where its messages are passed on by ``deliver``."""
        self._deliver = deliver

    def discover(self, wish: str | IPv4Address | None = None) -> Packet | None:
        """DISCOVER: the OFFER, or None."""
        message = self.message(MessageType.DISCOVER)
        if wish is not None:
            message.set(OptionCode.DHCP_REQUESTED_ADDRESS, wish)
        return self._ask(message)

    def select(self, offer: Packet) -> Packet | None:
        """REQUEST in state SELECTING: the ACK or NAK, or None."""
        message = self.message(MessageType.REQUEST)
        message.set(OptionCode.DHCP_REQUESTED_ADDRESS, offer.yiaddr)
        message.set(OptionCode.DHCP_SERVER_IDENTIFIER, offer.server_identifier)
        return self._ask(message)

    def lease(self, wish: str | IPv4Address | None = None) -> IPv4Address | None:
        """DISCOVER, OFFER, REQUEST, ACK: the address, or None."""
        offer = self.discover(wish)
        if offer is None or offer.message_type is MessageType.ACK:  # an ACK: rapid commit, RFC 4039
            return self.address
        self.select(offer)
        return self.address

    def renew(self) -> Packet | None:
        """REQUEST with ``ciaddr`` in state RENEWING or REBINDING: the ACK or NAK, or None."""
        return self._ask(self.message(MessageType.REQUEST, ciaddr=self._own()))

    def reboot(self, address: str | IPv4Address | None = None) -> Packet | None:
        """REQUEST in state INIT-REBOOT for its own or another address: the ACK or NAK, or None."""
        message = self.message(MessageType.REQUEST)
        message.set(OptionCode.DHCP_REQUESTED_ADDRESS, address or self._own())
        return self._ask(message)

    def inform(self, address: str | IPv4Address) -> Packet | None:
        """INFORM from an address that it has otherwise: the ACK, or None."""
        return self._ask(self.message(MessageType.INFORM, ciaddr=IPv4Address(address)))

    def release(self) -> None:
        """RELEASE: the client has no address any more."""
        message = self.message(MessageType.RELEASE, ciaddr=self._own())
        message.set(OptionCode.DHCP_SERVER_IDENTIFIER, self.server)
        self._deliver(message)
        self.address = None

    def decline(self) -> None:
        """DECLINE: the client found its address in use, and has none any more."""
        message = self.message(MessageType.DECLINE)
        message.set(OptionCode.DHCP_REQUESTED_ADDRESS, self._own())
        message.set(OptionCode.DHCP_SERVER_IDENTIFIER, self.server)
        self._deliver(message)
        self.address = None

    def message(self, message_type: MessageType, *, ciaddr: IPv4Address | int = 0) -> Packet:
        """A message of this client's, with the options that it sends."""
        self._xid = (self._xid + 1) & 0xFFFFFFFF
        message = Packet(xid=self._xid, ciaddr=ciaddr, chaddr=self.hardware_address, registry=self._registry)
        message.set(OptionCode.DHCP_MESSAGE_TYPE, message_type)
        if message_type in (MessageType.DISCOVER, MessageType.REQUEST, MessageType.INFORM):
            for name, value in self._options.items():
                message.set(name.replace("_", "-"), value)
        elif "dhcp_client_identifier" in self._options:
            message.set(OptionCode.DHCP_CLIENT_IDENTIFIER, self._options["dhcp_client_identifier"])
        return message

    def _own(self) -> IPv4Address:
        if self.address is None:
            raise ValueError("the client has no address; lease() one first")
        return self.address

    def _ask(self, message: Packet) -> Packet | None:
        outgoing = self._deliver(message)
        self.reply = None
        if outgoing is None or not self._reaches(message, outgoing):
            return None
        reply = decode(outgoing.data, strict=True, registry=self._registry)
        if reply.xid != message.xid:
            return None
        self.reply = reply
        if reply.message_type is MessageType.ACK and reply.yiaddr_int:
            self.address, self.server = reply.yiaddr, reply.server_identifier
        elif reply.message_type is MessageType.NAK:
            self.address = None
        return reply

    def _reaches(self, message: Packet, outgoing: Outgoing) -> bool:
        """Whether a reply gets to this client: to its hardware, to everybody, or to the address that it has."""
        if outgoing.delivery is Delivery.UNICAST:
            return bool(message.ciaddr_int) and outgoing.address_int == message.ciaddr_int
        return outgoing.delivery is Delivery.BROADCAST or outgoing.hardware_address == self.hardware_address
