# mypy: disable-error-code="import-not-found"
"""Decode and encode two messages, here and in dpkt, scapy, dhcppython and pydhcp, and print how the times compare.

    python benchmarks/bench_wire.py [--rounds 30]

All run in one process, in a virtual environment (build/bench-peers) that the first run makes: none is a dependency.
They take turns of a few milliseconds, round after round, and each one's best turn counts: what else the machine does
disturbs all of them alike.
"""

import argparse
import math
import os
import struct
import subprocess
import sys
import timeit
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PEERS = ROOT / "build" / "bench-peers"
PYTHON = PEERS / ("Scripts" if os.name == "nt" else "bin") / "python"
PACKAGES = ("dpkt", "scapy", "dhcppython", "pydhcp")

TURN_S = 0.005

TYPED = (1, 3, 6, 15, 28, 42, 51, 53, 54, 58)
"""The ten options whose typed values are asked for."""

Cases = dict[str, Callable[[], object]]


def message(header: tuple[Any, ...], options: list[tuple[int, bytes]], size: int) -> bytes:
    packed = struct.pack("!BBBBIHHIIII16s64s128s", *header) + b"\x63\x82\x53\x63"
    packed += b"".join(bytes((code, len(value))) + value for code, value in options) + b"\xff"
    assert len(packed) <= size
    return packed.ljust(size, b"\0")


MAC = b"\x00\x0b\x82\x01\xfc\x42"
REQUESTED = bytes((1, 3, 6, 12, 15, 26, 28, 33, 42, 43, 51, 58, 59, 119, 121))

DISCOVER = message(
    (1, 1, 6, 0, 0x3903F326, 4, 0x8000, 0, 0, 0, 0, MAC, b"", b""),
    [(53, b"\x01"), (61, b"\x01" + MAC), (57, b"\x05\xdc"), (12, b"laptop"), (60, b"MSFT 5.0"), (55, REQUESTED)],
    300,
)

ACK = message(
    (2, 1, 6, 1, 0x3903F326, 4, 0, 0, 0x0A010203, 0x0A00000A, 0x0A010001, MAC, b"", b""),
    [
        (53, b"\x05"),
        (1, b"\xff\xff\x00\x00"),
        (3, b"\x0a\x01\x00\x01"),
        (6, b"\x0a\x00\x00\x35\x0a\x00\x00\x36"),
        (12, b"laptop"),
        (15, b"branch.example.org"),
        (26, b"\x05\xdc"),
        (28, b"\x0a\x01\xff\xff"),
        (42, b"\x0a\x00\x00\x7b\x0a\x00\x00\x7c"),
        (43, bytes(range(1, 95))),
        (51, b"\x00\x00\x0e\x10"),
        (54, b"\x0a\x00\x00\x0a"),
        (58, b"\x00\x00\x07\x08"),
        (59, b"\x00\x00\x0c\x4e"),
        (60, b"PXEClient:Arch:00007:UNDI:003016"),
        (61, b"\x01" + MAC),
        (66, b"boot.branch.example.org"),
        (67, b"images/2026/workstation/bootx64.efi"),
        (119, b"\x06branch\x07example\x03org\x00\xc0\x07"),
        (82, b"\x01\x0fswitch7 port 12\x02\x06\xa1\xb2\xc3\xd4\xe5\xf6"),
    ],
    590,
)


def dhcpcallout_cases() -> Cases:
    from dhcpcallout.wire import decode, encode

    discover, ack = decode(DISCOVER), decode(ACK)

    def typed() -> object:
        packet = decode(ACK)
        return [packet.get(code) for code in TYPED]

    return {
        "decode DISCOVER": lambda: decode(DISCOVER),
        "decode ACK": lambda: decode(ACK),
        "decode ACK, 10 values": typed,
        "encode DISCOVER": lambda: encode(discover),
        "encode ACK": lambda: encode(ack, order=REQUESTED, max_size=1472),
    }


def dpkt_cases() -> Cases:
    from dpkt.dhcp import DHCP

    discover, ack = DHCP(DISCOVER), DHCP(ACK)
    return {
        "decode DISCOVER": lambda: DHCP(DISCOVER),
        "decode ACK": lambda: DHCP(ACK),
        "encode DISCOVER": lambda: bytes(discover),
        "encode ACK": lambda: bytes(ack),
    }


def scapy_cases() -> Cases:
    import logging

    logging.getLogger("scapy").setLevel(logging.ERROR)
    from scapy.layers.dhcp import BOOTP, DHCP

    def rebuilt(data: bytes) -> Any:
        # A message that was dissected is encoded from its cached bytes, so one is made of its fields.
        seen = BOOTP(data)
        fields = {name: seen.getfieldval(name) for name in ("op", "hops", "xid", "secs", "flags", "yiaddr", "siaddr")}
        options = [option for option in seen[DHCP].options if option != "pad"]
        return BOOTP(chaddr=MAC, giaddr=seen.giaddr, options=b"\x63\x82\x53\x63", **fields) / DHCP(options=options)

    def typed() -> object:
        options: dict[str, Any] = dict(option[:2] for option in BOOTP(ACK)[DHCP].options if isinstance(option, tuple))
        return [options[name] for name in names]

    discover, ack = rebuilt(DISCOVER), rebuilt(ACK)
    names = [option[0] for option in ack[DHCP].options if isinstance(option, tuple)][: len(TYPED)]
    return {
        "decode DISCOVER": lambda: BOOTP(DISCOVER),
        "decode ACK": lambda: BOOTP(ACK),
        "decode ACK, 10 values": typed,
        "encode DISCOVER": lambda: bytes(discover),
        "encode ACK": lambda: bytes(ack),
    }


def dhcppython_cases() -> Cases:
    from dhcppython.packet import DHCPPacket

    discover, ack = DHCPPacket.from_bytes(DISCOVER), DHCPPacket.from_bytes(ACK)

    def typed() -> object:
        packet = DHCPPacket.from_bytes(ACK)
        return [packet.options.by_code(code).value for code in TYPED]

    return {
        "decode DISCOVER": lambda: DHCPPacket.from_bytes(DISCOVER),
        "decode ACK": lambda: DHCPPacket.from_bytes(ACK),
        "decode ACK, 10 values": typed,
        "encode DISCOVER": lambda: discover.asbytes,
        "encode ACK": lambda: ack.asbytes,
    }


def pydhcp_cases() -> Cases:
    from pydhcp import DHCPMessage

    discover, ack = DHCPMessage.decode(DISCOVER), DHCPMessage.decode(ACK)

    def typed() -> object:
        packet = DHCPMessage.decode(ACK)
        return [packet.options.get(code) for code in TYPED]

    return {
        "decode DISCOVER": lambda: DHCPMessage.decode(DISCOVER),
        "decode ACK": lambda: DHCPMessage.decode(ACK),
        "decode ACK, 10 values": typed,
        "encode DISCOVER": lambda: discover.encode(1500),
        "encode ACK": lambda: ack.encode(1500),
    }


CASES: dict[str, Callable[[], Cases]] = {
    "dhcpcallout": dhcpcallout_cases,
    "dpkt": dpkt_cases,
    "scapy": scapy_cases,
    "dhcppython": dhcppython_cases,
    "pydhcp": pydhcp_cases,
}

TARGETS = (
    ("decode DISCOVER", "dpkt", 1.0),
    ("decode ACK", "dpkt", 1.0),
    ("decode ACK, 10 values", "dhcppython", 0.5),
    ("encode DISCOVER", "dpkt", 1.5),
    ("encode ACK", "dpkt", 1.5),
)
"""A case, a peer, and at most how much of the peer's time we may take."""


def in_peers_environment() -> bool:
    """Whether this is the peers' virtual environment; it is made where it is missing."""
    if Path(sys.prefix) == PEERS:
        return True
    if not (PEERS / "ready").exists():
        print(f"making {PEERS} with {', '.join(PACKAGES)}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", PEERS], check=True)
        subprocess.run([PYTHON, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
        (PEERS / "ready").touch()
    return False


def measure(rounds: int) -> dict[str, dict[str, float]]:
    """Microseconds a call, by case and library: the best of the rounds."""
    cases = {library: make() for library, make in CASES.items()}
    best: dict[str, dict[str, float]] = {}
    for name in cases["dhcpcallout"]:
        calls = {library: calls[name] for library, calls in cases.items() if name in calls}
        numbers = {
            library: max(1, int(TURN_S / min(timeit.repeat(call, number=1, repeat=5))))
            for library, call in calls.items()
        }
        best[name] = dict.fromkeys(calls, math.inf)
        for _ in range(rounds):
            for library, call in calls.items():
                time_us = timeit.timeit(call, number=numbers[library]) / numbers[library] * 1e6
                best[name][library] = min(best[name][library], time_us)
    return best


def report(best: dict[str, dict[str, float]]) -> None:
    print(f"Python {sys.version.split()[0]}; microseconds, and in brackets our time as a share of the peer's")
    print(f"{'':<22}{'dhcpcallout':>12}" + "".join(f"{package:>18}" for package in PACKAGES))
    for name, times in best.items():
        ours = times["dhcpcallout"]
        shares = (f"{times[p]:.2f} [{ours / times[p]:.2f}]" if p in times else "-" for p in PACKAGES)
        print(f"{name:<22}{ours:>12.2f}" + "".join(f"{share:>18}" for share in shares))
    for name, peer, limit in TARGETS:
        share = best[name]["dhcpcallout"] / best[name][peer]
        print(f"{name}: {share:.2f} of {peer}'s time, at most {limit} wanted: {'met' if share <= limit else 'MISSED'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30, help="how often each library has its turn (default 30)")
    rounds = parser.parse_args().rounds
    if in_peers_environment():
        report(measure(rounds))
    else:
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
        sys.exit(subprocess.run([PYTHON, __file__, "--rounds", str(rounds)], env=environment, check=False).returncode)


if __name__ == "__main__":
    main()
