"""Explanations: that they say what happens, why, and that nothing is any different for it."""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dhcpcallout.codes import INFINITE, ControlCode, DropReason, MessageType, OptionCode
from dhcpcallout.engine import Arrival, ClientClass, Delivery, Engine, Pool, Reservation, Scope, SharedNetwork, Subnet
from dhcpcallout.engine.classes import Membership
from dhcpcallout.engine.explanation import Explanation
from dhcpcallout.hooks import SLOTS, Callout, HookTable
from dhcpcallout.testing.strategies import any_packets, hostile_bytes
from dhcpcallout.wire import OptionRegistry, Packet, encode

SERVER_INT = 0x0A000001
ARRIVAL = Arrival(0, 68, SERVER_INT, interface="lan")
NOW = 1_000_000.0


def never_called(event: object) -> None:
    raise AssertionError(f"an explanation called a callout with {event}")


def explain(engine: Engine, packet: Packet, arrival: Arrival = ARRIVAL) -> Explanation:
    return engine.explain(encode(packet).data, arrival, NOW)


def message(kind: MessageType | None, client: int = 1, *, ciaddr: str = "0.0.0.0", **options: Any) -> Packet:
    packet = Packet(xid=client, chaddr=b"\x02\0\0\0\0" + bytes((client,)), ciaddr=IPv4Address(ciaddr))
    if kind is not None:
        packet.set(OptionCode.DHCP_MESSAGE_TYPE, kind)
    for name, value in options.items():
        packet.set(name.replace("_", "-"), value)
    return packet


def wishing(lease_time_s: int | None) -> dict[str, Any]:
    return {} if lease_time_s is None else {"dhcp_lease_time": lease_time_s}


def serve(engine: Engine, packet: Packet, arrival: Arrival = ARRIVAL, now: float = NOW) -> bytes | None:
    """What the engine answers in earnest."""
    outgoing = engine.finish(engine.receive(encode(packet).data, arrival, now), now)
    return outgoing.data if outgoing is not None else None


@pytest.fixture
def engine() -> Engine:
    return Engine(
        [
            Subnet(
                network="10.0.0.0/24",
                pools=["10.0.0.10-10.0.0.12"],
                lease_time_s=1000,
                min_lease_time_s=600,
                max_lease_time_s=2000,
                options={"routers": ["10.0.0.1"], "ntp-servers": ["10.0.0.2"]},
                reservations=[
                    Reservation(hardware_address="02:00:00:00:00:07", address="10.0.0.77", hostname="seven"),
                ],
            )
        ],
        defaults=Scope(options={"domain-name": "example.com"}, next_server="10.0.0.9", renew_time_s=100),
        classes=[
            ClientClass(name="phones", test={"option": "host-name", "prefix": "phone"}, options={"time-offset": 60}),
            ClientClass(name="unwanted", test={"option": "host-name", "equals": "no"}, drop=True),
        ],
        server_addresses=[SERVER_INT],
    )


def test_an_offer_is_explained_from_the_client_to_the_destination(engine: Engine) -> None:
    asked = [1, 3, 15, 2]
    packet = message(MessageType.DISCOVER, host_name="phone-1", dhcp_parameter_request_list=asked)
    told = explain(engine, packet)
    assert (told.message.kind, told.message.xid, told.message.interface) == ("DISCOVER", 1, "lan")
    assert told.client is not None
    assert told.client.key == b"\1\2\0\0\0\0\1"
    assert told.client.reason == "its hardware type and address, for it sends no client identifier"
    assert told.network is not None
    assert (told.network.network, told.network.subnet) == ("10.0.0.0/24", "10.0.0.0/24")
    assert told.network.reason == "the address where it arrived, which is within the subnet"
    assert told.reservation is None
    assert told.classes == (
        Membership("ALL", True, "every client belongs to it"),
        Membership("KNOWN", False, "the client has no reservation"),
        Membership("UNKNOWN", True, "the client has no reservation"),
        Membership("phones", True, 'host-name prefix "phone": yes, it is phone-1'),
        Membership("unwanted", False, 'host-name equals "no": no, it is phone-1'),
    )
    assert told.address is not None
    assert (told.address.address, told.address.granted) == (IPv4Address("10.0.0.10"), True)
    assert told.address.reason == "never used"
    assert told.lease_times is not None
    assert told.lease_times.lease_time.origin == "subnet 10.0.0.0/24"
    assert told.lease_times.renew_time is not None
    assert told.lease_times.rebind_time is not None
    assert (told.lease_times.renew_time.seconds, told.lease_times.renew_time.origin) == (
        100,
        "what all clients are told",
    )
    assert told.lease_times.rebind_time.seconds == 875
    assert told.lease_times.rebind_time.origin == "worked out from the lease time (RFC 2131 section 4.4.5)"
    assert told.reply is not None
    assert told.reply.kind == "OFFER"
    assert {one.name: (one.value, one.origin) for one in told.reply.options} == {
        "dhcp-message-type": ("offer", "the server"),
        "dhcp-server-identifier": ("10.0.0.1", "the server"),
        "dhcp-lease-time": ("1000", "subnet 10.0.0.0/24"),
        "dhcp-renewal-time": ("100", "what all clients are told"),
        "dhcp-rebinding-time": ("875", "the server"),
        "subnet-mask": ("255.255.255.0", "the subnet's prefix"),
        "routers": ("10.0.0.1", "subnet 10.0.0.0/24"),
        "domain-name": ("example.com", "what all clients are told"),
        "time-offset": ("60", "class phones"),
    }
    assert [(one.name, one.origin, one.reason) for one in told.reply.withheld] == [
        ("ntp-servers", "subnet 10.0.0.0/24", "not asked for")
    ]
    assert [(one.name, one.value, one.origin) for one in told.reply.fields] == [
        ("siaddr", "10.0.0.9", "what all clients are told")
    ]
    assert told.reply.destination.delivery is Delivery.HARDWARE
    assert told.reply.destination.address == IPv4Address("10.0.0.10")
    assert "takes a frame before it has an address" in told.reply.destination.reason
    assert (told.drop, told.changes) == (None, ())
    assert told.reply.data == serve(engine, packet)


def test_a_reservation_is_told_with_its_key_in_the_configuration(engine: Engine) -> None:
    told = explain(engine, message(MessageType.DISCOVER, 7))
    assert told.reservation is not None
    assert told.reservation.key == "subnet[0].reservation[0]"
    assert (told.reservation.address, told.reservation.hostname) == (IPv4Address("10.0.0.77"), "seven")
    assert told.address is not None
    assert told.address.reason == "reserved"
    assert told.reply is not None
    assert {one.name: one.origin for one in told.reply.options}["host-name"] == "the reservation's hostname"


@pytest.mark.parametrize(
    ("wish", "seconds", "origin"),
    [
        (None, 1000, "subnet 10.0.0.0/24"),
        (1000, 1000, "subnet 10.0.0.0/24"),
        (700, 700, "the client's wish"),
        (10, 600, "subnet 10.0.0.0/24, the least; the client wishes 10 s"),
        (9000, 2000, "subnet 10.0.0.0/24, the most; the client wishes 9000 s"),
    ],
)
def test_the_lease_time_is_told_with_who_decided_it(
    engine: Engine, wish: int | None, seconds: int, origin: str
) -> None:
    told = explain(engine, message(MessageType.DISCOVER, **wishing(wish)))
    assert told.lease_times is not None
    assert (told.lease_times.lease_time.seconds, told.lease_times.lease_time.origin) == (seconds, origin)


@pytest.mark.parametrize(
    ("scope", "wish", "seconds", "origin"),
    [
        ({}, None, 3600, "the server's own default, for no scope says one"),
        ({}, 20, 3600, "the server's own default, for no scope says one; the client wishes 20 s"),
        ({"lease_time_s": INFINITE}, None, None, "subnet 10.0.0.0/24"),
    ],
)
def test_a_lease_time_that_nobody_chooses_is_told_so(
    scope: dict[str, Any], wish: int | None, seconds: int | None, origin: str
) -> None:
    engine = Engine([Subnet(network="10.0.0.0/24", pools=["10.0.0.10"], **scope)])
    told = explain(engine, message(MessageType.DISCOVER, **wishing(wish)))
    assert told.lease_times is not None
    assert (told.lease_times.lease_time.seconds, told.lease_times.lease_time.origin) == (seconds, origin)


def test_an_ack_tells_the_lease_that_would_be_written(engine: Engine) -> None:
    packet = message(
        MessageType.REQUEST, host_name="\x1b[1m", dhcp_requested_address="10.0.0.11", dhcp_server_identifier="10.0.0.1"
    )
    told = explain(engine, packet)
    assert told.reply is not None
    assert (told.reply.kind, told.reason) == ("ACK", "the client selected it")
    (change,) = told.changes
    assert (change.address, change.before, change.after) == (IPv4Address("10.0.0.11"), None, "active")
    assert (change.hardware_address, change.expires_s) == (b"\x02\0\0\0\0\1", 1_001_000)
    assert not list(engine.leases())
    assert r'10.0.0.11: no row becomes active until 1970-01-12 14:03:20 UTC of 02:00:00:00:00:01 "\x1b[1m"' in str(told)


REFUSALS: list[tuple[dict[str, Any], str, str]] = [
    ({"dhcp_requested_address": "10.0.0.77"}, "10.0.0.77", "it is reserved for another client"),
    ({"dhcp_requested_address": "10.0.0.10"}, "10.0.0.10", "another client has it, or it rests"),
    ({"dhcp_requested_address": "10.0.0.99"}, "10.0.0.99", "it is in no pool that the client may have addresses of"),
    ({"dhcp_requested_address": "192.0.2.1"}, "192.0.2.1", "it is in no subnet that the client may be in"),
]


@pytest.mark.parametrize(("options", "address", "why"), REFUSALS, ids=[row[1] for row in REFUSALS])
def test_a_refusal_is_told_with_what_is_in_the_way(
    engine: Engine, options: dict[str, Any], address: str, why: str
) -> None:
    taken = {"dhcp_requested_address": "10.0.0.10", "dhcp_server_identifier": "10.0.0.1"}
    serve(engine, message(MessageType.REQUEST, 9, **taken))
    told = explain(engine, message(MessageType.REQUEST, dhcp_server_identifier="10.0.0.1", **options))
    assert told.reply is not None
    assert told.reply.kind == "NAK"
    assert told.address is not None
    assert (str(told.address.address), told.address.granted) == (address, False)
    assert told.reason == told.address.reason == f"the client may not have the address: {why}"


def test_a_client_that_is_known_by_another_address_is_told_so(engine: Engine) -> None:
    serve(engine, message(MessageType.REQUEST, dhcp_requested_address="10.0.0.10", dhcp_server_identifier="10.0.0.1"))
    told = explain(engine, message(MessageType.REQUEST, dhcp_requested_address="10.0.0.11"))
    assert told.reason.endswith("the server has another address on record for the client")
    told = explain(engine, message(MessageType.REQUEST, 7, dhcp_requested_address="10.0.0.11"))
    assert told.reason.endswith("10.0.0.77 is reserved for the client")


DROPS: list[tuple[Packet, DropReason, str]] = [
    (
        message(MessageType.DISCOVER, host_name="no"),
        DropReason.UNAUTH,
        "what the clients of class unwanted send is dropped",
    ),
    (message(MessageType.REQUEST), DropReason.INVALID, "no address is requested"),
    (
        message(MessageType.REQUEST, dhcp_requested_address="10.0.0.10", dhcp_server_identifier="10.0.0.2"),
        DropReason.WRONG_SERVER,
        "the client selected another server",
    ),
    (
        message(MessageType.RELEASE, ciaddr="10.0.0.10"),
        DropReason.INVALID,
        "it is not leased to the client, which cannot give it up",
    ),
    (
        message(MessageType.DECLINE, dhcp_requested_address="10.0.0.10", dhcp_server_identifier="10.0.0.2"),
        DropReason.WRONG_SERVER,
        "the client gives it up to another server",
    ),
    (
        message(None),
        DropReason.NOADDRESS,
        "none is reserved for the client, and no subnet with bootp = true has a free one",
    ),
    (
        message(None, ciaddr="10.0.0.10"),
        DropReason.NOADDRESS,
        "its subnet does not serve BOOTP (bootp = true), and nothing is reserved for the client",
    ),
    (message(MessageType.OFFER), DropReason.INVALID, "a server does not answer it"),
    (Packet(op=2), DropReason.INVALID, "it is a server's message, not a client's"),
    (Packet(options={53: b"\0"}), DropReason.INVALID, "its message type (option 53) is none that there is"),
    (Packet(options={53: b"\1"}), DropReason.INVALID, "it does not tell who sent it"),
]


@pytest.mark.parametrize(("packet", "drop", "reason"), DROPS, ids=[row[2] for row in DROPS])
def test_silence_is_told_as_the_hooks_see_it_and_in_words(
    engine: Engine, packet: Packet, drop: DropReason, reason: str
) -> None:
    told = explain(engine, packet)
    assert (told.reply, told.drop, told.reason) == (None, drop, reason)
    assert f"none, dropped as {drop.name}: {reason}" in str(told)
    exchange = engine.receive(encode(packet).data, ARRIVAL, NOW)
    assert exchange.drop is drop


def test_bytes_that_are_no_message_are_told_with_the_place(engine: Engine) -> None:
    told = engine.explain(b"\x1b[31m", ARRIVAL, NOW)
    assert (told.drop, told.client, told.network, told.message.xid) == (DropReason.INVALID, None, None, None)
    assert told.reason == "it is no DHCP message: byte 5: the message ends here; it has at least 236 bytes"


def test_a_client_of_no_subnet_is_told_what_failed_to_place_it(engine: Engine) -> None:
    told = explain(engine, message(MessageType.DISCOVER), ARRIVAL._replace(server_address_int=0xC0000201))
    assert told.drop is DropReason.NO_SUBNETS
    assert told.network is not None
    assert (told.network.network, told.network.subnets, told.address) == (None, (), None)
    assert told.network.reason == "neither the interface nor the address where it arrived belongs to a subnet"


def test_a_paused_service_is_told_with_the_client_that_waits(engine: Engine) -> None:
    engine.control(ControlCode.PAUSE)
    told = explain(engine, message(MessageType.DISCOVER, 7))
    assert (told.drop, told.reason, told.address) == (DropReason.PAUSED, "the service is paused", None)
    assert told.reservation is not None


def test_an_empty_pool_is_told(engine: Engine) -> None:
    for client in range(20, 23):
        serve(engine, message(MessageType.DISCOVER, client))
    told = explain(engine, message(MessageType.DISCOVER))
    assert (told.drop, told.reason) == (DropReason.NOADDRESS, "none that the client may have is free")
    assert told.address is not None
    assert (told.address.address, told.address.granted) == (None, False)


def test_an_inform_keeps_its_address_and_has_no_lease_time(engine: Engine) -> None:
    told = explain(engine, message(MessageType.INFORM, ciaddr="10.0.0.200"))
    assert told.reply is not None
    assert (told.reply.kind, told.lease_times, told.changes) == ("ACK", None, ())
    assert told.reason == "the client has it, and asks for the rest alone"


def test_a_release_and_a_decline_tell_what_becomes_of_the_lease(engine: Engine) -> None:
    serve(engine, message(MessageType.REQUEST, dhcp_requested_address="10.0.0.10", dhcp_server_identifier="10.0.0.1"))
    release = explain(engine, message(MessageType.RELEASE, ciaddr="10.0.0.10"))
    decline = explain(engine, message(MessageType.DECLINE, dhcp_requested_address="10.0.0.10"))
    assert [(one.reply, one.drop) for one in (release, decline)] == [(None, None)] * 2
    assert [(one.before, one.after) for one in release.changes] == [("active", "released")]
    assert [(one.before, one.after) for one in decline.changes] == [("active", "declined")]
    assert "reply        none: the client gives it up, for it is in use" in str(decline)


def test_bootp_is_for_ever() -> None:
    engine = Engine([Subnet(network="10.0.0.0/24", pools=["10.0.0.10"], bootp=True)])
    told = explain(engine, message(None))
    assert told.reply is not None
    assert told.reply.kind == "BOOTREPLY"
    assert told.lease_times is not None
    assert told.lease_times.lease_time.seconds is None
    assert [one.expires_s for one in told.changes] == [None]


@pytest.mark.parametrize(
    ("giaddr", "ciaddr", "kind", "drop", "reason"),
    [
        ("10.0.0.5", "10.0.0.10", "LEASEACTIVE", None, "a leasequery of who may ask"),
        ("10.0.0.5", "10.0.0.11", "LEASEUNASSIGNED", None, "a leasequery of who may ask"),
        ("10.0.0.6", "10.0.0.10", None, DropReason.UNAUTH, "a leasequery whose giaddr is none of those that may ask"),
        ("0.0.0.0", "10.0.0.10", None, DropReason.INVALID, "a leasequery says who asks, in giaddr, and about what"),
    ],
)
def test_a_leasequery_is_explained_without_a_client(
    giaddr: str, ciaddr: str, kind: str | None, drop: DropReason | None, reason: str
) -> None:
    subnet = Subnet(network="10.0.0.0/24", pools=["10.0.0.10-10.0.0.11"])
    engine = Engine([subnet], leasequery_relays=["10.0.0.5"], server_addresses=[SERVER_INT])
    serve(engine, message(MessageType.REQUEST, dhcp_requested_address="10.0.0.10", dhcp_server_identifier="10.0.0.1"))
    packet = message(MessageType.LEASEQUERY, ciaddr=ciaddr, dhcp_parameter_request_list=[51])
    packet.giaddr_int = int(IPv4Address(giaddr))
    told = explain(engine, packet)
    assert (told.client, told.network, told.address, told.lease_times) == (None, None, None, None)
    assert told.drop is drop
    assert told.reason.startswith(reason)
    assert (told.reply.kind if told.reply is not None else None) == kind
    if told.reply is not None:
        assert {one.origin for one in told.reply.options} == {"RFC 4388"}
        assert told.reply.data == serve(engine, packet)


@pytest.mark.parametrize(
    ("match_client_id", "identifier", "key", "reason"),
    [
        (True, b"\xffab", b"\xffab", "its client identifier (option 61)"),
        (
            False,
            b"\xffab",
            b"\1\2\0\0\0\0\1",
            "its hardware type and address, for match-client-id is false where it is",
        ),
        (
            True,
            b"\xff",
            b"\1\2\0\0\0\0\1",
            "its hardware type and address, for its client identifier (option 61) is malformed",
        ),
        (True, bytes(1025), b"", "its client identifier (option 61) is too long to be kept"),
    ],
)
def test_the_client_is_told_with_what_identifies_it(
    match_client_id: bool, identifier: bytes, key: bytes, reason: str
) -> None:
    engine = Engine([Subnet(network="10.0.0.0/24", pools=["10.0.0.10"], match_client_id=match_client_id)])
    packet = message(MessageType.DISCOVER)
    packet.options[OptionCode.DHCP_CLIENT_IDENTIFIER] = identifier
    told = explain(engine, packet)
    assert told.client is not None
    assert (told.client.key, told.client.reason) == (key, reason)


def test_a_shared_network_tells_which_of_its_subnets_are_closed_and_why() -> None:
    subnets = [
        Subnet(network="10.0.0.0/24", pools=["10.0.0.10"], classes=["KNOWN"]),
        Subnet(network="10.0.1.0/24", pools=["10.0.1.10"]),
    ]
    told = explain(Engine([SharedNetwork(name="floor", subnets=subnets)]), message(MessageType.DISCOVER))
    assert told.network is not None
    assert (told.network.network, told.network.subnet) == ("floor", "10.0.0.0/24")
    assert [(one.subnet, one.is_open, one.reason) for one in told.network.subnets] == [
        ("10.0.1.0/24", True, "it is for all clients"),
        ("10.0.0.0/24", False, "it is for a class of KNOWN"),
    ]
    assert "subnet 10.0.0.0/24 is closed: it is for a class of KNOWN" in str(told)


def test_the_callouts_that_would_be_asked_are_named_and_not_called() -> None:
    callouts = [Callout("first"), Callout("second")]
    for callout in callouts:
        for slot in ("address_offer", "packet_drop"):
            callout.register(slot, never_called)
    callouts[1].register("select_address", never_called)
    callouts[1].register("lease_expired", never_called)
    engine = Engine([Subnet(network="10.0.0.0/24", pools=["10.0.0.10"])], hooks=HookTable(callouts))
    told = explain(engine, message(MessageType.DISCOVER))
    assert [(one.slot, one.callouts) for one in told.not_asked] == [
        ("select_address", ("second",)),
        ("packet_drop", ("first", "second")),
    ]
    assert engine.hooks.faults == [0, 0]


def test_a_class_function_is_asked_once_and_its_fault_is_told_not_counted(caplog: pytest.LogCaptureFixture) -> None:
    asked = []

    def fails(packet: Packet) -> bool:
        asked.append(packet.xid)
        raise RuntimeError("no database")

    engine = Engine(
        [Subnet(network="10.0.0.0/24", pools=["10.0.0.10"])], classes=[ClientClass(name="paying", function=fails)]
    )
    told = explain(engine, message(MessageType.DISCOVER))
    assert told.classes[-1] == Membership("paying", False, "its function raised 'RuntimeError: no database'")
    assert asked == [1]
    assert not caplog.records
    serve(engine, message(MessageType.DISCOVER))
    assert len(caplog.records) == 1


def test_as_a_dict_it_is_json_with_every_key(engine: Engine) -> None:
    told = explain(engine, message(MessageType.DISCOVER, 7)).to_dict()
    assert json.loads(json.dumps(told)) == told
    assert list(told) == [
        "message", "client", "network", "reservation", "classes", "address", "lease-times", "reply", "drop", "reason",
        "changes", "not-asked",
    ]  # fmt: skip
    assert told["reply"]["destination"]["delivery"] == "HARDWARE"
    assert told["client"] == {
        "key": "01020000000007",
        "reason": "its hardware type and address, for it sends no client identifier",
    }
    assert told["classes"][1] == {"name": "KNOWN", "member": True, "reason": "the client has a reservation"}
    nothing = engine.explain(b"", ARRIVAL, NOW).to_dict()
    assert list(nothing) == list(told)
    assert nothing["drop"] == "INVALID"


# That an explanation changes nothing, and says what happens


@dataclass
class Twin:
    """An engine with a callout on every hook, and which of them fired."""

    engine: Engine
    fired: list[str]


def make_twin() -> Twin:
    fired: list[str] = []
    callout = Callout("recorder")

    def record(slot: str) -> Callable[[object], None]:
        return lambda _event: fired.append(slot)

    for slot in SLOTS:
        callout.register(slot.name, record(slot.name))
    shared = SharedNetwork(
        name="floor",
        interface="lan",
        subnets=[
            Subnet(
                network="10.0.0.0/29",
                pools=["10.0.0.2-10.0.0.4", Pool(range="10.0.0.5", classes=["odd"])],
                lease_time_s=60,
                min_lease_time_s=1,
                max_lease_time_s=600,
                reservations=[Reservation(hardware_address="02:00:00:00:00:01", address="10.0.0.3")],
                bootp=True,
            ),
            Subnet(network="10.0.1.0/30", pools=["10.0.1.1-10.0.1.2"], match_client_id=False, lease_time_s=40),
        ],
    )
    relayed = Subnet(network="10.0.2.0/29", pools=["10.0.2.2-10.0.2.3"], rapid_commit=True, lease_time_s=50)
    engine = Engine(
        [shared, relayed],
        defaults=Scope(options={"auto-config": 1, "routers": ["10.0.0.1"]}),
        classes=[
            ClientClass(name="odd", test={"field": "chaddr", "suffix": "01"}),
            ClientClass(name="banned", test={"option": "host-name", "equals": "banned"}, drop=True),
        ],
        hooks=HookTable([callout]),
        server_addresses=[SERVER_INT],
        leasequery_relays=["10.0.2.0/29"],
        authoritative=True,
        offer_time_s=20,
        decline_time_s=30,
    )
    return Twin(engine, fired)


ADDRESSES = st.sampled_from(
    ["0.0.0.0", *(f"10.0.0.{last}" for last in range(1, 7)), "10.0.1.1", "10.0.1.2", "10.0.2.2", "10.0.2.3"]
)


@st.composite
def client_messages(draw: st.DrawFn) -> bytes:
    kinds = (*MessageType, None, MessageType.LEASEQUERY, *(MessageType.DISCOVER, MessageType.REQUEST) * 8)
    packet = message(draw(st.sampled_from(kinds)), draw(st.integers(1, 9)))
    packet.giaddr_int = draw(st.sampled_from((0, 0, 0x0A000201)))
    if draw(st.integers(0, 3)) == 0:
        packet.ciaddr_int = int(IPv4Address(draw(ADDRESSES)))
    if draw(st.booleans()):
        packet.set("dhcp-requested-address", draw(ADDRESSES))
    if draw(st.booleans()):
        packet.set("dhcp-server-identifier", draw(st.sampled_from(("10.0.0.1", "10.0.0.1", "10.0.0.2"))))
    for name, values in (
        ("dhcp-lease-time", st.integers(0, 100)),
        ("dhcp-client-identifier", st.sampled_from((b"\xffa", b"\xffb"))),
        ("rapid-commit", st.just(True)),
        ("auto-config", st.just(1)),
        ("host-name", st.sampled_from(("banned", "host"))),
    ):
        if draw(st.integers(0, 5)) == 0:
            packet.set(name, draw(values))
    return encode(packet).data


DATAGRAMS = st.one_of(
    client_messages(),
    client_messages(),
    client_messages(),
    any_packets().map(lambda packet: encode(packet).data),
    hostile_bytes(600),
)
ARRIVALS = st.sampled_from(
    (
        ARRIVAL,
        ARRIVAL,
        Arrival(0x0A000003, 68, SERVER_INT, interface="lan"),
        Arrival(0x7F000001, 4000, 0x7F000001, 6767),
    )
)
STEPS = st.lists(
    st.one_of(
        st.tuples(DATAGRAMS, ARRIVALS),
        st.tuples(DATAGRAMS, ARRIVALS),
        st.tuples(DATAGRAMS, ARRIVALS),
        st.sampled_from((1, 15, 25, 70)),
        st.sampled_from(("expire", ControlCode.PAUSE, ControlCode.CONTINUE, ControlCode.CONTINUE)),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=150)
@given(STEPS, st.integers(0, 100))
def test_an_explanation_says_what_happens_and_nothing_is_different_for_it(steps: list[Any], ahead_s: int) -> None:
    explained, other = make_twin(), make_twin()
    twins = (explained, other)
    now = NOW
    for step in steps:
        if isinstance(step, tuple):
            datagram, arrival = step
            before = state_of(explained.engine)
            explained.engine.explain(datagram, arrival, now + ahead_s)
            told = explained.engine.explain(datagram, arrival, now)
            assert state_of(explained.engine) == before
            assert not explained.fired
            outcomes = [outcome(twin.engine, datagram, arrival, now) for twin in twins]
            assert outcomes[0] == outcomes[1]
            drop, changes, data = outcomes[0]
            assert told.drop is drop
            assert [(one.address, one.expires_s) for one in told.changes] == [
                (one.after.address, one.after.expires_s if one.after.expires_s != INFINITE else None) for one in changes
            ]
            assert (told.reply.data if told.reply is not None else b"") == (data or b"")
            assert [one.slot for one in told.not_asked] == list(dict.fromkeys(explained.fired))
            assert str(told)
            assert json.dumps(told.to_dict())
        elif isinstance(step, int) and not isinstance(step, Enum):
            now += step
        elif isinstance(step, ControlCode):
            for twin in twins:
                twin.engine.control(step)
        else:
            ended = [twin.engine.expire(now) for twin in twins]
            assert ended[0] == ended[1]
        assert explained.fired == other.fired
        for twin in twins:
            twin.fired.clear()
    assert explained.engine.statistics == other.engine.statistics
    assert list(explained.engine.leases()) == list(other.engine.leases())


def outcome(engine: Engine, datagram: bytes, arrival: Arrival, now: float) -> tuple[Any, Any, bytes | None]:
    exchange = engine.receive(datagram, arrival, now)
    outgoing = engine.finish(exchange, now)
    return exchange.drop, exchange.changes, outgoing.data if outgoing is not None else None


def state_of(value: Any, seen: set[int] | None = None) -> Any:
    """All that can be reached from an object, as something that can be compared; caches and code left out."""
    seen = set() if seen is None else seen
    if value is None or isinstance(value, int | float | str | bytes | Enum | frozenset):
        return value
    if isinstance(value, set):
        return frozenset(value)
    if id(value) in seen or callable(value) or isinstance(value, OptionRegistry | logging.Logger):
        return id(value)
    seen.add(id(value))
    if isinstance(value, Mapping):
        return [(state_of(key, seen), state_of(one, seen)) for key, one in value.items()]
    if isinstance(value, list | tuple):
        return [state_of(one, seen) for one in value]
    names = [
        *getattr(value, "__dict__", ()),
        *(name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())),
    ]
    return [(name, state_of(getattr(value, name), seen)) for name in names if hasattr(value, name)]


@pytest.mark.parametrize("granted", [False, True], ids=["offers", "leases"])
def test_what_has_lapsed_is_not_cleared_away_by_an_explanation(granted: bool) -> None:
    engine = Engine(
        [Subnet(network="10.0.0.0/24", pools=["10.0.0.10-10.0.0.12"], lease_time_s=60)], server_addresses=[SERVER_INT]
    )
    for client in range(3):
        options = {"dhcp_requested_address": f"10.0.0.{10 + client}", "dhcp_server_identifier": "10.0.0.1"}
        packet = message(MessageType.REQUEST, client, **options) if granted else message(MessageType.DISCOVER, client)
        assert serve(engine, packet)
    before = state_of(engine)
    told = engine.explain(encode(message(MessageType.DISCOVER, 9)).data, ARRIVAL, NOW + 100)
    assert state_of(engine) == before
    assert told.address is not None
    assert told.address.reason == ("longest free" if granted else "never used")
    assert len(told.changes) == (3 if granted else 0)
    assert told.reply is not None
    assert told.reply.data == serve(engine, message(MessageType.DISCOVER, 9), now=NOW + 100)


def test_a_message_whose_client_still_waits_for_a_callout_is_a_duplicate() -> None:
    callout = Callout("slow")

    async def wait(event: object) -> None:
        raise AssertionError(f"nobody awaits what {event} led to")

    callout.register("handle_options", wait)
    engine = Engine([Subnet(network="10.0.0.0/24", pools=["10.0.0.10"])], hooks=HookTable([callout]))
    exchange = engine.receive(encode(message(MessageType.DISCOVER)).data, ARRIVAL, NOW)
    assert exchange.parked is not None
    before = state_of(engine)
    told = explain(engine, message(MessageType.DISCOVER))
    assert (told.drop, told.address) == (DropReason.DUPLICATE, None)
    assert told.reason == "another message of the client still waits for a callout"
    assert explain(engine, message(MessageType.DISCOVER, 2)).reply is not None
    assert state_of(engine) == before
    exchange.parked.discard()


def test_the_state_that_is_compared_has_what_changes(engine: Engine) -> None:
    before = state_of(engine)
    serve(engine, message(MessageType.DISCOVER))
    after = state_of(engine)
    assert before != after
