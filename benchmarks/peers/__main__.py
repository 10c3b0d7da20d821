"""Measure DHCP servers side by side, in one run. How, and what the figures mean, is in README.md beside this file."""

import argparse
import fcntl
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..pages import paste
from .measure import MEASURES, ONCE, Bench, prefer_sampling
from .network import Network
from .perfdhcp import PerfdhcpError, percentile
from .report import report
from .servers import BASELINE, ROOT, SERVERS, Server, ServerError

WORK = ROOT / "build" / "peers"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--only", default="", help="servers, with commas: names, or what names begin with, as kea,ours")
    parser.add_argument("--measures", default="", help=f"what to measure, with commas: {', '.join(MEASURES)}")
    parser.add_argument("--rounds", type=int, default=3, help="how often every server has its turn (default 3)")
    parser.add_argument("--seconds", type=int, default=3, help="how long a load lasts (default 3)")
    parser.add_argument(
        "--quick", action="store_true", help="one round of loads of 2 seconds, of latency and rate alone"
    )
    parser.add_argument("--quiet", action="store_true", help="print the tables alone")
    parser.add_argument("--into", type=Path, metavar="PAGE", help="put the tables into this page as well")
    parser.add_argument("--work", type=Path, default=WORK, help="where leases are written, and results.json")
    parser.add_argument("--list", action="store_true", help="list the servers, and stop")
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(f"{server.name:<14} {server.title}" for server in SERVERS))
        return
    if arguments.quick:
        arguments.rounds, arguments.seconds = 1, 2
        arguments.measures = arguments.measures or "latency,rate"
    servers = [server for server in SERVERS if server.name.startswith(tuple(arguments.only.split(",")))]
    measures = [
        measure
        for measure in MEASURES
        if measure in (arguments.measures.split(",") if arguments.measures else MEASURES)
    ]
    need(servers)
    end_on_signals()
    work = arguments.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    with (work / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs at a time would measure each other
        setting = machine(work)
        prefer_sampling()
        with Network() as network:
            bench = Bench(
                network, work / "run", arguments.seconds, 1.1 if arguments.quick else 1.03, quiet=arguments.quiet
            )
            for number in range(arguments.rounds):
                bench.say(f"round {number + 1} of {arguments.rounds}")
                for server in servers:
                    run(bench, server, [measure for measure in measures if number == 0 or measure not in ONCE])
        tables = report({server.name: server.title for server in servers}, BASELINE, bench.results, bench.notes)
        text = f"{describe(setting, arguments.rounds)} Loads of {arguments.seconds} s.\n\n{tables}"
        print(text)
        trials = [{"server": name, **asdict(trial)} for name, trial in bench.trials]
        document = {"machine": setting, "results": bench.results, "notes": bench.notes, "trials": trials}
        (work / "results.json").write_text(json.dumps(document, indent=1))
        if arguments.into:
            paste(arguments.into, "peers", text)


def run(bench: Bench, server: Server, measures: list[str]) -> None:
    """Measure what is wanted of a server, as far as it can be: one that fails must not end the others' run."""
    for measure in measures:
        try:
            bench.measure(server, measure)
        except (ServerError, PerfdhcpError, OSError, subprocess.CalledProcessError) as error:
            bench.say(str(error))
            bench.note(server, f"{measure}: {str(error).strip().splitlines()[-1]}")
            return


def end_on_signals() -> None:
    """Have a signal end this process as an exception does, so that servers and namespaces are gone after it."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit("ended by a signal"))


def need(servers: list[Server]) -> None:
    """Stop where something is missing, and say what."""
    programs = {"perfdhcp": "kea-admin", "ip": "iproute2", "taskset": "util-linux"}
    programs |= {server.program: server.package for server in servers if server.program}
    missing = {package for program, package in programs.items() if not shutil.which(program)}
    if missing:
        sys.exit(f"to be installed first: apt-get install --no-install-recommends {' '.join(sorted(missing))}")
    if os.geteuid() != 0:
        sys.exit("this makes network namespaces: run it as root")
    if (os.cpu_count() or 1) < 2:
        sys.exit("two cores are needed, one for the server and one for perfdhcp")


def machine(work: Path) -> dict[str, Any]:
    """Where the run takes place, and which file system the leases are on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "date": time.strftime("%Y-%m-%d"),
        "processor": models[0] if models else platform.machine(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "file system": file_system(work),
        "fdatasync ms": [round(time_ms, 2) for time_ms in fdatasync_ms(work)],
        "load": round(os.getloadavg()[0], 2),
    }


def file_system(path: Path) -> str:
    """The type of the file system that holds a path, and its device."""
    mounts = [line.split()[:3] for line in Path("/proc/mounts").read_text().splitlines()]
    of_path = [mount for mount in mounts if path.is_relative_to(mount[1])]
    if not of_path:
        return "a file system that is not known"
    device, _, kind = max(of_path, key=lambda mount: len(mount[1]))
    return f"{kind} on {device}"


def fdatasync_ms(folder: Path, times: int = 200) -> tuple[float, float]:
    """How long the disk takes to have a page of a database, as SQLite's log writes it: p50 and p99, in milliseconds."""
    path = folder / "page"
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    try:
        delays = []
        for _ in range(times):
            os.write(file, bytes(4096 + 24))
            began_s = time.perf_counter()
            os.fdatasync(file)
            delays.append((time.perf_counter() - began_s) * 1e3)
    finally:
        os.close(file)
        path.unlink()
    return percentile(delays, 50), percentile(delays, 99)


def describe(setting: dict[str, Any], rounds: int) -> str:
    """The run in a sentence."""
    busy = "" if setting["load"] < 0.5 else f", busy with other work (load {setting['load']})"
    return (
        f"{setting['date']}, {setting['processor']}, {setting['cores']} cores{busy}, Linux {setting['kernel']}, "
        f"Python {setting['python']}; leases on {setting['file system']}, "
        "where an fdatasync takes {} ms (p99 {} ms); ".format(*setting["fdatasync ms"])
        + (f"the median of {rounds} rounds." if rounds > 1 else "one round.")
    )


if __name__ == "__main__":
    main()
