"""Callouts in a worker process: what they may do wrong, and that the server lives on."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dhcpcallout import hooks
from dhcpcallout.hooks import CalloutEntry, Drop, HookTable
from dhcpcallout.loaders import IsolatedCallout, IsolatedLoader, Isolation, default_loaders

NATIVE = Path(__file__).parents[1] / "native"
SERVER = 0xC0A80001

Load = Callable[..., IsolatedCallout]


class Clock:
    """Tells the time that the test sets."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def load(tmp_path: Path, clock: Clock) -> Iterator[Load]:
    """Load a callout into a worker; it is closed at the end."""
    loaded: list[IsolatedCallout] = []

    def load(entry: Path | str, **settings: object) -> IsolatedCallout:
        loader = next(loader for loader in default_loaders(tmp_path) if loader.accepts(str(entry)))
        isolation = Isolation(**{"mode": "process", **settings})  # type: ignore[arg-type]
        isolated = IsolatedLoader(loader, isolation, tmp_path, clock=clock)
        loaded.append(isolated.load(str(entry), CalloutEntry(())))
        return loaded[-1]

    yield load
    for callout in loaded:
        callout.close()


def receive(table: HookTable, data: bytes = b"packet") -> bytes | Drop:
    answer: bytes | Drop = table.ask(
        hooks.NEW_PACKET,
        table.contexts(),
        data,
        server_address_int=SERVER,
        source_int=0,
        source_port=68,
        interface="",
    )
    return answer


def wait_until_served(callout: IsolatedCallout) -> None:
    """Wait for the worker that has been, or is due to be, started."""
    deadline_s = time.monotonic() + 20
    while callout.pid is None:
        callout.attend()
        assert not callout.taken_out
        assert time.monotonic() < deadline_s
        time.sleep(0.001)


@pytest.mark.parametrize(("on_failure", "outcome"), [("continue", b"packet"), ("drop", Drop())])
def test_a_worker_that_is_killed_is_replaced_after_a_pause(
    on_failure: str, outcome: object, load: Load, clock: Clock, compile_callout: Callable[..., Path]
) -> None:
    callout = load(compile_callout(NATIVE / "behaviours.c"), on_failure=on_failure, environment={"BEHAVIOUR": "shrink"})
    table = HookTable([callout])
    assert receive(table) == b"packe"
    os.kill(callout.pid or 0, signal.SIGKILL)
    assert receive(table) == outcome
    assert [failure.reason for failure in callout.failures] == ["it was ended by SIGKILL"]
    assert receive(table) == outcome
    clock.now_s += 0.1
    wait_until_served(callout)
    assert receive(table) == b"packe"
