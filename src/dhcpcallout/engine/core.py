"""The DHCP server without its sockets, clock and disk: a datagram and the time in, a reply and lease changes out."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .. import hooks as slots
from ..codes import (
    BOOTREQUEST,
    INFINITE,
    AddressDeleteReason,
    AddressGiven,
    AddressType,
    ControlCode,
    DropReason,
    MessageType,
    OptionCode,
)
from ..errors import CalloutFault, WireError
from ..events import ClientDeleted, ServiceControlled
from ..hooks import Drop, HookTable, Pending, Steps
from ..leases import Lease, LeaseChange, LeaseState, Refusal
from ..wire import Packet, decode
from .addresses import Addresses
from .clients import client_key, hardware_key
from .delivery import find_destination
from .exchange import Arrival, Exchange, Outgoing, Reply, Stage
from .model import OptionValues, Subnet
from .networks import PlannedSubnet
from .parking import Parking
from .plan import plan
from .replies import build_reply, encode_reply

__all__ = ["Engine"]

_REQUESTED_ADDRESS = int(OptionCode.DHCP_REQUESTED_ADDRESS)
_SERVER_IDENTIFIER = int(OptionCode.DHCP_SERVER_IDENTIFIER)
_MESSAGE_TYPE = int(OptionCode.DHCP_MESSAGE_TYPE)
_HOST_NAME = int(OptionCode.HOST_NAME)
_AGENT_OPTIONS = int(OptionCode.DHCP_AGENT_OPTIONS)

_LOOPBACK_INT = 0x7F000000
_MOST_KEPT = 1024
"""The most bytes of one client's option that a lease keeps."""


class Engine:
    """A DHCPv4 server as a pure state machine.

    The caller drives it, a turn at a time: ``receive`` each datagram, commit the ``changes`` of all the exchanges to
    a lease store, then ``finish`` each exchange and send what it returns. No ACK may leave before its commit
    (RFC 2131 section 3.1), which is why it is ``finish`` that makes the reply. If the commit fails, ``abandon`` them
    instead. Between turns, ``expire``.

    Args:
        subnets: The networks to serve.
        options: What the clients of every subnet are told.
        hooks: The functions to call on the way.
        authoritative: Whether this server knows of all addresses of its networks, so that it refuses (NAK) a client
            that asks for an address which it cannot have and of which nothing is known, instead of staying silent.
        server_addresses: All addresses of this server, 32-bit integers: a REQUEST that selects another is not for us.
        offer_time_s: For how long an offered address is held, in seconds.
        decline_time_s: For how long a declined address rests, in seconds.
        parking: The bounds for exchanges that async functions of callouts hold up.

    Attributes:
        statistics: How often what happened, by Kea's names (``pkt4-received``).

    Raises:
        ConfigError: With every mistake in ``subnets`` and ``options``.
    """

    def __init__(
        self,
        subnets: Sequence[Subnet],
        *,
        options: OptionValues | None = None,
        hooks: HookTable | None = None,
        authoritative: bool = False,
        server_addresses: Iterable[int] = (),
        offer_time_s: float = 30,
        decline_time_s: int = 86400,
        parking: Parking | None = None,
    ) -> None:
        self.hooks = hooks if hooks is not None else HookTable()
        self.authoritative = authoritative
        self.server_addresses = frozenset(server_addresses)
        self.statistics: Counter[str] = Counter()
        self.parking = parking if parking is not None else Parking()
        self._decline_time_s = decline_time_s
        self._paused = False
        self._tables = [Addresses(subnet, offer_time_s) for subnet in plan(subnets, options).subnets]

    def load(self, leases: Iterable[Lease]) -> None:
        """Take over the rows of the lease store, before the first datagram; those of no subnet are left alone."""
        for lease in leases:
            table = self._table_of(lease.address_int)
            if table is not None:
                table.put(lease.address_int, lease)

    def leases(self) -> Iterable[Lease]:
        """The rows as the engine has them now, by subnet."""
        for table in self._tables:
            yield from table.leases.values()

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
            The exchange: commit its ``changes``, then pass it to ``finish`` or ``abandon``; where it is ``parked``,
            have it ``resume`` first. Nothing is raised for what a remote packet holds.
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

        Afterwards it is parked again, or has ended, or has decided: commit its ``changes`` and ``finish`` it.

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

    def abandon(self, exchanges: Sequence[Exchange]) -> None:
        """End a turn whose changes could not be made durable: undo them, answer nothing.

        Args:
            exchanges: All exchanges of the turn, in the order in which they were received. Any may be parked then.
        """
        for exchange in reversed(exchanges):
            self._undo(exchange)
        for exchange in exchanges:
            exchange.drop = exchange.drop or DropReason.INTERNAL_ERROR
            self._begin(exchange, self._end(exchange))

    def refuse(self, exchange: Exchange, refusals: Sequence[Refusal], now: float) -> None:
        """Decide again about an exchange some of whose changes lost to another server.

        Args:
            exchange: What ``receive`` returned. Its new ``changes`` are to be committed.
            refusals: What the store refused of its changes; the winners are taken over.
            now: Unix time, seconds.
        """
        for refusal in refusals:
            table = self._table_of(refusal.change.address_int)
            if table is not None:
                table.put(refusal.change.address_int, refusal.winner)
        exchange.changes = []
        exchange.reply = exchange.drop = None
        exchange.now = now
        if exchange.packet is not None:
            self._begin(exchange, self._decide(exchange, exchange.packet))

    def expire(self, now: float, limit: int = 100) -> list[LeaseChange]:
        """End what has run out by ``now``: leases, offers, the rest of declined addresses.

        Args:
            now: Unix time, seconds.
            limit: The most rows to end in this call.

        Returns:
            The changes to commit. Should the commit fail nothing is lost: an ended row ends again after a restart.
        """
        changes: list[LeaseChange] = []
        for table in self._tables:
            changes += self._expire(table, now, limit - len(changes))
        return changes

    def next_expiry_s(self) -> float | None:
        """When ``expire`` may next have something to do, Unix time in seconds; None where there is nothing."""
        return min((end for table in self._tables if (end := table.next_end_s()) is not None), default=None)

    # The steps of an exchange: each is a generator that stops where a callout is to be awaited

    def _begin(self, exchange: Exchange, steps: Steps[None]) -> Outgoing | None:
        exchange.steps = steps
        return self._go_on(exchange)

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
        """Drop an exchange in the middle of its steps."""
        if exchange.steps is not None:
            exchange.steps.close()
        if exchange.stage is Stage.DECIDING:
            self._undo(exchange)
            exchange.changes = []
        exchange.reply = exchange.parked = None
        exchange.drop = reason
        return self._begin(exchange, self._end(exchange))

    def _undo(self, exchange: Exchange) -> None:
        for change in reversed(exchange.changes):
            table = self._table_of(change.address_int)
            if table is not None:
                table.put(change.address_int, change.before)

    def _receive(self, exchange: Exchange) -> Steps[None]:
        hooks = self.hooks
        if hooks.new_packet is not None:
            arrival = exchange.arrival
            answer = yield from hooks.ask_steps(
                slots.NEW_PACKET,
                exchange.contexts,
                exchange.data,
                server_address_int=arrival.server_address_int,
                source_int=arrival.source_int,
                source_port=arrival.source_port,
                interface=arrival.interface,
            )
            if isinstance(answer, Drop):
                exchange.drop = answer.reason
                return
            exchange.data = answer
        try:
            packet = decode(exchange.data)
        except WireError:
            self.statistics["pkt4-parse-failed"] += 1
            exchange.drop = DropReason.INVALID
            return
        exchange.packet = packet
        if packet.message_type is not None:
            self.statistics[_RECEIVED[packet.message_type]] += 1
        if self.parking.clients and self.parking.is_duplicate(exchange):
            exchange.drop = DropReason.DUPLICATE
            return
        if hooks.handle_options is not None:
            yield from self._notify(exchange, slots.HANDLE_OPTIONS)
        if self._paused:
            exchange.drop = DropReason.PAUSED
        else:
            yield from self._decide(exchange, packet)

    def _finish(self, exchange: Exchange) -> Steps[None]:
        exchange.stage = Stage.ANSWERING
        if exchange.reply is not None and exchange.packet is not None:
            yield from self._send(exchange, exchange.packet, exchange.reply)
        yield from self._end(exchange)

    # What a packet leads to

    def _decide(self, exchange: Exchange, packet: Packet) -> Steps[None]:
        client = client_key(packet)
        hardware = hardware_key(packet.htype, packet.chaddr) if packet.chaddr else b""
        decision = _DECISIONS.get(packet.message_type) if packet.message_type is not None else None
        if packet.op != BOOTREQUEST or decision is None or not client:
            exchange.drop = DropReason.INVALID
            return
        table = self._select(packet, exchange.arrival)
        if table is None:
            exchange.drop = DropReason.NO_SUBNETS
            return
        steps = decision(self, exchange, packet, table, client, hardware)
        if steps is not None:
            yield from steps

    def _select(self, packet: Packet, arrival: Arrival) -> Addresses | None:
        """The subnet that a client is in: by its relay, its address, or where its packet came in."""
        if packet.giaddr_int:
            return self._table_of(packet.giaddr_int)
        if packet.ciaddr_int:
            table = self._table_of(packet.ciaddr_int)
            if table is not None:
                return table
        for table in self._tables:
            if table.subnet.interface and table.subnet.interface == arrival.interface:
                return table
        table = self._table_of(arrival.server_address_int)
        if table is None and arrival.server_address_int & 0xFF000000 == _LOOPBACK_INT and self._tables:
            return self._tables[0]  # no client is attached to the loopback: programs that try the server out are
        return table

    def _table_of(self, address_int: int) -> Addresses | None:
        for table in self._tables:
            if address_int in table.subnet:
                return table
        return None

    def _subnet_of(self, address_int: int) -> PlannedSubnet | None:
        table = self._table_of(address_int)
        return table.subnet if table is not None else None

    def _discover(self, exchange: Exchange, packet: Packet, table: Addresses, client: bytes, hardware: bytes) -> None:
        now = exchange.now
        wished = _address_option(packet, _REQUESTED_ADDRESS)
        address_int = table.choose(client, hardware, wished, now)
        if address_int is None:
            exchange.changes += self._expire(table, now, 1)
            address_int = table.choose(client, hardware, wished, now)
        if address_int is None:
            self.statistics["v4-allocation-fail"] += 1
            exchange.drop = DropReason.NOADDRESS
            return
        table.offer(address_int, client, now)
        exchange.reply = Reply(
            build_reply(
                packet,
                exchange.arrival,
                MessageType.OFFER,
                address_int=address_int,
                subnet=table.subnet,
                lease_time_s=table.subnet.lease_time_s,
            )
        )

    def _request(self, exchange: Exchange, packet: Packet, table: Addresses, client: bytes, hardware: bytes) -> None:
        now = exchange.now
        selecting = _SERVER_IDENTIFIER in packet.options
        if selecting and not self._is_ours(packet, exchange.arrival):
            table.withdraw(client)
            exchange.drop = DropReason.WRONG_SERVER
            return
        requested = _address_option(packet, _REQUESTED_ADDRESS)
        wanted = requested or packet.ciaddr_int if selecting else packet.ciaddr_int or requested
        if not wanted:
            exchange.drop = DropReason.INVALID
            return
        granted = self._may_be_granted(packet, table, client, hardware, wanted, selecting, now)
        if granted:
            self._grant(exchange, packet, table, client, wanted, now)
        elif granted is None:
            exchange.drop = DropReason.WRONG_SERVER
        else:
            exchange.reply = Reply(build_reply(packet, exchange.arrival, MessageType.NAK), refused=wanted)

    def _may_be_granted(
        self,
        packet: Packet,
        table: Addresses,
        client: bytes,
        hardware: bytes,
        wanted: int,
        selecting: bool,
        now: float,
    ) -> bool | None:
        """Whether a REQUEST is granted (True), refused (False) or left to another server (None).

        The client's states are told apart as in RFC 2131 table 4, and answered as in section 4.3.2.
        """
        available = wanted in table.subnet and table.may_have(wanted, client, hardware, now)
        reserved = table.reserved(hardware)
        if reserved is not None and wanted != reserved:
            available = available and not table.may_have(reserved, client, hardware, now)
        if selecting:
            return available
        records = (reserved, table.clients.get(client), table.offered(client, now))
        if wanted in records or any(record is not None for record in records):
            return available and wanted in records
        if packet.ciaddr_int:  # RENEWING, REBINDING
            return available if self.authoritative else None
        return None if wanted in table.subnet else False  # INIT-REBOOT

    def _grant(
        self, exchange: Exchange, packet: Packet, table: Addresses, client: bytes, address_int: int, now: float
    ) -> None:
        before = table.leases.get(address_int)
        own = before if before is not None and before.client_key == client else None
        former = table.clients.get(client)
        if former is not None and former != address_int:
            self._release(exchange, table, table.leases[former], now)
        if before is not None and before.client_key != client and before.state == LeaseState.ACTIVE:
            self._client_deleted(before)
        lease_time_s = table.subnet.lease_time_s
        starts_s = int(now)
        lease = Lease(
            address_int=address_int,
            client_key=client,
            hardware_type=packet.htype,
            hardware_address=packet.chaddr,
            state=int(LeaseState.ACTIVE),
            starts_s=starts_s,
            expires_s=INFINITE if lease_time_s == INFINITE else starts_s + lease_time_s,
            # A renewal need not repeat its name, and comes without the relay: what was known stays known.
            hostname=_text(packet.options.get(_HOST_NAME, b"")) or (own.hostname if own else ""),
            relay_information=packet.options.get(_AGENT_OPTIONS, b"")[:_MOST_KEPT]
            or (own.relay_information if own else b""),
        )
        table.withdraw(client)
        self._change(exchange.changes, table, before, lease)
        exchange.reply = Reply(
            build_reply(
                packet,
                exchange.arrival,
                MessageType.ACK,
                address_int=address_int,
                subnet=table.subnet,
                lease_time_s=lease_time_s,
            ),
            given=AddressGiven.OLD if own is not None and own.is_active(now) else AddressGiven.NEW,
            lease_time_s=lease_time_s,
        )

    def _decline(
        self, exchange: Exchange, packet: Packet, table: Addresses, client: bytes, hardware: bytes
    ) -> Steps[None]:
        del hardware
        lease = yield from self._given_up(
            exchange, packet, table, client, _address_option(packet, _REQUESTED_ADDRESS), AddressDeleteReason.DECLINE
        )
        if lease is None:
            return
        now = exchange.now
        rest = lease._replace(
            client_key=b"",
            state=int(LeaseState.DECLINED),
            starts_s=int(now),
            expires_s=int(now) + self._decline_time_s,
            hostname="",
            relay_information=b"",
        )
        self._change(exchange.changes, table, lease, rest)

    def _release_request(
        self, exchange: Exchange, packet: Packet, table: Addresses, client: bytes, hardware: bytes
    ) -> Steps[None]:
        del hardware
        lease = yield from self._given_up(
            exchange, packet, table, client, packet.ciaddr_int, AddressDeleteReason.RELEASE
        )
        if lease is not None:
            self._release(exchange, table, lease, exchange.now)

    def _inform(self, exchange: Exchange, packet: Packet, table: Addresses, client: bytes, hardware: bytes) -> None:
        del client, hardware
        exchange.reply = Reply(build_reply(packet, exchange.arrival, MessageType.ACK, subnet=table.subnet))

    def _given_up(
        self,
        exchange: Exchange,
        packet: Packet,
        table: Addresses,
        client: bytes,
        address_int: int | None,
        reason: AddressDeleteReason,
    ) -> Steps[Lease | None]:
        """Tell the callouts of a lease that its client gives up; the lease, or None where it is not the client's."""
        lease = self._leased_to(exchange, packet, table, client, address_int)
        if lease is None or self.hooks.address_delete is None:
            return lease
        yield from self._address_deleted(exchange, lease.address_int, reason)
        return self._leased_to(exchange, packet, table, client, address_int)  # it may have ended meanwhile

    def _leased_to(
        self, exchange: Exchange, packet: Packet, table: Addresses, client: bytes, address_int: int | None
    ) -> Lease | None:
        """The lease that a client gives up, if it is the client's and this server's; else say why not."""
        if _SERVER_IDENTIFIER in packet.options and not self._is_ours(packet, exchange.arrival):
            exchange.drop = DropReason.WRONG_SERVER
            return None
        lease = table.leases.get(address_int) if address_int is not None else None
        if lease is None or lease.client_key != client or lease.state != LeaseState.ACTIVE:
            exchange.drop = DropReason.INVALID
            return None
        return lease

    def _is_ours(self, packet: Packet, arrival: Arrival) -> bool:
        selected = _address_option(packet, _SERVER_IDENTIFIER)
        return selected == arrival.server_address_int or selected in self.server_addresses

    # Changes to leases

    @staticmethod
    def _change(changes: list[LeaseChange], table: Addresses, before: Lease | None, after: Lease) -> None:
        table.put(after.address_int, after)
        changes.append(LeaseChange(before, after))

    def _release(self, exchange: Exchange, table: Addresses, lease: Lease, now: float) -> None:
        if lease.state == LeaseState.ACTIVE:
            self._client_deleted(lease)
            ended = lease._replace(state=int(LeaseState.RELEASED), expires_s=int(now))
            self._change(exchange.changes, table, lease, ended)

    def _expire(self, table: Addresses, now: float, limit: int) -> list[LeaseChange]:
        changes: list[LeaseChange] = []
        for lease in table.ended(now, limit):
            if lease.state == LeaseState.ACTIVE:
                self._client_deleted(lease)
            self._change(changes, table, lease, lease._replace(state=int(LeaseState.RELEASED)))
        return changes

    # Hooks

    def _client_deleted(self, lease: Lease) -> None:
        if self.hooks.delete_client is not None:
            self.hooks.announce(
                slots.DELETE_CLIENT, ClientDeleted(lease.address_int, lease.hardware_address, AddressType.DHCP)
            )

    def _address_deleted(self, exchange: Exchange, address_int: int, reason: AddressDeleteReason) -> Steps[None]:
        if self.hooks.address_delete is not None:
            yield from self._notify(exchange, slots.ADDRESS_DELETE, address_int=address_int, reason=reason)

    def _send(self, exchange: Exchange, request: Packet, reply: Reply) -> Steps[None]:
        hooks = self.hooks
        destination = find_destination(request, reply.packet, exchange.arrival, self._subnet_of)
        if destination.delivery is None:
            exchange.drop = DropReason.INVALID
            return
        if reply.refused is not None:
            yield from self._address_deleted(exchange, reply.refused, AddressDeleteReason.NACKED)
        if reply.given is not None and hooks.address_offer is not None:
            yield from self._notify(
                exchange,
                slots.ADDRESS_OFFER,
                address_int=reply.packet.yiaddr_int,
                given=reply.given,
                address_type=AddressType.DHCP,
                lease_time_s=reply.lease_time_s,
            )
        data = encode_reply(request, reply.packet)
        if hooks.packet_send is not None:
            answer = yield from hooks.ask_steps(
                slots.PACKET_SEND,
                exchange.contexts,
                data,
                request_data=exchange.data,
                server_address_int=exchange.arrival.server_address_int,
            )
            if isinstance(answer, Drop):
                exchange.drop = answer.reason
                return
            data = answer
        if exchange.deadline_s is not None and not self._still_stands(exchange, request, reply):
            exchange.drop = DropReason.TIMEOUT
            return
        self.statistics["pkt4-sent"] += 1
        self.statistics[_SENT[reply.packet.options[_MESSAGE_TYPE][0]]] += 1
        exchange.outgoing = Outgoing(
            data, destination.delivery, destination.address_int, destination.port, request.chaddr, exchange.arrival
        )

    def _still_stands(self, exchange: Exchange, request: Packet, reply: Reply) -> bool:
        """Whether the client still has what a reply that callouts held up gives it."""
        address_int, client = reply.packet.yiaddr_int, client_key(request)
        table = self._table_of(address_int)
        if not address_int or table is None:
            return True
        if reply.given is None:
            return table.offered(client, exchange.now) == address_int
        lease = table.leases.get(address_int)
        return lease is not None and lease.client_key == client and lease.is_active(exchange.now)

    def _end(self, exchange: Exchange) -> Steps[None]:
        exchange.stage = Stage.ENDING
        if exchange.deadline_s is not None:
            self.parking.answered(exchange)
        if exchange.drop is not None:
            self.statistics["pkt4-receive-drop"] += 1
            self.statistics[_DROPPED[exchange.drop]] += 1
        if self.hooks.packet_drop is not None:
            if exchange.drop is not None:
                yield from self._notify(exchange, slots.PACKET_DROP, reason=exchange.drop)
            yield from self._notify(exchange, slots.PACKET_DROP, reason=DropReason.PROCESSED)
        exchange.stage = Stage.ENDED

    def _notify(self, exchange: Exchange, slot: slots.Slot[Any], **fields: Any) -> Steps[None]:
        return self.hooks.notify_steps(
            slot,
            exchange.contexts,
            data=exchange.data,
            server_address_int=exchange.arrival.server_address_int,
            **fields,
        )


_Decision = Callable[[Engine, Exchange, Packet, Addresses, bytes, bytes], Steps[None] | None]

_DECISIONS: dict[MessageType, _Decision] = {
    MessageType.DISCOVER: Engine._discover,
    MessageType.REQUEST: Engine._request,
    MessageType.DECLINE: Engine._decline,
    MessageType.RELEASE: Engine._release_request,
    MessageType.INFORM: Engine._inform,
}

_SENT = {int(kind): f"pkt4-{kind.name.lower()}-sent" for kind in MessageType}
_RECEIVED = {kind: f"pkt4-{kind.name.lower()}-received" for kind in MessageType}
_DROPPED = {reason: f"pkt4-drop-{reason.name.lower().replace('_', '-')}" for reason in DropReason}


def _address_option(packet: Packet, code: int) -> int | None:
    value = packet.options.get(code)
    return int.from_bytes(value, "big") if value is not None and len(value) == 4 else None


def _text(value: bytes) -> str:
    """A client's text as something that can be stored and printed anywhere."""
    return value.rstrip(b"\0")[:_MOST_KEPT].decode("utf-8", "backslashreplace")
