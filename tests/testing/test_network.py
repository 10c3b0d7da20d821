"""The simulated network: what it delivers and to whom, and that it hides no fault of a server."""

import asyncio
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from dhcpcallout import Callout, Drop, Reservation, Subnet
from dhcpcallout.codes import MessageType
from dhcpcallout.events import PacketReceived
from dhcpcallout.hooks import Verdict
from dhcpcallout.testing import SimulatedNetwork
from dhcpcallout.wire import REGISTRY, OptionDefinition

PROCESSED = "packet_drop(PROCESSED)"


def test_a_client_leases_renews_reboots_and_releases(dhcp_network: SimulatedNetwork) -> None:
    client = dhcp_network.client()
    assert client.lease() == IPv4Address("10.0.0.10")
    assert client.server == dhcp_network.server_address
    for reply in (client.renew(), client.reboot(), client.inform("10.0.0.10")):
        assert reply is not None
        assert reply.message_type is MessageType.ACK
    client.release()
    assert client.address is None
    assert [lease.state.real for lease in dhcp_network.leases.values()] == [2]


def test_a_nak_takes_the_address_from_the_client(dhcp_network: SimulatedNetwork) -> None:
    client = dhcp_network.client()
    client.lease()
    reply = client.reboot("10.0.0.77")
    assert reply is not None
    assert reply.message_type is MessageType.NAK
    assert client.address is None
    with pytest.raises(ValueError, match="has no address"):
        client.renew()


def test_clients_have_hardware_addresses_of_their_own(dhcp_network: SimulatedNetwork) -> None:
    got = [dhcp_network.client().lease() for _ in range(3)]
    assert len(set(got)) == 3
    assert dhcp_network.client("02:00:00:00:00:01").lease() == got[0]


def test_what_a_client_sends_is_given_by_option_names() -> None:
    network = SimulatedNetwork()
    network.client(host_name="alice", dhcp_client_identifier=b"\x00me").lease()
    (lease,) = network.leases.values()
    assert (lease.hostname, lease.client_key) == ("alice", b"\x00me")


def test_a_declined_address_is_not_given_again(dhcp_network: SimulatedNetwork) -> None:
    client = dhcp_network.client()
    client.lease()
    client.decline()
    assert client.lease() == IPv4Address("10.0.0.11")


def test_relayed_clients_lease_from_the_relays_subnet_and_never_see_option_82() -> None:
    network = SimulatedNetwork(
        [
            Subnet(network="10.0.0.0/24", pools=["10.0.0.10-10.0.0.20"]),
            Subnet(network="10.0.5.0/24", pools=["10.0.5.10-10.0.5.20"]),
        ]
    )
    relay = network.relay("10.0.5.1", circuit_id=b"port 7")
    client = relay.client()
    assert client.lease() == IPv4Address("10.0.5.10")
    assert client.reply is not None
    assert 82 not in client.reply.options
    (lease,) = network.leases.values()
    assert lease.relay_information == b"\x01\x06port 7"
    assert network.relay("192.0.2.1").client().lease() is None


def test_time_passes_only_when_it_is_told_to(dhcp_network: SimulatedNetwork) -> None:
    client = dhcp_network.client()
    client.lease()
    dhcp_network.fired.clear()
    dhcp_network.advance(3599)
    assert dhcp_network.trace == []
    dhcp_network.advance(2)
    assert dhcp_network.trace == ["lease_expired", "delete_client"]


def test_a_restarted_server_knows_what_was_durable(dhcp_network: SimulatedNetwork) -> None:
    client = dhcp_network.client()
    held = client.lease()
    dhcp_network.restart()
    assert dhcp_network.trace[-2:] == ["control(STOP)", "control(START)"]
    assert client.renew() is not None
    assert dhcp_network.client().lease() != held


def test_async_functions_of_a_callout_are_awaited() -> None:
    callout = Callout("slow")

    @callout.new_packet
    async def refuse(event: PacketReceived) -> Verdict | None:
        await asyncio.sleep(0)
        return Drop() if event.packet is not None and event.packet.chaddr[-1] == 1 else None

    network = SimulatedNetwork(callouts=[callout])
    assert network.client().lease() is None
    assert network.client().lease() == IPv4Address("10.0.0.10")
    assert network.trace[-1] == PROCESSED


def test_the_network_of_a_configuration_file_has_its_callouts_and_leases_in_memory(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("from dhcpcallout import Callout\ncallout = Callout('mine')\n")
    file = tmp_path / "dhcp.toml"
    file.write_text(
        f"""
[server]
listen = ["127.0.0.1:0"]
[callouts]
CalloutEnabled = 1
CalloutDlls = ['{tmp_path}/mine.py']
[[subnet]]
network = "10.7.0.0/24"
pools = ["10.7.0.10-10.7.0.20"]
"""
    )
    network = SimulatedNetwork.from_file(file)
    assert network.client().lease() == IPv4Address("10.7.0.10")
    assert [callout.name for callout in network.engine.hooks.callouts] == ["recorder", "mine"]
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix == ".db") == []


def test_a_sites_own_options_have_their_names_in_clients_and_callouts() -> None:
    registry = REGISTRY.with_definitions([OptionDefinition(224, "rack", "uint16")])
    callout, seen = Callout("c"), []

    @callout.new_packet
    def note(event: PacketReceived) -> None:
        seen.append(event.packet.get("rack") if event.packet is not None else None)

    subnet = Subnet(network="10.0.0.0/24", pools=["10.0.0.10-10.0.0.20"], options={"rack": 7}, always_send=["rack"])
    network = SimulatedNetwork([subnet], callouts=[callout], registry=registry)
    client = network.client(rack=3)
    client.lease()
    assert seen == [3, 3]
    assert client.reply is not None
    assert client.reply.get("rack") == 7


class TestAModulesOwnFixtures:
    @pytest.fixture
    def dhcp_subnets(self) -> list[Subnet]:
        reservation = Reservation(hardware_address="02:00:00:00:00:07", address="172.16.0.7")
        return [Subnet(network="172.16.0.0/24", reservations=[reservation], interface="lan")]

    def test_come_before_the_defaults(self, dhcp_network: SimulatedNetwork) -> None:
        assert dhcp_network.client("02:00:00:00:00:07").lease() == IPv4Address("172.16.0.7")
        assert dhcp_network.client().lease() is None
