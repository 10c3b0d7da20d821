"""Start with a million leases: how long until a client is answered, and how much memory it takes, beside Kea.

    python -m benchmarks.bench_scale [--leases 1000000] [--rounds 3] [--only kea,ours-sqlite]

Each server is given the same leases, Kea as memfile's CSV and dhcpcallout as its SQLite file, and is started on a core
of its own, in a network namespace; the clock runs from its start to its first OFFER. The files were written just
before, so that both come out of the page cache. It needs root and the programs that benchmarks/peers/README.md names.
"""

import argparse
import fcntl
import math
import shutil
import sys
import time
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path
from statistics import median

from dhcpcallout.leases import Lease, LeaseChange, LeaseState
from dhcpcallout.stores import SqliteStore

from .pages import paste
from .peers.__main__ import WORK, describe, end_on_signals, machine, need
from .peers.measure import SERVER_CORE, prefer_sampling
from .peers.network import Network
from .peers.report import markdown
from .peers.servers import BASELINE, FIRST, LEASE_S, SERVERS, serving

LEAST_LEFT_S = 86400
BATCH = 10_000

TARGETS = {"memory": 0.8, "start": 0.7}
"""At most how much of Kea's."""


def leases(number: int, now_s: int) -> Iterator[Lease]:
    """Leases of so many clients, of the first addresses of the pool, all of which go on for a day."""
    first_int = int(IPv4Address(FIRST))
    for client in range(number):
        hardware = b"\x02\x00" + client.to_bytes(4, "big")
        ends_s = now_s + LEAST_LEFT_S + client % LEASE_S
        yield Lease(
            first_int + client, b"\1" + hardware, 1, hardware, LeaseState.ACTIVE, now_s, ends_s, f"host-{client:06}"
        )


def write_sqlite(path: Path, rows: Iterator[Lease]) -> None:
    store = SqliteStore(path)
    changes: list[LeaseChange] = []
    for row in rows:
        changes.append(LeaseChange(None, row))
        if len(changes) == BATCH:
            store.commit(changes)
            changes.clear()
    store.commit(changes)
    store.close()


def write_csv(path: Path, rows: Iterator[Lease]) -> None:
    with path.open("w") as file:
        file.write(
            "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context\n"
        )
        for row in rows:
            hardware, client = row.hardware_address.hex(":"), row.client_key.hex(":")
            times = f"{row.expires_s - row.starts_s},{row.expires_s}"
            file.write(f"{row.address},{hardware},{client},{times},1,0,0,{row.hostname},0,\n")


FILES = {"kea": ("leases.csv", write_csv), "ours-sqlite": ("leases.db", write_sqlite)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--leases", type=int, default=1_000_000, help="how many (default 1000000)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each server starts (default 3)")
    parser.add_argument("--only", default=",".join(FILES), help=f"servers, with commas: {', '.join(FILES)}")
    parser.add_argument("--into", type=Path, metavar="PAGE", help="put the table into this page as well")
    parser.add_argument("--work", type=Path, default=WORK, help="where leases are written")
    arguments = parser.parse_args()
    servers = [server for server in SERVERS if server.name in FILES and server.name in arguments.only.split(",")]
    need(servers)
    end_on_signals()
    work = arguments.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    figures: dict[str, list[tuple[float, float, float]]] = {server.name: [] for server in servers}
    with (work / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs at a time would measure each other
        setting = machine(work)
        prefer_sampling()
        files = work / "files"
        files.mkdir(exist_ok=True)
        for server in servers:
            name, write = FILES[server.name]
            (files / name).unlink(missing_ok=True)
            write(files / name, leases(arguments.leases, int(time.time())))
        with Network() as network:
            for _ in range(arguments.rounds):
                for server in servers:
                    source = files / FILES[server.name][0]

                    def prepare(folder: Path, source: Path = source) -> None:
                        shutil.copy(source, folder)

                    with serving(server, network, SERVER_CORE, work / "run" / server.name, prepare) as running:
                        seen = running.start_s, running.resident_bytes / 1e6, running.peak_bytes / 1e6
                    figures[server.name].append(seen)
                    print(f"  {server.name:<12} {seen[0]:6.2f} s {seen[1]:6.0f} MB {seen[2]:6.0f} MB", file=sys.stderr)
        shutil.rmtree(files)
    titles = {server.name: server.title for server in servers}
    text = f"{arguments.leases:,} leases. {describe(setting, arguments.rounds)}\n\n{report(titles, figures)}"
    print(text)
    if arguments.into:
        paste(arguments.into, "scale", text)


def report(titles: dict[str, str], figures: dict[str, list[tuple[float, float, float]]]) -> str:
    """The table: seconds to the first OFFER, megabytes then, and megabytes at most until then."""
    middle = {name: [median(values) for values in zip(*rounds, strict=True)] for name, rounds in figures.items()}
    base = middle.get(BASELINE, [math.nan] * 3)
    rows = [("server", "start, s", "ratio", "memory, MB", "ratio", "at most, MB")]
    for name, (start_s, memory_mb, peak_mb) in middle.items():
        ratios = start_s / base[0], memory_mb / base[1]
        rows.append(
            (
                titles[name],
                f"{start_s:.2f}",
                f"{ratios[0]:.2f}",
                f"{memory_mb:.0f}",
                f"{ratios[1]:.2f}",
                f"{peak_mb:.0f}",
            )
        )
    lines = [markdown(rows)]
    ours = middle.get("ours-sqlite")
    if ours is not None and not math.isnan(base[0]):
        lines.append("")
        for what, ratio in (("start", ours[0] / base[0]), ("memory", ours[1] / base[1])):
            verdict = "met" if ratio <= TARGETS[what] else "MISSED"
            lines.append(f"- {what}: {ratio:.2f} of {titles[BASELINE]}'s, at most {TARGETS[what]} wanted: {verdict}.")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
