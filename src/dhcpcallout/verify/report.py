"""What a verification found, and which of it would hurt a server."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from ..hooks import SLOTS

__all__ = [
    "KINDS",
    "Finding",
    "HookTiming",
    "Kind",
    "Report",
    "ScenarioResult",
    "Severity",
    "judge",
]

SLOW_CALL_NS = 250_000_000
"""A call that takes as long takes a server's whole patience with an isolated callout (``timeout-ms``)."""
SLOW_NS = 10_000_000
"""A hook whose median is as long leaves a server fewer than 100 packets a second."""
WAIT_NS = 1_000_000
"""What a call waits for less than this long is told apart from a busy machine by nobody."""
CONTROL = "control"


class Severity(StrEnum):
    """How bad a finding is: an error would hurt a server, a warning is for the author to look at."""

    ERROR = "error"
    WARNING = "warning"


class Kind(NamedTuple):
    """A kind of finding.

    Attributes:
        severity: How bad it is.
        meaning: What such a callout does.
    """

    severity: Severity
    meaning: str


_ERROR, _WARNING = Severity.ERROR, Severity.WARNING

KINDS: Mapping[str, Kind] = {
    "load": Kind(_ERROR, "cannot be loaded, or refuses"),
    "crash": Kind(_ERROR, "ends the process: by a signal, or by an exception that no server catches"),
    "exit": Kind(_ERROR, "ends the process by exit(), or by a status of its own"),
    "hang": Kind(_ERROR, "does not come back from a call within the time limit"),
    "fault": Kind(_ERROR, "raises, or breaks the rules of its slot; the server undoes and logs it (1031)"),
    "entry": Kind(_ERROR, "writes behind the table, or behind ChainDlls, in its entry point"),
    "descriptors": Kind(_ERROR, "closes, or replaces, a file descriptor that is not its own"),
    "fork": Kind(_ERROR, "returns from a hook in a process that it has forked"),
    "signals": Kind(_ERROR, "changes what SIGTERM or SIGINT do, which stop a server"),
    "slow": Kind(_ERROR, "takes 10 ms a call in median, or 250 ms in one"),
    "blocking": Kind(_ERROR, "waits (sleeps, reads, locks) for 10 ms or more in one call of a hundred"),
    "timeout": Kind(_ERROR, "has an async function that is not done when a packet's time to wait is over"),
    "reply": Kind(_ERROR, "makes a reply unreadable, or changes in it what is no longer its to decide"),
    "memory": Kind(_ERROR, "takes 16 bytes or more with every packet, and gives none back"),
    "leak": Kind(_ERROR, "takes more file descriptors, or threads, with every packet"),
    "unload": Kind(_ERROR, "leaves a thread running in a library that is unloaded"),
    "context": Kind(_WARNING, "sets contexts and has no PktDrop hook, where they are to be freed"),
    "waits": Kind(_WARNING, "waits for 1 ms or more in one call of a hundred, or in the control hook"),
    "status": Kind(_WARNING, "returns something else than ERROR_SUCCESS from a hook, which changes nothing"),
    "version": Kind(_WARNING, "accepts a version of the callout ABI that does not exist"),
    "reserved": Kind(_WARNING, "fills a member of the table that is reserved"),
    "chain": Kind(_WARNING, "refuses to load because of a name in its chain, or writes to ChainDlls"),
    "reload": Kind(_WARNING, "keeps descriptors or threads over STOP and unloading, or cannot be loaded twice"),
    "drops-all": Kind(_WARNING, "drops every packet of the clients here, so that most of it was not tried"),
    "request": Kind(_WARNING, "makes a request that was readable unreadable"),
    "size": Kind(_WARNING, "makes a reply longer than its client said that it takes (option 57, else 576 bytes)"),
    "process": Kind(_WARNING, "changes the process: its directory, umask, or what another signal does"),
    "trust": Kind(_WARNING, "lies where others than root and this user may write: a server refuses to load it"),
    "no-slots": Kind(_WARNING, "listens on no slot at all"),
}
"""What may be found, by the name of its kind."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a callout did.

    Attributes:
        kind: A key of ``KINDS``.
        text: What it did.
        slot: In which slot; "" where in none, or where it cannot be told.
        scenario: In which scenario first.
        packet: The datagram that it was called with, in hexadecimal, where that matters.
        output: The end of what it had written to standard output and standard error, where it ended the process.
    """

    kind: str
    text: str
    slot: str = ""
    scenario: str = ""
    packet: str = ""
    output: str = ""

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return KINDS[self.kind].severity

    def to_dict(self) -> dict[str, str]:
        """For JSON: what there is of it."""
        fields = {name: getattr(self, name) for name in ("slot", "scenario", "packet", "output")}
        return {"severity": str(self.severity), "kind": self.kind, "text": self.text} | {
            name: value for name, value in fields.items() if value
        }

    @property
    def key(self) -> tuple[str, str, str]:
        """What findings have in common that tell of the same: numbers do not count."""
        return self.kind, re.sub(r"[0-9,]+", "0", self.text), self.slot


@dataclass(frozen=True, slots=True)
class HookTiming:
    """How long a slot's functions took. For an async function: for how long it held up the server's loop, in all.

    Attributes:
        slot: The slot.
        calls: How often they were called; the times are of the last calls of each scenario.
        faults: How many of the calls were faults.
        median_ns, p99_ns, max_ns: Time on the clock, in nanoseconds.
        cpu_median_ns: Time of the processor.
        waits: How many calls of those timed waited for 1 ms or more.
        longest_wait_ns: The longest of them.
    """

    slot: str
    calls: int
    faults: int
    median_ns: int
    p99_ns: int
    max_ns: int
    cpu_median_ns: int
    waits: int
    longest_wait_ns: int


@dataclass(frozen=True, slots=True)
class ScenarioResult:
    """What became of a scenario.

    Attributes:
        name: Its name.
        outcome: ``done``, or how it ended before: ``crash``, ``exit``, ``hang``, ``load``, ``cut short`` (it took too
            long) or ``not run``.
        duration_s: How long it took, in seconds.
    """

    name: str
    outcome: str
    duration_s: float


@dataclass(slots=True)
class Report:
    """What a verification found.

    Attributes:
        entry: The callout, as it was named.
        name: What log records call it; "" where it was never loaded.
        slots: The slots that it listens on.
        findings: The errors first.
        timings: One a slot that was called.
        answers: For each slot, how often its functions answered with what: ``Drop``, ``Replace``, ...
        drops: How often packets of which message type were dropped.
        changes: For each slot, which fields and options of how many messages were changed.
        statuses: For each slot, the first value other than 0 that a native hook returned.
        contexts: ``set``: how many packets got a context; ``returned``: how many of these came to their end in a
            PktDrop hook; ``distinct``: how many different ones a scenario had at most, 256 for any number above.
            Empty for a callout in Python.
        growth: What grew with the packets, and by how much in all; None is for what cannot be measured here.
        scenarios: What was tried, in order.
    """

    entry: str
    name: str = ""
    slots: tuple[str, ...] = ()
    findings: list[Finding] = field(default_factory=list)
    timings: list[HookTiming] = field(default_factory=list)
    answers: dict[str, Counter[str]] = field(default_factory=dict)
    drops: Counter[str] = field(default_factory=Counter)
    changes: dict[str, Counter[str]] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    contexts: Counter[str] = field(default_factory=Counter)
    growth: dict[str, int | None] = field(default_factory=dict)
    scenarios: list[ScenarioResult] = field(default_factory=list)

    @property
    def hurts(self) -> bool:
        """Whether the callout would hurt a server: there is an error among the findings."""
        return any(finding.severity is Severity.ERROR for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "callout": self.entry,
            "name": self.name,
            "hurts": self.hurts,
            "slots": list(self.slots),
            "findings": [finding.to_dict() for finding in self.findings],
            "hooks": [
                {
                    "slot": timing.slot,
                    "calls": timing.calls,
                    "faults": timing.faults,
                    "median-us": timing.median_ns / 1e3,
                    "p99-us": timing.p99_ns / 1e3,
                    "max-us": timing.max_ns / 1e3,
                    "cpu-median-us": timing.cpu_median_ns / 1e3,
                    "waits": timing.waits,
                    "longest-wait-us": timing.longest_wait_ns / 1e3,
                }
                for timing in self.timings
            ],
            "answers": {slot: dict(counts) for slot, counts in self.answers.items()},
            "dropped": dict(self.drops),
            "changed": {slot: dict(counts) for slot, counts in self.changes.items()},
            "statuses": dict(self.statuses),
            "contexts": dict(self.contexts),
            "growth": dict(self.growth),
            "scenarios": [
                {"name": result.name, "outcome": result.outcome, "seconds": round(result.duration_s, 3)}
                for result in self.scenarios
            ],
        }


class _Slot:
    """What was observed of a slot, over all scenarios."""

    def __init__(self) -> None:
        self.calls = 0
        self.faults = 0
        self.wall: list[int] = []
        self.cpu: list[int] = []
        self.waits: list[int] = []


def judge(report: Report, observations: Iterable[Mapping[str, Any]]) -> None:
    """Put what was observed in a report, and what is to be found in it.

    Args:
        report: What is known so far: the findings that were made on the way.
        observations: What the watch of each scenario that came to its end gave.
    """
    slots: dict[str, _Slot] = {}
    answered, delay_is_told = 0, True
    for observed in observations:
        answered += observed["answered"]
        delay_is_told &= observed["delay_is_told"]
        for name, one in observed["slots"].items():
            slot = slots.setdefault(name, _Slot())
            slot.calls += one["calls"]
            slot.faults += one["faults"]
            slot.wall += one["wall"]
            slot.cpu += one["cpu"]
            slot.waits += one["waits"]
            if one["answers"]:
                report.answers.setdefault(name, Counter()).update(one["answers"])
            if one["changes"]:
                report.changes.setdefault(name, Counter()).update(one["changes"])
        report.drops.update(observed["drops"])
        for name, count in observed["contexts"].items():
            report.contexts[name] = (
                max(report.contexts[name], count) if name == "distinct" else (report.contexts[name] + count)
            )
        for name, status in observed["statuses"].items():
            report.statuses.setdefault(name, status)
        report.growth.update(observed["growth"])
    for row in SLOTS:
        if row.name in slots:
            report.timings.append(_timing(row.name, slots[row.name]))
    report.findings += _find_slow(report.timings, slots, delay_is_told)
    _find_statuses(report)
    if report.contexts["set"] and "packet_drop" not in report.slots:
        text = f"{report.contexts['set']:,} packets got a context, and there is no DhcpPktDropHook to free it in"
        report.findings.append(Finding("context", text))
    if report.drops and not answered:
        text = "no client was answered, since it drops their packets: give those that it lets pass by --mac"
        report.findings.append(Finding("drops-all", text))
    report.findings.sort(key=lambda finding: finding.severity is not Severity.ERROR)


def _timing(name: str, slot: _Slot) -> HookTiming:
    wall, waits = sorted(slot.wall), [wait for wait in slot.waits if wait >= WAIT_NS]
    return HookTiming(
        name,
        slot.calls,
        slot.faults,
        _quantile(wall, 0.5),
        _quantile(wall, 0.99),
        wall[-1] if wall else 0,
        _quantile(sorted(slot.cpu), 0.5),
        len(waits),
        max(waits, default=0),
    )


def _find_slow(timings: Sequence[HookTiming], slots: Mapping[str, _Slot], delay_is_told: bool) -> Iterable[Finding]:
    """Find what takes long, by what is the callout's own part of the time.

    What the machine was busy with meanwhile is not. Where the system does not tell how long that was, a wait is only
    believed that half of the calls have.
    """
    for timing in timings:
        slot = slots[timing.slot]
        taken = sorted(cpu + wait for cpu, wait in zip(slot.cpu, slot.waits, strict=True))
        longest, median = max(taken if delay_is_told else slot.cpu, default=0), _quantile(taken, 0.5)
        often = max(3, len(slot.waits) // (100 if delay_is_told else 2)) if timing.slot != CONTROL else 1
        wait = sorted(slot.waits)[-often] if len(slot.waits) >= often else 0
        if timing.slot == CONTROL:
            if wait >= WAIT_NS:
                yield Finding("waits", f"the service was held up for {wait / 1e6:,.1f} ms", timing.slot)
        elif median >= SLOW_NS:
            yield Finding("slow", f"it takes {median / 1e6:,.1f} ms in median", timing.slot)
        elif longest >= SLOW_CALL_NS:
            yield Finding("slow", f"it took {longest / 1e6:,.0f} ms once", timing.slot)
        if timing.slot != CONTROL and wait >= WAIT_NS:
            text = f"{timing.waits} of {len(slot.waits)} calls waited, for up to {timing.longest_wait_ns / 1e6:,.1f} ms"
            yield Finding("blocking" if wait >= SLOW_NS else "waits", text, timing.slot)


def _find_statuses(report: Report) -> None:
    for slot, status in report.statuses.items():
        report.findings.append(Finding("status", f"it returned {status} (0x{status:08X})", slot))


def _quantile(ordered: Sequence[int], share: float) -> int:
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0
