"""What clients.toml asks Python about, most of it in vain."""

from dhcpcallout.wire import Packet


def is_any(packet: Packet) -> bool:
    """A function that a class may have."""
    return packet is not None


async def is_waited_for(packet: Packet) -> bool:
    """No function for a class: nobody awaits it."""
    return is_any(packet)


NUMBER = 7
