"""Hypothesis strategies for DHCP: ``pip install dhcpcallout[testing]``, then fuzz callouts and programs with them."""

from .packets import any_packets, bootp_packets, hostile_bytes, packets
from .values import option_data, option_values, options

__all__ = ["any_packets", "bootp_packets", "hostile_bytes", "option_data", "option_values", "options", "packets"]
