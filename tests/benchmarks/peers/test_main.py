"""A whole run, a short one, of a server with a native callout."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

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


def test_what_is_measured_can_be_listed_without_root() -> None:
    command = [sys.executable, "-m", "benchmarks.peers", "--list"]
    output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert {"kea", "ours-memory", "ours-sqlite", "ours-hooks", "ours-isolated"} <= {
        line.split()[0] for line in output.splitlines()
    }
