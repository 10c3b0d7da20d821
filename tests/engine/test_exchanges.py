"""What each message leads to, a test a rule: RFC 2131 section 4.3, RFC 951, RFC 1534, RFC 4039 and others."""

from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

import pytest

from dhcpcallout.codes import INFINITE, AddressType, ControlCode, DropReason, MessageType, OptionCode
from dhcpcallout.engine import Arrival, Delivery, Reservation, SharedNetwork, Subnet
from dhcpcallout.leases import LeaseState
from dhcpcallout.testing import SimulatedNetwork
from dhcpcallout.wire import Packet, encode

DISCOVER, OFFER, REQUEST, ACK, NAK = (
    MessageType.DISCOVER,
    MessageType.OFFER,
    MessageType.REQUEST,
    MessageType.ACK,
    MessageType.NAK,
)
REQUESTED, SERVER, LEASE_TIME = 50, 54, 51
ANOTHER_SERVER = IPv4Address("10.0.0.254").packed
SUBNET = Subnet(network="10.0.0.0/24", pools=["10.0.0.10-10.0.0.12"], lease_time_s=1000)
BOOTP_SUBNET = replace(SUBNET, bootp=True, options={"routers": ["10.0.0.1"], "dhcp-message": "only DHCP has this"})
CLIENT = "02:00:00:00:00:01"
RESERVED = replace(SUBNET, reservations=[Reservation(hardware_address=CLIENT, address="10.0.0.200")])


def packed(address: str) -> bytes:
    return IPv4Address(address).packed


def bootp(client: int = 1, **fields: Any) -> Packet:
    return Packet(xid=client, chaddr=b"\x02\0" + client.to_bytes(4, "big"), **fields)


def events(network: SimulatedNetwork, slot: str) -> list[Any]:
    return [event for name, event in network.fired if name == slot]


def dropped(lab: Any) -> str:
    """Why the last packet was dropped."""
    *_, reason, processed = lab.fired
    assert processed == "packet_drop(PROCESSED)"
    return str(reason)


class TestDiscover:
    """RFC 2131 section 4.3.1."""

    def test_the_address_is_current_former_asked_for_or_new_in_this_order(self, make_lab: Any, messages: Any) -> None:
        lab = make_lab(SUBNET)
        wish = {REQUESTED: packed("10.0.0.12")}
        assert lab.send(messages.message(DISCOVER, 1, options=wish)).yiaddr == IPv4Address("10.0.0.12")
        assert lab.lease(2) == IPv4Address("10.0.0.10")
        assert lab.send(messages.message(DISCOVER, 2, options=wish)).yiaddr == IPv4Address("10.0.0.10")
        lab.send(messages.message(MessageType.RELEASE, 2, ciaddr="10.0.0.10"))
        assert lab.send(messages.message(DISCOVER, 2, options=wish)).yiaddr == IPv4Address("10.0.0.10")
        assert lab.send(messages.message(DISCOVER, 3)).yiaddr == IPv4Address("10.0.0.11")

    def test_the_offer_has_what_table_3_wants_and_nothing_that_it_forbids(self, make_lab: Any, messages: Any) -> None:
        sent = {REQUESTED: packed("10.0.0.11"), 55: b"\1\3\x32\x37\x39\x3d", 57: b"\2\x40"}
        discover = messages.message(DISCOVER, 1, options=sent, ciaddr="10.0.0.9", secs=7, flags=0x8000)
        offer = make_lab(SUBNET).send(discover)
        assert (offer.op, offer.htype, offer.hops, offer.secs, offer.flags) == (2, 1, 0, 0, 0x8000)
        assert (offer.xid, offer.chaddr, offer.ciaddr_int) == (discover.xid, discover.chaddr, 0)
        assert {SERVER, LEASE_TIME} <= set(offer.options)
        assert not {REQUESTED, 55, 57, 61} & set(offer.options)

    @pytest.mark.parametrize(("asked", "got"), [(None, 1000), (50, 100), (500, 500), (90000, 2000)])
    def test_the_lease_time_that_the_client_asks_for_counts_within_bounds(
        self, make_lab: Any, messages: Any, asked: int | None, got: int
    ) -> None:
        lab = make_lab(replace(SUBNET, min_lease_time_s=100, max_lease_time_s=2000))
        options = {} if asked is None else {LEASE_TIME: asked.to_bytes(4, "big")}
        assert lab.send(messages.message(DISCOVER, 1, options=options)).lease_time_s == got

    def test_nothing_is_leased_and_nothing_is_kept_but_the_offer(self, make_lab: Any, messages: Any) -> None:
        lab = make_lab(SUBNET)
        lab.send(messages.message(DISCOVER, 1))
        assert not lab.stored
        assert not list(lab.engine.leases())

    def test_a_client_for_which_there_is_no_address_hears_nothing(self, make_lab: Any, messages: Any) -> None:
        lab = make_lab(replace(SUBNET, pools=["10.0.0.10"]))
        lab.lease(1)
        assert lab.send(messages.message(DISCOVER, 2)) is None
        assert dropped(lab) == "packet_drop(NOADDRESS)"

    def test_full_subnets_of_a_shared_network_spill_over(self, make_lab: Any) -> None:
        second = Subnet(network="10.0.1.0/24", pools=["10.0.1.10"])
        lab = make_lab(SharedNetwork(name="campus", subnets=[replace(SUBNET, pools=["10.0.0.10"]), second]))
        assert [str(lab.lease(client)) for client in (1, 2, 3)] == ["10.0.0.10", "10.0.1.10", "None"]


class TestSelecting:
    """RFC 2131 section 4.3.2, a REQUEST with a server identifier."""

    def test_what_was_offered_is_acknowledged_as_it_was_offered(self, make_lab: Any, messages: Any) -> None:
        lab = make_lab(replace(SUBNET, options={"routers": ["10.0.0.1"]}))
        offer = lab.send(messages.message(DISCOVER, 1))
        ack = lab.send(messages.selecting(1, offer.yiaddr))
        assert ack.message_type is ACK
        assert (ack.yiaddr, ack.siaddr, ack.ciaddr_int) == (offer.yiaddr, offer.siaddr, 0)
        assert {code: value for code, value in ack.options.items() if code != 53} == {
            code: value for code, value in offer.options.items() if code != 53
        }

    def test_a_client_that_selects_another_server_hears_nothing_and_its_offer_is_free(
        self, make_lab: Any, messages: Any
    ) -> None:
        lab = make_lab(replace(SUBNET, pools=["10.0.0.10"]))
        lab.send(messages.message(DISCOVER, 1))
        assert lab.send(messages.selecting(1, "10.0.0.10", int.from_bytes(ANOTHER_SERVER, "big"))) is None
        assert dropped(lab) == "packet_drop(WRONG_SERVER)"
        assert lab.lease(2) == IPv4Address("10.0.0.10")

    def test_a_lease_outlives_its_clients_choice_of_another_server(self, make_lab: Any, messages: Any) -> None:
        lab = make_lab(SUBNET)
        address = lab.lease(1)
        lab.send(messages.selecting(1, "10.0.0.99", int.from_bytes(ANOTHER_SERVER, "big")))
        assert lab.stored[int(address)].is_active(lab.now)

    def test_any_address_of_the_server_selects_it(self, make_lab: Any, messages: Any) -> None:
        lab = make_lab(SUBNET, server_addresses=[0xC0000201])
        assert lab.send(messages.selecting(1, "10.0.0.10", 0xC0000201)).message_type is ACK

    @pytest.mark.parametrize("address", ["10.0.0.11", "10.0.0.99", "192.0.2.1"])
    def test_what_cannot_be_given_any_more_is_refused(self, make_lab: Any, messages: Any, address: str) -> None:
        lab = make_lab(SUBNET)
        lab.send(messages.selecting(2, "10.0.0.11"))
        assert lab.send(messages.selecting(1, address)).message_type is NAK

    def test_a_request_for_no_address_is_invalid(self, make_lab: Any, messages: Any) -> None:
        lab = make_lab(SUBNET)
        assert lab.send(messages.message(REQUEST, 1, options={SERVER: packed("10.0.0.1")})) is None
        assert dropped(lab) == "packet_drop(INVALID)"


class TestInitReboot:
    """RFC 2131 section 4.3.2, a REQUEST without server identifier and ciaddr."""

    def test_the_clients_own_address_is_acknowledged(self, make_lab: Any, messages: Any) -> None:
        lab = make_lab(SUBNET)
        address = lab.lease(1)
        ack = lab.send(messages.init_reboot(1, str(address)))
        assert (ack.message_type, ack.yiaddr) == (ACK, address)

    def test_so_is_the_address_of_a_lease_that_ended_and_is_free(self, make_lab: Any, messages: Any) -> None:
        lab = make_lab(SUBNET)
        address = lab.lease(1)
        lab.now += 1001
        lab.expire()
        assert lab.send(messages.init_reboot(1, str(address))).message_type is ACK

    @pytest.mark.parametrize("authoritative", [True, False])
    def test_another_address_than_the_one_on_record_is_refused(
        self, make_lab: Any, messages: Any, authoritative: bool
    ) -> None:
        lab = make_lab(SUBNET, authoritative=authoritative)
        lab.lease(1)
        assert lab.send(messages.init_reboot(1, "10.0.0.11")).message_type is NAK

    @pytest.mark.parametrize("authoritative", [True, False])
    def test_an_address_of_another_network_is_refused_even_to_strangers(
        self, make_lab: Any, messages: Any, authoritative: bool
    ) -> None:
        lab = make_lab(SUBNET, authoritative=authoritative)
        assert lab.send(messages.init_reboot(1, "192.0.2.1")).message_type is NAK

    @pytest.mark.parametrize("authoritative", [True, False])
    def test_a_client_of_which_nothing_is_known_hears_nothing(
        self, make_lab: Any, messages: Any, authoritative: bool
    ) -> None:
        lab = make_lab(SUBNET, authoritative=authoritative)
        assert lab.send(messages.init_reboot(1, "10.0.0.11")) is None
        assert dropped(lab) == "packet_drop(WRONG_SERVER)"

    def test_a_relayed_client_that_moved_is_refused_through_its_relay_agent(self, make_lab: Any, messages: Any) -> None:
        lab = make_lab(SUBNET, Subnet(network="10.0.7.0/24", pools=["10.0.7.10"]))
        request = messages.init_reboot(1, str(lab.lease(1)))
        request.giaddr = "10.0.7.1"
        nak = lab.send(request)
        assert (nak.message_type, nak.flags & 0x8000, nak.giaddr) == (NAK, 0x8000, IPv4Address("10.0.7.1"))
        assert (lab.outgoing.address, lab.outgoing.port) == (IPv4Address("10.0.7.1"), 67)


class TestRenewing:
    """RFC 2131 section 4.3.2, a REQUEST with ciaddr, whether unicast (RENEWING) or broadcast (REBINDING)."""

    @pytest.mark.parametrize("source", ["10.0.0.10", "0.0.0.0"])
    def test_it_is_answered_at_ciaddr_and_extends_the_lease(self, make_lab: Any, messages: Any, source: str) -> None:
        lab = make_lab(SUBNET)
        address = lab.lease(1)
        lab.now += 600
        arrival = Arrival(int(IPv4Address(source)), 68, int(IPv4Address("10.0.0.1")), interface="lan")
        ack = lab.send(messages.message(REQUEST, 1, ciaddr=address), arrival)
        assert (ack.message_type, ack.yiaddr, ack.ciaddr, ack.lease_time_s) == (ACK, address, address, 1000)
        assert (lab.outgoing.delivery, lab.outgoing.address) == (Delivery.UNICAST, address)
        assert lab.stored[int(address)].expires_s == lab.now + 1000

    def test_a_relayed_rebinding_is_answered_through_the_relay_agent(self, make_lab: Any, messages: Any) -> None:
        lab = make_lab(SUBNET)
        address = lab.lease(1)
        ack = lab.send(messages.message(REQUEST, 1, ciaddr=address, giaddr="10.0.0.2"))
        assert (ack.message_type, lab.outgoing.address) == (ACK, IPv4Address("10.0.0.2"))

    def test_an_address_that_another_client_has_is_refused_by_broadcast(self, make_lab: Any, messages: Any) -> None:
        lab = make_lab(SUBNET)
        lab.lease(1)
        lab.lease(2)
        assert lab.send(messages.message(REQUEST, 1, ciaddr="10.0.0.11")).message_type is NAK
        assert lab.outgoing.delivery is Delivery.BROADCAST

    @pytest.mark.parametrize(("authoritative", "answer"), [(False, None), (True, ACK)])
    def test_a_stranger_is_answered_by_an_authoritative_server_alone(
        self, make_lab: Any, messages: Any, authoritative: bool, answer: MessageType | None
    ) -> None:
        reply = make_lab(SUBNET, authoritative=authoritative).send(messages.message(REQUEST, 1, ciaddr="10.0.0.10"))
        assert (None if reply is None else reply.message_type) is answer


class TestRefusal:
    """RFC 2131 table 3, its last column."""

    def test_a_nak_gives_no_address_and_has_hardly_an_option(self, make_lab: Any, messages: Any) -> None:
        lab = make_lab(replace(SUBNET, options={"routers": ["10.0.0.1"]}))
        request = messages.init_reboot(1, "192.0.2.1")
        request.options |= {55: b"\1\3", 61: b"\1client"}
        nak = lab.send(request)
        assert (nak.ciaddr_int, nak.yiaddr_int, nak.siaddr_int, nak.sname, nak.file) == (0, 0, 0, b"", b"")
        assert set(nak.options) == {53, SERVER, 56, 61}


class TestDecline:
    """RFC 2131 section 4.3.3."""

    def test_the_address_is_given_to_nobody_while_it_rests(self, make_lab: Any, messages: Any) -> None:
        lab = make_lab(replace(SUBNET, pools=["10.0.0.10"]), decline_time_s=600)
        address = lab.lease(1)
        options = {REQUESTED: address.packed, SERVER: packed("10.0.0.1")}
        assert lab.send(messages.message(MessageType.DECLINE, 1, options=options)) is None
        assert lab.stored[int(address)].state == LeaseState.DECLINED
        assert lab.lease(1) is None
        lab.now += 601
        lab.expire()
        assert lab.lease(1) == address

    def test_what_was_declined_to_another_server_is_none_of_ours(self, make_lab: Any, messages: Any) -> None:
        lab = make_lab(SUBNET)
        address = lab.lease(1)
        options = {REQUESTED: address.packed, SERVER: ANOTHER_SERVER}
        lab.send(messages.message(MessageType.DECLINE, 1, options=options))
        assert dropped(lab) == "packet_drop(WRONG_SERVER)"
        assert lab.stored[int(address)].state == LeaseState.ACTIVE

    def test_a_client_cannot_decline_what_it_does_not_have(self, make_lab: Any, messages: Any) -> None:
        lab = make_lab(SUBNET)
        address = lab.lease(1)
        for options in ({REQUESTED: address.packed}, {REQUESTED: packed("10.0.0.12")}, {}):
            lab.send(messages.message(MessageType.DECLINE, 2, options=options))
            assert dropped(lab) == "packet_drop(INVALID)"
        assert [lease.state for lease in lab.stored.values()] == [LeaseState.ACTIVE]


class TestRelease:
    """RFC 2131 section 4.3.4."""

    def test_the_address_is_free_and_the_client_remembered(self, make_lab: Any, messages: Any) -> None:
        lab = make_lab(SUBNET)
        lab.lease(1)
        address = lab.lease(2)
        released = messages.message(MessageType.RELEASE, 2, ciaddr=address, options={SERVER: packed("10.0.0.1")})
        assert lab.send(released) is None
        assert lab.stored[int(address)].state == LeaseState.RELEASED
        assert lab.lease(3) == IPv4Address("10.0.0.12")
        assert lab.lease(2) == address
        lab.send(messages.message(MessageType.RELEASE, 2, ciaddr=address))
        assert lab.lease(4) == address

    def test_a_release_to_another_server_changes_nothing(self, make_lab: Any, messages: Any) -> None:
        lab = make_lab(SUBNET)
        address = lab.lease(1)
        lab.send(messages.message(MessageType.RELEASE, 1, ciaddr=address, options={SERVER: ANOTHER_SERVER}))
        assert dropped(lab) == "packet_drop(WRONG_SERVER)"
        assert lab.stored[int(address)].state == LeaseState.ACTIVE


class TestInform:
    """RFC 2131 section 4.3.5."""

    def test_options_go_to_ciaddr_without_a_lease(self, make_lab: Any, messages: Any) -> None:
        lab = make_lab(replace(SUBNET, options={"routers": ["10.0.0.1"]}))
        ack = lab.send(messages.message(MessageType.INFORM, 1, ciaddr="10.0.0.77"))
        assert (ack.message_type, ack.yiaddr_int, ack.ciaddr) == (ACK, 0, IPv4Address("10.0.0.77"))
        assert ack.get("routers") == (IPv4Address("10.0.0.1"),)
        assert not {LEASE_TIME, 58, 59} & set(ack.options)
        assert (lab.outgoing.delivery, lab.outgoing.address) == (Delivery.UNICAST, IPv4Address("10.0.0.77"))
        assert not lab.stored

    def test_an_address_that_is_leased_to_another_client_makes_no_difference(
        self, make_lab: Any, messages: Any
    ) -> None:
        lab = make_lab(SUBNET)
        address = lab.lease(1)
        assert lab.send(messages.message(MessageType.INFORM, 2, ciaddr=address)).message_type is ACK

    def test_an_address_of_no_network_of_ours_gets_no_answer(self, make_lab: Any, messages: Any) -> None:
        lab = make_lab(SUBNET)
        assert lab.send(messages.message(MessageType.INFORM, 1, ciaddr="192.0.2.1")) is None
        assert dropped(lab) == "packet_drop(NO_SUBNETS)"


class TestRapidCommit:
    """RFC 4039 section 3.1."""

    def test_a_discover_is_acknowledged_at_once_where_it_is_wanted_and_allowed(
        self, make_lab: Any, messages: Any
    ) -> None:
        lab = make_lab(replace(SUBNET, rapid_commit=True))
        ack = lab.send(messages.message(DISCOVER, 1, options={80: b""}))
        assert (ack.message_type, ack.yiaddr, ack.options[80]) == (ACK, IPv4Address("10.0.0.10"), b"")
        assert lab.stored[int(ack.yiaddr)].is_active(lab.now)
        assert "address_offer(NEW)" in lab.fired

    @pytest.mark.parametrize(("rapid_commit", "options"), [(False, {80: b""}), (True, {})])
    def test_otherwise_it_is_offered_an_address_without_the_option(
        self, make_lab: Any, messages: Any, rapid_commit: bool, options: dict[int, bytes]
    ) -> None:
        lab = make_lab(replace(SUBNET, rapid_commit=rapid_commit))
        offer = lab.send(messages.message(DISCOVER, 1, options=options))
        assert offer.message_type is OFFER
        assert 80 not in offer.options
        assert not lab.stored

    def test_the_ack_of_a_request_never_has_the_option(self, make_lab: Any, messages: Any) -> None:
        lab = make_lab(replace(SUBNET, rapid_commit=True))
        request = messages.selecting(1, "10.0.0.10")
        request.options[80] = b""
        assert 80 not in lab.send(request).options


class TestBootp:
    """RFC 951 section 7.3, RFC 1534 section 2."""

    def test_a_reserved_address_is_the_clients_for_ever(self, make_lab: Any) -> None:
        lab = make_lab(RESERVED)
        reply = lab.send(bootp())
        assert (reply.message_type, reply.yiaddr) == (None, IPv4Address("10.0.0.200"))
        assert lab.stored[int(reply.yiaddr)].expires_s == INFINITE

    def test_other_clients_get_an_address_only_where_that_is_configured(self, make_lab: Any) -> None:
        lab = make_lab(SUBNET)
        assert lab.send(bootp()) is None
        assert dropped(lab) == "packet_drop(NOADDRESS)"
        assert make_lab(BOOTP_SUBNET).send(bootp()).yiaddr == IPv4Address("10.0.0.10")

    def test_a_dhcp_clients_lease_gives_bootp_nothing_for_ever(self, make_lab: Any) -> None:
        lab = make_lab(SUBNET)
        address = lab.lease(1)
        assert lab.send(bootp()) is None
        assert lab.stored[int(address)].expires_s == lab.now + 1000

    def test_a_reserved_address_that_another_client_has_is_not_made_up_for(self, make_lab: Any) -> None:
        before = make_lab(replace(SUBNET, pools=["10.0.0.200"]))
        assert before.lease(2) == IPv4Address("10.0.0.200")
        lab = make_lab(RESERVED)
        lab.engine.load(before.stored.values())
        assert lab.send(bootp()) is None
        assert dropped(lab) == "packet_drop(NOADDRESS)"

    def test_the_reply_has_nothing_that_is_dhcps_own_and_no_more_than_300_bytes(self, make_lab: Any) -> None:
        lab = make_lab(BOOTP_SUBNET)
        reply = lab.send(bootp())
        assert not set(reply.options) & {LEASE_TIME, 52, 53, SERVER, 55, 56, 57, 58, 59, 61}
        assert reply.get("routers") == (IPv4Address("10.0.0.1"),)
        assert len(lab.outgoing.data) == 300

    def test_a_client_that_knows_its_address_is_told_the_rest_alone(self, make_lab: Any) -> None:
        lab = make_lab(BOOTP_SUBNET)
        reply = lab.send(bootp(ciaddr="10.0.0.77"))
        assert (reply.message_type, reply.yiaddr_int, reply.ciaddr) == (None, 0, IPv4Address("10.0.0.77"))
        assert reply.get("routers") == (IPv4Address("10.0.0.1"),)
        assert (lab.outgoing.delivery, lab.outgoing.address) == (Delivery.UNICAST, IPv4Address("10.0.0.77"))
        assert not lab.stored
        assert "address_offer(NEW)" not in lab.fired

    def test_a_client_that_knows_its_address_hears_nothing_where_bootp_is_not_served(self, make_lab: Any) -> None:
        lab = make_lab(SUBNET)
        assert lab.send(bootp(ciaddr="10.0.0.77")) is None
        assert dropped(lab) == "packet_drop(NOADDRESS)"

    def test_the_callouts_are_told_that_it_is_a_bootp_client(self) -> None:
        network = SimulatedNetwork([BOOTP_SUBNET, Subnet(network="10.0.7.0/24", pools=["10.0.7.10"], bootp=True)])
        network.deliver(bootp())
        network.deliver(bootp(giaddr="10.0.7.1"))
        first, second = events(network, "address_offer")
        assert (first.address_type, first.lease_time_s) == (AddressType.BOOTP, INFINITE)
        assert second.address_type is AddressType.BOOTP

    def test_they_are_told_so_of_its_lease_that_ends_too(self) -> None:
        network = SimulatedNetwork([BOOTP_SUBNET])
        reply = network.deliver(bootp())
        assert reply is not None
        old = network.client(b"\x02\0\0\0\0\x01")
        old.address, old.server = reply.address, network.server_address
        new = network.client()
        new.lease()
        for client, expected in ((old, AddressType.BOOTP), (new, AddressType.DHCP)):
            network.fired.clear()
            client.release()
            (deleted,) = events(network, "delete_client")
            assert deleted.address_type is expected

    def test_a_dhcp_lease_without_end_is_no_bootp_clients_where_there_are_none(self) -> None:
        network = SimulatedNetwork([replace(SUBNET, lease_time_s=INFINITE)])
        client = network.client()
        client.lease()
        client.release()
        (deleted,) = events(network, "delete_client")
        assert deleted.address_type is AddressType.DHCP


class TestEveryReply:
    """What goes into replies of whatever kind."""

    @pytest.mark.parametrize("kind", [OFFER, ACK, NAK], ids=lambda kind: kind.name)
    def test_the_client_identifier_comes_back(self, make_lab: Any, messages: Any, kind: MessageType) -> None:
        """RFC 6842 section 3."""
        request = {
            OFFER: messages.message(DISCOVER, 1),
            ACK: messages.selecting(1, "10.0.0.10"),
            NAK: messages.selecting(1, "10.0.0.99"),
        }[kind]
        request.options[61] = b"\xff0001"
        reply = make_lab(SUBNET).send(request)
        assert (reply.message_type, reply.options[61]) == (kind, b"\xff0001")

    @pytest.mark.parametrize("kind", [OFFER, ACK, NAK], ids=lambda kind: kind.name)
    def test_the_relay_agents_information_comes_back_last(
        self, make_lab: Any, messages: Any, kind: MessageType
    ) -> None:
        """RFC 3046 section 2.2."""
        request = {
            OFFER: messages.message(DISCOVER, 1),
            ACK: messages.selecting(1, "10.0.0.10"),
            NAK: messages.selecting(1, "10.0.0.99"),
        }[kind]
        request.giaddr, request.options[82] = "10.0.0.2", b"\1\4port\x63\1x"
        reply = make_lab(SUBNET).send(request)
        assert reply.message_type is kind
        assert list(reply.options.items())[-1] == (82, b"\1\4port\x63\1x")

    def test_who_sends_no_relay_agents_information_gets_none(self, make_lab: Any, messages: Any) -> None:
        """RFC 3046 section 2.2: not even a client whose lease was made with some."""
        lab = make_lab(SUBNET)
        request = messages.selecting(1, "10.0.0.10")
        request.giaddr, request.options[82] = "10.0.0.2", b"\1\4port"
        lab.send(request)
        assert 82 not in lab.send(messages.message(REQUEST, 1, ciaddr="10.0.0.10")).options

    def test_a_client_that_cannot_take_unicast_is_answered_by_broadcast(self, make_lab: Any, messages: Any) -> None:
        """RFC 2131 section 4.1, RFC 1542 section 3.1.1."""
        lab = make_lab(SUBNET)
        assert lab.send(messages.message(DISCOVER, 1, flags=0x8000)).flags == 0x8000
        assert lab.outgoing.delivery is Delivery.BROADCAST

    @pytest.mark.parametrize("code", [43, 60, 77, 93, 124, 125, 200, 250])
    def test_what_the_server_does_not_know_changes_nothing(self, make_lab: Any, messages: Any, code: int) -> None:
        """RFC 2131 section 4.1, RFC 2132 sections 8.4 and 9.13."""
        expected = make_lab(SUBNET).send(messages.message(DISCOVER, 1))
        for value in (b"", b"\xff", b"\x05unknown", bytes(300)):
            assert make_lab(SUBNET).send(messages.message(DISCOVER, 1, options={code: value})) == expected

    def test_a_name_that_is_too_long_for_a_lease_is_cut(self, make_lab: Any, messages: Any) -> None:
        """RFC 3396: a value of several parts is one; what is kept of it is bounded."""
        lab = make_lab(SUBNET)
        request = messages.selecting(1, "10.0.0.10")
        request.options[12] = b"x" * 2000
        assert lab.send(request).message_type is ACK
        (lease,) = lab.stored.values()
        assert lease.hostname == "x" * 1024


class TestRelayAgents:
    """What a relay agent says of where a client is, and of the server."""

    TWO = (SUBNET, Subnet(network="10.0.7.0/24", pools=["10.0.7.10"]))

    def test_the_link_that_it_selects_counts_for_the_address_and_giaddr_for_the_answer(
        self, make_lab: Any, messages: Any
    ) -> None:
        """RFC 3527 section 3."""
        lab = make_lab(*self.TWO)
        discover = messages.message(DISCOVER, 1, giaddr="10.0.0.2")
        discover.options[82] = b"\5\4" + packed("10.0.7.1")
        offer = lab.send(discover)
        assert offer.yiaddr == IPv4Address("10.0.7.10")
        assert offer.options[82] == discover.options[82]
        assert lab.outgoing.address == IPv4Address("10.0.0.2")

    def test_the_subnet_that_a_client_selects_counts_and_comes_back(self, make_lab: Any, messages: Any) -> None:
        """RFC 3011."""
        lab = make_lab(*self.TWO)
        for request in (messages.message(DISCOVER, 1), messages.selecting(1, "10.0.7.10")):
            request.options[118] = packed("10.0.7.0")
            reply = lab.send(request)
            assert (reply.yiaddr, reply.options[118]) == (IPv4Address("10.0.7.10"), packed("10.0.7.0"))

    def test_it_may_have_itself_taken_for_the_server(self, make_lab: Any, messages: Any) -> None:
        """RFC 5107 section 4: the replies name it, and what is sent to it is for this server."""
        lab = make_lab(SUBNET)
        override = b"\x0b\4" + packed("10.0.0.2")
        discover = messages.message(DISCOVER, 1, giaddr="10.0.0.2")
        select = messages.selecting(1, "10.0.0.10", 0x0A000002)
        release = messages.message(MessageType.RELEASE, 1, ciaddr="10.0.0.10", options={SERVER: packed("10.0.0.2")})
        for message in (discover, select, release):
            message.giaddr, message.options[82] = "10.0.0.2", override
        assert lab.send(discover).server_identifier == IPv4Address("10.0.0.2")
        ack = lab.send(select)
        assert (ack.message_type, ack.server_identifier) == (ACK, IPv4Address("10.0.0.2"))
        lab.send(release)
        assert [lease.state for lease in lab.stored.values()] == [LeaseState.RELEASED]

    def test_without_it_such_a_request_is_for_another_server(self, make_lab: Any, messages: Any) -> None:
        """RFC 5107 section 4."""
        lab = make_lab(SUBNET)
        assert lab.send(messages.selecting(1, "10.0.0.10", 0x0A000002)) is None
        assert dropped(lab) == "packet_drop(WRONG_SERVER)"


class TestIpv6OnlyPreferred:
    """RFC 8925 section 3.3."""

    @pytest.mark.parametrize(("wanted", "told"), [(b"\1\x6c", True), (b"\1\3", False), (None, False)])
    def test_only_a_client_that_asks_for_it_is_told(
        self, make_lab: Any, messages: Any, wanted: bytes | None, told: bool
    ) -> None:
        lab = make_lab(replace(SUBNET, options={"v6-only-preferred": 1800}))
        asked = {} if wanted is None else {55: wanted}
        for request in (messages.message(DISCOVER, 1), messages.selecting(1, "10.0.0.10")):
            request.options |= asked
            reply = lab.send(request)
            assert (reply.options.get(108) == b"\0\0\7\x08") is told
            assert reply.yiaddr_int

    def test_a_network_that_needs_ipv4_tells_nobody(self, make_lab: Any, messages: Any) -> None:
        assert 108 not in make_lab(SUBNET).send(messages.message(DISCOVER, 1, options={55: b"\1\x6c"})).options


@pytest.mark.parametrize(
    "packet",
    [
        pytest.param(Packet(chaddr=b"\2\0\0\0\0\1", options={53: bytes((kind,))}, ciaddr="10.0.0.9"), id=kind.name)
        for kind in (MessageType.DISCOVER, MessageType.REQUEST, MessageType.RELEASE, MessageType.INFORM)
    ]
    + [pytest.param(bootp(), id="BOOTP")],
)
def test_a_paused_server_is_silent_whatever_comes(make_lab: Any, packet: Packet) -> None:
    lab = make_lab(BOOTP_SUBNET)
    lab.engine.control(ControlCode.PAUSE)
    exchange = lab.engine.receive(encode(packet).data, Arrival(0, 68, 0x0A000001), lab.now)
    assert exchange.drop is DropReason.PAUSED
    assert lab.engine.finish(exchange, lab.now) is None
    lab.engine.control(ControlCode.CONTINUE)
    assert lab.send(bootp()) is not None


@pytest.mark.parametrize(
    "kind",
    [kind for kind in MessageType if kind not in {1, 3, 4, 7, 8, MessageType.LEASEQUERY}],
    ids=lambda kind: kind.name,
)
def test_messages_that_servers_send_are_not_answered(make_lab: Any, messages: Any, kind: MessageType) -> None:
    lab = make_lab(BOOTP_SUBNET)
    assert lab.send(messages.message(kind, 1, ciaddr="10.0.0.9")) is None
    assert dropped(lab) == "packet_drop(INVALID)"


def test_a_client_of_no_network_of_ours_hears_nothing(make_lab: Any, messages: Any) -> None:
    lab = make_lab(SUBNET)
    options = {int(OptionCode.SUBNET_SELECTION): packed("192.0.2.0")}
    assert lab.send(messages.message(DISCOVER, 1, options=options)) is None
    assert dropped(lab) == "packet_drop(NO_SUBNETS)"
