import inspect
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from dhcpcallout import server, stores
from dhcpcallout.config import Settings, load_config
from dhcpcallout.engine import Engine
from dhcpcallout.loaders import Registry
from dhcpcallout.server import Server
from dhcpcallout.stores import MemoryStore
from dhcpcallout.testing import SimulatedNetwork, network

FILE = Path(__file__).parents[1] / "data" / "config" / "good" / "everything.toml"


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the engine that is made within the test is given."""
    arguments: dict[str, Any] = {}

    def make(networks: Any, **others: Any) -> Engine:
        arguments.update(others, networks=networks)
        return Engine(networks, **others)

    monkeypatch.setattr(server, "Engine", make)
    monkeypatch.setattr(network, "Engine", make)
    return arguments


def test_a_server_is_what_its_settings_say(given: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "open_store", lambda url: MemoryStore())
    settings = replace(load_config(FILE), callouts=Registry())
    made = Server.from_settings(settings)
    parking = made.engine.parking
    assert (parking.limit, parking.timeout_s, parking.on_timeout) == (64, 1.0, "continue")
    del given["parking"], given["hooks"]
    assert given == expected(settings)


def test_a_simulated_network_is_what_its_settings_say(given: dict[str, Any]) -> None:
    simulated = SimulatedNetwork.from_file(FILE)
    assert simulated.server_address == IPv4Address("10.0.0.1")
    settings = load_config(FILE)
    assert given.pop("registry").spec("badge-doors").code == 224
    del given["hooks"]
    assert given == {name: value for name, value in expected(settings).items() if name != "registry"}


def expected(settings: Settings) -> dict[str, Any]:
    """What the engine is to be given: the settings that it has an argument for."""
    arguments = inspect.signature(Engine).parameters.keys() - {"hooks", "parking", "server_addresses"}
    return {name: getattr(settings, name) for name in arguments}
