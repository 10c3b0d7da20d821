"""The DHCP server without its sockets, clock and disk: a datagram and the time in, a reply and lease changes out."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from copy import copy
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING

from .. import hooks as slots
from ..codes import AddressDeleteReason, AddressType, ControlCode, DropReason, MessageType
from ..errors import CalloutFault, WireError
from ..events import ServiceControlled
from ..hooks import Drop, HookTable, Pending, Steps
from ..leases import Lease, LeaseChange, Refusal
from ..wire import REGISTRY, OptionRegistry, Packet, decode
from .consult import ask_reply, tell_committed
from .delivery import Destination, find_destination
from .exchange import Arrival, Exchange, Outgoing, Reply, Stage
from .handling import Handling, notify
from .judge import Judge
from .model import ClientClass, Reservation, Scope, SharedNetwork, Subnet
from .parking import Parking
from .plan import plan

if TYPE_CHECKING:
    from .explanation import Explanation

__all__ = ["Engine"]


class Engine:
    """A DHCPv4 server as a pure state machine.

    The caller drives it, a turn at a time: ``receive`` each datagram, commit the ``changes`` of all the exchanges to
    a lease store, then ``finish`` each exchange and send what it returns. No ACK may leave before its commit
    (RFC 2131 section 3.1), which is why it is ``finish`` that makes the reply. If the commit fails, ``abandon`` them
    instead. Between turns, ``expire``.

    Args:
        networks: The networks to serve: subnets, and shared networks of several.
        defaults: What all clients are told.
        classes: The kinds of clients.
        reservations: What is kept for single clients, whatever their subnet.
        hooks: The functions to call on the way.
        authoritative: Whether this server knows of all addresses of its networks, so that it refuses (NAK) a client
            that asks for an address which it cannot have and of which nothing is known, instead of staying silent.
        server_addresses: All addresses of this server, 32-bit integers: a REQUEST that selects another is not for us.
        offer_time_s: For how long an offered address is held, in seconds.
        decline_time_s: For how long a declined address rests, in seconds.
        parking: The bounds for exchanges that async functions of callouts hold up.
        leasequery_relays: The relay agents that are told who has which lease (RFC 4388): addresses, or networks that
            hold these. Without any, leasequeries are dropped.
        registry: Where option names are looked up, also those of the packets that callouts get.

    Attributes:
        statistics: How often what happened, by Kea's names (``pkt4-received``).

    Raises:
        ConfigError: With every mistake in what is configured.
    """

    def __init__(
        self,
        networks: Sequence[Subnet | SharedNetwork],
        *,
        defaults: Scope | None = None,
        classes: Sequence[ClientClass] = (),
        reservations: Sequence[Reservation] = (),
        hooks: HookTable | None = None,
        authoritative: bool = False,
        server_addresses: Iterable[int] = (),
        offer_time_s: float = 30,
        decline_time_s: int = 86400,
        parking: Parking | None = None,
        leasequery_relays: Sequence[str | IPv4Address | IPv4Network] = (),
        registry: OptionRegistry = REGISTRY,
    ) -> None:
        self.hooks = hooks if hooks is not None else HookTable(registry=registry)
        self.statistics: Counter[str] = Counter()
        self.parking = parking if parking is not None else Parking()
        self._paused = False
        self._registry = registry
        planned = plan(
            networks,
            defaults=defaults,
            classes=classes,
            reservations=reservations,
            leasequery_relays=leasequery_relays,
            registry=registry,
        )
        judge = Judge(planned, authoritative=authoritative, offer_time_s=offer_time_s)
        self._handling = Handling(judge, self.hooks, self.statistics, decline_time_s)
        self.server_addresses = frozenset(server_addresses)

    @property
    def server_addresses(self) -> frozenset[int]:
        """All addresses of this server, 32-bit integers: a REQUEST that selects another is not for us."""
        return self._handling.judge.server_addresses

    @server_addresses.setter
    def server_addresses(self, addresses: Iterable[int]) -> None:
        self._handling.judge.server_addresses = frozenset(addresses)

    def load(self, leases: Iterable[Lease]) -> None:
        """Take over the rows of the lease store, before the first datagram; those of no subnet are left alone."""
        self._handling.judge.load(leases)

    def leases(self) -> Iterable[Lease]:
        """The rows as the engine has them now."""
        return self._handling.judge.rows.values()

    def control(self, code: ControlCode) -> None:
        """Tell the callouts that the service started, stopped, paused or continued; a paused one drops every packet."""
        if code in (ControlCode.PAUSE, ControlCode.CONTINUE):
            self._paused = code is ControlCode.PAUSE
        if self.hooks.control is not None:
            self.hooks.announce(slots.CONTROL, ServiceControlled(code))

    def receive(self, datagram: bytes, arrival: Arrival, now: float) -> Exchange:
        """Take a datagram in and decide about it.

        Args:
            datagram: The UDP payload.
            arrival: How it came in.
            now: Unix time, seconds.

        Returns:
            The exchange: commit its ``changes``, then pass it to ``finish`` or ``abandon``. Nothing is raised for what
            a remote packet holds. Where the exchange is ``parked``, have it ``resume`` first; what ``take_changes``
            gives by then stands on its own, and is to be committed in its turn.
        """
        exchange = Exchange(datagram, arrival, self.hooks.contexts(), now)
        self.statistics["pkt4-received"] += 1
        self._begin(exchange, self._receive(exchange))
        return exchange

    def finish(self, exchange: Exchange, now: float) -> Outgoing | None:
        """End an exchange whose changes are durable.

        Args:
            exchange: What ``receive`` returned.
            now: Unix time, seconds.

        Returns:
            The reply to send, or None.
        """
        exchange.now = now
        return self._begin(exchange, self._finish(exchange))

    def resume(
        self, exchange: Exchange, now: float, answer: object = None, error: BaseException | None = None
    ) -> Outgoing | None:
        """Go on with an exchange that was parked.

        Afterwards it is as after ``receive``, or as after ``finish``, whichever parked it.

        Args:
            exchange: Its ``parked`` says what it waited for.
            now: Unix time, seconds.
            answer: What the awaitable gave.
            error: What it raised instead: a fault of its callout.

        Returns:
            The reply to send, or None.
        """
        exchange.now = now
        return self._go_on(exchange, answer, error)

    def time_out(self, exchange: Exchange, now: float) -> Outgoing | None:
        """Go on with a parked exchange whose deadline has passed, as ``parking.on_timeout`` says.

        What it waited for is a fault of its callout either way, and is to be cancelled.

        Args:
            exchange: As for ``resume``.
            now: Unix time, seconds.

        Returns:
            The reply to send, or None.
        """
        exchange.now = now
        self.parking.renew(exchange, now)
        error = CalloutFault(f"it took longer than the {self.parking.timeout_s:g} s that a packet may wait")
        pending = exchange.parked
        if pending is None or exchange.stage is Stage.ENDING or self.parking.on_timeout == "continue":
            return self._go_on(exchange, error=error)
        self.hooks.fault(pending.slot, pending.place, error, "the packet is dropped")
        return self._drop(exchange, DropReason.TIMEOUT)

    def abandon(self, decided: Sequence[Exchange | LeaseChange]) -> None:
        """End a turn whose changes could not be made durable: undo them, answer nothing.

        Args:
            decided: All exchanges of the turn, in the order in which they were received, and what ``administer`` gave
                between them. Any exchange may be parked then.
        """
        for one in reversed(decided):
            if isinstance(one, LeaseChange):
                self._handling.take_over(one.address_int, one.before)
            else:
                self._handling.undo(one)
        for one in decided:
            if isinstance(one, Exchange):
                one.drop = one.drop or DropReason.INTERNAL_ERROR
                self._begin(one, self._end(one))

    def refuse(self, exchange: Exchange, refusals: Sequence[Refusal], now: float) -> None:
        """Decide again about an exchange some of whose changes lost to another server.

        Args:
            exchange: What ``receive`` returned. Its new ``changes`` are to be committed.
            refusals: What the store refused of its changes; the winners are taken over. Where a commit was of several
                exchanges, ``take_over`` all of its refusals first, and give none here: an exchange that is decided
                about again must not find its rows overwritten by the winner over another.
            now: Unix time, seconds.
        """
        self.take_over(refusals)
        exchange.changes = []
        exchange.reply = exchange.drop = None
        exchange.now = now
        if exchange.packet is not None:
            self._begin(exchange, self._handling.handle(exchange, exchange.packet))

    def take_back(self, exchanges: Sequence[Exchange]) -> None:
        """Undo what exchanges have changed that wait for their commit, for they rest on changes that were refused.

        Args:
            exchanges: All that were decided after those of a commit that has refusals, in the order in which they were
                received. ``refuse`` them after these, once the winners are taken over: or else a client's older
                message would be decided after its newer ones.
        """
        for exchange in reversed(exchanges):
            self._handling.undo(exchange)

    def take_over(self, refusals: Collection[Refusal], changes: Iterable[LeaseChange] = ()) -> None:
        """Have the rows be those that won over changes of ours.

        Args:
            refusals: What the store refused.
            changes: All that the store was given, in order: one that it took may have replaced a winner since.
        """
        if not refusals:
            return
        winners = {refusal.change.address_int: refusal.winner for refusal in refusals}
        refused = {id(refusal.change) for refusal in refusals}
        latest = {change.address_int: change for change in changes}
        for address_int, winner in winners.items():
            if address_int not in latest or id(latest[address_int]) in refused:
                self._handling.take_over(address_int, winner)

    def expire(self, now: float, limit: int = 100) -> list[LeaseChange]:
        """End what has run out by ``now``: leases, offers, the rest of declined addresses.

        Args:
            now: Unix time, seconds.
            limit: The most rows to end in this call.

        Returns:
            The changes to commit. Should the commit fail nothing is lost: an ended row ends again after a restart.
        """
        return self._handling.expire(now, limit)

    def administer(self, address_int: int, lease: Lease | None) -> LeaseChange:
        """Have an address' row be what an administrator says, whoever has the address. Callouts are told who loses it.

        Args:
            address_int: The address, a 32-bit integer.
            lease: The row, of that address; None for none at all.

        Returns:
            The change to commit. Should the commit fail, ``abandon`` it.

        Raises:
            LookupError: The address is in no subnet.
            ValueError: A number or a length is beyond what DHCP has.
        """
        return self._handling.administer(address_int, lease)

    def lease_of(self, address_int: int) -> Lease | None:
        """The row of an address as the engine has it now."""
        return self._handling.judge.rows.get(address_int)

    def next_expiry_s(self) -> float | None:
        """When ``expire`` may next have something to do, Unix time in seconds; None where there is nothing."""
        return self._handling.judge.rows.next_end_s()

    def explain(self, datagram: bytes, arrival: Arrival, now: float) -> "Explanation":
        """What ``receive`` and ``finish`` would do with a datagram, and why, if no callout decided otherwise.

        Nothing changes: the decision is made by a copy of all leases and offers, no callout is called, nothing is
        counted or logged. It takes a time that grows with the number of leases. The functions of classes are called.

        Args:
            datagram: The UDP payload.
            arrival: How it came in.
            now: Unix time, seconds.
        """
        from .explain import ExplainedClasses, Recorder, explain  # who explains nothing need not load it

        recorder = Recorder(self.hooks)
        other = copy(self)
        other.hooks = recorder.hooks
        other.statistics = Counter()
        classes = ExplainedClasses(self._handling.judge.plan.classes)
        other._handling = self._handling.copy(classes, other.hooks, other.statistics)
        return explain(other, other._handling.judge, recorder, datagram, arrival, now, self._registry)

    # The steps of an exchange. Where a callout is asked they are a generator, which stops where it is to be awaited;
    # where none listens they are taken at once, and there is None instead: benchmarks/bench_engine.py.

    def _begin(self, exchange: Exchange, steps: Steps[None] | None) -> Outgoing | None:
        if steps is not None:
            exchange.steps = steps
            return self._go_on(exchange)
        outgoing, exchange.outgoing = exchange.outgoing, None
        if exchange.stage is Stage.ENDED and len(self.parking):
            self.parking.leave(exchange)
        return outgoing

    def _go_on(self, exchange: Exchange, answer: object = None, error: BaseException | None = None) -> Outgoing | None:
        """Take steps until the exchange is parked or they are done; give the reply that they made, once."""
        steps = exchange.steps
        if steps is not None:
            exchange.parked = None
            try:
                pending = steps.send(answer) if error is None else steps.throw(error)
            except StopIteration:
                exchange.steps = None
                if exchange.stage is Stage.ENDED:
                    self.parking.leave(exchange)
            except BaseException:
                self.parking.leave(exchange)
                raise
            else:
                return self._park(exchange, pending)
        outgoing, exchange.outgoing = exchange.outgoing, None
        return outgoing

    def _park(self, exchange: Exchange, pending: Pending) -> Outgoing | None:
        refusal = self.parking.enter(exchange, exchange.now)
        if refusal is None:
            exchange.parked = pending
            outgoing, exchange.outgoing = exchange.outgoing, None
            return outgoing
        pending.discard()
        if exchange.stage is Stage.ENDING:
            return self._go_on(exchange, error=CalloutFault(f"{self.parking.limit} packets are waiting already"))
        return self._drop(exchange, refusal)

    def _drop(self, exchange: Exchange, reason: DropReason) -> Outgoing | None:
        """Drop an exchange in the middle of its steps. What stands in its changes by then stands on its own."""
        if exchange.steps is not None:
            exchange.steps.close()
        exchange.steps = exchange.parked = exchange.reply = None
        exchange.drop = reason
        return None if exchange.stage is Stage.DECIDING else self._begin(exchange, self._end(exchange))

    def _receive(self, exchange: Exchange) -> Steps[None] | None:
        hooks = self.hooks
        if hooks.new_packet is None:
            return self._decode(exchange)
        arrival = exchange.arrival
        answer = hooks.submit(
            slots.NEW_PACKET,
            exchange.contexts,
            exchange.data,
            arrival.server_address_int,
            arrival.source_int,
            arrival.source_port,
            arrival.interface,
        )
        if isinstance(answer, bytes | Drop):
            return self._accept(exchange, answer)
        return self._accept_later(exchange, answer)

    def _accept_later(self, exchange: Exchange, steps: Steps[bytes | Drop]) -> Steps[None]:
        answer = yield from steps
        further = self._accept(exchange, answer)
        if further is not None:
            yield from further

    def _accept(self, exchange: Exchange, answer: bytes | Drop) -> Steps[None] | None:
        if isinstance(answer, Drop):
            exchange.drop = answer.reason
            return None
        exchange.data = answer
        return self._decode(exchange)

    def _decode(self, exchange: Exchange) -> Steps[None] | None:
        statistics = self.statistics
        try:
            packet = decode(exchange.data, registry=self._registry)
        except WireError:
            statistics["pkt4-parse-failed"] += 1
            exchange.drop = DropReason.INVALID
            return None
        exchange.packet = packet
        message_type = packet.message_type
        if message_type is not None:
            statistics[_RECEIVED[message_type]] += 1
        if self.parking.clients and self.parking.is_duplicate(exchange):
            exchange.drop = DropReason.DUPLICATE
            return None
        if self.hooks.handle_options is not None:
            arrival = exchange.arrival
            steps = self.hooks.notify_steps(
                slots.HANDLE_OPTIONS, exchange.contexts, exchange.data, arrival.server_address_int
            )
            if steps:
                return self._handle_later(exchange, packet, steps)
        return self._handle(exchange, packet)

    def _handle_later(self, exchange: Exchange, packet: Packet, steps: Steps[None]) -> Steps[None]:
        yield from steps
        further = self._handle(exchange, packet)
        if further is not None:
            yield from further

    def _handle(self, exchange: Exchange, packet: Packet) -> Steps[None] | None:
        if self._paused:
            exchange.drop = DropReason.PAUSED
            return None
        return self._handling.handle(exchange, packet)

    def _finish(self, exchange: Exchange) -> Steps[None] | None:
        exchange.stage = Stage.ANSWERING
        if exchange.reply is not None and exchange.packet is not None:
            steps = self._send(exchange, exchange.packet, exchange.reply)
            if steps is not None:
                return self._end_later(exchange, steps)
        return self._end(exchange)

    def _end_later(self, exchange: Exchange, steps: Steps[None]) -> Steps[None]:
        yield from steps
        further = self._end(exchange)
        if further is not None:
            yield from further

    def _send(self, exchange: Exchange, request: Packet, reply: Reply) -> Steps[None] | None:
        arrival = exchange.arrival
        destination = find_destination(request, reply.answer, arrival, self._handling.judge.plan.networks.subnet_of)
        if destination.delivery is None:
            exchange.drop = DropReason.INVALID
            return None
        hooks = self.hooks
        if hooks.lease_committed is not None or hooks.build_reply is not None:
            return self._ask_about_reply(exchange, request, reply, destination)
        steps = self._tell_of_address(exchange, reply)
        if steps:
            return self._submit_later(exchange, request, reply, destination, steps)
        return self._submit(exchange, request, reply, destination)

    def _ask_about_reply(
        self, exchange: Exchange, request: Packet, reply: Reply, destination: Destination
    ) -> Steps[None]:
        hooks = self.hooks
        answer = reply.answer
        if reply.lease is not None and hooks.lease_committed is not None and reply.given is not None:
            committed = yield from tell_committed(hooks, exchange, reply.lease, reply.given)
            if isinstance(committed, Drop):
                exchange.drop = committed.reason
                return
        yield from self._tell_of_address(exchange, reply)
        if hooks.build_reply is not None:
            built = yield from ask_reply(hooks, exchange, answer.packet)
            if isinstance(built, Drop):
                exchange.drop = built.reason
                return
            answer.replace(built)
        further = self._submit(exchange, request, reply, destination)
        if further is not None:
            yield from further

    def _tell_of_address(self, exchange: Exchange, reply: Reply) -> Steps[None] | tuple[()]:
        hooks = self.hooks
        if reply.refused is not None and hooks.address_delete is not None:
            reason = AddressDeleteReason.NACKED
            return notify(hooks, exchange, slots.ADDRESS_DELETE, reply.refused, reason)
        if reply.given is not None and hooks.address_offer is not None:
            address_type = AddressType.BOOTP if reply.situation.kind is None else AddressType.DHCP
            return hooks.notify_steps(
                slots.ADDRESS_OFFER,
                exchange.contexts,
                exchange.data,
                exchange.arrival.server_address_int,
                reply.answer.yiaddr_int,
                reply.given,
                address_type,
                reply.lease_time_s,
            )
        return ()

    def _submit_later(
        self, exchange: Exchange, request: Packet, reply: Reply, destination: Destination, steps: Steps[None]
    ) -> Steps[None]:
        yield from steps
        further = self._submit(exchange, request, reply, destination)
        if further is not None:
            yield from further

    def _submit(
        self, exchange: Exchange, request: Packet, reply: Reply, destination: Destination
    ) -> Steps[None] | None:
        data: bytes | Drop = reply.answer.encode()
        if self.hooks.packet_send is not None:
            server_address_int = exchange.arrival.server_address_int
            sent = self.hooks.submit(slots.PACKET_SEND, exchange.contexts, data, server_address_int, exchange.data)
            if not isinstance(sent, bytes | Drop):
                return self._sent_later(exchange, request, reply, destination, sent)
            data = sent
        self._sent(exchange, request, reply, destination, data)
        return None

    def _sent_later(
        self, exchange: Exchange, request: Packet, reply: Reply, destination: Destination, steps: Steps[bytes | Drop]
    ) -> Steps[None]:
        data = yield from steps
        self._sent(exchange, request, reply, destination, data)

    def _sent(
        self, exchange: Exchange, request: Packet, reply: Reply, destination: Destination, data: bytes | Drop
    ) -> None:
        if isinstance(data, Drop):
            exchange.drop = data.reason
            return
        if exchange.deadline_s is not None and not self._handling.judge.still_stands(reply, exchange.now):
            exchange.drop = DropReason.TIMEOUT
            return
        statistics = self.statistics
        statistics["pkt4-sent"] += 1
        statistics[_SENT[reply.answer.message_type]] += 1
        delivery, address_int, port, _ = destination
        assert delivery is not None
        exchange.outgoing = Outgoing(data, delivery, address_int, port, request.chaddr, exchange.arrival)

    def _end(self, exchange: Exchange) -> Steps[None] | None:
        exchange.stage = Stage.ENDING
        if exchange.deadline_s is not None:
            self.parking.answered(exchange)
        if exchange.drop is not None:
            self.statistics["pkt4-receive-drop"] += 1
            self.statistics[_DROPPED[exchange.drop]] += 1
        if self.hooks.packet_drop is not None:
            if exchange.drop is not None:
                return self._tell_of_drop(exchange)
            steps = self.hooks.notify_steps(
                slots.PACKET_DROP,
                exchange.contexts,
                exchange.data,
                exchange.arrival.server_address_int,
                DropReason.PROCESSED,
            )
            if steps:
                return self._ended_later(exchange, steps)
        exchange.stage = Stage.ENDED
        return None

    def _tell_of_drop(self, exchange: Exchange) -> Steps[None]:
        yield from notify(self.hooks, exchange, slots.PACKET_DROP, exchange.drop)
        yield from self._ended_later(exchange, notify(self.hooks, exchange, slots.PACKET_DROP, DropReason.PROCESSED))

    def _ended_later(self, exchange: Exchange, steps: Steps[None] | tuple[()]) -> Steps[None]:
        yield from steps
        exchange.stage = Stage.ENDED


_NAMES = {kind: kind.name.lower() for kind in MessageType} | {
    MessageType.LEASEQUERY: "lease-query",
    MessageType.LEASEACTIVE: "lease-query-response-active",
    MessageType.LEASEUNASSIGNED: "lease-query-response-unassigned",
    MessageType.LEASEUNKNOWN: "lease-query-response-unknown",
}
_RECEIVED = {kind: f"pkt4-{name}-received" for kind, name in _NAMES.items()}
_SENT = {kind: f"pkt4-{name}-sent" for kind, name in _NAMES.items()} | {None: "pkt4-bootp-sent"}
_DROPPED = {reason: f"pkt4-drop-{reason.name.lower().replace('_', '-')}" for reason in DropReason}
