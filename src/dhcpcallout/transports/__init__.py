"""Where datagrams come from and replies go: the only code that touches a socket or a frame."""

from .udp import Transport, UdpTransport

__all__ = ["Transport", "UdpTransport"]
