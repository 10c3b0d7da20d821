"""Where datagrams come from and replies go: the only code that touches a socket or a frame."""

from .reading import Reader, open_reader
from .udp import Transport, UdpTransport, parse_listen

__all__ = ["Reader", "Transport", "UdpTransport", "open_reader", "parse_listen"]
