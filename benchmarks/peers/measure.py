"""Put loads on servers, one after the other, each on a fresh one, and keep what was seen."""

import math
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryFile

from . import perfdhcp
from .network import SERVER, Network
from .search import highest
from .servers import Running, Server, serving

__all__ = ["MEASURES", "ONCE", "Bench", "Result", "Trial", "prefer_sampling"]

SERVER_CORE, CLIENT_CORE = 0, 1

MOST_LOSS = 0.01
"""The share of exchanges that may fail at a rate that is borne."""

LATENCY_RATE = 1000

OVERLOAD = 1.5
"""How much more than what is borne is asked for, to see what becomes of a server that gets too much."""

FIRST_STEP, NEXT_STEP = 1.6, 1.1
"""By how much the rate changes in the first search, and in those that begin at what the first ones found."""

AVALANCHE_CLIENTS = 5000
AVALANCHE_S = 30.0

SAMPLE_S = 0.02

MEASURES = ("latency", "rate", "renewals", "avalanche")
ONCE = ("renewals", "avalanche")
"""What is measured in the first round alone."""

Result = dict[str, list[float]]
"""What the rounds gave of one server: a figure's name, and one value a round."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What was seen of a server under one load.

    Attributes:
        asked: Exchanges that were to begin a second.
        renewals: Renewals that were to begin a second besides.
        seconds: How long the load lasted.
        begun: Exchanges that were begun.
        completed: Exchanges and renewals that ended in an ACK, within a second from each request.
        loss: The share that did not.
        rate: ACKs a second, from the first to the last answer of the server.
        answers: Packets that the server sent.
        unseen: The share of those that perfdhcp did not take in: its own limit, not the server's.
        cpu_us: The server's processor time for each of its answers.
        kernel_us: What of that was the kernel's.
        resident_bytes: The server's memory afterwards.
    """

    asked: int
    renewals: int
    seconds: int
    begun: int
    completed: int
    loss: float
    rate: float
    answers: int
    unseen: float
    cpu_us: float
    kernel_us: float
    resident_bytes: int

    @property
    def passed(self) -> bool:
        """Whether no more was lost than may be."""
        return self.loss <= MOST_LOSS

    @property
    def limited(self) -> bool:
        """Whether perfdhcp fell short of what it was asked."""
        return self.begun < 0.95 * self.asked * self.seconds


@dataclass(slots=True)
class Bench:
    """A run: what was measured of which server.

    Attributes:
        network: Where the servers serve.
        work: A folder, on the file system that leases are to be written to.
        seconds: How long a load lasts.
        precision: See ``highest``.
        quiet: Whether nothing is said of single trials.
        results: By the server's name.
        trials: Every trial, with its server's name.
        notes: What there is to say of a server, by its name.
    """

    network: Network
    work: Path
    seconds: int
    precision: float
    quiet: bool = False
    results: dict[str, Result] = field(default_factory=dict)
    trials: list[tuple[str, Trial]] = field(default_factory=list)
    notes: dict[str, list[str]] = field(default_factory=dict)

    def measure(self, server: Server, measure: str) -> None:
        """Measure one thing of a server, once.

        Raises:
            ServerError: The server does not start.
        """
        {"latency": self._latency, "rate": self._rate, "renewals": self._renewals, "avalanche": self._avalanche}[
            measure
        ](server)

    def say(self, text: str) -> None:
        """Tell how it goes, on standard error."""
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)

    def note(self, server: Server, text: str) -> None:
        """Keep what is to be said under the tables, once."""
        notes = self.notes.setdefault(server.name, [])
        if text not in notes:
            notes.append(text)

    def _keep(self, server: Server, **figures: float) -> None:
        for name, value in figures.items():
            self.results.setdefault(server.name, {}).setdefault(name, []).append(value)

    def _latency(self, server: Server) -> None:
        trial, report = self._try(server, LATENCY_RATE, delays=True)
        for kind, delays in (("offer", report.offers.delays_s), ("ack", report.acks.delays_s)):
            for percent in (50, 99):
                self._keep(server, **{f"{kind}_p{percent}_ms": perfdhcp.percentile(delays, percent) * 1e3})
        self._keep(server, resident_mb=trial.resident_bytes / 1e6, idle_cpu_us=trial.cpu_us)
        if not trial.passed:
            self.note(server, f"lost {trial.loss:.0%} at {LATENCY_RATE} a second: its latency is of the rest")

    def _rate(self, server: Server) -> None:
        best, trials = self._highest(server, renewing=False)
        if best is not None:
            trials.append(self._try(server, int(best.rate * OVERLOAD))[0])
            self._keep(server, rate=best.rate, cpu_us=best.cpu_us, kernel_us=best.kernel_us)
            self._keep(server, saturated=max(trial.rate for trial in trials))

    def _renewals(self, server: Server) -> None:
        best, _ = self._highest(server, renewing=True)
        if best is not None:
            self._keep(server, renewing_rate=best.rate)

    def _avalanche(self, server: Server) -> None:
        with serving(server, self.network, SERVER_CORE, self.work / server.name) as running:
            command = perfdhcp.avalanche(SERVER, AVALANCHE_CLIENTS)
            report = perfdhcp.parse(self._run(running, command, AVALANCHE_S)[0])
        self.say(
            f"  {server.name:<14}{report.acks.received} of {AVALANCHE_CLIENTS} clients at once served in"
            f" {report.provisioned_s} s, {report.resent} resent"
        )
        if report.provisioned_s is None or report.acks.received < AVALANCHE_CLIENTS:
            self.note(server, f"had not served the avalanche after {AVALANCHE_S:.0f} s")
        else:
            self._keep(server, avalanche_s=report.provisioned_s, resent=float(report.resent))

    def _highest(self, server: Server, *, renewing: bool) -> tuple[Trial | None, list[Trial]]:
        """The best of the trials that a server bore, and all of them."""
        before = self.results.get(server.name, {}).get("renewing_rate" if renewing else "rate")
        # A renewing load has an ACK more for each exchange
        start = int(median(before) if before else server.first_rate) // (2 if renewing else 1)
        step = NEXT_STEP if before else FIRST_STEP
        trials = highest(
            lambda rate: self._try(server, rate, renewals=rate if renewing else 0)[0],
            start,
            precision=self.precision,
            step=step,
        )
        best = max((trial for trial in trials if trial.passed), key=lambda trial: trial.rate, default=None)
        if best is None:
            self.note(server, "bore no rate at all")
        elif best.limited or any(trial.unseen > MOST_LOSS / 2 for trial in trials if not trial.passed):
            self.note(server, "perfdhcp was at its own limit: the server may be faster")
        return best, trials

    def _try(
        self, server: Server, rate: int, *, renewals: int = 0, delays: bool = False
    ) -> tuple[Trial, perfdhcp.Report]:
        """Put a load on a fresh server."""
        with serving(server, self.network, SERVER_CORE, self.work / server.name) as running:
            (cpu_before_s, kernel_before_s), (_, sent_before) = running.cpu_s(), running.packets()
            command = perfdhcp.load(SERVER, rate, self.seconds, renewals=renewals, delays=delays)
            output, seen, span_s = self._run(running, command)
            (cpu_s, kernel_s), answers = running.cpu_s(), running.packets()[1] - sent_before
            resident_bytes = running.resident_bytes
        report = perfdhcp.parse(output)
        completed = report.acks.received + report.renewals.received
        trial = Trial(
            asked=rate,
            renewals=renewals,
            seconds=self.seconds,
            begun=report.offers.sent,
            completed=completed,
            loss=report.loss,
            rate=completed / span_s if span_s else 0.0,
            answers=answers,
            unseen=max(0.0, 1 - report.answers / seen) if seen else 0.0,
            cpu_us=(cpu_s - cpu_before_s) / answers * 1e6 if answers else math.nan,
            kernel_us=(kernel_s - kernel_before_s) / answers * 1e6 if answers else math.nan,
            resident_bytes=resident_bytes,
        )
        self.trials.append((server.name, trial))
        self.say(
            f"  {server.name:<14}{rate:>7}/s"
            + (" and as many renewals" if renewals else "")
            + f" {trial.rate:>9,.0f} ACKs/s, lost {trial.loss:.2%}, {trial.cpu_us:.1f} us CPU an answer,"
            + f" {trial.kernel_us:.1f} of them the kernel's"
            + (f", {trial.unseen:.2%} unseen" if trial.unseen > 0.001 else "")
        )
        return trial, report

    def _run(self, running: Running, command: Sequence[str], most_s: float = math.inf) -> tuple[str, int, float]:
        """What perfdhcp prints, how many answers the server sent meanwhile, and the seconds that these took."""
        end_s = time.monotonic() + most_s
        sent = sent_before = running.packets()[1]
        first_s = last_s = 0.0
        with (
            TemporaryFile("w+") as printed,
            self.network.start_client(CLIENT_CORE, command, stdout=printed, stderr=printed) as process,
        ):
            try:
                while process.poll() is None:
                    now_s, newly = time.monotonic(), running.packets()[1]
                    if newly > sent:
                        first_s = first_s or now_s
                        sent, last_s = newly, now_s
                    if now_s > end_s:
                        process.send_signal(signal.SIGINT)  # it reports what it has
                        end_s = math.inf
                    time.sleep(SAMPLE_S)
            finally:
                process.kill()
            printed.seek(0)
            output = printed.read()
        if process.returncode not in (0, 3):  # 3: not every exchange succeeded
            raise perfdhcp.PerfdhcpError(f"{' '.join(command)}: {output.strip()[-1000:]}")
        return output, sent - sent_before, last_s - first_s


def prefer_sampling() -> None:
    """Have this process look at the counters on time, though perfdhcp never sleeps on the same core."""
    os.sched_setaffinity(0, {CLIENT_CORE})
    with suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))
