"""What the engine answers, and which hooks fire: RFC 2131 section 4.3 and the callout ABI's life of a packet."""

from collections.abc import Callable
from ipaddress import IPv4Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpcallout.codes import ControlCode, DropReason, MessageType, OptionCode
from dhcpcallout.engine import Arrival, ClientClass, Delivery, Engine, Pool, Reservation, Scope, Subnet
from dhcpcallout.errors import ConfigError
from dhcpcallout.hooks import Callout, Drop, HookTable, Replace
from dhcpcallout.leases import LeaseState, Refusal
from dhcpcallout.testing import SimulatedNetwork
from dhcpcallout.wire import encode

PROCESSED = "packet_drop(PROCESSED)"
RECEIVED = ["new_packet", "handle_options"]


def test_a_client_discovers_and_selects_an_address(make_lab: Any, messages: Any) -> None:
    lab = make_lab()
    offer = lab.send(messages.message(MessageType.DISCOVER, 1))
    assert offer.message_type is MessageType.OFFER
    assert offer.yiaddr == IPv4Address("10.0.0.10")
    assert offer.xid == 1
    assert offer.server_identifier == IPv4Address("10.0.0.1")
    assert offer.get("routers") == (IPv4Address("10.0.0.1"),)
    assert offer.get("subnet-mask") == IPv4Address("255.255.255.0")
    assert not lab.stored
    assert lab.fired == [*RECEIVED, "packet_send", PROCESSED]
    lab.fired.clear()
    ack = lab.send(messages.selecting(1, offer.yiaddr))
    assert ack.message_type is MessageType.ACK
    assert ack.yiaddr == offer.yiaddr
    assert ack.lease_time_s == 1000
    assert ack.get("dhcp-renewal-time") == 500
    assert ack.get("dhcp-rebinding-time") == 875
    assert lab.fired == [*RECEIVED, "address_offer(NEW)", "packet_send", PROCESSED]
    (lease,) = lab.stored.values()
    assert (lease.address, lease.state, lease.expires_s) == (offer.yiaddr, LeaseState.ACTIVE, 1_001_000)


def test_an_offered_address_is_held_for_its_client_until_the_offer_ends(make_lab: Any, messages: Any) -> None:
    lab = make_lab()
    assert lab.send(messages.message(MessageType.DISCOVER, 1)).yiaddr == IPv4Address("10.0.0.10")
    assert lab.send(messages.message(MessageType.DISCOVER, 2)).yiaddr == IPv4Address("10.0.0.11")
    assert lab.send(messages.message(MessageType.DISCOVER, 1)).yiaddr == IPv4Address("10.0.0.10")
    assert lab.send(messages.message(MessageType.DISCOVER, 3)).yiaddr == IPv4Address("10.0.0.12")
    assert lab.send(messages.message(MessageType.DISCOVER, 4)) is None
    assert lab.fired[-2:] == ["packet_drop(NOADDRESS)", PROCESSED]
    lab.now += 31
    assert lab.send(messages.message(MessageType.DISCOVER, 4)).yiaddr == IPv4Address("10.0.0.10")


def test_a_renewal_extends_the_lease(make_lab: Any, messages: Any) -> None:
    lab = make_lab()
    address = lab.lease(1)
    lab.now += 500
    lab.fired.clear()
    ack = lab.send(messages.message(MessageType.REQUEST, 1, ciaddr=address))
    assert (ack.message_type, ack.yiaddr, ack.ciaddr) == (MessageType.ACK, address, address)
    assert lab.stored[int(address)].expires_s == 1_001_500
    assert lab.fired == [*RECEIVED, "address_offer(OLD)", "packet_send", PROCESSED]


def test_a_renewal_without_name_and_relay_keeps_what_was_known(make_lab: Any, messages: Any) -> None:
    lab = make_lab()
    request = messages.selecting(1, "10.0.0.10")
    request.giaddr = "10.0.0.2"
    request.options |= {int(OptionCode.HOST_NAME): b"ali\xffce\0", int(OptionCode.DHCP_AGENT_OPTIONS): b"\x01\x01p"}
    lab.send(request)
    lab.send(messages.message(MessageType.REQUEST, 1, ciaddr="10.0.0.10"))
    (lease,) = lab.stored.values()
    assert (lease.hostname, lease.relay_information) == ("ali\\xffce", b"\x01\x01p")


def test_a_client_gets_back_the_address_that_it_had(make_lab: Any, messages: Any) -> None:
    lab = make_lab()
    lab.lease(1)
    second = lab.lease(2)
    lab.send(messages.message(MessageType.RELEASE, 2, ciaddr=second))
    assert lab.lease(2) == second
    lab.now += 2000
    lab.expire()
    assert lab.lease(2) == second


def test_a_wish_is_granted_where_it_is_free_and_in_a_pool(make_lab: Any, messages: Any) -> None:
    lab = make_lab()
    for wish, got in (("10.0.0.12", "10.0.0.12"), ("10.0.0.200", "10.0.0.10"), ("192.0.2.1", "10.0.0.10")):
        wished = {int(OptionCode.DHCP_REQUESTED_ADDRESS): IPv4Address(wish).packed}
        offer = lab.send(messages.message(MessageType.DISCOVER, int(IPv4Address(wish)), options=wished))
        assert offer.yiaddr == IPv4Address(got)
        lab.now += 60


@pytest.mark.parametrize("authoritative", [True, False])
def test_init_reboot_is_granted_refused_or_left_alone_by_what_is_known(
    make_lab: Any, messages: Any, authoritative: bool
) -> None:
    lab = make_lab(authoritative=authoritative)
    lab.lease(1)
    assert lab.send(messages.init_reboot(1, "10.0.0.10")).message_type is MessageType.ACK
    lab.fired.clear()
    assert lab.send(messages.init_reboot(1, "10.0.0.11")).message_type is MessageType.NAK
    assert lab.fired == [*RECEIVED, "address_delete(NACKED)", "packet_send", PROCESSED]
    assert lab.send(messages.init_reboot(2, "192.0.2.9")).message_type is MessageType.NAK
    assert lab.send(messages.init_reboot(2, "10.0.0.11")) is None
    assert lab.fired[-2:] == ["packet_drop(WRONG_SERVER)", PROCESSED]


def test_an_unknown_renewal_is_decided_by_an_authoritative_server_alone(make_lab: Any, messages: Any) -> None:
    renewal = messages.message(MessageType.REQUEST, 7, ciaddr="10.0.0.11")
    assert make_lab().send(renewal) is None
    lab = make_lab(authoritative=True)
    assert lab.send(renewal).message_type is MessageType.ACK
    assert lab.send(messages.message(MessageType.REQUEST, 8, ciaddr="10.0.0.11")).message_type is MessageType.NAK


def test_a_request_to_another_server_is_dropped_and_its_offer_withdrawn(make_lab: Any, messages: Any) -> None:
    lab = make_lab()
    lab.send(messages.message(MessageType.DISCOVER, 1))
    assert lab.send(messages.selecting(1, "10.0.0.99", server_int=0x0A0000FE)) is None
    assert lab.fired[-2:] == ["packet_drop(WRONG_SERVER)", PROCESSED]
    assert lab.lease(2) == IPv4Address("10.0.0.10")


def test_an_address_that_another_client_holds_is_refused(make_lab: Any, messages: Any) -> None:
    lab = make_lab()
    address = lab.lease(1)
    assert lab.send(messages.selecting(2, address)).message_type is MessageType.NAK
    assert lab.stored[int(address)].client_key.endswith(b"\x01")


def test_a_declined_address_rests_and_comes_back(make_lab: Any, messages: Any) -> None:
    lab = make_lab(decline_time_s=600)
    address = lab.lease(1)
    lab.fired.clear()
    options = {int(OptionCode.DHCP_REQUESTED_ADDRESS): address.packed}
    assert lab.send(messages.message(MessageType.DECLINE, 1, options=options)) is None
    assert lab.fired == [*RECEIVED, "address_delete(DECLINE)", PROCESSED]
    assert lab.stored[int(address)].state == LeaseState.DECLINED
    assert [lab.lease(client) for client in (1, 2, 3)] == [IPv4Address("10.0.0.11"), IPv4Address("10.0.0.12"), None]
    lab.now += 601
    lab.expire()
    assert lab.lease(3) == address


def test_a_release_frees_the_address(make_lab: Any, messages: Any) -> None:
    lab = make_lab()
    address = lab.lease(1)
    lab.fired.clear()
    assert lab.send(messages.message(MessageType.RELEASE, 1, ciaddr=address)) is None
    assert lab.fired == [*RECEIVED, "address_delete(RELEASE)", "delete_client", PROCESSED]
    assert lab.stored[int(address)].state == LeaseState.RELEASED


@pytest.mark.parametrize("kind", [MessageType.RELEASE, MessageType.DECLINE])
def test_what_is_not_the_clients_own_cannot_be_given_up(make_lab: Any, messages: Any, kind: MessageType) -> None:
    lab = make_lab()
    address = lab.lease(1)
    options = {int(OptionCode.DHCP_REQUESTED_ADDRESS): address.packed}
    assert lab.send(messages.message(kind, 2, ciaddr=address, options=options)) is None
    assert lab.fired[-2:] == ["packet_drop(INVALID)", PROCESSED]
    assert lab.stored[int(address)].state == LeaseState.ACTIVE


def test_an_inform_is_answered_with_options_alone(make_lab: Any, messages: Any) -> None:
    lab = make_lab()
    ack = lab.send(messages.message(MessageType.INFORM, 1, ciaddr="10.0.0.200"))
    assert ack.message_type is MessageType.ACK
    assert ack.get("routers") == (IPv4Address("10.0.0.1"),)
    assert ack.lease_time_s is None
    assert int(ack.yiaddr) == 0
    assert lab.outgoing.address == IPv4Address("10.0.0.200")
    assert lab.fired == [*RECEIVED, "packet_send", PROCESSED]
    assert not lab.stored


def test_a_reserved_address_goes_to_its_owner_alone(make_lab: Any, messages: Any) -> None:
    subnet = Subnet(
        network="10.0.0.0/24",
        pools=["10.0.0.10-10.0.0.11"],
        reservations=[
            Reservation(hardware_address="02:00:00:00:00:09", address="10.0.0.10"),
            Reservation(hardware_address="02:00:00:00:00:08", address="10.0.0.200"),
        ],
    )
    lab = make_lab(subnet)
    assert lab.lease(1) == IPv4Address("10.0.0.11")
    assert lab.lease(2) is None
    assert lab.send(messages.selecting(2, "10.0.0.10")).message_type is MessageType.NAK
    assert lab.lease(9) == IPv4Address("10.0.0.10")
    assert lab.lease(8) == IPv4Address("10.0.0.200")


def test_a_client_moves_to_its_reservation_when_it_renews(make_lab: Any, messages: Any) -> None:
    lab = make_lab()
    held = lab.lease(9)
    reservation = Reservation(hardware_address="02:00:00:00:00:09", address="10.0.0.12")
    moved = make_lab(Subnet(network="10.0.0.0/24", pools=["10.0.0.10-10.0.0.11"], reservations=[reservation]))
    moved.engine.load(lab.stored.values())
    moved.stored = lab.stored
    assert moved.send(messages.message(MessageType.REQUEST, 9, ciaddr=held)).message_type is MessageType.NAK
    assert moved.lease(9) == IPv4Address("10.0.0.12")
    assert moved.stored[int(held)].state == LeaseState.RELEASED


def test_an_ended_lease_is_deleted_once_and_its_address_given_on(make_lab: Any) -> None:
    lab = make_lab()
    first = lab.lease(1)
    lab.lease(2)
    lab.lease(3)
    assert lab.engine.next_expiry_s() == lab.now + 1000
    lab.now += 1000
    lab.fired.clear()
    lab.expire()
    lab.expire()
    assert lab.fired == ["delete_client"] * 3
    assert lab.lease(4) == first


def test_an_ended_lease_that_nobody_reclaimed_is_given_on_when_addresses_run_out(make_lab: Any) -> None:
    lab = make_lab()
    first, _, _ = [lab.lease(client) for client in (1, 2, 3)]
    lab.now += 1001
    lab.fired.clear()
    assert lab.lease(4) == first
    assert lab.fired.count("delete_client") == 3


def test_leases_outlive_the_engine(make_lab: Any, messages: Any) -> None:
    lab = make_lab()
    held = [lab.lease(client) for client in (1, 2)]
    again = make_lab()
    again.engine.load(lab.stored.values())
    again.stored = lab.stored
    assert again.lease(3) == IPv4Address("10.0.0.12")
    assert again.send(messages.init_reboot(1, str(held[0]))).message_type is MessageType.ACK
    assert again.lease(2) == held[1]
    assert sorted(again.stored.values()) == sorted(again.engine.leases())


def test_a_relayed_client_gets_an_address_of_the_relays_subnet(make_lab: Any, messages: Any) -> None:
    lab = make_lab(
        Subnet(network="10.0.0.0/24", pools=["10.0.0.10-10.0.0.12"]),
        Subnet(network="10.0.7.0/24", pools=["10.0.7.10-10.0.7.12"]),
    )
    information = {int(OptionCode.DHCP_AGENT_OPTIONS): b"\x01\x02p1"}
    offer = lab.send(messages.message(MessageType.DISCOVER, 1, giaddr="10.0.7.1", options=information))
    assert offer.yiaddr == IPv4Address("10.0.7.10")
    assert list(offer.options)[-1] == OptionCode.DHCP_AGENT_OPTIONS
    assert offer.options[OptionCode.DHCP_AGENT_OPTIONS] == b"\x01\x02p1"
    assert (lab.outgoing.address, lab.outgoing.port) == (IPv4Address("10.0.7.1"), 67)
    assert lab.send(messages.message(MessageType.DISCOVER, 1, giaddr="192.0.2.1")) is None
    assert lab.fired[-2:] == ["packet_drop(NO_SUBNETS)", PROCESSED]


def test_replies_go_where_rfc_2131_section_4_1_says(make_lab: Any, messages: Any) -> None:
    lab = make_lab()
    discover = messages.message
    lab.send(discover(MessageType.DISCOVER, 1))
    assert (lab.outgoing.delivery, lab.outgoing.address) == (Delivery.HARDWARE, IPv4Address("10.0.0.10"))
    assert lab.outgoing.hardware_address == bytes.fromhex("020000000001")
    lab.send(discover(MessageType.DISCOVER, 1, flags=0x8000))
    assert (lab.outgoing.delivery, lab.outgoing.port) == (Delivery.BROADCAST, 68)
    lab.send(messages.selecting(1, "10.0.0.10"))
    lab.send(discover(MessageType.REQUEST, 1, ciaddr="10.0.0.10"))
    assert (lab.outgoing.delivery, lab.outgoing.address) == (Delivery.UNICAST, IPv4Address("10.0.0.10"))
    lab.send(messages.init_reboot(1, "10.0.0.12"))
    assert lab.outgoing.delivery is Delivery.BROADCAST
    nak = lab.send(messages.init_reboot(1, "10.0.0.12"), Arrival(0x7F000001, 4444, 0x0A000001, 6767))
    assert nak.message_type is MessageType.NAK
    assert (lab.outgoing.delivery, lab.outgoing.address, lab.outgoing.port) == (
        Delivery.UNICAST,
        IPv4Address("127.0.0.1"),
        4444,
    )


def test_the_parameter_request_list_decides_what_goes_and_in_what_order(make_lab: Any, messages: Any) -> None:
    options = {
        "routers": ["10.0.0.1"],
        "domain-name-servers": ["10.0.0.53", "10.0.0.54"],
        "domain-name": "example.org",
    }
    lab = make_lab(Subnet(network="10.0.0.0/24", pools=["10.0.0.10-10.0.0.12"], options=options))
    wanted = {int(OptionCode.DHCP_PARAMETER_REQUEST_LIST): bytes((15, 6, 42))}
    offer = lab.send(messages.message(MessageType.DISCOVER, 1, options=wanted))
    asked = [code for code in offer.options if code in (3, 6, 15, 42)]
    assert asked == [15, 6]
    assert offer.get("subnet-mask") is not None
    assert {3, 6, 15} <= set(lab.send(messages.message(MessageType.DISCOVER, 2)).options)


def test_what_is_said_to_all_gives_way_to_what_is_said_to_a_subnet(make_lab: Any, messages: Any) -> None:
    subnet = Subnet(network="10.0.0.0/24", pools=["10.0.0.10-10.0.0.12"], options={"routers": "10.0.0.2"})
    lab = make_lab(subnet, defaults=Scope(options={"routers": ["10.0.0.1"], "domain-name": "example.org"}))
    offer = lab.send(messages.message(MessageType.DISCOVER, 1))
    assert offer.get("routers") == (IPv4Address("10.0.0.2"),)
    assert offer.get("domain-name") == "example.org"


@given(st.binary(max_size=400))
def test_any_datagram_is_answered_or_dropped_and_ends_processed(data: bytes) -> None:
    fired: list[str] = []
    callout = Callout("log")
    callout.packet_drop(lambda event: fired.append(event.reason.name))
    engine = Engine([Subnet(network="10.0.0.0/24", pools=["10.0.0.0/24"])], hooks=HookTable([callout]))
    exchange = engine.receive(data, Arrival(1, 2, 0x0A000001), 5.0)
    if engine.finish(exchange, 5.0) is None and not exchange.changes:
        assert fired[-2:-1] or exchange.drop is None
    assert fired[-1] == "PROCESSED"
    assert fired.count("PROCESSED") == 1


def test_a_malformed_datagram_is_counted_and_ends_in_invalid_and_processed(make_lab: Any) -> None:
    lab = make_lab()
    assert lab.send_bytes(b"\x01\x01\x06") is None
    assert lab.fired == ["new_packet", "packet_drop(INVALID)", PROCESSED]
    assert lab.engine.statistics["pkt4-parse-failed"] == 1
    assert lab.engine.statistics["pkt4-receive-drop"] == 1


@pytest.mark.parametrize(
    "fields", [{"op": 2}, {"options": {53: b"\x02"}}, {"options": {53: b"\x63"}}, {"options": {53: b""}}]
)
def test_messages_that_are_not_for_a_server_are_invalid(make_lab: Any, messages: Any, fields: dict[str, Any]) -> None:
    lab = make_lab()
    assert lab.send(messages.message(MessageType.DISCOVER, 1, **fields)) is None
    assert lab.fired == [*RECEIVED, "packet_drop(INVALID)", PROCESSED]


def test_a_paused_server_drops_until_it_continues(make_lab: Any) -> None:
    lab = make_lab()
    lab.engine.control(ControlCode.PAUSE)
    assert lab.lease(1) is None
    assert lab.fired[-2:] == ["packet_drop(PAUSED)", PROCESSED]
    lab.engine.control(ControlCode.CONTINUE)
    assert lab.lease(1) is not None


def engine_with(register: Callable[[Callout], Any], fired: list[str]) -> Engine:
    callout = Callout("policy")
    register(callout)
    callout.packet_drop(lambda event: fired.append(event.reason.name))
    return Engine([Subnet(network="10.0.0.0/24", pools=["10.0.0.10-10.0.0.12"])], hooks=HookTable([callout]))


def test_a_callout_may_drop_a_packet_or_a_reply(messages: Any) -> None:
    discover = encode(messages.message(MessageType.DISCOVER, 1)).data
    for register in (
        lambda callout: callout.new_packet(lambda event: Drop()),
        lambda callout: callout.packet_send(lambda event: Drop(DropReason.UNAUTH)),
    ):
        fired: list[str] = []
        engine = engine_with(register, fired)
        exchange = engine.receive(discover, Arrival(0, 68, 0x0A000001), 0.0)
        assert engine.finish(exchange, 0.0) is None
        assert fired in (["GEN_FAILURE", "PROCESSED"], ["UNAUTH", "PROCESSED"])


def test_a_callout_may_repair_a_packet_and_rewrite_a_reply(messages: Any) -> None:
    discover = encode(messages.message(MessageType.DISCOVER, 1)).data
    engine = engine_with(lambda callout: callout.new_packet(lambda event: Replace(discover)), [])
    outgoing = engine.finish(engine.receive(b"broken", Arrival(0, 68, 0x0A000001), 0.0), 0.0)
    assert outgoing is not None
    engine = engine_with(lambda callout: callout.packet_send(lambda event: Replace(b"anything")), [])
    outgoing = engine.finish(engine.receive(discover, Arrival(0, 68, 0x0A000001), 0.0), 0.0)
    assert outgoing is not None
    assert outgoing.data == b"anything"


def test_what_could_not_be_made_durable_is_undone_and_unanswered(make_lab: Any, messages: Any) -> None:
    lab = make_lab()
    address = lab.lease(1)
    before = list(lab.engine.leases())
    lab.now += 10
    turn = [
        lab.engine.receive(encode(packet).data, Arrival(0, 68, 0x0A000001), lab.now)
        for packet in (
            messages.message(MessageType.REQUEST, 1, ciaddr=address),
            messages.message(MessageType.RELEASE, 1, ciaddr=address),
            messages.selecting(2, "10.0.0.11"),
        )
    ]
    lab.fired.clear()
    lab.engine.abandon(turn)
    assert lab.fired == ["packet_drop(INTERNAL_ERROR)", PROCESSED] * 3
    assert list(lab.engine.leases()) == before
    assert lab.lease(2) == IPv4Address("10.0.0.11")


def test_a_change_that_lost_to_another_server_is_decided_again(make_lab: Any, messages: Any) -> None:
    lab = make_lab()
    exchange = lab.engine.receive(encode(messages.selecting(1, "10.0.0.10")).data, Arrival(0, 68, 0x0A000001), lab.now)
    (change,) = exchange.changes
    winner = change.after._replace(client_key=b"another", hardware_address=b"\x02\0\0\0\0\x09")
    lab.engine.refuse(exchange, [Refusal(change, winner)], lab.now)
    assert not exchange.changes
    outgoing = lab.engine.finish(exchange, lab.now)
    assert outgoing is not None
    assert lab.fired[-3:] == ["address_delete(NACKED)", "packet_send", PROCESSED]
    assert list(lab.engine.leases()) == [winner]


def test_every_mistake_in_a_configuration_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        Engine([Subnet(network="10.0.0.0/33"), Subnet(network="10.0.0.0/24", pools=["10.0.1.1-10.0.1.2", "x"])])
    assert [problem.key for problem in caught.value.problems] == [
        "subnet[0].network",
        "subnet[1].pools[0]",
        "subnet[1].pools[1]",
    ]


def test_a_renewal_that_comes_past_the_relay_agent_keeps_its_classes_and_its_reservation() -> None:
    port_7 = {"option": "dhcp-agent-options", "suboption": "circuit-id", "equals": "port 7"}
    network = SimulatedNetwork(
        [
            Subnet(
                network="10.0.5.0/24",
                pools=[Pool(range="10.0.5.10-10.0.5.20", classes=["seven"])],
                reservations=[Reservation(remote_id="villa", hostname="villa")],
                always_send=["host-name"],
            )
        ],
        classes=[ClientClass(name="seven", test=port_7, options={"domain-name": "seven.example"})],
    )
    client = network.relay("10.0.5.1", circuit_id=b"port 7", remote_id=b"villa").client()
    assert client.lease() == IPv4Address("10.0.5.10")
    client.link(network.deliver)
    reply = client.renew()
    assert reply is not None
    assert reply.message_type is MessageType.ACK
    assert (reply.get("domain-name"), reply.get("host-name")) == ("seven.example", "villa")
    assert OptionCode.DHCP_AGENT_OPTIONS not in reply.options
