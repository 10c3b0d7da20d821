"""Where datagrams come from and replies go: the only code that touches a socket or a frame."""

from .udp import Transport, UdpTransport, parse_listen

__all__ = ["Transport", "UdpTransport", "parse_listen"]
