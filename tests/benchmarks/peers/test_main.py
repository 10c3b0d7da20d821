"""A whole run, a short one, of a server with a native callout."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from benchmarks.peers.__main__ import run
from benchmarks.peers.measure import Bench
from benchmarks.peers.network import Network
from benchmarks.peers.servers import Server

ROOT = Path(__file__).parents[3]


def test_a_server_is_measured_and_nothing_is_left_behind(require_system: Callable[..., None], tmp_path: Path) -> None:
    require_system("perfdhcp", "ip", "taskset", "cc", root=True)
    namespaces = Path("/run/netns")
    command = [sys.executable, "-m", "benchmarks.peers", "--only", "ours-hooks", "--measures", "latency"]
    with subprocess.Popen(
        [*command, "--rounds", "1", "--seconds", "1", "--work", str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as running:
        output, _ = running.communicate(timeout=60)
    assert running.returncode == 0, output
    assert re.search(r"^\| dhcpcallout, SQLite FULL, native callout \|( +\d+\.\d+ \|){4}", output, re.MULTILINE), output
    assert not list(namespaces.glob(f"dcbench-{running.pid}-*"))


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["false"], "makes no offer"),
        (["no-such-program-here"], "makes no offer"),
        (None, "returned non-zero exit status 1"),
    ],
)
def test_a_server_that_does_not_start_is_noted(
    require_system: Callable[..., None], tmp_path: Path, command: list[str] | None, said: str
) -> None:
    require_system("ip", "taskset", root=True)

    def configured(_folder: Path) -> list[str]:
        if command is None:
            subprocess.run(["false"], check=True)
            raise AssertionError
        return command

    with Network() as network:
        bench = Bench(network, tmp_path, seconds=1, precision=1.1, quiet=True)
        run(bench, Server("broken", "A broken one", configured), ["latency", "rate"])
    (note,) = bench.notes["broken"]
    assert said in note
    assert note.startswith("latency: ")


def test_a_run_that_is_ended_leaves_nothing_behind(require_system: Callable[..., None], tmp_path: Path) -> None:
    require_system("perfdhcp", "ip", "taskset", root=True)
    command = [sys.executable, "-m", "benchmarks.peers", "--only", "bare-loop", "--measures", "latency"]
    with subprocess.Popen(
        [*command, "--seconds", "60", "--work", str(tmp_path)], cwd=ROOT, stderr=subprocess.PIPE, text=True
    ) as running:
        network = Network()
        names = [name.replace(str(os.getpid()), str(running.pid)) for name in (network.server, network.client)]
        deadline = time.monotonic() + 30
        while not (pids := programs(names)).issuperset({"python", "perfdhcp"}):
            assert time.monotonic() < deadline, pids
            time.sleep(0.01)
        running.terminate()
        _, log = running.communicate(timeout=30)
    assert "ended by a signal" in log
    assert not [name for name in names if Path("/run/netns", name).exists()]
    assert not [path for path in Path("/proc").glob("[0-9]*/cwd") if os.path.realpath(path).startswith(str(tmp_path))]


def programs(names: list[str]) -> set[str]:
    """What runs in these namespaces."""
    found = set()
    for name in names:
        listed = subprocess.run(["ip", "netns", "pids", name], check=False, capture_output=True, text=True).stdout
        for pid in listed.split():
            with suppress(OSError):
                found.add(Path("/proc", pid, "comm").read_text().strip())
    return found


def test_what_is_measured_can_be_listed_without_root() -> None:
    command = [sys.executable, "-m", "benchmarks.peers", "--list"]
    output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert {"kea", "ours-memory", "ours-sqlite", "ours-hooks", "ours-isolated"} <= {
        line.split()[0] for line in output.splitlines()
    }
