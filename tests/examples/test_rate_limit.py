"""The limiter in C++."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import dhcpcallout
from dhcpcallout import Callout
from dhcpcallout.errors import CalloutLoadError
from dhcpcallout.loaders import load_callout
from dhcpcallout.testing import SimulatedNetwork

SOURCE = Path(__file__).parents[2] / "examples" / "callouts" / "rate_limit.cpp"
SDK = Path(dhcpcallout.__file__).parent / "sdk"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return []


@pytest.fixture
def load(
    built: list[Path],
    require_system: Callable[..., None],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[[str], Callout]]:
    """Build the limiter, once, and load it with a limit."""
    require_system("c++")
    if not built:
        built.append(tmp_path_factory.mktemp("native") / "rate_limit.so")
        flags = ("-std=c++17", "-O2", "-shared", "-fPIC", f"-I{SDK}", f"-I{SDK / 'posix'}")
        subprocess.run(["c++", *flags, "-o", built[0], SOURCE], check=True)
    callouts: list[Callout] = []

    def load(limit: str) -> Callout:
        monkeypatch.setenv("RATE_LIMIT", limit)
        callouts.append(load_callout(str(built[0])))
        return callouts[-1]

    yield load
    for callout in callouts:
        callout.close()


def test_a_client_that_asks_too_often_is_not_answered_and_others_are(load: Callable[[str], Callout]) -> None:
    network = SimulatedNetwork(callouts=[load("3")])
    client = network.client()
    assert [client.discover() is not None for _ in range(5)] == [True, True, True, False, False]
    assert network.client().lease() is not None
    assert network.trace[-1] == "packet_drop(PROCESSED)"
    assert sum(network.engine.hooks.faults) == 0


@pytest.mark.parametrize("data", [b"", bytes(235), b"\x01\x01\x11" + bytes(300)])
def test_what_is_no_message_is_left_to_the_server(data: bytes, load: Callable[[str], Callout]) -> None:
    network = SimulatedNetwork(callouts=[load("0")])
    assert network.deliver(data) is None
    assert "packet_drop(INVALID)" in network.trace


@pytest.mark.parametrize("limit", ["many", "", "9" * 40])
def test_an_exception_at_the_border_is_an_error_of_win32(limit: str, load: Callable[[str], Callout]) -> None:
    with pytest.raises(CalloutLoadError, match=r"returned 87 \(0x00000057\)"):
        load(limit)
