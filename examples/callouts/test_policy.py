"""A test of a callout: whole exchanges, a renewal and the end of a lease, with no socket and no waiting.

The fixtures come with the package: ``pip install dhcpcallout[testing]``, then ``pytest test_policy.py``.
"""

from collections.abc import Sequence

import policy  # type: ignore[import-not-found]  # beside this file
import pytest

from dhcpcallout import Callout
from dhcpcallout.testing import SimulatedNetwork


@pytest.fixture
def dhcp_callouts() -> Sequence[Callout]:
    return [policy.callout]


def test_a_lease_from_its_first_packet_to_its_end(dhcp_network: SimulatedNetwork) -> None:
    client = dhcp_network.client(host_name="alice")
    assert str(client.lease()) == "10.0.0.10"
    dhcp_network.advance(1800)
    assert client.renew() is not None
    assert "address_offer(OLD)" in dhcp_network.trace
    dhcp_network.fired.clear()
    dhcp_network.advance(3601)
    assert dhcp_network.trace == ["lease_expired", "delete_client"]


def test_the_client_on_the_list_gets_nothing(dhcp_network: SimulatedNetwork) -> None:
    assert dhcp_network.client("02:00:00:00:0b:ad").lease() is None
    assert dhcp_network.trace[-2:] == ["packet_drop(GEN_FAILURE)", "packet_drop(PROCESSED)"]
