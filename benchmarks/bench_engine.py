"""How many decisions a second the engine makes, and whether that depends on how many leases and subnets there are.

    python benchmarks/bench_engine.py [--rounds 30] [--quick]

A decision is a datagram taken in and its reply made: half of them are DISCOVERs and half REQUESTs, half from clients
that have a lease and half from new ones, which get the last free addresses of their pools. Nothing is stored. All cases
run in one process and take turns, round after round; the processor's time counts, and of each case's rounds the best:
what else the machine does disturbs them little, and all alike. Of the largest case it is told as well how long its
leases took to be taken over, and how much memory they take.
"""

import argparse
import gc
import random
import sys
import time
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from dhcpcallout.codes import MessageType, OptionCode
from dhcpcallout.engine import Arrival, Engine, Subnet
from dhcpcallout.leases import Lease, LeaseState
from dhcpcallout.wire import Packet, encode

CASES = ((1_000_000, 1), (10_000, 1), (10, 1), (10_000, 100), (10_000, 10_000))
QUICK_CASES = ((20_000, 1), (1_000, 1), (10, 1), (1_000, 10), (1_000, 200))
"""Numbers of leases and of subnets, the largest number of leases first: it is measured in fresh memory."""

TARGET = 0.5
"""The share of the best case's decisions a second that the worst one is to make at least."""

BATCH = 64
"""Clients of either kind in a round, and free addresses that a pool begins with."""

NETWORK_INT = int(IPv4Address("10.0.0.0"))
SERVER_INT = int(IPv4Address("192.0.2.1"))
START_S = 1_700_000_000
LEASE_S = 1_000_000

REQUESTED = bytes((1, 3, 6, 15, 51, 54, 58, 59))


class Bench:
    """An engine with so many leases, spread over so many subnets."""

    def __init__(self, leases: int, subnets: int) -> None:
        prefix = 8 + (subnets - 1).bit_length()
        self.leases, self.subnets = leases, subnets
        self.step = 1 << 32 - prefix
        self.each = -(-leases // subnets)
        self.newest = leases
        self.random = random.Random(1)
        self.decisions_a_second = 0.0
        self.engine = Engine(
            [
                Subnet(
                    network=IPv4Network((first, prefix)),
                    pools=[f"{IPv4Address(first + 2)}-{IPv4Address(first + 1 + self.each + BATCH)}"],
                    lease_time_s=LEASE_S,
                    options={"routers": [IPv4Address(first + 1)], "domain-name": "example.org"},
                )
                for first in map(self.network, range(subnets))
            ]
        )
        gc.collect()
        size, began = resident_bytes(), time.process_time()
        self.engine.load(map(self.lease, range(leases)))
        self.load_s, self.size = time.process_time() - began, resident_bytes() - size

    def network(self, subnet: int) -> int:
        return NETWORK_INT + subnet * self.step

    def lease(self, client: int) -> Lease:
        """The row of a client that has a lease; clients have the numbers from 0."""
        subnet, host = divmod(client, self.each)
        address_int = self.network(subnet) + 2 + host
        ends_s = START_S + LEASE_S + client % 10_000
        hardware = hardware_address(client)
        return Lease(address_int, b"\1" + hardware, 1, hardware, LeaseState.ACTIVE, START_S, ends_s, f"host-{client}")

    def round(self) -> None:
        """One turn: what the clients send is made beforehand, and the new ones give their addresses back afterwards."""
        known = self.random.choices(range(self.leases), k=BATCH)
        new = range(self.newest, self.newest + BATCH)
        self.newest += BATCH
        clients = [(client, client // self.each) for client in known]
        clients += [(client, self.random.randrange(self.subnets)) for client in new]
        discovers = [datagram(MessageType.DISCOVER, client, self.network(subnet)) for client, subnet in clients]
        discover_s, offers = self.answer(discovers, clients)
        requests = [
            datagram(MessageType.REQUEST, client, self.network(subnet), requested=address)
            for (client, subnet), address in zip(clients, offers, strict=True)
        ]
        request_s, given = self.answer(requests, clients)
        assert given == offers
        decisions = len(discovers) + len(requests)
        self.decisions_a_second = max(self.decisions_a_second, decisions / (discover_s + request_s))
        for (client, subnet), address in list(zip(clients, given, strict=True))[BATCH:]:
            release = datagram(MessageType.RELEASE, client, self.network(subnet), ciaddr=address)
            exchange = self.engine.receive(release, arrival(self.network(subnet)), START_S)
            assert exchange.changes
            assert self.engine.finish(exchange, START_S) is None

    def answer(self, datagrams: list[bytes], clients: list[tuple[int, int]]) -> tuple[float, list[bytes]]:
        """The seconds that the answers to datagrams took, and the address in each answer."""
        arrivals = [arrival(self.network(subnet)) for _, subnet in clients]
        replies = []
        receive, finish = self.engine.receive, self.engine.finish
        began = time.process_time()
        for data, where in zip(datagrams, arrivals, strict=True):
            replies.append(finish(receive(data, where, START_S), START_S))
        took_s = time.process_time() - began
        return took_s, [reply.data[16:20] for reply in replies if reply is not None]


def hardware_address(client: int) -> bytes:
    return b"\x02\x00" + client.to_bytes(4, "big")


def arrival(network_int: int) -> Arrival:
    """How a packet comes in that the relay agent of a subnet has passed on."""
    return Arrival(source_int=network_int + 1, source_port=67, server_address_int=SERVER_INT, interface="eth0")


def datagram(
    kind: MessageType, client: int, network_int: int, *, requested: bytes = b"", ciaddr: bytes = b"\0\0\0\0"
) -> bytes:
    hardware = hardware_address(client)
    options = {
        int(OptionCode.DHCP_MESSAGE_TYPE): bytes((kind,)),
        int(OptionCode.DHCP_CLIENT_IDENTIFIER): b"\1" + hardware,
        int(OptionCode.HOST_NAME): b"host-%d" % client,
        int(OptionCode.DHCP_PARAMETER_REQUEST_LIST): REQUESTED,
    }
    if kind is not MessageType.DISCOVER:
        options[int(OptionCode.DHCP_SERVER_IDENTIFIER)] = SERVER_INT.to_bytes(4, "big")
    if requested:
        options[int(OptionCode.DHCP_REQUESTED_ADDRESS)] = requested
    ciaddr_int = int.from_bytes(ciaddr, "big")
    packet = Packet(xid=client, ciaddr=ciaddr_int, giaddr=network_int + 1, chaddr=hardware, options=options)
    return encode(packet).data


def resident_bytes() -> int:
    """The memory of this process that is in RAM, where the system tells, else 0."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * 4096 if statm.exists() else 0


def rows(benches: list[Bench]) -> Iterator[str]:
    best = max(bench.decisions_a_second for bench in benches)
    yield f"Python {sys.version.split()[0]}; decisions a second, and their share of the best case's"
    yield f"{'leases':>12}{'subnets':>12}{'decisions/s':>14}{'share':>8}"
    for bench in sorted(benches, key=lambda bench: (bench.subnets, bench.leases)):
        share = bench.decisions_a_second / best
        yield f"{bench.leases:>12,}{bench.subnets:>12,}{bench.decisions_a_second:>14,.0f}{share:>8.2f}"
    worst = min(bench.decisions_a_second for bench in benches) / best
    yield f"worst: {worst:.2f} of the best, at least {TARGET} wanted: {'met' if worst >= TARGET else 'MISSED'}"
    largest = benches[0]
    yield (
        f"{largest.leases:,} leases: loaded in {largest.load_s:.1f} s, which made them as well; "
        f"{largest.size / largest.leases:.0f} bytes each"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30, help="how often each case has its turn (default 30)")
    parser.add_argument("--quick", action="store_true", help="small cases, for a look at whether it runs")
    arguments = parser.parse_args()
    benches = [Bench(*case) for case in (QUICK_CASES if arguments.quick else CASES)]
    for _ in range(arguments.rounds):
        for bench in benches:
            bench.round()
    print("\n".join(rows(benches)))


if __name__ == "__main__":
    main()
