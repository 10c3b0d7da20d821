"""Ethernet frames to clients that have no address yet, and so cannot answer ARP (RFC 2131 section 4.1)."""

import socket
from struct import Struct
from typing import Self

from ..engine import Outgoing

__all__ = ["FrameSender", "build_frame"]

_ETHERNET_LENGTH = 6
_ETHERNET = Struct("!6s6sH")  # destination, source, EtherType
_IP = Struct("!BBHHHBBHII")  # version and header length to destination (RFC 791 section 3.1)
_UDP = Struct("!HHHH")  # source port to checksum (RFC 768)
_TO_SUM = Struct("!IIHH")  # the addresses, protocol and length that a UDP checksum covers as well (RFC 768)
_IPV4, _PROTOCOL, _TTL = 0x0800, 17, 64


def build_frame(outgoing: Outgoing, source_hardware_address: bytes) -> bytes:
    """The Ethernet frame that carries a reply to its client's hardware address.

    Args:
        outgoing: The reply; its ``hardware_address`` is 6 bytes.
        source_hardware_address: The sending interface's own, 6 bytes.
    """
    # Packed by hand: dpkt's objects take ten times as long, and every reply to a client on the link is a frame.
    data, arrival, destination_int = outgoing.data, outgoing.arrival, outgoing.address_int
    size = _UDP.size + len(data)
    ports = arrival.server_port, outgoing.port, size
    summed = _sum(
        _TO_SUM.pack(arrival.server_address_int, destination_int, _PROTOCOL, size) + _UDP.pack(*ports, 0) + data
    )
    header = 0x45, 0, _IP.size + size, 0, 0, _TTL, _PROTOCOL
    ip_checksum = (0xFFFF - _sum(_IP.pack(*header, 0, arrival.server_address_int, destination_int))) % 0xFFFF
    return (
        _ETHERNET.pack(outgoing.hardware_address, source_hardware_address, _IPV4)
        + _IP.pack(*header, ip_checksum, arrival.server_address_int, destination_int)
        + _UDP.pack(*ports, 0xFFFF - summed)  # never 0, which stands for "no checksum"
        + data
    )


def _sum(data: bytes) -> int:
    """The one's complement sum of 16-bit words (RFC 1071), 0 to 0xFFFE: what is left of a division by 0xFFFF."""
    return int.from_bytes(data + bytes(len(data) % 2), "big") % 0xFFFF


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
