"""What is made of what was observed."""

from typing import Any

import pytest

from dhcpcallout.verify import KINDS, Finding, Report, Severity
from dhcpcallout.verify.report import judge

MS = 1_000_000


def observed(slot: str = "packet_send", *, delay_is_told: bool = True, **columns: list[int]) -> dict[str, Any]:
    """What a scenario in which one slot was called has seen."""
    calls = len(next(iter(columns.values())))
    times = {name: columns.get(name, [0] * calls) for name in ("wall", "cpu", "waits")}
    one = {"calls": calls, "faults": 0, "answers": {}, "changes": {}, **times}
    return {
        "answered": 1, "delay_is_told": delay_is_told, "slots": {slot: one}, "drops": {}, "contexts": {},
        "statuses": {}, "growth": {},
    }  # fmt: skip


def kinds(*observations: dict[str, Any]) -> set[str]:
    report = Report("callout", slots=("packet_send", "packet_drop"))
    judge(report, observations)
    return {finding.kind for finding in report.findings}


@pytest.mark.parametrize(
    ("waits", "told", "expected"),
    [
        ([11 * MS] * 3 + [0] * 97, True, {"blocking"}),
        ([11 * MS] * 2 + [0] * 98, True, set()),
        ([11 * MS] * 3 + [0] * 397, True, set()),
        ([11 * MS] * 4 + [0] * 396, True, {"blocking"}),
        ([2 * MS] * 3 + [0] * 97, True, {"waits"}),
        ([MS // 2] * 100, True, set()),
        ([11 * MS] * 49 + [0] * 51, False, set()),
        ([11 * MS] * 51 + [0] * 49, False, {"blocking", "slow"}),
        ([300 * MS] + [0] * 99, True, {"slow"}),
        ([300 * MS] + [0] * 99, False, set()),
    ],
)
def test_a_wait_counts_when_it_is_long_and_no_rarity(waits: list[int], told: bool, expected: set[str]) -> None:
    assert kinds(observed(waits=waits, delay_is_told=told)) == expected


@pytest.mark.parametrize(
    ("cpu", "expected"), [([10 * MS] * 100, {"slow"}), ([9 * MS] * 100, set()), ([9 * MS] * 99 + [251 * MS], {"slow"})]
)
def test_what_the_processor_is_used_for_counts(cpu: list[int], expected: set[str]) -> None:
    assert kinds(observed(cpu=cpu)) == expected


def test_the_control_hook_may_take_its_time_but_is_told_of() -> None:
    assert kinds(observed("control", waits=[400 * MS])) == {"waits"}
    assert kinds(observed("control", cpu=[400 * MS])) == set()


def test_times_of_several_scenarios_are_one_distribution() -> None:
    report = Report("callout")
    judge(report, [observed(wall=[*range(1, 51)]), observed(wall=[*range(51, 101)])])
    (timing,) = report.timings
    assert (timing.calls, timing.median_ns, timing.p99_ns, timing.max_ns) == (100, 51, 100, 100)


def test_errors_come_first_and_decide() -> None:
    report = Report("callout", findings=[Finding("version", "1"), Finding("fault", "2"), Finding("chain", "3")])
    judge(report, [])
    assert [finding.text for finding in report.findings] == ["2", "1", "3"]
    assert report.hurts
    assert not Report("callout", findings=[Finding("version", "1")]).hurts


def test_findings_that_differ_in_numbers_alone_are_of_one_key() -> None:
    assert Finding("size", "a reply has 1,500 bytes").key == Finding("size", "a reply has 600 bytes").key
    assert Finding("size", "a reply has 600 bytes").key != Finding("fault", "a reply has 600 bytes").key
    assert Finding("size", "a reply", "packet_send").key != Finding("size", "a reply").key


def test_json_leaves_out_what_a_finding_has_not() -> None:
    assert Finding("fault", "it raised", "new_packet", "types", "00ff").to_dict() == {
        "severity": "error",
        "kind": "fault",
        "text": "it raised",
        "slot": "new_packet",
        "scenario": "types",
        "packet": "00ff",
    }
    assert {kind.severity for kind in KINDS.values()} == set(Severity)
