"""Ethernet frames to clients that have no address yet, and so cannot answer ARP (RFC 2131 section 4.1)."""

import socket
from typing import Self

from ..engine import Outgoing

__all__ = ["FrameSender", "build_frame"]

_ETHERNET_LENGTH = 6


def build_frame(outgoing: Outgoing, source_hardware_address: bytes) -> bytes:
    """The Ethernet frame that carries a reply to its client's hardware address.

    Args:
        outgoing: The reply; its ``hardware_address`` is 6 bytes.
        source_hardware_address: The sending interface's own, 6 bytes.
    """
    import dpkt  # which takes long to load, and which only a server with an interface needs

    udp = dpkt.udp.UDP(sport=outgoing.arrival.server_port, dport=outgoing.port, data=outgoing.data)
    udp.ulen = len(udp)
    ip = dpkt.ip.IP(
        src=outgoing.arrival.server_address_int.to_bytes(4, "big"),
        dst=outgoing.address_int.to_bytes(4, "big"),
        p=dpkt.ip.IP_PROTO_UDP,
        ttl=64,
        data=udp,
    )
    ip.len = len(ip)
    frame = dpkt.ethernet.Ethernet(dst=outgoing.hardware_address, src=source_hardware_address, data=ip)
    return bytes(frame)


class FrameSender:
    """A packet socket on one interface.

    Args:
        packet_socket: An AF_PACKET socket that is bound to an Ethernet interface.
    """

    def __init__(self, packet_socket: socket.socket) -> None:
        self._socket = packet_socket
        self._own_address: bytes = packet_socket.getsockname()[4]

    @classmethod
    def on(cls, interface: str) -> Self | None:
        """A sender on an interface; None where the system, or this process' rights, allow for none."""
        if not hasattr(socket, "AF_PACKET"):
            return None
        try:
            packet_socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        except PermissionError:
            return None
        try:
            packet_socket.bind((interface, 0))
            sender = cls(packet_socket)
        except OSError:
            packet_socket.close()
            return None
        if len(sender._own_address) != _ETHERNET_LENGTH:
            sender.close()
            return None
        return sender

    def send(self, outgoing: Outgoing) -> bool:
        """Send a reply as a frame.

        Returns:
            Whether it could be: a client that is not on an Ethernet gets no frame.

        Raises:
            OSError: It could not be sent.
        """
        if len(outgoing.hardware_address) != _ETHERNET_LENGTH:
            return False
        self._socket.send(build_frame(outgoing, self._own_address))
        return True

    def close(self) -> None:
        """Release the socket."""
        self._socket.close()
