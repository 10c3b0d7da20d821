"""UDP sockets: draining, the address that was reached, errors that say where."""

import socket
import sys
from collections.abc import Callable
from ipaddress import IPv4Address

import pytest

from dhcpcallout.engine import Arrival, Delivery, Outgoing
from dhcpcallout.errors import TransportError
from dhcpcallout.transports import UdpTransport

LOOPBACK_INT = 0x7F000001


def wait_readable(transport: UdpTransport | socket.socket) -> None:
    import select

    assert select.select([transport], [], [], 5)[0]


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_datagrams_are_drained_up_to_the_limit_and_answered_from_the_address_they_reached(host: str) -> None:
    if host == "0.0.0.0" and sys.platform != "linux":
        pytest.skip("only Linux tells which address was reached")
    transport = UdpTransport(host, 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(("127.0.0.1", transport.address[1]))
        for number in range(5):
            client.send(bytes([number]))
        wait_readable(transport)
        first = transport.receive(3)
        rest = transport.receive(64)
        assert [data for data, _ in first + rest] == [b"\0", b"\1", b"\2", b"\3", b"\4"]
        arrival = first[0][1]
        assert arrival[:4] == (LOOPBACK_INT, client.getsockname()[1], LOOPBACK_INT, transport.address[1])
        assert arrival.source == IPv4Address("127.0.0.1")
        transport.send(Outgoing(b"reply", Delivery.UNICAST, arrival.source_int, arrival.source_port, b"", arrival))
        wait_readable(client)
        assert client.recv(100) == b"reply"
        assert transport.receive(64) == []
    transport.close()
    transport.close()


def test_an_unreachable_client_does_not_stop_the_receiving() -> None:
    transport = UdpTransport("127.0.0.1", 0)
    arrival = Arrival(LOOPBACK_INT, 9, LOOPBACK_INT, transport.address[1])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.bind(("127.0.0.1", 0))
        gone = client.getsockname()[1]
    for _ in range(3):
        transport.send(Outgoing(b"x", Delivery.UNICAST, LOOPBACK_INT, gone, b"", arrival))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(b"after", transport.address)
        wait_readable(transport)
        received = transport.receive(64)
    assert [data for data, _ in received] == [b"after"]
    transport.close()


def test_what_cannot_be_opened_says_where_and_why() -> None:
    taken = UdpTransport("127.0.0.1", 0)
    with pytest.raises(TransportError, match=rf"cannot listen on 127.0.0.1:{taken.address[1]}: .*in use"):
        UdpTransport(*taken.address)
    taken.close()
    with pytest.raises(TransportError, match=r"cannot listen on 192.0.2.77:6767"):
        UdpTransport("192.0.2.77", 6767)


def test_an_interface_that_is_not_there_is_named(require_system: Callable[..., None]) -> None:
    require_system(root=True)
    with pytest.raises(TransportError, match=r"on interface nonesuch0: No such device"):
        UdpTransport(port=0, interface="nonesuch0")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of drops")
def test_what_the_kernel_drops_is_counted() -> None:
    transport = UdpTransport("127.0.0.1", 0)
    sent = 40_000
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        for _ in range(sent):
            client.sendto(bytes(300), transport.address)
    kept = 0
    while arrived := transport.receive(64):
        kept += len(arrived)
    assert 0 < transport.drops == sent - kept
    transport.close()
    assert transport.drops == 0
