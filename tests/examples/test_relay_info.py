"""The recorder of option 82."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dhcpcallout import Callout, hooks
from dhcpcallout.codes import AddressGiven, AddressType, DropReason
from dhcpcallout.engine import Subnet
from dhcpcallout.errors import CalloutLoadError
from dhcpcallout.hooks import HookTable
from dhcpcallout.testing import SimulatedNetwork
from dhcpcallout.wire import Packet, encode

Load = Callable[[str], Callout]


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "relay_info.log"
    monkeypatch.setenv("RELAY_INFO_LOG", str(path))
    return path


def test_a_lease_is_written_down_with_what_its_relay_agent_said(journal: Path, load_example: Load) -> None:
    subnets = [
        Subnet(network="10.0.0.0/24", pools=["10.0.0.10-10.0.0.99"]),
        Subnet(network="10.0.7.0/24", pools=["10.0.7.10-10.0.7.99"]),
    ]
    network = SimulatedNetwork(subnets, callouts=[load_example("relay_info.c")])
    relay = network.relay("10.0.7.1", circuit_id=b"port 7", remote_id=b"\x01\x02")
    assert str(relay.client("02:00:00:00:00:07").lease()) == "10.0.7.10"
    assert network.client("02:00:00:00:00:08").lease() is not None  # no relay agent, no line
    assert str(network.relay("10.0.7.1").client("02:00:00:00:00:09").lease()) == "10.0.7.11"
    lines = [re.sub(r"^\d+ ", "", line) for line in journal.read_text().splitlines()]
    assert lines == [f"10.0.7.10 client 020000000007 circuit {b'port 7'.hex()} remote 0102"]
    assert sum(network.engine.hooks.faults) == 0


def test_without_a_file_to_write_to_it_is_not_loaded(
    journal: Path, load_example: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELAY_INFO_LOG", str(journal / "nowhere"))
    with pytest.raises(CalloutLoadError, match="returned 110"):
        load_example("relay_info.c")


@pytest.fixture
def checked(require_system: Callable[..., None], journal: Path, load_example: Load) -> HookTable:
    return HookTable([load_example("relay_info.c")])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    options=st.binary(max_size=80)
    | st.builds(lambda inner: bytes([82, len(inner)]) + inner, st.binary(max_size=40))
    | st.binary(max_size=20).map(lambda tail: b"\x52\xff" + tail),
)
def test_whatever_stands_in_the_packet_it_reads_no_further(options: bytes, checked: HookTable, journal: Path) -> None:
    message = encode(Packet(chaddr=b"\x02\0\0\0\0\x01")).data[:240] + options
    table, contexts = checked, checked.contexts()
    table.ask(hooks.NEW_PACKET, contexts, message, server_address_int=1, source_int=0, source_port=67, interface="")
    journal.write_text("")
    table.notify(
        hooks.ADDRESS_OFFER,
        contexts,
        data=message,
        server_address_int=1,
        address_int=0x0A000007,
        given=AddressGiven.NEW,
        address_type=AddressType.DHCP,
        lease_time_s=1,
    )
    table.notify(hooks.PACKET_DROP, contexts, data=message, server_address_int=1, reason=DropReason.PROCESSED)
    written = re.findall(r"circuit (\S+) remote (\S+)", journal.read_text())
    assert written == expected(options)
    assert table.faults == [0]


def expected(options: bytes) -> list[tuple[str, str]]:
    """What should be written of these options: of the first option 82, the first of either suboption."""
    outer = walk(options, in_message=True)
    if 82 not in outer:
        return []
    inner = walk(outer[82], in_message=False)
    return [(inner.get(1, b"").hex() or "-", inner.get(2, b"").hex() or "-")]


def walk(data: bytes, *, in_message: bool) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while data:
        if in_message and data[0] == 0:
            data = data[1:]
            continue
        if (in_message and data[0] == 255) or len(data) < 2 or len(data) < 2 + data[1]:
            break
        found.setdefault(data[0], data[2 : 2 + data[1]])
        data = data[2 + data[1] :]
    return found
