"""Tells what the server would do with a datagram, and why. A copy of the engine decides; this reads it off."""

from collections.abc import Collection, Iterator
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from ..codes import BOOTREQUEST, INFINITE, DropReason, MessageType, OptionCode
from ..errors import WireError
from ..hooks import SLOTS, Callout, HookTable
from ..leases import LeaseChange, LeaseState
from ..wire import OptionRegistry, Packet, decode
from ..wire.types.notation import decode_utf8, quote
from .answers import Answer
from .classes import ClassTable, Membership
from .clients import client_key
from .delivery import find_destination
from .exchange import Arrival, Exchange, Reply
from .explanation import (
    AddressReason,
    ClientIdentity,
    ExplainedField,
    ExplainedOption,
    ExplainedReply,
    Explanation,
    LeaseEffect,
    LeaseTimes,
    MessageSummary,
    NetworkReason,
    ReplyDestination,
    ReservationFound,
    SubnetGuard,
    TimeReason,
    UnaskedHook,
    WithheldOption,
)
from .judge import Judge, Ruling, address_option
from .situation import Situation

if TYPE_CHECKING:
    from .core import Engine

__all__ = ["ExplainedClasses", "Recorder", "explain"]

_CLIENT_IDENTIFIER = int(OptionCode.DHCP_CLIENT_IDENTIFIER)
_REQUESTED_ADDRESS = int(OptionCode.DHCP_REQUESTED_ADDRESS)
_LEASE_TIME = int(OptionCode.DHCP_LEASE_TIME)
_RENEWAL_TIME = int(OptionCode.DHCP_RENEWAL_TIME)
_REBINDING_TIME = int(OptionCode.DHCP_REBINDING_TIME)

_BEFORE_ANY_ADDRESS = frozenset(
    {DropReason.PAUSED, DropReason.DUPLICATE, DropReason.UNAUTH, DropReason.NO_SUBNETS, DropReason.NOMEM}
)
_GRANTED: dict[MessageType | None, str] = {
    MessageType.DISCOVER: "the client looks for an address, and there is one for it",
    None: "the client looks for an address, and there is one for it",
}
_ABOUT_QUERIES = {
    None: "a leasequery of who may ask (RFC 4388)",
    DropReason.INVALID: "a leasequery says who asks, in giaddr, and about what, or else it is malformed (RFC 4388)",
    DropReason.UNAUTH: "a leasequery whose giaddr is none of those that may ask (RFC 4388)",
}
_WORKED_OUT = "worked out from the lease time (RFC 2131 section 4.4.5)"


class ExplainedClasses(ClassTable):
    """Classes that remember why they decided as they did about one packet, and count and log no faults.

    Attributes:
        memberships: What was decided; empty before.
    """

    def __init__(self, classes: ClassTable) -> None:
        super().__init__(classes.classes)
        self.of_unreserved = None  # all is to be told
        self.memberships: tuple[Membership, ...] = ()

    def classify(self, packet: Packet, *, known: bool, reserved_classes: Collection[str] = ()) -> tuple[str, ...]:
        """See ``ClassTable.classify``."""
        if not self.memberships:  # a class's function is called once for a packet, as it is in earnest
            self.memberships = self.explain(packet, known=known, reserved_classes=reserved_classes)
        return tuple(one.name for one in self.memberships if one.member)


class Recorder:
    """Stands for the callouts of a hook table, and notes which hooks would fire.

    Args:
        hooks: The hook table; none of its functions is called.

    Attributes:
        hooks: A table with the same slots in use.
    """

    def __init__(self, hooks: HookTable) -> None:
        self._fired: dict[str, UnaskedHook] = {}
        callout = Callout("explanation")
        for slot in SLOTS:
            entries = getattr(hooks, slot.name)
            if entries is not None:
                names = dict.fromkeys(hooks.callouts[place].name for place, _ in entries)
                self._listen(callout, UnaskedHook(slot.name, tuple(names)))
        self.hooks: HookTable = _SilentTable([callout])

    def _listen(self, callout: Callout, hook: UnaskedHook) -> None:
        def note(_event: object) -> None:
            self._fired.setdefault(hook.slot, hook)

        callout.register(hook.slot, note)

    @property
    def fired(self) -> tuple[UnaskedHook, ...]:
        """The hooks that fired, in the order in which each did so first."""
        return tuple(self._fired.values())


def explain(
    engine: "Engine",
    judge: Judge,
    recorder: Recorder,
    datagram: bytes,
    arrival: Arrival,
    now: float,
    registry: OptionRegistry,
) -> Explanation:
    """Have an engine decide about a datagram, and tell why.

    Args:
        engine: A copy, for this changes it.
        judge: What decides in it, with ``ExplainedClasses``.
        recorder: What its hook table is from.
        datagram: The UDP payload.
        arrival: How it came in.
        now: Unix time, seconds.
        registry: Where option names are looked up.
    """
    return _Explainer(engine, judge, recorder, arrival, now).explain(datagram, registry)


class _SilentTable(HookTable):
    """A hook table whose faults, which are none of a callout's, are neither counted nor logged."""

    __slots__ = ()

    def fault(self, slot: str, place: int, error: BaseException, outcome: str = "") -> None:
        pass


class _Explainer:
    """One datagram's explanation in the making: see ``explain``."""

    def __init__(self, engine: "Engine", judge: Judge, recorder: Recorder, arrival: Arrival, now: float) -> None:
        self._engine = engine
        self._judge = judge
        self._recorder = recorder
        self._arrival = arrival
        self._now = now

    def explain(self, datagram: bytes, registry: OptionRegistry) -> Explanation:
        packet = situation = asked = None
        malformed = ""
        try:
            packet = decode(datagram, registry=registry)
        except WireError as error:
            malformed = str(error)
        if packet is not None:  # before the decision is carried out, which changes what it rests on
            kind = self._judge.kind(packet)
            if not isinstance(kind, DropReason) and kind is not MessageType.LEASEQUERY:  # that comes from no client
                situation = self._judge.situate(packet, self._arrival, kind)
            if situation is not None:
                asked = self._asked(situation)
        exchange = self._engine.receive(datagram, self._arrival, self._now)
        outgoing = self._engine.finish(exchange, self._now)
        reply = exchange.reply
        address = self._address(exchange, situation, asked)
        return Explanation(
            message=self._message(packet, malformed),
            client=_client(packet, situation, reply) if packet is not None and not _is_query(packet) else None,
            network=_network(situation) if situation is not None else None,
            reservation=_reservation(situation) if situation is not None else None,
            classes=self._memberships() if situation is not None else (),
            address=address,
            lease_times=_lease_times(reply) if reply is not None else None,
            reply=self._reply(reply, outgoing.data if outgoing is not None else b"") if reply is not None else None,
            drop=exchange.drop,
            reason=self._reason(exchange, situation, address)
            if packet is not None
            else f"it is no DHCP message: {malformed}",
            changes=tuple(map(_effect, exchange.changes)),
            not_asked=self._recorder.fired,
        )

    def _memberships(self) -> tuple[Membership, ...]:
        classes = self._judge.plan.classes
        return classes.memberships if isinstance(classes, ExplainedClasses) else ()

    def _message(self, packet: Packet | None, malformed: str) -> MessageSummary:
        arrival = self._arrival
        errors = tuple(map(str, packet.errors)) if packet is not None else (malformed,)
        if packet is None:
            kind = "malformed"
        else:
            message_type = self._judge.kind(packet)
            if packet.op != BOOTREQUEST:
                kind = "reply"
            elif isinstance(message_type, DropReason):
                kind = "unknown"
            else:
                kind = message_type.name if message_type is not None else "BOOTP"
        return MessageSummary(
            kind=kind,
            xid=packet.xid if packet is not None else None,
            hardware_address=packet.chaddr if packet is not None else b"",
            ciaddr=_ip(packet.ciaddr_int) if packet is not None else None,
            giaddr=_ip(packet.giaddr_int) if packet is not None else None,
            requested_address=_ip(address_option(packet, _REQUESTED_ADDRESS)) if packet is not None else None,
            source=arrival.source,
            source_port=arrival.source_port,
            server_address=IPv4Address(arrival.server_address_int),
            server_port=arrival.server_port,
            interface=arrival.interface,
            errors=errors,
        )

    # Which address, and what becomes of the message

    def _asked(self, situation: Situation) -> AddressReason | None:
        """What becomes of the address that a client says it has or wants; None where it leaves that to the server."""
        judge, packet = self._judge, situation.packet
        if situation.kind is MessageType.REQUEST:
            ruling, _, wanted = judge.request(situation, self._now)
            detail = f": {self._why_refused(situation, wanted)}" if ruling is Ruling.REFUSED else ""
            return self._about(situation, wanted, f"{ruling.value}{detail}")
        if situation.kind in (MessageType.DECLINE, MessageType.RELEASE):
            is_release = situation.kind is MessageType.RELEASE
            given_up = packet.ciaddr_int if is_release else address_option(packet, _REQUESTED_ADDRESS) or 0
            found = judge.given_up(situation, given_up)
            if found is DropReason.WRONG_SERVER:
                return self._about(situation, given_up, "the client gives it up to another server")
            if isinstance(found, DropReason):
                return self._about(situation, given_up, "it is not leased to the client, which cannot give it up")
            return self._about(
                situation,
                given_up,
                "the client gives it up, for it is in use" if not is_release else "the client gives it up",
            )
        if situation.kind in (MessageType.INFORM, None) and packet.ciaddr_int:
            return self._about(situation, packet.ciaddr_int, "the client has it, and asks for the rest alone")
        return None

    def _about(self, situation: Situation, address_int: int, reason: str) -> AddressReason:
        subnet = next((place.subnet for place in situation.places if address_int in place.subnet), None)
        return AddressReason(_ip(address_int), str(subnet.network) if subnet is not None else None, False, reason)

    def _why_refused(self, situation: Situation, wanted: int) -> str:
        judge, now = self._judge, self._now
        place = next((one for one in situation.places if wanted in one.subnet), None)
        if place is None:
            return "it is in no subnet that the client may be in"
        for one in situation.places:
            reserved = situation.reserved(one.subnet)
            if reserved not in (None, wanted) and judge.is_available(situation, one, reserved, now):
                return f"{IPv4Address(reserved)} is reserved for the client"
        why_not = judge.why_not(situation, place, wanted, now)
        return why_not or "the server has another address on record for the client"

    def _address(
        self, exchange: Exchange, situation: Situation | None, asked: AddressReason | None
    ) -> AddressReason | None:
        lot = exchange.reply.lot if exchange.reply is not None else None
        if lot is not None:
            return AddressReason(IPv4Address(lot.address_int), str(lot.place.subnet.network), True, str(lot.why))
        if situation is None or exchange.drop in _BEFORE_ANY_ADDRESS:
            return None
        if asked is not None:
            return asked
        if situation.kind is MessageType.DISCOVER:
            return AddressReason(None, None, False, "none that the client may have is free")
        if situation.kind is None:
            return AddressReason(
                None, None, False, "none is reserved for the client, and no subnet with bootp = true has a free one"
            )
        return None

    def _reason(self, exchange: Exchange, situation: Situation | None, address: AddressReason | None) -> str:
        packet = exchange.packet
        reply, drop = exchange.reply, exchange.drop
        if drop is DropReason.PAUSED:
            return "the service is paused"
        if drop is DropReason.DUPLICATE:
            return "another message of the client still waits for a callout"
        if packet is not None and packet.op != BOOTREQUEST:
            return "it is a server's message, not a client's"
        if packet is not None and _is_query(packet):
            return _ABOUT_QUERIES[drop]
        if situation is None:
            return (
                "it does not tell who sent it"
                if packet is not None and not isinstance(self._judge.kind(packet), DropReason)
                else "its message type (option 53) is none that there is"
            )
        dropping = self._judge.plan.classes.dropping(situation.classes)
        if dropping is not None:
            return f"what the clients of class {dropping} send is dropped"
        if drop is DropReason.NO_SUBNETS:
            return "the client is in no subnet of this server"
        if drop is DropReason.NOADDRESS and situation.packet.ciaddr_int and situation.kind is None:
            return "its subnet does not serve BOOTP (bootp = true), and nothing is reserved for the client"
        if reply is not None and drop is not None:
            return "it cannot be sent"
        if address is not None:
            return (
                address.reason if reply is None or not address.granted else _GRANTED.get(situation.kind, address.reason)
            )
        return "the client asks for it" if reply is not None else "a server does not answer it"

    # The reply

    def _reply(self, reply: Reply, data: bytes) -> ExplainedReply:
        answer, packet = reply.answer, reply.situation.packet
        subnet_of = self._judge.plan.networks.subnet_of
        delivery, address_int, port, reason = find_destination(packet, answer, self._arrival, subnet_of)
        registry = answer.packet.registry
        origins = answer.origins() if not _is_query(packet) else dict.fromkeys(answer.packet.options, "RFC 4388")
        configured = answer.resolved.origins if answer.resolved is not None else {}
        return ExplainedReply(
            kind=answer.message_type.name if answer.message_type is not None else "BOOTREPLY",
            fields=tuple(_fields(answer)),
            options=tuple(
                ExplainedOption(code, registry.spec(code).name, _value(answer.packet, code), value.hex(), origins[code])
                for code, value in answer.packet.options.items()
            ),
            withheld=tuple(
                WithheldOption(code, registry.spec(code).name, configured[code], why)
                for code, why in answer.withheld().items()
            ),
            destination=ReplyDestination(delivery, IPv4Address(address_int), port, reason),
            data=data,
        )


def _ip(address_int: int | None) -> IPv4Address | None:
    return IPv4Address(address_int) if address_int else None


def _is_query(packet: Packet) -> bool:
    return packet.message_type is MessageType.LEASEQUERY


def _client(packet: Packet, situation: Situation | None, reply: Reply | None) -> ClientIdentity:
    identifier = packet.options.get(_CLIENT_IDENTIFIER)
    if situation is None:
        key, subnet = client_key(packet), None
        if not key:
            too_long = identifier and "its client identifier (option 61) is too long to be kept"
            return ClientIdentity(
                b"", too_long or "it has neither a client identifier (option 61) nor a hardware address"
            )
    else:
        places = situation.places
        subnet = (
            reply.lot.place.subnet
            if reply is not None and reply.lot is not None
            else places[0].subnet
            if places
            else None
        )
        key = situation.key(subnet) if subnet is not None else situation.client
    if key == identifier and (subnet is None or subnet.match_client_id or not packet.chaddr):
        return ClientIdentity(key, "its client identifier (option 61)")
    if identifier is None:
        why = "for it sends no client identifier"
    elif subnet is not None and not subnet.match_client_id:
        why = "for match-client-id is false where it is"
    else:
        why = "for its client identifier (option 61) is malformed"
    return ClientIdentity(key, f"its hardware type and address, {why}")


def _network(situation: Situation) -> NetworkReason:
    network, subnet, reason = situation.selection
    guards = []
    open_to = {place.subnet for place in situation.places}
    order = [place.subnet for place in situation.places]
    for one in (*order, *(one for one in (network.subnets if network is not None else ()) if one not in open_to)):
        asked = [guard for guard in (network.classes if network is not None else (), one.classes) if guard]
        words = " and ".join(f"a class of {', '.join(sorted(guard))}" for guard in asked)
        guards.append(
            SubnetGuard(str(one.network), one in open_to, f"it is for {words}" if words else "it is for all clients")
        )
    return NetworkReason(
        network.name if network is not None else None,
        str(subnet.network) if subnet is not None else None,
        reason,
        tuple(guards),
    )


def _reservation(situation: Situation) -> ReservationFound | None:
    found = situation.reservation
    if found is None:
        return None
    return ReservationFound(found.name, found.key, _ip(found.address_int), found.hostname, found.classes)


def _lease_times(reply: Reply) -> LeaseTimes | None:
    """What the client is told of times, which is what the options say, and for BOOTP nothing (RFC 1534)."""
    answer, situation = reply.answer, reply.situation
    if reply.lot is None or answer.resolved is None:
        return None
    if answer.message_type is None:
        return LeaseTimes(TimeReason(None, "BOOTP knows no end of a lease (RFC 1534 section 2)"), None, None)
    options = answer.packet.options
    origins = answer.origins()
    resolved = answer.resolved
    lease_time_s = _seconds(options[_LEASE_TIME])
    requested_s = address_option(situation.packet, _LEASE_TIME)
    said_by = resolved.parameter_origins
    origin = said_by.get("lease_time_s", "the server's own default, for no scope says one")
    if requested_s is not None and lease_time_s != resolved.lease_time_s:
        if lease_time_s == requested_s:
            origin = "the client's wish"
        else:
            name, bound = ("min_lease_time_s", "least") if lease_time_s > requested_s else ("max_lease_time_s", "most")
            origin = f"{said_by.get(name, origin)}, the {bound}; the client wishes {requested_s} s"
    elif requested_s is not None and requested_s != lease_time_s:
        origin += f"; the client wishes {requested_s} s"
    told = {
        code: TimeReason(_seconds(options[code]), _WORKED_OUT if origins[code] == "the server" else origins[code])
        for code in (_RENEWAL_TIME, _REBINDING_TIME)
        if code in options
    }
    lease_time = TimeReason(None if lease_time_s == INFINITE else lease_time_s, origin)
    return LeaseTimes(lease_time, told.get(_RENEWAL_TIME), told.get(_REBINDING_TIME))


def _seconds(value: bytes) -> int:
    return int.from_bytes(value, "big")


def _fields(answer: Answer) -> Iterator[ExplainedField]:
    resolved = answer.resolved
    if resolved is None:
        return
    packet, said_by = answer.packet, resolved.parameter_origins
    if packet.siaddr_int:
        yield ExplainedField("siaddr", str(packet.siaddr), said_by["next_server_int"])
    if packet.sname:
        yield ExplainedField("sname", quote(decode_utf8(packet.sname)), said_by["server_name"])
    if packet.file:
        yield ExplainedField("file", quote(decode_utf8(packet.file)), said_by["boot_file_name"])


def _value(packet: Packet, code: int) -> str | None:
    option = packet.option(code)
    try:
        return option.text if option is not None else None
    except WireError:
        return None


def _effect(change: LeaseChange) -> LeaseEffect:
    before, after = (LeaseState(row.state).name.lower() if row is not None else None for row in change)
    row = change.after
    return LeaseEffect(
        address=IPv4Address(change.address_int),
        before=before,
        after=after,
        hardware_address=row.hardware_address if row is not None else b"",
        hostname=row.hostname if row is not None else "",
        expires_s=row.expires_s if row is not None and row.expires_s != INFINITE else None,
    )
