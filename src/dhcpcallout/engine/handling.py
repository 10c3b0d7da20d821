"""What each message leads to: the decisions carried out, the callouts asked on the way, the changes that follow."""

from collections import Counter
from collections.abc import Callable
from ipaddress import IPv4Address
from math import ceil
from typing import Any

from .. import hooks as slots
from ..codes import (
    INFINITE,
    AddressDeleteReason,
    AddressGiven,
    AddressType,
    DropReason,
    MessageType,
    OptionCode,
)
from ..events import ClientDeleted, LeaseExpired
from ..hooks import Drop, HookTable, Steps
from ..leases import Lease, LeaseChange, LeaseState
from ..wire import Packet
from .addresses import Addresses
from .classes import ClassTable
from .clients import hardware_key
from .consult import Conflict, ask_address, ask_subnet
from .exchange import Exchange, Reply
from .judge import Judge, Ruling, address_option
from .leasequery import answer_query
from .networks import Selection
from .situation import Lot, Situation

__all__ = ["Handling", "notify"]

_REQUESTED_ADDRESS = int(OptionCode.DHCP_REQUESTED_ADDRESS)
_RAPID_COMMIT = int(OptionCode.RAPID_COMMIT)
_HOST_NAME = int(OptionCode.HOST_NAME)
_AGENT_OPTIONS = int(OptionCode.DHCP_AGENT_OPTIONS)

_MOST_KEPT = 1024
"""The most bytes of one client's option that a lease keeps."""
_MOST_TRIED = 8
"""How many addresses are tried for one packet: callouts may find each in use, or keep it for who had it."""
_LOOKED_AT = 64
"""How many rows whose time is over are looked at for a client that finds no address."""

_ACTIVE = int(LeaseState.ACTIVE)
_RELEASED = int(LeaseState.RELEASED)

_A_CALLOUT = "a callout chose it"


def notify(hooks: HookTable, exchange: Exchange, slot: slots.Slot[Any], *values: Any) -> Steps[None] | tuple[()]:
    """Tell a slot's functions of something that belongs to an exchange's packet; ``HookTable.notify_steps``."""
    return hooks.notify_steps(slot, exchange.contexts, exchange.data, exchange.arrival.server_address_int, *values)


class Handling:
    """Handles messages.

    Args:
        judge: What decides.
        hooks: Whom to tell and to ask.
        statistics: Where to count.
        decline_time_s: For how long a declined address rests, in seconds.
    """

    def __init__(self, judge: Judge, hooks: HookTable, statistics: Counter[str], decline_time_s: int) -> None:
        self.judge = judge
        self._hooks = hooks
        self._statistics = statistics
        self._decline_time_s = decline_time_s
        self._prefixes = tuple(subnet.network for subnet in judge.plan.networks.subnets)

    def copy(self, classes: ClassTable, hooks: HookTable, statistics: Counter[str]) -> "Handling":
        """One that handles the same by the same leases, which can be changed apart from these."""
        return Handling(self.judge.copy(classes), hooks, statistics, self._decline_time_s)

    def handle(self, exchange: Exchange, packet: Packet) -> Steps[None] | None:
        """Decide about a packet and carry it out, up to what has to be durable before its reply can be made.

        Returns:
            The steps that ask callouts on the way, or None where it is done.
        """
        judge = self.judge
        kind = judge.kind(packet)
        if kind is MessageType.LEASEQUERY:
            self.leasequery(exchange, packet)
            return None
        handler = None if isinstance(kind, DropReason) else _HANDLERS.get(kind)
        if isinstance(kind, DropReason) or handler is None:
            exchange.drop = DropReason.INVALID
            return None
        situation = judge.situate(packet, exchange.arrival, kind)
        if situation is None:
            exchange.drop = DropReason.INVALID
            return None
        if self._hooks.select_subnet is not None:
            return self._handle_in_selected(exchange, situation, handler)
        return self._handle_in(exchange, situation, handler)

    def _handle_in_selected(self, exchange: Exchange, situation: Situation, handler: "_Handler") -> Steps[None]:
        selected = yield from self._select_subnet(exchange, situation)
        steps = self._handle_in(exchange, selected, handler) if selected is not None else None
        if steps is not None:
            yield from steps

    def _handle_in(self, exchange: Exchange, situation: Situation, handler: "_Handler") -> Steps[None] | None:
        if self.judge.plan.classes.dropping(situation.classes) is not None:
            exchange.drop = DropReason.UNAUTH
        elif not situation.places:
            exchange.drop = DropReason.NO_SUBNETS
        else:
            return handler(self, exchange, situation)
        return None

    # One method a message

    def discover(self, exchange: Exchange, situation: Situation) -> Steps[None] | None:
        """RFC 2131 section 4.3.1; a client that asks for it is acknowledged at once (RFC 4039)."""
        return self._pick(exchange, situation, self._offer)

    def _offer(self, exchange: Exchange, situation: Situation, lot: Lot) -> None:
        if lot.place.subnet.rapid_commit and _RAPID_COMMIT in situation.packet.options:
            self._grant(exchange, situation, lot, MessageType.ACK, rapid_commit=True)
            return
        resolved = self.judge.resolved(situation, lot.place.subnet, lot.address_int)
        lease_time_s = self.judge.lease_time_s(situation, resolved)
        answer = self.judge.answer(situation, lot, resolved, lease_time_s, MessageType.OFFER)
        exchange.reply = Reply(answer, situation, lot=lot)

    def request(self, exchange: Exchange, situation: Situation) -> None:
        """RFC 2131 section 4.3.2."""
        ruling, lot, wanted = self.judge.request(situation, exchange.now)
        if lot is not None and not self._reclaim(exchange, situation, lot):
            ruling, lot, wanted = self.judge.request(situation, exchange.now)
        if lot is not None:
            self._grant(exchange, situation, lot, MessageType.ACK)
        elif ruling is Ruling.REFUSED:
            exchange.reply = Reply(self.judge.refusal(situation), situation, refused=wanted)
        elif ruling is Ruling.MALFORMED:
            exchange.drop = DropReason.INVALID
        else:
            if ruling is Ruling.NOT_OURS:
                for place in situation.places:
                    place.withdraw(situation.key(place.subnet))
            exchange.drop = DropReason.WRONG_SERVER

    def decline(self, exchange: Exchange, situation: Situation) -> Steps[None]:
        """RFC 2131 section 4.3.3."""
        address_int = address_option(situation.packet, _REQUESTED_ADDRESS)
        lease = yield from self._given_up(exchange, situation, address_int, AddressDeleteReason.DECLINE)
        place = self.judge.place_of(lease.address_int) if lease is not None else None
        if lease is not None and place is not None:
            exchange.changes.append(place.conflict(lease.address_int, exchange.now, self._decline_time_s))

    def release(self, exchange: Exchange, situation: Situation) -> Steps[None]:
        """RFC 2131 section 4.3.4."""
        address_int = situation.packet.ciaddr_int
        lease = yield from self._given_up(exchange, situation, address_int, AddressDeleteReason.RELEASE)
        if lease is not None:
            self._end(exchange.changes, lease, exchange.now)

    def inform(self, exchange: Exchange, situation: Situation) -> None:
        """RFC 2131 section 4.3.5."""
        exchange.reply = Reply(self.judge.inform(situation), situation)

    def bootp(self, exchange: Exchange, situation: Situation) -> Steps[None] | None:
        """A BOOTP client gets the address that is its own, or where the subnet says so any, for ever (RFC 1534).

        One that knows its address, and says so in ``ciaddr``, is told the rest alone (RFC 951 section 7.3).
        """
        if not situation.packet.ciaddr_int:
            return self._pick(exchange, situation, self._grant)
        subnet = situation.places[0].subnet
        if subnet.bootp or situation.reserved(subnet) is not None:
            exchange.reply = Reply(self.judge.inform(situation), situation)
        else:
            exchange.drop = DropReason.NOADDRESS
        return None

    def leasequery(self, exchange: Exchange, packet: Packet) -> None:
        """RFC 4388. It is from no client: there is no subnet to select, and no class to drop it."""
        reply = answer_query(self.judge, packet, exchange.arrival, exchange.now)
        if isinstance(reply, DropReason):
            exchange.drop = reply
        else:
            exchange.reply = reply

    # What messages have in common

    def _select_subnet(self, exchange: Exchange, situation: Situation) -> Steps[Situation | None]:
        judge = self.judge
        networks = judge.plan.networks
        before = situation.selection.subnet or (situation.places[0].subnet if situation.places else None)
        chosen = yield from ask_subnet(self._hooks, exchange, before, self._prefixes, networks.subnet_of)
        if isinstance(chosen, Drop):
            exchange.drop = chosen.reason
            return None
        if chosen is None or chosen is before:
            return situation
        selection = Selection(networks.network_of(chosen), chosen, _A_CALLOUT)
        return judge.situate_in(situation.packet, situation.arrival, situation.kind, situation.client, selection)

    def _pick(self, exchange: Exchange, situation: Situation, go_on: "_Picked") -> Steps[None] | None:
        """Find an address for a client that asks for any, hold it, and go on with it; say why where there is none."""
        if self._hooks.select_address is not None:
            return self._pick_asking(exchange, situation, go_on)
        lot = self._hold(exchange, situation)
        if lot is None:
            self._no_address(exchange, situation)
        else:
            go_on(exchange, situation, lot)
        return None

    def _pick_asking(self, exchange: Exchange, situation: Situation, go_on: "_Picked") -> Steps[None]:
        for _ in range(_MOST_TRIED):
            lot = self._hold(exchange, situation)
            if lot is None:
                break
            settled = yield from self._select_address(exchange, situation, lot)
            if isinstance(settled, Conflict):
                yield from self._in_use(exchange, situation, lot.place, settled.address_int)
            elif settled is not None:
                go_on(exchange, situation, settled)
                return
            elif exchange.drop is not None:
                return
        self._no_address(exchange, situation)

    def _no_address(self, exchange: Exchange, situation: Situation) -> None:
        self._statistics["v4-allocation-fail"] += 1
        answer = self.judge.no_address(situation)
        if answer is not None:
            exchange.reply = Reply(answer, situation)
        else:
            exchange.drop = DropReason.NOADDRESS

    def _hold(self, exchange: Exchange, situation: Situation) -> Lot | None:
        lot = self._choose(exchange, situation)
        if lot is not None:
            place = lot.place
            place.offer(lot.address_int, situation.key(place.subnet), exchange.now)
        return lot

    def _choose(self, exchange: Exchange, situation: Situation) -> Lot | None:
        for _ in range(_MOST_TRIED):
            lot = self.judge.choose(situation, exchange.now)
            if lot is None:  # a lease may have ended since they were last looked through
                next_end_s = self.judge.rows.next_end_s()
                if next_end_s is None or next_end_s > exchange.now:
                    return None
                exchange.changes += self.expire(exchange.now, _LOOKED_AT)
            elif self._reclaim(exchange, situation, lot):
                return lot
        return None

    def _reclaim(self, exchange: Exchange, situation: Situation, lot: Lot) -> bool:
        """End another client's lease of an address that is to be given on; whether no callout has extended it."""
        key = situation.key(lot.place.subnet)
        if lot.place.clients.get(key) == lot.address_int:
            return True
        lease = self.judge.rows.get(lot.address_int)
        if lease is None or lease.state != _ACTIVE or lease.client_key == key:
            return True
        return self._expire(exchange.changes, lease, exchange.now)

    def _in_use(self, exchange: Exchange, situation: Situation, place: Addresses, address_int: int) -> Steps[None]:
        """Have an address rest that a client could have had, and that something else uses."""
        yield from self._address_deleted(exchange, address_int, AddressDeleteReason.CONFLICT)
        if self.judge.why_not(situation, place, address_int, exchange.now) is not None:
            return  # it was not held for long enough, and is another client's by now
        lease = self.judge.rows.get(address_int)
        if lease is not None and lease.state == _ACTIVE:
            self._client_deleted(lease)
        exchange.changes.append(place.conflict(address_int, exchange.now, self._decline_time_s))

    def _select_address(self, exchange: Exchange, situation: Situation, lot: Lot) -> Steps[Lot | Conflict | None]:
        place = lot.place
        key = situation.key(place.subnet)

        def why_not(address_int: int) -> str | None:
            return self.judge.why_not(situation, place, address_int, exchange.now)

        chosen = yield from ask_address(self._hooks, exchange, place.subnet, lot.address_int, lot.why, why_not)
        if isinstance(chosen, Drop):
            place.withdraw(key)
            exchange.drop = chosen.reason
            return None
        if isinstance(chosen, Conflict):
            return chosen
        if why_not(chosen) is not None:
            return None  # it was not held for long enough, and is another client's by now
        other = lot if chosen == lot.address_int else Lot(place, chosen, _A_CALLOUT)
        if not self._reclaim(exchange, situation, other):
            return None
        place.offer(chosen, key, exchange.now)
        return other

    def _grant(
        self,
        exchange: Exchange,
        situation: Situation,
        lot: Lot,
        message_type: MessageType | None = None,
        *,
        rapid_commit: bool = False,
    ) -> None:
        """Lease an address to a client, and end what it had before."""
        judge, now = self.judge, exchange.now
        place, address_int = lot.place, lot.address_int
        subnet = place.subnet
        key = situation.key(subnet)
        before = judge.rows.get(address_int)
        own = before if before is not None and before.client_key == key else None
        for other in situation.places:
            former = other.clients.get(key if other is place else situation.key(other.subnet))
            if former is not None and former != address_int:
                self._end(exchange.changes, judge.rows[former], now)
        resolved = judge.resolved(situation, subnet, address_int)
        lease_time_s = judge.lease_time_s(situation, resolved)
        packet = situation.packet
        options = packet.options
        # A renewal need not repeat its name, and comes without the relay: what was known stays known.
        hostname = _text(options[_HOST_NAME]) if _HOST_NAME in options else ""
        relay_information = options[_AGENT_OPTIONS][:_MOST_KEPT] if _AGENT_OPTIONS in options else b""
        if own is not None:
            hostname = hostname or own.hostname
            relay_information = relay_information or own.relay_information
        lease = Lease(
            address_int,
            key,
            packet.htype,
            packet.chaddr,
            _ACTIVE,
            int(now),
            # Rounded up: nobody else may have the address before its client thinks that its time is over.
            INFINITE if lease_time_s == INFINITE else ceil(now) + lease_time_s,
            hostname,
            relay_information,
        )
        self._change(exchange.changes, place, before, lease)
        place.withdraw(key)
        answer = judge.answer(situation, lot, resolved, lease_time_s, message_type, rapid_commit=rapid_commit)
        given = AddressGiven.OLD if own is not None and own.is_active(now) else AddressGiven.NEW
        exchange.reply = Reply(answer, situation, lot, given, lease, lease_time_s)

    def _given_up(
        self, exchange: Exchange, situation: Situation, address_int: int | None, reason: AddressDeleteReason
    ) -> Steps[Lease | None]:
        """Tell the callouts of a lease that its client gives up; the lease, or None where it is not the client's."""
        lease = self.judge.given_up(situation, address_int)
        if isinstance(lease, Lease) and self._hooks.address_delete is not None:
            yield from self._address_deleted(exchange, lease.address_int, reason)
            lease = self.judge.given_up(situation, address_int)  # it may have ended meanwhile
        if isinstance(lease, Lease):
            return lease
        exchange.drop = lease
        return None

    # Changes to leases

    def expire(self, now: float, limit: int) -> list[LeaseChange]:
        """End what has run out by ``now``, looking at no more than ``limit`` rows."""
        changes: list[LeaseChange] = []
        for lease in self.judge.rows.ended(now, limit):
            self._expire(changes, lease, now)
        return changes

    def _expire(self, changes: list[LeaseChange], lease: Lease, now: float) -> bool:
        """End a row whose time is over; whether no callout has extended it."""
        if lease.state == _ACTIVE:
            if self._hooks.lease_expired is not None:
                extension = self._hooks.announce(slots.LEASE_EXPIRED, LeaseExpired(lease))
                if extension is not None:
                    seconds = extension.lease_time_s
                    expires_s = INFINITE if seconds == INFINITE else min(int(now) + seconds, INFINITE - 1)
                    self._put(changes, lease, lease._replace(expires_s=expires_s))
                    return False
            self._client_deleted(lease)
        self._put(changes, lease, lease._replace(state=_RELEASED))
        return True

    def administer(self, address_int: int, after: Lease | None) -> LeaseChange:
        """Have an address' row be what an administrator says, and tell who loses it by that."""
        place = self.judge.place_of(address_int)
        if place is None:
            raise LookupError(f"{IPv4Address(address_int)} is in no subnet of the configuration")
        before = self.judge.rows.get(address_int)
        place.put(address_int, after)
        if before is not None and before.state == LeaseState.ACTIVE:
            stays = after is not None and after.state == LeaseState.ACTIVE and after.client_key == before.client_key
            if not stays:
                self._client_deleted(before)
        return LeaseChange(before, after)

    def undo(self, exchange: Exchange) -> None:
        """Have the rows be what they were before an exchange."""
        for change in reversed(exchange.changes):
            self.take_over(change.address_int, change.before)

    def take_over(self, address_int: int, lease: Lease | None) -> None:
        """Have an address' row be ``lease``, which somebody else decided."""
        place = self.judge.place_of(address_int)
        if place is not None:
            place.put(address_int, lease)

    def _end(self, changes: list[LeaseChange], lease: Lease, now: float) -> None:
        if lease.state == _ACTIVE:
            self._client_deleted(lease)
            self._put(changes, lease, lease._replace(state=_RELEASED, expires_s=int(now)))

    def _put(self, changes: list[LeaseChange], before: Lease, after: Lease) -> None:
        place = self.judge.place_of(before.address_int)
        if place is not None:
            self._change(changes, place, before, after)

    @staticmethod
    def _change(changes: list[LeaseChange], place: Addresses, before: Lease | None, after: Lease) -> None:
        place.put(after.address_int, after)
        changes.append(LeaseChange(before, after))

    # Hooks

    def _client_deleted(self, lease: Lease) -> None:
        if self._hooks.delete_client is not None:
            deleted = ClientDeleted(lease.address_int, lease.hardware_address, self._address_type(lease))
            self._hooks.announce(slots.DELETE_CLIENT, deleted)

    def _address_type(self, lease: Lease) -> AddressType:
        """Which kind of client a lease is of, as far as its row tells: BOOTP clients have theirs for ever."""
        place = self.judge.place_of(lease.address_int)
        hardware = hardware_key(lease.hardware_type, lease.hardware_address)
        if place is None or lease.expires_s != INFINITE or lease.client_key != hardware:
            return AddressType.DHCP
        reservations = (place.subnet.reservations, self.judge.plan.reservations)
        is_reserved = any(lease.address_int in table.addresses for table in reservations)
        return AddressType.BOOTP if place.subnet.bootp or is_reserved else AddressType.DHCP

    def _address_deleted(self, exchange: Exchange, address_int: int, reason: AddressDeleteReason) -> Steps[None]:
        if self._hooks.address_delete is not None:
            yield from notify(self._hooks, exchange, slots.ADDRESS_DELETE, address_int, reason)


_Handler = Callable[[Handling, Exchange, Situation], Steps[None] | None]
_Picked = Callable[[Exchange, Situation, Lot], None]

_HANDLERS: dict[MessageType | None, _Handler] = {
    MessageType.DISCOVER: Handling.discover,
    MessageType.REQUEST: Handling.request,
    MessageType.DECLINE: Handling.decline,
    MessageType.RELEASE: Handling.release,
    MessageType.INFORM: Handling.inform,
    None: Handling.bootp,
}


def _text(value: bytes) -> str:
    """A client's text as something that can be stored and printed anywhere."""
    return value.rstrip(b"\0")[:_MOST_KEPT].decode("utf-8", "backslashreplace")
