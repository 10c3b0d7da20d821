"""What a whole configuration file says is what clients get."""

from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from dhcpcallout.codes import MessageType
from dhcpcallout.testing import SimulatedClient, SimulatedNetwork
from dhcpcallout.wire import Packet, decode

FILE = Path(__file__).parents[1] / "data" / "config" / "good" / "site.toml"
USUAL = [1, 3, 6, 12, 15, 42, 43, 66, 67]


@pytest.fixture
def site() -> SimulatedNetwork:
    return SimulatedNetwork.from_file(FILE)


def ack(client: SimulatedClient) -> Packet:
    client.lease()
    assert client.reply is not None
    assert client.reply.message_type is MessageType.ACK
    return client.reply


def told(packet: Packet, *names: str) -> dict[str, Any]:
    """Options of a reply as texts."""
    return {name: None if (option := packet.option(name)) is None else option.text for name in names}


def test_a_client_of_no_class_is_told_what_its_subnet_and_the_file_say(site: SimulatedNetwork) -> None:
    reply = ack(site.client(dhcp_parameter_request_list=[1, 3, 6]))
    assert reply.yiaddr == IPv4Address("10.20.0.101")
    assert reply.lease_time_s == 86400
    assert told(reply, "subnet-mask", "routers", "domain-name-servers", "domain-name", "ntp-servers") == {
        "subnet-mask": "255.255.255.0",
        "routers": "10.20.0.1",
        "domain-name-servers": "10.20.0.53, 10.20.0.54",
        "domain-name": "example.org",
        "ntp-servers": None,
    }


@pytest.mark.parametrize(("wish_s", "given_s"), [(60, 600), (100_000, 100_000), (0xFFFFFFFF, 172800)])
def test_a_client_chooses_between_the_bounds(site: SimulatedNetwork, wish_s: int, given_s: int) -> None:
    assert ack(site.client(dhcp_lease_time=wish_s)).lease_time_s == given_s


@pytest.mark.parametrize(
    ("options", "next_server", "file"),
    [
        ({"client_system": [7]}, "10.20.0.5", "bootx64.efi"),
        ({"client_system": [7], "user_class": "iPXE"}, "10.20.0.5", "http://10.20.0.5/boot.ipxe"),
        ({"client_system": [0], "vendor_class_identifier": "PXEClient:Arch:00000"}, "10.20.0.5", "pxelinux.0"),
        ({"vendor_class_identifier": "MSFT 5.0"}, "0.0.0.0", None),
    ],
)
def test_machines_boot_what_their_architecture_can(
    site: SimulatedNetwork, options: dict[str, Any], next_server: str, file: str | None
) -> None:
    reply = ack(site.client(**options))
    assert str(reply.siaddr) == next_server
    assert (reply.file or b"").decode() == (file or "")


def test_each_vendor_has_its_own_options(site: SimulatedNetwork) -> None:
    pxe = ack(site.client(vendor_class_identifier="PXEClient", dhcp_parameter_request_list=[43]))
    assert pxe.options[43] == b"\6\1\x08"
    point = ack(site.client(vendor_class_identifier="Acme AP", dhcp_parameter_request_list=[43]))
    assert point.options[43] == b"\1\x08\x0a\x14\0\7\x0a\x14\0\x08\2\2\5\1"


def test_telephones_have_a_pool_and_a_lease_time_of_their_own(site: SimulatedNetwork) -> None:
    phones = [site.client(vendor_class_identifier="Acme Phone 7", dhcp_parameter_request_list=[1]) for _ in range(19)]
    replies = [ack(phone) for phone in phones]
    pool = [reply for reply in replies if reply.yiaddr >= IPv4Address("10.20.0.200")]
    assert len(pool) == 10
    assert {reply.lease_time_s for reply in replies} == {43200}
    assert {reply.get("dhcp-renewal-time") for reply in pool} == {7200}
    assert {reply.get("tftp-server-name") for reply in pool} == {"10.20.0.6"}
    assert {reply.get("dhcp-renewal-time") for reply in replies} == {7200, 21600}
    assert site.client().lease() is None


def test_options_of_the_sites_own_are_sent_and_looked_at(site: SimulatedNetwork) -> None:
    assert ack(site.client(dhcp_parameter_request_list=[225])).options[225] == b"report"


@pytest.mark.parametrize(
    ("hardware_address", "options", "address"),
    [
        ("00:0c:01:02:03:04", {}, "10.20.0.9"),
        (None, {"dhcp_client_identifier": bytes.fromhex("ff000000010003000100 0c01020305")}, "10.20.0.10"),
        (None, {"uuid_guid": "type=0 identifier=00112233445566778899aabbccddeeff"}, "10.20.0.11"),
        (None, {"vivco_suboptions": '{4491 "docsis3.1"}'}, "10.20.0.13"),
        (None, {"option_224": b"LAB-1"}, "10.20.0.14"),
    ],
)
def test_a_reserved_address_is_its_clients(
    site: SimulatedNetwork, hardware_address: str | None, options: dict[str, Any], address: str
) -> None:
    assert str(site.client(hardware_address, **options).lease()) == address


def test_a_reservation_says_more_than_an_address(site: SimulatedNetwork) -> None:
    printer = ack(site.client("00:0c:01:02:03:04", dhcp_parameter_request_list=[3, 12, 15]))
    assert told(printer, "routers", "host-name", "domain-name") == {
        "routers": None,
        "host-name": "printer",
        "domain-name": "print.example.org",
    }
    machine = ack(site.client(uuid_guid="type=0 identifier=00112233445566778899aabbccddeeff"))
    assert (str(machine.siaddr), machine.file) == ("10.20.0.12", b"rescue.efi")


def test_what_a_relay_agent_says_tells_a_reservation(site: SimulatedNetwork) -> None:
    assert str(site.relay("192.0.2.1", circuit_id=b"eth0/1").client().lease()) == "10.30.0.5"
    assert str(site.relay("192.0.2.1", remote_id=bytes.fromhex("000c01020304")).client().lease()) == "10.30.0.6"


def test_a_shared_network_goes_on_with_its_next_subnet(site: SimulatedNetwork) -> None:
    relay = site.relay("192.0.2.1")
    replies = [ack(relay.client(dhcp_parameter_request_list=[3, 42], dhcp_lease_time=9000)) for _ in range(4)]
    assert [str(reply.yiaddr) for reply in replies] == ["10.30.0.10", "10.30.0.11", "10.31.0.10", "10.31.0.11"]
    assert [reply.lease_time_s for reply in replies] == [9000, 9000, 600, 600]
    assert [told(reply, "routers")["routers"] for reply in replies] == 2 * ["10.30.0.1"] + 2 * ["10.31.0.1"]
    assert {told(reply, "ntp-servers")["ntp-servers"] for reply in replies} == {"10.30.0.123"}
    assert relay.client().lease() is None


def test_a_subnet_can_be_for_some_classes_alone(site: SimulatedNetwork) -> None:
    relay = site.relay("10.40.0.1")
    assert relay.client().lease() is None
    assert relay.client(option_224=b"LAB-1").lease() is None
    assert str(relay.client(option_224=b"2026-000017").lease()) == "10.40.0.10"
    traveller = ack(relay.client("00:0c:01:02:03:99", dhcp_parameter_request_list=[12]))
    assert (str(traveller.yiaddr), traveller.get("host-name")) == ("10.40.0.11", "traveller")


def test_the_hardware_address_counts_where_the_subnet_says_so(site: SimulatedNetwork) -> None:
    def leases(make: Callable[..., SimulatedClient], **options: Any) -> set[IPv4Address | None]:
        systems = (b"\0one", b"\0two")
        return {make("00:0c:01:02:03:99", dhcp_client_identifier=one, **options).lease() for one in systems}

    assert len(leases(site.relay("10.40.0.1").client)) == 1
    assert len(leases(site.client)) == 2


def test_bootp_clients_get_addresses_where_the_subnet_says_so(site: SimulatedNetwork) -> None:
    message = Packet(xid=1, chaddr=bytes.fromhex("000c01020399"), giaddr="10.40.0.1")
    reply = site.deliver(message)
    assert reply is not None
    assert str(decode(reply.data).yiaddr) == "10.40.0.10"
    assert site.deliver(Packet(xid=2, chaddr=bytes.fromhex("000c010203aa"))) is None


def test_a_client_that_may_has_its_address_after_two_messages(site: SimulatedNetwork) -> None:
    offer = site.client(rapid_commit=True).discover()
    assert offer is not None
    assert offer.message_type is MessageType.ACK
    other = site.relay("192.0.2.1").client(rapid_commit=True).discover()
    assert other is not None
    assert other.message_type is MessageType.OFFER


def test_the_unwanted_get_no_answer(site: SimulatedNetwork) -> None:
    assert site.client("de:ad:be:00:00:01").lease() is None
    assert site.trace[-2:] == ["packet_drop(UNAUTH)", "packet_drop(PROCESSED)"]


def test_offers_and_declined_addresses_come_back_when_the_file_says(site: SimulatedNetwork) -> None:
    for _ in range(9):
        site.client().discover()
    assert site.client().discover() is None
    site.advance(11)
    client = site.client()
    address = client.lease()
    client.decline()
    site.advance(100)
    assert [site.client().lease() for _ in range(9)].count(address) == 0
    site.advance(21)
    assert site.client().lease() == address


def test_an_address_that_is_not_the_clients_is_refused(site: SimulatedNetwork) -> None:
    client = site.client()
    reply = client.reboot("10.99.0.1")
    assert reply is not None
    assert reply.message_type is MessageType.NAK
