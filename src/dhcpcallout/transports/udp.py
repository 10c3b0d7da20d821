"""UDP sockets: one for each address or interface, drained without blocking, answering the way a packet came in."""

import errno
import socket
import struct
import sys
from contextlib import suppress
from ipaddress import IPv4Address
from typing import Protocol

from ..codes import SERVER_PORT
from ..engine import Arrival, Delivery, Outgoing
from ..errors import TransportError
from .frames import FrameSender

__all__ = ["Transport", "UdpTransport", "parse_listen"]

_LARGEST = 0xFFFF  # a datagram, in bytes; and a port
_RECEIVE_BUFFER = 4 << 20
"""Bytes, the kernel's own needs among them: thousands of packets, which is less than a second's worth in a flood."""
_SO_RCVBUFFORCE = 33  # Linux, for who may administer the network: beyond net.core.rmem_max
_SO_MEMINFO = 55  # Linux 4.12 and newer: eight numbers on the socket's memory, and the drops (sock_diag(7))
_MEMINFO = struct.Struct("=9I")
_DROPS = 8
_IP_PKTINFO = 8  # Linux; Python names it from 3.14 on
_PKTINFO = struct.Struct("=I4s4s")  # ifindex, local address, destination: struct in_pktinfo of ip(7)
_BROADCAST = "255.255.255.255"


def parse_listen(text: str) -> tuple[str, int]:
    """An address and a port from ``127.0.0.1:6767``, or ``127.0.0.1``, whose port is 67.

    Raises:
        ValueError: It is neither.
    """
    host, colon, port_text = text.partition(":")
    try:
        address = IPv4Address(host)
        port = int(port_text) if colon else SERVER_PORT
    except ValueError:
        raise ValueError(f'"{text}" is not an address and a port, such as 127.0.0.1:6767') from None
    if not 0 <= port <= _LARGEST:
        raise ValueError(f"port {port} is not 0 to {_LARGEST}")
    return str(address), port


class Transport(Protocol):
    """Where datagrams come from and replies go."""

    @property
    def address(self) -> tuple[str, int]:
        """The address and port that it listens on."""

    @property
    def drops(self) -> int:
        """How many datagrams the system has dropped because they were not read in time; 0 where it does not tell."""

    def fileno(self) -> int:
        """What a selector waits on."""

    def receive(self, limit: int) -> list[tuple[bytes, Arrival]]:
        """What has arrived, at most ``limit`` datagrams; never waits, and raises nothing for a packet's sake."""

    def send(self, outgoing: Outgoing) -> None:
        """Send a reply.

        Raises:
            OSError: It could not be sent.
        """

    def close(self) -> None:
        """Release the socket. Calling it twice does no harm."""


class UdpTransport:
    """A UDP socket bound to one address, to all of them (0.0.0.0, on Linux), or to an interface (on Linux, root).

    Args:
        host: The address to bind, dotted.
        port: The port; 0 has the system choose one.
        interface: The interface to bind to, or "" for none: replies then leave by routing, and a client without an
            address is reached by broadcast. On an interface such a client is sent a frame of its own.

    Raises:
        TransportError: The socket cannot be opened or bound.
    """

    def __init__(self, host: str = "0.0.0.0", port: int = SERVER_PORT, *, interface: str = "") -> None:
        self._interface = interface
        self._frames: FrameSender | None = None
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        where = f"{host}:{port}" + (f" on interface {interface}" if interface else "")
        try:
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            self._size_buffer()
            if interface:
                if not hasattr(socket, "SO_BINDTODEVICE"):
                    raise OSError(errno.ENOTSUP, "this system cannot bind a socket to an interface; use listen instead")
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
            self._knows_destination = bool(interface) or host == "0.0.0.0"
            if self._knows_destination:
                if sys.platform != "linux":
                    raise OSError(errno.ENOTSUP, "only Linux tells which address was reached; name the address instead")
                self._socket.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
            self._socket.bind((host, port))
            if interface:
                self._frames = FrameSender.on(interface)
        except OSError as error:
            self.close()
            raise TransportError(error.errno, f"cannot listen on {where}: {error.strerror or error}") from error
        self._host, self._port = self._socket.getsockname()
        self._host_int = int(IPv4Address(self._host))

    def _size_buffer(self) -> None:
        if sys.platform == "linux":
            try:
                self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER)
                return
            except PermissionError:
                pass
        with suppress(OSError):  # some systems refuse what is too much for them, and keep what they have
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)

    def __str__(self) -> str:
        return f"{self._host}:{self._port}" + (f" on {self._interface}" if self._interface else "")

    @property
    def address(self) -> tuple[str, int]:
        """The address and port that it listens on."""
        return self._host, self._port

    @property
    def interface(self) -> str:
        """The interface that it is bound to, or ""."""
        return self._interface

    @property
    def drops(self) -> int:
        """How many datagrams the kernel has dropped for lack of room in the buffer; 0 where it does not tell."""
        if sys.platform == "linux":
            with suppress(OSError, struct.error):
                numbers = _MEMINFO.unpack(self._socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size))
                return int(numbers[_DROPS])
        return 0

    def fileno(self) -> int:
        """What a selector waits on."""
        return self._socket.fileno()

    def receive(self, limit: int) -> list[tuple[bytes, Arrival]]:
        """What has arrived, at most ``limit`` datagrams; never waits, and raises nothing for a packet's sake."""
        arrived: list[tuple[bytes, Arrival]] = []
        for _ in range(limit):
            try:
                if self._knows_destination:
                    data, ancillary, _, source = self._socket.recvmsg(_LARGEST, 64)
                    server_int, interface = self._reached(ancillary)
                else:
                    data, source = self._socket.recvfrom(_LARGEST)
                    server_int, interface = self._host_int, ""
            except BlockingIOError:
                break
            except OSError:
                continue  # what an earlier reply ran into (ICMP port unreachable) is told here
            source_int = int.from_bytes(socket.inet_aton(source[0]), "big")
            arrived.append((data, Arrival(source_int, source[1], server_int, self._port, interface)))
        return arrived

    def _reached(self, ancillary: list[tuple[int, int, bytes]]) -> tuple[int, str]:
        for level, kind, value in ancillary:
            if level == socket.IPPROTO_IP and kind == _IP_PKTINFO:
                index, local, _ = _PKTINFO.unpack_from(value)
                interface = self._interface
                if not interface:
                    try:
                        interface = socket.if_indextoname(index)
                    except OSError:
                        interface = ""
                return int.from_bytes(local, "big"), interface
        return self._host_int, self._interface

    def send(self, outgoing: Outgoing) -> None:
        """Send a reply from the address that the request reached.

        Raises:
            OSError: It could not be sent.
        """
        if outgoing.delivery is Delivery.UNICAST:
            host = socket.inet_ntoa(outgoing.address_int.to_bytes(4, "big"))
        elif outgoing.delivery is Delivery.HARDWARE and self._frames is not None and self._frames.send(outgoing):
            return
        else:
            host = _BROADCAST
        if self._knows_destination:
            local = outgoing.arrival.server_address_int.to_bytes(4, "big")
            pktinfo = (socket.IPPROTO_IP, _IP_PKTINFO, _PKTINFO.pack(0, local, bytes(4)))
            self._socket.sendmsg([outgoing.data], [pktinfo], 0, (host, outgoing.port))
        else:
            self._socket.sendto(outgoing.data, (host, outgoing.port))

    def close(self) -> None:
        """Release the socket. Calling it twice does no harm."""
        self._socket.close()
        if self._frames is not None:
            self._frames.close()
