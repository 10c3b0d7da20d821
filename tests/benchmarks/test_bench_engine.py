"""The engine's benchmark runs, and nothing grows with the number of leases or subnets."""

import re
import subprocess
import sys
from pathlib import Path

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "bench_engine.py"


def test_many_leases_and_subnets_cost_about_as_much_as_few() -> None:
    command = [sys.executable, str(BENCHMARK), "--quick", "--rounds", "5"]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    cases = re.findall(r"^ +([\d,]+) +([\d,]+) +([\d,]+) +([\d.]+)$", output, re.MULTILINE)
    assert [(leases, subnets) for leases, subnets, _, _ in cases] == [
        ("10", "1"),
        ("1,000", "1"),
        ("20,000", "1"),
        ("1,000", "10"),
        ("1,000", "200"),
    ]
    # What is searched one by one costs a hundred times as much; the machine's other work does not.
    assert min(float(share) for _, _, _, share in cases) > 0.2
