"""Refuses the clients whose hardware addresses are on its list."""

from dhcpcallout import Callout, Drop, PacketReceived

REFUSED = {
    bytes.fromhex("00 0c 01 0b ad 01"),
    bytes.fromhex("00 0c 01 0b ad 02"),
}

callout = Callout("mac_filter")


@callout.new_packet
def refuse(event: PacketReceived) -> Drop | None:
    packet = event.packet  # None where the bytes are no DHCP message: the server will see for itself
    if packet is not None and packet.chaddr in REFUSED:
        return Drop()
    return None
