"""What the configurations in this folder ask Python about."""

from dhcpcallout.wire import Packet


def is_even(packet: Packet) -> bool:
    """Whether the client's hardware address is an even number."""
    return packet.chaddr[-1:] != b"" and packet.chaddr[-1] % 2 == 0


def has_a_long_asset_tag(packet: Packet) -> bool:
    """Whether the client sends an asset tag, an option that the file defines, of more than eight characters."""
    tag = packet.get("asset-tag")
    return isinstance(tag, str) and len(tag) > 8
