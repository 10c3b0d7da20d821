"""``dhcpcallout callouts verify``: whether a callout would hurt a server."""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import CalloutError, CaptureError
from .decode import open_input
from .text import printable

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence

    from ..verify import Report
    from ..verify.scenarios import Captured

__all__ = ["verify"]

_MOST_CAPTURED = 20_000
_MOST_LINES = 40
"""Of what a callout has printed: a sanitizer's report has as many."""
_LONGEST_SHOWN = 400
"""Of a packet, in bytes."""


class Isolation(StrEnum):
    """Where the callout is run."""

    PROCESS = "process"
    NONE = "none"


def verify(
    callout: Annotated[str, typer.Argument(metavar="CALLOUT", help="A .dll, .so, .dylib or .py; or python:MODULE.")],
    isolation: Annotated[
        Isolation, typer.Option(help="none: in this very process, where a debugger sees it; a crash ends the command.")
    ] = Isolation.PROCESS,
    pcap: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Replay the messages of a capture too; - is standard input.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    scenario: Annotated[
        list[str] | None, typer.Option("--scenario", metavar="NAME", help="Only this one; may be given again.")
    ] = None,
    chain: Annotated[
        list[str] | None,
        typer.Option("--chain", metavar="NAME", help="A name of the rest of the list (ChainDlls); may be given again."),
    ] = None,
    mac: Annotated[
        list[str] | None,
        typer.Option("--mac", help="The hardware address of a client, for a callout that lets known ones pass alone."),
    ] = None,
    packets: Annotated[int, typer.Option(min=100, help="Over how many packets growth is measured.")] = 10_000,
    timeout: Annotated[float, typer.Option(min=0.1, help="How long one call may take, in seconds.")] = 10.0,
    scenario_timeout: Annotated[float, typer.Option(min=0.1, help="When a scenario is cut short, in seconds.")] = 30.0,
    memory: Annotated[int, typer.Option(min=0, help="How much memory it may take, in MiB; 0 is any.")] = 1024,
    worker_command: Annotated[
        str, typer.Option(metavar="COMMAND", help="Another Python to run it: a 32-bit one, or one under Wine.")
    ] = "",
) -> None:
    """Drive a callout through all that a server may do to it, and print what it did and what would hurt a server.

    Every message type, hostile packets, replies of every size, chains, starts and stops, loading and unloading, and
    thousands of packets. Exit status 1 where there is an error among the findings.
    """
    import json
    import shlex
    import sys

    from ..engine.clients import parse_hardware_address
    from ..verify import verify

    entry = callout if callout.startswith("python:") or worker_command else str(Path(callout).absolute())
    if not worker_command and not entry.startswith("python:") and not Path(entry).is_file():
        raise typer.BadParameter(f"there is no file {callout}")
    try:
        addresses = [parse_hardware_address(text) for text in mac or ()]
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--mac") from None
    captured = _read_capture(pcap) if pcap is not None else ()
    shows_progress = sys.stderr.isatty() and not as_json
    try:
        report = verify(
            entry,
            isolation=isolation.value,
            scenarios=scenario or None,
            chain=chain or (),
            packets=packets,
            timeout_s=timeout,
            scenario_s=scenario_timeout,
            memory_bytes=memory * 2**20,
            hardware_addresses=addresses,
            captured=captured,
            worker_command=shlex.split(worker_command),
            progress=(lambda name: typer.echo(f"{name} ...", err=True)) if shows_progress else None,
        )
    except (CalloutError, ValueError) as error:
        raise typer.BadParameter(str(error)) from None
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a terminal that is not UTF-8
    text = json.dumps(report.to_dict()) if as_json else "\n".join(map(printable, _lines(report)))
    sys.stdout.write(text + "\n")
    if report.hurts:
        raise typer.Exit(1)


def _read_capture(path: Path) -> "Sequence[Captured]":
    """The messages to servers, of which there must be some."""
    from ..codes import BOOTREPLY, SERVER_PORT
    from ..transports.capture import Capture
    from ..verify.scenarios import Captured

    captured: list[Captured] = []
    try:
        with open_input(path) as file:
            for datagram in Capture(file):
                is_reply = datagram.payload[:1] == bytes((BOOTREPLY,))  # from a server to a relay agent
                if datagram.dst_port == SERVER_PORT and not is_reply and len(captured) < _MOST_CAPTURED:
                    captured.append(Captured(datagram.src_int, datagram.src_port, datagram.payload))
    except CaptureError as error:
        raise typer.BadParameter(f"{path}: {error}", param_hint="--pcap") from None
    if not captured:
        raise typer.BadParameter(f"{path}: no message to a server", param_hint="--pcap")
    return captured


def _lines(report: "Report") -> Iterator[str]:
    from ..hooks import SLOTS
    from ..verify import Severity

    abi_names = {slot.name: slot.abi_name for slot in SLOTS}
    errors = sum(finding.severity is Severity.ERROR for finding in report.findings)
    warnings = len(report.findings) - errors
    yield f"{report.entry}: {'would hurt a server' if report.hurts else 'ok'}"
    yield f"  {_count(errors, 'error')}, {_count(warnings, 'warning')}"
    yield f"  listens on {', '.join(report.slots) or 'nothing'}"
    for finding in report.findings:
        yield ""
        where = f", {abi_names.get(finding.slot) or finding.slot}" if finding.slot else ""
        yield f"{finding.severity} ({finding.kind}): {finding.text}"
        yield f"  in scenario {finding.scenario}{where}" if finding.scenario else f"  in all scenarios{where}"
        if finding.packet:
            size = len(finding.packet) // 2
            shown = finding.packet if size <= _LONGEST_SHOWN else f"{size:,} bytes, which --json shows"
            yield f"  packet: {shown}"
        for line in finding.output.splitlines()[-_MOST_LINES:]:
            yield f"  | {line}"
    if report.timings:
        yield ""
        yield f"{'HOOK':<16}{'CALLS':>8}{'FAULTS':>8}{'MEDIAN':>12}{'P99':>12}{'MAX':>12}{'WAITED':>8}"
        for timing in report.timings:
            times = "".join(f"{_time(value):>12}" for value in (timing.median_ns, timing.p99_ns, timing.max_ns))
            yield f"{timing.slot:<16}{timing.calls:>8,}{timing.faults:>8,}{times}{timing.waits:>8,}"
    yield from _counted("answered", report.answers)
    yield from _counted("changed", report.changes)
    if report.drops:
        yield f"dropped {', '.join(f'{count:,} {kind}' for kind, count in report.drops.most_common())}"
    if report.contexts:
        yield "contexts: " + ", ".join(f"{count:,} {name}" for name, count in report.contexts.items())
    if report.growth:
        growth = ((name.replace("-", " "), count) for name, count in report.growth.items() if name != "packets")
        told = ", ".join(f"{name} {count:+,}" if count is not None else f"{name} not known" for name, count in growth)
        yield f"growth over {report.growth['packets']:,} packets: {told}"
    yield "scenarios: " + ", ".join(
        result.name if result.outcome == "done" else f"{result.name} ({result.outcome})" for result in report.scenarios
    )


def _counted(verb: str, counts: dict[str, "Counter[str]"]) -> Iterator[str]:
    for slot, what in counts.items():
        yield f"{slot} {verb} {', '.join(f'{count:,} {name}' for name, count in what.most_common())}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _time(nanoseconds: int) -> str:
    return f"{nanoseconds / 1e6:,.2f} ms" if nanoseconds >= 1e6 else f"{nanoseconds / 1e3:,.1f} us"
