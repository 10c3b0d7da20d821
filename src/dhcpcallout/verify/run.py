"""Has scenarios run, in processes that may crash and hang, and puts together what they tell."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from ..errors import CalloutError
from ..hooks import SLOTS
from .child import job_to_dict, run_scenarios
from .report import Finding, Report, ScenarioResult, judge
from .scenarios import SCENARIOS, Captured, Job
from .watch import LOST

__all__ = ["Isolation", "verify"]

Isolation = Literal["process", "none"]
"""Where the callout is run: in processes of its own, or in this one, where a debugger sees it."""

OWN_TIME_S = 60.0
"""How long the verifier itself may be silent in a process, as when it starts."""
ENDING_S = 10.0
"""How long a process may take to end."""
_TAIL = 8000
"""How much of what a callout prints is kept, in bytes."""
_SLOT_NAMES = {slot.name for slot in SLOTS}
_WINDOWS_STATUSES = {
    0xC0000005: "access violation",
    0xC00000FD: "stack overflow",
    0xC0000374: "heap corruption",
    0xC0000409: "stack buffer overrun, or abort()",
    0xC000001D: "illegal instruction",
    0xC0000094: "integer division by zero",
}


def verify(
    entry: str,
    *,
    isolation: Isolation = "process",
    scenarios: Sequence[str] | None = None,
    chain: Sequence[str] = (),
    packets: int = 10_000,
    timeout_s: float = 10.0,
    scenario_s: float = 30.0,
    memory_bytes: int = 2**30,
    hardware_addresses: Sequence[bytes] = (),
    captured: Sequence[Captured] = (),
    worker_command: Sequence[str] = (),
    progress: Callable[[str], None] | None = None,
) -> Report:
    """Drive a callout through all that a server may do to it, and see what it does.

    With isolation ``none`` it runs an event loop, and so cannot be called in one.

    Args:
        entry: The callout: a path ending in .dll, .so, .dylib or .py, absolute, or ``python:package.module``.
        isolation: ``process``, or ``none``: then a crash of the callout ends the caller, and a hang is one of its own.
        scenarios: Which of ``SCENARIOS``; all by default.
        chain: The names that it is given as the rest of the list.
        packets: How many packets its growth is measured over.
        timeout_s: How long a call into it may take, in seconds.
        scenario_s: After how many seconds a scenario is cut short, as one of a callout that takes long for each call.
        memory_bytes: How much more memory it may take than a verifier has; 0 is any.
        hardware_addresses: What the clients have, in turn: for a callout that lets known ones pass alone.
        captured: Datagrams for the scenario ``capture``, which is left out where there are none.
        worker_command: The command of the Python that runs the processes, with this package; this one's by default.
        progress: Called with the name of each scenario that begins.

    Raises:
        CalloutError: The processes do not start.
        ValueError: There is no such scenario.
    """
    names = [name for name in SCENARIOS if name in (SCENARIOS if scenarios is None else scenarios)]
    unknown = set(scenarios or ()) - set(SCENARIOS)
    if unknown:
        raise ValueError(f"no scenario {', '.join(sorted(unknown))}; there are {', '.join(SCENARIOS)}")
    if not captured:
        names = [name for name in names if name != "capture"]
    job = Job(
        entry=entry,
        chain=tuple(chain),
        packets=packets,
        scenario_s=scenario_s,
        parked_s=min(2.0, timeout_s / 2),
        hardware_addresses=tuple(hardware_addresses),
        captured=tuple(captured),
    )
    gathered = _Gathered(Report(entry), progress)
    if isolation == "none":
        run_scenarios(job, names, lambda _text: None, gathered.take, interruptible=True)
    else:
        command = [*(worker_command or [sys.executable]), "-m", "dhcpcallout.verify"]
        _run_processes(job, names, gathered, command, timeout_s, memory_bytes)
    told = {result.name for result in gathered.report.scenarios}
    gathered.report.scenarios += [ScenarioResult(name, "not run", 0.0) for name in names if name not in told]
    judge(gathered.report, gathered.observations)
    return gathered.report


class _Gathered:
    """What the scenarios have told so far."""

    def __init__(self, report: Report, progress: Callable[[str], None] | None) -> None:
        self.report = report
        self.observations: list[Mapping[str, Any]] = []
        self.current = ""
        self.last = ""
        self._progress = progress
        self._found: set[tuple[str, str, str]] = set()

    def take(self, message: Mapping[str, Any]) -> None:
        """Take a message of ``run_scenarios``."""
        self.last = next(iter(message))
        if "begin" in message:
            self.current = message["begin"]
            if self._progress is not None:
                self._progress(self.current)
        elif "loaded" in message:
            self.report.name, self.report.slots = message["loaded"], tuple(message["slots"])
        elif "finding" in message:
            self.find(Finding(**message["finding"]))
        elif "end" in message:
            self.end(message["outcome"], message["seconds"])
            self.observations.append(message["observed"])
        elif "again" in message:
            self.find(Finding("reload", f"it cannot be loaded a second time in a process: {message['why']}"))
        elif "failed" in message:
            raise RuntimeError(f"the verifier failed in {self.current!r}:\n{message['failed']}")

    def find(self, finding: Finding) -> None:
        """Take a finding, if it is not known from another scenario."""
        if finding.key not in self._found:
            self._found.add(finding.key)
            self.report.findings.append(finding)

    def end(self, outcome: str, duration_s: float) -> None:
        """Note how the current scenario ended."""
        self.report.scenarios.append(ScenarioResult(self.current, outcome, duration_s))


def _run_processes(
    job: Job, names: Sequence[str], gathered: _Gathered, command: Sequence[str], timeout_s: float, memory_bytes: int
) -> None:
    """Run the scenarios in one process, or, where that ends before its time, the rest in the next."""
    left = list(names)
    while left:
        request = {"job": job_to_dict(job), "names": left, "memory_bytes": memory_bytes}
        started_s, gathered.current = time.monotonic(), ""
        process = _Process(command, request)
        outcome = process.follow(gathered, timeout_s)
        if gathered.last == "done" or (gathered.last == "end" and gathered.report.scenarios[-1].outcome == "load"):
            return
        if not gathered.current:
            raise CalloutError(f"the process that was to run the callout did not start: {process.output or outcome}")
        if gathered.last == "again":
            left = left[left.index(gathered.current) :]
            continue
        ended = gathered.report.scenarios[-1:]
        if not ended or ended[0].name != gathered.current:
            gathered.find(process.finding(outcome, gathered.current, timeout_s, memory_bytes))
            gathered.end(outcome, time.monotonic() - started_s)
        left = left[left.index(gathered.current) + 1 :]


class _Process:
    """A process that runs scenarios, and what it says of itself until it ends."""

    def __init__(self, command: Sequence[str], request: Mapping[str, Any]) -> None:
        # What is allocated and what is freed is filled with a pattern by glibc, so that the use of either is seen;
        # and the current directory is no place to import from.
        environment = {"MALLOC_PERTURB_": "195", **os.environ, "PYTHONSAFEPATH": "1"}
        self._peak_bytes = _peak_of_children()
        try:
            self._process = subprocess.Popen(  # noqa: S603 -- the command is the user's own
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            raise CalloutError(f"{command[0]}: {error.strerror}") from error
        self._messages: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._heard_s = time.monotonic()
        self._where = ""
        self._inside = False
        self._datagram = ""
        self._output = b""
        self._threads = [threading.Thread(target=target, daemon=True) for target in (self._listen, self._keep_output)]
        for thread in self._threads:
            thread.start()
        try:
            assert self._process.stdin is not None
            with self._process.stdin:
                self._process.stdin.write(json.dumps(request).encode() + b"\n")
        except OSError:
            pass  # it has ended, and says why in another way

    @property
    def output(self) -> str:
        """The end of what was printed."""
        return self._output.decode(errors="replace").strip()

    # Each of the two may go on for longer than the process, where somebody else holds its end of the pipe open.

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stream:
            for line in stream:
                self._heard_s = time.monotonic()
                kind = line[:1]
                if kind == b">":
                    self._where, self._inside = line[1:-1].decode(errors="replace"), True
                elif kind == b"<":
                    self._inside = False
                elif kind == b"@":
                    self._datagram = line[1:-1].decode(errors="replace")
                elif kind == b"{" and line.endswith(b"\n"):
                    self._messages.put(json.loads(line))
        self._messages.put(None)

    def _keep_output(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as stream:
            while chunk := stream.read1(65536):  # type: ignore[attr-defined]
                self._output = (self._output + chunk)[-_TAIL:]

    def follow(self, gathered: _Gathered, timeout_s: float) -> str:
        """Hear it out.

        Returns:
            How it ended: ``crash``, ``exit`` or ``hang``.
        """
        hangs = False
        try:
            while True:
                try:
                    message = self._messages.get(timeout=0.2)
                except queue.Empty:
                    if self._process.poll() is not None:
                        self._threads[0].join(2)
                        if self._messages.empty():
                            break
                    # What is not the callout's time is the verifier's own, as when it starts.
                    if time.monotonic() - self._heard_s > (timeout_s if self._inside else max(timeout_s, OWN_TIME_S)):
                        hangs = True
                        break
                    continue
                if message is None:
                    break
                gathered.take(message)
            if not hangs:
                # It may have closed its standard output, and go on.
                try:
                    self._process.wait(max(timeout_s, ENDING_S))
                except subprocess.TimeoutExpired:
                    hangs = True
        finally:
            self._kill()
            for thread in self._threads:
                thread.join(1)
        if hangs:
            return "hang"
        status = self._process.returncode
        return "crash" if status < 0 or status & 0xFFFFFFFF in _WINDOWS_STATUSES else "exit"

    def _kill(self) -> None:
        """End it, and the processes that its callout has left behind."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        if sys.platform != "win32":
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def finding(self, outcome: str, scenario: str, timeout_s: float, memory_bytes: int) -> Finding:
        """Say how it ended before its time."""
        status = self._process.returncode
        kind = outcome
        if outcome == "hang":
            text = f"it did not come back within {timeout_s:g} s"
        elif status == LOST:
            kind, text = "descriptors", "it closed file descriptors that are the server's"
        elif status < 0:
            name = signal.Signals(-status).name if -status in set(signal.Signals) else f"signal {-status}"
            text = f"{name} ({signal.strsignal(-status)})"
        elif outcome == "crash":
            text = f"0x{status & 0xFFFFFFFF:08X} ({_WINDOWS_STATUSES[status & 0xFFFFFFFF]})"
        else:
            text = f"it ended the process, with status {status}"
        slot = self._where if self._where in _SLOT_NAMES and self._inside else ""
        if not slot:
            text += f", while it was called to {self._where}" if self._inside else f", after {self._where or 'nothing'}"
        name, _, packet = self._datagram.partition("|")
        if name:
            text += f", with {name}"
        peak = _peak_of_children()
        if memory_bytes and peak > self._peak_bytes and peak > memory_bytes // 2:
            text += f"; it had taken {peak >> 20} MiB of memory"
        return Finding(kind, text, slot, scenario, packet, self.output)


def _peak_of_children() -> int:
    """The most memory that any process of ours has had that has ended, in bytes."""
    if sys.platform == "win32":
        return 0
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit
