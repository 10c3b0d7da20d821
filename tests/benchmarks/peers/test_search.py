"""The search for the highest rate that is borne."""

from dataclasses import dataclass

import pytest
from benchmarks.peers.search import highest
from hypothesis import given
from hypothesis import strategies as st


@dataclass
class Tried:
    rate: int
    passed: bool
    limited: bool = False


@given(capacity=st.integers(20, 100_000), start=st.integers(1, 100_000))
def test_what_a_server_bears_is_found_from_wherever_the_search_begins(capacity: int, start: int) -> None:
    trials = highest(lambda rate: Tried(rate, rate <= capacity), start, precision=1.05)
    best = max(trial.rate for trial in trials if trial.passed)
    assert best <= capacity
    assert best * 1.05 >= capacity or best >= capacity - 1
    assert len(trials) < 80


def test_one_try_that_fails_by_chance_decides_nothing() -> None:
    unlucky = {1000, 1600}

    def attempt(rate: int) -> Tried:
        fails = rate in unlucky
        unlucky.discard(rate)
        return Tried(rate, not fails and rate <= 3000)

    trials = highest(attempt, 1000, precision=1.05)
    assert max(trial.rate for trial in trials if trial.passed) > 2800


def test_a_rate_is_tried_as_often_as_asked_before_it_is_given_up() -> None:
    trials = highest(lambda rate: Tried(rate, rate < 100), 100, tries=3)
    assert [trial.rate for trial in trials[:3]] == [100, 100, 100]
    assert trials[3].rate < 100


def test_no_higher_rate_is_tried_than_the_load_can_have() -> None:
    trials = highest(lambda rate: Tried(rate, passed=True, limited=rate > 5000), 1000)
    assert max(trial.rate for trial in trials) < 5000 * 1.6
    assert trials[-1].limited


def test_a_load_that_falls_short_once_ends_nothing() -> None:
    unlucky = {1000}

    def attempt(rate: int) -> Tried:
        falls_short = rate in unlucky
        unlucky.discard(rate)
        return Tried(rate, passed=rate <= 3000, limited=falls_short)

    trials = highest(attempt, 1000, precision=1.05)
    assert max(trial.rate for trial in trials if trial.passed) > 2800


@pytest.mark.parametrize("start", [1, 10, 5000])
def test_a_server_that_bears_nothing_ends_the_search(start: int) -> None:
    trials = highest(lambda rate: Tried(rate, passed=False), start, lowest=10)
    assert trials[-1].rate == 10
    assert not any(trial.passed for trial in trials)
