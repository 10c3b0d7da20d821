"""A start with many leases: the same ones for each server, and a table of what was seen."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.bench_scale import leases, report, write_csv, write_sqlite

from dhcpcallout.stores import read_leases

ROOT = Path(__file__).parents[2]
NOW_S = 1_700_000_000


def test_both_files_hold_the_same_leases(tmp_path: Path) -> None:
    write_sqlite(tmp_path / "leases.db", leases(3, NOW_S))
    write_csv(tmp_path / "leases.csv", leases(3, NOW_S))
    rows = list(read_leases(f"sqlite:{tmp_path / 'leases.db'}"))
    head, *lines = (tmp_path / "leases.csv").read_text().splitlines()
    assert rows == list(leases(3, NOW_S))
    assert len(lines) == len(rows) == 3
    for row, line in zip(rows, lines, strict=True):
        values = dict(zip(head.split(","), line.split(","), strict=True))
        assert values["address"] == str(row.address)
        assert bytes.fromhex(values["hwaddr"].replace(":", "")) == row.hardware_address
        assert bytes.fromhex(values["client_id"].replace(":", "")) == row.client_key
        assert int(values["expire"]) == row.expires_s
        assert values["hostname"] == row.hostname


def test_the_middle_of_the_rounds_counts_and_targets_are_met_or_missed() -> None:
    figures = {
        "kea": [(10.0, 500.0, 500.0)],
        "ours-sqlite": [(9.0, 100.0, 120.0), (5.0, 300.0, 310.0), (6.0, 200.0, 1.0)],
    }
    text = report({"kea": "Kea", "ours-sqlite": "ours"}, figures)
    assert "| ours   |     6.00 |  0.60 |        200 |  0.40 |         120 |" in text
    assert "start: 0.60 of Kea's, at most 0.7 wanted: met." in text
    assert "memory: 0.40 of Kea's, at most 0.8 wanted: met." in text


def test_a_server_starts_with_the_leases(require_system: Callable[..., None], tmp_path: Path) -> None:
    require_system("perfdhcp", "ip", "taskset", root=True)
    command = [sys.executable, "-m", "benchmarks.bench_scale", "--leases", "1000", "--rounds", "1"]
    command += ["--only", "ours-sqlite", "--work", str(tmp_path)]
    output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=60).stdout
    assert re.search(r"^\| dhcpcallout, SQLite FULL \| +\d+\.\d+ \| +nan \| +\d+ \|", output, re.MULTILINE), output
