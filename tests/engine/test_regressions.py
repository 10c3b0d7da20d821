"""What a machine with thousands of random histories has found (tests/property/test_server_machine.py)."""

from collections.abc import Callable
from typing import Any


def test_a_lease_lasts_at_least_as_long_as_its_client_was_told(make_lab: Callable[..., Any]) -> None:
    lab = make_lab()
    lab.now = 1_000_000.75
    assert str(lab.lease(1)) == "10.0.0.10"
    (lease,) = lab.stored.values()
    assert lease.starts_s <= lab.now
    assert lease.expires_s >= lab.now + 1000
    assert lease.is_active(lab.now + 999.9)
