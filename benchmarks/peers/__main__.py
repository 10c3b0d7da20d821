"""Measure DHCP servers side by side, in one run: see README.md beside this file, or ``--help``."""

import argparse
import fcntl
import json
import math
import os
import platform
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryFile
from typing import Any

from . import perfdhcp
from .network import SERVER, Network
from .search import highest
from .servers import BASELINE, ROOT, SERVERS, Running, ServerError, serving
from .servers import Server as Contender

WORK = ROOT / "build" / "peers"

MOST_LOSS = 0.01
"""The share of exchanges that may fail at a rate that is borne."""

LATENCY_RATE = 1000
FIRST_RATE = 5000
OVERLOAD = 1.5
"""How much more than what is borne is asked for, to see what becomes of a server that gets too much."""

SERVER_CORE, CLIENT_CORE = 0, 1

SAMPLE_S = 0.02


@dataclass(frozen=True, slots=True)
class Trial:
    """What was seen of a server while perfdhcp ran.

    Attributes:
        asked: Exchanges to begin a second.
        begun: Exchanges that were begun.
        completed: Exchanges, and renewals, that ended in an ACK.
        loss: The share that did not.
        rate: Exchanges completed a second, from the first to the last answer of the server.
        unseen: The share of the server's answers that perfdhcp did not take in: its own limit, not the server's.
        cpu_us: The server's processor time for each of its answers.
        resident_bytes: Its memory afterwards.
        delays_s: How long each answer took: the offers' and the ACKs', where asked for.
    """

    asked: int
    begun: int
    completed: int
    loss: float
    rate: float
    unseen: float
    cpu_us: float
    resident_bytes: int
    seconds: float
    delays_s: tuple[tuple[float, ...], tuple[float, ...]] = ((), ())

    @property
    def passed(self) -> bool:
        return self.loss <= MOST_LOSS

    @property
    def limited(self) -> bool:
        return self.begun < 0.95 * self.asked * self.seconds


@dataclass(slots=True)
class Result:
    """What the rounds gave of one server: one entry a round."""

    rate: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    saturated: list[float] = field(default_factory=list)
    offer_p50_ms: list[float] = field(default_factory=list)
    offer_p99_ms: list[float] = field(default_factory=list)
    ack_p50_ms: list[float] = field(default_factory=list)
    ack_p99_ms: list[float] = field(default_factory=list)
    resident_mb: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def run(network: Network, running: Running, command: Sequence[str], asked: int, seconds: float) -> Trial:
    """Let perfdhcp put a load on a server, and look at both."""
    cpu_before = running.cpu_s
    _, sent_before = running.packets()
    sent, first_s, last_s = sent_before, math.nan, math.nan
    with (
        TemporaryFile("w+") as printed,
        network.start(network.client, CLIENT_CORE, command, stdout=printed, stderr=printed) as process,
    ):
        ended = False
        while not ended:
            ended = process.poll() is not None
            now = time.monotonic()
            _, newly = running.packets()
            if newly > sent:
                first_s = now if math.isnan(first_s) else first_s
                sent, last_s = newly, now
            if not ended:
                time.sleep(SAMPLE_S)
        printed.seek(0)
        output = printed.read()
    if process.returncode not in (0, 3):
        raise RuntimeError(f"{' '.join(command)}: {output.strip()[-1000:]}")
    report = perfdhcp.parse(output)
    answers = sent - sent_before
    completed = report.acks.received + report.renewals.received
    return Trial(
        asked=asked,
        begun=report.offers.sent,
        completed=completed,
        loss=report.loss,
        rate=completed / (last_s - first_s) if last_s > first_s else 0.0,
        unseen=1 - report.answers / answers if answers else 0.0,
        cpu_us=(running.cpu_s - cpu_before) / answers * 1e6 if answers else math.nan,
        resident_bytes=running.resident_bytes,
        seconds=seconds,
        delays_s=(report.offers.delays_s, report.acks.delays_s),
    )


class Bench:
    def __init__(self, network: Network, seconds: float, precision: float, verbose: bool) -> None:
        self.network = network
        self.seconds = seconds
        self.precision = precision
        self.verbose = verbose
        self.trials: list[dict[str, Any]] = []

    def trial(self, server: Contender, rate: int, *, renewals: int = 0, delays: bool = False) -> Trial:
        """One load on a fresh server that has no leases."""
        with serving(server, self.network, SERVER_CORE, WORK / "run" / server.name) as running:
            command = perfdhcp.load(SERVER, rate, self.seconds, renewals=renewals, delays=delays)
            trial = run(self.network, running, command, rate + renewals, self.seconds)
        record = {name: value for name, value in asdict(trial).items() if name != "delays_s"}
        self.trials.append({"server": server.name, "renewals": renewals, **record})
        self.say(
            f"  {server.name:<14}{rate:>7}/s asked {trial.rate:>9,.0f}/s done  loss {trial.loss:7.2%}"
            f"  {trial.cpu_us:6.1f} us CPU an answer" + (f"  unseen {trial.unseen:.2%}" if trial.unseen > 0.001 else "")
        )
        return trial

    def say(self, text: str) -> None:
        if self.verbose:
            print(text, file=sys.stderr, flush=True)

    def rate(self, server: Contender, result: Result) -> None:
        start = int(median(result.rate)) if result.rate else FIRST_RATE
        trials = highest(lambda rate: self.trial(server, rate), start, precision=self.precision)
        borne = [trial for trial in trials if trial.passed]
        if not borne:
            result.notes.append("bore no rate")
            return
        best = max(borne, key=lambda trial: trial.rate)
        result.rate.append(best.rate)
        result.cpu_us.append(best.cpu_us)
        overloaded = self.trial(server, int(best.rate * OVERLOAD))
        result.saturated.append(max(trial.rate for trial in [*trials, overloaded]))
        if any(trial.limited or trial.unseen > MOST_LOSS / 2 for trial in trials):
            result.notes.append("perfdhcp was at its own limit")

    def latency(self, server: Contender, result: Result) -> None:
        trial = self.trial(server, LATENCY_RATE, delays=True)
        offers, acks = trial.delays_s
        result.offer_p50_ms.append(perfdhcp.percentile(offers, 50) * 1e3)
        result.offer_p99_ms.append(perfdhcp.percentile(offers, 99) * 1e3)
        result.ack_p50_ms.append(perfdhcp.percentile(acks, 50) * 1e3)
        result.ack_p99_ms.append(perfdhcp.percentile(acks, 99) * 1e3)
        result.resident_mb.append(trial.resident_bytes / 1e6)


def table(results: dict[str, Result]) -> str:
    titles = {server.name: server.title for server in SERVERS}
    head = (
        "server",
        "exchanges/s",
        "range",
        "ratio",
        "saturated",
        "CPU us/answer",
        "offer p50",
        "p99",
        "ACK p50",
        "p99",
    )
    rows = [[*head, "RSS MB"]]
    base = results.get(BASELINE)
    for name, result in results.items():
        ratio = median(result.rate) / median(base.rate) if base and base.rate and result.rate else math.nan
        spread = f"{min(result.rate):,.0f}-{max(result.rate):,.0f}" if result.rate else ""
        figures = [
            f"{median(values):{form}}" if values else "-"
            for values, form in (
                (result.saturated, ",.0f"),
                (result.cpu_us, ".1f"),
                (result.offer_p50_ms, ".3f"),
                (result.offer_p99_ms, ".3f"),
                (result.ack_p50_ms, ".3f"),
                (result.ack_p99_ms, ".3f"),
                (result.resident_mb, ".0f"),
            )
        ]
        rate = f"{median(result.rate):,.0f}" if result.rate else "-"
        rows.append([titles[name], rate, spread, f"{ratio:.2f}", *figures])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for number, row in enumerate(rows):
        cells = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("| " + " | ".join(cells) + " |")
        if number == 0:
            dashes = ["-" * widths[0]] + ["-" * (width - 1) + ":" for width in widths[1:]]
            lines.append("| " + " | ".join(dashes) + " |")
    notes = [f"{titles[name]}: {note}" for name, result in results.items() for note in dict.fromkeys(result.notes)]
    return "\n".join([*lines, "", *notes])


def file_system(path: Path) -> str:
    """The type and the device of the file system that holds a path."""
    mounts = [line.split()[:3] for line in Path("/proc/mounts").read_text().splitlines()]
    holding = [mount for mount in mounts if path.is_relative_to(mount[1])]
    device, _, kind = max(holding, key=lambda mount: len(mount[1]))
    return f"{kind} on {device}"


def machine() -> dict[str, Any]:
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "store": file_system(WORK),
        "load": os.getloadavg()[0],
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.peers", description=__doc__)
    parser.add_argument("--only", default="", help="servers, with commas: a name, or how names begin, such as kea,ours")
    parser.add_argument("--rounds", type=int, default=3, help="how often every server has its turn (default 3)")
    parser.add_argument("--seconds", type=float, default=4, help="how long a load lasts (default 4)")
    parser.add_argument("--quick", action="store_true", help="one round of loads of 2 seconds")
    parser.add_argument("--quiet", action="store_true", help="print the table alone")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds, arguments.seconds = 1, 2.0
    only = tuple(arguments.only.split(",")) if arguments.only else ("",)
    chosen = [server for server in SERVERS if server.name.startswith(only)]
    missing = {server.package for server in chosen if server.program and not shutil.which(server.program)}
    missing |= {
        package for program, package in (("perfdhcp", "kea-admin"), ("ip", "iproute2")) if not shutil.which(program)
    }
    if missing:
        sys.exit(f"missing: apt-get install --no-install-recommends {' '.join(sorted(missing))}")
    if os.geteuid() != 0:
        sys.exit("root is needed, to make network namespaces")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    WORK.mkdir(parents=True, exist_ok=True)
    with (WORK / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.sched_setaffinity(0, {CLIENT_CORE})
        # To look at the counters on time, though perfdhcp never sleeps on this core
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))
        print(json.dumps(machine()), file=sys.stderr)
        results = {server.name: Result() for server in chosen}
        with Network() as network:
            bench = Bench(network, arguments.seconds, 1.1 if arguments.quick else 1.03, not arguments.quiet)
            for number in range(arguments.rounds):
                bench.say(f"round {number + 1}")
                for server in chosen:
                    result = results[server.name]
                    try:
                        bench.latency(server, result)
                        bench.rate(server, result)
                    except ServerError as error:
                        bench.say(str(error))
                        result.notes.append(str(error).splitlines()[-1])
        print(table(results))
        document = {"machine": machine(), "results": {name: asdict(result) for name, result in results.items()}}
        (WORK / "results.json").write_text(json.dumps({**document, "trials": bench.trials}, indent=1))


if __name__ == "__main__":
    main()
