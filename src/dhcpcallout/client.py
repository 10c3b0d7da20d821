"""A DHCP client for trying servers out: it leases, renews and gives back addresses, and configures no interface."""

import os
import socket
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Self

from .codes import BROADCAST_FLAG, CLIENT_PORT, SERVER_PORT, MessageType, OptionCode
from .errors import ClientError, WireError
from .wire import Packet, decode

__all__ = ["Client", "ClientLease"]

_REQUESTED = (
    OptionCode.SUBNET_MASK,
    OptionCode.ROUTERS,
    OptionCode.DOMAIN_NAME_SERVERS,
    OptionCode.HOST_NAME,
    OptionCode.DOMAIN_NAME,
    OptionCode.BROADCAST_ADDRESS,
    OptionCode.NTP_SERVERS,
    OptionCode.DHCP_LEASE_TIME,
    OptionCode.DHCP_RENEWAL_TIME,
    OptionCode.DHCP_REBINDING_TIME,
)
_LARGEST = 65535


@dataclass(frozen=True, slots=True)
class ClientLease:
    """What a server granted.

    Attributes:
        address: The address.
        server: The server's identifier (option 54).
        lease_time_s: For how long, in seconds; 0xFFFFFFFF is for ever; None in the answer to an INFORM.
        packet: The whole ACK.
    """

    address: IPv4Address
    server: IPv4Address
    lease_time_s: int | None
    packet: Packet


class Client:
    """One client of one server, over a UDP socket of its own; a context manager.

    A server on port 67 answers to port 68, which takes root to listen on; one on any other port is expected to answer
    to where the request came from, as this package's does.

    Args:
        host: The server's address, or 255.255.255.255.
        port: The server's port.
        hardware_address: ``chaddr``; a random, locally administered Ethernet address where None.
        hostname: What to call itself (option 12), or "".
        timeout_s: How long to wait for each answer before asking again, in seconds; doubled each time.
        attempts: How often to ask.

    Raises:
        ClientError: The socket cannot be opened.
    """

    def __init__(
        self,
        host: str,
        port: int = SERVER_PORT,
        *,
        hardware_address: bytes | None = None,
        hostname: str = "",
        timeout_s: float = 1.0,
        attempts: int = 3,
    ) -> None:
        self.hardware_address = hardware_address or bytes((0x02,)) + os.urandom(5)
        self._server = (host, port)
        self._hostname = hostname
        self._timeout_s = timeout_s
        self._attempts = attempts
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            if port == SERVER_PORT:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
                self._socket.bind(("", CLIENT_PORT))
        except OSError as error:
            self._socket.close()
            raise ClientError(
                f"cannot listen on port {CLIENT_PORT}, where a server on port {SERVER_PORT} answers: {error.strerror}"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket. Calling it twice does no harm."""
        self._socket.close()

    def lease(self) -> ClientLease:
        """Get an address: DISCOVER, OFFER, REQUEST, ACK.

        Raises:
            ClientError: The server refused (NAK), or did not answer.
        """
        offer = self._exchange(self._packet(MessageType.DISCOVER), {MessageType.OFFER})
        server = _server_of(offer)
        request = self._packet(MessageType.REQUEST, xid=offer.xid)
        request.set(OptionCode.DHCP_REQUESTED_ADDRESS, offer.yiaddr)
        request.set(OptionCode.DHCP_SERVER_IDENTIFIER, server)
        return self._acknowledged(request)

    def renew(self, address: IPv4Address) -> ClientLease:
        """Renew a lease: REQUEST with ``ciaddr``, ACK.

        Raises:
            ClientError: The server refused (NAK), or did not answer.
        """
        return self._acknowledged(self._packet(MessageType.REQUEST, ciaddr=address))

    def reboot(self, address: IPv4Address) -> ClientLease:
        """Ask for an address that the client had before (INIT-REBOOT).

        Raises:
            ClientError: The server refused (NAK), or did not answer.
        """
        request = self._packet(MessageType.REQUEST)
        request.set(OptionCode.DHCP_REQUESTED_ADDRESS, address)
        return self._acknowledged(request)

    def inform(self, address: IPv4Address) -> ClientLease:
        """Ask for the network's options only, with an address got otherwise: INFORM, ACK.

        Raises:
            ClientError: The server did not answer.
        """
        return self._acknowledged(self._packet(MessageType.INFORM, ciaddr=address))

    def release(self, lease: ClientLease) -> None:
        """Give an address back. No answer is defined, so none is waited for.

        Raises:
            ClientError: The message could not be sent.
        """
        packet = self._packet(MessageType.RELEASE, ciaddr=lease.address)
        packet.set(OptionCode.DHCP_SERVER_IDENTIFIER, lease.server)
        self._send(packet)

    def decline(self, lease: ClientLease) -> None:
        """Say that an address is in use already. No answer is defined, so none is waited for.

        Raises:
            ClientError: The message could not be sent.
        """
        packet = self._packet(MessageType.DECLINE)
        packet.set(OptionCode.DHCP_REQUESTED_ADDRESS, lease.address)
        packet.set(OptionCode.DHCP_SERVER_IDENTIFIER, lease.server)
        self._send(packet)

    def _packet(self, message_type: MessageType, *, ciaddr: IPv4Address | int = 0, xid: int | None = None) -> Packet:
        packet = Packet(
            xid=int.from_bytes(os.urandom(4), "big") if xid is None else xid,
            flags=BROADCAST_FLAG if self._server[1] == SERVER_PORT and not int(ciaddr) else 0,
            ciaddr=ciaddr,
            chaddr=self.hardware_address,
            options={OptionCode.DHCP_MESSAGE_TYPE: bytes((message_type,))},
        )
        if message_type in (MessageType.DISCOVER, MessageType.REQUEST, MessageType.INFORM):
            packet.options[OptionCode.DHCP_PARAMETER_REQUEST_LIST] = bytes(_REQUESTED)
            if self._hostname:
                packet.set(OptionCode.HOST_NAME, self._hostname)
        return packet

    def _acknowledged(self, request: Packet) -> ClientLease:
        ack = self._exchange(request, {MessageType.ACK, MessageType.NAK})
        if ack.message_type is MessageType.NAK:
            reason = ack.get(OptionCode.DHCP_MESSAGE)
            raise ClientError(f"the server refused (NAK){f': {reason}' if reason else ''}")
        return ClientLease(ack.yiaddr, _server_of(ack), ack.lease_time_s, ack)

    def _exchange(self, request: Packet, wanted: Collection[MessageType | None]) -> Packet:
        patience_s = self._timeout_s
        for _ in range(self._attempts):
            self._send(request)
            answer = self._answer(request, wanted, patience_s, time.monotonic)
            if answer is not None:
                return answer
            patience_s *= 2
        kind = request.message_type.name if request.message_type is not None else "message"
        raise ClientError(f"no answer from {self._server[0]}:{self._server[1]}: asked {self._attempts} times ({kind})")

    def _send(self, packet: Packet) -> None:
        try:
            self._socket.sendto(packet.encode(), self._server)
        except OSError as error:
            raise ClientError(f"cannot send to {self._server[0]}:{self._server[1]}: {error.strerror}") from error

    def _answer(
        self, request: Packet, wanted: Collection[MessageType | None], patience_s: float, clock: Callable[[], float]
    ) -> Packet | None:
        deadline = clock() + patience_s
        while (left := deadline - clock()) > 0:
            self._socket.settimeout(left)
            try:
                answer = decode(self._socket.recv(_LARGEST))
            except TimeoutError:
                return None
            except (WireError, ConnectionError):
                continue  # not an answer; or nobody listens there yet
            if answer.xid == request.xid and answer.chaddr == request.chaddr and answer.message_type in wanted:
                return answer
        return None


def _server_of(packet: Packet) -> IPv4Address:
    server = packet.server_identifier
    if server is None:
        raise ClientError("the server's answer has no server identifier (option 54)")
    return server
