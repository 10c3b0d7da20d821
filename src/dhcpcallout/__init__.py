"""A DHCPv4 server library with pluggable callouts."""

__version__ = "0.1.0"
