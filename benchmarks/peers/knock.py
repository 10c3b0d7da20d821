"""Ask a DHCP server for an offer, as a relay agent does, until it makes one; print the monotonic clock's time then.

python -m benchmarks.peers.knock RELAY SERVER SECONDS
"""

import socket
import struct
import sys
import time

__all__ = ["discover", "main"]

_PERIOD_S = 0.01
_HARDWARE = b"\x0e\xff\xff\xff\xff\xff"
"""No client of perfdhcp's: an offer to it is all that the server ever makes."""


def discover(relay: str, xid: int = 0x6B6E6F63) -> bytes:
    """A DISCOVER that the relay agent with this address has passed on."""
    header = struct.pack(
        "!BBBBIHH4s4s4s4s16s192x",
        1,
        1,
        6,
        1,
        xid,
        0,
        0,
        bytes(4),
        bytes(4),
        bytes(4),
        socket.inet_aton(relay),
        _HARDWARE,
    )
    return header + b"\x63\x82\x53\x63" + b"\x35\x01\x01" + b"\x37\x03\x01\x03\x06" + b"\xff"


def main(relay: str, server: str, seconds: str) -> int:
    give_up = time.monotonic() + float(seconds)
    message = discover(relay)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as knocking:
        knocking.bind((relay, 67))
        knocking.settimeout(_PERIOD_S)
        while time.monotonic() < give_up:
            try:
                knocking.sendto(message, (server, 67))
                reply = knocking.recv(2048)
            except OSError:  # nothing yet: silence, or ICMP's word that nobody listens
                time.sleep(_PERIOD_S / 10)
                continue
            if reply[4:8] == message[4:8] and b"\x35\x01\x02" in reply[240:]:
                print(time.monotonic())
                return 0
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
