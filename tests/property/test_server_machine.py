"""What holds for a server whatever its clients, the network, the clock, the lease store and the callouts do.

A state machine drives an engine as the server does, in turns, through a network that loses, repeats, delays and
reorders messages both ways.
"""

import logging
import os
import re
from collections.abc import Collection, Generator, Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Any

import pytest
from hypothesis import note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from dhcpcallout.codes import INFINITE, ControlCode, DropReason, MessageType, OptionCode
from dhcpcallout.engine import (
    Arrival,
    ClientClass,
    Engine,
    Exchange,
    Outgoing,
    Pool,
    Reservation,
    SharedNetwork,
    Subnet,
)
from dhcpcallout.engine.clients import client_key
from dhcpcallout.engine.exchange import Stage
from dhcpcallout.engine.parking import Parking
from dhcpcallout.events import AddressSelected, ClientDeleted, Event, PacketEvent, ServiceControlled
from dhcpcallout.hooks import SLOTS, Callout, Drop, InUse
from dhcpcallout.leases import Lease, LeaseChange, LeaseState, Refusal
from dhcpcallout.testing import SimulatedClient, SimulatedNetwork
from dhcpcallout.wire import Packet, decode, encode

OFFER_TIME_S = 30
MOST_PARKED = 4
MOST_ON_THE_WAY = 24

LAN = Subnet(
    network="10.0.0.0/24",
    pools=["10.0.0.10-10.0.0.12", Pool(range="10.0.0.20-10.0.0.21", classes=["phones"])],
    reservations=[
        Reservation(hardware_address="02:00:00:00:00:01", address="10.0.0.11"),
        Reservation(hardware_address="02:00:00:00:00:02", address="10.0.0.50"),
    ],
    lease_time_s=600,
    min_lease_time_s=60,
    max_lease_time_s=5000,
    rapid_commit=True,
    bootp=True,
)
CAMPUS = SharedNetwork(
    name="campus",
    lease_time_s=600,
    subnets=[
        Subnet(network="10.1.0.0/24", pools=["10.1.0.10-10.1.0.11"], bootp=True),
        Subnet(
            network="10.2.0.0/24",
            pools=["10.2.0.10-10.2.0.11", Pool(range="10.2.0.20", classes=["phones"])],
            reservations=[Reservation(client_id=b"\0reserved", address="10.2.0.11")],
            match_client_id=False,
        ),
    ],
)
PHONES = ClientClass(name="phones", test={"option": "vendor-class-identifier", "prefix": "phone"})
RESERVED = {
    int(IPv4Address(address)): owner for address, owner in (("10.0.0.11", 0), ("10.0.0.50", 1), ("10.2.0.11", 7))
}
"""The number of the client that each reserved address is for."""
POOLS = (
    ("lan", "10.0.0.10", "10.0.0.12", False),
    ("lan", "10.0.0.20", "10.0.0.21", True),
    ("campus", "10.1.0.10", "10.1.0.11", False),
    ("campus", "10.2.0.10", "10.2.0.11", False),
    ("campus", "10.2.0.20", "10.2.0.20", True),
)
"""The pools again, as the model knows them: the network, both ends, and whether they are for phones alone."""
MATCHES_HARDWARE = range(int(IPv4Address("10.2.0.0")), int(IPv4Address("10.3.0.0")))
"""Where clients are told by their hardware alone."""

FOREIGN = b"\0foreign"
"""The client of another server that shares the store, or of an administrator."""


@dataclass(eq=False)
class Client:
    """A client, and what it believes.

    Attributes:
        sim: What makes its messages.
        number: Its place among the clients.
        network: The name of the network that it is on.
        is_phone: Whether it belongs to the class "phones".
        is_bootp: Whether it speaks BOOTP alone.
        identifier: Its client identifier, or b"".
        held: The address that it believes it has, a 32-bit integer, and until when by its own clock.
        offer: The OFFER that it has got and not yet answered.
        xid: The transaction id of the last message that it sent, and what it was, and when by its own clock.
    """

    sim: SimulatedClient
    number: int
    network: str
    is_phone: bool = False
    is_bootp: bool = False
    identifier: bytes = b""
    held: tuple[int, float] | None = None
    offer: Packet | None = None
    xid: int = -1
    sent: MessageType | None = None
    sent_s: float = 0.0

    def key(self, address_int: int) -> bytes:
        """What the rows of its leases name it, by RFC 2131 section 4.2."""
        hardware = b"\x01" + self.sim.hardware_address
        return hardware if address_int in MATCHES_HARDWARE else self.identifier or hardware

    def believes(self, now: float) -> int | None:
        """The address that it uses."""
        return self.held[0] if self.held is not None and self.held[1] > now else None


@dataclass
class Life:
    """What a packet went through, as the callout ABI names it."""

    datagram: bytes
    tokens: list[str] = field(default_factory=list)
    is_disturbed: bool = False

    def check(self) -> None:
        """The life of a packet, in the words of the callout ABI."""
        life = " ".join(self.tokens)
        if self.is_disturbed:
            assert DISTURBED.fullmatch(life), life
            return
        try:
            packet = decode(self.datagram)
        except Exception:
            kind: MessageType | str | None = "malformed"
        else:
            kind = packet.message_type
        assert re.fullmatch(f"NewPkt (?:{LIVES[kind]}|{ANY}) PktDrop\\(PROCESSED\\)", life), (kind, life)


_GIVEN = r"AddressOffer\((?:NEW|OLD)\) PktSend"
_FREED = r"(?:(?:DeleteClient|AddressDel\(CONFLICT\)) )*"
ANY = r"PktDrop\(DUPLICATE\)|HandleOptions PktDrop\((?:DUPLICATE|PAUSED|NO_SUBNETS)\)"
LIVES: dict[MessageType | str | None, str] = {
    "malformed": r"PktDrop\(INVALID\)",
    MessageType.DISCOVER: rf"HandleOptions {_FREED}(?:PktSend|{_GIVEN}|PktDrop\(NOADDRESS\))",
    MessageType.REQUEST: (
        rf"HandleOptions (?:(?:DeleteClient )*{_GIVEN}|AddressDel\(NACKED\) PktSend|"
        r"PktDrop\((?:WRONG_SERVER|INVALID)\))"
    ),
    MessageType.DECLINE: r"HandleOptions (?:AddressDel\(DECLINE\)|PktDrop\((?:WRONG_SERVER|INVALID)\))",
    MessageType.RELEASE: r"HandleOptions (?:AddressDel\(RELEASE\) DeleteClient|PktDrop\((?:WRONG_SERVER|INVALID)\))",
    MessageType.INFORM: r"HandleOptions PktSend",
    None: rf"HandleOptions {_FREED}(?:{_GIVEN}|PktDrop\(NOADDRESS\))",
}
DISTURBED = re.compile(
    r"NewPkt (?:HandleOptions )?(?:(?:DeleteClient|AddressDel\((?:CONFLICT|DECLINE|RELEASE)\)) )*"
    r"(?:AddressDel\(NACKED\) )?(?:AddressOffer\((?:NEW|OLD)\) )?(?:PktSend )?"
    r"(?:PktDrop\((?!PROCESSED)\w+\) )?PktDrop\(PROCESSED\)"
)
"""The same for one that a callout held up, or that was decided again, or whose turn could not be committed."""


class Held:
    """What an async function of a callout returns; the machine decides when and how it ends."""

    def __await__(self) -> Generator[None, None, None]:
        yield


@dataclass(eq=False)
class Entry:
    """Something that waits for its commit: an exchange with its changes, or changes that stand on their own.

    Attributes:
        exchange: The exchange, if it is one.
        changes: The changes.
        believed_s: For an administrator's change, until when the client believes that it has the address.
    """

    exchange: Exchange | None
    changes: list[LeaseChange]
    believed_s: float | None = None


class Network(SimulatedNetwork):
    """A network whose messages wait until somebody takes them in, and whose server works in turns.

    Attributes:
        on_the_way: Messages to the server.
        replies: Messages from the server.
        waiting: What is decided and not durable yet.
        parked: What waits for a callout.
        holding: The slots whose functions are async now.
        in_use: Whether addresses are found in use.
        stale: Addresses whose row the engine cannot know, or could not make durable.
        started: Whether START has been told, and STOP has not.
        others: What clients have that are not among ours, until when by their clock.
    """

    engine: Engine

    def __init__(self) -> None:
        self.on_the_way: list[tuple[bytes, Arrival]] = []
        self.replies: list[Outgoing] = []
        self.waiting: list[Entry] = []
        self.parked: list[Exchange] = []
        self.holding: Collection[str] = ()
        self.in_use = False
        self.stale: set[int] = set()
        self.started = False
        self.others: dict[int, float] = {}
        self.current: Life | None = None
        self.deleted: set[int] = set()
        self.written: set[Lease] = set()
        super().__init__(
            [LAN, CAMPUS],
            callouts=[self._holder()],
            classes=[PHONES],
            offer_time_s=OFFER_TIME_S,
            authoritative=True,
            parking=None,
        )

    def _start(self) -> Engine:
        self._arguments["parking"] = Parking(limit=MOST_PARKED)
        return super()._start()

    def _holder(self) -> Callout:
        callout = Callout("holder")

        def hold(slot: str) -> Any:
            def function(event: Event) -> Any:
                if slot in self.holding:
                    return Held()
                return InUse() if isinstance(event, AddressSelected) and self.in_use else None

            return function

        for slot in SLOTS:
            if slot.may_be_async:
                callout.register(slot.name, hold(slot.name))
        return callout

    def _recorder(self) -> Callout:
        recorder = Callout("recorder")
        for slot in SLOTS:
            if slot.abi_name is not None:
                recorder.register(slot.name, self._record(slot.abi_name.removeprefix("Dhcp").removesuffix("Hook")))
        return recorder

    def _record(self, name: str) -> Any:
        def record(event: Event) -> None:
            if isinstance(event, ServiceControlled):
                assert self.started != (event.code is ControlCode.START), "START first, STOP last"
                self.started = event.code is not ControlCode.STOP
                return
            assert self.started, name
            if isinstance(event, ClientDeleted):
                self.deleted.add(event.address_int)
                if self.current is not None:
                    self.current.tokens.append(name)
                return
            assert isinstance(event, PacketEvent)
            if name == "NewPkt":
                assert not event.context
                self.current = event.context["life"] = Life(event.data)
            life: Life = event.context["life"]
            details = (getattr(event, detail, None) for detail in ("reason", "given"))
            detail = next((f"({detail.name})" for detail in details if detail is not None), "")
            assert "PktDrop(PROCESSED)" not in life.tokens, life.tokens
            life.tokens.append(name + detail)

        return record

    # What the server does

    def deliver(self, message: Packet | bytes, arrival: Arrival | None = None) -> Outgoing | None:
        data = message if isinstance(message, bytes) else encode(message).data
        self.on_the_way.append((data, arrival or Arrival(0, 68, int(self.server_address), interface="lan")))
        return None

    def take_in(self, data: bytes, arrival: Arrival) -> None:
        self._go_on(self.engine.receive(data, arrival, self.now))

    def _life(self, exchange: Exchange) -> Life:
        life: Life = exchange.contexts[0]["life"]
        return life

    def _go_on(self, exchange: Exchange) -> None:
        self.current = None
        if exchange.parked is not None:
            self._life(exchange).is_disturbed = True
            self.parked.append(exchange)
            changes = exchange.take_changes()
            if changes:
                self._wait(None, changes)
        elif exchange.stage is Stage.DECIDING and exchange.changes:
            self._wait(exchange, exchange.changes)
        elif exchange.stage is Stage.DECIDING:
            self._finish(exchange)
        else:
            self._ended(exchange)

    def _wait(self, exchange: Exchange | None, changes: list[LeaseChange], believed_s: float | None = None) -> None:
        for before, after in changes:
            if before is None or before.state != LeaseState.ACTIVE:
                continue
            if after is None or after.state == LeaseState.RELEASED or after.client_key not in (b"", before.client_key):
                assert before.address_int in self.deleted, "a lease left without DeleteClient"
                self.deleted.remove(before.address_int)
        self.waiting.append(Entry(exchange, changes, believed_s))

    def _finish(self, exchange: Exchange) -> None:
        self.current = self._life(exchange)
        self._send(exchange, self.engine.finish(exchange, self.now))
        self.current = None
        if exchange.parked is not None:
            self._life(exchange).is_disturbed = True
            self.parked.append(exchange)
        else:
            self._ended(exchange)

    def _ended(self, exchange: Exchange) -> None:
        assert exchange.stage is Stage.ENDED
        life = self._life(exchange)
        life.is_disturbed |= exchange.drop in (DropReason.NOMEM, DropReason.DUPLICATE)  # it would have been held up
        life.check()

    def _send(self, exchange: Exchange, outgoing: Outgoing | None) -> None:
        if outgoing is None:
            return
        reply = decode(outgoing.data, strict=True)
        if reply.message_type in (None, MessageType.ACK) and reply.yiaddr_int:
            assert exchange.reply is not None
            assert exchange.reply.lease is not None
            row = exchange.reply.lease
            assert row in self.written, "acknowledged, and not in the store"
            assert row.address_int == reply.yiaddr_int
            assert row.client_key in _keys(decode(exchange.data))
        self.replies.append(outgoing)

    def resume(self, number: int, answer: object, error: Exception | None) -> None:
        exchange = self.parked.pop(number % len(self.parked))
        self.current = self._life(exchange)
        self._send(exchange, self.engine.resume(exchange, self.now, answer, error))
        self._go_on(exchange)

    def time_out(self, number: int) -> None:
        exchange = self.parked.pop(number % len(self.parked))
        self.current = self._life(exchange)
        self._send(exchange, self.engine.time_out(exchange, self.now))
        self._go_on(exchange)

    def commit(self, number: int) -> None:
        """Make the first so many of what waits durable, where another server has not been faster, and go on."""
        entries, self.waiting = self.waiting[:number], self.waiting[number:]
        changes = [change for entry in entries for change in entry.changes]
        refusals = [refusal for change in changes if (refusal := self._write(change)) is not None]
        meanwhile = []
        if refusals:
            meanwhile = [entry.exchange for entry in self.waiting if entry.exchange is not None]
            self.waiting = [entry for entry in self.waiting if entry.exchange is None]
            self.engine.take_back(meanwhile)
        self.engine.take_over(refusals, changes)
        refused = {id(refusal.change) for refusal in refusals}
        for entry in entries:
            exchange = entry.exchange
            if entry.believed_s is not None and id(entry.changes[0]) not in refused:
                self.others[entry.changes[0].address_int] = entry.believed_s
            if exchange is None:
                continue
            if any(id(change) in refused for change in entry.changes):
                self._refuse(exchange)
            else:
                self._finish(exchange)
        for exchange in meanwhile:
            self._refuse(exchange)

    def _refuse(self, exchange: Exchange) -> None:
        self.current = self._life(exchange)
        self.current.is_disturbed = True
        self.engine.refuse(exchange, (), self.now)
        self._go_on(exchange)

    def _write(self, change: LeaseChange) -> Refusal | None:
        address_int = change.address_int
        row = self.leases.get(address_int)
        if row != change.before:
            assert address_int in self.stale, "a change that rests on another row than the store's"
            return Refusal(change, row)
        if change.after is None:
            del self.leases[address_int]
        else:
            self.leases[address_int] = change.after
            self.written.add(change.after)
        return None

    def fail(self) -> None:
        """Have the commit of all that waits fail."""
        entries, self.waiting = self.waiting, []
        decided: list[Exchange | LeaseChange] = []
        for entry in entries:
            if entry.exchange is not None:
                decided.append(entry.exchange)
            elif entry.believed_s is not None:
                decided += entry.changes
            else:
                self.stale.update(change.address_int for change in entry.changes)
        abandoned = [entry.exchange for entry in entries if entry.exchange is not None]
        for exchange in abandoned:
            self._life(exchange).is_disturbed = True
        self.engine.abandon(decided)
        for exchange in abandoned:
            self._go_on(exchange)

    def settle(self) -> None:
        """Commit until nothing waits."""
        for _ in range(10):
            if not self.waiting:
                return
            self.commit(len(self.waiting))
        raise AssertionError("a packet is decided again and again")

    def expire(self, limit: int) -> None:
        self.current = None
        changes = self.engine.expire(self.now, limit)
        if changes:
            self._wait(None, changes)

    def administer(self, address_int: int, lease: Lease | None, believed_s: float) -> None:
        self.current = None
        self._wait(None, [self.engine.administer(address_int, lease)], believed_s)

    def crash(self) -> None:
        """Have the server's process end at once, and start it again."""
        self.waiting, self.parked, self.started = [], [], False
        self.stale.clear()
        self.engine = self._start()

    def restart(self) -> None:
        self.holding = ()
        self.settle()
        while self.parked:
            self.resume(0, None, None)
            self.settle()
        super().restart()
        self.stale.clear()


def _keys(packet: Packet) -> set[bytes]:
    return {client_key(packet), client_key(packet, False)}


class ServerMachine(RuleBasedStateMachine):
    """A server and eleven clients on two networks."""

    @initialize(leased=st.sets(st.integers(0, 10), max_size=6))
    def start(self, leased: set[int]) -> None:
        network = self.network = Network()
        relay = network.relay("10.1.0.1", circuit_id=b"port 7")
        self.behind_s = 0.0  # how far the server's clock was set back
        self.paused = False
        self.others = network.others
        self.clients: list[Client] = []
        identifiers = {2: b"\0two", 4: b"\0four", 7: b"\0reserved", 8: b"\0eight"}
        for number in range(11):
            options: dict[str, Any] = {}
            if number in identifiers:
                options["dhcp_client_identifier"] = identifiers[number]
            if number in (2, 10):
                options["vendor_class_identifier"] = b"phone 1"
            if number == 4:
                options["rapid_commit"] = b""
            is_lan = number < 6
            sim = network.client(**options) if is_lan else relay.client(**options)
            self.clients.append(
                Client(
                    sim,
                    number,
                    "lan" if is_lan else "campus",
                    is_phone=number in (2, 10),
                    is_bootp=number in (5, 9),
                    identifier=identifiers.get(number, b""),
                )
            )
        for number in sorted(leased):
            self.lease(number, False)

    @property
    def true_now(self) -> float:
        """The time that no clock is set back on."""
        return self.network.now + self.behind_s

    # Clients

    def _sent(self, client: Client, kind: MessageType | None) -> None:
        """Note a message that was sent; those of its earlier transactions are past."""
        network = self.network
        sent = network.on_the_way.pop()
        network.on_the_way = [one for one in network.on_the_way if _chaddr(one[0]) != client.sim.hardware_address]
        network.on_the_way.append(sent)
        del network.on_the_way[:-MOST_ON_THE_WAY]
        client.xid, client.sent, client.sent_s = decode(sent[0]).xid, kind, self.true_now

    def _discover(self, client: Client, wish: IPv4Address | None = None) -> None:
        client.held = client.offer = None
        if client.is_bootp:
            message = client.sim.message(MessageType.DISCOVER)
            del message.options[OptionCode.DHCP_MESSAGE_TYPE]
            client.sim._deliver(message)
            self._sent(client, None)
        else:
            client.sim.discover(wish)
            self._sent(client, MessageType.DISCOVER)

    def _select(self, client: Client) -> None:
        assert client.offer is not None
        client.sim.select(client.offer)
        client.offer = None
        self._sent(client, MessageType.REQUEST)

    @rule(
        number=st.integers(0, 10),
        what=st.sampled_from(["discover", "wish", "renew", "renew", "reboot", "elsewhere", "release", "decline"]),
        last=st.integers(9, 22),
        copies=st.sampled_from([1, 1, 1, 2, 0]),
    )
    def ask(self, number: int, what: str, last: int, copies: int) -> None:
        """A client sends what it may send now; the message arrives at once, or twice, or is on its way."""
        client = self.clients[number]
        xid = client.xid
        self._ask(client, what, last)
        if client.xid != xid and copies:
            message = self.network.on_the_way.pop()
            for _ in range(copies):
                self.network.take_in(*message)

    def _ask(self, client: Client, what: str, last: int) -> None:
        believed = client.believes(self.true_now)
        base = int(IPv4Address("10.0.0.0" if client.network == "lan" else "10.1.0.0"))
        if client.is_bootp:
            if client.held is None:
                self._discover(client)
        elif client.offer is not None and what != "discover":
            self._select(client)
        elif what == "elsewhere":
            client.held = None
            client.sim.reboot(IPv4Address(base + last))
            self._sent(client, MessageType.REQUEST)
        elif believed is None or what in ("discover", "wish"):
            self._discover(client, IPv4Address(base + last) if what == "wish" else None)
        else:
            client.sim.address = IPv4Address(believed)
            if what == "renew":
                client.sim.renew()
            elif what == "reboot":
                client.sim.reboot()
            elif what == "release":
                client.sim.release()
            else:
                client.sim.decline()
            kinds = {"release": MessageType.RELEASE, "decline": MessageType.DECLINE}
            if what in kinds:
                client.held = None
            self._sent(client, kinds.get(what, MessageType.REQUEST))

    @rule(number=st.sampled_from([0, 3, 8]))
    def inform(self, number: int) -> None:
        client = self.clients[number]
        client.sim.inform("10.0.0.77" if client.network == "lan" else "10.1.0.77")
        self._sent(client, MessageType.INFORM)

    @rule(data=st.binary(max_size=300))
    def send_rubbish(self, data: bytes) -> None:
        self.network.deliver(data)

    def _get(self, client: Client, outgoing: Outgoing) -> None:
        reply = decode(outgoing.data, strict=True)
        if reply.xid != client.xid:
            return
        kind = reply.message_type
        if kind in (MessageType.OFFER, MessageType.ACK, None) and reply.yiaddr_int:
            self._check_lot(client, reply.yiaddr_int)
        if kind is MessageType.OFFER and client.sent is MessageType.DISCOVER:
            client.offer = reply
        elif kind is MessageType.NAK and client.sent is MessageType.REQUEST:
            client.held = None
        elif kind is MessageType.ACK and reply.yiaddr_int:
            lease_time_s = int.from_bytes(reply.options[OptionCode.DHCP_LEASE_TIME], "big")
            client.held = reply.yiaddr_int, client.sent_s + lease_time_s
            client.offer = None
            client.sim.server = reply.server_identifier
        elif kind is None and client.is_bootp:
            client.held = reply.yiaddr_int, float(INFINITE)

    def _check_lot(self, client: Client, address_int: int) -> None:
        assert RESERVED.get(address_int, client.number) == client.number, "reserved for another"
        if address_int not in RESERVED:
            assert address_int in _open_to(client), "from no pool that the client may use"

    # The network

    @precondition(lambda self: self.network.on_the_way)
    @rule(number=st.integers(0, MOST_ON_THE_WAY), again=st.sampled_from([False, False, True]))
    def arrive(self, number: int, again: bool) -> None:
        """The server gets a message, in any order; there may be a copy of it."""
        messages = self.network.on_the_way
        number %= len(messages)
        message = messages[number] if again else messages.pop(number)
        self.network.take_in(*message)

    @precondition(lambda self: self.network.replies)
    @rule(number=st.integers(0, MOST_ON_THE_WAY), again=st.sampled_from([False, False, True]))
    def arrive_back(self, number: int, again: bool) -> None:
        replies = self.network.replies
        del replies[:-MOST_ON_THE_WAY]
        number %= len(replies)
        outgoing = replies[number] if again else replies.pop(number)
        for client in self.clients:
            if client.sim.hardware_address == _chaddr(outgoing.data):
                self._get(client, outgoing)

    @precondition(lambda self: self.network.on_the_way or self.network.replies)
    @rule(number=st.integers(0, 2 * MOST_ON_THE_WAY))
    def lose(self, number: int) -> None:
        messages, replies = self.network.on_the_way, self.network.replies
        number %= len(messages) + len(replies)
        if number < len(messages):
            del messages[number]
        else:
            del replies[number - len(messages)]

    # The server

    @precondition(lambda self: self.network.waiting)
    @rule(number=st.integers(1, 6), answers=st.sampled_from([True, True, False]))
    def commit(self, number: int, answers: bool) -> None:
        """A commit succeeds, and the answers reach the clients at once, or are on their way."""
        self.network.commit(number)
        while answers and self.network.replies:
            self.arrive_back(0, False)

    @precondition(lambda self: self.network.waiting)
    @rule()
    def fail_to_commit(self) -> None:
        self.network.fail()

    @rule(limit=st.integers(1, 4))
    def expire(self, limit: int) -> None:
        self.network.expire(limit)

    @rule(seconds=st.sampled_from([0.4, 1, 7.3, OFFER_TIME_S, 61, 299.9, 601, 5001, 90000]))
    def advance(self, seconds: float) -> None:
        self.network.now += seconds

    @precondition(lambda self: (self.network.engine.next_expiry_s() or 0) > self.network.now)
    @rule(early=st.booleans())
    def advance_to_the_next_end(self, early: bool) -> None:
        end_s = self.network.engine.next_expiry_s()
        assert end_s is not None
        self.network.now = max(self.network.now, end_s - 0.3 * early)

    @rule(what=st.sampled_from(["set back", "set back", "pause", "continue", "restart", "crash"]))
    def upset(self, what: str) -> None:
        """Something that seldom happens to a server."""
        network = self.network
        if what == "set back":
            network.now -= 3
            self.behind_s += 3
        elif what in ("pause", "continue"):
            self.paused = what == "pause"
            network.engine.control(ControlCode.PAUSE if self.paused else ControlCode.CONTINUE)
        else:
            network.restart() if what == "restart" else network.crash()
            self.paused = False

    # Another server on the same store

    @rule(number=st.integers(0, 8), seconds=st.sampled_from([60, 600]))
    def serve_elsewhere(self, number: int, seconds: int) -> None:
        free = [one for pool in POOLS for one in _addresses(pool) if one not in RESERVED]
        self._serve_elsewhere(free[number % len(free)], seconds)

    @precondition(lambda self: self.network.waiting)
    @rule(number=st.integers(0, 8), seconds=st.sampled_from([60, 600]))
    def be_faster_elsewhere(self, number: int, seconds: int) -> None:
        """The other server does something about an address of which a change waits here."""
        addresses = [change.address_int for entry in self.network.waiting for change in entry.changes]
        address_int = addresses[number % len(addresses)]
        if address_int not in RESERVED:
            self._serve_elsewhere(address_int, seconds)

    def _serve_elsewhere(self, address_int: int, seconds: int) -> None:
        """A client of another server gets an address, or gives it back; or a client of ours renews its lease there."""
        network, now = self.network, self.network.now
        row = network.leases.get(address_int)
        network.stale.add(address_int)
        if row is None or row.state == LeaseState.RELEASED or (row.expires_s != INFINITE and row.expires_s <= now):
            end_s = int(now) + seconds + 1
            network.leases[address_int] = Lease(address_int, FOREIGN, 1, b"", LeaseState.ACTIVE, int(now), end_s)
            self.others[address_int] = end_s + self.behind_s
        elif row.client_key == FOREIGN:
            network.leases[address_int] = row._replace(state=LeaseState.RELEASED, expires_s=int(now))
            self.others.pop(address_int, None)
        elif row.state == LeaseState.ACTIVE and row.expires_s != INFINITE:
            network.leases[address_int] = row._replace(expires_s=row.expires_s + seconds)

    # An administrator

    @rule(number=st.integers(0, 8), seconds=st.sampled_from([60, 600]), delete=st.booleans())
    def administer(self, number: int, seconds: int, delete: bool) -> None:
        """An address that no client of ours holds is leased to one that never asks, or its lease is forgotten."""
        free = [one for pool in POOLS for one in _addresses(pool) if one not in RESERVED]
        address_int = free[number % len(free)]
        network, now = self.network, int(self.network.now)
        row = network.engine.lease_of(address_int)
        if delete and row is not None and (row.client_key == FOREIGN or not row.is_held(network.now)):
            self.others.pop(address_int, None)
            network.administer(address_int, None, 0)
        elif not delete and (row is None or not row.is_held(network.now)):
            lease = Lease(address_int, FOREIGN, 1, b"", LeaseState.ACTIVE, now, now + seconds + 1)
            network.administer(address_int, lease, lease.expires_s + self.behind_s)

    # Callouts

    @rule(slots=st.sets(st.sampled_from([slot.name for slot in SLOTS if slot.may_be_async]), max_size=2))
    def hold(self, slots: set[str]) -> None:
        self.network.holding = slots

    @rule(in_use=st.booleans())
    def probe(self, in_use: bool) -> None:
        self.network.in_use = in_use

    @precondition(lambda self: self.network.parked)
    @rule(number=st.integers(0, MOST_PARKED), how=st.sampled_from(["answer", "answer", "in use", "drop", "fail"]))
    def resume(self, number: int, how: str) -> None:
        pending = self.network.parked[number % len(self.network.parked)].parked
        assert pending is not None
        answer: object = None
        if how == "in use" and pending.slot == "select_address":
            answer = InUse()
        elif how == "drop" and pending.slot in ("new_packet", "select_subnet", "lease_committed", "packet_send"):
            answer = Drop(DropReason.GEN_FAILURE)
        self.network.resume(number, answer, ValueError("a fault") if how == "fail" else None)

    @precondition(lambda self: self.network.parked)
    @rule(number=st.integers(0, MOST_PARKED))
    def time_out(self, number: int) -> None:
        self.network.time_out(number)

    # A client that is let be

    @rule(number=st.integers(0, 10), lapse=st.booleans())
    def lease(self, number: int, lapse: bool) -> None:
        """A client whose messages all get through has an address in the end, if there is one for it."""
        network, client = self.network, self.clients[number]
        held_up = network.holding, network.in_use
        network.holding, network.in_use = (), False
        network.settle()
        while network.parked:
            network.resume(0, None, None)
            network.settle()
        if self.paused:
            self.upset("continue")
        if lapse:
            network.now += OFFER_TIME_S + self.behind_s  # till no offer is held, though the clock was set back since
        self._discover(client)
        room = self._room(client)
        note(f"client {number}: {room} addresses, {len(network.stale)} stale")
        for _ in range(2 + len(network.stale)):
            if client.held is not None:
                break
            self._exchange(client)
            if client.offer is not None:
                self._select(client)
                self._exchange(client)
            if client.held is None:
                self._discover(client)
        if lapse and room:
            assert client.held is not None, "there was an address"
        network.holding, network.in_use = held_up

    def _exchange(self, client: Client) -> None:
        """Have the last message get to the server, and its answer back."""
        network = self.network
        before = len(network.replies)
        network.take_in(*network.on_the_way.pop())
        network.settle()
        for outgoing in network.replies[before:]:
            if client.sim.hardware_address == _chaddr(outgoing.data):
                self._get(client, outgoing)
        del network.replies[before:]

    def _room(self, client: Client) -> int:
        """How many addresses a client might get, by what the server can know, when none is offered to anybody."""
        rows, now = self.network.leases, self.network.now
        may_have = [one for one in _open_to(client) if one not in RESERVED]
        may_have += [one for one, owner in RESERVED.items() if owner == client.number]

        def is_free(address_int: int) -> bool:
            row = rows.get(address_int)
            if row is None or row.state == LeaseState.RELEASED or (row.expires_s != INFINITE and row.expires_s <= now):
                return True
            return row.state == LeaseState.ACTIVE and row.client_key == client.key(address_int)

        if client.is_bootp and client.network == "campus":
            may_have = [one for one in may_have if one not in MATCHES_HARDWARE]
        return sum(is_free(one) for one in may_have if one not in self.network.stale)

    # What always holds

    @invariant()
    def no_address_has_two_holders(self) -> None:
        if not hasattr(self, "network"):
            return
        holders: dict[int, object] = {one: "other" for one, until in self.others.items() if until > self.true_now}
        for client in self.clients:
            address_int = client.believes(self.true_now)
            if address_int is None:
                continue
            assert address_int not in holders, f"{IPv4Address(address_int)} has two holders"
            holders[address_int] = client

    @invariant()
    def reserved_addresses_are_their_owners(self) -> None:
        if not hasattr(self, "network"):
            return
        network = self.network
        for rows in (network.leases.values(), network.engine.leases()):
            for row in rows:
                owner = RESERVED.get(row.address_int)
                if owner is not None and row.client_key:
                    assert row.client_key == self.clients[owner].key(row.address_int)

    @invariant()
    def the_engine_has_the_rows_of_the_store(self) -> None:
        if not hasattr(self, "network") or self.network.waiting:
            return
        network = self.network
        assert _rows(network.engine.leases(), network.stale) == _rows(network.leases.values(), network.stale)

    @invariant()
    def memory_is_bounded(self) -> None:
        if not hasattr(self, "network"):
            return
        engine = self.network.engine
        assert len(self.network.parked) <= len(engine.parking) <= MOST_PARKED
        assert self.network.waiting or len(self.network.parked) == len(engine.parking)
        for place in engine._handling.judge.places.values():
            held = {address_int: offer.client_key for address_int, offer in place._offers.items()}
            assert held == {address_int: key for key, address_int in place._offered_to.items()}
            assert len(held) <= len(self.clients)

    def teardown(self) -> None:
        if not hasattr(self, "network"):
            return
        self.network.restart()
        self.no_address_has_two_holders()
        self.the_engine_has_the_rows_of_the_store()


def _rows(leases: Iterable[Lease], without: Collection[int]) -> set[Lease]:
    return {lease for lease in leases if lease.address_int not in without}


def _chaddr(data: bytes) -> bytes:
    try:
        return decode(data).chaddr
    except Exception:
        return b""


def _addresses(pool: tuple[str, str, str, bool]) -> range:
    return range(int(IPv4Address(pool[1])), int(IPv4Address(pool[2])) + 1)


def _open_to(client: Client) -> set[int]:
    """The addresses of the pools that a client may use."""
    pools = [pool for pool in POOLS if pool[0] == client.network and (client.is_phone or not pool[3])]
    return {address_int for pool in pools for address_int in _addresses(pool)}


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Callouts fail by the hundred here: nobody wants to read of it."""
    caplog.set_level(logging.CRITICAL, logger="dhcpcallout")


TestServer = ServerMachine.TestCase
# The suite goes through the same histories each time; `make soak` goes through others, and more of them.
TestServer.settings = settings(derandomize=os.environ.get("HYPOTHESIS_PROFILE") != "soak")
