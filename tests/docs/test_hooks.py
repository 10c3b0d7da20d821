"""The code in docs/hooks.md, as a reader would use it, and what its tables say."""

import os
import re
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from dhcpcallout import Server, hooks
from dhcpcallout.codes import MessageType
from dhcpcallout.engine import Subnet
from dhcpcallout.loaders import load_callout
from dhcpcallout.testing import SimulatedNetwork

PAGE = (Path(__file__).parents[2] / "docs" / "hooks.md").read_text(encoding="utf-8")
OFFICE = Subnet(network="10.0.0.0/24", pools=["10.0.0.10-10.0.0.99"], lease_time_s=600)
GUESTS = Subnet(network="10.0.7.0/24", pools=["10.0.7.10-10.0.7.99"])


def block(containing: str) -> str:
    (found,) = (text for text in re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL) if containing in text)
    return str(found)


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimulatedNetwork:
    """A network with the page's callout, where 10.0.0.10 answers a ping and nothing else does."""
    ping = tmp_path / "ping"
    ping.write_text('#!/bin/sh\n[ "$3" = 10.0.0.10 ]\n')
    ping.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "office.py").write_text(block("branch-office"))
    return SimulatedNetwork([OFFICE, GUESTS], callouts=[load_callout(str(tmp_path / "office.py"))])


def test_the_callout_does_what_the_page_says(net: SimulatedNetwork) -> None:
    client = net.client("02:00:00:00:00:01")
    assert client.lease() == IPv4Address("10.0.0.11")
    assert client.reply is not None
    assert client.reply.get("ntp-servers") == (IPv4Address("10.0.0.1"),)
    assert net.trace.count("address_delete(CONFLICT)") == 1
    assert net.client(user_class=["guest"]).lease() == IPv4Address("10.0.7.10")
    net.advance(600)
    assert "delete_client" not in net.trace
    assert net.leases[int(IPv4Address("10.0.0.11"))].expires_s == int(net.now) + 3600
    assert sum(net.engine.hooks.faults) == 0


def test_the_slots_are_those_that_only_python_callouts_have_with_their_events_and_answers() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| .* \| (.*) \|$", PAGE, flags=re.MULTILINE)
    own = [slot for slot in hooks.SLOTS if slot not in hooks.ABI_SLOTS]
    assert [row[:2] for row in rows] == [(slot.name, slot.event.__name__) for slot in own]
    for (_, _, answers), slot in zip(rows, own, strict=True):
        assert set(re.findall(r"`(\w+)\(", answers)) == {kind.__name__ for kind in slot.answers}


@pytest.mark.parametrize(
    "packet", ["DISCOVER, offered", "REQUEST, granted", "REQUEST, refused", "DECLINE, RELEASE", "INFORM"]
)
def test_the_slots_come_in_the_order_of_the_table(packet: str) -> None:
    (row,) = re.findall(rf"^\| {packet} \| (.*) \|$", PAGE, flags=re.MULTILINE)
    said = re.findall(r"`(\w+)`", re.sub(r"\[`.*?\], ", "", row))
    net = SimulatedNetwork([OFFICE])
    client = net.client()
    if not packet.startswith("DISCOVER"):
        client.lease()
    net.fired.clear()
    match packet:
        case "DISCOVER, offered":
            client.discover()
        case "REQUEST, granted":
            client.renew()
        case "REQUEST, refused":
            reply = client.reboot("10.0.0.99")
            assert reply is not None
            assert reply.message_type is MessageType.NAK
        case "DECLINE, RELEASE":
            client.release()
        case "INFORM":
            client.inform("10.0.0.200")
    fired = [event.slot for event in net.fired]
    assert fired[:2] == ["new_packet", "handle_options"]
    assert fired[-1] == "packet_drop"
    assert fired[2 : 2 + len(said)] == said
    if packet != "DECLINE, RELEASE":
        assert len(fired) == len(said) + 3


def test_the_bounds_are_what_the_page_says_where_nothing_else_is_said(tmp_path: Path) -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)
    subnet = '\n[[subnet]]\nnetwork = "10.0.0.0/24"\npools = ["10.0.0.10-10.0.0.99"]\n[leases]\nstore = "memory:"\n'
    (tmp_path / "dhcp.toml").write_text(text + subnet)
    made: dict[str, Server] = {}
    exec(block("max_parked"), made)
    for server in (Server.from_file(tmp_path / "dhcp.toml"), made["server"], Server([OFFICE])):
        parking = server.engine.parking
        assert (parking.limit, parking.timeout_s, parking.on_timeout) == (256, 2.0, "drop")
