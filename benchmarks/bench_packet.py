"""Where the microseconds of a four-way exchange go, step by step.

    python -m benchmarks.bench_packet [--rounds 40] [--into docs/performance.md]

Each step is timed by itself, over clients that are all new, on what the step before it made; of all rounds the fastest
one counts, as it was disturbed least. A step after itself finds the processor's caches as it left them: so the sum is
what an exchange takes at its best, and the engine's part as a whole, which is timed as well, takes longer. The
socket's steps are those of the server's own transport on the loopback, where the kernel does a client's part of the
work as well; a commit's is the SQLite store's with ``fdatasync`` left out, which is the disk's time and not the
processor's. Nothing listens to hooks: what they cost is told by ``bench_hooks.py``.
"""

import argparse
import contextlib
import gc
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from ipaddress import IPv4Address
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dhcpcallout.codes import MessageType
from dhcpcallout.engine import Arrival, Delivery, Engine, Outgoing, Subnet
from dhcpcallout.engine.delivery import find_destination
from dhcpcallout.engine.exchange import Exchange
from dhcpcallout.stores import SqliteStore
from dhcpcallout.transports import UdpTransport
from dhcpcallout.wire import Packet, decode, encode

from .pages import paste

BATCH = 64
"""Clients in a round: as many as a turn of the server has datagrams."""

SERVER_INT = int(IPv4Address("10.0.0.1"))
ARRIVAL = Arrival(source_int=int(IPv4Address("10.0.0.2")), source_port=67, server_address_int=SERVER_INT)
REQUESTED = bytes((1, 28, 2, 3, 15, 6, 12))
NOW_S = 1_700_000_000

Step = tuple[str, str]
"""Of which message, and what."""


class Steps:
    """The least time of each step, in seconds for each client."""

    def __init__(self) -> None:
        self.least_s: dict[Step, float] = {}

    def time(self, step: Step, function: Callable[[Any], Any], subjects: Sequence[Any]) -> list[Any]:
        began = time.perf_counter()
        results = [function(subject) for subject in subjects]
        self.note(step, (time.perf_counter() - began) / len(subjects))
        return results

    def note(self, step: Step, seconds: float) -> None:
        self.least_s[step] = min(self.least_s.get(step, seconds), seconds)


def message(kind: MessageType, client: int, requested: bytes = b"") -> bytes:
    options = {53: bytes((kind,)), 55: REQUESTED}
    if requested:
        options |= {50: requested, 54: SERVER_INT.to_bytes(4, "big")}
    hardware = b"\x00\x0c\x01" + client.to_bytes(3, "big")
    return encode(Packet(xid=client, giaddr=ARRIVAL.source_int, chaddr=hardware, options=options)).data


class Wires:
    """The server's transport on the loopback, and a client's socket."""

    def __init__(self) -> None:
        self.transport = UdpTransport("127.0.0.1", 0)
        self.client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.client.bind(("127.0.0.1", 0))
        self.arrival = Arrival(0x7F000001, self.client.getsockname()[1], 0x7F000001)

    def receive(self, steps: Steps, step: Step, datagrams: Sequence[bytes]) -> None:
        for datagram in datagrams:
            self.client.sendto(datagram, self.transport.address)
        began = time.perf_counter()
        arrived = self.transport.receive(len(datagrams))
        steps.note(step, (time.perf_counter() - began) / len(datagrams))
        assert len(arrived) == len(datagrams)

    def send(self, steps: Steps, step: Step, outgoing: Sequence[Outgoing]) -> None:
        here = self.arrival
        replies = [
            Outgoing(one.data, Delivery.UNICAST, here.source_int, here.source_port, b"", here) for one in outgoing
        ]
        steps.time(step, self.transport.send, replies)
        for _ in replies:
            self.client.recv(4096)

    def close(self) -> None:
        self.transport.close()
        self.client.close()


def make_engine() -> Engine:
    subnet = Subnet(
        network="10.0.0.0/8",
        pools=["10.0.1.0-10.255.255.254"],
        lease_time_s=4000,
        options={"routers": ["10.0.0.1"], "domain-name": "example.org"},
    )
    return Engine([subnet], server_addresses=[SERVER_INT])


def exchanges(engine: Engine, steps: Steps, wires: Wires, store: SqliteStore, first: int) -> None:
    """A round: the four messages of new clients, each step for all of them before the next."""
    # The steps are the engine's own, called as it calls them.
    handling = engine._handling
    judge = handling.judge
    subnet_of = judge.plan.networks.subnet_of
    clients = range(first, first + BATCH)

    def part(kind: MessageType, datagrams: list[bytes]) -> tuple[list[Exchange], list[Any]]:
        name = kind.name
        wires.receive(steps, (name, "read from the socket"), datagrams)
        under_way = steps.time((name, "note the exchange"), lambda data: Exchange(data, ARRIVAL, (), NOW_S), datagrams)
        packets = steps.time((name, "decode"), decode, datagrams)
        situations = steps.time(
            (name, "find out who and where the client is"), lambda packet: judge.situate(packet, ARRIVAL, kind), packets
        )
        return under_way, list(zip(under_way, situations, strict=True))

    def reply(name: str, under_way: list[Exchange]) -> list[Outgoing]:
        answers = [one.reply.answer for one in under_way if one.reply is not None]
        steps.time((name, "encode"), lambda answer: answer.encode(), answers)
        steps.time(
            (name, "find out where it goes"),
            lambda one: find_destination(one.reply.situation.packet, one.reply.answer, ARRIVAL, subnet_of),
            under_way,
        )
        outgoing = [engine.finish(one, NOW_S) for one in under_way]
        made = [one for one in outgoing if one is not None]
        wires.send(steps, (name, "write to the socket"), made)
        return made

    discovers = [message(MessageType.DISCOVER, client) for client in clients]
    under_way, pairs = part(MessageType.DISCOVER, discovers)
    lots = steps.time(("DISCOVER", "choose an address and hold it"), lambda pair: handling._hold(*pair), pairs)
    triples = [(*pair, lot) for pair, lot in zip(pairs, lots, strict=True)]
    steps.time(("OFFER", "decide what it says"), lambda triple: handling._offer(*triple), triples)
    for one, discover in zip(under_way, discovers, strict=True):
        one.packet = decode(discover)
    offers = reply("OFFER", under_way)

    requests = [
        message(MessageType.REQUEST, client, offer.data[16:20]) for client, offer in zip(clients, offers, strict=True)
    ]
    under_way, pairs = part(MessageType.REQUEST, requests)
    steps.time(("REQUEST", "decide whether it is granted"), lambda pair: judge.request(pair[1], NOW_S), pairs)
    steps.time(
        ("ACK", "change the lease, decide what it says"),
        lambda pair: handling._grant(*pair_with_lot(judge, pair)),
        pairs,
    )
    for one, request in zip(under_way, requests, strict=True):
        one.packet = decode(request)
    changes = [change for one in under_way for change in one.changes]
    assert len(changes) == BATCH
    began = time.thread_time()
    store.commit(changes)
    steps.note(("ACK", f"commit, {BATCH} at a time"), (time.thread_time() - began) / BATCH)
    reply("ACK", under_way)


def pair_with_lot(judge: Any, pair: tuple[Exchange, Any]) -> tuple[Any, ...]:
    exchange, situation = pair
    return exchange, situation, judge.request(situation, NOW_S)[1], MessageType.ACK


def whole(engine: Engine, steps: Steps, first: int) -> None:
    """A round of the engine's part as a whole, one client after the other."""
    clients = range(first, first + BATCH)
    discovers = [message(MessageType.DISCOVER, client) for client in clients]

    def handle(data: bytes) -> Any:
        return engine.finish(engine.receive(data, ARRIVAL, NOW_S), NOW_S)

    offers = steps.time(("whole", "DISCOVER"), handle, discovers)
    requests = [
        message(MessageType.REQUEST, client, offer.data[16:20]) for client, offer in zip(clients, offers, strict=True)
    ]
    steps.time(("whole", "REQUEST"), handle, requests)


def rows(steps: Steps) -> Iterator[str]:
    parts = {step: seconds * 1e6 for step, seconds in steps.least_s.items() if step[0] != "whole"}
    # The ruling is part of what grants it, which asks for it once more.
    parts["ACK", "change the lease, decide what it says"] -= parts["REQUEST", "decide whether it is granted"]
    total = sum(parts.values())
    yield "| message | step | us | share |"
    yield "| ------- | ---- | -: | ----: |"
    for (of, what), micros in parts.items():
        yield f"| {of} | {what} | {micros:.2f} | {micros / total:.0%} |"
    yield f"| | *all of these* | *{total:.1f}* | |"
    engine = sum(seconds for step, seconds in steps.least_s.items() if step[0] == "whole") * 1e6
    yield f"| | *the engine's part, one packet after the other* | *{engine:.1f}* | |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40, help="how often everything is timed (default 40)")
    parser.add_argument("--into", type=Path, metavar="PAGE", help="put the table into this page as well")
    arguments = parser.parse_args()
    engine, steps, wires = make_engine(), Steps(), Wires()
    with TemporaryDirectory() as folder, contextlib.closing(SqliteStore(Path(folder, "leases.db"))) as store:
        gc.collect()
        gc.disable()  # what is kept from step to step here is not what a server keeps
        for number in range(arguments.rounds):
            exchanges(engine, steps, wires, store, 2 * number * BATCH)
            whole(engine, steps, (2 * number + 1) * BATCH)
    wires.close()
    table = "\n".join(rows(steps))
    print(table)
    if arguments.into is not None:
        paste(arguments.into, "packet", table)


if __name__ == "__main__":
    main()
