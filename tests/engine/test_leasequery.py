"""Who is told who has which lease, and what (RFC 4388)."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from ipaddress import IPv4Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpcallout.codes import INFINITE, ControlCode, MessageType
from dhcpcallout.engine import Arrival, Engine, Reservation, Subnet
from dhcpcallout.engine.leasequery import HardwareIndex
from dhcpcallout.errors import ConfigError
from dhcpcallout.events import OptionsParsed
from dhcpcallout.hooks import Callout, HookTable
from dhcpcallout.leases import Lease, LeaseState
from dhcpcallout.testing.strategies import any_packets, bootp_packets, packets
from dhcpcallout.wire import Packet, decode, encode

ACTIVE, UNASSIGNED, UNKNOWN = MessageType.LEASEACTIVE, MessageType.LEASEUNASSIGNED, MessageType.LEASEUNKNOWN
RELAY, STRANGER = "192.0.2.1", "198.51.100.1"
SUBNET = Subnet(network="10.0.0.0/24", pools=["10.0.0.10-10.0.0.12"], lease_time_s=1000)
SECOND = Subnet(network="10.0.1.0/24", pools=["10.0.1.10-10.0.1.12"], lease_time_s=1000)
HARDWARE = bytes.fromhex("020000000001")
EVERYTHING = bytes((51, 61, 82, 91, 92))
ARRIVAL = Arrival(0, 68, 0x0A000001)
CLIENT_ID = b"\xffmine"


def query(giaddr: str = RELAY, wanted: bytes = EVERYTHING, client_id: bytes = b"", **fields: Any) -> Packet:
    options = {53: bytes((MessageType.LEASEQUERY,)), 55: wanted} | ({61: client_id} if client_id else {})
    return Packet(xid=77, giaddr=giaddr, options=options, **fields)


@pytest.fixture
def lab(make_lab: Callable[..., Any]) -> Any:
    return make_lab(SUBNET, SECOND, leasequery_relays=[RELAY, "203.0.113.0/24"])


class TestWhoMayAsk:
    def test_a_listed_relay_agent_is_answered_at_giaddr(self, lab: Any) -> None:
        for relay in (RELAY, "203.0.113.7"):
            assert lab.send(query(relay, ciaddr="10.0.0.10")).message_type is UNASSIGNED
            assert (lab.outgoing.address, lab.outgoing.port) == (IPv4Address(relay), 67)

    def test_nobody_else_is_whatever_address_the_query_came_from(self, lab: Any) -> None:
        arrival = Arrival(int(IPv4Address(RELAY)), 67, 0x0A000001)
        assert lab.send(query(STRANGER, ciaddr="10.0.0.10"), arrival) is None
        assert lab.fired[-2:] == ["packet_drop(UNAUTH)", "packet_drop(PROCESSED)"]

    def test_without_a_list_nobody_is(self, make_lab: Any) -> None:
        lab = make_lab(SUBNET)
        assert lab.send(query(ciaddr="10.0.0.10")) is None
        assert lab.fired[-2] == "packet_drop(UNAUTH)"

    def test_a_query_without_giaddr_or_a_question_is_invalid(self, lab: Any) -> None:
        for packet in (query("0.0.0.0", ciaddr="10.0.0.10"), query()):
            assert lab.send(packet) is None
            assert lab.fired[-2] == "packet_drop(INVALID)"

    def test_a_paused_server_answers_nobody(self, lab: Any) -> None:
        lab.engine.control(ControlCode.PAUSE)
        assert lab.send(query(ciaddr="10.0.0.10")) is None
        assert lab.fired[-2] == "packet_drop(PAUSED)"

    def test_a_list_is_of_addresses_and_networks(self, make_lab: Any) -> None:
        with pytest.raises(ConfigError) as caught:
            make_lab(SUBNET, leasequery_relays=["192.0.2.1", "relay", "10.0.0.1/8"])
        keys = [problem.key for problem in caught.value.problems]
        assert keys == ["server.leasequery-relays[1]", "server.leasequery-relays[2]"]


class TestWhatIsFound:
    @pytest.mark.parametrize(
        "question",
        [
            pytest.param({"ciaddr": "10.0.0.10"}, id="address"),
            pytest.param({"client_id": CLIENT_ID}, id="client identifier"),
            pytest.param({"chaddr": HARDWARE}, id="hardware address"),
        ],
    )
    def test_an_active_lease_is_told_however_it_is_asked_for(
        self, lab: Any, messages: Any, question: dict[str, Any]
    ) -> None:
        request = messages.selecting(1, "10.0.0.10")
        request.giaddr, request.options[61], request.options[82] = "10.0.0.2", CLIENT_ID, b"\1\4port"
        lab.send(request)
        lab.now += 400
        reply = lab.send(query(**question))
        assert (reply.message_type, reply.ciaddr, reply.yiaddr_int) == (ACTIVE, IPv4Address("10.0.0.10"), 0)
        assert (reply.htype, reply.chaddr, reply.giaddr, reply.xid) == (1, HARDWARE, IPv4Address(RELAY), 77)
        assert reply.server_identifier == IPv4Address("10.0.0.1")
        assert reply.lease_time_s == 600
        assert reply.get("client-last-transaction-time") == 400
        assert reply.get("associated-ip") == (IPv4Address("10.0.0.10"),)
        assert (reply.options[61], reply.options[82]) == (CLIENT_ID, b"\1\4port")
        assert list(reply.options)[-1] == 82

    def test_the_address_counts_before_the_client_identifier_and_that_before_the_hardware(
        self, lab: Any, messages: Any
    ) -> None:
        for client, identifier in ((1, b"\0first"), (2, b"\0second"), (3, b"\0third")):
            request = messages.selecting(client, f"10.0.0.1{client - 1}")
            request.options[61] = identifier
            lab.send(request)
        asked: dict[str, Any] = {"client_id": b"\0second", "chaddr": HARDWARE[:-1] + b"\3"}
        assert lab.send(query(ciaddr="10.0.0.10", **asked)).ciaddr == IPv4Address("10.0.0.10")
        assert lab.send(query(**asked)).ciaddr == IPv4Address("10.0.0.11")
        assert lab.send(query(chaddr=asked["chaddr"])).ciaddr == IPv4Address("10.0.0.12")

    @pytest.mark.parametrize(
        ("address", "kind"),
        [("10.0.0.10", UNASSIGNED), ("10.0.0.200", UNASSIGNED), ("10.0.0.99", UNKNOWN), ("192.0.2.9", UNKNOWN)],
        ids=["in a pool", "reserved", "in the subnet alone", "of no subnet"],
    )
    def test_an_address_without_a_lease_is_unassigned_where_it_could_be_leased(
        self, make_lab: Any, address: str, kind: MessageType
    ) -> None:
        reserved = [Reservation(hardware_address="02:00:00:00:00:09", address="10.0.0.200")]
        lab = make_lab(replace(SUBNET, reservations=reserved), leasequery_relays=[RELAY])
        reply = lab.send(query(ciaddr=address))
        assert (reply.message_type, reply.ciaddr) == (kind, IPv4Address(address))
        assert set(reply.options) == {53, 54}

    @pytest.mark.parametrize("ending", ["release", "expiry", "expiry that nobody noticed"])
    def test_a_lease_that_ended_is_none(self, lab: Any, messages: Any, ending: str) -> None:
        address = lab.lease(1)
        if ending == "release":
            lab.send(messages.message(MessageType.RELEASE, 1, ciaddr=address))
        else:
            lab.now += 1000
        if ending == "expiry":
            lab.expire()
        assert lab.send(query(ciaddr=address)).message_type is UNASSIGNED
        assert lab.send(query(chaddr=HARDWARE)).message_type is UNKNOWN
        assert lab.send(query(client_id=b"\1" + HARDWARE)).message_type is UNKNOWN

    def test_of_several_leases_the_one_heard_of_last_is_told_and_the_others_named(
        self, lab: Any, messages: Any
    ) -> None:
        lab.lease(1)
        lab.now += 10
        other = messages.selecting(1, "10.0.1.10")
        other.giaddr = "10.0.1.2"
        lab.send(other)
        lab.now += 10
        assert lab.send(query(chaddr=HARDWARE)).ciaddr == IPv4Address("10.0.1.10")
        lab.send(messages.message(MessageType.REQUEST, 1, ciaddr="10.0.0.10"))
        for question in ({"chaddr": HARDWARE}, {"client_id": b"\1" + HARDWARE}, {"ciaddr": "10.0.0.10"}):
            reply = lab.send(query(**question))
            assert reply.ciaddr == IPv4Address("10.0.0.10")
            assert reply.get("associated-ip") == (IPv4Address("10.0.0.10"), IPv4Address("10.0.1.10"))

    def test_leases_from_before_a_restart_are_found(self, lab: Any, make_lab: Any) -> None:
        lab.lease(1)
        again = make_lab(SUBNET, leasequery_relays=[RELAY])
        again.now = lab.now
        again.engine.load(lab.stored.values())
        assert again.send(query(chaddr=HARDWARE)).ciaddr == IPv4Address("10.0.0.10")

    def test_what_could_not_be_made_durable_is_not_told(self, lab: Any, messages: Any) -> None:
        exchange = lab.engine.receive(encode(messages.selecting(1, "10.0.0.10")).data, ARRIVAL, lab.now)
        lab.engine.abandon([exchange])
        assert lab.send(query(chaddr=HARDWARE)).message_type is UNKNOWN


class TestWhatIsTold:
    def test_only_what_is_asked_for(self, lab: Any) -> None:
        lab.lease(1)
        assert set(lab.send(query(ciaddr="10.0.0.10", wanted=b"\x33\x5b")).options) == {51, 53, 54, 91}
        without_a_list = query(ciaddr="10.0.0.10")
        del without_a_list.options[55]
        assert set(lab.send(without_a_list).options) == {53, 54}

    def test_a_client_identifier_that_the_server_made_up_is_not(self, lab: Any) -> None:
        lab.lease(1)
        assert 61 not in lab.send(query(ciaddr="10.0.0.10")).options
        identifier = b"\1" + HARDWARE
        assert lab.send(query(client_id=identifier)).options[61] == identifier

    def test_a_lease_without_end_has_the_infinite_time(self, make_lab: Any, messages: Any) -> None:
        lab = make_lab(replace(SUBNET, lease_time_s=INFINITE), leasequery_relays=[RELAY])
        lab.lease(1)
        assert lab.send(query(ciaddr="10.0.0.10")).lease_time_s == INFINITE

    @pytest.mark.parametrize("now", [0.0, 2.0**40])
    def test_a_clock_that_is_wrong_makes_no_time_that_cannot_be_told(self, lab: Any, now: float) -> None:
        lab.engine.load([Lease(0x0A00000A, b"\1client", 1, HARDWARE, LeaseState.ACTIVE, 10**9, 2**33)])
        lab.now = now
        assert lab.send(query(ciaddr="10.0.0.10")) is not None

    def test_nothing_changes(self, lab: Any) -> None:
        lab.lease(1)
        before = list(lab.engine.leases())
        lab.fired.clear()
        lab.send(query(ciaddr="10.0.0.10"))
        assert list(lab.engine.leases()) == before
        assert lab.fired == ["new_packet", "handle_options", "packet_send", "packet_drop(PROCESSED)"]

    def test_it_is_counted_by_keas_names(self, lab: Any) -> None:
        lab.send(query(ciaddr="10.0.0.10"))
        assert lab.engine.statistics["pkt4-lease-query-received"] == 1
        assert lab.engine.statistics["pkt4-lease-query-response-unassigned-sent"] == 1

    def test_it_does_not_wait_for_a_parked_packet_of_the_client_that_it_is_about(self, messages: Any) -> None:
        callout = Callout("slow")

        @callout.handle_options
        async def wait(event: OptionsParsed) -> None:
            if event.packet is not None and event.packet.message_type is MessageType.REQUEST:
                await asyncio.sleep(0)

        engine = Engine([SUBNET], hooks=HookTable([callout]), leasequery_relays=[RELAY])
        parked = engine.receive(encode(messages.selecting(1, "10.0.0.10")).data, ARRIVAL, 1.0)
        assert parked.parked is not None
        asked = engine.receive(encode(query(chaddr=HARDWARE)).data, ARRIVAL, 1.0)
        while asked.parked is not None:
            asked.parked.discard()
            engine.resume(asked, 1.0)
        assert asked.drop is None
        assert asked.reply is not None
        parked.parked.discard()

    @given(
        packets() | bootp_packets() | any_packets(),
        st.sampled_from([RELAY, STRANGER, "0.0.0.0"]),
        st.sampled_from([b"", EVERYTHING, bytes(range(256))]),
    )
    def test_any_query_is_answered_or_dropped(self, packet: Packet, giaddr: str, wanted: bytes) -> None:
        engine = Engine([SUBNET], leasequery_relays=[RELAY])
        engine.load([Lease(0x0A00000A, CLIENT_ID, 1, HARDWARE, LeaseState.ACTIVE, 1, 2**31, "", bytes(600))])
        packet.options |= {53: bytes((MessageType.LEASEQUERY,)), 55: wanted}
        packet.op, packet.giaddr = 1, giaddr
        exchange = engine.receive(encode(packet).data, ARRIVAL, 9.0)
        outgoing = engine.finish(exchange, 9.0)
        assert (outgoing is None) is (exchange.drop is not None)
        assert outgoing is None or decode(outgoing.data, strict=True).message_type in (ACTIVE, UNASSIGNED, UNKNOWN)


class TestCost:
    def test_a_question_costs_the_same_however_many_leases_there_are(
        self, make_lab: Any, count_operations: Callable[[Callable[[], object]], int]
    ) -> None:
        costs = []
        for size in (10, 5000):
            lab = make_lab(Subnet(network="10.0.0.0/16", pools=["10.0.0.0/16"]), leasequery_relays=[RELAY])
            lab.engine.load(lease(0x0A000010 + number, number) for number in range(size))
            packets = query(chaddr=HARDWARE), query(client_id=b"\1" + HARDWARE), query(ciaddr="10.0.0.17")
            costs.append([count_operations(partial(lab.send, packet)) for packet in packets])
        assert all(more <= 1.1 * few for few, more in zip(*costs, strict=True))

    def test_a_client_with_ever_so_many_leases_costs_a_bounded_time(self, make_lab: Any) -> None:
        lab = make_lab(Subnet(network="10.0.0.0/16", pools=["10.0.0.0/16"]), leasequery_relays=[RELAY])
        lab.engine.load(lease(0x0A000010 + number, 1, number.to_bytes(2, "big")) for number in range(500))
        reply = lab.send(query(chaddr=HARDWARE))
        assert reply.ciaddr_int == 0x0A000010 + 499
        assert len(reply.get("associated-ip")) == 63


def lease(address_int: int, client: int, client_id: bytes = b"") -> Lease:
    hardware = b"\2\0" + client.to_bytes(4, "big")
    key = client_id or b"\1" + hardware
    return Lease(address_int, key, 1, hardware, LeaseState.ACTIVE, 999_000, 2_000_000)


def test_the_index_keeps_nothing_of_leases_that_ended() -> None:
    index = HardwareIndex()
    first, second, third = (lease(number, 1, bytes((number, 0))) for number in (1, 2, 3))
    key = b"\1" + HARDWARE
    for one in (first, second, third):
        index.note(None, one)
    assert index.find(key, 9) == [3, 2, 1]
    index.note(first, first._replace(expires_s=3_000_000))
    assert index.find(key, 2) == [1, 3]
    for one in (second, first):
        index.note(one, one._replace(state=LeaseState.RELEASED))
    assert index.find(key, 9) == [3]
    index.note(third, None)
    assert index.find(key, 9) == []
    assert not index._addresses
