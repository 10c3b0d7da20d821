"""Callouts in worker processes."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dhcpcallout.hooks import CalloutEntry
from dhcpcallout.loaders import IsolatedCallout, IsolatedLoader, Isolation, default_loaders


class Clock:
    """Tells the time that the test sets."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    """What tells loaded callouts how much time has passed."""
    return Clock()


@pytest.fixture
def load(tmp_path: Path, clock: Clock) -> Iterator[Callable[..., IsolatedCallout]]:
    """Load a callout into a worker; it is closed at the end.

    Call it with the entry and ``Isolation``'s arguments; and with ``real_time=True`` where pauses are to be real.
    """
    loaded: list[IsolatedCallout] = []

    def load(
        entry: Path | str, *, chain: tuple[str, ...] = (), real_time: bool = False, **settings: object
    ) -> IsolatedCallout:
        loader = next(loader for loader in default_loaders(tmp_path) if loader.accepts(str(entry)))
        isolation = Isolation(**{"mode": "process", **settings})  # type: ignore[arg-type]
        isolated = IsolatedLoader(loader, isolation, tmp_path, clock=time.monotonic if real_time else clock)
        loaded.append(isolated.load(str(entry), CalloutEntry(chain)))
        return loaded[-1]

    yield load
    for callout in loaded:
        callout.close()
