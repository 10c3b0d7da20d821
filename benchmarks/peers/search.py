"""Find the highest rate that a server bears."""

import math
from collections.abc import Callable
from typing import Protocol, TypeVar

__all__ = ["Trial", "highest"]


class Trial(Protocol):
    """What was seen at one rate."""

    @property
    def passed(self) -> bool:
        """Whether the rate was borne."""

    @property
    def limited(self) -> bool:
        """Whether the load itself fell short of the rate, so that there is no use in a higher one."""


T = TypeVar("T", bound=Trial)


def highest(
    attempt: Callable[[int], T],
    start: int,
    *,
    step: float = 1.6,
    precision: float = 1.04,
    lowest: int = 10,
    tries: int = 2,
) -> list[T]:
    """Try rates until one that is borne and one that is not are as near as the precision says.

    A rate counts as not borne when several tries fail, and as more than the load can have when several tries fall
    short of it: what else the machine does must not decide it.

    Args:
        attempt: Tries a rate.
        start: The first rate.
        step: By how much the rate changes as long as only one of the two is known.
        precision: The quotient of the two that is near enough.
        lowest: Where a rate so low is not borne, none is.
        tries: How many tries that takes.

    Returns:
        Every trial, in order.
    """
    trials: list[T] = []
    borne, too_high, rate = 0, 0, max(start, lowest)
    while True:
        tried: list[T] = []
        for _ in range(tries):
            tried.append(attempt(rate))
            if tried[-1].passed and not tried[-1].limited:
                break
        trials += tried
        if any(trial.passed for trial in tried):
            borne = rate
            if tried[-1].limited:
                return trials
        else:
            too_high = rate
        if not borne:
            if rate <= lowest:
                return trials
            rate = max(lowest, int(rate / step))
        elif not too_high:
            rate = int(rate * step)
        elif too_high <= borne * precision:
            return trials
        else:
            rate = round(math.sqrt(borne * too_high))
            if rate in (borne, too_high):
                return trials
