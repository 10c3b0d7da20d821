"""ISC's load generator: its command line, and what its report says."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["CLIENTS", "DROP_S", "Counts", "PerfdhcpError", "Report", "avalanche", "load", "parse", "percentile"]

CLIENTS = 16_000_000
"""How many clients there are to come; they come in order, so that each comes once."""

DROP_S = 1.0
"""An answer that takes longer is a lost one; perfdhcp waits for so long after its last request, too."""

_SECTION = re.compile(r"^\*\*\*(Statistics for|Timestamps for packets): (.+?)\*\*\*$", re.MULTILINE)
_COUNT = re.compile(r"^(sent packets|received packets|orphans): (\d+)$", re.MULTILINE)
_TIMES = re.compile(r"^sent / received: (\d+\.\d+) / (\d+\.\d+)$", re.MULTILINE)
_PROVISIONED = re.compile(r"^It took (\d+):(\d+):(\d+\.\d+) to provision (\d+) clients", re.MULTILINE)
_RESENT = re.compile(r"^Requests resent: (\d+)$", re.MULTILINE)


class PerfdhcpError(Exception):
    """perfdhcp failed, or said something that is not understood."""


@dataclass(frozen=True, slots=True)
class Counts:
    """One kind of request and its answers."""

    sent: int = 0
    received: int = 0
    orphans: int = 0
    delays_s: tuple[float, ...] = ()
    """How long each answer took, where that was asked for."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a run did."""

    offers: Counts = field(default_factory=Counts)
    acks: Counts = field(default_factory=Counts)
    renewals: Counts = field(default_factory=Counts)
    provisioned_s: float | None = None
    """In an avalanche, the time until every client had its address."""
    resent: int = 0
    """In an avalanche, how many requests were repeated."""

    @property
    def loss(self) -> float:
        """The share of what was begun, exchanges and renewals, that did not end in an ACK in time."""
        begun = self.offers.sent + self.renewals.sent
        return 1 - (self.acks.received + self.renewals.received) / begun if begun else 1.0

    @property
    def answers(self) -> int:
        """How many answers were taken in, in time or not."""
        # To perfdhcp, an ACK to a renewal is an orphan of the four-way exchanges
        return sum(counts.received + counts.orphans for counts in (self.offers, self.acks))


def load(server: str, rate: int, seconds: int, *, renewals: int = 0, delays: bool = False) -> list[str]:
    """The command that begins so many four-way exchanges a second, each by a client of its own.

    Args:
        server: Its address; perfdhcp plays the relay agent, with the address that leads there.
        rate: Exchanges to begin a second.
        seconds: For how long.
        renewals: Renewals of leases given before, a second; at most the rate.
        delays: Have the delay of every answer in the report.
    """
    command = ["perfdhcp", "-4", "-g", "single", "-R", str(CLIENTS), "-r", str(rate), "-p", str(seconds)]
    command += ["-d", f"{DROP_S:g}", "-W", f"{DROP_S * 1e6:.0f}"]
    if renewals:
        command += ["-f", str(renewals)]
    if delays:
        command += ["-x", "t"]
    return [*command, server]


def avalanche(server: str, clients: int) -> list[str]:
    """The command that has so many clients come at once, and come again until each has its address."""
    return ["perfdhcp", "-4", "-g", "single", "--scenario", "avalanche", "-R", str(clients), server]


def parse(output: str) -> Report:
    """What perfdhcp printed.

    Raises:
        PerfdhcpError: It is no report.
    """
    found = list(_SECTION.finditer(output))
    if not any(section[2] == "DISCOVER-OFFER" for section in found):
        raise PerfdhcpError(f"perfdhcp gave no report: {output.strip()[-500:]}")
    ends = [section.start() for section in found[1:]] + [len(output)]
    counts: dict[str, dict[str, int]] = {}
    delays: dict[str, tuple[float, ...]] = {}
    for section, end in zip(found, ends, strict=True):
        kind, name = section.groups()
        text = output[section.end() : end]
        if kind == "Statistics for":
            counts[name] = {key: int(number) for key, number in _COUNT.findall(text)}
        else:
            delays[name] = tuple(float(received) - float(sent) for sent, received in _TIMES.findall(text))
    provisioned, resent = _PROVISIONED.search(output), _RESENT.search(output)

    def of(name: str) -> Counts:
        values = counts.get(name, {})
        return Counts(
            values.get("sent packets", 0),
            values.get("received packets", 0),
            values.get("orphans", 0),
            delays.get(name, ()),
        )

    return Report(
        of("DISCOVER-OFFER"),
        of("REQUEST-ACK"),
        of("REQUEST-ACK (renewal)"),
        None if provisioned is None else _seconds(provisioned),
        int(resent[1]) if resent else 0,
    )


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that so many percent of the values do not exceed; NaN where there is none."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def _seconds(time: re.Match[str]) -> float:
    hours, minutes, seconds, _ = time.groups()
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
