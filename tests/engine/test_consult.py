"""What Python callouts are asked and told beyond the callout ABI, and what their answers change."""

import asyncio
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING, Any

import pytest

from dhcpcallout.codes import INFINITE, AddressGiven, DropReason, MessageType, OptionCode
from dhcpcallout.engine import Reservation, Subnet
from dhcpcallout.events import AddressSelected, LeaseCommitted, LeaseExpired, ReplyPrepared, SubnetSelected
from dhcpcallout.hooks import Callout, Drop, Extend, InUse, Replace, UseAddress, UseSubnet
from dhcpcallout.leases import LeaseState
from dhcpcallout.testing import SimulatedNetwork

if TYPE_CHECKING:
    from dhcpcallout.wire import Packet

FIRST = Subnet(network="10.0.0.0/24", pools=["10.0.0.10-10.0.0.12"], lease_time_s=600)
SECOND = Subnet(
    network="10.0.7.0/24",
    pools=["10.0.7.10-10.0.7.12"],
    reservations=[Reservation(hardware_address="02:00:00:00:00:09", address="10.0.7.11")],
)
PROCESSED = "packet_drop(PROCESSED)"


@pytest.fixture
def callout() -> Callout:
    return Callout("policy")


@pytest.fixture
def net(callout: Callout) -> SimulatedNetwork:
    """Two subnets; the clients are in the first. The callout's functions are registered before the first packet."""
    return LateNetwork(callout)


class LateNetwork(SimulatedNetwork):
    """A network whose hooks are looked up when the first message is delivered."""

    def __init__(self, callout: Callout) -> None:
        self._started = False
        super().__init__([FIRST, SECOND], callouts=[callout])

    def deliver(self, message: Any, arrival: Any = None) -> Any:
        if not self._started:
            self._started = True
            self.restart()
            self.fired.clear()
        return super().deliver(message, arrival)

    @property
    def faults(self) -> int:
        return sum(self.engine.hooks.faults)


# The subnet


def test_a_function_is_asked_about_the_subnet_and_told_which_there_are(callout: Callout, net: LateNetwork) -> None:
    asked: list[SubnetSelected] = []

    @callout.select_subnet
    def ask(event: SubnetSelected) -> None:
        asked.append(event)

    assert net.client().lease() == IPv4Address("10.0.0.10")
    assert [event.subnet for event in asked] == [IPv4Network("10.0.0.0/24")] * 2
    assert asked[0].subnets == (IPv4Network("10.0.0.0/24"), IPv4Network("10.0.7.0/24"))
    assert asked[0].packet is not None


@pytest.mark.parametrize("network", ["10.0.7.0/24", IPv4Network("10.0.7.0/24")])
def test_a_function_may_put_a_client_in_another_subnet(callout: Callout, net: LateNetwork, network: Any) -> None:
    @callout.select_subnet
    async def choose(event: SubnetSelected) -> UseSubnet | None:
        await asyncio.sleep(0)
        assert event.packet is not None
        return UseSubnet(network) if event.packet.chaddr[-1] == 1 else None

    client = net.client()
    assert client.lease() == IPv4Address("10.0.7.10")
    renewed = client.renew()
    assert renewed is not None
    assert renewed.message_type is MessageType.ACK
    assert net.client().lease() == IPv4Address("10.0.0.10")
    assert net.faults == 0


def test_a_client_that_is_in_no_subnet_may_be_put_in_one(callout: Callout, net: LateNetwork) -> None:
    @callout.select_subnet
    def choose(event: SubnetSelected) -> UseSubnet | None:
        return (
            UseSubnet("10.0.7.0/24") if event.server_address == IPv4Address("10.0.0.1") and not event.subnet else None
        )

    relay = net.relay("192.0.2.1")
    assert relay.client().lease() == IPv4Address("10.0.7.10")


@pytest.mark.parametrize("network", ["10.0.8.0/24", "10.0.7.0/25", "10.0.7.1/24", "nowhere", 7, None])
def test_a_subnet_that_is_not_served_is_a_fault(callout: Callout, net: LateNetwork, network: Any) -> None:
    callout.select_subnet(lambda event: UseSubnet(network))
    assert net.client().lease() == IPv4Address("10.0.0.10")
    assert net.faults == 2


def test_a_client_of_no_good_subnet_may_be_dropped(callout: Callout, net: LateNetwork) -> None:
    callout.select_subnet(lambda event: Drop(DropReason.NO_SUBNETS))
    assert net.client().discover() is None
    assert net.trace[-2:] == ["packet_drop(NO_SUBNETS)", PROCESSED]


# The address


def test_a_function_is_asked_about_the_address_that_a_client_is_to_get(callout: Callout, net: LateNetwork) -> None:
    asked: list[AddressSelected] = []

    @callout.select_address
    def ask(event: AddressSelected) -> None:
        asked.append(event)

    client = net.client()
    client.lease()
    client.renew()
    (event,) = asked
    assert (event.address, event.subnet) == (IPv4Address("10.0.0.10"), IPv4Network("10.0.0.0/24"))
    assert event.why
    client.discover()
    assert asked[1].why != event.why


@pytest.mark.parametrize("address", ["10.0.0.12", IPv4Address("10.0.0.12"), 0x0A00000C])
def test_a_function_may_choose_another_address(callout: Callout, net: LateNetwork, address: Any) -> None:
    @callout.select_address
    async def choose(event: AddressSelected) -> UseAddress:
        await asyncio.sleep(0)
        return UseAddress(address)

    client = net.client()
    assert client.lease() == IPv4Address("10.0.0.12")
    assert net.client().lease() == IPv4Address("10.0.0.10")
    assert net.faults == 1  # the second client may not have it
    assert client.lease() == IPv4Address("10.0.0.12")


@pytest.mark.parametrize(
    "address", ["10.0.0.10", "10.0.0.200", "10.0.7.11", "10.0.7.10", "192.0.2.1", "x", 2**40, None]
)
def test_an_address_that_the_client_cannot_have_is_a_fault(callout: Callout, net: LateNetwork, address: Any) -> None:
    net.client().lease()
    callout.select_address(lambda event: UseAddress(address))
    net.restart()
    client = net.client()
    assert client.lease() == IPv4Address("10.0.0.11")
    assert net.faults == 1


def test_a_client_may_be_given_the_address_that_is_reserved_for_it(callout: Callout, net: LateNetwork) -> None:
    callout.select_subnet(lambda event: UseSubnet("10.0.7.0/24"))
    callout.select_address(lambda event: UseAddress("10.0.7.11"))
    assert net.client().lease() == IPv4Address("10.0.7.10")
    assert net.faults == 1
    assert net.client("02:00:00:00:00:09").lease() == IPv4Address("10.0.7.11")
    assert net.faults == 1


def test_an_address_in_use_rests_and_another_is_chosen(callout: Callout, net: LateNetwork) -> None:
    @callout.select_address
    async def probe(event: AddressSelected) -> InUse | None:
        await asyncio.sleep(0)
        return InUse() if event.address == IPv4Address("10.0.0.10") else None

    assert net.client().lease() == IPv4Address("10.0.0.11")
    slots = ["select_address", "address_delete(CONFLICT)", "select_address"]
    assert [name for name in net.trace if name in slots] == slots
    assert net.leases[0x0A00000A].state == LeaseState.DECLINED
    assert net.leases[0x0A00000A].client_key == b""
    assert net.client().lease() == IPv4Address("10.0.0.12")
    assert net.client().lease() is None
    net.advance(86400)
    assert net.leases[0x0A00000A].state == LeaseState.RELEASED


def test_the_address_in_use_is_the_one_that_the_function_was_asked_about(callout: Callout, net: LateNetwork) -> None:
    callout.select_address(lambda event: UseAddress("10.0.0.12"))
    callout.select_address(lambda event: InUse() if event.address == IPv4Address("10.0.0.12") else None)
    assert net.client().lease() == IPv4Address("10.0.0.10")
    assert [row.state for row in net.leases.values()] == [LeaseState.DECLINED, LeaseState.ACTIVE]
    assert net.leases[0x0A00000C].state == LeaseState.DECLINED


def test_where_every_address_is_in_use_the_client_gets_none_and_asks_again(callout: Callout, net: LateNetwork) -> None:
    callout.select_address(lambda event: InUse())
    assert net.client().discover() is None
    assert net.trace.count("address_delete(CONFLICT)") == 3
    assert net.trace[-2:] == ["packet_drop(NOADDRESS)", PROCESSED]
    assert len(net.leases) == 3


def test_a_large_pool_is_not_used_up_for_one_packet(callout: Callout) -> None:
    callout.select_address(lambda event: InUse())
    net = SimulatedNetwork([Subnet(network="10.0.0.0/8", pools=["10.0.0.10-10.255.0.0"])], callouts=[callout])
    assert net.client().discover() is None
    assert 1 < len(net.leases) < 100


def test_a_client_dropped_over_its_address_leaves_the_address_to_others(callout: Callout, net: LateNetwork) -> None:
    @callout.select_address
    def choose(event: AddressSelected) -> Drop | None:
        return Drop(DropReason.UNAUTH) if event.packet is not None and event.packet.chaddr[-1] == 1 else None

    assert net.client().discover() is None
    assert net.trace[-2:] == ["packet_drop(UNAUTH)", PROCESSED]
    assert net.client().lease() == IPv4Address("10.0.0.10")


# The reply


def set_domain(event: ReplyPrepared) -> None:
    event.reply.set("domain-name", "example.org")


def replace_domain(event: ReplyPrepared) -> Replace:
    set_domain(event)
    return Replace(event.reply)


def replace_bytes(event: ReplyPrepared) -> Replace:
    set_domain(event)
    return Replace(event.reply.encode())


async def set_domain_later(event: ReplyPrepared) -> None:
    await asyncio.sleep(0)
    set_domain(event)


@pytest.mark.parametrize("function", [set_domain, replace_domain, replace_bytes, set_domain_later])
def test_a_function_may_edit_the_options_of_any_reply(callout: Callout, net: LateNetwork, function: Any) -> None:
    callout.build_reply(function)
    client = net.client()
    replies = [client.discover(), client.inform("10.0.0.200"), client.reboot("192.0.2.1")]
    assert [reply and reply.message_type for reply in replies] == [MessageType.OFFER, MessageType.ACK, MessageType.NAK]
    for reply in replies:
        assert reply is not None
        assert reply.get("domain-name") == "example.org"
    assert net.faults == 0


def test_each_function_finds_the_reply_as_those_before_it_left_it(callout: Callout, net: LateNetwork) -> None:
    seen: list[Any] = []
    callout.build_reply(set_domain)
    callout.build_reply(lambda event: seen.append(event.reply.get("domain-name")))
    callout.build_reply(lambda event: Drop(DropReason.UNAUTH))
    callout.build_reply(lambda event: seen.append("after a drop"))
    assert net.client().discover() is None
    assert net.trace[-2:] == ["packet_drop(UNAUTH)", PROCESSED]
    assert seen == ["example.org"]


def test_what_a_function_keeps_of_a_reply_changes_nothing_later(callout: Callout, net: LateNetwork) -> None:
    kept: list[Packet] = []

    @callout.build_reply
    def keep(event: ReplyPrepared) -> None:
        set_domain(event)
        kept.append(event.reply)

    @callout.packet_send
    def spoil(event: object) -> None:
        kept[0].options.clear()

    offer = net.client().discover()
    assert offer is not None
    assert offer.get("domain-name") == "example.org"


def test_a_function_that_fails_leaves_the_reply_as_it_was(callout: Callout, net: LateNetwork) -> None:
    @callout.build_reply
    def fail(event: ReplyPrepared) -> None:
        set_domain(event)
        raise RuntimeError("no luck")

    offer = net.client().discover()
    assert offer is not None
    assert offer.get("domain-name") is None
    assert net.faults == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("yiaddr", "10.0.0.99"),
        ("xid", 7),
        ("op", 1),
        ("htype", 6),
        ("chaddr", b"\1\2\3\4\5\6"),
        ("giaddr", "10.0.0.9"),
        ("lease_time_s", 5),
        ("server_identifier", "10.0.0.9"),
        ("options", {}),
        ("options", {300: b""}),
        ("secs", -1),
    ],
)
def test_whose_reply_it_is_and_what_is_leased_cannot_be_changed(
    callout: Callout, net: LateNetwork, name: str, value: Any
) -> None:
    callout.build_reply(lambda event: setattr(event.reply, name, value))
    assert net.client().lease() == IPv4Address("10.0.0.10")
    assert net.faults == 2


def test_a_reply_that_is_no_message_is_a_fault(callout: Callout, net: LateNetwork) -> None:
    callout.build_reply(lambda event: Replace(b"short"))
    callout.build_reply(lambda event: Replace(event.reply_data[:250]))
    assert net.client().discover() is not None
    assert net.faults == 2


# Leases


def test_a_committed_lease_is_told_before_its_client_is(callout: Callout, net: LateNetwork) -> None:
    told: list[LeaseCommitted] = []

    @callout.lease_committed
    async def tell(event: LeaseCommitted) -> None:
        await asyncio.sleep(0)
        assert net.leases[event.lease.address_int] == event.lease
        told.append(event)

    client = net.client()
    client.lease()
    assert net.trace.index("lease_committed(NEW)") < net.trace.index("address_offer(NEW)")
    client.renew()
    assert [(str(event.address), event.given) for event in told] == [
        ("10.0.0.10", AddressGiven.NEW),
        ("10.0.0.10", AddressGiven.OLD),
    ]
    client.release()
    client.inform("10.0.0.200")
    assert len(told) == 2
    assert net.faults == 0


def test_a_reply_may_be_kept_back_though_its_lease_is_committed(callout: Callout, net: LateNetwork) -> None:
    callout.lease_committed(lambda event: Drop(DropReason.UNAUTH))
    assert net.client().lease() is None
    assert net.trace[-2:] == ["packet_drop(UNAUTH)", PROCESSED]
    assert "address_offer(NEW)" not in net.trace
    assert len(net.leases) == 1


def test_a_lease_whose_time_is_over_may_be_extended(callout: Callout, net: LateNetwork) -> None:
    told: list[LeaseExpired] = []

    @callout.lease_expired
    def extend(event: LeaseExpired) -> Extend | None:
        told.append(event)
        return Extend(100) if len(told) == 1 else None

    address = net.client().lease()
    net.fired.clear()
    net.advance(600)
    assert net.trace == ["lease_expired"]
    assert (told[0].address, told[0].lease.state) == (address, LeaseState.ACTIVE)
    (row,) = net.leases.values()
    assert (row.state, row.expires_s) == (LeaseState.ACTIVE, int(net.now) + 100)
    net.advance(99)
    assert len(told) == 1
    net.advance(1)
    assert net.trace == ["lease_expired", "lease_expired", "delete_client"]
    assert [row.state for row in net.leases.values()] == [LeaseState.RELEASED]
    net.advance(1000)
    assert len(told) == 2


def test_a_lease_may_be_extended_for_ever(callout: Callout, net: LateNetwork) -> None:
    callout.lease_expired(lambda event: Extend(INFINITE))
    net.client().lease()
    net.advance(600)
    assert [row.expires_s for row in net.leases.values()] == [INFINITE]


@pytest.mark.parametrize("how", ["asks for it", "needs any"])
def test_a_lease_that_is_extended_is_given_to_nobody_else(callout: Callout, net: LateNetwork, how: str) -> None:
    callout.lease_expired(lambda event: Extend(100) if event.lease.address_int == 0x0A00000A else None)
    clients = [net.client() for _ in range(3)]
    held = [client.lease() for client in clients]
    net.now += 600  # nobody has looked for ended leases yet
    other = net.client()
    offer = other.discover(held[0] if how == "asks for it" else None)
    assert offer is not None
    assert offer.yiaddr in held[1:]
    assert net.leases[0x0A00000A].client_key.endswith(b"\x01")
    reboot = other.message(MessageType.REQUEST)
    reboot.options |= {int(OptionCode.DHCP_REQUESTED_ADDRESS): held[0].packed}  # type: ignore[union-attr]
    reboot.set(OptionCode.DHCP_SERVER_IDENTIFIER, net.server_address)
    outgoing = net.deliver(reboot)
    assert outgoing is not None
    assert net.leases[0x0A00000A].client_key.endswith(b"\x01")
