"""What users test their own callouts and programs with: a simulated network, hypothesis strategies, a pytest plugin.

``dhcpcallout.testing.strategies`` needs hypothesis, and the plugin pytest: ``pip install dhcpcallout[testing]``.
"""

from .network import Fired, SimulatedClient, SimulatedNetwork, SimulatedRelay

__all__ = ["Fired", "SimulatedClient", "SimulatedNetwork", "SimulatedRelay"]
