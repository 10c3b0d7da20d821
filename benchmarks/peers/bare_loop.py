"""No DHCP server, but the least that one in Python does: read, look the client up in a dict, answer, store nothing.

    python -m benchmarks.peers.bare_loop

What it makes a second is about what CPython and the kernel leave room for. It takes every message for one with
option 53 first, and lays the options out as perfdhcp expects them.
"""

import socket
import struct

from .network import SERVER
from .servers import FIRST, LEASE_S

__all__ = ["main"]

_HEADER = struct.Struct("!BBBBI4s4s4s4s4s16s192x")
_ACKNOWLEDGED = {1: 2, 3: 5}  # DISCOVER: OFFER, REQUEST: ACK


def main() -> None:
    server = socket.inet_aton(SERVER)
    common = b"\x36\x04" + server + b"\x33\x04" + struct.pack("!I", LEASE_S) + b"\x01\x04\xff\0\0\0\xff"
    options = {kind: b"\x63\x82\x53\x63\x35\x01" + bytes((reply,)) + common for kind, reply in _ACKNOWLEDGED.items()}
    leases: dict[bytes, bytes] = {}
    free = int.from_bytes(socket.inet_aton(FIRST), "big")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as serving:
        serving.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        serving.bind((SERVER, 67))
        while True:
            data, source = serving.recvfrom(2048)
            _, _, _, _, xid, _, ciaddr, _, siaddr, giaddr, hardware = _HEADER.unpack_from(data)
            address = leases.get(hardware)
            if address is None:
                address = leases[hardware] = free.to_bytes(4, "big")
                free += 1
            kind = data[data.index(b"\x35\x01", 240) + 2]
            reply = _HEADER.pack(2, 1, 6, 0, xid, bytes(4), ciaddr, address, siaddr, giaddr, hardware)
            serving.sendto(reply + options[kind], source)


if __name__ == "__main__":
    main()
