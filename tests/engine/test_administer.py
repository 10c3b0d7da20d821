"""What an administrator changes: the engine, its callouts and its free addresses take it as it comes."""

from ipaddress import IPv4Address
from typing import Any

import pytest

from dhcpcallout.codes import MessageType
from dhcpcallout.engine import Arrival
from dhcpcallout.leases import Lease, LeaseState
from dhcpcallout.wire import encode


def row(address: str, client: int, state: LeaseState = LeaseState.ACTIVE) -> Lease:
    hardware_address = b"\x02\0" + client.to_bytes(4, "big")
    return Lease(int(IPv4Address(address)), b"\1" + hardware_address, 1, hardware_address, state, 1_000_000, 1_001_000)


def administer(lab: Any, address: str, lease: Lease | None) -> None:
    change = lab.engine.administer(int(IPv4Address(address)), lease)
    lab.store(change.address_int, change.before, change.after)


def test_a_lease_that_is_added_is_its_clients(make_lab: Any) -> None:
    lab = make_lab()
    administer(lab, "10.0.0.11", row("10.0.0.11", 1))
    assert lab.lease(2) == IPv4Address("10.0.0.10")
    assert lab.lease(1) == IPv4Address("10.0.0.11")
    assert lab.lease(3) == IPv4Address("10.0.0.12")
    assert lab.lease(4) is None


def test_an_address_that_was_offered_to_another_is_the_clients_all_the_same(make_lab: Any, messages: Any) -> None:
    lab = make_lab()
    offer = lab.send(messages.message(MessageType.DISCOVER, 1))
    administer(lab, str(offer.yiaddr), row(str(offer.yiaddr), 2))
    assert lab.send(messages.selecting(1, offer.yiaddr)).message_type is MessageType.NAK
    assert lab.lease(2) == offer.yiaddr
    assert lab.lease(1) == IPv4Address("10.0.0.11")


def test_a_lease_that_is_deleted_is_free_and_its_client_was_told_of(make_lab: Any) -> None:
    lab = make_lab()
    assert [lab.lease(client) for client in (1, 2, 3)] == [IPv4Address(f"10.0.0.{last}") for last in (10, 11, 12)]
    assert lab.lease(4) is None
    lab.fired.clear()
    administer(lab, "10.0.0.11", None)
    assert lab.fired == ["delete_client"]
    assert lab.engine.lease_of(int(IPv4Address("10.0.0.11"))) is None
    assert lab.lease(4) == IPv4Address("10.0.0.11")


def test_whoever_keeps_a_lease_is_not_told_to_have_lost_it(make_lab: Any) -> None:
    lab = make_lab()
    lab.lease(1)
    lab.fired.clear()
    administer(lab, "10.0.0.10", row("10.0.0.10", 1)._replace(hostname="printer"))
    assert lab.fired == []
    administer(lab, "10.0.0.10", row("10.0.0.10", 2))
    assert lab.fired == ["delete_client"]


def test_a_lease_that_is_added_ends_in_its_time(make_lab: Any) -> None:
    lab = make_lab()
    administer(lab, "10.0.0.11", row("10.0.0.11", 1))
    assert lab.engine.next_expiry_s() == 1_001_000
    lab.now = 1_001_000.0
    lab.expire()
    assert lab.fired == ["delete_client"]
    assert lab.stored[int(IPv4Address("10.0.0.11"))].state == LeaseState.RELEASED


def test_an_address_of_no_subnet_is_refused(make_lab: Any) -> None:
    lab = make_lab()
    with pytest.raises(LookupError, match=r"192\.0\.2\.1 is in no subnet"):
        administer(lab, "192.0.2.1", row("192.0.2.1", 1))
    assert lab.engine.lease_of(int(IPv4Address("192.0.2.1"))) is None


@pytest.mark.parametrize("administrator_first", [True, False])
def test_what_cannot_become_durable_is_undone_in_its_order(
    administrator_first: bool, make_lab: Any, messages: Any
) -> None:
    lab = make_lab()
    address = lab.lease(1)
    before = lab.engine.lease_of(int(address))
    lab.now += 10
    decided: list[Any] = []

    def administrate() -> None:
        decided.append(lab.engine.administer(int(address), before._replace(hostname="renamed")))

    def renew() -> None:
        request = messages.message(MessageType.REQUEST, 1, ciaddr=address)
        decided.append(lab.engine.receive(encode(request).data, Arrival(0, 68, 0x0A000001), lab.now))

    for step in (administrate, renew) if administrator_first else (renew, administrate):
        step()
    assert lab.engine.lease_of(int(address)) != before
    lab.engine.abandon(decided)
    assert lab.engine.lease_of(int(address)) == before
