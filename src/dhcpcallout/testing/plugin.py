"""The pytest plugin: a simulated network as a fixture, with the callouts and subnets that a test module asks for.

A test module overrides ``dhcp_callouts`` or ``dhcp_subnets`` where the defaults are not what it wants.
"""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..engine import Subnet
    from ..hooks import Callout
    from .network import SimulatedNetwork

__all__ = ["dhcp_callouts", "dhcp_network", "dhcp_subnets"]


@pytest.fixture
def dhcp_callouts() -> "Sequence[Callout]":
    """The callouts under test, in order: none, until a test module overrides this fixture."""
    return ()


@pytest.fixture
def dhcp_subnets() -> "Sequence[Subnet]":
    """The subnets to serve: 10.0.0.0/24 from 10.0.0.10 on, until a test module overrides this fixture."""
    return ()


@pytest.fixture
def dhcp_network(dhcp_callouts: "Sequence[Callout]", dhcp_subnets: "Sequence[Subnet]") -> "SimulatedNetwork":
    """A ``SimulatedNetwork`` with a server in it: no socket, and a clock that only the test moves."""
    from .network import SimulatedNetwork

    return SimulatedNetwork(dhcp_subnets, callouts=dhcp_callouts)
