"""What a packet costs is compared with what is recorded, and what has grown fails."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.bench_regression import RECORDED, grown

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.bench_regression", "--rounds", "5", *arguments]
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)


@pytest.mark.parametrize(("cost", "expected"), [(0.2, []), (1.0, []), (1.49, []), (1.51, ["packet"])])
def test_a_cost_may_grow_by_half(cost: float, expected: list[str]) -> None:
    assert grown({"packet": cost}, {"packet": 1.0}) == expected


def test_a_cost_of_which_nothing_is_recorded_is_told() -> None:
    assert grown({"packet": 1.0, "new": 0.1}, {"packet": 1.0, "another": 1.0}) == ["new"]


def test_what_was_recorded_passes_and_what_has_grown_since_fails(tmp_path: Path) -> None:
    file = tmp_path / "recorded.json"
    assert run("--record", "--file", str(file)).returncode == 0
    recorded = json.loads(file.read_text())
    # Far above what a busy machine does to so few rounds, and far below what would hide it
    file.write_text(json.dumps({name: cost * 4 for name, cost in recorded.items()}))
    passing = run("--file", str(file))
    assert passing.returncode == 0, passing.stdout
    file.write_text(json.dumps({name: cost * (0.2 if "ACK, 10" in name else 4) for name, cost in recorded.items()}))
    failing = run("--file", str(file))
    assert failing.returncode == 1
    failed = [line for line in failing.stdout.splitlines() if line.startswith("FAILED")]
    assert [line.partition(" has grown")[0] for line in failed] == ["FAILED: wire: decode ACK, 10 values"]


def test_every_layer_has_a_recorded_cost() -> None:
    assert {name.partition(":")[0] for name in json.loads(RECORDED.read_text())} == {"wire", "engine", "hooks"}
