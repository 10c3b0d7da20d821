"""The benchmark of a packet's steps runs, and its table adds up."""

import re
import sys

import pytest

from benchmarks import bench_packet


def test_each_step_has_its_time_and_they_add_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bench_packet", "--rounds", "2"])
    bench_packet.main()
    table = capsys.readouterr().out
    times = [float(time) for time in re.findall(r"^\| [A-Z]+ \| [^|]+ \| (-?[\d.]+) \|", table, re.MULTILINE)]
    (total,) = re.findall(r"\*all of these\* \| \*([\d.]+)\*", table)
    assert len(times) == 19
    assert sum(times) == pytest.approx(float(total), abs=0.2)
