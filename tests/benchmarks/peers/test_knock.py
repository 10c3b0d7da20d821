"""The knock at a server's door is a DISCOVER that a relay agent has passed on."""

from benchmarks.peers.knock import discover

from dhcpcallout.codes import MessageType
from dhcpcallout.wire import decode


def test_the_knock_is_a_relayed_discover() -> None:
    packet = decode(discover("10.0.0.2"))
    assert packet.get("dhcp-message-type") is MessageType.DISCOVER
    assert str(packet.giaddr) == "10.0.0.2"
    assert packet.hops == 1
    assert len(packet.chaddr) == 6
