"""What hooks cost a packet: native ones, all eight set by C functions that return at once, and none set.

    python benchmarks/bench_hooks.py [--rounds 300]

It needs a C compiler, ``cc``. Engines answer the same packets in one process and take turns of a few milliseconds,
round after round: one without a callout, the same again (what the two differ by is the measurement's own error), one
whose callout sets no hook, and one whose callout sets all eight. What hooks cost is what an engine's good rounds take
longer than the first engine's: the processor's time counts, and the round that a tenth of the rounds are better than,
which what else the machine does disturbs less than the median, and a lucky round less than the best. The median of the
rounds' differences is told as well.

Single calls of the eight hooks take turns with them, in this process and in a worker process (isolated): the time that
passes counts, from the call until the answer.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import dhcpcallout
from dhcpcallout.codes import AddressDeleteReason, AddressGiven, AddressType, ControlCode, DropReason, MessageType
from dhcpcallout.engine import Arrival, Engine, Subnet
from dhcpcallout.hooks import ABI_SLOTS, Callout, CalloutEntry, HookTable
from dhcpcallout.leases import Lease, LeaseState
from dhcpcallout.loaders.isolated import IsolatedLoader, Isolation
from dhcpcallout.loaders.native import NativeLoader
from dhcpcallout.wire import Packet, encode

TARGET_US = 15
"""What the hooks of a REQUEST that is granted may cost: NewPkt, HandleOptions, AddressOffer, PktSend, PktDrop."""
ISOLATED_TARGET_US = 40
"""What the call of a hook in a worker process may take, in median over all eight."""

CLIENTS = 20
"""How many clients send a packet of one kind in a turn, and how often a hook is called in one."""

SOURCE = Path(__file__).with_name("hooks.c")
SERVER_INT, FIRST_INT = 0x0A000001, 0x0A00000A
ARRIVAL = Arrival(source_int=FIRST_INT, source_port=68, server_address_int=SERVER_INT, interface="eth0")
START_S, LEASE_S = 1_700_000_000, 86_400


def mac(client: int) -> bytes:
    return b"\x00\x0b\x82\x01\xfc" + bytes((client,))


def datagram(kind: MessageType, client: int) -> bytes:
    """A packet as a Windows laptop sends it; each has a name of its own, and they are of different lengths."""
    options = {
        53: bytes((kind,)),
        61: b"\1" + mac(client),
        12: b"laptop-%s" % (b"of-somebody-else"[: client % 16]),
        57: b"\x05\xdc",
        60: b"MSFT 5.0",
        55: bytes((1, 3, 6, 15, 31, 33, 43, 44, 46, 47, 119, 121, 249, 252)),
    }
    ciaddr_int = FIRST_INT + client if kind is MessageType.REQUEST else 0
    return encode(Packet(xid=0x3903F326 + client, ciaddr=ciaddr_int, chaddr=mac(client), options=options)).data


DISCOVERS, REQUESTS = (
    [datagram(kind, client) for client in range(CLIENTS)] for kind in (MessageType.DISCOVER, MessageType.REQUEST)
)


class Server:
    """An engine whose clients have leases, and the microseconds that a packet of each kind took, round by round."""

    def __init__(self, callouts: list[Callout]) -> None:
        self.discover_times, self.request_times = list[float](), list[float]()
        subnet = Subnet(
            network="10.0.0.0/24",
            pools=["10.0.0.10-10.0.0.99"],
            lease_time_s=LEASE_S,
            options={"routers": ["10.0.0.1"], "domain-name-servers": ["10.0.0.2", "10.0.0.3"]},
        )
        self.engine = Engine([subnet], hooks=HookTable(callouts))
        self.engine.load(
            Lease(FIRST_INT + n, b"\1" + mac(n), 1, mac(n), LeaseState.ACTIVE, START_S, START_S + LEASE_S, "laptop")
            for n in range(CLIENTS)
        )

    def round(self) -> None:
        receive, finish = self.engine.receive, self.engine.finish
        for datagrams, times in ((DISCOVERS, self.discover_times), (REQUESTS, self.request_times)):
            began = time.process_time_ns()
            for data in datagrams:
                finish(receive(data, ARRIVAL, START_S), START_S)
            times.append((time.process_time_ns() - began) / CLIENTS / 1000)


class Hook:
    """The function that a callout has on one slot, an event for it, and the microseconds of its calls."""

    def __init__(self, callout: Callout, slot: str) -> None:
        self.slot, self.times = slot, list[float]()
        (self.function,) = callout.functions[slot]
        self.event = events(callout)[slot]

    def round(self) -> None:
        function, event = self.function, self.event
        for _ in range(CLIENTS):
            began = time.perf_counter_ns()
            function(event)
            self.times.append((time.perf_counter_ns() - began) / 1000)


def events(callout: Callout) -> dict[str, Any]:
    """An event for each slot of the callout ABI, of a packet that the callout's first hook has seen."""
    common: dict[str, Any] = {"data": REQUESTS[0], "server_address_int": SERVER_INT, "context": {}}
    address: dict[str, Any] = {"address_int": FIRST_INT, **common}
    given: dict[str, Any] = {"given": AddressGiven.OLD, "address_type": AddressType.DHCP, "lease_time_s": LEASE_S}
    fields: dict[str, dict[str, Any]] = {
        "control": {"code": ControlCode.CONTINUE},
        "new_packet": {"source_int": FIRST_INT, "source_port": 68, "interface": "eth0", **common},
        "packet_drop": {"reason": DropReason.PROCESSED, **common},
        "packet_send": {"request_data": REQUESTS[0], **common},
        "address_delete": {"reason": AddressDeleteReason.RELEASE, **address},
        "address_offer": {**given, **address},
        "handle_options": common,
        "delete_client": {"address_int": FIRST_INT, "hardware_address": mac(0), "address_type": AddressType.DHCP},
    }
    made = {slot.name: slot.event(**fields[slot.name]) for slot in ABI_SLOTS}
    callout.functions["new_packet"][0](made["new_packet"])
    return made


def build(folder: Path, *flags: str) -> str:
    """Compile the callout."""
    library = folder / f"hooks{''.join(flags)}.so"
    sdk = Path(dhcpcallout.__file__).parent / "sdk"
    command = ["cc", "-std=c99", "-O2", "-shared", "-fPIC", f"-I{sdk}", *flags, "-o", str(library), str(SOURCE)]
    subprocess.run(command, check=True)
    return str(library)


def load(library: str) -> Callout:
    return NativeLoader().load(library, CalloutEntry(()))


def load_isolated(library: str) -> Callout:
    return IsolatedLoader(NativeLoader(), Isolation("process"), Path()).load(library, CalloutEntry(()))


def share(times: list[float], part: float) -> float:
    return sorted(times)[int(part * (len(times) - 1))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=300, help="how often each engine has its turn (default 300)")
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        library = build(Path(folder))
        callout, isolated = load(library), load_isolated(library)
        servers = {
            "no callout": Server([]),
            "no callout, again": Server([]),
            "callout without a hook": Server([load(build(Path(folder), "-DNONE"))]),
            "all eight hooks": Server([callout]),
        }
        pairs = [(Hook(callout, slot.name), Hook(isolated, slot.name)) for slot in ABI_SLOTS]
        turns = [server.round for server in servers.values()] + [hook.round for pair in pairs for hook in pair]
        order = random.Random(1)
        for _ in range(rounds):
            order.shuffle(turns)  # so that none always comes after the same one
            for turn in turns:
                turn()
        isolated.close()
    report(servers, pairs)


def report(servers: dict[str, Server], pairs: list[tuple[Hook, Hook]]) -> None:
    print(f"Python {sys.version.split()[0]}; microseconds in good rounds, and how much more than without a callout")
    base = servers["no callout"]
    print(f"{'':<24}{'DISCOVER, 4 hooks':>26}{'REQUEST, 5 hooks':>26}")
    for name, server in servers.items():
        compared = ((server.discover_times, base.discover_times), (server.request_times, base.request_times))
        cells = (f"{good(times):.2f} [{good(times) - good(others):+.2f}]".rjust(26) for times, others in compared)
        print(f"{name:<24}{''.join(cells)}")
    print(f"{'one call of a hook':<24}{'median':>13}{'p99':>13}{'isolated':>13}{'p99':>13}")
    for pair in pairs:
        cells = (f"{share(hook.times, part):>13.2f}" for hook in pair for part in (0.5, 0.99))
        print(f"{pair[0].slot:<24}{''.join(cells)}")
    all_eight = servers["all eight hooks"].request_times
    print(f"all hooks of a REQUEST, median of the rounds: {more(all_eight, base.request_times):.1f} us")
    cost = good(all_eight) - good(base.request_times)
    isolated = median(time for _, hook in pairs for time in hook.times)
    met = "met" if cost <= TARGET_US else "MISSED"
    print(f"all hooks of a REQUEST, good round: {cost:.1f} us, at most {TARGET_US} wanted: {met}")
    met = "met" if isolated <= ISOLATED_TARGET_US else "MISSED"
    print(f"one call of an isolated hook, median: {isolated:.1f} us, at most {ISOLATED_TARGET_US} wanted: {met}")


def good(times: list[float]) -> float:
    return share(times, 0.1)


def more(times: list[float], base: list[float]) -> float:
    """By how much rounds are above others: the median of the differences."""
    return median(one - other for one, other in zip(times, base, strict=True))


if __name__ == "__main__":
    main()
