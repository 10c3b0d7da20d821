"""Whether a packet costs more than it did: fails when a layer's cost has grown by more than half.

    python -m benchmarks.bench_regression            # compare with recorded.json beside this file
    python -m benchmarks.bench_regression --record   # write what is measured there

A cost is how often a calibration loop runs in its time: code that does such things as the packet's path does, in the
same process, before each turn of some milliseconds and after it. So neither the machine nor what else it does counts
for much; of all rounds the median does. What seems to have grown is measured again before it is said to have.
"""

import argparse
import json
import math
import shutil
import struct
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

from . import bench_engine, bench_hooks, bench_wire
from .pages import paste

RECORDED = Path(__file__).with_name("recorded.json")

MOST_GROWTH = 1.5
"""The quotient of a cost and the recorded one that is too much when exceeded."""

ROUNDS = 150
ATTEMPTS = 3
"""How often what has grown is measured, each time for as many rounds."""

WIRE_CALLS = 100
CALIBRATION_CALLS = 10
_FIELDS = struct.Struct("!BBBBIHHIIII16s")


class _Row(NamedTuple):
    key: bytes
    number: int
    name: str


def calibration() -> None:
    """Unpack, slice, look up, make small objects and call, as a packet's path does."""
    header = _FIELDS.pack(1, 1, 6, 0, 0x3903F326, 4, 0x8000, 0, 0, 0, 0, b"\x00\x0b\x82\x01\xfc\x42")
    rows: dict[bytes, _Row] = {}
    for number in range(20):
        fields = _FIELDS.unpack_from(header)
        options = {}
        data = header
        offset = 0
        while offset < 40:
            options[offset] = data[offset : offset + 4]
            offset += 4
        key = b"%d" % number + fields[11][:6]
        row = rows.get(key)
        if row is None:
            row = rows[key] = _Row(key, fields[4], f"host-{number}")
        b"".join([header[:12], row.key, *options.values()])
        rows[key] = row._replace(number=number)


class Costs:
    """The cases and what they cost, as they are measured.

    Args:
        folder: Where a native callout is compiled, or None to leave it out.
    """

    def __init__(self, folder: Path | None) -> None:
        self.calibration_us: list[float] = []
        self._turns: dict[str, Callable[[], float]] = {}
        for name, call in bench_wire.dhcpcallout_cases().items():
            self._turns[f"wire: {name}"] = lambda call=call: _time_us(call, WIRE_CALLS)  # type: ignore[misc]
        engine = bench_engine.Bench(1000, 1)
        self._turns["engine: DISCOVERs and REQUESTs, half of them of new clients"] = lambda: _engine_us(engine)
        if folder is not None:
            server = bench_hooks.Server([bench_hooks.load(bench_hooks.build(folder))])
            self._turns["hooks: a renewal with a native callout, all eight hooks"] = lambda: _hooks_us(server)
        self.times_us: dict[str, list[float]] = {name: [] for name in self._turns}
        self._costs: dict[str, list[float]] = {name: [] for name in self._turns}

    def measure(self, rounds: int) -> None:
        """Run all for some rounds more."""
        for _ in range(rounds):
            before_us = _time_us(calibration, CALIBRATION_CALLS)
            for name, turn in self._turns.items():
                time_us, after_us = turn(), _time_us(calibration, CALIBRATION_CALLS)
                self.times_us[name].append(time_us)
                self._costs[name].append(time_us / (before_us + after_us) * 2)
                self.calibration_us.append(after_us)
                before_us = after_us

    @property
    def costs(self) -> dict[str, float]:
        """How often the calibration loop runs in the time of each case."""
        return {name: median(costs) for name, costs in self._costs.items()}


def _time_us(call: Callable[[], object], number: int) -> float:
    began = time.process_time_ns()
    for _ in range(number):
        call()
    return (time.process_time_ns() - began) / number / 1000


def _engine_us(engine: bench_engine.Bench) -> float:
    engine.decisions_a_second = 0.0  # it keeps the best round's
    engine.round()
    return 1e6 / engine.decisions_a_second


def _hooks_us(server: bench_hooks.Server) -> float:
    server.round()
    return server.request_times[-1]


def grown(costs: Mapping[str, float], recorded: Mapping[str, float]) -> list[str]:
    """The cases that cost too much, and those of which nothing is recorded."""
    return [name for name, cost in costs.items() if cost > recorded.get(name, 0.0) * MOST_GROWTH]


def report(measured: Costs, recorded: Mapping[str, float]) -> str:
    width = max(map(len, measured.costs))
    lines = [
        f"Python {sys.version.split()[0]}; the calibration loop takes {median(measured.calibration_us):.1f} us",
        f"{'':<{width}}{'us':>9}{'cost':>9}{'recorded':>10}{'growth':>9}",
    ]
    for name, cost in measured.costs.items():
        time_us, before = median(measured.times_us[name]), recorded.get(name, math.nan)
        lines.append(f"{name:<{width}}{time_us:>9.2f}{cost:>9.3f}{before:>10.3f}{cost / before - 1:>+9.0%}")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"how many (default {ROUNDS})")
    parser.add_argument("--record", action="store_true", help="write what is measured to the file")
    parser.add_argument("--into", type=Path, metavar="PAGE", help="put the table into this page of the documentation")
    parser.add_argument("--file", type=Path, default=RECORDED, help="the file with the recorded costs")
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        measured = Costs(Path(folder) if shutil.which("cc") else None)
        measured.measure(arguments.rounds)
        if arguments.record:
            measured.measure(arguments.rounds)
            costs = {name: round(cost, 4) for name, cost in measured.costs.items()}
            arguments.file.write_text(json.dumps(costs, indent=2) + "\n")
        recorded = json.loads(arguments.file.read_text())
        for _ in range(ATTEMPTS - 1):
            if not grown(measured.costs, recorded):
                break
            measured.measure(arguments.rounds)
    print(report(measured, recorded))
    if arguments.into:
        paste(arguments.into, "layers", f"```text\n{report(measured, recorded)}\n```")
    too_much = grown(measured.costs, recorded)
    for name in too_much:
        what = f"has grown by more than {MOST_GROWTH - 1:.0%}" if name in recorded else "is not recorded"
        print(f"FAILED: {name} {what}; where that is meant to be: python -m benchmarks.bench_regression --record")
    return 1 if too_much else 0


if __name__ == "__main__":
    sys.exit(main())
