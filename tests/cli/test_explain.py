"""``dhcpcallout explain``."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import dpkt
import pytest
from typer.testing import CliRunner, Result

from dhcpcallout.cli import app
from dhcpcallout.codes import INFINITE, MessageType
from dhcpcallout.leases import Lease, LeaseChange, LeaseState
from dhcpcallout.stores import SqliteStore
from dhcpcallout.wire import Packet, encode

CONFIGURATION = """
[server]
listen = ["10.0.0.1", "10.0.1.1:6767"]

[leases]
store = "sqlite:leases.db"

[callouts]
CalloutEnabled = 1
CalloutDlls = ["python:missing", "/missing.so"]

[[subnet]]
network = "10.0.0.0/24"
pools = ["10.0.0.10-10.0.0.19"]

[[subnet]]
network = "10.0.1.0/24"
pools = ["10.0.1.10-10.0.1.19"]
interface = "eth1"
"""

FIRST = bytes.fromhex("020000000001")
LEASE = Lease(0x0A00000F, b"\1" + FIRST, 1, FIRST, LeaseState.ACTIVE, 1_700_000_000, INFINITE, "first")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "dhcp.toml"
    path.write_text(CONFIGURATION)
    return path


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["explain", "-c", str(config), *arguments])


def told(config: Path, *arguments: str) -> dict[str, Any]:
    result = run(config, *arguments, "--json")
    assert result.exit_code == 0, result.output
    explanation: dict[str, Any] = json.loads(result.stdout)
    return explanation


def message(kind: MessageType = MessageType.DISCOVER, **fields: Any) -> bytes:
    packet = Packet(xid=1, chaddr=FIRST, **fields)
    packet.set("dhcp-message-type", kind)
    return encode(packet).data


DISCOVER = message().hex()


def write_capture(path: Path, *datagrams: tuple[str, int, str, int, bytes]) -> Path:
    with path.open("wb") as file:
        writer = dpkt.pcap.Writer(file, linktype=dpkt.pcap.DLT_EN10MB)
        for source, source_port, destination, port, data in datagrams:
            udp = dpkt.udp.UDP(sport=source_port, dport=port, data=data)
            udp.ulen = len(udp)
            ip = dpkt.ip.IP(src=octets(source), dst=octets(destination), p=dpkt.ip.IP_PROTO_UDP, data=udp)
            ip.len = len(ip)
            writer.writepkt(bytes(dpkt.ethernet.Ethernet(data=ip)), ts=1.0)
    return path


def octets(address: str) -> bytes:
    return bytes(map(int, address.split(".")))


def test_the_page_says_what_would_be_sent_and_why(config: Path) -> None:
    result = run(config, "--hex", DISCOVER, "--no-leases")
    assert result.exit_code == 0
    assert result.stderr == ""
    assert "message      DISCOVER of 02:00:00:00:00:01, xid 0x00000001\n" in result.stdout
    assert "address      10.0.0.10 in 10.0.0.0/24: never used\n" in result.stdout
    assert "reply        OFFER: the client looks for an address, and there is one for it\n" in result.stdout


def test_the_leases_on_disk_count_beside_a_running_server_and_stay_as_they_are(config: Path) -> None:
    path = config.parent / "leases.db"
    with closing(SqliteStore(path)) as store:
        store.commit([LeaseChange(None, LEASE)])
        request = message(MessageType.REQUEST, ciaddr=LEASE.address).hex()
        explained = told(config, "--hex", request)
        assert (explained["reply"]["kind"], explained["address"]["address"]) == ("ACK", "10.0.0.15")
        assert [one["after"] for one in explained["changes"]] == ["active"]
        assert list(store.load()) == [LEASE]
    assert told(config, "--hex", DISCOVER)["address"]["reason"] == "current lease"
    assert told(config, "--hex", DISCOVER, "--no-leases")["address"]["reason"] == "never used"


def test_without_a_store_it_says_that_no_leases_are_known(config: Path) -> None:
    result = run(config, "--hex", DISCOVER)
    assert result.exit_code == 0
    assert result.stderr == f"dhcpcallout: {config.parent / 'leases.db'}: not there yet: no leases are known\n"
    assert not (config.parent / "leases.db").exists()
    config.write_text(CONFIGURATION.replace("sqlite:leases.db", "memory:"))
    result = run(config, "--hex", DISCOVER)
    assert result.exit_code == 0
    assert result.stderr == "dhcpcallout: the leases are in the server's memory: none are known here\n"


def test_the_callouts_are_named_and_not_loaded(config: Path) -> None:
    explained = told(config, "--hex", DISCOVER, "--no-leases")
    assert [(one["slot"], one["callouts"]) for one in explained["not-asked"]] == [
        ("new_packet", ["/missing.so", "python:missing"]),
        ("handle_options", ["/missing.so", "python:missing"]),
        ("select_subnet", ["python:missing"]),
        ("select_address", ["python:missing"]),
        ("build_reply", ["python:missing"]),
        ("packet_send", ["/missing.so", "python:missing"]),
        ("packet_drop", ["/missing.so", "python:missing"]),
    ]
    config.write_text(CONFIGURATION.replace("CalloutEnabled = 1", "CalloutEnabled = 0"))
    assert told(config, "--hex", DISCOVER, "--no-leases")["not-asked"] == []


ARRIVALS: list[tuple[bytes, list[str], tuple[str, int, str, int, str]]] = [
    (message(), [], ("0.0.0.0", 68, "10.0.0.1", 67, "")),
    (message(ciaddr=0x0A000063), [], ("10.0.0.99", 68, "10.0.0.1", 67, "")),
    (message(giaddr=0x0A000101), [], ("10.0.1.1", 67, "10.0.0.1", 67, "")),
    (b"no message", [], ("0.0.0.0", 68, "10.0.0.1", 67, "")),
    (message(), ["--to", "10.0.1.1"], ("0.0.0.0", 68, "10.0.1.1", 6767, "")),
    (message(), ["--to", "10.9.9.9"], ("0.0.0.0", 68, "10.9.9.9", 67, "")),
    (message(), ["--to", "10.9.9.9:1067"], ("0.0.0.0", 68, "10.9.9.9", 1067, "")),
    (message(), ["--from", "192.0.2.1"], ("192.0.2.1", 68, "10.0.0.1", 67, "")),
    (message(), ["--from", "192.0.2.1:4000"], ("192.0.2.1", 4000, "10.0.0.1", 67, "")),
    (message(), ["--interface", "eth1"], ("0.0.0.0", 68, "10.0.1.1", 67, "eth1")),
    (message(), ["--interface", "eth9"], ("0.0.0.0", 68, "10.0.0.1", 67, "eth9")),
]


def arrival_of(explained: dict[str, Any]) -> tuple[Any, ...]:
    names = ("source", "source-port", "server-address", "server-port", "interface")
    return tuple(explained["message"][name] for name in names)


@pytest.mark.parametrize(("data", "arguments", "expected"), ARRIVALS)
def test_the_arrival_is_what_is_given_or_most_likely(
    config: Path, data: bytes, arguments: list[str], expected: tuple[Any, ...]
) -> None:
    assert arrival_of(told(config, "--no-leases", "--hex", data.hex(), *arguments)) == expected


def test_a_server_of_interfaces_is_reached_at_the_first_one(config: Path) -> None:
    listen = 'listen = ["10.0.0.1", "10.0.1.1:6767"]'
    config.write_text(CONFIGURATION.replace(listen, 'interfaces = ["eth1", "eth2"]'))
    explained = told(config, "--no-leases", "--hex", DISCOVER)
    assert arrival_of(explained) == ("0.0.0.0", 68, "10.0.1.1", 67, "eth1")
    assert explained["network"]["network"] == "10.0.1.0/24"
    config.write_text(CONFIGURATION.replace(listen, 'listen = ["0.0.0.0"]'))
    assert arrival_of(told(config, "--no-leases", "--hex", DISCOVER)) == ("0.0.0.0", 68, "10.0.0.1", 67, "")


def test_a_frame_of_a_capture_arrives_as_it_was_captured(config: Path, tmp_path: Path) -> None:
    path = write_capture(
        tmp_path / "dhcp.pcap",
        ("10.0.0.1", 67, "255.255.255.255", 68, message(MessageType.OFFER, op=2)),
        ("0.0.0.0", 68, "255.255.255.255", 67, message()),
        ("10.0.1.5", 67, "10.0.1.1", 67, message(giaddr=0x0A000105)),
    )
    arguments = ["--no-leases", "--pcap", str(path)]
    assert arrival_of(told(config, *arguments)) == ("0.0.0.0", 68, "10.0.0.1", 67, "")
    assert arrival_of(told(config, *arguments, "--frame", "3")) == ("10.0.1.5", 67, "10.0.1.1", 67, "")
    assert arrival_of(told(config, *arguments, "--frame", "3", "--to", "10.0.0.1", "--from", "10.0.1.6:1067")) == (
        "10.0.1.6",
        1067,
        "10.0.0.1",
        67,
        "",
    )
    first = told(config, *arguments, "--frame", "1")
    assert (first["drop"], first["reason"]) == ("INVALID", "it is a server's message, not a client's")


def test_a_frame_that_is_not_there_is_an_error_in_words(config: Path, tmp_path: Path) -> None:
    path = write_capture(tmp_path / "dhcp.pcap", ("10.0.0.1", 67, "10.0.0.2", 68, message(op=2)))
    for arguments, problem in (
        ([], f"{path}: no message to a server"),
        (["--frame", "2"], f"{path}: no DHCP message in frame 2"),
    ):
        result = run(config, "--no-leases", "--pcap", str(path), *arguments)
        assert (result.exit_code, result.stderr) == (1, f"dhcpcallout: {problem}\n")
    result = run(config, "--pcap", str(config))
    assert result.exit_code == 1
    assert result.stderr == f"dhcpcallout: {config}: not a capture file: neither pcap nor pcapng nor snoop\n"


def test_what_a_client_writes_does_not_steer_the_terminal(config: Path) -> None:
    packet = Packet(xid=1, chaddr=FIRST, options={12: b"\x1b]0;x\x07\xff\xe2\x80\xae", 61: b"\x1b[1m"})
    packet.set("dhcp-message-type", MessageType.REQUEST)
    packet.set("dhcp-requested-address", "10.0.0.11")
    packet.set("dhcp-server-identifier", "10.0.0.1")
    result = run(
        config, "--no-leases", "--interface", "\x1b[2J", "--hex", encode(packet).data.hex(), "--to", "10.0.0.1"
    )
    assert result.exit_code == 0
    assert "becomes active" in result.stdout
    assert all(line.isprintable() for line in result.stdout.splitlines())


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "give either --hex or --pcap"),
        (["--hex", "00", "--pcap", "x"], "give either --hex or --pcap"),
        (["--hex", "00", "--frame", "1"], "it is a frame of a --pcap"),
        (["--hex", "0"], "not pairs of hexadecimal digits"),
        (["--hex", "00", "--to", "x"], "is not an address and a port"),
        (["--hex", "00", "--from", "10.0.0.1:x"], "is not an address and a port"),
    ],
)
def test_mistakes_in_usage_are_said(config: Path, arguments: list[str], problem: str) -> None:
    result = run(config, "--no-leases", *arguments)
    assert result.exit_code == 2
    assert problem in " ".join(result.stderr.split())


def test_mistakes_in_the_configuration_are_said_with_their_line(config: Path) -> None:
    config.write_text(CONFIGURATION.replace("pools", "pool"))
    result = run(config, "--hex", DISCOVER)
    assert result.exit_code == 2
    assert f"{config}:14: " in result.stderr
