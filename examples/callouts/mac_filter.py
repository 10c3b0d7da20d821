"""Refuses the clients whose hardware addresses are in the file that MAC_FILTER names, one a line: 00:0c:01:02:03:04."""

import os
from pathlib import Path

from dhcpcallout.events import PacketReceived
from dhcpcallout.hooks import Callout, CalloutEntry, Drop

callout = Callout("mac_filter")
refused: set[bytes] = set()


@callout.on_load
def read_list(_entry: CalloutEntry) -> None:
    for line in Path(os.environ["MAC_FILTER"]).read_text().splitlines():
        if line and not line.startswith("#"):
            refused.add(bytes.fromhex(line.replace(":", "")))


@callout.new_packet
def refuse(event: PacketReceived) -> Drop | None:
    packet = event.packet  # None: the bytes are no DHCP message, which the server will see for itself
    return Drop() if packet is not None and packet.chaddr in refused else None
