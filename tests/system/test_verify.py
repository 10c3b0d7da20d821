"""Callouts that this Python cannot load are verified by one that can."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dhcpcallout.verify import Severity, verify

ROOT = Path(__file__).parents[2]
EXAMPLES, NATIVE = ROOT / "examples" / "callouts", ROOT / "tests" / "native"

Compile = Callable[[Path], Path]


def test_a_windows_dll_is_verified_by_a_windows_python(
    windows_python: Any, compile_dll: Compile, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in windows_python.environment.items():
        monkeypatch.setenv(name, value)
    for source, outcome in ((EXAMPLES / "vendor_tag.c", "done"), (NATIVE / "ends.c", "exit")):
        report = verify(
            windows_python.path(compile_dll(source)),
            scenarios=["messages"],
            worker_command=windows_python.command,
            hardware_addresses=[b"\2\0\0\0\0\xe2"],
            timeout_s=60,
        )
        assert [result.outcome for result in report.scenarios] == [outcome]
        errors = [(one.kind, one.slot, one.text) for one in report.findings if one.severity is Severity.ERROR]
        if outcome == "done":
            assert errors == []
            assert {timing.slot for timing in report.timings} == set(report.slots)
        else:
            assert errors == [("exit", "new_packet", "it ended the process, with status 7")]


def test_a_32_bit_library_is_verified_by_a_32_bit_python(
    python32: Path, compile_callout_32: Compile, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = str(compile_callout_32(NATIVE / "behaviours.c"))
    monkeypatch.setenv("BEHAVIOUR", "in place")
    report = verify(library, scenarios=["entry", "messages"], worker_command=[str(python32)], timeout_s=60)

    assert [result.outcome for result in report.scenarios] == ["done", "done"]
    assert report.slots == ("new_packet", "packet_drop", "packet_send", "address_delete")

    monkeypatch.setenv("BEHAVIOUR", "null")
    report = verify(library, scenarios=["messages"], worker_command=[str(python32)], timeout_s=60)

    assert {one.text for one in report.findings if one.kind == "fault"} >= {"DhcpPktSendHook set *Packet to NULL"}
