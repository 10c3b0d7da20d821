"""The tables of a run."""

from benchmarks.peers.measure import Result
from benchmarks.peers.report import markdown, report

TITLES = {"kea": "Kea", "ours-sqlite": "ours", "other": "another"}
RESULTS: dict[str, Result] = {
    "kea": {"rate": [9000.0, 10_000.0, 14_000.0], "ack_p99_ms": [0.2], "cpu_us": [20.0]},
    "ours-sqlite": {"rate": [17_000.0, 15_000.0, 16_000.0], "ack_p99_ms": [0.5]},
}


def row(text: str, title: str, table: int = 0) -> list[str]:
    rows = [line for line in text.splitlines() if line.startswith(f"| {title} ")]
    return [cell.strip() for cell in rows[table].strip("|").split("|")]


def test_the_middle_of_the_rounds_counts_and_is_compared_with_the_baselines() -> None:
    text = report(TITLES, "kea", RESULTS, {})
    assert row(text, "Kea")[1:4] == ["10,000", "9,000 - 14,000", "1.00"]
    assert row(text, "ours")[1:4] == ["16,000", "15,000 - 17,000", "1.60"]


def test_what_was_not_measured_is_not_there() -> None:
    text = report(TITLES, "kea", RESULTS, {})
    assert row(text, "Kea")[4:] == ["20.0"]
    assert row(text, "ours")[4:] == ["-"]
    assert "saturated" not in text
    assert "another" not in text
    assert text.count("| server ") == 2
    assert report(TITLES, "kea", {"ours-sqlite": {"rate": [1.0]}}, {}).count("| server ") == 1


def test_targets_are_met_or_missed() -> None:
    text = report(TITLES, "kea", RESULTS, {})
    assert "exchanges a second, SQLite: 1.60 of Kea's, at least 1.6 wanted: met." in text
    assert "p99 of ACKs, SQLite: 2.50 of Kea's, at most 2.0 wanted: MISSED." in text


def test_nothing_is_compared_without_the_baseline() -> None:
    text = report(TITLES, "kea", {"ours-sqlite": RESULTS["ours-sqlite"]}, {})
    assert row(text, "ours")[1:] == ["16,000", "15,000 - 17,000"]
    assert "wanted" not in text


def test_a_server_that_failed_is_there_with_what_is_to_be_said_of_it() -> None:
    text = report(TITLES, "kea", RESULTS, {"other": ["it does not start"]})
    assert row(text, "another")[1] == "-"
    assert "- another: it does not start." in text


def test_a_table_is_aligned_and_its_figures_stand_to_the_right() -> None:
    assert markdown([("a", "bb"), ("long", "1")]).splitlines() == ["| a    | bb |", "| ---- | -: |", "| long |  1 |"]
