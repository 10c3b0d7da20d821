"""What a machine with thousands of random histories has found (tests/property/test_server_machine.py)."""

from collections.abc import Callable
from ipaddress import IPv4Address
from typing import Any

from dhcpcallout.codes import MessageType, OptionCode
from dhcpcallout.engine import Arrival, Subnet
from dhcpcallout.leases import Lease, LeaseChange, Refusal
from dhcpcallout.wire import encode


def test_a_lease_lasts_at_least_as_long_as_its_client_was_told(make_lab: Callable[..., Any]) -> None:
    lab = make_lab()
    lab.now = 1_000_000.75
    assert str(lab.lease(1)) == "10.0.0.10"
    (lease,) = lab.stored.values()
    assert lease.starts_s <= lab.now
    assert lease.expires_s >= lab.now + 1000
    assert lease.is_active(lab.now + 999.9)


def test_several_refused_changes_of_an_address_leave_the_row_of_the_store(
    make_lab: Callable[..., Any], messages: Any
) -> None:
    lab = make_lab(Subnet(network="10.0.0.0/24", pools=["10.0.0.10-10.0.0.10"], lease_time_s=1000))
    engine = lab.engine
    arrival = Arrival(0, 68, 0x0A000001, interface="lan")
    lab.lease(1)
    (address_int,) = lab.stored
    # In one turn, a client gives its address back and another gets it; meanwhile another server has renewed the lease.
    server = {int(OptionCode.DHCP_SERVER_IDENTIFIER): b"\x0a\0\0\x01"}
    release = messages.message(MessageType.RELEASE, 1, ciaddr=IPv4Address(address_int), options=server)
    released = engine.receive(encode(release).data, arrival, lab.now)
    lab.send(messages.message(MessageType.DISCOVER, 2))
    granted = engine.receive(encode(messages.selecting(2, "10.0.0.10")).data, arrival, lab.now)
    changes = [*released.changes, *granted.changes]
    winner = lab.stored[address_int]._replace(expires_s=int(lab.now) + 2000)
    refusals = [Refusal(change, winner) for change in changes]
    assert len(refusals) == 2

    engine.take_over(refusals, changes)
    assert list(engine.leases()) == [winner]
    engine.refuse(released, (), lab.now)
    engine.refuse(granted, (), lab.now)
    row: Lease | None = winner
    for change in (*released.changes, *granted.changes):
        assert change.before == row
        row = change.after
    assert list(engine.leases()) == [row]


def test_a_row_that_has_won_and_was_replaced_since_is_not_taken_over(make_lab: Callable[..., Any]) -> None:
    lab = make_lab()
    lab.lease(1)
    (row,) = lab.stored.values()
    winner, ours = row._replace(expires_s=row.expires_s + 1), row._replace(expires_s=row.expires_s + 2)
    lab.engine.take_over([Refusal(LeaseChange(None, row), winner)])
    assert list(lab.engine.leases()) == [winner]
    lost, written = LeaseChange(row, row), LeaseChange(winner, ours)
    lab.engine.take_over([Refusal(written, ours)])
    lab.engine.take_over([Refusal(lost, winner)], [lost, written])
    assert list(lab.engine.leases()) == [ours]
