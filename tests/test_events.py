"""Events: what they say of addresses and packets, and that they lend nothing of the server's."""

from dataclasses import FrozenInstanceError, fields, replace
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest

from dhcpcallout.codes import AddressDeleteReason, AddressGiven, AddressType, ControlCode
from dhcpcallout.errors import WireError
from dhcpcallout.events import (
    AddressDeleted,
    AddressOffered,
    AddressSelected,
    ClientDeleted,
    Context,
    LeaseCommitted,
    LeaseExpired,
    PacketEvent,
    PacketReceived,
    ReplyBuilt,
    ServiceControlled,
)
from dhcpcallout.hooks import SLOTS
from dhcpcallout.leases import Lease
from dhcpcallout.wire import REGISTRY, Packet, encode

ADDRESS_INT = 0x0A000011
ADDRESS = IPv4Address("10.0.0.17")
LEASE = Lease(ADDRESS_INT, b"key", 1, b"hardware", 0, 0, 10)
COMMON: dict[str, Any] = {"data": b"short", "server_address_int": 0x0A000001, "context": {}}


@pytest.mark.parametrize(
    "event",
    [
        AddressDeleted(address_int=ADDRESS_INT, reason=AddressDeleteReason.CONFLICT, **COMMON),
        AddressOffered(
            address_int=ADDRESS_INT,
            given=AddressGiven.NEW,
            address_type=AddressType.DHCP,
            lease_time_s=60,
            **COMMON,
        ),
        AddressSelected(address_int=ADDRESS_INT, subnet=IPv4Network("10.0.0.0/24"), why="", **COMMON),
        LeaseCommitted(lease=LEASE, given=AddressGiven.NEW, **COMMON),
        ClientDeleted(ADDRESS_INT, b"hardware", AddressType.DHCP),
        LeaseExpired(LEASE),
    ],
    ids=lambda event: type(event).__name__,
)
def test_an_address_in_an_event_is_the_one_of_its_number(event: Any) -> None:
    assert event.address == ADDRESS


def test_a_packets_event_says_where_it_came_from_and_to() -> None:
    event = PacketReceived(source_int=ADDRESS_INT, source_port=68, interface="lan", **COMMON)
    assert (event.source, event.server_address) == (ADDRESS, IPv4Address("10.0.0.1"))


@pytest.mark.parametrize("slot", SLOTS, ids=lambda slot: slot.name)
def test_an_event_cannot_be_changed(slot: Any) -> None:
    event = slot.event.__new__(slot.event)
    for field in fields(slot.event):
        with pytest.raises(FrozenInstanceError):
            setattr(event, field.name, None)


@pytest.mark.parametrize("slot", [slot for slot in SLOTS if slot.may_be_async], ids=lambda slot: slot.name)
def test_an_event_made_of_values_is_one_made_of_names_and_cannot_be_changed_either(slot: Any) -> None:
    names = [field.name for field in fields(slot.event) if field.init and field.name not in ("context", "registry")]
    context: Context = {}
    made = slot.make(tuple(names), context, REGISTRY)
    assert made == slot.event(**dict(zip(names, names, strict=True)), context=context)
    assert type(made) is slot.event
    assert made.context is context
    with pytest.raises(FrozenInstanceError):
        made.data = b""
    with pytest.raises(FrozenInstanceError):
        del made.data


def test_an_event_can_be_matched_and_copied_with_another_value() -> None:
    match PacketReceived(source_int=ADDRESS_INT, source_port=68, interface="lan", **COMMON):
        case PacketReceived(interface="lan", data=data) as event:
            assert data == b"short"
            assert replace(event, interface="dmz").interface == "dmz"
        case _:
            pytest.fail("it matched nothing")


def test_a_packet_is_decoded_once_for_an_event_and_anew_for_another() -> None:
    common = COMMON | {"data": encode(Packet(xid=7, options={12: b"name"})).data}
    first, second = (PacketEvent(**common) for _ in range(2))
    assert first.packet is first.packet
    assert first.packet is not None
    assert second.packet is not None
    first.packet.options[12] = b"other"
    assert second.packet.options[12] == b"name"


def test_bytes_that_are_no_message_have_no_packet() -> None:
    assert PacketEvent(**COMMON).packet is None


def test_a_reply_has_its_request() -> None:
    reply = ReplyBuilt(request_data=encode(Packet(xid=7)).data, **COMMON)
    assert reply.request.xid == 7
    with pytest.raises(WireError):
        _ = ReplyBuilt(request_data=b"short", **COMMON).request


def test_the_events_of_a_packet_are_told_from_those_of_none() -> None:
    assert {slot.name for slot in SLOTS if not slot.may_be_async} == {"control", "delete_client", "lease_expired"}
    assert not isinstance(ServiceControlled(ControlCode.START), PacketEvent)
