"""perfdhcp's reports are understood, and it is asked what is meant."""

import math
from pathlib import Path

import pytest
from benchmarks.peers.perfdhcp import Counts, PerfdhcpError, Report, avalanche, load, parse, percentile

REPORTS = Path(__file__).parents[2] / "data" / "perfdhcp"


def test_a_report_tells_what_was_sent_and_received_of_each_kind() -> None:
    report = parse((REPORTS / "renewals.txt").read_text())
    assert (report.offers.sent, report.offers.received, report.offers.orphans) == (49, 49, 0)
    assert (report.acks.sent, report.acks.received, report.acks.orphans) == (49, 49, 48)
    assert (report.renewals.sent, report.renewals.received, report.renewals.orphans) == (48, 48, 0)
    assert report.answers == 49 + 49 + 48
    assert report.loss == 0
    assert report.provisioned_s is None


def test_a_report_tells_how_long_each_answer_took_where_it_was_asked() -> None:
    report = parse((REPORTS / "renewals.txt").read_text())
    assert [round(delay * 1e6) for delay in report.offers.delays_s] == [373, 219, 280, 268]
    assert [round(delay * 1e6) for delay in report.acks.delays_s] == [168, 99, 94, 98]
    assert [round(delay * 1e6) for delay in report.renewals.delays_s] == [283, 280, 347, 276]


def test_an_avalanche_tells_when_all_were_served_and_what_was_repeated() -> None:
    report = parse((REPORTS / "avalanche.txt").read_text())
    assert report.provisioned_s == 2.828723
    assert report.resent == 1381
    assert report.acks.received == 2000
    assert report.renewals == Counts()


def test_what_is_no_report_is_refused_with_its_end() -> None:
    with pytest.raises(PerfdhcpError, match="Address already in use"):
        parse("Running: perfdhcp -4 10.0.0.1\nAddress already in use\n")


def test_what_is_lost_anywhere_in_an_exchange_counts_once() -> None:
    report = Report(offers=Counts(sent=1000, received=990), acks=Counts(sent=990, received=985))
    assert report.loss == pytest.approx(0.015)


def test_answers_that_come_too_late_were_taken_in_all_the_same() -> None:
    report = Report(
        offers=Counts(sent=1000, received=400, orphans=500), acks=Counts(sent=400, received=350, orphans=40)
    )
    assert report.answers == 1290
    assert report.loss == pytest.approx(0.65)


def test_lost_renewals_count_as_well() -> None:
    report = Report(Counts(100, 100), Counts(100, 100), Counts(sent=100, received=50))
    assert report.loss == pytest.approx(0.25)


def test_where_nothing_was_begun_all_is_lost() -> None:
    assert Report().loss == 1


def test_the_load_comes_at_the_rate_for_the_time_and_from_ever_new_clients() -> None:
    command = load("10.0.0.1", 5000, 2, renewals=100, delays=True)
    options = dict(zip(command[2::2], command[3::2], strict=False))
    assert options["-r"] == "5000"
    assert options["-p"] == "2"
    assert options["-f"] == "100"
    assert options["-x"] == "t"
    assert int(options["-R"]) > 5000 * 60
    assert command[-1] == "10.0.0.1"


def test_an_avalanche_comes_from_so_many_clients() -> None:
    command = avalanche("10.0.0.1", 700)
    assert command[command.index("--scenario") + 1] == "avalanche"
    assert command[command.index("-R") + 1] == "700"


@pytest.mark.parametrize(("percent", "expected"), [(0, 1), (1, 1), (50, 50), (99, 99), (99.5, 100), (100, 100)])
def test_a_percentile_is_one_of_the_values(percent: float, expected: float) -> None:
    assert percentile(range(100, 0, -1), percent) == expected


def test_there_is_no_percentile_of_nothing() -> None:
    assert math.isnan(percentile((), 99))
